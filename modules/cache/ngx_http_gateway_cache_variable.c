/* SPDX-License-Identifier: BSD-2-Clause */

/* $gateway_cache_*: what became of the request in the cache */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_VAR_STATUS = 0,
    NGX_HTTP_GATEWAY_CACHE_VAR_REASON,
    NGX_HTTP_GATEWAY_CACHE_VAR_AGE,
    NGX_HTTP_GATEWAY_CACHE_VAR_TTL
} ngx_http_gateway_cache_var_e;


static ngx_str_t  ngx_http_gateway_cache_var_names[] = {
    ngx_string("gateway_cache_status"),
    ngx_string("gateway_cache_reason"),
    ngx_string("gateway_cache_age"),
    ngx_string("gateway_cache_ttl")
};


static ngx_str_t  ngx_http_gateway_cache_key_name =
    ngx_string("gateway_cache_key");


ngx_int_t
ngx_http_gateway_cache_variables(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    for (i = 0; i <= NGX_HTTP_GATEWAY_CACHE_VAR_TTL; i++) {
        if (ngx_http_gateway_add_variable(cf,
                                          &ngx_http_gateway_cache_var_names[i],
                                          ngx_http_gateway_cache_variable, i,
                                          0)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_add_variable(cf, &ngx_http_gateway_cache_key_name,
                                         ngx_http_gateway_cache_key_variable,
                                         0, 0)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                      value;
    gw_text_t                      word;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ngx_str_null(&value);
    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx == NULL) {
        ngx_http_gateway_variable_value(v, &value);
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_GATEWAY_CACHE_VAR_STATUS:
        value = ngx_http_gateway_cache_statuses[ctx->status];
        break;

    case NGX_HTTP_GATEWAY_CACHE_VAR_REASON:
        word = gw_cache_reason_word(ctx->reason);
        value.data = (u_char *) word.data;
        value.len = word.len;
        break;

    default:
        value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (value.data == NULL) {
            return NGX_ERROR;
        }

        if (data == NGX_HTTP_GATEWAY_CACHE_VAR_AGE && ctx->aged) {
            value.len = ngx_sprintf(value.data, "%uD", ctx->age) - value.data;

        } else if (data == NGX_HTTP_GATEWAY_CACHE_VAR_TTL && ctx->timed) {
            value.len = ngx_sprintf(value.data, "%L", ctx->ttl) - value.data;
        }
    }

    ngx_http_gateway_variable_value(v, &value);

    return NGX_OK;
}
