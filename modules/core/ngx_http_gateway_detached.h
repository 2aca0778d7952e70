/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Detached requests: requests that belong to the worker and to no client, such
 * as the refresh of a stored response or the fetch of a key set.
 *
 * A detached request is a subrequest of a main request without a client, so
 * that
 *
 *   - ACCESS does not run for it, and handlers that act on main requests only
 *     skip it: methods of authentication, limits, the cache's lookup.
 *   - no LOG handler runs: nginx writes no line for it, also under
 *     "log_subrequest on", and the log hooks of the gateway are not called.
 *     nginx's modules that count requests and connections do not count it.
 *   - it holds no client's connection.  A client that leaves, or sends its next
 *     request, neither ends it nor waits for it.
 *
 * There are two ways to make one:
 *
 *   - From a client's request, in a handler of a phase up to PRECONTENT: the
 *     detached request goes on in the same location with the same handler,
 *     which must let it pass.  The verdict on the client holds for it, it is
 *     not judged again.  Variables have the values that they have there: those
 *     of the client's connection and of its TLS session, those that "set" and
 *     captures have made, and those of the gateway.  The identity in the record
 *     is the client's.  Its fields are the client's, after credentials are
 *     hidden and identity headers are added, but for conditions, ranges, an
 *     upgrade and whatever describes a body.
 *
 *   - From a server block: it enters the server at a URI, which may be in an
 *     "internal" location, as an anonymous request.  Server-level rewrites
 *     apply.  $remote_addr is "unix:", $scheme "http", and $host the server's
 *     name.
 *
 * The response goes to callbacks and is never sent: of the filters, only those
 * above core's see it.  A response that nginx makes, such as a 502 or an error
 * page, is one.  The callbacks run in later turns of the event loop than the
 * function that makes the request.
 *
 * A worker that leaves gives a request that runs worker_shutdown_timeout, or
 * 10 s where none is set, and ends those that wait for their turn.
 */

#ifndef _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_


#include "ngx_http_gateway.h"


/* in the memory of its own pool, from its making until its end */
typedef struct ngx_http_gateway_detached_s  ngx_http_gateway_detached_t;


/*
 * Who makes detached requests: the bounds of one worker.  The memory is the
 * owner's, zeroed but for the bounds, and lives as long as the worker.
 */

typedef struct {
    ngx_uint_t                      max;        /* that run at once */
    ngx_uint_t                      backlog;    /* that wait, in order */

    /* private */
    ngx_uint_t                      running;
    ngx_uint_t                      nwaiting;
    ngx_queue_t                     waiting;
} ngx_http_gateway_detached_user_t;


/*
 * The header is there: status and fields in r->headers_out.  NGX_OK; NGX_ERROR
 * ends the request.
 */
typedef ngx_int_t (*ngx_http_gateway_detached_header_pt)(ngx_http_request_t *r,
    void *data);

/*
 * The next "size" bytes of the body, valid during the call.  NGX_OK; NGX_ERROR
 * ends the request.
 */
typedef ngx_int_t (*ngx_http_gateway_detached_body_pt)(ngx_http_request_t *r,
    void *data, u_char *p, size_t size);

/*
 * The request is over, and its handle void: called once for each request that
 * is not canceled.  NGX_OK: the response is whole.
 * NGX_HTTP_REQUEST_TIME_OUT: its time has passed.  NGX_ERROR: it was cut off,
 * a callback has ended it, there was no memory or connection, or the worker
 * leaves.
 */
typedef void (*ngx_http_gateway_detached_end_pt)(void *data, ngx_int_t rc);


/* what to ask for; copied, but for "user" and "data" */

typedef struct {
    ngx_http_gateway_detached_user_t     *user;
    ngx_msec_t                            timeout;  /* from now on; not 0 */

    ngx_str_t                             method;   /* "": the client's; GET */
    const ngx_keyval_t                   *fields;   /* replace the client's;
                                                       "": without this one */
    ngx_uint_t                            nfields;

    /* from a server block */
    ngx_str_t                             uri;      /* decoded */
    ngx_str_t                             args;
    ngx_str_t                             content;  /* the body; "": none */

    /* each may be NULL */
    ngx_http_gateway_detached_header_pt   header;
    ngx_http_gateway_detached_body_pt     body;
    ngx_http_gateway_detached_end_pt      end;
    void                                 *data;
} ngx_http_gateway_detach_t;


/*
 * Configuration: the module makes detached requests.  For preconfiguration,
 * setters and merge functions; NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_detaches(ngx_conf_t *cf);

/*
 * From a client's request, which must be a main request.  NULL: no memory, or
 * too many wait for their turn; no callback is called then.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detach(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf);

/* the same from a server block */
ngx_http_gateway_detached_t *ngx_http_gateway_detach_server(
    ngx_http_core_srv_conf_t *cscf, const ngx_http_gateway_detach_t *conf);

/*
 * Ends the request soon.  No callback is called from now on, and the handle is
 * void.  May be called in callbacks other than "end".
 */
void ngx_http_gateway_detached_cancel(ngx_http_gateway_detached_t *detached);

/*
 * "data", if r is a detached request of the user; NULL if it is not, or is a
 * subrequest of one.  For handlers of phases and filters.
 */
void *ngx_http_gateway_detached_data(ngx_http_request_t *r,
    const ngx_http_gateway_detached_user_t *user);


/* for core's postconfiguration */
ngx_int_t ngx_http_gateway_detached_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_ */
