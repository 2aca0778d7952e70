/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Hiding credentials: they are removed from the request before an upstream
 * receives it and before it is logged (ngx_http_gateway_source.c).  The methods
 * do this in ACCESS and later; this file does it for requests that never reach
 * ACCESS.
 *
 * nginx can answer before ACCESS: a body that is too large, "return",
 * limit_req.  The response then passes the header filters and is logged later.
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_hide_methods(ngx_http_request_t *r,
    ngx_uint_t methods);
static ngx_uint_t ngx_http_gateway_source_shown(
    const ngx_http_gateway_source_t *source, const ngx_str_t *name);


/* methods that are called later have lower indices, see _method_add() */

ngx_int_t
ngx_http_gateway_hide(ngx_http_request_t *r, ngx_uint_t method)
{
    return ngx_http_gateway_hide_methods(r, ((ngx_uint_t) 1 << method) - 1);
}


ngx_int_t
ngx_http_gateway_hide_sent(ngx_http_request_t *r)
{
    return ngx_http_gateway_hide_methods(r, (ngx_uint_t) -1);
}


/* in the order of ACCESS */

static ngx_int_t
ngx_http_gateway_hide_methods(ngx_http_request_t *r, ngx_uint_t methods)
{
    ngx_uint_t                     i;
    ngx_http_gateway_method_t     *method;
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);
    gr = ngx_http_gateway_request(r);

    methods &= glcf->hides;

    if (gr != NULL && gr->hid_at == r->loc_conf) {
        methods &= ~gr->hid;
    }

    if (methods == 0) {
        return NGX_OK;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    method = gmcf->methods.elts;

    for (i = gmcf->methods.nelts; i-- > 0; /* void */ ) {

        if (!(methods >> i & 1)) {
            continue;
        }

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway hide: method \"%V\"", &method[i].name);

        if (method[i].hide(r) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_gateway_hide_at(ngx_conf_t *cf, ngx_uint_t method)
{
    ngx_http_gateway_method_t     *m;
    ngx_http_gateway_loc_conf_t   *glcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    m = gmcf->methods.elts;

    if (m[method].hide != NULL) {
        glcf->hides |= (ngx_uint_t) 1 << method;
    }
}


ngx_int_t
ngx_http_gateway_hide_sources_at(ngx_conf_t *cf, const ngx_array_t *sources)
{
    ngx_uint_t                         i;
    ngx_http_gateway_loc_conf_t       *glcf;
    const ngx_http_gateway_source_t   *source, **hidden;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (glcf->hidden == NULL) {
        glcf->hidden = ngx_array_create(cf->pool, 2, sizeof(source));
        if (glcf->hidden == NULL) {
            return NGX_ERROR;
        }
    }

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        hidden = ngx_array_push(glcf->hidden);
        if (hidden == NULL) {
            return NGX_ERROR;
        }

        *hidden = &source[i];
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_hidden_variable(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                         i;
    ngx_http_gateway_loc_conf_t       *glcf;
    const ngx_http_gateway_source_t  **hidden;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (glcf->hidden == NULL) {
        return 0;
    }

    hidden = glcf->hidden->elts;

    for (i = 0; i < glcf->hidden->nelts; i++) {
        if (ngx_http_gateway_source_shown(hidden[i], name)) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_gateway_hidden_in(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                         i, kind;
    ngx_http_gateway_loc_conf_t       *glcf;
    const ngx_http_gateway_source_t  **hidden;

    static const ngx_str_t  cookies = ngx_string("http_cookie");
    static const ngx_str_t  args = ngx_string("args");
    static const ngx_str_t  query = ngx_string("query_string");

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_same(name, &cookies)) {
        kind = NGX_HTTP_GATEWAY_COOKIE;

    } else if (ngx_http_gateway_same(name, &args)
               || ngx_http_gateway_same(name, &query))
    {
        kind = NGX_HTTP_GATEWAY_ARGUMENT;

    } else {
        return 0;
    }

    if (glcf->hidden == NULL) {
        return 0;
    }

    hidden = glcf->hidden->elts;

    for (i = 0; i < glcf->hidden->nelts; i++) {
        if (hidden[i]->kind == kind) {
            return 1;
        }
    }

    return 0;
}


/* $http_name, $cookie_name, $arg_name; "-" in a header is "_" in a variable */

static ngx_uint_t
ngx_http_gateway_source_shown(const ngx_http_gateway_source_t *source,
    const ngx_str_t *name)
{
    u_char      c;
    size_t      i, len;
    ngx_str_t   rest;
    ngx_uint_t  k;

    static ngx_str_t  authorization = ngx_string("authorization");

    static ngx_str_t  prefixes[] = {
        ngx_string("http_"),        /* NGX_HTTP_GATEWAY_BEARER */
        ngx_string("http_"),        /* NGX_HTTP_GATEWAY_HEADER */
        ngx_string("cookie_"),      /* NGX_HTTP_GATEWAY_COOKIE */
        ngx_string("arg_")          /* NGX_HTTP_GATEWAY_ARGUMENT */
    };

    k = source->kind;

    if (k == NGX_HTTP_GATEWAY_VARIABLE) {
        return 0;
    }

    rest = (k == NGX_HTTP_GATEWAY_BEARER) ? authorization : source->name;
    len = prefixes[k].len;

    if (name->len != len + rest.len
        || ngx_strncasecmp(name->data, prefixes[k].data, len) != 0)
    {
        return 0;
    }

    for (i = 0; i < rest.len; i++) {
        c = rest.data[i];

        if (k == NGX_HTTP_GATEWAY_HEADER && c == '-') {
            c = '_';
        }

        if (ngx_tolower(name->data[len + i]) != c) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_gateway_hid(ngx_http_request_t *r, ngx_uint_t method)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    /* without a record no credential was found */

    if (gr == NULL) {
        return;
    }

    if (gr->hid_at != r->loc_conf) {
        gr->hid_at = r->loc_conf;
        gr->hid = 0;
    }

    gr->hid |= (ngx_uint_t) 1 << method;
}


ngx_int_t
ngx_http_gateway_hide_sources(ngx_http_request_t *r,
    const ngx_array_t *sources)
{
    ngx_str_t                         value;
    ngx_uint_t                        i;
    gw_reason_e                       reason;
    const ngx_http_gateway_source_t  *source;

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        if (source[i].kind == NGX_HTTP_GATEWAY_VARIABLE) {
            continue;
        }

        ngx_str_null(&value);

        reason = ngx_http_gateway_source_find(r, &source[i], &value);

        if (ngx_http_gateway_source_hide(r, &source[i], reason, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
