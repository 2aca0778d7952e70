/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of names in one text: see gw_names.h.
 */

#include <string.h>

#include "gw_names.h"


int
gw_names_next(const gw_text_t *list, char separator, size_t *state,
    gw_text_t *name)
{
    size_t  i;

    i = *state;

    while (i < list->len && list->data[i] == (unsigned char) separator) {
        i++;
    }

    name->data = list->data + i;

    while (i < list->len && list->data[i] != (unsigned char) separator) {
        i++;
    }

    name->len = (size_t) (list->data + i - name->data);
    *state = i;

    return name->len != 0;
}


int
gw_names_has(const gw_text_t *list, char separator, const gw_text_t *name)
{
    size_t     state;
    gw_text_t  one;

    state = 0;

    while (gw_names_next(list, separator, &state, &one)) {
        if (one.len == name->len
            && memcmp(one.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


size_t
gw_names_filter(const gw_text_t *a, const gw_text_t *b, char separator,
    int keep, unsigned char *dst)
{
    size_t     n, state;
    gw_text_t  name;

    n = 0;
    state = 0;

    while (gw_names_next(a, separator, &state, &name)) {

        if (gw_names_has(b, separator, &name) != keep) {
            continue;
        }

        if (n) {
            dst[n++] = (unsigned char) separator;
        }

        memcpy(dst + n, name.data, name.len);
        n += name.len;
    }

    return n;
}
