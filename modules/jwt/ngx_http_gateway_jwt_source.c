/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sources of keys: their identity, and the key set that each process has.
 */

#include "ngx_http_gateway_jwt_source.h"


typedef struct {
    const ngx_http_gateway_jwt_source_t  *source;
    ngx_log_t                            *log;
} ngx_http_gateway_jwt_note_ctx_t;


static void ngx_http_gateway_jwt_source_cleanup(void *data);
static void ngx_http_gateway_jwt_source_note(void *data, unsigned number,
    const char *kid, const char *why, int kept);


static const struct {
    ngx_str_t    prefix;            /* of the name */
    const char  *directive;
} ngx_http_gateway_jwt_kinds[] = {
    [NGX_HTTP_GATEWAY_JWT_FILE] =
        { ngx_string("file:"), "gateway_jwt_key_file" },
    [NGX_HTTP_GATEWAY_JWT_REQUEST] =
        { ngx_string("request:"), "gateway_jwt_key_request" },
    [NGX_HTTP_GATEWAY_JWT_INTROSPECT] =
        { ngx_string("introspect:"), "gateway_jwt_introspect" }
};


/* inherited by workers, so that each number is unique within a process */

static uint64_t  ngx_http_gateway_jwt_numbers;


ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_source_create(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_uint_t *generation, ngx_http_gateway_jwt_kind_e kind)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_gateway_jwt_source_t  **slot, *source;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_gateway_jwt_source_t));
    if (cln == NULL) {
        return NULL;
    }

    slot = ngx_array_push(sources);
    if (slot == NULL) {
        return NULL;
    }

    source = cln->data;
    ngx_memzero(source, sizeof(ngx_http_gateway_jwt_source_t));

    source->kind = kind;
    source->directive = ngx_http_gateway_jwt_kinds[kind].directive;
    source->generation = generation;

    cln->handler = ngx_http_gateway_jwt_source_cleanup;
    *slot = source;

    return source;
}


static void
ngx_http_gateway_jwt_source_cleanup(void *data)
{
    ngx_http_gateway_jwt_source_t *source = data;

    if (source->set) {
        gw_jwk_set_free(source->set);
    }
}


ngx_int_t
ngx_http_gateway_jwt_source_name(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_gateway_jwt_kind_e kind, const ngx_str_t *text)
{
    const ngx_str_t  *prefix;

    prefix = &ngx_http_gateway_jwt_kinds[kind].prefix;
    name->len = prefix->len + text->len;

    name->data = ngx_pnalloc(cf->pool, name->len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(name->data, prefix->data, prefix->len), text->data,
               text->len);

    return NGX_OK;
}


gw_jwk_set_t *
ngx_http_gateway_jwt_source_parse(const ngx_http_gateway_jwt_source_t *source,
    const ngx_str_t *text, ngx_log_t *log, char *err, size_t size)
{
    unsigned                         flags;
    ngx_http_gateway_jwt_note_ctx_t  ctx;

    flags = (unsigned) source->flags | GW_JWK_PUBLIC;

    if (source->kind == NGX_HTTP_GATEWAY_JWT_REQUEST) {
        flags |= GW_JWK_REMOTE;
    }

    ctx.source = source;
    ctx.log = log;

    if (source->format == NGX_HTTP_GATEWAY_JWT_PEM) {
        return gw_jwk_set_parse_pem(text->data, text->len,
                                    ngx_http_gateway_jwt_source_note, &ctx,
                                    err, size);
    }

    return gw_jwk_set_parse(text->data, text->len, flags,
                            ngx_http_gateway_jwt_source_note, &ctx, err, size);
}


/* "kept": the key is used, else it is left out */

static void
ngx_http_gateway_jwt_source_note(void *data, unsigned number, const char *kid,
    const char *why, int kept)
{
    ngx_http_gateway_jwt_note_ctx_t *ctx = data;

    ngx_uint_t  level;

    level = kept ? NGX_LOG_WARN : NGX_LOG_NOTICE;

    ngx_log_error(level, ctx->log, 0,
                  "%s \"%V\"%V: key %ui, kid \"%s\": %s, %s",
                  ctx->source->directive, &ctx->source->shown,
                  &ctx->source->where, (ngx_uint_t) number, kid, why,
                  kept ? "used nevertheless" : "left out");
}


void
ngx_http_gateway_jwt_source_set(ngx_http_gateway_jwt_source_t *source,
    gw_jwk_set_t *set)
{
    if (source->set) {
        gw_jwk_set_free(source->set);
    }

    source->set = set;
    source->number = set ? ngx_http_gateway_jwt_number() : 0;

    (*source->generation)++;
}


uint64_t
ngx_http_gateway_jwt_number(void)
{
    return ++ngx_http_gateway_jwt_numbers;
}
