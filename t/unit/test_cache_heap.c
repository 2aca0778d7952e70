/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The heap of the cache.  In any order of allocations and releases, runs never
 * overlap and no unit is lost.  A heap rebuilt from its runs is the same.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_cache_heap.h"
#include "tap.h"


#define UNITS  4099
#define RUNS   1000


static unsigned char  owner[UNITS];     /* a model: 1 if the unit is taken */


static gw_cache_heap_t *
heap_of(uint32_t units)
{
    size_t            map;
    unsigned char    *p;
    gw_cache_heap_t  *heap;

    map = (units + 63) / 64 * 64;

    p = malloc(sizeof(gw_cache_heap_t) + map + GW_CACHE_UNIT * units);
    heap = (gw_cache_heap_t *) p;

    gw_cache_heap_init(heap, p + sizeof(gw_cache_heap_t),
                       p + sizeof(gw_cache_heap_t) + map, units);
    return heap;
}


static void
test_boundaries(void)
{
    uint32_t          got, unit, n, high;
    gw_cache_heap_t  *heap;

    heap = heap_of(UNITS);
    is_int(heap->free, UNITS - 1, "all units but the first are free");

    unit = gw_cache_heap_take(heap, GW_CACHE_RUN, GW_CACHE_RUN, &got);
    ok(unit != 0, "the largest run");
    is_int(got, GW_CACHE_RUN, "has the requested units");
    gw_cache_heap_give(heap, unit, GW_CACHE_RUN);

    unit = gw_cache_heap_take(heap, 129, 129, &got);
    is_int(heap->free, UNITS - 1 - 129,
           "a run has no more than the requested units");
    gw_cache_heap_give(heap, unit, 129);
    is_int(heap->free, UNITS - 1, "all of it is released");

    for (n = 0, high = 0; (unit = gw_cache_heap_take(heap, 1, 1, &got)); n++) {
        high = unit > high ? unit : high;
    }

    is_int(n, UNITS - 1, "each unit is allocated once");
    is_int(high, UNITS - 1, "the last unit is allocated, too");
    is_int(gw_cache_heap_take(heap, 5, 1, &got), 0, "no unit is left");

    gw_cache_heap_give(heap, 10, 1);
    gw_cache_heap_give(heap, 13, 3);
    is_int(gw_cache_heap_take(heap, 3, 3, &got), 13, "a run of three units");
    gw_cache_heap_give(heap, 13, 3);
    is_int(gw_cache_heap_take(heap, 5, 4, &got), 0, "no run of five or four");
    is_int(gw_cache_heap_take(heap, 5, 3, &got), 13,
           "a request that accepts fewer units succeeds");
    is_int(got, 3, "three");
    free(heap);
}


/* free runs are merged in any order of releases */

static void
test_merged(void)
{
    unsigned          i, k;
    uint32_t          got;
    gw_cache_heap_t  *heap;

    static const unsigned  order[][3] = { { 0, 1, 2 }, { 0, 2, 1 },
                                          { 1, 0, 2 }, { 1, 2, 0 },
                                          { 2, 0, 1 }, { 2, 1, 0 } };

    for (i = 0; i < 6; i++) {
        heap = heap_of(64);

        while (gw_cache_heap_take(heap, 1, 1, &got)) { /* void */ }

        for (k = 0; k < 3; k++) {
            gw_cache_heap_give(heap, 17 + 3 * order[i][k], 3);
        }

        is_int(gw_cache_heap_take(heap, 10, 10, &got), 0,
               "no run of ten units");
        is_int(gw_cache_heap_take(heap, 9, 9, &got), 17, "a run of nine units");
        is_int(heap->free, 0, "no unit is left");
        free(heap);
    }
}


static int
fits(uint32_t unit, uint32_t n, int set)
{
    uint32_t  i;

    for (i = unit; i < unit + n; i++) {
        if (i == 0 || i >= UNITS || owner[i] == set) {
            return 0;
        }

        owner[i] = set;
    }

    return 1;
}


static void
test_random(void)
{
    int               good;
    long              i;
    uint32_t          k, n, got, taken, at[RUNS], len[RUNS];
    gw_cache_heap_t  *heap;

    heap = heap_of(UNITS);
    memset(len, 0, sizeof(len));
    srandom(1);
    good = 1;
    taken = 0;

    for (i = 0; i < 300000 && good; i++) {
        k = random() % RUNS;

        if (len[k]) {
            good = fits(at[k], len[k], 0);
            memset(gw_cache_heap_at(heap, at[k]), 0x5A,
                   (size_t) len[k] * GW_CACHE_UNIT);
            gw_cache_heap_give(heap, at[k], len[k]);
            taken -= len[k];
            len[k] = 0;

        } else {
            n = (random() % 8) ? 1 + random() % 12
                               : 1 + random() % GW_CACHE_RUN;
            at[k] = gw_cache_heap_take(heap, n, 1 + random() % n, &got);

            if (at[k]) {
                good = fits(at[k], got, 1) && got <= n;
                memset(gw_cache_heap_at(heap, at[k]), 0xA5,
                       (size_t) got * GW_CACHE_UNIT);
                len[k] = got;
                taken += got;
            }
        }

        good = good && heap->free == UNITS - 1 - taken;

        if (i % 1000 == 0) {
            gw_cache_heap_begin(heap);

            for (k = 0; k < RUNS; k++) {
                if (len[k]) {
                    gw_cache_heap_mark(heap, at[k], len[k]);
                }
            }

            gw_cache_heap_end(heap);
            good = good && heap->free == UNITS - 1 - taken;
        }
    }

    ok(good, "runs do not overlap, and free units add up, %ld times", i);

    for (k = 0; k < RUNS; k++) {
        if (len[k]) {
            gw_cache_heap_give(heap, at[k], len[k]);
        }
    }

    is_int(heap->free, UNITS - 1, "all units are free at the end");
    ok(gw_cache_heap_take(heap, GW_CACHE_RUN, GW_CACHE_RUN, &got) != 0,
       "all free units are merged");
    free(heap);
}


int
main(void)
{
    test_boundaries();
    test_merged();
    test_random();

    return done_testing();
}
