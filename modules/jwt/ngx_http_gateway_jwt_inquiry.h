/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Asking an introspection endpoint about a token, in ACCESS.
 *
 * An inquiry is a question about one token.  All requests of a worker that
 * present the token to the same endpoint wait for one inquiry.  At most 64 are
 * asked at once; others wait for their turn, in order.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_INQUIRY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_INQUIRY_H_INCLUDED_


#include "ngx_http_gateway_jwt_introspect.h"


/* an answer about an active token; valid until control returns to nginx */

typedef struct {
    json_t                             *claims;     /* that are configured */
    ngx_str_t                           body;       /* the whole answer */
} ngx_http_gateway_jwt_said_t;


/*
 * The endpoint's answer about ctx->text, an earlier one or that of a new
 * request.  A request waits for each endpoint at most "timeout".
 *
 * GW_OK: the token is active, and "said" is set.  GW_TOKEN_INACTIVE.
 * GW_INTROSPECTION_UNAVAILABLE: there is no valid answer, too many tokens wait,
 * or the mode is "dry_run" and the answer is not known yet.  GW_WAITING: the
 * request is parked, see ngx_http_gateway_word.h; when the handler is called
 * again, this function must be called again with the same token.  GW_FAILED.
 */
gw_reason_e ngx_http_gateway_jwt_inquire(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_endpoint_t *endpoint,
    ngx_http_gateway_jwt_said_t *said);


#endif /* _NGX_HTTP_GATEWAY_JWT_INQUIRY_H_INCLUDED_ */
