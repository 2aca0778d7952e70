/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit_admin: the state of a key, to look at and to change.
 *
 *   GET /limits?zone=api&key=acme
 *   POST /limits  {"zone": "api", "key": "acme", "reset": true}
 *   POST /limits  {"zone": "api", "key": "acme", "set": 100}
 *
 * Who may ask is said by "from=", which this handler asks itself: whatever
 * else the location allows adds to it and takes nothing away.
 */

#include "ngx_http_gateway_limit_admin.h"


#define NGX_HTTP_GATEWAY_LIMIT_BODY  4096   /* bytes */


static ngx_int_t ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_admin_get(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query);
static ngx_int_t ngx_http_gateway_limit_admin_arg(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_gateway_limit_admin_post(ngx_http_request_t *r,
    json_t *body);
static const char *ngx_http_gateway_limit_admin_parse(json_t *body,
    ngx_http_gateway_limit_query_t *query);
static void ngx_http_gateway_limit_admin_text(json_t *value, ngx_str_t *s);


static const ngx_http_gateway_param_t  ngx_http_gateway_limit_admin_params[] = {

    { ngx_string("zone="),
      ngx_http_gateway_param_str_list,
      NGX_HTTP_GATEWAY_PARAM_MANY
      | offsetof(ngx_http_gateway_limit_admin_t, names),
      0 },

    ngx_http_gateway_from_param(ngx_http_gateway_limit_admin_t, from),

    ngx_http_gateway_null_param
};


static char  ngx_http_gateway_limit_admin_beside[] =
    "cannot stand beside another one that answers the location's requests, "
    "such as proxy_pass";


/* configuration */

char *
ngx_http_gateway_limit_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_gateway_limit_admin_t  *admin;

    if (llcf->admin) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return ngx_http_gateway_limit_admin_beside;
    }

    admin = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_limit_admin_t));

    if (admin == NULL
        || ngx_array_init(&admin->zones, cf->pool, 4,
                          sizeof(ngx_http_gateway_limit_zone_t *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &admin->where);

    if (ngx_http_gateway_params(cf, ngx_http_gateway_limit_admin_params, admin,
                                1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (admin->names.nelts == 0
        || !ngx_http_gateway_from_given(&admin->from))
    {
        return "must have \"zone=name\", and \"from=\" with the addresses "
               "that may ask";
    }

    llcf->admin = admin;

    clcf->handler = ngx_http_gateway_limit_admin_handler;

    return NGX_CONF_OK;
}


/* an "if" and a limit_except are the location itself, as with proxy_pass */

char *
ngx_http_gateway_limit_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_str_t                            *name;
    ngx_uint_t                            i;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_limit_admin_t       *admin;
    ngx_http_gateway_limit_zone_t       **zone;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->admin == NULL && (clcf->noname || clcf->lmt_excpt)) {
        conf->admin = prev->admin;

        if (conf->admin && clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_gateway_limit_admin_handler;
        }
    }

    admin = conf->admin;

    if (admin == NULL || admin->zones.nelts) {
        return NGX_CONF_OK;
    }

    if (clcf->handler != ngx_http_gateway_limit_admin_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_limit_admin\" directive %s in %V:%ui",
                      ngx_http_gateway_limit_admin_beside,
                      ngx_http_gateway_place_args(&admin->where));
        return NGX_CONF_ERROR;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    lmcf->used = 1;

    name = admin->names.elts;

    for (i = 0; i < admin->names.nelts; i++) {

        zone = ngx_array_push(&admin->zones);
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        *zone = ngx_http_gateway_limit_find(lmcf, &name[i]);

        if (*zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown zone \"%V\" in \"gateway_limit_admin\", "
                          "there is no \"gateway_limit_zone\" of this name in "
                          "%V:%ui", &name[i],
                          ngx_http_gateway_place_args(&admin->where));
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* requests */

static ngx_int_t
ngx_http_gateway_limit_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_gateway_limit_query_t     *query;
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    static ngx_str_t   allow = ngx_string("Allow");
    static const char  methods[] = "GET, HEAD, POST";

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    rc = ngx_http_gateway_from(r, llcf->admin ? &llcf->admin->from : NULL,
                               "gateway_limit_admin");
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_gateway_read_json(r, NGX_HTTP_GATEWAY_LIMIT_BODY,
                                          ngx_http_gateway_limit_admin_post);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        /* RFC 9110, 15.5.6 */

        if (ngx_http_gateway_limit_push(r, &allow, (u_char *) methods,
                                        sizeof(methods) - 1)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_gateway_send_problem(r, NGX_HTTP_NOT_ALLOWED,
                                    "only GET, HEAD and POST are known", NULL);
    }

    query = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_query_t));
    if (query == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_limit_admin_get(r, query);
}


static ngx_int_t
ngx_http_gateway_limit_admin_get(ngx_http_request_t *r,
    ngx_http_gateway_limit_query_t *query)
{
    ngx_str_t         value;
    ngx_uint_t        i;
    const ngx_str_t  *name;

    static const ngx_str_t  zone = ngx_string("zone");
    static const ngx_str_t  key = ngx_string("key");

    query->mode = NGX_HTTP_GATEWAY_LIMIT_SCRIPT_LOOK;

    /* others may be somebody else's, such as an API key */

    if (ngx_http_arg(r, (u_char *) "reset", 5, &value) == NGX_OK
        || ngx_http_arg(r, (u_char *) "set", 3, &value) == NGX_OK)
    {
        return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                                      "to set or reset a key is a POST", NULL);
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
                                "the arguments zone and key are needed", NULL);
    }

    return ngx_http_gateway_limit_admin_run(r, query);
}


/* an argument, decoded; empty where it is not there */

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
        return "\"zone\" and \"key\" must be strings that are not empty";
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
        return "there must be either \"reset\" or \"set\" beside \"zone\" and "
               "\"key\", and nothing else but \"rate\", \"quota\" and "
               "\"burst\"";
    }

    if (reset && !json_is_true(reset)) {
        return "\"reset\" must be true";
    }

    if (set && (!json_is_integer(set) || json_integer_value(set) < 0
                || json_integer_value(set) > (json_int_t) GW_FIGURE_MAX))
    {
        return "\"set\" must be the units that are used, a whole number from "
               "0 to 1000000000000";
    }

    query->mode = reset ? NGX_HTTP_GATEWAY_LIMIT_SCRIPT_FORGET
                        : NGX_HTTP_GATEWAY_LIMIT_SCRIPT_SET;
    query->units = set ? json_integer_value(set) : 0;

    ngx_http_gateway_limit_admin_text(zone, &query->zone);
    ngx_http_gateway_limit_admin_text(key, &query->key);

    return NULL;
}


/* the text of a string, which is as long-lived as the request */

static void
ngx_http_gateway_limit_admin_text(json_t *value, ngx_str_t *s)
{
    s->len = json_string_length(value);
    s->data = (u_char *) json_string_value(value);
}
