/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Header lines of the client's request: walking, removing and adding them; and
 * adding lines to the response.
 *
 * A line is removed by unlinking it.  hash = 0 hides only lines of a response:
 * upstream modules copy all of headers_in.headers.  Elements must not be moved,
 * because headers_in.* and (since 1.23) h->next point to them.
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_header_unlink(ngx_http_request_t *r,
    ngx_list_part_t **part, ngx_list_part_t *prev, ngx_uint_t *i);
static char *ngx_http_gateway_header_keep(ngx_array_t *names,
    const ngx_str_t *normalized);
static ngx_uint_t ngx_http_gateway_header_kept(const ngx_array_t *names,
    const ngx_str_t *normalized);


/* RFC 9110, 5.6.2: characters of a name, except "$", which marks a variable */

static const char  ngx_http_gateway_tchar[] =
    "!#%&'*+-.^_`|~0123456789"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";


/* lines that frame or route the request, or contain credentials */

static ngx_str_t  ngx_http_gateway_reserved[] = {
    ngx_string("host"),
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("content-length"),
    ngx_string("transfer-encoding"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("upgrade"),
    ngx_string("expect"),
    ngx_string("authorization"),
    ngx_string("proxy-authorization"),
    ngx_string("cookie"),
    ngx_null_string
};


/* cacheable variables that depend on removed data; $args and $arg_ are not */

static const struct {
    ngx_str_t   name;
    ngx_uint_t  prefix;             /* unsigned:1 */
} ngx_http_gateway_line_variables[] = {
    { ngx_string("http_"), 1 },
    { ngx_string("cookie_"), 1 },
    { ngx_string("http_cookie"), 0 },
    { ngx_string("http_referer"), 0 },
    { ngx_string("http_user_agent"), 0 },
    { ngx_string("http_via"), 0 },
    { ngx_string("http_x_forwarded_for"), 0 },
    { ngx_string("request_uri"), 0 },
    { ngx_string("request"), 0 },
    { ngx_null_string, 0 }
};


void
ngx_http_gateway_header_normalize(u_char *dst, const ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);
        dst[i] = (c == '_') ? '-' : c;
    }
}


/*
 * CGI replaces "-" by "_" (RFC 3875, 4.1.18), PHP also ".", and Apache each
 * byte that is not a letter or digit.  nginx passes names with such bytes with
 * "underscores_in_headers on" or "ignore_invalid_headers off".
 */

static ngx_inline ngx_uint_t
ngx_http_gateway_header_dash(u_char c)
{
    return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}


static ngx_uint_t
ngx_http_gateway_header_names(const ngx_str_t *key, const ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (key->len != name->len) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(key->data[i]);

        if (c != name->data[i]
            && !(ngx_http_gateway_header_dash(c)
                 && ngx_http_gateway_header_dash(name->data[i])))
        {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_gateway_header_is(ngx_table_elt_t *h, ngx_str_t *name)
{
    return ngx_http_gateway_header_names(&h->key, name);
}


static ngx_str_t *
ngx_http_gateway_header_in(ngx_table_elt_t *h, ngx_str_t *names, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_header_is(h, &names[i])) {
            return &names[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_gateway_header_remove(ngx_http_request_t *r, ngx_str_t *names,
    ngx_uint_t n)
{
    ngx_str_t        *name;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part, *prev;

    prev = NULL;
    part = &r->headers_in.headers.part;
    i = 0;

    for ( ;; ) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_OK;
            }

            prev = part;
            part = part->next;
            i = 0;
            continue;
        }

        h = part->elts;

        name = ngx_http_gateway_header_in(&h[i], names, n);

        if (name == NULL) {
            i++;
            continue;
        }

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway header: \"%V\" removed from the request",
                       name);

        ngx_http_gateway_header_changed(r);
        ngx_http_gateway_header_forget(r, &h[i]);

        if (ngx_http_gateway_header_unlink(r, &part, prev, &i) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/*
 * Removes element *i of *part from the list, and sets *part and *i to where a
 * walk continues.  The elements are not moved: the part is made to end before
 * the element or to begin after it, or is split into two parts.
 *
 * nginx's own loops read the first element of a part without a check, so only
 * the first part may be empty.  ngx_list_push() writes after the elements of
 * the last part while it has fewer than "nalloc".  These slots may be in use,
 * so the last part is declared full.
 */

static ngx_int_t
ngx_http_gateway_header_unlink(ngx_http_request_t *r, ngx_list_part_t **part,
    ngx_list_part_t *prev, ngx_uint_t *i)
{
    ngx_list_t       *list;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *p, *rest;

    list = &r->headers_in.headers;
    p = *part;
    h = p->elts;

    if (p->nelts == 1) {

        if (prev == NULL) {
            p->nelts = 0;

        } else {
            prev->next = p->next;

            if (list->last == p) {
                list->last = prev;
            }

            *part = prev;
            *i = prev->nelts;
        }

    } else if (*i == 0) {
        p->elts = h + 1;
        p->nelts--;

    } else if (*i == p->nelts - 1) {
        p->nelts--;

    } else {
        rest = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (rest == NULL) {
            return NGX_ERROR;
        }

        rest->elts = h + *i + 1;
        rest->nelts = p->nelts - *i - 1;
        rest->next = p->next;

        p->nelts = *i;
        p->next = rest;

        if (list->last == p) {
            list->last = rest;
        }
    }

    list->nalloc = ngx_max(list->last->nelts, 1);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_header_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *normalized, ngx_str_t *value)
{
    return ngx_http_gateway_header_add_hashed(r, name, normalized,
                                              ngx_hash_key(normalized->data,
                                                           normalized->len),
                                              value);
}


ngx_int_t
ngx_http_gateway_header_add_hashed(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *normalized, ngx_uint_t hash, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    if (r->headers_in.headers.last == NULL) {

        /* HTTP/0.9 has no lines and no list */

        if (ngx_list_init(&r->headers_in.headers, r->pool, 4,
                          sizeof(ngx_table_elt_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway header: \"%V\" added to the request", name);

    h->key = *name;
    h->value = *value;
    h->lowcase_key = normalized->data;
    h->hash = hash;
    ngx_http_gateway_header_single(h);

    return ngx_http_gateway_header_name(r, h);
}


void
ngx_http_gateway_header_changed(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_variable_value_t     *v;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    for (i = 0; i < gmcf->nvariables; i++) {
        v = &r->variables[gmcf->variables[i]];

        v->valid = 0;
        v->not_found = 0;
    }
}


/*
 * Runs after the last postconfiguration, when all variables are known.  If
 * nginx has resolved a variable by its prefix, "data" points to the variable's
 * name.  Variables of that name defined by "set" have other data and are
 * skipped.
 */

void
ngx_http_gateway_header_variables(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t                  i, k;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    v = cmcf->variables.elts;

    gmcf->variables = ngx_palloc(cycle->pool, (cmcf->variables.nelts + 1)
                                              * sizeof(ngx_uint_t));
    if (gmcf->variables == NULL) {
        return;
    }

    for (i = 0; i < cmcf->variables.nelts; i++) {

        for (k = 0; ngx_http_gateway_line_variables[k].name.len; k++) {

            if (v[i].name.len < ngx_http_gateway_line_variables[k].name.len
                || ngx_strncmp(v[i].name.data,
                               ngx_http_gateway_line_variables[k].name.data,
                               ngx_http_gateway_line_variables[k].name.len)
                   != 0)
            {
                continue;
            }

            if (ngx_http_gateway_line_variables[k].prefix
                ? v[i].data == (uintptr_t) &v[i].name
                : v[i].name.len
                  == ngx_http_gateway_line_variables[k].name.len)
            {
                gmcf->variables[gmcf->nvariables++] = i;
                break;
            }
        }
    }
}


ngx_int_t
ngx_http_gateway_header_respond(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway header: \"%V\" added to the response", name);

    h->hash = 1;
    ngx_http_gateway_header_single(h);
    h->key = *name;
    h->value = *value;

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_header_unsafe(ngx_str_t *value)
{
    ngx_uint_t  i;

    for (i = 0; i < value->len; i++) {
        if ((value->data[i] < 0x20 && value->data[i] != '\t')
            || value->data[i] == 0x7f)
        {
            return 1;
        }
    }

    return 0;
}


char *
ngx_http_gateway_header_check(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized)
{
    size_t      i;
    ngx_str_t  *known;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] == '\0'
            || ngx_strchr(ngx_http_gateway_tchar, name->data[i]) == NULL)
        {
            break;
        }
    }

    if (name->len == 0 || i < name->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\", it must consist of "
                           "letters, digits and -", name);
        return NGX_CONF_ERROR;
    }

    normalized->len = name->len;
    normalized->data = ngx_pnalloc(cf->pool, name->len);
    if (normalized->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_header_normalize(normalized->data, name);

    for (known = ngx_http_gateway_reserved; known->len; known++) {
        if (ngx_http_gateway_same(known, normalized)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "header \"%V\" cannot be set, it frames the "
                               "request or carries its credentials", name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_header_reserve(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized)
{
    ngx_http_gateway_srv_conf_t   *gscf;
    ngx_http_gateway_main_conf_t  *gmcf;

    if (ngx_http_gateway_header_check(cf, name, normalized) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    gmcf = ngx_http_gateway_registry(cf, "an identity header", 0);
    if (gmcf == NULL) {
        return NGX_CONF_ERROR;
    }

    gmcf->identity_headers = 1;

    gscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_module);

    return ngx_http_gateway_header_keep(&gscf->identity_headers, normalized);
}


char *
ngx_http_gateway_credential_header(ngx_conf_t *cf, const ngx_str_t *normalized)
{
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_module);

    return ngx_http_gateway_header_keep(&gscf->credential_headers, normalized);
}


/* adds a name unless it is already in the list */

static char *
ngx_http_gateway_header_keep(ngx_array_t *names, const ngx_str_t *normalized)
{
    ngx_str_t   *known;
    ngx_uint_t   i;

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_http_gateway_same(&known[i], normalized)) {
            return NGX_CONF_OK;
        }
    }

    known = ngx_array_push(names);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = *normalized;

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_header_claim(ngx_conf_t *cf, const ngx_str_t *normalized,
    const char *directive, const ngx_http_gateway_place_t *place)
{
    const char                   *use;
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_header_kept(&gscf->identity_headers, normalized)) {
        use = "is an identity header";

    } else if (ngx_http_gateway_header_kept(&gscf->credential_headers,
                                            normalized))
    {
        use = "contains a credential";

    } else {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "header \"%V\" is set by \"%s\" and %s in the same server, "
                  "give one of them another name, in %V:%ui", normalized,
                  directive, use, ngx_http_gateway_place_args(place));

    return NGX_CONF_ERROR;
}


/* in any spelling that an upstream may accept for the name */

static ngx_uint_t
ngx_http_gateway_header_kept(const ngx_array_t *names,
    const ngx_str_t *normalized)
{
    ngx_str_t   *known;
    ngx_uint_t   i;

    known = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_http_gateway_header_names(&known[i], normalized)) {
            return 1;
        }
    }

    return 0;
}
