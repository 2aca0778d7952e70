/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dates of HTTP (RFC 9110, 5.6.7).  Needs no locale and no time zone.  Knows
 * no nginx and no clock.
 */

#ifndef GW_HTTP_DATE_H_INCLUDED
#define GW_HTTP_DATE_H_INCLUDED

#include "gw_text.h"


/*
 * Reads a date in one of its three forms:
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT     IMF-fixdate
 *   Sunday, 06-Nov-94 08:49:37 GMT    RFC 850
 *   Sun Nov  6 08:49:37 1994          asctime()
 *
 * Names may be in any case; everything else is as above, and nothing may
 * surround it.  The day of the week must be one, but need not fit the date.
 * A second of 60 is a leap second.
 *
 * A year of two digits is the one that is not more than 50 years after "now",
 * in seconds since 1970, and otherwise as late as possible.
 *
 * Returns 1 with "*time" in seconds since 1970, negative before it; or 0: it
 * is not a date.
 */
int gw_http_date(const gw_text_t *text, int64_t now, int64_t *time);


#endif /* GW_HTTP_DATE_H_INCLUDED */
