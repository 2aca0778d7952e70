/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The rule in the footer of a TZif file, for gw_tz.c.  It has the syntax of
 * the POSIX variable TZ (RFC 9636, 3.3).
 */

#ifndef GW_TZ_RULE_H_INCLUDED
#define GW_TZ_RULE_H_INCLUDED

#include "gw_tz.h"


/* the rest of a file; "version" is the byte of its second header */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
    unsigned char         version;
} gw_tz_reader_t;


/* skips the next byte if it is this one; returns whether it was */
int gw_tz_byte(gw_tz_reader_t *r, char byte);

/* reads a rule up to its end; 0: it is malformed */
int gw_tz_rule(gw_tz_t *tz, gw_tz_reader_t *r);

/*
 * The offset at a time that is not before the last transition of the file.
 * "*since" and "*until" are narrowed to an interval without a change.
 */
int32_t gw_tz_by_rule(const gw_tz_t *tz, int64_t time, int64_t *since,
    int64_t *until);


#endif /* GW_TZ_RULE_H_INCLUDED */
