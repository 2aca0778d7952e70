/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Settlement: in LOG, when its cost is known, a request is charged for limits
 * with "settle".  The reserve, which was charged before, is deducted.
 */

#include "ngx_http_gateway_limit_redis.h"


static ngx_uint_t ngx_http_gateway_limit_refused_by_others(
    ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_limit_batch_t *batch);
static ngx_uint_t ngx_http_gateway_limit_aborted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static uint64_t ngx_http_gateway_limit_final_cost(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t aborted);
static void ngx_http_gateway_limit_settle_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, uint64_t cost);


/*
 * A request that the gateway has refused has no cost, unless a request was sent
 * to an upstream server before.  The newest batch is the first of the list: a
 * batch that has refused is followed by those of earlier locations.
 */

void
ngx_http_gateway_limit_settle(ngx_http_request_t *r)
{
    uint64_t                         cost;
    ngx_uint_t                       i, refused, aborted, nothing;
    ngx_http_gateway_request_t      *gr;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_limit_item_t   *item;
    ngx_http_gateway_limit_batch_t  *batch;

    gr = ngx_http_gateway_request(r);
    ctx = ngx_http_gateway_limit_part(gr);

    if (ctx == NULL) {
        return;
    }

    refused = 0;
    aborted = ngx_http_gateway_limit_aborted(r, gr);

    for (batch = ctx->batches; batch; batch = batch->next) {

        if (batch->refused) {
            refused = !ctx->refusal.asked;
            continue;
        }

        nothing = refused
                  || ngx_http_gateway_limit_refused_by_others(r, gr, batch);

        for (i = 0; i < batch->n; i++) {
            item = &batch->items[i];

            if (!item->limit->settle || !item->decided || item->returned) {
                continue;
            }

            /* early, and refused later: only a reserve stays charged */

            if (nothing
                || (batch->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY
                    && !ctx->admitted && item->charge == 0))
            {
                cost = 0;

            } else {
                cost = ngx_http_gateway_limit_final_cost(r, item, aborted);
            }

            ngx_http_gateway_limit_settle_item(r, item, cost);
        }
    }
}


/*
 * Whether another module of the gateway has refused the request before it was
 * sent to an upstream server.  If the error page has limits of its own, they
 * also apply to its upstream server, which gets a request after the refusal.
 */

static ngx_uint_t
ngx_http_gateway_limit_refused_by_others(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                     refused;
    ngx_http_gateway_refusal_t    *refusal;
    ngx_http_gateway_limit_ctx_t  *ctx;

    ctx = ngx_http_gateway_limit_part(gr);
    refused = 0;

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {

        if (refusal == &ctx->refusal || refusal->offered) {
            continue;
        }

        if (refusal->asked) {
            return 0;
        }

        refused = 1;
    }

    return refused && !(batch->page && ngx_http_gateway_asked(r));
}


/*
 * Whether the client has closed the connection, or the last upstream server has
 * not sent a complete response.
 */

static ngx_uint_t
ngx_http_gateway_limit_aborted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (!r->request_complete) {
        return 1;
    }

    if (r->upstream_states == NULL) {
        return 0;
    }

    state = r->upstream_states->elts;

    for (i = r->upstream_states->nelts; i > 0; i--) {

        if (state[i - 1].bytes_sent > 0) {
            return state[i - 1].header_time == (ngx_msec_t) -1
                   || !(gr->whole || r->header_only);
        }
    }

    return 0;
}


static uint64_t
ngx_http_gateway_limit_final_cost(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t aborted)
{
    uint64_t  cost;

    if (ngx_http_gateway_limit_cost(r, item, &cost) != NGX_OK) {
        cost = ngx_max(item->charge, item->limit->cost.figure.amount);
    }

    return aborted ? ngx_max(cost, item->charge) : cost;
}


/* charges or refunds the difference between the cost and a charged reserve */

static void
ngx_http_gateway_limit_settle_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, uint64_t cost)
{
    uint64_t    reserve, capacity, *remaining;
    ngx_uint_t  back;

    remaining = &item->result.remaining;
    capacity = item->figures.capacity;

    reserve = item->charged ? item->charge : 0;
    back = (cost < reserve);

    if (cost == reserve || item->figures.amount == 0) {
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" settles %uL, reserved %uL",
                   &item->zone->name, cost, reserve);

    item->charge = back ? reserve - cost : cost - reserve;

    if (!back) {

        /* charge the window in which the response has ended */

        ngx_http_gateway_limit_window(item->zone, &item->figures);
    }

    if (item->zone->redis
        && !(reserve && item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL))
    {
        ngx_http_gateway_limit_redis_adjust(r, item,
                                    back ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND
                                         : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DEBT);

    } else if (back) {
        gw_limit_part(&item->figures, item->charge, &item->result);
        ngx_http_gateway_limit_zone_give(item);

    } else {
        ngx_http_gateway_limit_zone_take(item, GW_LIMIT_FORCE, item->charge);
        return;
    }

    /* by the verdict: Redis replies too late for the log */

    *remaining = back ? ngx_min(*remaining + item->charge, capacity)
                      : *remaining - ngx_min(*remaining, item->charge);
}
