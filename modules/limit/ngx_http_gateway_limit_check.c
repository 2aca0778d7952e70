/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checks that need all zones, or all locations.
 */

#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_source.h"
#include "ngx_http_gateway_variable.h"


static ngx_uint_t ngx_http_gateway_limit_used(
    const ngx_http_gateway_limit_main_conf_t *lmcf,
    const ngx_str_t *zone);
static ngx_int_t ngx_http_gateway_limit_early_zone(ngx_conf_t *cf,
    const ngx_http_gateway_limit_zone_t *zone);
static ngx_int_t ngx_http_gateway_limit_early_costs(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *llcf);
static ngx_uint_t ngx_http_gateway_limit_all_hidden(ngx_conf_t *cf,
    const ngx_http_gateway_limit_zone_t *zone, ngx_str_t *name);
static void ngx_http_gateway_limit_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf);


ngx_int_t
ngx_http_gateway_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf)
{
    ngx_uint_t                           i;
    ngx_http_gateway_limit_zone_t      **zone;
    ngx_http_gateway_limit_loc_conf_t  **check;

    zone = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {

        if (!ngx_http_gateway_limit_used(lmcf, &zone[i]->zone.name)) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "zone \"%V\" of \"gateway_limit_zone\" is never "
                          "used in %V:%ui", &zone[i]->zone.name,
                          ngx_http_gateway_place_args(&zone[i]->where));
        }

        if (ngx_http_gateway_limit_early_zone(cf, zone[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (zone[i]->redis_name.len == 0) {
            continue;
        }

        zone[i]->redis = ngx_http_gateway_redis_find(cf, &zone[i]->redis_name);

        if (zone[i]->redis == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown redis \"%V\" in \"gateway_limit_zone\", "
                          "there is no \"gateway_redis\" of this name in "
                          "%V:%ui", &zone[i]->redis_name,
                          ngx_http_gateway_place_args(&zone[i]->where));
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_redis_warn_unused(cf);

    check = lmcf->checks.elts;

    for (i = 0; i < lmcf->checks.nelts; i++) {
        if (ngx_http_gateway_limit_early_costs(cf, check[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_gateway_limit_warn(cf, check[i]);
    }

    return NGX_OK;
}


/* whether a "gateway_limit" names the zone */

static ngx_uint_t
ngx_http_gateway_limit_used(const ngx_http_gateway_limit_main_conf_t *lmcf,
    const ngx_str_t *zone)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = lmcf->names.elts;

    for (i = 0; i < lmcf->names.nelts; i++) {
        if (ngx_http_gateway_same(&name[i], zone)) {
            return 1;
        }
    }

    return 0;
}


/*
 * The names of variables of gateway_jwt_claim_set and gateway_jwt_header_set
 * are known only after the configuration was read.
 */

static ngx_int_t
ngx_http_gateway_limit_early_zone(ngx_conf_t *cf,
    const ngx_http_gateway_limit_zone_t *zone)
{
    ngx_str_t  name;

    if (zone->stage != NGX_HTTP_GATEWAY_LIMIT_EARLY
        || !(ngx_http_gateway_identity_in(cf, &zone->key_text, &name)
             || ngx_http_gateway_identity_in(cf, &zone->figure->text, &name)
             || ngx_http_gateway_identity_in(cf, &zone->burst.text, &name)))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "zone \"%V\" of \"gateway_limit_zone\": \"stage=early\" is "
                  "decided before authentication, \"$%V\" is not set then in "
                  "%V:%ui", &zone->zone.name, &name,
                  ngx_http_gateway_place_args(&zone->where));

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_limit_early_costs(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *llcf)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    ngx_array_t                *early;
    ngx_http_gateway_limit_t  **limit;

    early = llcf->stages[NGX_HTTP_GATEWAY_LIMIT_EARLY];

    if (early == NULL) {
        return NGX_OK;
    }

    limit = early->elts;

    for (i = 0; i < early->nelts; i++) {

        if (!ngx_http_gateway_identity_in(cf, limit[i]->settle
                                              ? &limit[i]->reserve.text
                                              : &limit[i]->cost.text, &name))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_limit\" with zone \"%V\": the zone's "
                      "\"stage=early\" is decided before authentication, "
                      "\"$%V\" is not set then in %V:%ui", &limit[i]->name,
                      &name, ngx_http_gateway_place_args(&limit[i]->where));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A late limit has no effect if authentication has removed its key.  If only a
 * part of the key may be removed, this is a warning.
 */

char *
ngx_http_gateway_limit_hidden(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf)
{
    ngx_str_t                   name;
    ngx_uint_t                  i;
    ngx_array_t                *late;
    ngx_http_gateway_limit_t  **limit;

    late = llcf->stages[NGX_HTTP_GATEWAY_LIMIT_LATE];

    if (late == NULL || !ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    limit = late->elts;

    for (i = 0; i < late->nelts; i++) {

        if (!ngx_http_gateway_limit_all_hidden(cf, limit[i]->zone, &name)) {

            if (ngx_http_gateway_hidden_in(cf, &limit[i]->zone->key_name)) {
                ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                              "zone \"%V\" counts by $%V, from which the block "
                              "in %V:%ui removes the credential after "
                              "authentication, requests without other values "
                              "are not limited; use $gateway_credential or "
                              "stage=early, in %V:%ui",
                              &limit[i]->zone->zone.name,
                              &limit[i]->zone->key_name,
                              ngx_http_gateway_place_args(&llcf->where),
                              ngx_http_gateway_place_args(&limit[i]->where));
            }

            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "zone \"%V\" counts by $%V, which is hidden after "
                      "authentication by the block in %V:%ui, use "
                      "$gateway_credential or stage=early, in %V:%ui",
                      &limit[i]->zone->zone.name, &name,
                      ngx_http_gateway_place_args(&llcf->where),
                      ngx_http_gateway_place_args(&limit[i]->where));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * Whether the key consists of hidden variables only, so that it is empty.
 * "name" is the last one.
 */

static ngx_uint_t
ngx_http_gateway_limit_all_hidden(ngx_conf_t *cf,
    const ngx_http_gateway_limit_zone_t *zone, ngx_str_t *name)
{
    u_char     *p, *last, *rest;
    ngx_str_t   next;
    ngx_uint_t  braces;

    p = zone->key_text.data;
    last = p + zone->key_text.len;

    for (rest = p; ngx_http_gateway_next_variable(&p, last, &next); rest = p) {

        braces = (next.data[-1] == '{');

        if (next.data - 1 - braces != rest
            || !ngx_http_gateway_hidden_variable(cf, &next))
        {
            return 0;
        }

        p += braces;
        *name = next;
    }

    /* a lone variable is shown in lower case */

    if (zone->key_name.len) {
        *name = zone->key_name;
    }

    return rest == last;
}


/*
 * Warns if anonymous requests are admitted, for which the key is empty, so that
 * they are not limited.  Called after access, which follows limit, has merged
 * its rules.  With "satisfy any" and one method, another module such as "allow"
 * can admit anonymous requests.  With two methods, or with third-party access
 * modules, this is logged for the first such request: see
 * ngx_http_gateway_limit_anonymous().
 */

static void
ngx_http_gateway_limit_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf)
{
    ngx_uint_t                  i;
    ngx_array_t                *late;
    ngx_http_gateway_limit_t  **limit;

    late = llcf->stages[NGX_HTTP_GATEWAY_LIMIT_LATE];

    if (late == NULL || llcf->core->requires > llcf->any) {
        return;
    }

    limit = late->elts;

    for (i = 0; i < late->nelts; i++) {
        if (!limit[i]->zone->identity) {
            continue;
        }

        llcf->worker->said_anonymous = 1;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "zone \"%V\" counts by $%V, which is empty for anonymous "
                      "requests, and the block in %V:%ui admits them: they "
                      "are not limited there; $gateway_client counts them by "
                      "address", &limit[i]->zone->name,
                      &limit[i]->zone->key_name,
                      ngx_http_gateway_place_args(&llcf->where));
    }
}
