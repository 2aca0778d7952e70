/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counting: calls of scripts, connections, and the state of the breaker.  Calls
 * of the client itself, such as those of the handshake, are not counted.
 */

#include "ngx_http_gateway_redis_private.h"
#include "ngx_http_gateway_observe.h"


static ngx_int_t ngx_http_gateway_redis_count_node(ngx_conf_t *cf,
    ngx_http_gateway_redis_node_t *node);
static ngx_int_t ngx_http_gateway_redis_read_open(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);


static const ngx_http_gateway_metric_t  ngx_http_gateway_redis_calls =
    { "redis_calls_total",
      "Calls to Redis, also those that were not sent, by how they ended.",
      "redis node status", NGX_HTTP_GATEWAY_METRIC_COUNTER };

static const ngx_http_gateway_metric_t  ngx_http_gateway_redis_is_open =
    { "redis_breaker_open",
      "Whether Redis is not called, since it has failed.",
      "redis node", NGX_HTTP_GATEWAY_METRIC_STATE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_redis_connections =
    { "redis_connections",
      "Connections to Redis that are ready for calls.",
      "redis node", NGX_HTTP_GATEWAY_METRIC_GAUGE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_redis_durations =
    { "redis_call_duration_seconds",
      "Time from sending a call to its reply, also to a late reply.",
      "redis", NGX_HTTP_GATEWAY_METRIC_DURATION };


static const ngx_str_t  ngx_http_gateway_redis_labels[] = {
    [NGX_HTTP_GATEWAY_REDIS_OK] = ngx_string("ok"),
    [NGX_HTTP_GATEWAY_REDIS_BREAKER] = ngx_string("breaker_open"),
    [NGX_HTTP_GATEWAY_REDIS_DOWN] = ngx_string("not_connected"),
    [NGX_HTTP_GATEWAY_REDIS_FULL] = ngx_string("too_many_calls"),
    [NGX_HTTP_GATEWAY_REDIS_TIMEOUT] = ngx_string("timeout"),
    [NGX_HTTP_GATEWAY_REDIS_CLOSED] = ngx_string("connection_lost"),
    [NGX_HTTP_GATEWAY_REDIS_ERROR] = ngx_string("error_reply"),
    [NGX_HTTP_GATEWAY_REDIS_MALFORMED] = ngx_string("malformed_reply")
};

_Static_assert(sizeof(ngx_http_gateway_redis_labels)
               / sizeof(ngx_http_gateway_redis_labels[0])
               == NGX_HTTP_GATEWAY_REDIS_STATUSES, "each status has a word");


/* a call has one status: that of the first reply or failure */

void
ngx_http_gateway_redis_count_call(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_status_e status)
{
    if (call->script == NULL || call->ended) {
        return;
    }

    call->ended = 1;

    ngx_http_gateway_add(call->redis->node.calls[status], 1);
}


uint64_t
ngx_http_gateway_redis_clock(const ngx_http_gateway_redis_t *redis)
{
    return redis->durations ? ngx_http_gateway_clock() : 0;
}


void
ngx_http_gateway_redis_count_reply(ngx_http_gateway_redis_connection_t *conn,
    const ngx_http_gateway_redis_call_t *call)
{
    if (call->script && call->began && conn->clock >= call->began) {
        ngx_http_gateway_observe_ns(conn->redis->durations,
                                    conn->clock - call->began);
    }
}


static ngx_int_t
ngx_http_gateway_redis_read_open(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_array_t *blocks = data;

    ngx_http_gateway_redis_t  **redis;

    if (i >= blocks->nelts) {
        return NGX_DONE;
    }

    redis = blocks->elts;

    sample->values[0] = redis[i]->block.name;
    sample->values[1] = redis[i]->node.server.text;
    sample->value = ngx_http_gateway_redis_open(redis[i]);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_redis_count_init(ngx_conf_t *cf, ngx_array_t *blocks)
{
    ngx_uint_t                  i;
    ngx_http_gateway_redis_t  **redis;

    if (blocks->nelts == 0 || !ngx_http_gateway_metrics_on(cf)) {
        return NGX_OK;
    }

    redis = blocks->elts;

    for (i = 0; i < blocks->nelts; i++) {

        if (ngx_http_gateway_redis_count_node(cf, &redis[i]->node) != NGX_OK
            || ngx_http_gateway_series_add(cf,
                                           &ngx_http_gateway_redis_durations,
                                           &redis[i]->block.name,
                                           &redis[i]->durations)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_reader_add(cf, &ngx_http_gateway_redis_is_open,
                                       ngx_http_gateway_redis_read_open,
                                       blocks);
}


static ngx_int_t
ngx_http_gateway_redis_count_node(ngx_conf_t *cf,
    ngx_http_gateway_redis_node_t *node)
{
    ngx_str_t   values[3];
    ngx_uint_t  i;

    values[0] = node->redis->block.name;
    values[1] = node->server.text;

    for (i = 0; i < NGX_HTTP_GATEWAY_REDIS_STATUSES; i++) {

        values[2] = ngx_http_gateway_redis_labels[i];

        if (ngx_http_gateway_series_add(cf, &ngx_http_gateway_redis_calls,
                                        values, &node->calls[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_series_add(cf, &ngx_http_gateway_redis_connections,
                                       values, &node->connected);
}
