/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The store of a cache: one shard of it, in one block of shared memory.  It
 * knows keys, opaque bytes and times, and nothing of HTTP or nginx.
 *
 * What is in a shard
 *
 *   entry    a response, or the names that select one of its variants.  It is
 *            whole and never changes once it is found: what replaces it is
 *            another entry.  64 bytes of an array, and a head in the heap: the
 *            texts of its key, the header, the policy, hashes of its tags.
 *   body     a chain of parts in the heap.  Entries can share one: a 304 makes
 *            a new entry with the body of the old one.
 *   index    128 bits of hash to an entry: two buckets of eight words for each
 *            key.
 *   fill     the lock on a key, and the entry that is being made for it.
 *   seat     a process, and its pins.
 *   rules    the last purges, for fills that are under way.
 *
 * Finding an entry takes no lock
 *
 * A process publishes the number of the entry in a pin, and reads the word of
 * the index again: if it is the same, the entry was in the index when the pin
 * could be seen (a hazard pointer).  Whoever frees memory takes the entry out
 * of the index first, then looks at all pins.  An entry that has left the index
 * is dead, and is freed when no pin has its number.  There are no counts of
 * readers: what a killed process has pinned is unpinned by clearing its seat.
 *
 * Everything else takes the lock of the shard, for less than 100 us with the
 * exception below, and never waits for anything else.  Bytes are copied, hashed
 * and compared outside of it where there may be many.
 *
 * Killed processes
 *
 * The owner of the lock is known to the caller, who releases the one of a
 * process that was killed (nginx does, for the mutex of a zone).  A word in the
 * shard says that somebody is inside.  Whoever takes the lock and finds it set
 * builds the shard anew: index, lists, heap and counts are derived from the
 * states of entries, fills and seats, each of which is changed by one store,
 * and as the last or first step of what it stands for.  All valid entries are
 * kept, and memory that is not reachable is free.  This takes about 1 ms for
 * 16 MB, once for each process that is killed inside.
 *
 * Outside of the lock a process leaves pins and fills, which gw_cache_settle()
 * gives back; waiters are woken.  It must be called whenever a process starts
 * (nginx starts one for each that was killed), and now and then.
 *
 * Time
 *
 * All times are milliseconds of one monotonic clock that all processes share,
 * given by the caller; a step of the wall clock does not matter.  Clocks may be
 * read a little late: a time in the future is like the present.
 *
 * Nothing here allocates, suspends or fails other than by a miss.
 */

#ifndef GW_CACHE_STORE_H_INCLUDED
#define GW_CACHE_STORE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_CACHE_SIZE_MIN  (256 * 1024)     /* bytes of a shard */
#define GW_CACHE_TAGS      255              /* of an entry; more: not stored */


/* in shared memory */
typedef struct gw_cache_s  gw_cache_t;


typedef struct {
    const unsigned char  *data;
    size_t                len;
} gw_cache_text_t;


/*
 * A shard as one process sees it, in memory of its own.  The caller fills in
 * the first part and zeroes the rest.
 */

typedef struct {
    gw_cache_t           *cache;
    uint64_t              self;         /* this process; not 0 */
    uint64_t              object;       /* bytes of a body, at most; no more
                                           than a quarter of the heap count */

    void                (*lock)(void *data);
    void                (*unlock)(void *data);

    /* whether a process has ended; it never comes back.  May call the system */
    int                 (*gone)(void *data, uint64_t process);

    void                 *data;

    void                 *seat;         /* private */
} gw_cache_user_t;


/* a key: gw_cache_key() fills in the hashes */

typedef struct {
    gw_cache_text_t       text;
    gw_cache_text_t       variant;      /* data is NULL: the key itself */
    uint64_t              primary[2];   /* of the text alone */
    uint64_t              hash[2];
} gw_cache_key_t;


/* what an entry can be purged by, apart from its tags */

typedef struct {
    gw_cache_text_t       url;          /* with the query */
    size_t                path;         /* bytes of it before the query */
    gw_cache_text_t       host;
    gw_cache_text_t       consumer;     /* empty: none */
} gw_cache_labels_t;


typedef struct {
    gw_cache_text_t       header;       /* opaque */
    gw_cache_text_t       policy;       /* opaque */
    const gw_cache_text_t *tags;
    size_t                ntags;
    uint64_t              stored;       /* ms */
    uint64_t              fresh;        /* until, ms */
    uint64_t              keep;         /* until, ms: then it is as if gone */
} gw_cache_content_t;


typedef enum {
    GW_CACHE_MISS = 0,
    GW_CACHE_RESPONSE,
    GW_CACHE_VARIANTS                       /* "header" is the list of names */
} gw_cache_kind_e;


/* an entry that was found; texts are in shared memory, and never change */

typedef struct {
    gw_cache_text_t       header;
    gw_cache_text_t       policy;
    uint64_t              length;       /* bytes of the body */
    uint64_t              stored;       /* ms */
    uint64_t              fresh;        /* until, ms */
    uint64_t              keep;         /* until, ms */
    uint64_t              serial;       /* names the entry in its shard */
    int                   soft;         /* purged softly: it is stale */

    /* private */
    uint32_t              entry;
    uint32_t              pin;
    uint32_t              body;
} gw_cache_hit_t;


typedef enum {
    GW_CACHE_FILL = 0,                  /* the caller fills the entry */
    GW_CACHE_WAIT,                      /* another one does: see "watch" */
    GW_CACHE_AGAIN,                     /* the entry was replaced meanwhile */
    GW_CACHE_FULL                       /* no memory for a lock */
} gw_cache_begin_e;


/* private memory of whoever fills or waits */

typedef struct {

    /*
     * For waiters: the fill is over, or its key is another one, or its owner
     * is gone, when "*watch" is not "seen" any more (load it atomically).  Then
     * look the entry up again.
     */
    const uint64_t       *watch;
    uint64_t              seen;
    uint64_t              owner;        /* the process that fills */

    /* private */
    uint32_t              fill;
    uint32_t              mine;         /* the lock is this caller's */
    uint32_t              entry;
    uint32_t              tail;         /* last part of the body */
    uint64_t              length;       /* of the body until now */
    uint64_t              expected;
} gw_cache_fill_t;


#define GW_CACHE_UNKNOWN  ((uint64_t) -1)   /* length of a body */


typedef enum {
    GW_CACHE_BY_URL = 0,                /* all variants and partitions */
    GW_CACHE_BY_PATH,                   /* every query of a URL without one */
    GW_CACHE_BY_PREFIX,                 /* of the URL; ends in "/" */
    GW_CACHE_BY_TAG,
    GW_CACHE_BY_HOST,
    GW_CACHE_BY_CONSUMER,
    GW_CACHE_BY_ALL
} gw_cache_by_e;


typedef struct {
    uint64_t              entries;      /* responses */
    uint64_t              bytes;        /* of the heap: responses, lists of
                                           names, and what is not freed yet */
    uint64_t              room;         /* of the heap */
    uint64_t              stores;
    uint64_t              evictions;    /* of responses that were valid */
    uint64_t              purged;       /* responses */
    uint64_t              fills;        /* under way */
    uint64_t              pins;         /* of all processes */
    uint64_t              repairs;      /* after a kill inside the lock */
} gw_cache_stat_t;


/*
 * Makes a shard of "size" bytes, whose content may be anything and which begin
 * with a cache line.  "secret" is that of all shards of the zone; "zone" is a
 * number of the caller's, such as how many shards there are.  Returns 0 if the
 * size is too small.
 */
int gw_cache_init(gw_cache_t *cache, size_t size, const uint64_t secret[2],
    uint64_t zone);

/* whether this is a shard of this layout and zone */
int gw_cache_valid(const gw_cache_t *cache, uint64_t zone);

const uint64_t *gw_cache_secret(const gw_cache_t *cache);

/*
 * Before the process uses the shard, once: settles, and takes a seat.  One in
 * the name of the process is that of an earlier process.  Without a seat, which
 * happens if 512 processes have one or the heap is full of what is in use,
 * nothing is found or stored.
 */
void gw_cache_join(gw_cache_user_t *user, uint64_t now);

/* gives the seat back; pins and fills of the process must not be used again */
void gw_cache_leave(gw_cache_user_t *user);

/*
 * Gives back what processes that are gone have held, and wakes those who wait
 * for them.  A few system calls for each other process.  Returns how many.
 */
unsigned gw_cache_settle(gw_cache_user_t *user);

/* sets the hashes; which shard a key belongs to depends on "primary" */
void gw_cache_key(const uint64_t secret[2], gw_cache_key_t *key);

/*
 * Finds a valid entry and pins it.  For GW_CACHE_VARIANTS, and nothing is found
 * under a key with a variant but a response, the caller makes the variant from
 * the names in "header", and looks for that.  After any result but
 * GW_CACHE_MISS, gw_cache_unpin() follows, once.  No lock.
 */
gw_cache_kind_e gw_cache_find(gw_cache_user_t *user,
    const gw_cache_key_t *key, uint64_t now, gw_cache_hit_t *hit);

/*
 * "hit" and its texts are gone.  Takes the lock only if the entry is dead.  No
 * effect once the process has left.
 */
void gw_cache_unpin(gw_cache_user_t *user, gw_cache_hit_t *hit);

/*
 * The parts of the body, in order: "*at" is 0 at first.  Returns 0 behind the
 * last.  They stay as they are until the entry is unpinned.
 */
int gw_cache_body(gw_cache_user_t *user, const gw_cache_hit_t *hit,
    uint32_t *at, gw_cache_text_t *part);

/* the entry is not found again by anyone; it stays pinned */
void gw_cache_drop(gw_cache_user_t *user, const gw_cache_hit_t *hit);

/*
 * Takes the lock on a key.  "serial" is that of the entry that the caller has
 * found, 0: none.  GW_CACHE_FILL: one of _commit(), _abort() and _refresh()
 * follows.
 */
gw_cache_begin_e gw_cache_begin(gw_cache_user_t *user,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    uint64_t serial, uint64_t now, gw_cache_fill_t *fill);

/*
 * Waits for a process that is gone: the fill is over.  Returns 1 then, 0 if the
 * process lives.  System calls: not at each look.
 */
int gw_cache_orphan(gw_cache_user_t *user, const gw_cache_fill_t *fill);

/*
 * The response has variants: puts the list of names under the key's text, to be
 * kept until "keep", and moves the lock to the variant of "key".  Returns 0 if
 * there is no memory: only _abort() may follow then, and those below.
 */
int gw_cache_fill_vary(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_text_t *names, uint64_t keep, uint64_t now);

/*
 * Whether an entry can hold the texts of a response: key, path, header, policy
 * and tags have at most 64 KB together, with what is stored beside them.
 */
int gw_cache_fits(const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response);

/*
 * The header is complete, and the body has "length" bytes, or
 * GW_CACHE_UNKNOWN.  Returns 0 if there is no memory, the body is too large, or
 * gw_cache_fits() is 0.
 */
int gw_cache_open(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, uint64_t length, uint64_t now);

/* after _open(): a piece of the body.  Returns 0 as _open() does. */
int gw_cache_append(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const unsigned char *data, size_t len, uint64_t now);

/*
 * After _open(): the body is complete.  The entry is found from now on, unless
 * it was purged since _begin(); after a soft purge it is stale.  The lock is
 * given back.  Returns 0 if nothing was stored: also if bytes are missing.
 */
int gw_cache_commit(gw_cache_user_t *user, gw_cache_fill_t *fill);

/* gives the lock back, and frees what was made */
void gw_cache_abort(gw_cache_user_t *user, gw_cache_fill_t *fill);

/*
 * In place of _open() and _commit(): the entry with the body of "hit" and a new
 * header.  "hit" stays pinned.
 */
int gw_cache_refresh(gw_cache_user_t *user, gw_cache_fill_t *fill,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response, const gw_cache_hit_t *hit,
    uint64_t now);

/*
 * Purges: entries are not found any more, or stale if "soft", and so is what is
 * filled at the moment.  Returns how many responses.  Reads 64 bytes of each
 * entry of the shard, and more of those that match, for GW_CACHE_BY_URL only
 * those that match; the lock is given back now and then.
 */
size_t gw_cache_purge(gw_cache_user_t *user, gw_cache_by_e by,
    const gw_cache_text_t *text, int soft, uint64_t now);

/*
 * A number that changes when the store is told of a purge that may concern the
 * target.  A response that was asked for without the lock on its key may only
 * be stored if the number after gw_cache_begin() is that of before the origin
 * was asked.  No lock.
 */
uint64_t gw_cache_purges(gw_cache_user_t *user,
    const gw_cache_labels_t *target);

/*
 * Frees entries that were purged or are to be kept no longer, among the next
 * "n" places of the shard, and what has lost its last reader.  Called until it
 * has returned 1, it has passed all of them.
 */
int gw_cache_sweep(gw_cache_user_t *user, uint32_t n, uint64_t now);

/* how many places there are to be swept */
uint32_t gw_cache_places(const gw_cache_t *cache);

void gw_cache_stat(gw_cache_user_t *user, gw_cache_stat_t *stat);


#endif /* GW_CACHE_STORE_H_INCLUDED */
