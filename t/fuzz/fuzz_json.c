
/*
 * The reader against jansson's own: both accept the same objects and give
 * equal values, our limits aside.  What is written reads back as the same.
 */

#include <stdint.h>
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


/* like json_equal(), but 1.0 may be written 1, and the order counts */

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


static int
is_limit(const char *why)
{
    return strcmp(why, "is nested too deeply") == 0
           || strcmp(why, "has an object of too many members") == 0;
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


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t      *value, *reference;
    const char  *why;

    why = NULL;
    value = gw_json_parse(data, size, &why);
    reference = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES,
                           NULL);

    if (value != NULL) {
        check(reference != NULL && json_equal(value, reference));
        check(is_same(value, reference));
        check_text(value);

    } else {
        check(why != NULL);

        /* jansson 2.14 loses a NUL that follows a number, and accepts it */

        check(!json_is_object(reference) || is_limit(why)
              || memchr(data, '\0', size) != NULL);
    }

    json_decref(value);
    json_decref(reference);

    return 0;
}
