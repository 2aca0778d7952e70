/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of credentials in any spelling: see gw_source.h.
 */

#include <string.h>

#include "gw_source.h"


#define GW_SOURCE_BEARER_LEN  (sizeof("bearer") - 1)

/* what gw_source_char() returns besides a byte */
#define GW_SOURCE_END    (-1)
#define GW_SOURCE_EQUAL  256


static gw_source_e gw_source_is(const gw_source_walk_t *walk,
    const unsigned char **pos, unsigned char before, const gw_text_t *name,
    gw_text_t *value);
static void gw_source_end(gw_source_walk_t *walk, const unsigned char *p,
    unsigned char before, gw_source_e kind, gw_source_pair_t *pair);
static int gw_source_exact(const gw_source_walk_t *walk,
    const unsigned char *p, const gw_text_t *name, gw_text_t *value);
static int gw_source_variant(const gw_source_walk_t *walk,
    const unsigned char **pos, const gw_text_t *name);
static int gw_source_char(const gw_source_walk_t *walk,
    const unsigned char **p);


static int
gw_source_lower(int c)
{
    return (c >= 'A' && c <= 'Z') ? (c | 0x20) : c;
}


static int
gw_source_same(const unsigned char *p, const char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (gw_source_lower(p[i]) != (unsigned char) name[i]) {
            return 0;
        }
    }

    return 1;
}


static unsigned char
gw_source_separator(const gw_source_walk_t *walk)
{
    return (walk->list == GW_SOURCE_QUERY) ? '&' : ';';
}


/* whether a parser may begin a pair after this byte */

static int
gw_source_separates(const gw_source_walk_t *walk, unsigned char c)
{
    if (c == ';') {
        return 1;
    }

    return (walk->list == GW_SOURCE_QUERY) ? c == '&' : (c <= ' ' || c == ',');
}


static const unsigned char *
gw_source_spaces(const gw_source_walk_t *walk, const unsigned char *p)
{
    if (walk->list != GW_SOURCE_QUERY) {
        while (p < walk->last && *p == ' ') {
            p++;
        }
    }

    return p;
}


gw_source_e
gw_source_next(gw_source_walk_t *walk, const gw_text_t *name,
    gw_source_pair_t *pair)
{
    gw_source_e           kind;
    unsigned char         before;
    const unsigned char  *p, *start, *behind;

    before = gw_source_separator(walk);
    p = walk->p;

    while (p < walk->last) {
        start = p;
        p = gw_source_spaces(walk, p);
        behind = p;

        kind = gw_source_is(walk, &behind, before, name, &pair->value);

        if (kind != GW_SOURCE_NONE) {
            pair->start = start;
            gw_source_end(walk, p, before, kind, pair);

            return kind;
        }

        p = behind;

        while (p < walk->last && !gw_source_separates(walk, *p)) {
            p++;
        }

        if (p < walk->last) {
            before = *p++;
        }
    }

    walk->p = walk->last;

    return GW_SOURCE_NONE;
}


/* with GW_SOURCE_NONE, "*pos" is moved as by gw_source_variant() */

static gw_source_e
gw_source_is(const gw_source_walk_t *walk, const unsigned char **pos,
    unsigned char before, const gw_text_t *name, gw_text_t *value)
{
    if ((before == gw_source_separator(walk)
         || (before == ',' && walk->list == GW_SOURCE_COOKIE_COMMA))
        && gw_source_exact(walk, *pos, name, value))
    {
        return GW_SOURCE_EXACT;
    }

    return gw_source_variant(walk, pos, name) ? GW_SOURCE_VARIANT
                                              : GW_SOURCE_NONE;
}


static void
gw_source_end(gw_source_walk_t *walk, const unsigned char *p,
    unsigned char before, gw_source_e kind, gw_source_pair_t *pair)
{
    const unsigned char  *end;

    end = memchr(p, gw_source_separator(walk), (size_t) (walk->last - p));

    if (end == NULL) {
        end = walk->last;
    }

    walk->p = (end < walk->last) ? end + 1 : end;
    pair->next = walk->p;

    if (kind == GW_SOURCE_EXACT) {
        pair->value.len = (size_t) (end - pair->value.data);

    } else if (before != gw_source_separator(walk)) {

        /* inside another pair, which keeps its separator */

        pair->start--;
        pair->next = end;
    }
}


static int
gw_source_exact(const gw_source_walk_t *walk, const unsigned char *p,
    const gw_text_t *name, gw_text_t *value)
{
    if ((size_t) (walk->last - p) <= name->len
        || !gw_source_same(p, (const char *) name->data, name->len))
    {
        return 0;
    }

    p = gw_source_spaces(walk, p + name->len);

    if (p == walk->last || *p != '=') {
        return 0;
    }

    value->data = gw_source_spaces(walk, p + 1);

    return 1;
}


/* bytes that parsers drop at the ends of a name */

static int
gw_source_blank(const gw_source_walk_t *walk, int c)
{
    if (c >= 0x80) {

        /* Unicode blanks, as one byte or in UTF-8 */

        return walk->list != GW_SOURCE_QUERY && c != GW_SOURCE_EQUAL;
    }

    return c >= 0 && (c <= ' ' || c == 0x7f);
}


static int
gw_source_bracket(int c)
{
    return c == '[' || c == ']';
}


/*
 * If there is no variant, "*pos" is moved to a byte before which no other pair
 * with the name begins, so that the walk over a client's bytes stays linear.
 */

static int
gw_source_variant(const gw_source_walk_t *walk, const unsigned char **pos,
    const gw_text_t *name)
{
    int                   c, open, cut;
    size_t                i;
    const unsigned char  *p;

    p = *pos;

    do {
        *pos = p;
        c = gw_source_char(walk, &p);
    } while (gw_source_blank(walk, c) || gw_source_bracket(c)
             || c == GW_SOURCE_EQUAL
             || (walk->list == GW_SOURCE_QUERY
                 && (c == '?' || (c == '.' && name->data[0] != '_'))));

    open = 0;

    for (i = 0; i < name->len; i++) {

        if (name->data[i] == '_' && (c == ' ' || c == '.' || c == '[')) {
            open |= (c == '[');

        } else if (gw_source_lower(c) != name->data[i]) {
            return 0;
        }

        c = gw_source_char(walk, &p);
    }

    while (c != '\0' && gw_source_blank(walk, c)) {
        c = gw_source_char(walk, &p);
    }

    cut = gw_source_bracket(c) && !open;

    if (c == '\0' || cut) {

        /* the name ends here, other bytes precede the value */

        while (c != GW_SOURCE_EQUAL && c != GW_SOURCE_END) {
            c = gw_source_char(walk, &p);
        }

        if (c == GW_SOURCE_END) {
            *pos = p;
        }
    }

    /* parsers read a name with a bracket even without a value */

    return c == GW_SOURCE_EQUAL || (cut && c == GW_SOURCE_END);
}


static int
gw_source_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/*
 * The next byte of a name, decoded.  A "=" that is not encoded ends the name
 * and is returned as GW_SOURCE_EQUAL.
 */

static int
gw_source_char(const gw_source_walk_t *walk, const unsigned char **p)
{
    int            high, low;
    unsigned char  c;

    if (*p == walk->last || **p == gw_source_separator(walk)) {
        return GW_SOURCE_END;
    }

    c = *(*p)++;

    switch (c) {

    case '=':
        return GW_SOURCE_EQUAL;

    case '+':
        return ' ';

    case '%':
        break;

    default:
        return c;
    }

    if (walk->last - *p < 2
        || (high = gw_source_hex((*p)[0])) < 0
        || (low = gw_source_hex((*p)[1])) < 0)
    {
        return c;
    }

    *p += 2;

    return high << 4 | low;
}


gw_source_e
gw_source_bearer(const gw_text_t *value, gw_text_t *token)
{
    const unsigned char  *p, *last;

    p = value->data;
    last = p + value->len;

    if (value->len >= GW_SOURCE_BEARER_LEN
        && gw_source_same(p, "bearer", GW_SOURCE_BEARER_LEN))
    {
        p += GW_SOURCE_BEARER_LEN;

        if (p == last) {
            return GW_SOURCE_VARIANT;
        }

        if (*p == ' ') {

            while (p < last && *p == ' ') {
                p++;
            }

            token->data = p;
            token->len = (size_t) (last - p);

            return (p < last) ? GW_SOURCE_EXACT : GW_SOURCE_VARIANT;
        }
    }

    for (p = value->data; p < last; p++) {

        if ((*p <= ' ' || *p >= 0x7f)
            && (size_t) (p - value->data) >= GW_SOURCE_BEARER_LEN
            && gw_source_same(p - GW_SOURCE_BEARER_LEN, "bearer",
                              GW_SOURCE_BEARER_LEN))
        {
            return GW_SOURCE_VARIANT;
        }
    }

    return GW_SOURCE_NONE;
}
