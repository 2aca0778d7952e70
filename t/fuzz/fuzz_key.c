/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The parser of API keys never reads outside of the text.  It accepts exactly
 * one text for each id and secret, and every generated key.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_key.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


/* decodes the number of 43 digits: the inverse of gw_key.c */

static void
secret_decode(unsigned char random[32], const unsigned char *text)
{
    int          i, j;
    unsigned     carry;
    const char  *digit;

    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";

    memset(random, 0, 32);

    for (i = 0; i < GW_KEY_SECRET; i++) {
        digit = memchr(digits, text[i], sizeof(digits) - 1);
        check(digit != NULL);
        carry = (unsigned) (digit - digits);

        for (j = 31; j >= 0; j--) {
            carry += random[j] * 62u;
            random[j] = (unsigned char) carry;
            carry >>= 8;
        }

        check(carry == 0);
    }
}


static void
as_text(const uint8_t *data, size_t size)
{
    char            key[GW_KEY_SIZE];
    size_t          len;
    unsigned char  *text, random[32];

    /* of the exact size: a sanitizer detects an overrun */

    text = malloc(size + (size == 0));
    memcpy(text, data, size);

    if (gw_key_well_formed(text, size, &len)) {
        check(gw_key_id_valid(text + 3, len));
        check(3 + len + 1 + GW_KEY_SECRET + GW_KEY_CHECK == size);

        secret_decode(random, text + 3 + len + 1);
        gw_key_format(key, text + 3, len, random);

        check(strlen(key) == size && memcmp(key, text, size) == 0);
    }

    free(text);
}


static void
as_key(const uint8_t *data, size_t size)
{
    char            key[GW_KEY_SIZE];
    size_t          len, at;
    const uint8_t  *id;

    if (size < 32) {
        return;
    }

    id = data + 32;

    if (!gw_key_id_valid(id, size - 32)) {
        return;
    }

    gw_key_format(key, id, size - 32, data);
    size = strlen(key);

    check(gw_key_well_formed((unsigned char *) key, size, &len));
    check(memcmp(key + 3, id, len) == 0 && key[3 + len] == '_');

    /* a key with one character replaced is not accepted */

    at = data[0] % size;
    key[at] = (char) (key[at] ^ (data[1] ? data[1] : 1));
    check(!gw_key_well_formed((unsigned char *) key, size, NULL));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_text(data, size);
    as_key(data, size);

    return 0;
}
