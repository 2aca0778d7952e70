/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The entry that stands for an API key in a file of consumers: its digest,
 * and what the options say about it.
 */

#ifndef GW_ENTRY_H_INCLUDED
#define GW_ENTRY_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_key.h"
#include "gw_tool.h"


/* all of an entry but the key */

typedef struct {
    gw_key_hash_t  hash;
    json_t        *members;      /* those that options ask for */
} gw_entry_t;


/*
 * Reads --scopes, --not-before, --expires, --allow and --pepper.  Returns
 * GW_EXIT_OK, and the caller calls gw_entry_free(), or a code after a
 * message.
 */
int gw_entry_init(gw_entry_t *entry, const gw_args_t *args);
void gw_entry_free(gw_entry_t *entry);

/*
 * The entry of a key, for json_decref(), members in the order of the
 * documentation: "id", the digest, then the others.  NULL after a message.
 */
json_t *gw_entry_json(gw_entry_t *entry, const char *id,
    const unsigned char *key, size_t len);


#endif /* GW_ENTRY_H_INCLUDED */
