
/*
 * nginx's proxy, fastcgi, uwsgi and scgi modules.  They are found by name,
 * since a .so that links to one of them does not load into an nginx without it.
 *
 * The configuration of each is a private structure that holds the common one of
 * upstreams.  Where in it, the command of a timeout tells, and that of
 * proxy_set_header where its fields are.
 */

#include "ngx_http_gateway_cache.h"


typedef struct {
    const char  *module;
    ngx_str_t    timeout;
    const char  *cache;
    const char  *no_cache;
    const char  *bypass;
} ngx_http_gateway_cache_upstream_t;


#define ngx_http_gateway_cache_known(name)                                    \
    { "ngx_http_" name "_module", ngx_string(name "_connect_timeout"),        \
      name "_cache", name "_no_cache", name "_cache_bypass" }

#define ngx_http_gateway_cache_null_upstream                                  \
    { NULL, ngx_null_string, NULL, NULL, NULL }


/* proxy is the first: what it sends of a request is known */

static const ngx_http_gateway_cache_upstream_t
    ngx_http_gateway_cache_upstreams[] =
{
    ngx_http_gateway_cache_known("proxy"),
    ngx_http_gateway_cache_known("fastcgi"),
    ngx_http_gateway_cache_known("uwsgi"),
    ngx_http_gateway_cache_known("scgi"),
    ngx_http_gateway_cache_null_upstream
};


/* whose responses are not stored */

static const ngx_http_gateway_cache_upstream_t
    ngx_http_gateway_cache_others[] =
{
    ngx_http_gateway_cache_known("grpc"),
    ngx_http_gateway_cache_known("memcached"),
    ngx_http_gateway_cache_null_upstream
};


static ngx_str_t  ngx_http_gateway_cache_set_header =
    ngx_string("proxy_set_header");


#if (NGX_HTTP_CACHE)
static void ngx_http_gateway_cache_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const char *name,
    const char *ours);
#endif
static ngx_http_upstream_conf_t *ngx_http_gateway_cache_upstream_conf(
    ngx_conf_t *cf, const ngx_http_gateway_cache_upstream_t *upstream);
static ngx_uint_t ngx_http_gateway_cache_host_known(const ngx_str_t *value);
static u_char *ngx_http_gateway_cache_upstream_field(ngx_conf_t *cf,
    const char *name, const ngx_str_t *directive, size_t least);
static void *ngx_http_gateway_cache_module_conf(ngx_conf_t *cf,
    const char *name, ngx_module_t **module);


const char *
ngx_http_gateway_cache_other(ngx_conf_t *cf)
{
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf != NULL && conf->cache > 0) {
            return u->cache;
        }
    }
#endif

    return NULL;
}


/*
 * Only what proxy sends is known: other modules also send $request_uri, and a
 * location without an upstream of its own, or with one in a variable, may pass
 * the request to any of them.
 */

ngx_uint_t
ngx_http_gateway_cache_original(ngx_conf_t *cf)
{
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    u = ngx_http_gateway_cache_upstreams;

    conf = ngx_http_gateway_cache_upstream_conf(cf, u);

    if (conf == NULL || conf->upstream == NULL) {
        return 1;
    }

    for (u++; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf != NULL && conf->upstream != NULL) {
            return 1;
        }
    }

    return 0;
}


/* which servers a location asks is not told by what it sends */

ngx_int_t
ngx_http_gateway_cache_upstream(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char                                   *p;
    ngx_http_upstream_conf_t                 *conf;
    ngx_http_upstream_srv_conf_t             *uscf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf == NULL || conf->upstream == NULL) {
            continue;
        }

        uscf = conf->upstream;

        p = ngx_pnalloc(cf->pool, name->len + ngx_strlen(u->module)
                                  + uscf->host.len + NGX_INT_T_LEN
                                  + sizeof(" :;"));
        if (p == NULL) {
            return NGX_ERROR;
        }

        name->len = ngx_sprintf(p, "%V%s %V:%ui;", name, u->module,
                                &uscf->host, (ngx_uint_t) uscf->port)
                    - p;
        name->data = p;
    }

    return NGX_OK;
}


/* of several lines, which no origin would accept, the last */

ngx_int_t
ngx_http_gateway_cache_host(ngx_conf_t *cf, ngx_http_complex_value_t **host)
{
    u_char        *field;
    ngx_str_t     *value;
    ngx_uint_t     i;
    ngx_array_t   *headers;
    ngx_keyval_t  *header;

    field = ngx_http_gateway_cache_upstream_field(cf,
                                 ngx_http_gateway_cache_upstreams[0].module,
                                 &ngx_http_gateway_cache_set_header, 0);

    headers = field ? *(ngx_array_t **) field : NULL;

    if (headers == NULL || headers == NGX_CONF_UNSET_PTR) {
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


/* what is part of each key with a host */

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


/*
 * A "return" answers before the cache is asked.  Responses of grpc_pass and
 * memcached_pass are not stored.  Other handlers may redirect.
 */

ngx_uint_t
ngx_http_gateway_cache_unserved(ngx_conf_t *cf)
{
    void                      *rewrite;
    ngx_uint_t                 i;
    ngx_http_upstream_conf_t  *conf;

    if (!ngx_http_gateway_in_force(cf)) {
        return 1;
    }

    rewrite = ngx_http_gateway_cache_module_conf(cf, "ngx_http_rewrite_module",
                                                 NULL);

    if (rewrite && ngx_http_gateway_location_returns(rewrite)) {
        return 1;
    }

    for (i = 0; ngx_http_gateway_cache_others[i].module; i++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf,
                                            &ngx_http_gateway_cache_others[i]);

        if (conf != NULL && conf->upstream != NULL) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_cache_warn_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf)
{
    size_t                                   *slice;
#if (NGX_HTTP_CACHE)
    ngx_http_upstream_conf_t                 *conf;
    const ngx_http_gateway_cache_upstream_t  *u;

    for (u = ngx_http_gateway_cache_upstreams; u->module; u++) {

        conf = ngx_http_gateway_cache_upstream_conf(cf, u);

        if (conf == NULL) {
            continue;
        }

        if (conf->no_cache && clcf->written.no_store == NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_left(cf, clcf, u->no_cache,
                                        "gateway_cache_no_store");
        }

        if (conf->cache_bypass && clcf->written.bypass == NGX_CONF_UNSET_PTR) {
            ngx_http_gateway_cache_left(cf, clcf, u->bypass,
                                        "gateway_cache_bypass");
        }
    }
#endif

    /* the first member is the size, 0 where it is off */

    slice = ngx_http_gateway_cache_module_conf(cf,
                                      "ngx_http_slice_filter_module", NULL);

    if (slice && *slice) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"slice\" and \"gateway_cache\" are both on, partial "
                      "responses are not stored, in the block in %V:%ui",
                      ngx_http_gateway_place_args(&clcf->where));
    }
}


#if (NGX_HTTP_CACHE)

static void
ngx_http_gateway_cache_left(ngx_conf_t *cf,
    const ngx_http_gateway_cache_loc_conf_t *clcf, const char *name,
    const char *ours)
{
    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"%s\" has no effect on \"gateway_cache\", use \"%s\", in "
                  "the block in %V:%ui", name, ours,
                  ngx_http_gateway_place_args(&clcf->where));
}

#endif


/* of the location at hand; NULL: nginx was built without the module */

static ngx_http_upstream_conf_t *
ngx_http_gateway_cache_upstream_conf(ngx_conf_t *cf,
    const ngx_http_gateway_cache_upstream_t *upstream)
{
    u_char  *timeout;

    timeout = ngx_http_gateway_cache_upstream_field(cf, upstream->module,
                         &upstream->timeout,
                         offsetof(ngx_http_upstream_conf_t, connect_timeout));

    return timeout ? (ngx_http_upstream_conf_t *)
                     (timeout - offsetof(ngx_http_upstream_conf_t,
                                         connect_timeout))
                   : NULL;
}


/* what a directive sets there, "least" bytes behind the beginning or more */

static u_char *
ngx_http_gateway_cache_upstream_field(ngx_conf_t *cf, const char *name,
    const ngx_str_t *directive, size_t least)
{
    u_char         *conf;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    conf = ngx_http_gateway_cache_module_conf(cf, name, &module);

    if (conf == NULL) {
        return NULL;
    }

    for (cmd = module->commands; cmd->name.len; cmd++) {
        if (ngx_http_gateway_same(&cmd->name, directive)) {
            return (cmd->offset < least) ? NULL : conf + cmd->offset;
        }
    }

    return NULL;
}


/* the same for a module, which "module" receives unless it is NULL */

static void *
ngx_http_gateway_cache_module_conf(ngx_conf_t *cf, const char *name,
    ngx_module_t **module)
{
    ngx_uint_t            i;
    ngx_module_t         *m;
    ngx_http_conf_ctx_t  *ctx;

    ctx = cf->ctx;

    for (i = 0; (m = cf->cycle->modules[i]) != NULL; i++) {

        if (ngx_strcmp(m->name, name) != 0) {
            continue;
        }

        if (module) {
            *module = m;
        }

        return ctx->loc_conf[m->ctx_index];
    }

    return NULL;
}
