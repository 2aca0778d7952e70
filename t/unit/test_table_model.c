/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A model of the table: gw_table.c itself, compiled so that each access to a
 * tag or state is a step, in all interleavings of three processes that
 * concurrently request keys in a bucket of two or three places.  A process can
 * be stopped forever, or be killed, before each of its steps.
 *
 * In every reachable state, no key has two places, and no charge to a key is
 * missing unless the key was evicted.  From every state of two processes, and
 * from some of those of three, each process terminates when it runs alone.
 *
 * A state consists of the memory and, for each process, of the values that it
 * has read since its last start, which determine its next actions.  A step
 * runs the process from its start on these values, and one access further.
 * States that were seen before are not visited again.
 */

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"


static uint64_t model_load(const uint64_t *p);
static void model_store(uint64_t *p, uint64_t value);
static int model_swap(uint64_t *p, uint64_t old, uint64_t new);

/* a fault that the model must find: a key can take its own place */
static int  model_takes_own;

#define GW_TABLE_MODEL
#define GW_TABLE_WAYS   model_ways
#define GW_TABLE_SPIN   1
#define MODEL_WAYS      3

static int  model_ways;

#define gw_load         model_load
#define gw_store        model_store
#define gw_swap         model_swap
#define gw_table_same(seen, tag)  ((seen) == (tag) && !model_takes_own)

#define gw_table_capacity  model_table_capacity
#define gw_table_init      model_table_init
#define gw_table_find      model_table_find
#define gw_table_get       model_table_get
#define gw_table_stamp     model_table_stamp
#define gw_table_holds     model_table_holds
#define gw_table_place     model_table_place
#define gw_table_state     model_table_state
#define gw_table_used      model_table_used

#include "../../modules/core/gw_table.c"


#define PROCESSES  3
#define KEYS       5                /* 3 and 4 are present at the start */
#define WORDS      (MODEL_WAYS * 3) /* tags, states, stamps */
#define HISTORY    56
#define SOLO       300              /* steps */


typedef struct {
    uint8_t            ended;
    uint8_t            dead;
    uint8_t            pending;     /* has charged, and the key was not evicted
                                       since */
    uint8_t            claimed;
    uint8_t            n;
    uint32_t           seen[HISTORY];
} process_t;


typedef struct {
    uint64_t           words[WORDS];
    uint8_t            charged[KEYS];   /* since the key was evicted */
    uint8_t            deaths;
    process_t          processes[PROCESSES];
} state_t;


typedef struct {
    const char        *name;
    int                ways;
    int                processes;
    int                keys[PROCESSES];
    int                counts[2];   /* of the keys that are there; -1: none */
    int                deaths;
    uint64_t           solo;        /* every so many states */
    int                alike;       /* claims for different keys look alike */
    int                no_owners;   /* faults that the model must find */
    int                takes_own;
    int                gone;
} model_t;


static const model_t   *model;
static state_t         *now;        /* in which a process runs */
static int              me;
static unsigned         at;         /* of the values that it has read */
static int              budget;     /* steps that it can make */
static int              begun;
static jmp_buf          leave;
static const char      *fault;

static struct {
    gw_table_t          table;
    uint64_t            words[WORDS];
} shared;


/* keys */

static uint64_t
key_tag(int key)
{
    return ((uint64_t) (key + 1) << 10)
           | (uint64_t) (model->alike ? 4 : 4 * (key + 1));
}


static int
key_of(uint64_t tag)
{
    int  k;

    for (k = 0; k < KEYS && key_tag(k) != tag; k++) { /* void */ }

    return k;
}


/* accesses */

static uint64_t *
model_word(const uint64_t *p)
{
    return &now->words[p - shared.words];
}


/* a value that the process uses next; "step": it can be stopped before */

static int
model_known(int step, uint64_t *value)
{
    if (at < now->processes[me].n) {
        *value = now->processes[me].seen[at++];
        return 1;
    }

    if (step && budget-- == 0) {
        longjmp(leave, 1);
    }

    if (at == HISTORY) {
        fault = "a process does not end";
        longjmp(leave, 1);
    }

    return 0;
}


static uint64_t
model_keep(uint64_t value)
{
    now->processes[me].seen[at++] = (uint32_t) value;
    now->processes[me].n++;

    return value;
}


/*
 * Clears values that a process has read and that no longer matter: it would do
 * the same with 0.
 */

static uint64_t
model_plain(const uint64_t *p, uint64_t value)
{
    int               means;
    uint64_t          tag;
    const process_t  *process;

    tag = key_tag(model->keys[me]);
    process = &now->processes[me];

    if (p - shared.words >= model_ways || value == tag) {
        return value;
    }

    means = process->claimed
            ? gw_table_rival(value, GW_TABLE_CLAIM | (tag & GW_TABLE_KEY))
            : (int) process->n >= model_ways;

    return means ? value : 0;
}


static uint64_t
model_load(const uint64_t *p)
{
    uint64_t  value;

    return model_known(1, &value) ? value
                                  : model_keep(model_plain(p, *model_word(p)));
}


/*
 * Once a place is claimed, it no longer matters how it was chosen: treats it
 * as if it had been the only empty one, or, once it is the key's, as if it had
 * been found.
 */

static void
model_claimed(int place)
{
    int         i;
    process_t  *process;

    process = &now->processes[me];
    process->claimed = 1;
    process->n = 0;

    for (i = 0; i < 2 * model_ways; i++) {
        process->seen[process->n++]
            = (i < model_ways || i - model_ways == place)
              ? 0 : GW_TABLE_MARKS + 1;
    }

    at = process->n;
}


static void
model_found(int place)
{
    int         i;
    process_t  *process;

    process = &now->processes[me];
    process->claimed = 0;
    process->n = 0;

    for (i = 0; i <= place; i++) {
        process->seen[process->n++] = (i < place) ? 0
                                  : (uint32_t) key_tag(model->keys[me]);
    }

    at = process->n;
}


static uint64_t
model_peek(const uint64_t *p)
{
    uint64_t  value;

    return model_known(0, &value) ? value : model_keep(*model_word(p));
}


static void
model_store(uint64_t *p, uint64_t value)
{
    uint64_t  known;

    if (!model_known(1, &known)) {
        *model_word(p) = value;
        (void) model_keep(0);
    }
}


/* a place is taken: the evicted key loses its charges */

static void
model_taken(uint64_t tag)
{
    int  k, p;

    k = key_of(tag);

    if (k == KEYS || k == model->keys[me]) {
        return;
    }

    now->charged[k] = 0;

    for (p = 0; p < model->processes; p++) {
        if (model->keys[p] == k) {
            now->processes[p].pending = 0;
        }
    }
}


static int
model_swap(uint64_t *p, uint64_t old, uint64_t new)
{
    int       place;
    uint64_t  known;

    if (model_known(1, &known)) {
        return (int) known;
    }

    place = (int) (p - shared.words);

    if (*model_word(p) != old) {

        if (place >= model_ways) {
            model_found((place - model_ways) / 2);
            return 0;
        }

        return (int) model_keep(0);
    }

    *model_word(p) = new;

    if (place >= model_ways) {

        /* a charge: the amount no longer matters */

        model_found((place - model_ways) / 2);
        (void) model_keep(0);

    } else if (new == key_tag(model->keys[me])) {
        model_found(place);
        return 1;

    } else if ((new & GW_TABLE_MARKS) == GW_TABLE_CLAIM) {
        model_taken(old);
        model_claimed(place);
    }

    return (int) model_keep(1);
}


/* the caller of the table */

static int
model_idle(void *data, const uint64_t *state)
{
    (void) data;

    return model_peek(state) == 0;
}


static uint64_t
model_rank(void *data, const uint64_t *state, uint64_t *kept)
{
    (void) data;
    (void) kept;

    return model_peek(state);
}


static int
model_gone(void *data, uint64_t owner)
{
    uint64_t  value;

    (void) data;

    return model_known(0, &value)
           ? (int) value
           : (int) model_keep(model->gone
                              || now->processes[owner - 1].dead);
}


/* values read before no longer matter */

static void
model_begin(void)
{
    if (begun++) {
        now->processes[me].n = 0;
        now->processes[me].pending = 0;
        now->processes[me].claimed = 0;
        at = 0;
    }
}


/*
 * Charges a key like ngx_http_gateway_limit_zone_take().  The inner loop is
 * that of gw_table_get(), with a mark where it starts again.
 */

static void
model_process(void)
{
    int              i, key;
    unsigned         evicted;
    uint64_t         tag, count, hash[2], *bucket, *state;
    gw_table_user_t  user = { model_idle, model_rank, model_gone, NULL, 0 };

    key = model->keys[me];
    hash[0] = 0;
    hash[1] = key_tag(key);
    user.owner = model->no_owners ? 1 : (uint64_t) me + 1;

    do {
        bucket = gw_table_bucket(&shared.table, hash);
        tag = gw_table_tag(hash);

        do {
            model_begin();
            i = gw_table_scan(bucket, tag);

            if (i < 0) {
                i = gw_table_make(&shared.table, bucket, tag, 0, &user,
                                  &evicted);
            }

        } while (i < 0);

        state = gw_table_use(&shared.table, bucket, i, 0);

        do {
            count = model_load(state);
        } while (!model_swap(state, count, count + 1));

        /* of the last step */

        if (at == now->processes[me].n && budget == 0) {
            now->processes[me].pending = (now->words[i] == tag);
        }

    } while (!gw_table_holds(&shared.table, hash, state));

    now->processes[me].ended = 1;
    now->charged[key] += now->processes[me].pending;
    now->processes[me].pending = 0;
    now->processes[me].n = 0;
}


static void
step(state_t *state, int process)
{
    now = state;
    me = process;
    at = 0;
    budget = 1;
    begun = 0;

    if (setjmp(leave) == 0) {
        model_process();
    }
}


/* invariants of every state */

static const char *
judge(const state_t *state)
{
    int              i, k, place;
    const uint64_t  *count;

    for (k = 0; k < KEYS; k++) {
        place = -1;

        for (i = 0; i < model->ways; i++) {

            if (state->words[i] != key_tag(k)) {
                continue;
            }

            if (place >= 0) {
                return "a key has two places";
            }

            place = i;
        }

        if (state->charged[k] == 0) {
            continue;
        }

        count = &state->words[model->ways + 2 * place];

        if (place < 0 || *count < state->charged[k]) {
            return "a charge is lost";
        }
    }

    return NULL;
}


/* a process that runs alone ends, with the others stopped or killed */

static const char *
solo(const state_t *from)
{
    int      p, q, n, killed;
    state_t  state;

    for (killed = 0; killed < 2; killed++) {
        for (p = 0; p < model->processes; p++) {

            state = *from;

            if (state.processes[p].dead) {
                continue;
            }

            for (q = 0; q < model->processes; q++) {
                state.processes[q].dead |= (killed && q != p);
            }

            for (n = 0; n < SOLO && !state.processes[p].ended; n++) {
                step(&state, p);

                if (fault || judge(&state)) {
                    return fault ? fault : judge(&state);
                }
            }

            if (!state.processes[p].ended) {
                return "a process does not end alone";
            }
        }
    }

    return NULL;
}


/* visited states, by 64 bits of a hash */

#define SEEN  (1U << 24)

static uint64_t  *seen;
static uint64_t   nseen;


static uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;

    return hash ^ (hash >> 29);
}


static uint64_t
hash_of(const state_t *state)
{
    int               i, p;
    uint64_t          hash;
    const process_t  *process;

    hash = 1;

    for (i = 0; i < WORDS; i++) {
        hash = mix(hash, state->words[i]);
    }

    for (i = 0; i < KEYS; i++) {
        hash = mix(hash, state->charged[i]);
    }

    for (p = 0; p < model->processes; p++) {
        process = &state->processes[p];

        hash = mix(hash, (uint64_t) process->ended << 32
                         | (uint64_t) process->claimed << 24
                         | (uint64_t) process->dead << 16
                         | (uint64_t) process->pending << 8 | process->n);

        for (i = 0; i < process->n; i++) {
            hash = mix(hash, process->seen[i]);
        }
    }

    return hash ? hash : 1;
}


static int
is_new(uint64_t hash)
{
    uint64_t  i;

    for (i = hash % SEEN; seen[i]; i = (i + 1) % SEEN) {
        if (seen[i] == hash) {
            return 0;
        }
    }

    seen[i] = hash;

    if (++nseen > SEEN / 4 * 3) {
        fault = "there are too many states";
    }

    return 1;
}


/* visits all successors, with a stack of states to continue from */

static const char *
search(state_t *first)
{
    int        p;
    size_t     n, room;
    uint64_t   hash;
    state_t    state, next, *todo;

    room = 1 << 16;
    todo = malloc(room * sizeof(state_t));
    n = 0;
    todo[n++] = *first;

    while (n && fault == NULL) {
        state = todo[--n];

        if (n + 2 * PROCESSES > room) {
            room *= 2;
            todo = realloc(todo, room * sizeof(state_t));
        }

        for (p = 0; p < 2 * model->processes && fault == NULL; p++) {
            next = state;

            if (next.processes[p / 2].ended || next.processes[p / 2].dead) {
                continue;
            }

            if (p & 1) {
                if (next.deaths == model->deaths) {
                    continue;
                }

                next.deaths++;
                next.processes[p / 2].dead = 1;

            } else {
                step(&next, p / 2);
            }

            hash = hash_of(&next);

            if (fault || !is_new(hash)) {
                continue;
            }

            fault = judge(&next);

            if (fault == NULL && hash % model->solo == 0) {
                fault = solo(&next);
            }

            todo[n++] = next;
        }
    }

    free(todo);

    return fault;
}


static const char *
check(const model_t *m)
{
    int      i;
    state_t  state;

    model = m;
    model_ways = m->ways;
    model_takes_own = m->takes_own;
    fault = NULL;
    nseen = 0;

    memset(seen, 0, SEEN * sizeof(uint64_t));
    memset(&state, 0, sizeof(state));
    memset(&shared, 0, sizeof(shared));

    shared.table.buckets = 1;
    shared.table.words = 2;

    for (i = 0; i < 2; i++) {
        if (m->counts[i] >= 0) {
            state.words[i] = key_tag(3 + i);
            state.words[m->ways + 2 * i] = (uint64_t) m->counts[i];
            state.charged[3 + i] = (uint8_t) m->counts[i];
        }
    }

    return search(&state);
}


static const model_t  right[] = {
    { .name = "two for a key, an empty bucket", .ways = 3,
      .processes = 2, .keys = { 0, 0 }, .counts = { -1, -1 },
      .deaths = 1, .solo = 1 },
    { .name = "two for a key, a full bucket", .ways = 2,
      .processes = 2, .keys = { 0, 0 }, .counts = { 2, 1 },
      .deaths = 1, .solo = 1 },
    { .name = "two for two keys", .ways = 2,
      .processes = 2, .keys = { 0, 1 }, .counts = { 1, 2 },
      .deaths = 1, .solo = 1 },
    { .name = "three for a key, a full bucket", .ways = 2,
      .processes = 3, .keys = { 0, 0, 0 }, .counts = { 2, 1 },
      .deaths = 1, .solo = UINT64_MAX },
    { .name = "two for a key and one for another", .ways = 2,
      .processes = 3, .keys = { 0, 0, 1 }, .counts = { 1, 2 },
      .deaths = 1, .solo = UINT64_MAX },
    { .name = "the same, and claims look alike", .ways = 2,
      .processes = 3, .keys = { 0, 0, 1 }, .counts = { 0, 1 },
      .solo = UINT64_MAX, .alike = 1 },
    { .name = "two for a key and one for an old one", .ways = 2,
      .processes = 3, .keys = { 0, 0, 3 }, .counts = { 1, 2 },
      .solo = UINT64_MAX },
    { .name = "three for a key, an empty bucket", .ways = 3,
      .processes = 3, .keys = { 0, 0, 0 }, .counts = { -1, -1 },
      .solo = 64 },
};

static const model_t  wrong[] = {
    { .name = "a key may take its own place", .ways = 2,
      .processes = 2, .keys = { 0, 0 }, .counts = { 2, 1 },
      .solo = UINT64_MAX, .takes_own = 1 },
    { .name = "claims have no owners", .ways = 2,
      .processes = 3, .keys = { 0, 0, 0 }, .counts = { 2, 1 },
      .solo = UINT64_MAX, .no_owners = 1 },
    { .name = "a process is taken for killed that is stopped", .ways = 2,
      .processes = 3, .keys = { 0, 0, 1 }, .counts = { 2, 1 },
      .solo = UINT64_MAX, .gone = 1 },
};


int
main(void)
{
    size_t       i;
    const char  *found;

    seen = malloc(SEEN * sizeof(uint64_t));

    if (seen == NULL) {
        return 1;
    }

    for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        found = check(&right[i]);
        ok(found == NULL, "%s: %s in %llu states", right[i].name,
           found ? found : "no fault", (unsigned long long) nseen);
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        found = check(&wrong[i]);
        is_str(found, "a charge is lost", "seeded: %s: found after %llu states",
               wrong[i].name, (unsigned long long) nseen);
    }

    free(seen);

    return done_testing();
}
