/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_metrics: counts requests and what the gateway decides about them, for
 * Prometheus and for a live page.
 *
 * Core owns the series (ngx_http_gateway_metric.h).  This module creates their
 * zone, counts requests and upstream servers, and shows all families.
 */

#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_metrics_scrape.h"


static void *ngx_http_gateway_metrics_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_metrics_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_metrics_merge_srv_conf(ngx_conf_t *cf,
    void *parent, void *child);
static void *ngx_http_gateway_metrics_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_metrics_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_gateway_metrics_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_http_gateway_metrics_unused(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf);
static ngx_int_t ngx_http_gateway_metrics_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_metrics_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_metrics_init_process(ngx_cycle_t *cycle);
static void ngx_http_gateway_metrics_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_gateway_metrics_modes[] = {
    { ngx_string("on"), NGX_HTTP_GATEWAY_METRICS_ON },
    { ngx_string("server"), NGX_HTTP_GATEWAY_METRICS_SERVER },
    { ngx_string("off"), NGX_HTTP_GATEWAY_METRICS_OFF },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_gateway_metrics_commands[] = {

    { ngx_string("gateway_metrics_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_metrics_zone_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_metrics"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_metrics_mode,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_metrics_loc_conf_t, mode),
      ngx_http_gateway_metrics_modes },

    { ngx_string("gateway_metrics_top"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_gateway_metrics_top_set,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_metrics_page"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_gateway_metrics_page_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_metrics_module_ctx = {
    ngx_http_gateway_metrics_upstream_pre, /* preconfiguration */
    ngx_http_gateway_metrics_init,         /* postconfiguration */

    ngx_http_gateway_metrics_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_metrics_create_srv_conf, /* create server configuration */
    ngx_http_gateway_metrics_merge_srv_conf, /* merge server configuration */

    ngx_http_gateway_metrics_create_loc_conf, /* create location config. */
    ngx_http_gateway_metrics_merge_loc_conf /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_metrics_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_metrics_module_ctx,  /* module context */
    ngx_http_gateway_metrics_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_metrics_init_module,  /* init module */
    ngx_http_gateway_metrics_init_process, /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_gateway_metrics_exit_process, /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_gateway_metrics_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_main_conf_t));

    if (mmcf == NULL
        || ngx_array_init(&mmcf->tops, cf->pool, 2, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    return mmcf;
}


static void *
ngx_http_gateway_metrics_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_srv_conf_t));
}


static char *
ngx_http_gateway_metrics_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_metrics_srv_conf_t *conf = child;

    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    return (ngx_http_gateway_server_label(cf, cscf, &conf->label) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static void *
ngx_http_gateway_metrics_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_metrics_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    mlcf->mode = NGX_CONF_UNSET_UINT;

    return mlcf;
}


static char *
ngx_http_gateway_metrics_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_metrics_loc_conf_t *prev = parent;
    ngx_http_gateway_metrics_loc_conf_t *conf = child;

    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_GATEWAY_METRICS_ON);

    if (ngx_http_gateway_metrics_page_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return (ngx_http_gateway_metrics_route_merge(cf, prev, conf) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_metrics_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    if (mmcf->mode_place.line == 0) {
        ngx_http_gateway_place(cf, &mmcf->mode_place);
    }

    return ngx_http_gateway_set_enum_slot(cf, cmd, conf);
}


/* warns of directives without effect */

static void
ngx_http_gateway_metrics_advise(ngx_conf_t *cf, const char *directive,
    const ngx_http_gateway_place_t *place)
{
    if (place->line) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" has no effect, there is no "
                      "\"gateway_metrics_zone\" in %V:%ui", directive,
                      ngx_http_gateway_place_args(place));
    }
}


/* a zone that counts nothing, or that nobody can read */

static void
ngx_http_gateway_metrics_unused(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    if (mmcf->nroutes == 0) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_metrics_zone\" counts no request, "
                      "\"gateway_metrics\" is \"off\" in all locations in "
                      "%V:%ui", ngx_http_gateway_place_args(&mmcf->place));
    }

    if (mmcf->page == NULL) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_metrics_zone\" is never read, there is no "
                      "\"gateway_metrics_page\" in %V:%ui",
                      ngx_http_gateway_place_args(&mmcf->place));
    }
}


static ngx_int_t
ngx_http_gateway_metrics_init(ngx_conf_t *cf)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    if (mmcf->zone.size == 0) {
        ngx_http_gateway_metrics_advise(cf, "gateway_metrics",
                                        &mmcf->mode_place);
        ngx_http_gateway_metrics_advise(cf, "gateway_metrics_top",
                                        &mmcf->tops_place);
        return NGX_OK;
    }

    ngx_http_gateway_metrics_unused(cf, mmcf);

    return (ngx_http_gateway_metrics_tops_init(cf, mmcf) == NGX_OK
            && ngx_http_gateway_metrics_upstream_init(cf) == NGX_OK
            && ngx_http_gateway_metrics_peers_init(cf) == NGX_OK
            && ngx_http_gateway_metrics_nginx_init(cf) == NGX_OK
            && ngx_http_gateway_metrics_upkeep_init(cf) == NGX_OK
            && ngx_http_gateway_metrics_exemplars_init(cf) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* the configuration of the module; NULL: there is no zone */

static ngx_http_gateway_metrics_main_conf_t *
ngx_http_gateway_metrics_conf(ngx_cycle_t *cycle)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_metrics_module);

    return (mmcf && mmcf->zone.size) ? mmcf : NULL;
}


static ngx_int_t
ngx_http_gateway_metrics_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t  on;

    on = ngx_http_gateway_metrics_conf(cycle) != NULL;

    if (on) {
        ngx_http_gateway_metrics_nginx_loaded(cycle);
    }

    ngx_http_gateway_metrics_upkeep_replace(cycle, on);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_init_process(ngx_cycle_t *cycle)
{
    if ((ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE)
        && ngx_http_gateway_metrics_conf(cycle))
    {
        ngx_http_gateway_metrics_nginx_start(cycle);
        ngx_http_gateway_metrics_upkeep_start(cycle);
    }

    return NGX_OK;
}


static void
ngx_http_gateway_metrics_exit_process(ngx_cycle_t *cycle)
{
    if ((ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE)
        && ngx_http_gateway_metrics_conf(cycle))
    {
        ngx_http_gateway_metrics_nginx_exit(cycle);
        ngx_http_gateway_metrics_upkeep_exit();
    }
}
