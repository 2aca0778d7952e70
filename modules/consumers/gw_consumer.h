/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers of a file as a set in one block of plain memory: offsets, no
 * pointers, nothing to free.  All processes that share the block read it
 * without a lock while nobody writes to it.
 *
 * A reader of shared memory may find that the block is being made anew under
 * its eyes (after it was stopped for a long time).  So every offset is
 * checked before it is followed, a walk is bounded, what is found is first
 * copied and only then read, and the caller asks afterwards whether the set
 * was still the one in force.  None of these functions reads outside of the
 * block, whatever stands in it.
 *
 * A set is made by gw_consumer_build.h.  Knows no nginx, OpenSSL or jansson.
 */

#ifndef GW_CONSUMER_H_INCLUDED
#define GW_CONSUMER_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "gw_text.h"


#define GW_CONSUMER_DIGEST    32      /* bytes of a SHA-256 */
#define GW_CONSUMER_MAX_ID    256     /* bytes of a consumer's or a key's id */
#define GW_CONSUMER_MAX_SIZE  65536   /* bytes of what is copied at once */
#define GW_CONSUMER_LINE      64      /* of a cache; where digests begin */


/*
 * What a consumer is found by.  The name that is looked up:
 *
 *   ID           the id
 *   SHA256       digest of an API key
 *   HMAC_SHA256  the same, with a pepper
 *   JWT          "iss", a NUL, "sub"
 *   CERTIFICATE  SHA-256 of the certificate's DER
 *   SAN          "uri:", "dns:" or "email:" and the value
 */

typedef enum {
    GW_CONSUMER_ID = 0,
    GW_CONSUMER_SHA256,
    GW_CONSUMER_HMAC_SHA256,
    GW_CONSUMER_JWT,
    GW_CONSUMER_CERTIFICATE,
    GW_CONSUMER_SAN,
    GW_CONSUMER_KINDS
} gw_consumer_kind_e;


/*
 * The head of the block.  Offsets, here and in entries, count units of 8
 * bytes from it; 0 is none.
 */

typedef struct {
    uint32_t             buckets;          /* offset of uint32_t[nbuckets] */
    uint32_t             nbuckets;         /* a power of two */
} gw_consumer_table_t;


typedef struct {
    uint64_t             used;             /* bytes of the block in use */
    gw_consumer_table_t  tables[GW_CONSUMER_KINDS];
    uint32_t             count[GW_CONSUMER_KINDS];    /* entries */
} gw_consumer_set_t;


/*
 * An entry of the index, aligned to 8 bytes and a multiple of them long.
 * Behind it stand the name that it is found by, and "details", which follow
 * without a gap and are read from copies alone:
 *
 *   ID           gw_consumer_detail_t and its texts
 *   SHA256, HMAC gw_consumer_key_detail_t and its texts
 *   others       nothing
 */

typedef struct {
    uint32_t  next;        /* entry of the same bucket */
    uint32_t  hash;
    uint32_t  consumer;    /* the entry of kind ID; itself in that one */
    uint32_t  size;        /* bytes of all, from the entry's first on */
    uint32_t  name_len;    /* bytes */
    uint8_t   kind;
    uint8_t   disabled;
    uint16_t  unused;
} gw_consumer_entry_t;


/*
 * "groups" joined by commas; "plan"; "metadata" as pairs (gw_pairs.h).
 */

typedef struct {
    uint32_t  groups_len;
    uint32_t  plan_len;
    uint32_t  metadata_len;
    uint32_t  number;      /* its place in the file, from 0 */
} gw_consumer_detail_t;


/*
 * "id"; "scopes" joined by spaces; "allow", which is pairs of first and last
 * address, each 16 bytes in network order, IPv4 mapped into IPv6 (RFC 4291,
 * 2.5.5.2).  Times are seconds since the epoch: INT64_MIN and INT64_MAX where
 * there is no bound.
 */

typedef struct {
    int64_t   not_before;
    int64_t   expires;
    uint32_t  id_len;
    uint32_t  scopes_len;
    uint32_t  allow_len;
    uint32_t  has_scopes;  /* the member is there, if perhaps empty */
} gw_consumer_key_detail_t;


/* what was found and where: to be copied */

typedef struct {
    uint32_t  entry;       /* offsets */
    uint32_t  consumer;
    uint32_t  entry_size;  /* bytes; 0 for kind ID, where it is the consumer */
    uint32_t  consumer_size;
} gw_consumer_ref_t;


/* a consumer as it is read from a copy, whose bytes the texts point into */

typedef struct {
    gw_text_t  id;
    gw_text_t  groups;
    gw_text_t  plan;
    gw_text_t  metadata;
    int        disabled;
} gw_consumer_t;


typedef struct {
    gw_text_t  id;
    gw_text_t  scopes;
    gw_text_t  allow;
    int64_t    not_before;
    int64_t    expires;
    int        has_scopes;
    int        disabled;
} gw_consumer_key_t;


/*
 * Looks for a name; digests are compared in constant time.  Returns 1 with
 * "ref" filled, or 0: there is none (or the block is not a set).  "size" is
 * that of the block.  After 1, gw_consumer_size() bytes are wanted for
 * gw_consumer_copy().
 */
int gw_consumer_find(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len,
    gw_consumer_ref_t *ref);

/*
 * The entries of all kinds, one after another and in no order: returns 1 with
 * "ref" filled as above, 0 after the last.  "walk" is zero at first.  The set
 * must not change during the walk.
 */

typedef struct {
    unsigned  kind;
    uint32_t  bucket;      /* the next one */
    uint32_t  at;          /* the next entry of the last one; 0: none */
} gw_consumer_walk_t;

int gw_consumer_walk(const gw_consumer_set_t *set, size_t size,
    gw_consumer_walk_t *walk, gw_consumer_ref_t *ref);

/*
 * Asks the memory for what gw_consumer_find() will read, and does not wait
 * for it: a large set is in no cache.  At first for the bucket; called again
 * with "entry", after some other work, for the entry and its consumer.
 */
void gw_consumer_prefetch(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len, int entry);

#define gw_consumer_size(ref)  ((ref)->consumer_size + (ref)->entry_size)

void gw_consumer_copy(const gw_consumer_set_t *set,
    const gw_consumer_ref_t *ref, unsigned char *copy);

/*
 * Reads a copy (aligned to 8 bytes).  "key" may be NULL and is filled for the
 * two kinds of keys only.  Returns 0, or -1 where the copy does not hold
 * together: the block was being made anew.
 */
int gw_consumer_read(const unsigned char *copy, const gw_consumer_ref_t *ref,
    gw_consumer_t *consumer, gw_consumer_key_t *key);

/*
 * Whether a key may be used from an address: 4 or 16 bytes in network order.
 * A key without "allow" may be used from everywhere, one with "allow" from no
 * address of another length (a unix: socket has none).
 */
int gw_consumer_allows(const gw_consumer_key_t *key,
    const unsigned char *addr, size_t len);

/* whether what is looked up is a SHA-256 */
int gw_consumer_is_digest(unsigned kind);

/* for gw_consumer_build.c: the hash that entries are filed by */
uint32_t gw_consumer_hash(gw_consumer_kind_e kind, const unsigned char *name,
    size_t len);


#endif /* GW_CONSUMER_H_INCLUDED */
