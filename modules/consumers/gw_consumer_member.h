/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Checks one consumer of a file and writes it into the set.
 */

#ifndef GW_CONSUMER_MEMBER_H_INCLUDED
#define GW_CONSUMER_MEMBER_H_INCLUDED

#include "gw_consumer_value.h"


/* "consumer" can be any JSON value; "mistakes" has its position */
void gw_consumer_member_read(gw_consumer_draft_t *d, json_t *consumer);


#endif /* GW_CONSUMER_MEMBER_H_INCLUDED */
