/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection: asking endpoints about tokens.
 *
 * An inquiry is a question about one token.  All requests of a worker that
 * present the token to the same endpoint wait for one inquiry; the answer is
 * kept in the table of verified tokens, or in that of inactive ones.  Requests
 * hold the inquiries that they have waited for until they end, so that they
 * find the answer also if it is not kept ("cache=0") or has been evicted.
 *
 * An inquiry is canceled when the last request that waits for it has ended.
 */

#include "ngx_http_gateway_jwt_inquiry.h"
#include "ngx_http_gateway_jwt_ask.h"
#include "ngx_http_gateway_word.h"
#include "gw_inactive.h"
#include "gw_introspect.h"
#include "gw_siphash.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_JWT_INQUIRIES  64      /* at once, of a worker */
#define NGX_HTTP_GATEWAY_JWT_USERS      64      /* that take turns */
#define NGX_HTTP_GATEWAY_JWT_BUCKETS    256     /* a power of two */
#define NGX_HTTP_GATEWAY_JWT_POLL       25      /* ms */
#define NGX_HTTP_GATEWAY_JWT_INACTIVE   5000    /* ms; kept at most */


typedef struct ngx_http_gateway_jwt_inquiry_s  ngx_http_gateway_jwt_inquiry_t;

/* of a worker; in memory of its own */

struct ngx_http_gateway_jwt_inquiry_s {
    ngx_queue_t                         queue;      /* while it runs */
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_uint_t                          refs;       /* requests, and the
                                                       question */
    ngx_atomic_t                        ended;      /* the word */
    ngx_http_gateway_jwt_ask_t         *ask;        /* NULL: it has ended */

    gw_reason_e                         reason;     /* once it has ended */
    json_t                             *claims;     /* with GW_OK */
    ngx_str_t                           body;       /* likewise; allocated */

    ngx_str_t                           text;       /* the token */
};


/* an inquiry that a request holds; in its pool */

typedef struct ngx_http_gateway_jwt_held_s  ngx_http_gateway_jwt_held_t;

struct ngx_http_gateway_jwt_held_s {
    ngx_http_gateway_jwt_inquiry_t     *inquiry;
    ngx_http_gateway_jwt_held_t        *next;
};


/* of a request; in its pool */

struct ngx_http_gateway_jwt_asking_s {
    ngx_http_gateway_jwt_held_t        *held;
    ngx_http_gateway_word_t             word;
    void                              **location;   /* r->loc_conf */
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_msec_t                          deadline;   /* of the waits for this
                                                       endpoint in this
                                                       location */
};


static ngx_int_t ngx_http_gateway_jwt_inquiries_init(ngx_log_t *log);
static ngx_http_gateway_jwt_inquiry_t *ngx_http_gateway_jwt_held(
    const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_endpoint_t *endpoint);
static int64_t ngx_http_gateway_jwt_now(void);
static gw_reason_e ngx_http_gateway_jwt_kept(
    const ngx_http_gateway_jwt_endpoint_t *endpoint, const ngx_str_t *text,
    ngx_http_gateway_jwt_said_t *said);
static gw_reason_e ngx_http_gateway_jwt_inquiry_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_inquiry_t *inquiry);
static ngx_int_t ngx_http_gateway_jwt_hold(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_inquiry_t *inquiry);
static void ngx_http_gateway_jwt_held_cleanup(void *data);

static ngx_queue_t *ngx_http_gateway_jwt_bucket(const ngx_str_t *text);
static ngx_http_gateway_jwt_inquiry_t *ngx_http_gateway_jwt_running(
    const ngx_http_gateway_jwt_endpoint_t *endpoint, const ngx_str_t *text);
static ngx_http_gateway_jwt_inquiry_t *ngx_http_gateway_jwt_inquiry_start(
    ngx_http_request_t *r, ngx_http_gateway_jwt_endpoint_t *endpoint,
    const ngx_str_t *text);
static ngx_int_t ngx_http_gateway_jwt_inquiry_ask(ngx_http_request_t *r,
    ngx_http_gateway_jwt_inquiry_t *inquiry);
static void ngx_http_gateway_jwt_inquiry_done(void *data, ngx_int_t rc,
    ngx_str_t *body, const char *why);
static gw_reason_e ngx_http_gateway_jwt_inquiry_read(
    ngx_http_gateway_jwt_inquiry_t *inquiry, ngx_str_t *body);
static void ngx_http_gateway_jwt_inquiry_keep(
    ngx_http_gateway_jwt_inquiry_t *inquiry);
static void ngx_http_gateway_jwt_inquiry_unref(
    ngx_http_gateway_jwt_inquiry_t *inquiry);
static void ngx_http_gateway_jwt_inquiry_free(
    ngx_http_gateway_jwt_inquiry_t *inquiry);


/*
 * of a worker; inquiries of all endpoints.  Each endpoint is a user of its own;
 * with very many, some share one.
 */

static ngx_http_gateway_detached_group_t  ngx_http_gateway_jwt_asks;
static ngx_http_gateway_detached_user_t  ngx_http_gateway_jwt_users[
                                                 NGX_HTTP_GATEWAY_JWT_USERS];
static gw_inactive_t  *ngx_http_gateway_jwt_inactive;
static uint64_t  ngx_http_gateway_jwt_asks_secret[2];
static ngx_queue_t  ngx_http_gateway_jwt_inquiries[
                                             NGX_HTTP_GATEWAY_JWT_BUCKETS];


gw_reason_e
ngx_http_gateway_jwt_inquire(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_endpoint_t *endpoint,
    ngx_http_gateway_jwt_said_t *said)
{
    gw_reason_e                      reason;
    ngx_http_gateway_jwt_inquiry_t  *inquiry;

    if (ngx_http_gateway_jwt_inquiries_init(r->connection->log) != NGX_OK) {
        return GW_FAILED;
    }

    inquiry = ngx_http_gateway_jwt_held(ctx, endpoint);

    if (inquiry == NULL) {
        reason = ngx_http_gateway_jwt_kept(endpoint, &ctx->text, said);

        if (reason != GW_WAITING) {
            return reason;
        }

        inquiry = ngx_http_gateway_jwt_running(endpoint, &ctx->text);
    }

    if (inquiry == NULL) {
        inquiry = ngx_http_gateway_jwt_inquiry_start(r, endpoint, &ctx->text);
    }

    if (inquiry == NULL) {
        return GW_INTROSPECTION_UNAVAILABLE;
    }

    if (inquiry->ask == NULL) {
        said->claims = inquiry->claims;
        said->body = inquiry->body;
        return inquiry->reason;
    }

    return (jlcf->mode == NGX_HTTP_GATEWAY_DRY_RUN)
           ? GW_INTROSPECTION_UNAVAILABLE
           : ngx_http_gateway_jwt_inquiry_wait(r, ctx, inquiry);
}


/*
 * When a worker asks for the first time: without a master process, there is no
 * other moment after a reload has added the directive.
 */

static ngx_int_t
ngx_http_gateway_jwt_inquiries_init(ngx_log_t *log)
{
    ngx_uint_t  i;

    if (ngx_http_gateway_jwt_inactive) {
        return NGX_OK;
    }

    if (RAND_bytes((u_char *) ngx_http_gateway_jwt_asks_secret,
                   sizeof(ngx_http_gateway_jwt_asks_secret))
        != 1)
    {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "gateway_jwt_introspect: RAND_bytes() failed");
        return NGX_ERROR;
    }

    ngx_http_gateway_jwt_inactive = gw_inactive_create(
                                            ngx_http_gateway_jwt_asks_secret);
    if (ngx_http_gateway_jwt_inactive == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_jwt_asks.max = NGX_HTTP_GATEWAY_JWT_INQUIRIES;
    ngx_http_gateway_jwt_asks.backlog = ngx_cycle->connection_n / 4;

    for (i = 0; i < NGX_HTTP_GATEWAY_JWT_USERS; i++) {
        ngx_http_gateway_jwt_users[i].name = NGX_HTTP_GATEWAY_JWT_ASKS;
        ngx_http_gateway_jwt_users[i].group = &ngx_http_gateway_jwt_asks;
        ngx_http_gateway_jwt_users[i].keep = 1;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_JWT_BUCKETS; i++) {
        ngx_queue_init(&ngx_http_gateway_jwt_inquiries[i]);
    }

    return NGX_OK;
}


/* an inquiry about ctx->text that the request has waited for */

static ngx_http_gateway_jwt_inquiry_t *
ngx_http_gateway_jwt_held(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_endpoint_t *endpoint)
{
    ngx_http_gateway_jwt_held_t  *held;

    for (held = ctx->asking ? ctx->asking->held : NULL; held; held = held->next)
    {
        if (held->inquiry->endpoint == endpoint
            && ngx_http_gateway_same(&held->inquiry->text, &ctx->text))
        {
            return held->inquiry;
        }
    }

    return NULL;
}


/* ms, of this worker; ngx_current_msec can have 32 bits, and wraps around */

static int64_t
ngx_http_gateway_jwt_now(void)
{
    static int64_t     now;
    static ngx_msec_t  last;

    now += (ngx_msec_t) (ngx_current_msec - last);
    last = ngx_current_msec;

    return now;
}


/* an earlier answer about the token; GW_WAITING: there is none */

static gw_reason_e
ngx_http_gateway_jwt_kept(const ngx_http_gateway_jwt_endpoint_t *endpoint,
    const ngx_str_t *text, ngx_http_gateway_jwt_said_t *said)
{
    uint64_t     number;
    gw_known_t  *known;

    if (endpoint->cache == 0) {
        return GW_WAITING;
    }

    number = endpoint->source->number;
    known = endpoint->jmcf->known
            ? gw_known_with(endpoint->jmcf->known, text->data, text->len,
                            &number, 1, ngx_http_gateway_jwt_now())
            : NULL;

    if (known) {
        said->claims = known->claims;
        said->body.data = (u_char *) known->jws.payload;
        said->body.len = known->jws.payload_len;
        return GW_OK;
    }

    return gw_inactive_has(ngx_http_gateway_jwt_inactive, number, text->data,
                           text->len, ngx_http_gateway_jwt_now())
           ? GW_TOKEN_INACTIVE : GW_WAITING;
}


/* --- waiting */


static gw_reason_e
ngx_http_gateway_jwt_inquiry_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    ngx_msec_int_t                  left;
    ngx_http_gateway_jwt_asking_t  *asking;

    if (ngx_http_gateway_jwt_hold(r, ctx, inquiry) != NGX_OK) {
        return GW_FAILED;
    }

    asking = ctx->asking;

    if (asking->location != r->loc_conf
        || asking->endpoint != inquiry->endpoint)
    {
        asking->location = r->loc_conf;
        asking->endpoint = inquiry->endpoint;
        asking->deadline = ngx_current_msec + inquiry->endpoint->timeout;
    }

    left = (ngx_msec_int_t) (asking->deadline - ngx_current_msec);

    if (left <= 0) {
        return GW_INTROSPECTION_UNAVAILABLE;
    }

    asking->word.word = &inquiry->ended;
    asking->word.seen = 0;
    asking->word.interval = NGX_HTTP_GATEWAY_JWT_POLL;
    asking->word.timeout = (ngx_msec_t) left;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: waiting for introspection at \"%V\", %M ms",
                   &inquiry->endpoint->source->shown, asking->word.timeout);

    return (ngx_http_gateway_word_wait(r, &asking->word) == NGX_AGAIN)
           ? GW_WAITING : GW_FAILED;
}


/* holds an inquiry until the end of the request */

static ngx_int_t
ngx_http_gateway_jwt_hold(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_gateway_jwt_held_t  *held;

    if (ctx->asking == NULL) {
        ctx->asking = ngx_pcalloc(r->pool,
                                  sizeof(ngx_http_gateway_jwt_asking_t));
        if (ctx->asking == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_gateway_jwt_held(ctx, inquiry->endpoint) == inquiry) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_jwt_held_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    held = cln->data;
    held->inquiry = inquiry;
    held->next = ctx->asking->held;

    cln->handler = ngx_http_gateway_jwt_held_cleanup;
    ctx->asking->held = held;
    inquiry->refs++;

    return NGX_OK;
}


static void
ngx_http_gateway_jwt_held_cleanup(void *data)
{
    ngx_http_gateway_jwt_held_t *held = data;

    ngx_http_gateway_jwt_inquiry_unref(held->inquiry);
}


/* --- inquiries */


/* with a secret, since clients could choose tokens of one bucket */

static ngx_queue_t *
ngx_http_gateway_jwt_bucket(const ngx_str_t *text)
{
    uint64_t  hash[2];

    gw_siphash(ngx_http_gateway_jwt_asks_secret, text->data, text->len, hash);

    return &ngx_http_gateway_jwt_inquiries[hash[0]
                                      & (NGX_HTTP_GATEWAY_JWT_BUCKETS - 1)];
}


/* NULL: none runs */

static ngx_http_gateway_jwt_inquiry_t *
ngx_http_gateway_jwt_running(const ngx_http_gateway_jwt_endpoint_t *endpoint,
    const ngx_str_t *text)
{
    ngx_queue_t                     *q, *bucket;
    ngx_http_gateway_jwt_inquiry_t  *inquiry;

    bucket = ngx_http_gateway_jwt_bucket(text);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        inquiry = ngx_queue_data(q, ngx_http_gateway_jwt_inquiry_t, queue);

        if (inquiry->endpoint == endpoint
            && ngx_http_gateway_same(&inquiry->text, text))
        {
            return inquiry;
        }
    }

    return NULL;
}


/* NULL: the question cannot be asked */

static ngx_http_gateway_jwt_inquiry_t *
ngx_http_gateway_jwt_inquiry_start(ngx_http_request_t *r,
    ngx_http_gateway_jwt_endpoint_t *endpoint, const ngx_str_t *text)
{
    ngx_http_gateway_jwt_inquiry_t  *inquiry;

    inquiry = ngx_calloc(sizeof(ngx_http_gateway_jwt_inquiry_t) + text->len,
                         r->connection->log);
    if (inquiry == NULL) {
        return NULL;
    }

    inquiry->endpoint = endpoint;
    inquiry->refs = 1;
    inquiry->text.len = text->len;
    inquiry->text.data = (u_char *) (inquiry + 1);
    ngx_memcpy(inquiry->text.data, text->data, text->len);

    if (ngx_http_gateway_jwt_inquiry_ask(r, inquiry) != NGX_OK) {
        ngx_http_gateway_jwt_endpoint_failed(endpoint,
                                  "no memory, or too many requests wait");
        ngx_free(inquiry);
        return NULL;
    }

    ngx_queue_insert_tail(ngx_http_gateway_jwt_bucket(text), &inquiry->queue);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: introspection at \"%V\"",
                   &endpoint->source->shown);

    return inquiry;
}


/* RFC 7662, 2.1 */

static ngx_int_t
ngx_http_gateway_jwt_inquiry_ask(ngx_http_request_t *r,
    ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    u_char                           *p;
    ngx_keyval_t                      fields[2];
    ngx_http_gateway_jwt_endpoint_t  *endpoint;
    ngx_http_gateway_jwt_question_t   question;

    static const ngx_str_t  token = ngx_string("token=");

    endpoint = inquiry->endpoint;

    ngx_memzero(&question, sizeof(ngx_http_gateway_jwt_question_t));

    question.content.len = token.len + gw_form_encode(NULL, inquiry->text.data,
                                                      inquiry->text.len);
    question.content.data = ngx_pnalloc(r->pool, question.content.len);
    if (question.content.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(question.content.data, token.data, token.len);
    (void) gw_form_encode(p, inquiry->text.data, inquiry->text.len);

    ngx_str_set(&fields[0].key, "Content-Type");
    ngx_str_set(&fields[0].value, "application/x-www-form-urlencoded");
    ngx_str_set(&fields[1].key, "Authorization");

    if (endpoint->secret) {
        fields[1].value = endpoint->secret->value;
    }

    question.cscf = endpoint->cscf;
    question.uri = endpoint->source->shown;
    ngx_str_set(&question.method, "POST");
    question.fields = fields;
    question.nfields = endpoint->secret ? 2 : 1;
    question.secret = 1;
    question.user = &ngx_http_gateway_jwt_users[
                             endpoint->index % NGX_HTTP_GATEWAY_JWT_USERS];
    question.timeout = endpoint->timeout;
    question.max_size = endpoint->max_size;
    question.insecure = endpoint->insecure;
    question.done = ngx_http_gateway_jwt_inquiry_done;
    question.data = inquiry;

    ngx_http_gateway_jwt_asks.fair = (endpoint->jmcf->nendpoints > 1);

    inquiry->ask = ngx_http_gateway_jwt_ask(&question);

    return inquiry->ask ? NGX_OK : NGX_ERROR;
}


/* waiting requests are resumed after it has returned */

static void
ngx_http_gateway_jwt_inquiry_done(void *data, ngx_int_t rc, ngx_str_t *body,
    const char *why)
{
    ngx_http_gateway_jwt_inquiry_t *inquiry = data;

    inquiry->ask = NULL;
    ngx_queue_remove(&inquiry->queue);

    if (rc == NGX_OK) {
        inquiry->reason = ngx_http_gateway_jwt_inquiry_read(inquiry, body);

    } else {
        inquiry->reason = GW_INTROSPECTION_UNAVAILABLE;

        if (rc == NGX_DECLINED) {
            ngx_http_gateway_jwt_endpoint_failed(inquiry->endpoint, why);
        }
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway jwt: introspection at \"%V\": %s",
                   &inquiry->endpoint->source->shown,
                   (inquiry->reason == GW_OK) ? "active"
                                        : gw_reason_word(inquiry->reason));

    inquiry->ended = 1;
    ngx_http_gateway_word_wake(&inquiry->ended);

    ngx_http_gateway_jwt_inquiry_unref(inquiry);
}


static gw_reason_e
ngx_http_gateway_jwt_inquiry_read(ngx_http_gateway_jwt_inquiry_t *inquiry,
    ngx_str_t *body)
{
    int                               active;
    char                              err[GW_INTROSPECT_ERR];
    gw_json_limit_t                   limit;
    ngx_http_gateway_jwt_endpoint_t  *endpoint;

    endpoint = inquiry->endpoint;

    limit.values = gw_jwt_max_values(endpoint->max_size);
    limit.names = &endpoint->jmcf->names;
    limit.flat = 0;

    if (gw_introspect_read(body->data, body->len, &limit, &inquiry->claims,
                           &active, err)
        != 0)
    {
        ngx_http_gateway_jwt_endpoint_failed(endpoint, err);
        return GW_INTROSPECTION_UNAVAILABLE;
    }

    ngx_http_gateway_jwt_endpoint_works(endpoint);

    if (!active && endpoint->cache) {
        gw_inactive_add(ngx_http_gateway_jwt_inactive,
                        endpoint->source->number, inquiry->text.data,
                        inquiry->text.len,
                        ngx_http_gateway_jwt_now()
                        + (int64_t) ngx_min(endpoint->cache,
                                            NGX_HTTP_GATEWAY_JWT_INACTIVE));
    }

    if (!active) {
        return GW_TOKEN_INACTIVE;
    }

    inquiry->body.data = ngx_alloc(body->len, ngx_cycle->log);
    if (inquiry->body.data == NULL) {
        return GW_FAILED;
    }

    inquiry->body.len = body->len;
    ngx_memcpy(inquiry->body.data, body->data, body->len);

    ngx_http_gateway_jwt_inquiry_keep(inquiry);

    return GW_OK;
}


/* for "cache=", but not longer than until "exp" */

static void
ngx_http_gateway_jwt_inquiry_keep(ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    double                            left;
    gw_jws_t                          jws;
    ngx_msec_t                        keep;
    const json_t                     *exp;
    ngx_http_gateway_jwt_endpoint_t  *endpoint;

    endpoint = inquiry->endpoint;
    keep = endpoint->cache;
    exp = json_object_get(inquiry->claims, "exp");

    if (exp) {
        left = (json_number_value(exp) - (double) ngx_time()) * 1000;
        keep = (left <= 0) ? 0 : (left < (double) keep) ? (ngx_msec_t) left
                                                        : keep;
    }

    if (keep == 0 || endpoint->jmcf->known == NULL) {
        return;
    }

    ngx_memzero(&jws, sizeof(gw_jws_t));

    jws.payload = inquiry->body.data;
    jws.payload_len = inquiry->body.len;

    (void) gw_known_add(endpoint->jmcf->known, &jws, inquiry->claims,
                        inquiry->text.data, inquiry->text.len,
                        endpoint->source->number,
                        ngx_http_gateway_jwt_now() + (int64_t) keep, NULL,
                        NULL);
}


/* cancels the question if nothing else holds the inquiry */

static void
ngx_http_gateway_jwt_inquiry_unref(ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    if (--inquiry->refs == 0) {
        ngx_http_gateway_jwt_inquiry_free(inquiry);
        return;
    }

    if (inquiry->refs == 1 && inquiry->ask) {
        ngx_http_gateway_jwt_ask_cancel(inquiry->ask);
        ngx_queue_remove(&inquiry->queue);
        ngx_http_gateway_jwt_inquiry_free(inquiry);
    }
}


static void
ngx_http_gateway_jwt_inquiry_free(ngx_http_gateway_jwt_inquiry_t *inquiry)
{
    json_decref(inquiry->claims);

    if (inquiry->body.data) {
        ngx_free(inquiry->body.data);
    }

    ngx_free(inquiry);
}
