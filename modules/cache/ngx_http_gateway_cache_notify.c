/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Detects whether an upstream server has sent close_notify. nginx makes OpenSSL
 * treat an end of file without it like close_notify
 * (SSL_OP_IGNORE_UNEXPECTED_EOF), so a callback records the alert.  The alert
 * may arrive before the connection belongs to a cached request, so the callback
 * is set for all upstream connections.
 */

#include "ngx_http_gateway_cache.h"


#if (NGX_HTTP_SSL)

typedef void (*ngx_http_gateway_cache_info_pt)(const SSL *ssl, int where,
    int ret);


/* the previous callback of a context */

typedef struct {
    ngx_http_gateway_cache_info_pt      info;
} ngx_http_gateway_cache_notify_t;


static void ngx_http_gateway_cache_info(const SSL *ssl, int where, int ret);


/* indexes of ex_data; the process never frees them */

static int  ngx_http_gateway_cache_notify_context = -1;
static int  ngx_http_gateway_cache_notify_received = -1;


ngx_int_t
ngx_http_gateway_cache_notify(ngx_conf_t *cf, ngx_ssl_t *ssl)
{
    ngx_http_gateway_cache_notify_t  *notify;

    if (ngx_http_gateway_cache_notify_received == -1) {
        ngx_http_gateway_cache_notify_context =
                            SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        ngx_http_gateway_cache_notify_received =
                            SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }

    /* an inherited context belongs to several locations */

    if (SSL_CTX_get_info_callback(ssl->ctx) == ngx_http_gateway_cache_info) {
        return NGX_OK;
    }

    notify = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_cache_notify_t));
    if (notify == NULL) {
        return NGX_ERROR;
    }

    notify->info = SSL_CTX_get_info_callback(ssl->ctx);

    if (ngx_http_gateway_cache_notify_received == -1
        || !SSL_CTX_set_ex_data(ssl->ctx,
                                ngx_http_gateway_cache_notify_context, notify))
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_ex_data() failed");
        return NGX_ERROR;
    }

    SSL_CTX_set_info_callback(ssl->ctx, ngx_http_gateway_cache_info);

    return NGX_OK;
}


static void
ngx_http_gateway_cache_info(const SSL *ssl, int where, int ret)
{
    ngx_http_gateway_cache_notify_t  *notify;

    notify = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl),
                                 ngx_http_gateway_cache_notify_context);

    if (where == SSL_CB_READ_ALERT && (ret & 0xff) == SSL_AD_CLOSE_NOTIFY) {

        /* without memory, the body is treated as truncated */

        (void) SSL_set_ex_data((SSL *) ssl,
                               ngx_http_gateway_cache_notify_received, notify);
    }

    if (notify->info) {
        notify->info(ssl, where, ret);
    }
}


ngx_uint_t
ngx_http_gateway_cache_notified(ngx_connection_t *c)
{
    return SSL_get_ex_data(c->ssl->connection,
                           ngx_http_gateway_cache_notify_received)
           != NULL;
}

#endif
