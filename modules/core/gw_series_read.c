/* SPDX-License-Identifier: BSD-2-Clause */

/* reading series: see gw_series.h */

#include <string.h>

#include "gw_series_private.h"


#define GW_SERIES_TRIES  1000   /* to read rows at one moment */


/* a node that is printed by itself; another one can be added to "__other__" */
#define gw_series_shown(word)                                                 \
    (gw_series_state(word) == GW_SERIES_LIVE                                  \
     || gw_series_state(word) == GW_SERIES_ENDING)


static size_t gw_series_rows_once(gw_series_t *series, uint16_t family,
    uint64_t born, gw_series_row_t *row, size_t n);
static void gw_series_add(uint64_t *to, const uint64_t *sum);


uint64_t
gw_series_born(gw_series_t *series)
{
    return gw_series_load(&series->sh->born);
}


void
gw_series_live(gw_series_t *series, uint64_t *live, gw_place_gone_pt gone,
    void *data)
{
    unsigned  i;
    uint64_t  owner;

    for (i = 0; i < series->gauges; i++) {
        owner = gw_series_load(&series->sh->owner[i]);

        if (i % 64 == 0) {
            live[i / 64] = 0;
        }

        if (owner && gw_series_load(&series->sh->ready[i]) == owner
            && (owner == series->self || !gone(data, owner)))
        {
            live[i / 64] |= 1ULL << i % 64;
        }
    }
}


uint32_t
gw_series_next(gw_series_t *series, uint16_t family, uint32_t at,
    uint64_t born, gw_series_found_t *found)
{
    uint64_t           used;
    gw_series_node_t  *node;

    used = gw_series_load(&series->sh->used);

    while (at < used) {
        at++;

        if (gw_series_read(&series->family[at]) != family) {
            continue;
        }

        node = &series->node[at];

        if (!gw_series_shown(gw_series_load(&node->state))
            || node->born > born
            || gw_series_load(&series->family[at]) != family)
        {
            continue;
        }

        found->node = at;
        found->key = node->key;
        found->other = node->other;
        found->text = series->text + node->text;

        return at;
    }

    return 0;
}


void
gw_series_sum(gw_series_t *series, uint32_t at, const uint64_t *live,
    uint64_t *sum, unsigned n)
{
    unsigned           i, k;
    uint64_t           counted, *cell;
    gw_series_node_t  *node;

    node = &series->node[at];

    memset(sum, 0, n * sizeof(uint64_t));

    if (node->kind == GW_SERIES_STATE) {
        *sum = gw_series_read(gw_series_cell(series, series->stripes,
                                             node->cells));
        return;
    }

    if (node->kind == GW_SERIES_GAUGE) {
        for (i = 0; i < series->gauges; i++) {
            if (live[i / 64] >> i % 64 & 1) {
                *sum += gw_series_read(gw_series_gauge(series, node, i));
            }
        }

        return;
    }

    counted = gw_series_load(&series->sh->counted);

    for (i = 0; i <= series->stripes; i++) {

        if (!(counted >> i & 1)) {
            continue;
        }

        cell = gw_series_cell(series, i, node->cells);

        for (k = 0; k < n; k++) {
            sum[k] += gw_series_read(&cell[k]);
        }
    }
}


/* series end seldom: the first try succeeds */

size_t
gw_series_rows(gw_series_t *series, uint16_t family, uint64_t born,
    gw_series_row_t *row, size_t n)
{
    size_t     i, k;
    uint64_t   seq, state;
    unsigned   tries;

    k = 0;

    for (tries = 0; tries < GW_SERIES_TRIES; tries++) {
        seq = gw_series_load(&series->sh->fold.seq);
        state = gw_series_load(&series->sh->fold.state);

        k = gw_series_rows_once(series, family, born, row, n);

        for (i = 0; i < k && i < n; i++) {
            if (gw_series_load(&series->node[row[i].found.node].state)
                != row[i].state)
            {
                break;
            }
        }

        if (i == (k < n ? k : n)
            && gw_series_load(&series->sh->fold.seq) == seq
            && gw_series_load(&series->sh->fold.state) == state)
        {
            break;
        }
    }

    return k;
}


/*
 * A series that is DEAD belongs to "__other__", until it has been folded.  If a
 * fold is under way, or the process that folded was killed, its record tells
 * the result.
 */

static size_t
gw_series_rows_once(gw_series_t *series, uint16_t family, uint64_t born,
    gw_series_row_t *row, size_t n)
{
    size_t             k;
    uint32_t           i, used;
    uint64_t           word, extra[GW_SERIES_FOLDED], sum[GW_SERIES_FOLDED];
    gw_series_row_t   *other;
    gw_series_node_t  *node;
    gw_series_fold_t  *fold;

    fold = &series->sh->fold;
    used = (uint32_t) gw_series_load(&series->sh->used);
    other = NULL;
    memset(extra, 0, sizeof(extra));

    for (i = 1, k = 0; i <= used; i++) {

        if (gw_series_read(&series->family[i]) != family) {
            continue;
        }

        node = &series->node[i];
        word = gw_series_load(&node->state);

        if (gw_series_state(word) == GW_SERIES_DEAD && !node->other
            && !(gw_series_load(&fold->state) == word && fold->node == i))
        {
            gw_series_sum(series, i, NULL, sum, GW_SERIES_FOLDED);
            gw_series_add(extra, sum);
        }

        if (!gw_series_shown(word) || node->born > born
            || gw_series_load(&series->family[i]) != family
            || k++ >= n)
        {
            continue;
        }

        row[k - 1].state = word;
        row[k - 1].found.node = i;
        row[k - 1].found.key = node->key;
        row[k - 1].found.other = node->other;
        row[k - 1].found.text = series->text + node->text;

        gw_series_sum(series, i, NULL, row[k - 1].sum, GW_SERIES_FOLDED);

        if (node->other) {
            other = &row[k - 1];
        }
    }

    if (other == NULL) {
        return k;
    }

    gw_series_add(other->sum, extra);

    node = &series->node[other->found.node];

    gw_series_add(other->sum, (gw_series_load(&fold->state) != 0
                               && fold->target == other->found.node)
                              ? fold->sum : gw_series_folded(series, node));

    return k;
}


static void
gw_series_add(uint64_t *to, const uint64_t *sum)
{
    unsigned  i;

    for (i = 0; i < GW_SERIES_FOLDED; i++) {
        to[i] += gw_series_read(&sum[i]);
    }
}
