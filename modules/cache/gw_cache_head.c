/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The head of an entry: its size, its texts and hashes, and the data of the
 * entry that purges read first.
 */

#include <string.h>

#include "gw_cache_shard.h"


static void gw_cache_write_entry(gw_cache_t *cache, uint32_t e,
    gw_cache_head_t *head, const gw_cache_labels_t *target);
static uint64_t gw_cache_folders(const gw_cache_t *cache,
    const gw_cache_labels_t *target);
static unsigned char *gw_cache_write_text(gw_cache_head_t *head,
    gw_cache_text_e which, unsigned char *to, const unsigned char *data,
    size_t len);


int
gw_cache_fits(const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response)
{
    return gw_cache_head_size(key, target, response)
           <= (size_t) GW_CACHE_RUN * GW_CACHE_UNIT;
}


size_t
gw_cache_head_size(const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response)
{
    size_t  size, i;

    /* each length is small enough that the sum does not overflow */

    const size_t  len[] = { response->ntags * sizeof(uint64_t),
                            target->path, key->text.len, key->variant.len,
                            response->header.len, response->policy.len };

    size = sizeof(gw_cache_head_t);

    for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {

        if (len[i] > GW_CACHE_RUN * GW_CACHE_UNIT) {
            return (size_t) GW_CACHE_RUN * GW_CACHE_UNIT + 1;
        }

        size += len[i];
    }

    return size;
}


void
gw_cache_targets(const gw_cache_t *cache, const gw_cache_labels_t *target,
    gw_cache_lock_t *lock)
{
    gw_text_t  path;

    path.data = target->url.data;
    path.len = target->path;

    lock->url = gw_cache_hash(cache, &target->url);
    lock->path = gw_cache_hash(cache, &path);
    lock->host = gw_cache_hash(cache, &target->host);
    lock->consumer = gw_cache_hash(cache, &target->consumer);
}


/* outside of the lock: other processes read only the state of this entry */

void
gw_cache_head_write(gw_cache_t *cache, uint32_t e, gw_cache_kind_e kind,
    const gw_cache_key_t *key, const gw_cache_labels_t *target,
    const gw_cache_content_t *response)
{
    size_t            i;
    unsigned char    *p;
    gw_cache_lock_t   lock;
    gw_cache_head_t  *head;

    head = gw_cache_head(cache, e);

    gw_cache_targets(cache, target, &lock);

    head->url = lock.url;
    head->path = lock.path;
    head->host = lock.host;
    head->consumer = lock.consumer;
    head->hash[0] = key->hash[0];
    head->hash[1] = key->hash[1];
    head->keep = response->keep;
    head->kind = kind;
    head->variant = key->variant.data != NULL;
    head->ntags = response->ntags;

    for (i = 0; i < response->ntags; i++) {
        gw_cache_tags(head)[i] = gw_cache_hash(cache, &response->tags[i]);
    }

    gw_cache_write_entry(cache, e, head, target);

    p = (unsigned char *) &gw_cache_tags(head)[head->ntags];

    p = gw_cache_write_text(head, GW_CACHE_TEXT_PATH, p, target->url.data,
                            target->path);
    p = gw_cache_write_text(head, GW_CACHE_TEXT_KEY, p, key->text.data,
                            key->text.len);
    p = gw_cache_write_text(head, GW_CACHE_TEXT_VARIANT, p, key->variant.data,
                            key->variant.len);
    p = gw_cache_write_text(head, GW_CACHE_TEXT_HEADER, p,
                            response->header.data, response->header.len);
    (void) gw_cache_write_text(head, GW_CACHE_TEXT_POLICY, p,
                               response->policy.data, response->policy.len);
}


/* the data that purges read first */

static void
gw_cache_write_entry(gw_cache_t *cache, uint32_t e, gw_cache_head_t *head,
    const gw_cache_labels_t *target)
{
    uint32_t           i;
    gw_cache_place_t  *entry;

    entry = gw_cache_entry(cache, e);

    entry->kind = head->kind;
    entry->ntags = head->ntags;
    entry->len = target->path;
    entry->keep = gw_cache_stamp(head->keep);
    entry->url = (uint32_t) head->url;
    entry->path = (uint32_t) head->path;
    entry->host = (uint32_t) head->host;
    entry->consumer = (uint32_t) head->consumer;
    entry->bits = gw_cache_folders(cache, target);

    for (i = 0; i < head->ntags; i++) {
        entry->bits |= gw_cache_bit(gw_cache_tags(head)[i]);
    }
}


/*
 * a bit for each prefix that ends in "/"; all bits if there are many prefixes
 */

static uint64_t
gw_cache_folders(const gw_cache_t *cache, const gw_cache_labels_t *target)
{
    size_t     i;
    uint64_t   bits;
    unsigned   n;
    gw_text_t  folder;

    bits = 0;
    n = 0;
    folder.data = target->url.data;

    for (i = 0; i < target->path; i++) {

        if (target->url.data[i] != '/') {
            continue;
        }

        if (++n > GW_CACHE_FOLDERS) {
            return (uint64_t) -1;
        }

        folder.len = i + 1;
        bits |= gw_cache_bit(gw_cache_hash(cache, &folder));
    }

    return bits;
}


static unsigned char *
gw_cache_write_text(gw_cache_head_t *head, gw_cache_text_e which,
    unsigned char *to, const unsigned char *data, size_t len)
{
    head->len[which] = len;

    if (len) {
        memcpy(to, data, len);
    }

    return to + len;
}
