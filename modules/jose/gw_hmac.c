/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * HMAC with prepared states: see gw_hmac.h.
 */

#include <string.h>
#include <openssl/crypto.h>

#include "gw_openssl.h"
#include "gw_hmac.h"


#define GW_HMAC_MAX_BLOCK  144   /* the largest of OpenSSL's hashes */


static EVP_MD_CTX *gw_hmac_pad(const EVP_MD *md, unsigned char *block,
    size_t size, unsigned char pad);


int
gw_hmac_init(gw_hmac_t *hmac, const EVP_MD *md, const unsigned char *key,
    size_t len)
{
    int            ok;
    size_t         size;
    unsigned char  block[GW_HMAC_MAX_BLOCK];

    memset(hmac, 0, sizeof(gw_hmac_t));
    memset(block, 0, sizeof(block));

    size = (size_t) EVP_MD_get_block_size(md);

    if (size > sizeof(block)) {
        return -1;
    }

    /* RFC 2104, 2: a key longer than a block is hashed first */

    if (len > size) {
        ok = EVP_Digest(key, len, block, NULL, md, NULL);

    } else {
        ok = 1;
        memcpy(block, key, len);
    }

    if (ok) {
        hmac->inner = gw_hmac_pad(md, block, size, 0x36);
        hmac->outer = gw_hmac_pad(md, block, size, 0x5c);
    }

    OPENSSL_cleanse(block, sizeof(block));

    if (hmac->inner == NULL || hmac->outer == NULL) {
        gw_hmac_free(hmac);
        return -1;
    }

    return 0;
}


/* makes the state after the key xor the pad; leaves "block" unchanged */

static EVP_MD_CTX *
gw_hmac_pad(const EVP_MD *md, unsigned char *block, size_t size,
    unsigned char pad)
{
    int          ok;
    size_t       i;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NULL;
    }

    for (i = 0; i < size; i++) {
        block[i] ^= pad;
    }

    ok = EVP_DigestInit_ex(ctx, md, NULL)
         && EVP_DigestUpdate(ctx, block, size);

    for (i = 0; i < size; i++) {
        block[i] ^= pad;
    }

    if (!ok) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


void
gw_hmac_free(gw_hmac_t *hmac)
{
    EVP_MD_CTX_free(hmac->inner);
    EVP_MD_CTX_free(hmac->outer);

    hmac->inner = NULL;
    hmac->outer = NULL;
}


int
gw_hmac(const gw_hmac_t *hmac, EVP_MD_CTX *work, const unsigned char *text,
    size_t len, unsigned char *mac)
{
    unsigned  n;

    if (EVP_MD_CTX_copy_ex(work, hmac->inner)
        && EVP_DigestUpdate(work, text, len)
        && EVP_DigestFinal_ex(work, mac, &n)
        && EVP_MD_CTX_copy_ex(work, hmac->outer)
        && EVP_DigestUpdate(work, mac, n)
        && EVP_DigestFinal_ex(work, mac, NULL))
    {
        return 0;
    }

    return -1;
}
