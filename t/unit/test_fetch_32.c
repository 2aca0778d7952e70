/* SPDX-License-Identifier: BSD-2-Clause */

/* the ages of key sets with a clock of 32 bits, as on a 32-bit system */

#include <stdint.h>
#include "tap.h"

#undef INTPTR_MAX
#define INTPTR_MAX       INT32_MAX
#define uintptr_t        uint32_t
#define gw_fetch_next    fetch_32_next
#define gw_fetch_ago     fetch_32_ago
#define gw_fetch_left    fetch_32_left
#define gw_fetch_recent  fetch_32_recent

#include "gw_fetch.c"


#define DAY  86400


/* whether a set is valid for "stale" days after "age" seconds */

static int
valid(int64_t age, int64_t stale)
{
    uint32_t  then, now;

    then = UINT32_MAX - 5;
    now = then + (uint32_t) (age * 1000);

    return gw_fetch_recent(now, then, (uint32_t) (stale * DAY * 1000), age);
}


int
main(void)
{
    int64_t  age, stale, wrong;

    is_int(valid(0, 1), 1, "now");
    is_int(valid(DAY, 1), 1, "after a day");
    is_int(valid(DAY + 1, 1), 0, "after more than a day");
    is_int(valid(-1, 1), 1, "a worker whose clock is behind");
    is_int(valid(4294967, 1), 0, "after a round of the clock, of 49.7 days");

    wrong = 0;

    for (stale = 1; stale <= 24; stale++) {
        for (age = 0; age <= 400 * DAY; age += 3600) {
            wrong += valid(age, stale) != (age <= stale * DAY);
        }
    }

    is_int(wrong, 0, "each hour of 400 days, for each \"stale\" up to 24 days");

    is_int(gw_fetch_recent(1500, 1000, 500, 20 * DAY), 1,
           "a wall clock that was set to a later time");
    is_int(gw_fetch_recent(1500, 1000, 500, -20 * DAY), 1,
           "a wall clock that was set to an earlier time");

    return done_testing();
}
