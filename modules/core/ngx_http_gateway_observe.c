/* SPDX-License-Identifier: BSD-2-Clause */

/* what core records of requests: see ngx_http_gateway_observe.h */

#include "ngx_http_gateway_observe.h"


static ngx_int_t ngx_http_gateway_observe_rewrite(ngx_http_request_t *r);
static uint64_t ngx_http_gateway_observe_since(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_observe_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_gateway_observe_shutdown(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_observe_failed(ngx_http_request_t *r);
static ngx_uint_t ngx_http_gateway_observe_cut(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);
static ngx_uint_t ngx_http_gateway_observe_variable(ngx_conf_t *cf);


ngx_str_t  ngx_http_gateway_end_words[] = {
    ngx_string("complete"),
    ngx_string("client_closed"),
    ngx_string("timeout"),
    ngx_string("shutdown"),
    ngx_string("closed"),
    ngx_string("upstream"),
    ngx_string("error")
};


static ngx_str_t  ngx_http_gateway_route_none = ngx_null_string;
static ngx_str_t  ngx_http_gateway_route_name = ngx_string("gateway_route");

static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;


/*
 * Runs before nginx's own handler of the phase, and again after each "rewrite
 * ... last".  The current location is then the one that the last rewrite has
 * chosen, unless there was an internal redirect.  This includes an error page
 * that was sent before REWRITE, possibly before there was a record.
 */

static ngx_int_t
ngx_http_gateway_observe_rewrite(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_main_conf_t  *gmcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gr->began == 0 && (gmcf->observes & NGX_HTTP_GATEWAY_OBSERVE_TIME)) {
        gr->before = ngx_http_gateway_observe_since(r);
        gr->began = ngx_http_gateway_clock();
    }

    if (gr->routed == NULL && (r->err_status || r->error_page)) {
        gr->redirected = 1;
    }

    if (!gr->redirected && gr->routed != r->loc_conf) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway route: \"%V\"",
                       ((ngx_http_gateway_loc_conf_t *)
                        ngx_http_get_module_loc_conf(r,
                                           ngx_http_gateway_module))->route);

        if (gmcf->routed) {
            gmcf->routed(gr->routed, r->loc_conf);
        }

        gr->routed = r->loc_conf;
    }

    return NGX_DECLINED;
}


void **
ngx_http_gateway_routed(ngx_http_request_t *r, ngx_http_gateway_request_t *gr)
{
    /* the request may be refused before it reaches REWRITE again */

    return (gr && gr->redirected) ? gr->routed : r->main->loc_conf;
}


ngx_str_t *
ngx_http_gateway_route(ngx_http_request_t *r, ngx_http_gateway_request_t *gr)
{
    void                         **loc_conf;
    ngx_http_gateway_loc_conf_t   *glcf;

    loc_conf = ngx_http_gateway_routed(r, gr);

    if (loc_conf == NULL) {
        return &ngx_http_gateway_route_none;
    }

    glcf = loc_conf[ngx_http_gateway_module.ctx_index];

    return glcf->route;
}


uint64_t
ngx_http_gateway_duration(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    uint64_t  duration;

    if (gr && gr->duration) {
        return gr->duration;
    }

    if (gr && gr->began) {
        duration = gr->before + ngx_http_gateway_clock() - gr->began;

    } else {
        duration = ngx_http_gateway_observe_since(r);
    }

    duration = ngx_max(duration, 1);

    if (gr) {
        gr->duration = duration;
    }

    return duration;
}


/* ns since the request was created, by nginx's clock, which can be set back */

static uint64_t
ngx_http_gateway_observe_since(ngx_http_request_t *r)
{
    int64_t      ms;
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    ms = (int64_t) (tp->sec - r->start_sec) * 1000
         + ((int64_t) tp->msec - (int64_t) r->start_msec);

    return (ms > 0) ? (uint64_t) ms * 1000000 : 0;
}


uint64_t
ngx_http_gateway_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/*
 * If an upstream response ends early, nginx sends no last buffer, but considers
 * the request complete.
 */

static ngx_int_t
ngx_http_gateway_observe_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                 *cl;
    ngx_http_gateway_request_t  *gr;

    for (cl = in; cl; cl = cl->next) {

        if (cl->buf->last_buf) {
            gr = ngx_http_gateway_request(r);

            if (gr) {
                gr->whole = 1;
            }
        }
    }

    return ngx_http_next_body_filter(r, in);
}


ngx_http_gateway_end_e
ngx_http_gateway_end(ngx_http_request_t *r, ngx_http_gateway_request_t *gr)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (!r->request_complete) {

        /* 444 also sets "timedout" */

        if (r->headers_out.status == NGX_HTTP_CLOSE && !r->header_sent) {
            return NGX_HTTP_GATEWAY_END_CLOSED;
        }

        if (c->timedout) {
            return NGX_HTTP_GATEWAY_END_TIMEOUT;
        }

        if (c->error && ngx_http_gateway_observe_shutdown(r)) {
            return NGX_HTTP_GATEWAY_END_SHUTDOWN;
        }

        if (c->error
            || r->headers_out.status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
        {
            return NGX_HTTP_GATEWAY_END_CLIENT_CLOSED;
        }
    }

    if (ngx_http_gateway_observe_failed(r)
        || ngx_http_gateway_observe_cut(r, gr))
    {
        return NGX_HTTP_GATEWAY_END_UPSTREAM;
    }

    return r->request_complete ? NGX_HTTP_GATEWAY_END_COMPLETE
                               : NGX_HTTP_GATEWAY_END_ERROR;
}


ngx_uint_t
ngx_http_gateway_incomplete(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    return !r->request_complete || ngx_http_gateway_observe_cut(r, gr);
}


/*
 * worker_shutdown_timeout sets both "close" and "error" of the connection.
 * HTTP/2 clears "close" again.  There, the sign is a failed connection of a
 * worker that shuts down, without an error of the client.
 */

static ngx_uint_t
ngx_http_gateway_observe_shutdown(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    if (r->stream) {
        c = r->stream->connection->connection;
        rev = c->read;

        return ngx_exiting && c->error && !c->write->error && !c->timedout
               && !(rev->eof || rev->pending_eof || rev->error);
    }
#endif

    return r->connection->close;
}


ngx_http_upstream_state_t *
ngx_http_gateway_last_try(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_upstream_state_t  *state;

    if (r->upstream_states == NULL) {
        return NULL;
    }

    state = r->upstream_states->elts;

    /* an element without a peer separates two rounds */

    for (i = r->upstream_states->nelts; i > 0; i--) {
        if (state[i - 1].peer) {
            return &state[i - 1];
        }
    }

    return NULL;
}


/* the server sent no header, and no cached response was sent instead */

static ngx_uint_t
ngx_http_gateway_observe_failed(ngx_http_request_t *r)
{
    ngx_http_upstream_state_t  *state;

#if (NGX_HTTP_CACHE)
    if (r->cached) {
        return 0;
    }
#endif

    state = ngx_http_gateway_last_try(r);

    return state && state->header_time == (ngx_msec_t) -1;
}


/* the response of an upstream server is incomplete */

static ngx_uint_t
ngx_http_gateway_observe_cut(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    return gr && !gr->whole && !r->header_only
           && ngx_http_gateway_last_try(r);
}


ngx_http_gateway_result_t *
ngx_http_gateway_result_add(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    ngx_http_gateway_result_t  *result;

    if (gr->results == NULL) {
        gr->results = ngx_array_create(r->pool, 2,
                                       sizeof(ngx_http_gateway_result_t));
        if (gr->results == NULL) {
            return NULL;
        }
    }

    result = ngx_array_push(gr->results);

    if (result) {
        ngx_memzero(result, sizeof(ngx_http_gateway_result_t));
    }

    return result;
}


ngx_int_t
ngx_http_gateway_observe(ngx_conf_t *cf, ngx_uint_t what)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "an observer of requests", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    gmcf->observes |= what;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_routes(ngx_conf_t *cf, ngx_http_gateway_routed_pt handler)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_gateway_registry(cf, "an observer of routes", 0);
    if (gmcf == NULL) {
        return NGX_ERROR;
    }

    if (gmcf->routed && gmcf->routed != handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "gateway: another observer of routes is already "
                           "registered");
        return NGX_ERROR;
    }

    gmcf->routed = handler;
    gmcf->observes |= NGX_HTTP_GATEWAY_OBSERVE_ROUTE;

    return NGX_OK;
}


ngx_uint_t
ngx_http_gateway_observed(ngx_conf_t *cf, ngx_uint_t what)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return (gmcf->observes & what) != 0;
}


/* the variable can be used in headers: replaces control characters */

static void
ngx_http_gateway_route_clean(ngx_str_t *written)
{
    u_char  *p;

    for (p = written->data; p < written->data + written->len; p++) {
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f) {
            *p = ' ';
        }
    }
}


/* of "location ~* \.png$" or "location ~*\.png$", before nginx changes them */

ngx_int_t
ngx_http_gateway_route_written(ngx_conf_t *cf, ngx_str_t *written)
{
    u_char     *p;
    size_t      modifier;
    ngx_str_t  *value, name;

    value = cf->args->elts;

    if (cf->args->nelts < 2
        || value[0].len != sizeof("location") - 1
        || ngx_strncmp(value[0].data, "location", value[0].len) != 0)
    {
        return NGX_OK;
    }

    if (cf->args->nelts > 2) {
        modifier = value[1].len;
        name = value[2];

    } else {
        name = value[1];

        /* "=", "~", "~*" or "^~", in nginx's order */

        modifier = (name.len && name.data[0] == '=') ? 1
                   : (name.len > 1 && name.data[0] == '^'
                      && name.data[1] == '~') ? 2
                   : (name.len && name.data[0] == '~')
                     ? 1 + (name.len > 1 && name.data[1] == '*')
                   : 0;

        name.len -= modifier;
        name.data += modifier;
    }

    written->data = ngx_pnalloc(cf->pool, modifier + 1 + name.len);
    if (written->data == NULL) {
        return NGX_ERROR;
    }

    p = written->data;

    if (modifier) {
        p = ngx_cpymem(p, value[1].data, modifier);
        *p++ = ' ';
    }

    p = ngx_cpymem(p, name.data, name.len);
    written->len = p - written->data;

    ngx_http_gateway_route_clean(written);

    return NGX_OK;
}


/* whether something reads $gateway_route */

static ngx_uint_t
ngx_http_gateway_observe_variable(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (ngx_http_gateway_same(&v[i].name, &ngx_http_gateway_route_name)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_observe_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (ngx_http_gateway_observe_variable(cf)) {
        gmcf->observes |= NGX_HTTP_GATEWAY_OBSERVE_ROUTE;
    }

    if (gmcf->observes
        & (NGX_HTTP_GATEWAY_OBSERVE_ROUTE|NGX_HTTP_GATEWAY_OBSERVE_TIME
           |NGX_HTTP_GATEWAY_OBSERVE_END))
    {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_observe_rewrite;
    }

    if (gmcf->observes & NGX_HTTP_GATEWAY_OBSERVE_END) {
        ngx_http_next_body_filter = ngx_http_top_body_filter;
        ngx_http_top_body_filter = ngx_http_gateway_observe_body;
    }

    return NGX_OK;
}
