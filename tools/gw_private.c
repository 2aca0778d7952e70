/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Private keys and signatures: see gw_private.h.
 *
 * A JWK is converted to an OpenSSL key through the DER of PKCS #8 (RFC 5958).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gw_base64url.h"
#include "gw_der.h"
#include "gw_hmac.h"
#include "gw_openssl.h"
#include "gw_private.h"


#define GW_PRIVATE_MAX_DER    (16 * 1024)   /* RSA-16384: 9.5 kB */
#define GW_PRIVATE_MAX_OCTETS (4 * 1024)

#define GW_DER_CONTEXT_0      0x80          /* [0] IMPLICIT, primitive */
#define GW_DER_CONTEXT_1      0xa1          /* [1] EXPLICIT */


/* members of a JWK, decoded one at a time into the same buffer */

typedef struct {
    json_t         *jwk;
    char           *text;       /* of GW_JWK_MAX_WHY bytes */
    const char     *why;        /* NULL, or in "text" */
    size_t          len;
    unsigned char   data[GW_PRIVATE_MAX_OCTETS];
} gw_private_reader_t;


static const char *gw_private_load_secret(gw_private_t *key,
    gw_private_reader_t *r);
static const char *gw_private_load_pkey(gw_private_t *key,
    gw_private_reader_t *r);
static void gw_private_put_key(gw_der_writer_t *der, gw_private_reader_t *r,
    gw_kty_e kty);
static void gw_private_put_rsa(gw_der_writer_t *der, gw_private_reader_t *r);
static void gw_private_put_ec(gw_der_writer_t *der, gw_private_reader_t *r,
    size_t size);
static void gw_private_read(gw_private_reader_t *r, const char *name,
    size_t size);

static unsigned char *gw_private_sign_hmac(const gw_private_t *key,
    const gw_jwa_t *alg, const unsigned char *input, size_t len,
    size_t *signature_len);
static unsigned char *gw_private_sign_pkey(const gw_private_t *key,
    const gw_jwa_t *alg, const unsigned char *input, size_t len,
    size_t *signature_len);
static int gw_private_begin(EVP_MD_CTX *ctx, const gw_private_t *key,
    const gw_jwa_t *alg, const EVP_MD *md);
static unsigned char *gw_private_raw(unsigned char *der, size_t len,
    size_t size, size_t *raw_len);
static int gw_private_raw_integer(const unsigned char **p,
    const unsigned char *end, unsigned char *dst, size_t size);


const char *
gw_private_load(gw_private_t *key, json_t *jwk)
{
    const char           *why;
    gw_private_reader_t   reader;

    memset(key, 0, sizeof(gw_private_t));

    if (json_object_get(jwk, "kty") == NULL
        && json_is_array(json_object_get(jwk, "keys")))
    {
        return "is a JWK Set, it must be one JWK";
    }

    why = gw_jwk_type(jwk, &key->kty, &key->alg, key->why);
    if (why != NULL) {
        return why;
    }

    key->kid = json_string_value(json_object_get(jwk, "kid"));

    reader.jwk = jwk;
    reader.text = key->why;
    reader.why = NULL;

    why = (key->kty == GW_KTY_OCT) ? gw_private_load_secret(key, &reader)
                                   : gw_private_load_pkey(key, &reader);

    OPENSSL_cleanse(reader.data, sizeof(reader.data));
    ERR_clear_error();

    return why;
}


static const char *
gw_private_load_secret(gw_private_t *key, gw_private_reader_t *r)
{
    gw_private_read(r, "k", 0);

    if (r->why != NULL) {
        return r->why;
    }

    key->secret = malloc(r->len);
    if (key->secret == NULL) {
        return "does not fit into memory";
    }

    memcpy(key->secret, r->data, r->len);
    key->secret_len = r->len;

    return NULL;
}


/* RFC 5958: SEQUENCE { 0, AlgorithmIdentifier, OCTET STRING { key } } */

static const char *
gw_private_load_pkey(gw_private_t *key, gw_private_reader_t *r)
{
    unsigned char         buf[GW_PRIVATE_MAX_DER];
    gw_der_writer_t       der;
    const unsigned char  *p;

    gw_der_init(&der, buf, sizeof(buf));

    gw_private_put_key(&der, r, key->kty);
    gw_der_wrap(&der, GW_DER_OCTET_STRING, 0);
    gw_der_bytes(&der, gw_kty[key->kty].id, gw_kty[key->kty].id_len);
    gw_der_integer(&der, NULL, 0);
    gw_der_wrap(&der, GW_DER_SEQUENCE, 0);

    p = der.pos;

    if (r->why == NULL && !der.full) {
        key->pkey = d2i_AutoPrivateKey(NULL, &p, (long) gw_der_len(&der));
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    if (r->why != NULL) {
        return r->why;
    }

    return key->pkey ? NULL : "is not a valid private key of its type, or "
                              "OpenSSL does not offer it";
}


static void
gw_private_put_key(gw_der_writer_t *der, gw_private_reader_t *r,
    gw_kty_e kty)
{
    if (kty == GW_KTY_RSA) {
        gw_private_put_rsa(der, r);

    } else if (gw_kty[kty].order != NULL) {
        gw_private_put_ec(der, r, gw_kty[kty].size);

    } else if (strcmp(gw_kty[kty].kty, "AKP") == 0) {

        /* RFC 9881, 6: the seed alone; "priv" is that seed (RFC 9964) */

        gw_private_read(r, "priv", 32);
        gw_der_bytes(der, r->data, r->len);
        gw_der_wrap(der, GW_DER_CONTEXT_0, 0);

    } else {

        /* RFC 8410, 7: an OCTET STRING in the OCTET STRING */

        gw_private_read(r, "d", gw_kty[kty].size);
        gw_der_bytes(der, r->data, r->len);
        gw_der_wrap(der, GW_DER_OCTET_STRING, 0);
    }
}


/* RFC 8017, A.1.2, last member first */

static void
gw_private_put_rsa(gw_der_writer_t *der, gw_private_reader_t *r)
{
    size_t  i;

    static const char *const  names[] = {
        "qi", "dq", "dp", "q", "p", "d", "e", "n"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        gw_private_read(r, names[i], 0);
        gw_der_integer(der, r->data, r->len);
    }

    gw_der_integer(der, NULL, 0);
    gw_der_wrap(der, GW_DER_SEQUENCE, 0);
}


/* RFC 5915: SEQUENCE { 1, OCTET STRING d, [1] { BIT STRING point } } */

static void
gw_private_put_ec(gw_der_writer_t *der, gw_private_reader_t *r, size_t size)
{
    size_t               from;
    const unsigned char  version = 1, point[2] = { 0, 0x04 };

    gw_private_read(r, "y", size);
    gw_der_bytes(der, r->data, r->len);
    gw_private_read(r, "x", size);
    gw_der_bytes(der, r->data, r->len);
    gw_der_bytes(der, point, sizeof(point));
    gw_der_wrap(der, GW_DER_BIT_STRING, 0);
    gw_der_wrap(der, GW_DER_CONTEXT_1, 0);

    gw_private_read(r, "d", size);
    from = gw_der_len(der);
    gw_der_bytes(der, r->data, r->len);
    gw_der_wrap(der, GW_DER_OCTET_STRING, from);
    gw_der_integer(der, &version, 1);
    gw_der_wrap(der, GW_DER_SEQUENCE, 0);
}


/* "size" 0: any length but 0 */

static void
gw_private_read(gw_private_reader_t *r, const char *name, size_t size)
{
    size_t   len;
    json_t  *value;

    r->len = 0;

    value = json_object_get(r->jwk, name);
    len = json_string_length(value);

    if (len == 0 || gw_base64url_decoded_size(len) > sizeof(r->data)
        || gw_base64url_decode(r->data, &r->len,
                               (const unsigned char *)
                                   json_string_value(value),
                               len)
           != 0
        || (size != 0 && r->len != size))
    {
        r->len = 0;
        r->why = r->text;

        if (size) {
            (void) snprintf(r->text, GW_JWK_MAX_WHY, "must have \"%s\", "
                            "base64url of %zu bytes", name, size);
        } else {
            (void) snprintf(r->text, GW_JWK_MAX_WHY, "must have \"%s\" in "
                            "base64url", name);
        }
    }
}


void
gw_private_free(gw_private_t *key)
{
    if (key->secret != NULL) {
        OPENSSL_cleanse(key->secret, key->secret_len);
    }

    free(key->secret);
    EVP_PKEY_free(key->pkey);
    memset(key, 0, sizeof(gw_private_t));
}


const gw_jwa_t *
gw_private_alg(const gw_private_t *key)
{
    unsigned  i;

    for (i = 0; key->alg == NULL && i < gw_jwa_count; i++) {
        if (gw_jwa[i].keys & (1u << key->kty)) {
            return &gw_jwa[i];
        }
    }

    return key->alg;
}


char *
gw_private_token(const gw_private_t *key, const gw_jwa_t *alg,
    const void *header, size_t header_len, const void *payload,
    size_t payload_len)
{
    size_t          len, signature_len;
    unsigned char  *token, *grown, *signature;

    len = gw_base64url_encoded_size(header_len) + 1
          + gw_base64url_encoded_size(payload_len) + 1;

    token = malloc(len);
    if (token == NULL) {
        return NULL;
    }

    len = gw_base64url_encode(token, header, header_len);
    token[len++] = '.';
    len += gw_base64url_encode(token + len, payload, payload_len);

    signature = gw_private_sign(key, alg, token, len, &signature_len);

    grown = signature ? realloc(token, len + 1 + 1
                                + gw_base64url_encoded_size(signature_len))
                      : NULL;
    if (grown == NULL) {
        free(token);
        free(signature);
        return NULL;
    }

    grown[len++] = '.';
    len += gw_base64url_encode(grown + len, signature, signature_len);
    grown[len] = '\0';

    free(signature);

    return (char *) grown;
}


unsigned char *
gw_private_sign(const gw_private_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, size_t *signature_len)
{
    unsigned char  *signature;

    signature = (alg->family == GW_JWA_HMAC)
                ? gw_private_sign_hmac(key, alg, input, len, signature_len)
                : gw_private_sign_pkey(key, alg, input, len, signature_len);

    if (signature != NULL && alg->family == GW_JWA_ECDSA) {
        signature = gw_private_raw(signature, *signature_len,
                                   gw_kty[key->kty].size, signature_len);
    }

    ERR_clear_error();

    return signature;
}


static unsigned char *
gw_private_sign_hmac(const gw_private_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, size_t *signature_len)
{
    int             rc;
    gw_md_t        *md;
    gw_hmac_t       hmac;
    EVP_MD_CTX     *work;
    unsigned char  *mac;

    md = gw_md_fetch(alg->digest);
    work = EVP_MD_CTX_new();
    mac = malloc(EVP_MAX_MD_SIZE);

    rc = -1;

    if (md != NULL && work != NULL && mac != NULL
        && gw_hmac_init(&hmac, md, key->secret, key->secret_len) == 0)
    {
        rc = gw_hmac(&hmac, work, input, len, mac);
        gw_hmac_free(&hmac);
    }

    EVP_MD_CTX_free(work);
    gw_md_free(md);

    if (rc != 0) {
        free(mac);
        return NULL;
    }

    *signature_len = alg->signature;

    return mac;
}


static unsigned char *
gw_private_sign_pkey(const gw_private_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, size_t *signature_len)
{
    gw_md_t        *md;
    EVP_MD_CTX     *ctx;
    unsigned char  *signature;

    signature = NULL;
    md = alg->digest ? gw_md_fetch(alg->digest) : NULL;
    ctx = EVP_MD_CTX_new();

    if (ctx != NULL && gw_private_begin(ctx, key, alg, md)
        && EVP_DigestSign(ctx, NULL, signature_len, input, len) == 1)
    {
        signature = malloc(*signature_len);

        if (signature != NULL
            && EVP_DigestSign(ctx, signature, signature_len, input, len) != 1)
        {
            free(signature);
            signature = NULL;
        }
    }

    EVP_MD_CTX_free(ctx);
    gw_md_free(md);

    return signature;
}


static int
gw_private_begin(EVP_MD_CTX *ctx, const gw_private_t *key,
    const gw_jwa_t *alg, const EVP_MD *md)
{
    EVP_PKEY_CTX  *pctx;

    if (EVP_DigestSignInit(ctx, &pctx, md, NULL, key->pkey) != 1) {
        return 0;
    }

    return alg->family != GW_JWA_PSS
           || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx,
                                                   RSA_PSS_SALTLEN_DIGEST)
                  == 1);
}


/* takes SEQUENCE { r, s } and frees it */

static unsigned char *
gw_private_raw(unsigned char *der, size_t len, size_t size, size_t *raw_len)
{
    int                   rc;
    size_t                n;
    unsigned char        *raw;
    const unsigned char  *p, *data;

    rc = -1;
    p = der;
    raw = calloc(2, size);

    if (raw != NULL
        && gw_der_read(&p, der + len, GW_DER_SEQUENCE, &data, &n) == 0)
    {
        p = data;
        rc = gw_private_raw_integer(&p, data + n, raw, size)
             | gw_private_raw_integer(&p, data + n, raw + size, size);
    }

    free(der);

    if (rc != 0) {
        free(raw);
        return NULL;
    }

    *raw_len = 2 * size;

    return raw;
}


static int
gw_private_raw_integer(const unsigned char **p, const unsigned char *end,
    unsigned char *dst, size_t size)
{
    size_t                len;
    const unsigned char  *data;

    if (gw_der_read(p, end, GW_DER_INTEGER, &data, &len) != 0) {
        return -1;
    }

    while (len > 0 && *data == 0) {
        data++;
        len--;
    }

    if (len > size) {
        return -1;
    }

    memcpy(dst + size - len, data, len);

    return 0;
}
