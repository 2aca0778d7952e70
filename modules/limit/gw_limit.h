/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The arithmetic of limits: what a key's state says, and how a request
 * changes it.  Knows no nginx, no Redis and no clock.
 *
 * A state is one word, or two for a sliding window, and is changed by
 * compare-and-swap: any number of processes may share it without a lock, one
 * that is killed leaves it as it was or as it would be, and of n requests that
 * come at once as many are admitted as would be one after the other.
 *
 *   gcra     the time, on the monotonic clock, at which the key will have
 *            worked off all that it was charged ("theoretical arrival time",
 *            ITU-T I.371).  An idle key holds a time that has passed.  It
 *            does not tell the rate: another rate applies at once.
 *   fixed    unit, number of the window, and units used in it.
 *   sliding  the same twice, for windows of even and odd numbers: this window
 *            and, weighted by how much of it still counts, the one before,
 *            which is closed when this one is first charged.
 *
 * A zeroed state is that of an idle key.  A state that says it was left in
 * the future, by a clock that has been set or that another process reads a
 * little later, neither gives units away nor refuses for ever: a time is cut to
 * what any of the figures can mean, the next windows count as this one, later
 * ones not.
 *
 * ngx_http_gateway_limit_script.c does the same in Redis.
 */

#ifndef GW_LIMIT_H_INCLUDED
#define GW_LIMIT_H_INCLUDED

#include "gw_figure.h"


#define GW_LIMIT_WORDS   2                  /* of a state, at most */
#define GW_LIMIT_NEVER   UINT64_MAX         /* as a time to wait */

#define GW_LIMIT_MSEC    1000000ULL         /* ns */
#define GW_LIMIT_SEC     1000000000ULL


typedef enum {
    GW_LIMIT_GCRA = 0,
    GW_LIMIT_SLIDING,
    GW_LIMIT_FIXED,
    GW_LIMIT_CONCURRENCY,
    GW_LIMIT_ALGORITHMS
} gw_limit_algorithm_e;


/* a limit with the figures that apply to a request */

typedef struct {
    gw_limit_algorithm_e  algorithm;
    gw_figure_unit_e      unit;
    uint64_t              amount;       /* of the figure; 0: nothing passes */
    uint64_t              capacity;     /* units that an idle key has */
    uint64_t              interval;     /* of gcra: ns for a unit */
    uint64_t              most;         /* of gcra: ns that an idle key has by
                                           any figures that apply to it */

    /* of windows: this one, on the wall clock */
    uint64_t              number;
    uint64_t              start;        /* ns since the epoch */
    uint64_t              end;
    uint64_t              next;         /* the end of the one behind it */
} gw_limit_t;


/* the clocks at a request, in ns; either may lag behind another process's */

typedef struct {
    uint64_t              monotonic;
    uint64_t              wall;
} gw_limit_clock_t;


typedef enum {
    GW_LIMIT_TAKE = 0,      /* charges if there is enough */
    GW_LIMIT_LOOK,          /* says what TAKE would */
    GW_LIMIT_FILL,          /* charges up to what there is */
    GW_LIMIT_FORCE,         /* charges, up to as much again as a debt */
    GW_LIMIT_SET            /* makes it the units that are used */
} gw_limit_mode_e;


typedef struct {
    unsigned              passed:1;
    uint64_t              remaining;    /* units, after the charge */
    uint64_t              used;         /* units; of gcra: begun ones, too */
    uint64_t              reset;        /* ns until the key is idle, or until
                                           the window ends */
    uint64_t              wait;         /* refused: ns until it may pass */

    /* to give it back */
    uint64_t              charged;      /* units, or of gcra ns */
    uint64_t              window;       /* number, or of gcra the new state;
                                           of Redis its script's word for it */
    uint64_t              least;        /* that the state says as long as the
                                           charge is in it: units used in the
                                           window, or of gcra a time */
} gw_limit_result_t;


/*
 * Fills all but the window.  NULL; or a sentence about what is out of range,
 * for "burst" in units beyond the first.
 */
const char *gw_limit_set(gw_limit_t *limit, gw_limit_algorithm_e algorithm,
    const gw_figure_t *figure, uint64_t burst);

/* the window of a fixed length, of units up to the day, in UTC */
void gw_limit_window(gw_limit_t *limit, uint64_t wall);

/* a part of the limit, in thousandths, and at least one unit of any */
void gw_limit_share(gw_limit_t *limit, uint64_t share);

/* how many words of state there are: 1 or 2 */
unsigned gw_limit_words(gw_limit_algorithm_e algorithm);

/*
 * What a state says of "cost" units now, and, unless it is GW_LIMIT_LOOK,
 * charges them.  Cost 0 passes where there is no debt.
 */
void gw_limit_take(const gw_limit_t *limit, const gw_limit_clock_t *now,
    gw_limit_mode_e mode, uint64_t cost, uint64_t *state,
    gw_limit_result_t *result);

/* only so many units of what was charged are to be given back */
void gw_limit_part(const gw_limit_t *limit, uint64_t units,
    gw_limit_result_t *result);

/*
 * Gives back what was charged, as far as it still counts.  A state that says
 * less than the charge alone was made anew since: nothing is given back of it.
 */
void gw_limit_give(const gw_limit_t *limit, const gw_limit_clock_t *now,
    uint64_t *state, const gw_limit_result_t *result);

/* whether a state is that of an idle key, and its loss none */
int gw_limit_idle(gw_limit_algorithm_e algorithm, const uint64_t *state,
    const gw_limit_clock_t *now);

/*
 * What counts in a place of the table: the charges of its key, and of the keys
 * before it, as "*kept" tells, as far as they have not expired.  "*kept" then
 * tells both, for the next key; 0: nothing.  "limit", with its window, is of
 * any key of the table.
 *
 * Of windows these are units, whatever the figures of the keys are.  Of gcra,
 * whose state does not tell how much time a unit takes, it is the time until
 * they are worked off, in microseconds.  Of concurrency it is the key's own
 * count alone.
 */
uint64_t gw_limit_rank(const gw_limit_t *limit, const gw_limit_clock_t *now,
    const uint64_t *state, uint64_t *kept);


#endif /* GW_LIMIT_H_INCLUDED */
