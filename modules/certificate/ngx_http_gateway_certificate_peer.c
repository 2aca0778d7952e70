/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The client's certificate: checking for each request whether it counts, and
 * reading its digest and names once for each connection.
 *
 * nginx allows no renegotiation: a connection keeps the certificate of its
 * handshake.  In HTTP/2 and HTTP/3 nginx gives each request a connection
 * structure of its own; the SSL object refers to the one that they share.
 */

#include "ngx_http_gateway_certificate.h"
#include "gw_san.h"

#include <openssl/err.h>


#if (NGX_HTTP_SSL)


#define NGX_HTTP_GATEWAY_CERTIFICATE_HEX  (2 * GW_CONSUMER_DIGEST)


static ngx_uint_t ngx_http_gateway_certificate_verified(
    ngx_http_request_t *r);
static ngx_http_gateway_certificate_t *ngx_http_gateway_certificate_kept(
    ngx_connection_t *c);
static void ngx_http_gateway_certificate_cleanup(void *data);
static ngx_int_t ngx_http_gateway_certificate_read(
    ngx_http_gateway_certificate_t *certificate, ngx_pool_t *pool, X509 *cert,
    gw_md_t *sha256);
static ngx_int_t ngx_http_gateway_certificate_names(
    ngx_http_gateway_certificate_t *certificate, ngx_pool_t *pool,
    gw_san_t *san);


gw_reason_e
ngx_http_gateway_certificate_peer(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t **certificate)
{
    X509                                      *cert;
    ngx_int_t                                  rc;
    ngx_connection_t                          *c;
    ngx_pool_cleanup_t                        *cln;
    ngx_http_gateway_certificate_main_conf_t  *mcf;

    if (!ngx_http_gateway_certificate_verified(r)) {
        return GW_CERTIFICATE_MISSING;
    }

    c = ngx_ssl_get_connection(r->connection->ssl->connection);

    *certificate = ngx_http_gateway_certificate_kept(c);

    if (*certificate) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway client_certificate: certificate \"%V\" of "
                       "this connection", &(*certificate)->hex);
        return GW_OK;
    }

    cert = SSL_get1_peer_certificate(c->ssl->connection);

    if (cert == NULL) {
        return GW_CERTIFICATE_MISSING;
    }

    mcf = ngx_http_get_module_main_conf(r,
                                        ngx_http_gateway_certificate_module);

    cln = ngx_pool_cleanup_add(c->pool,
                               sizeof(ngx_http_gateway_certificate_t));

    rc = (cln != NULL) ? ngx_http_gateway_certificate_read(cln->data, c->pool,
                                                           cert, mcf->sha256)
                       : NGX_ERROR;
    X509_free(cert);

    if (rc != NGX_OK) {
        return GW_FAILED;
    }

    cln->handler = ngx_http_gateway_certificate_cleanup;
    *certificate = cln->data;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway client_certificate: read certificate \"%V\" with "
                   "%ui names",
                   &(*certificate)->hex, (*certificate)->nnames);

    return GW_OK;
}


/*
 * The connection has the SSL_CTX of this server only if this server has made
 * the handshake.  With "optional_no_ca" the result may differ from X509_V_OK.
 */

static ngx_uint_t
ngx_http_gateway_certificate_verified(ngx_http_request_t *r)
{
    SSL                                      *ssl;
    const char                               *status;
    ngx_connection_t                         *c;
    ngx_http_ssl_srv_conf_t                  *sscf;
    ngx_http_gateway_certificate_srv_conf_t  *scf;

    c = r->connection;

    if (c->ssl == NULL) {
        return 0;
    }

    ssl = c->ssl->connection;
    sscf = ngx_http_get_module_srv_conf(r, ngx_http_ssl_module);
    scf = ngx_http_get_module_srv_conf(r, ngx_http_gateway_certificate_module);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "gateway client_certificate: ssl_verify_client:%ui, "
                   "handshake of this server:%d, verify result:%l",
                   sscf->verify, SSL_get_SSL_CTX(ssl) == sscf->ssl.ctx,
                   SSL_get_verify_result(ssl));

    return sscf->verify
           && SSL_get_SSL_CTX(ssl) == sscf->ssl.ctx
           && SSL_get_verify_result(ssl) == X509_V_OK
           && ngx_ssl_ocsp_get_status(c, &status) == NGX_OK
           && ngx_http_gateway_certificate_session(c, scf);
}


static ngx_http_gateway_certificate_t *
ngx_http_gateway_certificate_kept(ngx_connection_t *c)
{
    ngx_pool_cleanup_t  *cln;

    for (cln = c->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_gateway_certificate_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/* only marks the certificate among the cleanups; the pool frees it */

static void
ngx_http_gateway_certificate_cleanup(void *data)
{
    /* void */
}


static ngx_int_t
ngx_http_gateway_certificate_read(ngx_http_gateway_certificate_t *certificate,
    ngx_pool_t *pool, X509 *cert, gw_md_t *sha256)
{
    u_char        *p;
    u_char         digest[EVP_MAX_MD_SIZE];
    gw_san_t       san;
    ngx_int_t      rc;
    unsigned int   len;

    if (!X509_digest(cert, sha256, digest, &len)) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, NGX_HTTP_GATEWAY_CERTIFICATE_HEX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(certificate->digest, digest, GW_CONSUMER_DIGEST);

    certificate->hex.data = p;
    certificate->hex.len = ngx_hex_dump(p, digest, GW_CONSUMER_DIGEST) - p;

    gw_san_open(&san, cert);

    rc = ngx_http_gateway_certificate_names(certificate, pool, &san);

    gw_san_close(&san);

    return rc;
}


/* all names in one block of memory, in the form of the consumers file */

static ngx_int_t
ngx_http_gateway_certificate_names(
    ngx_http_gateway_certificate_t *certificate, ngx_pool_t *pool,
    gw_san_t *san)
{
    u_char      *p;
    size_t       size;
    gw_text_t    type, value;
    ngx_str_t   *name;
    ngx_uint_t   n;

    n = 0;
    size = 0;

    while (gw_san_next(san, &type, &value)) {
        n++;
        size += type.len + value.len;
    }

    certificate->nnames = n;
    certificate->names = ngx_palloc(pool, n * sizeof(ngx_str_t) + size);
    if (certificate->names == NULL) {
        return NGX_ERROR;
    }

    name = certificate->names;
    p = (u_char *) (name + n);

    gw_san_rewind(san);

    while (gw_san_next(san, &type, &value)) {
        name->data = p;
        p = ngx_cpymem(p, type.data, type.len);
        p = ngx_cpymem(p, value.data, value.len);
        name->len = p - name->data;
        name++;
    }

    return NGX_OK;
}


#else

gw_reason_e
ngx_http_gateway_certificate_peer(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t **certificate)
{
    return GW_CERTIFICATE_MISSING;
}

#endif
