/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection: which endpoints are asked about a token, and what their
 * answers mean for it.
 */

#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_inquiry.h"


static gw_reason_e ngx_http_gateway_jwt_worse(gw_reason_e a, gw_reason_e b);
static ngx_http_gateway_jwt_endpoint_t *ngx_http_gateway_jwt_endpoint_of(
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const json_t *iss);


ngx_uint_t
ngx_http_gateway_jwt_opaque(const ngx_str_t *text)
{
    size_t      i;
    ngx_uint_t  dots;

    dots = 0;

    for (i = 0; i < text->len; i++) {
        dots += (text->data[i] == '.');
    }

    return dots != 2;
}


/* an endpoint that fails does not keep others from accepting the token */

gw_reason_e
ngx_http_gateway_jwt_introspect_opaque(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t                          i;
    gw_reason_e                         reason, worst;
    ngx_http_gateway_jwt_said_t         said;
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_http_gateway_jwt_introspect_t  *in;

    in = jlcf->introspect->elts;
    worst = GW_TOKEN_INACTIVE;

    if (ctx->token) {
        ctx->token->keys = NULL;
    }

    for (i = 0; i < jlcf->introspect->nelts; i++) {

        endpoint = in[i].use.source->endpoint;
        reason = ngx_http_gateway_jwt_inquire(r, ctx, jlcf, endpoint, &said);

        if (reason == GW_WAITING || reason == GW_FAILED) {
            return reason;
        }

        if (reason == GW_OK
            && ngx_http_gateway_jwt_serves(endpoint->jmcf, jlcf, &in[i].use,
                                           json_object_get(said.claims, "iss")))
        {
            return ngx_http_gateway_jwt_answered(r, ctx, jlcf, said.claims,
                                                 &said.body);
        }

        worst = ngx_http_gateway_jwt_worse(worst, reason == GW_OK ? GW_ISSUER
                                                                  : reason);
    }

    return (worst == GW_INTROSPECTION_UNAVAILABLE)
           ? ngx_http_gateway_jwt_unavailable(ctx, worst, 1) : worst;
}


/*
 * Without a response the token may be valid, and a 401 would make the client
 * discard it.
 */

static gw_reason_e
ngx_http_gateway_jwt_worse(gw_reason_e a, gw_reason_e b)
{
    if (a == GW_INTROSPECTION_UNAVAILABLE || b == GW_TOKEN_INACTIVE) {
        return a;
    }

    return b;
}


gw_reason_e
ngx_http_gateway_jwt_introspect_signed(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                       reason;
    const json_t                     *iss, *other;
    ngx_http_gateway_jwt_said_t       said;
    ngx_http_gateway_jwt_endpoint_t  *endpoint;

    if (ctx->token->jws.alg == NULL
        || !ngx_http_gateway_jwt_asks_always(jlcf))
    {
        return GW_OK;
    }

    iss = json_object_get(ctx->token->claims, "iss");

    endpoint = ngx_http_gateway_jwt_endpoint_of(jlcf, iss);
    if (endpoint == NULL) {
        return GW_ISSUER;
    }

    reason = ngx_http_gateway_jwt_inquire(r, ctx, jlcf, endpoint, &said);

    if (reason == GW_INTROSPECTION_UNAVAILABLE) {
        return ngx_http_gateway_jwt_unavailable(ctx, reason, 1);
    }

    if (reason != GW_OK) {
        return reason;
    }

    other = json_object_get(said.claims, "iss");

    return (other == NULL || json_equal(other, iss)) ? GW_OK
                                                     : GW_TOKEN_INACTIVE;
}


/* the first endpoint for signed tokens of the issuer; NULL: there is none */

static ngx_http_gateway_jwt_endpoint_t *
ngx_http_gateway_jwt_endpoint_of(const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    const json_t *iss)
{
    ngx_uint_t                          i;
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_http_gateway_jwt_introspect_t  *in;

    in = jlcf->introspect->elts;

    for (i = 0; i < jlcf->introspect->nelts; i++) {

        endpoint = in[i].use.source->endpoint;

        if (in[i].when == NGX_HTTP_GATEWAY_JWT_ALWAYS
            && ngx_http_gateway_jwt_serves(endpoint->jmcf, jlcf, &in[i].use,
                                           iss))
        {
            return endpoint;
        }
    }

    return NULL;
}
