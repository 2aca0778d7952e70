/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers of gateway_consumers, for modules that look them up.
 *
 * Other modules include only this header of the folder.  No function suspends a
 * request.
 */

#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_consumer.h"


typedef struct {
    gw_consumer_t                   consumer;
    gw_consumer_key_t               key;        /* for kinds of keys */
} ngx_http_gateway_consumer_t;


/* ngx_http_gateway_consumers_find.c: in a request */

/*
 * Looks up a consumer; "found" points into the request's pool.  Returns NGX_OK;
 * NGX_DECLINED if there is none, or no file; NGX_ERROR if the lookup failed,
 * and the caller must refuse the request.
 */
ngx_int_t ngx_http_gateway_consumer_find(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    ngx_http_gateway_consumer_t *found);

/*
 * Prefetches memory that a lookup will read: first the bucket and, in a later
 * call with "entry", the entry and its consumer.
 */
void ngx_http_gateway_consumer_prefetch(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    ngx_uint_t entry);

/* returns the number of entries of a kind; 0 without a file */
ngx_uint_t ngx_http_gateway_consumer_count(ngx_http_request_t *r,
    gw_consumer_kind_e kind);

/*
 * Sets the consumer of an identity and adds the consumer's groups to those of
 * the identity.  Returns NGX_ERROR if memory ran out.
 */
ngx_int_t ngx_http_gateway_consumer_identity(ngx_http_request_t *r,
    const ngx_http_gateway_consumer_t *found,
    ngx_http_gateway_identity_t *identity);


/* ngx_http_gateway_consumers_module.c: while the configuration is read */

/* whether there is a file; to be called in merge functions or later */
ngx_uint_t ngx_http_gateway_consumers_given(ngx_conf_t *cf);

/*
 * In postconfiguration: returns the number of entries of a kind in the file; 0
 * without a file.
 */
ngx_uint_t ngx_http_gateway_consumers_count(ngx_conf_t *cf,
    gw_consumer_kind_e kind);

/*
 * In a setter or merge function: sets the number of configured peppers.  With
 * 0, an "hmac_sha256" in the file is an error.
 */
void ngx_http_gateway_consumers_peppers(ngx_conf_t *cf, ngx_uint_t n);


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_ */
