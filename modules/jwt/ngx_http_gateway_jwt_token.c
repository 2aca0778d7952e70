/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * From a request to a verdict: find the token, take it apart, verify its
 * signature, judge its claims.  The steps stand in the order in which a
 * request meets them, the cheap ones first; each returns the reason to stop.
 */

#include "ngx_http_gateway_jwt.h"
#include "gw_source.h"


#define NGX_HTTP_GATEWAY_JWT_ARGUMENT                                         \
    ((ngx_uint_t) 1 << NGX_HTTP_GATEWAY_ARGUMENT)


static gw_reason_e ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static void ngx_http_gateway_jwt_no_token(ngx_http_gateway_jwt_ctx_t *ctx);
static gw_reason_e ngx_http_gateway_jwt_unwrap(ngx_str_t *text);
static gw_reason_e ngx_http_gateway_jwt_take_apart(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
static void ngx_http_gateway_jwt_explain(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_jws_error_t *error);
static ngx_http_gateway_jwt_token_t *ngx_http_gateway_jwt_create_token(
    ngx_http_request_t *r, const ngx_str_t *text);
static gw_reason_e ngx_http_gateway_jwt_check_algorithm(
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_verify(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, gw_jwk_set_t **sets,
    size_t n);
#if (NGX_DEBUG)
static void ngx_http_gateway_jwt_say_key(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const gw_jws_tries_t *tries);
static void ngx_http_gateway_jwt_say_token(ngx_http_request_t *r,
    const gw_jws_t *jws);
#endif
static size_t ngx_http_gateway_jwt_choose_keys(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, gw_jwk_set_t **sets);
static ngx_uint_t ngx_http_gateway_jwt_key_serves(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    const ngx_http_gateway_jwt_key_use_t *use, const json_t *iss);
static gw_reason_e ngx_http_gateway_jwt_parse_issuer(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
static gw_reason_e ngx_http_gateway_jwt_parse_claims(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx);
static gw_reason_e ngx_http_gateway_jwt_parse(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx, const gw_json_limit_t *limit);
static gw_reason_e ngx_http_gateway_jwt_check_claims(
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static void ngx_http_gateway_jwt_free_token(void *data);


static ngx_http_gateway_source_t  ngx_http_gateway_jwt_bearer = {
    NGX_HTTP_GATEWAY_BEARER, ngx_null_string, 0
};


static const ngx_array_t  ngx_http_gateway_jwt_default = {
    &ngx_http_gateway_jwt_bearer, 1, sizeof(ngx_http_gateway_source_t), 1, NULL
};


ngx_uint_t  ngx_http_gateway_jwt_method;
ngx_uint_t  ngx_http_gateway_jwt_slot;
ngx_uint_t  ngx_http_gateway_jwt_refusal_slot;


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
ngx_http_gateway_jwt_find(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ctx->readable = 0;
    ctx->max_values = jlcf->max_values;
    ngx_str_null(&ctx->refused);
    ngx_str_null(&ctx->why);
    ngx_str_null(&ctx->kid);

    ctx->sources = ngx_http_gateway_jwt_sources(jlcf);

    ngx_http_gateway_sources_find(r, ctx->sources, &ctx->shown);

    ctx->found = ctx->shown.reason;
    ctx->text = ctx->shown.value;

    if (ctx->found == GW_OK
        && ctx->shown.source->kind == NGX_HTTP_GATEWAY_HEADER)
    {
        ctx->found = ngx_http_gateway_jwt_unwrap(&ctx->text);
    }

    if (ctx->found == GW_MALFORMED_HEADER) {
        ngx_http_gateway_jwt_no_token(ctx);
    }

    if (ctx->found == GW_OK && ctx->text.len > jlcf->max_size) {
        return GW_TOO_LARGE;
    }

    return ctx->found;
}


/* why what the sources hold is no token, for the log */

static void
ngx_http_gateway_jwt_no_token(ngx_http_gateway_jwt_ctx_t *ctx)
{
    ngx_uint_t                        i;
    const ngx_http_gateway_source_t  *source;

    source = ctx->sources->elts;

    for (i = 0; i < ctx->sources->nelts; i++) {

        if (ctx->shown.said[i] != GW_MALFORMED_HEADER) {
            continue;
        }

        if (source[i].kind == NGX_HTTP_GATEWAY_BEARER) {
            ngx_str_set(&ctx->why,
                        "Authorization is not \"Bearer\", a space and a token");
        } else {
            ngx_str_set(&ctx->why, "the name before the token is misspelled");
        }

        return;
    }

    ngx_str_set(&ctx->why, "\"Bearer\" in the header is not followed by a space"
                           " and a token");
}


/*
 * Proxies send a token on in a header of their own as they have received it,
 * with its scheme.  A value with another scheme is no token, and no missing one
 * either: it is refused as the token that it is taken for.
 */

static gw_reason_e
ngx_http_gateway_jwt_unwrap(ngx_str_t *text)
{
    gw_text_t  value, token;

    value.len = text->len;
    value.data = text->data;

    switch (gw_source_bearer(&value, &token)) {

    case GW_SOURCE_EXACT:
        text->len = token.len;
        text->data = (u_char *) token.data;
        return GW_OK;

    case GW_SOURCE_VARIANT:
        return GW_MALFORMED_HEADER;

    default:
        return GW_OK;
    }
}


/* with the refusal a URI is logged, and lines are not */

ngx_int_t
ngx_http_gateway_jwt_hide_argument(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    return ngx_http_gateway_sources_hide(r, ctx->sources, &ctx->shown,
                                         NGX_HTTP_GATEWAY_JWT_ARGUMENT);
}


ngx_int_t
ngx_http_gateway_jwt_hide(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    ngx_http_gateway_hid(r, ngx_http_gateway_jwt_method);

    return ngx_http_gateway_sources_hide(r, ctx->sources, &ctx->shown,
                                         ~NGX_HTTP_GATEWAY_JWT_ARGUMENT);
}


ngx_int_t
ngx_http_gateway_jwt_hide_early(ngx_http_request_t *r)
{
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    return ngx_http_gateway_hide_sources(r,
                                         ngx_http_gateway_jwt_sources(jlcf));
}


const ngx_array_t *
ngx_http_gateway_jwt_sources(const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    return jlcf->sources ? jlcf->sources : &ngx_http_gateway_jwt_default;
}


/*
 * The bytes of the token at hand are not taken apart twice, where no location
 * accepts fewer values than the other.
 */

static gw_reason_e
ngx_http_gateway_jwt_take_apart(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx)
{
    gw_reason_e                        reason;
    gw_jws_error_t                     error;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ctx->token;

    if (token && ngx_http_gateway_same(&token->text, &ctx->text)
        && token->max_values == ctx->max_values)
    {
        return GW_OK;
    }

    ctx->token = NULL;

    token = ngx_http_gateway_jwt_create_token(r, &ctx->text);
    if (token == NULL) {
        return GW_FAILED;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    reason = gw_jws_parse(&token->jws, jmcf->memo, token->text.data,
                          token->text.len, (u_char *) (token + 1), &error);
    if (reason != GW_OK) {
        ngx_http_gateway_jwt_explain(r, ctx, &error);
        ngx_http_gateway_jwt_free_token(token);
        return reason;
    }

    token->max_values = ctx->max_values;
    ctx->token = token;

#if (NGX_DEBUG)
    ngx_http_gateway_jwt_say_token(r, &token->jws);
#endif

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


/* keeps what the log shows of a refused token; without memory, nothing */

static void
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


/* with room behind it for the bytes that "jws" points to */

static ngx_http_gateway_jwt_token_t *
ngx_http_gateway_jwt_create_token(ngx_http_request_t *r, const ngx_str_t *text)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_jwt_token_t  *token;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    token = ngx_alloc(sizeof(ngx_http_gateway_jwt_token_t)
                      + gw_jws_buffer_size(text->len), r->connection->log);
    if (token == NULL) {
        return NULL;
    }

    ngx_memzero(token, sizeof(ngx_http_gateway_jwt_token_t));

    token->text = *text;
    token->cleanup = cln;

    cln->data = token;
    cln->handler = ngx_http_gateway_jwt_free_token;

    return token;
}


/* at once, or with the request's pool */

static void
ngx_http_gateway_jwt_free_token(void *data)
{
    ngx_http_gateway_jwt_token_t *token = data;

    token->cleanup->handler = NULL;

    json_decref(token->claims);
    json_decref(token->all);
    gw_jws_release(&token->jws);

    ngx_free(token);
}


ngx_uint_t
ngx_http_gateway_jwt_verified(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    const ngx_http_gateway_jwt_token_t  *token;

    token = ctx->token;

    return jlcf->verify && ctx->found == GW_OK && token && token->claims
           && token->keys && token->keys == jlcf->keys
           && token->open == jlcf->open
           && ngx_http_gateway_same(&token->text, &ctx->text);
}


/*
 * Of one that was never verified and that no identity points into, the text
 * is enough: it is taken apart again if a variable is read.
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
 * Without gateway_jwt_algorithms: every asymmetric one, and HMAC only where
 * no key could be anything else, so that a public key is never a secret.
 */

static gw_reason_e
ngx_http_gateway_jwt_check_algorithm(const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t                       i;
    gw_jwa_set_t                     alg, allowed;
    ngx_http_gateway_jwt_key_use_t  *use;

    alg = gw_jwa_bit(token->jws.alg);
    allowed = jlcf->algorithms ? jlcf->algorithms : gw_jwa_asymmetric;

    if (alg & allowed) {
        return GW_OK;
    }

    if (jlcf->algorithms || !(alg & gw_jwa_hmac)) {
        return GW_ALGORITHM_NOT_ALLOWED;
    }

    if (!jlcf->verify) {
        return GW_OK;
    }

    use = jlcf->keys->elts;

    for (i = 0; i < jlcf->keys->nelts; i++) {
        if (!gw_jwk_set_only_oct(use[i].file->set)) {
            return GW_ALGORITHM_NOT_ALLOWED;
        }
    }

    return GW_OK;
}


/*
 * A signature that was verified is not verified again for the same bytes
 * and the same keys: another location of the same request asks anew, with
 * its own keys, and gets its own answer.
 */

static gw_reason_e
ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    size_t                             n;
    gw_jwk_set_t                      *sets[NGX_HTTP_GATEWAY_JWT_MAX_KEY_FILES];
    gw_reason_e                        reason;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (!jlcf->verify) {
        return GW_OK;
    }

    token = ctx->token;
    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    if (token->keys == jlcf->keys && token->open == jlcf->open
        && token->generation == jmcf->generation)
    {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: the signature is verified already");
        return GW_OK;
    }

    /*
     * Which keys may serve depends on "iss", the one claim read before, where
     * one of them, or another one of the configuration, is bound to an issuer.
     */

    if (jlcf->bound || (jlcf->open && jmcf->bound.nelts)) {
        reason = ngx_http_gateway_jwt_parse_issuer(r, ctx);
        if (reason != GW_OK) {
            return reason;
        }
    }

    n = ngx_http_gateway_jwt_choose_keys(jmcf, token, jlcf, sets);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: %uz of %ui key files may serve the issuer",
                   n, jlcf->keys->nelts);

    if (n == 0) {
        return GW_ISSUER;
    }

    return ngx_http_gateway_jwt_verify(r, ctx, jlcf, sets, n);
}


/* RFC 7515, 5.2: what was verified is remembered with its keys */

static gw_reason_e
ngx_http_gateway_jwt_verify(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, gw_jwk_set_t **sets, size_t n)
{
    gw_reason_e                        reason;
    gw_jws_error_t                     error;
    gw_jws_tries_t                     tries;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ctx->token;
    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    token->keys = NULL;

    reason = gw_jws_verify(&token->jws, sets, n, &tries);

#if (NGX_DEBUG)
    ngx_http_gateway_jwt_say_key(r, jlcf, &tries);
#endif

    if (reason == GW_MALFORMED_SIGNATURE) {
        gw_jws_explain_length(&token->jws, &error);
        ngx_http_gateway_jwt_explain(r, ctx, &error);
    }

    if (reason == GW_OK && jmcf->header) {
        reason = gw_jws_complete(&token->jws);
    }

    if (reason == GW_OK) {
        gw_jws_memo_add(jmcf->memo, &token->jws);

        token->keys = jlcf->keys;
        token->open = jlcf->open;
        token->generation = jmcf->generation;
    }

    return reason;
}


#if (NGX_DEBUG)

/* which key it was: the sets of a location are those of its files */

static void
ngx_http_gateway_jwt_say_key(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const gw_jws_tries_t *tries)
{
    ngx_str_t                        kid;
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    if (tries->set == NULL) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: no key fits, named:%ud", tries->named);
        return;
    }

    kid.data = (u_char *) tries->kid;
    kid.len = tries->kid_len;

    use = jlcf->keys->elts;

    for (i = 0; use[i].file->set != tries->set; i++) { /* void */ }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: key %ud tried: kid \"%V\" of \"%V\", %s",
                   tries->fit, ngx_http_gateway_printable(&kid), &use[i].path,
                   (tries->reason == GW_OK) ? "verified"
                                            : gw_reason_word(tries->reason));
}

#endif


/* the sets that may serve the token; their number */

static size_t
ngx_http_gateway_jwt_choose_keys(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, gw_jwk_set_t **sets)
{
    size_t                           n;
    ngx_uint_t                       i;
    const json_t                    *iss;
    ngx_http_gateway_jwt_key_use_t  *use;

    iss = json_object_get(token->claims, "iss");
    use = jlcf->keys->elts;
    n = 0;

    for (i = 0; i < jlcf->keys->nelts; i++) {
        if (ngx_http_gateway_jwt_key_serves(jmcf, jlcf, &use[i], iss)) {
            sets[n++] = use[i].file->set;
        }
    }

    return n;
}


/*
 * A key that is bound to an issuer serves its tokens only, and one that is not
 * serves those of no issuer that others are bound to: it must not make names
 * of theirs.  Where gateway_jwt_issuer has one value, a token of another
 * issuer is refused with its claims.
 */

static ngx_uint_t
ngx_http_gateway_jwt_key_serves(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    const ngx_http_gateway_jwt_key_use_t *use, const json_t *iss)
{
    size_t       len;
    const char  *text;

    text = json_string_value(iss);
    len = json_string_length(iss);

    if (use->issuer.len) {
        return use->issuer.len == len
               && ngx_memcmp(use->issuer.data, text, len) == 0;
    }

    return !jlcf->open || text == NULL
           || !ngx_http_gateway_jwt_foreign(jmcf, text, len, &use->path);
}


/*
 * Before the signature is verified no more than "iss" is built: anybody may
 * send anything.
 */

static gw_reason_e
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


/* what the configuration reads, in any location */

static gw_reason_e
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


static gw_reason_e
ngx_http_gateway_jwt_check_claims(ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_jwt_policy_t  policy;

    policy = jlcf->policy;
    policy.now = ngx_time();

    return gw_jwt_check(token->jws.header, token->claims, &policy);
}
