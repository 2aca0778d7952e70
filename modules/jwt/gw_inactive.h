/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Inactive tokens, of one process: those that an endpoint has just called
 * inactive, so that a client that repeats one does not cause a request each
 * time.
 *
 * The table has a fixed size, and other tokens can evict entries, which costs
 * only another request.  It is therefore apart from verified tokens.
 *
 * A token is known by the number of its endpoint and by SipHash with 128 bits,
 * with a secret of the process.  Its bytes are not kept.
 */

#ifndef GW_INACTIVE_H_INCLUDED
#define GW_INACTIVE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_INACTIVE_SETS  2048      /* a power of two */
#define GW_INACTIVE_WAYS  4         /* entries of a set */


typedef struct gw_inactive_s  gw_inactive_t;

/* NULL: no memory */
gw_inactive_t *gw_inactive_create(const uint64_t secret[2]);

/* "table" can be NULL */
void gw_inactive_free(gw_inactive_t *table);

/*
 * Adds a token of an endpoint, or changes its entry.  "until" is a time of the
 * caller's clock, above 0.  In a full set, the entry that expires first, or has
 * expired, is replaced.
 */
void gw_inactive_add(gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, int64_t until);

/* whether the token has been added and its "until" is after "now" */
int gw_inactive_has(const gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, int64_t now);


#endif /* GW_INACTIVE_H_INCLUDED */
