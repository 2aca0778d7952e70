/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * nginx's proxy, fastcgi, uwsgi and scgi modules.  They are found by name,
 * because a .so that links to a module does not load into an nginx without it.
 *
 * The configuration of each module is a private structure that contains the
 * common upstream configuration.  The offset of a timeout in the module's
 * commands locates the common part; the offsets of other commands locate their
 * values.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_UPSTREAM_H_INCLUDED_


#include "ngx_http_gateway_cache.h"


/* names of a module and its directives */

typedef struct {
    const char  *module;
    ngx_str_t    timeout;
    ngx_str_t    fields;
    const char  *cache;
    const char  *no_cache;
    const char  *bypass;
} ngx_http_gateway_cache_upstream_t;


/* proxy is the first: only the parts that it sends are known; ends with NULL */
extern const ngx_http_gateway_cache_upstream_t
    ngx_http_gateway_cache_upstreams[];


/* of the current location; NULL: nginx was built without the module */
ngx_http_upstream_conf_t *ngx_http_gateway_cache_upstream_conf(ngx_conf_t *cf,
    const ngx_http_gateway_cache_upstream_t *upstream);

/*
 * The value of a directive of the module "name" in the current location;
 * "*command" is set to the directive.  NULL: there is no such directive.
 */
void *ngx_http_gateway_cache_upstream_field(ngx_conf_t *cf, const char *name,
    const ngx_str_t *directive, ngx_command_t **command);


#endif /* _NGX_HTTP_GATEWAY_CACHE_UPSTREAM_H_INCLUDED_ */
