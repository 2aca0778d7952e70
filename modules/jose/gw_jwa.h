/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The signature algorithms: RFC 7518 section 3.1, RFC 8037 (EdDSA),
 * RFC 8812 (ES256K), RFC 9864 (Ed25519, Ed448), RFC 9964 (ML-DSA).
 *
 * A token's "alg" is compared byte for byte with the names of one table.
 * "none" is not in the table and cannot be configured.
 */

#ifndef GW_JWA_H_INCLUDED
#define GW_JWA_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef enum {
    GW_JWA_HMAC,
    GW_JWA_RSA,       /* RSASSA-PKCS1-v1_5 */
    GW_JWA_PSS,       /* RSASSA-PSS, salt as long as the hash */
    GW_JWA_ECDSA,
    GW_JWA_EDDSA,
    GW_JWA_MLDSA
} gw_jwa_family_e;


typedef enum {
    GW_KTY_OCT,
    GW_KTY_RSA,
    GW_KTY_P256,
    GW_KTY_P384,
    GW_KTY_P521,
    GW_KTY_SECP256K1,
    GW_KTY_ED25519,
    GW_KTY_ED448,
    GW_KTY_MLDSA44,
    GW_KTY_MLDSA65,
    GW_KTY_MLDSA87,
    GW_KTY_COUNT
} gw_kty_e;


typedef struct {
    const char       *name;
    gw_jwa_family_e   family;
    uint32_t          keys;       /* bits 1 << gw_kty_e that can serve it */
    const char       *digest;     /* OpenSSL's name; NULL: no separate hash */
    size_t            signature;  /* exact bytes; 0: given by the key */
} gw_jwa_t;


/* a set of algorithms: bit i stands for gw_jwa[i] */
typedef uint32_t  gw_jwa_set_t;


extern const gw_jwa_t   gw_jwa[];
extern const unsigned   gw_jwa_count;

/* every HS*, and every other */
extern const gw_jwa_set_t  gw_jwa_hmac;
extern const gw_jwa_set_t  gw_jwa_asymmetric;


/* NULL if the name is not in the table */
const gw_jwa_t *gw_jwa_find(const unsigned char *name, size_t len);

#define gw_jwa_bit(alg)  ((gw_jwa_set_t) 1 << ((alg) - gw_jwa))

/*
 * Whether the OpenSSL in use provides the algorithm (ML-DSA since 3.5).  Too
 * slow to be called in a request.
 */
int gw_jwa_available(const gw_jwa_t *alg);


#endif /* GW_JWA_H_INCLUDED */
