/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counters of killed processes: no count is lost or added twice, whichever
 * process takes over, even if it is killed meanwhile.
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw_stripe.h"
#include "tap.h"


#define NAMES      8192
#define THREADS    8
#define PROCESSES  24       /* some share a stripe */
#define ROUNDS     8
#define EACH       200


/* shared by the processes of this test */

typedef struct {
    uint64_t   gone[NAMES];         /* by process */
    uint64_t   counted[NAMES];
    uint64_t   asked;               /* how often reclaim() was called */
} world_t;


static gw_stripes_t  *stripes;
static world_t       *world;

static int            striped, made, written, lost;
static gw_stripe_conf_t  conf;
static int            dies;         /* in reclaim(): 1: before, 2: after */
static int            yields;       /* in gone(): all threads reach it */

static pthread_barrier_t  start;


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


static int
gone(void *data, uint64_t process)
{
    (void) data;

    if (yields) {
        sched_yield();
    }

    return __atomic_load_n(&world->gone[process], __ATOMIC_SEQ_CST) != 0;
}


static uint64_t *
own(int index, unsigned place)
{
    return gw_stripe_cell(stripes, GW_STRIPE_KIND_OWN, index, place);
}


static void
reclaim(void *data, unsigned place)
{
    (void) data;

    (void) __atomic_fetch_add(&world->asked, 1, __ATOMIC_SEQ_CST);

    if (dies == 1) {
        raise(SIGKILL);
    }

    *own(lost, place) += *own(made, place) - *own(written, place)
                         - *own(lost, place);

    if (dies == 2) {
        raise(SIGKILL);
    }
}


static unsigned
take(uint64_t self)
{
    return gw_stripe_take(stripes, conf.number, self, gone, reclaim, NULL);
}


static void
add(uint64_t *cell, uint64_t n)
{
    (void) __atomic_fetch_add(cell, n, __ATOMIC_RELAXED);
}


static uint64_t
sum(int index)
{
    return gw_stripe_sum(stripes, GW_STRIPE_KIND_OWN, index);
}


static uint64_t
total(void)
{
    return gw_stripe_sum(stripes, GW_STRIPE_KIND_STRIPED, striped);
}


static int
name(gw_stripe_kind_e kind, uint64_t n)
{
    uint64_t  hash[2] = { n, ~n };

    return gw_stripe_index(stripes, &conf, kind, hash);
}


/* reads another configuration while this one is in use */

static void
reads(void)
{
    gw_stripe_conf(stripes, &conf, conf.number, gone, NULL);
}


static void
begin(void)
{
    stripes = shared(gw_stripe_size());
    memset(stripes, 0xA5, gw_stripe_size());
    gw_stripe_init(stripes);
    memset(world, 0, sizeof(world_t));
    memset(&conf, 0, sizeof(conf));
    reads();

    striped = name(GW_STRIPE_KIND_STRIPED, 1);
    made = name(GW_STRIPE_KIND_OWN, 1);
    written = name(GW_STRIPE_KIND_OWN, 2);
    lost = name(GW_STRIPE_KIND_OWN, 3);
}


static void
end(void)
{
    munmap(stripes, gw_stripe_size());
}


static void
test_names(void)
{
    uint64_t  i, same[2] = { 1, 7 };

    begin();

    is_int(striped, 0, "the first counter");
    is_int(made, 0, "the first own counter");
    is_int(lost, 2, "the third");
    is_int(name(GW_STRIPE_KIND_OWN, 2), written, "a name keeps its index");
    is_int(gw_stripe_index(stripes, &conf, GW_STRIPE_KIND_OWN,
                           same), 3,
           "both words of the hash are compared");

    for (i = 4; i < GW_STRIPE_OWN; i++) {
        (void) name(GW_STRIPE_KIND_OWN, 100 + i);
    }

    is_int(name(GW_STRIPE_KIND_OWN, 100 + GW_STRIPE_OWN - 1),
           GW_STRIPE_OWN - 1, "the last own counter");
    is_int(name(GW_STRIPE_KIND_OWN, 5000), -1, "one more has no index");
    is_int(name(GW_STRIPE_KIND_OWN, 3), lost, "known names are found");

    for (i = 1; i < GW_STRIPE_STRIPED; i++) {
        (void) name(GW_STRIPE_KIND_STRIPED, 100 + i);
    }

    is_int(name(GW_STRIPE_KIND_STRIPED, 100 + GW_STRIPE_STRIPED - 1),
           GW_STRIPE_STRIPED - 1, "the last counter");
    is_int(name(GW_STRIPE_KIND_STRIPED, 5000), -1, "one more has no index");

    end();
}


/* fills the zone with names of this configuration */

static void
fill(gw_stripe_kind_e kind, uint64_t from, uint64_t n)
{
    uint64_t  i;

    for (i = 0; i < n; i++) {
        (void) name(kind, from + i);
    }
}


/*
 * Names are reused, except those that a process can use: of the current
 * configuration, of an older one with a process, and of those in between.
 */

static void
test_given_back(void)
{
    int  index, used;

    begin();

    is_int(take(1), 0, "a worker of the first configuration");
    add(own(made, 0), 5);
    add(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, 0), 5);
    add(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped,
                       GW_STRIPE_PLACES), 2);

    reads();
    fill(GW_STRIPE_KIND_OWN, 100, GW_STRIPE_OWN - 3);
    fill(GW_STRIPE_KIND_STRIPED, 100, GW_STRIPE_STRIPED - 1);
    is_int(name(GW_STRIPE_KIND_OWN, 5000), -1, "no room");

    reads();
    is_int(name(GW_STRIPE_KIND_OWN, 5000), -1,
           "no room: the first has a worker, the second is in use");
    is_int(name(GW_STRIPE_KIND_STRIPED, 5000), -1,
           "no room for striped counters, either");

    /* that configuration was rejected, the second one stays in use */

    conf.number--;
    reads();
    is_int(name(GW_STRIPE_KIND_OWN, 5000), -1,
           "a failed configuration changes nothing");

    /* the fourth is in use, without any name; the first has a worker */

    reads();
    is_int(sum(made), 5, "an undeclared name keeps its total");
    used = name(GW_STRIPE_KIND_OWN, 6000);
    is_int(used, 3, "the oldest unused name is reused");
    is_int(name(GW_STRIPE_KIND_OWN, 2), written,
           "a name of the first configuration is not reused");
    is_int(sum(made), 5, "a name that is not reused keeps its total");

    world->gone[1] = 1;
    reads();
    index = name(GW_STRIPE_KIND_OWN, 7000);
    is_int(index, made, "its worker is gone: the oldest name of all is reused");
    is_int(sum(made), 0, "a reused name starts at 0");
    is_int(name(GW_STRIPE_KIND_OWN, 7000), index,
           "the new name keeps the index");
    is_int(name(GW_STRIPE_KIND_OWN, 2), written,
           "names that are declared again keep their index");
    is_int(name(GW_STRIPE_KIND_OWN, 6000), used, "new names keep their index");
    is_int(total(), 7, "the other kind has not changed");
    is_int(name(GW_STRIPE_KIND_STRIPED, 7000), striped,
           "a name of the other kind is reused");
    is_int(total(), 0, "a reused name of the other kind starts at 0");

    /* all other names can be reused at once, but not those in use */

    reads();
    fill(GW_STRIPE_KIND_OWN, 10000, GW_STRIPE_OWN - 3);
    is_int(name(GW_STRIPE_KIND_OWN, 9999), -1,
           "no room: three configurations are in use");
    is_int(name(GW_STRIPE_KIND_OWN, 7000), index,
           "the first name in use keeps its index");
    is_int(name(GW_STRIPE_KIND_OWN, 2), written,
           "the second name in use keeps its index");
    is_int(name(GW_STRIPE_KIND_OWN, 6000), used,
           "the fourth name in use keeps its index");

    end();
}


static void
test_places(void)
{
    unsigned  i, wrong;

    begin();

    for (i = 0, wrong = 0; i < GW_STRIPE_PLACES; i++) {
        wrong += (take(i + 1) != i);
        add(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, i), 1);
        add(own(made, i), 1);
    }

    is_int(wrong, 0, "each process has the lowest free place");
    is_int(take(2000), GW_STRIPE_PLACES, "no place is left");
    ok(own(made, GW_STRIPE_PLACES) == NULL,
       "a process without a place has no own cell");
    add(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped,
                       GW_STRIPE_PLACES), 1);
    is_int(total(), GW_STRIPE_PLACES + 1,
           "a process without a place can count");
    is_int(sum(made), GW_STRIPE_PLACES, "own cells are summed");
    is_int(world->asked, 0, "no process was reclaimed");

    ok(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped,
                      GW_STRIPES - 1)
       != gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, GW_STRIPES),
       "the last stripe is not shared");
    ok(gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, GW_STRIPES)
       == gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped,
                         GW_STRIPES + 1), "the next stripe is shared");

    world->gone[8] = world->gone[700] = 1;

    is_int(take(2001), 7, "the place of a process that is gone");
    is_int(world->asked, 2, "both processes that are gone were reclaimed");
    is_int(*gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, 7), 1,
           "the place keeps its counts");
    is_int(take(2002), 699, "the other place is free");
    is_int(sum(lost), 2, "the values held by both are counted as lost");
    is_int(sum(made), GW_STRIPE_PLACES, "their counts are kept");

    end();
}


/* a pid is reused, if it alone identifies a process */

static void
test_same_name(void)
{
    begin();

    is_int(take(1), 0, "a process");
    add(own(made, 0), 5);
    is_int(take(2), 1, "another one");

    gw_stripe_reclaim(stripes, 1, 0, gone, reclaim, NULL);
    is_int(sum(lost), 0, "a process does not reclaim itself");

    is_int(take(1), 0, "a new process of this name takes the place");
    is_int(sum(lost), 5,
           "a new process reclaims the values of the earlier one");

    world->gone[2] = 1;
    add(own(made, 1), 3);
    gw_stripe_reclaim(stripes, 1, 0, gone, reclaim, NULL);
    is_int(sum(lost), 8, "a process reclaims another one");
    gw_stripe_reclaim(stripes, 1, 0, gone, reclaim, NULL);
    is_int(sum(lost), 8, "once");
    is_int(take(3), 1, "a reclaimed place is free");

    end();
}


/* the reclaiming process is killed, before and after its addition */

static void
test_killed_reclaimer(void)
{
    int    when;
    pid_t  pid;

    for (when = 1; when <= 2; when++) {
        begin();

        (void) take(1);
        add(own(made, 0), 9);
        add(own(written, 0), 2);
        world->gone[1] = 1;

        pid = fork();

        if (pid == 0) {
            dies = when;
            (void) take(2);
            _exit(0);
        }

        waitpid(pid, NULL, 0);
        world->gone[2] = 1;

        is_int(sum(lost), when == 1 ? 0 : 7, "killed in between");
        is_int(take(3), 0, "the next process takes the place");
        is_int(sum(lost), 7, "held values are counted as lost once");
        is_int(world->asked, 2, "reclaimed twice");

        end();
    }
}


static void *
taker(void *data)
{
    uint64_t  self = (uintptr_t) data;

    pthread_barrier_wait(&start);

    return (void *) (uintptr_t) take(self);
}


static void
test_threads(void)
{
    int        round, i, wrong;
    void      *place;
    uint64_t   seen;
    pthread_t  thread[THREADS];

    begin();
    wrong = 0;

    yields = 1;
    pthread_barrier_init(&start, NULL, THREADS);

    /* in each round, all contend for the places of the previous round */

    for (round = 0; round < 200; round++) {

        for (i = 0; i < THREADS; i++) {
            pthread_create(&thread[i], NULL, taker,
                           (void *) (uintptr_t) (round * THREADS + i + 1));
        }

        for (i = 0, seen = 0; i < THREADS; i++) {
            pthread_join(thread[i], &place);

            wrong += ((uintptr_t) place >= 2 * THREADS);
            wrong += (seen >> (uintptr_t) place & 1);
            seen |= 1ULL << (uintptr_t) place;

            add(own(made, (unsigned) (uintptr_t) place), 3);
        }

        for (i = 0; i < THREADS; i++) {
            world->gone[round * THREADS + i + 1] = 1;
        }
    }

    yields = 0;
    pthread_barrier_destroy(&start);

    is_int(wrong, 0, "no two threads have the same place");

    (void) take(NAMES - 1);

    is_int(world->asked, 200 * THREADS, "each process was reclaimed once");
    is_int(sum(lost), 200 * THREADS * 3,
           "the values of all processes are counted as lost");

    end();
}


/* counts without end and reports the count, which is never too low */

static void
worker(uint64_t self)
{
    unsigned   place;
    uint64_t  *cell;

    place = take(self);
    cell = gw_stripe_cell(stripes, GW_STRIPE_KIND_STRIPED, striped, place);

    for ( ;; ) {
        (void) __atomic_fetch_add(&world->counted[self], 1, __ATOMIC_SEQ_CST);
        add(cell, 1);
        add(own(made, place), 1);
        add(own(written, place), world->counted[self] % 3 ? 1 : 0);

        if (world->counted[self] % 64 == 0) {
            sched_yield();
        }
    }
}


static void
test_kills(void)
{
    int       i, round;
    pid_t     pid[PROCESSES];
    uint64_t  self, counted;

    begin();
    self = 0;

    for (round = 0; round < ROUNDS; round++) {

        for (i = 0; i < PROCESSES; i++) {
            self++;
            pid[i] = fork();

            if (pid[i] == 0) {
                worker(self);
            }
        }

        for (i = 0; i < PROCESSES; i++) {
            while (__atomic_load_n(&world->counted[self - PROCESSES + 1 + i],
                                   __ATOMIC_SEQ_CST) < EACH)
            {
                sched_yield();
            }

            kill(pid[i], SIGKILL);
            waitpid(pid[i], NULL, 0);

            __atomic_store_n(&world->gone[self - PROCESSES + 1 + i], 1,
                             __ATOMIC_SEQ_CST);
        }
    }

    (void) take(++self);

    for (counted = 0, i = 0; i < NAMES; i++) {
        counted += world->counted[i];
    }

    ok(total() <= counted, "the total is not too high");
    ok(counted - total() <= ROUNDS * PROCESSES,
       "at most one event for each kill is missing: %llu of %llu",
       (unsigned long long) (counted - total()),
       (unsigned long long) counted);
    ok(sum(lost) > 0, "some values were held");
    is_int(sum(made), sum(written) + sum(lost),
           "each event was written or lost");

    end();
}


int
main(void)
{
    world = shared(sizeof(world_t));

    test_names();
    test_given_back();
    test_places();
    test_same_name();
    test_killed_reclaimer();
    test_threads();
    test_kills();

    return done_testing();
}
