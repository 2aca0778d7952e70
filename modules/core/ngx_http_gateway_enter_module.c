/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Entering a location: the first gateway handler in PRECONTENT.
 *
 * If another access module has granted access before the methods of the
 * location were called, the identity of an earlier location of the request is
 * dropped.  All later handlers of the phase rely on this.  The handler needs a
 * module of its own, since nginx runs handlers in the reverse order of modules
 * (see config).
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_enter_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_enter_init(ngx_conf_t *cf);


ngx_http_gateway_bare_module(ngx_http_gateway_enter_module,
                             ngx_http_gateway_enter_init);


static ngx_int_t
ngx_http_gateway_enter_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t   *gr;
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_module);

    if (!glcf->authenticates || r != r->main) {
        return NGX_DECLINED;
    }

    gr = ngx_http_gateway_request(r);

    if (gr != NULL) {
        ngx_http_gateway_identity_enter(r, gr);
    }

    return NGX_DECLINED;
}


/* without a method of authentication there is no identity */

static ngx_int_t
ngx_http_gateway_enter_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (!gmcf->authenticates) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_enter_handler;

    return NGX_OK;
}
