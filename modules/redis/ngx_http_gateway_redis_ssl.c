
/*
 * TLS: always verified, the chain and the name.
 *
 * As nginx does with upstreams the handshake itself accepts any certificate;
 * what OpenSSL thinks of it is asked behind it, and before the first byte,
 * which may be the password, is sent.
 */

#include "ngx_http_gateway_redis_private.h"

#include <openssl/x509v3.h>


#define NGX_HTTP_GATEWAY_REDIS_DEPTH  9     /* of chains, as OpenSSL's tools */


static ngx_int_t ngx_http_gateway_redis_ssl_name(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);
static ngx_int_t ngx_http_gateway_redis_ssl_files(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);
static void ngx_http_gateway_redis_ssl_handler(ngx_connection_t *c);
static ngx_int_t ngx_http_gateway_redis_ssl_verify(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_ssl_check(ngx_connection_t *c,
    ngx_http_gateway_redis_conf_t *conf);


/* configuration */

char *
ngx_http_gateway_redis_ssl(ngx_conf_t *cf, ngx_http_gateway_redis_t *redis)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_gateway_redis_ssl_name(cf, redis) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    ssl->log = cf->log;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    /* what is retried may have moved, and grown, with the output buffer */

    SSL_CTX_set_mode(ssl->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                               |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    redis->conf.ssl_ctx = ssl;

    if (ngx_http_gateway_redis_ssl_files(cf, redis) != NGX_OK) {

        /* nginx has said what is wrong, but not where */

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"gateway_redis %V\" cannot "
                      "use its certificates in %V:%ui", &redis->name,
                      ngx_http_gateway_place_args(&redis->conf.place));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the name that the certificate must be for, NUL-terminated */

static ngx_int_t
ngx_http_gateway_redis_ssl_name(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    u_char      *p;
    ngx_str_t    name;
    ngx_addr_t   addr;

    name = redis->conf.ssl_name.data ? redis->conf.ssl_name
                                     : redis->node.host;

    if (name.len > 2 && name.data[0] == '['
        && name.data[name.len - 1] == ']')
    {
        name.data++;
        name.len -= 2;
    }

    p = ngx_pnalloc(cf->pool, name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, name.data, name.len + 1);

    redis->conf.ssl_name.data = p;
    redis->conf.ssl_name.len = name.len;
    redis->conf.ssl_ip = (ngx_parse_addr(cf->pool, &addr, p, name.len)
                          == NGX_OK);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_ssl_files(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis)
{
    ngx_ssl_t                      *ssl;
    ngx_http_gateway_redis_conf_t  *conf;

    conf = &redis->conf;
    ssl = conf->ssl_ctx;

    if (conf->ssl_certificate.data != NULL
        && ngx_ssl_certificate(cf, ssl, &conf->ssl_certificate,
                               &conf->ssl_certificate_key, NULL)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* with an empty name it sets the depth */

    if (ngx_ssl_trusted_certificate(cf, ssl, &conf->ssl_trusted_certificate,
                                    NGX_HTTP_GATEWAY_REDIS_DEPTH)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->ssl_trusted_certificate.data == NULL
        && SSL_CTX_set_default_verify_paths(ssl->ctx) == 0)
    {
        ngx_ssl_error(NGX_LOG_EMERG, ssl->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* connections */

void
ngx_http_gateway_redis_ssl_start(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_int_t                       rc;
    ngx_connection_t               *c;
    ngx_http_gateway_redis_conf_t  *conf;

    c = conn->peer.connection;
    conf = &conn->redis->conf;

    c->pool = ngx_create_pool(1024, &conn->log);

    if (c->pool == NULL
        || ngx_ssl_create_connection(conf->ssl_ctx, c, NGX_SSL_CLIENT)
           != NGX_OK)
    {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "TLS with %V failed", &conn->address);
        return;
    }

    if (!conf->ssl_ip
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) conf->ssl_name.data)
           == 0)
    {
        ngx_ssl_error(NGX_LOG_INFO, c->log, 0,
                      "SSL_set_tlsext_host_name() failed");
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "TLS with %V failed", &conn->address);
        return;
    }

    c->ssl->handler = ngx_http_gateway_redis_ssl_handler;

    rc = ngx_ssl_handshake(c);

    if (rc != NGX_AGAIN) {
        ngx_http_gateway_redis_ssl_handler(c);
    }
}


static void
ngx_http_gateway_redis_ssl_handler(ngx_connection_t *c)
{
    ngx_http_gateway_redis_connection_t  *conn;

    conn = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "TLS with %V failed", &conn->address);
        return;
    }

    if (ngx_http_gateway_redis_ssl_verify(conn) != NGX_OK) {
        ERR_clear_error();
        return;
    }

    ngx_http_gateway_redis_handshake(conn);
}


/* NGX_ERROR: the connection was closed */

static ngx_int_t
ngx_http_gateway_redis_ssl_verify(ngx_http_gateway_redis_connection_t *conn)
{
    long               rc;
    ngx_connection_t  *c;

    c = conn->peer.connection;
    conn->why_len = 0;

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "the certificate of %V is not valid "
                                    "(%l:%s)", &conn->address, rc,
                                    X509_verify_cert_error_string(rc));
        return NGX_ERROR;
    }

    if (ngx_http_gateway_redis_ssl_check(c, &conn->redis->conf) != NGX_OK) {
        conn->why_len = 0;
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "the certificate of %V is not for \"%V\"",
                                    &conn->address,
                                    &conn->redis->conf.ssl_name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_ssl_check(ngx_connection_t *c,
    ngx_http_gateway_redis_conf_t *conf)
{
    int    rc;
    X509  *cert;

    if (!conf->ssl_ip) {
        return ngx_ssl_check_host(c, &conf->ssl_name);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, (char *) conf->ssl_name.data, 0);

    X509_free(cert);

    return (rc == 1) ? NGX_OK : NGX_ERROR;
}


/* without close_notify, which could have to wait; no reply is missing */

void
ngx_http_gateway_redis_ssl_end(ngx_connection_t *c)
{
    if (c->ssl == NULL) {
        return;
    }

    c->ssl->no_wait_shutdown = 1;
    c->ssl->no_send_shutdown = 1;

    (void) ngx_ssl_shutdown(c);

    ERR_clear_error();
}
