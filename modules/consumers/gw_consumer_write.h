/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writes a set of consumers into its block.
 *
 *     head, buckets, entries ->  ...free...  <- key ids, their buckets
 *
 * The ids of keys must be unique, but readers do not look them up.  Their index
 * grows from the end of the block and is dropped when the set is complete.
 *
 * When the block is full, the writer goes on counting bytes, so that the caller
 * learns the required size.
 */

#ifndef GW_CONSUMER_WRITE_H_INCLUDED
#define GW_CONSUMER_WRITE_H_INCLUDED

#include "gw_consumer.h"


/* bytes of an entry: a copy has room for a consumer and one other entry */
#define GW_CONSUMER_MAX_ENTRY  (GW_CONSUMER_MAX_SIZE / 2)


typedef struct {
    gw_consumer_set_t  *set;
    unsigned char      *base;      /* the same */
    uint64_t            size;      /* bytes of the block */
    uint64_t            used;      /* at its beginning */
    uint64_t            tail;      /* at its end */
    uint32_t           *ids;       /* buckets of key ids */
    uint32_t            nids;      /* a power of two */
    uint64_t            clear;     /* bytes before "used" to be cleared */
    int                 indexed;   /* the head and buckets are written */
    int                 full;
} gw_consumer_writer_t;


/* an entry to be written; missing parts have length 0 */

typedef struct {
    gw_consumer_kind_e   kind;
    uint32_t             consumer;     /* 0 for a consumer: itself */
    int                  disabled;
    gw_text_t            name;
    const void          *detail;
    size_t               detail_len;
    gw_text_t            text;         /* of the details */
} gw_consumer_record_t;


/* "len": bytes of the file, to estimate the number of entries */
void gw_consumer_writer_init(gw_consumer_writer_t *w, void *block, size_t size,
    size_t len);

/*
 * Clears the index, a part in each call.  Returns 1 while there is more to do.
 * Must be finished before entries are added.
 */
int gw_consumer_writer_index(gw_consumer_writer_t *w);

/* returns the size of an entry in bytes */
uint64_t gw_consumer_writer_size(const gw_consumer_record_t *record);

/*
 * Writes an entry of at most GW_CONSUMER_MAX_ENTRY bytes.  If "linked" is set,
 * readers find it by its name, which must be unique for its kind.  Returns its
 * offset, or 0 if the block is full.
 */
uint32_t gw_consumer_writer_add(gw_consumer_writer_t *w,
    const gw_consumer_record_t *record, int linked);

/* whether a name exists; "number" is set to that of its consumer */
int gw_consumer_writer_find(const gw_consumer_writer_t *w,
    gw_consumer_kind_e kind, const gw_text_t *name, uint32_t *number);

/* the same for the id of a key; "key" is the offset of its entry */
int gw_consumer_writer_find_id(const gw_consumer_writer_t *w,
    const gw_text_t *id, uint32_t *number);
void gw_consumer_writer_add_id(gw_consumer_writer_t *w, const gw_text_t *id,
    uint32_t key);

/* completes the set */
void gw_consumer_writer_finish(gw_consumer_writer_t *w);


#endif /* GW_CONSUMER_WRITE_H_INCLUDED */
