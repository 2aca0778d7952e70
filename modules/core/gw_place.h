/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Places in shared memory that processes take: a free one, or that of a process
 * that has exited or was killed.
 *
 * The only state of a place is the process that owns it.  The process that
 * replaces a gone owner by itself reclaims what that one has left; if it is
 * killed meanwhile, it becomes a gone owner, and the next one repeats the work.
 * No process waits for another.
 *
 * Free of nginx.
 */

#ifndef GW_PLACE_H_INCLUDED
#define GW_PLACE_H_INCLUDED

#include <stdint.h>


/* whether a process has ended */
typedef int (*gw_place_gone_pt)(void *data, uint64_t process);

/*
 * The process that had the place is gone.  No other process changes what
 * belongs to the place during the call, which is repeated if the caller is
 * killed before it returns.
 */
typedef void (*gw_place_reclaim_pt)(void *data, unsigned place);


/*
 * Reclaims the places of all processes that are gone, and takes a place for
 * "self", the calling process, which is not 0.  "owner" are "n" words in shared
 * memory, 0: free.  A place that already names "self" is that of an earlier
 * process.  Returns the place, or "n" if none is free.
 */
unsigned gw_place_take(uint64_t *owner, unsigned n, uint64_t self,
    gw_place_gone_pt gone, gw_place_reclaim_pt reclaim, void *data);

/* reclaims and frees the places of gone processes; the caller has "place" */
void gw_place_reclaim(uint64_t *owner, unsigned n, uint64_t self,
    unsigned place, gw_place_gone_pt gone, gw_place_reclaim_pt reclaim,
    void *data);


#endif /* GW_PLACE_H_INCLUDED */
