/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Time zones from TZif files (RFC 9636).  Does not use the time zone of the
 * process: setenv() and tzset() would change the times of nginx's logs.
 */

#ifndef GW_TZ_H_INCLUDED
#define GW_TZ_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_TZ_MAX_NAME    64

/* seconds east of Greenwich, RFC 9636, 3.2: less than 25 and 26 hours */
#define GW_TZ_WEST_MOST   (-89999)
#define GW_TZ_EAST_MOST   93599


/* half of a POSIX rule: when the time changes in a year */

typedef struct {
    char                  kind;       /* 'M', 'J', or 'D' for no letter */
    int                   month;      /* 'M': 1 to 12 */
    int                   week;       /* 'M': 1 to 5, 5 is the last */
    int                   day;        /* 'M': of the week; else of the year */
    int32_t               time;       /* seconds since midnight, may be < 0 */
} gw_tz_change_t;


typedef struct {
    const unsigned char  *times;      /* n of 8 bytes, big endian */
    const unsigned char  *indexes;    /* n of 1 byte */
    const unsigned char  *types;      /* of 6 bytes */
    uint32_t              n;
    uint32_t              ntypes;

    /* the rule after the last of "times" */
    int                   has_rule;
    int                   has_dst;
    int32_t               standard;   /* seconds east of Greenwich */
    int32_t               daylight;
    gw_tz_change_t        begin;      /* of daylight saving time */
    gw_tz_change_t        end;
} gw_tz_t;


/* makes it UTC */
void gw_tz_utc(gw_tz_t *tz);

/*
 * Parses the content of a file, of version 2 or later; "tz" points into it
 * afterwards.  Returns NULL, or the end of a sentence about the file,
 * such as "is not a TZif file"; "*tz" is then undefined.
 */
const char *gw_tz_parse(gw_tz_t *tz, const unsigned char *data, size_t len);

/*
 * The offset at a time (seconds since the epoch), in seconds east of Greenwich.
 * "*since" (inclusive) and "*until" (exclusive) are set to an interval around
 * the time without a change; INT64_MIN and INT64_MAX: it has no end.  Any time
 * is valid.  A yearly rule applies from year 1 to 9999; the offset at either
 * end applies beyond it.
 */
int32_t gw_tz_offset(const gw_tz_t *tz, int64_t time, int64_t *since,
    int64_t *until);

/*
 * Whether a name can be that of a zone, such as "America/Port-au-Prince" or
 * "Etc/GMT+1", and not that of a file in another folder: it has no dots, and
 * each of its parts begins with a letter or a digit.
 */
int gw_tz_name(const char *name, size_t len);


#endif /* GW_TZ_H_INCLUDED */
