/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The end of series: see gw_series.h.
 *
 * One process at a time moves series on, and may be killed at any point.  Each
 * state is reached by one change of a word, after the work that it stands for,
 * and that work can be repeated.
 */

#include <string.h>

#include "gw_series_private.h"


static int gw_series_begin(gw_series_t *series, gw_series_node_t *node);
static void gw_series_bump(gw_series_t *series);
static void gw_series_pass(gw_series_t *series, gw_place_gone_pt gone,
    void *data);
static void gw_series_visit(gw_series_t *series, uint32_t i, uint64_t now,
    uint64_t idle, gw_place_gone_pt gone, void *data);
static void gw_series_lost(gw_series_t *series, uint32_t i, uint64_t word);
static void gw_series_idle(gw_series_t *series, uint32_t i, uint64_t now,
    uint64_t idle);
static uint64_t gw_series_total(gw_series_t *series, gw_series_node_t *node);
static void gw_series_fold(gw_series_t *series, uint32_t i, uint64_t word);
static void gw_series_folds(gw_series_t *series);
static void gw_series_retire(gw_series_t *series, uint32_t i, uint64_t word);
static int gw_series_unlink(gw_series_t *series, uint32_t i, int keep);
static void gw_series_free(gw_series_t *series, uint32_t i);


int
gw_series_end(gw_series_t *series, uint32_t i, uint64_t key)
{
    gw_series_node_t  *node;

    if (i == 0 || i > gw_series_load(&series->sh->used)) {
        return 0;
    }

    node = &series->node[i];

    return node->key == key && !node->other
           && gw_series_load(&node->conf) == 0
           && gw_series_begin(series, node);
}


/*
 * A process that sees the new epoch sees the state, too: it does not
 * acknowledge the epoch before it has forgotten the cells.
 */

static int
gw_series_begin(gw_series_t *series, gw_series_node_t *node)
{
    uint64_t  word, epoch;

    epoch = gw_series_load(&series->sh->epoch) + 1;
    word = GW_SERIES_LIVE;

    if (!gw_series_swap(&node->state, word,
                        gw_series_state_word(GW_SERIES_ENDING, epoch)))
    {
        return 0;
    }

    gw_series_bump(series);

    return 1;
}


static void
gw_series_bump(gw_series_t *series)
{
    (void) __atomic_add_fetch(&series->sh->epoch, 1, __ATOMIC_SEQ_CST);
}


int
gw_series_step(gw_series_t *series, uint32_t *at, unsigned n, uint64_t now,
    uint64_t idle, gw_place_gone_pt gone, void *data)
{
    uint64_t  used;

    if (*at == 0) {
        gw_series_pass(series, gone, data);
    }

    gw_series_folds(series);

    used = gw_series_load(&series->sh->used);

    while (n-- && *at < used) {
        gw_series_visit(series, ++*at, now, idle, gone, data);
    }

    if (*at < used) {
        return 0;
    }

    /* what was free at the beginning of the pass and is not taken */

    gw_series_store(&series->sh->free, series->freed);
    *at = 0;

    return 1;
}


/*
 * What all live processes have acknowledged.  A process that takes a place
 * later has not yet walked over a node that was out of its bucket before, and
 * makes a series that it counts LIVE.
 *
 * The last step of a killed process may lack its new epoch.
 */

static void
gw_series_pass(gw_series_t *series, gw_place_gone_pt gone, void *data)
{
    unsigned  i;
    uint64_t  owner, ack, conf;

    series->acked = UINT64_MAX;
    series->oldest = UINT64_MAX;
    series->freed = 0;

    for (i = 0; i < GW_SERIES_PLACES; i++) {
        owner = gw_series_load(&series->sh->owner[i]);

        if (owner == 0 || (owner != series->self && gone(data, owner))) {
            continue;
        }

        ack = gw_series_load(&series->sh->ack[i]);
        conf = gw_series_load(&series->sh->conf[i]);

        series->acked = (ack < series->acked) ? ack : series->acked;
        series->oldest = (conf < series->oldest) ? conf : series->oldest;
    }
}


static void
gw_series_visit(gw_series_t *series, uint32_t i, uint64_t now, uint64_t idle,
    gw_place_gone_pt gone, void *data)
{
    uint64_t           word;
    gw_series_node_t  *node;

    node = &series->node[i];
    word = gw_series_load(&node->state);

    /* a killed process may not have announced the epoch */

    if ((gw_series_state(word) == GW_SERIES_ENDING
         || gw_series_state(word) == GW_SERIES_RETIRED)
        && gw_series_above(word) > gw_series_load(&series->sh->epoch))
    {
        gw_series_bump(series);
    }

    switch (gw_series_state(word)) {

    case GW_SERIES_NEW:
        if (gone(data, gw_series_above(word))) {
            gw_series_lost(series, i, word);
        }

        break;

    case GW_SERIES_LIVE:
        gw_series_idle(series, i, now, idle);
        break;

    case GW_SERIES_ENDING:
        if (gw_series_above(word) > series->acked
            || !gw_series_swap(&node->state, word,
                               gw_series_state_word(GW_SERIES_DEAD,
                                                gw_series_above(word))))
        {
            break;
        }

        word = gw_series_load(&node->state);

        /* fall through */

    case GW_SERIES_DEAD:
        gw_series_fold(series, i, word);
        break;

    case GW_SERIES_RETIRED:
        if (gw_series_above(word) <= series->acked) {
            gw_series_free(series, i);
        }

        break;

    case GW_SERIES_FREE:
        series->freed++;
        break;

    case GW_SERIES_UNUSED:
        break;
    }
}


/* a process was killed while it made a series: did it push the node? */

static void
gw_series_lost(gw_series_t *series, uint32_t i, uint64_t word)
{
    gw_series_node_t  *node;

    node = &series->node[i];

    if (gw_series_unlink(series, i, 1)) {
        (void) gw_series_swap(&node->state, word, GW_SERIES_LIVE);
        return;
    }

    gw_series_free(series, i);
}


static void
gw_series_idle(gw_series_t *series, uint32_t i, uint64_t now, uint64_t idle)
{
    uint64_t           conf, total;
    gw_series_node_t  *node;

    node = &series->node[i];
    conf = gw_series_load(&node->conf);

    if (conf != 0 && conf >= series->oldest) {
        if (node->changed) {
            node->changed = 0;
        }

        return;
    }

    total = gw_series_total(series, node);

    if (node->changed == 0 || total != node->seen || now < node->changed) {
        node->seen = total;
        node->changed = now;
        return;
    }

    if (now - node->changed >= idle
        && !(node->kind == GW_SERIES_GAUGE && total != 0))
    {
        (void) gw_series_begin(series, node);
    }
}


/* the sum of all words, also of gauges of gone processes */

static uint64_t
gw_series_total(gw_series_t *series, gw_series_node_t *node)
{
    unsigned   i, k;
    uint64_t   total, *cell;

    total = 0;

    for (i = 0; i <= series->stripes; i++) {
        cell = gw_series_cell(series, i, node->cells);

        for (k = 0; k < node->ncells; k++) {
            total += gw_series_read(&cell[k]);
        }
    }

    return total;
}


/*
 * Adds the counts of a DEAD series to those folded into "__other__", and retires
 * it.  The record has absolute values: it can be repeated.
 */

static void
gw_series_fold(gw_series_t *series, uint32_t i, uint64_t word)
{
    unsigned           k;
    uint32_t           target;
    uint64_t          *folded;
    gw_series_node_t  *node;
    gw_series_fold_t  *fold;

    node = &series->node[i];
    fold = &series->sh->fold;

    target = (node->folds && !node->other)
             ? gw_series_target(series, series->family[i]) : 0;

    if (target == 0) {
        gw_series_retire(series, i, word);
        return;
    }

    folded = gw_series_folded(series, &series->node[target]);

    (void) __atomic_add_fetch(&fold->seq, 1, __ATOMIC_SEQ_CST);

    fold->node = i;
    fold->target = target;
    gw_series_sum(series, i, NULL, fold->sum, GW_SERIES_FOLDED);

    for (k = 0; k < GW_SERIES_FOLDED; k++) {
        fold->sum[k] += gw_series_read(&folded[k]);
    }

    gw_series_store(&fold->state, word);

    gw_series_folds(series);
}


/* completes a fold, also that of a killed process */

static void
gw_series_folds(gw_series_t *series)
{
    unsigned           k;
    uint64_t           word, *folded;
    gw_series_fold_t  *fold;

    fold = &series->sh->fold;
    word = gw_series_load(&fold->state);

    if (word == 0) {
        return;
    }

    if (gw_series_load(&series->node[fold->node].state) == word) {
        folded = gw_series_folded(series, &series->node[fold->target]);

        for (k = 0; k < GW_SERIES_FOLDED; k++) {
            gw_series_store(&folded[k], fold->sum[k]);
        }

        gw_series_retire(series, fold->node, word);
    }

    gw_series_store(&fold->state, 0);
}


uint32_t
gw_series_target(gw_series_t *series, uint16_t family)
{
    uint32_t           i, used;
    uint64_t           word;
    gw_series_node_t  *node;

    used = (uint32_t) gw_series_load(&series->sh->used);

    for (i = 1; i <= used; i++) {
        node = &series->node[i];

        if (gw_series_read(&series->family[i]) != family || !node->other) {
            continue;
        }

        word = gw_series_load(&node->state);

        if (gw_series_state(word) == GW_SERIES_LIVE) {
            return i;
        }
    }

    return 0;
}


static void
gw_series_retire(gw_series_t *series, uint32_t i, uint64_t word)
{
    uint64_t  epoch;

    (void) gw_series_unlink(series, i, 0);

    epoch = gw_series_load(&series->sh->epoch) + 1;

    (void) gw_series_swap(&series->node[i].state, word,
                          gw_series_state_word(GW_SERIES_RETIRED, epoch));

    gw_series_bump(series);
}


/*
 * Takes a node out of its bucket, unless "keep"; 1: it was in the bucket.  Only
 * the upkeep takes nodes out, so that the node before it stays in the bucket;
 * others may push one before the first.
 */

static int
gw_series_unlink(gw_series_t *series, uint32_t i, int keep)
{
    uint32_t           at, next, *link;
    gw_series_node_t  *node;

    node = &series->node[i];
    next = gw_series_load(&node->next);

    for ( ;; ) {
        link = gw_series_bucket(series, node->key);

        for (at = gw_series_load(link); at != 0 && at != i;
             at = gw_series_load(link))
        {
            link = &series->node[at].next;
        }

        if (at == 0) {
            return 0;
        }

        if (keep || gw_series_swap(link, at, next)) {
            return 1;
        }
    }
}


/* a node that is not in a bucket, and that no process counts or walks over */

static void
gw_series_free(gw_series_t *series, uint32_t i)
{
    unsigned           k, c;
    uint64_t          *cell;
    gw_series_node_t  *node;

    node = &series->node[i];

    gw_series_store(&series->family[i], 0);

    for (k = 0; k <= series->stripes; k++) {
        cell = gw_series_cell(series, k, node->cells);

        for (c = 0; c < node->ncells; c++) {

            /* do not make pages resident that were never used */

            if (gw_series_read(&cell[c]) != 0) {
                gw_series_store(&cell[c], 0);
            }
        }
    }

    gw_series_store(&node->state, GW_SERIES_FREE);
    (void) __atomic_add_fetch(&series->sh->free, 1, __ATOMIC_SEQ_CST);
    series->freed++;
}


void
gw_series_used(gw_series_t *series, gw_series_room_t *used)
{
    memset(used, 0, sizeof(gw_series_room_t));

    used->nodes = gw_series_load(&series->sh->used);
    used->cells = gw_series_load(&series->sh->used_cells);
    used->text = gw_series_load(&series->sh->used_text);
}
