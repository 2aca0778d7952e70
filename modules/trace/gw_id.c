/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_id.h"

#include <string.h>

#include "gw_text.h"


/*
 * RFC 9562, 6.2, method 1: the 12 bits of rand_a count the ids of a
 * millisecond.  The counter starts at a random number whose first bit is 0, so
 * that it has room for at least 2048 ids.  If it is full, the time of the ids
 * runs ahead of the clock.
 */

void
gw_id_uuid(unsigned char text[GW_ID_UUID], gw_id_last_t *last, uint64_t ms,
    const unsigned char random[GW_ID_RANDOM])
{
    unsigned       i;
    unsigned char  uuid[16], digits[32];

    if (ms <= last->ms && last->count < 0xfff) {
        last->count++;

    } else {
        last->ms = (ms > last->ms) ? ms : last->ms + 1;
        last->count = (random[0] & 7u) << 8 | random[1];
    }

    for (i = 0; i < 6; i++) {
        uuid[i] = (unsigned char) (last->ms >> (40 - 8 * i));
    }

    uuid[6] = (unsigned char) (0x70 | last->count >> 8);
    uuid[7] = (unsigned char) last->count;

    memcpy(uuid + 8, random + 2, 8);
    uuid[8] = (uuid[8] & 0x3f) | 0x80;

    (void) gw_text_hex(digits, uuid, 16);

    memcpy(text, digits, 8);
    text[8] = '-';
    memcpy(text + 9, digits + 8, 4);
    text[13] = '-';
    memcpy(text + 14, digits + 12, 4);
    text[18] = '-';
    memcpy(text + 19, digits + 16, 4);
    text[23] = '-';
    memcpy(text + 24, digits + 20, 12);
}


int
gw_id_valid(const unsigned char *text, size_t len)
{
    size_t         i;
    unsigned char  c;

    if (len == 0 || len > GW_ID_MAX) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = text[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9'))
        {
            continue;
        }

        if (c == '\0' || strchr("._~+/=:-", c) == NULL) {
            return 0;
        }
    }

    return 1;
}
