/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A consumers file.  The builder terminates, either with error messages or with
 * a set in which each name is found with its consumer.  Reading a set with
 * corrupted bytes is safe.
 */

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gw_consumer_build.h"
#include "gw_pairs.h"


#define FLIPS  32


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
take(void *data, const char *sentence)
{
    size_t  *count = data;

    check(strlen(sentence) > 0 && strlen(sentence) < GW_CONSUMER_MISTAKE);

    for ( /* void */ ; *sentence != '\0'; sentence++) {
        check(isprint((unsigned char) *sentence));
    }

    (*count)++;
}


static gw_consumer_step_e
build(void *block, size_t size, const uint8_t *data, size_t len, int peppers,
    size_t *needed)
{
    size_t                  count, steps;
    gw_consumer_step_e      step;
    gw_consumer_builder_t  *builder;

    count = 0;
    steps = 0;

    builder = gw_consumer_builder_create((const char *) data, len, block, size,
                                         peppers, take, &count);
    check(builder != NULL);

    do {
        step = gw_consumer_builder_step(builder);

        /* a step for each consumer, and a few before and after them */

        check(++steps <= len + 8);
    } while (step == GW_CONSUMER_MORE);

    *needed = gw_consumer_builder_size(builder);

    check((step == GW_CONSUMER_DONE)
          == (gw_consumer_builder_mistakes(builder) == 0));
    check((step == GW_CONSUMER_DONE) == (count == 0));
    check(step != GW_CONSUMER_DONE || *needed <= size);

    gw_consumer_builder_free(builder);

    return step;
}


/* reads an entry that is found; a corrupted one can be inconsistent */

static int
read_name(const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind,
    const unsigned char *name, size_t len, gw_consumer_ref_t *ref)
{
    int                 rc;
    size_t              i, sum;
    gw_text_t           value;
    unsigned char      *copy;
    gw_consumer_t       c;
    gw_consumer_key_t   key;

    if (!gw_consumer_find(set, size, kind, name, len, ref)) {
        return 0;
    }

    check(gw_consumer_size(ref) <= GW_CONSUMER_MAX_SIZE);

    copy = malloc(gw_consumer_size(ref));
    gw_consumer_copy(set, ref, copy);

    memset(&key, 0, sizeof(gw_consumer_key_t));
    rc = gw_consumer_read(copy, ref, &c, &key);
    sum = 0;

    if (rc == 0) {
        (void) gw_pairs_find(&c.metadata, name, len, &value);
        (void) gw_consumer_allows(&key, (const unsigned char *) set, 16);

        for (i = 0; i < c.metadata.len; i++) {
            sum += c.metadata.data[i];
        }

        for (i = 0; i < key.scopes.len; i++) {
            sum += key.scopes.data[i];
        }
    }

    check(sum <= (size_t) 255 * GW_CONSUMER_MAX_SIZE);
    free(copy);

    return rc == 0;
}


static const unsigned char *
entry_at(const gw_consumer_set_t *set, uint32_t at, gw_consumer_entry_t *entry)
{
    const unsigned char  *p;

    p = (const unsigned char *) set + (size_t) at * 8;
    memcpy(entry, p, sizeof(gw_consumer_entry_t));

    return p + sizeof(gw_consumer_entry_t);
}


static uint32_t
bucket(const gw_consumer_set_t *set, unsigned kind, uint32_t i)
{
    uint32_t  at;

    memcpy(&at, (const unsigned char *) set
                + (size_t) set->tables[kind].buckets * 8 + (size_t) i * 4,
           sizeof(at));

    return at;
}


/* each entry of an intact set is found by its name and counted by its kind */

static void
check_set(const gw_consumer_set_t *set, size_t size)
{
    uint32_t              i, at, count[GW_CONSUMER_KINDS];
    unsigned              kind;
    gw_consumer_ref_t     ref;
    const unsigned char  *name;
    gw_consumer_entry_t   entry;

    check(set->used <= size);
    memset(count, 0, sizeof(count));

    for (kind = 0; kind < GW_CONSUMER_KINDS; kind++) {
        for (i = 0; i < set->tables[kind].nbuckets; i++) {
            for (at = bucket(set, kind, i); at != 0; at = entry.next) {
                name = entry_at(set, at, &entry);

                check(entry.kind == kind);
                check(read_name(set, (size_t) set->used, kind, name,
                                entry.name_len, &ref));
                check(ref.entry == at && ref.consumer == entry.consumer);
                count[kind]++;
            }
        }
    }

    check(memcmp(count, set->count, sizeof(count)) == 0);
}


static void
flip(gw_consumer_set_t *whole, uint32_t seed)
{
    size_t                used, i;
    uint32_t              at, b;
    unsigned char        *broken;
    gw_consumer_ref_t     ref;
    const unsigned char  *name;
    gw_consumer_entry_t   entry;

    used = (size_t) whole->used;
    broken = malloc(used);
    memcpy(broken, whole, used);

    for (i = 0; i < FLIPS; i++) {
        seed = seed * 1664525 + 1013904223;
        broken[(seed >> 4) % (i % 2 ? used : used < 512 ? used : 512)]
            ^= (unsigned char) (1 << (seed >> 29));

        /* searches for the entries of the intact set */

        for (b = 0; b < 16 * GW_CONSUMER_KINDS; b++) {
            at = bucket(whole, b % GW_CONSUMER_KINDS, b / GW_CONSUMER_KINDS);

            for ( /* void */ ; at != 0; at = entry.next) {
                name = entry_at(whole, at, &entry);
                (void) read_name((gw_consumer_set_t *) (void *) broken, used,
                                 entry.kind, name, entry.name_len, &ref);
            }
        }
    }

    free(broken);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void                *block;
    size_t               room, needed, again;
    gw_consumer_step_e   step;

    /* an invalid key, {}, grows most of all elements: to 64 bytes */

    room = 4096 + size * 24;
    block = malloc(room);

    step = build(block, room, data, size, 1, &needed);
    check(needed <= room);

    if (step == GW_CONSUMER_DONE) {
        check_set(block, needed);
        flip(block, (uint32_t) size * 7919 + data[size / 2]);

        check(build(block, needed, data, size, 1, &again) == step);
        check(build(block, needed - 8, data, size, 1, &again)
              == GW_CONSUMER_WRONG && again == needed);
    }

    (void) build(block, size / 2, data, size, 0, &again);
    free(block);

    return 0;
}
