/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Signed tokens in compact form: RFC 7515.
 *
 * Never read: jwk, jku, x5u, x5c.  Never accepted: crit, b64 and zip in any
 * form, a token of other than three parts, an "alg" that is not in the
 * table.
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
    json_t               *header;       /* the members that are judged */
    json_t               *whole;        /* all of them; NULL: not built */
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
 * Why a token is refused, beyond the reason: written only if it is.  "why" is a
 * clause such as "exp is a string" or "the header has a duplicate member
 * "alg"", printable ASCII, "" if there is nothing to add.
 */

#define GW_JWS_WHY  (GW_JSON_WHY + GW_JSON_NAME_SIZE + sizeof("the payload "))

typedef struct {
    char                  why[GW_JWS_WHY];
    size_t                kid_len;
    unsigned char         kid[GW_JWK_MAX_KID];  /* also a longer one, cut */
} gw_jws_error_t;


/*
 * Parsed headers by their encoded bytes.  The tokens of one issuer share
 * theirs, so that most need no JSON parser for it.  Owned by the worker;
 * takes in headers of verified tokens only: a stranger cannot flush it.
 */
typedef struct gw_jws_memo_s  gw_jws_memo_t;

gw_jws_memo_t *gw_jws_memo_create(void);
void gw_jws_memo_free(gw_jws_memo_t *memo);
void gw_jws_memo_add(gw_jws_memo_t *memo, const gw_jws_t *jws);


/*
 * The buffer that gw_jws_parse() decodes a token of "len" bytes into.
 */
#define gw_jws_buffer_size(len)  ((len) + 16)


/*
 * Takes a token apart: "token" and "buf" must outlive "jws".  "memo" may be
 * NULL.  Nothing but the header's JSON is parsed, and nothing of it is built
 * but what is judged: alg, kid, typ.  The payload may be any bytes.
 *
 * Returns GW_OK, and the caller calls gw_jws_release(); or, with "error" (which
 * may be NULL) and the "kid" as far as it could be read,
 * GW_MALFORMED_HEADER (also: not three parts, more values than
 * GW_JWS_MAX_VALUES, crit, b64, zip, a "kid" or "typ" that is no string),
 * GW_MALFORMED_PAYLOAD, GW_MALFORMED_SIGNATURE
 * (base64url), GW_ALGORITHM_NOT_ALLOWED (not in the table), GW_FAILED, with
 * nothing to release.
 */
gw_reason_e gw_jws_parse(gw_jws_t *jws, gw_jws_memo_t *memo,
    const unsigned char *token, size_t len, unsigned char *buf,
    gw_jws_error_t *error);

/*
 * Builds the header with all of its members, unless it is there: for a token
 * that was verified.  GW_OK or GW_FAILED.
 */
gw_reason_e gw_jws_complete(gw_jws_t *jws);

/* gives back the references to the header */
void gw_jws_release(gw_jws_t *jws);

/* what became of the keys that a token was held against */

typedef struct {
    unsigned              named;        /* 1: the token names one */
    unsigned              fit;          /* keys that serve its algorithm; at
                                           most GW_JWS_MAX_TRIES were tried */
    gw_reason_e           reason;       /* of the last one tried */
    const gw_jwk_set_t   *set;          /* of that one; NULL: none was */
    const unsigned char  *kid;          /* its own, in the set; NULL: none */
    size_t                kid_len;
} gw_jws_tries_t;


/*
 * Verifies the signature with the keys of "n" sets, and fills "tries".
 *
 * A key with a "kid" serves tokens with that "kid" and tokens without one; a
 * key without "kid" serves any.  At most GW_JWS_MAX_TRIES keys that fit are
 * tried: those with the token's "kid", or, for a token without one, those
 * without, come first.
 *
 * Returns GW_OK; GW_UNKNOWN_KEY if no key is named by the token, or if more
 * keys fit than may be tried and none of the tried did; GW_KEY_MISMATCH if a
 * key is named but does not serve the algorithm; GW_MALFORMED_SIGNATURE if
 * it has not the length that the algorithm fixes; GW_BAD_SIGNATURE;
 * GW_FAILED.  OpenSSL's error queue is empty afterwards.
 */
gw_reason_e gw_jws_verify(const gw_jws_t *jws, gw_jwk_set_t *const *sets,
    size_t n, gw_jws_tries_t *tries);

/* fills "error" for a GW_MALFORMED_SIGNATURE of gw_jws_verify() */
void gw_jws_explain_length(const gw_jws_t *jws, gw_jws_error_t *error);


#endif /* GW_JWS_H_INCLUDED */
