/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reads a linked list in shared memory that another process changes meanwhile,
 * without its lock.
 *
 * A process that is killed while it has such a lock leaves it locked for all
 * others.  A reader without the lock cannot cause this, and cannot be blocked.
 *
 * The writer sets a lock word, changes the list, increments a number for each
 * element that it adds or removes, and resets the lock word.  A reader looks at
 * both before and after it reads: if the list was not locked and the number is
 * the same, nothing was added or removed meanwhile.  Otherwise all that it has
 * read can be garbage, so it compares each pointer with the bounds of the shared
 * memory before it follows it.  Freed elements stay mapped.
 *
 * Members that the writer changes without incrementing the number can be read
 * before or after the change.
 *
 * Free of nginx.
 */

#ifndef GW_WALK_H_INCLUDED
#define GW_WALK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


typedef struct {
    const char                *start;       /* of the shared memory */
    size_t                     len;

    const volatile uintptr_t  *lock;        /* all bits set: locked for
                                               writing; NULL: the list never
                                               changes */
    const volatile uintptr_t  *changes;     /* the number of changes */

    size_t                     size;        /* of an element */
    size_t                     next;        /* the offset of the pointer to the
                                               next element */
} gw_walk_t;


/*
 * Is called for each element, from i = 0 on.  The element can change during the
 * call: read a member that is checked before its use once, and follow pointers
 * with gw_walk_copy() only.  Copy what is needed, since the walk may turn out to
 * be invalid later.  Returns 0, or -1 if the content cannot be right.
 */
typedef int (*gw_walk_pt)(void *data, const gw_walk_t *walk, unsigned i,
    const void *element);


/*
 * Reads a list once, from *head on.  "max" is a number of elements that no
 * correct list exceeds.  Returns the number of elements and sets "*changes" to
 * the number of changes (0 if the list never changes), or returns -1 if the list
 * was changed meanwhile: call it again, at first immediately.  After many
 * failures call it later, because the process that changes the list may wait
 * for a CPU.
 */
int gw_walk(const gw_walk_t *walk, void *const *head, unsigned max,
    gw_walk_pt handler, void *data, uintptr_t *changes);

/* whether "len" bytes at "p" are in the shared memory */
int gw_walk_inside(const gw_walk_t *walk, const void *p, size_t len);

/* copies "len" bytes at "p"; -1: these are not in the shared memory */
int gw_walk_copy(const gw_walk_t *walk, void *to, const void *p, size_t len);


#endif /* GW_WALK_H_INCLUDED */
