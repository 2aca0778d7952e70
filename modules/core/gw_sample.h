/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Consistent probability sampling of traces, as defined by OpenTelemetry and
 * W3C Trace Context level 2.  A traceid is sampled if its number, the random
 * last 7 bytes, is not less than the threshold (1 - ratio) * 2^56.  All systems
 * see the same number and therefore decide alike.
 */

#ifndef GW_SAMPLE_H_INCLUDED
#define GW_SAMPLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_SAMPLE_BITS   56
#define GW_SAMPLE_ALL    ((uint64_t) 0)                     /* thresholds */
#define GW_SAMPLE_NONE   ((uint64_t) 1 << GW_SAMPLE_BITS)

#define GW_SAMPLE_DIGITS  9     /* after the decimal point, at most */
#define GW_SAMPLE_ID     32     /* digits of a traceid */


/*
 * Parses a ratio from 0 to 1, such as 0.25, with at most GW_SAMPLE_DIGITS
 * digits after the decimal point.  Returns 0, or -1 if it is invalid.
 */
int gw_sample_parse(const unsigned char *text, size_t len,
    uint64_t *threshold);

/* the number of a traceid, GW_SAMPLE_ID lower-case hexadecimal digits */
uint64_t gw_sample_number(const unsigned char id[GW_SAMPLE_ID]);

#define gw_sampled(number, threshold)  ((number) >= (threshold))


#endif /* GW_SAMPLE_H_INCLUDED */
