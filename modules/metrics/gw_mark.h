/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The mark of a text: what a hash table compares before the text itself.  Up to
 * 16 bytes the mark is the text, so that nothing else need be compared.  Does
 * not use nginx.
 */

#ifndef GW_MARK_H_INCLUDED
#define GW_MARK_H_INCLUDED

#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define GW_MARK_MAX  16     /* bytes of a text that its mark holds */


typedef struct {
    uint64_t    head;       /* the first bytes */
    uint64_t    tail;       /* the last ones */
    uint32_t    hash;       /* not secret: for tables of a bounded size */
    uint32_t    len;
} gw_mark_t;


/*
 * Spreads the bits.  Those of "last" are the ones in which texts that are counted
 * up differ.  A product carries bits upwards only, hence the rotation and the
 * shift.  If both are equal, as in a text of 8 bytes, they do not cancel out.
 */

static inline uint64_t
gw_mark_mix(uint64_t first, uint64_t last)
{
    uint64_t  mixed;

    last *= 0x9e3779b97f4a7c15;
    mixed = first ^ (last << 32 | last >> 32);

    return (mixed ^ mixed >> 29) * 0xc2b2ae3d27d4eb4f;
}


/* "len" is not 0, and less than 2^32 */

static inline gw_mark_t
gw_mark(const unsigned char *text, size_t len)
{
    size_t     i;
    uint32_t   first, last;
    uint64_t   mixed, word;
    gw_mark_t  mark;

    if (len >= sizeof(uint64_t)) {
        memcpy(&mark.head, text, sizeof(uint64_t));
        memcpy(&mark.tail, text + len - sizeof(uint64_t), sizeof(uint64_t));

    } else if (len >= sizeof(uint32_t)) {
        memcpy(&first, text, sizeof(uint32_t));
        memcpy(&last, text + len - sizeof(uint32_t), sizeof(uint32_t));
        mark.head = first;
        mark.tail = last;

    } else {
        mark.head = text[0] | (uint32_t) text[len / 2] << 8
                    | (uint32_t) text[len - 1] << 16;
        mark.tail = 0;
    }

    mixed = gw_mark_mix(mark.head, mark.tail);

    /* the bytes between them */

    for (i = sizeof(uint64_t); i + sizeof(uint64_t) < len;
         i += sizeof(uint64_t))
    {
        memcpy(&word, text + i, sizeof(uint64_t));
        mixed = gw_mark_mix(mixed, word);
    }

    mark.hash = mixed >> 32;
    mark.len = (uint32_t) len;

    return mark;
}


/* up to GW_MARK_MAX bytes: whether the texts are equal; above: whether they can
   be */

static inline int
gw_mark_same(gw_mark_t one, gw_mark_t two)
{
    return one.head == two.head && one.tail == two.tail && one.len == two.len;
}


#endif /* GW_MARK_H_INCLUDED */
