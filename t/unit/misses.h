/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * How slow memory is: on a shared machine, or in a virtual one, a cache miss
 * costs from 80 to 500 ns.  Tests that limit the time of a walk through memory
 * allow for it.
 */

#ifndef MISSES_H
#define MISSES_H


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>


static double
cpu(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}


/*
 * The CPU time, in ms, of reading n places in 128 MB of memory, each of which
 * is only known when the one before has been read.
 */

static double
misses(int n)
{
    int              i, try;
    double           began, time, least;
    uint32_t         at, *next;
    const uint32_t   places = 1 << 25;

    next = malloc(places * sizeof(uint32_t));
    if (next == NULL) {
        return 0;
    }

    /* one circle through all places: the factor is 1 modulo 4, the rest odd */

    for (at = 0; at < places; at++) {
        next[at] = (at * 1664525 + 1013904223) % places;
    }

    least = 1e9;
    at = 0;

    for (try = 0; try < 3; try++) {
        began = cpu();

        for (i = 0; i < n; i++) {
            at = next[at];
        }

        time = cpu() - began;
        least = time < least && at < places ? time : least;
    }

    free(next);

    return least;
}


#endif /* MISSES_H */
