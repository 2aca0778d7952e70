/* SPDX-License-Identifier: BSD-2-Clause */

/* lists of others in shared memory: see gw_walk.h */

#include <string.h>

#include "gw_walk.h"


#define GW_WALK_LOCKED  ((uintptr_t) -1)


static int
gw_walk_locked(const gw_walk_t *walk)
{
    return __atomic_load_n(walk->lock, __ATOMIC_SEQ_CST) == GW_WALK_LOCKED;
}


static int
gw_walk_changed(const gw_walk_t *walk, uintptr_t changes)
{
    /* all that was read before is read before the number */

    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    return __atomic_load_n(walk->changes, __ATOMIC_SEQ_CST) != changes;
}


int
gw_walk(const gw_walk_t *walk, void *const *head, unsigned max,
    gw_walk_pt handler, void *data, uintptr_t *changes)
{
    unsigned     i;
    const char  *p;

    *changes = 0;

    if (walk->lock) {
        *changes = __atomic_load_n(walk->changes, __ATOMIC_SEQ_CST);

        /*
         * In this order: if the list is not locked now, the changes that are in
         * the number are complete, and others come after it.
         */

        if (gw_walk_locked(walk)) {
            return -1;
        }
    }

    p = __atomic_load_n((const char *const *) head, __ATOMIC_SEQ_CST);

    for (i = 0; p != NULL; i++) {

        if (i == max
            || (uintptr_t) p % sizeof(void *) != 0
            || !gw_walk_inside(walk, p, walk->size)
            || handler(data, walk, i, p) != 0
            || (walk->lock && gw_walk_changed(walk, *changes)))
        {
            return -1;
        }

        p = __atomic_load_n((const char *const *) (p + walk->next),
                            __ATOMIC_SEQ_CST);
    }

    /* in this order: what an unlocked writer has changed is in the number */

    if (walk->lock
        && (gw_walk_locked(walk) || gw_walk_changed(walk, *changes)))
    {
        return -1;
    }

    return (int) i;
}


int
gw_walk_inside(const gw_walk_t *walk, const void *p, size_t len)
{
    uintptr_t  at;

    at = (uintptr_t) p - (uintptr_t) walk->start;

    return at <= walk->len && len <= walk->len - at;
}


int
gw_walk_copy(const gw_walk_t *walk, void *to, const void *p, size_t len)
{
    if (!gw_walk_inside(walk, p, len)) {
        return -1;
    }

    memcpy(to, p, len);

    return 0;
}
