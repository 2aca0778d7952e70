/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The rule that applies after the last transition of a TZif file: parsing it,
 * and finding the offset by it.
 */

#include "gw_tz_date.h"
#include "gw_tz_rule.h"


#define GW_TZ_DAY        86400
#define GW_TZ_HOUR       3600

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define GW_TZ_FIRST      (-62135596800LL)
#define GW_TZ_LAST       253402300799LL


static int gw_tz_daylight(gw_tz_t *tz, gw_tz_reader_t *r);
static int gw_tz_designation(gw_tz_reader_t *r);
static int gw_tz_hours_east(gw_tz_reader_t *r, int32_t *east);
static int gw_tz_change(gw_tz_reader_t *r, gw_tz_change_t *change);
static int gw_tz_month_day(gw_tz_reader_t *r, gw_tz_change_t *change);
static int gw_tz_change_time(gw_tz_reader_t *r, int32_t *time);
static int gw_tz_clock(gw_tz_reader_t *r, int max_hour, int32_t *seconds);
static int gw_tz_number(gw_tz_reader_t *r, int min, int max);
static int gw_tz_is_dst(const gw_tz_t *tz, int64_t time, int64_t *last,
    int64_t *next);
static int64_t gw_tz_change_at(const gw_tz_change_t *change, int64_t year,
    int32_t before);
static int64_t gw_tz_month_week(const gw_tz_change_t *change, int64_t year);
static int gw_tz_is_letter(unsigned char c);
static int gw_tz_is_digit(unsigned char c);


/*
 *     std offset [ dst [ offset ] , start [ /time ] , end [ /time ] ]
 *
 * POSIX also allows a rule without dates, but does not define it: such a rule
 * is invalid here.
 */

int
gw_tz_rule(gw_tz_t *tz, gw_tz_reader_t *r)
{
    if (!gw_tz_designation(r) || !gw_tz_hours_east(r, &tz->standard)) {
        return 0;
    }

    tz->has_rule = 1;
    tz->has_dst = (r->p < r->end && *r->p != '\n');

    return tz->has_dst ? gw_tz_daylight(tz, r) : 1;
}


static int
gw_tz_daylight(gw_tz_t *tz, gw_tz_reader_t *r)
{
    if (!gw_tz_designation(r)) {
        return 0;
    }

    if (!gw_tz_byte(r, ',')) {

        if (!gw_tz_hours_east(r, &tz->daylight) || !gw_tz_byte(r, ',')) {
            return 0;
        }

    } else {
        tz->daylight = tz->standard + GW_TZ_HOUR;
    }

    return gw_tz_change(r, &tz->begin)
           && gw_tz_byte(r, ',')
           && gw_tz_change(r, &tz->end);
}


/* at least three letters; between <> also digits and signs */

static int
gw_tz_designation(gw_tz_reader_t *r)
{
    int                   quoted;
    const unsigned char  *start;

    quoted = gw_tz_byte(r, '<');
    start = r->p;

    while (r->p < r->end
           && (gw_tz_is_letter(*r->p)
               || (quoted && (gw_tz_is_digit(*r->p)
                              || *r->p == '+' || *r->p == '-'))))
    {
        r->p++;
    }

    return r->p - start >= 3 && (!quoted || gw_tz_byte(r, '>'));
}


/* in POSIX offsets are west of Greenwich */

static int
gw_tz_hours_east(gw_tz_reader_t *r, int32_t *east)
{
    int  sign;

    sign = gw_tz_byte(r, '-') ? 1 : -1;

    if (sign < 0) {
        (void) gw_tz_byte(r, '+');
    }

    if (!gw_tz_clock(r, 24, east)) {
        return 0;
    }

    *east *= sign;

    return 1;
}


static int
gw_tz_change(gw_tz_reader_t *r, gw_tz_change_t *change)
{
    if (gw_tz_byte(r, 'M')) {
        change->kind = 'M';

        if (!gw_tz_month_day(r, change)) {
            return 0;
        }

    } else if (gw_tz_byte(r, 'J')) {
        change->kind = 'J';
        change->day = gw_tz_number(r, 1, 365);

    } else {
        change->kind = 'D';
        change->day = gw_tz_number(r, 0, 365);
    }

    change->time = 2 * GW_TZ_HOUR;

    return change->day >= 0
           && (!gw_tz_byte(r, '/') || gw_tz_change_time(r, &change->time));
}


static int
gw_tz_month_day(gw_tz_reader_t *r, gw_tz_change_t *change)
{
    return (change->month = gw_tz_number(r, 1, 12)) > 0
           && gw_tz_byte(r, '.')
           && (change->week = gw_tz_number(r, 1, 5)) > 0
           && gw_tz_byte(r, '.')
           && (change->day = gw_tz_number(r, 0, 6)) >= 0;
}


/* RFC 9636, 3.3.1: since version 3 from -167 to 167 hours */

static int
gw_tz_change_time(gw_tz_reader_t *r, int32_t *time)
{
    int  sign;

    if (r->version < '3') {
        return gw_tz_clock(r, 24, time);
    }

    sign = gw_tz_byte(r, '-') ? -1 : 1;

    if (sign > 0) {
        (void) gw_tz_byte(r, '+');
    }

    if (!gw_tz_clock(r, 167, time)) {
        return 0;
    }

    *time *= sign;

    return 1;
}


/* hours[:minutes[:seconds]] */

static int
gw_tz_clock(gw_tz_reader_t *r, int max_hour, int32_t *seconds)
{
    int  hour, minute, second;

    minute = 0;
    second = 0;

    hour = gw_tz_number(r, 0, max_hour);

    if (gw_tz_byte(r, ':')) {
        minute = gw_tz_number(r, 0, 59);

        if (gw_tz_byte(r, ':')) {
            second = gw_tz_number(r, 0, 59);
        }
    }

    *seconds = hour * GW_TZ_HOUR + minute * 60 + second;

    return hour >= 0 && minute >= 0 && second >= 0;
}


/* up to three digits; -1: there are none, or the number is out of range */

static int
gw_tz_number(gw_tz_reader_t *r, int min, int max)
{
    int                   n;
    const unsigned char  *start;

    n = 0;

    for (start = r->p;
         r->p < r->end && r->p - start < 3 && gw_tz_is_digit(*r->p);
         r->p++)
    {
        n = n * 10 + (*r->p - '0');
    }

    return (r->p == start || n < min || n > max) ? -1 : n;
}


int
gw_tz_byte(gw_tz_reader_t *r, char byte)
{
    if (r->p == r->end || *r->p != (unsigned char) byte) {
        return 0;
    }

    r->p++;

    return 1;
}


int32_t
gw_tz_by_rule(const gw_tz_t *tz, int64_t time, int64_t *since, int64_t *until)
{
    int      is_dst;
    int64_t  last, next, bounded;

    if (!tz->has_dst) {
        return tz->standard;
    }

    bounded = (time < GW_TZ_FIRST) ? GW_TZ_FIRST : time;
    bounded = (time > GW_TZ_LAST) ? GW_TZ_LAST : bounded;

    is_dst = gw_tz_is_dst(tz, bounded, &last, &next);

    /* the last transition of the table may be after the last change */

    if (time >= GW_TZ_FIRST && last > *since) {
        *since = last;
    }

    if (time <= GW_TZ_LAST) {
        *until = next;
    }

    return is_dst ? tz->daylight : tz->standard;
}


/*
 * Also finds the changes around a time.  The time of day can move a change by a
 * week, and the offset by another day, into the previous or next year.  So the
 * last change before a time may belong to a year two years earlier, and the
 * next change to a year two years later.
 *
 * If two changes are at the same instant, the later one in order applies: with
 * "XXX3EDT4,0/0,J365/23" daylight saving time ends in one year when it begins
 * in the next, so that there is no standard time (RFC 9636, 3.3.1).
 */

static int
gw_tz_is_dst(const gw_tz_t *tz, int64_t time, int64_t *last, int64_t *next)
{
    int      i, is_dst;
    int64_t  at[2], year, end;

    year = 1970 + gw_tz_floor(gw_tz_month_of(gw_tz_floor(time, GW_TZ_DAY)),
                              12);
    end = year + 2;
    is_dst = 0;

    *last = INT64_MIN;
    *next = INT64_MAX;

    for (year -= 2; year <= end; year++) {
        at[0] = gw_tz_change_at(&tz->end, year, tz->daylight);
        at[1] = gw_tz_change_at(&tz->begin, year, tz->standard);

        for (i = 1; i >= 0; i--) {

            if (at[i] > time) {
                *next = (at[i] < *next) ? at[i] : *next;

            } else if (at[i] >= *last) {
                *last = at[i];
                is_dst = i;
            }
        }
    }

    return is_dst;
}


/* in seconds since the epoch; "before" is the offset before the change */

static int64_t
gw_tz_change_at(const gw_tz_change_t *change, int64_t year, int32_t before)
{
    int64_t  day, month;

    month = (year - 1970) * 12;

    switch (change->kind) {

    case 'M':
        day = gw_tz_month_week(change, year);
        break;

    case 'J':
        /* 1 to 365: February 29 is not counted, March 1 is always 60 */

        day = (change->day < 60)
              ? gw_tz_month_begin(month) + change->day - 1
              : gw_tz_month_begin(month + 2) + change->day - 60;
        break;

    default:
        day = gw_tz_month_begin(month) + change->day;
    }

    return day * GW_TZ_DAY + change->time - before;
}


/* the first, second ... or last such weekday of the month; 0 is Sunday */

static int64_t
gw_tz_month_week(const gw_tz_change_t *change, int64_t year)
{
    int64_t  month, day, sunday;

    month = (year - 1970) * 12 + change->month - 1;
    day = gw_tz_month_begin(month);

    /* the last Sunday not after the first of the month: day 0 is a Thursday */

    sunday = gw_tz_floor(day + 4, 7) * 7 - 4;

    if (sunday + change->day < day) {
        sunday += 7;
    }

    day = sunday + change->day + (change->week - 1) * 7;

    return (day < gw_tz_month_begin(month + 1)) ? day : day - 7;
}


static int
gw_tz_is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}


static int
gw_tz_is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}
