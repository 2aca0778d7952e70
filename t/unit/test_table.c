/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The table of keys, used by several processes: nothing is counted twice or
 * lost, even if processes run concurrently or are killed at any point.
 */

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw_siphash.h"
#include "gw_table.h"
#include "tap.h"


#define WORDS     2
#define KEPT      1
#define ENTRY     (WORDS + KEPT + 1)    /* with the stamp */
#define CHILDREN  4


static gw_table_t *
table_of(size_t size)
{
    gw_table_t      *table;
    const uint64_t   secret[2] = { 1, 2 };

    table = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                 -1, 0);

    if (table == MAP_FAILED) {
        abort();
    }

    gw_table_init(table, size, WORDS, KEPT, secret);

    return table;
}


static void
hash_of(gw_table_t *table, uint64_t n, uint64_t hash[2])
{
    gw_siphash(table->secret, (unsigned char *) &n, sizeof(n), hash);
}


static int
idle(void *data, const uint64_t *state)
{
    (void) data;

    return state[0] == 0;
}


/* the count of a key, and that of the previous key of the place */

static uint64_t
rank(void *data, const uint64_t *state, uint64_t *kept)
{
    (void) data;

    *kept += state[0];

    return *kept;
}


static int
gone(void *data, uint64_t owner)
{
    (void) data;

    return kill((pid_t) owner, 0) == -1;
}


static uint64_t *
get(gw_table_t *table, uint64_t n, uint64_t stamp, unsigned *evicted)
{
    uint64_t         hash[2];
    gw_table_user_t  user = { idle, rank, gone, NULL, (uint64_t) getpid() };

    hash_of(table, n, hash);

    return gw_table_get(table, hash, stamp, 0, &user, evicted);
}


static uint64_t *
find(gw_table_t *table, uint64_t n)
{
    uint64_t  hash[2];

    hash_of(table, n, hash);

    return gw_table_find(table, hash, 1);
}


static void
test_one(void)
{
    size_t      size;
    unsigned    evicted;
    uint64_t   *a, *b, hash[2];
    gw_table_t *table;

    size = 1024 * 1024;
    table = table_of(size);
    evicted = 0;

    is_int((long long) gw_table_capacity(size, WORDS + KEPT),
           (long long) (size - sizeof(gw_table_t))
           / (16 * 8 * (1 + ENTRY)) * 16, "the capacity is what fits");
    is_int((long long) gw_table_capacity(10, WORDS), 0, "nothing fits");

    ok(find(table, 1) == NULL, "an absent key is not found");

    a = get(table, 1, 7, &evicted);
    ok(a != NULL && a[0] == 0 && a[1] == 0, "a new key has a zeroed state");

    a[0] = 5;
    a[1] = 6;

    ok(get(table, 1, 8, &evicted) == a && a[0] == 5,
       "a second access returns the same state");
    ok(find(table, 1) == a, "find returns the same state");

    b = get(table, 2, 7, &evicted);
    ok(b != a && b[0] == 0, "another key has another state");

    hash_of(table, 1, hash);
    ok(gw_table_holds(table, hash, a), "a state belongs to its key");
    ok(!gw_table_holds(table, hash, b) || b == a,
       "a state of another key does not");
    ok(gw_table_state(table, gw_table_place(table, a)) == a,
       "a place number leads to its state");

    munmap(table, size);
}


/* a full bucket: idle keys go first, then the lowest rank, then the oldest */

static void
test_eviction(void)
{
    size_t       size, i, n, lost;
    unsigned     evicted;
    uint64_t    *state;
    gw_table_t  *table;

    size = sizeof(gw_table_t) + 16 * 8 * (1 + ENTRY);
    table = table_of(size);

    is_int((long long) gw_table_capacity(size, WORDS + KEPT), 16,
           "one bucket");

    evicted = 0;

    for (i = 0; i < 16; i++) {
        state = get(table, i, 100 + i, &evicted);
        state[0] = (i == 9 || i == 11) ? 0 : (i == 3) ? 1 : 2;
    }

    is_int(evicted, 0, "sixteen keys have sixteen places");

    /* used last: 3, which has the lowest rank, and 9, which is idle */

    (void) get(table, 3, 500, &evicted);
    (void) get(table, 9, 500, &evicted);

    state = get(table, 100, 501, &evicted);
    state[0] = 7;
    ok(find(table, 11) == NULL, "the oldest idle key is evicted");
    state = get(table, 101, 501, &evicted);
    state[0] = 7;
    ok(find(table, 9) == NULL, "then the other idle key is evicted");
    is_int(evicted, 0, "idle keys do not count as evictions");

    state = get(table, 102, 502, &evicted);
    is_int(evicted, 1, "an eviction of a key in use is counted");
    ok(find(table, 3) == NULL, "the key of the lowest rank is evicted");
    is_int((long long) state[0], 0, "the count of the new key is 0");
    is_int((long long) state[WORDS], 1, "its place keeps the previous count");
    state[0] = 2;

    state = get(table, 103, 503, &evicted);
    ok(find(table, 0) == NULL && find(table, 1) != NULL,
       "of equal ranks, the key used least recently is evicted");
    state[0] = 2;

    lost = 0;
    state = get(table, 1, 600, &evicted);
    state[0] = 100000;

    for (n = 200; n < 100000; n++) {
        state = get(table, n, 600 + n, &evicted);
        state[0] = 1;
        lost += (find(table, 1) == NULL);
    }

    is_int((long long) lost, 0, "a high count stays among 100,000 keys");
    is_int((long long) table->evicted, evicted, "evictions are counted");

    munmap(table, size);
}


/* without a rank, keys are evicted in the order of their last use */

static void
test_last_use(void)
{
    size_t            size, i;
    unsigned          evicted;
    uint64_t         *state, hash[2];
    gw_table_t       *table;
    gw_table_user_t   user = { idle, NULL, gone, NULL, 1 };
    const uint64_t    secret[2] = { 1, 2 };

    size = sizeof(gw_table_t) + 16 * 8 * (1 + WORDS + 1);
    table = table_of(size);
    gw_table_init(table, size, WORDS, 0, secret);
    is_int((long long) table->buckets, 1,
           "without a kept word, a table is smaller");

    evicted = 0;

    for (i = 0; i < 17; i++) {
        hash_of(table, i, hash);
        state = gw_table_get(table, hash, 100 + i, 0, &user, &evicted);
        state[0] = 100 - i;
        state[1] = 5;

        if (i == 15) {
            (void) gw_table_get(table, hash, 90, 0, &user, &evicted);
            hash_of(table, 0, hash);
            (void) gw_table_find(table, hash, 200);
        }
    }

    is_int(evicted, 1, "one key is evicted");
    ok(find(table, 1) == NULL && find(table, 0) != NULL,
       "the key used least recently is evicted");

    munmap(table, size);
}


/* processes that count with the same keys */

static void
count(gw_table_t *table, unsigned seed, long n, uint64_t keys)
{
    long      i;
    unsigned  evicted;
    uint64_t  k, hash[2], *state;

    evicted = 0;

    for (i = 0; i < n; i++) {
        k = (uint64_t) rand_r(&seed) % keys;
        hash_of(table, k, hash);

        for ( ;; ) {
            state = get(table, k, (uint64_t) i, &evicted);
            __atomic_fetch_add(state, 1, __ATOMIC_SEQ_CST);

            if (gw_table_holds(table, hash, state)) {
                break;
            }

            __atomic_fetch_sub(state, 1, __ATOMIC_SEQ_CST);
        }
    }
}


/* tags in two places of a bucket */

static int
doubles(gw_table_t *table)
{
    int        a, b, n;
    uint64_t   k, *tag;

    n = 0;

    for (k = 0; k < table->buckets; k++) {
        tag = (uint64_t *) (table + 1) + k * 16 * (1 + table->words);

        for (a = 0; a < 16; a++) {
            for (b = a + 1; b < 16; b++) {
                n += (tag[a] != 0 && tag[a] == tag[b]);
            }
        }
    }

    return n;
}


/* stops and continues processes at random, until all have ended */

static void
disturb(const pid_t *pid, unsigned seed)
{
    int  i, left, status;
    int  ended[CHILDREN] = { 0 };

    for (left = CHILDREN; left; ) {

        for (i = 0; i < CHILDREN; i++) {
            if (!ended[i] && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
                ended[i] = 1;
                left--;
            }
        }

        i = rand_r(&seed) % CHILDREN;

        if (!ended[i]) {
            kill(pid[i], SIGSTOP);
            usleep((useconds_t) (rand_r(&seed) % 200));
            kill(pid[i], SIGCONT);
        }
    }
}


static void
test_processes(int stop, const char *how)
{
    int          i, round, twice;
    pid_t        pid[CHILDREN];
    size_t       size;
    uint64_t     k, sum, *state;
    gw_table_t  *table;

    size = 256 * 1024;
    sum = 0;
    twice = 0;

    /* processes contend for new keys: many short rounds */

    for (round = 0; round < 40; round++) {
        table = table_of(size);

        for (i = 0; i < CHILDREN; i++) {
            pid[i] = fork();

            if (pid[i] == 0) {
                count(table, (unsigned) (round * 10 + i), 5000, 400);
                _exit(0);
            }
        }

        if (stop) {
            disturb(pid, (unsigned) round);

        } else {
            while (wait(NULL) > 0) { /* void */ }
        }

        for (k = 0; k < 400; k++) {
            state = find(table, k);
            sum += state ? state[0] : 0;
        }

        twice += doubles(table);
        munmap(table, size);
    }

    is_int((long long) sum, 40LL * CHILDREN * 5000,
           "%s: nothing is lost or counted twice", how);
    is_int(twice, 0, "%s: no key has two places", how);
}


/*
 * Two processes request the same new key concurrently, in a full bucket:
 * exactly one of them finds that nothing was counted yet.
 */

static void
new_keys(gw_table_t *table, uint64_t *shared, uint64_t rounds)
{
    unsigned   evicted;
    uint64_t   k, count, hash[2], *state;

    for (k = 0; k < rounds; k++) {

        __atomic_fetch_add(&shared[0], 1, __ATOMIC_SEQ_CST);

        while (__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST) < 2 * (k + 1)) {
            sched_yield();
        }

        hash_of(table, 1000 + k, hash);

        do {
            state = get(table, 1000 + k, k, &evicted);
            count = __atomic_fetch_add(state, 1, __ATOMIC_SEQ_CST);
        } while (!gw_table_holds(table, hash, state));

        __atomic_fetch_add(&shared[1], count == 0, __ATOMIC_SEQ_CST);
    }
}


static void
test_new_keys(void)
{
    size_t       size;
    unsigned     evicted;
    uint64_t     i, *shared;
    gw_table_t  *table;

    const uint64_t  rounds = 48000;

    size = sizeof(gw_table_t) + 16 * 8 * (1 + ENTRY) + 4096;
    table = table_of(size);
    shared = (uint64_t *) ((char *) table + size) - 2;
    table->buckets = 1;
    evicted = 0;

    for (i = 0; i < 16; i++) {
        *get(table, i, 1, &evicted) = 1;
    }

    if (fork() == 0) {
        new_keys(table, shared, rounds);
        _exit(0);
    }

    new_keys(table, shared, rounds);
    wait(NULL);

    is_int((long long) shared[1], (long long) rounds,
           "of two processes that request a new key, one is the first");
    munmap(table, size);
}


/* processes that are killed while they insert keys */

static void
test_killed(void)
{
    int          i, status;
    pid_t        pid;
    size_t       size;
    unsigned     evicted;
    uint64_t     k;
    gw_table_t  *table;

    size = sizeof(gw_table_t) + 4 * 16 * 8 * (1 + ENTRY);
    table = table_of(size);

    for (i = 0; i < 300; i++) {
        pid = fork();

        if (pid == 0) {
            for ( ;; ) {
                count(table, (unsigned) i, 1000, 5000);
            }
        }

        usleep((useconds_t) (300 + (i * 37) % 700));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }

    evicted = 0;

    alarm(20);

    for (k = 0; k < 5000; k++) {
        (void) get(table, k, k, &evicted);
    }

    alarm(0);

    ok(1, "after 300 killed processes every key gets a place");
    munmap(table, size);
}


/* all buckets of a small table, a sample of a large one */

static void
test_used(void)
{
    uint64_t    i, keys, capacity, used;
    unsigned    evicted;
    double      ratio;
    gw_table_t  *table;

    evicted = 0;

    table = table_of(64 * 1024);
    capacity = table->buckets * GW_TABLE_WAYS;

    ok(gw_table_used(table, 64, idle, NULL) == 0, "an empty table");

    for (i = 0; i < 100; i++) {
        get(table, i, 1, &evicted)[0] = (i < 60);
    }

    used = (uint64_t) (gw_table_used(table, table->buckets, idle, NULL)
                       * (double) capacity + 0.5);
    is_int((long long) used, 60, "keys that are not idle are counted");

    table = table_of(16 * 1024 * 1024);
    keys = table->buckets * GW_TABLE_WAYS / 2;

    for (i = 0; i < keys; i++) {
        get(table, i, 1, &evicted)[0] = 1;
    }

    ratio = gw_table_used(table, 64, idle, NULL);
    ok(ratio > 0.4 && ratio < 0.6, "a sample of a large table");
}


int
main(void)
{
    test_one();
    test_used();
    test_eviction();
    test_last_use();
    test_processes(0, "four processes");
    test_processes(1, "four processes that are stopped at times");
    test_new_keys();
    test_killed();

    return done_testing();
}
