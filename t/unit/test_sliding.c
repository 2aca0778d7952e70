/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A sliding window at the boundary of two windows.  One of two processes is
 * already in the next window.  In any order of their accesses, the last unit is
 * given only once.
 *
 * The code of gw_limit.c runs with a hook: before the n-th access of a process
 * to the state, the other one runs completely.
 */

#include <string.h>

#include "gw_limit.h"
#include "tap.h"


static uint64_t model_load(uint64_t *p);
static int model_swap(uint64_t *p, uint64_t old, uint64_t new);

#define gw_limit_load(p)            model_load((uint64_t *) (p))
#define gw_limit_swap(p, old, new)  model_swap(p, old, new)

#define gw_limit_set     model_set
#define gw_limit_window  model_window
#define gw_limit_share   model_share
#define gw_limit_words   model_words
#define gw_limit_take    model_take
#define gw_limit_part    model_part
#define gw_limit_give    model_give

#include "gw_limit.c"


#define STEPS   16
#define BORDER  (1000000 * 60 * GW_LIMIT_SEC)


static uint64_t  state[GW_LIMIT_WORDS];
static int       steps, at, inside;
static int       passed[2];                 /* by process */
static int       units;                     /* of the limit */

/* of a process whose clock lags, and of the other one */
static const uint64_t  clocks[2] = { BORDER - GW_LIMIT_MSEC, BORDER };


static void
run(int process)
{
    gw_limit_t         limit;
    gw_figure_t        figure;
    gw_limit_clock_t   now;
    gw_limit_result_t  result;

    memset(&figure, 0, sizeof(figure));
    figure.amount = units;
    figure.unit = GW_FIGURE_MINUTE;

    now.monotonic = 1;
    now.wall = clocks[process];

    (void) gw_limit_set(&limit, GW_LIMIT_SLIDING, &figure, 0);
    gw_limit_window(&limit, now.wall);
    gw_limit_take(&limit, &now, GW_LIMIT_TAKE, 1, state, &result);

    passed[process] += result.passed;
}


static int  other;

static void
access_made(void)
{
    if (!inside && steps++ == at) {
        inside = 1;
        run(other);
        inside = 0;
    }
}


static uint64_t
model_load(uint64_t *p)
{
    access_made();

    return *p;
}


static int
model_swap(uint64_t *p, uint64_t old, uint64_t new)
{
    access_made();

    if (*p != old) {
        return 0;
    }

    *p = new;

    return 1;
}


/* all units but one of the previous window are used */

static void
test_border(int first, const char *name)
{
    int  i, n;

    for (units = 1; units < 5; units++) {
        for (n = 0; n < STEPS; n++) {

            memset(state, 0, sizeof(state));
            at = -1;

            for (i = 1; i < units; i++) {
                run(0);
            }

            passed[0] = passed[1] = 0;
            steps = 0;
            at = n;
            other = !first;

            run(first);

            if (steps <= n) {
                run(other);             /* after it */
            }

            at = -1;

            is_int(passed[0] + passed[1], 1, "%s, %d units, access %d: the "
                   "last unit is given once", name, units, n);

            run(0);
            run(1);

            is_int(passed[0] + passed[1], 1, "    no unit is left");
        }
    }
}


/* a charge to a closed window is refunded to it, and it stays closed */

static void
test_give(void)
{
    gw_limit_t         limit;
    gw_figure_t        figure;
    gw_limit_clock_t   now;
    gw_limit_result_t  result;

    memset(state, 0, sizeof(state));
    memset(&figure, 0, sizeof(figure));

    at = -1;
    units = 2;
    figure.amount = units;
    figure.unit = GW_FIGURE_MINUTE;

    now.monotonic = 1;
    now.wall = clocks[0];

    (void) gw_limit_set(&limit, GW_LIMIT_SLIDING, &figure, 0);
    gw_limit_window(&limit, now.wall);
    gw_limit_take(&limit, &now, GW_LIMIT_TAKE, 1, state, &result);

    passed[0] = passed[1] = 0;

    run(1);
    run(1);
    is_int(passed[1], 1, "the previous window counts");

    gw_limit_give(&limit, &now, state, &result);

    run(0);
    run(0);
    is_int(passed[0], 1, "a refunded unit can be used once");
}


int
main(void)
{
    test_border(0, "the lagging process is interrupted");
    test_border(1, "the process in the next window is interrupted");
    test_give();

    return done_testing();
}
