/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counters in shared memory that processes add to without a lock, each in
 * memory of its own.
 *
 * A process takes a place: a free one, or that of a process that has exited, in
 * whatever way, with what was counted there.  While a name is in use, no count
 * of it is moved or cleared: the sum over all places stays exact when a
 * process is killed at any point.
 *
 * There are two kinds of counters.  A striped counter has a cell for each of
 * the first GW_STRIPES places, and one that all other places share.  An own
 * counter has a cell for every place: it belongs to one process at a time.
 *
 * A counter is found by the 128-bit hash of its name.  One process at a time
 * reads a configuration, which declares names; the others may count meanwhile.
 * Configurations are numbered, and each place has the number of the one that
 * its process uses.  A name that no process can use any more keeps its index
 * and its totals until another name needs the room, which then begins at 0.
 *
 * Cells are read and added to with relaxed order: while processes count, a sum
 * is not that of one point in time.  All else is sequentially consistent.
 *
 * Knows no nginx.
 */

#ifndef GW_STRIPE_H_INCLUDED
#define GW_STRIPE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_STRIPES         16       /* beside the shared one */
#define GW_STRIPE_PLACES   1024     /* processes at a time */
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
    uint64_t              number;       /* from 1, ascending */

    /* private: of this one and of those in use */
    uint64_t              numbers[GW_STRIPE_PLACES + 2];
    unsigned              n;
} gw_stripe_conf_t;


/* whether a process has ended; it never comes back */
typedef int (*gw_stripe_gone_pt)(void *data, uint64_t process);

/*
 * The process that has counted at a place is gone, and did not settle what it
 * held.  Nobody else changes the own cells of the place meanwhile.  Called
 * again for it if the caller is killed before the end.
 */
typedef void (*gw_stripe_settle_pt)(void *data, unsigned place);


size_t gw_stripe_size(void);

/* before any other process has the memory, whose content may be anything */
void gw_stripe_init(gw_stripes_t *stripes);

/*
 * Begins to read a configuration.  "current" is the number of the one with
 * which processes start meanwhile, or 0: its names are in use, as are those of
 * all processes that have a place and are not gone.
 */
void gw_stripe_conf(gw_stripes_t *stripes, gw_stripe_conf_t *conf,
    uint64_t current, gw_stripe_gone_pt gone, void *data);

/*
 * Declares a name: the index of its counter, which is added if it is not known;
 * -1: there is no room for one more.
 */
int gw_stripe_index(gw_stripes_t *stripes, const gw_stripe_conf_t *conf,
    gw_stripe_kind_e kind, const uint64_t hash[2]);

/*
 * Settles the places of all processes that are gone, and takes one for "self",
 * whose name is not 0, and which uses the configuration "number".  A place in
 * the name of "self" is that of an earlier process.  Returns the place, or
 * GW_STRIPE_PLACES: none is free.
 */
unsigned gw_stripe_take(gw_stripes_t *stripes, uint64_t number, uint64_t self,
    gw_stripe_gone_pt gone, gw_stripe_settle_pt settle, void *data);

/* the same for a process that has a place: settles, and frees the others */
void gw_stripe_settle(gw_stripes_t *stripes, uint64_t self, unsigned place,
    gw_stripe_gone_pt gone, gw_stripe_settle_pt settle, void *data);

/*
 * The cell of a counter for a process with this place; GW_STRIPE_PLACES is that
 * of a process that has none.  NULL: an own counter, and no place.
 */
uint64_t *gw_stripe_cell(gw_stripes_t *stripes, gw_stripe_kind_e kind,
    unsigned index, unsigned place);

/* of all processes */
uint64_t gw_stripe_sum(gw_stripes_t *stripes, gw_stripe_kind_e kind,
    unsigned index);


#endif /* GW_STRIPE_H_INCLUDED */
