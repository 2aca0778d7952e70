/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_table.h"


/*
 * A bucket consists of GW_TABLE_WAYS tags, followed by as many states.  The
 * tags fill two cache lines, so that a key is found quickly.  A state ends with
 * the kept word, if there is one, and the stamp.
 *
 * A tag is one of
 *
 *   0        no key
 *   key      62 bits of its hash; the two lowest bits are 0
 *   claim    GW_TABLE_CLAIM, 8 bits of the key that the place is prepared for,
 *            and the process that prepares it
 *   revoked  a claim with GW_TABLE_REVOKED: it cannot become a key
 *
 * A process has one claim at a time, and only that process writes to the place
 * that it has claimed.  A process that was stopped may still write after it
 * continues; these writes must not reach the state of another key.  Therefore
 * only the process itself removes its claim, unless it was killed.
 *
 * Accesses to tags and states are sequentially consistent: what
 * t/unit/test_table_model.c proves for all interleavings holds on any CPU.
 */

#define GW_TABLE_CLAIM    1ULL
#define GW_TABLE_REVOKED  2ULL
#define GW_TABLE_MARKS    3ULL
#define GW_TABLE_KEY      0x3fcULL          /* in a claim: bits of the key */
#define GW_TABLE_OWNER    10                /* in a claim: process above them */

#ifndef GW_TABLE_MODEL

/* how often another process's claim is read before it is revoked */
#define GW_TABLE_SPIN     2000

#define gw_load(p)        __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gw_store(p, v)    __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define gw_swap(p, old, new)                                                  \
    __atomic_compare_exchange_n(p, &(uint64_t) { old }, new, 0,               \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#define gw_table_same(seen, tag)  ((seen) == (tag))

#endif


static uint64_t *gw_table_bucket(gw_table_t *table, const uint64_t hash[2]);
static uint64_t gw_table_tag(const uint64_t hash[2]);
static int gw_table_scan(const uint64_t *bucket, uint64_t tag);
static uint64_t *gw_table_use(gw_table_t *table, uint64_t *bucket, int place,
    uint64_t stamp);
static int gw_table_make(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t first, const gw_table_user_t *user, unsigned *evicted);
static int gw_table_alone(uint64_t *bucket, int place, uint64_t tag,
    uint64_t claim);
static void gw_table_prepare(gw_table_t *table, uint64_t *state,
    uint64_t first, const gw_table_user_t *user);
static void gw_table_wait(uint64_t *word, uint64_t claim);
static int gw_table_victim(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t claim, const gw_table_user_t *user, uint64_t *old, int *used);
static int gw_table_lowest(gw_table_t *table, uint64_t *bucket,
    const uint64_t *seen, const gw_table_user_t *user, int *used);
static int gw_table_resolve(uint64_t *bucket, const uint64_t *seen,
    const gw_table_user_t *user);


static size_t
gw_table_bucket_size(unsigned words)
{
    return GW_TABLE_WAYS * (1 + words + 1) * sizeof(uint64_t);
}


size_t
gw_table_capacity(size_t size, unsigned words)
{
    if (size < sizeof(gw_table_t)) {
        return 0;
    }

    return (size - sizeof(gw_table_t)) / gw_table_bucket_size(words)
           * GW_TABLE_WAYS;
}


void
gw_table_init(gw_table_t *table, size_t size, unsigned words,
    unsigned kept, const uint64_t secret[2])
{
    table->secret[0] = secret[0];
    table->secret[1] = secret[1];
    table->words = words + kept + 1;
    table->kept = kept;
    table->buckets = gw_table_capacity(size, words + kept) / GW_TABLE_WAYS;
}


static uint64_t *
gw_table_bucket(gw_table_t *table, const uint64_t hash[2])
{
    uint64_t  i;

    /* the upper half of a product spreads evenly over any number of buckets */

    i = ((hash[0] >> 32) * table->buckets) >> 32;

    return (uint64_t *) (table + 1) + i * GW_TABLE_WAYS * (1 + table->words);
}


static uint64_t *
gw_table_entry(gw_table_t *table, uint64_t *bucket, int place)
{
    return bucket + GW_TABLE_WAYS + (uint64_t) place * table->words;
}


static uint64_t
gw_table_tag(const uint64_t hash[2])
{
    uint64_t  tag;

    tag = hash[1] & ~GW_TABLE_MARKS;

    return tag ? tag : GW_TABLE_MARKS + 1;
}


/* the place of a tag, or -1 */

static int
gw_table_scan(const uint64_t *bucket, uint64_t tag)
{
    int  i;

    for (i = 0; i < GW_TABLE_WAYS; i++) {
        if (gw_load(&bucket[i]) == tag) {
            return i;
        }
    }

    return -1;
}


uint64_t *
gw_table_find(gw_table_t *table, const uint64_t hash[2], uint64_t stamp)
{
    int        i;
    uint64_t  *bucket;

    bucket = gw_table_bucket(table, hash);
    i = gw_table_scan(bucket, gw_table_tag(hash));

    return (i < 0) ? NULL : gw_table_use(table, bucket, i, stamp);
}


/*
 * Updates the stamp of a key.  The stamp never decreases, even if another
 * process has read its clock earlier.  It is often current already, and then
 * nothing is written.
 */

static uint64_t *
gw_table_use(gw_table_t *table, uint64_t *bucket, int place, uint64_t stamp)
{
    uint64_t  *state, *last;

    state = gw_table_entry(table, bucket, place);
    last = &state[table->words - 1];

    if (__atomic_load_n(last, __ATOMIC_RELAXED) < stamp) {
        __atomic_store_n(last, stamp, __ATOMIC_RELAXED);
    }

    return state;
}


uint64_t *
gw_table_get(gw_table_t *table, const uint64_t hash[2], uint64_t stamp,
    uint64_t first, const gw_table_user_t *user, unsigned *evicted)
{
    int        i;
    uint64_t   tag, *bucket;

    bucket = gw_table_bucket(table, hash);
    tag = gw_table_tag(hash);

    do {
        i = gw_table_scan(bucket, tag);

        if (i < 0) {
            i = gw_table_make(table, bucket, tag, first, user, evicted);
        }

    } while (i < 0);

    return gw_table_use(table, bucket, i, stamp);
}


/*
 * A key must not have two places, or it would be counted twice.  A process
 * therefore publishes its claim before it looks for other claims: of two
 * processes, at least one sees the other.  A process that sees the key itself,
 * or a claim at a lower place, gives up its own claim.  A process that sees a
 * claim at a higher place waits until the claim has become the key, which then
 * wins, or can no longer become it.  -1: the caller must look again.
 */

static int
gw_table_make(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t first, const gw_table_user_t *user, unsigned *evicted)
{
    int        i, used;
    uint64_t   old, claim;

    claim = GW_TABLE_CLAIM | (tag & GW_TABLE_KEY)
            | (user->owner << GW_TABLE_OWNER);

    i = gw_table_victim(table, bucket, tag, claim, user, &old, &used);

    if (i < 0 || !gw_swap(&bucket[i], old, claim)) {
        return -1;
    }

    if (used) {
        __atomic_fetch_add(&table->evicted, 1, __ATOMIC_RELAXED);
        (*evicted)++;
    }

    if (gw_table_alone(bucket, i, tag, claim)) {
        gw_table_prepare(table, gw_table_entry(table, bucket, i), first, user);

        if (gw_swap(&bucket[i], claim, tag)) {
            return i;
        }
    }

    /* the kept word of the place remains */

    if (!gw_swap(&bucket[i], claim, 0)) {
        (void) gw_swap(&bucket[i], claim | GW_TABLE_REVOKED, 0);
    }

    return -1;
}


/* whether two words are claims for one key, and neither was revoked */

static int
gw_table_rival(uint64_t seen, uint64_t claim)
{
    return ((seen ^ claim) & (GW_TABLE_MARKS | GW_TABLE_KEY)) == 0;
}


/* whether the key has no other place, nor a claim that wins over this one */

static int
gw_table_alone(uint64_t *bucket, int place, uint64_t tag, uint64_t claim)
{
    int       i;
    uint64_t  seen;

    for (i = 0; i < GW_TABLE_WAYS; i++) {

        if (i == place) {
            continue;
        }

        seen = gw_load(&bucket[i]);

        if (i > place && gw_table_rival(seen, claim)) {
            gw_table_wait(&bucket[i], seen);
            seen = gw_load(&bucket[i]);
        }

        if (seen == tag || gw_table_rival(seen, claim)) {
            return 0;
        }
    }

    return 1;
}


/*
 * Initializes the state of a place for a new key.  Charges that other processes
 * still make to the previous key are lost.
 */

static void
gw_table_prepare(gw_table_t *table, uint64_t *state, uint64_t first,
    const gw_table_user_t *user)
{
    uint64_t  k, n, kept;

    n = table->words - 1 - table->kept;

    if (table->kept) {
        kept = gw_load(&state[n]);
        (void) user->rank(user->data, state, &kept);
        gw_store(&state[n], kept);
    }

    gw_store(&state[0], first);

    for (k = 1; k < n; k++) {
        gw_store(&state[k], 0);
    }
}


/*
 * Waits until a claim has become a key or is gone, which takes some hundred
 * nanoseconds.  If it takes longer, its process is not running, and the claim
 * is revoked.
 */

static void
gw_table_wait(uint64_t *word, uint64_t claim)
{
    int  i;

    for (i = 0; i < GW_TABLE_SPIN; i++) {
        if (gw_load(word) != claim) {
            return;
        }
    }

    (void) gw_swap(word, claim, claim | GW_TABLE_REVOKED);
}


/*
 * Chooses the place of a new key: an empty one, else that of an idle key, else
 * that of the key with the lowest rank; "used" is set if that key is not idle.
 * -1: the key has been or is being inserted, or claims must be resolved first.
 */

static int
gw_table_victim(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t claim, const gw_table_user_t *user, uint64_t *old, int *used)
{
    int        i, victim;
    uint64_t   seen[GW_TABLE_WAYS];

    *used = 0;
    victim = -1;

    for (i = 0; i < GW_TABLE_WAYS; i++) {
        seen[i] = gw_load(&bucket[i]);

        /* another process has inserted the key meanwhile */

        if (gw_table_same(seen[i], tag)) {
            return -1;
        }

        if (gw_table_rival(seen[i], claim)) {
            gw_table_wait(&bucket[i], seen[i]);
            return -1;
        }

        if (seen[i] == 0 && victim < 0) {
            victim = i;
        }
    }

    if (victim < 0) {
        victim = gw_table_lowest(table, bucket, seen, user, used);

        if ((victim < 0 || *used) && gw_table_resolve(bucket, seen, user)) {
            return -1;
        }
    }

    *old = (victim < 0) ? 0 : seen[victim];

    return victim;
}


/* the place of the key to be evicted; -1: all places are claimed */

static int
gw_table_lowest(gw_table_t *table, uint64_t *bucket, const uint64_t *seen,
    const gw_table_user_t *user, int *used)
{
    int        i, busy, victim;
    uint64_t   rank, lowest, stamp, oldest, kept, *state;

    victim = -1;
    lowest = oldest = 0;

    for (i = 0; i < GW_TABLE_WAYS; i++) {

        if (seen[i] & GW_TABLE_CLAIM) {
            continue;
        }

        state = gw_table_entry(table, bucket, i);
        stamp = gw_table_stamp(table, state);
        busy = !user->idle(user->data, state);
        rank = 0;

        if (busy && user->rank) {
            kept = table->kept ? gw_load(&state[table->words - 2]) : 0;
            rank = user->rank(user->data, state, &kept);
        }

        if (victim < 0 || busy < *used
            || (busy == *used
                && (rank < lowest || (rank == lowest && stamp < oldest))))
        {
            victim = i;
            *used = busy;
            lowest = rank;
            oldest = stamp;
        }
    }

    return victim;
}


/*
 * Waits for a claim before a key in use is evicted: the claim may become the
 * key with the lowest rank.  Frees a claim whose process was killed.  Returns 1
 * if the caller must look again, or 0 if all claims belong to processes that
 * are stopped.
 */

static int
gw_table_resolve(uint64_t *bucket, const uint64_t *seen,
    const gw_table_user_t *user)
{
    int       i;
    uint64_t  owner;

    for (i = 0; i < GW_TABLE_WAYS; i++) {

        if ((seen[i] & GW_TABLE_MARKS) == GW_TABLE_CLAIM) {
            gw_table_wait(&bucket[i], seen[i]);
            return 1;
        }

        owner = seen[i] >> GW_TABLE_OWNER;

        if ((seen[i] & GW_TABLE_CLAIM)
            && (owner == user->owner || user->gone(user->data, owner)))
        {
            (void) gw_swap(&bucket[i], seen[i], 0);
            return 1;
        }
    }

    return 0;
}


uint64_t
gw_table_stamp(gw_table_t *table, const uint64_t *state)
{
    return __atomic_load_n(&state[table->words - 1], __ATOMIC_RELAXED);
}


int
gw_table_holds(gw_table_t *table, const uint64_t hash[2],
    const uint64_t *state)
{
    uint64_t  *bucket;

    bucket = gw_table_bucket(table, hash);

    return gw_load(&bucket[(uint64_t) (state - bucket - GW_TABLE_WAYS)
                           / table->words])
           == gw_table_tag(hash);
}


double
gw_table_used(gw_table_t *table, uint64_t buckets,
    int (*idle)(void *data, const uint64_t *state), void *data)
{
    int        i;
    uint64_t   k, n, seen, used, *bucket;

    n = (buckets < table->buckets) ? buckets : table->buckets;
    used = 0;

    for (k = 0; k < n; k++) {
        bucket = (uint64_t *) (table + 1)
                 + k * table->buckets / n * GW_TABLE_WAYS * (1 + table->words);

        for (i = 0; i < GW_TABLE_WAYS; i++) {
            seen = gw_load(&bucket[i]);

            used += (seen != 0 && !(seen & GW_TABLE_CLAIM)
                     && !idle(data, gw_table_entry(table, bucket, i)));
        }
    }

    return n ? (double) used / (double) (n * GW_TABLE_WAYS) : 0;
}


uint64_t
gw_table_place(gw_table_t *table, const uint64_t *state)
{
    return (uint64_t) (state - (uint64_t *) (table + 1));
}


uint64_t *
gw_table_state(gw_table_t *table, uint64_t place)
{
    return (uint64_t *) (table + 1) + place;
}
