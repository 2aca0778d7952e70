/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The identity headers that directives set: their lists, and a check that no
 * two directives set the same header in a location.
 */

#include "ngx_http_gateway.h"


static char *ngx_http_gateway_identity_header_set(ngx_conf_t *cf,
    const ngx_http_gateway_identity_header_t *header, const char *directive);


void *
ngx_http_gateway_identity_header(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *name)
{
    u_char                              *elt;
    ngx_str_t                           *directive;
    ngx_uint_t                           i;
    ngx_http_gateway_identity_header_t  *known, header;

    header.name = *name;

    if (ngx_http_gateway_header_reserve(cf, name, &header.normalized)
        != NGX_CONF_OK)
    {
        return NULL;
    }

    elt = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        known = (ngx_http_gateway_identity_header_t *) (elt
                                                        + i * headers->size);

        if (ngx_http_gateway_same(&known->normalized, &header.normalized)) {
            directive = cf->args->elts;

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate header \"%V\" in \"%V\"", name,
                               directive);
            return NULL;
        }
    }

    known = ngx_array_push(headers);
    if (known == NULL) {
        return NULL;
    }

    *known = header;

    return known;
}


char *
ngx_http_gateway_identity_headers(ngx_conf_t *cf, const ngx_array_t *headers,
    const char *directive)
{
    u_char                              *elt;
    ngx_uint_t                           i;
    ngx_http_gateway_identity_header_t  *header;

    if (headers == NULL) {
        return NGX_CONF_OK;
    }

    elt = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        header = (ngx_http_gateway_identity_header_t *) (elt
                                                         + i * headers->size);

        if (ngx_http_gateway_identity_header_set(cf, header, directive)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_identity_header_set(ngx_conf_t *cf,
    const ngx_http_gateway_identity_header_t *header, const char *directive)
{
    ngx_uint_t                      i;
    ngx_http_gateway_loc_conf_t    *glcf;
    ngx_http_gateway_set_header_t  *set;

    glcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_gateway_module);

    set = glcf->headers.elts;

    for (i = 0; i < glcf->headers.nelts; i++) {
        if (ngx_http_gateway_same(&set[i].normalized, &header->normalized)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "header \"%V\" is set by \"%s\" and by \"%s\", give "
                          "one of them another name, for the block in %V:%ui",
                          &header->name, set[i].directive, directive,
                          ngx_http_gateway_place_args(&glcf->place));
            return NGX_CONF_ERROR;
        }
    }

    set = ngx_array_push(&glcf->headers);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->normalized = header->normalized;
    set->directive = directive;

    return NGX_CONF_OK;
}
