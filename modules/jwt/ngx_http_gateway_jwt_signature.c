/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The algorithm of a token, its signature, and gateway_jwt_algorithms.
 */

#include "ngx_http_gateway_jwt_count.h"
#include "ngx_http_gateway_jwt_known.h"
#include "ngx_http_gateway_jwt_wait.h"


/* how often a token is verified in one call, if its keys change meanwhile */
#define NGX_HTTP_GATEWAY_JWT_TURNS  8


static gw_reason_e ngx_http_gateway_jwt_find_keys(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources, size_t *n);
static void ngx_http_gateway_jwt_verified_by(
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_verify(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources, size_t n, gw_jws_tries_t *tries);
#if (NGX_DEBUG)
static void ngx_http_gateway_jwt_say_key(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const gw_jws_tries_t *tries);
#endif


/*
 * Without gateway_jwt_algorithms every asymmetric algorithm is allowed, and
 * HMAC only if all keys are secrets in files: a public key must never be used
 * as a secret, and an issuer must not decide that HMAC is allowed.
 */

gw_reason_e
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
        if (use[i].kind != NGX_HTTP_GATEWAY_JWT_FILE
            || !gw_jwk_set_only_oct(use[i].source->set))
        {
            return GW_ALGORITHM_NOT_ALLOWED;
        }
    }

    return GW_OK;
}


/* again if keys arrive between the choice of the keys and the verdict */

gw_reason_e
ngx_http_gateway_jwt_check_signature(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    size_t                          n;
    ngx_uint_t                      turn;
    gw_reason_e                     reason;
    gw_jws_tries_t                  tries;
    ngx_http_gateway_jwt_source_t  *sources[NGX_HTTP_GATEWAY_JWT_MAX_SOURCES];

    if (!jlcf->verify) {
        return GW_OK;
    }

    for (turn = 0; turn < NGX_HTTP_GATEWAY_JWT_TURNS; turn++) {

        reason = ngx_http_gateway_jwt_find_keys(r, ctx, jlcf, sources, &n);

        if (reason != GW_OK || n == 0) {
            return reason;
        }

        reason = ngx_http_gateway_jwt_verify(r, ctx, jlcf, sources, n, &tries);

        if (reason == GW_OK
            || !ngx_http_gateway_jwt_wait(r, ctx, jlcf, sources, n, &tries,
                                          &reason))
        {
            /* without keys, the token was not verified */

            if (reason != GW_WAITING && reason != GW_KEYS_UNAVAILABLE) {
                ngx_http_gateway_jwt_count_token(
                            ngx_http_get_module_main_conf(r,
                                           ngx_http_gateway_jwt_module), 0);
            }

            return reason;
        }
    }

    return ngx_http_gateway_jwt_unavailable(ctx, GW_KEYS_UNAVAILABLE, 1);
}


/*
 * Finds the sources that may serve the token.  GW_OK with n == 0: the signature
 * needs no verification.  The token is known, or it has been verified with the
 * same keys before an internal redirect.
 */

static gw_reason_e
ngx_http_gateway_jwt_find_keys(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources, size_t *n)
{
    gw_reason_e                        reason;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ctx->token;
    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    *n = 0;

    if (ngx_http_gateway_jwt_sync(jlcf) != NGX_OK) {
        return ngx_http_gateway_jwt_unavailable(ctx, GW_KEYS_UNAVAILABLE, 1);
    }

    if (token->keys == jlcf->keys && token->open == jlcf->open
        && token->generation == jmcf->generation)
    {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: the signature has been verified already");
        return GW_OK;
    }

    /*
     * If sources are bound to issuers, the keys that may serve depend on
     * "iss", the only claim that is read before the signature is verified.
     */

    if (jlcf->bound || (jlcf->open && jmcf->bound.nelts)) {
        reason = ngx_http_gateway_jwt_parse_issuer(r, ctx);
        if (reason != GW_OK) {
            return reason;
        }
    }

    *n = ngx_http_gateway_jwt_choose_keys(jmcf, token, jlcf, sources);

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: %uz of %ui sources may serve the issuer",
                   *n, jlcf->keys->nelts);

    if (*n == 0) {
        return GW_ISSUER;
    }

    if (ngx_http_gateway_jwt_known_by(jmcf, token, sources, *n)) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: the token is known and verified");

        ngx_http_gateway_jwt_verified_by(token, jmcf, jlcf);
        ngx_http_gateway_jwt_count_token(jmcf, 1);
        *n = 0;
    }

    return GW_OK;
}


/* a verified token keeps the keys that it was verified with */

static void
ngx_http_gateway_jwt_verified_by(ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    token->keys = jlcf->keys;
    token->open = jlcf->open;
    token->generation = jmcf->generation;
}


/* RFC 7515, 5.2 */

static gw_reason_e
ngx_http_gateway_jwt_verify(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources, size_t n, gw_jws_tries_t *tries)
{
    size_t                             i, nsets;
    gw_reason_e                        reason;
    gw_jwk_set_t                      *sets[NGX_HTTP_GATEWAY_JWT_MAX_SOURCES];
    gw_jws_error_t                     error;
    ngx_http_gateway_jwt_token_t      *token;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    token = ctx->token;
    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    token->keys = NULL;
    token->number = 0;

    nsets = 0;

    for (i = 0; i < n; i++) {
        if (sources[i]->set) {
            sets[nsets++] = sources[i]->set;
        }
    }

    reason = gw_jws_verify(&token->jws, sets, nsets, tries);

#if (NGX_DEBUG)
    ngx_http_gateway_jwt_say_key(r, jlcf, tries);
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

        ngx_http_gateway_jwt_verified_by(token, jmcf, jlcf);

        for (i = 0; sources[i]->set != tries->set; i++) { /* void */ }

        token->number = sources[i]->number;
    }

    return reason;
}


#if (NGX_DEBUG)

/* finds the source of the key by its set */

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

    for (i = 0; use[i].source->set != tries->set; i++) { /* void */ }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: key %ud tried: kid \"%V\" of \"%V\", %s",
                   tries->fit, ngx_http_gateway_printable(&kid),
                   &use[i].source->shown,
                   (tries->reason == GW_OK) ? "verified"
                                            : gw_reason_word(tries->reason));
}

#endif


char *
ngx_http_gateway_jwt_algorithms(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    u_char          *p, *last;
    u_char           names[NGX_MAX_CONF_ERRSTR / 2];
    ngx_str_t       *value;
    ngx_uint_t       i;
    const gw_jwa_t  *alg;

    if (jlcf->algorithms) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        alg = gw_jwa_find(value[i].data, value[i].len);

        if (alg && gw_jwa_available(alg)) {
            jlcf->algorithms |= gw_jwa_bit(alg);
            continue;
        }

        if (alg) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "algorithm \"%V\" in \"%V\" needs OpenSSL 3.5 "
                               "or later", &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }

        p = names;
        last = names + sizeof(names);

        for (alg = gw_jwa; alg < gw_jwa + gw_jwa_count; alg++) {
            p = ngx_slprintf(p, last, "%s%s", alg == gw_jwa ? "" : ", ",
                             alg->name);
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown algorithm \"%V\" in \"%V\", allowed are "
                           "%*s", &value[i], &value[0], (size_t) (p - names),
                           names);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
