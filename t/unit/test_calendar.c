/* SPDX-License-Identifier: BSD-2-Clause */

/* calendar windows: their bounds, without gaps between them */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gw_calendar.h"
#include "gw_rfc3339.h"
#include "gw_tz_date.h"
#include "tap.h"


#define ZONEINFO   "/usr/share/zoneinfo/"
#define DAY        86400
#define LAST_YEAR  2050

#define MINUTE     GW_CALENDAR_MINUTE
#define HOUR       GW_CALENDAR_HOUR
#define WHOLE_DAY  GW_CALENDAR_DAY
#define WEEK       GW_CALENDAR_WEEK
#define MONTH      GW_CALENDAR_MONTH


typedef struct {
    size_t         len;
    unsigned char  data[8192];
} file_t;


static const char  *units[] = { "minute", "hour", "day", "week", "month" };

static const char  *zones[] = {
    "UTC", "Etc/GMT+12", "Etc/GMT-14", "Europe/Berlin", "Europe/London",
    "Europe/Dublin", "Europe/Moscow", "Europe/Lisbon", "Europe/Istanbul",
    "America/New_York", "America/Los_Angeles", "America/St_Johns",
    "America/Sao_Paulo", "America/Santiago", "America/Asuncion",
    "America/Havana", "America/Caracas", "America/Nuuk",
    "America/Scoresbysund", "Africa/Casablanca", "Africa/Cairo",
    "Africa/Monrovia", "Asia/Gaza", "Asia/Beirut", "Asia/Tehran",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Pyongyang", "Asia/Manila",
    "Australia/Lord_Howe", "Australia/Sydney", "Antarctica/Troll",
    "Antarctica/Casey", "Pacific/Apia", "Pacific/Chatham", "Pacific/Easter",
    "Pacific/Enderbury", "Pacific/Kwajalein"
};

#define NZONES  (sizeof(zones) / sizeof(zones[0]))


/* the window that contains a time */

static const struct {
    const char          *zone;
    gw_calendar_unit_e   unit;
    const char          *time;
    const char          *start;
    const char          *end;
} windows[] = {
    { "UTC", MINUTE, "1970-01-01T00:00:00Z",
      "1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z" },
    { "UTC", MINUTE, "1970-01-01T00:00:59Z",
      "1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z" },
    { "UTC", HOUR, "2025-06-30T23:59:59Z",
      "2025-06-30T23:00:00Z", "2025-07-01T00:00:00Z" },
    { "UTC", WHOLE_DAY, "2025-06-30T23:59:59Z",
      "2025-06-30T00:00:00Z", "2025-07-01T00:00:00Z" },
    { "UTC", WHOLE_DAY, "2000-02-29T00:00:00Z",
      "2000-02-29T00:00:00Z", "2000-03-01T00:00:00Z" },

    /* 1970-01-01 is a Thursday; 2024-12-30 to 2025-01-05 is week 1 */
    { "UTC", WEEK, "1970-01-01T00:00:00Z",
      "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z" },
    { "UTC", WEEK, "2025-01-05T23:59:59Z",
      "2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z" },
    { "UTC", WEEK, "2025-01-06T00:00:00Z",
      "2025-01-06T00:00:00Z", "2025-01-13T00:00:00Z" },

    { "UTC", MONTH, "1970-01-01T00:00:00Z",
      "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z" },
    { "UTC", MONTH, "2000-02-01T00:00:00Z",
      "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z" },
    { "UTC", MONTH, "2000-02-29T23:59:59Z",
      "2000-02-01T00:00:00Z", "2000-03-01T00:00:00Z" },
    { "UTC", MONTH, "2024-02-29T00:00:00Z",
      "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z" },
    { "UTC", MONTH, "2025-02-28T23:59:59Z",
      "2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z" },
    { "UTC", MONTH, "2100-02-28T23:59:59Z",
      "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z" },
    { "UTC", MONTH, "2025-04-30T23:59:59Z",
      "2025-04-01T00:00:00Z", "2025-05-01T00:00:00Z" },
    { "UTC", MONTH, "2025-12-31T23:59:59Z",
      "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z" },

    /* days of 23 and 25 hours; clocks show 02:00 to 03:00 twice */
    { "Europe/Berlin", WHOLE_DAY, "2025-03-30T12:00:00+02:00",
      "2025-03-30T00:00:00+01:00", "2025-03-31T00:00:00+02:00" },
    { "Europe/Berlin", WHOLE_DAY, "2025-10-26T12:00:00+01:00",
      "2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00" },
    { "Europe/Berlin", HOUR, "2025-03-30T01:59:59+01:00",
      "2025-03-30T01:00:00+01:00", "2025-03-30T03:00:00+02:00" },
    { "Europe/Berlin", HOUR, "2025-10-26T02:59:59+02:00",
      "2025-10-26T02:00:00+02:00", "2025-10-26T03:00:00+02:00" },
    { "Europe/Berlin", HOUR, "2025-10-26T02:00:00+01:00",
      "2025-10-26T02:00:00+01:00", "2025-10-26T03:00:00+01:00" },
    { "Europe/Berlin", WEEK, "2025-03-30T23:59:59+02:00",
      "2025-03-24T00:00:00+01:00", "2025-03-31T00:00:00+02:00" },
    { "Europe/Berlin", MONTH, "2025-10-01T00:00:00+02:00",
      "2025-10-01T00:00:00+02:00", "2025-11-01T00:00:00+01:00" },
    { "Europe/Berlin", MONTH, "2100-03-31T23:59:59+02:00",
      "2100-03-01T00:00:00+01:00", "2100-04-01T00:00:00+02:00" },

    { "America/New_York", WHOLE_DAY, "1970-01-01T00:00:00Z",
      "1969-12-31T00:00:00-05:00", "1970-01-01T00:00:00-05:00" },
    { "America/New_York", MONTH, "1970-01-01T00:00:00Z",
      "1969-12-01T00:00:00-05:00", "1970-01-01T00:00:00-05:00" },
    { "America/New_York", WHOLE_DAY, "2025-03-09T03:00:00-04:00",
      "2025-03-09T00:00:00-05:00", "2025-03-10T00:00:00-04:00" },
    { "America/New_York", WHOLE_DAY, "2025-11-02T23:59:59-05:00",
      "2025-11-02T00:00:00-04:00", "2025-11-03T00:00:00-05:00" },
    { "America/New_York", HOUR, "2025-11-02T01:30:00-05:00",
      "2025-11-02T01:00:00-05:00", "2025-11-02T02:00:00-05:00" },

    /* in Ireland, the rule's daylight saving time is in winter */
    { "Europe/Dublin", WHOLE_DAY, "2025-03-30T12:00:00+01:00",
      "2025-03-30T00:00:00Z", "2025-03-31T00:00:00+01:00" },
    { "Europe/Dublin", WHOLE_DAY, "2060-10-31T12:00:00Z",
      "2060-10-31T00:00:00+01:00", "2060-11-01T00:00:00Z" },

    /* changes of 30 minutes: days of 23:30 and 24:30, hours of 90 minutes */
    { "Australia/Lord_Howe", WHOLE_DAY, "2025-10-05T12:00:00+11:00",
      "2025-10-05T00:00:00+10:30", "2025-10-06T00:00:00+11:00" },
    { "Australia/Lord_Howe", WHOLE_DAY, "2025-04-06T00:00:00+11:00",
      "2025-04-06T00:00:00+11:00", "2025-04-07T00:00:00+10:30" },
    { "Australia/Lord_Howe", HOUR, "2025-10-05T01:59:59+10:30",
      "2025-10-05T01:00:00+10:30", "2025-10-05T03:00:00+11:00" },
    { "Australia/Lord_Howe", HOUR, "2025-10-05T02:30:00+11:00",
      "2025-10-05T01:00:00+10:30", "2025-10-05T03:00:00+11:00" },
    { "Australia/Lord_Howe", HOUR, "2025-04-06T01:00:00+11:00",
      "2025-04-06T01:00:00+11:00", "2025-04-06T02:00:00+10:30" },
    { "Australia/Lord_Howe", HOUR, "2025-04-06T01:59:59+10:30",
      "2025-04-06T01:00:00+11:00", "2025-04-06T02:00:00+10:30" },
    { "Australia/Lord_Howe", MINUTE, "2025-04-06T01:59:59+11:00",
      "2025-04-06T01:59:00+11:00", "2025-04-06T01:30:00+10:30" },

    /* a day without a midnight, and midnight set back to 23:00 */
    { "America/Sao_Paulo", WHOLE_DAY, "2018-11-04T12:00:00-02:00",
      "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00" },
    { "America/Sao_Paulo", WHOLE_DAY, "2018-11-03T23:59:59-03:00",
      "2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00" },
    { "America/Sao_Paulo", WHOLE_DAY, "2018-02-17T23:00:00-03:00",
      "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00" },
    { "America/Sao_Paulo", WEEK, "2018-02-17T23:59:59-02:00",
      "2018-02-12T00:00:00-02:00", "2018-02-19T00:00:00-03:00" },
    { "America/Sao_Paulo", MONTH, "2018-11-30T12:00:00-02:00",
      "2018-11-01T00:00:00-03:00", "2018-12-01T00:00:00-02:00" },

    /* 00:01 is set back to 23:01 of the previous day: the new day continues */
    { "America/St_Johns", WHOLE_DAY, "2006-10-28T23:59:59-02:30",
      "2006-10-28T00:00:00-02:30", "2006-10-29T00:00:00-02:30" },
    { "America/St_Johns", WHOLE_DAY, "2006-10-29T00:00:30-02:30",
      "2006-10-29T00:00:00-02:30", "2006-10-30T00:00:00-03:30" },
    { "America/St_Johns", WHOLE_DAY, "2006-10-28T23:30:00-03:30",
      "2006-10-29T00:00:00-02:30", "2006-10-30T00:00:00-03:30" },
    { "America/St_Johns", HOUR, "2006-10-28T23:30:00-03:30",
      "2006-10-29T00:00:00-02:30", "2006-10-29T00:00:00-03:30" },

    /* an offset one hour less in Ramadan */
    { "Africa/Casablanca", WHOLE_DAY, "2025-02-23T12:00:00Z",
      "2025-02-23T00:00:00+01:00", "2025-02-24T00:00:00Z" },
    { "Africa/Casablanca", WHOLE_DAY, "2025-04-06T12:00:00+01:00",
      "2025-04-06T00:00:00Z", "2025-04-07T00:00:00+01:00" },

    { "Asia/Kolkata", HOUR, "1970-01-01T00:00:00Z",
      "1970-01-01T05:00:00+05:30", "1970-01-01T06:00:00+05:30" },
    { "Asia/Kolkata", HOUR, "2025-06-01T00:29:59Z",
      "2025-06-01T05:00:00+05:30", "2025-06-01T06:00:00+05:30" },
    { "Asia/Kolkata", WHOLE_DAY, "2025-05-31T18:30:00Z",
      "2025-06-01T00:00:00+05:30", "2025-06-02T00:00:00+05:30" },

    /* the days 2011-12-30 and 1993-08-21 do not exist */
    { "Pacific/Apia", WHOLE_DAY, "2011-12-29T23:59:59-10:00",
      "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00" },
    { "Pacific/Apia", WHOLE_DAY, "2011-12-31T00:00:00+14:00",
      "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00" },
    { "Pacific/Apia", WEEK, "2011-12-29T23:59:59-10:00",
      "2011-12-26T00:00:00-10:00", "2012-01-02T00:00:00+14:00" },
    { "Pacific/Apia", MONTH, "2011-12-31T00:00:00+14:00",
      "2011-12-01T00:00:00-10:00", "2012-01-01T00:00:00+14:00" },
    { "Pacific/Apia", HOUR, "2011-12-29T23:59:59-10:00",
      "2011-12-29T23:00:00-10:00", "2011-12-31T00:00:00+14:00" },
    { "Pacific/Kwajalein", WHOLE_DAY, "1993-08-20T12:00:00-12:00",
      "1993-08-20T00:00:00-12:00", "1993-08-22T00:00:00+12:00" },

    /* changes on a Saturday at 22:00 and 24:00 */
    { "America/Nuuk", WHOLE_DAY, "2024-03-30T23:00:00-01:00",
      "2024-03-30T00:00:00-02:00", "2024-03-31T00:00:00-01:00" },
    { "America/Nuuk", WHOLE_DAY, "2024-10-26T23:00:00-02:00",
      "2024-10-26T00:00:00-01:00", "2024-10-27T00:00:00-02:00" },
    { "America/Nuuk", WHOLE_DAY, "2060-03-27T12:00:00-02:00",
      "2060-03-27T00:00:00-02:00", "2060-03-28T00:00:00-01:00" },

    /* after the table's end: the Saturday after the fourth Thursday */
    { "Asia/Gaza", WHOLE_DAY, "2090-03-25T12:00:00+03:00",
      "2090-03-25T00:00:00+02:00", "2090-03-26T00:00:00+03:00" },
    { "Asia/Gaza", WHOLE_DAY, "2090-10-28T12:00:00+02:00",
      "2090-10-28T00:00:00+03:00", "2090-10-29T00:00:00+02:00" },

    /* from -00:44:30, which RFC 3339 cannot express, to 0 */
    { "Africa/Monrovia", WHOLE_DAY, "1972-01-07T00:00:00Z",
      "1972-01-06T00:44:30Z", "1972-01-07T00:44:30Z" },
    { "Africa/Monrovia", HOUR, "1972-01-07T00:00:00Z",
      "1972-01-06T23:44:30Z", "1972-01-07T01:00:00Z" },
    { "Africa/Monrovia", MINUTE, "1972-01-07T00:44:59Z",
      "1972-01-07T00:43:30Z", "1972-01-07T00:45:00Z" }
};

#define NWINDOWS  (sizeof(windows) / sizeof(windows[0]))


static const struct {
    const char          *zone;
    gw_calendar_unit_e   unit;
    const char          *time;
    int64_t              number;
} numbers[] = {
    { "UTC", MINUTE, "1970-01-01T00:00:59Z", 0 },
    { "UTC", MINUTE, "1970-01-01T00:01:00Z", 1 },
    { "UTC", HOUR, "1970-01-01T00:59:59Z", 0 },
    { "UTC", HOUR, "1970-01-02T00:00:00Z", 24 },
    { "UTC", WHOLE_DAY, "1970-01-01T23:59:59Z", 0 },
    { "UTC", WHOLE_DAY, "2000-03-01T00:00:00Z", 11017 },
    { "UTC", WEEK, "1970-01-04T23:59:59Z", 0 },
    { "UTC", WEEK, "1970-01-05T00:00:00Z", 1 },
    { "UTC", MONTH, "1970-01-31T23:59:59Z", 0 },
    { "UTC", MONTH, "2000-02-29T23:59:59Z", 361 },
    { "UTC", MONTH, "9999-12-31T23:59:59Z", 96359 },
    { "UTC", WHOLE_DAY, "9999-12-31T23:59:59Z", 2932896 },
    { "America/New_York", WHOLE_DAY, "1970-01-01T00:00:00Z", -1 },
    { "America/New_York", WEEK, "1970-01-01T00:00:00Z", 0 },
    { "America/New_York", MONTH, "1970-01-01T00:00:00Z", -1 },
    { "America/New_York", WHOLE_DAY, "2025-01-01T04:59:59Z", 20088 },
    { "America/New_York", WHOLE_DAY, "2025-01-01T05:00:00Z", 20089 },
    { "Asia/Kolkata", HOUR, "1970-01-01T00:00:00Z", -1 },
    { "Asia/Kolkata", HOUR, "1970-01-01T00:30:00Z", 0 },
    { "Etc/GMT+12", WHOLE_DAY, "1970-01-02T00:00:00Z", 0 },
    { "Etc/GMT+12", MONTH, "1970-01-02T00:00:00Z", 0 },
    { "Pacific/Apia", WHOLE_DAY, "2011-12-30T09:59:59Z", 15337 },
    { "Pacific/Apia", WHOLE_DAY, "2011-12-30T10:00:00Z", 15339 },
    { "Pacific/Apia", WEEK, "2011-12-30T09:59:59Z", 2191 },
    { "Pacific/Apia", WEEK, "2011-12-30T10:00:00Z", 2191 }
};

#define NNUMBERS  (sizeof(numbers) / sizeof(numbers[0]))


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


/* loads a zone, and sets it as the local zone of the C library */

static int
load(file_t *file, gw_tz_t *tz, const char *zone)
{
    char         path[128];
    FILE        *in;
    const char  *err;

    snprintf(path, sizeof(path), ZONEINFO "%s", zone);
    in = fopen(path, "rb");

    if (in == NULL) {
        note("skip: %s is not installed", zone);
        return 0;
    }

    file->len = fread(file->data, 1, sizeof(file->data), in);
    fclose(in);

    setenv("TZ", zone, 1);
    tzset();

    err = gw_tz_parse(tz, file->data, file->len);

    return is_str(err ? err : "", "", "%s", zone);
}


static void
test_windows(void)
{
    size_t                i;
    file_t                file;
    gw_tz_t               tz;
    const char           *zone;
    gw_calendar_window_t  window;

    zone = "";

    for (i = 0; i < NWINDOWS; i++) {
        if (strcmp(zone, windows[i].zone) != 0) {
            zone = load(&file, &tz, windows[i].zone) ? windows[i].zone : "";
        }

        if (zone[0] == '\0') {
            continue;
        }

        gw_calendar_window(&tz, windows[i].unit, instant(windows[i].time),
                           &window);

        is_int(window.start, instant(windows[i].start), "%s, %s of %s: start",
               zone, units[windows[i].unit], windows[i].time);
        is_int(window.end, instant(windows[i].end), "%s, %s of %s: end",
               zone, units[windows[i].unit], windows[i].time);
    }
}


static void
test_numbers(void)
{
    size_t                i;
    file_t                file;
    gw_tz_t               tz;
    gw_calendar_window_t  window;

    for (i = 0; i < NNUMBERS; i++) {
        if (!load(&file, &tz, numbers[i].zone)) {
            continue;
        }

        gw_calendar_window(&tz, numbers[i].unit, instant(numbers[i].time),
                           &window);
        is_int(window.number, numbers[i].number, "%s, %s of %s: number",
               numbers[i].zone, units[numbers[i].unit], numbers[i].time);
    }
}


/* set ahead by 30 minutes on April 10, 12:15, and back on July 19, 12:15 */

static void
test_within_hour(void)
{
    gw_tz_t               tz;
    int64_t               forward, back;
    gw_calendar_window_t  window;

    gw_tz_utc(&tz);
    tz.has_dst = 1;
    tz.daylight = 1800;
    tz.begin.kind = 'J';
    tz.begin.day = 100;
    tz.begin.time = 12 * 3600 + 900;
    tz.end = tz.begin;
    tz.end.day = 200;

    forward = instant("2025-04-10T12:15:00Z");
    back = instant("2025-07-19T12:15:00+00:30");

    /* clocks show 13:00 30 minutes after 12:00 */

    gw_calendar_window(&tz, HOUR, forward - 1, &window);
    is_int(window.start, forward - 900, "set ahead within an hour: start");
    is_int(window.end, forward + 4500, "set ahead within an hour: end");

    gw_calendar_window(&tz, HOUR, forward + 900, &window);
    is_int(window.start, forward - 900, "a short hour: start");
    is_int(window.end, forward + 4500, "a short hour: end");

    gw_calendar_window(&tz, HOUR, forward + 4500, &window);
    is_int(window.start, forward + 4500, "after a short hour: start");
    is_int(window.end, forward + 8100, "after a short hour: end");

    /* clocks show 12:00 again 30 minutes after 12:00 */

    gw_calendar_window(&tz, HOUR, back - 901, &window);
    is_int(window.end, back - 900, "before it is set back: end");

    gw_calendar_window(&tz, HOUR, back + 900, &window);
    is_int(window.start, back - 900, "set back within an hour: start");
    is_int(window.end, back + 4500, "set back within an hour: end");
}


static void
test_bounds(void)
{
    int                   unit;
    gw_tz_t               tz;
    gw_calendar_window_t  window, other;

    gw_tz_utc(&tz);

    for (unit = 0; unit <= (int) MONTH; unit++) {
        gw_calendar_window(&tz, unit, 0, &window);
        gw_calendar_window(&tz, unit, INT64_MIN, &other);
        ok(window.start == other.start && window.end == other.end
           && window.number == other.number, "%s before 1970", units[unit]);

        gw_calendar_window(&tz, unit, instant("9999-12-31T23:59:59Z"),
                           &window);
        gw_calendar_window(&tz, unit, INT64_MAX, &other);
        ok(window.start == other.start && window.end == other.end
           && window.number == other.number, "%s after 9999", units[unit]);
    }

    is_int(window.end, instant("9999-12-31T23:59:59Z") + 1, "the last end");
}


static void
local_time(struct tm *tm, int64_t time)
{
    time_t  t;

    t = (time_t) time;
    localtime_r(&t, tm);
}


/* the number of a window by the C library; in tm_wday, Sunday is 0 */

static int64_t
local_number(gw_calendar_unit_e unit, const struct tm *tm)
{
    int64_t    days;
    struct tm  date;

    if (unit == MONTH) {
        return (tm->tm_year - 70) * 12 + tm->tm_mon;
    }

    memset(&date, 0, sizeof(date));
    date.tm_year = tm->tm_year;
    date.tm_mon = tm->tm_mon;
    date.tm_mday = tm->tm_mday;

    if (unit == WEEK) {
        date.tm_mday -= (tm->tm_wday + 6) % 7;
    }

    days = timegm(&date) / DAY;

    return (unit == WEEK) ? (days + 3) / 7 : days;
}


/* whether a window starts when the local clock has left the previous one */

static int
is_start(gw_calendar_unit_e unit, const gw_calendar_window_t *window)
{
    struct tm  tm, before;

    local_time(&tm, window->start);

    if (unit == MINUTE || unit == HOUR) {
        return tm.tm_sec == 0 && (unit == MINUTE || tm.tm_min == 0)
               && window->number * ((unit == HOUR) ? 3600 : 60)
                  <= window->start
               && window->start - window->number * ((unit == HOUR) ? 3600 : 60)
                  < ((unit == HOUR) ? 3600 : 60);
    }

    local_time(&before, window->start - 1);

    return local_number(unit, &tm) == window->number
           && local_number(unit, &before) < window->number;
}


static int
is_same(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t time,
    const gw_calendar_window_t *window)
{
    gw_calendar_window_t  other;

    gw_calendar_window(tz, unit, time, &other);

    return other.start == window->start && other.end == window->end
           && other.number == window->number;
}


/* checks consecutive windows; returns the number of wrong ones */

static long long
walk(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t time, int64_t end)
{
    int64_t               length;
    long long             wrong;
    gw_calendar_window_t  window, next;

    wrong = 0;
    gw_calendar_window(tz, unit, time, &window);
    wrong += (window.start > time || window.end <= time);

    while (window.end < end) {
        gw_calendar_window(tz, unit, window.end, &next);
        length = next.end - next.start;

        wrong += length <= 0
                 || next.start != window.end
                 || next.number <= window.number
                 || !is_start(unit, &next)
                 || !is_same(tz, unit, next.end - 1, &next)
                 || !is_same(tz, unit, next.start + rand() % length, &next);

        if (length <= 0) {
            break;
        }

        window = next;
    }

    return wrong;
}


/* days, weeks, months: all years; hours: two years; minutes: near changes */

static void
walk_zone(const gw_tz_t *tz, int zone)
{
    int        unit;
    int64_t    time, end, since, until;
    long long  wrong;

    end = gw_tz_month_begin((LAST_YEAR - 1970) * 12) * DAY;

    for (unit = WHOLE_DAY; unit <= (int) MONTH; unit++) {
        is_int(walk(tz, unit, 3 * DAY, end), 0, "%s: every %s", zones[zone],
               units[unit]);
    }

    time = gw_tz_month_begin((zone % 38) * 12) * DAY + 3 * DAY;
    wrong = walk(tz, HOUR, time, time + 365 * DAY);
    time += 40LL * 365 * DAY;
    wrong += walk(tz, HOUR, time, time + 365 * DAY);

    is_int(wrong, 0, "%s: hours of two years", zones[zone]);

    wrong = 0;

    for (time = 3 * DAY; time < end; time = until) {
        (void) gw_tz_offset(tz, time, &since, &until);

        if (until > end) {
            break;
        }

        wrong += walk(tz, MINUTE, until - 300, until + 300);
        wrong += walk(tz, HOUR, until - 9000, until + 9000);
    }

    is_int(wrong, 0, "%s: around changes", zones[zone]);
}


static void
test_walk(void)
{
    int      i, n;
    file_t   file;
    gw_tz_t  tz;

    srand(1);
    n = 0;

    for (i = 0; i < (int) NZONES; i++) {
        if (load(&file, &tz, zones[i])) {
            walk_zone(&tz, i);
            n++;
        }
    }

    ok(n >= 30, "there are %d zones: package tzdata", n);
}


int
main(void)
{
    test_windows();
    test_numbers();
    test_within_hour();
    test_bounds();
    test_walk();

    return done_testing();
}
