/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Purges.  Entries are marked, which hides them, and freed by a later sweep.  A
 * purge looks at all entries of a shard, 64 bytes of each, in the order of
 * memory.  The heads of entries that may match are prefetched.
 *
 * A running fill is marked if the target of its request matches.  Its tags and
 * its path are known only when it ends, so a ring keeps purges by tag and
 * prefix for it.  A fill that takes longer than the ring lasts is not stored.
 */

#include <string.h>

#include "gw_cache_shard.h"


#define GW_CACHE_PURGE_CHAIN   256  /* entries of a URL; if it has more, all
                                       entries are checked */
#define GW_CACHE_PURGE_HASHES  64   /* prefixes that a commit hashes; with more,
                                       nothing is stored */


/* a purge, with values that are computed once */

typedef struct {
    gw_cache_by_e         by;
    gw_text_t             text;
    uint64_t              hash;
    uint64_t              now;
    uint32_t              purged;   /* gw_cache_purged_e */
    uint64_t              n;        /* responses */
} gw_cache_purge_t;


static void gw_cache_purge_note(gw_cache_t *cache,
    const gw_cache_purge_t *purge);
static void gw_cache_purge_fills(gw_cache_t *cache,
    const gw_cache_purge_t *purge);
static int gw_cache_purge_fill(const gw_cache_lock_t *lock,
    const gw_cache_purge_t *purge);
static int gw_cache_purge_url(gw_cache_t *cache, gw_cache_purge_t *purge);
static void gw_cache_purge_slice(gw_cache_t *cache, gw_cache_purge_t *purge,
    uint32_t e, uint32_t last);
static int gw_cache_may_match(const gw_cache_place_t *entry,
    const gw_cache_purge_t *purge);
static void gw_cache_fetch(gw_cache_t *cache, uint32_t e,
    const gw_cache_purge_t *purge);
static int gw_cache_matches(gw_cache_t *cache, uint32_t e,
    const gw_cache_purge_t *purge);
static void gw_cache_mark(gw_cache_t *cache, uint32_t e,
    gw_cache_purge_t *purge);
static int gw_cache_has_tag(gw_cache_head_t *head, uint32_t n, uint64_t hash);
static int gw_cache_rule_matches(gw_cache_t *cache,
    const gw_cache_rule_t *rule, uint32_t e);


size_t
gw_cache_purge(gw_cache_user_t *user, gw_cache_by_e by,
    const gw_text_t *text, int soft, uint64_t now)
{
    int                over;
    uint32_t           e;
    gw_cache_t        *cache;
    gw_cache_purge_t   purge;

    if (by != GW_CACHE_BY_ALL && text->len == 0) {
        return 0;
    }

    cache = user->cache;

    memset(&purge, 0, sizeof(gw_cache_purge_t));
    purge.by = by;
    purge.now = now;
    purge.purged = soft ? GW_CACHE_SOFT : GW_CACHE_HARD;

    if (by != GW_CACHE_BY_ALL) {
        purge.text = *text;
        purge.hash = gw_cache_hash(cache, text);
    }

    gw_cache_enter(user);

    gw_cache_purge_note(cache, &purge);
    over = (by == GW_CACHE_BY_URL && gw_cache_purge_url(cache, &purge));

    gw_cache_exit(user);

    /* responses that are stored from here on are checked against the purge */

    for (e = 1; !over && e <= gw_cache_places(cache); e += GW_CACHE_SLICE) {

        gw_cache_enter(user);
        gw_cache_purge_slice(cache, &purge, e, e + GW_CACHE_SLICE - 1);
        gw_cache_exit(user);
    }

    if (purge.n) {
        gw_cache_enter(user);
        cache->purged += purge.n;
        gw_cache_exit(user);
    }

    return purge.n;
}


/* for running fills, and for responses that will be stored later */

static void
gw_cache_purge_note(gw_cache_t *cache, const gw_cache_purge_t *purge)
{
    uint64_t         *purges;
    gw_cache_rule_t  *rule;

    purges = (purge->by == GW_CACHE_BY_URL || purge->by == GW_CACHE_BY_PATH)
             ? &cache->purges[purge->hash % GW_CACHE_BINS]
             : &cache->purges_other;

    gw_cache_set(purges, *purges + 1);

    if (purge->by != GW_CACHE_BY_TAG && purge->by != GW_CACHE_BY_PREFIX) {

        if (cache->active) {
            gw_cache_purge_fills(cache, purge);
        }

        return;
    }

    rule = &cache->rules[cache->rule % GW_CACHE_RULES];
    rule->hash = purge->hash;
    rule->len = (purge->by == GW_CACHE_BY_PREFIX) ? purge->text.len : 0;
    rule->purged = purge->purged;

    gw_cache_set(&cache->rule, cache->rule + 1);
}


static void
gw_cache_purge_fills(gw_cache_t *cache, const gw_cache_purge_t *purge)
{
    unsigned          i;
    uint32_t          f;
    gw_cache_lock_t  *lock;

    for (i = 0; i < GW_CACHE_BINS; i++) {
        for (f = cache->bins[i]; f; f = lock->next) {
            lock = gw_cache_lock_of(cache, f);

            if (lock->purged < purge->purged
                && gw_cache_purge_fill(lock, purge))
            {
                gw_cache_set(&lock->purged, purge->purged);
            }
        }
    }
}


static int
gw_cache_purge_fill(const gw_cache_lock_t *lock,
    const gw_cache_purge_t *purge)
{
    switch (purge->by) {

    case GW_CACHE_BY_URL:
        return lock->url == purge->hash;

    case GW_CACHE_BY_PATH:
        return lock->path == purge->hash;

    case GW_CACHE_BY_HOST:
        return lock->host == purge->hash;

    case GW_CACHE_BY_CONSUMER:
        return lock->consumer == purge->hash;

    default: /* GW_CACHE_BY_ALL */
        return 1;
    }
}


/* returns 0 if the URL has too many entries to check under the lock at once */

static int
gw_cache_purge_url(gw_cache_t *cache, gw_cache_purge_t *purge)
{
    uint32_t           e;
    unsigned           n;
    gw_cache_place_t  *entry;

    n = 0;

    for (e = *gw_cache_url_bin(cache, (uint32_t) purge->hash);
         e;
         e = entry->after)
    {
        entry = gw_cache_entry(cache, e);

        if (++n > GW_CACHE_PURGE_CHAIN) {
            return 0;
        }

        if (gw_cache_may_match(entry, purge)) {
            gw_cache_mark(cache, e, purge);
        }
    }

    return 1;
}


static void
gw_cache_purge_slice(gw_cache_t *cache, gw_cache_purge_t *purge, uint32_t e,
    uint32_t last)
{
    uint32_t   may[GW_CACHE_SLICE];
    unsigned   i, n;

    if (last > cache->high) {
        last = cache->high;
    }

    for (n = 0; e <= last; e++) {
        if (gw_cache_may_match(gw_cache_entry(cache, e), purge)) {
            gw_cache_fetch(cache, e, purge);
            may[n++] = e;
        }
    }

    for (i = 0; i < n; i++) {
        gw_cache_mark(cache, may[i], purge);
    }
}


/* prefetches the data that gw_cache_matches() reads */

static void
gw_cache_fetch(gw_cache_t *cache, uint32_t e, const gw_cache_purge_t *purge)
{
    if (purge->by == GW_CACHE_BY_TAG || purge->by == GW_CACHE_BY_PREFIX) {
        __builtin_prefetch(gw_cache_tags(gw_cache_head(cache, e)));

    } else if (purge->by != GW_CACHE_BY_ALL) {
        __builtin_prefetch(gw_cache_head(cache, e));
    }
}


static int
gw_cache_may_match(const gw_cache_place_t *entry,
    const gw_cache_purge_t *purge)
{
    if (entry->state != GW_CACHE_LIVE || entry->purged >= purge->purged) {
        return 0;
    }

    switch (purge->by) {

    case GW_CACHE_BY_URL:
        return entry->url == (uint32_t) purge->hash;

    case GW_CACHE_BY_PATH:
        return entry->path == (uint32_t) purge->hash;

    case GW_CACHE_BY_HOST:
        return entry->host == (uint32_t) purge->hash;

    case GW_CACHE_BY_CONSUMER:
        return entry->consumer == (uint32_t) purge->hash;

    case GW_CACHE_BY_TAG:
        return (entry->bits & gw_cache_bit(purge->hash)) != 0;

    case GW_CACHE_BY_PREFIX:
        return entry->len >= purge->text.len
               && (entry->bits & gw_cache_bit(purge->hash)) != 0;

    default: /* GW_CACHE_BY_ALL */
        return 1;
    }
}


/* a list of names is not a response: it is not counted, and never stale */

static void
gw_cache_mark(gw_cache_t *cache, uint32_t e, gw_cache_purge_t *purge)
{
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    if (!gw_cache_matches(cache, e, purge)
        || (entry->kind == GW_CACHE_VARIANTS && purge->purged == GW_CACHE_SOFT))
    {
        return;
    }

    purge->n += (entry->kind == GW_CACHE_RESPONSE
                 && entry->keep >= gw_cache_stamp(purge->now));

    gw_cache_set(&entry->purged, purge->purged);
}


static int
gw_cache_matches(gw_cache_t *cache, uint32_t e, const gw_cache_purge_t *purge)
{
    gw_cache_head_t   *head;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);
    head = gw_cache_head(cache, e);

    switch (purge->by) {

    case GW_CACHE_BY_URL:
        return head->url == purge->hash;

    case GW_CACHE_BY_PATH:
        return head->path == purge->hash;

    case GW_CACHE_BY_HOST:
        return head->host == purge->hash;

    case GW_CACHE_BY_CONSUMER:
        return head->consumer == purge->hash;

    case GW_CACHE_BY_TAG:
        return gw_cache_has_tag(head, entry->ntags, purge->hash);

    case GW_CACHE_BY_PREFIX:
        return memcmp(gw_cache_tags(head) + entry->ntags, purge->text.data,
                      purge->text.len)
               == 0;

    default: /* GW_CACHE_BY_ALL */
        return 1;
    }
}


static int
gw_cache_has_tag(gw_cache_head_t *head, uint32_t n, uint64_t hash)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (gw_cache_tags(head)[i] == hash) {
            return 1;
        }
    }

    return 0;
}


uint64_t
gw_cache_purges(gw_cache_user_t *user, const gw_cache_labels_t *target)
{
    uint64_t     url, path;
    gw_cache_t  *cache;
    gw_text_t    text;

    cache = user->cache;

    text.data = target->url.data;
    text.len = target->path;

    url = gw_cache_hash(cache, &target->url);
    path = gw_cache_hash(cache, &text);

    return gw_cache_load(&cache->purges[url % GW_CACHE_BINS])
           + gw_cache_load(&cache->purges[path % GW_CACHE_BINS])
           + gw_cache_load(&cache->purges_other);
}


gw_cache_purged_e
gw_cache_purged_since(gw_cache_t *cache, const gw_cache_lock_t *lock,
    uint32_t e)
{
    uint64_t          i;
    unsigned          hashes;
    gw_cache_rule_t  *rule;
    gw_cache_purged_e purged;

    purged = lock->purged;
    hashes = 0;

    if (cache->rule - lock->rule > GW_CACHE_RULES) {
        return GW_CACHE_HARD;
    }

    for (i = lock->rule; i < cache->rule && purged != GW_CACHE_HARD; i++) {
        rule = &cache->rules[i % GW_CACHE_RULES];

        if (!(gw_cache_entry(cache, e)->bits & gw_cache_bit(rule->hash))) {
            continue;
        }

        hashes += (rule->len != 0);

        if (hashes > GW_CACHE_PURGE_HASHES) {
            return GW_CACHE_HARD;
        }

        if (rule->purged > purged && gw_cache_rule_matches(cache, rule, e))
        {
            purged = rule->purged;
        }
    }

    return purged;
}


static int
gw_cache_rule_matches(gw_cache_t *cache, const gw_cache_rule_t *rule,
    uint32_t e)
{
    gw_cache_head_t  *head;
    gw_text_t         path;

    head = gw_cache_head(cache, e);

    if (rule->len == 0) {
        return gw_cache_has_tag(head, head->ntags, rule->hash);
    }

    path = gw_cache_head_text(head, GW_CACHE_TEXT_PATH);

    if (path.len < rule->len) {
        return 0;
    }

    path.len = rule->len;

    return gw_cache_hash(cache, &path) == rule->hash;
}
