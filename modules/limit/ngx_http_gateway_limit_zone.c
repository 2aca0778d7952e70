/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys and their states in shared memory.
 *
 * The state of a key is one or two words, which workers change by
 * compare-and-swap (gw_limit.h), in a place that they find without a lock
 * (gw_table.h).  The mutex of the zone is not used after the zone was created.
 * A worker can therefore be killed at any point without blocking others, and
 * leaves a state either changed or unchanged.
 *
 * Rates are not part of the state.  After a reload old and new workers share
 * it, each with the figures of its own configuration.
 */

#include "ngx_http_gateway_limit.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_LIMIT_EVICTED  1000    /* ms between log lines */


static ngx_int_t ngx_http_gateway_limit_zone_make(
    ngx_http_gateway_limit_zone_t *zone, ngx_slab_pool_t *shpool,
    ngx_log_t *log);
static void ngx_http_gateway_limit_zone_parts(
    ngx_http_gateway_limit_zone_t *zone);
static unsigned ngx_http_gateway_limit_zone_words(
    const ngx_http_gateway_limit_zone_t *zone);
static uint64_t *ngx_http_gateway_limit_zone_add(
    ngx_http_gateway_limit_item_t *item);
static uint64_t ngx_http_gateway_limit_zone_first(
    const ngx_http_gateway_limit_zone_t *zone);
static ngx_uint_t ngx_http_gateway_limit_zone_windows(
    const ngx_http_gateway_limit_zone_t *zone);
static unsigned ngx_http_gateway_limit_zone_kept(
    const ngx_http_gateway_limit_zone_t *zone);
static int ngx_http_gateway_limit_zone_idle(void *data,
    const uint64_t *state);
static uint64_t ngx_http_gateway_limit_zone_rank(void *data,
    const uint64_t *state, uint64_t *kept);
static int ngx_http_gateway_limit_zone_gone(void *data, uint64_t owner);
static void ngx_http_gateway_limit_zone_evicted(
    const ngx_http_gateway_limit_zone_t *zone);


/* for the callbacks of the table */

typedef struct {
    const gw_limit_t               *limit;
    gw_limit_clock_t                now;
} ngx_http_gateway_limit_search_t;


ngx_int_t
ngx_http_gateway_limit_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_limit_zone_t *zone = shm_zone->data;
    const ngx_http_gateway_limit_zone_t *old = data;

    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        zone->sh = old->sh;
        ngx_http_gateway_limit_zone_parts(zone);
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        zone->sh = shpool->data;
        ngx_http_gateway_limit_zone_parts(zone);
        return NGX_OK;
    }

    return ngx_http_gateway_limit_zone_make(zone, shpool,
                                            shm_zone->shm.log);
}


uint64_t
ngx_http_gateway_limit_slots(const ngx_http_gateway_limit_zone_t *zone)
{
    return gw_slot_fit(zone->zone.size / 2);
}


static void
ngx_http_gateway_limit_zone_parts(ngx_http_gateway_limit_zone_t *zone)
{
    u_char  *start;

    start = (u_char *) zone->sh;

    zone->table = (gw_table_t *) (start + zone->sh->table);
    zone->slots = zone->sh->slots ? (gw_slots_t *) (start + zone->sh->slots)
                                  : NULL;
}


/*
 * All pages of the zone are one block: the counters, the slots of concurrency=,
 * and the table, whose buckets are aligned to cache lines.
 */

static ngx_int_t
ngx_http_gateway_limit_zone_make(ngx_http_gateway_limit_zone_t *zone,
    ngx_slab_pool_t *shpool, ngx_log_t *log)
{
    size_t    size, rest, slots;
    uint64_t  secret[2];
    unsigned  words;

    size = shpool->pfree * ngx_pagesize;

    zone->sh = ngx_http_gateway_zone_alloc(shpool, size);

    if (zone->sh == NULL) {
        return NGX_ERROR;
    }

    if (RAND_bytes((u_char *) secret, sizeof(secret)) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    words = ngx_http_gateway_limit_zone_words(zone);
    rest = size - sizeof(ngx_http_gateway_limit_shm_t);
    slots = 0;

    if (zone->algorithm == GW_LIMIT_CONCURRENCY) {
        slots = gw_slot_size(ngx_http_gateway_limit_slots(zone));
        zone->sh->slots = sizeof(ngx_http_gateway_limit_shm_t);
    }

    zone->sh->table = sizeof(ngx_http_gateway_limit_shm_t) + slots;

    ngx_http_gateway_limit_zone_parts(zone);

    if (slots) {
        gw_slot_init(zone->slots, ngx_http_gateway_limit_slots(zone));
    }

    gw_table_init(zone->table, rest - slots, words,
                  ngx_http_gateway_limit_zone_kept(zone), secret);

    shpool->data = zone->sh;

    return NGX_OK;
}


/* with two more words for the deny cache */

static unsigned
ngx_http_gateway_limit_zone_words(const ngx_http_gateway_limit_zone_t *zone)
{
    return gw_limit_words(zone->algorithm) + (zone->redis_name.len ? 2 : 0);
}


/*
 * Whether the charges of an evicted key stay with the place, for its rank.
 * Counts of concurrency do not: they decrease as the requests end.
 */

static unsigned
ngx_http_gateway_limit_zone_kept(const ngx_http_gateway_limit_zone_t *zone)
{
    return zone->algorithm != GW_LIMIT_CONCURRENCY;
}


static ngx_uint_t
ngx_http_gateway_limit_zone_windows(const ngx_http_gateway_limit_zone_t *zone)
{
    return zone->algorithm == GW_LIMIT_FIXED
           || zone->algorithm == GW_LIMIT_SLIDING;
}


void
ngx_http_gateway_limit_clock(const gw_limit_t *limit, gw_limit_clock_t *now)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    now->monotonic = (uint64_t) ngx_current_msec * GW_LIMIT_MSEC;
    now->wall = (uint64_t) tp->sec * GW_LIMIT_SEC + tp->msec * GW_LIMIT_MSEC;

#if (NGX_HAVE_CLOCK_MONOTONIC)

    /* by the cached clock only one request per millisecond would pass */

    if (limit->interval && limit->interval < GW_LIMIT_MSEC) {
        struct timespec  ts;

        if (clock_gettime(CLOCK_MONOTONIC, &ts) == 0) {
            now->monotonic = (uint64_t) ts.tv_sec * GW_LIMIT_SEC + ts.tv_nsec;
        }
    }

#endif
}


void
ngx_http_gateway_limit_window(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit)
{
    int64_t                sec;
    gw_limit_clock_t       now;
    gw_calendar_unit_e     unit;
    gw_calendar_window_t  *window, next;

    if (!ngx_http_gateway_limit_zone_windows(zone)) {
        return;
    }

    ngx_http_gateway_limit_clock(limit, &now);

    if (zone->figure->kind != GW_FIGURE_QUOTA) {
        gw_limit_window(limit, now.wall);
        return;
    }

    sec = now.wall / GW_LIMIT_SEC;
    window = &zone->worker->windows[limit->unit];

    if (sec < window->start || sec >= window->end) {
        unit = (gw_calendar_unit_e) (limit->unit - GW_FIGURE_MINUTE);

        gw_calendar_window(&zone->tz, unit, sec, window);
        gw_calendar_window(&zone->tz, unit, window->end, &next);

        zone->worker->nexts[limit->unit] = next.end;
    }

    limit->number = window->number;
    limit->start = (uint64_t) window->start * GW_LIMIT_SEC;
    limit->end = (uint64_t) window->end * GW_LIMIT_SEC;
    limit->next = (uint64_t) zone->worker->nexts[limit->unit] * GW_LIMIT_SEC;
}


/*
 * Different figures, such as two bursts, can apply to the same key: the smaller
 * one must not cut what was charged by the larger one.  Literal figures are
 * known from the configuration; for variables the largest value so far is kept.
 */

void
ngx_http_gateway_limit_most(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit)
{
    uint64_t  seen;

    if (zone->variable) {

        seen = __atomic_load_n(&zone->sh->most, __ATOMIC_RELAXED);

        while (seen < limit->most
               && !__atomic_compare_exchange_n(&zone->sh->most, &seen,
                                               limit->most, 0,
                                               __ATOMIC_RELAXED,
                                               __ATOMIC_RELAXED))
        {
            /* void */
        }

        limit->most = ngx_max(limit->most, seen);
    }

    limit->most = ngx_max(limit->most, zone->most);
}


/*
 * A client may have all addresses of an IPv6 network.  IPv4-mapped addresses
 * are not changed.
 */

void
ngx_http_gateway_limit_network(ngx_http_gateway_limit_item_t *item)
{
    ngx_str_t   *key;
    ngx_uint_t   i, bits;

    static u_char  mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

    key = &item->key;
    bits = item->zone->ipv6_prefix;

    if (bits == 0 || key->len != 16
        || ngx_memcmp(key->data, mapped, sizeof(mapped)) == 0)
    {
        return;
    }

    for (i = 0; i < 16; i++) {
        item->address[i] = (bits >= 8) ? key->data[i]
                           : bits ? key->data[i] & (0xff << (8 - bits)) : 0;
        bits = (bits >= 8) ? bits - 8 : 0;
    }

    key->data = item->address;
}


void
ngx_http_gateway_limit_hash(ngx_http_gateway_limit_item_t *item)
{
    ngx_str_t  *key;

    key = &item->key;

    gw_siphash(item->zone->table->secret, key->data, key->len, item->hash);

    /* windows of different lengths are counted separately, as in Redis */

    if (ngx_http_gateway_limit_zone_windows(item->zone)) {
        item->hash[1] += (item->figures.unit + 1) * 0x9e3779b97f4a7c15ULL;
    }
}


static int
ngx_http_gateway_limit_zone_idle(void *data, const uint64_t *state)
{
    ngx_http_gateway_limit_search_t *search = data;

    return gw_limit_idle(search->limit->algorithm, state, &search->now);
}


static uint64_t
ngx_http_gateway_limit_zone_rank(void *data, const uint64_t *state,
    uint64_t *kept)
{
    ngx_http_gateway_limit_search_t *search = data;

    return gw_limit_rank(search->limit, &search->now, state, kept);
}


static int
ngx_http_gateway_limit_zone_gone(void *data, uint64_t owner)
{
    return ngx_http_gateway_process_gone(owner);
}


uint64_t *
ngx_http_gateway_limit_zone_state(ngx_http_gateway_limit_item_t *item,
    ngx_uint_t make)
{
    uint64_t  *state;

    state = gw_table_find(item->zone->table, item->hash, ngx_current_msec);

    return (state || !make) ? state : ngx_http_gateway_limit_zone_add(item);
}


static uint64_t *
ngx_http_gateway_limit_zone_add(ngx_http_gateway_limit_item_t *item)
{
    uint64_t                             *state;
    unsigned                              evicted;
    gw_table_user_t                       user;
    const ngx_http_gateway_limit_zone_t  *zone;
    ngx_http_gateway_limit_search_t       search;

    zone = item->zone;

    search.limit = &item->figures;
    ngx_http_gateway_limit_clock(search.limit, &search.now);

    user.idle = ngx_http_gateway_limit_zone_idle;
    user.rank = ngx_http_gateway_limit_zone_rank;
    user.gone = ngx_http_gateway_limit_zone_gone;
    user.data = &search;
    user.owner = ngx_http_gateway_process_self();

    evicted = 0;

    state = gw_table_get(zone->table, item->hash, ngx_current_msec,
                         ngx_http_gateway_limit_zone_first(zone), &user,
                         &evicted);

    if (evicted) {
        ngx_http_gateway_limit_zone_evicted(zone);
    }

    return state;
}


/*
 * The first word of an idle key.  For concurrency it has a new generation: the
 * end of requests that were counted before does not change the new count.
 */

static uint64_t
ngx_http_gateway_limit_zone_first(const ngx_http_gateway_limit_zone_t *zone)
{
    return (zone->algorithm == GW_LIMIT_CONCURRENCY)
           ? (uint64_t) ngx_atomic_fetch_add(&zone->sh->generation, 1) << 32
           : 0;
}


void
ngx_http_gateway_limit_zone_forget(ngx_http_gateway_limit_item_t *item)
{
    uint64_t  *state;
    unsigned   i, n;

    state = ngx_http_gateway_limit_zone_state(item, 0);

    if (state == NULL) {
        return;
    }

    __atomic_store_n(&state[0], ngx_http_gateway_limit_zone_first(item->zone),
                     __ATOMIC_SEQ_CST);

    n = ngx_http_gateway_limit_zone_words(item->zone);

    for (i = 1; i < n; i++) {
        __atomic_store_n(&state[i], 0, __ATOMIC_SEQ_CST);
    }
}


double
ngx_http_gateway_limit_zone_used(const ngx_http_gateway_limit_zone_t *zone,
    ngx_uint_t buckets)
{
    gw_limit_t                       limit;
    ngx_http_gateway_limit_search_t  search;

    ngx_memzero(&limit, sizeof(gw_limit_t));

    limit.algorithm = zone->algorithm;

    search.limit = &limit;
    ngx_http_gateway_limit_clock(&limit, &search.now);

    return gw_table_used(zone->table, buckets,
                         ngx_http_gateway_limit_zone_idle, &search);
}


static void
ngx_http_gateway_limit_zone_evicted(const ngx_http_gateway_limit_zone_t *zone)
{
    if (!ngx_http_gateway_may_say(&zone->worker->said_evicted,
                                  NGX_HTTP_GATEWAY_LIMIT_EVICTED))
    {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "gateway_limit_zone: zone \"%V\" is full, evicting keys in "
                  "use, %uL so far; increase its size of %uz bytes",
                  &zone->name,
                  __atomic_load_n(&zone->table->evicted, __ATOMIC_RELAXED),
                  zone->zone.size);
}


/*
 * In a zone that is too small, another key may get the place of the key after
 * it was found and before it is charged.  Then the other key may be charged
 * instead, and refused one request too early; this key is charged again.
 */

void
ngx_http_gateway_limit_zone_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode, uint64_t cost)
{
    uint64_t          stamp, *state;
    gw_limit_clock_t  now;

    ngx_http_gateway_limit_clock(&item->figures, &now);

    for ( ;; ) {
        state = ngx_http_gateway_limit_zone_state(item, 1);

        /* another worker has read a later time: use that */

        stamp = gw_table_stamp(item->zone->table, state) * GW_LIMIT_MSEC;

        if (now.monotonic < stamp) {
            now.monotonic = stamp;
        }

        gw_limit_take(&item->figures, &now, mode, cost, state, &item->result);

        if (gw_table_holds(item->zone->table, item->hash, state)) {
            return;
        }
    }
}


void
ngx_http_gateway_limit_zone_give(ngx_http_gateway_limit_item_t *item)
{
    uint64_t          *state;
    gw_limit_clock_t   now;

    state = ngx_http_gateway_limit_zone_state(item, 0);

    if (state) {
        ngx_http_gateway_limit_clock(&item->figures, &now);
        gw_limit_give(&item->figures, &now, state, &item->result);
    }
}
