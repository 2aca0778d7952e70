
#include "gw_table.h"



/*
 * A bucket is GW_TABLE_WAYS tags, so that a key is found in two cache lines,
 * and as many states, each with a stamp as its last word.
 *
 * A tag is 0 where there is no key; its lowest bit says that the place is
 * being made ready for the key, and is not the key's yet.
 */

#define GW_TABLE_CLAIM   1ULL

/* looks at a claim of another process before it is taken for dead */
#define GW_TABLE_SPIN    2000

#define gw_load(p)       __atomic_load_n(p, __ATOMIC_SEQ_CST)


static uint64_t *gw_table_bucket(gw_table_t *table, const uint64_t hash[2]);
static uint64_t gw_table_tag(const uint64_t hash[2]);
static int gw_table_scan(const uint64_t *bucket, uint64_t tag);
static uint64_t *gw_table_use(gw_table_t *table, uint64_t *bucket, int place,
    uint64_t stamp);
static int gw_table_make(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t first, gw_table_idle_pt idle, void *data, unsigned *evicted);
static int gw_table_victim(gw_table_t *table, uint64_t *bucket,
    gw_table_idle_pt idle, void *data, uint64_t *tag, int *used);
static int gw_table_clear(gw_table_t *table, uint64_t *bucket, int place,
    uint64_t claim, uint64_t first);
static int gw_table_alone(uint64_t *bucket, uint64_t tag, int place);
static void gw_table_wait(uint64_t *word, uint64_t claim);
static int gw_table_swap(uint64_t *word, uint64_t old, uint64_t new);


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
    const uint64_t secret[2])
{
    table->secret[0] = secret[0];
    table->secret[1] = secret[1];
    table->words = words + 1;
    table->buckets = gw_table_capacity(size, words) / GW_TABLE_WAYS;
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

    tag = hash[1] & ~GW_TABLE_CLAIM;

    return tag ? tag : 2;
}


/* the place of a tag; -1: none */

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


static int
gw_table_swap(uint64_t *word, uint64_t old, uint64_t new)
{
    return __atomic_compare_exchange_n(word, &old, new, 0, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
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
 * A key is used: most of the time another request has just said so.  The stamp
 * ascends, whoever has read his clock before.
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
    uint64_t first, gw_table_idle_pt idle, void *data, unsigned *evicted)
{
    int        i;
    uint64_t   tag, *bucket;

    bucket = gw_table_bucket(table, hash);
    tag = gw_table_tag(hash);

    do {
        i = gw_table_scan(bucket, tag);

        if (i < 0) {
            i = gw_table_make(table, bucket, tag, first, idle, data, evicted);
        }

    } while (i < 0);

    return gw_table_use(table, bucket, i, stamp);
}


/*
 * A key must not get two places, or it would be counted twice.  So a place is
 * claimed for all to see before anybody looks for other claims: of two
 * processes at least one sees the other.  Who sees the key itself, or a claim
 * at a lower place, gives his own up; who sees one at a higher place waits
 * until it has become the key, which it wins, or is gone.
 *
 * Each step is a swap of what was seen, so that a process that was slow, and
 * whose claim others have taken for dead, fails and looks again.  -1: likewise.
 */

static int
gw_table_make(gw_table_t *table, uint64_t *bucket, uint64_t tag,
    uint64_t first, gw_table_idle_pt idle, void *data, unsigned *evicted)
{
    int        i, used;
    uint64_t   old;

    i = gw_table_victim(table, bucket, idle, data, &old, &used);

    if (!gw_table_swap(&bucket[i], old, tag | GW_TABLE_CLAIM)
        || !gw_table_alone(bucket, tag, i))
    {
        return -1;
    }

    if (!gw_table_clear(table, bucket, i, tag | GW_TABLE_CLAIM, first)) {
        (void) gw_table_swap(&bucket[i], tag | GW_TABLE_CLAIM, 0);
        return -1;
    }

    if (!gw_table_swap(&bucket[i], tag | GW_TABLE_CLAIM, tag)) {
        return -1;
    }

    if (used) {
        __atomic_fetch_add(&table->evicted, 1, __ATOMIC_RELAXED);
        (*evicted)++;
    }

    return i;
}


/*
 * Makes the state of a place that of a new key.  What was seen before the claim
 * was looked at again is no later owner's: a word that has changed since is
 * left alone, and the place given up.
 */

static int
gw_table_clear(gw_table_t *table, uint64_t *bucket, int place, uint64_t claim,
    uint64_t first)
{
    uint64_t  k, seen, wanted, *state;

    state = gw_table_entry(table, bucket, place);

    for (k = 0; k < table->words; k++) {
        seen = gw_load(&state[k]);
        wanted = (k == 0) ? first : 0;

        if (gw_load(&bucket[place]) != claim
            || (seen != wanted && !gw_table_swap(&state[k], seen, wanted)))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Whether nobody else has the key, or is about to have it; if not, the claim
 * at "place" is given up.
 */

static int
gw_table_alone(uint64_t *bucket, uint64_t tag, int place)
{
    int       i;
    uint64_t  seen;

    for (i = 0; i < GW_TABLE_WAYS; i++) {

        if (i == place) {
            continue;
        }

        seen = gw_load(&bucket[i]);

        if (seen == (tag | GW_TABLE_CLAIM) && i > place) {
            gw_table_wait(&bucket[i], seen);
            seen = gw_load(&bucket[i]);
        }

        if (seen == tag || seen == (tag | GW_TABLE_CLAIM)) {
            (void) gw_table_swap(&bucket[place], tag | GW_TABLE_CLAIM, 0);
            gw_table_wait(&bucket[i], tag | GW_TABLE_CLAIM);
            return 0;
        }
    }

    return 1;
}


/*
 * Until a claim has become a key or is gone: some hundred nanoseconds.  After
 * that its process was killed, or is not running, and it is taken away.
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

    (void) gw_table_swap(word, claim, 0);
}


/*
 * The place that a new key gets: an empty one, else an idle key's, else that
 * of the key that was used least recently; "used" says that it was in use.
 * Claims are passed over, except where there is nothing else.
 */

static int
gw_table_victim(gw_table_t *table, uint64_t *bucket, gw_table_idle_pt idle,
    void *data, uint64_t *tag, int *used)
{
    int        i, victim;
    uint64_t   seen[GW_TABLE_WAYS], stamp, oldest, *state;

    *used = 0;

    for (i = 0; i < GW_TABLE_WAYS; i++) {
        seen[i] = gw_load(&bucket[i]);

        if (seen[i] == 0) {
            *tag = 0;
            return i;
        }
    }

    victim = 0;
    oldest = UINT64_MAX;

    for (i = 0; i < GW_TABLE_WAYS; i++) {
        state = gw_table_entry(table, bucket, i);

        if (seen[i] & GW_TABLE_CLAIM) {
            continue;
        }

        if (idle(data, state)) {
            *tag = seen[i];
            *used = 0;
            return i;
        }

        stamp = __atomic_load_n(&state[table->words - 1], __ATOMIC_RELAXED);

        if (stamp < oldest) {
            victim = i;
            oldest = stamp;
            *used = 1;
        }
    }

    *tag = seen[victim];

    return victim;
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
