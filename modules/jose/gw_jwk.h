/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys and sets of keys: RFC 7517 (JWK, JWK Set), RFC 7518 section 6,
 * RFC 8037, RFC 9964 (kty AKP), and PEM.
 *
 * A key is parsed, checked and prepared once.  OpenSSL's key, its context for
 * each algorithm that the key serves, and the states of an HMAC are created
 * when the key is read, so that a request only verifies the signature.
 * Contexts are used without locks: a set belongs to one thread of one process,
 * and a fork()ed child uses its own copy.
 */

#ifndef GW_JWK_H_INCLUDED
#define GW_JWK_H_INCLUDED

#include <stddef.h>

#include "gw_jwa.h"


#define GW_JWK_MAX_KID   256    /* bytes; a longer one never matches */
#define GW_JWK_MAX_KEYS  1024   /* keys in one set */

/* flags */
#define GW_JWK_COMPAT   0x01    /* keep HMAC keys shorter than the hash */
#define GW_JWK_PUBLIC   0x02    /* refuse a file with a private key */
#define GW_JWK_REMOTE   0x04    /* messages for a response, not for a file */


typedef struct gw_jwk_s      gw_jwk_t;
typedef struct gw_jwk_set_s  gw_jwk_set_t;


/*
 * Called for each key that is left out: its number, from 0, its "kid" in
 * printable ASCII ("" if it has none), and a sentence without subject.  The
 * strings are valid during the call.  With GW_JWK_COMPAT also called, with
 * "kept" set, for an HMAC key that is short but kept.
 */
typedef void (*gw_jwk_note_pt)(void *data, unsigned number, const char *kid,
    const char *why, int kept);


/*
 * Parses a JWK Set, or one JWK.  Leaves out invalid keys and calls "note"
 * (which may be NULL) for each.  A set without a usable key is an error.
 * Private members are ignored; with GW_JWK_PUBLIC a private member is an error,
 * unless the key is of kty "oct".
 *
 * Left out: unknown "kty" or "crv"; "use" other than "sig"; "key_ops"
 * without "verify"; "alg" that does not fit the key; RSA outside of 2048 to
 * 16384 bits, with an even modulus, an exponent that is even, below 3 or
 * above 2^33, or with the ROCA fingerprint; a point that is not on its
 * curve; an HMAC key shorter than its hash; numbers that are not strict
 * base64url; a "kid" that is not a string or longer than GW_JWK_MAX_KID;
 * a key with the "kid", type and "alg" of a key before it.
 *
 * Returns a set for gw_jwk_set_free(), or NULL with a sentence in "err"
 * (of "size" bytes, NUL-terminated, without secrets).
 */
gw_jwk_set_t *gw_jwk_set_parse(const unsigned char *text, size_t len,
    unsigned flags, gw_jwk_note_pt note, void *data, char *err, size_t size);

/*
 * Parses PEM: public keys ("PUBLIC KEY", "RSA PUBLIC KEY") and certificates, of
 * which only the key is used.  A private key is an error.  The keys have no
 * "kid".  A key of id-RSASSA-PSS serves the PS algorithms that its parameters
 * allow.  Returns as gw_jwk_set_parse() does.
 */
gw_jwk_set_t *gw_jwk_set_parse_pem(const unsigned char *text, size_t len,
    gw_jwk_note_pt note, void *data, char *err, size_t size);

void gw_jwk_set_free(gw_jwk_set_t *set);

/* the number of usable keys */
unsigned gw_jwk_set_count(const gw_jwk_set_t *set);

/* the algorithms that its usable keys serve */
gw_jwa_set_t gw_jwk_set_algorithms(const gw_jwk_set_t *set);

/* whether all keys in the file, usable or not, are of kty "oct" */
int gw_jwk_set_only_oct(const gw_jwk_set_t *set);


#endif /* GW_JWK_H_INCLUDED */
