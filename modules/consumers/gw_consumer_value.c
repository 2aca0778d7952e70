/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values of members: checks them, and reads them into the draft.
 */

#include <string.h>

#include "gw_cidr.h"
#include "gw_consumer_value.h"
#include "gw_rfc3339.h"


static int gw_value_counted(gw_consumer_draft_t *d, const json_t *list);
static int gw_value_repeated(gw_consumer_draft_t *d, const json_t *list,
    size_t n);
static int gw_value_is_group(const unsigned char *name, size_t len);
static int gw_value_is_scope(const unsigned char *name, size_t len);
static int gw_value_range(gw_consumer_draft_t *d, const json_t *value,
    unsigned char *range, size_t start);
static int gw_value_hex(const char *text, size_t len, unsigned char *digest);
static int gw_value_weak(const unsigned char *digest);


const gw_value_names_t  gw_value_group = {
    "group", ',', gw_value_is_group, "must not contain commas, or begin or "
    "end with a space"
};

const gw_value_names_t  gw_value_scope = {
    "scope", ' ', gw_value_is_scope, "is printable ASCII without spaces, "
    "quotes and backslashes"
};


int
gw_value_typed(gw_consumer_draft_t *d, const json_t *value, json_type type)
{
    json_type  got;

    static const char *const  names[] = {
        "an object", "a list", "a string", "a number", "a number",
        "true or false"
    };

    got = json_typeof(value);

    if (got == JSON_FALSE) {
        got = JSON_TRUE;
    }

    if (got != type) {
        gw_consumer_mistake(&d->mistakes, NULL, "must be %s", names[type]);
        return 0;
    }

    if (type != JSON_STRING) {
        return 1;
    }

    if (json_string_length(value) == 0) {
        gw_consumer_mistake(&d->mistakes, NULL, "must not be empty");
        return 0;
    }

    return gw_value_plain(d, value);
}


int
gw_value_plain(gw_consumer_draft_t *d, const json_t *value)
{
    size_t     i;
    gw_text_t  text;

    text = gw_value_text(value);

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
            gw_consumer_mistake(&d->mistakes, NULL,
                                "contains a control character");
            return 0;
        }
    }

    return 1;
}


gw_text_t
gw_value_text(const json_t *value)
{
    gw_text_t  text;

    text.data = (const unsigned char *) json_string_value(value);
    text.len = json_string_length(value);

    return text;
}


void
gw_value_put(gw_consumer_draft_t *d, const void *data, size_t len)
{
    if (len > sizeof(d->text) - d->used) {
        d->too_large = 1;
        return;
    }

    memcpy(d->text + d->used, data, len);
    d->used += len;
}


void
gw_value_unique(gw_consumer_draft_t *d, const json_t *value)
{
    uint32_t  number;

    if (gw_consumer_writer_find(&d->writer, d->kind, &d->name, &number)) {
        gw_consumer_mistake(&d->mistakes, value, "is already used by "
                            "consumers[%u]", (unsigned) number);
        d->name.len = 0;
    }
}


size_t
gw_value_names(gw_consumer_draft_t *d, const json_t *list,
    const gw_value_names_t *type)
{
    size_t      i, start;
    gw_text_t   name;
    json_t     *value;

    start = d->used;

    if (!gw_value_counted(d, list)) {
        return 0;
    }

    d->mistakes.in_element = 1;

    for (i = 0; i < json_array_size(list); i++) {
        value = json_array_get(list, i);
        d->mistakes.element = i;

        if (!gw_value_typed(d, value, JSON_STRING)) {
            continue;
        }

        name = gw_value_text(value);

        if (!type->valid(name.data, name.len)) {
            gw_consumer_mistake(&d->mistakes, value, "is not a %s, which %s",
                                type->what, type->rule);

        } else if (!gw_value_repeated(d, list, i)) {
            gw_value_put(d, &type->separator, d->used > start);
            gw_value_put(d, name.data, name.len);
        }
    }

    d->mistakes.in_element = 0;

    return d->used - start;
}


/* each element is compared with those before it: their number is limited */

static int
gw_value_counted(gw_consumer_draft_t *d, const json_t *list)
{
    if (json_array_size(list) <= GW_CONSUMER_MAX_NAMES) {
        return 1;
    }

    gw_consumer_mistake(&d->mistakes, NULL, "has more than %d elements",
                        GW_CONSUMER_MAX_NAMES);

    return 0;
}


static int
gw_value_repeated(gw_consumer_draft_t *d, const json_t *list, size_t n)
{
    size_t   i;
    json_t  *value;

    value = json_array_get(list, n);

    for (i = 0; i < n; i++) {
        if (json_equal(json_array_get(list, i), value)) {
            gw_consumer_mistake(&d->mistakes, value, "is a duplicate");
            return 1;
        }
    }

    return 0;
}


static int
gw_value_is_group(const unsigned char *name, size_t len)
{
    return memchr(name, ',', len) == NULL
           && name[0] != ' ' && name[len - 1] != ' ';
}


/* RFC 6749, 3.3 */

static int
gw_value_is_scope(const unsigned char *name, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (name[i] < 0x21 || name[i] > 0x7e || name[i] == '"'
            || name[i] == '\\')
        {
            return 0;
        }
    }

    return 1;
}


size_t
gw_value_ranges(gw_consumer_draft_t *d, const json_t *list)
{
    size_t         i, start;
    unsigned char  range[GW_CIDR_RANGE];

    start = d->used;

    if (json_array_size(list) == 0) {
        gw_consumer_mistake(&d->mistakes, NULL, "must not be empty, use "
                            "\"disabled\": true to allow no address");
        return 0;
    }

    if (!gw_value_counted(d, list)) {
        return 0;
    }

    d->mistakes.in_element = 1;

    for (i = 0; i < json_array_size(list); i++) {
        d->mistakes.element = i;

        if (gw_value_range(d, json_array_get(list, i), range, start)) {
            gw_value_put(d, range, GW_CIDR_RANGE);
        }
    }

    d->mistakes.in_element = 0;

    return d->used - start;
}


/* the previous ranges are in the draft's text from "start" on */

static int
gw_value_range(gw_consumer_draft_t *d, const json_t *value,
    unsigned char *range, size_t start)
{
    char       meant[GW_CIDR_TEXT];
    size_t     i;
    gw_cidr_e  rc;

    if (!gw_value_typed(d, value, JSON_STRING)) {
        return 0;
    }

    rc = gw_cidr_parse(json_string_value(value), json_string_length(value),
                       range, meant);

    for (i = start; rc == GW_CIDR_OK && i < d->used; i += GW_CIDR_RANGE) {
        if (memcmp(d->text + i, range, GW_CIDR_RANGE) == 0) {
            gw_consumer_mistake(&d->mistakes, value, "is a duplicate");
            return 0;
        }
    }

    if (rc == GW_CIDR_MALFORMED) {
        gw_consumer_mistake(&d->mistakes, value, "is not a range of addresses,"
                            " write for example 10.0.0.0/8 or 2001:db8::/32");

    } else if (rc == GW_CIDR_HOST_BITS) {
        gw_consumer_mistake(&d->mistakes, value, "has bits set after its "
                            "prefix, write %s", meant);
    }

    return rc == GW_CIDR_OK;
}


void
gw_value_date(gw_consumer_draft_t *d, const json_t *value, int64_t *seconds)
{
    if (gw_rfc3339_parse(json_string_value(value), json_string_length(value),
                         seconds)
        != 0)
    {
        gw_consumer_mistake(&d->mistakes, value, "is not a date, write for "
                            "example 2027-01-31T00:00:00Z");
    }
}


/* the value is never shown: it may be a key instead of a digest */

void
gw_value_digest(gw_consumer_draft_t *d, const json_t *value,
    gw_consumer_kind_e kind)
{
    d->names++;
    d->kind = kind;
    d->name.len = 0;

    if (gw_value_hex(json_string_value(value), json_string_length(value),
                      d->digest)
        != 0)
    {
        gw_consumer_mistake(&d->mistakes, NULL,
                            "must be 64 hexadecimal digits");
        return;
    }

    if (gw_value_weak(d->digest)) {
        gw_consumer_mistake(&d->mistakes, NULL, "is weak, it is a placeholder "
                            "or the digest of an empty string");
        return;
    }

    d->name.data = d->digest;
    d->name.len = GW_CONSUMER_DIGEST;
    gw_value_unique(d, NULL);
}


static int
gw_value_hex(const char *text, size_t len, unsigned char *digest)
{
    int     c;
    size_t  i;

    if (len != 2 * GW_CONSUMER_DIGEST) {
        return -1;
    }

    for (i = 0; i < len; i++) {
        c = (unsigned char) text[i];

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                return -1;
            }

            c -= 'a' - 10;
        }

        digest[i / 2] = (unsigned char) (i % 2 ? digest[i / 2] | c : c << 4);
    }

    return 0;
}


static int
gw_value_weak(const unsigned char *digest)
{
    static const unsigned char  empty[GW_CONSUMER_DIGEST] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
        0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
        0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
        0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55
    };

    /* all bytes are equal if each equals the next */

    return memcmp(digest, digest + 1, GW_CONSUMER_DIGEST - 1) == 0
           || memcmp(digest, empty, GW_CONSUMER_DIGEST) == 0;
}
