/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checking a key and preparing it for verifications: see gw_jwk.h.
 */

#include <stdlib.h>
#include <string.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "gw_der.h"
#include "gw_jwk_key.h"


/* a SubjectPublicKeyInfo */

typedef struct {
    gw_kty_e              kty;
    unsigned              pss;      /* id-RSASSA-PSS: no other padding */
    const unsigned char  *key;
    size_t                key_len;
} gw_jwk_spki_t;


static int gw_jwk_read_spki(gw_jwk_spki_t *info, const unsigned char *spki,
    size_t len);
static const char *gw_jwk_judge_rsa(const gw_jwk_spki_t *info);
static EVP_PKEY *gw_jwk_load_public(gw_kty_e kty, const unsigned char *spki,
    size_t len);
static int gw_jwk_point_is_good(EVP_PKEY *pkey);

static int gw_jwk_prepare(gw_jwk_t *key, gw_jwk_digests_t *digests,
    unsigned pss);
static int gw_jwk_prepare_verify(gw_jwk_t *key, gw_jwk_use_t *use,
    const EVP_MD *md);
static int gw_jwk_prepare_oneshot(gw_jwk_t *key, gw_jwk_use_t *use);
static unsigned gw_jwk_digest_index(const gw_jwa_t *alg);

static int gw_jwk_digests_init(gw_jwk_digests_t *digests);
static void gw_jwk_digests_free(gw_jwk_digests_t *digests);


static const char *const  gw_jwk_digest_names[GW_JWK_DIGESTS] = {
    "SHA256", "SHA384", "SHA512"
};


gw_jwk_set_t *
gw_jwk_set_create(size_t n)
{
    gw_jwk_set_t  *set;

    set = calloc(1, sizeof(gw_jwk_set_t) + n * sizeof(gw_jwk_t));
    if (set == NULL) {
        return NULL;
    }

    if (gw_jwk_digests_init(&set->digests) != 0) {
        gw_jwk_set_free(set);
        return NULL;
    }

    return set;
}


void
gw_jwk_set_free(gw_jwk_set_t *set)
{
    unsigned  i;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->nkeys; i++) {
        gw_jwk_key_free(&set->keys[i]);
    }

    gw_jwk_digests_free(&set->digests);
    free(set);
}


gw_jwa_set_t
gw_jwk_set_algorithms(const gw_jwk_set_t *set)
{
    unsigned      i;
    gw_jwa_set_t  algs;

    algs = 0;

    for (i = 0; i < set->nkeys; i++) {
        algs |= set->keys[i].algs;
    }

    return algs;
}


unsigned
gw_jwk_set_count(const gw_jwk_set_t *set)
{
    return set->nkeys;
}


int
gw_jwk_set_only_oct(const gw_jwk_set_t *set)
{
    return (int) set->only_oct;
}


const char *
gw_jwk_key_public(gw_jwk_t *key, gw_jwk_digests_t *digests,
    const gw_jwa_t *pinned, const unsigned char *spki, size_t len)
{
    unsigned        i;
    const char     *why;
    gw_jwk_spki_t   info;

    if (gw_jwk_read_spki(&info, spki, len) != 0) {
        return "is of a type that no algorithm uses";
    }

    if (pinned != NULL && (pinned->keys & (1u << info.kty)) == 0) {
        return "has an \"alg\" that does not fit the key";
    }

    why = (info.kty == GW_KTY_RSA) ? gw_jwk_judge_rsa(&info) : NULL;
    if (why != NULL) {
        return why;
    }

    key->kty = info.kty;
    key->alg = pinned;

    for (i = 0; i < gw_jwa_count; i++) {
        if ((gw_jwa[i].keys & (1u << info.kty))
            && (pinned == NULL || pinned == &gw_jwa[i])
            && (!info.pss || gw_jwa[i].family == GW_JWA_PSS))
        {
            key->algs |= gw_jwa_bit(&gw_jwa[i]);
        }
    }

    key->pkey = gw_jwk_load_public(info.kty, spki, len);
    if (key->pkey == NULL) {
        return "is no valid key of its type, or OpenSSL does not offer it";
    }

    key->signature = gw_kty[info.kty].signature;

    if (key->signature == 0) {
        key->signature = (size_t) EVP_PKEY_get_size(key->pkey);
    }

    if (gw_jwk_prepare(key, digests, info.pss) != 0) {
        return "cannot be used by OpenSSL";
    }

    return key->nuses ? NULL
                      : "has RSASSA-PSS parameters that serve no algorithm";
}


const char *
gw_jwk_key_secret(gw_jwk_t *key, gw_jwk_digests_t *digests, gw_jwa_set_t algs,
    const unsigned char *secret, size_t len)
{
    unsigned       i;
    gw_jwk_use_t  *use;

    key->kty = GW_KTY_OCT;
    key->algs = algs;

    for (i = 0; i < gw_jwa_count; i++) {
        if ((algs & gw_jwa_bit(&gw_jwa[i])) == 0) {
            continue;
        }

        use = &key->uses[key->nuses++];
        use->alg = &gw_jwa[i];
        use->digest = digests->work;

        if (gw_hmac_init(&use->hmac,
                         digests->md[gw_jwk_digest_index(use->alg)],
                         secret, len)
            != 0)
        {
            return "cannot be used by OpenSSL";
        }
    }

    return NULL;
}


void
gw_jwk_key_free(gw_jwk_t *key)
{
    unsigned       i;
    gw_jwk_use_t  *use;

    for (i = 0; i < key->nuses; i++) {
        use = &key->uses[i];

        switch (use->alg->family) {

        case GW_JWA_HMAC:
            gw_hmac_free(&use->hmac);
            break;

        case GW_JWA_EDDSA:
        case GW_JWA_MLDSA:
            EVP_MD_CTX_free(use->digest);
            break;

        default:
            EVP_PKEY_CTX_free(use->ctx);
        }
    }

    EVP_PKEY_free(key->pkey);
    free(key->kid);
    memset(key, 0, sizeof(gw_jwk_t));
}


/* RFC 5280, 4.1: SEQUENCE { AlgorithmIdentifier, BIT STRING } */

static int
gw_jwk_read_spki(gw_jwk_spki_t *info, const unsigned char *spki, size_t len)
{
    size_t                n;
    const unsigned char  *p, *end, *id, *data;

    /* RFC 4055, 1.2: id-RSASSA-PSS; parameters may follow it */

    static const unsigned char  pss[] = {
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a
    };

    p = spki;

    if (gw_der_read(&p, spki + len, GW_DER_SEQUENCE, &data, &n) != 0) {
        return -1;
    }

    end = data + n;
    id = p = data;

    if (gw_der_read(&p, end, GW_DER_SEQUENCE, &data, &n) != 0) {
        return -1;
    }

    info->pss = n >= sizeof(pss) && memcmp(data, pss, sizeof(pss)) == 0;
    info->kty = info->pss ? GW_KTY_RSA : gw_kty_by_id(id, (size_t) (p - id));

    if (info->kty == GW_KTY_COUNT
        || gw_der_read(&p, end, GW_DER_BIT_STRING, &data, &n) != 0 || n < 1)
    {
        return -1;
    }

    /* the first byte is the number of unused bits in the last one */

    info->key = data + 1;
    info->key_len = n - 1;

    return 0;
}


/* RFC 8017, A.1.1: SEQUENCE { modulus, publicExponent } */

static const char *
gw_jwk_judge_rsa(const gw_jwk_spki_t *info)
{
    size_t                len, nlen, elen;
    const unsigned char  *p, *data, *n, *e;

    p = info->key;

    if (gw_der_read(&p, p + info->key_len, GW_DER_SEQUENCE, &data, &len)
        != 0)
    {
        return "is malformed";
    }

    p = data;

    if (gw_der_read(&p, data + len, GW_DER_INTEGER, &n, &nlen) != 0
        || gw_der_read(&p, data + len, GW_DER_INTEGER, &e, &elen) != 0)
    {
        return "is malformed";
    }

    return gw_rsa_judge(n, nlen, e, elen);
}


static EVP_PKEY *
gw_jwk_load_public(gw_kty_e kty, const unsigned char *spki, size_t len)
{
    EVP_PKEY             *pkey;
    const unsigned char  *p;

    p = spki;
    pkey = d2i_PUBKEY(NULL, &p, (long) len);

    if (pkey != NULL && p == spki + len
        && (gw_kty[kty].order == NULL || gw_jwk_point_is_good(pkey)))
    {
        return pkey;
    }

    EVP_PKEY_free(pkey);

    return NULL;
}


/* the point is on the curve, in its group and not at infinity */

static int
gw_jwk_point_is_good(EVP_PKEY *pkey)
{
    int            good;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new(pkey, NULL);
    good = (ctx != NULL && EVP_PKEY_public_check(ctx) == 1);
    EVP_PKEY_CTX_free(ctx);

    return good;
}


/*
 * The parameters of a key of id-RSASSA-PSS may restrict the hash and the length
 * of the salt (RFC 4055, 1.2).  The key does not serve algorithms that OpenSSL
 * refuses because of them.
 */

static int
gw_jwk_prepare(gw_jwk_t *key, gw_jwk_digests_t *digests, unsigned pss)
{
    int            rc;
    unsigned       i, md;
    gw_jwk_use_t  *use;

    for (i = 0; i < gw_jwa_count; i++) {
        if ((key->algs & gw_jwa_bit(&gw_jwa[i])) == 0) {
            continue;
        }

        use = &key->uses[key->nuses++];
        use->alg = &gw_jwa[i];

        if (use->alg->digest == NULL) {
            rc = gw_jwk_prepare_oneshot(key, use);

        } else {
            md = gw_jwk_digest_index(use->alg);
            use->digest = digests->ctx[md];
            rc = gw_jwk_prepare_verify(key, use, digests->md[md]);
        }

        if (rc != 0 && pss) {
            key->algs &= ~gw_jwa_bit(use->alg);
            EVP_PKEY_CTX_free(use->ctx);
            memset(use, 0, sizeof(gw_jwk_use_t));
            key->nuses--;

        } else if (rc != 0) {
            return -1;
        }
    }

    return 0;
}


static int
gw_jwk_prepare_verify(gw_jwk_t *key, gw_jwk_use_t *use, const EVP_MD *md)
{
    int            padding;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    use->ctx = ctx;

    if (ctx == NULL || EVP_PKEY_verify_init(ctx) <= 0
        || EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
    {
        return -1;
    }

    if (use->alg->family == GW_JWA_ECDSA) {
        return 0;
    }

    padding = (use->alg->family == GW_JWA_PSS) ? RSA_PKCS1_PSS_PADDING
                                               : RSA_PKCS1_PADDING;

    if (EVP_PKEY_CTX_set_rsa_padding(ctx, padding) <= 0) {
        return -1;
    }

    /* RFC 7518, 3.5: salt as long as the hash, MGF1 with that hash */

    if (padding == RSA_PKCS1_PSS_PADDING
        && (EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) <= 0
            || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) <= 0))
    {
        return -1;
    }

    return 0;
}


static int
gw_jwk_prepare_oneshot(gw_jwk_t *key, gw_jwk_use_t *use)
{
    use->digest = EVP_MD_CTX_new();

    if (use->digest == NULL
        || EVP_DigestVerifyInit(use->digest, NULL, NULL, NULL, key->pkey) != 1)
    {
        return -1;
    }

    return 0;
}


static unsigned
gw_jwk_digest_index(const gw_jwa_t *alg)
{
    unsigned  i;

    for (i = 0; i < GW_JWK_DIGESTS - 1; i++) {
        if (strcmp(gw_jwk_digest_names[i], alg->digest) == 0) {
            break;
        }
    }

    return i;
}


static int
gw_jwk_digests_init(gw_jwk_digests_t *digests)
{
    unsigned  i;

    digests->work = EVP_MD_CTX_new();

    if (digests->work == NULL) {
        return -1;
    }

    for (i = 0; i < GW_JWK_DIGESTS; i++) {
        digests->md[i] = gw_md_fetch(gw_jwk_digest_names[i]);
        digests->ctx[i] = EVP_MD_CTX_new();

        if (digests->md[i] == NULL || digests->ctx[i] == NULL
            || !EVP_DigestInit_ex(digests->ctx[i], digests->md[i], NULL))
        {
            return -1;
        }
    }

    return 0;
}


static void
gw_jwk_digests_free(gw_jwk_digests_t *digests)
{
    unsigned  i;

    EVP_MD_CTX_free(digests->work);

    for (i = 0; i < GW_JWK_DIGESTS; i++) {
        EVP_MD_CTX_free(digests->ctx[i]);
        gw_md_free(digests->md[i]);
    }
}
