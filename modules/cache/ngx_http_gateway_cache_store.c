/* SPDX-License-Identifier: BSD-2-Clause */

/* the zone of a cache: see ngx_http_gateway_cache_store.h */

#include "ngx_http_gateway_cache_store.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_CACHE_SHARD   (16 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_CACHE_PASS    32       /* s, to sweep all entries */
#define NGX_HTTP_GATEWAY_CACHE_PLACES  256      /* minimum, swept at a time */
#define NGX_HTTP_GATEWAY_CACHE_SETTLE  10       /* s */


static ngx_int_t ngx_http_gateway_cache_shard_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone, ngx_uint_t n);
static ngx_int_t ngx_http_gateway_cache_counters_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone);
static ngx_http_gateway_counter_t *ngx_http_gateway_cache_counter_add(
    ngx_conf_t *cf, ngx_http_gateway_cache_zone_t *zone,
    const ngx_http_gateway_family_t *family, const char *label,
    const ngx_str_t *value);
static ngx_int_t ngx_http_gateway_cache_shard_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_gateway_cache_shard_make(
    ngx_http_gateway_cache_shard_t *shard, ngx_log_t *log);
static void ngx_http_gateway_cache_shard_user(
    ngx_http_gateway_cache_shard_t *shard);
static void ngx_http_gateway_cache_lock(void *data);
static void ngx_http_gateway_cache_unlock(void *data);
static int ngx_http_gateway_cache_gone(void *data, uint64_t process);
static void ngx_http_gateway_cache_sweep(ngx_event_t *ev);
static void ngx_http_gateway_cache_cleanup(void *data);


extern ngx_module_t  ngx_http_gateway_cache_module;


static const ngx_http_gateway_family_t  ngx_http_gateway_cache_requests =
    { "cache_requests_total", "Requests to a cache zone, by status.",
      "counter", 0 };


static const ngx_http_gateway_family_t  ngx_http_gateway_cache_not_used =
    { "cache_reasons_total",
      "Responses that were not stored or not used, by reason.",
      "counter", 0 };


#if (NGX_DEBUG)

static const char *const  ngx_http_gateway_cache_by_names[] = {
    [GW_CACHE_BY_URL] = "url",
    [GW_CACHE_BY_PATH] = "url without query",
    [GW_CACHE_BY_PREFIX] = "prefix",
    [GW_CACHE_BY_TAG] = "tag",
    [GW_CACHE_BY_HOST] = "host",
    [GW_CACHE_BY_CONSUMER] = "consumer",
    [GW_CACHE_BY_ALL] = "all"
};

#endif

ngx_str_t  ngx_http_gateway_cache_statuses[] = {
    [NGX_HTTP_GATEWAY_CACHE_HIT] = ngx_string("HIT"),
    [NGX_HTTP_GATEWAY_CACHE_MISS] = ngx_string("MISS"),
    [NGX_HTTP_GATEWAY_CACHE_EXPIRED] = ngx_string("EXPIRED"),
    [NGX_HTTP_GATEWAY_CACHE_STALE] = ngx_string("STALE"),
    [NGX_HTTP_GATEWAY_CACHE_UPDATING] = ngx_string("UPDATING"),
    [NGX_HTTP_GATEWAY_CACHE_REVALIDATED] = ngx_string("REVALIDATED"),
    [NGX_HTTP_GATEWAY_CACHE_BYPASS] = ngx_string("BYPASS"),
    [NGX_HTTP_GATEWAY_CACHE_COLLAPSED] = ngx_string("COLLAPSED"),
    [NGX_HTTP_GATEWAY_CACHE_ERROR] = ngx_string("ERROR")
};


ngx_int_t
ngx_http_gateway_cache_zone_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone)
{
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    if (zone->zone.size < NGX_HTTP_GATEWAY_CACHE_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, it must have at least "
                           "%uzk", &zone->zone.name,
                           (size_t) NGX_HTTP_GATEWAY_CACHE_ZONE_MIN / 1024);
        return NGX_ERROR;
    }

    zone->shards = ngx_http_gateway_cache_zone_shards(zone);

    for (i = 0; i < zone->shards; i++) {
        if (ngx_http_gateway_cache_shard_add(cf, zone, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* without a master, the timer runs in the process that reloads */

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_cache_cleanup;
    cln->data = zone;

    return ngx_http_gateway_cache_counters_add(cf, zone);
}


ngx_uint_t
ngx_http_gateway_cache_zone_shards(const ngx_http_gateway_cache_zone_t *zone)
{
    ngx_uint_t  shards;

    shards = ngx_max(zone->zone.size / NGX_HTTP_GATEWAY_CACHE_SHARD, 1);

    return ngx_min(shards, NGX_HTTP_GATEWAY_CACHE_SHARDS);
}


/*
 * Makes each shard smaller by one page per shard, so that the size of a shard
 * depends on their number.
 */

static ngx_int_t
ngx_http_gateway_cache_shard_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone, ngx_uint_t n)
{
    size_t                           size;
    ngx_str_t                        name;
    ngx_http_gateway_cache_shard_t  *shard;

    name.data = ngx_pnalloc(cf->pool, sizeof("gateway_cache:#") - 1
                                      + zone->zone.name.len + NGX_INT_T_LEN);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "gateway_cache:%V#%ui",
                           &zone->zone.name, n)
               - name.data;

    size = (zone->zone.size / zone->shards / ngx_pagesize - zone->shards)
           * ngx_pagesize;

    shard = &zone->shard[n];
    shard->zone = zone;
    shard->n = n;

    shard->shm_zone = ngx_shared_memory_add(cf, &name, size,
                                            &ngx_http_gateway_cache_module);
    if (shard->shm_zone == NULL) {
        return NGX_ERROR;
    }

    if (shard->shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate zone \"%V\"",
                           &zone->zone.name);
        return NGX_ERROR;
    }

    shard->shm_zone->init = ngx_http_gateway_cache_shard_init;
    shard->shm_zone->data = shard;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_counters_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone)
{
    gw_text_t   word;
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_CACHE_STATUSES; i++) {

        zone->counters[i] = ngx_http_gateway_cache_counter_add(cf, zone,
                                           &ngx_http_gateway_cache_requests,
                                           "status",
                                           &ngx_http_gateway_cache_statuses[i]);
        if (zone->counters[i] == NULL) {
            return NGX_ERROR;
        }
    }

    for (i = GW_CACHE_R_NONE + 1; i < GW_CACHE_REASON_COUNT; i++) {

        word = gw_cache_reason_word(i);
        value.data = (u_char *) word.data;
        value.len = word.len;

        zone->reasons[i] = ngx_http_gateway_cache_counter_add(cf, zone,
                                           &ngx_http_gateway_cache_not_used,
                                           "reason", &value);
        if (zone->reasons[i] == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a counter with the labels "zone" and "label"; NULL: no memory */

static ngx_http_gateway_counter_t *
ngx_http_gateway_cache_counter_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone,
    const ngx_http_gateway_family_t *family, const char *label,
    const ngx_str_t *value)
{
    ngx_str_t  labels;

    labels.data = ngx_pnalloc(cf->pool, sizeof("zone=\"\",=\"\"")
                                        + zone->zone.name.len
                                        + ngx_strlen(label) + value->len);
    if (labels.data == NULL) {
        return NULL;
    }

    labels.len = ngx_sprintf(labels.data, "zone=\"%V\",%s=\"%V\"",
                             &zone->zone.name, label, value)
                 - labels.data;

    return ngx_http_gateway_counter_add(cf, family, &labels);
}


/* existing memory is used by old workers, and the reload may still fail */

static ngx_int_t
ngx_http_gateway_cache_shard_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_cache_shard_t *shard = shm_zone->data;
    ngx_http_gateway_cache_shard_t *old = data;

    gw_cache_t  *cache;

    shard->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old == NULL && !shm_zone->shm.exists) {
        return ngx_http_gateway_cache_shard_make(shard, shm_zone->shm.log);
    }

    cache = shard->shpool->data;

    if (cache == NULL || !gw_cache_valid(cache, shard->zone->shards))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" has incompatible content, change its size",
                      &shard->zone->zone.name);
        return NGX_ERROR;
    }

    shard->user.cache = cache;
    ngx_http_gateway_cache_shard_user(shard);

    return NGX_OK;
}


/*
 * Allocates all pages of the zone without clearing them: a page becomes
 * resident when it is used.
 */

static ngx_int_t
ngx_http_gateway_cache_shard_make(ngx_http_gateway_cache_shard_t *shard,
    ngx_log_t *log)
{
    size_t           size;
    uint64_t         random[2];
    gw_cache_t      *cache;
    const uint64_t  *secret;

    secret = random;

    if (shard->n) {
        secret = gw_cache_secret(shard->zone->shard[0].user.cache);

    } else if (RAND_bytes((u_char *) random, sizeof(random)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    size = shard->shpool->pfree * ngx_pagesize;
    cache = ngx_slab_alloc(shard->shpool, size);

    if (cache == NULL
        || !gw_cache_init(cache, size, secret, shard->zone->shards))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "zone \"%V\" is too small",
                      &shard->zone->zone.name);
        return NGX_ERROR;
    }

    shard->shpool->data = cache;
    shard->user.cache = cache;

    ngx_http_gateway_cache_shard_user(shard);

    return NGX_OK;
}


static void
ngx_http_gateway_cache_shard_user(ngx_http_gateway_cache_shard_t *shard)
{
    shard->user.object = shard->zone->max_object;
    shard->user.lock = ngx_http_gateway_cache_lock;
    shard->user.unlock = ngx_http_gateway_cache_unlock;
    shard->user.gone = ngx_http_gateway_cache_gone;
    shard->user.data = shard;
}


static void
ngx_http_gateway_cache_lock(void *data)
{
    ngx_http_gateway_cache_shard_t *shard = data;

    ngx_shmtx_lock(&shard->shpool->mutex);
}


static void
ngx_http_gateway_cache_unlock(void *data)
{
    ngx_http_gateway_cache_shard_t *shard = data;

    ngx_shmtx_unlock(&shard->shpool->mutex);
}


static int
ngx_http_gateway_cache_gone(void *data, uint64_t process)
{
    return ngx_http_gateway_process_gone(process);
}


void
ngx_http_gateway_cache_zone_start(ngx_http_gateway_cache_zone_t *zone)
{
    ngx_uint_t        i;
    gw_cache_user_t  *user;

    for (i = 0; i < zone->shards; i++) {
        user = &zone->shard[i].user;
        user->self = ngx_http_gateway_process_self();

        gw_cache_join(user, ngx_http_gateway_cache_now());

        if (user->seat == NULL) {
            ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                          "gateway_cache_zone \"%V\": no memory for this "
                          "worker, not using shard %ui", &zone->zone.name, i);
        }
    }

    zone->sweep.handler = ngx_http_gateway_cache_sweep;
    zone->sweep.data = zone;
    zone->sweep.log = ngx_cycle->log;
    zone->sweep.cancelable = 1;
    zone->cycle = (ngx_cycle_t *) ngx_cycle;

    ngx_add_timer(&zone->sweep, 1000 / zone->shards);

    zone->started = 1;
}


void
ngx_http_gateway_cache_zone_stop(ngx_http_gateway_cache_zone_t *zone)
{
    ngx_uint_t  i;

    if (!zone->started) {
        return;
    }

    ngx_http_gateway_cache_cleanup(zone);

    for (i = 0; i < zone->shards; i++) {
        gw_cache_leave(&zone->shard[i].user);
    }

    zone->started = 0;
}


static void
ngx_http_gateway_cache_cleanup(void *data)
{
    ngx_http_gateway_cache_zone_t *zone = data;

    if (zone->sweep.timer_set) {
        ngx_del_timer(&zone->sweep);
    }
}


/*
 * Sweeps one shard at a time, each once a second.  Without a master, a reload
 * unmaps the shared memory of removed zones in the process that runs the timer,
 * and frees the configuration of the zone later.
 */

static void
ngx_http_gateway_cache_sweep(ngx_event_t *ev)
{
    ngx_http_gateway_cache_zone_t *zone = ev->data;

    ngx_uint_t        n, places, gone;
    gw_cache_user_t  *user;

    if (ngx_cycle != zone->cycle) {
        return;
    }

    n = zone->turn % zone->shards;
    user = &zone->shard[n].user;

    places = gw_cache_places(user->cache) / NGX_HTTP_GATEWAY_CACHE_PASS;

    (void) gw_cache_sweep(user, ngx_max(places, NGX_HTTP_GATEWAY_CACHE_PLACES),
                          ngx_http_gateway_cache_now());

    if (zone->turn / zone->shards % NGX_HTTP_GATEWAY_CACHE_SETTLE == 0) {
        gone = gw_cache_user_reclaim(user);

        if (gone) {
            ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                           "gateway cache zone \"%V\": shard %ui, released "
                           "%ui ended processes", &zone->zone.name, n, gone);
        }
    }

    zone->turn++;

    ngx_add_timer(ev, 1000 / zone->shards);
}


gw_cache_user_t *
ngx_http_gateway_cache_zone_user(ngx_http_gateway_cache_zone_t *zone,
    gw_cache_key_t *key)
{
    ngx_uint_t  n;

    gw_cache_key(gw_cache_secret(zone->shard[0].user.cache), key);

    /* uses bits that neither the buckets nor the words of the index use */

    n = (key->primary[1] >> 48) % zone->shards;

    return &zone->shard[n].user;
}


ngx_uint_t
ngx_http_gateway_cache_zone_purge(ngx_http_gateway_cache_zone_t *zone,
    gw_cache_by_e by, ngx_str_t *text, ngx_uint_t soft)
{
    ngx_uint_t  i, n;
    gw_text_t   selector;

    n = 0;
    selector.data = text->data;
    selector.len = text->len;

    for (i = 0; i < zone->shards; i++) {
        n += gw_cache_purge(&zone->shard[i].user, by, &selector, soft,
                            ngx_http_gateway_cache_now());
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway cache zone \"%V\": purge by %s, soft:%ui, purged "
                   "%ui responses", &zone->zone.name,
                   ngx_http_gateway_cache_by_names[by], soft, n);

    return n;
}


void
ngx_http_gateway_cache_zone_stat(ngx_http_gateway_cache_zone_t *zone,
    gw_cache_stat_t *stat)
{
    ngx_uint_t       i;
    gw_cache_stat_t  one;

    ngx_memzero(stat, sizeof(gw_cache_stat_t));

    for (i = 0; i < zone->shards; i++) {
        gw_cache_stat(&zone->shard[i].user, &one);

        stat->entries += one.entries;
        stat->bytes += one.bytes;
        stat->room += one.room;
        stat->stores += one.stores;
        stat->evictions += one.evictions;
        stat->purged += one.purged;
        stat->fills += one.fills;
        stat->pins += one.pins;
        stat->repairs += one.repairs;
    }
}
