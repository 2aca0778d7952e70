/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The type and the algorithm of a JWK, for the code that reads public keys and
 * for the tool, which also reads private ones.
 */

#ifndef GW_JWK_TYPE_H_INCLUDED
#define GW_JWK_TYPE_H_INCLUDED

#include <jansson.h>

#include "gw_jwa.h"
#include "gw_kty.h"


#define GW_JWK_MAX_WHY   320    /* bytes of a sentence, with its NUL */


/*
 * Reads "kty", "crv" and "alg" of a JWK, which may be any JSON value.  Returns
 * NULL with "*kty" and "*alg" set ("*alg" is NULL if the JWK has none), or a
 * sentence without subject, which is static or in "text" (of GW_JWK_MAX_WHY
 * bytes).
 */
const char *gw_jwk_type(const json_t *jwk, gw_kty_e *kty,
    const gw_jwa_t **alg, char *text);

/*
 * Describes an object that has neither "kty" nor an array "keys": a static
 * text to follow "is neither a JWK nor a JWK Set".  "remote": it is a response,
 * not a file.
 */
const char *gw_jwk_mistaken(json_t *root, unsigned remote);


#endif /* GW_JWK_TYPE_H_INCLUDED */
