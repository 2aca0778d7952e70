/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reads a consumers file (README.md, "The consumers file"), checks it
 * completely and builds a set in a block of memory.
 *
 * Each step reads one consumer, so that a caller that must not block can pause
 * between steps.  Apart from the text and the block, a builder uses memory for
 * one consumer and less than 64 KB.  All mistakes are reported in one pass;
 * only invalid JSON ends it early.  The first hundred mistakes are reported
 * individually, the others as a number at the end.
 *
 * Uses jansson, but not nginx.
 */

#ifndef GW_CONSUMER_BUILD_H_INCLUDED
#define GW_CONSUMER_BUILD_H_INCLUDED

#include <stddef.h>

#include "gw_consumer.h"


#define GW_CONSUMER_MISTAKE  512   /* bytes of a sentence, with its NUL */


/*
 * Receives a mistake: one line of printable ASCII, NUL-terminated, such as
 *
 *   consumers[3].keys[0].expires: "2027-13-01" is not a date, write for
 *   example 2027-01-31T00:00:00Z (line 41)
 *
 * Values are shortened and escaped; digests are never shown.
 */
typedef void (*gw_consumer_mistake_pt)(void *data, const char *sentence);


typedef struct gw_consumer_builder_s  gw_consumer_builder_t;

typedef enum {
    GW_CONSUMER_MORE = 0,     /* call again */
    GW_CONSUMER_DONE,         /* the set is complete */
    GW_CONSUMER_WRONG         /* mistakes were reported: no set */
} gw_consumer_step_e;


/*
 * "text" (of "len" bytes) and "block" (of "size" bytes, aligned to 8) are the
 * caller's and must outlive the builder, which overwrites the block.  Without
 * "peppers", an entry with "hmac_sha256" is a mistake.  A block that is too
 * small is a mistake, reported with the number of bytes that the set needs.
 * Returns NULL if memory ran out.
 */
gw_consumer_builder_t *gw_consumer_builder_create(const char *text, size_t len,
    void *block, size_t size, int peppers, gw_consumer_mistake_pt report,
    void *data);

/* reads one more consumer, or the text around the consumers */
gw_consumer_step_e gw_consumer_builder_step(gw_consumer_builder_t *builder);

/* returns the number of mistakes so far */
size_t gw_consumer_builder_mistakes(const gw_consumer_builder_t *builder);

/*
 * Returns the number of bytes that the set and building it need so far, also if
 * they exceed the block.  After the last step, a block of this size is large
 * enough.
 */
size_t gw_consumer_builder_size(const gw_consumer_builder_t *builder);

/* at any time; a complete set remains in its block */
void gw_consumer_builder_free(gw_consumer_builder_t *builder);


#endif /* GW_CONSUMER_BUILD_H_INCLUDED */
