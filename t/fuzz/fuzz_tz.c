/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The parser never reads outside of a file.  In a file that it accepts, each
 * time has an offset and an interval.  Each calendar window contains its time,
 * ends where the next one starts, and has a unique number.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_calendar.h"


#define SECONDS_OF_9999  253402300799LL


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_offset(const gw_tz_t *tz, int64_t time)
{
    int32_t  offset;
    int64_t  since, until, last, at, other;

    offset = gw_tz_offset(tz, time, &since, &until);

    check(offset >= GW_TZ_WEST_MOST && offset <= GW_TZ_EAST_MOST);
    check(since <= time && (time < until || until == INT64_MAX));

    last = (until == INT64_MAX) ? time : until - 1;

    check(gw_tz_offset(tz, since, &at, &other) == offset);
    check(at <= since && other >= since);
    check(gw_tz_offset(tz, last, &at, &other) == offset);
    check(at <= last && other >= last);
}


static void
check_window(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t time)
{
    gw_calendar_window_t  window, other;

    gw_calendar_window(tz, unit, time, &window);

    if (time >= 0 && time <= SECONDS_OF_9999) {
        check(window.start <= time && time < window.end);
    }

    check(window.end - window.start >= 60 || unit >= GW_CALENDAR_DAY);

    if (window.start >= 0) {
        gw_calendar_window(tz, unit, window.start, &other);
        check(other.start == window.start && other.end == window.end
              && other.number == window.number);
    }

    if (window.end >= 0 && window.end <= SECONDS_OF_9999) {
        gw_calendar_window(tz, unit, window.end, &other);
        check(other.start == window.end && other.number > window.number);
    }
}


static void
check_time(const gw_tz_t *tz, int64_t time)
{
    int  unit;

    check_offset(tz, time);

    for (unit = GW_CALENDAR_MINUTE; unit <= (int) GW_CALENDAR_MONTH; unit++) {
        check_window(tz, unit, time);
    }
}


/* checks the times around the first changes of the offset after "time" */

static void
check_from(const gw_tz_t *tz, int64_t time)
{
    int      i;
    int64_t  since, until;

    for (i = 0; i < 8; i++) {
        check_time(tz, time);

        (void) gw_tz_offset(tz, time, &since, &until);

        if (until == INT64_MAX) {
            break;
        }

        check_time(tz, until - 1);
        time = until;
    }
}


static int
parse(const uint8_t *data, size_t size)
{
    size_t          i;
    gw_tz_t         tz;
    const char     *err;
    unsigned char  *file;

    static const int64_t  times[] = {
        INT64_MIN, -62135596801LL, -86400, 0, 1700000000, 4102444800LL,
        253402300799LL, 253402300800LL, INT64_MAX
    };

    /* of the exact size: a sanitizer detects an overrun */

    file = malloc(size + (size == 0));
    memcpy(file, data, size);

    err = gw_tz_parse(&tz, file, size);

    if (err == NULL) {
        for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
            check_from(&tz, times[i]);
        }

    } else {
        check(err[0] != '\0');
    }

    free(file);

    return err == NULL;
}


/* the input as the rule in the footer of an otherwise valid file */

static void
as_rule(const uint8_t *data, size_t size)
{
    uint8_t  file[256];
    size_t   len;

    static const char  head[] =
        "TZif3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0"
        "TZif3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\1\0\0\0\4"
        "\0\0\0\0\0\0" "UTC\0" "\n";

    len = sizeof(head) - 1;

    if (size > sizeof(file) - len - 1) {
        return;
    }

    memcpy(file, head, len);
    memcpy(file + len, data, size);
    file[len + size] = '\n';

    (void) parse(file, len + size + 1);
}


/* the input as the name of a zone: no valid name leaves the folder of zones */

static void
as_name(const uint8_t *data, size_t size)
{
    size_t       i;
    const char  *name;

    name = (const char *) data;

    if (!gw_tz_name(name, size)) {
        return;
    }

    check(size > 0 && size <= GW_TZ_MAX_NAME);
    check(name[0] != '/' && name[size - 1] != '/');

    for (i = 0; i < size; i++) {
        check(name[i] != '.' && name[i] != '\0');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void) parse(data, size);
    as_rule(data, size);
    as_name(data, size);

    return 0;
}
