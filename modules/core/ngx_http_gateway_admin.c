/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_*_admin: what the administrative endpoints have in common.
 *
 * The handler itself checks "from=", so that no "allow" and no "satisfy any"
 * of the location can replace this check.
 */

#include "ngx_http_gateway_endpoint.h"


static char *ngx_http_gateway_admin_zones(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind,
    ngx_http_gateway_admin_t *admin);


static const ngx_http_gateway_param_t  ngx_http_gateway_admin_params[] = {

    { ngx_string("zone="),
      ngx_http_gateway_param_str_list,
      NGX_HTTP_GATEWAY_PARAM_MANY | offsetof(ngx_http_gateway_admin_t, names),
      0 },

    ngx_http_gateway_from_param(ngx_http_gateway_admin_t, from),

    ngx_http_gateway_null_param
};


static char  ngx_http_gateway_admin_conflict[] =
    "conflicts with another directive that handles the location's requests, "
    "such as proxy_pass";


char *
ngx_http_gateway_admin_set(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind,
    ngx_http_gateway_admin_t **conf)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_gateway_admin_t  *admin;

    if (*conf) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return ngx_http_gateway_admin_conflict;
    }

    admin = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_admin_t));

    if (admin == NULL
        || ngx_array_init(&admin->zones, cf->pool, 4, sizeof(void *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &admin->place);

    if (ngx_http_gateway_params(cf, ngx_http_gateway_admin_params, admin, 1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (admin->names.nelts == 0
        || !ngx_http_gateway_from_given(&admin->from))
    {
        return "requires \"zone=\", and \"from=\" with the client addresses "
               "to allow";
    }

    *conf = admin;
    clcf->handler = kind->handler;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind, ngx_http_gateway_admin_t *prev,
    ngx_http_gateway_admin_t **conf)
{
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_gateway_admin_t  *admin;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (*conf == NULL && (clcf->noname || clcf->lmt_excpt)) {
        *conf = prev;

        if (prev && clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = kind->handler;
        }
    }

    admin = *conf;

    if (admin == NULL) {
        return NGX_CONF_OK;
    }

    /* the body must fit into one buffer */

    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            kind->body);

    if (admin->zones.nelts) {
        return NGX_CONF_OK;
    }

    if (clcf->handler != kind->handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" directive %s in %V:%ui", kind->directive,
                      ngx_http_gateway_admin_conflict,
                      ngx_http_gateway_place_args(&admin->place));
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_warn_return(cf, kind->directive, &admin->place);

    return ngx_http_gateway_admin_zones(cf, kind, admin);
}


static char *
ngx_http_gateway_admin_zones(ngx_conf_t *cf,
    const ngx_http_gateway_admin_kind_t *kind,
    ngx_http_gateway_admin_t *admin)
{
    void       **zone;
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = admin->names.elts;

    for (i = 0; i < admin->names.nelts; i++) {

        zone = ngx_array_push(&admin->zones);
        if (zone == NULL) {
            return NGX_CONF_ERROR;
        }

        *zone = kind->find(cf, &name[i]);

        if (*zone == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown zone \"%V\" in \"%s\", there is no "
                          "\"%s\" of this name in %V:%ui", &name[i],
                          kind->directive, kind->declares,
                          ngx_http_gateway_place_args(&admin->place));
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_admin_handler(ngx_http_request_t *r,
    const ngx_http_gateway_admin_kind_t *kind,
    const ngx_http_gateway_admin_t *admin)
{
    ngx_int_t  rc;

    static const ngx_str_t  allow = ngx_string("Allow");
    static const ngx_str_t  methods = ngx_string("GET, HEAD, POST");

    rc = ngx_http_gateway_from(r, admin ? &admin->from : NULL,
                               kind->directive);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_gateway_read_json(r, kind->body, kind->post);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return kind->get(r);
    }

    /* RFC 9110, 15.5.6 */

    if (ngx_http_gateway_header_respond(r, &allow, &methods) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_send_problem(r, NGX_HTTP_NOT_ALLOWED,
                                      "the allowed methods are GET, HEAD and "
                                      "POST", NULL);
}
