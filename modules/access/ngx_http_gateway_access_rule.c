/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checking an identity against the rules of a location.
 *
 * A request must meet all rules.  A scope rule requires all of its scopes, a
 * rule about groups or consumers one of its names.  A scope rule may apply to
 * some methods only.  If no scope rule applies to the method of a request, it
 * is rejected: a method that the rules do not mention must not pass.
 */

#include "ngx_http_gateway_access.h"


static gw_reason_e ngx_http_gateway_access_check_scopes(ngx_http_request_t *r,
    const ngx_array_t *rules, const gw_text_t *scopes);
static ngx_uint_t ngx_http_gateway_access_any(
    const ngx_http_gateway_access_rule_t *rule, const gw_text_t *list,
    char separator);
static size_t ngx_http_gateway_access_room(const ngx_array_t *rules);
static gw_text_t ngx_http_gateway_access_method(ngx_http_request_t *r);
static gw_text_t ngx_http_gateway_access_field(
    const ngx_http_gateway_identity_t *identity, ngx_uint_t kind);


gw_reason_e
ngx_http_gateway_access_check(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity,
    ngx_http_gateway_access_kind_e *kind)
{
    gw_text_t                              field;
    ngx_uint_t                             i, k, held;
    gw_reason_e                            reason;
    ngx_http_gateway_access_rule_t        *rule;
    const ngx_http_gateway_access_kind_t  *kinds;

    kinds = ngx_http_gateway_access_kinds;

    for (k = 0; k < NGX_HTTP_GATEWAY_ACCESS_KINDS; k++) {

        if (alcf->rules[k]->nelts == 0) {
            continue;
        }

        *kind = k;
        field = ngx_http_gateway_access_field(identity, k);

        if (k == NGX_HTTP_GATEWAY_ACCESS_SCOPE) {
            reason = ngx_http_gateway_access_check_scopes(r, alcf->rules[k],
                                                          &field);
            if (reason != GW_OK) {
                return reason;
            }

            continue;
        }

        rule = alcf->rules[k]->elts;

        for (i = 0; i < alcf->rules[k]->nelts; i++) {
            held = ngx_http_gateway_access_any(&rule[i], &field,
                                               kinds[k].separator);

            ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway %s: rule %ui of %ui, %s",
                           ngx_http_gateway_short(kinds[k].directive), i + 1,
                           alcf->rules[k]->nelts,
                           held ? "a name matches" : "no name matches");

            if (held == (k == NGX_HTTP_GATEWAY_ACCESS_DENY)) {
                return kinds[k].reason;
            }
        }
    }

    return GW_OK;
}


static gw_reason_e
ngx_http_gateway_access_check_scopes(ngx_http_request_t *r,
    const ngx_array_t *rules, const gw_text_t *scopes)
{
    gw_text_t                       *name, method;
    ngx_uint_t                       i, k, named;
    ngx_http_gateway_access_rule_t  *rule;

    rule = rules->elts;
    method = ngx_http_gateway_access_method(r);
    named = 0;

    for (i = 0; i < rules->nelts; i++) {

        if (!ngx_http_gateway_access_applies(&rule[i], &method)) {
            ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                           "gateway require_scope: rule %ui of %ui does not "
                           "apply to method \"%V\"", i + 1, rules->nelts,
                           &r->method_name);
            continue;
        }

        named = 1;
        name = rule[i].names.elts;

        for (k = 0; k < rule[i].names.nelts; k++) {
            if (!gw_names_has(scopes, ' ', &name[k])) {
                ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                               "gateway require_scope: rule %ui of %ui, scope "
                               "\"%V\" is missing", i + 1, rules->nelts,
                               (ngx_str_t *) &name[k]);
                return GW_INSUFFICIENT_SCOPE;
            }
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway require_scope: rule %ui of %ui, all scopes are "
                       "present", i + 1, rules->nelts);
    }

    return named ? GW_OK : GW_METHOD_NOT_ALLOWED;
}


/* "list" without the separator is a list of one name */

static ngx_uint_t
ngx_http_gateway_access_any(const ngx_http_gateway_access_rule_t *rule,
    const gw_text_t *list, char separator)
{
    gw_text_t   *name;
    ngx_uint_t   i;

    name = rule->names.elts;

    for (i = 0; i < rule->names.nelts; i++) {
        if (gw_names_has(list, separator, &name[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_access_missing(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf,
    const ngx_http_gateway_identity_t *identity, ngx_str_t *missing)
{
    u_char                          *p;
    gw_text_t                       *name, method, scopes, found;
    ngx_uint_t                       i, k;
    const ngx_array_t               *rules;
    ngx_http_gateway_access_rule_t  *rule;

    rules = alcf->rules[NGX_HTTP_GATEWAY_ACCESS_SCOPE];

    p = ngx_pnalloc(r->pool, ngx_http_gateway_access_room(rules));
    if (p == NULL) {
        return NGX_ERROR;
    }

    scopes = ngx_http_gateway_access_field(identity,
                                           NGX_HTTP_GATEWAY_ACCESS_SCOPE);
    method = ngx_http_gateway_access_method(r);

    found.data = p;
    found.len = 0;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        if (!ngx_http_gateway_access_applies(&rule[i], &method)) {
            continue;
        }

        name = rule[i].names.elts;

        for (k = 0; k < rule[i].names.nelts; k++) {

            if (gw_names_has(&scopes, ' ', &name[k])
                || gw_names_has(&found, ' ', &name[k]))
            {
                continue;
            }

            if (found.len) {
                *p++ = ' ';
            }

            p = ngx_cpymem(p, name[k].data, name[k].len);
            found.len = p - found.data;
        }
    }

    missing->data = (u_char *) found.data;
    missing->len = found.len;

    return NGX_OK;
}


/* bytes for the names of all rules, each with a separator */

static size_t
ngx_http_gateway_access_room(const ngx_array_t *rules)
{
    size_t                           len;
    gw_text_t                       *name;
    ngx_uint_t                       i, k;
    ngx_http_gateway_access_rule_t  *rule;

    rule = rules->elts;
    len = 0;

    for (i = 0; i < rules->nelts; i++) {
        name = rule[i].names.elts;

        for (k = 0; k < rule[i].names.nelts; k++) {
            len += name[k].len + 1;
        }
    }

    return len;
}


ngx_uint_t
ngx_http_gateway_access_listed(const ngx_array_t *names,
    const gw_text_t *name)
{
    gw_text_t   *n;
    ngx_uint_t   i;

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_http_gateway_same(&n[i], name)) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_gateway_access_applies(const ngx_http_gateway_access_rule_t *rule,
    const gw_text_t *method)
{
    return rule->methods.nelts == 0
           || ngx_http_gateway_access_listed(&rule->methods, method);
}


/* HEAD is a GET without the body (RFC 9110, 9.3.2) */

static gw_text_t
ngx_http_gateway_access_method(ngx_http_request_t *r)
{
    gw_text_t  method;

    static const u_char  get[] = "GET";

    method.len = r->method_name.len;
    method.data = r->method_name.data;

    if (r->method == NGX_HTTP_HEAD) {
        method.len = sizeof(get) - 1;
        method.data = get;
    }

    return method;
}


static gw_text_t
ngx_http_gateway_access_field(const ngx_http_gateway_identity_t *identity,
    ngx_uint_t kind)
{
    gw_text_t         text;
    const ngx_str_t  *s;

    s = (const ngx_str_t *) ((const u_char *) identity
                             + ngx_http_gateway_access_kinds[kind].field);

    text.len = s->len;
    text.data = s->data;

    return text;
}
