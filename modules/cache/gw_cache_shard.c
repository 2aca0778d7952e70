/* SPDX-License-Identifier: BSD-2-Clause */

/* A shard of the cache: memory layout, lock, sweep, and statistics. */

#include <string.h>

#include "gw_cache_shard.h"


static void gw_cache_lay_out(gw_cache_t *cache, size_t size);
static uint32_t gw_cache_sweep_slice(gw_cache_t *cache, uint32_t n,
    uint64_t now);


static uint32_t
gw_cache_power(uint32_t n)
{
    return n > 1 ? 1U << (32 - __builtin_clz(n - 1)) : 1;
}


static size_t
gw_cache_align(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}


int
gw_cache_init(gw_cache_t *cache, size_t size, const uint64_t secret[2],
    uint64_t zone)
{
    if (size < GW_CACHE_SIZE_MIN) {
        return 0;
    }

    memset(cache, 0, sizeof(gw_cache_t));

    cache->size = size;
    cache->zone = zone;
    cache->secret[0] = secret[0];
    cache->secret[1] = secret[1];

    gw_cache_lay_out(cache, size);

    cache->object = (uint64_t) (cache->heap.units - 1) * GW_CACHE_UNIT / 4;

    gw_cache_repair(cache);
    gw_cache_set(&cache->magic, GW_CACHE_MAGIC);

    return 1;
}


/*
 * There is an entry for each KB, since smaller ones are rare.  The memory after
 * the structure is cleared only where its content matters.  The rest becomes
 * resident when it is used.
 */

static void
gw_cache_lay_out(gw_cache_t *cache, size_t size)
{
    size_t    at, map, units;
    uint32_t  i;

    cache->entries = size / 1024;
    cache->fills = cache->entries / 16;
    cache->buckets = gw_cache_power(cache->entries * 2 / GW_CACHE_WAYS);
    cache->url_bins = gw_cache_power(cache->entries);

    cache->at_index = gw_cache_align(sizeof(gw_cache_t), 64);
    cache->at_entries = cache->at_index
                   + cache->buckets * GW_CACHE_WAYS * sizeof(uint64_t);
    cache->at_fills = cache->at_entries
                   + (cache->entries + 1) * sizeof(gw_cache_place_t);
    cache->at_urls = cache->at_fills
                   + (cache->fills + 1) * sizeof(gw_cache_lock_t);
    map = cache->at_urls + cache->url_bins * sizeof(uint32_t);

    units = (size - map) / (GW_CACHE_UNIT + 1);
    at = gw_cache_align(map + units, GW_CACHE_UNIT);
    units -= (at + units * GW_CACHE_UNIT > size);

    for (i = 0; i <= cache->fills; i++) {
        memset(gw_cache_lock_of(cache, i), 0, sizeof(gw_cache_lock_t));
    }

    gw_cache_heap_init(&cache->heap, (unsigned char *) cache + map,
                       (unsigned char *) cache + at, units);
}


int
gw_cache_valid(const gw_cache_t *cache, uint64_t zone)
{
    return gw_cache_load(&cache->magic) == GW_CACHE_MAGIC
           && cache->zone == zone;
}


const uint64_t *
gw_cache_secret(const gw_cache_t *cache)
{
    return cache->secret;
}


uint32_t
gw_cache_places(const gw_cache_t *cache)
{
    return gw_cache_load(&cache->high);
}


void
gw_cache_enter(gw_cache_user_t *user)
{
    gw_cache_t  *cache = user->cache;

    user->lock(user->data);

    if (gw_cache_load(&cache->dirty)) {
        gw_cache_repair(cache);
        cache->repairs++;
    }

    gw_cache_set(&cache->dirty, 1);
}


void
gw_cache_exit(gw_cache_user_t *user)
{
    gw_cache_set(&user->cache->dirty, 0);
    user->unlock(user->data);
}


/*
 * releases the lock after it has killed as many entries as it can free at once
 */

int
gw_cache_sweep(gw_cache_user_t *user, uint32_t n, uint64_t now)
{
    int          over;
    uint32_t     slice;
    gw_cache_t  *cache;

    cache = user->cache;
    over = 0;

    while (n && !over) {

        gw_cache_enter(user);

        slice = n < GW_CACHE_SLICE ? n : GW_CACHE_SLICE;
        n -= gw_cache_sweep_slice(cache, slice, now);

        over = (cache->cursor >= cache->high);
        cache->cursor = over ? 0 : cache->cursor;

        gw_cache_reclaim(cache);
        gw_cache_exit(user);
    }

    return over;
}


/* returns the number of places that it has passed */

static uint32_t
gw_cache_sweep_slice(gw_cache_t *cache, uint32_t n, uint64_t now)
{
    uint32_t           i;
    unsigned           killed;
    gw_cache_place_t  *entry;

    killed = 0;

    for (i = 0; i < n && killed < GW_CACHE_BUDGET / 4; i++) {

        if (cache->cursor >= cache->high) {
            break;
        }

        entry = gw_cache_entry(cache, ++cache->cursor);

        if (entry->state == GW_CACHE_LIVE
            && (entry->purged == GW_CACHE_HARD
                || gw_cache_head(cache, cache->cursor)->keep <= now))
        {
            gw_cache_kill(cache, cache->cursor);
            killed++;
        }
    }

    return i;
}


static uint64_t
gw_cache_heap_bytes(const gw_cache_t *cache)
{
    return (uint64_t) (cache->heap.units - 1) * GW_CACHE_UNIT;
}


static uint64_t
gw_cache_in_use(const gw_cache_t *cache)
{
    return gw_cache_heap_bytes(cache)
           - (cache->heap.free + gw_cache_pin_units(cache)) * GW_CACHE_UNIT;
}


uint64_t
gw_cache_count(const gw_cache_user_t *user)
{
    return __atomic_load_n(&user->cache->count, __ATOMIC_RELAXED);
}


uint64_t
gw_cache_evictions(const gw_cache_user_t *user)
{
    return __atomic_load_n(&user->cache->evictions, __ATOMIC_RELAXED);
}


uint64_t
gw_cache_bytes(gw_cache_user_t *user)
{
    uint64_t  bytes;

    gw_cache_enter(user);

    bytes = gw_cache_in_use(user->cache);

    gw_cache_exit(user);

    return bytes;
}


void
gw_cache_stat(gw_cache_user_t *user, gw_cache_stat_t *stat)
{
    gw_cache_t  *cache = user->cache;

    gw_cache_enter(user);

    stat->entries = cache->count;
    stat->room = gw_cache_heap_bytes(cache);
    stat->bytes = gw_cache_in_use(cache);
    stat->stores = cache->stores;
    stat->evictions = cache->evictions;
    stat->purged = cache->purged;
    stat->fills = cache->active;
    stat->repairs = cache->repairs;
    stat->pins = gw_cache_look(cache);

    gw_cache_exit(user);
}
