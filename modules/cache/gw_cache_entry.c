/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The states of an entry (free, built, live, dead, free again), and eviction.
 * All functions are called under the lock of the shard.
 */

#include <string.h>

#include "gw_cache_shard.h"


#define GW_CACHE_EVICT_LOOK    32   /* candidates for each eviction */
#define GW_CACHE_EVICT_PLACES  4    /* places where candidates are taken */
#define GW_CACHE_EVICT_ROUNDS  5    /* with 1, 2, 4, ... evictions */
#define GW_CACHE_RECLAIM_LOOK  256  /* dead entries checked at a time */


static uint32_t gw_cache_number(gw_cache_t *cache, uint64_t now);
static void gw_cache_leave_index(gw_cache_t *cache, uint32_t e);
static void gw_cache_dead_first(gw_cache_t *cache, uint32_t e);
static void gw_cache_dead_last(gw_cache_t *cache, uint32_t e);
static uint32_t gw_cache_dead_shift(gw_cache_t *cache);
static int gw_cache_entry_free(gw_cache_t *cache, uint32_t e, unsigned *budget);
static int gw_cache_evict(gw_cache_t *cache, uint64_t now);
static uint32_t gw_cache_victim(gw_cache_t *cache, uint64_t now);
static int gw_cache_older(gw_cache_t *cache, uint32_t e, uint64_t now,
    uint32_t *age);


/*
 * If memory is fragmented but not full, a body is stored in several parts, and
 * nothing is evicted.
 */

uint32_t
gw_cache_room(gw_cache_t *cache, uint32_t want, uint32_t least, uint32_t *got,
    uint64_t now)
{
    unsigned  i, n;
    uint32_t  unit, most;

    most = (least < want && least < want / 8) ? want / 8 : least;

    unit = gw_cache_heap_take(&cache->heap, want, most, got);

    if (unit == 0 && cache->dead) {
        gw_cache_reclaim(cache);
        unit = gw_cache_heap_take(&cache->heap, want, most, got);
    }

    if (unit == 0) {
        (void) gw_cache_look(cache);
    }

    for (i = 0; unit == 0 && i < GW_CACHE_EVICT_ROUNDS; i++) {

        for (n = 1U << i; n && gw_cache_evict(cache, now); n--) { /* void */ }

        gw_cache_reclaim(cache);
        unit = gw_cache_heap_take(&cache->heap, want, most, got);
    }

    return unit ? unit : gw_cache_heap_take(&cache->heap, want, least, got);
}


uint32_t
gw_cache_build(gw_cache_t *cache, uint32_t units, uint64_t now)
{
    uint32_t           e, unit, got;
    gw_cache_head_t   *head;
    gw_cache_place_t  *entry;

    e = gw_cache_number(cache, now);

    if (e == 0) {
        return 0;
    }

    entry = gw_cache_entry(cache, e);
    unit = gw_cache_room(cache, units, units, &got, now);

    if (unit == 0) {
        entry->next = cache->free;
        cache->free = e;
        return 0;
    }

    head = gw_cache_unit(cache, unit);
    memset(head, 0, sizeof(gw_cache_head_t));
    head->units = units;

    entry->head = unit;
    entry->purged = GW_CACHE_VALID;
    entry->used = gw_cache_stamp(now);

    gw_cache_set(&entry->state, GW_CACHE_BUILT);

    return e;
}


/* returns a free entry; 0: none */

static uint32_t
gw_cache_number(gw_cache_t *cache, uint64_t now)
{
    unsigned  i;
    uint32_t  e;

    for (i = 0; i < GW_CACHE_EVICT_ROUNDS; i++) {

        if (cache->free == 0 && cache->high < cache->entries) {
            e = cache->high + 1;
            memset(gw_cache_entry(cache, e), 0, sizeof(gw_cache_place_t));
            gw_cache_set(&cache->high, e);
            return e;
        }

        if (cache->free) {
            e = cache->free;
            cache->free = gw_cache_entry(cache, e)->next;
            return e;
        }

        (void) gw_cache_evict(cache, now);
        gw_cache_reclaim(cache);
    }

    return 0;
}


int
gw_cache_publish(gw_cache_t *cache, uint32_t e)
{
    uint32_t           old;
    uint64_t          *slot;
    gw_cache_head_t   *head;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);
    head = gw_cache_head(cache, e);
    slot = gw_cache_lookup_head(cache, head);

    head->serial = ++cache->serial;

    if (slot) {
        old = (uint32_t) *slot;

        /* if both are live after a kill, a repair keeps the later one */

        gw_cache_set(&entry->state, GW_CACHE_LIVE);
        gw_cache_set(slot, gw_cache_word(head->hash, e));
        gw_cache_set(&gw_cache_entry(cache, old)->state, GW_CACHE_DEAD);

        gw_cache_url_remove(cache, old);
        gw_cache_dead_first(cache, old);
        cache->count -= gw_cache_counts(cache, old);

    } else {

        if (!gw_cache_index_add(cache, head->hash[0],
                                gw_cache_word(head->hash, e)))
        {
            return 0;
        }

        gw_cache_set(&entry->state, GW_CACHE_LIVE);
    }

    gw_cache_url_add(cache, e);
    cache->count += gw_cache_counts(cache, e);

    return 1;
}


/* sets the state first: a repair does not add dead entries to an index */

void
gw_cache_kill(gw_cache_t *cache, uint32_t e)
{
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    if (entry->state == GW_CACHE_LIVE) {
        gw_cache_set(&entry->state, GW_CACHE_DEAD);
        gw_cache_leave_index(cache, e);

    } else {
        gw_cache_set(&entry->state, GW_CACHE_DEAD);
    }

    gw_cache_dead_first(cache, e);
}


static void
gw_cache_leave_index(gw_cache_t *cache, uint32_t e)
{
    gw_cache_index_remove(cache, gw_cache_head(cache, e)->hash[0], e);
    gw_cache_url_remove(cache, e);
    cache->count -= gw_cache_counts(cache, e);
}


static void
gw_cache_dead_first(gw_cache_t *cache, uint32_t e)
{
    gw_cache_entry(cache, e)->next = cache->dead;

    if (cache->dead == 0) {
        cache->dead_last = e;
    }

    cache->dead = e;
}


static void
gw_cache_dead_last(gw_cache_t *cache, uint32_t e)
{
    gw_cache_entry(cache, e)->next = 0;

    if (cache->dead) {
        gw_cache_entry(cache, cache->dead_last)->next = e;

    } else {
        cache->dead = e;
    }

    cache->dead_last = e;
}


static uint32_t
gw_cache_dead_shift(gw_cache_t *cache)
{
    uint32_t  e;

    e = cache->dead;
    cache->dead = gw_cache_entry(cache, e)->next;

    return e;
}


/*
 * Pinned entries are moved to the end of the list, so that the next call checks
 * others.
 */

void
gw_cache_reclaim(gw_cache_t *cache)
{
    uint32_t  e, pinned;
    unsigned  i, budget;

    if (cache->dead == 0) {
        return;
    }

    gw_cache_look(cache);

    pinned = 0;
    budget = GW_CACHE_BUDGET;

    for (i = 0; i < GW_CACHE_RECLAIM_LOOK && budget; i++) {

        if (cache->dead == 0 || cache->dead == pinned) {
            return;
        }

        e = gw_cache_dead_shift(cache);

        if (gw_cache_entry(cache, e)->mark == cache->look) {
            gw_cache_dead_last(cache, e);
            pinned = pinned ? pinned : e;

        } else if (!gw_cache_entry_free(cache, e, &budget)) {
            gw_cache_dead_first(cache, e);
        }
    }
}


uint64_t
gw_cache_look(gw_cache_t *cache)
{
    uint32_t          i, j, e, unit;
    uint64_t          n;
    gw_cache_pins_t  *pins;

    n = 0;
    cache->look++;

    for (i = 0; i < cache->seats; i++) {

        if (cache->seat[i].owner == 0) {
            continue;
        }

        for (unit = cache->seat[i].pins; unit; unit = pins->next) {
            pins = gw_cache_unit(cache, unit);

            for (j = 0; j < pins->n; j++) {
                e = gw_cache_load(&pins->pin[j]);

                if (!(e & GW_CACHE_PIN_FREE)) {
                    gw_cache_entry(cache, e)->mark = cache->look;
                    n++;
                }
            }
        }
    }

    return n;
}


uint64_t
gw_cache_pin_units(const gw_cache_t *cache)
{
    uint32_t  i, unit;
    uint64_t  units;

    units = 0;

    for (i = 0; i < cache->seats; i++) {

        if (cache->seat[i].owner == 0) {
            continue;
        }

        for (unit = cache->seat[i].pins; unit;
             unit = ((gw_cache_pins_t *) gw_cache_unit(cache, unit))->next)
        {
            units += GW_CACHE_PIN_UNITS;
        }
    }

    return units;
}


/* frees a dead entry; 0: the rest of its body is freed in a later call */

static int
gw_cache_entry_free(gw_cache_t *cache, uint32_t e, unsigned *budget)
{
    uint32_t           unit, units;
    gw_cache_head_t   *head;
    gw_cache_part_t   *part;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);
    head = gw_cache_head(cache, e);

    for ( ;; ) {

        if (*budget == 0) {
            return 0;
        }

        (*budget)--;

        if (head->body == 0) {
            break;
        }

        unit = head->body;
        part = gw_cache_unit(cache, unit);

        if (part->refs > 1) {
            gw_cache_set(&head->body, 0);
            part->refs--;
            continue;
        }

        units = part->units;

        if (part->next) {
            ((gw_cache_part_t *) gw_cache_unit(cache, part->next))->refs = 1;
        }

        gw_cache_set(&head->body, part->next);
        gw_cache_heap_give(&cache->heap, unit, units);
    }

    unit = entry->head;
    units = head->units;

    gw_cache_set(&entry->state, GW_CACHE_FREE);
    gw_cache_heap_give(&cache->heap, unit, units);

    entry->next = cache->free;
    cache->free = e;

    return 1;
}


/*
 * Evicts the entry with the oldest last use among the next ones (a sampling
 * clock algorithm): a hit costs at most one store a second, and no list has to
 * be kept in order.
 */

static int
gw_cache_evict(gw_cache_t *cache, uint64_t now)
{
    uint32_t  e;

    e = gw_cache_victim(cache, now);

    if (e == 0) {
        return 0;
    }

    if (gw_cache_entry(cache, e)->purged != GW_CACHE_HARD
        && gw_cache_head(cache, e)->keep > now)
    {
        cache->evictions += gw_cache_counts(cache, e);
    }

    gw_cache_kill(cache, e);

    return 1;
}


/*
 * takes candidates from distant places: neighbours were often stored together
 */

static uint32_t
gw_cache_victim(gw_cache_t *cache, uint64_t now)
{
    uint32_t  e, i, victim, age;

    victim = 0;
    age = 0;

    if (cache->high == 0) {
        return 0;
    }

    for (i = 0; i < GW_CACHE_EVICT_LOOK * GW_CACHE_EVICT_PLACES; i++) {

        e = cache->hand + (i % GW_CACHE_EVICT_PLACES) * (cache->high
                          / GW_CACHE_EVICT_PLACES);
        e = e % cache->high + 1;

        if (i % GW_CACHE_EVICT_PLACES == GW_CACHE_EVICT_PLACES - 1) {
            cache->hand = (cache->hand + 1) % cache->high;

            if (victim && i >= GW_CACHE_EVICT_LOOK) {
                break;
            }
        }

        if (gw_cache_entry(cache, e)->state != GW_CACHE_LIVE) {
            continue;
        }

        if (gw_cache_entry(cache, e)->purged == GW_CACHE_HARD) {
            return e;
        }

        if (gw_cache_older(cache, e, now, &age)) {
            victim = e;
        }
    }

    return victim;
}


/* skips entries that were pinned at the last look: they free no memory soon */

static int
gw_cache_older(gw_cache_t *cache, uint32_t e, uint64_t now, uint32_t *age)
{
    int32_t            unused;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    if (cache->look && entry->mark == cache->look) {
        return 0;
    }

    unused = (int32_t) (gw_cache_stamp(now) - gw_cache_load(&entry->used));

    if (unused < 0) {
        unused = 0;
    }

    if ((uint32_t) unused + 1 <= *age) {
        return 0;
    }

    *age = (uint32_t) unused + 1;

    return 1;
}
