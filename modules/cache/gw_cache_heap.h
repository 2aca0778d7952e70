/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A heap in shared memory for the entries of a cache: runs of units of 256
 * bytes.
 *
 * Free runs are in lists by their length, one for each length up to 32 units
 * and four for each power of two above.  A run that is taken is cut from the
 * shortest free one that is found to be long enough, and a run that is freed is
 * merged with its neighbours.  It need not be freed as a whole.  Each operation
 * takes a bounded number of steps.
 *
 * Which units are free is also known from what is reachable, from which
 * gw_cache_heap_begin(), _mark() and _end() build the heap anew.  A process
 * that was killed in the middle of an operation costs that, and no memory.
 *
 * The caller has the lock.  Nothing here waits or fails.  Knows no nginx.
 */

#ifndef GW_CACHE_HEAP_H_INCLUDED
#define GW_CACHE_HEAP_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_CACHE_UNIT    256                    /* bytes */
#define GW_CACHE_RUN     256                    /* most units of one run */
#define GW_CACHE_LISTS   128


/* in shared memory; a unit is known by its number, and 0 is never given out */

typedef struct {
    uint32_t              units;
    uint32_t              free;         /* units */
    uint32_t              list[GW_CACHE_LISTS];     /* first; 0: none */
    uint64_t              some[GW_CACHE_LISTS / 64];  /* a bit for each list */
    uint64_t              map;          /* offset, from here, of a byte for */
    uint64_t              base;         /*   each unit, and of the units */
} gw_cache_heap_t;


/* bytes that a heap of "units" takes behind its structure, beside the units */
#define gw_cache_heap_map_size(units)  ((size_t) (units))

/*
 * All units but the first are free.  "map" and "base" are in the same mapping
 * as "heap"; their content is of no importance.
 */
void gw_cache_heap_init(gw_cache_heap_t *heap, unsigned char *map, void *base,
    uint32_t units);

/*
 * A run of "want" units, at most GW_CACHE_RUN, or of fewer, but not less than
 * "least"; "*got" is how many.  0: there is none.
 */
uint32_t gw_cache_heap_take(gw_cache_heap_t *heap, uint32_t want,
    uint32_t least, uint32_t *got);

/* frees "n" units, at most GW_CACHE_RUN, of one run */
void gw_cache_heap_give(gw_cache_heap_t *heap, uint32_t unit, uint32_t n);

/* builds the heap anew: what is not marked between the two is free */
void gw_cache_heap_begin(gw_cache_heap_t *heap);
void gw_cache_heap_mark(gw_cache_heap_t *heap, uint32_t unit, uint32_t n);
void gw_cache_heap_end(gw_cache_heap_t *heap);


#define gw_cache_heap_at(heap, unit)                                          \
    ((void *) ((unsigned char *) (heap) + (heap)->base                        \
               + (size_t) (unit) * GW_CACHE_UNIT))


#endif /* GW_CACHE_HEAP_H_INCLUDED */
