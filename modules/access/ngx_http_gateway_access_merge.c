/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * How rules are inherited, and the warning of those that an inner level
 * drops.
 *
 * A level that writes a directive replaces what it inherits of it, as
 * everywhere in nginx; who forgets that opens a location.  So what the inner
 * rules still ask for is compared with what the outer ones asked for.
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


/* where nobody has written a rule */

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
                  "\"%s\" in %V:%ui drops what the one in %V:%ui requires, "
                  "repeat that, or write \"%s off\" first", directive,
                  ngx_http_gateway_place_args(&own->place),
                  ngx_http_gateway_place_args(&dropped->place), directive);
}


/* once for a block, whatever its kinds of rules */

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
 * The first outer rule that does not follow from the inner ones, or NULL: an
 * inner level that repeats everything, or asks for more, drops nothing.
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


/* one of the outer names is needed: some inner rule allows no other */

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


/* asked for each method that a rule names, and for one that none does */

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

        /* the inner level refuses this method */

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
 * Whether some rule for a method, or NULL for any, lists a name, or NULL for
 * any.
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
