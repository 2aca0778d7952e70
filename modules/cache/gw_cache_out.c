/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_out.h"

#include <string.h>


void
gw_cache_out_init(gw_cache_out_t *out, unsigned char *p, size_t size)
{
    out->p = p;
    out->end = p + size;
    out->full = 0;
}


void
gw_cache_put(gw_cache_out_t *out, const unsigned char *data, size_t len)
{
    if ((size_t) (out->end - out->p) < len) {
        out->full = 1;
        return;
    }

    if (len) {
        memcpy(out->p, data, len);
        out->p += len;
    }
}


void
gw_cache_put_byte(gw_cache_out_t *out, unsigned char c)
{
    if (out->p == out->end) {
        out->full = 1;
        return;
    }

    *out->p++ = c;
}


void
gw_cache_put_lower(gw_cache_out_t *out, const unsigned char *data, size_t len)
{
    size_t         i;
    unsigned char  c, *p;

    if ((size_t) (out->end - out->p) < len) {
        out->full = 1;
        return;
    }

    p = out->p;

    for (i = 0; i < len; i++) {
        c = data[i];
        p[i] = (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
    }

    out->p += len;
}
