/* SPDX-License-Identifier: BSD-2-Clause */

/* Removes credentials from what upstream servers receive and logs show. */

#include "ngx_http_gateway_source_private.h"


typedef ngx_int_t (*ngx_http_gateway_source_hide_pt)(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);


static ngx_int_t ngx_http_gateway_hide_bearer(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_header(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_cookie(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_argument(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);


/* other variables cannot be removed */

static const ngx_http_gateway_source_hide_pt  ngx_http_gateway_source_hiders[] =
{
    [NGX_HTTP_GATEWAY_BEARER] = ngx_http_gateway_hide_bearer,
    [NGX_HTTP_GATEWAY_HEADER] = ngx_http_gateway_hide_header,
    [NGX_HTTP_GATEWAY_COOKIE] = ngx_http_gateway_hide_cookie,
    [NGX_HTTP_GATEWAY_ARGUMENT] = ngx_http_gateway_hide_argument
};


/* marks a header that has become empty: no client can send this name */
static ngx_str_t  ngx_http_gateway_empty_line = ngx_null_string;


ngx_int_t
ngx_http_gateway_source_hide(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, gw_reason_e reason,
    const ngx_str_t *value)
{
    ngx_http_gateway_hidden_t   *hidden;
    ngx_http_gateway_request_t  *gr;

    if (reason == GW_MISSING || source->kind == NGX_HTTP_GATEWAY_VARIABLE) {
        return NGX_OK;
    }

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_ERROR;
    }

    hidden = ngx_palloc(r->pool, sizeof(ngx_http_gateway_hidden_t));
    if (hidden == NULL) {
        return NGX_ERROR;
    }

    hidden->source = source;
    hidden->reason = reason;
    hidden->value = *value;
    hidden->next = gr->hidden;
    gr->hidden = hidden;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway hide: \"%s%V\"",
                   ngx_http_gateway_source_texts[source->kind], &source->name);

    ngx_http_gateway_header_changed(r);

    return ngx_http_gateway_source_hiders[source->kind](r, source);
}


ngx_int_t
ngx_http_gateway_sources_hide(ngx_http_request_t *r,
    const ngx_array_t *sources, const ngx_http_gateway_shown_t *shown,
    ngx_uint_t kinds)
{
    ngx_uint_t                        i;
    const ngx_http_gateway_source_t  *source;

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        if ((kinds >> source[i].kind & 1)
            && ngx_http_gateway_source_hide(r, &source[i], shown->said[i],
                                            &shown->values[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_hide_bearer(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source)
{
    gw_text_t  token;

    if (ngx_http_gateway_bearer(r, &token) == GW_SOURCE_NONE) {
        return NGX_OK;
    }

    return ngx_http_gateway_header_remove(r, &ngx_http_gateway_authorization,
                                          1);
}


static ngx_int_t
ngx_http_gateway_hide_header(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source)
{
    ngx_str_t  name;

    name = source->name;

    return ngx_http_gateway_header_remove(r, &name, 1);
}


/*
 * Copies "list" without the pairs that have the name, in any spelling.  All
 * other bytes stay as they are.  The separator after each pair is removed, or
 * the one before it if the pair is the last.  NGX_DECLINED: there is no pair.
 */

static ngx_int_t
ngx_http_gateway_cut_pairs(ngx_pool_t *pool, ngx_str_t *list,
    gw_source_list_e kind, const ngx_str_t *name, ngx_str_t *rest)
{
    u_char            *d, separator;
    gw_text_t          text;
    gw_source_pair_t   pair;
    gw_source_walk_t   walk;
    const u_char      *p, *last;

    separator = (kind == GW_SOURCE_QUERY) ? '&' : ';';
    text = ngx_http_gateway_text(name);

    ngx_http_gateway_walk(&walk, list, kind);

    if (gw_source_next(&walk, &text, &pair) == GW_SOURCE_NONE) {
        return NGX_DECLINED;
    }

    d = ngx_pnalloc(pool, list->len);
    if (d == NULL) {
        return NGX_ERROR;
    }

    rest->data = d;

    p = list->data;
    last = p + list->len;

    do {
        d = ngx_cpymem(d, p, pair.start - p);
        p = pair.next;

    } while (gw_source_next(&walk, &text, &pair) != GW_SOURCE_NONE);

    if (p == last && last[-1] != separator
        && d > rest->data && d[-1] == separator)
    {
        d--;
    }

    d = ngx_cpymem(d, p, last - p);
    rest->len = d - rest->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_hide_cookie(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source)
{
    ngx_int_t                        rc;
    ngx_str_t                        rest;
    ngx_uint_t                       empty;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    empty = 0;

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (!ngx_http_gateway_header_is(h, &ngx_http_gateway_cookie)) {
            continue;
        }

        rc = ngx_http_gateway_cut_pairs(r->pool, &h->value,
                                        NGX_HTTP_GATEWAY_COOKIE_LIST,
                                        &source->name, &rest);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED) {
            continue;
        }

        while (rest.len && rest.data[0] == ' ') {
            rest.data++;
            rest.len--;
        }

        h->value = rest;

        if (rest.len == 0) {
            empty = 1;
            ngx_http_gateway_header_forget(r, h);
            h->key = ngx_http_gateway_empty_line;
        }
    }

    if (!empty) {
        return NGX_OK;
    }

    return ngx_http_gateway_header_remove(r, &ngx_http_gateway_empty_line, 1);
}


/*
 * Removes an argument from "s", a URI or a request line.  The arguments are
 * between the first '?' and the next space.  The '?' is removed if no argument
 * remains.
 */

static ngx_int_t
ngx_http_gateway_cut_argument(ngx_pool_t *pool, ngx_str_t *s,
    const ngx_str_t *name)
{
    u_char     *p, *last, *end;
    ngx_int_t   rc;
    ngx_str_t   args, rest, cut;

    last = s->data + s->len;

    p = ngx_strlchr(s->data, last, '?');
    if (p == NULL) {
        return NGX_OK;
    }

    args.data = p + 1;

    end = ngx_strlchr(args.data, last, ' ');
    if (end == NULL) {
        end = last;
    }

    args.len = end - args.data;

    rc = ngx_http_gateway_cut_pairs(pool, &args, GW_SOURCE_QUERY, name, &rest);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    if (rest.len) {
        p++;
    }

    cut.data = ngx_pnalloc(pool, s->len + 1);
    if (cut.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(cut.data, s->data, p - s->data);
    p = ngx_cpymem(p, rest.data, rest.len);
    p = ngx_cpymem(p, end, last - end);

    cut.len = p - cut.data;
    *s = cut;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_hide_argument(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source)
{
    ngx_int_t  rc;
    ngx_str_t  rest;

    rc = ngx_http_gateway_cut_pairs(r->pool, &r->args, GW_SOURCE_QUERY,
                                    &source->name, &rest);
    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        r->args = rest;
    }

    if (ngx_http_gateway_cut_argument(r->pool, &r->unparsed_uri,
                                      &source->name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cut_argument(r->pool, &r->request_line,
                                         &source->name);
}
