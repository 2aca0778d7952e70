/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The verdict on a request's token.  The steps stop at the first reason to
 * refuse it, the cheap ones first: find the token, parse it, verify its
 * signature, check its claims, look for it in the lists of revoked tokens, find
 * the consumer, check the rules.
 */

#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_known.h"
#include "ngx_http_gateway_jwt_revoked.h"
#include "ngx_http_gateway_jwt_wait.h"


static gw_reason_e ngx_http_gateway_jwt_decide(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_authenticate(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_prove(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_decode(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_check_claims(
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);


/* a location decides anew: what an earlier one has decided is void */

gw_reason_e
ngx_http_gateway_jwt_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_ctx(gr);

    if (r->err_status == 0) {

        /* not in an error page: it keeps the challenge of the refusal */

        ngx_http_gateway_refusal_reset(gr,
                ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_refusal_slot));
    }

    ngx_http_gateway_identity_begin(r, gr, ngx_http_gateway_jwt_method);

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        reason = ngx_http_gateway_jwt_decode(r, ctx, jlcf);

    } else {
        reason = ngx_http_gateway_jwt_decide(r, gr, jlcf);

        if (reason != GW_OK) {

            /* another method may grant access: no identity of this token */

            ngx_http_gateway_identity_begin(r, gr, ngx_http_gateway_jwt_method);
        }
    }

    gr->transient = 0;

    if (reason == GW_WAITING) {
        ctx->judged = 0;
        return GW_WAITING;
    }

    ctx->reason = reason;
    ctx->judged = 1;

    if (reason == GW_OK || jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE
        || jlcf->mode == NGX_HTTP_GATEWAY_DRY_RUN)
    {
        return reason;
    }

    return (ngx_http_gateway_jwt_refused(r, ctx,
                              ngx_http_gateway_jwt_verified(ctx, jlcf))
            == NGX_OK)
           ? reason : GW_FAILED;
}


static gw_reason_e
ngx_http_gateway_jwt_decide(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_ctx(gr);

    if ((reason = ngx_http_gateway_jwt_authenticate(r, ctx, jlcf)) != GW_OK
        || (reason = ngx_http_gateway_jwt_identify(r, gr, jlcf)) != GW_OK)
    {
        return reason;
    }

    return ngx_http_gateway_jwt_check_rules(r, ctx, jlcf);
}


static gw_reason_e
ngx_http_gateway_jwt_authenticate(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e  reason;

    ctx->status = NGX_HTTP_UNAUTHORIZED;
    ctx->retry_after = 0;
    ctx->failed = NULL;
    ctx->unverified = !jlcf->verify;

    ngx_http_gateway_jwt_leave(ctx);

    reason = ngx_http_gateway_jwt_find(r, ctx, jlcf);

    if (jlcf->unusable && reason != GW_FAILED) {
        return GW_UNKNOWN_KEY;
    }

    if (reason != GW_OK
        || (reason = ngx_http_gateway_jwt_prove(r, ctx, jlcf)) != GW_OK
        || (reason = ngx_http_gateway_jwt_check_claims(ctx->token, jlcf))
           != GW_OK)
    {
        if (reason == GW_EXPIRED) {
            ngx_http_gateway_jwt_forget(r, ctx->token);
        }

        return reason;
    }

    /* each time, also for a token that was accepted before */

    reason = ngx_http_gateway_jwt_check_revoked(r, ctx->token, jlcf);
    if (reason != GW_OK) {
        return reason;
    }

    ngx_http_gateway_jwt_remember(r, ctx->token);

    reason = ngx_http_gateway_jwt_introspect_signed(r, ctx, jlcf);
    if (reason != GW_OK) {
        return reason;
    }

    ctx->readable = 1;

    return GW_OK;
}


/* the token is genuine, and its claims are parsed */

static gw_reason_e
ngx_http_gateway_jwt_prove(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e  reason;

    if (jlcf->introspect && ngx_http_gateway_jwt_opaque(&ctx->text)) {
        ctx->unverified = 0;
        return ngx_http_gateway_jwt_introspect_opaque(r, ctx, jlcf);
    }

    if ((reason = ngx_http_gateway_jwt_take_apart(r, ctx)) != GW_OK) {
        return reason;
    }

    if (jlcf->verify && jlcf->keys == NULL) {
        return GW_UNKNOWN_KEY;
    }

    if ((reason = ngx_http_gateway_jwt_check_algorithm(ctx->token, jlcf))
        != GW_OK
        || (reason = ngx_http_gateway_jwt_check_signature(r, ctx, jlcf))
           != GW_OK)
    {
        return reason;
    }

    return ngx_http_gateway_jwt_parse_claims(r, ctx);
}


static gw_reason_e
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

    if (token->jws.alg == NULL) {

        /* opaque: it has no header, and RFC 7662, 2.2, requires no "exp" */

        policy.ntyp = 0;
        policy.require_exp = 0;
    }

    return gw_jwt_check(token->jws.header, token->claims, &policy);
}
