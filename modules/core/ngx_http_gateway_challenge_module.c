/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The challenges of refusals (RFC 9110, 11.6.1), one line each.
 *
 * The filter runs below nginx's headers filter (see config) and thus sees lines
 * of add_header.  If an error page sets a challenge itself, no challenge of the
 * same scheme is added, since clients read only one of the two.
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_challenge_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_challenge_sent(ngx_list_part_t *part,
    const ngx_list_part_t *last, ngx_uint_t nelts, const ngx_str_t *challenge);
static ngx_uint_t ngx_http_gateway_challenge_names(const ngx_str_t *value,
    const u_char *scheme, size_t len);
static ngx_int_t ngx_http_gateway_challenge_init(ngx_conf_t *cf);


ngx_http_gateway_bare_module(ngx_http_gateway_challenge_module,
                             ngx_http_gateway_challenge_init);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/* only lines before ours are compared: two methods can share a scheme */

static ngx_int_t
ngx_http_gateway_challenge_filter(ngx_http_request_t *r)
{
    ngx_uint_t                   nelts;
    ngx_list_part_t             *last;
    ngx_http_gateway_refusal_t  *refusal;
    ngx_http_gateway_request_t  *gr;

    static const ngx_str_t  name = ngx_string("WWW-Authenticate");

    gr = (r == r->main) ? ngx_http_gateway_request(r) : NULL;

    if (gr == NULL) {
        return ngx_http_next_header_filter(r);
    }

    last = r->headers_out.headers.last;
    nelts = last->nelts;

    for (refusal = gr->refusals; refusal; refusal = refusal->next) {

        if (refusal->status != r->headers_out.status || refusal->offered
            || refusal->challenge.len == 0
            || ngx_http_gateway_challenge_sent(&r->headers_out.headers.part,
                                               last, nelts,
                                               &refusal->challenge))
        {
            continue;
        }

        if (ngx_http_gateway_header_respond(r, &name, &refusal->challenge)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/* whether a line before ours has a challenge of the same scheme */

static ngx_uint_t
ngx_http_gateway_challenge_sent(ngx_list_part_t *part,
    const ngx_list_part_t *last, ngx_uint_t nelts, const ngx_str_t *challenge)
{
    size_t            len;
    ngx_uint_t        i, n;
    ngx_table_elt_t  *h;

    for (len = 0; len < challenge->len && challenge->data[len] != ' '; len++) {
        /* void */
    }

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;
        n = (part == last) ? nelts : part->nelts;

        for (i = 0; i < n; i++) {
            if (h[i].hash && h[i].key.len == sizeof("WWW-Authenticate") - 1
                && ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "WWW-Authenticate",
                                   h[i].key.len)
                   == 0
                && ngx_http_gateway_challenge_names(&h[i].value,
                                                    challenge->data, len))
            {
                return 1;
            }
        }

        if (part == last) {
            break;
        }
    }

    return 0;
}


/* a line can contain several challenges; quoted strings are skipped */

static ngx_uint_t
ngx_http_gateway_challenge_names(const ngx_str_t *value, const u_char *scheme,
    size_t len)
{
    u_char      *p, *last;
    ngx_uint_t   begins, quoted;

    begins = 1;
    quoted = 0;
    last = value->data + value->len;

    for (p = value->data; p < last; p++) {

        if (quoted) {
            if (*p == '\\') {
                p++;

            } else if (*p == '"') {
                quoted = 0;
            }

            continue;
        }

        if (begins && (size_t) (last - p) >= len
            && ngx_strncasecmp(p, (u_char *) scheme, len) == 0
            && ((size_t) (last - p) == len || p[len] == ' ' || p[len] == ','))
        {
            return 1;
        }

        quoted = (*p == '"');
        begins = (*p == ',' || (begins && (*p == ' ' || *p == '\t')));
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_challenge_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (!gmcf->refuses) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_challenge_filter;

    return NGX_OK;
}
