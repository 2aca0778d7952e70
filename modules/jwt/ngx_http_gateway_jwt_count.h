/* SPDX-License-Identifier: BSD-2-Clause */

/* ngx_http_gateway_jwt_count.c: what is counted for metrics */

#ifndef _NGX_HTTP_GATEWAY_JWT_COUNT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_COUNT_H_INCLUDED_


#include "ngx_http_gateway_jwt_remote.h"
#include "gw_fetch.h"


/* postconfiguration, after key requests were checked; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_jwt_count_init(ngx_conf_t *cf,
    ngx_http_gateway_jwt_main_conf_t *jmcf);

/*
 * A signed token was found in the token cache ("hit"), or it was not and its
 * signature was verified; no effect without a token cache.
 */
void ngx_http_gateway_jwt_count_token(
    const ngx_http_gateway_jwt_main_conf_t *jmcf, ngx_uint_t hit);


#endif /* _NGX_HTTP_GATEWAY_JWT_COUNT_H_INCLUDED_ */
