/* SPDX-License-Identifier: BSD-2-Clause */

/* Credentials in a request: where they are, and how they are hidden. */

#ifndef _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * ngx_http_gateway_source*.c: the sources of credentials
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


#define NGX_HTTP_GATEWAY_SOURCES  8     /* of a method in a location, at most */


/* the contents of the sources of a method, together and of each */

typedef struct {
    gw_reason_e                       reason;   /* of all together */
    ngx_str_t                         value;    /* with GW_OK, else "" */
    const ngx_http_gateway_source_t  *source;   /* with GW_OK, else NULL */

    gw_reason_e                       said[NGX_HTTP_GATEWAY_SOURCES];
    ngx_str_t                         values[NGX_HTTP_GATEWAY_SOURCES];
} ngx_http_gateway_shown_t;


/*
 * The setter of a parameter whose value is the variable that shows a source,
 * for ngx_http_gateway_params().  "field" is an ngx_array_t *, initially NULL,
 * which receives an ngx_http_gateway_source_t for each time that the parameter
 * is written (NGX_HTTP_GATEWAY_PARAM_MANY).  $http_authorization stands for
 * NGX_HTTP_GATEWAY_BEARER; $http_name, $cookie_name and $arg_name stand for a
 * header, a cookie and an argument; the value of any other variable is read.
 */
char *ngx_http_gateway_param_source(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Configuration: adds a copy of the source to the list of sources that are
 * never logged, unless it is there.  The name must be normalized.  The setter
 * above calls it.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_source_add(ngx_conf_t *cf,
    const ngx_http_gateway_source_t *source);

/*
 * Finds the credential.  GW_OK: "value" is set, in the request's memory.
 * GW_MISSING.  GW_DUPLICATE_CREDENTIAL: the source has two values, equal or
 * not, in any spelling.  GW_MALFORMED_HEADER: "Bearer" without a token, or a
 * spelling that only upstream servers accept (gw_source.h).  GW_FAILED.  A
 * hidden credential is still found, in later locations and by other methods.
 */
gw_reason_e ngx_http_gateway_source_find(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_str_t *value);

/*
 * Removes all values of the source, in any spelling, from what upstream servers
 * receive and from what is logged: the header, the pair of the cookie, or the
 * argument in $args, $request_uri and $request.  The value of another variable
 * cannot be removed.  "reason" and "value" are the results of _find(); "source"
 * must live as long as the configuration.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_source_hide(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, gw_reason_e reason,
    const ngx_str_t *value);

/*
 * Calls _source_find() for each of the sources, an array of
 * ngx_http_gateway_source_t.  Credentials in two sources, equal or not,
 * well-formed or not, are GW_DUPLICATE_CREDENTIAL, because an upstream server
 * may use the other one.  GW_FAILED in one source is GW_FAILED.  A method in
 * ACCESS sets "shown" in the record unless the reason is GW_MISSING.
 */
void ngx_http_gateway_sources_find(ngx_http_request_t *r,
    const ngx_array_t *sources, ngx_http_gateway_shown_t *shown);

/*
 * Calls _source_hide() with the results of _sources_find(), whatever they are,
 * for the sources whose kind is in "kinds", a mask of 1 <<
 * NGX_HTTP_GATEWAY_HEADER and so on.
 */
ngx_int_t ngx_http_gateway_sources_hide(ngx_http_request_t *r,
    const ngx_array_t *sources, const ngx_http_gateway_shown_t *shown,
    ngx_uint_t kinds);

#define NGX_HTTP_GATEWAY_ALL_KINDS  ((ngx_uint_t) -1)


/*
 * ngx_http_gateway_hide.c: when credentials are hidden
 */

/*
 * For a method in ACCESS, before it checks its credential: hides the
 * credentials of the methods that run after it.  These methods do not run if
 * this one refuses, or grants under "satisfy any".  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide(ngx_http_request_t *r, ngx_uint_t method);

/*
 * Hides the credentials of all methods that are not yet hidden in the current
 * location.  For core's header filter, and for modules that write to the error
 * log before the methods run, because nginx appends the request line.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sent(ngx_http_request_t *r);

/*
 * Configuration, while locations are merged: the method hides its credentials
 * in the current location.  Its registered function, if there is one, is called
 * in such locations only.
 */
void ngx_http_gateway_hide_at(ngx_conf_t *cf, ngx_uint_t method);

/*
 * The same: the sources that the method hides there.  They must live as long as
 * the configuration.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources_at(ngx_conf_t *cf,
    const ngx_array_t *sources);

/*
 * Configuration, after the methods have been merged: whether the variable of
 * this name shows a credential that is hidden in the current location.  It is
 * empty after ACCESS.
 */
ngx_uint_t ngx_http_gateway_hidden_variable(ngx_conf_t *cf,
    const ngx_str_t *name);

/*
 * The same: whether the variable of this name, in lower case, contains such a
 * credential among others: $http_cookie, $args or $query_string.
 */
ngx_uint_t ngx_http_gateway_hidden_in(ngx_conf_t *cf, const ngx_str_t *name);

/* whether all credentials of a method are hidden in the current location */
#define ngx_http_gateway_hides(r, gr, method)                                 \
    ((gr)->hid_at == (r)->loc_conf && ((gr)->hid >> (method) & 1))

/* marks them as hidden, until an internal redirect */
void ngx_http_gateway_hid(ngx_http_request_t *r, ngx_uint_t method);

/*
 * For the registered function of a method: hides the credentials in each of the
 * sources.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources(ngx_http_request_t *r,
    const ngx_array_t *sources);


#endif /* _NGX_HTTP_GATEWAY_SOURCE_H_INCLUDED_ */
