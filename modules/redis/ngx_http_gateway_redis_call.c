/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls: from the question of a module to the answer that it gets, by reply,
 * by deadline or because the connection was lost.
 *
 * All calls of a block have the same time, so that the order in which they
 * were made is that of their deadlines: one timer for the oldest is enough.
 * A call that is late loses its handler and its place among the active ones;
 * its slot stays for the reply that may still come, and a handler may ask for
 * that.  Only active calls keep a
 * worker from leaving, and none for longer than "timeout".
 *
 * A handler may do anything that a request does, even make or cancel other
 * calls.  None of that ends a call or a connection at once: a call that is
 * cancelled stays where it is, without its handler, and connections are made
 * and lost in events of their own.
 */

#include "ngx_http_gateway_redis_private.h"


/* what an error reply leads to */

typedef struct {
    ngx_uint_t                      closes;     /* the connection, for: */
    ngx_http_gateway_redis_cause_e  cause;

    /* else */
    ngx_http_gateway_redis_say_e    say;
    ngx_uint_t                      counts;     /* as a failure of Redis */
    const char                     *next;       /* for the log */
} ngx_http_gateway_redis_error_t;


static ngx_http_gateway_redis_status_e ngx_http_gateway_redis_ready(
    ngx_http_gateway_redis_t *redis);
static ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_evalsha(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_script_t *script,
    ngx_uint_t nkeys, const ngx_str_t *args, ngx_uint_t nargs);
static ngx_uint_t ngx_http_gateway_redis_full(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_flow_t *flow);
static void ngx_http_gateway_redis_say_full(ngx_http_gateway_redis_t *redis);
static ngx_int_t ngx_http_gateway_redis_queue(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static void ngx_http_gateway_redis_retire(ngx_http_gateway_redis_call_t *call);
static ngx_int_t ngx_http_gateway_redis_foreign(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_int_t ngx_http_gateway_redis_resend(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_int_t ngx_http_gateway_redis_error(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply,
    ngx_uint_t late);
static ngx_uint_t ngx_http_gateway_redis_overdue(
    ngx_http_gateway_redis_connection_t *conn);
static void ngx_http_gateway_redis_late(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static void ngx_http_gateway_redis_late_reply(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_uint_t ngx_http_gateway_redis_backlog(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
static ngx_uint_t ngx_http_gateway_redis_silent(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t since);
static ngx_uint_t ngx_http_gateway_redis_hung(
    ngx_http_gateway_redis_connection_t *conn, ngx_msec_t *at);


/* indexed by gw_resp_error_e */

static const ngx_http_gateway_redis_error_t
    ngx_http_gateway_redis_errors[] =
{
    [GW_RESP_OTHER] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OTHER,
        .counts = 1,
        .next = "deciding without it"
    },

    [GW_RESP_BUSY] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_BUSY,
        .counts = 1,
        .next = "deciding without it"
    },

    [GW_RESP_READONLY] = {
        .closes = 1,
        .cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY
    },

    /* the script was loaded again just before */

    [GW_RESP_NOSCRIPT] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OTHER,
        .counts = 1,
        .next = "deciding without it"
    },

    [GW_RESP_OOM] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OOM,
        .counts = 1,
        .next = "deciding without it"
    },

    [GW_RESP_NOAUTH] = {
        .closes = 1,
        .cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED
    },

    [GW_RESP_DENIED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_DENIED,
        .next = "deciding without it until its rules allow what is asked"
    },

    [GW_RESP_MOVED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_CLUSTER,
        .next = "deciding without it: clusters are not supported"
    },

    [GW_RESP_CLUSTER] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_CLUSTER,
        .counts = 1,
        .next = "deciding without it"
    },

    /* concerns one key only */

    [GW_RESP_WRONGTYPE] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_WRONGTYPE,
        .next = "deciding without it for this key: another program uses keys "
                "that begin with \"prefix\""
    }
};

_Static_assert(sizeof(ngx_http_gateway_redis_errors)
               / sizeof(ngx_http_gateway_redis_errors[0]) == GW_RESP_ERRORS,
               "a row for each gw_resp_error_e");


ngx_http_gateway_redis_status_e
ngx_http_gateway_redis_call(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *args, ngx_uint_t nargs, ngx_atomic_uint_t client,
    ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **handle)
{
    ngx_http_gateway_redis_call_t        *call;
    ngx_http_gateway_redis_flow_t        *flow;
    ngx_http_gateway_redis_status_e       status;
    ngx_http_gateway_redis_connection_t  *conn;

    /* what a late reply leads to: Redis answers here, breaker or not */

    conn = redis->answers;

    if (conn == NULL) {
        status = ngx_http_gateway_redis_ready(redis);

        if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
            return status;
        }

        conn = ngx_http_gateway_redis_pick(
                     ngx_http_gateway_redis_node(redis, nkeys ? args : NULL));
    }

    if (conn->state == NGX_HTTP_GATEWAY_REDIS_DISCONNECTED
        && !ngx_http_gateway_redis_due(conn->retry))
    {
        return NGX_HTTP_GATEWAY_REDIS_DOWN;
    }

    flow = ngx_http_gateway_redis_flow(conn, client);

    if (ngx_http_gateway_redis_full(redis, flow)) {
        ngx_http_gateway_redis_say_full(redis);
        return NGX_HTTP_GATEWAY_REDIS_FULL;
    }

    call = ngx_http_gateway_redis_evalsha(redis, script, nkeys, args, nargs);
    if (call == NULL) {
        return NGX_HTTP_GATEWAY_REDIS_DOWN;
    }

    call->flow = flow;

    if (ngx_http_gateway_redis_queue(conn, call) != NGX_OK) {
        ngx_http_gateway_redis_free(call);
        return NGX_HTTP_GATEWAY_REDIS_DOWN;
    }

    call->counted = 1;
    redis->pending++;
    flow->n++;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, redis->log, 0,
                   "gateway redis: \"%V\" called, script \"%s\", keys:%ui "
                   "pending:%i", &redis->block.name, script->name, nkeys,
                   redis->pending);

    if (handler != NULL) {
        call->handler = handler;
        call->data = data;
        *handle = call;
    }

    return NGX_HTTP_GATEWAY_REDIS_OK;
}


static ngx_http_gateway_redis_call_t *
ngx_http_gateway_redis_evalsha(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *args, ngx_uint_t nargs)
{
    u_char                          number[GW_TEXT_DECIMAL];
    ngx_str_t                       words[3];
    ngx_http_gateway_redis_call_t  *call;

    ngx_str_set(&words[0], "EVALSHA");
    words[1].data = script->sha;
    words[1].len = sizeof(script->sha);
    words[2].data = number;
    words[2].len = gw_text_decimal(number, nkeys) - number;

    call = ngx_http_gateway_redis_command(redis,
                                          ngx_http_gateway_redis_call_reply,
                                          words, 3, args, nargs);
    if (call != NULL) {
        call->script = script;
        call->integers = script->head + script->each * nkeys;
    }

    return call;
}


/* whether Redis may be asked at all */

static ngx_http_gateway_redis_status_e
ngx_http_gateway_redis_ready(ngx_http_gateway_redis_t *redis)
{
    /* NULL: no worker has begun with this configuration */

    if (redis->node.connections == NULL) {
        return NGX_HTTP_GATEWAY_REDIS_DOWN;
    }

    if (ngx_http_gateway_redis_open(redis)) {
        ngx_http_gateway_redis_upkeep(redis);
        return NGX_HTTP_GATEWAY_REDIS_BREAKER;
    }

    return NGX_HTTP_GATEWAY_REDIS_OK;
}


/*
 * The last eighth of "max_pending" is for flows with few calls: a client that
 * makes many does not take the place of others.
 */

static ngx_uint_t
ngx_http_gateway_redis_full(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_flow_t *flow)
{
    ngx_int_t  most;

    most = redis->conf.max_pending;

    if (flow->n >= NGX_HTTP_GATEWAY_REDIS_FEW) {
        most -= most / 8;
    }

    return redis->pending >= most;
}


static void
ngx_http_gateway_redis_say_full(ngx_http_gateway_redis_t *redis)
{
    if (ngx_http_gateway_may_say(
                             &redis->sh->said[NGX_HTTP_GATEWAY_REDIS_SAY_FULL],
                             NGX_HTTP_GATEWAY_SAY))
    {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0, "gateway_redis \"%V\": "
                      "%i calls wait for a reply, deciding without it",
                      &redis->block.name, redis->pending);
    }
}


void
ngx_http_gateway_redis_cancel(ngx_http_gateway_redis_call_t *call)
{
    call->handler = NULL;
    call->data = NULL;
}


ngx_int_t
ngx_http_gateway_redis_follow(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_pt handler, void *data)
{
    if (!call->written) {
        return NGX_DECLINED;
    }

    call->handler = handler;
    call->data = data;

    return NGX_OK;
}


/* a call enters: its deadline runs, whether it is sent or has to wait */

static ngx_int_t
ngx_http_gateway_redis_queue(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED
        && conn->slots < NGX_HTTP_GATEWAY_REDIS_WINDOW
        && ngx_queue_empty(&conn->turns))
    {
        if (ngx_http_gateway_redis_append(conn, call) != NGX_OK) {
            return NGX_ERROR;
        }

    } else {
        ngx_http_gateway_redis_wait(conn, call);

        if (conn->state == NGX_HTTP_GATEWAY_REDIS_DISCONNECTED) {
            ngx_post_event(&conn->timer, &ngx_posted_events);
        }
    }

    ngx_http_gateway_redis_activate(conn, call);

    return NGX_OK;
}


void
ngx_http_gateway_redis_activate(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    call->active = 1;
    call->asked = 0;
    call->deadline = ngx_current_msec + conn->redis->conf.timeout;

    ngx_queue_insert_tail(&conn->active, &call->age);

    /* one for an older call is sooner, one for a slot without a reply is not */

    if (conn->deadline.timer_set
        && (ngx_msec_int_t) (conn->deadline.timer.key - call->deadline) > 0)
    {
        ngx_del_timer(&conn->deadline);
    }

    if (!conn->deadline.timer_set) {
        ngx_add_timer(&conn->deadline, conn->redis->conf.timeout);
    }

    conn->deadline.cancelable = 0;

    if (conn->peer.connection != NULL) {
        conn->peer.connection->idle = 0;
    }

    ngx_post_event(&conn->flush, &ngx_posted_events);
}


void
ngx_http_gateway_redis_begin(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    for (q = ngx_queue_last(&conn->active);
         q != ngx_queue_sentinel(&conn->active);
         q = ngx_queue_prev(q))
    {
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, age);

        if (call->asked) {
            return;
        }

        call->asked = 1;
        call->deadline = ngx_current_msec + conn->redis->conf.timeout;
    }
}


static void
ngx_http_gateway_redis_retire(ngx_http_gateway_redis_call_t *call)
{
    if (call->active) {
        call->active = 0;
        ngx_queue_remove(&call->age);
    }
}


void
ngx_http_gateway_redis_tell(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_redis_pt  handler;

    handler = call->handler;

    if (handler != NULL) {
        call->handler = NULL;
        handler(call->data, status, reply);
    }
}


/* replies */

ngx_int_t
ngx_http_gateway_redis_call_reply(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply)
{
    ngx_uint_t  late;

    late = !call->active;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                   "gateway redis: \"%V\" replied in %Mms, error:%d late:%ui",
                   &conn->redis->block.name, ngx_current_msec - call->sent,
                   reply->type == GW_RESP_ERROR, late);

    if (reply->type == GW_RESP_ERROR) {

        if (reply->error == GW_RESP_NOSCRIPT && call->script != NULL
            && !late && !call->resent)
        {
            return ngx_http_gateway_redis_resend(conn, call);
        }

        ngx_http_gateway_redis_retire(call);

        return ngx_http_gateway_redis_error(conn, call, reply, late);
    }

    if (call->script != NULL
        && (reply->type != GW_RESP_ARRAY || reply->others
            || reply->integers != call->integers))
    {
        return ngx_http_gateway_redis_foreign(conn, call);
    }

    ngx_http_gateway_redis_retire(call);

    if (!late) {
        conn->good = 1;

        if (call->script != NULL) {
            ngx_http_gateway_redis_success(conn->redis);
        }
    }

    conn->redis->answers = late ? conn : NULL;

    ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_OK, reply);

    conn->redis->answers = NULL;

    return NGX_OK;
}


/*
 * What the script cannot have returned: Redis is another server, or replies
 * have got out of step, and none of this connection can be believed.
 */

static ngx_int_t
ngx_http_gateway_redis_foreign(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    ngx_http_gateway_redis_retire(call);
    ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_MALFORMED, NULL);
    ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
                                "another reply than that of a script from %V",
                                &conn->peer.address);
    return NGX_ERROR;
}


/*
 * Redis was restarted or told to forget: the call has not been carried out.
 * Its script is loaded before it, in the same stream of bytes.
 */

static ngx_int_t
ngx_http_gateway_redis_resend(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    call->resent = 1;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                   "gateway redis: \"%V\" gets the script \"%s\" again",
                   &conn->redis->block.name, call->script->name);

    if (ngx_http_gateway_redis_load(conn, call->script) == NGX_OK
        && ngx_http_gateway_redis_append(conn, call) == NGX_OK)
    {
        return NGX_AGAIN;
    }

    ngx_http_gateway_redis_retire(call);
    ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_ERROR, NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_redis_error(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call, const gw_resp_t *reply,
    ngx_uint_t late)
{
    u_char                                 buf[NGX_HTTP_GATEWAY_REDIS_ERR];
    ngx_str_t                              reason, words;
    const ngx_http_gateway_redis_error_t  *error;

    error = &ngx_http_gateway_redis_errors[reply->error];
    words = ngx_http_gateway_redis_words(reply);

    reason.data = buf;
    reason.len = ngx_snprintf(buf, sizeof(buf), "%V answered \"%V\"",
                              &conn->peer.address, &words)
                 - buf;

    if (error->closes) {
        ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_ERROR, NULL);
        ngx_http_gateway_redis_lost(conn, error->cause, "%V", &reason);

        return NGX_ERROR;
    }

    ngx_http_gateway_redis_failure(conn->redis, error->say,
                                   error->counts && !late, &reason,
                                   error->next);

    ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_ERROR, NULL);

    return NGX_OK;
}


/* the end of a connection */

void
ngx_http_gateway_redis_drop(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_status_e sent,
    ngx_http_gateway_redis_status_e waiting)
{
    ngx_queue_t                    *q, calls;
    ngx_http_gateway_redis_call_t  *call;

    ngx_queue_init(&calls);

    while (!ngx_queue_empty(&conn->sent)) {
        q = ngx_queue_head(&conn->sent);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&calls, q);
    }

    while ((call = ngx_http_gateway_redis_next(conn)) != NULL) {
        ngx_queue_insert_tail(&calls, &call->queue);
    }

    for (q = ngx_queue_head(&calls);
         q != ngx_queue_sentinel(&calls);
         q = ngx_queue_next(q))
    {
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);
        ngx_http_gateway_redis_retire(call);
    }

    conn->queued = 0;
    conn->slots = 0;

    /* from here on the connection may have new calls */

    while (!ngx_queue_empty(&calls)) {
        q = ngx_queue_head(&calls);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                       "gateway redis: \"%V\" call ends, %s",
                       &conn->redis->block.name,
                       ngx_http_gateway_redis_status(call->written ? sent
                                                                   : waiting));

        ngx_http_gateway_redis_tell(call, call->written ? sent : waiting,
                                    NULL);
        ngx_http_gateway_redis_free(call);
    }
}


/* time */

void
ngx_http_gateway_redis_deadline(ngx_event_t *ev)
{
    ngx_http_gateway_redis_connection_t *conn = ev->data;

    ngx_msec_t                      at;
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;

    /*
     * Where this worker itself was late, the reply may be there: known to be,
     * or in the socket, which the next turn looks at before it comes here.
     */

    if (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED) {

        if (conn->peer.connection->read->ready
            && ngx_http_gateway_redis_read(conn) != NGX_OK)
        {
            return;
        }

        if (!conn->grace && ngx_http_gateway_redis_overdue(conn)) {
            conn->grace = 1;

            if (conn->deadline.timer_set) {
                ngx_del_timer(&conn->deadline);
            }

            ngx_add_timer(&conn->deadline, 1);

            return;
        }
    }

    conn->grace = 0;

    while (!ngx_queue_empty(&conn->active)) {

        q = ngx_queue_head(&conn->active);
        call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, age);

        if (!ngx_http_gateway_redis_due(call->deadline)) {
            break;
        }

        ngx_http_gateway_redis_late(conn, call);
    }

    if (ngx_http_gateway_redis_hung(conn, &at)
        && ngx_http_gateway_redis_due(at))
    {
        ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                    "%V has not answered for %Mms",
                                    &conn->peer.address, ngx_max(
                                    NGX_HTTP_GATEWAY_REDIS_HARD
                                    * conn->redis->conf.timeout,
                                    NGX_HTTP_GATEWAY_REDIS_HARD_MIN));
        return;
    }

    /* a handler that has called again has set it for its own call */

    if (conn->deadline.timer_set) {
        ngx_del_timer(&conn->deadline);
    }

    ngx_http_gateway_redis_settle(conn);
}


/* whether something that was asked has come to its end without a reply */

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
        ngx_http_gateway_redis_say_full(conn->redis);

    } else {
        status = NGX_HTTP_GATEWAY_REDIS_TIMEOUT;
        ngx_http_gateway_redis_late_reply(conn, call);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                   "gateway redis: call is late, sent:%d ahead:%ui slots:%ui, "
                   "%s", call->written, call->ahead, conn->slots,
                   ngx_http_gateway_redis_status(status));

    if (call->written) {
        ngx_http_gateway_redis_tell(call, status, NULL);
        return;
    }

    /* no reply will come */

    ngx_http_gateway_redis_leave(conn, call);
    ngx_http_gateway_redis_tell(call, status, NULL);
    ngx_http_gateway_redis_free(call);
}


/*
 * A failure, which does not count for a call that waits for a first attempt to
 * connect, since Redis has not been asked, or that has waited for one, and then
 * not for so long.
 */

static void
ngx_http_gateway_redis_late_reply(ngx_http_gateway_redis_connection_t *conn,
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
                                   counts, &reason, "deciding without it");
}


/*
 * Whether a call is late because of others of this worker: a Redis that goes on
 * answering has not failed, unless it has few calls to answer.
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

    /* it waits for these */

    q = ngx_queue_head(&conn->sent);
    oldest = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

    return q == ngx_queue_sentinel(&conn->sent)
           || !ngx_http_gateway_redis_silent(conn, oldest->sent);
}


/* whether Redis has said nothing for "timeout", since it could have */

static ngx_uint_t
ngx_http_gateway_redis_silent(ngx_http_gateway_redis_connection_t *conn,
    ngx_msec_t since)
{
    if ((ngx_msec_int_t) (conn->replied - since) > 0) {
        since = conn->replied;
    }

    return ngx_current_msec - since >= conn->redis->conf.timeout;
}


/* whether there is a slot, and when it is given up, and its connection */

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

    *at = call->sent + ngx_max(NGX_HTTP_GATEWAY_REDIS_HARD
                               * conn->redis->conf.timeout,
                               NGX_HTTP_GATEWAY_REDIS_HARD_MIN);
    return 1;
}


void
ngx_http_gateway_redis_settle(ngx_http_gateway_redis_connection_t *conn)
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
