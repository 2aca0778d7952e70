/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dictionaries of structured fields (RFC 8941), read member by member.  Knows
 * no nginx.
 *
 * A dictionary with a mistake anywhere in it is no dictionary (RFC 8941, 4.2):
 * a caller acts on members only after the last one.
 */

#ifndef GW_SF_H_INCLUDED
#define GW_SF_H_INCLUDED

#include "gw_text.h"


typedef enum {
    GW_SF_BOOLEAN = 0,
    GW_SF_INTEGER,
    GW_SF_DECIMAL,
    GW_SF_STRING,
    GW_SF_TOKEN,
    GW_SF_BYTES,
    GW_SF_LIST              /* an inner list */
} gw_sf_type_e;


/* a member; its texts point into the field */

typedef struct {
    gw_text_t             key;
    gw_sf_type_e          type;
    int64_t               number;       /* of an integer, or 0 and 1 */
    gw_text_t             text;         /* of a string, as it is written but
                                           without its quotes, or a token */
} gw_sf_member_t;


/*
 * Takes the next member off the front of "*field", a line of the dictionary.
 * Parameters are checked and not returned.  Returns 1 with a member, 0 at the
 * end, or -1: the line is no part of a dictionary.
 */
int gw_sf_next(gw_text_t *field, gw_sf_member_t *member);


#endif /* GW_SF_H_INCLUDED */
