/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Endpoints: locations in which a module of the gateway answers by itself, for
 * administrators and machines, with JSON.
 *
 * The content handler of an endpoint asks "from=" first.  It may then change
 * something for a POST with a body of JSON, and sends a document, or a problem
 * (RFC 9457) that says what is wrong with the request.
 */

#ifndef _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_


#include "ngx_http_gateway.h"

#include <jansson.h>


/*
 * ngx_http_gateway_from.c: who may ask
 */

/* the addresses of a directive; all zero: none */

typedef struct {
    ngx_array_t                     ranges;     /* of GW_CIDR_RANGE bytes */
    ngx_uint_t                      local;      /* unsigned:1; unix: */
    ngx_uint_t                      any;        /* unsigned:1 */
} ngx_http_gateway_from_t;


/* a row of the parameters of a directive, whose structure is "type" */
#define ngx_http_gateway_from_param(type, field)                              \
    { ngx_string("from="), ngx_http_gateway_param_from,                       \
      NGX_HTTP_GATEWAY_PARAM_MANY | offsetof(type, field), 0 }

/*
 * The setter of ngx_http_gateway_from_t, which is in the memory of the
 * configuration: adds an address, a range, "unix:" or "any".
 */
char *ngx_http_gateway_param_from(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* whether there is an address at all: a directive should demand one */
#define ngx_http_gateway_from_given(from)                                     \
    ((from)->ranges.nelts || (from)->local || (from)->any)

/* whether an address is one of them */
ngx_uint_t ngx_http_gateway_from_allows(const ngx_http_gateway_from_t *from,
    struct sockaddr *sockaddr);

/*
 * Whether the client may ask, by its address, which is the one that the realip
 * module has found.  What else the location allows (allow, satisfy any) adds
 * to this check and replaces nothing of it.  NGX_OK; or NGX_HTTP_FORBIDDEN
 * after a line at level info that begins with "directive", which the content
 * handler returns: the client receives nginx's own page.  NULL allows nobody.
 */
ngx_int_t ngx_http_gateway_from(ngx_http_request_t *r,
    const ngx_http_gateway_from_t *from, const char *directive);

/*
 * Whether a page of another site may have sent the request from the browser of
 * an administrator, whose address "from=" allows: it has an Origin, and a body
 * that is not declared as JSON.  A browser sends JSON, and methods other than
 * GET, HEAD and POST, to another site only if that site agrees before, which
 * endpoints never do (Fetch, "CORS-preflight fetch").  For requests that
 * change something.
 */
ngx_uint_t ngx_http_gateway_cross_site(ngx_http_request_t *r);


/*
 * ngx_http_gateway_body.c: what it is asked
 */

/*
 * Takes the body, an object, and returns what the request must be finalized
 * with: what a function of ngx_http_gateway_send.c has returned, a status, or
 * NGX_DONE where the request waits (ngx_http_gateway_wait.h).  "json" and its
 * strings are as long-lived as the request's pool, and belong to it.
 */
typedef ngx_int_t (*ngx_http_gateway_body_pt)(ngx_http_request_t *r,
    json_t *json);

/*
 * For a content handler, which returns what this returns: reads the body, and
 * calls "handler" with it, now or later; what the content handler still has to
 * say must be said before.  Suspends the request; one whose client leaves ends
 * without a call.  "handler" is not called either for a body of more than
 * "size" bytes (413; not above client_body_buffer_size), of another site's page
 * (403, ngx_http_gateway_cross_site()), or that is no object of JSON, or one
 * with a name twice (400): these are answered here.
 */
ngx_int_t ngx_http_gateway_read_json(ngx_http_request_t *r, size_t size,
    ngx_http_gateway_body_pt handler);


/*
 * ngx_http_gateway_send.c: what it answers
 *
 * Both functions return what the request must be finalized with: NGX_AGAIN is
 * nginx's, the client cannot take all of the response yet; 500: no memory.
 * They never suspend.  Fields of the response, such as Allow, are added before.
 */

/*
 * A document, with status 200, on one line.  "json" is given away, whatever is
 * returned.
 */
ngx_int_t ngx_http_gateway_send_json(ngx_http_request_t *r, json_t *json);

/*
 * A problem (RFC 9457) of the type about:blank: "detail", a sentence in UTF-8,
 * says what is wrong and what is allowed.  "members" is an object whose members
 * follow, and is given away, or NULL.
 */
ngx_int_t ngx_http_gateway_send_problem(ngx_http_request_t *r,
    ngx_uint_t status, const char *detail, json_t *members);


#endif /* _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_ */
