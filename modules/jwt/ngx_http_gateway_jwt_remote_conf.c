/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sets of keys by request: one for each server and URI, with a zone.
 *
 * A directive of the http level means a location of each server that inherits
 * it: each server has a set of its own.  A zone is named after the server and
 * the URI, so that a reload keeps the set.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_ask.h"
#include "ngx_http_gateway_jwt_remote_conf.h"
#include "ngx_http_gateway_location.h"
#include "ngx_http_gateway_server.h"
#include "ngx_http_gateway_upstream.h"

#include <openssl/evp.h>


#define NGX_HTTP_GATEWAY_JWT_STALE   86400000           /* ms */
#define NGX_HTTP_GATEWAY_JWT_ZONE    "gateway_jwt_keys:"
#define NGX_HTTP_GATEWAY_JWT_DIGEST  16         /* bytes, in a zone's name */


static ngx_int_t ngx_http_gateway_jwt_remote_name(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_gateway_jwt_kind_e kind, const ngx_str_t *uri);
static ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_remote_find(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use);
static ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_remote_create(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use);
static char *ngx_http_gateway_jwt_remote_times(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf,
    ngx_http_gateway_jwt_remote_t *remote);
static ngx_int_t ngx_http_gateway_jwt_name_servers(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf);
static int ngx_libc_cdecl ngx_http_gateway_jwt_compare_uris(const void *one,
    const void *two);
static ngx_uint_t ngx_http_gateway_jwt_unverified(ngx_conf_t *cf,
    const ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_gateway_jwt_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_jwt_remote_t *remote);
static ngx_int_t ngx_http_gateway_jwt_zone_name(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_source_t *source, ngx_str_t *name);
static size_t ngx_http_gateway_jwt_zone_size(void);
static ngx_int_t ngx_http_gateway_jwt_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);


ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_request_source(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_key_use_t *use)
{
    ngx_http_gateway_jwt_source_t     *source;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    source = ngx_http_gateway_jwt_source_create(cf, &jmcf->sources,
                                                &jmcf->generation, use->kind);
    if (source == NULL
        || ngx_http_gateway_jwt_remote_name(cf, &source->name, use->kind,
                                            &use->path)
           != NGX_OK)
    {
        return NULL;
    }

    source->shown = use->path;

    return source;
}


/*
 * No other server has the same name; the same server has it again after a
 * reload.
 */

static ngx_int_t
ngx_http_gateway_jwt_remote_name(ngx_conf_t *cf, ngx_str_t *name,
    ngx_http_gateway_jwt_kind_e kind, const ngx_str_t *uri)
{
    u_char     *p;
    u_char      digest[NGX_HTTP_GATEWAY_SERVER_NAME];
    ngx_str_t   text;

    if (ngx_http_gateway_server_name(cf, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    text.len = 2 * sizeof(digest) + uri->len;

    text.data = ngx_pnalloc(cf->temp_pool, text.len);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_hex_dump(text.data, digest, sizeof(digest));
    ngx_memcpy(p, uri->data, uri->len);

    return ngx_http_gateway_jwt_source_name(cf, name, kind, &text);
}


ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_remote_source(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use)
{
    ngx_http_gateway_jwt_source_t  *source;

    source = ngx_http_gateway_jwt_remote_find(cf, conf, use);

    if (source == NULL) {
        source = ngx_http_gateway_jwt_remote_create(cf, conf, use);
    }

    if (source == NULL
        || ngx_http_gateway_jwt_remote_times(cf, conf, source->remote)
           != NGX_CONF_OK)
    {
        return NULL;
    }

    return source;
}


static ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_remote_find(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use)
{
    ngx_uint_t                         i;
    ngx_http_core_srv_conf_t          *cscf;
    ngx_http_gateway_jwt_source_t    **sources, *source;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        source = sources[i];

        if (source->kind == NGX_HTTP_GATEWAY_JWT_REQUEST
            && source->remote->cscf == cscf
            && source->flags == conf->key_policy
            && ngx_http_gateway_same(&source->shown, &use->path))
        {
            return source;
        }
    }

    return NULL;
}


static ngx_http_gateway_jwt_source_t *
ngx_http_gateway_jwt_remote_create(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use)
{
    ngx_http_gateway_jwt_remote_t    *remote;
    ngx_http_gateway_jwt_source_t    *source;
    ngx_http_gateway_jwt_srv_conf_t  *jscf;

    jscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_jwt_module);

    remote = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_jwt_remote_t));
    if (remote == NULL) {
        return NULL;
    }

    source = ngx_http_gateway_jwt_request_source(cf, use);
    if (source == NULL) {
        return NULL;
    }

    source->flags = conf->key_policy;
    source->remote = remote;

    remote->cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    remote->uri = use->path;
    remote->place = use->place;
    remote->timeout = jscf->timeout;
    remote->max_size = jscf->max_size;
    remote->insecure = jscf->insecure;
    remote->source = source;

    return source;
}


/* of the blocks that use a set, the one with the shortest interval decides */

static char *
ngx_http_gateway_jwt_remote_times(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf,
    ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_msec_t                        interval;
    ngx_http_gateway_jwt_srv_conf_t  *jscf;

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_ON || !conf->verify
        || !ngx_http_gateway_in_force(cf))
    {
        return NGX_CONF_OK;
    }

    jscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_gateway_jwt_module);

    interval = (conf->key_cache != NGX_CONF_UNSET_MSEC) ? conf->key_cache
               : (jscf->cache != NGX_CONF_UNSET_MSEC) ? jscf->cache
               : jscf->interval;

    if (jscf->stale != NGX_CONF_UNSET_MSEC && jscf->stale < interval) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_jwt_key_cache\" is larger than \"stale=\" of "
                      "\"gateway_jwt_key_fetch\", for \"%s\" \"%V\" in %V:%ui",
                      remote->source->directive, &remote->uri,
                      ngx_http_gateway_place_args(&remote->place));
        return NGX_CONF_ERROR;
    }

    if (!remote->in_force || interval < remote->interval) {
        remote->interval = interval;
    }

    remote->in_force = 1;
    remote->min = ngx_min(jscf->min, remote->interval);
    remote->stale = (jscf->stale != NGX_CONF_UNSET_MSEC)
                    ? jscf->stale
                    : ngx_max(NGX_HTTP_GATEWAY_JWT_STALE, remote->interval);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_jwt_remote_init(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_remote_t   *remote;
    ngx_http_gateway_jwt_source_t  **sources;

    if (ngx_http_gateway_jwt_name_servers(cf, jmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {

        if (sources[i]->kind != NGX_HTTP_GATEWAY_JWT_REQUEST) {
            continue;
        }

        remote = sources[i]->remote;

        if (!remote->in_force) {
            continue;
        }

        if (ngx_http_gateway_jwt_check_location(cf, remote->cscf, sources[i],
                                                remote->insecure,
                                                &remote->place)
            != NGX_OK
            || ngx_http_gateway_jwt_add_zone(cf, remote) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Messages about a URI name its server if several servers have the same URI, as
 * with a directive of the http level.
 */

static ngx_int_t
ngx_http_gateway_jwt_name_servers(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                       i, k, n, next;
    ngx_array_t                      requests;
    ngx_http_gateway_jwt_source_t  **sources, **source;

    if (ngx_array_init(&requests, cf->temp_pool, 16, sizeof(void *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {

        if (sources[i]->remote == NULL || !sources[i]->remote->in_force) {
            continue;
        }

        source = ngx_array_push(&requests);
        if (source == NULL) {
            return NGX_ERROR;
        }

        *source = sources[i];
    }

    sources = requests.elts;
    n = requests.nelts;

    ngx_qsort(sources, n, sizeof(void *), ngx_http_gateway_jwt_compare_uris);

    for (i = 0; i < n; i = next) {

        for (next = i + 1; next < n; next++) {
            if (!ngx_http_gateway_same(&sources[next]->shown,
                                       &sources[i]->shown))
            {
                break;
            }
        }

        /* a server has two sets of a URI if its policies differ */

        if (sources[i]->remote->cscf == sources[next - 1]->remote->cscf) {
            continue;
        }

        for (k = i; k < next; k++) {
            if (ngx_http_gateway_server_where(cf, sources[k]->remote->cscf,
                                              &sources[k]->where)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* by URI, then by server */

static int ngx_libc_cdecl
ngx_http_gateway_jwt_compare_uris(const void *one, const void *two)
{
    ngx_int_t                       rc;
    ngx_http_gateway_jwt_source_t  *a, *b;

    a = *(ngx_http_gateway_jwt_source_t *const *) one;
    b = *(ngx_http_gateway_jwt_source_t *const *) two;

    rc = ngx_memn2cmp(a->shown.data, b->shown.data, a->shown.len,
                      b->shown.len);

    return rc ? (int) rc
              : (a->remote->cscf > b->remote->cscf)
                - (a->remote->cscf < b->remote->cscf);
}


ngx_int_t
ngx_http_gateway_jwt_check_location(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf,
    const ngx_http_gateway_jwt_source_t *source, ngx_uint_t insecure,
    const ngx_http_gateway_place_t *place)
{
    const char                *cache;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_gateway_location_find(cscf, &source->shown);

    if (clcf == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no location for \"%s\" \"%V\" in its server, in %V:%ui",
                      source->directive, &source->shown,
                      ngx_http_gateway_place_args(place));
        return NGX_ERROR;
    }

    if (!clcf->internal) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "location \"%V\" of \"%s\" \"%V\" is not \"internal\", "
                      "clients can request it, in %V:%ui", &clcf->name,
                      source->directive, &source->shown,
                      ngx_http_gateway_place_args(place));
    }

    if (!insecure && ngx_http_gateway_jwt_unverified(cf, clcf)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "location \"%V\" of \"%s\" \"%V\" %s a server that is "
                      "not verified, write \"proxy_ssl_verify on\", in %V:%ui",
                      &clcf->name, source->directive, &source->shown,
                      (source->kind == NGX_HTTP_GATEWAY_JWT_REQUEST)
                      ? "cannot use the keys of" : "sends tokens to",
                      ngx_http_gateway_place_args(place));
    }

    if (source->kind != NGX_HTTP_GATEWAY_JWT_REQUEST) {
        return NGX_OK;
    }

    cache = ngx_http_gateway_upstream_cached(cf, clcf->loc_conf);

    if (cache) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"%s\" in the location of \"%s\" \"%V\" delays the "
                      "withdrawal of keys, in %V:%ui", cache,
                      source->directive, &source->shown,
                      ngx_http_gateway_place_args(place));
    }

    return NGX_OK;
}


/*
 * Whether a location passes to another machine without verification, in clear
 * text or over TLS: whether an address of the name in proxy_pass, which nginx
 * has resolved, is of another machine.  Nothing is known of an "upstream"
 * block, which has no port, and of a proxy_pass with variables.
 */

static ngx_uint_t
ngx_http_gateway_jwt_unverified(ngx_conf_t *cf,
    const ngx_http_core_loc_conf_t *clcf)
{
#if (NGX_HTTP_SSL || NGX_COMPAT)

    ngx_http_upstream_conf_t      *conf;
    ngx_http_upstream_rr_peer_t   *peer;
    ngx_http_upstream_rr_peers_t  *peers;
    ngx_http_upstream_srv_conf_t  *uscf;

    conf = ngx_http_gateway_upstream_conf(cf, clcf->loc_conf,
                                          ngx_http_gateway_upstreams);
    uscf = conf ? conf->upstream : NULL;

    if (uscf == NULL || uscf->port == 0 || conf->ssl_verify) {
        return 0;
    }

    /* no other balancer than nginx's has the peers of a proxy_pass */

    peers = uscf->peer.data;

    for (peer = peers ? peers->peer : NULL; peer; peer = peer->next) {
        if (!ngx_http_gateway_jwt_ask_local(peer->sockaddr)) {
            return 1;
        }
    }

    return 0;

#else
    (void) cf;
    (void) clcf;

    return 0;
#endif
}


static ngx_int_t
ngx_http_gateway_jwt_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_str_t  name;

    if (ngx_http_gateway_jwt_zone_name(cf, remote->source, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    remote->zone = ngx_shared_memory_add(cf, &name,
                                         ngx_http_gateway_jwt_zone_size(),
                                         &ngx_http_gateway_jwt_module);
    if (remote->zone == NULL) {
        return NGX_ERROR;
    }

    /* a zone has one set: two would overwrite each other's keys */

    if (remote->zone->data) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" \"%V\": its server and another one have the same "
                      "addresses and names, in %V:%ui",
                      remote->source->directive, &remote->uri,
                      ngx_http_gateway_place_args(&remote->place));
        return NGX_ERROR;
    }

    remote->zone->init = ngx_http_gateway_jwt_init_zone;
    remote->zone->data = remote;

    return NGX_OK;
}


/* depends on all that the content of the zone depends on */

static ngx_int_t
ngx_http_gateway_jwt_zone_name(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_source_t *source, ngx_str_t *name)
{
    u_char     *p;
    u_char      digest[EVP_MAX_MD_SIZE];
    ngx_str_t   text;

    text.len = sizeof("strict insecure ") - 1 + source->name.len;

    text.data = ngx_pnalloc(cf->temp_pool, text.len);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(text.data, "%s %s %V",
                    (source->flags & GW_JWK_COMPAT) ? "compat" : "strict",
                    source->remote->insecure ? "insecure" : "trusted",
                    &source->name);
    text.len = p - text.data;

    if (EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "EVP_Digest() failed");
        return NGX_ERROR;
    }

    name->len = sizeof(NGX_HTTP_GATEWAY_JWT_ZONE) - 1
                + 2 * NGX_HTTP_GATEWAY_JWT_DIGEST;

    name->data = ngx_pnalloc(cf->pool, name->len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name->data, NGX_HTTP_GATEWAY_JWT_ZONE,
                   sizeof(NGX_HTTP_GATEWAY_JWT_ZONE) - 1);
    ngx_hex_dump(p, digest, NGX_HTTP_GATEWAY_JWT_DIGEST);

    return NGX_OK;
}


/*
 * Independent of "max_size=", so that a reload that changes it keeps the keys.
 * Pages that are not used take no memory.
 */

static size_t
ngx_http_gateway_jwt_zone_size(void)
{
    size_t  size;

    size = sizeof(ngx_http_gateway_jwt_remote_shm_t)
           + 2 * (NGX_HTTP_GATEWAY_JWT_MAX_SET + ngx_pagesize)
           + 12 * ngx_pagesize;

    return ngx_align(size + size / 32, ngx_pagesize);
}


/* a reused zone keeps its set: old workers use it */

static ngx_int_t
ngx_http_gateway_jwt_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                              half;
    ngx_uint_t                          i;
    ngx_slab_pool_t                    *shpool;
    ngx_http_gateway_jwt_remote_t      *remote, *old;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    remote = shm_zone->data;
    old = data;

    if (old) {
        remote->sh = old->sh;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        remote->sh = shpool->data;
        return NGX_OK;
    }

    sh = ngx_http_gateway_zone_alloc(shpool,
                                    sizeof(ngx_http_gateway_jwt_remote_shm_t));
    half = ngx_http_gateway_halves_size(shm_zone->shm.size,
                                    sizeof(ngx_http_gateway_jwt_remote_shm_t));

    if (sh == NULL
        || half < sizeof(ngx_http_gateway_jwt_text_half_t)
                  + NGX_HTTP_GATEWAY_JWT_MAX_SET
        || ngx_http_gateway_halves_alloc(&sh->halves, shpool, half) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 2; i++) {
        ngx_memzero(ngx_http_gateway_half(&sh->halves, i),
                    sizeof(ngx_http_gateway_jwt_text_half_t));
    }

    shpool->data = sh;
    remote->sh = sh;

    return NGX_OK;
}
