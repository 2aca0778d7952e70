/* SPDX-License-Identifier: BSD-2-Clause */

/* time zones: valid and invalid files, and a comparison with the C library */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gw_rfc3339.h"
#include "gw_tz.h"
#include "gw_tz_date.h"
#include "tap.h"


#define lit(s)  s, sizeof(s) - 1

#define ZONEINFO    "/usr/share/zoneinfo/"
#define FIRST_YEAR  1970
#define LAST_YEAR   2050
#define STEP        1800

/* offsets of some fields in a file made by simple() */

#define V1_COUNTS   20
#define HEADER      54
#define COUNTS      (HEADER + 20)
#define TIMES       (HEADER + 44)
#define INDEXES     (TIMES + 16)
#define TYPES       (INDEXES + 2)
#define CHARS       (TYPES + 12)
#define FOOTER      (CHARS + 8)


typedef struct {
    size_t         len;
    unsigned char  data[8192];
} file_t;


static const char  *zones[] = {
    "UTC", "Etc/GMT+12", "Etc/GMT-14", "Europe/Berlin", "Europe/London",
    "Europe/Dublin", "Europe/Moscow", "Europe/Lisbon", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver",
    "America/Los_Angeles", "America/Phoenix", "America/Anchorage",
    "America/St_Johns", "America/Sao_Paulo", "America/Santiago",
    "America/Asuncion", "America/Havana", "America/Caracas", "America/Nuuk",
    "America/Scoresbysund", "Africa/Casablanca", "Africa/Cairo",
    "Africa/Monrovia", "Africa/Windhoek", "Asia/Gaza", "Asia/Jerusalem",
    "Asia/Tehran", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Shanghai",
    "Asia/Tokyo", "Asia/Pyongyang", "Australia/Lord_Howe", "Australia/Sydney",
    "Australia/Adelaide", "Antarctica/Troll", "Antarctica/Casey",
    "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Easter",
    "Pacific/Kwajalein", "Pacific/Fiji"
};

#define NZONES  (sizeof(zones) / sizeof(zones[0]))


static void
put(file_t *file, const char *bytes, size_t len)
{
    memcpy(file->data + file->len, bytes, len);
    file->len += len;
}


static void
put_number(file_t *file, uint64_t n, size_t len)
{
    while (len > 0) {
        len--;
        file->data[file->len++] = (unsigned char) (n >> len * 8);
    }
}


static void
put_header(file_t *file, char version, uint32_t times, uint32_t types,
    uint32_t chars)
{
    put(file, "TZif", 4);
    put(file, &version, 1);
    put(file, lit("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    put(file, lit("\0\0\0\0\0\0\0\0\0\0\0\0"));
    put_number(file, times, 4);
    put_number(file, types, 4);
    put_number(file, chars, 4);
}


/* version 1 data, which is skipped, and the second header */

static void
put_headers(file_t *file, char version, uint32_t times, uint32_t types,
    uint32_t chars)
{
    file->len = 0;
    put_header(file, version, 0, 1, 4);
    put(file, lit("\377\377\377\377\377\377skip"));
    put_header(file, version, times, types, chars);
}


/* one hour east from time 1000, two hours east from time 2000 */

static void
simple(file_t *file, char version, const char *footer)
{
    put_headers(file, version, 2, 2, 8);
    put_number(file, 1000, 8);
    put_number(file, 2000, 8);
    put(file, lit("\0\1"));
    put_number(file, 3600, 4);
    put(file, lit("\0\0"));
    put_number(file, 7200, 4);
    put(file, lit("\1\4"));
    put(file, lit("AAA\0BBB\0"));
    put(file, "\n", 1);
    put(file, footer, strlen(footer));
    put(file, "\n", 1);
}


/* no transitions, only the footer */

static void
only_footer(file_t *file, char version, const char *footer)
{
    put_headers(file, version, 0, 1, 4);
    put_number(file, 5, 4);
    put(file, lit("\0\0AAA\0"));
    put(file, "\n", 1);
    put(file, footer, strlen(footer));
    put(file, "\n", 1);
}


static int32_t
offset_at(const gw_tz_t *tz, int64_t time)
{
    int64_t  since, until;

    return gw_tz_offset(tz, time, &since, &until);
}


static int64_t
instant(const char *text)
{
    int64_t  time;

    if (gw_rfc3339_parse(text, strlen(text), &time) != 0) {
        ok(0, "a malformed time in the test: %s", text);
        exit(1);
    }

    return time;
}


/* bytes that replace those of a valid file, and the error; NULL: none */

static const struct {
    size_t       at;
    const char  *bytes;
    size_t       len;
    const char  *sentence;
    const char  *what;
} damages[] = {
    { 4, lit("2"), NULL, "version 2" },
    { 4, lit("3"), NULL, "version 3" },
    { 4, lit("4"), NULL, "version 4" },
    { 4, lit("5"), NULL, "a version to come" },
    { 0, lit("XZif"), "is not a TZif file", "another magic number" },
    { 4, lit("\0"), "is of version 1 of TZif, which has no times after 2038",
      "version 1" },
    { 4, lit("1"), "is of an unknown version of TZif", "version '1'" },
    { 4, lit("x"), "is of an unknown version of TZif", "version 'x'" },
    { HEADER, lit("X"), "has no second header", "second magic number" },
    { V1_COUNTS, lit("\377\377\377\377\377\377\377\377\377\377\377\377"
                     "\377\377\377\377\377\377\377\377\377\377\377\377"),
      "ends within its version 1 data", "all version 1 counts at their most" },
    { COUNTS, lit("\377\377\377\377\377\377\377\377\0\0\0\0"
                  "\377\377\377\377\377\377\377\377\377\377\377\377"),
      "has more than 2000 transitions", "all counts at their most" },
    { COUNTS, lit("\0\0\0\1"),
      "has indicators for some of its local time types only",
      "one UT indicator" },
    { COUNTS + 4, lit("\0\0\0\3"),
      "has indicators for some of its local time types only",
      "three standard indicators" },
    { COUNTS + 8, lit("\0\0\0\1"),
      "counts leap seconds, unlike the system time",
      "a leap second" },
    { COUNTS + 12, lit("\0\0\x07\xd0"), "ends within its data",
      "2000 transitions that are not there" },
    { COUNTS + 12, lit("\0\0\x07\xd1"), "has more than 2000 transitions",
      "2001 transitions" },
    { COUNTS + 16, lit("\0\0\0\0"), "has no local time types, or too many",
      "no types" },
    { COUNTS + 16, lit("\0\0\1\0"), "ends within its data",
      "256 types that are not there" },
    { COUNTS + 16, lit("\0\0\1\1"), "has no local time types, or too many",
      "257 types" },
    { COUNTS + 20, lit("\0\0\0\0"), "has no local time types, or too many",
      "no designations" },
    { COUNTS + 20, lit("\377\377\377\377"), "ends within its data",
      "designations beyond the end" },
    { TIMES + 8, lit("\0\0\0\0\0\0\x03\xe9"), NULL, "a second later" },
    { TIMES + 8, lit("\0\0\0\0\0\0\x03\xe8"),
      "has transitions that are not in ascending order", "the same time" },
    { TIMES + 8, lit("\377\0\0\0\0\0\0\0"),
      "has transitions that are not in ascending order", "a negative time" },
    { TIMES, lit("\x80\0\0\0\0\0\0\0\x7f\377\377\377\377\377\377\377"),
      NULL, "the first and last times there are" },
    { INDEXES + 1, lit("\2"),
      "has a transition to an unknown local time type",
      "an index beyond the types" },
    { TYPES, lit("\377\376\240\161"), NULL, "-24:59:59" },
    { TYPES, lit("\377\376\240\160"),
      "has a local time type a day or more from Greenwich", "-25:00:00" },
    { TYPES, lit("\0\1\155\237"), NULL, "25:59:59" },
    { TYPES, lit("\0\1\155\240"),
      "has a local time type a day or more from Greenwich", "26:00:00" },
    { TYPES, lit("\x80\0\0\0"),
      "has a local time type a day or more from Greenwich", "-2^31" },
    { TYPES + 4, lit("\2"), "has a malformed local time type", "isdst 2" },
    { TYPES + 5, lit("\7"), NULL, "the last designation" },
    { TYPES + 5, lit("\10"), "has a malformed local time type",
      "a designation beyond the end" },
    { CHARS + 7, lit("C"), "has a designation without an end", "no NUL" },
    { FOOTER, lit("X"), "has no footer", "no new line before the footer" },
    { FOOTER + 1, lit("\n"), NULL, "an empty footer, and something behind" }
};

#define NDAMAGES  (sizeof(damages) / sizeof(damages[0]))


static void
test_damages(void)
{
    size_t       i;
    file_t       file;
    gw_tz_t      tz;
    const char  *err, *expected;

    for (i = 0; i < NDAMAGES; i++) {
        simple(&file, '2', "BBB-2");
        memcpy(file.data + damages[i].at, damages[i].bytes, damages[i].len);

        err = gw_tz_parse(&tz, file.data, file.len);
        expected = damages[i].sentence;
        is_str(err ? err : "", expected ? expected : "", "%s",
               damages[i].what);
    }
}


/* a truncated file is invalid; sizes are exact, for sanitizers */

static void
test_cut(void)
{
    size_t          len, wrong;
    file_t          file;
    gw_tz_t         tz;
    unsigned char  *part;

    simple(&file, '3', "BBB-2CCC,M3.5.0/-1,J300");
    wrong = 0;

    for (len = 0; len <= file.len; len++) {
        part = malloc(len + (len == 0));
        memcpy(part, file.data, len);

        wrong += (gw_tz_parse(&tz, part, len) == NULL) != (len == file.len);
        free(part);
    }

    is_int((long long) wrong, 0, "truncated at each position, and complete");

    put(&file, lit("more"));
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "trailing data");
}


static void
test_full(void)
{
    size_t   i;
    file_t   file;
    gw_tz_t  tz;

    put_headers(&file, '2', 2, 256, 1);
    put_number(&file, 0, 8);
    put_number(&file, 1, 8);
    put(&file, lit("\377\376"));

    for (i = 0; i < 256; i++) {
        put_number(&file, i, 4);
        put(&file, lit("\0\0"));
    }

    put(&file, lit("\0\n\n"));

    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "256 types");
    is_int(offset_at(&tz, -1), 0, "type 0 before the first transition");
    is_int(offset_at(&tz, 0), 255, "the last type");
    is_int(offset_at(&tz, 1), 254, "the type of the last transition continues");
}


static void
test_intervals(void)
{
    file_t   file;
    gw_tz_t  tz;
    int64_t  since, until;

    simple(&file, '2', "");
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "no rule");

    is_int(gw_tz_offset(&tz, 999, &since, &until), 3600, "before: offset");
    ok(since == INT64_MIN && until == 1000, "before: interval");
    is_int(gw_tz_offset(&tz, 1000, &since, &until), 3600, "within: offset");
    ok(since == 1000 && until == 2000, "within: interval");
    is_int(gw_tz_offset(&tz, 2000, &since, &until), 7200, "after: offset");
    ok(since == 2000 && until == INT64_MAX, "after: interval");
    is_int(gw_tz_offset(&tz, INT64_MIN, &since, &until), 3600,
           "the earliest time");
    is_int(gw_tz_offset(&tz, INT64_MAX, &since, &until), 7200, "the last");

    gw_tz_utc(&tz);
    is_int(gw_tz_offset(&tz, 0, &since, &until), 0, "UTC");
    ok(since == INT64_MIN && until == INT64_MAX, "UTC: no start or end");
}


static void
test_rule(void)
{
    file_t   file;
    gw_tz_t  tz;
    int64_t  time, since, until;

    simple(&file, '2', "BBB-2CCC,J100,J200");
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "a rule");

    is_int(gw_tz_offset(&tz, 2000, &since, &until), 7200, "rule: offset");
    is_int(since, 2000, "rule: not before the table");
    is_int(until, instant("1970-04-10T02:00:00+02:00"), "rule: the change");
    is_int(gw_tz_offset(&tz, until, &since, &until), 10800, "rule: daylight");
    is_int(since, instant("1970-04-10T03:00:00+03:00"), "rule: since");
    is_int(until, instant("1970-07-19T02:00:00+03:00"), "rule: until");

    is_int(gw_tz_offset(&tz, INT64_MAX, &since, &until), 7200,
           "rule: after year 9999");
    is_int(since, instant("9999-07-19T02:00:00+03:00"),
           "rule: the last change");
    ok(until == INT64_MAX, "rule: no end");

    time = instant("9999-12-31T23:59:59Z");
    is_int(gw_tz_offset(&tz, time, &since, &until), 7200,
           "rule: the last second before a change");
    is_int(until, time + 1 + 100 * 86400, "rule: April 10 of a leap year");

    only_footer(&file, '2', "BBB-2CCC,J1/2:00:01,J365");
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "a rule alone");
    is_int(gw_tz_offset(&tz, INT64_MIN, &since, &until), 7200,
           "rule alone: before year 1");
    ok(since == INT64_MIN, "rule alone: no start");
}


/* rules whose changes fall into another year */

static void
test_far_changes(void)
{
    file_t   file;
    gw_tz_t  tz;
    int64_t  since, until;

    only_footer(&file, '3', "AAA0BBB,J365/167,J364/167");
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "in the next year");

    is_int(gw_tz_offset(&tz, instant("2024-01-01T00:00:00Z"), &since, &until),
           3600, "in the next year: offset");
    is_int(since, instant("2023-01-06T23:00:00Z"), "in the next year: since");
    is_int(until, instant("2024-01-05T22:00:00Z"), "in the next year: until");

    only_footer(&file, '3', "AAA0BBB,J1/-167,J2/-167");
    ok(gw_tz_parse(&tz, file.data, file.len) == NULL, "in the year before");

    is_int(gw_tz_offset(&tz, instant("2023-12-31T00:00:00Z"), &since, &until),
           0, "in the year before: offset");
    is_int(since, instant("2023-12-26T00:00:00Z"), "in the year before: since");
    is_int(until, instant("2024-12-25T01:00:00Z"), "in the year before: until");
}


/* the offsets at a time, and one second before it */

static const struct {
    char         version;
    const char  *footer;
    const char  *time;
    int32_t      before;
    int32_t      offset;
} footers[] = {
    { '2', "", "2020-01-01T00:00:00Z", 5, 5 },
    { '2', "UTC0", "2020-01-01T00:00:00Z", 0, 0 },
    { '2', "ABCD+5", "2020-01-01T00:00:00Z", -18000, -18000 },
    { '2', "IST-5:30", "2020-01-01T00:00:00Z", 19800, 19800 },
    { '2', "<-00>0", "2020-01-01T00:00:00Z", 0, 0 },
    { '2', "<+0545>-05:45", "2020-01-01T00:00:00Z", 20700, 20700 },
    { '2', "AAA24:59:59", "2020-01-01T00:00:00Z", -89999, -89999 },
    { '2', "AAA-24:59:59", "2020-01-01T00:00:00Z", 89999, 89999 },

    { '2', "CET-1CEST,M3.5.0,M10.5.0/3", "2024-03-31T01:00:00Z", 3600, 7200 },
    { '2', "CET-1CEST,M3.5.0,M10.5.0/3", "2024-10-27T01:00:00Z", 7200, 3600 },
    { '2', "CET-1CEST,M3.5.0,M10.5.0/3", "2099-03-29T01:00:00Z", 3600, 7200 },
    { '2', "CET-1CEST,M3.5.0,M10.5.0/3", "9999-10-31T01:00:00Z", 7200, 3600 },
    { '2', "EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -18000, -14400 },
    { '2', "EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", -14400, -18000 },
    { '2', "EST5EDT,M3.2.0,M11.1.0", "2026-01-01T05:00:00Z", -18000, -18000 },

    /* daylight saving time with an explicit offset */
    { '2', "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-10-03T15:30:00Z",
      37800, 39600 },
    { '2', "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", "2026-03-29T01:00:00Z",
      0, 7200 },

    /* southern hemisphere: a year starts with daylight saving time */
    { '2', "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z",
      39600, 39600 },
    { '2', "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-04-04T16:00:00Z",
      39600, 36000 },
    { '2', "AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-10-03T16:00:00Z",
      36000, 39600 },

    /* daylight saving time in winter */
    { '2', "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-03-29T01:00:00Z", 0, 3600 },
    { '2', "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-10-25T01:00:00Z", 3600, 0 },
    { '2', "IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0, 0 },

    /* all year: the two forms of RFC 9636 and its predecessor */
    { '3', "XXX3EDT4,0/0,J365/23", "2026-01-01T03:00:00Z", -14400, -14400 },
    { '3', "XXX3EDT4,0/0,J365/23", "2028-12-31T04:00:00Z", -14400, -14400 },
    { '3', "XXX3EDT4,0/0,J365/23", "2026-07-01T00:00:00Z", -14400, -14400 },
    { '3', "EST5EDT,0/0,J365/25", "2026-01-01T05:00:00Z", -14400, -14400 },
    { '3', "EST5EDT,0/0,J365/25", "2029-01-01T05:00:00Z", -14400, -14400 },
    { '3', "XXX-2<+01>-1,0/0,J365/23", "2026-01-01T00:00:00Z", 3600, 3600 },

    /* an empty interval */
    { '2', "AAA0BBB,J100/1,J100/2", "2026-04-10T01:00:00Z", 0, 0 },

    /* days of the year: J60 is always March 1, 59 can be February 29 */
    { '2', "AAA0BBB,J60/0,J300", "2023-03-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,J60/0,J300", "2024-03-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,J59/0,J300", "2024-02-28T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,J1/0,J365/0", "2024-01-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,J1/0,J365/0", "2024-12-30T23:00:00Z", 3600, 0 },
    { '2', "AAA0BBB,59/0,300", "2023-03-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,59/0,300", "2024-02-29T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,59/0,300", "2100-03-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,59/0,365/0", "2024-12-30T23:00:00Z", 3600, 0 },
    { '2', "AAA0BBB,59/0,365/0", "2023-12-31T23:00:00Z", 3600, 0 },

    /* weeks: months that start on this day of the week, or on another one */
    { '2', "AAA0BBB,M2.1.4/0,J300", "2024-02-01T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,M2.1.3/0,J300", "2024-02-07T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,M2.5.4/0,J300", "2024-02-29T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,M2.4.4/0,J300", "2024-02-22T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,M2.5.0/0,J300", "2026-02-22T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,M2.5.6/0,J300", "2026-02-28T00:00:00Z", 0, 3600 },
    { '2', "AAA0BBB,J10,M12.5.6/24", "2022-12-31T23:00:00Z", 3600, 0 },

    /* times outside of the day */
    { '2', "AAA0BBB,J100/24:00:01,J300", "2024-04-11T00:00:01Z", 0, 3600 },
    { '3', "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z",
      -7200, -3600 },
    { '3', "EET-2EEST,M3.4.4/50,M10.4.4/50", "2090-03-25T00:00:00Z",
      7200, 10800 },
    { '3', "AAA0BBB,J1/-167,J2/-167:59:59", "2024-12-25T01:00:00Z", 0, 3600 },
    { '3', "AAA0BBB,J1/-167,J2/-167:59:59", "2023-12-25T23:00:01Z", 3600, 0 },
    { '3', "AAA0BBB,J364/+167,J365/167", "2024-01-05T23:00:00Z", 0, 3600 },
    { '3', "AAA0BBB,J364/+167,J365/167", "2024-01-06T22:00:00Z", 3600, 0 },
    { '4', "AAA0BBB,J364/167,J365/167", "2024-01-06T22:00:00Z", 3600, 0 }
};

#define NFOOTERS  (sizeof(footers) / sizeof(footers[0]))


static void
test_footers(void)
{
    size_t       i;
    file_t       file;
    gw_tz_t      tz;
    int64_t      time;
    const char  *err;

    for (i = 0; i < NFOOTERS; i++) {
        only_footer(&file, footers[i].version, footers[i].footer);
        err = gw_tz_parse(&tz, file.data, file.len);

        if (!is_str(err ? err : "", "", "footer \"%s\"", footers[i].footer)) {
            continue;
        }

        time = instant(footers[i].time);
        is_int(offset_at(&tz, time - 1), footers[i].before, "\"%s\" before %s",
               footers[i].footer, footers[i].time);
        is_int(offset_at(&tz, time), footers[i].offset, "\"%s\" at %s",
               footers[i].footer, footers[i].time);
    }
}


/* malformed in version 2; those marked "version 3" are valid in version 3 */

static const char  *malformed[] = {
    "UTC", "0", "UT0", "<UT>0", "<UTC0", "UTC0 ", " UTC0", "U1C0", "<U_C>0",
    ":UTC0", "UTC--1", "UTC+-1", "UTC25", "UTC24:60", "UTC24:59:60", "UTC1:",
    "UTC1:1:", "UTC0001", "UTC-", "UTC0,J1,J2",
    "AAA0BBB", "AAA0BBB-1", "AAA0BBB,", "AAA0BBB,J1", "AAA0BBB,J1,",
    "AAA0BB,J1,J2", "AAA0BBB25,J1,J2", "AAA0BBB,J1,J2,", "AAA0BBB,J1,J2,J3",
    "AAA0BBB,J0,J2", "AAA0BBB,J1,J366", "AAA0BBB,J,J2", "AAA0BBB,-1,J2",
    "AAA0BBB,0,366", "AAA0BBB,0,1000", "AAA0BBB,M1.1.1", "AAA0BBB,M,M1.1.1",
    "AAA0BBB,M0.1.1,M1.1.1", "AAA0BBB,M13.1.1,M1.1.1",
    "AAA0BBB,M1.0.1,M1.1.1", "AAA0BBB,M1.6.1,M1.1.1", "AAA0BBB,M1.1.7,M1.1.1",
    "AAA0BBB,M1.1,M1.1.1", "AAA0BBB,M1,M1.1.1", "AAA0BBB,M1.1.,M1.1.1",
    "AAA0BBB,J1/,J2", "AAA0BBB,J1/1:60,J2", "AAA0BBB,J1/1:,J2",
    "AAA0BBB,J1/24:59:60,J2",
    "AAA0BBB,J1/-1,J2",      /* version 3 */
    "AAA0BBB,J1/+1,J2",      /* version 3 */
    "AAA0BBB,J1/25,J2",      /* version 3 */
    "AAA0BBB,J1,J2/167"      /* version 3 */
};

#define NMALFORMED  (sizeof(malformed) / sizeof(malformed[0]))
#define NVERSION3   4


static const char  *malformed3[] = {
    "AAA0BBB,J1/168,J2", "AAA0BBB,J1/-168,J2", "AAA0BBB,J1/--1,J2",
    "AAA0BBB,J1/+-1,J2", "AAA0BBB,J1/-,J2", "UTC25", "AAA0BBB,J1/0167,J2"
};

#define NMALFORMED3  (sizeof(malformed3) / sizeof(malformed3[0]))


static const char *
sentence_of(char version, const char *footer)
{
    file_t       file;
    gw_tz_t      tz;
    const char  *err;

    only_footer(&file, version, footer);
    err = gw_tz_parse(&tz, file.data, file.len);

    return err ? err : "";
}


static void
test_malformed(void)
{
    size_t  i;

    for (i = 0; i < NMALFORMED; i++) {
        is_str(sentence_of('2', malformed[i]),
               "has a malformed rule in its footer", "\"%s\"", malformed[i]);
    }

    for (i = NMALFORMED - NVERSION3; i < NMALFORMED; i++) {
        is_str(sentence_of('3', malformed[i]), "", "\"%s\" of version 3",
               malformed[i]);
    }

    for (i = 0; i < NMALFORMED3; i++) {
        is_str(sentence_of('3', malformed3[i]),
               "has a malformed rule in its footer", "\"%s\" of version 3",
               malformed3[i]);
    }
}


static const struct {
    const char  *name;
    size_t       len;
    int          valid;
} names[] = {
    { lit("UTC"), 1 },
    { lit("Europe/Berlin"), 1 },
    { lit("America/Argentina/Buenos_Aires"), 1 },
    { lit("America/Port-au-Prince"), 1 },
    { lit("Etc/GMT+12"), 1 },
    { lit("EST5EDT"), 1 },
    { lit("A234567890123456789012345678901234567890123456789012345678901234"),
      1 },
    { lit("A2345678901234567890123456789012345678901234567890123456789012345"),
      0 },
    { lit(""), 0 },
    { lit("/"), 0 },
    { lit("/etc/passwd"), 0 },
    { lit("."), 0 },
    { lit(".."), 0 },
    { lit("../passwd"), 0 },
    { lit("Europe/../passwd"), 0 },
    { lit("Europe/.."), 0 },
    { lit("Europe/"), 0 },
    { lit("Europe//Berlin"), 0 },
    { lit("Europe/Berlin/"), 0 },
    { lit("-05"), 0 },
    { lit("Etc/-05"), 0 },
    { lit("zone.tab"), 0 },
    { lit("Europe/Berlin\0"), 0 },
    { lit("Europe\\Berlin"), 0 },
    { lit("Europe Berlin"), 0 },
    { lit("Europe/K\303\266ln"), 0 }
};

#define NNAMES  (sizeof(names) / sizeof(names[0]))


static void
test_names(void)
{
    size_t  i;

    for (i = 0; i < NNAMES; i++) {
        is_int(gw_tz_name(names[i].name, names[i].len), names[i].valid,
               "name \"%s\"", names[i].name);
    }
}


/* all months from January of year 1 to December of year 9999 */

static void
test_months(void)
{
    int      length;
    int64_t  year, month, begin, wrong;

    static const int  days[] = { 31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31 };

    begin = -719162;
    wrong = 0;

    for (year = 1; year <= 9999; year++) {
        for (month = 0; month < 12; month++) {
            length = days[month]
                     + (month == 1 && year % 4 == 0
                        && (year % 100 != 0 || year % 400 == 0));

            if (gw_tz_month_begin((year - 1970) * 12 + month) != begin
                || gw_tz_month_of(begin) != (year - 1970) * 12 + month
                || gw_tz_month_of(begin + length - 1)
                   != (year - 1970) * 12 + month)
            {
                wrong++;
            }

            begin += length;
        }
    }

    is_int(wrong, 0, "months of 9999 years");
    is_int(begin, 2932897, "the days of 9999 years");

    is_int(gw_tz_floor(-1, 7), -1, "-1 / 7");
    is_int(gw_tz_floor(-7, 7), -1, "-7 / 7");
    is_int(gw_tz_floor(-8, 7), -2, "-8 / 7");
    is_int(gw_tz_floor(6, 7), 0, "6 / 7");
    is_int(gw_tz_floor(INT64_MIN, 1), INT64_MIN, "the least / 1");
}


/* loads and parses a zone's file; returns NULL or an error */

static const char *
load(file_t *file, gw_tz_t *tz, const char *zone)
{
    char   path[128];
    FILE  *in;

    snprintf(path, sizeof(path), ZONEINFO "%s", zone);
    in = fopen(path, "rb");

    if (in == NULL) {
        return "is not installed";
    }

    file->len = fread(file->data, 1, sizeof(file->data), in);
    fclose(in);

    setenv("TZ", zone, 1);
    tzset();

    return gw_tz_parse(tz, file->data, file->len);
}


/* whether the offset differs from the C library's, or the interval is wrong */

static int
differs(const gw_tz_t *tz, int64_t time)
{
    time_t     t;
    int64_t    since, until;
    struct tm  tm;

    t = (time_t) time;
    localtime_r(&t, &tm);

    return gw_tz_offset(tz, time, &since, &until) != tm.tm_gmtoff
           || since > time || until <= time;
}


/* compares the times around each change; the offset is constant in between */

static long long
walk_changes(const gw_tz_t *tz)
{
    int32_t    offset;
    int64_t    time, end, since, until;
    long long  wrong;

    end = gw_tz_month_begin((LAST_YEAR - 1970) * 12) * 86400;
    wrong = 0;

    for (time = 0; time < end; time = until) {
        offset = gw_tz_offset(tz, time, &since, &until);

        if (until > end) {
            break;
        }

        wrong += differs(tz, time) + differs(tz, until - 1)
                 + differs(tz, until) + differs(tz, until + 1)
                 + (offset_at(tz, until - 1) != offset);
    }

    return wrong;
}


/* compares four years, twenty apart; each zone has other years */

static long long
walk_years(const gw_tz_t *tz, int zone)
{
    int        i, year;
    int64_t    time, end;
    long long  wrong;

    wrong = 0;

    for (i = 0; i < 4; i++) {
        year = (zone + i * 20) % (LAST_YEAR - FIRST_YEAR);
        time = gw_tz_month_begin(year * 12) * 86400;
        end = gw_tz_month_begin((year + 1) * 12) * 86400;

        for ( /* void */ ; time < end; time += STEP) {
            wrong += differs(tz, time + rand() % STEP);
        }
    }

    return wrong;
}


static void
test_zones(void)
{
    int          i, n;
    file_t       file;
    gw_tz_t      tz;
    const char  *err;

    srand(1);
    n = 0;

    for (i = 0; i < (int) NZONES; i++) {
        err = load(&file, &tz, zones[i]);

        if (err != NULL && strcmp(err, "is not installed") == 0) {
            note("skip: %s %s", zones[i], err);
            continue;
        }

        if (!is_str(err ? err : "", "", "%s", zones[i])) {
            continue;
        }

        is_int(walk_changes(&tz), 0, "%s: changes", zones[i]);
        is_int(walk_years(&tz, i), 0, "%s: years", zones[i]);
        n++;
    }

    ok(n >= 30, "there are %d zones: package tzdata", n);
}


/* POSIX time has no leap seconds, but "right/" zones count them */

static void
test_right(void)
{
    file_t       file;
    gw_tz_t      tz;
    const char  *err;

    err = load(&file, &tz, "right/UTC");

    if (err != NULL && strcmp(err, "is not installed") == 0) {
        note("skip: right/UTC %s", err);
        return;
    }

    is_str(err ? err : "",
           "counts leap seconds, unlike the system time",
           "right/UTC");
}


int
main(void)
{
    test_damages();
    test_cut();
    test_full();
    test_intervals();
    test_rule();
    test_far_changes();
    test_footers();
    test_malformed();
    test_names();
    test_months();
    test_zones();
    test_right();

    return done_testing();
}
