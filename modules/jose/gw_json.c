/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading JSON: see gw_json.h.
 *
 * The claims of a token are parsed in every request.  jansson's reader, which
 * reads byte by byte through a callback, would cost more than all other work
 * for an HMAC token.  The reader below therefore checks the text and builds
 * jansson's values itself; only reals that are built are passed to jansson.
 * Values that are not built are checked, too, and take no memory.
 * t/fuzz/fuzz_json.c compares both readers: they accept the same texts and
 * return equal values.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_json_names.h"
#include "gw_json_scan.h"


#define GW_JSON_KEY_SIZE  128   /* longer names are copied */


typedef struct {
    const unsigned char    *p;
    const unsigned char    *start;
    const unsigned char    *end;
    gw_json_error_t        *error;    /* NULL: not wanted */
    unsigned                failed;
    unsigned                depth;

    size_t                  values;   /* that are still allowed */
    size_t                  limit;    /* of values */
    const gw_json_names_t  *names;    /* to build at the top; NULL: all */
    unsigned                flat;     /* scalars only there */
    unsigned                skip;     /* nothing is built at this place */

    /* for texts with escapes, and for long names */
    unsigned char          *memory;   /* owned; NULL: not needed yet */
    size_t                  size;
    size_t                  used;
} gw_json_reader_t;


static json_t *gw_json_read_value(gw_json_reader_t *r);
static json_t *gw_json_read_object(gw_json_reader_t *r);
static int gw_json_read_member(gw_json_reader_t *r, json_t *object,
    gw_json_seen_t *seen);
static unsigned gw_json_is_full(const gw_json_reader_t *r,
    const json_t *object, const gw_json_seen_t *seen);
static int gw_json_read_name(gw_json_reader_t *r, gw_text_t *name);
static json_t *gw_json_read_array(gw_json_reader_t *r);
static json_t *gw_json_read_string(gw_json_reader_t *r);
static json_t *gw_json_read_number(gw_json_reader_t *r);
static json_t *gw_json_read_literal(gw_json_reader_t *r);

static int gw_json_slice(gw_json_reader_t *r, gw_json_slice_t *slice);
static int gw_json_decode(gw_json_reader_t *r, gw_json_slice_t *slice);
static int gw_json_set(gw_json_reader_t *r, json_t *object,
    const gw_text_t *name, json_t *value);
static unsigned gw_json_unread(gw_json_reader_t *r, const gw_text_t *name);
static json_t *gw_json_fail(gw_json_reader_t *r, const char *why);
static json_t *gw_json_malformed(gw_json_reader_t *r, int c);
static json_t *gw_json_limit(gw_json_reader_t *r, const char *fmt, size_t n);
static int gw_json_twice(gw_json_reader_t *r, const gw_text_t *name,
    const unsigned char *p);
static unsigned gw_json_enter(gw_json_reader_t *r);
static int gw_json_next(gw_json_reader_t *r);
static int gw_json_separator(gw_json_reader_t *r, int close);


json_t *
gw_json_parse(const unsigned char *text, size_t len, gw_json_error_t *error)
{
    static const gw_json_limit_t  none = { 0, NULL, 0 };

    return gw_json_read(text, len, &none, error);
}


json_t *
gw_json_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, gw_json_error_t *error)
{
    json_t            *value;
    gw_json_reader_t   r;

    memset(&r, 0, sizeof(gw_json_reader_t));

    r.p = text;
    r.start = text;
    r.end = text + len;
    r.error = error;
    r.limit = limit->values ? limit->values : SIZE_MAX;
    r.values = r.limit;
    r.names = limit->names;
    r.flat = limit->flat;

    /* enough for all texts: a NUL takes less room than two quotes */
    r.size = len;

    value = NULL;

    if (gw_json_next(&r) == '{') {
        value = gw_json_read_object(&r);

        if (value != NULL && gw_json_next(&r) != -1) {
            json_decref(value);
            value = gw_json_fail(&r, "has bytes after its end");
        }

    } else {
        (void) gw_json_fail(&r, "is not a JSON object");
    }

    free(r.memory);

    return value;
}


/* where nothing is built, returns json_null(), which needs no reference */

static json_t *
gw_json_read_value(gw_json_reader_t *r)
{
    int  c;

    if (r->values-- == 0) {
        return gw_json_limit(r, "has more than %zu values", r->limit);
    }

    c = gw_json_next(r);

    switch (c) {

    case '"':
        return gw_json_read_string(r);

    case '{':
        return gw_json_read_object(r);

    case '[':
        return gw_json_read_array(r);

    case 't':
    case 'f':
    case 'n':
        return gw_json_read_literal(r);

    default:
        return (c == '-' || (c >= '0' && c <= '9'))
               ? gw_json_read_number(r)
               : gw_json_malformed(r, c);
    }
}


static json_t *
gw_json_read_object(gw_json_reader_t *r)
{
    int              c;
    json_t          *object;
    gw_json_seen_t   seen;

    if (!gw_json_enter(r)) {
        return NULL;
    }

    object = r->skip ? json_null() : json_object();
    if (object == NULL) {
        return gw_json_fail(r, "does not fit into memory");
    }

    r->p++;

    if (gw_json_next(r) == '}') {
        r->p++;
        r->depth--;
        return object;
    }

    seen.n = 0;

    do {
        if (gw_json_read_member(r, object, &seen) != 0) {
            json_decref(object);
            return NULL;
        }

        c = gw_json_separator(r, '}');

    } while (c == ',');

    if (c != '}') {
        json_decref(object);
        return gw_json_malformed(r, gw_json_next(r));
    }

    r->depth--;

    return object;
}


static int
gw_json_read_member(gw_json_reader_t *r, json_t *object, gw_json_seen_t *seen)
{
    json_t               *value;
    size_t                members;
    unsigned              skip;
    gw_text_t             name;
    const unsigned char  *p;

    (void) gw_json_next(r);
    p = r->p;

    if (gw_json_read_name(r, &name) != 0) {
        return -1;
    }

    if (gw_json_is_full(r, object, seen)) {
        r->p = p;
        gw_json_limit(r, "has an object of more than %zu members",
                      GW_JSON_MAX_MEMBERS);
        return -1;
    }

    skip = r->skip;

    if (r->depth == 1 && r->names != NULL) {
        r->skip = gw_json_unread(r, &name);
    }

    /* jansson's object detects other duplicates, if no name can be in both */

    if ((r->skip || r->flat) && !gw_json_seen_add(seen, &name)) {
        return gw_json_twice(r, &name, p);
    }

    value = gw_json_read_value(r);

    if (value == NULL) {
        return -1;
    }

    if (r->skip) {
        r->skip = skip;
        return 0;
    }

    members = json_object_size(object);

    if (gw_json_set(r, object, &name, value) != 0) {
        return -1;
    }

    return (json_object_size(object) == members) ? gw_json_twice(r, &name, p)
                                                 : 0;
}


/* "seen" has all names of a flat object, otherwise those that are not built */

static unsigned
gw_json_is_full(const gw_json_reader_t *r, const json_t *object,
    const gw_json_seen_t *seen)
{
    size_t  members;

    members = seen->n + (r->flat ? 0 : json_object_size(object));

    return members >= GW_JSON_MAX_MEMBERS;
}


/* whether a member at the top, whose value follows, is not to be built */

static unsigned
gw_json_unread(gw_json_reader_t *r, const gw_text_t *name)
{
    int  c;

    if (!gw_json_names_has(r->names, name)) {
        return 1;
    }

    c = gw_json_next(r);

    return r->flat && (c == '[' || c == '{');
}


/* advances the reader past the colon */

static int
gw_json_read_name(gw_json_reader_t *r, gw_text_t *name)
{
    int              c;
    gw_json_slice_t  slice;

    c = gw_json_next(r);

    if (c != '"') {
        gw_json_malformed(r, c);
        return -1;
    }

    if (gw_json_slice(r, &slice) != 0) {
        return -1;
    }

    c = gw_json_next(r);

    if (c != ':') {
        gw_json_malformed(r, c);
        return -1;
    }

    r->p++;

    /* jansson requires a NUL after a name */

    if ((slice.escaped || slice.text.len >= GW_JSON_KEY_SIZE)
        && gw_json_decode(r, &slice) != 0)
    {
        return -1;
    }

    *name = slice.text;

    return 0;
}


static json_t *
gw_json_read_array(gw_json_reader_t *r)
{
    int      c;
    json_t  *array, *value;

    if (!gw_json_enter(r)) {
        return NULL;
    }

    array = r->skip ? json_null() : json_array();
    if (array == NULL) {
        return gw_json_fail(r, "does not fit into memory");
    }

    r->p++;

    if (gw_json_next(r) == ']') {
        r->p++;
        r->depth--;
        return array;
    }

    do {
        value = gw_json_read_value(r);

        if (value == NULL
            || (!r->skip && json_array_append_new(array, value) != 0))
        {
            json_decref(array);
            return gw_json_fail(r, "does not fit into memory");
        }

        c = gw_json_separator(r, ']');

    } while (c == ',');

    if (c != ']') {
        json_decref(array);
        return gw_json_malformed(r, gw_json_next(r));
    }

    r->depth--;

    return array;
}


static json_t *
gw_json_read_string(gw_json_reader_t *r)
{
    size_t            used;
    json_t           *value;
    gw_json_slice_t   slice;

    if (gw_json_slice(r, &slice) != 0) {
        return NULL;
    }

    if (r->skip) {
        return json_null();
    }

    used = r->used;

    if (slice.escaped && gw_json_decode(r, &slice) != 0) {
        return NULL;
    }

    value = json_stringn_nocheck((const char *) slice.text.data,
                                 slice.text.len);
    r->used = used;

    return value ? value : gw_json_fail(r, "does not fit into memory");
}


static json_t *
gw_json_read_number(gw_json_reader_t *r)
{
    json_t                  *value;
    const unsigned char     *p;
    gw_json_slice_number_t   number;

    p = gw_json_scan_number(r->p, r->end, &number);
    if (p == NULL) {
        return gw_json_fail(r, "has a number that is malformed or out of "
                               "range");
    }

    r->p = p;

    if (r->skip) {
        return json_null();
    }

    value = number.real
            ? json_loadb((const char *) number.start,
                         (size_t) (number.end - number.start),
                         JSON_DECODE_ANY, NULL)
            : json_integer(number.integer);

    return value ? value : gw_json_fail(r, "does not fit into memory");
}


static json_t *
gw_json_read_literal(gw_json_reader_t *r)
{
    size_t  i, len;

    static const char *const  words[] = { "true", "false", "null" };

    for (i = 0; i < 3; i++) {
        len = strlen(words[i]);

        if ((size_t) (r->end - r->p) >= len
            && memcmp(r->p, words[i], len) == 0)
        {
            r->p += len;

            return (i == 0) ? json_true() : (i == 1) ? json_false()
                                                     : json_null();
        }
    }

    return gw_json_fail(r, "is not well-formed JSON");
}


/* the reader is at the opening quote; advances it past the closing one */

static int
gw_json_slice(gw_json_reader_t *r, gw_json_slice_t *slice)
{
    const unsigned char  *p;

    p = gw_json_scan_string(r->p, r->end, slice);
    if (p == NULL) {
        if (memchr(r->p + 1, '"', (size_t) (r->end - r->p) - 1)) {
            gw_json_fail(r, "has a malformed string");

        } else {
            gw_json_malformed(r, -1);
        }

        return -1;
    }

    r->p = p;

    return 0;
}


/* replaces the text of a slice by a copy without escapes and with a NUL */

static int
gw_json_decode(gw_json_reader_t *r, gw_json_slice_t *slice)
{
    unsigned char  *text;

    if (r->memory == NULL) {
        r->memory = malloc(r->size);

        if (r->memory == NULL) {
            gw_json_fail(r, "does not fit into memory");
            return -1;
        }
    }

    text = r->memory + r->used;

    slice->text.len = gw_json_unescape(slice, text);
    slice->text.data = text;
    text[slice->text.len] = '\0';

    r->used += slice->text.len + 1;

    return 0;
}


/* steals the reference to "value" */

static int
gw_json_set(gw_json_reader_t *r, json_t *object, const gw_text_t *name,
    json_t *value)
{
    char         buf[GW_JSON_KEY_SIZE];
    const char  *key;

    key = (const char *) name->data;

    if (name->len < GW_JSON_KEY_SIZE) {
        memcpy(buf, name->data, name->len);
        buf[name->len] = '\0';
        key = buf;
    }

    if (json_object_set_new_nocheck(object, key, value) != 0) {
        gw_json_fail(r, "does not fit into memory");
        return -1;
    }

    return 0;
}


/* keeps the first reason */

static json_t *
gw_json_fail(gw_json_reader_t *r, const char *why)
{
    if (!r->failed && r->error != NULL) {
        r->error->offset = (size_t) (r->p - r->start);
        (void) snprintf(r->error->why, sizeof(r->error->why), "%s", why);
    }

    r->failed = 1;

    return NULL;
}


/* "c" is the unexpected byte, or -1 for the end of the text */

static json_t *
gw_json_malformed(gw_json_reader_t *r, int c)
{
    const unsigned char  *p;

    if (c == -1) {
        return gw_json_fail(r, "is not well-formed JSON, it ends too early");
    }

    for (p = r->p; p > r->start && strchr(" \t\r\n", p[-1]) != NULL; p--) {
        /* void */
    }

    if ((c == '}' || c == ']') && p > r->start && p[-1] == ',') {
        return gw_json_fail(r, "is not well-formed JSON, a comma must not "
                               "precede a closing bracket");
    }

    return gw_json_fail(r, "is not well-formed JSON");
}


static json_t *
gw_json_limit(gw_json_reader_t *r, const char *fmt, size_t n)
{
    char  why[GW_JSON_WHY];

    (void) snprintf(why, sizeof(why), fmt, n);

    return gw_json_fail(r, why);
}


/* "p" is the second occurrence */

static int
gw_json_twice(gw_json_reader_t *r, const gw_text_t *name,
    const unsigned char *p)
{
    char  shown[GW_JSON_NAME_SIZE];
    char  why[GW_JSON_WHY + GW_JSON_NAME_SIZE];

    r->p = p;

    (void) snprintf(why, sizeof(why), "has a duplicate member \"%s\"",
                    gw_json_show(shown, name));

    (void) gw_json_fail(r, why);

    return -1;
}


static unsigned
gw_json_enter(gw_json_reader_t *r)
{
    if (r->depth == GW_JSON_MAX_DEPTH) {
        gw_json_limit(r, "is nested deeper than %zu levels",
                      GW_JSON_MAX_DEPTH);
        return 0;
    }

    r->depth++;

    return 1;
}


/* skips white space; the next byte, which stays unread, or -1 at the end */

static int
gw_json_next(gw_json_reader_t *r)
{
    while (r->p < r->end) {

        switch (*r->p) {

        case ' ':
        case '\t':
        case '\n':
        case '\r':
            r->p++;
            continue;

        default:
            return *r->p;
        }
    }

    return -1;
}


/* reads the comma or closing bracket after a value; otherwise returns -1 */

static int
gw_json_separator(gw_json_reader_t *r, int close)
{
    int  c;

    c = gw_json_next(r);

    if (c != ',' && c != close) {
        return -1;
    }

    r->p++;

    return c;
}
