/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limits, quotas and limits of concurrency: directives, phase handlers,
 * configuration.
 *
 * The handler of the late stage runs in PRECONTENT, after access: the client is
 * authenticated, and requests that access has refused are not charged.  The
 * handler of the early stage runs in ACCESS before all authentication methods,
 * so that also requests with invalid credentials are charged.  It does not run
 * in PREACCESS: there a dynamic module precedes realip, and $binary_remote_addr
 * would keep the address of the proxy.
 */

#include "ngx_http_gateway_limit_count.h"
#include "ngx_http_gateway_limit_redis.h"
#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_variable.h"


static ngx_int_t ngx_http_gateway_limit_precontent(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_limit_access(ngx_http_request_t *r);

static ngx_int_t ngx_http_gateway_limit_preconfigure(ngx_conf_t *cf);
static void *ngx_http_gateway_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_limit_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_gateway_limit_set_zone(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_limit_set_limit(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_limit_set_exempt(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_limit_set_status(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_gateway_limit_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_limit_init_process(ngx_cycle_t *cycle);


#define NGX_HTTP_GATEWAY_LIMIT_CONTEXT                                        \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_conf_enum_t  ngx_http_gateway_limit_inherits[] = {
    { ngx_string("on"), NGX_HTTP_GATEWAY_LIMIT_INHERIT_ON },
    { ngx_string("off"), NGX_HTTP_GATEWAY_LIMIT_INHERIT_OFF },
    { ngx_string("merge"), NGX_HTTP_GATEWAY_LIMIT_INHERIT_MERGE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_limit_log_levels[] = {
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_limit_header_styles[] = {
    { ngx_string("off"), NGX_HTTP_GATEWAY_LIMIT_OFF },
    { ngx_string("legacy"), NGX_HTTP_GATEWAY_LIMIT_LEGACY },
    { ngx_string("ietf"), NGX_HTTP_GATEWAY_LIMIT_IETF },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_use_t  ngx_http_gateway_limit_on = {
    0, 0,
    "has no effect, \"gateway_limit\" is on neither in its block nor in an "
    "inner one",
    NULL, 0
};


static ngx_command_t  ngx_http_gateway_limit_commands[] = {

    { ngx_string("gateway_limit_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_limit_set_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_limit"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_limit_set_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_limit_inherit"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_limit_loc_conf_t, inherit),
      ngx_http_gateway_limit_inherits },

    { ngx_string("gateway_limit_exempt"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_limit_loc_conf_t, exempt),
      ngx_http_gateway_setting(ngx_http_gateway_limit_set_exempt, NULL,
                               &ngx_http_gateway_limit_on, 0) },

    { ngx_string("gateway_limit_status"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_limit_set_status, NULL,
                               &ngx_http_gateway_limit_on, 0) },

    { ngx_string("gateway_limit_headers"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_limit_loc_conf_t, headers),
      ngx_http_gateway_setting(ngx_http_gateway_set_bits_slot,
                               ngx_http_gateway_limit_header_styles,
                               &ngx_http_gateway_limit_on, 0) },

    { ngx_string("gateway_limit_log_level"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_limit_loc_conf_t, log_level),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_limit_log_levels,
                               &ngx_http_gateway_limit_on, 0) },

    { ngx_string("gateway_limit_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_limit_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_limit_module_ctx = {
    ngx_http_gateway_limit_preconfigure,   /* preconfiguration */
    ngx_http_gateway_limit_init,           /* postconfiguration */

    ngx_http_gateway_limit_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_limit_create_loc_conf, /* create location configuration */
    ngx_http_gateway_limit_merge_loc_conf  /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_limit_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_limit_module_ctx,    /* module context */
    ngx_http_gateway_limit_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_limit_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_limit_precontent(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t    *gr;
    ngx_http_gateway_limit_ctx_t  *ctx;

    gr = (r == r->main) ? ngx_http_gateway_request(r) : NULL;
    ctx = ngx_http_gateway_limit_part(gr);

    /* no module has refused the request; error pages also get here */

    if (ctx && r->err_status == 0) {
        ctx->admitted = 1;
    }

    return ngx_http_gateway_limit_handler(r, NGX_HTTP_GATEWAY_LIMIT_LATE);
}


/*
 * With "satisfy any" nginx lets other modules admit a request that one has
 * refused with 401, 403 or, since 1.31.0, with 407.  A refusal by a limit must be
 * final, whatever its status is.
 */

static ngx_int_t
ngx_http_gateway_limit_access(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_gateway_limit_handler(r, NGX_HTTP_GATEWAY_LIMIT_EARLY);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_limit_preconfigure(ngx_conf_t *cf)
{
    if (ngx_http_gateway_use_add(cf, &ngx_http_gateway_limit_on) != NGX_OK
        || ngx_http_gateway_slot_add(cf, &ngx_http_gateway_limit_part_slot)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_limit_variables(cf);
}


static void *
ngx_http_gateway_limit_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_limit_main_conf_t));
    if (lmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&lmcf->zones, cf->pool, 4,
                       sizeof(ngx_http_gateway_limit_zone_t *))
        != NGX_OK
        || ngx_array_init(&lmcf->names, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&lmcf->checks, cf->pool, 4,
                          sizeof(ngx_http_gateway_limit_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return lmcf;
}


static void *
ngx_http_gateway_limit_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_limit_loc_conf_t  *llcf;

    llcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_limit_loc_conf_t));
    if (llcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     llcf->limits = NULL;
     *     llcf->stages[] = NULL;
     *     llcf->headers = 0;
     *     llcf->admin = NULL;
     */

    llcf->inherit = NGX_CONF_UNSET_UINT;
    llcf->exempt = NGX_CONF_UNSET_PTR;
    llcf->status = NGX_CONF_UNSET;
    llcf->log_level = NGX_CONF_UNSET_UINT;

    ngx_http_gateway_place(cf, &llcf->where);

    return llcf;
}


static char *
ngx_http_gateway_limit_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_limit_loc_conf_t *prev = parent;
    ngx_http_gateway_limit_loc_conf_t *conf = child;

    conf->own = (conf->limits != NULL);

    if (conf->limits && conf->limits->nelts) {
        ngx_http_gateway_warn_return(cf, "gateway_limit", &conf->where);
    }

    if (ngx_http_gateway_limit_inherit(cf, prev, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_ptr_value(conf->exempt, prev->exempt, NULL);
    ngx_conf_merge_value(conf->status, prev->status,
                         NGX_HTTP_TOO_MANY_REQUESTS);
    ngx_conf_merge_bitmask_value(conf->headers, prev->headers,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_HTTP_GATEWAY_LIMIT_LEGACY));
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level, NGX_LOG_INFO);

    if (ngx_http_gateway_limit_merge(cf, conf) != NGX_CONF_OK
        || ngx_http_gateway_limit_hidden(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->limits == NULL || conf->limits->nelts == 0) {

        if (conf->own) {
            ngx_http_gateway_use_off(cf, ngx_http_gateway_limit_on.bit);
        }

        return ngx_http_gateway_limit_admin_merge(cf, prev, conf);
    }

    ngx_http_gateway_use_on(cf, ngx_http_gateway_limit_on.bit);

    /* after the settlement, which setters have registered */

    if (ngx_http_gateway_observed(cf, NGX_HTTP_GATEWAY_OBSERVE_RESULTS)
        && ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_SETTLE,
                                    ngx_http_gateway_limit_results)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_limit_admin_merge(cf, prev, conf);
}


static char *
ngx_http_gateway_limit_set_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_limit_main_conf_t *lmcf = conf;

    ngx_http_gateway_limit_zone_t  *zone, **slot;

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_limit_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->worker = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_gateway_limit_worker_zone_t));
    if (zone->worker == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_limit_zone_parse(cf, zone) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_limit_find(lmcf, &zone->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of \"gateway_limit_zone\" is "
                           "duplicate", &zone->name);
        return NGX_CONF_ERROR;
    }

    slot = ngx_array_push(&lmcf->zones);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = zone;

    ngx_http_gateway_limit_zone_warn(cf, zone);

    return ngx_http_gateway_limit_zone_memory(cf, zone);
}


static char *
ngx_http_gateway_limit_set_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_uint_t                 off;
    ngx_http_gateway_limit_t  *limit;

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

    if (ngx_http_gateway_limit_parse(cf, limit) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_limit_by_zone(llcf->limits->elts,
                                       llcf->limits->nelts - 1, &limit->name))
    {
        return "is duplicate: one limit of a zone applies to a request";
    }

    return ngx_http_gateway_limit_register(cf, limit);
}


/* "off" cancels what is inherited; a constant would exempt all requests */

static char *
ngx_http_gateway_limit_set_exempt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
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
                               "\"%V\" in \"gateway_limit_exempt\" is the "
                               "same for all requests, it must contain a "
                               "variable",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_gateway_reads(cf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_set_predicate_slot(cf, cmd, conf);
}


static char *
ngx_http_gateway_limit_set_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_limit_loc_conf_t *llcf = conf;

    ngx_str_t  *value;

    if (llcf->status != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;
    llcf->status = ngx_atoi(value[1].data, value[1].len);

    if (llcf->status < 400 || llcf->status > 599) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"gateway_limit_status\", "
                           "it must be a number from 400 to 599", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (llcf->status >= NGX_HTTP_REQUEST_HEADER_TOO_LARGE
        && llcf->status <= NGX_HTTP_TO_HTTPS)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"gateway_limit_status\", "
                           "nginx responds with 400 instead of 494 to 497",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_limit_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                 *h;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_gateway_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_limit_module);

    if (ngx_http_gateway_limit_check(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!lmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_gateway_limit_count_init(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_limit_precontent;

    if (lmcf->early) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_limit_access;

        ngx_http_gateway_counts_early(cf);
    }

    if (ngx_http_gateway_limit_redis_init(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_limit_header_init(cf);
}


/* the worker may replace one that was killed */

static ngx_int_t
ngx_http_gateway_limit_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                            i;
    ngx_http_gateway_limit_zone_t       **zone;
    ngx_http_gateway_limit_main_conf_t   *lmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    lmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_limit_module);
    if (lmcf == NULL) {
        return NGX_OK;
    }

    zone = lmcf->zones.elts;

    for (i = 0; i < lmcf->zones.nelts; i++) {
        ngx_http_gateway_limit_slot_sweep(zone[i], 1);
    }

    return NGX_OK;
}
