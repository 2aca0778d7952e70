/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * API keys: their format, and the digests that stand for them at rest.
 *
 *     gw_<id>_<secret><check>
 *
 * id [a-z0-9-]{1,64}; secret 32 random bytes as a number of 43 digits to the
 * base 62 (0-9, A-Z, a-z; the most significant first, with leading zeros);
 * check the CRC-32 (IEEE 802.3) of all that stands before it, as 6 such
 * digits.  So a secret scanner finds keys, a typing error is told from a
 * wrong key without a lookup, and a log can name a key by its id.  There is
 * one text for one value: a secret of 2^256 or more is not well formed.
 *
 * A secret of 256 random bits cannot be guessed from its digest, so that one
 * fast hash does what a password would need a slow one for.
 *
 * Knows OpenSSL, not nginx or jansson.
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

/* of a pepper's file, in bytes, a newline at its end not counted */
#define GW_KEY_MIN_PEPPER   16
#define GW_KEY_MAX_PEPPER   4096


/* whether an id is one that a key may hold */
int gw_key_id_valid(const unsigned char *id, size_t len);

/*
 * Makes a key of a valid id and 32 random bytes; "key" has GW_KEY_SIZE bytes
 * and receives a NUL.  The caller cleanses both, the key and the bytes.
 */
void gw_key_format(char *key, const unsigned char *id, size_t len,
    const unsigned char random[32]);

/*
 * Whether a text has the format, with the right check; then "id_len" receives
 * the length of the id, which begins at text + 3.  id_len may be NULL.  It
 * says nothing about whether there is such a key: the check is no secret.
 */
int gw_key_well_formed(const unsigned char *text, size_t len, size_t *id_len);

/*
 * As gw_key_well_formed(): NULL if it is, else a static clause on what is
 * wrong, without any byte of the text.
 */
const char *gw_key_mistake(const unsigned char *text, size_t len,
    size_t *id_len);


/*
 * SHA-256, and HMAC-SHA256 with up to two peppers: the one in use, and while
 * it is being replaced the one before it.  One for each process: the
 * contexts are used by every call.  The digest of a key of 62 bytes takes
 * about 110 ns, with a pepper 180 (OpenSSL 3.0 on a CPU that knows SHA).
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
 * The content of a pepper's file, any bytes; one newline (LF or CR LF) at its
 * end is not part of it.  Nothing is kept of "pepper" but the hash's states.
 * Returns NULL, or a static sentence without subject on what is wrong with
 * it; "hash" is then as it was.
 */
const char *gw_key_pepper_add(gw_key_hash_t *hash, const unsigned char *pepper,
    size_t len);

/* the digest of a key; returns 0, or -1 */
int gw_key_sha256(gw_key_hash_t *hash, const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST]);

/* by the pepper of that number, from 0; returns 0, or -1 */
int gw_key_hmac_sha256(gw_key_hash_t *hash, size_t pepper,
    const unsigned char *key, size_t len,
    unsigned char digest[GW_KEY_DIGEST]);


#endif /* GW_KEY_H_INCLUDED */
