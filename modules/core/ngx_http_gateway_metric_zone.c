/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The zone of metrics, and a worker's place in it: see
 * ngx_http_gateway_metric.h.
 *
 * The zone is divided when it is made, by what the configuration needs.  A
 * reload with the same size and buckets keeps it, and changes nothing in it
 * that is printed: workers add their series when they start.
 */


#include "ngx_http_gateway_metric_private.h"

#include <openssl/rand.h>


/* ms; how often a worker looks whether series end */
#define NGX_HTTP_GATEWAY_METRIC_ACK  5000

/* words of gauges: 4 generations of workers, and at least this many */
#define NGX_HTTP_GATEWAY_METRIC_GAUGES  64

/* pages for the slab allocator's own data */
#define NGX_HTTP_GATEWAY_METRIC_PAGES  3

/* s; when a series without events ends that no configuration names */
#define NGX_HTTP_GATEWAY_METRIC_IDLE  3600


static ngx_shm_zone_t *ngx_http_gateway_metric_old_zone(ngx_conf_t *cf,
    const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_metric_same(
    const ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metrics_t *old);
static void ngx_http_gateway_metric_undo(void *data);
static ngx_int_t ngx_http_gateway_metric_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_gateway_metric_make(ngx_http_gateway_metrics_t *m,
    ngx_slab_pool_t *shpool, ngx_log_t *log);
static void ngx_http_gateway_metric_stripes(
    const ngx_http_gateway_metrics_t *m, unsigned *stripes, unsigned *gauges);
static size_t ngx_http_gateway_metric_needed(
    const ngx_http_gateway_metrics_t *m, unsigned stripes, unsigned gauges,
    gw_series_room_t *need);
static ngx_int_t ngx_http_gateway_metric_fits(
    const ngx_http_gateway_metrics_t *m, size_t has, size_t size,
    ngx_log_t *log);
static void ngx_http_gateway_metric_leave(ngx_http_gateway_metrics_t *m);
static void ngx_http_gateway_metric_series(ngx_http_gateway_metrics_t *m,
    ngx_cycle_t *cycle);
static void ngx_http_gateway_metric_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_gateway_metric_place(ngx_http_gateway_metrics_t *m,
    ngx_uint_t first);
static void ngx_http_gateway_metric_ack(ngx_http_gateway_metrics_t *m);
static void ngx_http_gateway_metric_forget(ngx_http_gateway_metrics_t *m);
static int ngx_http_gateway_metric_gone(void *data, uint64_t process);

ngx_int_t
ngx_http_gateway_metrics_zone(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    const uint64_t *buckets, ngx_uint_t n)
{
    ngx_str_t                      full;
    ngx_shm_zone_t                *shm_zone, *old;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_metrics_t    *m;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "a zone of metrics", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    m = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_t));
    if (m == NULL
        || ngx_array_init(&m->families, cf->pool, 64, sizeof(void *)) != NGX_OK
        || ngx_array_init(&m->series, cf->pool, 64, sizeof(void *)) != NGX_OK
        || ngx_array_init(&m->vectors, cf->pool, 64, sizeof(void *)) != NGX_OK
        || ngx_array_init(&m->forgets, cf->pool, 4,
                          sizeof(ngx_http_gateway_metric_forget_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    m->pool = cf->pool;
    m->cycle = cf->cycle;
    m->name = *name;
    gw_cells_durations(&m->durations, buckets, n);
    gw_cells_sizes(&m->sizes);

    full.len = sizeof("gateway_metrics:") - 1 + name->len;
    full.data = ngx_pnalloc(cf->pool, full.len);
    if (full.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(full.data, "gateway_metrics:%V", name);

    shm_zone = ngx_shared_memory_add(cf, &full, size,
                                     &ngx_http_gateway_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_gateway_metric_init_zone;
    shm_zone->data = m;

    old = ngx_http_gateway_metric_old_zone(cf, &full);

    if (old && (old->shm.size != size
                || !ngx_http_gateway_metric_same(m, old->data)))
    {
        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_gateway_metric_undo;
        cln->data = shm_zone;

        m->replaced = old;
        shm_zone->noreuse = 1;
    }

    gmcf->metrics = m;

    return NGX_OK;
}


/*
 * The reload failed.  nginx does not free the new zone if the old one has the
 * same size: it takes it for the old one.
 */

static void
ngx_http_gateway_metric_undo(void *data)
{
    ngx_shm_zone_t *shm_zone = data;

    ngx_http_gateway_metrics_t  *m;

    m = shm_zone->data;

    if (m->replaced && m->replaced->shm.size == shm_zone->shm.size
        && shm_zone->shm.addr && shm_zone->shm.addr != m->replaced->shm.addr)
    {
        ngx_shm_free(&shm_zone->shm);
    }
}


static ngx_shm_zone_t *
ngx_http_gateway_metric_old_zone(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_shm_zone_t   *zone;
    ngx_list_part_t  *part;

    old = cf->cycle->old_cycle;

    if (old == NULL || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag == &ngx_http_gateway_module
                && ngx_http_gateway_same(&zone[i].shm.name, name))
            {
                return &zone[i];
            }
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_gateway_metric_same(const ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metrics_t *old)
{
    return m->durations.nbuckets == old->durations.nbuckets
           && ngx_memcmp(m->durations.bucket, old->durations.bucket,
                         m->durations.nbuckets * sizeof(uint64_t))
              == 0;
}


/*
 * In init_module, which a failed reload does not reach: nginx then frees the
 * zone that this configuration has replaced.
 *
 * With "master_process off", nginx does not call init_process after a reload.
 */

void
ngx_http_gateway_metrics_replace(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
    if (gmcf && gmcf->metrics && gmcf->metrics->replaced) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "gateway_metrics_zone \"%V\" has another size or other "
                      "buckets, counts start at 0", &gmcf->metrics->name);

        gmcf->metrics->replaced->noreuse = 1;
        gmcf->metrics->replaced = NULL;
    }

    if (ngx_http_gateway_metrics) {
        ngx_http_gateway_metrics_start(cycle, gmcf);
    }
}


ngx_int_t
ngx_http_gateway_metrics_reserve(ngx_conf_t *cf, size_t size)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (gmcf->metrics) {
        gmcf->metrics->need.area += size;
    }

    return NGX_OK;
}


void *
ngx_http_gateway_metrics_area(size_t *size)
{
    if (ngx_http_gateway_metrics == NULL) {
        *size = 0;
        return NULL;
    }

    *size = ngx_http_gateway_metrics->store.room.area;

    return ngx_http_gateway_metrics->store.area;
}


ngx_uint_t
ngx_http_gateway_metrics_number(void)
{
    return ngx_http_gateway_metrics ? ngx_http_gateway_metrics->conf : 0;
}


static ngx_int_t
ngx_http_gateway_metric_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_log_t                   *log;
    ngx_slab_pool_t             *shpool;
    ngx_http_gateway_metrics_t  *m;

    m = shm_zone->data;
    log = shm_zone->shm.log;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* the next reload may keep the zone */

    shm_zone->noreuse = 0;

    /*
     * Since 1.27.3, "data" is that of the old zone also if "noreuse" has made
     * nginx allocate new memory.
     */

    if (shpool->data) {
        gw_series_open(&m->store, shpool->data);

        if (ngx_http_gateway_metric_fits(m, gw_series_size(&m->store.room,
                                                           m->store.stripes),
                                         shm_zone->shm.size, log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (ngx_http_gateway_metric_make(m, shpool, log) != NGX_OK) {
        return NGX_ERROR;
    }

    m->conf = gw_series_conf(&m->store);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metric_make(ngx_http_gateway_metrics_t *m,
    ngx_slab_pool_t *shpool, ngx_log_t *log)
{
    size_t             size;
    void              *memory;
    unsigned           stripes, gauges;
    uint64_t           secret[2];
    gw_series_room_t   need;

    size = shpool->pfree * ngx_pagesize;

    if (ngx_http_gateway_metric_fits(m, size, shpool->end - (u_char *) shpool,
                                     log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    memory = ngx_http_gateway_zone_alloc(shpool, size);
    if (memory == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) secret, sizeof(secret)) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    ngx_http_gateway_metric_stripes(m, &stripes, &gauges);
    ngx_http_gateway_metric_needed(m, stripes, gauges, &need);

    if (!gw_series_init(memory, size, &need, stripes, gauges, secret)) {
        return NGX_ERROR;
    }

    shpool->data = memory;
    gw_series_open(&m->store, memory);

    return NGX_OK;
}


/* two generations of workers have a stripe for each process */

static void
ngx_http_gateway_metric_stripes(const ngx_http_gateway_metrics_t *m,
    unsigned *stripes, unsigned *gauges)
{
    ngx_int_t         workers;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(m->cycle->conf_ctx,
                                           ngx_core_module);

    workers = ngx_max(ccf->worker_processes, 1);

    *stripes = ngx_min(2 * workers, GW_SERIES_STRIPES);
    *gauges = ngx_max(4 * workers, NGX_HTTP_GATEWAY_METRIC_GAUGES);
    *gauges = ngx_min(*gauges, GW_SERIES_PLACES);
}


/* the size, in bytes, of what the series need */

static size_t
ngx_http_gateway_metric_needed(const ngx_http_gateway_metrics_t *m,
    unsigned stripes, unsigned gauges, gw_series_room_t *need)
{
    gw_series_name_t  name;

    ngx_memzero(&name, sizeof(gw_series_name_t));
    name.kind = GW_SERIES_GAUGE;

    *need = m->need;
    need->cells += m->need_gauges * gw_series_cells(&name, stripes, gauges);

    return gw_series_size(need, stripes);
}


/* "has" bytes of a zone of "size" can be used */

static ngx_int_t
ngx_http_gateway_metric_fits(const ngx_http_gateway_metrics_t *m, size_t has,
    size_t size, ngx_log_t *log)
{
    size_t             least;
    unsigned           stripes, gauges;
    gw_series_room_t   need;

    ngx_http_gateway_metric_stripes(m, &stripes, &gauges);

    /* a zone that is kept has the stripes that it was made with */

    least = m->store.sh
            ? ngx_http_gateway_metric_needed(m, m->store.stripes,
                                             m->store.gauges, &need)
            : ngx_http_gateway_metric_needed(m, stripes, gauges, &need);

    if (least <= has) {
        return NGX_OK;
    }

    /* that of a new zone; the allocator has a description of each page */

    least = ngx_http_gateway_metric_needed(m, stripes, gauges, &need);

    least = (least / ngx_pagesize + NGX_HTTP_GATEWAY_METRIC_PAGES)
            * (ngx_pagesize + sizeof(ngx_slab_page_t));
    least = ngx_max(least, size + 1);

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "zone \"%V\" of \"gateway_metrics_zone\" is too small for "
                  "%ui routes, at least %uzm is needed", &m->name, m->routes,
                  (least + 1024 * 1024 - 1) / (1024 * 1024));

    return NGX_ERROR;
}


/*
 * With "master_process off", this is called again after a reload.  The process
 * keeps its place and the older number of the configuration, whose requests may
 * still count.
 */

void
ngx_http_gateway_metrics_start(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_http_gateway_metrics_t  *m, *last;

    last = ngx_http_gateway_metrics;
    m = gmcf ? gmcf->metrics : NULL;

    ngx_http_gateway_metrics = NULL;

    if (last) {
        ngx_del_timer(&last->timer);

        if (m == NULL || m->store.sh != last->store.sh) {
            ngx_http_gateway_metric_leave(last);
            last = NULL;
        }
    }

    if (m == NULL) {
        return;
    }

    if (last) {
        m->store.self = last->store.self;
        m->store.place = last->store.place;
        m->store.conf = m->conf;

    } else if (!gw_series_take(&m->store, ngx_http_gateway_process_self(),
                               m->conf, ngx_http_gateway_metric_gone, NULL))
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "gateway_metrics_zone \"%V\" has no place for this "
                      "process, more than %d processes have not exited, "
                      "nothing is counted", &m->name, GW_SERIES_PLACES);
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, cycle->log, 0,
                   "gateway metrics: place %ud", m->store.place);

    ngx_http_gateway_metrics = m;

    if (ngx_http_gateway_metric_views(m) != NGX_OK) {
        m->views.nelts = 0;
    }

    ngx_http_gateway_metric_series(m, cycle);

    m->timer.handler = ngx_http_gateway_metric_timer;
    m->timer.data = m;
    m->timer.log = cycle->log;
    m->timer.cancelable = 1;

    ngx_add_timer(&m->timer, NGX_HTTP_GATEWAY_METRIC_ACK);
}


/* the memory of the zone is about to be freed */

static void
ngx_http_gateway_metric_leave(ngx_http_gateway_metrics_t *m)
{
    ngx_uint_t                          i, k;
    ngx_http_gateway_vector_t         **vector;
    ngx_http_gateway_series_t         **series;
    ngx_http_gateway_metric_family_t  **family;

    family = m->families.elts;

    for (i = 0; i < m->families.nelts; i++) {
        family[i]->id = 0;
        family[i]->other = NULL;
    }

    series = m->series.elts;

    for (i = 0; i < m->series.nelts; i++) {
        series[i]->cells = ngx_http_gateway_metric_nowhere;
    }

    vector = m->vectors.elts;

    for (i = 0; i < m->vectors.nelts; i++) {
        for (k = 0; vector[i]->rows && k < vector[i]->n; k++) {
            vector[i]->rows[k].cells = ngx_http_gateway_metric_nowhere;
        }
    }

    ngx_http_gateway_metric_forget(m);
}


/* the series of the configuration */

static void
ngx_http_gateway_metric_series(ngx_http_gateway_metrics_t *m,
    ngx_cycle_t *cycle)
{
    uint32_t                            node;
    ngx_uint_t                          i;
    const char                         *name;
    ngx_http_gateway_metric_family_t  **family, *f;

    family = m->families.elts;

    for (i = 0; i < m->families.nelts; i++) {
        f = family[i];
        name = f->metric->name;
        f->id = gw_series_family(&m->store, name, ngx_strlen(name));

        node = f->overflow ? ngx_http_gateway_metric_find(m, f, NULL, 1) : 0;
        f->other = node ? ngx_http_gateway_metric_words(m, node) : NULL;
    }

    m->lost = ngx_http_gateway_metric_place(m, 1);

    if (m->lost) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "gateway_metrics_zone \"%V\" has no room for %ui series "
                      "of this configuration, they are not counted", &m->name,
                      m->lost);
    }
}


/*
 * Finds or makes the series that have no cells, and returns how many are left
 * without.  Later there may be room, when series of an older configuration have
 * ended.  A gauge is only placed at first, since what was added to it elsewhere
 * will be subtracted.
 */

static ngx_uint_t
ngx_http_gateway_metric_place(ngx_http_gateway_metrics_t *m, ngx_uint_t first)
{
    ngx_uint_t                   i, lost;
    ngx_http_gateway_series_t  **series, *s;

    series = m->series.elts;
    lost = 0;

    for (i = 0; i < m->series.nelts; i++) {
        s = series[i];

        if (!first
            && (s->node
                || s->family->metric->kind == NGX_HTTP_GATEWAY_METRIC_GAUGE))
        {
            continue;
        }

        s->node = ngx_http_gateway_metric_find(m, s->family, s->values, 1);

        if (s->node) {
            s->cells = ngx_http_gateway_metric_words(m, s->node);
            continue;
        }

        lost++;

        if (s->family->other) {
            s->cells = s->family->other;
        }
    }

    return lost;
}


static void
ngx_http_gateway_metric_timer(ngx_event_t *ev)
{
    ngx_http_gateway_metrics_t  *m;

    m = ev->data;

    ngx_http_gateway_metric_ack(m);

    if (m->lost) {
        m->lost = ngx_http_gateway_metric_place(m, 0);
    }

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_METRIC_ACK);
}


/* what the configuration names is kept, everything else is forgotten */

static void
ngx_http_gateway_metric_ack(ngx_http_gateway_metrics_t *m)
{
    uint64_t                            epoch;
    ngx_uint_t                          i, k;
    ngx_http_gateway_vector_t         **vector;
    ngx_http_gateway_series_t         **series;

    if (!gw_series_asked(&m->store, &epoch)) {
        return;
    }

    series = m->series.elts;

    for (i = 0; i < m->series.nelts; i++) {
        if (series[i]->node) {
            gw_series_keep(&m->store, series[i]->node);
        }
    }

    vector = m->vectors.elts;

    for (i = 0; i < m->vectors.nelts; i++) {
        for (k = 0; vector[i]->rows && k < vector[i]->n; k++) {
            if (vector[i]->rows[k].cells) {
                gw_series_keep(&m->store, vector[i]->rows[k].node);
            }
        }
    }

    ngx_http_gateway_metric_forget(m);

    gw_series_ack(&m->store, epoch);
}


/* modules forget the cells that they have found */

static void
ngx_http_gateway_metric_forget(ngx_http_gateway_metrics_t *m)
{
    ngx_uint_t                         i;
    ngx_http_gateway_metric_forget_t  *forget;

    forget = m->forgets.elts;

    for (i = 0; i < m->forgets.nelts; i++) {
        forget[i].forget(forget[i].data);
    }
}


static int
ngx_http_gateway_metric_gone(void *data, uint64_t process)
{
    return (int) ngx_http_gateway_process_gone(process);
}


ngx_int_t
ngx_http_gateway_series_end(uint32_t node, uint64_t key)
{
    return (ngx_http_gateway_metrics
            && gw_series_end(&ngx_http_gateway_metrics->store, node, key))
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_http_gateway_series_step(uint32_t *at, ngx_uint_t n, time_t now)
{
    if (ngx_http_gateway_metrics == NULL) {
        *at = 0;
        return 1;
    }

    return gw_series_step(&ngx_http_gateway_metrics->store, at, n, now,
                          NGX_HTTP_GATEWAY_METRIC_IDLE,
                          ngx_http_gateway_metric_gone, NULL);
}
