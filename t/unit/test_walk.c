/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists that a writer changes while they are read without its lock: whatever is
 * read was the whole list at some moment, and nothing outside of the memory is
 * touched.  The memory ends before a page that cannot be read.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gw_walk.h"
#include "tap.h"


#define ELEMENTS  32
#define ROUNDS    200000            /* of changes, at least */
#define READS     20000             /* valid ones, at least */
#define LOCKED    ((uintptr_t) -1)
#define STEPS     6                 /* of a change */


typedef struct element_s  element_t;

struct element_s {
    uintptr_t        version;       /* of the list, as the writer made it */
    uintptr_t        total;         /* elements of this version */
    size_t           len;
    char            *text;
    element_t       *next;
};

typedef struct {
    uintptr_t        lock;
    uintptr_t        changes;
    void            *head;
    element_t        element[ELEMENTS];
    char             text[ELEMENTS][16];
} shared_t;

typedef struct {
    unsigned         n;
    uintptr_t        version;
    uintptr_t        total;
    int              mixed;
    char             text[16];
} seen_t;


static shared_t  *shared;
static gw_walk_t  walk;
static int        stop;


/* the last "len" bytes before a page without access */

static void *
guarded(size_t len)
{
    char   *p;
    size_t  page, pages;

    page = sysconf(_SC_PAGESIZE);
    pages = (len + page - 1) / page * page;

    p = mmap(NULL, pages + page, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + pages, page, PROT_NONE) != 0) {
        abort();
    }

    return p + pages - len;
}


static void
make(void)
{
    shared = guarded(sizeof(shared_t));

    walk.start = (char *) shared;
    walk.len = sizeof(shared_t);
    walk.lock = &shared->lock;
    walk.changes = &shared->changes;
    walk.size = sizeof(element_t);
    walk.next = offsetof(element_t, next);
}


/* a list of "n" elements from "first" on, in the writer's own time */

static void
build(unsigned first, unsigned n, uintptr_t version)
{
    unsigned    i, at;
    element_t  *element, *next;

    next = NULL;

    for (i = n; i-- > 0; /* void */) {
        at = (first + i) % ELEMENTS;
        element = &shared->element[at];

        element->version = version;
        element->total = n;
        element->len = sizeof(shared->text[at]);
        element->text = shared->text[at];
        memset(element->text, 'a' + version % 26, element->len);
        element->next = next;

        next = element;
    }

    __atomic_store_n(&shared->head, next, __ATOMIC_SEQ_CST);
}


static int
see(void *data, const gw_walk_t *w, unsigned i, const void *p)
{
    seen_t           *seen = data;
    const element_t  *element = p;

    size_t       len;
    const char  *text;

    if (i == 0) {
        memset(seen, 0, sizeof(seen_t));
        seen->version = element->version;
        seen->total = element->total;
    }

    seen->n = i + 1;
    seen->mixed |= element->version != seen->version;

    len = *(volatile const size_t *) &element->len;
    text = *(const char *volatile const *) &element->text;

    if (len != sizeof(seen->text)
        || gw_walk_copy(w, seen->text, text, len) != 0)
    {
        return -1;
    }

    seen->mixed |= seen->text[0] != (char) ('a' + seen->version % 26)
                   || seen->text[15] != seen->text[0];

    return 0;
}


static int
look(seen_t *seen)
{
    uintptr_t  changes;

    return gw_walk(&walk, &shared->head, ELEMENTS, see, seen, &changes);
}


static void
test_still(void)
{
    seen_t     seen;
    uintptr_t  changes;

    is_int(look(&seen), 0, "an empty list");

    build(30, 5, 7);
    shared->changes = 5;

    is_int(gw_walk(&walk, &shared->head, ELEMENTS, see, &seen, &changes), 5,
           "a list");
    is_int(changes, 5, "its number of changes");
    is_int(seen.n, 5, "each element was seen");

    is_int(gw_walk(&walk, &shared->head, 5, see, &seen, &changes), 5,
           "a list of the most elements");
    is_int(gw_walk(&walk, &shared->head, 4, see, &seen, &changes), -1,
           "a list of more elements");

    shared->lock = LOCKED;
    is_int(look(&seen), -1, "locked for writing");

    shared->lock = 3;
    is_int(look(&seen), 5, "locked for reading");

    shared->lock = LOCKED;
    walk.lock = NULL;
    is_int(gw_walk(&walk, &shared->head, ELEMENTS, see, &seen, &changes), 5,
           "a list that never changes has no lock");
    is_int(changes, 0, "and no changes");

    walk.lock = &shared->lock;
    shared->lock = 0;
}


/* pointers that a freed element can contain */

static void
test_garbage(void)
{
    size_t      i;
    seen_t      seen;
    element_t  *element;

    const uintptr_t  wrong[] = {
        1, 8, (uintptr_t) -8,
        (uintptr_t) shared - 8,
        (uintptr_t) shared + sizeof(shared_t) - sizeof(element_t) + 8,
        (uintptr_t) shared + sizeof(shared_t),
        (uintptr_t) shared + offsetof(shared_t, element) + 4
    };

    element = &shared->element[1];

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        build(0, 3, 1);
        element->next = (element_t *) wrong[i];
        is_int(look(&seen), -1, "next is wrong %zu", i);

        build(0, 3, 1);
        element->text = (char *) wrong[i];
        element->len = 16;

        if (!gw_walk_inside(&walk, element->text, 16)) {
            is_int(look(&seen), -1, "text is wrong %zu", i);
        }
    }

    build(0, 3, 1);
    element->next = element;
    is_int(look(&seen), -1, "a loop ends");

    ok(gw_walk_inside(&walk, shared, sizeof(shared_t)), "all is inside");
    ok(!gw_walk_inside(&walk, shared, sizeof(shared_t) + 1),
       "a byte more is not");
    ok(gw_walk_inside(&walk, shared + 1, 0), "no byte behind the end");
    ok(!gw_walk_inside(&walk, shared + 1, 1), "a byte behind the end");
    ok(!gw_walk_inside(&walk, (char *) shared + 1, (size_t) -1),
       "a length that overflows");
}


/* removes all elements, fills them with garbage and makes others, as nginx */

static void
change(uintptr_t version, unsigned steps)
{
    unsigned  i, n, step;

    n = version % (ELEMENTS + 1);

    for (step = 0; step < steps; step++) {

        switch (step) {

        case 0:
            __atomic_store_n(&shared->lock, LOCKED, __ATOMIC_SEQ_CST);
            break;

        case 1:
            __atomic_store_n(&shared->head, NULL, __ATOMIC_SEQ_CST);
            break;

        case 2:
            __atomic_fetch_add(&shared->changes, 1, __ATOMIC_SEQ_CST);

            for (i = 0; i < ELEMENTS; i++) {
                memset(&shared->element[i], (int) (version * 37 + i),
                       sizeof(element_t));
            }

            break;

        case 3:
            build(version * 5 % ELEMENTS, n, version);
            break;

        case 4:
            __atomic_fetch_add(&shared->changes, n, __ATOMIC_SEQ_CST);
            break;

        case 5:
            __atomic_store_n(&shared->lock, 0, __ATOMIC_SEQ_CST);
            break;
        }
    }
}


typedef struct {
    seen_t    seen;
    unsigned  at;           /* the element at which the list changes */
    unsigned  steps;
} meet_t;


static int
meet(void *data, const gw_walk_t *w, unsigned i, const void *p)
{
    meet_t *m = data;

    if (see(&m->seen, w, i, p) != 0) {
        return -1;
    }

    if (i == m->at) {
        change(40 + m->at, m->steps);
    }

    return 0;
}


/* each point of a change, at each element */

static void
test_meet(void)
{
    int        n, wrong;
    meet_t     m;
    uintptr_t  changes;

    wrong = 0;

    for (m.at = 0; m.at < 8; m.at++) {
        for (m.steps = 1; m.steps <= STEPS; m.steps++) {

            shared->lock = 0;
            build(3, 8, 1);

            n = gw_walk(&walk, &shared->head, ELEMENTS, meet, &m, &changes);

            wrong += n != -1;

            /* the next one sees what the writer has made, once it is unlocked */

            n = look(&m.seen);

            wrong += m.steps < STEPS ? n != -1
                                     : (n != (int) ((40 + m.at) % 33)
                                        || m.seen.mixed);
        }
    }

    is_int(wrong, 0, "a change at any element, interrupted at any point");
    shared->lock = 0;
}


static void *
writer(void *data)
{
    unsigned   i;
    uintptr_t  version;

    (void) data;

    for (version = 1;
         version < ROUNDS || !__atomic_load_n(&stop, __ATOMIC_SEQ_CST);
         version++)
    {
        change(version, STEPS);

        /* without a pause, no walk would see two equal numbers */

        for (i = 0; i < version % 3000; i++) {
            __asm__ volatile ("" ::: "memory");
        }

        if (version % 64 == 0) {
            sched_yield();
        }
    }

    return NULL;
}


static void
test_writer(void)
{
    int        n;
    long       valid, failed, wrong, full;
    seen_t     seen;
    pthread_t  thread;

    memset(shared, 0, sizeof(shared_t));

    if (pthread_create(&thread, NULL, writer, NULL) != 0) {
        abort();
    }

    valid = failed = wrong = full = 0;

    while (valid < READS || full == 0 || failed == 0) {

        memset(&seen, 0, sizeof(seen));
        n = look(&seen);

        if (n < 0) {
            failed++;

            if (failed % 100 == 0) {
                sched_yield();
            }

            continue;
        }

        valid++;
        full += n == ELEMENTS;

        if ((uintptr_t) n != seen.total || seen.n != (unsigned) n
            || seen.mixed)
        {
            wrong++;
        }
    }

    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);

    is_int(wrong, 0, "each valid read is a whole list");
    note("%ld valid, %ld failed, %ld with all elements", valid, failed, full);
}


int
main(void)
{
    make();

    test_still();
    test_garbage();
    test_meet();
    test_writer();

    return done_testing();
}
