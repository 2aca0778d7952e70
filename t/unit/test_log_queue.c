/* SPDX-License-Identifier: BSD-2-Clause */

/* queues of records, and ends of sent records, compared with simple models */

#include <stdlib.h>
#include <string.h>

#include "gw_log_queue.h"
#include "tap.h"


#define ROUNDS  200000
#define MOST    4096


/* a record is identified by its length and its first byte */

static struct {
    size_t          len;
    unsigned char   byte;
} model[MOST];

static unsigned  first, last;


static unsigned
random_below(unsigned n)
{
    static uint64_t  state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (unsigned) (state % n);
}


static size_t
model_used(void)
{
    size_t    used;
    unsigned  i;

    used = 0;

    for (i = first; i != last; i++) {
        used += model[i % MOST].len + GW_LOG_QUEUE_EACH;
    }

    return used;
}


/* returns the number of differences */

static int
put(gw_log_queue_t *queue, size_t len, unsigned char byte)
{
    int             got, expected;
    gw_text_t       parts[2];
    unsigned char   data[128];

    memset(data, byte, sizeof(data));
    parts[0].data = data;
    parts[0].len = random_below((unsigned) len + 1);
    parts[1].data = data + parts[0].len;
    parts[1].len = len - parts[0].len;

    expected = 0;

    while (first != last
           && queue->size - model_used() < len + GW_LOG_QUEUE_EACH)
    {
        first++;
        expected++;
    }

    if (queue->size < len + GW_LOG_QUEUE_EACH) {
        expected = -1;

    } else {
        model[last % MOST].len = len;
        model[last++ % MOST].byte = byte;
    }

    got = gw_log_queue_put(queue, parts, 2);

    return got != expected || queue->used != model_used()
           || queue->n != last - first
           || queue->bytes + queue->n * GW_LOG_QUEUE_EACH != queue->used;
}


static int
take(gw_log_queue_t *queue)
{
    size_t          i, len;
    unsigned char   data[128], *end;

    len = gw_log_queue_next(queue);

    if (first == last) {
        return len != 0;
    }

    if (len != model[first % MOST].len) {
        return 1;
    }

    end = gw_log_queue_take(queue, data);

    for (i = 0; i < len; i++) {
        if (data[i] != model[first % MOST].byte) {
            return 1;
        }
    }

    first++;

    return end != data + len;
}


static void
test_queue(size_t size)
{
    unsigned        i, faults;
    gw_log_queue_t  queue;
    unsigned char  *memory;

    memory = malloc(size);
    if (memory == NULL) {
        abort();
    }

    gw_log_queue_init(&queue, memory, size);
    first = last = 0;
    faults = 0;

    for (i = 0; i < ROUNDS && faults == 0; i++) {
        faults += random_below(5) < 3
                  ? put(&queue, 1 + random_below(100), (unsigned char) i)
                  : take(&queue);
    }

    is_int(faults, 0, "queue of %zu bytes, %u operations", size, i);

    free(memory);
}


/* the count of records that have not arrived is never too low */

static void
test_ends(unsigned size)
{
    unsigned        i, k, sent, known, exact, merged, faults;
    uint32_t        position, arrived, ends[MOST];
    gw_log_end_t    memory[64];
    gw_log_ends_t   all;

    gw_log_ends_init(&all, memory, size);
    position = UINT32_MAX - 5000;       /* wraps */
    arrived = position;
    sent = known = exact = merged = faults = 0;

    for (i = 0; i < ROUNDS; i++) {

        if (random_below(3) && sent - known < MOST) {
            position += 1 + random_below(50);
            exact += !gw_log_ends_full(&all);
            merged |= (unsigned) gw_log_ends_full(&all);
            gw_log_ends_put(&all, position);
            ends[sent++ % MOST] = position;

        } else {
            arrived += random_below(position - arrived + 1);
            gw_log_ends_arrived(&all, arrived);
        }

        while (known < sent && (int32_t) (ends[known % MOST] - arrived) <= 0) {
            known++;
        }

        faults += all.records < sent - known;
        faults += !merged && all.records != sent - known;
        merged = merged && all.used;
    }

    is_int(faults, 0, "%u ends, %u of %u records stored separately", size,
           exact, sent);

    gw_log_ends_arrived(&all, position);
    is_int(all.records, 0, "%u ends: all records have arrived", size);

    for (k = 0; k < size + 3; k++) {
        gw_log_ends_put(&all, position + k + 1);
    }

    gw_log_ends_arrived(&all, position + size - 1);
    is_int(all.records, 4, "%u ends: further records share the last end", size);
    gw_log_ends_arrived(&all, position + size + 2);
    is_int(all.records, 4, "%u ends: the last end has not arrived", size);
    gw_log_ends_arrived(&all, position + size + 3);
    is_int(all.records, 0, "%u ends: the last end has arrived", size);
}


int
main(void)
{
    gw_text_t       part;
    unsigned char   memory[32];
    gw_log_queue_t  queue;

    test_queue(50);
    test_queue(104);
    test_queue(1000);
    test_queue(4099);

    test_ends(1);
    test_ends(2);
    test_ends(64);

    gw_log_queue_init(&queue, memory, sizeof(memory));
    part.data = (const unsigned char *) "0123456789012345678901234567";
    part.len = 28;
    is_int(gw_log_queue_put(&queue, &part, 1), 0,
           "a record of the size of the memory");
    part.len = 29;
    is_int(gw_log_queue_put(&queue, &part, 1), -1, "a record of one byte more");
    is_int(queue.n, 0, "the other record was removed for it");
    part.len = 1;
    is_int(gw_log_queue_put(&queue, &part, 1), 0,
           "the queue accepts further records");

    return done_testing();
}
