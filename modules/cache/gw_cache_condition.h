/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Conditional requests and ranges, evaluated for a stored response (RFC 9111,
 * 4.3.2; RFC 9110, 13 and 14).  Knows no nginx.
 */

#ifndef GW_CACHE_CONDITION_H_INCLUDED
#define GW_CACHE_CONDITION_H_INCLUDED

#include "gw_cache_field.h"
#include "gw_cache_policy.h"


/* the validators of a stored response; the texts point into its lines */

typedef struct {
    gw_text_t             etag;             /* empty: there is none */
    gw_text_t             modified;         /* Last-Modified; empty: none */
    int64_t               last_modified;    /* if "modified" is not empty */
    int64_t               date;             /* without a valid Date: when the
                                               response was received */
    unsigned              strong:1;         /* last_modified is strong */
} gw_cache_validator_t;


typedef enum {
    GW_CACHE_WHOLE = 0,         /* 200 */
    GW_CACHE_PART,              /* 206 */
    GW_CACHE_NOT_SATISFIABLE    /* 416; Content-Range has the length */
} gw_cache_range_e;


/*
 * Reads the validators from the lines of a stored response.  "received" is when
 * it arrived, in seconds since 1970.
 */
void gw_cache_validator_read(gw_cache_validator_t *v,
    const gw_cache_fields_t *fields, int64_t received);

/*
 * Whether a GET or HEAD is answered with 304 (RFC 9110, 13.2.2): If-None-Match
 * takes precedence over If-Modified-Since.  "status" is that of the stored
 * response; the conditions apply to 2xx only.
 */
int gw_cache_not_modified(const gw_cache_fields_t *req, unsigned status,
    const gw_cache_validator_t *v, int64_t now);

/* whether a 304 carries a field of the stored response (RFC 9110, 15.4.5) */
int gw_cache_field_in_304(const gw_text_t *name,
    const gw_cache_validator_t *v);

/*
 * The part of a stored 200 of "length" bytes that a request asks for, after
 * gw_cache_not_modified().  It must be a GET with one range, and its If-Range,
 * if any, must match.  For GW_CACHE_PART "*first" and "*last" are the first and
 * last byte.  A request for several parts receives the whole response, unless
 * at most one of the parts can be satisfied.
 */
gw_cache_range_e gw_cache_range(const gw_cache_fields_t *req,
    gw_cache_method_e method, unsigned status, const gw_cache_validator_t *v,
    uint64_t length, int64_t now, uint64_t *first, uint64_t *last);

/*
 * Whether a 304 refers to the stored response that was to be validated (RFC
 * 9111, 4.3.4): a strong validator decides, otherwise a weak one.  A 304
 * without a validator matches, because only the validators of this response
 * were sent.  If the 304 does not match, nothing is updated.
 */
int gw_cache_validates(const gw_cache_fields_t *fields,
    const gw_cache_validator_t *v, int64_t now);

/*
 * Whether a 200 to HEAD updates the stored response (RFC 9111, 4.3.5), of
 * "length" bytes.  If not, the stored response is no longer valid.
 */
int gw_cache_head_updates(const gw_cache_fields_t *fields,
    const gw_cache_validator_t *v, uint64_t length, int64_t now);


#endif /* GW_CACHE_CONDITION_H_INCLUDED */
