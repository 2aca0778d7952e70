/* SPDX-License-Identifier: BSD-2-Clause */

/* label values: see gw_label.h */

#include <string.h>

#include "gw_label.h"
#include "gw_siphash.h"


#define GW_LABEL_CUT  119


static size_t gw_label_char(const unsigned char *p, size_t len);


size_t
gw_label_clean(unsigned char *to, const unsigned char *value, size_t len)
{
    static const uint64_t       secret[2] = { 0, 0 };
    static const unsigned char  replacement[] = "\xEF\xBF\xBD";

    size_t                i, n, k, cut;
    uint64_t              hash[2];
    const unsigned char  *from;

    cut = 0;

    for (i = 0, n = 0; i < len; /* void */ ) {
        k = gw_label_char(value + i, len - i);
        from = k ? value + i : replacement;
        i += k ? k : 1;
        k = k ? k : 3;

        if (n + k > GW_LABEL_MAX) {
            gw_siphash(secret, value, len, hash);
            to[cut++] = '~';
            return gw_text_hex(to + cut, (unsigned char *) hash, 4) - to;
        }

        memcpy(to + n, from, k);
        n += k;

        if (n <= GW_LABEL_CUT) {
            cut = n;
        }
    }

    return n;
}


/*
 * The length of the character at "p", RFC 3629, 4; 0: not UTF-8, or a byte of a
 * control character, which a terminal would obey.  The first two bytes exclude
 * long forms, surrogates and values above U+10FFFF.
 */

static size_t
gw_label_char(const unsigned char *p, size_t len)
{
    size_t         i, n;
    unsigned char  low, high;

    if (p[0] < 0x80) {
        return p[0] >= 0x20 && p[0] != 0x7F;
    }

    low = 0x80;
    high = 0xBF;

    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        n = 2;
        low = (p[0] == 0xC2) ? 0xA0 : low;      /* not U+0080 to U+009F */

    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        n = 3;
        low = (p[0] == 0xE0) ? 0xA0 : low;
        high = (p[0] == 0xED) ? 0x9F : high;

    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        n = 4;
        low = (p[0] == 0xF0) ? 0x90 : low;
        high = (p[0] == 0xF4) ? 0x8F : high;

    } else {
        return 0;
    }

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF) {
            return 0;
        }
    }

    return n;
}
