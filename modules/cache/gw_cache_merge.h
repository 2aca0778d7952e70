/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The lines of a response that are stored (RFC 9111, 3.1), and their update by
 * a later response (RFC 9111, 3.2).  Knows no nginx.
 */

#ifndef GW_CACHE_MERGE_H_INCLUDED
#define GW_CACHE_MERGE_H_INCLUDED

#include "gw_cache_policy.h"


/*
 * Whether a line of a response is stored.  Not stored are: hop-by-hop fields,
 * fields that the response itself excludes, Age (which is sent with a new
 * value), nginx's own X-Accel fields, and Set-Cookie if it is to be stripped.
 */
int gw_cache_field_stored(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res);

/*
 * Whether a line of a 304, or of a 200 to HEAD, replaces the stored lines with
 * its name.  All lines that are stored do, except for Content-Length and the
 * fields that describe the stored body: Content-Encoding and Content-Range.
 */
int gw_cache_field_updated(const gw_text_t *name, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res);

/*
 * Makes the lines of a freshened response: the stored lines that are not
 * replaced, in their order, followed by the lines of "fresh" that replace
 * others or are new.  "res" was read from "fresh".  Texts are not copied.
 *
 * "lines" has room for "max" lines.  Returns the number of lines to be stored,
 * or -1: there are more, and the stored response must be removed.  Age and
 * X-Accel-Expires of "fresh" follow these lines and are not stored.
 * gw_cache_response_read() must read the first "*read" lines for
 * gw_cache_freshen().
 */
int gw_cache_merge(const gw_cache_fields_t *stored,
    const gw_cache_fields_t *fresh, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res, gw_cache_field_t *lines, size_t max,
    size_t *read);


#endif /* GW_CACHE_MERGE_H_INCLUDED */
