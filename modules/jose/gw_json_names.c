/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of members: see gw_json_names.h.
 *
 * They are sorted, so that a new name is compared with at most eight others,
 * whichever names a client chooses.
 */

#include <string.h>

#include "gw_json_names.h"


static int gw_json_names_compare(const gw_text_t *a, const gw_text_t *b);


int
gw_json_names_has(const gw_json_names_t *names, const gw_text_t *name)
{
    size_t  i;

    for (i = 0; i < names->n; i++) {
        if (gw_json_names_compare(&names->elts[i], name) == 0) {
            return 1;
        }
    }

    return 0;
}


int
gw_json_seen_add(gw_json_seen_t *seen, const gw_text_t *name)
{
    int       rc;
    unsigned  low, high, middle;

    low = 0;
    high = seen->n;

    while (low < high) {
        middle = (low + high) / 2;
        rc = gw_json_names_compare(name, &seen->names[seen->sorted[middle]]);

        if (rc == 0) {
            return 0;
        }

        if (rc < 0) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    memmove(seen->sorted + low + 1, seen->sorted + low, seen->n - low);

    seen->sorted[low] = (unsigned char) seen->n;
    seen->names[seen->n++] = *name;

    return 1;
}


/* any total order will do; this one is fast: by length, then by bytes */

static int
gw_json_names_compare(const gw_text_t *a, const gw_text_t *b)
{
    if (a->len != b->len) {
        return (a->len < b->len) ? -1 : 1;
    }

    if (a->len == 0 || a->data[0] != b->data[0]) {
        return a->len ? a->data[0] - b->data[0] : 0;
    }

    return memcmp(a->data, b->data, a->len);
}
