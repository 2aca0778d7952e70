/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dates of RFC 3339, such as 2027-01-31T00:00:00Z.
 */

#ifndef GW_RFC3339_H_INCLUDED
#define GW_RFC3339_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


/*
 * Converts a date with time and zone to seconds since the epoch.  The day must
 * exist in the calendar.  A fraction of a second is truncated, and second 60 is
 * second 0 of the next minute.  Returns 0, or -1 and does not change
 * "*seconds".
 */
int gw_rfc3339_parse(const char *text, size_t len, int64_t *seconds);


#endif /* GW_RFC3339_H_INCLUDED */
