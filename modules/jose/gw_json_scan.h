/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checking strings and numbers of a JSON text in place, without allocating
 * memory: a value that is not read costs only this check.
 */

#ifndef GW_JSON_SCAN_H_INCLUDED
#define GW_JSON_SCAN_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_text.h"


/* a string in the text, without its quotes */

typedef struct {
    gw_text_t             text;
    unsigned              escaped;   /* contains a backslash */
} gw_json_slice_t;


typedef struct {
    const unsigned char  *start;
    const unsigned char  *end;
    unsigned              real;      /* has a fraction or an exponent */
    json_int_t            integer;   /* if not */
} gw_json_slice_number_t;


/*
 * Read a string or a number at "p", which is the opening quote of a string.
 * Return the position after it.  Return NULL if a string is not closed, or
 * contains a control character, invalid UTF-8, a malformed escape or one of
 * U+0000; or if a number is malformed, or exceeds 64 bits or a finite double.
 */
const unsigned char *gw_json_scan_string(const unsigned char *p,
    const unsigned char *end, gw_json_slice_t *slice);
const unsigned char *gw_json_scan_number(const unsigned char *p,
    const unsigned char *end, gw_json_slice_number_t *number);

/*
 * Writes a scanned string without its escapes, which is not longer, and returns
 * its length.  No NUL is appended.
 */
size_t gw_json_unescape(const gw_json_slice_t *slice, unsigned char *dst);

/*
 * The length of a character of UTF-8 at "p" that is not ASCII; 0: it is
 * malformed (RFC 3629, 4).
 */
size_t gw_json_utf8(const unsigned char *p, const unsigned char *end);


#endif /* GW_JSON_SCAN_H_INCLUDED */
