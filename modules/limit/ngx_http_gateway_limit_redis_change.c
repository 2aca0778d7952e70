/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes in Redis that no request waits for: refunds, penalties, settlements.
 */

#include "ngx_http_gateway_limit_redis.h"


/* a change on nobody's behalf: the request may be over before it is made */

typedef struct {
    ngx_http_gateway_limit_item_t    item;      /* its strings are void */
    ngx_uint_t                       mode;      /* of the script */
} ngx_http_gateway_limit_late_t;


/* reserves that Redis may yet charge, decided without it meanwhile */

typedef struct {
    ngx_atomic_uint_t                client;
    ngx_uint_t                       n;
    ngx_http_gateway_limit_item_t    items[1];  /* of the call; no reserve:
                                                   charge is 0 */
} ngx_http_gateway_limit_stray_t;


static void ngx_http_gateway_limit_redis_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode);
static void ngx_http_gateway_limit_redis_done(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_lost(
    ngx_http_gateway_limit_late_t *late,
    ngx_http_gateway_redis_status_e status);
static ngx_http_gateway_limit_stray_t *ngx_http_gateway_limit_redis_stray(
    ngx_http_gateway_limit_group_t *group);
static void ngx_http_gateway_limit_redis_strayed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);


void
ngx_http_gateway_limit_redis_give(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i, mode;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis == NULL || item->charge == 0) {
            continue;
        }

        if (item->limit->penalty && !item->asked && !item->decided) {

            /* others have refused before it was asked */

            mode = 'a';

        } else if (!item->limit->penalty && item->charged
                   && item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS)
        {
            mode = 'r';
            item->charged = 0;
            item->result.remaining += item->charge;

        } else {
            continue;
        }

        ngx_http_gateway_limit_redis_late(ctx->request, item, mode);
    }
}


void
ngx_http_gateway_limit_redis_late(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" changes by %uL in redis, "
                   "mode %c", &item->zone->name, item->charge, (int) mode);

    /* without memory there is no key, and nothing can be sent */

    (void) ngx_http_gateway_limit_redis_key(r, item, NULL);

    ngx_http_gateway_limit_redis_send(ngx_http_gateway_limit_redis_client(r),
                                      item, mode);
}


/*
 * The call has a copy of the item, with the figures of this node's own share,
 * for a charge that Redis does not make.
 */

static void
ngx_http_gateway_limit_redis_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode)
{
    ngx_http_gateway_redis_call_t    *handle;
    ngx_http_gateway_limit_late_t     own, *late;
    ngx_http_gateway_redis_status_e   status;

    own.item = *item;
    own.mode = mode;

    if (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL) {
        item->figures.interval = item->whole_interval;
        item->figures.capacity = item->whole_capacity;

    } else {
        gw_limit_share(&own.item.figures, item->zone->share);
    }

    status = NGX_HTTP_GATEWAY_REDIS_DOWN;
    late = ngx_alloc(sizeof(ngx_http_gateway_limit_late_t), ngx_cycle->log);

    if (late) {
        *late = own;

        if (item->redis_key.len) {
            status = ngx_http_gateway_limit_redis_change(client, item, mode,
                                             item->charge,
                                             ngx_http_gateway_limit_redis_done,
                                             late, &handle);
        }

        if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
            return;
        }

        ngx_free(late);
    }

    ngx_http_gateway_limit_redis_lost(&own, status);
}


/*
 * What is given back may be what others were refused for meanwhile, and will
 * have been until Redis has done it: then their refusal is forgotten.
 */

static void
ngx_http_gateway_limit_redis_done(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_late_t *late = data;

    uint64_t                       *state;
    ngx_http_gateway_limit_zone_t  *zone;

    zone = late->item.zone;

    if (late->mode == 'r') {
        state = gw_table_find(zone->table, late->item.hash, ngx_current_msec);

        if (state) {
            state += gw_limit_words(zone->algorithm);
            __atomic_store_n(state, 0, __ATOMIC_SEQ_CST);
        }
    }

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_limit_redis_lost(late, status);
    }

    ngx_free(late);
}


/*
 * What Redis has not done, or perhaps not, is counted.  A charge is made where
 * the node decides for itself, as with a decision that was not answered.
 */

static void
ngx_http_gateway_limit_redis_lost(ngx_http_gateway_limit_late_t *late,
    ngx_http_gateway_redis_status_e status)
{
    ngx_http_gateway_limit_item_t  *item;
    ngx_http_gateway_limit_zone_t  *zone;

    item = &late->item;
    zone = item->zone;

    if (late->mode == 'r') {
        (void) ngx_atomic_fetch_add(&zone->sh->unreturned, 1);
        return;
    }

    if (ngx_http_gateway_limit_redis_instead(zone, status)
        == NGX_HTTP_GATEWAY_LIMIT_LOCAL)
    {
        ngx_http_gateway_limit_zone_take(item, late->mode == 'a'
                                               ? GW_LIMIT_FILL : GW_LIMIT_FORCE,
                                         item->charge);
    }

    (void) ngx_atomic_fetch_add(&zone->sh->unsettled, 1);
}


/*
 * A reserve that Redis charges too late is given back: what the request costs
 * is settled as it was decided.  Where nobody can know, it is counted.
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

    default: /* it was sent, and no reply will come */
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
            ngx_http_gateway_limit_redis_send(stray->client, item, 'r');
        }
    }

    ngx_free(stray);
}
