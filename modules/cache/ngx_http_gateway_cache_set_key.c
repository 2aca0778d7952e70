/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Setters of gateway_cache_key and gateway_cache_partition.
 */

#include "ngx_http_gateway_cache.h"


static void ngx_http_gateway_cache_warn_uri(ngx_conf_t *cf,
    const ngx_array_t *parts);
static char *ngx_http_gateway_cache_part(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *value);
static ngx_int_t ngx_http_gateway_cache_part_word(
    ngx_http_gateway_cache_part_t *part, const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_cache_part_again(const ngx_array_t *parts,
    const ngx_http_gateway_cache_part_t *part);
static char *ngx_http_gateway_cache_args(ngx_conf_t *cf,
    ngx_http_gateway_cache_part_t *part, ngx_str_t *value);


/* gateway_cache_key part ... */

char *
ngx_http_gateway_cache_set_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    ngx_array_t  *parts;

    parts = ngx_http_gateway_cache_begin(cf, clcf->written.key,
                                         sizeof(ngx_array_t), NULL);
    if (parts == NULL
        || ngx_array_init(parts, cf->pool, cf->args->nelts - 1,
                          sizeof(ngx_http_gateway_cache_part_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_gateway_cache_part(cf, parts, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    clcf->written.key = parts;

    ngx_http_gateway_cache_warn_uri(cf, parts);

    return NGX_CONF_OK;
}


/* a habit from proxy_cache_key: $uri is the same for "/a%2fb" and "/a/b" */

static void
ngx_http_gateway_cache_warn_uri(ngx_conf_t *cf, const ngx_array_t *parts)
{
    const char                           *p;
    ngx_str_t                            *value;
    ngx_uint_t                            i;
    const ngx_http_gateway_cache_part_t  *part;

    part = parts->elts;

    for (i = 0; i < parts->nelts; i++) {
        if (part[i].kind == NGX_HTTP_GATEWAY_CACHE_PATH) {
            return;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        p = ngx_strstr(value[i].data, "$uri");

        if (p == NULL || p[4] == '_' || isalnum((u_char) p[4])) {
            continue;
        }

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"$uri\" in \"gateway_cache_key\" is decoded, so "
                           "different paths share a response, use \"path\" "
                           "instead");
        return;
    }
}


static char *
ngx_http_gateway_cache_part(ngx_conf_t *cf, ngx_array_t *parts,
    ngx_str_t *value)
{
    ngx_http_gateway_cache_part_t  *part;

    part = ngx_array_push(parts);
    if (part == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(part, sizeof(ngx_http_gateway_cache_part_t));

    if (ngx_strlchr(value->data, value->data + value->len, '$')) {
        part->kind = NGX_HTTP_GATEWAY_CACHE_VARIABLE;
        part->value = ngx_http_gateway_complex_value(cf, value);

        return part->value ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_cache_part_word(part, value) != NGX_OK) {
        return ngx_http_gateway_cache_unknown(cf, value,
                             "\"scheme\", \"host\", \"path\", \"args\", "
                             "\"args=only:\", \"args=without:\" and variables");
    }

    if (ngx_http_gateway_cache_part_again(parts, part)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate parameter \"%V\" in "
                           "\"gateway_cache_key\"", value);
        return NGX_CONF_ERROR;
    }

    return (part->args.kind == GW_CACHE_ARGS_ALL)
           ? NGX_CONF_OK : ngx_http_gateway_cache_args(cf, part, value);
}


/*
 * Finds a word, which may be followed by names.  NGX_DECLINED: there is no such
 * word.
 */

static ngx_int_t
ngx_http_gateway_cache_part_word(ngx_http_gateway_cache_part_t *part,
    const ngx_str_t *value)
{
    size_t      len;
    ngx_uint_t  i;

    static const struct {
        ngx_str_t                       name;
        ngx_http_gateway_cache_part_e   kind;
        gw_cache_args_e                 args;
    } words[] = {
        { ngx_string("scheme"), NGX_HTTP_GATEWAY_CACHE_SCHEME, 0 },
        { ngx_string("host"), NGX_HTTP_GATEWAY_CACHE_HOST, 0 },
        { ngx_string("path"), NGX_HTTP_GATEWAY_CACHE_PATH, 0 },
        { ngx_string("args"), NGX_HTTP_GATEWAY_CACHE_ARGS, GW_CACHE_ARGS_ALL },
        { ngx_string("args=only:"), NGX_HTTP_GATEWAY_CACHE_ARGS,
          GW_CACHE_ARGS_ONLY },
        { ngx_string("args=without:"), NGX_HTTP_GATEWAY_CACHE_ARGS,
          GW_CACHE_ARGS_WITHOUT }
    };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        len = words[i].name.len;

        if ((value->len == len || (value->len > len && words[i].args))
            && ngx_memcmp(value->data, words[i].name.data, len) == 0)
        {
            part->kind = words[i].kind;
            part->args.kind = words[i].args;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* whether a previous part has the same kind */

static ngx_uint_t
ngx_http_gateway_cache_part_again(const ngx_array_t *parts,
    const ngx_http_gateway_cache_part_t *part)
{
    const ngx_http_gateway_cache_part_t  *other;

    for (other = parts->elts; other < part; other++) {
        if (other->kind == part->kind) {
            return 1;
        }
    }

    return 0;
}


/* args=only:a,b and args=without:a,b */

static char *
ngx_http_gateway_cache_args(ngx_conf_t *cf,
    ngx_http_gateway_cache_part_t *part, ngx_str_t *value)
{
    u_char       *p, *last;
    gw_text_t     name, *slot;
    ngx_array_t   names;

    if (ngx_array_init(&names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, ':');

    do {
        name.data = p + 1;

        p = ngx_strlchr(p + 1, last, ',');
        name.len = (p ? p : last) - name.data;

        if (!gw_cache_args_name(&name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%*s\" in \"%V\", it must "
                               "consist of letters, digits, \"-\", \"_\", "
                               "\".\", \"~\" and \"*\"", name.len, name.data,
                               value);
            return NGX_CONF_ERROR;
        }

        slot = ngx_array_push(&names);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = name;

    } while (p);

    part->args.names = names.elts;
    part->args.n = names.nelts;

    return NGX_CONF_OK;
}


/* gateway_cache_partition none | consumer | $variable */

char *
ngx_http_gateway_cache_set_partition(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t                           *value;
    ngx_http_gateway_cache_partition_t  *partition;

    partition = ngx_http_gateway_cache_begin(cf, clcf->written.partition,
                                    sizeof(ngx_http_gateway_cache_partition_t),
                                    NULL);
    if (partition == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &partition->where);

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "consumer") == 0) {
        partition->kind = NGX_HTTP_GATEWAY_CACHE_CONSUMER;

    } else if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$')) {
        partition->kind = NGX_HTTP_GATEWAY_CACHE_VALUE;
        partition->value = ngx_http_gateway_complex_value(cf, &value[1]);

        if (partition->value == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_strcmp(value[1].data, "none") != 0) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                                   "\"none\", \"consumer\" and variables");
    }

    clcf->written.partition = partition;

    return NGX_CONF_OK;
}
