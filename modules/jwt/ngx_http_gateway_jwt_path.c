/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Claim paths in directives, such as gateway_jwt_consumer.
 */

#include "ngx_http_gateway_jwt.h"


static ngx_int_t ngx_http_gateway_jwt_foreign_path(ngx_conf_t *cf,
    ngx_str_t *text, ngx_str_t *dotted);


char *
ngx_http_gateway_jwt_parse_path(ngx_conf_t *cf, ngx_str_t *text,
    gw_claim_path_t *path)
{
    char                              *buf;
    const char                        *err;
    ngx_str_t                         *directive, name;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    buf = ngx_pnalloc(cf->pool, text->len + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    err = gw_claim_path_parse(path, buf, text->data, text->len);

    if (err) {
        directive = cf->args->elts;

        if (ngx_http_gateway_jwt_foreign_path(cf, text, &name) == NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "path \"%V\" in \"%V\" %s, write \"%V\", or "
                               "'\"%V\"' for a claim of this name",
                               text, directive, err, &name, text);
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "path \"%V\" in \"%V\" %s, write for example sub, "
                           "realm_access.roles or "
                           "\"https://example.com/roles\"[0]",
                           text, directive, err);
        return NGX_CONF_ERROR;
    }

    /* in quotes, "*" and "$" are meant literally */

    if (ngx_strlchr(text->data, text->data + text->len, '"') == NULL) {
        ngx_http_gateway_warn_literal(cf, text, "the name of a claim");
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    name.data = (u_char *) path->steps[0].name;
    name.len = ngx_strlen(name.data);

    return (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* writes a JSON Pointer or JSONPath with dots; NGX_DECLINED: it is neither */

static ngx_int_t
ngx_http_gateway_jwt_foreign_path(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *dotted)
{
    if (text->len < 2 || (text->data[0] != '/' && text->data[0] != '$')) {
        return NGX_DECLINED;
    }

    dotted->data = ngx_pnalloc(cf->pool, 4 * text->len);
    if (dotted->data == NULL) {
        return NGX_DECLINED;
    }

    dotted->len = gw_claim_path_dotted(text->data, text->len, dotted->data);

    return dotted->len ? NGX_OK : NGX_DECLINED;
}


char *
ngx_http_gateway_jwt_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t         *value;
    gw_claim_path_t  **path;

    path = (gw_claim_path_t **) ((char *) conf + cmd->offset);

    if (*path) {
        return "is duplicate";
    }

    *path = ngx_palloc(cf->pool, sizeof(gw_claim_path_t));
    if (*path == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    return ngx_http_gateway_jwt_parse_path(cf, &value[1], *path);
}


char *
ngx_http_gateway_jwt_paths(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t         *value;
    ngx_uint_t         i;
    ngx_array_t      **paths;
    gw_claim_path_t   *path;

    paths = (ngx_array_t **) ((char *) conf + cmd->offset);

    if (*paths) {
        return "is duplicate";
    }

    *paths = ngx_array_create(cf->pool, cf->args->nelts - 1,
                              sizeof(gw_claim_path_t));
    if (*paths == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, ',')
            && ngx_strlchr(value[i].data, value[i].data + value[i].len, '"')
               == NULL)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" in \"%V\" is one claim with a comma, "
                               "claims are separated by blanks", &value[i],
                               &value[0]);
        }

        path = ngx_array_push(*paths);
        if (path == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_jwt_parse_path(cf, &value[i], path)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
