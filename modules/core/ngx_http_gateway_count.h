/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What core counts: verdicts, detached requests, watched files, and the time
 * that the gateway's handlers take.  Nothing is counted, and no clock is read,
 * if there is no zone for metrics.
 */

#ifndef _NGX_HTTP_GATEWAY_COUNT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_COUNT_H_INCLUDED_


#include "ngx_http_gateway_metric.h"


/* the label "part" of overhead_seconds */

typedef enum {
    NGX_HTTP_GATEWAY_PART_AUTH = 0,
    NGX_HTTP_GATEWAY_PART_QUOTA,
    NGX_HTTP_GATEWAY_PART_CACHE,
    NGX_HTTP_GATEWAY_PART_ALL,          /* the sum of the others */
    NGX_HTTP_GATEWAY_PARTS
} ngx_http_gateway_part_e;


struct ngx_http_gateway_counts_s {
    ngx_http_gateway_vector_t      *verdicts;
    ngx_http_gateway_vector_t      *detached;   /* NULL: there are none */
    ngx_http_gateway_series_t      *overhead[NGX_HTTP_GATEWAY_PARTS];
};


/*
 * For core's postconfiguration, before registration is closed: sets
 * gmcf->counts if there is a zone.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);


/*
 * ngx_http_gateway_verdict.c: auth_verdicts_total
 */

ngx_int_t ngx_http_gateway_verdicts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);

/* counts the verdict of a method in one of ngx_http_gateway_mode_e */
void ngx_http_gateway_verdict(ngx_http_request_t *r,
    const ngx_http_gateway_refusal_t *verdict, ngx_uint_t mode);


/*
 * ngx_http_gateway_detached_count.c: detached_requests_total
 */

ngx_int_t ngx_http_gateway_detached_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);


/*
 * ngx_http_gateway_watch_count.c: file_...
 */

ngx_int_t ngx_http_gateway_watch_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);


/*
 * ngx_http_gateway_overhead.c: overhead_seconds
 *
 * The time of a part is that of its phase handlers, from the first call of each
 * to the call that does not park the request.  It includes waiting for Redis,
 * for keys and for endpoints, but no pauses.  One request of a client in
 * NGX_HTTP_GATEWAY_OVERHEAD_SAMPLE is measured, and counted when it ends.
 */

#define NGX_HTTP_GATEWAY_OVERHEAD_SAMPLE  8

ngx_int_t ngx_http_gateway_overhead_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);

/* for the function below */
ngx_int_t ngx_http_gateway_overhead_run(ngx_http_request_t *r,
    ngx_http_gateway_part_e part, ngx_http_handler_pt handler);

/*
 * Calls a phase handler and returns what it returns.  To be called where the
 * part is on: a part that is off has no time.  A handler that returns NGX_DONE
 * may have ended the request, and is not measured.
 */
static ngx_inline ngx_int_t
ngx_http_gateway_timed(ngx_http_request_t *r, ngx_http_gateway_part_e part,
    ngx_http_handler_pt handler)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    return gmcf->counts ? ngx_http_gateway_overhead_run(r, part, handler)
                        : handler(r);
}

/*
 * For a handler that is about to return NGX_AGAIN: the request waits for a
 * reason that is no overhead, such as a configured delay, until the handler is
 * called again.
 */
void ngx_http_gateway_timed_pause(ngx_http_gateway_request_t *gr);


#endif /* _NGX_HTTP_GATEWAY_COUNT_H_INCLUDED_ */
