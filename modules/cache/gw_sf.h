/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dictionaries of structured fields (RFC 8941), read member by member.  Knows
 * no nginx.
 *
 * A dictionary with an error anywhere is invalid (RFC 8941, 4.2): a caller must
 * not act on members before the last one was read.
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
    int64_t               number;       /* of an integer; 0 or 1 of a boolean */
    gw_text_t             text;         /* of a token, or of a string without
                                           its quotes and with its escapes */
} gw_sf_member_t;


/*
 * Removes the next member from the front of "*field", a line of the
 * dictionary.  Parameters are checked, but not returned.  Returns 1 with a
 * member, 0 at the end, or -1 if the line is invalid.
 */
int gw_sf_next(gw_text_t *field, gw_sf_member_t *member);


#endif /* GW_SF_H_INCLUDED */
