/* SPDX-License-Identifier: BSD-2-Clause */

/* $gateway_cache_*: the result of a request in the cache */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


typedef enum {
    NGX_HTTP_GATEWAY_CACHE_VAR_STATUS = 0,
    NGX_HTTP_GATEWAY_CACHE_VAR_REASON,
    NGX_HTTP_GATEWAY_CACHE_VAR_AGE,
    NGX_HTTP_GATEWAY_CACHE_VAR_TTL
} ngx_http_gateway_cache_var_e;


static ngx_http_variable_t  ngx_http_gateway_cache_vars[] = {

    { ngx_string("gateway_cache_status"), NULL,
      ngx_http_gateway_cache_variable,
      NGX_HTTP_GATEWAY_CACHE_VAR_STATUS, 0, 0 },

    { ngx_string("gateway_cache_reason"), NULL,
      ngx_http_gateway_cache_variable,
      NGX_HTTP_GATEWAY_CACHE_VAR_REASON, 0, 0 },

    { ngx_string("gateway_cache_age"), NULL,
      ngx_http_gateway_cache_variable,
      NGX_HTTP_GATEWAY_CACHE_VAR_AGE, 0, 0 },

    { ngx_string("gateway_cache_ttl"), NULL,
      ngx_http_gateway_cache_variable,
      NGX_HTTP_GATEWAY_CACHE_VAR_TTL, 0, 0 },

    { ngx_string("gateway_cache_key"), NULL,
      ngx_http_gateway_cache_key_variable, 0, 0, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_gateway_cache_variables(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_cache_vars);
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
