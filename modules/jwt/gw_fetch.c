/* SPDX-License-Identifier: BSD-2-Clause */

/* when to fetch a key set again: see gw_fetch.h */

#include "gw_fetch.h"


uint64_t
gw_fetch_next(uint64_t now, uint64_t interval, uint64_t min,
    uint64_t failures, uint64_t random)
{
    uint64_t  delay, spread, n;

    if (failures == 0) {
        delay = interval - interval / 10;

        return now + delay + random % (interval / 10 + 1);
    }

    delay = min;

    /* doubling stops before it could overflow */

    for (n = 1; n < failures && delay < interval - delay; n++) {
        delay *= 2;
    }

    if (n == failures) {
        delay += random % (delay / 4 + 1);

        if (delay < interval) {
            return now + delay;
        }
    }

    spread = interval / 10;

    if (spread > interval - min) {
        spread = interval - min;
    }

    return now + interval - random % (spread + 1);
}


uintptr_t
gw_fetch_ago(uintptr_t now, uintptr_t then)
{
    uintptr_t  ahead;

    ahead = then - now;

    return (ahead > now - then) ? now - then : ahead;
}


int
gw_fetch_recent(uintptr_t now, uintptr_t then, uintptr_t most, int64_t seconds)
{
    int64_t  half;

    half = INTPTR_MAX / 1000;

    return gw_fetch_ago(now, then) <= most
           && seconds <= half && seconds >= -half;
}


uintptr_t
gw_fetch_left(uintptr_t now, uintptr_t next)
{
    uintptr_t  left;

    left = next - now;

    return (left > INTPTR_MAX) ? 0 : left;
}
