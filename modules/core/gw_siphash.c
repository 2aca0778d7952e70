/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_siphash.h"

#include <string.h>


typedef struct {
    uint64_t  v0, v1, v2, v3;
} gw_siphash_t;


#define gw_rotl(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))


static inline void
gw_siphash_round(gw_siphash_t *s)
{
    s->v0 += s->v1;
    s->v1 = gw_rotl(s->v1, 13) ^ s->v0;
    s->v0 = gw_rotl(s->v0, 32);

    s->v2 += s->v3;
    s->v3 = gw_rotl(s->v3, 16) ^ s->v2;

    s->v0 += s->v3;
    s->v3 = gw_rotl(s->v3, 21) ^ s->v0;

    s->v2 += s->v1;
    s->v1 = gw_rotl(s->v1, 17) ^ s->v2;
    s->v2 = gw_rotl(s->v2, 32);
}


static inline void
gw_siphash_word(gw_siphash_t *s, uint64_t word)
{
    s->v3 ^= word;
    gw_siphash_round(s);
    gw_siphash_round(s);
    s->v0 ^= word;
}


static inline uint64_t
gw_siphash_end(gw_siphash_t *s)
{
    int  i;

    for (i = 0; i < 4; i++) {
        gw_siphash_round(s);
    }

    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}


/* as the reference on little-endian machines; otherwise an equally good hash */

void
gw_siphash(const uint64_t secret[2], const unsigned char *data, size_t len,
    uint64_t hash[2])
{
    size_t        rest;
    uint64_t      word;
    gw_siphash_t  s;

    s.v0 = secret[0] ^ 0x736f6d6570736575ULL;
    s.v1 = secret[1] ^ 0x646f72616e646f6dULL ^ 0xee;
    s.v2 = secret[0] ^ 0x6c7967656e657261ULL;
    s.v3 = secret[1] ^ 0x7465646279746573ULL;

    for (rest = len; rest >= 8; rest -= 8) {
        memcpy(&word, data, 8);
        gw_siphash_word(&s, word);
        data += 8;
    }

    word = 0;
    memcpy(&word, data, rest);
    gw_siphash_word(&s, word | ((uint64_t) len << 56));

    s.v2 ^= 0xee;
    hash[0] = gw_siphash_end(&s);

    s.v1 ^= 0xdd;
    hash[1] = gw_siphash_end(&s);
}
