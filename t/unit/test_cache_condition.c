/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Conditional requests, ranges and validation (RFC 9110, 13 and 14; RFC 9111,
 * 4.3).
 */

#include <stdio.h>

#include "cache_fields.h"
#include "gw_cache_condition.h"
#include "tap.h"


#define NOW       1790000000LL
#define DATE      "Date: Mon, 21 Sep 2026 14:13:20 GMT\n"       /* NOW */
#define AT(s)     "Mon, 21 Sep 2026 14:11:" s " GMT"
#define MODIFIED  "Last-Modified: " AT("40") "\n"


static gw_cache_validator_t
validator(const char *response)
{
    cache_fields_t        f;
    gw_cache_validator_t  v;

    gw_cache_validator_read(&v, cache_fields(&f, response), NOW);

    return v;
}


static const struct {
    const char       *response;
    const char       *request;
    int               expected;
} cond[] = {
    /* 13.1.2 */
    { "ETag: \"a\"", "If-None-Match: \"a\"", 1 },
    { "ETag: \"a\"", "If-None-Match: \"b\"", 0 },
    { "ETag: \"a\"", "If-None-Match: \"A\"", 0 },
    { "ETag: \"a\"", "If-None-Match: W/\"a\"", 1 },
    { "ETag: W/\"a\"", "If-None-Match: \"a\"", 1 },
    { "ETag: W/\"a\"", "If-None-Match: W/\"a\"", 1 },
    { "ETag: W/\"a\"", "If-None-Match: w/\"a\"", 0 },
    { "ETag: \"a\"", "If-None-Match: \"a\", \"b\", \"c\"", 1 },
    { "ETag: \"b\"", "If-None-Match: \"a\", \"b\", \"c\"", 1 },
    { "ETag: \"c\"", "If-None-Match: \"a\",W/\"b\" ,\"c\"", 1 },
    { "ETag: \"c\"", "If-None-Match: \"a\"\nIf-None-Match: \"c\"", 1 },
    { "ETag: \"a,b\"", "If-None-Match: \"x\", \"a,b\"", 1 },
    { "ETag: \"a\"", "If-None-Match: \"x, \"a\", y\"", 0 },
    { "ETag: \"a\\\"", "If-None-Match: \"x\\\", \"a\\\"", 1 },
    { "ETag: \"\"", "If-None-Match: \"\"", 1 },
    { "ETag: \"\xc3\xbc\"", "If-None-Match: \"\xc3\xbc\"", 1 },
    { "ETag: \"a\"", "If-None-Match: a", 0 },
    { "ETag: a", "If-None-Match: a", 1 },
    { "ETag: a", "If-None-Match: \"a\"", 0 },
    { "ETag: \"a\"", "If-None-Match: \"a", 0 },
    { "ETag: \"a\"", "If-None-Match: \"a\"b", 0 },
    { "ETag: \"a\"", "If-None-Match:", 0 },
    { "", "If-None-Match: \"a\"", 0 },
    { "", "If-None-Match: *", 1 },
    { "ETag: \"a\"", "If-None-Match: *", 1 },
    { "ETag: \"a\"", "If-None-Match: *, \"b\"", 0 },
    { "ETag: \"a\"\nETag: \"b\"", "If-None-Match: \"a\"", 0 },

    /* 13.2.2: If-None-Match decides alone */
    { "ETag: \"a\"\n" MODIFIED,
      "If-None-Match: \"a\"\nIf-Modified-Since: " AT("00"), 1 },
    { "ETag: \"a\"\n" MODIFIED,
      "If-None-Match: \"b\"\nIf-Modified-Since: " AT("59"), 0 },

    /* 13.1.3; RFC 9111, 4.3.2 */
    { MODIFIED, "If-Modified-Since: " AT("39"), 0 },
    { MODIFIED, "If-Modified-Since: " AT("40"), 1 },
    { MODIFIED, "If-Modified-Since: " AT("41"), 1 },
    { MODIFIED, "If-Modified-Since: Monday, 21-Sep-26 14:11:40 GMT", 1 },
    { MODIFIED, "If-Modified-Since: Mon Sep 21 14:11:40 2026", 1 },
    { MODIFIED, "If-Modified-Since: yesterday", 0 },
    { MODIFIED, "If-Modified-Since: " AT("40") "\nIf-Modified-Since: "
      AT("40"), 0 },
    { DATE, "If-Modified-Since: " AT("40"), 0 },
    { DATE, "If-Modified-Since: Mon, 21 Sep 2026 14:13:19 GMT", 0 },
    { DATE, "If-Modified-Since: Mon, 21 Sep 2026 14:13:20 GMT", 1 },
    { "", "If-Modified-Since: Mon, 21 Sep 2026 14:13:20 GMT", 1 },
    { "", "If-Modified-Since: Mon, 21 Sep 2026 14:13:19 GMT", 0 },
    { "Last-Modified: x", "If-Modified-Since: " AT("40"), 0 },
    { MODIFIED, "", 0 },
};

static const struct {
    unsigned          status;
    int               expected;
} code[] = {
    { 199, 0 }, { 200, 1 }, { 204, 1 }, { 299, 1 }, { 301, 0 },
    { 404, 0 }
};


static void
not_modified(void)
{
    size_t                i;
    cache_fields_t        f;
    gw_cache_validator_t  v;

    for (i = 0; i < CACHE_N(cond); i++) {
        v = validator(cond[i].response);
        is_int(gw_cache_not_modified(cache_fields(&f, cond[i].request), 200,
                                     &v, NOW),
               cond[i].expected, "13.2.2: %s | %s", cond[i].response,
               cond[i].request);
    }

    v = validator("ETag: \"a\"");
    cache_fields(&f, "If-None-Match: \"a\"");

    for (i = 0; i < CACHE_N(code); i++) {
        is_int(gw_cache_not_modified(&f.fields, code[i].status, &v, NOW),
               code[i].expected, "13.2.1: %u", code[i].status);
    }
}


/* 15.4.5 */

static void
fields_of_304(void)
{
    size_t                i;
    gw_text_t             name;
    gw_cache_validator_t  tagged, dated;
    static const struct {
        const char       *name;
        int               tagged;
        int               dated;
    } row[] = {
        { "Content-Location", 1, 1 }, { "Date", 1, 1 }, { "ETag", 1, 1 },
        { "Vary", 1, 1 }, { "Cache-Control", 1, 1 }, { "Expires", 1, 1 },
        { "Content-Type", 0, 0 }, { "Content-Length", 0, 0 },
        { "content-encoding", 0, 0 }, { "Content-Language", 0, 0 },
        { "Content-Range", 0, 0 }, { "Accept-Ranges", 0, 0 },
        { "Last-Modified", 0, 1 }, { "X-Own", 1, 1 },
        { "Content-Security-Policy", 1, 1 },
        { "Access-Control-Allow-Origin", 1, 1 }
    };

    tagged = validator("ETag: \"a\"\n" MODIFIED);
    dated = validator(MODIFIED);

    for (i = 0; i < CACHE_N(row); i++) {
        name = cache_text(row[i].name);
        is_int(gw_cache_field_in_304(&name, &tagged), row[i].tagged,
               "15.4.5: %s, with ETag", row[i].name);
        is_int(gw_cache_field_in_304(&name, &dated), row[i].dated,
               "15.4.5: %s, without", row[i].name);
    }
}


static const char *
range_of(const char *request, gw_cache_method_e method, unsigned status,
    const char *response, uint64_t length)
{
    uint64_t              first, last;
    cache_fields_t        f;
    static char           text[100];
    gw_cache_range_e      rc;
    gw_cache_validator_t  v;

    v = validator(response);
    rc = gw_cache_range(cache_fields(&f, request), method, status, &v, length,
                        NOW, &first, &last);

    if (rc != GW_CACHE_PART) {
        return (rc == GW_CACHE_WHOLE) ? "200" : "416";
    }

    snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long) first,
             (unsigned long long) last);

    return text;
}


static const struct {
    const char  *range;
    const char  *ten;           /* of 10 bytes */
    const char  *none;          /* of none */
} part[] = {
    { "bytes=0-1", "0-1", "416" },
    { "bytes=0-9", "0-9", "416" },
    { "bytes=0-10", "0-9", "416" },
    { "bytes=9-9", "9-9", "416" },
    { "bytes=9-", "9-9", "416" },
    { "bytes=10-", "416", "416" },
    { "bytes=10-11", "416", "416" },
    { "bytes=0-", "0-9", "416" },
    { "bytes=-1", "9-9", "200" },
    { "bytes=-10", "0-9", "200" },
    { "bytes=-11", "0-9", "200" },
    { "bytes=-0", "416", "416" },
    { "Bytes=1-2", "1-2", "416" },
    { "bytes=007-008", "7-8", "416" },
    { "bytes=5-99999999999999999999999999", "5-9", "416" },
    { "bytes=99999999999999999999999999-", "416", "416" },
    { "bytes=-99999999999999999999999999", "0-9", "200" },

    /* not a range: ignored */
    { "bytes=2-1", "200", "200" },
    { "bytes=", "200", "200" },
    { "bytes=-", "200", "200" },
    { "bytes=1", "200", "200" },
    { "bytes=a-b", "200", "200" },
    { "bytes=1-b", "200", "200" },
    { "bytes=1-2x", "200", "200" },
    { "bytes=1--2", "200", "200" },
    { "bytes= 1 - 2", "200", "200" },
    { "bytes =1-2", "200", "200" },
    { "bytes:1-2", "200", "200" },
    { "items=1-2", "200", "200" },
    { "1-2", "200", "200" },
    { "", "200", "200" },
    { "bytes=+1-2", "200", "200" },

    /* several: the whole, unless at most one can be satisfied */
    { "bytes=0-1,3-4", "200", "416" },
    { "bytes=0-1, 20-30", "0-1", "416" },
    { "bytes=20-30,0-1", "0-1", "416" },
    { "bytes=20-30, 40-", "416", "416" },
    { "bytes=, 0-1 ,,", "0-1", "416" },
    { "bytes=0-1,x", "200", "200" },
    { "bytes=0-1,2-1", "200", "200" },
    { "bytes=0-0,-1", "200", "200" },
};

static const struct {
    const char  *response;
    const char  *if_range;
    int          part;
} given[] = {
    { "ETag: \"a\"", "\"a\"", 1 },
    { "ETag: \"a\"", "\"b\"", 0 },
    { "ETag: W/\"a\"", "W/\"a\"", 0 },
    { "ETag: W/\"a\"", "\"a\"", 0 },
    { "ETag: \"a\"", "W/\"a\"", 0 },
    { "ETag: \"a\"", "\"a\", \"b\"", 0 },
    { "ETag: a", "a", 0 },
    { "", "\"a\"", 0 },
    { MODIFIED DATE, AT("40"), 1 },
    { MODIFIED DATE, AT("41"), 0 },
    { MODIFIED DATE, AT("39"), 0 },
    { MODIFIED "Date: " AT("40"), AT("40"), 0 },
    { MODIFIED "Date: " AT("41"), AT("40"), 1 },
    { DATE, AT("40"), 0 },
    { "ETag: \"a\"", "", 0 },
    { "ETag: \"a\"", "\"a\"\nIf-Range: \"a\"", 0 },
};


static void
ranges(void)
{
    size_t           i;

    for (i = 0; i < CACHE_N(part); i++) {
        char  request[100];

        snprintf(request, sizeof(request), "Range: %s", part[i].range);
        is_str(range_of(request, GW_CACHE_GET, 200, "", 10), part[i].ten,
               "14.1.2: %s of 10 bytes", part[i].range);
        is_str(range_of(request, GW_CACHE_GET, 200, "", 0), part[i].none,
               "14.1.2: %s of none", part[i].range);
    }

    for (i = 0; i < CACHE_N(given); i++) {
        char  request[200];

        snprintf(request, sizeof(request), "Range: bytes=0-1\nIf-Range: %s",
                 given[i].if_range);
        is_str(range_of(request, GW_CACHE_GET, 200, given[i].response,
                        10),
               given[i].part ? "0-1" : "200", "13.1.5: %s | %s",
               given[i].response, given[i].if_range);
    }

    is_str(range_of("If-Range: \"a\"", GW_CACHE_GET, 200, "", 10), "200",
           "14.2: no Range");
    is_str(range_of("Range: bytes=0-1", GW_CACHE_HEAD, 200, "", 10), "200",
           "14.2: HEAD");
    is_str(range_of("Range: bytes=0-1", GW_CACHE_GET, 404, "", 10), "200",
           "14.2: another status");
    is_str(range_of("Range: bytes=0-1\nRange: bytes=0-1", GW_CACHE_GET, 200,
                    "", 10), "200", "14.2: two lines");
    is_str(range_of("Range: bytes=18446744073709551615-", GW_CACHE_GET, 200,
                    "", UINT64_MAX), "416", "a position at the end");
}


/* RFC 9111, 4.3.4 and 4.3.5 */

static void
validated(void)
{
    size_t                i;
    cache_fields_t        f;
    gw_cache_validator_t  v;
    static const struct {
        const char       *stored;
        const char       *fresh;
        int               by_304;
        int               by_head;
    } row[] = {
        { "ETag: \"a\"", "ETag: \"a\"", 1, 1 },
        { "ETag: \"a\"", "ETag: \"b\"", 0, 0 },
        { "ETag: W/\"a\"", "ETag: \"a\"", 0, 0 },
        { "ETag: \"a\"", "ETag: W/\"a\"", 1, 0 },
        { "ETag: W/\"a\"", "ETag: W/\"a\"", 1, 1 },
        { "ETag: W/\"a\"", "ETag: W/\"b\"", 0, 0 },
        { "ETag: \"a\"", "", 1, 1 },
        { "", "ETag: \"a\"", 0, 0 },
        { "", "", 1, 1 },
        { MODIFIED, MODIFIED, 1, 1 },
        { MODIFIED, "Last-Modified: " AT("41"), 0, 0 },
        { MODIFIED, "Last-Modified: Mon Sep 21 14:11:40 2026", 1, 1 },
        { "", MODIFIED, 0, 0 },
        { "ETag: \"a\"\n" MODIFIED, MODIFIED, 1, 1 },
        { "ETag: \"a\"\n" MODIFIED,
          "ETag: \"a\"\nLast-Modified: " AT("41"), 1, 0 },
        { "ETag: \"a\"\n" MODIFIED, "ETag: \"b\"\n" MODIFIED, 0, 0 },
        { "", "Content-Length: 10", 1, 1 },
        { "", "Content-Length: 11", 1, 0 },
        { "", "Content-Length: 10x", 1, 0 },
        { "", "Content-Length:", 1, 0 },
        { "", "Content-Length: 10\nContent-Length: 10", 1, 0 },
    };

    for (i = 0; i < CACHE_N(row); i++) {
        v = validator(row[i].stored);
        cache_fields(&f, row[i].fresh);

        is_int(gw_cache_validates(&f.fields, &v, NOW), row[i].by_304,
               "4.3.4: %s | %s", row[i].stored, row[i].fresh);
        is_int(gw_cache_head_updates(&f.fields, &v, 10, NOW),
               row[i].by_head, "4.3.5: %s | %s", row[i].stored,
               row[i].fresh);
    }
}


int
main(void)
{
    not_modified();
    fields_of_304();
    ranges();
    validated();

    return done_testing();
}
