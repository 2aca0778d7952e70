/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_admin: the state of a key, to look at and to change.
 *
 *   GET /limits?zone=api&key=acme
 *   POST /limits  {"zone": "api", "key": "acme", "reset": true}
 *   POST /limits  {"zone": "api", "key": "acme", "set": 100}
 */

#include "ngx_http_gateway_limit_admin.h"


#define NGX_HTTP_GATEWAY_LIMIT_BODY  4096   /* bytes */


static void *ngx_http_gateway_limit_admin_find(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_admin_get(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_admin_arg(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_limit_admin_post(ngx_http_request_t *r,
    json_t *body);
static const char *ngx_http_gateway_limit_admin_parse(json_t *body,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_text(json_t *value, ngx_str_t *s);


static const ngx_http_gateway_admin_kind_t  ngx_http_gateway_limit_admin_kind =
{
    .directive = "gateway_limit_admin",
    .declares = "gateway_limit_zone",
    .body = NGX_HTTP_GATEWAY_LIMIT_BODY,
    .find = ngx_http_gateway_limit_admin_find,
    .handler = ngx_http_gateway_limit_admin_handler,
    .get = ngx_http_gateway_limit_admin_get,
    .post = ngx_http_gateway_limit_admin_post
};


/* configuration */

char *
ngx_http_gateway_limit_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    return ngx_http_gateway_admin_set(cf, &ngx_http_gateway_limit_admin_kind,
                                      &llcf->admin);
}


char *
ngx_http_gateway_limit_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    return ngx_http_gateway_admin_merge(cf, &ngx_http_gateway_limit_admin_kind,
                                        prev->admin, &conf->admin);
}


static void *
ngx_http_gateway_limit_admin_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    lmcf->used = 1;

    return ngx_http_gateway_limit_find(lmcf, name);
}


/* requests */

static ngx_int_t
ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    return ngx_http_gateway_admin_handler(r, &ngx_http_gateway_limit_admin_kind,
                                          llcf->admin);
}


static ngx_int_t
ngx_http_gateway_limit_admin_get(ngx_http_request_t *r)
{
    ngx_str_t                        value;
    ngx_uint_t                       i;
    const ngx_str_t                 *name;
    ngx_http_gateway_limit_query_t  *query;

    static const ngx_str_t  zone = ngx_string("zone");
    static const ngx_str_t  key = ngx_string("key");

    query = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_query_t));
    if (query == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    query->mode = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_LOOK;

    /* other arguments may belong to other modules, such as an API key */

    if (ngx_http_arg(r, (u_char *) "reset", 5, &value) == NGX_OK
        || ngx_http_arg(r, (u_char *) "set", 3, &value) == NGX_OK)
    {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                                      "to set or reset a key use POST", NULL);
    }

    if (ngx_http_gateway_limit_admin_arg(r, &zone, &query->zone) != NGX_OK
        || ngx_http_gateway_limit_admin_arg(r, &key, &query->key) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_LIMIT_FIGURES; i++) {
        name = &ngx_http_gateway_limit_admin_figures[i].name;

        if (ngx_http_gateway_limit_admin_arg(r, name, &query->figures[i])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (query->zone.len == 0 || query->key.len == 0) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                              "the arguments zone and key are required", NULL);
    }

    return ngx_http_gateway_limit_admin_run(r, query);
}


/* a decoded argument; empty if it is missing */

static ngx_int_t
ngx_http_gateway_limit_admin_arg(ngx_http_request_t *r, const ngx_str_t *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   raw;

    ngx_str_null(value);

    if (ngx_http_arg(r, name->data, name->len, &raw) != NGX_OK
        || raw.len == 0)
    {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, raw.len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = raw.data;

    ngx_unescape_uri(&dst, &src, raw.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_admin_post(ngx_http_request_t *r, json_t *body)
{
    const char                      *err;
    ngx_http_gateway_limit_query_t  *query;

    query = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_query_t));
    if (query == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    err = ngx_http_gateway_limit_admin_parse(body, query);

    if (err) {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST, err,
                                             NULL);
    }

    return ngx_http_gateway_limit_admin_run(r, query);
}


/* NULL, or what is wrong */

static const char *
ngx_http_gateway_limit_admin_parse(json_t *body,
    ngx_http_gateway_limit_query_t *query)
{
    size_t       members;
    json_t      *zone, *key, *reset, *set, *figure;
    ngx_uint_t   i;

    zone = json_object_get(body, "zone");
    key = json_object_get(body, "key");
    reset = json_object_get(body, "reset");
    set = json_object_get(body, "set");

    if (!json_is_string(zone) || !json_is_string(key)
        || json_string_length(zone) == 0 || json_string_length(key) == 0)
    {
        return "\"zone\" and \"key\" must be non-empty strings";
    }

    members = 3;

    for (i = 0; i < NGX_HTTP_GATEWAY_LIMIT_FIGURES; i++) {
        figure = json_object_get(body, (char *)
                          ngx_http_gateway_limit_admin_figures[i].name.data);
        if (figure == NULL) {
            continue;
        }

        if (!json_is_string(figure) || json_string_length(figure) == 0) {
            return "\"rate\", \"quota\" and \"burst\" must be strings as in "
                   "the configuration";
        }

        ngx_http_gateway_limit_admin_text(figure, &query->figures[i]);
        members++;
    }

    if ((reset == NULL) == (set == NULL) || json_object_size(body) != members)
    {
        return "either \"reset\" or \"set\" is required with \"zone\" and "
               "\"key\", no other members but \"rate\", \"quota\" and "
               "\"burst\" are allowed";
    }

    if (reset && !json_is_true(reset)) {
        return "\"reset\" must be true";
    }

    if (set && (!json_is_integer(set) || json_integer_value(set) < 0
                || json_integer_value(set) > (json_int_t) GW_FIGURE_MAX))
    {
        return "\"set\" must be the number of units used, from 0 to "
               "1000000000000";
    }

    query->mode = reset ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_FORGET
                        : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_SET;
    query->units = set ? json_integer_value(set) : 0;

    ngx_http_gateway_limit_admin_text(zone, &query->zone);
    ngx_http_gateway_limit_admin_text(key, &query->key);

    return NULL;
}


/* the text of a JSON string, which lives as long as the request */

static void
ngx_http_gateway_limit_admin_text(json_t *value, ngx_str_t *s)
{
    s->len = json_string_length(value);
    s->data = (u_char *) json_string_value(value);
}
