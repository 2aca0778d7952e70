/* SPDX-License-Identifier: BSD-2-Clause */

/* gateway_metrics_zone and gateway_metrics_page */

#include "ngx_http_gateway_metrics.h"


#define NGX_HTTP_GATEWAY_METRICS_MIN  1000          /* ns: 1 us */
#define NGX_HTTP_GATEWAY_METRICS_MAX  4096000000000 /* ns: 4096 s */


static char *ngx_http_gateway_metrics_buckets(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static ngx_int_t ngx_http_gateway_metrics_seconds(const u_char *p,
    const u_char *last, uint64_t *ns);


/* the default of OpenTelemetry for the duration of HTTP requests */

static const uint64_t  ngx_http_gateway_metrics_default[] = {
    5000000, 10000000, 25000000, 50000000, 75000000, 100000000, 250000000,
    500000000, 750000000, 1000000000, 2500000000, 5000000000, 7500000000,
    10000000000
};


static const ngx_http_gateway_param_t  ngx_http_gateway_metrics_params[] = {

    { ngx_string("zone="), ngx_http_gateway_param_zone,
      offsetof(ngx_http_gateway_metrics_main_conf_t, zone), 64 * 1024 },

    { ngx_string("buckets="), ngx_http_gateway_metrics_buckets,
      offsetof(ngx_http_gateway_metrics_main_conf_t, buckets), 0 },

    ngx_http_gateway_null_param
};


static const ngx_http_gateway_param_t  ngx_http_gateway_metrics_page_params[] =
{
    ngx_http_gateway_from_param(ngx_http_gateway_metrics_page_t, from),

    ngx_http_gateway_null_param
};


static char  ngx_http_gateway_metrics_conflict[] =
    "conflicts with another directive that handles the location's requests, "
    "such as proxy_pass";


char *
ngx_http_gateway_metrics_zone_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_metrics_main_conf_t *mmcf = conf;

    if (mmcf->zone.size) {
        return "is duplicate";
    }

    ngx_memcpy(mmcf->buckets, ngx_http_gateway_metrics_default,
               sizeof(ngx_http_gateway_metrics_default));

    if (ngx_http_gateway_params(cf, ngx_http_gateway_metrics_params, mmcf, 1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (mmcf->nbuckets < NGX_HTTP_GATEWAY_METRICS_BUCKETS
           && mmcf->buckets[mmcf->nbuckets])
    {
        mmcf->nbuckets++;
    }

    if (mmcf->zone.size == 0) {
        return "must have \"zone=name:size\"";
    }

    if (!ngx_http_gateway_zone_name(&mmcf->zone.name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of \"gateway_metrics_zone\": the name "
                           "must be letters, digits, \"_\", \"-\" and \".\"",
                           &mmcf->zone.name);
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &mmcf->place);

    return (ngx_http_gateway_metrics_zone(cf, &mmcf->zone.name,
                                          mmcf->zone.size, mmcf->buckets,
                                          mmcf->nbuckets)
            == NGX_OK
            && ngx_http_gateway_metrics_nginx_add(cf, mmcf) == NGX_OK
            && ngx_http_gateway_observe(cf, NGX_HTTP_GATEWAY_OBSERVE_TIME)
               == NGX_OK
            && ngx_http_gateway_routes(cf, ngx_http_gateway_metrics_routed)
               == NGX_OK
            && ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_COUNT,
                                        ngx_http_gateway_metrics_log)
               == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_metrics_buckets(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    uint64_t *bucket = field;

    u_char      *p, *end, *last;
    uint64_t     ns, before;
    ngx_uint_t   n;

    before = 0;
    n = 0;
    last = value->data + value->len;

    for (p = value->data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        if (n == NGX_HTTP_GATEWAY_METRICS_BUCKETS
            || ngx_http_gateway_metrics_seconds(p, end, &ns) != NGX_OK
            || ns <= before)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in parameter \"%V\", it "
                               "must be 1 to %d ascending numbers of seconds "
                               "from 0.000001 to 4096 with at most 6 decimal "
                               "places, such as \"0.005,0.1,1,10\"", value,
                               &param->name,
                               NGX_HTTP_GATEWAY_METRICS_BUCKETS);
            return NGX_CONF_ERROR;
        }

        before = ns;
        bucket[n++] = ns;
    }

    if (n < NGX_HTTP_GATEWAY_METRICS_BUCKETS) {
        bucket[n] = 0;
    }

    return NGX_CONF_OK;
}


/* a decimal number with at most 6 digits after the point */

static ngx_int_t
ngx_http_gateway_metrics_seconds(const u_char *p, const u_char *last,
    uint64_t *ns)
{
    uint64_t       n, unit;
    const u_char  *first;

    n = 0;

    for (first = p; p < last && *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (*p - '0') * UINT64_C(1000000000);

        if (n > NGX_HTTP_GATEWAY_METRICS_MAX) {
            return NGX_ERROR;
        }
    }

    if (p > first && last - p > 1 && *p == '.') {

        unit = 100000000;

        for (p++; p < last && *p >= '0' && *p <= '9' && unit >= 1000; p++) {
            n += (*p - '0') * unit;
            unit /= 10;
        }
    }

    *ns = n;

    return (p == last && n >= NGX_HTTP_GATEWAY_METRICS_MIN
            && n <= NGX_HTTP_GATEWAY_METRICS_MAX)
           ? NGX_OK : NGX_ERROR;
}


char *
ngx_http_gateway_metrics_page_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_metrics_loc_conf_t *mlcf = conf;

    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_gateway_metrics_page_t       *page;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    if (mlcf->page) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return ngx_http_gateway_metrics_conflict;
    }

#if (NGX_PCRE)
    if (clcf->regex) {
        return "is not allowed in a location with a regular expression, use a "
               "prefix such as \"location /gateway/\"";
    }
#endif

    page = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_page_t));
    if (page == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &page->place);

    page->name = clcf->name;
    page->alone = (page->name.data[page->name.len - 1] != '/');

    if (!page->alone && clcf->exact_match) {
        return "is not allowed in an exact location whose name ends in \"/\", "
               "use a prefix such as \"location /gateway/\"";
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_metrics_page_params, page,
                                1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_gateway_from_given(&page->from)) {
        return "requires \"from=\" with the client addresses to allow";
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    if (mmcf->page == NULL) {
        mmcf->page = page;
    }

    mlcf->page = page;
    clcf->handler = ngx_http_gateway_metrics_page_handler;

    return NGX_CONF_OK;
}


/* a nameless block inside a location belongs to it, as with proxy_pass */

char *
ngx_http_gateway_metrics_page_merge(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_loc_conf_t *prev,
    ngx_http_gateway_metrics_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t              *clcf;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->page == NULL) {

        if (prev->page && (clcf->noname || clcf->lmt_excpt)) {
            conf->page = prev->page;

            if (clcf->lmt_excpt && clcf->handler == NULL) {
                clcf->handler = ngx_http_gateway_metrics_page_handler;
            }
        }

        return NGX_CONF_OK;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    if (mmcf->zone.size == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_metrics_page\" requires a "
                      "\"gateway_metrics_zone\", there is none in %V:%ui",
                      ngx_http_gateway_place_args(&conf->page->place));
        return NGX_CONF_ERROR;
    }

    if (clcf->handler != ngx_http_gateway_metrics_page_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_metrics_page\" directive %s in %V:%ui",
                      ngx_http_gateway_metrics_conflict,
                      ngx_http_gateway_place_args(&conf->page->place));
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_warn_return(cf, "gateway_metrics_page",
                                 &conf->page->place);

    return NGX_CONF_OK;
}
