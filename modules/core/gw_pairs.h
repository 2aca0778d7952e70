/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names and values in one text, alternating, each followed by a NUL.  Names
 * and values contain no NUL.  Free of nginx.
 */

#ifndef GW_PAIRS_H_INCLUDED
#define GW_PAIRS_H_INCLUDED

#include "gw_text.h"


/*
 * Looks up a name, compared byte for byte.  Returns 1 and sets "value", which
 * points into "pairs", or returns 0 if the name is not found.
 */
int gw_pairs_find(const gw_text_t *pairs, const unsigned char *name,
    size_t len, gw_text_t *value);


#endif /* GW_PAIRS_H_INCLUDED */
