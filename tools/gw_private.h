/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The private half of a key: signing and making keys.  For the tool and the
 * tests; the nginx module does not link this.
 */

#ifndef GW_PRIVATE_H_INCLUDED
#define GW_PRIVATE_H_INCLUDED

#include <stddef.h>
#include <openssl/evp.h>
#include <jansson.h>

#include "gw_jwa.h"
#include "gw_kty.h"


#define GW_THUMBPRINT_SIZE  44   /* of SHA-256 in base64url, with the NUL */


typedef struct {
    gw_kty_e          kty;
    const gw_jwa_t   *alg;       /* its "alg"; NULL: none */
    const char       *kid;       /* in the JWK; NULL: none */
    EVP_PKEY         *pkey;
    unsigned char    *secret;    /* kty "oct" */
    size_t            secret_len;
} gw_private_t;


/*
 * Takes the private key out of a JWK, which must outlive it.  Returns NULL
 * and the caller calls gw_private_free(), or a static sentence without
 * subject and there is nothing to free.
 */
const char *gw_private_load(gw_private_t *key, json_t *jwk);
void gw_private_free(gw_private_t *key);

/* the key's "alg", or the usual one of its type */
const gw_jwa_t *gw_private_alg(const gw_private_t *key);

/*
 * Signs.  The signature, raw as RFC 7518 wants it, is returned for free();
 * NULL if OpenSSL failed.
 */
unsigned char *gw_private_sign(const gw_private_t *key, const gw_jwa_t *alg,
    const unsigned char *input, size_t len, size_t *signature_len);

/*
 * A token in compact form of exactly these bytes, NUL-terminated, for
 * free(); NULL if OpenSSL failed or memory ran out.
 */
char *gw_private_token(const gw_private_t *key, const gw_jwa_t *alg,
    const void *header, size_t header_len, const void *payload,
    size_t payload_len);


/*
 * Makes a key for an algorithm, as a private JWK with "alg" and "use" and
 * without "kid".  "bits" is for RSA and HMAC, 0: the usual size.  Returns a
 * reference for json_decref(), or NULL with a static sentence without
 * subject in "*why".
 */
json_t *gw_generate(const gw_jwa_t *alg, unsigned bits, const char **why);

/* RFC 7638; "text" has GW_THUMBPRINT_SIZE bytes.  Returns 0, or -1 */
int gw_thumbprint(const json_t *jwk, char *text);

/* "data" as a JSON string of base64url */
json_t *gw_json_base64url(const unsigned char *data, size_t len);


#endif /* GW_PRIVATE_H_INCLUDED */
