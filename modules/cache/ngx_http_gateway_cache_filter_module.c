/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The filter of the response cache.  It runs before all others: it sees what
 * the origin has sent, and nothing that a filter adds.
 *
 * While a response is stored, its body is read as fast as the origin sends it.
 * The client receives copies at its own speed.  For nginx's upstream module
 * each buffer is sent at once: a connection that is always ready replaces the
 * client's.
 *
 * If a response cannot be sent to the client, its connection is marked as
 * failed and closed: otherwise the client would take the next response for the
 * rest of this one.
 */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cache_error_filter(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_detach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_input(void *data);
static ngx_int_t ngx_http_gateway_cache_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_cache_store_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in);
static void ngx_http_gateway_cache_ready(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_downstream(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_attach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_writer(ngx_http_request_t *r);
static ngx_buf_t *ngx_http_gateway_cache_copy(ngx_http_request_t *r,
    ngx_buf_t *b);
static void ngx_http_gateway_cache_keep(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_buf_t *b);
static gw_cache_reason_e ngx_http_gateway_cache_no_room(
    ngx_http_gateway_cache_ctx_t *ctx, size_t size);
static ngx_int_t ngx_http_gateway_cache_pass_on(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *out);
static void ngx_http_gateway_cache_mute(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_enough(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cache_replace_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_cache_filter_init(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_http_gateway_bare_module(ngx_http_gateway_cache_filter_module,
                             ngx_http_gateway_cache_filter_init);


static ngx_int_t
ngx_http_gateway_cache_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (r->filter_finalize) {
        return ngx_http_gateway_cache_error_filter(r, ctx);
    }

    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_SEND
        && ngx_http_gateway_cache_answer(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_cache_strip(r, ctx->conf->set.tags);

    if (ngx_http_gateway_cache_status_out(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_next_header_filter(r);

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_STORE) {

        if (rc == NGX_ERROR) {
            ngx_http_gateway_cache_mute(r, ctx);

        } else if (r->header_only) {
            ctx->muted = 1;
        }

        ngx_http_gateway_cache_detach(r, ctx);

        return NGX_OK;
    }

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_REPLACE
        && r->header_only && rc != NGX_ERROR)
    {
        ctx->body = 0;
    }

    return rc;
}


/*
 * Another filter has replaced the response by an error, with
 * ngx_http_filter_finalize_request(), while it filtered the header or the body.
 */

static ngx_int_t
ngx_http_gateway_cache_error_filter(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->filling) {
        ctx->reason = GW_CACHE_R_NO_UPSTREAM;
        ngx_http_gateway_cache_release(ctx);
    }

    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    return ngx_http_next_header_filter(r);
}


/*
 * From now on the client neither slows down the origin nor stops it at once.
 * As long as the body of its request is forwarded, nginx's handler stays in
 * place.
 */

static void
ngx_http_gateway_cache_detach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    ngx_http_gateway_cache_watch(r, ctx);

    if (r != r->main) {
        return;
    }

    u = r->upstream;

    r->header_only = 0;

    if (u->request_body_sent) {
        ngx_http_gateway_cache_attend(r, ctx);
    }

    if (u->buffering && u->pipe && u->pipe->input_ctx == r
        && u->input_filter_init)
    {
        ctx->input = u->input_filter_init;
        u->input_filter_init = ngx_http_gateway_cache_input;
    }
}


/* nginx has made the pipe, and checks next whether the client is ready */

static ngx_int_t
ngx_http_gateway_cache_input(void *data)
{
    ngx_http_request_t *r = data;

    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_STORE
        && ngx_http_gateway_cache_downstream(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ctx->input(data);
}


static ngx_int_t
ngx_http_gateway_cache_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    switch (ctx->state) {

    case NGX_HTTP_GATEWAY_CACHE_STORE:
        return ngx_http_gateway_cache_store_body(r, ctx, in);

    case NGX_HTTP_GATEWAY_CACHE_REPLACE:
        return ngx_http_gateway_cache_replace_body(r, ctx, in);

    default:
        return ctx->muted ? ngx_http_gateway_cache_pass_on(r, ctx, in)
                          : ngx_http_next_body_filter(r, in);
    }
}


static ngx_int_t
ngx_http_gateway_cache_store_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *out, **ll;

    ngx_http_gateway_cache_ready(r, ctx);

    out = NULL;
    ll = &out;

    for ( /* void */ ; in; in = in->next) {

        b = ngx_http_gateway_cache_copy(r, in->buf);
        if (b == NULL) {
            return NGX_ERROR;
        }

        ngx_http_gateway_cache_keep(r, ctx, b);

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }

        cl->buf = b;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;
    }

    return ngx_http_gateway_cache_pass_on(r, ctx, out);
}


/* nginx sets its handlers after the header was sent */

static void
ngx_http_gateway_cache_ready(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (ctx->write_handler || r != r->main
        || r->upstream->peer.connection == NULL
        || ngx_http_gateway_cache_downstream(r, ctx) != NGX_OK)
    {
        return;
    }

    ctx->write_handler = r->write_event_handler;
    r->write_event_handler = ngx_http_gateway_cache_writer;
}


/*
 * Replaces the client's connection for nginx's pipe.  Without buffering there
 * is no pipe.  NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_http_gateway_cache_downstream(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ngx_event_t          *ev;
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (ctx->downstream || !u->buffering || u->pipe == NULL) {
        return NGX_OK;
    }

    c = ngx_pcalloc(r->pool, sizeof(ngx_connection_t)
                             + 2 * sizeof(ngx_event_t));
    if (c == NULL) {
        return NGX_ERROR;
    }

    ev = (ngx_event_t *) &c[1];

    c->fd = (ngx_socket_t) -1;
    c->data = r;
    c->log = r->connection->log;
    c->read = &ev[0];
    c->write = &ev[1];
    ev[0].data = c;
    ev[0].log = c->log;
    ev[1].data = c;
    ev[1].log = c->log;
    ev[1].write = 1;
    ev[1].ready = 1;

    ctx->downstream = c;
    u->pipe->downstream = c;

    return NGX_OK;
}


/* the rest of the body is not stored: reconnects the pipe with the client */

static void
ngx_http_gateway_cache_attach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    if (ctx->downstream && r->upstream->peer.connection) {
        r->upstream->pipe->downstream = r->connection;
    }
}


/*
 * Called if the client can receive more, or after a thread operation of nginx.
 * nginx does not know of the copies, and would send them only with the next
 * buffers.  The upstream module may have set a timer that ends a response of
 * which the client receives nothing; it does not apply while the response is
 * stored.
 */

static void
ngx_http_gateway_cache_writer(ngx_http_request_t *r)
{
    ngx_event_t                   *wev;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);
    wev = r->connection->write;

    if (ctx->filling) {
        wev->timedout = 0;

        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }
    }

    if (!wev->timedout && !wev->delayed) {
        (void) ngx_http_gateway_cache_pass_on(r, ctx, NULL);
    }

    if (r->upstream->peer.connection) {
        ctx->write_handler(r);
    }
}


/* copies a buffer, so that the upstream module can reuse its own */

static ngx_buf_t *
ngx_http_gateway_cache_copy(ngx_http_request_t *r, ngx_buf_t *b)
{
    off_t       size;
    ssize_t     n;
    ngx_buf_t  *copy;

    size = ngx_buf_size(b);

    copy = size ? ngx_create_temp_buf(r->pool, size) : ngx_calloc_buf(r->pool);
    if (copy == NULL) {
        return NULL;
    }

    if (size && ngx_buf_in_memory(b)) {
        copy->last = ngx_cpymem(copy->last, b->pos, size);
        b->pos = b->last;

    } else if (size) {
        n = ngx_read_file(b->file, copy->last, size, b->file_pos);

        if (n != (ssize_t) size) {
            return NULL;
        }

        copy->last += n;
    }

    b->file_pos = b->file_last;

    copy->flush = b->flush;
    copy->last_buf = b->last_buf;
    copy->last_in_chain = b->last_in_chain;
    copy->sync = (size == 0);

    return copy;
}


static void
ngx_http_gateway_cache_keep(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_buf_t *b)
{
    gw_cache_reason_e  reason;

    if (!ctx->filling) {
        return;
    }

    reason = ngx_http_gateway_cache_no_room(ctx, b->last - b->pos);

    if (b->last > b->pos
        && !gw_cache_append(ctx->user, &ctx->fill, b->pos, b->last - b->pos,
                            ngx_http_gateway_cache_now()))
    {
        ctx->reason = reason;
        ngx_http_gateway_cache_outdated(ctx);
        ngx_http_gateway_cache_give_up(ctx);
        ngx_http_gateway_cache_attach(r, ctx);
        return;
    }

    /* nginx marks the end of a subrequest with last_in_chain */

    if (!b->last_buf && (r == r->main || !b->last_in_chain)) {
        return;
    }

    ctx->filling = 0;

    if (!gw_cache_commit(ctx->user, &ctx->fill)) {
        ctx->reason = GW_CACHE_R_TRUNCATED;
    }

    ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: end of body, reason:\"%s\"",
                   gw_cache_reason_word(ctx->reason).data);
}


/* the reason if "size" more bytes cannot be stored */

static gw_cache_reason_e
ngx_http_gateway_cache_no_room(ngx_http_gateway_cache_ctx_t *ctx, size_t size)
{
    return (ctx->fill.length + size > ctx->conf->policy.max_object)
           ? GW_CACHE_R_TOO_LARGE : GW_CACHE_R_FULL;
}


/* an error of the client's connection does not end storing */

static ngx_int_t
ngx_http_gateway_cache_pass_on(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *out)
{
    ngx_int_t         rc;
    ngx_chain_t      *cl;
    ngx_connection_t *c;

    if (ctx->muted) {

        for (cl = out; cl; cl = cl->next) {
            cl->buf->pos = cl->buf->last;
            cl->buf->file_pos = cl->buf->file_last;
        }

        return ctx->filling ? NGX_OK : ngx_http_gateway_cache_enough(r);
    }

    c = r->connection;
    rc = ngx_http_next_body_filter(r, out);

    if (rc == NGX_ERROR && ctx->filling) {
        ngx_http_gateway_cache_mute(r, ctx);
        return NGX_OK;
    }

    if (rc != NGX_ERROR && ctx->filling && r == r->main
        && ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


/* the response is stored, but cannot be sent to this client */

static void
ngx_http_gateway_cache_mute(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->muted = 1;
    r->connection->error = 1;
    ngx_http_gateway_cache_abandon(r, ctx);
}


/*
 * Stops reading the body, which is not needed.  A client that has received a
 * 304 keeps its connection.  The connection to the origin is closed, because it
 * contains the rest of the body.
 */

static ngx_int_t
ngx_http_gateway_cache_enough(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    if (r->connection->error) {
        return NGX_ERROR;
    }

    u = r->upstream;

    if (u == NULL || u->peer.connection == NULL) {
        return NGX_OK;
    }

    u->keepalive = 0;
    u->length = 0;

    if (u->buffering && u->pipe) {
        u->pipe->upstream_done = 1;
    }

    return NGX_OK;
}


/* skips the current body, and sends the stored one */

static ngx_int_t
ngx_http_gateway_cache_replace_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in)
{
    ngx_chain_t  *cl, *out;

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (!ctx->body) {
        return in ? NGX_OK : ngx_http_next_body_filter(r, NULL);
    }

    if (ngx_http_gateway_cache_body(r, ctx, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_body_filter(r, out);
}


/* without a zone no location has a cache */

static ngx_int_t
ngx_http_gateway_cache_filter_init(ngx_conf_t *cf)
{
    ngx_http_gateway_cache_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);

    if (cmcf->zones.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_http_gateway_cache_watch_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_cache_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_cache_body_filter;

    return NGX_OK;
}
