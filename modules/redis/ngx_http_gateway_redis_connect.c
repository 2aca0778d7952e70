/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Connecting.  Core's peer resolves the name, connects and negotiates TLS; the
 * first step that fails calls ngx_http_gateway_redis_lost().
 */

#include "ngx_http_gateway_redis_private.h"


static void ngx_http_gateway_redis_peer_failed(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason);


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
    ngx_http_gateway_redis_connect(ev->data);
}


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
    ngx_http_gateway_peer_t   *peer;
    ngx_http_gateway_redis_t  *redis;

    redis = conn->redis;

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
    conn->good = 0;
    conn->denied = 0;

    conn->reader = gw_resp_reader_create();
    if (conn->reader == NULL) {
        ngx_http_gateway_redis_lost(conn,
                                    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                    "no memory");
        return;
    }

    peer = &conn->peer;

    peer->server = &conn->node->server;
    peer->resolver = redis->resolver;
    peer->ssl = redis->conf.ssl.ctx;
    peer->ssl_name = redis->conf.ssl.name;
    peer->timeout = redis->conf.connect_timeout;
    peer->connected = ngx_http_gateway_redis_handshake;
    peer->failed = ngx_http_gateway_redis_peer_failed;
    peer->data = conn;

    ngx_http_gateway_peer_connect(peer);
}


static void
ngx_http_gateway_redis_peer_failed(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason)
{
    ngx_http_gateway_redis_connection_t *conn = peer->data;

    if (reason == NULL) {
        ngx_http_gateway_redis_close(conn);
        return;
    }

    ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT,
                                "%V", reason);
}


ngx_int_t
ngx_http_gateway_redis_connected(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_http_gateway_peer_ready(&conn->peer);

    conn->state = NGX_HTTP_GATEWAY_REDIS_CONNECTED;
    conn->since = ngx_current_msec;

    ngx_http_gateway_add(conn->node->connected, 1);

    /* ends the failure in the log, once for all workers */

    if (conn->redis->sh->logged_lost
        && ngx_atomic_cmp_set(&conn->redis->sh->logged_lost, 1, 0))
    {
        ngx_log_error(NGX_LOG_ERR, conn->redis->log, 0,
                      "gateway_redis \"%V\": connected to %V",
                      &conn->redis->block.name, &conn->peer.address);
    }

    if (conn->probe) {
        ngx_http_gateway_redis_probe_ask(conn);
    }

    return ngx_http_gateway_redis_fill(conn);
}
