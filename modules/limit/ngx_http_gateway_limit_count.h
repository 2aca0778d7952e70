/* SPDX-License-Identifier: BSD-2-Clause */

/* Decisions and their words, in variables, records and counters. */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_COUNT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_COUNT_H_INCLUDED_


#include "ngx_http_gateway_limit.h"


/* $gateway_limit_status */

typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_IS_PASSED = 0,
    NGX_HTTP_GATEWAY_LIMIT_IS_DELAYED,
    NGX_HTTP_GATEWAY_LIMIT_IS_REJECTED,
    NGX_HTTP_GATEWAY_LIMIT_WOULD_DELAY,
    NGX_HTTP_GATEWAY_LIMIT_WOULD_REJECT,
    NGX_HTTP_GATEWAY_LIMIT_IS_ERROR,    /* no decision, and on_error=closed */
    NGX_HTTP_GATEWAY_LIMIT_IS_BYPASSED, /* exempt, of no item */
    NGX_HTTP_GATEWAY_LIMIT_STATUSES
} ngx_http_gateway_limit_status_e;

extern ngx_str_t  ngx_http_gateway_limit_statuses[];

/* $gateway_limit_source, by ngx_http_gateway_limit_source_e */
extern ngx_str_t  ngx_http_gateway_limit_sources[];

/*
 * What was decided on an item.  "delayed": the request, or another item, was
 * delayed.
 */
ngx_http_gateway_limit_status_e ngx_http_gateway_limit_item_status(
    const ngx_http_gateway_limit_item_t *item, ngx_uint_t delayed);


/* ngx_http_gateway_limit_count.c */

/* configuration: registers families; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_count_init(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf);

/* counts the decisions on a batch, after refunds */
void ngx_http_gateway_limit_count(
    const ngx_http_gateway_limit_batch_t *batch);


#endif /* _NGX_HTTP_GATEWAY_LIMIT_COUNT_H_INCLUDED_ */
