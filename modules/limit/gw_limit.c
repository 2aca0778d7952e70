/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_limit.h"


/* a change of one word of a state */

typedef struct {
    unsigned              which;
    uint64_t              old;
    uint64_t              new;
} gw_limit_change_t;


/* a window's word, taken apart */

typedef struct {
    uint64_t              number;
    uint64_t              used;
    unsigned              closed:1;     /* of a sliding window: see _close() */
} gw_limit_count_t;


#define GW_LIMIT_YEAR    (31556952 * GW_LIMIT_SEC)
#define GW_LIMIT_RATE    1000000000ULL      /* units a period: T is >= 1 ns */
#define GW_LIMIT_SLIDE   (1ULL << 33)       /* units a window: see _weigh() */
#define GW_LIMIT_UNIT    61                 /* the unit stands above */
#define GW_LIMIT_KEPT    (1ULL << 37)       /* units a place: see _weigh() */
#define GW_LIMIT_USEC    1000ULL            /* ns */


/* the highest bit of what counts units */
#define gw_limit_closed(unit)                                                 \
    (1ULL << (GW_LIMIT_UNIT - gw_limit_bits[unit] - 1))


/* a test that goes through interleavings puts its own in their place */

#ifndef gw_limit_load

#define gw_limit_load(p)  __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define gw_limit_swap(p, old, new)                                            \
    __atomic_compare_exchange_n(p, &(uint64_t) { old }, new, 0,               \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#endif


static void gw_limit_gcra(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, gw_limit_change_t *change,
    gw_limit_result_t *result);
static void gw_limit_fixed(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, gw_limit_change_t *change,
    gw_limit_result_t *result);
static void gw_limit_sliding(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, const uint64_t *state,
    gw_limit_change_t *change, gw_limit_result_t *result);
static int gw_limit_close(const gw_limit_t *limit, uint64_t number,
    uint64_t *state, const uint64_t *seen);
static uint64_t gw_limit_count(const gw_limit_t *limit, gw_limit_mode_e mode,
    uint64_t cost, uint64_t used, uint64_t other, gw_limit_result_t *result);
static uint64_t gw_limit_slide_wait(const gw_limit_t *limit, uint64_t now,
    uint64_t cost, uint64_t used, uint64_t before);
static uint64_t gw_limit_over(unsigned unit, uint64_t number);
static uint64_t gw_limit_weigh(const gw_limit_t *limit, uint64_t now,
    uint64_t before);
static uint64_t gw_limit_rank_gcra(uint64_t now, uint64_t tat, uint64_t *kept);
static uint64_t gw_limit_left(const gw_limit_t *limit, uint64_t now,
    uint64_t word);
static uint64_t gw_limit_keep(uint64_t last, uint64_t used);
static uint64_t gw_limit_expires(uint64_t word);


/*
 * Bits of the number of a window, by unit: what is left below the unit is the
 * number of units used.  Each lasts until after the year 2200.
 */

static const unsigned  gw_limit_bits[GW_FIGURE_UNITS] = {
    33, 28, 22, 18, 15, 13
};

static const uint64_t  gw_limit_length[] = {
    GW_LIMIT_SEC, 60 * GW_LIMIT_SEC, 3600 * GW_LIMIT_SEC,
    86400 * GW_LIMIT_SEC
};


/* configuration, and figures from variables */

const char *
gw_limit_set(gw_limit_t *limit, gw_limit_algorithm_e algorithm,
    const gw_figure_t *figure, uint64_t burst)
{
    uint64_t  max;

    limit->algorithm = algorithm;
    limit->unit = figure->unit;
    limit->amount = figure->amount;
    limit->capacity = figure->amount;
    limit->interval = 0;
    limit->most = 0;

    switch (algorithm) {

    case GW_LIMIT_GCRA:

        if (figure->amount > GW_LIMIT_RATE) {
            return "a rate is at most 1000000000 in its period";
        }

        if (figure->amount == 0) {
            return NULL;
        }

        limit->capacity = burst + 1;

        /* rounded up: never more than the rate */

        limit->interval = (gw_limit_length[figure->unit] + figure->amount - 1)
                          / figure->amount;

        if (burst >= 100 * GW_LIMIT_YEAR / limit->interval) {
            return "such a burst would take over a hundred years";
        }

        limit->most = limit->interval * limit->capacity;

        return NULL;

    case GW_LIMIT_SLIDING:
    case GW_LIMIT_FIXED:

        /* half of what there is room for: the rest is for debts */

        max = 1ULL << (GW_LIMIT_UNIT - gw_limit_bits[figure->unit] - 1);

        if (algorithm == GW_LIMIT_SLIDING) {
            max /= 2;
            max = (max < GW_LIMIT_SLIDE) ? max : GW_LIMIT_SLIDE;
        }

        return (figure->amount < max) ? NULL
               : "that is more than a window of this length can count";

    default: /* GW_LIMIT_CONCURRENCY */
        return (figure->amount <= UINT32_MAX) ? NULL
               : "that is more than can be counted";
    }
}


void
gw_limit_window(gw_limit_t *limit, uint64_t wall)
{
    limit->number = wall / gw_limit_length[limit->unit];
    limit->start = limit->number * gw_limit_length[limit->unit];
    limit->end = limit->start + gw_limit_length[limit->unit];
    limit->next = limit->end + gw_limit_length[limit->unit];
}


void
gw_limit_share(gw_limit_t *limit, uint64_t share)
{
    if (limit->amount == 0) {
        return;
    }

    if (limit->algorithm == GW_LIMIT_GCRA) {
        limit->interval = (limit->interval * 1000 + share - 1) / share;
    }

    limit->capacity = limit->capacity * share / 1000;

    if (limit->capacity == 0) {
        limit->capacity = 1;
    }

    /* one unit of a small share may take longer than all of the whole */

    if (limit->most < limit->interval * limit->capacity) {
        limit->most = limit->interval * limit->capacity;
    }
}


unsigned
gw_limit_words(gw_limit_algorithm_e algorithm)
{
    return (algorithm == GW_LIMIT_SLIDING) ? 2 : 1;
}


/* requests */

void
gw_limit_take(const gw_limit_t *limit, const gw_limit_clock_t *now,
    gw_limit_mode_e mode, uint64_t cost, uint64_t *state,
    gw_limit_result_t *result)
{
    uint64_t           seen[GW_LIMIT_WORDS];
    gw_limit_change_t  change;

    for ( ;; ) {
        seen[0] = gw_limit_load(&state[0]);

        change.which = 0;
        change.old = seen[0];

        if (limit->algorithm == GW_LIMIT_GCRA) {
            gw_limit_gcra(limit, now->monotonic, mode, cost, &change, result);

        } else if (limit->algorithm == GW_LIMIT_FIXED) {
            gw_limit_fixed(limit, now->wall, mode, cost, &change, result);

        } else {
            seen[1] = gw_limit_load(&state[1]);
            gw_limit_sliding(limit, now->wall, mode, cost, seen, &change,
                             result);
        }

        if (change.new == change.old) {
            return;
        }

        if (limit->algorithm == GW_LIMIT_SLIDING
            && !gw_limit_close(limit, result->window, state, seen))
        {
            continue;
        }

        if (gw_limit_swap(&state[change.which], change.old, change.new)) {
            return;
        }
    }
}


static void
gw_limit_gcra(const gw_limit_t *limit, uint64_t now, gw_limit_mode_e mode,
    uint64_t cost, gw_limit_change_t *change, gw_limit_result_t *result)
{
    uint64_t  all, most, tat, next;

    result->charged = 0;
    result->window = now;
    result->least = now;
    change->new = change->old;

    if (limit->amount == 0) {
        result->passed = 0;
        result->remaining = result->used = 0;
        result->reset = 0;
        result->wait = GW_LIMIT_NEVER;
        return;
    }

    all = limit->interval * limit->capacity;
    most = (mode == GW_LIMIT_FILL) ? now + all : now + 2 * all;

    tat = (mode == GW_LIMIT_SET || change->old < now) ? now : change->old;

    /* what no figures can mean, since they were others, is not kept either */

    if (tat > now + 2 * limit->most) {
        tat = now + 2 * limit->most;

        if (mode != GW_LIMIT_LOOK) {
            change->new = tat;
        }
    }

    /* more than twice of all there is comes to the same, and overflows not */

    next = tat + limit->interval * (cost < 2 * limit->capacity
                                    ? cost : 2 * limit->capacity);

    result->passed = (cost <= limit->capacity && next <= now + all);
    result->wait = 0;

    if (mode >= GW_LIMIT_FILL) {
        next = (next < most) ? next : most;
        next = (next > tat) ? next : tat;

    } else if (!result->passed) {
        result->wait = (cost > limit->capacity) ? GW_LIMIT_NEVER
                                                : next - now - all;
    }

    if (mode != GW_LIMIT_LOOK && (mode >= GW_LIMIT_FILL || result->passed)) {
        result->charged = next - tat;
        result->window = next;
        result->least = now + result->charged;
        tat = next;

        if (result->charged || mode == GW_LIMIT_SET) {
            change->new = tat;
        }
    }

    result->reset = tat - now;
    result->remaining = (result->reset < all)
                        ? (all - result->reset) / limit->interval : 0;
    result->used = (result->reset + limit->interval - 1) / limit->interval;
}


/* the unit of a window's word; -1: it was never used */

static int
gw_limit_split(uint64_t word, gw_limit_count_t *count)
{
    unsigned  unit, shift;

    unit = (unsigned) (word >> GW_LIMIT_UNIT);

    count->closed = 0;

    if (unit == 0 || unit > GW_FIGURE_UNITS) {
        count->number = 0;
        count->used = 0;
        return -1;
    }

    unit--;
    shift = GW_LIMIT_UNIT - gw_limit_bits[unit];
    word &= (1ULL << GW_LIMIT_UNIT) - 1;

    count->number = word >> shift;
    count->used = word & ((1ULL << shift) - 1);

    return (int) unit;
}


static gw_limit_count_t
gw_limit_unpack(const gw_limit_t *limit, uint64_t word)
{
    gw_limit_count_t  count;

    /* of another unit: never used in this one */

    if (gw_limit_split(word, &count) != (int) limit->unit) {
        count.number = 0;
        count.used = 0;
    }

    if (limit->algorithm == GW_LIMIT_SLIDING) {
        count.closed = (count.used & gw_limit_closed(limit->unit)) != 0;
        count.used &= ~gw_limit_closed(limit->unit);
    }

    return count;
}


/* "used" may have the bit that closes the window */

static uint64_t
gw_limit_pack(const gw_limit_t *limit, uint64_t number, uint64_t used)
{
    unsigned  shift;

    shift = GW_LIMIT_UNIT - gw_limit_bits[limit->unit];

    return ((uint64_t) (limit->unit + 1) << GW_LIMIT_UNIT)
           | ((number & ((1ULL << gw_limit_bits[limit->unit]) - 1)) << shift)
           | used;
}


/* whether a window of a state is this one, or soon will be */

static int
gw_limit_current(const gw_limit_t *limit, uint64_t number)
{
    return number >= limit->number && number - limit->number <= 2;
}


/* a figure of 0 lets nothing pass, not even what costs nothing */

static int
gw_limit_never(const gw_limit_t *limit, uint64_t cost)
{
    return limit->amount == 0 || cost > limit->capacity;
}


static void
gw_limit_fixed(const gw_limit_t *limit, uint64_t now, gw_limit_mode_e mode,
    uint64_t cost, gw_limit_change_t *change, gw_limit_result_t *result)
{
    uint64_t          used;
    gw_limit_count_t  count;

    count = gw_limit_unpack(limit, change->old);

    if (!gw_limit_current(limit, count.number)) {
        count.number = limit->number;
        count.used = 0;
    }

    used = gw_limit_count(limit, mode, cost, count.used, 0, result);

    result->window = count.number;
    result->reset = (limit->end > now) ? limit->end - now : 0;

    if (!result->passed) {
        result->wait = gw_limit_never(limit, cost) ? GW_LIMIT_NEVER
                                                   : result->reset;
    }

    change->new = (used == count.used && mode != GW_LIMIT_SET)
                  ? change->old : gw_limit_pack(limit, count.number, used);
}


static void
gw_limit_sliding(const gw_limit_t *limit, uint64_t now, gw_limit_mode_e mode,
    uint64_t cost, const uint64_t *state, gw_limit_change_t *change,
    gw_limit_result_t *result)
{
    uint64_t          used, weighed;
    gw_limit_t        moved;
    gw_limit_count_t  one, two, before;

    moved = *limit;

    one = gw_limit_unpack(limit, state[limit->number & 1]);
    two = gw_limit_unpack(limit, state[(limit->number & 1) ^ 1]);

    /* another process, or a clock since set back, has begun a later window */

    if (one.number == limit->number + 2
        || (two.number == limit->number + 1 && two.closed))
    {
        moved.number += 2;
        moved.start = moved.next;
        moved.end = moved.next + gw_limit_length[limit->unit];

    } else if (two.number == limit->number + 1
               || (one.number == limit->number && one.closed))
    {
        moved.number++;
        moved.start = moved.end;
        moved.end = moved.next;

        before = one;
        one = two;
        two = before;
    }

    if (now < moved.start) {
        now = moved.start;
    }

    if (one.number != moved.number) {
        one.used = 0;
        one.closed = 0;
    }

    if (two.number + 1 != moved.number) {
        two.used = 0;
    }

    change->which = moved.number & 1;
    change->old = state[change->which];

    weighed = (mode == GW_LIMIT_SET) ? 0
                                     : gw_limit_weigh(&moved, now, two.used);

    used = gw_limit_count(&moved, mode, cost, one.used, weighed, result);

    result->window = moved.number;
    result->reset = (moved.end > now) ? moved.end - now : 0;

    if (!result->passed) {
        result->wait = gw_limit_slide_wait(&moved, now, cost, one.used,
                                           two.used);
    }

    change->new = (used == one.used && mode != GW_LIMIT_SET)
                  ? change->old
                  : gw_limit_pack(limit, moved.number, used
                                  | (one.closed ? gw_limit_closed(limit->unit)
                                                : 0));
}


/*
 * What a window may be charged depends on the one before, in the other word.
 * Before it is charged that one is closed: a process whose clock still is in
 * it charges the later window instead, and what it has read of an open one it
 * cannot change any more.  Later only refunds change a closed window.
 *
 * 0: the word has changed since it was seen.
 */

static int
gw_limit_close(const gw_limit_t *limit, uint64_t number, uint64_t *state,
    const uint64_t *seen)
{
    unsigned          which;
    uint64_t          new;
    gw_limit_count_t  before;

    which = (number & 1) ^ 1;
    new = seen[which];
    before = gw_limit_unpack(limit, new);

    if (before.number + 1 != number) {
        new = gw_limit_pack(limit, number - 1, 0);

    } else if (before.closed) {
        return 1;
    }

    new |= gw_limit_closed(limit->unit);

    return gw_limit_swap(&state[which], seen[which], new);
}


/*
 * Of units used in a window, and others that count in it: what "cost" more
 * make of the former.
 */

static uint64_t
gw_limit_count(const gw_limit_t *limit, gw_limit_mode_e mode, uint64_t cost,
    uint64_t used, uint64_t other, gw_limit_result_t *result)
{
    uint64_t  most, next;

    most = 2 * limit->capacity;

    if (mode == GW_LIMIT_FILL) {
        most = (other < limit->capacity) ? limit->capacity - other : 0;

    } else if (mode == GW_LIMIT_SET) {
        used = 0;
    }

    cost = (cost <= most) ? cost : most + 1;
    next = used + cost;

    result->passed = (limit->amount != 0 && next + other <= limit->capacity);
    result->charged = 0;
    result->wait = 0;

    if (mode >= GW_LIMIT_FILL) {
        next = (next < most) ? next : most;
        next = (next > used) ? next : used;

    } else if (mode == GW_LIMIT_LOOK || !result->passed) {
        next = used;
    }

    result->charged = next - used;
    result->least = result->charged;
    result->used = next + other;
    result->remaining = (result->used < limit->capacity)
                        ? limit->capacity - result->used : 0;

    return next;
}


/*
 * What of the window before still counts: it is taken as spread evenly, and
 * counts for as long as it lies within one length of now.  Rounded up.  The
 * product fits: at most 2^37 units and a day of 86,400,000 ms.
 */

static uint64_t
gw_limit_weigh(const gw_limit_t *limit, uint64_t now, uint64_t before)
{
    uint64_t  length, rest;

    length = (limit->end - limit->start) / GW_LIMIT_MSEC;
    rest = (now < limit->end) ? (limit->end - now) / GW_LIMIT_MSEC : 0;

    return (before * rest + length - 1) / length;
}


/*
 * When a refused request would pass if nobody else came: in this window, once
 * less of the one before counts, or in the next one, of which this one is the
 * one before.
 */

static uint64_t
gw_limit_slide_wait(const gw_limit_t *limit, uint64_t now, uint64_t cost,
    uint64_t used, uint64_t before)
{
    uint64_t  length, room, rest, end;

    if (gw_limit_never(limit, cost)) {
        return GW_LIMIT_NEVER;
    }

    length = (limit->end - limit->start) / GW_LIMIT_MSEC;
    end = limit->end;

    if (used + cost <= limit->capacity) {
        room = limit->capacity - used - cost;

    } else {
        room = limit->capacity - cost;
        before = used;
        end += limit->end - limit->start;
    }

    rest = (before > room) ? room * length / before : length;
    end -= rest * GW_LIMIT_MSEC;

    return (end > now) ? end - now : 0;
}


void
gw_limit_part(const gw_limit_t *limit, uint64_t units,
    gw_limit_result_t *result)
{
    if (limit->algorithm == GW_LIMIT_GCRA) {
        units *= limit->interval;
    }

    if (result->charged > units) {
        result->charged = units;
    }
}


void
gw_limit_give(const gw_limit_t *limit, const gw_limit_clock_t *now,
    uint64_t *state, const gw_limit_result_t *result)
{
    uint64_t          *word, left, old, new;
    gw_limit_count_t   count;

    left = result->charged;

    /* what has been worked off meanwhile others may have used again */

    if (limit->algorithm == GW_LIMIT_GCRA
        && result->window < now->monotonic + left)
    {
        left = (result->window > now->monotonic)
               ? result->window - now->monotonic : 0;
    }

    if (left == 0) {
        return;
    }

    word = (limit->algorithm == GW_LIMIT_SLIDING) ? &state[result->window & 1]
                                                  : &state[0];

    old = gw_limit_load(word);

    do {
        if (limit->algorithm == GW_LIMIT_GCRA) {

            if (old < result->least) {
                return;
            }

            new = (old > left) ? old - left : 0;
            continue;
        }

        count = gw_limit_unpack(limit, old);

        if (count.number != result->window || count.used < result->least) {
            return;
        }

        count.used -= (count.used < left) ? count.used : left;

        if (count.closed) {
            count.used |= gw_limit_closed(limit->unit);
        }

        new = gw_limit_pack(limit, count.number, count.used);

    } while (!__atomic_compare_exchange_n(word, &old, new, 0,
                                          __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
}


/*
 * The second since the epoch at which the window of a number has ended for
 * sure, in every time zone, and as the one before in a sliding window, too.
 */

static uint64_t
gw_limit_over(unsigned unit, uint64_t number)
{
    switch (unit) {

    case GW_FIGURE_WEEK:

        /* week 0 began three days before the epoch */

        return (7 * number + 4 + 2) * 86400;

    case GW_FIGURE_MONTH:

        /* 4800 months have 146097 days; no month is 5 days from its mean */

        return ((number + 1) * 146097 / 4800 + 5) * 86400;

    default:
        return (number + 2) * (gw_limit_length[unit] / GW_LIMIT_SEC);
    }
}


/* likewise of a window's word; 0: it was never used */

static uint64_t
gw_limit_expires(uint64_t word)
{
    int               unit;
    gw_limit_count_t  count;

    unit = gw_limit_split(word, &count);

    return (unit < 0) ? 0 : gw_limit_over((unsigned) unit, count.number);
}


int
gw_limit_idle(gw_limit_algorithm_e algorithm, const uint64_t *state,
    const gw_limit_clock_t *now)
{
    unsigned  i;

    if (algorithm == GW_LIMIT_GCRA) {
        return gw_limit_load(&state[0]) <= now->monotonic;
    }

    if (algorithm == GW_LIMIT_CONCURRENCY) {
        return (uint32_t) gw_limit_load(&state[0]) == 0;
    }

    for (i = 0; i < gw_limit_words(algorithm); i++) {
        if (now->wall / GW_LIMIT_SEC
            < gw_limit_expires(gw_limit_load(&state[i])))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * A key's charges and those before it expire side by side, each as they would
 * alone; once they are the next key's inheritance, one after the other.
 */

static uint64_t
gw_limit_rank_gcra(uint64_t now, uint64_t tat, uint64_t *kept)
{
    uint64_t  own, rank, most;

    own = (tat > now) ? (tat - now + GW_LIMIT_USEC - 1) / GW_LIMIT_USEC : 0;
    now /= GW_LIMIT_USEC;
    rank = (*kept > now) ? *kept - now : 0;

    most = UINT64_MAX - now;
    rank = (own < most - rank) ? rank + own : most;

    *kept = now + rank;

    return rank;
}


/* the word of a sliding window without the bit that closes it */

static uint64_t
gw_limit_units(uint64_t word)
{
    int               unit;
    gw_limit_count_t  count;

    unit = gw_limit_split(word, &count);

    return (unit < 0) ? word : word & ~gw_limit_closed(unit);
}


uint64_t
gw_limit_rank(const gw_limit_t *limit, const gw_limit_clock_t *now,
    const uint64_t *state, uint64_t *kept)
{
    unsigned  i, n;
    uint64_t  rank, left, last, words[GW_LIMIT_WORDS + 1];

    if (limit->algorithm == GW_LIMIT_CONCURRENCY) {
        return (uint32_t) gw_limit_load(&state[0]);
    }

    if (limit->algorithm == GW_LIMIT_GCRA) {
        return gw_limit_rank_gcra(now->monotonic, gw_limit_load(&state[0]),
                                  kept);
    }

    n = gw_limit_words(limit->algorithm);

    for (i = 0; i < n; i++) {
        words[i] = gw_limit_load(&state[i]);

        if (limit->algorithm == GW_LIMIT_SLIDING) {
            words[i] = gw_limit_units(words[i]);
        }
    }

    words[n] = *kept;
    rank = last = 0;

    for (i = 0; i <= n; i++) {
        left = gw_limit_left(limit, now->wall, words[i]);
        rank += left;

        if (left && gw_limit_expires(words[i]) >= gw_limit_expires(last)) {
            last = words[i];
        }
    }

    *kept = gw_limit_keep(last, rank);

    return rank;
}


/* units of a window's word that still count */

static uint64_t
gw_limit_left(const gw_limit_t *limit, uint64_t now, uint64_t word)
{
    gw_limit_count_t  count;

    /* which window of another unit it is now only its own keys know */

    if (gw_limit_split(word, &count) != (int) limit->unit) {
        return (now / GW_LIMIT_SEC < gw_limit_expires(word)) ? count.used : 0;
    }

    if (gw_limit_current(limit, count.number)) {
        return count.used;
    }

    return (limit->algorithm == GW_LIMIT_SLIDING
            && count.number + 1 == limit->number)
           ? gw_limit_weigh(limit, now, count.used) : 0;
}


/* units of several windows as one word: they expire with the last of these */

static uint64_t
gw_limit_keep(uint64_t last, uint64_t used)
{
    int               unit;
    uint64_t          most;
    gw_limit_count_t  count;

    unit = gw_limit_split(last, &count);

    if (unit < 0) {
        return 0;
    }

    most = (1ULL << (GW_LIMIT_UNIT - gw_limit_bits[unit])) - 1;
    last &= ~most;

    if (most > GW_LIMIT_KEPT) {
        most = GW_LIMIT_KEPT;
    }

    return last | (used < most ? used : most);
}
