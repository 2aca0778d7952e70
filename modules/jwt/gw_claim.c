/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdlib.h>
#include <string.h>

#include "gw_claim.h"
#include "gw_json.h"


#define GW_CLAIM_MISMATCH  (-2)     /* the value is not of the claim's type */


/* moves "*p" past its digits; returns 0 if there are none */

static int
gw_claim_skip_digits(const char **p)
{
    size_t  n;

    n = strspn(*p, "0123456789");
    *p += n;

    return n != 0;
}


/* RFC 8259, 6 */

static int
gw_claim_is_number(const char *p)
{
    p += (*p == '-');

    if (*p == '0') {
        p++;

    } else if (!gw_claim_skip_digits(&p)) {
        return 0;
    }

    if (*p == '.') {
        p++;

        if (!gw_claim_skip_digits(&p)) {
            return 0;
        }
    }

    if (*p == 'e' || *p == 'E') {
        p++;
        p += (*p == '-' || *p == '+');

        if (!gw_claim_skip_digits(&p)) {
            return 0;
        }
    }

    return *p == '\0';
}


/*
 * A real claim is a double, so that a value with a fraction or an exponent is
 * converted to a double, too: 0.1 equals 0.1.  All other numbers are compared
 * as long doubles.  With a mantissa of at least 64 bits, as on x86-64 and
 * arm64, these represent every 64-bit integer and every double exactly.
 */

static int
gw_claim_compare_number(const json_t *claim, const gw_text_t *value,
    int *order)
{
    char         text[64], *end;
    long double  a, b;

    if (value->len == 0 || value->len >= sizeof(text)) {
        return GW_CLAIM_MISMATCH;
    }

    memcpy(text, value->data, value->len);
    text[value->len] = '\0';

    if (strlen(text) != value->len || !gw_claim_is_number(text)) {
        return GW_CLAIM_MISMATCH;
    }

    a = json_is_integer(claim) ? (long double) json_integer_value(claim)
                               : (long double) json_real_value(claim);

    b = (json_is_real(claim) && strpbrk(text, ".eE"))
        ? (long double) strtod(text, &end) : strtold(text, &end);

    if (*end != '\0') {
        return GW_CLAIM_MISMATCH;
    }

    *order = (a > b) - (a < b);

    return 0;
}


static int
gw_claim_compare_bytes(const char *a, size_t alen, const gw_text_t *b)
{
    int     rc;
    size_t  n;

    n = alen < b->len ? alen : b->len;
    rc = n ? memcmp(a, b->data, n) : 0;

    if (rc) {
        return rc < 0 ? -1 : 1;
    }

    return (alen > b->len) - (alen < b->len);
}


static int
gw_claim_compare_boolean(const json_t *claim, const gw_text_t *value,
    int *order)
{
    int  truth;

    if (value->len == 4 && memcmp(value->data, "true", 4) == 0) {
        truth = 1;

    } else if (value->len == 5 && memcmp(value->data, "false", 5) == 0) {
        truth = 0;

    } else {
        return GW_CLAIM_MISMATCH;
    }

    *order = json_is_true(claim) - truth;

    return 0;
}


/* 0, with -1, 0 or 1 in "*order", or GW_CLAIM_MISMATCH */

static int
gw_claim_compare(const json_t *claim, const gw_text_t *value, int *order)
{
    switch (json_typeof(claim)) {

    case JSON_STRING:
        *order = gw_claim_compare_bytes(json_string_value(claim),
                                        json_string_length(claim), value);
        return 0;

    case JSON_INTEGER:
    case JSON_REAL:
        return gw_claim_compare_number(claim, value, order);

    case JSON_TRUE:
    case JSON_FALSE:
        return gw_claim_compare_boolean(claim, value, order);

    default:
        return GW_CLAIM_MISMATCH;
    }
}


static int
gw_claim_meets_scalar(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *value)
{
    int  order;

    if (gw_claim_compare(claim, value, &order) == GW_CLAIM_MISMATCH) {
        return 0;
    }

    if (json_is_boolean(claim) && op != GW_CLAIM_EQ && op != GW_CLAIM_NE) {
        return 0;
    }

    switch (op) {

    case GW_CLAIM_EQ:
        return order == 0;

    case GW_CLAIM_NE:
        return order != 0;

    case GW_CLAIM_GT:
        return order > 0;

    case GW_CLAIM_GE:
        return order >= 0;

    case GW_CLAIM_LT:
        return order < 0;

    case GW_CLAIM_LE:
        return order <= 0;

    default:
        return 0;
    }
}


/* whether a string, or one of its words, is the value */

static int
gw_claim_list_holds(const json_t *claim, const gw_text_t *value)
{
    size_t       n;
    const char  *p, *last;

    p = json_string_value(claim);
    last = p + json_string_length(claim);

    if (gw_claim_compare_bytes(p, (size_t) (last - p), value) == 0) {
        return 1;
    }

    while (p < last) {

        for (n = 0; p + n < last && p[n] != ' '; n++) { /* void */ }

        if (n && gw_claim_compare_bytes(p, n, value) == 0) {
            return 1;
        }

        p += n + 1;
    }

    return 0;
}


/*
 * Whether the set "claim" has the value: 1, 0, or GW_CLAIM_MISMATCH if it does
 * not, and a member of it is of another type.
 */

static int
gw_claim_holds(const json_t *claim, const gw_text_t *value)
{
    int      rc, order;
    size_t   i;

    if (json_is_string(claim)) {
        return gw_claim_list_holds(claim, value);
    }

    if (!json_is_array(claim)) {
        rc = gw_claim_compare(claim, value, &order);
        return (rc == 0) ? order == 0 : rc;
    }

    rc = 0;

    for (i = 0; i < json_array_size(claim); i++) {

        if (gw_claim_compare(json_array_get(claim, i), value, &order) != 0) {
            rc = GW_CLAIM_MISMATCH;

        } else if (order == 0) {
            return 1;
        }
    }

    return rc;
}


static int
gw_claim_meets_set(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *values, size_t n)
{
    int     rc;
    size_t  i;

    if (json_is_object(claim)) {
        return 0;
    }

    for (i = 0; i < n; i++) {

        rc = gw_claim_holds(claim, &values[i]);

        switch (op) {

        case GW_CLAIM_ANY:
            if (rc == 1) {
                return 1;
            }

            break;

        case GW_CLAIM_ALL:
            if (rc != 1) {
                return 0;
            }

            break;

        default: /* GW_CLAIM_NONE */
            if (rc != 0) {
                return 0;
            }

            break;
        }
    }

    return op != GW_CLAIM_ANY;
}


int
gw_claim_meets(const json_t *claim, gw_claim_op_e op, const gw_text_t *values,
    size_t n)
{
    if (op == GW_CLAIM_ABSENT) {
        return claim == NULL;
    }

    if (claim == NULL) {
        return 0;
    }

    switch (op) {

    case GW_CLAIM_EXISTS:
        return 1;

    case GW_CLAIM_ANY:
    case GW_CLAIM_ALL:
    case GW_CLAIM_NONE:
        return gw_claim_meets_set(claim, op, values, n);

    default:
        return gw_claim_meets_scalar(claim, op, &values[0]);
    }
}


size_t
gw_claim_text(const json_t *value, char separator, unsigned char *dst)
{
    size_t         i, len, n;
    const json_t  *member;

    if (json_is_string(value)) {
        len = json_string_length(value);

        if (dst) {
            memcpy(dst, json_string_value(value), len);
        }

        return len;
    }

    if (!json_is_array(value)) {
        return gw_json_text(value, dst);
    }

    len = 0;

    for (i = 0; i < json_array_size(value); i++) {

        if (i) {
            if (dst) {
                dst[len] = (unsigned char) separator;
            }

            len++;
        }

        member = json_array_get(value, i);

        /* an array within an array is written as JSON */

        n = json_is_string(member)
            ? gw_claim_text(member, separator, dst ? dst + len : NULL)
            : gw_json_text(member, dst ? dst + len : NULL);

        len += n;
    }

    return len;
}


static int
gw_claim_is_name(const json_t *value, char separator)
{
    size_t                i, len;
    const unsigned char  *p;

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return 0;
    }

    p = (const unsigned char *) json_string_value(value);
    len = json_string_length(value);

    for (i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f
            || p[i] == (unsigned char) separator)
        {
            return 0;
        }
    }

    return 1;
}


size_t
gw_claim_names(const json_t *value, char separator, unsigned char *dst)
{
    size_t         i, n, len;
    const json_t  *member;

    if (json_is_string(value)) {

        /* no string has a '\0', so that a list by spaces may have spaces */

        if (!gw_claim_is_name(value, separator == ' ' ? '\0' : separator)) {
            return 0;
        }

        return gw_claim_text(value, separator, dst);
    }

    len = 0;

    for (i = 0; i < json_array_size(value); i++) {

        member = json_array_get(value, i);

        if (!gw_claim_is_name(member, separator)) {
            continue;
        }

        if (len) {
            if (dst) {
                dst[len] = (unsigned char) separator;
            }

            len++;
        }

        n = gw_claim_text(member, separator, dst ? dst + len : NULL);
        len += n;
    }

    return len;
}
