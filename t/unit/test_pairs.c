/* SPDX-License-Identifier: BSD-2-Clause */

/* pairs: names and values in one text, and a truncated text */

#include <string.h>

#include "gw_pairs.h"
#include "tap.h"


#define PAIRS(text)  { sizeof(text) - 1, (const unsigned char *) text }

static const struct {
    gw_text_t    pairs;
    const char  *name;
    const char  *value;     /* NULL: there is no such name */
} finds[] = {
    { PAIRS("a\0001\000bc\00023\000"), "a", "1" },
    { PAIRS("a\0001\000bc\00023\000"), "bc", "23" },
    { PAIRS("a\0001\000bc\00023\000"), "b", NULL },
    { PAIRS("a\0001\000bc\00023\000"), "bcd", NULL },
    { PAIRS("a\0001\000bc\00023\000"), "1", NULL },
    { PAIRS("a\0001\000bc\00023\000"), "A", NULL },
    { PAIRS("a\0001\000bc\00023\000"), "", NULL },
    { PAIRS("a\0001\000a\0002\000"), "a", "1" },
    { PAIRS("a\000\000b\000a\000"), "a", "" },
    { PAIRS("a\000\000b\000a\000"), "b", "a" },
    { PAIRS("\0001\000b\0002\000"), "", "1" },
    { PAIRS(""), "a", NULL },

    /* truncated: a pair without its last NUL is ignored */
    { PAIRS("a\0001\000b\0002"), "a", "1" },
    { PAIRS("a\0001\000b\0002"), "b", NULL },
    { PAIRS("a\0001\000b\000"), "b", NULL },
    { PAIRS("a\0001\000b"), "b", NULL },
    { PAIRS("a\0001"), "a", NULL },
    { PAIRS("a\000"), "a", NULL },
    { PAIRS("a"), "a", NULL },
};


int
main(void)
{
    int        found;
    size_t     i;
    gw_text_t  value;

    for (i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
        value.len = 99;
        value.data = NULL;

        found = gw_pairs_find(&finds[i].pairs,
                              (const unsigned char *) finds[i].name,
                              strlen(finds[i].name), &value);

        is_int(found, finds[i].value != NULL, "%zu: \"%s\"", i,
               finds[i].name);

        if (found && finds[i].value) {
            is_bytes(value.data, value.len, finds[i].value, "%zu: value", i);
        }
    }

    return done_testing();
}
