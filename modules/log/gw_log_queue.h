/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bounded memory for records that are sent over the network.
 *
 * gw_log_queue_t holds records that wait.  If it is full, the oldest are
 * dropped to make room for a new one.
 *
 * gw_log_ends_t remembers where in a stream the records that were sent end.  If
 * the stream breaks, it gives the number of records that are not known to have
 * arrived.
 *
 * The caller owns the memory; nothing is allocated.  Does not use nginx.
 */

#ifndef GW_LOG_QUEUE_H_INCLUDED
#define GW_LOG_QUEUE_H_INCLUDED

#include "gw_text.h"


typedef struct {
    unsigned char  *memory;
    size_t          size;
    size_t          head;       /* where the oldest record begins */
    size_t          used;       /* bytes, with GW_LOG_QUEUE_EACH a record */
    size_t          bytes;      /* of the records alone */
    unsigned        n;          /* records */
} gw_log_queue_t;


/* bytes that the queue needs for each record in addition */
#define GW_LOG_QUEUE_EACH  sizeof(uint32_t)

/* "size" is in bytes, at least GW_LOG_QUEUE_EACH */
void gw_log_queue_init(gw_log_queue_t *queue, unsigned char *memory,
    size_t size);

/*
 * Appends a record that consists of "n" parts.  Returns the number of records
 * that were dropped for it.  -1: it does not fit; the others may be dropped.
 */
int gw_log_queue_put(gw_log_queue_t *queue, const gw_text_t *parts, unsigned n);

/* length of the oldest record; 0: the queue is empty */
size_t gw_log_queue_next(const gw_log_queue_t *queue);

/* moves the oldest record to p; the queue must not be empty; returns the end */
unsigned char *gw_log_queue_take(gw_log_queue_t *queue, unsigned char *p);


/*
 * Positions are bytes in the stream, modulo 2^32; less than 2^31 bytes can be
 * unacknowledged.
 */

typedef struct {
    uint32_t        end;        /* of the last record */
    uint32_t        n;          /* records */
} gw_log_end_t;


typedef struct {
    gw_log_end_t   *memory;
    unsigned        size;
    unsigned        head;
    unsigned        used;
    unsigned        records;    /* sum of n */
} gw_log_ends_t;


/* "size" is the number of elements, at least 1 */
void gw_log_ends_init(gw_log_ends_t *ends, gw_log_end_t *memory, unsigned size);

/* for a new stream */
void gw_log_ends_clear(gw_log_ends_t *ends);

/* whether the next end will share an element with the one before */
int gw_log_ends_full(const gw_log_ends_t *ends);

/*
 * Adds a record that ends at "position".  If the memory is full, it shares an
 * element with the one before: both count as arrived when the second has.
 */
void gw_log_ends_put(gw_log_ends_t *ends, uint32_t position);

/* removes the records that have arrived: they end at or before "position" */
void gw_log_ends_arrived(gw_log_ends_t *ends, uint32_t position);


#endif /* GW_LOG_QUEUE_H_INCLUDED */
