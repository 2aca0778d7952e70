/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading the parameters of gateway_api_key and the files of
 * gateway_api_key_pepper.
 */

#include "ngx_http_gateway_api_key.h"


static char *ngx_http_gateway_api_key_source(ngx_conf_t *cf,
    ngx_array_t *sources, ngx_http_gateway_source_e kind,
    const ngx_str_t *name);
static char *ngx_http_gateway_api_key_name(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);


char *
ngx_http_gateway_api_key_params(ngx_conf_t *cf,
    ngx_http_gateway_api_key_args_t *args)
{
    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("header="), ngx_http_gateway_api_key_name,
          offsetof(ngx_http_gateway_api_key_args_t, header), 0 },

        { ngx_string("bearer"), ngx_http_gateway_param_word,
          offsetof(ngx_http_gateway_api_key_args_t, bearer), 1 },

        { ngx_string("query="), ngx_http_gateway_api_key_name,
          offsetof(ngx_http_gateway_api_key_args_t, query), 0 },

        { ngx_string("cookie="), ngx_http_gateway_api_key_name,
          offsetof(ngx_http_gateway_api_key_args_t, cookie), 0 },

        ngx_http_gateway_null_param
    };

    ngx_memzero(args, sizeof(ngx_http_gateway_api_key_args_t));

    return ngx_http_gateway_params(cf, params, args, 2);
}


char *
ngx_http_gateway_api_key_sources(ngx_conf_t *cf,
    ngx_http_gateway_api_key_loc_conf_t *alcf,
    const ngx_http_gateway_api_key_args_t *args)
{
    ngx_uint_t  i;

    static ngx_str_t  none = ngx_null_string;
    static ngx_str_t  bearer = ngx_string("Authorization");
    static ngx_str_t  header = ngx_string("X-API-Key");

    const struct {
        ngx_http_gateway_source_e   kind;
        const ngx_str_t            *name;
    } rows[] = {
        { NGX_HTTP_GATEWAY_HEADER, &args->header },
        { NGX_HTTP_GATEWAY_BEARER, args->bearer ? &bearer : &none },
        { NGX_HTTP_GATEWAY_ARGUMENT, &args->query },
        { NGX_HTTP_GATEWAY_COOKIE, &args->cookie }
    };

    alcf->bearer = args->bearer;
    alcf->sources = ngx_array_create(cf->pool, sizeof(rows) / sizeof(rows[0]),
                                     sizeof(ngx_http_gateway_source_t));
    if (alcf->sources == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        if (rows[i].name->len
            && ngx_http_gateway_api_key_source(cf, alcf->sources, rows[i].kind,
                                               rows[i].name)
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (alcf->sources->nelts) {
        return NGX_CONF_OK;
    }

    return ngx_http_gateway_api_key_source(cf, alcf->sources,
                                           NGX_HTTP_GATEWAY_HEADER, &header);
}


static char *
ngx_http_gateway_api_key_source(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_http_gateway_source_e kind, const ngx_str_t *name)
{
    ngx_http_gateway_source_t  *source;

    source = ngx_array_push(sources);
    if (source == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(source, sizeof(ngx_http_gateway_source_t));

    source->kind = kind;

    if (kind == NGX_HTTP_GATEWAY_BEARER) {
        return NGX_CONF_OK;
    }

    source->name.len = name->len;
    source->name.data = ngx_pnalloc(cf->pool, name->len);
    if (source->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (kind == NGX_HTTP_GATEWAY_HEADER) {
        ngx_http_gateway_header_normalize(source->name.data, name);

        if (ngx_http_gateway_credential_header(cf, &source->name)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

    } else {
        ngx_strlow(source->name.data, name->data, name->len);
    }

    return (ngx_http_gateway_source_add(cf, source) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* a name that headers, cookies and queries can contain without escapes */

static char *
ngx_http_gateway_api_key_name(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < value->len; i++) {
        c = ngx_tolower(value->data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
            && c != '_')
        {
            break;
        }
    }

    if (value->len == 0 || i < value->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in parameter \"%V\", it must "
                           "consist of letters, digits, - and _", value,
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *(ngx_str_t *) field = *value;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_api_key_pepper(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_api_key_main_conf_t *amcf = conf;

    char                       err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_str_t                 *value, content;
    ngx_uint_t                 i;
    const char                *wrong;
    ngx_file_info_t            fi;
    ngx_http_gateway_watch_t   file;

    if (amcf->hash.npeppers) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&file, sizeof(ngx_http_gateway_watch_t));
    file.max_size = GW_KEY_MAX_PEPPER + 2;

    for (i = 1; i < cf->args->nelts; i++) {

        file.path = value[i];

        if (ngx_conf_full_name(cf->cycle, &file.path, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        wrong = err;

        if (ngx_http_gateway_watch_read(&file, cf->temp_pool, &content, &fi,
                                        err)
            == NGX_OK)
        {
            wrong = gw_key_pepper_add(&amcf->hash, content.data, content.len);
            ngx_explicit_memzero(content.data, content.len);
        }

        if (wrong) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V \"%V\": %s",
                               &value[0], &file.path, wrong);
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_gateway_consumers_peppers(cf, amcf->hash.npeppers);

    return NGX_CONF_OK;
}
