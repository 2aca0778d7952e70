/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What core keeps of each request for those that describe it when it is over:
 * its route, its duration, how it ended, and what policies decided.
 *
 * Nothing is kept, and no handler runs, unless a module asks for it while the
 * configuration is read.  A request that ends before REWRITE (400, 408, 413,
 * 414, a "return" of the server) can have no record: all functions of this
 * header accept NULL for it.
 *
 * Nothing here suspends a request or fails.
 */

#ifndef _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what can be asked for: bits */

#define NGX_HTTP_GATEWAY_OBSERVE_ROUTE    0x01
#define NGX_HTTP_GATEWAY_OBSERVE_TIME     0x02
#define NGX_HTTP_GATEWAY_OBSERVE_END      0x04
#define NGX_HTTP_GATEWAY_OBSERVE_RESULTS  0x08
#define NGX_HTTP_GATEWAY_OBSERVE_CACHED   0x10


/*
 * Configuration, in a directive's setter (merge functions of other modules
 * already use the result): asks for bits, in addition to those that are set.
 * With ROUTE, TIME or END each request that comes to REWRITE has a record.
 * NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_observe(ngx_conf_t *cf, ngx_uint_t what);

/* whether a bit was asked for; for merge functions and postconfiguration */
ngx_uint_t ngx_http_gateway_observed(ngx_conf_t *cf, ngx_uint_t what);


/*
 * ROUTE: the route of r's main request: the name by gateway_route, else the
 * location as it is written ("= /a", "~* \.png$", "/p", "@x"), of the location
 * that was in force when the request left REWRITE and before any internal
 * redirect.  Empty: no location was chosen.  In the configuration's memory;
 * never NULL.  In any phase; before any internal redirect it is that of the
 * location that was chosen so far.
 */
ngx_str_t *ngx_http_gateway_route(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/*
 * TIME, in LOG: how long a main request took, in ns, at least 1.  From the
 * creation of the request to REWRITE by nginx's clock (ms; it stands still
 * within a turn of the event loop), from there by CLOCK_MONOTONIC; of a request
 * that did not come to REWRITE by nginx's clock alone.  The clock is read by
 * the first call: the same value for everyone who asks.
 */
uint64_t ngx_http_gateway_duration(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/*
 * How a request ended.
 *
 * CLIENT_CLOSED: nginx's status 499, a connection that failed, or an HTTP/2 or
 * HTTP/3 stream that the client reset, before the response was sent.
 * TIMEOUT: the client was too slow, in sending (408) or in receiving
 * (send_timeout).  SHUTDOWN: worker_shutdown_timeout was over.  CLOSED: nginx
 * closed the connection without a response (444).  UPSTREAM: the last upstream
 * server that was asked sent no valid header (refused, timeout, none alive), or
 * its response ended early; the client may have received a complete error page.
 * ERROR: nginx failed.  COMPLETE: all else.
 */

typedef enum {
    NGX_HTTP_GATEWAY_END_COMPLETE = 0,
    NGX_HTTP_GATEWAY_END_CLIENT_CLOSED,
    NGX_HTTP_GATEWAY_END_TIMEOUT,
    NGX_HTTP_GATEWAY_END_SHUTDOWN,
    NGX_HTTP_GATEWAY_END_CLOSED,
    NGX_HTTP_GATEWAY_END_UPSTREAM,
    NGX_HTTP_GATEWAY_END_ERROR
} ngx_http_gateway_end_e;

/* END, in LOG, of a main request */
ngx_http_gateway_end_e ngx_http_gateway_end(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * END, in LOG: whether the client received less than a whole response.  A
 * complete error page of UPSTREAM is whole.
 */
ngx_uint_t ngx_http_gateway_incomplete(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* by ngx_http_gateway_end_e: complete client_closed timeout shutdown closed
   upstream error */
extern ngx_str_t  ngx_http_gateway_end_words[];


/* in LOG: the last try of an upstream server; NULL: none was asked */
ngx_http_upstream_state_t *ngx_http_gateway_last_try(ngx_http_request_t *r);


/*
 * RESULTS: what a policy decided about the request.  The module that decides
 * adds its results in LOG, in the stage SETTLE, if they were asked for; gr has
 * them from the stage COUNT on:
 *
 *     ngx_array_t  *gr->results;    NULL, or of ngx_http_gateway_result_t
 *
 * in the order in which they were decided.
 */

typedef struct {
    ngx_str_t                       zone;       /* configuration's memory */
    ngx_str_t                       word;       /* PASSED, REJECTED, ...: as
                                                   the policy's variable says;
                                                   static memory */
    uint64_t                        remaining;  /* units, after it was settled;
                                                   negative: 0 */
    unsigned                        unknown:1;  /* "remaining" is not known */
    unsigned                        dry_run:1;  /* decided for show only */
} ngx_http_gateway_result_t;

/* a zeroed element in the request's memory; NULL: no memory */
ngx_http_gateway_result_t *ngx_http_gateway_result_add(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/*
 * CACHED: what became of the request in a cache.  The module that caches adds
 * it in LOG, in the stage SETTLE, if it was asked for:
 *
 *     ngx_http_gateway_cached_t  *gr->cached;    NULL: no cache was asked
 */


/* for core's postconfiguration; a used $gateway_route asks for ROUTE */
ngx_int_t ngx_http_gateway_observe_init(ngx_conf_t *cf);

/*
 * For core's create_loc_conf: the location as it is written, one space behind
 * the modifier; "" for other blocks.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_route_written(ngx_conf_t *cf, ngx_str_t *written);


#endif /* _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_ */
