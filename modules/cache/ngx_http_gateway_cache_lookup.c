/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The lookup: the last handler in PRECONTENT, after authentication, access
 * rules and limits.  A request whose response is stored is answered here.
 * Other requests are forwarded to the origin; one of them holds the lock on the
 * key, and the others wait for it.
 */

#include "ngx_http_gateway_cache_run.h"
#include "ngx_http_gateway_count.h"


#define NGX_HTTP_GATEWAY_CACHE_LOOKS    8       /* lookups in one turn */


static ngx_int_t ngx_http_gateway_cache_look(ngx_http_request_t *r);
static ngx_http_gateway_cache_ctx_t *ngx_http_gateway_cache_create(
    ngx_http_request_t *r, ngx_http_gateway_request_t *gr,
    ngx_http_gateway_cache_loc_conf_t *conf);
static void ngx_http_gateway_cache_redirected(
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_handle(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_handler(ngx_http_request_t *r);
static void ngx_http_gateway_cache_cleanup(void *data);
static ngx_int_t ngx_http_gateway_cache_enter(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_identify(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_purged(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_bypassed(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_decide(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_judge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_hit(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_miss(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_wait(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_forward(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_pass(
    ngx_http_gateway_cache_ctx_t *ctx, gw_cache_reason_e reason);


ngx_int_t
ngx_http_gateway_cache_lookup(ngx_http_request_t *r)
{
    ngx_http_gateway_cache_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    if (r != r->main || conf->admin
        || (conf->zone == NULL && ngx_http_gateway_cache_ctx(r) == NULL))
    {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_CACHE,
                                  ngx_http_gateway_cache_look);
}


static ngx_int_t
ngx_http_gateway_cache_look(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t         *gr;
    ngx_http_gateway_cache_ctx_t       *ctx;
    ngx_http_gateway_cache_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_gateway_slot(gr, ngx_http_gateway_cache_slot);

    if (ctx == NULL) {

        /* an error page is not what the client has requested */

        if (r->err_status || r->error_page || gr->detached) {
            return NGX_DECLINED;
        }

        ctx = ngx_http_gateway_cache_create(r, gr, conf);
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_gateway_cache_enter(r, ctx);
    }

    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_LOOKUP
        || r->err_status || r->error_page)
    {
        ngx_http_gateway_cache_redirected(ctx);
        return NGX_DECLINED;
    }

    ctx->looks = 0;

    return ctx->key.text.data ? ngx_http_gateway_cache_decide(r, ctx)
                              : ngx_http_gateway_cache_enter(r, ctx);
}


/*
 * The request continues in another location, which may be more restricted than
 * the one that the key belongs to, or is an error page: its response is not
 * stored.
 */

static void
ngx_http_gateway_cache_redirected(ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_ASK
        && ctx->state != NGX_HTTP_GATEWAY_CACHE_LOOKUP)
    {
        return;
    }

    ngx_http_gateway_cache_give_up(ctx);

    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
    ctx->reason = GW_CACHE_R_ORIGIN;
}


/*
 * Wraps the content handler: without an upstream block, the upstream is watched
 * from here.
 */

static void
ngx_http_gateway_cache_handle(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (r->content_handler
        && r->content_handler != ngx_http_gateway_cache_handler)
    {
        ctx->handler = r->content_handler;
        r->content_handler = ngx_http_gateway_cache_handler;
    }
}


static ngx_int_t
ngx_http_gateway_cache_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    rc = ctx->handler(r);

    if (rc == NGX_DONE && r->upstream && r->upstream->finalize_request
        && ctx->state == NGX_HTTP_GATEWAY_CACHE_ASK)
    {
        ngx_http_gateway_cache_watch(r, ctx);
    }

    return rc;
}


static ngx_http_gateway_cache_ctx_t *
ngx_http_gateway_cache_create(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_cache_loc_conf_t *conf)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_cache_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_cache_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_gateway_cache_ctx_t));

    ctx->conf = conf;
    ctx->status = NGX_HTTP_GATEWAY_CACHE_BYPASS;
    ctx->fwd = GW_CACHE_FWD_BYPASS;

    cln->handler = ngx_http_gateway_cache_cleanup;

    ngx_http_gateway_slot(gr, ngx_http_gateway_cache_slot) = ctx;

    return ctx;
}


/* ends everything that the request has begun */

static void
ngx_http_gateway_cache_cleanup(void *data)
{
    ngx_http_gateway_cache_ctx_t *ctx = data;

    ngx_http_gateway_cache_release(ctx);
    ngx_http_gateway_cache_unpin(ctx);

    if (ctx->left.timer_set) {
        ngx_del_timer(&ctx->left);
    }

    ngx_http_gateway_cache_zone_count(ctx->conf->zone, ctx->status);

    if (ctx->reason != GW_CACHE_R_NONE) {
        ngx_http_gateway_count(ctx->conf->zone->reasons[ctx->reason], 1);
    }
}


/* reads the request, and looks it up */

static ngx_int_t
ngx_http_gateway_cache_enter(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_int_t          rc;
    gw_text_t          name;
    gw_cache_method_e  method;

    name = ngx_http_gateway_cache_text(&r->method_name);
    method = gw_cache_method(&name);

    ctx->unsafe = (method == GW_CACHE_UNSAFE || method == GW_CACHE_POST);

    if (ngx_http_gateway_cache_from_list(r->pool, &r->headers_in.headers,
                                      &ctx->fields)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    gw_cache_request_read(&ctx->req, method, &ctx->fields);

    rc = ngx_http_gateway_cache_purged(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    /* try_files or an index redirects to a location where ACCESS runs again */

    if (r->content_handler == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_gateway_cache_bypassed(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_gateway_cache_identify(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (ngx_http_test_predicates(r, ctx->conf->set.bypass)) {

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case NGX_DECLINED:
        ctx->reuse.action = GW_CACHE_BYPASS;
        ctx->reuse.reason = GW_CACHE_R_BYPASS;
        return ngx_http_gateway_cache_forward(r, ctx);
    }

    return ngx_http_gateway_cache_decide(r, ctx);
}


/* makes the key; sets whether the request has credentials and a partition */

static ngx_int_t
ngx_http_gateway_cache_identify(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_str_t  text;

    if (ngx_http_gateway_cache_partition(r, ctx->conf, &ctx->partition)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    text.len = NGX_HTTP_GATEWAY_CACHE_TEXT;
    text.data = ngx_pnalloc(r->pool, text.len);

    if (text.data == NULL
        || ngx_http_gateway_cache_key(r, ctx->conf, &ctx->partition, &text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->key.text = ngx_http_gateway_cache_text(&text);

    ctx->req.credentials = ngx_http_gateway_cache_credentials(r);
    ctx->req.partition = (ctx->partition.len != 0);

    return NGX_OK;
}


/* gateway_cache_purge; NGX_OK: the request is not a purge */

static ngx_int_t
ngx_http_gateway_cache_purged(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_uint_t         n;
    gw_cache_target_t  target;

    switch (ngx_http_test_predicates(r, ctx->conf->set.purge)) {

    case NGX_OK:
        return NGX_OK;

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    n = 0;
    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
    ctx->reason = GW_CACHE_R_METHOD;

    ngx_http_gateway_cache_target(r, &target);

    return (ngx_http_gateway_cache_purge_url(r->pool, ctx->conf->zone,
                                             GW_CACHE_BY_URL, &target, 0, &n)
            == NGX_OK)
           ? NGX_HTTP_NO_CONTENT : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* NGX_OK: the request does not bypass the cache */

static ngx_int_t
ngx_http_gateway_cache_bypassed(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_uint_t                             guarded;
    const ngx_http_gateway_cache_guard_t  *guard;

    guard = ctx->conf->set.guard;
    guarded = ngx_http_gateway_cache_guarded(r, ctx->conf);

    if (guard->mode == NGX_HTTP_GATEWAY_CACHE_GUARD_STRIP
        && ngx_http_gateway_header_remove(r, guard->names.elts,
                                          guard->names.nelts)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(ctx->conf->policy.methods & (1U << ctx->req.method))) {
        ctx->fwd = GW_CACHE_FWD_METHOD;
        return ngx_http_gateway_cache_pass(ctx, GW_CACHE_R_METHOD);
    }

    return guarded ? ngx_http_gateway_cache_pass(ctx, GW_CACHE_R_GUARD)
                   : NGX_OK;
}


/* called again after waiting */

static ngx_int_t
ngx_http_gateway_cache_decide(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_int_t  rc;

    if (ctx->word.timedout) {
        ctx->alone = 1;
    }

    ngx_http_gateway_cache_unpin(ctx);

    rc = ngx_http_gateway_cache_find(r, ctx);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_gateway_cache_pass(ctx, GW_CACHE_R_VARIANT_LONG);
    }

    ngx_http_gateway_cache_judge(r, ctx);

    switch (ctx->reuse.action) {

    case GW_CACHE_SEND_REFRESH:
        ngx_http_gateway_cache_refresh(r, ctx);

        /* fall through */

    case GW_CACHE_SEND:
        return ngx_http_gateway_cache_hit(r, ctx);

    case GW_CACHE_FETCH:
    case GW_CACHE_REVALIDATE:
        return ngx_http_gateway_cache_miss(r, ctx);

    case GW_CACHE_UNAVAILABLE:
        ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
        ctx->status = NGX_HTTP_GATEWAY_CACHE_ERROR;
        ctx->reason = ctx->reuse.reason;
        return NGX_HTTP_GATEWAY_TIME_OUT;

    default:
        return ngx_http_gateway_cache_forward(r, ctx);
    }
}


/* decides what may be done with the stored response, if there is one */

static void
ngx_http_gateway_cache_judge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    gw_cache_clock_t  now;

    ngx_http_gateway_cache_clock(&now);

    gw_cache_reuse(&ctx->conf->policy, &ctx->req,
                   ctx->pinned ? &ctx->entry : NULL, &now, &ctx->reuse);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: action:%s reason:\"%s\" found:%ui ttl:%L",
                   ngx_http_gateway_cache_debug_action(ctx->reuse.action),
                   gw_cache_reason_word(ctx->reuse.reason).data,
                   (ngx_uint_t) ctx->pinned, ctx->reuse.ttl);

    /* RFC 9211, 2.6: a request that waited counts as forwarded */

    if (!ctx->waited) {
        ctx->fwd = gw_cache_fwd(&ctx->reuse, ctx->variants);
    }
}


static ngx_int_t
ngx_http_gateway_cache_hit(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->waited) {
        ctx->status = NGX_HTTP_GATEWAY_CACHE_COLLAPSED;

    } else if (ctx->reuse.stale) {
        ctx->status = NGX_HTTP_GATEWAY_CACHE_STALE;

    } else {
        ctx->status = NGX_HTTP_GATEWAY_CACHE_HIT;
    }

    if (!ctx->waited) {
        ctx->fwd = GW_CACHE_FWD_NONE;
    }

    ctx->state = NGX_HTTP_GATEWAY_CACHE_SEND;
    ctx->ttl = ctx->reuse.ttl;
    ctx->timed = 1;

    r->content_handler = ngx_http_gateway_cache_send;

    return NGX_OK;
}


/*
 * Forwards the request, with the lock on the key if the response may be stored;
 * waits if another request has the lock.
 */

static ngx_int_t
ngx_http_gateway_cache_miss(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    uint64_t   serial;
    ngx_int_t  rc;

    if (ctx->req.method != GW_CACHE_GET
        || (ctx->reuse.action == GW_CACHE_FETCH && ctx->reuse.reason))
    {
        return ngx_http_gateway_cache_forward(r, ctx);
    }

    if (ngx_http_gateway_cache_labels(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    serial = ctx->pinned ? ctx->hit.serial : 0;

    switch (gw_cache_begin(ctx->user, &ctx->key, &ctx->labels, serial,
                           ngx_http_gateway_cache_now(), &ctx->fill))
    {
    case GW_CACHE_FILL:
        ctx->filling = 1;
        return ngx_http_gateway_cache_forward(r, ctx);

    case GW_CACHE_WAIT:
        rc = ngx_http_gateway_cache_wait(r, ctx);
        break;

    case GW_CACHE_AGAIN:
        rc = NGX_BUSY;
        break;

    default:
        return ngx_http_gateway_cache_forward(r, ctx);
    }

    /* the stored response was replaced, or the lock was released */

    if (rc != NGX_BUSY) {
        return rc;
    }

    return (ctx->looks++ < NGX_HTTP_GATEWAY_CACHE_LOOKS)
           ? ngx_http_gateway_cache_decide(r, ctx)
           : ngx_http_gateway_cache_forward(r, ctx);
}


/* NGX_BUSY: look up again */

static ngx_int_t
ngx_http_gateway_cache_wait(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_int_t                             rc;
    const ngx_http_gateway_cache_lock_t  *lock;

    lock = ctx->conf->set.lock;

    if (ctx->reuse.updating) {
        ctx->reuse.stale = 1;
        rc = ngx_http_gateway_cache_hit(r, ctx);
        ctx->status = NGX_HTTP_GATEWAY_CACHE_UPDATING;
        return rc;
    }

    /* do not wait for an entry that must be validated for each request */

    if (!lock->on || ctx->alone || (ctx->waited && ctx->pinned)
        || ngx_http_gateway_cache_marked(ctx->conf->zone, ctx->key.hash))
    {
        return ngx_http_gateway_cache_forward(r, ctx);
    }

    if (!ctx->waited) {
        ctx->waited = 1;
        ctx->deadline = ngx_current_msec + lock->timeout;
    }

    if ((ngx_msec_int_t) (ctx->deadline - ngx_current_msec) <= 0) {
        return ngx_http_gateway_cache_forward(r, ctx);
    }

    ngx_http_gateway_cache_unpin(ctx);

    ctx->word.word = (ngx_atomic_t *) ctx->fill.watch;
    ctx->word.seen = ctx->fill.seen;
    ctx->word.interval = NGX_HTTP_GATEWAY_CACHE_LOOK;
    ctx->word.timeout = ctx->deadline - ngx_current_msec;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: waiting for another request, timeout:%M",
                   ctx->word.timeout);

    ngx_http_gateway_timed_pause(ngx_http_gateway_request(r));

    rc = ngx_http_gateway_word_wait(r, &ctx->word);

    if (rc == NGX_DECLINED) {
        return NGX_BUSY;
    }

    return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


/*
 * Forwards the request.  Without the lock, the response is stored if no other
 * request has the lock when it arrives.
 */

static ngx_int_t
ngx_http_gateway_cache_forward(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (!ctx->filling) {
        ctx->user = ngx_http_gateway_cache_zone_user(ctx->conf->zone,
                                                     &ctx->key);

        if (ngx_http_gateway_cache_labels(r, ctx) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->purges = gw_cache_purges(ctx->user, &ctx->labels);
    }

    ctx->state = NGX_HTTP_GATEWAY_CACHE_ASK;
    ctx->reason = ctx->reuse.reason;
    ngx_http_gateway_cache_clock(&ctx->asked);
    ngx_http_gateway_cache_handle(r, ctx);

    if (ctx->reuse.action == GW_CACHE_BYPASS) {
        ctx->status = NGX_HTTP_GATEWAY_CACHE_BYPASS;
        return NGX_DECLINED;
    }

    ctx->status = ctx->pinned ? NGX_HTTP_GATEWAY_CACHE_EXPIRED
                              : NGX_HTTP_GATEWAY_CACHE_MISS;

    if (!ctx->filling) {
        return NGX_DECLINED;
    }

    return (ngx_http_gateway_cache_validate(r, ctx) == NGX_OK)
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_gateway_cache_pass(ngx_http_gateway_cache_ctx_t *ctx,
    gw_cache_reason_e reason)
{
    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
    ctx->status = NGX_HTTP_GATEWAY_CACHE_BYPASS;
    ctx->reason = reason;

    return NGX_DECLINED;
}
