/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A named block of directives inside { }.
 *
 * The directives are rows of ngx_command_t, so that setters of nginx and of
 * core can be used.  "type" is only the number of arguments, "offset" is that
 * in the caller's structure, and "conf" is unused.
 */

#ifndef _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_


#include "ngx_http_gateway.h"


/* in the configuration's pool; kept for errors that are found later */

typedef struct {
    ngx_str_t                       directive;
    ngx_str_t                       name;       /* the first argument */
    ngx_http_gateway_place_t        place;      /* of the directive */
} ngx_http_gateway_block_t;


/*
 * For the setter of the block's directive, which has at least one argument:
 * fills "block" and parses up to the closing brace.  "rows" end with
 * ngx_null_command; the setter of a row receives "conf".  It may return a text
 * such as "is duplicate", as nginx's setters do.  A directive without a row is
 * an error that lists the names of all rows; this includes "include".  Returns
 * NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_block(ngx_conf_t *cf, ngx_http_gateway_block_t *block,
    ngx_command_t *rows, void *conf);

/*
 * Logs an [emerg] about a block that was parsed: its directive and name, the
 * formatted text, and its place.  Always returns NGX_CONF_ERROR.
 */
char * ngx_cdecl ngx_http_gateway_block_refuse(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block, const char *fmt, ...);


#endif /* _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_ */
