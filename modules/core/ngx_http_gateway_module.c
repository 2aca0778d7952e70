/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The core of the gateway: its directives and configuration, the removal of
 * identity headers that clients send, and the handler in LOG.
 *
 * Handlers and filters are installed only if a directive needs them.  If nginx
 * loads the module and no directive is used, requests run the same code as
 * without it.
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_count.h"
#include "ngx_http_gateway_counter.h"
#include "ngx_http_gateway_detached.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_observe.h"
#include "ngx_http_gateway_setting.h"


static ngx_int_t ngx_http_gateway_preaccess(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_preaccess_remove(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_log(ngx_http_request_t *r);
static void *ngx_http_gateway_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_gateway_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_gateway_set_route(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_http_gateway_error_formats[] = {
    { ngx_string("problem"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_gateway_commands[] = {

    { ngx_string("gateway_error_format"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF
                        |NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_loc_conf_t, error_format),
      ngx_http_gateway_error_formats },

    { ngx_string("gateway_route"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_set_route,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_module_ctx = {
    ngx_http_gateway_variables,            /* preconfiguration */
    ngx_http_gateway_init,                 /* postconfiguration */

    ngx_http_gateway_create_main_conf,     /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_create_srv_conf,      /* create server configuration */
    ngx_http_gateway_merge_srv_conf,       /* merge server configuration */

    ngx_http_gateway_create_loc_conf,      /* create location configuration */
    ngx_http_gateway_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_module_ctx,          /* module context */
    ngx_http_gateway_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_init_module,          /* init module */
    ngx_http_gateway_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


/*
 * Removes the client's copies of identity headers: before ACCESS, so that the
 * subrequest of auth_request does not see them either, and in every location of
 * the server, so that no location is missed.
 */

static ngx_int_t
ngx_http_gateway_preaccess(ngx_http_request_t *r)
{
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);

    if (gscf->identity_lengths == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                  ngx_http_gateway_preaccess_remove);
}


static ngx_int_t
ngx_http_gateway_preaccess_remove(ngx_http_request_t *r)
{
    size_t                           len;
    ngx_table_elt_t                 *h;
    ngx_http_gateway_srv_conf_t     *gscf;
    ngx_http_gateway_header_iter_t   it;

    gscf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_module);

    /* skip the search if no header has the length of one of the names */

    ngx_http_gateway_header_first(r, &it);

    while ((h = ngx_http_gateway_header_next(&it)) != NULL) {

        len = ngx_min(h->key.len, 63);

        if (gscf->identity_lengths & ((uint64_t) 1 << len)) {
            break;
        }
    }

    if (h == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_gateway_header_remove(r, gscf->identity_headers.elts,
                                       gscf->identity_headers.nelts)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * The only handler in LOG.  nginx would run several in the order of modules;
 * this one calls the log hooks in the order of their stages.
 */

static ngx_int_t
ngx_http_gateway_log(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_t        *log;
    ngx_http_gateway_main_conf_t  *gmcf;

    /* with "log_subrequest on", subrequests also reach LOG */

    if (r != r->main) {
        return NGX_OK;
    }

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);
    log = gmcf->log.elts;

    for (i = 0; i < gmcf->log.nelts; i++) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway log: stage %d", log[i].stage);

        log[i].handler(r);
    }

    return NGX_OK;
}


static void *
ngx_http_gateway_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_main_conf_t));
    if (gmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gmcf->watches, cf->pool, 4,
                       sizeof(ngx_http_gateway_watch_t *))
        != NGX_OK
        || ngx_array_init(&gmcf->methods, cf->pool, 4,
                          sizeof(ngx_http_gateway_method_t))
           != NGX_OK
        || ngx_array_init(&gmcf->credentials, cf->pool, 4,
                          sizeof(ngx_http_gateway_source_t))
           != NGX_OK
        || ngx_array_init(&gmcf->log, cf->pool, 4,
                          sizeof(ngx_http_gateway_log_t))
           != NGX_OK
        || ngx_array_init(&gmcf->prefixes, cf->pool, 4,
                          sizeof(ngx_http_gateway_early_variable_t))
           != NGX_OK)
    {
        return NULL;
    }

    return gmcf;
}


static void *
ngx_http_gateway_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_srv_conf_t  *gscf;

    gscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_srv_conf_t));
    if (gscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&gscf->identity_headers, cf->pool, 4,
                       sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&gscf->credential_headers, cf->pool, 1,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return gscf;
}


static char *
ngx_http_gateway_inherit(ngx_array_t *names, const ngx_array_t *inherited)
{
    ngx_str_t  *name;

    if (inherited->nelts == 0) {
        return NGX_CONF_OK;
    }

    name = ngx_array_push_n(names, inherited->nelts);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(name, inherited->elts, inherited->nelts * sizeof(ngx_str_t));

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_srv_conf_t *prev = parent;
    ngx_http_gateway_srv_conf_t *conf = child;

    ngx_str_t   *name;
    ngx_uint_t   i;

    if (ngx_http_gateway_inherit(&conf->identity_headers,
                                 &prev->identity_headers)
        != NGX_CONF_OK
        || ngx_http_gateway_inherit(&conf->credential_headers,
                                    &prev->credential_headers)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    name = conf->identity_headers.elts;

    for (i = 0; i < conf->identity_headers.nelts; i++) {
        conf->identity_lengths |= (uint64_t) 1 << ngx_min(name[i].len, 63);
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_gateway_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_loc_conf_t  *glcf;

    glcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_loc_conf_t));
    if (glcf == NULL) {
        return NULL;
    }

    glcf->error_format = NGX_CONF_UNSET_UINT;

    if (ngx_array_init(&glcf->headers, cf->pool, 1,
                       sizeof(ngx_http_gateway_set_header_t))
        != NGX_OK)
    {
        return NULL;
    }

    ngx_http_gateway_place(cf, &glcf->place);

    if (ngx_http_gateway_route_written(cf, &glcf->written) != NGX_OK) {
        return NULL;
    }

    return glcf;
}


static char *
ngx_http_gateway_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_loc_conf_t *prev = parent;
    ngx_http_gateway_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    conf->outer = prev;

    if (clcf->noname) {
        conf->home = prev->home;

    } else {
        conf->home = conf;
        conf->number = gmcf->blocks++;
    }

    ngx_conf_merge_uint_value(conf->error_format, prev->error_format, 1);
    ngx_conf_merge_str_value(conf->route_name, prev->route_name, "");
    ngx_conf_merge_str_value(conf->written, prev->written, "");

    conf->route = conf->route_name.len ? &conf->route_name : &conf->written;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_set_route(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_loc_conf_t *glcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (glcf->route_name.data) {
        return "is duplicate";
    }

    if (value[1].len == 0) {
        return "has an empty name";
    }

    if (ngx_http_gateway_header_unsafe(&value[1])) {
        return "has a control character in its name";
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"%V\", variables are "
                           "not supported", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    glcf->route_name = value[1];

    return NGX_CONF_OK;
}


/*
 * Never fails: an error here would end the master on a reload.  Without http {}
 * there is no configuration.
 */

static ngx_int_t
ngx_http_gateway_init_module(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    ngx_http_gateway_metrics_replace(cycle, gmcf);

    if (gmcf == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_header_variables(cycle, gmcf);
    ngx_http_gateway_early_phases(cycle, gmcf);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    gmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gateway_module);

    if (gmcf == NULL) {
        return NGX_OK;
    }

    ngx_http_gateway_counters_start(gmcf);
    ngx_http_gateway_metrics_start(cycle, gmcf);
    ngx_http_gateway_watch_start(cycle, &gmcf->watches);

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt           *h;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (ngx_http_gateway_counts_init(cf, gmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    gmcf->closed = 1;

    ngx_http_gateway_returns_check(cf);

    if (ngx_http_gateway_unknown_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_gateway_settings_check(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    gmcf->identities = offsetof(ngx_http_gateway_request_t, slots)
                       + gmcf->slots * sizeof(void *);
    gmcf->record = gmcf->identities;

    if (gmcf->authenticates) {
        gmcf->record += gmcf->methods.nelts
                        * sizeof(ngx_http_gateway_identity_t);
    }

    if (gmcf->identity_headers) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_preaccess;
    }

    if (gmcf->log.nelts) {
        h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = ngx_http_gateway_log;
    }

    if (ngx_http_gateway_early_init(cf) != NGX_OK
        || ngx_http_gateway_observe_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (gmcf->detaches && ngx_http_gateway_detached_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return gmcf->refuses ? ngx_http_gateway_error_init(cf) : NGX_OK;
}
