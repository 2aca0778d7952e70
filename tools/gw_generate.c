/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Generates keys: see gw_private.h.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gw_base64url.h"
#include "gw_der.h"
#include "gw_json.h"
#include "gw_openssl.h"
#include "gw_private.h"


#define GW_GENERATE_RSA_BITS   2048
#define GW_GENERATE_SEED       32      /* bytes, ML-DSA */


static int gw_generate_oct(json_t *jwk, const gw_jwa_t *alg, unsigned bits);
static int gw_generate_rsa(json_t *jwk, unsigned bits);
static int gw_generate_ec(json_t *jwk, gw_kty_e kty);
static int gw_generate_okp(json_t *jwk, gw_kty_e kty);
static int gw_generate_akp(json_t *jwk);

static const char *gw_generate_judge_bits(const gw_jwa_t *alg, unsigned bits);
static EVP_PKEY *gw_generate_pkey(int id, unsigned bits, int curve);
static int gw_generate_set(json_t *jwk, const char *name,
    const unsigned char *data, size_t len);
static int gw_generate_set_public(json_t *jwk, const char *name,
    EVP_PKEY *pkey);
static int gw_generate_read_rsa(json_t *jwk, const unsigned char *der,
    size_t len);
static int gw_generate_read_ec(json_t *jwk, gw_kty_e kty,
    const unsigned char *der, size_t len);
static int gw_generate_spki_key(const unsigned char *spki, size_t len,
    const unsigned char **key, size_t *key_len);


json_t *
gw_generate(const gw_jwa_t *alg, unsigned bits, const char **why)
{
    int       ok;
    json_t   *jwk;
    gw_kty_e  kty;

    *why = gw_generate_judge_bits(alg, bits);
    if (*why != NULL) {
        return NULL;
    }

    for (kty = GW_KTY_OCT; (alg->keys & (1u << kty)) == 0; kty++) {
        /* the first key type that serves the algorithm */
    }

    jwk = json_object();
    json_object_set_new(jwk, "kty", json_string(gw_kty[kty].kty));

    if (kty == GW_KTY_OCT) {
        ok = gw_generate_oct(jwk, alg, bits);

    } else if (kty == GW_KTY_RSA) {
        ok = gw_generate_rsa(jwk, bits);

    } else if (gw_kty[kty].order != NULL) {
        ok = gw_generate_ec(jwk, kty);

    } else if (strcmp(gw_kty[kty].kty, "OKP") == 0) {
        ok = gw_generate_okp(jwk, kty);

    } else {
        json_object_set_new(jwk, "alg", json_string(alg->name));
        ok = gw_generate_akp(jwk);
    }

    ERR_clear_error();

    if (!ok) {
        json_decref(jwk);
        *why = "cannot be made with this OpenSSL";
        return NULL;
    }

    json_object_set_new(jwk, "alg", json_string(alg->name));
    json_object_set_new(jwk, "use", json_string("sig"));

    return jwk;
}


/* keys that the module would reject are not made */

static const char *
gw_generate_judge_bits(const gw_jwa_t *alg, unsigned bits)
{
    if (bits == 0) {
        return NULL;
    }

    switch (alg->family) {

    case GW_JWA_HMAC:
        return (bits % 8 == 0 && bits >= alg->signature * 8 && bits <= 8192)
               ? NULL : "must have --bits that are a multiple of 8, from the "
                        "size of its hash to 8192";

    case GW_JWA_RSA:
    case GW_JWA_PSS:
        return (bits >= 2048 && bits <= 16384)
               ? NULL : "must have --bits from 2048 to 16384";

    default:
        return "has a fixed size, --bits is not allowed";
    }
}


static int
gw_generate_oct(json_t *jwk, const gw_jwa_t *alg, unsigned bits)
{
    int            ok;
    size_t         len;
    unsigned char  secret[8192 / 8];

    len = bits ? bits / 8 : alg->signature;

    ok = RAND_priv_bytes(secret, (int) len) == 1
         && gw_generate_set(jwk, "k", secret, len);

    OPENSSL_cleanse(secret, sizeof(secret));

    return ok;
}


static int
gw_generate_rsa(json_t *jwk, unsigned bits)
{
    int             len, ok;
    EVP_PKEY       *pkey;
    unsigned char  *der;

    pkey = gw_generate_pkey(EVP_PKEY_RSA, bits ? bits : GW_GENERATE_RSA_BITS,
                            0);
    if (pkey == NULL) {
        return 0;
    }

    der = NULL;
    len = i2d_PrivateKey(pkey, &der);
    ok = len > 0 && gw_generate_read_rsa(jwk, der, (size_t) len);

    if (len > 0) {
        OPENSSL_clear_free(der, (size_t) len);
    }

    EVP_PKEY_free(pkey);

    return ok;
}


/* RFC 8017, A.1.2 */

static int
gw_generate_read_rsa(json_t *jwk, const unsigned char *der, size_t len)
{
    size_t                i, n;
    const unsigned char  *p, *end, *data;

    static const char *const  names[] = {
        NULL, "n", "e", "d", "p", "q", "dp", "dq", "qi"
    };

    p = der;

    if (gw_der_read(&p, der + len, GW_DER_SEQUENCE, &data, &n) != 0) {
        return 0;
    }

    p = data;
    end = data + n;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (gw_der_read(&p, end, GW_DER_INTEGER, &data, &n) != 0) {
            return 0;
        }

        if (n > 1 && *data == 0) {
            data++;
            n--;
        }

        if (names[i] != NULL && !gw_generate_set(jwk, names[i], data, n)) {
            return 0;
        }
    }

    return 1;
}


static int
gw_generate_ec(json_t *jwk, gw_kty_e kty)
{
    int             len, ok, nid;
    EVP_PKEY       *pkey;
    unsigned char  *der;

    nid = (kty == GW_KTY_P256) ? NID_X9_62_prime256v1
          : (kty == GW_KTY_P384) ? NID_secp384r1
          : (kty == GW_KTY_P521) ? NID_secp521r1 : NID_secp256k1;

    pkey = gw_generate_pkey(EVP_PKEY_EC, 0, nid);
    if (pkey == NULL) {
        return 0;
    }

    der = NULL;
    len = i2d_PrivateKey(pkey, &der);
    ok = len > 0
         && json_object_set_new(jwk, "crv", json_string(gw_kty[kty].curve))
            == 0
         && gw_generate_set_public(jwk, NULL, pkey)
         && gw_generate_read_ec(jwk, kty, der, (size_t) len);

    if (len > 0) {
        OPENSSL_clear_free(der, (size_t) len);
    }

    EVP_PKEY_free(pkey);

    return ok;
}


/* RFC 5915: SEQUENCE { 1, OCTET STRING d, ... }, d in full size */

static int
gw_generate_read_ec(json_t *jwk, gw_kty_e kty, const unsigned char *der,
    size_t len)
{
    size_t                n;
    const unsigned char  *p, *data, *d;

    p = der;

    if (gw_der_read(&p, der + len, GW_DER_SEQUENCE, &data, &n) != 0) {
        return 0;
    }

    p = data;

    return gw_der_read(&p, der + len, GW_DER_INTEGER, &d, &n) == 0
           && gw_der_read(&p, der + len, GW_DER_OCTET_STRING, &d, &n) == 0
           && n == gw_kty[kty].size
           && gw_generate_set(jwk, "d", d, n);
}


static int
gw_generate_okp(json_t *jwk, gw_kty_e kty)
{
    int            ok;
    size_t         len;
    EVP_PKEY      *pkey;
    unsigned char  d[64];

    pkey = gw_generate_pkey(kty == GW_KTY_ED25519 ? EVP_PKEY_ED25519
                                                  : EVP_PKEY_ED448, 0, 0);
    if (pkey == NULL) {
        return 0;
    }

    len = sizeof(d);

    ok = json_object_set_new(jwk, "crv", json_string(gw_kty[kty].curve)) == 0
         && gw_generate_set_public(jwk, "x", pkey)
         && EVP_PKEY_get_raw_private_key(pkey, d, &len) == 1
         && gw_generate_set(jwk, "d", d, len);

    OPENSSL_cleanse(d, sizeof(d));
    EVP_PKEY_free(pkey);

    return ok;
}


/* the seed is the private key; OpenSSL derives the public key from it */

static int
gw_generate_akp(json_t *jwk)
{
    int            ok;
    gw_private_t   key;
    unsigned char  seed[GW_GENERATE_SEED];

    ok = RAND_priv_bytes(seed, sizeof(seed)) == 1
         && gw_generate_set(jwk, "priv", seed, sizeof(seed));

    OPENSSL_cleanse(seed, sizeof(seed));

    if (!ok || gw_private_load(&key, jwk) != NULL) {
        return 0;
    }

    ok = gw_generate_set_public(jwk, "pub", key.pkey);

    gw_private_free(&key);

    return ok;
}


static EVP_PKEY *
gw_generate_pkey(int id, unsigned bits, int curve)
{
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_id(id, NULL);

    if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1
        && (bits == 0
            || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int) bits) == 1)
        && (curve == 0
            || (EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, curve) == 1
                && EVP_PKEY_CTX_set_ec_param_enc(ctx, OPENSSL_EC_NAMED_CURVE)
                   == 1)))
    {
        (void) EVP_PKEY_keygen(ctx, &pkey);
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


/* a public key of bytes under "name"; NULL: a point, under "x" and "y" */

static int
gw_generate_set_public(json_t *jwk, const char *name, EVP_PKEY *pkey)
{
    int                   len, ok;
    size_t                n;
    unsigned char        *spki;
    const unsigned char  *key;

    spki = NULL;
    len = i2d_PUBKEY(pkey, &spki);

    ok = len > 0 && gw_generate_spki_key(spki, (size_t) len, &key, &n);

    if (ok && name != NULL) {
        ok = gw_generate_set(jwk, name, key, n);

    } else if (ok) {
        ok = key[0] == 0x04
             && gw_generate_set(jwk, "x", key + 1, n / 2)
             && gw_generate_set(jwk, "y", key + 1 + n / 2, n / 2);
    }

    OPENSSL_free(spki);

    return ok;
}


static int
gw_generate_spki_key(const unsigned char *spki, size_t len,
    const unsigned char **key, size_t *key_len)
{
    size_t                n;
    const unsigned char  *p, *end, *data;

    p = spki;

    if (gw_der_read(&p, spki + len, GW_DER_SEQUENCE, &data, &n) != 0) {
        return 0;
    }

    p = data;
    end = data + n;

    if (gw_der_read(&p, end, GW_DER_SEQUENCE, &data, &n) != 0
        || gw_der_read(&p, end, GW_DER_BIT_STRING, &data, &n) != 0 || n < 2)
    {
        return 0;
    }

    *key = data + 1;
    *key_len = n - 1;

    return 1;
}


static int
gw_generate_set(json_t *jwk, const char *name, const unsigned char *data,
    size_t len)
{
    return json_object_set_new(jwk, name, gw_json_base64url(data, len)) == 0;
}


json_t *
gw_json_base64url(const unsigned char *data, size_t len)
{
    size_t          n;
    json_t         *string;
    unsigned char  *text;

    n = gw_base64url_encoded_size(len);
    text = OPENSSL_malloc(n + 1);

    if (text == NULL) {
        return NULL;
    }

    gw_base64url_encode(text, data, len);
    string = json_stringn((char *) text, n);

    OPENSSL_clear_free(text, n + 1);

    return string;
}


/* the required members of each type in alphabetical order, without spaces */

int
gw_thumbprint(const json_t *jwk, char *text)
{
    int             ok;
    size_t          i, len;
    json_t         *required, *value;
    unsigned char  *json, hash[32];

    static const char *const  names[] = {
        "crv", "e", "k", "kty", "n", "pub", "x", "y"
    };

    required = json_object();

    /* RFC 9964: "alg" is a required member only of kty "AKP" */

    if (json_object_get(jwk, "pub") != NULL) {
        json_object_set(required, "alg", json_object_get(jwk, "alg"));
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = json_object_get(jwk, names[i]);

        if (value != NULL) {
            json_object_set(required, names[i], value);
        }
    }

    len = gw_json_text(required, NULL);
    json = malloc(len);

    ok = json != NULL && gw_json_text(required, json) == len
         && EVP_Digest(json, len, hash, NULL, EVP_sha256(), NULL) == 1;

    free(json);
    json_decref(required);

    if (!ok) {
        return -1;
    }

    len = gw_base64url_encode((unsigned char *) text, hash, sizeof(hash));
    text[len] = '\0';

    return 0;
}
