/* SPDX-License-Identifier: BSD-2-Clause */

/* Writes the canonical text of a key, in one pass over the request. */

#include <string.h>

#include "gw_cache_key.h"
#include "gw_cache_field.h"


static void gw_cache_key_bytes(gw_cache_key_out_t *out,
    const unsigned char *data, size_t len);
static size_t gw_cache_key_begin(gw_cache_key_out_t *out,
    gw_cache_key_part_e part);
static void gw_cache_key_end(gw_cache_key_out_t *out, size_t at);
static void gw_cache_key_split(const gw_text_t *target, gw_text_t *path,
    gw_text_t *query);
static void gw_cache_args_query(gw_cache_key_out_t *out,
    gw_cache_key_part_e part, const gw_text_t *query,
    const gw_cache_args_t *args);
static int gw_cache_args_kept(gw_text_t pair, const gw_cache_args_t *args);
static int gw_cache_args_named(const gw_text_t *name,
    const gw_cache_args_t *args);
static int gw_cache_args_plain(const gw_text_t *name, const char *marks);
static int gw_cache_args_glob(const gw_text_t *pattern, const gw_text_t *name,
    int fold);


static void
gw_cache_key_bytes(gw_cache_key_out_t *out, const unsigned char *data,
    size_t len)
{
    if (out->len <= out->size && len <= out->size - out->len
        && len != 0)
    {
        memcpy(out->data + out->len, data, len);
    }

    out->len += len;
}


/* begins a part of unknown length; returns the offset of the length */

static size_t
gw_cache_key_begin(gw_cache_key_out_t *out, gw_cache_key_part_e part)
{
    unsigned char  head[1 + sizeof(uint32_t)];

    memset(head, 0, sizeof(head));
    head[0] = (unsigned char) part;

    gw_cache_key_bytes(out, head, sizeof(head));

    return out->len - sizeof(uint32_t);
}


static void
gw_cache_key_end(gw_cache_key_out_t *out, size_t at)
{
    uint32_t  len;

    len = (uint32_t) (out->len - at - sizeof(uint32_t));

    if (out->len <= out->size) {
        memcpy(out->data + at, &len, sizeof(uint32_t));
    }
}


void
gw_cache_key_put(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value)
{
    size_t  at;

    at = gw_cache_key_begin(out, part);
    gw_cache_key_bytes(out, value.data, value.len);
    gw_cache_key_end(out, at);
}


void
gw_cache_key_put_lower(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    gw_text_t value)
{
    size_t          i;
    unsigned char  *p;

    gw_cache_key_put(out, part, value);

    if (out->len > out->size) {
        return;
    }

    p = out->data + out->len - value.len;

    for (i = 0; i < value.len; i++) {
        p[i] = gw_cache_lower(p[i]);
    }
}


void
gw_cache_key_put_path(gw_cache_key_out_t *out, const gw_cache_line_t *line)
{
    gw_text_t  path, query;

    if (!line->unchanged) {
        gw_cache_key_put(out, GW_CACHE_KEY_REWRITTEN, line->uri);
    }

    if (line->unchanged || line->original) {
        gw_cache_key_split(&line->target, &path, &query);
        gw_cache_key_put(out, GW_CACHE_KEY_PATH, path);
    }
}


void
gw_cache_key_put_args(gw_cache_key_out_t *out, const gw_cache_line_t *line,
    const gw_cache_args_t *args)
{
    gw_text_t  path, query;

    /* nginx sends no "?" before rewritten arguments if there are none */

    if (!line->unchanged) {
        query = line->args;
        query.data = query.len ? query.data : NULL;

        gw_cache_args_query(out, GW_CACHE_KEY_REWRITTEN_ARGS, &query, args);
    }

    if (line->unchanged || line->original) {
        gw_cache_key_split(&line->target, &path, &query);
        gw_cache_args_query(out, GW_CACHE_KEY_ARGS, &query, args);
    }
}


/* query->data is NULL if there is no "?" */

static void
gw_cache_key_split(const gw_text_t *target, gw_text_t *path, gw_text_t *query)
{
    const unsigned char  *p;

    *path = *target;
    query->data = NULL;
    query->len = 0;

    p = target->len ? memchr(target->data, '?', target->len) : NULL;

    if (p != NULL) {
        path->len = (size_t) (p - target->data);
        query->data = p + 1;
        query->len = target->len - path->len - 1;
    }
}


/* adds each argument that belongs to the key, after an "&" */

static void
gw_cache_args_query(gw_cache_key_out_t *out, gw_cache_key_part_e part,
    const gw_text_t *query, const gw_cache_args_t *args)
{
    size_t                at;
    gw_text_t             pair;
    const unsigned char  *p, *last, *end;

    static const unsigned char  separator[] = "&";

    at = gw_cache_key_begin(out, part);

    p = query->data;
    last = (p != NULL) ? p + query->len : NULL;

    for ( /* void */ ; p != NULL; p = (end < last) ? end + 1 : NULL) {

        end = last;

        if (args->kind != GW_CACHE_ARGS_ALL && p < last) {
            end = memchr(p, '&', (size_t) (last - p));
            end = (end != NULL) ? end : last;
        }

        pair.data = p;
        pair.len = (size_t) (end - p);

        if (gw_cache_args_kept(pair, args)) {
            gw_cache_key_bytes(out, separator, 1);
            gw_cache_key_bytes(out, pair.data, pair.len);
        }
    }

    gw_cache_key_end(out, at);
}


/*
 * Some parsers treat ";" as a separator, others as a byte of the value or the
 * name.  The whole argument belongs to the key if one of its pieces does.
 */

static int
gw_cache_args_kept(gw_text_t pair, const gw_cache_args_t *args)
{
    gw_text_t             name;
    const unsigned char  *p;

    if (args->kind == GW_CACHE_ARGS_ALL) {
        return 1;
    }

    for ( ;; ) {
        name = pair;
        p = pair.len ? memchr(pair.data, '=', pair.len) : NULL;
        name.len = (p != NULL) ? (size_t) (p - pair.data) : pair.len;

        if (gw_cache_args_named(&name, args)) {
            return 1;
        }

        p = pair.len ? memchr(pair.data, ';', pair.len) : NULL;

        if (p == NULL) {
            return 0;
        }

        pair.len -= (size_t) (p + 1 - pair.data);
        pair.data = p + 1;
    }
}


/*
 * Whether an argument with this name belongs to the key.  PHP reads "." as "_",
 * so "." is not a plain character for GW_CACHE_ARGS_ONLY.
 */

static int
gw_cache_args_named(const gw_text_t *name, const gw_cache_args_t *args)
{
    int     only;
    size_t  i;

    only = (args->kind == GW_CACHE_ARGS_ONLY);

    if (!gw_cache_args_plain(name, only ? "-_" : "-_.~")) {
        return 1;
    }

    for (i = 0; i < args->n; i++) {
        if (gw_cache_args_glob(&args->names[i], name, only)) {
            return only;
        }
    }

    return !only;
}


/* letters, digits and "marks": bytes that all parsers keep unchanged */

static int
gw_cache_args_plain(const gw_text_t *name, const char *marks)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < name->len; i++) {
        c = gw_cache_lower(name->data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || (c != '\0' && strchr(marks, c) != NULL)))
        {
            return 0;
        }
    }

    return 1;
}


int
gw_cache_args_name(const gw_text_t *name)
{
    return name->len != 0 && gw_cache_args_plain(name, "-_.~*");
}


/* "*" matches any text; "fold": ignores the case of letters */

static int
gw_cache_args_glob(const gw_text_t *pattern, const gw_text_t *name, int fold)
{
    size_t         i, k, star, from;
    unsigned char  a, b;

    star = SIZE_MAX;
    from = 0;
    i = 0;
    k = 0;

    while (k < name->len) {

        if (i < pattern->len && pattern->data[i] == '*') {
            star = i++;
            from = k;
            continue;
        }

        a = (i < pattern->len) ? pattern->data[i] : 0;
        b = name->data[k];

        if (i < pattern->len
            && (a == b || (fold && gw_cache_lower(a) == gw_cache_lower(b))))
        {
            i++;
            k++;
            continue;
        }

        if (star == SIZE_MAX) {
            return 0;
        }

        /* extend the match of the last "*" by one byte */

        i = star + 1;
        k = ++from;
    }

    while (i < pattern->len && pattern->data[i] == '*') {
        i++;
    }

    return i == pattern->len;
}
