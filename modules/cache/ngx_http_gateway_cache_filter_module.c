
/*
 * The filter of the response cache, before all others: it sees what the origin
 * has sent, and nothing that a filter adds.
 *
 * While a response is stored, its body is taken as fast as the origin sends it.
 * The client receives copies at its own speed: to nginx's upstream module, each
 * buffer is sent at once, and a connection that is always ready stands for the
 * client's.
 */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_cache_detach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static ngx_int_t ngx_http_gateway_cache_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_cache_store_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in);
static void ngx_http_gateway_cache_ready(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_attach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx);
static void ngx_http_gateway_cache_writer(ngx_http_request_t *r);
static ngx_buf_t *ngx_http_gateway_cache_copy(ngx_http_request_t *r,
    ngx_buf_t *b);
static void ngx_http_gateway_cache_keep(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_buf_t *b);
static ngx_int_t ngx_http_gateway_cache_pass_on(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *out);
static ngx_int_t ngx_http_gateway_cache_replace_body(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx, ngx_chain_t *in);
static ngx_int_t ngx_http_gateway_cache_filter_init(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_http_module_t  ngx_http_gateway_cache_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_gateway_cache_filter_init,    /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_cache_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cache_filter_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_cache_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->state != NGX_HTTP_GATEWAY_CACHE_SEND
        && ngx_http_gateway_cache_answer(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_gateway_cache_strip(r, ctx->conf->set.tags);

    if (ngx_http_gateway_cache_tell(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_next_header_filter(r);

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_STORE) {

        if (r->header_only || rc == NGX_ERROR) {
            ctx->muted = 1;
        }

        return ngx_http_gateway_cache_detach(r, ctx);
    }

    if (ctx->state == NGX_HTTP_GATEWAY_CACHE_REPLACE
        && r->header_only && rc != NGX_ERROR)
    {
        ctx->body = 0;
    }

    return rc;
}


/* from now on the client neither stops nor slows what the origin sends */

static ngx_int_t
ngx_http_gateway_cache_detach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    if (r == r->main) {
        r->header_only = 0;
        r->read_event_handler = ngx_http_block_reading;
    }

    ngx_http_gateway_cache_watch(r, ctx);

    return NGX_OK;
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
    ngx_event_t       *ev;
    ngx_connection_t  *c;

    if (ctx->downstream || r != r->main
        || r->upstream->peer.connection == NULL)
    {
        return;
    }

    c = ngx_pcalloc(r->pool, sizeof(ngx_connection_t)
                             + 2 * sizeof(ngx_event_t));
    if (c == NULL) {
        return;
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

    if (r->upstream->buffering && r->upstream->pipe) {
        r->upstream->pipe->downstream = c;
    }

    ctx->write_handler = r->write_event_handler;
    r->write_event_handler = ngx_http_gateway_cache_writer;
}


/* the rest of the body is not stored, and goes to the client as usual */

static void
ngx_http_gateway_cache_attach(ngx_http_request_t *r,
    ngx_http_gateway_cache_ctx_t *ctx)
{
    ctx->state = NGX_HTTP_GATEWAY_CACHE_PASS;

    if (ctx->downstream == NULL || r->upstream->peer.connection == NULL) {
        return;
    }

    if (r->upstream->buffering && r->upstream->pipe) {
        r->upstream->pipe->downstream = r->connection;
    }

    r->write_event_handler = ctx->write_handler;
}


/*
 * The upstream module may have set a timer, to end a response of which the
 * client takes nothing.  That begins when the response is stored.
 */

static void
ngx_http_gateway_cache_writer(ngx_http_request_t *r)
{
    ngx_event_t                   *wev;
    ngx_http_gateway_cache_ctx_t  *ctx;

    ctx = ngx_http_gateway_cache_ctx(r);
    wev = r->connection->write;

    wev->timedout = 0;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    (void) ngx_http_gateway_cache_pass_on(r, ctx, NULL);
}


/* a buffer of its own, the one of the upstream module is sent then */

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
    if (!ctx->filling) {
        return;
    }

    if (b->last > b->pos
        && !gw_cache_append(ctx->user, &ctx->fill, b->pos, b->last - b->pos,
                            ngx_http_gateway_cache_now()))
    {
        ctx->reason = GW_CACHE_R_TOO_LARGE;
        ngx_http_gateway_cache_give_up(ctx);
        ngx_http_gateway_cache_attach(r, ctx);
        return;
    }

    /* nginx marks the end of a subrequest otherwise */

    if (!b->last_buf && (r == r->main || !b->last_in_chain)) {
        return;
    }

    ctx->filling = 0;

    if (!gw_cache_commit(ctx->user, &ctx->fill)) {
        ctx->reason = GW_CACHE_R_TRUNCATED;
    }

    ngx_http_gateway_word_wake((ngx_atomic_t *) ctx->fill.watch);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway cache: stored");
}


/* a client that has left is no reason to end what is being stored */

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

        return NGX_OK;
    }

    c = r->connection;
    rc = ngx_http_next_body_filter(r, out);

    if (rc == NGX_ERROR && ctx->filling) {
        ctx->muted = 1;
        return NGX_OK;
    }

    if (rc != NGX_ERROR && ctx->filling && r == r->main
        && ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


/* the body at hand is passed over, the stored one sent */

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


static ngx_int_t
ngx_http_gateway_cache_filter_init(ngx_conf_t *cf)
{
    if (ngx_http_gateway_cache_watch_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_cache_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_cache_body_filter;

    return NGX_OK;
}
