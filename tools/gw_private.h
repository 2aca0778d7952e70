/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Private keys: generates them and signs.  Used by the tool and by tests; the
 * nginx module does not link this.
 */

#ifndef GW_PRIVATE_H_INCLUDED
#define GW_PRIVATE_H_INCLUDED

#include <stddef.h>
#include <openssl/evp.h>
#include <jansson.h>

#include "gw_jwa.h"
#include "gw_jwk_type.h"
#include "gw_kty.h"


#define GW_THUMBPRINT_SIZE  44   /* of SHA-256 in base64url, with the NUL */


typedef struct {
    gw_kty_e          kty;
    const gw_jwa_t   *alg;       /* its "alg"; NULL: none */
    const char       *kid;       /* in the JWK; NULL: none */
    EVP_PKEY         *pkey;
    unsigned char    *secret;    /* kty "oct" */
    size_t            secret_len;
    char              why[GW_JWK_MAX_WHY];
} gw_private_t;


/*
 * Takes the private key out of a JWK, which must outlive it.  Returns NULL, and
 * the caller calls gw_private_free(), or a sentence without subject that is
 * valid as long as "key", and there is nothing to free.
 */
const char *gw_private_load(gw_private_t *key, json_t *jwk);
void gw_private_free(gw_private_t *key);

/* returns the "alg" of the key, or the first that its type serves */
const gw_jwa_t *gw_private_alg(const gw_private_t *key);

/*
 * Signs.  Returns the signature, in the raw form of RFC 7518, for free(), or
 * NULL if OpenSSL failed.
 */
unsigned char *gw_private_sign(const gw_private_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, size_t *signature_len);

/*
 * Returns a token in compact form of exactly these bytes, NUL-terminated, for
 * free(), or NULL if OpenSSL failed or memory ran out.
 */
char *gw_private_token(const gw_private_t *key, const gw_jwa_t *alg,
    const void *header, size_t header_len, const void *payload,
    size_t payload_len);


/*
 * Generates a key for an algorithm, as a private JWK with "alg" and "use" and
 * without "kid".  "bits" is the size of an RSA or HMAC key, 0 is the default.
 * Returns a reference for json_decref(), or NULL with a static sentence without
 * subject in "*why".
 */
json_t *gw_generate(const gw_jwa_t *alg, unsigned bits, const char **why);

/* RFC 7638; "text" has GW_THUMBPRINT_SIZE bytes.  Returns 0, or -1 */
int gw_thumbprint(const json_t *jwk, char *text);

/* returns "data" as a JSON string in base64url */
json_t *gw_json_base64url(const unsigned char *data, size_t len);


#endif /* GW_PRIVATE_H_INCLUDED */
