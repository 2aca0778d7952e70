/* SPDX-License-Identifier: BSD-2-Clause */

/* the history of metrics: points, gaps, clocks that are set, given tracks */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gw_history.h"
#include "tap.h"


#define MS     1000000ULL
#define START  1764500000ULL        /* a multiple of 10 */


static gw_cells_t      cells;
static gw_history_t    history;
static unsigned char  *memory;
static size_t          size;
static uint64_t        ms;
static float           points[360];


static void
make(unsigned large, unsigned small)
{
    static const uint64_t  buckets[] = { 10 * MS, 100 * MS, 1000 * MS };

    gw_cells_durations(&cells, buckets, 3);

    free(memory);
    size = gw_history_size(GW_CELLS_MAX, large, small);
    memory = calloc(1, size);
    ms = 5000000;

    ok(!gw_history_open(&history, memory, size, GW_CELLS_MAX, large, small, 0),
       "a history that nobody has made is not opened");
    ok(gw_history_open(&history, memory, size, GW_CELLS_MAX, large, small, 1),
       "it is made");
    ok(history.large == large && history.tracks == large + small,
       "it has the tracks that it was sized for");
}


static void
tick(unsigned large, uint64_t key, uint64_t now, uint64_t count,
    const uint64_t *word)
{
    gw_history_track_t  *track;

    track = gw_history_track(&history, large, key, 1,
                             (const unsigned char *) "\1a", 2, now);
    gw_history_write(&history, track, now, ms, count, count / 10, &cells, word);
}


/* the points of a subject's row */

static unsigned
row(uint64_t key, gw_history_row_e name, unsigned step, uint64_t since,
    uint64_t *start)
{
    unsigned              i;
    gw_history_subject_t  subject;

    for (i = 0; i < history.tracks; i++) {
        if (gw_history_subject(&history, i, &subject) && subject.key == key) {
            return gw_history_read(&history, i, &subject, name, step, since,
                                   points, start);
        }
    }

    return 0;
}


static void
check_points(void)
{
    unsigned  i, n;
    uint64_t  start;

    make(2, 2);

    for (i = 1; i <= 400; i++) {
        ms += 10000;
        tick(0, 7, START + i * 10, i * 100, NULL);
    }

    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 360, "an hour has 360 points");
    ok(start == START + 40 * 10, "the oldest ones are dropped");

    for (i = 0; i < n && points[i] == 10; i++) { /* void */ }

    ok(i == n, "each has the rate of its 10 s");

    n = row(7, GW_HISTORY_ERRORS, 0, START + 4000 - 30, &start);
    ok(n == 3 && start == START + 4000 - 30 && points[0] == 1,
       "points since a time are those that begin then or later");

    n = row(7, GW_HISTORY_RATE, 1, 0, &start);
    ok(n == (START + 4000) / 300 - START / 300 && start % 300 == 0, "steps of 5 min are whole ones");
    ok(points[n - 1] == 10, "with the rate of 5 min");

    ok(row(7, GW_HISTORY_P99, 0, 0, &start) == 0,
       "a small track has no percentile");
}


static void
check_gaps(void)
{
    unsigned  n;
    uint64_t  start;

    make(1, 1);

    ms += 10000;
    tick(0, 7, START + 10, 100, NULL);

    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 1 && points[0] == 10 && start == START,
       "a new subject has counted since a step ago");

    ms += 30000;
    tick(0, 7, START + 40, 400, NULL);

    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 4 && points[1] == 10 && points[2] == 10 && points[3] == 10,
       "a few missed points get the mean");

    ms += 600000;
    tick(0, 7, START + 640, 400, NULL);

    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 64 && isnan(points[4]) && isnan(points[62]) && points[63] == 0,
       "many have no value");

    tick(0, 7, START + 641, 500, NULL);
    ok(row(7, GW_HISTORY_RATE, 0, 0, &start) == 64,
       "a second look in a step writes nothing");

    ms += 10000;
    tick(0, 7, START + 650, 50, NULL);
    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(isnan(points[n - 1]), "a total that has fallen gives no value");
}


static void
check_clock(void)
{
    unsigned  n;
    uint64_t  start;

    make(1, 1);

    ms += 10000;
    tick(0, 7, START + 7200, 100, NULL);
    ms += 10000;
    tick(0, 7, START + 10, 200, NULL);

    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 1 && start == START && points[0] == 10,
       "a clock that was set back does not stop the history");

    ms += 10000;
    tick(0, 7, START + 20, 300, NULL);
    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 2 && points[1] == 10, "it goes on from there");

    ms += 10000;
    tick(0, 7, START + 86400, 400, NULL);
    n = row(7, GW_HISTORY_RATE, 0, 0, &start);
    ok(n == 360 && points[n - 1] == 10 && isnan(points[0]),
       "a clock that was set forward leaves a gap");
}


static void
check_percentiles(void)
{
    unsigned             i, n;
    uint64_t             start, word[GW_CELLS_MAX];
    gw_history_track_t  *track;

    make(1, 1);
    memset(word, 0, sizeof(word));

    for (i = 1; i <= 3; i++) {
        word[gw_cells_index(&cells, i * 50 * MS)] += 1000;
        ms += 10000;
        tick(1, 9, START + i * 10, i * 1000, word);
    }

    n = row(9, GW_HISTORY_P99, 0, 0, &start);
    ok(n == 3 && fabs(points[0] - 0.05) < 0.0025
       && fabs(points[1] - 0.1) < 0.005 && fabs(points[2] - 0.15) < 0.0075,
       "a percentile is that of its step alone");

    ms += 10000;
    tick(1, 9, START + 40, 3000, word);
    n = row(9, GW_HISTORY_P99, 0, 0, &start);
    ok(n == 4 && isnan(points[3]), "without requests there is none");

    track = gw_history_track(&history, 1, 9, 1, NULL, 0, START + 40);
    ok(fabs(gw_history_mean(&history, track, GW_HISTORY_RATE, 4) - 75) < 0.01,
       "the mean of the newest points");
    ok(gw_history_mean(&history, track, GW_HISTORY_P99, 1) == -1,
       "points without a value are in no mean");
}


static void
check_tracks(void)
{
    uint64_t              start;
    unsigned              i;
    gw_history_subject_t  subject;
    gw_history_track_t   *track;

    make(1, 2);

    ms += 10000;
    tick(0, 7, START + 10, 100, NULL);
    tick(0, 8, START + 10, 100, NULL);

    ok(gw_history_track(&history, 0, 9, 1, NULL, 0, START + 20) == NULL,
       "a track in use is not given away");

    ok(gw_history_subject(&history, 1, &subject) && subject.key == 7
       && subject.len == 2 && memcmp(subject.text, "\1a", 2) == 0,
       "a track knows its subject");

    tick(0, 8, START + 700, 100, NULL);
    track = gw_history_track(&history, 0, 9, 3, (const unsigned char *) "\1b",
                             2, START + 700);
    ok(track != NULL, "the one that was not written to for 10 min is");

    ok(row(7, GW_HISTORY_RATE, 0, 0, &start) == 0
       && gw_history_read(&history, 1, &subject, GW_HISTORY_RATE, 0, 0, points,
                          &start) == 0,
       "no point of the new subject is shown for the old one");

    ms += 10000;
    gw_history_write(&history, track, START + 710, ms, 50, 0, &cells, NULL);
    ok(row(9, GW_HISTORY_RATE, 0, 0, &start) == 1 && points[0] == 5,
       "the new one begins with its own points");

    /* a smaller configuration finds the same memory */

    ok(gw_history_open(&history, memory, size, GW_CELLS_MAX, 1, 1, 1)
       && history.tracks == 3, "another configuration keeps the tracks");

    for (i = 0; i < 3; i++) {
        ok(gw_history_subject(&history, i, &subject) == (i > 0),
           "track %u", i);
    }
}


int
main(void)
{
    check_points();
    check_gaps();
    check_clock();
    check_percentiles();
    check_tracks();

    free(memory);

    return done_testing();
}
