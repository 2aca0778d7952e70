/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A member of Cache-Status (RFC 9211).  Knows no nginx.
 */

#ifndef GW_CACHE_STATUS_H_INCLUDED
#define GW_CACHE_STATUS_H_INCLUDED

#include "gw_cache_policy.h"


typedef enum {
    GW_CACHE_FWD_NONE = 0,      /* not forwarded */
    GW_CACHE_FWD_BYPASS,
    GW_CACHE_FWD_METHOD,
    GW_CACHE_FWD_URI_MISS,
    GW_CACHE_FWD_VARY_MISS,
    GW_CACHE_FWD_MISS,
    GW_CACHE_FWD_REQUEST,
    GW_CACHE_FWD_STALE
} gw_cache_fwd_e;


typedef struct {
    gw_text_t             name;         /* name of the cache: a token */
    gw_cache_fwd_e        fwd;          /* GW_CACHE_FWD_NONE: see "hit" */
    unsigned              hit:1;
    unsigned              stored:1;     /* the origin's response was stored */
    unsigned              collapsed:1;  /* the request waited for another one */
    unsigned              timed:1;      /* "ttl" is known */
    unsigned              status;       /* status of the origin if the client
                                           receives another one, otherwise 0 */
    int64_t               ttl;          /* remaining freshness in seconds;
                                           negative: time since the response
                                           became stale */
    gw_text_t             detail;       /* a word; empty: none */
} gw_cache_status_t;


/*
 * Why a request is forwarded, from the result of gw_cache_reuse().  "variants"
 * is set if responses are stored for the key but Vary selects none of them.
 */
gw_cache_fwd_e gw_cache_fwd(const gw_cache_reuse_t *reuse, int variants);

/*
 * Writes the member.  Returns its length, or 0 if it is above "size": then the
 * member must be left out.
 */
size_t gw_cache_status_write(unsigned char *p, size_t size,
    const gw_cache_status_t *status);


#endif /* GW_CACHE_STATUS_H_INCLUDED */
