/* SPDX-License-Identifier: BSD-2-Clause */

/* syslog messages: see gw_syslog.h */

#include "gw_syslog.h"

#include <string.h>


#define GW_SYSLOG_DAY   86400
#define GW_SYSLOG_LAST  INT64_C(253402300799)   /* 9999-12-31T23:59:59Z */


static int
gw_syslog_printable(unsigned char c)
{
    return c > ' ' && c < 0x7f;
}


int
gw_syslog_clean(const unsigned char *data, size_t len, size_t max)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!gw_syslog_printable(data[i])) {
            return 0;
        }
    }

    return len > 0 && len <= max;
}


unsigned char *
gw_syslog_field(unsigned char *p, size_t max, const unsigned char *data,
    size_t len)
{
    size_t  i;

    if (len == 0) {
        *p++ = '-';
        return p;
    }

    for (i = 0; i < len && i < max; i++) {
        *p++ = gw_syslog_printable(data[i]) ? data[i] : '_';
    }

    return p;
}


static unsigned char *
gw_syslog_digits(unsigned char *p, unsigned n, unsigned width)
{
    unsigned  i;

    for (i = width; i > 0; i--) {
        p[i - 1] = (unsigned char) ('0' + n % 10);
        n /= 10;
    }

    return p + width;
}


/*
 * The date of a day number from 1970-01-01.  Years are counted from March, so
 * that a leap day is the last day of a year; 400 years have 146097 days.
 */

static unsigned char *
gw_syslog_date(unsigned char *p, unsigned day)
{
    unsigned  era, year, month;

    day += 719468;                      /* from 0000-03-01 */
    era = day / 146097;
    day %= 146097;

    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;        /* from March */
    day -= (153 * month + 2) / 5;

    year += 400 * era + (month >= 10);

    p = gw_syslog_digits(p, year, 4);
    *p++ = '-';
    p = gw_syslog_digits(p, month < 10 ? month + 3 : month - 9, 2);
    *p++ = '-';

    return gw_syslog_digits(p, day + 1, 2);
}


/* RFC 5424, 6.2.3: a subset of RFC 3339, here always in UTC */

static unsigned char *
gw_syslog_time(unsigned char *p, int64_t sec, unsigned msec)
{
    unsigned  second;

    if (sec < 0 || sec > GW_SYSLOG_LAST) {
        *p++ = '-';
        return p;
    }

    second = (unsigned) (sec % GW_SYSLOG_DAY);

    p = gw_syslog_date(p, (unsigned) (sec / GW_SYSLOG_DAY));
    *p++ = 'T';
    p = gw_syslog_digits(p, second / 3600, 2);
    *p++ = ':';
    p = gw_syslog_digits(p, second / 60 % 60, 2);
    *p++ = ':';
    p = gw_syslog_digits(p, second % 60, 2);
    *p++ = '.';
    p = gw_syslog_digits(p, msec, 3);
    *p++ = 'Z';

    return p;
}


static unsigned char *
gw_syslog_text(unsigned char *p, const gw_text_t *text)
{
    memcpy(p, text->data, text->len);
    p += text->len;
    *p++ = ' ';

    return p;
}


unsigned char *
gw_syslog_header(unsigned char *p, const gw_syslog_t *syslog, int64_t sec,
    unsigned msec)
{
    *p++ = '<';
    p = gw_text_decimal(p, syslog->facility * 8 + syslog->severity);
    *p++ = '>';
    *p++ = '1';                         /* VERSION */
    *p++ = ' ';

    p = gw_syslog_time(p, sec, msec);
    *p++ = ' ';

    p = gw_syslog_text(p, &syslog->hostname);
    p = gw_syslog_text(p, &syslog->tag);
    p = gw_text_decimal(p, syslog->pid);
    *p++ = ' ';
    p = gw_syslog_text(p, &syslog->msgid);

    *p++ = '-';                         /* STRUCTURED-DATA */
    *p++ = ' ';

    return p;
}


unsigned char *
gw_syslog_frame(unsigned char *p, size_t len)
{
    p = gw_text_decimal(p, len);
    *p++ = ' ';

    return p;
}
