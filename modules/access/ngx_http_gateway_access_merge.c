/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Inheriting rules, and the warning of rules that an inner level drops.
 *
 * A level that sets a directive replaces what it inherits of it, as everywhere
 * in nginx.  A rule that is dropped by mistake opens a location, so that the
 * inner rules are compared with the outer ones.
 */

#include "ngx_http_gateway_access.h"


static void ngx_http_gateway_access_warn_dropped(ngx_conf_t *cf,
    ngx_uint_t kind, const ngx_array_t *inner, const ngx_array_t *outer);
static void ngx_http_gateway_access_warn_return(ngx_conf_t *cf,
    const ngx_http_gateway_access_loc_conf_t *conf);
static const ngx_http_gateway_access_rule_t *ngx_http_gateway_access_dropped(
    ngx_uint_t kind, const ngx_array_t *inner, const ngx_array_t *outer);
static ngx_uint_t ngx_http_gateway_access_still_required(
    const ngx_http_gateway_access_rule_t *outer, const ngx_array_t *inner);
static ngx_uint_t ngx_http_gateway_access_still_denied(
    const ngx_http_gateway_access_rule_t *outer, const ngx_array_t *inner);
static const ngx_http_gateway_access_rule_t *
    ngx_http_gateway_access_dropped_scopes(const ngx_array_t *inner,
    const ngx_array_t *outer);
static const ngx_http_gateway_access_rule_t *
    ngx_http_gateway_access_dropped_scope(const ngx_array_t *inner,
    const ngx_array_t *outer, const gw_text_t *method);
static ngx_uint_t ngx_http_gateway_access_in_rules(const ngx_array_t *rules,
    const gw_text_t *method, const gw_text_t *name);


/* of a level without rules */

static ngx_array_t  ngx_http_gateway_access_no_rules;


void
ngx_http_gateway_access_merge_rules(ngx_conf_t *cf,
    ngx_http_gateway_access_loc_conf_t *conf,
    const ngx_http_gateway_access_loc_conf_t *prev)
{
    ngx_uint_t    k;
    ngx_array_t  *inherited;

    ngx_http_gateway_access_warn_return(cf, conf);

    for (k = 0; k < NGX_HTTP_GATEWAY_ACCESS_KINDS; k++) {

        inherited = prev->rules[k] ? prev->rules[k]
                                   : &ngx_http_gateway_access_no_rules;

        if (conf->rules[k] && !conf->off[k]) {
            ngx_http_gateway_access_warn_dropped(cf, k, conf->rules[k],
                                                 inherited);
        }

        if (conf->rules[k] == NULL) {
            conf->rules[k] = conf->off[k] ? &ngx_http_gateway_access_no_rules
                                          : inherited;
        }

        if (conf->rules[k]->nelts) {
            conf->judges = 1;
        }
    }
}


static void
ngx_http_gateway_access_warn_dropped(ngx_conf_t *cf, ngx_uint_t kind,
    const ngx_array_t *inner, const ngx_array_t *outer)
{
    const char                            *directive;
    ngx_http_gateway_access_rule_t        *own;
    const ngx_http_gateway_access_rule_t  *dropped;

    dropped = ngx_http_gateway_access_dropped(kind, inner, outer);

    if (dropped == NULL) {
        return;
    }

    own = inner->elts;
    directive = ngx_http_gateway_access_kinds[kind].directive;

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"%s\" in %V:%ui drops the rule in %V:%ui, repeat that rule "
                  "or write \"%s off\" first", directive,
                  ngx_http_gateway_place_args(&own->place),
                  ngx_http_gateway_place_args(&dropped->place), directive);
}


/* warns once for a block, whichever kinds of rules it has */

static void
ngx_http_gateway_access_warn_return(ngx_conf_t *cf,
    const ngx_http_gateway_access_loc_conf_t *conf)
{
    ngx_uint_t  k;

    for (k = 0; k < NGX_HTTP_GATEWAY_ACCESS_KINDS; k++) {
        if (conf->rules[k]) {
            ngx_http_gateway_warn_return(cf,
                                   ngx_http_gateway_access_kinds[k].directive,
                                   &conf->place);
            return;
        }
    }
}


/*
 * Returns the first outer rule that the inner rules do not imply, or NULL.  An
 * inner level that repeats all rules, or requires more, drops none.
 */

static const ngx_http_gateway_access_rule_t *
ngx_http_gateway_access_dropped(ngx_uint_t kind, const ngx_array_t *inner,
    const ngx_array_t *outer)
{
    ngx_uint_t                       i;
    ngx_http_gateway_access_rule_t  *rule;

    if (outer->nelts == 0) {
        return NULL;
    }

    if (kind == NGX_HTTP_GATEWAY_ACCESS_SCOPE) {
        return ngx_http_gateway_access_dropped_scopes(inner, outer);
    }

    rule = outer->elts;

    for (i = 0; i < outer->nelts; i++) {
        if (!(kind == NGX_HTTP_GATEWAY_ACCESS_DENY
              ? ngx_http_gateway_access_still_denied(&rule[i], inner)
              : ngx_http_gateway_access_still_required(&rule[i], inner)))
        {
            return &rule[i];
        }
    }

    return NULL;
}


/* an outer rule is implied by an inner one that lists none but its names */

static ngx_uint_t
ngx_http_gateway_access_still_required(
    const ngx_http_gateway_access_rule_t *outer, const ngx_array_t *inner)
{
    gw_text_t                       *name;
    ngx_uint_t                       i, k;
    ngx_http_gateway_access_rule_t  *rule;

    rule = inner->elts;

    for (i = 0; i < inner->nelts; i++) {
        name = rule[i].names.elts;

        for (k = 0; k < rule[i].names.nelts; k++) {
            if (!ngx_http_gateway_access_listed(&outer->names, &name[k])) {
                break;
            }
        }

        if (k == rule[i].names.nelts) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_access_still_denied(
    const ngx_http_gateway_access_rule_t *outer, const ngx_array_t *inner)
{
    gw_text_t   *name;
    ngx_uint_t   i;

    name = outer->names.elts;

    for (i = 0; i < outer->names.nelts; i++) {
        if (!ngx_http_gateway_access_in_rules(inner, NULL, &name[i])) {
            return 0;
        }
    }

    return 1;
}


/* checks each method that a rule lists, and one that no rule lists */

static const ngx_http_gateway_access_rule_t *
ngx_http_gateway_access_dropped_scopes(const ngx_array_t *inner,
    const ngx_array_t *outer)
{
    gw_text_t                             *method, other;
    ngx_uint_t                             i, k, n;
    const ngx_array_t                     *levels[2];
    ngx_http_gateway_access_rule_t        *rule;
    const ngx_http_gateway_access_rule_t  *dropped;

    other.len = 0;
    other.data = NULL;

    dropped = ngx_http_gateway_access_dropped_scope(inner, outer, &other);

    levels[0] = outer;
    levels[1] = inner;

    for (n = 0; n < 2; n++) {
        rule = levels[n]->elts;

        for (i = 0; i < levels[n]->nelts; i++) {
            method = rule[i].methods.elts;

            for (k = 0; k < rule[i].methods.nelts && dropped == NULL; k++) {
                dropped = ngx_http_gateway_access_dropped_scope(inner, outer,
                                                                &method[k]);
            }
        }
    }

    return dropped;
}


static const ngx_http_gateway_access_rule_t *
ngx_http_gateway_access_dropped_scope(const ngx_array_t *inner,
    const ngx_array_t *outer, const gw_text_t *method)
{
    gw_text_t                       *name;
    ngx_uint_t                       i, k, named;
    ngx_http_gateway_access_rule_t  *rule;

    if (!ngx_http_gateway_access_in_rules(inner, method, NULL)) {

        /* the inner level rejects this method */

        return NULL;
    }

    rule = outer->elts;
    named = 0;

    for (i = 0; i < outer->nelts; i++) {

        if (!ngx_http_gateway_access_applies(&rule[i], method)) {
            continue;
        }

        named = 1;
        name = rule[i].names.elts;

        for (k = 0; k < rule[i].names.nelts; k++) {
            if (!ngx_http_gateway_access_in_rules(inner, method, &name[k])) {
                return &rule[i];
            }
        }
    }

    return named ? NULL : rule;
}


/*
 * Whether a rule that applies to "method" lists "name".  NULL stands for any
 * method and for any name.
 */

static ngx_uint_t
ngx_http_gateway_access_in_rules(const ngx_array_t *rules,
    const gw_text_t *method, const gw_text_t *name)
{
    ngx_uint_t                       i;
    ngx_http_gateway_access_rule_t  *rule;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {
        if ((method == NULL
             || ngx_http_gateway_access_applies(&rule[i], method))
            && (name == NULL
                || ngx_http_gateway_access_listed(&rule[i].names, name)))
        {
            return 1;
        }
    }

    return 0;
}
