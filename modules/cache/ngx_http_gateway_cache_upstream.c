/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The caches and upstream modules of nginx: which of them a location uses, and
 * which directives of theirs have no effect on this cache.
 */

#include "ngx_http_gateway_cache_upstream.h"


#define ngx_http_gateway_cache_known(name, fields)                            \
    { "ngx_http_" name "_module", ngx_string(name "_connect_timeout"),        \
      ngx_string(name fields), name "_cache", name "_no_cache",               \
      name "_cache_bypass" }

#define ngx_http_gateway_cache_null_upstream                                  \
    { NULL, ngx_null_string, ngx_null_string, NULL, NULL, NULL }


const ngx_http_gateway_cache_upstream_t  ngx_http_gateway_cache_upstreams[] =
{
    ngx_http_gateway_cache_known("proxy", "_set_header"),
    ngx_http_gateway_cache_known("fastcgi", "_param"),
    ngx_http_gateway_cache_known("uwsgi", "_param"),
    ngx_http_gateway_cache_known("scgi", "_param"),
    ngx_http_gateway_cache_null_upstream
};


/* modules whose responses are not stored */

static const ngx_http_gateway_cache_upstream_t
    ngx_http_gateway_cache_others[] =
{
    ngx_http_gateway_cache_known("grpc", "_set_header"),
    ngx_http_gateway_cache_known("memcached", ""),
    ngx_http_gateway_cache_null_upstream
};


#if (NGX_HTTP_CACHE)
static void ngx_http_gateway_cache_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const char *name,
    const char *ours);
#endif
static void *ngx_http_gateway_cache_module_conf(ngx_conf_t *cf,
    const char *name, ngx_module_t **module);


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
 * Only the parts that proxy sends are known.  Other modules also send
 * $request_uri.  A location without an upstream, or with a variable in its
 * name, may pass the request to any of them.
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


/*
 * Called for all locations: a keepalive connection may have been opened by a
 * location without the cache.
 */

ngx_int_t
ngx_http_gateway_cache_watch_tls(ngx_conf_t *cf)
{
#if (NGX_HTTP_SSL)
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf != NULL && conf->ssl != NULL && conf->ssl->ctx != NULL
            && ngx_http_gateway_cache_notify(cf, conf->ssl) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
#endif

    return NGX_OK;
}


/*
 * A "return" responds before the lookup.  Responses of grpc_pass and
 * memcached_pass are not stored.  Other handlers may redirect.
 */

ngx_uint_t
ngx_http_gateway_cache_unserved(ngx_conf_t *cf)
{
    void                      *rewrite;
    ngx_uint_t                 i;
    ngx_http_upstream_conf_t  *conf;

    if (!ngx_http_gateway_in_force(cf)) {
        return 1;
    }

    rewrite = ngx_http_gateway_cache_module_conf(cf, "ngx_http_rewrite_module",
                                                 NULL);

    if (rewrite && ngx_http_gateway_location_return(rewrite)) {
        return 1;
    }

    for (i = 0; ngx_http_gateway_cache_others[i].module; i++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf,
                                            &ngx_http_gateway_cache_others[i]);

        if (conf != NULL && conf->upstream != NULL) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_cache_warn_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    size_t                                   *slice;
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf == NULL) {
            continue;
        }

        if (conf->no_cache && clcf->written.no_store == NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_left(cf, clcf, u->no_cache,
                                        "gateway_cache_no_store");
        }

        if (conf->cache_bypass && clcf->written.bypass == NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_left(cf, clcf, u->bypass,
                                        "gateway_cache_bypass");
        }
    }
#endif

    /* the first member is the size, 0 if it is off */

    slice = ngx_http_gateway_cache_module_conf(cf,
                                      "ngx_http_slice_filter_module", NULL);

    if (slice && *slice) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"slice\" and \"gateway_cache\" are both on, partial "
                      "responses are not stored, in the block in %V:%ui",
                      ngx_http_gateway_place_args(&clcf->where));
    }
}


#if (NGX_HTTP_CACHE)

static void
ngx_http_gateway_cache_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const char *name,
    const char *ours)
{
    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"%s\" has no effect on \"gateway_cache\", use \"%s\", in "
                  "the block in %V:%ui", name, ours,
                  ngx_http_gateway_place_args(&clcf->where));
}

#endif


ngx_http_upstream_conf_t *
ngx_http_gateway_cache_upstream_conf(ngx_conf_t *cf,
    const ngx_http_gateway_cache_upstream_t *upstream)
{
    u_char         *timeout;
    ngx_command_t  *cmd;

    timeout = ngx_http_gateway_cache_upstream_field(cf, upstream->module,
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
ngx_http_gateway_cache_upstream_field(ngx_conf_t *cf, const char *name,
    const ngx_str_t *directive, ngx_command_t **command)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    conf = ngx_http_gateway_cache_module_conf(cf, name, &module);

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


/* the configuration of a module; "*module" is set unless it is NULL */

static void *
ngx_http_gateway_cache_module_conf(ngx_conf_t *cf, const char *name,
    ngx_module_t **module)
{
    ngx_uint_t            i;
    ngx_module_t         *m;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;

    for (i = 0; (m = cf->cycle->modules[i]) != NULL; i++) {

        if (ngx_strcmp(m->name, name) != 0) {
            continue;
        }

        if (module) {
            *module = m;
        }

        return ctx->loc_conf[m->ctx_index];
    }

    return NULL;
}
