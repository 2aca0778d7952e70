/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_tz_date.h"


/*
 * A year is counted from March on, so that the leap day is its last; 719468
 * days lie between 0000-03-01 and the epoch, and the months from March on
 * have 31, 30, 31, 30, 31 days, twice, and then January.
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
 * 400 years have 146097 days and 4800 months.  Their mean is never a whole day
 * ahead of the calendar nor a whole month late: the mean's month of the day
 * before is the day's own, or the one before that.
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
