/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Refreshes in the background: a detached request, for which no client waits,
 * is forwarded while clients receive the stale response.  It has its own
 * context and pool, because it outlives the client's request.
 */

#include "ngx_http_gateway_cache_run.h"


#define NGX_HTTP_GATEWAY_CACHE_TIMEOUT  60000      /* ms */


/* the data of the detached request begin with its context */

typedef struct {
    ngx_http_gateway_cache_ctx_t        ctx;
    ngx_pool_t                         *pool;
} ngx_http_gateway_cache_refresh_t;


static ngx_int_t ngx_http_gateway_cache_refresh_copy(
    ngx_http_gateway_cache_refresh_t *refresh,
    const ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_copy_fields(ngx_pool_t *pool,
    const gw_cache_fields_t *from, gw_cache_fields_t *to);
static ngx_int_t ngx_http_gateway_cache_refresh_lock(
    ngx_http_gateway_cache_refresh_t *refresh, uint64_t serial);
static ngx_int_t ngx_http_gateway_cache_refresh_start(ngx_http_request_t *r,
    ngx_http_gateway_cache_refresh_t *refresh);
static ngx_int_t ngx_http_gateway_cache_copy_text(ngx_pool_t *pool,
    gw_text_t *text);
static void ngx_http_gateway_cache_refresh_end(void *data, ngx_int_t rc);


/* does nothing without memory, or if another request refreshes the response */

void
ngx_http_gateway_cache_refresh(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_pool_t                        *pool;
    ngx_http_gateway_cache_refresh_t  *refresh;

    if (ngx_http_gateway_cache_labels(r, ctx) != NGX_OK) {
        return;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    refresh = ngx_pcalloc(pool, sizeof(ngx_http_gateway_cache_refresh_t));
    if (refresh == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    refresh->pool = pool;

    if (ngx_http_gateway_cache_refresh_copy(refresh, ctx) != NGX_OK
        || ngx_http_gateway_cache_refresh_lock(refresh, ctx->hit.serial)
           != NGX_OK
        || ngx_http_gateway_cache_refresh_start(r, refresh) != NGX_OK)
    {
        ngx_http_gateway_cache_refresh_end(refresh, NGX_ERROR);
        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: refreshing in the background");
}


static ngx_int_t
ngx_http_gateway_cache_refresh_copy(ngx_http_gateway_cache_refresh_t *refresh,
    const ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_http_gateway_cache_ctx_t  *own;

    own = &refresh->ctx;
    own->conf = ctx->conf;
    own->req = ctx->req;
    own->key = ctx->key;
    own->labels = ctx->labels;
    own->user = ctx->user;
    own->state = NGX_HTTP_GATEWAY_CACHE_ASK;
    own->reuse.action = GW_CACHE_REVALIDATE;

    /* request the whole response, whatever the client's request is */

    own->req.method = GW_CACHE_GET;
    own->req.conditional = 0;
    own->req.range = 0;

    ngx_http_gateway_cache_clock(&own->asked);

    if (ngx_http_gateway_cache_copy_text(refresh->pool, &own->key.text)
            != NGX_OK
        || ngx_http_gateway_cache_copy_text(refresh->pool, &own->key.variant)
            != NGX_OK
        || ngx_http_gateway_cache_copy_text(refresh->pool, &own->labels.url)
            != NGX_OK
        || ngx_http_gateway_cache_copy_text(refresh->pool, &own->labels.host)
            != NGX_OK
        || ngx_http_gateway_cache_copy_text(refresh->pool,
                                            &own->labels.consumer)
            != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cache_copy_fields(refresh->pool, &ctx->fields,
                                              &own->fields);
}


static ngx_int_t
ngx_http_gateway_cache_copy_fields(ngx_pool_t *pool,
    const gw_cache_fields_t *from, gw_cache_fields_t *to)
{
    size_t             i;
    gw_text_t         *text;
    gw_cache_field_t  *line;

    line = ngx_palloc(pool, (from->n + 1) * sizeof(gw_cache_field_t));
    if (line == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(line, from->line, from->n * sizeof(gw_cache_field_t));

    for (i = 0; i < 2 * from->n; i++) {
        text = (i & 1) ? &line[i / 2].value : &line[i / 2].name;

        if (ngx_http_gateway_cache_copy_text(pool, text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    to->line = line;
    to->n = from->n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_copy_text(ngx_pool_t *pool, gw_text_t *text)
{
    u_char  *p;

    if (text->data == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);
    text->data = p;

    return NGX_OK;
}


/*
 * Takes the lock.  "serial" is that of the stale response.  NGX_DECLINED:
 * another request refreshes it, or has refreshed it since it was found.
 */

static ngx_int_t
ngx_http_gateway_cache_refresh_lock(ngx_http_gateway_cache_refresh_t *refresh,
    uint64_t serial)
{
    uint64_t                       now;
    gw_cache_kind_e                kind;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = &refresh->ctx;
    now = ngx_http_gateway_cache_now();

    kind = gw_cache_find(ctx->user, &ctx->key, now, &ctx->hit);

    ctx->pinned = (kind != GW_CACHE_MISS);

    if (kind != GW_CACHE_RESPONSE) {
        return NGX_DECLINED;
    }

    ngx_memcpy(&ctx->entry, ctx->hit.policy.data, sizeof(gw_cache_entry_t));

    if (gw_cache_begin(ctx->user, &ctx->key, &ctx->labels, serial, now,
                       &ctx->fill)
        != GW_CACHE_FILL)
    {
        return NGX_DECLINED;
    }

    ctx->filling = 1;
    ctx->validating = (ctx->entry.flags & GW_CACHE_ENTRY_VALIDATOR) ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_refresh_start(ngx_http_request_t *r,
    ngx_http_gateway_cache_refresh_t *refresh)
{
    ngx_keyval_t                fields[2];
    ngx_http_gateway_detach_t   conf;

    ngx_memzero(&conf, sizeof(ngx_http_gateway_detach_t));

    conf.user = &ngx_http_gateway_cache_refresher;
    conf.timeout = NGX_HTTP_GATEWAY_CACHE_TIMEOUT;
    ngx_str_set(&conf.method, "GET");
    conf.end = ngx_http_gateway_cache_refresh_end;
    conf.data = refresh;

    if (refresh->ctx.validating) {
        conf.fields = fields;

        if (ngx_http_gateway_cache_validators(refresh->pool, &refresh->ctx,
                                              fields, &conf.nfields)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_detach(r, &conf) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_cache_refresh_end(void *data, ngx_int_t rc)
{
    ngx_http_gateway_cache_refresh_t *refresh = data;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway cache: background refresh ended, rc:%i", rc);

    ngx_http_gateway_cache_release(&refresh->ctx);
    ngx_http_gateway_cache_unpin(&refresh->ctx);

    ngx_destroy_pool(refresh->pool);
}
