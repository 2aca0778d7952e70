/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_field.h"

#include <string.h>


unsigned char
gw_cache_lower(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') ? (unsigned char) (c | 0x20) : c;
}


int
gw_cache_lower_is(const unsigned char *data, const char *lower, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (data[i] != (unsigned char) lower[i]
            && gw_cache_lower(data[i]) != (unsigned char) lower[i])
        {
            return 0;
        }
    }

    return 1;
}


int
gw_cache_same(const gw_text_t *one, const gw_text_t *two)
{
    size_t  i;

    if (one->len != two->len) {
        return 0;
    }

    for (i = 0; i < one->len; i++) {
        if (one->data[i] != two->data[i]
            && gw_cache_lower(one->data[i]) != gw_cache_lower(two->data[i]))
        {
            return 0;
        }
    }

    return 1;
}


int
gw_cache_equal(const gw_text_t *one, const gw_text_t *two)
{
    return one->len == two->len
           && (one->len == 0 || memcmp(one->data, two->data, one->len) == 0);
}


static int
gw_cache_space(unsigned char c)
{
    return c == ' ' || c == '\t';
}


void
gw_cache_trim(gw_text_t *text)
{
    while (text->len && gw_cache_space(text->data[0])) {
        text->data++;
        text->len--;
    }

    while (text->len && gw_cache_space(text->data[text->len - 1])) {
        text->len--;
    }
}


int
gw_cache_token(const gw_text_t *text)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < text->len; i++) {
        c = gw_cache_lower(text->data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
        {
            return 0;
        }
    }

    return text->len != 0;
}


const gw_text_t *
gw_cache_line(const gw_cache_fields_t *fields, const gw_text_t *name,
    size_t *i)
{
    const gw_cache_field_t  *line;

    while (*i < fields->n) {
        line = &fields->line[(*i)++];

        if (line->name.len == name->len && gw_cache_same(&line->name, name)) {
            return &line->value;
        }
    }

    return NULL;
}


int
gw_cache_single(const gw_cache_fields_t *fields, const gw_text_t *name,
    gw_text_t *value)
{
    size_t            i;
    const gw_text_t  *first;

    i = 0;
    first = gw_cache_line(fields, name, &i);

    if (first == NULL) {
        return 0;
    }

    *value = *first;

    return (gw_cache_line(fields, name, &i) == NULL) ? 1 : 2;
}


size_t
gw_cache_quoted(const gw_text_t *text)
{
    size_t  i;

    for (i = 1; i < text->len; i++) {

        if (text->data[i] == '"') {
            return i + 1;
        }

        if (text->data[i] == '\\') {
            i++;
        }
    }

    return 0;
}


size_t
gw_cache_span(const gw_text_t *text, unsigned char mark)
{
    size_t     i, len;
    gw_text_t  rest;

    for (i = 0; i < text->len && text->data[i] != mark; i += len) {
        len = 1;

        if (text->data[i] == '"') {
            rest.data = text->data + i;
            rest.len = text->len - i;
            len = gw_cache_quoted(&rest);
            len = len ? len : rest.len;
        }
    }

    return i;
}


int
gw_cache_member(gw_text_t *list, gw_text_t *member)
{
    size_t  i;

    do {
        if (list->len == 0) {
            return 0;
        }

        i = gw_cache_span(list, ',');

        member->data = list->data;
        member->len = i;
        gw_cache_trim(member);

        i += (i < list->len);
        list->data += i;
        list->len -= i;

    } while (member->len == 0);

    return 1;
}


size_t
gw_cache_digits(gw_text_t *text, uint64_t *n)
{
    size_t  digits;

    *n = 0;

    for (digits = 0; text->len && text->data[0] >= '0'
                     && text->data[0] <= '9'; digits++)
    {
        if (*n < UINT64_MAX / 20) {
            *n = *n * 10 + (unsigned) (text->data[0] - '0');

        } else {
            *n = UINT64_MAX;
        }

        text->data++;
        text->len--;
    }

    return digits;
}


uint32_t
gw_cache_seconds(const gw_text_t *text)
{
    uint64_t   n;
    gw_text_t  rest;

    rest = *text;

    if (gw_cache_digits(&rest, &n) == 0 || rest.len) {
        return GW_CACHE_NONE;
    }

    return (n < GW_CACHE_FOREVER) ? (uint32_t) n : GW_CACHE_FOREVER;
}


uint32_t
gw_cache_add(uint32_t one, uint32_t two)
{
    uint64_t  sum;

    sum = (uint64_t) one + two;

    return (sum < GW_CACHE_FOREVER) ? (uint32_t) sum : GW_CACHE_FOREVER;
}


uint32_t
gw_cache_between(int64_t from, int64_t to)
{
    uint64_t  seconds;

    if (to <= from) {
        return 0;
    }

    seconds = (uint64_t) to - (uint64_t) from;

    return (seconds < GW_CACHE_FOREVER) ? (uint32_t) seconds
                                        : GW_CACHE_FOREVER;
}


int
gw_cache_names_add(gw_cache_names_t *names, gw_text_t list)
{
    gw_text_t  member;

    while (gw_cache_member(&list, &member)) {

        if (!gw_cache_token(&member)) {
            return -1;
        }

        if (names->n == GW_CACHE_NAMES) {
            names->overflow = 1;
            return 0;
        }

        names->name[names->n++] = member;
    }

    return 0;
}


int
gw_cache_among(const gw_text_t *name, const gw_text_t *names, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (gw_cache_same(name, &names[i])) {
            return 1;
        }
    }

    return 0;
}
