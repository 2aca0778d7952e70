/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The store of the cache in a single process: searches, fills, purges and
 * evictions.
 */

#include <stdio.h>
#include <time.h>

#include "cache_world.h"
#include "tap.h"


#define SIZE   (1024 * 1024)
#define LARGE  (1024 * 1024)

static gw_cache_t       *cache;
static gw_cache_user_t   user;


static void
begin(size_t size)
{
    cache = world_begin(size);
    world_user(&user, cache, (uint64_t) getpid());
    gw_cache_join(&user, NOW);
}


static void
end(const char *what)
{
    is_str(inconsistent(cache), "", "%s: the shard is consistent", what);
    (void) munmap(cache, cache->size);
}


static gw_cache_stat_t
stat_now(void)
{
    gw_cache_stat_t  stat;

    gw_cache_stat(&user, &stat);

    return stat;
}


static void
test_header(void)
{
    const uint64_t  secret[2] = { 1, 2 };

    cache = shared(SIZE);

    ok(!gw_cache_valid(cache, 1), "zeroed memory is no shard");
    ok(!gw_cache_init(cache, GW_CACHE_SIZE_MIN - 1, secret, 1),
       "too small");
    ok(gw_cache_init(cache, GW_CACHE_SIZE_MIN, secret, 1),
       "the minimum size");
    ok(gw_cache_valid(cache, 1), "is a shard");
    ok(!gw_cache_valid(cache, 2), "of another zone");

    cache->magic++;
    ok(!gw_cache_valid(cache, 1), "of another layout");

    (void) munmap(cache, SIZE);
}


static void
test_find(void)
{
    uint64_t        serial;
    case_t          a = { .key = "k/a", .header = "H: a", .body = "body a" };
    case_t          b = { .key = "k/b", .body = "" };
    gw_cache_hit_t  hit, other;

    begin(SIZE);

    ok(!case_has(&user, &a), "a miss");
    ok(case_store(&user, &a), "stored");
    is_int(case_find(&user, &a, &hit), GW_CACHE_RESPONSE, "a hit");
    is_bytes(hit.header.data, hit.header.len, "H: a", "the header");
    is_bytes(hit.policy.data, hit.policy.len, "policy", "the policy");
    ok(body_is(&user, &hit, (const unsigned char *) "body a", 6), "the body");
    is_int(hit.soft, 0, "not purged");
    is_int(stat_now().pins, 1, "a pin");

    serial = hit.serial;
    a.body = "new";
    ok(case_store(&user, &a), "replaced while it is pinned");
    ok(body_is(&user, &hit, (const unsigned char *) "body a", 6),
       "the reader's entry does not change");
    is_int(case_find(&user, &a, &other), GW_CACHE_RESPONSE, "a hit");
    ok(other.serial != serial, "of another entry");
    ok(body_is(&user, &other, (const unsigned char *) "new", 3), "the new one");
    is_int(cache->dead != 0, 1, "the old entry exists");
    gw_cache_unpin(&user, &hit);
    is_int(cache->dead, 0, "the old entry is freed after its last reader");
    gw_cache_unpin(&user, &other);
    is_int(stat_now().pins, 0, "no pins");

    ok(case_store(&user, &b), "an empty body");
    is_int(case_find(&user, &b, &hit), GW_CACHE_RESPONSE, "a hit");
    ok(body_is(&user, &hit, NULL, 0), "a body without parts");
    gw_cache_drop(&user, &hit);
    ok(!case_has(&user, &b), "dropped");
    gw_cache_unpin(&user, &hit);
    ok(case_has(&user, &a), "its neighbour is not purged");
    is_int(stat_now().entries, 1, "one entry");

    end("find");
}


/* the texts of an entry share 64 KB; each can use what the others leave */

static int
fits(const case_t *c)
{
    gw_cache_key_t      key;
    gw_text_t           tags[4];
    gw_cache_labels_t   target;
    gw_cache_content_t  response;

    case_key(cache, c, &key);
    case_target(c, &target);
    case_response(c, &response, tags);

    return gw_cache_fits(&key, &target, &response);
}


static void
test_fits(void)
{
    size_t        i, n, taken;
    static char   text[64 * 1024 + 2];
    static const struct {
        const char  *what;
        case_t       with;          /* the text is the header */
        size_t       taken;         /* by the other texts */
    } row[] = {
        { "header", { .key = "k" }, 2 },
        { "header, longer key", { .key = "k/4567890" }, 18 },
        { "header and URL", { .key = "k", .url = "12345678?q" }, 9 },
        { "header and variant", { .key = "k", .variant = "gzip" }, 6 },
        { "header and tags", { .key = "k", .tags = { "a", "b" } }, 18 }
    };

    begin(SIZE);

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        case_t  c = row[i].with;

        c.header = text;
        c.body = "body";
        taken = sizeof(gw_cache_head_t) + strlen("policy") + row[i].taken;

        memset(text, 'a', sizeof(text));
        n = 64 * 1024 - taken;

        text[n] = '\0';
        ok(fits(&c), "%s: 64 KB fit", row[i].what);
        ok(case_store(&user, &c), "    and are stored");

        text[n] = 'a';
        text[n + 1] = '\0';
        ok(!fits(&c), "    a byte more does not fit");
        ok(!case_store(&user, &c), "    and is not stored");
    }

    end("fits");
}


static void
test_times(void)
{
    gw_cache_key_t  key;
    case_t          a = { .key = "k/a", .body = "a" };
    gw_cache_hit_t  hit;

    begin(SIZE);
    ok(case_store(&user, &a), "stored");
    case_key(cache, &a, &key);

    is_int(gw_cache_find(&user, &key, NOW + HOUR - 1, &hit),
           GW_CACHE_RESPONSE, "found until it expires");
    gw_cache_unpin(&user, &hit);
    is_int(gw_cache_find(&user, &key, NOW + HOUR, &hit), GW_CACHE_MISS,
           "not found after it has expired");
    is_int(gw_cache_find(&user, &key, 1, &hit), GW_CACHE_RESPONSE,
           "a lagging clock");
    gw_cache_unpin(&user, &hit);

    (void) bytes_after_sweep(&user, NOW + HOUR - 1);
    is_int(stat_now().entries, 1, "not swept before it expires");
    (void) bytes_after_sweep(&user, NOW + HOUR);
    is_int(stat_now().entries, 0, "swept after it has expired");

    end("times");
}


/* different keys with equal hashes */

static void
test_collision(void)
{
    case_t          a = { .key = "same" };
    case_t          b = { .key = "same", .variant = "" };
    case_t          c = { .key = "sam", .variant = "e" };
    gw_cache_hit_t  hit;
    gw_cache_key_t  key;

    begin(SIZE);
    ok(case_store(&user, &a), "stored");
    ok(!case_has(&user, &b), "an empty variant is another key");
    ok(case_store(&user, &b), "stored");
    ok(!case_has(&user, &c), "a text split at another position is another key");

    case_key(cache, &a, &key);
    key.text = text_of("SAME");
    is_int(gw_cache_find(&user, &key, NOW, &hit), GW_CACHE_MISS,
           "equal hashes, another text");
    key.text = text_of("same");
    is_int(gw_cache_find(&user, &key, NOW, &hit), GW_CACHE_RESPONSE,
           "equal hashes, the same text");
    gw_cache_unpin(&user, &hit);

    end("collision");
}


static void
test_lock(void)
{
    case_t             a = { .key = "k/a", .body = "a" };
    gw_cache_fill_t    fill, other, same;
    gw_cache_user_t    second;

    begin(SIZE);
    world_user(&second, cache, 77);
    gw_cache_join(&second, NOW);

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a process fills");
    is_int(case_begin(&second, &a, 0, &other), GW_CACHE_WAIT, "another waits");
    is_int(*other.watch, other.seen, "the waiter is not woken");
    is_int(gw_cache_user_reclaim(&second), 0,
           "nothing to reclaim: the filling process is alive");

    is_int(case_begin(&user, &a, 0, &same), GW_CACHE_WAIT,
           "another request of the same process waits");
    gw_cache_abort(&user, &same);
    is_int(*other.watch, other.seen,
           "the fill continues when a waiter gives up");

    ok(case_open(&user, &a, &fill, 1), "the header");
    ok(gw_cache_append(&user, &fill, (const unsigned char *) "a", 1, NOW),
       "the body");
    is_int(*other.watch, other.seen, "waiters continue to wait");
    ok(!case_has(&second, &a), "waiters find nothing");
    ok(gw_cache_commit(&user, &fill), "the end");
    ok(*other.watch != other.seen, "the commit wakes waiters");
    ok(case_has(&second, &a), "waiters find the response");
    is_int(case_begin(&second, &a, 0, &other), GW_CACHE_AGAIN,
           "a process that missed the commit searches again");

    is_int(case_begin(&user, &a, cache->serial, &fill), GW_CACHE_FILL,
           "a refresh of the response");
    is_int(case_begin(&second, &a, cache->serial, &other), GW_CACHE_WAIT,
           "others wait");
    gw_cache_abort(&user, &fill);
    ok(*other.watch != other.seen, "a failed refresh wakes the others");
    is_int(case_begin(&second, &a, cache->serial, &other), GW_CACHE_FILL,
           "one of them takes over");
    gw_cache_abort(&user, &fill);
    ok(*other.watch == other.seen, "a second end has no effect");
    gw_cache_abort(&second, &other);
    is_int(stat_now().fills, 0, "no fills");

    end("lock");
}


static void
test_orphans(void)
{
    case_t            a = { .key = "k/a", .body = "a" };
    uint64_t          bytes;
    gw_cache_hit_t    hit;
    gw_cache_fill_t   fill, other;
    gw_cache_user_t   dead;

    begin(SIZE);
    world_born(77);
    world_user(&dead, cache, 77);
    bytes = stat_now().bytes;
    gw_cache_join(&dead, NOW);

    is_int(case_begin(&dead, &a, 0, &fill), GW_CACHE_FILL, "a process fills");
    ok(case_open(&dead, &a, &fill, 10000), "the header");
    ok(gw_cache_append(&dead, &fill, (const unsigned char *) "a", 1, NOW),
       "a byte");
    is_int(case_begin(&user, &a, 0, &other), GW_CACHE_WAIT, "another waits");
    is_int(gw_cache_user_reclaim(&user), 0, "no process is gone");

    world_buried(77);
    is_int(gw_cache_user_reclaim(&user), 1, "the filler is gone");
    ok(*other.watch != other.seen, "the waiter is woken");
    is_int(case_begin(&user, &a, 0, &other), GW_CACHE_FILL, "the waiter fills");
    ok(!gw_cache_append(&dead, &fill, (const unsigned char *) "a", 1, NOW)
       || !gw_cache_commit(&dead, &fill), "the first process cannot commit");
    gw_cache_abort(&user, &other);

    is_int(gw_cache_user_reclaim(&user), 0, "its user slot was released");
    is_int(stat_now().bytes, bytes, "its memory was released");

    world_born(77);
    gw_cache_join(&dead, NOW);
    ok(case_store(&dead, &a), "stored");
    is_int(case_find(&dead, &a, &hit), GW_CACHE_RESPONSE, "found");
    is_int(stat_now().pins, 1, "the entry is pinned");
    gw_cache_join(&dead, NOW);
    is_int(stat_now().pins, 0, "a new process of that name has no pins");
    is_int(case_find(&dead, &a, &hit), GW_CACHE_RESPONSE, "found");
    gw_cache_drop(&dead, &hit);
    (void) bytes_after_sweep(&user, NOW);
    ok(cache->dead != 0, "a pinned entry stays in memory");
    world_buried(77);
    is_int(gw_cache_user_reclaim(&user), 1, "its reader is gone");
    is_int(stat_now().bytes, bytes, "all memory is free");
    is_int(stat_now().pins, 0, "no pins");

    end("orphans");
}


static void
test_vary(void)
{
    case_t             a = { .key = "k", .variant = "gzip", .body = "zip" };
    case_t             b = { .key = "k", .variant = "", .body = "plain" };
    case_t             k = { .key = "k" };
    gw_cache_hit_t     hit;
    gw_cache_key_t     key;
    gw_text_t          names;
    gw_cache_fill_t    fill, wait, other;
    gw_cache_labels_t  target;

    begin(SIZE);
    names = text_of("accept-encoding");

    is_int(case_begin(&user, &k, 0, &fill), GW_CACHE_FILL, "the key");
    is_int(case_begin(&user, &k, 0, &wait), GW_CACHE_WAIT, "is locked");

    case_key(cache, &a, &key);
    case_target(&a, &target);
    ok(gw_cache_fill_vary(&user, &fill, &key, &target, &names, NOW + HOUR, NOW),
       "it has variants");
    ok(*wait.watch != wait.seen, "waiters are woken");
    is_int(case_find(&user, &k, &hit), GW_CACHE_VARIANTS,
           "waiters find the variants");
    is_bytes(hit.header.data, hit.header.len, "accept-encoding", "the names");
    gw_cache_unpin(&user, &hit);
    is_int(stat_now().entries, 0, "names are not a response");

    is_int(case_begin(&user, &a, 0, &wait), GW_CACHE_WAIT,
           "wait for the variant");
    is_int(case_begin(&user, &b, 0, &other), GW_CACHE_FILL,
           "or fill another one");

    ok(case_open(&user, &a, &fill, 3)
       && gw_cache_append(&user, &fill, (const unsigned char *) "zip", 3, NOW)
       && gw_cache_commit(&user, &fill), "the first variant");
    ok(*wait.watch != wait.seen, "the first variant wakes its waiters");
    ok(case_open(&user, &b, &other, 5)
       && gw_cache_append(&user, &other, (const unsigned char *) "plain", 5,
                          NOW)
       && gw_cache_commit(&user, &other), "the second variant");

    is_int(case_find(&user, &a, &hit), GW_CACHE_RESPONSE, "one");
    ok(body_is(&user, &hit, (const unsigned char *) "zip", 3), "its body");
    gw_cache_unpin(&user, &hit);
    is_int(case_find(&user, &b, &hit), GW_CACHE_RESPONSE, "the other");
    ok(body_is(&user, &hit, (const unsigned char *) "plain", 5), "its body");
    gw_cache_unpin(&user, &hit);
    is_int(stat_now().entries, 2, "two responses");
    cache->dirty = 1;
    is_int(stat_now().entries, 2, "also after a repair");

    is_int(gw_cache_purge(&user, GW_CACHE_BY_URL, &key.text, 1, NOW), 2,
           "a soft purge of both");
    is_int(case_find(&user, &k, &hit), GW_CACHE_VARIANTS,
           "a soft purge keeps the names");
    gw_cache_unpin(&user, &hit);
    is_int(gw_cache_purge(&user, GW_CACHE_BY_URL, &key.text, 0, NOW), 2,
           "a hard one of both");
    ok(!case_has(&user, &k) && !case_has(&user, &a) && !case_has(&user, &b),
       "all are gone");
    (void) bytes_after_sweep(&user, NOW);
    is_int(stat_now().entries, 0, "no responses");
    is_int(stat_now().bytes, 0, "no memory is in use");

    end("vary");
}


static void
test_refresh(void)
{
    int                  i;
    char                 header[32];
    case_t               a = { .key = "k/a", .body = "the body", .len = 8 };
    uint64_t             bytes;
    gw_cache_hit_t       hit, old;
    gw_cache_key_t       key;
    gw_cache_fill_t      fill;
    gw_text_t            tags[4];
    gw_cache_labels_t    target;
    gw_cache_content_t  response;

    begin(SIZE);
    case_key(cache, &a, &key);
    case_target(&a, &target);
    ok(case_store(&user, &a), "stored");
    bytes = stat_now().bytes;
    ok(case_find(&user, &a, &old), "a reader of the first one");

    for (i = 0; i < 100; i++) {
        snprintf(header, sizeof(header), "age: %d", i);
        a.header = header;
        case_response(&a, &response, tags);
        ok(case_find(&user, &a, &hit)
           && case_begin(&user, &a, hit.serial, &fill) == GW_CACHE_FILL
           && gw_cache_refresh(&user, &fill, &key, &target, &response, &hit,
                               NOW), "refreshed");
        gw_cache_unpin(&user, &hit);
    }

    is_bytes(old.header.data, old.header.len, "header", "the old header");
    ok(body_is(&user, &old, (const unsigned char *) "the body", 8),
       "the old body");
    gw_cache_unpin(&user, &old);

    ok(case_find(&user, &a, &hit), "found");
    is_bytes(hit.header.data, hit.header.len, "age: 99", "the new header");
    ok(body_is(&user, &hit, (const unsigned char *) "the body", 8), "the body");
    gw_cache_unpin(&user, &hit);
    is_int(stat_now().bytes, bytes, "no memory is lost");
    is_int(stat_now().entries, 1, "one entry");

    end("refresh");
}


/* bodies of different sizes, appended in pieces of different sizes */

static void
test_bodies(void)
{
    size_t            size, n, at, step;
    case_t            a = { .key = "k/a" };
    uint64_t          bytes;
    unsigned char    *data;
    gw_cache_hit_t    hit;
    gw_cache_fill_t   fill;
    const size_t      sizes[] = { 1, 239, 240, 241, 255, 256, 257, 4096,
                                  65519, 65520, 65521, 65536, 200000 };

    begin(SIZE);
    bytes = stat_now().bytes;
    data = malloc(LARGE);

    for (n = 0; n < LARGE; n++) {
        data[n] = (unsigned char) (n * 31 + n / 251);
    }

    for (n = 0; n < 2 * sizeof(sizes) / sizeof(sizes[0]); n++) {
        size = sizes[n / 2];
        step = (n % 2) ? 1000 : size;

        ok(case_begin(&user, &a, 0, &fill) == GW_CACHE_FILL
           && case_open(&user, &a, &fill, n % 2 ? GW_CACHE_UNKNOWN : size),
           "%zu bytes", size);

        for (at = 0; at < size; at += step) {
            if (!gw_cache_append(&user, &fill, data + at,
                                 size - at < step ? size - at : step, NOW))
            {
                break;
            }
        }

        ok(at >= size && gw_cache_commit(&user, &fill), "stored");
        ok(case_find(&user, &a, &hit) && body_is(&user, &hit, data, size),
           "and found as they were");
        ok(stat_now().bytes - bytes
           <= (size + 16 * (size / 65520 + 8) + 255) / 256 * 256 + 2048,
           "little more memory than the body is used");
        gw_cache_drop(&user, &hit);
        gw_cache_unpin(&user, &hit);
        is_int(stat_now().bytes, bytes, "the memory is free again");
    }

    free(data);
    end("bodies");
}


static void
test_limits(void)
{
    size_t            most;
    case_t            a = { .key = "k/a" };
    uint64_t          bytes;
    unsigned char    *data;
    gw_cache_fill_t   fill;

    begin(SIZE);
    bytes = stat_now().bytes;
    most = cache->object;
    data = calloc(1, most + 1);
    ok(most <= stat_now().room / 4 && most > stat_now().room / 5,
       "a body may have a quarter of a small shard");

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(!case_open(&user, &a, &fill, most + 1), "a length above the limit");
    gw_cache_abort(&user, &fill);

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(case_open(&user, &a, &fill, most), "the largest length");
    ok(gw_cache_append(&user, &fill, data, most, NOW), "all of it");
    ok(!gw_cache_append(&user, &fill, data, 1, NOW), "no further byte");
    gw_cache_abort(&user, &fill);

    user.object = 1000;
    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(!case_open(&user, &a, &fill, 1001), "a length above the user's limit");
    gw_cache_abort(&user, &fill);

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(case_open(&user, &a, &fill, GW_CACHE_UNKNOWN), "no length");
    ok(gw_cache_append(&user, &fill, data, 1000, NOW), "the user's limit");
    ok(!gw_cache_append(&user, &fill, data, 1, NOW), "no further byte");
    gw_cache_abort(&user, &fill);
    user.object = UINT64_MAX;

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(case_open(&user, &a, &fill, GW_CACHE_UNKNOWN), "no length");
    ok(gw_cache_append(&user, &fill, data, most, NOW), "the largest body");
    ok(!gw_cache_append(&user, &fill, data, 1, NOW), "no further byte");
    ok(gw_cache_commit(&user, &fill), "it is stored");
    ok(case_has(&user, &a), "and found");
    (void) bytes_after_sweep(&user, NOW + HOUR);

    is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
    ok(case_open(&user, &a, &fill, 10), "ten bytes");
    ok(!gw_cache_append(&user, &fill, data, 11, NOW),
       "eleven bytes are rejected");
    ok(gw_cache_append(&user, &fill, data, 9, NOW), "nine bytes are accepted");
    ok(!gw_cache_commit(&user, &fill), "a truncated body is not stored");
    ok(!case_has(&user, &a), "a truncated body is not found");
    is_int(stat_now().fills, 0, "the lock is given back");
    is_int(stat_now().bytes, bytes, "the memory is released");

    free(data);
    end("limits");
}


static case_t  pages[] = {
    { .key = "p1|/a", .url = "http://x/a?q=1", .host = "x", .tags = { "t" } },
    { .key = "p2|/a", .url = "http://x/a?q=1", .host = "x", .consumer = "c" },
    { .key = "p1|/A", .url = "http://x/a?q=2", .host = "x",
      .tags = { "u", "t", "v" } },
    { .key = "p1|/b", .url = "http://x/a/b", .host = "x", .consumer = "d" },
    { .key = "p1|/c", .url = "http://x/ab", .host = "x", .tags = { "tt" } },
    { .key = "p1|/d", .url = "http://y/a?q=1", .host = "y", .consumer = "c" },
};

#define PAGES  (sizeof(pages) / sizeof(pages[0]))


/* purges, and compares the result: a character for each page */

static void
purged_is(gw_cache_by_e by, const char *text, int soft, int n,
    const char *left)
{
    char            got[PAGES + 1];
    size_t          i;
    gw_cache_hit_t  hit;
    gw_text_t       selector;

    for (i = 0; i < PAGES; i++) {
        (void) case_store(&user, &pages[i]);
    }

    selector = text_of(text);
    is_int(gw_cache_purge(&user, by, &selector, soft, NOW), n,
           "purge %d of \"%s\"", by, text);

    for (i = 0; i < PAGES; i++) {
        got[i] = '.';

        if (case_find(&user, &pages[i], &hit)) {
            got[i] = hit.soft ? 's' : '+';
            gw_cache_unpin(&user, &hit);
        }
    }

    got[i] = '\0';
    is_str(got, left, "the remaining responses");
    is_int(gw_cache_purge(&user, by, &selector, soft, NOW), 0, "once");
}


static void
test_purge(void)
{
    begin(SIZE);

    purged_is(GW_CACHE_BY_URL, "http://x/a?q=1", 0, 2, "..++++");
    purged_is(GW_CACHE_BY_URL, "http://x/a?q=1", 1, 2, "ss++++");
    purged_is(GW_CACHE_BY_URL, "http://x/a", 0, 0, "++++++");
    purged_is(GW_CACHE_BY_PATH, "http://x/a", 0, 3, "...+++");
    purged_is(GW_CACHE_BY_PATH, "http://x/a?q=1", 0, 0, "++++++");
    purged_is(GW_CACHE_BY_PREFIX, "http://x/a/", 0, 1, "+++.++");
    purged_is(GW_CACHE_BY_PREFIX, "http://x/", 1, 5, "sssss+");
    purged_is(GW_CACHE_BY_TAG, "t", 0, 2, ".+.+++");
    purged_is(GW_CACHE_BY_TAG, "tt", 0, 1, "++++.+");
    purged_is(GW_CACHE_BY_TAG, "T", 0, 0, "++++++");
    purged_is(GW_CACHE_BY_HOST, "x", 0, 5, ".....+");
    purged_is(GW_CACHE_BY_HOST, "z", 0, 0, "++++++");
    purged_is(GW_CACHE_BY_CONSUMER, "c", 1, 2, "+s+++s");
    purged_is(GW_CACHE_BY_CONSUMER, "", 0, 0, "++++++");
    purged_is(GW_CACHE_BY_ALL, "", 0, 6, "......");
    purged_is(GW_CACHE_BY_ALL, "", 1, 6, "ssssss");

    (void) gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW);
    (void) bytes_after_sweep(&user, NOW);
    is_int(stat_now().entries, 0, "swept");

    end("purge");
}


/* whether a purge changes the number of purges for http://x/a?q=1 */

static void
purges_is(gw_cache_by_e by, const char *text, int changed)
{
    uint64_t           before;
    gw_text_t          selector;
    gw_cache_labels_t  target;

    case_target(&pages[0], &target);
    selector = text_of(text);
    before = gw_cache_purges(&user, &target);

    (void) gw_cache_purge(&user, by, &selector, 0, NOW);

    is_int(gw_cache_purges(&user, &target) != before, changed,
           "purges change by %d of \"%s\"", by, text);
}


static void
test_purges(void)
{
    begin(SIZE);

    purges_is(GW_CACHE_BY_URL, "http://x/a?q=1", 1);
    purges_is(GW_CACHE_BY_URL, "http://x/a?q=2", 0);
    purges_is(GW_CACHE_BY_PATH, "http://x/a", 1);
    purges_is(GW_CACHE_BY_PATH, "http://x/b", 0);
    purges_is(GW_CACHE_BY_PREFIX, "http://x/", 1);
    purges_is(GW_CACHE_BY_TAG, "t", 1);
    purges_is(GW_CACHE_BY_HOST, "x", 1);
    purges_is(GW_CACHE_BY_CONSUMER, "c", 1);
    purges_is(GW_CACHE_BY_ALL, "", 1);

    end("purges");
}


/* a purge during a fill; 0: not stored, 1: stored, 2: stored as stale */

static int
fill_across(const case_t *c, int opened, gw_cache_by_e by, const char *text,
    int soft)
{
    int              rc;
    gw_cache_hit_t   hit;
    gw_cache_fill_t  fill;
    gw_text_t        selector;

    selector = text_of(text);

    (void) gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW);
    rc = case_begin(&user, c, 0, &fill);

    if (opened) {
        (void) case_open(&user, c, &fill, 0);
    }

    if (gw_cache_purge(&user, by, &selector, soft, NOW) != 0) {
        return -1;
    }

    if (!opened) {
        (void) case_open(&user, c, &fill, 0);
    }

    rc = rc == GW_CACHE_FILL && gw_cache_commit(&user, &fill);

    if (rc && case_find(&user, c, &hit)) {
        rc += hit.soft;
        gw_cache_unpin(&user, &hit);
    }

    return rc;
}


static void
test_purged_fill(void)
{
    int              i, opened;
    case_t          *c = &pages[2];
    gw_text_t        other;
    gw_cache_fill_t  fill;
    static const struct {
        gw_cache_by_e    by;
        const char      *hit;
        const char      *miss;
    } row[] = {
        { GW_CACHE_BY_URL,    "http://x/a?q=2", "http://x/a" },
        { GW_CACHE_BY_PATH,   "http://x/a",     "http://x/a?q=2" },
        { GW_CACHE_BY_PREFIX, "http://x/",      "http://x/a/" },
        { GW_CACHE_BY_TAG,    "t",              "w" },
        { GW_CACHE_BY_HOST,   "x",              "y" },
    };

    begin(SIZE);

    for (i = 0; i < 10; i++) {
        opened = i % 2;
        is_int(fill_across(c, opened, row[i / 2].by, row[i / 2].hit, 0), 0,
               "a fill purged by %d", row[i / 2].by);
        is_int(fill_across(c, opened, row[i / 2].by, row[i / 2].hit, 1), 2,
               "softly");
        is_int(fill_across(c, opened, row[i / 2].by, row[i / 2].miss, 0), 1,
               "a fill that is not purged");
    }

    c = &pages[1];
    is_int(fill_across(c, 0, GW_CACHE_BY_CONSUMER, "c", 0), 0, "a consumer");
    is_int(fill_across(c, 0, GW_CACHE_BY_CONSUMER, "d", 0), 1, "another one");
    is_int(fill_across(c, 0, GW_CACHE_BY_ALL, "x", 0), 0, "all");

    other = text_of("no such tag");
    (void) gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW);
    is_int(case_begin(&user, c, 0, &fill), GW_CACHE_FILL, "a fill");

    for (i = 0; i < GW_CACHE_RULES; i++) {
        (void) gw_cache_purge(&user, GW_CACHE_BY_TAG, &other, 0, NOW);
    }

    ok(case_open(&user, c, &fill, 0) && gw_cache_commit(&user, &fill),
       "a fill during %d purges by other tags is stored", GW_CACHE_RULES);
    (void) gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW);

    is_int(case_begin(&user, c, 0, &fill), GW_CACHE_FILL, "a fill");

    for (i = 0; i < GW_CACHE_RULES + 1; i++) {
        (void) gw_cache_purge(&user, GW_CACHE_BY_TAG, &other, 0, NOW);
    }

    ok(case_open(&user, c, &fill, 0) && !gw_cache_commit(&user, &fill),
       "a fill during one more purge is not stored");

    end("purged fill");
}


/* purges of other entries: in the same bins, with similar tags */

static void
test_others(void)
{
    int        i, left;
    size_t     purged;
    char       key[48], tag[16];
    case_t     c = { .key = key, .tags = { tag, "all" } };
    gw_text_t  text;

    begin(8 * SIZE);

    for (i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "http://x/%d", i);
        snprintf(tag, sizeof(tag), "t%d", i % 100);
        (void) case_store(&user, &c);
    }

    is_int(stat_now().entries, 5000, "5,000 entries");
    purged = 0;

    for (i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "http://x/other/%d", i);
        text = text_of(key);
        purged += gw_cache_purge(&user, GW_CACHE_BY_URL, &text, 0, NOW);
    }

    for (i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), i % 2 ? "o%d" : "http://x/%d/", i);
        text = text_of(key);
        purged += gw_cache_purge(&user, i % 2 ? GW_CACHE_BY_TAG
                                              : GW_CACHE_BY_PREFIX,
                                 &text, 0, NOW);
    }

    for (i = 0, left = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "http://x/%d", i);
        left += case_has(&user, &c);
    }

    is_int(purged, 0, "110,000 purges of other entries purge nothing");
    is_int(left, 5000, "each entry is still found");
    text = text_of("t7");
    is_int(gw_cache_purge(&user, GW_CACHE_BY_TAG, &text, 0, NOW), 50,
           "each entry of a tag is purged");

    end("others");
}


static void
test_tags(void)
{
    int                  i;
    char                 name[256][16];
    case_t               a = { .key = "a" };
    gw_cache_key_t       key;
    gw_text_t            tags[256], none[4];
    gw_cache_fill_t      fill;
    gw_cache_labels_t    target;
    gw_cache_content_t  response;

    begin(SIZE);
    case_key(cache, &a, &key);
    case_target(&a, &target);
    case_response(&a, &response, none);

    for (i = 0; i < 256; i++) {
        snprintf(name[i], sizeof(name[i]), "n%d", i);
        tags[i] = text_of(name[i]);
    }

    response.tags = tags;

    for (i = 254; i < 257; i++) {
        response.ntags = i;
        is_int(case_begin(&user, &a, 0, &fill), GW_CACHE_FILL, "a fill");
        is_int(gw_cache_open(&user, &fill, &key, &target, &response, 0, NOW),
               i <= GW_CACHE_TAGS, "%d tags", i);

        if (i > GW_CACHE_TAGS) {
            gw_cache_abort(&user, &fill);
            break;
        }

        ok(gw_cache_commit(&user, &fill), "stored");
        is_int(gw_cache_purge(&user, GW_CACHE_BY_TAG, &tags[i - 1], 0, NOW), 1,
               "a purge by the last tag matches");
    }

    end("tags");
}


/* more entries than fit: those in use stay, and no operation fails */

static void
test_eviction(void)
{
    int              i, hot, stored;
    char             key[32], body[3000];
    case_t           c = { .key = key, .body = body };
    gw_cache_hit_t   hit, pinned;
    gw_cache_key_t   k;
    gw_cache_stat_t  stat;

    begin(SIZE);
    memset(body, 'x', sizeof(body));
    stored = 0;
    hot = 0;

    snprintf(key, sizeof(key), "pinned");
    c.len = 2000;
    ok(case_store(&user, &c) && case_find(&user, &c, &pinned), "one is pinned");

    for (i = 0; i < 20000; i++) {
        world_now += 20;
        snprintf(key, sizeof(key), "%d", i);
        c.len = 500 + (i * 37) % 2500;
        c.keep = NOW + HOUR;
        stored += case_store(&user, &c);

        if (i >= 50) {
            snprintf(key, sizeof(key), "%d", i % 50);
            case_key(cache, &c, &k);

            if (gw_cache_find(&user, &k, NOW, &hit)) {
                hot++;
                gw_cache_unpin(&user, &hit);
            }
        }
    }

    gw_cache_stat(&user, &stat);
    note("%d of 20000 stored, %d of 19950 hits, %llu entries, %llu evictions,"
         " %llu of %llu bytes", stored, hot, (long long) stat.entries,
         (long long) stat.evictions, (long long) stat.bytes,
         (long long) stat.room);
    is_int(stored, 20000, "each is stored");
    is_int(hot, 19950, "an entry used each second is never evicted");
    ok(stat.bytes > stat.room * 9 / 10, "nine tenths of the memory are used");
    ok(body_is(&user, &pinned, (unsigned char *) body, 2000),
       "the pinned entry has not changed");
    gw_cache_unpin(&user, &pinned);

    is_str(inconsistent(cache), "", "the shard is consistent");
    (void) gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW);
    (void) bytes_after_sweep(&user, NOW + HOUR);
    stat = stat_now();
    is_int(stat.entries, 0, "all are swept");
    is_int(stat.bytes, 0, "no memory is in use");

    end("eviction");
}


/* all memory is used by fills and hits: further requests are misses */

static void
test_full(void)
{
    int               i, n;
    char              key[32];
    case_t            c = { .key = key };
    unsigned char     data[4096] = { 0 };
    gw_cache_fill_t   fill[300], more;
    static gw_cache_hit_t  hit[5000];

    begin(SIZE);

    for (n = 0; n < 60; n++) {
        snprintf(key, sizeof(key), "%d", n);

        if (case_begin(&user, &c, 0, &fill[n]) != GW_CACHE_FILL) {
            break;
        }

        if (!case_open(&user, &c, &fill[n], 16384)
            || !gw_cache_append(&user, &fill[n], data, sizeof(data), NOW)
            || !gw_cache_append(&user, &fill[n], data, sizeof(data), NOW)
            || !gw_cache_append(&user, &fill[n], data, sizeof(data), NOW)
            || !gw_cache_append(&user, &fill[n], data, sizeof(data), NOW))
        {
            break;
        }
    }

    ok(n > 40 && n < 60, "%d fills fill the shard", n);
    gw_cache_abort(&user, &fill[n]);
    snprintf(key, sizeof(key), "0");
    ok(gw_cache_commit(&user, &fill[0]), "one is stored");

    for (i = 0; i < 5000; i++) {
        if (!case_find(&user, &c, &hit[i])) {
            break;
        }
    }

    ok(i > 200, "%d readers", i);
    n--;

    while (i) {
        gw_cache_unpin(&user, &hit[--i]);
    }

    while (n) {
        gw_cache_abort(&user, &fill[n--]);
    }

    ok(case_has(&user, &c), "still found");
    (void) bytes_after_sweep(&user, NOW);

    for (n = 0; n < 300; n++) {
        snprintf(key, sizeof(key), "fill %d", n);

        if (case_begin(&user, &c, 0, &fill[n]) != GW_CACHE_FILL) {
            break;
        }
    }

    is_int(n, cache->fills, "as many fills as there are locks");
    is_int(case_begin(&user, &c, 0, &more), GW_CACHE_FULL,
           "another fill is rejected");

    while (n) {
        gw_cache_abort(&user, &fill[--n]);
    }

    end("full");
}


int
main(void)
{
    test_header();
    test_find();
    test_fits();
    test_times();
    test_collision();
    test_lock();
    test_orphans();
    test_vary();
    test_refresh();
    test_bodies();
    test_limits();
    test_purge();
    test_purges();
    test_purged_fill();
    test_others();
    test_tags();
    test_eviction();
    test_full();

    return done_testing();
}
