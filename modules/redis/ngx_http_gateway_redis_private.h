/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the parts of the Redis client share, and nobody else includes.
 *
 *     _module.c      the module: directive, configuration, processes
 *     _conf.c        what stands inside of gateway_redis { }
 *     _call.c        calls: made, answered, lost
 *     _deadline.c    calls that are not answered in time
 *     _turn.c        calls that wait: whose turn it is
 *     _command.c     what they are made of
 *     _connection.c  which there are, losing, when to try again
 *     _connect.c     connecting, by core's part for it
 *     _handshake.c   what is asked before the first call
 *     _io.c          bytes: output, input
 *     _breaker.c     failures, counted by all workers together
 *
 * A call waits in the flow of its client while there is no connection or Redis
 * has enough to do.  It is a slot in the queue of its connection from when its
 * bytes are in the output until its reply: replies have no other address than
 * their order.  Nobody takes a slot out of the middle.  Who no longer waits
 * only takes his handler away.
 */

#ifndef _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_redis.h"
#include "ngx_http_gateway_peer.h"
#include "ngx_http_gateway_say.h"


/* times are milliseconds */

#define NGX_HTTP_GATEWAY_REDIS_START        100     /* spread of workers */
#define NGX_HTTP_GATEWAY_REDIS_GOOD         1000    /* lasted some time */
#define NGX_HTTP_GATEWAY_REDIS_AGAIN        20      /* then, at once */
#define NGX_HTTP_GATEWAY_REDIS_BACKOFF      50      /* first, then doubled */
#define NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX  5000

/* by how much the clock of a worker in a long turn may be behind */
#define NGX_HTTP_GATEWAY_REDIS_TURN         1000

/* a slot without a reply for so long, in timeouts, and at least */
#define NGX_HTTP_GATEWAY_REDIS_HARD         5
#define NGX_HTTP_GATEWAY_REDIS_HARD_MIN     250

#define NGX_HTTP_GATEWAY_REDIS_ERR  NGX_HTTP_GATEWAY_PEER_REASON

/* calls that Redis has at the same time on a connection; others wait */
#define NGX_HTTP_GATEWAY_REDIS_WINDOW       512

/* so many a Redis that has not failed answers in time */
#define NGX_HTTP_GATEWAY_REDIS_SHORT        64

/* flows of a connection, and calls of one that may take the last places */
#define NGX_HTTP_GATEWAY_REDIS_FLOWS        256
#define NGX_HTTP_GATEWAY_REDIS_FEW          8


typedef struct ngx_http_gateway_redis_node_s  ngx_http_gateway_redis_node_t;
typedef struct ngx_http_gateway_redis_connection_s
    ngx_http_gateway_redis_connection_t;


/* the calls of a client's connection, or of a few */

typedef struct {
    ngx_queue_t                     turn;       /* in conn->turns, if any: */
    ngx_queue_t                     calls;      /* that wait, oldest first */
    ngx_uint_t                      n;          /* with those that were sent */
} ngx_http_gateway_redis_flow_t;


/* what is said at most once in a while, by one worker for all of them */

typedef enum {
    NGX_HTTP_GATEWAY_REDIS_SAY_CONNECT = 0,
    NGX_HTTP_GATEWAY_REDIS_SAY_LOST,
    NGX_HTTP_GATEWAY_REDIS_SAY_TIMEOUT,
    NGX_HTTP_GATEWAY_REDIS_SAY_MALFORMED,
    NGX_HTTP_GATEWAY_REDIS_SAY_BUSY,
    NGX_HTTP_GATEWAY_REDIS_SAY_READONLY,
    NGX_HTTP_GATEWAY_REDIS_SAY_OOM,
    NGX_HTTP_GATEWAY_REDIS_SAY_DENIED,
    NGX_HTTP_GATEWAY_REDIS_SAY_CLUSTER,
    NGX_HTTP_GATEWAY_REDIS_SAY_WRONGTYPE,
    NGX_HTTP_GATEWAY_REDIS_SAY_OTHER,
    NGX_HTTP_GATEWAY_REDIS_SAY_FULL,
    NGX_HTTP_GATEWAY_REDIS_SAY_SETNAME,
    NGX_HTTP_GATEWAY_REDIS_SAY_ROLE,
    NGX_HTTP_GATEWAY_REDIS_SAY_OPENED,
    NGX_HTTP_GATEWAY_REDIS_SAY_PROBE,
    NGX_HTTP_GATEWAY_REDIS_SAYINGS
} ngx_http_gateway_redis_say_e;


/*
 * The breaker, in shared memory: atomic words, no lock, so that a killed
 * worker leaves nothing behind but a claim, which expires.
 */

typedef struct {
    ngx_atomic_t                    failures;   /* weighed, less the good */
    ngx_atomic_t                    until;      /* 0: closed; time of a probe */
    ngx_atomic_t                    told;       /* the log: it is not asked */
    ngx_atomic_t                    lost;       /* the log: a connection */
    ngx_atomic_t                    closed;     /* when it was, last */
    ngx_atomic_t                    probe;      /* end of a worker's claim */
    ngx_atomic_t                    said[NGX_HTTP_GATEWAY_REDIS_SAYINGS];
} ngx_http_gateway_redis_shm_t;


/* what the block says; read-only since then */

typedef struct {
    ngx_str_t                       user;
    ngx_str_t                       password;
    ngx_int_t                       database;
    ngx_str_t                       prefix;

    ngx_http_gateway_peer_ssl_t     ssl;

    ngx_msec_t                      connect_timeout;
    ngx_msec_t                      timeout;
    ngx_int_t                       connections;
    ngx_int_t                       max_pending;

    ngx_uint_t                      breaker;    /* unsigned:1; was there */
    ngx_int_t                       failures;
    ngx_msec_t                      retry;
} ngx_http_gateway_redis_conf_t;


/* a server; there is one, until Sentinel or Cluster name more */

struct ngx_http_gateway_redis_node_s {
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_peer_server_t  server;

    /* of the worker; NULL: this is none */
    ngx_http_gateway_redis_connection_t  *connections;
};


struct ngx_http_gateway_redis_s {
    ngx_http_gateway_block_t        block;
    ngx_http_gateway_redis_conf_t   conf;
    ngx_http_gateway_redis_node_t   node;
    ngx_uint_t                      used;       /* unsigned:1 */

    ngx_array_t                    *scripts;    /* script_t *, of all */
    ngx_resolver_t                 *resolver;
    ngx_http_gateway_redis_shm_t   *sh;

    /* of the worker */
    ngx_log_t                      *log;
    ngx_int_t                       pending;    /* calls, waiting and sent */
    ngx_queue_t                     free;       /* calls of common size */
    ngx_uint_t                      nfree;
    ngx_http_gateway_redis_connection_t  *answers;  /* in the handler of a
                                                       late reply, else NULL */

    ngx_event_t                     upkeep;     /* while the breaker is open */
};


typedef enum {
    NGX_HTTP_GATEWAY_REDIS_DISCONNECTED = 0,
    NGX_HTTP_GATEWAY_REDIS_CONNECTING,          /* until the handshake's end */
    NGX_HTTP_GATEWAY_REDIS_CONNECTED
} ngx_http_gateway_redis_state_e;


struct ngx_http_gateway_redis_connection_s {
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_node_t  *node;
    ngx_http_gateway_redis_state_e  state;

    ngx_http_gateway_peer_t         peer;
    gw_resp_reader_t               *reader;
    ngx_buf_t                       out;

    ngx_http_gateway_redis_flow_t  *flows;      /* calls that wait */
    ngx_queue_t                     turns;      /* flows with calls, by turn */

    /* calls, oldest first */
    ngx_queue_t                     sent;       /* the slots */
    ngx_queue_t                     active;     /* of both, not yet late */
    ngx_uint_t                      queued;     /* waiting and sent */
    ngx_uint_t                      slots;      /* sent */

    ngx_event_t                     timer;      /* DISCONNECTED: connects */
    ngx_event_t                     deadline;   /* of the oldest call */
    ngx_event_t                     flush;      /* posted: writes */

    ngx_msec_t                      retry;      /* DISCONNECTED: not before */
    ngx_msec_t                      since;      /* CONNECTED */
    ngx_msec_t                      replied;    /* last, to anything */
    ngx_uint_t                      attempts;   /* that failed, in a row */
    u_char                         *loading;    /* scripts on their way */

    unsigned                        good:1;     /* has answered in time */
    unsigned                        denied:1;   /* wait, whoever asks */
    unsigned                        probe:1;    /* the breaker's verdict */
    unsigned                        grace:1;    /* a turn more for replies */
};


/*
 * What a slot does with its reply.  NGX_OK: it is done and will be freed;
 * NGX_AGAIN: it is in a queue again; NGX_ERROR: the connection was closed.
 */

typedef ngx_int_t (*ngx_http_gateway_redis_reply_pt)(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);


struct ngx_http_gateway_redis_call_s {
    ngx_queue_t                     queue;      /* of a flow, sent, or free */
    ngx_queue_t                     age;        /* active */
    ngx_http_gateway_redis_flow_t  *flow;       /* NULL: of no client */

    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_reply_pt   reply;
    ngx_http_gateway_redis_script_t  *script;
    ngx_uint_t                      integers;   /* of a script's reply */

    ngx_http_gateway_redis_pt       handler;    /* NULL: nobody waits */
    void                           *data;

    ngx_msec_t                      deadline;
    ngx_msec_t                      sent;       /* when */
    ngx_uint_t                      ahead;      /* slots, when it was */

    unsigned                        active:1;   /* before its deadline */
    unsigned                        asked:1;    /* in a turn that is over */
    unsigned                        written:1;  /* in the output */
    unsigned                        flushed:1;  /* or as far as it went */
    unsigned                        resent:1;   /* after NOSCRIPT */
    unsigned                        counted:1;  /* in redis->pending, flow */

    size_t                          size;       /* of the bytes below */
    size_t                          len;
    u_char                          bytes[1];   /* kept for NOSCRIPT */
};


/* how a connection ends, and what follows */

typedef enum {
    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT = 0,   /* never was connected */
    NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED,
    NGX_HTTP_GATEWAY_REDIS_CAUSES               /* how many there are */
} ngx_http_gateway_redis_cause_e;


/* now, or in the past */
#define ngx_http_gateway_redis_due(msec)                                      \
    ((ngx_msec_int_t) ((msec) - ngx_current_msec) <= 0)

#define ngx_http_gateway_redis_connection(redis, i)                           \
    (&(redis)->node.connections[i])


/*
 * ngx_http_gateway_redis_conf.c
 */

/*
 * Parses the block whose opening is at hand.  NGX_CONF_OK, or NGX_CONF_ERROR
 * after an [emerg].
 */
char *ngx_http_gateway_redis_block(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);


/*
 * ngx_http_gateway_redis_command.c
 */

/*
 * A command as a call without a handler, in no queue.  The words and, behind
 * them, the arguments are copied.  NULL: no memory.
 */
ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_command(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_reply_pt reply,
    const ngx_str_t *words, ngx_uint_t nwords, const ngx_str_t *args,
    ngx_uint_t nargs);

void ngx_http_gateway_redis_free(ngx_http_gateway_redis_call_t *call);


/*
 * ngx_http_gateway_redis_call.c
 */

/* calls the handler, if somebody waits, for the first and the last time */
void ngx_http_gateway_redis_tell(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);

/* the deadline of a call on this connection runs from now on */
void ngx_http_gateway_redis_activate(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* the reply of anything that may have a handler */
ngx_int_t ngx_http_gateway_redis_call_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);

/* the turn is over in which calls were made: their time begins now */
void ngx_http_gateway_redis_begin(ngx_http_gateway_redis_connection_t *conn);

/*
 * The connection has closed: ends its calls, those that were sent and those
 * that were not.  Handlers run and may make new calls.
 */
void ngx_http_gateway_redis_drop(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_status_e sent,
    ngx_http_gateway_redis_status_e waiting);

/* a call is no longer active: its deadline does not apply any more */
void ngx_http_gateway_redis_retire(ngx_http_gateway_redis_call_t *call);

/* logs that this worker makes more calls than Redis can answer */
void ngx_http_gateway_redis_say_full(ngx_http_gateway_redis_t *redis);


/*
 * ngx_http_gateway_redis_deadline.c
 */

/* the event of conn->deadline */
void ngx_http_gateway_redis_deadline(ngx_event_t *ev);

/*
 * Something has been answered, sent or given up: is the connection idle, may
 * the worker leave, and when is to be looked at it again?
 */
void ngx_http_gateway_redis_rearm(ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_turn.c
 */

/* the flow of a client's connection */
#define ngx_http_gateway_redis_flow(conn, client)                             \
    (&(conn)->flows[(client) % NGX_HTTP_GATEWAY_REDIS_FLOWS])

/* a connection begins; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_redis_flows(
    ngx_http_gateway_redis_connection_t *conn, ngx_pool_t *pool);

/* a call waits, and no longer */
void ngx_http_gateway_redis_wait(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
void ngx_http_gateway_redis_leave(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* the call whose turn it is, which waits no longer; NULL: none waits */
ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_next(
    ngx_http_gateway_redis_connection_t *conn);

/* sends what waits, as much as Redis may have; NGX_ERROR: closed */
ngx_int_t ngx_http_gateway_redis_fill(
    ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_connection.c
 */

/* a worker begins, and ends */
ngx_int_t ngx_http_gateway_redis_start(ngx_http_gateway_redis_t *redis,
    ngx_cycle_t *cycle);
void ngx_http_gateway_redis_stop(ngx_http_gateway_redis_t *redis);

/* the server that has the slot of a key; "key" may be NULL */
ngx_http_gateway_redis_node_t *ngx_http_gateway_redis_node(
    ngx_http_gateway_redis_t *redis, const ngx_str_t *key);

/* the connection of a server that has least to do */
ngx_http_gateway_redis_connection_t *ngx_http_gateway_redis_pick(
    ngx_http_gateway_redis_node_t *node);

/*
 * Closes a connection that has failed, says so, and counts.  The format is
 * followed by what nginx itself has said about the connection.
 */
void ngx_cdecl ngx_http_gateway_redis_lost(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_cause_e cause, const char *fmt, ...);

/* closes a connection because nobody needs it */
void ngx_http_gateway_redis_close(ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_connect.c
 */

/* tries now; disconnected, from an event only */
void ngx_http_gateway_redis_connect(
    ngx_http_gateway_redis_connection_t *conn);

/* tries after some time at most of "spread" */
void ngx_http_gateway_redis_connect_later(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t spread);

/* the handshake is over: sends what waits; NGX_ERROR: closed again */
ngx_int_t ngx_http_gateway_redis_connected(
    ngx_http_gateway_redis_connection_t *conn);

/* the event of conn->timer; and takes it back, set, posted or both */
void ngx_http_gateway_redis_timer_handler(ngx_event_t *ev);
void ngx_http_gateway_redis_stop_timer(
    ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_handshake.c
 */

/* the connection is there: asks what stands before the first call */
void ngx_http_gateway_redis_handshake(ngx_http_gateway_peer_t *peer);

/*
 * The first command of the handshake that is not answered, in static memory;
 * NULL: all are.
 */
const char *ngx_http_gateway_redis_unanswered(
    ngx_http_gateway_redis_connection_t *conn);

/*
 * Redis has forgotten a script: loads it on this connection unless that is on
 * its way.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_load(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script);

/*
 * What may be logged of an error reply: its beginning, without anything that
 * it could have quoted.
 */
ngx_str_t ngx_http_gateway_redis_words(const gw_resp_t *reply);


/*
 * ngx_http_gateway_redis_io.c
 */

/*
 * Makes a call the last slot and adds its bytes to the output, which is
 * written at the end of this turn of the event loop.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_append(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* the handlers of a connection that has been established */
void ngx_http_gateway_redis_read_handler(ngx_event_t *rev);
void ngx_http_gateway_redis_write_handler(ngx_event_t *wev);
void ngx_http_gateway_redis_flush_handler(ngx_event_t *ev);

/* reads what is there; NGX_ERROR: the connection was closed */
ngx_int_t ngx_http_gateway_redis_read(
    ngx_http_gateway_redis_connection_t *conn);

void ngx_http_gateway_redis_free_output(
    ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_breaker.c
 */

ngx_int_t ngx_http_gateway_redis_zone_add(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);

#define ngx_http_gateway_redis_open(redis)  ((redis)->sh->until != 0)

/* the breaker is open: looks at it from now on until it is closed */
void ngx_http_gateway_redis_upkeep(ngx_http_gateway_redis_t *redis);
void ngx_http_gateway_redis_upkeep_handler(ngx_event_t *ev);

/* a script's reply, in time, that is no error */
void ngx_http_gateway_redis_success(ngx_http_gateway_redis_t *redis);

/*
 * Something has gone wrong.  Counts it, which may open the breaker, if
 * "counts" says so, and logs: "reason", and "next", what happens now.  Returns
 * whether it was logged: it is not repeated within a minute.
 */
ngx_uint_t ngx_http_gateway_redis_failure(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_say_e say, ngx_uint_t counts,
    const ngx_str_t *reason, const char *next);

/* the connection of a probe: asks, or has failed */
void ngx_http_gateway_redis_probe_ask(
    ngx_http_gateway_redis_connection_t *conn);
void ngx_http_gateway_redis_probe_failed(ngx_http_gateway_redis_t *redis);


#endif /* _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_ */
