/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The Redis client: modules call Lua scripts over nginx's own connections.
 *
 * Each worker has one connection (or the number that "connections" sets) to
 * each gateway_redis, shared by the requests of all clients.  Calls are
 * appended to one buffer, which is written once per turn of the event loop;
 * the replies arrive in the same order.  Workers do not wait for each other.
 * The client does not know what a script does.
 *
 * The caller has a handle while its call is pending.  The client owns the
 * memory of the call: a request that ends cancels its call, and the client
 * drops the reply when it arrives.
 */

#ifndef _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_resp.h"


typedef struct ngx_http_gateway_redis_s       ngx_http_gateway_redis_t;
typedef struct ngx_http_gateway_redis_call_s  ngx_http_gateway_redis_call_t;


/* the result of a call; unless it is _OK, the caller decides without Redis */

typedef enum {
    NGX_HTTP_GATEWAY_REDIS_OK = 0,
    NGX_HTTP_GATEWAY_REDIS_BREAKER,     /* it is open; not sent */
    NGX_HTTP_GATEWAY_REDIS_DOWN,        /* no connection; not sent */
    NGX_HTTP_GATEWAY_REDIS_FULL,        /* more calls of this worker than
                                           Redis can answer: not sent, or
                                           late; Redis has not failed */
    NGX_HTTP_GATEWAY_REDIS_TIMEOUT,     /* may have been executed */
    NGX_HTTP_GATEWAY_REDIS_CLOSED,      /* may have been executed */
    NGX_HTTP_GATEWAY_REDIS_ERROR,       /* an error reply: not executed */
    NGX_HTTP_GATEWAY_REDIS_MALFORMED,   /* not the reply of the script */
    NGX_HTTP_GATEWAY_REDIS_STATUSES     /* how many there are */
} ngx_http_gateway_redis_status_e;


/*
 * A script of a module, identified by the SHA-1 of its text; static memory.  A
 * new connection loads the scripts of all modules.  If Redis no longer has a
 * script (NOSCRIPT), it is loaded again.
 */

typedef struct {
    ngx_str_t                       text;
    const char                     *name;       /* for the log */
    u_char                          sha[40];    /* hexadecimal, by _script() */

    /* how many integers it returns; any other reply is malformed */
    ngx_uint_t                      head;       /* always */
    ngx_uint_t                      each;       /* and for each key */
} ngx_http_gateway_redis_script_t;


/*
 * The handler of a call.  With _OK, "reply" is an array of the integers that
 * the script returned, valid until the handler returns; otherwise it is NULL.
 * The handler is never called inside ngx_http_gateway_redis_call().  It is
 * called at most once, unless it calls ngx_http_gateway_redis_follow().
 */

typedef void (*ngx_http_gateway_redis_pt)(void *data,
    ngx_http_gateway_redis_status_e status, const gw_resp_t *reply);


/*
 * Configuration: finds the gateway_redis of a name and marks it as used; NULL
 * if there is none.  To be called when all directives have been read, since the
 * block may follow the directive that names it.
 */
ngx_http_gateway_redis_t *ngx_http_gateway_redis_find(ngx_conf_t *cf,
    ngx_str_t *name);

/* configuration, after the last _find(): warns of unused blocks */
void ngx_http_gateway_redis_warn_unused(ngx_conf_t *cf);

/*
 * Configuration: registers a script, which connections then load.  Has no
 * effect if the script is registered already.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_redis_script(ngx_conf_t *cf,
    ngx_http_gateway_redis_script_t *script);

/* the name of the block, and the prefix of its keys */
ngx_str_t *ngx_http_gateway_redis_name(ngx_http_gateway_redis_t *redis);
ngx_str_t *ngx_http_gateway_redis_prefix(ngx_http_gateway_redis_t *redis);

/*
 * Calls a script by EVALSHA with "nargs" arguments, of which the first "nkeys"
 * are keys (all in one hash slot).  The arguments are copied.  "client" is the
 * number of the client's connection: when calls have to wait, the connections
 * of clients take turns, so that none waits for all calls of another one.
 *
 * _OK: "handler" will be called with "data" within the "timeout" of the block,
 * and "*call" is the handle.  If "handler" is NULL, the reply is checked for
 * errors and dropped, and there is no handle.  Any other status: the call was
 * not made, and the handler will not be called.
 *
 * Does not suspend; only for worker processes.
 */
ngx_http_gateway_redis_status_e ngx_http_gateway_redis_call(
    ngx_http_gateway_redis_t *redis, ngx_http_gateway_redis_script_t *script,
    ngx_uint_t nkeys, const ngx_str_t *args, ngx_uint_t nargs,
    ngx_atomic_uint_t client, ngx_http_gateway_redis_pt handler, void *data,
    ngx_http_gateway_redis_call_t **call);

/*
 * Cancels a call: its handler will not be called, and the handle is no longer
 * valid.  Redis may still execute the script.
 */
void ngx_http_gateway_redis_cancel(ngx_http_gateway_redis_call_t *call);

/*
 * Inside a handler with _TIMEOUT or _FULL: makes "handler" the handler of the
 * late reply.  It is called with the reply, or with _CLOSED or _MALFORMED if
 * the connection is lost first.  NGX_DECLINED: the call was not sent, so Redis
 * will not execute it.
 */
ngx_int_t ngx_http_gateway_redis_follow(ngx_http_gateway_redis_call_t *call,
    ngx_http_gateway_redis_pt handler, void *data);

/* the static text of a status, such as "timeout" or "breaker open" */
const char *ngx_http_gateway_redis_status(
    ngx_http_gateway_redis_status_e status);


extern ngx_module_t  ngx_http_gateway_redis_module;


#endif /* _NGX_HTTP_GATEWAY_REDIS_H_INCLUDED_ */
