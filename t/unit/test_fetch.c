/* SPDX-License-Identifier: BSD-2-Clause */

/* when a key set is fetched again */

#include "gw_fetch.h"
#include "tap.h"


#define INTERVAL  600000
#define MIN       10000


static uint64_t
wait_of(uint64_t failures, uint64_t random)
{
    return gw_fetch_next(1000, INTERVAL, MIN, failures, random) - 1000;
}


static void
test_success(void)
{
    is_int(wait_of(0, 0), 540000, "at least nine tenths of the interval");
    is_int(wait_of(0, 60000), 600000, "at most all of it");
    is_int(wait_of(0, 60001), 540000, "the random part is at most a tenth");
    is_int(wait_of(0, 12345), 552345, "each time between is possible");
    is_int(gw_fetch_next(0, 1, 1, 0, 7), 1, "the shortest interval");
    is_int(gw_fetch_next(0, 9, 1, 0, 7), 9, "an interval without a tenth");
}


/* "min" is doubled, and a quarter of the result may be added */

static void
test_failures(void)
{
    uint64_t  n, delay;

    for (n = 1, delay = MIN; n <= 6; n++, delay *= 2) {
        is_int(wait_of(n, 0), delay, "failure %d: not earlier", (int) n);
        is_int(wait_of(n, delay / 4),
               delay + delay / 4 < INTERVAL ? delay + delay / 4 : INTERVAL,
               "failure %d: not later", (int) n);
        is_int(wait_of(n, delay / 4 + 1), delay,
               "failure %d: the random part is bounded", (int) n);
    }

    is_int(wait_of(7, 0), INTERVAL, "failure 7: the interval");
    is_int(wait_of(7, 12345), INTERVAL - 12345, "failure 7: or earlier");
    is_int(wait_of(7, 60000), 540000, "failure 7: by a tenth");
    is_int(wait_of(7, 60001), INTERVAL, "failure 7: at most");
    is_int(wait_of(64, 12345), INTERVAL - 12345, "failure 64");
    is_int(wait_of(UINT64_MAX, 1), INTERVAL - 1, "any number of failures");
}


static void
test_bounds(void)
{
    uint64_t  half;

    is_int(gw_fetch_next(5, 1000, 1000, 1, 999), 1005,
           "min is the interval: first failure");
    is_int(gw_fetch_next(5, 1000, 1000, 9, 999), 1005,
           "min is the interval: later ones");
    is_int(gw_fetch_next(5, 1000, 999, 1, 0), 1004, "min below the interval");
    is_int(gw_fetch_next(5, 1000, 999, 1, 1), 1004,
           "the random part does not go below min");
    is_int(gw_fetch_next(5, 1000, 999, 9, 1), 1004, "nor later");
    is_int(gw_fetch_next(5, 1000, 999, 2, 0), 1005, "twice as much");
    is_int(gw_fetch_next(0, 1000, 500, 2, 0), 1000, "doubled to the interval");

    half = UINT64_MAX / 2 + 1;

    is_int(gw_fetch_next(0, UINT64_MAX, 1, 63, 0) == half / 2, 1,
           "63 failures do not overflow");
    is_int(gw_fetch_next(0, UINT64_MAX, 1, 64, 0) == half, 1,
           "nor do 64");
    is_int(gw_fetch_next(0, UINT64_MAX, 1, 65, 0) == UINT64_MAX, 1,
           "nor do 65");
    is_int(gw_fetch_next(UINT64_MAX, 1000, 100, 1, 0), 99,
           "the clock wraps around");
}


static void
test_distances(void)
{
    is_int(gw_fetch_ago(1000, 1000), 0, "ago: now");
    is_int(gw_fetch_ago(1000, 400), 600, "ago: the past");
    is_int(gw_fetch_ago(400, 1000), 600, "ago: another worker is ahead");
    is_int(gw_fetch_ago(5, UINT64_MAX - 4), 10, "ago: across zero");
    is_int(gw_fetch_ago(UINT64_MAX - 4, 5), 10, "ago: ahead across zero");

    is_int(gw_fetch_recent(1500, 1000, 500, 0), 1, "recent: just");
    is_int(gw_fetch_recent(1501, 1000, 500, 0), 0, "recent: no longer");
    is_int(gw_fetch_recent(1000, 1001, 500, 0), 1, "recent: a worker is ahead");
    is_int(gw_fetch_recent(5, UINT64_MAX - 4, 10, 0), 1, "recent: across zero");
    is_int(gw_fetch_recent(1500, 1000, 500, 5000000000), 1,
           "recent: a wall clock that was set to a later time");
    is_int(gw_fetch_recent(1500, 1000, 500, -5000000000), 1,
           "recent: a wall clock that was set to an earlier time");

    is_int(gw_fetch_left(1000, 1000), 0, "left: now");
    is_int(gw_fetch_left(1000, 1001), 1, "left: soon");
    is_int(gw_fetch_left(1000, 999), 0, "left: just over");
    is_int(gw_fetch_left(1000, 0), 0, "left: long over");
    is_int(gw_fetch_left(UINT64_MAX, 9), 10, "left: across zero");
    is_int(gw_fetch_left(9, UINT64_MAX), 0, "left: over, across zero");
}


int
main(void)
{
    test_success();
    test_failures();
    test_bounds();
    test_distances();

    return done_testing();
}
