/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The store of the cache when a process is killed at any instruction of an
 * operation.
 *
 * The operation is single-stepped.  After each step that has changed the shared
 * memory, the test works on a copy of it, as if the process had been killed at
 * this point.  Another process reclaims its resources.  After that, no memory
 * is lost, no lock is stuck and no data is wrong.
 */

#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "cache_world.h"
#include "tap.h"


#define SIZE    GW_CACHE_SIZE_MIN
#define BODY    3000
#define CHILD   4000000     /* its name, which is not a pid */

#define FIND    300         /* a bit more instructions than a search executes */

/* pins of a run */
#define RUN     ((GW_CACHE_PIN_UNITS * GW_CACHE_UNIT                          \
                  - sizeof(gw_cache_pins_t)) / sizeof(uint32_t))

#if defined(__SANITIZE_ADDRESS__)
#define STEPS   200         /* one of so many instructions is checked */
#else
#define STEPS   1
#endif


static gw_cache_t      *cache, *copy, *before;
static gw_cache_user_t  user, child;
static uint64_t         start;          /* bytes in use without entries */
static unsigned char    old[BODY], new[BODY];


static case_t  a = { .key = "a", .tags = { "t" }, .body = (char *) old,
                     .len = BODY };
static case_t  b = { .key = "b", .tags = { "u" }, .body = (char *) old,
                     .len = BODY };
static case_t  v = { .key = "v", .variant = "gzip", .body = (char *) old,
                     .len = BODY };
static case_t  n = { .key = "n", .body = (char *) new, .len = BODY };


/* --- operations, in the process that is killed */

static void
op_join(void)
{
    gw_cache_leave(&child);
    gw_cache_join(&child, NOW);
}


static void
op_store(void)
{
    (void) case_store(&child, &n);
}


static void
op_replace(void)
{
    a.body = (char *) new;
    (void) case_store(&child, &a);
}


static void
op_abort(void)
{
    gw_cache_fill_t  fill;

    (void) case_begin(&child, &n, 0, &fill);
    (void) case_open(&child, &n, &fill, GW_CACHE_UNKNOWN);
    (void) gw_cache_append(&child, &fill, new, BODY, NOW);
    (void) gw_cache_append(&child, &fill, new, BODY, NOW);
    gw_cache_abort(&child, &fill);
}


static void
op_read(void)
{
    gw_cache_hit_t  hit, other;

    (void) case_find(&child, &a, &hit);
    (void) case_find(&child, &b, &other);
    gw_cache_drop(&child, &hit);
    gw_cache_unpin(&child, &hit);
    gw_cache_unpin(&child, &other);
}


/* the pins of one run are in use before: another one is needed */

static void
op_pins(void)
{
    gw_cache_hit_t  hit[3];

    (void) case_find(&child, &a, &hit[0]);
    (void) case_find(&child, &a, &hit[1]);
    (void) case_find(&child, &a, &hit[2]);
    gw_cache_unpin(&child, &hit[0]);
    gw_cache_unpin(&child, &hit[2]);
    gw_cache_unpin(&child, &hit[1]);
}


static void
op_refresh(void)
{
    gw_cache_key_t       key;
    gw_cache_hit_t       hit;
    gw_text_t            tags[4];
    gw_cache_fill_t      fill;
    gw_cache_labels_t    target;
    gw_cache_content_t  response;

    case_key(cache, &a, &key);
    case_target(&a, &target);
    case_response(&a, &response, tags);

    if (case_find(&child, &a, &hit)) {
        (void) case_begin(&child, &a, hit.serial, &fill);
        (void) gw_cache_refresh(&child, &fill, &key, &target, &response, &hit,
                                NOW);
        gw_cache_unpin(&child, &hit);
    }
}


static void
op_vary(void)
{
    case_t             k = { .key = "n", .variant = "de" };
    gw_cache_key_t     key;
    gw_text_t          names;
    gw_cache_fill_t    fill;
    gw_cache_labels_t  target;

    names = text_of("accept-language");
    case_key(cache, &k, &key);
    case_target(&k, &target);

    (void) case_begin(&child, &n, 0, &fill);
    (void) gw_cache_fill_vary(&child, &fill, &key, &target, &names, NOW + HOUR,
                         NOW);
    (void) case_open(&child, &k, &fill, BODY);
    (void) gw_cache_append(&child, &fill, new, BODY, NOW);
    (void) gw_cache_commit(&child, &fill);
}


static void
op_purge(void)
{
    gw_text_t  tag, url;

    tag = text_of("t");
    url = text_of("a");
    (void) gw_cache_purge(&child, GW_CACHE_BY_TAG, &tag, 1, NOW);
    (void) gw_cache_purge(&child, GW_CACHE_BY_URL, &url, 0, NOW);
    (void) gw_cache_sweep(&child, 100, NOW);
}


/* until entries have been evicted; what is there before is used later */

static void
op_evict(void)
{
    int     i;
    char    key[16];
    case_t  c = { .key = key, .body = (char *) new, .len = BODY };

    world_now += 10000;

    for (i = 0; i < 3; i++) {
        snprintf(key, sizeof(key), "+%d", i);
        (void) case_store(&child, &c);
    }
}


static void
op_reclaim(void)
{
    world_buried(CHILD + 1);
    (void) gw_cache_user_reclaim(&child);
}


/* another process was killed inside of the lock: this one repairs */

static void
op_repair(void)
{
    gw_cache_stat_t  stat;

    cache->dirty = 1;
    gw_cache_stat(&child, &stat);
}


/* --- the state before: entries, and a process killed with a pin and a fill */

static void
fill_up(gw_cache_user_t *u)
{
    int     i;
    char    key[16];
    case_t  c = { .key = key, .body = (char *) old, .len = BODY };

    for (i = 0; i < 100 && cache->evictions == 0; i++) {
        snprintf(key, sizeof(key), "-%d", i);
        (void) case_store(u, &c);
    }
}


static void
leave_dead(void)
{
    static gw_cache_user_t  dead;
    static gw_cache_hit_t   hit;
    static gw_cache_fill_t  fill;

    case_t  x = { .key = "x" };

    world_born(CHILD + 1);
    world_user(&dead, cache, CHILD + 1);
    gw_cache_join(&dead, NOW);
    (void) case_find(&dead, &a, &hit);
    gw_cache_drop(&user, &hit);
    (void) case_store(&user, &a);
    (void) case_begin(&dead, &x, 0, &fill);
    (void) case_open(&dead, &x, &fill, 1000);
    (void) gw_cache_append(&dead, &fill, new, 500, NOW);
}


static void
use_pins(void)
{
    unsigned        i;
    gw_cache_hit_t  hit;

    for (i = 0; i < RUN - 1; i++) {
        (void) case_find(&child, &a, &hit);
    }
}


/* --- the state that other processes find */

typedef struct {
    const char  *name;
    void       (*run)(void);
    int          full;          /* the shard is full at the start */
    int          dead;          /* a process was killed before */
    int          loses;         /* entries may be evicted or purged: a, all */
} op_t;


static const op_t  ops[] = {
    { "join and leave", op_join,    0, 0, 0 },
    { "store",          op_store,   0, 0, 0 },
    { "replace",        op_replace, 0, 0, 0 },
    { "abort",          op_abort,   0, 0, 0 },
    { "read and drop",  op_read,    0, 0, 1 },
    { "pin",            op_pins,    0, 0, 0 },
    { "refresh",        op_refresh, 0, 0, 0 },
    { "vary",           op_vary,    0, 0, 0 },
    { "purge",          op_purge,   0, 0, 1 },
    { "evict",          op_evict,   1, 0, 2 },
    { "reclaim",        op_reclaim, 0, 1, 0 },
    { "reclaim, full",  op_reclaim, 1, 1, 2 },
    { "repair",         op_repair,  1, 1, 2 },
};


/* 1: found and complete; 0: not found; -1: wrong bytes */

static int
whole(gw_cache_user_t *u, const case_t *c)
{
    int              rc;
    gw_cache_hit_t   hit;
    gw_cache_kind_e  kind;

    kind = case_find(u, c, &hit);

    if (kind == GW_CACHE_MISS) {
        return 0;
    }

    rc = (kind == GW_CACHE_VARIANTS || body_is(u, &hit, old, BODY)
          || body_is(u, &hit, new, BODY)) ? 1 : -1;
    gw_cache_unpin(u, &hit);

    return rc;
}


static uint64_t
stat_fills(gw_cache_user_t *u)
{
    gw_cache_stat_t  stat;

    gw_cache_stat(u, &stat);

    return stat.fills;
}


/* returns an empty text, or a description of the error */

static const char *
after_kill(const op_t *op)
{
    const char       *wrong;
    uint64_t          bytes, lock;
    gw_cache_stat_t   stat;
    gw_cache_user_t   u;
    gw_cache_fill_t   fill;

    lock = world->lock;
    world_buried(CHILD);
    world_buried(CHILD + 1);
    world->lock = 0;

    u = user;
    u.cache = copy;
    u.seat = (char *) copy + ((char *) user.seat - (char *) cache);

    (void) gw_cache_user_reclaim(&u);
    gw_cache_stat(&u, &stat);

    wrong = inconsistent(copy);

    if (wrong[0] == '\0') {
        wrong = (stat.pins || stat.fills) ? "pins or fills"
              : whole(&u, &b) < 1 - (op->loses == 2) ? "an entry"
              : whole(&u, &a) < 1 - (op->loses > 0) ? "the entry of its key"
              : whole(&u, &v) < 1 - (op->loses == 2) ? "a variant"
              : whole(&u, &n) < 0 ? "its new entry"
              : (whole(&u, &n) == 0
                 && case_begin(&u, &n, 0, &fill) != GW_CACHE_FILL)
                ? "a stuck key"
              : "";
    }

    if (wrong[0] == '\0') {
        if (stat_fills(&u)) {
            gw_cache_abort(&u, &fill);
        }

        bytes = bytes_after_sweep(&u, NOW + 2 * HOUR);
        gw_cache_stat(&u, &stat);

        wrong = stat.entries ? "entries after a sweep"
              : bytes != start ? "lost memory"
              : "";
    }

    world->lock = lock;
    world_born(CHILD);
    return wrong;
}


static int
look(const op_t *op, long step)
{
    const char  *wrong;

    if (memcmp(before, cache, SIZE) == 0) {
        return 1;
    }

    memcpy(before, cache, SIZE);
    memcpy(copy, cache, SIZE);

    wrong = after_kill(op);

    if (wrong[0]) {
        note("%s, step %ld: %s", op->name, step, wrong);
    }

    return wrong[0] == '\0';
}


/* --- one operation */

static void
set_up(const op_t *op)
{
    gw_cache_stat_t  stat;
    const uint64_t   secret[2] = { 5, 6 };

    world->lock = 0;
    world_born(CHILD);
    memset(cache, 0, SIZE);
    gw_cache_init(cache, SIZE, secret, 1);

    world_user(&user, cache, (uint64_t) getpid());
    gw_cache_join(&user, NOW);
    gw_cache_stat(&user, &stat);
    start = stat.bytes;

    world_user(&child, cache, CHILD);
    gw_cache_join(&child, NOW);

    a.body = (char *) old;
    (void) case_store(&user, &a);
    (void) case_store(&user, &b);
    (void) case_store(&user, &v);

    if (op->dead) {
        leave_dead();
    }

    if (op->full) {
        fill_up(&user);
    }

    if (op->run == op_pins) {
        use_pins();
    }
}


static void
test_op(const op_t *op)
{
    int    status, good;
    long   step, looked;
    pid_t  pid;

    set_up(op);
    pid = fork();

    if (pid == 0) {
        (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        op->run();
        _exit(0);
    }

    good = 1;
    looked = 0;
    memset(before, 0, SIZE);

    for (step = 0; good; step++) {

        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
            break;
        }

        if (step % STEPS == 0) {
            good = look(op, step);
            looked++;
        }

        (void) ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
    }

    if (!good) {
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, &status, 0);
    }

    ok(good && WIFEXITED(status) && step > 1000,
       "%s: killed at each of %ld instructions", op->name, looked);
}


/* --- a reader is stopped at an instruction, while other processes continue */

/* the memory of the entry is reused for another key */

static void
reuse(void)
{
    char             key[16];
    int              i;
    case_t           c = { .key = key, .body = (char *) new, .len = BODY };
    gw_text_t  url;

    url = text_of(a.key);
    (void) gw_cache_purge(&user, GW_CACHE_BY_URL, &url, 0, NOW);
    (void) bytes_after_sweep(&user, NOW);

    for (i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "r%d", i);
        (void) case_store(&user, &c);
    }
}


/* the memory of the entry is reused for the same key */

static void
replace(void)
{
    a.body = (char *) new;
    (void) case_store(&user, &a);
    reuse();
    (void) case_store(&user, &a);
}


static int
reads_whole(const gw_cache_key_t *key)
{
    gw_cache_hit_t  hit;

    return gw_cache_find(&child, key, NOW, &hit) == GW_CACHE_MISS
           || body_is(&child, &hit, old, BODY)
           || (a.body == (char *) new && body_is(&child, &hit, new, BODY));
}


/* 1: stopped; 0: the reader exited before this instruction; -1: wrong bytes */

static int
stop_reader(const gw_cache_key_t *key, long at, void (*meanwhile)(void))
{
    int    status;
    long   step;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        a.body = (meanwhile == replace) ? (char *) new : (char *) old;
        (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        _exit(reads_whole(key) ? 0 : 1);
    }

    for (step = 0; step <= at; step++) {

        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
        }

        if (step < at) {
            (void) ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
        }
    }

    meanwhile();

    (void) ptrace(PTRACE_DETACH, pid, NULL, NULL);
    (void) waitpid(pid, &status, 0);

    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : -1;
}


static void
test_reader(const char *name, void (*meanwhile)(void))
{
    int             rc;
    long            at;
    gw_cache_key_t  key;

    case_key(cache, &a, &key);

    /* after FIND instructions the entry is found, and bytes are compared */

    for (at = 1, rc = 1; rc == 1; at += (at < FIND) ? STEPS : FIND) {
        set_up(&ops[0]);
        rc = stop_reader(&key, at, meanwhile);
    }

    ok(rc == 0 && at > FIND,
       "a reader is stopped at each instruction, and its entry %s", name);
}


static int
can_trace(void)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1) {
            _exit(1);
        }

        raise(SIGSTOP);
        _exit(0);
    }

    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
        return 0;
    }

    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == -1) {
        return 0;
    }

    (void) waitpid(pid, &status, 0);
    (void) kill(pid, SIGKILL);

    return waitpid(pid, &status, 0) == pid;
}


int
main(void)
{
    size_t  i;

    if (!can_trace()) {
        return skip_all("a process cannot be traced here");
    }

    cache = world_begin(SIZE);
    copy = shared(SIZE);
    before = shared(SIZE);

    for (i = 0; i < BODY; i++) {
        old[i] = (unsigned char) (i * 7);
        new[i] = (unsigned char) (i * 11 + 1);
    }

    for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        test_op(&ops[i]);
    }

    test_reader("purged, and its memory used again", reuse);
    test_reader("replaced twice", replace);

    return done_testing();
}
