/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checks of the whole configuration, in postconfiguration: warns of zones that
 * are never used, and of directives that have no effect or protect nothing.
 */

#include "ngx_http_gateway_cache.h"


static void ngx_http_gateway_cache_mark_identified(
    ngx_http_gateway_cache_loc_conf_t *clcf);
static void ngx_http_gateway_cache_warn(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf);
static void ngx_http_gateway_cache_warn_name(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf);
static void ngx_http_gateway_cache_warn_partition(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf);
static void ngx_http_gateway_cache_warn_chosen(ngx_conf_t *cf,
    const ngx_http_gateway_cache_partition_t *partition);
static ngx_uint_t ngx_http_gateway_cache_reads(const ngx_str_t *text,
    const ngx_str_t *variable);
static void ngx_http_gateway_cache_warn_tags(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf);


ngx_int_t
ngx_http_gateway_cache_check(ngx_conf_t *cf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_cache_zone_t       **zone;
    ngx_http_gateway_cache_loc_conf_t   **block;
    ngx_http_gateway_cache_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    zone = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {
        if (!zone[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "zone \"%V\" of \"gateway_cache_zone\" is never "
                          "used in %V:%ui", &zone[i]->zone.name,
                          ngx_http_gateway_place_args(&zone[i]->where));
        }
    }

    block = cmcf->blocks.elts;

    for (i = 0; i < cmcf->blocks.nelts; i++) {
        if (block[i]->zone && block[i]->core->authenticates) {
            ngx_http_gateway_cache_mark_identified(block[i]);
        }
    }

    for (i = 0; i < cmcf->blocks.nelts; i++) {
        ngx_http_gateway_cache_warn(cf, block[i]);
    }

    return NGX_OK;
}


/* marks blocks in which the cache and an authentication method are on */

static void
ngx_http_gateway_cache_mark_identified(ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_http_gateway_cache_partition_t  *partition;

    partition = (ngx_http_gateway_cache_partition_t *) clcf->set.partition;

    if (partition->kind == NGX_HTTP_GATEWAY_CACHE_VALUE) {
        partition->identified = 1;
    }

    for ( /* void */ ; clcf && !clcf->identified_inside; clcf = clcf->outer) {
        clcf->identified_inside = 1;
    }
}


/* warns of settings that no location can use */

static void
ngx_http_gateway_cache_warn(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_http_gateway_cache_warn_name(cf, clcf);

    /* otherwise core has warned of all settings of the block */

    if (!(clcf->core->uses & ngx_http_gateway_cache_use.bit)) {
        return;
    }

    ngx_http_gateway_cache_warn_partition(cf, clcf);
    ngx_http_gateway_cache_warn_tags(cf, clcf);
}


static void
ngx_http_gateway_cache_warn_name(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_http_gateway_cache_zone_t       *zone;
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    static const ngx_str_t  off = ngx_string("off");

    if (clcf->name.data == NULL || clcf->passes_inside
        || (clcf->outer && clcf->outer->name.data == clcf->name.data)
        || ngx_http_gateway_same(&clcf->name, &off))
    {
        return;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    zone = ngx_http_gateway_cache_zone_find(cmcf, &clcf->name);

    /* there is already a warning that the zone is never used */

    if (zone && !zone->used) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_cache\" has no effect, no request in its block or "
                  "in an inner one reaches a \"proxy_pass\", "
                  "\"fastcgi_pass\", \"uwsgi_pass\" or \"scgi_pass\" in "
                  "%V:%ui",
                  ngx_http_gateway_place_args(&clcf->name_where));
}


static void
ngx_http_gateway_cache_warn_partition(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    const ngx_http_gateway_cache_partition_t  *partition;

    partition = clcf->written.partition;

    if (partition == NULL
        || (clcf->outer && clcf->outer->written.partition == partition))
    {
        return;
    }

    if (partition->identified) {
        ngx_http_gateway_cache_warn_chosen(cf, partition);
    }

    if (partition->kind != NGX_HTTP_GATEWAY_CACHE_CONSUMER
        || clcf->identified_inside)
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_cache_partition consumer\" has no effect, no "
                  "method of authentication is on in its block or in an inner "
                  "one in %V:%ui",
                  ngx_http_gateway_place_args(&partition->where));
}


/* a client that can choose its partition can read the responses of others */

static void
ngx_http_gateway_cache_warn_chosen(ngx_conf_t *cf,
    const ngx_http_gateway_cache_partition_t *partition)
{
    ngx_uint_t        i;
    const ngx_str_t  *text;

    static const ngx_str_t  gateway = ngx_string("gateway_");
    static const ngx_str_t  client[] = {
        ngx_string("http_"),
        ngx_string("arg_"),
        ngx_string("cookie_"),
        ngx_null_string
    };

    text = &partition->value->value;

    for (i = 0; client[i].len; i++) {
        if (ngx_http_gateway_cache_reads(text, &client[i])) {
            break;
        }
    }

    if (client[i].len == 0 || ngx_http_gateway_cache_reads(text, &gateway)) {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_cache_partition %V\" lets a client choose the "
                  "partition of another one, use \"consumer\" or a variable "
                  "of the gateway in %V:%ui",
                  text, ngx_http_gateway_place_args(&partition->where));
}


/* whether a text has a variable whose name begins with "variable" */

static ngx_uint_t
ngx_http_gateway_cache_reads(const ngx_str_t *text, const ngx_str_t *variable)
{
    u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    while ((p = ngx_strlchr(p, last, '$')) != NULL) {

        p++;

        if (p < last && *p == '{') {
            p++;
        }

        if ((size_t) (last - p) >= variable->len
            && ngx_strncasecmp(p, variable->data, variable->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_gateway_cache_warn_tags(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    const ngx_http_gateway_cache_tags_t  *tags;
    ngx_http_gateway_cache_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    tags = clcf->written.tags;

    if (tags == NULL || tags->names.nelts == 0 || cmcf->admins
        || (clcf->outer && clcf->outer->written.tags == tags))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"gateway_cache_tags\" stores tags that cannot be purged, "
                  "there is no \"gateway_cache_admin\" in %V:%ui",
                  ngx_http_gateway_place_args(&tags->where));
}
