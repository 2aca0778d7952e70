/* SPDX-License-Identifier: BSD-2-Clause */

/* ngx_http_gateway_server.c: names for servers */

#ifndef _NGX_HTTP_GATEWAY_SERVER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SERVER_H_INCLUDED_


#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_SERVER_NAME  32


/*
 * Writes a digest to "digest" that no other server of this configuration has,
 * and that the same server has after a reload: of its addresses and its names,
 * in any order.  If several servers have the same ones, of which nginx only
 * warns, their order distinguishes them.
 *
 * For the current server, while servers or locations are merged.  NGX_ERROR: no
 * memory, or OpenSSL failed.
 */
ngx_int_t ngx_http_gateway_server_name(ngx_conf_t *cf,
    u_char digest[NGX_HTTP_GATEWAY_SERVER_NAME]);

/*
 * Writes " in server "a" on 127.0.0.1:80" to "text", for messages, in
 * memory of the configuration's pool: the first name and the first address of a
 * server.  For postconfiguration.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_server_where(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *text);


/*
 * A name for people: the first server_name as written or, without one, the
 * first address of "listen".  Several servers can have the same.  It lives as
 * long as the configuration.
 *
 * For servers and locations that are merged, and for postconfiguration.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_server_label(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf, ngx_str_t *label);


#endif /* _NGX_HTTP_GATEWAY_SERVER_H_INCLUDED_ */
