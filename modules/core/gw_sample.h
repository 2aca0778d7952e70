/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sampling of traces by a number that each has for its life, so that all
 * systems decide alike: one is sampled if its number is not less than a
 * threshold.  Number and threshold are those of OpenTelemetry's consistent
 * probability sampling and of W3C Trace Context level 2: the last 7 bytes of
 * the traceid, which are random, and (1 - ratio) * 2^56.
 */

#ifndef GW_SAMPLE_H_INCLUDED
#define GW_SAMPLE_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_SAMPLE_BITS   56
#define GW_SAMPLE_ALL    ((uint64_t) 0)                     /* thresholds */
#define GW_SAMPLE_NONE   ((uint64_t) 1 << GW_SAMPLE_BITS)

#define GW_SAMPLE_DIGITS  9     /* after the point, at most */
#define GW_SAMPLE_ID     32


/*
 * Parses a ratio from 0 to 1, such as 0.25: digits, and GW_SAMPLE_DIGITS more
 * after a point.  Returns 0, or -1 if it is not one.
 */
int gw_sample_parse(const unsigned char *text, size_t len,
    uint64_t *threshold);

/* the number of a traceid, which has GW_SAMPLE_ID lower-case hex digits */
uint64_t gw_sample_number(const unsigned char id[GW_SAMPLE_ID]);

#define gw_sampled(number, threshold)  ((number) >= (threshold))


#endif /* GW_SAMPLE_H_INCLUDED */
