/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Finds and reads consumers: see gw_consumer.h.
 *
 * A lookup of an API key costs three cache misses: the bucket, the entry with
 * the digest, and the consumer, which precedes its entries.
 *
 * Each value is loaded from the block once, into a local variable that is then
 * checked and used: another process may overwrite the block between two loads.
 */

#include <string.h>

#include "gw_cidr.h"
#include "gw_consumer.h"


#define GW_CONSUMER_MAX_STEPS  65536   /* of a walk along a bucket */

/* cache lines to prefetch: a consumer precedes its entries */
#define GW_CONSUMER_LINES_BEFORE  2
#define GW_CONSUMER_LINES_BEHIND  3


/* a block, and the buckets according to its head */

typedef struct {
    const unsigned char      *base;
    uint64_t                  size;
    const volatile uint32_t  *buckets;
    uint32_t                  mask;
} gw_consumer_index_t;


/* the unread rest of the entry in a copy */

typedef struct {
    const unsigned char  *p;
    uint64_t              left;
} gw_consumer_reader_t;


static int gw_consumer_index(gw_consumer_index_t *index,
    const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind);
static int gw_consumer_load(const gw_consumer_index_t *index, uint32_t at,
    gw_consumer_entry_t *entry);
static int gw_consumer_match(const gw_consumer_index_t *index, uint32_t at,
    const gw_consumer_entry_t *entry, const unsigned char *name);
static int gw_consumer_refer(const gw_consumer_index_t *index, uint32_t at,
    const gw_consumer_entry_t *entry, gw_consumer_ref_t *ref);

static int gw_consumer_open(gw_consumer_reader_t *r,
    const unsigned char *copy, uint32_t size, gw_consumer_entry_t *entry,
    gw_text_t *name);
static int gw_consumer_take(gw_consumer_reader_t *r, void *dst, size_t len);
static int gw_consumer_text(gw_consumer_reader_t *r, uint32_t len,
    gw_text_t *text);
static int gw_consumer_read_key(gw_consumer_reader_t *r,
    gw_consumer_key_t *key);


int
gw_consumer_find(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len,
    gw_consumer_ref_t *ref)
{
    uint32_t             at, hash;
    unsigned             steps;
    gw_consumer_entry_t  entry;
    gw_consumer_index_t  index;

    if (len == 0 || gw_consumer_index(&index, set, size, kind) != 0
        || (gw_consumer_is_digest(kind) && len != GW_CONSUMER_DIGEST))
    {
        return 0;
    }

    hash = gw_consumer_hash(kind, name, len);
    at = index.buckets[hash & index.mask];

    for (steps = 0; at != 0 && steps < GW_CONSUMER_MAX_STEPS; steps++) {

        if (gw_consumer_load(&index, at, &entry) != 0) {
            return 0;
        }

        if (entry.hash == hash && entry.kind == kind && entry.name_len == len
            && gw_consumer_match(&index, at, &entry, name))
        {
            return gw_consumer_refer(&index, at, &entry, ref);
        }

        at = entry.next;
    }

    return 0;
}


int
gw_consumer_walk(const gw_consumer_set_t *set, size_t size,
    gw_consumer_walk_t *walk, gw_consumer_ref_t *ref)
{
    uint32_t             at;
    gw_consumer_entry_t  entry;
    gw_consumer_index_t  index;

    while (walk->kind < GW_CONSUMER_KINDS
           && gw_consumer_index(&index, set, size, walk->kind) == 0)
    {
        if (walk->at == 0 && walk->bucket > index.mask) {
            walk->kind++;
            walk->bucket = 0;
            continue;
        }

        if (walk->at == 0) {
            walk->at = index.buckets[walk->bucket++];
            continue;
        }

        at = walk->at;

        if (gw_consumer_load(&index, at, &entry) != 0) {
            return 0;
        }

        walk->at = entry.next;

        if (gw_consumer_refer(&index, at, &entry, ref)) {
            return 1;
        }
    }

    return 0;
}


void
gw_consumer_prefetch(const gw_consumer_set_t *set, size_t size,
    gw_consumer_kind_e kind, const unsigned char *name, size_t len, int entry)
{
    int                       i;
    uint64_t                  start;
    gw_consumer_index_t       index;
    const unsigned char      *line;
    const volatile uint32_t  *bucket;

    if (gw_consumer_index(&index, set, size, kind) != 0) {
        return;
    }

    bucket = &index.buckets[gw_consumer_hash(kind, name, len) & index.mask];

    if (!entry) {
        __builtin_prefetch((const void *) bucket);
        return;
    }

    start = (uint64_t) *bucket * 8;

    if (start < GW_CONSUMER_LINES_BEFORE * GW_CONSUMER_LINE || start >= size) {
        return;
    }

    line = index.base + (size_t) start
           - GW_CONSUMER_LINES_BEFORE * GW_CONSUMER_LINE;

    for (i = 0; i < GW_CONSUMER_LINES_BEFORE + GW_CONSUMER_LINES_BEHIND; i++) {
        __builtin_prefetch(line + i * GW_CONSUMER_LINE);
    }
}


static int
gw_consumer_index(gw_consumer_index_t *index, const gw_consumer_set_t *set,
    size_t size, gw_consumer_kind_e kind)
{
    uint32_t                           buckets, nbuckets;
    const volatile gw_consumer_set_t  *head;

    if (size < sizeof(gw_consumer_set_t)) {
        return -1;
    }

    head = set;
    buckets = head->tables[kind].buckets;
    nbuckets = head->tables[kind].nbuckets;

    if (nbuckets == 0 || (nbuckets & (nbuckets - 1)) != 0
        || (uint64_t) buckets * 8 < sizeof(gw_consumer_set_t)
        || (uint64_t) buckets * 8 + (uint64_t) nbuckets * 4 > size)
    {
        return -1;
    }

    index->base = (const unsigned char *) set;
    index->size = size;
    index->buckets = (const volatile uint32_t *)
                         (const void *) (index->base + (size_t) buckets * 8);
    index->mask = nbuckets - 1;

    return 0;
}


/*
 * Returns the head of an entry, if the entry is inside the block and its name
 * inside the entry.
 */

static int
gw_consumer_load(const gw_consumer_index_t *index, uint32_t at,
    gw_consumer_entry_t *entry)
{
    uint64_t                             start;
    const volatile gw_consumer_entry_t  *e;

    start = (uint64_t) at * 8;

    if (start < sizeof(gw_consumer_set_t)
        || start + sizeof(gw_consumer_entry_t) > index->size)
    {
        return -1;
    }

    e = (const volatile gw_consumer_entry_t *)
            (const void *) (index->base + (size_t) start);

    entry->next = e->next;
    entry->hash = e->hash;
    entry->consumer = e->consumer;
    entry->size = e->size;
    entry->name_len = e->name_len;
    entry->kind = e->kind;
    entry->disabled = e->disabled;

    if (entry->size > GW_CONSUMER_MAX_SIZE || entry->size % 8 != 0
        || entry->size < sizeof(gw_consumer_entry_t)
        || entry->name_len > entry->size - sizeof(gw_consumer_entry_t)
        || start + entry->size > index->size)
    {
        return -1;
    }

    return 0;
}


/*
 * The time to compare a digest is independent of the position of a difference:
 * otherwise a client could approach a digest of the file step by step.
 */

static int
gw_consumer_match(const gw_consumer_index_t *index, uint32_t at,
    const gw_consumer_entry_t *entry, const unsigned char *name)
{
    size_t                i;
    uint64_t              a, b;
    volatile uint64_t     diff;
    const unsigned char  *digest;

    digest = index->base + (size_t) at * 8 + sizeof(gw_consumer_entry_t);

    if (!gw_consumer_is_digest(entry->kind)) {
        return memcmp(digest, name, entry->name_len) == 0;
    }

    diff = 0;

    for (i = 0; i < GW_CONSUMER_DIGEST; i += sizeof(a)) {
        memcpy(&a, digest + i, sizeof(a));
        memcpy(&b, name + i, sizeof(b));
        diff |= a ^ b;
    }

    return diff == 0;
}


static int
gw_consumer_refer(const gw_consumer_index_t *index, uint32_t at,
    const gw_consumer_entry_t *entry, gw_consumer_ref_t *ref)
{
    gw_consumer_entry_t  consumer;

    if (gw_consumer_load(index, entry->consumer, &consumer) != 0
        || consumer.kind != GW_CONSUMER_ID
        || (entry->kind == GW_CONSUMER_ID && entry->consumer != at)
        || consumer.size + entry->size > GW_CONSUMER_MAX_SIZE)
    {
        return 0;
    }

    ref->entry = at;
    ref->consumer = entry->consumer;
    ref->entry_size = (entry->kind == GW_CONSUMER_ID) ? 0 : entry->size;
    ref->consumer_size = consumer.size;

    return 1;
}


int
gw_consumer_is_digest(unsigned kind)
{
    return kind == GW_CONSUMER_SHA256 || kind == GW_CONSUMER_HMAC_SHA256
           || kind == GW_CONSUMER_CERTIFICATE;
}


void
gw_consumer_copy(const gw_consumer_set_t *set, const gw_consumer_ref_t *ref,
    unsigned char *copy)
{
    const unsigned char  *base;

    base = (const unsigned char *) set;

    memcpy(copy, base + (size_t) ref->consumer * 8, ref->consumer_size);
    memcpy(copy + ref->consumer_size, base + (size_t) ref->entry * 8,
           ref->entry_size);
}


int
gw_consumer_read(const unsigned char *copy, const gw_consumer_ref_t *ref,
    gw_consumer_t *consumer, gw_consumer_key_t *key)
{
    gw_text_t             name;
    gw_consumer_entry_t   entry;
    gw_consumer_detail_t  detail;
    gw_consumer_reader_t  r;

    if (gw_consumer_open(&r, copy, ref->consumer_size, &entry, &consumer->id)
        != 0
        || entry.kind != GW_CONSUMER_ID
        || entry.consumer != ref->consumer
        || gw_consumer_take(&r, &detail, sizeof(gw_consumer_detail_t)) != 0
        || gw_consumer_text(&r, detail.groups_len, &consumer->groups) != 0
        || gw_consumer_text(&r, detail.plan_len, &consumer->plan) != 0
        || gw_consumer_text(&r, detail.metadata_len, &consumer->metadata) != 0)
    {
        return -1;
    }

    consumer->disabled = entry.disabled != 0;

    if (ref->entry_size == 0) {
        return 0;
    }

    if (gw_consumer_open(&r, copy + ref->consumer_size, ref->entry_size,
                         &entry, &name)
        != 0
        || entry.kind == GW_CONSUMER_ID || entry.kind >= GW_CONSUMER_KINDS
        || entry.consumer != ref->consumer)
    {
        return -1;
    }

    if (key == NULL || (entry.kind != GW_CONSUMER_SHA256
                        && entry.kind != GW_CONSUMER_HMAC_SHA256))
    {
        return 0;
    }

    key->disabled = entry.disabled != 0;

    return gw_consumer_read_key(&r, key);
}


static int
gw_consumer_read_key(gw_consumer_reader_t *r, gw_consumer_key_t *key)
{
    gw_consumer_key_detail_t  detail;

    if (gw_consumer_take(r, &detail, sizeof(gw_consumer_key_detail_t)) != 0
        || gw_consumer_text(r, detail.id_len, &key->id) != 0
        || gw_consumer_text(r, detail.scopes_len, &key->scopes) != 0
        || gw_consumer_text(r, detail.allow_len, &key->allow) != 0
        || key->allow.len % GW_CIDR_RANGE != 0)
    {
        return -1;
    }

    key->not_before = detail.not_before;
    key->expires = detail.expires;
    key->has_scopes = detail.has_scopes != 0;

    return 0;
}


/* the reader is then after the name of the entry */

static int
gw_consumer_open(gw_consumer_reader_t *r, const unsigned char *copy,
    uint32_t size, gw_consumer_entry_t *entry, gw_text_t *name)
{
    r->p = copy;
    r->left = size;

    return gw_consumer_take(r, entry, sizeof(gw_consumer_entry_t)) == 0
           && entry->size == size
           && gw_consumer_text(r, entry->name_len, name) == 0
           ? 0 : -1;
}


static int
gw_consumer_take(gw_consumer_reader_t *r, void *dst, size_t len)
{
    if (r->left < len) {
        return -1;
    }

    memcpy(dst, r->p, len);
    r->p += len;
    r->left -= len;

    return 0;
}


static int
gw_consumer_text(gw_consumer_reader_t *r, uint32_t len, gw_text_t *text)
{
    if (r->left < len) {
        return -1;
    }

    text->data = r->p;
    text->len = len;
    r->p += len;
    r->left -= len;

    return 0;
}


int
gw_consumer_allows(const gw_consumer_key_t *key, const unsigned char *addr,
    size_t len)
{
    size_t         i;
    unsigned char  mapped[GW_CIDR_ADDRESS];

    if (key->allow.len == 0) {
        return 1;
    }

    if (gw_cidr_map(mapped, addr, len) != 0) {
        return 0;
    }

    for (i = 0; i + GW_CIDR_RANGE <= key->allow.len; i += GW_CIDR_RANGE) {
        if (gw_cidr_holds(key->allow.data + i, mapped)) {
            return 1;
        }
    }

    return 0;
}


/*
 * Digests are random already.  Other names are hashed with FNV-1a and a final
 * round that mixes the high bits into the low ones, which select the bucket.
 */

uint32_t
gw_consumer_hash(gw_consumer_kind_e kind, const unsigned char *name,
    size_t len)
{
    size_t    i;
    uint32_t  hash;

    if (gw_consumer_is_digest(kind) && len >= sizeof(hash)) {
        memcpy(&hash, name, sizeof(hash));
        return hash ^ (uint32_t) kind * 0x9e3779b9u;
    }

    hash = 0x811c9dc5u ^ (uint32_t) kind;

    for (i = 0; i < len; i++) {
        hash = (hash ^ name[i]) * 0x01000193u;
    }

    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;

    return hash;
}
