/* SPDX-License-Identifier: BSD-2-Clause */

/* making and finding series: see gw_series.h */

#include <string.h>

#include "gw_series_private.h"
#include "gw_label.h"
#include "gw_siphash.h"


/* the arguments of a sweep over all places */

typedef struct {
    gw_series_t          *series;
    gw_place_gone_pt      gone;
    void                 *data;
} gw_series_sweep_t;


static int gw_series_gone(void *data, uint64_t process);
static void gw_series_reclaim(void *data, unsigned place);
static void gw_series_clear(gw_series_t *series, unsigned place);
static uint64_t gw_series_key(gw_series_t *series,
    const gw_series_name_t *name, unsigned char *text, size_t *len);
static uint32_t gw_series_search(gw_series_t *series, uint32_t at,
    uint64_t key);
static uint32_t gw_series_make(gw_series_t *series,
    const gw_series_name_t *name, uint64_t key, const unsigned char *text,
    size_t len);
static uint32_t gw_series_again(gw_series_t *series, unsigned cells,
    size_t len);
static uint32_t gw_series_fresh(gw_series_t *series, unsigned cells,
    size_t len);
static int gw_series_grow(uint64_t *used, size_t n, size_t max, uint32_t *at);
static uint32_t gw_series_push(gw_series_t *series, uint32_t i);


/*
 * "ack" is set before the process finds its first series.  Until then it is that
 * of an earlier process, which can only be lower.
 */

int
gw_series_take(gw_series_t *series, uint64_t self, uint64_t conf,
    gw_place_gone_pt gone, void *data)
{
    unsigned            place;
    gw_series_sh_t     *sh;
    gw_series_sweep_t   sweep = { series, gone, data };

    sh = series->sh;

    place = gw_place_take(sh->owner, GW_SERIES_PLACES, self, gw_series_gone,
                          gw_series_reclaim, &sweep);

    if (place == GW_SERIES_PLACES) {
        return 0;
    }

    gw_series_store(&sh->conf[place], conf);
    gw_series_store(&sh->ack[place], gw_series_load(&sh->epoch));
    gw_series_store(&sh->ready[place], self);

    (void) __atomic_fetch_or(&sh->counted,
                             1ULL << (place < series->stripes
                                      ? place : series->stripes),
                             __ATOMIC_SEQ_CST);

    series->place = place;
    series->self = self;
    series->conf = conf;

    return 1;
}


static int
gw_series_gone(void *data, uint64_t process)
{
    gw_series_sweep_t *sweep = data;

    return sweep->gone(sweep->data, process);
}


static void
gw_series_reclaim(void *data, unsigned place)
{
    gw_series_sweep_t *sweep = data;

    gw_series_clear(sweep->series, place);
}


/* what the last process of the place held is gone with it */

static void
gw_series_clear(gw_series_t *series, unsigned place)
{
    uint64_t           i, used, *word;
    gw_series_node_t  *node;

    gw_series_store(&series->sh->ready[place], 0);

    if (place >= series->gauges) {
        return;
    }

    used = gw_series_load(&series->sh->used);

    for (i = 1; i <= used; i++) {
        node = &series->node[i];

        switch (gw_series_state(gw_series_load(&node->state))) {

        case GW_SERIES_UNUSED:
        case GW_SERIES_NEW:
        case GW_SERIES_FREE:
            continue;

        default:
            if (node->kind != GW_SERIES_GAUGE) {
                break;
            }

            word = gw_series_gauge(series, node, place);

            if (gw_series_load(word) != 0) {
                gw_series_store(word, 0);
            }
        }
    }
}


/* the table is never full of families in use; a hash is never 0 */

uint16_t
gw_series_family(gw_series_t *series, const char *name, size_t len)
{
    unsigned   i, n;
    uint64_t   hash[2], found, *slot;

    gw_siphash(series->sh->secret, (const unsigned char *) name, len, hash);
    hash[0] += (hash[0] == 0);

    for (n = 0; n < GW_SERIES_FAMILIES; n++) {
        i = (unsigned) (hash[0] + n) % GW_SERIES_FAMILIES;
        slot = &series->sh->family[i];
        found = 0;

        if (gw_series_swap(slot, found, hash[0]) || found == hash[0]) {
            return (uint16_t) (i + 1);
        }
    }

    return 0;
}


uint32_t
gw_series_find(gw_series_t *series, const gw_series_name_t *name)
{
    size_t         len;
    uint32_t       i;
    uint64_t       key, conf;
    unsigned char  text[GW_SERIES_LABELS * (1 + GW_LABEL_MAX)];

    if (series->self == 0 || name->family == 0) {
        return 0;
    }

    key = gw_series_key(series, name, text, &len);

    i = gw_series_search(series,
                         gw_series_load(gw_series_bucket(series, key)), key);

    if (i == 0) {
        i = gw_series_make(series, name, key, text, len);
    }

    if (i == 0 || !name->named) {
        return i;
    }

    conf = gw_series_load(&series->node[i].conf);

    while (conf < series->conf
           && !gw_series_swap(&series->node[i].conf, conf, series->conf))
    {
        /* void */
    }

    return i;
}


/* the text, and the key of family and text; never 0 */

static uint64_t
gw_series_key(gw_series_t *series, const gw_series_name_t *name,
    unsigned char *text, size_t *len)
{
    size_t          n;
    unsigned        i;
    uint64_t        hash[2];
    unsigned char  *p, bytes[256 + GW_SERIES_LABELS * (1 + GW_LABEL_MAX)];

    p = text;

    for (i = 0; i < name->nlabels; i++) {
        *p++ = (unsigned char) name->labels[i].len;
        memcpy(p, name->labels[i].data, name->labels[i].len);
        p += name->labels[i].len;
    }

    *len = p - text;

    n = strnlen(name->name, 255);
    memcpy(bytes, name->name, n);
    bytes[n++] = 0;
    memcpy(bytes + n, text, *len);

    gw_siphash(series->sh->secret, bytes, n + *len, hash);

    return hash[0] ? hash[0] : 1;
}


/*
 * The node with the key in the bucket from node "at" on, which is then LIVE; 0:
 * none.  A node that is NEW in a bucket is complete: the process that has made
 * it is about to say so, or was killed.
 */

static uint32_t
gw_series_search(gw_series_t *series, uint32_t at, uint64_t key)
{
    uint32_t           i;
    uint64_t           word;
    gw_series_node_t  *node;

    for (i = at; i != 0; i = gw_series_load(&node->next)) {
        node = &series->node[i];

        if (node->key != key) {
            continue;
        }

        word = gw_series_load(&node->state);

        while (gw_series_state(word) == GW_SERIES_NEW
               || gw_series_state(word) == GW_SERIES_ENDING)
        {
            if (gw_series_swap(&node->state, word, GW_SERIES_LIVE)) {
                return i;
            }
        }

        if (gw_series_state(word) == GW_SERIES_LIVE) {
            return i;
        }
    }

    return 0;
}


static uint32_t
gw_series_make(gw_series_t *series, const gw_series_name_t *name,
    uint64_t key, const unsigned char *text, size_t len)
{
    uint32_t           i;
    unsigned           cells;
    gw_series_node_t  *node;

    cells = gw_series_cells(name, series->stripes, series->gauges);

    i = gw_series_again(series, cells, len);

    if (i == 0) {
        i = gw_series_fresh(series, cells, len);
    }

    if (i == 0) {
        return 0;
    }

    node = &series->node[i];

    node->key = key;
    node->conf = 0;
    node->seen = 0;
    node->changed = 0;
    node->len = (uint32_t) len;
    node->kind = (uint8_t) name->kind;
    node->other = name->other != 0;
    node->folds = name->folds != 0;
    memcpy(series->text + node->text, text, len);

    node->born = __atomic_add_fetch(&series->sh->born, 1, __ATOMIC_SEQ_CST);

    gw_series_store(&series->family[i], name->family);

    return gw_series_push(series, i);
}


/* takes a free node, whose cells are 0; it becomes NEW */

static uint32_t
gw_series_again(gw_series_t *series, unsigned cells, size_t len)
{
    uint64_t           i, used, word;
    gw_series_node_t  *node;

    if (gw_series_load(&series->sh->free) == 0) {
        return 0;
    }

    used = gw_series_load(&series->sh->used);

    for (i = 1; i <= used; i++) {
        node = &series->node[i];
        word = gw_series_load(&node->state);

        if (gw_series_state(word) == GW_SERIES_FREE
            && node->ncells == cells && node->room >= len
            && gw_series_swap(&node->state, word,
                              gw_series_state_word(GW_SERIES_NEW,
                                                   series->self)))
        {
            return (uint32_t) i;
        }
    }

    return 0;
}


/*
 * Takes a node that was never used, with cells and text.  If the process is
 * killed in between, the upkeep frees the node, and the room for at most one
 * series is lost.
 */

static uint32_t
gw_series_fresh(gw_series_t *series, unsigned cells, size_t len)
{
    size_t             room;
    uint64_t           i, word;
    gw_series_sh_t    *sh;
    gw_series_node_t  *node;

    sh = series->sh;
    room = gw_series_align(len, GW_SERIES_ROOM);

    for ( ;; ) {
        i = gw_series_load(&sh->used);

        if (i == series->room.nodes
            || gw_series_load(&sh->used_cells) + cells > series->room.cells
            || gw_series_load(&sh->used_text) + room > series->room.text)
        {
            return 0;
        }

        node = &series->node[i + 1];
        word = 0;

        if (gw_series_swap(&node->state, word,
                           gw_series_state_word(GW_SERIES_NEW, series->self)))
        {
            (void) gw_series_swap(&sh->used, i, i + 1);
            break;
        }

        /* another process has taken it, and may not have said so */

        (void) gw_series_swap(&sh->used, i, i + 1);
    }

    i = node - series->node;

    if (!gw_series_grow(&sh->used_cells, cells, series->room.cells,
                        &node->cells))
    {
        gw_series_store(&node->state, GW_SERIES_FREE);
        return 0;
    }

    node->ncells = (uint16_t) cells;

    if (!gw_series_grow(&sh->used_text, room, series->room.text, &node->text)) {
        gw_series_store(&node->state, GW_SERIES_FREE);
        return 0;
    }

    node->room = (uint32_t) room;

    return (uint32_t) i;
}


static int
gw_series_grow(uint64_t *used, size_t n, size_t max, uint32_t *at)
{
    uint64_t  offset;

    offset = gw_series_load(used);

    do {
        if (offset + n > max) {
            return 0;
        }
    } while (!gw_series_swap(used, offset, offset + n));

    *at = (uint32_t) offset;

    return 1;
}


/* another process may make the same series: the one that is pushed first wins */

static uint32_t
gw_series_push(gw_series_t *series, uint32_t i)
{
    uint32_t           head, found, *bucket;
    uint64_t           word;
    gw_series_node_t  *node;

    node = &series->node[i];
    bucket = gw_series_bucket(series, node->key);

    do {
        head = gw_series_load(bucket);
        found = gw_series_search(series, head, node->key);

        if (found) {
            gw_series_store(&series->family[i], 0);
            gw_series_store(&node->state, GW_SERIES_FREE);
            (void) __atomic_fetch_add(&series->sh->free, 1, __ATOMIC_SEQ_CST);
            return found;
        }

        gw_series_store(&node->next, head);

    } while (!gw_series_swap(bucket, head, i));

    /* it may have been found, ended, and found again meanwhile */

    word = gw_series_state_word(GW_SERIES_NEW, series->self);

    if (!gw_series_swap(&node->state, word, GW_SERIES_LIVE)) {
        return gw_series_search(series, gw_series_load(bucket), node->key);
    }

    return i;
}


uint64_t *
gw_series_words(gw_series_t *series, uint32_t i)
{
    gw_series_node_t  *node;

    node = &series->node[i];

    switch ((gw_series_kind_e) node->kind) {

    case GW_SERIES_GAUGE:
        return (series->place < series->gauges)
               ? gw_series_gauge(series, node, series->place) : NULL;

    case GW_SERIES_STATE:
        return gw_series_cell(series, series->stripes, node->cells);

    default:
        return gw_series_cell(series, series->place < series->stripes
                                      ? series->place : series->stripes,
                              node->cells);
    }
}


int
gw_series_asked(gw_series_t *series, uint64_t *epoch)
{
    *epoch = gw_series_load(&series->sh->epoch);

    return series->self
           && *epoch != gw_series_load(&series->sh->ack[series->place]);
}


int
gw_series_ending(gw_series_t *series, uint32_t node)
{
    return gw_series_state(gw_series_load(&series->node[node].state))
           != GW_SERIES_LIVE;
}


void
gw_series_keep(gw_series_t *series, uint32_t i)
{
    uint64_t           word;
    gw_series_node_t  *node;

    node = &series->node[i];
    word = gw_series_load(&node->state);

    while (gw_series_state(word) == GW_SERIES_ENDING
           && !gw_series_swap(&node->state, word, GW_SERIES_LIVE))
    {
        /* void */
    }
}


void
gw_series_ack(gw_series_t *series, uint64_t epoch)
{
    gw_series_store(&series->sh->ack[series->place], epoch);
}


uint64_t *
gw_series_word(gw_series_t *series)
{
    return &series->sh->word;
}
