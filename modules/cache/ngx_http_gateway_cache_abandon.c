/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Clients that leave while their response is stored.  Other requests wait for
 * the response no longer than the timeout of gateway_cache_lock, so storing
 * continues for that time.  A worker that quits stops storing.
 */

#include "ngx_http_gateway_cache_run.h"


#define NGX_HTTP_GATEWAY_CACHE_ALONE  100   /* ms; checks of ngx_exiting */


static void ngx_http_gateway_cache_reader(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_cache_gone(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_cache_goes_on(ngx_http_upstream_t *u);
static void ngx_http_gateway_cache_alone(ngx_event_t *ev);


void
ngx_http_gateway_cache_attend(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ngx_http_gateway_cache_goes_on(r->upstream)) {
        r->read_event_handler = ngx_http_block_reading;
        return;
    }

    ctx->read_handler = r->read_event_handler;
    r->read_event_handler = ngx_http_gateway_cache_reader;
}


static void
ngx_http_gateway_cache_reader(ngx_http_request_t *r)
{
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    if (!ctx->filling && r->upstream->peer.connection) {
        ctx->read_handler(r);
        return;
    }

    if (ngx_http_gateway_cache_gone(r)) {
        ngx_http_gateway_cache_abandon(r, ctx);
    }

    ngx_http_block_reading(r);
}


/*
 * like nginx, treats a client that has closed its half of the connection as
 * gone
 */

static ngx_uint_t
ngx_http_gateway_cache_gone(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->error || c->read->pending_eof) {
        return 1;
    }

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return 0;
    }

    n = recv(c->fd, buf, 1, MSG_PEEK);

    return n == 0 || (n == -1 && ngx_socket_errno != NGX_EAGAIN);
}


void
ngx_http_gateway_cache_abandon(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_event_t  *ev;

    if (!ctx->filling || r != r->main || ctx->left.handler
        || ngx_http_gateway_cache_goes_on(r->upstream))
    {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: client left, storing continues, timeout:%M",
                   ctx->conf->set.lock->timeout);

    ctx->deadline = ngx_current_msec + ctx->conf->set.lock->timeout;

    ev = &ctx->left;
    ev->handler = ngx_http_gateway_cache_alone;
    ev->data = r;
    ev->log = r->connection->log;

    ngx_add_timer(ev, ngx_min(ctx->conf->set.lock->timeout,
                              NGX_HTTP_GATEWAY_CACHE_ALONE));
}


/* whether nginx itself reads the response to its end */

static ngx_uint_t
ngx_http_gateway_cache_goes_on(ngx_http_upstream_t *u)
{
    return u->conf->ignore_client_abort || u->store;
}


static void
ngx_http_gateway_cache_alone(ngx_event_t *ev)
{
    ngx_msec_int_t                 rest;
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_gateway_cache_ctx_t  *ctx;

    r = ev->data;
    c = r->connection;
    ctx = ngx_http_gateway_cache_ctx(r);
    rest = (ngx_msec_int_t) (ctx->deadline - ngx_current_msec);

    if (ctx->filling && rest > 0 && !ngx_exiting) {
        ngx_add_timer(ev, ngx_min(rest, NGX_HTTP_GATEWAY_CACHE_ALONE));
        return;
    }

    if (ctx->filling) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client prematurely closed connection, "
                      "so its response is not stored");

        /* as nginx terminates a request, including its upstream */

        c->error = 1;
        r->main->count++;
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else if (ctx->read_handler && r->upstream->peer.connection) {

        /*
         * nothing is stored any more: nginx handles the client as without the
         * cache
         */

        ctx->read_handler(r);
    }

    ngx_http_run_posted_requests(c);
}
