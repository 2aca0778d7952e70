/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The token of a request: parsing it, and how long it is kept.
 */

#include "ngx_http_gateway_jwt_known.h"


static ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_known_token(
    ngx_http_request_t *r, const ngx_http_gateway_jwt_ctx_t *ctx);
static gw_reason_e ngx_http_gateway_jwt_parse_token(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
static ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_create_token(
    ngx_http_request_t *r, size_t len);
#if (NGX_DEBUG)
static void ngx_http_gateway_jwt_say_token(ngx_http_request_t *r,
    const gw_jws_t *jws);
#endif
static gw_reason_e ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_json_limit_t *limit);
static void ngx_http_gateway_jwt_free_token(void *data);


ngx_uint_t  ngx_http_gateway_jwt_method;
ngx_uint_t  ngx_http_gateway_jwt_slot;
ngx_uint_t  ngx_http_gateway_jwt_refusal_slot;


/*
 * After an internal redirect a token of the same bytes is not parsed again,
 * unless the locations limit its values differently.
 */

gw_reason_e
ngx_http_gateway_jwt_take_apart(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_reason_e                    reason;
    ngx_http_gateway_jwt_token_t  *token;

    token = ctx->token;

    if (token && token->jws.alg
        && ngx_http_gateway_same(&token->text, &ctx->text)
        && token->max_values == ctx->max_values)
    {
        return GW_OK;
    }

    ctx->token = ngx_http_gateway_jwt_known_token(r, ctx);

    if (ctx->token == NULL) {
        reason = ngx_http_gateway_jwt_parse_token(r, ctx);
        if (reason != GW_OK) {
            return reason;
        }
    }

    ctx->token->text = ctx->text;
    ctx->token->max_values = ctx->max_values;

#if (NGX_DEBUG)
    ngx_http_gateway_jwt_say_token(r, &ctx->token->jws);
#endif

    return GW_OK;
}


/*
 * A token of the table, with references of its own, so that it ends like a
 * parsed one.  NULL: there is none, or no memory.
 */

static ngx_http_gateway_jwt_token_t *
ngx_http_gateway_jwt_known_token(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_known_t                    *known;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_jwt_token_t  *token;

    if (ctx->unverified) {
        return NULL;
    }

    known = ngx_http_gateway_jwt_known_find(
                ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module),
                &ctx->text, ctx->max_values);
    if (known == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_jwt_token_t));
    if (cln == NULL) {
        return NULL;
    }

    token = cln->data;

    ngx_memzero(token, sizeof(ngx_http_gateway_jwt_token_t));

    token->known = gw_known_ref(known);
    token->jws = known->jws;
    token->claims = json_incref(known->claims);
    (void) json_incref(token->jws.header);
    (void) json_incref(token->jws.whole);

    token->cleanup = cln;
    cln->handler = ngx_http_gateway_jwt_free_token;

    return token;
}


static gw_reason_e
ngx_http_gateway_jwt_parse_token(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_reason_e                        reason;
    gw_jws_error_t                     error;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ngx_http_gateway_jwt_create_token(r, ctx->text.len);
    if (token == NULL) {
        return GW_FAILED;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    reason = gw_jws_parse(&token->jws, jmcf->memo, ctx->text.data,
                          ctx->text.len, (u_char *) (token + 1), &error);
    if (reason != GW_OK) {
        ngx_http_gateway_jwt_explain(r, ctx, &error);
        ngx_http_gateway_jwt_free_token(token);
        return reason;
    }

    ctx->token = token;

    return GW_OK;
}


#if (NGX_DEBUG)

static void
ngx_http_gateway_jwt_say_token(ngx_http_request_t *r, const gw_jws_t *jws)
{
    ngx_str_t  kid;

    kid.data = (u_char *) jws->kid;
    kid.len = jws->kid_len;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: token of alg \"%s\", kid \"%V\"",
                   jws->alg->name, ngx_http_gateway_printable(&kid));
}

#endif


void
ngx_http_gateway_jwt_explain(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_jws_error_t *error)
{
    size_t   len;
    u_char  *p;

    if (r->connection->log->log_level < NGX_LOG_INFO) {
        return;
    }

    len = ngx_strlen(error->why);

    p = ngx_pnalloc(r->pool, len + error->kid_len);
    if (p == NULL) {
        return;
    }

    ctx->why.data = p;
    ctx->why.len = len;
    ctx->kid.data = ngx_cpymem(p, error->why, len);
    ctx->kid.len = error->kid_len;

    ngx_memcpy(ctx->kid.data, error->kid, error->kid_len);
}


gw_reason_e
ngx_http_gateway_jwt_answered(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, json_t *claims,
    const ngx_str_t *payload)
{
    u_char                        *p;
    ngx_http_gateway_jwt_token_t  *token;

    token = ctx->token;

    if (token == NULL || token->claims != claims) {
        ctx->token = NULL;

        token = ngx_http_gateway_jwt_create_token(r, payload->len);
        if (token == NULL) {
            return GW_FAILED;
        }

        p = (u_char *) (token + 1);
        ngx_memcpy(p, payload->data, payload->len);

        token->jws.payload = p;
        token->jws.payload_len = payload->len;
        token->claims = json_incref(claims);
    }

    token->text = ctx->text;
    token->keys = jlcf->introspect;
    token->open = jlcf->open;

    ctx->token = token;

    return GW_OK;
}


/* with "size" bytes at its end for what "jws" points to */

static ngx_http_gateway_jwt_token_t *
ngx_http_gateway_jwt_create_token(ngx_http_request_t *r, size_t len)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_jwt_token_t  *token;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    token = ngx_alloc(sizeof(ngx_http_gateway_jwt_token_t)
                      + gw_jws_buffer_size(len), r->connection->log);
    if (token == NULL) {
        return NULL;
    }

    ngx_memzero(token, sizeof(ngx_http_gateway_jwt_token_t));

    token->cleanup = cln;

    cln->data = token;
    cln->handler = ngx_http_gateway_jwt_free_token;

    return token;
}


/* called directly, or as a cleanup of the request's pool */

static void
ngx_http_gateway_jwt_free_token(void *data)
{
    ngx_http_gateway_jwt_token_t *token = data;

    token->cleanup->handler = NULL;

    json_decref(token->claims);
    json_decref(token->all);
    gw_jws_release(&token->jws);

    if (token->known) {
        gw_known_unref(token->known);
        return;
    }

    ngx_free(token);
}


ngx_uint_t
ngx_http_gateway_jwt_verified(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    const ngx_http_gateway_jwt_token_t  *token;

    token = ctx->token;

    return ctx->found == GW_OK && token && token->claims
           && token->keys
           && ((jlcf->verify && token->keys == jlcf->keys)
               || token->keys == jlcf->introspect)
           && token->open == jlcf->open
           && ngx_http_gateway_same(&token->text, &ctx->text);
}


/*
 * A token that was not verified, and that no identity points into, is freed: it
 * is parsed again if a variable is read.
 */

void
ngx_http_gateway_jwt_finish(ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    if (ctx->token == NULL || ctx->token->kept) {
        return;
    }

    if ((ctx->reason == GW_OK && jlcf->enable == NGX_HTTP_GATEWAY_JWT_ON)
        || (ctx->readable && !ctx->unverified))
    {
        ctx->token->kept = 1;
        return;
    }

    ngx_http_gateway_jwt_free_token(ctx->token);
    ctx->token = NULL;
}


ngx_http_gateway_jwt_token_t *
ngx_http_gateway_jwt_token(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    if (!ctx->readable) {
        return NULL;
    }

    if (ctx->token == NULL) {

        if (ngx_http_gateway_jwt_take_apart(r, ctx) != GW_OK) {
            return NULL;
        }

        ctx->token->kept = 1;
    }

    return (ngx_http_gateway_jwt_parse_claims(r, ctx) == GW_OK)
           ? ctx->token : NULL;
}


/*
 * A client can send any token: until the signature is verified, no more than
 * "iss" is kept.
 */

gw_reason_e
ngx_http_gateway_jwt_parse_issuer(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_json_limit_t                limit;
    ngx_http_gateway_jwt_token_t  *token;

    static const gw_text_t  iss = { 3, (const unsigned char *) "iss" };

    static const gw_json_names_t  names = { 1, &iss };

    token = ctx->token;

    if (token->claims) {
        return GW_OK;
    }

    limit.values = token->max_values;
    limit.names = &names;
    limit.flat = 1;

    token->partial = 1;

    return ngx_http_gateway_jwt_parse(r, ctx, &limit);
}


/* the claims that the configuration reads, in any location */

gw_reason_e
ngx_http_gateway_jwt_parse_claims(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_json_limit_t                    limit;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ctx->token;

    if (token->claims && !token->partial) {
        return GW_OK;
    }

    json_decref(token->claims);
    token->claims = NULL;
    token->partial = 0;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    limit.values = token->max_values;
    limit.names = &jmcf->names;
    limit.flat = 0;

    return ngx_http_gateway_jwt_parse(r, ctx, &limit);
}


static gw_reason_e
ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_json_limit_t *limit)
{
    gw_reason_e                    reason;
    gw_jws_error_t                 error;
    ngx_http_gateway_jwt_token_t  *token;

    token = ctx->token;

    reason = gw_jwt_parse(&token->claims, token->jws.payload,
                          token->jws.payload_len, limit, &error);

    if (reason != GW_OK) {
        ngx_http_gateway_jwt_explain(r, ctx, &error);
    }

    return reason;
}


const json_t *
ngx_http_gateway_jwt_all_claims(ngx_http_gateway_jwt_token_t *token)
{
    if (token->all == NULL) {
        token->all = gw_json_parse(token->jws.payload, token->jws.payload_len,
                                   NULL);
    }

    return token->all;
}
