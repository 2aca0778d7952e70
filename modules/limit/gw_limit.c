/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_limit_word.h"


/* a change to one word of a state */

typedef struct {
    unsigned              which;
    uint64_t              old;
    uint64_t              new;
} gw_limit_change_t;


#define GW_LIMIT_YEAR    (31556952 * GW_LIMIT_SEC)
#define GW_LIMIT_RATE    1000000000ULL      /* units per period: >= 1 ns each */
#define GW_LIMIT_SLIDE   (1ULL << 33)       /* units per window: see _weigh() */


static void gw_limit_gcra(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, gw_limit_change_t *change,
    gw_limit_result_t *result);
static void gw_limit_gcra_never(gw_limit_result_t *result);
static void gw_limit_fixed(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, gw_limit_change_t *change,
    gw_limit_result_t *result);
static void gw_limit_sliding(const gw_limit_t *limit, uint64_t now,
    gw_limit_mode_e mode, uint64_t cost, const uint64_t *state,
    gw_limit_change_t *change, gw_limit_result_t *result);
static void gw_limit_slide(gw_limit_t *limit, const uint64_t *state,
    gw_limit_count_t *one, gw_limit_count_t *before);
static int gw_limit_close(const gw_limit_t *limit, uint64_t number,
    uint64_t *state, const uint64_t *seen);
static uint64_t gw_limit_count(const gw_limit_t *limit, gw_limit_mode_e mode,
    uint64_t cost, uint64_t used, uint64_t other, gw_limit_result_t *result);
static uint64_t gw_limit_slide_wait(const gw_limit_t *limit, uint64_t now,
    uint64_t cost, uint64_t used, uint64_t before);


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
            return "the rate must be at most 1000000000 per period";
        }

        if (figure->amount == 0) {
            return NULL;
        }

        limit->capacity = burst + 1;

        /* rounded up: never faster than the rate */

        limit->interval = (gw_limit_length[figure->unit] + figure->amount - 1)
                          / figure->amount;

        if (burst >= 100 * GW_LIMIT_YEAR / limit->interval) {
            return "the burst would take over a hundred years to refill";
        }

        limit->most = limit->interval * limit->capacity;

        return NULL;

    case GW_LIMIT_SLIDING:
    case GW_LIMIT_FIXED:

        /* half of the room in the word: the other half is for debts */

        max = 1ULL << (GW_LIMIT_UNIT - gw_limit_bits[figure->unit] - 1);

        if (algorithm == GW_LIMIT_SLIDING) {
            max /= 2;
            max = (max < GW_LIMIT_SLIDE) ? max : GW_LIMIT_SLIDE;
        }

        return (figure->amount < max) ? NULL
               : "the limit exceeds what a window of this length can count";

    default: /* GW_LIMIT_CONCURRENCY */
        return (figure->amount <= UINT32_MAX) ? NULL
               : "the limit must be at most 4294967295";
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

    /* a unit of a small share may take longer than all units of the whole */

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
        gw_limit_gcra_never(result);
        return;
    }

    all = limit->interval * limit->capacity;
    most = (mode == GW_LIMIT_FILL) ? now + all : now + 2 * all;

    tat = (mode == GW_LIMIT_SET || change->old < now) ? now : change->old;

    /* the figures have been reduced since, or a clock was set back */

    if (tat > now + 2 * limit->most) {
        tat = now + 2 * limit->most;

        if (mode != GW_LIMIT_LOOK) {
            change->new = tat;
        }
    }

    /* a greater cost is equivalent and could overflow */

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


/* the rate is 0 */

static void
gw_limit_gcra_never(gw_limit_result_t *result)
{
    result->passed = 0;
    result->remaining = 0;
    result->used = 0;
    result->reset = 0;
    result->wait = GW_LIMIT_NEVER;
}


/* with a limit of 0 nothing passes, not even with a cost of 0 */

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
    gw_limit_count_t  one, before;

    moved = *limit;

    gw_limit_slide(&moved, state, &one, &before);

    if (now < moved.start) {
        now = moved.start;
    }

    change->which = moved.number & 1;
    change->old = state[change->which];

    weighed = (mode == GW_LIMIT_SET) ? 0
                                     : gw_limit_weigh(&moved, now, before.used);

    used = gw_limit_count(&moved, mode, cost, one.used, weighed, result);

    result->window = moved.number;
    result->reset = (moved.end > now) ? moved.end - now : 0;

    if (!result->passed) {
        result->wait = gw_limit_slide_wait(&moved, now, cost, one.used,
                                           before.used);
    }

    change->new = (used == one.used && mode != GW_LIMIT_SET)
                  ? change->old
                  : gw_limit_pack(limit, moved.number, used
                                  | (one.closed ? gw_limit_closed(limit->unit)
                                                : 0));
}


/*
 * The window that is charged, and the one before it.  A process whose clock is
 * ahead, or a clock that was set back since, may have begun a later window:
 * "limit" is then moved to it.
 */

static void
gw_limit_slide(gw_limit_t *limit, const uint64_t *state, gw_limit_count_t *one,
    gw_limit_count_t *before)
{
    gw_limit_count_t  swap;

    *one = gw_limit_unpack(limit, state[limit->number & 1]);
    *before = gw_limit_unpack(limit, state[(limit->number & 1) ^ 1]);

    if (one->number == limit->number + 2
        || (before->number == limit->number + 1 && before->closed))
    {
        limit->number += 2;
        limit->start = limit->next;
        limit->end = limit->next + gw_limit_length[limit->unit];

    } else if (before->number == limit->number + 1
               || (one->number == limit->number && one->closed))
    {
        limit->number++;
        limit->start = limit->end;
        limit->end = limit->next;

        swap = *before;
        *before = *one;
        *one = swap;
    }

    if (one->number != limit->number) {
        one->used = 0;
        one->closed = 0;
    }

    if (before->number + 1 != limit->number) {
        before->used = 0;
    }
}


/*
 * The room in a window depends on the window before it, in the other word.  So
 * that one is closed before the window is charged.  A process whose clock is
 * still in the closed window then charges the later one, and its
 * compare-and-swap on the word that it read before fails.  After that only
 * refunds change a closed window.
 *
 * Returns 0 if the word has changed since it was read.
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
 * The units used in a window after a charge.  "used" are those before it, and
 * "other" units of the previous window that still count.
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
 * The time after which a refused request would pass without other requests:
 * in the current window, when less of the previous one counts, or in the next
 * window, where the current one is the previous one.
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

    /* units that have become available since may have been charged again */

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
