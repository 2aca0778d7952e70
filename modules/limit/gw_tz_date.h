/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Days and months of the Gregorian calendar, also before its introduction.
 * Days are counted from 1970-01-01 and months from January 1970, which are 0.
 */

#ifndef GW_TZ_DATE_H_INCLUDED
#define GW_TZ_DATE_H_INCLUDED

#include <stdint.h>


/* the first day of a month */
int64_t gw_tz_month_begin(int64_t month);

/* the month that a day is in */
int64_t gw_tz_month_of(int64_t day);

/* a quotient rounded down, also if the dividend is negative; divisor > 0 */
int64_t gw_tz_floor(int64_t dividend, int64_t divisor);


#endif /* GW_TZ_DATE_H_INCLUDED */
