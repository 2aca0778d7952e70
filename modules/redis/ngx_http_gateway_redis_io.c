/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Input and output: one output buffer per connection, and the replies, which
 * are passed to the slots in order.
 *
 * Everything that is appended in one turn of nginx's event loop is sent by one
 * write: the event that writes is posted, and posted events run at the end of
 * the turn.
 */

#include "ngx_http_gateway_redis_private.h"


#define NGX_HTTP_GATEWAY_REDIS_OUTPUT  16384        /* initial bytes */
#define NGX_HTTP_GATEWAY_REDIS_INPUT   16384


static void ngx_http_gateway_redis_closed(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_reserve(
    ngx_http_gateway_redis_connection_t *conn, size_t size);
static ngx_int_t ngx_http_gateway_redis_flush(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_stamp(
    ngx_http_gateway_redis_connection_t *conn);
static ngx_int_t ngx_http_gateway_redis_replies(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_broken(
    ngx_http_gateway_redis_connection_t *conn, const char *action);


ngx_int_t
ngx_http_gateway_redis_append(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    if (ngx_http_gateway_redis_reserve(conn, call->len) != NGX_OK) {
        return NGX_ERROR;
    }

    conn->out.last = ngx_cpymem(conn->out.last, call->bytes, call->len);

    call->written = 1;
    call->flushed = 0;
    call->sent = ngx_current_msec;
    call->ahead = conn->slots;

    ngx_queue_insert_tail(&conn->sent, &call->queue);
    conn->queued++;
    conn->slots++;

    ngx_post_event(&conn->flush, &ngx_posted_events);

    return NGX_OK;
}


/*
 * Makes room for more output.  The buffer is bounded: it holds at most a window
 * of calls, and the modules limit the size of each call.
 */

static ngx_int_t
ngx_http_gateway_redis_reserve(ngx_http_gateway_redis_connection_t *conn,
    size_t size)
{
    u_char     *start;
    size_t      used, room;
    ngx_buf_t  *out;

    out = &conn->out;

    if (size <= (size_t) (out->end - out->last)) {
        return NGX_OK;
    }

    used = out->last - out->pos;
    room = out->end - out->start;

    if (used + size <= room / 2) {

        /* at least half of the buffer is free: move the rest */

        ngx_memmove(out->start, out->pos, used);
        out->pos = out->start;
        out->last = out->start + used;

        return NGX_OK;
    }

    room = ngx_max(2 * room, NGX_HTTP_GATEWAY_REDIS_OUTPUT);
    room = ngx_max(room, used + size);

    start = ngx_alloc(room, conn->redis->log);
    if (start == NULL) {
        return NGX_ERROR;
    }

    if (out->start != NULL) {
        ngx_memcpy(start, out->pos, used);
        ngx_free(out->start);
    }

    out->start = start;
    out->pos = start;
    out->last = start + used;
    out->end = start + room;

    return NGX_OK;
}


void
ngx_http_gateway_redis_free_output(ngx_http_gateway_redis_connection_t *conn)
{
    if (conn->out.start != NULL) {
        ngx_free(conn->out.start);
    }

    ngx_memzero(&conn->out, sizeof(ngx_buf_t));
}


void
ngx_http_gateway_redis_flush_handler(ngx_event_t *ev)
{
    ngx_http_gateway_redis_connection_t *conn = ev->data;

    /*
     * The timeout of calls begins at the end of the turn that made them, so
     * that a long turn, as with a log that blocks, is not a delay of Redis.
     * The timers of this turn have already run: updating the time before them
     * could end calls whose replies have not been read yet.
     */

    ngx_time_update();

    ngx_http_gateway_redis_begin(conn);
    ngx_http_gateway_redis_stamp(conn);

    if (conn->out.pos != conn->out.last) {
        (void) ngx_http_gateway_redis_flush(conn);
    }
}


void
ngx_http_gateway_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t                     *c;
    ngx_http_gateway_redis_connection_t  *conn;

    c = wev->data;
    conn = c->data;

    /* the flush event will write at the end of this turn */

    if (conn->flush.posted) {
        return;
    }

    (void) ngx_http_gateway_redis_flush(conn);
}


static void
ngx_http_gateway_redis_stamp(ngx_http_gateway_redis_connection_t *conn)
{
    uint64_t                        clock;
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    clock = ngx_http_gateway_redis_clock(conn->redis);

    for (q = ngx_queue_last(&conn->sent);
         q != ngx_queue_sentinel(&conn->sent);
         q = ngx_queue_prev(q))
    {
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

        if (call->flushed) {
            return;
        }

        call->flushed = 1;
        call->sent = ngx_current_msec;
        call->began = clock;
    }
}


static ngx_int_t
ngx_http_gateway_redis_flush(ngx_http_gateway_redis_connection_t *conn)
{
    ssize_t            n;
    ngx_buf_t         *out;
    ngx_connection_t  *c;

    out = &conn->out;
    c = conn->peer.connection;

    while (out->pos < out->last && c->write->ready) {

        n = c->send(c, out->pos, out->last - out->pos);

        if (n == NGX_ERROR) {
            ngx_http_gateway_redis_broken(conn, "sending to");
            return NGX_ERROR;
        }

        if (n == NGX_AGAIN || n == 0) {
            break;
        }

        out->pos += n;
    }

    if (out->pos == out->last) {
        if (out->end - out->start > 4 * NGX_HTTP_GATEWAY_REDIS_OUTPUT) {
            ngx_http_gateway_redis_free_output(conn);

        } else {
            out->pos = out->start;
            out->last = out->start;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_gateway_redis_broken(conn, "sending to");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_gateway_redis_read_handler(ngx_event_t *rev)
{
    ngx_connection_t                     *c;
    ngx_http_gateway_redis_connection_t  *conn;

    c = rev->data;
    conn = c->data;

    /* the worker is exiting and closes idle connections */

    if (c->close) {
        ngx_http_gateway_redis_close(conn);
        return;
    }

    if (ngx_http_gateway_redis_read(conn) == NGX_OK) {
        ngx_http_gateway_redis_rearm(conn);
    }
}


ngx_int_t
ngx_http_gateway_redis_read(ngx_http_gateway_redis_connection_t *conn)
{
    ssize_t            n;
    ngx_connection_t  *c;

    /* shared by all connections, since the reader copies it at once */
    static u_char  buf[NGX_HTTP_GATEWAY_REDIS_INPUT];

    c = conn->peer.connection;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_gateway_redis_broken(conn, "reading from");
            return NGX_ERROR;
        }

        if (n == 0) {
            ngx_http_gateway_redis_closed(conn);
            return NGX_ERROR;
        }

        if (gw_resp_feed(conn->reader, (char *) buf, (size_t) n) != 0) {
            ngx_http_gateway_redis_lost(conn,
                                      NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
                                        "reply from %V is too long",
                                        &conn->peer.address);
            return NGX_ERROR;
        }

        conn->replied = ngx_current_msec;
        conn->clock = ngx_http_gateway_redis_clock(conn->redis);

        if (ngx_http_gateway_redis_replies(conn) != NGX_OK
            || ngx_http_gateway_redis_fill(conn) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_gateway_redis_broken(conn, "reading from");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_replies(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_int_t                       rc;
    ngx_queue_t                    *q;
    const gw_resp_t                *reply;
    ngx_http_gateway_redis_call_t  *call;

    for ( ;; ) {

        rc = gw_resp_next(conn->reader, &reply);

        if (rc == 0) {
            return NGX_OK;
        }

        if (rc < 0 || ngx_queue_empty(&conn->sent)) {
            ngx_http_gateway_redis_lost(conn,
                                      NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
                                        rc < 0 ? "malformed reply from %V"
                                               : "unexpected reply from %V",
                                        &conn->peer.address);
            return NGX_ERROR;
        }

        q = ngx_queue_head(&conn->sent);
        ngx_queue_remove(q);
        conn->queued--;
        conn->slots--;

        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

        rc = call->reply(conn, call, reply);

        if (rc != NGX_AGAIN) {
            ngx_http_gateway_redis_free(call);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTING
            && ngx_queue_empty(&conn->sent)
            && ngx_http_gateway_redis_connected(conn) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static void
ngx_http_gateway_redis_broken(ngx_http_gateway_redis_connection_t *conn,
    const char *action)
{
    ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                "%s %V failed", action, &conn->peer.address);
}


/* some proxies close the connection on a command that they do not support */

static void
ngx_http_gateway_redis_closed(ngx_http_gateway_redis_connection_t *conn)
{
    const char  *command;

    command = ngx_http_gateway_redis_unanswered(conn);

    if (command == NULL) {
        ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                    "%V has closed the connection",
                                    &conn->peer.address);
        return;
    }

    ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                "%V has closed the connection instead of "
                                "answering %s", &conn->peer.address, command);
}
