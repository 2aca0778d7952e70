/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The key of a request, and the properties that keep the responses of one
 * client from others.
 */

#include "ngx_http_gateway_cache.h"


static void ngx_http_gateway_cache_line(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, gw_cache_line_t *line);
static ngx_int_t ngx_http_gateway_cache_put(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const ngx_str_t *partition,
    gw_cache_key_out_t *out);
static void ngx_http_gateway_cache_put_consumers(ngx_http_request_t *r,
    const ngx_str_t *partition, gw_cache_key_out_t *out);
static ngx_int_t ngx_http_gateway_cache_put_part(ngx_http_request_t *r,
    const ngx_http_gateway_cache_part_t *part, const gw_cache_line_t *line,
    gw_cache_key_out_t *out);
static ngx_int_t ngx_http_gateway_cache_put_host(ngx_http_request_t *r,
    gw_cache_key_out_t *out);
static ngx_int_t ngx_http_gateway_cache_put_sent(ngx_http_request_t *r,
    gw_cache_key_out_t *out);
static void ngx_http_gateway_cache_put_upstream(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, gw_cache_key_out_t *out);
static void ngx_http_gateway_cache_put_guard(ngx_http_request_t *r,
    const ngx_http_gateway_cache_guard_t *guard, gw_cache_key_out_t *out);
static ngx_uint_t ngx_http_gateway_cache_overrides(ngx_table_elt_t *h);
static ngx_uint_t ngx_http_gateway_cache_guards(
    const ngx_http_gateway_cache_guard_t *guard, ngx_table_elt_t *h);
static ngx_uint_t ngx_http_gateway_cache_body(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_cache_certificate(ngx_connection_t *c);


ngx_uint_t
ngx_http_gateway_cache_guarded(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    ngx_uint_t                             bypass;
    ngx_table_elt_t                       *h;
    ngx_http_gateway_header_iter_t         it;
    const ngx_http_gateway_cache_guard_t  *guard;

    if ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        && ngx_http_gateway_cache_body(r))
    {
        return 1;
    }

    guard = clcf->set.guard;
    bypass = (guard->mode == NGX_HTTP_GATEWAY_CACHE_GUARD_BYPASS);

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (ngx_http_gateway_cache_overrides(h)
            || (bypass && ngx_http_gateway_cache_guards(guard, h)))
        {
            return 1;
        }
    }

    return 0;
}


/* whether frameworks use the field's value as the method of the request */

static ngx_uint_t
ngx_http_gateway_cache_overrides(ngx_table_elt_t *h)
{
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("x-http-method-override"),
        ngx_string("x-http-method"),
        ngx_string("x-method-override")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (ngx_http_gateway_header_is(h, &names[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * as the client has declared it: nginx resets content_length_n while it reads
 */

static ngx_uint_t
ngx_http_gateway_cache_body(ngx_http_request_t *r)
{
    ngx_str_t  *length;

    if (r->headers_in.chunked) {
        return 1;
    }

    if (r->headers_in.content_length == NULL) {
        return 0;
    }

    length = &r->headers_in.content_length->value;

    return ngx_atoof(length->data, length->len) != 0;
}


/*
 * Includes an identity in dry_run, and a rejected credential if another method
 * grants access: the response of the origin may depend on them.
 */

ngx_uint_t
ngx_http_gateway_cache_credentials(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request(r);

    return (gr != NULL && (gr->present || gr->shown || gr->hidden))
           || r->headers_in.authorization != NULL
           || ngx_http_gateway_cache_certificate(r->connection);
}


static ngx_uint_t
ngx_http_gateway_cache_certificate(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)
    X509        *cert;
    ngx_uint_t   verified;

    if (c->ssl == NULL) {
        return 0;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        return 0;
    }

    verified = (SSL_get_verify_result(c->ssl->connection) == X509_V_OK);

    X509_free(cert);

    return verified;
#else
    return 0;
#endif
}


ngx_int_t
ngx_http_gateway_cache_partition(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, ngx_str_t *value)
{
    ngx_http_gateway_request_t                *gr;
    const ngx_http_gateway_cache_partition_t  *partition;

    ngx_str_null(value);

    partition = clcf->set.partition;

    switch (partition->kind) {

    case NGX_HTTP_GATEWAY_CACHE_CONSUMER:
        gr = ngx_http_gateway_request(r);

        if (gr != NULL) {
            *value = gr->identity.consumer;
        }

        return NGX_OK;

    case NGX_HTTP_GATEWAY_CACHE_VALUE:
        return ngx_http_complex_value(r, partition->value, value);

    default:
        return NGX_OK;
    }
}


ngx_int_t
ngx_http_gateway_cache_key(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const ngx_str_t *partition,
    ngx_str_t *text)
{
    gw_cache_key_out_t  out;

    out.data = text->data;
    out.size = text->len;
    out.len = 0;

    if (ngx_http_gateway_cache_put(r, clcf, partition, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    if (out.len > out.size) {

        out.size = out.len;
        out.len = 0;

        out.data = ngx_pnalloc(r->pool, out.size);
        if (out.data == NULL) {
            return NGX_ERROR;
        }

        /* fail if a variable has become longer in the meantime */

        if (ngx_http_gateway_cache_put(r, clcf, partition, &out) != NGX_OK
            || out.len > out.size)
        {
            return NGX_ERROR;
        }
    }

    text->data = out.data;
    text->len = out.len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_put(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const ngx_str_t *partition,
    gw_cache_key_out_t *out)
{
    ngx_uint_t                            i;
    gw_cache_line_t                       line;
    const ngx_http_gateway_cache_part_t  *part;

    ngx_http_gateway_cache_line(r, clcf, &line);
    ngx_http_gateway_cache_put_upstream(r, clcf, out);

    part = clcf->set.key->elts;

    for (i = 0; i < clcf->set.key->nelts; i++) {
        if (ngx_http_gateway_cache_put_part(r, &part[i], &line, out)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    switch (clcf->set.partition->kind) {

    case NGX_HTTP_GATEWAY_CACHE_CONSUMER:
        ngx_http_gateway_cache_put_consumers(r, partition, out);
        break;

    case NGX_HTTP_GATEWAY_CACHE_VALUE:
        gw_cache_key_put(out, GW_CACHE_KEY_PARTITION,
                         ngx_http_gateway_cache_text(partition));
        break;

    default:
        break;
    }

    if (clcf->set.guard->mode == NGX_HTTP_GATEWAY_CACHE_GUARD_KEY) {
        ngx_http_gateway_cache_put_guard(r, clcf->set.guard, out);
    }

    return NGX_OK;
}


/* an application's key and its user's token identify two consumers */

static void
ngx_http_gateway_cache_put_consumers(ngx_http_request_t *r,
    const ngx_str_t *partition, gw_cache_key_out_t *out)
{
    ngx_str_t                   *consumer;
    ngx_uint_t                   i, present;
    ngx_http_gateway_request_t  *gr;

    gw_cache_key_put(out, GW_CACHE_KEY_CONSUMER,
                     ngx_http_gateway_cache_text(partition));

    gr = ngx_http_gateway_request(r);
    present = gr ? gr->present : 0;

    for (i = 0; present >> i; i++) {

        if (!(present >> i & 1)) {
            continue;
        }

        consumer = &gr->identities[i].consumer;

        if (!ngx_http_gateway_same(consumer, partition)) {
            gw_cache_key_put(out, GW_CACHE_KEY_CONSUMER,
                             ngx_http_gateway_cache_text(consumer));
        }
    }
}


static ngx_int_t
ngx_http_gateway_cache_put_part(ngx_http_request_t *r,
    const ngx_http_gateway_cache_part_t *part, const gw_cache_line_t *line,
    gw_cache_key_out_t *out)
{
    ngx_str_t  value;

    switch (part->kind) {

    case NGX_HTTP_GATEWAY_CACHE_SCHEME:
        gw_cache_key_put(out, GW_CACHE_KEY_SCHEME,
                         ngx_http_gateway_cache_scheme(r));
        break;

    case NGX_HTTP_GATEWAY_CACHE_HOST:
        return ngx_http_gateway_cache_put_host(r, out);

    case NGX_HTTP_GATEWAY_CACHE_PATH:
        gw_cache_key_put_path(out, line);
        break;

    case NGX_HTTP_GATEWAY_CACHE_ARGS:
        gw_cache_key_put_args(out, line, &part->args);
        break;

    case NGX_HTTP_GATEWAY_CACHE_VARIABLE:
        if (ngx_http_complex_value(r, part->value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        gw_cache_key_put(out, GW_CACHE_KEY_VARIABLE,
                         ngx_http_gateway_cache_text(&value));
    }

    return NGX_OK;
}


static void
ngx_http_gateway_cache_line(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, gw_cache_line_t *line)
{
    ngx_http_gateway_cache_loc_conf_t  *here;

    here = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    line->target = ngx_http_gateway_cache_text(&r->unparsed_uri);
    line->uri = ngx_http_gateway_cache_text(&r->uri);
    line->args = ngx_http_gateway_cache_text(&r->args);
    line->unchanged = r->valid_unparsed_uri;
    line->original = (clcf->original | here->original) & 1;
}


/*
 * Adds $host, which is from an absolute URI if there is one and has no port;
 * the Host field, which the origin may receive as $http_host; and the port of
 * an absolute URI, if nginx has $request_port.
 */

static ngx_int_t
ngx_http_gateway_cache_put_host(ngx_http_request_t *r, gw_cache_key_out_t *out)
{
    u_char                     buf[GW_TEXT_DECIMAL];
    gw_text_t                  port;
    ngx_str_t                 *server;
    ngx_http_core_srv_conf_t  *cscf;

    server = &r->headers_in.server;

    if (server->len == 0) {
        cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
        server = &cscf->server_name;
    }

    gw_cache_key_put_lower(out, GW_CACHE_KEY_SERVER,
                           ngx_http_gateway_cache_text(server));

    if (r->headers_in.host) {
        gw_cache_key_put_lower(out, GW_CACHE_KEY_HOST,
                       ngx_http_gateway_cache_text(&r->headers_in.host->value));
    }

    if (ngx_http_gateway_port(r)) {
        port.data = buf;
        port.len = gw_text_decimal(buf, ngx_http_gateway_port(r)) - buf;

        gw_cache_key_put(out, GW_CACHE_KEY_PORT, port);
    }

    return ngx_http_gateway_cache_put_sent(r, out);
}


/* adds the configured Host: a server on another port may set another one */

static ngx_int_t
ngx_http_gateway_cache_put_sent(ngx_http_request_t *r,
    gw_cache_key_out_t *out)
{
    ngx_str_t                           host;
    ngx_http_gateway_cache_loc_conf_t  *here;

    here = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    if (here->host == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, here->host, &host) != NGX_OK) {
        return NGX_ERROR;
    }

    gw_cache_key_put_lower(out, GW_CACHE_KEY_SENT,
                           ngx_http_gateway_cache_text(&host));

    return NGX_OK;
}


/*
 * Adds the digest of what is sent: another location may send requests for the
 * same URL for another tenant.  With a host in the key, also that of the
 * upstream servers, whose name is the default Host: an "if" or a server on
 * another port may use others.
 */

static void
ngx_http_gateway_cache_put_upstream(ngx_http_request_t *r,
    const ngx_http_gateway_cache_loc_conf_t *clcf, gw_cache_key_out_t *out)
{
    gw_text_t                           digest;
    ngx_http_gateway_cache_loc_conf_t  *here;

    here = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    digest.data = (clcf->form & NGX_HTTP_GATEWAY_CACHE_FORM_HOST)
                  ? here->upstream : here->sent;
    digest.len = NGX_HTTP_GATEWAY_CACHE_DIGEST;

    gw_cache_key_put(out, GW_CACHE_KEY_UPSTREAM, digest);
}


/*
 * Adds each line with its original name: origins may treat "_" in other ways.
 */

static void
ngx_http_gateway_cache_put_guard(ngx_http_request_t *r,
    const ngx_http_gateway_cache_guard_t *guard, gw_cache_key_out_t *out)
{
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        if (!ngx_http_gateway_cache_guards(guard, h)) {
            continue;
        }

        gw_cache_key_put_lower(out, GW_CACHE_KEY_GUARD,
                               ngx_http_gateway_cache_text(&h->key));
        gw_cache_key_put(out, GW_CACHE_KEY_VALUE,
                         ngx_http_gateway_cache_text(&h->value));
    }
}


/* whether "guard" lists the field; the length excludes most fields */

static ngx_uint_t
ngx_http_gateway_cache_guards(const ngx_http_gateway_cache_guard_t *guard,
    ngx_table_elt_t *h)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (!(guard->lengths >> (h->key.len & 63) & 1)) {
        return 0;
    }

    name = guard->names.elts;

    for (i = 0; i < guard->names.nelts; i++) {
        if (ngx_http_gateway_header_is(h, &name[i])) {
            return 1;
        }
    }

    return 0;
}


/* empty if the cache is off or the request bypasses it */

ngx_int_t
ngx_http_gateway_cache_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                              buf[NGX_HTTP_GATEWAY_CACHE_TEXT];
    ngx_str_t                           text, value, partition;
    gw_cache_key_t                      key;
    ngx_http_gateway_cache_loc_conf_t  *clcf;

    r = r->main;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_cache_module);

    ngx_str_null(&value);

    if (clcf->zone == NULL || ngx_http_gateway_cache_guarded(r, clcf)) {
        ngx_http_gateway_variable_value(v, &value);
        return NGX_OK;
    }

    text.data = buf;
    text.len = sizeof(buf);

    if (ngx_http_gateway_cache_partition(r, clcf, &partition) != NGX_OK
        || ngx_http_gateway_cache_key(r, clcf, &partition, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    key.text = ngx_http_gateway_cache_text(&text);
    ngx_str_null(&key.variant);

    (void) ngx_http_gateway_cache_zone_user(clcf->zone, &key);

    value.len = NGX_HTTP_GATEWAY_CACHE_HEX;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    gw_text_hex(value.data, (u_char *) key.primary, sizeof(key.primary));

#if (NGX_DEBUG)
    ngx_http_gateway_cache_debug_settings(r, clcf);
#endif

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache key: \"%V\", %uz bytes, partition:%uz "
                   "credentials:%ui", &value, text.len, partition.len,
                   ngx_http_gateway_cache_credentials(r));

    ngx_http_gateway_variable_value(v, &value);

    return NGX_OK;
}
