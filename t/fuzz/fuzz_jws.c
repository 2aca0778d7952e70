/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tokens, verified with the keys of the examples in the RFCs: only these
 * examples have a valid signature.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "gw_json.h"
#include "gw_jws.h"
#include "gw_jwt.h"
#include "../unit/rfc_vectors.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static gw_jwk_set_t   *sets[RFC_VECTORS];
static gw_jws_memo_t  *memo;


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static void
setup(void)
{
    size_t       i;
    char         err[256];
    const char  *jwk;

    memo = gw_jws_memo_create();

    for (i = 0; i < RFC_VECTORS; i++) {
        jwk = rfc_vectors[i].jwk;
        sets[i] = gw_jwk_set_parse((const unsigned char *) jwk, strlen(jwk), 0,
                                   NULL, NULL, err, sizeof(err));
        check(sets[i] != NULL);
    }
}


static int
is_example(const uint8_t *data, size_t size)
{
    size_t  i;

    for (i = 0; i < RFC_VECTORS; i++) {
        if (strlen(rfc_vectors[i].token) == size
            && memcmp(rfc_vectors[i].token, data, size) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
check_claims(const gw_jws_t *jws)
{
    json_t           *claims;
    gw_reason_e       rc;
    gw_json_limit_t   limit;
    gw_jwt_policy_t   policy;

    static const gw_text_t  joe = { 3, (const unsigned char *) "joe" };

    static const gw_json_names_t  names = {
        GW_JWT_REGISTERED, gw_jwt_registered
    };

    limit.values = gw_jwt_max_values(0);
    limit.names = &names;
    limit.flat = 0;

    if (gw_jwt_parse(&claims, jws->payload, jws->payload_len, &limit, NULL)
        != GW_OK)
    {
        return;
    }

    memset(&policy, 0, sizeof(policy));

    policy.now = 1300819379;
    policy.leeway = 1;
    policy.max_age = 3600;
    policy.typ = policy.issuers = policy.audiences = &joe;
    policy.ntyp = policy.nissuers = policy.naudiences = 1;

    rc = gw_jwt_check(jws->header, claims, &policy);
    check(rc > GW_OK && rc < GW_REASON_COUNT);

    policy.typ = policy.audiences = NULL;
    policy.ntyp = policy.naudiences = 0;
    policy.max_age = -1;

    rc = gw_jwt_check(jws->header, claims, &policy);
    check(rc < GW_REASON_COUNT);

    json_decref(claims);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          i;
    gw_jws_t        jws;
    const char     *p;
    gw_reason_e     rc;
    unsigned char  *buf;
    gw_jws_error_t  error;
    gw_jws_tries_t  tries;

    if (memo == NULL) {
        setup();
    }

    buf = malloc(gw_jws_buffer_size(size));
    rc = gw_jws_parse(&jws, memo, data, size, buf, &error);
    check(rc != GW_FAILED);

    if (rc != GW_OK) {
        check(error.kid_len <= GW_JWK_MAX_KID);

        for (p = error.why; *p != '\0'; p++) {
            check(*p >= 0x20 && *p <= 0x7e);
        }
    }

    if (rc == GW_OK) {
        check(jws.payload >= buf && jws.signature_len > 0
              && jws.signature + jws.signature_len
                 <= buf + gw_jws_buffer_size(size));

        check_claims(&jws);

        for (i = 0; i < RFC_VECTORS; i++) {
            rc = gw_jws_verify(&jws, &sets[i], 1, &tries);
            check(rc != GW_FAILED);
            check(rc != GW_OK || is_example(data, size));
            check(ERR_peek_error() == 0);

            if (rc == GW_OK) {
                gw_jws_memo_add(memo, &jws);
            }
        }

        gw_jws_release(&jws);
    }

    free(buf);

    return 0;
}
