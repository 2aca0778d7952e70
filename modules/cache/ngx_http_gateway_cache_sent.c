/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The requests that a location sends: digests that distinguish them from those
 * of other locations, and the fields and the Host that the location sets.
 */

#include "ngx_http_gateway_cache.h"
#include "ngx_http_gateway_upstream.h"

#include <ngx_md5.h>


/* directives that determine the request; each module has some of them */

static const ngx_str_t  ngx_http_gateway_cache_sent[] = {
    ngx_string("proxy_set_header"),
    ngx_string("proxy_set_body"),
    ngx_string("proxy_method"),
    ngx_string("proxy_pass_request_headers"),
    ngx_string("proxy_pass_request_body"),
    ngx_string("fastcgi_param"),
    ngx_string("fastcgi_index"),
    ngx_string("fastcgi_pass_request_headers"),
    ngx_string("fastcgi_pass_request_body"),
    ngx_string("uwsgi_param"),
    ngx_string("uwsgi_modifier1"),
    ngx_string("uwsgi_modifier2"),
    ngx_string("uwsgi_pass_request_headers"),
    ngx_string("uwsgi_pass_request_body"),
    ngx_string("scgi_param"),
    ngx_string("scgi_pass_request_headers"),
    ngx_string("scgi_pass_request_body"),
    ngx_null_string
};


static void ngx_http_gateway_cache_digest_sent(ngx_conf_t *cf, ngx_md5_t *md5,
    const char *module);
static void ngx_http_gateway_cache_digest_field(ngx_md5_t *md5,
    const ngx_command_t *cmd, const void *field);
static void ngx_http_gateway_cache_digest_pairs(ngx_md5_t *md5,
    const ngx_array_t *pairs);
static void ngx_http_gateway_cache_digest(ngx_md5_t *md5,
    const ngx_str_t *text);
static ngx_array_t *ngx_http_gateway_cache_pairs(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream);
static ngx_int_t ngx_http_gateway_cache_add_fields(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream, ngx_array_t *fields);
static ngx_uint_t ngx_http_gateway_cache_field_name(
    const ngx_http_gateway_upstream_t *upstream, ngx_str_t *name);
static ngx_int_t ngx_http_gateway_cache_add_field(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream, const ngx_str_t *name,
    ngx_str_t *value, ngx_array_t *fields);
static ngx_uint_t ngx_http_gateway_cache_host_known(const ngx_str_t *value);


/*
 * Uses the texts of directives as they are written, not their values: these
 * differ for each request if they contain a variable such as $request_id.
 */

void
ngx_http_gateway_cache_upstream(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    void                              **loc_conf;
    ngx_md5_t                           sent, upstream;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    loc_conf = ngx_http_gateway_loc_conf(cf);

    ngx_md5_init(&sent);

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {
        ngx_http_gateway_cache_digest_sent(cf, &sent, u->module);
    }

    upstream = sent;

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

        if (conf == NULL || conf->upstream == NULL) {
            continue;
        }

        ngx_md5_update(&upstream, u->module, ngx_strlen(u->module));
        ngx_http_gateway_cache_digest(&upstream, &conf->upstream->host);
        ngx_md5_update(&upstream, &conf->upstream->port,
                       sizeof(conf->upstream->port));
    }

    ngx_md5_final(clcf->sent, &sent);
    ngx_md5_final(clcf->upstream, &upstream);
}


static void
ngx_http_gateway_cache_digest_sent(ngx_conf_t *cf, ngx_md5_t *md5,
    const char *module)
{
    void             *field;
    ngx_command_t    *cmd;
    const ngx_str_t  *sent;

    for (sent = ngx_http_gateway_cache_sent; sent->len; sent++) {

        field = ngx_http_gateway_upstream_field(cf,
                                                ngx_http_gateway_loc_conf(cf),
                                                module, sent, &cmd);

        if (field) {
            ngx_http_gateway_cache_digest(md5, sent);
            ngx_http_gateway_cache_digest_field(md5, cmd, field);
        }
    }
}


/* the setter of a command tells the type of its value */

static void
ngx_http_gateway_cache_digest_field(ngx_md5_t *md5, const ngx_command_t *cmd,
    const void *field)
{
    const ngx_array_t               *pairs;
    const ngx_http_complex_value_t  *value;

    if (cmd->set == ngx_conf_set_keyval_slot
        || cmd->set == ngx_http_upstream_param_set_slot)
    {
        pairs = *(ngx_array_t * const *) field;

        if (pairs && pairs != NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_digest_pairs(md5, pairs);
        }

    } else if (cmd->set == ngx_conf_set_str_slot) {
        ngx_http_gateway_cache_digest(md5, field);

    } else if (cmd->set == ngx_http_set_complex_value_slot) {
        value = *(ngx_http_complex_value_t * const *) field;

        if (value && value != NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_digest(md5, &value->value);
        }

    } else if (cmd->set == ngx_conf_set_flag_slot
               || cmd->set == ngx_conf_set_num_slot)
    {
        ngx_md5_update(md5, field, sizeof(ngx_int_t));
    }
}


/*
 * ngx_keyval_t, or ngx_http_upstream_param_t, which begins with the same
 * members
 */

static void
ngx_http_gateway_cache_digest_pairs(ngx_md5_t *md5, const ngx_array_t *pairs)
{
    ngx_uint_t           i;
    const ngx_keyval_t  *pair;

    ngx_md5_update(md5, &pairs->nelts, sizeof(pairs->nelts));

    for (i = 0; i < pairs->nelts; i++) {
        pair = (ngx_keyval_t *) ((u_char *) pairs->elts + i * pairs->size);

        ngx_http_gateway_cache_digest(md5, &pair->key);
        ngx_http_gateway_cache_digest(md5, &pair->value);
    }
}


/* includes the length, so that different lists of texts have different bytes */

static void
ngx_http_gateway_cache_digest(ngx_md5_t *md5, const ngx_str_t *text)
{
    ngx_md5_update(md5, &text->len, sizeof(text->len));

    if (text->len) {
        ngx_md5_update(md5, text->data, text->len);
    }
}


/*
 * Adds the fields of the module that sends the requests.  If the name of the
 * upstream servers contains a variable, this can be any of the modules.
 */

ngx_int_t
ngx_http_gateway_cache_sent_fields(ngx_conf_t *cf,
    ngx_http_gateway_cache_loc_conf_t *clcf)
{
    void                              **loc_conf;
    ngx_http_upstream_conf_t           *conf;
    const ngx_http_gateway_upstream_t  *u;

    if (ngx_array_init(&clcf->fields, cf->pool, 4,
                       sizeof(ngx_http_gateway_cache_sent_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    loc_conf = ngx_http_gateway_loc_conf(cf);
    clcf->unknown = 1;

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

        if (conf != NULL && conf->upstream != NULL) {
            clcf->unknown = 0;
        }
    }

    for (u = ngx_http_gateway_upstreams; u->cache; u++) {

        conf = ngx_http_gateway_upstream_conf(cf, loc_conf, u);

        if (conf != NULL && (conf->upstream != NULL || clcf->unknown)
            && ngx_http_gateway_cache_add_fields(cf, u, &clcf->fields)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NULL: there are none */

static ngx_array_t *
ngx_http_gateway_cache_pairs(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream)
{
    ngx_array_t    **pairs;
    ngx_command_t   *cmd;

    pairs = ngx_http_gateway_upstream_field(cf, ngx_http_gateway_loc_conf(cf),
                                            upstream->module,
                                            &upstream->fields, &cmd);

    return (pairs && *pairs != NGX_CONF_UNSET_PTR) ? *pairs : NULL;
}


/* skips $proxy_host, which only the proxy module can evaluate */

static ngx_int_t
ngx_http_gateway_cache_add_fields(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream, ngx_array_t *fields)
{
    ngx_str_t      name;
    ngx_uint_t     i;
    ngx_array_t   *pairs;
    ngx_keyval_t  *pair;

    static const ngx_str_t  proxy_host = ngx_string("$proxy_host");

    pairs = ngx_http_gateway_cache_pairs(cf, upstream);

    for (i = 0; pairs && i < pairs->nelts; i++) {

        pair = (ngx_keyval_t *) ((u_char *) pairs->elts + i * pairs->size);
        name = pair->key;

        if (!ngx_http_gateway_cache_field_name(upstream, &name)
            || (pair->value.len >= proxy_host.len
                && ngx_strncmp(pair->value.data, proxy_host.data,
                               proxy_host.len)
                   == 0))
        {
            continue;
        }

        if (ngx_http_gateway_cache_add_field(cf, upstream, &name, &pair->value,
                                             fields)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a parameter is a field of the request if its name begins with HTTP_ */

static ngx_uint_t
ngx_http_gateway_cache_field_name(
    const ngx_http_gateway_upstream_t *upstream, ngx_str_t *name)
{
    static const ngx_str_t  http = ngx_string("HTTP_");

    if (upstream == ngx_http_gateway_upstreams) {
        return 1;
    }

    if (name->len <= http.len
        || ngx_strncmp(name->data, http.data, http.len) != 0)
    {
        return 0;
    }

    name->data += http.len;
    name->len -= http.len;

    return 1;
}


/* "_" in the name of a parameter is "-" in the name of the field */

static ngx_int_t
ngx_http_gateway_cache_add_field(ngx_conf_t *cf,
    const ngx_http_gateway_upstream_t *upstream, const ngx_str_t *name,
    ngx_str_t *value, ngx_array_t *fields)
{
    u_char                         *p, mark;
    ngx_uint_t                      i;
    ngx_http_gateway_cache_sent_t  *sent;

    p = ngx_pnalloc(cf->pool, name->len);
    sent = ngx_array_push(fields);

    if (p == NULL || sent == NULL) {
        return NGX_ERROR;
    }

    mark = (upstream == ngx_http_gateway_upstreams) ? '-' : '_';

    for (i = 0; i < name->len; i++) {
        p[i] = (name->data[i] == mark) ? '-' : ngx_tolower(name->data[i]);
    }

    sent->name.data = p;
    sent->name.len = name->len;
    sent->value = ngx_http_gateway_complex_value(cf, value);

    return sent->value ? NGX_OK : NGX_ERROR;
}


/* the last line, if there are several, which no origin would accept */

ngx_int_t
ngx_http_gateway_cache_host(ngx_conf_t *cf, ngx_http_complex_value_t **host)
{
    ngx_str_t     *value;
    ngx_uint_t     i;
    ngx_array_t   *headers;
    ngx_keyval_t  *header;

    headers = ngx_http_gateway_cache_pairs(cf, ngx_http_gateway_upstreams);
    if (headers == NULL) {
        return NGX_OK;
    }

    header = headers->elts;
    value = NULL;

    for (i = 0; i < headers->nelts; i++) {
        if (header[i].key.len == 4
            && ngx_strncasecmp(header[i].key.data, (u_char *) "host", 4) == 0)
        {
            value = &header[i].value;
        }
    }

    if (value == NULL || ngx_http_gateway_cache_host_known(value)) {
        return NGX_OK;
    }

    *host = ngx_http_gateway_complex_value(cf, value);

    return *host ? NGX_OK : NGX_ERROR;
}


/* values that each key with a host already contains */

static ngx_uint_t
ngx_http_gateway_cache_host_known(const ngx_str_t *value)
{
    ngx_uint_t  i;

    static const ngx_str_t  known[] = {
        ngx_string("$host"),
        ngx_string("$http_host"),
        ngx_string("$proxy_host")
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ngx_http_gateway_same(value, &known[i])) {
            return 1;
        }
    }

    return 0;
}
