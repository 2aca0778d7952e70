/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The directives "server" and "ssl*" of a block that names a server.
 */

#include "ngx_http_gateway_peer.h"


#define NGX_HTTP_GATEWAY_PEER_DEPTH  9      /* of chains, as in OpenSSL */


static ngx_int_t ngx_http_gateway_peer_transport(ngx_url_t *u, int *type);
static ngx_int_t ngx_http_gateway_peer_parse(ngx_conf_t *cf, ngx_url_t *u);
static char *ngx_http_gateway_peer_ssl_check(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server,
    const ngx_http_gateway_peer_ssl_t *ssl);
static ngx_int_t ngx_http_gateway_peer_ssl_create(ngx_conf_t *cf,
    ngx_http_gateway_peer_ssl_t *ssl);
static ngx_int_t ngx_http_gateway_peer_ssl_files(ngx_conf_t *cf,
    ngx_http_gateway_peer_ssl_t *ssl);


/* server */

char *
ngx_http_gateway_peer_set_server(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_int_t                            rc;
    ngx_url_t                            u;
    ngx_str_t                           *value;
    ngx_http_gateway_peer_server_t      *server;
    const ngx_http_gateway_peer_kind_t  *kind;

    server = (ngx_http_gateway_peer_server_t *) ((char *) conf + cmd->offset);
    kind = cmd->post;

    if (server->text.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = value[1];
    u.default_port = kind->port;
    u.no_resolve = 1;

    server->type = SOCK_STREAM;

    rc = kind->transports ? ngx_http_gateway_peer_transport(&u, &server->type)
                          : NGX_OK;

    if (rc != NGX_OK || ngx_http_gateway_peer_parse(cf, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"%V %V\", it must be an address such as %s",
                           u.err ? u.err : "no memory", &value[0], &value[1],
                           kind->examples);
        return NGX_CONF_ERROR;
    }

    server->text = value[1];
    server->host = u.host;
    server->port = u.port;

    if (u.naddrs) {
        server->addr = &u.addrs[0];
    }

    return NGX_CONF_OK;
}


/* removes the prefix, except "unix:", which ngx_parse_url() understands */

static ngx_int_t
ngx_http_gateway_peer_transport(ngx_url_t *u, int *type)
{
    u_char  *p;

    p = u->url.data;

    if (ngx_strncmp(p, "unix:", 5) == 0) {
        *type = SOCK_DGRAM;
        return NGX_OK;
    }

    if (ngx_strncmp(p, "tcp:", 4) != 0 && ngx_strncmp(p, "udp:", 4) != 0) {
        u->err = "missing \"udp:\", \"tcp:\" or \"unix:\"";
        return NGX_DECLINED;
    }

    *type = (*p == 't') ? SOCK_STREAM : SOCK_DGRAM;

    u->url.data += 4;
    u->url.len -= 4;

    if (ngx_strncasecmp(u->url.data, (u_char *) "unix:", 5) == 0) {
        u->err = "invalid host";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Whether a name is a valid host name (RFC 1123, 2.1), also with "_", which
 * occurs in names of containers.  A name of digits and dots is an invalid
 * address.
 */

static ngx_uint_t
ngx_http_gateway_peer_name(const ngx_str_t *name)
{
    u_char  c;
    size_t  i, label;

    if (name->len == 0 || name->len > 253
        || strspn((char *) name->data, "0123456789.") >= name->len)
    {
        return 0;
    }

    label = 0;

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if (c == '.' && label) {
            label = 0;
            continue;
        }

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'
              || c == '-')
            || ++label > 63)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_gateway_peer_parse(ngx_conf_t *cf, ngx_url_t *u)
{
    if (ngx_parse_url(cf->pool, u) != NGX_OK) {
        return NGX_ERROR;
    }

    if (u->naddrs == 0 && !ngx_http_gateway_peer_name(&u->host)) {
        u->err = "invalid host";
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* ssl */

char *
ngx_http_gateway_peer_ssl(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server,
    ngx_http_gateway_peer_ssl_t *ssl)
{
    ngx_conf_init_uint_value(ssl->on, 0);

    if (ngx_http_gateway_peer_ssl_check(cf, block, server, ssl)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ssl->on) {
        return NGX_CONF_OK;
    }

    if (ssl->name.data == NULL) {
        ssl->name = server->host;
    }

    if (ngx_http_gateway_peer_ssl_create(cf, ssl) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_peer_ssl_files(cf, ssl) != NGX_OK) {

        /* nginx has logged the error, but not the place */

        return ngx_http_gateway_block_refuse(cf, block,
                                             "cannot use its certificates");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_peer_ssl_check(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server,
    const ngx_http_gateway_peer_ssl_t *ssl)
{
    ngx_uint_t  i;

    /* directives that require "ssl on" */

    const struct {
        const ngx_str_t            *value;
        const char                 *name;
    } of_ssl[] = {
        { &ssl->trusted_certificate, "ssl_trusted_certificate" },
        { &ssl->name, "ssl_name" },
        { &ssl->certificate, "ssl_certificate" },
        { &ssl->certificate_key, "ssl_certificate_key" },
    };

    for (i = 0; i < sizeof(of_ssl) / sizeof(of_ssl[0]) && !ssl->on; i++) {
        if (of_ssl[i].value->data != NULL) {
            return ngx_http_gateway_block_refuse(cf, block,
                                                 "has \"%s\" without "
                                                 "\"ssl on\"",
                                                 of_ssl[i].name);
        }
    }

    if ((ssl->certificate.data == NULL) != (ssl->certificate_key.data == NULL))
    {
        return ngx_http_gateway_block_refuse(cf, block,
                    "must have \"ssl_certificate\" and "
                    "\"ssl_certificate_key\" both or neither");
    }

    if (ssl->on && server->type == SOCK_DGRAM) {
        return ngx_http_gateway_block_refuse(cf, block,
                    "has \"ssl on\", but \"server %V\" receives datagrams, "
                    "it must begin with \"tcp:\"", &server->text);
    }

#if (NGX_HAVE_UNIX_DOMAIN)

    if (ssl->on && ssl->name.data == NULL && server->addr != NULL
        && server->addr->sockaddr->sa_family == AF_UNIX)
    {
        return ngx_http_gateway_block_refuse(cf, block,
                    "must have \"ssl_name\", since a UNIX-domain socket has "
                    "no name to verify in the certificate");
    }

#endif

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_peer_ssl_create(ngx_conf_t *cf,
    ngx_http_gateway_peer_ssl_t *ssl)
{
    ngx_pool_cleanup_t  *cln;

    ssl->ctx = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl->ctx == NULL) {
        return NGX_ERROR;
    }

    ssl->ctx->log = cf->log;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ssl_create(ssl->ctx, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl->ctx;

    /* when a write is retried, the output buffer may have moved or grown */

    SSL_CTX_set_mode(ssl->ctx->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                                    |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_peer_ssl_files(ngx_conf_t *cf,
    ngx_http_gateway_peer_ssl_t *ssl)
{
    if (ssl->certificate.data != NULL
        && ngx_ssl_certificate(cf, ssl->ctx, &ssl->certificate,
                               &ssl->certificate_key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* with an empty name, only sets the depth */

    if (ngx_ssl_trusted_certificate(cf, ssl->ctx, &ssl->trusted_certificate,
                                    NGX_HTTP_GATEWAY_PEER_DEPTH)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ssl->trusted_certificate.data == NULL
        && SSL_CTX_set_default_verify_paths(ssl->ctx->ctx) == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* resolver */

ngx_int_t
ngx_http_gateway_peer_resolver(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server, ngx_resolver_t **resolver)
{
    ngx_http_core_loc_conf_t  *clcf;

    *resolver = NULL;

    if (server->addr != NULL) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* without the directive, nginx creates a resolver without servers */

    if (clcf->resolver == NULL || clcf->resolver->connections.nelts == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no resolver defined to resolve \"%V\": %V \"%V\" "
                      "needs \"resolver\" in http, or an address in "
                      "\"server\" in %V:%ui", &server->host,
                      &block->directive, &block->name,
                      ngx_http_gateway_place_args(&block->place));
        return NGX_ERROR;
    }

    *resolver = clcf->resolver;

    return NGX_OK;
}
