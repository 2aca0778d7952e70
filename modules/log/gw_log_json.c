/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON from any bytes: see gw_log_json.h.
 *
 * Most of what is logged is printable ASCII.  It is tested and copied eight
 * bytes at a time; other bytes take a slower path.
 */

#include <string.h>

#include "gw_log_json.h"


#define GW_LOG_BYTES(c)  (0x0101010101010101ull * (c))

/* sets the high bit of each zero byte, and maybe of bytes above the first */
#define GW_LOG_ZERO(w)   (((w) - GW_LOG_BYTES(0x01)) & ~(w))


/* the replacement character U+FFFD */
static const unsigned char  gw_log_replacement[] = { 0xef, 0xbf, 0xbd };

static const char  gw_log_hex[] = "0123456789abcdef";


size_t
gw_log_utf8(const unsigned char *s, const unsigned char *last, int *valid)
{
    size_t         i, len;
    unsigned char  c, low, high;

    c = s[0];
    low = 0x80;
    high = 0xbf;

    *valid = 1;

    if (c < 0x80) {
        return 1;
    }

    if (c >= 0xc2 && c <= 0xdf) {
        len = 2;

    } else if ((c & 0xf0) == 0xe0) {
        len = 3;
        low = (c == 0xe0) ? 0xa0 : 0x80;    /* no overlong forms */
        high = (c == 0xed) ? 0x9f : 0xbf;   /* no surrogates */

    } else if (c >= 0xf0 && c <= 0xf4) {
        len = 4;
        low = (c == 0xf0) ? 0x90 : 0x80;    /* no overlong forms */
        high = (c == 0xf4) ? 0x8f : 0xbf;   /* nothing above U+10FFFF */

    } else {
        *valid = 0;
        return 1;
    }

    for (i = 1; i < len; i++) {
        if (s + i == last || s[i] < low || s[i] > high) {
            *valid = 0;
            return i;
        }

        low = 0x80;
        high = 0xbf;
    }

    return len;
}


/* whether all eight bytes are ASCII and need no escape */

static int
gw_log_clean(uint64_t w)
{
    uint64_t  dirty;

    dirty = w | (w + GW_LOG_BYTES(0x01))                /* >= 0x7f */
            | ((w - GW_LOG_BYTES(0x20)) & ~w)           /* < 0x20 */
            | GW_LOG_ZERO(w ^ GW_LOG_BYTES('"'))
            | GW_LOG_ZERO(w ^ GW_LOG_BYTES('\\'));

    return (dirty & GW_LOG_BYTES(0x80)) == 0;
}


/* writes the escape of a byte; returns its length, or 0: not needed */

static size_t
gw_log_escape(unsigned char *out, unsigned char c)
{
    static const char  letters[] = "btn\0fr";

    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
        return 0;
    }

    out[0] = '\\';

    if (c == '"' || c == '\\') {
        out[1] = c;
        return 2;
    }

    if (c >= '\b' && c <= '\r' && c != '\v') {
        out[1] = (unsigned char) letters[c - '\b'];
        return 2;
    }

    memcpy(out + 1, "u00", 3);
    out[4] = (unsigned char) gw_log_hex[c >> 4];
    out[5] = (unsigned char) gw_log_hex[c & 0xf];

    return GW_LOG_JSON_BYTE;
}


/*
 * Writes the escape of U+0085, U+2028 or U+2029, which some readers take for a
 * line end; returns its length, or 0: another character.
 */

static size_t
gw_log_line_end(unsigned char *out, const unsigned char *s, size_t len)
{
    if (len == 2 && s[0] == 0xc2 && s[1] == 0x85) {
        memcpy(out, "\\u0085", GW_LOG_JSON_BYTE);
        return GW_LOG_JSON_BYTE;
    }

    if (len == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8) {
        memcpy(out, "\\u2028", GW_LOG_JSON_BYTE);
        out[GW_LOG_JSON_BYTE - 1] += s[2] & 1;
        return GW_LOG_JSON_BYTE;
    }

    return 0;
}


/*
 * Copies 1 to 7 bytes, as parts that may overlap; returns their number, or 0: a
 * byte needs an escape, and nothing is copied.
 */

static size_t
gw_log_short(unsigned char *p, const unsigned char *s, size_t len)
{
    uint32_t  a, b;

    if (len >= 4) {
        memcpy(&a, s, 4);
        memcpy(&b, s + len - 4, 4);

        if (!gw_log_clean((uint64_t) a << 32 | b)) {
            return 0;
        }

        memcpy(p, &a, 4);
        memcpy(p + len - 4, &b, 4);

        return len;
    }

    /* with less than three bytes, some are copied twice */

    a = s[0] | (uint32_t) s[len / 2] << 8 | (uint32_t) s[len - 1] << 16;

    if (!gw_log_clean(GW_LOG_BYTES(' ') << 24 | a)) {
        return 0;
    }

    p[0] = s[0];
    p[len / 2] = s[len / 2];
    p[len - 1] = s[len - 1];

    return len;
}


/*
 * The output for the character or byte at "s": "n" bytes at "out", which points
 * to the input, or to "room" of GW_LOG_JSON_BYTE bytes.  Returns the length of
 * the input.
 */

static size_t
gw_log_unit(const unsigned char *s, const unsigned char *end,
    unsigned char *room, const unsigned char **out, size_t *n)
{
    int     valid;
    size_t  in;

    *out = s;

    if (*s < 0x80) {
        *n = gw_log_escape(room, *s);

        if (*n) {
            *out = room;

        } else {
            *n = 1;
        }

        return 1;
    }

    in = gw_log_utf8(s, end, &valid);

    if (!valid) {
        *out = gw_log_replacement;
        *n = sizeof(gw_log_replacement);
        return in;
    }

    *n = gw_log_line_end(room, s, in);

    if (*n) {
        *out = room;

    } else {
        *n = in;
    }

    return in;
}


unsigned char *
gw_log_json_string(unsigned char *p, unsigned char *last,
    const gw_text_t *text, unsigned *cut)
{
    size_t                in, n;
    uint64_t              w;
    unsigned char         room[GW_LOG_JSON_BYTE];
    const unsigned char  *s, *end, *out;

    s = text->data;
    end = s + text->len;

    while (s < end) {

        while (end - s >= 8 && last - p >= 8) {
            memcpy(&w, s, 8);

            if (!gw_log_clean(w)) {
                break;
            }

            memcpy(p, &w, 8);
            p += 8;
            s += 8;
        }

        if (s < end && end - s < 8 && last - p >= 8) {
            n = gw_log_short(p, s, (size_t) (end - s));
            p += n;
            s += n;
        }

        if (s == end) {
            break;
        }

        in = gw_log_unit(s, end, room, &out, &n);

        if ((size_t) (last - p) < n) {
            *cut = 1;
            break;
        }

        s += in;

        while (n--) {
            *p++ = *out++;
        }
    }

    return p;
}


/* the end of a run of digits */

static const unsigned char *
gw_log_digits(const unsigned char *p, const unsigned char *last)
{
    while (p < last && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


/*
 * Parses an integer at the start of a text: returns its end; NULL: no integer,
 * or one with a leading zero.
 */

static const unsigned char *
gw_log_integer(const gw_text_t *text, gw_text_t *digits)
{
    const unsigned char  *p, *last;

    p = text->data;
    last = p + text->len;

    if (p < last && *p == '-') {
        p++;
    }

    digits->data = p;
    p = gw_log_digits(p, last);
    digits->len = (size_t) (p - digits->data);

    if (digits->len == 0 || (digits->len > 1 && digits->data[0] == '0')) {
        return NULL;
    }

    return p;
}


int
gw_log_json_is_int(const gw_text_t *text)
{
    gw_text_t             digits;
    const unsigned char  *p;
    static const char     most[] = "9223372036854775807";

    p = gw_log_integer(text, &digits);

    if (p == NULL || p != text->data + text->len) {
        return 0;
    }

    return digits.len < sizeof(most) - 1
           || (digits.len == sizeof(most) - 1
               && memcmp(digits.data, most, digits.len) <= 0);
}


int
gw_log_json_is_number(const gw_text_t *text)
{
    int                   minus;
    size_t                exponent;
    gw_text_t             digits;
    const unsigned char  *p, *q, *last;

    p = gw_log_integer(text, &digits);
    last = text->data + text->len;

    if (p == NULL) {
        return 0;
    }

    if (p < last && *p == '.') {
        q = gw_log_digits(p + 1, last);

        if (q == p + 1) {
            return 0;
        }

        p = q;
    }

    exponent = 0;

    if (p < last && (*p | 0x20) == 'e') {
        p++;
        minus = (p < last && *p == '-');

        if (p < last && (*p == '-' || *p == '+')) {
            p++;
        }

        q = gw_log_digits(p, last);

        if (q == p) {
            return 0;
        }

        while (p < q && !minus && exponent <= 308) {
            exponent = exponent * 10 + (size_t) (*p++ - '0');
        }

        p = q;
    }

    return p == last && digits.len <= 308 && digits.len + exponent <= 308;
}


static int
gw_log_same(const gw_text_t *text, const char *word)
{
    return text->len == strlen(word)
           && memcmp(text->data, word, text->len) == 0;
}


int
gw_log_json_bool(const gw_text_t *text)
{
    if (gw_log_same(text, "1") || gw_log_same(text, "true")
        || gw_log_same(text, "on"))
    {
        return 1;
    }

    if (gw_log_same(text, "0") || gw_log_same(text, "false")
        || gw_log_same(text, "off"))
    {
        return 0;
    }

    return -1;
}
