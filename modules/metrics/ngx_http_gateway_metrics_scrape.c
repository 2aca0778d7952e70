/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Scrapes: documents that are made in turns, as fast as the client receives
 * them.  See ngx_http_gateway_metrics_scrape.h.
 *
 * A scrape has one buffer.  It is sent with "flush", so that it is free again
 * as soon as the client's connection has taken all of it; until then the
 * request waits for the connection like any other response.
 */

#include "ngx_http_gateway_metrics_scrape.h"


#define NGX_HTTP_GATEWAY_METRICS_SCRAPES  16        /* of a worker, at most */
#define NGX_HTTP_GATEWAY_METRICS_TURN     65536     /* bytes */
#define NGX_HTTP_GATEWAY_METRICS_TIME     900000    /* ns */


static ngx_int_t ngx_http_gateway_metrics_begin(ngx_http_request_t *r,
    ngx_http_gateway_metrics_make_pt make, void *data);
static ngx_int_t ngx_http_gateway_metrics_turn(
    ngx_http_gateway_metrics_scrape_t *s);
static ngx_int_t ngx_http_gateway_metrics_part(
    ngx_http_gateway_metrics_scrape_t *s, ngx_uint_t *done);
static ngx_int_t ngx_http_gateway_metrics_send(
    ngx_http_gateway_metrics_scrape_t *s, ngx_chain_t *out);
static ngx_int_t ngx_http_gateway_metrics_wait(ngx_http_request_t *r);
static void ngx_http_gateway_metrics_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_metrics_resume(ngx_http_request_t *r);
static void ngx_http_gateway_metrics_end(void *data);


/* scrapes in this worker */
static ngx_uint_t  ngx_http_gateway_metrics_scrapes;


static uint64_t
ngx_http_gateway_metrics_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


ngx_uint_t
ngx_http_gateway_metrics_late(const ngx_http_gateway_metrics_scrape_t *s)
{
    return ngx_http_gateway_metrics_clock() >= s->deadline;
}


ngx_uint_t
ngx_http_gateway_metrics_busy(void)
{
    return ngx_http_gateway_metrics_scrapes
           >= NGX_HTTP_GATEWAY_METRICS_SCRAPES;
}


ngx_int_t
ngx_http_gateway_metrics_scrape(ngx_http_request_t *r, const char *type,
    ngx_http_gateway_metrics_make_pt make, void *data)
{
    ngx_int_t  rc;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = strcspn(type, ";");
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_gateway_metrics_begin(r, make, data);
}


static ngx_int_t
ngx_http_gateway_metrics_begin(ngx_http_request_t *r,
    ngx_http_gateway_metrics_make_pt make, void *data)
{
    ngx_int_t                           rc;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_gateway_metrics_scrape_t  *s;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_gateway_metrics_scrape_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    s = cln->data;
    ngx_memzero(s, sizeof(ngx_http_gateway_metrics_scrape_t));

    s->request = r;
    s->make = make;
    s->data = data;
    s->buf = ngx_create_temp_buf(r->pool, NGX_HTTP_GATEWAY_METRICS_PART);

    if (s->buf == NULL) {
        return NGX_ERROR;
    }

    s->buf->tag = (ngx_buf_tag_t) &ngx_http_gateway_metrics_module;

    cln->handler = ngx_http_gateway_metrics_end;
    ngx_http_gateway_metrics_scrapes++;

    ngx_http_set_ctx(r, s, ngx_http_gateway_metrics_module);

    rc = ngx_http_gateway_metrics_turn(s);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_gateway_metrics_end(void *data)
{
    ngx_http_gateway_metrics_scrapes--;
}


/*
 * One turn.  NGX_AGAIN: the request waits for the next one.  NGX_OK: all parts
 * have been made; NGX_ERROR: the response cannot be completed.
 */

static ngx_int_t
ngx_http_gateway_metrics_turn(ngx_http_gateway_metrics_scrape_t *s)
{
    size_t                     sent;
    ngx_int_t                  rc;
    ngx_uint_t                 done;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->request;
    c = r->connection;

    s->deadline = ngx_http_gateway_metrics_clock()
                  + NGX_HTTP_GATEWAY_METRICS_TIME;

    for (sent = 0; sent < NGX_HTTP_GATEWAY_METRICS_TURN;
         sent += NGX_HTTP_GATEWAY_METRICS_PART)
    {
        rc = ngx_http_gateway_metrics_part(s, &done);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (done) {
            return NGX_OK;      /* nginx sends what is left of the response */
        }

        if (s->busy || r->buffered || c->buffered || c->write->delayed) {
            return ngx_http_gateway_metrics_wait(r);
        }

        if (s->idle || ngx_http_gateway_metrics_late(s)) {
            break;
        }
    }

    r->read_event_handler = r->discard_body
                            ? ngx_http_discarded_request_body_handler
                            : ngx_http_test_reading;
    r->write_event_handler = ngx_http_gateway_metrics_writer;

    /*
     * A worker that shuts down exits when no timer is left, whether events are
     * posted or not: the timer keeps it until the document is complete.
     */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_add_timer(c->write, clcf->send_timeout);

    ngx_post_event(c->write, &ngx_posted_next_events);

    return NGX_AGAIN;
}


/* makes and sends a part of the document; "*done": it was the last one */

static ngx_int_t
ngx_http_gateway_metrics_part(ngx_http_gateway_metrics_scrape_t *s,
    ngx_uint_t *done)
{
    ngx_int_t          rc;
    ngx_buf_t         *b;
    ngx_chain_t       *cl;
    gw_metrics_out_t   out;

    b = s->buf;
    *done = 0;

    out.p = b->start;
    out.last = b->end;
    out.full = 0;

    rc = s->make(s, &out);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    *done = (rc == NGX_OK);

    s->idle = (out.p == b->start && !*done);

    if (s->idle) {
        return NGX_OK;
    }

    cl = ngx_chain_get_free_buf(s->request->pool, &s->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;

    b->pos = b->start;
    b->last = out.p;
    b->memory = 0;
    b->temporary = (out.p != b->start);
    b->flush = !*done;
    b->last_buf = *done;
    b->last_in_chain = *done;

    return ngx_http_gateway_metrics_send(s, cl);
}


static ngx_int_t
ngx_http_gateway_metrics_send(ngx_http_gateway_metrics_scrape_t *s,
    ngx_chain_t *out)
{
    ngx_int_t  rc;

    rc = ngx_http_output_filter(s->request, out);

    ngx_chain_update_chains(s->request->pool, &s->free, &s->busy, &out,
                            (ngx_buf_tag_t) &ngx_http_gateway_metrics_module);

    return rc;
}


/* waits until the client's connection can be written to */

static ngx_int_t
ngx_http_gateway_metrics_wait(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    wev = r->connection->write;

    r->read_event_handler = r->discard_body
                            ? ngx_http_discarded_request_body_handler
                            : ngx_http_test_reading;
    r->write_event_handler = ngx_http_gateway_metrics_writer;

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return (ngx_handle_write_event(wev, clcf->send_lowat) == NGX_OK)
           ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_http_gateway_metrics_writer(ngx_http_request_t *r)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = r->connection;

    if (c->write->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "gateway_metrics_page: client timed out");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = c->write->delayed ? ngx_http_gateway_metrics_wait(r)
                           : ngx_http_gateway_metrics_resume(r);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/* the connection can be written to; results of _turn() */

static ngx_int_t
ngx_http_gateway_metrics_resume(ngx_http_request_t *r)
{
    ngx_connection_t                   *c;
    ngx_http_gateway_metrics_scrape_t  *s;

    c = r->connection;
    s = ngx_http_get_module_ctx(r, ngx_http_gateway_metrics_module);

    if (s->busy || r->buffered || c->buffered) {

        if (ngx_http_gateway_metrics_send(s, NULL) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (s->busy || r->buffered || c->buffered || c->write->delayed) {
            return ngx_http_gateway_metrics_wait(r);
        }
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    return ngx_http_gateway_metrics_turn(s);
}
