/* SPDX-License-Identifier: BSD-2-Clause */

/* DER (X.690): lengths must have the shortest form; nested elements */

#include <string.h>

#include "gw_der.h"
#include "tap.h"


#define lit(s)  (const unsigned char *) s, sizeof(s) - 1


static const struct {
    const unsigned char  *bytes;
    size_t                len;
    int                   good;
    const char           *what;
} elements[] = {
    { lit(""), 1, "nothing" },
    { lit("\x02\x01\x00"), 1, "an integer" },
    { lit("\x02\x01\x00\x05\x00"), 1, "two elements" },
    { lit("\x30\x00"), 1, "an empty list" },
    { lit("\x30\x03\x02\x01\x00"), 1, "a list of one" },
    { lit("\x04\x02\x81\x01"), 1, "contents that look like a length" },
    { lit("\x02"), 0, "a tag alone" },
    { lit("\x02\x01"), 0, "a length beyond the end" },
    { lit("\x02\x01\x00\x00"), 0, "a byte behind the element" },
    { lit("\x30\x01\x02"), 0, "a byte in a list" },
    { lit("\x30\x03\x02\x02\x00"), 0, "a length beyond the end of the list" },
    { lit("\x30\x04\x02\x81\x01\x00"), 0, "a longer form in a list" },
    { lit("\x02\x81\x01\x00"), 0, "a longer form" },
    { lit("\x02\x81"), 0, "a longer form that is cut off" },
    { lit("\x30\x80\x00\x00"), 0, "the indefinite form" },
    { lit("\x02\xff\x00"), 0, "the reserved form" },
    { lit("\x04\x84\x00\x00\x00\x00"), 0, "a length of four bytes" },
    { lit("\x1f\x01\x00"), 0, "a tag of several bytes" }
};


static void
test_strict(void)
{
    size_t  i;

    for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        is_int(gw_der_strict(elements[i].bytes, elements[i].len),
               elements[i].good, "%s", elements[i].what);
    }
}


/* an octet string of "len" bytes whose length has "n" more bytes */

static int
form(size_t len, unsigned n)
{
    unsigned              i;
    size_t                size, got;
    static unsigned char  buf[0x20000];
    const unsigned char  *p, *data;

    memset(buf, 0, sizeof(buf));

    buf[0] = GW_DER_OCTET_STRING;
    buf[1] = (unsigned char) (n ? 0x80 | n : len);

    for (i = 0; i < n; i++) {
        buf[2 + i] = (unsigned char) (len >> 8 * (n - 1 - i));
    }

    size = 2 + n + len;
    p = buf;

    is_int(gw_der_read(&p, buf + size, GW_DER_OCTET_STRING, &data, &got) == 0,
           gw_der_strict(buf, size), "%u bytes, %u of length: both agree",
           (unsigned) len, n);

    return gw_der_strict(buf, size);
}


static void
test_lengths(void)
{
    is_int(form(0, 0), 1, "0 in the short form");
    is_int(form(0, 1), 0, "0 in one byte more");
    is_int(form(127, 0), 1, "127 in the short form");
    is_int(form(127, 1), 0, "127 in one byte more");
    is_int(form(128, 1), 1, "128 in one byte");
    is_int(form(128, 2), 0, "128 in two");
    is_int(form(255, 1), 1, "255 in one byte");
    is_int(form(255, 2), 0, "255 in two");
    is_int(form(256, 2), 1, "256 in two bytes");
    is_int(form(256, 3), 0, "256 in three");
    is_int(form(65535, 2), 1, "65535 in two bytes");
    is_int(form(65535, 3), 0, "65535 in three");
    is_int(form(65536, 3), 1, "65536 in three bytes");
}


/* nested lists */

static int
nested(int levels)
{
    int            i;
    unsigned char  buf[2 * (GW_DER_DEPTH + 2)];

    for (i = 0; i < levels; i++) {
        buf[2 * i] = GW_DER_SEQUENCE;
        buf[2 * i + 1] = (unsigned char) (2 * (levels - 1 - i));
    }

    return gw_der_strict(buf, (size_t) (2 * levels));
}


int
main(void)
{
    test_strict();
    test_lengths();

    is_int(nested(GW_DER_DEPTH - 1), 1, "lists in lists, as deep as may be");
    is_int(nested(GW_DER_DEPTH), 0, "lists in lists, one too deep");

    return done_testing();
}
