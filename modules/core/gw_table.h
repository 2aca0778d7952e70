/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A table in shared memory: keys, known by 128 bits of a hash, and a few words
 * of state for each, that processes find and make without a lock.
 *
 * A bucket holds sixteen keys.  64 bits of the hash choose the bucket, the
 * others are the key's tag in it; two keys that agree in all of them share
 * their state, which happens to nobody who does not know the secret of the
 * hash.  A new key takes an empty place; in a full bucket it evicts a key that
 * is idle, otherwise the one with the lowest rank, and among equal ranks the
 * least recently used one.  The table is never full.
 *
 * The rank is the caller's.  A place can keep one word that is not cleared
 * when a key is evicted: a rank that a new key takes over from the keys before
 * it (Space-Saving, Metwally et al. 2005), so that evicting a key is as much
 * work after many short-lived keys as before.
 *
 * The state is the owner's, and is changed by compare-and-swap.  Who holds a
 * pointer to it may find that the key has lost its place meanwhile:
 * gw_table_holds() says so, and whoever has changed the state then takes the
 * change back and looks again.
 *
 * A process may be stopped at any point: others pass over the one place that it
 * was preparing until it goes on.  If it was killed, they free the place when
 * its bucket is full.
 *
 * The memory is the caller's.  Nothing here allocates, waits for a lock or
 * fails.
 */

#ifndef GW_TABLE_H_INCLUDED
#define GW_TABLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#ifndef GW_TABLE_WAYS
#define GW_TABLE_WAYS  16
#endif


/* in shared memory, followed by the buckets */

typedef struct gw_table_s {
    uint64_t              secret[2];  /* of the hash */
    uint64_t              buckets;
    uint64_t              words;      /* of a key's state, with its stamp */
    uint64_t              evicted;    /* keys in use that lost their place */
    uint64_t              kept;       /* words that stay with the place */
    uint64_t              unused[2];
} gw_table_t;


/* a process that makes keys, and what the caller knows of states */

typedef struct {

    /* whether a state is worth nothing, and its place free to be taken */
    int                 (*idle)(void *data, const uint64_t *state);

    /*
     * The rank of a state that is not idle.  "*kept" is the word that its
     * place keeps, 0 in a new table, and becomes the one for the next key.
     * NULL: keys are evicted by their last use alone.
     */
    uint64_t            (*rank)(void *data, const uint64_t *state,
                                uint64_t *kept);

    /* whether a process was killed: it never touches the table again */
    int                 (*gone)(void *data, uint64_t owner);

    void                 *data;
    uint64_t              owner;      /* this process, less than 2^54 */
} gw_table_user_t;


/* how many keys fit into "size" bytes, "words" with the one that is kept */
size_t gw_table_capacity(size_t size, unsigned words);

/*
 * "size" bytes of zeroes; "words" of state for each key, and behind them
 * "kept", 0 or 1, that are not cleared when the key is evicted.
 */
void gw_table_init(gw_table_t *table, size_t size, unsigned words,
    unsigned kept, const uint64_t secret[2]);

/*
 * The state of a key, or NULL.  "stamp" is a time that ascends, in any unit,
 * kept as when the key was used last.
 */
uint64_t *gw_table_find(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp);

/*
 * The same; a key that is not there gets a place, and its state is zeroed but
 * for the first word, which becomes "first".  "*evicted" counts one more for
 * each key in use that lost its place.  Never NULL.
 */
uint64_t *gw_table_get(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp, uint64_t first, const gw_table_user_t *user,
    unsigned *evicted);

/* when a key was used last, by any process */
uint64_t gw_table_stamp(gw_table_t *table, const uint64_t *state);

/* whether "state" is still that of the key */
int gw_table_holds(gw_table_t *table, const uint64_t hash[2],
    const uint64_t *state);

/* where the state is: a number that finds it again in any process */
uint64_t gw_table_place(gw_table_t *table, const uint64_t *state);
uint64_t *gw_table_state(gw_table_t *table, uint64_t place);


#endif /* GW_TABLE_H_INCLUDED */
