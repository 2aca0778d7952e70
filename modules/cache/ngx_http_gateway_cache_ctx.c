/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The state of a request in the cache: its context, the stored response that is
 * pinned, and the lock on its key.  The lookup, responses of the origin, and
 * refreshes use these functions.
 */

#include "ngx_http_gateway_cache_run.h"


#define NGX_HTTP_GATEWAY_CACHE_REFRESHES  32        /* at once, per worker */
#define NGX_HTTP_GATEWAY_CACHE_BACKLOG    256
#define NGX_HTTP_GATEWAY_CACHE_VARIANT    4096      /* bytes of its key */


ngx_uint_t  ngx_http_gateway_cache_slot;


ngx_http_gateway_detached_user_t  ngx_http_gateway_cache_refresher = {
    .name = "cache",
    .max = NGX_HTTP_GATEWAY_CACHE_REFRESHES,
    .backlog = NGX_HTTP_GATEWAY_CACHE_BACKLOG
};


static ngx_int_t ngx_http_gateway_cache_received(ngx_http_request_t *r,
    const ngx_http_gateway_cache_ctx_t *ctx, const gw_text_t *vary,
    gw_cache_fields_t *fields);
static ngx_int_t ngx_http_gateway_cache_receive(ngx_http_request_t *r,
    const ngx_array_t *sent, const gw_text_t *vary, gw_cache_fields_t *fields);
static ngx_uint_t ngx_http_gateway_cache_sets(const ngx_array_t *sent,
    const gw_text_t *name);
static ngx_uint_t ngx_http_gateway_cache_varies(gw_text_t vary,
    const gw_text_t *name);


ngx_http_gateway_cache_ctx_t *
ngx_http_gateway_cache_ctx(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    if (r != r->main) {
        return ngx_http_gateway_detached_data(r,
                                       &ngx_http_gateway_cache_refresher);
    }

    gr = ngx_http_gateway_request(r);

    return gr ? ngx_http_gateway_slot(gr, ngx_http_gateway_cache_slot) : NULL;
}


void
ngx_http_gateway_cache_clock(gw_cache_clock_t *clock)
{
    clock->wall = ngx_time();
    clock->monotonic = ngx_http_gateway_cache_now();
}


ngx_int_t
ngx_http_gateway_cache_from_list(ngx_pool_t *pool, ngx_list_t *list,
    gw_cache_fields_t *fields)
{
    size_t             n;
    ngx_uint_t         i;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h;
    gw_cache_field_t  *line;

    n = 0;

    for (part = &list->part; part; part = part->next) {
        n += part->nelts;
    }

    line = ngx_palloc(pool, (n + 1) * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    fields->line = line;
    fields->n = 0;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            /* the proxy module adds lines for fields that are missing */

            if (h[i].hash == 0 || h[i].value.data == NULL) {
                continue;
            }

            line->name = ngx_http_gateway_cache_text(&h[i].key);
            line->value = ngx_http_gateway_cache_text(&h[i].value);
            gw_cache_trim(&line->value);
            line++;
            fields->n++;
        }
    }

    return NGX_OK;
}


void
ngx_http_gateway_cache_target(ngx_http_request_t *r, gw_cache_target_t *target)
{
    ngx_http_core_srv_conf_t  *cscf;

    target->scheme = ngx_http_gateway_cache_scheme(r);

    if (r->headers_in.host) {
        target->host = ngx_http_gateway_cache_text(
                           &r->headers_in.host->value);

    } else {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        target->host = ngx_http_gateway_cache_text(
                           r->headers_in.server.len ? &r->headers_in.server
                                                    : &cscf->server_name);
    }

    target->uri = ngx_http_gateway_cache_text(&r->unparsed_uri);
}


ngx_int_t
ngx_http_gateway_cache_labels(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    u_char             *p;
    ngx_str_t           url;
    gw_cache_target_t   target;

    if (ctx->labels.url.data) {
        return NGX_OK;
    }

    ngx_http_gateway_cache_target(r, &target);

    p = ngx_pnalloc(r->pool, target.host.len + 1);

    if (p == NULL
        || ngx_http_gateway_cache_url(r->pool, ctx->conf->form, &target, &url,
                                      &ctx->labels.path)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_strlow(p, (u_char *) target.host.data, target.host.len);

    ctx->labels.url = ngx_http_gateway_cache_text(&url);

    ctx->labels.host.data = p;
    ctx->labels.host.len = target.host.len;

    if (ctx->conf->set.partition->kind == NGX_HTTP_GATEWAY_CACHE_CONSUMER) {
        ctx->labels.consumer = ngx_http_gateway_cache_text(&ctx->partition);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_find(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    uint64_t         now;
    ngx_int_t        rc;
    gw_cache_kind_e  kind;

    now = ngx_http_gateway_cache_now();

    ngx_str_null(&ctx->key.variant);
    ctx->variants = 0;
    ctx->user = ngx_http_gateway_cache_zone_user(ctx->conf->zone, &ctx->key);

    kind = gw_cache_find(ctx->user, &ctx->key, now, &ctx->hit);

    if (kind == GW_CACHE_VARIANTS) {
        ctx->variants = 1;

        rc = ngx_http_gateway_cache_variant(r, ctx, &ctx->hit.header);
        gw_cache_unpin(ctx->user, &ctx->hit);

        if (rc != NGX_OK) {
            return rc;
        }

        kind = gw_cache_find(ctx->user, &ctx->key, now, &ctx->hit);
    }

    ctx->pinned = (kind == GW_CACHE_RESPONSE);

    if (ctx->pinned) {
        ngx_memcpy(&ctx->entry, ctx->hit.policy.data,
                   sizeof(gw_cache_entry_t));
    }

    /* purged softly: it must be validated, even if it was fresh */

    if (ctx->pinned && ctx->hit.soft) {
        ctx->entry.lifetime = 0;
        ctx->entry.stated = (ctx->entry.stated == GW_CACHE_NONE)
                            ? GW_CACHE_NONE : 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_variant(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, const gw_text_t *names)
{
    u_char             *p;
    size_t              len;
    gw_cache_fields_t   fields;
    const ngx_array_t  *normalize;

    p = ngx_pnalloc(r->pool, NGX_HTTP_GATEWAY_CACHE_VARIANT);

    if (p == NULL
        || ngx_http_gateway_cache_received(r, ctx, names, &fields) != NGX_OK)
    {
        return NGX_ERROR;
    }

    normalize = ctx->conf->set.normalize;

    if (gw_cache_variant(names, &fields, normalize->elts, normalize->nelts, p,
                         NGX_HTTP_GATEWAY_CACHE_VARIANT,
                         &len)
        != 0)
    {
        return NGX_DECLINED;
    }

    ctx->key.variant.data = p;
    ctx->key.variant.len = len;

    (void) ngx_http_gateway_cache_zone_user(ctx->conf->zone, &ctx->key);

    return NGX_OK;
}


/*
 * Makes the request lines that "vary" selects by, as the origin receives them:
 * values that the location sets, and otherwise the client's lines.
 */

static ngx_int_t
ngx_http_gateway_cache_received(ngx_http_request_t *r,
    const ngx_http_gateway_cache_ctx_t *ctx, const gw_text_t *vary,
    gw_cache_fields_t *fields)
{
    size_t                              i;
    ngx_uint_t                          n;
    gw_cache_field_t                   *line;
    ngx_http_gateway_cache_sent_t      *sent;
    ngx_http_gateway_cache_loc_conf_t  *here;

    here = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);
    sent = here->fields.elts;
    n = 0;

    for (i = 0; i < here->fields.nelts; i++) {
        n += ngx_http_gateway_cache_varies(*vary, &sent[i].name);
    }

    *fields = ctx->fields;

    if (n == 0) {
        return NGX_OK;
    }

    line = ngx_palloc(r->pool, (ctx->fields.n + n) * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    fields->line = line;
    fields->n = 0;

    for (i = 0; i < ctx->fields.n; i++) {
        if (here->unknown
            || !ngx_http_gateway_cache_sets(&here->fields,
                                            &ctx->fields.line[i].name))
        {
            line[fields->n++] = ctx->fields.line[i];
        }
    }

    return ngx_http_gateway_cache_receive(r, &here->fields, vary, fields);
}


/* adds the fields set by the location to "fields", which has room for them */

static ngx_int_t
ngx_http_gateway_cache_receive(ngx_http_request_t *r, const ngx_array_t *sent,
    const gw_text_t *vary, gw_cache_fields_t *fields)
{
    ngx_str_t                       value;
    ngx_uint_t                      i;
    gw_cache_field_t               *line;
    ngx_http_gateway_cache_sent_t  *field;

    field = sent->elts;

    for (i = 0; i < sent->nelts; i++) {

        if (!ngx_http_gateway_cache_varies(*vary, &field[i].name)) {
            continue;
        }

        if (ngx_http_complex_value(r, field[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0) {
            continue;
        }

        line = (gw_cache_field_t *) &fields->line[fields->n++];
        line->name = field[i].name;
        line->value = ngx_http_gateway_cache_text(&value);
        gw_cache_trim(&line->value);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_cache_sets(const ngx_array_t *sent, const gw_text_t *name)
{
    ngx_uint_t                      i;
    ngx_http_gateway_cache_sent_t  *field;

    field = sent->elts;

    for (i = 0; i < sent->nelts; i++) {
        if (gw_cache_same(&field[i].name, name)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_cache_varies(gw_text_t vary, const gw_text_t *name)
{
    gw_text_t  member;

    while (gw_cache_member(&vary, &member)) {
        if (gw_cache_same(&member, name)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_cache_unpin(ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->pinned) {
        ctx->pinned = 0;
        gw_cache_unpin(ctx->user, &ctx->hit);
    }
}


void
ngx_http_gateway_cache_release(ngx_http_gateway_cache_ctx_t *ctx)
{
    if (!ctx->filling) {
        return;
    }

    ctx->filling = 0;

    gw_cache_abort(ctx->user, &ctx->fill);
    ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);
}


void
ngx_http_gateway_cache_give_up(ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->filling) {
        ngx_http_gateway_cache_mark(ctx->conf->zone, ctx->key.hash);
        ngx_http_gateway_cache_release(ctx);
    }
}
