/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * $gateway_limit_...: variables of the limit that has refused first, else of
 * the one with the smallest share left.
 */

#include "ngx_http_gateway_limit_count.h"


static ngx_int_t ngx_http_gateway_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_limit_source_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_limit_zone_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_limit_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_gateway_limit_result(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_limit_item_t *item);


typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_NUMBER_LIMIT = 0,
    NGX_HTTP_GATEWAY_LIMIT_NUMBER_REMAINING,
    NGX_HTTP_GATEWAY_LIMIT_NUMBER_RESET,
    NGX_HTTP_GATEWAY_LIMIT_NUMBER_RETRY
} ngx_http_gateway_limit_number_e;


static ngx_http_variable_t  ngx_http_gateway_limit_vars[] = {

    { ngx_string("gateway_limit_status"), NULL,
      ngx_http_gateway_limit_status_variable, 0, 0, 0 },

    { ngx_string("gateway_limit_source"), NULL,
      ngx_http_gateway_limit_source_variable, 0, 0, 0 },

    { ngx_string("gateway_limit_zone"), NULL,
      ngx_http_gateway_limit_zone_variable, 0, 0, 0 },

    { ngx_string("gateway_limit_limit"), NULL,
      ngx_http_gateway_limit_number_variable,
      NGX_HTTP_GATEWAY_LIMIT_NUMBER_LIMIT, 0, 0 },

    { ngx_string("gateway_limit_remaining"), NULL,
      ngx_http_gateway_limit_number_variable,
      NGX_HTTP_GATEWAY_LIMIT_NUMBER_REMAINING, 0, 0 },

    { ngx_string("gateway_limit_reset"), NULL,
      ngx_http_gateway_limit_number_variable,
      NGX_HTTP_GATEWAY_LIMIT_NUMBER_RESET, 0, 0 },

    { ngx_string("gateway_limit_retry_after"), NULL,
      ngx_http_gateway_limit_number_variable,
      NGX_HTTP_GATEWAY_LIMIT_NUMBER_RETRY, 0, 0 },

      ngx_http_null_variable
};


/* the values of $limit_req_status, and two more */

ngx_str_t  ngx_http_gateway_limit_statuses[] = {
    [NGX_HTTP_GATEWAY_LIMIT_IS_PASSED] = ngx_string("PASSED"),
    [NGX_HTTP_GATEWAY_LIMIT_IS_DELAYED] = ngx_string("DELAYED"),
    [NGX_HTTP_GATEWAY_LIMIT_IS_REJECTED] = ngx_string("REJECTED"),
    [NGX_HTTP_GATEWAY_LIMIT_WOULD_DELAY] = ngx_string("DELAYED_DRY_RUN"),
    [NGX_HTTP_GATEWAY_LIMIT_WOULD_REJECT] = ngx_string("REJECTED_DRY_RUN"),
    [NGX_HTTP_GATEWAY_LIMIT_IS_ERROR] = ngx_string("ERROR"),
    [NGX_HTTP_GATEWAY_LIMIT_IS_BYPASSED] = ngx_string("BYPASSED")
};

_Static_assert(sizeof(ngx_http_gateway_limit_statuses)
               / sizeof(ngx_http_gateway_limit_statuses[0])
               == NGX_HTTP_GATEWAY_LIMIT_STATUSES, "each status needs a word");


ngx_str_t  ngx_http_gateway_limit_sources[] = {
    [NGX_HTTP_GATEWAY_LIMIT_FROM_NONE] = ngx_null_string,
    [NGX_HTTP_GATEWAY_LIMIT_FROM_SHM] = ngx_string("shm"),
    [NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS] = ngx_string("redis"),
    [NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE] = ngx_string("deny_cache"),
    [NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL] = ngx_string("local"),
    [NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN] = ngx_string("open"),
    [NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED] = ngx_null_string
};

_Static_assert(sizeof(ngx_http_gateway_limit_sources)
               / sizeof(ngx_http_gateway_limit_sources[0])
               == NGX_HTTP_GATEWAY_LIMIT_SOURCES, "each source needs a value");


static ngx_http_gateway_limit_item_t *
ngx_http_gateway_limit_variable_item(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_limit_ctx_t  *ctx;

    gr = ngx_http_gateway_request(r);
    ctx = ngx_http_gateway_limit_part(gr);

    return ctx ? ngx_http_gateway_limit_shown(ctx, 1) : NULL;
}


static ngx_int_t
ngx_http_gateway_limit_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_request_t       *gr;
    ngx_http_gateway_limit_ctx_t     *ctx;
    ngx_http_gateway_limit_item_t    *item;
    ngx_http_gateway_limit_status_e   status;

    gr = ngx_http_gateway_request(r);
    ctx = ngx_http_gateway_limit_part(gr);
    item = ngx_http_gateway_limit_variable_item(r);

    if (ctx && ctx->exempt && !(item && item->refused)) {
        status = NGX_HTTP_GATEWAY_LIMIT_IS_BYPASSED;

    } else if (item == NULL) {
        v->not_found = 1;
        return NGX_OK;

    } else if (ctx->delayed && !item->refused) {
        status = NGX_HTTP_GATEWAY_LIMIT_IS_DELAYED;

    } else if (item->delay && !item->refused) {
        status = NGX_HTTP_GATEWAY_LIMIT_WOULD_DELAY;

    } else {
        status = ngx_http_gateway_limit_item_status(item, 0);
    }

    ngx_http_gateway_variable_value(v,
                                    &ngx_http_gateway_limit_statuses[status]);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_source_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gateway_limit_item_t  *item;

    item = ngx_http_gateway_limit_variable_item(r);

    ngx_http_gateway_variable_value(v,
              &ngx_http_gateway_limit_sources[item ? item->source
                                         : NGX_HTTP_GATEWAY_LIMIT_FROM_NONE]);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_zone_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                       name;
    ngx_http_gateway_limit_item_t  *item;

    item = ngx_http_gateway_limit_variable_item(r);

    if (item == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    name = item->zone->name;

    ngx_http_gateway_variable_value(v, &name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                         *p;
    uint64_t                        number;
    ngx_http_gateway_limit_item_t  *item;

    item = ngx_http_gateway_limit_variable_item(r);

    if (item == NULL || item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN) {
        v->not_found = 1;
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_GATEWAY_LIMIT_NUMBER_LIMIT:
        number = item->figures.capacity;
        break;

    case NGX_HTTP_GATEWAY_LIMIT_NUMBER_REMAINING:
        number = item->result.remaining;
        break;

    case NGX_HTTP_GATEWAY_LIMIT_NUMBER_RESET:
        number = ngx_http_gateway_limit_sec(item->result.reset);
        break;

    default: /* NGX_HTTP_GATEWAY_LIMIT_NUMBER_RETRY */

        if (!item->refused || item->result.wait == GW_LIMIT_NEVER) {
            v->not_found = 1;
            return NGX_OK;
        }

        number = ngx_http_gateway_limit_sec(item->result.wait);
    }

    p = ngx_pnalloc(r->pool, GW_TEXT_DECIMAL);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = gw_text_decimal(p, number) - p;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


ngx_http_gateway_limit_status_e
ngx_http_gateway_limit_item_status(const ngx_http_gateway_limit_item_t *item,
    ngx_uint_t delayed)
{
    if (item->refused) {
        return item->dry_run ? NGX_HTTP_GATEWAY_LIMIT_WOULD_REJECT
               : item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED
               ? NGX_HTTP_GATEWAY_LIMIT_IS_ERROR
               : NGX_HTTP_GATEWAY_LIMIT_IS_REJECTED;
    }

    if (item->delay && item->dry_run) {
        return NGX_HTTP_GATEWAY_LIMIT_WOULD_DELAY;
    }

    return (item->delay && delayed) ? NGX_HTTP_GATEWAY_LIMIT_IS_DELAYED
                                    : NGX_HTTP_GATEWAY_LIMIT_IS_PASSED;
}


/* in the order of decision; the list of batches begins with the newest */

void
ngx_http_gateway_limit_results(ngx_http_request_t *r)
{
    ngx_uint_t                       i, n, skip;
    ngx_http_gateway_request_t      *gr;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_limit_batch_t  *batch;

    gr = ngx_http_gateway_request(r);
    ctx = ngx_http_gateway_limit_part(gr);

    if (ctx == NULL) {
        return;
    }

    n = 0;

    for (batch = ctx->batches; batch; batch = batch->next) {
        n++;
    }

    while (n--) {
        batch = ctx->batches;

        for (skip = n; skip; skip--) {
            batch = batch->next;
        }

        for (i = 0; i < batch->n; i++) {
            if (ngx_http_gateway_limit_result(r, gr, &batch->items[i])
                != NGX_OK)
            {
                return;
            }
        }
    }
}


static ngx_int_t
ngx_http_gateway_limit_result(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_limit_item_t *item)
{
    ngx_http_gateway_result_t     *result;
    ngx_http_gateway_limit_ctx_t  *ctx;

    /* not decided, since another limit has refused */

    if (!item->decided) {
        return NGX_OK;
    }

    result = ngx_http_gateway_result_add(r, gr);
    if (result == NULL) {
        return NGX_ERROR;
    }

    ctx = ngx_http_gateway_limit_part(gr);

    result->zone = item->zone->name;
    result->dry_run = item->dry_run;
    result->remaining = item->result.remaining;
    result->unknown = (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN
                       || item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED);

    result->word = ngx_http_gateway_limit_statuses[
                   ngx_http_gateway_limit_item_status(item, ctx->delayed)];

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" in the record: %V, remaining "
                   "%uL", &result->zone, &result->word, result->remaining);

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_limit_variables(ngx_conf_t *cf)
{
    return ngx_http_gateway_add_variables(cf, ngx_http_gateway_limit_vars);
}
