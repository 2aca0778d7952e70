/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The output of detached requests: filters above core's, which pass it to the
 * callbacks and send nothing.
 */

#include "ngx_http_gateway_detached_private.h"


static ngx_int_t ngx_http_gateway_detached_take(void *data, ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_gateway_detached_header_filter(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_gateway_detached_t  *d;

    d = ngx_http_gateway_detached_find(r);

    if (d == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (d->stopped) {
        return NGX_ERROR;
    }

    r->header_sent = 1;

    if (r->method == NGX_HTTP_HEAD
        || r->headers_out.status == NGX_HTTP_NO_CONTENT
        || r->headers_out.status == NGX_HTTP_NOT_MODIFIED)
    {
        r->header_only = 1;
    }

    /* nginx replaces the handlers when it responds or redirects */

    r->connection->read->handler = ngx_http_gateway_detached_closing;
    r->connection->write->handler = ngx_http_gateway_detached_writing;

    d->whole = r->header_only;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    d->output.alignment = clcf->directio_alignment;
    d->output.pool = r->pool;
    d->output.bufs.num = 1;
    d->output.bufs.size = 32768;
    d->output.tag = (ngx_buf_tag_t) &ngx_http_gateway_module;
    d->output.need_in_memory = 1;
    d->output.output_filter = ngx_http_gateway_detached_take;
    d->output.filter_ctx = r;

    return d->conf.header ? d->conf.header(r, d->conf.data) : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_detached_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_gateway_detached_t  *d;

    d = ngx_http_gateway_detached_find(r);

    if (d == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    if (d->stopped || r->connection->error) {
        return NGX_ERROR;
    }

    if (in == NULL) {
        return NGX_OK;
    }

    /* a file is read, as in nginx's copy filter, only if "body" needs it */

    return d->conf.body ? ngx_output_chain(&d->output, in)
                        : ngx_http_gateway_detached_take(r, in);
}


/* consumes the buffers; without "body", also buffers in files */

static ngx_int_t
ngx_http_gateway_detached_take(void *data, ngx_chain_t *in)
{
    ngx_http_request_t *r = data;

    ngx_buf_t                    *b;
    ngx_http_gateway_detached_t  *d;

    d = ngx_http_gateway_detached_find(r);

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;

        if (d->conf.body && b->last > b->pos
            && d->conf.body(r, d->conf.data, b->pos, b->last - b->pos)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* the callback may have canceled the request */

        if (d->stopped) {
            return NGX_ERROR;
        }

        b->pos = b->last;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }

        if (b->last_buf || b->last_in_chain) {
            d->whole = 1;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_detached_init(ngx_conf_t *cf)
{
    (void) cf;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_detached_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_gateway_detached_body_filter;

    return NGX_OK;
}
