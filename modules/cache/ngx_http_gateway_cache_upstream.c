/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The caches and upstream modules of nginx: which of them a location uses, and
 * which directives of theirs have no effect on this cache.
 */

#include "ngx_http_gateway_cache.h"
#include "ngx_http_gateway_upstream.h"


#if (NGX_HTTP_CACHE)
static void ngx_http_gateway_cache_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const char *name,
    const char *ours);
#endif


/*
 * Only the parts that proxy sends are known.  Other modules also send
 * $request_uri.  A location without an upstream, or with a variable in its
 * name, may pass the request to any of them.
 */

ngx_uint_t
ngx_http_gateway_cache_original(ngx_conf_t *cf)
{
    void                              **loc_conf;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    u = ngx_http_gateway_upstreams;
    loc_conf = ngx_http_gateway_loc_conf(cf);

    conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

    if (conf == NULL || conf->upstream == NULL) {
        return 1;
    }

    for (u++; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

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
    void                              **loc_conf;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    loc_conf = ngx_http_gateway_loc_conf(cf);

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

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
    void                               *rewrite, **loc_conf;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    if (!ngx_http_gateway_in_force(cf)) {
        return 1;
    }

    loc_conf = ngx_http_gateway_loc_conf(cf);

    rewrite = ngx_http_gateway_module_conf(cf, loc_conf,
                                           "ngx_http_rewrite_module", NULL);

    if (rewrite && ngx_http_gateway_location_return(rewrite)) {
        return 1;
    }

    for (u = ngx_http_gateway_upstreams; u->module; u++) {

        if (u->cache) {
            continue;
        }

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

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
    size_t                             *slice;
    void                              **loc_conf;
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;
#endif

    loc_conf = ngx_http_gateway_loc_conf(cf);

#if (NGX_HTTP_CACHE)
    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

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

    slice = ngx_http_gateway_module_conf(cf, loc_conf,
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
