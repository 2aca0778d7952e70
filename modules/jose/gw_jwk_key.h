/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The internals of a key.  Only the files that read keys (gw_jwk.c,
 * gw_jwk_read.c, gw_jwk_pem.c), prepare them (gw_jwk_key.c, gw_rsa.c) and use
 * them (gw_jwk_verify.c, gw_jws.c) include this header.
 */

#ifndef GW_JWK_KEY_H_INCLUDED
#define GW_JWK_KEY_H_INCLUDED

#include <stddef.h>
#include <openssl/evp.h>
#include <jansson.h>

#include "gw_reason.h"
#include "gw_openssl.h"
#include "gw_jwa.h"
#include "gw_kty.h"
#include "gw_hmac.h"
#include "gw_jwk.h"
#include "gw_jwk_type.h"


#define GW_JWK_MAX_USES  6      /* an RSA key serves RS* and PS* */
#define GW_JWK_DIGESTS   3


/*
 * The hashes of a set.  Each verification initializes the context again; "work"
 * is the context of HMAC.
 */
typedef struct {
    gw_md_t              *md[GW_JWK_DIGESTS];
    EVP_MD_CTX           *ctx[GW_JWK_DIGESTS];
    EVP_MD_CTX           *work;
} gw_jwk_digests_t;


/* one key prepared for one algorithm; the family decides which members */

typedef struct {
    const gw_jwa_t       *alg;
    EVP_MD_CTX           *digest;   /* RSA, PSS, ECDSA: the set's;
                                       HMAC: the set's "work";
                                       EdDSA, ML-DSA: own, with the key */
    EVP_PKEY_CTX         *ctx;      /* RSA, PSS, ECDSA */
    gw_hmac_t             hmac;
} gw_jwk_use_t;


struct gw_jwk_s {
    gw_kty_e              kty;
    gw_jwa_set_t          algs;       /* that it serves */
    const gw_jwa_t       *alg;        /* its "alg"; NULL: none */
    unsigned              is_short;   /* HMAC key, shorter than its hash */

    unsigned char        *kid;        /* NULL: none; may hold any byte */
    size_t                kid_len;

    EVP_PKEY             *pkey;       /* not of kty "oct" */
    size_t                signature;  /* bytes; 0: given by the algorithm */

    unsigned              nuses;
    gw_jwk_use_t          uses[GW_JWK_MAX_USES];
};


struct gw_jwk_set_s {
    unsigned              nkeys;
    unsigned              only_oct;
    gw_jwk_digests_t      digests;
    gw_jwk_t              keys[];
};


typedef struct {
    gw_jwk_digests_t     *digests;    /* of the set that receives the keys */
    unsigned              flags;      /* GW_JWK_COMPAT */
    char                  text[GW_JWK_MAX_WHY];
} gw_jwk_reader_t;


/* room for "n" keys; NULL if memory ran out */
gw_jwk_set_t *gw_jwk_set_create(size_t n);

/*
 * Reads a JWK into a zeroed "key".  Returns NULL, or a sentence without subject
 * that is valid until the reader reads the next key; the caller then calls
 * gw_jwk_key_free() as well.
 */
const char *gw_jwk_read(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk);

/*
 * Prepare a zeroed "key": from the DER of a SubjectPublicKeyInfo, which is
 * checked by the rules of gw_jwk.h, or from a secret of kty "oct", which is not
 * checked.  "pinned" is the key's "alg", or NULL.  Return NULL, or a static
 * sentence without subject ("is not ..."); the caller then calls
 * gw_jwk_key_free() as well.
 */
const char *gw_jwk_key_public(gw_jwk_t *key, gw_jwk_digests_t *digests,
    const gw_jwa_t *pinned, const unsigned char *spki, size_t len);
const char *gw_jwk_key_secret(gw_jwk_t *key, gw_jwk_digests_t *digests,
    gw_jwa_set_t algs, const unsigned char *secret, size_t len);

void gw_jwk_key_free(gw_jwk_t *key);

/* returns NULL, or why an RSA key must not be used */
const char *gw_rsa_judge(const unsigned char *n, size_t nlen,
    const unsigned char *e, size_t elen);

/*
 * Verifies one signature of any bytes with one key.  Returns GW_OK,
 * GW_KEY_MISMATCH, GW_MALFORMED_SIGNATURE, GW_BAD_SIGNATURE or GW_FAILED;
 * leaves OpenSSL's error queue empty.
 */
gw_reason_e gw_jwk_verify(gw_jwk_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, const unsigned char *signature,
    size_t signature_len);


#endif /* GW_JWK_KEY_H_INCLUDED */
