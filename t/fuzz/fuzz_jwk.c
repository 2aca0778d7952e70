/* SPDX-License-Identifier: BSD-2-Clause */

/* key sets, JSON and PEM: the result is a usable set or an error message */

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "gw_jwk_key.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_sentence(const char *text)
{
    check(*text != '\0');

    for ( /* void */ ; *text != '\0'; text++) {
        check(isprint((unsigned char) *text));
    }
}


static void
take_note(void *data, unsigned number, const char *kid, const char *why,
    int kept)
{
    check(data == NULL && number < GW_JWK_MAX_KEYS);
    check(kept == 0 || kept == 1);
    check(strlen(kid) <= GW_JWK_MAX_KID);
    check_sentence(why);

    if (*kid != '\0') {
        check_sentence(kid);
    }
}


static void
check_key(gw_jwk_t *key)
{
    unsigned        i;
    gw_reason_e     rc;
    unsigned char   signature[8192];

    check(key->algs != 0 && key->nuses > 0);
    check(key->kid_len <= GW_JWK_MAX_KID);
    check((key->kty == GW_KTY_OCT) == (key->pkey == NULL));
    check(key->kty != GW_KTY_RSA
          || (key->signature >= 256 && key->signature <= 2048));

    memset(signature, 0x55, sizeof(signature));

    for (i = 0; i < key->nuses; i++) {
        rc = gw_jwk_verify(key, key->uses[i].alg, signature, 9, signature,
                           key->uses[i].alg->signature
                           ? key->uses[i].alg->signature : key->signature);
        check(rc == GW_BAD_SIGNATURE);
    }
}


static void
check_set(gw_jwk_set_t *set, const char *err)
{
    unsigned  i;

    check(ERR_peek_error() == 0);

    if (set == NULL) {
        check_sentence(err);
        return;
    }

    check(gw_jwk_set_count(set) > 0);

    for (i = 0; i < gw_jwk_set_count(set) && i < 8; i++) {
        check_key(&set->keys[i]);
    }

    gw_jwk_set_free(set);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char  err[256];

    err[0] = '\0';
    check_set(gw_jwk_set_parse(data, size, 0, take_note, NULL, err,
                               sizeof(err)), err);
    err[0] = '\0';
    check_set(gw_jwk_set_parse(data, size, GW_JWK_COMPAT, take_note, NULL, err,
                               sizeof(err)), err);
    err[0] = '\0';
    check_set(gw_jwk_set_parse_pem(data, size, take_note, NULL, err,
                                   sizeof(err)), err);

    return 0;
}
