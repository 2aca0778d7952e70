/* SPDX-License-Identifier: BSD-2-Clause */

#include <math.h>
#include <string.h>

#include "gw_history.h"


#define GW_HISTORY_MAGIC   0x67772d686973746fULL
#define GW_HISTORY_IDLE    600      /* s, until a track can be given away */
#define GW_HISTORY_GAP     6        /* missed points that get the mean of the
                                       time that they were missed in */

#define gw_history_load(p)          __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gw_history_store(p, value)  __atomic_store_n(p, value, __ATOMIC_SEQ_CST)


/* what was written last, for a step */

typedef struct {
    uint64_t              first;    /* number of the oldest point */
    uint64_t              at;       /* of the newest; 0: none */
    uint64_t              ms;       /* when the totals were read */
    uint64_t              count;
    uint64_t              errors;
} gw_history_last_t;


struct gw_history_track_s {
    uint64_t              version;  /* odd: is being given away */
    uint64_t              seen;     /* s, of the last write */
    uint64_t              kind;
    uint64_t              len;
    unsigned char         text[GW_HISTORY_TEXT];
    gw_history_last_t     last[GW_HISTORY_STEPS];
};


struct gw_history_head_s {
    uint64_t              magic;    /* the last that is set */
    uint64_t              cells;
    uint64_t              large;
    uint64_t              small;

    /* followed by the keys and the tracks, each with its rows and cells */
};


const gw_history_step_t  gw_history_steps[GW_HISTORY_STEPS] = {
    { 10, 360 },
    { 300, 288 }
};


static size_t gw_history_bytes(unsigned cells, unsigned large);
static uint64_t *gw_history_keys(gw_history_t *history);
static gw_history_track_t *gw_history_at(gw_history_t *history, unsigned i);
static float *gw_history_row(gw_history_track_t *track, gw_history_row_e row,
    unsigned step, unsigned rows);
static uint32_t *gw_history_cells(gw_history_track_t *track, unsigned step,
    unsigned cells);
static void gw_history_give(gw_history_t *history, unsigned i, uint64_t key,
    unsigned kind, const unsigned char *text, size_t len, uint64_t now);
static void gw_history_begin(gw_history_track_t *track, uint64_t now,
    uint64_t ms);
static void gw_history_point(gw_history_t *history, gw_history_track_t *track,
    unsigned step, uint64_t at, const float *values);
static void gw_history_percentiles(const gw_cells_t *cells,
    const uint64_t *word, uint32_t *last, float *values);


/* the rows of a track */
#define gw_history_rows(large)  ((large) ? GW_HISTORY_ROWS : GW_HISTORY_P99)

#define gw_history_large(history, track)                                      \
    ((track) < gw_history_at(history, (history)->large))


static size_t
gw_history_bytes(unsigned cells, unsigned large)
{
    size_t    size;
    unsigned  i;

    size = 0;

    for (i = 0; i < GW_HISTORY_STEPS; i++) {
        size += gw_history_rows(large) * gw_history_steps[i].points
                * sizeof(float);

        if (large) {
            size += cells * sizeof(uint32_t);
        }
    }

    return sizeof(gw_history_track_t) + ((size + 7) & ~(size_t) 7);
}


size_t
gw_history_size(unsigned cells, unsigned large, unsigned small)
{
    return sizeof(gw_history_head_t)
           + large * (gw_history_bytes(cells, 1) + sizeof(uint64_t))
           + small * (gw_history_bytes(cells, 0) + sizeof(uint64_t));
}


int
gw_history_open(gw_history_t *history, void *memory, size_t size,
    unsigned cells, unsigned large, unsigned small, int make)
{
    size_t              need;
    uint64_t            more;
    gw_history_head_t  *head;

    head = memory;

    if (head == NULL || size < sizeof(gw_history_head_t)) {
        return 0;
    }

    if (gw_history_load(&head->magic) != GW_HISTORY_MAGIC) {

        if (!make || large + small == 0) {
            return 0;
        }

        /* as many times what is needed as there is room for, in 1/1024 */

        need = gw_history_size(cells, large, small);
        more = (uint64_t) size * 1024 / need;

        head->cells = cells;
        head->large = large * more / 1024;
        head->small = small * more / 1024;

        while (gw_history_size(cells, (unsigned) head->large,
                               (unsigned) head->small) > size)
        {
            if (head->small) {
                head->small--;

            } else if (head->large) {
                head->large--;

            } else {
                return 0;
            }
        }

        gw_history_store(&head->magic, GW_HISTORY_MAGIC);
    }

    if (head->cells != cells
        || gw_history_size(cells, (unsigned) head->large,
                           (unsigned) head->small) > size)
    {
        return 0;
    }

    history->head = head;
    history->large = (unsigned) head->large;
    history->tracks = (unsigned) (head->large + head->small);

    return 1;
}


static uint64_t *
gw_history_keys(gw_history_t *history)
{
    return (uint64_t *) (history->head + 1);
}


static gw_history_track_t *
gw_history_at(gw_history_t *history, unsigned i)
{
    unsigned        large, cells;
    unsigned char  *p;

    p = (unsigned char *) (gw_history_keys(history) + history->tracks);
    cells = (unsigned) history->head->cells;
    large = i < history->large ? i : history->large;

    p += large * gw_history_bytes(cells, 1)
         + (i - large) * gw_history_bytes(cells, 0);

    return (gw_history_track_t *) (void *) p;
}


/* the points of a step's rows are together, then come those of the next step */

static float *
gw_history_row(gw_history_track_t *track, gw_history_row_e row, unsigned step,
    unsigned rows)
{
    float  *p;

    p = (float *) (void *) (track + 1);

    if (step) {
        p += rows * gw_history_steps[0].points;
    }

    return p + row * gw_history_steps[step].points;
}


static uint32_t *
gw_history_cells(gw_history_track_t *track, unsigned step, unsigned cells)
{
    float  *end;

    end = gw_history_row(track, GW_HISTORY_ROWS, GW_HISTORY_STEPS - 1,
                         GW_HISTORY_ROWS);

    return (uint32_t *) (void *) end + step * cells;
}


gw_history_track_t *
gw_history_track(gw_history_t *history, unsigned large, uint64_t key,
    unsigned kind, const unsigned char *text, size_t len, uint64_t now)
{
    unsigned             i, from, to, chosen;
    uint64_t            *keys, seen, oldest;
    gw_history_track_t  *track;

    from = large ? 0 : history->large;
    to = large ? history->large : history->tracks;
    keys = gw_history_keys(history);

    for (i = from; i < to; i++) {
        if (keys[i] == key) {
            track = gw_history_at(history, i);

            /* a process was killed while it gave the track to this subject */

            if (track->version & 1) {
                gw_history_give(history, i, key, kind, text, len, now);
            }

            return track;
        }
    }

    chosen = to;
    oldest = now < GW_HISTORY_IDLE ? 0 : now - GW_HISTORY_IDLE;

    for (i = from; i < to; i++) {

        seen = keys[i] ? gw_history_at(history, i)->seen : 0;

        /* a time in the future was written under a clock that was set back */

        if (seen > now + GW_HISTORY_IDLE) {
            seen = 1;
        }

        if (seen < oldest || seen == 0) {
            chosen = i;
            oldest = seen;

            if (seen == 0) {
                break;
            }
        }
    }

    if (chosen == to) {
        return NULL;
    }

    gw_history_give(history, chosen, key, kind, text, len, now);

    return gw_history_at(history, chosen);
}


static void
gw_history_give(gw_history_t *history, unsigned i, uint64_t key, unsigned kind,
    const unsigned char *text, size_t len, uint64_t now)
{
    size_t               body;
    uint64_t             version;
    gw_history_track_t  *track;

    track = gw_history_at(history, i);
    version = track->version | 1;
    len = len < GW_HISTORY_TEXT ? len : GW_HISTORY_TEXT;

    gw_history_store(&track->version, version);

    gw_history_store(&gw_history_keys(history)[i], key);

    body = gw_history_bytes((unsigned) history->head->cells,
                            i < history->large)
           - offsetof(gw_history_track_t, seen);
    memset(&track->seen, 0, body);

    track->kind = kind;
    track->len = len;
    memcpy(track->text, text, len);
    track->seen = now;

    gw_history_store(&track->version, version + 1);
}


/*
 * The first time that a subject is seen, it is new: its totals were 0 a step
 * ago.  The first point of 5 min is shorter.
 */

static void
gw_history_begin(gw_history_track_t *track, uint64_t now, uint64_t ms)
{
    unsigned            i;
    gw_history_last_t  *last;

    for (i = 0; i < GW_HISTORY_STEPS; i++) {
        last = &track->last[i];

        last->at = now / gw_history_steps[i].step - (i == 0 ? 2 : 1);
        last->first = last->at + 1;
        last->ms = ms - gw_history_steps[0].step * 1000;
    }
}


void
gw_history_write(gw_history_t *history, gw_history_track_t *track,
    uint64_t now, uint64_t ms, uint64_t count, uint64_t errors,
    const gw_cells_t *cells, const uint64_t *word)
{
    float               values[GW_HISTORY_ROWS];
    double              s;
    unsigned            i, fell;
    uint64_t            at;
    uint32_t           *known;
    gw_history_last_t  *last;

    if (track->last[0].at == 0) {
        gw_history_begin(track, now, ms);
    }

    for (i = 0; i < GW_HISTORY_STEPS; i++) {

        last = &track->last[i];
        at = now / gw_history_steps[i].step - 1;

        if (at + 1 < last->at) {

            /* the clock was set back: go on from there */

            last->at = at - 1;
            last->first = last->first < at ? last->first : at;
        }

        if (at <= last->at || ms <= last->ms) {
            continue;
        }

        /* a total falls when a series has ended: what was counted is unknown */

        s = (double) (ms - last->ms) / 1000;
        fell = count < last->count || errors < last->errors;

        values[GW_HISTORY_RATE] = fell ? NAN
            : (float) ((double) (count - last->count) / s);
        values[GW_HISTORY_ERRORS] = fell ? NAN
            : (float) ((double) (errors - last->errors) / s);
        values[GW_HISTORY_P99] = NAN;
        values[GW_HISTORY_P50] = NAN;

        if (word && gw_history_large(history, track)) {
            known = gw_history_cells(track, i,
                                     (unsigned) history->head->cells);
            gw_history_percentiles(cells, word, known, values);
        }

        gw_history_point(history, track, i, at, values);

        last->ms = ms;
        last->count = count;
        last->errors = errors;
    }

    track->seen = now;
}


/* stores a point, and what was missed since the last one */

static void
gw_history_point(gw_history_t *history, gw_history_track_t *track,
    unsigned step, uint64_t at, const float *values)
{
    float              *ring;
    unsigned            row, rows, points;
    uint64_t            i, missed;
    gw_history_last_t  *last;

    last = &track->last[step];
    points = gw_history_steps[step].points;
    rows = gw_history_rows(gw_history_large(history, track));
    missed = at - last->at - 1;

    for (row = 0; row < rows; row++) {
        ring = gw_history_row(track, row, step, rows);

        for (i = missed < points ? missed : points - 1; i > 0; i--) {
            ring[(at - i) % points] =
                (missed <= GW_HISTORY_GAP && row <= GW_HISTORY_ERRORS)
                ? values[row] : NAN;
        }

        ring[at % points] = values[row];
    }

    gw_history_store(&last->at, at);
}


/* the differences of cells that count modulo 2^32 are exact */

static void
gw_history_percentiles(const gw_cells_t *cells, const uint64_t *word,
    uint32_t *last, float *values)
{
    double    p99, p50;
    unsigned  i;
    uint64_t  window[GW_CELLS_MAX];

    for (i = 0; i < cells->n; i++) {
        window[i] = (uint32_t) (word[i] - last[i]);
        last[i] = (uint32_t) word[i];

        if (window[i] > INT32_MAX) {
            window[i] = 0;                  /* a series has ended */
        }
    }

    window[cells->n] = 0;

    p99 = gw_cells_percentile(cells, window, 0.99);
    p50 = gw_cells_percentile(cells, window, 0.5);

    /* ns */

    values[GW_HISTORY_P99] = p99 < 0 ? NAN : (float) (p99 / 1e9);
    values[GW_HISTORY_P50] = p50 < 0 ? NAN : (float) (p50 / 1e9);
}


double
gw_history_mean(gw_history_t *history, gw_history_track_t *track,
    gw_history_row_e row, unsigned n)
{
    float              *ring;
    double              sum;
    unsigned            i, found, rows, points;
    uint64_t            at;
    gw_history_last_t  *last;

    last = &track->last[0];
    rows = gw_history_rows(gw_history_large(history, track));
    points = gw_history_steps[0].points;

    if (last->at == 0 || row >= rows) {
        return -1;
    }

    ring = gw_history_row(track, row, 0, rows);
    sum = 0;
    found = 0;

    for (at = last->at, i = 0; i < n && at >= last->first; at--, i++) {
        if (!isnan(ring[at % points])) {
            sum += ring[at % points];
            found++;
        }
    }

    return found ? sum / n : -1;
}


int
gw_history_subject(gw_history_t *history, unsigned i,
    gw_history_subject_t *subject)
{
    uint64_t             version;
    gw_history_track_t  *track;

    track = gw_history_at(history, i);
    version = gw_history_load(&track->version);
    subject->key = gw_history_load(&gw_history_keys(history)[i]);

    if (subject->key == 0 || (version & 1)) {
        return 0;
    }

    subject->kind = (unsigned) track->kind;
    subject->rows = gw_history_rows(i < history->large);
    subject->len = (size_t) track->len;

    if (subject->len > GW_HISTORY_TEXT) {
        return 0;
    }

    memcpy(subject->text, track->text, subject->len);

    return gw_history_load(&track->version) == version;
}


unsigned
gw_history_read(gw_history_t *history, unsigned i,
    const gw_history_subject_t *subject, gw_history_row_e row, unsigned step,
    uint64_t since, float *points, uint64_t *start)
{
    float               *ring;
    unsigned             n, size, seconds;
    uint64_t             at, first, version;
    gw_history_last_t   *last;
    gw_history_track_t  *track;

    track = gw_history_at(history, i);
    version = gw_history_load(&track->version);
    last = &track->last[step];
    at = gw_history_load(&last->at);
    first = last->first;

    size = gw_history_steps[step].points;
    seconds = gw_history_steps[step].step;

    if (at >= size && first < at - size + 1) {
        first = at - size + 1;
    }

    if (first < (since + seconds - 1) / seconds) {
        first = (since + seconds - 1) / seconds;
    }

    if (at == 0 || first > at || row >= subject->rows) {
        return 0;
    }

    ring = gw_history_row(track, row, step, subject->rows);

    for (n = 0; first + n <= at; n++) {
        points[n] = ring[(first + n) % size];
    }

    *start = first * seconds;

    return (gw_history_load(&track->version) == version && !(version & 1)
            && gw_history_load(&gw_history_keys(history)[i]) == subject->key)
           ? n : 0;
}
