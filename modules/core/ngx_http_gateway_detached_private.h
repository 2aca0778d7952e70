/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the parts of detached requests share: ngx_http_gateway_detached.c, where
 * they run and end, and _make.c and _client.c, where they are made.
 */

#ifndef _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_detached.h"


struct ngx_http_gateway_detached_s {
    ngx_http_gateway_detach_t       conf;

    ngx_pool_t                     *pool;       /* of the connection */
    ngx_log_t                      *log;        /* in it */
    ngx_http_log_ctx_t             *log_ctx;
    ngx_http_request_t             *main;       /* whose pool this is in */
    ngx_connection_t               *connection; /* NULL: does not run yet */

    struct sockaddr                *sockaddr;   /* in the connection's pool */
    socklen_t                       socklen;
    ngx_str_t                       addr_text;
    struct sockaddr                *local_sockaddr;
    socklen_t                       local_socklen;

    ngx_event_t                     event;      /* timeout; posted: to run, or
                                                   to be ended */
    ngx_queue_t                     queue;      /* of the user's waiting */
    ngx_output_chain_ctx_t          output;     /* reads files */
    ngx_http_post_subrequest_t      post;
    ngx_int_t                       rc;         /* for "end", unless whole */

    unsigned                        clone:1;    /* from a client's request */
    unsigned                        waiting:1;
    unsigned                        stopped:1;
    unsigned                        whole:1;    /* the response has its end */
    unsigned                        ended:1;
};


/*
 * A request that is made and does not run, and has no place in its user's
 * bounds: the main request has a pool with the handle in it, the
 * configuration of the server, and its lists.  NULL: no memory.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detached_create(
    ngx_http_conf_ctx_t *ctx, ngx_log_t *log,
    const ngx_http_gateway_detach_t *conf);

/* copies of what is asked for, in the main request's pool; NGX_ERROR: none */

ngx_int_t ngx_http_gateway_detached_str(ngx_pool_t *pool, ngx_str_t *to,
    const ngx_str_t *from);
ngx_int_t ngx_http_gateway_detached_method(ngx_http_request_t *r,
    const ngx_str_t *name);

/* a line: only "key" and "value" are looked at */
ngx_int_t ngx_http_gateway_detached_line(ngx_http_request_t *r,
    const ngx_table_elt_t *line);

/* the lines of "conf" */
ngx_int_t ngx_http_gateway_detached_fields(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf);

/*
 * One that is complete, or where "rc" is NGX_ERROR is not: gives it its place,
 * or frees it.  NULL: it is freed.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detached_made(
    ngx_http_gateway_detached_t *detached, ngx_int_t rc);

/* frees both pools of one that has no connection */
void ngx_http_gateway_detached_destroy(ngx_http_gateway_detached_t *detached);

/*
 * Gives one that is complete its place: it runs soon, or when it is its turn.
 * NGX_DECLINED: too many wait; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_detached_start(
    ngx_http_gateway_detached_t *detached);


#endif /* _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_ */
