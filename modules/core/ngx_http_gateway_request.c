/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The request's record: created for the main request when a module first needs
 * it, and found again from subrequests and after internal redirects.
 */

#include "ngx_http_gateway.h"


static void ngx_http_gateway_request_cleanup(void *data);


/* an internal redirect has zeroed the contexts, but not the pool */

ngx_http_gateway_request_t *
ngx_http_gateway_request_find(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_gateway_refusal_t  *refusal;
    ngx_http_gateway_request_t  *gr;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_gateway_request_cleanup) {
            gr = cln->data;

            /* the arguments may have changed */

            gr->hid_at = NULL;
            gr->redirected = 1;

            /* refusals of another location can no longer be granted */

            if (gr->lines) {
                ngx_http_gateway_lines_write(gr->lines);
            }

            for (refusal = gr->refusals; refusal; refusal = refusal->next) {
                refusal->location = NULL;
            }

            ngx_http_set_ctx(r, gr, ngx_http_gateway_module);
            return gr;
        }
    }

    return NULL;
}


ngx_http_gateway_request_t *
ngx_http_gateway_request_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    cln = ngx_pool_cleanup_add(r->pool, gmcf->record);
    if (cln == NULL) {
        return NULL;
    }

    /* not the identities, most of the record: set before they are read */

    gr = cln->data;
    ngx_memzero(gr, gmcf->identities);

    gr->identities = (void *) ((u_char *) gr + gmcf->identities);

    cln->handler = ngx_http_gateway_request_cleanup;

    ngx_http_set_ctx(r->main, gr, ngx_http_gateway_module);

    return gr;
}


/* identifies the record among the cleanups; there is nothing to clean up */

static void
ngx_http_gateway_request_cleanup(void *data)
{
    /* void */
}


void
ngx_http_gateway_variable_value(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    if (s->len == 0) {
        v->not_found = 1;
        return;
    }

    v->len = s->len;
    v->data = s->data;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
}
