/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A table in shared memory.  Each key is identified by a 128-bit hash and has a
 * few words of state.  Processes look up and insert keys without a lock.
 *
 * A bucket has room for sixteen keys.  One half of the hash chooses the bucket,
 * the other one is the key's tag in it.  Two keys with the same hash share
 * their state; without the secret of the hash nobody can construct such keys.
 * A new key takes an empty place.  In a full bucket it evicts a key that is
 * idle, otherwise the one with the lowest rank, and among equal ranks the least
 * recently used one.  The table is never full.
 *
 * The caller computes the rank.  A place can keep one word that is not cleared
 * when a key is evicted: a rank that a new key inherits from the keys before it
 * (Space-Saving, Metwally et al. 2005), so that many short-lived keys do not
 * make it cheaper to evict a key.
 *
 * The caller defines the state, and changes it by compare-and-swap.  A key can
 * lose its place while a caller still has a pointer to its state.  A caller
 * that has changed the state must therefore check gw_table_holds() and, if the
 * key is gone, undo the change and look the key up again.
 *
 * If a process is stopped while it inserts a key, others skip the place that it
 * prepares until it continues.  If it was killed, they free the place once its
 * bucket is full.
 *
 * The caller provides the memory.  No function allocates, waits for a lock or
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
    uint64_t              words;      /* of a place: state, kept, stamp */
    uint64_t              evicted;    /* keys evicted while in use */
    uint64_t              kept;       /* words that eviction does not clear */
    uint64_t              unused[2];
} gw_table_t;


/* a process that inserts keys, and the caller's functions for states */

typedef struct {

    /* whether the key of a state can be evicted without a loss */
    int                 (*idle)(void *data, const uint64_t *state);

    /*
     * The rank of a state that is not idle.  "*kept" is the word that its
     * place keeps, 0 in a new table; the function replaces it by the word for
     * the next key.  NULL: keys are evicted in the order of their last use.
     */
    uint64_t            (*rank)(void *data, const uint64_t *state,
                                uint64_t *kept);

    /* whether a process was killed and never touches the table again */
    int                 (*gone)(void *data, uint64_t owner);

    void                 *data;
    uint64_t              owner;      /* this process; less than 2^54 */
} gw_table_user_t;


/* how many keys fit into "size" bytes; "words" includes the kept one */
size_t gw_table_capacity(size_t size, unsigned words);

/*
 * Initializes a table in "size" zeroed bytes.  Each key has "words" words of
 * state, followed by "kept", 0 or 1, words that eviction does not clear.
 */
void gw_table_init(gw_table_t *table, size_t size, unsigned words,
    unsigned kept, const uint64_t secret[2]);

/*
 * The state of a key, or NULL.  "stamp", an ascending time in any unit, is
 * recorded as the key's last use.
 */
uint64_t *gw_table_find(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp);

/*
 * The same, but a missing key is inserted: the first word of its state is set
 * to "first", the others to 0.  "*evicted" is incremented for each key that was
 * evicted while in use.  Never returns NULL.
 */
uint64_t *gw_table_get(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp, uint64_t first, const gw_table_user_t *user,
    unsigned *evicted);

/* the time of a key's last use, by any process */
uint64_t gw_table_stamp(gw_table_t *table, const uint64_t *state);

/* whether "state" still belongs to the key */
int gw_table_holds(gw_table_t *table, const uint64_t hash[2],
    const uint64_t *state);

/*
 * The share of places whose keys are not idle, from 0 to 1.  Reads at most
 * "buckets" buckets, evenly spaced: of a larger table it is an estimate.
 */
double gw_table_used(gw_table_t *table, uint64_t buckets,
    int (*idle)(void *data, const uint64_t *state), void *data);

/* the place of a state, as a number that is valid in any process */
uint64_t gw_table_place(gw_table_t *table, const uint64_t *state);
uint64_t *gw_table_state(gw_table_t *table, uint64_t place);


#endif /* GW_TABLE_H_INCLUDED */
