/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_uri.h"

#include <string.h>


/* a path that is written segment by segment */

typedef struct {
    unsigned char        *start;
    unsigned char        *p;
    unsigned char        *end;
    unsigned              full:1;
} gw_cache_path_t;


static const gw_text_t  gw_cache_root = gw_cache_text("/");


/* removes the part of a text before one of the bytes, and returns it */

static gw_text_t
gw_cache_until(gw_text_t *text, const char *bytes)
{
    size_t     i;
    gw_text_t  part;

    for (i = 0; i < text->len && strchr(bytes, text->data[i]) == NULL; i++) {
        /* void */
    }

    part.data = text->data;
    part.len = i;
    text->data += i;
    text->len -= i;

    return part;
}


/* removes the port from an authority, and returns it; NULL: it has none */

static gw_text_t
gw_cache_port(gw_text_t *host)
{
    size_t     i;
    gw_text_t  port;

    port.data = NULL;
    port.len = 0;

    for (i = host->len; i > 0 && host->data[i - 1] >= '0'
                        && host->data[i - 1] <= '9'; i--)
    {
        /* void */
    }

    if (i > 0 && host->data[i - 1] == ':') {
        port.data = host->data + i;
        port.len = host->len - i;
        host->len = i - 1;
    }

    return port;
}


/* compares hosts without case; a missing port is the default port */

static int
gw_cache_same_host(const gw_cache_target_t *target, gw_text_t host)
{
    gw_text_t               mine, port, other;
    static const gw_text_t  http = gw_cache_text("80");
    static const gw_text_t  https = gw_cache_text("443");

    mine = target->host;
    port = gw_cache_port(&mine);
    other = gw_cache_port(&host);

    if (port.len == 0) {
        port = gw_cache_is(&target->scheme, "https") ? https : http;
    }

    if (other.len == 0) {
        other = gw_cache_is(&target->scheme, "https") ? https : http;
    }

    return host.len && gw_cache_same(&mine, &host)
           && gw_cache_equal(&port, &other);
}


/* removes a segment, but not the first slash */

static void
gw_cache_path_up(gw_cache_path_t *path)
{
    while (path->p > path->start && *--path->p != '/') { /* void */ }
}


/*
 * Adds the segments of a path without dot segments (RFC 3986, 5.2.4).  The path
 * begins after its first slash.  "whole": nothing is added after it.
 */

static void
gw_cache_path_add(gw_cache_path_t *path, gw_text_t text, int whole)
{
    int        more;
    gw_text_t  segment;

    do {
        segment = gw_cache_until(&text, "/");
        more = (text.len != 0);
        text.data += more;
        text.len -= (size_t) more;

        if (segment.len && segment.data[0] == '.'
            && (segment.len == 1
                || (segment.len == 2 && segment.data[1] == '.')))
        {
            if (segment.len == 2) {
                gw_cache_path_up(path);
            }

            segment.len = 0;

            if (more || !whole) {
                continue;
            }
        }

        if ((size_t) (path->end - path->p) < segment.len + 1) {
            path->full = 1;
            return;
        }

        *path->p++ = '/';
        memcpy(path->p, segment.data, segment.len);
        path->p += segment.len;

    } while (more);
}


/*
 * Removes scheme and authority from a reference.  Returns 0, or -1 if the
 * origin is another one.
 */

static int
gw_cache_reference_origin(const gw_cache_target_t *target,
    gw_text_t *reference)
{
    gw_text_t  rest, scheme, host;

    rest = *reference;
    scheme = gw_cache_until(&rest, ":/?#");

    if (rest.len && rest.data[0] == ':') {

        if (!gw_cache_same(&scheme, &target->scheme)) {
            return -1;
        }

        rest.data++;
        rest.len--;

        if (rest.len < 2 || memcmp(rest.data, "//", 2) != 0) {
            return -1;
        }

        *reference = rest;
    }

    if (reference->len < 2 || memcmp(reference->data, "//", 2) != 0) {
        return 0;
    }

    reference->data += 2;
    reference->len -= 2;
    host = gw_cache_until(reference, "/?#");

    if (!gw_cache_same_host(target, host)) {
        return -1;
    }

    /* an authority without a path */

    if (reference->len == 0) {
        *reference = gw_cache_root;
    }

    return 0;
}


/*
 * Writes the path of a reference.  "mine" is the path of the target, "theirs"
 * that of the reference.  An absolute reference replaces the path of the
 * target; a relative one replaces the part after its last slash (RFC 3986,
 * 5.2.3).
 */

static void
gw_cache_reference_path(gw_cache_path_t *path, gw_text_t mine,
    gw_text_t theirs, int absolute)
{
    if (absolute) {
        mine = theirs.len ? theirs : gw_cache_root;
    }

    /* "mine" begins with a slash */

    mine.data++;
    mine.len--;

    if (absolute || theirs.len == 0) {
        gw_cache_path_add(path, mine, 1);
        return;
    }

    while (mine.len && mine.data[mine.len - 1] != '/') {
        mine.len--;
    }

    if (mine.len) {
        mine.len--;
        gw_cache_path_add(path, mine, 0);
    }

    gw_cache_path_add(path, theirs, 1);
}


static int
gw_cache_reference_valid(const gw_text_t *reference)
{
    size_t  i;

    for (i = 0; i < reference->len; i++) {
        if (reference->data[i] <= 0x20 || reference->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


int
gw_cache_uri(const gw_cache_target_t *target, const gw_text_t *reference,
    unsigned char *uri, size_t *len)
{
    int              absolute;
    gw_text_t        rest, query, path, mine;
    gw_cache_path_t  out;

    rest = *reference;

    if (!gw_cache_reference_valid(&rest)
        || target->uri.len == 0 || target->uri.data[0] != '/'
        || gw_cache_reference_origin(target, &rest) != 0)
    {
        return -1;
    }

    /* after an authority was removed, the rest is never a relative path */

    absolute = (rest.data != reference->data)
               || (rest.len && rest.data[0] == '/');

    query = gw_cache_until(&rest, "#");
    path = gw_cache_until(&query, "?");

    rest = target->uri;
    mine = gw_cache_until(&rest, "?#");

    if (!absolute && path.len == 0 && query.len == 0) {
        query = gw_cache_until(&rest, "#");
    }

    out.start = out.p = uri;
    out.end = uri + GW_CACHE_URI;
    out.full = 0;

    gw_cache_reference_path(&out, mine, path, absolute);

    if (out.full || (size_t) (out.end - out.p) < query.len) {
        return -1;
    }

    if (query.len) {
        memcpy(out.p, query.data, query.len);
        out.p += query.len;
    }

    *len = (size_t) (out.p - uri);

    return 0;
}


int
gw_cache_uri_same(const gw_cache_target_t *target,
    const gw_text_t *reference)
{
    size_t         len;
    gw_text_t      found;
    unsigned char  uri[GW_CACHE_URI];

    if (gw_cache_uri(target, reference, uri, &len) != 0) {
        return 0;
    }

    found.data = uri;
    found.len = len;

    return gw_cache_equal(&found, &target->uri);
}
