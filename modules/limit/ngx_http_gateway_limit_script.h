/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The scripts: what they take and return is said where they are.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_


#include "ngx_http_gateway_redis.h"


/* integers of a reply */
#define NGX_HTTP_GATEWAY_LIMIT_DECIDE_HEAD   2      /* passed, time */
#define NGX_HTTP_GATEWAY_LIMIT_DECIDE_LIMIT  3      /* left, reset, wait */
#define NGX_HTTP_GATEWAY_LIMIT_CHANGE        6


extern ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_decide_script;
extern ngx_http_gateway_redis_script_t  ngx_http_gateway_limit_change_script;


#endif /* _NGX_HTTP_GATEWAY_LIMIT_SCRIPT_H_INCLUDED_ */
