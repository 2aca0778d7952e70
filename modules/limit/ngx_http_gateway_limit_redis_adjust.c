/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Adjustments: changes in Redis that no request waits for.  These are refunds,
 * penalties, and the difference between a cost and its reserve.
 *
 * The request may have ended when the reply comes, so each call has its own
 * copy of the item.  An adjustment that Redis does not confirm is counted in
 * the zone; a charge is then also made in the zone, if on_error= is "local".
 */

#include "ngx_http_gateway_limit_redis.h"


typedef struct {
    ngx_http_gateway_limit_item_t    item;      /* its strings are invalid */
    ngx_http_gateway_limit_script_e  mode;
} ngx_http_gateway_limit_adjust_t;


/*
 * Items of a call that the worker no longer waits for, but whose reserves Redis
 * may still charge.
 */

typedef struct {
    ngx_atomic_uint_t                client;
    ngx_uint_t                       n;
    ngx_http_gateway_limit_item_t    items[1];  /* all n of the call; charge
                                                   is 0 without a reserve */
} ngx_http_gateway_limit_stray_t;


static void ngx_http_gateway_limit_redis_adjust_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_http_gateway_limit_script_e mode);
static void ngx_http_gateway_limit_redis_adjusted(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_unconfirmed(
    ngx_http_gateway_limit_adjust_t *adjust,
    ngx_http_gateway_redis_status_e status);
static ngx_http_gateway_limit_stray_t *ngx_http_gateway_limit_redis_stray(
    ngx_http_gateway_limit_group_t *group);
static void ngx_http_gateway_limit_redis_strayed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);


void
ngx_http_gateway_limit_redis_give(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                        i;
    ngx_http_gateway_limit_item_t    *item;
    ngx_http_gateway_limit_script_e   mode;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis == NULL || item->charge == 0) {
            continue;
        }

        if (item->limit->penalty && !item->asked && !item->decided) {

            /* another limit has refused before Redis was asked */

            mode = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_PENALTY;

        } else if (!item->limit->penalty && item->charged
                   && item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS)
        {
            mode = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND;
            item->charged = 0;
            item->result.remaining += item->charge;

        } else {
            continue;
        }

        ngx_http_gateway_limit_redis_adjust(ctx->request, item, mode);
    }
}


void
ngx_http_gateway_limit_redis_adjust(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_http_gateway_limit_script_e mode)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" changes by %uL in redis: %s",
                   &item->zone->name, item->charge,
                   (mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND) ? "refund"
                   : (mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_PENALTY)
                   ? "penalty" : "settlement");

    /* without memory there is no key, and nothing is sent */

    (void) ngx_http_gateway_limit_redis_key(r, item, NULL);

    ngx_http_gateway_limit_redis_adjust_send(
                                      ngx_http_gateway_limit_redis_client(r),
                                      item, mode);
}


/*
 * The copy has the figures of the node's own share, for a charge that Redis
 * does not confirm.
 */

static void
ngx_http_gateway_limit_redis_adjust_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_http_gateway_limit_script_e mode)
{
    ngx_http_gateway_redis_call_t    *handle;
    ngx_http_gateway_limit_adjust_t   copy, *adjust;
    ngx_http_gateway_redis_status_e   status;

    copy.item = *item;
    copy.mode = mode;

    if (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL) {
        item->figures.interval = item->whole_interval;
        item->figures.capacity = item->whole_capacity;

    } else {
        gw_limit_share(&copy.item.figures, item->zone->share);
    }

    status = NGX_HTTP_GATEWAY_REDIS_DOWN;
    adjust = ngx_alloc(sizeof(ngx_http_gateway_limit_adjust_t),
                       ngx_cycle->log);

    if (adjust) {
        *adjust = copy;

        if (item->redis_key.len) {
            status = ngx_http_gateway_limit_redis_change(client, item, mode,
                                        item->charge,
                                        ngx_http_gateway_limit_redis_adjusted,
                                        adjust, &handle);
        }

        if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
            return;
        }

        ngx_free(adjust);
    }

    ngx_http_gateway_limit_redis_unconfirmed(&copy, status);
}


/*
 * Requests may have been refused for units that are refunded now: the deny
 * cache forgets the refusal of the key.
 */

static void
ngx_http_gateway_limit_redis_adjusted(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_adjust_t *adjust = data;

    if (adjust->mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND) {
        ngx_http_gateway_limit_deny_forget(&adjust->item);
    }

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_limit_redis_unconfirmed(adjust, status);
    }

    ngx_free(adjust);
}


static void
ngx_http_gateway_limit_redis_unconfirmed(
    ngx_http_gateway_limit_adjust_t *adjust,
    ngx_http_gateway_redis_status_e status)
{
    gw_limit_mode_e                       mode;
    ngx_http_gateway_limit_item_t        *item;
    const ngx_http_gateway_limit_zone_t  *zone;

    item = &adjust->item;
    zone = item->zone;

    if (adjust->mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND) {
        (void) ngx_atomic_fetch_add(&zone->sh->unreturned, 1);
        return;
    }

    if (ngx_http_gateway_limit_redis_instead(zone, status)
        == NGX_HTTP_GATEWAY_LIMIT_LOCAL)
    {
        mode = (adjust->mode == NGX_HTTP_GATEWAY_LIMIT_SCRIPT_PENALTY)
               ? GW_LIMIT_FILL : GW_LIMIT_FORCE;

        ngx_http_gateway_limit_zone_take(item, mode, item->charge);
    }

    (void) ngx_atomic_fetch_add(&zone->sh->unsettled, 1);
}


/*
 * Settlement takes the reserve as the decision without Redis left it.  So a
 * reserve that Redis charges after the timeout is refunded.  If no reply can
 * tell whether it was charged, it is counted.
 */

void
ngx_http_gateway_limit_redis_follow(ngx_http_gateway_limit_group_t *group,
    ngx_http_gateway_redis_call_t *handle,
    ngx_http_gateway_redis_status_e status)
{
    ngx_http_gateway_limit_stray_t  *stray;

    if (status != NGX_HTTP_GATEWAY_REDIS_TIMEOUT
        && status != NGX_HTTP_GATEWAY_REDIS_FULL
        && status != NGX_HTTP_GATEWAY_REDIS_CLOSED
        && status != NGX_HTTP_GATEWAY_REDIS_MALFORMED)
    {
        return;
    }

    stray = ngx_http_gateway_limit_redis_stray(group);
    if (stray == NULL) {
        return;
    }

    switch (status) {

    case NGX_HTTP_GATEWAY_REDIS_TIMEOUT:
    case NGX_HTTP_GATEWAY_REDIS_FULL:

        if (ngx_http_gateway_redis_follow(handle,
                                        ngx_http_gateway_limit_redis_strayed,
                                        stray)
            != NGX_OK)
        {
            ngx_free(stray);
        }

        break;

    default: /* the call was sent, and no reply will come */
        ngx_http_gateway_limit_redis_strayed(stray, status, NULL);
    }
}


/* NULL: the call has no reserve, or there is no memory */

static ngx_http_gateway_limit_stray_t *
ngx_http_gateway_limit_redis_stray(ngx_http_gateway_limit_group_t *group)
{
    u_char                          *p;
    size_t                           size;
    ngx_uint_t                       i, reserves;
    ngx_http_gateway_limit_item_t   *item;
    ngx_http_gateway_limit_stray_t  *stray;

    size = sizeof(ngx_http_gateway_limit_stray_t)
           + (group->n - 1) * sizeof(ngx_http_gateway_limit_item_t);
    reserves = 0;

    for (i = 0; i < group->n; i++) {
        item = group->items[i];
        size += item->redis_key.len;
        reserves += (item->limit->settle && item->charge);
    }

    if (reserves == 0) {
        return NULL;
    }

    stray = ngx_alloc(size, ngx_cycle->log);
    if (stray == NULL) {
        return NULL;
    }

    stray->client = ngx_http_gateway_limit_redis_client(group->ctx->request);
    stray->n = group->n;

    p = (u_char *) &stray->items[group->n];

    for (i = 0; i < group->n; i++) {
        item = &stray->items[i];
        *item = *group->items[i];

        if (!item->limit->settle) {
            item->charge = 0;
        }

        item->redis_key.data = p;
        p = ngx_cpymem(p, group->items[i]->redis_key.data,
                       item->redis_key.len);
    }

    return stray;
}


static void
ngx_http_gateway_limit_redis_strayed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_stray_t *stray = data;

    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < stray->n; i++) {
        item = &stray->items[i];

        if (item->charge == 0 || status == NGX_HTTP_GATEWAY_REDIS_ERROR) {
            continue;
        }

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "gateway limit: zone \"%V\" reserved %uL without a "
                       "reply in time: %s", &item->zone->name, item->charge,
                       ngx_http_gateway_redis_status(status));

        if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
            (void) ngx_atomic_fetch_add(&item->zone->sh->unreturned, 1);
            continue;
        }

        ngx_http_gateway_limit_redis_charged(item, reply, i);

        if (item->result.charged) {
            ngx_http_gateway_limit_redis_adjust_send(stray->client, item,
                                        NGX_HTTP_GATEWAY_LIMIT_SCRIPT_REFUND);
        }
    }

    ngx_free(stray);
}
