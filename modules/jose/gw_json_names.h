/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The names of one object's members that are not built, while it is read: none
 * may be there twice.
 */

#ifndef GW_JSON_NAMES_H_INCLUDED
#define GW_JSON_NAMES_H_INCLUDED

#include "gw_json.h"


typedef struct {
    unsigned       n;
    unsigned char  sorted[GW_JSON_MAX_MEMBERS];
    gw_text_t      names[GW_JSON_MAX_MEMBERS];
} gw_json_seen_t;


/*
 * Adds a name, which must stay in memory; there must be room for it.
 * Returns 0 if the object has it already.
 */
int gw_json_seen_add(gw_json_seen_t *seen, const gw_text_t *name);


#endif /* GW_JSON_NAMES_H_INCLUDED */
