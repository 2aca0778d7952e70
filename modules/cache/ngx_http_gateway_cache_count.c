/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What zones count, for metrics.  A request is counted when its memory is
 * freed, after LOG.
 */

#include "ngx_http_gateway_cache_run.h"
#include "ngx_http_gateway_metric.h"


static ngx_int_t ngx_http_gateway_cache_read_requests(void *data,
    ngx_uint_t i, ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_cache_read_reasons(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_cache_read_evicted(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_cache_read_entries(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_cache_read_bytes(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_http_gateway_cache_zone_t *ngx_http_gateway_cache_read_zone(
    const ngx_array_t *zones, ngx_uint_t i, ngx_http_gateway_sample_t *sample);


static const struct {
    ngx_http_gateway_metric_t       metric;
    ngx_http_gateway_reader_pt      read;
} ngx_http_gateway_cache_families[] = {

    { { "cache_requests_total", "Requests to a cache, by status.",
        "zone status", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_cache_read_requests },

    { { "cache_not_stored_total",
        "Responses that were not stored, or not used, by reason.",
        "zone reason", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_cache_read_reasons },

    { { "cache_evicted_total",
        "Valid responses that were removed to make room.",
        "zone", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_cache_read_evicted },

    { { "cache_entries", "Stored responses.",
        "zone", NGX_HTTP_GATEWAY_METRIC_STATE },
      ngx_http_gateway_cache_read_entries },

    { { "cache_bytes", "Bytes of a zone that are in use.",
        "zone", NGX_HTTP_GATEWAY_METRIC_STATE },
      ngx_http_gateway_cache_read_bytes }
};


/* NULL: there is no such zone */

static ngx_http_gateway_cache_zone_t *
ngx_http_gateway_cache_read_zone(const ngx_array_t *zones, ngx_uint_t i,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_cache_zone_t  **zone;

    if (i >= zones->nelts) {
        return NULL;
    }

    zone = zones->elts;

    sample->values[0] = zone[i]->zone.name;
    sample->value = 0;

    return zone[i];
}


static ngx_int_t
ngx_http_gateway_cache_read_requests(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample)
{
    ngx_uint_t                      status;
    ngx_http_gateway_cache_zone_t  *zone;

    status = i % NGX_HTTP_GATEWAY_CACHE_STATUSES;

    zone = ngx_http_gateway_cache_read_zone(data,
                                  i / NGX_HTTP_GATEWAY_CACHE_STATUSES, sample);
    if (zone == NULL) {
        return NGX_DONE;
    }

    sample->values[1] = ngx_http_gateway_cache_statuses[status];
    sample->value = ngx_http_gateway_counter_sum(zone->counters[status]);

    return NGX_OK;
}


/* of the many reasons, those that have occurred */

static ngx_int_t
ngx_http_gateway_cache_read_reasons(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    gw_text_t                       word;
    gw_cache_reason_e               reason;
    ngx_http_gateway_cache_zone_t  *zone;

    reason = i % GW_CACHE_REASON_COUNT;

    zone = ngx_http_gateway_cache_read_zone(data, i / GW_CACHE_REASON_COUNT,
                                            sample);
    if (zone == NULL) {
        return NGX_DONE;
    }

    if (reason == GW_CACHE_R_NONE) {
        return NGX_DECLINED;
    }

    word = gw_cache_reason_word(reason);

    sample->values[1].data = (u_char *) word.data;
    sample->values[1].len = word.len;
    sample->value = ngx_http_gateway_counter_sum(zone->reasons[reason]);

    return (sample->value > 0) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_cache_read_evicted(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_uint_t                      k;
    ngx_http_gateway_cache_zone_t  *zone;

    zone = ngx_http_gateway_cache_read_zone(data, i, sample);
    if (zone == NULL) {
        return NGX_DONE;
    }

    for (k = 0; k < zone->shards; k++) {
        sample->value += gw_cache_evictions(&zone->shard[k].user);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_read_entries(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_uint_t                      k;
    ngx_http_gateway_cache_zone_t  *zone;

    zone = ngx_http_gateway_cache_read_zone(data, i, sample);
    if (zone == NULL) {
        return NGX_DONE;
    }

    for (k = 0; k < zone->shards; k++) {
        sample->value += gw_cache_count(&zone->shard[k].user);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_read_bytes(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_uint_t                      k;
    ngx_http_gateway_cache_zone_t  *zone;

    zone = ngx_http_gateway_cache_read_zone(data, i, sample);
    if (zone == NULL) {
        return NGX_DONE;
    }

    for (k = 0; k < zone->shards; k++) {
        sample->value += gw_cache_bytes(&zone->shard[k].user);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_count_init(ngx_conf_t *cf, ngx_array_t *zones)
{
    ngx_uint_t  i;

    if (zones->nelts == 0 || !ngx_http_gateway_metrics_on(cf)) {
        return NGX_OK;
    }

    for (i = 0; i < sizeof(ngx_http_gateway_cache_families)
                    / sizeof(ngx_http_gateway_cache_families[0]);
         i++)
    {
        if (ngx_http_gateway_reader_add(cf,
                                    &ngx_http_gateway_cache_families[i].metric,
                                    ngx_http_gateway_cache_families[i].read,
                                    zones)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
