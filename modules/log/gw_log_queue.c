/* SPDX-License-Identifier: BSD-2-Clause */

/* queues of records, and ends of sent records: see gw_log_queue.h */

#include "gw_log_queue.h"

#include <string.h>


void
gw_log_queue_init(gw_log_queue_t *queue, unsigned char *memory, size_t size)
{
    memset(queue, 0, sizeof(gw_log_queue_t));

    queue->memory = memory;
    queue->size = size;
}


/* appends to the ring */

static void
gw_log_queue_append(gw_log_queue_t *queue, const void *data, size_t len)
{
    size_t                at, first;
    const unsigned char  *p;

    p = data;
    at = queue->head + queue->used;

    if (at >= queue->size) {
        at -= queue->size;
    }

    first = queue->size - at;

    if (first >= len) {
        memcpy(queue->memory + at, p, len);

    } else {
        memcpy(queue->memory + at, p, first);
        memcpy(queue->memory, p + first, len - first);
    }

    queue->used += len;
}


/* copies from the beginning of the ring */

static void
gw_log_queue_peek(const gw_log_queue_t *queue, void *data, size_t len)
{
    size_t          first;
    unsigned char  *p;

    p = data;
    first = queue->size - queue->head;

    if (first >= len) {
        memcpy(p, queue->memory + queue->head, len);

    } else {
        memcpy(p, queue->memory + queue->head, first);
        memcpy(p + first, queue->memory, len - first);
    }
}


static void
gw_log_queue_skip(gw_log_queue_t *queue, size_t len)
{
    queue->used -= len;
    queue->head += len;

    if (queue->head >= queue->size) {
        queue->head -= queue->size;
    }

    /* use the same pages again, and touch no others */

    if (queue->used == 0) {
        queue->head = 0;
    }
}


size_t
gw_log_queue_next(const gw_log_queue_t *queue)
{
    uint32_t  len;

    if (queue->n == 0) {
        return 0;
    }

    gw_log_queue_peek(queue, &len, sizeof(uint32_t));

    return len;
}


static void
gw_log_queue_remove(gw_log_queue_t *queue, size_t len)
{
    queue->n--;
    queue->bytes -= len;
}


unsigned char *
gw_log_queue_take(gw_log_queue_t *queue, unsigned char *p)
{
    size_t  len;

    len = gw_log_queue_next(queue);

    gw_log_queue_skip(queue, GW_LOG_QUEUE_EACH);
    gw_log_queue_peek(queue, p, len);
    gw_log_queue_skip(queue, len);
    gw_log_queue_remove(queue, len);

    return p + len;
}


int
gw_log_queue_put(gw_log_queue_t *queue, const gw_text_t *parts, unsigned n)
{
    int       dropped;
    size_t    oldest, all;
    uint32_t  len;
    unsigned  i;

    all = 0;
    dropped = 0;

    for (i = 0; i < n; i++) {
        all += parts[i].len;
    }

    if (all > UINT32_MAX) {
        return -1;
    }

    while (queue->n && queue->size - queue->used < all + GW_LOG_QUEUE_EACH) {
        oldest = gw_log_queue_next(queue);
        gw_log_queue_skip(queue, GW_LOG_QUEUE_EACH + oldest);
        gw_log_queue_remove(queue, oldest);
        dropped++;
    }

    if (queue->size - queue->used < all + GW_LOG_QUEUE_EACH) {
        return -1;
    }

    len = (uint32_t) all;
    gw_log_queue_append(queue, &len, sizeof(uint32_t));

    for (i = 0; i < n; i++) {
        gw_log_queue_append(queue, parts[i].data, parts[i].len);
    }

    queue->n++;
    queue->bytes += all;

    return dropped;
}


void
gw_log_ends_init(gw_log_ends_t *ends, gw_log_end_t *memory, unsigned size)
{
    ends->memory = memory;
    ends->size = size;

    gw_log_ends_clear(ends);
}


void
gw_log_ends_clear(gw_log_ends_t *ends)
{
    ends->head = 0;
    ends->used = 0;
    ends->records = 0;
}


int
gw_log_ends_full(const gw_log_ends_t *ends)
{
    return ends->used == ends->size;
}


void
gw_log_ends_put(gw_log_ends_t *ends, uint32_t position)
{
    gw_log_end_t  *last;

    if (!gw_log_ends_full(ends)) {
        last = &ends->memory[(ends->head + ends->used) % ends->size];
        last->n = 0;
        ends->used++;

    } else {
        last = &ends->memory[(ends->head + ends->used - 1) % ends->size];
    }

    last->end = position;
    last->n++;
    ends->records++;
}


void
gw_log_ends_arrived(gw_log_ends_t *ends, uint32_t position)
{
    gw_log_end_t  *first;

    while (ends->used) {
        first = &ends->memory[ends->head];

        if ((int32_t) (first->end - position) > 0) {
            return;
        }

        ends->records -= first->n;
        ends->head = (ends->head + 1) % ends->size;
        ends->used--;
    }
}
