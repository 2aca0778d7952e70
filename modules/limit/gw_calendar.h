/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calendar windows in a time zone: the minute, hour, day, week (from Monday,
 * ISO 8601) or month around a time, by the local clock.
 *
 * A day begins at the first instant whose local date is not earlier.  So days,
 * weeks and months have no gaps and do not overlap, even if the clock changes
 * at midnight.  A day with a change lasts 23 or 25 hours, for example.  If the
 * clock is set back over midnight, the repeated time belongs to the day that
 * has begun.  A day that a zone skips, as Samoa skipped 2011-12-30, has no
 * window.
 *
 * Hours and minutes begin when the local clock shows a full hour or minute.  A
 * window that a change, of 30 minutes for example, would make shorter is joined
 * to the one before.  An hour that the clock shows twice is two windows.
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
    int64_t               start;      /* seconds since the epoch, inclusive */
    int64_t               end;        /* likewise, exclusive */

    /*
     * Of a minute or hour: minutes or hours since the epoch.  Of a day, week or
     * month: days, weeks or months of the local calendar since 1970-01-01.
     *
     * Later windows of the same unit have greater numbers.  Days, weeks and
     * months are numbered without gaps, except for a skipped day.  A number is
     * negative only where the local clock shows 1969, until 1970-01-02.
     */
    int64_t               number;
} gw_calendar_window_t;


/* the window around a time, which is clamped to the years 1970 to 9999 */
void gw_calendar_window(const gw_tz_t *tz, gw_calendar_unit_e unit,
    int64_t time, gw_calendar_window_t *window);


#endif /* GW_CALENDAR_H_INCLUDED */
