
/*
 * A table in shared memory: keys, known by 128 bits of a hash, and a few words
 * of state for each, that processes find and make without a lock.
 *
 * A bucket holds sixteen keys.  64 bits of the hash choose the bucket, the
 * others are the key's tag in it; two keys that agree in all of them share
 * their state, which happens to nobody who does not know the secret of the
 * hash.  A key that finds its bucket full takes the place of one that is idle,
 * else of the one that was used least recently: the table is never full.
 *
 * The state is the owner's, and is changed by compare-and-swap.  Who holds a
 * pointer to it may find that the key has lost its place meanwhile:
 * gw_table_holds() says so, and whoever has changed the state then takes the
 * change back and looks again.
 *
 * A process that is killed in the middle leaves at most one place that is
 * being taken, and lost until the same key comes again.
 */

#ifndef GW_TABLE_H_INCLUDED
#define GW_TABLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_TABLE_WAYS  16


/* in shared memory, followed by the buckets */

typedef struct {
    uint64_t              secret[2];  /* of the hash */
    uint64_t              buckets;
    uint64_t              words;      /* of a key's state, with its stamp */
    uint64_t              evicted;    /* keys in use that lost their place */
    uint64_t              unused[3];
} gw_table_t;


/* whether a state is worth nothing, and its place free to be taken */
typedef int (*gw_table_idle_pt)(void *data, const uint64_t *state);


/* how many keys fit into "size" bytes */
size_t gw_table_capacity(size_t size, unsigned words);

/* "size" bytes of zeroes; "words" of state for each key */
void gw_table_init(gw_table_t *table, size_t size, unsigned words,
    const uint64_t secret[2]);

/*
 * The state of a key, or NULL.  "stamp" is a time that ascends, in any unit,
 * kept as when the key was used last.
 */
uint64_t *gw_table_find(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp);

/*
 * The same; a key that is not there gets a place, and its state is zeroed but
 * for the first word, which becomes "first".  "*evicted" counts one more if a
 * key that was in use lost its place.  Never NULL.
 */
uint64_t *gw_table_get(gw_table_t *table, const uint64_t hash[2],
    uint64_t stamp, uint64_t first, gw_table_idle_pt idle, void *data,
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
