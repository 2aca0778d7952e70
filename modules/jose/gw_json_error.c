/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Error messages for JSON: see gw_json.h.
 */

#include <stdio.h>
#include <string.h>

#include "gw_kind.h"
#include "gw_json.h"


static void gw_json_place(size_t *line, size_t *column,
    const unsigned char *text, size_t offset);


const char *
gw_json_show(char *dst, const gw_text_t *text)
{
    char           *p;
    size_t          i;
    unsigned char   c;

    static const char  digits[] = "0123456789abcdef";

    p = dst;

    for (i = 0; i < text->len && i < GW_JSON_SHOWN; i++) {
        c = text->data[i];

        if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
            *p++ = (char) c;
            continue;
        }

        *p++ = '\\';
        *p++ = 'x';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 0xf];
    }

    memcpy(p, i < text->len ? "..." : "\0\0\0", 3);
    p[i < text->len ? 3 : 0] = '\0';

    return dst;
}


void
gw_json_explain(char *dst, size_t size, const unsigned char *text, size_t len,
    const gw_json_error_t *error, const char *wanted)
{
    size_t     line, column;
    gw_kind_e  kind;

    kind = gw_kind(text, len);

    if (kind != GW_KIND_OBJECT) {
        (void) snprintf(dst, size, "%s%s%s", gw_kind_sentence(kind),
                        gw_kind_remedied(kind) ? "" : ", it must be ",
                        gw_kind_remedied(kind) ? "" : wanted);
        return;
    }

    gw_json_place(&line, &column, text, error->offset);

    (void) snprintf(dst, size, "%s (line %zu, column %zu)", error->why, line,
                    column);
}


static void
gw_json_place(size_t *line, size_t *column, const unsigned char *text,
    size_t offset)
{
    size_t  i;

    *line = 1;
    *column = 1;

    for (i = 0; i < offset; i++) {
        (*column)++;

        if (text[i] == '\n') {
            (*line)++;
            *column = 1;
        }
    }
}


const char *
gw_json_type(const json_t *value)
{
    switch (json_typeof(value)) {

    case JSON_STRING:
        return "a string";

    case JSON_OBJECT:
        return "an object";

    case JSON_ARRAY:
        return "an array";

    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";

    case JSON_NULL:
        return "null";

    default:
        return "a boolean";
    }
}
