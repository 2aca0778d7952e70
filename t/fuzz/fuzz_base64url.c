/* SPDX-License-Identifier: BSD-2-Clause */

/* decoding and encoding are inverse, and each value has exactly one text */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_base64url.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len, text_len;
    unsigned char  *bytes, *text;

    /* the input as text: an accepted one is encoded to the same text */

    bytes = malloc(gw_base64url_decoded_size(size));

    if (gw_base64url_decode(bytes, &len, data, size) == 0) {
        text = malloc(gw_base64url_encoded_size(len) + 1);
        text_len = gw_base64url_encode(text, bytes, len);
        check(text_len == size && memcmp(text, data, size) == 0);
        free(text);
    }

    free(bytes);

    /* the input as bytes: their encoding is accepted */

    text = malloc(gw_base64url_encoded_size(size) + 1);
    text_len = gw_base64url_encode(text, data, size);
    check(text_len == gw_base64url_encoded_size(size));

    bytes = malloc(gw_base64url_decoded_size(text_len));
    check(gw_base64url_decode(bytes, &len, text, text_len) == 0);
    check(len == size && memcmp(bytes, data, size) == 0);

    free(bytes);
    free(text);

    return 0;
}
