/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The index of a shard of the cache: entries by key, and by the hash of the
 * URL.
 */

#include <string.h>

#include "gw_cache_shard.h"
#include "gw_siphash.h"


static uint64_t *gw_cache_index_find(gw_cache_t *cache, uint64_t hash,
    uint32_t e);


/*
 * The hash of a key with a variant is made of the hashes of both texts.  Each
 * of these depends on the length of its text, and nothing is allocated.
 */

void
gw_cache_key(const uint64_t secret[2], gw_cache_key_t *key)
{
    uint64_t  pair[4];

    gw_siphash(secret, key->text.data, key->text.len, key->primary);

    if (key->variant.data == NULL) {
        key->hash[0] = key->primary[0];
        key->hash[1] = key->primary[1];
        return;
    }

    pair[0] = key->primary[0];
    pair[1] = key->primary[1];
    gw_siphash(secret, key->variant.data, key->variant.len, &pair[2]);
    gw_siphash(secret, (unsigned char *) pair, sizeof(pair), key->hash);
}


uint64_t
gw_cache_hash(const gw_cache_t *cache, const gw_text_t *text)
{
    uint64_t  hash[2];

    gw_siphash(cache->secret,
               text->len ? text->data : (const unsigned char *) "", text->len,
               hash);

    return hash[0];
}


gw_text_t
gw_cache_head_text(const gw_cache_head_t *head, gw_cache_text_e which)
{
    unsigned   i;
    gw_text_t  text;

    text.data = (const unsigned char *) (head + 1)
                + head->ntags * sizeof(uint64_t);

    for (i = 0; i < (unsigned) which; i++) {
        text.data += head->len[i];
    }

    text.len = head->len[which];

    return text;
}


int
gw_cache_key_is(const gw_cache_head_t *head, const gw_text_t *key,
    const gw_text_t *variant)
{
    gw_text_t  text;

    if (head->len[GW_CACHE_TEXT_KEY] != key->len
        || head->variant != (variant->data != NULL)
        || head->len[GW_CACHE_TEXT_VARIANT] != variant->len)
    {
        return 0;
    }

    text = gw_cache_head_text(head, GW_CACHE_TEXT_KEY);

    /* the variant follows the key */

    return memcmp(text.data, key->data, key->len) == 0
           && (variant->len == 0
               || memcmp(text.data + key->len, variant->data, variant->len)
                  == 0);
}


uint64_t *
gw_cache_bucket(const gw_cache_t *cache, uint64_t hash, unsigned which)
{
    uint64_t  bucket;

    bucket = (which ? hash >> 32 : hash) & (cache->buckets - 1);

    return gw_cache_in(cache, cache->at_index, uint64_t)
           + bucket * GW_CACHE_WAYS;
}


uint64_t *
gw_cache_lookup(gw_cache_t *cache, const uint64_t hash[2],
    const gw_text_t *key, const gw_text_t *variant)
{
    uint32_t          e;
    uint64_t         *slot;
    unsigned          i;
    gw_cache_head_t  *head;

    for (i = 0; i < 2 * GW_CACHE_WAYS; i++) {
        slot = gw_cache_bucket(cache, hash[0], i / GW_CACHE_WAYS)
               + i % GW_CACHE_WAYS;

        e = (uint32_t) *slot;

        if (e == 0 || *slot != gw_cache_word(hash, e)) {
            continue;
        }

        head = gw_cache_head(cache, e);

        if (head->hash[0] == hash[0] && gw_cache_key_is(head, key, variant)) {
            return slot;
        }
    }

    return NULL;
}


uint64_t *
gw_cache_lookup_head(gw_cache_t *cache, const gw_cache_head_t *head)
{
    gw_text_t  key, variant;

    key = gw_cache_head_text(head, GW_CACHE_TEXT_KEY);
    variant = gw_cache_head_text(head, GW_CACHE_TEXT_VARIANT);

    if (!head->variant) {
        variant.data = NULL;
    }

    return gw_cache_lookup(cache, head->hash, &key, &variant);
}


/*
 * uses the emptier of the two buckets, so that both are full in rare cases only
 */

int
gw_cache_index_add(gw_cache_t *cache, uint64_t hash, uint64_t word)
{
    uint64_t  *slot, *place[2];
    unsigned   i, used[2];

    for (i = 0; i < 2; i++) {
        used[i] = 0;
        place[i] = NULL;

        for (slot = gw_cache_bucket(cache, hash, i);
             slot < gw_cache_bucket(cache, hash, i) + GW_CACHE_WAYS;
             slot++)
        {
            if (*slot) {
                used[i]++;

            } else {
                place[i] = slot;
            }
        }
    }

    slot = place[used[1] < used[0]];

    if (slot == NULL) {
        return 0;
    }

    gw_cache_set(slot, word);

    return 1;
}


void
gw_cache_index_remove(gw_cache_t *cache, uint64_t hash, uint32_t e)
{
    uint64_t  *slot;

    slot = gw_cache_index_find(cache, hash, e);

    if (slot) {
        gw_cache_set(slot, 0);
    }
}


static uint64_t *
gw_cache_index_find(gw_cache_t *cache, uint64_t hash, uint32_t e)
{
    uint64_t  *slot;
    unsigned   i;

    for (i = 0; i < 2 * GW_CACHE_WAYS; i++) {
        slot = gw_cache_bucket(cache, hash, i / GW_CACHE_WAYS)
               + i % GW_CACHE_WAYS;

        if ((uint32_t) *slot == e) {
            return slot;
        }
    }

    return NULL;
}


void
gw_cache_url_add(gw_cache_t *cache, uint32_t e)
{
    uint32_t          *bin;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);
    bin = gw_cache_url_bin(cache, entry->url);

    entry->after = *bin;
    entry->before = 0;

    if (*bin) {
        gw_cache_entry(cache, *bin)->before = e;
    }

    *bin = e;
}


void
gw_cache_url_remove(gw_cache_t *cache, uint32_t e)
{
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    if (entry->before) {
        gw_cache_entry(cache, entry->before)->after = entry->after;

    } else {
        *gw_cache_url_bin(cache, entry->url) = entry->after;
    }

    if (entry->after) {
        gw_cache_entry(cache, entry->after)->before = entry->before;
    }
}
