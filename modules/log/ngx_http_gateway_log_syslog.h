/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Syslog servers: the blocks that declare them, and the sinks that send to
 * them.
 *
 *     _syslog_conf.c        what stands inside of gateway_log_syslog { }
 *     _syslog.c             the sink: its queue, the end of a worker
 *     _syslog_connection.c  its connection
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_


#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_peer.h"
#include "gw_log_queue.h"
#include "gw_syslog.h"


/* bytes, and messages, of an output */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUT    65536
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_FRAMES    256


/* gateway_log_syslog; read-only once the configuration has been read */

typedef struct {
    ngx_http_gateway_block_t              block;
    ngx_http_gateway_peer_server_t        server;
    ngx_http_gateway_peer_ssl_t           ssl;
    ngx_resolver_t                       *resolver; /* NULL: an address */
    ngx_uint_t                            facility;
    ngx_uint_t                            severity;
    ngx_str_t                             tag;
    size_t                                queue;    /* bytes, for each worker */
    ngx_uint_t                            used;     /* unsigned:1 */
} ngx_http_gateway_log_syslog_conf_t;


typedef enum {
    NGX_HTTP_GATEWAY_LOG_SYSLOG_CLOSED = 0,
    NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTING,
    NGX_HTTP_GATEWAY_LOG_SYSLOG_CONNECTED
} ngx_http_gateway_log_syslog_state_e;


/* whole messages, of which the first ones may have been handed over */

typedef struct {
    u_char                               *start;
    size_t                                pos;      /* handed over */
    ngx_uint_t                            n;        /* messages */
    ngx_uint_t                            next;     /* not handed over */
    uint32_t                             *ends;     /* of each */
} ngx_http_gateway_log_syslog_output_t;


typedef struct {
    ngx_http_gateway_log_sink_t           sink;     /* first */
    ngx_http_gateway_log_syslog_conf_t   *conf;
    ngx_http_gateway_counter_t           *down;     /* when it was logged last
                                                       that the server is */

    /* the worker's */

    gw_syslog_t                           header;
    gw_log_queue_t                        queue;
    ngx_http_gateway_log_syslog_output_t  out;
    gw_log_ends_t                         ends;     /* of the connection */
    uint32_t                              position; /* in its stream; not
                                                       of TLS */

    ngx_http_gateway_peer_t               peer;
    ngx_http_gateway_log_syslog_state_e   state;
    ngx_msec_t                            since;    /* connected */
    ngx_uint_t                            sent;     /* records, since then */
    size_t                                received; /* bytes, since then */
    ngx_uint_t                            attempts; /* that failed, in a row */

    ngx_event_t                           turn;     /* posted, or soon:
                                                       connects, or sends; or
                                                       it leaves */
    ngx_event_t                           retry;    /* not before */
    ngx_event_t                           hold;     /* keeps the worker */
    ngx_msec_t                            deadline; /* leaving: until then */

    unsigned                              stream:1;
    unsigned                              udp:1;
    unsigned                              started:1;
    unsigned                              leaving:1;
    unsigned                              said:1;   /* that it is down */
} ngx_http_gateway_log_syslog_t;


/* the block of a name; NULL: there is none */
ngx_http_gateway_log_syslog_conf_t *ngx_http_gateway_log_syslog_find(
    ngx_http_gateway_log_main_conf_t *lmcf, const ngx_str_t *name);


/* records that were not handed over to the kernel */
#define ngx_http_gateway_log_syslog_records(syslog)                           \
    ((syslog)->queue.n + (syslog)->out.n - (syslog)->out.next)


/*
 * ngx_http_gateway_log_syslog_connection.c: nothing blocks, and each function
 * may close the connection
 */

/* in a worker, before all else */
void ngx_http_gateway_log_syslog_connection(
    ngx_http_gateway_log_syslog_t *syslog);

/* connects one that is closed; when it has, it sends what waits */
void ngx_http_gateway_log_syslog_connect(
    ngx_http_gateway_log_syslog_t *syslog);

/* sends what waits, on a connection, as far as it goes */
void ngx_http_gateway_log_syslog_send(ngx_http_gateway_log_syslog_t *syslog);

/*
 * How many records are on their way through a stream, and not acknowledged by
 * the server's kernel; 0 for datagrams.
 */
ngx_uint_t ngx_http_gateway_log_syslog_unacknowledged(
    ngx_http_gateway_log_syslog_t *syslog);

/*
 * Before a connection is closed: counts what is unconfirmed, and returns the
 * number.  A message that was cut off begins anew on the next connection.
 */
ngx_uint_t ngx_http_gateway_log_syslog_settle(
    ngx_http_gateway_log_syslog_t *syslog);


#endif /* _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_ */
