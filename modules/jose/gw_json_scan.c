/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Strings and numbers in JSON: see gw_json_scan.h.
 */

#include <stdint.h>
#include <string.h>

#include "gw_json_scan.h"


#define GW_JSON_ONES            0x0101010101010101ULL

#define GW_JSON_INTEGER_DIGITS  19          /* of 2^63 */
#define GW_JSON_REAL_DIGITS     309         /* of 2^1024 */
#define GW_JSON_MAX_EXPONENT    100000000   /* more digits change nothing */


static const unsigned char *gw_json_skip_plain(const unsigned char *p,
    const unsigned char *end);
static size_t gw_json_escape(const unsigned char *p, const unsigned char *end,
    uint32_t *code);
static int gw_json_hex(const unsigned char *p, const unsigned char *end,
    uint32_t *code);
static size_t gw_json_encode(uint32_t code, unsigned char *dst);

static const unsigned char *gw_json_digits(const unsigned char *p,
    const unsigned char *end);
static int gw_json_integer(gw_json_slice_number_t *number);
static int gw_json_finite(const gw_json_slice_number_t *number);
static long gw_json_exponent(const unsigned char *p,
    const unsigned char *end);
static int gw_json_below_infinity(const unsigned char *p,
    const unsigned char *end);


const unsigned char *
gw_json_scan_string(const unsigned char *p, const unsigned char *end,
    gw_json_slice_t *slice)
{
    size_t    n;
    uint32_t  code;

    slice->text.data = ++p;
    slice->escaped = 0;

    for ( ;; ) {
        p = gw_json_skip_plain(p, end);

        if (p == end || *p == '"') {
            break;
        }

        if (*p == '\\') {
            slice->escaped = 1;
            n = gw_json_escape(p, end, &code);

        } else {
            n = (*p >= 0x80) ? gw_json_utf8(p, end) : 0;
        }

        if (n == 0) {
            return NULL;
        }

        p += n;
    }

    if (p == end) {
        return NULL;
    }

    slice->text.len = (size_t) (p - slice->text.data);

    return p + 1;
}


/*
 * Finds the first byte that is not ASCII, is a control character, a quote or a
 * backslash.  Checks eight bytes at a time: if none of them is such a byte, no
 * subtraction below borrows, and none sets the highest bit of a byte.
 */

static const unsigned char *
gw_json_skip_plain(const unsigned char *p, const unsigned char *end)
{
    uint64_t  word;

    while (end - p >= 8) {
        memcpy(&word, p, 8);

        if ((word | (word - 0x20 * GW_JSON_ONES)
             | ((word ^ '"' * GW_JSON_ONES) - GW_JSON_ONES)
             | ((word ^ '\\' * GW_JSON_ONES) - GW_JSON_ONES))
            & (0x80 * GW_JSON_ONES))
        {
            break;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


size_t
gw_json_utf8(const unsigned char *p, const unsigned char *end)
{
    size_t         i, n;
    unsigned char  low, high;

    if (*p < 0xc2 || *p > 0xf4) {
        return 0;
    }

    n = 2 + (*p >= 0xe0) + (*p >= 0xf0);

    if ((size_t) (end - p) < n) {
        return 0;
    }

    /* not overlong, not a surrogate, not above U+10FFFF */

    low = (*p == 0xe0) ? 0xa0 : (*p == 0xf0) ? 0x90 : 0x80;
    high = (*p == 0xed) ? 0x9f : (*p == 0xf4) ? 0x8f : 0xbf;

    if (p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


/* RFC 8259, 7: returns the length of an escape or a pair; 0: malformed */

static size_t
gw_json_escape(const unsigned char *p, const unsigned char *end,
    uint32_t *code)
{
    uint32_t     low;
    const char  *c;

    static const char  letters[] = "\"\\/bfnrt";
    static const char  meanings[] = "\"\\/\b\f\n\r\t";

    if (end - p < 2) {
        return 0;
    }

    if (p[1] != 'u') {
        c = p[1] ? strchr(letters, p[1]) : NULL;

        if (c == NULL) {
            return 0;
        }

        *code = (unsigned char) meanings[c - letters];

        return 2;
    }

    if (!gw_json_hex(p + 2, end, code) || *code == 0) {
        return 0;
    }

    if (*code < 0xd800 || *code > 0xdfff) {
        return 6;
    }

    if (*code > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u'
        || !gw_json_hex(p + 8, end, &low) || low < 0xdc00 || low > 0xdfff)
    {
        return 0;
    }

    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);

    return 12;
}


static int
gw_json_hex(const unsigned char *p, const unsigned char *end, uint32_t *code)
{
    int            i;
    unsigned char  c;

    if (end - p < 4) {
        return 0;
    }

    *code = 0;

    for (i = 0; i < 4; i++) {
        c = (unsigned char) (p[i] | 0x20);

        if (p[i] >= '0' && p[i] <= '9') {
            *code = *code * 16 + (uint32_t) (p[i] - '0');

        } else if (c >= 'a' && c <= 'f') {
            *code = *code * 16 + (uint32_t) (c - 'a' + 10);

        } else {
            return 0;
        }
    }

    return 1;
}


size_t
gw_json_unescape(const gw_json_slice_t *slice, unsigned char *dst)
{
    uint32_t              code;
    unsigned char        *start;
    const unsigned char  *p, *end;

    start = dst;
    p = slice->text.data;
    end = p + slice->text.len;

    while (p < end) {

        if (*p != '\\') {
            *dst++ = *p++;
            continue;
        }

        p += gw_json_escape(p, end, &code);
        dst += gw_json_encode(code, dst);
    }

    return (size_t) (dst - start);
}


static size_t
gw_json_encode(uint32_t code, unsigned char *dst)
{
    size_t  i, n;

    static const unsigned char  lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    n = 1 + (code > 0x7f) + (code > 0x7ff) + (code > 0xffff);

    for (i = n - 1; i > 0; i--) {
        dst[i] = (unsigned char) (0x80 | (code & 0x3f));
        code >>= 6;
    }

    dst[0] = (unsigned char) (lead[n] | code);

    return n;
}


/* RFC 8259, 6 */

const unsigned char *
gw_json_scan_number(const unsigned char *p, const unsigned char *end,
    gw_json_slice_number_t *number)
{
    number->start = p;
    number->real = 0;

    p += (p < end && *p == '-');
    p = (p < end && *p == '0') ? p + 1 : gw_json_digits(p, end);

    if (p != NULL && p < end && *p == '.') {
        number->real = 1;
        p = gw_json_digits(p + 1, end);
    }

    if (p != NULL && p < end && (*p == 'e' || *p == 'E')) {
        number->real = 1;
        p++;
        p += (p < end && (*p == '-' || *p == '+'));
        p = gw_json_digits(p, end);
    }

    if (p == NULL) {
        return NULL;
    }

    number->end = p;

    return (number->real ? gw_json_finite(number) : gw_json_integer(number))
           ? p : NULL;
}


/* NULL: there is none */

static const unsigned char *
gw_json_digits(const unsigned char *p, const unsigned char *end)
{
    const unsigned char  *start;

    for (start = p; p < end && *p >= '0' && *p <= '9'; p++) { /* void */ }

    return (p > start) ? p : NULL;
}


static int
gw_json_integer(gw_json_slice_number_t *number)
{
    uint64_t              n;
    unsigned              minus;
    const unsigned char  *p;

    minus = (*number->start == '-');
    p = number->start + minus;

    if (number->end - p > GW_JSON_INTEGER_DIGITS) {
        return 0;
    }

    for (n = 0; p < number->end; p++) {
        n = n * 10 + (uint64_t) (*p - '0');
    }

    if (n > (uint64_t) INT64_MAX + minus) {
        return 0;
    }

    number->integer = (json_int_t) (minus ? 0 - n : n);

    return 1;
}


/*
 * Whether a real rounds to a finite double.  strtod() is not used because a
 * token full of difficult numbers would take longer than its signature.
 */

static int
gw_json_finite(const gw_json_slice_number_t *number)
{
    long                  magnitude;
    unsigned              fraction;
    const unsigned char  *p, *end, *first;

    end = number->end;
    first = NULL;
    fraction = 0;

    /* the number is 0.d * 10^magnitude, d its digits without leading zeros */

    magnitude = 0;

    for (p = number->start + (*number->start == '-');
         p < end && *p != 'e' && *p != 'E';
         p++)
    {
        if (*p == '.') {
            fraction = 1;
            continue;
        }

        if (first == NULL && *p == '0') {
            magnitude -= fraction;
            continue;
        }

        first = first ? first : p;
        magnitude += !fraction;
    }

    if (first == NULL) {
        return 1;
    }

    magnitude += gw_json_exponent(p, end);

    return (magnitude == GW_JSON_REAL_DIGITS)
           ? gw_json_below_infinity(first, end)
           : magnitude < GW_JSON_REAL_DIGITS;
}


/* "p" is at the letter, or at the end if there is no exponent */

static long
gw_json_exponent(const unsigned char *p, const unsigned char *end)
{
    long      n;
    unsigned  minus;

    if (p == end) {
        return 0;
    }

    p++;
    minus = (*p == '-');
    p += (*p == '-' || *p == '+');

    for (n = 0; p < end && n < GW_JSON_MAX_EXPONENT; p++) {
        n = n * 10 + (*p - '0');
    }

    return minus ? -n : n;
}


/*
 * Compares the digits from "p" on with 2^1024 - 2^970, the least number that
 * rounds to infinity and has as many digits; digits that are missing are zeros.
 */

static int
gw_json_below_infinity(const unsigned char *p, const unsigned char *end)
{
    int          digit;
    const char  *d;

    static const char  least[] =
        "179769313486231580793728971405303415079934132710037826936173"
        "778980444968292764750946649017977587207096330286416692887910"
        "946555547851940402630657488671505820681908902000708383676273"
        "854845817711531764475730270069855571366959622842914819860834"
        "936475292719074168444365510704342711559699508093042880177904"
        "174497792";

    for (d = least; *d != '\0'; d++) {

        p += (p < end && *p == '.');
        digit = '0';

        if (p < end && *p != 'e' && *p != 'E') {
            digit = *p++;
        }

        if (digit != *d) {
            return digit < *d;
        }
    }

    return 0;
}
