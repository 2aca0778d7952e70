/* SPDX-License-Identifier: BSD-2-Clause */

/* base64url: each value has exactly one text */

#include <stdlib.h>
#include <string.h>

#include "gw_base64url.h"
#include "tap.h"


/* RFC 4648, 10, and two bytes whose base64 differs */

static const struct {
    const char  *bytes;
    const char  *text;
} good[] = {
    { "",       "" },
    { "f",      "Zg" },
    { "fo",     "Zm8" },
    { "foo",    "Zm9v" },
    { "foob",   "Zm9vYg" },
    { "fooba",  "Zm9vYmE" },
    { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xbf", "-_-_" }
};


static const struct {
    const char  *text;
    const char  *what;
} bad[] = {
    { "Z",        "one character" },
    { "Zm9vY",    "4n + 1 characters" },
    { "Zg==",     "padding" },
    { "Zm8=",     "padding of one" },
    { "Zm9v=",    "padding after a whole group" },
    { "=",        "nothing but padding" },
    { "Zh",       "unused bits after one byte" },
    { "Zn",       "the lowest of four unused bits" },
    { "Zm9",      "unused bits after two bytes" },
    { "Zm+v",     "a plus sign" },
    { "Zm/v",     "a slash" },
    { "Zm v",     "a blank" },
    { "Zm9v\n",   "a line feed at the end" },
    { "Zm9v\r\n", "a line end at the end" },
    { "\tZm9",    "a tab at the start" },
    { "Zm?v",     "a question mark" },
    { "Zm\x80v",  "a byte beyond ASCII" },
    { "Zm\xffv",  "the last byte" },
    { "Zm.v",     "a dot" },
    { "Z*",       "a bad character in a tail of two" },
    { "Zm*",      "a bad character in a tail of three" }
};


/* memory of the exact size: a sanitizer detects an overrun */

static int
decode(const char *text, size_t n, unsigned char **bytes, size_t *len)
{
    int             rc;
    unsigned char  *src;

    src = malloc(n ? n : 1);
    memcpy(src, text, n);

    *bytes = malloc(gw_base64url_decoded_size(n));
    rc = gw_base64url_decode(*bytes, len, src, n);

    free(src);

    return rc;
}


static void
test_tables(void)
{
    int             rc;
    size_t          i, len;
    unsigned char  *bytes, text[16];

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        rc = decode(good[i].text, strlen(good[i].text), &bytes, &len);

        ok(rc == 0 && len == strlen(good[i].bytes)
           && memcmp(bytes, good[i].bytes, len) == 0,
           "decodes \"%s\"", good[i].text);
        free(bytes);

        len = gw_base64url_encode(text, (const unsigned char *) good[i].bytes,
                                  strlen(good[i].bytes));
        is_bytes(text, len, good[i].text, "encodes \"%s\"", good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(decode(bad[i].text, strlen(bad[i].text), &bytes, &len), -1,
               "rejects %s", bad[i].what);
        free(bytes);
    }

    is_int(decode("Zm\0v", 4, &bytes, &len), -1, "rejects a NUL");
    free(bytes);
}


/* every byte at every position of a group */

static void
test_alphabet(void)
{
    int             c, place, accepted, wrong;
    char            text[5];
    size_t          len;
    unsigned char  *bytes, again[8];

    accepted = wrong = 0;

    for (place = 0; place < 4; place++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "AAAA", 5);
            text[place] = (char) c;

            if (decode(text, 4, &bytes, &len) == 0) {
                accepted++;
                wrong += len != 3 || gw_base64url_encode(again, bytes, 3) != 4
                         || memcmp(again, text, 4) != 0;
            }

            free(bytes);
        }
    }

    is_int(accepted, 4 * 64, "64 characters at each position");
    is_int(wrong, 0, "each is encoded to the same text");
}


static void
test_round_trip(void)
{
    int             wrong;
    size_t          n, len, text_len;
    unsigned char   bytes[200], text[300], *again;

    for (n = 0; n < sizeof(bytes); n++) {
        bytes[n] = (unsigned char) (n * 89 + 7);
    }

    wrong = 0;

    for (n = 0; n <= sizeof(bytes); n++) {
        text_len = gw_base64url_encode(text, bytes, n);

        wrong += text_len != gw_base64url_encoded_size(n)
                 || decode((char *) text, text_len, &again, &len) != 0
                 || len != n || memcmp(again, bytes, n) != 0;

        free(again);
    }

    is_int(wrong, 0, "0 to 200 bytes, encoded and decoded");
}


int
main(void)
{
    test_tables();
    test_alphabet();
    test_round_trip();

    return done_testing();
}
