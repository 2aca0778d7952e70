/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Finds credentials in a request.
 *
 * nginx's variables show the first of several values, or join them, or, since
 * 1.23, do either depending on the header.  An upstream server may use another
 * value than the one that was checked.  So the request itself is searched, and
 * a source with two values is refused.  A value with a name that nginx does not
 * recognize, but an upstream server may, is also refused: see gw_source.h.
 */

#include "ngx_http_gateway_source_private.h"


/* the contents of a source */

typedef struct {
    ngx_str_t   value;      /* the last one with the exact name */
    ngx_uint_t  n;          /* number of values with the exact name */
    ngx_uint_t  variants;   /* number of values with another spelling */
} ngx_http_gateway_found_t;


typedef gw_reason_e (*ngx_http_gateway_source_find_pt)(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);


static gw_reason_e ngx_http_gateway_find_bearer(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);
static gw_reason_e ngx_http_gateway_find_header(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);
static gw_reason_e ngx_http_gateway_find_cookie(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);
static gw_reason_e ngx_http_gateway_find_argument(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);
static gw_reason_e ngx_http_gateway_find_variable(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);

static void ngx_http_gateway_find_pairs(gw_source_walk_t *walk,
    const ngx_str_t *name, ngx_http_gateway_found_t *found);
static ngx_uint_t ngx_http_gateway_client_args(ngx_http_request_t *r,
    ngx_str_t *args);
static void ngx_http_gateway_find_fragment(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_http_gateway_found_t *found);


const char *const  ngx_http_gateway_source_texts[] = {
    [NGX_HTTP_GATEWAY_BEARER] = "Authorization: Bearer",
    [NGX_HTTP_GATEWAY_HEADER] = "header ",
    [NGX_HTTP_GATEWAY_COOKIE] = "cookie ",
    [NGX_HTTP_GATEWAY_ARGUMENT] = "argument ",
    [NGX_HTTP_GATEWAY_VARIABLE] = "variable "
};


static const ngx_http_gateway_source_find_pt
    ngx_http_gateway_source_finders[] =
{
    [NGX_HTTP_GATEWAY_BEARER] = ngx_http_gateway_find_bearer,
    [NGX_HTTP_GATEWAY_HEADER] = ngx_http_gateway_find_header,
    [NGX_HTTP_GATEWAY_COOKIE] = ngx_http_gateway_find_cookie,
    [NGX_HTTP_GATEWAY_ARGUMENT] = ngx_http_gateway_find_argument,
    [NGX_HTTP_GATEWAY_VARIABLE] = ngx_http_gateway_find_variable
};


ngx_str_t  ngx_http_gateway_authorization = ngx_string("authorization");
ngx_str_t  ngx_http_gateway_cookie = ngx_string("cookie");


gw_reason_e
ngx_http_gateway_source_find(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_str_t *value)
{
    gw_reason_e                  reason;
    ngx_http_gateway_found_t     found;
    ngx_http_gateway_hidden_t   *hidden;
    ngx_http_gateway_request_t  *gr;

    ngx_memzero(&found, sizeof(ngx_http_gateway_found_t));

    reason = ngx_http_gateway_source_finders[source->kind](r, source, &found);

    if (reason != GW_OK) {
        return reason;
    }

    if (found.n + found.variants > 1) {
        return GW_DUPLICATE_CREDENTIAL;
    }

    if (found.variants) {
        return GW_MALFORMED_HEADER;
    }

    if (found.value.len) {
        *value = found.value;
        return GW_OK;
    }

    gr = ngx_http_gateway_request(r);

    for (hidden = gr ? gr->hidden : NULL; hidden; hidden = hidden->next) {

        if (hidden->source->kind == source->kind
            && ngx_http_gateway_same(&hidden->source->name, &source->name))
        {
            *value = hidden->value;
            return hidden->reason;
        }
    }

    return GW_MISSING;
}


void
ngx_http_gateway_sources_find(ngx_http_request_t *r,
    const ngx_array_t *sources, ngx_http_gateway_shown_t *shown)
{
    ngx_uint_t                        i;
    gw_reason_e                       said;
    const ngx_http_gateway_source_t  *source;

    shown->reason = GW_MISSING;
    shown->source = NULL;
    ngx_str_null(&shown->value);

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        ngx_str_null(&shown->values[i]);

        said = ngx_http_gateway_source_find(r, &source[i], &shown->values[i]);
        shown->said[i] = said;

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway source: \"%s%V\", %s",
                       ngx_http_gateway_source_texts[source[i].kind],
                       &source[i].name,
                       (said == GW_OK) ? "found" : gw_reason_word(said));

        if (said == GW_MISSING) {
            continue;
        }

        if (shown->reason == GW_MISSING || said == GW_FAILED) {
            shown->reason = said;
            shown->source = &source[i];
            shown->value = shown->values[i];

        } else if (shown->reason != GW_FAILED) {
            shown->reason = GW_DUPLICATE_CREDENTIAL;
        }
    }

    if (shown->reason != GW_OK) {
        shown->source = NULL;
        ngx_str_null(&shown->value);
    }
}


/* there is at most one Authorization: nginx rejects others with 400 */

gw_source_e
ngx_http_gateway_bearer(ngx_http_request_t *r, gw_text_t *token)
{
    gw_text_t         value;
    ngx_table_elt_t  *h;

    h = r->headers_in.authorization;

    if (h == NULL) {
        return GW_SOURCE_NONE;
    }

    value = ngx_http_gateway_text(&h->value);

    return gw_source_bearer(&value, token);
}


static gw_reason_e
ngx_http_gateway_find_bearer(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found)
{
    gw_text_t  token;

    switch (ngx_http_gateway_bearer(r, &token)) {

    case GW_SOURCE_EXACT:
        found->n = 1;
        found->value.len = token.len;
        found->value.data = (u_char *) token.data;
        break;

    case GW_SOURCE_VARIANT:
        found->variants = 1;
        break;

    default:
        break;
    }

    return GW_OK;
}


/*
 * In HTTP/1.x nginx removes spaces around the value.  Other bytes there, such
 * as a tab, belong to the value, which is then refused.
 */

static gw_reason_e
ngx_http_gateway_find_header(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found)
{
    ngx_str_t                        name;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    name = source->name;

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (ngx_http_gateway_header_is(h, &name)) {
            found->n++;
            found->value = h->value;
        }
    }

    return GW_OK;
}


static void
ngx_http_gateway_find_pairs(gw_source_walk_t *walk, const ngx_str_t *name,
    ngx_http_gateway_found_t *found)
{
    gw_text_t         text;
    gw_source_e       kind;
    gw_source_pair_t  pair;

    text = ngx_http_gateway_text(name);

    while ((kind = gw_source_next(walk, &text, &pair)) != GW_SOURCE_NONE) {

        if (kind == GW_SOURCE_VARIANT) {
            found->variants++;
            continue;
        }

        found->n++;
        found->value.len = pair.value.len;
        found->value.data = (u_char *) pair.value.data;
    }
}


static gw_reason_e
ngx_http_gateway_find_cookie(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found)
{
    ngx_table_elt_t                 *h;
    gw_source_walk_t                 walk;
    ngx_http_gateway_header_iter_t   it;

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (ngx_http_gateway_header_is(h, &ngx_http_gateway_cookie)) {
            ngx_http_gateway_walk(&walk, &h->value,
                                  NGX_HTTP_GATEWAY_COOKIE_LIST);
            ngx_http_gateway_find_pairs(&walk, &source->name, found);
        }
    }

    return GW_OK;
}


static gw_reason_e
ngx_http_gateway_find_argument(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found)
{
    ngx_str_t         args;
    gw_source_walk_t  walk;

    ngx_http_gateway_walk(&walk, &r->args, GW_SOURCE_QUERY);
    ngx_http_gateway_find_pairs(&walk, &source->name, found);

    if (found->n + found->variants == 0
        && ngx_http_gateway_client_args(r, &args))
    {
        ngx_http_gateway_walk(&walk, &args, GW_SOURCE_QUERY);
        ngx_http_gateway_find_pairs(&walk, &source->name, found);
    }

    ngx_http_gateway_find_fragment(r, &source->name, found);

    return GW_OK;
}


/*
 * Whether the client has sent other arguments than the current ones: "rewrite",
 * "set $args" and error pages replace them, but the upstream server and the log
 * may still receive $request_uri.
 */

static ngx_uint_t
ngx_http_gateway_client_args(ngx_http_request_t *r, ngx_str_t *args)
{
    u_char  *p, *last;

    last = r->unparsed_uri.data + r->unparsed_uri.len;

    p = ngx_strlchr(r->unparsed_uri.data, last, '#');
    if (p != NULL) {
        last = p;
    }

    p = ngx_strlchr(r->unparsed_uri.data, last, '?');
    if (p == NULL) {
        return 0;
    }

    args->data = p + 1;
    args->len = last - args->data;

    /* a "rewrite" that removes all arguments sets only the length */

    return args->data != r->args.data || args->len != r->args.len;
}


/*
 * For nginx the query ends at "#", but nginx sends the rest to the upstream
 * server, whose parser may read it as a part of the query.
 */

static void
ngx_http_gateway_find_fragment(ngx_http_request_t *r, const ngx_str_t *name,
    ngx_http_gateway_found_t *found)
{
    u_char                    *p, *last;
    ngx_str_t                 *uri;
    gw_source_walk_t           walk;
    ngx_http_gateway_found_t   behind;

    uri = &r->unparsed_uri;
    last = uri->data + uri->len;

    p = ngx_strlchr(uri->data, last, '#');
    if (p == NULL) {
        return;
    }

    if (found->n && found->value.data == p) {

        /* "name=#value" */

        found->n--;
        found->variants++;
    }

    if (ngx_strlchr(uri->data, p, '?') == NULL) {

        p = ngx_strlchr(p, last, '?');
        if (p == NULL) {
            return;
        }

        p++;
    }

    ngx_memzero(&behind, sizeof(ngx_http_gateway_found_t));

    walk.p = p;
    walk.last = last;
    walk.list = GW_SOURCE_QUERY;

    ngx_http_gateway_find_pairs(&walk, name, &behind);

    found->variants += behind.n + behind.variants;
}


static gw_reason_e
ngx_http_gateway_find_variable(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found)
{
    ngx_http_variable_value_t  *v;

    v = ngx_http_get_flushed_variable(r, source->index);

    if (v == NULL) {
        return GW_FAILED;
    }

    if (!v->not_found) {
        found->n = 1;
        found->value.len = v->len;
        found->value.data = v->data;
    }

    return GW_OK;
}
