/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Verified tokens: see gw_known.h.
 */

#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_known.h"
#include "gw_siphash.h"


#define GW_KNOWN_HASHED  32     /* bytes at the end of a signed token */
#define GW_KNOWN_BUCKET  1024   /* bytes of the table for each bucket */


struct gw_known_table_s {
    uint64_t      secret[2];
    size_t        size;
    size_t        used;
    size_t        count;
    gw_known_t   *newest;
    gw_known_t   *oldest;
    size_t        mask;
    gw_known_t   *buckets[];
};


static uint64_t gw_known_hash(const gw_known_table_t *table,
    const unsigned char *text, size_t len);
static size_t gw_known_dots(const unsigned char *text, size_t len);
static gw_known_t *gw_known_same(gw_known_t *known, uint64_t hash,
    const unsigned char *text, size_t len);
static gw_known_t *gw_known_replace(gw_known_table_t *table, uint64_t hash,
    const gw_jws_t *jws, const unsigned char *text, size_t len,
    uint64_t source, gw_known_live_pt live, void *data);
static gw_known_t *gw_known_make(const gw_jws_t *jws, json_t *claims,
    const unsigned char *text, size_t len);
static unsigned char *gw_known_copy(unsigned char *p,
    const unsigned char **data, size_t len);
static size_t gw_known_memory(const gw_jws_t *jws, const json_t *claims);
static void gw_known_list(gw_known_table_t *table, gw_known_t *known);
static void gw_known_link(gw_known_table_t *table, gw_known_t *known);
static void gw_known_unlink(gw_known_table_t *table, gw_known_t *known);
static void gw_known_touch(gw_known_table_t *table, gw_known_t *known);
static void gw_known_free(gw_known_t *known);


gw_known_table_t *
gw_known_create(size_t size, const uint64_t secret[2])
{
    size_t             n;
    gw_known_table_t  *table;

    if (size < GW_KNOWN_MIN_SIZE) {
        return NULL;
    }

    for (n = 1; n <= size / GW_KNOWN_BUCKET / 2; n *= 2) { /* void */ }

    table = calloc(1, sizeof(gw_known_table_t) + n * sizeof(gw_known_t *));
    if (table == NULL) {
        return NULL;
    }

    table->secret[0] = secret[0];
    table->secret[1] = secret[1];
    table->size = size;
    table->mask = n - 1;

    return table;
}


void
gw_known_destroy(gw_known_table_t *table)
{
    if (table == NULL) {
        return;
    }

    while (table->oldest != NULL) {
        gw_known_drop(table, table->oldest);
    }

    free(table);
}


/*
 * The end of a signed token is its signature, which two tokens rarely share.
 * All opaque tokens of an issuer can have the same end.
 */

static uint64_t
gw_known_hash(const gw_known_table_t *table, const unsigned char *text,
    size_t len)
{
    uint64_t  hash[2];

    if (len > GW_KNOWN_HASHED && gw_known_dots(text, len) == 2) {
        text += len - GW_KNOWN_HASHED;
        len = GW_KNOWN_HASHED;
    }

    gw_siphash(table->secret, text, len, hash);

    return hash[0];
}


static size_t
gw_known_dots(const unsigned char *text, size_t len)
{
    size_t                n;
    const unsigned char  *last;

    last = text + len;

    for (n = 0; (text = memchr(text, '.', last - text)) != NULL; n++) {
        text++;
    }

    return n;
}


/* the first entry of these bytes in the chain that begins with "known" */

static gw_known_t *
gw_known_same(gw_known_t *known, uint64_t hash, const unsigned char *text,
    size_t len)
{
    for ( /* void */ ; known != NULL; known = known->next) {
        if (known->hash == hash && known->len == len
            && memcmp(known->text, text, len) == 0)
        {
            return known;
        }
    }

    return NULL;
}


gw_known_t *
gw_known_find(gw_known_table_t *table, const unsigned char *text, size_t len)
{
    uint64_t     hash;
    gw_known_t  *known;

    hash = gw_known_hash(table, text, len);
    known = gw_known_same(table->buckets[hash & table->mask], hash, text, len);

    while (known != NULL && known->jws.alg == NULL) {
        known = gw_known_same(known->next, hash, text, len);
    }

    if (known != NULL) {
        gw_known_touch(table, known);
    }

    return known;
}


gw_known_t *
gw_known_with(gw_known_table_t *table, const unsigned char *text, size_t len,
    const uint64_t *sources, size_t n, int64_t now)
{
    size_t       i;
    uint64_t     hash;
    gw_known_t  *known, *next;

    hash = gw_known_hash(table, text, len);
    known = gw_known_same(table->buckets[hash & table->mask], hash, text, len);

    for ( /* void */ ; known != NULL; known = next) {

        next = gw_known_same(known->next, hash, text, len);

        if (known->until <= now) {
            gw_known_drop(table, known);
            continue;
        }

        for (i = 0; i < n; i++) {
            if (known->source == sources[i]) {
                gw_known_touch(table, known);
                return known;
            }
        }
    }

    return NULL;
}


gw_known_t *
gw_known_add(gw_known_table_t *table, const gw_jws_t *jws, json_t *claims,
    const unsigned char *text, size_t len, uint64_t source, int64_t until,
    gw_known_live_pt live, void *data)
{
    uint64_t     hash;
    gw_known_t  *known;

    hash = gw_known_hash(table, text, len);

    known = gw_known_replace(table, hash, jws, text, len, source, live, data);
    if (known != NULL) {
        return known;
    }

    known = gw_known_make(jws, claims, text, len);
    if (known == NULL) {
        return NULL;
    }

    if (known->size > table->size / GW_KNOWN_SHARE) {
        gw_known_free(known);
        return NULL;
    }

    known->hash = hash;
    known->source = source;
    known->until = until;

    gw_known_list(table, known);

    return known;
}


/*
 * Keys that an issuer has replaced verify its tokens again: the entries of the
 * former set only get the new number.  An answer of an endpoint is new each
 * time.
 */

static gw_known_t *
gw_known_replace(gw_known_table_t *table, uint64_t hash, const gw_jws_t *jws,
    const unsigned char *text, size_t len, uint64_t source,
    gw_known_live_pt live, void *data)
{
    gw_known_t  *known, *next, *found;

    found = NULL;
    known = gw_known_same(table->buckets[hash & table->mask], hash, text, len);

    for ( /* void */ ; known != NULL; known = next) {

        next = gw_known_same(known->next, hash, text, len);

        if (known->source != source
            && (live == NULL || live(data, known->source)))
        {
            continue;
        }

        if (found == NULL && jws->alg != NULL && known->jws.alg == jws->alg) {
            known->source = source;
            found = known;
            continue;
        }

        gw_known_drop(table, known);
    }

    if (found != NULL) {
        gw_known_touch(table, found);
    }

    return found;
}


/* one block for the entry and all bytes that it points to */

static gw_known_t *
gw_known_make(const gw_jws_t *jws, json_t *claims, const unsigned char *text,
    size_t len)
{
    size_t          size;
    gw_known_t     *known;
    unsigned char  *p;

    size = sizeof(gw_known_t) + len + jws->payload_len + jws->signature_len;

    known = malloc(size);
    if (known == NULL) {
        return NULL;
    }

    memset(known, 0, sizeof(gw_known_t));

    known->size = size + gw_known_memory(jws, claims);
    known->max_values = (size_t) -1;
    known->len = len;
    memcpy(known->text, text, len);

    known->jws = *jws;
    known->jws.input = known->text;

    p = known->text + len;
    p = gw_known_copy(p, &known->jws.payload, jws->payload_len);
    (void) gw_known_copy(p, &known->jws.signature, jws->signature_len);

    known->claims = json_incref(claims);
    (void) json_incref(known->jws.header);
    (void) json_incref(known->jws.whole);

    return known;
}


static unsigned char *
gw_known_copy(unsigned char *p, const unsigned char **data, size_t len)
{
    if (len > 0) {
        memcpy(p, *data, len);
    }

    *data = p;

    return p + len;
}


/* a header that tokens share is counted for each of them */

static size_t
gw_known_memory(const gw_jws_t *jws, const json_t *claims)
{
    return gw_json_memory(claims) + gw_json_memory(jws->header)
           + gw_json_memory(jws->whole);
}


/* an evicted entry that is in use takes memory until its last reference ends */

static void
gw_known_list(gw_known_table_t *table, gw_known_t *known)
{
    gw_known_t  **bucket;

    while (table->used + known->size > table->size) {
        gw_known_drop(table, table->oldest);
    }

    bucket = &table->buckets[known->hash & table->mask];
    known->next = *bucket;
    *bucket = known;

    gw_known_link(table, known);

    known->listed = 1;
    table->used += known->size;
    table->count++;
}


void
gw_known_drop(gw_known_table_t *table, gw_known_t *known)
{
    gw_known_t  **p;

    if (!known->listed) {
        return;
    }

    p = &table->buckets[known->hash & table->mask];

    while (*p != known) {
        p = &(*p)->next;
    }

    *p = known->next;

    gw_known_unlink(table, known);

    known->listed = 0;
    table->used -= known->size;
    table->count--;

    if (known->refs == 0) {
        gw_known_free(known);
    }
}


static void
gw_known_link(gw_known_table_t *table, gw_known_t *known)
{
    known->newer = NULL;
    known->older = table->newest;

    if (table->newest != NULL) {
        table->newest->newer = known;

    } else {
        table->oldest = known;
    }

    table->newest = known;
}


static void
gw_known_unlink(gw_known_table_t *table, gw_known_t *known)
{
    if (known->newer != NULL) {
        known->newer->older = known->older;

    } else {
        table->newest = known->older;
    }

    if (known->older != NULL) {
        known->older->newer = known->newer;

    } else {
        table->oldest = known->newer;
    }
}


static void
gw_known_touch(gw_known_table_t *table, gw_known_t *known)
{
    if (table->newest != known) {
        gw_known_unlink(table, known);
        gw_known_link(table, known);
    }
}


gw_known_t *
gw_known_ref(gw_known_t *known)
{
    known->refs++;

    return known;
}


void
gw_known_unref(gw_known_t *known)
{
    if (--known->refs == 0 && !known->listed) {
        gw_known_free(known);
    }
}


static void
gw_known_free(gw_known_t *known)
{
    json_decref(known->claims);
    gw_jws_release(&known->jws);

    free(known);
}


size_t
gw_known_used(const gw_known_table_t *table)
{
    return table->used;
}


size_t
gw_known_count(const gw_known_table_t *table)
{
    return table->count;
}
