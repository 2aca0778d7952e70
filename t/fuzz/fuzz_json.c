/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The reader compared with jansson's: apart from limits, both accept the same
 * objects and return equal values.  A written value reads back as an equal one.
 * Members that are not built are checked like others.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static int is_same(json_t *a, json_t *b);


static int
is_same_object(json_t *a, json_t *b)
{
    void  *i, *j;

    i = json_object_iter(a);
    j = json_object_iter(b);

    while (i != NULL && j != NULL) {
        if (strcmp(json_object_iter_key(i), json_object_iter_key(j)) != 0
            || !is_same(json_object_iter_value(i), json_object_iter_value(j)))
        {
            return 0;
        }

        i = json_object_iter_next(a, i);
        j = json_object_iter_next(b, j);
    }

    return i == NULL && j == NULL;
}


/* like json_equal(), but 1.0 equals 1, and the order of members matters */

static int
is_same(json_t *a, json_t *b)
{
    size_t  i;

    if (json_is_integer(a) && json_is_integer(b)) {
        return json_integer_value(a) == json_integer_value(b);
    }

    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b);
    }

    if (json_is_object(a) && json_is_object(b)) {
        return is_same_object(a, b);
    }

    if (!json_is_array(a) || !json_is_array(b)) {
        return json_equal(a, b);
    }

    for (i = 0; i < json_array_size(a) && i < json_array_size(b); i++) {
        if (!is_same(json_array_get(a, i), json_array_get(b, i))) {
            return 0;
        }
    }

    return json_array_size(a) == json_array_size(b);
}


/* untrusted text cannot break a log line */

static int
is_printable(const char *why)
{
    for ( /* void */ ; *why != '\0'; why++) {
        if (*why < 0x20 || *why > 0x7e) {
            return 0;
        }
    }

    return 1;
}


static int
is_limit(const char *why)
{
    return strcmp(why, "is nested deeper than 16 levels") == 0
           || strcmp(why, "has an object of more than 256 members") == 0;
}


static void
check_text(json_t *value)
{
    size_t          len;
    json_t         *again;
    unsigned char  *text;

    len = gw_json_text(value, NULL);
    text = malloc(len);
    check(gw_json_text(value, text) == len);

    again = gw_json_parse(text, len, NULL);
    check(again != NULL && is_same(value, again));

    json_decref(again);
    free(text);
}


/* the values in an object or an array, at any depth */

static size_t
count(json_t *value)
{
    void    *iter;
    size_t   i, n;

    n = json_is_object(value) ? json_object_size(value)
                              : json_array_size(value);

    for (i = 0; i < json_array_size(value); i++) {
        n += count(json_array_get(value, i));
    }

    for (iter = json_object_iter(value); iter != NULL;
         iter = json_object_iter_next(value, iter))
    {
        n += count(json_object_iter_value(iter));
    }

    return n;
}


static void
check_count(const uint8_t *data, size_t size, json_t *value)
{
    json_t           *again;
    char              why[32];
    gw_json_error_t   error;
    gw_json_limit_t   limit;

    limit.values = count(value);
    limit.names = NULL;
    limit.flat = 0;

    again = gw_json_read(data, size, &limit, NULL);
    check(again != NULL && json_equal(again, value));
    json_decref(again);

    if (limit.values > 1) {
        limit.values--;
        snprintf(why, sizeof(why), "has more than %zu values", limit.values);

        check(gw_json_read(data, size, &limit, &error) == NULL);
        check(strcmp(error.why, why) == 0);
    }
}


/* reads only the first "n" names; "value" is the whole object, or NULL */

static void
check_names(const uint8_t *data, size_t size, json_t *value, size_t n,
    unsigned flat)
{
    size_t            i, built;
    json_t           *some, *member;
    const char       *name;
    gw_json_names_t   names;
    gw_json_limit_t   limit;

    static const gw_text_t  texts[] = {
        { 1, (const unsigned char *) "a" },
        { 0, (const unsigned char *) "" },
        { 3, (const unsigned char *) "sub" },
        { 2, (const unsigned char *) "\303\251" }
    };

    names.elts = texts;
    names.n = n;
    limit.names = &names;
    limit.values = 0;
    limit.flat = flat;

    some = gw_json_read(data, size, &limit, NULL);
    check((some == NULL) == (value == NULL));

    for (i = 0, built = 0; i < n && value != NULL; i++) {
        name = (const char *) texts[i].data;
        member = json_object_get(value, name);

        if (member != NULL
            && !(flat && (json_is_array(member) || json_is_object(member))))
        {
            check(json_equal(member, json_object_get(some, name)));
            built++;
        }
    }

    check(json_object_size(some) == built);
    json_decref(some);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char              why[512];
    json_t           *value, *reference;
    gw_json_error_t   error;

    value = gw_json_parse(data, size, &error);
    reference = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES,
                           NULL);

    if (value != NULL) {
        check(reference != NULL && json_equal(value, reference));
        check(is_same(value, reference));
        check_text(value);
        check_count(data, size, value);

    } else {
        gw_json_explain(why, sizeof(why), data, size, &error, "an object");

        check(error.offset <= size);
        check(is_printable(error.why) && is_printable(why));

        /* jansson 2.14 accepts a NUL after a number */

        check(!json_is_object(reference) || is_limit(error.why)
              || memchr(data, '\0', size) != NULL);
    }

    check_names(data, size, value, 0, 0);
    check_names(data, size, value, 4, 0);
    check_names(data, size, value, 4, 1);

    json_decref(value);
    json_decref(reference);

    return 0;
}
