/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit: which zones apply where, and what can be said of that before
 * there is a request.
 */

#include "ngx_http_gateway_limit.h"


static void ngx_http_gateway_limit_warn_dropped(ngx_conf_t *cf,
    const ngx_array_t *inner, const ngx_array_t *outer);
static char *ngx_http_gateway_limit_param_number(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_limit_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);
static const char *ngx_http_gateway_limit_cost_check(
    ngx_http_gateway_limit_t *limit);
static void ngx_http_gateway_limit_cost_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);
static ngx_int_t ngx_http_gateway_limit_note(ngx_conf_t *cf,
    const ngx_str_t *name);
static ngx_uint_t ngx_http_gateway_limit_used(
    const ngx_http_gateway_limit_main_conf_t *lmcf, const ngx_str_t *zone);
static char *ngx_http_gateway_limit_resolve(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);
static const char *ngx_http_gateway_limit_fits(
    ngx_http_gateway_limit_t *limit);
static void ngx_http_gateway_limit_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf);


#define ngx_http_gateway_limit_limit_offset(field)                            \
    offsetof(ngx_http_gateway_limit_t, field)

static const ngx_http_gateway_param_t  ngx_http_gateway_limit_params[] = {

    { ngx_string("zone="), ngx_http_gateway_param_str,
      ngx_http_gateway_limit_limit_offset(name), 0 },

    { ngx_string("burst="), ngx_http_gateway_limit_param_number,
      ngx_http_gateway_limit_limit_offset(burst), GW_FIGURE_NUMBER },

    { ngx_string("nodelay"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_limit_offset(nodelay), 1 },

    { ngx_string("delay="), ngx_http_gateway_limit_param_number,
      ngx_http_gateway_limit_limit_offset(delay), GW_FIGURE_NUMBER },

    { ngx_string("cost="), ngx_http_gateway_limit_param_cost,
      ngx_http_gateway_limit_limit_offset(cost), GW_FIGURE_NUMBER },

    { ngx_string("min="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_limit_offset(min), GW_FIGURE_NUMBER },

    { ngx_string("settle"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_limit_offset(settle), 1 },

    { ngx_string("reserve="), ngx_http_gateway_limit_param_cost,
      ngx_http_gateway_limit_limit_offset(reserve), GW_FIGURE_NUMBER },

    { ngx_string("penalty"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_limit_offset(penalty), 1 },

    { ngx_string("dry_run"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_limit_offset(dry_run), 1 },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_limit_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_uint_t                 i, off;
    ngx_http_gateway_limit_t  *limit, *others;

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (llcf->limits == NULL) {
        llcf->limits = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_http_gateway_limit_t));
        if (llcf->limits == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (off || llcf->limits->nelts == 0) {
        return ngx_http_gateway_param_off_conflicts(cf);
    }

    if (off) {
        return NGX_CONF_OK;
    }

    limit = ngx_array_push(llcf->limits);
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(limit, sizeof(ngx_http_gateway_limit_t));

    ngx_http_gateway_place(cf, &limit->where);

    if (ngx_http_gateway_params(cf, ngx_http_gateway_limit_params, limit, 1)
        != NGX_CONF_OK
        || ngx_http_gateway_limit_limit_check(cf, limit) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    others = llcf->limits->elts;

    for (i = 0; i < llcf->limits->nelts - 1; i++) {
        if (ngx_http_gateway_same(&others[i].name, &limit->name)) {
            return "is duplicate: one limit of a zone applies to a request";
        }
    }

    if (ngx_http_gateway_limit_note(cf, &limit->name) != NGX_OK
        || ngx_http_gateway_refuses(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!limit->settle) {
        return NGX_CONF_OK;
    }

    if (limit->reserve.text.len
        && ngx_http_gateway_observe(cf, NGX_HTTP_GATEWAY_OBSERVE_END)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return (ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_SETTLE,
                                     ngx_http_gateway_limit_settle)
            == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* for what is found when all zones have been read */

static ngx_int_t
ngx_http_gateway_limit_note(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_str_t                           *noted;
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    lmcf->used = 1;

    noted = ngx_array_push(&lmcf->names);
    if (noted == NULL) {
        return NGX_ERROR;
    }

    *noted = *name;

    return NGX_OK;
}


/* a figure without variables, which only a zone has */

static char *
ngx_http_gateway_limit_param_number(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    if (ngx_strlchr(value->data, value->data + value->len, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in parameter \"%V\" of "
                           "\"gateway_limit\", it must be a number; only "
                           "\"burst=\" of \"gateway_limit_zone\" can have "
                           "variables", value, &param->name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_limit_param_figure(cf, param, value, field);
}


static char *
ngx_http_gateway_limit_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit)
{
    const char  *err;

    err = NULL;

    if (limit->name.len == 0) {
        err = "must have \"zone=name\"";

    } else if ((limit->nodelay || limit->delay.text.len)
               && limit->burst.text.len == 0)
    {
        err = "\"nodelay\" and \"delay=\" are for \"burst=\"";

    } else if (limit->nodelay && limit->delay.text.len) {
        err = "\"nodelay\" and \"delay=\" exclude each other";

    } else if (limit->delay.text.len
               && limit->delay.figure.amount > limit->burst.figure.amount)
    {
        err = "\"delay=\" is more than \"burst=\"";

    } else {
        err = ngx_http_gateway_limit_cost_check(limit);
    }

    if (err) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"gateway_limit\": %s", err);
        return NGX_CONF_ERROR;
    }

    if (limit->cost.text.len == 0) {
        limit->cost.kind = GW_FIGURE_NUMBER;
        limit->cost.figure.amount = 1;
    }

    ngx_http_gateway_limit_cost_warn(cf, limit);

    if (limit->cost.implied && limit->reserve.text.len) {
        limit->cost.reserve = 1;
        limit->cost.text.len -= sizeof("|1") - 1;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_gateway_limit_cost_check(ngx_http_gateway_limit_t *limit)
{
    if (limit->settle && limit->penalty) {
        return "\"settle\" and \"penalty\" exclude each other";
    }

    if (limit->reserve.text.len && !limit->settle) {
        return "\"reserve=\" is for \"settle\"";
    }

    if (limit->min.text.len && limit->cost.text.len == 0) {
        return "\"min=\" is for \"cost=\"";
    }

    if (limit->min.value) {
        return "\"min=\" must be a number without variables";
    }

    if (limit->cost.text.len && limit->cost.value == NULL
        && limit->cost.figure.amount < limit->min.figure.amount)
    {
        return "\"cost=\" is less than \"min=\"";
    }

    return NULL;
}


/* what has no effect, and a client's value that may be 0 */

static void
ngx_http_gateway_limit_cost_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit)
{
    ngx_str_t  cost;

    cost = limit->cost.text;

    if (limit->cost.implied) {
        cost.len -= sizeof("|1") - 1;
    }

    if (limit->min.text.len && limit->cost.value == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_limit\": \"min=%V\" has no effect, "
                           "\"cost=%V\" has no variable", &limit->min.text,
                           &cost);
    }

    if (limit->reserve.text.len && limit->reserve.value == NULL
        && limit->reserve.figure.amount == 0)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_limit\": \"reserve=0\" has no effect");
    }

    if (limit->min.figure.amount == 0
        && ngx_http_gateway_limit_client(&cost))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_limit\": \"cost=%V\" is chosen by the "
                           "client, a client that sends 0 is not limited; "
                           "\"min=1\" or more prevents this", &cost);
    }
}


/* "off", alone, cancels what is inherited; a constant would exempt all */

char *
ngx_http_gateway_limit_exempt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i, off;

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (llcf->exempt == NULL
        || (off && llcf->exempt != NGX_CONF_UNSET_PTR))
    {
        return ngx_http_gateway_param_off_conflicts(cf);
    }

    if (off) {
        llcf->exempt = NULL;
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '$')
            == NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"gateway_limit_exempt\" is the same "
                               "for all requests, it must hold a variable",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_reads(cf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_set_predicate_slot(cf, cmd, conf);
}


/* an "if" and a limit_except are the location itself, whatever is said there */

ngx_int_t
ngx_http_gateway_limit_inherit(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_uint_t                 i, k, own;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_gateway_limit_t  *limit, *outer;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->inherit == NGX_CONF_UNSET_UINT && conf->limits == NULL
        && (clcf->noname || clcf->lmt_excpt))
    {
        conf->limits = prev->limits;
    }

    ngx_conf_merge_uint_value(conf->inherit, prev->inherit,
                              NGX_HTTP_GATEWAY_LIMIT_INHERIT_ON);

    if (conf->limits == NULL) {
        conf->limits = (conf->inherit == NGX_HTTP_GATEWAY_LIMIT_INHERIT_OFF)
                       ? NULL : prev->limits;
        return NGX_OK;
    }

    /* "gateway_limit off" is all that applies */

    if (conf->limits == prev->limits || conf->limits->nelts == 0
        || prev->limits == NULL)
    {
        return NGX_OK;
    }

    if (conf->inherit == NGX_HTTP_GATEWAY_LIMIT_INHERIT_ON) {
        ngx_http_gateway_limit_warn_dropped(cf, conf->limits, prev->limits);
    }

    if (conf->inherit != NGX_HTTP_GATEWAY_LIMIT_INHERIT_MERGE) {
        return NGX_OK;
    }

    own = conf->limits->nelts;
    outer = prev->limits->elts;

    for (i = 0; i < prev->limits->nelts; i++) {
        limit = conf->limits->elts;

        for (k = 0; k < own; k++) {
            if (ngx_http_gateway_same(&limit[k].name, &outer[i].name)) {
                break;
            }
        }

        if (k < own) {
            continue;
        }

        limit = ngx_array_push(conf->limits);
        if (limit == NULL) {
            return NGX_ERROR;
        }

        *limit = outer[i];
    }

    return NGX_OK;
}


char *
ngx_http_gateway_limit_merge(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_uint_t                            i;
    ngx_array_t                         **stage;
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_limit_t             *limit, **slot;
    ngx_http_gateway_limit_loc_conf_t   **check;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    if (conf->limits == NULL) {
        return NGX_CONF_OK;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {

        if (ngx_http_gateway_limit_resolve(cf, &limit[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        stage = &conf->stages[limit[i].zone->stage];

        if (*stage == NULL) {
            *stage = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_gateway_limit_t *));
            if (*stage == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        slot = ngx_array_push(*stage);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = &limit[i];

        if (limit[i].zone->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY) {
            lmcf->early = 1;
        }
    }

    if (ngx_http_gateway_limit_problems(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->any = (clcf->satisfy == NGX_HTTP_SATISFY_ANY
                 && ngx_http_gateway_others_grant(cf));
    conf->core = ngx_http_conf_get_module_loc_conf(cf,
                                                   ngx_http_gateway_module);

    check = ngx_array_push(&lmcf->checks);
    if (check == NULL) {
        return NGX_CONF_ERROR;
    }

    *check = conf;

    return NGX_CONF_OK;
}


static void
ngx_http_gateway_limit_warn_dropped(ngx_conf_t *cf, const ngx_array_t *inner,
    const ngx_array_t *outer)
{
    ngx_uint_t                 i, k;
    ngx_http_gateway_limit_t  *own, *dropped;

    if (outer == NULL) {
        return;
    }

    own = inner->elts;
    dropped = outer->elts;

    for (i = 0; i < outer->nelts; i++) {

        for (k = 0; k < inner->nelts; k++) {
            if (ngx_http_gateway_same(&own[k].name, &dropped[i].name)) {
                break;
            }
        }

        if (k == inner->nelts) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"gateway_limit\" in %V:%ui drops the limit of zone "
                          "\"%V\" that is inherited from %V:%ui, repeat it, or "
                          "write \"gateway_limit_inherit merge\"",
                          ngx_http_gateway_place_args(&own[0].where),
                          &dropped[i].name,
                          ngx_http_gateway_place_args(&dropped[i].where));
            return;
        }
    }
}


/* the zone of a limit, and whether the two go together */

static char *
ngx_http_gateway_limit_resolve(ngx_conf_t *cf, ngx_http_gateway_limit_t *limit)
{
    const char                          *err;
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    if (limit->zone) {
        return NGX_CONF_OK;
    }

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);

    limit->zone = ngx_http_gateway_limit_find(lmcf, &limit->name);

    if (limit->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "unknown zone \"%V\" in \"gateway_limit\", there is no "
                      "\"gateway_limit_zone\" of this name in %V:%ui",
                      &limit->name,
                      ngx_http_gateway_place_args(&limit->where));
        return NGX_CONF_ERROR;
    }

    err = ngx_http_gateway_limit_fits(limit);

    if (err) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_limit\" with zone \"%V\": %s in %V:%ui",
                      &limit->name, err,
                      ngx_http_gateway_place_args(&limit->where));
        return NGX_CONF_ERROR;
    }

    limit->dry_run |= limit->zone->dry_run;

    return NGX_CONF_OK;
}


static const char *
ngx_http_gateway_limit_fits(ngx_http_gateway_limit_t *limit)
{
    const char                       *err;
    ngx_http_gateway_limit_zone_t    *zone;
    ngx_http_gateway_limit_figure_t  *burst;

    zone = limit->zone;

    if (limit->burst.text.len && zone->algorithm != GW_LIMIT_GCRA) {
        return "\"burst=\" is for a zone with \"rate=\" and \"algorithm=gcra\"";
    }

    if (zone->algorithm == GW_LIMIT_CONCURRENCY
        && (limit->cost.text.len || limit->settle || limit->penalty))
    {
        return "\"cost=\", \"settle\" and \"penalty\" have no meaning for a "
               "zone with \"concurrency=\"";
    }

    if (zone->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY
        && ngx_http_gateway_limit_identity(limit->settle ? &limit->reserve.text
                                                         : &limit->cost.text))
    {
        return "the zone's \"stage=early\" is before authentication, where no "
               "variable $gateway_... is known";
    }

    burst = limit->burst.text.len ? &limit->burst : &zone->burst;

    limit->literal = (zone->figure->value == NULL && burst->value == NULL);

    zone->variable |= !limit->literal;

    err = gw_limit_set(&limit->limit, zone->algorithm, &zone->figure->figure,
                       burst->figure.amount);

    if (err) {
        return err;
    }

    zone->most = ngx_max(zone->most, limit->limit.most);

    /* a figure of 0 lets nothing pass, which is what it is written for */

    if (limit->literal && limit->limit.amount
        && limit->reserve.figure.amount > limit->limit.capacity)
    {
        return "\"reserve=\" is more than an idle key has, such a request "
               "would never pass";
    }

    return NULL;
}


/* whether a "gateway_limit" names the zone */

static ngx_uint_t
ngx_http_gateway_limit_used(const ngx_http_gateway_limit_main_conf_t *lmcf,
    const ngx_str_t *zone)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = lmcf->names.elts;

    for (i = 0; i < lmcf->names.nelts; i++) {
        if (ngx_http_gateway_same(&name[i], zone)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf)
{
    ngx_uint_t                           i;
    ngx_http_gateway_limit_zone_t      **zone;
    ngx_http_gateway_limit_loc_conf_t  **check;

    zone = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {

        if (!ngx_http_gateway_limit_used(lmcf, &zone[i]->zone.name)) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "zone \"%V\" of \"gateway_limit_zone\" is never "
                          "used in %V:%ui", &zone[i]->zone.name,
                          ngx_http_gateway_place_args(&zone[i]->where));
        }

        if (zone[i]->redis_name.len == 0) {
            continue;
        }

        zone[i]->redis = ngx_http_gateway_redis_find(cf, &zone[i]->redis_name);

        if (zone[i]->redis == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown redis \"%V\" in \"gateway_limit_zone\", "
                          "there is no \"gateway_redis\" of this name in "
                          "%V:%ui", &zone[i]->redis_name,
                          ngx_http_gateway_place_args(&zone[i]->where));
            return NGX_ERROR;
        }
    }

    ngx_http_gateway_redis_warn_unused(cf);

    check = lmcf->checks.elts;

    for (i = 0; i < lmcf->checks.nelts; i++) {
        ngx_http_gateway_limit_warn(cf, check[i]);
    }

    return NGX_OK;
}


/* a late limit by a variable that authentication has emptied counts nobody */

char *
ngx_http_gateway_limit_hidden(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf)
{
    ngx_uint_t                  i;
    ngx_array_t                *late;
    ngx_http_gateway_limit_t  **limit;

    late = llcf->stages[NGX_HTTP_GATEWAY_LIMIT_LATE];

    if (late == NULL || !ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    limit = late->elts;

    for (i = 0; i < late->nelts; i++) {

        if (limit[i]->zone->key_name.len == 0
            || !ngx_http_gateway_hidden_variable(cf, &limit[i]->zone->key_name))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "zone \"%V\" counts by $%V, which is hidden after "
                      "authentication by the block in %V:%ui, use "
                      "$gateway_credential or stage=early, in %V:%ui",
                      &limit[i]->zone->zone.name, &limit[i]->zone->key_name,
                      ngx_http_gateway_place_args(&llcf->where),
                      ngx_http_gateway_place_args(&limit[i]->where));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * A key that is empty for whoever has no credential limits nobody without
 * one.  Asked when access has merged its rules, which stands behind limit.
 * Under "satisfy any" another way in, such as "allow", admits anonymous
 * requests beside one method; beside two, and for access modules of others, the
 * first such request tells, see ngx_http_gateway_limit_nobody().
 */

static void
ngx_http_gateway_limit_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf)
{
    ngx_uint_t                  i;
    ngx_array_t                *late;
    ngx_http_gateway_limit_t  **limit;

    late = llcf->stages[NGX_HTTP_GATEWAY_LIMIT_LATE];

    if (late == NULL || llcf->core->requires > llcf->any) {
        return;
    }

    limit = late->elts;

    for (i = 0; i < late->nelts; i++) {
        if (!limit[i]->zone->identity) {
            continue;
        }

        llcf->said_nobody = 1;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "zone \"%V\" counts by $%V, which is empty for anonymous "
                      "requests, and the block in %V:%ui admits them: they "
                      "are not limited there; $gateway_client counts them by "
                      "address", &limit[i]->zone->name,
                      &limit[i]->zone->key_name,
                      ngx_http_gateway_place_args(&llcf->where));
    }
}
