/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_upstream.c: the modules of nginx that pass requests to
 * upstream servers.  They are found by name, because a .so that links to a
 * module does not load into an nginx without it.
 *
 * The configuration of each module is a private structure that contains the
 * common upstream configuration.  The offset of a timeout in the module's
 * commands locates the common part; the offsets of other commands locate their
 * values.
 *
 * "loc_conf" is that of a location: of the current one while locations are
 * merged, after these modules have merged theirs, or of any later.
 */

#ifndef _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_


#include "ngx_http_gateway.h"


/* names of a module and its directives */

typedef struct {
    const char  *module;
    ngx_str_t    timeout;
    ngx_str_t    fields;
    const char  *cache;         /* NULL: the module has none */
    const char  *no_cache;
    const char  *bypass;
} ngx_http_gateway_upstream_t;


/* proxy is the first; those with a cache come first; ends with NULL */
extern const ngx_http_gateway_upstream_t  ngx_http_gateway_upstreams[];


/* NULL: nginx was built without the module */
ngx_http_upstream_conf_t *ngx_http_gateway_upstream_conf(ngx_conf_t *cf,
    void **loc_conf, const ngx_http_gateway_upstream_t *upstream);

/*
 * The value of a directive of the module "name"; "*command" is set to the
 * directive.  NULL: there is no such directive.
 */
void *ngx_http_gateway_upstream_field(ngx_conf_t *cf, void **loc_conf,
    const char *name, const ngx_str_t *directive, ngx_command_t **command);

/*
 * The directive of the cache of nginx that is on, such as "proxy_cache"; NULL:
 * none.
 */
const char *ngx_http_gateway_upstream_cached(ngx_conf_t *cf, void **loc_conf);


#endif /* _NGX_HTTP_GATEWAY_UPSTREAM_H_INCLUDED_ */
