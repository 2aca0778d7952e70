/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Watches the end of a request to an upstream server. nginx's upstream module
 * calls "finalize_request" before it applies error_page and
 * proxy_intercept_errors, and while the connection to the origin still exists.
 *
 * The function is replaced when the request selects its first server, and at
 * the latest when the header has arrived: "proxy_pass" with an address in a
 * variable selects no server.
 */

#include "ngx_http_gateway_cache_run.h"


/* an upstream block, and its original init function */

typedef struct {
    ngx_http_upstream_srv_conf_t       *block;
    ngx_http_upstream_init_peer_pt      init;
} ngx_http_gateway_cache_peer_t;


static ngx_int_t ngx_http_gateway_cache_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
static void ngx_http_gateway_cache_finalize(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_gateway_cache_ended(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_gateway_cache_received(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_int_t rc);
static ngx_uint_t ngx_http_gateway_cache_left(ngx_int_t rc);
static unsigned ngx_http_gateway_cache_failure(ngx_http_upstream_t *u,
    ngx_int_t rc);
static ngx_uint_t ngx_http_gateway_cache_cut(ngx_http_upstream_t *u);


ngx_int_t
ngx_http_gateway_cache_watch_init(ngx_conf_t *cf)
{
    ngx_uint_t                           i;
    ngx_http_gateway_cache_peer_t       *peer;
    ngx_http_upstream_srv_conf_t       **block;
    ngx_http_upstream_main_conf_t       *umcf;
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);
    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    if (umcf->upstreams.nelts == 0) {
        return NGX_OK;
    }

    cmcf->peers = ngx_array_create(cf->pool, umcf->upstreams.nelts,
                                   sizeof(ngx_http_gateway_cache_peer_t));
    if (cmcf->peers == NULL) {
        return NGX_ERROR;
    }

    block = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        peer = ngx_array_push(cmcf->peers);
        peer->block = block[i];
        peer->init = block[i]->peer.init;

        block[i]->peer.init = ngx_http_gateway_cache_peer;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_cache_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_uint_t                           i;
    ngx_http_gateway_cache_ctx_t        *ctx;
    ngx_http_gateway_cache_peer_t       *peer;
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_cache_module);
    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx && ctx->state == NGX_HTTP_GATEWAY_CACHE_ASK) {
        ngx_http_gateway_cache_watch(r, ctx);
    }

    peer = cmcf->peers->elts;

    for (i = 0; i < cmcf->peers->nelts; i++) {
        if (peer[i].block == us) {
            return peer[i].init(r, us);
        }
    }

    return NGX_ERROR;
}


void
ngx_http_gateway_cache_watch(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (ctx->upstream == u) {
        return;
    }

    ctx->upstream = u;
    ctx->finalize = u->finalize_request;
    u->finalize_request = ngx_http_gateway_cache_finalize;
}


static void
ngx_http_gateway_cache_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    switch (ctx->state) {

    case NGX_HTTP_GATEWAY_CACHE_ASK:
        ngx_http_gateway_cache_ended(r, ctx, rc);
        break;

    case NGX_HTTP_GATEWAY_CACHE_STORE:
        ngx_http_gateway_cache_received(r, ctx, rc);
        break;

    default:
        break;
    }

    ctx->finalize(r, rc);
}


/*
 * The origin has sent its whole response.  If it cannot be stored, the lock is
 * released here: the client may need a long time to receive it.
 */

static void
ngx_http_gateway_cache_received(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_int_t rc)
{
    if (!ctx->filling) {
        return;
    }

    if (rc != NGX_OK || ngx_http_gateway_cache_cut(ctx->upstream)) {
        ctx->reason = GW_CACHE_R_TRUNCATED;

    } else if (ctx->upstream->headers_in.trailers.part.nelts) {
        ctx->reason = GW_CACHE_R_TRAILERS;
        ngx_http_gateway_cache_outdated(ctx);

    } else {
        return;
    }

    if (ngx_http_gateway_cache_left(rc)) {
        ngx_http_gateway_cache_release(ctx);
        return;
    }

    ngx_http_gateway_cache_give_up(ctx);
}


/*
 * whether the client has ended the request: then a waiting request is forwarded
 */

static ngx_uint_t
ngx_http_gateway_cache_left(ngx_int_t rc)
{
    return rc == NGX_DONE
           || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST
           || rc == NGX_HTTP_REQUEST_TIME_OUT;
}


/*
 * the request ended without a header: the client has left, or the origin failed
 */

static void
ngx_http_gateway_cache_ended(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_int_t rc)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: upstream ended without a header, rc:%i", rc);

    if (ngx_http_gateway_cache_left(rc)) {
        ngx_http_gateway_cache_release(ctx);

    } else {
        ngx_http_gateway_cache_give_up(ctx);
    }

    ctx->reason = GW_CACHE_R_ORIGIN;

    /*
     * also after X-Accel-Redirect: another location needs the client's
     * conditions
     */

    if (ngx_http_gateway_cache_restore(r, ctx) != NGX_OK
        || rc < NGX_HTTP_SPECIAL_RESPONSE
        || ngx_http_gateway_cache_left(rc))
    {
        ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
        return;
    }

    ctx->failed = 1;

    if ((ngx_int_t) ctx->upstream->headers_in.status_n == rc) {
        ctx->answered = rc;
        ctx->error = gw_cache_stale_status(rc);

    } else {
        ctx->error = ngx_http_gateway_cache_failure(ctx->upstream, rc);
    }

    if (ngx_http_gateway_cache_on_error(ctx, ctx->error) == GW_CACHE_BYPASS) {
        ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;
        return;
    }

    /*
     * no error_page: the header filter replaces the response that nginx sends
     */

    r->error_page = 1;
}


/*
 * nginx uses the same status for a missing header and an invalid one.  After an
 * invalid header the connection is still open.
 */

static unsigned
ngx_http_gateway_cache_failure(ngx_http_upstream_t *u, ngx_int_t rc)
{
    ngx_connection_t  *c;

    if (rc != NGX_HTTP_BAD_GATEWAY) {
        return ngx_http_gateway_cache_error(rc);
    }

    c = u->peer.connection;

    return (c && u->buffer.last > u->buffer.start
            && !c->read->eof && !c->read->error)
           ? GW_CACHE_STALE_INVALID : GW_CACHE_STALE_ERROR;
}


/* over TLS, a body without a length is complete only after close_notify */

static ngx_uint_t
ngx_http_gateway_cache_cut(ngx_http_upstream_t *u)
{
#if (NGX_HTTP_SSL)
    ngx_connection_t  *c;

    c = u->peer.connection;

    return c && c->ssl && c->read->eof
           && u->headers_in.content_length_n == -1 && !u->headers_in.chunked
           && !ngx_http_gateway_cache_notified(c);
#else
    return 0;
#endif
}
