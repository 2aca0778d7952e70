/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The strings and numbers of a JSON text, checked where they stand: nothing
 * here allocates, so that a value that nobody reads costs no more than that.
 */

#ifndef GW_JSON_SCAN_H_INCLUDED
#define GW_JSON_SCAN_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_text.h"


/* a string as it stands in the text, without its quotes */

typedef struct {
    gw_text_t             text;
    unsigned              escaped;   /* holds a backslash */
} gw_json_slice_t;


typedef struct {
    const unsigned char  *start;
    const unsigned char  *end;
    unsigned              real;      /* has a fraction or an exponent */
    json_int_t            integer;   /* if not */
} gw_json_slice_number_t;


/*
 * Both begin at "p", a string at its opening quote, and return the byte
 * behind, or NULL: the string is not closed, or holds a control character,
 * invalid UTF-8, or an escape that is malformed or of U+0000; the number is
 * malformed, or not within 64 bits or a finite double.
 */
const unsigned char *gw_json_scan_string(const unsigned char *p,
    const unsigned char *end, gw_json_slice_t *slice);
const unsigned char *gw_json_scan_number(const unsigned char *p,
    const unsigned char *end, gw_json_slice_number_t *number);

/*
 * Writes the text that a scanned string stands for, which is not longer, and
 * returns its length; no NUL is appended.
 */
size_t gw_json_unescape(const gw_json_slice_t *slice, unsigned char *dst);


#endif /* GW_JSON_SCAN_H_INCLUDED */
