/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Finding the token of a request ("token=" of gateway_jwt), and removing it
 * (gateway_jwt_hide).
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_source.h"


#define NGX_HTTP_GATEWAY_JWT_ARGUMENT                                         \
    ((ngx_uint_t) 1 << NGX_HTTP_GATEWAY_ARGUMENT)


static void ngx_http_gateway_jwt_no_token(ngx_http_gateway_jwt_ctx_t *ctx);
static gw_reason_e ngx_http_gateway_jwt_unwrap(ngx_str_t *text);


static ngx_http_gateway_source_t  ngx_http_gateway_jwt_bearer = {
    NGX_HTTP_GATEWAY_BEARER, ngx_null_string, 0
};


static const ngx_array_t  ngx_http_gateway_jwt_default = {
    &ngx_http_gateway_jwt_bearer, 1, sizeof(ngx_http_gateway_source_t), 1, NULL
};


gw_reason_e
ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ctx->readable = 0;
    ctx->max_values = jlcf->max_values;
    ngx_str_null(&ctx->refused);
    ngx_str_null(&ctx->why);
    ngx_str_null(&ctx->kid);

    ctx->sources = ngx_http_gateway_jwt_sources(jlcf);

    ngx_http_gateway_sources_find(r, ctx->sources, &ctx->shown);

    ctx->found = ctx->shown.reason;
    ctx->text = ctx->shown.value;

    if (ctx->found == GW_OK
        && ctx->shown.source->kind == NGX_HTTP_GATEWAY_HEADER)
    {
        ctx->found = ngx_http_gateway_jwt_unwrap(&ctx->text);
    }

    if (ctx->found == GW_MALFORMED_HEADER) {
        ngx_http_gateway_jwt_no_token(ctx);
    }

    if (ctx->found == GW_OK && ctx->text.len > jlcf->max_size) {
        return GW_TOO_LARGE;
    }

    return ctx->found;
}


/* for the log: why a place has no well-formed token */

static void
ngx_http_gateway_jwt_no_token(ngx_http_gateway_jwt_ctx_t *ctx)
{
    ngx_uint_t                        i;
    const ngx_http_gateway_source_t  *source;

    source = ctx->sources->elts;

    for (i = 0; i < ctx->sources->nelts; i++) {

        if (ctx->shown.said[i] != GW_MALFORMED_HEADER) {
            continue;
        }

        if (source[i].kind == NGX_HTTP_GATEWAY_BEARER) {
            ngx_str_set(&ctx->why,
                        "Authorization is not \"Bearer\", a space and a token");
        } else {
            ngx_str_set(&ctx->why, "the name before the token is misspelled");
        }

        return;
    }

    ngx_str_set(&ctx->why, "\"Bearer\" in the header is not followed by a space"
                           " and a token");
}


/*
 * A proxy that forwards a token in another header may keep the scheme "Bearer".
 * A value with another scheme is taken for a token, and refused as malformed.
 */

static gw_reason_e
ngx_http_gateway_jwt_unwrap(ngx_str_t *text)
{
    gw_text_t  value, token;

    value.len = text->len;
    value.data = text->data;

    switch (gw_source_bearer(&value, &token)) {

    case GW_SOURCE_EXACT:
        text->len = token.len;
        text->data = (u_char *) token.data;
        return GW_OK;

    case GW_SOURCE_VARIANT:
        return GW_MALFORMED_HEADER;

    default:
        return GW_OK;
    }
}


/* in ACCESS, since nginx logs the URI with a refusal, but no other lines */

ngx_int_t
ngx_http_gateway_jwt_hide_argument(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    return ngx_http_gateway_sources_hide(r, ctx->sources, &ctx->shown,
                                         NGX_HTTP_GATEWAY_JWT_ARGUMENT);
}


ngx_int_t
ngx_http_gateway_jwt_hide(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    ngx_http_gateway_hid(r, ngx_http_gateway_jwt_method);

    return ngx_http_gateway_sources_hide(r, ctx->sources, &ctx->shown,
                                         ~NGX_HTTP_GATEWAY_JWT_ARGUMENT);
}


ngx_int_t
ngx_http_gateway_jwt_hide_early(ngx_http_request_t *r)
{
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    return ngx_http_gateway_hide_sources(r,
                                         ngx_http_gateway_jwt_sources(jlcf));
}


const ngx_array_t *
ngx_http_gateway_jwt_sources(const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    return jlcf->sources ? jlcf->sources : &ngx_http_gateway_jwt_default;
}
