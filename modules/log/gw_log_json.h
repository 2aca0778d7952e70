/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JSON (RFC 8259) from bytes that can be anything: what a client sends is not
 * always UTF-8.
 *
 * Output is bounded by the caller and is valid wherever it ends: neither a
 * character nor an escape is ever written in part.
 *
 * Knows no nginx.  Nothing is allocated.
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
 * Returns the length of the character.  If there is none, returns the length
 * of the bytes that one U+FFFD replaces: those that a character could begin
 * with, or else one byte; "valid" receives 0.
 */
size_t gw_log_utf8(const unsigned char *s, const unsigned char *last,
    int *valid);

/*
 * Writes the inner part of a JSON string to [p, last): escapes '"', '\',
 * control characters, U+0085, U+2028 and U+2029, replaces what is no UTF-8 by
 * U+FFFD.  Returns the end of the output; sets "cut" to 1, and else leaves it
 * as it is, if [p, last) is too short for all of the text.
 */
unsigned char *gw_log_json_string(unsigned char *p, unsigned char *last,
    const gw_text_t *text, unsigned *cut);

/* whether a text is a JSON integer from -(2^63 - 1) to 2^63 - 1 */
int gw_log_json_is_int(const gw_text_t *text);

/*
 * Whether a text is a JSON number that a double can hold.  The magnitude is
 * judged by the digits before the point and the exponent: below 10^308.
 */
int gw_log_json_is_number(const gw_text_t *text);

/* 1: "1", "true", "on"; 0: "0", "false", "off"; -1: neither */
int gw_log_json_bool(const gw_text_t *text);


#endif /* GW_LOG_JSON_H_INCLUDED */
