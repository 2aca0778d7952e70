/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limits and quotas: directives, phase handlers, configuration.
 *
 * The handler of the late stage runs in PRECONTENT, behind access: identity is
 * known, and who is refused there is not charged.  That of the early stage
 * runs in ACCESS before every method of authentication, so that a flood of bad
 * tokens costs those who send it; not in PREACCESS, where a dynamic module
 * precedes realip and would freeze the proxy's address.
 */

#include "ngx_http_gateway_limit.h"
#include "ngx_http_gateway_setting.h"


static char *ngx_http_gateway_limit_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_limit_register(ngx_conf_t *cf);
static void *ngx_http_gateway_limit_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_limit_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_limit_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
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
      ngx_http_gateway_limit_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_limit"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_limit_limit,
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
      ngx_http_gateway_setting(ngx_http_gateway_limit_exempt, NULL,
                               &ngx_http_gateway_limit_on, 0) },

    { ngx_string("gateway_limit_status"),
      NGX_HTTP_GATEWAY_LIMIT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_limit_status, NULL,
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
    ngx_http_gateway_limit_register,       /* preconfiguration */
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


static char *
ngx_http_gateway_limit_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_limit_register(ngx_conf_t *cf)
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

    /* behind the settlement, which setters have registered */

    if (ngx_http_gateway_observed(cf, NGX_HTTP_GATEWAY_OBSERVE_RESULTS)
        && ngx_http_gateway_log_add(cf, NGX_HTTP_GATEWAY_LOG_SETTLE,
                                    ngx_http_gateway_limit_results)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_limit_admin_merge(cf, prev, conf);
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

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_limit_late;

    if (lmcf->early) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_limit_early;
    }

    if (ngx_http_gateway_limit_redis_init(cf, lmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_limit_header_init(cf);
}


/* this worker may stand in place of one that was killed */

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
