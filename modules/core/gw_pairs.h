/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names and values in one text: each name and each value with a NUL behind
 * it, in turn.  Neither holds a NUL.  Knows no nginx.
 */

#ifndef GW_PAIRS_H_INCLUDED
#define GW_PAIRS_H_INCLUDED

#include "gw_text.h"


/*
 * Looks for a name, byte for byte.  Returns 1 with "value", which points into
 * "pairs", or 0: there is no such name.
 */
int gw_pairs_find(const gw_text_t *pairs, const unsigned char *name,
    size_t len, gw_text_t *value);


#endif /* GW_PAIRS_H_INCLUDED */
