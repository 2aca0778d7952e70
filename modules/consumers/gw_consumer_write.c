/* SPDX-License-Identifier: BSD-2-Clause */

#include <string.h>

#include "gw_consumer_write.h"


#define GW_CONSUMER_MIN_BUCKETS  16
#define GW_CONSUMER_CLEAR        262144   /* bytes at once */

/* estimated bytes of a file per key */
#define GW_CONSUMER_PER_KEY      512


/*
 * Bytes of a file per bucket.  Keys have two buckets each: enough that a bucket
 * seldom has a second entry, which costs a cache miss, and few enough that the
 * buckets stay in the cache.
 */

static const unsigned  gw_consumer_per_bucket[GW_CONSUMER_KINDS] = {
    512,    /* GW_CONSUMER_ID */
    256,    /* GW_CONSUMER_SHA256 */
    256,    /* GW_CONSUMER_HMAC_SHA256 */
    512,    /* GW_CONSUMER_JWT */
    512,    /* GW_CONSUMER_CERTIFICATE */
    512     /* GW_CONSUMER_SAN */
};


/* an element of the index of key ids; offsets as in the set */

typedef struct {
    uint32_t  next;
    uint32_t  key;
} gw_consumer_id_t;


static uint32_t gw_consumer_buckets(size_t n);
static void *gw_consumer_at(const gw_consumer_writer_t *w, uint32_t at);
static uint32_t gw_consumer_number(const gw_consumer_writer_t *w, uint32_t at);
static void gw_consumer_link(gw_consumer_writer_t *w,
    gw_consumer_entry_t *entry, uint32_t at);
static unsigned char *gw_consumer_append(unsigned char *p, const void *data,
    size_t len);
static void gw_consumer_key_id(const gw_consumer_writer_t *w, uint32_t at,
    gw_text_t *id);
static uint32_t *gw_consumer_id_bucket(const gw_consumer_writer_t *w,
    const gw_text_t *id);


void
gw_consumer_writer_init(gw_consumer_writer_t *w, void *block, size_t size,
    size_t len)
{
    unsigned             kind;
    uint64_t             used;
    gw_consumer_table_t  tables[GW_CONSUMER_KINDS];

    memset(w, 0, sizeof(gw_consumer_writer_t));

    used = sizeof(gw_consumer_set_t);

    for (kind = 0; kind < GW_CONSUMER_KINDS; kind++) {
        tables[kind].buckets = (uint32_t) (used / 8);
        tables[kind].nbuckets =
            gw_consumer_buckets(len / gw_consumer_per_bucket[kind]);
        used += (uint64_t) tables[kind].nbuckets * 4;
    }

    w->set = block;
    w->base = block;
    w->size = size & ~(uint64_t) 7;
    w->nids = gw_consumer_buckets(len / GW_CONSUMER_PER_KEY);
    w->used = used;
    w->tail = (uint64_t) w->nids * 4;

    /* offsets of 32 bits reach no further */

    if (w->size > (uint64_t) UINT32_MAX * 8) {
        w->size = (uint64_t) UINT32_MAX * 8;
    }

    if (w->used + w->tail > w->size) {
        w->full = 1;
        return;
    }

    memset(w->set, 0, sizeof(gw_consumer_set_t));
    memcpy(w->set->tables, tables, sizeof(tables));

    w->ids = (uint32_t *) (void *) (w->base + (size_t) (w->size - w->tail));
    w->clear = w->used - sizeof(gw_consumer_set_t) + w->tail;
}


/* clears the buckets of key ids, then the others, each from their end */

int
gw_consumer_writer_index(gw_consumer_writer_t *w)
{
    size_t          n;
    uint64_t        buckets;
    unsigned char  *p;

    if (w->clear == 0) {
        return 0;
    }

    buckets = w->used - sizeof(gw_consumer_set_t);

    if (w->clear > buckets) {
        n = (size_t) (w->clear - buckets);
        p = (unsigned char *) w->ids;

    } else {
        n = (size_t) w->clear;
        p = (unsigned char *) (w->set + 1);
    }

    if (n > GW_CONSUMER_CLEAR) {
        p += n - GW_CONSUMER_CLEAR;
        n = GW_CONSUMER_CLEAR;
    }

    memset(p, 0, n);

    w->clear -= n;
    w->indexed = (w->clear == 0);

    return w->clear != 0;
}


/* returns a power of two that is at least "n", within bounds */

static uint32_t
gw_consumer_buckets(size_t n)
{
    uint32_t  buckets;

    buckets = GW_CONSUMER_MIN_BUCKETS;

    while (buckets < n && buckets < UINT32_MAX / 16) {
        buckets *= 2;
    }

    return buckets;
}


uint64_t
gw_consumer_writer_size(const gw_consumer_record_t *record)
{
    uint64_t  size;

    size = sizeof(gw_consumer_entry_t) + (uint64_t) record->name.len
           + record->detail_len + record->text.len;

    return (size + 7) & ~(uint64_t) 7;
}


uint32_t
gw_consumer_writer_add(gw_consumer_writer_t *w,
    const gw_consumer_record_t *record, int linked)
{
    uint32_t              at;
    uint64_t              size;
    unsigned char        *p;
    gw_consumer_entry_t  *entry;

    size = gw_consumer_writer_size(record);

    if (gw_consumer_is_digest(record->kind)) {
        w->used = (w->used + GW_CONSUMER_LINE - 1)
                  & ~(uint64_t) (GW_CONSUMER_LINE - 1);
    }

    if (w->full || w->used + w->tail + size > w->size) {
        w->used += size;
        w->full = 1;
        return 0;
    }

    at = (uint32_t) (w->used / 8);
    w->used += size;
    w->set->count[record->kind]++;

    entry = gw_consumer_at(w, at);
    memset(entry, 0, (size_t) size);

    entry->hash = gw_consumer_hash(record->kind, record->name.data,
                                   record->name.len);
    entry->consumer = record->consumer ? record->consumer : at;
    entry->size = (uint32_t) size;
    entry->name_len = (uint32_t) record->name.len;
    entry->kind = (uint8_t) record->kind;
    entry->disabled = record->disabled != 0;

    p = (unsigned char *) (entry + 1);
    p = gw_consumer_append(p, record->name.data, record->name.len);
    p = gw_consumer_append(p, record->detail, record->detail_len);
    (void) gw_consumer_append(p, record->text.data, record->text.len);

    if (linked) {
        gw_consumer_link(w, entry, at);
    }

    return at;
}


static void
gw_consumer_link(gw_consumer_writer_t *w, gw_consumer_entry_t *entry,
    uint32_t at)
{
    uint32_t                   *buckets;
    const gw_consumer_table_t  *table;

    table = &w->set->tables[entry->kind];

    buckets = gw_consumer_at(w, table->buckets);
    buckets += entry->hash & (table->nbuckets - 1);

    entry->next = *buckets;
    *buckets = at;
}


/* memcpy() must not get NULL, even for 0 bytes */

static unsigned char *
gw_consumer_append(unsigned char *p, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(p, data, len);
    }

    return p + len;
}


/* walks as a reader does, so that both find the same entries */

int
gw_consumer_writer_find(const gw_consumer_writer_t *w, gw_consumer_kind_e kind,
    const gw_text_t *name, uint32_t *number)
{
    gw_consumer_ref_t  ref;

    if (!w->indexed || !gw_consumer_find(w->set, (size_t) w->size, kind,
                                         name->data, name->len, &ref))
    {
        return 0;
    }

    *number = gw_consumer_number(w, ref.consumer);

    return 1;
}


int
gw_consumer_writer_find_id(const gw_consumer_writer_t *w, const gw_text_t *id,
    uint32_t *number)
{
    uint32_t                 at;
    gw_text_t                known;
    gw_consumer_entry_t     *entry;
    const gw_consumer_id_t  *node;

    if (!w->indexed) {
        return 0;
    }

    for (at = *gw_consumer_id_bucket(w, id); at != 0; at = node->next) {
        node = gw_consumer_at(w, at);
        gw_consumer_key_id(w, node->key, &known);

        if (known.len == id->len && memcmp(known.data, id->data, id->len) == 0)
        {
            entry = gw_consumer_at(w, node->key);
            *number = gw_consumer_number(w, entry->consumer);
            return 1;
        }
    }

    return 0;
}


void
gw_consumer_writer_add_id(gw_consumer_writer_t *w, const gw_text_t *id,
    uint32_t key)
{
    uint32_t          *bucket;
    gw_consumer_id_t  *node;

    w->tail += sizeof(gw_consumer_id_t);

    if (w->full || w->used + w->tail > w->size) {
        w->full = 1;
        return;
    }

    bucket = gw_consumer_id_bucket(w, id);
    node = gw_consumer_at(w, (uint32_t) ((w->size - w->tail) / 8));

    node->next = *bucket;
    node->key = key;

    *bucket = (uint32_t) ((w->size - w->tail) / 8);
}


void
gw_consumer_writer_finish(gw_consumer_writer_t *w)
{
    w->set->used = w->used;
}


static void *
gw_consumer_at(const gw_consumer_writer_t *w, uint32_t at)
{
    return w->base + (size_t) at * 8;
}


static uint32_t
gw_consumer_number(const gw_consumer_writer_t *w, uint32_t at)
{
    gw_consumer_entry_t   *entry;
    gw_consumer_detail_t   detail;

    entry = gw_consumer_at(w, at);
    memcpy(&detail, (unsigned char *) (entry + 1) + entry->name_len,
           sizeof(gw_consumer_detail_t));

    return detail.number;
}


static void
gw_consumer_key_id(const gw_consumer_writer_t *w, uint32_t at, gw_text_t *id)
{
    unsigned char             *p;
    gw_consumer_entry_t       *entry;
    gw_consumer_key_detail_t   detail;

    entry = gw_consumer_at(w, at);
    p = (unsigned char *) (entry + 1) + entry->name_len;

    memcpy(&detail, p, sizeof(gw_consumer_key_detail_t));

    id->data = p + sizeof(gw_consumer_key_detail_t);
    id->len = detail.id_len;
}


static uint32_t *
gw_consumer_id_bucket(const gw_consumer_writer_t *w, const gw_text_t *id)
{
    uint32_t  hash;

    hash = gw_consumer_hash(GW_CONSUMER_ID, id->data, id->len);

    return &w->ids[hash & (w->nids - 1)];
}
