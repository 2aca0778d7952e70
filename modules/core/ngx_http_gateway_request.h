/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_request.c: the request's record
 *
 * There is one for each main request.  It is created when a module first needs
 * it, and is found from subrequests and after internal redirects, which zero
 * r->ctx.  Only phase handlers write to it; variables, logs and other modules
 * read it.  All memory is allocated from the request's pool.
 */

#ifndef _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * The ids of the request, as the upstream server receives them (W3C Trace
 * Context), in the request's pool.  An id is empty if it is not configured or
 * could not be generated.
 */

typedef struct {
    ngx_str_t                       request_id;
    ngx_str_t                       traceparent;
    ngx_str_t                       traceid;    /* its 32 hex digits; for
                                                   sampling: gw_sample.h */
    ngx_str_t                       spanid;     /* 16, generated */
    ngx_str_t                       parentid;   /* 16; "": no parent */

    unsigned                        sampled:1;
} ngx_http_gateway_ids_t;


/* the result of the cache for the request; texts in static memory */

typedef struct {
    ngx_str_t                       status;     /* HIT, MISS, ... */
    ngx_str_t                       reason;     /* why not stored or used */
    uint32_t                        age;        /* s, of a stored response */

    unsigned                        aged:1;     /* "age" is known */
} ngx_http_gateway_cached_t;


typedef struct ngx_http_gateway_hidden_s  ngx_http_gateway_hidden_t;
typedef struct ngx_http_gateway_lines_s  ngx_http_gateway_lines_t;
typedef struct ngx_http_gateway_overhead_s  ngx_http_gateway_overhead_t;


struct ngx_http_gateway_request_s {
    /* the sum of all accepted credentials */
    ngx_http_gateway_identity_t     identity;

    void                          **location;   /* r->loc_conf where they were
                                                   checked */

    gw_reason_e                     reason;     /* of the last refusal */
    gw_reason_e                     would;      /* of dry_run, same location */

    /* at most one of each module; dropped when another method grants */
    ngx_http_gateway_refusal_t     *refusals;
    ngx_str_t                       problem;    /* the body to send; empty:
                                                   sent */
    ngx_http_gateway_lines_t       *lines;      /* of the error log, delayed;
                                                   NULL: there were none */

    ngx_http_gateway_hidden_t      *hidden;
    ngx_uint_t                      hid;        /* bits: methods that have
                                                   hidden their credentials */
    void                          **hid_at;     /* r->loc_conf where they
                                                   have */

    ngx_http_gateway_ids_t         *ids;        /* NULL: none, or not yet */

    ngx_http_gateway_cached_t      *cached;     /* set in LOG; NULL: the request
                                                   did not use a cache */

    /* NULL: the request is a client's */
    struct ngx_http_gateway_detached_s  *detached;

    ngx_uint_t                      present;    /* bits: methods that have
                                                   succeeded */
    ngx_uint_t                      proved;     /* those not in dry_run */

    /* documented in ngx_http_gateway_observe.h */
    void                          **routed;     /* r->loc_conf of the route;
                                                   NULL: not in REWRITE yet */
    uint64_t                        began;      /* ns, in REWRITE; 0: not yet */
    uint64_t                        before;     /* ns, from creation to
                                                   "began" */
    uint64_t                        duration;   /* ns; 0: not measured yet */
    ngx_array_t                    *results;    /* result_t; NULL: none */

    ngx_http_gateway_overhead_t    *overhead;   /* NULL: is not measured, or
                                                   not yet */

    unsigned                        redirected:1;  /* by an internal redirect,
                                                     which zeroes r->ctx */
    unsigned                        whole:1;    /* the response is complete */
    unsigned                        counting:1; /* before the methods are
                                                   called: see _variable.h */
    unsigned                        shown:1;    /* a method has found a
                                                   credential, valid or not */

    unsigned                        drawn:1;    /* whether the overhead is
                                                   measured was decided */

    unsigned                        grpc:1;     /* the response is a refusal
                                                   of a gRPC call */

    unsigned                        transient:1;  /* the texts of the identity
                                                    are freed by a refusal */

    /* of each method in "present"; others are not initialized */
    ngx_http_gateway_identity_t    *identities;

    void                           *slots[];    /* by index */
};


/*
 * For the functions below: finds the record if the context was zeroed; creates
 * it, NULL: no memory.
 */
ngx_http_gateway_request_t *ngx_http_gateway_request_find(
    ngx_http_request_t *r);
ngx_http_gateway_request_t *ngx_http_gateway_request_create(
    ngx_http_request_t *r);

/*
 * The record of r's main request; NULL if there is none.  Inline, because every
 * handler calls it, even where no directive applies.
 */
static ngx_inline ngx_http_gateway_request_t *
ngx_http_gateway_request(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    r = r->main;

    gr = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    /* only an internal redirect or a filter zeroes contexts */

    return (gr != NULL || !(r->internal || r->filter_finalize))
           ? gr : ngx_http_gateway_request_find(r);
}

/* the same, created if there is none; NULL: no memory */
static ngx_inline ngx_http_gateway_request_t *
ngx_http_gateway_request_get(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    return gr ? gr : ngx_http_gateway_request_create(r);
}

/*
 * The slot of a module in the record: a pointer, initially NULL, which only
 * that module sets.  "gr" must not be NULL, unlike the result of
 * ngx_http_gateway_request(), and "slot" must be registered; neither is
 * checked.
 */
#define ngx_http_gateway_slot(gr, slot)  ((gr)->slots[slot])

/* sets the value of a variable to "s", or to "not found" if "s" is empty */
void ngx_http_gateway_variable_value(ngx_http_variable_value_t *v,
    ngx_str_t *s);


#endif /* _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_ */
