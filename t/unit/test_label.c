/* SPDX-License-Identifier: BSD-2-Clause */

/* label values: valid UTF-8 of at most 128 bytes */

#include <string.h>

#include "gw_label.h"
#include "tap.h"


static void
cleans(const char *value, size_t len, const char *expected, const char *name)
{
    size_t         n;
    unsigned char  to[GW_LABEL_MAX];

    n = gw_label_clean(to, (const unsigned char *) value, len);
    is_bytes(to, n, expected, "%s", name);
}

#define clean(value, expected, name)                                          \
    cleans(value, sizeof(value) - 1, expected, name)

#define BAD  "\xEF\xBF\xBD"


static void
test_utf8(void)
{
    clean("", "", "empty");
    clean("acme", "acme", "ASCII");
    clean("\"\\", "\"\\", "what formats escape");
    clean("a\n\tb\x1B\x7F", "a" BAD BAD "b" BAD BAD, "control characters");
    clean("\xC2\x9B\xC2\xA0", BAD BAD "\xC2\xA0", "and those of two bytes");
    clean("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
          "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "2, 3 and 4 bytes");
    clean("\x80", BAD, "a byte that continues");
    clean("a\xFFz", "a" BAD "z", "a byte of no character");
    clean("\xC0\xAF", BAD BAD, "a long form");
    clean("\xE0\x80\xAF", BAD BAD BAD, "a long form of 3 bytes");
    clean("\xF0\x80\x80\xAF", BAD BAD BAD BAD, "a long form of 4");
    clean("\xED\xA0\x80", BAD BAD BAD, "a surrogate");
    clean("\xED\x9F\xBF", "\xED\x9F\xBF", "the last one before them");
    clean("\xF4\x90\x80\x80", BAD BAD BAD BAD, "above U+10FFFF");
    clean("\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF", "U+10FFFF");
    clean("\xE2\x82", BAD BAD, "an end inside a character");
    clean("\xE2\x82z", BAD BAD "z", "another byte inside a character");
}


static void
test_length(void)
{
    size_t         n, other;
    char           value[1000];
    unsigned char  to[GW_LABEL_MAX], also[GW_LABEL_MAX];

    memset(value, 'x', sizeof(value));

    is_int(gw_label_clean(to, (unsigned char *) value, 128), 128,
           "128 bytes are kept");
    is_int(to[127], 'x', "all of them");

    n = gw_label_clean(to, (unsigned char *) value, 129);
    is_int(n, 128, "129 bytes are cut");
    is_int(to[118], 'x', "after 119 bytes");
    is_int(to[119], '~', "a mark");

    other = gw_label_clean(also, (unsigned char *) value, 130);
    is_int(other, n, "a longer one is as long");
    ok(memcmp(to, also, n) != 0, "and another value");

    value[900] = 'y';
    (void) gw_label_clean(to, (unsigned char *) value, 1000);
    value[900] = 'z';
    (void) gw_label_clean(also, (unsigned char *) value, 1000);
    ok(memcmp(to, also, 128) != 0, "the hash is that of all bytes");

    /* 118 bytes, and a character that does not fit into 119 */

    memset(value, 'x', 118);
    memset(value + 118, '\xC3', 1);
    memset(value + 119, '\xA9', 1);
    memset(value + 120, 'x', 20);
    n = gw_label_clean(to, (unsigned char *) value, 140);
    is_int(n, 127, "no half character");
    is_int(to[118], '~', "the mark is where it began");

    /* the length after replacement counts */

    memset(value, '\xFF', 43);
    n = gw_label_clean(to, (unsigned char *) value, 42);
    is_int(n, 126, "42 bad bytes are kept");
    n = gw_label_clean(to, (unsigned char *) value, 43);
    is_int(n, 117 + 9, "43 are cut");
}


int
main(void)
{
    test_utf8();
    test_length();

    return done_testing();
}
