/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Setters of the cache's directives, except for key, partition and times.
 */

#include "ngx_http_gateway_cache.h"


static char *ngx_http_gateway_cache_fields(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t first);
static char *ngx_http_gateway_cache_field(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name);
static char *ngx_http_gateway_cache_param_fields(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_cache_guard_names(ngx_conf_t *cf,
    ngx_http_gateway_cache_guard_t *guard);
static ngx_int_t ngx_http_gateway_cache_guard_mode(ngx_str_t *value,
    ngx_uint_t *mode);
static char *ngx_http_gateway_cache_constant(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_str_t *value);


static const ngx_http_gateway_setting_t  ngx_http_gateway_cache_setting = {
    NULL, NULL, &ngx_http_gateway_cache_use, 0
};


void *
ngx_http_gateway_cache_begin(ngx_conf_t *cf, const void *written, size_t size,
    ngx_uint_t *off)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (written) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive is duplicate", &value[0]);
        return NULL;
    }

    if (ngx_http_gateway_setting_add(cf, &ngx_http_gateway_cache_setting)
        != NGX_CONF_OK)
    {
        return NULL;
    }

    if (off && ngx_http_gateway_param_off(cf, off) != NGX_CONF_OK) {
        return NULL;
    }

    return ngx_pcalloc(cf->pool, size);
}


/* gateway_cache name | off */

char *
ngx_http_gateway_cache_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_str_t  *value;

    if (clcf->name.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty value in \"gateway_cache\", it must be the "
                           "name of a zone or \"off\"");
        return NGX_CONF_ERROR;
    }

    clcf->name = value[1];
    ngx_http_gateway_place(cf, &clcf->name_where);

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_cache_unknown(ngx_conf_t *cf, ngx_str_t *value,
    const char *allowed)
{
    ngx_str_t  *name;

    name = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\", allowed are %s",
                       value, name, allowed);

    return NGX_CONF_ERROR;
}


/* gateway_cache_targeted field ... | off */

char *
ngx_http_gateway_cache_set_targeted(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_uint_t    off;
    ngx_array_t  *names;

    names = ngx_http_gateway_cache_begin(cf, clcf->written.targeted,
                                         sizeof(ngx_array_t), &off);
    if (names == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.targeted = names;

    return off ? NGX_CONF_OK
                          : ngx_http_gateway_cache_fields(cf, names, 1);
}


/* reads names of header fields from argument "first" on, without duplicates */

static char *
ngx_http_gateway_cache_fields(ngx_conf_t *cf, ngx_array_t *names,
    ngx_uint_t first)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (ngx_array_init(names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        if (ngx_http_gateway_cache_field(cf, names, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_cache_field(ngx_conf_t *cf, ngx_array_t *names,
    ngx_str_t *name)
{
    gw_text_t   *known, text;
    ngx_str_t   *directive;
    ngx_uint_t   i;

    directive = cf->args->elts;
    text = ngx_http_gateway_cache_text(name);

    if (!gw_cache_token(&text)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\" in \"%V\", it must "
                           "consist of letters, digits and -", name,
                           directive);
        return NGX_CONF_ERROR;
    }

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (gw_cache_same(&known[i], &text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate parameter \"%V\" in \"%V\"", name,
                               directive);
            return NGX_CONF_ERROR;
        }
    }

    known = ngx_array_push(names);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = text;

    return NGX_CONF_OK;
}


/* gateway_cache_vary [normalize=field,...] */

char *
ngx_http_gateway_cache_set_vary(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_array_t  *names;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("normalize="), ngx_http_gateway_cache_param_fields,
          0, 0 },
        ngx_http_gateway_null_param
    };

    names = ngx_http_gateway_cache_begin(cf, clcf->written.normalize,
                                         sizeof(ngx_array_t), NULL);
    if (names == NULL) {
        return NGX_CONF_ERROR;
    }

    clcf->written.normalize = names;

    return ngx_http_gateway_params(cf, params, names, 1);
}


/* names of header fields, in lower case */

static char *
ngx_http_gateway_cache_param_fields(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_array_t *names = field;

    u_char     *p, *last;
    ngx_str_t   name;

    if (ngx_array_init(names, cf->pool, 4, sizeof(gw_text_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_strlow(value->data, value->data, value->len);

    last = value->data + value->len;
    p = value->data;

    for ( ;; ) {
        name.data = p;

        p = ngx_strlchr(p, last, ',');
        name.len = (p ? p : last) - name.data;

        if (ngx_http_gateway_cache_field(cf, names, &name) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        if (p == NULL) {
            return NGX_CONF_OK;
        }

        p++;
    }
}


/* gateway_cache_guard key | bypass | strip [field ...] | off */

char *
ngx_http_gateway_cache_set_guard(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_uint_t                       off;
    ngx_str_t                       *value;
    ngx_http_gateway_cache_guard_t  *guard;

    guard = ngx_http_gateway_cache_begin(cf, clcf->written.guard,
                                         sizeof(ngx_http_gateway_cache_guard_t),
                                         &off);
    if (guard == NULL) {
        return NGX_CONF_ERROR;
    }

    *guard = ngx_http_gateway_cache_guard_default;
    clcf->written.guard = guard;

    if (off) {
        guard->mode = NGX_HTTP_GATEWAY_CACHE_GUARD_OFF;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_http_gateway_cache_guard_mode(&value[1], &guard->mode) != NGX_OK) {
        return ngx_http_gateway_cache_unknown(cf, &value[1],
                              "\"key\", \"bypass\", \"strip\" and \"off\"");
    }

    return (cf->args->nelts == 2)
           ? NGX_CONF_OK : ngx_http_gateway_cache_guard_names(cf, guard);
}


/* replaces the built-in list */

static char *
ngx_http_gateway_cache_guard_names(ngx_conf_t *cf,
    ngx_http_gateway_cache_guard_t *guard)
{
    ngx_str_t    *value, *name;
    ngx_uint_t    i;
    ngx_array_t   fields;

    if (ngx_http_gateway_cache_fields(cf, &fields, 2) != NGX_CONF_OK
        || ngx_array_init(&guard->names, cf->pool, fields.nelts,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    guard->lengths = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        name = ngx_array_push(&guard->names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];

        ngx_http_gateway_header_normalize(name->data, name);

        guard->lengths |= (uint64_t) 1 << (name->len & 63);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_cache_guard_mode(ngx_str_t *value, ngx_uint_t *mode)
{
    ngx_uint_t  i;

    static const char  *words[] = { "key", "bypass", "strip" };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ngx_strcmp(value->data, words[i]) == 0) {
            *mode = NGX_HTTP_GATEWAY_CACHE_GUARD_KEY + i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* gateway_cache_tags field ... [strip] | off */

char *
ngx_http_gateway_cache_set_tags(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_cache_loc_conf_t *clcf = conf;

    ngx_uint_t                      off;
    ngx_str_t                      *value;
    ngx_http_gateway_cache_tags_t  *tags;

    tags = ngx_http_gateway_cache_begin(cf, clcf->written.tags,
                                        sizeof(ngx_http_gateway_cache_tags_t),
                                        &off);
    if (tags == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &tags->where);

    clcf->written.tags = tags;

    if (off) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    tags->strip = (ngx_strcmp(value[cf->args->nelts - 1].data, "strip") == 0);

    if (tags->strip) {
        cf->args->nelts--;
    }

    if (cf->args->nelts == 1) {
        return "must have the name of a header field";
    }

    return ngx_http_gateway_cache_fields(cf, &tags->names, 1);
}


/* gateway_cache_bypass, gateway_cache_no_store and gateway_cache_purge */

char *
ngx_http_gateway_cache_set_values(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_script_variables_count(&value[i]) == 0
            && ngx_http_gateway_cache_constant(cf, cmd, &value[i])
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_reads(cf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_set_predicate_slot(cf, cmd, conf);
}


/* a purge with each request is always a mistake */

static char *
ngx_http_gateway_cache_constant(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value)
{
    ngx_uint_t  applies;

    if (cmd->offset == offsetof(ngx_http_gateway_cache_loc_conf_t,
                                written.purge))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must contain "
                           "a variable", value, &cmd->name);
        return NGX_CONF_ERROR;
    }

    applies = value->len && !(value->len == 1 && value->data[0] == '0');

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"%V\" in \"%V\" contains no variable, it %s", value,
                       &cmd->name, applies ? "applies to all requests"
                                           : "has no effect");

    return NGX_CONF_OK;
}
