/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The locks of fills: the index of running fills, and the end of a fill.  All
 * functions are called under the lock of the shard.
 */

#include "gw_cache_shard.h"


/* a bin of the index of fills */

static uint32_t *
gw_cache_fill_bin(gw_cache_t *cache, const uint64_t hash[2])
{
    return &cache->bins[hash[1] % GW_CACHE_BINS];
}


uint32_t
gw_cache_fill_find(gw_cache_t *cache, const uint64_t hash[2])
{
    uint32_t          f;
    gw_cache_lock_t  *lock;

    for (f = *gw_cache_fill_bin(cache, hash); f; f = lock->next) {
        lock = gw_cache_lock_of(cache, f);

        if (lock->hash[0] == hash[0] && lock->hash[1] == hash[1]) {
            break;
        }
    }

    return f;
}


void
gw_cache_fill_link(gw_cache_t *cache, uint32_t f)
{
    uint32_t         *bin;
    gw_cache_lock_t  *lock;

    lock = gw_cache_lock_of(cache, f);
    bin = gw_cache_fill_bin(cache, lock->hash);

    lock->next = *bin;
    *bin = f;
    cache->active++;
}


void
gw_cache_fill_unlink(gw_cache_t *cache, uint32_t f)
{
    uint32_t  *p;

    p = gw_cache_fill_bin(cache, gw_cache_lock_of(cache, f)->hash);

    while (*p != f) {
        p = &gw_cache_lock_of(cache, *p)->next;
    }

    *p = gw_cache_lock_of(cache, f)->next;
    cache->active--;
}


void
gw_cache_fill_wake(gw_cache_lock_t *lock)
{
    gw_cache_set(&lock->word, lock->word + 1);
}


void
gw_cache_fill_end(gw_cache_t *cache, uint32_t f)
{
    uint32_t          e;
    gw_cache_lock_t  *lock;

    lock = gw_cache_lock_of(cache, f);
    e = lock->entry;

    gw_cache_set(&lock->owner, 0);
    gw_cache_fill_wake(lock);

    if (e && gw_cache_entry(cache, e)->state == GW_CACHE_BUILT) {
        gw_cache_kill(cache, e);
    }

    gw_cache_fill_unlink(cache, f);

    lock->next = cache->free_fill;
    cache->free_fill = f;
}
