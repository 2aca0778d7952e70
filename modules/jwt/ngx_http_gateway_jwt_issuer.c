/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Which sources of keys may sign for which issuer.
 *
 * A source is bound to an issuer by its "issuer=", or by a gateway_jwt_issuer
 * with one value.  All other sources are open: they may sign for any issuer
 * that no other source of the configuration is bound to.
 */

#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_jwt_remote.h"


static ngx_uint_t ngx_http_gateway_jwt_one_source(
    const ngx_http_gateway_jwt_main_conf_t *jmcf);


/*
 * A location may have both bound and open sources: tokens without "iss" need
 * the latter.
 */

char *
ngx_http_gateway_jwt_bind_keys(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                         i;
    ngx_str_t                         *issuer;
    ngx_http_gateway_jwt_key_use_t    *use, **open;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_ON) {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    issuer = (conf->policy.nissuers == 1) ? conf->issuers->elts : NULL;

    for (i = 0; (use = ngx_http_gateway_jwt_use_at(conf, i)) != NULL; i++) {

        if (use->issuer.len
            || (!conf->verify && use->kind != NGX_HTTP_GATEWAY_JWT_INTROSPECT))
        {
            continue;
        }

        if (issuer == NULL) {
            conf->open = 1;
        }

        if (!ngx_http_gateway_in_force(cf)) {
            continue;
        }

        if (issuer == NULL) {
            open = ngx_array_push(&jmcf->open);
            if (open == NULL) {
                return NGX_CONF_ERROR;
            }

            *open = use;

        } else if (ngx_http_gateway_jwt_bind(cf, issuer, &use->source->name)
                   != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_gateway_jwt_bind(ngx_conf_t *cf, const ngx_str_t *issuer,
    const ngx_str_t *name)
{
    ngx_uint_t                         i;
    ngx_http_gateway_jwt_bound_t      *bound;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    bound = jmcf->bound.elts;

    for (i = 0; i < jmcf->bound.nelts; i++) {
        if (ngx_http_gateway_same(&bound[i].issuer, issuer)
            && ngx_http_gateway_same(&bound[i].name, name))
        {
            return NGX_CONF_OK;
        }
    }

    bound = ngx_array_push(&jmcf->bound);
    if (bound == NULL) {
        return NGX_CONF_ERROR;
    }

    bound->issuer = *issuer;
    bound->name = *name;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_jwt_check_open(ngx_conf_t *cf)
{
    ngx_http_gateway_jwt_key_use_t   **open;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    jmcf->one_source = ngx_http_gateway_jwt_one_source(jmcf);

    if (jmcf->one_source || jmcf->open.nelts == 0
        || ngx_http_gateway_consumers_count(cf, GW_CONSUMER_JWT) == 0)
    {
        return NGX_OK;
    }

    open = jmcf->open.elts;

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"gateway_consumers\" names consumers by \"iss\" and "
                  "\"sub\", and \"%s\" \"%V\" is bound to no issuer and is "
                  "not the only source of keys, add \"issuer=\" to it, or one "
                  "\"gateway_jwt_issuer\" to its block, in %V:%ui",
                  open[0]->source->directive, &open[0]->path,
                  ngx_http_gateway_place_args(&open[0]->place));

    return NGX_ERROR;
}


/*
 * The set of a server that only inherits a directive, without using its keys,
 * does not count.
 */

static ngx_uint_t
ngx_http_gateway_jwt_one_source(const ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_source_t  **sources, *first;

    sources = jmcf->sources.elts;
    first = NULL;

    for (i = 0; i < jmcf->sources.nelts; i++) {

        if ((sources[i]->remote && !sources[i]->remote->in_force)
            || (sources[i]->endpoint && !sources[i]->endpoint->in_force))
        {
            continue;
        }

        if (first == NULL) {
            first = sources[i];
        }

        if (!ngx_http_gateway_same(&sources[i]->name, &first->name)) {
            return 0;
        }
    }

    return 1;
}


ngx_http_gateway_jwt_key_use_t *
ngx_http_gateway_jwt_unbound_key(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    for (i = 0; (use = ngx_http_gateway_jwt_use_at(conf, i)) != NULL; i++) {
        if (use->issuer.len == 0) {
            return use;
        }
    }

    return NULL;
}


ngx_http_gateway_jwt_key_use_t *
ngx_http_gateway_jwt_use_at(const ngx_http_gateway_jwt_loc_conf_t *conf,
    ngx_uint_t i)
{
    ngx_uint_t                          nkeys;
    ngx_http_gateway_jwt_key_use_t     *use;
    ngx_http_gateway_jwt_introspect_t  *in;

    nkeys = conf->keys ? conf->keys->nelts : 0;

    if (i < nkeys) {
        use = conf->keys->elts;
        return &use[i];
    }

    if (conf->introspect == NULL || i - nkeys >= conf->introspect->nelts) {
        return NULL;
    }

    in = conf->introspect->elts;

    return &in[i - nkeys].use;
}


ngx_uint_t
ngx_http_gateway_jwt_many_issuers(const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *first, *use;

    if (conf->policy.nissuers) {
        return conf->policy.nissuers > 1;
    }

    first = ngx_http_gateway_jwt_use_at(conf, 0);

    for (i = 1; (use = ngx_http_gateway_jwt_use_at(conf, i)) != NULL; i++) {
        if (!ngx_http_gateway_same(&use->issuer, &first->issuer)) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_gateway_jwt_foreign(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const char *iss, size_t len, const ngx_str_t *name)
{
    ngx_uint_t                           i, foreign;
    const ngx_http_gateway_jwt_bound_t  *bound;

    foreign = 0;
    bound = jmcf->bound.elts;

    for (i = 0; i < jmcf->bound.nelts; i++) {

        if (bound[i].issuer.len != len
            || ngx_memcmp(bound[i].issuer.data, iss, len) != 0)
        {
            continue;
        }

        if (name && ngx_http_gateway_same(&bound[i].name, name)) {
            return 0;
        }

        foreign = 1;
    }

    return foreign;
}


ngx_uint_t
ngx_http_gateway_jwt_borrows(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_str_t *consumer, const char *iss, size_t len)
{
    ngx_uint_t                           i;
    const ngx_str_t                     *issuer;
    const ngx_http_gateway_jwt_bound_t  *bound;

    bound = jmcf->bound.elts;

    for (i = 0; i < jmcf->bound.nelts; i++) {
        issuer = &bound[i].issuer;

        if (consumer->len > issuer->len && consumer->data[issuer->len] == '#'
            && ngx_memcmp(consumer->data, issuer->data, issuer->len) == 0
            && !(iss && len == issuer->len
                 && ngx_memcmp(iss, issuer->data, len) == 0))
        {
            return 1;
        }
    }

    return 0;
}


/* only sources that are bound to an issuer can have verified its tokens */

ngx_uint_t
ngx_http_gateway_jwt_vouched(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf, const char *iss, size_t len)
{
    return !jlcf->open || jmcf->one_source
           || ngx_http_gateway_jwt_foreign(jmcf, iss, len, NULL);
}
