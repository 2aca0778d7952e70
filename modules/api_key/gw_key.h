/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * API keys: their format, and the digests that are stored in place of them.
 *
 *     gw_<id>_<secret><check>
 *
 * id:      [a-z0-9-]{1,64}
 * secret:  32 random bytes as a number of 43 digits in base 62 (0-9, A-Z, a-z),
 *          most significant first, with leading zeros
 * check:   CRC-32 (IEEE 802.3) of all bytes before it, as 6 such digits
 *
 * Secret scanners can find keys, a typing error is detected without a lookup,
 * and logs can contain the id of a key.  Each secret has one text: a number of
 * 2^256 or more is not well formed.
 *
 * A secret of 256 random bits cannot be guessed from its digest, so that a fast
 * hash is enough, other than for a password.
 *
 * Uses OpenSSL, but not nginx or jansson.
 */

#ifndef GW_KEY_H_INCLUDED
#define GW_KEY_H_INCLUDED

#include <stddef.h>

#include "gw_openssl.h"
#include "gw_hmac.h"


#define GW_KEY_MAX_ID    64
#define GW_KEY_SECRET    43
#define GW_KEY_CHECK     6
#define GW_KEY_DIGEST    32    /* bytes */

/* "gw_", id, "_", secret, check, NUL */
#define GW_KEY_SIZE  (3 + GW_KEY_MAX_ID + 1 + GW_KEY_SECRET + GW_KEY_CHECK + 1)

/* bytes of a pepper, without the newline at the end of its file */
#define GW_KEY_MIN_PEPPER   16
#define GW_KEY_MAX_PEPPER   4096


/* whether an id is valid in a key */
int gw_key_id_valid(const unsigned char *id, size_t len);

/*
 * Makes a key from a valid id and 32 random bytes.  "key" has GW_KEY_SIZE bytes
 * and gets a NUL.  The caller cleanses the key and the random bytes.
 */
void gw_key_format(char *key, const unsigned char *id, size_t len,
    const unsigned char random[32]);

/*
 * Whether a text has the format, with the right check.  "id_len", which may be
 * NULL, then gets the length of the id, which begins at text + 3.  A text can
 * have the format without being a known key: anybody can compute the check.
 */
int gw_key_well_formed(const unsigned char *text, size_t len, size_t *id_len);

/*
 * As gw_key_well_formed(), but returns NULL if the text has the format,
 * otherwise a static clause on what is wrong, without any byte of the text.
 */
const char *gw_key_mistake(const unsigned char *text, size_t len,
    size_t *id_len);


/*
 * SHA-256, and HMAC-SHA256 with up to two peppers: the current one, and the
 * previous one while it is being replaced.  Each process has its own: all calls
 * use the same contexts.  The digest of a key of 62 bytes takes about 110 ns,
 * with a pepper 180 ns (OpenSSL 3.0, CPU with SHA instructions).
 */

#define GW_KEY_PEPPERS  2

typedef struct {
    gw_md_t     *md;
    EVP_MD_CTX  *clean;                 /* initialized, copied by each use */
    EVP_MD_CTX  *work;
    size_t       npeppers;
    gw_hmac_t    peppers[GW_KEY_PEPPERS];
} gw_key_hash_t;

/* returns 0, or -1 with nothing to free */
int gw_key_hash_init(gw_key_hash_t *hash);
void gw_key_hash_free(gw_key_hash_t *hash);

/*
 * Adds a pepper from the content of its file, any bytes; one newline (LF or
 * CR LF) at the end is not part of it.  "hash" keeps no copy of the pepper, but
 * the HMAC's states.  Returns NULL, or a static sentence without subject on
 * what is wrong; "hash" is then unchanged.
 */
const char *gw_key_pepper_add(gw_key_hash_t *hash, const unsigned char *pepper,
    size_t len);

/* the digest of a key; returns 0, or -1 */
int gw_key_sha256(gw_key_hash_t *hash, const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST]);

/* with the pepper of that number, from 0; returns 0, or -1 */
int gw_key_hmac_sha256(gw_key_hash_t *hash, size_t pepper,
    const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST]);


#endif /* GW_KEY_H_INCLUDED */
