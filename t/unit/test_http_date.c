/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dates of RFC 9110, 5.6.7, compared with timegm() and with constants.
 */

#define _GNU_SOURCE

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cache_fields.h"
#include "gw_http_date.h"
#include "tap.h"


#define NOW      1790000000LL       /* in September 2026 */
#define INVALID  INT64_MIN


static int64_t
at(const char *text, int64_t now)
{
    int64_t    time;
    gw_text_t  t;

    t = cache_text(text);

    return gw_http_date(&t, now, &time) ? time : INVALID;
}


static const struct {
    const char  *text;
    int64_t      time;
} forms_rows[] = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Sun Nov 06 08:49:37 1994", 784111777 },
    { "Wed Nov 16 08:49:37 1994", 784975777 },

    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
    { "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648LL },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799LL },
    { "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200LL },

    /* any case, and a wrong day of the week */
    { "sUN, 06 nOV 1994 08:49:37 gmt", 784111777 },
    { "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 },

    /* leap years and a leap second */
    { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
    { "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
    { "Sat, 28 Feb 2026 00:00:00 GMT", 1772236800 },
    { "Sat, 29 Feb 2026 00:00:00 GMT", INVALID },
    { "Mon, 29 Feb 2100 00:00:00 GMT", INVALID },
    { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
    { "Sat, 31 Dec 2016 23:59:61 GMT", INVALID },

    /* both sides of each bound */
    { "Sun, 00 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 30 Nov 1994 08:49:37 GMT", 786185377 },
    { "Sun, 31 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 31 Dec 1994 08:49:37 GMT", 788863777 },
    { "Sun, 32 Dec 1994 08:49:37 GMT", INVALID },
    { "Sun, 06 Nov 1994 23:49:37 GMT", 784165777 },
    { "Sun, 06 Nov 1994 24:49:37 GMT", INVALID },
    { "Sun, 06 Nov 1994 08:59:37 GMT", 784112377 },
    { "Sun, 06 Nov 1994 08:60:37 GMT", INVALID },

    /* other zones, signs and formats */
    { "Sun, 06 Nov 1994 08:49:37 UTC", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 AEST", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 +0000", INVALID },
    { "Sun, 06 Nov 1994 08:49:37", INVALID },
    { "Sun, 06 Nov 94 08:49:37 GMT", INVALID },
    { "Sun 06 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 06  Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 06-Nov-1994 08:49:37 GMT", INVALID },
    { "Sunday, 06-Nov-1994 08:49:37 GMT", INVALID },
    { "Sunday, 06 Nov 94 08:49:37 GMT", INVALID },
    { "Sun, 06 Nov 1994 08.49.37 GMT", INVALID },
    { "Sun, 06 Nov 1994 8:49:37 GMT", INVALID },
    { "Sun, 6 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, -6 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 GMT ", INVALID },
    { " Sun, 06 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 GMTx", INVALID },
    { "Son, 06 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 06 Nob 1994 08:49:37 GMT", INVALID },
    { "Sun Nov   6 08:49:37 1994", INVALID },
    { "Sun Nov 6 08:49:37 1994", INVALID },
    { "Sun Nov  6 08:49:37 1994 GMT", INVALID },
    { "Sund, 06-Nov-94 08:49:37 GMT", INVALID },
    { "", INVALID }, { "0", INVALID }, { "-1", INVALID },
    { "Sun", INVALID }, { "Sun,", INVALID }, { "Sun ", INVALID },
    { "784111777", INVALID }
};


static void
forms(void)
{
    size_t  i;

    for (i = 0; i < CACHE_N(forms_rows); i++) {
        is_int(at(forms_rows[i].text, NOW), forms_rows[i].time, "5.6.7: \"%s\"",
               forms_rows[i].text);
    }
}


/* a two-digit year is at most 50 years in the future */

static void
centuries(void)
{
    /* now is 16:53:20 on 21 September 2026 */

    is_int(at("Monday, 21-Sep-76 14:13:20 GMT", NOW),
           at("Mon, 21 Sep 2076 14:13:20 GMT", NOW), "50 years ahead");
    is_int(at("Monday, 21-Sep-76 14:13:21 GMT", NOW),
           at("Mon, 21 Sep 1976 14:13:21 GMT", NOW), "a second more");
    is_int(at("Thursday, 18-Aug-50 02:01:18 GMT", NOW),
           at("Thu, 18 Aug 2050 02:01:18 GMT", NOW), "2050");
    is_int(at("Thursday, 31-Dec-99 23:59:59 GMT", NOW),
           at("Thu, 31 Dec 1999 23:59:59 GMT", NOW), "1999");
    is_int(at("Saturday, 01-Jan-00 00:00:00 GMT", NOW),
           at("Sat, 01 Jan 2000 00:00:00 GMT", NOW), "2000");
    is_int(at("Thursday, 01-Jan-70 00:00:00 GMT", 0), 0, "at 1970 itself");
    is_int(at("Tuesday, 05-Jan-05 00:00:00 GMT", 4073587200LL),
           at("Mon, 05 Jan 2105 00:00:00 GMT", 0),
           "in 2099 05 is the next century's");
    is_int(at("Tuesday, 29-Feb-00 00:00:00 GMT", NOW), 951782400,
           "29 February of a century that has one");
}


/* every day of two eras, compared with the C library */

static void
days(void)
{
    char         text[64];
    time_t       t;
    unsigned     wrong;
    struct tm    tm;

    wrong = 0;

    for (t = -2000000000LL; t < 8000000000LL; t += 86399) {
        gmtime_r(&t, &tm);

        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        wrong += (at(text, NOW) != t);

        strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
        wrong += (at(text, NOW) != t);

        strftime(text, sizeof(text), "%A, %d-%b-%y %H:%M:%S GMT", &tm);
        wrong += (at(text, t) != t);
    }

    is_int(wrong, 0, "the same as the C library's");
}


int
main(void)
{
    setenv("TZ", "Pacific/Kiritimati", 1);
    tzset();
    setlocale(LC_ALL, "C");

    forms();
    centuries();
    days();

    return done_testing();
}
