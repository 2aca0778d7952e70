/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Endpoints: locations in which a gateway module answers itself, with JSON, for
 * administrators and machines.
 *
 * The content handler of an endpoint first checks the client's address against
 * "from=".  For a POST with a JSON body it can then change something.  It sends
 * a document, or a problem document (RFC 9457) that describes the error.
 */

#ifndef _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_


#include "ngx_http_gateway.h"

#include <jansson.h>


/*
 * ngx_http_gateway_from.c: allowed client addresses
 */

/* the addresses of a directive; zeroed: no address */

typedef struct {
    ngx_array_t                     ranges;     /* of GW_CIDR_RANGE bytes */
    ngx_uint_t                      local;      /* unsigned:1; unix: */
    ngx_uint_t                      any;        /* unsigned:1 */
} ngx_http_gateway_from_t;


/* the row of "from=" in a table of parameters; the structure is "type" */
#define ngx_http_gateway_from_param(type, field)                              \
    { ngx_string("from="), ngx_http_gateway_param_from,                       \
      NGX_HTTP_GATEWAY_PARAM_MANY | offsetof(type, field), 0 }

/*
 * The setter of an ngx_http_gateway_from_t: adds an address, a range, "unix:"
 * or "any".
 */
char *ngx_http_gateway_param_from(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* whether any address is given; a directive should require one */
#define ngx_http_gateway_from_given(from)                                     \
    ((from)->ranges.nelts || (from)->local || (from)->any)

/* whether an address is allowed */
ngx_uint_t ngx_http_gateway_from_allows(const ngx_http_gateway_from_t *from,
    struct sockaddr *sockaddr);

/*
 * Checks the client's address, as set by the realip module.  "allow" and
 * "satisfy any" in the location cannot replace this check.  Returns NGX_OK.
 * Otherwise logs a line at level info that begins with "directive" and returns
 * NGX_HTTP_FORBIDDEN, which the content handler returns: the client receives
 * nginx's own page.  If "from" is NULL, no address is allowed.
 */
ngx_int_t ngx_http_gateway_from(ngx_http_request_t *r,
    const ngx_http_gateway_from_t *from, const char *directive);

/*
 * Whether the request may come from a page of another site in the browser of an
 * administrator, whose address "from=" allows: it has an Origin field, and its
 * body is not declared as JSON.  A browser sends JSON, and methods other than
 * GET, HEAD and POST, to another site only after a preflight request, which
 * endpoints never accept (Fetch, "CORS-preflight fetch").  For requests that
 * change something.
 */
ngx_uint_t ngx_http_gateway_cross_site(ngx_http_request_t *r);


/*
 * ngx_http_gateway_body.c: request bodies
 */

/*
 * Handles the body, a JSON object.  Returns the code to finalize the request
 * with: the result of a function of ngx_http_gateway_send.c, a status, or
 * NGX_DONE if the request waits (ngx_http_gateway_wait.h).  "json" and its
 * strings belong to the request's pool and live as long as it does.
 */
typedef ngx_int_t (*ngx_http_gateway_body_pt)(ngx_http_request_t *r,
    json_t *json);

/*
 * Reads the body and passes it to "handler", now or later.  For a content
 * handler, which must return the result at once.  May suspend the request; if
 * the client leaves, "handler" is not called.  These bodies are answered here,
 * without calling "handler": more than "size" bytes (413; "size" must not
 * exceed client_body_buffer_size), a page of another site (403,
 * ngx_http_gateway_cross_site()), and anything but a JSON object with unique
 * names (400).
 */
ngx_int_t ngx_http_gateway_read_json(ngx_http_request_t *r, size_t size,
    ngx_http_gateway_body_pt handler);


/*
 * ngx_http_gateway_send.c: responses
 *
 * Both functions return the code to finalize the request with: the result of
 * nginx's filters, such as NGX_AGAIN if the client cannot receive all of the
 * response yet, or 500 if there is no memory.  They never suspend the request.
 * Add response fields, such as Allow, before the call.
 */

/*
 * Sends a document on one line, with status 200.  Always takes over the
 * reference to "json".
 */
ngx_int_t ngx_http_gateway_send_json(ngx_http_request_t *r, json_t *json);

/*
 * Sends a problem document (RFC 9457) of the type about:blank.  "detail" is a
 * sentence in UTF-8: what is wrong and what is allowed.  "members", if not
 * NULL, is an object with further members, whose reference is taken over.
 */
ngx_int_t ngx_http_gateway_send_problem(ngx_http_request_t *r,
    ngx_uint_t status, const char *detail, json_t *members);


/*
 * ngx_http_gateway_admin.c: administrative endpoints, "gateway_*_admin
 * zone=name ... from=address ...;", which show and change the state of zones
 */

typedef struct ngx_http_gateway_admin_s  ngx_http_gateway_admin_t;

struct ngx_http_gateway_admin_s {
    ngx_array_t                     names;      /* ngx_str_t */
    ngx_array_t                     zones;      /* void *: what "find" returns,
                                                   in the order of names */
    ngx_http_gateway_from_t         from;
    ngx_http_gateway_place_t        place;
};


/* a directive, in static memory */

typedef struct {
    const char                     *directive;
    const char                     *declares;   /* the directive of its zones */
    size_t                          body;       /* bytes of JSON, at most */

    /* a zone by its name; NULL: there is none */
    void                         *(*find)(ngx_conf_t *cf,
                                          ngx_str_t *name);

    /* the content handler, which calls ngx_http_gateway_admin_handler() */
    ngx_http_handler_pt             handler;

    /* answers GET and HEAD, and returns what the handler must return */
    ngx_http_handler_pt             get;
    ngx_http_gateway_body_pt        post;
} ngx_http_gateway_admin_kind_t;


/*
 * The setter: "*admin" is NULL at first.  Returns NGX_CONF_OK, a text for
 * nginx, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_admin_set(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind,
    ngx_http_gateway_admin_t **admin);

/*
 * The merge: "prev" is that of the outer block.  Finds the zones.  A nameless
 * block inside a location belongs to it, as with proxy_pass.
 */
char *ngx_http_gateway_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind, ngx_http_gateway_admin_t *prev,
    ngx_http_gateway_admin_t **admin);

/*
 * For the content handler, which returns what this returns: checks "from=",
 * and calls "get", or "post" as soon as the body is read.  Other methods get
 * 405.  If "admin" is NULL, every client gets 403.
 */
ngx_int_t ngx_http_gateway_admin_handler(ngx_http_request_t *r,
    const ngx_http_gateway_admin_kind_t *kind,
    const ngx_http_gateway_admin_t *admin);


#endif /* _NGX_HTTP_GATEWAY_ENDPOINT_H_INCLUDED_ */
