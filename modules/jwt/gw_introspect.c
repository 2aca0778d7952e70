/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Token introspection: see gw_introspect.h.
 *
 * The value of "active" decides about access.  It must therefore be a boolean:
 * the string "false" is true for many programs, and a missing member proves
 * nothing about the token.
 */

#include <stdio.h>
#include <string.h>

#include "gw_introspect.h"
#include "gw_jwt.h"


static int gw_form_literal(unsigned char c);
static int gw_introspect_active(const json_t *root, char *err);


size_t
gw_form_encode(unsigned char *dst, const unsigned char *src, size_t len)
{
    size_t  i, n;

    static const char  hex[] = "0123456789ABCDEF";

    n = 0;

    for (i = 0; i < len; i++) {

        if (gw_form_literal(src[i])) {
            if (dst != NULL) {
                dst[n] = src[i];
            }

            n++;
            continue;
        }

        if (dst != NULL) {
            dst[n] = '%';
            dst[n + 1] = (unsigned char) hex[src[i] >> 4];
            dst[n + 2] = (unsigned char) hex[src[i] & 0xf];
        }

        n += 3;
    }

    return n;
}


/* RFC 3986, 2.3: the unreserved characters, in any locale */

static int
gw_form_literal(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9')
           || c == '-' || c == '.' || c == '_' || c == '~';
}


int
gw_introspect_read(const unsigned char *text, size_t len,
    const gw_json_limit_t *limit, json_t **claims, int *active, char *err)
{
    json_t           *root;
    gw_jws_error_t    error;
    gw_json_error_t   json;

    root = gw_json_read(text, len, limit, &json);
    if (root == NULL) {
        (void) snprintf(err, GW_INTROSPECT_ERR, "the response %s", json.why);
        return -1;
    }

    *active = gw_introspect_active(root, err);

    if (*active == 1 && gw_jwt_check_times(root, &error) != GW_OK) {
        (void) snprintf(err, GW_INTROSPECT_ERR, "%s", error.why);
        *active = -1;
    }

    if (*active == 1) {
        *claims = root;
        return 0;
    }

    json_decref(root);

    return *active;
}


/* 1, 0, or -1 with a clause */

static int
gw_introspect_active(const json_t *root, char *err)
{
    const json_t  *value;

    value = json_object_get(root, "active");

    if (json_is_boolean(value)) {
        return json_is_true(value);
    }

    (void) snprintf(err, GW_INTROSPECT_ERR, "active is %s",
                    value ? gw_json_type(value) : "missing");

    return -1;
}
