/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Purges of a shard with 100,000 entries: the CPU time of a purge.  Within a
 * minute, all memory is free, except that of entries that are being read.
 */

#include <stdio.h>

#include "cache_world.h"
#include "misses.h"
#include "tap.h"


#define ENTRIES  100000
#define SIZE     (160 * 1024 * 1024)
#define TRIES    5
#define LIMIT    5.0            /* ms */

/* sanitizers are several times slower */

#if defined(__SANITIZE_ADDRESS__)
#define SLOWER   20
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOWER   20
#endif
#endif

#ifndef SLOWER
#define SLOWER   1
#endif


typedef struct {
    const char     *name;
    gw_cache_by_e   by;
    const char     *text;
    size_t          n;          /* number of purged responses */
} selector_t;


static gw_cache_t       *cache;
static gw_cache_user_t   user;


static const selector_t  selectors[] = {
    { "url",              GW_CACHE_BY_URL,      "http://x/d/7?q",     1 },
    { "url, none",        GW_CACHE_BY_URL,      "http://x/none",      0 },
    { "url of 1,000",     GW_CACHE_BY_URL,      "http://x/many?q", 1000 },
    { "url without ?",    GW_CACHE_BY_PATH,     "http://x/d/7",       1 },
    { "prefix, none",     GW_CACHE_BY_PREFIX,   "http://x/e/",        0 },
    { "prefix, nearly all", GW_CACHE_BY_PREFIX, "http://x/d/",    99000 },
    { "tag",              GW_CACHE_BY_TAG,      "t7",                 1 },
    { "tag, none",        GW_CACHE_BY_TAG,      "none",               0 },
    { "tag of all",       GW_CACHE_BY_TAG,      "all",          ENTRIES },
    { "host, none",       GW_CACHE_BY_HOST,     "y",                  0 },
    { "host of all",      GW_CACHE_BY_HOST,     "x",            ENTRIES },
    { "consumer, none",   GW_CACHE_BY_CONSUMER, "d",                  0 },
    { "consumer of all",  GW_CACHE_BY_CONSUMER, "c",            ENTRIES },
    { "all",              GW_CACHE_BY_ALL,      "",             ENTRIES }
};

#define SELECTORS  (sizeof(selectors) / sizeof(selectors[0]))


/* makes an entry; 1,000 of them have the same URL, in 1,000 partitions */

static void
page(int i, case_t *c, char text[3][32])
{
    static char  header[700];

    memset(header, 'h', sizeof(header) - 1);

    (void) snprintf(text[0], 32, "key %d", i);
    (void) snprintf(text[1], 32, "t%d", i);
    (void) snprintf(text[2], 32, i % 100 ? "http://x/d/%d?q"
                                         : "http://x/many?q", i);

    memset(c, 0, sizeof(case_t));
    c->key = text[0];
    c->url = text[2];
    c->host = "x";
    c->consumer = "c";
    c->tags[0] = text[1];
    c->tags[1] = "all";
    c->header = header;
    c->body = "body";
}


static void
fill(void)
{
    int      i;
    char     text[3][32];
    case_t   c;

    for (i = 0; i < ENTRIES; i++) {
        page(i, &c, text);
        (void) case_store(&user, &c);
    }
}


/* restores the state before a purge */

static void
restore(void)
{
    uint32_t  e;

    for (e = 1; e <= cache->high; e++) {
        gw_cache_entry(cache, e)->purged = GW_CACHE_VALID;
    }
}


static void
test_time(const selector_t *selector, int soft)
{
    int        i;
    size_t     n;
    double     began, time, least, limit;
    gw_text_t  text;

    text = text_of(selector->text);
    least = 1e9;
    n = 0;

    for (i = 0; i < TRIES; i++) {
        began = cpu();
        n = gw_cache_purge(&user, selector->by, &text, soft, NOW);
        time = cpu() - began;
        least = time < least ? time : least;

        restore();
    }

    is_int(n, selector->n, "%s, %s", selector->name, soft ? "soft" : "hard");

    /* slow memory: half of the time of a cache miss for each response */

    limit = LIMIT * SLOWER;
    if (least >= limit) {
        limit = misses(ENTRIES) / 2;
    }

    ok(least < limit, "in %.2f ms", least);
}


static gw_cache_stat_t
stat_now(void)
{
    gw_cache_stat_t  stat;

    gw_cache_stat(&user, &stat);

    return stat;
}


/* sweeps like a worker: a 32nd of the places each second */

static void
sweep(unsigned seconds)
{
    while (seconds--) {
        (void) gw_cache_sweep(&user, gw_cache_places(cache) / 32, NOW);
    }
}


/* a purged entry that is being read keeps only its header and body */

static void
test_memory(uint64_t empty)
{
    char             text[3][32];
    case_t           c;
    uint64_t         full;
    gw_cache_hit_t   hit;

    full = stat_now().bytes;

    page(5, &c, text);
    ok(case_find(&user, &c, &hit), "an entry is being read");

    is_int(gw_cache_purge(&user, GW_CACHE_BY_ALL, NULL, 0, NOW), ENTRIES,
           "all entries are purged");
    ok(!case_has(&user, &c), "the entry is no longer found");

    sweep(59);

    is_int(stat_now().entries, 0, "no entry after a minute");
    ok(stat_now().bytes - empty <= full / ENTRIES * 2
       && stat_now().bytes > empty,
       "only the memory of the entry being read is in use");
    ok(body_is(&user, &hit, (const unsigned char *) "body", 4),
       "its body has not changed");

    gw_cache_unpin(&user, &hit);

    is_int(stat_now().bytes, empty, "its memory is free after its last reader");
}


int
main(void)
{
    size_t    i;
    uint64_t  empty;

    cache = world_begin(SIZE);
    world_user(&user, cache, (uint64_t) getpid());
    gw_cache_join(&user, NOW);

    empty = stat_now().bytes;
    fill();

    is_int(stat_now().entries, ENTRIES, "entries");

    for (i = 0; i < 2 * SELECTORS; i++) {
        test_time(&selectors[i / 2], i % 2);
    }

    test_memory(empty);

    return done_testing();
}
