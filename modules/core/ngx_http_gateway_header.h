/* SPDX-License-Identifier: BSD-2-Clause */

/* Header fields of requests and responses. */

#ifndef _NGX_HTTP_GATEWAY_HEADER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_HEADER_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * ngx_http_gateway_header.c: headers of the client's request and the response
 */

typedef struct {
    ngx_list_part_t                *part;
    ngx_uint_t                      i;
} ngx_http_gateway_header_iter_t;


/* the form in which names are compared: lower case, "-" instead of "_" */
void ngx_http_gateway_header_normalize(u_char *dst, const ngx_str_t *name);

/*
 * Whether a header has the normalized name.  A byte that is not a letter or a
 * digit is equal to "-".
 */
ngx_uint_t ngx_http_gateway_header_is(ngx_table_elt_t *h, ngx_str_t *name);

static ngx_inline void
ngx_http_gateway_header_first(ngx_http_request_t *r,
    ngx_http_gateway_header_iter_t *it)
{
    it->part = &r->headers_in.headers.part;
    it->i = 0;
}

/* NULL: there are no more */
static ngx_inline ngx_table_elt_t *
ngx_http_gateway_header_next(ngx_http_gateway_header_iter_t *it)
{
    while (it->i >= it->part->nelts) {

        if (it->part->next == NULL) {
            return NULL;
        }

        it->part = it->part->next;
        it->i = 0;
    }

    return (ngx_table_elt_t *) it->part->elts + it->i++;
}

/*
 * Removes every header with one of "n" normalized names from the request, so
 * that neither variables nor upstream servers see it.  For main requests.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_remove(ngx_http_request_t *r,
    ngx_str_t *names, ngx_uint_t n);

/*
 * Adds a request header.  The caller has removed others of the same name, and
 * calls ngx_http_gateway_header_changed() once.  "name" (as it is sent),
 * "normalized" and "value" are not copied.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *normalized, ngx_str_t *value);

/* the same, with the ngx_hash_key() of "normalized", for the hot path */
ngx_int_t ngx_http_gateway_header_add_hashed(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *normalized, ngx_uint_t hash, ngx_str_t *value);

/*
 * Clears the values of variables such as $http_x_user, which nginx caches once
 * they have been read: otherwise they would still show a removed header.  Must
 * be called after headers are added or the URI is changed;
 * ngx_http_gateway_header_remove() calls it.
 */
void ngx_http_gateway_header_changed(ngx_http_request_t *r);

/* for core's init_module: finds these variables */
void ngx_http_gateway_header_variables(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);

/*
 * Adds a header to the response; "name" and "value" are not copied.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_respond(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *value);

/* whether there are bytes that a field value must not have (RFC 9110, 5.5) */
ngx_uint_t ngx_http_gateway_header_unsafe(ngx_str_t *value);

/*
 * Checks the name of a header that is set once, before PREACCESS, in every
 * location of a server; the caller removes the client's headers of the name.
 * "normalized" receives the form to compare with.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_header_check(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized);

/*
 * Checks the name as above.  From here on the client's headers of this name
 * are removed in every location of the current server.
 */
char *ngx_http_gateway_header_reserve(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized);

/*
 * Configuration: a location of the current server reads a credential from the
 * header.  Returns NGX_CONF_OK or NGX_CONF_ERROR.
 */
char *ngx_http_gateway_credential_header(ngx_conf_t *cf,
    const ngx_str_t *normalized);

/*
 * While servers are merged: "directive", at "place", sets the header in every
 * location.  NGX_CONF_ERROR after an [emerg] if a location of the server has an
 * identity header of this name, which PREACCESS would remove, or reads a
 * credential from it, which would be replaced or revealed.
 */
char *ngx_http_gateway_header_claim(ngx_conf_t *cf,
    const ngx_str_t *normalized, const char *directive,
    const ngx_http_gateway_place_t *place);


/*
 * ngx_http_gateway_identity_header.c: the identity headers that directives set
 */

/* a request header that a gateway module sets for the upstream server */

typedef struct {
    ngx_str_t                       name;       /* as it is sent */
    ngx_str_t                       normalized;
} ngx_http_gateway_identity_header_t;

/*
 * In a directive's setter: appends an identity header to an array, whose
 * elements begin with the structure above.  From here on the client's headers
 * of this name are removed in every location of the current server.  Returns
 * the element, whose other members are not set; NULL after an [emerg].
 */
void *ngx_http_gateway_identity_header(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *name);

/*
 * While locations are merged: "directive" sets the identity headers of the
 * array, or NULL, in the current location.  NGX_CONF_ERROR after an [emerg] if
 * another directive also sets one of them: an upstream server that receives two
 * may use either.
 */
char *ngx_http_gateway_identity_headers(ngx_conf_t *cf,
    const ngx_array_t *headers, const char *directive);


#endif /* _NGX_HTTP_GATEWAY_HEADER_H_INCLUDED_ */
