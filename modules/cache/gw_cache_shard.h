/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a shard of the cache looks like, and what its parts offer each other:
 * private to gw_cache_*.c.  gw_cache_store.h says how it works.
 *
 * Truth and what is derived from it.  After a kill inside the lock,
 * gw_cache_repair() takes these for true, and makes everything else from them:
 *
 *   - the state of an entry, its place in the heap, and of a live one all that
 *     is in both;
 *   - the chain of a body, of entries that are not free;
 *   - the owner of a fill, and of one with an owner all that is in it;
 *   - the owner of a seat, and the chain of its pins.
 *
 * Hence the order of stores: a state is set when all that it says is there, and
 * reset before anything of it is taken away.
 */

#ifndef GW_CACHE_SHARD_H_INCLUDED
#define GW_CACHE_SHARD_H_INCLUDED

#include "gw_cache_heap.h"
#include "gw_cache_store.h"


#define GW_CACHE_MAGIC    0x3230455243574700ULL     /* and the layout */
#define GW_CACHE_WAYS     8         /* words of a bucket: a cache line */
#define GW_CACHE_BINS     256       /* of fills, and of purges by URL */
#define GW_CACHE_SEATS    512
#define GW_CACHE_RULES    1024
#define GW_CACHE_SLICE    128       /* entries in one turn with the lock */
#define GW_CACHE_FOLDERS  16        /* of a path that are told apart */
#define GW_CACHE_BUDGET   64        /* runs freed in one turn */
#define GW_CACHE_PART_LEAST  4      /* units of a part of a large body */


#define gw_cache_load(p)         __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gw_cache_set(p, value)   __atomic_store_n(p, value, __ATOMIC_SEQ_CST)


typedef enum {
    GW_CACHE_FREE = 0,
    GW_CACHE_BUILT,                 /* being filled: belongs to a fill */
    GW_CACHE_LIVE,                  /* in the index */
    GW_CACHE_DEAD                   /* freed when nobody has pinned it */
} gw_cache_state_e;


typedef enum {
    GW_CACHE_VALID = 0,
    GW_CACHE_SOFT,
    GW_CACHE_HARD
} gw_cache_purged_e;


/* an entry: what is looked at for many of them at a time */

typedef struct {
    uint8_t               state;
    uint8_t               purged;
    uint8_t               kind;
    uint8_t               ntags;
    uint32_t              len;      /* of the path */
    uint32_t              keep;     /* until, in units of 1024 ms */
    uint32_t              unused;
    uint32_t              url;      /* the low bits of the hashes in its head */
    uint32_t              path;
    uint32_t              host;
    uint32_t              consumer;
    uint64_t              bits;     /* for each tag, and folder of the path */
    uint32_t              head;     /* unit of the heap */
    uint32_t              used;     /* last use, in units of 1024 ms */
    uint32_t              next;     /* of the free or the dead ones */
    uint32_t              mark;     /* pinned, as of that look at pins */
    uint32_t              after;    /* the others with this URL's bin */
    uint32_t              before;
} gw_cache_place_t;


/*
 * The rest, in the heap.  Verifying a purge takes one cache line: the first, or
 * the one behind this, with tags and path.
 */

typedef struct {
    uint64_t              url;
    uint64_t              path;
    uint64_t              host;
    uint64_t              consumer;
    uint64_t              keep;
    uint64_t              serial;
    uint64_t              hash[2];

    uint64_t              stored;
    uint64_t              fresh;
    uint64_t              length;   /* of the body */
    uint32_t              body;     /* its first part; 0: none */
    uint32_t              units;    /* of this head */
    uint32_t              kind;
    uint32_t              ntags;    /* hashes, right behind this */
    uint32_t              len[5];   /* then the texts */
    uint32_t              variant;  /* the key has one */
} gw_cache_head_t;


/* the texts of a head */

typedef enum {
    GW_CACHE_TEXT_PATH = 0,
    GW_CACHE_TEXT_KEY,
    GW_CACHE_TEXT_VARIANT,
    GW_CACHE_TEXT_HEADER,
    GW_CACHE_TEXT_POLICY
} gw_cache_text_e;


/* a part of a body, and its bytes behind it */

typedef struct {
    uint32_t              next;
    uint32_t              units;
    uint32_t              len;      /* bytes in use */
    uint32_t              refs;     /* of the first one: entries with it */
} gw_cache_part_t;


typedef struct {
    uint64_t              word;     /* changes with all that waiters await */
    uint64_t              owner;    /* 0: free */
    uint64_t              hash[2];
    uint64_t              url;
    uint64_t              path;
    uint64_t              host;
    uint64_t              consumer;
    uint64_t              rule;     /* the first one that was not there yet */
    uint32_t              entry;
    uint32_t              purged;
    uint32_t              next;     /* of the free ones, or of its bin */
    uint32_t              unused;
} gw_cache_lock_t;


/* in a cache line of its own: its process changes it with each hit */

typedef struct {
    uint64_t              owner;    /* 0: free */
    uint32_t              pins;     /* the first run of them */
    uint32_t              pin;      /* the owner's: a free one; 0: none */
} __attribute__((aligned(64))) gw_cache_seat_t;


/*
 * A run of pins.  A pin is the number of an entry, or, with the highest bit,
 * the place of the next free one, which only its process reads.
 */

typedef struct {
    uint32_t              next;
    uint32_t              n;
    uint32_t              pin[];
} gw_cache_pins_t;

#define GW_CACHE_PIN_FREE   0x80000000U
#define GW_CACHE_PIN_UNITS  4       /* of a run */


/* a purge that fills may have to know of: by tag or prefix */

typedef struct {
    uint64_t              hash;
    uint32_t              len;      /* of a prefix; 0: a tag */
    uint32_t              purged;
} gw_cache_rule_t;


struct gw_cache_s {

    /* never changes */

    uint64_t              magic;
    uint64_t              size;
    uint64_t              zone;
    uint64_t              secret[2];
    uint64_t              object;       /* bytes of a body, at most */
    uint32_t              entries;      /* numbered from 1 */
    uint32_t              fills;
    uint32_t              buckets;      /* a power of 2, as url_bins is */
    uint32_t              url_bins;
    uint64_t              at_index;     /* offsets, from here */
    uint64_t              at_entries;
    uint64_t              at_urls;
    uint64_t              at_fills;

    /* truth, changed under the lock */

    uint64_t              dirty __attribute__((aligned(64)));
    uint64_t              serial;
    uint64_t              rule;         /* purges by tag and prefix until now */
    uint32_t              high;         /* of the entries ever used */
    uint32_t              seats;        /* of the seats ever used */

    uint64_t              stores;
    uint64_t              evictions;
    uint64_t              purged;
    uint64_t              repairs;

    /* how many purges by URL, in the bin of its hash, and of other kinds */
    uint64_t              purges[GW_CACHE_BINS];
    uint64_t              purges_other;

    /* derived */

    uint32_t              count;        /* live responses */
    uint32_t              active;       /* fills */
    uint32_t              free;         /* first free entry, dead one, fill */
    uint32_t              dead;
    uint32_t              dead_last;
    uint32_t              free_fill;
    uint32_t              hand;         /* of the eviction, and the sweep */
    uint32_t              cursor;
    uint32_t              look;         /* number of the last look at pins */
    gw_cache_heap_t       heap;
    uint32_t              bins[GW_CACHE_BINS];

    gw_cache_rule_t       rules[GW_CACHE_RULES];
    gw_cache_seat_t       seat[GW_CACHE_SEATS];
};


#define gw_cache_in(cache, offset, type)                                      \
    ((type *) ((unsigned char *) (cache) + (offset)))

#define gw_cache_entry(cache, e)                                              \
    (&gw_cache_in(cache, (cache)->at_entries, gw_cache_place_t)[e])

#define gw_cache_lock_of(cache, f)                                            \
    (&gw_cache_in(cache, (cache)->at_fills, gw_cache_lock_t)[f])

#define gw_cache_url_bin(cache, url)                                          \
    (&gw_cache_in(cache, (cache)->at_urls,                                    \
                  uint32_t)[(url) & ((cache)->url_bins - 1)])

#define gw_cache_unit(cache, unit)  gw_cache_heap_at(&(cache)->heap, unit)

#define gw_cache_head(cache, e)                                               \
    ((gw_cache_head_t *) gw_cache_unit(cache, gw_cache_entry(cache, e)->head))

#define gw_cache_tags(head)  ((uint64_t *) ((head) + 1))

#define gw_cache_bit(hash)  (1ULL << ((hash) >> 58))

/* a time as it is kept in an entry */
#define gw_cache_stamp(now)  ((uint32_t) ((now) >> 10))

/* 1 for a response, 0 for the names that select one */
#define gw_cache_counts(cache, e)                                             \
    (gw_cache_entry(cache, e)->kind == GW_CACHE_RESPONSE)

/* the word of the index for an entry */
#define gw_cache_word(hash, e)  ((hash)[1] << 32 | (e))


/*
 * The files, each of which calls those after it alone: fill, purge and pin;
 * shard; repair; lock; entry; index; heap.  What is in several of them is
 * called with the lock, but for gw_cache_enter().
 */


/* gw_cache_purge.c: what purges since the fill began mean for its entry */

gw_cache_purged_e gw_cache_purged_since(gw_cache_t *cache,
    const gw_cache_lock_t *lock, uint32_t e);


/* gw_cache_shard.c */

void gw_cache_enter(gw_cache_user_t *user);
void gw_cache_exit(gw_cache_user_t *user);


/* gw_cache_repair.c: everything that is derived, anew */

void gw_cache_repair(gw_cache_t *cache);


/* gw_cache_lock.c */

/* the fill of a key; 0: none */
uint32_t gw_cache_fill_find(gw_cache_t *cache, const uint64_t hash[2]);

/* in the index of fills, and out of it */
void gw_cache_fill_link(gw_cache_t *cache, uint32_t f);
void gw_cache_fill_unlink(gw_cache_t *cache, uint32_t f);

/* what its waiters await has changed */
void gw_cache_fill_wake(gw_cache_lock_t *lock);

/* it is over: its waiters are woken, and its entry is dead if it was built */
void gw_cache_fill_end(gw_cache_t *cache, uint32_t f);


/* gw_cache_entry.c */

/* units of the heap as of gw_cache_heap_take(), after evicting for them */
uint32_t gw_cache_room(gw_cache_t *cache, uint32_t want, uint32_t least,
    uint32_t *got, uint64_t now);

/* an entry with a head of "units", BUILT, to be linked to a fill; 0: none */
uint32_t gw_cache_build(gw_cache_t *cache, uint32_t units, uint64_t now);

/* puts it into the index, in place of the one with its key; 0: no room there */
int gw_cache_publish(gw_cache_t *cache, uint32_t e);

/* BUILT or LIVE before */
void gw_cache_kill(gw_cache_t *cache, uint32_t e);

/* frees dead entries that nobody has pinned */
void gw_cache_reclaim(gw_cache_t *cache);

/*
 * A new look at all pins, after which pinned entries have its number as their
 * mark.  Returns how many pins there are.
 */
uint64_t gw_cache_look(gw_cache_t *cache);

/* units of the heap that the pins of all processes take */
uint64_t gw_cache_pin_units(const gw_cache_t *cache);


/* gw_cache_index.c */

/* the live entry with this key, in its place of the index; NULL: none */
uint64_t *gw_cache_lookup(gw_cache_t *cache, const uint64_t hash[2],
    const gw_cache_text_t *key, const gw_cache_text_t *variant);

uint64_t *gw_cache_bucket(const gw_cache_t *cache, uint64_t hash,
    unsigned which);

/* whether the head is that of a key */
int gw_cache_key_is(const gw_cache_head_t *head, const gw_cache_text_t *key,
    const gw_cache_text_t *variant);

/* a text of a head */
gw_cache_text_t gw_cache_head_text(const gw_cache_head_t *head,
    gw_cache_text_e which);

int gw_cache_index_add(gw_cache_t *cache, uint64_t hash, uint64_t word);
void gw_cache_index_remove(gw_cache_t *cache, uint64_t hash, uint32_t e);
void gw_cache_url_add(gw_cache_t *cache, uint32_t e);
void gw_cache_url_remove(gw_cache_t *cache, uint32_t e);

uint64_t gw_cache_hash(const gw_cache_t *cache, const gw_cache_text_t *text);


#endif /* GW_CACHE_SHARD_H_INCLUDED */
