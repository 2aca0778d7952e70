/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The table of signature algorithms: see gw_jwa.h.
 */

#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "gw_openssl.h"
#include "gw_jwa.h"


#define GW_KEY(kty)   (1u << GW_KTY_##kty)
#define GW_ED_KEYS    (GW_KEY(ED25519) | GW_KEY(ED448))

#define GW_JWA_HMACS  3   /* the first rows */


const gw_jwa_t  gw_jwa[] = {
    { "HS256",     GW_JWA_HMAC,  GW_KEY(OCT),       "SHA256", 32 },
    { "HS384",     GW_JWA_HMAC,  GW_KEY(OCT),       "SHA384", 48 },
    { "HS512",     GW_JWA_HMAC,  GW_KEY(OCT),       "SHA512", 64 },
    { "RS256",     GW_JWA_RSA,   GW_KEY(RSA),       "SHA256", 0 },
    { "RS384",     GW_JWA_RSA,   GW_KEY(RSA),       "SHA384", 0 },
    { "RS512",     GW_JWA_RSA,   GW_KEY(RSA),       "SHA512", 0 },
    { "PS256",     GW_JWA_PSS,   GW_KEY(RSA),       "SHA256", 0 },
    { "PS384",     GW_JWA_PSS,   GW_KEY(RSA),       "SHA384", 0 },
    { "PS512",     GW_JWA_PSS,   GW_KEY(RSA),       "SHA512", 0 },
    { "ES256",     GW_JWA_ECDSA, GW_KEY(P256),      "SHA256", 64 },
    { "ES384",     GW_JWA_ECDSA, GW_KEY(P384),      "SHA384", 96 },
    { "ES512",     GW_JWA_ECDSA, GW_KEY(P521),      "SHA512", 132 },
    { "ES256K",    GW_JWA_ECDSA, GW_KEY(SECP256K1), "SHA256", 64 },
    { "EdDSA",     GW_JWA_EDDSA, GW_ED_KEYS,        NULL,     0 },
    { "Ed25519",   GW_JWA_EDDSA, GW_KEY(ED25519),   NULL,     64 },
    { "Ed448",     GW_JWA_EDDSA, GW_KEY(ED448),     NULL,     114 },
    { "ML-DSA-44", GW_JWA_MLDSA, GW_KEY(MLDSA44),   NULL,     2420 },
    { "ML-DSA-65", GW_JWA_MLDSA, GW_KEY(MLDSA65),   NULL,     3309 },
    { "ML-DSA-87", GW_JWA_MLDSA, GW_KEY(MLDSA87),   NULL,     4627 }
};

#define GW_JWA_COUNT  (sizeof(gw_jwa) / sizeof(gw_jwa[0]))

const unsigned      gw_jwa_count = GW_JWA_COUNT;
const gw_jwa_set_t  gw_jwa_hmac = (1u << GW_JWA_HMACS) - 1;
const gw_jwa_set_t  gw_jwa_asymmetric =
    ((1u << GW_JWA_COUNT) - 1) & ~((1u << GW_JWA_HMACS) - 1);


const gw_jwa_t *
gw_jwa_find(const unsigned char *name, size_t len)
{
    unsigned  i;

    for (i = 0; i < GW_JWA_COUNT; i++) {
        if (strlen(gw_jwa[i].name) == len
            && memcmp(gw_jwa[i].name, name, len) == 0)
        {
            return &gw_jwa[i];
        }
    }

    return NULL;
}


/* some distributions build OpenSSL without some curves */

static int
gw_jwa_has_curve(int nid)
{
    EC_GROUP  *group;

    group = EC_GROUP_new_by_curve_name(nid);
    EC_GROUP_free(group);

    return group != NULL;
}


int
gw_jwa_available(const gw_jwa_t *alg)
{
    int  rc;

    switch (alg->family) {

    case GW_JWA_ECDSA:
        rc = gw_jwa_has_curve(alg->keys & GW_KEY(P256) ? NID_X9_62_prime256v1
                              : alg->keys & GW_KEY(P384) ? NID_secp384r1
                              : alg->keys & GW_KEY(P521) ? NID_secp521r1
                                                         : NID_secp256k1);
        break;

    case GW_JWA_EDDSA:
        rc = gw_openssl_has_key(alg->keys & GW_KEY(ED25519) ? "ED25519"
                                                            : "ED448");
        break;

    case GW_JWA_MLDSA:
        rc = gw_openssl_has_key(alg->name);
        break;

    default:
        rc = 1;
    }

    ERR_clear_error();

    return rc;
}
