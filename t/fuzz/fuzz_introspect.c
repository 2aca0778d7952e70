/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An answer is active only if jansson reads an object with "active": true and
 * numbers as times, and it is refused or inactive otherwise.  An encoded form
 * value decodes to the same bytes.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_introspect.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const gw_text_t  listed[] = {
    { 6, (const unsigned char *) "active" },
    { 3, (const unsigned char *) "exp" },
    { 3, (const unsigned char *) "nbf" },
    { 3, (const unsigned char *) "iat" }
};

static const gw_json_names_t  names = {
    sizeof(listed) / sizeof(listed[0]), listed
};


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static int
is_time(const json_t *value)
{
    return value == NULL || json_is_number(value);
}


static void
as_answer(const uint8_t *data, size_t size)
{
    int                active;
    char               err[GW_INTROSPECT_ERR];
    json_t            *claims, *root;
    unsigned char     *text;
    gw_json_limit_t    limit = { 64, &names, 0 };

    /* of the exact size: a sanitizer detects an overrun */

    text = malloc(size + (size == 0));
    memcpy(text, data, size);

    claims = NULL;
    err[0] = '\0';

    if (gw_introspect_read(text, size, &limit, &claims, &active, err) == 0) {
        check(active == 0 || active == 1);
        check((claims != NULL) == active);

        root = json_loadb((const char *) text, size, JSON_REJECT_DUPLICATES,
                          NULL);
        check(json_is_object(root));
        check(json_is_boolean(json_object_get(root, "active")));
        check(json_is_true(json_object_get(root, "active")) == active);

        if (active) {
            check(json_is_true(json_object_get(claims, "active")));
            check(is_time(json_object_get(root, "exp")));
            check(is_time(json_object_get(root, "nbf")));
            check(is_time(json_object_get(root, "iat")));
        }

        json_decref(root);
        json_decref(claims);

    } else {
        check(claims == NULL);
        check(err[0] != '\0' && memchr(err, '\0', sizeof(err)) != NULL);
    }

    free(text);
}


static void
as_form(const uint8_t *data, size_t size)
{
    size_t          n, i, j;
    unsigned        byte;
    unsigned char  *form;

    n = gw_form_encode(NULL, data, size);
    check(n >= size && n <= 3 * size);

    form = malloc(n + 1);
    check(gw_form_encode(form, data, size) == n);
    form[n] = '\0';

    for (i = 0, j = 0; i < n; j++) {
        byte = form[i++];
        check(byte > ' ' && byte < 0x7f && strchr("&=+", (int) byte) == NULL);

        if (byte == '%') {
            check(sscanf((char *) form + i, "%2X", &byte) == 1);
            i += 2;
        }

        check(j < size && byte == data[j]);
    }

    check(j == size);
    free(form);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_answer(data, size);
    as_form(data, size);

    return 0;
}
