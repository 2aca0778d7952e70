/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Shared by the files of the Redis client; no other module includes it.
 *
 *     _module.c      the module: directive, configuration, processes
 *     _conf.c        the directives inside gateway_redis { }
 *     _call.c        calls: made, answered, lost
 *     _deadline.c    calls that are not answered in time
 *     _turn.c        calls that wait to be sent, and their order
 *     _command.c     the bytes and the memory of a call
 *     _connection.c  connections: choice, loss, time of the next attempt
 *     _connect.c     connecting, by core's peer
 *     _handshake.c   commands before the first call
 *     _io.c          output and input
 *     _breaker.c     failures, counted by all workers together
 *     _count.c       what is counted for metrics
 *
 * A call is one command to Redis and what happens with its reply.  Modules
 * call scripts; the handshake and the breaker make calls of their own.
 *
 * A call waits in the flow of its client while there is no connection or Redis
 * has a full window of calls.  From when its bytes are in the output until its
 * reply, it is a slot in the queue of its connection.  Replies are matched to
 * slots by their order alone, so no slot is ever removed from the middle: a
 * cancelled call only loses its handler.
 */

#ifndef _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_


#include "ngx_http_gateway_redis.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_peer.h"
#include "ngx_http_gateway_say.h"


/* times are milliseconds */

#define NGX_HTTP_GATEWAY_REDIS_START        100     /* spread of attempts */
#define NGX_HTTP_GATEWAY_REDIS_GOOD         1000    /* it lasted some time */
#define NGX_HTTP_GATEWAY_REDIS_AGAIN        20      /* spread of "at once" */
#define NGX_HTTP_GATEWAY_REDIS_BACKOFF      50      /* first, then doubled */
#define NGX_HTTP_GATEWAY_REDIS_BACKOFF_MAX  5000

/* how far the cached clock of a worker in a long turn may be behind */
#define NGX_HTTP_GATEWAY_REDIS_TURN         1000

/* a slot without a reply closes the connection: in timeouts, and at least */
#define NGX_HTTP_GATEWAY_REDIS_HARD         5
#define NGX_HTTP_GATEWAY_REDIS_HARD_MIN     250

#define NGX_HTTP_GATEWAY_REDIS_ERR  NGX_HTTP_GATEWAY_PEER_REASON

/* calls that are sent at the same time on a connection; others wait */
#define NGX_HTTP_GATEWAY_REDIS_WINDOW       512

/* with fewer calls in flight, a late reply is a failure of Redis */
#define NGX_HTTP_GATEWAY_REDIS_SHORT        64

/* flows of a connection; a flow with fewer calls may use the last places */
#define NGX_HTTP_GATEWAY_REDIS_FLOWS        256
#define NGX_HTTP_GATEWAY_REDIS_FEW          8


typedef struct ngx_http_gateway_redis_node_s  ngx_http_gateway_redis_node_t;
typedef struct ngx_http_gateway_redis_connection_s
    ngx_http_gateway_redis_connection_t;


/* the calls of a client's connection, or of several */

typedef struct {
    ngx_queue_t                     turn;       /* in conn->turns, if not
                                                   empty: */
    ngx_queue_t                     calls;      /* that wait, oldest first */
    ngx_uint_t                      n;          /* waiting and sent */
} ngx_http_gateway_redis_flow_t;


/* log lines that all workers together repeat at most once a minute */

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
    ngx_atomic_t                    failures;   /* weighted, less good
                                                   replies */
    ngx_atomic_t                    until;      /* 0: closed; next probe */
    ngx_atomic_t                    logged_open;  /* and not yet its end */
    ngx_atomic_t                    logged_lost;  /* likewise, a connection */
    ngx_atomic_t                    closed;     /* the last time */
    ngx_atomic_t                    probe;      /* end of the claim */
    ngx_atomic_t                    said[NGX_HTTP_GATEWAY_REDIS_SAYINGS];
} ngx_http_gateway_redis_shm_t;


/* the directives of the block; read-only after the configuration */

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

    ngx_uint_t                      breaker;    /* unsigned:1; is set */
    ngx_int_t                       failures;
    ngx_msec_t                      retry;
} ngx_http_gateway_redis_conf_t;


/* a server; a gateway_redis has one */

struct ngx_http_gateway_redis_node_s {
    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_peer_server_t  server;

    /* NULL: are not counted */
    ngx_http_gateway_series_t      *calls[NGX_HTTP_GATEWAY_REDIS_STATUSES];
    ngx_http_gateway_series_t      *connected;

    /* of the worker; NULL in other processes */
    ngx_http_gateway_redis_connection_t  *connections;
};


struct ngx_http_gateway_redis_s {
    ngx_http_gateway_block_t        block;
    ngx_http_gateway_redis_conf_t   conf;
    ngx_http_gateway_redis_node_t   node;
    ngx_uint_t                      used;       /* unsigned:1 */

    ngx_array_t                    *scripts;    /* script_t *, registered */
    ngx_resolver_t                 *resolver;
    ngx_http_gateway_redis_shm_t   *sh;
    ngx_http_gateway_series_t      *durations;  /* NULL: are not counted */

    /* of the worker */
    ngx_log_t                      *log;
    ngx_int_t                       pending;    /* calls, waiting and sent */
    ngx_queue_t                     free;       /* calls of common size */
    ngx_uint_t                      nfree;
    ngx_http_gateway_redis_connection_t  *answers;  /* in a handler of a
                                                       late reply; or NULL */

    ngx_event_t                     upkeep;     /* while the breaker is open */
};


typedef enum {
    NGX_HTTP_GATEWAY_REDIS_DISCONNECTED = 0,
    NGX_HTTP_GATEWAY_REDIS_CONNECTING,          /* and handshake */
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
    ngx_queue_t                     turns;      /* flows with calls */

    /* calls, oldest first */
    ngx_queue_t                     sent;       /* the slots */
    ngx_queue_t                     active;     /* waiting or sent, not late */
    ngx_uint_t                      queued;     /* waiting and sent */
    ngx_uint_t                      slots;      /* sent */

    ngx_event_t                     timer;      /* DISCONNECTED: connects */
    ngx_event_t                     deadline;   /* of the oldest call */
    ngx_event_t                     flush;      /* posted: writes */

    ngx_msec_t                      retry;      /* DISCONNECTED: earliest */
    ngx_msec_t                      since;      /* CONNECTED */
    ngx_msec_t                      replied;    /* the last time */
    uint64_t                        clock;      /* ns, of the replies that are
                                                   handled; 0: not counted */
    ngx_uint_t                      attempts;   /* that failed in a row */
    u_char                         *loading;    /* a mark per script: sent */

    unsigned                        good:1;     /* has replied in time */
    unsigned                        denied:1;   /* no attempt before "retry" */
    unsigned                        probe:1;    /* connects for the breaker */
    unsigned                        grace:1;    /* one more turn to read */
};


/*
 * Handles the reply of a slot.  NGX_OK: the call is done and will be freed;
 * NGX_AGAIN: it is in a queue again; NGX_ERROR: the connection was closed, and
 * the call will be freed.
 */

typedef ngx_int_t (*ngx_http_gateway_redis_reply_pt)(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);


struct ngx_http_gateway_redis_call_s {
    ngx_queue_t                     queue;      /* of flow, sent or free */
    ngx_queue_t                     age;        /* active */
    ngx_http_gateway_redis_flow_t  *flow;       /* NULL: not of a client */

    ngx_http_gateway_redis_t       *redis;
    ngx_http_gateway_redis_reply_pt   reply;
    ngx_http_gateway_redis_script_t  *script;
    ngx_uint_t                      integers;   /* expected in the reply */

    ngx_http_gateway_redis_pt       handler;    /* NULL: nobody waits */
    void                           *data;

    ngx_msec_t                      deadline;
    ngx_msec_t                      sent;       /* when */
    uint64_t                        began;      /* the same in ns; 0: durations
                                                   are not counted */
    ngx_uint_t                      ahead;      /* slots before it */

    unsigned                        active:1;   /* not late */
    unsigned                        asked:1;    /* deadline is final */
    unsigned                        written:1;  /* in the output */
    unsigned                        flushed:1;  /* "sent" is final */
    unsigned                        resent:1;   /* after NOSCRIPT */
    unsigned                        counted:1;  /* in redis->pending, flow */
    unsigned                        ended:1;    /* its status was counted */

    size_t                          size;       /* allocated for "bytes" */
    size_t                          len;
    u_char                          bytes[1];   /* kept for NOSCRIPT */
};


/* why a connection ends */

typedef enum {
    NGX_HTTP_GATEWAY_REDIS_CAUSE_CONNECT = 0,   /* could not connect */
    NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY,
    NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED,
    NGX_HTTP_GATEWAY_REDIS_CAUSES               /* how many there are */
} ngx_http_gateway_redis_cause_e;


/* whether a time is now or in the past */
#define ngx_http_gateway_redis_due(msec)                                      \
    ((ngx_msec_int_t) ((msec) - ngx_current_msec) <= 0)

#define ngx_http_gateway_redis_connection(redis, i)                           \
    (&(redis)->node.connections[i])


/*
 * ngx_http_gateway_redis_conf.c
 */

/*
 * Parses the block after its opening brace.  NGX_CONF_OK, or NGX_CONF_ERROR
 * after an [emerg].
 */
char *ngx_http_gateway_redis_block(ngx_conf_t *cf,
    ngx_http_gateway_redis_t *redis);


/*
 * ngx_http_gateway_redis_command.c
 */

/*
 * Creates a call without a handler, in no queue.  The command consists of the
 * words, followed by the arguments; both are copied.  NULL: no memory.
 */
ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_command(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_reply_pt reply,
    const ngx_str_t *words, ngx_uint_t nwords, const ngx_str_t *args,
    ngx_uint_t nargs);

void ngx_http_gateway_redis_free(ngx_http_gateway_redis_call_t *call);


/*
 * ngx_http_gateway_redis_call.c
 */

/* calls the handler, if there is one, and removes it */
void ngx_http_gateway_redis_tell(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);

/* makes a call active: its deadline is "timeout" from now */
void ngx_http_gateway_redis_activate(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* handles the reply of a call that may have a handler */
ngx_int_t ngx_http_gateway_redis_call_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply);

/* at the end of a turn: the timeout of calls made in it begins now */
void ngx_http_gateway_redis_begin(ngx_http_gateway_redis_connection_t *conn);

/*
 * Ends all calls of a connection that has closed, with one status for those
 * that were sent and one for those that wait.  Handlers may make new calls.
 */
void ngx_http_gateway_redis_drop(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_status_e sent,
    ngx_http_gateway_redis_status_e waiting);

/* a call is no longer active, and its deadline no longer applies */
void ngx_http_gateway_redis_retire(ngx_http_gateway_redis_call_t *call);

/* logs that this worker makes more calls than Redis can answer, by "what" */
void ngx_http_gateway_redis_say_full(ngx_http_gateway_redis_t *redis,
    const char *what);


/*
 * ngx_http_gateway_redis_deadline.c
 */

/* the handler of conn->deadline */
void ngx_http_gateway_redis_deadline(ngx_event_t *ev);

/*
 * After a change to the calls of a connection: marks it idle or busy, sets the
 * timer for the next deadline, and closes it if the worker is exiting and no
 * call is active.
 */
void ngx_http_gateway_redis_rearm(ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_turn.c
 */

/* the flow of a client's connection */
#define ngx_http_gateway_redis_flow(conn, client)                             \
    (&(conn)->flows[(client) % NGX_HTTP_GATEWAY_REDIS_FLOWS])

/* initializes the flows of a connection; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_redis_flows(
    ngx_http_gateway_redis_connection_t *conn, ngx_pool_t *pool);

/* adds a call to its flow, and removes it */
void ngx_http_gateway_redis_wait(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
void ngx_http_gateway_redis_leave(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* removes the call whose turn it is from its flow; NULL: none waits */
ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_next(
    ngx_http_gateway_redis_connection_t *conn);

/* sends waiting calls up to the window; NGX_ERROR: connection closed */
ngx_int_t ngx_http_gateway_redis_fill(
    ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_connection.c
 */

/* start and end of a worker process */
ngx_int_t ngx_http_gateway_redis_start(ngx_http_gateway_redis_t *redis,
    ngx_cycle_t *cycle);
void ngx_http_gateway_redis_stop(ngx_http_gateway_redis_t *redis);

/* the server for a key, which may be NULL; there is one server */
ngx_http_gateway_redis_node_t *ngx_http_gateway_redis_node(
    ngx_http_gateway_redis_t *redis, const ngx_str_t *key);

/* the best connected, then least busy connection of a server */
ngx_http_gateway_redis_connection_t *ngx_http_gateway_redis_pick(
    ngx_http_gateway_redis_node_t *node);

/*
 * Closes a connection that has failed, logs it, and may count a failure.  The
 * logged reason is the formatted text, followed by nginx's own message about
 * the connection, if any.
 */
void ngx_cdecl ngx_http_gateway_redis_lost(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_cause_e cause, const char *fmt, ...);

/* closes a connection that is not needed */
void ngx_http_gateway_redis_close(ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_connect.c
 */

/* connects now; only if disconnected, and only from an event */
void ngx_http_gateway_redis_connect(
    ngx_http_gateway_redis_connection_t *conn);

/* connects after a random time of at most "spread" */
void ngx_http_gateway_redis_connect_later(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t spread);

/* ends the handshake and sends waiting calls; NGX_ERROR: closed again */
ngx_int_t ngx_http_gateway_redis_connected(
    ngx_http_gateway_redis_connection_t *conn);

/* the handler of conn->timer; and cancels it, whether set or posted */
void ngx_http_gateway_redis_timer_handler(ngx_event_t *ev);
void ngx_http_gateway_redis_stop_timer(
    ngx_http_gateway_redis_connection_t *conn);


/*
 * ngx_http_gateway_redis_handshake.c
 */

/* the connection is established: sends the handshake */
void ngx_http_gateway_redis_handshake(ngx_http_gateway_peer_t *peer);

/*
 * The name of the first handshake command without a reply, in static memory;
 * NULL: there is none.
 */
const char *ngx_http_gateway_redis_unanswered(
    ngx_http_gateway_redis_connection_t *conn);

/*
 * Loads a script that Redis no longer has, unless this connection is loading
 * it already.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_load(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_script_t *script);

/*
 * The part of an error reply that can be logged: its beginning, up to anything
 * that may be quoted from a command.
 */
ngx_str_t ngx_http_gateway_redis_words(const gw_resp_t *reply);


/*
 * ngx_http_gateway_redis_io.c
 */

/*
 * Makes a call the last slot and appends its bytes to the output, which is
 * written at the end of this turn of the event loop.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_append(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);

/* the handlers of a connection that has been established */
void ngx_http_gateway_redis_read_handler(ngx_event_t *rev);
void ngx_http_gateway_redis_write_handler(ngx_event_t *wev);
void ngx_http_gateway_redis_flush_handler(ngx_event_t *ev);

/* reads and handles replies; NGX_ERROR: the connection was closed */
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

/* the breaker is open: starts the timer that checks it until it closes */
void ngx_http_gateway_redis_upkeep(ngx_http_gateway_redis_t *redis);
void ngx_http_gateway_redis_upkeep_handler(ngx_event_t *ev);

/* a script has replied in time, without an error */
void ngx_http_gateway_redis_success(ngx_http_gateway_redis_t *redis);

/*
 * Logs a failure: "reason", and "next", what happens now.  If "counts" is set,
 * also counts it, which may open the breaker.  Returns whether it was logged:
 * "say" is not repeated within a minute.
 */
ngx_uint_t ngx_http_gateway_redis_failure(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_say_e say, ngx_uint_t counts,
    const ngx_str_t *reason, const char *next);

/* the connection of a probe is established; the probe has failed */
void ngx_http_gateway_redis_probe_ask(
    ngx_http_gateway_redis_connection_t *conn);
void ngx_http_gateway_redis_probe_failed(ngx_http_gateway_redis_t *redis);


/*
 * ngx_http_gateway_redis_count.c
 */

/* configuration: "blocks" are redis_t *; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_redis_count_init(ngx_conf_t *cf,
    ngx_array_t *blocks);

/* a call has ended, or can no longer succeed; later calls have no effect */
void ngx_http_gateway_redis_count_call(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_status_e status);

/* the clock in ns; 0 if durations are not counted */
uint64_t ngx_http_gateway_redis_clock(const ngx_http_gateway_redis_t *redis);

/* a reply at conn->clock */
void ngx_http_gateway_redis_count_reply(
    ngx_http_gateway_redis_connection_t *conn,
    const ngx_http_gateway_redis_call_t *call);


#endif /* _NGX_HTTP_GATEWAY_REDIS_PRIVATE_H_INCLUDED_ */
