/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A peer: a server that a worker connects to for itself, such as Redis or a
 * syslog server.  Core resolves its name, connects and negotiates TLS; what is
 * sent and read is the caller's.
 *
 *     configuration   a block of the caller has the rows "server" and "ssl*"
 *     init worker     ngx_http_gateway_peer_init(), once for each connection
 *     event           ngx_http_gateway_peer_connect()
 *       connected()   the caller takes over the connection
 *       ...           ngx_http_gateway_peer_ready()
 *     or failed()     it is closed; connect again, from a timer
 *     exit process    ngx_http_gateway_peer_close()
 *
 * Everything belongs to one worker and is for use in its event loop; nothing
 * blocks.  Times are milliseconds.
 *
 * What nginx's own functions say about a connection is not written to the log
 * but kept: it becomes part of the reason that the caller logs, at a rate of
 * its own.  What they say at level alert or above, and at debug, is logged.
 */

#ifndef _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_


#include "ngx_http_gateway_block.h"

#include <ngx_event.h>
#include <ngx_event_connect.h>


#define NGX_HTTP_GATEWAY_PEER_REASON  512       /* bytes */


typedef struct ngx_http_gateway_peer_s  ngx_http_gateway_peer_t;


/* where a server is: of the configuration, or made by the caller */

typedef struct {
    ngx_str_t                       text;       /* as written, for the log */
    ngx_str_t                       host;       /* a name, or an address */
    in_port_t                       port;       /* for a name; host's order */
    ngx_addr_t                     *addr;       /* NULL: resolve the host */
    int                             type;       /* SOCK_STREAM, SOCK_DGRAM */
} ngx_http_gateway_peer_server_t;


/* the directives "ssl*" of a block */

typedef struct {
    ngx_uint_t                      on;
    ngx_str_t                       trusted_certificate;
    ngx_str_t                       name;
    ngx_str_t                       certificate;
    ngx_str_t                       certificate_key;
    ngx_ssl_t                      *ctx;        /* NULL: without TLS */
} ngx_http_gateway_peer_ssl_t;


/*
 * Connected: peer->connection is the caller's to use.  The callback must set
 * its "data" and both handlers; read events may be waiting, so it must post
 * c->read if c->read->ready is set.  With datagrams no server has answered yet:
 * UDP is connected as soon as there is a socket, and a server that does not
 * listen shows as an error of a later send() or recv().
 */
typedef void (*ngx_http_gateway_peer_connected_pt)(
    ngx_http_gateway_peer_t *peer);

/*
 * Failed: the peer has been closed.  "reason" says what failed, with nginx's
 * own words, for a log line; it is valid during the call only.  NULL: nothing
 * failed, nginx closes all connections since worker_shutdown_timeout is over.
 * There is no such call for what the caller closes itself, nor after
 * ngx_http_gateway_peer_ready().
 */
typedef void (*ngx_http_gateway_peer_failed_pt)(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason);


struct ngx_http_gateway_peer_s {

    /*
     * Set by the caller, before it connects; may differ each time.  All but
     * "ssl_name" must stay valid until the peer is closed.
     */
    const ngx_http_gateway_peer_server_t  *server;
    ngx_resolver_t                 *resolver;   /* for a name */
    ngx_ssl_t                      *ssl;        /* NULL: without TLS */
    ngx_str_t                       ssl_name;   /* that the certificate must
                                                   be for; not empty with TLS;
                                                   valid until connected */
    ngx_msec_t                      timeout;    /* from connect to ready */
    ngx_http_gateway_peer_connected_pt  connected;
    ngx_http_gateway_peer_failed_pt     failed;
    void                           *data;       /* the caller's own */

    /* for the caller to read */
    ngx_connection_t               *connection; /* NULL: there is none */
    ngx_str_t                       address;    /* as resolved, or as written;
                                                   for the log; also after it
                                                   was closed */

    /* private */
    ngx_resolver_ctx_t             *resolving;
    ngx_sockaddr_t                  sockaddr;
    socklen_t                       socklen;
    u_char                          text[NGX_SOCKADDR_STRLEN];
    ngx_str_t                       certificate;    /* its name, with NUL */
    ngx_uint_t                      ip;         /* unsigned:1; name is one */
    ngx_event_t                     timer;
    ngx_log_t                      *owner;
    ngx_log_t                       log;        /* nginx's words */
    size_t                          why_len;
    u_char                          why[NGX_HTTP_GATEWAY_PEER_REASON];
};


/*
 * ngx_http_gateway_peer.c: connections
 */

/*
 * Before anything else, on zeroed memory that stays where it is.  "log" is a
 * log of the worker: the cycle's.
 */
void ngx_http_gateway_peer_init(ngx_http_gateway_peer_t *peer, ngx_log_t *log);

/*
 * Connects a peer that is closed: resolves the name, if it is one, and takes
 * the first of its addresses, connects, and negotiates TLS.  One of the two
 * callbacks follows, once, unless the caller closes the peer before.  Either
 * of them may run inside this call, and may free the peer: the caller must not
 * touch it afterwards without knowing.
 *
 * TLS is always verified, the chain and the name.  An "ssl_name" that is an
 * address, with or without brackets, is compared with the addresses of the
 * certificate.
 *
 * The timeout does not keep a worker that is leaving: its timer is cancelable.
 * Streams have SO_KEEPALIVE: an idle connection to a server that is unreachable
 * fails after 45 s.  One with unacknowledged bytes fails when the system gives
 * up sending them, on Linux after about 15 minutes.
 */
void ngx_http_gateway_peer_connect(ngx_http_gateway_peer_t *peer);

/*
 * The connection can be used: in connected(), or later, after a handshake of
 * the caller's own protocol.  Until then the timeout runs, and failed() may
 * still be called.  What nginx has said so far is forgotten.
 */
void ngx_http_gateway_peer_ready(ngx_http_gateway_peer_t *peer);

/*
 * Closes the peer in whatever state it is, without a callback and without
 * waiting; no event of it is left, nor what nginx has said.  Bytes that the
 * kernel has taken are still sent, unless some that it has received were not
 * read; TLS ends with a close_notify, if it can be sent at once.  Allowed in
 * both callbacks and in the handlers of the connection, which must not be
 * touched afterwards; without effect on a peer that is closed.
 */
void ngx_http_gateway_peer_close(ngx_http_gateway_peer_t *peer);

/*
 * Writes a reason for the log, such as "sending to 10.0.0.5:6379 failed: send()
 * failed (104: Connection reset by peer)": the format, and then what nginx has
 * said last since the peer is ready, if anything.  If the
 * format is NULL, only what nginx has said is written.  Must be called before
 * the peer is closed.  Returns the end of what was written.
 */
u_char *ngx_http_gateway_peer_reason(ngx_http_gateway_peer_t *peer, u_char *p,
    u_char *last, const char *fmt, va_list args);


/*
 * ngx_http_gateway_peer_conf.c: the directives
 */

/* what "server" takes; the row's "post" */

typedef struct {
    in_port_t                       port;       /* where none is written */

    /*
     * 1: "udp:", "tcp:" or "unix:" is required, and a unix socket is one of
     * datagrams.  0: a stream; "unix:" for a socket.
     */
    ngx_uint_t                      transports;

    const char                     *examples;   /* "...", "..." or "..." */
} ngx_http_gateway_peer_kind_t;


/*
 * Setter of "server": an ngx_http_gateway_peer_server_t, zeroed at first.
 * Resolves nothing.
 */
char *ngx_http_gateway_peer_set_server(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The rows of "ssl", "ssl_trusted_certificate", "ssl_name", "ssl_certificate"
 * and "ssl_certificate_key"; "type" is the caller's structure, and "field" its
 * ngx_http_gateway_peer_ssl_t, zeroed but for "on", NGX_CONF_UNSET_UINT.
 */
#define ngx_http_gateway_peer_ssl_rows(type, field)                           \
    { ngx_string("ssl"), NGX_CONF_TAKE1, ngx_http_gateway_set_enum_slot, 0,   \
      offsetof(type, field.on), ngx_http_gateway_switch },                    \
                                                                              \
    { ngx_string("ssl_trusted_certificate"), NGX_CONF_TAKE1,                  \
      ngx_http_gateway_set_str_slot, 0,                                       \
      offsetof(type, field.trusted_certificate), NULL },                      \
                                                                              \
    { ngx_string("ssl_name"), NGX_CONF_TAKE1,                                 \
      ngx_http_gateway_set_str_slot, 0,                                       \
      offsetof(type, field.name), NULL },                                     \
                                                                              \
    { ngx_string("ssl_certificate"), NGX_CONF_TAKE1,                          \
      ngx_http_gateway_set_str_slot, 0,                                       \
      offsetof(type, field.certificate), NULL },                              \
                                                                              \
    { ngx_string("ssl_certificate_key"), NGX_CONF_TAKE1,                      \
      ngx_http_gateway_set_str_slot, 0,                                       \
      offsetof(type, field.certificate_key), NULL }

/*
 * After the closing of a block, whose "server" is set: sets the default of
 * "ssl", refuses what does not fit together, sets ssl->name to the host where
 * none is written, and makes ssl->ctx, if "ssl" is on.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_peer_ssl(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server,
    ngx_http_gateway_peer_ssl_t *ssl);

/*
 * In postconfiguration, since "resolver" may follow the block: sets *resolver
 * to the one of http, or to NULL for a server that has an address.  NGX_ERROR
 * after an [emerg]: there is none.
 */
ngx_int_t ngx_http_gateway_peer_resolver(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server, ngx_resolver_t **resolver);


#endif /* _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_ */
