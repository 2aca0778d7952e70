/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Creating a detached request from a client's request.
 */

#include "ngx_http_gateway_detached_private.h"


/* header lines that apply to the client or its connection only, normalized */

static ngx_str_t  ngx_http_gateway_detached_drop[] = {
    ngx_string("if-match"),
    ngx_string("if-none-match"),
    ngx_string("if-modified-since"),
    ngx_string("if-unmodified-since"),
    ngx_string("if-range"),
    ngx_string("range"),
    ngx_string("expect"),
    ngx_string("upgrade"),
    ngx_string("proxy-connection"),
    ngx_string("content-length"),
    ngx_string("transfer-encoding"),
    ngx_null_string
};


/*
 * Prefixes of the names of variables that depend on the connection, the TLS
 * session or the gateway's record.  The detached request would have other
 * values.
 */

static ngx_str_t  ngx_http_gateway_detached_keep[] = {
    ngx_string("connection"),
    ngx_string("gateway_"),
    ngx_string("http2"),
    ngx_string("http3"),
    ngx_string("https"),
    ngx_string("pipe"),
    ngx_string("proxy_protocol_"),
    ngx_string("quic"),
    ngx_string("realip_"),
    ngx_string("request_id"),
    ngx_string("scheme"),
    ngx_string("ssl_"),
    ngx_null_string
};


static size_t  ngx_http_gateway_detached_identity[] = {
    offsetof(ngx_http_gateway_identity_t, consumer),
    offsetof(ngx_http_gateway_identity_t, credential),
    offsetof(ngx_http_gateway_identity_t, method),
    offsetof(ngx_http_gateway_identity_t, scheme),
    offsetof(ngx_http_gateway_identity_t, scopes),
    offsetof(ngx_http_gateway_identity_t, groups),
    offsetof(ngx_http_gateway_identity_t, all_groups),
    offsetof(ngx_http_gateway_identity_t, plan),
    offsetof(ngx_http_gateway_identity_t, metadata)
};


static ngx_int_t
ngx_http_gateway_detached_address(ngx_http_gateway_detached_t *d,
    ngx_connection_t *c)
{
    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK
        || ngx_http_gateway_detached_str(d->pool, &d->addr_text, &c->addr_text)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    d->sockaddr = ngx_palloc(d->pool, c->socklen);
    d->local_sockaddr = ngx_palloc(d->pool, c->local_socklen);

    if (d->sockaddr == NULL || d->local_sockaddr == NULL) {
        return NGX_ERROR;
    }

    d->socklen = c->socklen;
    d->local_socklen = c->local_socklen;
    ngx_memcpy(d->sockaddr, c->sockaddr, c->socklen);
    ngx_memcpy(d->local_sockaddr, c->local_sockaddr, c->local_socklen);

    return NGX_OK;
}


/* copies the URI and the state of processing */

static ngx_int_t
ngx_http_gateway_detached_target(ngx_http_request_t *r,
    ngx_http_request_t *from)
{
    ngx_uint_t  i;

    struct { ngx_str_t  *to, *from; } strings[] = {
        { &r->uri, &from->uri },
        { &r->args, &from->args },
        { &r->unparsed_uri, &from->unparsed_uri },
        { &r->request_line, &from->request_line },
        { &r->http_protocol, &from->http_protocol },
        { &r->schema, &from->schema },
        { &r->headers_in.server, &from->headers_in.server }
    };

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (ngx_http_gateway_detached_str(r->pool, strings[i].to,
                                          strings[i].from)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_copy_port(r, from);

    r->loc_conf = from->loc_conf;
    r->valid_location = from->valid_location;
    r->valid_unparsed_uri = from->valid_unparsed_uri;
    r->content_handler = from->content_handler;
    r->phase_handler = from->phase_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_detached_captures(ngx_http_request_t *r,
    ngx_http_request_t *from)
{
#if (NGX_PCRE)

    ngx_str_t                   s;
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;

    if (from->ncaptures == 0) {
        return NGX_OK;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    r->captures = ngx_palloc(r->pool, cmcf->ncaptures * sizeof(int));
    if (r->captures == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(r->captures, from->captures, cmcf->ncaptures * sizeof(int));

    s.len = 0;
    s.data = from->captures_data;

    for (i = 0; i < from->ncaptures; i++) {
        s.len = ngx_max((int) s.len, from->captures[i]);
    }

    if (ngx_http_gateway_detached_str(r->pool, &s, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    r->ncaptures = from->ncaptures;
    r->captures_data = s.data;

#else
    (void) r;
    (void) from;
#endif

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_detached_kept(const ngx_str_t *name)
{
    ngx_str_t  *keep;

    for (keep = ngx_http_gateway_detached_keep; keep->len; keep++) {
        if (name->len >= keep->len
            && ngx_memcmp(name->data, keep->data, keep->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * As in any subrequest, variables keep their cached values; so do those that
 * depend on the connection.  Variables of header lines are evaluated again,
 * since the lines differ.
 */

static ngx_int_t
ngx_http_gateway_detached_variables(ngx_http_request_t *r,
    ngx_http_request_t *from)
{
    ngx_str_t                   s;
    ngx_uint_t                  i, kept;
    ngx_http_variable_t        *var;
    ngx_http_variable_value_t  *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    var = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        kept = ngx_http_gateway_detached_kept(&var[i].name);
        v = kept ? ngx_http_get_flushed_variable(from, i)
                 : &from->variables[i];

        if (v == NULL || !(v->valid || v->not_found)
            || (v->no_cacheable && !kept))
        {
            continue;
        }

        s.len = v->valid ? v->len : 0;
        s.data = v->data;

        if (ngx_http_gateway_detached_str(r->pool, &s, &s) != NGX_OK) {
            return NGX_ERROR;
        }

        r->variables[i] = *v;
        r->variables[i].len = s.len;
        r->variables[i].data = s.data;
        r->variables[i].no_cacheable = 0;
    }

    ngx_http_gateway_header_changed(r);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_detached_identify(ngx_http_request_t *r,
    ngx_http_request_t *from)
{
    size_t                       offset;
    ngx_uint_t                   i;
    ngx_http_gateway_request_t  *gr, *gr_from;

    gr = ngx_http_gateway_request(r);
    gr_from = ngx_http_gateway_request(from);

    if (gr_from == NULL) {
        return NGX_OK;
    }

    gr->identity = gr_from->identity;

    for (i = 0;
         i < sizeof(ngx_http_gateway_detached_identity) / sizeof(size_t);
         i++)
    {
        offset = ngx_http_gateway_detached_identity[i];

        if (ngx_http_gateway_detached_str(r->pool,
                            (ngx_str_t *) ((u_char *) &gr->identity + offset),
                            (ngx_str_t *) ((u_char *) &gr_from->identity
                                           + offset))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* whether a line of the client is dropped or replaced */

static ngx_uint_t
ngx_http_gateway_detached_dropped(const ngx_http_gateway_detach_t *conf,
    ngx_table_elt_t *h)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_gateway_detached_drop[i].len; i++) {
        if (ngx_http_gateway_header_is(h, &ngx_http_gateway_detached_drop[i])) {
            return 1;
        }
    }

    for (i = 0; i < conf->nfields; i++) {
        if (conf->fields[i].key.len == h->key.len
            && ngx_strncasecmp(conf->fields[i].key.data, h->key.data,
                               h->key.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_detached_headers(ngx_http_gateway_detached_t *d,
    ngx_http_request_t *from)
{
    ngx_table_elt_t                *h;
    ngx_http_gateway_header_iter_t  it;

    ngx_http_gateway_header_first(from, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {
        if (!ngx_http_gateway_detached_dropped(&d->conf, h)
            && ngx_http_gateway_detached_line(d->main, h) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_detached_fields(d->main, &d->conf);
}


ngx_http_gateway_detached_t *
ngx_http_gateway_detach(ngx_http_request_t *from,
    const ngx_http_gateway_detach_t *conf)
{
    ngx_int_t                     rc;
    ngx_http_request_t           *r;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_gateway_detached_t  *d;

    cscf = ngx_http_get_module_srv_conf(from, ngx_http_core_module);
    clcf = ngx_http_get_module_loc_conf(from, ngx_http_core_module);

    d = ngx_http_gateway_detached_create(cscf->ctx, clcf->error_log, conf);
    if (d == NULL) {
        return NULL;
    }

    d->clone = 1;
    r = d->main;
    rc = NGX_ERROR;

    if (ngx_http_gateway_detached_address(d, from->connection) == NGX_OK
        && ngx_http_gateway_detached_target(r, from) == NGX_OK
        && ngx_http_gateway_detached_method(r, conf->method.len
                                               ? &conf->method
                                               : &from->method_name)
           == NGX_OK
        && ngx_http_gateway_detached_captures(r, from) == NGX_OK
        && ngx_http_gateway_detached_headers(d, from) == NGX_OK
        && ngx_http_gateway_detached_variables(r, from) == NGX_OK
        && ngx_http_gateway_detached_identify(r, from) == NGX_OK)
    {
        rc = NGX_OK;
    }

    return ngx_http_gateway_detached_made(d, rc);
}
