/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verified tokens, of one process: their header and claims, so that a repeated
 * token is neither decoded nor parsed nor verified again.
 *
 * The table is bounded by the memory of its entries.  A new entry evicts those
 * that were not used for the longest time.  The caller adds only tokens that
 * were verified: a client without a verified token cannot evict entries.
 *
 * An entry says that its token was verified by one source of the process, which
 * it names by a number: a key set, or an endpoint that was asked about the
 * token.  It proves nothing about other sources.  All numbers come from one
 * counter and are never used again.
 *
 * A token is found by SipHash, with a secret of the process, of its last bytes
 * if it has three parts, otherwise of all its bytes.  It is compared as a
 * whole.
 */

#ifndef GW_KNOWN_H_INCLUDED
#define GW_KNOWN_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <jansson.h>

#include "gw_jws.h"


#define GW_KNOWN_MIN_SIZE  (64 * 1024)  /* of a table */
#define GW_KNOWN_SHARE     8            /* a table has room for as many of the
                                           largest entries */

#define GW_KNOWN_FOREVER   INT64_MAX


typedef struct gw_known_s        gw_known_t;
typedef struct gw_known_table_s  gw_known_table_t;

/*
 * Read-only for the caller, except "max_values".  "claims" and the members of
 * "jws" live as long as the caller has a reference to the entry.
 */

struct gw_known_s {
    gw_jws_t        jws;            /* "alg" is NULL: an endpoint's answer */
    json_t         *claims;
    uint64_t        source;         /* that verified the token */
    int64_t         until;          /* in units of the caller's clock */
    size_t          max_values;     /* the lowest limit that the payload is
                                       known to meet; at first (size_t) -1 */

    gw_known_t     *next;           /* in the bucket */
    gw_known_t     *newer;          /* by last use */
    gw_known_t     *older;
    uint64_t        hash;
    size_t          size;           /* bytes, with header and claims */
    unsigned        refs;
    unsigned        listed;         /* 0: evicted, freed with the last
                                       reference */
    size_t          len;
    unsigned char   text[];         /* the token, decoded payload, signature */
};


/* whether a source still exists, so that an entry of it can be used */
typedef int (*gw_known_live_pt)(void *data, uint64_t source);


/*
 * Creates a table of at most "size" bytes, at least GW_KNOWN_MIN_SIZE.  NULL:
 * no memory.
 */
gw_known_table_t *gw_known_create(size_t size, const uint64_t secret[2]);

/* entries in use are freed with their last reference; "table" can be NULL */
void gw_known_destroy(gw_known_table_t *table);

/*
 * The entry of a token with these bytes that was verified by a signature, of
 * any source; NULL: there is none.  The caller must check "source" before it
 * accepts the token.  Counts as a use of the entry.
 */
gw_known_t *gw_known_find(gw_known_table_t *table, const unsigned char *text,
    size_t len);

/*
 * The entry of a token with these bytes that was verified by one of "n"
 * sources; NULL: there is none.  An entry whose "until" is not after "now" is
 * dropped.
 */
gw_known_t *gw_known_with(gw_known_table_t *table, const unsigned char *text,
    size_t len, const uint64_t *sources, size_t n, int64_t now);

/*
 * Adds a verified token.  The entry gets copies of all bytes and references of
 * its own to the values.  Without a signature (jws->alg is NULL) it replaces an
 * entry of the same source.  With one, such an entry is kept and returned.  An
 * entry of a source that "live" (NULL: all do) denies is replaced.
 *
 * Returns the entry, or NULL if there is no memory, or if it would take more
 * than one GW_KNOWN_SHARE-th of the table.
 */
gw_known_t *gw_known_add(gw_known_table_t *table, const gw_jws_t *jws,
    json_t *claims, const unsigned char *text, size_t len, uint64_t source,
    int64_t until, gw_known_live_pt live, void *data);

/* removes an entry; it is freed at once, or with its last reference */
void gw_known_drop(gw_known_table_t *table, gw_known_t *known);

/* a reference keeps an entry, also beyond its eviction and the table's end */
gw_known_t *gw_known_ref(gw_known_t *known);
void gw_known_unref(gw_known_t *known);

/* bytes of all entries; their number */
size_t gw_known_used(const gw_known_table_t *table);
size_t gw_known_count(const gw_known_table_t *table);


#endif /* GW_KNOWN_H_INCLUDED */
