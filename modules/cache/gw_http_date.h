/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * HTTP dates (RFC 9110, 5.6.7).  Needs no locale and no time zone.  Knows no
 * nginx and no clock.
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
 * Names may be in any case; everything else must be exactly as above, with no
 * text around it.  The day of the week must be valid, but need not match the
 * date.  A second of 60 is a leap second.
 *
 * A year of two digits is the latest one that is at most 50 years after "now",
 * in seconds since 1970.
 *
 * Returns 1 and sets "*time" to seconds since 1970, negative before it; or
 * returns 0 if the text is not a date.
 */
int gw_http_date(const gw_text_t *text, int64_t now, int64_t *time);


#endif /* GW_HTTP_DATE_H_INCLUDED */
