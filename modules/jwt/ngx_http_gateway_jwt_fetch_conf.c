/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * How keys are fetched: gateway_jwt_key_fetch and gateway_jwt_key_cache.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_remote_conf.h"


#define NGX_HTTP_GATEWAY_JWT_INTERVAL  600000       /* ms */


static char *ngx_http_gateway_jwt_param_time(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_jwt_param_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
static char *ngx_http_gateway_jwt_fetch_check(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_srv_conf_t *jscf);
static ngx_str_t ngx_http_gateway_jwt_fetch_text(ngx_conf_t *cf,
    const char *name, const char *unset);
static char *ngx_http_gateway_jwt_cache_conflict(ngx_conf_t *cf);


/* settings for the requests to an issuer */

ngx_http_gateway_use_t  ngx_http_gateway_jwt_requests = {
    0, 0,
    "has no effect, neither \"gateway_jwt_key_request\" nor "
    "\"gateway_jwt_introspect\" is used in its block or in an inner one",
    NULL, 0
};


/* "post": the minimum, in ms */

static const ngx_http_gateway_param_t  ngx_http_gateway_jwt_fetch_params[] = {

    { ngx_string("interval="), ngx_http_gateway_jwt_param_time,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, interval), 1000 },

    { ngx_string("min="), ngx_http_gateway_jwt_param_time,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, min), 1 },

    { ngx_string("stale="), ngx_http_gateway_jwt_param_time,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, stale), 1 },

    { ngx_string("timeout="), ngx_http_gateway_jwt_param_time,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, timeout), 1 },

    { ngx_string("max_size="), ngx_http_gateway_jwt_param_size,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, max_size), 0 },

    { ngx_string("insecure"), ngx_http_gateway_param_word,
      offsetof(ngx_http_gateway_jwt_srv_conf_t, insecure), 1 },

    ngx_http_gateway_null_param
};


void *
ngx_http_gateway_jwt_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_srv_conf_t  *jscf;

    jscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_srv_conf_t));
    if (jscf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     jscf->insecure = 0;
     *     jscf->written = 0;
     */

    jscf->interval = NGX_CONF_UNSET_MSEC;
    jscf->min = NGX_CONF_UNSET_MSEC;
    jscf->stale = NGX_CONF_UNSET_MSEC;
    jscf->timeout = NGX_CONF_UNSET_MSEC;
    jscf->max_size = NGX_CONF_UNSET_SIZE;
    jscf->cache = NGX_CONF_UNSET_MSEC;

    return jscf;
}


/*
 * gateway_jwt_key_fetch is inherited as a whole.  Of "interval=" and
 * gateway_jwt_key_cache, the inner one applies.
 */

char *
ngx_http_gateway_jwt_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gateway_jwt_srv_conf_t *prev = parent;
    ngx_http_gateway_jwt_srv_conf_t *conf = child;

    ngx_msec_t  cache;

    cache = conf->cache;

    if (!conf->written) {
        *conf = *prev;
        conf->written = 0;
    }

    if (cache == NGX_CONF_UNSET_MSEC
        && !(conf->written && conf->interval != NGX_CONF_UNSET_MSEC))
    {
        cache = prev->cache;
    }

    conf->cache = cache;

    ngx_conf_init_msec_value(conf->interval, NGX_HTTP_GATEWAY_JWT_INTERVAL);
    ngx_conf_init_msec_value(conf->min, 10000);
    ngx_conf_init_msec_value(conf->timeout, 5000);
    ngx_conf_init_size_value(conf->max_size, 128 * 1024);

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_jwt_key_fetch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_srv_conf_t *jscf = conf;

    if (jscf->written) {
        return "is duplicate";
    }

    jscf->written = 1;

    if (ngx_http_gateway_params(cf, ngx_http_gateway_jwt_fetch_params, jscf, 1)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (jscf->interval != NGX_CONF_UNSET_MSEC
        && jscf->cache != NGX_CONF_UNSET_MSEC)
    {
        return ngx_http_gateway_jwt_cache_conflict(cf);
    }

    return ngx_http_gateway_jwt_fetch_check(cf, jscf);
}


static char *
ngx_http_gateway_jwt_param_time(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ngx_int_t  msec;

    msec = value->len ? ngx_parse_time(value, 0) : NGX_ERROR;

    if (msec == NGX_ERROR || msec < (ngx_int_t) param->post) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a time "
                           "of at least %s, such as 5s, 10m or 1h",
                           value, &param->name,
                           (param->post == 1000) ? "1s" : "1ms");
        return NGX_CONF_ERROR;
    }

    *(ngx_msec_t *) field = (ngx_msec_t) msec;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_jwt_param_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field)
{
    ssize_t  size;

    size = ngx_parse_size(value);

    if (size < 1 || size > NGX_HTTP_GATEWAY_JWT_MAX_SET) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a size "
                           "from 1 to 1m", value, &param->name);
        return NGX_CONF_ERROR;
    }

    *(size_t *) field = size;

    return NGX_CONF_OK;
}


static char *
ngx_http_gateway_jwt_fetch_check(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_srv_conf_t *jscf)
{
    ngx_str_t    text, interval, *value;
    ngx_msec_t   limit;
    const char  *than;

    limit = (jscf->interval == NGX_CONF_UNSET_MSEC)
            ? NGX_HTTP_GATEWAY_JWT_INTERVAL : jscf->interval;

    if (jscf->min != NGX_CONF_UNSET_MSEC && jscf->min > limit) {
        text = ngx_http_gateway_jwt_fetch_text(cf, "min=", "");
        than = "larger";

    } else if (jscf->stale != NGX_CONF_UNSET_MSEC && jscf->stale < limit) {
        text = ngx_http_gateway_jwt_fetch_text(cf, "stale=", "");
        than = "smaller";

    } else {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;
    interval = ngx_http_gateway_jwt_fetch_text(cf, "interval=",
                                               "interval=10m");

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" of \"%V\" is %s than \"%V\"",
                       &text, &value[0], than, &interval);

    return NGX_CONF_ERROR;
}


/* the argument that begins with "name", or "unset" */

static ngx_str_t
ngx_http_gateway_jwt_fetch_text(ngx_conf_t *cf, const char *name,
    const char *unset)
{
    ngx_str_t    text, *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strncmp(value[i].data, name, ngx_strlen(name)) == 0) {
            return value[i];
        }
    }

    text.data = (u_char *) unset;
    text.len = ngx_strlen(unset);

    return text;
}


/* the directive of NGINX Plus; 0 is its default */

char *
ngx_http_gateway_jwt_key_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_int_t                         msec;
    ngx_str_t                        *value;
    ngx_uint_t                        outer;
    ngx_msec_t                       *field;
    ngx_http_gateway_jwt_srv_conf_t  *jscf;

    static const ngx_http_gateway_setting_t  setting = {
        NULL, NULL, &ngx_http_gateway_jwt_requests, 0
    };

    value = cf->args->elts;
    msec = ngx_parse_time(&value[1], 0);

    if (value[1].len == 0 || msec == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a time "
                           "such as 10m or 1h", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (msec < 1000) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V %V\" has no effect, keys are always kept",
                           &value[0], &value[1]);
        return NGX_CONF_OK;
    }

    jscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_jwt_module);

    outer = (cf->cmd_type & (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF)) != 0;
    field = outer ? &jscf->cache : &jlcf->key_cache;

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *field = (ngx_msec_t) msec;

    return (outer && jscf->interval != NGX_CONF_UNSET_MSEC)
           ? ngx_http_gateway_jwt_cache_conflict(cf)
           : ngx_http_gateway_setting_add(cf, &setting);
}


static char *
ngx_http_gateway_jwt_cache_conflict(ngx_conf_t *cf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"gateway_jwt_key_cache\" conflicts with "
                       "\"interval=\" of \"gateway_jwt_key_fetch\"");

    return NGX_CONF_ERROR;
}


char *
ngx_http_gateway_jwt_check_uri(ngx_conf_t *cf)
{
    ngx_str_t   *value, *uri;
    ngx_uint_t   url;
    const char  *why;

    value = cf->args->elts;
    uri = &value[1];

    if (uri->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "empty URI in \"%V\"",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    url = (ngx_strncasecmp(uri->data, (u_char *) "http://", 7) == 0
           || ngx_strncasecmp(uri->data, (u_char *) "https://", 8) == 0);

    if (!url && ngx_http_script_variables_count(uri)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variables are not supported in the URI \"%V\", "
                           "write one \"%V\" for each URI, with \"issuer=\" "
                           "where keys belong to an issuer", uri, &value[0]);
        return NGX_CONF_ERROR;
    }

    why = url ? "it is a URL: write a location that passes to it, and the "
                "location's URI"
          : (uri->data[0] != '/') ? "it must begin with \"/\""
          : ngx_strlchr(uri->data, uri->data + uri->len, '?')
            ? "it must have no arguments, write them in the location" : NULL;

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\" in \"%V\", %s",
                           uri, &value[0], why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
