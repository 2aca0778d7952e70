/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Figures of limits: how they are written, and their values for a request.
 */

#include "ngx_http_gateway_limit.h"


static ngx_uint_t ngx_http_gateway_limit_reads(const ngx_str_t *text,
    const ngx_str_t *names);


char *
ngx_http_gateway_limit_param_figure(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_limit_figure_t *figure = field;

    u_char     *p;
    ngx_str_t   literal, variable;

    figure->text = *value;
    figure->kind = param->post;

    literal = *value;

    if (ngx_strlchr(value->data, value->data + value->len, '$')) {

        for (p = value->data + value->len; p > value->data; p--) {
            if (p[-1] == '|') {
                break;
            }
        }

        if (p == value->data) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V%V\" requires a fallback value after "
                               "\"|\": %s", &param->name, value,
                               gw_figure_form(figure->kind));
            return NGX_CONF_ERROR;
        }

        literal.data = p;
        literal.len = value->data + value->len - p;

        variable.data = value->data;
        variable.len = p - 1 - value->data;

        figure->value = ngx_http_gateway_complex_value(cf, &variable);
        if (figure->value == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (gw_figure_parse(figure->kind, literal.data, literal.len,
                        &figure->figure)
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\", it must "
                           "be %s", &literal, &param->name,
                           gw_figure_form(figure->kind));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the fallback of a cost is 1 unless it has another one */

char *
ngx_http_gateway_limit_param_cost(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_http_gateway_limit_figure_t *figure = field;

    u_char     *p;
    ngx_str_t   full;

    full = *value;

    if (ngx_strlchr(value->data, value->data + value->len, '$')
        && ngx_strlchr(value->data, value->data + value->len, '|') == NULL)
    {
        figure->implied = 1;

        full.len = value->len + 2;
        full.data = ngx_pnalloc(cf->pool, full.len);
        if (full.data == NULL) {
            return NGX_CONF_ERROR;
        }

        p = ngx_cpymem(full.data, value->data, value->len);
        *p++ = '|';
        *p = '1';
    }

    return ngx_http_gateway_limit_param_figure(cf, param, &full, field);
}


ngx_uint_t
ngx_http_gateway_limit_identity(ngx_str_t *text)
{
    static const ngx_str_t  names[] = { ngx_string("gateway_"),
                                        ngx_null_string };

    return ngx_http_gateway_limit_reads(text, names);
}


ngx_uint_t
ngx_http_gateway_limit_client(ngx_str_t *text)
{
    static const ngx_str_t  names[] = { ngx_string("http_"),
                                        ngx_string("arg_"),
                                        ngx_string("cookie_"),
                                        ngx_null_string };

    return ngx_http_gateway_limit_reads(text, names);
}


/* whether a text contains a variable whose name begins with one of "names" */

static ngx_uint_t
ngx_http_gateway_limit_reads(const ngx_str_t *text, const ngx_str_t *names)
{
    u_char           *p, *last;
    const ngx_str_t  *name;

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        if (last - p > 1 && p[1] == '{') {
            p++;
        }

        for (name = names; name->len; name++) {

            /* names of variables are case-insensitive */

            if ((size_t) (last - p) > name->len
                && ngx_strncasecmp(p + 1, name->data, name->len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_limit_figure(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, gw_figure_t *value)
{
    ngx_str_t    text;
    gw_figure_t  parsed;

    if (figure->value == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, figure->value, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0) {
        return NGX_OK;
    }

    if (gw_figure_parse(figure->kind, text.data, text.len, &parsed) == 0) {
        *value = parsed;

    } else {
        ngx_http_gateway_limit_unusable(r, zone, figure, "it must be ",
                                        gw_figure_form(figure->kind));
    }

    return NGX_OK;
}


/* the value is not logged, since it may come from the client */

void
ngx_http_gateway_limit_unusable(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, const char *must,
    const char *why)
{
    ngx_log_t  log;

    if (!ngx_http_gateway_may_say(&zone->worker->said_unusable,
                                  NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    log = ngx_http_gateway_limit_log(r);

    ngx_log_error(NGX_LOG_WARN, &log, 0,
                  "gateway_limit_zone: zone \"%V\": the value of \"%V\" is "
                  "invalid, using %s: %s%s", &zone->name, &figure->text,
                  figure->reserve ? "the reserve"
                                  : "the fallback value after \"|\"",
                  must, why);
}


ngx_log_t
ngx_http_gateway_limit_log(ngx_http_request_t *r)
{
    ngx_log_t  log;

    log = *r->connection->log;
    log.handler = NULL;

    return log;
}
