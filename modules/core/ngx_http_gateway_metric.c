/* SPDX-License-Identifier: BSD-2-Clause */

/* see ngx_http_gateway_metric.h */

#include "ngx_http_gateway_metric.h"


static uint64_t  ngx_http_gateway_metric_nowhere[GW_CELLS_MAX];


ngx_uint_t
ngx_http_gateway_metrics_on(ngx_conf_t *cf)
{
    return 0;
}


ngx_int_t
ngx_http_gateway_series_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, const ngx_str_t *values,
    ngx_http_gateway_series_t **series)
{
    *series = NULL;
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_vector_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n,
    ngx_http_gateway_labels_pt labels, void *data,
    ngx_http_gateway_vector_t **vector)
{
    *vector = NULL;
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_family_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_reader_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_http_gateway_reader_pt read,
    void *data)
{
    return NGX_OK;
}


void
ngx_http_gateway_observe_ns(ngx_http_gateway_series_t *s, uint64_t ns)
{
}


void
ngx_http_gateway_observe_size(ngx_http_gateway_series_t *s, uint64_t bytes)
{
}


void
ngx_http_gateway_cells_ns(uint64_t *cells, uint64_t ns)
{
}


void
ngx_http_gateway_cells_size(uint64_t *cells, uint64_t bytes)
{
}


uint64_t *
ngx_http_gateway_cells_at(ngx_http_gateway_vector_t *v, ngx_uint_t i)
{
    return ngx_http_gateway_metric_nowhere;
}


uint64_t *
ngx_http_gateway_series_find(const ngx_http_gateway_metric_t *metric,
    const ngx_str_t *values, uint32_t *node)
{
    return ngx_http_gateway_metric_nowhere;
}


uint64_t *
ngx_http_gateway_series_other(const ngx_http_gateway_metric_t *metric,
    uint32_t *node)
{
    return ngx_http_gateway_metric_nowhere;
}


ngx_int_t
ngx_http_gateway_forget_add(ngx_conf_t *cf, ngx_http_gateway_forget_pt forget,
    void *data)
{
    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_series_ending(uint32_t node)
{
    return 0;
}


ngx_int_t
ngx_http_gateway_metrics_zone(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    const uint64_t *buckets, ngx_uint_t n)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_metrics_reserve(ngx_conf_t *cf, size_t size)
{
    return NGX_OK;
}


void *
ngx_http_gateway_metrics_area(size_t *size)
{
    *size = 0;
    return NULL;
}


ngx_uint_t
ngx_http_gateway_metrics_number(void)
{
    return 0;
}


ngx_http_gateway_family_view_t *
ngx_http_gateway_metric_families(ngx_uint_t *n)
{
    *n = 0;
    return NULL;
}


ngx_int_t
ngx_http_gateway_scan_begin(ngx_http_gateway_scan_t *scan, ngx_pool_t *pool)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_scan_family(ngx_http_gateway_scan_t *scan,
    ngx_http_gateway_family_view_t *family)
{
    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_scan_next(ngx_http_gateway_scan_t *scan)
{
    return NGX_DONE;
}


ngx_int_t
ngx_http_gateway_scan_series(ngx_http_gateway_scan_t *scan)
{
    return NGX_DONE;
}


ngx_int_t
ngx_http_gateway_series_end(uint32_t node, uint64_t key)
{
    return NGX_DECLINED;
}


ngx_uint_t
ngx_http_gateway_series_step(uint32_t *at, ngx_uint_t n, time_t now)
{
    *at = 0;
    return 1;
}


void
ngx_http_gateway_metrics_start(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
}
