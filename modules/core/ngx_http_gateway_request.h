/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_request.c: the request's record
 *
 * One per main request, made when the first module has something to say and
 * found again from subrequests and after internal redirects, which zero
 * r->ctx.  Only phase handlers write it; variables, logs and other modules
 * read it.  All memory is the request's pool.
 */

#ifndef _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * The ids of the request, as the upstream receives them (W3C Trace Context);
 * texts in the request's memory.  One is empty where it is not asked for, or
 * could not be made.
 */

typedef struct {
    ngx_str_t                       request_id;
    ngx_str_t                       traceparent;
    ngx_str_t                       traceid;    /* 32 hex digits of it; for
                                                   sampling: gw_sample.h */
    ngx_str_t                       spanid;     /* 16, made for the request */
    ngx_str_t                       parentid;   /* 16; "": begins here */

    unsigned                        sampled:1;
} ngx_http_gateway_ids_t;


/* what became of the request in a cache; texts in static memory */

typedef struct {
    ngx_str_t                       status;     /* HIT, MISS, ... */
    ngx_str_t                       reason;     /* why not stored or used */
    uint32_t                        age;        /* s, of a stored response */

    unsigned                        aged:1;     /* "age" is known */
} ngx_http_gateway_cached_t;


typedef struct ngx_http_gateway_hidden_s  ngx_http_gateway_hidden_t;
typedef struct ngx_http_gateway_lines_s  ngx_http_gateway_lines_t;


struct ngx_http_gateway_request_s {
    /* what all succeeded credentials say together */
    ngx_http_gateway_identity_t     identity;

    void                          **location;   /* where they were judged */

    gw_reason_e                     reason;     /* of the last refusal */
    gw_reason_e                     would;      /* of dry_run, judged there */

    /* at most one of each module that refuses, void when another grants */
    ngx_http_gateway_refusal_t     *refusals;
    ngx_str_t                       problem;    /* the body to send; "": sent */
    ngx_http_gateway_lines_t       *lines;      /* of the error log, kept;
                                                   NULL: none ever */

    ngx_http_gateway_hidden_t      *hidden;
    ngx_uint_t                      hid;        /* bits: methods that have
                                                   hidden their credentials */
    void                          **hid_at;     /* r->loc_conf, there */

    ngx_http_gateway_ids_t         *ids;        /* NULL: none, or not yet */

    ngx_http_gateway_cached_t      *cached;     /* CACHED, in LOG; NULL: no
                                                   cache was asked */

    /* NULL: the request is a client's */
    struct ngx_http_gateway_detached_s  *detached;

    ngx_uint_t                      present;    /* bits: methods that have
                                                   succeeded, */
    ngx_uint_t                      proved;     /* and not in dry_run */

    /* for ngx_http_gateway_observe.h, which says what they mean */
    ngx_str_t                      *route;      /* NULL: not in REWRITE yet */
    uint64_t                        began;      /* ns, in REWRITE; 0: not yet */
    uint64_t                        before;     /* ns, from creation to that */
    uint64_t                        duration;   /* ns; 0: not asked yet */
    ngx_array_t                    *results;    /* result_t; NULL: none */

    unsigned                        redirected:1;  /* by an internal redirect,
                                                     which zeroes r->ctx */
    unsigned                        whole:1;    /* the response has its end */
    unsigned                        shown:1;    /* a method has found a
                                                   credential, good or bad */

    unsigned                        grpc:1;     /* the response is a refusal
                                                   of a gRPC call */

    unsigned                        transient:1;  /* the identity's texts go
                                                    where it is refused */

    /* what the credential of each method in "present" says; not zeroed */
    ngx_http_gateway_identity_t    *identities;

    void                           *slots[];    /* by index */
};


/* for the function below: the record of a main request without contexts */
ngx_http_gateway_request_t *ngx_http_gateway_request_find(
    ngx_http_request_t *r);

/*
 * The record of r's main request; NULL if there is none.  Inline, since every
 * handler asks for it, also where no directive applies.
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

/* the same, made if there is none; NULL: no memory */
ngx_http_gateway_request_t *ngx_http_gateway_request_get(
    ngx_http_request_t *r);

/*
 * What the module that has registered the slot keeps in the record: a pointer,
 * NULL at first, which only that module sets.  "gr" must not be NULL, as
 * ngx_http_gateway_request() may be, and "slot" must be registered: nothing is
 * checked here.
 */
#define ngx_http_gateway_slot(gr, slot)  ((gr)->slots[slot])

/* the value of a variable: "s", or not found where it is empty */
void ngx_http_gateway_variable_value(ngx_http_variable_value_t *v,
    ngx_str_t *s);


#endif /* _NGX_HTTP_GATEWAY_REQUEST_H_INCLUDED_ */
