/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Why a request was refused: the suite's closed list of reasons.
 *
 * $gateway_auth_reason and the variables of the methods, the "reason" member of
 * a problem document, the log and nginx-gateway(1) print the same words, so
 * that a client's report, the log and the tool's output can be compared.
 *
 * Free of nginx, OpenSSL and jansson.
 */

#ifndef GW_REASON_H_INCLUDED
#define GW_REASON_H_INCLUDED


#include <stdint.h>


/*
 * X(enumerator, whether it concerns the client's identity, word, sentence for
 * the client)
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
      "the key of the token is unknown")                                      \
    X(KEY_MISMATCH, 1, "key_mismatch",                                        \
      "the key of the token does not match its algorithm")                    \
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
      "the type of the token is not accepted here")                           \
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
      "the consumer is in none of the allowed groups")                        \
    X(GROUP_DENIED, 1, "group_denied",                                        \
      "the consumer is in a denied group")                                    \
    X(CONSUMER_NOT_ALLOWED, 1, "consumer_not_allowed",                        \
      "the consumer is not allowed here")                                     \
    X(KEYS_UNAVAILABLE, 1, "keys_unavailable",                                \
      "the keys of the token's issuer are unavailable")                       \
    X(REVOKED, 1, "revoked",                                                  \
      "the token has been revoked")                                           \
    X(TOKEN_INACTIVE, 1, "token_inactive",                                    \
      "the token is not active")                                              \
    X(INTROSPECTION_UNAVAILABLE, 1, "introspection_unavailable",              \
      "the token cannot be checked at its issuer")                            \
    X(RATE_EXCEEDED, 0, "rate_exceeded",                                      \
      "the rate limit is exceeded")                                           \
    X(QUOTA_EXCEEDED, 0, "quota_exceeded",                                    \
      "the quota is used up")                                                 \
    X(CONCURRENCY_EXCEEDED, 0, "concurrency_exceeded",                        \
      "too many concurrent requests")                                         \
    X(LIMIT_UNAVAILABLE, 0, "limit_unavailable",                              \
      "the rate limit service is unavailable")


typedef enum {
#define GW_REASON_ENUM(id, auth, word, sentence)  GW_##id,
    GW_REASONS(GW_REASON_ENUM)
#undef GW_REASON_ENUM
    GW_REASON_COUNT,

    /* not a reason: out of memory, or a library failed; always denied */
    GW_FAILED = GW_REASON_COUNT,

    /*
     * not a reason: the decision waits for another process or server.  It is
     * never logged, never stored in a request's record, and has no word.
     */
    GW_WAITING
} gw_reason_e;


/*
 * Whether a reason concerns the client's identity and is therefore a value of
 * $gateway_auth_reason.  Not for GW_WAITING.  The column of the table is packed
 * into bits, so that the test is one shift; a table of more than 63 rows does
 * not compile.
 */
#define gw_reason_auth(reason)  (GW_REASONS_AUTH >> (reason) & 1)

#define GW_REASONS_AUTH                                                       \
    (((uint64_t) 1 << GW_FAILED) GW_REASONS(GW_REASON_BIT))
#define GW_REASON_BIT(id, auth, word, sentence)                               \
    | ((uint64_t) auth << GW_##id)

/*
 * The word and the sentence of a reason, NUL-terminated and static.  Both are
 * "" for GW_OK; the word is "internal_error" for GW_FAILED.  Not for
 * GW_WAITING.
 */
const char *gw_reason_word(gw_reason_e reason);
const char *gw_reason_sentence(gw_reason_e reason);


#endif /* GW_REASON_H_INCLUDED */
