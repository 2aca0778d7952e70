/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection: gateway_jwt_introspect, its endpoints and their secrets.
 */

#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_remote_conf.h"
#include "ngx_http_gateway_detached.h"


#define NGX_HTTP_GATEWAY_JWT_MAX_SECRET  4096       /* bytes of the file */


static ngx_http_gateway_jwt_introspect_t *ngx_http_gateway_jwt_introspect_add(
    ngx_conf_t *cf, ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *value);
static char *ngx_http_gateway_jwt_introspect_secret(ngx_conf_t *cf,
    ngx_http_gateway_jwt_introspect_t *in);
static ngx_int_t ngx_http_gateway_jwt_secret_load(
    ngx_http_gateway_watch_t *watch, ngx_str_t *content, ngx_log_t *log,
    char *err);
static const char *ngx_http_gateway_jwt_secret_read(ngx_str_t *content);
static void ngx_http_gateway_jwt_secret_cleanup(void *data);
static char *ngx_http_gateway_jwt_copy_endpoints(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf);
static ngx_http_gateway_jwt_endpoint_t *ngx_http_gateway_jwt_find_endpoint(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_introspect_t *in);
static ngx_http_gateway_jwt_endpoint_t *ngx_http_gateway_jwt_create_endpoint(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_introspect_t *in);


static ngx_conf_enum_t  ngx_http_gateway_jwt_whens[] = {
    { ngx_string("opaque"), NGX_HTTP_GATEWAY_JWT_OPAQUE },
    { ngx_string("always"), NGX_HTTP_GATEWAY_JWT_ALWAYS },
    { ngx_null_string, 0 }
};


/* "issuer" is a gw_text_t, which has the layout of ngx_str_t */

static const ngx_http_gateway_param_t
    ngx_http_gateway_jwt_introspect_params[] =
{
    { ngx_string("issuer="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_jwt_introspect_t, use.issuer), 0 },

    { ngx_string("cache="), ngx_http_gateway_param_sec,
      offsetof(ngx_http_gateway_jwt_introspect_t, cache), 0 },

    { ngx_string("when="), ngx_http_gateway_param_enum,
      offsetof(ngx_http_gateway_jwt_introspect_t, when),
      (uintptr_t) ngx_http_gateway_jwt_whens },

    { ngx_string("secret_file="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_jwt_introspect_t, secret_file), 0 },

    ngx_http_gateway_null_param
};


char *
ngx_http_gateway_jwt_introspect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_str_t                          *value;
    ngx_http_gateway_jwt_main_conf_t   *jmcf;
    ngx_http_gateway_jwt_introspect_t  *in;

    static const ngx_str_t  active = ngx_string("active");

    value = cf->args->elts;

    if (ngx_http_gateway_jwt_check_uri(cf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    in = ngx_http_gateway_jwt_introspect_add(cf, jlcf, value);
    if (in == NULL
        || ngx_http_gateway_params(cf, ngx_http_gateway_jwt_introspect_params,
                                   in, 2)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (in->cache == NGX_CONF_UNSET) {
        in->cache = 30;
    }

    if (in->when == NGX_CONF_UNSET_UINT) {
        in->when = NGX_HTTP_GATEWAY_JWT_OPAQUE;
    }

    if (in->use.issuer.len) {
        ngx_http_gateway_warn_literal(cf, (ngx_str_t *) &in->use.issuer,
                                      "taken literally");
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &active) != NGX_OK
        || ngx_http_gateway_detaches(cf, NGX_HTTP_GATEWAY_JWT_ASKS) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return in->secret_file.len ? ngx_http_gateway_jwt_introspect_secret(cf, in)
                               : NGX_CONF_OK;
}


/* the entry of a directive, with all parameters unset; NULL after an error */

static ngx_http_gateway_jwt_introspect_t *
ngx_http_gateway_jwt_introspect_add(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *value)
{
    ngx_http_gateway_jwt_introspect_t  *in;

    if (jlcf->introspect == NULL) {
        jlcf->introspect = ngx_array_create(cf->pool, 1,
                                   sizeof(ngx_http_gateway_jwt_introspect_t));
        if (jlcf->introspect == NULL) {
            return NULL;
        }
    }

    if (jlcf->introspect->nelts == NGX_HTTP_GATEWAY_JWT_MAX_SOURCES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many \"%V\" directives, allowed are %d",
                           &value[0], NGX_HTTP_GATEWAY_JWT_MAX_SOURCES);
        return NULL;
    }

    in = ngx_array_push(jlcf->introspect);
    if (in == NULL) {
        return NULL;
    }

    ngx_memzero(in, sizeof(ngx_http_gateway_jwt_introspect_t));

    in->use.kind = NGX_HTTP_GATEWAY_JWT_INTROSPECT;
    in->use.path = value[1];
    in->cache = NGX_CONF_UNSET;
    in->when = NGX_CONF_UNSET_UINT;

    ngx_http_gateway_place(cf, &in->use.place);

    return in;
}


/* --- secrets */


static char *
ngx_http_gateway_jwt_introspect_secret(ngx_conf_t *cf,
    ngx_http_gateway_jwt_introspect_t *in)
{
    ngx_uint_t                          i;
    ngx_pool_cleanup_t                 *cln;
    ngx_http_gateway_jwt_secret_t     **secrets, *secret;
    ngx_http_gateway_jwt_main_conf_t   *jmcf;

    if (ngx_conf_full_name(cf->cycle, &in->secret_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    secrets = jmcf->secrets.elts;

    for (i = 0; i < jmcf->secrets.nelts; i++) {
        if (ngx_http_gateway_same(&secrets[i]->watch.path, &in->secret_file)) {
            in->secret = secrets[i];
            return NGX_CONF_OK;
        }
    }

    secrets = ngx_array_push(&jmcf->secrets);
    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_gateway_jwt_secret_t));

    if (secrets == NULL || cln == NULL) {
        return NGX_CONF_ERROR;
    }

    secret = cln->data;
    ngx_memzero(secret, sizeof(ngx_http_gateway_jwt_secret_t));

    cln->handler = ngx_http_gateway_jwt_secret_cleanup;
    *secrets = secret;

    secret->watch.path = in->secret_file;
    secret->watch.interval = NGX_HTTP_GATEWAY_WATCH;
    secret->watch.directive = "gateway_jwt_introspect";
    secret->watch.max_size = NGX_HTTP_GATEWAY_JWT_MAX_SECRET;
    secret->watch.place = in->use.place;
    secret->watch.load = ngx_http_gateway_jwt_secret_load;
    secret->watch.data = secret;

    in->secret = secret;

    return ngx_http_gateway_watch_add(cf, &secret->watch);
}


/* RFC 7617, 2: "Basic" and the base64 form of "id:secret" */

static ngx_int_t
ngx_http_gateway_jwt_secret_load(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err)
{
    const char                     *why;
    ngx_str_t                       value, encoded, text;
    ngx_http_gateway_jwt_secret_t  *secret;

    static const ngx_str_t  basic = ngx_string("Basic ");

    secret = watch->data;
    text = *content;

    why = ngx_http_gateway_jwt_secret_read(&text);

    if (why) {
        ngx_sprintf((u_char *) err, "%s%Z", why);
        return NGX_ERROR;
    }

    value.len = basic.len + ngx_base64_encoded_length(text.len);

    value.data = ngx_alloc(value.len, log);
    if (value.data == NULL) {
        ngx_sprintf((u_char *) err, "no memory%Z");
        return NGX_ERROR;
    }

    encoded.data = ngx_cpymem(value.data, basic.data, basic.len);
    ngx_encode_base64(&encoded, &text);
    value.len = basic.len + encoded.len;

    ngx_http_gateway_jwt_secret_cleanup(secret);
    secret->value = value;

    return NGX_OK;
}


/* cuts the end of the line; NULL, or why the content is not "id:secret" */

static const char *
ngx_http_gateway_jwt_secret_read(ngx_str_t *content)
{
    size_t   i;
    u_char  *colon;

    if (content->len && content->data[content->len - 1] == LF) {
        content->len--;

        if (content->len && content->data[content->len - 1] == CR) {
            content->len--;
        }
    }

    for (i = 0; i < content->len; i++) {
        if (content->data[i] < ' ' || content->data[i] == 0x7f) {
            return "has more than one line, or a control character";
        }
    }

    colon = ngx_strlchr(content->data, content->data + content->len, ':');

    return (colon && colon != content->data)
           ? NULL : "has no \":\" between id and secret";
}


/* frees the value, and leaves no copy of it in the memory */

static void
ngx_http_gateway_jwt_secret_cleanup(void *data)
{
    ngx_http_gateway_jwt_secret_t *secret = data;

    if (secret->value.data) {
        ngx_explicit_memzero(secret->value.data, secret->value.len);
        ngx_free(secret->value.data);
        secret->value.data = NULL;
    }
}


/* --- endpoints */


char *
ngx_http_gateway_jwt_load_endpoints(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                          i;
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_http_gateway_jwt_introspect_t  *in;

    if (conf->introspect == NULL || conf->enable != NGX_HTTP_GATEWAY_JWT_ON) {
        return NGX_CONF_OK;
    }

    if (ngx_http_gateway_jwt_copy_endpoints(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    in = conf->introspect->elts;

    for (i = 0; i < conf->introspect->nelts; i++) {

        endpoint = ngx_http_gateway_jwt_find_endpoint(cf, &in[i]);

        if (endpoint == NULL) {
            endpoint = ngx_http_gateway_jwt_create_endpoint(cf, &in[i]);
        }

        if (endpoint == NULL) {
            return NGX_CONF_ERROR;
        }

        in[i].use.source = endpoint->source;

        if (ngx_http_gateway_in_force(cf) && !endpoint->in_force) {
            endpoint->in_force = 1;
            endpoint->index = endpoint->jmcf->nendpoints++;
        }

        if (in[i].use.issuer.len
            && ngx_http_gateway_jwt_bind(cf, (ngx_str_t *) &in[i].use.issuer,
                                         &endpoint->source->name)
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* directives of the http level have endpoints of their own in each server */

static char *
ngx_http_gateway_jwt_copy_endpoints(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                          i, n;
    ngx_array_t                        *copy;
    ngx_http_core_srv_conf_t           *cscf;
    ngx_http_gateway_jwt_introspect_t  *in, *written;

    n = conf->introspect->nelts;
    written = conf->introspect->elts;
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    if (written[0].use.source == NULL
        || written[0].use.source->endpoint->cscf == cscf)
    {
        return NGX_CONF_OK;
    }

    copy = ngx_array_create(cf->pool, n,
                            sizeof(ngx_http_gateway_jwt_introspect_t));
    in = copy ? ngx_array_push_n(copy, n) : NULL;
    if (in == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(in, written, n * sizeof(ngx_http_gateway_jwt_introspect_t));

    for (i = 0; i < n; i++) {
        in[i].use.origin = &written[i].use;
    }

    conf->introspect = copy;

    return NGX_CONF_OK;
}


static ngx_http_gateway_jwt_endpoint_t *
ngx_http_gateway_jwt_find_endpoint(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_introspect_t *in)
{
    ngx_uint_t                          i;
    ngx_http_core_srv_conf_t           *cscf;
    ngx_http_gateway_jwt_source_t     **sources;
    ngx_http_gateway_jwt_endpoint_t    *endpoint;
    ngx_http_gateway_jwt_main_conf_t   *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        endpoint = sources[i]->endpoint;

        if (endpoint && endpoint->cscf == cscf
            && endpoint->secret == in->secret
            && endpoint->cache == (ngx_msec_t) in->cache * 1000
            && ngx_http_gateway_same(&sources[i]->shown, &in->use.path))
        {
            return endpoint;
        }
    }

    return NULL;
}


static ngx_http_gateway_jwt_endpoint_t *
ngx_http_gateway_jwt_create_endpoint(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_introspect_t *in)
{
    ngx_http_gateway_jwt_source_t     *source;
    ngx_http_gateway_jwt_endpoint_t   *endpoint;
    ngx_http_gateway_jwt_srv_conf_t   *jscf;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    jscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_jwt_module);

    endpoint = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_endpoint_t));
    if (endpoint == NULL) {
        return NULL;
    }

    source = ngx_http_gateway_jwt_request_source(cf, &in->use);
    if (source == NULL) {
        return NULL;
    }

    source->number = ngx_http_gateway_jwt_number();
    source->endpoint = endpoint;

    endpoint->cscf = ngx_http_conf_get_module_srv_conf(cf,
                                                       ngx_http_core_module);
    endpoint->cache = (ngx_msec_t) in->cache * 1000;
    endpoint->secret = in->secret;
    endpoint->source = source;
    endpoint->jmcf = jmcf;
    endpoint->place = in->use.place;
    endpoint->timeout = jscf->timeout;
    endpoint->max_size = jscf->max_size;
    endpoint->insecure = jscf->insecure;

    return (ngx_http_gateway_jwt_endpoint_words(cf, endpoint) == NGX_OK)
           ? endpoint : NULL;
}


ngx_uint_t
ngx_http_gateway_jwt_asks_always(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                          i;
    ngx_http_gateway_jwt_introspect_t  *in;

    if (conf->introspect == NULL) {
        return 0;
    }

    in = conf->introspect->elts;

    for (i = 0; i < conf->introspect->nelts; i++) {
        if (in[i].when == NGX_HTTP_GATEWAY_JWT_ALWAYS) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_gateway_jwt_check_endpoints(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                        i;
    ngx_http_gateway_jwt_source_t   **sources;
    ngx_http_gateway_jwt_endpoint_t  *endpoint;

    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        endpoint = sources[i]->endpoint;

        if (endpoint == NULL || !endpoint->in_force) {
            continue;
        }

        if (ngx_http_gateway_jwt_check_location(cf, endpoint->cscf, sources[i],
                                                endpoint->insecure,
                                                &endpoint->place)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (endpoint->cache && jmcf->token_cache == 0) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "with \"gateway_jwt_token_cache off\", \"cache=\" of "
                          "\"gateway_jwt_introspect\" has no effect on active "
                          "tokens, in %V:%ui",
                          ngx_http_gateway_place_args(&endpoint->place));
        }
    }

    return NGX_OK;
}
