/* SPDX-License-Identifier: BSD-2-Clause */

/* figures: valid and invalid ones; SipHash's test vectors */

#include <stdio.h>
#include <string.h>

#include "gw_figure.h"
#include "gw_siphash.h"
#include "gw_text.h"
#include "tap.h"


static const struct {
    gw_figure_kind_e   kind;
    const char        *text;
    long long          amount;      /* -1: invalid */
    gw_figure_unit_e   unit;
} figures[] = {
    { GW_FIGURE_RATE, "10r/s", 10, GW_FIGURE_SECOND },
    { GW_FIGURE_RATE, "100r/m", 100, GW_FIGURE_MINUTE },
    { GW_FIGURE_RATE, "7r/h", 7, GW_FIGURE_HOUR },
    { GW_FIGURE_RATE, "1r/d", 1, GW_FIGURE_DAY },
    { GW_FIGURE_RATE, "0r/s", 0, GW_FIGURE_SECOND },
    { GW_FIGURE_RATE, "0010r/s", 10, GW_FIGURE_SECOND },
    { GW_FIGURE_RATE, "1000000000000r/s", 1000000000000LL, GW_FIGURE_SECOND },
    { GW_FIGURE_RATE, "1000000000001r/s", -1, 0 },
    { GW_FIGURE_RATE, "99999999999999999999999r/s", -1, 0 },
    { GW_FIGURE_RATE, "10", -1, 0 },
    { GW_FIGURE_RATE, "10 r/s", -1, 0 },
    { GW_FIGURE_RATE, " 10r/s", -1, 0 },
    { GW_FIGURE_RATE, "10r/s ", -1, 0 },
    { GW_FIGURE_RATE, "10R/s", -1, 0 },
    { GW_FIGURE_RATE, "10r/w", -1, 0 },
    { GW_FIGURE_RATE, "10r/sec", -1, 0 },
    { GW_FIGURE_RATE, "r/s", -1, 0 },
    { GW_FIGURE_RATE, "-1r/s", -1, 0 },
    { GW_FIGURE_RATE, "+1r/s", -1, 0 },
    { GW_FIGURE_RATE, "1.5r/s", -1, 0 },
    { GW_FIGURE_RATE, "10/month", -1, 0 },
    { GW_FIGURE_RATE, "", -1, 0 },
    { GW_FIGURE_QUOTA, "1/minute", 1, GW_FIGURE_MINUTE },
    { GW_FIGURE_QUOTA, "2/hour", 2, GW_FIGURE_HOUR },
    { GW_FIGURE_QUOTA, "3/day", 3, GW_FIGURE_DAY },
    { GW_FIGURE_QUOTA, "4/week", 4, GW_FIGURE_WEEK },
    { GW_FIGURE_QUOTA, "5/month", 5, GW_FIGURE_MONTH },
    { GW_FIGURE_QUOTA, "0/month", 0, GW_FIGURE_MONTH },
    { GW_FIGURE_QUOTA, "5/year", -1, 0 },
    { GW_FIGURE_QUOTA, "5/months", -1, 0 },
    { GW_FIGURE_QUOTA, "5r/m", -1, 0 },
    { GW_FIGURE_QUOTA, "/month", -1, 0 },
    { GW_FIGURE_NUMBER, "0", 0, GW_FIGURE_SECOND },
    { GW_FIGURE_NUMBER, "20", 20, GW_FIGURE_SECOND },
    { GW_FIGURE_NUMBER, "20x", -1, 0 },
    { GW_FIGURE_NUMBER, "0x20", -1, 0 },
    { GW_FIGURE_NUMBER, "", -1, 0 }
};


static void
test_figures(void)
{
    int          rc;
    size_t       i;
    gw_figure_t  figure;

    for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        rc = gw_figure_parse(figures[i].kind,
                             (const unsigned char *) figures[i].text,
                             strlen(figures[i].text), &figure);

        if (figures[i].amount < 0) {
            is_int(rc, -1, "\"%s\" is refused", figures[i].text);
            continue;
        }

        is_int(rc, 0, "\"%s\" is a figure", figures[i].text);
        is_int((long long) figure.amount, figures[i].amount, "  its amount");
        is_int(figure.unit, figures[i].unit, "  its unit");
    }

    is_int(gw_figure_parse(GW_FIGURE_NUMBER, (const unsigned char *) "1\0", 2,
                           &figure), -1, "a NUL is part of the text");

    ok(strstr(gw_figure_form(GW_FIGURE_QUOTA), "1000/month") != NULL,
       "a kind has an example");
}


/* from the paper's reference implementation, vectors.h: 128 bits of output */

static void
test_siphash(void)
{
    size_t         i;
    uint64_t       secret[2], hash[2];
    unsigned char  bytes[16], in[64];

    static const struct {
        size_t       len;
        const char  *hex;
    } vectors[] = {
        { 0,  "a3817f04ba25a8e66df67214c7550293" },
        { 1,  "da87c1d86b99af44347659119b22fc45" },
        { 7,  "a1f1ebbed8dbc153c0b84aa61ff08239" },
        { 8,  "3b62a9ba6258f5610f83e264f31497b4" },
        { 15, "5493e99933b0a8117e08ec0f97cfc3d9" }
    };

    for (i = 0; i < sizeof(in); i++) {
        in[i] = (unsigned char) i;
    }

    memcpy(secret, in, 16);

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char    hex[33];
        size_t  k;

        gw_siphash(secret, in, vectors[i].len, hash);
        memcpy(bytes, hash, 16);

        for (k = 0; k < 16; k++) {
            snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
        }

        is_str(hex, vectors[i].hex, "SipHash-2-4 of %zu bytes",
               vectors[i].len);
    }
}


static void
test_decimal(void)
{
    size_t         i;
    char           expected[32];
    unsigned char  text[GW_TEXT_DECIMAL + 1], *end;

    static const uint64_t  numbers[] = {
        0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 1234567, 10000000000ULL,
        UINT64_MAX / 10, UINT64_MAX
    };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        end = gw_text_decimal(text, numbers[i]);
        *end = '\0';

        snprintf(expected, sizeof(expected), "%llu",
                 (unsigned long long) numbers[i]);
        is_str((char *) text, expected, "%s in decimal", expected);
    }
}


int
main(void)
{
    test_figures();
    test_decimal();
    test_siphash();

    return done_testing();
}
