/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verifying one signature with one key: RFC 7515 section 5.2 step 8, RFC 7518
 * section 3.
 *
 * This runs in every request: gw_jwk_key.c has prepared all that it can, and
 * only OpenSSL allocates memory here.
 */

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "gw_der.h"
#include "gw_jwk_key.h"


#define GW_ECDSA_MAX_DER  144   /* two INTEGERs of 66 bytes and their heads */


typedef struct {
    const unsigned char  *data;
    size_t                len;
} gw_jwk_bytes_t;


typedef gw_reason_e (*gw_jwk_verify_pt)(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature);


static gw_reason_e gw_jwk_verify_hmac(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature);
static gw_reason_e gw_jwk_verify_rsa(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature);
static gw_reason_e gw_jwk_verify_ecdsa(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature);
static gw_reason_e gw_jwk_verify_oneshot(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature);

static gw_jwk_use_t *gw_jwk_use(gw_jwk_t *key, const gw_jwa_t *alg);
static gw_reason_e gw_jwk_verify_digest(gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const unsigned char *signature, size_t len);
static int gw_jwk_in_range(const unsigned char *value,
    const unsigned char *order, size_t len);


/* indexed by gw_jwa_family_e */

static const gw_jwk_verify_pt  gw_jwk_verifiers[] = {
    gw_jwk_verify_hmac,
    gw_jwk_verify_rsa,
    gw_jwk_verify_rsa,
    gw_jwk_verify_ecdsa,
    gw_jwk_verify_oneshot,
    gw_jwk_verify_oneshot
};


gw_reason_e
gw_jwk_verify(gw_jwk_t *key, const gw_jwa_t *alg, const unsigned char *input,
    size_t len, const unsigned char *signature, size_t signature_len)
{
    gw_reason_e      rc;
    gw_jwk_use_t    *use;
    gw_jwk_bytes_t   in, sig;

    if (alg->signature != 0 && alg->signature != signature_len) {
        return GW_MALFORMED_SIGNATURE;
    }

    use = gw_jwk_use(key, alg);
    if (use == NULL) {
        return GW_KEY_MISMATCH;
    }

    if (key->signature != 0 && key->signature != signature_len) {
        return GW_BAD_SIGNATURE;
    }

    in.data = input;
    in.len = len;
    sig.data = signature;
    sig.len = signature_len;

    rc = gw_jwk_verifiers[alg->family](key, use, &in, &sig);

    if (rc != GW_OK) {
        ERR_clear_error();
    }

    return rc;
}


static gw_jwk_use_t *
gw_jwk_use(gw_jwk_t *key, const gw_jwa_t *alg)
{
    unsigned  i;

    for (i = 0; i < key->nuses; i++) {
        if (key->uses[i].alg == alg) {
            return &key->uses[i];
        }
    }

    return NULL;
}


static gw_reason_e
gw_jwk_verify_hmac(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature)
{
    unsigned char  mac[EVP_MAX_MD_SIZE];

    (void) key;

    if (gw_hmac(&use->hmac, use->digest, input->data, input->len, mac) != 0) {
        return GW_FAILED;
    }

    return CRYPTO_memcmp(mac, signature->data, signature->len) == 0
           ? GW_OK : GW_BAD_SIGNATURE;
}


static gw_reason_e
gw_jwk_verify_rsa(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature)
{
    (void) key;

    return gw_jwk_verify_digest(use, input, signature->data, signature->len);
}


/*
 * RFC 7518, 3.4: r and s, each as long as the order n.  Both must be in
 * [1, n - 1]; this is not left to OpenSSL (CVE-2022-21449: another library did
 * not check it).
 */

static gw_reason_e
gw_jwk_verify_ecdsa(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature)
{
    size_t                size;
    unsigned char         buf[GW_ECDSA_MAX_DER];
    const unsigned char  *r, *s, *order;
    gw_der_writer_t       der;

    size = gw_kty[key->kty].size;
    order = gw_kty[key->kty].order;
    r = signature->data;
    s = r + size;

    if (!gw_jwk_in_range(r, order, size) || !gw_jwk_in_range(s, order, size)) {
        return GW_BAD_SIGNATURE;
    }

    gw_der_init(&der, buf, sizeof(buf));
    gw_der_integer(&der, s, size);
    gw_der_integer(&der, r, size);
    gw_der_wrap(&der, GW_DER_SEQUENCE, 0);

    return gw_jwk_verify_digest(use, input, der.pos, gw_der_len(&der));
}


/*
 * EdDSA and ML-DSA hash the message themselves.  Since OpenSSL 3.4 a context
 * can be used for one verification only and must be initialized again.  Without
 * a key argument it keeps its key; passing the key would look up the algorithm
 * again (0.5 us).
 */

static gw_reason_e
gw_jwk_verify_oneshot(gw_jwk_t *key, gw_jwk_use_t *use,
    const gw_jwk_bytes_t *input, const gw_jwk_bytes_t *signature)
{
    (void) key;

    if (EVP_DigestVerifyInit(use->digest, NULL, NULL, NULL, NULL) != 1) {
        return GW_FAILED;
    }

    return EVP_DigestVerify(use->digest, signature->data, signature->len,
                            input->data, input->len)
           == 1 ? GW_OK : GW_BAD_SIGNATURE;
}


static gw_reason_e
gw_jwk_verify_digest(gw_jwk_use_t *use, const gw_jwk_bytes_t *input,
    const unsigned char *signature, size_t len)
{
    unsigned       n;
    unsigned char  hash[EVP_MAX_MD_SIZE];

    if (!EVP_DigestInit_ex(use->digest, NULL, NULL)
        || !EVP_DigestUpdate(use->digest, input->data, input->len)
        || !EVP_DigestFinal_ex(use->digest, hash, &n))
    {
        return GW_FAILED;
    }

    return EVP_PKEY_verify(use->ctx, signature, len, hash, n) == 1
           ? GW_OK : GW_BAD_SIGNATURE;
}


/* the values are public: constant time is not required */

static int
gw_jwk_in_range(const unsigned char *value, const unsigned char *order,
    size_t len)
{
    size_t  i;

    if (memcmp(value, order, len) >= 0) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (value[i] != 0) {
            return 1;
        }
    }

    return 0;
}
