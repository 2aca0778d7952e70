/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_jwt_known.c: gateway_jwt_token_cache
 *
 * The worker's table of verified tokens.  What it saves are the decoding, the
 * parsing and the signature of a repeated token; everything else is judged each
 * time.  Without a table all functions do nothing.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_KNOWN_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_KNOWN_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"


/* the setter of the directive; its value is 0 for "off" */
char *ngx_http_gateway_jwt_token_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In init_process: creates the table, which is freed with the configuration.
 * Without memory, an error is logged and tokens are verified each time.
 */
void ngx_http_gateway_jwt_known_init(ngx_cycle_t *cycle,
    ngx_http_gateway_jwt_main_conf_t *jmcf);

/*
 * The entry of a token whose payload is known to have at most "max_values"
 * values; NULL: there is none.  The caller takes a reference before it does
 * anything else, and must not accept the token without
 * ngx_http_gateway_jwt_known_by().
 */
gw_known_t *ngx_http_gateway_jwt_known_find(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, const ngx_str_t *text,
    size_t max_values);

/*
 * Whether the token is in the table and was verified by the key set that one of
 * "n" sources has now.
 */
ngx_uint_t ngx_http_gateway_jwt_known_by(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    ngx_http_gateway_jwt_source_t *const *sources, size_t n);

/*
 * Adds a token that this request has verified and that may be accepted: its
 * claims have been parsed and checked, and it is not revoked.
 */
void ngx_http_gateway_jwt_remember(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token);

/* removes the token, which has expired */
void ngx_http_gateway_jwt_forget(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token);


#endif /* _NGX_HTTP_GATEWAY_JWT_KNOWN_H_INCLUDED_ */
