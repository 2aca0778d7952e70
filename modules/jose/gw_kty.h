/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Key types: their names in JWK and their identifiers in X.509.
 */

#ifndef GW_KTY_H_INCLUDED
#define GW_KTY_H_INCLUDED

#include <stddef.h>

#include "gw_jwa.h"


typedef struct {
    const char           *kty;        /* RFC 7518, RFC 8037, RFC 9964 */
    const char           *curve;      /* "crv", or "alg" of kty "AKP" */
    size_t                size;       /* bytes: coordinate or public key */
    size_t                signature;  /* bytes; 0: varies */

    /* the key's AlgorithmIdentifier in DER (RFC 5280, 4.1.2.7) */
    const unsigned char  *id;
    size_t                id_len;

    /* the order of the curve, "size" bytes, big-endian */
    const unsigned char  *order;
} gw_kty_t;


/* indexed by gw_kty_e */
extern const gw_kty_t  gw_kty[GW_KTY_COUNT];


/*
 * Finds a type by the "kty" of a JWK and its "crv" or "alg", which may be NULL.
 * Returns GW_KTY_COUNT if there is none.
 */
gw_kty_e gw_kty_find(const char *kty, const char *crv, const char *alg);

/* finds a type by its AlgorithmIdentifier; GW_KTY_COUNT if there is none */
gw_kty_e gw_kty_by_id(const unsigned char *id, size_t len);


#endif /* GW_KTY_H_INCLUDED */
