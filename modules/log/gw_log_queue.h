/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Two kinds of bounded memory for records that are sent.
 *
 * A queue holds records that wait.  When it is full, the oldest ones make room
 * for a new one.
 *
 * Ends are what is remembered of records that were handed over to a stream:
 * where in it they end.  When the stream breaks, they tell how many of them are
 * not known to have arrived.
 *
 * The memory is the caller's, and nothing is allocated.  Knows no nginx.
 */

#ifndef GW_LOG_QUEUE_H_INCLUDED
#define GW_LOG_QUEUE_H_INCLUDED

#include "gw_text.h"


typedef struct {
    unsigned char  *memory;
    size_t          size;
    size_t          head;       /* where the oldest record begins */
    size_t          used;       /* with what the queue needs for itself */
    size_t          bytes;      /* of the records alone */
    unsigned        n;          /* records */
} gw_log_queue_t;


/* what the queue needs for each record, in bytes */
#define GW_LOG_QUEUE_EACH  sizeof(uint32_t)

/* "size" bytes, at least GW_LOG_QUEUE_EACH */
void gw_log_queue_init(gw_log_queue_t *queue, unsigned char *memory,
    size_t size);

/*
 * Appends a record that is made of "n" parts.  Returns how many others had to
 * go, or -1: it does not fit, though all others are gone.
 */
int gw_log_queue_put(gw_log_queue_t *queue, const gw_text_t *parts, unsigned n);

/* bytes of the oldest record; 0: there is none */
size_t gw_log_queue_next(const gw_log_queue_t *queue);

/* moves the oldest record, of which there must be one, to p; returns its end */
unsigned char *gw_log_queue_take(gw_log_queue_t *queue, unsigned char *p);


/*
 * Positions are those in the stream, modulo 2^32: at a time, less than 2^31
 * bytes are on their way.
 */

typedef struct {
    uint32_t        end;        /* of the last one */
    uint32_t        n;          /* records */
} gw_log_end_t;


typedef struct {
    gw_log_end_t   *memory;
    unsigned        size;
    unsigned        head;
    unsigned        used;
    unsigned        records;    /* in all of them */
} gw_log_ends_t;


/* "size" of them, at least 1 */
void gw_log_ends_init(gw_log_ends_t *ends, gw_log_end_t *memory, unsigned size);

/* another stream begins */
void gw_log_ends_clear(gw_log_ends_t *ends);

/* whether the next end shares the memory of the one before */
int gw_log_ends_full(const gw_log_ends_t *ends);

/*
 * A record ends at "position".  If the memory is full, the record and the one
 * before are from now on one: both have arrived when the second has.
 */
void gw_log_ends_put(gw_log_ends_t *ends, uint32_t position);

/* forgets what has arrived: the records that end at or before "position" */
void gw_log_ends_arrived(gw_log_ends_t *ends, uint32_t position);


#endif /* GW_LOG_QUEUE_H_INCLUDED */
