/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Configuration: defaults, inheritance, and errors that show only when a block
 * is complete.
 */

#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_remote_conf.h"
#include "ngx_http_gateway_jwt_revoked.h"


#define ngx_http_gateway_jwt_merge_array(conf, prev)                          \
    if (conf == NULL) {                                                       \
        conf = prev;                                                          \
    }


static void ngx_http_gateway_jwt_memo_cleanup(void *data);
static char *ngx_http_gateway_jwt_merge_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);
static void ngx_http_gateway_jwt_merge_values(
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev);
static char *ngx_http_gateway_jwt_merge_hide(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf, ngx_uint_t own);
static char *ngx_http_gateway_jwt_merge_enable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev);
static void ngx_http_gateway_jwt_uses(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static ngx_uint_t ngx_http_gateway_jwt_asks_issuer(
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static char *ngx_http_gateway_jwt_default_paths(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);
static void ngx_http_gateway_jwt_merge_policy(
    ngx_http_gateway_jwt_loc_conf_t *conf);
static char *ngx_http_gateway_jwt_check_conf(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);


#define NGX_HTTP_GATEWAY_JWT_LACK                                             \
    "has no effect, \"gateway_jwt\" is on neither in its block nor in an "    \
    "inner one"


/* settings for tokens that are verified */

ngx_http_gateway_use_t  ngx_http_gateway_jwt_use = {
    0, 0, NGX_HTTP_GATEWAY_JWT_LACK,
    "add \"gateway_jwt realm\" to protect the block, or \"gateway_jwt off\" to "
    "leave it open",
    0
};


/* settings for all tokens, also those of "gateway_jwt off token=" */

ngx_http_gateway_use_t  ngx_http_gateway_jwt_reads = {
    0, 0, NGX_HTTP_GATEWAY_JWT_LACK, NULL, 0
};


/* the arrays of the main configuration */

static const struct {
    size_t  offset;
    size_t  size;                   /* of an element */
} ngx_http_gateway_jwt_arrays[] = {
    { offsetof(ngx_http_gateway_jwt_main_conf_t, sources),
      sizeof(ngx_http_gateway_jwt_source_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, bound),
      sizeof(ngx_http_gateway_jwt_bound_t) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, open),
      sizeof(ngx_http_gateway_jwt_key_use_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, revoked),
      sizeof(ngx_http_gateway_jwt_revoked_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, lists),
      sizeof(ngx_http_gateway_jwt_revoked_use_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, uses),
      sizeof(ngx_http_gateway_jwt_key_use_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, secrets),
      sizeof(ngx_http_gateway_jwt_secret_t *) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, claims),
      sizeof(ngx_str_t) },
    { offsetof(ngx_http_gateway_jwt_main_conf_t, refused),
      sizeof(ngx_str_t) },
    { 0, 0 }
};


void *
ngx_http_gateway_jwt_create_main_conf(ngx_conf_t *cf)
{
    ngx_str_t                          name;
    ngx_uint_t                         i;
    ngx_array_t                       *array;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_main_conf_t));
    if (jmcf == NULL) {
        return NULL;
    }

    for (i = 0; ngx_http_gateway_jwt_arrays[i].size; i++) {
        array = (ngx_array_t *)
                ((char *) jmcf + ngx_http_gateway_jwt_arrays[i].offset);

        if (ngx_array_init(array, cf->pool, 4,
                           ngx_http_gateway_jwt_arrays[i].size)
            != NGX_OK)
        {
            return NULL;
        }
    }

    jmcf->token_cache = NGX_CONF_UNSET_SIZE;

    for (i = 0; i < GW_JWT_REGISTERED; i++) {
        name.len = gw_jwt_registered[i].len;
        name.data = (u_char *) gw_jwt_registered[i].data;

        if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) != NGX_OK) {
            return NULL;
        }
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    jmcf->memo = gw_jws_memo_create();
    if (jmcf->memo == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_gateway_jwt_memo_cleanup;
    cln->data = jmcf->memo;

    return jmcf;
}


static void
ngx_http_gateway_jwt_memo_cleanup(void *data)
{
    gw_jws_memo_free(data);
}


void *
ngx_http_gateway_jwt_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_loc_conf_t  *jlcf;

    jlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_loc_conf_t));
    if (jlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     jlcf->realm = NULL;
     *     jlcf->challenge = NULL;
     *     jlcf->sources = NULL;
     *     jlcf->keys = NULL;
     *     jlcf->introspect = NULL;
     *     jlcf->bound = 0;
     *     jlcf->open = 0;
     *     jlcf->algorithms = 0;
     *     jlcf->issuers = NULL;
     *     jlcf->audiences = NULL;
     *     jlcf->typ = NULL;
     *     jlcf->policy = { 0 };
     *     jlcf->revoked = NULL;
     *     jlcf->require = NULL;
     *     jlcf->rules = NULL;
     *     jlcf->consumer = NULL;
     *     jlcf->scopes = NULL;
     *     jlcf->groups = NULL;
     *     jlcf->headers = NULL;
     */

    jlcf->enable = NGX_CONF_UNSET_UINT;
    jlcf->key_policy = NGX_CONF_UNSET_UINT;
    jlcf->key_cache = NGX_CONF_UNSET_MSEC;
    jlcf->verify = NGX_CONF_UNSET;
    jlcf->leeway = NGX_CONF_UNSET;
    jlcf->max_age = NGX_CONF_UNSET;
    jlcf->require_exp = NGX_CONF_UNSET;
    jlcf->hide = NGX_CONF_UNSET;
    jlcf->mode = NGX_CONF_UNSET_UINT;
    jlcf->max_size = NGX_CONF_UNSET_SIZE;

    ngx_http_gateway_place(cf, &jlcf->place);

    return jlcf;
}


char *
ngx_http_gateway_jwt_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_jwt_loc_conf_t *prev = parent;
    ngx_http_gateway_jwt_loc_conf_t *conf = child;

    ngx_uint_t                         own;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    own = (conf->sources != NULL || conf->hide == 1);

    if (ngx_http_gateway_jwt_merge_enable(cf, conf, prev) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_jwt_merge_values(conf, prev);
    ngx_http_gateway_jwt_merge_policy(conf);

    if (ngx_http_gateway_jwt_default_paths(cf, conf) != NGX_CONF_OK
        || ngx_http_gateway_jwt_merge_headers(cf, &conf->headers,
                                              prev->headers)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_OFF) {
        ngx_http_gateway_identity_asked(cf, conf->mode);

        if (conf->hide
            && ngx_http_gateway_jwt_merge_hide(cf, conf, own) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_gateway_jwt_uses(cf, conf);

    if (conf->headers || conf->hide) {
        jmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_gateway_jwt_module);
        jmcf->changes = 1;
    }

    if (conf->enable == NGX_HTTP_GATEWAY_JWT_ON
        && ngx_http_gateway_identity_headers(cf, conf->headers,
                                             "gateway_jwt_claim_header")
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_jwt_merge_keys(cf, conf);
}


static char *
ngx_http_gateway_jwt_merge_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    if (ngx_http_gateway_jwt_load_keys(cf, conf) != NGX_CONF_OK
        || ngx_http_gateway_jwt_load_endpoints(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->many_issuers = ngx_http_gateway_jwt_many_issuers(conf);

    if (ngx_http_gateway_jwt_bind_keys(cf, conf) != NGX_CONF_OK
        || ngx_http_gateway_jwt_advise(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_jwt_check_conf(cf, conf);
}


/* a directive that a block does not have is inherited */

static void
ngx_http_gateway_jwt_merge_values(ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev)
{
    ngx_http_gateway_jwt_merge_array(conf->challenge, prev->challenge);
    ngx_http_gateway_jwt_merge_array(conf->keys, prev->keys);
    ngx_http_gateway_jwt_merge_array(conf->introspect, prev->introspect);
    ngx_conf_merge_uint_value(conf->key_policy, prev->key_policy, 0);
    ngx_conf_init_msec_value(conf->key_cache, prev->key_cache);
    ngx_conf_merge_value(conf->verify, prev->verify, 1);

    if (conf->algorithms == 0) {
        conf->algorithms = prev->algorithms;
    }

    ngx_http_gateway_jwt_merge_array(conf->issuers, prev->issuers);
    ngx_http_gateway_jwt_merge_array(conf->audiences, prev->audiences);
    ngx_http_gateway_jwt_merge_array(conf->typ, prev->typ);
    ngx_conf_merge_sec_value(conf->leeway, prev->leeway, 0);
    ngx_conf_merge_sec_value(conf->max_age, prev->max_age, -1);
    ngx_conf_merge_value(conf->require_exp, prev->require_exp, 1);

    ngx_http_gateway_jwt_merge_array(conf->revoked, prev->revoked);

    ngx_http_gateway_jwt_merge_array(conf->require, prev->require);
    ngx_http_gateway_jwt_merge_array(conf->rules, prev->rules);

    ngx_http_gateway_jwt_merge_array(conf->consumer, prev->consumer);
    ngx_http_gateway_jwt_merge_array(conf->scopes, prev->scopes);
    ngx_http_gateway_jwt_merge_array(conf->groups, prev->groups);

    ngx_conf_merge_value(conf->hide, prev->hide, 0);
    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              NGX_HTTP_GATEWAY_REQUIRED);
    ngx_conf_merge_size_value(conf->max_size, prev->max_size, 16384);
    conf->max_values = gw_jwt_max_values(conf->max_size);
}


/* "own": the block itself has "token=" or "gateway_jwt_hide on" */

static char *
ngx_http_gateway_jwt_merge_hide(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf, ngx_uint_t own)
{
    ngx_uint_t                        i;
    const ngx_array_t                *sources;
    const ngx_http_gateway_source_t  *source;

    sources = ngx_http_gateway_jwt_sources(conf);

    ngx_http_gateway_hide_at(cf, ngx_http_gateway_jwt_method);

    if (ngx_http_gateway_hide_sources_at(cf, sources) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    source = sources->elts;

    for (i = 0; own && i < sources->nelts; i++) {

        if (source[i].kind != NGX_HTTP_GATEWAY_VARIABLE) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_jwt_hide\" cannot remove the token of "
                      "\"token=$%V\", the upstream receives it, use "
                      "$http_name, $cookie_name or $arg_name, in the block in "
                      "%V:%ui", &source[i].name,
                      ngx_http_gateway_place_args(&conf->place));
    }

    return NGX_CONF_OK;
}


/* "return" responds before ACCESS, without a token */

static char *
ngx_http_gateway_jwt_merge_enable(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_loc_conf_t *prev)
{
    if (conf->enable != NGX_CONF_UNSET_UINT) {

        if (conf->enable == NGX_HTTP_GATEWAY_JWT_ON) {
            ngx_http_gateway_warn_return(cf, "gateway_jwt", &conf->place);
        }

        return NGX_CONF_OK;
    }

    conf->enable = (prev->enable == NGX_CONF_UNSET_UINT)
                   ? NGX_HTTP_GATEWAY_JWT_OFF : prev->enable;
    conf->realm = prev->realm;
    conf->sources = prev->sources;

    return (conf->enable == NGX_HTTP_GATEWAY_JWT_ON)
           ? ngx_http_gateway_return_inherited(cf, "gateway_jwt")
           : NGX_CONF_OK;
}


/*
 * Tells core which settings have an effect in the block.  Groups come from
 * tokens, and from the consumers file.
 */

static void
ngx_http_gateway_jwt_uses(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    if (conf->enable == NGX_HTTP_GATEWAY_JWT_OFF) {
        return;
    }

    ngx_http_gateway_use_on(cf, ngx_http_gateway_jwt_reads.bit);

    if (conf->enable == NGX_HTTP_GATEWAY_JWT_DECODE) {
        return;
    }

    ngx_http_gateway_use_on(cf, ngx_http_gateway_jwt_use.bit
                                |NGX_HTTP_GATEWAY_USE_METHOD
                                |NGX_HTTP_GATEWAY_USE_CLAIMS);

    if (ngx_http_gateway_jwt_asks_issuer(conf)) {
        ngx_http_gateway_use_on(cf, ngx_http_gateway_jwt_requests.bit);
    }

    if (conf->groups->nelts) {
        ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS);
    }

    if (conf->groups->nelts || ngx_http_gateway_consumers_given(cf)) {
        ngx_http_gateway_use_on(cf, NGX_HTTP_GATEWAY_USE_GROUPS);
    }
}


static ngx_uint_t
ngx_http_gateway_jwt_asks_issuer(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    for (i = 0; (use = ngx_http_gateway_jwt_use_at(conf, i)) != NULL; i++) {
        if (use->kind != NGX_HTTP_GATEWAY_JWT_FILE) {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_http_gateway_jwt_default_paths(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t        i;
    gw_claim_path_t  *path;

    static ngx_str_t  scopes[] = { ngx_string("scope"), ngx_string("scp") };

    if (conf->groups == NULL) {
        conf->groups = ngx_array_create(cf->pool, 1, sizeof(gw_claim_path_t));
        if (conf->groups == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->scopes) {
        return NGX_CONF_OK;
    }

    conf->scopes = ngx_array_create(cf->pool, 2, sizeof(gw_claim_path_t));
    if (conf->scopes == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < 2; i++) {
        path = ngx_array_push(conf->scopes);

        if (ngx_http_gateway_jwt_parse_path(cf, &scopes[i], path)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/*
 * All but the time, so that a request only copies it.  gw_text_t has the layout
 * of ngx_str_t.
 */

static void
ngx_http_gateway_jwt_merge_policy(ngx_http_gateway_jwt_loc_conf_t *conf)
{
    gw_jwt_policy_t  *policy;

    policy = &conf->policy;

    policy->leeway = conf->leeway;
    policy->max_age = conf->max_age;
    policy->require_exp = conf->require_exp;

    if (conf->issuers) {
        policy->issuers = conf->issuers->elts;
        policy->nissuers = conf->issuers->nelts;
    }

    if (conf->audiences) {
        policy->audiences = conf->audiences->elts;
        policy->naudiences = conf->audiences->nelts;
    }

    if (conf->typ) {
        policy->typ = conf->typ->elts;
        policy->ntyp = conf->typ->nelts;
    }
}


/*
 * Errors count only in blocks that can process requests: a server's own
 * configuration may just be what its locations inherit.  A request that it
 * processes nevertheless, such as one rewritten to a URI without a leading "/",
 * is refused.
 */

static char *
ngx_http_gateway_jwt_check_conf(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_http_gateway_jwt_key_use_t  *use;

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_ON || !conf->verify) {
        return NGX_CONF_OK;
    }

    if (conf->keys == NULL && conf->introspect == NULL) {
        conf->unusable = 1;

        if (!ngx_http_gateway_in_force(cf)) {
            return NGX_CONF_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_jwt\" is on and no \"gateway_jwt_key_file\", "
                      "\"gateway_jwt_key_request\" or "
                      "\"gateway_jwt_introspect\" is given, write one, or "
                      "\"gateway_jwt_verify off\" to accept any signature, for "
                      "the block in %V:%ui",
                      ngx_http_gateway_place_args(&conf->place));
        return NGX_CONF_ERROR;
    }

    if (conf->keys == NULL && ngx_http_gateway_jwt_asks_always(conf)
        && ngx_http_gateway_in_force(cf))
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_jwt_introspect\" with \"when=always\" needs "
                      "\"gateway_jwt_key_file\" or "
                      "\"gateway_jwt_key_request\", for the block in %V:%ui",
                      ngx_http_gateway_place_args(&conf->place));
        return NGX_CONF_ERROR;
    }

    use = ngx_http_gateway_jwt_unbound_key(conf);

    if (conf->policy.nissuers < 2 || use == NULL) {
        return NGX_CONF_OK;
    }

    conf->unusable = 1;

    if (!ngx_http_gateway_in_force(cf)) {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"gateway_jwt_issuer\" has several values and \"%s\" "
                  "\"%V\" is bound to none, add \"issuer=\" to it in %V:%ui",
                  use->source->directive, &use->path,
                  ngx_http_gateway_place_args(&use->place));

    return NGX_CONF_ERROR;
}
