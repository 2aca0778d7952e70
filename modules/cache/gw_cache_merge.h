/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lines of a response that are stored (RFC 9111, 3.1), and how those of a
 * later one replace them (RFC 9111, 3.2).  Knows no nginx.
 */

#ifndef GW_CACHE_MERGE_H_INCLUDED
#define GW_CACHE_MERGE_H_INCLUDED

#include "gw_cache_policy.h"


/*
 * Whether a line of a response is stored.  Not those of the connection, those
 * that the response itself excludes, Age (which is made anew), the fields of
 * nginx for its upstreams, and Set-Cookie where it is to be stripped.
 */
int gw_cache_field_stored(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res);

/*
 * Whether a line of a 304, or of a 200 to HEAD, replaces the stored lines of
 * its name: those that are stored, but for Content-Length, and what belongs to
 * the stored bytes: Content-Encoding and Content-Range.  Set-Cookie does only
 * where it is stored.
 */
int gw_cache_field_updated(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res);

/*
 * The lines of a freshened response: the stored ones that are not replaced,
 * in their order, and behind them those of "fresh" that replace or are new.
 * "res" was read from "fresh".  Texts are not copied.
 *
 * "lines" has room for "max" lines.  Returns how many are to be stored, or -1:
 * there are more, and the stored response is removed.  Behind them are Age and
 * X-Accel-Expires of "fresh", which are not stored: the freshened response is
 * what gw_cache_response_read() reads from the first "*read" lines, for
 * gw_cache_freshen().
 */
int gw_cache_merge(const gw_cache_fields_t *stored,
    const gw_cache_fields_t *fresh, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res, gw_cache_field_t *lines, size_t max,
    size_t *read);


#endif /* GW_CACHE_MERGE_H_INCLUDED */
