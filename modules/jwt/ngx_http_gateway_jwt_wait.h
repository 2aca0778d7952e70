/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Requests that wait for the keys of an issuer.
 *
 * A token whose "kid" is in no set may be signed with a new key.  Its request
 * starts a fetch of the sets that may serve it, unless the last fetch began
 * less than "min" ago, and waits until the fetch has ended, at most "timeout".
 *
 * In each worker, the number of different "kid" that are waited for is limited,
 * and so is the number of requests, so that made-up tokens leave connections
 * for other requests.  A request that finds no place is answered with 503, not
 * with 401, because its token may be valid.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_WAIT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_WAIT_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_remote.h"


/*
 * In ACCESS, after a verification with the keys of "n" sources has failed with
 * "reason": decides whether a fetch can change that.  After the keys were
 * brought up to date, call it before control returns to the event loop.
 *
 * Returns 1 if a fetch has ended meanwhile: bring the keys up to date and
 * verify again.  Otherwise "reason" is set, to the same reason; to
 * GW_KEYS_UNAVAILABLE, set up to be answered with 503; to GW_FAILED, no memory;
 * or to GW_WAITING.  The request is then parked and must call _leave() when
 * ACCESS is called again.  In mode "dry_run" it never is.
 */
ngx_uint_t ngx_http_gateway_jwt_wait(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t *const *sources, size_t n,
    const gw_jws_tries_t *tries, gw_reason_e *reason);

/* returns the place of a request that was parked; no effect for others */
void ngx_http_gateway_jwt_leave(ngx_http_gateway_jwt_ctx_t *ctx);


#endif /* _NGX_HTTP_GATEWAY_JWT_WAIT_H_INCLUDED_ */
