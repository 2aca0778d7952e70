/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Responses with their Bearer challenges, and gateway_jwt_challenge, which adds
 * parameters to the challenges, such as resource_metadata of RFC 9728, 5.1.
 */

#include "ngx_http_gateway_jwt.h"


#define NGX_HTTP_GATEWAY_JWT_CHALLENGE  16      /* parameters at most */


static ngx_int_t ngx_http_gateway_jwt_challenge(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *challenge);
static char *ngx_http_gateway_jwt_challenge_param(ngx_conf_t *cf,
    ngx_array_t *params, const ngx_str_t *arg);
static const char *ngx_http_gateway_jwt_challenge_unquote(ngx_str_t *value);
static const char *ngx_http_gateway_jwt_challenge_name(
    const ngx_array_t *params, const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_jwt_token_byte(u_char c);


/* parameters that the module sets; "scope" holds the missing scopes */

static ngx_str_t  ngx_http_gateway_jwt_challenge_own[] = {
    ngx_string("realm"),
    ngx_string("error"),
    ngx_string("error_description"),
    ngx_string("scope"),
    ngx_null_string
};


gw_reason_e
ngx_http_gateway_jwt_unavailable(ngx_http_gateway_jwt_ctx_t *ctx,
    gw_reason_e reason, ngx_uint_t retry_after)
{
    ngx_str_null(&ctx->why);

    ctx->status = NGX_HTTP_SERVICE_UNAVAILABLE;
    ctx->retry_after = retry_after;

    return reason;
}


ngx_int_t
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

        /* ctx->token can be that of an earlier location */

        if (ctx->token && ctx->found == GW_OK && ctx->reason != GW_TOO_LARGE
            && ngx_http_gateway_same(&ctx->token->text, &ctx->text))
        {
            kid.data = (u_char *) ctx->token->jws.kid;
            kid.len = ctx->token->jws.kid_len;
        }
    }

    verdict.method = ngx_http_gateway_jwt_method;
    verdict.status = ctx->status;
    verdict.reason = ctx->reason;
    verdict.shown = ctx->reason;
    verdict.detail = ctx->why;
    verdict.retry_after = ctx->retry_after;

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_jwt_refusal_slot,
                                   &verdict, jlcf->mode, "gateway_jwt", "kid",
                                   &kid);
}


/*
 * RFC 6750, 3: no error code if the request has no credential.  3.1:
 * invalid_token with 401, insufficient_scope with 403.  There is no code for a
 * 403 because of another claim, which therefore has no challenge.  A 503 is not
 * about the credential.
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

    if (ngx_http_gateway_jwt_no_challenge(jlcf)
        || ctx->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
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


char *
ngx_http_gateway_jwt_set_challenge(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (jlcf->challenge) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts - 1 > NGX_HTTP_GATEWAY_JWT_CHALLENGE) {
        return "has more than 16 parameters";
    }

    jlcf->challenge = ngx_array_create(cf->pool, cf->args->nelts,
                                       sizeof(ngx_http_gateway_auth_param_t));
    if (jlcf->challenge == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_http_gateway_jwt_challenge_param(cf, jlcf->challenge,
                                                 &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* name=value or, as it is sent, name="value" */

static char *
ngx_http_gateway_jwt_challenge_param(ngx_conf_t *cf, ngx_array_t *params,
    const ngx_str_t *arg)
{
    u_char                         *p;
    ngx_str_t                       name, value;
    const char                     *wrong;
    ngx_http_gateway_auth_param_t  *param;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    name.data = arg->data;
    name.len = p ? (size_t) (p - arg->data) : arg->len;
    wrong = p ? ngx_http_gateway_jwt_challenge_name(params, &name)
              : "it must be \"off\" alone or \"name=value\"";

    ngx_str_null(&value);

    if (p) {
        value.data = p + 1;
        value.len = arg->data + arg->len - value.data;
    }

    if (wrong == NULL) {
        wrong = ngx_http_gateway_jwt_challenge_unquote(&value);
    }

    if (wrong == NULL && value.len == 0) {
        wrong = "its value is empty";
    }

    if (wrong == NULL && ngx_http_gateway_header_unsafe(&value)) {
        wrong = "its value has control characters";
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in "
                           "\"gateway_jwt_challenge\", %s", arg, wrong);
        return NGX_CONF_ERROR;
    }

    param = ngx_array_push(params);
    if (param == NULL) {
        return NGX_CONF_ERROR;
    }

    param->name = name;
    param->value = ngx_http_gateway_complex_value(cf, &value);

    return param->value ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * The quotes of name="value" reach the module, and nginx ends the argument at
 * the first blank: quotes around the whole argument allow blanks.
 */

static const char *
ngx_http_gateway_jwt_challenge_unquote(ngx_str_t *value)
{
    if (value->len == 0 || value->data[0] != '"') {
        return NULL;
    }

    if (value->len == 1 || value->data[value->len - 1] != '"') {
        return "its closing quote is missing, a value with blanks is written "
               "as in 'name=\"a b\"'";
    }

    value->data++;
    value->len -= 2;

    return NULL;
}


/* NULL, or what is wrong with the name; names are case-insensitive */

static const char *
ngx_http_gateway_jwt_challenge_name(const ngx_array_t *params,
    const ngx_str_t *name)
{
    size_t                          i;
    ngx_str_t                      *own;
    ngx_http_gateway_auth_param_t  *param;

    for (i = 0; i < name->len; i++) {
        if (!ngx_http_gateway_jwt_token_byte(name->data[i])) {
            break;
        }
    }

    if (name->len == 0 || i < name->len) {
        return "its name must be a token (RFC 9110, 5.6.2)";
    }

    for (own = ngx_http_gateway_jwt_challenge_own; own->len; own++) {
        if (own->len == name->len
            && ngx_strncasecmp(own->data, name->data, name->len) == 0)
        {
            return "the module sets it itself";
        }
    }

    param = params->elts;

    for (i = 0; i < params->nelts; i++) {
        if (param[i].name.len == name->len
            && ngx_strncasecmp(param[i].name.data, name->data, name->len) == 0)
        {
            return "it is duplicate";
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_gateway_jwt_token_byte(u_char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c != '\0' && ngx_strchr("!#$%&'*+-.^_`|~", c) != NULL);
}
