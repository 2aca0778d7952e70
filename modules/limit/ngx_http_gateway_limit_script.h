/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The Lua scripts; their arguments and replies are documented with them.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_


#include "ngx_http_gateway_redis.h"


/*
 * Algorithms and modes of the scripts, of which the arguments hold the bytes.
 * Each is defined once, as X(NAME, name, byte): C has a constant
 * NGX_HTTP_GATEWAY_LIMIT_SCRIPT_NAME, and the text of a script begins with
 * "local name=byte".
 */

#define NGX_HTTP_GATEWAY_LIMIT_SCRIPT_BOTH(X)                                 \
    X(GCRA, gcra, 103)                  /* g */                               \
    X(SLIDING, sliding, 115)            /* s */                               \
    X(FIXED, fixed, 102)                /* f */                               \
    X(LOOK, look, 108)                  /* l: charge nothing */               \
    X(PENALTY, penalty, 112)            /* p: charge a refused request, too,  \
                                           at most what is left */

#define NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DECIDE(X)                               \
    X(DRY_RUN, dry_run, 100)            /* d: never refuse the request */     \
    X(DRY_LOOK, dry_look, 109)          /* m: both */                         \
    X(DRY_PENALTY, dry_penalty, 98)     /* b: both */

#define NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHANGE(X)                               \
    X(DEBT, debt, 99)                   /* c: charge, with a debt */          \
    X(REFUND, refund, 114)              /* r */                               \
    X(SET, set, 119)                    /* w: set the units used */           \
    X(FORGET, forget, 120)              /* x: delete the key */


#define ngx_http_gateway_limit_script_constant(NAME, name, byte)              \
    NGX_HTTP_GATEWAY_LIMIT_SCRIPT_##NAME = byte,

typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHARGE = 0,   /* decide: no byte */

    NGX_HTTP_GATEWAY_LIMIT_SCRIPT_BOTH(ngx_http_gateway_limit_script_constant)
    NGX_HTTP_GATEWAY_LIMIT_SCRIPT_DECIDE(
                                       ngx_http_gateway_limit_script_constant)
    NGX_HTTP_GATEWAY_LIMIT_SCRIPT_CHANGE(
                                       ngx_http_gateway_limit_script_constant)
} ngx_http_gateway_limit_script_e;


/* numbers of integers in a reply */
#define NGX_HTTP_GATEWAY_LIMIT_DECIDE_HEAD   2      /* passed, time */
#define NGX_HTTP_GATEWAY_LIMIT_DECIDE_LIMIT  3      /* left, reset, wait */
#define NGX_HTTP_GATEWAY_LIMIT_CHANGE        6


extern ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_decide_script;
extern ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_change_script;


#endif /* _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_ */
