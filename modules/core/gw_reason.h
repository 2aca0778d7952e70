
/*
 * Why a request was refused: the suite's closed list.
 *
 * One table names every reason.  The variables $gateway_auth_reason and
 * $gateway_jwt_status, the "reason" member of a problem body, the log and
 * nginx-gateway(1) all print the same word, so that what a client reports,
 * what the log holds and what the tool says can be compared by eye.
 *
 * Knows no nginx, OpenSSL or jansson.
 */

#ifndef GW_REASON_H_INCLUDED
#define GW_REASON_H_INCLUDED


/* X(enumerator, word, sentence for the client) */

#define GW_REASONS(X)                                                         \
    X(OK, "", "")                                                             \
    X(MISSING, "missing",                                                     \
      "no credential was presented")                                          \
    X(DUPLICATE_CREDENTIAL, "duplicate_credential",                           \
      "more than one credential was presented")                               \
    X(TOO_LARGE, "too_large",                                                 \
      "the token is too large")                                               \
    X(MALFORMED_HEADER, "malformed_header",                                   \
      "the token is not a signed token with a well-formed header")            \
    X(MALFORMED_PAYLOAD, "malformed_payload",                                 \
      "the claims of the token are malformed")                                \
    X(MALFORMED_SIGNATURE, "malformed_signature",                             \
      "the signature of the token is malformed")                              \
    X(ALGORITHM_NOT_ALLOWED, "algorithm_not_allowed",                         \
      "the algorithm of the token is not allowed")                            \
    X(UNKNOWN_KEY, "unknown_key",                                             \
      "the token names no key that is known")                                 \
    X(KEY_MISMATCH, "key_mismatch",                                           \
      "the key that the token names does not serve its algorithm")            \
    X(BAD_SIGNATURE, "bad_signature",                                         \
      "the signature of the token is not valid")                              \
    X(EXPIRED, "expired",                                                     \
      "the token has expired")                                                \
    X(NO_EXPIRY, "no_expiry",                                                 \
      "the token has no expiry")                                              \
    X(NOT_YET_VALID, "not_yet_valid",                                         \
      "the token is not valid yet")                                           \
    X(TOO_OLD, "too_old",                                                     \
      "the token was issued too long ago")                                    \
    X(TYP, "typ",                                                             \
      "the token is of another type")                                         \
    X(ISSUER, "issuer",                                                       \
      "the issuer of the token is not accepted here")                         \
    X(AUDIENCE, "audience",                                                   \
      "the token is meant for another audience")                              \
    X(CLAIM, "claim",                                                         \
      "the claims of the token do not allow this request")                    \
    X(CONSUMER_CONFLICT, "consumer_conflict",                                 \
      "the credentials name different consumers")                             \
    X(DISABLED, "disabled",                                                   \
      "the credential or its consumer is disabled")                           \
    X(MALFORMED_KEY, "malformed_key",                                         \
      "the API key is malformed")                                             \
    X(ADDRESS_NOT_ALLOWED, "address_not_allowed",                             \
      "the API key may not be used from this address")                        \
    X(INVALID_KEY, "invalid_key",                                             \
      "the API key is not valid")                                             \
    X(CERTIFICATE_MISSING, "certificate_missing",                             \
      "no verified client certificate was presented")                         \
    X(UNKNOWN_CERTIFICATE, "unknown_certificate",                             \
      "the client certificate belongs to no consumer")                        \
    X(INSUFFICIENT_SCOPE, "insufficient_scope",                               \
      "the credential lacks a scope that this request requires")              \
    X(METHOD_NOT_ALLOWED, "method_not_allowed",                               \
      "this method is not allowed here")                                      \
    X(GROUP_NOT_ALLOWED, "group_not_allowed",                                 \
      "the consumer is in none of the groups that are allowed here")          \
    X(GROUP_DENIED, "group_denied",                                           \
      "the consumer is in a group that is denied here")                       \
    X(CONSUMER_NOT_ALLOWED, "consumer_not_allowed",                           \
      "the consumer is not one of those that are allowed here")               \
    X(RATE_EXCEEDED, "rate_exceeded",                                         \
      "requests come faster than is allowed")                                 \
    X(QUOTA_EXCEEDED, "quota_exceeded",                                       \
      "the quota is used up")                                                 \
    X(CONCURRENCY_EXCEEDED, "concurrency_exceeded",                           \
      "too many requests are being served at once")                           \
    X(LIMIT_UNAVAILABLE, "limit_unavailable",                                 \
      "whether the request is within its limits cannot be said now")


typedef enum {
#define GW_REASON_ENUM(id, word, sentence)  GW_##id,
    GW_REASONS(GW_REASON_ENUM)
#undef GW_REASON_ENUM
    GW_REASON_COUNT,

    /* not a reason: memory ran out or a library failed; never granted */
    GW_FAILED = GW_REASON_COUNT
} gw_reason_e;


/* whether a reason concerns who the client is: $gateway_auth_reason */
#define gw_reason_auth(reason)                                                \
    ((reason) < GW_RATE_EXCEEDED || (reason) > GW_LIMIT_UNAVAILABLE)

/*
 * The word and the sentence of a reason, NUL-terminated and static;
 * "" for GW_OK, "internal_error" for GW_FAILED.
 */
const char *gw_reason_word(gw_reason_e reason);
const char *gw_reason_sentence(gw_reason_e reason);


#endif /* GW_REASON_H_INCLUDED */
