/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Running and ending detached requests.
 *
 * The connection is a real one of the worker, with a socket that is not
 * connected: nginx closes it, notifies it when the worker shuts down, and may
 * get errors or set options of the socket.  Nothing is read from or written to
 * it, since core's filters receive all output of the subrequest.
 *
 * With "log_subrequest on", nginx logs the active subrequest when it ends.  To
 * prevent this, the main request is made active first.
 */

#include "ngx_http_gateway_detached_private.h"


/* ms; for a worker that shuts down without worker_shutdown_timeout */
#define NGX_HTTP_GATEWAY_DETACHED_LEAVE  10000


static void ngx_http_gateway_detached_event(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_detached_connect(
    ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_attach(ngx_http_gateway_detached_t *d,
    ngx_connection_t *c);
static void ngx_http_gateway_detached_run(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_abort(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_stop(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_leave(ngx_http_gateway_detached_t *d);
static void ngx_http_gateway_detached_group(
    ngx_http_gateway_detached_user_t *user, ngx_msec_t left);
static void ngx_http_gateway_detached_queue(
    ngx_http_gateway_detached_user_t *user, ngx_msec_t left);
static void ngx_http_gateway_detached_shorten(ngx_http_gateway_detached_t *d,
    ngx_msec_t left);
static ngx_int_t ngx_http_gateway_detached_post(ngx_http_request_t *r,
    void *data, ngx_int_t rc);
static void ngx_http_gateway_detached_done(ngx_http_request_t *r);
static void ngx_http_gateway_detached_ended(ngx_http_gateway_detached_t *d,
    ngx_int_t rc);
static void ngx_http_gateway_detached_cleanup(void *data);
static ngx_chain_t *ngx_http_gateway_detached_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);


/* how long a worker that shuts down waits, in ms */

static ngx_msec_t
ngx_http_gateway_detached_drain(void)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->shutdown_timeout ? ccf->shutdown_timeout
                                 : NGX_HTTP_GATEWAY_DETACHED_LEAVE;
}


ngx_http_gateway_detached_t *
ngx_http_gateway_detached_find(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    if (r->parent == NULL || r->parent != r->main) {
        return NULL;
    }

    gr = ngx_http_gateway_request(r);

    return (gr && !r->background) ? gr->detached : NULL;
}


void *
ngx_http_gateway_detached_data(ngx_http_request_t *r,
    const ngx_http_gateway_detached_user_t *user)
{
    ngx_http_gateway_detached_t  *d;

    d = ngx_http_gateway_detached_find(r);

    return (d && d->conf.user == user) ? d->conf.data : NULL;
}


const char *
ngx_http_gateway_detached_why(const ngx_http_gateway_detached_t *d)
{
    return d->capture ? (const char *) d->capture->why : "";
}


ngx_uint_t
ngx_http_gateway_detached_began(const ngx_http_gateway_detached_t *d,
    ngx_msec_t *time)
{
    *time = d->began;

    return d->connection != NULL;
}


ngx_int_t
ngx_http_gateway_detached_start(ngx_http_gateway_detached_t *d)
{
    ngx_msec_t                         timeout;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_detached_user_t  *user;

    user = d->conf.user;
    timeout = d->conf.timeout;

    if (!ngx_http_gateway_detached_admits(user)) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, d->log, 0,
                       "gateway detached request is rejected: "
                       "%ui running, %ui waiting", user->running,
                       user->nwaiting);

        ngx_http_gateway_detached_count(d,
                                        NGX_HTTP_GATEWAY_DETACHED_REJECTED);
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(d->main->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_detached_cleanup;
    cln->data = d;

    if (ngx_exiting) {
        timeout = ngx_min(timeout, ngx_http_gateway_detached_drain());
    }

    d->rc = NGX_ERROR;
    d->event.handler = ngx_http_gateway_detached_event;
    d->event.data = d;
    d->event.log = d->log;

    ngx_add_timer(&d->event, timeout);

    ngx_http_gateway_detached_enter(d);

    return NGX_OK;
}


static void
ngx_http_gateway_detached_event(ngx_event_t *ev)
{
    ngx_http_gateway_detached_t  *d;

    d = ev->data;

    if (ev->timedout) {
        d->rc = NGX_HTTP_REQUEST_TIME_OUT;
        ngx_http_gateway_detached_abort(d);

    } else if (d->stopped) {
        ngx_http_gateway_detached_abort(d);

    } else {
        ngx_http_gateway_detached_run(d);
    }
}


/*
 * A UNIX-domain datagram socket.  Unlike an eventfd, it supports pending errors
 * and options such as SO_LINGER.  Unlike a stream socket, it does not look
 * closed or unconnected when nginx tests whether the client has left.
 */

static ngx_int_t
ngx_http_gateway_detached_connect(ngx_http_gateway_detached_t *d)
{
    ngx_socket_t       s;
    ngx_connection_t  *c;

    s = ngx_socket(AF_UNIX, SOCK_DGRAM, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ERR, d->log, ngx_socket_errno,
                      ngx_socket_n " failed");
        return NGX_ERROR;
    }

    c = (ngx_nonblocking(s) == -1) ? NULL : ngx_get_connection(s, d->log);

    if (c == NULL) {
        (void) ngx_close_socket(s);
        return NGX_ERROR;
    }

    ngx_http_gateway_detached_attach(d, c);

    return NGX_OK;
}


static void
ngx_http_gateway_detached_attach(ngx_http_gateway_detached_t *d,
    ngx_connection_t *c)
{
    c->pool = d->pool;
    c->data = d->main;
    c->type = SOCK_STREAM;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;
    c->requests = 1;
    c->log_error = NGX_ERROR_INFO;
    c->idle = 1;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;
    c->send_chain = ngx_http_gateway_detached_send_chain;

    c->sockaddr = d->sockaddr;
    c->socklen = d->socklen;
    c->addr_text = d->addr_text;
    c->local_sockaddr = d->local_sockaddr;
    c->local_socklen = d->local_socklen;

    /*
     * nginx does not add active events to an edge-triggered event method.  With
     * a level-triggered one, it adds no write event, since writing is ready,
     * and the read event never fires.
     */

    c->read->active = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? 1 : 0;
    c->write->active = c->read->active;
    c->write->ready = 1;

    c->read->log = d->log;
    c->read->handler = ngx_http_gateway_detached_closing;

    c->write->log = d->log;
    c->write->handler = ngx_http_gateway_detached_writing;

    d->owner->connection = c->number;
    d->log_ctx->connection = c;
    d->log_ctx->request = d->main;
    d->log_ctx->current_request = d->main;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    d->main->connection = c;
    d->connection = c;
    d->began = ngx_current_msec;
}


static void
ngx_http_gateway_detached_run(ngx_http_gateway_detached_t *d)
{
    ngx_uint_t           flags;
    ngx_http_request_t  *r, *sr;

    r = d->main;

    if (ngx_http_gateway_detached_connect(d) != NGX_OK) {
        ngx_http_gateway_detached_abort(d);
        return;
    }

    r->write_event_handler = ngx_http_gateway_detached_done;

    d->post.handler = ngx_http_gateway_detached_post;
    d->post.data = d;

    flags = d->clone ? NGX_HTTP_SUBREQUEST_CLONE : 0;

    if (ngx_http_subrequest(r, &r->uri, &r->args, &sr, &d->post, flags)
        != NGX_OK)
    {
        ngx_http_gateway_detached_abort(d);
        return;
    }

    sr->method = r->method;
    sr->method_name = r->method_name;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, d->log, 0,
                   "gateway detached request: %p \"%V %V\"",
                   d, &sr->method_name, &sr->uri);

    ngx_http_run_posted_requests(d->connection);
}


/* only from the request's own event: it frees the request */

static void
ngx_http_gateway_detached_abort(ngx_http_gateway_detached_t *d)
{
    ngx_connection_t  *c;

    c = d->connection;

    if (c == NULL) {
        ngx_http_gateway_detached_destroy(d);
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, d->log, 0,
                   "gateway detached request is aborted: %p, %i", d, d->rc);

    /* as in ngx_http_request_handler(): finalizing releases a reference */

    d->main->count++;

    ngx_http_finalize_request(d->main, NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_gateway_detached_destroy(ngx_http_gateway_detached_t *d)
{
    ngx_pool_t  *pool;

    pool = d->pool;

    ngx_destroy_pool(d->main->pool);
    ngx_destroy_pool(pool);
}


void
ngx_http_gateway_detached_cancel(ngx_http_gateway_detached_t *d)
{
    d->conf.header = NULL;
    d->conf.body = NULL;
    d->conf.end = NULL;

    d->canceled = 1;

    ngx_http_gateway_detached_stop(d);
}


/* the request ends later, since the caller may be one of its callbacks */

static void
ngx_http_gateway_detached_stop(ngx_http_gateway_detached_t *d)
{
    d->stopped = 1;

    ngx_post_event(&d->event, &ngx_posted_next_events);
}


/*
 * No event calls it.  nginx does when a thread has ended its work for a request
 * that is done or, since 1.25.4, that is to be terminated.
 */

void
ngx_http_gateway_detached_writing(ngx_event_t *wev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = wev->data;
    r = c->data;

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


/*
 * nginx closes idle connections when the worker begins to shut down, and all
 * connections, with an error, when worker_shutdown_timeout has expired.
 */

void
ngx_http_gateway_detached_closing(ngx_event_t *rev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_gateway_request_t  *gr;

    c = rev->data;

    if (!c->close) {
        return;
    }

    r = c->data;
    gr = ngx_http_gateway_request(r);

    if (c->error) {
        ngx_http_gateway_detached_group(gr->detached->conf.user, 0);
        ngx_http_gateway_detached_abort(gr->detached);
        return;
    }

    c->close = 0;

    ngx_http_gateway_detached_leave(gr->detached);
}


static void
ngx_http_gateway_detached_leave(ngx_http_gateway_detached_t *d)
{
    ngx_msec_t  drain;

    drain = ngx_http_gateway_detached_drain();

    ngx_http_gateway_detached_group(d->conf.user,
                                    d->conf.user->keep ? drain : 0);
    ngx_http_gateway_detached_shorten(d, drain);
}


/* for all users of the group: others may have no connection of their own */

static void
ngx_http_gateway_detached_group(ngx_http_gateway_detached_user_t *user,
    ngx_msec_t left)
{
    ngx_queue_t                        *q;
    ngx_http_gateway_detached_group_t  *group;

    group = user->group;

    if (group == NULL) {
        ngx_http_gateway_detached_queue(user, left);
        return;
    }

    for (q = ngx_queue_head(&group->users);
         q != ngx_queue_sentinel(&group->users);
         q = ngx_queue_next(q))
    {
        user = ngx_queue_data(q, ngx_http_gateway_detached_user_t, queue);
        ngx_http_gateway_detached_queue(user, left);
    }
}


/* gives the requests that wait for their turn "left" ms; 0: ends them */

static void
ngx_http_gateway_detached_queue(ngx_http_gateway_detached_user_t *user,
    ngx_msec_t left)
{
    ngx_queue_t                  *q;
    ngx_http_gateway_detached_t  *d;

    for (q = ngx_queue_head(&user->waiting);
         q != ngx_queue_sentinel(&user->waiting);
         q = ngx_queue_next(q))
    {
        d = ngx_queue_data(q, ngx_http_gateway_detached_t, queue);

        if (left) {
            ngx_http_gateway_detached_shorten(d, left);

        } else {
            ngx_http_gateway_detached_stop(d);
        }
    }
}


static void
ngx_http_gateway_detached_shorten(ngx_http_gateway_detached_t *d,
    ngx_msec_t left)
{
    if (d->event.timer_set
        && (ngx_msec_int_t) (d->event.timer.key - ngx_current_msec)
           > (ngx_msec_int_t) left)
    {
        ngx_del_timer(&d->event);
        ngx_add_timer(&d->event, left);
    }
}


/*
 * nginx finalizes the subrequest, perhaps not for the last time: an error page
 * or the rest of the body may follow.
 */

static ngx_int_t
ngx_http_gateway_detached_post(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_gateway_detached_t *d = data;

    if (rc == NGX_ERROR
        || rc == NGX_HTTP_CLOSE
        || rc == NGX_HTTP_REQUEST_TIME_OUT
        || rc == NGX_HTTP_CLIENT_CLOSED_REQUEST
        || r->connection->error)
    {
        /* "return 444", and the other statuses without a response */

        if (rc != NGX_ERROR && !r->connection->error && !d->stopped
            && d->rc == NGX_ERROR)
        {
            d->rc = NGX_HTTP_CLOSE;
        }

        /* suppresses "post_action" */

        r->post_action = 1;
        r->uri_changes = 0;

        return rc;
    }

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE
        || rc == NGX_HTTP_CREATED
        || rc == NGX_HTTP_NO_CONTENT
        || r->buffered
        || r->postponed)
    {
        return rc;
    }

    ngx_http_gateway_detached_ended(d, d->whole ? NGX_OK : NGX_ERROR);

    /* the subrequest is not logged, and the main request runs next */

    r->connection->data = r->main;

    return rc;
}


/*
 * The subrequest has ended.  nginx has not released its reference, since the
 * subrequest was not active.  Another subrequest, such as that of
 * proxy_cache_background_update, may still hold a reference.
 *
 * With X-Accel-Redirect in a cached response, nginx releases a reference too
 * many: ngx_http_upstream_finalize_request() takes an upstream that only its
 * cache has used for one that was finalized before.
 */

static void
ngx_http_gateway_detached_done(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->count > 1) {
        r->count--;
    }

    /* suppresses a lingering close */

    r->connection->read->eof = 1;

    ngx_http_finalize_request(r, NGX_DONE);
}


static void
ngx_http_gateway_detached_ended(ngx_http_gateway_detached_t *d, ngx_int_t rc)
{
    if (d->ended) {
        return;
    }

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, d->log, 0,
                   "gateway detached request has ended: %p, %i", d, rc);

    d->ended = 1;

    if (d->event.timer_set) {
        ngx_del_timer(&d->event);
    }

    if (d->event.posted) {
        ngx_delete_posted_event(&d->event);
    }

    ngx_http_gateway_detached_exit(d);

    ngx_http_gateway_detached_count(d,
              d->canceled ? NGX_HTTP_GATEWAY_DETACHED_CANCELED
              : (rc == NGX_OK) ? NGX_HTTP_GATEWAY_DETACHED_COMPLETE
              : (rc == NGX_HTTP_REQUEST_TIME_OUT)
                ? NGX_HTTP_GATEWAY_DETACHED_TIMEOUT
                : NGX_HTTP_GATEWAY_DETACHED_FAILED);

    if (d->conf.end) {
        d->conf.end(d->conf.data, rc);
    }
}


static void
ngx_http_gateway_detached_cleanup(void *data)
{
    ngx_http_gateway_detached_t *d = data;

    ngx_http_gateway_detached_ended(d, d->rc);
}


/* discards the output of the request's own subrequests */

static ngx_chain_t *
ngx_http_gateway_detached_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    (void) limit;

    for ( /* void */ ; in; in = in->next) {
        c->sent += ngx_buf_size(in->buf);
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    return NULL;
}
