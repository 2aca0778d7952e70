/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Access by scope, group and consumer: directives, the phase handler,
 * configuration.
 *
 * The handler runs in PRECONTENT, after core's enter module and before all
 * other handlers of the gateway: only then have all access methods decided,
 * also under "satisfy any".  It checks the identity in the request's record
 * and no credential, so that the rules are the same for every method of
 * authentication.
 *
 * nginx runs PRECONTENT for subrequests, too.  Rules do not apply to them.
 */

#include "ngx_http_gateway_access.h"
#include "ngx_http_gateway_count.h"


static ngx_int_t ngx_http_gateway_access_precontent(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_access_authorize(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_access_refuse_anonymous(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf);
static ngx_int_t ngx_http_gateway_access_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_access_loc_conf_t *alcf, gw_reason_e reason,
    ngx_http_gateway_access_kind_e kind);
static ngx_int_t ngx_http_gateway_access_challenge(ngx_http_request_t *r,
    const ngx_http_gateway_identity_t *identity,
    ngx_http_gateway_refusal_t *refusal);

static ngx_int_t ngx_http_gateway_access_register(ngx_conf_t *cf);
static void *ngx_http_gateway_access_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gateway_access_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gateway_access_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_gateway_access_init(ngx_conf_t *cf);


#define NGX_HTTP_GATEWAY_ACCESS_CONTEXT                                       \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LMT_CONF)


static ngx_command_t  ngx_http_gateway_access_commands[] = {

    { ngx_string("gateway_require_scope"),
      NGX_HTTP_GATEWAY_ACCESS_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_access_rule,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_GATEWAY_ACCESS_SCOPE,
      NULL },

    { ngx_string("gateway_require_group"),
      NGX_HTTP_GATEWAY_ACCESS_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_access_rule,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_GATEWAY_ACCESS_GROUP,
      NULL },

    { ngx_string("gateway_deny_group"),
      NGX_HTTP_GATEWAY_ACCESS_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_access_rule,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_GATEWAY_ACCESS_DENY,
      NULL },

    { ngx_string("gateway_require_consumer"),
      NGX_HTTP_GATEWAY_ACCESS_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_access_rule,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_GATEWAY_ACCESS_CONSUMER,
      NULL },

    { ngx_string("gateway_identity_headers"),
      NGX_HTTP_GATEWAY_ACCESS_CONTEXT|NGX_CONF_1MORE,
      ngx_http_gateway_access_headers,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_access_module_ctx = {
    ngx_http_gateway_access_register,      /* preconfiguration */
    ngx_http_gateway_access_init,          /* postconfiguration */

    ngx_http_gateway_access_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_access_create_loc_conf, /* create location config. */
    ngx_http_gateway_access_merge_loc_conf /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_access_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_access_module_ctx,   /* module context */
    ngx_http_gateway_access_commands,      /* module directives */
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


static ngx_uint_t  ngx_http_gateway_access_slot;    /* the refusal */


static ngx_int_t
ngx_http_gateway_access_precontent(ngx_http_request_t *r)
{
    const ngx_http_gateway_access_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_access_module);

    if (!alcf->active || r != r->main) {
        return NGX_DECLINED;
    }

    return ngx_http_gateway_timed(r, NGX_HTTP_GATEWAY_PART_AUTH,
                                  ngx_http_gateway_access_authorize);
}


static ngx_int_t
ngx_http_gateway_access_authorize(ngx_http_request_t *r)
{
    gw_reason_e                                reason;
    ngx_http_gateway_request_t                *gr;
    ngx_http_gateway_access_kind_e             kind;
    const ngx_http_gateway_access_loc_conf_t  *alcf;

    alcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_access_module);

    gr = ngx_http_gateway_request(r);

    if (gr == NULL || gr->identity.method.len == 0) {

        /* a client must not evade a deny list by omitting its credential */

        return alcf->judges ? ngx_http_gateway_access_refuse_anonymous(r, alcf)
                            : NGX_DECLINED;
    }

    if (alcf->judges) {
        reason = ngx_http_gateway_access_check(r, alcf, &gr->identity, &kind);

        if (reason != GW_OK) {
            return ngx_http_gateway_access_refuse(r, gr, alcf, reason, kind);
        }
    }

    if (ngx_http_gateway_access_set_headers(r, alcf->headers, &gr->identity)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gateway_access_refuse_anonymous(ngx_http_request_t *r,
    const ngx_http_gateway_access_loc_conf_t *alcf)
{
    ngx_str_t                    none;
    ngx_uint_t                   kind;
    ngx_http_gateway_refusal_t   verdict;
    ngx_http_gateway_request_t  *gr;

    gr = ngx_http_gateway_request_get(r);
    if (gr == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (kind = 0; alcf->rules[kind]->nelts == 0; kind++) { /* void */ }

    ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

    verdict.method = NGX_HTTP_GATEWAY_RULES;
    verdict.status = NGX_HTTP_UNAUTHORIZED;
    verdict.reason = GW_MISSING;
    verdict.shown = GW_MISSING;

    ngx_str_null(&none);

    /* the 401 has the challenges of the methods that are on */

    ngx_http_gateway_refusals_meant(gr);

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_access_slot,
                               &verdict, NGX_HTTP_GATEWAY_REQUIRED,
                               ngx_http_gateway_access_kinds[kind].directive,
                               "consumer", &none);
}


static ngx_int_t
ngx_http_gateway_access_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_access_loc_conf_t *alcf, gw_reason_e reason,
    ngx_http_gateway_access_kind_e kind)
{
    ngx_http_gateway_refusal_t  verdict;

    /* a method has granted access: refusals of the others are void */

    ngx_http_gateway_refusals_granted(r, gr);

    ngx_memzero(&verdict, sizeof(ngx_http_gateway_refusal_t));

    verdict.method = NGX_HTTP_GATEWAY_RULES;
    verdict.status = NGX_HTTP_FORBIDDEN;
    verdict.reason = reason;
    verdict.shown = reason;

    if (reason == GW_INSUFFICIENT_SCOPE
        && (ngx_http_gateway_access_missing(r, alcf, &gr->identity,
                                            &verdict.scopes)
            != NGX_OK
            || ngx_http_gateway_access_challenge(r, &gr->identity, &verdict)
               != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_gateway_answer(r, gr, ngx_http_gateway_access_slot,
                               &verdict, NGX_HTTP_GATEWAY_REQUIRED,
                               ngx_http_gateway_access_kinds[kind].directive,
                               "consumer", &gr->identity.consumer);
}


/* RFC 6750, 3.1: only a request that lacks scopes gets a challenge */

static ngx_int_t
ngx_http_gateway_access_challenge(ngx_http_request_t *r,
    const ngx_http_gateway_identity_t *identity,
    ngx_http_gateway_refusal_t *refusal)
{
    ngx_keyval_t  params[] = {
        { ngx_string("error"), ngx_string("insufficient_scope") },
        { ngx_string("error_description"), ngx_null_string },
        { ngx_string("scope"), refusal->scopes }
    };

    if (identity->scheme.len == 0) {
        return NGX_OK;
    }

    params[1].value.data = (u_char *) gw_reason_sentence(refusal->shown);
    params[1].value.len = ngx_strlen(params[1].value.data);

    /* schemes are string literals and end with a NUL */

    return ngx_http_gateway_challenge(r, &refusal->challenge,
                                      (char *) identity->scheme.data, params,
                                      sizeof(params) / sizeof(params[0]),
                                      identity->params);
}


static ngx_int_t
ngx_http_gateway_access_register(ngx_conf_t *cf)
{
    return ngx_http_gateway_slot_add(cf, &ngx_http_gateway_access_slot);
}


static void *
ngx_http_gateway_access_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_access_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_access_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&amcf->written, cf->pool, 4,
                       sizeof(ngx_http_gateway_access_written_t))
        != NGX_OK)
    {
        return NULL;
    }

    return amcf;
}


static void *
ngx_http_gateway_access_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_access_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_access_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     alcf->active = 0;
     *     alcf->judges = 0;
     *     alcf->rules[] = NULL;
     *     alcf->off[] = 0;
     *     alcf->headers = NULL;
     */

    ngx_http_gateway_place(cf, &alcf->place);

    return alcf;
}


static char *
ngx_http_gateway_access_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_gateway_access_loc_conf_t *prev = parent;
    ngx_http_gateway_access_loc_conf_t *conf = child;

    ngx_http_gateway_access_merge_rules(cf, conf, prev);

    if (conf->headers == NULL) {
        conf->headers = prev->headers;
    }

    if (ngx_http_gateway_identity_headers(cf, conf->headers,
                                          "gateway_identity_headers")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->judges) {
        ngx_http_gateway_identity_required(cf);
    }

    conf->active = conf->judges || (conf->headers && conf->headers->nelts);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_access_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt                  *h;
    ngx_http_core_main_conf_t            *cmcf;
    ngx_http_gateway_access_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_access_module);

    if (!amcf->used) {
        return NGX_OK;
    }

    if (ngx_http_gateway_access_check_names(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_gateway_access_precontent;

    return NGX_OK;
}
