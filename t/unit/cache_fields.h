/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parses header lines, one "name: value" per line, for the tests and the fuzz
 * target of the cache's policy.
 */

#ifndef CACHE_FIELDS_H_INCLUDED
#define CACHE_FIELDS_H_INCLUDED

#include <string.h>

#include "gw_cache_field.h"


#define CACHE_FIELDS  64        /* maximum of lines; more are ignored */

/* rows of a table */
#define CACHE_N(table)  (sizeof(table) / sizeof((table)[0]))


typedef struct {
    gw_cache_fields_t     fields;
    gw_cache_field_t      line[CACHE_FIELDS];
} cache_fields_t;


static inline gw_text_t
cache_text(const char *text)
{
    return (gw_text_t) { strlen(text), (const unsigned char *) text };
}


/* lines point into the text; a line without a colon is ignored */

static inline const gw_cache_fields_t *
cache_fields_of(cache_fields_t *f, const unsigned char *text, size_t len)
{
    size_t                n;
    gw_cache_field_t     *line;
    const unsigned char  *end, *colon;

    f->fields.line = f->line;
    f->fields.n = 0;

    while (len && f->fields.n < CACHE_FIELDS) {
        end = memchr(text, '\n', len);
        n = end ? (size_t) (end - text) : len;
        colon = memchr(text, ':', n);

        if (colon != NULL) {
            line = &f->line[f->fields.n++];
            line->name.data = text;
            line->name.len = (size_t) (colon - text);
            line->value.data = colon + 1;
            line->value.len = n - line->name.len - 1;
            gw_cache_trim(&line->value);
        }

        n += (end != NULL);
        text += n;
        len -= n;
    }

    return &f->fields;
}


static inline const gw_cache_fields_t *
cache_fields(cache_fields_t *f, const char *text)
{
    return cache_fields_of(f, (const unsigned char *) text, strlen(text));
}


#endif /* CACHE_FIELDS_H_INCLUDED */
