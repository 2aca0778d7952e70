/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A peer: a server that a worker itself connects to, such as Redis or a syslog
 * server.  Core resolves its name, connects and negotiates TLS; the caller
 * sends and receives.
 *
 *     configuration   a block of the caller has the rows "server" and "ssl*"
 *     init worker     ngx_http_gateway_peer_init(), once for each connection
 *     event           ngx_http_gateway_peer_connect()
 *       connected()   the caller takes over the connection
 *       ...           ngx_http_gateway_peer_ready()
 *     or failed()     the peer is closed; connect again from a timer
 *     exit process    ngx_http_gateway_peer_close()
 *
 * A peer belongs to one worker and is used in its event loop.  No function
 * blocks.  Times are in milliseconds.
 *
 * Messages of nginx's own functions about a connection are captured: one of them
 * becomes part of the reason that the caller logs at a limited rate.
 */

#ifndef _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_


#include "ngx_http_gateway_block.h"
#include "ngx_http_gateway_capture.h"

#include <ngx_event.h>
#include <ngx_event_connect.h>


#define NGX_HTTP_GATEWAY_PEER_REASON  512       /* bytes */


typedef struct ngx_http_gateway_peer_s  ngx_http_gateway_peer_t;


/* the address of a server, from the configuration or made by the caller */

typedef struct {
    ngx_str_t                       text;       /* as written, for the log */
    ngx_str_t                       host;       /* a name or an address */
    in_port_t                       port;       /* of a name; in host order */
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
 * Connected: the caller can use peer->connection.  The callback must set its
 * "data" and both handlers.  It must also post c->read if c->read->ready is
 * set, since read events may be pending.  With datagrams, no server has
 * answered yet: a UDP peer is connected as soon as it has a socket, and a later
 * send() or recv() fails if no server listens.
 */
typedef void (*ngx_http_gateway_peer_connected_pt)(
    ngx_http_gateway_peer_t *peer);

/*
 * Failed: the peer has been closed.  "reason" is text for a log line, with
 * nginx's own message; it is valid only during the call.  NULL: nothing failed,
 * but worker_shutdown_timeout has expired and nginx closes all connections.
 * Not called if the caller closes the peer, or after
 * ngx_http_gateway_peer_ready().
 */
typedef void (*ngx_http_gateway_peer_failed_pt)(ngx_http_gateway_peer_t *peer,
    const ngx_str_t *reason);


struct ngx_http_gateway_peer_s {

    /*
     * Set by the caller before it connects, possibly to other values each time.
     * All except "ssl_name" must stay valid until the peer is closed.
     */
    const ngx_http_gateway_peer_server_t  *server;
    ngx_resolver_t                 *resolver;   /* for a name */
    ngx_ssl_t                      *ssl;        /* NULL: without TLS */
    ngx_str_t                       ssl_name;   /* the name to verify in the
                                                   certificate; not empty with
                                                   TLS; valid until connected */
    ngx_msec_t                      timeout;    /* from connect to ready */
    ngx_http_gateway_peer_connected_pt  connected;
    ngx_http_gateway_peer_failed_pt     failed;
    void                           *data;       /* the caller's */

    /* read-only for the caller */
    ngx_connection_t               *connection; /* NULL: none */
    ngx_str_t                       address;    /* as resolved, or as written;
                                                   for the log; valid after
                                                   the peer was closed */

    /* private */
    ngx_resolver_ctx_t             *resolving;
    ngx_sockaddr_t                  sockaddr;
    socklen_t                       socklen;
    u_char                          text[NGX_SOCKADDR_STRLEN];
    ngx_str_t                       certificate;    /* its name, with NUL */
    ngx_uint_t                      ip;         /* unsigned:1; that name is an
                                                   address */
    ngx_event_t                     timer;
    ngx_log_t                      *owner;
    ngx_http_gateway_capture_t      capture;    /* nginx's messages */
};


/*
 * ngx_http_gateway_peer.c: connections
 */

/*
 * Must be called first, on zeroed memory that is not moved.  "log" is the
 * worker's log, that of the cycle.
 */
void ngx_http_gateway_peer_init(ngx_http_gateway_peer_t *peer, ngx_log_t *log);

/*
 * Connects a closed peer: resolves the name, if there is one, connects to the
 * first address, and negotiates TLS.  One of the two callbacks is called once,
 * unless the caller closes the peer first.  The callback may run inside this
 * call and may free the peer: the caller must not use the peer after the call
 * unless it knows that it still exists.
 *
 * With TLS, the chain and the name are always verified.  An "ssl_name" that is
 * an address, with or without brackets, is compared with the addresses in the
 * certificate.
 *
 * The timer of the timeout is cancelable: it does not delay a worker that shuts
 * down.  Streams use SO_KEEPALIVE: an idle connection to an unreachable server
 * fails after 45 s.  A connection with unacknowledged bytes fails when the
 * system stops sending them again, on Linux after about 15 minutes.
 */
void ngx_http_gateway_peer_connect(ngx_http_gateway_peer_t *peer);

/*
 * The caller has established the connection.  Called in connected(), or later,
 * after a handshake of the caller's protocol.  Until then the timeout runs, and
 * failed() can be called.  Stored messages of nginx are discarded.
 */
void ngx_http_gateway_peer_ready(ngx_http_gateway_peer_t *peer);

/*
 * Closes the peer in any state, without a callback and without waiting.  Its
 * events and stored messages are discarded.  The kernel still sends the bytes
 * that it has accepted, unless received bytes were not read.  TLS ends with a
 * close_notify if that can be sent at once.  Can be called in both callbacks
 * and in the handlers of the connection, which must not use the connection
 * afterwards.  Has no effect on a closed peer.
 */
void ngx_http_gateway_peer_close(ngx_http_gateway_peer_t *peer);

/*
 * Writes a reason for the log, such as "sending to 10.0.0.5:6379 failed: send()
 * failed (104: Connection reset by peer)": the formatted text, followed by
 * nginx's captured message since the peer became ready, if there is one.  If "fmt"
 * is NULL, only nginx's message is written.  Must be called before the peer is
 * closed.  Returns the end of the text.
 */
u_char *ngx_http_gateway_peer_reason(ngx_http_gateway_peer_t *peer, u_char *p,
    u_char *last, const char *fmt, va_list args);


/*
 * ngx_http_gateway_peer_conf.c: the directives
 */

/* what "server" accepts; the row's "post" */

typedef struct {
    in_port_t                       port;       /* the default */

    /*
     * 1: "udp:", "tcp:" or "unix:" is required, and a UNIX-domain socket is a
     * datagram socket.  0: all connections are streams; "unix:" is optional.
     */
    ngx_uint_t                      transports;

    const char                     *examples;   /* "...", "..." or "..." */
} ngx_http_gateway_peer_kind_t;


/*
 * Setter of "server": fills an ngx_http_gateway_peer_server_t, zeroed at first.
 * Does not resolve names.
 */
char *ngx_http_gateway_peer_set_server(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The rows of "ssl", "ssl_trusted_certificate", "ssl_name", "ssl_certificate"
 * and "ssl_certificate_key".  "type" is the caller's structure, and "field" its
 * ngx_http_gateway_peer_ssl_t, zeroed except for "on", NGX_CONF_UNSET_UINT.
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
 * After a block with a "server" was parsed: sets the default of "ssl", refuses
 * conflicting directives, sets ssl->name to the host if "ssl_name" is missing,
 * and creates ssl->ctx if "ssl" is on.  Returns NGX_CONF_OK, or NGX_CONF_ERROR
 * after an [emerg].
 */
char *ngx_http_gateway_peer_ssl(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server,
    ngx_http_gateway_peer_ssl_t *ssl);

/*
 * In postconfiguration, since "resolver" can follow the block: sets *resolver
 * to the resolver of the http level, or to NULL if the server is an address.
 * NGX_ERROR after an [emerg]: no resolver is defined.
 */
ngx_int_t ngx_http_gateway_peer_resolver(ngx_conf_t *cf,
    const ngx_http_gateway_block_t *block,
    const ngx_http_gateway_peer_server_t *server, ngx_resolver_t **resolver);


#endif /* _NGX_HTTP_GATEWAY_PEER_H_INCLUDED_ */
