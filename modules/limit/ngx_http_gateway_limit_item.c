/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Items: limits applied to a request, with their keys, figures and costs.
 *
 * Values of variables may come from clients or upstream servers.  Each value is
 * checked when it is used; if it is invalid, the fallback applies.
 */

#include "ngx_http_gateway_limit.h"


static ngx_int_t ngx_http_gateway_limit_items_add(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    const ngx_http_gateway_limit_t *limit);
static ngx_uint_t ngx_http_gateway_limit_met(ngx_http_gateway_limit_ctx_t *ctx,
    const ngx_http_gateway_limit_t *limit);
static void ngx_http_gateway_limit_anonymous(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone);
static ngx_int_t ngx_http_gateway_limit_item(ngx_http_request_t *r,
    const ngx_http_gateway_limit_t *limit,
    ngx_http_gateway_limit_item_t *item,
    const ngx_http_gateway_limit_item_t *like);
static ngx_uint_t ngx_http_gateway_limit_address(ngx_http_request_t *r,
    const ngx_str_t *key);
static ngx_int_t ngx_http_gateway_limit_key_value(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone, ngx_str_t *key);
static ngx_int_t ngx_http_gateway_limit_units(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item);
static ngx_int_t ngx_http_gateway_limit_figures(ngx_http_request_t *r,
    const ngx_http_gateway_limit_t *limit, gw_limit_t *figures);
static void ngx_http_gateway_limit_never(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item);


ngx_uint_t  ngx_http_gateway_limit_part_slot;


ngx_int_t
ngx_http_gateway_limit_items(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_array_t *limits, ngx_uint_t stage)
{
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_gateway_limit_t        **limit;
    ngx_http_gateway_request_t       *gr;
    ngx_http_gateway_limit_batch_t   *batch;

    batch = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_limit_batch_t)
                        + limits->nelts
                          * sizeof(ngx_http_gateway_limit_item_t));
    if (batch == NULL) {
        return NGX_ERROR;
    }

    batch->items = (ngx_http_gateway_limit_item_t *) (batch + 1);
    batch->stage = stage;

    /* a request with refusals got here by the error page of one of them */

    gr = ngx_http_gateway_request(r);
    batch->page = (r->err_status != 0 || gr->refusals);

    gr->counting = (stage == NGX_HTTP_GATEWAY_LIMIT_EARLY);

    limit = limits->elts;
    rc = NGX_OK;

    for (i = 0; i < limits->nelts && rc == NGX_OK; i++) {
        rc = ngx_http_gateway_limit_items_add(r, ctx, batch, limit[i]);
    }

    gr->counting = 0;

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (batch->n == 0) {
        return NGX_DECLINED;
    }

    batch->next = ctx->batches;
    ctx->batches = batch;

    return NGX_OK;
}


/* adds the item of a limit, unless the limit does not apply to the request */

static ngx_int_t
ngx_http_gateway_limit_items_add(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    const ngx_http_gateway_limit_t *limit)
{
    ngx_int_t                       rc;
    ngx_http_gateway_limit_item_t  *item;

    if (ngx_http_gateway_limit_met(ctx, limit)) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway limit: zone \"%V\" has decided before",
                       &limit->zone->name);
        return NGX_OK;
    }

    item = &batch->items[batch->n];

    rc = ngx_http_gateway_limit_item(r, limit, item,
                                     batch->n ? item - 1 : NULL);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        batch->n++;
        return NGX_OK;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" does not apply",
                   &limit->zone->name);

    if (limit->zone->identity) {
        ngx_http_gateway_limit_anonymous(r, limit->zone);
    }

    return NGX_OK;
}


/*
 * Whether an earlier location has decided for the zone, before an internal
 * redirect by try_files, index or error_page.  An item without a charge does
 * not count: it had a cost of 0, would have refused in dry_run, or was refunded
 * since another limit has refused.
 */

static ngx_uint_t
ngx_http_gateway_limit_met(ngx_http_gateway_limit_ctx_t *ctx,
    const ngx_http_gateway_limit_t *limit)
{
    ngx_uint_t                       i;
    ngx_http_gateway_limit_item_t   *item;
    ngx_http_gateway_limit_batch_t  *batch;

    for (batch = ctx->batches; batch; batch = batch->next) {
        for (i = 0; i < batch->n; i++) {
            item = &batch->items[i];

            if (item->zone != limit->zone) {
                continue;
            }

            if ((item->dry_run && item->refused) || item->returned
                || (item->charge == 0 && !item->limit->settle))
            {
                item->decided = 0;
                continue;
            }

            /* an item that passed in dry_run also passes without it */

            item->dry_run &= limit->dry_run;

            return 1;
        }
    }

    return 0;
}


/* once for each location and worker, unless nginx -t has warned of it */

static void
ngx_http_gateway_limit_anonymous(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone)
{
    const ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_limit_module);

    if (llcf->worker->said_anonymous) {
        return;
    }

    llcf->worker->said_anonymous = 1;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "gateway_limit: zone \"%V\" counts by $%V, which is empty "
                  "for a request that the block in %V:%ui admits: it is not "
                  "limited there; $gateway_client counts by address as well",
                  &zone->name, &zone->key_name,
                  ngx_http_gateway_place_args(&llcf->where));
}


/*
 * "like" is the previous item, whose key may be the same variable, or NULL.
 * NGX_DECLINED: the key is empty, the limit does not apply.
 */

static ngx_int_t
ngx_http_gateway_limit_item(ngx_http_request_t *r,
    const ngx_http_gateway_limit_t *limit,
    ngx_http_gateway_limit_item_t *item,
    const ngx_http_gateway_limit_item_t *like)
{
    item->limit = limit;
    item->zone = limit->zone;
    item->dry_run = limit->dry_run;

    if (like && item->zone->key_index >= 0
        && like->zone->key_index == item->zone->key_index
        && like->zone->ipv6_prefix == item->zone->ipv6_prefix)
    {
        item->key = like->key;

    } else if (ngx_http_gateway_limit_key_value(r, item->zone, &item->key)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (item->key.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_limit_units(r, item) != NGX_OK
        || ngx_http_gateway_limit_figures(r, limit, &item->figures) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (limit->settle) {
        ngx_http_gateway_limit_never(r, item);
    }

    ngx_http_gateway_limit_most(item->zone, &item->figures);

    ngx_http_gateway_limit_window(item->zone, &item->figures);

    if (item->zone->ipv6_prefix
        && ngx_http_gateway_limit_address(r, &item->key))
    {
        ngx_http_gateway_limit_network(item);
    }

    ngx_http_gateway_limit_hash(item);

    return NGX_OK;
}


/*
 * The units to charge now.  With "settle" the cost is known later: until then
 * the reserve is charged.  Without a reserve at least one unit must be left.
 */

static ngx_int_t
ngx_http_gateway_limit_units(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item)
{
    gw_figure_t                      reserve;
    const ngx_http_gateway_limit_t  *limit;

    limit = item->limit;

    if (!limit->settle) {

        if (ngx_http_gateway_limit_cost(r, item, &item->cost) != NGX_OK) {
            return NGX_ERROR;
        }

        item->charge = item->cost;

        return NGX_OK;
    }

    reserve = limit->reserve.figure;

    if (ngx_http_gateway_limit_figure(r, item->zone, &limit->reserve, &reserve)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    item->charge = reserve.amount;
    item->cost = ngx_max(item->charge, 1);

    return NGX_OK;
}


/*
 * Whether the key is $binary_remote_addr, also through a map, and not a text of
 * the same length.
 */

static ngx_uint_t
ngx_http_gateway_limit_address(ngx_http_request_t *r, const ngx_str_t *key)
{
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;

    sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;

    return sin6->sin6_family == AF_INET6
           && key->len == sizeof(sin6->sin6_addr)
           && ngx_memcmp(key->data, &sin6->sin6_addr, key->len) == 0;
#else
    return 0;
#endif
}


static ngx_int_t
ngx_http_gateway_limit_key_value(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone, ngx_str_t *key)
{
    ngx_http_variable_value_t  *vv;

    if (zone->key_index < 0) {
        return ngx_http_complex_value(r, zone->key, key);
    }

    vv = ngx_http_get_flushed_variable(r, zone->key_index);

    if (vv == NULL) {
        return NGX_ERROR;
    }

    key->len = vv->not_found ? 0 : vv->len;
    key->data = vv->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_figures(ngx_http_request_t *r,
    const ngx_http_gateway_limit_t *limit, gw_limit_t *figures)
{
    const char                             *err;
    gw_figure_t                             amount, burst;
    const ngx_http_gateway_limit_zone_t    *zone;
    const ngx_http_gateway_limit_figure_t  *extra;

    if (limit->literal) {
        *figures = limit->figures;
        return NGX_OK;
    }

    zone = limit->zone;
    extra = limit->burst.text.len ? &limit->burst : &zone->burst;

    amount = zone->figure->figure;
    burst = extra->figure;

    if (ngx_http_gateway_limit_figure(r, zone, zone->figure, &amount) != NGX_OK
        || ngx_http_gateway_limit_figure(r, zone, extra, &burst) != NGX_OK)
    {
        return NGX_ERROR;
    }

    err = gw_limit_set(figures, zone->algorithm, &amount, burst.amount);

    if (err == NULL) {
        return NGX_OK;
    }

    /* the rate and the burst are incompatible: keep the rate if possible */

    if (extra->value
        && gw_limit_set(figures, zone->algorithm, &amount,
                        extra->figure.amount)
           == NULL)
    {
        ngx_http_gateway_limit_unusable(r, zone, extra, "", err);
        return NGX_OK;
    }

    ngx_http_gateway_limit_unusable(r, zone, zone->figure, "", err);

    *figures = limit->figures;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_limit_cost(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item, uint64_t *cost)
{
    gw_figure_t                      value;
    const ngx_http_gateway_limit_t  *limit;

    limit = item->limit;
    value = limit->cost.figure;

    if (limit->cost.reserve && item->charge) {
        value.amount = item->charge;
    }

    if (limit->cost.value
        && ngx_http_gateway_limit_figure(r, item->zone, &limit->cost, &value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    *cost = ngx_max(value.amount, limit->min.figure.amount);

    return NGX_OK;
}


/*
 * Warns if the reserve exceeds the limit.  Literals are checked with the
 * configuration.
 */

static void
ngx_http_gateway_limit_never(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item)
{
    ngx_log_t                             log;
    const ngx_http_gateway_limit_zone_t  *zone;

    zone = item->zone;

    if (item->charge <= item->figures.capacity || item->figures.amount == 0
        || !ngx_http_gateway_may_say(&zone->worker->said_reserve,
                                     NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    log = ngx_http_gateway_limit_log(r);

    ngx_log_error(NGX_LOG_WARN, &log, 0,
                  "gateway_limit: zone \"%V\": the value of \"reserve=%V\" "
                  "exceeds the limit, rejecting all such requests",
                  &zone->name, &item->limit->reserve.text);
}


void
ngx_http_gateway_limit_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t source)
{
    uint64_t                         wait, interval;
    const ngx_http_gateway_limit_t  *limit;

    limit = item->limit;

    item->decided = 1;
    item->source = source;
    item->refused = !item->result.passed;
    item->charged = (item->result.charged > 0);

    if (item->refused) {

        if (batch->refused == NULL && !item->dry_run) {
            batch->refused = item;
        }

        return;
    }

    /* as in limit_req, excess above "delay=" is delayed until it has expired */

    if (limit->burst.text.len && !limit->nodelay && item->charged) {
        interval = item->figures.interval;

        if (source == NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS) {
            interval = ngx_http_gateway_limit_usec(interval) * 1000;
        }

        wait = interval * (1 + limit->delay.figure.amount);

        if (item->result.reset > wait) {
            item->delay = (item->result.reset - wait + GW_LIMIT_MSEC - 1)
                          / GW_LIMIT_MSEC;
        }
    }
}
