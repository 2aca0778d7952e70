/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON strings made of any bytes, and numbers.  With an argument, the program
 * prints a line for each text: its bytes in hexadecimal, a tab, and the JSON
 * string.  t/unit/log_json.t compares these with another decoder.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_log_json.h"
#include "tap.h"


#define TEXT(s)  { sizeof(s) - 1, (const unsigned char *) s }


static const struct {
    gw_text_t    text;
    const char  *json;
} strings[] = {
    { TEXT(""), "" },
    { TEXT("plain"), "plain" },
    { TEXT("exactly8"), "exactly8" },
    { TEXT("more than eight bytes"), "more than eight bytes" },
    { TEXT("a\"b\\c/d"), "a\\\"b\\\\c/d" },
    { TEXT("\b\t\n\v\f\r"), "\\b\\t\\n\\u000b\\f\\r" },
    { TEXT("\0\x01\x1f\x20\x7e\x7f"), "\\u0000\\u0001\\u001f ~\\u007f" },
    { TEXT("1234567\"1234567\\12345678\x7f"),
      "1234567\\\"1234567\\\\12345678\\u007f" },

    /* Unicode 15, table 3-8: maximal subparts */
    { TEXT("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64"),
      "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" "b\xef\xbf\xbd" "c"
      "\xef\xbf\xbd\xef\xbf\xbd" "d" },

    /* both sides of each boundary */
    { TEXT("\xc1\xbf"), "\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xc2\x80"), "\xc2\x80" },
    { TEXT("\xdf\xbf"), "\xdf\xbf" },
    { TEXT("\xe0\x9f\xbf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xe0\xa0\x80"), "\xe0\xa0\x80" },
    { TEXT("\xed\x9f\xbf"), "\xed\x9f\xbf" },
    { TEXT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xed\xbf\xbf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xee\x80\x80"), "\xee\x80\x80" },
    { TEXT("\xf0\x8f\xbf\xbf"),
      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80" },
    { TEXT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
    { TEXT("\xf4\x90\x80\x80"),
      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    { TEXT("\xf5"), "\xef\xbf\xbd" },
    { TEXT("\xff"), "\xef\xbf\xbd" },

    /* characters that some programs treat as line ends, and their neighbours */
    { TEXT("a\xe2\x80\xa8" "b"), "a\\u2028b" },
    { TEXT("\xe2\x80\xa9"), "\\u2029" },
    { TEXT("\xc2\x85"), "\\u0085" },
    { TEXT("\xe2\x80\xa7\xe2\x80\xaa\xe2\x81\xa8\xe3\x80\xa8"),
      "\xe2\x80\xa7\xe2\x80\xaa\xe2\x81\xa8\xe3\x80\xa8" },
    { TEXT("\xc2\x84\xc2\x86\xc3\x85"), "\xc2\x84\xc2\x86\xc3\x85" },
    { TEXT("12345678\xe2\x80\xa8" "12345678"), "12345678\\u202812345678" },

    /* a truncated character at the end */
    { TEXT("\xe2\x80"), "\xef\xbf\xbd" },
    { TEXT("\xf0\x90\x80"), "\xef\xbf\xbd" },
    { TEXT("\xe2\x82"), "\xef\xbf\xbd" },
    { TEXT("\xc3"), "\xef\xbf\xbd" },
};


static const struct {
    gw_text_t  text;
    int        is_int;
    int        is_number;
    int        boolean;
} values[] = {
    { TEXT("0"), 1, 1, 0 },
    { TEXT("1"), 1, 1, 1 },
    { TEXT("-1"), 1, 1, -1 },
    { TEXT("-0"), 1, 1, -1 },
    { TEXT("10"), 1, 1, -1 },
    { TEXT("007"), 0, 0, -1 },
    { TEXT("00"), 0, 0, -1 },
    { TEXT("+1"), 0, 0, -1 },
    { TEXT("-"), 0, 0, -1 },
    { TEXT(""), 0, 0, -1 },
    { TEXT(" 1"), 0, 0, -1 },
    { TEXT("1 "), 0, 0, -1 },
    { TEXT("1\0"), 0, 0, -1 },
    { TEXT("9223372036854775807"), 1, 1, -1 },
    { TEXT("9223372036854775808"), 0, 1, -1 },
    { TEXT("-9223372036854775807"), 1, 1, -1 },
    { TEXT("-9223372036854775808"), 0, 1, -1 },
    { TEXT("10000000000000000000"), 0, 1, -1 },
    { TEXT("0.123"), 0, 1, -1 },
    { TEXT("-0.5"), 0, 1, -1 },
    { TEXT("00.5"), 0, 0, -1 },
    { TEXT(".5"), 0, 0, -1 },
    { TEXT("5."), 0, 0, -1 },
    { TEXT("1.5.5"), 0, 0, -1 },
    { TEXT("1e5"), 0, 1, -1 },
    { TEXT("1E+5"), 0, 1, -1 },
    { TEXT("1.5e-5"), 0, 1, -1 },
    { TEXT("1e"), 0, 0, -1 },
    { TEXT("1e-"), 0, 0, -1 },
    { TEXT("1e307"), 0, 1, -1 },
    { TEXT("1e308"), 0, 0, -1 },
    { TEXT("1e99999999999999999999"), 0, 0, -1 },
    { TEXT("1e-99999999999999999999"), 0, 1, -1 },
    { TEXT("0x10"), 0, 0, -1 },
    { TEXT("NaN"), 0, 0, -1 },
    { TEXT("Infinity"), 0, 0, -1 },
    { TEXT("0.5, 0.1"), 0, 0, -1 },
    { TEXT("true"), 0, 0, 1 },
    { TEXT("on"), 0, 0, 1 },
    { TEXT("false"), 0, 0, 0 },
    { TEXT("off"), 0, 0, 0 },
    { TEXT("True"), 0, 0, -1 },
    { TEXT("yes"), 0, 0, -1 },
};


/* writes a string between guard bytes; returns its length */

static size_t
encode(const gw_text_t *text, size_t room, unsigned char *out, unsigned *cut)
{
    unsigned char  *end;

    memset(out, 0xaa, room + 8);
    *cut = 0;

    end = gw_log_json_string(out, out + room, text, cut);

    return (out[room] == 0xaa && end <= out + room) ? (size_t) (end - out)
                                                    : (size_t) -1;
}


/* for each size, the output is the longest part without split units */

static void
test_bounds(void)
{
    size_t           room, len, before;
    unsigned         cut;
    unsigned char    full[64], out[64];
    const gw_text_t  text = TEXT("ab\x01\xc3\xa9\xff\"12345678\xf0\x90\x80\x80");

    len = encode(&text, 48, full, &cut);
    is_int(len, 27, "bounds: all of it");
    is_int(cut, 0, "bounds: not cut");

    before = 0;

    for (room = 0; room < len; room++) {
        size_t  n = encode(&text, room, out, &cut);

        if (n > room || n < before || cut != 1 || memcmp(out, full, n) != 0
            || (n < 27 && (full[n] & 0xc0) == 0x80) || room - n > 5)
        {
            ok(0, "bounds: %zu bytes give %zu, cut %u", room, n, cut);
        }

        before = n;
    }

    ok(before == 23, "bounds: no character in part");
}


static void
print(const unsigned char *data, size_t len)
{
    size_t         i, n;
    unsigned       cut;
    gw_text_t      text;
    unsigned char  out[256];

    text.data = data;
    text.len = len;
    n = encode(&text, sizeof(out) - 8, out, &cut);

    for (i = 0; i < len; i++) {
        printf("%02x", data[i]);
    }

    printf("\t\"");
    fwrite(out, 1, n, stdout);
    printf("\"\n");
}


/* all bytes, all pairs, alone and within a text, and 100,000 random texts */

static void
print_all(void)
{
    int            i, k, n, len;
    unsigned char  text[16];
    static const unsigned char  often[] = "\x80\x8f\x90\x9f\xa0\xbf\xc2\xdf"
                                          "\xe0\xed\xee\xf0\xf4\xf5\"\\";

    for (i = 0; i < 256; i++) {
        text[0] = (unsigned char) i;
        print(text, 1);

        for (k = 0; k < 256; k++) {
            text[1] = (unsigned char) k;
            print(text, 2);
        }
    }

    srand(1);

    for (i = 0; i < 100000; i++) {
        len = rand() % (int) sizeof(text);

        for (n = 0; n < len; n++) {
            text[n] = (rand() & 1) ? often[rand() % 16]
                                   : (unsigned char) (rand() >> 3);
        }

        print(text, (size_t) len);
    }
}


int
main(int argc, char **argv)
{
    size_t         i, len;
    unsigned       cut;
    unsigned char  out[256];

    if (argc > 1 && argv[1]) {
        print_all();
        return 0;
    }

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        len = encode(&strings[i].text, 200, out, &cut);
        is_bytes(out, len, strings[i].json, "string %zu", i);
        is_int(cut, 0, "string %zu: not cut", i);
    }

    test_bounds();

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const gw_text_t  *t = &values[i].text;

        is_int(gw_log_json_is_int(t), values[i].is_int, "\"%s\": int",
               t->data);
        is_int(gw_log_json_is_number(t), values[i].is_number, "\"%s\": number",
               t->data);
        is_int(gw_log_json_bool(t), values[i].boolean, "\"%s\": bool",
               t->data);
    }

    return done_testing();
}
