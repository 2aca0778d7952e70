/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A heap in shared memory for the entries of a cache.  It gives out runs of
 * units of 256 bytes.
 *
 * Free runs are in lists by their length: one list for each length below 32
 * units, and four for each power of two above.  A run is cut from the shortest
 * free run that is found to be long enough.  A run that is freed is merged with
 * its neighbours, and can be freed in parts.  Each operation takes a bounded
 * number of steps.
 *
 * The free units can also be derived from the reachable ones:
 * gw_cache_heap_begin(), gw_cache_heap_mark() and gw_cache_heap_end() rebuild
 * the heap.  So if a process is killed in the middle of an operation, no memory
 * is lost.
 *
 * The caller holds the lock.  No function here waits.  Knows no nginx.
 */

#ifndef GW_CACHE_HEAP_H_INCLUDED
#define GW_CACHE_HEAP_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_CACHE_UNIT    256                    /* bytes */
#define GW_CACHE_RUN     256                    /* maximum units of a run */
#define GW_CACHE_LISTS   128


/* in shared memory; units are numbered, and unit 0 is never given out */

typedef struct {
    uint32_t              units;
    uint32_t              free;         /* units */
    uint32_t              list[GW_CACHE_LISTS];     /* first; 0: none */
    uint64_t              some[GW_CACHE_LISTS / 64];  /* a bit for each list
                                                         that is not empty */
    uint64_t              map;          /* offset from here of the map: a byte
                                           for */
    uint64_t              base;         /* each unit; and of the units */
} gw_cache_heap_t;


/* bytes of the map of "units" */
#define gw_cache_heap_map_size(units)  ((size_t) (units))

/*
 * Initialises a heap in which all units but the first are free.  "map" and
 * "base" are in the same mapping as "heap", and may have any content.
 */
void gw_cache_heap_init(gw_cache_heap_t *heap, unsigned char *map, void *base,
    uint32_t units);

/*
 * Takes a run of "want" units, at most GW_CACHE_RUN, or of fewer, but not less
 * than "least".  Sets "*got" to the number of units.  Returns 0 if there is
 * none.
 */
uint32_t gw_cache_heap_take(gw_cache_heap_t *heap, uint32_t want,
    uint32_t least, uint32_t *got);

/* frees "n" units, at most GW_CACHE_RUN, of one run */
void gw_cache_heap_give(gw_cache_heap_t *heap, uint32_t unit, uint32_t n);

/* rebuild the heap: all units that are not marked between the two are free */
void gw_cache_heap_begin(gw_cache_heap_t *heap);
void gw_cache_heap_mark(gw_cache_heap_t *heap, uint32_t unit, uint32_t n);
void gw_cache_heap_end(gw_cache_heap_t *heap);


#define gw_cache_heap_at(heap, unit)                                          \
    ((void *) ((unsigned char *) (heap) + (heap)->base                        \
               + (size_t) (unit) * GW_CACHE_UNIT))


#endif /* GW_CACHE_HEAP_H_INCLUDED */
