/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The JOSE and signature vectors of C2SP/wycheproof.
 *
 * Only the codec is tested: the signature and the keys of a token, but not its
 * payload, which is not JSON in any vector.  Each vector is counted.  A table
 * below lists the vectors with another result on purpose, with the reason.  The
 * test fails if another vector has an unexpected result, or a vector of the
 * table the expected one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "gw_jwk_key.h"
#include "gw_jws.h"
#include "tap.h"


#define PUBLISHED  "https://github.com/C2SP/wycheproof, testvectors_v1"


typedef struct {
    const char  *file;
    int          id;
    unsigned     pinned;    /* valid if the "alg" of the JWK is removed */
    const char  *why;
} exception_t;


#define SIGNATURE   "json_web_signature_test.json"
#define KEY         "json_web_key_test.json"


static const exception_t  exceptions[] = {

    /* expected to be valid */

    { SIGNATURE, 346, 1,
      "the JWK says PS256, the token PS384: a key serves its own alg only" },
    { SIGNATURE, 350, 1,
      "the JWK says PS256, the token PS384: a key serves its own alg only" },
    { SIGNATURE, 347, 1, "the JWK says ES521, which is no algorithm" },
    { SIGNATURE, 351, 1, "the JWK says ES521, which is no algorithm" },
    { SIGNATURE, 372, 0, "'?' stands in the base64url" },
    { SIGNATURE, 373, 0, "'?' stands in the base64url" },

    /* expected to be invalid */

    { SIGNATURE, 367, 0, "byte for byte the valid vector 357" },
    { SIGNATURE, 370, 0, "byte for byte the valid vector 357" },
    { KEY, 4, 0, "two keys of one kid and type: the first serves, the second "
      "is left out with a note" }
};

#define EXCEPTIONS  (sizeof(exceptions) / sizeof(exceptions[0]))


typedef struct {
    const char  *file;
    unsigned     counted;
    unsigned     agreed;
    unsigned     excepted;
    unsigned     wrong;
} tally_t;


static char  path[4096];


static json_t *
load(const char *file)
{
    const char  *dir;

    dir = getenv("WYCHEPROOF_DIR");
    snprintf(path, sizeof(path), "%s/%s",
             dir ? dir : "../shared/data/wycheproof", file);

    return json_load_file(path, 0, NULL);
}


static void
judge(tally_t *tally, json_t *test, int accepted)
{
    int          id, agrees;
    size_t       i;
    const char  *why;

    id = (int) json_integer_value(json_object_get(test, "tcId"));
    agrees = accepted
             == (strcmp(json_string_value(json_object_get(test, "result")),
                        "valid")
                 == 0);
    why = NULL;

    for (i = 0; i < EXCEPTIONS; i++) {
        if (strcmp(exceptions[i].file, tally->file) == 0
            && exceptions[i].id == id)
        {
            why = exceptions[i].why;
        }
    }

    tally->counted++;

    if (agrees == (why == NULL)) {
        tally->agreed += why == NULL;
        tally->excepted += why != NULL;
        return;
    }

    tally->wrong++;

    note("%s %d \"%s\": %s%s%s", tally->file, id,
         json_string_value(json_object_get(test, "comment")),
         accepted ? "accepted" : "refused",
         why ? ", though listed: " : "", why ? why : "");
}


static void
finish(tally_t *tally, size_t expected)
{
    is_int(tally->wrong, 0,
           "%s: %u vectors, %u as expected, %u different on purpose",
           tally->file, tally->counted, tally->agreed, tally->excepted);
    is_int(tally->counted, (long long) expected, "each vector is counted");
}


/* --- tokens */

static gw_jwk_set_t *
group_keys(json_t *group, unsigned unpin)
{
    char          *text, err[256];
    json_t        *keys;
    gw_jwk_set_t  *set;

    keys = json_object_get(group, "public");

    if (keys == NULL) {
        keys = json_object_get(group, "private");
    }

    keys = json_deep_copy(keys);

    if (unpin) {
        json_object_del(keys, "alg");
    }

    text = json_dumps(keys, 0);

    set = gw_jwk_set_parse((unsigned char *) text, strlen(text), 0, NULL, NULL,
                           err, sizeof(err));
    free(text);
    json_decref(keys);

    return set;
}


/* as the JWT module: HMAC is allowed if all keys are HMAC keys */

static int
accepts(gw_jwk_set_t *set, const char *token)
{
    int             rc;
    gw_jws_t        jws;
    unsigned char  *buf;
    gw_jws_tries_t  tries;

    if (set == NULL) {
        return 0;
    }

    buf = malloc(gw_jws_buffer_size(strlen(token)));
    rc = gw_jws_parse(&jws, NULL, (const unsigned char *) token,
                      strlen(token), buf, NULL);

    if (rc == GW_OK) {
        rc = gw_jws_verify(&jws, &set, 1, &tries);

        if (jws.alg->family == GW_JWA_HMAC && !gw_jwk_set_only_oct(set)) {
            rc = GW_ALGORITHM_NOT_ALLOWED;
        }

        gw_jws_release(&jws);
    }

    free(buf);

    return rc == GW_OK;
}


static void
run_tokens(const char *file)
{
    char          *dump;
    json_t        *root, *group, *test, *jws;
    size_t         i, j;
    tally_t        tally;
    gw_jwk_set_t  *set;

    memset(&tally, 0, sizeof(tally));
    tally.file = file;
    root = load(file);

    json_array_foreach(json_object_get(root, "testGroups"), i, group) {
        set = group_keys(group, 0);

        json_array_foreach(json_object_get(group, "tests"), j, test) {
            jws = json_object_get(test, "jws");
            dump = json_is_string(jws) ? NULL : json_dumps(jws, 0);

            judge(&tally, test,
                  accepts(set, dump ? dump : json_string_value(jws)));
            free(dump);
        }

        gw_jwk_set_free(set);
    }

    finish(&tally, (size_t) json_integer_value(json_object_get(root,
                                                       "numberOfTests")));
    json_decref(root);
}


/* vectors that the key's "alg" refuses are valid without it */

static void
run_unpinned(void)
{
    int            id;
    json_t        *root, *group, *test;
    size_t         i, j, k;
    gw_jwk_set_t  *set;

    root = load(SIGNATURE);

    json_array_foreach(json_object_get(root, "testGroups"), i, group) {
        json_array_foreach(json_object_get(group, "tests"), j, test) {

            id = (int) json_integer_value(json_object_get(test, "tcId"));

            for (k = 0; k < EXCEPTIONS; k++) {
                if (exceptions[k].id != id || !exceptions[k].pinned) {
                    continue;
                }

                set = group_keys(group, 1);
                ok(accepts(set,
                        json_string_value(json_object_get(test, "jws"))),
                   "%s %d is valid without the JWK's alg", SIGNATURE, id);
                gw_jwk_set_free(set);
            }
        }
    }

    json_decref(root);
}


/* --- raw signatures: the message is not a signing input of a token */

static unsigned char *
unhex(const char *text, size_t *len)
{
    size_t          i;
    unsigned        byte;
    unsigned char  *data;

    *len = strlen(text) / 2;
    data = malloc(*len ? *len : 1);

    for (i = 0; i < *len; i++) {
        sscanf(text + 2 * i, "%2x", &byte);
        data[i] = (unsigned char) byte;
    }

    return data;
}


/* a few groups have no JWK, all have PEM */

static gw_jwk_set_t *
group_public(json_t *group)
{
    char          *text, err[256];
    const char    *pem;
    gw_jwk_set_t  *set;

    text = json_dumps(json_object_get(group, "publicKeyJwk"), 0);

    if (text == NULL) {
        pem = json_string_value(json_object_get(group, "publicKeyPem"));

        return gw_jwk_set_parse_pem((const unsigned char *) pem, strlen(pem),
                                    NULL, NULL, err, sizeof(err));
    }

    set = gw_jwk_set_parse((unsigned char *) text, strlen(text), 0, NULL, NULL,
                           err, sizeof(err));
    free(text);

    return set;
}


static void
run_signatures(const char *file, const char *name)
{
    int              accepted;
    json_t          *root, *group, *test;
    size_t           i, j, len, siglen;
    tally_t          tally;
    gw_jwk_set_t    *set;
    unsigned char   *msg, *sig;
    const gw_jwa_t  *alg;

    memset(&tally, 0, sizeof(tally));
    tally.file = file;
    root = load(file);
    alg = gw_jwa_find((const unsigned char *) name, strlen(name));

    json_array_foreach(json_object_get(root, "testGroups"), i, group) {
        set = group_public(group);

        json_array_foreach(json_object_get(group, "tests"), j, test) {
            msg = unhex(json_string_value(json_object_get(test, "msg")), &len);
            sig = unhex(json_string_value(json_object_get(test, "sig")),
                        &siglen);

            accepted = set && gw_jwk_verify(&set->keys[0], alg, msg, len, sig,
                                            siglen)
                              == GW_OK;
            judge(&tally, test, accepted);

            free(msg);
            free(sig);
        }

        gw_jwk_set_free(set);
    }

    finish(&tally, (size_t) json_integer_value(json_object_get(root,
                                                       "numberOfTests")));
    json_decref(root);
}


static const struct {
    const char  *file;
    const char  *alg;      /* NULL: tokens */
} files[] = {
    { SIGNATURE, NULL },
    { KEY, NULL },
    { "ed25519_test.json", "EdDSA" },
    { "ed25519_test.json", "Ed25519" },
    { "ed448_test.json", "EdDSA" },
    { "ed448_test.json", "Ed448" },
    { "ecdsa_secp256k1_sha256_p1363_test.json", "ES256K" },
    { "ecdsa_secp384r1_sha384_p1363_test.json", "ES384" }
};


/* 1: all there; 0: none there; -1: fail */

static int
present(void)
{
    size_t       i;
    json_t      *root;
    const char  *ci;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        root = load(files[i].file);

        if (root == NULL) {
            ci = getenv("CI");
            return (ci != NULL && strcmp(ci, "true") == 0) ? -1 : 0;
        }

        json_decref(root);
    }

    return 1;
}


int
main(void)
{
    int     there;
    size_t  i;

    there = present();

    if (there == 0) {
        return skip_all("vectors not found, see WYCHEPROOF_DIR; published at "
                        PUBLISHED);
    }

    if (there < 0) {
        ok(0, "%s is missing, published at " PUBLISHED, path);
        return done_testing();
    }

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (files[i].alg != NULL) {
            run_signatures(files[i].file, files[i].alg);

        } else {
            run_tokens(files[i].file);
        }
    }

    run_unpinned();

    return done_testing();
}
