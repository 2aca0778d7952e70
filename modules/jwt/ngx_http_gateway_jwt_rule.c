/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rules on the claims of a verified token: gateway_jwt_require_claim, and
 * gateway_jwt_require, whose conditions are variables.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_say.h"


static gw_reason_e ngx_http_gateway_jwt_check_claim_rules(
    ngx_http_request_t *r, ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_check_conditions(
    ngx_http_request_t *r, ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf);
static gw_reason_e ngx_http_gateway_jwt_check_require(ngx_http_request_t *r,
    ngx_http_gateway_jwt_require_t *require);
static ngx_int_t ngx_http_gateway_jwt_check_rule(ngx_http_request_t *r,
    const json_t *claims, const ngx_http_gateway_jwt_rule_t *rule);
#if (NGX_PCRE)
static ngx_int_t ngx_http_gateway_jwt_match(ngx_http_request_t *r,
    const json_t *claim, const ngx_http_gateway_jwt_rule_t *rule);
#endif


gw_reason_e
ngx_http_gateway_jwt_check_rules(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    gw_reason_e  reason;

    reason = ngx_http_gateway_jwt_check_claim_rules(r, ctx, jlcf);

    if (reason == GW_OK) {
        reason = ngx_http_gateway_jwt_check_conditions(r, ctx, jlcf);
    }

    return reason;
}


static gw_reason_e
ngx_http_gateway_jwt_check_claim_rules(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_http_gateway_jwt_rule_t  *rule;

    if (jlcf->rules == NULL) {
        return GW_OK;
    }

    rule = jlcf->rules->elts;

    for (i = 0; i < jlcf->rules->nelts; i++) {

        rc = ngx_http_gateway_jwt_check_rule(r, ctx->token->claims, &rule[i]);

        if (rc == NGX_ERROR) {
            return GW_FAILED;
        }

        ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: rule %ui of %ui on claim \"%V\" is %s",
                       i + 1, jlcf->rules->nelts, &rule[i].text,
                       (rc == NGX_OK) ? "met" : "not met");

        if (rc == NGX_DECLINED) {
            ctx->failed = &rule[i];
            ctx->status = rule[i].status;
            return GW_CLAIM;
        }
    }

    return GW_OK;
}


static gw_reason_e
ngx_http_gateway_jwt_check_conditions(ngx_http_request_t *r,
    ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t                       i;
    gw_reason_e                      reason;
    ngx_http_gateway_jwt_require_t  *require;

    if (jlcf->require == NULL) {
        return GW_OK;
    }

    require = jlcf->require->elts;

    for (i = 0; i < jlcf->require->nelts; i++) {

        reason = ngx_http_gateway_jwt_check_require(r, &require[i]);

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: condition %ui of %ui is %s", i + 1,
                       jlcf->require->nelts,
                       (reason == GW_OK) ? "met" : "not met");

        if (reason != GW_OK) {
            ctx->status = require[i].status;
            return reason;
        }
    }

    return GW_OK;
}


/* as auth_jwt_require of NGINX Plus: no value may be empty or "0" */

static gw_reason_e
ngx_http_gateway_jwt_check_require(ngx_http_request_t *r,
    ngx_http_gateway_jwt_require_t *require)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    cv = require->values.elts;

    for (i = 0; i < require->values.nelts; i++) {

        if (ngx_http_complex_value(r, &cv[i], &value) != NGX_OK) {
            return GW_FAILED;
        }

        if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
            return GW_CLAIM;
        }
    }

    return GW_OK;
}


/* NGX_OK, NGX_DECLINED: not met, NGX_ERROR: no memory */

static ngx_int_t
ngx_http_gateway_jwt_check_rule(ngx_http_request_t *r, const json_t *claims,
    const ngx_http_gateway_jwt_rule_t *rule)
{
    gw_text_t                  values[NGX_HTTP_GATEWAY_JWT_MAX_VALUES];
    ngx_str_t                  value;
    ngx_uint_t                 i;
    const json_t              *claim;
    ngx_http_complex_value_t  *cv;

    claim = gw_claim_find(claims, &rule->path);

#if (NGX_PCRE)

    if (rule->op == GW_CLAIM_MATCH) {
        return ngx_http_gateway_jwt_match(r, claim, rule);
    }

#endif

    cv = rule->values.elts;

    for (i = 0; i < rule->values.nelts; i++) {

        if (ngx_http_complex_value(r, &cv[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0) {
            return NGX_DECLINED;
        }

        values[i].data = value.data;
        values[i].len = value.len;
    }

    return gw_claim_meets(claim, rule->op, values, rule->values.nelts)
           ? NGX_OK : NGX_DECLINED;
}


#if (NGX_PCRE)

static ngx_int_t
ngx_http_gateway_jwt_match(ngx_http_request_t *r, const json_t *claim,
    const ngx_http_gateway_jwt_rule_t *rule)
{
    ngx_int_t  rc;
    ngx_str_t  value;

    if (!json_is_string(claim)) {
        return NGX_DECLINED;
    }

    value.data = (u_char *) json_string_value(claim);
    value.len = json_string_length(claim);

    /* "$" also matches before a final line feed: ^admin$ accepts "admin\n" */

    if (value.len && value.data[value.len - 1] == LF) {
        return NGX_DECLINED;
    }

    /* without captures, which would replace those of the request */

    rc = ngx_regex_exec(rule->regex, &value, NULL, 0);

    if (rc >= 0) {
        return NGX_OK;
    }

    if (rc != NGX_REGEX_NO_MATCHED
        && ngx_http_gateway_may_say(rule->said, NGX_HTTP_GATEWAY_SAY))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "gateway_jwt_require_claim: \"match\" on the claim "
                      "\"%V\" reached its limit (%i), the rule is not met",
                      &rule->text, rc);
    }

    return NGX_DECLINED;
}

#endif


ngx_uint_t
ngx_http_gateway_jwt_scope_failed(const ngx_http_gateway_jwt_ctx_t *ctx,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    ngx_uint_t        i;
    gw_claim_path_t  *path;

    if (ctx->failed == NULL) {
        return 0;
    }

    path = jlcf->scopes->elts;

    for (i = 0; i < jlcf->scopes->nelts; i++) {
        if (gw_claim_path_equal(&path[i], &ctx->failed->path)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_jwt_missing_scopes(ngx_http_request_t *r,
    const ngx_http_gateway_jwt_rule_t *rule, ngx_str_t *scopes)
{
    u_char                    *p;
    size_t                     len;
    ngx_str_t                  value[NGX_HTTP_GATEWAY_JWT_MAX_VALUES];
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    ngx_str_null(scopes);

    if (rule->op != GW_CLAIM_ANY && rule->op != GW_CLAIM_ALL
        && rule->op != GW_CLAIM_EQ)
    {
        return NGX_OK;
    }

    cv = rule->values.elts;
    len = 0;

    for (i = 0; i < rule->values.nelts; i++) {
        if (ngx_http_complex_value(r, &cv[i], &value[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        len += value[i].len + 1;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    scopes->data = p;

    for (i = 0; i < rule->values.nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
        *p++ = ' ';
    }

    scopes->len = p - scopes->data - 1;

    return NGX_OK;
}
