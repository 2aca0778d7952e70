/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * HMAC (RFC 2104) with a prepared key.
 *
 * The states of the hash after the inner and the outer pad are kept, so that a
 * message costs no hashing of the key.  This is as fast as OpenSSL's HMAC_CTX,
 * faster than EVP_MAC, and not deprecated in any version.
 */

#ifndef GW_HMAC_H_INCLUDED
#define GW_HMAC_H_INCLUDED

#include <stddef.h>
#include <openssl/evp.h>


typedef struct {
    EVP_MD_CTX  *inner;
    EVP_MD_CTX  *outer;
} gw_hmac_t;


/* returns 0, or -1 with nothing to free */
int gw_hmac_init(gw_hmac_t *hmac, const EVP_MD *md, const unsigned char *key,
    size_t len);

void gw_hmac_free(gw_hmac_t *hmac);

/*
 * Computes the MAC of a text.  "mac" has EVP_MAX_MD_SIZE bytes; "work" is any
 * context and is overwritten.  Returns 0, or -1.
 */
int gw_hmac(const gw_hmac_t *hmac, EVP_MD_CTX *work,
    const unsigned char *text, size_t len, unsigned char *mac);


#endif /* GW_HMAC_H_INCLUDED */
