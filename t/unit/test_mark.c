/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Marks: equal for equal texts only, up to 16 bytes, and spread over a table for
 * names as people choose them.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_mark.h"
#include "tap.h"


#define TEXTS  100
#define TABLE  256


/* names that are counted up */

static const char *const  names[] = {
    "%d", "%02d", "%03d", "%04d", "%08d", "a%d", "c%03d", "%d-eu", "x%dy",
    "user%d", "user-%d", "team_%d", "tenant.%d", "acme-%d-prod", "client.%04d",
    "consumer%d", "consumer-%d", "customer%02d", "customer%04d",
    "user%d@example", "user%d@mail.example.com", "0000000000%06d",
    "organization-%d-production-environment", "%d-organization-production",
    "00000000-0000-4000-8000-%012d", "%08d-0000-4000-8000-000000000000",
    "prefix of some length %d and a suffix of the same length"
};


static gw_mark_t
mark_of(const char *text)
{
    return gw_mark((const unsigned char *) text, strlen(text));
}


/* entries visited to find a text, on average */

static double
visited(const char *name)
{
    char      text[128];
    unsigned  i, at, sum, used[TABLE] = { 0 };

    sum = 0;

    for (i = 0; i < TEXTS; i++) {
        snprintf(text, sizeof(text), name, (int) i);

        for (at = mark_of(text).hash; used[at % TABLE]; at++) {
            sum++;
        }

        used[at % TABLE] = 1;
        sum++;
    }

    return (double) sum / TEXTS;
}


/* a text of "len" bytes, and the same with one byte changed */

static void
differ(size_t len)
{
    char      text[64], other[64];
    size_t    i;
    unsigned  bit, same, hash;

    for (i = 0; i < len; i++) {
        text[i] = (char) rand();
    }

    same = hash = 0;

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(other, text, len);
            other[i] ^= (char) (1 << bit);

            same += gw_mark_same(gw_mark((unsigned char *) text, len),
                                 gw_mark((unsigned char *) other, len)) != 0;
            hash += gw_mark((unsigned char *) text, len).hash
                    == gw_mark((unsigned char *) other, len).hash;
        }
    }

    if (len <= GW_MARK_MAX) {
        is_int(same, 0, "%zu bytes: each bit is in the mark", len);
    }

    is_int(hash, 0, "%zu bytes: and in the hash", len);

    memcpy(other, text, len);
    ok(gw_mark_same(gw_mark((unsigned char *) text, len),
                    gw_mark((unsigned char *) other, len)),
       "%zu bytes: equal texts have equal marks", len);
}


int
main(void)
{
    size_t    len;
    double    n;
    unsigned  i;

    srand(1);

    for (len = 1; len <= 40; len++) {
        differ(len);
    }

    ok(!gw_mark_same(mark_of("a"), mark_of("aa")), "a is not aa");
    ok(!gw_mark_same(mark_of("aa"), mark_of("aaa")), "aa is not aaa");
    ok(!gw_mark_same(mark_of("aaaaaaaa"), mark_of("aaaaaaaaa")),
       "nor is any other number");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n = visited(names[i]);
        ok(n < 2, "\"%s\": %.2f entries are visited to find one", names[i], n);
    }

    return done_testing();
}
