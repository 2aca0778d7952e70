/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The creation of an entry: the lock on its key, the body, and the commit that
 * makes the entry valid.
 */

#include <string.h>

#include "gw_cache_shard.h"


/* maximum bytes of a body */
#define gw_cache_most(user)                                                   \
    ((user)->object < (user)->cache->object ? (user)->object                  \
                                            : (user)->cache->object)


static gw_cache_lock_t *gw_cache_mine(gw_cache_user_t *user,
    const gw_cache_fill_t *fill);
static uint64_t gw_cache_serial(gw_cache_t *cache, const gw_cache_key_t *key,
    uint64_t now);
static void gw_cache_fill_set(gw_cache_t *cache, uint32_t f,
    const gw_cache_lock_t *lock);
static uint32_t gw_cache_make(gw_cache_user_t *user, gw_cache_fill_t *fill,
    gw_cache_kind_e kind, const gw_cache_key_t *key,
    const gw_cache_labels_t *target, const gw_cache_content_t *response,
    uint64_t now);
static int gw_cache_part_add(gw_cache_user_t *user, gw_cache_fill_t *fill,
    size_t len, uint64_t now);
static void gw_cache_part_trim(gw_cache_t *cache, const gw_cache_fill_t *fill);
static int gw_cache_end(gw_cache_user_t *user, gw_cache_fill_t *fill,
    uint32_t body);


gw_cache_begin_e
gw_cache_begin(gw_cache_user_t *user, const gw_cache_key_t *key,
    const gw_cache_labels_t *target, uint64_t serial, uint64_t now,
    gw_cache_fill_t *fill)
{
    uint32_t          f;
    gw_cache_t       *cache;
    gw_cache_lock_t   lock;
    gw_cache_begin_e  rc;

    if (user->seat == NULL) {
        return GW_CACHE_FULL;
    }

    cache = user->cache;
    memset(fill, 0, sizeof(gw_cache_fill_t));

    memset(&lock, 0, sizeof(gw_cache_lock_t));
    lock.owner = user->self;
    lock.hash[0] = key->hash[0];
    lock.hash[1] = key->hash[1];
    gw_cache_targets(cache, target, &lock);

    gw_cache_enter(user);

    f = gw_cache_fill_find(cache, key->hash);

    if (gw_cache_serial(cache, key, now) != serial) {
        rc = GW_CACHE_AGAIN;

    } else if (f) {
        rc = GW_CACHE_WAIT;

    } else if (cache->free_fill) {
        rc = GW_CACHE_FILL;
        f = cache->free_fill;
        gw_cache_fill_set(cache, f, &lock);

    } else {
        rc = GW_CACHE_FULL;
    }

    if (f) {
        fill->fill = f;
        fill->mine = (rc == GW_CACHE_FILL);
        fill->watch = &gw_cache_lock_of(cache, f)->word;
        fill->seen = *fill->watch;
    }

    gw_cache_exit(user);

    return rc;
}


/* the serial number of the entry that would be found; 0: none */

static uint64_t
gw_cache_serial(gw_cache_t *cache, const gw_cache_key_t *key, uint64_t now)
{
    uint32_t          e;
    uint64_t         *slot;
    gw_cache_head_t  *head;

    slot = gw_cache_lookup(cache, key->hash, &key->text, &key->variant);

    if (slot == NULL) {
        return 0;
    }

    e = (uint32_t) *slot;
    head = gw_cache_head(cache, e);

    return (gw_cache_entry(cache, e)->purged == GW_CACHE_HARD
            || head->keep <= now)
           ? 0 : head->serial;
}


/* sets the owner last: a fill without owner is free, whatever its data is */

static void
gw_cache_fill_set(gw_cache_t *cache, uint32_t f, const gw_cache_lock_t *set)
{
    uint64_t          word;
    gw_cache_lock_t  *lock;

    lock = gw_cache_lock_of(cache, f);
    cache->free_fill = lock->next;

    word = lock->word;
    lock->hash[0] = set->hash[0];
    lock->hash[1] = set->hash[1];
    lock->url = set->url;
    lock->path = set->path;
    lock->host = set->host;
    lock->consumer = set->consumer;
    lock->rule = cache->rule;
    lock->entry = 0;
    lock->purged = GW_CACHE_VALID;

    gw_cache_set(&lock->word, word + 1);
    gw_cache_set(&lock->owner, set->owner);

    gw_cache_fill_link(cache, f);
}


/*
 * Returns the lock of a fill.  NULL: the caller waits, or has ended the fill,
 * or another process has ended it because it took this process for dead.
 */

static gw_cache_lock_t *
gw_cache_mine(gw_cache_user_t *user, const gw_cache_fill_t *fill)
{
    gw_cache_lock_t  *lock;

    lock = gw_cache_lock_of(user->cache, fill->fill);

    return (fill->mine && lock->owner == user->self
            && lock->word == fill->seen)
           ? lock : NULL;
}


int
gw_cache_fill_vary(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_text_t *names, uint64_t keep, uint64_t now)
{
    int                  done;
    uint32_t             e;
    gw_cache_key_t       primary;
    gw_cache_lock_t     *lock;
    gw_cache_content_t  response;

    memset(&response, 0, sizeof(gw_cache_content_t));
    response.header = *names;
    response.keep = keep;

    primary = *key;
    primary.variant.data = NULL;
    primary.variant.len = 0;
    primary.hash[0] = key->primary[0];
    primary.hash[1] = key->primary[1];

    e = gw_cache_make(user, fill, GW_CACHE_VARIANTS, &primary, target,
                      &response, now);

    if (e == 0) {
        return 0;
    }

    gw_cache_enter(user);

    lock = gw_cache_mine(user, fill);
    done = lock && gw_cache_publish(user->cache, e);

    if (done) {
        lock->entry = 0;
        gw_cache_fill_unlink(user->cache, fill->fill);
        lock->hash[0] = key->hash[0];
        lock->hash[1] = key->hash[1];
        gw_cache_fill_link(user->cache, fill->fill);

        gw_cache_fill_wake(lock);
        fill->seen = lock->word;
        fill->entry = 0;
    }

    gw_cache_exit(user);

    return done;
}


int
gw_cache_open(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, uint64_t length, uint64_t now)
{
    if (length != GW_CACHE_UNKNOWN && length > gw_cache_most(user)) {
        return 0;
    }

    fill->expected = length;
    fill->length = 0;
    fill->tail = 0;

    return gw_cache_make(user, fill, GW_CACHE_RESPONSE, key, target, response,
                         now) != 0;
}


/* creates an entry with its head, which belongs to the fill; 0: no memory */

static uint32_t
gw_cache_make(gw_cache_user_t *user, gw_cache_fill_t *fill,
    gw_cache_kind_e kind, const gw_cache_key_t *key,
    const gw_cache_labels_t *target, const gw_cache_content_t *response,
    uint64_t now)
{
    size_t            units;
    uint32_t          e;
    gw_cache_t       *cache;
    gw_cache_lock_t  *lock;

    cache = user->cache;

    if (!gw_cache_fits(key, target, response)
        || response->ntags > GW_CACHE_TAGS
        || target->path > target->url.len)
    {
        return 0;
    }

    units = (gw_cache_head_size(key, target, response) + GW_CACHE_UNIT - 1)
            / GW_CACHE_UNIT;

    gw_cache_enter(user);

    e = 0;
    lock = gw_cache_mine(user, fill);

    if (lock && lock->entry == 0) {
        e = gw_cache_build(cache, units, now);
        gw_cache_set(&lock->entry, e);
    }

    gw_cache_exit(user);

    if (e) {
        gw_cache_head_write(cache, e, kind, key, target, response);
    }

    fill->entry = e;

    return e;
}


int
gw_cache_append(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const unsigned char *data, size_t len, uint64_t now)
{
    size_t            n, room;
    gw_cache_part_t  *part;

    if (fill->entry == 0 || len > gw_cache_most(user) - fill->length
        || (fill->expected != GW_CACHE_UNKNOWN
            && len > fill->expected - fill->length))
    {
        return 0;
    }

    while (len) {
        part = NULL;
        room = 0;

        if (fill->tail) {
            part = gw_cache_unit(user->cache, fill->tail);
            room = (size_t) part->units * GW_CACHE_UNIT
                   - sizeof(gw_cache_part_t) - part->len;
        }

        if (room == 0) {

            if (!gw_cache_part_add(user, fill, len, now)) {
                return 0;
            }

            continue;
        }

        n = len < room ? len : room;
        memcpy((unsigned char *) (part + 1) + part->len, data, n);

        part->len += n;
        fill->length += n;
        data += n;
        len -= n;
    }

    return 1;
}


/* for the bytes that are still expected, or doubles the body */

static int
gw_cache_part_add(gw_cache_user_t *user, gw_cache_fill_t *fill, size_t len,
    uint64_t now)
{
    uint64_t          size;
    uint32_t          want, unit, units;
    gw_cache_t       *cache;
    gw_cache_part_t  *part;

    cache = user->cache;

    size = (fill->expected != GW_CACHE_UNKNOWN)
           ? fill->expected - fill->length
           : (fill->length > len ? fill->length : len);
    size = (size + sizeof(gw_cache_part_t) + GW_CACHE_UNIT - 1)
           / GW_CACHE_UNIT;
    want = size < GW_CACHE_RUN ? size : GW_CACHE_RUN;

    gw_cache_enter(user);

    unit = 0;

    if (gw_cache_mine(user, fill)) {
        unit = gw_cache_room(cache, want, want < GW_CACHE_PART_LEAST
                             ? want : GW_CACHE_PART_LEAST, &units, now);
    }

    if (unit) {
        part = gw_cache_unit(cache, unit);
        part->next = 0;
        part->units = units;
        part->len = 0;
        part->refs = 1;

        if (fill->tail) {
            part = gw_cache_unit(cache, fill->tail);
            gw_cache_set(&part->next, unit);

        } else {
            gw_cache_set(&gw_cache_head(cache, fill->entry)->body, unit);
        }

        fill->tail = unit;
    }

    gw_cache_exit(user);

    return unit != 0;
}


/* frees the unused end of the last part; sets its length first */

static void
gw_cache_part_trim(gw_cache_t *cache, const gw_cache_fill_t *fill)
{
    uint32_t          used, units;
    gw_cache_part_t  *part;

    if (fill->tail == 0) {
        return;
    }

    part = gw_cache_unit(cache, fill->tail);
    units = part->units;
    used = (part->len + sizeof(gw_cache_part_t) + GW_CACHE_UNIT - 1)
           / GW_CACHE_UNIT;

    if (used < units) {
        gw_cache_set(&part->units, used);
        gw_cache_heap_give(&cache->heap, fill->tail + used, units - used);
    }
}


int
gw_cache_commit(gw_cache_user_t *user, gw_cache_fill_t *fill)
{
    if (fill->entry == 0
        || (fill->expected != GW_CACHE_UNKNOWN
            && fill->length != fill->expected))
    {
        gw_cache_abort(user, fill);
        return 0;
    }

    return gw_cache_end(user, fill, 0);
}


/* "body" is that of another entry, to be shared; 0: the body of this fill */

static int
gw_cache_end(gw_cache_user_t *user, gw_cache_fill_t *fill, uint32_t body)
{
    int                done;
    gw_cache_t        *cache;
    gw_cache_head_t   *head;
    gw_cache_lock_t   *lock;
    gw_cache_purged_e  purged;

    cache = user->cache;
    done = 0;

    gw_cache_enter(user);

    lock = gw_cache_mine(user, fill);

    if (lock) {
        head = gw_cache_head(cache, fill->entry);
        head->length = fill->length;
        purged = gw_cache_purged_since(cache, lock, fill->entry);

        gw_cache_part_trim(cache, fill);

        if (body) {
            gw_cache_set(&head->body, body);
            ((gw_cache_part_t *) gw_cache_unit(cache, body))->refs++;
        }

        gw_cache_set(&gw_cache_entry(cache, fill->entry)->purged, purged);

        if (purged != GW_CACHE_HARD) {
            done = gw_cache_publish(cache, fill->entry);
            cache->stores += done;
        }

        gw_cache_fill_end(cache, fill->fill);
        gw_cache_reclaim(cache);
    }

    gw_cache_exit(user);

    fill->fill = 0;
    fill->entry = 0;

    return done;
}


void
gw_cache_abort(gw_cache_user_t *user, gw_cache_fill_t *fill)
{
    gw_cache_enter(user);

    if (gw_cache_mine(user, fill)) {
        gw_cache_fill_end(user->cache, fill->fill);
        gw_cache_reclaim(user->cache);
    }

    gw_cache_exit(user);

    fill->fill = 0;
    fill->entry = 0;
}


int
gw_cache_refresh(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, const gw_cache_hit_t *hit,
    uint64_t now)
{
    if (!gw_cache_open(user, fill, key, target, response, GW_CACHE_UNKNOWN,
                       now))
    {
        gw_cache_abort(user, fill);
        return 0;
    }

    fill->length = hit->length;

    return gw_cache_end(user, fill, hit->body);
}
