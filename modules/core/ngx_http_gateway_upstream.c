/* SPDX-License-Identifier: BSD-2-Clause */

/* see ngx_http_gateway_upstream.h */

#include "ngx_http_gateway_upstream.h"


#define ngx_http_gateway_upstream_known(name, fields)                         \
    "ngx_http_" name "_module", ngx_string(name "_connect_timeout"),          \
    ngx_string(name fields)

#define ngx_http_gateway_upstream_caching(name, fields)                       \
    { ngx_http_gateway_upstream_known(name, fields), name "_cache",           \
      name "_no_cache", name "_cache_bypass" }

#define ngx_http_gateway_upstream_other(name, fields)                         \
    { ngx_http_gateway_upstream_known(name, fields), NULL, NULL, NULL }


const ngx_http_gateway_upstream_t  ngx_http_gateway_upstreams[] = {
    ngx_http_gateway_upstream_caching("proxy", "_set_header"),
    ngx_http_gateway_upstream_caching("fastcgi", "_param"),
    ngx_http_gateway_upstream_caching("uwsgi", "_param"),
    ngx_http_gateway_upstream_caching("scgi", "_param"),
    ngx_http_gateway_upstream_other("grpc", "_set_header"),
    ngx_http_gateway_upstream_other("memcached", ""),
    { NULL, ngx_null_string, ngx_null_string, NULL, NULL, NULL }
};


ngx_http_upstream_conf_t *
ngx_http_gateway_upstream_conf(ngx_conf_t *cf, void **loc_conf,
    const ngx_http_gateway_upstream_t *upstream)
{
    u_char         *timeout;
    ngx_command_t  *cmd;

    timeout = ngx_http_gateway_upstream_field(cf, loc_conf, upstream->module,
                                              &upstream->timeout, &cmd);

    if (timeout == NULL
        || cmd->offset < offsetof(ngx_http_upstream_conf_t, connect_timeout))
    {
        return NULL;
    }

    return (ngx_http_upstream_conf_t *)
           (timeout - offsetof(ngx_http_upstream_conf_t, connect_timeout));
}


void *
ngx_http_gateway_upstream_field(ngx_conf_t *cf, void **loc_conf,
    const char *name, const ngx_str_t *directive, ngx_command_t **command)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    conf = ngx_http_gateway_module_conf(cf, loc_conf, name, &module);

    if (conf == NULL) {
        return NULL;
    }

    for (cmd = module->commands; cmd->name.len; cmd++) {
        if (ngx_http_gateway_same(&cmd->name, directive)) {
            *command = cmd;
            return conf + cmd->offset;
        }
    }

    return NULL;
}


const char *
ngx_http_gateway_upstream_cached(ngx_conf_t *cf, void **loc_conf)
{
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

        if (conf != NULL && conf->cache > 0) {
            return u->cache;
        }
    }
#endif

    return NULL;
}
