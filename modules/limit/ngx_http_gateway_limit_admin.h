/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_admin, for the files ngx_http_gateway_limit_admin*.c alone.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_


#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_limit_script.h"
#include "ngx_http_gateway_endpoint.h"


/* what may be said of a key whose figures come from variables */

typedef struct {
    ngx_str_t                       name;       /* argument, or member */
    gw_figure_kind_e                kind;
    size_t                          offset;     /* in the zone */
    const char                     *form;       /* what is wrong else */
} ngx_http_gateway_limit_admin_figure_t;

#define NGX_HTTP_GATEWAY_LIMIT_FIGURES  3

extern const ngx_http_gateway_limit_admin_figure_t
    ngx_http_gateway_limit_admin_figures[NGX_HTTP_GATEWAY_LIMIT_FIGURES];


/* what is asked, and by whom; the request's memory */

typedef struct {
    ngx_http_gateway_wait_t        *wait;
    ngx_str_t                       zone;
    ngx_str_t                       key;        /* as it is written */
    ngx_str_t                       figures[NGX_HTTP_GATEWAY_LIMIT_FIGURES];
                                                /* "": not there */
    ngx_uint_t                      assumed;    /* unsigned:1; some of them */
    ngx_int_t                       consumer;   /* NGX_OK: it is known, and
                                                   "plan" is; NGX_DECLINED: it
                                                   is none; NGX_ERROR: unknown,
                                                   or the key is another */
    ngx_str_t                       plan;
    ngx_http_gateway_limit_script_e mode;       /* _LOOK, _FORGET, _SET */
    uint64_t                        units;
    ngx_http_gateway_limit_item_t   item;
    ngx_http_gateway_redis_call_t  *handle;
} ngx_http_gateway_limit_query_t;


/*
 * Carries out what is asked, and returns what the caller must finalize the
 * request with.  NGX_DONE: Redis is asked, and the reply finalizes the request
 * once more.  NGX_AGAIN is nginx's: the client cannot take all of the response
 * yet.
 */
ngx_int_t ngx_http_gateway_limit_admin_run(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);


#endif /* _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_ */
