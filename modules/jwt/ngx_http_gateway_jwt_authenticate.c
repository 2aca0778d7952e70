/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The steps from a request to a verdict, the cheap ones first: find the token,
 * parse it, verify its signature, check its claims.  The first reason other
 * than GW_OK ends them.
 */

#include "ngx_http_gateway_jwt.h"


static gw_reason_e ngx_http_gateway_jwt_check_claims(
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


gw_reason_e
ngx_http_gateway_jwt_authenticate(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                    reason;
    ngx_http_gateway_jwt_token_t  *token;

    ctx->status = NGX_HTTP_UNAUTHORIZED;
    ctx->failed = NULL;
    ctx->unverified = !jlcf->verify;

    reason = ngx_http_gateway_jwt_find(r, ctx, jlcf);

    if (jlcf->unusable && reason != GW_FAILED) {
        return GW_UNKNOWN_KEY;
    }

    if (reason != GW_OK
        || (reason = ngx_http_gateway_jwt_take_apart(r, ctx)) != GW_OK)
    {
        return reason;
    }

    token = ctx->token;

    if ((reason = ngx_http_gateway_jwt_check_algorithm(token, jlcf)) != GW_OK
        || (reason = ngx_http_gateway_jwt_check_signature(r, ctx, jlcf))
           != GW_OK
        || (reason = ngx_http_gateway_jwt_parse_claims(r, ctx)) != GW_OK
        || (reason = ngx_http_gateway_jwt_check_claims(token, jlcf)) != GW_OK)
    {
        return reason;
    }

    ctx->readable = 1;

    return GW_OK;
}


gw_reason_e
ngx_http_gateway_jwt_decode(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e  reason;

    ctx->unverified = 1;

    if ((reason = ngx_http_gateway_jwt_find(r, ctx, jlcf)) != GW_OK
        || (reason = ngx_http_gateway_jwt_take_apart(r, ctx)) != GW_OK
        || (reason = ngx_http_gateway_jwt_parse_claims(r, ctx)) != GW_OK)
    {
        return reason;
    }

    ctx->readable = 1;

    return GW_OK;
}


static gw_reason_e
ngx_http_gateway_jwt_check_claims(ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_jwt_policy_t  policy;

    policy = jlcf->policy;
    policy.now = ngx_time();

    return gw_jwt_check(token->jws.header, token->claims, &policy);
}
