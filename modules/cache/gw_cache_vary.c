/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_out.h"
#include "gw_cache_vary.h"

#include <string.h>


#define GW_CACHE_WEIGHT     1000    /* a weight of 1 as an integer */
#define GW_CACHE_UNWEIGHED  1001    /* a member without a weight */
#define GW_CACHE_PREFIX     4       /* bytes of a length in a key */


/* a member, as written to the key */

typedef struct {
    unsigned char            *data;
    size_t                    len;
    unsigned                  weight;
} gw_cache_weighed_t;


typedef struct {
    gw_cache_weighed_t        member[GW_CACHE_VARY_SORTED];
    unsigned                  n;
    unsigned                  many:1;
} gw_cache_list_t;


static const gw_text_t  gw_cache_n_vary = gw_cache_text("vary");
static const gw_text_t  gw_cache_n_origin = gw_cache_text("origin");
static const gw_text_t  gw_cache_n_allow =
    gw_cache_text("access-control-allow-origin");


/* Vary */

static int
gw_cache_compare(const unsigned char *one, size_t one_len,
    const unsigned char *two, size_t two_len)
{
    int  rc;

    rc = memcmp(one, two, one_len < two_len ? one_len : two_len);

    return rc ? rc : (one_len > two_len) - (one_len < two_len);
}


static int
gw_cache_compare_names(const gw_text_t *one, const gw_text_t *two)
{
    size_t         i;
    unsigned char  a, b;

    for (i = 0; i < one->len && i < two->len; i++) {
        a = gw_cache_lower(one->data[i]);
        b = gw_cache_lower(two->data[i]);

        if (a != b) {
            return (a > b) - (a < b);
        }
    }

    return (one->len > two->len) - (one->len < two->len);
}


/* keeps the names sorted and without duplicates */

static gw_cache_reason_e
gw_cache_vary_add(gw_cache_names_t *names, const gw_text_t *name)
{
    int       rc;
    unsigned  i;

    if (!gw_cache_token(name) || gw_cache_is(name, "*")) {
        return GW_CACHE_R_VARY_ANY;
    }

    if (gw_cache_is(name, "cookie")) {
        return GW_CACHE_R_VARY_COOKIE;
    }

    for (i = 0; i < names->n; i++) {
        rc = gw_cache_compare_names(name, &names->name[i]);

        if (rc == 0) {
            return GW_CACHE_R_NONE;
        }

        if (rc < 0) {
            break;
        }
    }

    if (names->n == GW_CACHE_NAMES) {
        return GW_CACHE_R_VARY_LONG;
    }

    memmove(&names->name[i + 1], &names->name[i],
            (names->n - i) * sizeof(gw_text_t));
    names->name[i] = *name;
    names->n++;

    return GW_CACHE_R_NONE;
}


/* "*" anywhere takes precedence over other reasons */

static gw_cache_reason_e
gw_cache_vary_names(const gw_cache_fields_t *fields, gw_cache_names_t *names)
{
    size_t              i;
    gw_text_t           list, member;
    const gw_text_t    *line;
    gw_cache_reason_e   reason, found;

    reason = GW_CACHE_R_NONE;
    i = 0;

    while ((line = gw_cache_line(fields, &gw_cache_n_vary, &i)) != NULL) {
        list = *line;

        while (gw_cache_member(&list, &member)) {
            found = gw_cache_vary_add(names, &member);

            if (found == GW_CACHE_R_VARY_ANY) {
                return found;
            }

            reason = (reason == GW_CACHE_R_NONE) ? found : reason;
        }
    }

    i = 0;

    while ((line = gw_cache_line(fields, &gw_cache_n_allow, &i)) != NULL) {
        if (reason == GW_CACHE_R_NONE && !gw_cache_is(line, "*")) {
            reason = gw_cache_vary_add(names, &gw_cache_n_origin);
        }
    }

    return reason;
}


gw_cache_reason_e
gw_cache_vary(const gw_cache_fields_t *fields, unsigned char *text,
    size_t *len)
{
    unsigned           i;
    gw_cache_out_t     out;
    gw_cache_names_t   names;
    gw_cache_reason_e  reason;

    names.n = 0;

    reason = gw_cache_vary_names(fields, &names);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    gw_cache_out_init(&out, text, GW_CACHE_VARY);

    for (i = 0; i < names.n; i++) {

        if (i) {
            gw_cache_put_byte(&out, ',');
        }

        gw_cache_put_lower(&out, names.name[i].data, names.name[i].len);
    }

    *len = (size_t) (out.p - text);

    return out.full ? GW_CACHE_R_VARY_LONG : GW_CACHE_R_NONE;
}


/* the variant key */

static void
gw_cache_put_length(unsigned char *p, uint32_t n)
{
    p[0] = (unsigned char) n;
    p[1] = (unsigned char) (n >> 8);
    p[2] = (unsigned char) (n >> 16);
    p[3] = (unsigned char) (n >> 24);
}


/*
 * Writes a text without white space around the separator, outside of quoted
 * strings.  "lower": also in lower case there.
 */

static void
gw_cache_put_tight(gw_cache_out_t *out, gw_text_t text, unsigned char mark,
    int lower)
{
    size_t     i, len;
    gw_text_t  part;

    for ( ;; ) {
        i = gw_cache_span(&text, mark);

        part.data = text.data;
        part.len = i;
        gw_cache_trim(&part);

        len = 0;

        if (lower) {
            while (len < part.len && part.data[len] != '"') {
                len++;
            }

            gw_cache_put_lower(out, part.data, len);
        }

        gw_cache_put(out, part.data + len, part.len - len);

        if (i == text.len) {
            return;
        }

        gw_cache_put_byte(out, mark);

        text.data += i + 1;
        text.len -= i + 1;
    }
}


/* a weight in thousandths (RFC 9110, 12.4.2); -1: invalid */

static int
gw_cache_weight(const gw_text_t *text)
{
    int       weight;
    size_t    i;
    unsigned  unit;

    if (text->len == 0 || text->len > 5
        || (text->data[0] != '0' && text->data[0] != '1')
        || (text->len > 1 && text->data[1] != '.'))
    {
        return -1;
    }

    weight = (text->data[0] - '0') * GW_CACHE_WEIGHT;
    unit = GW_CACHE_WEIGHT / 10;

    for (i = 2; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return -1;
        }

        weight += (text->data[i] - '0') * (int) unit;
        unit /= 10;
    }

    return (weight <= GW_CACHE_WEIGHT) ? weight : -1;
}


/*
 * Removes the weight from a member: its last parameter, if the name is "q".
 * Returns GW_CACHE_UNWEIGHED if there is none.
 */

static unsigned
gw_cache_weight_of(gw_text_t *member)
{
    int        weight;
    size_t     i;
    gw_text_t  value;

    for (i = member->len; i > 0 && member->data[i - 1] != ';'; i--) {
        if (member->data[i - 1] == '"') {
            return GW_CACHE_UNWEIGHED;
        }
    }

    if (i == 0) {
        return GW_CACHE_UNWEIGHED;
    }

    value.data = member->data + i;
    value.len = member->len - i;
    gw_cache_trim(&value);

    if (value.len < 3 || gw_cache_lower(value.data[0]) != 'q'
        || value.data[1] != '=')
    {
        return GW_CACHE_UNWEIGHED;
    }

    value.data += 2;
    value.len -= 2;
    weight = gw_cache_weight(&value);

    if (weight < 0) {
        return GW_CACHE_UNWEIGHED;
    }

    member->len = i - 1;
    gw_cache_trim(member);

    return (unsigned) weight;
}


/*
 * Writes a weight.  A weight of 1 is left out, but not after other parameters,
 * one of which may have been parsed as a weight.
 */

static void
gw_cache_put_weight(gw_cache_out_t *out, const gw_text_t *member,
    unsigned weight)
{
    unsigned  unit;

    if (weight >= GW_CACHE_WEIGHT) {
        if (weight == GW_CACHE_WEIGHT && member->len
            && memchr(member->data, ';', member->len) != NULL)
        {
            gw_cache_put_literal(out, ";q=1");
        }

        return;
    }

    gw_cache_put_literal(out, ";q=0");

    if (weight) {
        gw_cache_put_byte(out, '.');
    }

    for (unit = GW_CACHE_WEIGHT / 10; weight; unit /= 10) {
        gw_cache_put_byte(out, (unsigned char) ('0' + weight / unit));
        weight %= unit;
    }
}


static void
gw_cache_put_members(gw_cache_out_t *out, const gw_text_t *line,
    gw_cache_list_t *list)
{
    unsigned             weight;
    gw_text_t            rest, member;
    unsigned char       *start;
    gw_cache_weighed_t  *m;

    rest = *line;

    while (!out->full && gw_cache_member(&rest, &member)) {

        if (list->n || list->many) {
            gw_cache_put_byte(out, ',');
        }

        start = out->p;
        weight = gw_cache_weight_of(&member);

        gw_cache_put_tight(out, member, ';', 1);
        gw_cache_put_weight(out, &member, weight);

        if (list->n == GW_CACHE_VARY_SORTED) {
            list->many = 1;
            continue;
        }

        m = &list->member[list->n++];
        m->data = start;
        m->len = (size_t) (out->p - start);
        m->weight = (weight < GW_CACHE_WEIGHT) ? weight : GW_CACHE_WEIGHT;
    }
}


/* whether a member is sorted after another one */

static int
gw_cache_behind(const gw_cache_weighed_t *one, const gw_cache_weighed_t *two)
{
    if (one->weight != two->weight) {
        return one->weight < two->weight;
    }

    return gw_cache_compare(one->data, one->len, two->data, two->len) > 0;
}


/*
 * Sorts members by weight and text, before duplicates are removed.  Order and
 * duplicates are not significant in a request (RFC 9110, 12.4.2).
 */

static void
gw_cache_sort(gw_cache_list_t *list)
{
    unsigned            i, j;
    gw_cache_weighed_t  m;

    for (i = 1; i < list->n; i++) {
        m = list->member[i];

        for (j = i; j > 0 && gw_cache_behind(&list->member[j - 1], &m); j--) {
            list->member[j] = list->member[j - 1];
        }

        list->member[j] = m;
    }
}


static void
gw_cache_put_sorted(gw_cache_out_t *out, unsigned char *start,
    gw_cache_list_t *list)
{
    unsigned             i;
    gw_cache_out_t       sorted;
    unsigned char        text[GW_CACHE_VARY_LIST];
    gw_cache_weighed_t  *m;

    if (out->full || list->many || list->n < 2
        || (size_t) (out->p - start) > GW_CACHE_VARY_LIST)
    {
        return;
    }

    gw_cache_sort(list);

    gw_cache_out_init(&sorted, text, sizeof(text));

    for (i = 0; i < list->n; i++) {
        m = &list->member[i];

        if (i && gw_cache_compare(m[-1].data, m[-1].len, m->data, m->len) == 0)
        {
            continue;
        }

        if (i) {
            gw_cache_put_byte(&sorted, ',');
        }

        gw_cache_put(&sorted, m->data, m->len);
    }

    memcpy(start, text, (size_t) (sorted.p - text));
    out->p = start + (sorted.p - text);
}


/* returns the number of lines of the field */

static unsigned
gw_cache_put_value(gw_cache_out_t *out, const gw_text_t *name,
    const gw_cache_fields_t *fields, int sorted)
{
    int               weighed;
    size_t            i;
    unsigned          lines;
    unsigned char    *start;
    gw_cache_list_t   list;
    const gw_text_t  *line;

    weighed = sorted || gw_cache_is(name, "accept-encoding")
              || gw_cache_is(name, "accept-language")
              || gw_cache_is(name, "accept-charset");

    start = out->p;
    list.n = 0;
    list.many = 0;
    lines = 0;
    i = 0;

    while ((line = gw_cache_line(fields, name, &i)) != NULL) {

        if (weighed) {
            gw_cache_put_members(out, line, &list);

        } else {
            if (lines) {
                gw_cache_put_byte(out, ',');
            }

            gw_cache_put_tight(out, *line, ',', 0);
        }

        lines++;
    }

    if (sorted) {
        gw_cache_put_sorted(out, start, &list);
    }

    return lines;
}


/* writes name and value, each after its length; 0: there is no such field */

static void
gw_cache_put_field(gw_cache_out_t *out, const gw_text_t *name,
    const gw_cache_fields_t *fields, int sorted)
{
    unsigned        lines;
    unsigned char  *length, none[GW_CACHE_PREFIX];

    gw_cache_put_length(none, (uint32_t) name->len);
    gw_cache_put(out, none, GW_CACHE_PREFIX);
    gw_cache_put(out, name->data, name->len);

    length = out->p;
    gw_cache_put_length(none, 0);
    gw_cache_put(out, none, GW_CACHE_PREFIX);

    if (out->full) {
        return;
    }

    lines = gw_cache_put_value(out, name, fields, sorted);

    if (lines && !out->full) {
        gw_cache_put_length(length, (uint32_t) (out->p - length
                                                - GW_CACHE_PREFIX + 1));
    }
}


int
gw_cache_variant(const gw_text_t *vary, const gw_cache_fields_t *fields,
    const gw_text_t *normalize, size_t normalize_n, unsigned char *key,
    size_t size, size_t *len)
{
    gw_text_t       list, name;
    gw_cache_out_t  out;

    /* lengths in the key have four bytes */

    gw_cache_out_init(&out, key, size < UINT32_MAX ? size : UINT32_MAX);

    list = *vary;

    while (!out.full && gw_cache_member(&list, &name)) {
        gw_cache_put_field(&out, &name, fields,
                           gw_cache_among(&name, normalize, normalize_n));
    }

    *len = (size_t) (out.p - key);

    return out.full ? -1 : 0;
}
