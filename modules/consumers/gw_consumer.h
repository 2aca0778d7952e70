/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers of a file as a set in one block of memory, with offsets instead
 * of pointers.  Processes that share the block read it without a lock while no
 * process writes to it.
 *
 * The block may be overwritten during a lookup, if the reader was stopped for a
 * long time.  Therefore every offset is checked before use, walks are bounded,
 * an entry is copied before it is read, and the caller checks afterwards
 * whether the set was still active.  With any content of the block, no function
 * reads outside of it.
 *
 * gw_consumer_build.h builds sets.  Free of nginx, OpenSSL and jansson.
 */

#ifndef GW_CONSUMER_H_INCLUDED
#define GW_CONSUMER_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "gw_text.h"


#define GW_CONSUMER_DIGEST    32      /* bytes of a SHA-256 */
#define GW_CONSUMER_MAX_ID    256     /* bytes of a consumer's or a key's id */
#define GW_CONSUMER_MAX_SIZE  65536   /* bytes of a copy */
#define GW_CONSUMER_LINE      64      /* bytes of a cache line */


/*
 * The kinds of names that a consumer is looked up by:
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
 * The head of the block.  Offsets, here and in entries, are in units of 8 bytes
 * from the beginning of the block; 0 means none.
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
 * An entry of the index, aligned to 8 bytes; its size is a multiple of 8.  It
 * is followed by its name and, without a gap, by "details", which are only read
 * from copies:
 *
 *   ID           gw_consumer_detail_t and its texts
 *   SHA256, HMAC gw_consumer_key_detail_t and its texts
 *   others       nothing
 */

typedef struct {
    uint32_t  next;        /* entry of the same bucket */
    uint32_t  hash;
    uint32_t  consumer;    /* the entry of kind ID, or itself */
    uint32_t  size;        /* bytes of the entry, name and details */
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
    uint32_t  number;      /* its position in the file, from 0 */
} gw_consumer_detail_t;


/*
 * "id"; "scopes" joined by spaces; "allow", which is pairs of first and last
 * address, each 16 bytes in network order, IPv4 mapped into IPv6 (RFC 4291,
 * 2.5.5.2).  Times are seconds since the epoch; INT64_MIN and INT64_MAX mean no
 * bound.
 */

typedef struct {
    int64_t   not_before;
    int64_t   expires;
    uint32_t  id_len;
    uint32_t  scopes_len;
    uint32_t  allow_len;
    uint32_t  has_scopes;  /* the member exists, also if empty */
} gw_consumer_key_detail_t;


/* a found entry, to be copied */

typedef struct {
    uint32_t  entry;       /* offsets */
    uint32_t  consumer;
    uint32_t  entry_size;  /* bytes; 0 for kind ID */
    uint32_t  consumer_size;
} gw_consumer_ref_t;


/* a consumer that was read from a copy; the texts point into the copy */

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
 * Looks up a name; digests are compared in constant time.  "size" is that of
 * the block.  Returns 1 and sets "ref", or 0 if there is no such entry, or the
 * block is not a set.  gw_consumer_copy() then needs gw_consumer_size() bytes.
 */
int gw_consumer_find(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len,
    gw_consumer_ref_t *ref);

/*
 * Walks through the entries of all kinds, in no particular order.  Returns 1
 * and sets "ref", or 0 after the last entry.  "walk" must be zeroed before the
 * first call.  The set must not change during the walk.
 */

typedef struct {
    unsigned  kind;
    uint32_t  bucket;      /* the next one */
    uint32_t  at;          /* the next entry of the last one; 0: none */
} gw_consumer_walk_t;

int gw_consumer_walk(const gw_consumer_set_t *set, size_t size,
    gw_consumer_walk_t *walk, gw_consumer_ref_t *ref);

/*
 * Prefetches memory that gw_consumer_find() will read, since a large set is not
 * in the CPU's cache: first the bucket and, in a later call with "entry", the
 * entry and its consumer.
 */
void gw_consumer_prefetch(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len, int entry);

#define gw_consumer_size(ref)  ((ref)->consumer_size + (ref)->entry_size)

void gw_consumer_copy(const gw_consumer_set_t *set,
    const gw_consumer_ref_t *ref, unsigned char *copy);

/*
 * Reads a copy (aligned to 8 bytes).  "key" can be NULL and is set only for the
 * two kinds of keys.  Returns 0, or -1 if the copy is inconsistent, since the
 * block was being overwritten.
 */
int gw_consumer_read(const unsigned char *copy, const gw_consumer_ref_t *ref,
    gw_consumer_t *consumer, gw_consumer_key_t *key);

/*
 * Whether a key can be used from an address: 4 or 16 bytes in network order.
 * Without "allow" a key can be used from everywhere; with "allow", an address
 * of another length (such as that of a UNIX-domain socket) is not allowed.
 */
int gw_consumer_allows(const gw_consumer_key_t *key,
    const unsigned char *addr, size_t len);

/* whether names of a kind are SHA-256 digests */
int gw_consumer_is_digest(unsigned kind);

/* the hash of a name, also used to build a set */
uint32_t gw_consumer_hash(gw_consumer_kind_e kind, const unsigned char *name,
    size_t len);


#endif /* GW_CONSUMER_H_INCLUDED */
