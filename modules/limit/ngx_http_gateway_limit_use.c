/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_limit: parameters, inheritance and merging.
 */

#include "ngx_http_gateway_limit.h"


static ngx_int_t ngx_http_gateway_limit_inherit_merge(ngx_array_t *inner,
    const ngx_array_t *outer);
static void ngx_http_gateway_limit_warn_dropped(ngx_conf_t *cf,
    const ngx_array_t *inner, const ngx_array_t *outer);
static char *ngx_http_gateway_limit_param_number(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static const char *ngx_http_gateway_limit_parse_check(
    const ngx_http_gateway_limit_t *limit);
static const char *ngx_http_gateway_limit_cost_check(
    const ngx_http_gateway_limit_t *limit);
static void ngx_http_gateway_limit_cost_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);
static char *ngx_http_gateway_limit_stage(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf, ngx_http_gateway_limit_t *limit);
static char *ngx_http_gateway_limit_check_later(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf);
static char *ngx_http_gateway_limit_resolve(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);
static const char *ngx_http_gateway_limit_fits(
    ngx_http_gateway_limit_t *limit);


#define ngx_http_gateway_limit_offset(field)                            \
    offsetof(ngx_http_gateway_limit_t, field)

static const ngx_http_gateway_param_t  ngx_http_gateway_limit_params[] = {

    { ngx_string("zone="), ngx_http_gateway_param_str,
      ngx_http_gateway_limit_offset(name), 0 },

    { ngx_string("burst="), ngx_http_gateway_limit_param_number,
      ngx_http_gateway_limit_offset(burst), GW_FIGURE_NUMBER },

    { ngx_string("nodelay"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_offset(nodelay), 1 },

    { ngx_string("delay="), ngx_http_gateway_limit_param_number,
      ngx_http_gateway_limit_offset(delay), GW_FIGURE_NUMBER },

    { ngx_string("cost="), ngx_http_gateway_limit_param_cost,
      ngx_http_gateway_limit_offset(cost), GW_FIGURE_NUMBER },

    { ngx_string("min="), ngx_http_gateway_limit_param_figure,
      ngx_http_gateway_limit_offset(min), GW_FIGURE_NUMBER },

    { ngx_string("settle"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_offset(settle), 1 },

    { ngx_string("reserve="), ngx_http_gateway_limit_param_cost,
      ngx_http_gateway_limit_offset(reserve), GW_FIGURE_NUMBER },

    { ngx_string("penalty"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_offset(penalty), 1 },

    { ngx_string("dry_run"), ngx_http_gateway_param_word,
      ngx_http_gateway_limit_offset(dry_run), 1 },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_limit_parse(ngx_conf_t *cf, ngx_http_gateway_limit_t *limit)
{
    const char  *err;

    ngx_memzero(limit, sizeof(ngx_http_gateway_limit_t));

    ngx_http_gateway_place(cf, &limit->where);

    if (ngx_http_gateway_params(cf, ngx_http_gateway_limit_params, limit, 1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    err = ngx_http_gateway_limit_parse_check(limit);

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


/* NULL, or what is wrong with the parameters */

static const char *
ngx_http_gateway_limit_parse_check(const ngx_http_gateway_limit_t *limit)
{
    if (limit->name.len == 0) {
        return "must have \"zone=name\"";
    }

    if ((limit->nodelay || limit->delay.text.len)
        && limit->burst.text.len == 0)
    {
        return "\"nodelay\" and \"delay=\" require \"burst=\"";
    }

    if (limit->nodelay && limit->delay.text.len) {
        return "\"nodelay\" and \"delay=\" are mutually exclusive";
    }

    if (limit->delay.text.len
        && limit->delay.figure.amount > limit->burst.figure.amount)
    {
        return "\"delay=\" exceeds \"burst=\"";
    }

    return ngx_http_gateway_limit_cost_check(limit);
}


const ngx_http_gateway_limit_t *
ngx_http_gateway_limit_by_zone(const ngx_http_gateway_limit_t *limits,
    ngx_uint_t n, const ngx_str_t *zone)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_http_gateway_same(&limits[i].name, zone)) {
            return &limits[i];
        }
    }

    return NULL;
}


char *
ngx_http_gateway_limit_register(ngx_conf_t *cf,
    const ngx_http_gateway_limit_t *limit)
{
    ngx_str_t                           *name;
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
    lmcf->used = 1;

    name = ngx_array_push(&lmcf->names);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = limit->name;

    if (ngx_http_gateway_refuses(cf) != NGX_OK) {
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


/* a figure without variables, which are allowed in zones only */

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


static const char *
ngx_http_gateway_limit_cost_check(const ngx_http_gateway_limit_t *limit)
{
    if (limit->settle && limit->penalty) {
        return "\"settle\" and \"penalty\" are mutually exclusive";
    }

    if (limit->reserve.text.len && !limit->settle) {
        return "\"reserve=\" requires \"settle\"";
    }

    if (limit->min.text.len && limit->cost.text.len == 0) {
        return "\"min=\" requires \"cost=\"";
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


/* warns of parameters without effect, and of a cost that clients set to 0 */

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


/* an "if" or limit_except block has the limits of its location */

ngx_int_t
ngx_http_gateway_limit_inherit(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

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

    /* "gateway_limit off", or nothing to inherit */

    if (conf->limits == prev->limits || conf->limits->nelts == 0
        || prev->limits == NULL)
    {
        return NGX_OK;
    }

    if (conf->inherit == NGX_HTTP_GATEWAY_LIMIT_INHERIT_ON) {
        ngx_http_gateway_limit_warn_dropped(cf, conf->limits, prev->limits);
    }

    return (conf->inherit == NGX_HTTP_GATEWAY_LIMIT_INHERIT_MERGE)
           ? ngx_http_gateway_limit_inherit_merge(conf->limits, prev->limits)
           : NGX_OK;
}


static ngx_int_t
ngx_http_gateway_limit_inherit_merge(ngx_array_t *inner,
    const ngx_array_t *outer)
{
    ngx_uint_t                       i, own;
    ngx_http_gateway_limit_t        *limit;
    const ngx_http_gateway_limit_t  *inherited;

    own = inner->nelts;
    inherited = outer->elts;

    for (i = 0; i < outer->nelts; i++) {

        if (ngx_http_gateway_limit_by_zone(inner->elts, own,
                                           &inherited[i].name))
        {
            continue;
        }

        limit = ngx_array_push(inner);
        if (limit == NULL) {
            return NGX_ERROR;
        }

        *limit = inherited[i];
    }

    return NGX_OK;
}


static void
ngx_http_gateway_limit_warn_dropped(ngx_conf_t *cf, const ngx_array_t *inner,
    const ngx_array_t *outer)
{
    ngx_uint_t                       i;
    const ngx_http_gateway_limit_t  *own, *dropped;

    own = inner->elts;
    dropped = outer->elts;

    for (i = 0; i < outer->nelts; i++) {

        if (ngx_http_gateway_limit_by_zone(own, inner->nelts,
                                           &dropped[i].name))
        {
            continue;
        }

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


char *
ngx_http_gateway_limit_merge(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_http_gateway_limit_t  *limit;

    if (conf->limits == NULL) {
        return NGX_CONF_OK;
    }

    conf->worker = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_gateway_limit_worker_loc_t));
    if (conf->worker == NULL) {
        return NGX_CONF_ERROR;
    }

    limit = conf->limits->elts;

    for (i = 0; i < conf->limits->nelts; i++) {
        if (ngx_http_gateway_limit_resolve(cf, &limit[i]) != NGX_CONF_OK
            || ngx_http_gateway_limit_stage(cf, conf, &limit[i])
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_gateway_limit_problems(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_in_force(cf)
           ? ngx_http_gateway_limit_check_later(cf, conf) : NGX_CONF_OK;
}


/* adds a limit to the stage of its zone */

static char *
ngx_http_gateway_limit_stage(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf, ngx_http_gateway_limit_t *limit)
{
    ngx_array_t                         **stage;
    ngx_http_gateway_limit_t            **slot;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    stage = &conf->stages[limit->zone->stage];

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

    *slot = limit;

    if (limit->zone->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY) {
        lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);
        lmcf->early = 1;
    }

    return NGX_CONF_OK;
}


/* notes for ngx_http_gateway_limit_check() what is known of the location */

static char *
ngx_http_gateway_limit_check_later(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_gateway_limit_loc_conf_t   **check;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);

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


/* finds the zone of a limit and checks whether they are compatible */

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
        return "\"burst=\" requires a zone with \"rate=\" and "
               "\"algorithm=gcra\"";
    }

    if (zone->algorithm == GW_LIMIT_CONCURRENCY
        && (limit->cost.text.len || limit->settle || limit->penalty))
    {
        return "\"cost=\", \"settle\" and \"penalty\" conflict with "
               "\"concurrency=\" of the zone";
    }

    if (zone->stage == NGX_HTTP_GATEWAY_LIMIT_EARLY
        && ngx_http_gateway_limit_identity(limit->settle ? &limit->reserve.text
                                                         : &limit->cost.text))
    {
        return "the zone's \"stage=early\" is decided before authentication, "
               "no $gateway_... variable is set then";
    }

    burst = limit->burst.text.len ? &limit->burst : &zone->burst;

    limit->literal = (zone->figure->value == NULL && burst->value == NULL);

    zone->variable |= !limit->literal;

    err = gw_limit_set(&limit->figures, zone->algorithm, &zone->figure->figure,
                       burst->figure.amount);

    if (err) {
        return err;
    }

    zone->most = ngx_max(zone->most, limit->figures.most);

    /* a limit of 0 is meant to refuse all requests */

    if (limit->literal && limit->figures.amount
        && limit->reserve.figure.amount > limit->figures.capacity)
    {
        return "\"reserve=\" exceeds the limit, all requests would be rejected";
    }

    return NULL;
}
