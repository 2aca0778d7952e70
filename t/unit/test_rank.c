/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The effect of other keys on the count of a key.  Simulates a single bucket,
 * to which all keys of these tests belong, with the real table and arithmetic
 * of limits, and compares the results with exact counts.
 *
 * A unit is above the limit if it is admitted, but would not have been admitted
 * to a key with a place of its own.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_limit.h"
#include "gw_table.h"
#include "tap.h"


#define SEC     GW_LIMIT_SEC
#define DAY     (86400 * SEC)
#define UNITS   10                  /* the limit */
#define BEGIN   (20000 * DAY)
#define KEYS    18                  /* two more than the places of a bucket */


typedef struct {
    gw_limit_t        limit;
    unsigned          words;
    unsigned          last_use;     /* evict by last use instead of by rank */
    gw_limit_clock_t  now;
    unsigned          seed;
    uint64_t          fresh;        /* the number of the next new key */
    gw_table_t       *table;
    unsigned          evicted;
} sim_t;


/* the units admitted to a key, and two exact counts */

typedef struct {
    uint64_t          number;
    uint64_t          admitted;
    uint64_t          exact;        /* units admitted in a place of its own */
    uint64_t          own[2];       /* the state of that place */
    uint64_t          charged[2];   /* a state with all admitted units */
    uint64_t          wronged;      /* rejected, though "charged" has room */
} sim_key_t;


static int
sim_idle(void *data, const uint64_t *state)
{
    sim_t  *sim = data;

    return gw_limit_idle(sim->limit.algorithm, state, &sim->now);
}


static uint64_t
sim_rank(void *data, const uint64_t *state, uint64_t *kept)
{
    sim_t  *sim = data;

    return gw_limit_rank(&sim->limit, &sim->now, state, kept);
}


static uint64_t
sim_last_use(void *data, const uint64_t *state, uint64_t *kept)
{
    (void) data;
    (void) state;
    (void) kept;

    return 0;
}


static void
sim_clock(sim_t *sim, uint64_t now)
{
    sim->now.monotonic = now;
    sim->now.wall = now;

    if (sim->limit.algorithm != GW_LIMIT_GCRA) {
        gw_limit_window(&sim->limit, now);
    }
}


static void
sim_init(sim_t *sim, gw_limit_algorithm_e algorithm, unsigned seed)
{
    size_t          size;
    gw_figure_t     figure = { UNITS, GW_FIGURE_DAY };
    const uint64_t  secret[2] = { 1, 2 };

    memset(sim, 0, sizeof(*sim));

    (void) gw_limit_set(&sim->limit, algorithm, &figure, UNITS - 1);

    sim->words = gw_limit_words(algorithm);
    sim->seed = seed;
    sim->fresh = 1000;

    size = sizeof(gw_table_t) + 16 * 8 * (1 + sim->words + 2);
    sim->table = calloc(1, size);

    if (sim->table == NULL) {
        abort();
    }

    gw_table_init(sim->table, size, sim->words, 1, secret);
    sim_clock(sim, BEGIN);
}


static uint64_t
sim_random(sim_t *sim, uint64_t n)
{
    return (uint64_t) rand_r(&sim->seed) % n;
}


/* a request for the key of a number; returns whether it passes */

static int
sim_ask(sim_t *sim, uint64_t number, uint64_t cost)
{
    uint64_t           hash[2], *state;
    gw_table_user_t    user = { sim_idle, sim_rank, NULL, sim, 1 };
    gw_limit_result_t  result;

    if (sim->last_use) {
        user.rank = sim_last_use;
    }

    hash[0] = 0;
    hash[1] = number << 10;

    state = gw_table_get(sim->table, hash, sim->now.monotonic / GW_LIMIT_MSEC,
                         0, &user, &sim->evicted);

    gw_limit_take(&sim->limit, &sim->now, GW_LIMIT_TAKE, cost, state, &result);

    return result.passed;
}


/* the same, and updates the exact counts */

static int
sim_follow(sim_t *sim, sim_key_t *key, uint64_t cost)
{
    int                passed;
    gw_limit_result_t  result;

    gw_limit_take(&sim->limit, &sim->now, GW_LIMIT_TAKE, cost, key->own,
                  &result);
    key->exact += result.passed ? cost : 0;

    gw_limit_take(&sim->limit, &sim->now, GW_LIMIT_LOOK, cost, key->charged,
                  &result);

    passed = sim_ask(sim, key->number, cost);

    if (passed) {
        gw_limit_take(&sim->limit, &sim->now, GW_LIMIT_FORCE, cost,
                      key->charged, &result);
        key->admitted += cost;

    } else if (result.passed) {
        key->wronged++;
    }

    return passed;
}


static uint64_t
sim_above(const sim_key_t *key)
{
    return (key->admitted > key->exact) ? key->admitted - key->exact : 0;
}


/* a key at its limit, and many new keys with a request each */

static void
test_flood(gw_limit_algorithm_e algorithm, const char *name)
{
    int        i, lost;
    sim_t      sim;
    sim_key_t  key = { .number = 1 };

    sim_init(&sim, algorithm, 1);

    for (i = 0; i < UNITS; i++) {
        (void) sim_follow(&sim, &key, 1);
    }

    ok(!sim_follow(&sim, &key, 1), "%s: a key is at its limit", name);

    lost = 0;

    for (i = 0; i < 15 * UNITS; i++) {
        lost += !sim_ask(&sim, sim.fresh++, 1);
    }

    is_int(lost, 0, "%s: 15 limits of other keys are admitted", name);
    ok(!sim_follow(&sim, &key, 1), "%s: it is still at its limit", name);

    for (i = 0; i < 16 * UNITS; i++) {
        (void) sim_ask(&sim, sim.fresh++, 1);
    }

    ok(sim_follow(&sim, &key, 1), "%s: after twice as many units it is evicted",
       name);

    free(sim.table);
}


/*
 * A key sends requests until one is rejected, after each "step" requests of
 * other keys: of "keys" keys in turn, or of new ones if "keys" is 0.  Returns
 * the number of units admitted to others for each unit above the key's limit.
 */

static double
attack(gw_limit_algorithm_e algorithm, unsigned last_use, uint64_t keys,
    int step)
{
    int        i;
    sim_t      sim;
    uint64_t   others;
    sim_key_t  key = { .number = 1 };

    sim_init(&sim, algorithm, 1);
    sim.last_use = last_use;
    others = 0;

    for (i = 0; i < 20000; i++) {

        if (i % step == 0) {
            while (sim_follow(&sim, &key, 1)) { /* void */ }
        }

        sim_clock(&sim, sim.now.monotonic + GW_LIMIT_MSEC);
        others += (uint64_t) sim_ask(&sim, keys ? 2 + (uint64_t) i % keys
                                                : sim.fresh++, 1);
    }

    free(sim.table);

    return sim_above(&key) ? (double) others / (double) sim_above(&key)
                           : 1e9;
}


static void
test_attack(gw_limit_algorithm_e algorithm, const char *name)
{
    int       step;
    double    ratio;
    uint64_t  keys;

    for (step = 1; step <= 16; step += 15) {
        for (keys = 0; keys <= 48; keys += 16) {
            ratio = attack(algorithm, 0, keys, step);
            ok(ratio >= 15, "%s: %llu other keys, %.2f units for one above "
               "the limit", name, (unsigned long long) keys, ratio);
        }
    }

    ratio = attack(algorithm, 1, 0, 16);
    ok(ratio < 2, "%s: by last use, %.2f units", name, ratio);
}


/*
 * A key and others send random requests, with random parameters.  Returns the
 * least number of units, at any time, that were admitted to others for each
 * unit above the key's limit; it must be at least 15.
 */

static double
strategy(gw_limit_algorithm_e algorithm, unsigned seed)
{
    int        i;
    sim_t      sim;
    double     least;
    uint64_t   others, keys, mine, old, burst, pause, cost, n;
    sim_key_t  key = { .number = 1 };

    sim_init(&sim, algorithm, seed);

    keys = 10 + sim_random(&sim, 30);
    mine = 1 + sim_random(&sim, 20);        /* of 20 requests */
    old = sim_random(&sim, 21);             /* of 20 others: of known keys */
    burst = 1 + sim_random(&sim, UNITS);
    cost = 1 + sim_random(&sim, 3);
    pause = sim_random(&sim, 2) ? 1 + sim_random(&sim, DAY / 50) : 1;
    others = 0;
    least = 1e9;

    for (i = 0; i < 10000; i++) {
        sim_clock(&sim, sim.now.monotonic + sim_random(&sim, pause));

        if (sim_random(&sim, 20) < mine) {
            for (n = 0; n < burst && sim_follow(&sim, &key, 1); n++) {
                /* void */
            }

        } else {
            n = sim_random(&sim, 20) < old ? 2 + sim_random(&sim, keys)
                                           : sim.fresh++;
            others += sim_ask(&sim, n, cost) ? cost : 0;
        }

        if (sim_above(&key)
            && (double) others / (double) sim_above(&key) < least)
        {
            least = (double) others / (double) sim_above(&key);
        }
    }

    free(sim.table);

    return least;
}


static void
test_strategies(gw_limit_algorithm_e algorithm, const char *name)
{
    double    least, ratio;
    unsigned  seed;

    least = 1e9;

    for (seed = 1; seed <= 400; seed++) {
        ratio = strategy(algorithm, seed);
        least = (ratio < least) ? ratio : least;
    }

    ok(least >= 15, "%s: at least %.2f units of others in 400 strategies",
       name, least);
}


/*
 * Ordinary keys, two more than the places of a bucket, with and without new
 * keys between their requests.  A key is rejected only because of its own
 * charges.
 */

static void
test_innocent(gw_limit_algorithm_e algorithm, unsigned flood,
    const char *name)
{
    int        i;
    sim_t      sim;
    uint64_t   k, n, wronged, refused;
    sim_key_t  keys[KEYS];

    sim_init(&sim, algorithm, 7);
    memset(keys, 0, sizeof(keys));
    wronged = refused = 0;

    for (i = 0; i < 20000; i++) {
        sim_clock(&sim, sim.now.monotonic + sim_random(&sim, DAY / 200));

        k = sim_random(&sim, KEYS);
        keys[k].number = 1 + k;

        for (n = 0; n < UNITS; n++) {
            refused += !sim_follow(&sim, &keys[k], 1);
        }

        for (n = 0; n < flood; n++) {
            (void) sim_ask(&sim, sim.fresh++, 1);
        }
    }

    for (k = 0; k < KEYS; k++) {
        wronged += keys[k].wronged;
    }

    is_int((long long) wronged, 0,
           "%s: no key is rejected because of others, with %u new keys for "
           "each request", name, flood);
    ok(refused > 1000, "%s: of %llu rejected requests", name,
       (unsigned long long) refused);

    free(sim.table);
}


int
main(void)
{
    int  i;

    static const struct {
        gw_limit_algorithm_e  algorithm;
        const char           *name;
    } kinds[] = {
        { GW_LIMIT_GCRA, "gcra" },
        { GW_LIMIT_FIXED, "fixed_window" },
        { GW_LIMIT_SLIDING, "sliding_window" }
    };

    for (i = 0; i < 3; i++) {
        test_flood(kinds[i].algorithm, kinds[i].name);
        test_attack(kinds[i].algorithm, kinds[i].name);
        test_strategies(kinds[i].algorithm, kinds[i].name);
        test_innocent(kinds[i].algorithm, 0, kinds[i].name);
        test_innocent(kinds[i].algorithm, 5, kinds[i].name);
    }

    return done_testing();
}
