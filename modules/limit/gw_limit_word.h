/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The words of a key's state in shared memory, for gw_limit.c and
 * gw_limit_rank.c.  The word of a window is
 *
 *   unit + 1 (3 bits)  number of the window  units used in it
 *
 * where the unit decides how many bits the number has.  In a sliding window the
 * highest bit of the units is set when the window is closed.
 */

#ifndef GW_LIMIT_WORD_H_INCLUDED
#define GW_LIMIT_WORD_H_INCLUDED

#include "gw_limit.h"


#define GW_LIMIT_UNIT    61                 /* the unit is above this bit */

/* the bit that closes a sliding window */
#define gw_limit_closed(unit)                                                 \
    (1ULL << (GW_LIMIT_UNIT - gw_limit_bits[unit] - 1))


/* a unit test that runs through interleavings defines its own */

#ifndef gw_limit_load

#define gw_limit_load(p)  __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define gw_limit_swap(p, old, new)                                            \
    __atomic_compare_exchange_n(p, &(uint64_t) { old }, new, 0,               \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#endif


/* the word of a window, unpacked */

typedef struct {
    uint64_t              number;
    uint64_t              used;
    unsigned              closed:1;     /* see gw_limit_close() */
} gw_limit_count_t;


/* bits of the number of a window: it fits until after the year 2200 */

static const unsigned  gw_limit_bits[] = {
    [GW_FIGURE_SECOND] = 33,
    [GW_FIGURE_MINUTE] = 28,
    [GW_FIGURE_HOUR] = 22,
    [GW_FIGURE_DAY] = 18,
    [GW_FIGURE_WEEK] = 15,
    [GW_FIGURE_MONTH] = 13
};

_Static_assert(sizeof(gw_limit_bits) / sizeof(gw_limit_bits[0])
               == GW_FIGURE_UNITS, "each unit needs bits");


/* lengths of windows in ns; those of weeks and months depend on the calendar */

static const uint64_t  gw_limit_length[] = {
    [GW_FIGURE_SECOND] = GW_LIMIT_SEC,
    [GW_FIGURE_MINUTE] = 60 * GW_LIMIT_SEC,
    [GW_FIGURE_HOUR] = 3600 * GW_LIMIT_SEC,
    [GW_FIGURE_DAY] = 86400 * GW_LIMIT_SEC
};

_Static_assert(sizeof(gw_limit_length) / sizeof(gw_limit_length[0])
               == GW_FIGURE_WEEK, "each unit before the week needs a length");


/* unpacks a word and returns its unit; -1: the word was never used */

static inline int
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


static inline gw_limit_count_t
gw_limit_unpack(const gw_limit_t *limit, uint64_t word)
{
    gw_limit_count_t  count;

    /* a word of another unit has no units used in this one */

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


/* "used" may include the bit that closes the window */

static inline uint64_t
gw_limit_pack(const gw_limit_t *limit, uint64_t number, uint64_t used)
{
    unsigned  shift;

    shift = GW_LIMIT_UNIT - gw_limit_bits[limit->unit];

    return ((uint64_t) (limit->unit + 1) << GW_LIMIT_UNIT)
           | ((number & ((1ULL << gw_limit_bits[limit->unit]) - 1)) << shift)
           | used;
}


/* whether a window is the current one, or one of the two after it */

static inline int
gw_limit_current(const gw_limit_t *limit, uint64_t number)
{
    return number >= limit->number && number - limit->number <= 2;
}


/*
 * How many units of the previous window still count, rounded up.  They are
 * taken as spread evenly over it, and count if they are less than one length
 * of a window old.  The product does not overflow: there are at most 2^37 units
 * and 86,400,000 ms, a day.
 */

static inline uint64_t
gw_limit_weigh(const gw_limit_t *limit, uint64_t now, uint64_t before)
{
    uint64_t  length, rest;

    length = (limit->end - limit->start) / GW_LIMIT_MSEC;
    rest = (now < limit->end) ? (limit->end - now) / GW_LIMIT_MSEC : 0;

    return (before * rest + length - 1) / length;
}


#endif /* GW_LIMIT_WORD_H_INCLUDED */
