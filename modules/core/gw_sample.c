/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_sample.h"


int
gw_sample_parse(const unsigned char *text, size_t len, uint64_t *threshold)
{
    size_t    i, point;
    uint64_t  ratio, one;

    ratio = 0;
    one = 1;
    point = len;

    for (i = 0; i < len; i++) {

        if (text[i] == '.' && point == len && i > 0) {
            point = i;
            continue;
        }

        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }

        if (i > point) {
            one *= 10;
        }

        ratio = ratio * 10 + (text[i] - '0');

        if (ratio > one || i > point + GW_SAMPLE_DIGITS) {
            return -1;
        }
    }

    if (len == 0 || point == len - 1) {
        return -1;
    }

    /* a double has 53 bits: the threshold is exact to a few parts in 2^56 */

    *threshold = GW_SAMPLE_NONE
                 - (uint64_t) ((double) ratio / (double) one
                               * (double) GW_SAMPLE_NONE);

    return 0;
}


uint64_t
gw_sample_number(const unsigned char id[GW_SAMPLE_ID])
{
    unsigned       i;
    uint64_t       number;
    unsigned char  c;

    number = 0;

    for (i = GW_SAMPLE_ID - GW_SAMPLE_BITS / 4; i < GW_SAMPLE_ID; i++) {
        c = id[i];
        number = number << 4 | (unsigned) (c <= '9' ? c - '0' : c - 'a' + 10);
    }

    return number;
}
