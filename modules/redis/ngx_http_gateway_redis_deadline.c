/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Deadlines: what becomes of a call that Redis does not answer in time, and of
 * its connection.
 *
 * All calls of a block have the same timeout, so the order in which they were
 * made is the order of their deadlines: one timer, for the oldest call, is
 * enough.  A late call loses its handler and is no longer active; its slot
 * stays for the reply that may still come, and the handler may ask for that
 * reply.  Only active calls keep a worker from exiting, none for longer than
 * "timeout".
 */

#include "ngx_http_gateway_redis_private.h"


static ngx_int_t ngx_http_gateway_redis_catch_up(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_expire(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_uint_t ngx_http_gateway_redis_overdue(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_late(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static void ngx_http_gateway_redis_timed_out(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_uint_t ngx_http_gateway_redis_backlog(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_uint_t ngx_http_gateway_redis_silent(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t since);
static ngx_uint_t ngx_http_gateway_redis_hung(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t *at);
static ngx_msec_t ngx_http_gateway_redis_patience(
    ngx_http_gateway_redis_connection_t *conn);


void
ngx_http_gateway_redis_deadline(ngx_event_t *ev)
{
    ngx_http_gateway_redis_connection_t *conn = ev->data;

    ngx_msec_t  at;

    if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED
        && ngx_http_gateway_redis_catch_up(conn) != NGX_OK)
    {
        return;
    }

    conn->grace = 0;

    ngx_http_gateway_redis_expire(conn);

    if (ngx_http_gateway_redis_hung(conn, &at)
        && ngx_http_gateway_redis_due(at))
    {
        ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                    "%V has not answered for %Mms",
                                    &conn->peer.address,
                                    ngx_http_gateway_redis_patience(conn));
        return;
    }

    /* a call that a handler has just made may have set the timer */

    if (conn->deadline.timer_set) {
        ngx_del_timer(&conn->deadline);
    }

    ngx_http_gateway_redis_rearm(conn);
}


/*
 * If the worker itself is late, the reply may already be in the socket.  Reads
 * it if the event loop has reported it; if a reply is still overdue, gives the
 * event loop one more turn to report it.  NGX_AGAIN: the timer is set for after
 * that turn; NGX_ERROR: the connection was closed.
 */

static ngx_int_t
ngx_http_gateway_redis_catch_up(ngx_http_gateway_redis_connection_t *conn)
{
    if (conn->peer.connection->read->ready
        && ngx_http_gateway_redis_read(conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conn->grace || !ngx_http_gateway_redis_overdue(conn)) {
        return NGX_OK;
    }

    conn->grace = 1;

    if (conn->deadline.timer_set) {
        ngx_del_timer(&conn->deadline);
    }

    ngx_add_timer(&conn->deadline, 1);

    return NGX_AGAIN;
}


/* ends the calls whose deadline has passed */

static void
ngx_http_gateway_redis_expire(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    while (!ngx_queue_empty(&conn->active)) {

        q = ngx_queue_head(&conn->active);
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, age);

        if (!ngx_http_gateway_redis_due(call->deadline)) {
            break;
        }

        ngx_http_gateway_redis_late(conn, call);
    }
}


/* whether a call that was sent is late, or its connection hangs */

static ngx_uint_t
ngx_http_gateway_redis_overdue(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_msec_t                      at;
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    if (!ngx_queue_empty(&conn->active)) {
        q = ngx_queue_head(&conn->active);
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, age);

        if (call->written && ngx_http_gateway_redis_due(call->deadline)) {
            return 1;
        }
    }

    return ngx_http_gateway_redis_hung(conn, &at)
           && ngx_http_gateway_redis_due(at);
}


static void
ngx_http_gateway_redis_late(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    ngx_http_gateway_redis_status_e  status;

    ngx_http_gateway_redis_retire(call);

    if (ngx_http_gateway_redis_backlog(conn, call)) {
        status = NGX_HTTP_GATEWAY_REDIS_FULL;
        ngx_http_gateway_redis_say_full(conn->redis,
                                        "backlog of calls to Redis");

    } else {
        status = NGX_HTTP_GATEWAY_REDIS_TIMEOUT;
        ngx_http_gateway_redis_timed_out(conn, call);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                   "gateway redis: call is late, sent:%d ahead:%ui slots:%ui, "
                   "%s", call->written, call->ahead, conn->slots,
                   ngx_http_gateway_redis_status(status));

    if (call->written) {
        ngx_http_gateway_redis_tell(call, status, NULL);
        return;
    }

    /* it was not sent: there will be no reply */

    ngx_http_gateway_redis_leave(conn, call);
    ngx_http_gateway_redis_tell(call, status, NULL);
    ngx_http_gateway_redis_free(call);
}


/*
 * A late call is a failure of Redis.  It is logged but not counted if the call
 * still waits for the first attempt to connect, or was sent less than "timeout"
 * ago because it had waited for the connection.
 */

static void
ngx_http_gateway_redis_timed_out(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    u_char      buf[NGX_HTTP_GATEWAY_REDIS_ERR];
    ngx_str_t   reason;
    ngx_msec_t  timeout;
    ngx_uint_t  counts;

    timeout = conn->redis->conf.timeout;

    reason.data = buf;
    reason.len = ngx_snprintf(buf, sizeof(buf), "no reply from %V in %Mms",
                              &conn->node->server.text, timeout)
                 - buf;

    counts = call->written ? ngx_current_msec - call->sent >= timeout
                           : conn->attempts > 0;

    ngx_http_gateway_redis_failure(conn->redis,
                                   NGX_HTTP_GATEWAY_REDIS_SAY_TIMEOUT,
                                   counts, &reason,
                                   "deciding without Redis");
}


/*
 * Whether a call is late because of other calls of this worker: if Redis keeps
 * replying and has many calls to answer, it has not failed.
 */

static ngx_uint_t
ngx_http_gateway_redis_backlog(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *oldest;

    if (conn->state != NGX_HTTP_GATEWAY_REDIS_CONNECTED) {
        return 0;
    }

    if (call->written) {
        return ngx_max(call->ahead, conn->slots) >= NGX_HTTP_GATEWAY_REDIS_SHORT
               && !ngx_http_gateway_redis_silent(conn, call->sent);
    }

    /* it waits for calls that were sent */

    q = ngx_queue_head(&conn->sent);
    oldest = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

    return q == ngx_queue_sentinel(&conn->sent)
           || !ngx_http_gateway_redis_silent(conn, oldest->sent);
}


/* whether Redis has not replied for "timeout", at the earliest from "since" */

static ngx_uint_t
ngx_http_gateway_redis_silent(ngx_http_gateway_redis_connection_t *conn,
    ngx_msec_t since)
{
    if ((ngx_msec_int_t) (conn->replied - since) > 0) {
        since = conn->replied;
    }

    return ngx_current_msec - since >= conn->redis->conf.timeout;
}


/* whether there is a slot; "at" is when its connection is given up */

static ngx_uint_t
ngx_http_gateway_redis_hung(ngx_http_gateway_redis_connection_t *conn,
    ngx_msec_t *at)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    if (conn->state != NGX_HTTP_GATEWAY_REDIS_CONNECTED
        || ngx_queue_empty(&conn->sent))
    {
        return 0;
    }

    q = ngx_queue_head(&conn->sent);
    call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

    *at = call->sent + ngx_http_gateway_redis_patience(conn);

    return 1;
}


/* how long a connection may have a slot without a reply */

static ngx_msec_t
ngx_http_gateway_redis_patience(ngx_http_gateway_redis_connection_t *conn)
{
    return ngx_max(NGX_HTTP_GATEWAY_REDIS_HARD * conn->redis->conf.timeout,
                   NGX_HTTP_GATEWAY_REDIS_HARD_MIN);
}


void
ngx_http_gateway_redis_rearm(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_msec_t                      at;
    ngx_uint_t                      busy;
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    busy = !ngx_queue_empty(&conn->active);

    if (ngx_exiting && !busy
        && conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED)
    {
        ngx_http_gateway_redis_close(conn);
        return;
    }

    if (conn->peer.connection != NULL) {
        conn->peer.connection->idle =
                    (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED && !busy);
    }

    conn->deadline.cancelable = !busy;

    if (conn->deadline.timer_set) {
        return;
    }

    if (busy) {
        q = ngx_queue_head(&conn->active);
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, age);
        at = call->deadline;

    } else if (!ngx_http_gateway_redis_hung(conn, &at)) {
        return;
    }

    ngx_add_timer(&conn->deadline,
                  ngx_http_gateway_redis_due(at) ? 1 : at - ngx_current_msec);
}
