/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verified tokens of a worker: gateway_jwt_token_cache.
 *
 * The claims in the table are those that the configuration reads: a table
 * belongs to a configuration and ends with it.
 */

#include "ngx_http_gateway_jwt_known.h"

#include <openssl/rand.h>


#define NGX_HTTP_GATEWAY_JWT_TOKEN_CACHE  (4 * 1024 * 1024)


static void ngx_http_gateway_jwt_known_cleanup(void *data);
static int ngx_http_gateway_jwt_known_live(void *data, uint64_t number);


char *
ngx_http_gateway_jwt_token_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_gateway_jwt_main_conf_t *jmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (jmcf->token_cache != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        jmcf->token_cache = 0;
        return NGX_CONF_OK;
    }

    size = ngx_parse_size(&value[1]);

    if (size < GW_KNOWN_MIN_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be \"off\" "
                           "or a size of at least 64k, such as 4m",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    jmcf->token_cache = size;

    return NGX_CONF_OK;
}


void
ngx_http_gateway_jwt_known_init(ngx_cycle_t *cycle,
    ngx_http_gateway_jwt_main_conf_t *jmcf)
{
    size_t               size;
    uint64_t             secret[2];
    ngx_pool_cleanup_t  *cln;

    size = jmcf->token_cache;

    if (size == NGX_CONF_UNSET_SIZE) {
        size = NGX_HTTP_GATEWAY_JWT_TOKEN_CACHE;
    }

    if (!jmcf->used || size == 0) {
        return;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);

    if (cln && RAND_bytes((u_char *) secret, sizeof(secret)) == 1) {
        jmcf->known = gw_known_create(size, secret);
    }

    if (jmcf->known == NULL) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "gateway_jwt_token_cache: no table of %uz bytes, tokens "
                      "are verified each time", size);
        return;
    }

    cln->handler = ngx_http_gateway_jwt_known_cleanup;
    cln->data = jmcf->known;
}


static void
ngx_http_gateway_jwt_known_cleanup(void *data)
{
    gw_known_destroy(data);
}


gw_known_t *
ngx_http_gateway_jwt_known_find(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_str_t *text, size_t max_values)
{
    gw_known_t  *known;

    if (jmcf->known == NULL) {
        return NULL;
    }

    known = gw_known_find(jmcf->known, text->data, text->len);

    return (known && known->max_values <= max_values) ? known : NULL;
}


/* several sets can have verified a token, each in an entry of its own */

ngx_uint_t
ngx_http_gateway_jwt_known_by(const ngx_http_gateway_jwt_main_conf_t *jmcf,
    const ngx_http_gateway_jwt_token_t *token,
    ngx_http_gateway_jwt_source_t *const *sources, size_t n)
{
    size_t    i;
    uint64_t  numbers[NGX_HTTP_GATEWAY_JWT_MAX_SOURCES];

    if (token->known == NULL) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (sources[i]->number == token->known->source) {
            return 1;
        }

        numbers[i] = sources[i]->number;
    }

    return gw_known_with(jmcf->known, token->text.data, token->text.len,
                         numbers, n, 0)
           != NULL;
}


void
ngx_http_gateway_jwt_remember(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token)
{
    gw_known_t                        *known;
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    if (jmcf->known == NULL || token->number == 0) {
        return;
    }

    known = gw_known_add(jmcf->known, &token->jws, token->claims,
                         token->text.data, token->text.len, token->number,
                         GW_KNOWN_FOREVER, ngx_http_gateway_jwt_known_live,
                         jmcf);

    token->number = 0;

    if (known && known->max_values > token->max_values) {
        known->max_values = token->max_values;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: token remembered:%d", known != NULL);
}


/* whether a source has the key set of this number */

static int
ngx_http_gateway_jwt_known_live(void *data, uint64_t number)
{
    ngx_http_gateway_jwt_main_conf_t *jmcf = data;

    ngx_uint_t                       i;
    ngx_http_gateway_jwt_source_t  **sources;

    sources = jmcf->sources.elts;

    for (i = 0; i < jmcf->sources.nelts; i++) {
        if (sources[i]->number == number) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_jwt_forget(ngx_http_request_t *r,
    ngx_http_gateway_jwt_token_t *token)
{
    ngx_http_gateway_jwt_main_conf_t  *jmcf;

    if (token->known == NULL) {
        return;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_jwt_module);

    gw_known_drop(jmcf->known, token->known);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway jwt: expired token forgotten");
}
