/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_sf.h"

#include <string.h>


/*
 * Functions remove a bare item or more from the front of a text, and return 0,
 * or -1 if the text is invalid.
 */

#define GW_SF_DIGITS    15              /* of an integer (RFC 8941, 3.3.1) */
#define GW_SF_WHOLE     12              /* of a decimal before its point */
#define GW_SF_FRACTION  3


static int gw_sf_item(gw_text_t *text, gw_sf_member_t *member);


static void
gw_sf_move(gw_text_t *text, size_t n)
{
    text->data += n;
    text->len -= n;
}


/* the next byte, or NUL at the end: a structured field contains no NUL */

static unsigned char
gw_sf_peek(const gw_text_t *text)
{
    return text->len ? text->data[0] : '\0';
}


static void
gw_sf_spaces(gw_text_t *text, const char *spaces)
{
    while (gw_sf_peek(text) != '\0' && strchr(spaces, text->data[0])) {
        gw_sf_move(text, 1);
    }
}


static int
gw_sf_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}


static int
gw_sf_low(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}


static int
gw_sf_letter(unsigned char c)
{
    return gw_sf_low(c | 0x20);
}


static int
gw_sf_key(gw_text_t *text, gw_text_t *key)
{
    size_t         i;
    unsigned char  c;

    c = gw_sf_peek(text);

    if (!gw_sf_low(c) && c != '*') {
        return -1;
    }

    for (i = 1; i < text->len; i++) {
        c = text->data[i];

        if (!gw_sf_low(c) && !gw_sf_digit(c)
            && (c == '\0' || strchr("_-.*", c) == NULL))
        {
            break;
        }
    }

    key->data = text->data;
    key->len = i;
    gw_sf_move(text, i);

    return 0;
}


/* RFC 8941, 4.2.4 */

static int
gw_sf_number(gw_text_t *text, gw_sf_member_t *member)
{
    size_t   whole, fraction;
    int64_t  sign;

    sign = 1;

    if (gw_sf_peek(text) == '-') {
        sign = -1;
        gw_sf_move(text, 1);
    }

    member->type = GW_SF_INTEGER;
    member->number = 0;

    for (whole = 0; gw_sf_digit(gw_sf_peek(text)); whole++) {

        if (whole == GW_SF_DIGITS) {
            return -1;
        }

        member->number = member->number * 10 + (text->data[0] - '0');
        gw_sf_move(text, 1);
    }

    member->number *= sign;

    if (whole == 0 || gw_sf_peek(text) != '.') {
        return whole ? 0 : -1;
    }

    member->type = GW_SF_DECIMAL;
    gw_sf_move(text, 1);

    for (fraction = 0; gw_sf_digit(gw_sf_peek(text)); fraction++) {
        gw_sf_move(text, 1);

        if (fraction == GW_SF_FRACTION) {
            return -1;
        }
    }

    return (whole <= GW_SF_WHOLE && fraction) ? 0 : -1;
}


static int
gw_sf_string(gw_text_t *text, gw_sf_member_t *member)
{
    size_t         i;
    unsigned char  c;

    for (i = 1; i < text->len; i++) {
        c = text->data[i];

        if (c == '"') {
            member->type = GW_SF_STRING;
            member->text.data = text->data + 1;
            member->text.len = i - 1;
            gw_sf_move(text, i + 1);
            return 0;
        }

        if (c < 0x20 || c > 0x7e) {
            return -1;
        }

        if (c == '\\') {
            i++;

            if (i == text->len
                || (text->data[i] != '"' && text->data[i] != '\\'))
            {
                return -1;
            }
        }
    }

    return -1;
}


static int
gw_sf_token(gw_text_t *text, gw_sf_member_t *member)
{
    size_t         i;
    unsigned char  c;

    for (i = 1; i < text->len; i++) {
        c = text->data[i];

        if (!gw_sf_letter(c) && !gw_sf_digit(c)
            && (c == '\0' || strchr("!#$%&'*+-.^_`|~:/", c) == NULL))
        {
            break;
        }
    }

    member->type = GW_SF_TOKEN;
    member->text.data = text->data;
    member->text.len = i;
    gw_sf_move(text, i);

    return 0;
}


static int
gw_sf_bytes(gw_text_t *text, gw_sf_member_t *member)
{
    size_t         i;
    unsigned char  c;

    member->type = GW_SF_BYTES;

    for (i = 1; i < text->len; i++) {
        c = text->data[i];

        if (c == ':') {
            gw_sf_move(text, i + 1);
            return 0;
        }

        if (!gw_sf_letter(c) && !gw_sf_digit(c) && c != '+' && c != '/'
            && c != '=')
        {
            break;
        }
    }

    return -1;
}


static int
gw_sf_boolean(gw_text_t *text, gw_sf_member_t *member)
{
    if (text->len < 2 || (text->data[1] != '0' && text->data[1] != '1')) {
        return -1;
    }

    member->type = GW_SF_BOOLEAN;
    member->number = text->data[1] - '0';
    gw_sf_move(text, 2);

    return 0;
}


static int
gw_sf_parameters(gw_text_t *text)
{
    gw_text_t       key;
    gw_sf_member_t  ignored;

    while (gw_sf_peek(text) == ';') {
        gw_sf_move(text, 1);
        gw_sf_spaces(text, " ");

        if (gw_sf_key(text, &key) != 0) {
            return -1;
        }

        if (gw_sf_peek(text) != '=') {
            continue;
        }

        gw_sf_move(text, 1);

        if (gw_sf_item(text, &ignored) != 0) {
            return -1;
        }
    }

    return 0;
}


/* a bare item (RFC 8941, 4.2.3.1) */

static int
gw_sf_item(gw_text_t *text, gw_sf_member_t *member)
{
    unsigned char  c;

    c = gw_sf_peek(text);

    if (c == '-' || gw_sf_digit(c)) {
        return gw_sf_number(text, member);
    }

    if (c == '"') {
        return gw_sf_string(text, member);
    }

    if (c == ':') {
        return gw_sf_bytes(text, member);
    }

    if (c == '?') {
        return gw_sf_boolean(text, member);
    }

    return (c == '*' || gw_sf_letter(c)) ? gw_sf_token(text, member) : -1;
}


static int
gw_sf_list(gw_text_t *text, gw_sf_member_t *member)
{
    gw_sf_move(text, 1);

    for ( ;; ) {
        gw_sf_spaces(text, " ");

        if (gw_sf_peek(text) == ')') {
            gw_sf_move(text, 1);
            member->type = GW_SF_LIST;
            return 0;
        }

        if (gw_sf_item(text, member) != 0 || gw_sf_parameters(text) != 0
            || (gw_sf_peek(text) != ' ' && gw_sf_peek(text) != ')'))
        {
            return -1;
        }
    }
}


int
gw_sf_next(gw_text_t *field, gw_sf_member_t *member)
{
    gw_sf_spaces(field, " ");

    if (field->len == 0) {
        return 0;
    }

    member->type = GW_SF_BOOLEAN;
    member->number = 1;
    member->text.len = 0;
    member->text.data = NULL;

    if (gw_sf_key(field, &member->key) != 0) {
        return -1;
    }

    if (gw_sf_peek(field) == '=') {
        gw_sf_move(field, 1);

        if ((gw_sf_peek(field) == '(' ? gw_sf_list(field, member)
                                      : gw_sf_item(field, member)) != 0)
        {
            return -1;
        }
    }

    if (gw_sf_parameters(field) != 0) {
        return -1;
    }

    gw_sf_spaces(field, " \t");

    if (field->len == 0) {
        return 1;
    }

    if (gw_sf_peek(field) != ',') {
        return -1;
    }

    /* a trailing comma is invalid */

    gw_sf_move(field, 1);
    gw_sf_spaces(field, " \t");

    return field->len ? 1 : -1;
}
