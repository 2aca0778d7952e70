/* SPDX-License-Identifier: BSD-2-Clause */

/* Refusals: what the gateway answers instead of the location. */

#ifndef _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_


#include "ngx_http_gateway.h"


struct ngx_http_gateway_refusal_s {
    /* set by the method */
    ngx_uint_t                      status;
    gw_reason_e                     reason;     /* for variable and log */
    gw_reason_e                     shown;      /* for the client */
    ngx_str_t                       detail;     /* for the log, or "" */
    ngx_str_t                       challenge;  /* WWW-Authenticate, or "" */
    ngx_str_t                       scopes;     /* that are missing, or "" */
    ngx_str_t                       type;       /* a URI; "": about:blank */
    const char                     *title;      /* of the type */
    ngx_str_t                       members;    /* more JSON, from "," on */
    ngx_str_t                       body;       /* all of it, if made before */
    uint64_t                        retry_after;  /* s, of Retry-After; 0: none.
                                                   No method makes such a
                                                   refusal void */

    /* private */
    ngx_uint_t                      offered;    /* unsigned:1; to nobody */
    ngx_uint_t                      asked;      /* unsigned:1; an upstream
                                                   server, before it */
    void                          **location;   /* r->loc_conf that refused;
                                                   NULL: it was left for an
                                                   error page */
    ngx_http_gateway_refusal_t     *next;
};


/*
 * ngx_http_gateway_refusal.c: refusals
 *
 * A refusal is written down in ACCESS and sent by a filter, because only
 * then is it known who wins: under "satisfy any" another method may grant,
 * and error_page may answer in our place.
 */

/* a method judges anew: its earlier refusal, or NULL, is void */
void ngx_http_gateway_refusal_reset(ngx_http_gateway_request_t *gr,
    ngx_http_gateway_refusal_t *refusal);

/*
 * The location at hand has let the request pass, by whichever method: what was
 * refused here is void.  What was refused before, and has this error page for
 * an answer, stays, unless the page has a status of its own and a method has
 * named the client here.
 */
void ngx_http_gateway_refusals_granted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * What a handler of ACCESS returns: NGX_OK for a proof, which under "satisfy
 * any" opens the location; a status; NGX_DECLINED where nothing was proved,
 * as in dry_run, or for nobody in "optional", whose challenge is kept for
 * whoever refuses him later.  "verdict" was filled, with GW_OK for success;
 * it is copied to the refusal in the module's "slot", which is allocated when
 * it is first needed, unless that refusal is still wanted: the answer to it,
 * its error page, may be judged as well.
 *
 * "directive" and the "kind" and id of the credential are for the log; an id
 * that could spoil it is not shown.  None of them is NULL; without a credential
 * the id is empty.
 */
ngx_int_t ngx_http_gateway_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict, ngx_uint_t mode,
    const char *directive, const char *kind, ngx_str_t *id);

/*
 * The refusal of the request, also where its error page answers with another
 * status; of several nginx answers with 401.  NULL: there is none.
 */
ngx_http_gateway_refusal_t *ngx_http_gateway_refused(
    ngx_http_gateway_request_t *gr);

/* "refusal" was filled and is kept, not copied; returns its status */
ngx_int_t ngx_http_gateway_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);

/*
 * Whether the request, or a part of it, was sent to an upstream server so far,
 * in this location or an earlier one.  Upstream servers of subrequests do not
 * count.
 */
ngx_uint_t ngx_http_gateway_asked(ngx_http_request_t *r);

/*
 * Nobody has identified himself, and is about to be refused for that: the
 * challenges of optional methods are now meant.
 */
void ngx_http_gateway_refusals_meant(ngx_http_gateway_request_t *gr);


/*
 * ngx_http_gateway_error.c: challenges and problem documents, and the filters
 * that add them to responses
 */

/*
 * The problem document of a refusal, in memory of the pool: for what can be
 * said before there is a request.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_problem(ngx_pool_t *pool,
    const ngx_http_gateway_refusal_t *refusal, ngx_str_t *body);

/* the title of a refusal's problem document, NUL-terminated */
const char *ngx_http_gateway_problem_title(
    const ngx_http_gateway_refusal_t *refusal);

/* a parameter of challenges that the configuration adds */

typedef struct {
    ngx_str_t                       name;       /* a token */
    ngx_http_complex_value_t       *value;
} ngx_http_gateway_auth_param_t;

/* of a challenge at most, the module's own and those */
#define NGX_HTTP_GATEWAY_AUTH_PARAMS  20

/*
 * Makes scheme realm="..." [, error="..."] and so on (RFC 9110, 11.6.1):
 * "params" holds n names and values, "more" auth_param_t, or it is NULL; empty
 * values are left out, values are quoted, control characters in them dropped.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_challenge(ngx_http_request_t *r,
    ngx_str_t *challenge, const char *scheme, ngx_keyval_t *params,
    ngx_uint_t n, const ngx_array_t *more);

ngx_int_t ngx_http_gateway_error_init(ngx_conf_t *cf);


/*
 * ngx_http_gateway_line.c: the lines of the error log about refused credentials
 */

/* whether one method that grants is enough at the location at hand */
#define ngx_http_gateway_satisfy_any(r)                                       \
    (((ngx_http_core_loc_conf_t *)                                            \
      ngx_http_get_module_loc_conf(r, ngx_http_core_module))->satisfy         \
     == NGX_HTTP_SATISFY_ANY)

/* a directive in lines of the debug log: its name without "gateway_" */
#define ngx_http_gateway_short(directive)                                     \
    ((directive) + sizeof("gateway_") - 1)

/*
 * An id as the log may show it: the id itself, or "(unprintable)" where it is
 * longer than 128 bytes or not printable ASCII without quotes.
 */
const ngx_str_t *ngx_http_gateway_printable(const ngx_str_t *id);

/*
 * The client's fault, at info: once, and nothing that the log may not show.
 * Written at once, but for "satisfy any", where it is kept.  For the main
 * request; the id is copied.
 */
void ngx_http_gateway_line(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_http_gateway_refusal_t *refusal,
    ngx_uint_t mode, const char *directive, const char *kind,
    const ngx_str_t *id);

/* writes the lines that were kept; they are void: a method has granted */
void ngx_http_gateway_lines_write(ngx_http_gateway_lines_t *lines);
void ngx_http_gateway_lines_drop(ngx_http_gateway_lines_t *lines);


/*
 * ngx_http_gateway_grpc.c: refusals of gRPC calls
 */

/*
 * Whether the client's request is a call of gRPC or gRPC-Web: a POST with one
 * of their media types, which "type" receives without parameters.  It is the
 * client's bytes and has none that a field value may not hold.
 */
ngx_uint_t ngx_http_gateway_grpc_call(ngx_http_request_t *r, ngx_str_t *type);

/*
 * For core's header filter: makes the response at hand, of nginx's own page,
 * the answer to a call.  It has no body, and the grpc module sends it with 200.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_grpc_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_refusal_t *refusal, const ngx_str_t *type);

/* another response is about to be sent in the place of that one */
void ngx_http_gateway_grpc_reset(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


#endif /* _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_ */
