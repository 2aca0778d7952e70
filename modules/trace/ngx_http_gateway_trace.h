/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Request ids and trace context: declarations shared by the module's files.
 */

#ifndef _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_


#include "ngx_http_gateway_endpoint.h"
#include "gw_id.h"
#include "gw_random.h"
#include "gw_sample.h"
#include "gw_trace.h"


/* gateway_trace */

typedef enum {
    NGX_HTTP_GATEWAY_TRACE_OFF = 0,
    NGX_HTTP_GATEWAY_TRACE_PROPAGATE,
    NGX_HTTP_GATEWAY_TRACE_RESTART
} ngx_http_gateway_trace_e;


#define NGX_HTTP_GATEWAY_TRACE_LINES  3     /* header lines, at most */


typedef struct {
    ngx_http_gateway_from_t         from;       /* gateway_trust */
    ngx_http_gateway_place_t        from_place;

    ngx_uint_t                      id;         /* gateway_request_id */
    ngx_str_t                       id_name;
    ngx_str_t                       id_normalized;
    ngx_uint_t                      id_response;  /* unsigned:1 */
    ngx_http_gateway_place_t        id_place;

    ngx_uint_t                      trace;      /* trace_e */
    uint64_t                        sample;     /* threshold: gw_sample.h */
    ngx_http_gateway_place_t        trace_place;

    /* derived: the header lines of the request that are replaced */

    ngx_str_t                       names[NGX_HTTP_GATEWAY_TRACE_LINES];
    ngx_uint_t                      hashes[NGX_HTTP_GATEWAY_TRACE_LINES];
    ngx_uint_t                      nnames;
    uint64_t                        lengths;    /* bit n: a name of n bytes;
                                                   63: of 63 or more */
} ngx_http_gateway_trace_srv_conf_t;


#define ngx_http_gateway_trace_enabled(tscf)  ((tscf)->nnames)


extern ngx_str_t  ngx_http_gateway_trace_parent;    /* normalized names */
extern ngx_str_t  ngx_http_gateway_trace_state;


/* ngx_http_gateway_trace_name.c */

/*
 * Rejects words that are written where the name of the field is missing.
 * NGX_CONF_ERROR: the word was logged.
 */
char *ngx_http_gateway_trace_first(ngx_conf_t *cf, ngx_str_t *name);

/*
 * Checks the name of the request id in "tscf", whose parameters are parsed.
 * NGX_CONF_ERROR: it cannot be used, which was logged.
 */
char *ngx_http_gateway_trace_usable(ngx_conf_t *cf,
    const ngx_http_gateway_trace_srv_conf_t *tscf);


/*
 * ngx_http_gateway_trace_request.c
 *
 * Call these functions only for main requests of servers where request ids or
 * traces are enabled.
 */

/*
 * Makes the ids of a request that has none, stores them in its record, and
 * replaces the client's header lines.  NGX_ERROR: no memory, or no random
 * bytes, which is logged; if no ids were made, the client's lines are removed.
 */
ngx_int_t ngx_http_gateway_trace_set(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/*
 * Makes the ids of a request that has none because it has ended before
 * POST_READ.  The header lines stay: there is no upstream server.  Returns as
 * above.
 */
ngx_int_t ngx_http_gateway_trace_ended(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/*
 * Adds the request id to the response, in place of the field that the upstream
 * server has sent.  The request's record must have ids; an empty id is not
 * added.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_trace_respond(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/* for init_process: discards random bytes of the parent process */
void ngx_http_gateway_trace_init_random(void);


#endif /* _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_ */
