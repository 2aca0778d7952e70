/* SPDX-License-Identifier: BSD-2-Clause */

/* headers of syslog messages, RFC 5424 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gw_syslog.h"
#include "tap.h"


static gw_syslog_t  syslog = {
    23, 6, { 8, (const unsigned char *) "gateway1" },
    { 5, (const unsigned char *) "nginx" }, 4711,
    { 6, (const unsigned char *) "access" }
};


static const struct {
    int64_t      sec;
    unsigned     msec;
    const char  *time;
} times[] = {
    { 0, 0, "1970-01-01T00:00:00.000Z" },
    { 59, 1, "1970-01-01T00:00:59.001Z" },
    { 951782399, 999, "2000-02-28T23:59:59.999Z" },
    { 951782400, 10, "2000-02-29T00:00:00.010Z" },
    { 951868800, 0, "2000-03-01T00:00:00.000Z" },
    { 1709164800, 0, "2024-02-29T00:00:00.000Z" },
    { 1740787200, 0, "2025-03-01T00:00:00.000Z" },
    { 1767225599, 125, "2025-12-31T23:59:59.125Z" },
    { 4107542399, 0, "2100-02-28T23:59:59.000Z" },
    { 4107542400, 0, "2100-03-01T00:00:00.000Z" },
    { INT64_C(253402300799), 999, "9999-12-31T23:59:59.999Z" },
    { INT64_C(253402300800), 0, "-" },
    { -1, 999, "-" },
    { INT64_MAX, 0, "-" }
};


static const struct {
    const char  *text;
    size_t       len;
    size_t       max;
    const char  *field;
    int          clean;
} fields[] = {
    { "nginx", 5, 48, "nginx", 1 },
    { "", 0, 48, "-", 0 },
    { "!~", 2, 48, "!~", 1 },
    { "a b", 3, 48, "a_b", 0 },
    { "a\x7f\x1f\n", 4, 48, "a___", 0 },
    { "a\0b", 3, 48, "a_b", 0 },
    { "\xc3\xa9", 2, 48, "__", 0 },
    { "abc", 3, 3, "abc", 1 },
    { "abcd", 4, 3, "abc", 0 },
    { "a b", 3, 1, "a", 0 }
};


/* first and last seconds of a year, and all days of 400 years, as in libc */

static void
test_days(void)
{
    char            expected[64], *time;
    int64_t         day;
    struct tm       tm;
    time_t          sec;
    unsigned        wrong;
    unsigned char   text[GW_SYSLOG_HEADER + 1], *last;

    wrong = 0;

    for (day = 0; day < 146097 + 366; day++) {
        sec = (time_t) (day * 86400 + day % 86400);
        (void) gmtime_r(&sec, &tm);
        (void) strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.", &tm);

        last = gw_syslog_header(text, &syslog, sec, 0);
        *last = '\0';

        time = strchr((char *) text, ' ') + 1;
        wrong += (strncmp(time, expected, strlen(expected)) != 0);
    }

    is_int(wrong, 0, "the days of 400 years");
}


static void
test_longest(void)
{
    gw_syslog_t     longest;
    unsigned char   name[GW_SYSLOG_HOSTNAME], text[GW_SYSLOG_HEADER], *last;

    memset(name, 'x', sizeof(name));

    longest = syslog;
    longest.facility = 23;
    longest.severity = 7;
    longest.hostname.data = name;
    longest.hostname.len = GW_SYSLOG_HOSTNAME;
    longest.tag.data = name;
    longest.tag.len = GW_SYSLOG_TAG;
    longest.msgid.data = name;
    longest.msgid.len = GW_SYSLOG_MSGID;
    longest.pid = UINT64_MAX;

    last = gw_syslog_header(text, &longest, 0, 0);
    is_int(last - text, GW_SYSLOG_HEADER, "the longest header");
}


int
main(void)
{
    char            expected[256];
    size_t          i;
    unsigned char   text[GW_SYSLOG_HEADER], *last;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        last = gw_syslog_header(text, &syslog, times[i].sec, times[i].msec);
        (void) snprintf(expected, sizeof(expected),
                        "<190>1 %s gateway1 nginx 4711 access - ",
                        times[i].time);
        is_bytes(text, (size_t) (last - text), expected, "%s", times[i].time);
    }

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        last = gw_syslog_field(text, fields[i].max,
                               (const unsigned char *) fields[i].text,
                               fields[i].len);
        is_bytes(text, (size_t) (last - text), fields[i].field, "field %zu", i);
        is_int(gw_syslog_clean((const unsigned char *) fields[i].text,
                               fields[i].len, fields[i].max),
               fields[i].clean, "field %zu: clean", i);
    }

    syslog.facility = 0;
    syslog.severity = 0;
    last = gw_syslog_header(text, &syslog, 0, 0);
    is_bytes(text, (size_t) (last - text),
             "<0>1 1970-01-01T00:00:00.000Z gateway1 nginx 4711 access - ",
             "kern.emerg");

    last = gw_syslog_frame(text, 0);
    is_bytes(text, (size_t) (last - text), "0 ", "no octets");
    last = gw_syslog_frame(text, 32768);
    is_bytes(text, (size_t) (last - text), "32768 ", "32768 octets");

    test_longest();
    test_days();

    return done_testing();
}
