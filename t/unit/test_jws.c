/* SPDX-License-Identifier: BSD-2-Clause */

/* signed tokens: RFC examples, attacks, choice of keys, the memo */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>

#include "gw_base64url.h"
#include "gw_json.h"
#include "gw_jwk_key.h"
#include "gw_jws.h"
#include "gw_private.h"
#include "rfc_vectors.h"
#include "tap.h"


/* {"alg":"HS256"}.{}, signed with 32 times 'k', and its parts */

#define SECRET  "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"
#define OCT     "{\"kty\":\"oct\",\"k\":\"" SECRET "\"}"


static gw_jwk_set_t *
keys_of(const char *text)
{
    char           err[256];
    gw_jwk_set_t  *set;

    set = gw_jwk_set_parse((const unsigned char *) text, strlen(text), 0, NULL,
                           NULL, err, sizeof(err));
    if (set == NULL) {
        note("%s: %s", text, err);
        exit(1);
    }

    return set;
}


static gw_jws_tries_t  tries;       /* of the last check */


/* in memory of the exact size: a sanitizer detects an overrun */

static gw_reason_e
check_len(const char *text, size_t len, gw_jwk_set_t *const *sets, size_t n)
{
    gw_jws_t        jws;
    gw_reason_e     rc;
    unsigned char  *token, *buf;

    memset(&tries, 0, sizeof(tries));

    token = malloc(len ? len : 1);
    memcpy(token, text, len);
    buf = malloc(gw_jws_buffer_size(len));

    rc = gw_jws_parse(&jws, NULL, token, len, buf, NULL);

    if (rc == GW_OK) {
        rc = gw_jws_verify(&jws, sets, n, &tries);
        gw_jws_release(&jws);
    }

    free(token);
    free(buf);

    return rc;
}


static gw_reason_e
check(const char *token, gw_jwk_set_t *set)
{
    return check_len(token, strlen(token), &set, 1);
}


#define is_reason(got, expected, ...)                                         \
    is_str(gw_reason_word(got), gw_reason_word(expected), __VA_ARGS__)


/* --- a token with any header, signed with a JWK */

static char *
sign(const char *text, const char *alg, const char *header,
    const char *payload)
{
    char          *token;
    json_t        *jwk;
    const char    *why;
    gw_private_t   key;

    jwk = gw_json_parse((const unsigned char *) text, strlen(text), NULL);
    why = jwk ? gw_private_load(&key, jwk) : "is not JSON";

    if (why != NULL) {
        note("%s %s", text, why);
        exit(1);
    }

    token = gw_private_token(&key,
                       gw_jwa_find((const unsigned char *) alg, strlen(alg)),
                       header, strlen(header), payload, strlen(payload));

    gw_private_free(&key);
    json_decref(jwk);

    return token;
}


/* a private key for an algorithm, as a JWK */

static char *
make(const char *alg, const char *kid)
{
    char        *text;
    json_t      *jwk;
    size_t       len;
    const char  *why;

    jwk = gw_generate(gw_jwa_find((const unsigned char *) alg, strlen(alg)), 0,
                      &why);

    /* RFC 9964: keys of ML-DSA require "alg" */

    if (json_object_get(jwk, "pub") == NULL) {
        json_object_del(jwk, "alg");
    }

    if (kid != NULL) {
        json_object_set_new(jwk, "kid", json_string(kid));
    }

    text = malloc(gw_json_text(jwk, NULL) + 1);
    len = gw_json_text(jwk, (unsigned char *) text);
    text[len] = '\0';
    json_decref(jwk);

    return text;
}


static void
test_rfc(void)
{
    char          *token, *p, *last;
    size_t         i;
    gw_jwk_set_t  *set;

    for (i = 0; i < RFC_VECTORS; i++) {
        set = keys_of(rfc_vectors[i].jwk);
        token = strdup(rfc_vectors[i].token);

        is_reason(check(token, set), GW_OK, "%s", rfc_vectors[i].name);

        p = strchr(token, '.') + 1;
        *p ^= 1;
        is_reason(check(token, set), GW_BAD_SIGNATURE, "another payload");
        *p ^= 1;

        p = strrchr(token, '.') + 1;
        *p = (*p == 'A') ? 'B' : 'A';
        is_reason(check(token, set), GW_BAD_SIGNATURE, "another signature");

        *p = '\0';
        is_reason(check(token, set), GW_MALFORMED_SIGNATURE, "none at all");

        last = p - 1;
        *last = '\0';
        is_reason(check(token, set), GW_MALFORMED_HEADER, "two parts");

        free(token);
        gw_jwk_set_free(set);
    }

    token = sign(rfc8037_private, "EdDSA", "{\"alg\":\"EdDSA\"}",
                 "Example of Ed25519 signing");
    is_str(token, rfc_vectors[RFC_VECTORS - 1].token,
           "RFC 8037 A.4: signing gives the same");
    free(token);
}


/* --- the form of a token */

#define H  "eyJhbGciOiJIUzI1NiJ9"
#define S  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
    const char   *token;
    gw_reason_e   reason;
} forms[] = {
    { "", GW_MALFORMED_HEADER },
    { ".", GW_MALFORMED_HEADER },
    { "..", GW_MALFORMED_HEADER },
    { "...", GW_MALFORMED_HEADER },
    { H, GW_MALFORMED_HEADER },
    { H ".e30", GW_MALFORMED_HEADER },
    { H ".e30." S ".", GW_MALFORMED_HEADER },
    { H ".e30." S "." S, GW_MALFORMED_HEADER },
    { H ".e30." S "." S "." S, GW_MALFORMED_HEADER },
    { "." H ".e30." S, GW_MALFORMED_HEADER },
    { ".e30." S, GW_MALFORMED_HEADER },
    { " " H ".e30." S, GW_MALFORMED_HEADER },
    { H "=.e30." S, GW_MALFORMED_HEADER },
    { H "\n.e30." S, GW_MALFORMED_HEADER },
    { H ".e30=." S, GW_MALFORMED_PAYLOAD },
    { H ".e3 0." S, GW_MALFORMED_PAYLOAD },
    { H ".e." S, GW_MALFORMED_PAYLOAD },
    { H ".e31." S, GW_MALFORMED_PAYLOAD },
    { H ".e30." S "=", GW_MALFORMED_SIGNATURE },
    { H ".e30." S " ", GW_MALFORMED_SIGNATURE },
    { H ".e30." S "\n", GW_MALFORMED_SIGNATURE },
    { H ".e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
      GW_MALFORMED_SIGNATURE },
    { H ".e30.", GW_MALFORMED_SIGNATURE },
    { H ".e30.A", GW_MALFORMED_SIGNATURE },
    { H ".e30.AAAA", GW_MALFORMED_SIGNATURE },
    { H ".e30." S "A", GW_MALFORMED_SIGNATURE },
    { H ".e30." S "AA", GW_MALFORMED_SIGNATURE },
    { H ".e30." S, GW_BAD_SIGNATURE },
    { H ".." S, GW_BAD_SIGNATURE },
    { H ".++++." S, GW_MALFORMED_PAYLOAD },
    { "{\"payload\":\"e30\"}", GW_MALFORMED_HEADER }
};


static void
test_forms(void)
{
    char          *token;
    size_t         i;
    gw_jwk_set_t  *set;

    set = keys_of(OCT);

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        is_reason(check(forms[i].token, set), forms[i].reason, "form \"%s\"",
                  forms[i].token);
    }

    token = sign(OCT, "HS256", "{\"alg\":\"HS256\"}", "");
    is_reason(check(token, set), GW_OK, "an empty payload");
    free(token);

    gw_jwk_set_free(set);
}


/* --- headers; each token has a valid signature */

static const struct {
    const char   *header;
    gw_reason_e   reason;
} headers[] = {
    { "{\"alg\":\"HS256\"}", GW_OK },
    { " { \"alg\" : \"HS256\" } ", GW_OK },
    { "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"cty\":1,\"x\":{}}", GW_OK },
    { "{\"\\u0061lg\":\"HS256\"}", GW_OK },

    { "{}", GW_MALFORMED_HEADER },
    { "{\"alg\":null}", GW_MALFORMED_HEADER },
    { "{\"alg\":1}", GW_MALFORMED_HEADER },
    { "{\"alg\":[\"HS256\"]}", GW_MALFORMED_HEADER },
    { "{\"ALG\":\"HS256\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"none\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"None\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"NoNe\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"NONE\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"none \"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"hs256\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"HS256 \"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"HS2567\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"HS25\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"HS1\"}", GW_ALGORITHM_NOT_ALLOWED },
    { "{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"}", GW_ALGORITHM_NOT_ALLOWED },

    { "{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}",
      GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"crit\":[]}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"crit\":null}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"crit\":\"\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"b64\":true}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}",
      GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"zip\":\"DEF\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"kid\":1}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"kid\":null}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"typ\":[]}", GW_MALFORMED_HEADER },

    { "{\"alg\":\"none\",\"alg\":\"HS256\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"none\",\"\\u0061lg\":\"HS256\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\"}x", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"x\":\"\377\"}", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"x\":\"\\u0000\"}", GW_MALFORMED_HEADER },
    { "[\"HS256\"]", GW_MALFORMED_HEADER },
    { "\"HS256\"", GW_MALFORMED_HEADER },
    { "{\"alg\":\"HS256\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
      GW_MALFORMED_HEADER },

    { "{\"alg\":\"HS256\",\"jwk\":" OCT ",\"jku\":\"http://x/\"}", GW_OK },
    { "{\"alg\":\"HS384\"}", GW_KEY_MISMATCH }
};


static void
test_headers(void)
{
    char          *token;
    size_t         i;
    gw_jwk_set_t  *set;

    set = keys_of(OCT);

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        token = sign(OCT, "HS256", headers[i].header, "{}");
        is_reason(check(token, set), headers[i].reason, "header %s",
                  headers[i].header);
        free(token);
    }

    gw_jwk_set_free(set);
}


/* --- choice of the key */

static const struct {
    const char   *name;
    const char   *keys;       /* A and B are two secrets */
    const char   *kid;        /* of the token, which is signed with A */
    gw_reason_e   reason;
} choices[] = {
    { "kid and kid",                   "A:a",             "a",  GW_OK },
    { "another kid",                   "A:a",             "b",
      GW_UNKNOWN_KEY },
    { "kid in other case",             "A:a",             "A",
      GW_UNKNOWN_KEY },
    { "a longer kid",                  "A:a",             "aa",
      GW_UNKNOWN_KEY },
    { "an empty kid",                  "A:a",             "",
      GW_UNKNOWN_KEY },
    { "no kid in the token",           "A:a",             NULL, GW_OK },
    { "no kid, another key",           "B:a",             NULL,
      GW_BAD_SIGNATURE },
    { "no kid, of two with kid",       "B:a A:b",         NULL, GW_OK },
    { "no kid, one that fits",         "E:a E:b A:c",     NULL, GW_OK },
    { "no kid, none that fits",        "E:a",             NULL,
      GW_KEY_MISMATCH },
    { "no kid, the fourth with kid",   "B:a B:b B:c A:d", NULL, GW_OK },
    { "no kid, the fifth with kid",    "B:a B:b B:c B:d A:e",
      NULL, GW_UNKNOWN_KEY },
    { "no kid, keys without kid first", "B:a B:b B:c B:d A",
      NULL, GW_OK },
    { "no kid, four without kid",      "B A:a B B",       NULL, GW_OK },
    { "no kid, five with the first",   "B A:a B B B",     NULL,
      GW_UNKNOWN_KEY },
    { "no kid in the key",             "A",               "a",  GW_OK },
    { "no kid at all",                 "A",               NULL, GW_OK },
    { "the kid's key is another",      "B:a A:b",         "a",
      GW_BAD_SIGNATURE },
    { "after one without kid",         "B A:a",           "a",  GW_OK },
    { "before one without kid",        "A:a B",           "a",  GW_OK },
    { "the one without kid",           "B:a A",           "a",  GW_OK },
    { "the fourth",                    "B B B A",         NULL, GW_OK },
    { "the fifth is not tried",        "B B B B A",       NULL,
      GW_UNKNOWN_KEY },
    { "four and none fits",            "B B B B",         NULL,
      GW_BAD_SIGNATURE },
    { "five and none fits",            "B B B B B",       NULL,
      GW_UNKNOWN_KEY },
    { "the kid goes before four",      "B B B B A:a",     "a",  GW_OK },
    { "keys of other kinds are free",  "E E E E E A",     NULL, GW_OK },
    { "only of other kinds",           "E",               NULL,
      GW_KEY_MISMATCH },
    { "the kid's key is of another",   "E:a",             "a",
      GW_KEY_MISMATCH },
    { "another kid, one without kid",  "B:b B",           "a",
      GW_BAD_SIGNATURE },
    { "another kid, and no algorithm", "E:b E",           "a",
      GW_KEY_MISMATCH }
};


static void
put_keys(char *text, const char *keys, const char *ec)
{
    char         key[512];
    const char  *p;

    strcpy(text, "{\"keys\":[");

    for (p = keys; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " ")) {

        if (*p == 'E') {
            snprintf(key, sizeof(key), "%s", ec);

        } else {
            strcpy(key, OCT);
            *strstr(key, SECRET) = (*p == 'A') ? SECRET[0] : 'b';
        }

        if (p[1] == ':') {
            snprintf(key + strlen(key) - 1, 32, ",\"kid\":\"%.1s\"}", p + 2);
        }

        strcat(text, p == keys ? "" : ",");
        strcat(text, key);
    }

    strcat(text, "]}");
}


/* whether a key has exactly this kid; those of the table have one letter */

static int
has_kid(const char *keys, const char *kid)
{
    const char  *p;

    for (p = keys; kid != NULL && (p = strchr(p, ':')) != NULL; p++) {
        if (strlen(kid) == 1 && p[1] == kid[0]) {
            return 1;
        }
    }

    return 0;
}


static void
test_choices(void)
{
    char          *ec, *token, text[4096], header[512];
    size_t         i;
    gw_jwk_set_t  *set;

    ec = make("ES256", NULL);

    for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        put_keys(text, choices[i].keys, ec);
        set = keys_of(text);

        snprintf(header, sizeof(header), choices[i].kid
                 ? "{\"alg\":\"HS256\",\"kid\":\"%s\"}"
                 : "{\"alg\":\"HS256\"}",
                 choices[i].kid);

        token = sign(OCT, "HS256", header, "{}");
        is_reason(check(token, set), choices[i].reason, "choice: %s",
                  choices[i].name);
        is_int(tries.exact, has_kid(choices[i].keys, choices[i].kid),
               "choice: %s: a key with exactly this kid", choices[i].name);
        free(token);
        gw_jwk_set_free(set);
    }

    free(ec);
}


static void
test_several_sets(void)
{
    char          *token, text[4096];
    gw_jwk_set_t  *sets[3], *same[5];

    put_keys(text, "B:a", "");
    sets[0] = keys_of(text);
    put_keys(text, "B B B", "");
    sets[1] = keys_of(text);
    put_keys(text, "A:a", "");
    sets[2] = keys_of(text);

    token = sign(OCT, "HS256", "{\"alg\":\"HS256\",\"kid\":\"a\"}", "{}");
    is_reason(check_len(token, strlen(token), sets, 3), GW_OK,
              "the third set has the kid's key");
    is_int(tries.exact, 1, "it has exactly this kid");
    is_reason(check_len(token, strlen(token), sets, 2), GW_BAD_SIGNATURE,
              "two sets without this key");
    is_int(tries.exact, 1, "one of them has its kid");
    is_reason(check_len(token, strlen(token), sets + 1, 1), GW_BAD_SIGNATURE,
              "a set of keys without kid");
    ok(tries.named == 1 && tries.exact == 0, "fits, but has not its kid");
    is_reason(check_len(token, strlen(token), sets, 0), GW_UNKNOWN_KEY,
              "no set at all");
    ok(tries.named == 0 && tries.exact == 0, "no key fits");

    same[0] = same[1] = same[2] = same[3] = same[4] = sets[0];
    is_reason(check_len(token, strlen(token), same, 5), GW_UNKNOWN_KEY,
              "five keys have the kid");
    is_int(tries.exact, 1, "more than are tried");
    free(token);

    gw_jwk_set_free(sets[0]);
    gw_jwk_set_free(sets[1]);
    gw_jwk_set_free(sets[2]);
}


/* --- a kid may have 256 bytes; a longer one never matches */

static void
test_long_kid(void)
{
    char          *token, kid[300], header[512], jwk[512];
    gw_jwk_set_t  *set;

    memset(kid, 'k', sizeof(kid));

    snprintf(jwk, sizeof(jwk), "{\"kty\":\"oct\",\"k\":\"" SECRET
             "\",\"kid\":\"%.256s\"}", kid);
    set = keys_of(jwk);

    snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%.256s\"}",
             kid);
    token = sign(OCT, "HS256", header, "{}");
    is_reason(check(token, set), GW_OK, "a kid of 256 bytes");
    is_int(tries.exact, 1, "a key has it");
    free(token);

    snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%.257s\"}",
             kid);
    token = sign(OCT, "HS256", header, "{}");
    is_reason(check(token, set), GW_UNKNOWN_KEY, "a kid of 257 bytes");
    is_int(tries.exact, 0, "no key has it");
    free(token);

    gw_jwk_set_free(set);
}


/* --- algorithm against key */

static void
test_confusion(void)
{
    char          *rsa, *ec, *ed, *token;
    gw_jwk_set_t  *set;

    rsa = make("RS256", NULL);
    ec = make("ES256", NULL);
    ed = make("EdDSA", NULL);

    set = keys_of(rsa);
    token = sign(OCT, "HS256", "{\"alg\":\"HS256\"}", "{}");
    is_reason(check(token, set), GW_KEY_MISMATCH, "HS256 against an RSA key");
    free(token);

    token = sign(rsa, "RS256", "{\"alg\":\"PS256\"}", "{}");
    is_reason(check(token, set), GW_BAD_SIGNATURE,
              "an RS256 signature with alg PS256");
    free(token);

    token = sign(rsa, "PS256", "{\"alg\":\"RS256\"}", "{}");
    is_reason(check(token, set), GW_BAD_SIGNATURE,
              "a PS256 signature with alg RS256");
    free(token);

    token = sign(rsa, "RS384", "{\"alg\":\"RS256\"}", "{}");
    is_reason(check(token, set), GW_BAD_SIGNATURE,
              "an RS384 signature with alg RS256");
    free(token);

    token = sign(ec, "ES256", "{\"alg\":\"ES256K\"}", "{}");
    is_reason(check(token, set), GW_KEY_MISMATCH, "ES256K against RSA");
    gw_jwk_set_free(set);

    set = keys_of(ec);
    is_reason(check(token, set), GW_KEY_MISMATCH, "ES256K against P-256");
    free(token);
    gw_jwk_set_free(set);

    set = keys_of(ed);
    token = sign(ed, "EdDSA", "{\"alg\":\"Ed25519\"}", "{}");
    is_reason(check(token, set), GW_OK, "Ed25519 is EdDSA's other name");
    free(token);

    token = sign(ed, "EdDSA", "{\"alg\":\"Ed448\"}", "{}");
    is_reason(check(token, set), GW_KEY_MISMATCH,
              "Ed448 is not EdDSA's other name");
    free(token);
    gw_jwk_set_free(set);

    free(rsa);
    free(ec);
    free(ed);
}


/* each algorithm with the keys of all algorithms */

static void
test_matrix(void)
{
    char          *keys[32], *tokens[32], header[64];
    unsigned       i, j, wrong;
    gw_reason_e    rc;
    gw_jwk_set_t  *set;

    for (i = 0; i < gw_jwa_count; i++) {
        keys[i] = NULL;

        if (gw_jwa_available(&gw_jwa[i])) {
            keys[i] = make(gw_jwa[i].name, NULL);
            snprintf(header, sizeof(header), "{\"alg\":\"%s\"}",
                     gw_jwa[i].name);
            tokens[i] = sign(keys[i], gw_jwa[i].name, header, "{}");
        }
    }

    wrong = 0;

    for (i = 0; i < gw_jwa_count; i++) {
        if (keys[i] == NULL) {
            continue;
        }

        /* the key of HS512 also serves HS256: not tested here */
        set = keys_of(keys[i]);

        for (j = 0; j < gw_jwa_count; j++) {
            if (keys[j] == NULL) {
                continue;
            }

            rc = check(tokens[j], set);
            wrong += (rc == GW_OK) != (i == j);
            wrong += rc == GW_FAILED;
        }

        gw_jwk_set_free(set);
    }

    is_int(wrong, 0, "a token is verified by its own key and by no other");
    is_int((long long) ERR_peek_error(), 0, "OpenSSL's queue is empty");

    for (i = 0; i < gw_jwa_count; i++) {
        if (keys[i] != NULL) {
            free(keys[i]);
            free(tokens[i]);
        }
    }
}


/* --- ECDSA: the range of r and s (CVE-2022-21449), and no DER */

static gw_reason_e
check_rs(gw_jwk_set_t *set, const gw_jwa_t *alg, const unsigned char *r,
    const unsigned char *s)
{
    unsigned char  signature[132];

    memcpy(signature, r, alg->signature / 2);
    memcpy(signature + alg->signature / 2, s, alg->signature / 2);

    return gw_jwk_verify(&set->keys[0], alg, (const unsigned char *) "x", 1,
                         signature, alg->signature);
}


static void
test_ecdsa(void)
{
    char                 *text;
    size_t                i, size;
    gw_jwk_set_t         *set;
    unsigned char         zero[66], one[66], last[66], all[66];
    const gw_jwa_t       *alg;
    const unsigned char  *order;

    static const char *const  names[] = {
        "ES256", "ES384", "ES512", "ES256K"
    };

    for (i = 0; i < 4; i++) {
        alg = gw_jwa_find((const unsigned char *) names[i], strlen(names[i]));

        if (!gw_jwa_available(alg)) {
            continue;
        }

        text = make(names[i], NULL);
        set = keys_of(text);
        size = gw_kty[set->keys[0].kty].size;
        order = gw_kty[set->keys[0].kty].order;

        memset(zero, 0, sizeof(zero));
        memset(one, 0, sizeof(one));
        memset(all, 0xff, sizeof(all));
        one[size - 1] = 1;
        memcpy(last, order, size);
        last[size - 1]--;

        is_reason(check_rs(set, alg, zero, zero), GW_BAD_SIGNATURE,
                  "%s: r = s = 0", names[i]);
        is_reason(check_rs(set, alg, zero, one), GW_BAD_SIGNATURE, "r = 0");
        is_reason(check_rs(set, alg, one, zero), GW_BAD_SIGNATURE, "s = 0");
        is_reason(check_rs(set, alg, order, one), GW_BAD_SIGNATURE, "r = n");
        is_reason(check_rs(set, alg, one, order), GW_BAD_SIGNATURE, "s = n");
        is_reason(check_rs(set, alg, all, all), GW_BAD_SIGNATURE, "all ones");
        is_reason(check_rs(set, alg, one, last), GW_BAD_SIGNATURE,
                  "r = 1, s = n - 1: in range, and wrong");

        is_reason(gw_jwk_verify(&set->keys[0], alg, one, 1, all,
                                alg->signature + 1),
                  GW_MALFORMED_SIGNATURE, "a byte too many");
        is_reason(gw_jwk_verify(&set->keys[0], alg, one, 1, all,
                                alg->signature - 1),
                  GW_MALFORMED_SIGNATURE, "a byte too few");

        gw_jwk_set_free(set);
        free(text);
    }
}


/* --- the memo */

static void
test_memo(void)
{
    char            *token, header[64];
    json_t          *first;
    gw_jws_t         jws;
    unsigned         i, hits;
    gw_jwk_set_t    *set;
    gw_jws_memo_t   *memo;
    unsigned char    buf[1024];

    memo = gw_jws_memo_create();
    set = keys_of(OCT);

    token = sign(OCT, "HS256", "{\"alg\":\"HS256\",\"kid\":\"one\"}", "{}");

    gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token), buf,
                 NULL);
    first = jws.header;
    gw_jws_memo_add(memo, &jws);
    gw_jws_memo_add(memo, &jws);
    gw_jws_release(&jws);
    free(token);

    token = sign(OCT, "HS256", "{\"alg\":\"HS256\",\"kid\":\"one\"}",
                 "{\"a\":1}");
    is_int(gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token),
                        buf, NULL), GW_OK, "a second token of the same header");
    ok(jws.header == first, "the memo returns the header");
    is_bytes(jws.kid, jws.kid_len, "one", "the memo returns its kid");
    is_str(jws.alg->name, "HS256", "the memo returns its algorithm");
    is_bytes(jws.payload, jws.payload_len, "{\"a\":1}", "its own payload");
    is_reason(gw_jws_verify(&jws, &set, 1, &tries), GW_OK,
              "its own signature");
    ok(tries.set == set && tries.fit == 1, "by one key of the set");
    ok(tries.kid == NULL && tries.kid_len == 0, "the key has no kid");
    gw_jws_release(&jws);

    token[strlen(token) - 1] = '=';
    is_int(gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token),
                        buf, NULL), GW_MALFORMED_SIGNATURE,
           "a header of the memo is released after an error");
    free(token);

    /* seven more headers fill the memo, and another one evicts the first */

    for (i = 0; i < 8; i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%u\"}",
                 i);
        token = sign(OCT, "HS256", header, "{}");
        gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token), buf,
                 NULL);
        gw_jws_memo_add(memo, &jws);
        gw_jws_release(&jws);
        free(token);
    }

    for (i = 0, hits = 0; i < 8; i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%u\"}",
                 i);
        token = sign(OCT, "HS256", header, "{}");
        gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token), buf,
                 NULL);
        hits += jws.header->refcount == 2;
        gw_jws_release(&jws);
        free(token);
    }

    is_int(hits, 8, "the last eight headers are stored");

    token = sign(OCT, "HS256", "{\"alg\":\"HS256\",\"kid\":\"one\"}", "{}");
    gw_jws_parse(&jws, memo, (unsigned char *) token, strlen(token), buf,
                 NULL);
    is_int((long long) jws.header->refcount, 1, "the oldest header is evicted");
    gw_jws_release(&jws);
    free(token);

    gw_jwk_set_free(set);
    gw_jws_memo_free(memo);
}


/* a token with "n" values in its header */

static gw_reason_e
parse_values(unsigned n, const char *name)
{
    char            header[1024], *p, *token;
    unsigned        i;
    gw_jws_t        jws;
    gw_reason_e     rc;
    unsigned char   buf[2048];

    p = header + sprintf(header, "{\"alg\":\"HS256\",\"%s\":[{}", name);

    for (i = 4; i <= n; i++) {
        p += sprintf(p, ",{}");
    }

    strcpy(p, "]}");

    token = sign(OCT, "HS256", header, "{}");
    rc = gw_jws_parse(&jws, NULL, (unsigned char *) token, strlen(token),
                      buf, NULL);

    if (rc == GW_OK) {
        is_int((long long) json_object_size(jws.header), 1,
               "unknown header members are not built");
        is_int((long long) gw_jws_complete(&jws), GW_OK,
               "    before gw_jws_complete()");
        is_int((long long) json_array_size(json_object_get(jws.whole, name)),
               n - 2, "    gw_jws_complete() builds all of them");
        gw_jws_release(&jws);
    }

    free(token);

    return rc;
}


static void
test_values(void)
{
    is_reason(parse_values(GW_JWS_MAX_VALUES, "x"), GW_OK,
              "a header of 64 values");
    is_reason(parse_values(GW_JWS_MAX_VALUES + 1, "x"), GW_MALFORMED_HEADER,
              "a header of 65 values");
    is_reason(parse_values(3, "crit"), GW_MALFORMED_HEADER,
              "a \"crit\" array is rejected");
    is_reason(parse_values(3, "\\u0063rit"), GW_MALFORMED_HEADER,
              "    also with an escape");
    is_reason(parse_values(3, "k\\u0069d"), GW_MALFORMED_HEADER,
              "a \"kid\" array is rejected, also with an escape");
    is_reason(parse_values(3, "a\\u006cg"), GW_MALFORMED_HEADER,
              "a second \"alg\" with an escape");
}


/* the text for the log, and the "kid" if the header has one */

static const struct {
    const char  *header;
    const char  *behind;
    const char  *why;
    const char  *kid;
} errors[] = {
    { NULL, "", "1 part, a token has 3", "" },
    { NULL, "x.y", "2 parts, a token has 3", "" },
    { NULL, "a.b.c.d", "4 parts, a token has 3", "" },
    { NULL, "a.b.c.d.e",
      "encrypted token (5 parts), a signed token has 3", "" },
    { NULL, "a.b.c.d.e.f", "6 parts, a token has 3", "" },
    { NULL, "a=.e30.AA", "the header is not base64url", "" },
    { "[]", ".e30.AA", "the header is not a JSON object", "" },
    { "{\"kid\":\"k\"", ".e30.AA",
      "the header is not well-formed JSON, it ends too early", "" },
    { "{\"alg\":\"ES256\",\"alg\":\"none\"}", ".e30.AA",
      "the header has a duplicate member \"alg\"", "" },
    { "{\"a\\n\":1,\"a\\n\":1}", ".e30.AA",
      "the header has a duplicate member \"a\\x0a\"", "" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\",\"crit\":[\"exp\"]}", ".e30.AA",
      "the header has crit, which is not supported", "k" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\",\"b64\":false}", ".e30.AA",
      "the header has b64, which is not supported", "k" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\",\"zip\":\"DEF\"}", ".e30.AA",
      "the header has zip, which is not supported", "k" },
    { "{\"kid\":1,\"alg\":\"HS256\"}", ".e30.AA", "kid is a number", "" },
    { "{\"kid\":null,\"alg\":\"HS256\"}", ".e30.AA", "kid is null", "" },
    { "{\"kid\":\"k\",\"typ\":[],\"alg\":\"HS256\"}", ".e30.AA",
      "typ is an array", "k" },
    { "{\"kid\":\"k\",\"typ\":{},\"alg\":\"HS256\"}", ".e30.AA",
      "typ is an object", "k" },
    { "{\"kid\":\"k\",\"alg\":true}", ".e30.AA", "alg is a boolean", "k" },
    { "{\"kid\":\"k\"}", ".e30.AA", "the header has no alg", "k" },
    { "{\"kid\":\"k\",\"alg\":\"none\"}", ".e30.AA",
      "", "k" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\"}", ".e30=.AA",
      "the payload is not base64url", "k" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\"}", ".e30.",
      "the signature is empty", "k" },
    { "{\"kid\":\"k\",\"alg\":\"HS256\"}", ".e30.A",
      "the signature is not base64url", "k" }
};


static void
test_errors(void)
{
    char            token[2048], long_kid[512], *p;
    size_t          i;
    gw_jws_t        jws;
    unsigned char   buf[2100];
    gw_jws_error_t  error;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        p = token;

        if (errors[i].header != NULL) {
            p += gw_base64url_encode((unsigned char *) p,
                              (const unsigned char *) errors[i].header,
                              strlen(errors[i].header));
        }

        strcpy(p, errors[i].behind);

        ok(gw_jws_parse(&jws, NULL, (unsigned char *) token, strlen(token),
                        buf, &error) != GW_OK, "%s", errors[i].why);
        is_str(error.why, errors[i].why, "the error message");
        ok(error.kid_len == strlen(errors[i].kid)
           && memcmp(error.kid, errors[i].kid, error.kid_len) == 0,
           "    and the kid");
    }

    memset(long_kid, 'k', 300);
    sprintf(long_kid + 300, "%s", "\",\"alg\":\"none\"}");
    memcpy(long_kid, "{\"kid\":\"", 8);

    p = token + gw_base64url_encode((unsigned char *) token,
                                    (unsigned char *) long_kid,
                                    strlen(long_kid));
    strcpy(p, ".e30.AA");

    gw_jws_parse(&jws, NULL, (unsigned char *) token, strlen(token), buf,
                 &error);
    is_int((long long) error.kid_len, GW_JWK_MAX_KID,
           "a long kid is truncated");
}


int
main(void)
{
    test_rfc();
    test_forms();
    test_headers();
    test_choices();
    test_several_sets();
    test_long_kid();
    test_confusion();
    test_matrix();
    test_ecdsa();
    test_memo();
    test_values();
    test_errors();

    return done_testing();
}
