/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Deciding: all limits of a stage pass, or none stays charged.
 *
 * Those in shared memory are charged first, since that costs nothing; Redis is
 * asked only if they all pass, and they are given back if it refuses.  The
 * limits of the early stage are decided before authentication, among
 * themselves, and stay charged whatever follows.
 *
 * A request that waits, for Redis or because a limit delays it, is parked
 * (ngx_http_gateway_wait.h), and its pool's cleanup takes back what it holds.
 * A client that leaves has been counted; else he could look for nothing.
 *
 * While Redis is asked, which takes "timeout" at most, only a reset is a client
 * that has left; a delay may be long, and an end of file ends it, too.
 */

#include "ngx_http_gateway_limit.h"


static ngx_int_t ngx_http_gateway_limit_handler(ngx_http_request_t *r,
    ngx_uint_t stage);
static ngx_int_t ngx_http_gateway_limit_begin(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx,
    const ngx_http_gateway_limit_loc_conf_t *llcf, ngx_uint_t stage);
static ngx_http_gateway_limit_ctx_t *ngx_http_gateway_limit_ctx(
    ngx_http_request_t *r);
static void ngx_http_gateway_limit_cleanup(void *data);
static ngx_int_t ngx_http_gateway_limit_decide(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);
static void ngx_http_gateway_limit_shm(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item);
static ngx_int_t ngx_http_gateway_limit_finish(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);
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
static ngx_uint_t ngx_http_gateway_limit_refused_by_others(
    ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    ngx_http_gateway_limit_batch_t *batch);
static ngx_uint_t ngx_http_gateway_limit_aborted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static uint64_t ngx_http_gateway_limit_settled(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t aborted);
static void ngx_http_gateway_limit_settle_item(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, uint64_t cost);


ngx_uint_t  ngx_http_gateway_limit_part_slot;


ngx_int_t
ngx_http_gateway_limit_late(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_limit_ctx_t  *ctx;

    gr = (r == r->main) ? ngx_http_gateway_request(r) : NULL;
    ctx = ngx_http_gateway_limit_part(gr);

    /* nobody has refused; an error page comes here, too */

    if (ctx && r->err_status == 0) {
        ctx->admitted = 1;
    }

    return ngx_http_gateway_limit_handler(r, NGX_HTTP_GATEWAY_LIMIT_LATE);
}


/*
 * In ACCESS, where 401 and 403 are opinions under "satisfy any": a refusal
 * that has one of these is final all the same.
 */

ngx_int_t
ngx_http_gateway_limit_early(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_limit_handler(r, NGX_HTTP_GATEWAY_LIMIT_EARLY);

    if (rc == NGX_HTTP_FORBIDDEN || rc == NGX_HTTP_UNAUTHORIZED) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_limit_handler(ngx_http_request_t *r, ngx_uint_t stage)
{
    ngx_http_gateway_limit_ctx_t       *ctx;
    ngx_http_gateway_limit_batch_t     *batch;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (llcf->stages[stage] == NULL || r != r->main) {
        return NGX_DECLINED;
    }

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
     * The error page of a refusal costs nothing, as in limit_req, unless its
     * location has limits of its own.
     */

    for (batch = ctx->batches; batch; batch = batch->next) {
        if (batch->refused && !llcf->own) {
            return NGX_DECLINED;
        }
    }

    return ngx_http_gateway_limit_begin(r, ctx, llcf, stage);
}


/* what the stage has to decide, unless the request is exempt */

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


static ngx_http_gateway_limit_ctx_t *
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


/* the request is over */

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


static ngx_int_t
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

    rc = ngx_http_gateway_limit_redis_ask(ctx, batch);

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

    /* what is under way belongs to nobody: an error page is next */

    ngx_http_gateway_limit_redis_cancel(ctx);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* charges a limit where nothing has refused yet, else looks for the headers */

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


void
ngx_http_gateway_limit_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t source)
{
    uint64_t                         wait, interval;
    const ngx_http_gateway_limit_t  *limit;

    limit = item->limit;

    item->decided = 1;
    item->source = source;
    item->refused = !item->result.passed;
    item->charged = (item->result.charged > 0);

    if (item->refused) {

        if (batch->refused == NULL && !item->dry_run) {
            batch->refused = item;
        }

        return;
    }

    /* excess above "delay" waits until it is worked off, as in limit_req */

    if (limit->burst.text.len && !limit->nodelay && item->charged) {
        interval = item->figures.interval;

        if (source == NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS) {
            interval = ngx_http_gateway_limit_usec(interval) * 1000;
        }

        wait = interval * (1 + limit->delay.figure.amount);

        if (item->result.reset > wait) {
            item->delay = (item->result.reset - wait + GW_LIMIT_MSEC - 1)
                          / GW_LIMIT_MSEC;
        }
    }
}


static ngx_int_t
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
        return ngx_http_gateway_limit_refuse(r, ctx, batch);
    }

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
    ngx_uint_t                          i;
    ngx_http_gateway_limit_item_t      *item;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

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

/* ms; -1: for ever */

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
        [NGX_HTTP_GATEWAY_LIMIT_FROM_NOBODY] = "nobody",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_SHM] = "shm",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS] = "redis",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE] = "deny_cache",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL] = "local",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN] = "open",
        [NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED] = "closed"
    };

    if (!item->decided) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway limit: zone \"%V\" was not asked",
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
 * A limit with "penalty" is charged for what is refused, up to what it has.
 * What an earlier location has charged stays: its upstream may have worked for
 * it (X-Accel-Redirect, error_page), and would for nothing as long as another
 * limit refuses.
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

                /* what is told, and when to come again, is after the charge */

                ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK,
                                                 item->cost);
            }

        } else if (item->zone->algorithm == GW_LIMIT_CONCURRENCY) {
            ngx_http_gateway_limit_slot_give(item);

        } else if (item->charged) {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ctx->request->connection->log,
                           0, "gateway limit: zone \"%V\" gives back %uL",
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
    ngx_uint_t                          status;
    ngx_http_gateway_request_t         *gr;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    gr = ngx_http_gateway_request(r);
    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    status = (batch->refused->source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED)
             ? NGX_HTTP_SERVICE_UNAVAILABLE : (ngx_uint_t) llcf->status;

    /* the early stage precedes the methods, and the line shows the request's */

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
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (ngx_http_gateway_hide_sent(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* one level below a refusal, as limit_req does */

    ngx_log_error(ngx_min(llcf->log_level + 1, NGX_LOG_INFO),
                  r->connection->log, 0, "gateway_limit: delayed by %Mms",
                  delay);

    ctx->wait = ngx_http_gateway_park(r, NULL, NULL);
    if (ctx->wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->step = NGX_HTTP_GATEWAY_LIMIT_DELAYED;
    ctx->delayed = 1;

    /* which may be long: any client that leaves ends it */

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


void
ngx_http_gateway_limit_answered(ngx_http_gateway_limit_ctx_t *ctx)
{
    ctx->step = NGX_HTTP_GATEWAY_LIMIT_ANSWERED;

    ngx_http_gateway_resume(ctx->wait);
}


/*
 * In LOG: what a request has cost is known now.  The state that is charged
 * outlives the request, and so does the call to Redis.
 *
 * A refusal of the gateway costs nothing if no upstream server was asked
 * before it.  The list of batches begins with the last one: after a batch that
 * has refused come those that an earlier location has charged.
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

            /* another module has refused: only a reserve stays charged */

            if (nothing
                || (batch->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY
                    && !ctx->admitted && item->charge == 0))
            {
                cost = 0;

            } else {
                cost = ngx_http_gateway_limit_settled(r, item, aborted);
            }

            ngx_http_gateway_limit_settle_item(r, item, cost);
        }
    }
}


/*
 * By another module of the gateway, before an upstream server was asked.  The
 * limits that an error page has of its own also cover its upstream server,
 * which was asked after the refusal.
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
 * The client has left, or the last upstream server that was asked has not
 * answered, or not to the end.
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
ngx_http_gateway_limit_settled(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t aborted)
{
    uint64_t  cost;

    if (ngx_http_gateway_limit_cost(r, item, &cost) != NGX_OK) {
        cost = ngx_max(item->charge, item->limit->cost.figure.amount);
    }

    return aborted ? ngx_max(cost, item->charge) : cost;
}


/*
 * Charges or gives back the difference between the cost and the reserve, where
 * the reserve was charged.
 */

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

        /* the window in which the response has ended */

        ngx_http_gateway_limit_window(item->zone, &item->figures);
    }

    if (item->zone->redis
        && !(reserve && item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL))
    {
        ngx_http_gateway_limit_redis_late(r, item, back ? 'r' : 'c');

    } else if (back) {
        gw_limit_part(&item->figures, item->charge, &item->result);
        ngx_http_gateway_limit_zone_give(item);

    } else {
        ngx_http_gateway_limit_zone_take(item, GW_LIMIT_FORCE, item->charge);
        return;
    }

    /* what there was when it was decided; Redis answers too late for the log */

    *remaining = back ? ngx_min(*remaining + item->charge, capacity)
                      : *remaining - ngx_min(*remaining, item->charge);
}
