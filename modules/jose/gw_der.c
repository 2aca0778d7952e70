/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A small DER writer and reader: see gw_der.h.
 */

#include <string.h>

#include "gw_der.h"


#define GW_DER_CONSTRUCTED  0x20
#define GW_DER_LONG_TAG     0x1f


static int gw_der_next(const unsigned char **p, const unsigned char *end,
    unsigned char *tag, const unsigned char **data, size_t *len);
static int gw_der_level(const unsigned char *data, size_t len, int depth);


void
gw_der_bytes(gw_der_writer_t *w, const unsigned char *data, size_t len)
{
    if (w->full || (size_t) (w->pos - w->start) < len) {
        w->full = 1;
        return;
    }

    if (len > 0) {
        w->pos -= len;
        memcpy(w->pos, data, len);
    }
}


void
gw_der_wrap(gw_der_writer_t *w, unsigned char tag, size_t from)
{
    size_t         len, n;
    unsigned char  head[2 + sizeof(size_t)], *p;

    len = gw_der_len(w) - from;
    p = head + sizeof(head);

    if (len < 0x80) {
        *--p = (unsigned char) len;

    } else {
        for (n = 0; len != 0; n++) {
            *--p = (unsigned char) len;
            len >>= 8;
        }

        *--p = (unsigned char) (0x80 | n);
    }

    gw_der_bytes(w, p, (size_t) (head + sizeof(head) - p));
    gw_der_bytes(w, &tag, 1);
}


void
gw_der_integer(gw_der_writer_t *w, const unsigned char *data, size_t len)
{
    size_t               from;
    const unsigned char  zero = 0;

    from = gw_der_len(w);

    while (len > 0 && *data == 0) {
        data++;
        len--;
    }

    gw_der_bytes(w, data, len);

    if (len == 0 || (*data & 0x80)) {
        gw_der_bytes(w, &zero, 1);
    }

    gw_der_wrap(w, GW_DER_INTEGER, from);
}


int
gw_der_read(const unsigned char **p, const unsigned char *end,
    unsigned char tag, const unsigned char **data, size_t *len)
{
    unsigned char  found;

    if (gw_der_next(p, end, &found, data, len) != 0) {
        return -1;
    }

    return (found == tag) ? 0 : -1;
}


/* X.690, 10.1: the length is definite and in the shortest form */

static int
gw_der_next(const unsigned char **p, const unsigned char *end,
    unsigned char *tag, const unsigned char **data, size_t *len)
{
    size_t                n, size;
    const unsigned char  *q;

    q = *p;

    if (end - q < 2 || (*q & GW_DER_LONG_TAG) == GW_DER_LONG_TAG) {
        return -1;
    }

    *tag = *q++;
    size = *q++;

    if (size & 0x80) {
        n = size & 0x7f;

        if (n == 0 || n > 3 || (size_t) (end - q) < n || *q == 0) {
            return -1;
        }

        for (size = 0; n > 0; n--) {
            size = size << 8 | *q++;
        }

        if (size < 0x80) {
            return -1;
        }
    }

    if ((size_t) (end - q) < size) {
        return -1;
    }

    *data = q;
    *len = size;
    *p = q + size;

    return 0;
}


int
gw_der_strict(const unsigned char *data, size_t len)
{
    return gw_der_level(data, len, 1);
}


static int
gw_der_level(const unsigned char *data, size_t len, int depth)
{
    size_t                size;
    unsigned char         tag;
    const unsigned char  *end, *inner;

    if (depth > GW_DER_DEPTH) {
        return 0;
    }

    end = data + len;

    while (data < end) {

        if (gw_der_next(&data, end, &tag, &inner, &size) != 0) {
            return 0;
        }

        if ((tag & GW_DER_CONSTRUCTED)
            && !gw_der_level(inner, size, depth + 1))
        {
            return 0;
        }
    }

    return 1;
}
