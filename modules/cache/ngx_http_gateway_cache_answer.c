/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Handles a response of the origin as soon as its header has arrived, before
 * other filters change it: the policy reads the lines that the origin has sent.
 *
 * The response is stored (ngx_http_gateway_cache_fill.c), validates a stored
 * response (ngx_http_gateway_cache_freshen.c), is replaced by a stale one,
 * invalidates other stored responses, or is passed on.
 */

#include "ngx_http_gateway_cache_run.h"


static void ngx_http_gateway_cache_stop(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cache_no_input(void *data);
static ngx_uint_t ngx_http_gateway_cache_origin(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_read(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_dated(ngx_http_request_t *r,
    ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_failed(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_unavailable(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_invalidate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields);
static ngx_uint_t ngx_http_gateway_cache_invalidate_other(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    const gw_cache_target_t *target, const gw_cache_fields_t *fields);


ngx_int_t
ngx_http_gateway_cache_answer(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    unsigned                          error;
    ngx_http_gateway_cache_answer_t   a;

    if (ctx->filling
        && ngx_http_gateway_cache_restore(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_gateway_cache_origin(r, ctx)) {
        return ngx_http_gateway_cache_failed(r, ctx);
    }

    ctx->answered = r->upstream->headers_in.status_n;

    if (ngx_http_gateway_cache_read(r, ctx, &a) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->unsafe) {
        ngx_http_gateway_cache_invalidate(r, ctx, &a.fields);
    }

    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_ASK) {
        return NGX_OK;
    }

    if (ctx->req.method == GW_CACHE_HEAD && ctx->pinned
        && ctx->reuse.action != GW_CACHE_BYPASS
        && a.res.status == NGX_HTTP_OK)
    {
        ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
        return ngx_http_gateway_cache_head(r, ctx, &a);
    }

    if (ctx->validating && a.res.status == NGX_HTTP_NOT_MODIFIED) {
        return ngx_http_gateway_cache_validated(r, ctx, &a);
    }

    error = gw_cache_stale_status(a.res.status);

    if (ngx_http_gateway_cache_on_error(ctx, error) == GW_CACHE_SEND) {
        ctx->reason = GW_CACHE_R_ORIGIN;
        ctx->status = NGX_HTTP_GATEWAY_CACHE_STALE;
        ngx_http_gateway_cache_give_up(ctx);

        ngx_http_gateway_cache_stop(r);

        return ngx_http_gateway_cache_replace(r, ctx);
    }

    return ngx_http_gateway_cache_store(r, ctx, &a);
}


/*
 * nginx is not to read the rest of the response.  A module whose filter does not
 * know the request takes it for a 304, which has no body.
 */

static void
ngx_http_gateway_cache_stop(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->input_filter_ctx == r
        && (!u->buffering || u->pipe->input_ctx == r))
    {
        u->input_filter_init = ngx_http_gateway_cache_no_input;
        return;
    }

    u->headers_in.status_n = NGX_HTTP_NOT_MODIFIED;
    u->headers_in.connection_close = 1;
}


/*
 * In HTTP/2, a response without END_STREAM in its header has some body.  nginx
 * has decided by the header to keep the connection only if there is none.
 */

static ngx_int_t
ngx_http_gateway_cache_no_input(void *data)
{
    ngx_http_request_t *r = data;

    ngx_http_upstream_t  *u;

    u = r->upstream;

    u->length = 0;

    if (u->buffering) {
        u->pipe->length = 0;
        u->pipe->upstream_done = 1;

    } else {
        u->buffer.pos = u->buffer.last;
    }

    return NGX_OK;
}


/* whether an upstream server has sent the current response */

static ngx_uint_t
ngx_http_gateway_cache_origin(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    return u != NULL && !ctx->failed && r->err_status == 0
           && u->headers_in.status_n != 0
           && u->headers_in.status_n == r->headers_out.status;
}


static ngx_int_t
ngx_http_gateway_cache_read(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    ngx_http_gateway_cache_clock(&a->now);

    if (ngx_http_gateway_cache_from_list(r->pool,
                                         &r->upstream->headers_in.headers,
                                         &a->fields)
            != NGX_OK
        || ngx_http_gateway_cache_dated(r, a) != NGX_OK)
    {
        return NGX_ERROR;
    }

    gw_cache_response_read(&a->res, &ctx->conf->policy,
                           r->upstream->headers_in.status_n, &a->fields,
                           &ctx->asked, &a->now);

    if (r->upstream->upgrade) {
        a->res.upgrade = 1;
    }

    return NGX_OK;
}


/*
 * RFC 9110, 6.6.1: without a valid Date, the response gets the time when it
 * arrived.  "fields" has room for one more line.
 */

static ngx_int_t
ngx_http_gateway_cache_dated(ngx_http_request_t *r,
    ngx_http_gateway_cache_answer_t *a)
{
    u_char            *p;
    size_t             i;
    int64_t            date;
    const gw_text_t   *value;
    gw_cache_field_t  *line;

    i = 0;
    value = gw_cache_line(&a->fields, &ngx_http_gateway_cache_date_name, &i);

    if (value != NULL && gw_http_date(value, a->now.wall, &date)) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, ngx_cached_http_time.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, ngx_cached_http_time.data, ngx_cached_http_time.len);

    line = (gw_cache_field_t *) a->fields.line;
    line += value ? i - 1 : a->fields.n++;

    line->name = ngx_http_gateway_cache_date_name;
    line->value.data = p;
    line->value.len = ngx_cached_http_time.len;

    return NGX_OK;
}


/* handles a response that nginx has generated, or read from a file */

static ngx_int_t
ngx_http_gateway_cache_failed(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    unsigned  error;

    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_ASK
        && ctx->state != NGX_HTTP_GATEWAY_CACHE_LOOKUP)
    {
        return NGX_OK;
    }

    ngx_http_gateway_cache_give_up(ctx);

    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    if (r->upstream == NULL) {
        ctx->reason = GW_CACHE_R_NO_UPSTREAM;
        return NGX_OK;
    }

    ctx->reason = GW_CACHE_R_ORIGIN;

    error = ctx->failed ? ctx->error
                        : ngx_http_gateway_cache_error(r->headers_out.status);

    switch (ngx_http_gateway_cache_on_error(ctx, error)) {

    case GW_CACHE_SEND:
        ctx->status = NGX_HTTP_GATEWAY_CACHE_STALE;
        return ngx_http_gateway_cache_replace(r, ctx);

    case GW_CACHE_UNAVAILABLE:
        return ngx_http_gateway_cache_unavailable(r, ctx);

    default:
        return NGX_OK;
    }
}


gw_cache_action_e
ngx_http_gateway_cache_on_error(ngx_http_gateway_cache_ctx_t *ctx,
    unsigned error)
{
    gw_cache_clock_t  now;

    if (error == 0 || !ctx->pinned) {
        return GW_CACHE_BYPASS;
    }

    ngx_http_gateway_cache_clock(&now);

    return gw_cache_on_error(&ctx->conf->policy, &ctx->req, &ctx->entry, &now,
                             error);
}


/* must-revalidate: sends a 504 without a body */

static ngx_int_t
ngx_http_gateway_cache_unavailable(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->status = NGX_HTTP_GATEWAY_CACHE_ERROR;
    ctx->state = NGX_HTTP_GATEWAY_CACHE_REPLACE;
    ctx->first = 0;
    ctx->last = 0;
    ctx->body = 1;

    r->err_status = 0;
    ngx_http_clean_header(r);

    r->headers_out.status = NGX_HTTP_GATEWAY_TIME_OUT;
    r->headers_out.content_length_n = 0;

    return NGX_OK;
}


unsigned
ngx_http_gateway_cache_error(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_BAD_GATEWAY:
        return GW_CACHE_STALE_ERROR|GW_CACHE_STALE_INVALID;

    case NGX_HTTP_GATEWAY_TIME_OUT:
        return GW_CACHE_STALE_TIMEOUT;

    default:
        return 0;
    }
}


/*
 * RFC 9111, 4.4.  References are read as the origin has sent them, and as the
 * client receives them, after proxy_redirect.
 */

static void
ngx_http_gateway_cache_invalidate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields)
{
    uint64_t           purges;
    ngx_uint_t         purged;
    gw_cache_fields_t  out;
    gw_cache_target_t  target;

    if (!gw_cache_invalidates(ctx->req.method,
                              r->upstream->headers_in.status_n))
    {
        return;
    }

    purged = 0;
    purges = 0;

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_ASK) {
        purges = gw_cache_purges(ctx->user, &ctx->labels);
    }

    ngx_http_gateway_cache_target(r, &target);

    (void) ngx_http_gateway_cache_purge_url(r->pool, ctx->conf->zone,
                                            GW_CACHE_BY_URL, &target, 0,
                                            &purged);

    purged += ngx_http_gateway_cache_invalidate_other(r, ctx, &target, fields);

    if (ngx_http_gateway_cache_from_list(r->pool, &r->headers_out.headers,
                                         &out)
        == NGX_OK)
    {
        purged += ngx_http_gateway_cache_invalidate_other(r, ctx, &target,
                                                          &out);
    }

    /* the response itself may be stored */

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_ASK) {
        ctx->purges += gw_cache_purges(ctx->user, &ctx->labels) - purges;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: invalidated %ui responses", purged);
}


/*
 * Purges the targets of Location and Content-Location if their origin is that
 * of the target.
 */

static ngx_uint_t
ngx_http_gateway_cache_invalidate_other(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_target_t *target,
    const gw_cache_fields_t *fields)
{
    u_char              uri[GW_CACHE_URI];
    size_t              i, len;
    ngx_uint_t          n, purged;
    const gw_text_t    *reference;
    gw_cache_target_t   other;

    static const gw_text_t  names[] = {
        gw_cache_text("Location"),
        gw_cache_text("Content-Location")
    };

    purged = 0;

    for (n = 0; n < 2; n++) {
        i = 0;

        while ((reference = gw_cache_line(fields, &names[n], &i)) != NULL) {

            if (gw_cache_uri(target, reference, uri, &len) != 0) {
                continue;
            }

            other = *target;
            other.uri.data = uri;
            other.uri.len = len;

            (void) ngx_http_gateway_cache_purge_url(r->pool, ctx->conf->zone,
                                                    GW_CACHE_BY_URL, &other, 0,
                                                    &purged);
        }
    }

    return purged;
}


void
ngx_http_gateway_cache_record(ngx_http_request_t *r)
{
    gw_text_t                      word;
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_cache_ctx_t  *ctx;

    gr = ngx_http_gateway_request(r);
    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx == NULL) {
        return;
    }

    word = gw_cache_reason_word(ctx->reason);

    ctx->record.status = ngx_http_gateway_cache_statuses[ctx->status];
    ctx->record.reason.data = (u_char *) word.data;
    ctx->record.reason.len = word.len;
    ctx->record.age = ctx->age;
    ctx->record.aged = ctx->aged;

    gr->cached = &ctx->record;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: recorded status:%V reason:\"%V\"",
                   &ctx->record.status, &ctx->record.reason);
}


ngx_int_t
ngx_http_gateway_cache_status_out(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    size_t             len;
    u_char            *p;
    gw_text_t          value;
    gw_cache_status_t  status;

    static const gw_text_t  name = gw_cache_text("Cache-Status");
    static const gw_text_t  cache = gw_cache_text("nginx-gateway");

    if (!ctx->conf->set.headers) {
        return NGX_OK;
    }

    ngx_memzero(&status, sizeof(gw_cache_status_t));

    status.name = cache;
    status.fwd = ctx->fwd;
    status.hit = (ctx->state == NGX_HTTP_GATEWAY_CACHE_SEND);
    status.timed = ctx->timed;
    status.ttl = ctx->ttl;
    status.stored = ctx->stored;
    status.collapsed = (ctx->status == NGX_HTTP_GATEWAY_CACHE_COLLAPSED);
    status.detail = gw_cache_reason_word(ctx->reason);

    /* without it, the status of the response counts (RFC 9211, 2.3) */

    if (ctx->answered != r->headers_out.status) {
        status.status = (unsigned) ctx->answered;
    }

    len = 256;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = gw_cache_status_write(p, len, &status);

    return value.len ? ngx_http_gateway_cache_line_out(r, &name, &value)
                     : NGX_OK;
}
