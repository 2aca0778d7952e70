/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Series of numbers in shared memory, found by their labels, made at any time
 * by any process, and counted without a lock.
 *
 * A series is a node with a range of cells.  The range is the same in each of
 * several stripes.  A process takes a place: a free one, or that of a gone
 * process with its counts.  The first places have a stripe of their own; all
 * others share one more.  A series' value is the sum over the stripes, so that
 * it stays exact if a process is killed at any point.  A gauge has a word for
 * each of the first "gauges" places instead; what a gone process held is not
 * summed.
 *
 * Nodes are found by 64 bits of SipHash over family and labels, through buckets
 * of linked nodes.  A new node is pushed at the head of its bucket after the
 * whole bucket was searched: no two nodes in use have the same key.  A process
 * that is killed meanwhile leaves a node that is complete, or one that the
 * upkeep frees.
 *
 * A series ends in states, which the upkeep, one process at a time, moves on:
 *
 *     LIVE -> ENDING -> DEAD -> RETIRED -> FREE
 *
 * A process that wants to count a series that is ENDING makes it LIVE again.
 * The others forget its cells and then acknowledge the epoch in which it began
 * to end.  After all have, it is DEAD: nobody counts it.  The counts of a
 * family with "other" are then added to the node of "__other__", and the node
 * is taken out of its bucket (RETIRED).  After another epoch no process walks
 * over it any more; its cells are zeroed, and it is FREE for another series
 * with as many cells.
 *
 * Cells are read and added to with relaxed order.  All other accesses are
 * sequentially consistent.
 *
 * Free of nginx.
 */

#ifndef GW_SERIES_H_INCLUDED
#define GW_SERIES_H_INCLUDED

#include <stddef.h>

#include "gw_place.h"
#include "gw_text.h"


#define GW_SERIES_PLACES    1024    /* concurrent processes that count */
#define GW_SERIES_STRIPES   16      /* at most, without the shared one */
#define GW_SERIES_FAMILIES  1024
#define GW_SERIES_LABELS    6
#define GW_SERIES_FOLDED    8       /* cells of a series that can be folded */


typedef enum {
    GW_SERIES_STRIPED = 0,
    GW_SERIES_GAUGE,
    GW_SERIES_STATE                 /* one word for all processes */
} gw_series_kind_e;


typedef enum {
    GW_SERIES_UNUSED = 0,
    GW_SERIES_NEW,
    GW_SERIES_LIVE,
    GW_SERIES_ENDING,
    GW_SERIES_DEAD,
    GW_SERIES_RETIRED,
    GW_SERIES_FREE
} gw_series_state_e;


/* what a configuration needs, or what a zone has */

typedef struct {
    size_t                nodes;
    size_t                cells;    /* of each stripe */
    size_t                text;     /* bytes */
    size_t                area;     /* bytes for the caller */
} gw_series_room_t;


typedef struct gw_series_sh_s    gw_series_sh_t;
typedef struct gw_series_node_s  gw_series_node_t;


/* of a process */

typedef struct {
    gw_series_sh_t       *sh;
    uint32_t             *bucket;
    gw_series_node_t     *node;
    uint16_t             *family;   /* of each node */
    unsigned char        *text;
    uint64_t             *cells;    /* of all stripes */
    unsigned char        *area;
    gw_series_room_t      room;
    unsigned              stripes;  /* without the shared one */
    unsigned              gauges;   /* places with words of gauges */

    uint64_t              self;     /* process; 0: no place was taken */
    uint64_t              conf;
    unsigned              place;

    uint64_t              acked;    /* upkeep: by all, at this pass */
    uint64_t              oldest;   /* the oldest configuration in use */
    size_t                freed;    /* in this pass */
} gw_series_t;


/* which series */

typedef struct {
    const char           *name;     /* of the family */
    uint16_t              family;   /* gw_series_family() */
    gw_series_kind_e      kind;
    unsigned              cells;    /* of GW_SERIES_STRIPED */
    unsigned              nlabels;
    const gw_text_t      *labels;   /* cleaned */
    unsigned              other;    /* 1: all labels are "__other__" */
    unsigned              folds;    /* 1: counts go to "__other__" at the end */
    unsigned              named;    /* 1: by the configuration */
} gw_series_name_t;


/* cells of each stripe that a series needs */
unsigned gw_series_cells(const gw_series_name_t *name, unsigned stripes,
    unsigned gauges);

/* the size of a zone with this room */
size_t gw_series_size(const gw_series_room_t *room, unsigned stripes);

/*
 * Initializes zeroed memory.  "room" is what is needed at least; the zone has
 * as many times that as it has room for.  0: it is too small.
 */
int gw_series_init(void *memory, size_t size, const gw_series_room_t *room,
    unsigned stripes, unsigned gauges, const uint64_t secret[2]);

/* for all following functions */
void gw_series_open(gw_series_t *series, void *memory);

/* the number of a new configuration, ascending from 1 */
uint64_t gw_series_conf(gw_series_t *series);

/*
 * Takes a place for the calling process, which uses this configuration.  1, or
 * 0 if there is none: the process must not count.
 */
int gw_series_take(gw_series_t *series, uint64_t self, uint64_t conf,
    gw_place_gone_pt gone, void *data);

/* the id of a family, from 1; 0: no room */
uint16_t gw_series_family(gw_series_t *series, const char *name,
    size_t len);

/* finds or makes a series; 0: no room */
uint32_t gw_series_find(gw_series_t *series, const gw_series_name_t *name);

/* the words of this process; NULL: a gauge, and no word for its place */
uint64_t *gw_series_words(gw_series_t *series, uint32_t node);

/* whether series have begun to end since the last call of gw_series_ack() */
int gw_series_asked(gw_series_t *series, uint64_t *epoch);

/* whether the cells of a node must be forgotten */
int gw_series_ending(gw_series_t *series, uint32_t node);

/* makes a node LIVE that the configuration names */
void gw_series_keep(gw_series_t *series, uint32_t node);

/* nothing that was ENDING at gw_series_asked() is counted any more */
void gw_series_ack(gw_series_t *series, uint64_t epoch);


/* Reading. */

typedef struct {
    uint32_t              node;
    uint64_t              key;
    unsigned              other;
    unsigned char        *text;     /* length and bytes of each value */
} gw_series_found_t;

/* ascends with each series that is made */
uint64_t gw_series_born(gw_series_t *series);

/* sets the bits of places, of whose gauges the process is alive */
void gw_series_live(gw_series_t *series, uint64_t *live,
    gw_place_gone_pt gone, void *data);

/*
 * The first node after "at" that belongs to the family, is LIVE or ENDING, and
 * is not younger than "born"; 0: none.  What "found" points to is valid until
 * the process calls gw_series_ack().
 */
uint32_t gw_series_next(gw_series_t *series, uint16_t family, uint32_t at,
    uint64_t born, gw_series_found_t *found);

/* sums up the first "n" cells of a node; "live" is for gauges */
void gw_series_sum(gw_series_t *series, uint32_t node, const uint64_t *live,
    uint64_t *sum, unsigned n);

/*
 * All series of a family that folds, at one moment: each event is in exactly
 * one of them.  "row" has room for "n".  Returns their number, which can be
 * larger than "n".
 */

typedef struct {
    gw_series_found_t     found;
    uint64_t              state;
    uint64_t              sum[GW_SERIES_FOLDED];
} gw_series_row_t;

size_t gw_series_rows(gw_series_t *series, uint16_t family, uint64_t born,
    gw_series_row_t *row, size_t n);


/* Upkeep: by one process at a time. */

/* 1: the series ends; 0: it cannot */
int gw_series_end(gw_series_t *series, uint32_t node, uint64_t key);

/*
 * Visits at most "n" nodes, from "*at" on, and moves them on; ends those that no
 * configuration in use names and that have not changed for "idle" seconds.  1:
 * all were visited, and "*at" is 0.
 */
int gw_series_step(gw_series_t *series, uint32_t *at, unsigned n, uint64_t now,
    uint64_t idle, gw_place_gone_pt gone, void *data);


/* nodes that are in use or can be reused, for tests and figures */
void gw_series_used(gw_series_t *series, gw_series_room_t *used);

/* a word for the caller, 0 in a new zone */
uint64_t *gw_series_word(gw_series_t *series);


#endif /* GW_SERIES_H_INCLUDED */
