/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A model of the store of series: its own sources, compiled so that another
 * process can run before each access to shared memory, or this one is killed.
 *
 * For each access of an operation in turn: the operation is interrupted there
 * by operations of another process, and continued; and it is interrupted there
 * and never continued.
 */

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"


static void model_access(void);

#define gw_series_touch   model_access

#define gw_series_cells    model_cells
#define gw_series_size     model_size
#define gw_series_init     model_init
#define gw_series_open     model_open
#define gw_series_conf     model_conf
#define gw_series_take     model_take
#define gw_series_family   model_family
#define gw_series_find     model_find
#define gw_series_words    model_words
#define gw_series_asked    model_asked
#define gw_series_ending   model_ending
#define gw_series_keep     model_keep
#define gw_series_ack      model_ack
#define gw_series_word     model_word
#define gw_series_born     model_born
#define gw_series_live     model_live
#define gw_series_next     model_next
#define gw_series_sum      model_sum
#define gw_series_rows     model_rows
#define gw_series_end      model_end
#define gw_series_step     model_step
#define gw_series_used     model_used
#define gw_series_target   model_target

#include "../../modules/core/gw_series_init.c"
#include "../../modules/core/gw_series.c"
#include "../../modules/core/gw_series_read.c"
#include "../../modules/core/gw_series_end.c"


#define NEVER  1000000
#define NODES  16

#define A      11
#define B      12
#define UP     13


static void        *memory;
static size_t       size;
static gw_series_t  a, b, up;
static uint64_t     killed;         /* process */
static uint64_t     now;
static uint16_t     id;             /* of the family */

static int          left = -1;      /* accesses until the interruption */
static int          dies;
static void       (*other)(void);
static jmp_buf      grave;


static void
model_access(void)
{
    if (left < 0 || left-- > 0) {
        return;
    }

    if (dies) {
        longjmp(grave, 1);
    }

    other();
}


static int
gone(void *data, uint64_t process)
{
    (void) data;

    return process == killed;
}


static uint32_t
find(gw_series_t *s, const char *label)
{
    gw_text_t         text = { strlen(label), (const unsigned char *) label };
    gw_series_name_t  name = {
        "consumer", id, GW_SERIES_STRIPED, 8, 1, &text,
        strcmp(label, "__other__") == 0, 1, strcmp(label, "__other__") == 0
    };

    return gw_series_find(s, &name);
}


static void
count(gw_series_t *s, uint32_t node)
{
    if (node == 0) {
        abort();
    }

    (void) __atomic_fetch_add(gw_series_words(s, node), 1, __ATOMIC_RELAXED);
}


static void
acks(gw_series_t *s)
{
    uint64_t  epoch;

    if (gw_series_asked(s, &epoch)) {
        gw_series_ack(s, epoch);
    }
}


static void
pass(gw_series_t *s)
{
    uint32_t  at = 0;

    while (!gw_series_step(s, &at, 4, ++now, NEVER, gone, NULL)) { /* void */ }
}


/* a zone with "__other__", and processes with places */

static void
begin(void)
{
    uint64_t          secret[2] = { 3, 4 };
    gw_series_room_t  need = { NODES, NODES * 16, NODES * 16, 0 };

    left = -1;
    killed = 0;
    size = gw_series_size(&need, 2);

    free(memory);
    memory = aligned_alloc(64, (size + 63) / 64 * 64);
    memset(memory, 0, size);

    if (!gw_series_init(memory, size, &need, 2, 8, secret)) {
        abort();
    }

    gw_series_open(&a, memory);
    gw_series_open(&b, memory);
    gw_series_open(&up, memory);

    if (!gw_series_take(&a, A, 1, gone, NULL)
        || !gw_series_take(&b, B, 1, gone, NULL)
        || !gw_series_take(&up, UP, 1, gone, NULL))
    {
        abort();
    }

    id = gw_series_family(&a, "consumer", 8);
    (void) find(&a, "__other__");
}


/* all events; "*series": those with the label "x", which are at most one */

static uint64_t
total(unsigned *series)
{
    size_t           i, n;
    uint64_t         sum;
    gw_series_row_t  row[NODES * 2];

    n = gw_series_rows(&up, id, UINT64_MAX, row, NODES * 2);
    *series = 0;

    for (i = 0, sum = 0; i < n; i++) {
        sum += row[i].sum[0];
        *series += row[i].found.text[0] == 1 && row[i].found.text[1] == 'x';
    }

    return sum;
}


/* how many series there is room for, besides those that exist */

static unsigned
room(gw_series_t *s)
{
    char      label[16];
    unsigned  i;

    for (i = 0; i < NODES * 4; i++) {
        sprintf(label, "%u", i);

        if (find(s, label) == 0) {
            break;
        }
    }

    return i;
}


/*
 * Runs "op" once for each access, interrupted there.  "check" is called after
 * each run, with whether "op" was killed, and returns 0 if something is wrong.
 */

static void
each(const char *name, void (*prepare)(void), void (*op)(void),
    void (*interrupt)(void), int (*check)(void))
{
    static int  k, wrong, over;     /* longjmp() keeps them */

    for (k = 0, wrong = over = 0; !over; k++) {
        begin();
        prepare();

        dies = (interrupt == NULL);
        other = interrupt;
        left = k;

        if (setjmp(grave) == 0) {
            op();
            over = (left >= 0);

        } else {
            killed = a.self;
        }

        left = -1;

        if (!check()) {
            wrong++;
            note("%s: wrong at access %d", name, k);
        }
    }

    ok(wrong == 0 && k > 3, "%s: %d accesses", name, k);
}


static int  expected;               /* events */


static void
nothing(void)
{
    expected = 0;
}


static void
a_counts(void)
{
    count(&a, find(&a, "x"));
    expected++;
}


static void
b_counts(void)
{
    count(&b, find(&b, "x"));
    expected++;
}


static int
one_series(void)
{
    unsigned  series;

    return total(&series) == (uint64_t) expected && series == 1;
}


/* after a kill, the next process counts, and nothing half made is left */

static int
goes_on(void)
{
    unsigned  series, free;

    b_counts();

    if (total(&series) - expected > 1 || series != 1) {
        return 0;
    }

    acks(&b);
    acks(&up);
    pass(&up);

    /* the room for at most one series is lost */

    free = room(&b);

    return one_series() && free + 3 >= up.room.nodes
           && free + 2 <= up.room.nodes;
}


/* a node that was free is free again */

static int
goes_on_free(void)
{
    return goes_on() && room(&b) + 2 == up.room.nodes;
}


/* "x" has an event, and is about to end: the next pass may move it on */

static void
ending(void)
{
    gw_series_found_t  found;

    expected = 0;
    a_counts();

    (void) gw_series_next(&up, id, 1, UINT64_MAX, &found);

    if (!gw_series_end(&up, found.node, found.key)) {
        abort();
    }

    acks(&a);
    acks(&b);
    acks(&up);
}


/* "x" has ended; its node is not yet free */

static void
retired(void)
{
    ending();
    pass(&up);
    acks(&a);
    acks(&b);
    acks(&up);
}


static void
freed(void)
{
    retired();
    pass(&up);
}


static void
up_passes(void)
{
    pass(&up);
    acks(&b);
    acks(&up);
    pass(&up);
    acks(&b);
    acks(&up);
    pass(&up);
}


static void
a_passes(void)
{
    acks(&a);
    pass(&a);
}


static int
exact(void)
{
    unsigned  series;

    return total(&series) == (uint64_t) expected && series <= 1;
}


/* the next upkeep completes what a killed one began */

static int
completes(void)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        if (!exact()) {
            return 0;
        }

        if (killed == 0) {
            acks(&a);
        }

        acks(&b);
        acks(&up);
        pass(&up);
    }

    b_counts();

    return one_series() && room(&b) + 2 >= up.room.nodes;
}


static uint64_t  seen;


static void
a_reads(void)
{
    unsigned         i;
    size_t           n;
    gw_series_row_t  row[NODES * 2];

    n = gw_series_rows(&a, id, UINT64_MAX, row, NODES * 2);

    for (i = 0, seen = 0; i < n; i++) {
        seen += row[i].sum[0];
    }
}


static int
read_all(void)
{
    return seen == (uint64_t) expected && exact();
}


int
main(void)
{
    each("two make a series", nothing, a_counts, b_counts, one_series);
    each("two count a series that ends", ending, a_counts, b_counts,
         one_series);
    each("two make a series again", retired, a_counts, b_counts, one_series);
    each("two make it in a free node", freed, a_counts, b_counts, one_series);

    each("a series ends while it is counted", ending, a_counts, up_passes,
         one_series);
    each("its node is freed while it is made", retired, a_counts, up_passes,
         one_series);
    each("it is counted while it ends", ending, a_passes, b_counts, exact);
    each("it is made while its node is freed", retired, a_passes, b_counts,
         exact);

    each("a process that makes a series is killed", nothing, a_counts, NULL,
         goes_on);
    each("in a free node", freed, a_counts, NULL, goes_on_free);

    each("an upkeep is killed that ends a series", ending, a_passes, NULL,
         completes);
    each("that frees a node", retired, a_passes, NULL, completes);

    each("a series is folded while it is read", ending, a_reads, up_passes,
         read_all);
    each("a node is freed while it is read", retired, a_reads, up_passes,
         read_all);

    free(memory);

    return done_testing();
}
