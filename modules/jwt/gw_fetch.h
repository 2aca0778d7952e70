/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * When to fetch a key set again.
 *
 * Times are in milliseconds of a monotonic clock that each worker caches: a
 * time that another worker has stored can be slightly in the future.  The clock
 * is as wide as a pointer, as ngx_current_msec is, and may wrap around.
 */

#ifndef GW_FETCH_H_INCLUDED
#define GW_FETCH_H_INCLUDED

#include <stdint.h>


/*
 * Returns the time of the next fetch after one that has ended "now".
 *
 * failures == 0: it succeeded.  The next one follows after 90 to 100 % of
 * "interval", so that machines which were started together do not stay
 * together.  Otherwise the number of failures in a row: "min" after the first
 * one, twice as long after each further one, plus up to a quarter, but never
 * less than "min" and never more than "interval".
 *
 * "min" is not 0 and not more than "interval".
 */
uint64_t gw_fetch_next(uint64_t now, uint64_t interval, uint64_t min,
    uint64_t failures, uint64_t random);

/* the distance between two times, whichever is earlier */
uintptr_t gw_fetch_ago(uintptr_t now, uintptr_t then);

/*
 * Whether "then" is at most "most" ms from "now".  A clock of 32 bits wraps
 * around after 49.7 days: "seconds", the time between both on the wall clock,
 * excludes earlier rounds.  A wall clock that has been set matters only if it
 * has changed by half a round.
 */
int gw_fetch_recent(uintptr_t now, uintptr_t then, uintptr_t most,
    int64_t seconds);

/* how long it is until "next"; 0: it has come */
uintptr_t gw_fetch_left(uintptr_t now, uintptr_t next);


#endif /* GW_FETCH_H_INCLUDED */
