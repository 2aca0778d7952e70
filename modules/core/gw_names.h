/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of names in one text: scopes ("a b"), groups ("a,b").  Knows no
 * nginx.
 */

#ifndef GW_NAMES_H_INCLUDED
#define GW_NAMES_H_INCLUDED

#include "gw_text.h"


/*
 * The next name of a list, from "*state" (0 at first) on; empty ones are
 * passed over.  Returns 0 when there is none.
 */
int gw_names_next(const gw_text_t *list, char separator, size_t *state,
    gw_text_t *name);

/* whether a list holds a name, byte for byte */
int gw_names_has(const gw_text_t *list, char separator, const gw_text_t *name);

/*
 * The names of "a" that "b" holds too, or ("keep" 0) does not hold, in the
 * order of "a"; "dst" has a.len bytes.  Returns the length.
 */
size_t gw_names_filter(const gw_text_t *a, const gw_text_t *b, char separator,
    int keep, unsigned char *dst);


#endif /* GW_NAMES_H_INCLUDED */
