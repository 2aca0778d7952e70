/* SPDX-License-Identifier: BSD-2-Clause */

/* Names that cannot be the field of the request id. */

#include "ngx_http_gateway_trace.h"


/*
 * Names, normalized, of response fields that nginx or the upstream server sets,
 * or that nginx evaluates
 */

static ngx_str_t  ngx_http_gateway_trace_owned[] = {
    ngx_string("age"),
    ngx_string("allow"),
    ngx_string("alt-svc"),
    ngx_string("cache-control"),
    ngx_string("connection"),
    ngx_string("date"),
    ngx_string("etag"),
    ngx_string("expires"),
    ngx_string("keep-alive"),
    ngx_string("last-modified"),
    ngx_string("link"),
    ngx_string("location"),
    ngx_string("p3p"),
    ngx_string("pragma"),
    ngx_string("proxy-authenticate"),
    ngx_string("proxy-connection"),
    ngx_string("refresh"),
    ngx_string("retry-after"),
    ngx_string("server"),
    ngx_string("set-cookie"),
    ngx_string("status"),
    ngx_string("strict-transport-security"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_string("vary"),
    ngx_string("via"),
    ngx_string("warning"),
    ngx_string("www-authenticate"),
    ngx_null_string
};


/* their prefixes */

static ngx_str_t  ngx_http_gateway_trace_owned_prefixes[] = {
    ngx_string("accept-"),
    ngx_string("access-control-"),
    ngx_string("content-"),
    ngx_string("x-accel-"),
    ngx_null_string
};


static ngx_uint_t
ngx_http_gateway_trace_owns(const ngx_str_t *name)
{
    ngx_str_t  *owned;

    for (owned = ngx_http_gateway_trace_owned; owned->len; owned++) {
        if (ngx_http_gateway_same(name, owned)) {
            return 1;
        }
    }

    for (owned = ngx_http_gateway_trace_owned_prefixes; owned->len; owned++) {
        if (name->len >= owned->len
            && ngx_memcmp(name->data, owned->data, owned->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_gateway_trace_usable(ngx_conf_t *cf,
    const ngx_http_gateway_trace_srv_conf_t *tscf)
{
    ngx_uint_t        i;
    const ngx_str_t  *name;

    name = &tscf->id_normalized;

    if (ngx_http_gateway_same(name, &ngx_http_gateway_trace_parent)
        || ngx_http_gateway_same(name, &ngx_http_gateway_trace_state))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "header \"%V\" cannot be set by "
                           "\"gateway_request_id\", it carries the trace",
                           &tscf->id_name);
        return NGX_CONF_ERROR;
    }

    if (tscf->id_response && ngx_http_gateway_trace_owns(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "header \"%V\" cannot be set in the response, "
                           "nginx or the response itself sets it",
                           &tscf->id_name);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] >= 'a' && name->data[i] <= 'z') {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid header name \"%V\", it must have a letter",
                       &tscf->id_name);
    return NGX_CONF_ERROR;
}


char *
ngx_http_gateway_trace_first(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t  i;

    static ngx_str_t  words[] = {
        ngx_string("on"), ngx_string("response"), ngx_null_string
    };

    for (i = 0; words[i].len; i++) {
        if (ngx_http_gateway_same(name, &words[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"gateway_request_id\""
                               ", the name of a field such as X-Request-ID "
                               "must come first", name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
