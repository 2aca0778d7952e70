/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * RFC 3339, 5.6.  strptime() and timegm() of the C library accept more, or
 * less, or are not available.
 */

#include "gw_rfc3339.h"


typedef struct {
    const char  *p;
    const char  *end;
} gw_rfc3339_reader_t;


static int64_t gw_rfc3339_number(gw_rfc3339_reader_t *r, int digits,
    int64_t min, int64_t max);
static int gw_rfc3339_byte(gw_rfc3339_reader_t *r, char one, char other);
static int gw_rfc3339_fraction(gw_rfc3339_reader_t *r);
static int gw_rfc3339_zone(gw_rfc3339_reader_t *r, int64_t *seconds);
static int64_t gw_rfc3339_days(int64_t year, int64_t month, int64_t day);
static int64_t gw_rfc3339_month(int64_t year, int64_t month);


int
gw_rfc3339_parse(const char *text, size_t len, int64_t *seconds)
{
    int64_t              year, month, day, hour, minute, second, zone;
    gw_rfc3339_reader_t  r;

    r.p = text;
    r.end = text + len;

    if ((year = gw_rfc3339_number(&r, 4, 0, 9999)) < 0
        || gw_rfc3339_byte(&r, '-', '-') != 0
        || (month = gw_rfc3339_number(&r, 2, 1, 12)) < 0
        || gw_rfc3339_byte(&r, '-', '-') != 0
        || (day = gw_rfc3339_number(&r, 2, 1, gw_rfc3339_month(year, month)))
           < 0
        || gw_rfc3339_byte(&r, 'T', 't') != 0
        || (hour = gw_rfc3339_number(&r, 2, 0, 23)) < 0
        || gw_rfc3339_byte(&r, ':', ':') != 0
        || (minute = gw_rfc3339_number(&r, 2, 0, 59)) < 0
        || gw_rfc3339_byte(&r, ':', ':') != 0
        || (second = gw_rfc3339_number(&r, 2, 0, 60)) < 0
        || gw_rfc3339_fraction(&r) != 0
        || gw_rfc3339_zone(&r, &zone) != 0
        || r.p != r.end)
    {
        return -1;
    }

    *seconds = gw_rfc3339_days(year, month, day) * 86400
               + hour * 3600 + minute * 60 + second - zone;

    return 0;
}


/* reads exactly this number of digits; -1 if missing or out of range */

static int64_t
gw_rfc3339_number(gw_rfc3339_reader_t *r, int digits, int64_t min, int64_t max)
{
    int64_t  n;

    for (n = 0; digits > 0; digits--) {

        if (r->p == r->end || *r->p < '0' || *r->p > '9') {
            return -1;
        }

        n = n * 10 + (*r->p++ - '0');
    }

    return (n < min || n > max) ? -1 : n;
}


/* RFC 3339, 5.6: letters can be lower case */

static int
gw_rfc3339_byte(gw_rfc3339_reader_t *r, char one, char other)
{
    if (r->p == r->end || (*r->p != one && *r->p != other)) {
        return -1;
    }

    r->p++;

    return 0;
}


static int
gw_rfc3339_fraction(gw_rfc3339_reader_t *r)
{
    if (gw_rfc3339_byte(r, '.', '.') != 0) {
        return 0;
    }

    if (gw_rfc3339_number(r, 1, 0, 9) < 0) {
        return -1;
    }

    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        r->p++;
    }

    return 0;
}


static int
gw_rfc3339_zone(gw_rfc3339_reader_t *r, int64_t *seconds)
{
    int64_t  sign, hour, minute;

    if (gw_rfc3339_byte(r, 'Z', 'z') == 0) {
        *seconds = 0;
        return 0;
    }

    sign = (r->p < r->end && *r->p == '-') ? -1 : 1;

    if (gw_rfc3339_byte(r, '+', '-') != 0
        || (hour = gw_rfc3339_number(r, 2, 0, 23)) < 0
        || gw_rfc3339_byte(r, ':', ':') != 0
        || (minute = gw_rfc3339_number(r, 2, 0, 59)) < 0)
    {
        return -1;
    }

    *seconds = sign * (hour * 3600 + minute * 60);

    return 0;
}


/*
 * Days since 1970-01-01.  Years begin in March, so that the leap day is the
 * last day of a year; 719468 days are between 0000-03-01 and the epoch.
 */

static int64_t
gw_rfc3339_days(int64_t year, int64_t month, int64_t day)
{
    int64_t  era;

    year -= month < 3;
    month += month < 3 ? 9 : -3;

    /* year -1, which includes January of year 0, within its 400 years */

    era = year < 0 ? -1 : year / 400;
    year -= era * 400;

    return era * 146097 + year * 365 + year / 4 - year / 100
           + (153 * month + 2) / 5 + day - 1 - 719468;
}


static int64_t
gw_rfc3339_month(int64_t year, int64_t month)
{
    static const int  days[] = { 31, 28, 31, 30, 31, 30,
                                 31, 31, 30, 31, 30, 31 };

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}
