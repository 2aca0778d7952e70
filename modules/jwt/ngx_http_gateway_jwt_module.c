/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JWT authentication: directives, the two phase handlers, configuration.
 *
 * ACCESS judges the token (ngx_http_gateway_jwt_token.c) and returns what
 * composes with nginx's own methods: NGX_OK for a verified token, 401 or 403
 * for a refused one, and NGX_DECLINED where nothing was proved: off,
 * anonymous in "optional", and everything in "dry_run".  Under "satisfy any"
 * NGX_OK opens the location, so that it is returned for a proof only.
 *
 * PRECONTENT, when access was granted by whichever method, gives the
 * upstream the claims and takes the credential away: other methods, such as
 * the subrequest of auth_request, may want it.  A credential in the URI goes
 * at once, since it would be logged with the refusal.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_setting.h"


static ngx_int_t ngx_http_gateway_jwt_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_jwt_verdict(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_challenge(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *challenge);
static ngx_int_t ngx_http_gateway_jwt_hide_late(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static ngx_int_t ngx_http_gateway_jwt_precontent(ngx_http_request_t *r);

static ngx_int_t ngx_http_gateway_jwt_register(ngx_conf_t *cf);
static void *ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf);
static void ngx_http_gateway_jwt_memo_cleanup(void *data);
static void *ngx_http_gateway_jwt_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_jwt_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_http_gateway_jwt_merge_values(
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev);
static char *ngx_http_gateway_jwt_merge_hide(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf, ngx_uint_t own);
static char *ngx_http_gateway_jwt_merge_enable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev);
static void ngx_http_gateway_jwt_uses(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static char *ngx_http_gateway_jwt_default_scopes(ngx_conf_t *cf,
    ngx_array_t **scopes);
static void ngx_http_gateway_jwt_merge_policy(
    ngx_http_gateway_jwt_loc_conf_t *conf);
static char *ngx_http_gateway_jwt_check_conf(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);
static ngx_http_gateway_jwt_key_use_t *ngx_http_gateway_jwt_unbound_key(
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static ngx_uint_t ngx_http_gateway_jwt_many_issuers(
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static char *ngx_http_gateway_jwt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_jwt_algorithms(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_jwt_key_request(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_jwt_key_cache(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_jwt_warn_relaxed(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_gateway_jwt_key_policy(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_jwt_init(ngx_conf_t *cf);


#define NGX_HTTP_GATEWAY_JWT_CONTEXT                                          \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_conf_enum_t  ngx_http_gateway_jwt_key_policies[] = {
    { ngx_string("strict"), 0 },
    { ngx_string("compat"), GW_JWK_COMPAT },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_gateway_jwt_verify_post = {
    ngx_http_gateway_jwt_warn_relaxed
};


#define NGX_HTTP_GATEWAY_JWT_LACK                                             \
    "has no effect, \"gateway_jwt\" is on neither in its block nor in an "    \
    "inner one"


/* where tokens are verified */

static ngx_http_gateway_use_t  ngx_http_gateway_jwt_use = {
    0, 0, NGX_HTTP_GATEWAY_JWT_LACK,
    "add \"gateway_jwt realm\" to protect the block, or \"gateway_jwt off\" to "
    "leave it open",
    0
};


/* where they are read, by "gateway_jwt off token=", too */

static ngx_http_gateway_use_t  ngx_http_gateway_jwt_reads = {
    0, 0, NGX_HTTP_GATEWAY_JWT_LACK, NULL, 0
};


static ngx_command_t  ngx_http_gateway_jwt_commands[] = {

    { ngx_string("gateway_jwt"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_jwt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_jwt_key_file"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_file, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_key_policy"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, key_policy),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_policy,
                               ngx_http_gateway_jwt_key_policies,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_verify"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, verify),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot,
                               &ngx_http_gateway_jwt_verify_post,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_algorithms"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_algorithms, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_issuer"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, issuers),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_audience"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, audiences),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_typ"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, typ),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_leeway"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, leeway),
      ngx_http_gateway_setting(ngx_http_gateway_set_sec_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_require_exp"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, require_exp),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_max_age"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, max_age),
      ngx_http_gateway_setting(ngx_http_gateway_set_sec_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_require"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_require, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_require_claim"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_require_claim, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_consumer"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, consumer),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_path, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_scope"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, scopes),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_paths, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_group"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, groups),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_paths, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_claim_header"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE23,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_claim_header, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      0,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_claim_set, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_header_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      0,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_header_set, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_hide"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, hide),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_mode"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, mode),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_modes,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_challenge"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_set_challenge, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_max_size"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, max_size),
      ngx_http_gateway_setting(ngx_http_gateway_set_size_slot, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_type"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_type, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_key_request"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_ANY,
      ngx_http_gateway_jwt_key_request,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_jwt_key_cache"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_jwt_key_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_jwt_module_ctx = {
    ngx_http_gateway_jwt_register,         /* preconfiguration */
    ngx_http_gateway_jwt_init,             /* postconfiguration */

    ngx_http_gateway_jwt_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_jwt_create_loc_conf,  /* create location configuration */
    ngx_http_gateway_jwt_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_jwt_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_jwt_module_ctx,      /* module context */
    ngx_http_gateway_jwt_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* nginx runs ACCESS for main requests only, and again after redirects */

static ngx_int_t
ngx_http_gateway_jwt_access(ngx_http_request_t *r)
{
    ngx_int_t                               rc;
    ngx_http_gateway_request_t             *gr;
    ngx_http_gateway_jwt_ctx_t             *ctx;
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return NGX_DECLINED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: %s",
                   (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE)
                   ? "decoding without verification" : "asked");

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_gateway_jwt_ctx(gr);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_jwt_ctx_t));
        if (ctx == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_slot) = ctx;
    }

    if (ngx_http_gateway_hide(r, ngx_http_gateway_jwt_method) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_gateway_jwt_verdict(r, gr, jlcf);

    ngx_http_gateway_jwt_finish(ctx, jlcf);

    return rc;
}


static ngx_int_t
ngx_http_gateway_jwt_verdict(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_ctx(gr);
    reason = ngx_http_gateway_jwt_judge(r, gr, jlcf);

    gr->shown |= (ctx->shown.reason != GW_MISSING);

    if (reason == GW_FAILED
        || (jlcf->hide && ngx_http_gateway_jwt_hide_argument(r, ctx) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: decoded:%d, reason \"%s\"",
                       reason == GW_OK, gw_reason_word(reason));
        return NGX_DECLINED;
    }

    return ngx_http_gateway_jwt_answer(r, gr, jlcf);
}


/* a decision belongs to the location that makes it: an earlier one is void */

static gw_reason_e
ngx_http_gateway_jwt_judge(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e                  reason;
    ngx_http_gateway_jwt_ctx_t  *ctx;

    ctx = ngx_http_gateway_jwt_ctx(gr);

    if (r->err_status == 0) {

        /* else this is its error page, which must not lose the challenge */

        ngx_http_gateway_refusal_reset(gr,
                ngx_http_gateway_slot(gr, ngx_http_gateway_jwt_refusal_slot));
    }

    ngx_http_gateway_identity_begin(r, gr, ngx_http_gateway_jwt_method);

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        reason = ngx_http_gateway_jwt_decode(r, ctx, jlcf);

    } else {
        reason = ngx_http_gateway_jwt_authenticate(r, ctx, jlcf);

        if (reason == GW_OK) {
            reason = ngx_http_gateway_jwt_identify(r, gr, jlcf);
        }

        if (reason == GW_OK) {
            reason = ngx_http_gateway_jwt_check_rules(r, ctx, jlcf);
        }

        if (reason != GW_OK) {

            /* another method may grant: the identity must not be ours then */

            ngx_http_gateway_identity_begin(r, gr, ngx_http_gateway_jwt_method);
        }
    }

    gr->transient = 0;

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


static ngx_int_t
ngx_http_gateway_jwt_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_str_t                    kid;
    ngx_http_gateway_jwt_ctx_t  *ctx;
    ngx_http_gateway_refusal_t   verdict;

    ctx = ngx_http_gateway_jwt_ctx(gr);

    ngx_str_null(&kid);
    ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

    if (ctx->reason != GW_OK) {

        if (ngx_http_gateway_jwt_challenge(r, ctx, jlcf, &verdict.challenge)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        kid = ctx->kid;

        if (ctx->token && ctx->found == GW_OK && ctx->reason != GW_TOO_LARGE) {
            kid.data = (u_char *) ctx->token->jws.kid;
            kid.len = ctx->token->jws.kid_len;
        }
    }

    verdict.status = ctx->status;
    verdict.reason = ctx->reason;
    verdict.shown = ctx->reason;
    verdict.detail = ctx->why;

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_jwt_refusal_slot,
                                   &verdict, jlcf->mode, "gateway_jwt", "kid",
                                   &kid);
}


/*
 * RFC 6750, 3: no error code where there was no credential; 3.1:
 * invalid_token with 401, insufficient_scope with 403.  A 403 for another
 * claim has no code of its own, and no challenge.
 */

static ngx_int_t
ngx_http_gateway_jwt_challenge(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *challenge)
{
    ngx_keyval_t  params[] = {
        { ngx_string("realm"), ngx_null_string },
        { ngx_string("error"), ngx_null_string },
        { ngx_string("error_description"), ngx_null_string },
        { ngx_string("scope"), ngx_null_string }
    };

    ngx_str_null(challenge);

    if (ngx_http_gateway_jwt_no_challenge(jlcf)) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, jlcf->realm, &params[0].value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->reason != GW_MISSING) {
        ngx_str_set(&params[1].value, "invalid_token");

        params[2].value.data = (u_char *) gw_reason_sentence(ctx->reason);
        params[2].value.len = ngx_strlen(params[2].value.data);
    }

    if (ctx->status == NGX_HTTP_FORBIDDEN) {

        if (!ngx_http_gateway_jwt_scope_failed(ctx, jlcf)) {
            return NGX_OK;
        }

        ngx_str_set(&params[1].value, "insufficient_scope");

        if (ngx_http_gateway_jwt_missing_scopes(r, ctx->failed,
                                                &params[3].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_challenge(r, challenge, "Bearer", params,
                                      sizeof(params) / sizeof(params[0]),
                                      jlcf->challenge);
}


static ngx_int_t
ngx_http_gateway_jwt_precontent(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t             *gr;
    ngx_http_gateway_jwt_ctx_t             *ctx;
    const ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    gr = ngx_http_gateway_request(r);
    ctx = gr ? ngx_http_gateway_jwt_ctx(gr) : NULL;
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_jwt_module);

    /* without sources no location has judged: one had no memory for it */

    if (ctx && ctx->sources == NULL) {
        ctx = NULL;
    }

    if ((ctx && ngx_http_gateway_jwt_set_headers(r, gr, jlcf) != NGX_OK)
        || (jlcf->hide && ngx_http_gateway_jwt_hide_late(r, ctx, jlcf)
                          != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* a module of others may have granted under "satisfy any" before us */

static ngx_int_t
ngx_http_gateway_jwt_hide_late(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t  off;

    off = (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF);

    if (ctx && (off || ctx->sources == ngx_http_gateway_jwt_sources(jlcf))) {
        return ngx_http_gateway_jwt_hide(r, ctx);
    }

    return off ? NGX_OK : ngx_http_gateway_jwt_hide_early(r);
}


static ngx_int_t
ngx_http_gateway_jwt_register(ngx_conf_t *cf)
{
    if (ngx_http_gateway_method_add(cf, "jwt", ngx_http_gateway_jwt_hide_early,
                                    &ngx_http_gateway_jwt_method)
        != NGX_OK
        || ngx_http_gateway_slot_add(cf, &ngx_http_gateway_jwt_slot) != NGX_OK
        || ngx_http_gateway_slot_add(cf, &ngx_http_gateway_jwt_refusal_slot)
           != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_jwt_use) != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_jwt_reads) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_jwt_add_variables(cf);
}


static void *
ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf)
{
    ngx_str_t                          name;
    ngx_uint_t                         i;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_main_conf_t));
    if (jmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&jmcf->files, cf->pool, 4,
                       sizeof(ngx_http_gateway_jwt_key_file_t *))
        != NGX_OK
        || ngx_array_init(&jmcf->claims, cf->pool, 16, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&jmcf->refused, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&jmcf->bound, cf->pool, 4,
                          sizeof(ngx_http_gateway_jwt_bound_t))
           != NGX_OK
        || ngx_array_init(&jmcf->uses, cf->pool, 4,
                          sizeof(ngx_http_gateway_jwt_key_use_t *))
           != NGX_OK
        || ngx_array_init(&jmcf->open, cf->pool, 4,
                          sizeof(ngx_http_gateway_jwt_key_use_t *))
           != NGX_OK)
    {
        return NULL;
    }

    for (i = 0; i < GW_JWT_REGISTERED; i++) {
        name.len = gw_jwt_registered[i].len;
        name.data = (u_char *) gw_jwt_registered[i].data;

        if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) != NGX_OK) {
            return NULL;
        }
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    jmcf->memo = gw_jws_memo_create();
    if (jmcf->memo == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_jwt_memo_cleanup;
    cln->data = jmcf->memo;

    return jmcf;
}


static void
ngx_http_gateway_jwt_memo_cleanup(void *data)
{
    gw_jws_memo_free(data);
}


static void *
ngx_http_gateway_jwt_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_loc_conf_t));
    if (jlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     jlcf->realm = NULL;
     *     jlcf->challenge = NULL;
     *     jlcf->sources = NULL;
     *     jlcf->keys = NULL;
     *     jlcf->bound = 0;
     *     jlcf->open = 0;
     *     jlcf->algorithms = 0;
     *     jlcf->issuers = NULL;
     *     jlcf->audiences = NULL;
     *     jlcf->typ = NULL;
     *     jlcf->policy = { 0 };
     *     jlcf->require = NULL;
     *     jlcf->rules = NULL;
     *     jlcf->consumer = NULL;
     *     jlcf->scopes = NULL;
     *     jlcf->groups = NULL;
     *     jlcf->headers = NULL;
     */

    jlcf->enable = NGX_CONF_UNSET_UINT;
    jlcf->key_policy = NGX_CONF_UNSET_UINT;
    jlcf->verify = NGX_CONF_UNSET;
    jlcf->leeway = NGX_CONF_UNSET;
    jlcf->max_age = NGX_CONF_UNSET;
    jlcf->require_exp = NGX_CONF_UNSET;
    jlcf->hide = NGX_CONF_UNSET;
    jlcf->mode = NGX_CONF_UNSET_UINT;
    jlcf->max_size = NGX_CONF_UNSET_SIZE;

    ngx_http_gateway_place(cf, &jlcf->place);

    return jlcf;
}


#define ngx_http_gateway_jwt_merge_array(conf, prev)                          \
    if (conf == NULL) {                                                       \
        conf = prev;                                                          \
    }


static char *
ngx_http_gateway_jwt_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_jwt_loc_conf_t *prev = parent;
    ngx_http_gateway_jwt_loc_conf_t *conf = child;

    ngx_uint_t  own;

    own = (conf->sources != NULL || conf->hide == 1);

    if (ngx_http_gateway_jwt_merge_enable(cf, conf, prev) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_jwt_merge_values(conf, prev);
    ngx_http_gateway_jwt_merge_policy(conf);

    if (ngx_http_gateway_jwt_default_scopes(cf, &conf->scopes) != NGX_CONF_OK
        || ngx_http_gateway_jwt_merge_headers(cf, &conf->headers,
                                              prev->headers)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->groups == NULL) {
        conf->groups = ngx_array_create(cf->pool, 1,
                                        sizeof(gw_claim_path_t));
        if (conf->groups == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_OFF) {
        ngx_http_gateway_identity_asked(cf, conf->mode);

        if (conf->hide
            && ngx_http_gateway_jwt_merge_hide(cf, conf, own) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_gateway_jwt_uses(cf, conf);

    if (conf->enable == NGX_HTTP_GATEWAY_JWT_ON
        && ngx_http_gateway_identity_headers(cf, conf->headers,
                                             "gateway_jwt_claim_header")
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_jwt_load_keys(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->many_issuers = ngx_http_gateway_jwt_many_issuers(conf);

    if (ngx_http_gateway_jwt_bind_keys(cf, conf) != NGX_CONF_OK
        || ngx_http_gateway_jwt_advise(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_jwt_check_conf(cf, conf);
}


/* what a block does not write is that of the outer one */

static void
ngx_http_gateway_jwt_merge_values(ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev)
{
    ngx_http_gateway_jwt_merge_array(conf->challenge, prev->challenge);
    ngx_http_gateway_jwt_merge_array(conf->keys, prev->keys);
    ngx_conf_merge_uint_value(conf->key_policy, prev->key_policy, 0);
    ngx_conf_merge_value(conf->verify, prev->verify, 1);

    if (conf->algorithms == 0) {
        conf->algorithms = prev->algorithms;
    }

    ngx_http_gateway_jwt_merge_array(conf->issuers, prev->issuers);
    ngx_http_gateway_jwt_merge_array(conf->audiences, prev->audiences);
    ngx_http_gateway_jwt_merge_array(conf->typ, prev->typ);
    ngx_conf_merge_sec_value(conf->leeway, prev->leeway, 0);
    ngx_conf_merge_sec_value(conf->max_age, prev->max_age, -1);
    ngx_conf_merge_value(conf->require_exp, prev->require_exp, 1);

    ngx_http_gateway_jwt_merge_array(conf->require, prev->require);
    ngx_http_gateway_jwt_merge_array(conf->rules, prev->rules);

    ngx_http_gateway_jwt_merge_array(conf->consumer, prev->consumer);
    ngx_http_gateway_jwt_merge_array(conf->scopes, prev->scopes);
    ngx_http_gateway_jwt_merge_array(conf->groups, prev->groups);

    ngx_conf_merge_value(conf->hide, prev->hide, 0);
    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_GATEWAY_REQUIRED);
    ngx_conf_merge_size_value(conf->max_size, prev->max_size, 16384);
    conf->max_values = gw_jwt_max_values(conf->max_size);
}


/* "own": the block writes what is hidden, or that it is */

static char *
ngx_http_gateway_jwt_merge_hide(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf, ngx_uint_t own)
{
    ngx_uint_t                        i;
    const ngx_array_t                *sources;
    const ngx_http_gateway_source_t  *source;

    sources = ngx_http_gateway_jwt_sources(conf);

    ngx_http_gateway_hide_at(cf, ngx_http_gateway_jwt_method);

    if (ngx_http_gateway_hide_sources_at(cf, sources) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    source = sources->elts;

    for (i = 0; own && i < sources->nelts; i++) {

        if (source[i].kind != NGX_HTTP_GATEWAY_VARIABLE) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_jwt_hide\" cannot remove the token of "
                      "\"token=$%V\", which the upstream receives, name "
                      "$http_name, $cookie_name or $arg_name, for the block in "
                      "%V:%ui", &source[i].name,
                      ngx_http_gateway_place_args(&conf->place));
    }

    return NGX_CONF_OK;
}


/* "return" answers before tokens are asked for */

static char *
ngx_http_gateway_jwt_merge_enable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev)
{
    if (conf->enable != NGX_CONF_UNSET_UINT) {

        if (conf->enable == NGX_HTTP_GATEWAY_JWT_ON) {
            ngx_http_gateway_warn_return(cf, "gateway_jwt", &conf->place);
        }

        return NGX_CONF_OK;
    }

    conf->enable = (prev->enable == NGX_CONF_UNSET_UINT)
                   ? NGX_HTTP_GATEWAY_JWT_OFF : prev->enable;
    conf->realm = prev->realm;
    conf->sources = prev->sources;

    return (conf->enable == NGX_HTTP_GATEWAY_JWT_ON)
           ? ngx_http_gateway_return_inherited(cf, "gateway_jwt")
           : NGX_CONF_OK;
}


/* what the block needs settings for; its consumers may have groups, too */

static void
ngx_http_gateway_jwt_uses(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    if (conf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return;
    }

    ngx_http_gateway_use_on(cf, ngx_http_gateway_jwt_reads.bit);

    if (conf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        return;
    }

    ngx_http_gateway_use_on(cf, ngx_http_gateway_jwt_use.bit
                                |NGX_HTTP_GATEWAY_USE_METHOD
                                |NGX_HTTP_GATEWAY_USE_CLAIMS);

    if (conf->groups->nelts) {
        ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS);
    }

    if (conf->groups->nelts || ngx_http_gateway_consumers_given(cf)) {
        ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_GROUPS);
    }
}


static char *
ngx_http_gateway_jwt_default_scopes(ngx_conf_t *cf, ngx_array_t **scopes)
{
    ngx_uint_t        i;
    gw_claim_path_t  *path;

    static ngx_str_t  names[] = { ngx_string("scope"), ngx_string("scp") };

    if (*scopes) {
        return NGX_CONF_OK;
    }

    *scopes = ngx_array_create(cf->pool, 2, sizeof(gw_claim_path_t));
    if (*scopes == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < 2; i++) {
        path = ngx_array_push(*scopes);

        if (ngx_http_gateway_jwt_parse_path(cf, &names[i], path)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* all but the time, so that a request only copies it; gw_text_t is ngx_str_t */

static void
ngx_http_gateway_jwt_merge_policy(ngx_http_gateway_jwt_loc_conf_t *conf)
{
    gw_jwt_policy_t  *policy;

    policy = &conf->policy;

    policy->leeway = conf->leeway;
    policy->max_age = conf->max_age;
    policy->require_exp = conf->require_exp;

    if (conf->issuers) {
        policy->issuers = conf->issuers->elts;
        policy->nissuers = conf->issuers->nelts;
    }

    if (conf->audiences) {
        policy->audiences = conf->audiences->elts;
        policy->naudiences = conf->audiences->nelts;
    }

    if (conf->typ) {
        policy->typ = conf->typ->elts;
        policy->ntyp = conf->typ->nelts;
    }
}


/*
 * A mistake is one where requests can come to; a server's own configuration
 * may be a mere parent of its locations.  Requests that find their way there
 * all the same, such as one rewritten to a URI without a leading "/", are
 * refused.
 */

static char *
ngx_http_gateway_jwt_check_conf(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_http_gateway_jwt_key_use_t  *use;

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_ON || !conf->verify) {
        return NGX_CONF_OK;
    }

    if (conf->keys == NULL) {
        conf->unusable = 1;

        if (!ngx_http_gateway_in_force(cf)) {
            return NGX_CONF_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_jwt\" is on and no \"gateway_jwt_key_file\" "
                      "is given, write one, or \"gateway_jwt_verify off\" to "
                      "accept any signature, for the block in %V:%ui",
                      ngx_http_gateway_place_args(&conf->place));
        return NGX_CONF_ERROR;
    }

    use = ngx_http_gateway_jwt_unbound_key(conf);

    if (conf->policy.nissuers < 2 || use == NULL) {
        return NGX_CONF_OK;
    }

    conf->unusable = 1;

    if (!ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "several issuers are accepted and \"gateway_jwt_key_file\" "
                  "\"%V\" is bound to none, add \"issuer=\" to it in %V:%ui",
                  &use->path, ngx_http_gateway_place_args(&use->place));

    return NGX_CONF_ERROR;
}


static ngx_http_gateway_jwt_key_use_t *
ngx_http_gateway_jwt_unbound_key(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    use = conf->keys->elts;

    for (i = 0; i < conf->keys->nelts; i++) {
        if (use[i].issuer.len == 0) {
            return &use[i];
        }
    }

    return NULL;
}


/*
 * Whether tokens of more than one issuer are accepted, so that "sub" alone
 * names nobody: by gateway_jwt_issuer, or where there is none by the keys.
 */

static ngx_uint_t
ngx_http_gateway_jwt_many_issuers(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    if (conf->policy.nissuers || conf->keys == NULL) {
        return conf->policy.nissuers > 1;
    }

    use = conf->keys->elts;

    for (i = 1; i < conf->keys->nelts; i++) {
        if (!ngx_http_gateway_same(&use[i].issuer, &use[0].issuer)) {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_http_gateway_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                         *value;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("token="), ngx_http_gateway_param_source,
          NGX_HTTP_GATEWAY_PARAM_MANY
          | offsetof(ngx_http_gateway_jwt_loc_conf_t, sources), 0 },

        ngx_http_gateway_null_param
    };

    if (jlcf->enable != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_gateway_params(cf, params, jlcf, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        jlcf->enable = jlcf->sources ? NGX_HTTP_GATEWAY_JWT_DECODE
                                     : NGX_HTTP_GATEWAY_JWT_OFF;

    } else {
        jlcf->enable = NGX_HTTP_GATEWAY_JWT_ON;

        jlcf->realm = ngx_http_gateway_complex_value(cf, &value[1]);
        if (jlcf->realm == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (jlcf->enable != NGX_HTTP_GATEWAY_JWT_ON) {
        ngx_http_gateway_use_off(cf, ngx_http_gateway_jwt_use.bit
                                     |ngx_http_gateway_jwt_reads.bit
                                     |NGX_HTTP_GATEWAY_USE_METHOD);
    }

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    jmcf->used = 1;

    return (ngx_http_gateway_refuses(cf) == NGX_OK) ? NGX_CONF_OK
                                                    : NGX_CONF_ERROR;
}


static char *
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


static char *
ngx_http_gateway_jwt_key_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                             *rv;
    ngx_http_gateway_jwt_loc_conf_t  *jlcf = conf;

    rv = ngx_http_gateway_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && jlcf->key_policy == GW_JWK_COMPAT) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_jwt_key_policy compat\" accepts HMAC "
                           "keys that are shorter than the hash and can be "
                           "guessed");
    }

    return rv;
}


static char *
ngx_http_gateway_jwt_warn_relaxed(ngx_conf_t *cf, void *post, void *data)
{
    ngx_flag_t  *verify = data;

    if (*verify == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_jwt_verify off\" accepts tokens that "
                           "anybody can make");
    }

    return NGX_CONF_OK;
}


/* the directives of NGINX Plus that are not served, or not needed */

static char *
ngx_http_gateway_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "signed") == 0) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "type \"%V\" in \"%V\" is not supported, only signed "
                       "tokens are: write \"%V signed\" or nothing",
                       &value[1], &value[0], &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_jwt_key_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"gateway_jwt_key_request\" is not supported yet, "
                       "fetch the keys to a file and write "
                       "\"gateway_jwt_key_file file\", which is re-read "
                       "when it changes");

    return NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_jwt_key_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"gateway_jwt_key_cache\" is needless: keys are "
                       "always kept, and read again when their file changes");

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt               *h;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    if (!jmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_gateway_jwt_used_variables(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_jwt_advise_issuers(cf, jmcf);

    if (ngx_http_gateway_jwt_check_open(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_jwt_access;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_jwt_precontent;

    return NGX_OK;
}
