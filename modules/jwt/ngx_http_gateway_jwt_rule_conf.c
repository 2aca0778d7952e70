/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The directives gateway_jwt_require and gateway_jwt_require_claim.
 */

#include "ngx_http_gateway_jwt.h"


/* about 2 ms: a claim must not block the worker */
#define NGX_HTTP_GATEWAY_JWT_MATCH_LIMIT  "(*LIMIT_MATCH=100000)"


static char *ngx_http_gateway_jwt_rule_op(ngx_conf_t *cf,
    ngx_http_gateway_jwt_rule_t *rule, ngx_uint_t last);
static char *ngx_http_gateway_jwt_rule_regex(ngx_conf_t *cf,
    ngx_http_gateway_jwt_rule_t *rule, ngx_str_t *pattern);
#if (NGX_PCRE)
static char *ngx_http_gateway_jwt_compile(ngx_conf_t *cf, ngx_str_t *pattern,
    ngx_regex_t **regex);
#endif
static const char *ngx_http_gateway_jwt_arity(ngx_uint_t max);
static char *ngx_http_gateway_jwt_rule_status(ngx_conf_t *cf,
    ngx_uint_t *status, ngx_uint_t *last);
static void ngx_http_gateway_jwt_rule_literal(ngx_conf_t *cf,
    ngx_uint_t last);
static char *ngx_http_gateway_jwt_rule_values(ngx_conf_t *cf,
    ngx_array_t *values, ngx_uint_t first, ngx_uint_t last);


static const struct {
    ngx_str_t       name;
    gw_claim_op_e   op;
    ngx_uint_t      min;            /* values */
    ngx_uint_t      max;
} ngx_http_gateway_jwt_ops[] = {
    { ngx_string("eq"), GW_CLAIM_EQ, 1, 1 },
    { ngx_string("ne"), GW_CLAIM_NE, 1, 1 },
    { ngx_string("gt"), GW_CLAIM_GT, 1, 1 },
    { ngx_string("ge"), GW_CLAIM_GE, 1, 1 },
    { ngx_string("lt"), GW_CLAIM_LT, 1, 1 },
    { ngx_string("le"), GW_CLAIM_LE, 1, 1 },
    { ngx_string("any"), GW_CLAIM_ANY, 1, NGX_HTTP_GATEWAY_JWT_MAX_VALUES },
    { ngx_string("all"), GW_CLAIM_ALL, 1, NGX_HTTP_GATEWAY_JWT_MAX_VALUES },
    { ngx_string("none"), GW_CLAIM_NONE, 1, NGX_HTTP_GATEWAY_JWT_MAX_VALUES },
    { ngx_string("match"), GW_CLAIM_MATCH, 1, 1 },
    { ngx_string("exists"), GW_CLAIM_EXISTS, 0, 0 },
    { ngx_string("absent"), GW_CLAIM_ABSENT, 0, 0 },
    { ngx_null_string, 0, 0, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_jwt_statuses[] = {
    { ngx_string("401"), NGX_HTTP_UNAUTHORIZED },
    { ngx_string("403"), NGX_HTTP_FORBIDDEN },
    { ngx_null_string, 0 }
};


static const ngx_http_gateway_param_t  ngx_http_gateway_jwt_rule_params[] = {
    { ngx_string("error="), ngx_http_gateway_param_enum, 0,
      (uintptr_t) ngx_http_gateway_jwt_statuses },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_jwt_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                       *value;
    ngx_uint_t                       i, last;
    ngx_http_gateway_jwt_require_t  *require;

    if (jlcf->require == NULL) {
        jlcf->require = ngx_array_create(cf->pool, 1,
                                       sizeof(ngx_http_gateway_jwt_require_t));
        if (jlcf->require == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    require = ngx_array_push(jlcf->require);
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_jwt_rule_status(cf, &require->status, &last)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (last < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a value before \"error=\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < last; i++) {
        if (value[i].len < 2 || value[i].data[0] != '$') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\", it must begin "
                               "with \"$\" and a name, such as $jwt_admin",
                               &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_gateway_jwt_rule_values(cf, &require->values, 1, last);
}


char *
ngx_http_gateway_jwt_require_claim(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    last;
    ngx_http_gateway_jwt_rule_t  *rule;

    if (jlcf->rules == NULL) {
        jlcf->rules = ngx_array_create(cf->pool, 1,
                                       sizeof(ngx_http_gateway_jwt_rule_t));
        if (jlcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(jlcf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_gateway_jwt_rule_t));

    value = cf->args->elts;
    rule->text = value[1];

    if (ngx_http_gateway_jwt_rule_status(cf, &rule->status, &last)
        != NGX_CONF_OK
        || ngx_http_gateway_jwt_parse_path(cf, &value[1], &rule->path)
           != NGX_CONF_OK
        || ngx_http_gateway_jwt_rule_op(cf, rule, last) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rule->op == GW_CLAIM_MATCH) {

        /* "$" is part of the expression: no variables */

        return ngx_http_gateway_jwt_rule_regex(cf, rule, &value[3]);
    }

    ngx_http_gateway_jwt_rule_literal(cf, last);

    return ngx_http_gateway_jwt_rule_values(cf, &rule->values, 3, last);
}


/* reads the operator and checks the number of values, which end at "last" */

static char *
ngx_http_gateway_jwt_rule_op(ngx_conf_t *cf, ngx_http_gateway_jwt_rule_t *rule,
    ngx_uint_t last)
{
    ngx_str_t   *value;
    ngx_uint_t   i, n;

    value = cf->args->elts;

    for (i = 0; ngx_http_gateway_jwt_ops[i].name.len; i++) {
        if (ngx_http_gateway_same(&value[2],
                                  &ngx_http_gateway_jwt_ops[i].name))
        {
            break;
        }
    }

    if (ngx_http_gateway_jwt_ops[i].name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid operator \"%V\" in \"%V\", allowed are "
                           "eq, ne, gt, ge, lt, le, any, all, none, match, "
                           "exists, absent", &value[2], &value[0]);
        return NGX_CONF_ERROR;
    }

    rule->op = ngx_http_gateway_jwt_ops[i].op;

    n = (last > 3) ? last - 3 : 0;

    if (n < ngx_http_gateway_jwt_ops[i].min
        || n > ngx_http_gateway_jwt_ops[i].max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "operator \"%V\" in \"%V\" takes %s, found %ui",
                           &value[2], &value[0],
                           ngx_http_gateway_jwt_arity(
                                             ngx_http_gateway_jwt_ops[i].max),
                           n);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_gateway_jwt_arity(ngx_uint_t max)
{
    switch (max) {

    case 0:
        return "no value";

    case 1:
        return "one value";

    default:
        return "1 to 32 values";
    }
}


static char *
ngx_http_gateway_jwt_rule_regex(ngx_conf_t *cf,
    ngx_http_gateway_jwt_rule_t *rule, ngx_str_t *pattern)
{
#if (NGX_PCRE)

    u_char       *p;
    ngx_str_t    *value, limited;
    ngx_regex_t  *plain;

    value = cf->args->elts;

    if (pattern->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty pattern in \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    /* first without the limit, so that an error shows the pattern as written */

    if (ngx_http_gateway_jwt_compile(cf, pattern, &plain) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, sizeof(NGX_HTTP_GATEWAY_JWT_MATCH_LIMIT)
                              + pattern->len);
    rule->said = ngx_pcalloc(cf->pool, sizeof(ngx_atomic_t));

    if (p == NULL || rule->said == NULL) {
        return NGX_CONF_ERROR;
    }

    limited.data = p;
    limited.len = ngx_sprintf(p, NGX_HTTP_GATEWAY_JWT_MATCH_LIMIT "%V%Z",
                              pattern) - p - 1;

    return ngx_http_gateway_jwt_compile(cf, &limited, &rule->regex);

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "operator \"match\" needs an nginx with PCRE");

    return NGX_CONF_ERROR;

#endif
}


#if (NGX_PCRE)

static char *
ngx_http_gateway_jwt_compile(ngx_conf_t *cf, ngx_str_t *pattern,
    ngx_regex_t **regex)
{
    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern = *pattern;
    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &rc.err);
        return NGX_CONF_ERROR;
    }

    *regex = rc.regex;

    return NGX_CONF_OK;
}

#endif


/* "error=" must be the last argument; the values end at "last" */

static char *
ngx_http_gateway_jwt_rule_status(ngx_conf_t *cf, ngx_uint_t *status,
    ngx_uint_t *last)
{
    ngx_str_t  *value;

    value = cf->args->elts;
    *last = cf->args->nelts;
    *status = NGX_HTTP_UNAUTHORIZED;

    if (value[*last - 1].len < 6
        || ngx_strncmp(value[*last - 1].data, "error=", 6) != 0)
    {
        return NGX_CONF_OK;
    }

    (*last)--;

    return ngx_http_gateway_params(cf, ngx_http_gateway_jwt_rule_params,
                                   status, *last);
}


/* warns of a "*", which is not a pattern */

static void
ngx_http_gateway_jwt_rule_literal(ngx_conf_t *cf, ngx_uint_t last)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 3; i < last; i++) {
        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '*')) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "patterns are not supported by \"%V\" in "
                               "\"%V\", \"%V\" is taken literally, use "
                               "\"match\"", &value[2], &value[0], &value[i]);
        }
    }
}


static char *
ngx_http_gateway_jwt_rule_values(ngx_conf_t *cf, ngx_array_t *values,
    ngx_uint_t first, ngx_uint_t last)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;

    if (ngx_array_init(values, cf->pool, 1, sizeof(ngx_http_complex_value_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = first; i < last; i++) {

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value[i];
        ccv.complex_value = ngx_array_push(values);
        if (ccv.complex_value == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_reads(cf, &value[i]) != NGX_OK
            || ngx_http_compile_complex_value(&ccv) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
