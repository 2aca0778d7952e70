/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The layout of a shard of the cache, and the functions that its parts share.
 * Private to gw_cache_*.c; gw_cache_store.h describes how a shard works.
 *
 * Primary and derived data.  After a process was killed inside the lock,
 * gw_cache_repair() relies on the following, and derives everything else:
 *
 *   - the state of an entry, its place in the heap, and all data of a live
 *     entry;
 *   - the chain of a body, if its entry is not free;
 *   - the owner of a fill, and all data of a fill with an owner;
 *   - the owner of a seat, and the chain of its pins.
 *
 * This determines the order of stores: a state is set after all data that it
 * guarantees is written, and reset before any of this data is removed.
 */

#ifndef GW_CACHE_SHARD_H_INCLUDED
#define GW_CACHE_SHARD_H_INCLUDED

#include "gw_cache_heap.h"
#include "gw_cache_store.h"


#define GW_CACHE_MAGIC    0x3330455243574700ULL     /* and the layout */
#define GW_CACHE_WAYS     8         /* words of a bucket: a cache line */
#define GW_CACHE_BINS     256       /* of fills, and of purges by URL */
#define GW_CACHE_SEATS    512
#define GW_CACHE_RULES    1024
#define GW_CACHE_SLICE    128       /* entries per turn with the lock */
#define GW_CACHE_FOLDERS  16        /* folders of a path with bits of their
                                       own */
#define GW_CACHE_BUDGET   64        /* runs freed under the lock at a time */
#define GW_CACHE_PART_LEAST  4      /* minimum units of a part of a long body */


#define gw_cache_load(p)         __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gw_cache_set(p, value)   __atomic_store_n(p, value, __ATOMIC_SEQ_CST)


typedef enum {
    GW_CACHE_FREE = 0,
    GW_CACHE_BUILT,                 /* being filled: belongs to a fill */
    GW_CACHE_LIVE,                  /* in the index */
    GW_CACHE_DEAD                   /* freed when it is not pinned */
} gw_cache_state_e;


typedef enum {
    GW_CACHE_VALID = 0,
    GW_CACHE_SOFT,
    GW_CACHE_HARD
} gw_cache_purged_e;


/* an entry: the data that is read for many entries at a time */

typedef struct {
    uint8_t               state;
    uint8_t               purged;
    uint8_t               kind;
    uint8_t               ntags;
    uint32_t              len;      /* length of the path */
    uint32_t              keep;     /* end, in units of 1024 ms */
    uint32_t              unused;
    uint32_t              url;      /* the low bits of the hashes in the head */
    uint32_t              path;
    uint32_t              host;
    uint32_t              consumer;
    uint64_t              bits;     /* for each tag and folder of the path */
    uint32_t              head;     /* first unit in the heap */
    uint32_t              used;     /* last use, in units of 1024 ms */
    uint32_t              next;     /* in the list of free or of dead entries */
    uint32_t              mark;     /* number of the last look that saw a pin */
    uint32_t              after;    /* the neighbours in the bin of its URL */
    uint32_t              before;
} gw_cache_place_t;


/*
 * The rest of an entry, in the heap.  A check against a purge reads one cache
 * line: the first one of the head, or the first one after it, with the tags and
 * the path.
 */

typedef struct {
    uint64_t              url;
    uint64_t              path;
    uint64_t              host;
    uint64_t              consumer;
    uint64_t              keep;
    uint64_t              serial;
    uint64_t              hash[2];

    uint64_t              length;   /* of the body */
    uint32_t              body;     /* its first part; 0: none */
    uint32_t              units;    /* of the head */
    uint32_t              kind;
    uint32_t              ntags;    /* the hashes follow the head */
    uint32_t              len[5];   /* the texts follow the hashes */
    uint32_t              variant;  /* whether the key has a variant */
} gw_cache_head_t;


/* the texts after a head */

typedef enum {
    GW_CACHE_TEXT_PATH = 0,
    GW_CACHE_TEXT_KEY,
    GW_CACHE_TEXT_VARIANT,
    GW_CACHE_TEXT_HEADER,
    GW_CACHE_TEXT_POLICY
} gw_cache_text_e;


/* a part of a body; its bytes follow */

typedef struct {
    uint32_t              next;
    uint32_t              units;
    uint32_t              len;      /* bytes in use */
    uint32_t              refs;     /* in the first part: entries that use it */
} gw_cache_part_t;


typedef struct {
    uint64_t              word;     /* changes to wake waiters */
    uint64_t              owner;    /* 0: free */
    uint64_t              hash[2];
    uint64_t              url;
    uint64_t              path;
    uint64_t              host;
    uint64_t              consumer;
    uint64_t              rule;     /* next rule when the fill began */
    uint32_t              entry;
    uint32_t              purged;
    uint32_t              next;     /* of free fills, or in its bin */
    uint32_t              unused;
} gw_cache_lock_t;


/* has a cache line of its own: its process changes it with each hit */

typedef struct {
    uint64_t              owner;    /* 0: free */
    uint32_t              pins;     /* the first run of them */
    uint32_t              pin;      /* the first free one, used by the owner
                                       alone; 0: none */
} __attribute__((aligned(64))) gw_cache_seat_t;


/*
 * A run of pins.  A pin holds the number of an entry, or, with the highest bit
 * set, the place of the next free pin, which only its process reads.
 */

typedef struct {
    uint32_t              next;
    uint32_t              n;
    uint32_t              pin[];
} gw_cache_pins_t;

#define GW_CACHE_PIN_FREE   0x80000000U
#define GW_CACHE_PIN_UNITS  4       /* of a run */


/* a purge by tag or prefix, which running fills have to check */

typedef struct {
    uint64_t              hash;
    uint32_t              len;      /* of a prefix; 0: a tag */
    uint32_t              purged;
} gw_cache_rule_t;


struct gw_cache_s {

    /* constant */

    uint64_t              magic;
    uint64_t              size;
    uint64_t              zone;
    uint64_t              secret[2];
    uint64_t              object;       /* maximum bytes of a body */
    uint32_t              entries;      /* numbered from 1 */
    uint32_t              fills;
    uint32_t              buckets;      /* a power of 2, like url_bins */
    uint32_t              url_bins;
    uint64_t              at_index;     /* offsets from this structure */
    uint64_t              at_entries;
    uint64_t              at_urls;
    uint64_t              at_fills;

    /* primary data, changed under the lock */

    uint64_t              dirty __attribute__((aligned(64)));
    uint64_t              serial;
    uint64_t              rule;         /* purges by tag and prefix so far */
    uint32_t              high;         /* number of entries ever used */
    uint32_t              seats;        /* number of seats ever used */

    uint64_t              stores;
    uint64_t              evictions;
    uint64_t              purged;
    uint64_t              repairs;

    /* purges by URL, by the bin of its hash, and purges of other kinds */
    uint64_t              purges[GW_CACHE_BINS];
    uint64_t              purges_other;

    /* derived data */

    uint32_t              count;        /* live responses */
    uint32_t              active;       /* fills in progress */
    uint32_t              free;         /* first free entry */
    uint32_t              dead;
    uint32_t              dead_last;
    uint32_t              free_fill;
    uint32_t              hand;         /* of the eviction, and of the sweep */
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

/* a time as entries store it */
#define gw_cache_stamp(now)  ((uint32_t) ((now) >> 10))

/* 1 for a response, 0 for a list of names */
#define gw_cache_counts(cache, e)                                             \
    (gw_cache_entry(cache, e)->kind == GW_CACHE_RESPONSE)

/* the word of the index for an entry */
#define gw_cache_word(hash, e)  ((hash)[1] << 32 | (e))


/*
 * A file calls only the files after it in this list: fill, purge and pin; head;
 * shard; repair; lock; entry; index; heap.  Functions that several files use
 * are called under the lock, except for gw_cache_enter().
 */


/* gw_cache_purge.c: how the purges since a fill began affect its entry */

gw_cache_purged_e gw_cache_purged_since(gw_cache_t *cache,
    const gw_cache_lock_t *lock, uint32_t e);


/* gw_cache_head.c */

/* bytes of a head; above GW_CACHE_RUN units if it is too large */
size_t gw_cache_head_size(const gw_cache_key_t *key,
    const gw_cache_labels_t *target, const gw_cache_content_t *response);

/* sets the hashes by which purges find a fill */
void gw_cache_targets(const gw_cache_t *cache,
    const gw_cache_labels_t *target, gw_cache_lock_t *lock);

/* outside of the lock: writes an entry in the state BUILT */
void gw_cache_head_write(gw_cache_t *cache, uint32_t e, gw_cache_kind_e kind,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response);


/* gw_cache_shard.c */

void gw_cache_enter(gw_cache_user_t *user);
void gw_cache_exit(gw_cache_user_t *user);


/* gw_cache_repair.c: rebuilds everything that is derived */

void gw_cache_repair(gw_cache_t *cache);


/* gw_cache_lock.c */

/* the fill of a key; 0: none */
uint32_t gw_cache_fill_find(gw_cache_t *cache, const uint64_t hash[2]);

/* adds a fill to the index of fills, and removes it */
void gw_cache_fill_link(gw_cache_t *cache, uint32_t f);
void gw_cache_fill_unlink(gw_cache_t *cache, uint32_t f);

/* wakes the waiters of a fill */
void gw_cache_fill_wake(gw_cache_lock_t *lock);

/* ends a fill: wakes its waiters, and kills its entry if that is being built */
void gw_cache_fill_end(gw_cache_t *cache, uint32_t f);


/* gw_cache_entry.c */

/* takes units like gw_cache_heap_take(), and evicts entries to make room */
uint32_t gw_cache_room(gw_cache_t *cache, uint32_t want, uint32_t least,
    uint32_t *got, uint64_t now);

/*
 * creates an entry in the state BUILT, with a head of "units", to be linked to
 * a fill; 0: no memory
 */
uint32_t gw_cache_build(gw_cache_t *cache, uint32_t units, uint64_t now);

/*
 * adds an entry to the index, replacing the one with the same key; 0: the index
 * has no room
 */
int gw_cache_publish(gw_cache_t *cache, uint32_t e);

/* removes a BUILT or LIVE entry */
void gw_cache_kill(gw_cache_t *cache, uint32_t e);

/* frees dead entries that are not pinned */
void gw_cache_reclaim(gw_cache_t *cache);

/*
 * Looks at all pins, and sets the "mark" of pinned entries to the number of
 * this look.  Returns the number of pins.
 */
uint64_t gw_cache_look(gw_cache_t *cache);

/* the units of the heap that the pins of all processes take */
uint64_t gw_cache_pin_units(const gw_cache_t *cache);


/* gw_cache_index.c */

/* the word of the index for the live entry with this key; NULL: none */
uint64_t *gw_cache_lookup(gw_cache_t *cache, const uint64_t hash[2],
    const gw_text_t *key, const gw_text_t *variant);

/* the same for the key of a head */
uint64_t *gw_cache_lookup_head(gw_cache_t *cache,
    const gw_cache_head_t *head);

uint64_t *gw_cache_bucket(const gw_cache_t *cache, uint64_t hash,
    unsigned which);

/* whether a head has this key */
int gw_cache_key_is(const gw_cache_head_t *head, const gw_text_t *key,
    const gw_text_t *variant);

/* a text of a head */
gw_text_t gw_cache_head_text(const gw_cache_head_t *head,
    gw_cache_text_e which);

int gw_cache_index_add(gw_cache_t *cache, uint64_t hash, uint64_t word);
void gw_cache_index_remove(gw_cache_t *cache, uint64_t hash, uint32_t e);
void gw_cache_url_add(gw_cache_t *cache, uint32_t e);
void gw_cache_url_remove(gw_cache_t *cache, uint32_t e);

uint64_t gw_cache_hash(const gw_cache_t *cache, const gw_text_t *text);


#endif /* GW_CACHE_SHARD_H_INCLUDED */
