/* SPDX-License-Identifier: BSD-2-Clause */

/* the table of inactive tokens: time, endpoints, eviction */

#include <stdio.h>
#include <string.h>

#include "gw_inactive.h"
#include "tap.h"


#define ENTRIES  (GW_INACTIVE_SETS * GW_INACTIVE_WAYS)

static const uint64_t  secret[2] = { 1, 2 };


static void
add(gw_inactive_t *table, uint64_t source, const char *text, int64_t until)
{
    gw_inactive_add(table, source, (const unsigned char *) text, strlen(text),
                    until);
}


static int
has(gw_inactive_t *table, uint64_t source, const char *text, int64_t now)
{
    return gw_inactive_has(table, source, (const unsigned char *) text,
                           strlen(text), now);
}


static void
test_entry(void)
{
    gw_inactive_t  *table;

    table = gw_inactive_create(secret);

    is_int(has(table, 1, "token", 0), 0, "an empty table");
    is_int(has(table, 1, "", 0), 0, "an empty text");

    add(table, 1, "token", 100);

    is_int(has(table, 1, "token", 99), 1, "before its time is over");
    is_int(has(table, 1, "token", 100), 0, "when its time is over");
    is_int(has(table, 2, "token", 99), 0, "at another endpoint");
    is_int(has(table, 1, "tokem", 99), 0, "another token");
    is_int(has(table, 1, "toke", 99), 0, "the beginning of the token");
    is_int(has(table, 1, "token1", 99), 0, "a longer token");

    add(table, 1, "token", 200);
    is_int(has(table, 1, "token", 199), 1, "added again, for longer");

    add(table, 1, "token", 50);
    is_int(has(table, 1, "token", 50), 0, "added again, for less time");

    gw_inactive_free(table);
}


/*
 * In a full set the entry that expires first is replaced: new ones that expire
 * earlier replace each other.
 */

static void
test_full(void)
{
    int             i, found, evicted;
    char            text[16];
    gw_inactive_t  *table;

    table = gw_inactive_create(secret);

    for (i = 0; i < ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "%d", i);
        add(table, 1, text, 1000 + i);
        evicted = !has(table, 1, text, 999 + i);

        if (evicted) {
            break;
        }
    }

    is_int(i, ENTRIES, "each token is found after it was added");

    found = 0;

    for (i = 0; i < ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "%d", i);
        found += has(table, 1, text, 0);
    }

    ok(found > ENTRIES / 2 && found < ENTRIES, "%d of %d remain", found,
       ENTRIES);

    for (i = 0; i < 100 * ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "x%d", i);
        add(table, 1, text, 500);
    }

    for (i = 0, evicted = found; i < ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "%d", i);
        evicted -= has(table, 1, text, 0);
    }

    ok(evicted < found && evicted <= GW_INACTIVE_SETS,
       "entries that expire later keep all places of a set but one");

    gw_inactive_free(table);
}


/* another secret distributes the same tokens differently */

static void
test_secret(void)
{
    int             i, same;
    char            text[16];
    gw_inactive_t  *a, *b;

    static const uint64_t  other[2] = { 3, 4 };

    a = gw_inactive_create(secret);
    b = gw_inactive_create(other);
    same = 0;

    for (i = 0; i < 2 * ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "%d", i);
        add(a, 1, text, 1 + i);
        add(b, 1, text, 1 + i);
    }

    for (i = 0; i < 2 * ENTRIES; i++) {
        (void) snprintf(text, sizeof(text), "%d", i);
        same += has(a, 1, text, 0) == has(b, 1, text, 0);
    }

    ok(same < 2 * ENTRIES, "%d of %d tokens alike", same, 2 * ENTRIES);

    gw_inactive_free(a);
    gw_inactive_free(b);
    gw_inactive_free(NULL);
}


int
main(void)
{
    test_entry();
    test_full();
    test_secret();

    return done_testing();
}
