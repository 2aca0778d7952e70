/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Slots that processes share.  Each is held by one process at a time, none is
 * lost, and a free one is found, even if processes are killed at any point.
 *
 * The model runs the code of gw_slot.c itself, one access to shared memory at
 * a time, in all interleavings of the processes.  For each step, a process runs
 * from its start: accesses of earlier steps return the recorded values, the
 * next access is executed, and the process is left by longjmp().  The values
 * that a process has read determine its actions, so they are all of its state.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gw_slot.h"
#include "tap.h"


/* the code under test; accesses are steps, and words of the map are small */

static uint64_t model_step(int op, uint64_t *p, uint64_t a, uint64_t b);

enum { LOAD, STORE, OR, AND, SWAP, GONE, BEGIN, HOLD, LEAVE, NONE };

#define gw_slot_load(p)            model_step(LOAD, p, 0, 0)
#define gw_slot_store(p, value)    ((void) model_step(STORE, p, value, 0))
#define gw_slot_or(p, bits)        model_step(OR, p, bits, 0)
#define gw_slot_and(p, bits)       model_step(AND, p, bits, 0)
#define gw_slot_swap(p, old, new)  model_step(SWAP, p, old, new)

#define gw_slot_fit    model_fit
#define gw_slot_size   model_size
#define gw_slot_init   model_init
#define gw_slot_take   model_take
#define gw_slot_give   model_give
#define gw_slot_sweep  model_sweep

#define GW_SLOT_BITS   2

#include "gw_slot.c"

#undef gw_slot_fit
#undef gw_slot_size
#undef gw_slot_init
#undef gw_slot_take
#undef gw_slot_give
#undef gw_slot_sweep


#define PROCESSES  3
#define SLOTS      3
#define STEPS      64
#define SEEN       (1 << 24)


typedef struct {
    uint64_t   memory[16 + SLOTS * 3 + 16];
    uint64_t   result[PROCESSES][STEPS];    /* of the previous accesses */
    uint8_t    steps[PROCESSES];
    uint8_t    ended[PROCESSES];
    uint8_t    killed[PROCESSES];
    uint8_t    held[SLOTS];                 /* by a process + 1; 0: free */
    uint8_t    empty[PROCESSES];            /* no slot was free during the */
    uint8_t    none[PROCESSES];             /* search; at the last access */
} model_t;


static struct {
    model_t     now;
    void      (*program[PROCESSES])(void);
    uint64_t    slots;
    int         deaths;                     /* maximum of killed processes */
    int         strict;                     /* a map of one word */

    int         process;                    /* that runs */
    int         step;
    int         moved;
    jmp_buf     left;

    uint64_t   *seen;
    long        states;
    long        twice, lost, missed, stuck;
} model;


/* the state of the slots, read without steps */

static gw_slots_t *
model_slots(void)
{
    return (gw_slots_t *) model.now.memory;
}


static int
model_free(uint64_t i)
{
    gw_slots_t  *slots;

    slots = model_slots();

    return gw_slot_list(slots)[i].owner == 0
           && (gw_slot_map(slots)[i / GW_SLOT_BITS]
               & 1ULL << i % GW_SLOT_BITS);
}


static int
model_none_free(void)
{
    uint64_t  i;

    for (i = 0; i < model.slots; i++) {
        if (model_free(i)) {
            return 0;
        }
    }

    return 1;
}


/* executes an access; BEGIN, HOLD, LEAVE and NONE only inform the model */

static uint64_t
model_access(int op, uint64_t *p, uint64_t a, uint64_t b)
{
    uint64_t  old;

    old = p ? *p : 0;

    switch (op) {

    case STORE:
        *p = a;
        break;

    case OR:
        *p |= a;
        break;

    case AND:
        *p &= a;
        break;

    case SWAP:
        if (old == a) {
            *p = b;
        }

        return old == a;

    case GONE:
        return model.now.killed[a - 1];

    case BEGIN:
        model.now.empty[model.process] = model_none_free();
        break;

    case HOLD:
        if (model.now.held[a] && !model.now.killed[model.now.held[a] - 1]) {
            model.twice++;
        }

        model.now.held[a] = model.process + 1;
        break;

    case LEAVE:
        model.now.held[a] = 0;
        break;

    case NONE:
        if (model.strict && !model.now.none[model.process]) {
            model.missed++;
        }

        break;
    }

    return old;
}


static uint64_t
model_step(int op, uint64_t *p, uint64_t a, uint64_t b)
{
    int  i, process;

    process = model.process;

    if (model.step < model.now.steps[process]) {
        return model.now.result[process][model.step++];
    }

    if (model.moved) {
        longjmp(model.left, 1);
    }

    if (model.step == STEPS) {
        model.stuck++;
        longjmp(model.left, 1);
    }

    model.moved = 1;
    model.now.result[process][model.step] = model_access(op, p, a, b);
    model.now.steps[process] = ++model.step;

    for (i = 0; i < PROCESSES; i++) {
        model.now.empty[i] |= model_none_free();
    }

    if (op < BEGIN) {
        model.now.none[process] = model.now.empty[process];
    }

    return model.now.result[process][model.step - 1];
}


static void
model_run(int process)
{
    model.process = process;
    model.step = 0;
    model.moved = 0;

    if (setjmp(model.left) == 0) {
        model.program[process]();
        model.now.ended[process] = 1;
    }
}


/* --- the programs of processes */

static int
model_gone(void *data, uint64_t owner)
{
    (void) data;

    return model_step(GONE, NULL, owner, 0);
}


static void
model_undo(void *data, gw_slot_t *slot)
{
    (void) data;

    model_step(LEAVE, NULL, slot - gw_slot_list(model_slots()), 0);
}


static void
take_and_give(void)
{
    uint64_t    cursor, i;
    gw_slot_t  *slot;

    cursor = model.process;

    model_step(BEGIN, NULL, 0, 0);

    slot = model_take(model_slots(), model.process + 1, &cursor);

    if (slot == NULL) {
        model_step(NONE, NULL, 0, 0);
        return;
    }

    i = slot - gw_slot_list(model_slots());

    model_step(HOLD, NULL, i, 0);
    model_step(LEAVE, NULL, i, 0);

    model_give(model_slots(), slot);
}


static void
twice(void)
{
    take_and_give();
    take_and_give();
}


/* seeded defects: a bit set too early; a check of the bit alone */

static void
give_early(void)
{
    uint64_t    cursor, i;
    gw_slot_t  *slot;

    cursor = 0;

    slot = model_take(model_slots(), model.process + 1, &cursor);

    if (slot) {
        i = slot - gw_slot_list(model_slots());

        model_step(OR, gw_slot_map(model_slots()), 1ULL << i, 0);
        model_step(STORE, &slot->owner, 0, 0);
    }
}


static void
take_blindly(void)
{
    gw_slot_t  *slot;

    slot = gw_slot_list(model_slots());

    gw_slot_use(model_slots(), 1);

    if (model_step(AND, gw_slot_map(model_slots()), ~1ULL, 0) & 1) {
        model_step(STORE, &slot->owner, model.process + 1, 0);
        model_step(HOLD, NULL, 0, 0);
        model_step(LEAVE, NULL, 0, 0);
        model_give(model_slots(), slot);
    }
}


static void
sweep(void)
{
    model_sweep(model_slots(), model.process + 1, model_gone, model_undo,
                NULL);
}


static void
sweep_and_take(void)
{
    sweep();
    take_and_give();
}


/*
 * When all processes have ended, each slot must be found: after a sweep, if a
 * process was killed.
 */

static void
find_all(void)
{
    uint64_t  cursor;

    cursor = 0;

    while (model_take(model_slots(), PROCESSES + 1, &cursor)) { /* void */ }
}


static void
sweep_and_find_all(void)
{
    sweep();
    find_all();
}


static void
model_end(void)
{
    int       i, deaths;
    uint64_t  n;
    model_t   saved;
    void    (*program)(void);

    saved = model.now;
    program = model.program[0];
    deaths = 0;

    for (i = 0; i < PROCESSES; i++) {
        deaths += model.now.killed[i];
    }

    /* an observer, with a name that no process had */

    model.program[0] = deaths ? sweep_and_find_all : find_all;
    model.now.steps[0] = 0;
    model.now.ended[0] = 0;
    model.process = 0;

    while (!model.now.ended[0] && model.stuck == 0) {
        model_run(0);
    }

    for (n = 0, i = 0; i < (int) model.slots; i++) {
        n += (gw_slot_list(model_slots())[i].owner == PROCESSES + 1);
    }

    model.lost += (n != model.slots);

    model.program[0] = program;
    model.now = saved;
}


static uint64_t
model_hash(void)
{
    int            i;
    size_t         n;
    uint64_t       hash;
    const uint8_t  *p;

    hash = 14695981039346656037ULL;

#define model_mix(what, size)                                                 \
    for (p = (const uint8_t *) (what), n = (size); n; n--, p++) {             \
        hash = (hash ^ *p) * 1099511628211ULL;                                \
    }

    model_mix(model.now.memory, sizeof(model.now.memory));
    model_mix(model.now.steps, sizeof(model_t) - offsetof(model_t, steps));

    for (i = 0; i < PROCESSES; i++) {
        model_mix(model.now.result[i], model.now.steps[i] * sizeof(uint64_t));
    }

    return (hash ^ hash >> 29) | 1;
}


/* whether the state was visited before */

static int
model_met(void)
{
    uint64_t  hash, i;

    hash = model_hash();

    for (i = hash >> 20; /* void */ ; i++) {

        if (model.seen[i % SEEN] == hash) {
            return 1;
        }

        if (model.seen[i % SEEN] == 0) {
            model.seen[i % SEEN] = hash;
            model.states++;
            return model.states > SEEN / 2 ? (model.stuck++, 1) : 0;
        }
    }
}


static void
model_explore(int deaths)
{
    int       i, over;
    model_t   saved;

    if (model_met()) {
        return;
    }

    saved = model.now;
    over = 1;

    for (i = 0; i < PROCESSES; i++) {

        if (model.program[i] == NULL || saved.ended[i] || saved.killed[i]) {
            continue;
        }

        over = 0;

        model_run(i);
        model_explore(deaths);
        model.now = saved;

        if (deaths < model.deaths) {
            model.now.killed[i] = 1;
            model_explore(deaths + 1);
            model.now = saved;
        }
    }

    if (over) {
        model_end();
    }
}


static void
run_all(const char *name, uint64_t slots, int deaths, void (*a)(void),
    void (*b)(void), void (*c)(void))
{
    memset(&model, 0, sizeof(model));

    model.program[0] = a;
    model.program[1] = b;
    model.program[2] = c;
    model.slots = slots;
    model.deaths = deaths;
    model.strict = (slots <= GW_SLOT_BITS);
    model.seen = calloc(SEEN, sizeof(uint64_t));

    if (model.seen == NULL || sizeof(model.now.memory) < model_size(slots)) {
        abort();
    }

    model_init(model_slots(), slots);
    model_explore(0);
    free(model.seen);

    note("%s, slots: %d, deaths: %d, states: %ld", name, (int) slots, deaths,
         model.states);
}


static void
explore(const char *name, uint64_t slots, int deaths, void (*a)(void),
    void (*b)(void), void (*c)(void))
{
    run_all(name, slots, deaths, a, b, c);

    ok(model.stuck == 0, "%s: all interleavings are visited", name);
    is_int(model.twice, 0, "%s: no slot is held twice", name);
    is_int(model.missed, 0, "%s: a free slot is found", name);
    is_int(model.lost, 0, "%s: no slot is lost", name);
}


static void
test_model(void)
{
    explore("two, one slot", 1, 0, twice, twice, NULL);
    explore("two, one slot, a death", 1, 1, twice, twice, NULL);
    explore("three, one slot", 1, 0, take_and_give, take_and_give,
            take_and_give);
    explore("three, two slots", 2, 0, take_and_give, take_and_give,
            take_and_give);
    explore("two and a sweep", 1, 1, take_and_give, take_and_give, sweep);
    explore("two and a sweep, two slots", 2, 1, take_and_give, take_and_give,
            sweep);
    explore("two sweeps", 1, 2, take_and_give, sweep_and_take, sweep);
    explore("two words", 3, 1, twice, take_and_give, NULL);

    run_all("a bit set too early", 1, 0, give_early, take_and_give,
            NULL);
    ok(model.lost > 0, "a bit set too early: a slot is lost");

    run_all("a check of the bit alone", 1, 0, take_blindly, take_blindly,
            sweep);
    ok(model.twice > 0, "a check of the bit alone: a slot is held twice");
}


/* the real code, with processes that are killed at any point */

#define CHILDREN  4
#define KILLS     200
#define MANY      70        /* slots: two words of the map */
#define HELD      25        /* by one process */


static struct {
    gw_slots_t  *slots;
    uint64_t    *held;      /* pid of the holder */
    uint64_t    *stop;
    uint64_t    *wrong;
    uint64_t    *taken;
} shared;


static gw_slot_t *
shared_slot(uint64_t i)
{
    return (gw_slot_t *) ((char *) shared.slots + gw_slot_size(MANY)
                          - (MANY * sizeof(gw_slot_t) + 63) / 64 * 64) + i;
}


static int
is_gone(void *data, uint64_t owner)
{
    (void) data;

    return kill((pid_t) owner, 0) == -1;
}


static void
undo(void *data, gw_slot_t *slot)
{
    (void) data;

    __atomic_store_n(&shared.held[slot - shared_slot(0)], 0,
                     __ATOMIC_SEQ_CST);
}


static void
child(void)
{
    int         i, n;
    uint64_t    self, cursor, other;
    gw_slot_t  *slot[HELD];

    self = getpid();
    cursor = self;

    (void) gw_slot_sweep(shared.slots, self, is_gone, undo, NULL);

    while (!__atomic_load_n(shared.stop, __ATOMIC_SEQ_CST)) {

        for (n = 0; n < HELD; n++) {
            slot[n] = gw_slot_take(shared.slots, self, &cursor);

            if (slot[n] == NULL) {
                break;
            }

            other = __atomic_exchange_n(
                                   &shared.held[slot[n] - shared_slot(0)],
                                   self, __ATOMIC_SEQ_CST);

            if (other) {
                __atomic_fetch_add(shared.wrong, 1, __ATOMIC_SEQ_CST);
            }

            __atomic_fetch_add(shared.taken, 1, __ATOMIC_SEQ_CST);
        }

        for (i = 0; i < n; i++) {
            undo(NULL, slot[i]);
            gw_slot_give(shared.slots, slot[i]);
        }
    }

    _exit(0);
}


static pid_t
start(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == -1) {
        abort();
    }

    if (pid == 0) {
        child();
    }

    return pid;
}


static void
test_processes(void)
{
    int       i, n;
    char     *memory;
    pid_t     pid[CHILDREN];
    size_t    size;
    uint64_t  cursor;

    size = gw_slot_size(MANY) + (MANY + 3) * sizeof(uint64_t);
    memory = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                  -1, 0);

    if (memory == MAP_FAILED) {
        abort();
    }

    shared.slots = (gw_slots_t *) memory;
    shared.held = (uint64_t *) (memory + gw_slot_size(MANY));
    shared.stop = shared.held + MANY;
    shared.wrong = shared.stop + 1;
    shared.taken = shared.stop + 2;

    gw_slot_init(shared.slots, MANY);

    for (i = 0; i < CHILDREN; i++) {
        pid[i] = start();
    }

    for (i = 0; i < KILLS; i++) {
        usleep(rand() % 1000);

        n = rand() % CHILDREN;
        kill(pid[n], SIGKILL);
        waitpid(pid[n], NULL, 0);
        pid[n] = start();
    }

    *shared.stop = 1;

    for (i = 0; i < CHILDREN; i++) {
        waitpid(pid[i], NULL, 0);
    }

    (void) gw_slot_sweep(shared.slots, getpid(), is_gone, undo, NULL);

    cursor = 1;
    n = 0;

    while (gw_slot_take(shared.slots, getpid(), &cursor)) {
        n++;
    }

    note("%d processes were killed, %llu slots taken", KILLS,
         (unsigned long long) *shared.taken);
    ok(*shared.taken > 0, "processes take slots");
    is_int((long long) *shared.wrong, 0, "no slot is held twice");
    is_int(n, MANY, "no slot is lost");

    munmap(memory, size);
}


static void
test_sizes(void)
{
    size_t    size;
    uint64_t  n;

    for (size = 0; size < 20000; size++) {
        n = gw_slot_fit(size);

        if ((n && gw_slot_size(n) > size) || gw_slot_size(n + 1) <= size) {
            break;
        }
    }

    is_int((long long) size, 20000, "the maximum of slots that fit");
    is_int((long long) gw_slot_fit(0), 0, "no slots in 0 bytes");
    is_int((long long) gw_slot_fit(32 * 1024), 1354, "the slots in 32 KB");
}


int
main(void)
{
    test_sizes();
    test_model();
    test_processes();

    return done_testing();
}
