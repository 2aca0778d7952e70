
/*
 * Limits of concurrency: how many requests of a key are being served, on this
 * node.
 *
 * A key's word is its count, with a number above it that tells this stay of
 * the key in the table from an earlier one.  A request that is counted also
 * has a slot, which names its process and the key: slots of a process that is
 * gone tell what it has taken with it, and are given back.
 *
 * The slot is taken before the count grows and given back after the count has
 * shrunk.  A worker that is killed in between leaves the count one too low
 * for as long as it is not zero, rather than one too high for ever.
 */

#include "ngx_http_gateway_limit.h"


static ngx_http_gateway_limit_slot_t *ngx_http_gateway_limit_slot_find(
    ngx_http_gateway_limit_zone_t *zone);
static ngx_uint_t ngx_http_gateway_limit_slot_own(
    ngx_http_gateway_limit_slot_t *slot, uint64_t owner);
static void ngx_http_gateway_limit_slot_free(
    ngx_http_gateway_limit_zone_t *zone, ngx_http_gateway_limit_slot_t *slot);
static ngx_uint_t ngx_http_gateway_limit_slot_count(
    ngx_http_gateway_limit_item_t *item, gw_limit_mode_e mode,
    uint64_t *state, uint64_t *generation);


#define ngx_http_gateway_limit_slots(zone)                                    \
    ((ngx_http_gateway_limit_slot_t *) ((zone)->sh + 1))


void
ngx_http_gateway_limit_slot_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode)
{
    uint64_t                        generation, *state;
    ngx_uint_t                      passed;
    ngx_http_gateway_limit_zone_t  *zone;
    ngx_http_gateway_limit_slot_t  *slot;

    zone = item->zone;
    slot = NULL;

    if (mode == GW_LIMIT_TAKE) {
        slot = ngx_http_gateway_limit_slot_find(zone);

        if (slot == NULL) {
            mode = GW_LIMIT_LOOK;
        }
    }

    for ( ;; ) {
        state = ngx_http_gateway_limit_zone_state(item, 1);

        if (slot) {
            slot->generation = *state >> 32;
            ngx_memory_barrier();
            slot->place = gw_table_place(zone->table, state) + 1;
        }

        passed = ngx_http_gateway_limit_slot_count(item, mode, state,
                                                   &generation);

        if (slot == NULL || !passed
            || (generation == slot->generation
                && gw_table_holds(zone->table, item->hash, state)))
        {
            break;
        }

        /* another key has got the place, and was counted for this one */

        slot->generation = generation;
        ngx_http_gateway_limit_slot_free(zone, slot);

        slot = ngx_http_gateway_limit_slot_find(zone);
        mode = slot ? GW_LIMIT_TAKE : GW_LIMIT_LOOK;
    }

    if (slot && !passed) {
        slot->place = 0;
        ngx_memory_barrier();
        slot->owner = 0;
        slot = NULL;

        if (zone->swept != ngx_time()) {
            zone->swept = ngx_time();
            ngx_http_gateway_limit_slot_sweep(zone, 0);
        }
    }

    item->slot = slot;
    item->result.charged = (slot != NULL);
}


/* adds one where there is room; the count and its generation as they were */

static ngx_uint_t
ngx_http_gateway_limit_slot_count(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode, uint64_t *state, uint64_t *generation)
{
    uint64_t            word, used;
    gw_limit_result_t  *result;

    result = &item->result;

    ngx_memzero(result, sizeof(gw_limit_result_t));

    word = __atomic_load_n(state, __ATOMIC_SEQ_CST);

    do {
        used = (uint32_t) word;
        *generation = word >> 32;

        result->passed = (used < item->figures.amount);

        if (!result->passed || mode != GW_LIMIT_TAKE) {
            break;
        }

    } while (!__atomic_compare_exchange_n(state, &word, word + 1, 0,
                                          __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));

    used += (result->passed && mode == GW_LIMIT_TAKE);

    result->used = used;
    result->remaining = (used < item->figures.amount)
                        ? item->figures.amount - used : 0;

    /* when one ends nobody knows */

    result->wait = result->passed ? 0
                   : item->figures.amount ? GW_LIMIT_SEC : GW_LIMIT_NEVER;

    return result->passed;
}


void
ngx_http_gateway_limit_slot_give(ngx_http_gateway_limit_item_t *item)
{
    if (item->slot) {
        ngx_http_gateway_limit_slot_free(item->zone, item->slot);
        item->slot = NULL;
    }
}


/*
 * A free slot, looked for from a place that each worker moves on.  Where there
 * is none, there are more requests than the zone has memory for: they are held
 * against the count of their keys, but not counted.
 */

static ngx_http_gateway_limit_slot_t *
ngx_http_gateway_limit_slot_find(ngx_http_gateway_limit_zone_t *zone)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_slot_t  *slot;

    /* not for each of thousands */

    if (zone->no_slots == ngx_time()) {
        return NULL;
    }

    for (i = 0; i < zone->sh->nslots; i++) {

        if (++zone->next_slot >= zone->sh->nslots) {
            zone->next_slot = 0;
        }

        slot = &ngx_http_gateway_limit_slots(zone)[zone->next_slot];

        if (slot->owner == 0 && ngx_http_gateway_limit_slot_own(slot, 0)) {
            return slot;
        }
    }

    zone->no_slots = ngx_time();

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "gateway_limit_zone: zone \"%V\" has memory for %uz requests "
                  "at once, others are not counted", &zone->name,
                  zone->sh->nslots);

    return NULL;
}


/* whoever gets it: one of those that want it of the same owner */

static ngx_uint_t
ngx_http_gateway_limit_slot_own(ngx_http_gateway_limit_slot_t *slot,
    uint64_t owner)
{
    return __atomic_compare_exchange_n(&slot->owner, &owner,
                                       ngx_http_gateway_process_self(), 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}


/* takes one from the key's count, if it is still the one that was counted in */

static void
ngx_http_gateway_limit_slot_free(ngx_http_gateway_limit_zone_t *zone,
    ngx_http_gateway_limit_slot_t *slot)
{
    uint64_t  word, *state;

    if (slot->place) {

        state = gw_table_state(zone->table, slot->place - 1);
        word = __atomic_load_n(state, __ATOMIC_SEQ_CST);

        while (word >> 32 == slot->generation && (uint32_t) word > 0
               && !__atomic_compare_exchange_n(state, &word, word - 1, 0,
                                               __ATOMIC_SEQ_CST,
                                               __ATOMIC_SEQ_CST))
        {
            /* void */
        }
    }

    slot->place = 0;
    ngx_memory_barrier();
    slot->owner = 0;
}


/*
 * In a worker that starts, in place of one that was killed or not, and where a
 * request is refused, once a second at most: the master starts no other worker
 * for one of an old configuration.  What a worker that starts seems to hold
 * was held by another one, where all that names a process is its pid.
 */

void
ngx_http_gateway_limit_slot_sweep(ngx_http_gateway_limit_zone_t *zone,
    ngx_uint_t start)
{
    uint64_t                        owner, alive[NGX_MAX_PROCESSES];
    ngx_uint_t                      i, n, nalive;
    ngx_http_gateway_limit_slot_t  *slot;

    if (start && zone->sh->nslots) {
        zone->next_slot = ngx_random() % zone->sh->nslots;
    }

    /* each is asked for once, not for each of its slots */

    nalive = 0;

    if (!start) {
        alive[nalive++] = ngx_http_gateway_process_self();
    }

    for (i = 0; i < zone->sh->nslots; i++) {
        slot = &ngx_http_gateway_limit_slots(zone)[i];
        owner = slot->owner;

        if (owner == 0) {
            continue;
        }

        for (n = 0; n < nalive && alive[n] != owner; n++) { /* void */ }

        if (n < nalive) {
            continue;
        }

        if (owner != ngx_http_gateway_process_self()
            && !ngx_http_gateway_process_gone(owner))
        {
            if (nalive < NGX_MAX_PROCESSES) {
                alive[nalive++] = owner;
            }

            continue;
        }

        if (ngx_http_gateway_limit_slot_own(slot, owner)) {
            ngx_http_gateway_limit_slot_free(zone, slot);
        }
    }
}
