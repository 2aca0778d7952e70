/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Histograms: which cell counts a value, and what the cells tell.
 *
 * A cell counts the values above the bound before it, up to and including its
 * own bound.  The last cell has no bound.  Behind the cells is one more word,
 * the sum of all values.  A histogram is read once into an array of cells->n +
 * 1 words, and everything is calculated from that array; for a window of time,
 * from the difference of two arrays.
 *
 * Durations are in ns.  Their bounds grow by a factor of at most 2^(1/8) from
 * 1 us to 4096 s; each bucket that is to be printed is a bound, too, so that
 * its count is exact.  Sizes are in bytes, with bounds of powers of 4, from 64
 * bytes to 1 GB; all of them are buckets.
 *
 * Free of nginx.
 */

#ifndef GW_CELLS_H_INCLUDED
#define GW_CELLS_H_INCLUDED

#include <stdint.h>


#define GW_CELLS_BUCKETS  30        /* at most, without +Inf */
#define GW_CELLS_MAX      320       /* more than the cells and the sum */


typedef struct {
    unsigned              n;                /* cells, without the sum */
    unsigned              nbuckets;         /* without +Inf */
    uint64_t              bucket[GW_CELLS_BUCKETS];     /* ascending */
    uint16_t              last[GW_CELLS_BUCKETS];       /* cell of a bucket's
                                                           bound */
    uint64_t              bound[GW_CELLS_MAX];          /* n - 1 of them */

    /* private */
    uint16_t              first[512];       /* the first cell to compare */
} gw_cells_t;


/*
 * Durations, with "n" buckets in ns, ascending, from 1 to GW_CELLS_BUCKETS.
 * Buckets may be below 1 us or above 4096 s.
 */
void gw_cells_durations(gw_cells_t *cells, const uint64_t *bucket, unsigned n);

/* sizes in bytes */
void gw_cells_sizes(gw_cells_t *cells);


/* private: the number of leading zeros and the three bits after the highest */

static inline unsigned
gw_cells_slot(uint64_t value)
{
    unsigned  high;

    if (value < 8) {
        return (unsigned) value;
    }

    high = 63 - (unsigned) __builtin_clzll(value);

    return (high - 2) * 8 + (unsigned) (value >> (high - 3) & 7);
}


/* the cell of a value, less than cells->n */

static inline unsigned
gw_cells_index(const gw_cells_t *cells, uint64_t value)
{
    unsigned  i;

    i = cells->first[gw_cells_slot(value)];

    while (value > cells->bound[i]) {
        i++;
    }

    return i;
}


/*
 * Sums up "word", n + 1 words, at the buckets: sets cells->nbuckets + 1 counts,
 * each including those before it.  The last one, of +Inf, is the count of all
 * values, which is also returned.
 */
uint64_t gw_cells_counts(const gw_cells_t *cells, const uint64_t *word,
    uint64_t *counts);

/* the count of all values */
uint64_t gw_cells_count(const gw_cells_t *cells, const uint64_t *word);

/*
 * The value that a share "q" of all values do not exceed (0.99: 99 %), with an
 * error of at most 5 % between 1 us and 4096 s.  -1: there are no values.
 */
double gw_cells_percentile(const gw_cells_t *cells, const uint64_t *word,
    double q);


#endif /* GW_CELLS_H_INCLUDED */
