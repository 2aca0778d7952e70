/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_text.h"

#include <string.h>


/* two digits at a time: half as many divisions */

static const char  gw_text_pairs[] =
    "00010203040506070809" "10111213141516171819" "20212223242526272829"
    "30313233343536373839" "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879" "80818283848586878889"
    "90919293949596979899";


unsigned char *
gw_text_decimal(unsigned char *p, uint64_t n)
{
    size_t          len;
    unsigned char   digits[GW_TEXT_DECIMAL], *d;

    d = digits + sizeof(digits);

    while (n >= 100) {
        d -= 2;
        memcpy(d, &gw_text_pairs[n % 100 * 2], 2);
        n /= 100;
    }

    if (n >= 10) {
        d -= 2;
        memcpy(d, &gw_text_pairs[n * 2], 2);

    } else {
        *--d = (unsigned char) ('0' + n);
    }

    len = (size_t) (digits + sizeof(digits) - d);
    memcpy(p, d, len);

    return p + len;
}


/* the digits of each byte */

static const char  gw_text_bytes[] =
    "000102030405060708090a0b0c0d0e0f"
    "101112131415161718191a1b1c1d1e1f"
    "202122232425262728292a2b2c2d2e2f"
    "303132333435363738393a3b3c3d3e3f"
    "404142434445464748494a4b4c4d4e4f"
    "505152535455565758595a5b5c5d5e5f"
    "606162636465666768696a6b6c6d6e6f"
    "707172737475767778797a7b7c7d7e7f"
    "808182838485868788898a8b8c8d8e8f"
    "909192939495969798999a9b9c9d9e9f"
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
    "e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

#define gw_text_byte(byte)  (gw_text_bytes + 2 * (size_t) (byte))


unsigned char *
gw_text_hex(unsigned char *p, const unsigned char *bytes, size_t len)
{
    const unsigned char  *end;

    for (end = bytes + len; bytes < end; bytes += 4) {
        memcpy(p, gw_text_byte(bytes[0]), 2);
        memcpy(p + 2, gw_text_byte(bytes[1]), 2);
        memcpy(p + 4, gw_text_byte(bytes[2]), 2);
        memcpy(p + 6, gw_text_byte(bytes[3]), 2);
        p += 8;
    }

    return p;
}
