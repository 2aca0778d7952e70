/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sinks that send to a syslog server.  Each record is a message (RFC 5424): a
 * datagram or, on a stream, preceded by its length (RFC 6587, octet counting).
 *
 * Each worker has a connection and a queue for each sink.  If the queue is
 * full, the oldest records are dropped: no request waits for a server that
 * stalls or cannot be reached.  Datagrams are sent in the same turn of the
 * event loop.  On a stream, records are collected for some ms, or until they
 * fill a write; a write for each record would cost several times as much.  A
 * worker connects when it has a record to send.  If that fails, it tries again
 * with increasing delays.
 */

#include "ngx_http_gateway_log_syslog.h"


/* maximum length of a message over UDP */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_DATAGRAM  8192

/* records on a stream whose ends are remembered */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_ENDS      16384

/* ms */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_GATHER    10
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_LEAVE     10000
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_LOOK      100

/* if the worker exits at once: a delayed acknowledgment takes 40 ms */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_END       200
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_STEP      5


static ngx_int_t ngx_http_gateway_log_syslog_open(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_syslog_init(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static void ngx_http_gateway_log_syslog_write(
    ngx_http_gateway_log_sink_t *sink, ngx_str_t *record);
static void ngx_http_gateway_log_syslog_turn(ngx_event_t *ev);
static void ngx_http_gateway_log_syslog_retry(ngx_event_t *ev);
static void ngx_http_gateway_log_syslog_hold(ngx_event_t *ev);
static void ngx_http_gateway_log_syslog_stop(
    ngx_http_gateway_log_sink_t *sink);


static const ngx_http_gateway_family_t  ngx_http_gateway_log_unconfirmed =
    { "log_records_unconfirmed_total",
      "Records written but not acknowledged when a connection ended.",
      "counter", NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_down =
    { "log_server_said", "Time of the last report about the server, in ms.",
      "gauge", NGX_HTTP_GATEWAY_WORD };


const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_syslog_kind = {
    sizeof(ngx_http_gateway_log_syslog_t),
    "the queue is full",
    NULL,
    ngx_http_gateway_log_syslog_open,
    ngx_http_gateway_log_syslog_init,
    NULL,
    ngx_http_gateway_log_syslog_write,
    ngx_http_gateway_log_syslog_stop
};


/* --- configuration */

static ngx_int_t
ngx_http_gateway_log_syslog_open(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_http_gateway_log_syslog_t  *syslog;

    syslog = (ngx_http_gateway_log_syslog_t *) sink;

    sink->unconfirmed = ngx_http_gateway_log_sink_counter(cf, sink,
                                          &ngx_http_gateway_log_unconfirmed);
    syslog->down = ngx_http_gateway_log_sink_counter(cf, sink,
                                          &ngx_http_gateway_log_down);

    return (sink->unconfirmed && syslog->down) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_log_syslog_header(ngx_conf_t *cf,
    ngx_http_gateway_log_syslog_t *syslog)
{
    u_char       *p;
    gw_syslog_t  *header;
    ngx_str_t    *host;

    static ngx_str_t  msgid = ngx_string("access");

    p = ngx_pnalloc(cf->pool, GW_SYSLOG_HOSTNAME);
    if (p == NULL) {
        return NGX_ERROR;
    }

    header = &syslog->header;
    host = &cf->cycle->hostname;

    header->facility = syslog->conf->facility;
    header->severity = syslog->conf->severity;
    header->hostname.data = p;
    header->hostname.len = gw_syslog_field(p, GW_SYSLOG_HOSTNAME, host->data,
                                           host->len)
                           - p;
    header->tag.data = syslog->conf->tag.data;
    header->tag.len = syslog->conf->tag.len;
    header->msgid.data = msgid.data;
    header->msgid.len = msgid.len;

    return NGX_OK;
}


/*
 * All memory is allocated from the pool of the configuration: a worker gets its
 * own copy of a page when it writes to it.
 */

static ngx_int_t
ngx_http_gateway_log_syslog_memory(ngx_conf_t *cf,
    ngx_http_gateway_log_syslog_t *syslog)
{
    u_char                                *queue;
    gw_log_end_t                          *ends;
    ngx_http_gateway_log_syslog_output_t  *out;

    out = &syslog->out;

    queue = ngx_pnalloc(cf->pool, syslog->conf->queue);
    ends = ngx_palloc(cf->pool, NGX_HTTP_GATEWAY_LOG_SYSLOG_ENDS
                                * sizeof(gw_log_end_t));
    out->start = ngx_pnalloc(cf->pool, NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUT);
    out->ends = ngx_palloc(cf->pool, NGX_HTTP_GATEWAY_LOG_SYSLOG_FRAMES
                                     * sizeof(uint32_t));

    if (queue == NULL || ends == NULL || out->start == NULL
        || out->ends == NULL)
    {
        return NGX_ERROR;
    }

    gw_log_queue_init(&syslog->queue, queue, syslog->conf->queue);
    gw_log_ends_init(&syslog->ends, ends, NGX_HTTP_GATEWAY_LOG_SYSLOG_ENDS);

    return NGX_OK;
}


/* a datagram has a header, and not the line end of the record */

static void
ngx_http_gateway_log_syslog_transport(ngx_http_gateway_log_syslog_t *syslog)
{
    u_char       header[GW_SYSLOG_HEADER];
    ngx_addr_t  *addr;

    addr = syslog->conf->server.addr;

    syslog->stream = (syslog->conf->server.type == SOCK_STREAM);
    syslog->udp = !syslog->stream
                  && (addr == NULL || addr->sockaddr->sa_family != AF_UNIX);

    if (syslog->udp) {
        syslog->header.pid = NGX_MAX_INT32_VALUE;
        syslog->sink.record = NGX_HTTP_GATEWAY_LOG_SYSLOG_DATAGRAM + 1
                              - (gw_syslog_header(header, &syslog->header, 0,
                                                  0)
                                 - header);
    }
}


static ngx_int_t
ngx_http_gateway_log_syslog_init(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_str_t                          name;
    ngx_http_gateway_log_syslog_t     *syslog;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    syslog = (ngx_http_gateway_log_syslog_t *) sink;
    lmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_log_module);

    name.data = sink->name.data + sizeof("syslog:") - 1;
    name.len = sink->name.len - (sizeof("syslog:") - 1);

    syslog->conf = ngx_http_gateway_log_syslog_find(lmcf, &name);

    if (syslog->conf == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown syslog \"%V\" in \"gateway_log\", there is no "
                      "\"gateway_log_syslog\" of this name in %V:%ui", &name,
                      ngx_http_gateway_place_args(&sink->place));
        return NGX_ERROR;
    }

    syslog->conf->used = 1;

    if (ngx_http_gateway_log_syslog_memory(cf, syslog) != NGX_OK
        || ngx_http_gateway_log_syslog_header(cf, syslog) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_log_syslog_transport(syslog);

    return NGX_OK;
}


/* --- records */

/* in a worker, before the first record */

static void
ngx_http_gateway_log_syslog_start(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_uint_t    i;
    ngx_event_t  *events[] = { &syslog->turn, &syslog->retry, &syslog->hold };

    syslog->started = 1;
    syslog->header.pid = ngx_pid;

    ngx_http_gateway_log_syslog_connection(syslog);

    for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        events[i]->data = syslog;
        events[i]->log = ngx_cycle->log;
    }

    syslog->turn.handler = ngx_http_gateway_log_syslog_turn;
    syslog->retry.handler = ngx_http_gateway_log_syslog_retry;
    syslog->retry.cancelable = 1;

    /* not cancelable: an exiting worker waits for this timer */

    syslog->hold.handler = ngx_http_gateway_log_syslog_hold;
}


/*
 * The worker exits: sets the time until which it waits for its queue.  Without
 * worker_shutdown_timeout, each record that is written later starts this time
 * again.
 */

static void
ngx_http_gateway_log_syslog_leave(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (syslog->leaving && ccf->shutdown_timeout) {
        return;
    }

    syslog->leaving = 1;
    syslog->deadline = ngx_current_msec
                       + (ccf->shutdown_timeout
                          ? ccf->shutdown_timeout
                          : NGX_HTTP_GATEWAY_LOG_SYSLOG_LEAVE);
}


/* appends a record as a message; returns the number of records dropped */

static ngx_uint_t
ngx_http_gateway_log_syslog_put(ngx_http_gateway_log_syslog_t *syslog,
    const ngx_str_t *record)
{
    u_char       frame[GW_SYSLOG_FRAME], header[GW_SYSLOG_HEADER];
    gw_text_t    parts[3];
    ngx_uint_t   n;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    parts[1].data = header;
    parts[1].len = gw_syslog_header(header, &syslog->header, tp->sec, tp->msec)
                   - header;
    parts[2].data = record->data;
    parts[2].len = record->len - 1;     /* without its line end */

    parts[0].data = frame;
    parts[0].len = 0;

    if (syslog->stream) {
        parts[0].len = gw_syslog_frame(frame, parts[1].len + parts[2].len)
                       - frame;
    }

    n = syslog->queue.n + 1;

    (void) gw_log_queue_put(&syslog->queue, parts, 3);

    return n - syslog->queue.n;
}


/*
 * Sends waiting records in this turn of the event loop, or within some ms.  A
 * queue that is filled to a quarter has room for a record of any length.
 */

static void
ngx_http_gateway_log_syslog_wake(ngx_http_gateway_log_syslog_t *syslog)
{
    size_t  enough;

    enough = ngx_min(NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUT,
                     syslog->conf->queue / 4);

    if (!syslog->stream
        || syslog->state != NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED
        || syslog->queue.bytes >= enough
        || ngx_exiting)
    {
        ngx_post_event(&syslog->turn, &ngx_posted_events);

    } else if (!syslog->turn.timer_set) {
        ngx_add_timer(&syslog->turn, NGX_HTTP_GATEWAY_LOG_SYSLOG_GATHER);
    }
}


static void
ngx_http_gateway_log_syslog_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record)
{
    size_t                          bytes;
    ngx_uint_t                      n;
    ngx_http_gateway_log_syslog_t  *syslog;

    syslog = (ngx_http_gateway_log_syslog_t *) sink;

    if (!syslog->started) {
        ngx_http_gateway_log_syslog_start(syslog);
    }

    bytes = syslog->queue.bytes;
    n = ngx_http_gateway_log_syslog_put(syslog, record);

    ngx_http_gateway_count(sink->queued,
                           (uint64_t) syslog->queue.bytes - bytes);

    if (n) {
        ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_FULL, n);
    }

    if (ngx_exiting) {
        ngx_http_gateway_log_syslog_leave(syslog);
    }

    ngx_http_gateway_log_syslog_wake(syslog);
}


static void
ngx_http_gateway_log_syslog_turn(ngx_event_t *ev)
{
    ngx_http_gateway_log_syslog_t *syslog = ev->data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ngx_http_gateway_log_syslog_records(syslog) != 0) {

        if (syslog->state == NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED) {
            ngx_http_gateway_log_syslog_send(syslog);

        } else if (syslog->state == NGX_HTTP_GATEWAY_LOG_SYSLOG_CLOSED
                   && !syslog->retry.timer_set)
        {
            ngx_http_gateway_log_syslog_connect(syslog);
        }
    }

    if (!syslog->hold.timer_set) {
        ngx_http_gateway_log_syslog_hold(&syslog->hold);
    }
}


static void
ngx_http_gateway_log_syslog_retry(ngx_event_t *ev)
{
    ngx_http_gateway_log_syslog_t *syslog = ev->data;

    ngx_http_gateway_log_syslog_turn(&syslog->turn);
}


/* --- the end of a worker */

/*
 * Keeps a worker from exiting while records wait or are not acknowledged.  It
 * is a periodic timer: without a connection, nginx does not notify the sink
 * that the worker exits.
 */

static void
ngx_http_gateway_log_syslog_hold(ngx_event_t *ev)
{
    ngx_http_gateway_log_syslog_t *syslog = ev->data;

    if (ngx_http_gateway_log_syslog_records(syslog) == 0
        && (!ngx_exiting
            || ngx_http_gateway_log_syslog_unacknowledged(syslog) == 0))
    {
        return;
    }

    if (ngx_exiting && !syslog->leaving) {
        ngx_http_gateway_log_syslog_leave(syslog);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "gateway log: \"%V\" keeps the worker for %M ms",
                       &syslog->sink.name,
                       syslog->deadline - ngx_current_msec);
    }

    if (ngx_exiting
        && (ngx_msec_int_t) (syslog->deadline - ngx_current_msec) <= 0)
    {
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_GATEWAY_LOG_SYSLOG_LOOK);
}


/* the event loop has ended: sends for a moment what the server takes */

static void
ngx_http_gateway_log_syslog_finish(ngx_http_gateway_log_syslog_t *syslog)
{
    ngx_uint_t  i;

    for (i = 0;
         syslog->state == NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED;
         i += NGX_HTTP_GATEWAY_LOG_SYSLOG_STEP)
    {
        syslog->peer.connection->write->ready = 1;

        ngx_http_gateway_log_syslog_send(syslog);

        if (i >= NGX_HTTP_GATEWAY_LOG_SYSLOG_END
            || (ngx_http_gateway_log_syslog_records(syslog) == 0
                && ngx_http_gateway_log_syslog_unacknowledged(syslog) == 0))
        {
            return;
        }

        ngx_msleep(NGX_HTTP_GATEWAY_LOG_SYSLOG_STEP);
    }
}


/* drops the records that were not passed to the kernel */

static void
ngx_http_gateway_log_syslog_drop(ngx_http_gateway_log_syslog_t *syslog)
{
    size_t                                 bytes;
    ngx_uint_t                             n;
    ngx_http_gateway_log_syslog_output_t  *out;

    out = &syslog->out;
    n = ngx_http_gateway_log_syslog_records(syslog);
    bytes = syslog->queue.bytes;

    if (n == 0) {
        return;
    }

    if (out->next < out->n) {
        bytes += out->ends[out->n - 1]
                 - (out->next ? out->ends[out->next - 1] : 0);
    }

    ngx_http_gateway_count(syslog->sink.queued, (uint64_t) 0 - bytes);
    ngx_http_gateway_log_sink_drop(&syslog->sink, NGX_HTTP_GATEWAY_LOG_EXIT,
                                   n);
}


static void
ngx_http_gateway_log_syslog_cancel(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}


static void
ngx_http_gateway_log_syslog_stop(ngx_http_gateway_log_sink_t *sink)
{
    ngx_http_gateway_log_syslog_t  *syslog;

    syslog = (ngx_http_gateway_log_syslog_t *) sink;

    if (!syslog->started) {
        return;
    }

    ngx_http_gateway_log_syslog_finish(syslog);

    if (syslog->stream) {
        (void) ngx_http_gateway_log_syslog_unconfirm(syslog);
    }

    ngx_http_gateway_log_syslog_drop(syslog);
    ngx_http_gateway_peer_close(&syslog->peer);

    ngx_http_gateway_log_syslog_cancel(&syslog->turn);
    ngx_http_gateway_log_syslog_cancel(&syslog->retry);
    ngx_http_gateway_log_syslog_cancel(&syslog->hold);
}
