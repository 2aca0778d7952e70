/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A shard of the cache in memory shared by processes, for tests.  The test can
 * release the lock of a process that it has killed, as nginx does.
 */

#ifndef CACHE_WORLD_H_INCLUDED
#define CACHE_WORLD_H_INCLUDED

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gw_cache_shard.h"


#define NOW   world_now
#define HOUR  3600000ULL


static uint64_t  world_now = 1000000;   /* ms */


typedef struct {
    uint64_t       lock;            /* pid; 0: free */
    unsigned char  gone[1 << 22];   /* pids returned by waitpid() */
} world_t;


static world_t  *world;


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


static void
world_lock(void *data)
{
    uint64_t  self, none;

    (void) data;
    self = (uint64_t) getpid();

    for ( ;; ) {
        none = 0;

        if (__atomic_compare_exchange_n(&world->lock, &none, self, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        {
            return;
        }

        sched_yield();
    }
}


static void
world_unlock(void *data)
{
    (void) data;

    __atomic_store_n(&world->lock, 0, __ATOMIC_SEQ_CST);
}


/* a killed child is a zombie until waitpid() returns it: then it is gone */

static int
world_gone(void *data, uint64_t process)
{
    (void) data;

    return __atomic_load_n(&world->gone[process], __ATOMIC_SEQ_CST);
}


static inline void
world_born(uint64_t process)
{
    __atomic_store_n(&world->gone[process], 0, __ATOMIC_SEQ_CST);
}


/* called after waitpid() has returned a killed process */

static inline void
world_buried(uint64_t process)
{
    uint64_t  owner;

    __atomic_store_n(&world->gone[process], 1, __ATOMIC_SEQ_CST);

    owner = process;
    (void) __atomic_compare_exchange_n(&world->lock, &owner, 0, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}


static void
world_user(gw_cache_user_t *user, gw_cache_t *cache, uint64_t self)
{
    memset(user, 0, sizeof(gw_cache_user_t));
    user->cache = cache;
    user->self = self;
    user->object = UINT64_MAX;
    user->lock = world_lock;
    user->unlock = world_unlock;
    user->gone = world_gone;
}


static gw_cache_t *
world_begin(size_t size)
{
    gw_cache_t      *cache;
    const uint64_t   secret[2] = { 3, 4 };

    if (world == NULL) {
        world = shared(sizeof(world_t));
    }

    cache = shared(size);
    memset(cache, 0xA5, size);

    if (!gw_cache_init(cache, size, secret, 1)) {
        abort();
    }

    return cache;
}


static inline gw_text_t
text_of(const char *s)
{
    gw_text_t  text;

    text.data = (const unsigned char *) s;
    text.len = s ? strlen(s) : 0;

    return text;
}


/* an entry of a test */

typedef struct {
    const char           *key;
    const char           *variant;
    const char           *url;
    const char           *host;
    const char           *consumer;
    const char           *tags[4];
    const char           *header;
    const char           *body;
    size_t                len;          /* of the body; 0: strlen() of it */
    uint64_t              keep;
} case_t;


static inline void
case_key(gw_cache_t *cache, const case_t *c, gw_cache_key_t *key)
{
    key->text = text_of(c->key);
    key->variant = text_of(c->variant);
    gw_cache_key(gw_cache_secret(cache), key);
}


static inline void
case_target(const case_t *c, gw_cache_labels_t *target)
{
    const char  *url;

    url = c->url ? c->url : c->key;
    target->url = text_of(url);
    target->path = strcspn(url, "?");
    target->host = text_of(c->host ? c->host : "h");
    target->consumer = text_of(c->consumer);
}


static inline gw_cache_begin_e
case_begin(gw_cache_user_t *user, const case_t *c, uint64_t serial,
    gw_cache_fill_t *fill)
{
    gw_cache_key_t     key;
    gw_cache_labels_t  target;

    case_key(user->cache, c, &key);
    case_target(c, &target);

    return gw_cache_begin(user, &key, &target, serial, NOW, fill);
}


static inline void
case_response(const case_t *c, gw_cache_content_t *response,
    gw_text_t tags[4])
{
    memset(response, 0, sizeof(gw_cache_content_t));

    while (response->ntags < 4 && c->tags[response->ntags]) {
        tags[response->ntags] = text_of(c->tags[response->ntags]);
        response->ntags++;
    }

    response->tags = tags;
    response->header = text_of(c->header ? c->header : "header");
    response->policy = text_of("policy");
    response->keep = c->keep ? c->keep : NOW + HOUR;
}


static inline int
case_open(gw_cache_user_t *user, const case_t *c, gw_cache_fill_t *fill,
    uint64_t length)
{
    gw_cache_key_t       key;
    gw_text_t            tags[4];
    gw_cache_labels_t    target;
    gw_cache_content_t  response;

    case_key(user->cache, c, &key);
    case_target(c, &target);
    case_response(c, &response, tags);

    return gw_cache_open(user, fill, &key, &target, &response, length, NOW);
}


/* stores a complete response: 1, or 0 if it failed */

static inline int
case_store(gw_cache_user_t *user, const case_t *c)
{
    size_t            len;
    uint64_t          serial;
    gw_cache_hit_t    hit;
    gw_cache_key_t    key;
    gw_cache_fill_t   fill;

    case_key(user->cache, c, &key);
    serial = 0;

    if (gw_cache_find(user, &key, NOW, &hit)) {
        serial = hit.serial;
        gw_cache_unpin(user, &hit);
    }

    if (case_begin(user, c, serial, &fill) != GW_CACHE_FILL) {
        return 0;
    }

    len = c->len ? c->len : c->body ? strlen(c->body) : 0;

    if (!case_open(user, c, &fill, len)
        || !gw_cache_append(user, &fill, (const unsigned char *) c->body, len,
                            NOW))
    {
        gw_cache_abort(user, &fill);
        return 0;
    }

    return gw_cache_commit(user, &fill);
}


static inline gw_cache_kind_e
case_find(gw_cache_user_t *user, const case_t *c, gw_cache_hit_t *hit)
{
    gw_cache_key_t  key;

    case_key(user->cache, c, &key);

    return gw_cache_find(user, &key, NOW, hit);
}


static inline int
case_has(gw_cache_user_t *user, const case_t *c)
{
    gw_cache_hit_t  hit;

    if (!case_find(user, c, &hit)) {
        return 0;
    }

    gw_cache_unpin(user, &hit);

    return 1;
}


/* whether the body is "len" bytes of "data" */

static inline int
body_is(gw_cache_user_t *user, const gw_cache_hit_t *hit,
    const unsigned char *data, size_t len)
{
    size_t     at;
    uint32_t   cursor;
    gw_text_t  part;

    at = 0;
    cursor = 0;

    while (gw_cache_body(user, hit, &cursor, &part)) {
        if (part.len > len - at || memcmp(part.data, data + at, part.len)) {
            return 0;
        }

        at += part.len;
    }

    return at == len && hit->length == len;
}


/* sweeps all places; returns the bytes in use */

static inline uint64_t
bytes_after_sweep(gw_cache_user_t *user, uint64_t now)
{
    int              i;
    gw_cache_stat_t  stat;

    for (i = 0; i < 3; i++) {
        while (!gw_cache_sweep(user, 1000, now)) { /* void */ }
    }

    while (user->cache->dead) {
        uint64_t  free;

        free = user->cache->heap.free;
        (void) gw_cache_sweep(user, 1, now);

        if (user->cache->heap.free == free) {
            break;
        }
    }

    gw_cache_stat(user, &stat);

    return stat.bytes;
}


/*
 * Compares the counts, heap and index of the shard with those after a repair.
 * Returns an empty text if they are equal, or a description of the difference.
 */

static inline const char *
inconsistent(gw_cache_t *cache)
{
    static gw_cache_t  *copy;
    static size_t       size;

    if (copy == NULL || size < cache->size) {
        copy = malloc(cache->size);
        size = cache->size;
    }

    memcpy(copy, cache, cache->size);
    gw_cache_repair(copy);

    return copy->heap.free != cache->heap.free ? "free units"
         : copy->count != cache->count ? "entries"
         : copy->active != cache->active ? "fills"
         : "";
}


#endif /* CACHE_WORLD_H_INCLUDED */
