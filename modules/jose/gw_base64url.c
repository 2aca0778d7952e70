/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * base64url, strict: see gw_base64url.h.
 *
 * The decoder reads four characters per step.  A byte outside of the alphabet
 * maps to GW_B64_BAD, a bit that no value has: all results are or-ed, and the
 * bit is checked once at the end.
 */

#include <stdint.h>

#include "gw_base64url.h"


#define GW_B64_BAD  0x80

#define X           GW_B64_BAD


static const uint8_t  gw_base64url_values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  X,   /* - */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,   /* 0 */
    X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,  /* A */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  63,  /* _ */
    X,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,  /* a */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X
};

#undef X


static const unsigned char  gw_base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static unsigned gw_base64url_decode_tail(unsigned char **dst,
    const unsigned char *src, size_t n);


int
gw_base64url_decode(unsigned char *dst, size_t *len,
    const unsigned char *src, size_t n)
{
    uint32_t              v;
    unsigned              a, b, c, d, bad;
    unsigned char        *start;
    const unsigned char  *end;

    bad = 0;
    start = dst;

    for (end = src + n / 4 * 4; src < end; src += 4) {
        a = gw_base64url_values[src[0]];
        b = gw_base64url_values[src[1]];
        c = gw_base64url_values[src[2]];
        d = gw_base64url_values[src[3]];

        bad |= a | b | c | d;
        v = a << 18 | b << 12 | c << 6 | d;

        *dst++ = (unsigned char) (v >> 16);
        *dst++ = (unsigned char) (v >> 8);
        *dst++ = (unsigned char) v;
    }

    bad |= gw_base64url_decode_tail(&dst, src, n % 4);

    *len = (size_t) (dst - start);

    return (bad & GW_B64_BAD) ? -1 : 0;
}


/* the last one to three characters; unused bits must be zero */

static unsigned
gw_base64url_decode_tail(unsigned char **dst, const unsigned char *src,
    size_t n)
{
    unsigned  a, b, c;

    if (n == 0) {
        return 0;
    }

    if (n == 1) {
        return GW_B64_BAD;
    }

    a = gw_base64url_values[src[0]];
    b = gw_base64url_values[src[1]];

    *(*dst)++ = (unsigned char) (a << 2 | b >> 4);

    if (n == 2) {
        return a | b | ((b & 0x0f) ? GW_B64_BAD : 0);
    }

    c = gw_base64url_values[src[2]];

    *(*dst)++ = (unsigned char) (b << 4 | c >> 2);

    return a | b | c | ((c & 0x03) ? GW_B64_BAD : 0);
}


size_t
gw_base64url_encode(unsigned char *dst, const unsigned char *src, size_t n)
{
    unsigned char              *start;
    const unsigned char *const  alphabet = gw_base64url_alphabet;

    for (start = dst; n >= 3; n -= 3, src += 3) {
        *dst++ = alphabet[src[0] >> 2];
        *dst++ = alphabet[(src[0] & 0x03) << 4 | src[1] >> 4];
        *dst++ = alphabet[(src[1] & 0x0f) << 2 | src[2] >> 6];
        *dst++ = alphabet[src[2] & 0x3f];
    }

    if (n == 1) {
        *dst++ = alphabet[src[0] >> 2];
        *dst++ = alphabet[(src[0] & 0x03) << 4];

    } else if (n == 2) {
        *dst++ = alphabet[src[0] >> 2];
        *dst++ = alphabet[(src[0] & 0x03) << 4 | src[1] >> 4];
        *dst++ = alphabet[(src[1] & 0x0f) << 2];
    }

    return (size_t) (dst - start);
}
