/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Connections: their start and end, and the time of the next attempt.
 *
 * A worker connects after a random delay when it starts, and keeps the
 * connection.  A good connection that is lost is made again at once.  After a
 * failure, the next attempt follows after a random part of 50 ms, 100 ms and
 * so on up to 5 s; until then no calls can be made.  A connection never makes
 * two attempts at the same time.
 */

#include "ngx_http_gateway_redis_private.h"


/* what follows from the end of a connection */

typedef struct {
    ngx_http_gateway_redis_say_e     say;
    ngx_http_gateway_redis_status_e  status;    /* of sent calls */
    ngx_uint_t                       counts;    /* even without calls */
    ngx_uint_t                       denied;    /* wait before a retry */
} ngx_http_gateway_redis_ending_t;


static void ngx_http_gateway_redis_init_connection(
    ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_connection_t *conn, ngx_cycle_t *cycle);
static void ngx_http_gateway_redis_say_lost(
    ngx_http_gateway_redis_connection_t *conn,
    const ngx_http_gateway_redis_ending_t *ending, ngx_uint_t busy,
    const ngx_str_t *reason);
static void ngx_http_gateway_redis_backoff(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_cause_e cause);
static ngx_uint_t ngx_http_gateway_redis_lasted(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_shut(
    ngx_http_gateway_redis_connection_t *conn);


/* indexed by ngx_http_gateway_redis_cause_e */

static const ngx_http_gateway_redis_ending_t
    ngx_http_gateway_redis_endings[] =
{
    [NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_CONNECT,
        .status = NGX_HTTP_GATEWAY_REDIS_CLOSED,
        .counts = 1
    },

    [NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_LOST,
        .status = NGX_HTTP_GATEWAY_REDIS_CLOSED
    },

    [NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_MALFORMED,
        .status = NGX_HTTP_GATEWAY_REDIS_MALFORMED,
        .counts = 1
    },

    [NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_READONLY,
        .status = NGX_HTTP_GATEWAY_REDIS_CLOSED,
        .counts = 1
    },

    /* a mistake in the configuration, which retries do not repair */

    [NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_DENIED,
        .status = NGX_HTTP_GATEWAY_REDIS_CLOSED,
        .denied = 1
    }
};

_Static_assert(sizeof(ngx_http_gateway_redis_endings)
               / sizeof(ngx_http_gateway_redis_endings[0])
               == NGX_HTTP_GATEWAY_REDIS_CAUSES,
               "a row for each ngx_http_gateway_redis_cause_e");


ngx_int_t
ngx_http_gateway_redis_start(ngx_http_gateway_redis_t *redis,
    ngx_cycle_t *cycle)
{
    ngx_int_t                             i;
    ngx_http_gateway_redis_connection_t  *conn;

    redis->log = cycle->log;

    ngx_queue_init(&redis->free);

    redis->upkeep.handler = ngx_http_gateway_redis_upkeep_handler;
    redis->upkeep.data = redis;
    redis->upkeep.log = cycle->log;
    redis->upkeep.cancelable = 1;

    conn = ngx_pcalloc(cycle->pool,
                       redis->conf.connections
                       * sizeof(ngx_http_gateway_redis_connection_t));
    if (conn == NULL) {
        return NGX_ERROR;
    }

    redis->node.connections = conn;

    for (i = 0; i < redis->conf.connections; i++) {

        conn = ngx_http_gateway_redis_connection(redis, i);

        ngx_http_gateway_redis_init_connection(redis, conn, cycle);

        conn->loading = ngx_pcalloc(cycle->pool, redis->scripts->nelts + 1);
        if (conn->loading == NULL
            || ngx_http_gateway_redis_flows(conn, cycle->pool) != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_gateway_redis_connect_later(conn,
                                             NGX_HTTP_GATEWAY_REDIS_START);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_redis_init_connection(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_connection_t *conn, ngx_cycle_t *cycle)
{
    conn->redis = redis;
    conn->node = &redis->node;

    ngx_queue_init(&conn->sent);
    ngx_queue_init(&conn->active);

    ngx_http_gateway_peer_init(&conn->peer, cycle->log);

    conn->timer.handler = ngx_http_gateway_redis_timer_handler;
    conn->timer.data = conn;
    conn->timer.log = cycle->log;
    conn->timer.cancelable = 1;

    conn->deadline.handler = ngx_http_gateway_redis_deadline;
    conn->deadline.data = conn;
    conn->deadline.log = cycle->log;

    conn->flush.handler = ngx_http_gateway_redis_flush_handler;
    conn->flush.data = conn;
    conn->flush.log = cycle->log;
}


/* handlers are not called: the worker no longer processes requests */

void
ngx_http_gateway_redis_stop(ngx_http_gateway_redis_t *redis)
{
    ngx_int_t                             i;
    ngx_queue_t                          *q;
    ngx_http_gateway_redis_call_t        *call;
    ngx_http_gateway_redis_connection_t  *conn;

    if (redis->node.connections == NULL) {
        return;
    }

    for (i = 0; i < redis->conf.connections; i++) {

        conn = ngx_http_gateway_redis_connection(redis, i);

        ngx_http_gateway_redis_shut(conn);

        while (!ngx_queue_empty(&conn->sent)) {
            q = ngx_queue_head(&conn->sent);
            ngx_queue_remove(q);

            call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);
            ngx_http_gateway_redis_count_call(call,
                                              NGX_HTTP_GATEWAY_REDIS_CLOSED);
            ngx_free(call);
        }

        while ((call = ngx_http_gateway_redis_next(conn)) != NULL) {
            ngx_http_gateway_redis_count_call(call,
                                              NGX_HTTP_GATEWAY_REDIS_DOWN);
            ngx_free(call);
        }
    }

    while (!ngx_queue_empty(&redis->free)) {
        q = ngx_queue_head(&redis->free);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);
        ngx_free(call);
    }

    if (redis->upkeep.timer_set) {
        ngx_del_timer(&redis->upkeep);
    }

    redis->node.connections = NULL;
}


ngx_http_gateway_redis_node_t *
ngx_http_gateway_redis_node(ngx_http_gateway_redis_t *redis,
    const ngx_str_t *key)
{
    return &redis->node;
}


ngx_http_gateway_redis_connection_t *
ngx_http_gateway_redis_pick(ngx_http_gateway_redis_node_t *node)
{
    ngx_int_t                             i;
    ngx_http_gateway_redis_connection_t  *conn, *best;

    best = &node->connections[0];

    for (i = 1; i < node->redis->conf.connections; i++) {

        conn = &node->connections[i];

        if (conn->state > best->state
            || (conn->state == best->state && conn->queued < best->queued))
        {
            best = conn;
        }
    }

    return best;
}


void ngx_cdecl
ngx_http_gateway_redis_lost(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_cause_e cause, const char *fmt, ...)
{
    u_char                                  buf[NGX_HTTP_GATEWAY_REDIS_ERR];
    va_list                                 args;
    ngx_str_t                               reason;
    ngx_msec_t                              delay;
    ngx_uint_t                              busy, probe;
    const ngx_http_gateway_redis_ending_t  *ending;

    va_start(args, fmt);
    reason.data = buf;
    reason.len = ngx_http_gateway_peer_reason(&conn->peer, buf,
                                              buf + sizeof(buf), fmt, args)
                 - buf;
    va_end(args);

    if (conn->state != NGX_HTTP_GATEWAY_REDIS_CONNECTED
        && cause == NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST)
    {
        cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT;
    }

    ending = &ngx_http_gateway_redis_endings[cause];

    busy = !ngx_queue_empty(&conn->active);
    probe = conn->probe;

    conn->probe = 0;

    ngx_http_gateway_redis_backoff(conn, cause);
    ngx_http_gateway_redis_shut(conn);

    if (probe) {
        ngx_http_gateway_redis_probe_failed(conn->redis);
    }

    ngx_http_gateway_redis_say_lost(conn, ending, busy, &reason);

    if (!ngx_exiting) {
        delay = conn->retry - ngx_current_msec;

        if (delay == 0) {
            delay = 1 + ngx_random() % NGX_HTTP_GATEWAY_REDIS_AGAIN;
        }

        ngx_add_timer(&conn->timer, delay);
    }

    ngx_http_gateway_redis_drop(conn, ending->status,
                                NGX_HTTP_GATEWAY_REDIS_DOWN);
}


/* it is no failure if Redis closes a connection that was not in use */

static void
ngx_http_gateway_redis_say_lost(ngx_http_gateway_redis_connection_t *conn,
    const ngx_http_gateway_redis_ending_t *ending, ngx_uint_t busy,
    const ngx_str_t *reason)
{
    u_char      next[sizeof("reconnecting in ms") + NGX_TIME_T_LEN];
    ngx_msec_t  delay;

    delay = conn->retry - ngx_current_msec;

    ngx_sprintf(next, delay ? "reconnecting in %Mms%Z" : "reconnecting%Z",
                delay);

    if (busy || ending->counts || ending->denied) {
        if (ngx_http_gateway_redis_failure(conn->redis, ending->say,
                                           !ending->denied, reason,
                                           (char *) next))
        {
            conn->redis->sh->logged_lost = 1;
        }

        return;
    }

    ngx_log_error(NGX_LOG_INFO, conn->redis->log, 0,
                  "gateway_redis \"%V\": %V, %s",
                  &conn->redis->block.name, reason, next);
}


/*
 * Sets the time of the next attempt.  It follows at once if the connection was
 * good, or unused, for some time.  It also follows at once, but only once in a
 * row, if the connection was good: a server that closes after each reply, or
 * that refuses writes, must not be flooded with connections.
 */

static void
ngx_http_gateway_redis_backoff(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_cause_e cause)
{
    ngx_msec_t  most;
    ngx_uint_t  lasted;

    conn->retry = ngx_current_msec;
    conn->denied = ngx_http_gateway_redis_endings[cause].denied;

    lasted = (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED
              && ngx_http_gateway_redis_lasted(conn));

    if (lasted) {
        conn->attempts = 0;
    }

    if (conn->denied) {
        conn->retry += NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX
                       + ngx_random() % NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX / 5;
        conn->attempts++;
        return;
    }

    if (cause == NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST && lasted) {
        return;
    }

    if (cause == NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST && conn->good
        && conn->attempts == 0)
    {
        conn->attempts = 1;
        return;
    }

    most = NGX_HTTP_GATEWAY_REDIS_BACKOFF << ngx_min(conn->attempts, 7);
    most = ngx_min(most, NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX);

    conn->retry += 1 + ngx_random() % most;
    conn->attempts++;
}


static ngx_uint_t
ngx_http_gateway_redis_lasted(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_msec_t     lasted;
    ngx_atomic_t  *said;

    lasted = ngx_current_msec - conn->since;

    if (lasted > NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX) {

        /* its loss is news: one worker may log it again */

        said = conn->redis->sh->said;

        ngx_http_gateway_say_again(&said[NGX_HTTP_GATEWAY_REDIS_SAY_LOST],
                                   NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX);
        ngx_http_gateway_say_again(&said[NGX_HTTP_GATEWAY_REDIS_SAY_CONNECT],
                                   NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX);
        return 1;
    }

    return (conn->good || conn->queued == 0)
           && lasted > NGX_HTTP_GATEWAY_REDIS_GOOD;
}


void
ngx_http_gateway_redis_close(ngx_http_gateway_redis_connection_t *conn)
{
    conn->retry = ngx_current_msec;
    conn->attempts = 0;
    conn->probe = 0;

    ngx_http_gateway_redis_shut(conn);
    ngx_http_gateway_redis_drop(conn, NGX_HTTP_GATEWAY_REDIS_CLOSED,
                                NGX_HTTP_GATEWAY_REDIS_DOWN);
}


/* closes the connection, but keeps its calls */

static void
ngx_http_gateway_redis_shut(ngx_http_gateway_redis_connection_t *conn)
{
    if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED) {
        ngx_http_gateway_add(conn->node->connected, (uint64_t) -1);
    }

    conn->state = NGX_HTTP_GATEWAY_REDIS_DISCONNECTED;

    ngx_http_gateway_peer_close(&conn->peer);

    gw_resp_reader_free(conn->reader);
    conn->reader = NULL;

    ngx_http_gateway_redis_free_output(conn);
    ngx_memzero(conn->loading, conn->redis->scripts->nelts + 1);

    ngx_http_gateway_redis_stop_timer(conn);

    if (conn->deadline.timer_set) {
        ngx_del_timer(&conn->deadline);
    }

    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    conn->grace = 0;
}
