
/*
 * Connecting: when it is time, to which address, by which steps.  The first
 * that fails ends all of them, in ngx_http_gateway_redis_lost().
 */

#include "ngx_http_gateway_redis_private.h"


static void ngx_http_gateway_redis_resolve(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_gateway_redis_address(
    ngx_http_gateway_redis_connection_t *conn, struct sockaddr *sockaddr,
    socklen_t socklen);
static void ngx_http_gateway_redis_dial(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_keepalive(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_connect_handler(ngx_event_t *ev);
static void ngx_http_gateway_redis_established(
    ngx_http_gateway_redis_connection_t *conn);


void
ngx_http_gateway_redis_connect_later(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t spread)
{
    if (ngx_exiting) {
        return;
    }

    ngx_http_gateway_redis_stop_timer(conn);

    conn->retry = ngx_current_msec;
    ngx_add_timer(&conn->timer, 1 + ngx_random() % spread);
}


void
ngx_http_gateway_redis_timer_handler(ngx_event_t *ev)
{
    ngx_http_gateway_redis_connection_t *conn = ev->data;

    switch (conn->state) {

    case NGX_HTTP_GATEWAY_REDIS_DISCONNECTED:
        ngx_http_gateway_redis_connect(conn);
        return;

    case NGX_HTTP_GATEWAY_REDIS_CONNECTING:
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "connecting to %V timed out",
                                    &conn->address);
        return;

    default: /* NGX_HTTP_GATEWAY_REDIS_CONNECTED */
        return;
    }
}


/* set for a time, posted, or both */

void
ngx_http_gateway_redis_stop_timer(ngx_http_gateway_redis_connection_t *conn)
{
    if (conn->timer.timer_set) {
        ngx_del_timer(&conn->timer);
    }

    if (conn->timer.posted) {
        ngx_delete_posted_event(&conn->timer);
    }
}


void
ngx_http_gateway_redis_connect(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_addr_t                *addr;
    ngx_http_gateway_redis_t  *redis;

    redis = conn->redis;
    addr = conn->node->addr;

    ngx_http_gateway_redis_stop_timer(conn);

    if (!conn->probe && ngx_http_gateway_redis_open(redis)) {
        conn->retry = ngx_current_msec;
        ngx_http_gateway_redis_upkeep(redis);
        ngx_http_gateway_redis_drop(conn, NGX_HTTP_GATEWAY_REDIS_BREAKER,
                                    NGX_HTTP_GATEWAY_REDIS_BREAKER);
        return;
    }

    if (ngx_exiting && ngx_queue_empty(&conn->active)) {
        return;
    }

    conn->state = NGX_HTTP_GATEWAY_REDIS_CONNECTING;
    conn->address = conn->node->server;
    conn->why_len = 0;
    conn->good = 0;
    conn->denied = 0;

    ngx_add_timer(&conn->timer, redis->conf.connect_timeout);

    conn->reader = gw_resp_reader_create();
    if (conn->reader == NULL) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "no memory");
        return;
    }

    if (addr == NULL) {
        ngx_http_gateway_redis_resolve(conn);
        return;
    }

    ngx_http_gateway_redis_address(conn, addr->sockaddr, addr->socklen);
    ngx_http_gateway_redis_dial(conn);
}


static void
ngx_http_gateway_redis_resolve(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_resolver_ctx_t  *ctx;

    ctx = ngx_resolve_start(conn->redis->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "%V could not be resolved",
                                    &conn->node->host);
        return;
    }

    ctx->name = conn->node->host;
    ctx->handler = ngx_http_gateway_redis_resolved;
    ctx->data = conn;
    ctx->timeout = conn->redis->conf.connect_timeout;
    ctx->cancelable = 1;

    conn->resolving = ctx;

    /* which may call the handler, or has freed what it could not begin */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        conn->resolving = NULL;
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "%V could not be resolved",
                                    &conn->node->host);
    }
}


static void
ngx_http_gateway_redis_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t                             state;
    ngx_http_gateway_redis_connection_t  *conn;

    conn = ctx->data;
    state = ctx->state;

    if (state == 0) {

        /* the first: nginx gives them in another order each time */

        ngx_http_gateway_redis_address(conn, ctx->addrs[0].sockaddr,
                                       ctx->addrs[0].socklen);
    }

    conn->resolving = NULL;
    ngx_resolve_name_done(ctx);

    if (state) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "%V could not be resolved (%i: %s)",
                                    &conn->node->host, state,
                                    ngx_resolver_strerror(state));
        return;
    }

    ngx_http_gateway_redis_dial(conn);
}


static void
ngx_http_gateway_redis_address(ngx_http_gateway_redis_connection_t *conn,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_memcpy(&conn->sockaddr, sockaddr, socklen);

    if (conn->node->addr == NULL) {
        ngx_inet_set_port(&conn->sockaddr.sockaddr, conn->node->port);
    }

    conn->socklen = socklen;
    conn->address.data = conn->text;
    conn->address.len = ngx_sock_ntop(&conn->sockaddr.sockaddr, socklen,
                                      conn->text, NGX_SOCKADDR_STRLEN, 1);
}


static void
ngx_http_gateway_redis_dial(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *peer;

    peer = &conn->peer;

    ngx_memzero(peer, sizeof(ngx_peer_connection_t));

    peer->sockaddr = &conn->sockaddr.sockaddr;
    peer->socklen = conn->socklen;
    peer->name = &conn->address;
    peer->get = ngx_event_get_peer;
    peer->log = &conn->log;
    peer->log_error = NGX_ERROR_INFO;
    peer->so_keepalive = 1;

    rc = ngx_event_connect_peer(peer);

    if (rc == NGX_ERROR || rc == NGX_DECLINED) {
        peer->connection = NULL;
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    NULL);
        return;
    }

    c = peer->connection;

    ngx_http_gateway_redis_keepalive(conn);

    c->data = conn;
    c->read->handler = ngx_http_gateway_redis_connect_handler;
    c->write->handler = ngx_http_gateway_redis_connect_handler;

    if (rc == NGX_OK) {
        ngx_http_gateway_redis_established(conn);
    }
}


/*
 * What stands between may forget a connection that nobody uses, and tell
 * neither end; the system's default notices after two hours.
 */

static void
ngx_http_gateway_redis_keepalive(ngx_http_gateway_redis_connection_t *conn)
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

    if (conn->sockaddr.sockaddr.sa_family == AF_UNIX) {
        return;
    }

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        value = options[i].value;

        if (setsockopt(conn->peer.connection->fd, IPPROTO_TCP,
                       options[i].name, &value, sizeof(int))
            == -1)
        {
            ngx_log_error(NGX_LOG_INFO, &conn->log, ngx_socket_errno,
                          "setsockopt(TCP_KEEP...) failed, ignored");
        }
    }
#endif
}


static void
ngx_http_gateway_redis_connect_handler(ngx_event_t *ev)
{
    int                                   err;
    socklen_t                             len;
    ngx_connection_t                     *c;
    ngx_http_gateway_redis_connection_t  *conn;

    c = ev->data;
    conn = c->data;

    if (c->close) {
        ngx_http_gateway_redis_close(conn);
        return;
    }

    err = 0;
    len = sizeof(int);

    /*
     * BSDs and Linux return 0 and set a pending error in err
     * Solaris returns -1 and sets errno
     */

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_error(NGX_LOG_INFO, c->log, err, "connect() to %V failed",
                      &conn->address);
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    NULL);
        return;
    }

    if (!c->write->ready) {
        return;
    }

    ngx_http_gateway_redis_established(conn);
}


static void
ngx_http_gateway_redis_established(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_connection_t  *c;

    c = conn->peer.connection;

    if (conn->sockaddr.sockaddr.sa_family != AF_UNIX
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    NULL);
        return;
    }

    if (conn->redis->conf.ssl) {
        ngx_http_gateway_redis_ssl_start(conn);
        return;
    }

    ngx_http_gateway_redis_handshake(conn);
}


ngx_int_t
ngx_http_gateway_redis_connected(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_http_gateway_redis_stop_timer(conn);

    conn->state = NGX_HTTP_GATEWAY_REDIS_CONNECTED;
    conn->since = ngx_current_msec;
    conn->why_len = 0;

    if (conn->attempts) {
        ngx_log_error(NGX_LOG_NOTICE, conn->redis->log, 0,
                      "gateway_redis \"%V\": connected to %V",
                      &conn->redis->name, &conn->address);
    }

    if (conn->probe) {
        ngx_http_gateway_redis_probe_ask(conn);
    }

    return ngx_http_gateway_redis_fill(conn);
}
