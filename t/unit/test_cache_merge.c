/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Storing and updating header lines (RFC 9111, 3.1 and 3.2), URIs that an
 * unsafe request invalidates (4.4), and Cache-Status (RFC 9211).
 */

#include <stdio.h>

#include "cache_fields.h"
#include "gw_cache_merge.h"
#include "gw_cache_status.h"
#include "gw_cache_uri.h"
#include "tap.h"


static gw_cache_conf_t      conf;
static gw_cache_response_t  res;


static const gw_cache_fields_t *
response_of(cache_fields_t *f, const char *text)
{
    gw_cache_clock_t  now = { 1790000000, 0 };

    cache_fields(f, text);
    gw_cache_response_read(&res, &conf, 200, &f->fields, &now, &now);

    return &f->fields;
}


static const struct {
    const char  *name;
    int          stored;
    int          updated;
} kept[] = {
    { "Test-Header", 1, 1 }, { "Content-Foo", 1, 1 },
    { "Cache-Control", 1, 1 }, { "Content-Type", 1, 1 },
    { "ETag", 1, 1 }, { "Expires", 1, 1 }, { "Date", 1, 1 },
    { "Content-Location", 1, 1 }, { "Set-Cookie2", 1, 1 },
    { "Cache-Status", 1, 1 },
    { "Content-Length", 1, 0 }, { "content-encoding", 1, 0 },
    { "Content-Range", 1, 0 },
    { "Connection", 0, 0 }, { "Keep-Alive", 0, 0 },
    { "Proxy-Authenticate", 0, 0 }, { "Proxy-Connection", 0, 0 },
    { "Proxy-Authentication-Info", 0, 0 },
    { "Proxy-Authorization", 0, 0 }, { "TE", 0, 0 },
    { "Transfer-Encoding", 0, 0 }, { "Upgrade", 0, 0 },
    { "Age", 0, 0 }, { "X-Accel-Expires", 0, 0 },
    { "X-Accel-Buffering", 0, 0 },

    /* fields named by Connection, no-cache= and private= */
    { "A", 0, 0 }, { "B", 0, 0 }, { "C", 0, 0 }, { "D", 0, 0 },
    { "E", 1, 1 }
};

static const struct {
    gw_cache_set_cookie_e  set_cookie;
    int                    stored;
} sets[] = {
    { GW_CACHE_COOKIE_SKIP, 0 }, { GW_CACHE_COOKIE_STRIP, 0 },
    { GW_CACHE_COOKIE_STORE, 1 }
};


static void
stored(void)
{
    size_t           i;
    gw_text_t        name;
    cache_fields_t   f;

    response_of(&f, "Connection: a, b\nCache-Control: no-cache=\"c\", "
                    "private=\"D\"");

    for (i = 0; i < CACHE_N(kept); i++) {
        name = cache_text(kept[i].name);
        is_int(gw_cache_field_stored(&name, &conf, &res), kept[i].stored,
               "3.1: %s", kept[i].name);
        is_int(gw_cache_field_updated(&name, &conf, &res), kept[i].updated,
               "3.2: %s", kept[i].name);
    }

    name = cache_text("Set-Cookie");

    for (i = 0; i < 3; i++) {
        conf.set_cookie = sets[i].set_cookie;
        is_int(gw_cache_field_stored(&name, &conf, &res), sets[i].stored,
               "set_cookie %zu: stored", i);
        is_int(gw_cache_field_updated(&name, &conf, &res), sets[i].stored,
               "set_cookie %zu: updated", i);
    }

    conf.override = GW_CACHE_OVERRIDE_ALL;
    response_of(&f, "Connection: a\nCache-Control: no-cache=\"c\"");
    name = cache_text("a");
    is_int(gw_cache_field_stored(&name, &conf, &res), 0,
           "override=all: the connection's");
    name = cache_text("c");
    is_int(gw_cache_field_stored(&name, &conf, &res), 1,
           "override=all: no-cache= has no effect");
    conf.override = GW_CACHE_ORIGIN;
}


static const char *
lines_of(const gw_cache_field_t *line, int n)
{
    int          i;
    size_t       len;
    static char  text[1000];

    len = 0;
    text[0] = '\0';

    for (i = 0; i < n; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "%s%.*s: %.*s", i ? "\n" : "",
                                 (int) line[i].name.len, line[i].name.data,
                                 (int) line[i].value.len, line[i].value.data);
    }

    return text;
}


static void
merged(void)
{
    int                n;
    size_t             i, read;
    cache_fields_t     old, fresh;
    gw_cache_field_t   line[10];
    static const struct {
        const char    *stored;
        const char    *fresh;
        const char    *expected;
    } row[] = {
        { "A: 1", "", "A: 1" },
        { "A: 1", "A: 2", "A: 2" },
        { "A: 1", "a: 2", "a: 2" },
        { "A: 1\nB: 1", "A: 2", "B: 1\nA: 2" },
        { "A: 1\nA: 2\nB: 1", "A: 3", "B: 1\nA: 3" },
        { "A: 1\nB: 1", "A: 2\nA: 3", "B: 1\nA: 2\nA: 3" },
        { "A: 1", "B: 2", "A: 1\nB: 2" },
        { "Content-Length: 36", "Content-Length: 10", "Content-Length: 36" },
        { "Content-Encoding: gzip", "Content-Encoding: br",
          "Content-Encoding: gzip" },
        { "A: 1", "Content-Length: 0", "A: 1" },
        { "A: 1", "Connection: a\nA: 2", "" },
        { "A: 1\nB: 1", "Transfer-Encoding: chunked\nAge: 5", "A: 1\nB: 1" },
        { "A: 1\nB: 1", "Cache-Control: private=\"a\"",
          "B: 1\nCache-Control: private=\"a\"" },
        { "Cache-Control: max-age=1", "Cache-Control: max-age=2",
          "Cache-Control: max-age=2" },
    };

    for (i = 0; i < CACHE_N(row); i++) {
        cache_fields(&old, row[i].stored);
        response_of(&fresh, row[i].fresh);
        n = gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 10,
                       &read);
        is_str(lines_of(line, n), row[i].expected, "3.2: %s | %s",
               row[i].stored, row[i].fresh);
    }

    conf.set_cookie = GW_CACHE_COOKIE_SKIP;
    cache_fields(&old, "A: 1");
    response_of(&fresh, "Set-Cookie: a=b");
    n = gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 10,
                       &read);
    is_str(lines_of(line, n), "A: 1", "3.2: a cookie is not merged");
    conf.set_cookie = GW_CACHE_COOKIE_STORE;

    cache_fields(&old, "A: 1\nB: 1");
    response_of(&fresh, "C: 1\nD: 1");
    is_int(gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 4,
                          &read),
           4, "3.2: the maximum of lines");
    is_int(gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 3,
                          &read),
           -1, "3.2: room for one line less");
    is_int(gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 1,
                          &read),
           -1, "3.2: no room for the stored lines");
}


static const struct {
    const char    *target;
    const char    *reference;
    const char    *expected;        /* NULL: another origin */
} refs[] = {
    { "/a/b?q", "/c", "/c" },
    { "/a/b?q", "c", "/a/c" },
    { "/a/b?q", "c?d", "/a/c?d" },
    { "/a/b?q", "?d", "/a/b?d" },
    { "/a/b?q", "", "/a/b?q" },
    { "/a/b?q", "#f", "/a/b?q" },
    { "/a/b?q", "c#f", "/a/c" },
    { "/a/b?q", "/c?d#f?g", "/c?d" },
    { "/a/b?q", "./c", "/a/c" },
    { "/a/b?q", "../c", "/c" },
    { "/a/b?q", "../../../c", "/c" },
    { "/a/b?q", ".", "/a/" },
    { "/a/b?q", "..", "/" },
    { "/a/b?q", "c/./d/../e", "/a/c/e" },
    { "/a/b?q", "/c/..", "/" },
    { "/a/b?q", "/c/.", "/c/" },
    { "/a/b?q", "/..c/.d", "/..c/.d" },
    { "/a/b?q", "/c//../d", "/c/d" },
    { "/a/b?q", "/c?/../d", "/c?/../d" },
    { "/a/b/", "c", "/a/b/c" },
    { "/a/b/", "", "/a/b/" },
    { "/a/./b", "", "/a/b" },
    { "/a/../b", "c", "/c" },
    { "//b", "c", "//c" },
    { "/", "c", "/c" },
    { "/?q", "c", "/c" },
    { "/a?b/c", "d", "/d" },
    { "/a", "/%41%2f", "/%41%2f" },
    { "/a", "/\xc3\xbc", "/\xc3\xbc" },

    { "/a", "https://h.example/c", "/c" },
    { "/a", "HTTPS://H.Example/c", "/c" },
    { "/a", "https://h.example:443/c", "/c" },
    { "/a", "https://h.example:/c", "/c" },
    { "/a", "https://h.example", "/" },
    { "/a", "https://h.example?d", "/?d" },
    { "/a", "https://h.example#f", "/" },
    { "/a", "//h.example/c", "/c" },
    { "/a", "//h.example", "/" },

    { "/a", "http://h.example/c", NULL },
    { "/a", "https://h.example:80/c", NULL },
    { "/a", "https://h.example:4433/c", NULL },
    { "/a", "https://g.example/c", NULL },
    { "/a", "https://h.example.evil/c", NULL },
    { "/a", "https://u@h.example/c", NULL },
    { "/a", "https:///c", NULL },
    { "/a", "///c", NULL },
    { "/a", "//g.example/c", NULL },
    { "/a", "https:/c", NULL },
    { "/a", "https:c", NULL },
    { "/a", "mailto:a", NULL },
    { "/a", ":c", NULL },
    { "/a", "/c d", NULL },
    { "/a", "/c\x7f", NULL },
    { "*", "/c", NULL },
    { "", "/c", NULL },
};

static const struct {
    const char    *scheme;
    const char    *host;
    const char    *reference;
    int            same;
} hosts[] = {
    { "http", "h", "http://h:80/", 1 },
    { "http", "h:80", "http://h/", 1 },
    { "http", "h:8080", "http://h:8080/", 1 },
    { "http", "h:8080", "http://h/", 0 },
    { "http", "h", "http://h:8080/", 0 },
    { "http", "h", "http://h:443/", 0 },
    { "http", "[::1]:80", "http://[::1]/", 1 },
    { "http", "[::1]", "http://[::1]:80/", 1 },
    { "http", "[::1]", "http://[::2]/", 0 },
    { "http", "", "http:///", 0 },
};


static void
uris(void)
{
    int                rc;
    size_t             i, len;
    gw_text_t          reference, found;
    unsigned char      uri[GW_CACHE_URI];
    gw_cache_target_t  target;

    target.scheme = cache_text("https");
    target.host = cache_text("h.example");

    for (i = 0; i < CACHE_N(refs); i++) {
        char  text[GW_CACHE_URI + 1];

        target.uri = cache_text(refs[i].target);
        reference = cache_text(refs[i].reference);
        rc = gw_cache_uri(&target, &reference, uri, &len);

        snprintf(text, sizeof(text), "%.*s", rc ? 5 : (int) len,
                 rc ? "other" : (char *) uri);
        is_str(text, refs[i].expected ? refs[i].expected : "other",
               "4.4: %s, %s", refs[i].target, refs[i].reference);
    }

    target.uri = cache_text("/");

    for (i = 0; i < CACHE_N(hosts); i++) {
        target.scheme = cache_text(hosts[i].scheme);
        target.host = cache_text(hosts[i].host);
        reference = cache_text(hosts[i].reference);

        is_int(gw_cache_uri_same(&target, &reference), hosts[i].same,
               "4.3.1: %s://%s/, %s", hosts[i].scheme, hosts[i].host,
               hosts[i].reference);
    }

    target.uri = cache_text("/a?b");
    reference = cache_text("/a?b");
    is_int(gw_cache_uri_same(&target, &reference), 1,
           "9110 9.3.3: the target itself");
    reference = cache_text("/a?c");
    is_int(gw_cache_uri_same(&target, &reference), 0, "another query");
    reference = cache_text("/a");
    is_int(gw_cache_uri_same(&target, &reference), 0, "no query");

    /* the longest URI, and one byte more */

    for (len = GW_CACHE_URI; len <= GW_CACHE_URI + 1; len++) {
        char  text[GW_CACHE_URI + 2];

        memset(text, 'x', sizeof(text));
        text[0] = '/';
        found.data = (unsigned char *) text;
        found.len = len;
        target.uri = found;
        is_int(gw_cache_uri_same(&target, &found), len == GW_CACHE_URI,
               "%zu bytes", len);

        text[len - 2] = '?';
        is_int(gw_cache_uri_same(&target, &found), len == GW_CACHE_URI,
               "%zu bytes with a query", len);
    }
}


static const struct {
    gw_cache_fwd_e   fwd;
    int              hit;
    int              stored;
    int              collapsed;
    unsigned         status;
    int              timed;
    int64_t          ttl;
    const char      *detail;
    const char      *expected;
} told[] = {
    { GW_CACHE_FWD_NONE, 1, 0, 0, 0, 0, 0, "", "gw; hit" },
    { GW_CACHE_FWD_NONE, 1, 0, 0, 0, 1, 376, "",
      "gw; hit; ttl=376" },
    { GW_CACHE_FWD_NONE, 1, 0, 0, 0, 1, -412, "",
      "gw; hit; ttl=-412" },
    { GW_CACHE_FWD_NONE, 1, 0, 0, 0, 1, 0, "", "gw; hit; ttl=0" },
    { GW_CACHE_FWD_NONE, 1, 1, 1, 304, 0, 0, "", "gw; hit" },
    { GW_CACHE_FWD_NONE, 0, 0, 0, 0, 0, 0, "only-if-cached",
      "gw; detail=only-if-cached" },
    { GW_CACHE_FWD_URI_MISS, 0, 0, 0, 0, 0, 0, "",
      "gw; fwd=uri-miss" },
    { GW_CACHE_FWD_URI_MISS, 0, 1, 0, 0, 1, 60, "",
      "gw; fwd=uri-miss; ttl=60; stored" },
    { GW_CACHE_FWD_URI_MISS, 0, 0, 1, 0, 0, 0, "",
      "gw; fwd=uri-miss; collapsed" },
    { GW_CACHE_FWD_STALE, 1, 0, 0, 304, 0, 0, "",
      "gw; fwd=stale; fwd-status=304" },
    { GW_CACHE_FWD_VARY_MISS, 0, 1, 1, 0, 0, 0, "",
      "gw; fwd=vary-miss; stored; collapsed" },
    { GW_CACHE_FWD_BYPASS, 0, 0, 0, 0, 0, 0, "no-store",
      "gw; fwd=bypass; detail=no-store" },
    { GW_CACHE_FWD_METHOD, 0, 0, 0, 0, 0, 0, "", "gw; fwd=method" },
    { GW_CACHE_FWD_MISS, 0, 0, 0, 0, 0, 0, "", "gw; fwd=miss" },
    { GW_CACHE_FWD_REQUEST, 0, 0, 0, 0, 0, 0, "",
      "gw; fwd=request" },
};


/* 4.3.4: the freshness of a 304 applies, even if its fields are not stored */

static void
freshened(void)
{
    int                  n;
    size_t               i, read;
    cache_fields_t       old, fresh;
    gw_cache_field_t     line[10];
    gw_cache_clock_t     now = { 1790000000, 0 };
    gw_cache_entry_t     entry;
    gw_cache_fields_t    fields;
    gw_cache_request_t   req;
    static const struct {
        const char      *stored;
        const char      *fresh;
        int              lines;         /* that are stored */
        int              reason;
        uint32_t         lifetime;
        uint32_t         age;
    } row[] = {
        { "Cache-Control: max-age=9\nETag: \"a\"", "", 2, 0, 9, 0 },
        { "Cache-Control: max-age=9\nETag: \"a\"",
          "Cache-Control: max-age=60\nAge: 5", 2, 0, 60, 5 },
        { "Cache-Control: no-store\nETag: \"a\"", "X-Accel-Expires: 60",
          2, 0, 60, 0 },
        { "Cache-Control: no-store\nETag: \"a\"", "Age: 5", 2,
          GW_CACHE_R_NO_STORE, 0, 0 },
        { "Cache-Control: max-age=9\nETag: \"a\"",
          "Cache-Control: no-store", 2, GW_CACHE_R_NO_STORE, 0, 0 },
    };

    conf.methods = 1U << GW_CACHE_GET;
    conf.ttl_max = GW_CACHE_NONE;
    conf.max_object = 1000;

    cache_fields(&fresh, "");
    gw_cache_request_read(&req, GW_CACHE_GET, &fresh.fields);

    for (i = 0; i < CACHE_N(row); i++) {
        cache_fields(&old, row[i].stored);
        response_of(&fresh, row[i].fresh);
        n = gw_cache_merge(&old.fields, &fresh.fields, &conf, &res, line, 10,
                           &read);
        is_int(n, row[i].lines, "4.3.4: %s: lines", row[i].fresh);

        fields.line = line;
        fields.n = read;
        gw_cache_response_read(&res, &conf, 200, &fields, &now, &now);
        is_int(gw_cache_freshen(&conf, &req, &res, &entry), row[i].reason,
               "4.3.4: %s: stored", row[i].fresh);

        if (row[i].reason == 0) {
            is_int(entry.lifetime, row[i].lifetime, "4.3.4: %s: lifetime",
                   row[i].fresh);
            is_int(entry.age, row[i].age, "4.3.4: %s: age", row[i].fresh);
        }
    }
}


/* requests that do not store a response can also freshen a stored one */

static void
freshened_by(void)
{
    size_t                  i;
    cache_fields_t          f;
    gw_cache_entry_t        entry;
    gw_cache_request_t      req;
    static const struct {
        gw_cache_method_e   method;
        const char         *request;
        gw_cache_reason_e   stored;
        gw_cache_reason_e   freshened;
    } row[] = {
        { GW_CACHE_GET, "", GW_CACHE_R_NONE, GW_CACHE_R_NONE },
        { GW_CACHE_HEAD, "", GW_CACHE_R_METHOD, GW_CACHE_R_NONE },
        { GW_CACHE_GET, "Range: bytes=0-1", GW_CACHE_R_RANGE,
          GW_CACHE_R_NONE },
        { GW_CACHE_GET, "Cache-Control: no-store", GW_CACHE_R_REQUEST,
          GW_CACHE_R_REQUEST },
        { GW_CACHE_GET, "Authorization: x", GW_CACHE_R_CREDENTIALS,
          GW_CACHE_R_CREDENTIALS },
    };

    conf.request_control = GW_CACHE_CONTROL_SAFE;
    response_of(&f, "Cache-Control: max-age=60");

    for (i = 0; i < CACHE_N(row); i++) {
        gw_cache_request_read(&req, row[i].method,
                              cache_fields(&f, row[i].request));

        is_int(gw_cache_store(&conf, &req, &res, 0, &entry), row[i].stored,
               "3: %d, %s: stored", row[i].method, row[i].request);
        is_int(gw_cache_freshen(&conf, &req, &res, &entry),
               row[i].freshened, "4.3.4: %d, %s: freshened", row[i].method,
               row[i].request);
    }
}


/* RFC 9211, 2 */

static void
status(void)
{
    size_t             i, len, size;
    unsigned           wrong;
    unsigned char      text[200];
    gw_cache_status_t  s;

    s.name = cache_text("gw");

    for (i = 0; i < CACHE_N(told); i++) {
        s.fwd = told[i].fwd;
        s.hit = told[i].hit & 1;
        s.stored = told[i].stored & 1;
        s.collapsed = told[i].collapsed & 1;
        s.status = told[i].status;
        s.timed = told[i].timed & 1;
        s.ttl = told[i].ttl;
        s.detail = cache_text(told[i].detail);

        len = gw_cache_status_write(text, sizeof(text), &s);
        is_bytes(text, len, told[i].expected, "9211: %s", told[i].expected);

        wrong = (gw_cache_status_write(text, len, &s) != len);

        for (size = 0; size < len; size++) {
            wrong += (gw_cache_status_write(text, size, &s) != 0);
        }

        is_int(wrong, 0, "9211: written completely or not at all");
    }
}


static void
forwards(void)
{
    size_t            i;
    gw_cache_reuse_t  reuse;
    static const struct {
        gw_cache_action_e  action;
        gw_cache_reason_e  reason;
        int                variants;
        gw_cache_fwd_e     expected;
    } row[] = {
        { GW_CACHE_SEND, GW_CACHE_R_NONE, 1, GW_CACHE_FWD_NONE },
        { GW_CACHE_SEND_REFRESH, GW_CACHE_R_STALE, 1, GW_CACHE_FWD_NONE },
        { GW_CACHE_UNAVAILABLE, GW_CACHE_R_ONLY_IF_CACHED, 0,
          GW_CACHE_FWD_NONE },
        { GW_CACHE_FETCH, GW_CACHE_R_NONE, 0, GW_CACHE_FWD_URI_MISS },
        { GW_CACHE_FETCH, GW_CACHE_R_NONE, 1, GW_CACHE_FWD_VARY_MISS },
        { GW_CACHE_REVALIDATE, GW_CACHE_R_STALE, 1, GW_CACHE_FWD_STALE },
        { GW_CACHE_REVALIDATE, GW_CACHE_R_NO_CACHE, 1, GW_CACHE_FWD_STALE },
        { GW_CACHE_REVALIDATE, GW_CACHE_R_REQUEST, 1, GW_CACHE_FWD_REQUEST },
        { GW_CACHE_BYPASS, GW_CACHE_R_METHOD, 0, GW_CACHE_FWD_METHOD },
        { GW_CACHE_BYPASS, GW_CACHE_R_CREDENTIALS, 0, GW_CACHE_FWD_BYPASS },
    };

    for (i = 0; i < CACHE_N(row); i++) {
        reuse.action = row[i].action;
        reuse.reason = row[i].reason;
        is_int(gw_cache_fwd(&reuse, row[i].variants), row[i].expected,
               "9211 2.2: %d, %d", row[i].action, row[i].reason);
    }
}


int
main(void)
{
    conf.set_cookie = GW_CACHE_COOKIE_STORE;

    stored();
    merged();
    freshened();
    freshened_by();
    uris();
    status();
    forwards();

    return done_testing();
}
