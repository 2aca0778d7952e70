/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writes a set of consumers into its block.
 *
 *     head, buckets, entries ->  ...free...  <- key ids, their buckets
 *
 * A key's id is not looked up by a reader, yet must be unique.  Its index
 * grows from the end of the block and is forgotten when the set is whole.
 *
 * When the block is full a writer goes on counting, so that whoever gave it
 * learns how large it should have been.
 */

#ifndef GW_CONSUMER_WRITE_H_INCLUDED
#define GW_CONSUMER_WRITE_H_INCLUDED

#include "gw_consumer.h"


/* of an entry, so that a copy holds a consumer and one more */
#define GW_CONSUMER_MAX_ENTRY  (GW_CONSUMER_MAX_SIZE / 2)


typedef struct {
    gw_consumer_set_t  *set;
    unsigned char      *base;      /* the same */
    uint64_t            size;      /* bytes of the block */
    uint64_t            used;      /* from its first byte on */
    uint64_t            tail;      /* up to its last */
    uint32_t           *ids;       /* buckets of key ids */
    uint32_t            nids;      /* a power of two */
    uint64_t            clear;     /* bytes before "used" to be cleared */
    int                 indexed;   /* there is a head with buckets */
    int                 full;
} gw_consumer_writer_t;


/* an entry to be written; what is not there is of length 0 */

typedef struct {
    gw_consumer_kind_e   kind;
    uint32_t             consumer;     /* 0 for a consumer: itself */
    int                  disabled;
    gw_text_t            name;
    const void          *detail;
    size_t               detail_len;
    gw_text_t            text;         /* of the details */
} gw_consumer_record_t;


/* "len": of the file, from which the number of entries is guessed */
void gw_consumer_writer_init(gw_consumer_writer_t *w, void *block, size_t size,
    size_t len);

/*
 * Makes the empty index, a portion at each call: 1 while there is more to do.
 * Nothing is added before.
 */
int gw_consumer_writer_index(gw_consumer_writer_t *w);

/* the bytes that an entry takes */
uint64_t gw_consumer_writer_size(const gw_consumer_record_t *record);

/*
 * Writes an entry of at most GW_CONSUMER_MAX_ENTRY bytes; "linked": so that
 * it is found by its name, which no other entry of its kind has.  Returns its
 * offset, or 0: the block is full.
 */
uint32_t gw_consumer_writer_add(gw_consumer_writer_t *w,
    const gw_consumer_record_t *record, int linked);

/* whether a name is there; "number" receives its consumer's */
int gw_consumer_writer_find(const gw_consumer_writer_t *w,
    gw_consumer_kind_e kind, const gw_text_t *name, uint32_t *number);

/* the same for a key's id, and to make it known; "key" is its entry's offset */
int gw_consumer_writer_find_id(const gw_consumer_writer_t *w,
    const gw_text_t *id, uint32_t *number);
void gw_consumer_writer_add_id(gw_consumer_writer_t *w, const gw_text_t *id,
    uint32_t key);

/* makes the set whole */
void gw_consumer_writer_finish(gw_consumer_writer_t *w);


#endif /* GW_CONSUMER_WRITE_H_INCLUDED */
