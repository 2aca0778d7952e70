/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Creating detached requests: what both ways have in common, and the one from a
 * server block.  The parameters are copied, since the creator may no longer
 * exist when the request runs.
 */

#include "ngx_http_gateway_detached_private.h"


static u_char *ngx_http_gateway_detached_log_error(ngx_log_t *log,
    u_char *buf, size_t len);


static struct {
    ngx_str_t     name;
    ngx_uint_t    method;
} ngx_http_gateway_detached_methods[] = {
    { ngx_string("GET"), NGX_HTTP_GET },
    { ngx_string("HEAD"), NGX_HTTP_HEAD },
    { ngx_string("POST"), NGX_HTTP_POST },
    { ngx_string("PUT"), NGX_HTTP_PUT },
    { ngx_string("DELETE"), NGX_HTTP_DELETE },
    { ngx_string("OPTIONS"), NGX_HTTP_OPTIONS },
    { ngx_string("PATCH"), NGX_HTTP_PATCH },
    { ngx_null_string, NGX_HTTP_UNKNOWN }
};


ngx_int_t
ngx_http_gateway_detached_str(ngx_pool_t *pool, ngx_str_t *to,
    const ngx_str_t *from)
{
    ngx_str_t  s;

    s = *from;

    if (s.len) {
        s.data = ngx_pstrdup(pool, &s);
        if (s.data == NULL) {
            return NGX_ERROR;
        }
    }

    *to = s;

    return NGX_OK;
}


/*
 * nginx uses the log until the connection's pool is destroyed, after "end", so
 * that the messages cannot be stored in the memory of the request's owner.
 */

static ngx_int_t
ngx_http_gateway_detached_store(ngx_http_gateway_detached_t *d)
{
    d->capture = ngx_palloc(d->pool, sizeof(ngx_http_gateway_capture_t));
    if (d->capture == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_capture_init(d->capture, d->owner);

    if (d->conf.secret) {
        d->capture->log.log_level = NGX_LOG_INFO;
    }

    d->log = &d->capture->log;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_detached_log(ngx_http_gateway_detached_t *d,
    const ngx_log_t *from)
{
    ngx_log_t           *log;
    ngx_http_log_ctx_t  *ctx;

    log = ngx_palloc(d->pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(d->pool, sizeof(ngx_http_log_ctx_t));

    if (log == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    *log = *from;
    log->connection = 0;
    log->handler = ngx_http_gateway_detached_log_error;
    log->data = ctx;
    log->action = "making a detached request";

    d->owner = log;
    d->log = log;
    d->log_ctx = ctx;

    return d->conf.store ? ngx_http_gateway_detached_store(d) : NGX_OK;
}


static u_char *
ngx_http_gateway_detached_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char               *p;
    ngx_http_request_t   *r;
    ngx_http_log_ctx_t   *ctx;
    ngx_http_upstream_t  *u;

    p = buf;
    ctx = log->data;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    r = ctx->request ? ctx->current_request : NULL;

    if (r == NULL) {
        return p;
    }

    p = ngx_snprintf(buf, len, ", detached request: \"%V %V\"",
                     &r->method_name, &r->uri);
    len -= p - buf;
    buf = p;

    u = r->upstream;

    if (u && u->peer.name) {
        p = ngx_snprintf(buf, len, ", upstream: \"%V%V\"", &u->schema,
                         u->peer.name);
    }

    return p;
}


static ngx_int_t
ngx_http_gateway_detached_lists(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    r->ctx = ngx_pcalloc(r->pool, sizeof(void *) * ngx_http_max_module);
    r->variables = ngx_pcalloc(r->pool, cmcf->variables.nelts
                                        * sizeof(ngx_http_variable_value_t));
    r->header_in = ngx_create_temp_buf(r->pool, 1);

    if (r->ctx == NULL || r->variables == NULL || r->header_in == NULL
        || ngx_list_init(&r->headers_in.headers, r->pool, 8,
                         sizeof(ngx_table_elt_t))
           != NGX_OK
        || ngx_list_init(&r->headers_out.headers, r->pool, 1,
                         sizeof(ngx_table_elt_t))
           != NGX_OK
        || ngx_list_init(&r->headers_out.trailers, r->pool, 1,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Initializes the main request, as ngx_http_create_request() does for a client.
 * The main request itself runs no phase and sends nothing.
 */

static ngx_int_t
ngx_http_gateway_detached_main(ngx_http_gateway_detached_t *d,
    ngx_http_conf_ctx_t *ctx)
{
    ngx_time_t             *tp;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;

    r = d->main;

    hc = ngx_pcalloc(d->pool, sizeof(ngx_http_connection_t));
    if (hc == NULL) {
        return NGX_ERROR;
    }

    hc->conf_ctx = ctx;

    r->http_connection = hc;
    r->signature = NGX_HTTP_MODULE;
    r->main_conf = ctx->main_conf;
    r->srv_conf = ctx->srv_conf;
    r->loc_conf = ctx->loc_conf;
    r->main = r;
    r->count = 1;
    r->subrequests = NGX_HTTP_MAX_SUBREQUESTS + 1;
    r->read_event_handler = ngx_http_block_reading;

    tp = ngx_timeofday();
    r->start_sec = tp->sec;
    r->start_msec = tp->msec;

    r->http_version = NGX_HTTP_VERSION_11;
    ngx_str_set(&r->http_protocol, "HTTP/1.1");
    ngx_str_set(&r->schema, "http");
    r->http_state = NGX_HTTP_PROCESS_REQUEST_STATE;

    r->headers_in.content_length_n = -1;
    r->headers_in.keep_alive_n = -1;
    r->headers_out.content_length_n = -1;
    r->headers_out.last_modified_time = -1;

    /* no logging, limit_req, limit_conn or post_action */

    r->internal = 1;
    r->logged = 1;
    r->limit_req_status = 1;
    r->limit_conn_status = 1;
    r->post_action = 1;
    r->error_page = 1;
    r->uri_changes = 0;

    return ngx_http_gateway_detached_lists(r);
}


/* creates the pools and the log; handle and request are in the second pool */

static ngx_http_gateway_detached_t *
ngx_http_gateway_detached_pools(size_t size, ngx_log_t *log,
    const ngx_http_gateway_detach_t *conf)
{
    ngx_pool_t                   *pool;
    ngx_http_gateway_detached_t  *d, init;

    ngx_memzero(&init, sizeof(ngx_http_gateway_detached_t));

    init.conf = *conf;
    init.pool = ngx_create_pool(1024, ngx_cycle->log);
    if (init.pool == NULL) {
        return NULL;
    }

    pool = NULL;

    if (ngx_http_gateway_detached_log(&init, log) == NGX_OK) {
        init.pool->log = init.log;
        pool = ngx_create_pool(size, init.log);
    }

    if (pool == NULL) {
        ngx_destroy_pool(init.pool);
        return NULL;
    }

    d = ngx_palloc(pool, sizeof(ngx_http_gateway_detached_t));
    init.main = ngx_pcalloc(pool, sizeof(ngx_http_request_t));

    if (d == NULL || init.main == NULL) {
        ngx_destroy_pool(pool);
        ngx_destroy_pool(init.pool);
        return NULL;
    }

    init.main->pool = pool;
    *d = init;

    return d;
}


ngx_http_gateway_detached_t *
ngx_http_gateway_detached_create(ngx_http_conf_ctx_t *ctx, ngx_log_t *log,
    const ngx_http_gateway_detach_t *conf)
{
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_gateway_request_t   *gr;
    ngx_http_gateway_detached_t  *d;

    cscf = ctx->srv_conf[ngx_http_core_module.ctx_index];

    d = ngx_http_gateway_detached_pools(cscf->request_pool_size, log, conf);
    if (d == NULL) {
        return NULL;
    }

    if (ngx_http_gateway_detached_main(d, ctx) == NGX_OK) {

        gr = ngx_http_gateway_request_get(d->main);

        if (gr) {
            gr->detached = d;
            return d;
        }
    }

    ngx_http_gateway_detached_destroy(d);
    return NULL;
}


/* the other members of the line are computed */

ngx_int_t
ngx_http_gateway_detached_line(ngx_http_request_t *r,
    const ngx_table_elt_t *line)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_http_gateway_header_single(h);

    h->lowcase_key = ngx_pnalloc(r->pool, line->key.len);

    if (h->lowcase_key == NULL
        || ngx_http_gateway_detached_str(r->pool, &h->key, &line->key)
           != NGX_OK
        || ngx_http_gateway_detached_str(r->pool, &h->value, &line->value)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, h->key.data, h->key.len);

    return ngx_http_gateway_header_name(r, h);
}


ngx_int_t
ngx_http_gateway_detached_fields(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf)
{
    ngx_uint_t       i;
    ngx_table_elt_t  line;

    for (i = 0; i < conf->nfields; i++) {
        line.key = conf->fields[i].key;
        line.value = conf->fields[i].value;

        if (line.value.len
            && ngx_http_gateway_detached_line(r, &line) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_detached_method(ngx_http_request_t *r, const ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_gateway_detached_methods[i].name.len; i++) {
        if (ngx_http_gateway_same(name,
                                  &ngx_http_gateway_detached_methods[i].name))
        {
            break;
        }
    }

    r->method = ngx_http_gateway_detached_methods[i].method;

    return ngx_http_gateway_detached_str(r->pool, &r->method_name, name);
}


ngx_http_gateway_detached_t *
ngx_http_gateway_detached_made(ngx_http_gateway_detached_t *d, ngx_int_t rc)
{
    d->conf.fields = NULL;
    d->conf.nfields = 0;

    if (rc == NGX_OK && ngx_http_gateway_detached_start(d) == NGX_OK) {
        return d;
    }

    ngx_http_gateway_detached_destroy(d);

    return NULL;
}


/* --- from a server block */

static ngx_int_t
ngx_http_gateway_detached_lines(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf)
{
    static ngx_str_t  get = ngx_string("GET");

    u_char  *p;

    if (ngx_http_gateway_detached_method(r, conf->method.len ? &conf->method
                                                             : &get)
        != NGX_OK
        || ngx_http_gateway_detached_str(r->pool, &r->uri, &conf->uri)
           != NGX_OK
        || ngx_http_gateway_detached_str(r->pool, &r->args, &conf->args)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, r->method_name.len + r->uri.len + r->args.len
                             + sizeof(" ? HTTP/1.1"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->request_line.data = p;
    p = ngx_sprintf(p, "%V ", &r->method_name);

    r->unparsed_uri.data = p;
    p = ngx_sprintf(p, "%V%s%V", &r->uri, r->args.len ? "?" : "", &r->args);
    r->unparsed_uri.len = p - r->unparsed_uri.data;

    p = ngx_sprintf(p, " %V", &r->http_protocol);
    r->request_line.len = p - r->request_line.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_detached_content(ngx_http_request_t *r,
    const ngx_str_t *content)
{
    ngx_buf_t                *b;
    ngx_table_elt_t           line;
    u_char                    length[NGX_SIZE_T_LEN];
    ngx_http_request_body_t  *rb;

    if (content->len == 0) {
        return NGX_OK;
    }

    b = ngx_create_temp_buf(r->pool, content->len);
    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));

    if (b == NULL || rb == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->pos, content->data, content->len);

    rb->bufs = ngx_alloc_chain_link(r->pool);
    if (rb->bufs == NULL) {
        return NGX_ERROR;
    }

    rb->buf = b;
    rb->bufs->buf = b;
    rb->bufs->next = NULL;

    r->request_body = rb;
    r->headers_in.content_length_n = content->len;

    ngx_str_set(&line.key, "Content-Length");
    line.value.data = length;
    line.value.len = ngx_sprintf(length, "%uz", content->len) - length;

    return ngx_http_gateway_detached_line(r, &line);
}


ngx_http_gateway_detached_t *
ngx_http_gateway_detach_server(ngx_http_core_srv_conf_t *cscf,
    const ngx_http_gateway_detach_t *conf)
{
    static struct sockaddr  local = { .sa_family = AF_UNIX };

    ngx_int_t                     rc;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_gateway_detached_t  *d;

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    d = ngx_http_gateway_detached_create(cscf->ctx, clcf->error_log, conf);
    if (d == NULL) {
        return NULL;
    }

    d->sockaddr = &local;
    d->socklen = offsetof(struct sockaddr, sa_data);
    d->local_sockaddr = d->sockaddr;
    d->local_socklen = d->socklen;
    ngx_str_set(&d->addr_text, "unix:");

    rc = NGX_ERROR;

    if (ngx_http_gateway_detached_lines(d->main, conf) == NGX_OK
        && ngx_http_gateway_detached_fields(d->main, conf) == NGX_OK
        && ngx_http_gateway_detached_content(d->main, &conf->content)
           == NGX_OK)
    {
        rc = NGX_OK;
    }

    return ngx_http_gateway_detached_made(d, rc);
}
