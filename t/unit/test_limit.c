/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The arithmetic of limits, compared with a model that stores every request.
 * In each of many random steps, both admit or reject the request.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "gw_limit.h"
#include "tap.h"


#define MS   GW_LIMIT_MSEC
#define SEC  GW_LIMIT_SEC
#define DAY  (86400 * SEC)


static gw_limit_t
limit_of(gw_limit_algorithm_e algorithm, uint64_t amount,
    gw_figure_unit_e unit, uint64_t burst)
{
    gw_limit_t   limit;
    gw_figure_t  figure;
    const char  *err;

    memset(&limit, 0, sizeof(limit));

    figure.amount = amount;
    figure.unit = unit;

    err = gw_limit_set(&limit, algorithm, &figure, burst);

    if (err) {
        ok(0, "limit of %llu: %s", (unsigned long long) amount, err);
    }

    return limit;
}


static gw_limit_result_t
take(gw_limit_t *limit, uint64_t now, gw_limit_mode_e mode, uint64_t cost,
    uint64_t *state)
{
    gw_limit_clock_t   clock;
    gw_limit_result_t  result;

    clock.monotonic = now;
    clock.wall = now;

    if (limit->algorithm == GW_LIMIT_FIXED
        || limit->algorithm == GW_LIMIT_SLIDING)
    {
        gw_limit_window(limit, now);
    }

    gw_limit_take(limit, &clock, mode, cost, state, &result);

    return result;
}


static void
give(gw_limit_t *limit, uint64_t now, uint64_t *state,
    const gw_limit_result_t *result)
{
    gw_limit_clock_t  clock;

    clock.monotonic = now;
    clock.wall = now;

    gw_limit_give(limit, &clock, state, result);
}


static void
test_gcra(void)
{
    int                i, n;
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  r, old;

    limit = limit_of(GW_LIMIT_GCRA, 10, GW_FIGURE_SECOND, 4);

    is_int((long long) limit.interval, 100 * MS,
           "10r/s is one request each 100 ms");
    is_int((long long) limit.capacity, 5,
           "a burst of 4 is five requests at once");

    n = 0;

    for (i = 0; i < 10; i++) {
        r = take(&limit, 1000 * SEC, GW_LIMIT_TAKE, 1, state);
        n += r.passed;
    }

    is_int(n, 5, "an idle key admits burst + 1");
    is_int((long long) r.wait, 100 * MS, "the next one may pass in 100 ms");
    is_int((long long) r.remaining, 0, "no units are left");
    is_int((long long) r.reset, 500 * MS, "all units are available in 500 ms");

    r = take(&limit, 1000 * SEC + 100 * MS - 1, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 0, "1 ns too early");

    r = take(&limit, 1000 * SEC + 100 * MS, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 1, "in time");

    r = take(&limit, 1010 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.remaining, 5, "later all units are available");

    r = take(&limit, 1010 * SEC, GW_LIMIT_TAKE, 6, state);
    is_int(r.passed, 0, "a cost above the capacity is rejected");
    ok(r.wait == GW_LIMIT_NEVER, "a cost above the capacity never passes");

    r = take(&limit, 1010 * SEC, GW_LIMIT_TAKE, 5, state);
    is_int(r.passed, 1, "a cost of the capacity passes");

    give(&limit, 1010 * SEC, state, &r);
    r = take(&limit, 1010 * SEC, GW_LIMIT_LOOK, 5, state);
    is_int(r.passed, 1, "refunded units are available");

    /* a rate that does not divide a second is rounded down */

    limit = limit_of(GW_LIMIT_GCRA, 3, GW_FIGURE_SECOND, 0);
    is_int((long long) limit.interval, 333333334, "a third of a second");

    /* a charge that has expired is not refunded */

    limit = limit_of(GW_LIMIT_GCRA, 10, GW_FIGURE_SECOND, 0);
    state[0] = 0;
    old = take(&limit, 2000 * SEC, GW_LIMIT_TAKE, 1, state);
    r = take(&limit, 2000 * SEC + 100 * MS, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 1, "two requests in succession");
    give(&limit, 2000 * SEC + 150 * MS, state, &old);
    r = take(&limit, 2000 * SEC + 150 * MS, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 0, "a late refund has no effect");

    state[0] = 0;
    old = take(&limit, 2000 * SEC, GW_LIMIT_TAKE, 1, state);
    give(&limit, 2000 * SEC + 40 * MS, state, &old);
    r = take(&limit, 2000 * SEC + 40 * MS, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 1, "an earlier one refunds what has not expired");

    limit = limit_of(GW_LIMIT_GCRA, 0, GW_FIGURE_SECOND, 10);
    r = take(&limit, SEC, GW_LIMIT_TAKE, 0, state);
    is_int(r.passed, 0, "a rate of 0 admits nothing");
}


static void
test_gcra_clocks(void)
{
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit, slow;
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, 0);

    r = take(&limit, 100 * SEC, GW_LIMIT_TAKE, 1, state);
    r = take(&limit, 99 * SEC, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 0, "a lagging clock admits no more");

    state[0] = 1000000 * SEC;
    r = take(&limit, 100 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.wait, 2 * SEC,
           "a time in the far future does not block for ever");

    (void) take(&limit, 100 * SEC, GW_LIMIT_TAKE, 1, state);
    r = take(&limit, 102 * SEC, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 1, "a request after the wait passes");

    /* another rate applies immediately; the debt is the same in time */

    slow = limit_of(GW_LIMIT_GCRA, 1, GW_FIGURE_MINUTE, 9);
    state[0] = 0;

    r = take(&slow, 100 * SEC, GW_LIMIT_TAKE, 10, state);
    is_int(r.passed, 1, "ten units of one minute each");

    r = take(&limit, 100 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.wait, 2 * SEC,
           "ten minutes are two units of one second");
}


static void
test_debt(void)
{
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_GCRA, 10, GW_FIGURE_SECOND, 4);

    r = take(&limit, SEC, GW_LIMIT_FORCE, 7, state);
    is_int((long long) r.charged, 700 * MS, "seven of five units are charged");

    r = take(&limit, SEC, GW_LIMIT_FORCE, 1000, state);
    is_int((long long) r.reset, 1000 * MS, "a debt is at most the capacity");

    r = take(&limit, SEC, GW_LIMIT_TAKE, 0, state);
    is_int(r.passed, 0, "in debt, a request of cost 0 is rejected");

    r = take(&limit, SEC + 500 * MS, GW_LIMIT_TAKE, 0, state);
    is_int(r.passed, 1, "without debt, a request of cost 0 passes");

    state[0] = 0;
    (void) take(&limit, SEC, GW_LIMIT_FILL, 1000, state);
    r = take(&limit, SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.wait, 100 * MS, "a penalty creates no debt");

    limit = limit_of(GW_LIMIT_FIXED, 10, GW_FIGURE_DAY, 0);
    state[0] = 0;

    (void) take(&limit, DAY, GW_LIMIT_FORCE, 1000, state);
    r = take(&limit, DAY, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.used, 20, "the debt of a quota is at most a quota");

    (void) take(&limit, DAY, GW_LIMIT_SET, 4, state);
    r = take(&limit, DAY, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.remaining, 6, "set to four: six units are left");

    state[0] = 0;
    (void) take(&limit, DAY, GW_LIMIT_FILL, 1000, state);
    r = take(&limit, DAY, GW_LIMIT_LOOK, 0, state);
    is_int((long long) r.used, 10, "a penalty fills the quota");
}


static void
test_fixed(void)
{
    int                i, n;
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit, late;
    gw_limit_clock_t   clock;
    gw_limit_result_t  r, old;

    limit = limit_of(GW_LIMIT_FIXED, 100, GW_FIGURE_MINUTE, 0);

    n = 0;

    for (i = 0; i < 300; i++) {
        r = take(&limit, 6000 * SEC + 59 * SEC, GW_LIMIT_TAKE, 1, state);
        n += r.passed;
    }

    is_int(n, 100, "a window admits its limit");
    is_int((long long) r.wait, 1 * SEC,
           "the next request waits for the next window");

    old = r;
    r = take(&limit, 6060 * SEC, GW_LIMIT_TAKE, 1, state);
    is_int(r.passed, 1, "the next window is empty");
    is_int((long long) r.remaining, 99, "one unit is used in the next window");

    give(&limit, 6060 * SEC, state, &old);
    r = take(&limit, 6060 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.remaining, 99,
           "a unit that was not charged is not refunded");

    r = take(&limit, 6060 * SEC, GW_LIMIT_TAKE, 5, state);
    old = r;
    (void) take(&limit, 6120 * SEC, GW_LIMIT_TAKE, 3, state);
    give(&limit, 6060 * SEC, state, &old);
    r = take(&limit, 6120 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.used, 3, "a charge is not refunded to another window");

    /* another process is already in the next window */

    late = limit;
    gw_limit_window(&late, 6119 * SEC);
    clock.monotonic = clock.wall = 6119 * SEC;
    gw_limit_take(&late, &clock, GW_LIMIT_TAKE, 97, state, &r);
    is_int(r.passed, 1, "a lagging process counts in the current window");
    gw_limit_take(&late, &clock, GW_LIMIT_TAKE, 1, state, &r);
    is_int(r.passed, 0,
           "a lagging process gets no units of the previous window");

    /* a clock that was set back by many windows: the window starts again */

    gw_limit_window(&late, 60 * SEC);
    clock.monotonic = clock.wall = 60 * SEC;
    gw_limit_take(&late, &clock, GW_LIMIT_TAKE, 100, state, &r);
    is_int(r.passed, 1, "a clock that was set back does not block for ever");

    /* another unit is a new window */

    limit = limit_of(GW_LIMIT_FIXED, 100, GW_FIGURE_HOUR, 0);
    r = take(&limit, 60 * SEC, GW_LIMIT_TAKE, 100, state);
    is_int(r.passed, 1, "a quota of another unit starts again");
}


static void
test_sliding(void)
{
    int                i, n;
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_SLIDING, 10, GW_FIGURE_MINUTE, 0);

    (void) take(&limit, 6000 * SEC, GW_LIMIT_TAKE, 10, state);

    for (i = 0; i < 10; i++) {
        (void) take(&limit, 6060 * SEC, GW_LIMIT_FILL, 1, state);
    }

    r = take(&limit, 6060 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.used, 10,
           "a penalty fills the limit, including the units of the previous "
           "window");
    is_int((long long) r.wait, 6 * SEC,
           "after a penalty, the next request waits 6 s");

    (void) take(&limit, 6090 * SEC, GW_LIMIT_FILL, 10, state);
    r = take(&limit, 6090 * SEC, GW_LIMIT_LOOK, 1, state);
    is_int((long long) r.used, 10,
           "half of the previous window counts, and a penalty fills the rest");

    /* a clock that is set back by up to two windows admits no more */

    for (n = 1; n <= 2; n++) {
        state[0] = state[1] = 0;

        (void) take(&limit, 6120 * SEC, GW_LIMIT_TAKE, 4, state);
        (void) take(&limit, 6180 * SEC, GW_LIMIT_TAKE, n == 1 ? 6 : 1, state);

        for (i = 0; i < 20; i++) {
            (void) take(&limit, (uint64_t) (6180 - 60 * n) * SEC,
                        GW_LIMIT_TAKE, 1, state);
        }

        r = take(&limit, 6180 * SEC, GW_LIMIT_LOOK, 1, state);
        is_int((long long) r.used, 10, "a clock set back by %d windows", n);
        r = take(&limit, (uint64_t) (6180 - 60 * n) * SEC, GW_LIMIT_LOOK, 1,
                 state);
        is_int((long long) r.used, 10,
               "the same, seen with the clock set back");
    }
}


/* a limit of 0 rejects every request, whatever its cost */

static void
test_zero(void)
{
    size_t             i;
    uint64_t           state[2];
    gw_limit_t         limit;
    gw_limit_result_t  r;

    static const gw_limit_algorithm_e algorithms[] = {
        GW_LIMIT_GCRA, GW_LIMIT_SLIDING, GW_LIMIT_FIXED
    };

    for (i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
        limit = limit_of(algorithms[i], 0, GW_FIGURE_DAY, 0);
        state[0] = state[1] = 0;

        r = take(&limit, DAY, GW_LIMIT_TAKE, 0, state);
        ok(!r.passed && r.wait == GW_LIMIT_NEVER, "0 of algorithm %d",
           (int) algorithms[i]);
    }
}


/* the admitted requests of the model, with their times */

typedef struct {
    uint64_t  when[20000];
    uint64_t  cost[20000];
    int       n;
} model_t;


static int
model_gcra(model_t *m, const gw_limit_t *limit, uint64_t now, uint64_t cost)
{
    int       i;
    uint64_t  busy;

    busy = 0;

    for (i = 0; i < m->n; i++) {
        busy = (busy > m->when[i]) ? busy : m->when[i];
        busy += m->cost[i] * limit->interval;
    }

    busy = (busy > now) ? busy : now;

    return busy - now + cost * limit->interval
           <= limit->capacity * limit->interval;
}


static int
model_window(model_t *m, const gw_limit_t *limit, uint64_t now, uint64_t cost)
{
    int       i;
    uint64_t  length, here, before, rest;

    length = limit->end - limit->start;
    here = before = 0;

    for (i = 0; i < m->n; i++) {

        if (m->when[i] / length == now / length) {
            here += m->cost[i];

        } else if (m->when[i] / length + 1 == now / length) {
            before += m->cost[i];
        }
    }

    if (limit->algorithm == GW_LIMIT_FIXED) {
        return here + cost <= limit->capacity;
    }

    /* in whole ms, rounded up */

    length /= MS;
    rest = (limit->end - now) / MS;

    return here + (before * rest + length - 1) / length + cost
           <= limit->capacity;
}


static void
test_model(gw_limit_algorithm_e algorithm, const char *name)
{
    int                i, round, wrong, waits;
    uint64_t           now, cost, state[2];
    gw_limit_t         limit, copy;
    gw_limit_result_t  r, later;
    static model_t     model;

    wrong = waits = 0;
    srand(7);

    for (round = 0; round < 30; round++) {

        limit = limit_of(algorithm, 1 + (uint64_t) (rand() % 50),
                         GW_FIGURE_SECOND, (uint64_t) (rand() % 20));
        model.n = 0;
        state[0] = state[1] = 0;
        now = 1000 * SEC;

        for (i = 0; i < 600; i++) {
            now += (uint64_t) (rand() % 60) * MS;
            cost = 1 + (uint64_t) (rand() % 4 == 0 ? rand() % 5 : 0);

            r = take(&limit, now, GW_LIMIT_TAKE, cost, state);

            if (algorithm == GW_LIMIT_GCRA) {
                wrong += (r.passed != (unsigned) model_gcra(&model, &limit,
                                                            now, cost));
            } else {
                wrong += (r.passed != (unsigned) model_window(&model, &limit,
                                                              now, cost));
            }

            if (r.passed) {
                model.when[model.n] = now;
                model.cost[model.n++] = cost;
                continue;
            }

            if (r.wait == GW_LIMIT_NEVER) {
                continue;
            }

            /* without other requests, it passes after r.wait, not before */

            copy = limit;
            later = take(&copy, now + r.wait, GW_LIMIT_LOOK, cost, state);
            waits += !later.passed;

            if (r.wait > 2 * MS) {
                copy = limit;
                later = take(&copy, now + r.wait - 2 * MS, GW_LIMIT_LOOK,
                             cost, state);
                waits += later.passed;
            }
        }
    }

    is_int(wrong, 0, "%s: 18,000 requests as in the model", name);
    is_int(waits, 0, "%s: a request passes after the wait, not before", name);
}


/* threads instead of processes, which use the same words of memory */

typedef struct {
    gw_limit_t   limit;
    uint64_t    *state;
    int          passed;
} thread_t;


static void *
thread(void *data)
{
    thread_t *t = data;

    int                i;
    gw_limit_result_t  r;

    for (i = 0; i < 250000; i++) {
        r = take(&t->limit, 1000 * DAY, GW_LIMIT_TAKE, 1, t->state);
        t->passed += r.passed;

        /* some units are refunded and taken again */

        if (r.passed && i % 5 == 0) {
            give(&t->limit, 1000 * DAY, t->state, &r);
            t->passed--;
        }
    }

    return NULL;
}


static void
test_threads(gw_limit_algorithm_e algorithm, const char *name)
{
    int        i, passed;
    uint64_t   state[2] = { 0, 0 };
    pthread_t  id[4];
    thread_t   t[4];

    passed = 0;

    for (i = 0; i < 4; i++) {
        t[i].limit = limit_of(algorithm, 123456, GW_FIGURE_DAY, 123455);
        t[i].state = state;
        t[i].passed = 0;
        pthread_create(&id[i], NULL, thread, &t[i]);
    }

    for (i = 0; i < 4; i++) {
        pthread_join(id[i], NULL);
        passed += t[i].passed;
    }

    is_int(passed, 123456, "%s: four threads admit as many as one", name);
}


static void
test_share(void)
{
    int                i, n;
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_GCRA, 100, GW_FIGURE_SECOND, 199);
    gw_limit_share(&limit, 250);
    is_int((long long) limit.interval, 40 * MS, "a quarter of the rate");
    is_int((long long) limit.capacity, 50, "a quarter of the burst");

    /* a hundredth of 1r/s is one request in 100 s */

    limit = limit_of(GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, 0);
    gw_limit_share(&limit, 100);

    for (i = n = 0; i < 1000; i++) {
        r = take(&limit, (uint64_t) (1000 + i) * 100 * MS, GW_LIMIT_TAKE, 1,
                 state);
        n += r.passed;
    }

    is_int(n, 10, "the share is not exceeded");

    limit = limit_of(GW_LIMIT_FIXED, 3, GW_FIGURE_MONTH, 0);
    gw_limit_share(&limit, 1);
    is_int((long long) limit.capacity, 1,
           "a share of any limit is at least one");

    limit = limit_of(GW_LIMIT_FIXED, 0, GW_FIGURE_MONTH, 0);
    gw_limit_share(&limit, 500);
    is_int((long long) limit.capacity, 0, "a share of a limit of 0 is 0");
}


static void
test_ranges(void)
{
    size_t       i;
    gw_limit_t   limit;
    gw_figure_t  figure;

    static const struct {
        gw_limit_algorithm_e  algorithm;
        uint64_t              amount;
        gw_figure_unit_e      unit;
        uint64_t              burst;
        int                   good;
    } ranges[] = {
        { GW_LIMIT_GCRA, 1000000000, GW_FIGURE_SECOND, 0, 1 },
        { GW_LIMIT_GCRA, 1000000001, GW_FIGURE_SECOND, 0, 0 },
        { GW_LIMIT_GCRA, 1, GW_FIGURE_DAY, 36000, 1 },
        { GW_LIMIT_GCRA, 1, GW_FIGURE_DAY, 37000, 0 },
        { GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, 3000000000ULL, 1 },
        { GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, GW_FIGURE_MAX, 0 },
        { GW_LIMIT_SLIDING, 8589934591ULL, GW_FIGURE_DAY, 0, 1 },
        { GW_LIMIT_SLIDING, 8589934592ULL, GW_FIGURE_DAY, 0, 0 },
        { GW_LIMIT_SLIDING, 67108863, GW_FIGURE_SECOND, 0, 1 },
        { GW_LIMIT_SLIDING, 67108864, GW_FIGURE_SECOND, 0, 0 },
        { GW_LIMIT_FIXED, 134217727, GW_FIGURE_SECOND, 0, 1 },
        { GW_LIMIT_FIXED, 134217728, GW_FIGURE_SECOND, 0, 0 },
        { GW_LIMIT_FIXED, GW_FIGURE_MAX, GW_FIGURE_MONTH, 0, 1 },
        { GW_LIMIT_FIXED, GW_FIGURE_MAX, GW_FIGURE_DAY, 0, 1 },
        { GW_LIMIT_CONCURRENCY, 4294967295ULL, GW_FIGURE_SECOND, 0, 1 },
        { GW_LIMIT_CONCURRENCY, 4294967296ULL, GW_FIGURE_SECOND, 0, 0 }
    };

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        figure.amount = ranges[i].amount;
        figure.unit = ranges[i].unit;

        is_int(gw_limit_set(&limit, ranges[i].algorithm, &figure,
                            ranges[i].burst) == NULL,
               ranges[i].good, "range %zu", i);
    }
}


static void
test_idle(void)
{
    uint64_t           state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_clock_t   now;
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, 0);
    (void) take(&limit, 100 * SEC, GW_LIMIT_TAKE, 1, state);

    now.wall = now.monotonic = 100 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_GCRA, state, &now), 0, "busy");
    now.wall = now.monotonic = 101 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_GCRA, state, &now), 1, "idle");

    state[0] = 0;
    limit = limit_of(GW_LIMIT_SLIDING, 1, GW_FIGURE_MINUTE, 0);
    (void) take(&limit, 60 * SEC, GW_LIMIT_TAKE, 1, state);

    now.wall = 179 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_SLIDING, state, &now), 0,
           "the previous window still counts");
    now.wall = 180 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_SLIDING, state, &now), 1,
           "the previous window no longer counts");

    /* November 2026, and its week from the 23rd */

    limit = limit_of(GW_LIMIT_FIXED, 1, GW_FIGURE_MONTH, 0);
    limit.number = 56 * 12 + 10;
    now.wall = now.monotonic = 1795750000 * SEC;
    state[0] = 0;
    gw_limit_take(&limit, &now, GW_LIMIT_TAKE, 1, state, &r);
    now.wall = 1796169600 * SEC;    /* 2026-12-02 */
    is_int(gw_limit_idle(GW_LIMIT_FIXED, state, &now), 0,
           "a month is possibly not over in all zones");
    now.wall = 1796601600 * SEC;    /* 2026-12-07 */
    is_int(gw_limit_idle(GW_LIMIT_FIXED, state, &now), 1, "now it is");

    limit = limit_of(GW_LIMIT_FIXED, 1, GW_FIGURE_WEEK, 0);
    limit.number = (20780 + 3) / 7;     /* of day 20780, 2026-11-23 */
    state[0] = 0;
    gw_limit_take(&limit, &now, GW_LIMIT_TAKE, 1, state, &r);
    now.wall = 20788ULL * 86400 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_FIXED, state, &now), 0,
           "a week is possibly not over in all zones");
    now.wall = 20789ULL * 86400 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_FIXED, state, &now), 1, "now it is");

    state[0] = state[1] = 0;
    now.wall = 180 * SEC;
    is_int(gw_limit_idle(GW_LIMIT_SLIDING, state, &now), 1, "never used");
    is_int(gw_limit_idle(GW_LIMIT_CONCURRENCY, state, &now), 1, "nobody");
    state[0] = (7ULL << 32) | 1;
    is_int(gw_limit_idle(GW_LIMIT_CONCURRENCY, state, &now), 0, "one");
}


/* refunds a part of a reserve of a key that was charged again since */

static uint64_t
used_of(gw_limit_t *limit, uint64_t now, uint64_t *state)
{
    return take(limit, now, GW_LIMIT_LOOK, 0, state).used;
}


static void
test_part(gw_limit_algorithm_e algorithm, const char *name)
{
    uint64_t           now, state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  one, two;

    now = 1000 * DAY + 5 * SEC;
    limit = limit_of(algorithm, algorithm == GW_LIMIT_GCRA ? 1 : 100,
                     GW_FIGURE_DAY, 99);

    one = take(&limit, now, GW_LIMIT_TAKE, 10, state);
    two = take(&limit, now, GW_LIMIT_TAKE, 20, state);

    gw_limit_part(&limit, 7, &one);
    give(&limit, now + SEC, state, &one);
    is_int((long long) used_of(&limit, now + SEC, state), 23,
           "%s: a part is refunded", name);

    gw_limit_part(&limit, 21, &two);
    give(&limit, now + SEC, state, &two);
    is_int((long long) used_of(&limit, now + SEC, state), 3,
           "%s: never more than the charge is refunded", name);

    /* the key was evicted or reset, and is charged again */

    memset(state, 0, sizeof(state));
    one = take(&limit, now, GW_LIMIT_TAKE, 10, state);
    gw_limit_part(&limit, 9, &one);

    memset(state, 0, sizeof(state));
    give(&limit, now + SEC, state, &one);
    is_int((long long) used_of(&limit, now + SEC, state), 0,
           "%s: nothing is refunded to an empty state", name);

    (void) take(&limit, now, GW_LIMIT_TAKE, 9, state);
    give(&limit, now, state, &one);
    is_int((long long) used_of(&limit, now, state), 9,
           "%s: nothing of newer charges is refunded", name);

    (void) take(&limit, now, GW_LIMIT_TAKE, 1, state);
    give(&limit, now, state, &one);
    is_int((long long) used_of(&limit, now, state), 1,
           "%s: an equal newer charge cannot be distinguished", name);

    /* a value set by an administrator */

    memset(state, 0, sizeof(state));
    one = take(&limit, now, GW_LIMIT_TAKE, 10, state);
    (void) take(&limit, now, GW_LIMIT_SET, 5, state);
    give(&limit, now, state, &one);
    is_int((long long) used_of(&limit, now, state), 5,
           "%s: nothing of a set value is refunded", name);

    /* the window is over, or a part of the charge has expired */

    memset(state, 0, sizeof(state));
    one = take(&limit, now, GW_LIMIT_TAKE, 10, state);
    (void) take(&limit, now + 2 * DAY, GW_LIMIT_TAKE, 20, state);
    gw_limit_part(&limit, 9, &one);
    give(&limit, now + 2 * DAY, state, &one);
    is_int((long long) used_of(&limit, now + 2 * DAY, state), 20,
           "%s: as if the cost alone had been charged", name);
}


/*
 * Many requests that reserve and settle, in any order.  Their total charge is
 * the sum of their costs, whatever they had reserved.
 */

static void
test_settled(gw_limit_algorithm_e algorithm, const char *name)
{
    int                i, n, k, wrong;
    uint64_t           now, sum, cost, state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_result_t  open[32];
    uint64_t           reserve[32];

    now = 1000 * DAY + 5 * SEC;
    limit = limit_of(algorithm, algorithm == GW_LIMIT_GCRA ? 1 : 1000,
                     GW_FIGURE_DAY, 999);
    srand(7);

    sum = 0;
    n = wrong = 0;

    for (i = 0; i < 20000; i++) {

        if (n < 32 && rand() % 2) {
            reserve[n] = 1 + (uint64_t) rand() % 200;
            open[n] = take(&limit, now, GW_LIMIT_TAKE, reserve[n], state);
            sum += open[n].passed ? reserve[n] : 0;
            n += open[n].passed;

        } else if (n) {
            k = rand() % n;
            cost = (uint64_t) rand() % (reserve[k] + 1);

            gw_limit_part(&limit, reserve[k] - cost, &open[k]);
            give(&limit, now, state, &open[k]);
            sum -= reserve[k] - cost;

            open[k] = open[--n];
            reserve[k] = reserve[n];

        } else {
            memset(state, 0, sizeof(state));
            sum = 0;
        }

        wrong += (used_of(&limit, now, state) != sum);
    }

    is_int(wrong, 0, "%s: 20000 steps, each of them exact", name);
}


/* the rank of a place: the charges of its key and of previous keys */

static void
test_rank_gcra(void)
{
    uint64_t           kept, state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_clock_t   now = { 1000 * SEC, 1000 * SEC };
    gw_limit_result_t  r;

    limit = limit_of(GW_LIMIT_GCRA, 1, GW_FIGURE_SECOND, 9);
    kept = 0;

    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 0,
           "gcra: the rank of a new place is 0");

    r = take(&limit, now.wall, GW_LIMIT_TAKE, 3, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 3000000,
           "gcra: three units rank as three seconds");
    is_int((long long) kept, 1003000000,
           "gcra: the next key inherits the rank");

    now.monotonic += SEC;
    state[0] = 0;
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 2000000,
           "gcra: an inherited rank expires, too");

    r = take(&limit, now.monotonic, GW_LIMIT_FORCE, 15, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 17000000,
           "gcra: debts count");

    kept = 1003000000;
    give(&limit, now.monotonic, state, &r);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 2000000,
           "gcra: refunds do not lower the rank");

    kept = UINT64_MAX;
    state[0] = UINT64_MAX;
    is_int(gw_limit_rank(&limit, &now, state, &kept)
           == UINT64_MAX - now.monotonic / 1000, 1,
           "gcra: the rank is bounded");
    is_int(kept == UINT64_MAX, 1, "gcra: the kept value is bounded");

    now.monotonic += 100 * SEC;
    kept = 1003000000;
    state[0] = 1003 * SEC;
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 0,
           "gcra: all of it expires");
}


static void
test_rank_windows(gw_limit_algorithm_e algorithm, const char *name)
{
    uint64_t           kept, state[2] = { 0, 0 };
    gw_limit_t         limit;
    gw_limit_clock_t   now = { 0, 600 * SEC };
    gw_limit_result_t  r;

    limit = limit_of(algorithm, 10, GW_FIGURE_MINUTE, 0);
    kept = 0;

    (void) take(&limit, now.wall, GW_LIMIT_TAKE, 4, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 4,
           "%s: units", name);

    state[0] = state[1] = 0;
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 4,
           "%s: charges of the previous key", name);

    r = take(&limit, now.wall, GW_LIMIT_FORCE, 15, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 19,
           "%s: charges of this key, with its debts", name);

    state[0] = state[1] = 0;
    (void) take(&limit, now.wall, GW_LIMIT_FILL, 15, state);
    r = take(&limit, now.wall, GW_LIMIT_SET, 7, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 26,
           "%s: a set value", name);

    give(&limit, now.wall, state, &r);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 26,
           "%s: a refund lowers only the key's own count", name);
}


static void
test_rank_expires(gw_limit_algorithm_e algorithm, const char *name)
{
    int                sliding;
    uint64_t           kept, state[2] = { 0, 0 };
    gw_limit_t         limit, other;
    gw_limit_clock_t   now = { 0, 600 * SEC };

    sliding = (algorithm == GW_LIMIT_SLIDING);
    limit = limit_of(algorithm, 10, GW_FIGURE_MINUTE, 0);
    other = limit_of(algorithm, 1000, GW_FIGURE_HOUR, 0);
    kept = 0;

    (void) take(&limit, now.wall, GW_LIMIT_TAKE, 4, state);
    (void) gw_limit_rank(&limit, &now, state, &kept);

    /* charges of another unit count until they have certainly expired */

    state[0] = state[1] = 0;
    (void) take(&other, now.wall, GW_LIMIT_TAKE, 100, state);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 104,
           "%s: with charges of longer windows", name);

    state[0] = state[1] = 0;
    now.wall = 7199 * SEC;
    gw_limit_window(&limit, now.wall);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 104,
           "%s: until the longest window has expired", name);
    now.wall = 7200 * SEC;
    gw_limit_window(&limit, now.wall);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept), 0,
           "%s: nothing counts afterwards", name);
    is_int((long long) kept, 0, "%s: no value is kept afterwards", name);

    /* the previous window has the same weight as for a key */

    (void) take(&limit, 7200 * SEC, GW_LIMIT_TAKE, 6, state);
    (void) gw_limit_rank(&limit, &now, state, &kept);
    state[0] = state[1] = 0;

    now.wall = 7290 * SEC;
    gw_limit_window(&limit, now.wall);
    is_int((long long) gw_limit_rank(&limit, &now, state, &kept),
           sliding ? 3 : 0, "%s: one and a half windows later", name);
    is_int(kept != 0, sliding, "%s: a value is kept", name);
}


int
main(void)
{
    test_gcra();
    test_gcra_clocks();
    test_debt();
    test_fixed();
    test_sliding();
    test_zero();
    test_model(GW_LIMIT_GCRA, "gcra");
    test_model(GW_LIMIT_FIXED, "fixed_window");
    test_model(GW_LIMIT_SLIDING, "sliding_window");
    test_threads(GW_LIMIT_GCRA, "gcra");
    test_threads(GW_LIMIT_FIXED, "fixed_window");
    test_threads(GW_LIMIT_SLIDING, "sliding_window");
    test_part(GW_LIMIT_GCRA, "gcra");
    test_part(GW_LIMIT_FIXED, "fixed_window");
    test_part(GW_LIMIT_SLIDING, "sliding_window");
    test_settled(GW_LIMIT_GCRA, "gcra");
    test_settled(GW_LIMIT_FIXED, "fixed_window");
    test_settled(GW_LIMIT_SLIDING, "sliding_window");
    test_share();
    test_ranges();
    test_idle();
    test_rank_gcra();
    test_rank_windows(GW_LIMIT_FIXED, "fixed_window");
    test_rank_windows(GW_LIMIT_SLIDING, "sliding_window");
    test_rank_expires(GW_LIMIT_FIXED, "fixed_window");
    test_rank_expires(GW_LIMIT_SLIDING, "sliding_window");

    return done_testing();
}
