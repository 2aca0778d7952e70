/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of names in one text: scopes ("a b"), groups ("a,b").  Free of nginx.
 */

#ifndef GW_NAMES_H_INCLUDED
#define GW_NAMES_H_INCLUDED

#include "gw_text.h"


/*
 * Finds the next name of a list; empty names are skipped.  "*state" is the
 * position, 0 at first.  Returns 0 if there are no more names.
 */
int gw_names_next(const gw_text_t *list, char separator, size_t *state,
    gw_text_t *name);

/* whether a list contains a name, compared byte for byte */
int gw_names_has(const gw_text_t *list, char separator, const gw_text_t *name);

/*
 * Writes to "dst" (a->len bytes) the names of "a" that are also in "b" or, if
 * "keep" is 0, that are not in "b", in the order of "a".  Returns the length.
 */
size_t gw_names_filter(const gw_text_t *a, const gw_text_t *b, char separator,
    int keep, unsigned char *dst);


#endif /* GW_NAMES_H_INCLUDED */
