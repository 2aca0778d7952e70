/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The arithmetic of limits: what the state of a key means, and how a request
 * changes it.  Does not depend on nginx, Redis or a clock.
 *
 * A state is one word, or two for a sliding window.  It is changed by
 * compare-and-swap, so processes share it without a lock, and a process that is
 * killed leaves it unchanged or changed.  Concurrent requests are admitted as
 * if they had come one after the other.
 *
 *   gcra     the time, by the monotonic clock, at which the key is idle again
 *            ("theoretical arrival time", ITU-T I.371).  A time in the past is
 *            an idle key.  The state does not contain the rate, so a changed
 *            rate applies at once.
 *   fixed    unit, number of the window, and units used in it.
 *   sliding  the same twice, for windows with even and odd numbers: the current
 *            window and the one before it, which counts in part, and is closed
 *            when the current one is first charged.
 *
 * A state of 0 is that of an idle key.  A state may come from the future: a
 * clock was set back, or another process has read its clock later.  This
 * neither gives units away nor refuses forever.  A time is reduced to the
 * maximum that the figures allow; the next two windows count as the current
 * one, later windows do not count.
 *
 * ngx_http_gateway_limit_script.c does the same in Redis.
 */

#ifndef GW_LIMIT_H_INCLUDED
#define GW_LIMIT_H_INCLUDED

#include "gw_figure.h"


#define GW_LIMIT_WORDS   2                  /* maximum, of a state */
#define GW_LIMIT_NEVER   UINT64_MAX         /* a time to wait */

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
    uint64_t              interval;     /* gcra: ns per unit */
    uint64_t              most;         /* gcra: the largest interval *
                                           capacity of the zone, in ns */

    /* the current window, by the wall clock */
    uint64_t              number;
    uint64_t              start;        /* ns since the epoch */
    uint64_t              end;
    uint64_t              next;         /* the end of the window after it */
} gw_limit_t;


/* the time in ns; another process may have read a later one */

typedef struct {
    uint64_t              monotonic;
    uint64_t              wall;
} gw_limit_clock_t;


typedef enum {
    GW_LIMIT_TAKE = 0,      /* charge if enough units are left */
    GW_LIMIT_LOOK,          /* charge nothing, but report the same */
    GW_LIMIT_FILL,          /* charge at most the units that are left */
    GW_LIMIT_FORCE,         /* charge, with a debt of at most the capacity */
    GW_LIMIT_SET            /* set the number of units used */
} gw_limit_mode_e;


typedef struct {
    unsigned              passed:1;
    uint64_t              remaining;    /* units, after the charge */
    uint64_t              used;         /* units; gcra: rounded up */
    uint64_t              reset;        /* ns until the key is idle, or until
                                           the window ends */
    uint64_t              wait;         /* refused: ns until a retry may pass */

    /* for a refund */
    uint64_t              charged;      /* units; gcra: ns */
    uint64_t              window;       /* number; gcra: the new state; in
                                           Redis: see the script */
    uint64_t              least;        /* the state is not below this as long
                                           as it contains the charge: units
                                           used in the window; gcra: a time */
} gw_limit_result_t;


/*
 * Sets all members but those of the window; "burst" is in units beyond the
 * first.  Returns NULL, or a sentence that tells which value is out of range.
 */
const char *gw_limit_set(gw_limit_t *limit, gw_limit_algorithm_e algorithm,
    const gw_figure_t *figure, uint64_t burst);

/* sets the window around a time, for units up to the day, in UTC */
void gw_limit_window(gw_limit_t *limit, uint64_t wall);

/* reduces a limit to a share, in thousandths, but to at least one unit */
void gw_limit_share(gw_limit_t *limit, uint64_t share);

/* the number of words of a state: 1 or 2 */
unsigned gw_limit_words(gw_limit_algorithm_e algorithm);

/*
 * Charges "cost" units to a state, by "mode".  A cost of 0 passes unless the
 * key is in debt.
 */
void gw_limit_take(const gw_limit_t *limit, const gw_limit_clock_t *now,
    gw_limit_mode_e mode, uint64_t cost, uint64_t *state,
    gw_limit_result_t *result);

/* reduces result->charged to a number of units, for a partial refund */
void gw_limit_part(const gw_limit_t *limit, uint64_t units,
    gw_limit_result_t *result);

/*
 * Refunds a charge, as far as it still counts.  A state below result->least was
 * reset since: nothing is refunded.
 */
void gw_limit_give(const gw_limit_t *limit, const gw_limit_clock_t *now,
    uint64_t *state, const gw_limit_result_t *result);

/* whether the key of a state is idle, so that nothing is lost with it */
int gw_limit_idle(gw_limit_algorithm_e algorithm, const uint64_t *state,
    const gw_limit_clock_t *now);

/*
 * The rank of a place in the table: the charges of its key, and of earlier keys
 * of the place ("*kept"), as far as they have not expired.  "*kept" is set to
 * the sum, for the next key of the place; 0: nothing.  "limit", with its
 * window, can be that of any key in the table.
 *
 * For windows the rank is in units, whatever the figures of the keys are.  For
 * gcra, whose state does not contain the rate, it is in microseconds until the
 * key is idle.  For concurrency it is the count of the key alone.
 */
uint64_t gw_limit_rank(const gw_limit_t *limit, const gw_limit_clock_t *now,
    const uint64_t *state, uint64_t *kept);


#endif /* GW_LIMIT_H_INCLUDED */
