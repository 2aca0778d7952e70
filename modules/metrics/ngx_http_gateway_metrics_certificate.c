/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * certificate_not_after_timestamp_seconds: when the first certificate of a
 * server ends.  nginx reads certificates when it loads the configuration; those
 * whose names contain variables are not known.
 */

#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_metrics.h"


#if (NGX_HTTP_SSL)


typedef struct {
    ngx_str_t                           server;
    int64_t                             not_after;  /* Unix time */
} ngx_http_gateway_metrics_certificate_t;


static ngx_int_t ngx_http_gateway_metrics_certificate_add(ngx_array_t *all,
    const ngx_str_t *server, int64_t not_after);
static ngx_int_t ngx_http_gateway_metrics_certificate_ends(SSL_CTX *ctx,
    int64_t *not_after);
static ngx_int_t ngx_http_gateway_metrics_certificate_read(void *data,
    ngx_uint_t i, ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);


static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_not_after = {
    "certificate_not_after_timestamp_seconds",
    "When the certificate of a server ends, the first one of several.",
    "server", NGX_HTTP_GATEWAY_METRIC_GAUGE
};


ngx_int_t
ngx_http_gateway_metrics_certificate_init(ngx_conf_t *cf)
{
    int64_t                                not_after;
    ngx_uint_t                             i;
    ngx_array_t                           *all;
    ngx_http_ssl_srv_conf_t               *sscf;
    ngx_http_core_srv_conf_t             **cscfp;
    ngx_http_core_main_conf_t             *cmcf;
    ngx_http_gateway_metrics_srv_conf_t   *mscf;

    all = ngx_array_create(cf->pool, 4,
                           sizeof(ngx_http_gateway_metrics_certificate_t));
    if (all == NULL) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        sscf = cscfp[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
        mscf = cscfp[i]->ctx->srv_conf[
                                  ngx_http_gateway_metrics_module.ctx_index];

        if (sscf->ssl.ctx == NULL
            || ngx_http_gateway_metrics_certificate_ends(sscf->ssl.ctx,
                                                         &not_after)
               != NGX_OK)
        {
            continue;
        }

        if (ngx_http_gateway_metrics_certificate_add(all, &mscf->label,
                                                     not_after)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_reader_add(cf, &ngx_http_gateway_metrics_not_after,
                                     ngx_http_gateway_metrics_certificate_read,
                                     all);
}


/* servers with equal labels are one sample */

static ngx_int_t
ngx_http_gateway_metrics_certificate_add(ngx_array_t *all,
    const ngx_str_t *server, int64_t not_after)
{
    ngx_uint_t                               i;
    ngx_http_gateway_metrics_certificate_t  *certificate;

    certificate = all->elts;

    for (i = 0; i < all->nelts; i++) {
        if (ngx_http_gateway_same(&certificate[i].server, server)) {
            certificate[i].not_after = ngx_min(certificate[i].not_after,
                                               not_after);
            return NGX_OK;
        }
    }

    certificate = ngx_array_push(all);
    if (certificate == NULL) {
        return NGX_ERROR;
    }

    certificate->server = *server;
    certificate->not_after = not_after;

    return NGX_OK;
}


/*
 * OpenSSL returns only the current one of several certificates.  The current one
 * is changed to reach the others, and restored.
 */

static ngx_int_t
ngx_http_gateway_metrics_certificate_ends(SSL_CTX *ctx, int64_t *not_after)
{
    int         days, seconds;
    long        more;
    X509       *current, *certificate;
    int64_t     ends;
    ngx_int_t   rc;
    ASN1_TIME  *epoch;

    current = SSL_CTX_get0_certificate(ctx);
    epoch = ASN1_TIME_set(NULL, 0);
    rc = NGX_DECLINED;

    if (current == NULL || epoch == NULL) {
        ASN1_TIME_free(epoch);
        return NGX_DECLINED;
    }

    for (more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);
         more;
         more = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
    {
        certificate = SSL_CTX_get0_certificate(ctx);

        if (certificate == NULL
            || !ASN1_TIME_diff(&days, &seconds, epoch,
                               X509_get0_notAfter(certificate)))
        {
            continue;
        }

        ends = (int64_t) days * 86400 + seconds;
        *not_after = (rc == NGX_OK) ? ngx_min(*not_after, ends) : ends;
        rc = NGX_OK;
    }

    (void) SSL_CTX_select_current_cert(ctx, current);
    ASN1_TIME_free(epoch);
    ERR_clear_error();

    return rc;
}


static ngx_int_t
ngx_http_gateway_metrics_certificate_read(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample)
{
    ngx_array_t *all = data;

    ngx_http_gateway_metrics_certificate_t  *certificate;

    if (i >= all->nelts) {
        return NGX_DONE;
    }

    certificate = all->elts;

    sample->values[0] = certificate[i].server;
    sample->value = certificate[i].not_after;

    return NGX_OK;
}


#else /* !NGX_HTTP_SSL */


ngx_int_t
ngx_http_gateway_metrics_certificate_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


#endif
