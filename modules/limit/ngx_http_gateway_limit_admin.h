/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_admin, for the files ngx_http_gateway_limit_admin*.c only.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_


#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_limit_script.h"
#include "ngx_http_gateway_endpoint.h"


/* figures that a query may have, for keys whose figures are variables */

typedef struct {
    ngx_str_t                       name;       /* of argument or member */
    gw_figure_kind_e                kind;
    size_t                          offset;     /* in the zone */
    const char                     *form;       /* the error otherwise */
} ngx_http_gateway_limit_admin_figure_t;

#define NGX_HTTP_GATEWAY_LIMIT_FIGURES  3

extern const ngx_http_gateway_limit_admin_figure_t
    ngx_http_gateway_limit_admin_figures[NGX_HTTP_GATEWAY_LIMIT_FIGURES];


/* a query, in the request's memory */

typedef struct {
    ngx_http_gateway_wait_t        *wait;
    ngx_str_t                       zone;
    ngx_str_t                       key;        /* as written */
    ngx_str_t                       figures[NGX_HTTP_GATEWAY_LIMIT_FIGURES];
                                                /* "": missing */
    ngx_uint_t                      assumed;    /* unsigned:1; a figure of the
                                                   requests is unknown */
    ngx_int_t                       consumer;   /* NGX_OK: the consumer has
                                                   "plan"; NGX_DECLINED: there
                                                   is no such consumer;
                                                   NGX_ERROR: not known, or
                                                   the key is no consumer */
    ngx_str_t                       plan;
    ngx_http_gateway_limit_script_e mode;       /* _LOOK, _FORGET, _SET */
    uint64_t                        units;
    ngx_http_gateway_limit_item_t   item;
    ngx_http_gateway_redis_call_t  *handle;
} ngx_http_gateway_limit_query_t;


/*
 * Executes a query.  The caller must finalize the request with the result.
 * NGX_DONE: Redis was asked, and its reply finalizes the request once more.
 * NGX_AGAIN: part of the response is still to be sent, by nginx.
 */
ngx_int_t ngx_http_gateway_limit_admin_run(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);


#endif /* _NGX_HTTP_GATEWAY_LIMIT_ADMIN_H_INCLUDED_ */
