/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The names of members that are not built, while an object is read, to detect
 * duplicates.
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
 * Adds a name, whose bytes must stay valid; the caller has checked that there
 * is room.  Returns 0 if the name is a duplicate.
 */
int gw_json_seen_add(gw_json_seen_t *seen, const gw_text_t *name);


#endif /* GW_JSON_NAMES_H_INCLUDED */
