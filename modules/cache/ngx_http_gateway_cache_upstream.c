
/*
 * nginx's proxy, fastcgi, uwsgi and scgi modules.  They are found by name,
 * since a .so that links to one of them does not load into an nginx without it.
 *
 * The configuration of each is a private structure that holds the common one of
 * upstreams.  Where in it, the command of a timeout tells.
 */

#include "ngx_http_gateway_cache.h"


typedef struct {
    const char  *module;
    const char  *cache;
    ngx_str_t    timeout;
} ngx_http_gateway_cache_upstream_t;


/* proxy is the first: what it sends of a request is known */

static const ngx_http_gateway_cache_upstream_t
    ngx_http_gateway_cache_upstreams[] =
{
    { "ngx_http_proxy_module", "proxy_cache",
      ngx_string("proxy_connect_timeout") },
    { "ngx_http_fastcgi_module", "fastcgi_cache",
      ngx_string("fastcgi_connect_timeout") },
    { "ngx_http_uwsgi_module", "uwsgi_cache",
      ngx_string("uwsgi_connect_timeout") },
    { "ngx_http_scgi_module", "scgi_cache",
      ngx_string("scgi_connect_timeout") },
    { NULL, NULL, ngx_null_string }
};


static ngx_http_upstream_conf_t *ngx_http_gateway_cache_upstream_conf(
    ngx_conf_t *cf, const ngx_http_gateway_cache_upstream_t *upstream);


const char *
ngx_http_gateway_cache_other(ngx_conf_t *cf)
{
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf != NULL && conf->cache > 0) {
            return u->cache;
        }
    }
#endif

    return NULL;
}


/*
 * Only what proxy sends is known: other modules also send $request_uri, and a
 * location without an upstream of its own, or with one in a variable, may pass
 * the request to any of them.
 */

ngx_uint_t
ngx_http_gateway_cache_original(ngx_conf_t *cf)
{
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    u = ngx_http_gateway_cache_upstreams;

    conf = ngx_http_gateway_cache_upstream_conf(cf, u);

    if (conf == NULL || conf->upstream == NULL) {
        return 1;
    }

    for (u++; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf != NULL && conf->upstream != NULL) {
            return 1;
        }
    }

    return 0;
}


/* which servers a location asks is not told by what it sends */

ngx_int_t
ngx_http_gateway_cache_upstream(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char                                   *p;
    ngx_http_upstream_conf_t                 *conf;
    ngx_http_upstream_srv_conf_t             *uscf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf == NULL || conf->upstream == NULL) {
            continue;
        }

        uscf = conf->upstream;

        p = ngx_pnalloc(cf->pool, name->len + ngx_strlen(u->module)
                                  + uscf->host.len + NGX_INT_T_LEN
                                  + sizeof(" :;"));
        if (p == NULL) {
            return NGX_ERROR;
        }

        name->len = ngx_sprintf(p, "%V%s %V:%ui;", name, u->module,
                                &uscf->host, (ngx_uint_t) uscf->port)
                    - p;
        name->data = p;
    }

    return NGX_OK;
}


/* of the location at hand; NULL: nginx was built without the module */

static ngx_http_upstream_conf_t *
ngx_http_gateway_cache_upstream_conf(ngx_conf_t *cf,
    const ngx_http_gateway_cache_upstream_t *upstream)
{
    u_char               *conf;
    ngx_uint_t            i;
    ngx_module_t         *module;
    ngx_command_t        *cmd;
    ngx_http_conf_ctx_t  *ctx;

    for (i = 0; (module = cf->cycle->modules[i]) != NULL; i++) {
        if (ngx_strcmp(module->name, upstream->module) == 0) {
            break;
        }
    }

    if (module == NULL) {
        return NULL;
    }

    for (cmd = module->commands; cmd->name.len; cmd++) {
        if (ngx_http_gateway_same(&cmd->name, &upstream->timeout)) {
            break;
        }
    }

    if (cmd->name.len == 0
        || cmd->offset < offsetof(ngx_http_upstream_conf_t, connect_timeout))
    {
        return NULL;
    }

    ctx = cf->ctx;
    conf = ctx->loc_conf[module->ctx_index];

    return (ngx_http_upstream_conf_t *)
           (conf + cmd->offset
            - offsetof(ngx_http_upstream_conf_t, connect_timeout));
}
