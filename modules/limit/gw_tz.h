/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Time zones from TZif files (RFC 9636), and the days of years and months.
 * Knows no nginx and no time zone of the process: setenv() and tzset() would
 * move nginx's own log times.
 */

#ifndef GW_TZ_H_INCLUDED
#define GW_TZ_H_INCLUDED

#include <stddef.h>
#include <stdint.h>


#define GW_TZ_MAX_NAME    64

/* seconds east of Greenwich, RFC 9636, 3.2: less than 25 and 26 hours */
#define GW_TZ_WEST_MOST   (-89999)
#define GW_TZ_EAST_MOST   93599


/* one half of a POSIX rule: when a year's change is, and what begins then */

typedef struct {
    char                  kind;       /* 'M', 'J' or 'D' (no letter) */
    int                   month;      /* of 'M': 1 to 12 */
    int                   week;       /* of 'M': 1 to 5, 5 is the last */
    int                   day;        /* of the week, or of the year */
    int32_t               time;       /* seconds from midnight, may be < 0 */
} gw_tz_change_t;


typedef struct {
    const unsigned char  *times;      /* n of 8 bytes, big endian */
    const unsigned char  *indexes;    /* n of 1 byte */
    const unsigned char  *types;      /* of 6 bytes */
    uint32_t              n;
    uint32_t              ntypes;

    /* from the last of "times" on */
    int                   has_rule;   /* of any kind */
    int                   has_dst;
    int32_t               standard;   /* seconds east of Greenwich */
    int32_t               daylight;
    gw_tz_change_t        begin;      /* of daylight saving time */
    gw_tz_change_t        end;
} gw_tz_t;


/* UTC, which needs no file */
void gw_tz_utc(gw_tz_t *tz);

/*
 * Reads a file's content, of version 2 or later, which "tz" goes on pointing
 * to.  NULL, or the end of a sentence whose subject is the file, such as "is
 * not a TZif file"; "*tz" is then undefined.
 */
const char *gw_tz_parse(gw_tz_t *tz, const unsigned char *data, size_t len);

/*
 * The offset in force at a time (seconds since the epoch), in seconds east of
 * Greenwich; "since" (included) and "until" (not included) receive an interval
 * around the time in which the zone is known not to change it: INT64_MIN, and
 * INT64_MAX for no end at all.  Any time may be asked for; a yearly rule is
 * applied from year 1 to the end of 9999, and what it says there goes on
 * before and behind.
 */
int32_t gw_tz_offset(const gw_tz_t *tz, int64_t time, int64_t *since,
    int64_t *until);

/*
 * Whether a name may be one of a zone, such as "America/Port-au-Prince" or
 * "Etc/GMT+1", and names no file elsewhere: it has no dots, and each of its
 * parts begins with a letter or a digit.
 */
int gw_tz_name(const char *name, size_t len);


#endif /* GW_TZ_H_INCLUDED */
