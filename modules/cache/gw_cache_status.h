/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A member of Cache-Status (RFC 9211).  Knows no nginx.
 */

#ifndef GW_CACHE_STATUS_H_INCLUDED
#define GW_CACHE_STATUS_H_INCLUDED

#include "gw_cache_policy.h"


typedef enum {
    GW_CACHE_FWD_NONE = 0,      /* it was not forwarded */
    GW_CACHE_FWD_BYPASS,
    GW_CACHE_FWD_METHOD,
    GW_CACHE_FWD_URI_MISS,
    GW_CACHE_FWD_VARY_MISS,
    GW_CACHE_FWD_MISS,
    GW_CACHE_FWD_REQUEST,
    GW_CACHE_FWD_STALE
} gw_cache_fwd_e;


typedef struct {
    gw_text_t             name;         /* of the cache: a token */
    gw_cache_fwd_e        fwd;          /* without: "hit", if that is set */
    unsigned              hit:1;
    unsigned              stored:1;     /* the answer of the origin was */
    unsigned              collapsed:1;  /* with another request's */
    unsigned              timed:1;      /* "ttl" is known */
    unsigned              status;       /* of the origin, if it is not the one
                                           that is sent; otherwise 0 */
    int64_t               ttl;          /* of freshness, in seconds; negative:
                                           stale for so long */
    gw_text_t             key;          /* empty: none is told */
    gw_text_t             detail;       /* a word; empty: none */
} gw_cache_status_t;


/*
 * Why a request was forwarded: of what gw_cache_reuse() decided.  "variants" is
 * whether anything is stored for the key, of which Vary selects nothing.
 */
gw_cache_fwd_e gw_cache_fwd(const gw_cache_reuse_t *reuse, int variants);

/*
 * Writes the member.  Bytes of "key" that a string cannot hold (RFC 8941,
 * 3.3.3) are written as "?".  Returns its length, or 0: it is longer than
 * "size", and is left out.
 */
size_t gw_cache_status_write(unsigned char *p, size_t size,
    const gw_cache_status_t *status);


#endif /* GW_CACHE_STATUS_H_INCLUDED */
