/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Responses that update a stored response: a 304 to a conditional request, and
 * a 200 to HEAD.  The entry gets their lines and keeps its body (RFC 9111,
 * 4.3.4 and 4.3.5).  If they refer to another response, the entry is removed.
 */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_cookies(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_cache_fields_t *fields);
static ngx_int_t ngx_http_gateway_cache_freshen(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a);
static void ngx_http_gateway_cache_renew(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a);
static ngx_int_t ngx_http_gateway_cache_merge(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_http_gateway_cache_answer_t *a,
    gw_cache_fields_t *lines);
static gw_cache_reason_e ngx_http_gateway_cache_selected(
    ngx_http_request_t *r, ngx_http_gateway_cache_ctx_t *ctx,
    const gw_cache_fields_t *fresh, const gw_cache_fields_t *lines);
static ngx_int_t ngx_http_gateway_cache_shown(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, gw_cache_field_t *line, size_t n,
    size_t *shown);


ngx_int_t
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

        /* the origin has validated another response */

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


/* sends cookies of a 304 to this client alone; only "store" stores them */

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


ngx_int_t
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


/* RFC 9111, 4.3.4: makes an entry with the old body and new lines */

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
        ctx->reason = GW_CACHE_R_HEADER;
        gw_cache_drop(ctx->user, &ctx->hit);
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_cache_content(ctx, a);

    ngx_http_gateway_cache_renew(ctx, a);

    /* this request uses the body of the old entry and the new lines */

    ctx->hit.header = a->content.header;
    ctx->entry = a->entry;

    return NGX_OK;
}


/* replaces the stored entry, or removes it */

static void
ngx_http_gateway_cache_renew(ngx_http_gateway_cache_ctx_t *ctx,
    ngx_http_gateway_cache_answer_t *a)
{
    if (ctx->reason == GW_CACHE_R_NONE
        && !gw_cache_fits(&ctx->key, &ctx->labels, &a->content))
    {
        ctx->reason = GW_CACHE_R_HEADER;
    }

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

        /* the caller releases the lock */

        gw_cache_drop(ctx->user, &ctx->hit);
    }
}


/*
 * Makes the lines of the freshened response, and its metadata in "a->entry".
 * NGX_DECLINED: the stored response is sent unchanged, and was removed.
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
 * Whether the variant key also selects the freshened response: "fresh" may have
 * other names in Vary.
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
    gw_text_t          names;
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
 * Keeps those of the new lines that the location passes on to clients, unlike
 * fields of proxy_hide_header.  "*shown" is set to their number.
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
