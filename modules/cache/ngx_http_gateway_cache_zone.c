/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_cache_zone.  Zones and their shards are described in
 * ngx_http_gateway_cache_store.h.
 */

#include "ngx_http_gateway_cache_run.h"


#define NGX_HTTP_GATEWAY_CACHE_OBJECT  (1024 * 1024)


static const char *ngx_http_gateway_cache_zone_wrong(
    ngx_http_gateway_cache_main_conf_t *cmcf, const ngx_str_t *name);
static void ngx_http_gateway_cache_zone_divide(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone);


ngx_http_gateway_use_t  ngx_http_gateway_cache_use = {
    0, 0,
    "has no effect, \"gateway_cache\" is on neither in its block nor in an "
    "inner one",
    NULL, 0
};


char *
ngx_http_gateway_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_main_conf_t *cmcf = conf;

    const char                      *err;
    ngx_http_gateway_cache_zone_t   *zone, **slot;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("zone="), ngx_http_gateway_param_zone,
          offsetof(ngx_http_gateway_cache_zone_t, zone), 512 * 1024 },
        { ngx_string("max_object="), ngx_http_gateway_param_size,
          offsetof(ngx_http_gateway_cache_zone_t, max_object), 0 },
        ngx_http_gateway_null_param
    };

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_cache_zone_t));

    if (zone == NULL
        || ngx_http_gateway_params(cf, params, zone, 1) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (zone->zone.size == 0) {
        return "must have \"zone=name:size\"";
    }

    err = ngx_http_gateway_cache_zone_wrong(cmcf, &zone->zone.name);

    if (err) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of \"gateway_cache_zone\"%s",
                           &zone->zone.name, err);
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&cmcf->zones);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = zone;

    ngx_http_gateway_place(cf, &zone->where);
    ngx_http_gateway_cache_zone_divide(cf, zone);

    return (ngx_http_gateway_cache_zone_add(cf, zone) == NGX_OK
            && ngx_http_gateway_cache_mark_add(cf, zone) == NGX_OK
            && ngx_http_gateway_detaches(cf,
                               ngx_http_gateway_cache_refresher.name)
               == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* NULL, or what is wrong with the name */

static const char *
ngx_http_gateway_cache_zone_wrong(ngx_http_gateway_cache_main_conf_t *cmcf,
    const ngx_str_t *name)
{
    static const ngx_str_t  off = ngx_string("off");

    if (!ngx_http_gateway_zone_name(name)) {
        return ": the name must be letters, digits, \"_\", \"-\" and \".\"";
    }

    if (ngx_http_gateway_same(name, &off)) {
        return " has a reserved name, \"gateway_cache off\" turns the cache "
               "off";
    }

    return ngx_http_gateway_cache_zone_find(cmcf, name) ? " is duplicate"
                                                        : NULL;
}


/* sets "max_object", which is 0 if it is not written, and bounds it */

static void
ngx_http_gateway_cache_zone_divide(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone)
{
    size_t      most;
    ngx_uint_t  shards;

    shards = ngx_http_gateway_cache_zone_shards(zone);
    most = zone->zone.size / shards / 4;

    if (zone->max_object > most) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"max_object=\" of zone \"%V\" is reduced to %uz "
                           "bytes, a quarter of one of its %ui shards",
                           &zone->zone.name, most, shards);
    }

    if (zone->max_object == 0) {
        zone->max_object = NGX_HTTP_GATEWAY_CACHE_OBJECT;
    }

    zone->max_object = ngx_min(zone->max_object, most);
}


ngx_http_gateway_cache_zone_t *
ngx_http_gateway_cache_zone_find(ngx_http_gateway_cache_main_conf_t *cmcf,
    const ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_gateway_cache_zone_t  **zone;

    zone = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {
        if (ngx_http_gateway_same(&zone[i]->zone.name, name)) {
            return zone[i];
        }
    }

    return NULL;
}
