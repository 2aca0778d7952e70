/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * References in Location and Content-Location, resolved as URIs with the same
 * origin as the target of a request (RFC 3986, 5.2; RFC 9110, 4.3.1).  Knows no
 * nginx.
 */

#ifndef GW_CACHE_URI_H_INCLUDED
#define GW_CACHE_URI_H_INCLUDED

#include "gw_cache_field.h"


#define GW_CACHE_URI  4096      /* maximum bytes of path and query */


/* the target of a request; the scheme is "http" or "https" */

typedef struct {
    gw_text_t             scheme;
    gw_text_t             host;         /* with its port, if it has one */
    gw_text_t             uri;          /* path and query, as sent */
} gw_cache_target_t;


/*
 * Resolves a reference against the target.  Writes path and query, without dot
 * segments, to "uri", which has room for GW_CACHE_URI bytes, and returns 0. -1:
 * the reference has another origin (of which nothing may be invalidated, RFC
 * 9111, 4.4), is invalid, or is too long.
 */
int gw_cache_uri(const gw_cache_target_t *target, const gw_text_t *reference,
    unsigned char *uri, size_t *len);

/* whether a resolved reference is equal to the target, byte for byte */
int gw_cache_uri_same(const gw_cache_target_t *target,
    const gw_text_t *reference);


#endif /* GW_CACHE_URI_H_INCLUDED */
