/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counting: the decisions of each zone, and what its shared memory counts.
 */

#include "ngx_http_gateway_limit_count.h"


/* of a table, for the estimate of its use; takes about 50 us */
#define NGX_HTTP_GATEWAY_LIMIT_BUCKETS  64


/* a value of a zone's shared memory; NGX_DECLINED: the zone has none */
typedef ngx_int_t (*ngx_http_gateway_limit_value_pt)(
    const ngx_http_gateway_limit_zone_t *zone, double *value);


typedef struct {
    ngx_http_gateway_metric_t            metric;
    ngx_http_gateway_limit_value_pt      value;
} ngx_http_gateway_limit_family_t;


typedef struct {
    const ngx_array_t                     *zones;
    const ngx_http_gateway_limit_family_t *family;
} ngx_http_gateway_limit_reader_t;


static void ngx_http_gateway_limit_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);
static ngx_int_t ngx_http_gateway_limit_read(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_limit_evicted(
    const ngx_http_gateway_limit_zone_t *zone, double *value);
static ngx_int_t ngx_http_gateway_limit_unsettled(
    const ngx_http_gateway_limit_zone_t *zone, double *value);
static ngx_int_t ngx_http_gateway_limit_unreturned(
    const ngx_http_gateway_limit_zone_t *zone, double *value);
static ngx_int_t ngx_http_gateway_limit_used(
    const ngx_http_gateway_limit_zone_t *zone, double *value);


static const ngx_http_gateway_metric_t  ngx_http_gateway_limit_decisions =
    { "limit_decisions_total",
      "Decisions of limits, by result and by what has decided.",
      "zone result source", NGX_HTTP_GATEWAY_METRIC_COUNTER };


static const ngx_http_gateway_limit_family_t
    ngx_http_gateway_limit_families[] =
{
    { { "limit_evicted_keys_total",
        "Keys in use that a full zone has evicted, with their counts.",
        "zone", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_limit_evicted },

    { { "limit_unsettled_total",
        "Charges that Redis has not confirmed.",
        "zone", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_limit_unsettled },

    { { "limit_unreturned_total",
        "Refunds that Redis has not confirmed.",
        "zone", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_limit_unreturned },

    { { "limit_used_ratio",
        "Share of the zone's places with keys in use, estimated.",
        "zone", NGX_HTTP_GATEWAY_METRIC_STATE },
      ngx_http_gateway_limit_used }
};


void
ngx_http_gateway_limit_count(const ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                            i, status;
    const ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->decisions == NULL || !item->decided) {
            continue;
        }

        /* a batch that passes waits for the longest of its delays */

        status = ngx_http_gateway_limit_item_status(item,
                                                    batch->refused == NULL);

        ngx_http_gateway_add_at(item->zone->decisions,
                                status * NGX_HTTP_GATEWAY_LIMIT_SOURCES
                                + item->source, 1);
    }
}


static void
ngx_http_gateway_limit_labels(void *data, ngx_uint_t i, ngx_str_t *values)
{
    ngx_http_gateway_limit_zone_t *zone = data;

    ngx_uint_t  source;

    source = i % NGX_HTTP_GATEWAY_LIMIT_SOURCES;

    values[0] = zone->name;
    values[1] = ngx_http_gateway_limit_statuses[
                                          i / NGX_HTTP_GATEWAY_LIMIT_SOURCES];
    values[2] = ngx_http_gateway_limit_sources[source];

    if (source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED) {
        ngx_str_set(&values[2], "closed");
    }
}


static ngx_int_t
ngx_http_gateway_limit_read(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_limit_reader_t *reader = data;

    ngx_http_gateway_limit_zone_t  **zone;

    if (i >= reader->zones->nelts) {
        return NGX_DONE;
    }

    zone = reader->zones->elts;

    sample->values[0] = zone[i]->name;

    return reader->family->value(zone[i], &sample->value);
}


static ngx_int_t
ngx_http_gateway_limit_evicted(const ngx_http_gateway_limit_zone_t *zone,
    double *value)
{
    *value = __atomic_load_n(&zone->table->evicted, __ATOMIC_RELAXED);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_unsettled(const ngx_http_gateway_limit_zone_t *zone,
    double *value)
{
    *value = zone->sh->unsettled;

    return zone->redis ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_limit_unreturned(const ngx_http_gateway_limit_zone_t *zone,
    double *value)
{
    *value = zone->sh->unreturned;

    return zone->redis ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_limit_used(const ngx_http_gateway_limit_zone_t *zone,
    double *value)
{
    *value = ngx_http_gateway_limit_zone_used(zone,
                                              NGX_HTTP_GATEWAY_LIMIT_BUCKETS);
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_limit_count_init(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf)
{
    ngx_uint_t                              i;
    ngx_http_gateway_limit_zone_t         **zone;
    ngx_http_gateway_limit_reader_t        *reader;
    const ngx_http_gateway_limit_family_t  *family;

    if (!ngx_http_gateway_metrics_on(cf)) {
        return NGX_OK;
    }

    zone = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {

        if (ngx_http_gateway_vector_add(cf, &ngx_http_gateway_limit_decisions,
                                        NGX_HTTP_GATEWAY_LIMIT_STATUSES
                                        * NGX_HTTP_GATEWAY_LIMIT_SOURCES,
                                        ngx_http_gateway_limit_labels, zone[i],
                                        &zone[i]->decisions)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < sizeof(ngx_http_gateway_limit_families)
                    / sizeof(ngx_http_gateway_limit_families[0]);
         i++)
    {
        family = &ngx_http_gateway_limit_families[i];

        reader = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_limit_reader_t));
        if (reader == NULL) {
            return NGX_ERROR;
        }

        reader->zones = &lmcf->zones;
        reader->family = family;

        if (ngx_http_gateway_reader_add(cf, &family->metric,
                                        ngx_http_gateway_limit_read, reader)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
