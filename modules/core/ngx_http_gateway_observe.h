/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What core records of each request for logs and metrics: its route, its
 * duration, how it ended, and what policies decided.
 *
 * Nothing is recorded, and no handler runs, unless a module requests it while
 * the configuration is read.  A request that ends before REWRITE (400, 408,
 * 413, 414, a "return" of the server) may have no record: all functions of this
 * header accept NULL for "gr".
 *
 * The functions never suspend a request.
 */

#ifndef _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_


#include "ngx_http_gateway.h"


/* what can be recorded, as bits */

#define NGX_HTTP_GATEWAY_OBSERVE_ROUTE    0x01
#define NGX_HTTP_GATEWAY_OBSERVE_TIME     0x02
#define NGX_HTTP_GATEWAY_OBSERVE_END      0x04
#define NGX_HTTP_GATEWAY_OBSERVE_RESULTS  0x08
#define NGX_HTTP_GATEWAY_OBSERVE_CACHED   0x10


/*
 * Requests the recording of "what", in addition to bits that are already set.
 * For setters of directives: merge functions of other modules already read the
 * result.  With ROUTE, TIME or END, each request that reaches REWRITE has a
 * record.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_observe(ngx_conf_t *cf, ngx_uint_t what);

/* whether a bit is requested; for merge functions and postconfiguration */
ngx_uint_t ngx_http_gateway_observed(ngx_conf_t *cf, ngx_uint_t what);


/*
 * ROUTE: the route of r's main request, for any phase.  It is the name set by
 * gateway_route, or else the location as written ("= /a", "~* \.png$", "/p",
 * "@x"), and belongs to the location in which the request left REWRITE, before
 * any internal redirect.  Until then it is that of the current location.
 * Empty: no location was chosen.  Never NULL; in the configuration's memory.
 */
ngx_str_t *ngx_http_gateway_route(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * The same: the configurations of all modules in the location of the route, an
 * r->loc_conf.  NULL: no location was chosen.
 */
void **ngx_http_gateway_routed(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * For a setter: requests ROUTE, and a call of "handler" in REWRITE when a main
 * request gets its route, and again if "rewrite" changes it: an r->loc_conf.
 * "from" is NULL in the first call.  The request reaches LOG, where
 * ngx_http_gateway_request() returns its record, whose "routed" is the last
 * "to"; in a request without calls it is NULL.  One handler can be registered;
 * NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_routes(ngx_conf_t *cf,
    ngx_http_gateway_routed_pt handler);


/*
 * TIME, in LOG: the duration of a main request in ns, at least 1.  Up to
 * REWRITE it is measured with nginx's clock, which is in ms and is not updated
 * within an iteration of the event loop; from REWRITE on with CLOCK_MONOTONIC.
 * If the request did not reach REWRITE, only nginx's clock is used.  The first
 * call reads the clock, and later calls return the same value.
 */
uint64_t ngx_http_gateway_duration(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/* ns of CLOCK_MONOTONIC; reads the clock */
uint64_t ngx_http_gateway_clock(void);


/*
 * How a request ended.
 *
 * CLIENT_CLOSED: before the response was sent, the client closed the connection
 * (499), the connection failed, or the client reset an HTTP/2 or HTTP/3 stream.
 * TIMEOUT: the client was too slow to send (408) or to receive (send_timeout).
 * SHUTDOWN: worker_shutdown_timeout expired.  CLOSED: nginx closed the
 * connection without a response (444).  UPSTREAM: the last upstream server sent
 * no valid header (connection refused, timeout, no live server), or its
 * response ended early; the client may have received a complete error page.
 * ERROR: nginx failed.  COMPLETE: all other requests.
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
 * END, in LOG: whether the client received an incomplete response.  A complete
 * error page after UPSTREAM is a complete response.
 */
ngx_uint_t ngx_http_gateway_incomplete(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* indexed by ngx_http_gateway_end_e: complete, client_closed, timeout,
   shutdown, closed, upstream, error */
extern ngx_str_t  ngx_http_gateway_end_words[];


/* in LOG: the last attempt to use an upstream server; NULL: there was none */
ngx_http_upstream_state_t *ngx_http_gateway_last_try(ngx_http_request_t *r);


/*
 * RESULTS: what policies decided about the request.  If they are requested, the
 * module that decides adds its results in LOG, in the stage SETTLE.  They are
 * available from the stage COUNT on, in the order of the decisions:
 *
 *     ngx_array_t  *gr->results;    NULL, or of ngx_http_gateway_result_t
 */

typedef struct {
    ngx_str_t                       zone;       /* configuration's memory */
    ngx_str_t                       word;       /* PASSED, REJECTED, ..., as in
                                                   the policy's variable;
                                                   static memory */
    uint64_t                        remaining;  /* units, after settlement;
                                                   0 if negative */
    unsigned                        unknown:1;  /* "remaining" is unknown */
    unsigned                        dry_run:1;  /* had no effect */
} ngx_http_gateway_result_t;

/* a zeroed element in the request's memory; NULL: no memory */
ngx_http_gateway_result_t *ngx_http_gateway_result_add(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/*
 * CACHED: how a cache handled the request.  If it is requested, the module that
 * caches adds it in LOG, in the stage SETTLE:
 *
 *     ngx_http_gateway_cached_t  *gr->cached;    NULL: no cache was used
 */


/* for core's postconfiguration; the use of $gateway_route requests ROUTE */
ngx_int_t ngx_http_gateway_observe_init(ngx_conf_t *cf);

/*
 * For core's create_loc_conf: the location as written, with one space after the
 * modifier; "" for other blocks.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_route_written(ngx_conf_t *cf, ngx_str_t *written);


#endif /* _NGX_HTTP_GATEWAY_OBSERVE_H_INCLUDED_ */
