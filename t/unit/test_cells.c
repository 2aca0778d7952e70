/* SPDX-License-Identifier: BSD-2-Clause */

/* histograms: cells, buckets and percentiles */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gw_cells.h"
#include "tap.h"


#define MS  1000000ULL


static const uint64_t  otel[] = {
    5 * MS, 10 * MS, 25 * MS, 50 * MS, 75 * MS, 100 * MS, 250 * MS, 500 * MS,
    750 * MS, 1000 * MS, 2500 * MS, 5000 * MS, 7500 * MS, 10000 * MS
};

static gw_cells_t  cells;
static uint64_t    seed = 88172645463325252ULL;


static uint64_t
next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return seed;
}


/* from 1 us to 4096 s, evenly in the exponent */

static uint64_t
duration(void)
{
    return (uint64_t) (1000 * exp2((double) (next() % 1000000) / 1000000
                                   * 31.93));
}


/* the index by a comparison with all bounds */

static unsigned
slow(uint64_t value)
{
    unsigned  i;

    for (i = 0; i < cells.n - 1 && value > cells.bound[i]; i++) { /* void */ }

    return i;
}


static void
check_index(const char *what)
{
    unsigned  i, wrong;
    uint64_t  value;

    for (i = 0, wrong = 0; i < cells.n - 1; i++) {
        wrong += (gw_cells_index(&cells, cells.bound[i]) != i);
        wrong += (gw_cells_index(&cells, cells.bound[i] + 1) != i + 1);
    }

    for (i = 0; i < 200000; i++) {
        value = next() >> next() % 64;
        wrong += (gw_cells_index(&cells, value) != slow(value));
    }

    wrong += (gw_cells_index(&cells, 0) != 0);
    wrong += (gw_cells_index(&cells, UINT64_MAX) != cells.n - 1);

    is_int(wrong, 0, "%s: each value is in its cell", what);
}


static void
test_bounds(void)
{
    unsigned  i, wide, order;
    uint64_t  far[3] = { 3, 1000, 9000000000000ULL }, thirty[30];

    gw_cells_durations(&cells, otel, 14);
    check_index("durations");

    for (i = 1, wide = order = 0; i < cells.n - 1; i++) {
        order += (cells.bound[i] <= cells.bound[i - 1]);
        wide += (cells.bound[i] > 1.092 * cells.bound[i - 1]);
    }

    is_int(order, 0, "bounds ascend");
    is_int(wide, 0, "no cell is wider than 2^(1/8), in whole ns");
    is_int(cells.bound[0], 1000, "the first bound is 1 us");
    is_int(cells.bound[cells.n - 2], 4096000000000, "the last is 4096 s");
    ok(cells.n + 1 < GW_CELLS_MAX, "%u cells", cells.n);

    gw_cells_durations(&cells, far, 3);
    check_index("buckets outside");
    is_int(cells.bound[0], 3, "a bucket of 3 ns");
    is_int(cells.bound[cells.n - 2], 9000000000000, "a bucket of 9000 s");

    for (i = 0; i < 30; i++) {
        thirty[i] = 100000000 + i * 1000;
    }

    gw_cells_durations(&cells, thirty, 30);
    check_index("30 buckets in a cell");
    ok(cells.n + 1 < GW_CELLS_MAX, "%u cells with 30 buckets", cells.n);

    gw_cells_sizes(&cells);
    check_index("sizes");
    is_int(cells.nbuckets, 13, "13 sizes");
    is_int(cells.bucket[0], 64, "from 64 bytes");
    is_int(cells.bucket[12], 1073741824, "to 1 GB");
    is_int(gw_cells_index(&cells, 64), 0, "64 bytes are in the first");
    is_int(gw_cells_index(&cells, 65), 1, "65 bytes are not");
}


static int
compare(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


/* counts at the buckets are exact, percentiles within 5 % */

static void
test_values(void)
{
    static const double  q[] = { 0.01, 0.5, 0.9, 0.99, 0.999, 1 };

    unsigned   i, k, n, wrong, off, round;
    uint64_t   word[GW_CELLS_MAX], counts[GW_CELLS_BUCKETS + 1];
    uint64_t  *value, exact, center;
    double     got, want;

    gw_cells_durations(&cells, otel, 14);

    value = malloc(10000 * sizeof(uint64_t));
    wrong = off = 0;

    for (round = 0; round < 60; round++) {
        memset(word, 0, sizeof(word));
        n = 1 + next() % 10000;
        center = duration();

        for (i = 0; i < n; i++) {
            value[i] = round % 3 == 0 ? duration()
                       : round % 3 == 1 ? center
                       : otel[next() % 14] + next() % 2;
            word[gw_cells_index(&cells, value[i])]++;
            word[cells.n] += value[i];
        }

        qsort(value, n, sizeof(uint64_t), compare);

        wrong += (gw_cells_counts(&cells, word, counts) != n);
        wrong += (gw_cells_count(&cells, word) != n);
        wrong += (counts[14] != n);

        for (k = 0; k < 14; k++) {
            for (i = 0, exact = 0; i < n; i++) {
                exact += (value[i] <= otel[k]);
            }

            wrong += (counts[k] != exact);
        }

        for (k = 0; k < 6; k++) {
            got = gw_cells_percentile(&cells, word, q[k]);
            want = value[(unsigned) ceil(q[k] * n) - 1];
            off += (fabs(got - want) > 0.05 * want);
        }
    }

    free(value);

    is_int(wrong, 0, "counts at the buckets are exact");
    is_int(off, 0, "percentiles are within 5 %%");

    memset(word, 0, sizeof(word));
    ok(gw_cells_percentile(&cells, word, 0.5) == -1, "no values");

    word[cells.n - 1] = 1;
    ok(gw_cells_percentile(&cells, word, 0.5) == 4096e9,
       "a value above all bounds");
}


int
main(void)
{
    test_bounds();
    test_values();

    return done_testing();
}
