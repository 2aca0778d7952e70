/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Deciding in Redis: all limits of a request that are in one Redis by one call
 * of a script, several at the same time.
 *
 * What Redis has refused is refused here until its time has come, without a
 * call: the state of a key only grows by what others charge, so that nobody
 * is refused who would pass.  Where an administrator shrinks it on another
 * node, this one hears of it within NGX_HTTP_GATEWAY_LIMIT_ASK.
 *
 * Where Redis does not answer, on_error decides, and a charge that it may yet
 * carry out stays: a limit may then refuse one request too many, but not admit
 * one.  A reserve that comes too late is given back: it is no cost, and may be
 * large.
 */

#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_limit_script.h"


#define NGX_HTTP_GATEWAY_LIMIT_CALL     32      /* limits of one call */
#define NGX_HTTP_GATEWAY_LIMIT_ARGS     6       /* for each */
#define NGX_HTTP_GATEWAY_LIMIT_ASK      5000    /* ms; at least so often */

/* bits of the words that keep a refusal: times in ms, and what they share */
#define NGX_HTTP_GATEWAY_LIMIT_SHARED   20
#define NGX_HTTP_GATEWAY_LIMIT_MASK     ((1ULL << 20) - 1)


struct ngx_http_gateway_limit_call_s {
    ngx_http_gateway_limit_call_t   *next;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_redis_call_t   *handle;    /* NULL: not under way */
    ngx_msec_t                       sent;
    ngx_uint_t                       n;
    ngx_http_gateway_limit_item_t   *items[NGX_HTTP_GATEWAY_LIMIT_CALL];
};


/* a change on nobody's behalf: the request may be over before it is made */

typedef struct {
    ngx_http_gateway_limit_item_t    item;      /* its strings are void */
    ngx_uint_t                       mode;      /* of the script */
} ngx_http_gateway_limit_late_t;


/* reserves that Redis may yet charge, decided without it meanwhile */

typedef struct {
    ngx_atomic_uint_t                client;
    ngx_uint_t                       n;
    ngx_http_gateway_limit_item_t    items[1];  /* of the call; no reserve:
                                                   charge is 0 */
} ngx_http_gateway_limit_stray_t;


static void ngx_http_gateway_limit_redis_free(void *data);
static ngx_int_t ngx_http_gateway_limit_redis_subject(ngx_http_request_t *r,
    u_char *p, const ngx_str_t *prefix, const ngx_str_t *key);
static ngx_int_t ngx_http_gateway_limit_redis_known(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch);
static ngx_int_t ngx_http_gateway_limit_redis_group(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *first);
static ngx_int_t ngx_http_gateway_limit_redis_call(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_call_t *call);
static ngx_uint_t ngx_http_gateway_limit_redis_flag(
    ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_redis_args(ngx_str_t *args,
    u_char **p, ngx_http_gateway_limit_item_t *item, ngx_uint_t flag,
    uint64_t units);
static void ngx_http_gateway_limit_redis_number(ngx_str_t *arg, u_char **p,
    uint64_t number);
static void ngx_http_gateway_limit_redis_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_decided(
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_call_t *call, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_charged(
    ngx_http_gateway_limit_item_t *item, const gw_resp_t *reply, ngx_uint_t i);
static void ngx_http_gateway_limit_redis_failed(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_redis_status_e status);
static void ngx_http_gateway_limit_redis_follow(
    ngx_http_gateway_limit_call_t *call, ngx_http_gateway_redis_call_t *handle,
    ngx_http_gateway_redis_status_e status);
static ngx_http_gateway_limit_stray_t *ngx_http_gateway_limit_redis_stray(
    ngx_http_gateway_limit_call_t *call);
static void ngx_http_gateway_limit_redis_strayed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static ngx_uint_t ngx_http_gateway_limit_redis_instead(
    const ngx_http_gateway_limit_zone_t *zone,
    ngx_http_gateway_redis_status_e status);
static void ngx_http_gateway_limit_redis_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode);
static void ngx_http_gateway_limit_redis_done(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);
static void ngx_http_gateway_limit_redis_lost(
    ngx_http_gateway_limit_late_t *late,
    ngx_http_gateway_redis_status_e status);
static ngx_uint_t ngx_http_gateway_limit_deny_cached(
    ngx_http_gateway_limit_item_t *item);
static void ngx_http_gateway_limit_deny_keep(
    ngx_http_gateway_limit_item_t *item, ngx_msec_t sent);
static uint64_t ngx_http_gateway_limit_deny_figures(
    const ngx_http_gateway_limit_item_t *item);


/* by gw_limit_algorithm_e, for the script and in keys */

static const u_char  ngx_http_gateway_limit_kinds[] = "gsf";


ngx_int_t
ngx_http_gateway_limit_redis_init(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf)
{
    ngx_pool_cleanup_t  *cln;

    if (ngx_http_gateway_redis_script(cf,
                                      &ngx_http_gateway_limit_decide_script)
        != NGX_OK
        || ngx_http_gateway_redis_script(cf,
                                      &ngx_http_gateway_limit_change_script)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_limit_redis_free;
    cln->data = lmcf;

    /* the algorithm is fetched here, once, and not for each request */

    lmcf->clean = EVP_MD_CTX_new();
    lmcf->work = EVP_MD_CTX_new();

    if (lmcf->clean == NULL || lmcf->work == NULL
        || !EVP_DigestInit_ex(lmcf->clean, EVP_sha256(), NULL))
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "SHA-256 cannot be had");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_gateway_limit_redis_free(void *data)
{
    ngx_http_gateway_limit_main_conf_t *lmcf = data;

    EVP_MD_CTX_free(lmcf->clean);
    EVP_MD_CTX_free(lmcf->work);
}


/*
 * prefix:{digest of the subject}:zone:kind.  All limits of a subject are in
 * one hash slot of a Cluster; whatever a client's name is, it has a length and
 * no braces; states of another algorithm or unit are other keys.
 */

ngx_int_t
ngx_http_gateway_limit_redis_key(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item,
    const ngx_http_gateway_limit_item_t *like)
{
    u_char     *p;
    size_t      subject;
    ngx_str_t  *prefix;

    static const char  units[] = "smhdwM";

    if (item->redis_key.len) {
        return NGX_OK;
    }

    prefix = ngx_http_gateway_redis_prefix(item->zone->redis);
    subject = prefix->len + sizeof(":{}:") - 1 + 32;

    p = ngx_pnalloc(r->pool, subject + item->zone->name.len
                             + sizeof(":gs") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (like && like->redis_key.len && like->zone->redis == item->zone->redis
        && ngx_http_gateway_same(&like->key, &item->key))
    {
        ngx_memcpy(p, like->redis_key.data, subject);

    } else if (ngx_http_gateway_limit_redis_subject(r, p, prefix, &item->key)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    item->redis_key.data = p;

    p += subject;
    p = ngx_cpymem(p, item->zone->name.data, item->zone->name.len);
    *p++ = ':';
    *p++ = ngx_http_gateway_limit_kinds[item->figures.algorithm];

    if (item->figures.algorithm != GW_LIMIT_GCRA) {
        *p++ = units[item->figures.unit];
    }

    item->redis_key.len = p - item->redis_key.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_redis_subject(ngx_http_request_t *r, u_char *p,
    const ngx_str_t *prefix, const ngx_str_t *key)
{
    u_char                               digest[EVP_MAX_MD_SIZE];
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_limit_module);

    if (!EVP_MD_CTX_copy_ex(lmcf->work, lmcf->clean)
        || !EVP_DigestUpdate(lmcf->work, key->data, key->len)
        || !EVP_DigestFinal_ex(lmcf->work, digest, NULL))
    {
        ngx_ssl_error(NGX_LOG_ERR, r->connection->log, 0, "SHA-256 failed");
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, prefix->data, prefix->len);
    p = ngx_cpymem(p, ":{", 2);
    p = ngx_hex_dump(p, digest, 16);
    ngx_memcpy(p, "}:", 2);

    return NGX_OK;
}


/* asking */

ngx_int_t
ngx_http_gateway_limit_redis_ask(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    if (ngx_http_gateway_limit_redis_known(ctx, batch) != NGX_OK) {
        return NGX_ERROR;
    }

    if (batch->refused) {
        return NGX_OK;
    }

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis && !item->decided && !item->asked
            && ngx_http_gateway_limit_redis_group(ctx, batch, item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ctx->pending ? NGX_AGAIN : NGX_OK;
}


/* what is known without Redis: that it refuses */

static ngx_int_t
ngx_http_gateway_limit_redis_known(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis == NULL) {
            continue;
        }

        if (item->figures.amount == 0) {
            ngx_http_gateway_limit_zone_take(item, GW_LIMIT_LOOK, item->cost);
            ngx_http_gateway_limit_decided(batch, item,
                                         NGX_HTTP_GATEWAY_LIMIT_FROM_SHM);

        } else if (ngx_http_gateway_limit_deny_cached(item)) {
            ngx_http_gateway_limit_decided(batch, item,
                                    NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE);

        } else if (ngx_http_gateway_limit_redis_key(ctx->request, item,
                                                    i ? item - 1 : NULL)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* one call for a limit and the others of its Redis that are left */

static ngx_int_t
ngx_http_gateway_limit_redis_group(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *first)
{
    ngx_http_gateway_limit_call_t  *call;
    ngx_http_gateway_limit_item_t  *item;

    call = ngx_palloc(ctx->request->pool,
                      sizeof(ngx_http_gateway_limit_call_t));
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->ctx = ctx;
    call->handle = NULL;
    call->n = 0;

    for (item = first; item < batch->items + batch->n; item++) {

        if (item->zone->redis == first->zone->redis && !item->decided
            && !item->asked && call->n < NGX_HTTP_GATEWAY_LIMIT_CALL)
        {
            item->asked = 1;
            call->items[call->n++] = item;
        }
    }

    return ngx_http_gateway_limit_redis_call(ctx, batch, call);
}


static ngx_int_t
ngx_http_gateway_limit_redis_call(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_call_t *call)
{
    u_char                           *p;
    ngx_str_t                        *args;
    ngx_uint_t                        i, nargs;
    ngx_http_gateway_limit_item_t    *item;
    ngx_http_gateway_redis_status_e   status;

    nargs = call->n * (1 + NGX_HTTP_GATEWAY_LIMIT_ARGS);

    args = ngx_palloc(ctx->request->pool, nargs * sizeof(ngx_str_t)
                      + nargs * GW_TEXT_DECIMAL);
    if (args == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) (args + nargs);

    for (i = 0; i < call->n; i++) {
        item = call->items[i];

        args[i] = item->redis_key;
        ngx_http_gateway_limit_redis_args(
                       &args[call->n + i * NGX_HTTP_GATEWAY_LIMIT_ARGS], &p,
                       item, ngx_http_gateway_limit_redis_flag(item),
                       item->cost);
    }

    call->sent = ngx_current_msec;

    status = ngx_http_gateway_redis_call(call->items[0]->zone->redis,
                                         &ngx_http_gateway_limit_decide_script,
                                         call->n, args, nargs,
                                         ngx_http_gateway_limit_redis_client(
                                                                 ctx->request),
                                         ngx_http_gateway_limit_redis_reply,
                                         call, &call->handle);

    if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
        call->next = ctx->calls;
        ctx->calls = call;
        ctx->pending++;
        return NGX_OK;
    }

    for (i = 0; i < call->n; i++) {
        ngx_http_gateway_limit_redis_failed(ctx, batch, call->items[i],
                                            status);
    }

    return NGX_OK;
}


/* what the script does with a limit beyond its own answer; 0: nothing */

static ngx_uint_t
ngx_http_gateway_limit_redis_flag(ngx_http_gateway_limit_item_t *item)
{
    if (item->charge == 0) {
        return item->dry_run ? 'm' : 'l';
    }

    if (item->limit->penalty) {
        return item->dry_run ? 'b' : 'p';
    }

    return item->dry_run ? 'd' : 0;
}


/* the arguments of a limit; their texts are at "*p", which moves on */

static void
ngx_http_gateway_limit_redis_args(ngx_str_t *args, u_char **p,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t flag, uint64_t units)
{
    uint64_t           start;
    const gw_limit_t  *limit;

    limit = &item->figures;
    start = 0;

    args[0].data = *p;
    *(*p)++ = ngx_http_gateway_limit_kinds[limit->algorithm];

    if (flag) {
        *(*p)++ = (u_char) flag;
    }

    args[0].len = *p - args[0].data;

    switch (limit->algorithm) {

    case GW_LIMIT_GCRA:

        ngx_http_gateway_limit_redis_number(&args[1], p,
                             ngx_http_gateway_limit_usec(limit->interval));
        ngx_http_gateway_limit_redis_number(&args[2], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);
        ngx_http_gateway_limit_redis_number(&args[4], p, limit->most / 1000);
        break;

    case GW_LIMIT_SLIDING:
        ngx_http_gateway_limit_redis_number(&args[1], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[2], p,
                                      (limit->end - limit->start) / 1000);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);
        ngx_http_gateway_limit_redis_number(&args[4], p, 0);
        break;

    default: /* GW_LIMIT_FIXED */

        ngx_http_gateway_limit_redis_number(&args[1], p, limit->capacity);
        ngx_http_gateway_limit_redis_number(&args[2], p, limit->end / 1000);
        ngx_http_gateway_limit_redis_number(&args[3], p, units);

        if (item->zone->figure->kind == GW_FIGURE_QUOTA) {
            start = limit->start / 1000;
            ngx_http_gateway_limit_redis_number(&args[4], p,
                                                limit->next / 1000);

        } else {
            ngx_http_gateway_limit_redis_number(&args[4], p,
                                          (limit->end - limit->start) / 1000);
        }
    }

    ngx_http_gateway_limit_redis_number(&args[5], p, start);
}


static void
ngx_http_gateway_limit_redis_number(ngx_str_t *arg, u_char **p,
    uint64_t number)
{
    arg->data = *p;
    *p = gw_text_decimal(*p, number);
    arg->len = *p - arg->data;
}


/* answers */

static void
ngx_http_gateway_limit_redis_reply(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_call_t *call = data;

    ngx_uint_t                       i;
    ngx_http_gateway_limit_ctx_t    *ctx;
    ngx_http_gateway_redis_call_t   *handle;
    ngx_http_gateway_limit_batch_t  *batch;

    ctx = call->ctx;
    batch = ctx->batches;
    handle = call->handle;
    call->handle = NULL;

    if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_limit_redis_decided(batch, call, reply);

    } else {
        ngx_http_gateway_limit_redis_follow(call, handle, status);

        for (i = 0; i < call->n; i++) {
            ngx_http_gateway_limit_redis_failed(ctx, batch, call->items[i],
                                                status);
        }
    }

    if (--ctx->pending == 0) {
        ngx_http_gateway_limit_answered(ctx);
    }
}


static void
ngx_http_gateway_limit_redis_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_call_t *call, const gw_resp_t *reply)
{
    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < call->n; i++) {
        item = call->items[i];

        ngx_http_gateway_limit_redis_charged(item, reply, i);
        ngx_http_gateway_limit_decided(batch, item,
                                       NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS);

        if (item->refused) {
            ngx_http_gateway_limit_deny_keep(item, call->sent);
        }
    }
}


/* what the reply says about the limit that was the i-th of the call */

static void
ngx_http_gateway_limit_redis_charged(ngx_http_gateway_limit_item_t *item,
    const gw_resp_t *reply, ngx_uint_t i)
{
    ngx_uint_t          passed;
    const int64_t      *number;
    gw_limit_result_t  *result;

    result = &item->result;
    passed = (reply->integer[0] == 1);
    number = &reply->integer[NGX_HTTP_GATEWAY_LIMIT_DECIDE_HEAD
                             + i * NGX_HTTP_GATEWAY_LIMIT_DECIDE_LIMIT];

    ngx_http_gateway_limit_redis_result(item, number);

    /* for giving back: the end of the window, on Redis' clock */

    result->window = (uint64_t) reply->integer[1] + (uint64_t) number[1];

    if (passed ? !result->passed : !item->limit->penalty) {
        return;
    }

    result->charged = item->charge;
    result->least = item->charge;

    if (item->figures.algorithm == GW_LIMIT_GCRA) {
        result->least *= ngx_http_gateway_limit_usec(item->figures.interval);
        result->least += (uint64_t) reply->integer[1];
    }
}


/* units left, us until idle or the end of the window, us to wait */

void
ngx_http_gateway_limit_redis_result(ngx_http_gateway_limit_item_t *item,
    const int64_t *number)
{
    gw_limit_result_t  *result;

    result = &item->result;

    ngx_memzero(result, sizeof(gw_limit_result_t));

    result->passed = (number[2] == 0);
    result->remaining = (number[0] > 0) ? number[0] : 0;
    result->reset = (number[1] > 0) ? (uint64_t) number[1] * 1000 : 0;
    result->wait = (number[2] < 0) ? GW_LIMIT_NEVER
                                   : (uint64_t) number[2] * 1000;
}


/*
 * on_error; but where this node has more calls than Redis can answer in time,
 * Redis has not failed, and a client must not be able to make it seem so: then
 * it is the node's own share, whatever on_error is.
 */

static ngx_uint_t
ngx_http_gateway_limit_redis_instead(const ngx_http_gateway_limit_zone_t *zone,
    ngx_http_gateway_redis_status_e status)
{
    return (status == NGX_HTTP_GATEWAY_REDIS_FULL)
           ? NGX_HTTP_GATEWAY_LIMIT_LOCAL : zone->on_error;
}


/*
 * The client of Redis says once what has failed; here each decision is logged,
 * at level info.
 */

static void
ngx_http_gateway_limit_redis_failed(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch, ngx_http_gateway_limit_item_t *item,
    ngx_http_gateway_redis_status_e status)
{
    ngx_uint_t        source;
    const char       *how;
    gw_limit_mode_e   mode;

    switch (ngx_http_gateway_limit_redis_instead(item->zone, status)) {

    case NGX_HTTP_GATEWAY_LIMIT_LOCAL:
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL;
        how = "local";
        mode = (batch->refused || item->charge == 0) ? GW_LIMIT_LOOK
                                                     : GW_LIMIT_TAKE;

        item->whole_interval = item->figures.interval;
        item->whole_capacity = item->figures.capacity;

        gw_limit_share(&item->figures, item->zone->share);

        /* it may have changed while Redis was silent */

        ngx_http_gateway_limit_window(item->zone, &item->figures);
        ngx_http_gateway_limit_zone_take(item, mode, item->cost);
        break;

    case NGX_HTTP_GATEWAY_LIMIT_OPEN:
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN;
        how = "open";
        item->result.passed = 1;
        break;

    default: /* NGX_HTTP_GATEWAY_LIMIT_CLOSED */
        source = NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED;
        how = "closed";
        item->result.passed = 0;
        item->result.wait = GW_LIMIT_SEC;
    }

    if (ngx_http_gateway_hide_sent(ctx->request) == NGX_OK) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "gateway_limit: zone \"%V\" decides without redis "
                      "\"%V\", %s: %s", &item->zone->name,
                      ngx_http_gateway_redis_name(item->zone->redis),
                      ngx_http_gateway_redis_status(status), how);
    }

    ngx_http_gateway_limit_decided(batch, item, source);
}


/*
 * A reserve that Redis charges too late is given back: what the request costs
 * is settled as it was decided.  Where nobody can know, it is counted.
 */

static void
ngx_http_gateway_limit_redis_follow(ngx_http_gateway_limit_call_t *call,
    ngx_http_gateway_redis_call_t *handle,
    ngx_http_gateway_redis_status_e status)
{
    ngx_http_gateway_limit_stray_t  *stray;

    if (status != NGX_HTTP_GATEWAY_REDIS_TIMEOUT
        && status != NGX_HTTP_GATEWAY_REDIS_FULL
        && status != NGX_HTTP_GATEWAY_REDIS_CLOSED
        && status != NGX_HTTP_GATEWAY_REDIS_MALFORMED)
    {
        return;
    }

    stray = ngx_http_gateway_limit_redis_stray(call);
    if (stray == NULL) {
        return;
    }

    switch (status) {

    case NGX_HTTP_GATEWAY_REDIS_TIMEOUT:
    case NGX_HTTP_GATEWAY_REDIS_FULL:

        if (ngx_http_gateway_redis_follow(handle,
                                        ngx_http_gateway_limit_redis_strayed,
                                        stray)
            != NGX_OK)
        {
            ngx_free(stray);
        }

        break;

    default: /* it was sent, and no reply will come */
        ngx_http_gateway_limit_redis_strayed(stray, status, NULL);
    }
}


/* NULL: the call has no reserve, or there is no memory */

static ngx_http_gateway_limit_stray_t *
ngx_http_gateway_limit_redis_stray(ngx_http_gateway_limit_call_t *call)
{
    u_char                          *p;
    size_t                           size;
    ngx_uint_t                       i, reserves;
    ngx_http_gateway_limit_item_t   *item;
    ngx_http_gateway_limit_stray_t  *stray;

    size = sizeof(ngx_http_gateway_limit_stray_t)
           + (call->n - 1) * sizeof(ngx_http_gateway_limit_item_t);
    reserves = 0;

    for (i = 0; i < call->n; i++) {
        item = call->items[i];
        size += item->redis_key.len;
        reserves += (item->limit->settle && item->charge);
    }

    if (reserves == 0) {
        return NULL;
    }

    stray = ngx_alloc(size, ngx_cycle->log);
    if (stray == NULL) {
        return NULL;
    }

    stray->client = ngx_http_gateway_limit_redis_client(call->ctx->request);
    stray->n = call->n;

    p = (u_char *) &stray->items[call->n];

    for (i = 0; i < call->n; i++) {
        item = &stray->items[i];
        *item = *call->items[i];

        if (!item->limit->settle) {
            item->charge = 0;
        }

        item->redis_key.data = p;
        p = ngx_cpymem(p, call->items[i]->redis_key.data,
                       item->redis_key.len);
    }

    return stray;
}


static void
ngx_http_gateway_limit_redis_strayed(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_stray_t *stray = data;

    ngx_uint_t                      i;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < stray->n; i++) {
        item = &stray->items[i];

        if (item->charge == 0 || status == NGX_HTTP_GATEWAY_REDIS_ERROR) {
            continue;
        }

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "gateway limit: zone \"%V\" reserved %uL without a "
                       "reply in time: %s", &item->zone->name, item->charge,
                       ngx_http_gateway_redis_status(status));

        if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
            (void) ngx_atomic_fetch_add(&item->zone->sh->unreturned, 1);
            continue;
        }

        ngx_http_gateway_limit_redis_charged(item, reply, i);

        if (item->result.charged) {
            ngx_http_gateway_limit_redis_send(stray->client, item, 'r');
        }
    }

    ngx_free(stray);
}


void
ngx_http_gateway_limit_redis_cancel(void *data)
{
    ngx_http_gateway_limit_ctx_t *ctx = data;

    ngx_http_gateway_limit_call_t  *call;

    for (call = ctx->calls; call; call = call->next) {
        if (call->handle) {
            ngx_http_gateway_redis_cancel(call->handle);
            call->handle = NULL;
        }
    }

    ctx->pending = 0;
}


/* changing, on nobody's behalf */

void
ngx_http_gateway_limit_redis_give(ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch)
{
    ngx_uint_t                      i, mode;
    ngx_http_gateway_limit_item_t  *item;

    for (i = 0; i < batch->n; i++) {
        item = &batch->items[i];

        if (item->zone->redis == NULL || item->charge == 0) {
            continue;
        }

        if (item->limit->penalty && !item->asked && !item->decided) {

            /* others have refused before it was asked */

            mode = 'a';

        } else if (!item->limit->penalty && item->charged
                   && item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS)
        {
            mode = 'r';
            item->charged = 0;
            item->result.remaining += item->charge;

        } else {
            continue;
        }

        ngx_http_gateway_limit_redis_late(ctx->request, item, mode);
    }
}


void
ngx_http_gateway_limit_redis_late(ngx_http_request_t *r,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode)
{
    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway limit: zone \"%V\" changes by %uL in redis, "
                   "mode %c", &item->zone->name, item->charge, (int) mode);

    /* without memory there is no key, and nothing can be sent */

    (void) ngx_http_gateway_limit_redis_key(r, item, NULL);

    ngx_http_gateway_limit_redis_send(ngx_http_gateway_limit_redis_client(r),
                                      item, mode);
}


/*
 * The call has a copy of the item, with the figures of this node's own share,
 * for a charge that Redis does not make.
 */

static void
ngx_http_gateway_limit_redis_send(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode)
{
    ngx_http_gateway_redis_call_t    *handle;
    ngx_http_gateway_limit_late_t     own, *late;
    ngx_http_gateway_redis_status_e   status;

    own.item = *item;
    own.mode = mode;

    if (item->source == NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL) {
        item->figures.interval = item->whole_interval;
        item->figures.capacity = item->whole_capacity;

    } else {
        gw_limit_share(&own.item.figures, item->zone->share);
    }

    status = NGX_HTTP_GATEWAY_REDIS_DOWN;
    late = ngx_alloc(sizeof(ngx_http_gateway_limit_late_t), ngx_cycle->log);

    if (late) {
        *late = own;

        if (item->redis_key.len) {
            status = ngx_http_gateway_limit_redis_change(client, item, mode,
                                             item->charge,
                                             ngx_http_gateway_limit_redis_done,
                                             late, &handle);
        }

        if (status == NGX_HTTP_GATEWAY_REDIS_OK) {
            return;
        }

        ngx_free(late);
    }

    ngx_http_gateway_limit_redis_lost(&own, status);
}


/*
 * What is given back may be what others were refused for meanwhile, and will
 * have been until Redis has done it: then their refusal is forgotten.
 */

static void
ngx_http_gateway_limit_redis_done(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply)
{
    ngx_http_gateway_limit_late_t *late = data;

    uint64_t                       *state;
    ngx_http_gateway_limit_zone_t  *zone;

    zone = late->item.zone;

    if (late->mode == 'r') {
        state = gw_table_find(zone->table, late->item.hash, ngx_current_msec);

        if (state) {
            state += gw_limit_words(zone->algorithm);
            __atomic_store_n(state, 0, __ATOMIC_SEQ_CST);
        }
    }

    if (status != NGX_HTTP_GATEWAY_REDIS_OK) {
        ngx_http_gateway_limit_redis_lost(late, status);
    }

    ngx_free(late);
}


/*
 * What Redis has not done, or perhaps not, is counted.  A charge is made where
 * the node decides for itself, as with a decision that was not answered.
 */

static void
ngx_http_gateway_limit_redis_lost(ngx_http_gateway_limit_late_t *late,
    ngx_http_gateway_redis_status_e status)
{
    ngx_http_gateway_limit_item_t  *item;
    ngx_http_gateway_limit_zone_t  *zone;

    item = &late->item;
    zone = item->zone;

    if (late->mode == 'r') {
        (void) ngx_atomic_fetch_add(&zone->sh->unreturned, 1);
        return;
    }

    if (ngx_http_gateway_limit_redis_instead(zone, status)
        == NGX_HTTP_GATEWAY_LIMIT_LOCAL)
    {
        ngx_http_gateway_limit_zone_take(item, late->mode == 'a'
                                               ? GW_LIMIT_FILL : GW_LIMIT_FORCE,
                                         item->charge);
    }

    (void) ngx_atomic_fetch_add(&zone->sh->unsettled, 1);
}


ngx_http_gateway_redis_status_e
ngx_http_gateway_limit_redis_change(ngx_atomic_uint_t client,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t mode, uint64_t units,
    ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **handle)
{
    u_char      *p, word[1];
    u_char       text[(2 + NGX_HTTP_GATEWAY_LIMIT_ARGS) * GW_TEXT_DECIMAL];
    ngx_str_t    args[4 + NGX_HTTP_GATEWAY_LIMIT_ARGS];
    ngx_uint_t   last;

    p = text;
    word[0] = (u_char) mode;
    last = 3 + NGX_HTTP_GATEWAY_LIMIT_ARGS;

    args[0] = item->redis_key;
    args[1].data = word;
    args[1].len = 1;

    ngx_http_gateway_limit_redis_args(&args[2], &p, item, 0, units);
    ngx_http_gateway_limit_redis_number(&args[last - 1], &p,
                                        item->result.window);
    ngx_http_gateway_limit_redis_number(&args[last], &p, item->result.least);

    return ngx_http_gateway_redis_call(item->zone->redis,
                                       &ngx_http_gateway_limit_change_script,
                                       1, args, last + 1, client, handler,
                                       data, handle);
}


/*
 * The number of the client's connection: a stream of HTTP/3 has a number of its
 * own, and the TLS library knows the connection that all streams share.
 */

ngx_atomic_uint_t
ngx_http_gateway_limit_redis_client(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        c = ngx_ssl_get_connection(c->ssl->connection);
    }
#endif

    return c->number;
}


/* what Redis has refused */

/*
 * Two words of a key: until when, with a mark of the figures that applied, and
 * since when, with the units that were refused.  Figures that have changed,
 * and fewer units, are another question; when more units pass is known but for
 * a sliding window.
 */

static ngx_uint_t
ngx_http_gateway_limit_deny_cached(ngx_http_gateway_limit_item_t *item)
{
    uint64_t            now, until, since, units, *state, *denied;
    gw_limit_clock_t    clock;
    gw_limit_result_t  *result;

    /* with "penalty" each refusal is a charge, which only Redis can make */

    state = item->limit->penalty ? NULL
                               : ngx_http_gateway_limit_zone_state(item, 0);
    if (state == NULL) {
        return 0;
    }

    denied = ngx_http_gateway_limit_denied(item, state);

    until = __atomic_load_n(&denied[0], __ATOMIC_SEQ_CST);
    since = __atomic_load_n(&denied[1], __ATOMIC_SEQ_CST);

    units = since & NGX_HTTP_GATEWAY_LIMIT_MASK;
    now = ngx_current_msec;

    if (until == 0 || (until >> NGX_HTTP_GATEWAY_LIMIT_SHARED) <= now
        || (until & NGX_HTTP_GATEWAY_LIMIT_MASK)
           != ngx_http_gateway_limit_deny_figures(item)
        || units > item->cost
        || (units < item->cost && item->figures.algorithm == GW_LIMIT_SLIDING)
        || (since >> NGX_HTTP_GATEWAY_LIMIT_SHARED)
           + NGX_HTTP_GATEWAY_LIMIT_ASK <= now
        || !gw_table_holds(item->zone->table, item->hash, state))
    {
        return 0;
    }

    result = &item->result;

    ngx_memzero(result, sizeof(gw_limit_result_t));

    result->wait = ((until >> NGX_HTTP_GATEWAY_LIMIT_SHARED) - now)
                   * GW_LIMIT_MSEC;

    if (item->figures.algorithm == GW_LIMIT_GCRA) {
        result->reset = result->wait + item->figures.interval
                                       * (item->figures.capacity - units);
        result->wait += item->figures.interval * (item->cost - units);

    } else if (item->figures.algorithm == GW_LIMIT_FIXED) {
        result->reset = result->wait;

    } else {
        ngx_http_gateway_limit_clock(&item->figures, &clock);
        result->reset = (item->figures.end > clock.wall)
                        ? item->figures.end - clock.wall : 0;
    }

    if (item->cost > item->figures.capacity) {
        result->wait = GW_LIMIT_NEVER;
    }

    return 1;
}


/*
 * The time is counted from before Redis was asked: it cannot end too late.
 * The first word is written last, and cleared first.
 */

static void
ngx_http_gateway_limit_deny_keep(ngx_http_gateway_limit_item_t *item,
    ngx_msec_t sent)
{
    uint64_t  until, *state, *denied;

    if (item->result.wait == GW_LIMIT_NEVER
        || item->cost > NGX_HTTP_GATEWAY_LIMIT_MASK)
    {
        return;
    }

    until = sent + item->result.wait / GW_LIMIT_MSEC;

    state = ngx_http_gateway_limit_zone_state(item, 1);
    denied = ngx_http_gateway_limit_denied(item, state);

    __atomic_store_n(&denied[0], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&denied[1],
                     ((uint64_t) sent << NGX_HTTP_GATEWAY_LIMIT_SHARED)
                     | item->cost, __ATOMIC_SEQ_CST);
    __atomic_store_n(&denied[0],
                     (until << NGX_HTTP_GATEWAY_LIMIT_SHARED)
                     | ngx_http_gateway_limit_deny_figures(item),
                     __ATOMIC_SEQ_CST);

    /* in a zone that is too small another key may have got the place */

    if (!gw_table_holds(item->zone->table, item->hash, state)) {
        __atomic_store_n(&denied[0], 0, __ATOMIC_SEQ_CST);
    }
}


static uint64_t
ngx_http_gateway_limit_deny_figures(const ngx_http_gateway_limit_item_t *item)
{
    uint64_t           mark;
    const gw_limit_t  *limit;

    limit = &item->figures;

    mark = (limit->capacity * 0x9e3779b97f4a7c15ULL)
           ^ (limit->interval * 0xc2b2ae3d27d4eb4fULL)
           ^ ((uint64_t) limit->unit << 44);

    return mark >> (64 - NGX_HTTP_GATEWAY_LIMIT_SHARED);
}
