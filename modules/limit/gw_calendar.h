/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calendar windows in a time zone: this minute, hour, day, week (from Monday
 * on, ISO 8601) or month, by the clocks of the zone.  Knows no nginx.
 *
 * A day begins at the first instant whose local date is not earlier than it,
 * so that days, weeks and months follow each other without a gap or an
 * overlap whatever daylight saving time does at midnight; they last 23 or 25
 * hours when the clocks change.  What the clocks show once more after they
 * were set back over midnight still belongs to the day that had begun.  A day
 * that a zone leaves out, as Samoa did 2011-12-30, has no window.
 *
 * Hours and minutes begin when the local clock shows a full one; where a
 * change of, say, 30 minutes would make one shorter, it is joined to the one
 * before.  An hour that the clocks show twice is two windows.
 */

#ifndef GW_CALENDAR_H_INCLUDED
#define GW_CALENDAR_H_INCLUDED

#include "gw_tz.h"


typedef enum {
    GW_CALENDAR_MINUTE = 0,
    GW_CALENDAR_HOUR,
    GW_CALENDAR_DAY,
    GW_CALENDAR_WEEK,
    GW_CALENDAR_MONTH
} gw_calendar_unit_e;


typedef struct {
    int64_t               start;      /* seconds since the epoch, included */
    int64_t               end;        /* likewise, not included */

    /*
     * Of a minute or an hour: "start" in those.  Of a day, week or month: how
     * many of them the local calendar is behind the one of 1970-01-01.
     *
     * Windows of the unit that are later have greater numbers, no two have
     * the same; those of days, weeks and months follow each other by one, but
     * by two over a day that is left out.  Not negative from 1970-01-02 on:
     * until then it may still be 1969 by the local clock.
     */
    int64_t               number;
} gw_calendar_window_t;


/* the window around a time, which is moved into the years 1970 to 9999 */
void gw_calendar_window(const gw_tz_t *tz, gw_calendar_unit_e unit,
    int64_t time, gw_calendar_window_t *window);


#endif /* GW_CALENDAR_H_INCLUDED */
