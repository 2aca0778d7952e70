/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The history of metrics in shared memory: the last hour in steps of 10 s, and
 * the last day in steps of 5 min.
 *
 * A track is the history of one subject, such as a route.  Large tracks have a
 * row for a percentile, and know the cells of a histogram as of the last point,
 * from which the percentile of a step is calculated; small ones have none.
 *
 * One process at a time writes.  All that it needs to go on is in the memory,
 * so that another one continues where it was killed: a point that it had not
 * completed is written again, and the next one covers the time since the last.
 * Others read at any time, and see that a track was given to another subject
 * meanwhile.
 *
 * Free of nginx.
 */

#ifndef GW_HISTORY_H_INCLUDED
#define GW_HISTORY_H_INCLUDED

#include <stddef.h>

#include "gw_cells.h"


#define GW_HISTORY_STEPS   2
#define GW_HISTORY_TEXT    288      /* bytes of the labels of a subject */


typedef enum {
    GW_HISTORY_RATE = 0,            /* per second */
    GW_HISTORY_ERRORS,              /* per second */
    GW_HISTORY_P99,                 /* s; of large tracks only */
    GW_HISTORY_P50,
    GW_HISTORY_ROWS
} gw_history_row_e;


typedef struct {
    unsigned              step;     /* s */
    unsigned              points;   /* that are kept */
} gw_history_step_t;

extern const gw_history_step_t  gw_history_steps[GW_HISTORY_STEPS];


typedef struct gw_history_head_s   gw_history_head_t;
typedef struct gw_history_track_s  gw_history_track_t;


/* of a process */

typedef struct {
    gw_history_head_t    *head;
    unsigned              large;    /* tracks, the first ones */
    unsigned              tracks;   /* all */
} gw_history_t;


/* the size for so many tracks, with "cells" cells of a histogram */
size_t gw_history_size(unsigned cells, unsigned large, unsigned small);

/*
 * Opens the memory, which is zeroed at first, aligned to 8 bytes, and
 * initialized by the first call with "make".  The memory has tracks in the
 * proportion of "large" to "small".  0: it is not initialized, is too small, or
 * is for another number of cells.
 */
int gw_history_open(gw_history_t *history, void *memory, size_t size,
    unsigned cells, unsigned large, unsigned small, int make);


/* For the process that writes. */

/*
 * The track of a subject, known by a key that is not 0.  A new subject takes a
 * free track, or the one that was written to last before "now" - 10 min.
 * NULL: there is none.  "text" has "len" bytes, up to GW_HISTORY_TEXT.
 */
gw_history_track_t *gw_history_track(gw_history_t *history, unsigned large,
    uint64_t key, unsigned kind, const unsigned char *text, size_t len,
    uint64_t now);

/*
 * Writes the points that are complete at "now", a time in s; "ms" is the time
 * of a clock that is never set, for all processes.  "count" and "errors" are
 * totals.  "word" is the histogram of the track with "cells"; NULL: it has
 * none, or is small.
 */
void gw_history_write(gw_history_t *history, gw_history_track_t *track,
    uint64_t now, uint64_t ms, uint64_t count, uint64_t errors,
    const gw_cells_t *cells, const uint64_t *word);

/*
 * The mean of a row's newest "n" points of 10 s; those without a value count as
 * 0.  -1: none has a value.
 */
double gw_history_mean(gw_history_t *history, gw_history_track_t *track,
    gw_history_row_e row, unsigned n);


/* For all processes. */

typedef struct {
    uint64_t              key;
    unsigned              kind;
    unsigned              rows;
    size_t                len;
    unsigned char         text[GW_HISTORY_TEXT];
} gw_history_subject_t;

/* the subject of track "i"; 0: the track is free */
int gw_history_subject(gw_history_t *history, unsigned i,
    gw_history_subject_t *subject);

/*
 * Copies the points of a row that begin at "since" or later, up to the newest
 * one.  "points" has room for all.  NaN: no data.  Returns their number, and
 * sets "start" to the time of the first.  0: there are none, or the track has
 * another subject now.
 */
unsigned gw_history_read(gw_history_t *history, unsigned i,
    const gw_history_subject_t *subject, gw_history_row_e row, unsigned step,
    uint64_t since, float *points, uint64_t *start);


#endif /* GW_HISTORY_H_INCLUDED */
