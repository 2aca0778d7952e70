/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_metrics_page: the content handler.
 *
 * In "location /gateway/": the page at /gateway/, and below it "metrics",
 * "api/v1" and "api/v1/history".  A location whose name does not end in "/" has
 * the metrics alone.
 */

#include "ngx_http_gateway_metrics_scrape.h"


typedef struct {
    ngx_str_t                           path;   /* behind the location's name */
    ngx_http_handler_pt                 handler;
} ngx_http_gateway_metrics_path_t;


static ngx_http_handler_pt ngx_http_gateway_metrics_path(
    ngx_http_request_t *r, const ngx_http_gateway_metrics_page_t *page);
static ngx_int_t ngx_http_gateway_metrics_not_allowed(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_get_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_get_metrics(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_get_api(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_get_history(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_get(ngx_http_request_t *r,
    const char *type, ngx_http_gateway_metrics_make_pt make, void *data);
static ngx_int_t ngx_http_gateway_metrics_too_many(ngx_http_request_t *r);
static void ngx_http_gateway_metrics_accepts(ngx_http_request_t *r,
    gw_metrics_accept_t *accept);


static const ngx_http_gateway_metrics_path_t  ngx_http_gateway_metrics_paths[] =
{
    { ngx_string(""), ngx_http_gateway_metrics_get_page },
    { ngx_string("metrics"), ngx_http_gateway_metrics_get_metrics },
    { ngx_string("api/v1"), ngx_http_gateway_metrics_get_api },
    { ngx_string("api/v1/history"), ngx_http_gateway_metrics_get_history },
};


static const char *const  ngx_http_gateway_metrics_media[GW_METRICS_FORMATS] = {
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8"
};


ngx_int_t
ngx_http_gateway_metrics_page_handler(ngx_http_request_t *r)
{
    ngx_int_t                             rc;
    ngx_http_handler_pt                   handler;
    ngx_http_gateway_metrics_page_t      *page;
    ngx_http_gateway_metrics_loc_conf_t  *mlcf;

    static const ngx_str_t  cache = ngx_string("Cache-Control");
    static const ngx_str_t  no_store = ngx_string("no-store");

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_metrics_module);
    page = mlcf->page;

    rc = ngx_http_gateway_from(r, page ? &page->from : NULL,
                               "gateway_metrics_page");
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    /* a scrape needs the connection for itself */

    handler = (r == r->main) ? ngx_http_gateway_metrics_path(r, page) : NULL;

    if (handler == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_gateway_metrics_not_allowed(r);
    }

    if (ngx_http_gateway_header_respond(r, &cache, &no_store) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return handler(r);
}


/* NULL: there is nothing at the request's URI */

static ngx_http_handler_pt
ngx_http_gateway_metrics_path(ngx_http_request_t *r,
    const ngx_http_gateway_metrics_page_t *page)
{
    ngx_str_t   path;
    ngx_uint_t  i;

    /* any URI may lead to a named location */

    if (page->name.data[0] == '@') {
        return ngx_http_gateway_metrics_get_metrics;
    }

    if (r->uri.len < page->name.len
        || ngx_memcmp(r->uri.data, page->name.data, page->name.len) != 0)
    {
        return NULL;
    }

    path.data = r->uri.data + page->name.len;
    path.len = r->uri.len - page->name.len;

    if (page->alone) {
        return path.len ? NULL : ngx_http_gateway_metrics_get_metrics;
    }

    for (i = 0; i < sizeof(ngx_http_gateway_metrics_paths)
                    / sizeof(ngx_http_gateway_metrics_paths[0]); i++)
    {
        if (ngx_http_gateway_same(&path,
                                  &ngx_http_gateway_metrics_paths[i].path))
        {
            return ngx_http_gateway_metrics_paths[i].handler;
        }
    }

    return NULL;
}


/* RFC 9110, 15.5.6 */

static ngx_int_t
ngx_http_gateway_metrics_not_allowed(ngx_http_request_t *r)
{
    static const ngx_str_t  allow = ngx_string("Allow");
    static const ngx_str_t  methods = ngx_string("GET, HEAD");

    if (ngx_http_gateway_header_respond(r, &allow, &methods) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_send_problem(r, NGX_HTTP_NOT_ALLOWED,
                                         "the allowed methods are GET and "
                                         "HEAD", NULL);
}


static ngx_int_t
ngx_http_gateway_metrics_get_page(ngx_http_request_t *r)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_uint_t    i;
    ngx_str_t     html;
    ngx_chain_t   out;

    ngx_str_t     fields[][2] = {
        { ngx_string("Content-Security-Policy"), ngx_null_string },
        { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
        { ngx_string("X-Frame-Options"), ngx_string("DENY") },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
    };

    ngx_http_gateway_metrics_html(&html, &fields[0][1]);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (ngx_http_gateway_header_respond(r, &fields[i][0], &fields[i][1])
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = html.len;
    ngx_str_set(&r->headers_out.content_type, "text/html; charset=utf-8");
    r->headers_out.content_type_len = sizeof("text/html") - 1;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = html.data;
    b->last = html.data + html.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_gateway_metrics_get_metrics(ngx_http_request_t *r)
{
    gw_metrics_accept_t  accept;
    gw_metrics_format_e  format;

    static const ngx_str_t  vary = ngx_string("Vary");
    static const ngx_str_t  field = ngx_string("Accept");

    if (ngx_http_gateway_metrics_busy()) {
        return ngx_http_gateway_metrics_too_many(r);
    }

    if (ngx_http_gateway_header_respond(r, &vary, &field) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_gateway_metrics_accepts(r, &accept);
    format = gw_metrics_accepted(&accept);

    return ngx_http_gateway_metrics_get(r,
                                        ngx_http_gateway_metrics_media[format],
                                        ngx_http_gateway_metrics_make,
                                        ngx_http_gateway_metrics_text(r,
                                                                    format));
}


static void
ngx_http_gateway_metrics_accepts(ngx_http_request_t *r,
    gw_metrics_accept_t *accept)
{
    ngx_table_elt_t                 *h;
    ngx_http_gateway_header_iter_t   it;

    static ngx_str_t  name = ngx_string("accept");

    ngx_memzero(accept, sizeof(gw_metrics_accept_t));
    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {
        if (ngx_http_gateway_header_is(h, &name)) {
            gw_metrics_accept(accept, (gw_text_t *) &h->value);
        }
    }
}


static ngx_int_t
ngx_http_gateway_metrics_get_api(ngx_http_request_t *r)
{
    if (ngx_http_gateway_metrics_busy()) {
        return ngx_http_gateway_metrics_too_many(r);
    }

    return ngx_http_gateway_metrics_get(r, "application/json",
                                        ngx_http_gateway_metrics_make,
                                        ngx_http_gateway_metrics_json(r));
}


static ngx_int_t
ngx_http_gateway_metrics_get_history(ngx_http_request_t *r)
{
    time_t     since;
    ngx_str_t  arg;

    if (ngx_http_gateway_metrics_busy()) {
        return ngx_http_gateway_metrics_too_many(r);
    }

    since = 0;

    if (ngx_http_arg(r, (u_char *) "since", 5, &arg) == NGX_OK && arg.len) {
        since = ngx_atotm(arg.data, arg.len);

        if (since == NGX_ERROR) {
            return ngx_http_gateway_send_problem(r, NGX_HTTP_BAD_REQUEST,
                                         "\"since\" must be a time in seconds "
                                         "since 1970", NULL);
        }
    }

    return ngx_http_gateway_metrics_get(r, "application/json",
                                        ngx_http_gateway_metrics_history_make,
                                        ngx_http_gateway_metrics_history(r,
                                                                     since));
}


static ngx_int_t
ngx_http_gateway_metrics_get(ngx_http_request_t *r, const char *type,
    ngx_http_gateway_metrics_make_pt make, void *data)
{
    static const ngx_str_t  name = ngx_string("X-Content-Type-Options");
    static const ngx_str_t  value = ngx_string("nosniff");

    if (data == NULL
        || ngx_http_gateway_header_respond(r, &name, &value) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_metrics_scrape(r, type, make, data);
}


static ngx_int_t
ngx_http_gateway_metrics_too_many(ngx_http_request_t *r)
{
    static time_t           logged;
    static const ngx_str_t  name = ngx_string("Retry-After");
    static const ngx_str_t  value = ngx_string("1");

    if (logged == 0 || ngx_time() - logged >= 60) {
        logged = ngx_time();
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "gateway_metrics_page: refused with 503, 16 documents "
                      "are being sent, logged once a minute");
    }

    if (ngx_http_gateway_header_respond(r, &name, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_send_problem(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "too many documents of metrics are "
                                         "being sent, retry in 1 s", NULL);
}
