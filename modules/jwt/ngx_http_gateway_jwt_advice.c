/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Warnings of keys that no token can use and of algorithms that no key serves,
 * which show only when blocks have been merged.
 */

#include "ngx_http_gateway_jwt_revoked.h"


static ngx_int_t ngx_http_gateway_jwt_advise_lists(
    ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static void ngx_http_gateway_jwt_advise_algorithms(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf);
static ngx_uint_t ngx_http_gateway_jwt_accepts(
    const ngx_http_gateway_jwt_loc_conf_t *conf, const gw_text_t *issuer);


/*
 * Blocks that inherit a source share its entry, or the entry that theirs was
 * copied from: one of them that accepts the issuer is enough.
 */

char *
ngx_http_gateway_jwt_advise(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                         i;
    ngx_http_gateway_jwt_key_use_t    *use, *entry, **slot;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (conf->enable != NGX_HTTP_GATEWAY_JWT_ON
        || !ngx_http_gateway_in_force(cf))
    {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    /* lists apply also where signatures are not verified */

    if (ngx_http_gateway_jwt_advise_lists(jmcf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!conf->verify) {
        return NGX_CONF_OK;
    }

    for (i = 0; (use = ngx_http_gateway_jwt_use_at(conf, i)) != NULL; i++) {

        entry = use->origin ? use->origin : use;

        if (ngx_http_gateway_jwt_accepts(conf, &entry->issuer)) {
            entry->accepted = 1;
        }

        if (entry->listed) {
            continue;
        }

        entry->listed = 1;

        slot = ngx_array_push(&jmcf->uses);
        if (slot == NULL) {
            return NGX_CONF_ERROR;
        }

        *slot = entry;
    }

    ngx_http_gateway_jwt_advise_algorithms(cf, conf);

    return NGX_CONF_OK;
}


/* the same for lists of revoked tokens */

static ngx_int_t
ngx_http_gateway_jwt_advise_lists(ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_jwt_revoked_use_t   *use, **slot;

    if (conf->revoked == NULL) {
        return NGX_OK;
    }

    use = conf->revoked->elts;

    for (i = 0; i < conf->revoked->nelts; i++) {

        if (ngx_http_gateway_jwt_accepts(conf, (gw_text_t *) &use[i].issuer)) {
            use[i].accepted = 1;
        }

        if (use[i].listed) {
            continue;
        }

        use[i].listed = 1;

        slot = ngx_array_push(&jmcf->lists);
        if (slot == NULL) {
            return NGX_ERROR;
        }

        *slot = &use[i];
    }

    return NGX_OK;
}


/* the algorithms of keys that are requested are not known here */

static void
ngx_http_gateway_jwt_advise_algorithms(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_loc_conf_t *conf)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_key_use_t  *use;

    if (conf->algorithms == 0 || conf->keys == NULL) {
        return;
    }

    use = conf->keys->elts;

    for (i = 0; i < conf->keys->nelts; i++) {
        if (use[i].kind != NGX_HTTP_GATEWAY_JWT_FILE
            || (gw_jwk_set_algorithms(use[i].source->set) & conf->algorithms))
        {
            return;
        }
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "no key of \"gateway_jwt_key_file\" serves an algorithm of "
                  "\"gateway_jwt_algorithms\", every token is refused, in the "
                  "block in %V:%ui", ngx_http_gateway_place_args(&conf->place));
}


static ngx_uint_t
ngx_http_gateway_jwt_accepts(const ngx_http_gateway_jwt_loc_conf_t *conf,
    const gw_text_t *issuer)
{
    ngx_uint_t  i;

    if (issuer->len == 0 || conf->policy.nissuers == 0) {
        return 1;
    }

    for (i = 0; i < conf->policy.nissuers; i++) {
        if (ngx_http_gateway_same(&conf->policy.issuers[i], issuer)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_jwt_advise_issuers(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    ngx_uint_t                            i;
    ngx_http_gateway_jwt_key_use_t      **use;
    ngx_http_gateway_jwt_revoked_use_t  **list;

    list = jmcf->lists.elts;

    for (i = 0; i < jmcf->lists.nelts; i++) {

        if (list[i]->accepted) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_jwt_issuer\" does not accept \"issuer=%V\" "
                      "of \"gateway_jwt_revoked\", the list is never used in "
                      "%V:%ui", &list[i]->issuer,
                      ngx_http_gateway_place_args(&list[i]->place));
    }

    use = jmcf->uses.elts;

    for (i = 0; i < jmcf->uses.nelts; i++) {

        if (use[i]->accepted) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"gateway_jwt_issuer\" does not accept \"issuer=%*s\" "
                      "of \"%s\", its keys are never used in %V:%ui",
                      use[i]->issuer.len, use[i]->issuer.data,
                      use[i]->source->directive,
                      ngx_http_gateway_place_args(&use[i]->place));
    }
}
