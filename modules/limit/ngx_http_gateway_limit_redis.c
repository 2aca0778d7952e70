/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Decisions in Redis.  The limits of a request that are in the same Redis are
 * decided by one call of a script; several Redis are called at the same time.
 *
 * If Redis does not reply, on_error= decides.  A charge that Redis may still
 * make stays: the limit may then refuse one request too many, but never admits
 * one too many.  A reserve that Redis charges late is refunded: it is not a
 * cost and can be large.
 */

#include "ngx_http_gateway_limit_redis.h"


static ngx_int_t ngx_http_gateway_limit_redis_known(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch);
static ngx_int_t ngx_http_gateway_limit_redis_group(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *first);
static ngx_int_t ngx_http_gateway_limit_redis_call(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_group_t *group);
static ngx_http_gateway_limit_script_e ngx_http_gateway_limit_redis_mode(
    const ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_redis_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_decided(
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_group_t *group, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_failed(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_redis_status_e status);


ngx_int_t
ngx_http_gateway_limit_redis_ask(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_answered_pt answered)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    if (ngx_http_gateway_limit_redis_known(ctx, batch) != NGX_OK) {
        return NGX_ERROR;
    }

    if (batch->refused) {
        return NGX_OK;
    }

    ctx->answered = answered;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis && !item->decided && !item->asked
            && ngx_http_gateway_limit_redis_group(ctx, batch, item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


/* refusals that are known without asking Redis; else the key of the item */

static ngx_int_t
ngx_http_gateway_limit_redis_known(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis == NULL) {
            continue;
        }

        if (item->figures.amount == 0) {
            ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK, item->cost);
            ngx_http_gateway_limit_decided(batch, item,
                                         NGX_HTTP_GATEWAY_LIMIT_FROM_SHM);

        } else if (ngx_http_gateway_limit_deny_cached(item)) {
            ngx_http_gateway_limit_decided(batch, item,
                                    NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE);

        } else if (ngx_http_gateway_limit_redis_key(ctx->request, item,
                                                    i ? item - 1 : NULL)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* one call for an item and the remaining ones in the same Redis */

static ngx_int_t
ngx_http_gateway_limit_redis_group(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *first)
{
    ngx_http_gateway_limit_group_t  *group;
    ngx_http_gateway_limit_item_t   *item;

    group = ngx_palloc(ctx->request->pool,
                       sizeof(ngx_http_gateway_limit_group_t));
    if (group == NULL) {
        return NGX_ERROR;
    }

    group->ctx = ctx;
    group->handle = NULL;
    group->n = 0;

    for (item = first; item < batch->items + batch->n; item++) {

        if (item->zone->redis == first->zone->redis && !item->decided
            && !item->asked && group->n < NGX_HTTP_GATEWAY_LIMIT_GROUP)
        {
            item->asked = 1;
            group->items[group->n++] = item;
        }
    }

    return ngx_http_gateway_limit_redis_call(ctx, batch, group);
}


static ngx_int_t
ngx_http_gateway_limit_redis_call(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_group_t *group)
{
    u_char                           *p;
    ngx_str_t                        *args;
    ngx_uint_t                        i, nargs;
    ngx_http_gateway_limit_item_t    *item;
    ngx_http_gateway_redis_status_e   status;

    nargs = group->n * (1 + NGX_HTTP_GATEWAY_LIMIT_ARGS);

    args = ngx_palloc(ctx->request->pool, nargs * sizeof(ngx_str_t)
                      + nargs * GW_TEXT_DECIMAL);
    if (args == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) (args + nargs);

    for (i = 0; i < group->n; i++) {
        item = group->items[i];

        args[i] = item->redis_key;
        ngx_http_gateway_limit_redis_args(
                       &args[group->n + i * NGX_HTTP_GATEWAY_LIMIT_ARGS], &p,
                       item, ngx_http_gateway_limit_redis_mode(item),
                       item->cost);
    }

    group->sent = ngx_current_msec;

    status = ngx_http_gateway_redis_call(group->items[0]->zone->redis,
                                         &ngx_http_gateway_limit_decide_script,
                                         group->n, args, nargs,
                                         ngx_http_gateway_limit_redis_client(
                                                                 ctx->request),
                                         ngx_http_gateway_limit_redis_reply,
                                         group, &group->handle);

    if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
        group->next = ctx->groups;
        ctx->groups = group;
        ctx->pending++;
        return NGX_OK;
    }

    for (i = 0; i < group->n; i++) {
        ngx_http_gateway_limit_redis_failed(ctx, batch, group->items[i],
                                            status);
    }

    return NGX_OK;
}


/* the mode of a limit in the script */

static ngx_http_gateway_limit_script_e
ngx_http_gateway_limit_redis_mode(const ngx_http_gateway_limit_item_t *item)
{
    if (item->charge == 0) {
        return item->dry_run ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DRY_LOOK
                             : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_LOOK;
    }

    if (item->limit->penalty) {
        return item->dry_run ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DRY_PENALTY
                             : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_PENALTY;
    }

    return item->dry_run ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DRY_RUN
                         : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHARGE;
}


static void
ngx_http_gateway_limit_redis_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_group_t *group = data;

    ngx_uint_t                       i;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_redis_call_t   *handle;
    ngx_http_gateway_limit_batch_t  *batch;

    ctx = group->ctx;
    batch = ctx->batches;
    handle = group->handle;
    group->handle = NULL;

    if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_limit_redis_decided(batch, group, reply);

    } else {
        ngx_http_gateway_limit_redis_follow(group, handle, status);

        for (i = 0; i < group->n; i++) {
            ngx_http_gateway_limit_redis_failed(ctx, batch, group->items[i],
                                                status);
        }
    }

    if (--ctx->pending == 0) {
        ctx->answered(ctx);
    }
}


static void
ngx_http_gateway_limit_redis_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_group_t *group, const gw_resp_t *reply)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < group->n; i++) {
        item = group->items[i];

        ngx_http_gateway_limit_redis_charged(item, reply, i);
        ngx_http_gateway_limit_decided(batch, item,
                                       NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS);

        if (item->refused) {
            ngx_http_gateway_limit_deny_keep(item, group->sent);
        }
    }
}


/*
 * The Redis client logs the failure once; each decision without Redis is logged
 * here, at level info.
 */

static void
ngx_http_gateway_limit_redis_failed(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch, ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_redis_status_e status)
{
    ngx_uint_t        source;
    const char       *how;
    gw_limit_mode_e   mode;

    switch (ngx_http_gateway_limit_redis_instead(item->zone, status)) {

    case NGX_HTTP_GATEWAY_LIMIT_LOCAL:
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL;
        how = "local";
        mode = (batch->refused || item->charge == 0) ? GW_LIMIT_LOOK
                                                     : GW_LIMIT_TAKE;

        item->whole_interval = item->figures.interval;
        item->whole_capacity = item->figures.capacity;

        gw_limit_share(&item->figures, item->zone->share);

        /* the window may have ended since Redis was asked */

        ngx_http_gateway_limit_window(item->zone, &item->figures);
        ngx_http_gateway_limit_zone_take(item, mode, item->cost);
        break;

    case NGX_HTTP_GATEWAY_LIMIT_OPEN:
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN;
        how = "open";
        item->result.passed = 1;
        break;

    default: /* NGX_HTTP_GATEWAY_LIMIT_CLOSED */
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED;
        how = "closed";
        item->result.passed = 0;
        item->result.wait = GW_LIMIT_SEC;
    }

    if (ngx_http_gateway_hide_sent(ctx->request) == NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "gateway_limit: zone \"%V\" is decided without redis "
                      "\"%V\", %s: %s", &item->zone->name,
                      ngx_http_gateway_redis_name(item->zone->redis),
                      ngx_http_gateway_redis_status(status), how);
    }

    ngx_http_gateway_limit_decided(batch, item, source);
}


void
ngx_http_gateway_limit_redis_cancel(void *data)
{
    ngx_http_gateway_limit_ctx_t *ctx = data;

    ngx_http_gateway_limit_group_t  *group;

    for (group = ctx->groups; group; group = group->next) {
        if (group->handle) {
            ngx_http_gateway_redis_cancel(group->handle);
            group->handle = NULL;
        }
    }

    ctx->pending = 0;
}
