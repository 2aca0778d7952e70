/* SPDX-License-Identifier: BSD-2-Clause */

/* gateway_log_format: the block, and formats that are a preset alone */

#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_block.h"


static ngx_http_gateway_log_format_t *ngx_http_gateway_log_format_create(
    ngx_conf_t *cf, ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *name);
static ngx_http_gateway_log_format_t *ngx_http_gateway_log_format_find(
    ngx_http_gateway_log_main_conf_t *lmcf, const ngx_str_t *name);
static char *ngx_http_gateway_log_format_header(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_log_format_redact(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_log_format_mask(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);


static ngx_conf_enum_t  ngx_http_gateway_log_presets[] = {
    { ngx_string("native"), NGX_HTTP_GATEWAY_LOG_NATIVE },
    { ngx_string("ecs"), NGX_HTTP_GATEWAY_LOG_ECS },
    { ngx_string("otel"), NGX_HTTP_GATEWAY_LOG_OTEL },
    { ngx_string("gcp"), NGX_HTTP_GATEWAY_LOG_GCP },
    { ngx_string("none"), NGX_HTTP_GATEWAY_LOG_NONE },
    { ngx_null_string, 0 }
};


static const ngx_http_gateway_param_t  ngx_http_gateway_log_format_params[] = {
    { ngx_string("preset="), ngx_http_gateway_param_enum,
      offsetof(ngx_http_gateway_log_format_t, preset),
      (uintptr_t) ngx_http_gateway_log_presets },
    { ngx_string("project="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_log_format_t, project), 0 },
    ngx_http_gateway_null_param
};


static ngx_command_t  ngx_http_gateway_log_format_directives[] = {

    { ngx_string("field"), NGX_CONF_TAKE23,
      ngx_http_gateway_log_field_directive, 0, 0, NULL },

    { ngx_string("header"), NGX_CONF_2MORE, ngx_http_gateway_log_format_header,
      0, 0, NULL },

    { ngx_string("redact"), NGX_CONF_2MORE, ngx_http_gateway_log_format_redact,
      0, 0, NULL },

    { ngx_string("mask"), NGX_CONF_TAKE123, ngx_http_gateway_log_format_mask,
      0, 0, NULL },

      ngx_null_command
};


/* headers that are never logged */

static ngx_str_t  ngx_http_gateway_log_hidden_headers[] = {
    ngx_string("authorization"),
    ngx_string("cookie"),
    ngx_string("set-cookie"),
    ngx_string("proxy-authorization"),
    ngx_string("x-api-key"),
    ngx_null_string
};


/* NGX_DECLINED after an [emerg]: the name is not allowed */

static ngx_int_t
ngx_http_gateway_log_format_check_name(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_NONE; i++) {
        if (ngx_http_gateway_same(name,
                                  &ngx_http_gateway_log_presets[i].name))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway_log_format \"%V\" is a preset, which "
                               "needs no declaration", name);
            return NGX_DECLINED;
        }
    }

    /* names that cannot be used in "gateway_log" */

    if (name->len == 0 || ngx_strcmp(name->data, "off") == 0
        || ngx_strlchr(name->data, name->data + name->len, '='))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"gateway_log_format\", it "
                           "must not be empty, \"off\" or contain \"=\"",
                           name);
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_log_format_find(lmcf, name) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate gateway_log_format \"%V\"", name);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


char *
ngx_http_gateway_log_format_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_main_conf_t *lmcf = conf;

    ngx_str_t                      *value;
    ngx_http_gateway_block_t        block;
    ngx_http_gateway_log_format_t  *format;

    value = cf->args->elts;

    if (ngx_http_gateway_log_format_check_name(cf, lmcf, &value[1]) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    format = ngx_http_gateway_log_format_create(cf, lmcf, &value[1]);
    if (format == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_log_format_params, format,
                                2)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (format->project.len && format->preset != NGX_HTTP_GATEWAY_LOG_GCP) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"project=\" requires \"preset=gcp\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_block(cf, &block,
                               ngx_http_gateway_log_format_directives, format)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (format->preset == NGX_HTTP_GATEWAY_LOG_NONE
        && format->fields.nelts == 0 && format->request.nelts == 0
        && format->response.nelts == 0)
    {
        return ngx_http_gateway_block_refuse(cf, &block,
                                   "with \"preset=none\" has no \"field\" and "
                                   "no \"header\"");
    }

    return NGX_CONF_OK;
}


ngx_http_gateway_log_format_t *
ngx_http_gateway_log_format(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_gateway_log_format_t  *format;

    format = ngx_http_gateway_log_format_find(lmcf, name);

    if (format != NULL) {
        return format;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_NONE; i++) {

        if (!ngx_http_gateway_same(name,
                                   &ngx_http_gateway_log_presets[i].name))
        {
            continue;
        }

        format = ngx_http_gateway_log_format_create(cf, lmcf, name);

        if (format != NULL) {
            format->preset = ngx_http_gateway_log_presets[i].value;
        }

        return format;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown gateway_log_format \"%V\", it must be declared "
                       "before, or be native, ecs, otel or gcp", name);
    return NULL;
}


static ngx_http_gateway_log_format_t *
ngx_http_gateway_log_format_find(ngx_http_gateway_log_main_conf_t *lmcf,
    const ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_gateway_log_format_t  **format;

    format = lmcf->formats.elts;

    for (i = 0; i < lmcf->formats.nelts; i++) {
        if (ngx_http_gateway_same(&format[i]->name, name)) {
            return format[i];
        }
    }

    return NULL;
}


/* adds the name of a parameter, which has less than GW_LOG_SECRET bytes */

static ngx_int_t
ngx_http_gateway_log_format_secret(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, const ngx_str_t *name)
{
    u_char     *p;
    gw_text_t  *secret, text;

    secret = ngx_array_push(&format->names);
    p = ngx_pnalloc(cf->pool, name->len);

    if (secret == NULL || p == NULL) {
        return NGX_ERROR;
    }

    text.data = name->data;
    text.len = name->len;
    gw_log_secret_normalize(p, &text);

    secret->data = p;
    secret->len = name->len;

    format->secrets.names = format->names.elts;
    format->secrets.n = format->names.nelts;
    format->secrets.lengths |= (uint64_t) 1 << name->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_format_hide(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, ngx_str_t *name)
{
    ngx_str_t  *hidden;

    hidden = ngx_array_push(&format->hidden);
    if (hidden == NULL) {
        return NGX_ERROR;
    }

    hidden->len = name->len;
    hidden->data = ngx_pnalloc(cf->pool, name->len);
    if (hidden->data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_header_normalize(hidden->data, name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_log_format_arrays(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format)
{
    if (ngx_array_init(&format->fields, cf->pool, 4,
                       sizeof(ngx_http_gateway_log_field_t))
        != NGX_OK
        || ngx_array_init(&format->request, cf->pool, 4,
                          sizeof(ngx_http_gateway_log_header_t))
           != NGX_OK
        || ngx_array_init(&format->response, cf->pool, 4,
                          sizeof(ngx_http_gateway_log_header_t))
           != NGX_OK
        || ngx_array_init(&format->hidden, cf->pool, 8, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_array_init(&format->names, cf->pool, 16, sizeof(gw_text_t));
}


static ngx_http_gateway_log_format_t *
ngx_http_gateway_log_format_create(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *name)
{
    ngx_str_t                       s, *hidden;
    ngx_uint_t                      i;
    ngx_http_gateway_log_format_t  *format, **place;

    place = ngx_array_push(&lmcf->formats);
    if (place == NULL) {
        return NULL;
    }

    format = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_format_t));
    if (format == NULL) {
        return NULL;
    }

    *place = format;
    format->name = *name;
    ngx_http_gateway_place(cf, &format->place);

    if (ngx_http_gateway_log_format_arrays(cf, format) != NGX_OK) {
        return NULL;
    }

    for (hidden = ngx_http_gateway_log_hidden_headers; hidden->len; hidden++) {
        if (ngx_http_gateway_log_format_hide(cf, format, hidden) != NGX_OK) {
            return NULL;
        }
    }

    for (i = 0; gw_log_secrets[i].len; i++) {
        s.data = (u_char *) gw_log_secrets[i].data;
        s.len = gw_log_secrets[i].len;

        if (ngx_http_gateway_log_format_secret(cf, format, &s) != NGX_OK) {
            return NULL;
        }
    }

    return format;
}


ngx_uint_t
ngx_http_gateway_log_hidden(const ngx_http_gateway_log_format_t *format,
    const ngx_str_t *name)
{
    ngx_str_t        *hidden;
    ngx_uint_t        i;
    ngx_table_elt_t   line;

    hidden = format->hidden.elts;
    line.key = *name;

    for (i = 0; i < format->hidden.nelts; i++) {
        if (ngx_http_gateway_header_is(&line, &hidden[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_log_format_credential(ngx_conf_t *cf,
    ngx_http_gateway_log_format_t *format, ngx_http_gateway_source_t *source)
{
    switch (source->kind) {

    case NGX_HTTP_GATEWAY_HEADER:
        return ngx_http_gateway_log_format_hide(cf, format, &source->name);

    case NGX_HTTP_GATEWAY_COOKIE:
    case NGX_HTTP_GATEWAY_ARGUMENT:

        if (source->name.len < GW_LOG_SECRET) {
            return ngx_http_gateway_log_format_secret(cf, format,
                                                      &source->name);
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "the credential \"%V\" has a name that gateway_log "
                      "cannot redact, at most %d bytes are allowed",
                      &source->name, GW_LOG_SECRET - 1);
        return NGX_ERROR;

    default:
        return NGX_OK;
    }
}


ngx_http_gateway_log_header_t *
ngx_http_gateway_log_header_named(const ngx_array_t *headers,
    const ngx_str_t *name)
{
    ngx_uint_t                      i;
    ngx_http_gateway_log_header_t  *header;

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        if (!header[i].prefix
            && ngx_http_gateway_same(&header[i].name, name))
        {
            return &header[i];
        }
    }

    return NULL;
}


/* RFC 9110, 5.6.2: a token, but without "*", which marks a prefix */

static ngx_uint_t
ngx_http_gateway_log_format_field_name(const ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            && (c == '\0' || ngx_strchr("!#$%&'+-.^_`|~", c) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* adds a name or a prefix; a name that was added before is ignored */

static char *
ngx_http_gateway_log_format_name(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *value)
{
    ngx_str_t                       name, normal;
    ngx_uint_t                      prefix;
    ngx_http_gateway_log_header_t  *header;

    name = *value;
    prefix = (name.len > 0 && name.data[name.len - 1] == '*');
    name.len -= prefix;

    if (name.len == 0 || name.len > 100
        || !ngx_http_gateway_log_format_field_name(&name))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"header\", it must be "
                           "the name of a header or a prefix such as "
                           "\"x-*\"", value);
        return NGX_CONF_ERROR;
    }

    normal.len = name.len;
    normal.data = ngx_pnalloc(cf->pool, name.len);
    if (normal.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_header_normalize(normal.data, &name);

    if (!prefix && ngx_http_gateway_log_header_named(headers, &normal)) {
        return NGX_CONF_OK;
    }

    header = ngx_array_push(headers);
    if (header == NULL) {
        return NGX_CONF_ERROR;
    }

    header->name = normal;
    header->prefix = prefix;
    header->taken = 0;
    ngx_http_gateway_place(cf, &header->place);

    return NGX_CONF_OK;
}


/* header request | response name ... */

static char *
ngx_http_gateway_log_format_header(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_format_t *format = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    ngx_array_t  *headers;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "request") == 0) {
        headers = &format->request;

    } else if (ngx_strcmp(value[1].data, "response") == 0) {
        headers = &format->response;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"header\", it must be "
                           "request or response", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_gateway_log_format_name(cf, headers, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* redact header | query name ... */

static char *
ngx_http_gateway_log_format_redact(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_format_t *format = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i, query;

    value = cf->args->elts;
    query = (ngx_strcmp(value[1].data, "query") == 0);

    if (!query && ngx_strcmp(value[1].data, "header") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"redact\", it must be "
                           "header or query", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || value[i].len >= GW_LOG_SECRET
            || gw_log_secret_valid(value[i].data, value[i].len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\" in \"redact\", it must "
                               "consist of 1 to %d letters, digits, - and _",
                               &value[i], GW_LOG_SECRET - 1);
            return NGX_CONF_ERROR;
        }

        rc = query ? ngx_http_gateway_log_format_secret(cf, format, &value[i])
                   : ngx_http_gateway_log_format_hide(cf, format, &value[i]);

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_log_format_bits(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || (ngx_uint_t) n > param->post) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be a number from 0 to %ui", value, &param->name,
                           (ngx_uint_t) param->post);
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) field = n;

    return NGX_CONF_OK;
}


/* mask client_ip [v4=24] [v6=48] */

static char *
ngx_http_gateway_log_format_mask(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_log_format_t *format = conf;

    ngx_str_t  *value;

    static const ngx_http_gateway_param_t  params[] = {
        { ngx_string("v4="), ngx_http_gateway_log_format_bits,
          offsetof(ngx_http_gateway_log_format_t, v4), 32 },
        { ngx_string("v6="), ngx_http_gateway_log_format_bits,
          offsetof(ngx_http_gateway_log_format_t, v6), 128 },
        ngx_http_gateway_null_param
    };

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "client_ip") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"mask\", it must be "
                           "client_ip", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (format->preset == NGX_HTTP_GATEWAY_LOG_NONE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mask client_ip\" has no effect with "
                           "\"preset=none\", a \"field\" is written as "
                           "configured");
        return NGX_CONF_ERROR;
    }

    if (format->masked) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"mask client_ip\" is duplicate");
        return NGX_CONF_ERROR;
    }

    format->masked = 1;
    format->v4 = 24;
    format->v6 = 48;

    return ngx_http_gateway_params(cf, params, format, 2);
}
