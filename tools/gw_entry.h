/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The entry of an API key in a consumers file: its digest, and the members that
 * options set.
 */

#ifndef GW_ENTRY_H_INCLUDED
#define GW_ENTRY_H_INCLUDED

#include <stddef.h>
#include <jansson.h>

#include "gw_key.h"
#include "gw_tool.h"


/* an entry without the key */

typedef struct {
    gw_key_hash_t  hash;
    json_t        *members;      /* set by options */
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
