/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dates as RFC 3339 writes them: 2027-01-31T00:00:00Z.
 */

#ifndef GW_RFC3339_H_INCLUDED
#define GW_RFC3339_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


/*
 * Reads a date with its time and zone into seconds since the epoch.  The day
 * must be one of the calendar; a fraction of a second is cut off, and second
 * 60 is the first of the next minute.  Returns 0, or -1 with "*seconds" as it
 * was.
 */
int gw_rfc3339_parse(const char *text, size_t len, int64_t *seconds);


#endif /* GW_RFC3339_H_INCLUDED */
