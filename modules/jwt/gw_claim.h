/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Claims: comparing them, writing them as text.
 *
 * Knows no nginx.  Nothing here allocates or can fail for want of memory.
 */

#ifndef GW_CLAIM_H_INCLUDED
#define GW_CLAIM_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_jwt.h"


typedef enum {
    GW_CLAIM_EQ = 0,
    GW_CLAIM_NE,
    GW_CLAIM_GT,
    GW_CLAIM_GE,
    GW_CLAIM_LT,
    GW_CLAIM_LE,
    GW_CLAIM_ANY,
    GW_CLAIM_ALL,
    GW_CLAIM_NONE,
    GW_CLAIM_MATCH,
    GW_CLAIM_EXISTS,
    GW_CLAIM_ABSENT
} gw_claim_op_e;


/*
 * Whether a claim (NULL: absent) meets a rule with "n" values; never with an
 * absent claim, except GW_CLAIM_ABSENT.
 *
 * EQ to LE take one value against a string (bytes), a number (by value,
 * exact for 64-bit integers) or a boolean (EQ and NE).  ANY, ALL and NONE
 * take a list against an array, a string as the set of its words, divided by
 * spaces, and of itself as a whole, or a scalar as a set of one.  A value
 * that is no text of the claim's type is a mismatch, which meets neither NE
 * nor NONE.  GW_CLAIM_MATCH is the caller's.
 */
int gw_claim_meets(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *values, size_t n);

/*
 * Writes a value as text: a string as it is, an array as the texts of its
 * members joined by "separator", anything else, also inside of an array, as
 * JSON.  With "dst" NULL only counts.  Returns the number of bytes.
 */
size_t gw_claim_text(const json_t *value, char separator, unsigned char *dst);

/*
 * Writes a list of names: a string as it is, or the strings of an array
 * joined by "separator".  A name that is empty, or holds the separator or a
 * control character, would be read as another list: it is left out; only a
 * string under the separator ' ' is a list already.  With "dst" NULL only
 * counts.
 */
size_t gw_claim_names(const json_t *value, char separator,
    unsigned char *dst);


#endif /* GW_CLAIM_H_INCLUDED */
