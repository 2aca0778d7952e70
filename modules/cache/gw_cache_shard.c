
/*
 * A shard of the cache: its memory, the lock, and the life of entries: free,
 * built, live, dead, free.
 */

#include <string.h>

#include "gw_cache_shard.h"


#define GW_CACHE_EVICT_LOOK    32   /* entries of which the oldest is evicted */
#define GW_CACHE_EVICT_PLACES  4    /* runs of them */
#define GW_CACHE_EVICT_ROUNDS  5    /* of 1, 2, 4, ... evictions */
#define GW_CACHE_RECLAIM_LOOK  256  /* dead entries */


static void gw_cache_lay_out(gw_cache_t *cache, size_t size);
static void gw_cache_dead_first(gw_cache_t *cache, uint32_t e);
static void gw_cache_dead_last(gw_cache_t *cache, uint32_t e);
static uint32_t gw_cache_dead_shift(gw_cache_t *cache);
static int gw_cache_bury(gw_cache_t *cache, uint32_t e, unsigned *budget);
static void gw_cache_leave_index(gw_cache_t *cache, uint32_t e);
static int gw_cache_evict(gw_cache_t *cache, uint64_t now);
static uint32_t gw_cache_victim(gw_cache_t *cache, uint64_t now);
static int gw_cache_older(gw_cache_t *cache, uint32_t e, uint64_t now,
    uint32_t *age);
static uint32_t gw_cache_number(gw_cache_t *cache, uint64_t now);
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
    uint64_t zone, uint64_t object)
{
    uint64_t  most;

    if (size < GW_CACHE_SIZE_MIN) {
        return 0;
    }

    memset(cache, 0, sizeof(gw_cache_t));

    cache->size = size;
    cache->zone = zone;
    cache->secret[0] = secret[0];
    cache->secret[1] = secret[1];

    gw_cache_lay_out(cache, size);

    most = (uint64_t) (cache->heap.units - 1) * GW_CACHE_UNIT / 4;
    cache->object = object < most ? object : most;

    gw_cache_repair(cache);
    gw_cache_set(&cache->magic, GW_CACHE_MAGIC);

    return 1;
}


/*
 * An entry for each KB: a smaller one is rare.  What is behind the structure is
 * cleared where its content matters, and becomes resident when it is used.
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
 * What is fragmented, but not full, gives a body in several parts rather than
 * evict for it.
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


/* a free entry */

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
    gw_cache_text_t    key, variant;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);
    head = gw_cache_head(cache, e);

    key = gw_cache_head_text(head, GW_CACHE_TEXT_KEY);
    variant = gw_cache_head_text(head, GW_CACHE_TEXT_VARIANT);

    if (!head->variant) {
        variant.data = NULL;
    }

    slot = gw_cache_lookup(cache, head->hash, &key, &variant);
    head->serial = ++cache->serial;

    if (slot) {
        old = (uint32_t) *slot;

        /* of two live ones with a key, a repair keeps the later one */

        gw_cache_set(&entry->state, GW_CACHE_LIVE);
        gw_cache_set(slot, gw_cache_word(head->hash, e));
        gw_cache_set(&gw_cache_entry(cache, old)->state, GW_CACHE_DEAD);

        gw_cache_url_remove(cache, old);
        gw_cache_dead_first(cache, old);
        cache->count--;

    } else {

        if (!gw_cache_index_add(cache, head->hash[0],
                                gw_cache_word(head->hash, e)))
        {
            return 0;
        }

        gw_cache_set(&entry->state, GW_CACHE_LIVE);
    }

    gw_cache_url_add(cache, e);
    cache->count++;

    return 1;
}


/* the state first: what is dead is in no index after a repair */

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
    cache->count--;
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
 * Those that are pinned go to the end of the list, so that the next call finds
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

        } else if (!gw_cache_bury(cache, e, &budget)) {
            gw_cache_dead_first(cache, e);
        }
    }
}


/* frees a dead entry; 0: the rest of its body has to wait for the next turn */

static int
gw_cache_bury(gw_cache_t *cache, uint32_t e, unsigned *budget)
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
 * Evicts the one among the next entries that was not used for longest (a clock
 * that samples): a hit costs a store a second, and no list is kept in order.
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
        cache->evictions++;
    }

    gw_cache_kill(cache, e);

    return 1;
}


/* places that are far from each other: neighbours were often stored together */

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


/* what was pinned at the last look would not free its memory soon */

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


/* a turn with the lock ends when it has killed what it can free */

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


/* returns how many places it has passed */

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


void
gw_cache_stat(gw_cache_user_t *user, gw_cache_stat_t *stat)
{
    gw_cache_t  *cache = user->cache;

    gw_cache_enter(user);

    stat->entries = cache->count;
    stat->room = (uint64_t) (cache->heap.units - 1) * GW_CACHE_UNIT;
    stat->bytes = stat->room - (uint64_t) cache->heap.free * GW_CACHE_UNIT;
    stat->stores = cache->stores;
    stat->evictions = cache->evictions;
    stat->purged = cache->purged;
    stat->fills = cache->active;
    stat->repairs = cache->repairs;
    stat->pins = gw_cache_look(cache);

    gw_cache_exit(user);
}
