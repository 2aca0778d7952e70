/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Limits in Redis, for decide, settle and admin.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_REDIS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_REDIS_H_INCLUDED_


#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_limit_script.h"


#define NGX_HTTP_GATEWAY_LIMIT_GROUP    32      /* limits of one call */
#define NGX_HTTP_GATEWAY_LIMIT_ARGS     6       /* arguments of each */


/* the limits of a batch that one call decides; r->pool */

struct ngx_http_gateway_limit_group_s {
    ngx_http_gateway_limit_group_t  *next;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_redis_call_t   *handle;    /* NULL: not in flight */
    ngx_msec_t                       sent;
    ngx_uint_t                       n;
    ngx_http_gateway_limit_item_t   *items[NGX_HTTP_GATEWAY_LIMIT_GROUP];
};


/*
 * ngx_http_gateway_limit_redis.c: deciding in Redis
 */

/*
 * Decides the items of a batch whose zones are in Redis.  NGX_OK: all are
 * decided.  NGX_AGAIN: calls are in flight, and the reply to the last of them,
 * or its timeout, calls "answered".  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_redis_ask(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_answered_pt answered);

/* cancels the calls in flight of a request; "data" is its ctx */
void ngx_http_gateway_limit_redis_cancel(void *data);


/*
 * ngx_http_gateway_limit_redis_adjust.c: changes that no request waits for
 */

/*
 * After a refusal: refunds what Redis has charged, and charges the penalties
 * of limits that Redis was not asked about.
 */
void ngx_http_gateway_limit_redis_give(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch);

/*
 * Changes the state of a key by item->charge: _PENALTY, _DEBT or _REFUND.
 * Changes that Redis does not confirm are counted in the zone.
 */
void ngx_http_gateway_limit_redis_adjust(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_http_gateway_limit_script_e mode);

/*
 * A call of ngx_http_gateway_limit_redis_ask() has ended with "status": if
 * Redis may still charge its reserves, they are refunded when it has.
 */
void ngx_http_gateway_limit_redis_follow(ngx_http_gateway_limit_group_t *group,
    ngx_http_gateway_redis_call_t *handle,
    ngx_http_gateway_redis_status_e status);


/*
 * ngx_http_gateway_limit_redis_call.c: keys, arguments and replies
 */

ngx_int_t ngx_http_gateway_limit_redis_init(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf);

/*
 * Sets item->redis_key, in the request's memory.  Part of it is copied from the
 * key of "like" (NULL: none) if both items have the same key and Redis.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_redis_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item,
    const ngx_http_gateway_limit_item_t *like);

/*
 * The arguments of an item in a call of a script.  Their texts are written at
 * "*p", which is advanced by at most GW_TEXT_DECIMAL for each.  The mode is
 * part of the first argument, unless it is _CHARGE.
 */
void ngx_http_gateway_limit_redis_args(ngx_str_t *args, u_char **p,
    const ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_limit_script_e mode, uint64_t units);

/*
 * Calls the script that changes the state of a key: "mode" is its first
 * argument.  The rest and the result are as in ngx_http_gateway_redis_call().
 */
ngx_http_gateway_redis_status_e ngx_http_gateway_limit_redis_change(
    ngx_atomic_uint_t client, ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_limit_script_e mode, uint64_t units,
    ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **handle);

/* item->result, by the reply to a decision: the item was its i-th */
void ngx_http_gateway_limit_redis_charged(ngx_http_gateway_limit_item_t *item,
    const gw_resp_t *reply, ngx_uint_t i);

/* item->result, by three integers of a reply; nothing is charged */
void ngx_http_gateway_limit_redis_result(ngx_http_gateway_limit_item_t *item,
    const int64_t *number);

/* what applies where Redis has not decided: ngx_http_gateway_limit_error_e */
ngx_uint_t ngx_http_gateway_limit_redis_instead(
    const ngx_http_gateway_limit_zone_t *zone,
    ngx_http_gateway_redis_status_e status);

/* the number of the client's connection, for ngx_http_gateway_redis_call() */
ngx_atomic_uint_t ngx_http_gateway_limit_redis_client(ngx_http_request_t *r);


#endif /* _NGX_HTTP_GATEWAY_LIMIT_REDIS_H_INCLUDED_ */
