/* SPDX-License-Identifier: BSD-2-Clause */

/* counters: see ngx_http_gateway_counter.h */

#include "ngx_http_gateway_counter.h"
#include "gw_siphash.h"
#include "gw_stripe.h"


/* the index of a striped counter that does not fit into the zone */
#define NGX_HTTP_GATEWAY_COUNTER_NONE  ((ngx_uint_t) -1)

/* pages for the slab allocator's own data */
#define NGX_HTTP_GATEWAY_COUNTER_PAGES  16


typedef struct {
    ngx_http_gateway_reclaim_pt     handler;
    void                           *data;
} ngx_http_gateway_reclaim_t;


static ngx_http_gateway_main_conf_t *ngx_http_gateway_counter_conf(
    ngx_conf_t *cf, const char *what);
static ngx_int_t ngx_http_gateway_counter_zone(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf);
static ngx_int_t ngx_http_gateway_counter_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_gateway_counter_index(
    gw_stripes_t *stripes, const gw_stripe_conf_t *conf,
    ngx_http_gateway_counter_t *counter, ngx_log_t *log);
static gw_stripe_kind_e ngx_http_gateway_counter_kind(
    const ngx_http_gateway_counter_t *counter);
static int ngx_http_gateway_counter_gone(void *data, uint64_t process);
static void ngx_http_gateway_counter_reclaim(void *data, unsigned place);


/* of this process; the second one receives counts of processes not in a zone */

static struct {
    gw_stripes_t                   *stripes;
    uint64_t                        self;
    unsigned                        place;
} ngx_http_gateway_counters;

static uint64_t  ngx_http_gateway_counter_nowhere;


ngx_http_gateway_counter_t *
ngx_http_gateway_counter_add(ngx_conf_t *cf,
    const ngx_http_gateway_family_t *family, ngx_str_t *labels)
{
    ngx_uint_t                      i;
    ngx_http_gateway_counter_t     *counter, **added;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = ngx_http_gateway_counter_conf(cf, "a counter");
    if (gmcf == NULL) {
        return NULL;
    }

    added = gmcf->counters->elts;

    for (i = 0; i < gmcf->counters->nelts; i++) {
        if (ngx_strcmp(added[i]->family->name, family->name) == 0
            && ngx_http_gateway_same(&added[i]->labels, labels))
        {
            return added[i];
        }
    }

    counter = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_counter_t));
    added = ngx_array_push(gmcf->counters);

    if (counter == NULL || added == NULL) {
        return NULL;
    }

    counter->family = family;
    counter->labels = *labels;
    counter->cell = &ngx_http_gateway_counter_nowhere;
    counter->index = NGX_HTTP_GATEWAY_COUNTER_NONE;
    counter->directive = *(ngx_str_t *) cf->args->elts;
    ngx_http_gateway_place(cf, &counter->place);

    *added = counter;

    return counter;
}


ngx_int_t
ngx_http_gateway_reclaim_add(ngx_conf_t *cf,
    ngx_http_gateway_reclaim_pt handler, void *data)
{
    ngx_http_gateway_reclaim_t    *reclaim;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_counter_conf(cf, "a reclaim of counters");
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    reclaim = ngx_array_push(gmcf->reclaims);
    if (reclaim == NULL) {
        return NGX_ERROR;
    }

    reclaim->handler = handler;
    reclaim->data = data;

    return NGX_OK;
}


/* the first call adds the zone; NULL after an [emerg], or if no memory */

static ngx_http_gateway_main_conf_t *
ngx_http_gateway_counter_conf(ngx_conf_t *cf, const char *what)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, what, 0);

    if (gmcf == NULL || gmcf->counters) {
        return gmcf;
    }

    return ngx_http_gateway_counter_zone(cf, gmcf) == NGX_OK ? gmcf : NULL;
}


static ngx_int_t
ngx_http_gateway_counter_zone(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    static ngx_str_t  name = ngx_string("gateway:counters");

    size_t           size;
    ngx_shm_zone_t  *shm_zone;

    size = ngx_align(gw_stripe_size(), ngx_pagesize)
           + NGX_HTTP_GATEWAY_COUNTER_PAGES * ngx_pagesize;
    size += size / ngx_pagesize * sizeof(ngx_slab_page_t);

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_http_gateway_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_gateway_counter_init_zone;
    shm_zone->data = gmcf;

    gmcf->reclaims = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_gateway_reclaim_t));
    gmcf->counters = ngx_array_create(cf->pool, 8,
                                      sizeof(ngx_http_gateway_counter_t *));

    return (gmcf->reclaims && gmcf->counters) ? NGX_OK : NGX_ERROR;
}


/*
 * On a reload the zone is shared with the running workers.  Adding a name does
 * not affect them, even if the reload fails: it only replaces a name that no
 * worker uses.
 */

static ngx_int_t
ngx_http_gateway_counter_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_main_conf_t *old = data;

    ngx_uint_t                      i;
    ngx_slab_pool_t                *shpool;
    gw_stripe_conf_t                conf;
    ngx_http_gateway_counter_t    **counter;
    ngx_http_gateway_main_conf_t   *gmcf;

    gmcf = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        gmcf->stripes = old->stripes;

    } else if (shm_zone->shm.exists) {
        gmcf->stripes = shpool->data;

    } else {
        gmcf->stripes = ngx_slab_alloc(shpool, gw_stripe_size());
        if (gmcf->stripes == NULL) {
            return NGX_ERROR;
        }

        gw_stripe_init(gmcf->stripes);
        shpool->data = gmcf->stripes;
    }

    gw_stripe_conf(gmcf->stripes, &conf, old ? old->stripes_conf : 0,
                   ngx_http_gateway_counter_gone, NULL);
    gmcf->stripes_conf = conf.number;

    counter = gmcf->counters->elts;

    for (i = 0; i < gmcf->counters->nelts; i++) {
        if (ngx_http_gateway_counter_index(gmcf->stripes, &conf, counter[i],
                                           shm_zone->shm.log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Names come from the configuration, so the key of the hash is not secret.
 *
 * If an own counter or a word has no room, the configuration is refused: own
 * counters are reclaimed together, and losses would be wrong without one of
 * them; the state in a word would not be shared by the workers.
 */

static ngx_int_t
ngx_http_gateway_counter_index(gw_stripes_t *stripes,
    const gw_stripe_conf_t *conf, ngx_http_gateway_counter_t *counter,
    ngx_log_t *log)
{
    static const uint64_t  key[2] = { 0, 0 };

    int                index;
    u_char            *name, *p;
    size_t             len;
    uint64_t           hash[2];
    gw_stripe_kind_e   kind;

    len = ngx_strlen(counter->family->name);

    name = ngx_alloc(len + counter->labels.len + 2, log);
    if (name == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(name, "%s{%V}", counter->family->name, &counter->labels);

    gw_siphash(key, name, p - name, hash);
    ngx_free(name);

    kind = ngx_http_gateway_counter_kind(counter);
    index = gw_stripe_index(stripes, conf, kind, hash);

    if (index >= 0) {
        counter->index = index;
        return NGX_OK;
    }

    if (counter->family->kind != NGX_HTTP_GATEWAY_STRIPED) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "gateway: no room for %s{%V}, this configuration and "
                      "those of workers that have not exited need more than "
                      "%d counters, in \"%V\" in %V:%ui",
                      counter->family->name, &counter->labels,
                      kind == GW_STRIPE_KIND_OWN ? GW_STRIPE_OWN
                                                 : GW_STRIPE_STRIPED,
                      &counter->directive,
                      ngx_http_gateway_place_args(&counter->place));
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "gateway: %s{%V} is not counted, this configuration and "
                  "those of workers that have not exited need more than "
                  "%d counters", counter->family->name, &counter->labels,
                  GW_STRIPE_STRIPED);

    return NGX_OK;
}


static gw_stripe_kind_e
ngx_http_gateway_counter_kind(const ngx_http_gateway_counter_t *counter)
{
    return counter->family->kind == NGX_HTTP_GATEWAY_OWN
           ? GW_STRIPE_KIND_OWN : GW_STRIPE_KIND_STRIPED;
}


void
ngx_http_gateway_counters_start(ngx_http_gateway_main_conf_t *gmcf)
{
    uint64_t                      *cell;
    ngx_uint_t                     i;
    ngx_http_gateway_counter_t   **counter;

    if (gmcf->counters == NULL) {
        return;
    }

    ngx_http_gateway_counters.stripes = gmcf->stripes;
    ngx_http_gateway_counters.self = ngx_http_gateway_process_self();
    ngx_http_gateway_counters.place =
        gw_stripe_take(gmcf->stripes, gmcf->stripes_conf,
                       ngx_http_gateway_counters.self,
                       ngx_http_gateway_counter_gone,
                       ngx_http_gateway_counter_reclaim, gmcf);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway counters: place %ud",
                   ngx_http_gateway_counters.place);

    counter = gmcf->counters->elts;

    for (i = 0; i < gmcf->counters->nelts; i++) {

        if (counter[i]->index == NGX_HTTP_GATEWAY_COUNTER_NONE) {
            continue;
        }

        cell = (counter[i]->family->kind == NGX_HTTP_GATEWAY_WORD)
               ? ngx_http_gateway_counter_word(counter[i])
               : gw_stripe_cell(gmcf->stripes,
                                ngx_http_gateway_counter_kind(counter[i]),
                                counter[i]->index,
                                ngx_http_gateway_counters.place);
        if (cell) {
            counter[i]->cell = cell;
        }
    }
}


void
ngx_http_gateway_counters_reclaim(void)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_gateway_module);

    if (gmcf == NULL
        || gmcf->counters == NULL
        || gmcf->stripes != ngx_http_gateway_counters.stripes
        || ngx_http_gateway_counters.place == GW_STRIPE_PLACES)
    {
        return;
    }

    gw_stripe_reclaim(ngx_http_gateway_counters.stripes,
                      ngx_http_gateway_counters.self,
                      ngx_http_gateway_counters.place,
                      ngx_http_gateway_counter_gone,
                      ngx_http_gateway_counter_reclaim, gmcf);
}


static int
ngx_http_gateway_counter_gone(void *data, uint64_t process)
{
    return (int) ngx_http_gateway_process_gone(process);
}


static void
ngx_http_gateway_counter_reclaim(void *data, unsigned place)
{
    ngx_http_gateway_main_conf_t *gmcf = data;

    ngx_uint_t                   i;
    ngx_http_gateway_reclaim_t  *reclaim;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway counters: reclaiming place %ud of a process that "
                   "is gone", place);

    reclaim = gmcf->reclaims->elts;

    for (i = 0; i < gmcf->reclaims->nelts; i++) {
        reclaim[i].handler(reclaim[i].data, place);
    }
}


uint64_t *
ngx_http_gateway_counter_own(const ngx_http_gateway_counter_t *counter,
    ngx_uint_t at)
{
    return gw_stripe_cell(ngx_http_gateway_counters.stripes,
                          GW_STRIPE_KIND_OWN, counter->index, at);
}


/* a word has only the cell that all places share */

uint64_t *
ngx_http_gateway_counter_word(const ngx_http_gateway_counter_t *counter)
{
    if (ngx_http_gateway_counters.stripes == NULL) {
        return &ngx_http_gateway_counter_nowhere;
    }

    return gw_stripe_cell(ngx_http_gateway_counters.stripes,
                          GW_STRIPE_KIND_STRIPED, counter->index,
                          GW_STRIPE_PLACES);
}


uint64_t
ngx_http_gateway_counter_sum(const ngx_http_gateway_counter_t *counter)
{
    if (ngx_http_gateway_counters.stripes == NULL
        || counter->index == NGX_HTTP_GATEWAY_COUNTER_NONE)
    {
        return 0;
    }

    return gw_stripe_sum(ngx_http_gateway_counters.stripes,
                         ngx_http_gateway_counter_kind(counter),
                         counter->index);
}
