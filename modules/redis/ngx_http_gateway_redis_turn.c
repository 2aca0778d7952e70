/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls that wait, for a connection, or because Redis already has a full window
 * of calls and more would only wait in its buffers.
 *
 * Each connection of a client has a flow; since the number of flows is limited
 * to NGX_HTTP_GATEWAY_REDIS_FLOWS, several connections may share one.  Flows
 * take turns, call by call: a client with thousands of calls waits for its own
 * calls, other clients wait for one call of each flow.
 */

#include "ngx_http_gateway_redis_private.h"


ngx_int_t
ngx_http_gateway_redis_flows(ngx_http_gateway_redis_connection_t *conn,
    ngx_pool_t *pool)
{
    ngx_uint_t  i;

    ngx_queue_init(&conn->turns);

    conn->flows = ngx_pcalloc(pool, NGX_HTTP_GATEWAY_REDIS_FLOWS
                                    * sizeof(ngx_http_gateway_redis_flow_t));
    if (conn->flows == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_REDIS_FLOWS; i++) {
        ngx_queue_init(&conn->flows[i].calls);
    }

    return NGX_OK;
}


void
ngx_http_gateway_redis_wait(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    if (ngx_queue_empty(&call->flow->calls)) {
        ngx_queue_insert_tail(&conn->turns, &call->flow->turn);
    }

    ngx_queue_insert_tail(&call->flow->calls, &call->queue);
    conn->queued++;
}


void
ngx_http_gateway_redis_leave(ngx_http_gateway_redis_connection_t *conn,
    ngx_http_gateway_redis_call_t *call)
{
    ngx_queue_remove(&call->queue);
    conn->queued--;

    if (ngx_queue_empty(&call->flow->calls)) {
        ngx_queue_remove(&call->flow->turn);
    }
}


ngx_http_gateway_redis_call_t *
ngx_http_gateway_redis_next(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_queue_t                    *q;
    ngx_http_gateway_redis_call_t  *call;
    ngx_http_gateway_redis_flow_t  *flow;

    if (ngx_queue_empty(&conn->turns)) {
        return NULL;
    }

    q = ngx_queue_head(&conn->turns);
    flow = ngx_queue_data(q, ngx_http_gateway_redis_flow_t, turn);

    ngx_queue_remove(q);
    ngx_queue_insert_tail(&conn->turns, q);

    q = ngx_queue_head(&flow->calls);
    call = ngx_queue_data(q, ngx_http_gateway_redis_call_t, queue);

    ngx_http_gateway_redis_leave(conn, call);

    return call;
}


ngx_int_t
ngx_http_gateway_redis_fill(ngx_http_gateway_redis_connection_t *conn)
{
    ngx_http_gateway_redis_call_t  *call;

    while (conn->state == NGX_HTTP_GATEWAY_REDIS_CONNECTED
           && conn->slots < NGX_HTTP_GATEWAY_REDIS_WINDOW)
    {
        call = ngx_http_gateway_redis_next(conn);

        if (call == NULL) {
            break;
        }

        if (ngx_http_gateway_redis_append(conn, call) != NGX_OK) {
            ngx_http_gateway_redis_wait(conn, call);
            ngx_http_gateway_redis_lost(conn,
                                        NGX_HTTP_GATEWAY_REDIS_CAUSE_LOST,
                                        "no memory");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
