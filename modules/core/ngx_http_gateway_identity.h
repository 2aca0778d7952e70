/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_identity.c: who the client is
 *
 * A handler in ACCESS calls _begin(), judges its credential, and calls _set()
 * if that has succeeded; ngx_http_gateway_answer() then says what it returns.
 */

#ifndef _NGX_HTTP_GATEWAY_IDENTITY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_IDENTITY_H_INCLUDED_


#include "ngx_http_gateway.h"


/* gateway_*_mode */

typedef enum {
    NGX_HTTP_GATEWAY_REQUIRED = 0,
    NGX_HTTP_GATEWAY_OPTIONAL,
    NGX_HTTP_GATEWAY_DRY_RUN
} ngx_http_gateway_mode_e;


/* who a credential says that the client is; texts without control characters */

typedef struct {
    ngx_str_t                       consumer;
    ngx_str_t                       credential; /* its id, never itself */
    ngx_str_t                       method;     /* its name; "": anonymous */
    ngx_str_t                       scheme;     /* of challenges; "": none */
    const ngx_array_t              *params;     /* more of them, auth_param_t;
                                                   NULL: none */
    ngx_str_t                       scopes;     /* joined by single spaces */
    ngx_str_t                       groups;     /* joined by commas */
    ngx_str_t                       all_groups; /* of the sum: to deny by */
    ngx_str_t                       plan;
    ngx_str_t                       metadata;   /* pairs: gw_pairs.h */

    unsigned                        known:1;    /* a consumer of the file */
    unsigned                        has_scopes:1;  /* says any, if empty */
    unsigned                        dry_run:1;  /* proves nothing */
} ngx_http_gateway_identity_t;


/*
 * A method judges at the location at hand: what it said before is void, and
 * so is what others said at another location.  A weaker location never
 * vouches for a stronger one.  "method" is the index that was registered.
 */
void ngx_http_gateway_identity_begin(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method);

/*
 * A credential has succeeded.  GW_OK; GW_CONSUMER_CONFLICT where another one
 * has named another consumer of the file, and then this one says nothing;
 * GW_FAILED: no memory.
 *
 * The consumer of the file wins over a name that stands in no file.  A field
 * with one value, such as the id of the credential, is the winner's, else that
 * of the first method in the order of ACCESS that names the same consumer of
 * the file.  Scopes are those that all credentials with scopes have in common;
 * groups those of the winner, and of others that name the same consumer; what
 * denies a group is asked of "all_groups", since no credential frees another
 * one from it.  A method in dry_run counts where no other has succeeded.  The
 * name of the method is set here.
 */
gw_reason_e ngx_http_gateway_identity_set(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method,
    const ngx_http_gateway_identity_t *identity);

/*
 * Configuration, while locations are merged: a method is on at the location,
 * in one of ngx_http_gateway_mode_e.
 */
void ngx_http_gateway_identity_asked(ngx_conf_t *cf, ngx_uint_t mode);

/* the same: rules at the location refuse whoever is nobody */
void ngx_http_gateway_identity_required(ngx_conf_t *cf);

/*
 * For core's enter module, after ACCESS at a location with a method that is on:
 * where none of them was asked, the identity of an earlier location is void.
 */
void ngx_http_gateway_identity_enter(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* adds to a list of groups those that it lacks; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_identity_groups(ngx_http_request_t *r,
    ngx_str_t *groups, const ngx_str_t *more);

/* whether an identity is in force that comes from this method, too */
#define ngx_http_gateway_identified(gr, method)                               \
    ((gr)->present >> (method) & 1)


#endif /* _NGX_HTTP_GATEWAY_IDENTITY_H_INCLUDED_ */
