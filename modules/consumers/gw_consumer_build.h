/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reads a file of consumers (README.md, "The consumers file"), checks it as a
 * whole and makes a set of it in a block of memory.
 *
 * One consumer a step, so that whoever must not block can stop between two:
 * there is never one tree of the whole file, and apart from the text and the
 * block a builder holds one consumer and less than 64 kilobytes.  All mistakes
 * are reported in one pass; only what breaks the syntax of JSON ends it early.
 * The first hundred are reported each, the others as a number at the end.
 *
 * Knows jansson, not nginx.
 */

#ifndef GW_CONSUMER_BUILD_H_INCLUDED
#define GW_CONSUMER_BUILD_H_INCLUDED

#include <stddef.h>

#include "gw_consumer.h"


#define GW_CONSUMER_MISTAKE  512   /* bytes of a sentence, with its NUL */


/*
 * Takes a mistake: one line of printable ASCII, NUL-terminated, such as
 *
 *   consumers[3].keys[0].expires: "2027-13-01" is not a date, write for
 *   example 2027-01-31T00:00:00Z (line 41)
 *
 * Values are shortened and escaped; of a digest none of it is shown.
 */
typedef void (*gw_consumer_mistake_pt)(void *data, const char *sentence);


typedef struct gw_consumer_builder_s  gw_consumer_builder_t;

typedef enum {
    GW_CONSUMER_MORE = 0,     /* call again */
    GW_CONSUMER_DONE,         /* the set is whole */
    GW_CONSUMER_WRONG         /* mistakes were reported: no set */
} gw_consumer_step_e;


/*
 * "text" (of "len" bytes) and "block" (of "size" bytes, aligned to 8) are the
 * caller's and must outlive the builder; what was in the block is lost.
 * "peppers": whether entries with "hmac_sha256" can be served; if not they
 * are mistakes.  A block that is too small is a mistake that says how many
 * bytes a set of this file takes.  Returns NULL if memory ran out.
 */
gw_consumer_builder_t *gw_consumer_builder_create(const char *text, size_t len,
    void *block, size_t size, int peppers, gw_consumer_mistake_pt report,
    void *data);

/* Reads one more consumer, or what stands around them. */
gw_consumer_step_e gw_consumer_builder_step(gw_consumer_builder_t *builder);

/* how many mistakes were found so far */
size_t gw_consumer_builder_mistakes(const gw_consumer_builder_t *builder);

/*
 * How many bytes the set takes so far, with what is needed to make it, whether
 * or not they fit into the block: after the last step the size of a block that
 * is large enough.
 */
size_t gw_consumer_builder_size(const gw_consumer_builder_t *builder);

/* at any time; a set that is whole stays in its block */
void gw_consumer_builder_free(gw_consumer_builder_t *builder);


#endif /* GW_CONSUMER_BUILD_H_INCLUDED */
