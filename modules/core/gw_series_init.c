/* SPDX-License-Identifier: BSD-2-Clause */

/* the memory of series: see gw_series.h */

#include <string.h>

#include "gw_series_private.h"


/* offsets of the parts of a zone */

typedef struct {
    size_t                bucket;
    size_t                node;
    size_t                family;
    size_t                text;
    size_t                cells;
    size_t                area;
    size_t                size;
    uint64_t              buckets;
} gw_series_layout_t;


static void gw_series_layout(const gw_series_room_t *room, unsigned stripes,
    gw_series_layout_t *layout);
static void gw_series_round(gw_series_room_t *room);


unsigned
gw_series_cells(const gw_series_name_t *name, unsigned stripes,
    unsigned gauges)
{
    switch (name->kind) {

    case GW_SERIES_GAUGE:
        return (gauges + stripes) / (stripes + 1);

    case GW_SERIES_STATE:
        return 1;

    default:
        return name->cells
               + (name->other && name->folds ? GW_SERIES_FOLDED : 0);
    }
}


static void
gw_series_layout(const gw_series_room_t *room, unsigned stripes,
    gw_series_layout_t *layout)
{
    layout->buckets = 64;

    while (layout->buckets < room->nodes) {
        layout->buckets *= 2;
    }

    /* nodes are numbered from 1 */

    layout->bucket = gw_series_align(sizeof(gw_series_sh_t), 64);
    layout->node = layout->bucket
                   + gw_series_align(layout->buckets * sizeof(uint32_t), 64);
    layout->family = layout->node
                     + gw_series_align((room->nodes + 1)
                                       * sizeof(gw_series_node_t), 64);
    layout->text = layout->family
                   + gw_series_align((room->nodes + 1) * sizeof(uint16_t), 64);
    layout->cells = layout->text + gw_series_align(room->text, 64);
    layout->area = layout->cells
                   + room->cells * (stripes + 1) * sizeof(uint64_t);
    layout->size = layout->area + gw_series_align(room->area, 64);
}


/* a stripe begins at a cache line */

static void
gw_series_round(gw_series_room_t *room)
{
    room->cells = gw_series_align(room->cells, 8);
}


size_t
gw_series_size(const gw_series_room_t *room, unsigned stripes)
{
    gw_series_room_t    r;
    gw_series_layout_t  layout;

    r = *room;
    gw_series_round(&r);
    gw_series_layout(&r, stripes, &layout);

    return layout.size;
}


/* the largest factor, in 1/64, by a binary search, since sizes are rounded */

int
gw_series_init(void *memory, size_t size, const gw_series_room_t *room,
    unsigned stripes, unsigned gauges, const uint64_t secret[2])
{
    size_t              low, high, factor;
    gw_series_sh_t     *sh;
    gw_series_room_t    r;
    gw_series_layout_t  layout;

    if (gw_series_size(room, stripes) > size) {
        return 0;
    }

    low = 64;
    high = 64 * (size / 1024 + 2);

    while (high - low > 1) {
        factor = low + (high - low) / 2;

        r.nodes = room->nodes * factor / 64;
        r.cells = room->cells * factor / 64;
        r.text = room->text * factor / 64;
        r.area = room->area * factor / 64;

        /* offsets have 32 bits */

        if (gw_series_size(&r, stripes) <= size
            && r.nodes < UINT32_MAX / 2 && r.cells < UINT32_MAX / 2
            && r.text < UINT32_MAX / 2)
        {
            low = factor;

        } else {
            high = factor;
        }
    }

    sh = memory;
    sh->room.nodes = room->nodes * low / 64;
    sh->room.cells = room->cells * low / 64;
    sh->room.text = room->text * low / 64;
    sh->room.area = room->area * low / 64;
    gw_series_round(&sh->room);

    gw_series_layout(&sh->room, stripes, &layout);

    sh->buckets = layout.buckets;
    sh->stripes = stripes;
    sh->gauges = gauges;
    sh->secret[0] = secret[0];
    sh->secret[1] = secret[1];

    return 1;
}


void
gw_series_open(gw_series_t *series, void *memory)
{
    unsigned char       *base;
    gw_series_sh_t      *sh;
    gw_series_layout_t   layout;

    sh = memory;
    base = memory;

    memset(series, 0, sizeof(gw_series_t));

    series->sh = sh;
    series->room = sh->room;
    series->stripes = (unsigned) sh->stripes;
    series->gauges = (unsigned) sh->gauges;
    series->place = GW_SERIES_PLACES;

    gw_series_layout(&sh->room, series->stripes, &layout);

    series->bucket = (uint32_t *) (base + layout.bucket);
    series->node = (gw_series_node_t *) (base + layout.node);
    series->family = (uint16_t *) (base + layout.family);
    series->text = base + layout.text;
    series->cells = (uint64_t *) (base + layout.cells);
    series->area = base + layout.area;
}


uint64_t
gw_series_conf(gw_series_t *series)
{
    return __atomic_add_fetch(&series->sh->confs, 1, __ATOMIC_SEQ_CST);
}
