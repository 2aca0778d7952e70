/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Private declarations of detached requests: ngx_http_gateway_detached.c runs
 * and ends them, ngx_http_gateway_detached_make.c and _client.c create them,
 * _turn.c decides which ones run, and _output.c receives their responses.
 */

#ifndef _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_capture.h"
#include "ngx_http_gateway_count.h"
#include "ngx_http_gateway_detached.h"


struct ngx_http_gateway_detached_s {
    ngx_http_gateway_detach_t       conf;

    ngx_pool_t                     *pool;       /* of the connection */
    ngx_log_t                      *log;        /* in it: that of the connection
                                                   and of both pools */
    ngx_log_t                      *owner;      /* in it: "log", or the one that
                                                   "capture" writes to */
    ngx_http_log_ctx_t             *log_ctx;
    ngx_http_gateway_capture_t     *capture;    /* in it; NULL: nothing is
                                                   stored */
    ngx_http_request_t             *main;       /* whose pool this is in */
    ngx_connection_t               *connection; /* NULL: not running yet */
    ngx_msec_t                      began;      /* time, with a connection */

    struct sockaddr                *sockaddr;   /* in the connection's pool */
    socklen_t                       socklen;
    ngx_str_t                       addr_text;
    struct sockaddr                *local_sockaddr;
    socklen_t                       local_socklen;

    ngx_event_t                     event;      /* timer: timeout; posted: to
                                                   run or to end */
    ngx_queue_t                     queue;      /* in user->waiting */
    ngx_output_chain_ctx_t          output;     /* reads files */
    ngx_http_post_subrequest_t      post;
    ngx_int_t                       rc;         /* for "end" if incomplete */

    unsigned                        clone:1;    /* from a client's request */
    unsigned                        waiting:1;
    unsigned                        stopped:1;
    unsigned                        canceled:1;
    unsigned                        whole:1;    /* the response is complete */
    unsigned                        ended:1;
};


/*
 * Creates a request that does not run and does not yet count towards its user's
 * bounds.  The main request has a pool, which contains the handle, the
 * configuration of the server, and empty lists.  NULL: no memory.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detached_create(
    ngx_http_conf_ctx_t *ctx, ngx_log_t *log,
    const ngx_http_gateway_detach_t *conf);

/* copies of the parameters, in the main request's pool; NGX_ERROR: no memory */

ngx_int_t ngx_http_gateway_detached_str(ngx_pool_t *pool, ngx_str_t *to,
    const ngx_str_t *from);
ngx_int_t ngx_http_gateway_detached_method(ngx_http_request_t *r,
    const ngx_str_t *name);

/* a header line, of which only "key" and "value" are read */
ngx_int_t ngx_http_gateway_detached_line(ngx_http_request_t *r,
    const ngx_table_elt_t *line);

/* the header lines of "conf" */
ngx_int_t ngx_http_gateway_detached_fields(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf);

/*
 * Ends the creation of a request: starts it if "rc" is not NGX_ERROR, and frees
 * it otherwise or if it cannot be started.  NULL: it was freed.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detached_made(
    ngx_http_gateway_detached_t *detached, ngx_int_t rc);

/* frees both pools of a request without a connection */
void ngx_http_gateway_detached_destroy(ngx_http_gateway_detached_t *detached);

/*
 * Starts a complete request: it runs in the next iteration of the event loop,
 * or when it is its turn.  NGX_DECLINED: too many requests wait.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_http_gateway_detached_start(
    ngx_http_gateway_detached_t *detached);

/* ngx_http_gateway_detached_turn.c: whether another one can run or wait */
ngx_uint_t ngx_http_gateway_detached_admits(
    const ngx_http_gateway_detached_user_t *user);

/* a request has been created, or has ended; others may begin to run then */
void ngx_http_gateway_detached_enter(ngx_http_gateway_detached_t *detached);
void ngx_http_gateway_detached_exit(ngx_http_gateway_detached_t *detached);

/* returns the handle, or NULL if r is not a detached request */
ngx_http_gateway_detached_t *ngx_http_gateway_detached_find(
    ngx_http_request_t *r);

/* handler of the connection's read event: nginx closes the connection */
void ngx_http_gateway_detached_closing(ngx_event_t *rev);

/* the write handler of its connection */
void ngx_http_gateway_detached_writing(ngx_event_t *wev);


/* ngx_http_gateway_detached_count.c */

/* the label "result" of detached_requests_total */

typedef enum {
    NGX_HTTP_GATEWAY_DETACHED_COMPLETE = 0,
    NGX_HTTP_GATEWAY_DETACHED_FAILED,
    NGX_HTTP_GATEWAY_DETACHED_TIMEOUT,
    NGX_HTTP_GATEWAY_DETACHED_CANCELED,
    NGX_HTTP_GATEWAY_DETACHED_REJECTED,         /* too many wait */
    NGX_HTTP_GATEWAY_DETACHED_RESULTS
} ngx_http_gateway_detached_result_e;

/* counts a request that has ended, or that could not wait for its turn */
void ngx_http_gateway_detached_count(ngx_http_gateway_detached_t *d,
    ngx_http_gateway_detached_result_e result);


#endif /* _NGX_HTTP_GATEWAY_DETACHED_PRIVATE_H_INCLUDED_ */
