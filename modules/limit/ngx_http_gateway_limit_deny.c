/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The deny cache: refusals by Redis, kept in the zone of the key.
 *
 * Until it ends, a refusal is repeated without asking Redis.  Meanwhile the
 * state of the key can only grow, by charges of other nodes, so no request is
 * refused that would pass.  A reset of the key on another node takes effect
 * here after at most NGX_HTTP_GATEWAY_LIMIT_ASK.
 */

#include "ngx_http_gateway_limit.h"


#define NGX_HTTP_GATEWAY_LIMIT_ASK      5000    /* ms until Redis is asked */

/* each word is a time in ms, shifted, and other bits below it */
#define NGX_HTTP_GATEWAY_LIMIT_SHARED   20
#define NGX_HTTP_GATEWAY_LIMIT_MASK     ((1ULL << 20) - 1)


static uint64_t ngx_http_gateway_limit_deny_figures(
    const ngx_http_gateway_limit_item_t *item);


/*
 * The first word is the time when the refusal ends, with a mark of the figures.
 * The second word is the time of the call, with the units that were refused.
 *
 * The entry does not apply to other figures or to fewer units.  For more units
 * the time to wait can be derived, except with a sliding window.
 */

ngx_uint_t
ngx_http_gateway_limit_deny_cached(ngx_http_gateway_limit_item_t *item)
{
    uint64_t            now, until, since, units, *state, *denied;
    gw_limit_clock_t    clock;
    gw_limit_result_t  *result;

    /* with "penalty" Redis must charge each refused request */

    state = item->limit->penalty ? NULL
                               : ngx_http_gateway_limit_zone_state(item, 0);
    if (state == NULL) {
        return 0;
    }

    denied = ngx_http_gateway_limit_denied(item, state);

    until = __atomic_load_n(&denied[0], __ATOMIC_SEQ_CST);
    since = __atomic_load_n(&denied[1], __ATOMIC_SEQ_CST);

    units = since & NGX_HTTP_GATEWAY_LIMIT_MASK;
    now = ngx_current_msec;

    if (until == 0 || (until >> NGX_HTTP_GATEWAY_LIMIT_SHARED) <= now
        || (until & NGX_HTTP_GATEWAY_LIMIT_MASK)
           != ngx_http_gateway_limit_deny_figures(item)
        || units > item->cost
        || (units < item->cost && item->figures.algorithm == GW_LIMIT_SLIDING)
        || (since >> NGX_HTTP_GATEWAY_LIMIT_SHARED)
           + NGX_HTTP_GATEWAY_LIMIT_ASK <= now
        || !gw_table_holds(item->zone->table, item->hash, state))
    {
        return 0;
    }

    result = &item->result;

    ngx_memzero(result, sizeof(gw_limit_result_t));

    result->wait = ((until >> NGX_HTTP_GATEWAY_LIMIT_SHARED) - now)
                   * GW_LIMIT_MSEC;

    if (item->figures.algorithm == GW_LIMIT_GCRA) {
        result->reset = result->wait + item->figures.interval
                                       * (item->figures.capacity - units);
        result->wait += item->figures.interval * (item->cost - units);

    } else if (item->figures.algorithm == GW_LIMIT_FIXED) {
        result->reset = result->wait;

    } else {
        ngx_http_gateway_limit_clock(&item->figures, &clock);
        result->reset = (item->figures.end > clock.wall)
                        ? item->figures.end - clock.wall : 0;
    }

    if (item->cost > item->figures.capacity) {
        result->wait = GW_LIMIT_NEVER;
    }

    return 1;
}


/*
 * The time begins with the call, so that the refusal does not end too late.
 * The first word is cleared first and written last.
 */

void
ngx_http_gateway_limit_deny_keep(ngx_http_gateway_limit_item_t *item,
    ngx_msec_t sent)
{
    uint64_t  until, *state, *denied;

    if (item->result.wait == GW_LIMIT_NEVER
        || item->cost > NGX_HTTP_GATEWAY_LIMIT_MASK)
    {
        return;
    }

    until = sent + item->result.wait / GW_LIMIT_MSEC;

    state = ngx_http_gateway_limit_zone_state(item, 1);
    denied = ngx_http_gateway_limit_denied(item, state);

    __atomic_store_n(&denied[0], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&denied[1],
                     ((uint64_t) sent << NGX_HTTP_GATEWAY_LIMIT_SHARED)
                     | item->cost, __ATOMIC_SEQ_CST);
    __atomic_store_n(&denied[0],
                     (until << NGX_HTTP_GATEWAY_LIMIT_SHARED)
                     | ngx_http_gateway_limit_deny_figures(item),
                     __ATOMIC_SEQ_CST);

    /* another key may have got the place */

    if (!gw_table_holds(item->zone->table, item->hash, state)) {
        __atomic_store_n(&denied[0], 0, __ATOMIC_SEQ_CST);
    }
}


void
ngx_http_gateway_limit_deny_forget(ngx_http_gateway_limit_item_t *item)
{
    uint64_t  *state;

    state = ngx_http_gateway_limit_zone_state(item, 0);

    if (state) {
        __atomic_store_n(ngx_http_gateway_limit_denied(item, state), 0,
                         __ATOMIC_SEQ_CST);
    }
}


/* a mark of the figures: other figures are unlikely to have the same */

static uint64_t
ngx_http_gateway_limit_deny_figures(const ngx_http_gateway_limit_item_t *item)
{
    uint64_t           mark;
    const gw_limit_t  *limit;

    limit = &item->figures;

    mark = (limit->capacity * 0x9e3779b97f4a7c15ULL)
           ^ (limit->interval * 0xc2b2ae3d27d4eb4fULL)
           ^ ((uint64_t) limit->unit << 44);

    return mark >> (64 - NGX_HTTP_GATEWAY_LIMIT_SHARED);
}
