/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The store of the cache, compared with a simple model.  Several processes use
 * it concurrently and are killed at random.  No reader receives a wrong byte or
 * a purged response, no key is stuck, and no pin or memory is lost.
 */

#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "cache_world.h"
#include "tap.h"


#define SIZE       (768 * 1024)
#define PROCESSES  5
#define KEYS       120
#define VARIANTS   3
#define MSEC       4000         /* of the test */
#define HOSTS      4
#define HELD       8            /* hits that a process reads slowly */


/* shared by all processes: the versions of a key that may be found */

typedef struct {
    uint64_t   version;         /* the latest version */
    uint64_t   least[KEYS];     /* older versions were purged */
    uint64_t   soft[KEYS];      /* older versions are stale */
    uint64_t   wrong[8];        /* faults, by kind */
    uint64_t   hits;
    uint64_t   misses;
    uint64_t   stores;
    uint64_t   waits;
    uint64_t   purges;
    uint64_t   stop;
} model_t;


typedef struct {
    uint64_t   version;
    uint64_t   made;            /* the version of the body */
    uint64_t   key;
    uint64_t   len;
} header_t;


/* a hit that a process reads */

typedef struct {
    int             used;
    gw_cache_hit_t  hit;
    header_t        header;
} held_t;


static gw_cache_t       *cache;
static gw_cache_user_t   user;
static model_t          *model;
static held_t            held[HELD];
static unsigned char     body[65536];


static void
add(uint64_t *p)
{
    (void) __atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST);
}


static uint64_t
clock_msec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* the bytes of a version of a key */

static unsigned char
byte_of(const header_t *header, uint64_t i)
{
    return (unsigned char) (header->made * 131 + header->key * 17 + i * 7
                            + i / 256);
}


static void
key_of(uint64_t k, char text[64], case_t *c)
{
    static char  host[16];

    static const char  *const variant[VARIANTS] = { NULL, "", "gzip" };

    (void) snprintf(text, 64, "http://h%d/%d/%d?%d", (int) (k % HOSTS),
                    (int) (k % 7), (int) (k / VARIANTS), (int) (k % 2));
    (void) snprintf(host, sizeof(host), "h%d", (int) (k % HOSTS));

    memset(c, 0, sizeof(case_t));
    c->key = text;
    c->variant = variant[k % VARIANTS];
    c->host = host;
    c->tags[0] = host;
    c->tags[1] = text;
}


static void
check(const gw_cache_hit_t *hit, const header_t *header)
{
    uint64_t   i;
    uint32_t   at;
    gw_text_t  part;

    i = 0;
    at = 0;

    while (gw_cache_body(&user, hit, &at, &part)) {
        for (/* void */; part.len; part.len--, i++) {
            if (i >= header->len || *part.data++ != byte_of(header, i)) {
                add(&model->wrong[0]);
                return;
            }
        }
    }

    if (i != header->len || hit->length != header->len) {
        add(&model->wrong[1]);
    }
}


static void
release(held_t *h)
{
    if (h->used) {
        check(&h->hit, &h->header);
        gw_cache_unpin(&user, &h->hit);
        h->used = 0;
    }
}


/* returns the serial of the entry */

static uint64_t
do_read(uint64_t k)
{
    char             text[64];
    held_t          *h;
    case_t           c;
    uint64_t         least, soft, serial;
    header_t         header;
    gw_cache_hit_t   hit;

    key_of(k, text, &c);
    least = __atomic_load_n(&model->least[k], __ATOMIC_SEQ_CST);
    soft = __atomic_load_n(&model->soft[k], __ATOMIC_SEQ_CST);

    if (!case_find(&user, &c, &hit)) {
        add(&model->misses);
        return 0;
    }

    add(&model->hits);
    memcpy(&header, hit.header.data, sizeof(header_t));
    serial = hit.serial;

    if (hit.header.len != sizeof(header_t) || header.key != k) {
        add(&model->wrong[2]);
    }

    if (header.version < least) {
        add(&model->wrong[3]);
    }

    if (header.version < soft && !hit.soft) {
        add(&model->wrong[4]);
    }

    check(&hit, &header);

    h = &held[random() % HELD];
    release(h);
    h->used = 1;
    h->hit = hit;
    h->header = header;

    return serial;
}


static int
fill_body(gw_cache_fill_t *fill, const header_t *header)
{
    uint64_t  i, at, n;

    for (at = 0; at < header->len; at += n) {
        n = 1 + random() % 20000;
        n = n < header->len - at ? n : header->len - at;

        for (i = 0; i < n; i++) {
            body[i] = byte_of(header, at + i);
        }

        if (!gw_cache_append(&user, fill, body, n, NOW)) {
            return 0;
        }
    }

    return 1;
}


static uint64_t
length(void)
{
    return random() % 4 ? random() % 2000
                        : random() % (random() % 8 ? 12000 : 120000);
}


static void
do_fill(uint64_t k, uint64_t serial)
{
    char                 text[64];
    case_t               c;
    header_t             header;
    gw_cache_key_t       key;
    gw_text_t            tags[4];
    gw_cache_fill_t      fill;
    gw_cache_labels_t    target;
    gw_cache_begin_e     rc;
    gw_cache_content_t  response;

    key_of(k, text, &c);
    case_key(cache, &c, &key);
    case_target(&c, &target);
    case_response(&c, &response, tags);

    rc = gw_cache_begin(&user, &key, &target, serial, NOW, &fill);

    if (rc == GW_CACHE_WAIT) {
        add(&model->waits);
        (void) gw_cache_user_reclaim(&user);
    }

    if (rc != GW_CACHE_FILL) {
        return;
    }

    header.version = __atomic_add_fetch(&model->version, 1, __ATOMIC_SEQ_CST);
    header.made = header.version;
    header.key = k;
    header.len = length();

    response.header.data = (unsigned char *) &header;
    response.header.len = sizeof(header_t);

    if (!gw_cache_open(&user, &fill, &key, &target, &response,
                       random() % 2 ? header.len : GW_CACHE_UNKNOWN, NOW)
        || !fill_body(&fill, &header) || random() % 8 == 0)
    {
        gw_cache_abort(&user, &fill);
        return;
    }

    if (gw_cache_commit(&user, &fill)) {
        add(&model->stores);
    }
}


/* a 304: another version, with the same body */

static void
do_refresh(uint64_t k)
{
    char                 text[64];
    case_t               c;
    header_t             header;
    gw_cache_key_t       key;
    gw_cache_hit_t       hit;
    gw_text_t            tags[4];
    gw_cache_fill_t      fill;
    gw_cache_labels_t    target;
    gw_cache_content_t  response;

    key_of(k, text, &c);
    case_key(cache, &c, &key);
    case_target(&c, &target);
    case_response(&c, &response, tags);

    if (!case_find(&user, &c, &hit)) {
        return;
    }

    if (gw_cache_begin(&user, &key, &target, hit.serial, NOW, &fill)
        == GW_CACHE_FILL)
    {
        memcpy(&header, hit.header.data, sizeof(header_t));
        header.version = __atomic_add_fetch(&model->version, 1,
                                            __ATOMIC_SEQ_CST);

        response.header.data = (unsigned char *) &header;
        response.header.len = sizeof(header_t);

        (void) gw_cache_refresh(&user, &fill, &key, &target, &response, &hit,
                                NOW);
    }

    gw_cache_unpin(&user, &hit);
}


static int
has(uint64_t k, gw_cache_by_e by, const char *selector)
{
    char    text[64];
    case_t  c;

    key_of(k, text, &c);

    switch (by) {
    case GW_CACHE_BY_URL:
        return strcmp(text, selector) == 0;
    case GW_CACHE_BY_HOST:
    case GW_CACHE_BY_TAG:
        return strcmp(c.host, selector) == 0;
    case GW_CACHE_BY_PREFIX:
        return strncmp(text, selector, strlen(selector)) == 0;
    default:
        return 1;
    }
}


static void
do_purge(void)
{
    int            soft;
    char           text[64], host[16];
    case_t         c;
    uint64_t       i, version, *least;
    const char    *selector;
    gw_cache_by_e  by;
    gw_text_t      t;

    static const gw_cache_by_e  some[] = { GW_CACHE_BY_URL, GW_CACHE_BY_URL,
        GW_CACHE_BY_URL, GW_CACHE_BY_URL, GW_CACHE_BY_URL, GW_CACHE_BY_PREFIX,
        GW_CACHE_BY_TAG, GW_CACHE_BY_HOST, GW_CACHE_BY_ALL };

    by = some[random() % (sizeof(some) / sizeof(some[0])
                          - (random() % 4 != 0))];
    soft = random() % 2;

    key_of(random() % KEYS, text, &c);
    (void) snprintf(host, sizeof(host), "%s", c.host);
    selector = (by == GW_CACHE_BY_TAG || by == GW_CACHE_BY_HOST) ? host : text;

    if (by == GW_CACHE_BY_PREFIX) {
        text[strlen("http://h0/0/")] = '\0';
    }

    t = text_of(selector);
    version = __atomic_add_fetch(&model->version, 1, __ATOMIC_SEQ_CST);

    (void) gw_cache_purge(&user, by, &t, soft, NOW);
    add(&model->purges);

    for (i = 0; i < KEYS; i++) {
        if (!has(i, by, selector)) {
            continue;
        }

        least = soft ? &model->soft[i] : &model->least[i];

        for (uint64_t was = *least; was < version; /* void */) {
            if (__atomic_compare_exchange_n(least, &was, version, 0,
                                            __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST))
            {
                break;
            }
        }
    }
}


static void
work(void)
{
    uint64_t  k;

    while (!__atomic_load_n(&model->stop, __ATOMIC_SEQ_CST)) {
        world_now = clock_msec();
        k = (random() % 2) ? random() % KEYS : random() % 12;

        switch (random() % 64) {
        case 0:
            do_purge();
            break;
        case 1:
            (void) gw_cache_sweep(&user, 64, NOW);
            break;
        case 2:
            (void) gw_cache_user_reclaim(&user);
            break;
        case 3:
            release(&held[random() % HELD]);
            break;
        case 4:
        case 5:
            do_refresh(k);
            break;
        case 6:
            do_fill(k, do_read(k));
            break;
        default:
            if (do_read(k) == 0) {
                do_fill(k, 0);
            }
        }
    }

    for (k = 0; k < HELD; k++) {
        release(&held[k]);
    }

    gw_cache_leave(&user);
}


static pid_t
start(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        srandom((unsigned) getpid());
        world_born((uint64_t) getpid());
        world_user(&user, cache, (uint64_t) getpid());
        world_now = clock_msec();
        gw_cache_join(&user, NOW);
        work();
        _exit(0);
    }

    return pid;
}


static void
nap(long usec)
{
    struct timespec  ts = { 0, usec * 1000 };

    (void) nanosleep(&ts, NULL);
}


static int
enough(unsigned kills)
{
    return kills > 50
           && __atomic_load_n(&model->hits, __ATOMIC_SEQ_CST) > 1000
           && __atomic_load_n(&model->stores, __ATOMIC_SEQ_CST) > 100
           && __atomic_load_n(&model->purges, __ATOMIC_SEQ_CST) > 10
           && __atomic_load_n(&cache->evictions, __ATOMIC_SEQ_CST) > 10;
}


static unsigned
kill_at_random(pid_t pids[PROCESSES])
{
    int        i;
    unsigned   n;
    uint64_t   end;

    end = clock_msec() + MSEC;

    /* longer on a slow machine */

    for (n = 0; clock_msec() < end || !enough(n); n++) {
        nap(random() % 4000);

        i = random() % PROCESSES;
        (void) kill(pids[i], SIGKILL);
        (void) waitpid(pids[i], NULL, 0);
        world_buried((uint64_t) pids[i]);

        pids[i] = start();
    }

    return n;
}


static void
stop(pid_t pids[PROCESSES])
{
    int  i, status;

    __atomic_store_n(&model->stop, 1, __ATOMIC_SEQ_CST);

    for (i = 0; i < PROCESSES; i++) {
        is_int(waitpid(pids[i], &status, 0), pids[i], "a process ends");
        ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "by itself");
    }
}


/* the number of keys that cannot be filled */

static int
stuck(void)
{
    int              n;
    char             text[64];
    case_t           c;
    uint64_t         k;
    gw_cache_fill_t  fill;

    n = 0;

    for (k = 0; k < KEYS; k++) {
        key_of(k, text, &c);

        if (case_begin(&user, &c, do_read(k), &fill) != GW_CACHE_FILL) {
            n++;
            continue;
        }

        gw_cache_abort(&user, &fill);
    }

    for (k = 0; k < HELD; k++) {
        release(&held[k]);
    }

    return n;
}


int
main(void)
{
    int               i;
    pid_t             pids[PROCESSES];
    uint64_t          bytes;
    unsigned          kills;
    gw_cache_stat_t   stat;
    static const char *const  what[] = { "wrong bytes", "wrong lengths",
                                         "responses of another key",
                                         "purged responses",
                                         "stale ones that look fresh" };

    cache = world_begin(SIZE);
    model = shared(sizeof(model_t));
    srandom(1);

    world_now = clock_msec();
    world_user(&user, cache, 1);
    gw_cache_join(&user, NOW);
    gw_cache_stat(&user, &stat);
    bytes = stat.bytes;

    for (i = 0; i < PROCESSES; i++) {
        pids[i] = start();
    }

    kills = kill_at_random(pids);
    stop(pids);

    world_now = clock_msec();
    (void) gw_cache_user_reclaim(&user);
    gw_cache_stat(&user, &stat);

    note("%u kills, %llu inside the lock; %llu hits, %llu misses, %llu stores,"
         " %llu waits, %llu purges, %llu evictions", kills,
         (long long) stat.repairs, (long long) model->hits,
         (long long) model->misses, (long long) model->stores,
         (long long) model->waits, (long long) model->purges,
         (long long) stat.evictions);

    for (i = 0; i < 5; i++) {
        is_int(model->wrong[i], 0, "no %s", what[i]);
    }

    is_int(stat.pins, 0, "no pins are left");
    is_int(stat.fills, 0, "no fills are left");
    is_int(stuck(), 0, "no key is stuck");
    is_str(inconsistent(cache), "", "the shard is consistent");
    is_int(bytes_after_sweep(&user, NOW + 2 * HOUR), bytes,
           "no memory is lost");

    return done_testing();
}
