/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The search of ngx_http_core_find_location(), which needs a request.  The
 * results are the same too: NGX_OK for an exact location or a regular
 * expression, NGX_AGAIN for a prefix, NGX_DONE for a redirect, NGX_DECLINED and
 * NGX_ERROR.
 */

#include "ngx_http_gateway_location.h"


static ngx_int_t ngx_http_gateway_location_search(
    ngx_http_core_loc_conf_t **clcf, const ngx_str_t *uri);
static ngx_int_t ngx_http_gateway_location_static(
    ngx_http_core_loc_conf_t **clcf, const ngx_str_t *uri);
#if (NGX_PCRE)
static ngx_int_t ngx_http_gateway_location_regex(
    ngx_http_core_loc_conf_t **clcf, ngx_http_core_loc_conf_t **regex,
    const ngx_str_t *uri);
#endif


ngx_http_core_loc_conf_t *
ngx_http_gateway_location_find(const ngx_http_core_srv_conf_t *cscf,
    const ngx_str_t *uri)
{
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *clcf, *server;

    server = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];
    clcf = server;

    rc = ngx_http_gateway_location_search(&clcf, uri);

    return (rc == NGX_DONE || rc == NGX_ERROR || clcf == server) ? NULL : clcf;
}


/* searches the locations in "*clcf", and sets it if one is found */

static ngx_int_t
ngx_http_gateway_location_search(ngx_http_core_loc_conf_t **clcf,
    const ngx_str_t *uri)
{
    ngx_int_t                   rc;
#if (NGX_PCRE)
    ngx_uint_t                  noregex;
    ngx_http_core_loc_conf_t  **regex;

    noregex = 0;
    regex = (*clcf)->regex_locations;
#endif

    rc = ngx_http_gateway_location_static(clcf, uri);

    if (rc == NGX_AGAIN) {

#if (NGX_PCRE)
        noregex = (*clcf)->noregex;
#endif

        /* nested locations; if there are none, the prefix remains */

        rc = ngx_http_gateway_location_search(clcf, uri);
    }

#if (NGX_PCRE)

    if (rc != NGX_OK && rc != NGX_DONE && rc != NGX_ERROR
        && regex && !noregex)
    {
        return ngx_http_gateway_location_regex(clcf, regex, uri);
    }

#endif

    return rc;
}


/*
 * The tree contains the rest of the names: those that share a prefix are in the
 * tree of the node with this prefix.
 */

static ngx_int_t
ngx_http_gateway_location_static(ngx_http_core_loc_conf_t **clcf,
    const ngx_str_t *uri)
{
    u_char                         *p;
    size_t                          len, n;
    ngx_int_t                       rc, found;
    ngx_http_location_tree_node_t  *node;

    p = uri->data;
    len = uri->len;

    node = (*clcf)->static_locations;
    found = NGX_DECLINED;

    while (node) {

        n = ngx_min(len, (size_t) node->len);

        rc = ngx_filename_cmp(p, node->name, n);

        if (rc != 0) {
            node = (rc < 0) ? node->left : node->right;

        } else if (len > n && node->inclusive) {
            *clcf = node->inclusive;
            found = NGX_AGAIN;

            node = node->tree;
            p += n;
            len -= n;

        } else if (len > n) {
            node = node->right;

        } else if (len == (size_t) node->len) {
            *clcf = node->exact ? node->exact : node->inclusive;

            return node->exact ? NGX_OK : NGX_AGAIN;

        } else {

            if (len + 1 == (size_t) node->len && node->auto_redirect) {
                *clcf = node->exact ? node->exact : node->inclusive;
                found = NGX_DONE;
            }

            node = node->left;
        }
    }

    return found;
}


#if (NGX_PCRE)

static ngx_int_t
ngx_http_gateway_location_regex(ngx_http_core_loc_conf_t **clcf,
    ngx_http_core_loc_conf_t **regex, const ngx_str_t *uri)
{
    ngx_int_t  n, rc;
    ngx_str_t  text;

    text = *uri;

    for ( /* void */ ; *regex; regex++) {

        n = ngx_regex_exec((*regex)->regex->regex, &text, NULL, 0);

        if (n == NGX_REGEX_NO_MATCHED) {
            continue;
        }

        if (n < 0) {
            return NGX_ERROR;
        }

        *clcf = *regex;

        rc = ngx_http_gateway_location_search(clcf, uri);

        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
    }

    return NGX_DECLINED;
}

#endif
