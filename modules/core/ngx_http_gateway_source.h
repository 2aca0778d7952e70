/* SPDX-License-Identifier: BSD-2-Clause */

/* Credentials in a request: where they are, and how they are hidden. */

#ifndef _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * ngx_http_gateway_source.c: where a credential stands in a request
 */

typedef enum {
    NGX_HTTP_GATEWAY_BEARER = 0,    /* Authorization: Bearer */
    NGX_HTTP_GATEWAY_HEADER,
    NGX_HTTP_GATEWAY_COOKIE,
    NGX_HTTP_GATEWAY_ARGUMENT,
    NGX_HTTP_GATEWAY_VARIABLE
} ngx_http_gateway_source_e;


typedef struct {
    ngx_http_gateway_source_e       kind;
    ngx_str_t                       name;   /* normalized; "": not needed */
    ngx_int_t                       index;  /* of a variable */
} ngx_http_gateway_source_t;


#define NGX_HTTP_GATEWAY_SOURCES  8     /* of a method at one location */


/* what the sources of a method hold, each one and all together */

typedef struct {
    gw_reason_e                       reason;   /* of all together */
    ngx_str_t                         value;    /* of GW_OK, else "" */
    const ngx_http_gateway_source_t  *source;   /* likewise, else NULL */

    gw_reason_e                       said[NGX_HTTP_GATEWAY_SOURCES];
    ngx_str_t                         values[NGX_HTTP_GATEWAY_SOURCES];
} ngx_http_gateway_shown_t;


/*
 * Configuration: the setter of a parameter that names a source by the variable
 * that shows it, for ngx_http_gateway_params(); "field" is an ngx_array_t *,
 * NULL at first, that receives an ngx_http_gateway_source_t for each time that
 * the parameter is written (NGX_HTTP_GATEWAY_PARAM_MANY).  $http_authorization
 * is NGX_HTTP_GATEWAY_BEARER, other variables of $http_name, $cookie_name and
 * $arg_name are recognized, and any other variable is read as it is.
 */
char *ngx_http_gateway_param_source(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Configuration: credentials are read from the source, which is copied, with
 * the normalized name, to the list of those that no log shows, once.  The
 * setter of sources by variable does it itself.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_source_add(ngx_conf_t *cf,
    const ngx_http_gateway_source_t *source);

/*
 * Looks for the credential: GW_OK with "value" (in the request's memory),
 * GW_MISSING, GW_DUPLICATE_CREDENTIAL if the source holds two values, equal
 * or not, in any spelling, GW_MALFORMED_HEADER for a "Bearer" without a token
 * and for a spelling that only upstreams read (gw_source.h), GW_FAILED.  One
 * that was hidden is still found, by later locations of the request and
 * by other methods.
 */
gw_reason_e ngx_http_gateway_source_find(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_str_t *value);

/*
 * Removes the credential, and every other value of its source, in any
 * spelling, from what an upstream receives and from what is logged: the line,
 * the cookie's pair, or the argument in $args, $request_uri and $request.  A
 * variable of another kind cannot be removed.  "reason" and "value" are what
 * _find() has said; "source" lives as long as the configuration.  NGX_ERROR:
 * no memory.
 */
ngx_int_t ngx_http_gateway_source_hide(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, gw_reason_e reason,
    const ngx_str_t *value);

/*
 * Looks at each of the sources, an array of ngx_http_gateway_source_t, as
 * _source_find() does.  One of them may hold a credential: credentials in two
 * sources are GW_DUPLICATE_CREDENTIAL, equal or not, well-formed or not, since
 * an upstream could look at the other one.  GW_FAILED in one is GW_FAILED.
 * A method in ACCESS sets "shown" of the record unless it is GW_MISSING.
 */
void ngx_http_gateway_sources_find(ngx_http_request_t *r,
    const ngx_array_t *sources, ngx_http_gateway_shown_t *shown);

/*
 * Removes what _sources_find() has found, whatever came of it, from the sources
 * whose kind is in "kinds", a mask of 1 << NGX_HTTP_GATEWAY_HEADER and so on;
 * as _source_hide().
 */
ngx_int_t ngx_http_gateway_sources_hide(ngx_http_request_t *r,
    const ngx_array_t *sources, const ngx_http_gateway_shown_t *shown,
    ngx_uint_t kinds);

#define NGX_HTTP_GATEWAY_ALL_KINDS  ((ngx_uint_t) -1)


/*
 * ngx_http_gateway_hide.c: hiding on all paths
 */

/*
 * For a method in ACCESS, before it judges: takes credentials of the methods
 * that are asked after it out of the request.  It may refuse, and be logged
 * with them, or grant, so that under "satisfy any" nobody looks for them.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide(ngx_http_request_t *r, ngx_uint_t method);

/*
 * For core's header filter, and for whoever logs a line before the methods are
 * asked, since it shows the request's: hides the credentials of all methods
 * that have not been hidden at the location at hand.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sent(ngx_http_request_t *r);

/*
 * Configuration, while locations are merged: the method hides its credentials
 * at the location at hand.  The function that it has registered is called for
 * no other one; without effect if it has registered none.
 */
void ngx_http_gateway_hide_at(ngx_conf_t *cf, ngx_uint_t method);

/*
 * The same, for the sources that the method hides there, which live as long as
 * the configuration.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources_at(ngx_conf_t *cf,
    const ngx_array_t *sources);

/*
 * Configuration, after the methods have been merged: whether the variable of
 * this name, in lower case, shows a credential that is hidden at the location
 * at hand, and so is empty after ACCESS.
 */
ngx_uint_t ngx_http_gateway_hidden_variable(ngx_conf_t *cf,
    const ngx_str_t *name);

/* whether all credentials of a method are hidden, for the location at hand */
#define ngx_http_gateway_hides(r, gr, method)                                 \
    ((gr)->hid_at == (r)->loc_conf && ((gr)->hid >> (method) & 1))

/* they are, from now on, until an internal redirect */
void ngx_http_gateway_hid(ngx_http_request_t *r, ngx_uint_t method);

/*
 * For the function that a method has registered: hides what
 * ngx_http_gateway_source_find() finds in each source.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources(ngx_http_request_t *r,
    const ngx_array_t *sources);


#endif /* _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_ */
