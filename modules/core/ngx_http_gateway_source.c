/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where a credential stands in a request: found, and taken away.
 *
 * nginx's variables show the first of several values, or join them, or
 * (since 1.23) both depending on the header; an upstream may see another one
 * than we have judged.  So the request itself is walked, and a source with
 * two values is refused.  So is a value under a name that nginx does not read
 * and an upstream's parser does: see gw_source.h.
 */

#include "ngx_http_gateway.h"
#include "gw_source.h"


/* cookies are read as nginx reads them for $cookie_name */

#define NGX_HTTP_GATEWAY_COOKIE_LIST                                          \
    (NGX_HTTP_GATEWAY_COOKIE_COMMA ? GW_SOURCE_COOKIE_COMMA                   \
                                   : GW_SOURCE_COOKIE)


/* what a source holds */

typedef struct {
    ngx_str_t   value;      /* the last one in the exact spelling */
    ngx_uint_t  n;          /* how many there are of these */
    ngx_uint_t  variants;   /* and of those in another spelling */
} ngx_http_gateway_found_t;


/* what stood in a source before it was hidden */

struct ngx_http_gateway_hidden_s {
    const ngx_http_gateway_source_t    *source;
    gw_reason_e                         reason;
    ngx_str_t                           value;
    ngx_http_gateway_hidden_t          *next;
};


typedef gw_reason_e (*ngx_http_gateway_source_find_pt)(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_http_gateway_found_t *found);
typedef ngx_int_t (*ngx_http_gateway_source_hide_pt)(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);


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

static char *ngx_http_gateway_source_named(ngx_conf_t *cf,
    ngx_http_gateway_source_t *source, const ngx_str_t *name);
static void ngx_http_gateway_find_pairs(gw_source_walk_t *walk,
    const ngx_str_t *name, ngx_http_gateway_found_t *found);
static ngx_uint_t ngx_http_gateway_client_args(ngx_http_request_t *r,
    ngx_str_t *args);
static void ngx_http_gateway_find_fragment(ngx_http_request_t *r,
    const ngx_str_t *name, ngx_http_gateway_found_t *found);

static ngx_int_t ngx_http_gateway_hide_bearer(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_header(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_cookie(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_argument(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);
static ngx_int_t ngx_http_gateway_hide_nothing(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source);


/* what a source is in the log, which never shows what it holds */

static const struct {
    const char                      *text;      /* before its name */
    ngx_http_gateway_source_find_pt  find;
    ngx_http_gateway_source_hide_pt  hide;
} ngx_http_gateway_sources[] = {

    /* NGX_HTTP_GATEWAY_BEARER */
    { "Authorization: Bearer",
      ngx_http_gateway_find_bearer, ngx_http_gateway_hide_bearer },

    /* NGX_HTTP_GATEWAY_HEADER */
    { "header ", ngx_http_gateway_find_header, ngx_http_gateway_hide_header },

    /* NGX_HTTP_GATEWAY_COOKIE */
    { "cookie ", ngx_http_gateway_find_cookie, ngx_http_gateway_hide_cookie },

    /* NGX_HTTP_GATEWAY_ARGUMENT */
    { "argument ",
      ngx_http_gateway_find_argument, ngx_http_gateway_hide_argument },

    /* NGX_HTTP_GATEWAY_VARIABLE */
    { "variable ",
      ngx_http_gateway_find_variable, ngx_http_gateway_hide_nothing }
};


static const struct {
    ngx_str_t                  prefix;
    ngx_http_gateway_source_e  kind;
} ngx_http_gateway_source_prefixes[] = {
    { ngx_string("http_"), NGX_HTTP_GATEWAY_HEADER },
    { ngx_string("cookie_"), NGX_HTTP_GATEWAY_COOKIE },
    { ngx_string("arg_"), NGX_HTTP_GATEWAY_ARGUMENT },
    { ngx_null_string, 0 }
};


static ngx_str_t  ngx_http_gateway_authorization =
    ngx_string("authorization");
static ngx_str_t  ngx_http_gateway_cookie = ngx_string("cookie");

/* no client can send this name: it marks a line that has become empty */
static ngx_str_t  ngx_http_gateway_empty_line = ngx_null_string;


static char *
ngx_http_gateway_source_variable(ngx_conf_t *cf, const ngx_str_t *parameter,
    ngx_str_t *value, ngx_http_gateway_source_t *source)
{
    size_t      len;
    ngx_str_t   name;
    ngx_uint_t  i;

    name.len = value->len - 1;
    name.data = value->data + 1;

    if (value->len < 2 || value->data[0] != '$'
        || ngx_strlchr(name.data, name.data + name.len, '$')
        || ngx_strlchr(name.data, name.data + name.len, '{'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be one "
                           "variable such as $cookie_token", value, parameter);
        return NGX_CONF_ERROR;
    }

    source->index = ngx_http_get_variable_index(cf, &name);
    if (source->index == NGX_ERROR
        || ngx_http_gateway_reads(cf, value) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    source->kind = NGX_HTTP_GATEWAY_VARIABLE;
    source->name = name;

    for (i = 0; ngx_http_gateway_source_prefixes[i].prefix.len; i++) {

        len = ngx_http_gateway_source_prefixes[i].prefix.len;

        if (name.len < len
            || ngx_strncasecmp(name.data,
                               ngx_http_gateway_source_prefixes[i].prefix.data,
                               len)
               != 0)
        {
            continue;
        }

        if (name.len == len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\", a name must "
                               "follow \"_\"", value, parameter);
            return NGX_CONF_ERROR;
        }

        name.len -= len;
        name.data += len;

        source->kind = ngx_http_gateway_source_prefixes[i].kind;

        return ngx_http_gateway_source_named(cf, source, &name);
    }

    return ngx_http_gateway_source_add(cf, source) == NGX_OK ? NGX_CONF_OK
                                                             : NGX_CONF_ERROR;
}


/* a header, a cookie or an argument: the name as it is compared */

static char *
ngx_http_gateway_source_named(ngx_conf_t *cf,
    ngx_http_gateway_source_t *source, const ngx_str_t *name)
{
    source->name.len = name->len;
    source->name.data = ngx_pnalloc(cf->pool, name->len);
    if (source->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (source->kind == NGX_HTTP_GATEWAY_HEADER) {
        ngx_http_gateway_header_normalize(source->name.data, name);

        if (ngx_http_gateway_same(&source->name,
                                  &ngx_http_gateway_authorization))
        {
            source->kind = NGX_HTTP_GATEWAY_BEARER;
            ngx_str_null(&source->name);

            return NGX_CONF_OK;
        }

        return ngx_http_gateway_credential_header(cf, &source->name);
    }

    ngx_strlow(source->name.data, name->data, name->len);

    return ngx_http_gateway_source_add(cf, source) == NGX_OK ? NGX_CONF_OK
                                                             : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_gateway_source_add(ngx_conf_t *cf,
    const ngx_http_gateway_source_t *source)
{
    ngx_uint_t                     i;
    ngx_http_gateway_source_t     *copy;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    copy = gmcf->credentials.elts;

    for (i = 0; i < gmcf->credentials.nelts; i++) {
        if (copy[i].kind == source->kind
            && ngx_http_gateway_same(&copy[i].name, &source->name))
        {
            return NGX_OK;
        }
    }

    copy = ngx_array_push(&gmcf->credentials);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *source;

    return NGX_OK;
}


char *
ngx_http_gateway_param_source(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_array_t **sources = field;

    ngx_uint_t                  i;
    ngx_http_gateway_source_t   added, *source;

    if (ngx_http_gateway_source_variable(cf, &param->name, value, &added)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (*sources == NULL) {
        *sources = ngx_array_create(cf->pool, 1,
                                    sizeof(ngx_http_gateway_source_t));
        if (*sources == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    source = (*sources)->elts;

    for (i = 0; i < (*sources)->nelts; i++) {

        if (source[i].kind == added.kind
            && ngx_http_gateway_same(&source[i].name, &added.name))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate value \"%V\" in \"%V\"", value,
                               &param->name);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_HTTP_GATEWAY_SOURCES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it can be "
                           "written at most %d times", value, &param->name,
                           NGX_HTTP_GATEWAY_SOURCES);
        return NGX_CONF_ERROR;
    }

    source = ngx_array_push(*sources);
    if (source == NULL) {
        return NGX_CONF_ERROR;
    }

    *source = added;

    return NGX_CONF_OK;
}


gw_reason_e
ngx_http_gateway_source_find(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_str_t *value)
{
    gw_reason_e                  reason;
    ngx_http_gateway_found_t     found;
    ngx_http_gateway_hidden_t   *hidden;
    ngx_http_gateway_request_t  *gr;

    ngx_memzero(&found, sizeof(ngx_http_gateway_found_t));

    reason = ngx_http_gateway_sources[source->kind].find(r, source, &found);

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
                   ngx_http_gateway_sources[source->kind].text, &source->name);

    ngx_http_gateway_header_changed(r);

    return ngx_http_gateway_sources[source->kind].hide(r, source);
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
                       ngx_http_gateway_sources[source[i].kind].text,
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


/* the same bytes, for code that does not know nginx */

static gw_text_t
ngx_http_gateway_text(const ngx_str_t *s)
{
    gw_text_t  text;

    text.len = s->len;
    text.data = s->data;

    return text;
}


static void
ngx_http_gateway_walk(gw_source_walk_t *walk, const ngx_str_t *list,
    gw_source_list_e kind)
{
    walk->p = list->data;
    walk->last = list->data + list->len;
    walk->list = kind;
}


/* a repeated Authorization never comes here: nginx answers it with 400 */

static gw_source_e
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
 * In HTTP/1.x nginx has removed spaces around the value.  What is left there,
 * such as a tab, makes another value, which is refused.
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
 * Whether the client has sent other arguments than there are now: "rewrite",
 * "set $args" and error pages replace them, and the upstream and the log may
 * get $request_uri all the same.
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

    /* a "rewrite" that leaves none only sets the length */

    return args->data != r->args.data || args->len != r->args.len;
}


/*
 * For nginx the query ends at a "#", which it sends to the upstream all the
 * same: parsers that expect no fragment there read on.
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
 * Copies "list" without the pairs of a name, in any spelling, every other byte
 * as it was.  The separator that goes is the one behind the pair, or the one
 * before it if the pair is the last.  NGX_DECLINED: nothing to cut.
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
 * Cuts an argument out of "s", a URI or a request line: what stands between
 * the first '?' and the next blank.  The '?' goes with the last argument.
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


static ngx_int_t
ngx_http_gateway_hide_nothing(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source)
{
    return NGX_OK;
}
