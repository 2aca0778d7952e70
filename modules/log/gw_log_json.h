/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON (RFC 8259) from any bytes, which need not be UTF-8.
 *
 * The caller limits the length of the output.  The output is valid wherever it
 * ends: characters and escapes are written as a whole or not at all.
 *
 * Does not use nginx.  Nothing is allocated.
 */

#ifndef GW_LOG_JSON_H_INCLUDED
#define GW_LOG_JSON_H_INCLUDED

#include "gw_text.h"


/* the longest output for one byte of input: \u001f */
#define GW_LOG_JSON_BYTE  6


/*
 * One step of the UTF-8 automaton (Unicode, table 3-7): no overlong forms, no
 * surrogates, nothing above U+10FFFF.  "s" is before "last".
 *
 * Returns the length of the character.  If it is invalid, "valid" receives 0,
 * and the length is that of the bytes that one U+FFFD replaces: the beginning
 * of a character, or one byte.
 */
size_t gw_log_utf8(const unsigned char *s, const unsigned char *last,
    int *valid);

/*
 * Writes a JSON string without its quotes to [p, last): escapes '"', '\',
 * control characters, U+0085, U+2028 and U+2029, and replaces invalid UTF-8 by
 * U+FFFD.  Returns the end of the output.  If [p, last) is too short for the
 * text, sets "cut" to 1; otherwise "cut" is not changed.
 */
unsigned char *gw_log_json_string(unsigned char *p, unsigned char *last,
    const gw_text_t *text, unsigned *cut);

/* whether a text is a JSON integer from -(2^63 - 1) to 2^63 - 1 */
int gw_log_json_is_int(const gw_text_t *text);

/*
 * Whether a text is a JSON number that a double can hold.  The digits before
 * the point and the exponent must be those of a number below 10^308.
 */
int gw_log_json_is_number(const gw_text_t *text);

/* 1: "1", "true", "on"; 0: "0", "false", "off"; -1: any other text */
int gw_log_json_bool(const gw_text_t *text);


#endif /* GW_LOG_JSON_H_INCLUDED */
