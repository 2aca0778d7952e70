/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_tz_date.h"


/*
 * Years begin in March here, so that the leap day is the last day of a year.
 * There are 719468 days from 0000-03-01 to the epoch.  From March on the months
 * have 31, 30, 31, 30, 31 days, twice, then January follows.
 */

int64_t
gw_tz_month_begin(int64_t month)
{
    int64_t  year;

    month += 1970 * 12 - 2;
    year = gw_tz_floor(month, 12);
    month -= year * 12;

    return year * 365 + gw_tz_floor(year, 4) - gw_tz_floor(year, 100)
           + gw_tz_floor(year, 400) + (153 * month + 2) / 5 - 719468;
}


/*
 * 400 years have 146097 days and 4800 months.  The mean is never a whole day
 * ahead of the calendar, nor a whole month behind: counted by the mean, the
 * month of the previous day is the month of the day, or the one before it.
 */

int64_t
gw_tz_month_of(int64_t day)
{
    int64_t  month;

    month = gw_tz_floor((day - 1) * 4800, 146097);

    return month + (gw_tz_month_begin(month + 1) <= day);
}


int64_t
gw_tz_floor(int64_t dividend, int64_t divisor)
{
    return dividend / divisor - (dividend % divisor < 0);
}
