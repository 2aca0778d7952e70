/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers of gateway_consumers, for the modules that look them up.
 *
 * Modules include this header and no other one of this folder.  No function
 * suspends a request.
 */

#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_consumer.h"


typedef struct {
    gw_consumer_t                   consumer;
    gw_consumer_key_t               key;        /* of the kinds that are one */
} ngx_http_gateway_consumer_t;


/* ngx_http_gateway_consumers_find.c: in a request */

/*
 * Looks for a consumer; "found" points into the request's memory.  NGX_OK;
 * NGX_DECLINED: there is none, or there is no file; NGX_ERROR: it cannot be
 * said, and the caller must refuse.
 */
ngx_int_t ngx_http_gateway_consumer_find(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    ngx_http_gateway_consumer_t *found);

/*
 * Asks the memory for what a look will read: at first for a bucket and, after
 * some other work, with "entry" for the rest.  Decides nothing.
 */
void ngx_http_gateway_consumer_prefetch(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    ngx_uint_t entry);

/* how many entries of a kind there are, at a glance; 0 without a file */
ngx_uint_t ngx_http_gateway_consumer_count(ngx_http_request_t *r,
    gw_consumer_kind_e kind);

/*
 * Names the consumer of an identity; its groups are added to those that are
 * there.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_consumer_identity(ngx_http_request_t *r,
    const ngx_http_gateway_consumer_t *found,
    ngx_http_gateway_identity_t *identity);


/* ngx_http_gateway_consumers_module.c: while the configuration is read */

/* whether there is a file; known once http {} was read: in merge or later */
ngx_uint_t ngx_http_gateway_consumers_given(ngx_conf_t *cf);

/*
 * In postconfiguration: how many entries of a kind the file has now; 0 without
 * a file.
 */
ngx_uint_t ngx_http_gateway_consumers_count(ngx_conf_t *cf,
    gw_consumer_kind_e kind);

/*
 * In a setter or merge: "n" peppers are configured.  Without any, an
 * "hmac_sha256" in the file is a mistake.
 */
void ngx_http_gateway_consumers_peppers(ngx_conf_t *cf, ngx_uint_t n);


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_H_INCLUDED_ */
