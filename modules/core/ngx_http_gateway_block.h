/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A block of directives inside { }, with a name.
 *
 * The directives are rows of nginx's own ngx_command_t, so that its setters
 * and core's can be used: "type" is the number of arguments alone, "offset" is
 * in the caller's structure, "conf" is not used.
 */

#ifndef _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_


#include "ngx_http_gateway.h"


/* of the configuration's pool; kept for errors that are found later */

typedef struct {
    ngx_str_t                       directive;  /* its word */
    ngx_str_t                       name;       /* its first argument */
    ngx_http_gateway_place_t        place;      /* of the opening */
} ngx_http_gateway_block_t;


/*
 * In the setter of the block's directive, which has at least one argument:
 * fills "block" and parses up to the closing.  Each directive goes to its row
 * of "rows", which end with ngx_null_command, and the row's setter gets "conf".
 * A directive without a row is refused with the names of all rows; a setter
 * may return a text such as "is duplicate", as nginx's do.  "include" is not
 * known.  Returns NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_block(ngx_conf_t *cf, ngx_http_gateway_block_t *block,
    ngx_command_t *rows, void *conf);

/*
 * An [emerg] about the block as a whole, for after its closing: its directive
 * and name, what the format says, and its place.  Always NGX_CONF_ERROR.
 */
char * ngx_cdecl ngx_http_gateway_block_refuse(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block, const char *fmt, ...);


#endif /* _NGX_HTTP_GATEWAY_BLOCK_H_INCLUDED_ */
