/* SPDX-License-Identifier: BSD-2-Clause */

/* The response cache: directives and initialisation. */

#include "ngx_http_gateway_cache_run.h"


static ngx_int_t ngx_http_gateway_cache_add(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_cache_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_cache_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_cache_exit_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_cache_each_zone(ngx_cycle_t *cycle,
    void (*handler)(ngx_http_gateway_cache_zone_t *zone));


#define NGX_HTTP_GATEWAY_CACHE_CONTEXT                                        \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)

#define ngx_http_gateway_cache_written(field)                                 \
    offsetof(ngx_http_gateway_cache_loc_conf_t, written.field)


static ngx_conf_enum_t  ngx_http_gateway_cache_methods[] = {
    { ngx_string("GET"), 1 << GW_CACHE_GET },
    { ngx_string("HEAD"), 1 << GW_CACHE_HEAD },
    { ngx_string("POST"), 1 << GW_CACHE_POST },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_cache_request_controls[] = {
    { ngx_string("none"), GW_CACHE_CONTROL_NONE },
    { ngx_string("safe"), GW_CACHE_CONTROL_SAFE },
    { ngx_string("all"), GW_CACHE_CONTROL_ALL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_cache_set_cookies[] = {
    { ngx_string("skip"), GW_CACHE_COOKIE_SKIP },
    { ngx_string("strip"), GW_CACHE_COOKIE_STRIP },
    { ngx_string("store"), GW_CACHE_COOKIE_STORE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_gateway_cache_cookies[] = {
    { ngx_string("respect"), 0 },
    { ngx_string("ignore"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_gateway_cache_commands[] = {

    { ngx_string("gateway_cache_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_cache_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_cache_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_profile"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_cache_loc_conf_t, profile),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_cache_profiles,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_key"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_partition"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_cache_set_partition,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_methods"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(methods),
      ngx_http_gateway_setting(ngx_http_gateway_set_bits_slot,
                               ngx_http_gateway_cache_methods,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_ttl"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_ttl,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_targeted"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_targeted,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_request_control"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(request_control),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_cache_request_controls,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_stale"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_stale,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_lock"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_lock,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_vary"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_gateway_cache_set_vary,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_set_cookie"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(set_cookie),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_cache_set_cookies,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_cookie"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(cookie),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_cache_cookies,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_heuristic"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_heuristic,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_guard"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_guard,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_bypass"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(bypass),
      ngx_http_gateway_setting(ngx_http_gateway_cache_set_values, NULL,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_no_store"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(no_store),
      ngx_http_gateway_setting(ngx_http_gateway_cache_set_values, NULL,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_tags"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_cache_set_tags,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_cache_headers"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(headers),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_purge"),
      NGX_HTTP_GATEWAY_CACHE_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_gateway_cache_written(purge),
      ngx_http_gateway_setting(ngx_http_gateway_cache_set_values, NULL,
                               &ngx_http_gateway_cache_use, 0) },

    { ngx_string("gateway_cache_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_cache_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_cache_module_ctx = {
    ngx_http_gateway_cache_add,            /* preconfiguration */
    ngx_http_gateway_cache_init,           /* postconfiguration */

    ngx_http_gateway_cache_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_cache_create_loc_conf, /* create location configuration */
    ngx_http_gateway_cache_merge_loc_conf  /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_cache_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_cache_module_ctx,    /* module context */
    ngx_http_gateway_cache_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_gateway_cache_init_process,   /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_cache_exit_process,   /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/* adds the slot of the context, and the variables */

static ngx_int_t
ngx_http_gateway_cache_add(ngx_conf_t *cf)
{
    if (ngx_http_gateway_slot_add(cf, &ngx_http_gateway_cache_slot) != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_cache_use) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cache_variables(cf);
}


static ngx_int_t
ngx_http_gateway_cache_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_cache_each_zone(cycle, ngx_http_gateway_cache_zone_start);

    return NGX_OK;
}


static void
ngx_http_gateway_cache_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_cache_each_zone(cycle, ngx_http_gateway_cache_zone_stop);
}


static void
ngx_http_gateway_cache_each_zone(ngx_cycle_t *cycle,
    void (*handler)(ngx_http_gateway_cache_zone_t *zone))
{
    ngx_uint_t                            i;
    ngx_http_gateway_cache_zone_t       **zone;
    ngx_http_gateway_cache_main_conf_t   *cmcf;

    cmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_cache_module);
    if (cmcf == NULL) {
        return;
    }

    zone = cmcf->zones.elts;

    for (i = 0; i < cmcf->zones.nelts; i++) {
        handler(zone[i]);
    }
}


static ngx_int_t
ngx_http_gateway_cache_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                 *h;
    ngx_http_core_main_conf_t           *cmcf;
    ngx_http_gateway_cache_main_conf_t  *gcmcf;

    gcmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_cache_module);

    if (gcmcf->zones.nelts) {
        cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_cache_lookup;
    }

    if (ngx_http_gateway_cache_count_init(cf, &gcmcf->zones) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_cache_check(cf);
}
