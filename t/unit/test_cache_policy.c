/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Storing and reusing responses.  Clauses are of RFC 9111 unless noted.
 */

#include <stdio.h>

#include "cache_fields.h"
#include "gw_cache_policy.h"
#include "tap.h"


#define NOW       1790000000LL
#define DATE      "Date: Mon, 21 Sep 2026 14:13:20 GMT\n"       /* NOW */
#define DATE_100  "Date: Mon, 21 Sep 2026 14:11:40 GMT\n"       /* NOW - 100 */
#define EARLIER   "Mon, 21 Sep 2026 14:11:40 GMT"
#define LATER     "Mon, 21 Sep 2026 14:15:00 GMT"               /* NOW + 100 */


static const gw_text_t       cdn[] = {
    gw_cache_text("gw-cache-control"), gw_cache_text("cdn-cache-control")
};

static const gw_cache_ttl_t  minute[] = {
    { 404, 10 }, { 200, 60 }, { 500, 0 }
};

static const gw_cache_ttl_t  any[] = { { 200, 60 }, { 0, 5 } };


/* the profile "rfc9111" without heuristics; tests modify it */

static gw_cache_conf_t
conf_of(void)
{
    gw_cache_conf_t  conf;

    memset(&conf, 0, sizeof(conf));

    conf.methods = 1U << GW_CACHE_GET | 1U << GW_CACHE_HEAD
                   | 1U << GW_CACHE_POST;
    conf.request_control = GW_CACHE_CONTROL_ALL;
    conf.set_cookie = GW_CACHE_COOKIE_STORE;
    conf.ttl_max = 86400;
    conf.stale = GW_CACHE_STALE_ERROR|GW_CACHE_STALE_TIMEOUT;
    conf.stale_for = 3600;
    conf.targeted = cdn;
    conf.targeted_n = 2;
    conf.max_object = 1000;

    return conf;
}


/* the method is the first word of a request */

static void
request_of(gw_cache_request_t *req, const char *text)
{
    gw_text_t       method;
    cache_fields_t  f;

    method.data = (const unsigned char *) text;
    method.len = strcspn(text, " \n");
    text += method.len;

    gw_cache_request_read(req, gw_cache_method(&method),
                          cache_fields(&f, text));
}


/* at NOW, "delay" seconds after the request was sent */

static gw_cache_reason_e
store(const gw_cache_conf_t *conf, const char *request, unsigned status,
    const char *response, int64_t delay, gw_cache_entry_t *entry)
{
    cache_fields_t       f;
    gw_cache_clock_t     sent, now;
    gw_cache_request_t   req;
    gw_cache_response_t  res;

    now.wall = NOW;
    now.monotonic = 10000000;
    sent.wall = now.wall - delay;
    sent.monotonic = now.monotonic - (uint64_t) delay * 1000;

    request_of(&req, request);
    gw_cache_response_read(&res, conf, status, cache_fields(&f, response),
                           &sent, &now);

    return gw_cache_store(conf, &req, &res, 1, entry);
}


typedef struct {
    const char  *clause;
    const char  *request;
    unsigned     status;
    const char  *response;
    const char  *expected;      /* "lifetime age", or the reason */
} store_t;


static void
stored(const gw_cache_conf_t *conf, const store_t *row, size_t n)
{
    size_t             i;
    char               got[100];
    gw_text_t          word;
    gw_cache_entry_t   entry;
    gw_cache_reason_e  reason;

    for (i = 0; i < n; i++) {
        reason = store(conf, row[i].request, row[i].status, row[i].response,
                       0, &entry);

        if (reason == GW_CACHE_R_NONE) {
            snprintf(got, sizeof(got), "%u %u", entry.lifetime, entry.age);

        } else {
            word = gw_cache_reason_word(reason);
            snprintf(got, sizeof(got), "%.*s", (int) word.len, word.data);
        }

        is_str(got, row[i].expected, "%s: %s, %u, %s", row[i].clause,
               row[i].request, row[i].status, row[i].response);
    }
}

#define STORED(conf, row)  stored(conf, row, CACHE_N(row))


static const store_t  methods_and_status_rows[] = {
    { "3", "GET", 200, "Cache-Control: max-age=60", "60 0" },
    { "3", "HEAD", 200, "Cache-Control: max-age=60", "method" },
    { "3", "PUT", 200, "Cache-Control: max-age=60", "method" },
    { "3", "get", 200, "Cache-Control: max-age=60", "method" },
    { "3", "OPTIONS", 200, "Cache-Control: max-age=60", "method" },

    { "3", "GET", 101, "Cache-Control: max-age=60", "status" },
    { "9110 7.8", "GET", 101, "Upgrade: websocket", "upgrade" },
    { "3", "GET", 103, "Cache-Control: max-age=60", "status" },
    { "3", "GET", 199, "Cache-Control: max-age=60", "status" },
    { "3", "GET", 206, "Cache-Control: max-age=60", "status" },
    { "3", "GET", 299, "Cache-Control: max-age=60", "60 0" },
    { "3", "GET", 304, "Cache-Control: max-age=60", "status" },
    { "3", "GET", 403, "Cache-Control: max-age=60", "60 0" },
    { "3", "GET", 500, "Cache-Control: max-age=60", "60 0" },
    { "3", "GET", 599, "Cache-Control: max-age=60", "60 0" },
    { "3", "GET", 600, "Cache-Control: max-age=60", "status" },
    { "6585", "GET", 428, "Cache-Control: max-age=60", "status" },
    { "6585", "GET", 429, "Cache-Control: max-age=60", "status" },
    { "6585", "GET", 431, "Cache-Control: max-age=60", "status" },
    { "6585", "GET", 511, "Cache-Control: max-age=60", "status" },

    /* requests and responses that bypass the cache */
    { "-", "GET\nRange: bytes=0-1", 200, "Cache-Control: max-age=60",
      "range" },
    { "4.3.2", "GET\nIf-Match: \"a\"", 200, "Cache-Control: max-age=60",
      "precondition" },
    { "4.3.2", "GET\nIf-Unmodified-Since: " EARLIER, 200,
      "Cache-Control: max-age=60", "precondition" },
    { "-", "GET\nIf-None-Match: \"a\"", 200, "Cache-Control: max-age=60",
      "60 0" },
    { "5.2.1.5", "GET\nCache-Control: no-store", 200,
      "Cache-Control: max-age=60", "request" },
    { "5.2.1.4", "GET\nCache-Control: no-cache", 200,
      "Cache-Control: max-age=60", "60 0" },

    { "-", "GET", 200, "Cache-Control: max-age=60\n"
      "Content-Type: Text/Event-Stream ;charset=utf-8", "event-stream" },
    { "-", "GET", 200, "Cache-Control: max-age=60\n"
      "Content-Type: text/event-streams", "60 0" },
    { "-", "GET", 200, "Cache-Control: max-age=60\n"
      "X-Accel-Buffering: no", "not-buffered" },
    { "-", "GET", 200, "Cache-Control: max-age=60\n"
      "X-Accel-Buffering: yes", "60 0" },
    { "-", "GET", 200, "Cache-Control: max-age=60\nTrailer: X",
      "trailers" },
    { "-", "GET", 200, "Cache-Control: max-age=60\nContent-Length: 1000",
      "60 0" },
    { "-", "GET", 200, "Cache-Control: max-age=60\nContent-Length: 1001",
      "too-large" },
    { "-", "GET", 200, "Cache-Control: max-age=60\n"
      "Content-Length: 99999999999999999999999", "too-large" },
};


static void
methods_and_status(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    STORED(&conf, methods_and_status_rows);
}


static const store_t  directives_rows[] = {
    { "5.2.2.5", "GET", 200, "Cache-Control: max-age=60, no-store",
      "no-store" },
    { "5.2.2.5", "GET", 200,
      "Cache-Control: max-age=60\nCache-Control: No-Store", "no-store" },
    { "5.2.2.7", "GET", 200, "Cache-Control: private, max-age=60",
      "private" },
    { "5.2.2.7", "GET", 200, "Cache-Control: private=\"a\", max-age=60",
      "60 0" },
    { "4.2.1", "GET", 200, "Cache-Control: max-age=60, x=\"",
      "malformed" },

    /* no-cache: stored only if there is a validator */
    { "5.2.2.4", "GET", 200, "Cache-Control: max-age=60, no-cache",
      "no-cache" },
    { "5.2.2.4", "GET", 200,
      "Cache-Control: max-age=60, no-cache\nETag: \"a\"", "60 0" },
    { "5.2.2.4", "GET", 200, "Cache-Control: no-cache\nETag: \"a\"",
      "0 0" },
    { "5.2.2.4", "GET", 200,
      "Cache-Control: no-cache\nLast-Modified: " EARLIER, "0 0" },
    { "5.2.2.4", "GET", 200,
      "Cache-Control: no-cache\nETag: \"a\"\nETag: \"b\"", "no-cache" },
    { "5.2.2.4", "GET", 200, "Cache-Control: max-age=60, no-cache=\"a\"",
      "60 0" },

    /* must-understand overrides no-store if the status is understood */
    { "5.2.2.3", "GET", 200,
      "Cache-Control: max-age=60, no-store, must-understand", "60 0" },
    { "5.2.2.3", "GET", 599,
      "Cache-Control: max-age=60, no-store, must-understand",
      "not-understood" },
    { "5.2.2.3", "GET", 599,
      "Cache-Control: max-age=60, must-understand", "not-understood" },
    { "5.2.2.3", "GET", 404,
      "Cache-Control: max-age=60, no-store, must-understand", "60 0" },
    { "5.2.2.3", "GET", 306,
      "Cache-Control: max-age=60, must-understand", "not-understood" },

    { "5.4", "GET", 200, "Cache-Control: max-age=60\nPragma: no-cache",
      "60 0" },

    /* a response that could never be used is not stored */
    { "3", "GET", 200, "", "no-lifetime" },
    { "3", "GET", 200, "ETag: \"a\"", "no-lifetime" },
    { "3", "GET", 200, "Cache-Control: public", "no-lifetime" },
    { "3", "GET", 200, "Cache-Control: max-age=0", "stale" },
    { "3", "GET", 200, "Cache-Control: max-age=0\nETag: \"a\"", "0 0" },
    { "5861 3", "GET", 200,
      "Cache-Control: max-age=0, stale-while-revalidate=1", "0 0" },
    { "5861 4", "GET", 200, "Cache-Control: max-age=0, stale-if-error=1",
      "0 0" },
    { "5.2.2.2", "GET", 200,
      "Cache-Control: max-age=0, stale-if-error=1, must-revalidate",
      "stale" },
};


static void
directives(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    STORED(&conf, directives_rows);
}


static const store_t  lifetimes_rows[] = {
    /* 4.2.1: s-maxage, max-age, Expires */
    { "4.2.1", "GET", 200, "Cache-Control: max-age=60, s-maxage=90",
      "90 0" },
    { "4.2.1", "GET", 200, "Cache-Control: s-maxage=1, max-age=90",
      "1 0" },
    { "4.2.1", "GET", 200,
      DATE "Cache-Control: max-age=0, s-maxage=90\nExpires: " EARLIER,
      "90 0" },
    { "4.2.1", "GET", 200,
      DATE "Cache-Control: max-age=0\nExpires: " LATER, "stale" },
    { "4.2.1", "GET", 200,
      DATE "Cache-Control: max-age=60\nExpires: " EARLIER, "60 0" },
    { "4.2.1", "GET", 200, "Cache-Control: max-age=60\nExpires: 0",
      "60 0" },
    { "5.3", "GET", 200, DATE "Expires: " LATER, "100 0" },
    { "5.3", "GET", 200, "Expires: " LATER, "100 0" },
    { "5.3", "GET", 200, DATE_100 "Expires: " LATER, "200 100" },
    { "5.3", "GET", 200, DATE "Expires: Mon, 21 Sep 2026 14:13:21 GMT",
      "1 0" },
    { "5.3", "GET", 200, DATE "Expires: Mon, 21 Sep 2026 14:13:20 GMT",
      "stale" },
    { "5.3", "GET", 200, DATE "Expires: " EARLIER, "stale" },
    { "5.3", "GET", 200, DATE "Expires: 0", "stale" },
    { "5.3", "GET", 200, DATE "Expires: -1", "stale" },
    { "5.3", "GET", 200, DATE "Expires: Mon, 21 Sep 2026 14:15:00 UTC",
      "stale" },
    { "4.2.1", "GET", 200, DATE "Expires: " LATER "\nExpires: " EARLIER,
      "100 0" },

    /* both are ahead of the cache's clock */
    { "4.2.1", "GET", 200, "Date: " LATER "\nExpires: "
      "Mon, 21 Sep 2026 14:14:00 GMT", "stale" },

    /* 4.2.3 and 5.1: the age when the response is received */
    { "4.2.3", "GET", 200, DATE "Cache-Control: max-age=60\nAge: 59",
      "60 59" },
    { "4.2.3", "GET", 200, DATE "Cache-Control: max-age=60\nAge: 60",
      "stale" },
    { "4.2.3", "GET", 200, DATE_100 "Cache-Control: max-age=101",
      "101 100" },
    { "4.2.3", "GET", 200, DATE_100 "Cache-Control: max-age=100",
      "stale" },
    { "4.2.3", "GET", 200,
      DATE_100 "Cache-Control: max-age=500\nAge: 200", "500 200" },
    { "4.2.3", "GET", 200, "Date: " LATER "\nCache-Control: max-age=60",
      "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: abc", "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: -70", "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 70.0",
      "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: \"70\"",
      "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 70, 0",
      "stale" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 0, 70",
      "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: , 7",
      "60 7" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 70\nAge: 0",
      "stale" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 0\nAge: 70",
      "60 0" },
    { "5.1", "GET", 200, "Cache-Control: max-age=60\nAge: 2147483647",
      "stale" },
    { "5.1", "GET", 200,
      "Cache-Control: max-age=60\nAge: 99999999999999999999", "stale" },

    /* the bound */
    { "max", "GET", 200, "Cache-Control: max-age=86400", "86400 0" },
    { "max", "GET", 200, "Cache-Control: max-age=86401", "86400 0" },
    { "max", "GET", 200, "Expires: Sun, 21 Nov 2286 04:46:39 GMT",
      "86400 0" },

    /* RFC 9213 */
    { "9213", "GET", 200,
      "CDN-Cache-Control: max-age=60\nCache-Control: no-store", "60 0" },
    { "9213", "GET", 200,
      "CDN-Cache-Control: no-store\nCache-Control: max-age=60",
      "no-store" },
    { "9213", "GET", 200,
      "CDN-Cache-Control: private\nCache-Control: max-age=60",
      "private" },
    { "9213", "GET", 200, "CDN-Cache-Control: max-age=0\n" DATE
      "Expires: " LATER, "stale" },
    { "9213", "GET", 200, "CDN-Cache-Control: foo\n" DATE
      "Expires: " LATER, "no-lifetime" },
    { "9213", "GET", 200, "CDN-Cache-Control: max-age=\"60\"\n"
      "Cache-Control: no-store", "no-store" },
    { "9213", "GET", 200, "CDN-Cache-Control: max-age=1\n"
      "GW-Cache-Control: max-age=2\nCache-Control: max-age=3", "2 0" },
    { "9213", "GET", 200, "CDN-Cache-Control: max-age=1\n"
      "GW-Cache-Control: &\nCache-Control: max-age=3", "1 0" },
    { "9213", "GET", 200, "Surrogate-Control: no-store\n"
      "Cache-Control: max-age=3", "3 0" },
};


static void
lifetimes(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    STORED(&conf, lifetimes_rows);
}


static const store_t  configured_ttl[] = {
    { "ttl", "GET", 200, "", "60 0" },
    { "ttl", "GET", 404, "", "10 0" },
    { "ttl", "GET", 500, "", "stale" },
    { "ttl", "GET", 302, "", "no-lifetime" },
    { "ttl", "GET", 200, "Cache-Control: max-age=5", "5 0" },
    { "ttl", "GET", 200, "Cache-Control: max-age=0", "stale" },
    { "ttl", "GET", 200, "Expires: 0", "stale" },
    { "ttl", "GET", 200, "Cache-Control: no-store", "no-store" },
    { "ttl", "GET", 200, "Cache-Control: no-cache", "no-cache" },

    /* the lifetime starts now */
    { "ttl", "GET", 200, "Age: 100", "160 100" },
    { "ttl", "GET", 200, DATE_100, "160 100" },
};

static const store_t  configured_every[] = {
    { "ttl any", "GET", 200, "", "60 0" },
    { "ttl any", "GET", 302, "", "5 0" },
    { "ttl any", "GET", 503, "", "5 0" },
    { "ttl any", "GET", 206, "", "status" },
};

static const store_t  configured_override[] = {
    { "override", "GET", 200, "Cache-Control: max-age=5", "60 0" },
    { "override", "GET", 200, "Cache-Control: max-age=0", "60 0" },
    { "override", "GET", 302, "Cache-Control: max-age=5", "5 0" },
    { "override", "GET", 200, "X-Accel-Expires: 5", "60 0" },
    { "override", "GET", 200, "X-Accel-Expires: 0", "x-accel-expires" },
    { "override", "GET", 200, "Cache-Control: no-store", "no-store" },
    { "override", "GET", 200, "Cache-Control: private", "private" },
    { "override", "GET", 200, "Cache-Control: no-cache", "no-cache" },
    { "override", "GET", 500, "Cache-Control: max-age=5", "stale" },
};

static const store_t  configured_all[] = {
    { "override=all", "GET", 200, "Cache-Control: no-store", "60 0" },
    { "override=all", "GET", 200, "Cache-Control: private", "60 0" },
    { "override=all", "GET", 200, "Cache-Control: no-cache", "60 0" },
    { "override=all", "GET", 200, "X-Accel-Expires: 0", "60 0" },
    { "override=all", "GET", 302, "Cache-Control: no-store",
      "no-lifetime" },
    { "override=all", "GET\nAuthorization: x", 200,
      "Cache-Control: no-store", "credentials" },
    { "override=all", "GET\nCookie: x", 200, "Cache-Control: no-store",
      "no-lifetime" },
};

static const store_t  configured_bounds[] = {
    { "min", "GET", 200, "Cache-Control: max-age=1", "10 0" },
    { "min", "GET", 200, "Cache-Control: max-age=11", "11 0" },
    { "min", "GET", 200, "Cache-Control: max-age=0", "stale" },
    { "min", "GET", 200, "Cache-Control: max-age=5\nAge: 7", "10 7" },
    { "max", "GET", 200, "Cache-Control: max-age=21", "20 0" },
    { "max", "GET", 200, "X-Accel-Expires: 21", "20 0" },
    { "max", "GET", 200, "X-Accel-Expires: 21\nAge: 5", "25 5" },
};


static void
configured(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    conf.ttl = minute;
    conf.ttl_n = 3;
    STORED(&conf, configured_ttl);

    conf.override = GW_CACHE_OVERRIDE;
    STORED(&conf, configured_override);

    conf.override = GW_CACHE_OVERRIDE_ALL;
    STORED(&conf, configured_all);

    conf = conf_of();
    conf.ttl = any;
    conf.ttl_n = 2;
    STORED(&conf, configured_every);

    conf = conf_of();
    conf.ttl_min = 10;
    conf.ttl_max = 20;
    STORED(&conf, configured_bounds);
}


static void
accel(void)
{
    gw_cache_conf_t       conf;
    static const store_t  row[] = {
        { "accel", "GET", 200, "X-Accel-Expires: 60", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\n"
          "Cache-Control: no-store", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\n"
          "Cache-Control: private, no-cache", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\nExpires: 0", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\n"
          "CDN-Cache-Control: no-store", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\nCache-Control: x=\"",
          "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 0\n"
          "Cache-Control: max-age=60", "x-accel-expires" },
        { "accel", "GET", 200, "X-Accel-Expires: off\n"
          "Cache-Control: max-age=5", "5 0" },
        { "accel", "GET", 200, "X-Accel-Expires: -1\n"
          "Cache-Control: max-age=5", "5 0" },
        { "accel", "GET", 200, "X-Accel-Expires: @1790000060", "60 0" },
        { "accel", "GET", 200, "X-Accel-Expires: @1790000000\n"
          "Cache-Control: max-age=5", "x-accel-expires" },
        { "accel", "GET", 200, "X-Accel-Expires: @x\n"
          "Cache-Control: max-age=5", "5 0" },
        { "accel", "GET", 200, "X-Accel-Expires: @\n"
          "Cache-Control: max-age=5", "5 0" },
        { "accel", "GET", 200,
          "X-Accel-Expires: @99999999999999999999999999", "86400 0" },
        { "accel", "GET", 200, "X-Accel-Expires: 60\nAge: 1000",
          "1060 1000" },
    };

    conf = conf_of();
    STORED(&conf, row);
}


static void
heuristics(void)
{
    size_t            i;
    char              name[40];
    gw_cache_conf_t   conf;
    gw_cache_entry_t  entry;
    static const struct {
        unsigned      status;
        int           cached;
    } row[] = {
        { 200, 1 }, { 201, 0 }, { 202, 0 }, { 203, 1 }, { 204, 1 },
        { 300, 1 }, { 301, 1 }, { 302, 0 }, { 303, 0 }, { 307, 0 },
        { 308, 1 }, { 400, 0 }, { 403, 0 }, { 404, 1 }, { 405, 1 },
        { 410, 1 }, { 414, 1 }, { 451, 1 }, { 500, 0 }, { 501, 1 },
        { 502, 0 }, { 503, 0 }, { 504, 0 }, { 599, 0 }
    };
    static const store_t  more[] = {
        { "4.2.2", "GET", 200, DATE "Last-Modified: " EARLIER, "10 0" },
        { "4.2.2", "GET", 200, "Last-Modified: " EARLIER, "10 0" },
        { "4.2.2", "GET", 200, DATE, "no-lifetime" },
        { "4.2.2", "GET", 200, DATE "Last-Modified: x", "no-lifetime" },
        { "4.2.2", "GET", 200, DATE "Last-Modified: " LATER, "0 0" },
        { "4.2.2", "GET", 200,
          DATE "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "1000 0" },
        { "4.2.2", "GET", 599,
          DATE "Cache-Control: public\nLast-Modified: " EARLIER, "10 0" },
        { "4.2.2", "GET", 200,
          DATE "Cache-Control: max-age=3\nLast-Modified: " EARLIER, "3 0" },
        { "4.2.2", "GET", 200, DATE "Expires: 0\nLast-Modified: " EARLIER,
          "0 0" },
    };

    conf = conf_of();
    conf.heuristic = 10;
    conf.heuristic_max = 1000;

    for (i = 0; i < CACHE_N(row); i++) {
        snprintf(name, sizeof(name), "4.2.2: %u", row[i].status);

        is_int(store(&conf, "GET", row[i].status,
                     DATE "Last-Modified: " EARLIER, 0, &entry),
               row[i].cached ? GW_CACHE_R_NONE : GW_CACHE_R_NO_LIFETIME,
               "%s", name);
    }

    STORED(&conf, more);

    conf.heuristic = 0;
    is_int(store(&conf, "GET", 200, DATE "Last-Modified: " EARLIER, 0,
                 &entry), GW_CACHE_R_NO_LIFETIME, "4.2.2: off");
}


static const store_t  credentials_rows[] = {
    { "3.5", "GET\nAuthorization: x", 200, "Cache-Control: max-age=60",
      "credentials" },
    { "3.5", "GET\nAuthorization:", 200, "Cache-Control: max-age=60",
      "credentials" },
    { "3.5", "GET\nAuthorization: x", 200,
      "Cache-Control: max-age=60, public", "60 0" },
    { "3.5", "GET\nAuthorization: x", 200,
      "Cache-Control: max-age=60, must-revalidate", "60 0" },
    { "3.5", "GET\nAuthorization: x", 200, "Cache-Control: s-maxage=60",
      "60 0" },
    { "3.5", "GET\nAuthorization: x", 200,
      "Cache-Control: max-age=60, proxy-revalidate", "credentials" },
    { "3.5", "GET\nAuthorization: x", 200, "X-Accel-Expires: 60",
      "credentials" },
    { "3.5", "GET\nAuthorization: x", 200,
      "X-Accel-Expires: 60\nCache-Control: public", "60 0" },
    { "3.5", "GET\nAuthorization: x", 200,
      "X-Accel-Expires: 60\nCache-Control: public, private",
      "credentials" },

    /* cookies: only a lifetime set by the origin */
    { "cookie", "GET\nCookie: a=b", 200, "", "no-lifetime" },
    { "cookie", "GET\nCookie: a=b", 200, "Cache-Control: max-age=5",
      "5 0" },
    { "cookie", "GET\nCookie: a=b", 200, "X-Accel-Expires: 5", "5 0" },
    { "cookie", "GET\nCookie: a=b", 200,
      DATE "Last-Modified: " EARLIER, "no-lifetime" },
};

static const store_t  credentials_ignore[] = {
    { "cookie ignore", "GET\nCookie: a=b", 200, "", "60 0" },
    { "cookie ignore", "GET\nCookie: a=b", 200,
      "Cache-Control: max-age=5", "30 0" },
};

static const store_t  credentials_override[] = {
    { "cookie, override", "GET\nCookie: a=b", 200,
      "Cache-Control: max-age=5", "5 0" },
    { "no cookie, override", "GET", 200, "Cache-Control: max-age=5",
      "60 0" },
};

static const store_t  credentials_skip[] = {
    { "set_cookie skip", "GET", 200,
      "Cache-Control: max-age=60\nSet-Cookie: a=b", "set-cookie" },
    { "set_cookie skip", "GET", 200,
      "Cache-Control: max-age=60, public\nset-cookie: a=b",
      "set-cookie" },
    { "set_cookie skip", "GET", 200,
      "Cache-Control: max-age=60\nSet-Cookie2: a=b", "60 0" },
};

static const store_t  credentials_strip[] = {
    { "set_cookie strip", "GET", 200,
      "Cache-Control: max-age=60\nSet-Cookie: a=b", "60 0" },
};


static void
credentials(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    conf.ttl = minute;
    conf.ttl_n = 3;
    conf.heuristic = 10;
    conf.ttl_min = 30;
    conf.cookie_ignore = 1;
    STORED(&conf, credentials_ignore);

    conf.ttl_min = 0;
    conf.cookie_ignore = 0;
    STORED(&conf, credentials_rows);

    conf.override = GW_CACHE_OVERRIDE;
    STORED(&conf, credentials_override);
    conf.override = GW_CACHE_ORIGIN;

    conf.set_cookie = GW_CACHE_COOKIE_SKIP;
    STORED(&conf, credentials_skip);

    conf.set_cookie = GW_CACHE_COOKIE_STRIP;
    STORED(&conf, credentials_strip);
}


/* a response to POST, stored for later GETs (RFC 9110, 9.3.3) */

static void
posts(void)
{
    gw_cache_conf_t       conf;
    gw_cache_entry_t      entry;
    static const store_t  row[] = {
        { "9.3.3", "POST", 200,
          "Cache-Control: max-age=60\nContent-Location: /", "60 0" },
        { "9.3.3", "POST", 201,
          "Cache-Control: max-age=60\nContent-Location: /", "60 0" },
        { "9.3.3", "POST", 404,
          "Cache-Control: max-age=60\nContent-Location: /", "status" },
        { "9.3.3", "POST", 303,
          "Cache-Control: max-age=60\nContent-Location: /", "status" },
        { "9.3.3", "POST", 200, "Cache-Control: max-age=60",
          "content-location" },
        { "9.3.3", "POST", 200, "Cache-Control: max-age=60\n"
          "Content-Location: /\nContent-Location: /", "content-location" },
        { "9.3.3", "POST", 200, "Content-Location: /", "no-lifetime" },
        { "9.3.3", "POST", 200,
          DATE "Last-Modified: " EARLIER "\nContent-Location: /",
          "no-lifetime" },
        { "9.3.3", "POST", 200,
          "Cache-Control: private, max-age=60\nContent-Location: /",
          "private" },
    };
    gw_cache_request_t    req;
    gw_cache_response_t   res;
    cache_fields_t        f;
    gw_cache_clock_t      now = { NOW, 0 };

    conf = conf_of();
    conf.ttl = minute;
    conf.ttl_n = 3;
    conf.heuristic = 10;
    conf.heuristic_max = 100;
    STORED(&conf, row);

    request_of(&req, "POST");
    gw_cache_response_read(&res, &conf, 200, cache_fields(&f,
        "Cache-Control: max-age=60\nContent-Location: /other"), &now, &now);
    is_int(gw_cache_store(&conf, &req, &res, 0, &entry), GW_CACHE_R_LOCATION,
           "9.3.3: Content-Location is another URI");
    is_int(gw_cache_store(&conf, &req, &res, 1, &entry), GW_CACHE_R_NONE,
           "9.3.3: Content-Location is the target");

    conf.methods = 1U << GW_CACHE_GET;
    is_int(gw_cache_store(&conf, &req, &res, 1, &entry), GW_CACHE_R_METHOD,
           "9.3.3: POST is not cached");
}


/* directives of the request, when storing */

static void
request_control(void)
{
    gw_cache_conf_t   conf;
    gw_cache_entry_t  entry;

    conf = conf_of();

#define STORES(mode, reason)                                                  \
    conf.request_control = GW_CACHE_CONTROL_##mode;                           \
    is_int(store(&conf, "GET\nCache-Control: no-store", 200,                  \
                 "Cache-Control: max-age=60", 0, &entry),                     \
           reason, "5.2.1.5: no-store, request_control " #mode)

    STORES(NONE, GW_CACHE_R_NONE);
    STORES(SAFE, GW_CACHE_R_REQUEST);
    STORES(ALL, GW_CACHE_R_REQUEST);
}


/* 4.2.3 with clocks that jump */

static void
ages(void)
{
    size_t             i;
    gw_cache_conf_t    conf;
    gw_cache_entry_t   entry;
    gw_cache_clock_t   now;
    static const struct {
        int64_t        wall;        /* since the response was received */
        int64_t        monotonic;   /* ms */
        uint32_t       age;
        const char    *name;
    } row[] = {
        { 0, 0, 30, "at once" },
        { 0, 999, 30, "not yet a second" },
        { 1, 1000, 31, "a second" },
        { 10, 10000, 40, "ten seconds" },
        { -3600, 10000, 40, "the wall clock was set back" },
        { 3600, 10000, 3630, "the wall clock was set ahead" },
        { 10, 0, 40, "the monotonic clock stood still" },
        { 10, -5000, 40, "it is another process's, and behind" },
        { -5, -5000, 30, "both are behind" },
        { 2147483647LL, 0, 2147483648U, "for ever" },
        { INT64_MAX - NOW, 0, 2147483648U, "the end of time" },
        { INT64_MIN + NOW, 0, 30, "the beginning of time" },
        { 0, INT64_MAX - 10000000, 2147483648U, "monotonic for ever" },
    };

    conf = conf_of();
    is_int(store(&conf, "GET", 200, "Cache-Control: max-age=60\nAge: 20", 10,
                 &entry), GW_CACHE_R_NONE, "4.2.3: Age 20 after 10 s");
    is_int(entry.age, 30, "4.2.3: corrected_initial_age");

    for (i = 0; i < CACHE_N(row); i++) {
        now.wall = NOW + row[i].wall;
        now.monotonic = (uint64_t) (10000000 + row[i].monotonic);
        is_int(gw_cache_age(&entry, &now), row[i].age, "4.2.3: %s",
               row[i].name);
    }

    is_int(store(&conf, "GET", 200, DATE_100 "Cache-Control: max-age=600", 10,
                 &entry), GW_CACHE_R_NONE, "4.2.3: a Date 100 s in the past");
    is_int(entry.age, 100, "4.2.3: the apparent age is used if it is greater");
}


/* the decision for a stored response and a request */

static const char *const  action_words[] = {
    "FETCH", "BYPASS", "SEND", "REFRESH", "REVALIDATE", "504"
};


typedef struct {
    const char  *clause;
    const char  *response;      /* to a plain GET; NULL: nothing is stored */
    int64_t      later;
    const char  *request;
    const char  *expected;
} reuse_t;


static void
reused(const gw_cache_conf_t *conf, const reuse_t *row, size_t n)
{
    size_t              i;
    char                got[200];
    gw_text_t           word;
    gw_cache_clock_t    now;
    gw_cache_entry_t    entry;
    gw_cache_reuse_t    r;
    gw_cache_request_t  req;

    for (i = 0; i < n; i++) {

        if (row[i].response
            && store(conf, "GET", 200, row[i].response, 0, &entry)
               != GW_CACHE_R_NONE)
        {
            ok(0, "%s is stored", row[i].response);
            continue;
        }

        now.wall = NOW + row[i].later;
        now.monotonic = 10000000 + (uint64_t) row[i].later * 1000;
        request_of(&req, row[i].request);

        gw_cache_reuse(conf, &req, row[i].response ? &entry : NULL, &now, &r);

        word = gw_cache_reason_word(r.reason);
        snprintf(got, sizeof(got), "%s%s%.*s%s", action_words[r.action],
                 word.len ? " " : "", (int) word.len, word.data,
                 r.updating ? " updating" : r.stale ? ", sent" : "");

        is_str(got, row[i].expected, "%s: %s, %d s later: %s", row[i].clause,
               row[i].response ? row[i].response : "nothing",
               (int) row[i].later, row[i].request);
    }
}

#define REUSED(conf, row)  reused(conf, row, CACHE_N(row))

#define FRESH   "Cache-Control: max-age=60"
#define ETAG    "\nETag: \"a\""


static const reuse_t  fresh_and_stale_rows[] = {
    { "4", NULL, 0, "GET", "FETCH" },
    { "4", NULL, 0, "HEAD", "FETCH method" },
    { "4", NULL, 0, "GET\nRange: bytes=0-1", "FETCH range" },
    { "4", NULL, 0, "GET\nCache-Control: no-store", "FETCH request" },
    { "4", NULL, 0, "GET\nIf-None-Match: \"a\"", "FETCH" },
    { "4", NULL, 0, "PUT", "BYPASS method" },
    { "4", FRESH, 0, "GET", "SEND" },
    { "4.2", FRESH, 59, "GET", "SEND" },
    { "4.2", FRESH, 60, "GET", "REVALIDATE stale" },
    { "4.2", FRESH "\nAge: 30", 29, "GET", "SEND" },
    { "4.2", FRESH "\nAge: 30", 30, "GET", "REVALIDATE stale" },
    { "4", FRESH, 0, "HEAD", "SEND" },
    { "4", FRESH, 0, "GET\nRange: bytes=0-1", "SEND" },
    { "9110 9.3.3", FRESH, 0, "POST", "BYPASS method" },
    { "4", FRESH, 0, "DELETE", "BYPASS method" },
    { "4.3.2", FRESH, 0, "GET\nIf-Match: *", "BYPASS precondition" },
    { "4.3.2", FRESH, 0, "GET\nIf-None-Match: *", "SEND" },
    { "5.2.1.5", FRESH, 0, "GET\nCache-Control: no-store", "SEND" },
    { "5.2.2.4", FRESH ", no-cache" ETAG, 0, "GET",
      "REVALIDATE no-cache" },
    { "5.2.2.4", FRESH ", no-cache=\"a\"", 0, "GET", "SEND" },
    { "5.2.2.2", FRESH ", must-revalidate", 59, "GET", "SEND" },

    /* 5.2.1 */
    { "5.2.1.4", FRESH, 0, "GET\nCache-Control: no-cache",
      "REVALIDATE request" },
    { "5.4", FRESH, 0, "GET\nPragma: no-cache", "REVALIDATE request" },
    { "5.4", FRESH, 0, "GET\nPragma: No-Cache\nCache-Control: x",
      "SEND" },
    { "5.4", FRESH, 0, "GET\nPragma: foo", "SEND" },
    { "5.2.1.1", FRESH, 5, "GET\nCache-Control: max-age=5", "SEND" },
    { "5.2.1.1", FRESH, 6, "GET\nCache-Control: max-age=5",
      "REVALIDATE request" },
    { "5.2.1.1", FRESH, 0, "GET\nCache-Control: max-age=0",
      "REVALIDATE request" },
    { "5.2.1.1", FRESH, 0, "GET\nCache-Control: max-age=x",
      "REVALIDATE request" },
    { "5.2.1.3", FRESH, 10, "GET\nCache-Control: min-fresh=50", "SEND" },
    { "5.2.1.3", FRESH, 11, "GET\nCache-Control: min-fresh=50",
      "REVALIDATE request" },
    { "5.2.1.3", FRESH, 0, "GET\nCache-Control: min-fresh=99999999999",
      "REVALIDATE request" },
    { "5.2.1.2", FRESH, 70, "GET\nCache-Control: max-stale=10",
      "SEND stale, sent" },
    { "5.2.1.2", FRESH, 71, "GET\nCache-Control: max-stale=10",
      "REVALIDATE stale" },
    { "5.2.1.2", FRESH, 999999, "GET\nCache-Control: max-stale",
      "SEND stale, sent" },
    { "5.2.1.2", FRESH, 70, "GET\nCache-Control: max-stale=x",
      "REVALIDATE stale" },
    { "5.2.1.2", FRESH, 70, "GET\nCache-Control: max-stale=10, max-age=5",
      "REVALIDATE request" },
    { "5.2.1.2", FRESH, 70,
      "GET\nCache-Control: max-stale=10, max-age=70",
      "SEND stale, sent" },
    { "5.2.1.2", FRESH, 70, "GET\nCache-Control: max-stale=10, no-cache",
      "REVALIDATE request" },
    { "5.2.2.2", FRESH ", must-revalidate", 60,
      "GET\nCache-Control: max-stale", "REVALIDATE stale" },
    { "5.2.2.8", FRESH ", proxy-revalidate", 60,
      "GET\nCache-Control: max-stale", "REVALIDATE stale" },
    { "5.2.2.10", "Cache-Control: s-maxage=60", 60,
      "GET\nCache-Control: max-stale", "REVALIDATE stale" },
    { "5.2.2.4", "Cache-Control: no-cache" ETAG, 0,
      "GET\nCache-Control: max-stale", "REVALIDATE no-cache" },
    { "5.2.1.7", NULL, 0, "GET\nCache-Control: only-if-cached",
      "504 only-if-cached" },
    { "5.2.1.7", NULL, 0, "HEAD\nCache-Control: only-if-cached",
      "504 only-if-cached" },
    { "5.2.1.7", FRESH, 0, "GET\nCache-Control: only-if-cached",
      "SEND" },
    { "5.2.1.7", FRESH, 60, "GET\nCache-Control: only-if-cached",
      "504 only-if-cached" },
    { "5.2.1.7", FRESH, 60,
      "GET\nCache-Control: only-if-cached, max-stale",
      "SEND stale, sent" },
    { "5.2.1.7", FRESH, 0, "POST\nCache-Control: only-if-cached",
      "BYPASS method" },

    /* 3.5, also for stored responses */
    { "3.5", FRESH, 0, "GET\nAuthorization: x", "BYPASS credentials" },
    { "3.5", FRESH ", public", 0, "GET\nAuthorization: x", "SEND" },
    { "3.5", FRESH, 0,
      "GET\nAuthorization: x\nCache-Control: only-if-cached",
      "504 only-if-cached" },

    /* RFC 5861, 3 */
    { "5861 3", FRESH ", stale-while-revalidate=10", 69, "GET",
      "REFRESH stale, sent" },
    { "5861 3", FRESH ", stale-while-revalidate=10", 70, "GET",
      "REVALIDATE stale" },
    { "5861 3", FRESH ", stale-while-revalidate=10", 59, "GET", "SEND" },
    { "5861 3", FRESH ", stale-while-revalidate=10, must-revalidate", 61,
      "GET", "REVALIDATE stale" },
    { "5861 3", FRESH ", stale-while-revalidate=10", 61,
      "GET\nCache-Control: max-age=100", "REVALIDATE request" },
    { "5861 3", FRESH ", stale-while-revalidate=10", 61,
      "GET\nCache-Control: only-if-cached", "REFRESH stale, sent" },
};


static void
fresh_and_stale(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    REUSED(&conf, fresh_and_stale_rows);
}


static const reuse_t  modes_safe[] = {
    { "safe", FRESH, 0, "GET\nCache-Control: no-cache", "SEND" },
    { "safe", FRESH, 0, "GET\nCache-Control: max-age=0", "SEND" },
    { "safe", FRESH, 0, "GET\nCache-Control: min-fresh=100", "SEND" },
    { "safe", FRESH, 0, "GET\nPragma: no-cache", "SEND" },
    { "safe", FRESH, 61, "GET\nCache-Control: max-stale",
      "REVALIDATE stale" },
    { "safe", NULL, 0, "GET\nCache-Control: only-if-cached",
      "504 only-if-cached" },
    { "safe", NULL, 0, "GET\nCache-Control: no-store",
      "FETCH request" },
};

static const reuse_t  modes_none[] = {
    { "none", FRESH, 0, "GET\nCache-Control: no-cache", "SEND" },
    { "none", NULL, 0, "GET\nCache-Control: only-if-cached", "FETCH" },
    { "none", NULL, 0, "GET\nCache-Control: no-store", "FETCH" },
};

static const reuse_t  modes_updating[] = {
    { "updating", FRESH, 61, "GET", "REVALIDATE stale updating" },
    { "updating", FRESH, 3659, "GET", "REVALIDATE stale updating" },
    { "updating", FRESH, 3660, "GET", "REVALIDATE stale" },
    { "updating", FRESH ", stale-while-revalidate=0", 61, "GET",
      "REVALIDATE stale" },
    { "updating", FRESH ", stale-while-revalidate=5", 61, "GET",
      "REFRESH stale, sent" },
    { "updating", FRESH ", must-revalidate", 61, "GET",
      "REVALIDATE stale" },
    { "updating", FRESH ", no-cache" ETAG, 61, "GET",
      "REVALIDATE no-cache" },
    { "updating", FRESH, 61, "GET\nCache-Control: no-cache",
      "REVALIDATE request" },
    { "updating", FRESH, 61, "GET\nCache-Control: only-if-cached",
      "504 only-if-cached" },
};

static const reuse_t  modes_background[] = {
    { "background", FRESH, 61, "GET", "REFRESH stale, sent" },
    { "background", FRESH, 3660, "GET", "REVALIDATE stale" },
    { "background", FRESH ", must-revalidate", 61, "GET",
      "REVALIDATE stale" },
};

static const reuse_t  modes_get[] = {
    { "methods GET", FRESH, 0, "GET", "SEND" },
    { "methods GET", FRESH, 0, "HEAD", "BYPASS method" },
};

static const reuse_t  modes_cookie[] = {
    { "cookie", "", 0, "GET", "SEND" },
    { "cookie", "", 0, "GET\nCookie: a", "BYPASS cookie" },
    { "cookie", FRESH, 59, "GET\nCookie: a", "SEND" },
    { "cookie", FRESH, 60, "GET\nCookie: a", "REVALIDATE stale" },
    { "cookie", "Cache-Control: no-cache" ETAG, 0, "GET\nCookie: a",
      "REVALIDATE no-cache" },
    { "cookie", "Cache-Control: max-age=5", 9, "GET", "SEND" },
    { "cookie", "Cache-Control: max-age=5", 9, "GET\nCookie: a",
      "REVALIDATE stale" },
};


static void
modes(void)
{
    gw_cache_conf_t       conf;

    conf = conf_of();
    conf.request_control = GW_CACHE_CONTROL_SAFE;
    REUSED(&conf, modes_safe);

    conf.request_control = GW_CACHE_CONTROL_NONE;
    REUSED(&conf, modes_none);

    conf = conf_of();
    conf.stale |= GW_CACHE_STALE_UPDATING;
    REUSED(&conf, modes_updating);

    conf.stale |= GW_CACHE_STALE_BACKGROUND;
    REUSED(&conf, modes_background);

    conf = conf_of();
    conf.methods = 1U << GW_CACHE_GET;
    REUSED(&conf, modes_get);

    conf = conf_of();
    conf.ttl = minute;
    conf.ttl_n = 3;
    conf.ttl_min = 10;
    REUSED(&conf, modes_cookie);
}


static void
ages_and_ttls(void)
{
    gw_cache_conf_t     conf;
    gw_cache_clock_t    now = { NOW + 70, 10070000 };
    gw_cache_entry_t    entry;
    gw_cache_reuse_t    r;
    gw_cache_request_t  req;

    conf = conf_of();
    store(&conf, "GET", 200, FRESH "\nAge: 5", 0, &entry);
    request_of(&req, "GET");
    gw_cache_reuse(&conf, &req, &entry, &now, &r);

    is_int(r.age, 75, "5.1: the age to send");
    is_int(r.ttl, -15, "9211 2.4: stale for 15 s");

    now.wall -= 40;
    now.monotonic -= 40000;
    gw_cache_reuse(&conf, &req, &entry, &now, &r);

    is_int(r.ttl, 25, "9211 2.4: fresh for 25 s");

    req.credentials = req.partition = 1;
    gw_cache_reuse(&conf, &req, &entry, &now, &r);
    is_int(r.action, GW_CACHE_SEND, "credentials within a partition");

    req.partition = 0;
    gw_cache_reuse(&conf, &req, &entry, &now, &r);
    is_int(r.action, GW_CACHE_BYPASS, "credentials without a partition");
}


static const struct {
    const char     *response;
    int64_t         later;
    unsigned        error;
    const char     *request;
    const char     *expected;
} fail[] = {
    { FRESH, 61, GW_CACHE_STALE_ERROR, "GET", "SEND" },
    { FRESH, 3659, GW_CACHE_STALE_TIMEOUT, "GET", "SEND" },
    { FRESH, 3660, GW_CACHE_STALE_TIMEOUT, "GET", "BYPASS" },
    { FRESH, 61, GW_CACHE_STALE_503, "GET", "BYPASS" },
    { FRESH, 61, GW_CACHE_STALE_INVALID, "GET", "BYPASS" },
    { FRESH, 61, GW_CACHE_STALE_ERROR, "GET\nCache-Control: no-cache",
      "BYPASS" },
    { FRESH, 61, GW_CACHE_STALE_ERROR, "GET\nPragma: no-cache",
      "BYPASS" },

    { FRESH ", stale-if-error=10", 69, GW_CACHE_STALE_503, "GET",
      "SEND" },
    { FRESH ", stale-if-error=10", 70, GW_CACHE_STALE_503, "GET",
      "BYPASS" },
    { FRESH ", stale-if-error=10", 70, GW_CACHE_STALE_ERROR, "GET",
      "BYPASS" },
    { FRESH ", stale-if-error=10", 61, GW_CACHE_STALE_404, "GET",
      "BYPASS" },
    { FRESH ", stale-if-error=10", 61, GW_CACHE_STALE_INVALID, "GET",
      "SEND" },
    { FRESH ", stale-if-error=0", 61, GW_CACHE_STALE_ERROR, "GET",
      "BYPASS" },
    { FRESH, 69, GW_CACHE_STALE_503, "GET\nCache-Control: "
      "stale-if-error=10", "SEND" },
    { FRESH, 70, GW_CACHE_STALE_503, "GET\nCache-Control: "
      "stale-if-error=10", "BYPASS" },
    { FRESH ", stale-if-error=0", 61, GW_CACHE_STALE_503,
      "GET\nCache-Control: stale-if-error=10", "BYPASS" },

    /* never sent stale: 504 if the origin cannot be reached */
    { FRESH ", must-revalidate", 61, GW_CACHE_STALE_ERROR, "GET",
      "504" },
    { FRESH ", must-revalidate", 61, GW_CACHE_STALE_TIMEOUT, "GET",
      "504" },
    { FRESH ", must-revalidate", 61, GW_CACHE_STALE_503, "GET",
      "BYPASS" },
    { FRESH ", proxy-revalidate", 61, GW_CACHE_STALE_ERROR, "GET",
      "504" },
    { "Cache-Control: s-maxage=60", 61, GW_CACHE_STALE_ERROR, "GET",
      "504" },
    { "Cache-Control: s-maxage=60, stale-if-error=10", 61,
      GW_CACHE_STALE_ERROR, "GET", "504" },
    { FRESH ", must-revalidate, stale-if-error=10", 61,
      GW_CACHE_STALE_ERROR, "GET", "504" },
    { FRESH ", no-cache" ETAG, 1, GW_CACHE_STALE_ERROR, "GET",
      "BYPASS" },

    { FRESH, 61, GW_CACHE_STALE_ERROR, "GET\nAuthorization: x",
      "BYPASS" },
    { FRESH, 61, 0, "GET", "BYPASS" },
};


/* 4.2.4, 5.2.2.2 and RFC 5861, 4 */

static void
errors(void)
{
    size_t              i;
    gw_cache_conf_t     conf;
    gw_cache_clock_t    now;
    gw_cache_entry_t    entry;
    gw_cache_request_t  req;

    conf = conf_of();

    for (i = 0; i < CACHE_N(fail); i++) {
        store(&conf, "GET", 200, fail[i].response, 0, &entry);
        request_of(&req, fail[i].request);
        now.wall = NOW + fail[i].later;
        now.monotonic = 10000000;

        is_str(action_words[gw_cache_on_error(&conf, &req, &entry, &now,
                                              fail[i].error)],
               fail[i].expected, "4.2.4: %s, %d s later, error %x: %s",
               fail[i].response, (int) fail[i].later, fail[i].error,
               fail[i].request);
    }

    request_of(&req, "GET");
    is_int(gw_cache_on_error(&conf, &req, NULL, &now, GW_CACHE_STALE_ERROR),
           GW_CACHE_BYPASS, "4.2.4: nothing is stored");
}


static void
words(void)
{
    unsigned         i, filled;
    gw_text_t        word;
    static const struct {
        unsigned     status;
        unsigned     bits;
    } row[] = {
        { 200, 0 }, { 403, GW_CACHE_STALE_403 }, { 404, GW_CACHE_STALE_404 },
        { 410, 0 }, { 429, GW_CACHE_STALE_429 }, { 499, 0 },
        { 500, GW_CACHE_STALE_500|GW_CACHE_STALE_5XX },
        { 501, GW_CACHE_STALE_5XX },
        { 502, GW_CACHE_STALE_502|GW_CACHE_STALE_5XX },
        { 503, GW_CACHE_STALE_503|GW_CACHE_STALE_5XX },
        { 504, GW_CACHE_STALE_504|GW_CACHE_STALE_5XX },
        { 599, GW_CACHE_STALE_5XX }, { 600, 0 }
    };

    for (i = 0; i < CACHE_N(row); i++) {
        is_int(gw_cache_stale_status(row[i].status), row[i].bits,
               "stale words: %u", row[i].status);
    }

    filled = 0;

    for (i = 1; i < GW_CACHE_REASON_COUNT; i++) {
        word = gw_cache_reason_word((gw_cache_reason_e) i);
        filled += gw_cache_token(&word);
    }

    is_int(filled, GW_CACHE_REASON_COUNT - 1, "each reason has a word");
    is_int(gw_cache_reason_word(GW_CACHE_R_NONE).len, 0,
           "GW_CACHE_R_NONE has no word");
    is_int(gw_cache_reason_word(GW_CACHE_REASON_COUNT).len, 0,
           "an invalid reason has no word");
}


/* 4.4 */

static void
invalidation(void)
{
    size_t           i;
    gw_text_t        name;
    static const struct {
        const char  *method;
        unsigned     status;
        int          invalidates;
    } row[] = {
        { "POST", 200, 1 }, { "PUT", 201, 1 }, { "DELETE", 204, 1 },
        { "PATCH", 200, 1 }, { "M-SEARCH", 200, 1 }, { "get", 200, 1 },
        { "POST", 303, 1 }, { "POST", 399, 1 }, { "POST", 400, 0 },
        { "POST", 500, 0 }, { "DELETE", 404, 0 }, { "POST", 199, 0 },
        { "GET", 200, 0 }, { "HEAD", 200, 0 }, { "OPTIONS", 200, 0 },
        { "TRACE", 200, 0 }, { "PROPFIND", 207, 0 }, { "REPORT", 200, 0 },
        { "SEARCH", 200, 0 }, { "QUERY", 200, 0 }, { "", 200, 1 }
    };

    for (i = 0; i < CACHE_N(row); i++) {
        name = cache_text(row[i].method);
        is_int(gw_cache_invalidates(gw_cache_method(&name), row[i].status),
               row[i].invalidates, "4.4: %s, %u", row[i].method,
               row[i].status);
    }
}


/* whether a response makes the stored one outdated */

static int
outdates(const gw_cache_conf_t *conf, const char *request, int partition,
    unsigned status, const char *response, gw_cache_reason_e reason)
{
    cache_fields_t       f;
    gw_cache_clock_t     now;
    gw_cache_request_t   req;
    gw_cache_response_t  res;

    now.wall = NOW;
    now.monotonic = 10000000;

    request_of(&req, request);
    req.partition = partition;
    gw_cache_response_read(&res, conf, status, cache_fields(&f, response),
                           &now, &now);

    return gw_cache_outdates(conf, &req, &res, reason);
}


/* 4: the most recent response is used, if its status concerns the target */

static void
outdated_by_status(void)
{
    size_t           i;
    unsigned         status, wrong;
    gw_cache_conf_t  conf;

    static const unsigned  request[] = {
        206, 304, 400, 401, 407, 408, 412, 413, 414, 416, 417, 421, 425, 428,
        429, 431
    };

    conf = conf_of();
    wrong = 0;

    for (status = 100; status < 600; status++) {

        for (i = 0; i < CACHE_N(request) && request[i] != status; i++) {
            /* void */
        }

        if (outdates(&conf, "GET", 0, status, "Cache-Control: no-store",
                     GW_CACHE_R_NO_STORE)
            != (status >= 200 && status < 500 && i == CACHE_N(request)))
        {
            note("status %u", status);
            wrong++;
        }
    }

    is_int(wrong, 0, "4: 2xx, 3xx and 4xx about the target, no other status");
}


static void
outdated_by_reason(void)
{
    int              i, expected, wrong;
    gw_cache_conf_t  conf;

    conf = conf_of();
    wrong = 0;

    for (i = 0; i < GW_CACHE_REASON_COUNT; i++) {

        expected = i != GW_CACHE_R_NONE && i != GW_CACHE_R_UNWANTED
                   && i != GW_CACHE_R_VARIANT_LONG && i != GW_CACHE_R_LOCKED
                   && i != GW_CACHE_R_PURGED;

        if (outdates(&conf, "GET", 0, 200, "Cache-Control: no-store",
                     (gw_cache_reason_e) i)
            != expected)
        {
            note("reason %d", i);
            wrong++;
        }
    }

    is_int(wrong, 0,
           "4: all reasons except those that are temporary or of the request");
}


typedef struct {
    const char         *what;
    const char         *request;
    int                 partition;
    const char         *response;
    gw_cache_reason_e   reason;
    int                 expected;
} outdates_t;


static void
outdated(const gw_cache_conf_t *conf, const outdates_t *row, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        is_int(outdates(conf, row[i].request, row[i].partition, 200,
                        row[i].response, row[i].reason),
               row[i].expected, "4: %s", row[i].what);
    }
}


/* a reason that only concerns the request does not outdate the response */

static void
outdated_by_request(void)
{
    gw_cache_conf_t  conf;

    static const outdates_t  row[] = {
        { "no-store of the request", "GET\nCache-Control: no-store", 0,
          "Cache-Control: private", GW_CACHE_R_PRIVATE, 0 },
        { "another directive of the request", "GET\nCache-Control: no-cache",
          0, "Cache-Control: private", GW_CACHE_R_PRIVATE, 1 },
        { "credentials", "GET\nAuthorization: a", 0,
          "Cache-Control: max-age=60", GW_CACHE_R_CREDENTIALS, 0 },
        { "credentials, and private", "GET\nAuthorization: a", 0,
          "Cache-Control: private", GW_CACHE_R_PRIVATE, 0 },
        { "credentials with a partition", "GET\nAuthorization: a", 1,
          "Cache-Control: private", GW_CACHE_R_PRIVATE, 1 },
        { "credentials, for all of them", "GET\nAuthorization: a", 0,
          "Cache-Control: public\nVary: *", GW_CACHE_R_VARY_ANY, 1 },
        { "no credentials", "GET", 0, "Vary: *", GW_CACHE_R_VARY_ANY, 1 }
    };

    static const outdates_t  heeded = {
        "request_control safe", "GET\nCache-Control: no-store", 0,
        "Cache-Control: private", GW_CACHE_R_PRIVATE, 0
    };

    static const outdates_t  ignored = {
        "request_control none", "GET\nCache-Control: no-store", 0,
        "Cache-Control: private", GW_CACHE_R_PRIVATE, 1
    };

    conf = conf_of();
    outdated(&conf, row, CACHE_N(row));

    conf.request_control = GW_CACHE_CONTROL_SAFE;
    outdated(&conf, &heeded, 1);

    conf.request_control = GW_CACHE_CONTROL_NONE;
    outdated(&conf, &ignored, 1);
}


/* outdated if the response to a plain GET, without a cookie, is not stored */

static void
outdated_by_part(void)
{
    gw_cache_conf_t  conf;

    static const outdates_t  row[] = {
        { "another method, max-age", "POST", 0, "Cache-Control: max-age=60",
          GW_CACHE_R_METHOD, 0 },
        { "another method, no-store", "POST", 0, "Cache-Control: no-store",
          GW_CACHE_R_METHOD, 1 },
        { "a range, max-age", "GET\nRange: bytes=0-1", 0,
          "Cache-Control: max-age=60", GW_CACHE_R_RANGE, 0 },
        { "a range, private", "GET\nRange: bytes=0-1", 0,
          "Cache-Control: private", GW_CACHE_R_RANGE, 1 },
        { "no lifetime for a cookie", "GET\nCookie: a=1", 0, "Date: x",
          GW_CACHE_R_NO_LIFETIME, 1 },
        { "max-age=0", "GET", 0, "Cache-Control: max-age=0",
          GW_CACHE_R_STALE, 1 },
        { "max-age=0, with a validator", "GET", 0,
          "Cache-Control: max-age=0\nETag: \"1\"", GW_CACHE_R_STALE, 0 },
        { "as old as it may be", "GET", 0, "Cache-Control: max-age=9\nAge: 9",
          GW_CACHE_R_STALE, 1 },
        { "a second younger", "GET", 0, "Cache-Control: max-age=9\nAge: 8",
          GW_CACHE_R_STALE, 0 }
    };

    static const outdates_t  configured[] = {
        { "a configured lifetime, without a cookie", "GET\nCookie: a=1", 0,
          "Date: x", GW_CACHE_R_NO_LIFETIME, 0 },
        { "that of the origin is 0", "GET\nCookie: a=1", 0,
          "Cache-Control: max-age=0", GW_CACHE_R_STALE, 1 }
    };

    conf = conf_of();
    outdated(&conf, row, CACHE_N(row));

    conf.ttl = minute;
    conf.ttl_n = CACHE_N(minute);
    outdated(&conf, configured, CACHE_N(configured));
}


int
main(void)
{
    methods_and_status();
    directives();
    lifetimes();
    configured();
    accel();
    heuristics();
    credentials();
    posts();
    request_control();
    ages();
    fresh_and_stale();
    modes();
    ages_and_ttls();
    errors();
    words();
    invalidation();
    outdated_by_status();
    outdated_by_reason();
    outdated_by_request();
    outdated_by_part();

    return done_testing();
}
