/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Repairs a shard of the cache after a process was killed inside its lock:
 * rebuilds all derived data.  Readers continue in the meantime: pinned entries
 * stay valid, and an entry that is not in the index for a moment is a miss.
 *
 * A repair can itself be interrupted: it changes none of the data that it
 * relies on in a way that matters to the next repair.
 */

#include <string.h>

#include "gw_cache_shard.h"


static void gw_cache_repair_seats(gw_cache_t *cache);
static void gw_cache_repair_fills(gw_cache_t *cache);
static void gw_cache_repair_built(gw_cache_t *cache);
static void gw_cache_repair_entry(gw_cache_t *cache, uint32_t e);
static void gw_cache_repair_body(gw_cache_t *cache,
    const gw_cache_head_t *head);
static void gw_cache_repair_live(gw_cache_t *cache, uint32_t e);
static void gw_cache_repair_dead(gw_cache_t *cache, uint32_t e);


void
gw_cache_repair(gw_cache_t *cache)
{
    uint32_t  e;

    cache->count = 0;
    cache->active = 0;
    cache->free = 0;
    cache->dead = 0;
    cache->dead_last = 0;
    cache->free_fill = 0;

    memset(cache->bins, 0, sizeof(cache->bins));
    memset(gw_cache_in(cache, cache->at_index, void), 0,
           cache->buckets * GW_CACHE_WAYS * sizeof(uint64_t));
    memset(gw_cache_in(cache, cache->at_urls, void), 0,
           cache->url_bins * sizeof(uint32_t));

    gw_cache_heap_begin(&cache->heap);

    gw_cache_repair_seats(cache);
    gw_cache_repair_built(cache);
    gw_cache_repair_fills(cache);

    for (e = cache->high; e; e--) {
        gw_cache_repair_entry(cache, e);
    }

    gw_cache_heap_end(&cache->heap);
}


static void
gw_cache_repair_seats(gw_cache_t *cache)
{
    uint32_t          i, unit;
    gw_cache_pins_t  *pins;

    for (i = 0; i < cache->seats; i++) {

        if (cache->seat[i].owner == 0) {
            continue;
        }

        for (unit = cache->seat[i].pins; unit; unit = pins->next) {
            pins = gw_cache_unit(cache, unit);
            gw_cache_heap_mark(&cache->heap, unit, GW_CACHE_PIN_UNITS);
        }
    }
}


/*
 * precedes the pass over fills, which sets "next" of the entries that they own
 */

static void
gw_cache_repair_built(gw_cache_t *cache)
{
    uint32_t           e;
    gw_cache_head_t   *head;
    gw_cache_part_t   *part;
    gw_cache_place_t  *entry;

    for (e = 1; e <= cache->high; e++) {
        entry = gw_cache_entry(cache, e);
        entry->next = 0;

        if (entry->state == GW_CACHE_FREE) {
            continue;
        }

        head = gw_cache_head(cache, e);

        if (head->body) {
            part = gw_cache_unit(cache, head->body);
            part->refs = 0;
        }
    }
}


static void
gw_cache_repair_fills(gw_cache_t *cache)
{
    uint32_t          f;
    gw_cache_lock_t  *lock;

    for (f = cache->fills; f; f--) {
        lock = gw_cache_lock_of(cache, f);

        if (lock->owner == 0) {
            lock->next = cache->free_fill;
            cache->free_fill = f;
            continue;
        }

        gw_cache_fill_link(cache, f);

        if (lock->entry) {
            gw_cache_entry(cache, lock->entry)->next = 1;
        }
    }
}


static void
gw_cache_repair_entry(gw_cache_t *cache, uint32_t e)
{
    gw_cache_head_t   *head;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    if (entry->state == GW_CACHE_FREE) {
        entry->next = cache->free;
        cache->free = e;
        return;
    }

    head = gw_cache_head(cache, e);
    gw_cache_heap_mark(&cache->heap, entry->head, head->units);
    gw_cache_repair_body(cache, head);

    if (entry->state == GW_CACHE_LIVE) {
        gw_cache_repair_live(cache, e);

    } else if (entry->state == GW_CACHE_DEAD || entry->next == 0) {
        gw_cache_repair_dead(cache, e);
    }
}


static void
gw_cache_repair_body(gw_cache_t *cache, const gw_cache_head_t *head)
{
    uint32_t          unit;
    gw_cache_part_t  *part;

    if (head->body == 0) {
        return;
    }

    part = gw_cache_unit(cache, head->body);

    if (part->refs++) {
        return;
    }

    for (unit = head->body; unit; unit = part->next) {
        part = gw_cache_unit(cache, unit);
        gw_cache_heap_mark(&cache->heap, unit, part->units);
    }
}


/* of two live entries with the same key, keeps the later one */

static void
gw_cache_repair_live(gw_cache_t *cache, uint32_t e)
{
    uint32_t          other;
    uint64_t         *slot;
    gw_cache_head_t  *head;

    head = gw_cache_head(cache, e);
    slot = gw_cache_lookup_head(cache, head);

    if (slot) {
        other = (uint32_t) *slot;

        if (gw_cache_head(cache, other)->serial > head->serial) {
            gw_cache_repair_dead(cache, e);
            return;
        }

        gw_cache_kill(cache, other);
    }

    if (!gw_cache_index_add(cache, head->hash[0],
                            gw_cache_word(head->hash, e)))
    {
        gw_cache_repair_dead(cache, e);
        return;
    }

    gw_cache_url_add(cache, e);
    cache->count += gw_cache_counts(cache, e);
}


static void
gw_cache_repair_dead(gw_cache_t *cache, uint32_t e)
{
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    gw_cache_set(&entry->state, GW_CACHE_DEAD);
    entry->next = cache->dead;
    cache->dead = e;
    cache->dead_last = cache->dead_last ? cache->dead_last : e;
}
