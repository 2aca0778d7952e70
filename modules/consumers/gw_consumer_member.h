/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One consumer of a file: its members are checked, and it goes into the set.
 */

#ifndef GW_CONSUMER_MEMBER_H_INCLUDED
#define GW_CONSUMER_MEMBER_H_INCLUDED

#include "gw_consumer_value.h"


/* "consumer" may be anything that JSON may hold; "mistakes" says where it is */
void gw_consumer_member_read(gw_consumer_draft_t *d, json_t *consumer);


#endif /* GW_CONSUMER_MEMBER_H_INCLUDED */
