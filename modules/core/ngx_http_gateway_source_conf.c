/* SPDX-License-Identifier: BSD-2-Clause */

/* The configuration of sources, which are written as variables. */

#include "ngx_http_gateway_source_private.h"


static char *ngx_http_gateway_source_named(ngx_conf_t *cf,
    ngx_http_gateway_source_t *source, const ngx_str_t *name);


static const struct {
    ngx_str_t                  prefix;
    ngx_http_gateway_source_e  kind;
} ngx_http_gateway_source_prefixes[] = {
    { ngx_string("http_"), NGX_HTTP_GATEWAY_HEADER },
    { ngx_string("cookie_"), NGX_HTTP_GATEWAY_COOKIE },
    { ngx_string("arg_"), NGX_HTTP_GATEWAY_ARGUMENT },
    { ngx_null_string, 0 }
};


static char *
ngx_http_gateway_source_variable(ngx_conf_t *cf, const ngx_str_t *parameter,
    ngx_str_t *value, ngx_http_gateway_source_t *source)
{
    size_t      len;
    ngx_str_t   name;
    ngx_uint_t  i;

    name.len = value->len - 1;
    name.data = value->data + 1;

    if (value->len < 2 || value->data[0] != '$'
        || ngx_strlchr(name.data, name.data + name.len, '$')
        || ngx_strlchr(name.data, name.data + name.len, '{'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be one "
                           "variable such as $cookie_token", value, parameter);
        return NGX_CONF_ERROR;
    }

    source->index = ngx_http_get_variable_index(cf, &name);
    if (source->index == NGX_ERROR
        || ngx_http_gateway_reads(cf, value) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    source->kind = NGX_HTTP_GATEWAY_VARIABLE;
    source->name = name;

    for (i = 0; ngx_http_gateway_source_prefixes[i].prefix.len; i++) {

        len = ngx_http_gateway_source_prefixes[i].prefix.len;

        if (name.len < len
            || ngx_strncasecmp(name.data,
                               ngx_http_gateway_source_prefixes[i].prefix.data,
                               len)
               != 0)
        {
            continue;
        }

        if (name.len == len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\", a name must "
                               "follow \"_\"", value, parameter);
            return NGX_CONF_ERROR;
        }

        name.len -= len;
        name.data += len;

        source->kind = ngx_http_gateway_source_prefixes[i].kind;

        return ngx_http_gateway_source_named(cf, source, &name);
    }

    return ngx_http_gateway_source_add(cf, source) == NGX_OK ? NGX_CONF_OK
                                                             : NGX_CONF_ERROR;
}


/* a header, a cookie or an argument: normalizes the name */

static char *
ngx_http_gateway_source_named(ngx_conf_t *cf,
    ngx_http_gateway_source_t *source, const ngx_str_t *name)
{
    source->name.len = name->len;
    source->name.data = ngx_pnalloc(cf->pool, name->len);
    if (source->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (source->kind == NGX_HTTP_GATEWAY_HEADER) {
        ngx_http_gateway_header_normalize(source->name.data, name);

        if (ngx_http_gateway_same(&source->name,
                                  &ngx_http_gateway_authorization))
        {
            source->kind = NGX_HTTP_GATEWAY_BEARER;
            ngx_str_null(&source->name);

            return NGX_CONF_OK;
        }

        return ngx_http_gateway_credential_header(cf, &source->name);
    }

    ngx_strlow(source->name.data, name->data, name->len);

    return ngx_http_gateway_source_add(cf, source) == NGX_OK ? NGX_CONF_OK
                                                             : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_gateway_source_add(ngx_conf_t *cf,
    const ngx_http_gateway_source_t *source)
{
    ngx_uint_t                     i;
    ngx_http_gateway_source_t     *copy;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    copy = gmcf->credentials.elts;

    for (i = 0; i < gmcf->credentials.nelts; i++) {
        if (copy[i].kind == source->kind
            && ngx_http_gateway_same(&copy[i].name, &source->name))
        {
            return NGX_OK;
        }
    }

    copy = ngx_array_push(&gmcf->credentials);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *source;

    return NGX_OK;
}


char *
ngx_http_gateway_param_source(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_array_t **sources = field;

    ngx_uint_t                  i;
    ngx_http_gateway_source_t   added, *source;

    if (ngx_http_gateway_source_variable(cf, &param->name, value, &added)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (*sources == NULL) {
        *sources = ngx_array_create(cf->pool, 1,
                                    sizeof(ngx_http_gateway_source_t));
        if (*sources == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    source = (*sources)->elts;

    for (i = 0; i < (*sources)->nelts; i++) {

        if (source[i].kind == added.kind
            && ngx_http_gateway_same(&source[i].name, &added.name))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate value \"%V\" in \"%V\"", value,
                               &param->name);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_HTTP_GATEWAY_SOURCES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it can be "
                           "written at most %d times", value, &param->name,
                           NGX_HTTP_GATEWAY_SOURCES);
        return NGX_CONF_ERROR;
    }

    source = ngx_array_push(*sources);
    if (source == NULL) {
        return NGX_CONF_ERROR;
    }

    *source = added;

    return NGX_CONF_OK;
}
