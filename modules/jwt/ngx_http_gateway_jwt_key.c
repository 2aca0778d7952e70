/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sources of keys of a block: gateway_jwt_key_file and
 * gateway_jwt_key_request, and which of them may serve a token.
 *
 * The master reads a file once for all locations that name it with the same
 * parameters.  Each worker then watches the file and replaces its own key set.
 * The old set is freed at once: a verification never yields to the event loop.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_remote_conf.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_KEY_FILE  (1024 * 1024)


static ngx_http_gateway_jwt_key_use_t *ngx_http_gateway_jwt_add_key(
    ngx_conf_t *cf, ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_kind_e kind);
static char *ngx_http_gateway_jwt_key_name(ngx_conf_t *cf, ngx_str_t *value);
static ngx_array_t *ngx_http_gateway_jwt_copy_keys(ngx_conf_t *cf,
    const ngx_array_t *keys);
static ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_load_key(
    ngx_conf_t *cf, ngx_http_gateway_jwt_key_use_t *use, ngx_uint_t flags);
static ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_loaded_key(
    const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_key_use_t *use, ngx_uint_t flags);
static ngx_int_t ngx_http_gateway_jwt_key_changed(
    ngx_http_gateway_watch_t *watch, ngx_str_t *content, ngx_log_t *log,
    char *err);


/* "issuer" is a gw_text_t, which has the layout of ngx_str_t */

static const ngx_http_gateway_param_t  ngx_http_gateway_jwt_key_params[] = {

    { ngx_string("jwks"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_jwt_key_use_t, format),
      NGX_HTTP_GATEWAY_JWT_JWKS },

    { ngx_string("pem"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_jwt_key_use_t, format),
      NGX_HTTP_GATEWAY_JWT_PEM },

    { ngx_string("watch="), ngx_http_gateway_param_msec,
      offsetof(ngx_http_gateway_jwt_key_use_t, watch), 0 },

    { ngx_string("issuer="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_jwt_key_use_t, issuer), 0 },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_jwt_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                        name, *value;
    ngx_http_gateway_jwt_key_use_t  *use;

    value = cf->args->elts;

    if (ngx_http_gateway_jwt_key_name(cf, value) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    use = ngx_http_gateway_jwt_add_key(cf, jlcf, NGX_HTTP_GATEWAY_JWT_FILE);
    if (use == NULL || ngx_conf_full_name(cf->cycle, &use->path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_jwt_key_params, use, 2)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    use->written = ngx_http_gateway_watch_default(&use->watch);

    if (use->issuer.len == 0) {
        return NGX_CONF_OK;
    }

    ngx_http_gateway_warn_literal(cf, (ngx_str_t *) &use->issuer,
                                  "taken literally");

    if (ngx_http_gateway_jwt_source_name(cf, &name, use->kind, &use->path)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_gateway_jwt_bind(cf, (ngx_str_t *) &use->issuer, &name);
}


/* the entry of a source, with all parameters unset; NULL after an error */

static ngx_http_gateway_jwt_key_use_t *
ngx_http_gateway_jwt_add_key(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_http_gateway_jwt_kind_e kind)
{
    ngx_str_t                       *value;
    ngx_http_gateway_jwt_key_use_t  *use;

    value = cf->args->elts;

    if (jlcf->keys == NULL) {
        jlcf->keys = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_gateway_jwt_key_use_t));
        if (jlcf->keys == NULL) {
            return NULL;
        }
    }

    if (jlcf->keys->nelts == NGX_HTTP_GATEWAY_JWT_MAX_SOURCES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many key files and key requests in this "
                           "block, at most %d are allowed",
                           NGX_HTTP_GATEWAY_JWT_MAX_SOURCES);
        return NULL;
    }

    use = ngx_array_push(jlcf->keys);
    if (use == NULL) {
        return NULL;
    }

    ngx_memzero(use, sizeof(ngx_http_gateway_jwt_key_use_t));

    use->kind = kind;
    use->path = value[1];
    use->watch = NGX_CONF_UNSET_MSEC;

    ngx_http_gateway_place(cf, &use->place);

    return use;
}


/* refuses what is not the name of a file */

static char *
ngx_http_gateway_jwt_key_name(ngx_conf_t *cf, ngx_str_t *value)
{
    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty file name in \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strncasecmp(value[1].data, (u_char *) "http://", 7) == 0
        || ngx_strncasecmp(value[1].data, (u_char *) "https://", 8) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid file name \"%V\" in \"%V\", it is a URL: "
                           "write a location that passes to it, and "
                           "\"gateway_jwt_key_request\" with the location's "
                           "URI", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_script_variables_count(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variables are not supported in the file name "
                           "\"%V\", write one \"%V\" for each file, with "
                           "\"issuer=\" where keys belong to an issuer",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_jwt_key_policy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                             *rv;
    ngx_http_gateway_jwt_loc_conf_t  *jlcf = conf;

    rv = ngx_http_gateway_set_enum_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && jlcf->key_policy == GW_JWK_COMPAT) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"gateway_jwt_key_policy compat\" accepts HMAC "
                           "keys that are shorter than the hash and can be "
                           "guessed");
    }

    return rv;
}


/*
 * The name of the source depends on the server and is bound in a merge.  The
 * issuer is bound already here, to no source, so that it is not open to others
 * where no server inherits the directive.
 */

char *
ngx_http_gateway_jwt_key_request(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_http_gateway_jwt_key_use_t  *use;

    static const ngx_str_t                 none = ngx_null_string;
    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("issuer="), ngx_http_gateway_param_str,
          offsetof(ngx_http_gateway_jwt_key_use_t, issuer), 0 },

        ngx_http_gateway_null_param
    };

    if (ngx_http_gateway_jwt_check_uri(cf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    use = ngx_http_gateway_jwt_add_key(cf, jlcf, NGX_HTTP_GATEWAY_JWT_REQUEST);

    if (use == NULL
        || ngx_http_gateway_params(cf, params, use, 2) != NGX_CONF_OK
        || ngx_http_gateway_detaches(cf, NGX_HTTP_GATEWAY_JWT_KEYS) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (use->issuer.len == 0) {
        return NGX_CONF_OK;
    }

    ngx_http_gateway_warn_literal(cf, (ngx_str_t *) &use->issuer,
                                  "taken literally");

    return ngx_http_gateway_jwt_bind(cf, (ngx_str_t *) &use->issuer, &none);
}


/*
 * A block shares the entries that it inherits, unless their sources differ: of
 * another server, or with another gateway_jwt_key_policy.
 */

char *
ngx_http_gateway_jwt_load_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i, copied;
    ngx_http_gateway_jwt_key_use_t  *use;
    ngx_http_gateway_jwt_source_t   *source;

    copied = 0;

    for (i = 0; conf->keys && i < conf->keys->nelts; i++) {

        use = conf->keys->elts;

        source = (use[i].kind == NGX_HTTP_GATEWAY_JWT_FILE)
                 ? ngx_http_gateway_jwt_load_key(cf, &use[i], conf->key_policy)
                 : ngx_http_gateway_jwt_remote_source(cf, conf, &use[i]);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        if (!copied && use[i].source && use[i].source != source) {

            conf->keys = ngx_http_gateway_jwt_copy_keys(cf, conf->keys);
            if (conf->keys == NULL) {
                return NGX_CONF_ERROR;
            }

            use = conf->keys->elts;
            copied = 1;
        }

        use[i].source = source;

        if (use[i].issuer.len == 0) {
            continue;
        }

        conf->bound = 1;

        if (ngx_http_gateway_jwt_bind(cf, (ngx_str_t *) &use[i].issuer,
                                      &source->name)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_array_t *
ngx_http_gateway_jwt_copy_keys(ngx_conf_t *cf, const ngx_array_t *keys)
{
    ngx_uint_t                       i;
    ngx_array_t                     *copy;
    ngx_http_gateway_jwt_key_use_t  *use, *from;

    copy = ngx_array_create(cf->pool, keys->nelts,
                            sizeof(ngx_http_gateway_jwt_key_use_t));
    if (copy == NULL) {
        return NULL;
    }

    from = keys->elts;
    use = ngx_array_push_n(copy, keys->nelts);

    for (i = 0; i < keys->nelts; i++) {
        use[i] = from[i];
        use[i].origin = from[i].origin ? from[i].origin : &from[i];
    }

    return copy;
}


static ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_load_key(ngx_conf_t *cf,
    ngx_http_gateway_jwt_key_use_t *use, ngx_uint_t flags)
{
    ngx_http_gateway_watch_t          *watch;
    ngx_http_gateway_jwt_source_t     *source;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    source = ngx_http_gateway_jwt_loaded_key(jmcf, use, flags);
    if (source) {
        return source;
    }

    source = ngx_http_gateway_jwt_source_create(cf, &jmcf->sources,
                                                &jmcf->generation, use->kind);
    if (source == NULL
        || ngx_http_gateway_jwt_source_name(cf, &source->name, use->kind,
                                            &use->path)
           != NGX_OK)
    {
        return NULL;
    }

    source->shown = use->path;
    source->flags = flags;
    source->format = use->format;

    watch = &source->watch;
    watch->path = use->path;
    watch->interval = use->watch;
    watch->written = use->written;
    watch->directive = source->directive;
    watch->max_size = NGX_HTTP_GATEWAY_JWT_MAX_KEY_FILE;
    watch->place = use->place;
    watch->load = ngx_http_gateway_jwt_key_changed;
    watch->data = source;

    return (ngx_http_gateway_watch_add(cf, watch) == NGX_CONF_OK) ? source
                                                                  : NULL;
}


/* the source if it has been loaded with the same parameters; or NULL */

static ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_loaded_key(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_key_use_t *use, ngx_uint_t flags)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_source_t  **sources, *source;

    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        source = sources[i];

        if (source->kind == use->kind
            && ngx_http_gateway_same(&source->watch.path, &use->path)
            && source->watch.interval == use->watch
            && source->watch.written == use->written
            && source->format == use->format
            && source->flags == flags)
        {
            return source;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_gateway_jwt_key_changed(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err)
{
    gw_jwk_set_t                   *set;
    ngx_http_gateway_jwt_source_t  *source;

    source = watch->data;

    set = ngx_http_gateway_jwt_source_parse(source, content, log, err,
                                            NGX_HTTP_GATEWAY_WATCH_ERR);
    if (set == NULL) {

        if (source->format == NGX_HTTP_GATEWAY_JWT_JWKS
            && gw_kind(content->data, content->len) == GW_KIND_PEM)
        {
            ngx_sprintf((u_char *) err, "is PEM, add the parameter "
                        "\"pem\"%Z");
        }

        if (source->format == NGX_HTTP_GATEWAY_JWT_PEM
            && gw_kind(content->data, content->len) == GW_KIND_OBJECT)
        {
            ngx_sprintf((u_char *) err, "is JSON, remove the parameter "
                        "\"pem\"%Z");
        }

        return NGX_ERROR;
    }

    ngx_http_gateway_jwt_source_set(source, set);

    return NGX_OK;
}


size_t
ngx_http_gateway_jwt_choose_keys(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    ngx_http_gateway_jwt_source_t **sources)
{
    size_t                           n;
    ngx_uint_t                       i;
    const json_t                    *iss;
    ngx_http_gateway_jwt_key_use_t  *use;

    iss = json_object_get(token->claims, "iss");
    use = jlcf->keys->elts;
    n = 0;

    for (i = 0; i < jlcf->keys->nelts; i++) {
        if (ngx_http_gateway_jwt_serves(jmcf, jlcf, &use[i], iss)) {
            sources[n++] = use[i].source;
        }
    }

    return n;
}


/*
 * A bound source serves tokens of its issuer only.  An open one must not sign
 * for an issuer that other sources are bound to.  With a single
 * gateway_jwt_issuer no choice is needed: the check of claims refuses other
 * issuers.
 */

ngx_uint_t
ngx_http_gateway_jwt_serves(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf,
    const ngx_http_gateway_jwt_key_use_t *use, const json_t *iss)
{
    size_t       len;
    const char  *text;

    text = json_string_value(iss);
    len = json_string_length(iss);

    if (use->issuer.len) {
        return use->issuer.len == len
               && ngx_memcmp(use->issuer.data, text, len) == 0;
    }

    return !jlcf->open || text == NULL
           || !ngx_http_gateway_jwt_foreign(jmcf, text, len,
                                            &use->source->name);
}
