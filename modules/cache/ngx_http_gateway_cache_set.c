/* SPDX-License-Identifier: BSD-2-Clause */

/* Setters of the cache's directives, except for those about times. */

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
