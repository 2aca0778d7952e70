/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * For any list, the search for a name terminates and reads only inside the
 * list.  After all pairs with the name were removed, the rest contains none.
 * Pairs that nginx's variables read are found, as exact ones.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_source.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const gw_text_t  names[] = {
    { 1, (const unsigned char *) "k" },
    { 3, (const unsigned char *) "a_k" },
    { 2, (const unsigned char *) "_k" }
};


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* copies the rest to "left"; returns its length */

static size_t
cut(gw_source_list_e list, const gw_text_t *name, const unsigned char *s,
    size_t len, unsigned char *left)
{
    gw_source_e           kind;
    gw_source_walk_t      walk;
    gw_source_pair_t      pair;
    unsigned char        *d;
    const unsigned char  *p;

    walk.p = s;
    walk.last = s + len;
    walk.list = list;

    d = left;
    p = s;

    while ((kind = gw_source_next(&walk, name, &pair)) != GW_SOURCE_NONE) {
        check(pair.start >= p && pair.next > pair.start);
        check(pair.next <= walk.p && walk.p <= walk.last);

        if (kind == GW_SOURCE_EXACT) {
            check(pair.value.data > pair.start);
            check(pair.value.data + pair.value.len <= walk.last);
        }

        memcpy(d, p, (size_t) (pair.start - p));
        d += pair.start - p;
        p = pair.next;
    }

    memcpy(d, p, (size_t) (s + len - p));
    d += s + len - p;

    return (size_t) (d - left);
}


/* the start of an argument, compared case-insensitively */

static void
plain(const gw_text_t *name, const unsigned char *s, size_t len)
{
    gw_source_walk_t  walk;
    gw_source_pair_t  pair;

    if (len > name->len && memcmp(s, name->data, name->len) == 0
        && s[name->len] == '=')
    {
        walk.p = s;
        walk.last = s + len;
        walk.list = GW_SOURCE_QUERY;

        check(gw_source_next(&walk, name, &pair) == GW_SOURCE_EXACT);
        check(pair.value.data == s + name->len + 1);
    }
}


static void
bearer(const unsigned char *s, size_t len)
{
    gw_text_t  value, token;

    value.data = s;
    value.len = len;

    if (gw_source_bearer(&value, &token) == GW_SOURCE_EXACT) {
        check(token.len != 0 && token.data + token.len == s + len);
        check(token.data[0] != ' ' && token.data[-1] == ' ');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            len, again;
    unsigned char    *s, *left, *more;
    const gw_text_t  *name;
    gw_source_list_e  list;

    if (size == 0) {
        return 0;
    }

    list = (gw_source_list_e) (data[0] % 3);
    name = &names[data[0] / 3 % 3];
    size--;

    /* of the exact size, so that an overrun is detected */

    s = malloc(size + (size == 0));
    left = malloc(size + (size == 0));
    more = malloc(size + (size == 0));
    memcpy(s, data + 1, size);

    len = cut(list, name, s, size, left);
    again = cut(list, name, left, len, more);
    check(again == len);

    plain(name, s, size);
    bearer(s, size);

    free(s);
    free(left);
    free(more);

    return 0;
}
