/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The format of API keys, and their digests: see gw_key.h.
 *
 * The digits of base 62 are in the order of ASCII, so that numbers with the
 * same number of digits compare like their texts.  No key is decoded: a secret
 * is compared with the text of the largest one, a check with the text of the
 * right one.
 */

#include <stdint.h>
#include <string.h>

#include "gw_key.h"


#define GW_KEY_PREFIX  3       /* "gw_" */
#define GW_KEY_TAIL    (1 + GW_KEY_SECRET + GW_KEY_CHECK)
#define GW_KEY_MIN     (GW_KEY_PREFIX + 1 + GW_KEY_TAIL)


static int gw_key_secret_valid(const unsigned char *secret);
static void gw_key_check(char *check, const unsigned char *text, size_t len);
static uint32_t gw_key_crc32(const unsigned char *text, size_t len);
static void gw_key_base62(char *dst, size_t digits, uint32_t *number,
    size_t limbs);
static int gw_key_is_digit(unsigned char c);


static const char  gw_key_digits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* 2^256 - 1; 62^43 is a little more */
static const char  gw_key_largest[] =
    "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";


/*
 * CRC-32 is linear: in the usual table of 256 entries the entry of a byte is
 * the xor of the entries of its two halves.  Two tables of 16 are enough.
 */

static const uint32_t  gw_key_crc_low[16] = {
    0x00000000, 0x77073096, 0xee0e612c, 0x990951ba,
    0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3,
    0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988,
    0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91
};

static const uint32_t  gw_key_crc_high[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
    0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
    0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
};


int
gw_key_id_valid(const unsigned char *id, size_t len)
{
    size_t  i;

    if (len == 0 || len > GW_KEY_MAX_ID) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!(id[i] >= 'a' && id[i] <= 'z')
            && !(id[i] >= '0' && id[i] <= '9') && id[i] != '-')
        {
            return 0;
        }
    }

    return 1;
}


void
gw_key_format(char *key, const unsigned char *id, size_t len,
    const unsigned char random[32])
{
    char      *p;
    size_t     i;
    uint32_t   number[8];

    for (i = 0; i < 8; i++) {
        number[i] = (uint32_t) random[4 * i] << 24
                    | (uint32_t) random[4 * i + 1] << 16
                    | (uint32_t) random[4 * i + 2] << 8
                    | (uint32_t) random[4 * i + 3];
    }

    p = key;

    memcpy(p, "gw_", GW_KEY_PREFIX);
    p += GW_KEY_PREFIX;

    memcpy(p, id, len);
    p += len;

    *p++ = '_';

    gw_key_base62(p, GW_KEY_SECRET, number, 8);
    p += GW_KEY_SECRET;

    gw_key_check(p, (unsigned char *) key, (size_t) (p - key));
    p[GW_KEY_CHECK] = '\0';
}


int
gw_key_well_formed(const unsigned char *text, size_t len, size_t *id_len)
{
    return gw_key_mistake(text, len, id_len) == NULL;
}


const char *
gw_key_mistake(const unsigned char *text, size_t len, size_t *id_len)
{
    char                  check[GW_KEY_CHECK];
    size_t                n;
    const unsigned char  *id, *tail;

    static const char  form[] = "the key is not of the form "
                                "gw_<id>_<secret><check>";

    if (len < GW_KEY_MIN) {
        return form;
    }

    id = text + GW_KEY_PREFIX;
    n = len - GW_KEY_PREFIX - GW_KEY_TAIL;
    tail = id + n;

    /* gw_key_id_valid() limits the length */

    if (memcmp(text, "gw_", GW_KEY_PREFIX) != 0
        || !gw_key_id_valid(id, n)
        || *tail != '_'
        || !gw_key_secret_valid(tail + 1))
    {
        return form;
    }

    gw_key_check(check, text, len - GW_KEY_CHECK);

    if (memcmp(check, text + len - GW_KEY_CHECK, GW_KEY_CHECK) != 0) {
        return "the check at the end of the key does not match";
    }

    if (id_len != NULL) {
        *id_len = n;
    }

    return NULL;
}


static int
gw_key_secret_valid(const unsigned char *secret)
{
    size_t  i;

    for (i = 0; i < GW_KEY_SECRET; i++) {
        if (!gw_key_is_digit(secret[i])) {
            return 0;
        }
    }

    return memcmp(secret, gw_key_largest, GW_KEY_SECRET) <= 0;
}


static void
gw_key_check(char *check, const unsigned char *text, size_t len)
{
    uint32_t  crc;

    crc = gw_key_crc32(text, len);

    gw_key_base62(check, GW_KEY_CHECK, &crc, 1);
}


/* IEEE 802.3, as in zlib: reflected, initial value and final xor all ones */

static uint32_t
gw_key_crc32(const unsigned char *text, size_t len)
{
    size_t    i;
    uint32_t  crc, byte;

    crc = 0xffffffff;

    for (i = 0; i < len; i++) {
        byte = (crc ^ text[i]) & 0xff;
        crc = crc >> 8 ^ gw_key_crc_low[byte & 0x0f]
              ^ gw_key_crc_high[byte >> 4];
    }

    return crc ^ 0xffffffff;
}


/*
 * Long division, one digit per pass, the last digit first.  "number" begins
 * with the most significant limb.  It is zero afterwards, so that no copy of a
 * secret stays on the stack.
 */

static void
gw_key_base62(char *dst, size_t digits, uint32_t *number, size_t limbs)
{
    size_t    i;
    uint64_t  rest;

    while (digits > 0) {
        rest = 0;

        for (i = 0; i < limbs; i++) {
            rest = rest << 32 | number[i];
            number[i] = (uint32_t) (rest / 62);
            rest %= 62;
        }

        dst[--digits] = gw_key_digits[rest];
    }
}


static int
gw_key_is_digit(unsigned char c)
{
    return (c >= '0' && c <= '9')
           || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}


int
gw_key_hash_init(gw_key_hash_t *hash)
{
    memset(hash, 0, sizeof(gw_key_hash_t));

    hash->md = gw_md_fetch("SHA256");
    hash->clean = EVP_MD_CTX_new();
    hash->work = EVP_MD_CTX_new();

    if (hash->md == NULL || hash->clean == NULL || hash->work == NULL
        || !EVP_DigestInit_ex(hash->clean, hash->md, NULL))
    {
        gw_key_hash_free(hash);
        return -1;
    }

    return 0;
}


void
gw_key_hash_free(gw_key_hash_t *hash)
{
    size_t  i;

    for (i = 0; i < hash->npeppers; i++) {
        gw_hmac_free(&hash->peppers[i]);
    }

    EVP_MD_CTX_free(hash->work);
    EVP_MD_CTX_free(hash->clean);
    gw_md_free(hash->md);

    memset(hash, 0, sizeof(gw_key_hash_t));
}


const char *
gw_key_pepper_add(gw_key_hash_t *hash, const unsigned char *pepper,
    size_t len)
{
    if (hash->npeppers == GW_KEY_PEPPERS) {
        return "is the third pepper, at most two are allowed";
    }

    if (len > 0 && pepper[len - 1] == '\n') {
        len--;

        if (len > 0 && pepper[len - 1] == '\r') {
            len--;
        }
    }

    if (len < GW_KEY_MIN_PEPPER) {
        return "is shorter than 16 bytes, write a random one, such as "
               "\"openssl rand -hex 32\" prints";
    }

    if (len > GW_KEY_MAX_PEPPER) {
        return "is longer than 4096 bytes, 32 random bytes are enough";
    }

    if (gw_hmac_init(&hash->peppers[hash->npeppers], hash->md, pepper, len)
        != 0)
    {
        return "cannot be used: OpenSSL failed";
    }

    hash->npeppers++;

    return NULL;
}


/*
 * Copying an initialized context is a little faster than
 * EVP_DigestInit_ex2(ctx, NULL, NULL), which OpenSSL 1.1.1 does not have.
 * EVP_Digest() would allocate a context in every call.
 */

int
gw_key_sha256(gw_key_hash_t *hash, const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST])
{
    if (EVP_MD_CTX_copy_ex(hash->work, hash->clean)
        && EVP_DigestUpdate(hash->work, key, len)
        && EVP_DigestFinal_ex(hash->work, digest, NULL))
    {
        return 0;
    }

    return -1;
}


int
gw_key_hmac_sha256(gw_key_hash_t *hash, size_t pepper,
    const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST])
{
    unsigned char  mac[EVP_MAX_MD_SIZE];

    if (pepper >= hash->npeppers
        || gw_hmac(&hash->peppers[pepper], hash->work, key, len, mac) != 0)
    {
        return -1;
    }

    memcpy(digest, mac, GW_KEY_DIGEST);

    return 0;
}
