/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Limits of concurrency: the number of requests of a key that are being served
 * on this node.
 *
 * The word of a key is this count, below a generation, which differs each time
 * the key enters the table.  Each counted request also has a slot (gw_slot.h),
 * which names the process and the key.  By the slots of a killed process its
 * requests are subtracted from the counts.  Without a free slot a request is
 * refused, since it could otherwise be counted forever.
 *
 * The slot is taken before the count is increased, and freed after the count
 * was decreased.  A worker that is killed in between may leave the count one
 * too low until it is zero, but never one too high.
 */

#include "ngx_http_gateway_limit.h"


/* processes that a sweep has checked: each is checked once */

typedef struct {
    const ngx_http_gateway_limit_zone_t  *zone;
    ngx_uint_t                      start;      /* unsigned:1 */
    ngx_uint_t                      n;
    struct {
        uint64_t                    process;
        ngx_uint_t                  gone;
    }                               known[NGX_MAX_PROCESSES];
} ngx_http_gateway_limit_sweep_t;


static void ngx_http_gateway_limit_slot_try(
    ngx_http_gateway_limit_item_t *item, gw_limit_mode_e mode);
static ngx_uint_t ngx_http_gateway_limit_slot_use(
    ngx_http_gateway_limit_item_t *item, gw_slot_t *slot, uint64_t *state,
    uint64_t generation);
static ngx_uint_t ngx_http_gateway_limit_slot_count(
    ngx_http_gateway_limit_item_t *item, gw_limit_mode_e mode,
    uint64_t *state, uint64_t *generation);
static void ngx_http_gateway_limit_slot_none(
    ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_slot_uncount(
    const ngx_http_gateway_limit_zone_t *zone, gw_slot_t *slot);
static void ngx_http_gateway_limit_slot_undo(void *data, gw_slot_t *slot);
static int ngx_http_gateway_limit_slot_gone(void *data, uint64_t process);


void
ngx_http_gateway_limit_slot_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode)
{
    do {
        ngx_http_gateway_limit_slot_try(item, mode);

    } while (!item->result.passed && mode == GW_LIMIT_TAKE
             && ngx_http_gateway_limit_slot_sweep(item->zone, 0));

    item->result.charged = (item->slot != NULL);

    if (item->unavailable) {
        ngx_http_gateway_limit_slot_none(item);
    }
}


/* for a key at its limit no slot is taken: others may need it */

static void
ngx_http_gateway_limit_slot_try(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode)
{
    uint64_t                              generation, *state;
    gw_slot_t                            *slot;
    const ngx_http_gateway_limit_zone_t  *zone;

    zone = item->zone;

    item->slot = NULL;
    item->unavailable = 0;

    for ( ;; ) {
        state = ngx_http_gateway_limit_zone_state(item, 1);

        if (!ngx_http_gateway_limit_slot_count(item, GW_LIMIT_LOOK, state,
                                               &generation)
            || mode != GW_LIMIT_TAKE)
        {
            return;
        }

        slot = gw_slot_take(zone->slots, ngx_http_gateway_process_self(),
                            &zone->worker->slot_cursor);
        if (slot == NULL) {
            item->unavailable = 1;
            item->result.passed = 0;
            item->result.wait = GW_LIMIT_SEC;
            return;
        }

        if (ngx_http_gateway_limit_slot_use(item, slot, state, generation)) {
            item->slot = slot;
            return;
        }

        ngx_http_gateway_limit_slot_uncount(zone, slot);
        gw_slot_give(zone->slots, slot);

        if (!item->result.passed) {
            return;
        }
    }
}


/*
 * Counts the request of a slot.  Returns 0 if the key has reached its limit
 * since, or another key has got the place and was counted instead.
 */

static ngx_uint_t
ngx_http_gateway_limit_slot_use(ngx_http_gateway_limit_item_t *item,
    gw_slot_t *slot, uint64_t *state, uint64_t generation)
{
    uint64_t     counted;
    gw_table_t  *table;

    table = item->zone->table;

    __atomic_store_n(&slot->generation, generation, __ATOMIC_SEQ_CST);
    __atomic_store_n(&slot->place, gw_table_place(table, state) + 1,
                     __ATOMIC_SEQ_CST);

    if (!ngx_http_gateway_limit_slot_count(item, GW_LIMIT_TAKE, state,
                                           &counted))
    {
        __atomic_store_n(&slot->place, 0, __ATOMIC_SEQ_CST);
        return 0;
    }

    if (counted != generation) {
        __atomic_store_n(&slot->generation, counted, __ATOMIC_SEQ_CST);
        return 0;
    }

    return gw_table_holds(table, item->hash, state);
}


/* increases the count if it is below the limit; "*generation" is that of it */

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

    /* it is not known when a request will end */

    result->wait = result->passed ? 0
                   : item->figures.amount ? GW_LIMIT_SEC : GW_LIMIT_NEVER;

    return result->passed;
}


static void
ngx_http_gateway_limit_slot_none(ngx_http_gateway_limit_item_t *item)
{
    const ngx_http_gateway_limit_zone_t  *zone;

    zone = item->zone;

    if (!ngx_http_gateway_may_say(&zone->worker->said_no_slot,
                                  NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "gateway_limit_zone: zone \"%V\" has memory for %uL "
                  "concurrent requests, all in use, %s more; increase its "
                  "size of %uz bytes", &zone->name,
                  zone->slots->n, item->dry_run ? "not counting" : "refusing",
                  zone->zone.size);
}


void
ngx_http_gateway_limit_slot_give(ngx_http_gateway_limit_item_t *item)
{
    if (item->slot) {
        ngx_http_gateway_limit_slot_uncount(item->zone, item->slot);
        gw_slot_give(item->zone->slots, item->slot);

        item->slot = NULL;
    }
}


/* decreases the count of the key, if it has the generation of the slot */

static void
ngx_http_gateway_limit_slot_uncount(const ngx_http_gateway_limit_zone_t *zone,
    gw_slot_t *slot)
{
    uint64_t  place, generation, word, *state;

    place = __atomic_load_n(&slot->place, __ATOMIC_SEQ_CST);

    if (place == 0) {
        return;
    }

    generation = __atomic_load_n(&slot->generation, __ATOMIC_SEQ_CST);

    state = gw_table_state(zone->table, place - 1);
    word = __atomic_load_n(state, __ATOMIC_SEQ_CST);

    while (word >> 32 == generation && (uint32_t) word > 0
           && !__atomic_compare_exchange_n(state, &word, word - 1, 0,
                                           __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST))
    {
        /* void */
    }

    __atomic_store_n(&slot->place, 0, __ATOMIC_SEQ_CST);
}


/*
 * Called when a worker starts, since it may replace a killed one.  Also called
 * when a request is refused, since the master does not replace workers of an
 * old configuration.
 */

ngx_uint_t
ngx_http_gateway_limit_slot_sweep(const ngx_http_gateway_limit_zone_t *zone,
    ngx_uint_t start)
{
    ngx_uint_t                      n;
    ngx_http_gateway_limit_sweep_t  sweep;

    if (zone->slots == NULL || (!start && zone->worker->swept == ngx_time())) {
        return 0;
    }

    zone->worker->swept = ngx_time();

    if (start) {

        /* each worker begins in a cache line of its own */

        zone->worker->slot_cursor = ngx_worker * 8;
    }

    sweep.zone = zone;
    sweep.start = start;
    sweep.n = 0;

    n = gw_slot_sweep(zone->slots, ngx_http_gateway_process_self(),
                      ngx_http_gateway_limit_slot_gone,
                      ngx_http_gateway_limit_slot_undo, &sweep);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway limit: zone \"%V\", %ui slots of killed "
                   "workers are free again", &zone->name, n);

    return n;
}


/*
 * If processes are named by their pid alone, slots that a starting worker seems
 * to own belonged to another process.
 */

static int
ngx_http_gateway_limit_slot_gone(void *data, uint64_t process)
{
    ngx_http_gateway_limit_sweep_t *sweep = data;

    ngx_uint_t  i, gone;

    for (i = 0; i < sweep->n; i++) {
        if (sweep->known[i].process == process) {
            return sweep->known[i].gone;
        }
    }

    gone = (process == ngx_http_gateway_process_self())
           ? sweep->start : ngx_http_gateway_process_gone(process);

    if (sweep->n < NGX_MAX_PROCESSES) {
        sweep->known[sweep->n].process = process;
        sweep->known[sweep->n++].gone = gone;
    }

    return gone;
}


static void
ngx_http_gateway_limit_slot_undo(void *data, gw_slot_t *slot)
{
    ngx_http_gateway_limit_sweep_t *sweep = data;

    ngx_http_gateway_limit_slot_uncount(sweep->zone, slot);
}
