/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Claims: comparing them, writing them as text.  Nothing here allocates memory.
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
 * Whether a claim (NULL: missing) meets a rule with "n" values.  A missing
 * claim meets GW_CLAIM_ABSENT only.
 *
 * EQ to LE compare the claim with one value: a string by its bytes, a number
 * by its value, exact for 64-bit integers, a boolean with EQ and NE only.
 * ANY, ALL and NONE look for the values in a set: the members of an array; the
 * words of a string, separated by spaces, and the whole string; any other
 * scalar alone.  A value that cannot be read as the claim's type is a
 * mismatch, which meets neither NE nor NONE.  The caller implements
 * GW_CLAIM_MATCH.
 */
int gw_claim_meets(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *values, size_t n);

/*
 * Writes a value as text: a string as it is, an array as its members joined by
 * "separator", anything else, also a member that is no string, as JSON.
 * Returns the number of bytes; if "dst" is NULL, only counts them.
 */
size_t gw_claim_text(const json_t *value, char separator, unsigned char *dst);

/*
 * Writes a list of names: a string as it is, or the strings of an array joined
 * by "separator".  Leaves out names that would read as another list: those that
 * are empty or contain the separator or a control character.  A string may
 * contain the separator ' ', since it is then a list.  Returns the number of
 * bytes; if "dst" is NULL, only counts them.
 */
size_t gw_claim_names(const json_t *value, char separator,
    unsigned char *dst);


#endif /* GW_CLAIM_H_INCLUDED */
