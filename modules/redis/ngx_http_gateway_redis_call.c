/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls: making one, its reply, and its end when the connection is lost.  What
 * happens when the reply does not come in time is in _deadline.c.
 *
 * A handler may do anything that a request does, including making and
 * cancelling other calls.  Therefore nothing that a handler can do ends a call
 * or a connection at once: a cancelled call stays in its queue without a
 * handler, and connections are made and lost in events of their own.
 */

#include "ngx_http_gateway_redis_private.h"


/* what follows from an error reply */

typedef struct {
    ngx_uint_t                      closes;     /* the connection */
    ngx_http_gateway_redis_cause_e  cause;      /* if it closes */

    /* if it does not */
    ngx_http_gateway_redis_say_e    say;
    ngx_uint_t                      counts;     /* as a failure of Redis */
    const char                     *next;       /* for the log */
} ngx_http_gateway_redis_error_t;


static ngx_http_gateway_redis_status_e ngx_http_gateway_redis_make(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_script_t *script,
    ngx_uint_t nkeys, const ngx_str_t *args, ngx_uint_t nargs,
    ngx_atomic_uint_t client, ngx_http_gateway_redis_call_t **made);
static ngx_http_gateway_redis_status_e ngx_http_gateway_redis_choose(
    ngx_http_gateway_redis_t *redis, const ngx_str_t *key,
    ngx_http_gateway_redis_connection_t **chosen);
static ngx_http_gateway_redis_call_t *ngx_http_gateway_redis_evalsha(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_script_t *script,
    ngx_uint_t nkeys, const ngx_str_t *args, ngx_uint_t nargs);
static ngx_uint_t ngx_http_gateway_redis_full(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_flow_t *flow);
static ngx_int_t ngx_http_gateway_redis_queue(
    ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call);
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


/* indexed by gw_resp_error_e */

static const ngx_http_gateway_redis_error_t
    ngx_http_gateway_redis_errors[] =
{
    [GW_RESP_OTHER] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OTHER,
        .counts = 1,
        .next = "deciding without Redis"
    },

    [GW_RESP_BUSY] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_BUSY,
        .counts = 1,
        .next = "deciding without Redis"
    },

    [GW_RESP_READONLY] = {
        .closes = 1,
        .cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_READONLY
    },

    /* the script was loaded again just before */

    [GW_RESP_NOSCRIPT] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OTHER,
        .counts = 1,
        .next = "deciding without Redis"
    },

    [GW_RESP_OOM] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_OOM,
        .counts = 1,
        .next = "deciding without Redis"
    },

    [GW_RESP_NOAUTH] = {
        .closes = 1,
        .cause = NGX_HTTP_GATEWAY_REDIS_CAUSE_DENIED
    },

    [GW_RESP_DENIED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_DENIED,
        .next = "deciding without Redis until its ACL allows the command"
    },

    [GW_RESP_MOVED] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_CLUSTER,
        .next = "deciding without Redis: clusters are not supported"
    },

    [GW_RESP_CLUSTER] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_CLUSTER,
        .counts = 1,
        .next = "deciding without Redis"
    },

    /* concerns one key only */

    [GW_RESP_WRONGTYPE] = {
        .say = NGX_HTTP_GATEWAY_REDIS_SAY_WRONGTYPE,
        .next = "deciding without Redis for this key: another program uses "
                "keys that begin with \"prefix\""
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
    ngx_http_gateway_redis_call_t    *call;
    ngx_http_gateway_redis_status_e   status;

    status = ngx_http_gateway_redis_make(redis, script, nkeys, args, nargs,
                                         client, &call);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_add(redis->node.calls[status], 1);
        return status;
    }

    if (handler != NULL) {
        call->handler = handler;
        call->data = data;
        *handle = call;
    }

    return NGX_HTTP_GATEWAY_REDIS_OK;
}


static ngx_http_gateway_redis_status_e
ngx_http_gateway_redis_make(ngx_http_gateway_redis_t *redis,
    ngx_http_gateway_redis_script_t *script, ngx_uint_t nkeys,
    const ngx_str_t *args, ngx_uint_t nargs, ngx_atomic_uint_t client,
    ngx_http_gateway_redis_call_t **made)
{
    ngx_http_gateway_redis_call_t        *call;
    ngx_http_gateway_redis_flow_t        *flow;
    ngx_http_gateway_redis_status_e       status;
    ngx_http_gateway_redis_connection_t  *conn;

    status = ngx_http_gateway_redis_choose(redis, nkeys ? args : NULL, &conn);

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        return status;
    }

    flow = ngx_http_gateway_redis_flow(conn, client);

    if (ngx_http_gateway_redis_full(redis, flow)) {
        ngx_http_gateway_redis_say_full(redis, "max_pending reached");
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

    *made = call;

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


/*
 * The connection for a call; any status but _OK: the call cannot be made.  A
 * call that the handler of a late reply makes uses the connection of the
 * reply, whatever the state of the breaker.
 */

static ngx_http_gateway_redis_status_e
ngx_http_gateway_redis_choose(ngx_http_gateway_redis_t *redis,
    const ngx_str_t *key, ngx_http_gateway_redis_connection_t **chosen)
{
    ngx_http_gateway_redis_connection_t  *conn;

    conn = redis->answers;

    if (conn == NULL) {

        /* NULL: no worker process has started with this configuration */

        if (redis->node.connections == NULL) {
            return NGX_HTTP_GATEWAY_REDIS_DOWN;
        }

        if (ngx_http_gateway_redis_open(redis)) {
            ngx_http_gateway_redis_upkeep(redis);
            return NGX_HTTP_GATEWAY_REDIS_BREAKER;
        }

        conn = ngx_http_gateway_redis_pick(
                                      ngx_http_gateway_redis_node(redis, key));
    }

    if (conn->state == NGX_HTTP_GATEWAY_REDIS_DISCONNECTED
        && !ngx_http_gateway_redis_due(conn->retry))
    {
        return NGX_HTTP_GATEWAY_REDIS_DOWN;
    }

    *chosen = conn;

    return NGX_HTTP_GATEWAY_REDIS_OK;
}


/*
 * The last eighth of "max_pending" is reserved for flows with few calls, so
 * that a client with many calls cannot take all places.
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


void
ngx_http_gateway_redis_say_full(ngx_http_gateway_redis_t *redis,
    const char *what)
{
    if (ngx_http_gateway_may_say(
                             &redis->sh->said[NGX_HTTP_GATEWAY_REDIS_SAY_FULL],
                             NGX_HTTP_GATEWAY_SAY))
    {
        ngx_log_error(NGX_LOG_ERR, redis->log, 0, "gateway_redis \"%V\": "
                      "%s (%i calls in flight), limiting locally",
                      &redis->block.name, what, redis->pending);
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


/* sends a call or lets it wait; its deadline starts in either case */

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

    /*
     * A timer for an older call is set to an earlier time, a timer for a slot
     * without a reply may not be.
     */

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


void
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

    ngx_http_gateway_redis_count_call(call, status);

    handler = call->handler;

    if (handler != NULL) {
        call->handler = NULL;
        handler(call->data, status, reply);
    }
}


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
        ngx_http_gateway_redis_count_reply(conn, call);

        return ngx_http_gateway_redis_error(conn, call, reply, late);
    }

    if (call->script != NULL
        && (reply->type != GW_RESP_ARRAY || reply->others
            || reply->integers != call->integers))
    {
        return ngx_http_gateway_redis_foreign(conn, call);
    }

    ngx_http_gateway_redis_retire(call);
    ngx_http_gateway_redis_count_reply(conn, call);

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
 * A reply that the script cannot have returned: the server is not Redis, or
 * replies are out of step.  No further reply of this connection can be trusted.
 */

static ngx_int_t
ngx_http_gateway_redis_foreign(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    ngx_http_gateway_redis_retire(call);
    ngx_http_gateway_redis_tell(call, NGX_HTTP_GATEWAY_REDIS_MALFORMED, NULL);
    ngx_http_gateway_redis_lost(conn, NGX_HTTP_GATEWAY_REDIS_CAUSE_MALFORMED,
                                "unexpected reply to a script from %V",
                                &conn->peer.address);
    return NGX_ERROR;
}


/*
 * Redis was restarted or its scripts were flushed, so the call was not
 * executed.  Sends the script again, followed by the call.
 */

static ngx_int_t
ngx_http_gateway_redis_resend(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    call->resent = 1;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, conn->redis->log, 0,
                   "gateway redis: \"%V\" script \"%s\" is loaded again",
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

    /* handlers may make new calls on this connection */

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
