/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * API keys: the format, all single-character errors, digests and peppers.
 *
 * The keys below were made by perl, with Math::BigInt and the crc32() of
 * Compress::Zlib.
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <openssl/err.h>

#include "gw_key.h"
#include "tap.h"


#define SHORT  "is shorter than 16 bytes, write a random one, such as "     \
               "\"openssl rand -hex 32\" prints"


#define Z64   "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"                              \
              "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

/* the keys of the RFC's examples of HMAC */
#define B20   "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"                      \
              "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
#define AA10  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
#define AA131 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10 AA10     \
              AA10 "\xaa"
#define DD10  "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"
#define CD10  "\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd\xcd"


static const char  key_of_acme[] =
    "gw_acme-2026_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf1TegIJ";


static int
well_formed(const char *text, size_t len)
{
    return gw_key_well_formed((const unsigned char *) text, len, NULL);
}


/* --- known answers */

/* random bytes: one repeated byte, the last one replaced */

static const struct {
    const char  *id;
    int          fill;
    int          last;
    const char  *key;
} made[] = {
    { "a", 0, 0,
      "gw_a_00000000000000000000000000000000000000000000ongSK" },
    { "a", 0, 1,
      "gw_a_00000000000000000000000000000000000000000011g8sd0" },
    { "a", 0, 61,
      "gw_a_000000000000000000000000000000000000000000z3Q01x4" },
    { "a", 0, 62,
      "gw_a_00000000000000000000000000000000000000000100yuLvx" },
    { "a", 0xff, 0xff,
      "gw_a_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp12TUuUe" }
};


static void
is_key(const char *id, const unsigned char *random, const char *expected)
{
    char    key[GW_KEY_SIZE];
    size_t  id_len;

    id_len = 0;
    gw_key_format(key, (const unsigned char *) id, strlen(id), random);

    is_str(key, expected, "a key of \"%.20s\"", id);
    ok(gw_key_well_formed((unsigned char *) key, strlen(key), &id_len),
       "is well formed");
    is_int((long long) id_len, (long long) strlen(id), "the length of its id");
}


static void
test_format(void)
{
    size_t         i;
    unsigned char  random[32];

    for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        memset(random, made[i].fill, sizeof(random));
        random[31] = (unsigned char) made[i].last;
        is_key(made[i].id, random, made[i].key);
    }

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (unsigned char) i;
    }

    is_key("acme-2026", random, key_of_acme);

    for (i = 0; i < sizeof(random); i++) {
        random[i] = (unsigned char) (0xdeadbeef >> (24 - i % 4 * 8));
    }

    is_key("-", random,
           "gw_-_qnqUDILfbk3NCC7vxvHkREe9pHE2yEo82btf7NAUd152bRi1n");

    memset(random, 0, sizeof(random));
    random[0] = 0x80;
    is_key(Z64, random,
           "gw_" Z64 "_ULrwNTJa3CHVaAVmO8lHlO4Afd3drtx651MXvhT4GuW4D17GV");
}


/* --- the check, compared with one that is computed bit by bit */

static uint32_t
crc_by_bits(const char *text, size_t len)
{
    int       bit;
    uint32_t  crc;

    for (crc = 0xffffffff; len > 0; len--) {
        crc ^= (unsigned char) *text++;

        for (bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) ? 0xedb88320 : 0);
        }
    }

    return crc ^ 0xffffffff;
}


/* replaces the last six characters by the correct check */

static void
set_check(char *text, size_t len)
{
    int       i;
    uint32_t  crc;

    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";

    crc = crc_by_bits(text, len - GW_KEY_CHECK);

    for (i = 1; i <= GW_KEY_CHECK; i++, crc /= 62) {
        text[len - i] = digits[crc % 62];
    }
}


static void
test_check(void)
{
    int            i, wrong;
    char           key[GW_KEY_SIZE], other[GW_KEY_SIZE];
    unsigned char  random[32];

    is_int(crc_by_bits("123456789", 9), 0xcbf43926, "CRC-32 of 123456789");

    wrong = 0;

    for (i = 0; i < 10000; i++) {
        memset(random, i, sizeof(random));
        random[i % 32] = (unsigned char) (i >> 8);

        gw_key_format(key, (const unsigned char *) Z64, 1 + i % 64, random);
        strcpy(other, key);
        set_check(other, strlen(other));

        wrong += strcmp(key, other) != 0;
    }

    is_int(wrong, 0, "the check of 10000 keys is the CRC-32");
}


/* --- malformed keys */

/* with the correct check: these are rejected for another reason */

static const struct {
    const char  *key;
    const char  *name;
} malformed[] = {
    { "gw_a_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp2......", "2^256" },
    { "gw_a_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz......", "62^43 - 1" },
    { "gw_a_0000000000000000000000000000000000000000-00......", "\"-\"" },
    { "gw_a_00000000000000000000000000000000000000_0000......", "\"_\"" },
    { "gw_a_0000000000000000000000/00000000000000000000......", "\"/\"" },
    { "gw_a_0000000000000000000000:00000000000000000000......", "\":\"" },
    { "gw_a_0000000000000000000000@00000000000000000000......", "\"@\"" },
    { "gw_a_0000000000000000000000[00000000000000000000......", "\"[\"" },
    { "gw_a_0000000000000000000000`00000000000000000000......", "\"`\"" },
    { "gw_a_0000000000000000000000{00000000000000000000......", "\"{\"" },
    { "gw_a_0000000000000000000000\xc1" "00000000000000000000......",
      "a byte of eight bits" },
    { "gw_a_000000000000000000000000000000000000000000......", "42 digits" },
    { "gw_a_00000000000000000000000000000000000000000000......", "44 digits" },
    { "gw__0000000000000000000000000000000000000000000......", "no id" },
    { "gw_" Z64 "z_0000000000000000000000000000000000000000000......",
      "an id of 65" },
    { "gw_A_0000000000000000000000000000000000000000000......", "a capital" },
    { "gw_a.b_0000000000000000000000000000000000000000000......", "a dot" },
    { "gw_a_b_0000000000000000000000000000000000000000000......",
      "\"_\" in an id" },
    { "gw_a b_0000000000000000000000000000000000000000000......", "a blank" },
    { "gw_\xe9_0000000000000000000000000000000000000000000......", "Latin-1" },
    { "gw_a-0000000000000000000000000000000000000000000......",
      "\"-\" before the secret" },
    { "GW_a_0000000000000000000000000000000000000000000......",
      "a prefix in capitals" },
    { "gw-a_0000000000000000000000000000000000000000000......",
      "another prefix" },
    { " gw_a_0000000000000000000000000000000000000000000......",
      "a blank before it" },
    { "......", "a check alone" }
};


static void
test_malformed(void)
{
    size_t  i, len;
    char    key[GW_KEY_SIZE + 8];

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        len = strlen(malformed[i].key);
        strcpy(key, malformed[i].key);
        set_check(key, len);

        ok(!well_formed(key, len), "refused: %s", malformed[i].name);
    }

    /* made in the same way, but valid */

    strcpy(key, "gw_a_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1......");
    len = strlen(key);
    set_check(key, len);

    ok(well_formed(key, len), "accepted: 2^256 - 1");

    strcat(key, "\n");
    ok(!well_formed(key, len + 1), "a newline after it");
    ok(!well_formed("", 0), "nothing");
}


/* each byte replaced by each other byte */

static void
test_every_error(const char *good)
{
    int     found, c;
    char    key[GW_KEY_SIZE];
    size_t  i, len;

    len = strlen(good);
    strcpy(key, good);
    found = 0;

    for (i = 0; i < len; i++) {
        for (c = 0; c < 256; c++) {
            key[i] = (char) c;
            found += !well_formed(key, len);
        }

        key[i] = good[i];
    }

    is_int(found, 255 * (long long) len, "each wrong character is detected");

    found = 0;

    for (i = 0; i < len; i++) {
        found += !well_formed(key, i);
    }

    is_int(found, (long long) len, "each truncated key is detected");

    /* holds for these keys; swapping across the check may be undetected */

    for (i = 0; i + 1 < len; i++) {
        key[i] = good[i + 1];
        key[i + 1] = good[i];

        if (key[i] != key[i + 1] && well_formed(key, len)) {
            ok(0, "two swapped characters at %d", (int) i);
        }

        key[i] = good[i];
        key[i + 1] = good[i + 1];
    }

    ok(well_formed(key, len), "the key itself is well formed");
}


static void
test_ids(void)
{
    int            c, wrong;
    char           id[GW_KEY_MAX_ID + 2];
    unsigned char  byte;

    memset(id, 'x', sizeof(id));

    for (c = 0; c <= GW_KEY_MAX_ID + 1; c++) {
        if (gw_key_id_valid((unsigned char *) id, (size_t) c)
            != (c >= 1 && c <= GW_KEY_MAX_ID))
        {
            ok(0, "an id of %d characters", c);
        }
    }

    wrong = 0;

    for (c = 0; c < 256; c++) {
        byte = (unsigned char) c;
        wrong += gw_key_id_valid(&byte, 1)
                 != (c != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789-",
                                      c) != NULL);
    }

    is_int(wrong, 0, "the alphabet of an id");
}


/* --- digests */

static void
is_digest(const unsigned char *digest, const char *expected, const char *name)
{
    char    hex[2 * GW_KEY_DIGEST + 1];
    size_t  i;

    for (i = 0; i < GW_KEY_DIGEST; i++) {
        sprintf(hex + 2 * i, "%02x", digest[i]);
    }

    is_str(hex, expected, "the digest: %s", name);
}


static void
test_sha256(void)
{
    size_t         i;
    gw_key_hash_t  hash;
    unsigned char  digest[GW_KEY_DIGEST];

    /* FIPS 180-4; the last by sha256sum(1) */

    static const struct {
        const char  *text;
        const char  *digest;
    } known[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb924"
              "27ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223"
                 "b00361a396177a9cb410ff61f20015ad" },
        { key_of_acme, "3b59338973a3edc765030d9490272f15"
                       "bd13b6285944d864684151e432dae7cc" }
    };

    is_int(gw_key_hash_init(&hash), 0, "init");

    for (i = 0; i < 2 * sizeof(known) / sizeof(known[0]); i++) {
        memset(digest, 0, sizeof(digest));
        is_int(gw_key_sha256(&hash, (const unsigned char *) known[i / 2].text,
                             strlen(known[i / 2].text), digest), 0,
               "SHA-256 of \"%s\"", known[i / 2].text);
        is_digest(digest, known[i / 2].digest, known[i / 2].text);
    }

    is_int(gw_key_hmac_sha256(&hash, 0, (const unsigned char *) "x", 1,
                              digest), -1, "no pepper, no HMAC");

    gw_key_hash_free(&hash);
    gw_key_hash_free(&hash);
}


/* RFC 4231, but case 2, whose key is too short, and 5, which is truncated */

static const struct {
    const char  *name;
    const char  *pepper;
    const char  *text;
    const char  *mac;
} hmacs[] = {
    { "4.2", B20, "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b"
      "881dc200c9833da726e9376c2e32cff7" },
    { "4.4", AA10 AA10, DD10 DD10 DD10 DD10 DD10,
      "773ea91e36800e46854db8ebd09181a7"
      "2959098b3ef8c122d9635514ced565fe" },
    { "4.5", "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
             "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
      CD10 CD10 CD10 CD10 CD10,
      "82558a389a443c0ea4cc819899f2083a"
      "85f0faa3e578f8077a2e3ff46729665b" },
    { "4.7", AA131, "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f"
      "8e0bc6213728c5140546040f0ee37f54" },
    { "4.8", AA131, "This is a test using a larger than block-size key and a "
                    "larger than block-size data. The key needs to be hashed "
                    "before being used by the HMAC algorithm.",
      "9b09ffa71b942fcb27635fbcd5b0e944"
      "bfdc63644f0713938a7f51535c3a35e2" }
};


static const char *
add(gw_key_hash_t *hash, const char *pepper, size_t len)
{
    const char  *why;

    why = gw_key_pepper_add(hash, (const unsigned char *) pepper, len);

    return why ? why : "taken";
}


static void
is_hmac(gw_key_hash_t *hash, size_t pepper, const char *text,
    const char *expected, const char *name)
{
    unsigned char  mac[GW_KEY_DIGEST + 1];

    memset(mac, '!', sizeof(mac));

    is_int(gw_key_hmac_sha256(hash, pepper, (const unsigned char *) text,
                              strlen(text), mac), 0, "HMAC: %s", name);
    is_digest(mac, expected, name);
    is_int(mac[GW_KEY_DIGEST], '!', "no byte is written after the digest");
}


static void
test_hmac(void)
{
    size_t         i;
    gw_key_hash_t  hash;

    for (i = 0; i < sizeof(hmacs) / sizeof(hmacs[0]); i++) {
        gw_key_hash_init(&hash);

        is_str(add(&hash, hmacs[i].pepper, strlen(hmacs[i].pepper)), "taken",
               "RFC 4231, %s: the pepper", hmacs[i].name);
        is_hmac(&hash, 0, hmacs[i].text, hmacs[i].mac, hmacs[i].name);

        gw_key_hash_free(&hash);
    }
}


/* two peppers have numbers; a third one has no effect */

static void
test_two_peppers(void)
{
    gw_key_hash_t  hash;
    unsigned char  mac[GW_KEY_DIGEST];

    gw_key_hash_init(&hash);

    is_str(add(&hash, hmacs[0].pepper, strlen(hmacs[0].pepper)), "taken",
           "the first");
    is_str(add(&hash, "short", 5), SHORT,
           "a rejected pepper has no number");
    is_str(add(&hash, hmacs[1].pepper, strlen(hmacs[1].pepper)), "taken",
           "the second");
    is_str(add(&hash, AA131, 131),
           "is the third pepper, at most two are allowed",
           "the third");

    is_hmac(&hash, 1, hmacs[1].text, hmacs[1].mac, "with the second pepper");
    is_hmac(&hash, 0, hmacs[0].text, hmacs[0].mac, "with the first pepper");
    is_int(gw_key_hmac_sha256(&hash, 2, (const unsigned char *) "x", 1, mac),
           -1, "there is no third pepper");

    gw_key_hash_free(&hash);
}


/* --- peppers: sizes, and the newline at the end */

static void
test_newlines(void)
{
    size_t         i;
    gw_key_hash_t  hash, plain;
    unsigned char  mac[GW_KEY_DIGEST], expected[GW_KEY_DIGEST];

    static const struct {
        const char  *pepper;
        size_t       len;
        int          same;       /* as B20 alone */
    } ends[] = {
        { B20 "\n", 21, 1 },
        { B20 "\r\n", 22, 1 },
        { B20 "\r", 21, 0 },
        { B20 "\n\n", 22, 0 },
        { B20 "\n\r", 22, 0 },
        { B20 " ", 21, 0 },
        { B20 "\0", 21, 1 },     /* a zero fills the block in any case */
        { "\n" B20, 21, 0 }
    };

    gw_key_hash_init(&plain);
    add(&plain, B20, 20);
    gw_key_hmac_sha256(&plain, 0, (const unsigned char *) "x", 1, expected);
    gw_key_hash_free(&plain);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        gw_key_hash_init(&hash);

        add(&hash, ends[i].pepper, ends[i].len);
        gw_key_hmac_sha256(&hash, 0, (const unsigned char *) "x", 1, mac);
        is_int(memcmp(mac, expected, sizeof(mac)) == 0, ends[i].same,
               "end %d of a pepper", (int) i);

        gw_key_hash_free(&hash);
    }
}


static void
test_sizes(void)
{
    char           pepper[GW_KEY_MAX_PEPPER + 3];
    size_t         i;
    gw_key_hash_t  hash;

    static const char  small[] = SHORT;
    static const char  large[] = "is longer than 4096 bytes, 32 random "
                                 "bytes are enough";

    static const struct {
        size_t       len;
        const char  *end;
        const char  *expected;
    } sizes[] = {
        { 0, "", small },
        { 0, "\n", small },
        { 0, "\r\n", small },
        { 15, "", small },
        { 15, "\n", small },
        { 15, "\r\n", small },
        { 16, "", "taken" },
        { 16, "\n", "taken" },
        { 4096, "", "taken" },
        { 4096, "\r\n", "taken" },
        { 4097, "", large },
        { 4097, "\n", large }
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memset(pepper, 'p', sizeof(pepper));
        memcpy(pepper + sizes[i].len, sizes[i].end, strlen(sizes[i].end));

        gw_key_hash_init(&hash);

        is_str(add(&hash, pepper, sizes[i].len + strlen(sizes[i].end)),
               sizes[i].expected, "a pepper of %d bytes and %d",
               (int) sizes[i].len, (int) strlen(sizes[i].end));

        gw_key_hash_free(&hash);
    }
}


int
main(void)
{
    test_format();
    test_check();
    test_malformed();
    test_every_error(key_of_acme);
    test_every_error(made[4].key);
    test_ids();
    test_sha256();
    test_hmac();
    test_two_peppers();
    test_newlines();
    test_sizes();

    is_int((long long) ERR_peek_error(), 0, "OpenSSL's queue is empty");

    return done_testing();
}
