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
    int64_t           max_age;    /* seconds since iat; -1: not checked */
    int               require_exp;

    const gw_text_t  *typ;        /* any one; n = 0: not checked */
    size_t            ntyp;
    const gw_text_t  *issuers;
    size_t            nissuers;
    const gw_text_t  *audiences;
    size_t            naudiences;
} gw_jwt_policy_t;


/* "sub" and the claims that are checked here, for the names of a limit */

#define GW_JWT_REGISTERED  6

extern const gw_text_t  gw_jwt_registered[GW_JWT_REGISTERED];


/*
 * The number of values that a payload may have, for a limit, if tokens may have
 * up to "size" bytes.  A token with more values would take many times its size
 * in memory.
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
 * Checks that "exp", "nbf" and "iat", where present, are numbers, as above.
 * Returns GW_OK, or GW_MALFORMED_PAYLOAD with the clause in "error".
 */
gw_reason_e gw_jwt_check_times(const json_t *claims, gw_jws_error_t *error);

/*
 * Checks in this order: typ, exp, nbf, iat and max_age, iss, aud.  Returns the
 * first reason, or GW_OK.
 *
 * typ:  the comparison ignores case and a leading "application/" (RFC 7515,
 *       4.1.9); required if the policy lists types
 * exp:  GW_EXPIRED if exp <= now - leeway
 * nbf:  GW_NOT_YET_VALID if nbf > now + leeway
 * iat:  checked with max_age: GW_TOO_OLD if it is missing or too old,
 *       GW_NOT_YET_VALID if it is in the future
 * aud:  matches only as a string, or as an array of strings alone
 */
gw_reason_e gw_jwt_check(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy);


#endif /* GW_JWT_H_INCLUDED */
