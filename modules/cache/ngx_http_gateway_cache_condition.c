/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The conditions of forwarded requests: the validators of the stored response
 * replace the conditions of the client.
 */

#include "ngx_http_gateway_cache_run.h"


static ngx_str_t *ngx_http_gateway_cache_normalized(const ngx_str_t *name);


/* fields that the cache replaces */

static ngx_str_t  ngx_http_gateway_cache_conditions[] = {
    ngx_string("if-none-match"),
    ngx_string("if-modified-since")
};

static ngx_str_t  ngx_http_gateway_cache_condition_names[] = {
    ngx_string("If-None-Match"),
    ngx_string("If-Modified-Since")
};


ngx_int_t
ngx_http_gateway_cache_validate(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_uint_t    i, n;
    ngx_keyval_t  fields[2];

    if (ngx_http_gateway_header_remove(r, ngx_http_gateway_cache_conditions, 2)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->reuse.action != GW_CACHE_REVALIDATE
        || !(ctx->entry.flags & GW_CACHE_ENTRY_VALIDATOR))
    {
        return NGX_OK;
    }

    if (ngx_http_gateway_cache_validators(r->pool, ctx, fields, &n)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_gateway_header_add(r, &fields[i].key,
                                        ngx_http_gateway_cache_normalized(
                                            &fields[i].key),
                                        &fields[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_header_changed(r);
    ctx->validating = 1;

    return NGX_OK;
}


static ngx_str_t *
ngx_http_gateway_cache_normalized(const ngx_str_t *name)
{
    return &ngx_http_gateway_cache_conditions[
               name->len == ngx_http_gateway_cache_conditions[0].len ? 0 : 1];
}


ngx_int_t
ngx_http_gateway_cache_validators(ngx_pool_t *pool,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_keyval_t *fields, ngx_uint_t *n)
{
    gw_cache_fields_t     lines;
    gw_cache_validator_t  v;

    if (ngx_http_gateway_cache_decode(pool, &ctx->hit.header, 0, &lines)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    gw_cache_validator_read(&v, &lines, ctx->entry.received.wall);

    *n = 0;

    if (v.etag.len) {
        fields[*n].key = ngx_http_gateway_cache_condition_names[0];
        fields[*n].value.data = (u_char *) v.etag.data;
        fields[*n].value.len = v.etag.len;
        (*n)++;
    }

    if (v.modified.len) {
        fields[*n].key = ngx_http_gateway_cache_condition_names[1];
        fields[*n].value.data = (u_char *) v.modified.data;
        fields[*n].value.len = v.modified.len;
        (*n)++;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_restore(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    size_t      n;
    ngx_str_t   value;
    ngx_uint_t  i;
    gw_text_t   name;

    if (r != r->main) {
        return NGX_OK;
    }

    if (ngx_http_gateway_header_remove(r, ngx_http_gateway_cache_conditions, 2)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (n = 0; n < ctx->fields.n; n++) {
        for (i = 0; i < 2; i++) {

            name = ngx_http_gateway_cache_text(
                       &ngx_http_gateway_cache_conditions[i]);

            if (!gw_cache_same(&ctx->fields.line[n].name, &name)) {
                continue;
            }

            value.data = (u_char *) ctx->fields.line[n].value.data;
            value.len = ctx->fields.line[n].value.len;

            if (ngx_http_gateway_header_add(r,
                                   &ngx_http_gateway_cache_condition_names[i],
                                   &ngx_http_gateway_cache_conditions[i],
                                   &value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ngx_http_gateway_header_changed(r);

    return NGX_OK;
}
