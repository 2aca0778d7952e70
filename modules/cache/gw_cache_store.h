/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The store of a cache: one shard of it, in one block of shared memory.  It
 * handles keys, opaque bytes and times, and uses neither HTTP nor nginx.
 *
 * Contents of a shard
 *
 *   entry    a response, or the list of field names that select one of its
 *            variants.  An entry is complete before it can be found and never
 *            changes afterwards; it is replaced by another entry.  It has 64
 *            bytes in an array, and a head in the heap: the texts of its key,
 *            the header, the policy and the hashes of its tags.
 *   body     a chain of parts in the heap.  Entries can share a body: a 304
 *            creates a new entry with the body of the old one.
 *   index    maps 128 bits of hash to an entry: two buckets of eight words for
 *            each key.
 *   fill     the lock on a key, and the entry that is being made for it.
 *   seat     a process, and its pins.
 *   rules    the last purges, which running fills have to check.
 *
 * Finding an entry takes no lock
 *
 * A process writes the number of the entry into a pin, and reads the word of
 * the index again.  If the word is unchanged, the entry was still in the index
 * when the pin became visible (a hazard pointer).  A process that frees memory
 * removes the entry from the index first, then checks all pins.  An entry that
 * is no longer in the index is dead, and is freed when no pin has its number.
 * There are no reference counts of readers: the pins of a killed process are
 * released by clearing its seat.
 *
 * Everything else takes the lock of the shard, for less than 100 us except for
 * a repair (see below), and never waits for anything else.  Long texts are
 * copied, hashed and compared outside of the lock.
 *
 * Killed processes
 *
 * The caller releases the lock of a process that was killed while it held the
 * lock (nginx does this for the mutex of a zone).  The "dirty" word of the
 * shard is set while a process is inside the lock.  A process that takes the
 * lock and finds the word set repairs the shard: index, lists, heap and
 * counters are derived from the states of entries, fills and seats.  Each of
 * these states is changed by one store, as the last or first step of the change
 * that it stands for.  All valid entries are kept, and memory that is not
 * reachable becomes free.  A repair takes about 1 ms for 16 MB, once for each
 * process that is killed inside the lock.
 *
 * A process that is killed outside of the lock leaves pins and fills.
 * gw_cache_user_reclaim() releases them and wakes their waiters.  It must be
 * called whenever a process starts (nginx starts one for each that was killed),
 * and from time to time.
 *
 * Time
 *
 * All times are milliseconds of one monotonic clock that all processes share.
 * The caller passes the time, so steps of the wall clock have no effect.  The
 * clock of a process may lag: a time in the future is treated as the present.
 *
 * No function here allocates or suspends.  The result of a failure is a miss.
 */

#ifndef GW_CACHE_STORE_H_INCLUDED
#define GW_CACHE_STORE_H_INCLUDED

#include "gw_text.h"


#define GW_CACHE_SIZE_MIN  (256 * 1024)     /* bytes of a shard */
#define GW_CACHE_TAGS      255              /* of an entry, at most */


/* in shared memory */
typedef struct gw_cache_s  gw_cache_t;


/*
 * A shard as one process sees it, in the memory of this process.  The caller
 * sets the first part and zeroes the rest.
 */

typedef struct {
    gw_cache_t           *cache;
    uint64_t              self;         /* ID of this process; not 0 */
    uint64_t              object;       /* maximum bytes of a body; a quarter of
                                           the heap is another limit */

    void                (*lock)(void *data);
    void                (*unlock)(void *data);

    /* whether a process has ended and will not return; may use system calls */
    int                 (*gone)(void *data, uint64_t process);

    void                 *data;

    void                 *seat;         /* private */
} gw_cache_user_t;


/* a key; gw_cache_key() sets the hashes */

typedef struct {
    gw_text_t             text;
    gw_text_t             variant;      /* data is NULL: no variant */
    uint64_t              primary[2];   /* hash of "text" alone */
    uint64_t              hash[2];
} gw_cache_key_t;


/* the values by which an entry can be purged, besides its tags */

typedef struct {
    gw_text_t             url;          /* with the query */
    size_t                path;         /* length without the query */
    gw_text_t             host;
    gw_text_t             consumer;     /* empty: none */
} gw_cache_labels_t;


typedef struct {
    gw_text_t             header;       /* opaque */
    gw_text_t             policy;       /* opaque */
    const gw_text_t *tags;
    size_t                ntags;
    uint64_t              keep;         /* ms; not found from then on */
} gw_cache_content_t;


typedef enum {
    GW_CACHE_MISS = 0,
    GW_CACHE_RESPONSE,
    GW_CACHE_VARIANTS                       /* "header" lists field names */
} gw_cache_kind_e;


/* an entry that was found; texts are in shared memory, and never change */

typedef struct {
    gw_text_t             header;
    gw_text_t             policy;
    uint64_t              length;       /* bytes of the body */
    uint64_t              serial;       /* unique in its shard */
    int                   soft;         /* purged softly, and therefore stale */

    /* private */
    uint32_t              entry;
    uint32_t              pin;
    uint32_t              body;
} gw_cache_hit_t;


typedef enum {
    GW_CACHE_FILL = 0,                  /* the caller must fill the entry */
    GW_CACHE_WAIT,                      /* another one fills it: see "watch" */
    GW_CACHE_AGAIN,                     /* the entry was replaced since */
    GW_CACHE_FULL                       /* no memory for a lock */
} gw_cache_begin_e;


/* the state of a caller that fills or waits, in its own memory */

typedef struct {

    /*
     * For waiters: once "*watch" is not equal to "seen" (load it atomically),
     * the fill has ended, has moved to another key, or has lost its owner.
     * Then look the entry up again.
     */
    const uint64_t       *watch;
    uint64_t              seen;

    /* private */
    uint32_t              fill;
    uint32_t              mine;         /* this caller has the lock */
    uint32_t              entry;
    uint32_t              tail;         /* last part of the body */
    uint64_t              length;       /* bytes of the body so far */
    uint64_t              expected;
} gw_cache_fill_t;


#define GW_CACHE_UNKNOWN  ((uint64_t) -1)   /* length of a body */


typedef enum {
    GW_CACHE_BY_URL = 0,                /* all variants and partitions */
    GW_CACHE_BY_PATH,                   /* URL without query: all queries */
    GW_CACHE_BY_PREFIX,                 /* prefix of a URL; ends in "/" */
    GW_CACHE_BY_TAG,
    GW_CACHE_BY_HOST,
    GW_CACHE_BY_CONSUMER,
    GW_CACHE_BY_ALL
} gw_cache_by_e;


typedef struct {
    uint64_t              entries;      /* responses */
    uint64_t              bytes;        /* used bytes of the heap: responses,
                                           lists of names, and entries that are
                                           not freed yet */
    uint64_t              room;         /* size of the heap */
    uint64_t              stores;
    uint64_t              evictions;    /* of responses that were valid */
    uint64_t              purged;       /* responses */
    uint64_t              fills;        /* in progress */
    uint64_t              pins;         /* of all processes */
    uint64_t              repairs;      /* after a kill inside the lock */
} gw_cache_stat_t;


/*
 * Initialises a shard of "size" bytes, which may have any content and begin at
 * a cache line.  "secret" is the same for all shards of the zone; "zone" is a
 * number that the caller chooses, such as the number of shards.  Returns 0 if
 * the size is too small.
 */
int gw_cache_init(gw_cache_t *cache, size_t size, const uint64_t secret[2],
    uint64_t zone);

/* whether this is a shard with this layout and zone number */
int gw_cache_valid(const gw_cache_t *cache, uint64_t zone);

const uint64_t *gw_cache_secret(const gw_cache_t *cache);

/*
 * Must be called once before the process uses the shard: reclaims, and takes a
 * seat.  A seat that already has the ID of this process belongs to an earlier
 * process, and is cleared.  If 512 processes have a seat, or the heap is full
 * of entries in use, the process gets no seat: then nothing is found or stored.
 */
void gw_cache_join(gw_cache_user_t *user, uint64_t now);

/* releases the seat; pins and fills of the process must not be used any more */
void gw_cache_leave(gw_cache_user_t *user);

/*
 * Releases the seats, pins and fills of processes that have ended, and wakes
 * the waiters of these fills.  Takes a few system calls for each other
 * process.  Returns the number of ended processes.
 */
unsigned gw_cache_user_reclaim(gw_cache_user_t *user);

/* sets the hashes; "primary" selects the shard of a key */
void gw_cache_key(const uint64_t secret[2], gw_cache_key_t *key);

/*
 * Finds a valid entry and pins it, without the lock.  GW_CACHE_VARIANTS is
 * returned only for a key without a variant: the caller then makes the variant
 * from the names in "header", and calls the function again.  After each result
 * but GW_CACHE_MISS, gw_cache_unpin() must be called once.
 */
gw_cache_kind_e gw_cache_find(gw_cache_user_t *user,
    const gw_cache_key_t *key, uint64_t now, gw_cache_hit_t *hit);

/*
 * Ends the use of "hit" and its texts.  Takes the lock only if the entry is
 * dead.  Has no effect once the process has left.
 */
void gw_cache_unpin(gw_cache_user_t *user, gw_cache_hit_t *hit);

/*
 * Returns the parts of the body in order.  "*at" is 0 for the first part.
 * Returns 0 after the last part.  The parts do not change until the entry is
 * unpinned.
 */
int gw_cache_body(gw_cache_user_t *user, const gw_cache_hit_t *hit,
    uint32_t *at, gw_text_t *part);

/* removes the entry from the index; it stays pinned */
void gw_cache_drop(gw_cache_user_t *user, const gw_cache_hit_t *hit);

/*
 * Takes the lock on a key.  "serial" is that of the entry that the caller has
 * found; 0: none.  After GW_CACHE_FILL the caller must call gw_cache_commit(),
 * gw_cache_abort() or gw_cache_refresh().
 */
gw_cache_begin_e gw_cache_begin(gw_cache_user_t *user,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    uint64_t serial, uint64_t now, gw_cache_fill_t *fill);

/*
 * The response has variants: stores the list of names for the key without a
 * variant until "keep", and moves the lock to the variant of "key".  Returns 0
 * if there is no memory: then only gw_cache_abort() may follow.
 */
int gw_cache_fill_vary(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_text_t *names, uint64_t keep, uint64_t now);

/*
 * Whether an entry can hold the texts of a response: key, path, header, policy
 * and tags take at most 64 KB together with the metadata of the entry.
 */
int gw_cache_fits(const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response);

/*
 * Begins an entry whose header is complete, and whose body has "length" bytes,
 * or GW_CACHE_UNKNOWN.  Returns 0 if there is no memory, the body is too large,
 * or gw_cache_fits() returns 0.
 */
int gw_cache_open(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, uint64_t length, uint64_t now);

/* after gw_cache_open(): adds a piece of the body; returns 0 as that does */
int gw_cache_append(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const unsigned char *data, size_t len, uint64_t now);

/*
 * After gw_cache_open(): the body is complete.  The entry can be found from now
 * on, unless it was purged since gw_cache_begin(); after a soft purge it is
 * stale.  The lock on the key is released.  Returns 0 if nothing was stored,
 * also because bytes are missing.
 */
int gw_cache_commit(gw_cache_user_t *user, gw_cache_fill_t *fill);

/* releases the lock on the key, and frees the unfinished entry */
void gw_cache_abort(gw_cache_user_t *user, gw_cache_fill_t *fill);

/*
 * Replaces gw_cache_open() and gw_cache_commit(): creates an entry with a new
 * header and the body of "hit", which stays pinned.  Returns 0 if nothing was
 * stored; the lock on the key is released in any case.
 */
int gw_cache_refresh(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, const gw_cache_hit_t *hit,
    uint64_t now);

/*
 * Purges: matching entries are not found any more, or are stale if "soft" is
 * set.  The same applies to entries that are being filled.  Returns the number
 * of purged responses.  Reads 64 bytes of each entry of the shard, and more of
 * each that matches; for GW_CACHE_BY_URL it reads only entries that match.  The
 * lock is released between slices.
 */
size_t gw_cache_purge(gw_cache_user_t *user, gw_cache_by_e by,
    const gw_text_t *text, int soft, uint64_t now);

/*
 * A number that changes with each purge that may apply to the target.  If the
 * request was sent to the origin without the lock on the key, the response may
 * be stored only if the number after gw_cache_begin() is equal to that before
 * the request.  Takes no lock.
 */
uint64_t gw_cache_purges(gw_cache_user_t *user,
    const gw_cache_labels_t *target);

/*
 * Frees entries that were purged or whose "keep" time has passed, among the
 * next "n" places of the shard, and dead entries without readers.  Returns 1
 * when it has reached the end of the shard.
 */
int gw_cache_sweep(gw_cache_user_t *user, uint32_t n, uint64_t now);

/* the number of places to be swept */
uint32_t gw_cache_places(const gw_cache_t *cache);

void gw_cache_stat(gw_cache_user_t *user, gw_cache_stat_t *stat);

/*
 * Some of these values, for one value at a time: the number of responses and of
 * evictions, without the lock; the used bytes, with it.
 */
uint64_t gw_cache_count(const gw_cache_user_t *user);
uint64_t gw_cache_evictions(const gw_cache_user_t *user);
uint64_t gw_cache_bytes(gw_cache_user_t *user);


#endif /* GW_CACHE_STORE_H_INCLUDED */
