/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Seats and pins: a process finds and pins an entry without the lock.  If the
 * process is killed, another one clears its seat.
 */

#include <string.h>

#include "gw_cache_shard.h"


#define GW_CACHE_PINS                                                         \
    ((GW_CACHE_PIN_UNITS * GW_CACHE_UNIT - sizeof(gw_cache_pins_t))           \
     / sizeof(uint32_t))

/* a pin is identified by its offset in the shard, in words */

#define gw_cache_pin(cache, place)  ((uint32_t *) (cache) + (place))


static void gw_cache_sit(gw_cache_user_t *user, gw_cache_seat_t *seat,
    uint64_t now);
static int gw_cache_pins_add(gw_cache_user_t *user, uint64_t now);
static uint32_t gw_cache_pins_make(gw_cache_t *cache, uint64_t now);
static void gw_cache_pins_use(gw_cache_t *cache, gw_cache_seat_t *seat);
static void gw_cache_seat_clear(gw_cache_t *cache, gw_cache_seat_t *seat);
static unsigned gw_cache_seats_reclaim(gw_cache_user_t *user, int starts);
static void gw_cache_release(gw_cache_user_t *user, gw_cache_seat_t *seat,
    uint64_t owner);
static uint32_t gw_cache_pin_take(gw_cache_user_t *user);
static void gw_cache_pin_give(gw_cache_user_t *user, uint32_t pin);
static int gw_cache_try(gw_cache_user_t *user, const uint64_t *slot,
    const gw_cache_key_t *key, uint64_t now, gw_cache_hit_t *hit);
static int gw_cache_is_hit(gw_cache_t *cache, uint32_t e,
    const gw_cache_key_t *key, uint64_t now);
static void gw_cache_fill_hit(gw_cache_t *cache, uint32_t e,
    gw_cache_hit_t *hit);


void
gw_cache_join(gw_cache_user_t *user, uint64_t now)
{
    uint32_t     i;
    gw_cache_t  *cache;

    cache = user->cache;
    user->seat = NULL;

    (void) gw_cache_seats_reclaim(user, 1);

    gw_cache_enter(user);

    for (i = 0; i < cache->seats && cache->seat[i].owner; i++) {
        /* void */
    }

    if (i < GW_CACHE_SEATS) {

        if (i == cache->seats) {
            gw_cache_set(&cache->seats, i + 1);
        }

        gw_cache_sit(user, &cache->seat[i], now);
    }

    gw_cache_exit(user);
}


static void
gw_cache_sit(gw_cache_user_t *user, gw_cache_seat_t *seat, uint64_t now)
{
    uint32_t  unit;

    unit = gw_cache_pins_make(user->cache, now);

    if (unit) {
        gw_cache_set(&seat->pins, unit);
        gw_cache_pins_use(user->cache, seat);
        gw_cache_set(&seat->owner, user->self);
        user->seat = seat;
    }
}


void
gw_cache_leave(gw_cache_user_t *user)
{
    if (user->seat) {
        gw_cache_release(user, user->seat, user->self);
        user->seat = NULL;
    }
}


unsigned
gw_cache_user_reclaim(gw_cache_user_t *user)
{
    return gw_cache_seats_reclaim(user, 0);
}


/*
 * "starts" is set when this process starts: a seat with its ID then belongs to
 * an earlier process
 */

static unsigned
gw_cache_seats_reclaim(gw_cache_user_t *user, int starts)
{
    unsigned          n;
    uint32_t          i, seats;
    uint64_t          owner;
    gw_cache_seat_t  *seat;

    n = 0;
    seats = gw_cache_load(&user->cache->seats);

    for (i = 0; i < seats; i++) {
        seat = &user->cache->seat[i];
        owner = gw_cache_load(&seat->owner);

        if (owner && (owner == user->self ? starts
                                          : user->gone(user->data, owner)))
        {
            gw_cache_release(user, seat, owner);
            n++;
        }
    }

    return n;
}


/* ends the fills of a process, and frees its seat */

static void
gw_cache_release(gw_cache_user_t *user, gw_cache_seat_t *seat, uint64_t owner)
{
    uint32_t     f;
    gw_cache_t  *cache;

    cache = user->cache;

    gw_cache_enter(user);

    if (seat->owner == owner) {

        for (f = 1; f <= cache->fills; f++) {
            if (gw_cache_lock_of(cache, f)->owner == owner) {
                gw_cache_fill_end(cache, f);
            }
        }

        gw_cache_seat_clear(cache, seat);
        gw_cache_reclaim(cache);
    }

    gw_cache_exit(user);
}


static void
gw_cache_seat_clear(gw_cache_t *cache, gw_cache_seat_t *seat)
{
    uint32_t          unit, next;
    gw_cache_pins_t  *pins;

    gw_cache_set(&seat->owner, 0);

    for (unit = seat->pins; unit; unit = next) {
        pins = gw_cache_unit(cache, unit);
        next = pins->next;
        gw_cache_heap_give(&cache->heap, unit, GW_CACHE_PIN_UNITS);
    }
}


/* makes a run of free pins; the last one links to none */

static uint32_t
gw_cache_pins_make(gw_cache_t *cache, uint64_t now)
{
    uint32_t          i, unit, got, place;
    gw_cache_pins_t  *pins;

    unit = gw_cache_room(cache, GW_CACHE_PIN_UNITS, GW_CACHE_PIN_UNITS, &got,
                         now);
    if (unit == 0) {
        return 0;
    }

    pins = gw_cache_unit(cache, unit);
    pins->next = 0;
    pins->n = GW_CACHE_PINS;

    place = pins->pin - (uint32_t *) cache;

    for (i = 0; i < pins->n; i++) {
        pins->pin[i] = GW_CACHE_PIN_FREE
                       | (i + 1 < pins->n ? place + i + 1 : 0);
    }

    return unit;
}


/* uses the first run of a seat, all pins of which are free */

static void
gw_cache_pins_use(gw_cache_t *cache, gw_cache_seat_t *seat)
{
    gw_cache_pins_t  *pins;

    pins = gw_cache_unit(cache, seat->pins);
    seat->pin = pins->pin - (uint32_t *) cache;
}


/* adds a run of pins: all pins of the process are in use */

static int
gw_cache_pins_add(gw_cache_user_t *user, uint64_t now)
{
    uint32_t          unit;
    gw_cache_t       *cache;
    gw_cache_pins_t  *pins;
    gw_cache_seat_t  *seat;

    cache = user->cache;
    seat = user->seat;

    gw_cache_enter(user);

    unit = gw_cache_pins_make(cache, now);

    if (unit) {
        pins = gw_cache_unit(cache, unit);
        pins->next = seat->pins;
        gw_cache_set(&seat->pins, unit);
        gw_cache_pins_use(cache, seat);
    }

    gw_cache_exit(user);

    return unit != 0;
}


gw_cache_kind_e
gw_cache_find(gw_cache_user_t *user, const gw_cache_key_t *key, uint64_t now,
    gw_cache_hit_t *hit)
{
    unsigned          i;
    const uint64_t   *slot;
    gw_cache_seat_t  *seat;

    seat = user->seat;

    if (seat == NULL || (seat->pin == 0 && !gw_cache_pins_add(user, now))) {
        return GW_CACHE_MISS;
    }

    hit->pin = gw_cache_pin_take(user);

    for (i = 0; i < 2 * GW_CACHE_WAYS; i++) {
        slot = gw_cache_bucket(user->cache, key->hash[0], i / GW_CACHE_WAYS)
               + i % GW_CACHE_WAYS;

        if (gw_cache_try(user, slot, key, now, hit)) {
            return gw_cache_head(user->cache, hit->entry)->kind;
        }
    }

    gw_cache_pin_give(user, hit->pin);

    return GW_CACHE_MISS;
}


static uint32_t
gw_cache_pin_take(gw_cache_user_t *user)
{
    uint32_t          pin;
    gw_cache_seat_t  *seat;

    seat = user->seat;
    pin = seat->pin;
    seat->pin = *gw_cache_pin(user->cache, pin) & ~GW_CACHE_PIN_FREE;

    return pin;
}


static void
gw_cache_pin_give(gw_cache_user_t *user, uint32_t pin)
{
    gw_cache_seat_t  *seat;

    seat = user->seat;
    gw_cache_set(gw_cache_pin(user->cache, pin), GW_CACHE_PIN_FREE | seat->pin);
    seat->pin = pin;
}


/*
 * A process that frees an entry clears the word of the index first, then checks
 * the pins.  If it did not see the pin, the word has changed here.
 */

static int
gw_cache_try(gw_cache_user_t *user, const uint64_t *slot,
    const gw_cache_key_t *key, uint64_t now, gw_cache_hit_t *hit)
{
    uint32_t     e;
    uint64_t     word;
    gw_cache_t  *cache;

    cache = user->cache;
    word = gw_cache_load(slot);

    for ( ;; ) {
        e = (uint32_t) word;

        if (e == 0 || word != gw_cache_word(key->hash, e)) {
            return 0;
        }

        gw_cache_set(gw_cache_pin(cache, hit->pin), e);

        if (gw_cache_load(slot) == word) {
            break;
        }

        word = gw_cache_load(slot);
    }

    if (!gw_cache_is_hit(cache, e, key, now)) {
        return 0;
    }

    gw_cache_fill_hit(cache, e, hit);

    if (gw_cache_load(&gw_cache_entry(cache, e)->used) != gw_cache_stamp(now))
    {
        gw_cache_set(&gw_cache_entry(cache, e)->used, gw_cache_stamp(now));
    }

    return 1;
}


static int
gw_cache_is_hit(gw_cache_t *cache, uint32_t e, const gw_cache_key_t *key,
    uint64_t now)
{
    gw_cache_head_t  *head;

    head = gw_cache_head(cache, e);

    return gw_cache_load(&gw_cache_entry(cache, e)->purged) != GW_CACHE_HARD
           && head->keep > now
           && head->hash[0] == key->hash[0]
           && gw_cache_key_is(head, &key->text, &key->variant);
}


static void
gw_cache_fill_hit(gw_cache_t *cache, uint32_t e, gw_cache_hit_t *hit)
{
    gw_cache_head_t  *head;

    head = gw_cache_head(cache, e);

    hit->header = gw_cache_head_text(head, GW_CACHE_TEXT_HEADER);
    hit->policy = gw_cache_head_text(head, GW_CACHE_TEXT_POLICY);
    hit->length = head->length;
    hit->serial = head->serial;
    hit->soft = (gw_cache_load(&gw_cache_entry(cache, e)->purged)
                 != GW_CACHE_VALID);
    hit->entry = e;
    hit->body = head->body;
}


void
gw_cache_unpin(gw_cache_user_t *user, gw_cache_hit_t *hit)
{
    gw_cache_t  *cache;

    cache = user->cache;

    if (user->seat == NULL) {
        return;
    }

    gw_cache_pin_give(user, hit->pin);

    if (gw_cache_load(&gw_cache_entry(cache, hit->entry)->state)
        == GW_CACHE_DEAD)
    {
        gw_cache_enter(user);
        gw_cache_reclaim(cache);
        gw_cache_exit(user);
    }
}


int
gw_cache_body(gw_cache_user_t *user, const gw_cache_hit_t *hit, uint32_t *at,
    gw_text_t *text)
{
    uint32_t          unit;
    gw_cache_part_t  *part;

    if (*at == 0) {
        unit = hit->body;

    } else {
        part = gw_cache_unit(user->cache, *at);
        unit = part->next;
    }

    if (unit == 0) {
        return 0;
    }

    part = gw_cache_unit(user->cache, unit);
    text->data = (unsigned char *) (part + 1);
    text->len = part->len;
    *at = unit;

    return 1;
}


void
gw_cache_drop(gw_cache_user_t *user, const gw_cache_hit_t *hit)
{
    gw_cache_t  *cache;

    cache = user->cache;

    gw_cache_enter(user);

    if (gw_cache_entry(cache, hit->entry)->state == GW_CACHE_LIVE) {
        gw_cache_kill(cache, hit->entry);
    }

    gw_cache_exit(user);
}
