/* SPDX-License-Identifier: BSD-2-Clause */

/* places of processes: see gw_place.h */

#include "gw_place.h"


#define gw_place_load(p)  __atomic_load_n(p, __ATOMIC_SEQ_CST)

#define gw_place_store(p, value)  __atomic_store_n(p, value, __ATOMIC_SEQ_CST)

#define gw_place_swap(p, old, new)                                            \
    __atomic_compare_exchange_n(p, &(uint64_t) { old }, new, 0,               \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)


static unsigned gw_place_sweep(uint64_t *owner, unsigned n, uint64_t self,
    unsigned mine, gw_place_gone_pt gone, gw_place_reclaim_pt reclaim,
    void *data);


unsigned
gw_place_take(uint64_t *owner, unsigned n, uint64_t self,
    gw_place_gone_pt gone, gw_place_reclaim_pt reclaim, void *data)
{
    return gw_place_sweep(owner, n, self, n, gone, reclaim, data);
}


void
gw_place_reclaim(uint64_t *owner, unsigned n, uint64_t self, unsigned place,
    gw_place_gone_pt gone, gw_place_reclaim_pt reclaim, void *data)
{
    (void) gw_place_sweep(owner, n, self, place, gone, reclaim, data);
}


/* "mine" is the place of the calling process, or "n" if it needs one */

static unsigned
gw_place_sweep(uint64_t *owner, unsigned n, uint64_t self, unsigned mine,
    gw_place_gone_pt gone, gw_place_reclaim_pt reclaim, void *data)
{
    unsigned  i, starts;
    uint64_t  process;

    starts = (mine == n);

    for (i = 0; i < n; i++) {

        if (i == mine) {
            continue;
        }

        process = gw_place_load(&owner[i]);

        if (process == 0) {
            if (mine == n && gw_place_swap(&owner[i], 0, self)) {
                mine = i;
            }

            continue;
        }

        if (!(process == self ? starts : (unsigned) gone(data, process))
            || !gw_place_swap(&owner[i], process, self))
        {
            continue;
        }

        reclaim(data, i);

        if (mine == n) {
            mine = i;

        } else {
            gw_place_store(&owner[i], 0);
        }
    }

    return mine;
}
