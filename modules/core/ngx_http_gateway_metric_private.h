/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parts of ngx_http_gateway_metric.h: _metric.c has the families and series of
 * a configuration, _metric_zone.c the zone and the worker, _metric_scan.c
 * reads.
 */

#ifndef _NGX_HTTP_GATEWAY_METRIC_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRIC_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_metric.h"
#include "gw_series.h"


typedef struct {
    ngx_http_gateway_reader_pt      read;
    void                           *data;
} ngx_http_gateway_metric_reader_t;


typedef struct ngx_http_gateway_metric_family_s {
    const ngx_http_gateway_metric_t *metric;
    ngx_uint_t                      nlabels;
    ngx_str_t                       labels[NGX_HTTP_GATEWAY_METRIC_LABELS];
    ngx_array_t                     readers;    /* reader_t */
    ngx_http_gateway_series_t      *overflow;   /* metrics_overflow_total;
                                                   NULL: no series are made at
                                                   run time */

    /* of this worker */
    uint16_t                        id;         /* in the zone; 0: no room */
    uint64_t                       *other;      /* NULL: none */
} ngx_http_gateway_metric_family_t;


typedef struct {
    ngx_http_gateway_forget_pt      forget;
    void                           *data;
} ngx_http_gateway_metric_forget_t;


/* of a configuration with a zone */

typedef struct ngx_http_gateway_metrics_s {
    ngx_str_t                       name;
    ngx_uint_t                      routes;
    ngx_pool_t                     *pool;       /* the configuration's */
    ngx_cycle_t                    *cycle;
    gw_cells_t                      durations;
    gw_cells_t                      sizes;
    ngx_array_t                     families;   /* family_t * */
    ngx_array_t                     series;     /* series_t * */
    ngx_array_t                     vectors;    /* vector_t * */
    ngx_array_t                     forgets;    /* forget_t */
    ngx_array_t                     views;      /* family_view_t, in workers */
    gw_series_room_t                need;       /* without words of gauges */
    ngx_uint_t                      need_gauges;    /* series */

    ngx_shm_zone_t                 *replaced;   /* of the old cycle, or NULL */
    gw_series_t                     store;
    uint64_t                        conf;       /* number */
    ngx_event_t                     timer;
    ngx_uint_t                      lost;       /* series without cells */
} ngx_http_gateway_metrics_t;


/* of this worker; NULL: there is no zone, or no place in it */
extern ngx_http_gateway_metrics_t  *ngx_http_gateway_metrics;


/* where processes that are not workers count; never read */
extern uint64_t  ngx_http_gateway_metric_nowhere[];


/* a family's name for gw_series_find(), without labels */
void ngx_http_gateway_metric_name(const ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, gw_series_name_t *name);

/*
 * Finds or makes a series.  "values" NULL: "__other__".  0: no room.
 */
uint32_t ngx_http_gateway_metric_find(ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, const ngx_str_t *values,
    ngx_uint_t named);

/* the words of the worker for a node; never NULL */
uint64_t *ngx_http_gateway_metric_words(ngx_http_gateway_metrics_t *m,
    uint32_t node);

/* makes m->views; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_metric_views(ngx_http_gateway_metrics_t *m);

/* adds room for "n" series with labels of this length to what is needed */
void ngx_http_gateway_metric_need(ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, size_t text, ngx_uint_t n);


#endif /* _NGX_HTTP_GATEWAY_METRIC_PRIVATE_H_INCLUDED_ */
