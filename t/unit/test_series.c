/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Series in shared memory: sums are exact and labels are never mixed up,
 * whatever process is killed, and whichever series end meanwhile.
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw_series.h"
#include "tap.h"


#define SIZE       (1 << 20)
#define STRIPES    4
#define GAUGES     64
#define PROCESSES  4096
#define KEYS       64
#define NEVER      1000000


/* shared by the processes of this test */

typedef struct {
    uint64_t   gone[PROCESSES];
    uint64_t   counted[PROCESSES];
    uint64_t   key[KEYS];           /* events by label */
    uint64_t   stop;
} world_t;


static void        *memory;
static world_t     *world;
static gw_series_t  series;         /* of the main thread */
static uint16_t     family, tops, other_family;
static uint64_t     self, now;


static int
gone(void *data, uint64_t process)
{
    (void) data;

    return __atomic_load_n(&world->gone[process], __ATOMIC_SEQ_CST) != 0;
}


static void *
shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);
    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


static void
opens(gw_series_t *s, uint64_t process)
{
    gw_series_open(s, memory);

    if (!gw_series_take(s, process, 1, gone, NULL)) {
        abort();
    }
}


static void
begin(size_t nodes, size_t cells)
{
    uint64_t          secret[2] = { 1, 2 };
    gw_series_room_t  need = { nodes, cells, nodes * 16, 4096 };

    memory = shared(gw_series_size(&need, STRIPES) + 4096);
    memset(world, 0, sizeof(world_t));

    if (!gw_series_init(memory, gw_series_size(&need, STRIPES), &need, STRIPES,
                        GAUGES, secret))
    {
        abort();
    }

    self = 1;
    opens(&series, self);
    (void) gw_series_conf(&series);

    family = gw_series_family(&series, "requests_total", 14);
    tops = gw_series_family(&series, "consumer", 8);
    other_family = gw_series_family(&series, "other_total", 11);
}


static uint32_t
find_in(gw_series_t *s, uint16_t id, const char *label, gw_series_name_t *n)
{
    gw_text_t  text = { strlen(label), (const unsigned char *) label };

    n->name = (id == family) ? "requests_total"
              : (id == tops) ? "consumer" : "other_total";
    n->family = id;
    n->nlabels = 1;
    n->labels = &text;

    if (n->cells == 0) {
        n->cells = (id == tops) ? 8 : 1;
    }

    n->folds = (id == tops);

    return gw_series_find(s, n);
}


static uint32_t
find(gw_series_t *s, uint16_t id, const char *label)
{
    gw_series_name_t  n = { .kind = GW_SERIES_STRIPED };

    return find_in(s, id, label, &n);
}


static uint32_t
find_other(gw_series_t *s)
{
    gw_series_name_t  n = { .other = 1, .named = 1 };

    return find_in(s, tops, "__other__", &n);
}


static void
add(gw_series_t *s, uint32_t node, uint64_t n)
{
    (void) __atomic_fetch_add(gw_series_words(s, node), n, __ATOMIC_RELAXED);
}


static uint64_t
sum_of(uint32_t node)
{
    uint64_t  sum, live[GAUGES / 64];

    gw_series_live(&series, live, gone, NULL);
    gw_series_sum(&series, node, live, &sum, 1);

    return sum;
}


static const char *
label_of(const gw_series_found_t *found)
{
    static char  text[256];

    memcpy(text, found->text + 1, *found->text);
    text[*found->text] = '\0';

    return text;
}


/* the label and sum of all series of a family, by label */

static unsigned
read_all(uint16_t id, uint64_t *sums, unsigned *twice)
{
    unsigned           n, k;
    uint32_t           at;
    gw_series_found_t  found;

    memset(sums, 0, KEYS * sizeof(uint64_t));
    *twice = 0;

    for (at = 0, n = 0;
         (at = gw_series_next(&series, id, at, UINT64_MAX, &found)) != 0;
         n++)
    {
        k = (unsigned) atoi(label_of(&found)) % KEYS;
        *twice += (sums[k] != 0);
        sums[k] += sum_of(at);
    }

    return n;
}


static unsigned
pass(uint64_t idle)
{
    uint32_t  at = 0;
    unsigned  n = 0;

    while (!gw_series_step(&series, &at, 3, ++now, idle, gone, NULL)) {
        n++;
    }

    return n;
}


/* what a process does in its timer, if it has nothing to forget */

static void
ack(gw_series_t *s)
{
    uint64_t  epoch;

    if (gw_series_asked(s, &epoch)) {
        gw_series_ack(s, epoch);
    }
}


static void
test_find(void)
{
    uint32_t           a, b, g, st;
    gw_series_t        second;
    gw_series_name_t   gauge = { .kind = GW_SERIES_GAUGE };
    gw_series_name_t   state = { .kind = GW_SERIES_STATE };
    gw_series_found_t  found;

    begin(100, 1000);
    opens(&second, 2);

    a = find(&series, family, "a");
    b = find(&series, family, "b");

    ok(a != 0 && b != 0 && a != b, "two labels, two series");
    is_int(find(&second, family, "a"), a, "another process finds it");
    ok(find(&series, other_family, "a") != a, "not in another family");

    add(&series, a, 3);
    add(&second, a, 4);
    is_int(sum_of(a), 7, "the sum of both");
    is_int(sum_of(b), 0, "the other one is 0");
    ok(gw_series_words(&series, a) != gw_series_words(&second, a),
       "each has its own cell");

    g = find_in(&series, other_family, "g", &gauge);
    add(&series, g, 2);
    add(&second, g, 5);
    is_int(sum_of(g), 7, "a gauge of both");
    add(&second, g, (uint64_t) -1);
    is_int(sum_of(g), 6, "one less");

    st = find_in(&series, other_family, "s", &state);
    __atomic_store_n(gw_series_words(&series, st), 5, __ATOMIC_RELAXED);
    __atomic_store_n(gw_series_words(&second, st), 9, __ATOMIC_RELAXED);
    is_int(sum_of(st), 9, "the last value of a state");

    world->gone[2] = 1;
    is_int(sum_of(g), 2, "a gone process holds nothing");
    is_int(sum_of(a), 7, "its counts stay");

    opens(&second, 3);
    is_int(sum_of(g), 2, "nor does the next process of the place");
    is_int(sum_of(a), 7, "which goes on counting");
    add(&second, a, 1);
    is_int(sum_of(a), 8, "one more");

    is_int(gw_series_next(&series, family, 0, UINT64_MAX, &found), a,
           "the first series of the family");
    is_str(label_of(&found), "a", "its label");
    is_int(gw_series_next(&series, family, a, UINT64_MAX, &found), b,
           "the second");
    is_int(gw_series_next(&series, family, b, UINT64_MAX, &found), 0,
           "no more");
    is_int(gw_series_next(&series, family, 0, 0, &found), 0,
           "none is older than the first");
}


static void
test_room(void)
{
    char              label[32];
    unsigned          i, n, wide, two;
    uint64_t          secret[2] = { 0, 0 };
    gw_series_t       second;
    gw_series_name_t  name = { .cells = 300 };
    gw_series_room_t  used, need = { 10, 10, 160, 0 };

    is_int(gw_series_init(NULL, gw_series_size(&need, 4) - 1, &need, 4, 64,
                          secret), 0, "a byte less is too small");

    memory = shared(4 << 20);
    is_int(gw_series_init(memory, 4 << 20, &need, 4, 64, secret), 1,
           "4 MB are not");
    gw_series_open(&second, memory);
    ok(gw_series_size(&second.room, 4) <= 4 << 20
       && gw_series_size(&second.room, 4) > (4 << 20) * 0.97,
       "all of it is used: %zu", gw_series_size(&second.room, 4));
    is_int(gw_series_find(&second, &name), 0, "without a place, no series");

    begin(100, 1000);
    (void) find_other(&series);

    for (i = 0, n = 0; i < 200; i++) {
        sprintf(label, "%u", i);
        n += (find(&series, family, label) != 0);
    }

    gw_series_used(&series, &used);
    is_int(n, used.nodes - 1, "all nodes but one are of the family");
    ok(used.nodes >= 100 && used.nodes <= series.room.nodes,
       "%zu nodes were used", used.nodes);
    is_int(find(&series, family, "199"), 0, "the last had no room");
    ok(find(&series, family, "5") != 0, "an earlier one is found");

    begin(100, 1000);

    for (i = 0, wide = two = 0; i < 5; i++) {
        sprintf(label, "%u", i);
        name.cells = 300;
        wide += (find_in(&series, family, label, &name) != 0);
        name.cells = 2;
        two += (find_in(&series, other_family, label, &name) != 0);
    }

    is_int(wide, 3, "three series of 300 cells");
    is_int(two, 5, "others still have room");
}


/* a series that nobody uses ends; its node is used again */

static void
test_end(void)
{
    char         label[32];
    unsigned     i, twice;
    uint32_t     a, b, named, again;
    uint64_t     epoch, sums[KEYS], key;
    gw_series_t  second;

    gw_series_found_t  found;
    gw_series_name_t   n = { .named = 1 };

    begin(64, 64);
    opens(&second, 2);

    a = find(&series, family, "1");
    b = find(&series, family, "2");
    named = find_in(&series, family, "3", &n);
    add(&series, a, 10);
    add(&series, b, 20);
    add(&series, named, 30);

    (void) gw_series_next(&series, family, 0, UINT64_MAX, &found);
    key = found.key;

    is_int(gw_series_end(&series, a, key + 1), 0, "another key: no end");
    is_int(gw_series_end(&series, a, key), 1, "it ends");
    is_int(gw_series_ending(&second, a), 1, "all processes see it");
    is_int(read_all(family, sums, &twice), 3, "it is still printed");
    is_int(gw_series_asked(&second, &epoch), 1, "and must forget it");

    is_int(find(&second, family, "1"), a, "one counts it again");
    is_int(gw_series_ending(&second, a), 0, "it lives");

    is_int(gw_series_end(&series, a, key), 1, "it ends again");
    ack(&series);
    (void) pass(NEVER);
    is_int(read_all(family, sums, &twice), 3,
           "it stays while one has not acknowledged");
    ack(&second);
    (void) pass(NEVER);
    is_int(read_all(family, sums, &twice), 2, "then it is gone");
    is_int(sums[1], 0, "with its counts");
    is_int(sums[2] + sums[3], 50, "others stay");

    again = find(&second, family, "1");
    ok(again != a && again != 0, "the same labels are a new series");
    is_int(sum_of(again), 0, "from 0");

    ack(&series);
    (void) pass(NEVER);
    ok(find(&second, family, "5") != a,
       "its node is not used while one can still walk over it");

    ack(&second);
    (void) pass(NEVER);

    is_int(find(&second, family, "4"), a, "the node is used again");
    is_int(sum_of(a), 0, "it begins with 0");
    (void) gw_series_next(&series, family, 0, UINT64_MAX, &found);
    is_str(label_of(&found), "4", "with the new label");

    /* idle series */

    (void) pass(10);
    now += 20;
    add(&series, again, 1);
    (void) pass(10);
    ack(&series);
    ack(&second);
    (void) pass(NEVER);
    is_int(read_all(family, sums, &twice), 2,
           "those without an event for a time end");
    is_int(sums[1], 1, "not the one with an event");
    is_int(sums[3], 30, "nor one that a configuration names");

    /* the room for 64 series serves thousands */

    for (i = 0; i < 2000; i++) {
        sprintf(label, "%u", 100 + i);
        a = find(&second, family, label);

        if (a == 0) {
            break;
        }

        add(&second, a, 1);
        now += 20;
        (void) pass(10);
        now += 20;
        (void) pass(10);
        ack(&series);
        ack(&second);
        (void) pass(10);
        ack(&series);
        ack(&second);
        (void) pass(10);
    }

    is_int(i, 2000, "2000 series one after the other have room");

    world->gone[2] = 1;
    (void) gw_series_end(&series, a, 0);
    ok(pass(NEVER) > 0, "a pass takes several steps");
}


/* totals of tops */

static uint64_t
total(uint64_t *at_other)
{
    size_t           i, k, n;
    uint64_t         sum;
    gw_series_row_t  row[512];

    n = gw_series_rows(&series, tops, UINT64_MAX, row, 512);
    *at_other = 0;

    for (i = 0, sum = 0; i < n; i++) {
        for (k = 0; k < GW_SERIES_FOLDED; k++) {
            sum += row[i].sum[k];

            if (row[i].found.other) {
                *at_other += row[i].sum[k];
            }
        }
    }

    return sum;
}


static void
test_fold(void)
{
    uint32_t           other, a;
    uint64_t           rest, *cells;
    gw_series_found_t  found;

    begin(64, 1000);
    other = find_other(&series);
    a = find(&series, tops, "1");
    cells = gw_series_words(&series, a);
    cells[0] = 5;
    cells[7] = 1000;
    gw_series_words(&series, other)[1] = 7;

    is_int(total(&rest), 1012, "the total");
    is_int(rest, 7, "of the rest");

    is_int(gw_series_end(&series, other, 0), 0, "the rest does not end");

    (void) gw_series_next(&series, tops, other, UINT64_MAX, &found);
    is_int(gw_series_end(&series, a, found.key), 1, "a series ends");
    is_int(total(&rest), 1012, "the total is the same");
    is_int(rest, 7, "the rest, too");
    ack(&series);
    (void) pass(NEVER);
    is_int(total(&rest), 1012, "it has ended: the same total");
    is_int(rest, 1012, "all of it is the rest");
    ack(&series);
    (void) pass(NEVER);
    is_int(total(&rest), 1012, "its node is free: the same total");

    a = find(&series, tops, "2");
    is_int(sum_of(a), 0, "the next series begins with 0");
    is_int(total(&rest), 1012, "the same total");
}


/*
 * Threads stand for processes: they count series that one of them ends, and
 * keep cells until they acknowledge.
 */

#define THREADS  6
#define ROUNDS   15000

typedef struct {
    gw_series_t  series;
    uint16_t     family;
    unsigned     keys;
    uint64_t     seed;
    uint64_t     counted;
    unsigned     wrong;         /* labels of others */
    unsigned     none;          /* no room */
} thread_t;


static uint64_t
next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return *seed;
}


static int
labelled(gw_series_t *s, uint32_t node, const char *label)
{
    gw_series_found_t  found;

    return gw_series_next(s, s->family[node], node - 1, UINT64_MAX, &found)
           == node && strcmp(label_of(&found), label) == 0;
}


static void *
counter(void *data)
{
    thread_t *t = data;

    char      label[KEYS][16];
    unsigned  i, k;
    uint32_t  node[KEYS];
    uint64_t  epoch;

    memset(node, 0, sizeof(node));

    for (k = 0; k < KEYS; k++) {
        sprintf(label[k], "%u", k);
    }

    for (i = 0; i < ROUNDS; i++) {
        k = (unsigned) (next(&t->seed) % t->keys);

        if (node[k] == 0) {
            node[k] = find(&t->series, t->family, label[k]);
        }

        if (node[k] == 0) {
            t->none++;
            continue;
        }

        add(&t->series, node[k], 1);
        (void) __atomic_fetch_add(&world->key[k], 1, __ATOMIC_SEQ_CST);
        t->counted++;

        if (i % 64 == 0 && gw_series_asked(&t->series, &epoch)) {
            for (k = 0; k < KEYS; k++) {
                if (node[k] && gw_series_ending(&t->series, node[k])) {
                    node[k] = 0;
                }
            }

            gw_series_ack(&t->series, epoch);
        }

        if (i % 64 == 1) {
            sched_yield();
        }
    }

    for ( ;; ) {
        ack(&t->series);

        if (__atomic_load_n(&world->stop, __ATOMIC_SEQ_CST)) {
            return NULL;
        }

        sched_yield();
    }
}


static void
threads(thread_t *thread, pthread_t *id, uint16_t in, unsigned keys)
{
    unsigned  i;

    memset(thread, 0, THREADS * sizeof(thread_t));

    for (i = 0; i < THREADS; i++) {
        thread[i].family = in;
        thread[i].keys = keys;
        thread[i].seed = 77 + i;
        opens(&thread[i].series, 10 + i);
        pthread_create(&id[i], NULL, counter, &thread[i]);
    }
}


static uint64_t
joined(thread_t *thread, pthread_t *id, unsigned *none)
{
    unsigned  i;
    uint64_t  counted;

    __atomic_store_n(&world->stop, 1, __ATOMIC_SEQ_CST);

    for (i = 0, counted = 0, *none = 0; i < THREADS; i++) {
        pthread_join(id[i], NULL);
        counted += thread[i].counted;
        *none += thread[i].none;
    }

    return counted;
}


/* all at once make the same series */

static void
test_threads(void)
{
    unsigned   i, k, none, twice, wrong;
    uint64_t   sums[KEYS];
    thread_t   thread[THREADS];
    pthread_t  id[THREADS];

    for (i = 0, wrong = 0; i < 10; i++) {
        begin(KEYS * 2, KEYS * 4);
        threads(thread, id, family, KEYS);
        (void) joined(thread, id, &none);

        wrong += none != 0;
        wrong += read_all(family, sums, &twice) != KEYS;
        wrong += twice != 0;

        for (k = 0; k < KEYS; k++) {
            wrong += sums[k] != world->key[k];
        }
    }

    is_int(wrong, 0, "each label has one series with the exact sum");
}


/* two threads make the same series at the same moment */

#define RACES  10000

typedef struct {
    gw_series_t  series;
    uint32_t     node[RACES];
} racer_t;


static void *
racer(void *data)
{
    racer_t *racer = data;

    char      label[16];
    unsigned  i, spins;

    for (i = 0; i < RACES; i++) {
        sprintf(label, "%u", i);
        (void) __atomic_fetch_add(&world->stop, 1, __ATOMIC_SEQ_CST);

        for (spins = 0;
             __atomic_load_n(&world->stop, __ATOMIC_SEQ_CST) < 2 * (i + 1);
             spins++)
        {
            if (spins > 1000) {
                sched_yield();
            }
        }

        racer->node[i] = find(&racer->series, family, label);
    }

    return NULL;
}


static void
test_race(void)
{
    unsigned          i, wrong;
    racer_t          *r;
    pthread_t         id[2];
    gw_series_room_t  used;

    begin(RACES + 100, RACES + 100);
    r = calloc(2, sizeof(racer_t));

    for (i = 0; i < 2; i++) {
        opens(&r[i].series, 10 + i);
        pthread_create(&id[i], NULL, racer, &r[i]);
    }

    for (i = 0; i < 2; i++) {
        pthread_join(id[i], NULL);
    }

    for (i = 0, wrong = 0; i < RACES; i++) {
        wrong += r[0].node[i] == 0 || r[0].node[i] != r[1].node[i];
    }

    gw_series_used(&series, &used);

    is_int(wrong, 0, "both have the same node");
    ok(used.nodes <= RACES + 2, "the other one is used again: %zu of %u",
       used.nodes, RACES);

    free(r);
}


static int
finished(const thread_t *thread)
{
    unsigned  i;

    for (i = 0; i < THREADS; i++) {
        if (__atomic_load_n(&thread[i].counted, __ATOMIC_SEQ_CST)
            + __atomic_load_n(&thread[i].none, __ATOMIC_SEQ_CST)
            < ROUNDS)
        {
            return 0;
        }
    }

    return 1;
}


/* ends a series of tops by chance */

static unsigned
ends(gw_series_t *s, uint64_t *seed)
{
    uint32_t           at;
    gw_series_found_t  found;

    at = (uint32_t) (next(seed) % (s->room.nodes - 1));
    at = gw_series_next(s, tops, at, UINT64_MAX, &found);

    return at && gw_series_end(s, at, found.key);
}


/*
 * Series are ended by the main thread while they are counted: no event is lost,
 * no total falls, also when they are read.
 */

static void
test_ending_threads(void)
{
    unsigned   none, fell, high, ended, reads;
    uint64_t   rest, last, seen, counted, seed = 5;
    thread_t   thread[THREADS];
    pthread_t  id[THREADS];

    begin(KEYS * 8, KEYS * 64);
    (void) find_other(&series);
    threads(thread, id, tops, KEYS);

    last = rest = 0;
    fell = high = ended = reads = 0;

    /* on a busy machine the threads may be done first */

    while (!finished(thread)
           || ((ended <= 20 || rest == 0) && reads < 100000))
    {
        ended += ends(&series, &seed);
        ack(&series);
        (void) pass(NEVER);

        seen = total(&rest);
        fell += seen < last;
        last = seen;
        reads++;

        sched_yield();
    }

    counted = joined(thread, id, &none);

    is_int(fell, 0, "%u readings: the total never falls", reads);
    is_int(none, 0, "there was always room");
    is_int(total(&rest), counted, "each event is in the total");
    ok(ended > 20, "%u series have begun to end", ended);
    ok(rest > 0, "%llu events are the rest's", (unsigned long long) rest);
}


/* counts until it is killed */

static void
killed_counter(uint64_t process)
{
    unsigned     k;
    char         label[16];
    uint32_t     node;
    uint64_t     seed = process * 7919;
    gw_series_t  s;

    opens(&s, process);

    for ( ;; ) {
        k = (unsigned) (next(&seed) % KEYS);
        sprintf(label, "%u", k);

        (void) __atomic_fetch_add(&world->key[k], 1, __ATOMIC_SEQ_CST);
        node = find(&s, family, label);

        if (node == 0 || !labelled(&s, node, label)) {
            _exit(1);
        }

        add(&s, node, 1);
        (void) __atomic_fetch_add(&world->counted[process], 1,
                                  __ATOMIC_SEQ_CST);
        ack(&s);
    }
}


/*
 * Rounds of processes that make the series of an empty zone and are killed
 * meanwhile.
 */

static void
test_kills(void)
{
    int                i, round, status;
    pid_t              pid[8];
    unsigned           k, twice, many, lost, high, wrong, kills;
    uint64_t           sums[KEYS], process, sum, counted;
    gw_series_room_t   used;

    many = lost = high = wrong = kills = 0;

    for (round = 0; round < 30; round++) {
        begin(KEYS * 2, KEYS * 4);
        process = 10;

        for (i = 0; i < 8; i++) {
            pid[i] = fork();

            if (pid[i] == 0) {
                killed_counter(process + i);
            }
        }

        for (i = 0; i < 8; i++) {
            while (__atomic_load_n(&world->counted[process + i],
                                   __ATOMIC_SEQ_CST)
                   < (uint64_t) (round * i % 40))
            {
                sched_yield();
            }

            kill(pid[i], SIGKILL);
            waitpid(pid[i], &status, 0);
            wrong += !WIFSIGNALED(status);
            kills++;
            __atomic_store_n(&world->gone[process + i], 1, __ATOMIC_SEQ_CST);
        }

        ack(&series);
        (void) pass(NEVER);

        many += read_all(family, sums, &twice) > KEYS;
        many += twice;

        for (k = 0, sum = counted = 0; k < KEYS; k++) {
            high += sums[k] > world->key[k];
            sum += sums[k];
            counted += world->key[k];
        }

        lost += counted - sum > 8;

        /* nothing half made is left: all labels have room */

        for (k = 0; k < KEYS; k++) {
            char  label[16];

            sprintf(label, "%u", k);
            wrong += find(&series, family, label) == 0;
        }

        gw_series_used(&series, &used);
        munmap(memory, 4096);
    }

    is_int(many, 0, "%u kills: no label has two series", kills);
    is_int(high, 0, "no label has another's events");
    is_int(lost, 0, "at most one event for each kill is missing");
    is_int(wrong, 0, "each found series has its label, and all have room");
}


/* a process of the upkeep, killed at any moment, 1 in a few steps */

static void
killed_upkeep(uint64_t process)
{
    uint32_t     at = 0;
    uint64_t     seed = process * 104729;
    gw_series_t  s;

    opens(&s, process);

    for ( ;; ) {
        (void) ends(&s, &seed);
        ack(&s);

        while (!gw_series_step(&s, &at, 16, ++now, NEVER, gone, NULL)) {
            /* void */
        }

        (void) __atomic_fetch_add(&world->counted[process], 1,
                                  __ATOMIC_SEQ_CST);
    }
}


static void
test_killed_upkeep(void)
{
    pid_t      pid;
    unsigned   i, none, fell;
    uint64_t   rest, last, seen, counted, process, seed = 9;
    thread_t   thread[THREADS];
    pthread_t  id[THREADS];

    begin(KEYS * 8, KEYS * 64);
    (void) find_other(&series);
    threads(thread, id, tops, KEYS);

    last = 0;
    fell = 0;

    for (i = 0; i < 120; i++) {
        process = 100 + i;
        pid = fork();

        if (pid == 0) {
            killed_upkeep(process);
        }

        while (__atomic_load_n(&world->counted[process], __ATOMIC_SEQ_CST)
               < i % 5)
        {
            sched_yield();
        }

        seen = total(&rest);
        fell += seen < last;
        last = seen;

        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        __atomic_store_n(&world->gone[process], 1, __ATOMIC_SEQ_CST);

        seen = total(&rest);
        fell += seen < last;
        last = seen;

        ack(&series);
    }

    while (!finished(thread)) {
        sched_yield();
    }

    for (i = 0; rest == 0 && i < 100000; i++) {
        (void) ends(&series, &seed);
        ack(&series);
        (void) pass(NEVER);
        (void) total(&rest);
    }

    counted = joined(thread, id, &none);

    is_int(fell, 0, "120 kills of the upkeep: the total never falls");
    is_int(none, 0, "there was always room");
    is_int(total(&rest), counted, "each event is in the total once");
    ok(rest > 0, "%llu events are the rest's", (unsigned long long) rest);

    for (i = 0; i < 6; i++) {
        ack(&series);
        world->gone[10 + i] = 1;
        (void) pass(1);
    }

    is_int(total(&rest), counted, "and after all series have ended");
}


int
main(void)
{
    world = shared(sizeof(world_t));

    test_find();
    test_room();
    test_end();
    test_fold();
    test_threads();
    test_race();
    test_ending_threads();
    test_kills();
    test_killed_upkeep();

    return done_testing();
}
