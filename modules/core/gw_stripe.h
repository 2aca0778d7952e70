/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counters in shared memory.  Each process adds to cells of its own, without a
 * lock.
 *
 * A process takes a place: a free one, or that of a process that has exited or
 * was killed, and continues the counts found there.  While a name is in use,
 * its counts are neither moved nor cleared, so that the sum over all places
 * stays exact even if a process is killed at any point.
 *
 * There are two kinds of counters.  A striped counter has a cell for each of
 * the first GW_STRIPES places, and one that all other places share.  An own
 * counter has a cell for every place, used by one process at a time.
 *
 * A counter is found by the 128-bit hash of its name.  Names are declared while
 * a configuration is read, by one process at a time; other processes can count
 * meanwhile.  Configurations are numbered, and each place records the number of
 * the one that its process uses.  A name that no process can use any more keeps
 * its index and its totals until a new name needs the room; the new name then
 * starts at 0.
 *
 * Cells are read and added to with relaxed order: a sum taken while processes
 * count is not a snapshot.  All other accesses are sequentially consistent.
 *
 * Free of nginx.
 */

#ifndef GW_STRIPE_H_INCLUDED
#define GW_STRIPE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#include "gw_place.h"


#define GW_STRIPES         16       /* without the shared one */
#define GW_STRIPE_PLACES   1024     /* concurrent processes */
#define GW_STRIPE_STRIPED  2048     /* counters of each kind */
#define GW_STRIPE_OWN      2048


typedef enum {
    GW_STRIPE_KIND_STRIPED = 0,
    GW_STRIPE_KIND_OWN
} gw_stripe_kind_e;


/* in shared memory: gw_stripe_size() bytes, aligned to a cache line */
typedef struct gw_stripes_s  gw_stripes_t;


/* a configuration that is being read */

typedef struct {
    uint64_t              number;       /* ascending from 1 */

    /* private: the numbers of this one and of those in use */
    uint64_t              numbers[GW_STRIPE_PLACES + 2];
    unsigned              n;
} gw_stripe_conf_t;


/* "reclaim" is not called for a process that did not count */
typedef gw_place_gone_pt  gw_stripe_gone_pt;
typedef gw_place_reclaim_pt  gw_stripe_reclaim_pt;


size_t gw_stripe_size(void);

/* before any other process maps the memory, whose content can be anything */
void gw_stripe_init(gw_stripes_t *stripes);

/*
 * Begins to read a configuration.  "current" is the number of the configuration
 * that processes started meanwhile use, or 0.  Its names are in use, as are
 * those of all processes that have a place and are not gone.
 */
void gw_stripe_conf(gw_stripes_t *stripes, gw_stripe_conf_t *conf,
    uint64_t current, gw_stripe_gone_pt gone, void *data);

/*
 * Declares a name.  Returns the index of its counter, which is added if it does
 * not exist, or -1 if there is no room.
 */
int gw_stripe_index(gw_stripes_t *stripes, const gw_stripe_conf_t *conf,
    gw_stripe_kind_e kind, const uint64_t hash[2]);

/*
 * Reclaims the places of all processes that are gone, and takes a place for
 * "self", the calling process, which is not 0 and uses the configuration
 * "number".  A place that already names "self" is that of an earlier process.
 * Returns the place, or GW_STRIPE_PLACES if none is free.
 */
unsigned gw_stripe_take(gw_stripes_t *stripes, uint64_t number, uint64_t self,
    gw_stripe_gone_pt gone, gw_stripe_reclaim_pt reclaim, void *data);

/* reclaims and frees the places of gone processes; the caller has "place" */
void gw_stripe_reclaim(gw_stripes_t *stripes, uint64_t self, unsigned place,
    gw_stripe_gone_pt gone, gw_stripe_reclaim_pt reclaim, void *data);

/*
 * The cell of a counter for a process with this place, or with
 * GW_STRIPE_PLACES if it has none.  NULL: an own counter needs a place.
 */
uint64_t *gw_stripe_cell(gw_stripes_t *stripes, gw_stripe_kind_e kind,
    unsigned index, unsigned place);

/* the sum over all processes */
uint64_t gw_stripe_sum(gw_stripes_t *stripes, gw_stripe_kind_e kind,
    unsigned index);


#endif /* GW_STRIPE_H_INCLUDED */
