/* SPDX-License-Identifier: BSD-2-Clause */

/* Refusals: rejected requests, and the responses to them. */

#ifndef _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_


#include "ngx_http_gateway.h"


struct ngx_http_gateway_refusal_s {
    /* set by the method */
    ngx_uint_t                      method;     /* its index, or
                                                   NGX_HTTP_GATEWAY_RULES */
    ngx_uint_t                      status;
    gw_reason_e                     reason;     /* for variable and log */
    gw_reason_e                     shown;      /* for the client */
    ngx_str_t                       detail;     /* for the log, or "" */
    ngx_str_t                       challenge;  /* WWW-Authenticate, or "" */
    ngx_str_t                       scopes;     /* the missing ones, or "" */
    ngx_str_t                       type;       /* a URI; "": about:blank */
    const char                     *title;      /* of the type */
    ngx_str_t                       members;    /* more JSON, begins with "," */
    ngx_str_t                       body;       /* prepared, or "" */
    uint64_t                        retry_after;  /* s, of Retry-After; 0: none.
                                                   No grant drops a refusal
                                                   that has it */

    /* private */
    ngx_uint_t                      offered;    /* unsigned:1; a challenge of an
                                                   optional method, not a
                                                   refusal yet */
    ngx_uint_t                      asked;      /* unsigned:1; the request was
                                                   sent upstream before */
    void                          **location;   /* r->loc_conf that refused;
                                                   NULL: an internal redirect
                                                   has left it */
    ngx_http_gateway_refusal_t     *next;
};


/* rules about the client, which are no method */
#define NGX_HTTP_GATEWAY_RULES  ((ngx_uint_t) -1)


/*
 * ngx_http_gateway_refusal.c: refusals
 *
 * A handler stores a refusal, and a filter sends it, because the outcome is
 * known only then: under "satisfy any" another method may grant, and error_page
 * may send another response.
 */

/* a method checks again: drops its earlier refusal, which may be NULL */
void ngx_http_gateway_refusal_reset(ngx_http_gateway_request_t *gr,
    ngx_http_gateway_refusal_t *refusal);

/*
 * The current location grants the request: drops its refusals.  If the location
 * is an error page, the refusal that led to it is kept, unless the page has a
 * status of its own and a method has identified the client here.
 */
void ngx_http_gateway_refusals_granted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * Returns what a handler of ACCESS must return: NGX_OK if the credential is
 * valid, which is enough under "satisfy any"; a status if the request is
 * refused; NGX_DECLINED in dry_run, and for a missing credential in "optional",
 * where the challenge is kept in case something else refuses the request.
 *
 * "verdict" is filled, with GW_OK for success.  It is copied to the refusal in
 * the module's "slot", which is allocated when it is first needed.  In the
 * error page of that refusal it is not replaced by an optional challenge.
 *
 * "directive" and the "kind" and id of the credential are for the log; an
 * unprintable id is not logged.  None of them is NULL; without a credential
 * the id is empty.
 */
ngx_int_t ngx_http_gateway_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict, ngx_uint_t mode,
    const char *directive, const char *kind, ngx_str_t *id);

/*
 * The refusal of the request, even if its error page is sent with another
 * status.  Of several, one with status 401 takes precedence over one with 403,
 * as in nginx.  NULL: there is none.
 */
ngx_http_gateway_refusal_t *ngx_http_gateway_refused(
    ngx_http_gateway_request_t *gr);

/* stores "refusal", which is filled and not copied; returns its status */
ngx_int_t ngx_http_gateway_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);

/*
 * Whether the request, or a part of it, has been sent to an upstream server,
 * in this location or an earlier one.  Subrequests do not count.
 */
ngx_uint_t ngx_http_gateway_asked(ngx_http_request_t *r);

/*
 * An anonymous request is about to be refused for being anonymous: the
 * challenges of optional methods are sent.
 */
void ngx_http_gateway_refusals_meant(ngx_http_gateway_request_t *gr);


/*
 * ngx_http_gateway_error.c: challenges and problem documents, and the filters
 * that add them to responses
 */

/*
 * Makes the problem document of a refusal, in memory of the pool.  It needs no
 * request, and may be made in advance.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_problem(ngx_pool_t *pool,
    const ngx_http_gateway_refusal_t *refusal, ngx_str_t *body);

/* the title of a refusal's problem document, NUL-terminated */
const char *ngx_http_gateway_problem_title(
    const ngx_http_gateway_refusal_t *refusal);

/* a configured parameter of challenges */

typedef struct {
    ngx_str_t                       name;       /* a token */
    ngx_http_complex_value_t       *value;
} ngx_http_gateway_auth_param_t;

/* the most parameters of a challenge, the module's own included */
#define NGX_HTTP_GATEWAY_AUTH_PARAMS  20

/*
 * Makes a challenge, scheme realm="...", error="..." and so on (RFC 9110,
 * 11.6.1).  "params" has n names and values, "more" is an array of auth_param_t
 * or NULL.  Parameters with an empty value are omitted; values are quoted, and
 * control characters are removed.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_challenge(ngx_http_request_t *r,
    ngx_str_t *challenge, const char *scheme, ngx_keyval_t *params,
    ngx_uint_t n, const ngx_array_t *more);

ngx_int_t ngx_http_gateway_error_init(ngx_conf_t *cf);


/*
 * ngx_http_gateway_line.c: the lines of the error log about refused credentials
 */

/* whether the current location has "satisfy any" */
#define ngx_http_gateway_satisfy_any(r)                                       \
    (((ngx_http_core_loc_conf_t *)                                            \
      ngx_http_get_module_loc_conf(r, ngx_http_core_module))->satisfy         \
     == NGX_HTTP_SATISFY_ANY)

/* the name of a directive in the debug log, without "gateway_" */
#define ngx_http_gateway_short(directive)                                     \
    ((directive) + sizeof("gateway_") - 1)

/*
 * An id as it is logged: the id itself, or "(unprintable)" if it is longer than
 * 128 bytes or is not printable ASCII without quotes.
 */
const ngx_str_t *ngx_http_gateway_printable(const ngx_str_t *id);

/*
 * Logs a refused credential at level info, once, without secrets.  Under
 * "satisfy any" the line is delayed until the outcome is known.  For main
 * requests; the id is copied.
 */
void ngx_http_gateway_line(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_http_gateway_refusal_t *refusal,
    ngx_uint_t mode, const char *directive, const char *kind,
    const ngx_str_t *id);

/* write the delayed lines; drop them, since a method has granted */
void ngx_http_gateway_lines_write(ngx_http_gateway_lines_t *lines);
void ngx_http_gateway_lines_drop(ngx_http_gateway_lines_t *lines);


/*
 * ngx_http_gateway_grpc.c: refusals of gRPC calls
 */

/*
 * Whether the client's request is a gRPC or gRPC-Web call: a POST with one of
 * their media types.  "type" receives the media type without parameters, as the
 * client has sent it; all its bytes are allowed in a field value.
 */
ngx_uint_t ngx_http_gateway_grpc_call(ngx_http_request_t *r, ngx_str_t *type);

/*
 * For core's header filter: turns the response, which is nginx's own page, into
 * a response to a gRPC call.  It has no body, and the grpc module sends it with
 * status 200.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_grpc_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_refusal_t *refusal, const ngx_str_t *type);

/* another response is about to be sent instead of that one */
void ngx_http_gateway_grpc_reset(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


#endif /* _NGX_HTTP_GATEWAY_REFUSAL_H_INCLUDED_ */
