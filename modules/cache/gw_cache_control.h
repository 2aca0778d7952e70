/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cache-Control (RFC 9111, 5.2; RFC 5861) and the targeted fields of RFC 9213.
 * Knows no nginx.
 *
 * If a directive has several values, the first applies (RFC 9111, 4.2.1); in a
 * targeted field the last applies (RFC 8941, 3.2).  An invalid value is
 * replaced by the most cautious one: 0 for seconds, the directive without names
 * for names of fields.  Unknown directives are ignored.
 */

#ifndef GW_CACHE_CONTROL_H_INCLUDED
#define GW_CACHE_CONTROL_H_INCLUDED

#include "gw_cache_field.h"


#define GW_CACHE_CC_NO_STORE          0x0001U
#define GW_CACHE_CC_NO_CACHE          0x0002U    /* without field names */
#define GW_CACHE_CC_PRIVATE           0x0004U    /* without field names */
#define GW_CACHE_CC_PUBLIC            0x0008U
#define GW_CACHE_CC_MUST_REVALIDATE   0x0010U
#define GW_CACHE_CC_PROXY_REVALIDATE  0x0020U
#define GW_CACHE_CC_MUST_UNDERSTAND   0x0040U
#define GW_CACHE_CC_ONLY_IF_CACHED    0x0080U
#define GW_CACHE_CC_MALFORMED         0x0100U    /* an unclosed quoted string */
#define GW_CACHE_CC_PRESENT           0x0200U    /* the field was present */


/*
 * The directives of a request or of a response.  Times are in seconds,
 * GW_CACHE_NONE if they are not stated.
 */
typedef struct {
    unsigned              flags;
    uint32_t              max_age;
    uint32_t              s_maxage;
    uint32_t              stale_while_revalidate;
    uint32_t              stale_if_error;
    uint32_t              min_fresh;
    uint32_t              max_stale;    /* without a value: GW_CACHE_FOREVER */
} gw_cache_control_t;


/* no directives */
void gw_cache_control_init(gw_cache_control_t *control);

/*
 * Adds a line of Cache-Control.  The field names in no-cache="" and private=""
 * are added to "names", which may be NULL for a request.
 */
void gw_cache_control_line(gw_cache_control_t *control, gw_text_t line,
    gw_cache_names_t *names);

/*
 * Reads a targeted field (RFC 9213, 2.1) from the lines of a response.  Returns
 * 1, or 0 and leaves "control" and "names" unchanged: the field is missing,
 * empty, or not a dictionary with values of the right types, and must be
 * ignored.
 */
int gw_cache_control_targeted(gw_cache_control_t *control,
    const gw_cache_fields_t *fields, const gw_text_t *name,
    gw_cache_names_t *names);


#endif /* GW_CACHE_CONTROL_H_INCLUDED */
