/* SPDX-License-Identifier: BSD-2-Clause */

#include <string.h>

#include "gw_cache_heap.h"


#define GW_CACHE_HEAP_EXACT  32     /* lists below it have runs of one length */
#define GW_CACHE_HEAP_LOOK   8      /* checked runs of lists with many
                                       lengths */

/*
 * the map: whether a unit is the first or last one of a free run; "used" while
 * the heap is rebuilt
 */

#define GW_CACHE_HEAP_FIRST  1
#define GW_CACHE_HEAP_LAST   2
#define GW_CACHE_HEAP_USED   4

#define gw_cache_heap_map(heap)  ((unsigned char *) (heap) + (heap)->map)


/* at the beginning of a free run, in its first unit; 0: none */

typedef struct {
    uint32_t              next;
    uint32_t              prev;
    uint32_t              n;        /* units */
    uint32_t              first;    /* first unit; set in the last unit alone */
} gw_cache_run_t;


static void gw_cache_heap_link(gw_cache_heap_t *heap, uint32_t unit,
    uint32_t n);
static uint32_t gw_cache_heap_unlink(gw_cache_heap_t *heap, uint32_t unit);
static uint32_t gw_cache_heap_fit(gw_cache_heap_t *heap, uint32_t n);
static uint32_t gw_cache_heap_longest(gw_cache_heap_t *heap);
static int gw_cache_heap_next(const gw_cache_heap_t *heap, unsigned list);


/* the list of runs of "n" units */

static unsigned
gw_cache_heap_list(uint32_t n)
{
    unsigned  order;

    if (n < GW_CACHE_HEAP_EXACT) {
        return n;
    }

    order = 31 - __builtin_clz(n);

    return GW_CACHE_HEAP_EXACT + (order - 5) * 4 + ((n >> (order - 2)) & 3);
}


void
gw_cache_heap_init(gw_cache_heap_t *heap, unsigned char *map, void *base,
    uint32_t units)
{
    heap->units = units;
    heap->map = map - (unsigned char *) heap;
    heap->base = (unsigned char *) base - (unsigned char *) heap;

    gw_cache_heap_begin(heap);
    gw_cache_heap_end(heap);
}


void
gw_cache_heap_begin(gw_cache_heap_t *heap)
{
    heap->free = 0;
    memset(heap->list, 0, sizeof(heap->list));
    memset(heap->some, 0, sizeof(heap->some));
    memset(gw_cache_heap_map(heap), 0, heap->units);
    gw_cache_heap_mark(heap, 0, 1);
}


void
gw_cache_heap_mark(gw_cache_heap_t *heap, uint32_t unit, uint32_t n)
{
    memset(&gw_cache_heap_map(heap)[unit], GW_CACHE_HEAP_USED, n);
}


void
gw_cache_heap_end(gw_cache_heap_t *heap)
{
    uint32_t        i, start;
    unsigned char  *map;

    map = gw_cache_heap_map(heap);

    for (i = 0; i < heap->units; /* void */) {

        if (map[i] == GW_CACHE_HEAP_USED) {
            map[i++] = 0;
            continue;
        }

        for (start = i; i < heap->units && map[i] == 0; i++) { /* void */ }

        gw_cache_heap_link(heap, start, i - start);
    }
}


uint32_t
gw_cache_heap_take(gw_cache_heap_t *heap, uint32_t want, uint32_t least,
    uint32_t *got)
{
    uint32_t  unit, n;

    unit = gw_cache_heap_fit(heap, want);

    if (unit == 0) {
        unit = gw_cache_heap_longest(heap);
    }

    if (unit == 0) {
        return 0;
    }

    n = gw_cache_heap_unlink(heap, unit);
    *got = n < want ? n : want;

    if (n < want && n < least) {
        gw_cache_heap_link(heap, unit, n);
        return 0;
    }

    if (n > want) {
        gw_cache_heap_link(heap, unit + want, n - want);
    }

    return unit;
}


/*
 * Finds a run of at least "n" units.  The list for "n" can also have shorter
 * runs if it is for several lengths; all runs in the lists above are long
 * enough.
 */

static uint32_t
gw_cache_heap_fit(gw_cache_heap_t *heap, uint32_t n)
{
    int              list;
    unsigned         i;
    uint32_t         unit;
    gw_cache_run_t  *run;

    list = gw_cache_heap_list(n);
    unit = heap->list[list];

    for (i = 0; unit && i < GW_CACHE_HEAP_LOOK; i++) {
        run = gw_cache_heap_at(heap, unit);

        if (run->n >= n) {
            return unit;
        }

        unit = run->next;
    }

    list = gw_cache_heap_next(heap, list + 1);

    return list < 0 ? 0 : heap->list[list];
}


/* one of the longest runs, if no run is long enough */

static uint32_t
gw_cache_heap_longest(gw_cache_heap_t *heap)
{
    int  i;

    for (i = GW_CACHE_LISTS / 64 - 1; i >= 0; i--) {
        if (heap->some[i]) {
            return heap->list[i * 64 + 63 - __builtin_clzll(heap->some[i])];
        }
    }

    return 0;
}


/* the first list from "list" on that is not empty; -1: none */

static int
gw_cache_heap_next(const gw_cache_heap_t *heap, unsigned list)
{
    uint64_t  some;
    unsigned  i;

    for (i = list / 64; i < GW_CACHE_LISTS / 64; i++) {
        some = heap->some[i];

        if (i == list / 64) {
            some &= ~0ULL << list % 64;
        }

        if (some) {
            return i * 64 + __builtin_ctzll(some);
        }
    }

    return -1;
}


void
gw_cache_heap_give(gw_cache_heap_t *heap, uint32_t unit, uint32_t n)
{
    unsigned char   *map;
    gw_cache_run_t  *last;

    map = gw_cache_heap_map(heap);

    if (unit + n < heap->units && (map[unit + n] & GW_CACHE_HEAP_FIRST)) {
        n += gw_cache_heap_unlink(heap, unit + n);
    }

    if (map[unit - 1] & GW_CACHE_HEAP_LAST) {
        last = gw_cache_heap_at(heap, unit - 1);
        unit = last->first;
        n += gw_cache_heap_unlink(heap, unit);
    }

    gw_cache_heap_link(heap, unit, n);
}


static void
gw_cache_heap_link(gw_cache_heap_t *heap, uint32_t unit, uint32_t n)
{
    unsigned         list;
    gw_cache_run_t  *run, *other;

    list = gw_cache_heap_list(n);

    run = gw_cache_heap_at(heap, unit);
    run->next = heap->list[list];
    run->prev = 0;
    run->n = n;

    if (run->next) {
        other = gw_cache_heap_at(heap, run->next);
        other->prev = unit;
    }

    other = gw_cache_heap_at(heap, unit + n - 1);
    other->first = unit;

    heap->list[list] = unit;
    heap->some[list / 64] |= 1ULL << list % 64;
    heap->free += n;

    gw_cache_heap_map(heap)[unit] |= GW_CACHE_HEAP_FIRST;
    gw_cache_heap_map(heap)[unit + n - 1] |= GW_CACHE_HEAP_LAST;
}


/* returns the number of units of the run */

static uint32_t
gw_cache_heap_unlink(gw_cache_heap_t *heap, uint32_t unit)
{
    unsigned         list;
    gw_cache_run_t  *run, *other;

    run = gw_cache_heap_at(heap, unit);
    list = gw_cache_heap_list(run->n);

    if (run->prev) {
        other = gw_cache_heap_at(heap, run->prev);
        other->next = run->next;

    } else {
        heap->list[list] = run->next;
    }

    if (run->next) {
        other = gw_cache_heap_at(heap, run->next);
        other->prev = run->prev;
    }

    if (heap->list[list] == 0) {
        heap->some[list / 64] &= ~(1ULL << list % 64);
    }

    heap->free -= run->n;

    gw_cache_heap_map(heap)[unit] = 0;
    gw_cache_heap_map(heap)[unit + run->n - 1] = 0;

    return run->n;
}
