/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_http_date.h"


#define GW_HTTP_DATE_DAY      86400
#define GW_HTTP_DATE_CENTURY  100


/* a text that is read from its beginning */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned              bad:1;
} gw_http_date_read_t;


typedef struct {
    unsigned              year;
    unsigned              month;        /* 0 to 11 */
    unsigned              day;
    unsigned              hour;
    unsigned              minute;
    unsigned              second;
} gw_http_date_parts_t;


static const char *const  gw_http_date_days[] = {
    "sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday", NULL
};

static const char *const  gw_http_date_months[] = {
    "jan", "feb", "mar", "apr", "may", "jun",
    "jul", "aug", "sep", "oct", "nov", "dec", NULL
};


/* skips the text if it is next; a lower-case letter matches both cases */

static int
gw_http_date_skip(gw_http_date_read_t *r, const char *lower, size_t len)
{
    size_t         i;
    unsigned char  c;

    if ((size_t) (r->end - r->p) < len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = r->p[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (unsigned char) lower[i]) {
            return 0;
        }
    }

    r->p += len;

    return 1;
}


static void
gw_http_date_must(gw_http_date_read_t *r, const char *lower)
{
    for ( /* void */ ; *lower != '\0'; lower++) {
        if (!gw_http_date_skip(r, lower, 1)) {
            r->bad = 1;
            return;
        }
    }
}


/* the name that is next, compared by "len" letters; 0: by all letters */

static unsigned
gw_http_date_name(gw_http_date_read_t *r, const char *const *names,
    size_t len)
{
    unsigned  i;
    size_t    n;

    for (i = 0; names[i] != NULL; i++) {
        n = len;

        while (len == 0 && names[i][n] != '\0') {
            n++;
        }

        if (gw_http_date_skip(r, names[i], n)) {
            return i;
        }
    }

    r->bad = 1;

    return 0;
}


static unsigned
gw_http_date_number(gw_http_date_read_t *r, unsigned digits)
{
    unsigned  n;

    n = 0;

    while (digits--) {
        if (r->p == r->end || *r->p < '0' || *r->p > '9') {
            r->bad = 1;
            return 0;
        }

        n = n * 10 + (unsigned) (*r->p++ - '0');
    }

    return n;
}


static void
gw_http_date_clock(gw_http_date_read_t *r, gw_http_date_parts_t *parts)
{
    parts->hour = gw_http_date_number(r, 2);
    gw_http_date_must(r, ":");
    parts->minute = gw_http_date_number(r, 2);
    gw_http_date_must(r, ":");
    parts->second = gw_http_date_number(r, 2);
}


/* days from 1970 to a date; "year" may be any year */

static int64_t
gw_http_date_days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t                era, rest;
    static const unsigned  before[] = {     /* days before the month, in a year
                                               that begins in March */
        306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275
    };

    /* in a year that begins in March, the leap day is the last day */

    year -= (month < 2);
    era = (year >= 0 ? year : year - 399) / 400;
    rest = year - era * 400;

    return era * 146097 + rest * 365 + rest / 4 - rest / 100
           + before[month] + day - 1 - 719468;
}


static int64_t
gw_http_date_time(const gw_http_date_parts_t *parts, int64_t year)
{
    return gw_http_date_days_of(year, parts->month, parts->day)
           * GW_HTTP_DATE_DAY
           + parts->hour * 3600 + parts->minute * 60 + parts->second;
}


static int
gw_http_date_valid(const gw_http_date_parts_t *parts, int64_t year)
{
    int64_t  last;

    last = (parts->month == 11)
           ? 31 : gw_http_date_days_of(year, parts->month + 1, 1)
                  - gw_http_date_days_of(year, parts->month, 1);

    return parts->day >= 1 && parts->day <= last && parts->hour <= 23
           && parts->minute <= 59 && parts->second <= 60;
}


/*
 * The year of two digits (RFC 9110, 5.6.7): a date more than 50 years in the
 * future is in the past.
 */

static int64_t
gw_http_date_century(const gw_http_date_parts_t *parts, int64_t now)
{
    int64_t  year;

    /* begin with the next century; the year of "now" is an estimate */

    year = 1970 + now / (GW_HTTP_DATE_DAY * 365);
    year += 2 * GW_HTTP_DATE_CENTURY - year % GW_HTTP_DATE_CENTURY
            + parts->year;

    while (year >= GW_HTTP_DATE_CENTURY
           && gw_http_date_time(parts, year - 50) > now)
    {
        year -= GW_HTTP_DATE_CENTURY;
    }

    return year;
}


/* IMF-fixdate and RFC 850 */

static void
gw_http_date_gmt(gw_http_date_read_t *r, gw_http_date_parts_t *parts,
    const char *mark, unsigned digits)
{
    gw_http_date_must(r, ", ");
    parts->day = gw_http_date_number(r, 2);
    gw_http_date_must(r, mark);
    parts->month = gw_http_date_name(r, gw_http_date_months, 3);
    gw_http_date_must(r, mark);
    parts->year = gw_http_date_number(r, digits);
    gw_http_date_must(r, " ");
    gw_http_date_clock(r, parts);
    gw_http_date_must(r, " gmt");
}


static void
gw_http_date_asctime(gw_http_date_read_t *r, gw_http_date_parts_t *parts)
{
    gw_http_date_must(r, " ");
    parts->month = gw_http_date_name(r, gw_http_date_months, 3);
    gw_http_date_must(r, " ");
    parts->day = gw_http_date_skip(r, " ", 1) ? gw_http_date_number(r, 1)
                                              : gw_http_date_number(r, 2);
    gw_http_date_must(r, " ");
    gw_http_date_clock(r, parts);
    gw_http_date_must(r, " ");
    parts->year = gw_http_date_number(r, 4);
}


int
gw_http_date(const gw_text_t *text, int64_t now, int64_t *time)
{
    int64_t               year;
    gw_http_date_read_t   r;
    gw_http_date_parts_t  parts;

    r.p = text->data;
    r.end = text->data + text->len;
    r.bad = 0;

    /* the form is known from the byte after the first three letters */

    if (text->len > 3 && (text->data[3] == ',' || text->data[3] == ' ')) {
        (void) gw_http_date_name(&r, gw_http_date_days, 3);

        if (*r.p == ',') {
            gw_http_date_gmt(&r, &parts, " ", 4);
        } else {
            gw_http_date_asctime(&r, &parts);
        }

        year = parts.year;

    } else {
        (void) gw_http_date_name(&r, gw_http_date_days, 0);
        gw_http_date_gmt(&r, &parts, "-", 2);

        year = r.bad ? 0 : gw_http_date_century(&parts, now);
    }

    if (r.bad || r.p != r.end || !gw_http_date_valid(&parts, year)) {
        return 0;
    }

    *time = gw_http_date_time(&parts, year);

    return 1;
}
