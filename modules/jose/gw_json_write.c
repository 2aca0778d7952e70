/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writing JSON, and measuring it: see gw_json.h.
 *
 * jansson prints 0.1 as 0.10000000000000001, which differs from the text of the
 * token.
 */

#include <float.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"


/* reals from 10^-7 up to here are written without an exponent */
#define GW_JSON_PLAIN_EXPONENT  16


/*
 * The sizes of jansson 2.14's types.  An object or array has room for a power
 * of two of members or elements.
 */

#define GW_JSON_OBJECT       72
#define GW_JSON_MEMBER       56      /* and the name with its NUL */
#define GW_JSON_BUCKET       16
#define GW_JSON_ARRAY        40
#define GW_JSON_ELEMENT      8
#define GW_JSON_STRING       32      /* and the text with its NUL */
#define GW_JSON_NUMBER       24
#define GW_JSON_MIN_ROOM     8


typedef struct {
    unsigned char        *dst;       /* NULL: only counts */
    size_t                len;
} gw_json_writer_t;


static void gw_json_write(gw_json_writer_t *w, const json_t *value);
static void gw_json_write_object(gw_json_writer_t *w, const json_t *value);
static void gw_json_write_array(gw_json_writer_t *w, const json_t *value);
static void gw_json_write_string(gw_json_writer_t *w, const char *text,
    size_t len);
static void gw_json_write_number(gw_json_writer_t *w, const json_t *value);
static void gw_json_put(gw_json_writer_t *w, const void *text, size_t len);

static size_t gw_json_integer_text(json_int_t value, unsigned char *dst);
static size_t gw_json_real_text(double value, unsigned char *dst);
static size_t gw_json_number_copy(const char *text, unsigned char *dst);

static size_t gw_json_object_memory(const json_t *value);
static size_t gw_json_array_memory(const json_t *value);
static size_t gw_json_room(size_t n);
static size_t gw_json_allocated(size_t size);


size_t
gw_json_text(const json_t *value, unsigned char *dst)
{
    gw_json_writer_t  w;

    w.dst = dst;
    w.len = 0;

    gw_json_write(&w, value);

    return w.len;
}


static void
gw_json_write(gw_json_writer_t *w, const json_t *value)
{
    switch (json_typeof(value)) {

    case JSON_OBJECT:
        gw_json_write_object(w, value);
        break;

    case JSON_ARRAY:
        gw_json_write_array(w, value);
        break;

    case JSON_STRING:
        gw_json_write_string(w, json_string_value(value),
                             json_string_length(value));
        break;

    case JSON_INTEGER:
    case JSON_REAL:
        gw_json_write_number(w, value);
        break;

    case JSON_TRUE:
        gw_json_put(w, "true", 4);
        break;

    case JSON_FALSE:
        gw_json_put(w, "false", 5);
        break;

    case JSON_NULL:
        gw_json_put(w, "null", 4);
        break;
    }
}


static void
gw_json_write_object(gw_json_writer_t *w, const json_t *value)
{
    void        *iter;
    json_t      *object;
    const char  *key;

    /* jansson's iterators take no const object, though they change nothing */
    object = (json_t *) (uintptr_t) value;

    gw_json_put(w, "{", 1);

    iter = json_object_iter(object);

    while (iter != NULL) {
        key = json_object_iter_key(iter);

        gw_json_write_string(w, key, strlen(key));
        gw_json_put(w, ":", 1);
        gw_json_write(w, json_object_iter_value(iter));

        iter = json_object_iter_next(object, iter);

        if (iter != NULL) {
            gw_json_put(w, ",", 1);
        }
    }

    gw_json_put(w, "}", 1);
}


static void
gw_json_write_array(gw_json_writer_t *w, const json_t *value)
{
    size_t  i;

    gw_json_put(w, "[", 1);

    for (i = 0; i < json_array_size(value); i++) {
        if (i > 0) {
            gw_json_put(w, ",", 1);
        }

        gw_json_write(w, json_array_get(value, i));
    }

    gw_json_put(w, "]", 1);
}


static void
gw_json_write_string(gw_json_writer_t *w, const char *text, size_t len)
{
    char            escape[8];
    const char     *p, *plain, *end;
    unsigned char   c;

    end = text + len;

    gw_json_put(w, "\"", 1);

    for (p = plain = text; p < end; p++) {
        c = (unsigned char) *p;

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            continue;
        }

        gw_json_put(w, plain, (size_t) (p - plain));
        plain = p + 1;

        if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof(escape), "\\u%04x", c);
            gw_json_put(w, escape, 6);

        } else {
            escape[0] = '\\';
            escape[1] = (char) c;
            gw_json_put(w, escape, 2);
        }
    }

    gw_json_put(w, plain, (size_t) (p - plain));
    gw_json_put(w, "\"", 1);
}


static void
gw_json_write_number(gw_json_writer_t *w, const json_t *value)
{
    size_t         len;
    unsigned char  text[GW_JSON_NUMBER_SIZE];

    len = gw_json_number(value, text);
    gw_json_put(w, text, len);
}


static void
gw_json_put(gw_json_writer_t *w, const void *text, size_t len)
{
    if (w->dst != NULL) {
        memcpy(w->dst + w->len, text, len);
    }

    w->len += len;
}


size_t
gw_json_number(const json_t *number, unsigned char *dst)
{
    if (json_is_integer(number)) {
        return gw_json_integer_text(json_integer_value(number), dst);
    }

    return gw_json_real_text(json_real_value(number), dst);
}


static size_t
gw_json_integer_text(json_int_t value, unsigned char *dst)
{
    size_t              len;
    unsigned char       text[GW_JSON_NUMBER_SIZE], *p, *end;
    unsigned long long  n;

    n = (unsigned long long) value;

    if (value < 0) {
        n = 0 - n;
    }

    p = end = text + GW_JSON_NUMBER_SIZE;

    do {
        *--p = (unsigned char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    if (value < 0) {
        *--p = '-';
    }

    len = (size_t) (end - p);
    memcpy(dst, p, len);

    return len;
}


/*
 * The fewest digits that read back as the same number.  Layout as in RFC 8785,
 * 3.2.2.3, except that the exponent begins at 10^16: every number without one
 * then fits 64 bits when it is read as an integer.
 */

static size_t
gw_json_real_text(double value, unsigned char *dst)
{
    int   precision, exponent;
    char  text[GW_JSON_NUMBER_SIZE], *e;

    if (value == 0) {
        dst[0] = '0';    /* of -0.0, too */
        return 1;
    }

    precision = -1;

    do {
        snprintf(text, sizeof(text), "%.*e", ++precision, value);
    } while (strtod(text, NULL) != value && precision < DBL_DECIMAL_DIG - 1);

    e = strchr(text, 'e');
    exponent = atoi(e + 1);

    if (exponent >= -7 && exponent < GW_JSON_PLAIN_EXPONENT) {
        snprintf(text, sizeof(text), "%.*f",
                 precision > exponent ? precision - exponent : 0, value);

    } else {
        /* "e+16" becomes "e16", "e-08" becomes "e-8" */
        snprintf(e + 1, sizeof(text) - (size_t) (e + 1 - text), "%d",
                 exponent);
    }

    return gw_json_number_copy(text, dst);
}


/*
 * nginx never calls setlocale(), a library in its process may: a decimal point
 * of another locale, possibly of several bytes, becomes ".".
 */

static size_t
gw_json_number_copy(const char *text, unsigned char *dst)
{
    size_t  n;

    for (n = 0; *text != '\0'; text++) {

        if (strchr("-0123456789e", *text) != NULL) {
            dst[n++] = (unsigned char) *text;

        } else if (dst[n - 1] != '.') {
            dst[n++] = '.';
        }
    }

    return n;
}


size_t
gw_json_memory(const json_t *value)
{
    if (value == NULL) {
        return 0;
    }

    switch (json_typeof(value)) {

    case JSON_OBJECT:
        return gw_json_object_memory(value);

    case JSON_ARRAY:
        return gw_json_array_memory(value);

    case JSON_STRING:
        return gw_json_allocated(GW_JSON_STRING)
               + gw_json_allocated(json_string_length(value) + 1);

    case JSON_INTEGER:
    case JSON_REAL:
        return gw_json_allocated(GW_JSON_NUMBER);

    default:
        return 0;       /* true, false, null: jansson has one of each */
    }
}


static size_t
gw_json_object_memory(const json_t *value)
{
    void    *iter;
    size_t   size;
    json_t  *object;

    object = (json_t *) (uintptr_t) value;

    size = gw_json_allocated(GW_JSON_OBJECT)
           + gw_json_allocated(gw_json_room(json_object_size(value))
                               * GW_JSON_BUCKET);

    for (iter = json_object_iter(object);
         iter != NULL;
         iter = json_object_iter_next(object, iter))
    {
        size += gw_json_allocated(GW_JSON_MEMBER + 1
                                  + strlen(json_object_iter_key(iter)))
                + gw_json_memory(json_object_iter_value(iter));
    }

    return size;
}


static size_t
gw_json_array_memory(const json_t *value)
{
    size_t  i, n, size;

    n = json_array_size(value);

    size = gw_json_allocated(GW_JSON_ARRAY)
           + gw_json_allocated(gw_json_room(n) * GW_JSON_ELEMENT);

    for (i = 0; i < n; i++) {
        size += gw_json_memory(json_array_get(value, i));
    }

    return size;
}


static size_t
gw_json_room(size_t n)
{
    size_t  room;

    for (room = GW_JSON_MIN_ROOM; room < n; room *= 2) { /* void */ }

    return room;
}


/* malloc() adds a word, rounds up to 16 bytes and gives at least 32 */

static size_t
gw_json_allocated(size_t size)
{
    size = (size + 8 + 15) & ~(size_t) 15;

    return size < 32 ? 32 : size;
}
