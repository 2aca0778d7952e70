/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Decisions: either all limits of a stage pass, or none is charged.
 *
 * Limits in shared memory are charged first, since they are cheap.  Redis is
 * asked only if all of them pass; if it refuses, they are refunded.  The limits
 * of the early stage are decided separately, before authentication, and stay
 * charged whatever follows.
 *
 * A request that waits for Redis or is delayed is parked, see
 * ngx_http_gateway_wait.h.  If the client closes the connection meanwhile, the
 * charges stay: otherwise a client could probe its limit for free.
 *
 * While the request waits for Redis, which takes at most "timeout", only a
 * reset ends it.  A delay can be long, so it is also ended by an end of file.
 */

#include "ngx_http_gateway_count.h"
#include "ngx_http_gateway_limit_count.h"
#include "ngx_http_gateway_limit_redis.h"


static ngx_int_t ngx_http_gateway_limit_late(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_early(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_stage(ngx_http_request_t *r,
    ngx_uint_t stage);
static ngx_int_t ngx_http_gateway_limit_begin(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx,
    const ngx_http_gateway_limit_loc_conf_t *llcf, ngx_uint_t stage);
static void ngx_http_gateway_limit_cleanup(void *data);
static void ngx_http_gateway_limit_shm(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_answered(ngx_http_gateway_limit_ctx_t *ctx);
static void ngx_http_gateway_limit_log_items(ngx_http_request_t *r,
    ngx_http_gateway_limit_batch_t *batch);
#if (NGX_DEBUG)
static int64_t ngx_http_gateway_limit_say_wait(
    const ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_say(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item);
#endif
static void ngx_http_gateway_limit_give_back(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch);
static ngx_int_t ngx_http_gateway_limit_refuse(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch);
static ngx_int_t ngx_http_gateway_limit_delay(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_msec_t delay);
static void ngx_http_gateway_limit_delayed(ngx_http_request_t *r);


ngx_http_gateway_limit_ctx_t *
ngx_http_gateway_limit_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_limit_ctx_t  *ctx;

    gr = ngx_http_gateway_request_get(r);
    ctx = ngx_http_gateway_limit_part(gr);

    if (gr == NULL || ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_limit_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_gateway_limit_ctx_t));
    ctx->request = r;

    cln->handler = ngx_http_gateway_limit_cleanup;

    ngx_http_gateway_slot(gr, ngx_http_gateway_limit_part_slot) = ctx;

    return ctx;
}


/* the request ends */

static void
ngx_http_gateway_limit_cleanup(void *data)
{
    ngx_http_gateway_limit_ctx_t *ctx = data;

    ngx_uint_t                       i;
    ngx_http_gateway_limit_batch_t  *batch;

    for (batch = ctx->batches; batch; batch = batch->next) {
        for (i = 0; i < batch->n; i++) {
            ngx_http_gateway_limit_slot_give(&batch->items[i]);
        }
    }
}


ngx_int_t
ngx_http_gateway_limit_handler(ngx_http_request_t *r,
    ngx_http_gateway_limit_stage_e stage)
{
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    static const ngx_http_handler_pt  handlers[] = {
        [NGX_HTTP_GATEWAY_LIMIT_LATE] = ngx_http_gateway_limit_late,
        [NGX_HTTP_GATEWAY_LIMIT_EARLY] = ngx_http_gateway_limit_early
    };

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (llcf->stages[stage] == NULL || r != r->main) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_QUOTA,
                                  handlers[stage]);
}


static ngx_int_t
ngx_http_gateway_limit_late(ngx_http_request_t *r)
{
    return ngx_http_gateway_limit_stage(r, NGX_HTTP_GATEWAY_LIMIT_LATE);
}


static ngx_int_t
ngx_http_gateway_limit_early(ngx_http_request_t *r)
{
    return ngx_http_gateway_limit_stage(r, NGX_HTTP_GATEWAY_LIMIT_EARLY);
}


static ngx_int_t
ngx_http_gateway_limit_stage(ngx_http_request_t *r, ngx_uint_t stage)
{
    ngx_http_gateway_limit_ctx_t       *ctx;
    ngx_http_gateway_limit_batch_t     *batch;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    ctx = ngx_http_gateway_limit_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ctx->step) {

    case NGX_HTTP_GATEWAY_LIMIT_ASKED:
        return NGX_AGAIN;

    case NGX_HTTP_GATEWAY_LIMIT_ANSWERED:
        ctx->step = NGX_HTTP_GATEWAY_LIMIT_IDLE;
        return ngx_http_gateway_limit_finish(r, ctx);

    case NGX_HTTP_GATEWAY_LIMIT_DELAYED:
        ctx->step = NGX_HTTP_GATEWAY_LIMIT_IDLE;
        return NGX_DECLINED;

    default: /* NGX_HTTP_GATEWAY_LIMIT_IDLE */
        break;
    }

    /*
     * As with limit_req, the error page of a refusal is not charged, unless its
     * location has limits that are not inherited.
     */

    for (batch = ctx->batches; batch; batch = batch->next) {
        if (batch->refused && !llcf->own) {
            return NGX_DECLINED;
        }
    }

    return ngx_http_gateway_limit_begin(r, ctx, llcf, stage);
}


/* starts the decision of a stage, unless the request is exempt */

static ngx_int_t
ngx_http_gateway_limit_begin(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx,
    const ngx_http_gateway_limit_loc_conf_t *llcf, ngx_uint_t stage)
{
    ngx_int_t  rc;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: stage %s, %ui limits",
                   (stage == NGX_HTTP_GATEWAY_LIMIT_EARLY) ? "early" : "late",
                   llcf->stages[stage]->nelts);

    if (ngx_http_test_predicates(r, llcf->exempt) == NGX_DECLINED) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway limit: the request is exempt");

        ctx->exempt = 1;
        return NGX_DECLINED;
    }

    rc = ngx_http_gateway_limit_items(r, ctx, llcf->stages[stage], stage);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    return (rc == NGX_OK) ? ngx_http_gateway_limit_decide(r, ctx)
                          : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_gateway_limit_decide(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i, remote;
    ngx_http_gateway_limit_batch_t  *batch;

    batch = ctx->batches;
    remote = 0;

    for (i = 0; i < batch->n; i++) {

        if (batch->items[i].zone->redis) {
            remote = 1;

        } else {
            ngx_http_gateway_limit_shm(batch, &batch->items[i]);
        }
    }

    if (!remote || batch->refused) {
        return ngx_http_gateway_limit_finish(r, ctx);
    }

    rc = ngx_http_gateway_limit_redis_ask(ctx, batch,
                                          ngx_http_gateway_limit_answered);

    if (rc == NGX_OK) {
        return ngx_http_gateway_limit_finish(r, ctx);
    }

    if (rc == NGX_AGAIN) {
        ctx->wait = ngx_http_gateway_park(r,
                                     ngx_http_gateway_limit_redis_cancel, ctx);

        if (ctx->wait) {
            ctx->step = NGX_HTTP_GATEWAY_LIMIT_ASKED;
            return NGX_AGAIN;
        }
    }

    /* an error page follows, which must not get the replies */

    ngx_http_gateway_limit_redis_cancel(ctx);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* charges a limit, or only looks if another one has refused already */

static void
ngx_http_gateway_limit_shm(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item)
{
    gw_limit_mode_e  mode;

    mode = (batch->refused || item->charge == 0) ? GW_LIMIT_LOOK
                                                 : GW_LIMIT_TAKE;

    if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
        ngx_http_gateway_limit_slot_take(item, mode);

    } else {
        ngx_http_gateway_limit_zone_take(item, mode, item->cost);
    }

    ngx_http_gateway_limit_decided(batch, item,
                                   NGX_HTTP_GATEWAY_LIMIT_FROM_SHM);
}


static void
ngx_http_gateway_limit_answered(ngx_http_gateway_limit_ctx_t *ctx)
{
    ctx->step = NGX_HTTP_GATEWAY_LIMIT_ANSWERED;

    ngx_http_gateway_resume(ctx->wait);
}


ngx_int_t
ngx_http_gateway_limit_finish(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx)
{
    ngx_uint_t                       i;
    ngx_msec_t                       delay;
    ngx_http_gateway_limit_batch_t  *batch;

    batch = ctx->batches;

    ngx_http_gateway_limit_log_items(r, batch);

    if (batch->refused) {
        ngx_http_gateway_limit_give_back(ctx, batch);
        ngx_http_gateway_limit_count(batch);
        return ngx_http_gateway_limit_refuse(r, ctx, batch);
    }

    ngx_http_gateway_limit_count(batch);

    delay = 0;

    for (i = 0; i < batch->n; i++) {
        if (!batch->items[i].dry_run) {
            delay = ngx_max(delay, batch->items[i].delay);
        }
    }

    return delay ? ngx_http_gateway_limit_delay(r, ctx, delay) : NGX_DECLINED;
}


static void
ngx_http_gateway_limit_log_items(ngx_http_request_t *r,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                                i;
    ngx_http_gateway_limit_item_t            *item;
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

#if (NGX_DEBUG)
        ngx_http_gateway_limit_say(r, item);
#endif

        if (!item->dry_run || !item->refused
            || ngx_http_gateway_hide_sent(r) != NGX_OK)
        {
            continue;
        }

        llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

        ngx_log_error(llcf->log_level, r->connection->log, 0,
                      "gateway_limit: would be refused by zone \"%V\", reason "
                      "\"%s\", dry run", &item->zone->name,
                      gw_reason_word(ngx_http_gateway_limit_reason(item)));
    }
}


#if (NGX_DEBUG)

/* in ms; -1: forever */

static int64_t
ngx_http_gateway_limit_say_wait(const ngx_http_gateway_limit_item_t *item)
{
    if (!item->refused) {
        return item->delay;
    }

    return (item->result.wait == GW_LIMIT_NEVER)
           ? -1 : (int64_t) (item->result.wait / GW_LIMIT_MSEC);
}


static void
ngx_http_gateway_limit_say(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item)
{
    static const char  *sources[] = {
        [NGX_HTTP_GATEWAY_LIMIT_FROM_NONE] = "none",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_SHM] = "shm",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS] = "redis",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE] = "deny_cache",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL] = "local",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN] = "open",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED] = "closed"
    };

    _Static_assert(sizeof(sources) / sizeof(sources[0])
                   == NGX_HTTP_GATEWAY_LIMIT_SOURCES,
                   "each source needs a word");

    if (!item->decided) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway limit: zone \"%V\" is not decided",
                       &item->zone->name);
        return;
    }

    ngx_log_debug8(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" %s by %s, limit:%uL "
                   "capacity:%uL cost:%uL remaining:%uL wait:%Lms",
                   &item->zone->name,
                   !item->refused ? "passed"
                                  : item->dry_run ? "would refuse" : "refused",
                   sources[item->source], item->figures.amount,
                   item->figures.capacity, item->cost, item->result.remaining,
                   ngx_http_gateway_limit_say_wait(item));
}

#endif


/*
 * Undoes the charges of a refused batch.  A limit with "penalty" is charged
 * also for refused requests, at most what it has left.
 *
 * Charges of earlier locations stay.  Their upstream servers may have done work
 * before X-Accel-Redirect or error_page led here; otherwise this work would be
 * free while another limit refuses.
 */

static void
ngx_http_gateway_limit_give_back(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    ngx_http_gateway_limit_redis_give(ctx, batch);

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        item->returned = (!item->refused && !item->limit->penalty);

        if (item->source != NGX_HTTP_GATEWAY_LIMIT_FROM_SHM
            && item->source != NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL)
        {
            continue;
        }

        if (item->limit->penalty) {

            if (!item->charged && item->charge) {
                ngx_log_debug2(NGX_LOG_DEBUG_HTTP,
                               ctx->request->connection->log, 0,
                               "gateway limit: zone \"%V\" charges a penalty "
                               "of %uL", &item->zone->name, item->charge);

                ngx_http_gateway_limit_zone_take(item, GW_LIMIT_FILL,
                                                 item->charge);
                item->charged = 1;

                /* header fields and Retry-After are those after the charge */

                ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK,
                                                 item->cost);
            }

        } else if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
            ngx_http_gateway_limit_slot_give(item);

        } else if (item->charged) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log,
                           0, "gateway limit: zone \"%V\" refunds %uL",
                           &item->zone->name, item->charge);

            ngx_http_gateway_limit_zone_give(item);
            item->result.remaining += item->charge;
            item->charged = 0;
        }

        item->delay = 0;
    }
}


static ngx_int_t
ngx_http_gateway_limit_refuse(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                                status;
    ngx_http_gateway_request_t               *gr;
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    gr = ngx_http_gateway_request(r);
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    status = (batch->refused->source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED)
             ? NGX_HTTP_SERVICE_UNAVAILABLE : (ngx_uint_t) llcf->status;

    /* the line shows the request: hide the credentials of all methods */

    if (ngx_http_gateway_hide_sent(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(llcf->log_level, r->connection->log, 0,
                  "gateway_limit: refused with %ui by zone \"%V\", reason "
                  "\"%s\"", status, &batch->refused->zone->name,
                  gw_reason_word(ngx_http_gateway_limit_reason(
                                                           batch->refused)));

    if (ngx_http_gateway_limit_problem(r, ctx, batch, status) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_refuse(r, gr, &ctx->refusal);
}


/* waiting */

static ngx_int_t
ngx_http_gateway_limit_delay(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_msec_t delay)
{
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (ngx_http_gateway_hide_sent(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* one level lower than refusals, as in limit_req */

    ngx_log_error(ngx_min(llcf->log_level + 1, NGX_LOG_INFO),
                  r->connection->log, 0, "gateway_limit: delayed by %Mms",
                  delay);

    ctx->wait = ngx_http_gateway_park(r, NULL, NULL);
    if (ctx->wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->step = NGX_HTTP_GATEWAY_LIMIT_DELAYED;
    ctx->delayed = 1;

    ngx_http_gateway_timed_pause(ngx_http_gateway_request(r));

    /* also an end of file ends the request */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_gateway_limit_delayed;

    r->connection->write->delayed = 1;
    ngx_add_timer(r->connection->write, delay);

    return NGX_AGAIN;
}


/* as in ngx_http_limit_req_module.c: the timer resets "delayed" */

static void
ngx_http_gateway_limit_delayed(ngx_http_request_t *r)
{
    ngx_event_t  *wev;

    wev = r->connection->write;

    if (wev->delayed) {

        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        }

        return;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_gateway_resume(ngx_http_gateway_limit_ctx(r)->wait);
}
