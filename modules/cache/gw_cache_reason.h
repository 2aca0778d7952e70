/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Why a response was not stored, or why a stored one did not answer a request:
 * the closed list of words that $gateway_cache_reason shows.  The reasons of
 * refusals are another list.  Knows no nginx.
 */

#ifndef GW_CACHE_REASON_H_INCLUDED
#define GW_CACHE_REASON_H_INCLUDED

#include "gw_text.h"


#define GW_CACHE_REASONS(X)                                                   \
    X(NONE,            "",                  "nothing stands against it")      \
                                                                              \
    /* requests */                                                            \
    X(METHOD,          "method",            "the method is not cached")       \
    X(RANGE,           "range",             "the request is for a part")      \
    X(PRECONDITION,    "precondition",      "only the origin can decide it")  \
    X(REQUEST,         "request",           "the request's Cache-Control")    \
    X(ONLY_IF_CACHED,  "only-if-cached",    "no stored response may answer")  \
    X(COOKIE,          "cookie",            "the origin stated no freshness") \
    X(CREDENTIALS,     "credentials",       "not public, and no partition")   \
    X(GUARD,           "guard",             "a field that poisons caches")    \
    X(BYPASS,          "bypass",            "gateway_cache_bypass")           \
    X(VARIANT_LONG,    "variant-too-long",  "the fields that select it are")  \
                                                                              \
    /* responses */                                                           \
    X(STATUS,          "status",            "206, 304, or not final")         \
    X(NOT_UNDERSTOOD,  "not-understood",    "must-understand")                \
    X(EVENT_STREAM,    "event-stream",      "it has no end")                  \
    X(NOT_BUFFERED,    "not-buffered",      "X-Accel-Buffering: no")          \
    X(TRAILERS,        "trailers",          "they would be lost")             \
    X(UPGRADE,         "upgrade",           "it is no longer HTTP")           \
    X(TOO_LARGE,       "too-large",         "above max_object")               \
    X(HEADER,          "header-too-large",  "with key and path above 64 KB")  \
    X(FIELDS,          "too-many-fields",   "listed as not to be stored")     \
    X(VARY_ANY,        "vary-any",          "Vary: *")                        \
    X(VARY_COOKIE,     "vary-cookie",       "Vary: Cookie")                   \
    X(VARY_LONG,       "vary-too-long",     "more fields than are compared")  \
    X(VARY_CHANGED,    "vary-changed",      "by a 304, of a stored one")      \
    X(SET_COOKIE,      "set-cookie",        "it sets a cookie")               \
    X(ACCEL,           "x-accel-expires",   "X-Accel-Expires: 0")             \
    X(MALFORMED,       "malformed",         "Cache-Control is not readable")  \
    X(NO_STORE,        "no-store",          "Cache-Control: no-store")        \
    X(PRIVATE,         "private",           "Cache-Control: private")         \
    X(NO_CACHE,        "no-cache",          "Cache-Control: no-cache")        \
    X(LOCATION,        "content-location",  "of a POST, is not the target")   \
    X(NO_LIFETIME,     "no-lifetime",       "no freshness is stated")         \
    X(STALE,           "stale",             "its lifetime has passed")        \
    X(VALIDATOR,       "validator",         "another response was validated") \
    X(TAGS,            "too-many-tags",     "more than are kept")             \
    X(UNWANTED,        "not-wanted",        "gateway_cache_no_store")         \
    X(NO_UPSTREAM,     "no-upstream",       "no upstream server has sent it") \
    X(ORIGIN,          "origin-failed",     "no answer of the origin")        \
    X(TRUNCATED,       "truncated",         "the body is not complete")       \
    X(LOCKED,          "locked",            "another request stores one")     \
    X(PURGED,          "purged",            "while the origin was asked")     \
    X(FULL,            "no-memory",         "the zone has no room for it")


typedef enum {
#define X(name, word, why)  GW_CACHE_R_##name,
    GW_CACHE_REASONS(X)
#undef X
    GW_CACHE_REASON_COUNT
} gw_cache_reason_e;


/* the word of a reason, empty for GW_CACHE_R_NONE; static */
gw_text_t gw_cache_reason_word(gw_cache_reason_e reason);


#endif /* GW_CACHE_REASON_H_INCLUDED */
