/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_identity.c: who the client is
 *
 * A handler in ACCESS calls _begin(), checks its credential, and calls _set()
 * if the credential is valid.  It then returns what ngx_http_gateway_answer()
 * returns.
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


/* what a credential says about the client; no text has control characters */

typedef struct {
    ngx_str_t                       consumer;
    ngx_str_t                       credential; /* its id, not its value */
    ngx_str_t                       method;     /* its name; "": anonymous */
    ngx_str_t                       scheme;     /* of challenges; "": none */
    const ngx_array_t              *params;     /* of challenges, auth_param_t;
                                                   NULL: none */
    ngx_str_t                       scopes;     /* joined by single spaces */
    ngx_str_t                       groups;     /* joined by commas */
    ngx_str_t                       all_groups; /* for rules that deny; set
                                                   in the sum only */
    ngx_str_t                       plan;
    ngx_str_t                       metadata;   /* pairs: gw_pairs.h */

    unsigned                        known:1;    /* a consumer of the file */
    unsigned                        has_scopes:1;  /* "scopes" is set, even if
                                                      it is empty */
    unsigned                        dry_run:1;  /* grants nothing */
} ngx_http_gateway_identity_t;


/*
 * A method begins to check credentials at the current location.  Its earlier
 * result is dropped, and so are results of other methods from other locations:
 * a location never trusts the checks of another one.  "method" is its
 * registered index.
 */
void ngx_http_gateway_identity_begin(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method);

/*
 * Adds a valid credential to the record's identity and sets the name of its
 * method.  GW_OK.  GW_CONSUMER_CONFLICT: another credential names another
 * consumer of the file; this one is not added.  GW_FAILED: no memory.
 *
 * A consumer of the file takes precedence over a name that is not in the file;
 * its credential is the winner.  A field with one value, such as the id of the
 * credential, is that of the winner, or else that of the first method in the
 * order of ACCESS that names the same consumer of the file.  "scopes" are those
 * that all credentials with scopes have in common.  "groups" are those of the
 * winner and of the credentials that name the same consumer.  "all_groups" are
 * those of all credentials, because a group that is denied must stay denied.
 * A method in dry_run counts only if no other method has succeeded.
 */
gw_reason_e ngx_http_gateway_identity_set(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method,
    const ngx_http_gateway_identity_t *identity);

/*
 * Configuration, while locations are merged: a method is on in the location,
 * with one of ngx_http_gateway_mode_e.
 */
void ngx_http_gateway_identity_asked(ngx_conf_t *cf, ngx_uint_t mode);

/* the same: the rules of the location reject anonymous requests */
void ngx_http_gateway_identity_required(ngx_conf_t *cf);

/*
 * For core's enter module, after ACCESS in a location with a method that is on:
 * drops the identity of an earlier location if no method has run in this one.
 */
void ngx_http_gateway_identity_enter(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* adds the missing groups of "more" to a list; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_identity_groups(ngx_http_request_t *r,
    ngx_str_t *groups, const ngx_str_t *more);

/* whether the method has contributed to the identity in force */
#define ngx_http_gateway_identified(gr, method)                               \
    ((gr)->present >> (method) & 1)


#endif /* _NGX_HTTP_GATEWAY_IDENTITY_H_INCLUDED_ */
