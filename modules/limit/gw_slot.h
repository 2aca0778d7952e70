/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Slots in shared memory, which processes take and free without a lock.
 *
 * Each slot names its owner, a process.  A process becomes the owner by
 * compare-and-swap from 0.  A map with a bit for each slot helps to find free
 * slots.  To take a slot, a process clears the bit, then becomes the owner.  To
 * free it, the process clears the owner, then sets the bit.
 *
 * A process that is killed leaves slots that it owns, or one that has no owner
 * and whose bit is not set.  gw_slot_sweep() frees both.  It cannot tell the
 * latter from a slot of a process that is between the two steps, and does not
 * need to: if a bit is set wrongly, the next process that finds it fails in one
 * compare-and-swap.
 *
 * All accesses are sequentially consistent.
 */

#ifndef GW_SLOT_H_INCLUDED
#define GW_SLOT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint64_t              owner;        /* process; 0: free */
    uint64_t              place;        /* for use by the owner, who sets it */
    uint64_t              generation;   /*   to 0 before it frees the slot */
} gw_slot_t;


/* in shared memory; the map and the slots follow */

typedef struct {
    uint64_t              n;
    uint64_t              words;        /* of the map */
    uint64_t              used;         /* words at the beginning of the map
                                           whose slots were ever taken */
    uint64_t              unused[5];
} gw_slots_t;


/* whether a process has ended; its name is never used again */
typedef int (*gw_slot_gone_pt)(void *data, uint64_t owner);

/* undoes the effect of a slot whose owner has ended */
typedef void (*gw_slot_undo_pt)(void *data, gw_slot_t *slot);


/* the number of slots that fit into "size" bytes, and the size of n slots */
uint64_t gw_slot_fit(size_t size);
size_t gw_slot_size(uint64_t n);

/* "slots" are gw_slot_size(n) bytes of zeroes, aligned to a cache line */
void gw_slot_init(gw_slots_t *slots, uint64_t n);

/*
 * Takes a slot for the process "self", which is not 0; NULL: none is free.
 * Reads at most n / 64 words of the map.  "*cursor" belongs to the process and
 * keeps where it found its last slot; any initial value will do.
 */
gw_slot_t *gw_slot_take(gw_slots_t *slots, uint64_t self, uint64_t *cursor);

/* frees a slot, which the caller owns */
void gw_slot_give(gw_slots_t *slots, gw_slot_t *slot);

/*
 * Frees the slots of processes for which gone() is true, after undo(), and
 * those that have no owner and no bit.  Returns their number.  Slots beyond
 * those that were ever taken are not read: their memory would become resident.
 */
uint64_t gw_slot_sweep(gw_slots_t *slots, uint64_t self, gw_slot_gone_pt gone,
    gw_slot_undo_pt undo, void *data);


#endif /* GW_SLOT_H_INCLUDED */
