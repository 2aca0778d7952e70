/* SPDX-License-Identifier: BSD-2-Clause */

#include <string.h>

#include "gw_stripe.h"


#define gw_stripe_load(p)  __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define gw_stripe_read(p)  __atomic_load_n(p, __ATOMIC_RELAXED)

#define gw_stripe_store(p, value)                                             \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST)


/* the number of places with cells of their own */
#define gw_stripe_cells(kind)                                                 \
    ((kind) == GW_STRIPE_KIND_OWN ? GW_STRIPE_PLACES : GW_STRIPES)


/* the cells of a process begin at a cache line */

typedef struct {
    uint64_t              cells[GW_STRIPE_STRIPED];
} __attribute__((aligned(64))) gw_stripe_t;


typedef struct {
    uint64_t              cells[GW_STRIPE_OWN];
} __attribute__((aligned(64))) gw_stripe_own_t;


typedef struct {
    uint64_t              hash[2];
    uint64_t              first;    /* number of the first configuration, */
    uint64_t              last;     /* and of the last, that declared it */
} gw_stripe_name_t;


struct gw_stripes_s {
    gw_stripe_name_t      striped[GW_STRIPE_STRIPED];
    gw_stripe_name_t      own[GW_STRIPE_OWN];
    uint64_t              used[2];                  /* names, by kind */
    uint64_t              confs;                    /* configurations read */
    uint64_t              owner[GW_STRIPE_PLACES];  /* process; 0: free */
    uint64_t              conf[GW_STRIPE_PLACES];   /* configuration's number */
    uint64_t              counts[GW_STRIPE_PLACES]; /* 1: cells are cleared */

    gw_stripe_t           shared;

    /* not resident in memory until a process takes the place */

    gw_stripe_t           stripe[GW_STRIPES];
    gw_stripe_own_t       place[GW_STRIPE_PLACES];
};


/* the arguments of a sweep over all places */

typedef struct {
    gw_stripes_t         *stripes;
    gw_stripe_gone_pt     gone;
    gw_stripe_reclaim_pt  reclaim;
    void                 *data;
} gw_stripe_sweep_t;


static uint64_t gw_stripe_oldest(const gw_stripe_conf_t *conf,
    const gw_stripe_name_t *name, uint64_t n);
static void gw_stripe_forget(gw_stripes_t *stripes, gw_stripe_kind_e kind,
    unsigned index);
static void gw_stripe_clear(gw_stripes_t *stripes, unsigned place);
static int gw_stripe_gone(void *data, uint64_t process);
static void gw_stripe_reclaimed(void *data, unsigned place);


size_t
gw_stripe_size(void)
{
    return sizeof(gw_stripes_t);
}


void
gw_stripe_init(gw_stripes_t *stripes)
{
    memset(stripes, 0, offsetof(gw_stripes_t, stripe));
}


void
gw_stripe_conf(gw_stripes_t *stripes, gw_stripe_conf_t *conf, uint64_t current,
    gw_stripe_gone_pt gone, void *data)
{
    unsigned  i;
    uint64_t  owner;

    conf->number = ++stripes->confs;
    conf->numbers[0] = conf->number;
    conf->numbers[1] = current;
    conf->n = 2;

    for (i = 0; i < GW_STRIPE_PLACES; i++) {
        owner = gw_stripe_load(&stripes->owner[i]);

        if (owner != 0 && !gone(data, owner)) {
            conf->numbers[conf->n++] = gw_stripe_load(&stripes->conf[i]);
        }
    }
}


int
gw_stripe_index(gw_stripes_t *stripes, const gw_stripe_conf_t *conf,
    gw_stripe_kind_e kind, const uint64_t hash[2])
{
    uint64_t           i, n;
    gw_stripe_name_t  *name;

    name = (kind == GW_STRIPE_KIND_OWN) ? stripes->own : stripes->striped;
    n = (kind == GW_STRIPE_KIND_OWN) ? GW_STRIPE_OWN : GW_STRIPE_STRIPED;

    for (i = 0; i < stripes->used[kind]; i++) {
        if (name[i].hash[0] == hash[0] && name[i].hash[1] == hash[1]) {
            name[i].last = conf->number;
            return (int) i;
        }
    }

    if (i == n) {
        i = gw_stripe_oldest(conf, name, n);

        if (i == n) {
            return -1;
        }

        gw_stripe_forget(stripes, kind, (unsigned) i);
    }

    name[i].hash[0] = hash[0];
    name[i].hash[1] = hash[1];
    name[i].first = conf->number;
    name[i].last = conf->number;

    if (i == stripes->used[kind]) {
        stripes->used[kind]++;
    }

    return (int) i;
}


/* the name that has been unused the longest; n if all names are in use */

static uint64_t
gw_stripe_oldest(const gw_stripe_conf_t *conf, const gw_stripe_name_t *name,
    uint64_t n)
{
    unsigned  k;
    uint64_t  i, oldest;

    oldest = n;

    for (i = 0; i < n; i++) {

        if (oldest < n && name[i].last >= name[oldest].last) {
            continue;
        }

        for (k = 0; k < conf->n; k++) {
            if (conf->numbers[k] >= name[i].first
                && conf->numbers[k] <= name[i].last)
            {
                break;
            }
        }

        if (k == conf->n) {
            oldest = i;
        }
    }

    return oldest;
}


/* places whose cells are not cleared yet are skipped: they will start at 0 */

static void
gw_stripe_forget(gw_stripes_t *stripes, gw_stripe_kind_e kind, unsigned index)
{
    unsigned  i;

    if (kind == GW_STRIPE_KIND_STRIPED) {
        gw_stripe_store(&stripes->shared.cells[index], 0);
    }

    for (i = 0; i < gw_stripe_cells(kind); i++) {
        if (gw_stripe_load(&stripes->counts[i])) {
            gw_stripe_store(gw_stripe_cell(stripes, kind, index, i), 0);
        }
    }
}


unsigned
gw_stripe_take(gw_stripes_t *stripes, uint64_t number, uint64_t self,
    gw_stripe_gone_pt gone, gw_stripe_reclaim_pt reclaim, void *data)
{
    unsigned           place;
    gw_stripe_sweep_t  sweep = { stripes, gone, reclaim, data };

    place = gw_place_take(stripes->owner, GW_STRIPE_PLACES, self,
                          gw_stripe_gone, gw_stripe_reclaimed, &sweep);

    if (place == GW_STRIPE_PLACES) {
        return place;
    }

    gw_stripe_store(&stripes->conf[place], number);

    if (!gw_stripe_load(&stripes->counts[place])) {
        gw_stripe_clear(stripes, place);
    }

    return place;
}


/* "counts" is set last: a process killed before has counted nothing */

static void
gw_stripe_clear(gw_stripes_t *stripes, unsigned place)
{
    memset(&stripes->place[place], 0, sizeof(gw_stripe_own_t));

    if (place < GW_STRIPES) {
        memset(&stripes->stripe[place], 0, sizeof(gw_stripe_t));
    }

    gw_stripe_store(&stripes->counts[place], 1);
}


void
gw_stripe_reclaim(gw_stripes_t *stripes, uint64_t self, unsigned place,
    gw_stripe_gone_pt gone, gw_stripe_reclaim_pt reclaim, void *data)
{
    gw_stripe_sweep_t  sweep = { stripes, gone, reclaim, data };

    gw_place_reclaim(stripes->owner, GW_STRIPE_PLACES, self, place,
                     gw_stripe_gone, gw_stripe_reclaimed, &sweep);
}


static int
gw_stripe_gone(void *data, uint64_t process)
{
    gw_stripe_sweep_t *sweep = data;

    return sweep->gone(sweep->data, process);
}


/* a process that was killed before its cells were cleared has counted nothing */

static void
gw_stripe_reclaimed(void *data, unsigned place)
{
    gw_stripe_sweep_t *sweep = data;

    if (gw_stripe_load(&sweep->stripes->counts[place])) {
        sweep->reclaim(sweep->data, place);
    }
}


uint64_t *
gw_stripe_cell(gw_stripes_t *stripes, gw_stripe_kind_e kind, unsigned index,
    unsigned place)
{
    if (kind == GW_STRIPE_KIND_OWN) {
        return (place < GW_STRIPE_PLACES) ? &stripes->place[place].cells[index]
                                          : NULL;
    }

    return (place < GW_STRIPES) ? &stripes->stripe[place].cells[index]
                                : &stripes->shared.cells[index];
}


uint64_t
gw_stripe_sum(gw_stripes_t *stripes, gw_stripe_kind_e kind, unsigned index)
{
    unsigned  i;
    uint64_t  sum;

    sum = (kind == GW_STRIPE_KIND_STRIPED)
          ? gw_stripe_read(&stripes->shared.cells[index]) : 0;

    for (i = 0; i < gw_stripe_cells(kind); i++) {
        if (gw_stripe_load(&stripes->counts[i])) {
            sum += gw_stripe_read(gw_stripe_cell(stripes, kind, index, i));
        }
    }

    return sum;
}
