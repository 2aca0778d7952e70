/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Request ids and trace context: what the files of this module share.
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


#define NGX_HTTP_GATEWAY_TRACE_LINES  3     /* names that are set, at most */


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

    /* made of these: the lines of the request that are replaced */

    ngx_str_t                       names[NGX_HTTP_GATEWAY_TRACE_LINES];
    ngx_uint_t                      hashes[NGX_HTTP_GATEWAY_TRACE_LINES];
    ngx_uint_t                      nnames;
    uint64_t                        lengths;    /* bits: of the names */
} ngx_http_gateway_trace_srv_conf_t;


#define ngx_http_gateway_trace_enabled(tscf)  ((tscf)->nnames)


extern ngx_str_t  ngx_http_gateway_trace_parent;    /* normalized names */
extern ngx_str_t  ngx_http_gateway_trace_state;


/*
 * ngx_http_gateway_trace_request.c
 *
 * All functions are for main requests of servers where something is enabled.
 */

/*
 * Makes the ids, in the request's record, and replaces the client's lines by
 * ours.  For a request that has none yet.  NGX_ERROR: no memory, or no random
 * bytes, which is logged; the client's lines are removed then, too.
 */
ngx_int_t ngx_http_gateway_trace_set(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/*
 * Makes the ids of a request that has none, since it has ended before POST_READ
 * and has no upstream.  Returns the same.
 */
ngx_int_t ngx_http_gateway_trace_ended(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/*
 * Adds the id, if there is one, to the response, in place of one of the
 * upstream's.  The record has ids.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_trace_respond(ngx_http_request_t *r,
    ngx_http_gateway_trace_srv_conf_t *tscf);

/* for init_process */
void ngx_http_gateway_trace_init_random(void);


#endif /* _NGX_HTTP_GATEWAY_TRACE_H_INCLUDED_ */
