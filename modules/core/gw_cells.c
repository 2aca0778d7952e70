/* SPDX-License-Identifier: BSD-2-Clause */

/* histograms: see gw_cells.h */

#include <string.h>

#include "gw_cells.h"


#define GW_CELLS_OCTAVE   8                 /* cells that double a duration */
#define GW_CELLS_LOWEST   1000ULL           /* ns */
#define GW_CELLS_HIGHEST  4096000000000ULL

#define GW_CELLS_SMALLEST  3                /* powers of 4, in bytes */
#define GW_CELLS_LARGEST   15


static void gw_cells_bound(gw_cells_t *cells, uint64_t bound);
static void gw_cells_finish(gw_cells_t *cells);


void
gw_cells_durations(gw_cells_t *cells, const uint64_t *bucket, unsigned n)
{
    /* 2^(-i/8) */

    static const double  step[GW_CELLS_OCTAVE] = {
        1, 0.91700404320467122, 0.84089641525371454, 0.77110541270397041,
        0.70710678118654752, 0.64841977732550483, 0.59460355750136054,
        0.54525386633262884
    };

    unsigned  i;
    uint64_t  bound;

    memset(cells, 0, sizeof(gw_cells_t));

    gw_cells_bound(cells, GW_CELLS_LOWEST);

    for (i = 0; ; i++) {
        bound = (uint64_t) (GW_CELLS_HIGHEST * step[i % GW_CELLS_OCTAVE])
                >> i / GW_CELLS_OCTAVE;

        if (bound <= GW_CELLS_LOWEST) {
            break;
        }

        gw_cells_bound(cells, bound);
    }

    cells->nbuckets = n;

    for (i = 0; i < n; i++) {
        cells->bucket[i] = bucket[i];
        gw_cells_bound(cells, bucket[i]);
    }

    gw_cells_finish(cells);
}


void
gw_cells_sizes(gw_cells_t *cells)
{
    unsigned  i;

    memset(cells, 0, sizeof(gw_cells_t));

    for (i = GW_CELLS_SMALLEST; i <= GW_CELLS_LARGEST; i++) {
        cells->bucket[cells->nbuckets++] = 1ULL << 2 * i;
        gw_cells_bound(cells, 1ULL << 2 * i);
    }

    gw_cells_finish(cells);
}


/* inserts a bound, unless it exists */

static void
gw_cells_bound(gw_cells_t *cells, uint64_t bound)
{
    unsigned  i;

    for (i = cells->n; i > 0 && cells->bound[i - 1] >= bound; i--) {
        if (cells->bound[i - 1] == bound) {
            return;
        }
    }

    memmove(&cells->bound[i + 1], &cells->bound[i],
            (cells->n - i) * sizeof(uint64_t));
    cells->bound[i] = bound;
    cells->n++;
}


/*
 * Adds the last cell, and builds the table: the first cell that can contain a
 * value with these leading bits.
 */

static void
gw_cells_finish(gw_cells_t *cells)
{
    unsigned  i, cell;
    uint64_t  lowest;

    cells->bound[cells->n++] = UINT64_MAX;

    for (i = 0, cell = 0; i < cells->nbuckets; i++) {
        while (cells->bound[cell] != cells->bucket[i]) {
            cell++;
        }

        cells->last[i] = (uint16_t) cell;
    }

    for (i = 0, cell = 0; i < gw_cells_slot(UINT64_MAX) + 1; i++) {
        lowest = (i < 8) ? i : (uint64_t) (8 + i % 8) << (i / 8 - 1);

        while (cells->bound[cell] < lowest) {
            cell++;
        }

        cells->first[i] = (uint16_t) cell;
    }
}


uint64_t
gw_cells_counts(const gw_cells_t *cells, const uint64_t *word,
    uint64_t *counts)
{
    unsigned  i, cell;
    uint64_t  count;

    count = 0;
    cell = 0;

    for (i = 0; i < cells->nbuckets; i++) {
        while (cell <= cells->last[i]) {
            count += word[cell++];
        }

        counts[i] = count;
    }

    while (cell < cells->n) {
        count += word[cell++];
    }

    counts[i] = count;

    return count;
}


uint64_t
gw_cells_count(const gw_cells_t *cells, const uint64_t *word)
{
    unsigned  i;
    uint64_t  count;

    for (i = 0, count = 0; i < cells->n; i++) {
        count += word[i];
    }

    return count;
}


/*
 * In a narrow cell the result is its middle: its bounds differ by 9 %, and the
 * error is at most half of that, wherever in the cell the values are.  In a
 * wide cell values are taken as evenly distributed.
 */

double
gw_cells_percentile(const gw_cells_t *cells, const uint64_t *word, double q)
{
    double    rank, before, low, high;
    unsigned  i;
    uint64_t  count;

    count = gw_cells_count(cells, word);

    if (count == 0) {
        return -1;
    }

    rank = q * count;
    before = 0;

    for (i = 0; i < cells->n - 1; i++) {
        if (word[i] && before + word[i] >= rank) {
            break;
        }

        before += word[i];
    }

    low = (i == 0) ? 0 : cells->bound[i - 1];

    if (i == cells->n - 1) {
        return low;
    }

    high = cells->bound[i];

    if (high <= 1.1 * low) {
        return (low + high) / 2;
    }

    return low + (high - low) * (rank - before) / word[i];
}
