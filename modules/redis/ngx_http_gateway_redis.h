/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Redis for the suite: calls of scripts, on nginx's own connections.
 *
 * A worker has one connection (or as many as "connections" says) to each
 * gateway_redis, shared by the requests of all clients: their calls are
 * appended to one buffer, which is written once per turn of the event loop,
 * and replies come back in that order.  Nothing here waits for another
 * worker, and nothing knows what a script means.
 *
 * Who calls holds a handle for as long as its call is pending.  The memory
 * of a call is the client's: a request that goes away cancels, and the reply,
 * when it comes, is swallowed by the slot that the call has left behind.
 */

#ifndef _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_resp.h"


typedef struct ngx_http_gateway_redis_s       ngx_http_gateway_redis_t;
typedef struct ngx_http_gateway_redis_call_s  ngx_http_gateway_redis_call_t;


/* how a call ends; anything but _OK: decide without Redis */

typedef enum {
    NGX_HTTP_GATEWAY_REDIS_OK = 0,
    NGX_HTTP_GATEWAY_REDIS_BREAKER,     /* open: not asked */
    NGX_HTTP_GATEWAY_REDIS_DOWN,        /* no connection, not asked */
    NGX_HTTP_GATEWAY_REDIS_FULL,        /* too many calls of this worker: not
                                           asked, or not in time; Redis has
                                           not failed */
    NGX_HTTP_GATEWAY_REDIS_TIMEOUT,     /* asked, perhaps carried out */
    NGX_HTTP_GATEWAY_REDIS_CLOSED,      /* likewise */
    NGX_HTTP_GATEWAY_REDIS_ERROR,       /* an error reply: not carried out */
    NGX_HTTP_GATEWAY_REDIS_MALFORMED,   /* a reply that is none of ours */
    NGX_HTTP_GATEWAY_REDIS_STATUSES     /* how many there are */
} ngx_http_gateway_redis_status_e;


/*
 * A script of a module, known by the SHA-1 of its text; static memory.  A
 * connection loads the scripts of all modules while it is made, and again
 * when Redis has forgotten one (NOSCRIPT).
 */

typedef struct {
    ngx_str_t                       text;
    const char                     *name;       /* for the log */
    u_char                          sha[40];    /* hexadecimal; _script() */

    /* the integers that it returns; any other reply is none of ours */
    ngx_uint_t                      head;
    ngx_uint_t                      each;       /* for each key */
} ngx_http_gateway_redis_script_t;


/*
 * "reply" is that of _OK and lives until the handler returns: an array of as
 * many integers as the script says; else NULL.  Never called inside of
 * ngx_http_gateway_redis_call(), and at most once, unless it follows.
 */

typedef void (*ngx_http_gateway_redis_pt)(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);


/*
 * Configuration, once all directives have been read (a directive may name a
 * block that stands behind it): the gateway_redis of a name, which is then
 * used; NULL: there is none.
 */
ngx_http_gateway_redis_t *ngx_http_gateway_redis_find(ngx_conf_t *cf,
    ngx_str_t *name);

/* the same, after the last of them: warns of those that nothing uses */
void ngx_http_gateway_redis_warn_unused(ngx_conf_t *cf);

/*
 * Configuration: makes a script one of those that connections load; again for
 * the same script: nothing.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_script(ngx_conf_t *cf,
    ngx_http_gateway_redis_script_t *script);

/* the block's name, and the prefix of its keys */
ngx_str_t *ngx_http_gateway_redis_name(ngx_http_gateway_redis_t *redis);
ngx_str_t *ngx_http_gateway_redis_prefix(ngx_http_gateway_redis_t *redis);

/*
 * Asks Redis for EVALSHA of a script with "nargs" arguments, of which the
 * first "nkeys" are keys (all in one hash slot).  The arguments are copied.
 * "client" is the number of the client's connection: where more is asked than
 * Redis can answer at once, connections take turns, so that none waits for all
 * calls of another one.
 *
 * _OK: "handler" will be called with "data", within the block's "timeout" of
 * now; "*call" is the handle.  A NULL handler asks on nobody's behalf: the
 * reply is looked at for errors and dropped, and no handle is given.  Any
 * other status: not asked, the handler is not called; costs no wait.
 *
 * Does not suspend; from a worker only.
 */
ngx_http_gateway_redis_status_e ngx_http_gateway_redis_call(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_script_t *script,
    ngx_uint_t nkeys, const ngx_str_t *args, ngx_uint_t nargs,
    ngx_atomic_uint_t client, ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **call);

/*
 * Nobody waits for the call any more: its handler will not be called and the
 * handle is void.  The script may still be carried out.
 */
void ngx_http_gateway_redis_cancel(ngx_http_gateway_redis_call_t *call);

/*
 * In a handler that is told _TIMEOUT or _FULL, of the call that it ends: asks
 * for what becomes of the call after all.  "handler" is called with "data" when
 * the reply comes, or is told _CLOSED when none can come.  NGX_DECLINED: the
 * call was not sent, Redis will not carry it out.
 */
ngx_int_t ngx_http_gateway_redis_follow(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_pt handler, void *data);

/* a word for a status, static: "timeout", "breaker open" and so on */
const char *ngx_http_gateway_redis_status(
    ngx_http_gateway_redis_status_e status);


extern ngx_module_t  ngx_http_gateway_redis_module;


#endif /* _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_ */
