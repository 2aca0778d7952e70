/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Two requests.  If all of the request line belongs to the key, their keys are
 * equal if and only if the origin receives the same line.  If some arguments do
 * not belong to the key, equal keys mean that every parser finds the same
 * arguments among those that do.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_cache_key.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* bits: the differences between parsers */

#define SEMICOLON  1
#define DECODE     2
#define FOLD       4
#define BRACKET    8
#define PARSERS    16


typedef struct {
    gw_cache_line_t     line;
    gw_cache_key_out_t  key;
} request_t;


static const gw_text_t  names[] = {
    { 1, (const unsigned char *) "a" },
    { 2, (const unsigned char *) "bc" }
};

static const gw_cache_args_t  lists[] = {
    { GW_CACHE_ARGS_ALL, NULL, 0 },
    { GW_CACHE_ARGS_ONLY, names, 2 },
    { GW_CACHE_ARGS_WITHOUT, names, 2 }
};


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static int
same(const gw_text_t *a, const gw_text_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


/* makes the key in a buffer that is too small, then in one of the exact size */

static void
make(request_t *req, const gw_cache_args_t *args)
{
    int     turn;
    size_t  len;

    len = 0;

    for (turn = 0; turn < 2; turn++) {
        req->key.size = turn ? len : len / 2;
        req->key.data = malloc(req->key.size + 1);
        req->key.len = 0;

        gw_cache_key_put_path(&req->key, &req->line);
        gw_cache_key_put_args(&req->key, &req->line, args);

        check(turn == 0 || req->key.len == len);
        len = req->key.len;

        if (turn == 0) {
            free(req->key.data);
        }
    }
}


static int
keys_equal(const request_t *one, const request_t *other)
{
    return one->key.len == other->key.len
           && memcmp(one->key.data, other->key.data, one->key.len) == 0;
}


/* whether the origin receives the same bytes */

static int
lines_equal(const gw_cache_line_t *one, const gw_cache_line_t *other)
{
    if (one->unchanged != other->unchanged) {
        return 0;
    }

    if (one->unchanged) {
        return same(&one->target, &other->target);
    }

    return same(&one->uri, &other->uri) && same(&one->args, &other->args)
           && one->original == other->original
           && (!one->original || same(&one->target, &other->target));
}


static int
hex(unsigned char c)
{
    return (c >= '0' && c <= '9') ? c - '0'
           : ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') ? (c | 0x20) - 'a' + 10
           : -1;
}


/* whether a parser reads a name as one of the listed names */

static int
listed(int parser, const unsigned char *p, size_t len)
{
    size_t         i, n;
    unsigned char  c, name[3];

    n = 0;

    for (i = 0; i < len; i++) {
        c = p[i];

        if ((parser & DECODE) && c == '%' && i + 2 < len
            && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0)
        {
            c = (unsigned char) (hex(p[i + 1]) * 16 + hex(p[i + 2]));
            i += 2;
        }

        if ((parser & BRACKET) && c == '[') {
            break;
        }

        if ((parser & FOLD) && c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (n == sizeof(name)) {
            return 0;
        }

        name[n++] = c;
    }

    return (n == 1 && name[0] == 'a')
           || (n == 2 && name[0] == 'b' && name[1] == 'c');
}


/* writes the arguments that a parser finds in the key; returns the length */

static size_t
found(int parser, const gw_text_t *query, int only, unsigned char *d)
{
    unsigned char        *start;
    const unsigned char  *p, *last, *end, *name;

    start = d;
    p = query->data;
    last = p + query->len;

    for ( /* void */ ; p < last; p = end + 1) {

        for (end = p; end < last && *end != '&'; end++) {
            if ((parser & SEMICOLON) && *end == ';') {
                break;
            }
        }

        for (name = p; name < end && *name != '='; name++) { /* void */ }

        if (end > p && listed(parser, p, (size_t) (name - p)) == only) {
            memcpy(d, p, (size_t) (end - p));
            d += end - p;
            *d++ = '&';
        }
    }

    return (size_t) (d - start);
}


static gw_text_t
query_of(const gw_cache_line_t *line)
{
    gw_text_t             query;
    const unsigned char  *p;

    if (!line->unchanged) {
        return line->args;
    }

    query.data = line->target.data;
    query.len = 0;

    p = line->target.len ? memchr(query.data, '?', line->target.len) : NULL;

    if (p != NULL) {
        query.data = p + 1;
        query.len = (size_t) (line->target.data + line->target.len - p - 1);
    }

    return query;
}


static void
check_parsers(const request_t *one, const request_t *other, int only)
{
    int             parser;
    size_t          n, m;
    gw_text_t       a, b;
    unsigned char  *x, *y;

    a = query_of(&one->line);
    b = query_of(&other->line);

    for (parser = 0; parser < PARSERS; parser++) {

        x = malloc(a.len + 1);
        y = malloc(b.len + 1);

        n = found(parser, &a, only, x);
        m = found(parser, &b, only, y);

        check(n == m && memcmp(x, y, n) == 0);

        free(x);
        free(y);
    }
}


/* removes a text up to a NUL from the input */

static gw_text_t
take(const uint8_t **p, size_t *size)
{
    gw_text_t       text;
    const uint8_t  *end;

    text.data = *p;
    end = *size ? memchr(*p, '\0', *size) : NULL;
    text.len = end ? (size_t) (end - *p) : *size;

    *p += text.len + (end != NULL);
    *size -= text.len + (end != NULL);

    return text;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int        i, kind, flags;
    request_t  req[2];

    if (size == 0) {
        return 0;
    }

    flags = *data++;
    size--;
    kind = flags % 3;
    flags /= 3;

    for (i = 0; i < 2; i++) {
        req[i].line.unchanged = flags & 1;
        req[i].line.original = flags >> 1 & 1;
        flags >>= 2;

        req[i].line.target = take(&data, &size);
        req[i].line.uri = take(&data, &size);
        req[i].line.args = take(&data, &size);

        make(&req[i], &lists[kind]);
    }

    if (lists[kind].kind == GW_CACHE_ARGS_ALL) {
        check(keys_equal(&req[0], &req[1])
              == lines_equal(&req[0].line, &req[1].line));

    } else if (keys_equal(&req[0], &req[1])) {
        check_parsers(&req[0], &req[1],
                      lists[kind].kind == GW_CACHE_ARGS_ONLY);

    } else {
        check(!lines_equal(&req[0].line, &req[1].line));
    }

    free(req[0].key.data);
    free(req[1].key.data);

    return 0;
}
