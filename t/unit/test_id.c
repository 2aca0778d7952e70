/* SPDX-License-Identifier: BSD-2-Clause */

/* request ids: ascending UUIDs, and valid ids of clients */

#include <stdio.h>
#include <string.h>

#include "gw_id.h"
#include "gw_random.h"
#include "tap.h"


static const unsigned char  zeroes[GW_ID_RANDOM];
static const unsigned char  ones[GW_ID_RANDOM] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};


static void
test_layout(void)
{
    gw_id_last_t   last;
    unsigned char  text[GW_ID_UUID];

    memset(&last, 0, sizeof(gw_id_last_t));
    gw_id_uuid(text, &last, 0x017f22e279b0ULL, zeroes);
    is_bytes(text, sizeof(text), "017f22e2-79b0-7000-8000-000000000000",
             "random bytes of zeroes");

    memset(&last, 0, sizeof(gw_id_last_t));
    gw_id_uuid(text, &last, 0x017f22e279b0ULL, ones);
    is_bytes(text, sizeof(text), "017f22e2-79b0-77ff-bfff-ffffffffffff",
             "random bytes of ones: half of the counter is left");
}


static void
test_clock(void)
{
    gw_id_last_t   last;
    unsigned char  text[GW_ID_UUID];

    memset(&last, 0, sizeof(gw_id_last_t));

    gw_id_uuid(text, &last, 1000, ones);
    gw_id_uuid(text, &last, 1000, zeroes);
    is_bytes(text, 18, "00000000-03e8-7800", "the clock stands still");

    gw_id_uuid(text, &last, 900, zeroes);
    is_bytes(text, 18, "00000000-03e8-7801", "the clock is set back");

    gw_id_uuid(text, &last, 1001, zeroes);
    is_bytes(text, 18, "00000000-03e9-7000", "the clock advances");

    last.count = 0xffe;
    gw_id_uuid(text, &last, 1001, zeroes);
    is_bytes(text, 18, "00000000-03e9-7fff", "the last id of a millisecond");

    gw_id_uuid(text, &last, 1001, zeroes);
    is_bytes(text, 18, "00000000-03ea-7000",
             "one more id uses the next millisecond");

    gw_id_uuid(text, &last, 1002, zeroes);
    is_bytes(text, 18, "00000000-03ea-7001",
             "the clock reaches this millisecond");
}


/* 20000 ids, with a clock that stands still, is set back and continues */

static void
test_ascending(void)
{
    unsigned        i, wrong, odd;
    uint64_t        ms;
    gw_id_last_t    last;
    gw_random_t     random;
    unsigned char   text[GW_ID_UUID], before[GW_ID_UUID];

    memset(&last, 0, sizeof(gw_id_last_t));
    memset(&random, 0, sizeof(gw_random_t));
    memset(before, 0, sizeof(before));

    wrong = 0;
    odd = 0;
    ms = 1700000000000ULL;

    for (i = 0; i < 20000; i++) {
        if (i > 10000) {
            ms += i % 3;
        }

        gw_id_uuid(text, &last, i % 1000 == 7 ? ms - 86400000 : ms,
                   gw_random(&random, GW_ID_RANDOM));

        wrong += (memcmp(before, text, GW_ID_UUID) >= 0);
        odd += (text[14] != '7' || strchr("89ab", text[19]) == NULL);
        memcpy(before, text, GW_ID_UUID);
    }

    is_int(wrong, 0, "each id is greater than the one before it");
    is_int(odd, 0, "each has the version and the variant");
}


static void
test_valid(void)
{
    int            c, valid;
    unsigned char  text[GW_ID_MAX + 1];

    for (c = 0; c < 256; c++) {
        valid = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z') || (c && strchr("._~+/=:-", c));

        text[0] = 'a';
        text[1] = (unsigned char) c;
        text[2] = 'z';

        if (gw_id_valid(text, 3) != valid || gw_id_valid(text + 1, 1) != valid)
        {
            ok(0, "byte %d", c);
        }
    }

    ok(1, "all bytes");

    memset(text, 'a', sizeof(text));
    ok(gw_id_valid(text, 1), "1 byte");
    ok(gw_id_valid(text, GW_ID_MAX), "128 bytes");
    ok(!gw_id_valid(text, GW_ID_MAX + 1), "129 bytes");
    ok(!gw_id_valid(text, 0), "nothing");
}


static void
test_random(void)
{
    unsigned              i;
    gw_random_t           random;
    unsigned char         first[16], copy[16];
    const unsigned char  *p;

    memset(&random, 0, sizeof(gw_random_t));

    memcpy(first, gw_random(&random, 16), 16);
    is_int(random.left, GW_RANDOM - 16, "random bytes are read in advance");

    p = gw_random(&random, 16);
    ok(memcmp(first, p, 16) != 0, "bytes are used once");

    memcpy(copy, random.bytes, 16);
    gw_random_forget(&random);
    memcpy(first, gw_random(&random, 16), 16);
    is_int(random.left, GW_RANDOM - 16, "a new process reads new bytes");
    ok(memcmp(copy, random.bytes, 16) != 0,
       "the bytes of a new process differ");

    for (i = 1; i < GW_RANDOM / 16; i++) {
        p = gw_random(&random, 16);
    }

    ok(p == random.bytes && random.left == 0, "all bytes are used");

    p = gw_random(&random, 16);
    is_int(random.left, GW_RANDOM - 16, "the next bytes are read");
}


int
main(void)
{
    test_layout();
    test_clock();
    test_ascending();
    test_valid();
    test_random();

    return done_testing();
}
