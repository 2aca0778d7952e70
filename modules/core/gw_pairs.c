/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_pairs.h"

#include <string.h>


int
gw_pairs_find(const gw_text_t *pairs, const unsigned char *name, size_t len,
    gw_text_t *value)
{
    const unsigned char  *p, *last, *end, *end_of_value;

    last = pairs->data + pairs->len;

    for (p = pairs->data; p < last; p = end_of_value + 1) {

        end = memchr(p, '\0', (size_t) (last - p));
        if (end == NULL) {
            break;
        }

        end_of_value = memchr(end + 1, '\0', (size_t) (last - end - 1));
        if (end_of_value == NULL) {
            break;
        }

        if ((size_t) (end - p) == len && memcmp(p, name, len) == 0) {
            value->data = end + 1;
            value->len = (size_t) (end_of_value - end - 1);
            return 1;
        }
    }

    return 0;
}
