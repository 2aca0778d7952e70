/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection: the log lines that an endpoint fails, and that it
 * answers again.
 *
 * The state is in two words that all workers share, and that survive a reload:
 * the time of the last line about a failure, and the id of the endpoint whose
 * failure has been logged and has not ended.  The room for words is limited.
 * Therefore only the first endpoints of a configuration have words of their
 * own; further ones share some, so that a failure of one of them can hide that
 * of another for a minute.
 */

#include "ngx_http_gateway_jwt_introspect.h"
#include "ngx_http_gateway_say.h"
#include "ngx_http_gateway_server.h"
#include "gw_siphash.h"


/* endpoints with words of their own, and words that the others share */
#define NGX_HTTP_GATEWAY_JWT_REPORTS  128


static ngx_int_t ngx_http_gateway_jwt_endpoint_labels(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_endpoint_t *endpoint, ngx_str_t *labels);
static ngx_int_t ngx_http_gateway_jwt_shared_labels(ngx_conf_t *cf,
    uint64_t hash, ngx_str_t *labels);


static const ngx_http_gateway_family_t  ngx_http_gateway_jwt_asked_said =
    { "jwt_introspection_said", "Time of the last report of a failure, in ms.",
      "gauge", NGX_HTTP_GATEWAY_WORD };

static const ngx_http_gateway_family_t  ngx_http_gateway_jwt_asked_told =
    { "jwt_introspection_failing", "The endpoint whose failure was reported.",
      "gauge", NGX_HTTP_GATEWAY_WORD };


ngx_int_t
ngx_http_gateway_jwt_endpoint_words(ngx_conf_t *cf,
    ngx_http_gateway_jwt_endpoint_t *endpoint)
{
    uint64_t   hash[2];
    ngx_str_t  labels;

    static const uint64_t  key[2] = { 0, 0 };

    if (ngx_http_gateway_jwt_endpoint_labels(cf, endpoint, &labels) != NGX_OK) {
        return NGX_ERROR;
    }

    gw_siphash(key, labels.data, labels.len, hash);

    /* 0 means "none" */

    endpoint->id = hash[0] ? hash[0] : 1;

    if (endpoint->jmcf->nreports++ >= NGX_HTTP_GATEWAY_JWT_REPORTS
        && ngx_http_gateway_jwt_shared_labels(cf, hash[1], &labels) != NGX_OK)
    {
        return NGX_ERROR;
    }

    endpoint->said = ngx_http_gateway_counter_add(cf,
                                   &ngx_http_gateway_jwt_asked_said, &labels);
    endpoint->told = ngx_http_gateway_counter_add(cf,
                                   &ngx_http_gateway_jwt_asked_told, &labels);

    return (endpoint->said && endpoint->told) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_jwt_endpoint_labels(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_endpoint_t *endpoint, ngx_str_t *labels)
{
    u_char     *p;
    size_t      escaped;
    u_char      digest[NGX_HTTP_GATEWAY_SERVER_NAME];
    ngx_str_t  *shown;

    static const ngx_str_t  server = ngx_string("server=\"");
    static const ngx_str_t  uri = ngx_string("\",uri=\"");

    if (ngx_http_gateway_server_name(cf, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    shown = &endpoint->source->shown;

    escaped = ngx_escape_uri(NULL, shown->data, shown->len,
                             NGX_ESCAPE_URI_COMPONENT);

    labels->len = server.len + 2 * sizeof(digest) + uri.len
                  + shown->len + 2 * escaped + 1;

    labels->data = ngx_pnalloc(cf->pool, labels->len);
    if (labels->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(labels->data, server.data, server.len);
    p = ngx_hex_dump(p, digest, sizeof(digest));
    p = ngx_cpymem(p, uri.data, uri.len);
    p = (u_char *) ngx_escape_uri(p, shown->data, shown->len,
                                  NGX_ESCAPE_URI_COMPONENT);
    *p = '"';

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_jwt_shared_labels(ngx_conf_t *cf, uint64_t hash,
    ngx_str_t *labels)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, sizeof("shared=\"\"") + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    labels->data = p;
    p = ngx_sprintf(p, "shared=\"%ui\"",
                    (ngx_uint_t) (hash % NGX_HTTP_GATEWAY_JWT_REPORTS));
    labels->len = p - labels->data;

    return NGX_OK;
}


void
ngx_http_gateway_jwt_endpoint_failed(
    const ngx_http_gateway_jwt_endpoint_t *endpoint, const char *why)
{
    uint64_t  *word;

    word = ngx_http_gateway_counter_word(endpoint->said);

    if (!ngx_http_gateway_may_say((ngx_atomic_t *) word, NGX_HTTP_GATEWAY_SAY))
    {
        return;
    }

    word = ngx_http_gateway_counter_word(endpoint->told);
    __atomic_store_n(word, endpoint->id, __ATOMIC_SEQ_CST);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "gateway_jwt_introspect \"%V\": %s, tokens cannot be checked",
                  &endpoint->source->shown, why);
}


void
ngx_http_gateway_jwt_endpoint_works(
    const ngx_http_gateway_jwt_endpoint_t *endpoint)
{
    uint64_t  *word, told;

    word = ngx_http_gateway_counter_word(endpoint->told);
    told = endpoint->id;

    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != told
        || !__atomic_compare_exchange_n(word, &told, 0, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "gateway_jwt_introspect \"%V\": tokens are checked again",
                  &endpoint->source->shown);
}
