/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Stores a response: decides whether it may be stored, selects its key and
 * lock, and its lines.  These are the lines of the origin that the location
 * passes on to clients.  The filter adds the body.
 */

#include "ngx_http_gateway_cache_run.h"


#define NGX_HTTP_GATEWAY_CACHE_VALIDATE  86400  /* s: a response with a
                                                   validator is kept that long
                                                   after its freshness */


static gw_cache_reason_e ngx_http_gateway_cache_storable(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_select(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_no_entry(
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_move(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const unsigned char *text, size_t len,
    ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_lock_late(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_lines(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines);
static ngx_int_t ngx_http_gateway_cache_shorten(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);


const gw_text_t  ngx_http_gateway_cache_date_name = gw_cache_text("Date");


ngx_int_t
ngx_http_gateway_cache_store(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    gw_cache_reason_e  reason;

    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    reason = ngx_http_gateway_cache_storable(r, ctx, a);

    if (reason == GW_CACHE_R_NONE) {
        reason = ngx_http_gateway_cache_select(r, ctx, a);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: storing:%ui reason:\"%s\"",
                   (ngx_uint_t) (reason == GW_CACHE_R_NONE),
                   gw_cache_reason_word(reason).data);

    if (reason != GW_CACHE_R_NONE) {

        /* keep the reason why a stored response was not used */

        if (ctx->status != NGX_HTTP_GATEWAY_CACHE_BYPASS) {
            ctx->reason = reason;
        }

        if (gw_cache_outdates(&ctx->conf->policy, &ctx->req, &a->res, reason)) {
            ngx_http_gateway_cache_outdated(ctx);
        }

        ngx_http_gateway_cache_give_up(ctx);

    } else {
        ctx->state = NGX_HTTP_GATEWAY_CACHE_STORE;
        ctx->stored = 1;
    }

    return ngx_http_gateway_cache_shorten(r, ctx, a);
}


void
ngx_http_gateway_cache_outdated(ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->pinned && ctx->reuse.action != GW_CACHE_BYPASS) {
        gw_cache_drop(ctx->user, &ctx->hit);

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "gateway cache: stored response outdated, removed");
    }
}


static gw_cache_reason_e
ngx_http_gateway_cache_storable(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    int                target;
    gw_cache_target_t  uri;

    if (ngx_http_test_predicates(r, ctx->conf->set.no_store) != NGX_OK) {
        return GW_CACHE_R_UNWANTED;
    }

    target = 0;

    if (a->res.location) {
        ngx_http_gateway_cache_target(r, &uri);
        target = gw_cache_uri_same(&uri, &a->res.content_location);
    }

    return gw_cache_store(&ctx->conf->policy, &ctx->req, &a->res, target,
                          &a->entry);
}


/* sets the variant key, takes the lock, and makes the entry */

static gw_cache_reason_e
ngx_http_gateway_cache_select(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    size_t             len;
    uint64_t           length;
    ngx_int_t          rc;
    gw_cache_fields_t  lines;
    gw_cache_reason_e  reason;
    unsigned char      text[GW_CACHE_VARY];

    reason = gw_cache_vary(&a->fields, text, &len);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    if (!ctx->filling) {
        reason = ngx_http_gateway_cache_lock_late(r, ctx);

        if (reason != GW_CACHE_R_NONE) {
            return reason;
        }
    }

    reason = ngx_http_gateway_cache_tags(r->pool, ctx->conf->set.tags,
                                         &a->fields, &a->content);
    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    if (ngx_http_gateway_cache_lines(r, ctx, a, &lines) != NGX_OK) {
        return GW_CACHE_R_FULL;
    }

    rc = ngx_http_gateway_cache_encode(r->pool, &lines, &a->content.header);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? GW_CACHE_R_HEADER : GW_CACHE_R_FULL;
    }

    ngx_http_gateway_cache_content(ctx, a);

    reason = ngx_http_gateway_cache_move(r, ctx, text, len, a);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    length = (r->headers_out.content_length_n == -1)
             ? GW_CACHE_UNKNOWN : (uint64_t) r->headers_out.content_length_n;

    return gw_cache_open(ctx->user, &ctx->fill, &ctx->key, &ctx->labels,
                         &a->content, length, ngx_http_gateway_cache_now())
           ? GW_CACHE_R_NONE : ngx_http_gateway_cache_no_entry(ctx, a);
}


/* the reason why an entry could not be made */

static gw_cache_reason_e
ngx_http_gateway_cache_no_entry(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a)
{
    return gw_cache_fits(&ctx->key, &ctx->labels, &a->content)
           ? GW_CACHE_R_FULL : GW_CACHE_R_HEADER;
}


/* moves the lock to the variant, if the response has variants */

static gw_cache_reason_e
ngx_http_gateway_cache_move(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const unsigned char *text, size_t len,
    ngx_http_gateway_cache_answer_t *a)
{
    gw_text_t  names;

    ngx_str_null(&ctx->key.variant);

    if (len == 0) {
        (void) ngx_http_gateway_cache_zone_user(ctx->conf->zone, &ctx->key);
        return GW_CACHE_R_NONE;
    }

    names.data = text;
    names.len = len;

    switch (ngx_http_gateway_cache_variant(r, ctx, &names)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return GW_CACHE_R_VARIANT_LONG;

    default:
        return GW_CACHE_R_FULL;
    }

    if (!gw_cache_fill_vary(ctx->user, &ctx->fill, &ctx->key, &ctx->labels,
                            &names, a->content.keep,
                            ngx_http_gateway_cache_now()))
    {
        return ngx_http_gateway_cache_no_entry(ctx, a);
    }

    ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);

    return GW_CACHE_R_NONE;
}


/* takes the lock for a request that was forwarded without it */

static gw_cache_reason_e
ngx_http_gateway_cache_lock_late(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_http_gateway_cache_unpin(ctx);

    switch (ngx_http_gateway_cache_find(r, ctx)) {

    case NGX_ERROR:
        return GW_CACHE_R_FULL;

    case NGX_DECLINED:
        return GW_CACHE_R_VARIANT_LONG;
    }

    return ngx_http_gateway_cache_begin_late(ctx);
}


gw_cache_reason_e
ngx_http_gateway_cache_begin_late(ngx_http_gateway_cache_ctx_t *ctx)
{
    uint64_t  serial;

    serial = ctx->pinned ? ctx->hit.serial : 0;

    if (gw_cache_begin(ctx->user, &ctx->key, &ctx->labels, serial,
                       ngx_http_gateway_cache_now(), &ctx->fill)
        != GW_CACHE_FILL)
    {
        ctx->fill.mine = 0;
        return GW_CACHE_R_LOCKED;
    }

    ctx->filling = 1;

    if (gw_cache_purges(ctx->user, &ctx->labels) != ctx->purges) {
        ngx_http_gateway_cache_release(ctx);
        return GW_CACHE_R_PURGED;
    }

    return GW_CACHE_R_NONE;
}


/*
 * Selects the lines to store: those of the origin that clients receive.  Date
 * is stored although nginx hides it and sends its own: it is needed besides
 * Age.
 */

static ngx_int_t
ngx_http_gateway_cache_lines(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines)
{
    size_t             i, n, j;
    gw_text_t          name;
    gw_cache_field_t  *line;
    gw_cache_fields_t  out;

    static const gw_text_t  type = gw_cache_text("Content-Type");
    static const gw_text_t  length = gw_cache_text("Content-Length");

    if (ngx_http_gateway_cache_from_list(r->pool, &r->headers_out.headers, &out)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    line = ngx_palloc(r->pool, (out.n + 2) * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    line[0].name = ngx_http_gateway_cache_date_name;
    (void) gw_cache_single(&a->fields, &line[0].name, &line[0].value);

    n = 1;

    if (r->headers_out.content_type.len
        && gw_cache_field_stored(&type, &ctx->conf->policy, &a->res))
    {
        line[n].name = type;

        if (gw_cache_single(&a->fields, &type, &line[n].value) != 0) {
            n++;
        }
    }

    for (i = 0; i < out.n; i++) {
        name = out.line[i].name;

        if (gw_cache_same(&name, &ngx_http_gateway_cache_date_name)
            || gw_cache_same(&name, &type)
            || gw_cache_same(&name, &length)
            || !gw_cache_field_stored(&name, &ctx->conf->policy, &a->res))
        {
            continue;
        }

        j = 0;

        if (gw_cache_line(&a->fields, &name, &j) != NULL) {
            line[n++] = out.line[i];
        }
    }

    lines->line = line;
    lines->n = n;

    return NGX_OK;
}


void
ngx_http_gateway_cache_content(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a)
{
    uint32_t                 keep;
    const gw_cache_entry_t  *entry;

    entry = &a->entry;
    keep = ctx->conf->policy.stale_for;

    if (entry->while_revalidate != GW_CACHE_NONE) {
        keep = ngx_max(keep, entry->while_revalidate);
    }

    if (entry->if_error != GW_CACHE_NONE) {
        keep = ngx_max(keep, entry->if_error);
    }

    if (entry->flags & GW_CACHE_ENTRY_VALIDATOR) {
        keep = ngx_max(keep, NGX_HTTP_GATEWAY_CACHE_VALIDATE);
    }

    a->content.policy.data = (u_char *) &a->entry;
    a->content.policy.len = sizeof(gw_cache_entry_t);
    a->content.keep = ngx_http_gateway_cache_now()
                      + (uint64_t) keep * 1000 + 1000;

    if (entry->lifetime > entry->age) {
        a->content.keep += (uint64_t) (entry->lifetime - entry->age) * 1000;
    }

    ctx->ttl = (int64_t) entry->lifetime - entry->age;
    ctx->timed = 1;
}


/*
 * Evaluates the conditions of the client, which were not forwarded: the
 * response may become a 304.
 */

static ngx_int_t
ngx_http_gateway_cache_shorten(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    gw_cache_validator_t  v;

    if (!ctx->req.conditional || !ctx->fill.mine
        || ctx->req.method != GW_CACHE_GET)
    {
        return NGX_OK;
    }

    gw_cache_validator_read(&v, &a->fields, a->now.wall);

    r->disable_not_modified = 1;

    if (!gw_cache_not_modified(&ctx->fields, a->res.status, &v, a->now.wall)) {
        return NGX_OK;
    }

    ctx->muted = 1;

    return ngx_http_gateway_cache_not_modified(r, &v);
}
