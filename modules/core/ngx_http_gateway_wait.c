/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parking, as in nginx's limit_req: the request's event handlers detect a
 * client that leaves, and end the request.
 */

#include "ngx_http_gateway_wait.h"


/* ms, with level-triggered events */
#define NGX_HTTP_GATEWAY_WAIT_LOOK  100


struct ngx_http_gateway_wait_s {
    ngx_http_request_t             *request;
    ngx_http_gateway_cancel_pt      cancel;
    void                           *data;
    ngx_uint_t                      parked;     /* unsigned:1 */
};


static void ngx_http_gateway_wait_cleanup(void *data);
static void ngx_http_gateway_wait_reading(ngx_http_request_t *r);
static ngx_err_t ngx_http_gateway_wait_error(ngx_connection_t *c);


ngx_http_gateway_wait_t *
ngx_http_gateway_park(ngx_http_request_t *r, ngx_http_gateway_cancel_pt cancel,
    void *data)
{
    ngx_event_t              *rev;
    ngx_pool_cleanup_t       *cln;
    ngx_http_gateway_wait_t  *wait;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_wait_t));
    if (cln == NULL) {
        return NULL;
    }

    wait = cln->data;
    wait->request = r;
    wait->cancel = cancel;
    wait->data = data;
    wait->parked = 0;

    cln->handler = ngx_http_gateway_wait_cleanup;

    /* as in limit_req: no event follows if the client has already left */

    rev = r->connection->read;

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NULL;
    }

    r->read_event_handler = ngx_http_gateway_wait_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    wait->parked = 1;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway parks the request: %p", wait);

    return wait;
}


ngx_http_gateway_wait_t *
ngx_http_gateway_park_content(ngx_http_request_t *r,
    ngx_http_gateway_cancel_pt cancel, void *data)
{
    ngx_http_gateway_wait_t  *wait;

    wait = ngx_http_gateway_park(r, cancel, data);

    if (wait) {

        /* released by ngx_http_gateway_finish() */

        r->main->count++;
    }

    return wait;
}


/* the request has ended */

static void
ngx_http_gateway_wait_cleanup(void *data)
{
    ngx_http_gateway_wait_t *wait = data;

    if (!wait->parked) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway cancels: %p", wait);

    wait->parked = 0;

    if (wait->cancel) {
        wait->cancel(wait->data);
    }
}


/*
 * Like ngx_http_test_reading(), but ignores an end of file.  It asks for a
 * pending error instead of reading, since bytes after the request, or of TLS,
 * would hide the error.  A level-triggered event would fire again for bytes
 * that are not read: it is deleted, and a timer checks instead.
 */

static void
ngx_http_gateway_wait_reading(ngx_http_request_t *r)
{
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    /* a stream that was reset, or whose connection failed */

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        ngx_http_test_reading(r);
        return;
    }

    err = ngx_http_gateway_wait_error(c);

    if (err) {
        rev->eof = 1;
        rev->error = 1;
        c->error = 1;

        ngx_log_error(NGX_LOG_INFO, c->log, err,
                      "client prematurely closed connection");

        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "gateway: client of the parked request is connected, eof:%d",
                   rev->pending_eof);

    if (!(ngx_event_flags & NGX_USE_LEVEL_EVENT)) {
        return;
    }

    rev->timedout = 0;

    if (rev->active && ngx_del_event(rev, NGX_READ_EVENT, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_CLOSE);
        return;
    }

    ngx_add_timer(rev, NGX_HTTP_GATEWAY_WAIT_LOOK);
}


static ngx_err_t
ngx_http_gateway_wait_error(ngx_connection_t *c)
{
    socklen_t  len;
    ngx_err_t  err;

    err = 0;
    len = sizeof(ngx_err_t);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


ngx_http_request_t *
ngx_http_gateway_unpark(ngx_http_gateway_wait_t *wait)
{
    ngx_event_t         *rev;
    ngx_http_request_t  *r;

    r = wait->request;
    rev = r->connection->read;

    wait->parked = 0;

    /* callbacks run in events of other connections, or of none */

    ngx_http_set_log_request(r->connection->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway resumes the request: %p", wait);

    if (r->read_event_handler == ngx_http_gateway_wait_reading
        && rev->timer_set
        && r->http_version < NGX_HTTP_VERSION_20)
    {
        ngx_del_timer(rev);
    }

    r->read_event_handler = ngx_http_block_reading;

    return r;
}


void
ngx_http_gateway_resume(ngx_http_gateway_wait_t *wait)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ngx_http_gateway_unpark(wait);
    c = r->connection;

    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);

    ngx_http_run_posted_requests(c);
}


void
ngx_http_gateway_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
