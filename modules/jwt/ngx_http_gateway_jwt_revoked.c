/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of revoked tokens: gateway_jwt_revoked.
 *
 * The master reads a list while it reads the configuration, each worker reads a
 * changed one again, in steps: the old list stays in force until the new one is
 * complete.
 *
 * Requests parse the claims that the configuration reads, which include those
 * of the lists.  If a list later names another claim, requests that are judged
 * by it parse all claims, until a reload.
 */

#include "ngx_http_gateway_jwt_revoked.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_JWT_MAX_REVOKED       32   /* at one level */
#define NGX_HTTP_GATEWAY_JWT_MAX_REVOKED_FILE  (4 * 1024 * 1024)


static ngx_uint_t ngx_http_gateway_jwt_revoked_applies(
    const ngx_http_gateway_jwt_revoked_use_t *use, const json_t *iss);
static ngx_http_gateway_jwt_revoked_use_t *ngx_http_gateway_jwt_add_revoked(
    ngx_conf_t *cf, ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *value);
static ngx_http_gateway_jwt_revoked_t *ngx_http_gateway_jwt_get_revoked(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_revoked_use_t *use,
    ngx_uint_t written);
static char *ngx_http_gateway_jwt_load_revoked(ngx_conf_t *cf,
    ngx_http_gateway_jwt_revoked_t *revoked);
static ngx_int_t ngx_http_gateway_jwt_revoked_changed(
    ngx_http_gateway_watch_t *watch, ngx_str_t *content, ngx_log_t *log,
    char *err);
static ngx_uint_t ngx_http_gateway_jwt_revoked_unread(
    const ngx_http_gateway_jwt_revoked_t *revoked);
static void ngx_http_gateway_jwt_revoked_cleanup(void *data);


static const ngx_http_gateway_param_t  ngx_http_gateway_jwt_revoked_params[] = {

    { ngx_string("watch="), ngx_http_gateway_param_msec,
      offsetof(ngx_http_gateway_jwt_revoked_use_t, watch), 0 },

    { ngx_string("issuer="), ngx_http_gateway_param_str,
      offsetof(ngx_http_gateway_jwt_revoked_use_t, issuer), 0 },

    ngx_http_gateway_null_param
};


gw_reason_e
ngx_http_gateway_jwt_check_revoked(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token,
    const ngx_http_gateway_jwt_loc_conf_t *jlcf)
{
    int                                  revoked;
    ngx_uint_t                           i;
    const json_t                        *iss, *claims;
    ngx_http_gateway_jwt_revoked_use_t  *use;

    if (jlcf->revoked == NULL) {
        return GW_OK;
    }

    iss = json_object_get(token->claims, "iss");
    use = jlcf->revoked->elts;

    for (i = 0; i < jlcf->revoked->nelts; i++) {

        if (!ngx_http_gateway_jwt_revoked_applies(&use[i], iss)) {
            continue;
        }

        claims = use[i].revoked->unread ? ngx_http_gateway_jwt_all_claims(token)
                                        : token->claims;
        if (claims == NULL) {
            return GW_FAILED;
        }

        revoked = gw_revoked_has(use[i].revoked->list, claims);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway jwt: list \"%V\" of revoked tokens, found:%d",
                       &use[i].path, revoked);

        if (revoked) {
            return GW_REVOKED;
        }
    }

    return GW_OK;
}


static ngx_uint_t
ngx_http_gateway_jwt_revoked_applies(
    const ngx_http_gateway_jwt_revoked_use_t *use, const json_t *iss)
{
    return use->issuer.len == 0
           || (json_string_length(iss) == use->issuer.len
               && ngx_memcmp(json_string_value(iss), use->issuer.data,
                             use->issuer.len)
                  == 0);
}


char *
ngx_http_gateway_jwt_revoked(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_jwt_loc_conf_t *jlcf = conf;

    ngx_uint_t                           written;
    ngx_http_gateway_jwt_revoked_use_t  *use;

    use = ngx_http_gateway_jwt_add_revoked(cf, jlcf, cf->args->elts);
    if (use == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_gateway_params(cf, ngx_http_gateway_jwt_revoked_params, use, 2)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    written = ngx_http_gateway_watch_default(&use->watch);

    ngx_http_gateway_warn_literal(cf, &use->issuer, "taken literally");

    use->revoked = ngx_http_gateway_jwt_get_revoked(cf, use, written);

    return use->revoked ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* the entry of a list, with all parameters unset; NULL after an error */

static ngx_http_gateway_jwt_revoked_use_t *
ngx_http_gateway_jwt_add_revoked(ngx_conf_t *cf,
    ngx_http_gateway_jwt_loc_conf_t *jlcf, ngx_str_t *value)
{
    ngx_http_gateway_jwt_revoked_use_t  *use;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "empty file name in \"%V\"",
                           &value[0]);
        return NULL;
    }

    if (ngx_http_script_variables_count(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "variables are not supported in the file name "
                           "\"%V\", write one \"%V\" for each file",
                           &value[1], &value[0]);
        return NULL;
    }

    if (jlcf->revoked == NULL) {
        jlcf->revoked = ngx_array_create(cf->pool, 1,
                                   sizeof(ngx_http_gateway_jwt_revoked_use_t));
        if (jlcf->revoked == NULL) {
            return NULL;
        }
    }

    if (jlcf->revoked->nelts == NGX_HTTP_GATEWAY_JWT_MAX_REVOKED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many \"%V\" directives, allowed are %d",
                           &value[0], NGX_HTTP_GATEWAY_JWT_MAX_REVOKED);
        return NULL;
    }

    use = ngx_array_push(jlcf->revoked);
    if (use == NULL) {
        return NULL;
    }

    ngx_memzero(use, sizeof(ngx_http_gateway_jwt_revoked_use_t));

    use->watch = NGX_CONF_UNSET_MSEC;
    use->path = value[1];

    ngx_http_gateway_place(cf, &use->place);

    return (ngx_conf_full_name(cf->cycle, &use->path, 1) == NGX_OK) ? use
                                                                    : NULL;
}


/* the list, which is loaded if no other directive has done so */

static ngx_http_gateway_jwt_revoked_t *
ngx_http_gateway_jwt_get_revoked(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_revoked_use_t *use, ngx_uint_t written)
{
    ngx_uint_t                         i;
    ngx_pool_cleanup_t                *cln;
    ngx_http_gateway_jwt_revoked_t   **slot, *revoked;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);
    slot = jmcf->revoked.elts;

    for (i = 0; i < jmcf->revoked.nelts; i++) {
        if (ngx_http_gateway_same(&slot[i]->watch.path, &use->path)
            && slot[i]->watch.interval == use->watch
            && slot[i]->watch.written == written)
        {
            return slot[i];
        }
    }

    slot = ngx_array_push(&jmcf->revoked);
    cln = ngx_pool_cleanup_add(cf->pool,
                               sizeof(ngx_http_gateway_jwt_revoked_t));
    if (slot == NULL || cln == NULL) {
        return NULL;
    }

    revoked = cln->data;
    ngx_memzero(revoked, sizeof(ngx_http_gateway_jwt_revoked_t));

    cln->handler = ngx_http_gateway_jwt_revoked_cleanup;
    *slot = revoked;

    revoked->watch.path = use->path;
    revoked->watch.interval = use->watch;
    revoked->watch.written = written;
    revoked->names = &jmcf->names;

    return (ngx_http_gateway_jwt_load_revoked(cf, revoked) == NGX_CONF_OK)
           ? revoked : NULL;
}


/*
 * Has requests parse the claims of the list, and those that lists usually
 * name.
 */

static char *
ngx_http_gateway_jwt_load_revoked(ngx_conf_t *cf,
    ngx_http_gateway_jwt_revoked_t *revoked)
{
    size_t                             i;
    ngx_str_t                          name;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    static ngx_str_t  usual[] = { ngx_string("jti"), ngx_string("sid") };

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_jwt_module);

    if (RAND_bytes((u_char *) revoked->secret, sizeof(revoked->secret)) != 1) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "RAND_bytes() failed");
        return NGX_CONF_ERROR;
    }

    revoked->watch.directive = "gateway_jwt_revoked";
    revoked->watch.max_size = NGX_HTTP_GATEWAY_JWT_MAX_REVOKED_FILE;
    revoked->watch.load = ngx_http_gateway_jwt_revoked_changed;
    revoked->watch.data = revoked;
    ngx_http_gateway_place(cf, &revoked->watch.place);

    if (ngx_http_gateway_watch_add(cf, &revoked->watch) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < 2; i++) {
        if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &usual[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 0; i < gw_revoked_claims(revoked->list); i++) {
        name = *(ngx_str_t *) gw_revoked_claim(revoked->list, i);

        if (ngx_http_gateway_jwt_read(cf, &jmcf->claims, &name) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (ngx_strchr(name.data, '.') && !ngx_strstr(name.data, "://")) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "%s \"%V\": claim \"%V\" is a name, not a path: "
                          "only claims of the top level can be listed, in "
                          "%V:%ui", revoked->watch.directive,
                          &revoked->watch.path, &name,
                          ngx_http_gateway_place_args(&revoked->watch.place));
        }
    }

    revoked->unread = 0;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_revoked_changed(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err)
{
    ngx_http_gateway_jwt_revoked_t  *revoked;

    revoked = watch->data;

    if (revoked->next == NULL) {
        revoked->next = gw_revoked_create(content->data, content->len,
                                          revoked->secret);
        if (revoked->next == NULL) {
            ngx_sprintf((u_char *) err, "no memory%Z");
            return NGX_ERROR;
        }
    }

    switch (gw_revoked_step(revoked->next, err, NGX_HTTP_GATEWAY_WATCH_ERR)) {

    case GW_REVOKED_MORE:
        return NGX_AGAIN;

    case GW_REVOKED_WRONG:
        gw_revoked_free(revoked->next);
        revoked->next = NULL;
        return NGX_ERROR;

    default: /* GW_REVOKED_DONE */
        break;
    }

    gw_revoked_free(revoked->list);
    revoked->list = revoked->next;
    revoked->next = NULL;

    revoked->unread = ngx_http_gateway_jwt_revoked_unread(revoked);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_jwt_revoked_unread(
    const ngx_http_gateway_jwt_revoked_t *revoked)
{
    size_t  i;

    for (i = 0; i < gw_revoked_claims(revoked->list); i++) {
        if (!gw_json_names_has(revoked->names,
                               gw_revoked_claim(revoked->list, i)))
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_gateway_jwt_revoked_cleanup(void *data)
{
    ngx_http_gateway_jwt_revoked_t *revoked = data;

    gw_revoked_free(revoked->list);
    gw_revoked_free(revoked->next);
}
