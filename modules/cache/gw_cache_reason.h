/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Why a response was not stored, or why a stored response was not used: the
 * closed list of words in $gateway_cache_reason.  Reasons of rejected requests
 * are another list.  Knows no nginx.
 *
 * The third text of each row explains its word.  It is not compiled.
 */

#ifndef GW_CACHE_REASON_H_INCLUDED
#define GW_CACHE_REASON_H_INCLUDED

#include "gw_text.h"


#define GW_CACHE_REASONS(X)                                                   \
    X(NONE,            "",                  "no reason")                      \
                                                                              \
    /* requests */                                                            \
    X(METHOD,          "method",            "method not cached")              \
    X(RANGE,           "range",             "a request for a range")          \
    X(PRECONDITION,    "precondition",      "the origin must evaluate it")    \
    X(REQUEST,         "request",           "Cache-Control of the request")   \
    X(ONLY_IF_CACHED,  "only-if-cached",    "no stored response can be sent") \
    X(COOKIE,          "cookie",            "the origin states no lifetime")  \
    X(CREDENTIALS,     "credentials",       "not public, and no partition")   \
    X(GUARD,           "guard",             "a field of gateway_cache_guard") \
    X(BYPASS,          "bypass",            "gateway_cache_bypass")           \
    X(VARIANT_LONG,    "variant-too-long",  "the fields in Vary are too long")\
                                                                              \
    /* responses */                                                           \
    X(STATUS,          "status",            "206, 304, or not final")         \
    X(NOT_UNDERSTOOD,  "not-understood",    "must-understand")                \
    X(EVENT_STREAM,    "event-stream",      "text/event-stream")              \
    X(NOT_BUFFERED,    "not-buffered",      "X-Accel-Buffering: no")          \
    X(TRAILERS,        "trailers",          "the response has trailers")      \
    X(UPGRADE,         "upgrade",           "the protocol changes")           \
    X(TOO_LARGE,       "too-large",         "above max_object")               \
    X(HEADER,          "header-too-large",  "above 64 KB with key and path")  \
    X(FIELDS,          "too-many-fields",   "too many fields excluded")       \
    X(VARY_ANY,        "vary-any",          "Vary: *")                        \
    X(VARY_COOKIE,     "vary-cookie",       "Vary: Cookie")                   \
    X(VARY_LONG,       "vary-too-long",     "too many names in Vary")         \
    X(VARY_CHANGED,    "vary-changed",      "a 304 changes Vary")             \
    X(SET_COOKIE,      "set-cookie",        "the response has Set-Cookie")    \
    X(ACCEL,           "x-accel-expires",   "X-Accel-Expires: 0")             \
    X(MALFORMED,       "malformed",         "invalid Cache-Control")          \
    X(NO_STORE,        "no-store",          "Cache-Control: no-store")        \
    X(PRIVATE,         "private",           "Cache-Control: private")         \
    X(NO_CACHE,        "no-cache",          "Cache-Control: no-cache")        \
    X(LOCATION,        "content-location",  "differs from target of a POST")  \
    X(NO_LIFETIME,     "no-lifetime",       "no lifetime is known")           \
    X(STALE,           "stale",             "no longer fresh")                \
    X(VALIDATOR,       "validator",         "a 304 for another response")     \
    X(TAGS,            "too-many-tags",     "too many tags")                  \
    X(UNWANTED,        "not-wanted",        "gateway_cache_no_store")         \
    X(NO_UPSTREAM,     "no-upstream",       "not sent by an upstream server") \
    X(ORIGIN,          "origin-failed",     "no response from the origin")    \
    X(TRUNCATED,       "truncated",         "the body is incomplete")         \
    X(LOCKED,          "locked",            "another request has the lock")   \
    X(PURGED,          "purged",            "purged since it was requested")  \
    X(FULL,            "no-memory",         "the zone is full")


typedef enum {
#define X(name, word, why)  GW_CACHE_R_##name,
    GW_CACHE_REASONS(X)
#undef X
    GW_CACHE_REASON_COUNT
} gw_cache_reason_e;


/* the word of a reason, empty for GW_CACHE_R_NONE; static */
gw_text_t gw_cache_reason_word(gw_cache_reason_e reason);


#endif /* GW_CACHE_REASON_H_INCLUDED */
