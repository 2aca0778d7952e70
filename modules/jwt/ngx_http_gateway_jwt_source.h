/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sources of keys: files, requests to an issuer, and endpoints that judge
 * tokens themselves.
 *
 * A source exists once for all blocks that name it with the same parameters.
 * Each process has its own key set of it.  A verification never yields to the
 * event loop, so that a set can be replaced at any other time without a lock.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_SOURCE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_SOURCE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_watch.h"
#include "gw_jwk.h"


typedef enum {
    NGX_HTTP_GATEWAY_JWT_FILE = 0,
    NGX_HTTP_GATEWAY_JWT_REQUEST,
    NGX_HTTP_GATEWAY_JWT_INTROSPECT
} ngx_http_gateway_jwt_kind_e;


typedef enum {
    NGX_HTTP_GATEWAY_JWT_JWKS = 0,
    NGX_HTTP_GATEWAY_JWT_PEM
} ngx_http_gateway_jwt_format_e;


typedef struct ngx_http_gateway_jwt_remote_s  ngx_http_gateway_jwt_remote_t;
typedef struct ngx_http_gateway_jwt_endpoint_s
                                           ngx_http_gateway_jwt_endpoint_t;


typedef struct {
    ngx_http_gateway_jwt_kind_e         kind;

    /*
     * The identity, with which issuers are bound to sources.  Sources that
     * differ only in how their content is read have the same name.
     */
    ngx_str_t                           name;

    const char                         *directive;  /* for messages, with */
    ngx_str_t                           shown;      /* the path or URI, and */
    ngx_str_t                           where;      /* " in server ...", if
                                                       other servers have the
                                                       URI, too; or "" */
    ngx_uint_t                          flags;      /* GW_JWK_COMPAT */

    /* written only by ngx_http_gateway_jwt_source_set() */
    gw_jwk_set_t                       *set;        /* owned; NULL: none */
    uint64_t                            number;     /* of "set"; 0: none */
    ngx_uint_t                         *generation; /* of the main conf */

    /* of a file */
    ngx_http_gateway_watch_t            watch;
    ngx_uint_t                          format;

    /* of a request */
    ngx_http_gateway_jwt_remote_t      *remote;

    /* of introspection; "number" is the endpoint's and never changes */
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
} ngx_http_gateway_jwt_source_t;


/*
 * Configuration: creates a source without keys, and adds it to "sources", an
 * array of ngx_http_gateway_jwt_source_t *.  Its set is freed with the
 * configuration.  The caller sets "name", "shown", "flags", and what its kind
 * has.  NULL: no memory.
 */
ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_source_create(
    ngx_conf_t *cf, ngx_array_t *sources, ngx_uint_t *generation,
    ngx_http_gateway_jwt_kind_e kind);

/*
 * Writes the name of a source, "kind:text", to memory of the configuration's
 * pool.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_jwt_source_name(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_gateway_jwt_kind_e kind, const ngx_str_t *text);

/*
 * Parses the text of a key set, in the source's format; keys that are left out
 * are logged to "log".  NULL with a message in "err", of "size" bytes: the text
 * is not a key set, or no key of it can be used.
 */
gw_jwk_set_t *ngx_http_gateway_jwt_source_parse(
    const ngx_http_gateway_jwt_source_t *source, const ngx_str_t *text,
    ngx_log_t *log, char *err, size_t size);

/*
 * Replaces the source's key set, which is freed, by "set" (NULL: no keys), and
 * gives it a number.  The source owns the set from then on.
 */
void ngx_http_gateway_jwt_source_set(ngx_http_gateway_jwt_source_t *source,
    gw_jwk_set_t *set);

/*
 * A number, not 0, that has never been returned before in this process or in
 * its parent.  It identifies a key set also after the set has been freed.
 */
uint64_t ngx_http_gateway_jwt_number(void);


#endif /* _NGX_HTTP_GATEWAY_JWT_SOURCE_H_INCLUDED_ */
