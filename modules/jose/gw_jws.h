/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signed tokens in compact form: RFC 7515.
 *
 * The members jwk, jku, x5u and x5c are never read.  A token is refused if it
 * has crit, b64 or zip in any form, does not consist of three parts, or has an
 * "alg" that is not in the table.
 */

#ifndef GW_JWS_H_INCLUDED
#define GW_JWS_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_json.h"
#include "gw_reason.h"
#include "gw_jwa.h"
#include "gw_jwk.h"


#define GW_JWS_MAX_TRIES   4    /* keys that one token is tried with */
#define GW_JWS_MAX_VALUES  64   /* in a header, as in gw_json_read() */


typedef struct {
    json_t               *header;       /* the members that are checked */
    json_t               *whole;        /* all members; NULL: not built */
    const gw_jwa_t       *alg;
    const unsigned char  *kid;          /* in "header"; NULL: none */
    size_t                kid_len;

    const unsigned char  *input;        /* signing input, in the token */
    size_t                input_len;
    const unsigned char  *payload;      /* decoded, in the buffer */
    size_t                payload_len;
    const unsigned char  *signature;    /* decoded, in the buffer */
    size_t                signature_len;
} gw_jws_t;


/*
 * Details on a refused token, set only if a token is refused.  "why" is a
 * clause in printable ASCII such as "exp is a string" or "the header has a
 * duplicate member "alg"", or "" if the reason says it all.
 */

#define GW_JWS_WHY  (GW_JSON_WHY + GW_JSON_NAME_SIZE + sizeof("the payload "))

typedef struct {
    char                  why[GW_JWS_WHY];
    size_t                kid_len;
    unsigned char         kid[GW_JWK_MAX_KID];  /* also a longer one, cut */
} gw_jws_error_t;


/*
 * A cache of parsed headers, by their encoded bytes.  The tokens of an issuer
 * usually have the same header, which is then parsed once.  Each worker has its
 * own.  Only headers of verified tokens are added, so that nobody without a
 * valid token can flush it.
 */
typedef struct gw_jws_memo_s  gw_jws_memo_t;

gw_jws_memo_t *gw_jws_memo_create(void);
void gw_jws_memo_free(gw_jws_memo_t *memo);
void gw_jws_memo_add(gw_jws_memo_t *memo, const gw_jws_t *jws);


/* the buffer size that gw_jws_parse() needs for a token of "len" bytes */
#define gw_jws_buffer_size(len)  ((len) + 16)


/*
 * Splits and decodes a token.  "token" and "buf" must outlive "jws".  "memo"
 * may be NULL.  Parses the JSON of the header only, and builds only the members
 * that are checked: alg, kid, typ.  The payload may be any bytes.
 *
 * Returns GW_OK; the caller then calls gw_jws_release().  Otherwise sets
 * "error" (which may be NULL), with the "kid" if it could be read, and returns
 * GW_MALFORMED_HEADER (also: not three parts, more values than
 * GW_JWS_MAX_VALUES, crit, b64, zip, a "kid" or "typ" that is not a string),
 * GW_MALFORMED_PAYLOAD or GW_MALFORMED_SIGNATURE (base64url),
 * GW_ALGORITHM_NOT_ALLOWED (not in the table) or GW_FAILED; nothing is to be
 * released then.
 */
gw_reason_e gw_jws_parse(gw_jws_t *jws, gw_jws_memo_t *memo,
    const unsigned char *token, size_t len, unsigned char *buf,
    gw_jws_error_t *error);

/*
 * Builds the header with all of its members in jws->whole, unless it is built
 * already.  For verified tokens.  Returns GW_OK or GW_FAILED.
 */
gw_reason_e gw_jws_complete(gw_jws_t *jws);

/* releases the references to the header */
void gw_jws_release(gw_jws_t *jws);

/* the keys that a token was tried with */

typedef struct {
    unsigned              named;        /* 1: the "kid" fits a key */
    unsigned              exact;        /* 1: a key has the token's "kid" */
    unsigned              fit;          /* keys that also serve the algorithm;
                                           at most GW_JWS_MAX_TRIES are tried */
    gw_reason_e           reason;       /* of the last key that was tried */
    const gw_jwk_set_t   *set;          /* of that key; NULL: none was tried */
    const unsigned char  *kid;          /* of that key; NULL: none */
    size_t                kid_len;
} gw_jws_tries_t;


/*
 * Verifies the signature with the keys of "n" sets, and sets "tries".
 *
 * A key with a "kid" serves tokens with that "kid" and tokens without one; a
 * key without "kid" serves any.  At most GW_JWS_MAX_TRIES keys that fit are
 * tried: those with the token's "kid", or, for a token without one, those
 * without, come first.
 *
 * Returns GW_OK; GW_UNKNOWN_KEY if the "kid" fits no key, or if more keys fit
 * than may be tried and none of those succeeded; GW_KEY_MISMATCH if the "kid"
 * fits a key that does not serve the algorithm; GW_MALFORMED_SIGNATURE if the
 * length is not that of the algorithm; GW_BAD_SIGNATURE; GW_FAILED.  OpenSSL's
 * error queue is empty afterwards.
 */
gw_reason_e gw_jws_verify(const gw_jws_t *jws, gw_jwk_set_t *const *sets,
    size_t n, gw_jws_tries_t *tries);

/* fills "error" for a GW_MALFORMED_SIGNATURE of gw_jws_verify() */
void gw_jws_explain_length(const gw_jws_t *jws, gw_jws_error_t *error);


#endif /* GW_JWS_H_INCLUDED */
