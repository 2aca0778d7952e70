/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calendar windows: see gw_calendar.h.
 *
 * Local time is not monotonic, so an instant cannot be found by subtracting an
 * offset from a local time.  For dates the code finds the instant when the
 * local clock first reaches a midnight; these instants are in the order of the
 * midnights.  For minutes and hours it finds the instants at which the clock
 * shows a full one, and skips those that follow too soon.  Both search the
 * intervals between changes of the offset, usually only one of them.
 */

#include "gw_calendar.h"
#include "gw_tz_date.h"


#define GW_CALENDAR_DAY   86400

/* 9999-12-31T23:59:59Z */
#define GW_CALENDAR_LAST  253402300799LL


static void gw_calendar_dates(const gw_tz_t *tz, gw_calendar_unit_e unit,
    int64_t time, gw_calendar_window_t *window);
static int64_t gw_calendar_number(gw_calendar_unit_e unit, int64_t day);
static int64_t gw_calendar_reached(const gw_tz_t *tz, gw_calendar_unit_e unit,
    int64_t number);
static int64_t gw_calendar_first_day(gw_calendar_unit_e unit, int64_t number);

static void gw_calendar_clocks(const gw_tz_t *tz, int64_t size, int64_t time,
    gw_calendar_window_t *window);
static int64_t gw_calendar_shown_before(const gw_tz_t *tz, int64_t size,
    int64_t time);
static int64_t gw_calendar_shown_after(const gw_tz_t *tz, int64_t size,
    int64_t time);


void
gw_calendar_window(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t time,
    gw_calendar_window_t *window)
{
    time = (time < 0) ? 0 : time;
    time = (time > GW_CALENDAR_LAST) ? GW_CALENDAR_LAST : time;

    switch (unit) {

    case GW_CALENDAR_MINUTE:
        gw_calendar_clocks(tz, 60, time, window);
        break;

    case GW_CALENDAR_HOUR:
        gw_calendar_clocks(tz, 3600, time, window);
        break;

    default:
        gw_calendar_dates(tz, unit, time, window);
    }
}


static void
gw_calendar_dates(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t time,
    gw_calendar_window_t *window)
{
    int64_t  local, since, until;

    local = time + gw_tz_offset(tz, time, &since, &until);

    window->number = gw_calendar_number(unit,
                                        gw_tz_floor(local, GW_CALENDAR_DAY));
    window->end = gw_calendar_reached(tz, unit, window->number + 1);

    /* the clock was set back, by at most two days and three hours */

    while (window->end <= time) {
        window->number++;
        window->end = gw_calendar_reached(tz, unit, window->number + 1);
    }

    window->start = gw_calendar_reached(tz, unit, window->number);
}


/* the number of the unit that contains a day (0 is 1970-01-01, a Thursday) */

static int64_t
gw_calendar_number(gw_calendar_unit_e unit, int64_t day)
{
    switch (unit) {

    case GW_CALENDAR_WEEK:
        return gw_tz_floor(day + 3, 7);

    case GW_CALENDAR_MONTH:
        return gw_tz_month_of(day);

    default:
        return day;
    }
}


/*
 * The first instant at which the local date is not earlier than the first day
 * of the unit.  The search begins at a time that is too early for any offset.
 */

static int64_t
gw_calendar_reached(const gw_tz_t *tz, gw_calendar_unit_e unit, int64_t number)
{
    int64_t  at, time, local, since, until;

    local = gw_calendar_first_day(unit, number) * GW_CALENDAR_DAY;
    time = local - GW_TZ_EAST_MOST;

    for ( ;; ) {
        at = local - gw_tz_offset(tz, time, &since, &until);
        at = (at < time) ? time : at;

        if (at < until) {
            return at;
        }

        time = until;
    }
}


static int64_t
gw_calendar_first_day(gw_calendar_unit_e unit, int64_t number)
{
    switch (unit) {

    case GW_CALENDAR_WEEK:
        return number * 7 - 3;

    case GW_CALENDAR_MONTH:
        return gw_tz_month_begin(number);

    default:
        return number;
    }
}


/*
 * A full minute or hour of the local clock begins a window, unless the clock
 * has shown the previous one less than "size" seconds before, because of a
 * change.  So windows are never shorter than "size", and no two begin in the
 * same minute or hour since the epoch.
 */

static void
gw_calendar_clocks(const gw_tz_t *tz, int64_t size, int64_t time,
    gw_calendar_window_t *window)
{
    int64_t  start, end, before;

    start = gw_calendar_shown_before(tz, size, time);

    before = start;
    end = gw_calendar_shown_after(tz, size, time + 1);

    while (end - before < size) {
        before = end;
        end = gw_calendar_shown_after(tz, size, end + 1);
    }

    before = gw_calendar_shown_before(tz, size, start - 1);

    while (start - before < size) {
        start = before;
        before = gw_calendar_shown_before(tz, size, start - 1);
    }

    window->start = start;
    window->end = end;
    window->number = gw_tz_floor(start, size);
}


/* the last instant, not after "time", at which the clock shows a full one */

static int64_t
gw_calendar_shown_before(const gw_tz_t *tz, int64_t size, int64_t time)
{
    int64_t  at, local, since, until;

    for ( ;; ) {
        local = time + gw_tz_offset(tz, time, &since, &until);
        at = time - (local - gw_tz_floor(local, size) * size);

        if (at >= since) {
            return at;
        }

        time = since - 1;
    }
}


/* the first such instant that is not before "time" */

static int64_t
gw_calendar_shown_after(const gw_tz_t *tz, int64_t size, int64_t time)
{
    int64_t  at, local, since, until;

    for ( ;; ) {
        local = time + gw_tz_offset(tz, time, &since, &until);
        at = time + (gw_tz_floor(local + size - 1, size) * size - local);

        if (at < until) {
            return at;
        }

        time = until;
    }
}
