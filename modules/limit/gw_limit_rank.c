/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * States for the table of keys: whether a key is idle, and how many units would
 * be lost if it was evicted.
 */

#include "gw_limit_word.h"


#define GW_LIMIT_KEPT    (1ULL << 37)       /* units that a place keeps, at
                                               most: see gw_limit_weigh() */
#define GW_LIMIT_USEC    1000ULL            /* ns */


static uint64_t gw_limit_expires(uint64_t word);
static uint64_t gw_limit_over(unsigned unit, uint64_t number);
static uint64_t gw_limit_rank_gcra(uint64_t now, uint64_t tat, uint64_t *kept);
static uint64_t gw_limit_units(uint64_t word);
static uint64_t gw_limit_left(const gw_limit_t *limit, uint64_t now,
    uint64_t word);
static uint64_t gw_limit_keep(uint64_t last, uint64_t used);


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


/* the same for the word of a window; 0: it was never used */

static uint64_t
gw_limit_expires(uint64_t word)
{
    int               unit;
    gw_limit_count_t  count;

    unit = gw_limit_split(word, &count);

    return (unit < 0) ? 0 : gw_limit_over((unsigned) unit, count.number);
}


/*
 * A time, in seconds since the epoch, by which a window has ended in every time
 * zone, and no longer counts as the previous one of a sliding window.
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


/*
 * The charges of the key and the inherited ones expire at the same time.  The
 * next key inherits the sum, which expires one charge after the other.
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


/* the units of a word that still count */

static uint64_t
gw_limit_left(const gw_limit_t *limit, uint64_t now, uint64_t word)
{
    gw_limit_count_t  count;

    /* the current window of another unit is not known here */

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


/* units of several windows as a word of the last one, with which they expire */

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
