/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JWT authentication: directives.  The phase handlers are in
 * ngx_http_gateway_jwt_access.c.
 */

#include "ngx_http_gateway_jwt_count.h"
#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_known.h"
#include "ngx_http_gateway_jwt_remote_conf.h"
#include "ngx_http_gateway_jwt_revoked.h"


static ngx_int_t ngx_http_gateway_jwt_register(ngx_conf_t *cf);
static char *ngx_http_gateway_jwt(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_jwt_max_size(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_gateway_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_gateway_jwt_warn_relaxed(ngx_conf_t *cf, void *post,
    void *data);
static ngx_int_t ngx_http_gateway_jwt_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_jwt_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_jwt_init_process(ngx_cycle_t *cycle);


#define NGX_HTTP_GATEWAY_JWT_CONTEXT                                          \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_conf_enum_t  ngx_http_gateway_jwt_key_policies[] = {
    { ngx_string("strict"), 0 },
    { ngx_string("compat"), GW_JWK_COMPAT },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_gateway_jwt_verify_post = {
    ngx_http_gateway_jwt_warn_relaxed
};


static ngx_command_t  ngx_http_gateway_jwt_commands[] = {

    { ngx_string("gateway_jwt"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_jwt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_jwt_key_file"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_file, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_key_request"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE12,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_request, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_key_fetch"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_ANY,
      ngx_http_gateway_set_setting,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_fetch, NULL,
                               &ngx_http_gateway_jwt_requests, 0) },

    { ngx_string("gateway_jwt_key_cache"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_jwt_key_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_jwt_token_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_token_cache, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_introspect"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_introspect, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_key_policy"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, key_policy),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_key_policy,
                               ngx_http_gateway_jwt_key_policies,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_verify"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, verify),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot,
                               &ngx_http_gateway_jwt_verify_post,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_algorithms"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_algorithms, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_issuer"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, issuers),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_audience"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, audiences),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_typ"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, typ),
      ngx_http_gateway_setting(ngx_http_gateway_set_str_list_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_leeway"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, leeway),
      ngx_http_gateway_setting(ngx_http_gateway_set_sec_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_require_exp"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, require_exp),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_max_age"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, max_age),
      ngx_http_gateway_setting(ngx_http_gateway_set_sec_slot, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_revoked"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_revoked, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_require"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_require, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_require_claim"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_require_claim, NULL,
                               &ngx_http_gateway_jwt_use, 1) },

    { ngx_string("gateway_jwt_consumer"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, consumer),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_path, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_scope"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, scopes),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_paths, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_group"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, groups),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_paths, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_claim_header"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE23,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_claim_header, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_claim_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      0,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_claim_set, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_header_set"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_gateway_set_setting,
      0,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_header_set, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_hide"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, hide),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_mode"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, mode),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_modes,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_challenge"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_set_challenge, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

    { ngx_string("gateway_jwt_max_size"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_jwt_loc_conf_t, max_size),
      ngx_http_gateway_setting(ngx_http_gateway_jwt_max_size, NULL,
                               &ngx_http_gateway_jwt_reads, 0) },

    { ngx_string("gateway_jwt_type"),
      NGX_HTTP_GATEWAY_JWT_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_jwt_type, NULL,
                               &ngx_http_gateway_jwt_use, 0) },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_jwt_module_ctx = {
    ngx_http_gateway_jwt_register,         /* preconfiguration */
    ngx_http_gateway_jwt_init,             /* postconfiguration */

    ngx_http_gateway_jwt_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_gateway_jwt_create_srv_conf,  /* create server configuration */
    ngx_http_gateway_jwt_merge_srv_conf,   /* merge server configuration */

    ngx_http_gateway_jwt_create_loc_conf,  /* create location configuration */
    ngx_http_gateway_jwt_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_jwt_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_jwt_module_ctx,      /* module context */
    ngx_http_gateway_jwt_commands,         /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_gateway_jwt_init_module,      /* init module */
    ngx_http_gateway_jwt_init_process,     /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_gateway_jwt_register(ngx_conf_t *cf)
{
    if (ngx_http_gateway_method_add(cf, "jwt", ngx_http_gateway_jwt_hide_early,
                                    &ngx_http_gateway_jwt_method)
        != NGX_OK
        || ngx_http_gateway_slot_add(cf, &ngx_http_gateway_jwt_slot) != NGX_OK
        || ngx_http_gateway_slot_add(cf, &ngx_http_gateway_jwt_refusal_slot)
           != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_jwt_use) != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_jwt_reads) != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_jwt_requests)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_jwt_add_variables(cf);
}


static char *
ngx_http_gateway_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                         *value;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("token="), ngx_http_gateway_param_source,
          NGX_HTTP_GATEWAY_PARAM_MANY
          | offsetof(ngx_http_gateway_jwt_loc_conf_t, sources), 0 },

        ngx_http_gateway_null_param
    };

    if (jlcf->enable != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_gateway_params(cf, params, jlcf, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        jlcf->enable = jlcf->sources ? NGX_HTTP_GATEWAY_JWT_DECODE
                                     : NGX_HTTP_GATEWAY_JWT_OFF;

    } else {
        jlcf->enable = NGX_HTTP_GATEWAY_JWT_ON;

        jlcf->realm = ngx_http_gateway_complex_value(cf, &value[1]);
        if (jlcf->realm == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (jlcf->enable != NGX_HTTP_GATEWAY_JWT_ON) {
        ngx_http_gateway_use_off(cf, ngx_http_gateway_jwt_use.bit
                                     |ngx_http_gateway_jwt_reads.bit
                                     |NGX_HTTP_GATEWAY_USE_METHOD);
    }

    if (jlcf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    jmcf->used = 1;

    return (ngx_http_gateway_refuses(cf) == NGX_OK) ? NGX_CONF_OK
                                                    : NGX_CONF_ERROR;
}


static char *
ngx_http_gateway_jwt_warn_relaxed(ngx_conf_t *cf, void *post, void *data)
{
    ngx_flag_t  *verify = data;

    if (*verify == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_jwt_verify off\" accepts tokens that "
                           "anybody can make");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_jwt_max_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                             *rv;
    ngx_str_t                        *value;
    ngx_http_gateway_jwt_loc_conf_t  *jlcf = conf;

    rv = ngx_http_gateway_set_size_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && jlcf->max_size == 0) {
        value = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a size "
                           "of at least 1, such as 512, 16k or 1m",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return rv;
}


/* for configurations of NGINX Plus */

static char *
ngx_http_gateway_jwt_type(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "signed") == 0) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "type \"%V\" in \"%V\" is not supported, it must be "
                       "\"signed\"", &value[1], &value[0]);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_gateway_jwt_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt               *h;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    if (!jmcf->used) {
        return NGX_OK;
    }

    if (ngx_http_gateway_jwt_used_variables(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_gateway_jwt_advise_issuers(cf, jmcf);

    if (ngx_http_gateway_jwt_check_open(cf) != NGX_OK
        || ngx_http_gateway_jwt_remote_init(cf, jmcf) != NGX_OK
        || ngx_http_gateway_jwt_check_endpoints(cf, jmcf) != NGX_OK
        || ngx_http_gateway_jwt_count_init(cf, jmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_jwt_access;

    if (!jmcf->changes) {
        return NGX_OK;
    }

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_jwt_precontent;

    return NGX_OK;
}


/* without an http block there is no configuration */

static ngx_int_t
ngx_http_gateway_jwt_init_module(ngx_cycle_t *cycle)
{
    const ngx_array_t                 *sources;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_jwt_module);

    sources = jmcf ? &jmcf->sources : NULL;

    if (!ngx_http_gateway_jwt_remotes_keep(sources) && sources) {
        ngx_http_gateway_jwt_remotes_publish(sources);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_gateway_jwt_module);
    if (jmcf) {
        ngx_http_gateway_jwt_known_init(cycle, jmcf);
        ngx_http_gateway_jwt_remotes_start(&jmcf->sources, cycle->log);
    }

    return NGX_OK;
}
