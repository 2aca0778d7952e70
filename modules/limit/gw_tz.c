/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Time zones from TZif files (RFC 9636): see gw_tz.h.
 *
 * A file holds its data twice: as version 1 had it, with times of 32 bits,
 * and behind that with times of 64 bits and a footer.  The first is skipped.
 *
 *     header  version 1 block  header  times indexes types ...  \n rule \n
 *
 * Nothing is copied.  What gw_tz_offset() reads later, a table of times in
 * ascending order with an index into the types for each, is checked when the
 * file is parsed, so that it need not check anything.
 */

#include <string.h>

#include "gw_tz.h"


#define GW_TZ_HEADER     44
#define GW_TZ_COUNTS     20         /* where they stand in the header */
#define GW_TZ_TIME       8
#define GW_TZ_TYPE       6          /* offset, is it daylight, designation */

/* as many as the reference implementation takes; no zone has half of them */
#define GW_TZ_MAX_TIMES  2000

#define GW_TZ_DAY        86400
#define GW_TZ_HOUR       3600

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define GW_TZ_FIRST      (-62135596800LL)
#define GW_TZ_LAST       253402300799LL


typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned char         version;
} gw_tz_reader_t;


/* in the order of the header */

typedef struct {
    uint32_t              isut;
    uint32_t              isstd;
    uint32_t              leap;
    uint32_t              time;
    uint32_t              type;
    uint32_t              chars;
} gw_tz_counts_t;


static const char *gw_tz_header(gw_tz_reader_t *r, gw_tz_counts_t *counts);
static int gw_tz_fits(const gw_tz_reader_t *r, const gw_tz_counts_t *counts,
    uint64_t time_size, uint64_t *size);
static const char *gw_tz_counts(const gw_tz_counts_t *counts);
static const char *gw_tz_times(const gw_tz_t *tz);
static const char *gw_tz_types(const gw_tz_t *tz, uint32_t chars);

static const char *gw_tz_footer(gw_tz_t *tz, gw_tz_reader_t *r);
static int gw_tz_rule(gw_tz_t *tz, gw_tz_reader_t *r);
static int gw_tz_daylight(gw_tz_t *tz, gw_tz_reader_t *r);
static int gw_tz_designation(gw_tz_reader_t *r);
static int gw_tz_hours_east(gw_tz_reader_t *r, int32_t *east);
static int gw_tz_change(gw_tz_reader_t *r, gw_tz_change_t *change);
static int gw_tz_month_day(gw_tz_reader_t *r, gw_tz_change_t *change);
static int gw_tz_change_time(gw_tz_reader_t *r, int32_t *time);
static int gw_tz_clock(gw_tz_reader_t *r, int max_hour, int32_t *seconds);
static int gw_tz_number(gw_tz_reader_t *r, int min, int max);
static int gw_tz_byte(gw_tz_reader_t *r, char byte);

static uint32_t gw_tz_search(const gw_tz_t *tz, int64_t time);
static int32_t gw_tz_by_rule(const gw_tz_t *tz, int64_t time, int64_t *since,
    int64_t *until);
static int gw_tz_is_dst(const gw_tz_t *tz, int64_t time, int64_t *last,
    int64_t *next);
static int64_t gw_tz_change_at(const gw_tz_change_t *change, int64_t year,
    int32_t before);
static int64_t gw_tz_month_week(const gw_tz_change_t *change, int64_t year);

static int64_t gw_tz_time(const gw_tz_t *tz, uint32_t i);
static int32_t gw_tz_type_offset(const gw_tz_t *tz, uint32_t i);
static int gw_tz_is_letter(unsigned char c);
static int gw_tz_is_digit(unsigned char c);
static uint32_t gw_tz_uint32(const unsigned char *p);


void
gw_tz_utc(gw_tz_t *tz)
{
    memset(tz, 0, sizeof(*tz));
    tz->has_rule = 1;
}


const char *
gw_tz_parse(gw_tz_t *tz, const unsigned char *data, size_t len)
{
    uint64_t         size;
    const char      *err;
    gw_tz_reader_t   r;
    gw_tz_counts_t   counts;

    memset(tz, 0, sizeof(*tz));

    r.p = data;
    r.end = data + len;

    if ((err = gw_tz_header(&r, &counts)) != NULL) {
        return err;
    }

    if (!gw_tz_fits(&r, &counts, 4, &size)) {
        return "ends within its version 1 data";
    }

    r.p += size;

    if (gw_tz_header(&r, &counts) != NULL) {
        return "has no second header";
    }

    if ((err = gw_tz_counts(&counts)) != NULL) {
        return err;
    }

    if (!gw_tz_fits(&r, &counts, GW_TZ_TIME, &size)) {
        return "ends within its data";
    }

    tz->n = counts.time;
    tz->ntypes = counts.type;
    tz->times = r.p;
    tz->indexes = tz->times + (size_t) tz->n * GW_TZ_TIME;
    tz->types = tz->indexes + tz->n;

    r.p += size;

    if ((err = gw_tz_times(tz)) != NULL
        || (err = gw_tz_types(tz, counts.chars)) != NULL)
    {
        return err;
    }

    return gw_tz_footer(tz, &r);
}


/*
 * RFC 9636, 3.1.  A later version is read as the last one known: the format
 * is meant to be extended so that this works.
 */

static const char *
gw_tz_header(gw_tz_reader_t *r, gw_tz_counts_t *counts)
{
    const unsigned char  *p;

    p = r->p;

    if (r->end - p < GW_TZ_HEADER || memcmp(p, "TZif", 4) != 0) {
        return "is not a TZif file";
    }

    if (p[4] == '\0') {
        return "is of version 1 of TZif, which knows no time after 2038";
    }

    if (p[4] < '2' || p[4] > '9') {
        return "is of an unknown version of TZif";
    }

    r->version = p[4];
    r->p += GW_TZ_HEADER;
    p += GW_TZ_COUNTS;

    counts->isut = gw_tz_uint32(p);
    counts->isstd = gw_tz_uint32(p + 4);
    counts->leap = gw_tz_uint32(p + 8);
    counts->time = gw_tz_uint32(p + 12);
    counts->type = gw_tz_uint32(p + 16);
    counts->chars = gw_tz_uint32(p + 20);

    return NULL;
}


/* the size of a data block, RFC 9636, 3.2: six products below 2^36 */

static int
gw_tz_fits(const gw_tz_reader_t *r, const gw_tz_counts_t *counts,
    uint64_t time_size, uint64_t *size)
{
    *size = counts->time * (time_size + 1)
            + (uint64_t) counts->type * GW_TZ_TYPE
            + counts->chars
            + counts->leap * (time_size + 4)
            + counts->isstd
            + counts->isut;

    return *size <= (uint64_t) (r->end - r->p);
}


static const char *
gw_tz_counts(const gw_tz_counts_t *counts)
{
    if (counts->leap != 0) {
        return "counts leap seconds, which the time of the system does not";
    }

    if (counts->time > GW_TZ_MAX_TIMES) {
        return "has more than 2000 transitions";
    }

    if (counts->type == 0 || counts->type > 256 || counts->chars == 0) {
        return "has no local time types, or too many";
    }

    if ((counts->isstd != 0 && counts->isstd != counts->type)
        || (counts->isut != 0 && counts->isut != counts->type))
    {
        return "has indicators for some of its local time types only";
    }

    return NULL;
}


static const char *
gw_tz_times(const gw_tz_t *tz)
{
    uint32_t  i;

    for (i = 0; i < tz->n; i++) {

        if (i > 0 && gw_tz_time(tz, i - 1) >= gw_tz_time(tz, i)) {
            return "has transitions that are not in ascending order";
        }

        if (tz->indexes[i] >= tz->ntypes) {
            return "has a transition to a local time type that is not there";
        }
    }

    return NULL;
}


/* designations are not used, but an index beyond them is a damaged file */

static const char *
gw_tz_types(const gw_tz_t *tz, uint32_t chars)
{
    int32_t               offset;
    uint32_t              i;
    const unsigned char  *type;

    for (i = 0; i < tz->ntypes; i++) {
        type = tz->types + i * GW_TZ_TYPE;
        offset = gw_tz_type_offset(tz, i);

        if (offset < GW_TZ_WEST_MOST || offset > GW_TZ_EAST_MOST) {
            return "has a local time type a day or more from Greenwich";
        }

        if (type[4] > 1 || type[5] >= chars) {
            return "has a malformed local time type";
        }
    }

    if (tz->types[tz->ntypes * GW_TZ_TYPE + chars - 1] != '\0') {
        return "has a designation without an end";
    }

    return NULL;
}


/*
 * RFC 9636, 3.3: nothing, or a rule as POSIX has it for the variable TZ.  It
 * must agree with the last transition, which is not looked at: some releases
 * of zic wrote an America/Ojinaga that does not, for a week of 2022.  More
 * data may follow some day.
 */

static const char *
gw_tz_footer(gw_tz_t *tz, gw_tz_reader_t *r)
{
    if (!gw_tz_byte(r, '\n')) {
        return "has no footer";
    }

    if (gw_tz_byte(r, '\n')) {
        return NULL;
    }

    if (!gw_tz_rule(tz, r) || !gw_tz_byte(r, '\n')) {
        return "has a malformed rule in its footer";
    }

    return NULL;
}


/*
 *     std offset [ dst [ offset ] , start [ /time ] , end [ /time ] ]
 *
 * POSIX lets the dates be left out, and does not say what is meant then: such
 * a rule is refused.
 */

static int
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


/* three letters or more, or such of letters, digits and signs between <> */

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


/* POSIX counts to the west */

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


/* RFC 9636, 3.3.1: from version 3 on, up to a week before or behind */

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


/* of up to three digits; -1: it is not there, or out of range */

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


static int
gw_tz_byte(gw_tz_reader_t *r, char byte)
{
    if (r->p == r->end || *r->p != (unsigned char) byte) {
        return 0;
    }

    r->p++;

    return 1;
}


int32_t
gw_tz_offset(const gw_tz_t *tz, int64_t time, int64_t *since, int64_t *until)
{
    uint32_t  i;

    i = gw_tz_search(tz, time);

    *since = (i > 0) ? gw_tz_time(tz, i - 1) : INT64_MIN;
    *until = (i < tz->n) ? gw_tz_time(tz, i) : INT64_MAX;

    if (i == tz->n && tz->has_rule) {
        return gw_tz_by_rule(tz, time, since, until);
    }

    /* RFC 9636, 3.2: before the first transition type 0 is in force */

    return gw_tz_type_offset(tz, (i > 0) ? tz->indexes[i - 1] : 0);
}


/* how many transitions are not behind the time */

static uint32_t
gw_tz_search(const gw_tz_t *tz, int64_t time)
{
    uint32_t  low, high, middle;

    low = 0;
    high = tz->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (gw_tz_time(tz, middle) <= time) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


static int32_t
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

    /* the table may end behind the last change, and the rule begins there */

    if (time >= GW_TZ_FIRST && last > *since) {
        *since = last;
    }

    if (time <= GW_TZ_LAST) {
        *until = next;
    }

    return is_dst ? tz->daylight : tz->standard;
}


/*
 * Also finds the changes around a time.  A change's time of day may move it
 * by a week, and the offset by a day more, into the year before or behind, and
 * so both changes of a year: the last before a time may belong to a year two
 * before it, and the next to one two behind.
 *
 * Where two changes fall on one instant the later in order is in force: of
 * "XXX3EDT4,0/0,J365/23" a year's end is the next year's begin, which leaves
 * no standard time at all (RFC 9636, 3.3.1).
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


/* in seconds since the epoch; "before" is the offset until then */

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
        /* 1 to 365: there is no February 29, and March 1 is always 60 */

        day = (change->day < 60)
              ? gw_tz_month_begin(month) + change->day - 1
              : gw_tz_month_begin(month + 2) + change->day - 60;
        break;

    default:
        day = gw_tz_month_begin(month) + change->day;
    }

    return day * GW_TZ_DAY + change->time - before;
}


/* the first, second ... or last such day of the week; 0 is Sunday */

static int64_t
gw_tz_month_week(const gw_tz_change_t *change, int64_t year)
{
    int64_t  month, day, sunday;

    month = (year - 1970) * 12 + change->month - 1;
    day = gw_tz_month_begin(month);

    /* the Sunday not behind the first: day 0 was a Thursday */

    sunday = gw_tz_floor(day + 4, 7) * 7 - 4;

    if (sunday + change->day < day) {
        sunday += 7;
    }

    day = sunday + change->day + (change->week - 1) * 7;

    return (day < gw_tz_month_begin(month + 1)) ? day : day - 7;
}


int
gw_tz_name(const char *name, size_t len)
{
    int            inside;
    size_t         i;
    unsigned char  c;

    if (len > GW_TZ_MAX_NAME) {
        return 0;
    }

    inside = 0;

    for (i = 0; i < len; i++) {
        c = (unsigned char) name[i];

        if (gw_tz_is_letter(c) || gw_tz_is_digit(c)) {
            inside = 1;

        } else if (!inside || (c != '/' && c != '_' && c != '-' && c != '+')) {
            return 0;

        } else if (c == '/') {
            inside = 0;
        }
    }

    return inside;
}


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


static int64_t
gw_tz_time(const gw_tz_t *tz, uint32_t i)
{
    const unsigned char  *p;

    p = tz->times + (size_t) i * GW_TZ_TIME;

    return (int64_t) ((uint64_t) gw_tz_uint32(p) << 32 | gw_tz_uint32(p + 4));
}


static int32_t
gw_tz_type_offset(const gw_tz_t *tz, uint32_t i)
{
    return (int32_t) gw_tz_uint32(tz->types + i * GW_TZ_TYPE);
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


static uint32_t
gw_tz_uint32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
