/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Time zones from TZif files (RFC 9636): see gw_tz.h.
 *
 * A file contains its data twice: as in version 1, with times of 32 bits, and
 * then with times of 64 bits and a footer.  The former is skipped.
 *
 *     header  version 1 block  header  times indexes types ...  \n rule \n
 *
 * Nothing is copied.  gw_tz_offset() later reads a table of times in ascending
 * order, and for each an index of a type.  Both are checked when the file is
 * parsed, so it does not check them.
 */

#include <string.h>

#include "gw_tz_rule.h"


#define GW_TZ_HEADER     44
#define GW_TZ_COUNTS     20         /* offset in the header */
#define GW_TZ_TIME       8
#define GW_TZ_TYPE       6          /* offset, is it daylight, designation */

/* the limit of the reference implementation; no zone has half as many */
#define GW_TZ_MAX_TIMES  2000


/* the counts of a header, in its order */

typedef struct {
    uint32_t              isut;
    uint32_t              isstd;
    uint32_t              leap;
    uint32_t              time;
    uint32_t              type;
    uint32_t              chars;
} gw_tz_counts_t;


static const char *gw_tz_header(gw_tz_reader_t *r, gw_tz_counts_t *counts);
static int gw_tz_fits(const gw_tz_reader_t *r, const gw_tz_counts_t *counts,
    uint64_t time_size, uint64_t *size);
static const char *gw_tz_counts(const gw_tz_counts_t *counts);
static const char *gw_tz_times(const gw_tz_t *tz);
static const char *gw_tz_types(const gw_tz_t *tz, uint32_t chars);

static const char *gw_tz_footer(gw_tz_t *tz, gw_tz_reader_t *r);

static uint32_t gw_tz_search(const gw_tz_t *tz, int64_t time);

static int64_t gw_tz_time(const gw_tz_t *tz, uint32_t i);
static int32_t gw_tz_type_offset(const gw_tz_t *tz, uint32_t i);
static uint32_t gw_tz_uint32(const unsigned char *p);


void
gw_tz_utc(gw_tz_t *tz)
{
    memset(tz, 0, sizeof(*tz));
    tz->has_rule = 1;
}


const char *
gw_tz_parse(gw_tz_t *tz, const unsigned char *data, size_t len)
{
    uint64_t         size;
    const char      *err;
    gw_tz_reader_t   r;
    gw_tz_counts_t   counts;

    memset(tz, 0, sizeof(*tz));

    r.p = data;
    r.end = data + len;

    if ((err = gw_tz_header(&r, &counts)) != NULL) {
        return err;
    }

    if (!gw_tz_fits(&r, &counts, 4, &size)) {
        return "ends within its version 1 data";
    }

    r.p += size;

    if (gw_tz_header(&r, &counts) != NULL) {
        return "has no second header";
    }

    if ((err = gw_tz_counts(&counts)) != NULL) {
        return err;
    }

    if (!gw_tz_fits(&r, &counts, GW_TZ_TIME, &size)) {
        return "ends within its data";
    }

    tz->n = counts.time;
    tz->ntypes = counts.type;
    tz->times = r.p;
    tz->indexes = tz->times + (size_t) tz->n * GW_TZ_TIME;
    tz->types = tz->indexes + tz->n;

    r.p += size;

    if ((err = gw_tz_times(tz)) != NULL
        || (err = gw_tz_types(tz, counts.chars)) != NULL)
    {
        return err;
    }

    return gw_tz_footer(tz, &r);
}


/* RFC 9636, 3.1: later versions are compatible and can be read as this one */

static const char *
gw_tz_header(gw_tz_reader_t *r, gw_tz_counts_t *counts)
{
    const unsigned char  *p;

    p = r->p;

    if (r->end - p < GW_TZ_HEADER || memcmp(p, "TZif", 4) != 0) {
        return "is not a TZif file";
    }

    if (p[4] == '\0') {
        return "is of version 1 of TZif, which has no times after 2038";
    }

    if (p[4] < '2' || p[4] > '9') {
        return "is of an unknown version of TZif";
    }

    r->version = p[4];
    r->p += GW_TZ_HEADER;
    p += GW_TZ_COUNTS;

    counts->isut = gw_tz_uint32(p);
    counts->isstd = gw_tz_uint32(p + 4);
    counts->leap = gw_tz_uint32(p + 8);
    counts->time = gw_tz_uint32(p + 12);
    counts->type = gw_tz_uint32(p + 16);
    counts->chars = gw_tz_uint32(p + 20);

    return NULL;
}


/* the size of a data block, RFC 9636, 3.2: each product is below 2^36 */

static int
gw_tz_fits(const gw_tz_reader_t *r, const gw_tz_counts_t *counts,
    uint64_t time_size, uint64_t *size)
{
    *size = counts->time * (time_size + 1)
            + (uint64_t) counts->type * GW_TZ_TYPE
            + counts->chars
            + counts->leap * (time_size + 4)
            + counts->isstd
            + counts->isut;

    return *size <= (uint64_t) (r->end - r->p);
}


static const char *
gw_tz_counts(const gw_tz_counts_t *counts)
{
    if (counts->leap != 0) {
        return "counts leap seconds, unlike the system time";
    }

    if (counts->time > GW_TZ_MAX_TIMES) {
        return "has more than 2000 transitions";
    }

    if (counts->type == 0 || counts->type > 256 || counts->chars == 0) {
        return "has no local time types, or too many";
    }

    if ((counts->isstd != 0 && counts->isstd != counts->type)
        || (counts->isut != 0 && counts->isut != counts->type))
    {
        return "has indicators for some of its local time types only";
    }

    return NULL;
}


static const char *
gw_tz_times(const gw_tz_t *tz)
{
    uint32_t  i;

    for (i = 0; i < tz->n; i++) {

        if (i > 0 && gw_tz_time(tz, i - 1) >= gw_tz_time(tz, i)) {
            return "has transitions that are not in ascending order";
        }

        if (tz->indexes[i] >= tz->ntypes) {
            return "has a transition to an unknown local time type";
        }
    }

    return NULL;
}


/* designations are not used, but an index beyond them means a damaged file */

static const char *
gw_tz_types(const gw_tz_t *tz, uint32_t chars)
{
    int32_t               offset;
    uint32_t              i;
    const unsigned char  *type;

    for (i = 0; i < tz->ntypes; i++) {
        type = tz->types + i * GW_TZ_TYPE;
        offset = gw_tz_type_offset(tz, i);

        if (offset < GW_TZ_WEST_MOST || offset > GW_TZ_EAST_MOST) {
            return "has a local time type a day or more from Greenwich";
        }

        if (type[4] > 1 || type[5] >= chars) {
            return "has a malformed local time type";
        }
    }

    if (tz->types[tz->ntypes * GW_TZ_TYPE + chars - 1] != '\0') {
        return "has a designation without an end";
    }

    return NULL;
}


/*
 * RFC 9636, 3.3: nothing, or a POSIX rule.  The rule must agree with the last
 * transition, but this is not checked: the America/Ojinaga of some releases of
 * zic does not agree for a week of 2022.  More data may follow in later
 * versions.
 */

static const char *
gw_tz_footer(gw_tz_t *tz, gw_tz_reader_t *r)
{
    if (!gw_tz_byte(r, '\n')) {
        return "has no footer";
    }

    if (gw_tz_byte(r, '\n')) {
        return NULL;
    }

    if (!gw_tz_rule(tz, r) || !gw_tz_byte(r, '\n')) {
        return "has a malformed rule in its footer";
    }

    return NULL;
}


int32_t
gw_tz_offset(const gw_tz_t *tz, int64_t time, int64_t *since, int64_t *until)
{
    uint32_t  i;

    i = gw_tz_search(tz, time);

    *since = (i > 0) ? gw_tz_time(tz, i - 1) : INT64_MIN;
    *until = (i < tz->n) ? gw_tz_time(tz, i) : INT64_MAX;

    if (i == tz->n && tz->has_rule) {
        return gw_tz_by_rule(tz, time, since, until);
    }

    /* RFC 9636, 3.2: before the first transition type 0 is in force */

    return gw_tz_type_offset(tz, (i > 0) ? tz->indexes[i - 1] : 0);
}


/* the number of transitions that are not after the time */

static uint32_t
gw_tz_search(const gw_tz_t *tz, int64_t time)
{
    uint32_t  low, high, middle;

    low = 0;
    high = tz->n;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (gw_tz_time(tz, middle) <= time) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


int
gw_tz_name(const char *name, size_t len)
{
    int            inside;
    size_t         i;
    unsigned char  c;

    if (len > GW_TZ_MAX_NAME) {
        return 0;
    }

    inside = 0;

    for (i = 0; i < len; i++) {
        c = (unsigned char) name[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
            || (c >= '0' && c <= '9'))
        {
            inside = 1;

        } else if (!inside || (c != '/' && c != '_' && c != '-' && c != '+')) {
            return 0;

        } else if (c == '/') {
            inside = 0;
        }
    }

    return inside;
}


static int64_t
gw_tz_time(const gw_tz_t *tz, uint32_t i)
{
    const unsigned char  *p;

    p = tz->times + (size_t) i * GW_TZ_TIME;

    return (int64_t) ((uint64_t) gw_tz_uint32(p) << 32 | gw_tz_uint32(p + 4));
}


static int32_t
gw_tz_type_offset(const gw_tz_t *tz, uint32_t i)
{
    return (int32_t) gw_tz_uint32(tz->types + i * GW_TZ_TYPE);
}


static uint32_t
gw_tz_uint32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}
