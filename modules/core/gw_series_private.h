/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The memory of gw_series.h: gw_series_init.c divides it, gw_series.c finds and
 * makes series, gw_series_read.c reads them, gw_series_end.c ends them.
 */

#ifndef GW_SERIES_PRIVATE_H_INCLUDED
#define GW_SERIES_PRIVATE_H_INCLUDED

#include "gw_series.h"


/* a test runs another process, or ends this one, before each of these */

#ifndef gw_series_touch
#define gw_series_touch()
#endif

#define gw_series_load(p)                                                     \
    ({ gw_series_touch(); __atomic_load_n(p, __ATOMIC_SEQ_CST); })

#define gw_series_store(p, value)                                             \
    ({ gw_series_touch(); __atomic_store_n(p, value, __ATOMIC_SEQ_CST); })

/* "old" is a variable, which is set to the value found */
#define gw_series_swap(p, old, new)                                           \
    ({ gw_series_touch();                                                    \
       __atomic_compare_exchange_n(p, &(old), new, 0, __ATOMIC_SEQ_CST,       \
                                   __ATOMIC_SEQ_CST); })

#define gw_series_read(p)  __atomic_load_n(p, __ATOMIC_RELAXED)


#define GW_SERIES_ROOM  16      /* room for text is a multiple, in bytes */

#define gw_series_align(n, to)  (((n) + (to) - 1) / (to) * (to))


/*
 * The word of a node's state: the state, and above it the process that makes
 * the series (NEW), or the epoch (ENDING, DEAD, RETIRED).
 */

#define gw_series_state(word)  ((gw_series_state_e) ((word) & 7))
#define gw_series_above(word)  ((word) >> 3)
#define gw_series_state_word(state, above)  ((uint64_t) (above) << 3 | (state))


/*
 * Numbers of nodes begin with 1.  What describes a series is written before it
 * can be found, and does not change until it is made for another one.
 */

struct gw_series_node_s {
    uint64_t              state;
    uint64_t              key;
    uint64_t              born;
    uint64_t              conf;     /* the last that named it; 0: none */

    /* of the upkeep */
    uint64_t              seen;     /* sum of all words */
    uint64_t              changed;  /* when that was another; 0: never seen */

    uint32_t              next;     /* node in the bucket */
    uint32_t              cells;    /* offset in each stripe */
    uint32_t              text;     /* offset */
    uint32_t              len;      /* of the text */
    uint32_t              room;     /* for the text */
    uint16_t              ncells;   /* in each stripe */
    uint8_t               kind;
    uint8_t               other:1;
    uint8_t               folds:1;
};


/*
 * A fold that is under way: absolute values of the folded cells of "target",
 * which only the upkeep writes.  "seq" is changed before a fold begins.
 */

typedef struct {
    uint64_t              seq;
    uint64_t              state;    /* the node's word; 0: no fold */
    uint32_t              node;
    uint32_t              target;
    uint64_t              sum[GW_SERIES_FOLDED];
} gw_series_fold_t;


struct gw_series_sh_s {
    uint64_t              secret[2];
    uint64_t              stripes;
    uint64_t              gauges;
    uint64_t              buckets;          /* a power of 2 */
    gw_series_room_t      room;

    uint64_t              confs;
    uint64_t              epoch;
    uint64_t              born;
    uint64_t              used;             /* nodes */
    uint64_t              used_cells;       /* of each stripe */
    uint64_t              used_text;
    uint64_t              free;             /* nodes, about */
    uint64_t              counted;          /* bits: stripes that were taken */
    uint64_t              word;             /* of the caller */
    gw_series_fold_t      fold;

    uint64_t              family[GW_SERIES_FAMILIES];   /* hash; 0: free */

    uint64_t              owner[GW_SERIES_PLACES];
    uint64_t              ready[GW_SERIES_PLACES];  /* owner with words of 0 */
    uint64_t              conf[GW_SERIES_PLACES];
    uint64_t              ack[GW_SERIES_PLACES];    /* epoch */
};


/* a cell of a stripe; series->stripes is the shared one */

static inline uint64_t *
gw_series_cell(const gw_series_t *series, unsigned stripe, uint32_t offset)
{
    return series->cells + (size_t) stripe * series->room.cells + offset;
}


/* the word of a gauge for a place: in the place's own stripe, if it has one */

static inline uint64_t *
gw_series_gauge(const gw_series_t *series, const gw_series_node_t *node,
    unsigned place)
{
    unsigned  n;

    n = series->stripes + 1;

    return gw_series_cell(series, place % n, node->cells + place / n);
}


/* the folded cells of "__other__" */
#define gw_series_folded(series, node)                                        \
    gw_series_cell(series, (series)->stripes, (node)->cells + GW_SERIES_FOLDED)

/* the head of the bucket */
#define gw_series_bucket(series, key)                                         \
    (&(series)->bucket[(key) & ((series)->sh->buckets - 1)])


/* the node "__other__" of a family that folds, or 0 */
uint32_t gw_series_target(gw_series_t *series, uint16_t family);


#endif /* GW_SERIES_PRIVATE_H_INCLUDED */
