/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Connections of a worker to a server: resolve, connect, negotiate TLS.  If one
 * step fails, the connection fails.
 *
 * As with nginx's upstreams, the TLS handshake itself accepts any certificate.
 * The result of OpenSSL's verification is checked after the handshake, before
 * the caller can send anything, such as a password.
 */

#include "ngx_http_gateway_peer.h"

#include <openssl/x509v3.h>


static void ngx_http_gateway_peer_resolve(ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_gateway_peer_address(ngx_http_gateway_peer_t *peer,
    struct sockaddr *sockaddr, socklen_t socklen);
static void ngx_http_gateway_peer_dial(ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_keepalive(ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_peer_test_connect(
    ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_established(ngx_http_gateway_peer_t *peer);
static ngx_int_t ngx_http_gateway_peer_ssl_start(
    ngx_http_gateway_peer_t *peer);
static ngx_int_t ngx_http_gateway_peer_ssl_name(ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_ssl_handshake(
    ngx_http_gateway_peer_t *peer);
static ngx_int_t ngx_http_gateway_peer_ssl_check(
    ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_ssl_end(ngx_connection_t *c);
static void ngx_http_gateway_peer_connected(ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_peer_timeout(ngx_event_t *ev);
static void ngx_cdecl ngx_http_gateway_peer_fail(
    ngx_http_gateway_peer_t *peer, const char *fmt, ...);


void
ngx_http_gateway_peer_init(ngx_http_gateway_peer_t *peer, ngx_log_t *log)
{
    peer->owner = log;

    ngx_http_gateway_capture_init(&peer->capture, log);

    peer->timer.handler = ngx_http_gateway_peer_timeout;
    peer->timer.data = peer;
    peer->timer.log = log;
    peer->timer.cancelable = 1;
}


void
ngx_http_gateway_peer_connect(ngx_http_gateway_peer_t *peer)
{
    ngx_addr_t  *addr;

    peer->address = peer->server->text;
    ngx_http_gateway_capture_clear(&peer->capture);

    ngx_add_timer(&peer->timer, peer->timeout);

    addr = peer->server->addr;

    if (addr == NULL) {
        ngx_http_gateway_peer_resolve(peer);
        return;
    }

    ngx_http_gateway_peer_address(peer, addr->sockaddr, addr->socklen);
    ngx_http_gateway_peer_dial(peer);
}


/* resolving */

static void
ngx_http_gateway_peer_resolve(ngx_http_gateway_peer_t *peer)
{
    ngx_resolver_ctx_t  *ctx;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, peer->owner, 0,
                   "gateway peer: resolving \"%V\"", &peer->server->host);

    ctx = ngx_resolve_start(peer->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_gateway_peer_fail(peer, "%V could not be resolved",
                                   &peer->server->host);
        return;
    }

    ctx->name = peer->server->host;
    ctx->handler = ngx_http_gateway_peer_resolved;
    ctx->data = peer;
    ctx->timeout = peer->timeout;
    ctx->cancelable = 1;

    peer->resolving = ctx;

    /* may call the handler; on failure, the context is already freed */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        peer->resolving = NULL;
        ngx_http_gateway_peer_fail(peer, "%V could not be resolved",
                                   &peer->server->host);
    }
}


static void
ngx_http_gateway_peer_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t                 state;
    ngx_http_gateway_peer_t  *peer;

    peer = ctx->data;
    state = ctx->state;

    if (state == 0) {

        /* the first address: nginx returns them in a changing order */

        ngx_http_gateway_peer_address(peer, ctx->addrs[0].sockaddr,
                                      ctx->addrs[0].socklen);
    }

    peer->resolving = NULL;
    ngx_resolve_name_done(ctx);

    if (state) {
        ngx_http_gateway_peer_fail(peer, "%V could not be resolved (%i: %s)",
                                   &peer->server->host, state,
                                   ngx_resolver_strerror(state));
        return;
    }

    ngx_http_gateway_peer_dial(peer);
}


/* connecting */

static void
ngx_http_gateway_peer_address(ngx_http_gateway_peer_t *peer,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_memcpy(&peer->sockaddr, sockaddr, socklen);

    if (peer->server->addr == NULL) {
        ngx_inet_set_port(&peer->sockaddr.sockaddr, peer->server->port);
    }

    peer->socklen = socklen;
    peer->address.data = peer->text;
    peer->address.len = ngx_sock_ntop(&peer->sockaddr.sockaddr, socklen,
                                      peer->text, NGX_SOCKADDR_STRLEN, 1);
}


static void
ngx_http_gateway_peer_dial(ngx_http_gateway_peer_t *peer)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   pc;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, peer->owner, 0,
                   "gateway peer: connecting to %V", &peer->address);

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));

    pc.sockaddr = &peer->sockaddr.sockaddr;
    pc.socklen = peer->socklen;
    pc.name = &peer->address;
    pc.type = peer->server->type;
    pc.get = ngx_event_get_peer;
    pc.log = &peer->capture.log;
    pc.log_error = NGX_ERROR_INFO;
    pc.so_keepalive = (peer->server->type == SOCK_STREAM);

    rc = ngx_event_connect_peer(&pc);

    if (rc == NGX_ERROR || rc == NGX_DECLINED) {
        ngx_http_gateway_peer_fail(peer, NULL);
        return;
    }

    c = pc.connection;
    c->data = peer;
    c->read->handler = ngx_http_gateway_peer_handler;
    c->write->handler = ngx_http_gateway_peer_handler;

    peer->connection = c;

    ngx_http_gateway_peer_keepalive(peer);

    if (rc == NGX_OK) {
        ngx_http_gateway_peer_established(peer);
    }
}


/*
 * A firewall may drop the state of an idle connection without notice to either
 * end.  With its default settings, the system detects this after two hours.
 */

static void
ngx_http_gateway_peer_keepalive(ngx_http_gateway_peer_t *peer)
{
#if (NGX_HAVE_KEEPALIVE_TUNABLE)
    int         value;
    ngx_uint_t  i;

    static const struct {
        int     name;
        int     value;      /* seconds; or a count */
    } options[] = {
        { TCP_KEEPIDLE, 30 },
        { TCP_KEEPINTVL, 5 },
        { TCP_KEEPCNT, 3 }
    };

    if (peer->server->type != SOCK_STREAM
        || peer->sockaddr.sockaddr.sa_family == AF_UNIX)
    {
        return;
    }

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        value = options[i].value;

        if (setsockopt(peer->connection->fd, IPPROTO_TCP, options[i].name,
                       &value, sizeof(int))
            == -1)
        {
            ngx_log_error(NGX_LOG_INFO, &peer->capture.log, ngx_socket_errno,
                          "setsockopt(TCP_KEEP...) failed, ignored");
        }
    }
#endif
}


/* handles both events until the caller sets its own handlers */

static void
ngx_http_gateway_peer_handler(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_gateway_peer_t  *peer;

    c = ev->data;
    peer = c->data;

    if (c->close) {
        ngx_http_gateway_peer_close(peer);
        peer->failed(peer, NULL);
        return;
    }

    if (c->ssl != NULL) {
        ngx_http_gateway_peer_ssl_handshake(peer);
        return;
    }

    if (ngx_http_gateway_peer_test_connect(peer) != NGX_OK) {
        ngx_http_gateway_peer_fail(peer, NULL);
        return;
    }

    if (c->write->ready) {
        ngx_http_gateway_peer_established(peer);
    }
}


static ngx_int_t
ngx_http_gateway_peer_test_connect(ngx_http_gateway_peer_t *peer)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    /*
     * BSDs and Linux return 0 and set a pending error in err
     * Solaris returns -1 and sets errno
     */

    if (getsockopt(peer->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_error(NGX_LOG_INFO, &peer->capture.log, err,
                      "connect() to %V failed", &peer->address);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_peer_established(ngx_http_gateway_peer_t *peer)
{
    if (peer->server->type == SOCK_STREAM
        && peer->sockaddr.sockaddr.sa_family != AF_UNIX
        && ngx_tcp_nodelay(peer->connection) != NGX_OK)
    {
        ngx_http_gateway_peer_fail(peer, NULL);
        return;
    }

    if (peer->ssl == NULL) {
        ngx_http_gateway_peer_connected(peer);
        return;
    }

    if (ngx_http_gateway_peer_ssl_start(peer) != NGX_OK) {
        ngx_http_gateway_peer_fail(peer, "TLS with %V failed", &peer->address);
        return;
    }

    ngx_http_gateway_peer_ssl_handshake(peer);
}


/* TLS */

static ngx_int_t
ngx_http_gateway_peer_ssl_start(ngx_http_gateway_peer_t *peer)
{
    ngx_connection_t  *c;

    c = peer->connection;

    c->pool = ngx_create_pool(1024, &peer->capture.log);

    if (c->pool == NULL
        || ngx_http_gateway_peer_ssl_name(peer) != NGX_OK
        || ngx_ssl_create_connection(peer->ssl, c, NGX_SSL_CLIENT) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, peer->owner, 0,
                   "gateway peer: TLS with %V for \"%V\"", &peer->address,
                   &peer->certificate);

    if (!peer->ip
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) peer->certificate.data)
           == 0)
    {
        ngx_ssl_error(NGX_LOG_INFO, c->log, 0,
                      "SSL_set_tlsext_host_name() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the name to verify in the certificate, without the brackets of IPv6 */

static ngx_int_t
ngx_http_gateway_peer_ssl_name(ngx_http_gateway_peer_t *peer)
{
    u_char      *p;
    ngx_str_t    name;
    ngx_addr_t   addr;
    ngx_pool_t  *pool;

    name = peer->ssl_name;
    pool = peer->connection->pool;

    if (name.len > 2 && name.data[0] == '['
        && name.data[name.len - 1] == ']')
    {
        name.data++;
        name.len -= 2;
    }

    p = ngx_pnalloc(pool, name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(p, name.data, name.len + 1);

    peer->certificate.data = p;
    peer->certificate.len = name.len;
    peer->ip = (ngx_parse_addr(pool, &addr, p, name.len) == NGX_OK);

    return NGX_OK;
}


static void
ngx_http_gateway_peer_ssl_handshake(ngx_http_gateway_peer_t *peer)
{
    long               rc;
    ngx_connection_t  *c;

    c = peer->connection;

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {

        /* nginx's own handlers would ignore c->close */

        c->read->handler = ngx_http_gateway_peer_handler;
        c->write->handler = ngx_http_gateway_peer_handler;
        return;
    }

    if (!c->ssl->handshaked) {
        ngx_http_gateway_peer_fail(peer, "TLS with %V failed", &peer->address);
        return;
    }

    ngx_http_gateway_capture_clear(&peer->capture);

    rc = SSL_get_verify_result(c->ssl->connection);

    if (rc != X509_V_OK) {
        ngx_http_gateway_peer_fail(peer, "the certificate of %V is not valid "
                                   "(%l:%s)", &peer->address, rc,
                                   X509_verify_cert_error_string(rc));
        return;
    }

    if (ngx_http_gateway_peer_ssl_check(peer) != NGX_OK) {
        ngx_http_gateway_capture_clear(&peer->capture);
        ngx_http_gateway_peer_fail(peer, "the certificate of %V is not for "
                                   "\"%V\"", &peer->address,
                                   &peer->certificate);
        return;
    }

    ngx_http_gateway_peer_connected(peer);
}


static ngx_int_t
ngx_http_gateway_peer_ssl_check(ngx_http_gateway_peer_t *peer)
{
    int                rc;
    X509              *cert;
    ngx_connection_t  *c;

    c = peer->connection;

    if (!peer->ip) {
        return ngx_ssl_check_host(c, &peer->certificate);
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return NGX_ERROR;
    }

    rc = X509_check_ip_asc(cert, (char *) peer->certificate.data, 0);

    X509_free(cert);

    return (rc == 1) ? NGX_OK : NGX_ERROR;
}


/* sends close_notify if possible at once; does not wait for the peer's */

static void
ngx_http_gateway_peer_ssl_end(ngx_connection_t *c)
{
    c->ssl->no_wait_shutdown = 1;

    if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    ERR_clear_error();
}


static void
ngx_http_gateway_peer_connected(ngx_http_gateway_peer_t *peer)
{
    ngx_log_debug1(NGX_LOG_DEBUG_CORE, peer->owner, 0,
                   "gateway peer: connected to %V", &peer->address);

    peer->connected(peer);
}


void
ngx_http_gateway_peer_ready(ngx_http_gateway_peer_t *peer)
{
    if (peer->timer.timer_set) {
        ngx_del_timer(&peer->timer);
    }

    ngx_http_gateway_capture_clear(&peer->capture);
}


static void
ngx_http_gateway_peer_timeout(ngx_event_t *ev)
{
    ngx_http_gateway_peer_t *peer = ev->data;

    const char        *fmt;
    ngx_connection_t  *c;

    fmt = "connecting to %V timed out";
    c = peer->connection;

#if (NGX_SSL)
    if (c && c->ssl && !c->ssl->handshaked) {
        fmt = "the TLS handshake with %V timed out, the port may not use "
              "TLS";
    }
#endif

    ngx_http_gateway_peer_fail(peer, fmt, &peer->address);
}


static void ngx_cdecl
ngx_http_gateway_peer_fail(ngx_http_gateway_peer_t *peer, const char *fmt, ...)
{
    u_char     buf[NGX_HTTP_GATEWAY_PEER_REASON];
    va_list    args;
    ngx_str_t  reason;

    va_start(args, fmt);
    reason.data = buf;
    reason.len = ngx_http_gateway_peer_reason(peer, buf, buf + sizeof(buf),
                                              fmt, args)
                 - buf;
    va_end(args);

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, peer->owner, 0, "gateway peer: %V",
                   &reason);

    ngx_http_gateway_peer_close(peer);

    peer->failed(peer, &reason);
}


u_char *
ngx_http_gateway_peer_reason(ngx_http_gateway_peer_t *peer, u_char *p,
    u_char *last, const char *fmt, va_list args)
{
    if (fmt == NULL && peer->capture.len == 0) {
        return ngx_slprintf(p, last, "connecting to %V failed",
                            &peer->address);
    }

    if (fmt != NULL) {
        p = ngx_vslprintf(p, last, fmt, args);
    }

    if (peer->capture.len) {
        p = ngx_slprintf(p, last, "%s%s", fmt ? ": " : "", peer->capture.why);
    }

    return p;
}


void
ngx_http_gateway_peer_close(ngx_http_gateway_peer_t *peer)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    if (peer->resolving != NULL) {
        ngx_resolve_name_done(peer->resolving);
        peer->resolving = NULL;
    }

    c = peer->connection;

    if (c != NULL) {
        ngx_log_debug1(NGX_LOG_DEBUG_CORE, peer->owner, 0,
                       "gateway peer: closing the connection to %V",
                       &peer->address);

        peer->connection = NULL;
        pool = c->pool;

        if (c->ssl != NULL) {
            ngx_http_gateway_peer_ssl_end(c);
        }

        ngx_close_connection(c);

        if (pool != NULL) {
            ngx_destroy_pool(pool);
        }
    }

    ngx_http_gateway_peer_ready(peer);
}
