/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Syslog servers: the blocks that declare them, and the sinks that send to
 * them.
 *
 *     _syslog_conf.c        the block gateway_log_syslog
 *     _syslog.c             a sink: its queue, the exit of a worker
 *     _syslog_connection.c  the connection of a sink
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_


#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_peer.h"
#include "gw_log_queue.h"
#include "gw_syslog.h"


/* bytes and messages of an output */
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_OUTPUT    65536
#define NGX_HTTP_GATEWAY_LOG_SYSLOG_FRAMES    256


/* gateway_log_syslog; read-only once the configuration has been read */

typedef struct {
    ngx_http_gateway_block_t              block;
    ngx_http_gateway_peer_server_t        server;
    ngx_http_gateway_peer_ssl_t           ssl;
    ngx_resolver_t                       *resolver; /* NULL: not a name */
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


/* whole messages to send; the kernel can have taken the first ones already */

typedef struct {
    u_char                               *start;
    size_t                                pos;      /* bytes sent */
    ngx_uint_t                            n;        /* messages */
    ngx_uint_t                            next;     /* first message that was
                                                       not sent as a whole */
    uint32_t                             *ends;     /* end of each message */
} ngx_http_gateway_log_syslog_output_t;


typedef struct {
    ngx_http_gateway_log_sink_t           sink;     /* first */
    ngx_http_gateway_log_syslog_conf_t   *conf;
    ngx_http_gateway_counter_t           *down;     /* time when a failure was
                                                       last logged */

    /* of the worker */

    gw_syslog_t                           header;
    gw_log_queue_t                        queue;
    ngx_http_gateway_log_syslog_output_t  out;
    gw_log_ends_t                         ends;     /* of sent records */
    uint32_t                              position; /* in the stream, without
                                                       TLS */

    ngx_http_gateway_peer_t               peer;
    ngx_http_gateway_log_syslog_state_e   state;
    ngx_msec_t                            since;    /* time when connected */
    ngx_uint_t                            sent;     /* records since then */
    size_t                                received; /* bytes since then */
    ngx_uint_t                            attempts; /* failed in a row */

    ngx_event_t                           turn;     /* posted, or a timer:
                                                       connects or sends */
    ngx_event_t                           retry;    /* timer: connects again */
    ngx_event_t                           hold;     /* timer: keeps the worker
                                                       from exiting */
    ngx_msec_t                            deadline; /* if leaving */

    unsigned                              stream:1;
    unsigned                              udp:1;
    unsigned                              started:1;
    unsigned                              leaving:1; /* the worker exits */
    unsigned                              said:1;   /* a failure was logged */
} ngx_http_gateway_log_syslog_t;


/* the block of a name; NULL: not found */
ngx_http_gateway_log_syslog_conf_t *ngx_http_gateway_log_syslog_find(
    ngx_http_gateway_log_main_conf_t *lmcf, const ngx_str_t *name);


/* the number of records that were not passed to the kernel */
#define ngx_http_gateway_log_syslog_records(syslog)                           \
    ((syslog)->queue.n + (syslog)->out.n - (syslog)->out.next)


/*
 * ngx_http_gateway_log_syslog_connection.c: no function blocks; connect and
 * send may close the connection
 */

/* initializes the connection, in a worker, before the other functions */
void ngx_http_gateway_log_syslog_connection(
    ngx_http_gateway_log_syslog_t *syslog);

/* connects; after that, waiting records are sent */
void ngx_http_gateway_log_syslog_connect(
    ngx_http_gateway_log_syslog_t *syslog);

/* sends waiting records, as many as the kernel takes */
void ngx_http_gateway_log_syslog_send(ngx_http_gateway_log_syslog_t *syslog);

/*
 * The number of records that were sent on a stream and are not acknowledged by
 * the server's kernel; 0 for datagrams.
 */
ngx_uint_t ngx_http_gateway_log_syslog_unacknowledged(
    ngx_http_gateway_log_syslog_t *syslog);

/*
 * Before a connection is closed: counts unconfirmed records, and returns their
 * number.  A message that was sent in part will be sent again as a whole.
 */
ngx_uint_t ngx_http_gateway_log_syslog_unconfirm(
    ngx_http_gateway_log_syslog_t *syslog);


#endif /* _NGX_HTTP_GATEWAY_LOG_SYSLOG_H_INCLUDED_ */
