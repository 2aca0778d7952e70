/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parameters of directives, described by tables.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_endpoint.h"
#include "gw_sample.h"


static const ngx_http_gateway_param_t *ngx_http_gateway_param_find(
    const ngx_http_gateway_param_t *table, ngx_str_t *arg, ngx_str_t *value);
static char *ngx_http_gateway_param_unknown(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *table, ngx_str_t *arg);
static char *ngx_http_gateway_enum(ngx_conf_t *cf, ngx_conf_enum_t *allowed,
    const ngx_str_t *name, ngx_str_t *value, ngx_uint_t *field);


char *
ngx_http_gateway_params(ngx_conf_t *cf, const ngx_http_gateway_param_t *table,
    void *conf, ngx_uint_t first)
{
    size_t                           offset;
    uint32_t                         seen;
    ngx_str_t                       *args, value;
    ngx_uint_t                       i, k, many;
    const ngx_http_gateway_param_t  *param;

    args = cf->args->elts;
    seen = 0;

    /* a parameter here would be taken for a realm, a key or a file */

    for (i = 1; i < first && i < cf->args->nelts; i++) {

        param = ngx_http_gateway_param_find(table, &args[i], &value);

        if (param && param->name.data[param->name.len - 1] == '=') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the argument before \"%V\" in \"%V\" is "
                               "missing", &args[i], &args[0]);
            return NGX_CONF_ERROR;
        }
    }

    for (i = first; i < cf->args->nelts; i++) {

        param = ngx_http_gateway_param_find(table, &args[i], &value);

        many = (param && (param->offset & NGX_HTTP_GATEWAY_PARAM_MANY));

        if (param == NULL
            || (value.len == 0
                && param->set == ngx_http_gateway_param_str_list))
        {
            return ngx_http_gateway_param_unknown(cf, table, &args[i]);
        }

        for (k = 0; !many && table[k].name.len; k++) {
            if (table[k].offset == param->offset && (seen & (1u << k))) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate parameter \"%V\" in \"%V\"",
                                   &args[i], &args[0]);
                return NGX_CONF_ERROR;
            }
        }

        seen |= 1u << (param - table);

        offset = param->offset & ~NGX_HTTP_GATEWAY_PARAM_MANY;

        if (param->set(cf, param, &value, (u_char *) conf + offset)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static const ngx_http_gateway_param_t *
ngx_http_gateway_param_find(const ngx_http_gateway_param_t *table,
    ngx_str_t *arg, ngx_str_t *value)
{
    const ngx_http_gateway_param_t  *p;

    for (p = table; p->name.len; p++) {

        if (arg->len < p->name.len
            || ngx_strncmp(arg->data, p->name.data, p->name.len) != 0)
        {
            continue;
        }

        if (p->name.data[p->name.len - 1] != '=' && arg->len != p->name.len) {
            continue;
        }

        value->data = arg->data + p->name.len;
        value->len = arg->len - p->name.len;

        return p;
    }

    return NULL;
}


static char *
ngx_http_gateway_param_unknown(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *table, ngx_str_t *arg)
{
    u_char                          *p, *last;
    u_char                           buf[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t                       *name;
    const ngx_http_gateway_param_t  *param;

    p = buf;
    last = buf + sizeof(buf);

    for (param = table; param->name.len; param++) {
        p = ngx_slprintf(p, last, "%s\"%V\"", param == table ? "" : ", ",
                         &param->name);
    }

    name = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"%V\", allowed are %*s",
                       arg, name, (size_t) (p - buf), buf);

    return NGX_CONF_ERROR;
}


char *
ngx_http_gateway_param_word(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    *(ngx_uint_t *) field = param->post;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_str(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "parameter \"%V\" must have a value",
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *(ngx_str_t *) field = *value;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_str_list(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_array_t *list = field;

    ngx_str_t  *s;

    if (list->elts == NULL
        && ngx_array_init(list, cf->pool, 4, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    s = ngx_array_push(list);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = *value;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_msec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  msec;

    msec = ngx_parse_time(value, 0);

    if (msec == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a time such as 5s, 500ms or 1h",
                           value, &param->name);
        return NGX_CONF_ERROR;
    }

    *(ngx_msec_t *) field = (ngx_msec_t) msec;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_sec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  sec;

    sec = value->len ? ngx_parse_time(value, 1) : NGX_ERROR;

    if (sec == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a time such as 10s, 5m or 1d", value,
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *(time_t *) field = sec;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a size above 0 such as 512k or 1m", value,
                           &param->name);
        return NGX_CONF_ERROR;
    }

    *(size_t *) field = size;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    if (gw_sample_parse(value->data, value->len, field) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a number from 0 to 1 such as 0.25, with at most "
                           "%d digits after the decimal point",
                           value, &param->name, GW_SAMPLE_DIGITS);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_enum(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    return ngx_http_gateway_enum(cf, (ngx_conf_enum_t *) param->post,
                                 &param->name, value, field);
}


char *
ngx_http_gateway_param_zone(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_zone_t *zone = field;

    u_char     *p;
    ssize_t     size;
    ngx_str_t   s;

    p = ngx_strlchr(value->data, value->data + value->len, ':');

    if (p == NULL || p == value->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a name and a size such as \"one:10m\"",
                           value, &param->name);
        return NGX_CONF_ERROR;
    }

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in parameter \"%V\", it must "
                           "be a size such as 512k or 10m", &s, &param->name);
        return NGX_CONF_ERROR;
    }

    if ((uintptr_t) size < param->post) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, it must have at least "
                           "%uzk", value, (size_t) param->post / 1024);
        return NGX_CONF_ERROR;
    }

    zone->name.data = value->data;
    zone->name.len = p - value->data;
    zone->size = size;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_http_gateway_zone_name(const ngx_str_t *name)
{
    size_t  i;
    u_char  c, lower;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];
        lower = c | 0x20;

        if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')
              || c == '_' || c == '-' || c == '.'))
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_http_gateway_set_str_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value, *field;

    field = (ngx_str_t *) ((char *) conf + cmd->offset);

    if (field->data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "empty value in \"%V\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_set_sec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    time_t     *field, sec;
    ngx_str_t  *value;

    field = (time_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    sec = value[1].len ? ngx_parse_time(&value[1], 1) : (time_t) NGX_ERROR;

    if (sec == (time_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a time "
                           "such as 10s, 5m or 1d", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = sec;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_set_size_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    size_t     *field;
    ssize_t     size;
    ngx_str_t  *value;

    field = (size_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a size "
                           "such as 512, 16k or 1m", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = (size_t) size;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_set_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_uint_t  *field;

    field = (ngx_uint_t *) ((char *) conf + cmd->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_gateway_enum(cf, cmd->post, &value[0], &value[1], field);
}


char *
ngx_http_gateway_set_bits_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t   *value;
    ngx_uint_t   i, bit, off, *field;

    field = (ngx_uint_t *) ((char *) conf + cmd->offset);

    if (*field) {
        return "is duplicate";
    }

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_gateway_enum(cf, cmd->post, &value[0], &value[i], &bit)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        *field |= bit;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_enum(ngx_conf_t *cf, ngx_conf_enum_t *allowed,
    const ngx_str_t *name, ngx_str_t *value, ngx_uint_t *field)
{
    u_char           *p, *last;
    u_char            buf[NGX_MAX_CONF_ERRSTR / 2];
    ngx_conf_enum_t  *e;

    for (e = allowed; e->name.len; e++) {
        if (e->name.len == value->len
            && ngx_strncmp(e->name.data, value->data, value->len) == 0)
        {
            *field = e->value;
            return NGX_CONF_OK;
        }
    }

    p = buf;
    last = buf + sizeof(buf);

    for (e = allowed; e->name.len; e++) {
        p = ngx_slprintf(p, last, "%s\"%V\"", e == allowed ? "" : ", ",
                         &e->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", allowed are %*s",
                       value, name, (size_t) (p - buf), buf);

    return NGX_CONF_ERROR;
}


char *
ngx_http_gateway_set_str_list_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t    *value, *s;
    ngx_uint_t    i;
    ngx_array_t **a;

    a = (ngx_array_t **) ((char *) conf + cmd->offset);

    if (*a == NULL) {
        *a = ngx_array_create(cf->pool, cf->args->nelts - 1,
                              sizeof(ngx_str_t));
        if (*a == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "empty value in \"%V\"", &value[0]);
            return NGX_CONF_ERROR;
        }

        ngx_http_gateway_warn_literal(cf, &value[i], "taken literally");

        s = ngx_array_push(*a);
        if (s == NULL) {
            return NGX_CONF_ERROR;
        }

        *s = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_off(ngx_conf_t *cf, ngx_uint_t *off)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    *off = 0;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        *off |= (ngx_strcmp(value[i].data, "off") == 0);
    }

    if (*off && cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"off\" takes no other parameters in \"%V\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_param_off_conflicts(ngx_conf_t *cf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V off\" conflicts with another \"%V\" at the same "
                       "level", &value[0], &value[0]);

    return NGX_CONF_ERROR;
}


ngx_http_complex_value_t *
ngx_http_gateway_complex_value(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    cv = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cv == NULL || ngx_http_gateway_reads(cf, value) != NGX_OK) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? cv : NULL;
}


void
ngx_http_gateway_warn_literal(ngx_conf_t *cf, ngx_str_t *value,
    const char *meaning)
{
    u_char      *p, *last;
    ngx_str_t   *directive;
    const char  *what;

    last = value->data + value->len;
    what = ngx_strlchr(value->data, last, '*') ? "patterns" : NULL;

    for (p = value->data; p + 1 < last; p++) {
        if (*p == '$' && (p[1] == '_' || p[1] == '{'
                          || (p[1] >= 'a' && p[1] <= 'z')
                          || (p[1] >= 'A' && p[1] <= 'Z')))
        {
            what = "variables";
        }
    }

    if (what) {
        directive = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "%s are not supported in \"%V\", \"%V\" is %s",
                           what, directive, value, meaning);
    }
}
