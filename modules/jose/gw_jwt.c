/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The claims of a token: see gw_jwt.h.
 *
 * Times in a token are 64-bit integers or doubles.  Sums are made of numbers of
 * the policy only, and saturate.  To compare a double with an integer, the
 * integer is not converted to a double, which would lose its last digits.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gw_jwt.h"


#define GW_JWT_MIN_VALUES  1024


typedef gw_reason_e (*gw_jwt_check_pt)(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);


static void gw_jwt_explain(gw_jws_error_t *error, const char *subject,
    const char *verb, const char *why);

static gw_reason_e gw_jwt_check_typ(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);
static gw_reason_e gw_jwt_check_exp(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);
static gw_reason_e gw_jwt_check_nbf(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);
static gw_reason_e gw_jwt_check_age(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);
static gw_reason_e gw_jwt_check_iss(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);
static gw_reason_e gw_jwt_check_aud(const json_t *header,
    const json_t *claims, const gw_jwt_policy_t *policy);

static int64_t gw_jwt_add(int64_t a, int64_t b);
static int gw_jwt_compare(const json_t *number, int64_t other);
static gw_text_t gw_jwt_text(const json_t *string);
static gw_text_t gw_jwt_media_type(gw_text_t type);
static int gw_jwt_is_any(const json_t *string, const gw_text_t *texts,
    size_t n);


/* in the order of gw_jwt.h */

static const gw_jwt_check_pt  gw_jwt_checks[] = {
    gw_jwt_check_typ,
    gw_jwt_check_exp,
    gw_jwt_check_nbf,
    gw_jwt_check_age,
    gw_jwt_check_iss,
    gw_jwt_check_aud
};


const gw_text_t  gw_jwt_registered[GW_JWT_REGISTERED] = {
    { 3, (const unsigned char *) "iss" },
    { 3, (const unsigned char *) "sub" },
    { 3, (const unsigned char *) "aud" },
    { 3, (const unsigned char *) "exp" },
    { 3, (const unsigned char *) "nbf" },
    { 3, (const unsigned char *) "iat" }
};


size_t
gw_jwt_max_values(size_t size)
{
    size /= 8;

    return (size > GW_JWT_MIN_VALUES) ? size : GW_JWT_MIN_VALUES;
}


gw_reason_e
gw_jwt_parse(json_t **claims, const unsigned char *payload, size_t len,
    const gw_json_limit_t *limit, gw_jws_error_t *error)
{
    json_t           *root;
    gw_reason_e       rc;
    gw_json_error_t   json;

    root = gw_json_read(payload, len, limit, &json);
    if (root == NULL) {
        gw_jwt_explain(error, "the payload", "", json.why);
        return GW_MALFORMED_PAYLOAD;
    }

    rc = gw_jwt_check_times(root, error);

    if (rc == GW_OK) {
        *claims = root;

    } else {
        json_decref(root);
    }

    return rc;
}


gw_reason_e
gw_jwt_check_times(const json_t *claims, gw_jws_error_t *error)
{
    size_t         i;
    const json_t  *value;

    static const char *const  numbers[] = { "exp", "nbf", "iat" };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        value = json_object_get(claims, numbers[i]);

        if (value != NULL && !json_is_number(value)) {
            gw_jwt_explain(error, numbers[i], "is ", gw_json_type(value));
            return GW_MALFORMED_PAYLOAD;
        }
    }

    return GW_OK;
}


static void
gw_jwt_explain(gw_jws_error_t *error, const char *subject, const char *verb,
    const char *why)
{
    if (error != NULL) {
        error->kid_len = 0;
        (void) snprintf(error->why, sizeof(error->why), "%s %s%s", subject,
                        verb, why);
    }
}


gw_reason_e
gw_jwt_check(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    size_t       i;
    gw_reason_e  rc;

    for (i = 0; i < sizeof(gw_jwt_checks) / sizeof(gw_jwt_checks[0]); i++) {
        rc = gw_jwt_checks[i](header, claims, policy);

        if (rc != GW_OK) {
            return rc;
        }
    }

    return GW_OK;
}


static gw_reason_e
gw_jwt_check_typ(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    size_t        i;
    gw_text_t     typ, one;
    const json_t *value;

    (void) claims;

    if (policy->ntyp == 0) {
        return GW_OK;
    }

    value = json_object_get(header, "typ");

    if (!json_is_string(value)) {
        return GW_TYP;
    }

    typ = gw_jwt_media_type(gw_jwt_text(value));

    for (i = 0; i < policy->ntyp; i++) {
        one = gw_jwt_media_type(policy->typ[i]);

        if (one.len == typ.len
            && strncasecmp((const char *) one.data, (const char *) typ.data,
                           typ.len)
               == 0)
        {
            return GW_OK;
        }
    }

    return GW_TYP;
}


static gw_reason_e
gw_jwt_check_exp(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    const json_t  *exp;

    (void) header;

    exp = json_object_get(claims, "exp");

    if (exp == NULL) {
        return policy->require_exp ? GW_NO_EXPIRY : GW_OK;
    }

    /* RFC 7519, 4.1.4: "on or after which the JWT MUST NOT be accepted" */

    return gw_jwt_compare(exp, gw_jwt_add(policy->now, -policy->leeway)) <= 0
           ? GW_EXPIRED : GW_OK;
}


static gw_reason_e
gw_jwt_check_nbf(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    const json_t  *nbf;

    (void) header;

    nbf = json_object_get(claims, "nbf");

    if (nbf == NULL) {
        return GW_OK;
    }

    return gw_jwt_compare(nbf, gw_jwt_add(policy->now, policy->leeway)) > 0
           ? GW_NOT_YET_VALID : GW_OK;
}


static gw_reason_e
gw_jwt_check_age(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    int64_t        oldest;
    const json_t  *iat;

    (void) header;

    if (policy->max_age < 0) {
        return GW_OK;
    }

    iat = json_object_get(claims, "iat");

    if (iat == NULL) {
        return GW_TOO_OLD;
    }

    if (gw_jwt_compare(iat, gw_jwt_add(policy->now, policy->leeway)) > 0) {
        return GW_NOT_YET_VALID;
    }

    oldest = gw_jwt_add(gw_jwt_add(policy->now, -policy->max_age),
                        -policy->leeway);

    return gw_jwt_compare(iat, oldest) < 0 ? GW_TOO_OLD : GW_OK;
}


static gw_reason_e
gw_jwt_check_iss(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    (void) header;

    if (policy->nissuers == 0
        || gw_jwt_is_any(json_object_get(claims, "iss"), policy->issuers,
                         policy->nissuers))
    {
        return GW_OK;
    }

    return GW_ISSUER;
}


/* RFC 7519, 4.1.3; an array with any other value than strings is refused */

static gw_reason_e
gw_jwt_check_aud(const json_t *header, const json_t *claims,
    const gw_jwt_policy_t *policy)
{
    size_t         i;
    unsigned       found;
    const json_t  *aud, *value;

    (void) header;

    if (policy->naudiences == 0) {
        return GW_OK;
    }

    aud = json_object_get(claims, "aud");

    if (!json_is_array(aud)) {
        return gw_jwt_is_any(aud, policy->audiences, policy->naudiences)
               ? GW_OK : GW_AUDIENCE;
    }

    found = 0;

    for (i = 0; i < json_array_size(aud); i++) {
        value = json_array_get(aud, i);

        if (!json_is_string(value)) {
            return GW_AUDIENCE;
        }

        found |= (unsigned) gw_jwt_is_any(value, policy->audiences,
                                          policy->naudiences);
    }

    return found ? GW_OK : GW_AUDIENCE;
}


static int64_t
gw_jwt_add(int64_t a, int64_t b)
{
    if (b > 0 && a > INT64_MAX - b) {
        return INT64_MAX;
    }

    if (b < 0 && a < INT64_MIN - b) {
        return INT64_MIN;
    }

    return a + b;
}


/* returns -1, 0 or 1 if the number is less than, equal to or above "other" */

static int
gw_jwt_compare(const json_t *number, int64_t other)
{
    double   real, whole;
    int64_t  n;

    if (json_is_integer(number)) {
        n = json_integer_value(number);
        return (n > other) - (n < other);
    }

    real = json_real_value(number);

    /* the first double that does not fit is exactly 2^63 */

    if (real >= 9223372036854775808.0) {
        return 1;
    }

    if (real < -9223372036854775808.0) {
        return -1;
    }

    n = (int64_t) real;

    if (n != other) {
        return (n > other) - (n < other);
    }

    whole = (double) n;

    return (real > whole) - (real < whole);
}


static gw_text_t
gw_jwt_text(const json_t *string)
{
    gw_text_t  text;

    text.data = (const unsigned char *) json_string_value(string);
    text.len = json_string_length(string);

    return text;
}


/* RFC 7515, 4.1.9: "application/" may be left out if no other '/' follows */

static gw_text_t
gw_jwt_media_type(gw_text_t type)
{
    const size_t  len = sizeof("application/") - 1;

    if (type.len > len
        && strncasecmp((const char *) type.data, "application/", len) == 0
        && memchr(type.data + len, '/', type.len - len) == NULL)
    {
        type.data += len;
        type.len -= len;
    }

    return type;
}


/* an empty string never matches */

static int
gw_jwt_is_any(const json_t *string, const gw_text_t *texts, size_t n)
{
    size_t     i;
    gw_text_t  text;

    if (!json_is_string(string)) {
        return 0;
    }

    text = gw_jwt_text(string);

    for (i = 0; i < n && text.len > 0; i++) {
        if (texts[i].len == text.len
            && memcmp(texts[i].data, text.data, text.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
