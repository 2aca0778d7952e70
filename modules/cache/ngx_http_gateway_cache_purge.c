/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Purges by URL, and the text of a URL that they compare.
 *
 * The text of an entry contains only the parts of the URL that are in its key.
 * A purge by URL searches for each form that the locations of the zone use;
 * most zones have one form.  A text without query, for a key with only some
 * arguments or none, ends in "#", which no request URL contains.
 */

#include "ngx_http_gateway_cache_run.h"


ngx_uint_t
ngx_http_gateway_cache_form(const ngx_array_t *key)
{
    ngx_uint_t                            i, form;
    const ngx_http_gateway_cache_part_t  *part;

    form = 0;
    part = key->elts;

    for (i = 0; i < key->nelts; i++) {

        switch (part[i].kind) {

        case NGX_HTTP_GATEWAY_CACHE_SCHEME:
            form |= NGX_HTTP_GATEWAY_CACHE_FORM_SCHEME;
            break;

        case NGX_HTTP_GATEWAY_CACHE_HOST:
            form |= NGX_HTTP_GATEWAY_CACHE_FORM_HOST;
            break;

        case NGX_HTTP_GATEWAY_CACHE_ARGS:

            if (part[i].args.kind == GW_CACHE_ARGS_ALL) {
                form |= NGX_HTTP_GATEWAY_CACHE_FORM_ARGS;
            }

            break;

        default:
            break;
        }
    }

    return form;
}


ngx_int_t
ngx_http_gateway_cache_url(ngx_pool_t *pool, ngx_uint_t form,
    const gw_cache_target_t *target, ngx_str_t *url, size_t *path)
{
    u_char  *p, *args;
    size_t   len;

    p = ngx_pnalloc(pool, target->scheme.len + target->host.len
                          + target->uri.len + sizeof("://#"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    if (form & NGX_HTTP_GATEWAY_CACHE_FORM_SCHEME) {
        p = ngx_cpymem(p, target->scheme.data, target->scheme.len);
    }

    p = ngx_cpymem(p, "://", 3);

    if (form & NGX_HTTP_GATEWAY_CACHE_FORM_HOST) {
        ngx_strlow(p, (u_char *) target->host.data, target->host.len);
        p += target->host.len;
    }

    args = ngx_strlchr((u_char *) target->uri.data,
                       (u_char *) target->uri.data + target->uri.len, '?');

    len = args ? (size_t) (args - target->uri.data) : target->uri.len;

    *path = p + len - url->data;

    if (form & NGX_HTTP_GATEWAY_CACHE_FORM_ARGS) {
        p = ngx_cpymem(p, target->uri.data, target->uri.len);

    } else {
        p = ngx_cpymem(p, target->uri.data, len);
        *p++ = '#';
    }

    url->len = p - url->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_cache_purge_url(ngx_pool_t *pool,
    ngx_http_gateway_cache_zone_t *zone, gw_cache_by_e by,
    const gw_cache_target_t *target, ngx_uint_t soft, ngx_uint_t *n)
{
    size_t      path;
    ngx_str_t   url;
    ngx_uint_t  form, last;

    last = 0;

    for (form = 0; form < NGX_HTTP_GATEWAY_CACHE_FORMS; form++) {

        if (!(zone->forms & (1U << form))) {
            continue;
        }

        if (ngx_http_gateway_cache_url(pool, form, target, &url, &path)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (by != GW_CACHE_BY_URL) {

            /* without the query, forms with and without arguments are equal */

            if (last & (1U << (form & ~NGX_HTTP_GATEWAY_CACHE_FORM_ARGS))) {
                continue;
            }

            last |= 1U << (form & ~NGX_HTTP_GATEWAY_CACHE_FORM_ARGS);
            url.len = path;
        }

        *n += ngx_http_gateway_cache_zone_purge(zone, by, &url, soft);
    }

    return NGX_OK;
}
