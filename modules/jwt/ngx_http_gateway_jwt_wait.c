/* SPDX-License-Identifier: BSD-2-Clause */

/* Requests that wait for keys: see ngx_http_gateway_jwt_wait.h */

#include "ngx_http_gateway_jwt_wait.h"
#include "ngx_http_gateway_word.h"
#include "gw_fetch.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_JWT_PLACES  64     /* different "kid" */
#define NGX_HTTP_GATEWAY_JWT_LOOK    25     /* ms */


/* a "kid" of a source that requests of this worker wait for */

typedef struct {
    uint64_t                            hash[2];
    ngx_uint_t                          n;          /* requests; 0: free */
} ngx_http_gateway_jwt_place_t;


/* when the request first missed a key of a set */

typedef struct ngx_http_gateway_jwt_arrival_s  ngx_http_gateway_jwt_arrival_t;

struct ngx_http_gateway_jwt_arrival_s {
    const ngx_http_gateway_jwt_remote_t  *remote;
    ngx_atomic_uint_t                     begun;    /* fetches until then */
    ngx_http_gateway_jwt_arrival_t       *next;
};


/* of a request, kept during internal redirects */

typedef struct ngx_http_gateway_jwt_wait_s  ngx_http_gateway_jwt_wait_t;

struct ngx_http_gateway_jwt_wait_s {
    ngx_http_gateway_word_t             word;
    ngx_http_gateway_jwt_place_t       *place;      /* NULL: not parked */
    ngx_msec_t                          since;      /* parked */
    ngx_msec_t                          waited;     /* in all, before "since" */
    ngx_http_gateway_jwt_arrival_t     *arrivals;
};


static ngx_uint_t ngx_http_gateway_jwt_new_key(
    const ngx_http_gateway_jwt_source_t *source, const gw_jws_t *jws,
    const gw_jws_tries_t *tries, gw_reason_e reason);
static ngx_int_t ngx_http_gateway_jwt_renew(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_remote_t *remote);
static ngx_http_gateway_jwt_arrival_t *ngx_http_gateway_jwt_arrival(
    const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_remote_t *remote);
static ngx_int_t ngx_http_gateway_jwt_arrive(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_remote_t *remote);
static ngx_uint_t ngx_http_gateway_jwt_park(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_remote_t *remote,
    gw_reason_e *reason);
static ngx_http_gateway_jwt_place_t *ngx_http_gateway_jwt_take_place(
    const ngx_http_gateway_jwt_source_t *source, const gw_jws_t *jws);
static void ngx_http_gateway_jwt_leave_place(void *data);
static ngx_uint_t ngx_http_gateway_jwt_failing(
    const ngx_http_gateway_jwt_remote_t *remote);
static ngx_uint_t ngx_http_gateway_jwt_retry_after(
    const ngx_http_gateway_jwt_remote_t *remote);


/* of this worker */
static ngx_http_gateway_jwt_place_t
    ngx_http_gateway_jwt_places[NGX_HTTP_GATEWAY_JWT_PLACES];
static ngx_uint_t  ngx_http_gateway_jwt_parked;


ngx_uint_t
ngx_http_gateway_jwt_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t *const *sources, size_t n,
    const gw_jws_tries_t *tries, gw_reason_e *reason)
{
    size_t                          i;
    ngx_int_t                       rc;
    ngx_http_gateway_jwt_remote_t  *running, *away;

    running = NULL;
    away = NULL;

    for (i = 0; i < n; i++) {

        if (!ngx_http_gateway_jwt_new_key(sources[i], &ctx->token->jws, tries,
                                          *reason))
        {
            continue;
        }

        rc = ngx_http_gateway_jwt_renew(r, ctx, sources[i]->remote);

        if (rc == NGX_ERROR) {
            *reason = GW_FAILED;
            return 0;
        }

        if (rc == NGX_BUSY) {
            return 1;
        }

        if (rc == NGX_AGAIN && running == NULL) {
            running = sources[i]->remote;
        }

        if (sources[i]->set == NULL
            || (jlcf->mode != NGX_HTTP_GATEWAY_DRY_RUN
                && ngx_http_gateway_jwt_failing(sources[i]->remote)))
        {
            away = sources[i]->remote;
        }
    }

    if (running && jlcf->mode != NGX_HTTP_GATEWAY_DRY_RUN) {
        return ngx_http_gateway_jwt_park(r, ctx, running, reason);
    }

    if (away) {
        *reason = ngx_http_gateway_jwt_unavailable(ctx, GW_KEYS_UNAVAILABLE,
                                       ngx_http_gateway_jwt_retry_after(away));
    }

    return 0;
}


/* whether a fetch of the source may bring the key of a token that has failed */

static ngx_uint_t
ngx_http_gateway_jwt_new_key(const ngx_http_gateway_jwt_source_t *source,
    const gw_jws_t *jws, const gw_jws_tries_t *tries, gw_reason_e reason)
{
    if (source->kind != NGX_HTTP_GATEWAY_JWT_REQUEST || reason == GW_FAILED) {
        return 0;
    }

    /* a set that is not in force is never fetched */

    if (source->set == NULL) {
        return source->remote->sh != NULL;
    }

    if (jws->kid) {
        return !tries->exact;
    }

    return reason == GW_UNKNOWN_KEY || reason == GW_BAD_SIGNATURE
           || reason == GW_KEY_MISMATCH;
}


/*
 * Starts a fetch if it is due.  NGX_AGAIN: a fetch runs, here or in another
 * worker.  NGX_DECLINED: the keys are as new as they can be.  NGX_BUSY: a fetch
 * has ended since the keys were brought up to date, perhaps in this call.
 * NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_http_gateway_jwt_renew(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_arrival_t     *arrival;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (sh->ended != remote->seen) {
        return NGX_BUSY;
    }

    /* the key of a longer "kid" would be left out */

    if (ctx->token->jws.kid_len > GW_JWK_MAX_KID) {
        return NGX_DECLINED;
    }

    arrival = ngx_http_gateway_jwt_arrival(ctx, remote);

    /* a fetch has ended that began after the request arrived */

    if (arrival && (ngx_atomic_int_t) (remote->seen - arrival->begun) > 0) {
        return NGX_DECLINED;
    }

    if (sh->begun == remote->seen
        && !ngx_http_gateway_jwt_remote_allowed(remote))
    {
        return NGX_DECLINED;
    }

    if (arrival == NULL
        && ngx_http_gateway_jwt_arrive(r, ctx, remote) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* has no effect if one runs, or if another worker is about to start it */

    ngx_http_gateway_jwt_remote_fetch(remote);

    return (sh->ended == remote->seen) ? NGX_AGAIN : NGX_BUSY;
}


static ngx_http_gateway_jwt_arrival_t *
ngx_http_gateway_jwt_arrival(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_arrival_t  *arrival;

    arrival = ctx->wait ? ctx->wait->arrivals : NULL;

    while (arrival && arrival->remote != remote) {
        arrival = arrival->next;
    }

    return arrival;
}


static ngx_int_t
ngx_http_gateway_jwt_arrive(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_gateway_jwt_arrival_t  *arrival;

    if (ctx->wait == NULL) {
        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_gateway_jwt_wait_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(cln->data, sizeof(ngx_http_gateway_jwt_wait_t));

        cln->handler = ngx_http_gateway_jwt_leave_place;
        ctx->wait = cln->data;
    }

    arrival = ngx_palloc(r->pool, sizeof(ngx_http_gateway_jwt_arrival_t));
    if (arrival == NULL) {
        return NGX_ERROR;
    }

    arrival->remote = remote;
    arrival->begun = remote->sh->begun;
    arrival->next = ctx->wait->arrivals;
    ctx->wait->arrivals = arrival;

    return NGX_OK;
}


/* as ngx_http_gateway_jwt_wait() */

static ngx_uint_t
ngx_http_gateway_jwt_park(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, ngx_http_gateway_jwt_remote_t *remote,
    gw_reason_e *reason)
{
    ngx_int_t                     rc;
    ngx_http_gateway_jwt_wait_t  *wait;

    wait = ctx->wait;

    if (wait->waited < remote->timeout) {
        wait->place = ngx_http_gateway_jwt_take_place(remote->source,
                                                      &ctx->token->jws);
    }

    if (wait->place == NULL) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: no place to wait for keys, waited:%M, "
                       "requests:%ui", wait->waited,
                       ngx_http_gateway_jwt_parked);

        *reason = ngx_http_gateway_jwt_unavailable(ctx, GW_KEYS_UNAVAILABLE,
                                                   1);
        return 0;
    }

    ngx_http_gateway_jwt_remote_attend(remote);

    wait->since = ngx_current_msec;

    wait->word.word = &remote->sh->ended;
    wait->word.seen = remote->seen;
    wait->word.interval = NGX_HTTP_GATEWAY_JWT_LOOK;
    wait->word.timeout = remote->timeout - wait->waited;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: waiting for the keys of \"%V\", timeout:%M",
                   &remote->uri, wait->word.timeout);

    rc = ngx_http_gateway_word_wait(r, &wait->word);

    if (rc == NGX_AGAIN) {
        *reason = GW_WAITING;
        return 0;
    }

    ngx_http_gateway_jwt_leave_place(wait);

    if (rc == NGX_ERROR) {
        *reason = GW_FAILED;
        return 0;
    }

    return 1;
}


/* NULL: the worker waits for too many different "kid", or requests */

static ngx_http_gateway_jwt_place_t *
ngx_http_gateway_jwt_take_place(const ngx_http_gateway_jwt_source_t *source,
    const gw_jws_t *jws)
{
    uint64_t                       hash[2], secret[2];
    ngx_http_gateway_jwt_place_t  *place, *last, *found;

    if (ngx_http_gateway_jwt_parked >= ngx_max(ngx_cycle->connection_n / 4, 1))
    {
        return NULL;
    }

    /* the same "kid" of another source is another one */

    secret[0] = (uintptr_t) source;
    secret[1] = 0;

    gw_siphash(secret, jws->kid, jws->kid_len, hash);

    found = NULL;
    last = ngx_http_gateway_jwt_places + NGX_HTTP_GATEWAY_JWT_PLACES;

    for (place = ngx_http_gateway_jwt_places; place < last; place++) {

        if (place->n == 0) {
            found = found ? found : place;

        } else if (place->hash[0] == hash[0] && place->hash[1] == hash[1]) {
            found = place;
            break;
        }
    }

    if (found) {
        found->hash[0] = hash[0];
        found->hash[1] = hash[1];
        found->n++;

        ngx_http_gateway_jwt_parked++;
    }

    return found;
}


void
ngx_http_gateway_jwt_leave(ngx_http_gateway_jwt_ctx_t *ctx)
{
    if (ctx->wait && ctx->wait->place) {
        ctx->wait->waited += ngx_current_msec - ctx->wait->since;
        ngx_http_gateway_jwt_leave_place(ctx->wait);
    }
}


/* called directly, or as a cleanup of the request's pool */

static void
ngx_http_gateway_jwt_leave_place(void *data)
{
    ngx_http_gateway_jwt_wait_t *wait = data;

    if (wait->place) {
        wait->place->n--;
        wait->place = NULL;
        ngx_http_gateway_jwt_parked--;
    }
}


/*
 * Whether the last fetch that has ended has failed, or was ended by its worker
 * to shut down.  One that runs has no result yet.
 */

static ngx_uint_t
ngx_http_gateway_jwt_failing(const ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_atomic_uint_t                         started, succeeded;
    const ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (sh->failures || sh->begun != sh->ended) {
        return sh->failures != 0;
    }

    started = sh->started;
    succeeded = sh->succeeded;

    return started && (succeeded == 0
                       || (ngx_atomic_int_t) (succeeded - started) < 0);
}


static ngx_uint_t
ngx_http_gateway_jwt_retry_after(const ngx_http_gateway_jwt_remote_t *remote)
{
    uint64_t  left;

    if (remote->sh->begun != remote->sh->ended) {
        return 1;
    }

    left = gw_fetch_left(ngx_current_msec, remote->sh->next);

    return left ? (left + 999) / 1000 : 1;
}
