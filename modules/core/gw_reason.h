/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Why a request was refused: the suite's closed list.
 *
 * One table names every reason.  $gateway_auth_reason and the variables of the
 * methods, the "reason" member of a problem body, the log and nginx-gateway(1)
 * all print the same word, so that what a client reports, what the log holds
 * and what the tool says can be compared by eye.
 *
 * Knows no nginx, OpenSSL or jansson.
 */

#ifndef GW_REASON_H_INCLUDED
#define GW_REASON_H_INCLUDED


#include <stdint.h>


/*
 * X(enumerator, whether it concerns who the client is, word, sentence for the
 * client)
 */

#define GW_REASONS(X)                                                         \
    X(OK, 1, "", "")                                                          \
    X(MISSING, 1, "missing",                                                  \
      "no credential was presented")                                          \
    X(DUPLICATE_CREDENTIAL, 1, "duplicate_credential",                        \
      "more than one credential was presented")                               \
    X(TOO_LARGE, 1, "too_large",                                              \
      "the token is too large")                                               \
    X(MALFORMED_HEADER, 1, "malformed_header",                                \
      "the token is not a signed token with a well-formed header")            \
    X(MALFORMED_PAYLOAD, 1, "malformed_payload",                              \
      "the claims of the token are malformed")                                \
    X(MALFORMED_SIGNATURE, 1, "malformed_signature",                          \
      "the signature of the token is malformed")                              \
    X(ALGORITHM_NOT_ALLOWED, 1, "algorithm_not_allowed",                      \
      "the algorithm of the token is not allowed")                            \
    X(UNKNOWN_KEY, 1, "unknown_key",                                          \
      "the token names no key that is known")                                 \
    X(KEY_MISMATCH, 1, "key_mismatch",                                        \
      "the key that the token names does not serve its algorithm")            \
    X(BAD_SIGNATURE, 1, "bad_signature",                                      \
      "the signature of the token is not valid")                              \
    X(EXPIRED, 1, "expired",                                                  \
      "the token has expired")                                                \
    X(NO_EXPIRY, 1, "no_expiry",                                              \
      "the token has no expiry")                                              \
    X(NOT_YET_VALID, 1, "not_yet_valid",                                      \
      "the token is not valid yet")                                           \
    X(TOO_OLD, 1, "too_old",                                                  \
      "the token was issued too long ago")                                    \
    X(TYP, 1, "typ",                                                          \
      "the token is of another type")                                         \
    X(ISSUER, 1, "issuer",                                                    \
      "the issuer of the token is not accepted here")                         \
    X(AUDIENCE, 1, "audience",                                                \
      "the token is meant for another audience")                              \
    X(CLAIM, 1, "claim",                                                      \
      "the claims of the token do not allow this request")                    \
    X(CONSUMER_CONFLICT, 1, "consumer_conflict",                              \
      "the credentials name different consumers")                             \
    X(DISABLED, 1, "disabled",                                                \
      "the credential or its consumer is disabled")                           \
    X(MALFORMED_KEY, 1, "malformed_key",                                      \
      "the API key is malformed")                                             \
    X(ADDRESS_NOT_ALLOWED, 1, "address_not_allowed",                          \
      "the API key may not be used from this address")                        \
    X(INVALID_KEY, 1, "invalid_key",                                          \
      "the API key is not valid")                                             \
    X(CERTIFICATE_MISSING, 1, "certificate_missing",                          \
      "no verified client certificate was presented")                         \
    X(UNKNOWN_CERTIFICATE, 1, "unknown_certificate",                          \
      "the client certificate belongs to no consumer")                        \
    X(INSUFFICIENT_SCOPE, 1, "insufficient_scope",                            \
      "the credential lacks a scope that this request requires")              \
    X(METHOD_NOT_ALLOWED, 1, "method_not_allowed",                            \
      "this method is not allowed here")                                      \
    X(GROUP_NOT_ALLOWED, 1, "group_not_allowed",                              \
      "the consumer is in none of the groups that are allowed here")          \
    X(GROUP_DENIED, 1, "group_denied",                                        \
      "the consumer is in a group that is denied here")                       \
    X(CONSUMER_NOT_ALLOWED, 1, "consumer_not_allowed",                        \
      "the consumer is not one of those that are allowed here")               \
    X(RATE_EXCEEDED, 0, "rate_exceeded",                                      \
      "requests come faster than is allowed")                                 \
    X(QUOTA_EXCEEDED, 0, "quota_exceeded",                                    \
      "the quota is used up")                                                 \
    X(CONCURRENCY_EXCEEDED, 0, "concurrency_exceeded",                        \
      "too many requests are being served at once")                           \
    X(LIMIT_UNAVAILABLE, 0, "limit_unavailable",                              \
      "whether the request is within its limits cannot be said now")


typedef enum {
#define GW_REASON_ENUM(id, auth, word, sentence)  GW_##id,
    GW_REASONS(GW_REASON_ENUM)
#undef GW_REASON_ENUM
    GW_REASON_COUNT,

    /* not a reason: memory ran out or a library failed; never granted */
    GW_FAILED = GW_REASON_COUNT
} gw_reason_e;


/*
 * Whether a reason concerns who the client is: $gateway_auth_reason.  This is
 * the column of the table as bits, so that it costs one shift; a table of more
 * than 63 rows does not compile.
 */
#define gw_reason_auth(reason)  (GW_REASONS_AUTH >> (reason) & 1)

#define GW_REASONS_AUTH                                                       \
    (((uint64_t) 1 << GW_FAILED) GW_REASONS(GW_REASON_BIT))
#define GW_REASON_BIT(id, auth, word, sentence)                               \
    | ((uint64_t) auth << GW_##id)

/*
 * The word and the sentence of a reason, NUL-terminated and static;
 * "" for GW_OK, "internal_error" for GW_FAILED.
 */
const char *gw_reason_word(gw_reason_e reason);
const char *gw_reason_sentence(gw_reason_e reason);


#endif /* GW_REASON_H_INCLUDED */
