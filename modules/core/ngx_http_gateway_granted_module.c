/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Granting: in PRECONTENT, after all methods and rules have decided.
 *
 * If one method refused the request and another one granted it, the refusal is
 * dropped: it must not be added to a 401 of the upstream, nor be the reason of
 * what ends the request later.  The handler runs after the access rules, which
 * need the challenges of optional methods, and before all other handlers of the
 * phase, which can end it: nginx runs handlers in the reverse order of modules
 * (see config).
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_granted_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_granted_init(ngx_conf_t *cf);


ngx_http_gateway_bare_module(ngx_http_gateway_granted_module,
                             ngx_http_gateway_granted_init);


static ngx_int_t
ngx_http_gateway_granted_handler(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    gr = ngx_http_gateway_request(r);

    if (gr != NULL && (gr->refusals != NULL || gr->would != GW_OK)) {
        ngx_http_gateway_refusals_granted(r, gr);
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_granted_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (!gmcf->refuses) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_granted_handler;

    return NGX_OK;
}
