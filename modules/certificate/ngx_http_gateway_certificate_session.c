/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * TLS sessions.  A client that resumes a session presents no certificate: the
 * one that was verified when the session was made counts.  A session must
 * therefore not be resumed by a server that accepts other certificates.
 *
 * OpenSSL resumes a session only in the session id context in which it was
 * made, and makes a full handshake otherwise.  nginx derives the context from
 * the server's certificate and the names of its authorities.  Two servers with
 * the same authorities and different ssl_crl therefore share sessions, and so
 * does a server before and after a reload with another ssl_crl.  This file
 * derives the context from everything that decides whether a certificate is
 * accepted.
 */

#include "ngx_http_gateway_certificate.h"

#include <openssl/err.h>


#if (NGX_HTTP_SSL)


static ngx_int_t ngx_http_gateway_certificate_context(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_http_gateway_certificate_digest(EVP_MD_CTX *md,
    const gw_md_t *sha256, ngx_http_ssl_srv_conf_t *sscf, u_char *digest);
static ngx_uint_t ngx_http_gateway_certificate_add_server(EVP_MD_CTX *md,
    const gw_md_t *sha256, ngx_http_ssl_srv_conf_t *sscf);
static ngx_uint_t ngx_http_gateway_certificate_add_trusted(EVP_MD_CTX *md,
    const gw_md_t *sha256, SSL_CTX *ctx);

#if (NGX_HTTP_GATEWAY_CLIENT_HELLO)
static void ngx_http_gateway_certificate_hellos(ngx_conf_t *cf);
static int ngx_http_gateway_certificate_hello(SSL *ssl, int *alert, void *arg);
static ngx_uint_t ngx_http_gateway_certificate_sni(SSL *ssl, ngx_str_t *name);
static ngx_http_core_srv_conf_t *ngx_http_gateway_certificate_server(
    ngx_http_virtual_names_t *names, ngx_str_t *name);
#endif


/*
 * Checks again that the session could be resumed, because not all versions of
 * OpenSSL and nginx do.  Before nginx chose the server by the ClientHello,
 * OpenSSL resumed a session in the context of the default server, and nginx set
 * the context of the server that SNI names afterwards (CVE-2025-23419; its fix
 * still accepts a session that was made without a server name).
 */

ngx_uint_t
ngx_http_gateway_certificate_session(ngx_connection_t *c,
    const ngx_http_gateway_certificate_srv_conf_t *scf)
{
    SSL                  *ssl;
    const char           *made, *now;
    unsigned int          len;
    const SSL_SESSION    *session;
    const unsigned char  *context;

    ssl = c->ssl->connection;
    session = SSL_get0_session(ssl);

    if (session == NULL) {
        return 0;
    }

    context = SSL_SESSION_get0_id_context(session, &len);

    if (!scf->sessions || len != sizeof(scf->session)
        || ngx_memcmp(context, scf->session, len) != 0)
    {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0,
                       "gateway client_certificate: the TLS session was made "
                       "with the settings of another server");
        return 0;
    }

    if (!SSL_session_reused(ssl)) {
        return 1;
    }

    made = SSL_SESSION_get0_hostname(session);
    now = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (made == NULL || now == NULL) {
        return made == now;
    }

    return ngx_strcmp(made, now) == 0;
}


/*
 * Includes servers without the directive: a server that has it must not resume
 * their sessions.
 */

ngx_int_t
ngx_http_gateway_certificate_sessions(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (ngx_http_gateway_certificate_context(cf, cscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

#if (NGX_HTTP_GATEWAY_CLIENT_HELLO)
    ngx_http_gateway_certificate_hellos(cf);
#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_certificate_context(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf)
{
    EVP_MD_CTX                                *md;
    ngx_uint_t                                 good;
    ngx_http_ssl_srv_conf_t                   *sscf;
    ngx_http_gateway_certificate_srv_conf_t   *scf;
    ngx_http_gateway_certificate_main_conf_t  *mcf;

    sscf = cscf->ctx->srv_conf[ngx_http_ssl_module.ctx_index];
    scf = cscf->ctx->srv_conf[ngx_http_gateway_certificate_module.ctx_index];
    mcf = ngx_http_conf_get_module_main_conf(cf,
                                         ngx_http_gateway_certificate_module);

    if (sscf->ssl.ctx == NULL) {
        return NGX_OK;
    }

    md = EVP_MD_CTX_new();

    good = md != NULL
           && ngx_http_gateway_certificate_digest(md, mcf->sha256, sscf,
                                                  scf->session)
           && SSL_CTX_set_session_id_context(sscf->ssl.ctx, scf->session,
                                             sizeof(scf->session));

    EVP_MD_CTX_free(md);

    if (!good) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"gateway_client_certificate\": the session id context "
                      "of a server cannot be set");
        return NGX_ERROR;
    }

    scf->sessions = 1;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_certificate_digest(EVP_MD_CTX *md, const gw_md_t *sha256,
    ngx_http_ssl_srv_conf_t *sscf, u_char *digest)
{
    const uint64_t  numbers[2] = { sscf->verify, sscf->verify_depth };

    return EVP_DigestInit_ex(md, sha256, NULL)
           && EVP_DigestUpdate(md, numbers, sizeof(numbers))
           && ngx_http_gateway_certificate_add_server(md, sha256, sscf)
           && ngx_http_gateway_certificate_add_trusted(md, sha256,
                                                       sscf->ssl.ctx)
           && EVP_DigestFinal_ex(md, digest, NULL);
}


/* the server's certificates, or the file names if these contain variables */

static ngx_uint_t
ngx_http_gateway_certificate_add_server(EVP_MD_CTX *md, const gw_md_t *sha256,
    ngx_http_ssl_srv_conf_t *sscf)
{
    long          set;
    X509         *cert;
    u_char        digest[EVP_MAX_MD_SIZE];
    SSL_CTX      *ctx;
    ngx_str_t    *name;
    ngx_uint_t    i;
    unsigned int  len;

    ctx = sscf->ssl.ctx;

    for (set = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST);
         set == 1;
         set = SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT))
    {
        cert = SSL_CTX_get0_certificate(ctx);

        if (!X509_digest(cert, sha256, digest, &len)
            || !EVP_DigestUpdate(md, digest, len))
        {
            return 0;
        }
    }

    if (sscf->certificate_values == NULL) {
        return 1;
    }

    name = sscf->certificates->elts;

    for (i = 0; i < sscf->certificates->nelts; i++) {
        if (!EVP_DigestUpdate(md, name[i].data, name[i].len + 1)) {
            return 0;
        }
    }

    return 1;
}


/* the authorities and the lists of revoked certificates */

static ngx_uint_t
ngx_http_gateway_certificate_add_trusted(EVP_MD_CTX *md, const gw_md_t *sha256,
    SSL_CTX *ctx)
{
    int                      i, good;
    X509                    *cert;
    u_char                   digest[EVP_MAX_MD_SIZE];
    X509_CRL                *crl;
    unsigned int             len;
    const X509_OBJECT       *object;
    STACK_OF(X509_OBJECT)   *objects;

    objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));

    for (i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        object = sk_X509_OBJECT_value(objects, i);

        cert = X509_OBJECT_get0_X509(object);
        crl = X509_OBJECT_get0_X509_CRL((X509_OBJECT *) object);

        if (cert) {
            good = X509_digest(cert, sha256, digest, &len);

        } else if (crl) {
            good = X509_CRL_digest(crl, sha256, digest, &len);

        } else {
            continue;
        }

        if (!good || !EVP_DigestUpdate(md, digest, len)) {
            return 0;
        }
    }

    return 1;
}


#if (NGX_HTTP_GATEWAY_CLIENT_HELLO)

/*
 * This version of nginx chooses the server after OpenSSL has looked for a
 * session and has begun a new one, both in the context of the default server.
 * The ClientHello callback runs before that and sets the context of the server
 * that nginx is going to choose.  An address with one server does not need it.
 */

static void
ngx_http_gateway_certificate_hellos(ngx_conf_t *cf)
{
    ngx_uint_t                  i, k;
    ngx_http_conf_addr_t       *addr;
    ngx_http_conf_port_t       *port;
    ngx_http_ssl_srv_conf_t    *sscf;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {

        addr = port[i].addrs.elts;

        for (k = 0; k < port[i].addrs.nelts; k++) {

            sscf = addr[k].default_server->ctx->srv_conf
                                               [ngx_http_ssl_module.ctx_index];

            if (addr[k].servers.nelts > 1 && sscf->ssl.ctx) {
                SSL_CTX_set_client_hello_cb(sscf->ssl.ctx,
                                            ngx_http_gateway_certificate_hello,
                                            NULL);
            }
        }
    }
}


static int
ngx_http_gateway_certificate_hello(SSL *ssl, int *alert, void *arg)
{
    u_char                                    buf[TLSEXT_MAXLEN_host_name];
    ngx_str_t                                 name;
    ngx_connection_t                         *c;
    ngx_http_connection_t                    *hc;
    ngx_http_core_srv_conf_t                 *cscf;
    ngx_http_gateway_certificate_srv_conf_t  *scf;

    c = ngx_ssl_get_connection(ssl);

    if (c->ssl->handshaked) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }

    hc = c->data;
    cscf = NULL;
    name.data = buf;

    if (ngx_http_gateway_certificate_sni(ssl, &name)) {
        cscf = ngx_http_gateway_certificate_server(
                                          hc->addr_conf->virtual_names, &name);
    }

    if (cscf == NULL) {
        cscf = hc->addr_conf->default_server;
    }

    scf = cscf->ctx->srv_conf[ngx_http_gateway_certificate_module.ctx_index];

    /* nginx does not switch to a server without certificates */

    if (scf->sessions
        && !SSL_set_session_id_context(ssl, scf->session,
                                       sizeof(scf->session)))
    {
        return SSL_CLIENT_HELLO_ERROR;
    }

    return SSL_CLIENT_HELLO_SUCCESS;
}


/*
 * RFC 6066, 3: gets the name in lower case and without a trailing dot.  "name"
 * has room for TLSEXT_MAXLEN_host_name bytes.  OpenSSL rejects a malformed
 * extension later.
 */

static ngx_uint_t
ngx_http_gateway_certificate_sni(SSL *ssl, ngx_str_t *name)
{
    size_t                len;
    const unsigned char  *p;

    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &len)
        || len < 5 || p[2] != TLSEXT_NAMETYPE_host_name)
    {
        return 0;
    }

    name->len = (size_t) p[3] << 8 | p[4];

    if (name->len > len - 5 || name->len > TLSEXT_MAXLEN_host_name) {
        return 0;
    }

    ngx_strlow(name->data, (u_char *) p + 5, name->len);

    if (name->len && name->data[name->len - 1] == '.') {
        name->len--;
    }

    return name->len > 0;
}


/* finds a virtual server as nginx does; NULL: the default server */

static ngx_http_core_srv_conf_t *
ngx_http_gateway_certificate_server(ngx_http_virtual_names_t *names,
    ngx_str_t *name)
{
    ngx_http_core_srv_conf_t  *cscf;
#if (NGX_PCRE)
    ngx_uint_t                 i;
#endif

    if (names == NULL) {
        return NULL;
    }

    cscf = ngx_hash_find_combined(&names->names,
                                  ngx_hash_key(name->data, name->len),
                                  name->data, name->len);
#if (NGX_PCRE)

    for (i = 0; cscf == NULL && i < names->nregex; i++) {
        if (ngx_regex_exec(names->regex[i].regex->regex, name, NULL, 0) >= 0) {
            cscf = names->regex[i].server;
        }
    }

#endif

    return cscf;
}

#endif


#endif
