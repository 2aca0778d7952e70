/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_slot.h"


#define GW_SLOT_LINE  64    /* bytes */

#ifndef GW_SLOT_BITS
#define GW_SLOT_BITS  64    /* per word of the map; a test has fewer */
#endif


/* a unit test that runs through all interleavings defines its own */

#ifndef gw_slot_load

#define gw_slot_load(p)           __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define gw_slot_store(p, value)   __atomic_store_n(p, value, __ATOMIC_SEQ_CST)
#define gw_slot_or(p, bits)       __atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST)
#define gw_slot_and(p, bits)      __atomic_fetch_and(p, bits, __ATOMIC_SEQ_CST)

#define gw_slot_swap(p, old, new)                                             \
    __atomic_compare_exchange_n(p, &(uint64_t) { old }, new, 0,               \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#endif


#define gw_slot_map(slots)    ((uint64_t *) ((slots) + 1))


static gw_slot_t *gw_slot_list(gw_slots_t *slots);
static gw_slot_t *gw_slot_take_from(gw_slots_t *slots, uint64_t self,
    uint64_t word);
static void gw_slot_use(gw_slots_t *slots, uint64_t words);
static uint64_t gw_slot_words(uint64_t n);


static uint64_t
gw_slot_words(uint64_t n)
{
    return (n + GW_SLOT_BITS - 1) / GW_SLOT_BITS;
}


static size_t
gw_slot_lines(size_t size)
{
    return (size + GW_SLOT_LINE - 1) / GW_SLOT_LINE * GW_SLOT_LINE;
}


size_t
gw_slot_size(uint64_t n)
{
    return sizeof(gw_slots_t)
           + gw_slot_lines(gw_slot_words(n) * sizeof(uint64_t))
           + gw_slot_lines(n * sizeof(gw_slot_t));
}


uint64_t
gw_slot_fit(size_t size)
{
    uint64_t  n;

    /* a slot and its bit; the loop accounts for rounding to cache lines */

    n = size * 8 / (sizeof(gw_slot_t) * 8 + 1);

    while (n && gw_slot_size(n) > size) {
        n--;
    }

    return n;
}


static gw_slot_t *
gw_slot_list(gw_slots_t *slots)
{
    return (gw_slot_t *) ((char *) (slots + 1)
                          + gw_slot_lines(slots->words * sizeof(uint64_t)));
}


void
gw_slot_init(gw_slots_t *slots, uint64_t n)
{
    uint64_t  i;

    slots->n = n;
    slots->words = gw_slot_words(n);

    for (i = 0; i < n; i++) {
        gw_slot_map(slots)[i / GW_SLOT_BITS] |= 1ULL << i % GW_SLOT_BITS;
    }
}


gw_slot_t *
gw_slot_take(gw_slots_t *slots, uint64_t self, uint64_t *cursor)
{
    uint64_t    i, word;
    gw_slot_t  *slot;

    for (i = 0; i < slots->words; i++) {
        word = (*cursor + i) % slots->words;
        slot = gw_slot_take_from(slots, self, word);

        if (slot) {
            *cursor = word;
            return slot;
        }
    }

    return NULL;
}


/*
 * The loop ends, since each bit that is found is cleared, here or by another
 * process.  If the slot has an owner, its bit was set wrongly and may stay
 * cleared: the owner sets it when it frees the slot.
 */

static gw_slot_t *
gw_slot_take_from(gw_slots_t *slots, uint64_t self, uint64_t word)
{
    int         i;
    uint64_t    bits, *map;
    gw_slot_t  *slot;

    map = &gw_slot_map(slots)[word];

    while ((bits = gw_slot_load(map)) != 0) {

        i = __builtin_ctzll(bits);
        slot = &gw_slot_list(slots)[word * GW_SLOT_BITS + i];

        gw_slot_use(slots, word + 1);

        if ((gw_slot_and(map, ~(1ULL << i)) & 1ULL << i)
            && gw_slot_swap(&slot->owner, 0, self))
        {
            return slot;
        }
    }

    return NULL;
}


/* must precede taking a slot, so that a sweep finds the slot */

static void
gw_slot_use(gw_slots_t *slots, uint64_t words)
{
    uint64_t  used;

    do {
        used = gw_slot_load(&slots->used);

    } while (used < words && !gw_slot_swap(&slots->used, used, words));
}


void
gw_slot_give(gw_slots_t *slots, gw_slot_t *slot)
{
    uint64_t  i;

    i = slot - gw_slot_list(slots);

    gw_slot_store(&slot->owner, 0);
    gw_slot_or(&gw_slot_map(slots)[i / GW_SLOT_BITS],
               1ULL << i % GW_SLOT_BITS);
}


uint64_t
gw_slot_sweep(gw_slots_t *slots, uint64_t self, gw_slot_gone_pt gone,
    gw_slot_undo_pt undo, void *data)
{
    uint64_t    i, n, used, owner, bit, *map;
    gw_slot_t  *slot;

    n = 0;
    used = gw_slot_load(&slots->used) * GW_SLOT_BITS;

    for (i = 0; i < slots->n && i < used; i++) {
        slot = &gw_slot_list(slots)[i];
        owner = gw_slot_load(&slot->owner);

        if (owner == 0) {
            map = &gw_slot_map(slots)[i / GW_SLOT_BITS];
            bit = 1ULL << i % GW_SLOT_BITS;

            if (!(gw_slot_load(map) & bit)) {
                n += !(gw_slot_or(map, bit) & bit);
            }

        } else if (gone(data, owner)
                   && gw_slot_swap(&slot->owner, owner, self))
        {
            undo(data, slot);
            gw_slot_give(slots, slot);
            n++;
        }
    }

    return n;
}
