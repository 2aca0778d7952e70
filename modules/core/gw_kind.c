/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a file contains instead of a JSON object: see gw_kind.h.
 */

#include <string.h>

#include "gw_kind.h"


typedef struct {
    const char  *prefix;
    gw_kind_e    kind;
} gw_kind_prefix_t;


static int gw_kind_begins(const unsigned char *p, size_t len,
    const char *prefix);
static int gw_kind_utf16(const unsigned char *p, size_t len);
static int gw_kind_mapping(const unsigned char *p, size_t len);


/* the first match counts: "-----BEGIN" of PEM precedes "---" of YAML */

static const gw_kind_prefix_t  gw_kind_prefixes[] = {
    { "{",               GW_KIND_OBJECT },
    { "[",               GW_KIND_ARRAY },
    { "<",               GW_KIND_MARKUP },
    { "-----BEGIN",      GW_KIND_PEM },
    { "Bag Attributes",  GW_KIND_PEM },
    { "http://",         GW_KIND_URL },
    { "https://",        GW_KIND_URL },
    { "eyJ",             GW_KIND_TOKEN },
    { "%YAML",           GW_KIND_YAML },
    { "---",             GW_KIND_YAML },
    { "- ",              GW_KIND_YAML },
    { "#",               GW_KIND_YAML },
    { NULL,              GW_KIND_OTHER }
};


gw_kind_e
gw_kind(const unsigned char *text, size_t len)
{
    const unsigned char     *p, *end;
    const gw_kind_prefix_t  *prefix;

    if (gw_kind_begins(text, len, "\xef\xbb\xbf")) {
        return GW_KIND_BOM;
    }

    if (gw_kind_utf16(text, len)) {
        return GW_KIND_UTF16;
    }

    end = text + len;

    for (p = text; p < end && memchr(" \t\r\n", *p, 4) != NULL; p++) {
        /* void */
    }

    if (p == end) {
        return GW_KIND_EMPTY;
    }

    len = (size_t) (end - p);

    for (prefix = gw_kind_prefixes; prefix->prefix != NULL; prefix++) {
        if (gw_kind_begins(p, len, prefix->prefix)) {
            return prefix->kind;
        }
    }

    return gw_kind_mapping(p, len) ? GW_KIND_YAML : GW_KIND_OTHER;
}


static int
gw_kind_begins(const unsigned char *p, size_t len, const char *prefix)
{
    size_t  n;

    n = strlen(prefix);

    return len >= n && memcmp(p, prefix, n) == 0;
}


/* with a byte order mark, or an ASCII character beside a NUL */

static int
gw_kind_utf16(const unsigned char *p, size_t len)
{
    return len >= 2
           && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)
               || (p[0] == 0) != (p[1] == 0));
}


/* "name:" followed by a space or the end of the line */

static int
gw_kind_mapping(const unsigned char *p, size_t len)
{
    size_t  n;

    static const char  name[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    for (n = 0; n < len && memchr(name, p[n], sizeof(name) - 1); n++) {
        /* void */
    }

    return n > 0 && n + 1 < len && p[n] == ':'
           && (p[n + 1] == ' ' || p[n + 1] == '\n' || p[n + 1] == '\r');
}


const char *
gw_kind_sentence(gw_kind_e kind)
{
    switch (kind) {

    case GW_KIND_BOM:
        return "begins with a byte order mark, save it as UTF-8 without one";

    case GW_KIND_UTF16:
        return "is UTF-16, save it as UTF-8";

    case GW_KIND_URL:
        return "contains a URL, save what it returns in the file";

    default:
        return gw_kind_found(kind);
    }
}


const char *
gw_kind_found(gw_kind_e kind)
{
    static const char *const  sentences[] = {
        [GW_KIND_OBJECT] = "",
        [GW_KIND_EMPTY] = "is empty",
        [GW_KIND_BOM] = "begins with a byte order mark",
        [GW_KIND_UTF16] = "is UTF-16",
        [GW_KIND_MARKUP] = "is HTML or XML",
        [GW_KIND_PEM] = "is PEM",
        [GW_KIND_URL] = "contains a URL",
        [GW_KIND_TOKEN] = "contains a token",
        [GW_KIND_ARRAY] = "is a JSON array",
        [GW_KIND_YAML] = "is YAML",
        [GW_KIND_OTHER] = "contains no JSON object"
    };

    return sentences[kind];
}


int
gw_kind_remedied(gw_kind_e kind)
{
    return kind == GW_KIND_BOM || kind == GW_KIND_UTF16 || kind == GW_KIND_URL;
}
