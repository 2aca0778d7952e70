/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Inactive tokens: see gw_inactive.h.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_inactive.h"
#include "gw_siphash.h"


typedef struct {
    uint64_t            hash[2];
    int64_t             until;      /* 0: free */
} gw_inactive_entry_t;


struct gw_inactive_s {
    uint64_t             secret[2];
    gw_inactive_entry_t  entries[GW_INACTIVE_SETS * GW_INACTIVE_WAYS];
};


static void gw_inactive_hash(const gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, uint64_t hash[2]);
static size_t gw_inactive_first(const uint64_t hash[2]);


gw_inactive_t *
gw_inactive_create(const uint64_t secret[2])
{
    gw_inactive_t  *table;

    table = calloc(1, sizeof(gw_inactive_t));

    if (table != NULL) {
        table->secret[0] = secret[0];
        table->secret[1] = secret[1];
    }

    return table;
}


void
gw_inactive_free(gw_inactive_t *table)
{
    free(table);
}


void
gw_inactive_add(gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, int64_t until)
{
    size_t                i;
    uint64_t              hash[2];
    gw_inactive_entry_t  *set, *entry;

    gw_inactive_hash(table, source, text, len, hash);

    set = &table->entries[gw_inactive_first(hash)];
    entry = set;

    for (i = 0; i < GW_INACTIVE_WAYS; i++) {

        if (memcmp(set[i].hash, hash, sizeof(set[i].hash)) == 0) {
            entry = &set[i];
            break;
        }

        if (set[i].until < entry->until) {
            entry = &set[i];
        }
    }

    memcpy(entry->hash, hash, sizeof(entry->hash));
    entry->until = until;
}


int
gw_inactive_has(const gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, int64_t now)
{
    size_t                      i;
    uint64_t                    hash[2];
    const gw_inactive_entry_t  *set;

    gw_inactive_hash(table, source, text, len, hash);

    set = &table->entries[gw_inactive_first(hash)];

    for (i = 0; i < GW_INACTIVE_WAYS; i++) {
        if (memcmp(set[i].hash, hash, sizeof(set[i].hash)) == 0) {
            return set[i].until > now;
        }
    }

    return 0;
}


/* of the token, and then of that and the endpoint */

static void
gw_inactive_hash(const gw_inactive_t *table, uint64_t source,
    const unsigned char *text, size_t len, uint64_t hash[2])
{
    uint64_t  both[3];

    gw_siphash(table->secret, text, len, both);
    both[2] = source;

    gw_siphash(table->secret, (const unsigned char *) both, sizeof(both), hash);
}


/* the index of the first entry of its set */

static size_t
gw_inactive_first(const uint64_t hash[2])
{
    return (size_t) (hash[0] & (GW_INACTIVE_SETS - 1)) * GW_INACTIVE_WAYS;
}
