/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writing JSON: see gw_json.h.
 *
 * jansson's own writer prints 0.1 as 0.10000000000000001, which no user would
 * compare with what the token holds.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"


/* reals from 10^-7 up to here are written without an exponent */
#define GW_JSON_PLAIN_EXPONENT  16


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
static int gw_json_shortest(double value, char *digits, size_t *len);
static size_t gw_json_plain(const char *digits, int len, int point,
    unsigned char *dst);
static size_t gw_json_scientific(const char *digits, int len, int exponent,
    unsigned char *dst);


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
 * Layout as in RFC 8785, 3.2.2.3, except that the exponent begins at 10^16:
 * every number without one then fits 64 bits when it is read as an integer.
 */

static size_t
gw_json_real_text(double value, unsigned char *dst)
{
    int     exponent;
    char    digits[32];
    size_t  len, sign;

    sign = 0;

    if (value < 0) {
        dst[sign++] = '-';
        value = -value;
    }

    exponent = gw_json_shortest(value, digits, &len);

    if (exponent >= -7 && exponent < GW_JSON_PLAIN_EXPONENT) {
        return sign + gw_json_plain(digits, (int) len, exponent + 1,
                                    dst + sign);
    }

    return sign + gw_json_scientific(digits, (int) len, exponent, dst + sign);
}


/*
 * The fewest digits that read back as the same value, without point, and
 * the decimal exponent of the first.  What the locale puts for the decimal
 * point, possibly several bytes, is passed over.
 */

static int
gw_json_shortest(double value, char *digits, size_t *len)
{
    int     precision;
    char    text[64], *p;
    size_t  n;

    for (precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof(text), "%.*e", precision, value);

        if (strtod(text, NULL) == value) {
            break;
        }
    }

    n = 0;
    digits[0] = '0';

    for (p = text; *p != 'e' && *p != '\0'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[n++] = *p;
        }
    }

    *len = n;

    return (*p == 'e') ? (int) strtol(p + 1, NULL, 10) : 0;
}


/* "point" digits stand before the decimal point; negative: zeros after it */

static size_t
gw_json_plain(const char *digits, int len, int point, unsigned char *dst)
{
    int             i;
    unsigned char  *p;

    p = dst;

    if (point <= 0) {
        *p++ = '0';
        *p++ = '.';

        for (i = point; i < 0; i++) {
            *p++ = '0';
        }
    }

    for (i = 0; i < len; i++) {
        if (i == point && i > 0) {
            *p++ = '.';
        }

        *p++ = (unsigned char) digits[i];
    }

    for ( /* void */ ; i < point; i++) {
        *p++ = '0';
    }

    return (size_t) (p - dst);
}


static size_t
gw_json_scientific(const char *digits, int len, int exponent,
    unsigned char *dst)
{
    unsigned char  *p;

    p = dst;

    *p++ = (unsigned char) digits[0];

    if (len > 1) {
        *p++ = '.';
        memcpy(p, digits + 1, (size_t) len - 1);
        p += len - 1;
    }

    *p++ = 'e';

    return (size_t) (p - dst) + gw_json_integer_text(exponent, p);
}
