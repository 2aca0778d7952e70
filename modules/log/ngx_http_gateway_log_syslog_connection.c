/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The connection of a syslog sink: it sends records, and reconnects.
 *
 * Records move from the queue to the output, several at a time.  The output is
 * sent completely before it is filled again: OpenSSL must be called with the
 * same bytes again if the kernel did not take a TLS record as a whole.  If the
 * connection ends within a message, the message is sent again as a whole on the
 * next connection.
 *
 * TCP can lose data that the kernel has taken.  The sink remembers where in the
 * stream each record ends.  If the connection breaks, it counts the records
 * that the server's kernel has not acknowledged.
 */

#include "ngx_http_gateway_log_syslog.h"

#include <sys/ioctl.h>
#include <linux/sockios.h>


/* outputs to send in a turn of the event loop */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUTS   8

/* bytes that a server may send on a connection before it is closed */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_SAYS      65536

/* ms */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECT   5000
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_GOOD      1000      /* a connection that
                                                           lasted longer ... */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_AGAIN     20        /* is followed by one
                                                           after this delay */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_BACKOFF   50        /* first delay */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_BACKOFFS  5000      /* maximum */


static void ngx_http_gateway_log_syslog_connected(
    ngx_http_gateway_peer_t *peer);
static void ngx_http_gateway_log_syslog_failed(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason);
static void ngx_http_gateway_log_syslog_read(ngx_event_t *rev);
static void ngx_http_gateway_log_syslog_writable(ngx_event_t *wev);
static void ngx_cdecl ngx_http_gateway_log_syslog_lost(
    ngx_http_gateway_log_syslog_t *syslog, const char *fmt, ...);
static void ngx_http_gateway_log_syslog_down(
    ngx_http_gateway_log_syslog_t *syslog, const ngx_str_t *reason,
    ngx_uint_t counts);


void
ngx_http_gateway_log_syslog_connection(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_http_gateway_peer_t             *peer;
    ngx_http_gateway_log_syslog_conf_t  *conf;

    conf = syslog->conf;
    peer = &syslog->peer;

    ngx_http_gateway_peer_init(peer, ngx_cycle->log);

    peer->server = &conf->server;
    peer->resolver = conf->resolver;
    peer->ssl = conf->ssl.ctx;
    peer->ssl_name = conf->ssl.name;
    peer->timeout = NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECT;
    peer->connected = ngx_http_gateway_log_syslog_connected;
    peer->failed = ngx_http_gateway_log_syslog_failed;
    peer->data = syslog;
}


void
ngx_http_gateway_log_syslog_connect(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway log: connect \"%V\", %ui records wait",
                   &syslog->sink.name,
                   ngx_http_gateway_log_syslog_records(syslog));

    syslog->state = NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTING;

    ngx_http_gateway_peer_connect(&syslog->peer);
}


static void
ngx_http_gateway_log_syslog_connected(ngx_http_gateway_peer_t *peer)
{
    ngx_http_gateway_log_syslog_t *syslog = peer->data;

    ngx_connection_t  *c;

    c = peer->connection;
    c->data = syslog;
    c->read->handler = ngx_http_gateway_log_syslog_read;
    c->write->handler = ngx_http_gateway_log_syslog_writable;

    /* nginx calls the read handlers of idle connections when a worker exits */

    c->idle = 1;

    ngx_http_gateway_peer_ready(peer);

    syslog->state = NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED;
    syslog->since = ngx_current_msec;
    syslog->position = 0;
    syslog->sent = 0;
    syslog->received = 0;

    if (syslog->said && syslog->stream) {
        syslog->said = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "gateway_log \"%V\": connected to %V",
                      &syslog->sink.name, &peer->address);
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_gateway_log_syslog_lost(syslog, "reading from %V failed",
                                         &peer->address);
        return;
    }

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    ngx_http_gateway_log_syslog_send(syslog);
}


static void
ngx_http_gateway_log_syslog_failed(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason)
{
    ngx_http_gateway_log_syslog_t *syslog = peer->data;

    if (reason == NULL) {
        syslog->state = NGX_HTTP_GATEWAY_LOG_SYSLOG_CLOSED;
        return;
    }

    ngx_http_gateway_log_syslog_down(syslog, reason, 1);
}


/* bytes sent on the stream; OpenSSL can have sent a part of a TLS record */

static uint32_t
ngx_http_gateway_log_syslog_position(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_connection_t  *c;

    c = syslog->peer.connection;

    return c->ssl ? (uint32_t) BIO_number_written(
                                   SSL_get_wbio(c->ssl->connection))
                  : syslog->position;
}


ngx_uint_t
ngx_http_gateway_log_syslog_unacknowledged(
    ngx_http_gateway_log_syslog_t *syslog)
{
    int                bytes;
    uint32_t           position;
    ngx_connection_t  *c;

    c = syslog->peer.connection;

    if (c != NULL && syslog->ends.records != 0
        && ioctl(c->fd, SIOCOUTQ, &bytes) == 0)
    {
        position = ngx_http_gateway_log_syslog_position(syslog);
        gw_log_ends_arrived(&syslog->ends, position - (uint32_t) bytes);
    }

    return syslog->ends.records;
}


/*
 * Whether the server has refused TLS.  In TLS 1.3, a server rejects the
 * client's certificate after the handshake, when its kernel has acknowledged
 * the first records already.  After a failed write, the alert has yet to be
 * read.
 */

static ngx_uint_t
ngx_http_gateway_log_syslog_is_refused(ngx_http_gateway_log_syslog_t *syslog)
{
    u_char             buf[4096];
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = syslog->peer.connection;

    if (syslog->state != NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED
        || c->ssl == NULL
        || ngx_current_msec - syslog->since
           >= NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECT)
    {
        return 0;
    }

    n = 1;

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_SYSLOG_SAYS && n > 0; i += n) {
        n = c->recv(c, buf, sizeof(buf));
    }

    return n == NGX_ERROR
           && (SSL_get_shutdown(c->ssl->connection) & SSL_RECEIVED_SHUTDOWN);
}


/* over UDP, an error means that an earlier datagram was not delivered */

ngx_uint_t
ngx_http_gateway_log_syslog_unconfirm(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_uint_t                             n;
    ngx_http_gateway_log_syslog_output_t  *out;

    n = ngx_http_gateway_log_syslog_is_refused(syslog) ? syslog->sent
        : syslog->stream ? ngx_http_gateway_log_syslog_unacknowledged(syslog)
        : syslog->udp && syslog->sent;

    gw_log_ends_clear(&syslog->ends);
    syslog->sent = 0;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway log: connection of \"%V\" ends, %ui records "
                   "unconfirmed", &syslog->sink.name, n);

    if (n) {
        ngx_http_gateway_count(syslog->sink.unconfirmed, n);
        ngx_http_gateway_log_sink_say(&syslog->sink,
                                      "the connection ended");
    }

    out = &syslog->out;
    out->pos = out->next ? out->ends[out->next - 1] : 0;

    return n;
}


static void ngx_cdecl
ngx_http_gateway_log_syslog_lost(ngx_http_gateway_log_syslog_t *syslog,
    const char *fmt, ...)
{
    u_char      buf[NGX_HTTP_GATEWAY_PEER_REASON];
    va_list     args;
    ngx_str_t   reason;
    ngx_uint_t  counts;

    counts = ngx_http_gateway_log_syslog_unconfirm(syslog)
             || ngx_http_gateway_log_syslog_records(syslog)
             || syslog->received > NGX_HTTP_GATEWAY_LOG_SYSLOG_SAYS;

    va_start(args, fmt);
    reason.data = buf;
    reason.len = ngx_http_gateway_peer_reason(&syslog->peer, buf,
                                              buf + sizeof(buf), fmt, args)
                 - buf;
    va_end(args);

    ngx_http_gateway_peer_close(&syslog->peer);

    ngx_http_gateway_log_syslog_down(syslog, &reason, counts);
}


/* the delay of the next connect: short after a connection that has lasted */

static ngx_msec_t
ngx_http_gateway_log_syslog_backoff(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_msec_t  most;

    if (syslog->state == NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED
        && ngx_current_msec - syslog->since
           > NGX_HTTP_GATEWAY_LOG_SYSLOG_GOOD)
    {
        syslog->attempts = 0;
        return 1 + ngx_random() % NGX_HTTP_GATEWAY_LOG_SYSLOG_AGAIN;
    }

    most = NGX_HTTP_GATEWAY_LOG_SYSLOG_BACKOFF << ngx_min(syslog->attempts, 7);
    most = ngx_min(most, NGX_HTTP_GATEWAY_LOG_SYSLOG_BACKOFFS);

    syslog->attempts++;

    return 1 + ngx_random() % most;
}


/* "counts": an error; else an idle connection was closed, which is normal */

static void
ngx_http_gateway_log_syslog_down(ngx_http_gateway_log_syslog_t *syslog,
    const ngx_str_t *reason, ngx_uint_t counts)
{
    ngx_uint_t  level;
    ngx_msec_t  delay;

    delay = ngx_http_gateway_log_syslog_backoff(syslog);
    level = NGX_LOG_INFO;

    if (counts && ngx_http_gateway_log_may_say(syslog->down)) {
        level = NGX_LOG_ERR;
        syslog->said = 1;
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "gateway_log \"%V\": %V, connecting again in %Mms",
                  &syslog->sink.name, reason, delay);

    syslog->state = NGX_HTTP_GATEWAY_LOG_SYSLOG_CLOSED;

    ngx_add_timer(&syslog->retry, delay);
}


/*
 * A syslog server sends nothing: reading serves TLS and notices the end of the
 * connection.  If a server does send data, the connection is closed after some
 * KB, so that the worker does not have to read without end.
 */

static void
ngx_http_gateway_log_syslog_read(ngx_event_t *rev)
{
    u_char                          buf[4096];
    ssize_t                         n;
    ngx_connection_t               *c;
    ngx_http_gateway_log_syslog_t  *syslog;

    c = rev->data;
    syslog = c->data;

    /* set the timer now: without one, the worker exits before posted events */

    if (ngx_exiting && !syslog->hold.timer_set) {
        syslog->hold.handler(&syslog->hold);
    }

    n = c->recv(c, buf, sizeof(buf));

    if (n == NGX_ERROR || (n == 0 && syslog->stream)) {
        ngx_http_gateway_log_syslog_lost(syslog, n ? "%V failed"
                                                   : "%V closed the connection",
                                         &syslog->peer.address);
        return;
    }

    if (n != NGX_AGAIN) {
        syslog->received += n;

        if (syslog->received > NGX_HTTP_GATEWAY_LOG_SYSLOG_SAYS) {
            ngx_http_gateway_log_syslog_lost(syslog, "%V sends data, which a "
                                             "syslog server does not",
                                             &syslog->peer.address);
            return;
        }

        ngx_post_event(rev, &ngx_posted_next_events);
        return;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_gateway_log_syslog_lost(syslog, "reading from %V failed",
                                         &syslog->peer.address);
    }
}


static void
ngx_http_gateway_log_syslog_writable(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_http_gateway_log_syslog_send(c->data);
}


/* --- sending */

/* moves messages from the queue to the output */

static void
ngx_http_gateway_log_syslog_fill(ngx_http_gateway_log_syslog_t *syslog)
{
    u_char                                *p, *last;
    size_t                                 len;
    ngx_http_gateway_log_syslog_output_t  *out;

    out = &syslog->out;
    out->pos = 0;
    out->n = 0;
    out->next = 0;

    p = out->start;
    last = p + NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUT;

    while (out->n < NGX_HTTP_GATEWAY_LOG_SYSLOG_FRAMES) {

        len = gw_log_queue_next(&syslog->queue);

        if (len == 0 || len > (size_t) (last - p)) {
            break;
        }

        p = gw_log_queue_take(&syslog->queue, p);
        out->ends[out->n++] = p - out->start;
    }
}


/* the output was sent up to "to"; returns the number of completed messages */

static ngx_uint_t
ngx_http_gateway_log_syslog_passed(ngx_http_gateway_log_syslog_t *syslog,
    size_t to)
{
    size_t                                 from;
    ngx_uint_t                             n;
    ngx_http_gateway_log_syslog_output_t  *out;

    out = &syslog->out;
    out->pos = to;
    from = out->next ? out->ends[out->next - 1] : 0;

    for (n = 0; out->next < out->n && out->ends[out->next] <= to; n++) {
        out->next++;
    }

    if (n) {
        to = out->ends[out->next - 1];
        ngx_http_gateway_count(syslog->sink.queued, (uint64_t) from - to);
    }

    return n;
}


/*
 * Remembers where in the stream the last "n" messages end.  With TLS this is
 * the end of the TLS record: the server cannot read a part of it.
 */

static void
ngx_http_gateway_log_syslog_remember(ngx_http_gateway_log_syslog_t *syslog,
    ngx_uint_t n)
{
    uint32_t                               position, behind;
    ngx_uint_t                             i;
    ngx_http_gateway_log_syslog_output_t  *out;

    out = &syslog->out;
    position = ngx_http_gateway_log_syslog_position(syslog);

    if (gw_log_ends_full(&syslog->ends)) {
        (void) ngx_http_gateway_log_syslog_unacknowledged(syslog);
    }

    for (i = out->next - n; i < out->next; i++) {
        behind = syslog->conf->ssl.on ? 0
                                      : (uint32_t) out->pos - out->ends[i];

        gw_log_ends_put(&syslog->ends, position - behind);
    }
}


/* counts all as written before, and subtracts those that were not taken */

static ngx_int_t
ngx_http_gateway_log_syslog_stream(ngx_http_gateway_log_syslog_t *syslog)
{
    ssize_t                                n;
    ngx_uint_t                             all, passed;
    ngx_connection_t                      *c;
    ngx_http_gateway_log_syslog_output_t  *out;

    c = syslog->peer.connection;
    out = &syslog->out;
    all = out->n - out->next;

    ngx_http_gateway_count(syslog->sink.written, all);

    n = c->send(c, out->start + out->pos, out->ends[out->n - 1] - out->pos);

    if (n > 0) {
        syslog->position += (uint32_t) n;

        passed = ngx_http_gateway_log_syslog_passed(syslog, out->pos + n);
        ngx_http_gateway_log_syslog_remember(syslog, passed);
        syslog->sent += passed;

        all -= passed;
    }

    ngx_http_gateway_count(syslog->sink.written, (uint64_t) 0 - all);

    return n > 0 ? NGX_OK : n == NGX_AGAIN ? NGX_AGAIN : NGX_ERROR;
}


/* a datagram that is too long is dropped */

static ngx_int_t
ngx_http_gateway_log_syslog_datagram(ngx_http_gateway_log_syslog_t *syslog)
{
    ssize_t                                n;
    ngx_err_t                              err;
    ngx_connection_t                      *c;
    ngx_http_gateway_log_syslog_output_t  *out;

    c = syslog->peer.connection;
    out = &syslog->out;

    ngx_http_gateway_count(syslog->sink.written, 1);

    do {
        n = send(c->fd, out->start + out->pos,
                 out->ends[out->next] - out->pos, MSG_NOSIGNAL);
        err = (n == -1) ? ngx_socket_errno : 0;
    } while (err == NGX_EINTR);

    if (err == 0) {
        syslog->sent++;
        (void) ngx_http_gateway_log_syslog_passed(syslog,
                                                  out->ends[out->next]);
        return NGX_OK;
    }

    ngx_http_gateway_count(syslog->sink.written, (uint64_t) 0 - 1);

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;
        return NGX_AGAIN;
    }

    ngx_log_error(NGX_LOG_INFO, c->log, err, "send() failed");

    if (err == EMSGSIZE) {
        (void) ngx_http_gateway_log_syslog_passed(syslog,
                                                  out->ends[out->next]);
        ngx_http_gateway_log_sink_drop(&syslog->sink,
                                       NGX_HTTP_GATEWAY_LOG_SIZE, 1);
        return NGX_OK;
    }

    return NGX_ERROR;
}


void
ngx_http_gateway_log_syslog_send(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_int_t                              rc;
    ngx_uint_t                             n;
    ngx_connection_t                      *c;
    ngx_http_gateway_log_syslog_output_t  *out;

    c = syslog->peer.connection;
    out = &syslog->out;
    rc = NGX_OK;

    for (n = 0; rc == NGX_OK && c->write->ready; /* void */ ) {

        if (out->next == out->n) {

            if (syslog->queue.n == 0) {
                break;
            }

            if (n++ == NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUTS) {
                ngx_post_event(&syslog->turn, &ngx_posted_next_events);
                break;
            }

            ngx_http_gateway_log_syslog_fill(syslog);
        }

        rc = syslog->stream ? ngx_http_gateway_log_syslog_stream(syslog)
                            : ngx_http_gateway_log_syslog_datagram(syslog);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway log: sent to \"%V\", %ui records wait",
                   &syslog->sink.name,
                   ngx_http_gateway_log_syslog_records(syslog));

    if (rc == NGX_ERROR || ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_gateway_log_syslog_lost(syslog, "sending to %V failed",
                                         &syslog->peer.address);
    }
}
