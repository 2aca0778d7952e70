/* SPDX-License-Identifier: BSD-2-Clause */

/* ratios, and the traces that a ratio samples */

#include <stdio.h>
#include <string.h>

#include "gw_sample.h"
#include "gw_text.h"
#include "tap.h"


static const struct {
    const char  *text;
    uint64_t     threshold;
} ratios[] = {
    { "0", GW_SAMPLE_NONE },
    { "0.0", GW_SAMPLE_NONE },
    { "1", GW_SAMPLE_ALL },
    { "1.0", GW_SAMPLE_ALL },
    { "01", GW_SAMPLE_ALL },
    { "1.000000000", GW_SAMPLE_ALL },
    { "0.5", (uint64_t) 1 << 55 },
    { "0.25", (uint64_t) 3 << 54 },
    { "0.75", (uint64_t) 1 << 54 },
    { "0.500000000", (uint64_t) 1 << 55 }
};


static const char *const  wrong[] = {
    "", ".", ".5", "1.", "0.", "1.1", "1.000000001", "2", "10", "-1", "+1",
    "0.5.", "0.5.5", "0,5", "50%", "1e-1", " 1", "1 ", "0x1", "off",
    "0.0000000001", "1.0000000000", "99999999999999999999999999"
};


static uint64_t
threshold_of(const char *text)
{
    uint64_t  threshold;

    threshold = 42;

    return gw_sample_parse((const unsigned char *) text, strlen(text),
                           &threshold) == 0 ? threshold : 43;
}


int
main(void)
{
    size_t               i, k;
    uint64_t             half, small;
    char                 digits[17];
    unsigned             wrong_bytes;
    unsigned char        text[16], bytes[8];

    static const unsigned char  id[] = "ffffffffffffffffff8000000000af90";

    for (i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
        ok(threshold_of(ratios[i].text) == ratios[i].threshold, "\"%s\"",
           ratios[i].text);
    }

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ok(threshold_of(wrong[i]) == 43, "\"%s\" is refused", wrong[i]);
    }

    small = threshold_of("0.000000001");
    ok(small < GW_SAMPLE_NONE && small > GW_SAMPLE_NONE - 80000000,
       "the least ratio");
    ok(threshold_of("0.999999999") > 0, "the greatest ratio below 1");

    ok(gw_sample_number(id) == ((uint64_t) 1 << 55 | 0xaf90),
       "the number of an id is that of its last 7 bytes");

    half = threshold_of("0.5");
    ok(gw_sampled(half, half), "the first number of a half");
    ok(!gw_sampled(half - 1, half), "the one below it");
    ok(gw_sampled(0, GW_SAMPLE_ALL), "number 0 is sampled by ratio 1");
    ok(!gw_sampled(GW_SAMPLE_NONE - 1, GW_SAMPLE_NONE),
       "the greatest number is not sampled by ratio 0");

    for (i = 0, wrong_bytes = 0; i < 65536; i++) {
        bytes[0] = bytes[3] = bytes[4] = bytes[6] = (unsigned char) (i >> 8);
        bytes[1] = bytes[2] = bytes[5] = bytes[7] = (unsigned char) i;

        for (k = 0; k < 8; k++) {
            sprintf(digits + 2 * k, "%02x", bytes[k]);
        }

        wrong_bytes += (gw_text_hex(text, bytes, 8) != text + 16
                        || memcmp(text, digits, 16) != 0);
    }

    is_int(wrong_bytes, 0, "the digits of all pairs of bytes");
    ok(gw_text_hex(text, bytes, 0) == text, "the digits of no bytes");

    return done_testing();
}
