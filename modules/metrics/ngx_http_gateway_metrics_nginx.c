/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What nginx counts and knows: connections, zones of shared memory, its own
 * caches, workers and configurations.
 */

#include "ngx_http_gateway_counter.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_metrics.h"


/* as in the tool's version; a test compares them */
#define NGX_HTTP_GATEWAY_METRICS_VERSION  "0.1.0"


/* stub_status may not be in this nginx */

extern ngx_atomic_t  *ngx_stat_accepted;
extern ngx_atomic_t  *ngx_stat_handled;
extern ngx_atomic_t  *ngx_stat_active;
extern ngx_atomic_t  *ngx_stat_reading;
extern ngx_atomic_t  *ngx_stat_writing;
extern ngx_atomic_t  *ngx_stat_waiting;

#pragma weak ngx_stat_accepted
#pragma weak ngx_stat_handled
#pragma weak ngx_stat_active
#pragma weak ngx_stat_reading
#pragma weak ngx_stat_writing
#pragma weak ngx_stat_waiting


/*
 * Workers that began, that left, and whose end was noticed without that: own
 * counters of core, because the difference of a killed process is known there.
 */

struct ngx_http_gateway_metrics_losses_s {
    ngx_http_gateway_counter_t         *began;
    ngx_http_gateway_counter_t         *left;
    ngx_http_gateway_counter_t         *lost;
};


static void ngx_http_gateway_metrics_lost(void *data, ngx_uint_t at);
static ngx_int_t ngx_http_gateway_metrics_losses(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_loads(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_load_time(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_build(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_connections(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_accepted(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_handled(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_zone_size(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_zone_free(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_shm_zone_t *ngx_http_gateway_metrics_zone_at(ngx_uint_t i);
static ngx_uint_t ngx_http_gateway_metrics_zone_own(
    const ngx_shm_zone_t *zone);
#if (NGX_HTTP_CACHE)
static void ngx_http_gateway_metrics_cached_labels(void *data, ngx_uint_t i,
    ngx_str_t *values);
#endif


static const ngx_http_gateway_family_t  ngx_http_gateway_metrics_began = {
    "workers_began_total", "Workers that have started.",
    "counter", NGX_HTTP_GATEWAY_OWN
};

static const ngx_http_gateway_family_t  ngx_http_gateway_metrics_left = {
    "workers_left_total", "Workers that have left when told to.",
    "counter", NGX_HTTP_GATEWAY_OWN
};

static const ngx_http_gateway_family_t  ngx_http_gateway_metrics_lost_total = {
    "worker_losses_total", "Workers that have crashed or were killed.",
    "counter", NGX_HTTP_GATEWAY_OWN
};


static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_workers = {
    "workers", "Running workers, including those that are shutting down.",
    "", NGX_HTTP_GATEWAY_METRIC_GAUGE
};


typedef struct {
    ngx_http_gateway_metric_t           metric;
    ngx_http_gateway_reader_pt          read;
} ngx_http_gateway_metrics_reading_t;


static const ngx_http_gateway_metrics_reading_t
    ngx_http_gateway_metrics_readings[] =
{
    { { "worker_losses_total",
        "Workers that have crashed or were killed.",
        "", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_metrics_losses },

    { { "config_loads_total",
        "Configurations that nginx has loaded, the first one included.",
        "", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_metrics_loads },

    { { "config_last_load_timestamp_seconds",
        "When nginx has loaded its configuration.",
        "", NGX_HTTP_GATEWAY_METRIC_GAUGE },
      ngx_http_gateway_metrics_load_time },

    { { "build_info",
        "The versions of the gateway's modules and of nginx, always 1.",
        "version nginx", NGX_HTTP_GATEWAY_METRIC_GAUGE },
      ngx_http_gateway_metrics_build },

    { { "connections",
        "Client connections by state, as in stub_status.  \"active\" are all of "
        "them.",
        "state", NGX_HTTP_GATEWAY_METRIC_GAUGE },
      ngx_http_gateway_metrics_connections },

    { { "connections_accepted_total",
        "Client connections that nginx has accepted.",
        "", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_metrics_accepted },

    { { "connections_handled_total",
        "Accepted client connections, except for those that exceeded "
        "worker_connections.",
        "", NGX_HTTP_GATEWAY_METRIC_COUNTER },
      ngx_http_gateway_metrics_handled },

    { { "zone_size_bytes",
        "Sizes of the zones of shared memory.",
        "zone", NGX_HTTP_GATEWAY_METRIC_GAUGE },
      ngx_http_gateway_metrics_zone_size },

    { { "zone_free_bytes",
        "Free pages of the zones of nginx's own modules.",
        "zone", NGX_HTTP_GATEWAY_METRIC_GAUGE },
      ngx_http_gateway_metrics_zone_free }
};


#if (NGX_HTTP_CACHE)

static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_cached = {
    "proxy_cache_requests_total",
    "Requests by the status of nginx's cache (proxy_cache, fastcgi_cache).",
    "server status", NGX_HTTP_GATEWAY_METRIC_COUNTER
};

/* as in $upstream_cache_status, from NGX_HTTP_CACHE_MISS on */

static ngx_str_t  ngx_http_gateway_metrics_cache_words[] = {
    ngx_string("MISS"),
    ngx_string("BYPASS"),
    ngx_string("EXPIRED"),
    ngx_string("STALE"),
    ngx_string("UPDATING"),
    ngx_string("REVALIDATED"),
    ngx_string("HIT")
};

#define NGX_HTTP_GATEWAY_METRICS_CACHE_WORDS                                  \
    (sizeof(ngx_http_gateway_metrics_cache_words)                             \
     / sizeof(ngx_http_gateway_metrics_cache_words[0]))

#endif


ngx_int_t
ngx_http_gateway_metrics_nginx_add(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    ngx_str_t                            none;
    ngx_http_gateway_metrics_losses_t   *losses;

    losses = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_metrics_losses_t));
    if (losses == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&none);

    losses->began = ngx_http_gateway_counter_add(cf,
                                     &ngx_http_gateway_metrics_began, &none);
    losses->left = ngx_http_gateway_counter_add(cf,
                                     &ngx_http_gateway_metrics_left, &none);
    losses->lost = ngx_http_gateway_counter_add(cf,
                                &ngx_http_gateway_metrics_lost_total, &none);

    if (losses->began == NULL || losses->left == NULL || losses->lost == NULL) {
        return NGX_ERROR;
    }

    mmcf->losses = losses;

    return ngx_http_gateway_reclaim_add(cf, ngx_http_gateway_metrics_lost,
                                        losses);
}


ngx_int_t
ngx_http_gateway_metrics_nginx_init(ngx_conf_t *cf)
{
    ngx_str_t                                  *none;
    ngx_uint_t                                  i, n;
#if (NGX_HTTP_CACHE)
    ngx_http_core_srv_conf_t                  **cscfp;
    ngx_http_core_main_conf_t                  *cmcf;
    ngx_http_gateway_metrics_srv_conf_t        *mscf;
#endif
    ngx_http_gateway_metrics_main_conf_t       *mmcf;
    const ngx_http_gateway_metrics_reading_t   *reading;

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

#if (NGX_HTTP_CACHE)

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        mscf = cscfp[i]->ctx->srv_conf[
                                  ngx_http_gateway_metrics_module.ctx_index];

        if (ngx_http_gateway_vector_add(cf, &ngx_http_gateway_metrics_cached,
                                        NGX_HTTP_GATEWAY_METRICS_CACHE_WORDS,
                                        ngx_http_gateway_metrics_cached_labels,
                                        mscf, &mscf->cached)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

#endif

    none = NULL;

    if (ngx_http_gateway_metrics_certificate_init(cf) != NGX_OK
        || ngx_http_gateway_series_add(cf, &ngx_http_gateway_metrics_workers,
                                       none, &mmcf->workers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    reading = ngx_http_gateway_metrics_readings;
    n = sizeof(ngx_http_gateway_metrics_readings)
        / sizeof(ngx_http_gateway_metrics_readings[0]);

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_reader_add(cf, &reading[i].metric,
                                        reading[i].read, mmcf)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


#if (NGX_HTTP_CACHE)

static void
ngx_http_gateway_metrics_cached_labels(void *data, ngx_uint_t i,
    ngx_str_t *values)
{
    ngx_http_gateway_metrics_srv_conf_t *mscf = data;

    values[0] = mscf->label;
    values[1] = ngx_http_gateway_metrics_cache_words[i];
}

#endif


void
ngx_http_gateway_metrics_nginx_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
#if (NGX_HTTP_CACHE)
    ngx_uint_t                            status;
    ngx_http_gateway_metrics_srv_conf_t  *mscf;

    if (r->upstream == NULL || r->upstream->cache_status == 0) {
        return;
    }

    /* others are not in $upstream_cache_status */

    status = r->upstream->cache_status - 1;

    if (status < NGX_HTTP_GATEWAY_METRICS_CACHE_WORDS) {
        mscf = ngx_http_get_module_srv_conf(r,
                                            ngx_http_gateway_metrics_module);

        ngx_http_gateway_add_at(mscf->cached, status, 1);
    }
#endif
}


/*
 * The number of loads is that of the old cycle and one more.  It is in memory of
 * the configuration, which workers inherit.  At the first start, "ngx_cycle" has
 * no configuration; after a reload that has loaded the module, it has none of
 * this module.
 */

void
ngx_http_gateway_metrics_nginx_loaded(ngx_cycle_t *cycle)
{
    ngx_uint_t                              i;
    ngx_cycle_t                            *old;
    ngx_http_gateway_metrics_main_conf_t   *mmcf, *omcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_metrics_module);
    old = (ngx_cycle_t *) ngx_cycle;
    omcf = NULL;

    if (old != cycle && old->conf_ctx) {

        for (i = 0; old->modules[i]; i++) {
            if (old->modules[i] == &ngx_http_gateway_metrics_module) {
                omcf = ngx_http_cycle_get_module_main_conf(old,
                                              ngx_http_gateway_metrics_module);
            }
        }
    }

    mmcf->loads = omcf ? omcf->loads + 1 : 1;
    mmcf->loaded = ngx_time();
}


void
ngx_http_gateway_metrics_nginx_start(ngx_cycle_t *cycle)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_metrics_module);

    ngx_http_gateway_add(mmcf->workers, 1);
    ngx_http_gateway_count(mmcf->losses->began, 1);
}


/* not called if the worker was killed or has crashed */

void
ngx_http_gateway_metrics_nginx_exit(ngx_cycle_t *cycle)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_metrics_module);

    ngx_http_gateway_count(mmcf->losses->left, 1);
}


static void
ngx_http_gateway_metrics_lost(void *data, ngx_uint_t at)
{
    ngx_http_gateway_metrics_losses_t *losses = data;

    uint64_t  lost;

    lost = *ngx_http_gateway_counter_own(losses->began, at)
           - *ngx_http_gateway_counter_own(losses->left, at)
           - *ngx_http_gateway_counter_own(losses->lost, at);

    *ngx_http_gateway_counter_own(losses->lost, at) += lost;
}


/* core reclaims when a worker starts, as one does after a loss */

static ngx_int_t
ngx_http_gateway_metrics_losses(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_metrics_main_conf_t *mmcf = data;

    if (i > 0) {
        return NGX_DONE;
    }

    sample->value = ngx_http_gateway_counter_sum(mmcf->losses->lost);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_loads(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_metrics_main_conf_t *mmcf = data;

    sample->value = mmcf->loads;

    return i ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_load_time(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_metrics_main_conf_t *mmcf = data;

    sample->value = mmcf->loaded;

    return i ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_build(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_str_set(&sample->values[0], NGX_HTTP_GATEWAY_METRICS_VERSION);
    ngx_str_set(&sample->values[1], NGX_HTTP_GATEWAY_NGINX_VERSION);

    sample->value = 1;

    return i ? NGX_DONE : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_connections(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample)
{
    if (&ngx_stat_active == NULL) {
        return NGX_DONE;
    }

    switch (i) {

    case 0:
        ngx_str_set(&sample->values[0], "active");
        sample->value = *ngx_stat_active;
        break;

    case 1:
        ngx_str_set(&sample->values[0], "reading");
        sample->value = *ngx_stat_reading;
        break;

    case 2:
        ngx_str_set(&sample->values[0], "writing");
        sample->value = *ngx_stat_writing;
        break;

    case 3:
        ngx_str_set(&sample->values[0], "waiting");
        sample->value = *ngx_stat_waiting;
        break;

    default:
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_accepted(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    if (&ngx_stat_accepted == NULL || i > 0) {
        return NGX_DONE;
    }

    sample->value = *ngx_stat_accepted;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_handled(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    if (&ngx_stat_handled == NULL || i > 0) {
        return NGX_DONE;
    }

    sample->value = *ngx_stat_handled;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_zone_size(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_http_gateway_metrics_zone_at(i);
    if (zone == NULL) {
        return NGX_DONE;
    }

    sample->values[0] = zone->shm.name;
    sample->value = zone->shm.size;

    return NGX_OK;
}


/*
 * The allocator's number of free pages is read without its lock.  The suite's
 * own zones take all pages when they are made.
 */

static ngx_int_t
ngx_http_gateway_metrics_zone_free(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_shm_zone_t   *zone;
    ngx_slab_pool_t  *shpool;

    zone = ngx_http_gateway_metrics_zone_at(i);

    if (zone == NULL) {
        return NGX_DONE;
    }

    if (ngx_http_gateway_metrics_zone_own(zone)) {
        return NGX_DECLINED;
    }

    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    sample->values[0] = zone->shm.name;
    sample->value = (double) *(volatile ngx_uint_t *) &shpool->pfree
                    * ngx_pagesize;

    return NGX_OK;
}


static ngx_shm_zone_t *
ngx_http_gateway_metrics_zone_at(ngx_uint_t i)
{
    ngx_list_part_t  *part;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
         part;
         part = part->next)
    {
        if (i < part->nelts) {
            return (ngx_shm_zone_t *) part->elts + i;
        }

        i -= part->nelts;
    }

    return NULL;
}


/* the tag of a zone is its module */

static ngx_uint_t
ngx_http_gateway_metrics_zone_own(const ngx_shm_zone_t *zone)
{
    ngx_uint_t  i;

    for (i = 0; ngx_cycle->modules[i]; i++) {

        if (ngx_cycle->modules[i] == zone->tag) {
            return ngx_strncmp(ngx_cycle->modules[i]->name,
                               "ngx_http_gateway_", 17)
                   == 0;
        }
    }

    return 0;
}
