/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * API keys: directives, phase handlers, configuration.
 *
 * The ACCESS handler removes the key from the request before it checks it, so
 * that a rejected key is neither logged nor sent upstream.  It returns a status
 * that nginx combines with its own access methods; see
 * ngx_http_gateway_answer().
 */

#include "ngx_http_gateway_api_key.h"
#include "ngx_http_gateway_setting.h"
#include "ngx_http_gateway_count.h"


static ngx_int_t ngx_http_gateway_api_key_access(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_api_key_authorize(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_api_key_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf, gw_reason_e reason,
    const char *mistake, ngx_str_t *id);
static ngx_int_t ngx_http_gateway_api_key_challenge(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    ngx_http_gateway_refusal_t *refusal);
static ngx_int_t ngx_http_gateway_api_key_precontent(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_api_key_register(ngx_conf_t *cf);
static void *ngx_http_gateway_api_key_create_main_conf(ngx_conf_t *cf);
static void ngx_http_gateway_api_key_cleanup(void *data);
static void *ngx_http_gateway_api_key_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_api_key_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_gateway_api_key_inherit(ngx_conf_t *cf,
    ngx_http_gateway_api_key_loc_conf_t *conf,
    const ngx_http_gateway_api_key_loc_conf_t *prev);
static ngx_int_t ngx_http_gateway_api_key_hides(ngx_conf_t *cf,
    const ngx_http_gateway_api_key_loc_conf_t *conf);
static char *ngx_http_gateway_api_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_gateway_api_key_init(ngx_conf_t *cf);


#define NGX_HTTP_GATEWAY_API_KEY_CONTEXT                                      \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_conf_enum_t  ngx_http_gateway_api_key_formats[] = {
    { ngx_string("any"), NGX_HTTP_GATEWAY_API_KEY_ANY },
    { ngx_string("gw"), NGX_HTTP_GATEWAY_API_KEY_GW },
    { ngx_null_string, 0 }
};


static ngx_http_gateway_use_t  ngx_http_gateway_api_key_use = {
    0, 0,
    "has no effect, \"gateway_api_key\" is on neither in its block nor in an "
    "inner one",
    NULL, 0
};


/* peppers have no effect without a consumers file */

static ngx_http_gateway_use_t  ngx_http_gateway_api_key_hashes = {
    0, 0,
    "has no effect, there is no \"gateway_consumers\"",
    NULL, 0
};


static ngx_command_t  ngx_http_gateway_api_key_commands[] = {

    { ngx_string("gateway_api_key_pepper"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_gateway_set_setting,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_gateway_setting(ngx_http_gateway_api_key_pepper, NULL,
                               &ngx_http_gateway_api_key_hashes, 0) },

    { ngx_string("gateway_api_key"),
      NGX_HTTP_GATEWAY_API_KEY_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_api_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("gateway_api_key_hide"),
      NGX_HTTP_GATEWAY_API_KEY_CONTEXT|NGX_CONF_FLAG,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_api_key_loc_conf_t, hide),
      ngx_http_gateway_setting(ngx_conf_set_flag_slot, NULL,
                               &ngx_http_gateway_api_key_use, 0) },

    { ngx_string("gateway_api_key_format"),
      NGX_HTTP_GATEWAY_API_KEY_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_api_key_loc_conf_t, format),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_api_key_formats,
                               &ngx_http_gateway_api_key_use, 0) },

    { ngx_string("gateway_api_key_mode"),
      NGX_HTTP_GATEWAY_API_KEY_CONTEXT|NGX_CONF_TAKE1,
      ngx_http_gateway_set_setting,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_api_key_loc_conf_t, mode),
      ngx_http_gateway_setting(ngx_http_gateway_set_enum_slot,
                               ngx_http_gateway_modes,
                               &ngx_http_gateway_api_key_use, 0) },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_api_key_module_ctx = {
    ngx_http_gateway_api_key_register,     /* preconfiguration */
    ngx_http_gateway_api_key_init,         /* postconfiguration */

    ngx_http_gateway_api_key_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_api_key_create_loc_conf, /* create location config. */
    ngx_http_gateway_api_key_merge_loc_conf   /* merge location config. */
};


ngx_module_t  ngx_http_gateway_api_key_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_api_key_module_ctx,  /* module context */
    ngx_http_gateway_api_key_commands,     /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_uint_t  ngx_http_gateway_api_key_slot;   /* of the refusal */


/* nginx runs ACCESS for main requests only, and again after redirects */

static ngx_int_t
ngx_http_gateway_api_key_access(ngx_http_request_t *r)
{
    const ngx_http_gateway_api_key_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_api_key_module);

    return alcf->enable
           ? ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                    ngx_http_gateway_api_key_authorize)
           : NGX_DECLINED;
}


/*
 * The digest is made first, and the memory of its lookup is prefetched in two
 * steps: a set of 100,000 keys does not fit into the CPU's cache.  Meanwhile
 * the record is created and the key is hidden.
 */

static ngx_int_t
ngx_http_gateway_api_key_authorize(ngx_http_request_t *r)
{
    ngx_str_t                                   id;
    gw_reason_e                                 reason;
    ngx_http_gateway_request_t                 *gr;
    ngx_http_gateway_api_key_shown_t            shown;
    const ngx_http_gateway_api_key_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_api_key_module);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway api_key: authenticating");

    ngx_http_gateway_api_key_find(r, alcf, &shown);

    ngx_http_gateway_api_key_digest(r, &shown);

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    gr->shown |= (shown.reason != GW_MISSING);

    if (r->err_status == 0) {

        /* otherwise this is the error page, which must keep the challenge */

        ngx_http_gateway_refusal_reset(gr,
                    ngx_http_gateway_slot(gr, ngx_http_gateway_api_key_slot));
    }

    ngx_http_gateway_identity_begin(r, gr, ngx_http_gateway_api_key_method);

    if (shown.digested) {
        ngx_http_gateway_consumer_prefetch(r, GW_CONSUMER_SHA256,
                                           shown.digest, GW_KEY_DIGEST, 1);
    }

    if (!ngx_http_gateway_hides(r, gr, ngx_http_gateway_api_key_method)
        && ngx_http_gateway_api_key_hide(r, alcf, &shown) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&id);

    reason = ngx_http_gateway_api_key_judge(r, gr, alcf, &shown, &id);

    return ngx_http_gateway_api_key_answer(r, gr, alcf, reason, shown.mistake,
                                           &id);
}


/*
 * The response reveals whether the request had a key, but not what is wrong
 * with it: a client that tries keys must not learn which ones have existed.
 */

static ngx_int_t
ngx_http_gateway_api_key_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_api_key_loc_conf_t *alcf, gw_reason_e reason,
    const char *mistake, ngx_str_t *id)
{
    ngx_http_gateway_refusal_t  verdict;

    ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

    verdict.method = ngx_http_gateway_api_key_method;
    verdict.status = NGX_HTTP_UNAUTHORIZED;
    verdict.reason = reason;
    verdict.shown = GW_INVALID_KEY;

    if (reason == GW_MALFORMED_KEY) {
        verdict.detail.data = (u_char *) mistake;
        verdict.detail.len = ngx_strlen(mistake);
    }

    switch (reason) {

    case GW_OK:
    case GW_FAILED:
        break;

    case GW_CONSUMER_CONFLICT:
        verdict.status = NGX_HTTP_FORBIDDEN;
        verdict.shown = reason;
        break;

    case GW_MISSING:
    case GW_DUPLICATE_CREDENTIAL:
        verdict.shown = reason;

        /* fall through */

    default:

        if (ngx_http_gateway_api_key_challenge(r, alcf, &verdict) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_api_key_slot,
                                   &verdict, alcf->mode, "gateway_api_key",
                                   "key", id);
}


/* RFC 6750, 3, if keys are bearer tokens; the scheme "Key" has no errors */

static ngx_int_t
ngx_http_gateway_api_key_challenge(ngx_http_request_t *r,
    const ngx_http_gateway_api_key_loc_conf_t *alcf,
    ngx_http_gateway_refusal_t *refusal)
{
    ngx_keyval_t  params[] = {
        { ngx_string("realm"), ngx_null_string },
        { ngx_string("error"), ngx_null_string },
        { ngx_string("error_description"), ngx_null_string }
    };

    if (ngx_http_complex_value(r, alcf->realm, &params[0].value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (alcf->bearer && refusal->reason != GW_MISSING) {
        ngx_str_set(&params[1].value, "invalid_token");

        params[2].value.data = (u_char *) gw_reason_sentence(refusal->shown);
        params[2].value.len = ngx_strlen(params[2].value.data);
    }

    return ngx_http_gateway_challenge(r, &refusal->challenge,
                                      alcf->bearer ? "Bearer" : "Key", params,
                                      sizeof(params) / sizeof(params[0]),
                                      NULL);
}


/* under "satisfy any" another module may have granted access before this one */

static ngx_int_t
ngx_http_gateway_api_key_precontent(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    gr = ngx_http_gateway_request(r);

    if (gr && ngx_http_gateway_hides(r, gr, ngx_http_gateway_api_key_method)) {
        return NGX_DECLINED;
    }

    return (ngx_http_gateway_api_key_hide_early(r) == NGX_OK)
           ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_gateway_api_key_register(ngx_conf_t *cf)
{
    if (ngx_http_gateway_method_add(cf, "api_key",
                                    ngx_http_gateway_api_key_hide_early,
                                    &ngx_http_gateway_api_key_method)
        != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_api_key_use)
           != NGX_OK
        || ngx_http_gateway_use_add(cf, &ngx_http_gateway_api_key_hashes)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_gateway_slot_add(cf, &ngx_http_gateway_api_key_slot);
}


static void *
ngx_http_gateway_api_key_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t                    *cln;
    ngx_http_gateway_api_key_main_conf_t  *amcf;

    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_gateway_api_key_main_conf_t));
    if (cln == NULL) {
        return NULL;
    }

    amcf = cln->data;
    ngx_memzero(amcf, sizeof(ngx_http_gateway_api_key_main_conf_t));

    if (gw_key_hash_init(&amcf->hash) != 0) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_api_key_cleanup;

    return amcf;
}


static void
ngx_http_gateway_api_key_cleanup(void *data)
{
    ngx_http_gateway_api_key_main_conf_t *amcf = data;

    gw_key_hash_free(&amcf->hash);
}


static void *
ngx_http_gateway_api_key_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_api_key_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_api_key_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     alcf->realm = NULL;
     *     alcf->sources = NULL;
     *     alcf->bearer = 0;
     */

    alcf->enable = NGX_CONF_UNSET;
    alcf->hide = NGX_CONF_UNSET;
    alcf->format = NGX_CONF_UNSET_UINT;
    alcf->mode = NGX_CONF_UNSET_UINT;

    ngx_http_gateway_place(cf, &alcf->place);

    return alcf;
}


static char *
ngx_http_gateway_api_key_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_api_key_loc_conf_t *prev = parent;
    ngx_http_gateway_api_key_loc_conf_t *conf = child;

    if (conf->enable == NGX_CONF_UNSET) {
        if (ngx_http_gateway_api_key_inherit(cf, conf, prev) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

    } else if (conf->enable) {
        ngx_http_gateway_warn_return(cf, "gateway_api_key", &conf->place);
    }

    ngx_conf_merge_value(conf->hide, prev->hide, 1);
    ngx_conf_merge_uint_value(conf->format, prev->format,
                              NGX_HTTP_GATEWAY_API_KEY_ANY);
    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_GATEWAY_REQUIRED);

    if (conf->enable) {
        ngx_http_gateway_identity_asked(cf, conf->mode);

        ngx_http_gateway_use_on(cf, ngx_http_gateway_api_key_use.bit
                                    |NGX_HTTP_GATEWAY_USE_METHOD
                                    |NGX_HTTP_GATEWAY_USE_GROUPS);

        if (conf->hide && ngx_http_gateway_api_key_hides(cf, conf) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_gateway_consumers_given(cf)) {
        ngx_http_gateway_use_on(cf, ngx_http_gateway_api_key_hashes.bit);
    }

    if (conf->enable && !ngx_http_gateway_consumers_given(cf)
        && ngx_http_gateway_in_force(cf))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_api_key\" requires \"gateway_consumers\", add "
                      "\"gateway_consumers zone=consumers:1m "
                      "file=consumers.json;\" at the http level, for the block "
                      "in %V:%ui", ngx_http_gateway_place_args(&conf->place));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_api_key_inherit(ngx_conf_t *cf,
    ngx_http_gateway_api_key_loc_conf_t *conf,
    const ngx_http_gateway_api_key_loc_conf_t *prev)
{
    conf->enable = (prev->enable == NGX_CONF_UNSET) ? 0 : prev->enable;
    conf->realm = prev->realm;
    conf->sources = prev->sources;
    conf->bearer = prev->bearer;

    return conf->enable
           ? ngx_http_gateway_return_inherited(cf, "gateway_api_key")
           : NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_api_key_hides(ngx_conf_t *cf,
    const ngx_http_gateway_api_key_loc_conf_t *conf)
{
    ngx_http_gateway_hide_at(cf, ngx_http_gateway_api_key_method);

    return ngx_http_gateway_hide_sources_at(cf, conf->sources);
}


static char *
ngx_http_gateway_api_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_api_key_loc_conf_t *alcf = conf;

    ngx_str_t                             *value;
    ngx_uint_t                             off;
    ngx_http_gateway_api_key_args_t        args;
    ngx_http_gateway_api_key_main_conf_t  *amcf;

    if (alcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_http_gateway_param_off(cf, &off) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (off) {
        alcf->enable = 0;

        ngx_http_gateway_use_off(cf, ngx_http_gateway_api_key_use.bit
                                     |NGX_HTTP_GATEWAY_USE_METHOD);
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_api_key_params(cf, &args) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    alcf->enable = 1;
    alcf->realm = ngx_http_gateway_complex_value(cf, &value[1]);
    if (alcf->realm == NULL) {
        return NGX_CONF_ERROR;
    }

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_api_key_module);
    amcf->used = 1;

    if (ngx_http_gateway_refuses(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_api_key_sources(cf, alcf, &args);
}


static ngx_int_t
ngx_http_gateway_api_key_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                   *h;
    ngx_http_core_main_conf_t             *cmcf;
    ngx_http_gateway_api_key_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_api_key_module);

    if (!amcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_api_key_access;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_api_key_precontent;

    return NGX_OK;
}
