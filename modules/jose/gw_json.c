
/*
 * Reading JSON: see gw_json.h.
 *
 * A token's claims are parsed in every request, and jansson's reader, which
 * takes its input byte by byte through a callback, would cost more than all
 * else of an HMAC token.  The reader below therefore knows the structure,
 * plain strings and integers, and builds jansson's values from them; what is
 * rare in a token, a string with an escape or a number with a fraction, it
 * hands to jansson as a slice.  t/fuzz/fuzz_json.c holds both readers
 * against each other: they accept the same texts and give equal values.
 */

#include <string.h>

#include "gw_json.h"


#define GW_JSON_KEY_SIZE  128   /* longer names take the slow way */


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    const char           *why;
    unsigned              depth;
} gw_json_reader_t;


/* a string as it stands in the text, without its quotes */

typedef struct {
    const unsigned char  *data;
    size_t                len;
    unsigned              escaped;   /* holds a backslash */
    unsigned              wide;      /* holds a byte beyond ASCII */
} gw_json_slice_t;


static json_t *gw_json_read_value(gw_json_reader_t *r);
static json_t *gw_json_read_object(gw_json_reader_t *r);
static int gw_json_read_member(gw_json_reader_t *r, json_t *object);
static json_t *gw_json_read_array(gw_json_reader_t *r);
static json_t *gw_json_read_string(gw_json_reader_t *r);
static json_t *gw_json_read_number(gw_json_reader_t *r);
static json_t *gw_json_read_literal(gw_json_reader_t *r);

static int gw_json_slice(gw_json_reader_t *r, gw_json_slice_t *slice);
static json_t *gw_json_string(gw_json_reader_t *r,
    const gw_json_slice_t *slice);
static int gw_json_set(gw_json_reader_t *r, json_t *object,
    const gw_json_slice_t *name, json_t *value);
static json_t *gw_json_slow(gw_json_reader_t *r, const unsigned char *text,
    size_t len, const char *why);
static json_t *gw_json_fail(gw_json_reader_t *r, const char *why);
static unsigned gw_json_enter(gw_json_reader_t *r);
static int gw_json_next(gw_json_reader_t *r);
static int gw_json_separator(gw_json_reader_t *r, int close);


json_t *
gw_json_parse(const unsigned char *text, size_t len, const char **why)
{
    json_t            *value;
    gw_json_reader_t   r;

    memset(&r, 0, sizeof(gw_json_reader_t));

    r.p = text;
    r.end = text + len;

    value = NULL;

    if (gw_json_next(&r) == '{') {
        value = gw_json_read_object(&r);

        if (value != NULL && gw_json_next(&r) != -1) {
            json_decref(value);
            value = gw_json_fail(&r, "has bytes after its end");
        }

    } else {
        r.why = "is not a JSON object";
    }

    if (value == NULL && why != NULL) {
        *why = r.why;
    }

    return value;
}


static json_t *
gw_json_read_value(gw_json_reader_t *r)
{
    int  c;

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
        return gw_json_read_number(r);
    }
}


static json_t *
gw_json_read_object(gw_json_reader_t *r)
{
    int      c;
    json_t  *object;

    if (!gw_json_enter(r)) {
        return NULL;
    }

    object = json_object();
    if (object == NULL) {
        return gw_json_fail(r, "does not fit into memory");
    }

    r->p++;

    if (gw_json_next(r) == '}') {
        r->p++;
        r->depth--;
        return object;
    }

    do {
        if (gw_json_read_member(r, object) != 0) {
            json_decref(object);
            return NULL;
        }

        c = gw_json_separator(r, '}');

    } while (c == ',');

    if (c != '}') {
        json_decref(object);
        return gw_json_fail(r, "is not well-formed JSON");
    }

    r->depth--;

    return object;
}


static int
gw_json_read_member(gw_json_reader_t *r, json_t *object)
{
    json_t           *value;
    gw_json_slice_t   name;

    if (gw_json_next(r) != '"' || gw_json_slice(r, &name) != 0
        || gw_json_next(r) != ':')
    {
        gw_json_fail(r, "is not well-formed JSON");
        return -1;
    }

    if (json_object_size(object) == GW_JSON_MAX_MEMBERS) {
        gw_json_fail(r, "has an object of too many members");
        return -1;
    }

    r->p++;

    value = gw_json_read_value(r);
    if (value == NULL) {
        return -1;
    }

    return gw_json_set(r, object, &name, value);
}


static json_t *
gw_json_read_array(gw_json_reader_t *r)
{
    int      c;
    json_t  *array, *value;

    if (!gw_json_enter(r)) {
        return NULL;
    }

    array = json_array();
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

        if (value == NULL || json_array_append_new(array, value) != 0) {
            json_decref(array);
            return gw_json_fail(r, "does not fit into memory");
        }

        c = gw_json_separator(r, ']');

    } while (c == ',');

    if (c != ']') {
        json_decref(array);
        return gw_json_fail(r, "is not well-formed JSON");
    }

    r->depth--;

    return array;
}


static json_t *
gw_json_read_string(gw_json_reader_t *r)
{
    gw_json_slice_t  slice;

    if (gw_json_slice(r, &slice) != 0) {
        return gw_json_fail(r, "is not well-formed JSON");
    }

    return gw_json_string(r, &slice);
}


/* an integer of up to 18 digits; all else that a number may be is jansson's */

static json_t *
gw_json_read_number(gw_json_reader_t *r)
{
    json_t               *value;
    json_int_t            n;
    const unsigned char  *p, *start, *digits;

    start = r->p;
    p = start + (start < r->end && *start == '-');
    digits = p;

    for (n = 0; p < r->end && *p >= '0' && *p <= '9' && p - digits < 18; p++) {
        n = n * 10 + (*p - '0');
    }

    if (p == digits) {
        return gw_json_fail(r, "is not well-formed JSON");
    }

    if (p == r->end || strchr("0123456789.eE", *p) == NULL || *p == '\0') {
        if (*digits == '0' && p - digits > 1) {
            return gw_json_fail(r, "is not well-formed JSON");
        }

        r->p = p;
        value = json_integer(*start == '-' ? -n : n);

        return value ? value : gw_json_fail(r, "does not fit into memory");
    }

    while (p < r->end && *p != '\0' && strchr("0123456789.eE+-", *p)) {
        p++;
    }

    r->p = p;

    return gw_json_slow(r, start, (size_t) (p - start),
                        "has a number that is malformed or out of range");
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


/* at the opening quote; leaves the reader behind the closing one */

static int
gw_json_slice(gw_json_reader_t *r, gw_json_slice_t *slice)
{
    unsigned              wide;
    const unsigned char  *p, *end;

    end = r->end;
    wide = 0;

    slice->data = r->p + 1;
    slice->escaped = 0;

    for (p = slice->data; p < end && *p != '"'; p++) {

        if (*p < 0x20) {
            return -1;
        }

        if (*p == '\\') {
            slice->escaped = 1;

            if (++p == end) {
                return -1;
            }
        }

        wide |= *p;
    }

    if (p >= end) {
        return -1;
    }

    slice->wide = wide & 0x80;
    slice->len = (size_t) (p - slice->data);
    r->p = p + 1;

    return 0;
}


static json_t *
gw_json_string(gw_json_reader_t *r, const gw_json_slice_t *slice)
{
    json_t      *value;
    const char  *text;

    if (slice->escaped) {
        return gw_json_slow(r, slice->data - 1, slice->len + 2,
                            "has a malformed string");
    }

    text = (const char *) slice->data;

    /* the first checks UTF-8, the second has nothing to check */

    value = slice->wide ? json_stringn(text, slice->len)
                        : json_stringn_nocheck(text, slice->len);

    return value ? value : gw_json_fail(r, "has a malformed string");
}


/* takes the reference to "value" */

static int
gw_json_set(gw_json_reader_t *r, json_t *object, const gw_json_slice_t *name,
    json_t *value)
{
    int      rc;
    char     key[GW_JSON_KEY_SIZE];
    size_t   size;
    json_t  *string;

    size = json_object_size(object);

    if (name->escaped || name->wide || name->len >= GW_JSON_KEY_SIZE) {
        string = gw_json_string(r, name);
        if (string == NULL) {
            json_decref(value);
            return -1;
        }

        rc = json_object_set_new_nocheck(object, json_string_value(string),
                                         value);
        json_decref(string);

    } else {
        memcpy(key, name->data, name->len);
        key[name->len] = '\0';

        rc = json_object_set_new_nocheck(object, key, value);
    }

    if (rc != 0) {
        gw_json_fail(r, "does not fit into memory");
        return -1;
    }

    if (json_object_size(object) == size) {
        gw_json_fail(r, "has a member twice");
        return -1;
    }

    return 0;
}


static json_t *
gw_json_slow(gw_json_reader_t *r, const unsigned char *text, size_t len,
    const char *why)
{
    json_t  *value;

    value = json_loadb((const char *) text, len, JSON_DECODE_ANY, NULL);

    return value ? value : gw_json_fail(r, why);
}


/* the first reason stays */

static json_t *
gw_json_fail(gw_json_reader_t *r, const char *why)
{
    if (r->why == NULL) {
        r->why = why;
    }

    return NULL;
}


static unsigned
gw_json_enter(gw_json_reader_t *r)
{
    if (r->depth == GW_JSON_MAX_DEPTH) {
        gw_json_fail(r, "is nested too deeply");
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


/* reads what follows a value: a comma or the closing bracket, else -1 */

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
