/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The claims of a token and the checks of RFC 7519 section 4.1 and RFC 8725
 * that need no signature.
 */

#ifndef GW_JWT_H_INCLUDED
#define GW_JWT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "gw_json.h"
#include "gw_jws.h"
#include "gw_reason.h"
#include "gw_text.h"


typedef struct {
    int64_t           now;        /* seconds since the epoch */
    int64_t           leeway;     /* seconds, for exp, nbf and max_age */
    int64_t           max_age;    /* seconds since iat; -1: not judged */
    int               require_exp;

    const gw_text_t  *typ;        /* any one; n = 0: not judged */
    size_t            ntyp;
    const gw_text_t  *issuers;
    size_t            nissuers;
    const gw_text_t  *audiences;
    size_t            naudiences;
} gw_jwt_policy_t;


/* the claims that are judged here, or name the bearer, for a limit's names */

#define GW_JWT_REGISTERED  6

extern const gw_text_t  gw_jwt_registered[GW_JWT_REGISTERED];


/*
 * The values that a payload may hold, for a limit, where tokens of up to
 * "size" bytes are accepted.  More of them, built by a stranger, would take
 * many times the memory of the token.
 */
size_t gw_jwt_max_values(size_t size);

/*
 * Parses a payload as claims: an object whose "exp", "nbf" and "iat", where
 * present and read, are numbers.  Returns GW_OK with a reference for
 * json_decref() in "*claims", or GW_MALFORMED_PAYLOAD with the clause in
 * "error", which may be NULL.
 */
gw_reason_e gw_jwt_parse(json_t **claims, const unsigned char *payload,
    size_t len, const gw_json_limit_t *limit, gw_jws_error_t *error);

/*
 * Judges in this order: typ, exp, nbf, iat and max_age, iss, aud; returns
 * the first reason, or GW_OK.  "typ" is compared without regard to case and
 * to a leading "application/" (RFC 7515, 4.1.9); a token without "typ" fails
 * where one is asked for.  "aud" is a string or an array of nothing but
 * strings, else it matches nothing.  A token is expired when
 * exp <= now - leeway, and not yet valid when nbf > now + leeway.  With
 * max_age "iat" is required (GW_TOO_OLD without it): in the future it is
 * GW_NOT_YET_VALID, older GW_TOO_OLD.
 */
gw_reason_e gw_jwt_check(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy);


#endif /* GW_JWT_H_INCLUDED */
