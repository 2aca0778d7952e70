/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Detached requests: requests that a worker makes without a client, such as the
 * refresh of a stored response or the fetch of a key set.
 *
 * A detached request is a subrequest of a main request without a client.
 * Therefore
 *
 *   - ACCESS does not run for it, and handlers that act on main requests only
 *     skip it: methods of authentication, limits, the cache's lookup.
 *   - no LOG handler runs.  nginx does not log the request, even with
 *     "log_subrequest on", and the log hooks of the gateway are not called.
 *     nginx's modules that count requests and connections do not count it.
 *   - it does not use a client's connection.  A client that leaves does not end
 *     it, and the client's next request does not wait for it.
 *
 * There are two ways to create one:
 *
 *   - From a client's request, in a handler of a phase up to PRECONTENT.  The
 *     detached request continues in the same location with the same handler,
 *     which must let it pass.  It is not authenticated again: the client's
 *     verdict and identity apply.  Variables keep their values: those of the
 *     client's connection and TLS session, those of "set" and of captures, and
 *     those of the gateway.  Header fields are the client's, after credentials
 *     are hidden and identity headers are added, without conditions, ranges,
 *     upgrades and the fields that describe a body.
 *
 *   - From a server block.  The request enters the server at a URI, which can
 *     be in an "internal" location, as an anonymous request.  Server-level
 *     rewrites apply.  $remote_addr is "unix:", $scheme is "http", and $host is
 *     the server's name.
 *
 * The response is passed to callbacks and is never sent: only filters above
 * core's see it.  Responses that nginx generates, such as a 502 or an error
 * page, are passed too.  The callbacks never run inside the function that
 * creates the request, but in later iterations of the event loop.
 *
 * A worker that shuts down gives a running request worker_shutdown_timeout, or
 * 10 s if that is not set.  It ends the requests that wait for their turn, or
 * gives them the same time if clients wait for them ("keep").
 */

#ifndef _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_


#include "ngx_http_gateway.h"


/* in its own pool, from its creation to its end */
typedef struct ngx_http_gateway_detached_s  ngx_http_gateway_detached_t;


/*
 * Bounds in one worker that several users share, such as one for each server
 * that is asked.  The users take turns.  With "fair", a user has at most three
 * times as many requests running, or waiting, as others can still add: however
 * slow its server is, a quarter of the room remains for others, and two slow
 * ones leave a seventh.
 *
 * The owner provides the memory of groups and users, zeroed except for what it
 * sets; it must live as long as the worker.
 */

typedef struct {
    ngx_uint_t                      max;        /* concurrent requests */
    ngx_uint_t                      backlog;    /* requests that wait */
    unsigned                        fair:1;

    /* private */
    ngx_uint_t                      running;
    ngx_uint_t                      nwaiting;
    ngx_queue_t                     users;      /* with waiting requests */
} ngx_http_gateway_detached_group_t;


/* a user of detached requests, with its bounds in one worker */

typedef struct {
    const char                     *name;       /* declared, for counters */
    ngx_http_gateway_detached_group_t *group;   /* its bounds apply instead;
                                                   NULL: none */
    ngx_uint_t                      max;        /* concurrent requests */
    ngx_uint_t                      backlog;    /* requests that wait, in
                                                   order */
    unsigned                        keep:1;     /* clients wait for the results:
                                                   a worker that shuts down
                                                   still makes requests */

    /* private */
    ngx_uint_t                      running;
    ngx_uint_t                      nwaiting;
    ngx_queue_t                     waiting;
    ngx_queue_t                     queue;      /* in group->users */
} ngx_http_gateway_detached_user_t;


/*
 * The response header has arrived: status and fields are in r->headers_out.
 * The callback returns NGX_OK, or NGX_ERROR to end the request.
 */
typedef ngx_int_t (*ngx_http_gateway_detached_header_pt)(ngx_http_request_t *r,
    void *data);

/*
 * The next "size" bytes of the response body, valid during the call.  The
 * callback returns NGX_OK, or NGX_ERROR to end the request.
 */
typedef ngx_int_t (*ngx_http_gateway_detached_body_pt)(ngx_http_request_t *r,
    void *data, u_char *p, size_t size);

/*
 * The request has ended.  Its handle is invalid, except that, during the call,
 * ngx_http_gateway_detached_why() and ngx_http_gateway_detached_began() accept
 * it.  Called once for each request that is not canceled.  NGX_OK: the response
 * is complete.  NGX_HTTP_REQUEST_TIME_OUT: the timeout has expired.
 * NGX_HTTP_CLOSE: the location closed the connection, as "return 444" does.
 * NGX_ERROR: the response is incomplete, a callback ended the request, there was
 * no memory or connection, or the worker shuts down.
 */
typedef void (*ngx_http_gateway_detached_end_pt)(void *data, ngx_int_t rc);


/* the parameters of a request; copied, except what "user" and "data" name */

typedef struct {
    ngx_http_gateway_detached_user_t     *user;
    ngx_msec_t                            timeout;  /* from now; not 0 */

    ngx_str_t                             method;   /* "": that of the client,
                                                       or GET from a server */
    const ngx_keyval_t                   *fields;   /* replace the client's;
                                                       an empty value removes
                                                       the field */
    ngx_uint_t                            nfields;

    unsigned                              store:1;  /* nginx's messages, not
                                                       logged but kept for
                                                       "detached_why" */
    unsigned                              secret:1; /* with "store": no debug
                                                       messages, which contain
                                                       header fields */

    /* from a server block */
    ngx_str_t                             uri;      /* decoded */
    ngx_str_t                             args;
    ngx_str_t                             content;  /* the body; "": none */

    /* each can be NULL */
    ngx_http_gateway_detached_header_pt   header;
    ngx_http_gateway_detached_body_pt     body;
    ngx_http_gateway_detached_end_pt      end;
    void                                 *data;
} ngx_http_gateway_detach_t;


/*
 * At configuration time: declares that the module makes detached requests for
 * users with this name, a literal.  For preconfiguration, setters and merge
 * functions; NGX_ERROR after an [emerg], or no memory.
 */
ngx_int_t ngx_http_gateway_detaches(ngx_conf_t *cf, const char *user);

/*
 * Creates a request from a client's request, which must be a main request.
 * NULL: no memory, or too many requests wait; no callback is called then.
 */
ngx_http_gateway_detached_t *ngx_http_gateway_detach(ngx_http_request_t *r,
    const ngx_http_gateway_detach_t *conf);

/* the same from a server block */
ngx_http_gateway_detached_t *ngx_http_gateway_detach_server(
    ngx_http_core_srv_conf_t *cscf, const ngx_http_gateway_detach_t *conf);

/*
 * Cancels the request, which ends in a later iteration of the event loop.  No
 * callback is called any more, and the handle is invalid.  Can be called in
 * callbacks other than "end".
 */
void ngx_http_gateway_detached_cancel(ngx_http_gateway_detached_t *detached);

/*
 * For a request with "store": returns nginx's message about it, such as
 * "connect() failed (111: Connection refused)", ending with NUL; "" if there is
 * none.  It is the first message at level "error" or worse, or else the last
 * one.  nginx may log an error and still respond, with status 502 or after the
 * next upstream server has succeeded.  Can be called in all callbacks,
 * including "end"; valid until the callback returns.
 */
const char *ngx_http_gateway_detached_why(
    const ngx_http_gateway_detached_t *detached);

/*
 * 1: the request began to run at "time", in ms of ngx_current_msec.  0: it did
 * not, since others of its user or group run.  Can be called in "end".
 */
ngx_uint_t ngx_http_gateway_detached_began(
    const ngx_http_gateway_detached_t *detached, ngx_msec_t *time);

/*
 * Returns "data" if r is a detached request of the user.  NULL: it is not, or
 * it is a subrequest of one.  For phase handlers and filters.
 */
void *ngx_http_gateway_detached_data(ngx_http_request_t *r,
    const ngx_http_gateway_detached_user_t *user);


/* for core's postconfiguration */
ngx_int_t ngx_http_gateway_detached_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_DETACHED_H_INCLUDED_ */
