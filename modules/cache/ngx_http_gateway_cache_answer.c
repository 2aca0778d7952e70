
/*
 * The answer of the origin: whether it is stored, and whether the stored
 * response is sent instead.  Decided when its header is there, before any other
 * filter has changed it: the policy reads the lines that the origin has sent,
 * and what is stored of them is what the location lets through to clients.
 */

#include "ngx_http_gateway_cache_run.h"


/* what is known of an answer */

typedef struct {
    gw_cache_fields_t                   fields;     /* as they arrived */
    gw_cache_response_t                 res;
    gw_cache_clock_t                    now;
    gw_cache_entry_t                    entry;
    gw_cache_content_t                  content;
} ngx_http_gateway_cache_answer_t;


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
static ngx_int_t ngx_http_gateway_cache_replace(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_validated(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_cookies(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields);
static ngx_int_t ngx_http_gateway_cache_head(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_freshen(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_merge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines);
static gw_cache_reason_e ngx_http_gateway_cache_selected(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    const gw_cache_fields_t *fresh, const gw_cache_fields_t *lines);
static ngx_int_t ngx_http_gateway_cache_shown(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, gw_cache_field_t *line, size_t n,
    size_t *shown);
static ngx_int_t ngx_http_gateway_cache_store(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_storable(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_select(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static gw_cache_reason_e ngx_http_gateway_cache_move(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const unsigned char *text, size_t len,
    uint64_t keep);
static gw_cache_reason_e ngx_http_gateway_cache_lock_late(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx);
static gw_cache_reason_e ngx_http_gateway_cache_begin_late(
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_lines(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines);
static void ngx_http_gateway_cache_content(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_shorten(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static void ngx_http_gateway_cache_invalidate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields);
static ngx_uint_t ngx_http_gateway_cache_invalidate_other(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    const gw_cache_target_t *target, const gw_cache_fields_t *fields);


static const gw_text_t  ngx_http_gateway_cache_date_name =
    gw_cache_text("Date");


#define NGX_HTTP_GATEWAY_CACHE_VALIDATE  86400  /* s: kept to be validated */


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

        /* nothing more of the answer is read, or only what must be */

        r->upstream->headers_in.status_n = NGX_HTTP_NOT_MODIFIED;
        r->upstream->headers_in.connection_close = 1;

        return ngx_http_gateway_cache_replace(r, ctx);
    }

    return ngx_http_gateway_cache_store(r, ctx, &a);
}


/* whether the response is the one that an upstream server has sent */

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
 * RFC 9110, 6.6.1: the Date of a response without a valid one is when it
 * arrived.  There is room for a line more.
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


/* nginx has made the response, or found a file */

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


/* must-revalidate: 504, and nothing else, without a body */

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


/* the stored response, which is pinned, in place of the one at hand */

static ngx_int_t
ngx_http_gateway_cache_replace(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->state = NGX_HTTP_GATEWAY_CACHE_REPLACE;

    r->err_status = 0;
    ngx_http_clean_header(r);

    if (ngx_http_gateway_cache_respond(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->ttl = (int64_t) gw_cache_reuse_lifetime(&ctx->conf->policy, &ctx->req,
                                                 &ctx->entry)
               - ctx->age;
    ctx->timed = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_validated(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    ngx_int_t             rc;
    gw_cache_fields_t     stored, out;
    gw_cache_validator_t  v;

    ctx->status = NGX_HTTP_GATEWAY_CACHE_REVALIDATED;

    if (ngx_http_gateway_cache_decode(r->pool, &ctx->hit.header, 0, &stored)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    gw_cache_validator_read(&v, &stored, ctx->entry.received.wall);

    if (gw_cache_validates(&a->fields, &v, a->now.wall)) {
        rc = ngx_http_gateway_cache_freshen(r, ctx, a);

    } else {

        /* it was not modified, says the origin, and is another one */

        ctx->reason = GW_CACHE_R_VALIDATOR;
        gw_cache_drop(ctx->user, &ctx->hit);
        rc = NGX_OK;
    }

    ngx_http_gateway_cache_release(ctx);

    if (rc != NGX_OK
        || ngx_http_gateway_cache_from_list(r->pool, &r->headers_out.headers,
                                            &out)
           != NGX_OK
        || ngx_http_gateway_cache_replace(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cache_cookies(r, ctx, &out);
}


/* cookies of a 304 are for the client that has asked, and may not be stored */

static ngx_int_t
ngx_http_gateway_cache_cookies(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields)
{
    size_t            i;
    const gw_text_t  *value;

    static const gw_text_t  name = gw_cache_text("Set-Cookie");

    if (ctx->conf->policy.set_cookie == GW_CACHE_COOKIE_STORE) {
        return NGX_OK;
    }

    i = 0;

    while ((value = gw_cache_line(fields, &name, &i)) != NULL) {
        if (ngx_http_gateway_cache_line_out(r, &name, value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* RFC 9111, 4.3.5: a HEAD has told about the stored response, or another one */

static ngx_int_t
ngx_http_gateway_cache_head(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    ngx_int_t             rc;
    gw_cache_fields_t     stored;
    gw_cache_validator_t  v;

    if (ngx_http_gateway_cache_decode(r->pool, &ctx->hit.header, 0, &stored)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    gw_cache_validator_read(&v, &stored, ctx->entry.received.wall);

    if (!gw_cache_head_updates(&a->fields, &v, ctx->hit.length, a->now.wall)) {
        gw_cache_drop(ctx->user, &ctx->hit);
        return NGX_OK;
    }

    if (ngx_http_gateway_cache_begin_late(ctx) != GW_CACHE_R_NONE) {
        return NGX_OK;
    }

    rc = ngx_http_gateway_cache_freshen(r, ctx, a);

    ngx_http_gateway_cache_release(ctx);

    return rc;
}


/* RFC 9111, 4.3.4: the entry with its old body and new lines */

static ngx_int_t
ngx_http_gateway_cache_freshen(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    ngx_int_t          rc;
    gw_cache_fields_t  lines;

    rc = ngx_http_gateway_cache_merge(r, ctx, a, &lines);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ctx->reason == GW_CACHE_R_NONE) {
        ctx->reason = ngx_http_gateway_cache_tags(r->pool, ctx->conf->set.tags,
                                                  &lines, &a->content);
    }

    rc = ngx_http_gateway_cache_encode(r->pool, &lines, &a->content.header);

    if (rc == NGX_DECLINED) {
        ctx->reason = GW_CACHE_R_FULL;
        gw_cache_drop(ctx->user, &ctx->hit);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_cache_content(ctx, a);

    if (ctx->reason == GW_CACHE_R_NONE) {

        if (!gw_cache_refresh(ctx->user, &ctx->fill, &ctx->key, &ctx->labels,
                              &a->content, &ctx->hit,
                              ngx_http_gateway_cache_now()))
        {
            gw_cache_drop(ctx->user, &ctx->hit);
        }

        ctx->filling = 0;
        ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);

    } else if (ctx->reason != GW_CACHE_R_REQUEST
               && ctx->reason != GW_CACHE_R_UNWANTED)
    {

        /* the lock is given back by the caller */

        gw_cache_drop(ctx->user, &ctx->hit);
    }

    /* this request has the body of the old entry, and the lines of the new */

    ctx->hit.header = a->content.header;
    ctx->entry = a->entry;

    return NGX_OK;
}


/*
 * The lines of the freshened response, and its policy in "a->entry".
 * NGX_DECLINED: the stored response is sent as it is, and has been removed.
 */

static ngx_int_t
ngx_http_gateway_cache_merge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines)
{
    int                   n;
    size_t                max;
    gw_cache_field_t     *line;
    gw_cache_fields_t     stored;
    gw_cache_response_t   res;

    if (ngx_http_gateway_cache_decode(r->pool, &ctx->hit.header, 0, &stored)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    max = stored.n + a->fields.n + 4;

    line = ngx_palloc(r->pool, max * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    n = gw_cache_merge(&stored, &a->fields, &ctx->conf->policy, &a->res, line,
                       max, &lines->n);
    if (n < 0) {
        gw_cache_drop(ctx->user, &ctx->hit);
        return NGX_DECLINED;
    }

    lines->line = line;

    gw_cache_response_read(&res, &ctx->conf->policy, ctx->entry.status, lines,
                           &ctx->asked, &a->now);

    a->entry = ctx->entry;
    ctx->reason = gw_cache_freshen(&ctx->conf->policy, &ctx->req, &res,
                                   &a->entry);

    if (ctx->reason == GW_CACHE_R_NONE
        && ngx_http_test_predicates(r, ctx->conf->set.no_store) != NGX_OK)
    {
        ctx->reason = GW_CACHE_R_UNWANTED;
    }

    if (ctx->reason == GW_CACHE_R_NONE) {
        ctx->reason = ngx_http_gateway_cache_selected(r, ctx, &a->fields,
                                                      lines);
    }

    return ngx_http_gateway_cache_shown(r, ctx, line, n, &lines->n);
}


/*
 * Whether the freshened response is selected by what has selected the stored
 * one: "fresh" may have named other fields in Vary.
 */

static gw_cache_reason_e
ngx_http_gateway_cache_selected(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fresh,
    const gw_cache_fields_t *lines)
{
    ngx_int_t          rc;
    gw_text_t          value;
    ngx_uint_t         same;
    gw_cache_key_t     key;
    gw_cache_text_t    names;
    gw_cache_reason_e  reason;
    unsigned char      text[GW_CACHE_VARY];

    static const gw_text_t  vary = gw_cache_text("Vary");
    static const gw_text_t  allow =
        gw_cache_text("Access-Control-Allow-Origin");

    if (gw_cache_single(fresh, &vary, &value) == 0
        && gw_cache_single(fresh, &allow, &value) == 0)
    {
        return GW_CACHE_R_NONE;
    }

    names.data = text;
    reason = gw_cache_vary(lines, text, &names.len);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    if (names.len == 0) {
        return ctx->key.variant.len ? GW_CACHE_R_VARY_CHANGED
                                    : GW_CACHE_R_NONE;
    }

    key = ctx->key;
    rc = ngx_http_gateway_cache_variant(r, ctx, &names);

    same = rc == NGX_OK && key.variant.len == ctx->key.variant.len
           && ngx_memcmp(key.variant.data, ctx->key.variant.data,
                         key.variant.len)
              == 0;

    ctx->key = key;

    return same ? GW_CACHE_R_NONE : GW_CACHE_R_VARY_CHANGED;
}


/*
 * Of the new lines, those that the location lets through to clients, such as
 * none of proxy_hide_header; "*shown" lines are left.
 */

static ngx_int_t
ngx_http_gateway_cache_shown(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, gw_cache_field_t *line, size_t n,
    size_t *shown)
{
    size_t                 i, j;
    gw_cache_fields_t      out;
    const unsigned char   *name, *first, *last;

    static const gw_text_t  type = gw_cache_text("Content-Type");

    if (ngx_http_gateway_cache_from_list(r->pool, &r->headers_out.headers,
                                         &out)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    first = ctx->hit.header.data;
    last = first + ctx->hit.header.len;
    *shown = 0;

    for (i = 0; i < n; i++) {
        name = line[i].name.data;
        j = 0;

        if ((name >= first && name < last)
            || gw_cache_same(&line[i].name, &ngx_http_gateway_cache_date_name)
            || gw_cache_same(&line[i].name, &type)
            || gw_cache_line(&out, &line[i].name, &j) != NULL)
        {
            line[(*shown)++] = line[i];
        }
    }

    return NGX_OK;
}


/* times of the entry, in the clock of the store */

static void
ngx_http_gateway_cache_content(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a)
{
    uint64_t                 now;
    uint32_t                 keep;
    const gw_cache_entry_t  *entry;

    entry = &a->entry;
    now = ngx_http_gateway_cache_now();

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
    a->content.stored = now;
    a->content.fresh = now;

    if (entry->lifetime > entry->age) {
        a->content.fresh += (uint64_t) (entry->lifetime - entry->age) * 1000;
    }

    a->content.keep = a->content.fresh + (uint64_t) keep * 1000 + 1000;

    ctx->ttl = (int64_t) entry->lifetime - entry->age;
    ctx->timed = 1;
}


static ngx_int_t
ngx_http_gateway_cache_store(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    gw_cache_reason_e  reason;

    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    reason = ngx_http_gateway_cache_storable(r, ctx, a);

    if (reason == GW_CACHE_R_NONE) {
        reason = ngx_http_gateway_cache_select(r, ctx, a);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: storable:%ui",
                   (ngx_uint_t) (reason == GW_CACHE_R_NONE));

    if (reason != GW_CACHE_R_NONE) {

        /* why it was not used is of more interest than why it is not stored */

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
                       "gateway cache: removed, the origin has sent another");
    }
}


/* the client's conditions were not sent, and are evaluated here */

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


/* the key of the variant, the lines, and the lock */

static gw_cache_reason_e
ngx_http_gateway_cache_select(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a)
{
    size_t             len;
    uint64_t           length;
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

    if (ngx_http_gateway_cache_lines(r, ctx, a, &lines) != NGX_OK
        || ngx_http_gateway_cache_encode(r->pool, &lines, &a->content.header)
           != NGX_OK)
    {
        return GW_CACHE_R_FULL;
    }

    ngx_http_gateway_cache_content(ctx, a);

    reason = ngx_http_gateway_cache_move(r, ctx, text, len, a->content.keep);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    length = (r->headers_out.content_length_n == -1)
             ? GW_CACHE_UNKNOWN : (uint64_t) r->headers_out.content_length_n;

    return gw_cache_open(ctx->user, &ctx->fill, &ctx->key, &ctx->labels,
                         &a->content, length, ngx_http_gateway_cache_now())
           ? GW_CACHE_R_NONE : GW_CACHE_R_FULL;
}


/* the lock is that of the variant from now on, if the response has variants */

static gw_cache_reason_e
ngx_http_gateway_cache_move(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const unsigned char *text, size_t len,
    uint64_t keep)
{
    gw_cache_text_t  names;

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
                            &names, keep, ngx_http_gateway_cache_now()))
    {
        return GW_CACHE_R_FULL;
    }

    ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);

    return GW_CACHE_R_NONE;
}


/* a request that has asked without the lock stores if nobody else does */

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


/*
 * The lock on the key, for an answer that is there.  The fill knows of purges
 * from here on, and "purges" of those since the origin was asked.
 */

static gw_cache_reason_e
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
 * The lines that are stored: of those that clients receive, the origin's.  Date
 * is hidden by nginx, which sends one of its own, and is needed beside Age.
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


/*
 * RFC 9111, 4.4.  References are read as the origin has sent them, and as the
 * client receives them: proxy_redirect may have made them the client's.
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

    /* this answer itself may be stored */

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_ASK) {
        ctx->purges += gw_cache_purges(ctx->user, &ctx->labels) - purges;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: invalidated:%ui", purged);
}


/* what Location and Content-Location name, of the same origin as the target */

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

    ctx->told.status = ngx_http_gateway_cache_statuses[ctx->status];
    ctx->told.reason.data = (u_char *) word.data;
    ctx->told.reason.len = word.len;
    ctx->told.age = ctx->age;
    ctx->told.aged = ctx->aged;

    gr->cached = &ctx->told;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: recorded status:%V reason:\"%V\"",
                   &ctx->told.status, &ctx->told.reason);
}


ngx_int_t
ngx_http_gateway_cache_tell(ngx_http_request_t *r,
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

    /* without it, the status of the response is meant (RFC 9211, 2.3) */

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
