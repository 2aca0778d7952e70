/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Slots in shared memory, which processes take and give back without a lock.
 *
 * The owner of a slot is the process that holds it, and is changed from 0 by
 * compare-and-swap: nobody else says who holds a slot.  The free ones are found
 * by a map with a bit for each slot.  Who takes a slot clears its bit, then
 * becomes its owner; who gives it back ceases to be the owner, then sets the
 * bit.
 *
 * A process that is killed leaves slots that it owns, or one without an owner
 * whose bit is not set.  gw_slot_sweep() gives both back.  It cannot tell the
 * latter from a slot of a process that is between the two steps, and need not:
 * a bit that is set once too often costs the next process that finds it a
 * failed compare-and-swap.
 *
 * Every access is sequentially consistent.
 */

#ifndef GW_SLOT_H_INCLUDED
#define GW_SLOT_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef struct {
    uint64_t              owner;        /* process; 0: free */
    uint64_t              place;        /* the owner's to use, and zero when */
    uint64_t              generation;   /*   it gives the slot back */
} gw_slot_t;


/* in shared memory, followed by the map and the slots */

typedef struct {
    uint64_t              n;
    uint64_t              words;        /* of the map */
    uint64_t              used;         /* of the map, from its beginning:
                                           words whose slots were ever taken */
    uint64_t              unused[5];
} gw_slots_t;


/* whether a process has ended; it never comes back */
typedef int (*gw_slot_gone_pt)(void *data, uint64_t owner);

/* undoes what a process that has ended did with its slot */
typedef void (*gw_slot_undo_pt)(void *data, gw_slot_t *slot);


/* how many slots fit into "size" bytes, and how many bytes n of them take */
uint64_t gw_slot_fit(size_t size);
size_t gw_slot_size(uint64_t n);

/* "slots" are gw_slot_size(n) bytes of zeroes, at the begin of a cache line */
void gw_slot_init(gw_slots_t *slots, uint64_t n);

/*
 * A slot for a process, whose name is not 0; NULL: none is free.  Reads at
 * most n / 64 words to find one, from "*cursor" on, where the process found
 * its last one: begin with any number.
 */
gw_slot_t *gw_slot_take(gw_slots_t *slots, uint64_t self, uint64_t *cursor);

/* the caller owns the slot */
void gw_slot_give(gw_slots_t *slots, gw_slot_t *slot);

/*
 * Gives back the slots of processes for which gone() is true, after undo(),
 * and those that nobody owns and nobody would find.  Returns how many.  Does
 * not read slots beyond those that were ever taken, whose memory would then
 * become resident.
 */
uint64_t gw_slot_sweep(gw_slots_t *slots, uint64_t self, gw_slot_gone_pt gone,
    gw_slot_undo_pt undo, void *data);


#endif /* GW_SLOT_H_INCLUDED */
