/* SPDX-License-Identifier: BSD-2-Clause */

/* key sets: keys that are accepted or left out, with the reason */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gw_json.h"
#include "gw_jwk_key.h"
#include "gw_private.h"
#include "rfc_vectors.h"
#include "tap.h"


/* secrets of the given sizes */
#define K31  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg"
#define K32  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define K47  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss"   \
    "LS4"
#define K48  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss"   \
    "LS4v"
#define K64  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKiss"   \
    "LS4vMDEyMzQ1Njc4OTo7PD0-Pw"

#define EC_X  "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ED_X  "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

#define OCT   "\"kty\":\"oct\",\"k\":\"" K32 "\""
#define EC    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X                \
              "\",\"y\":\"" EC_Y "\""
#define ED    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\""


/* the arguments of the note callback */

typedef struct {
    unsigned  calls;
    unsigned  number;
    int       kept;
    char      kid[GW_JWK_MAX_KID + 1];
    char      why[256];
} notes_t;

static notes_t  notes;
static char     err[512];


static void
take_note(void *data, unsigned number, const char *kid, const char *why,
    int kept)
{
    notes_t  *n = data;

    n->calls++;
    n->number = number;
    n->kept = kept;
    snprintf(n->kid, sizeof(n->kid), "%s", kid);
    snprintf(n->why, sizeof(n->why), "%s", why);
}


static gw_jwk_set_t *
parse_flags(const char *text, unsigned flags)
{
    memset(&notes, 0, sizeof(notes));
    memset(err, 0, sizeof(err));

    return gw_jwk_set_parse((const unsigned char *) text, strlen(text), flags,
                            take_note, &notes, err, sizeof(err));
}


static gw_jwk_set_t *
parse(const char *text)
{
    return parse_flags(text, 0);
}


static gw_jwk_set_t *
parse_pem(const char *text, size_t len)
{
    memset(&notes, 0, sizeof(notes));
    memset(err, 0, sizeof(err));

    return gw_jwk_set_parse_pem((const unsigned char *) text, len, take_note,
                                &notes, err, sizeof(err));
}


/* the algorithms of a set's first key, by name */

static const char *
served(const gw_jwk_set_t *set)
{
    unsigned     i;
    static char  names[256];

    names[0] = '\0';

    for (i = 0; set != NULL && i < gw_jwa_count; i++) {
        if (set->keys[0].algs & gw_jwa_bit(&gw_jwa[i])) {
            strcat(names, names[0] ? " " : "");
            strcat(names, gw_jwa[i].name);
        }
    }

    return names;
}


#define SHORT_KEY(length, needed)                                             \
    "is an HMAC key of " length " bytes, its hash needs " needed              \
    ": write a longer one, or \"gateway_jwt_key_policy compat\""

/* a key: the algorithms that it can be used with, or why it is left out */

static const struct {
    const char  *jwk;
    const char  *algs;
    const char  *why;
} keys[] = {
    { "{" OCT "}", "HS256", NULL },
    { "{" EC "}", "ES256", NULL },
    { "{" ED "}", "EdDSA Ed25519", NULL },
    { "{" EC ",\"alg\":\"ES256\",\"use\":\"sig\"}", "ES256", NULL },
    { "{" ED ",\"alg\":\"EdDSA\"}", "EdDSA", NULL },
    { "{" ED ",\"alg\":\"Ed25519\"}", "Ed25519", NULL },
    { "{" EC ",\"key_ops\":[\"verify\"]}", "ES256", NULL },
    { "{" EC ",\"key_ops\":[\"sign\",\"verify\"]}", "ES256", NULL },
    { "{" EC ",\"d\":\"AA\",\"x5c\":[1],\"x5u\":2,\"x5t\":3}", "ES256", NULL },
    { "{" EC ",\"kid\":\"\"}", "ES256", NULL },
    { "{\"kty\":\"oct\",\"k\":\"" K48 "\"}", "HS256 HS384", NULL },
    { "{\"kty\":\"oct\",\"k\":\"" K47 "\"}", "HS256", NULL },
    { "{\"kty\":\"oct\",\"k\":\"" K64 "\"}", "HS256 HS384 HS512", NULL },
    { "{\"kty\":\"oct\",\"k\":\"" K48 "\",\"alg\":\"HS384\"}", "HS384", NULL },

    { "{\"kty\":\"oct\",\"k\":\"" K31 "\"}", "",
      SHORT_KEY("31", "32") },
    { "{\"kty\":\"oct\",\"k\":\"" K31 "\",\"alg\":\"HS256\"}", "",
      SHORT_KEY("31", "32") },
    { "{\"kty\":\"oct\",\"k\":\"" K47 "\",\"alg\":\"HS384\"}", "",
      SHORT_KEY("47", "48") },
    { "{\"kty\":\"oct\",\"k\":\"" K48 "\",\"alg\":\"HS512\"}", "",
      SHORT_KEY("48", "64") },
    { "{\"kty\":\"oct\",\"k\":\"\"}", "", "has an empty \"k\"" },
    { "{\"kty\":\"oct\",\"k\":\"" K32 "=\"}", "",
      "has a \"k\" that is padded, it must be base64url without \"=\"" },
    { "{\"kty\":\"oct\",\"k\":\"" K32 "/\"}", "",
      "has a \"k\" in base64, it must be base64url, with \"-\" for \"+\" and "
      "\"_\" for \"/\"" },
    { "{\"kty\":\"oct\",\"k\":\"" K32 "\\n\"}", "",
      "has a \"k\" that is not base64url" },
    { "{\"kty\":\"oct\",\"k\":1}", "",
      "has a \"k\" that is a number, it must be a string" },
    { "{\"kty\":\"oct\"}", "", "has no \"k\"" },

    { "{" OCT ",\"use\":\"enc\"}", "", "has a \"use\" other than \"sig\"" },
    { "{" OCT ",\"use\":null}", "", "has a \"use\" other than \"sig\"" },
    { "{" EC ",\"key_ops\":[\"sign\"]}", "",
      "has \"key_ops\" without \"verify\"" },
    { "{" EC ",\"key_ops\":[]}", "", "has \"key_ops\" without \"verify\"" },
    { "{" EC ",\"key_ops\":\"verify\"}", "",
      "has \"key_ops\" without \"verify\"" },
    { "{" EC ",\"alg\":\"ES384\"}", "",
      "has an \"alg\" that does not fit the key: \"ES384\", "
      "allowed are ES256" },
    { "{" EC ",\"alg\":\"es256\"}", "",
      "has an \"alg\" that does not fit the key: \"es256\", "
      "allowed are ES256" },
    { "{" EC ",\"alg\":\"HS256\"}", "",
      "has an \"alg\" that does not fit the key: \"HS256\", "
      "allowed are ES256" },
    { "{" EC ",\"alg\":\"none\"}", "",
      "has an \"alg\" that does not fit the key: \"none\", "
      "allowed are ES256" },
    { "{" EC ",\"alg\":\"ECDH-ES\"}", "",
      "has an \"alg\" that does not fit the key: \"ECDH-ES\", "
      "allowed are ES256" },
    { "{" EC ",\"alg\":1}", "", "has an \"alg\" that is not a string" },
    { "{" ED ",\"alg\":\"Ed448\"}", "",
      "has an \"alg\" that does not fit the key: \"Ed448\", "
      "allowed are EdDSA, Ed25519" },
    { "{" OCT ",\"alg\":\"A256GCM\"}", "",
      "has an \"alg\" that does not fit the key: \"A256GCM\", "
      "allowed are HS256, HS384, HS512" },
    { "{" EC ",\"kid\":1}", "", "has a \"kid\" that is not a string" },
    { "{" EC ",\"kid\":null}", "", "has a \"kid\" that is not a string" },

    { "{\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}", "",
      "has no \"crv\", allowed are P-256, P-384, P-521, secp256k1" },
    { "{\"kty\":\"EC\",\"crv\":\"P-224\",\"x\":\"AA\",\"y\":\"AA\"}", "",
      "has an unknown \"crv\": \"P-224\", "
      "allowed are P-256, P-384, P-521, secp256k1" },
    { "{\"kty\":\"EC\",\"crv\":1}", "",
      "has a \"crv\" that is not a string" },
    { "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}", "",
      "has an unknown \"crv\": \"X25519\", allowed are Ed25519, Ed448" },
    { "{\"kty\":\"ec\",\"crv\":\"P-256\"}", "",
      "has an unknown \"kty\": \"ec\", allowed are oct, RSA, EC, OKP, AKP" },
    { "{\"kty\":\"AKP\",\"pub\":\"AA\"}", "",
      "has no \"alg\", allowed are ML-DSA-44, ML-DSA-65, ML-DSA-87" },
    { "{\"kty\":\"AKP\",\"alg\":\"ES256\"}", "",
      "has an unknown \"alg\": \"ES256\", "
      "allowed are ML-DSA-44, ML-DSA-65, ML-DSA-87" },
    { "{\"kty\":1}", "", "has a \"kty\" that is not a string" },

    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X
      "\"}", "",
      "is no valid key of its type, or OpenSSL does not offer it" },
    { "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
      "\"}", "",
      "has an \"x\" of 32 bytes, its type needs 48" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", "",
      "has no \"y\"" },
    { "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" EC_X "\",\"y\":\"" EC_Y
      "\"}", "",
      "has an \"x\" that is not base64url" },
    { "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" EC_X "A\"}", "",
      "has an \"x\" of 33 bytes, its type needs 32" },
    { "{\"kty\":\"AKP\",\"alg\":\"ML-DSA-44\",\"pub\":\"AAAA\"}", "",
      "has a \"pub\" of 3 bytes, its type needs 1312" },
    { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "",
      "is an RSA key of less than 2048 bits" },
    { "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", "",
      "has no \"n\"" },
    { "{\"kty\":\"RSA\",\"n\":\"AQAB\"}", "", "has no \"e\"" },
    { "{\"kty\":\"RSA\",\"n\":\"AQ==\",\"e\":\"AQAB\"}", "",
      "has an \"n\" that is padded, it must be base64url without \"=\"" },
    { "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQA+\"}", "",
      "has an \"e\" in base64, it must be base64url, with \"-\" for \"+\" and "
      "\"_\" for \"/\"" },
    { "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", "",
      "has an empty \"n\"" }
};


static void
test_keys(void)
{
    size_t         i;
    char           expected[256];
    gw_jwk_set_t  *set;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        set = parse(keys[i].jwk);

        if (keys[i].why == NULL) {
            is_str(served(set), keys[i].algs, "%s", keys[i].jwk);
            is_int(notes.calls, 0, "without a note");

        } else {
            snprintf(expected, sizeof(expected),
                     "contains no usable key: it %s", keys[i].why);
            is_str(set ? "a key" : err, expected, "%s", keys[i].jwk);
            is_str(notes.why, keys[i].why, "the caller receives the reason");
        }

        gw_jwk_set_free(set);
    }

    is_int((long long) ERR_peek_error(), 0, "OpenSSL's queue is empty");
}


static const struct {
    const char  *text;
    const char  *err;
} files[] = {
    { "", "is empty, it must be a JWK or a JWK Set" },
    { "[]", "is a JSON array, it must be a JWK or a JWK Set" },
    { "<html>", "is HTML or XML, it must be a JWK or a JWK Set" },
    { "\357\273\277{\"keys\":[]}",
      "begins with a byte order mark, save it as UTF-8 without one" },
    { "keys:\n  - kty: oct\n", "is YAML, it must be a JWK or a JWK Set" },
    { "https://e.com/jwks", "contains a URL, save what it returns in the file" },
    { "correct horse", "contains no JSON object, it must be a JWK or a JWK Set, "
      "such as \"nginx-gateway jwk import\" makes of a secret" },
    { "{}",
      "is neither a JWK nor a JWK Set, it must have \"keys\" or \"kty\"" },
    { "{\"keys\":{}}",
      "is neither a JWK nor a JWK Set, its \"keys\" must be an array" },
    { "{\"issuer\":\"https://e.com\",\"jwks_uri\":\"https://e.com/jwks\"}",
      "is neither a JWK nor a JWK Set, it is an OpenID configuration: save "
      "what its \"jwks_uri\" returns" },
    { "{\"a\":\"-----BEGIN CERTIFICATE-----\\nMIIB\"}",
      "is neither a JWK nor a JWK Set, it maps names to PEM: save the JWK Set "
      "of the issuer, or each PEM in a file of its own with \"pem\"" },
    { "{\"a\":\"----- BEGIN\"}",
      "is neither a JWK nor a JWK Set, it must have \"keys\" or \"kty\"" },
    { "{\"keys\":[]}", "contains no key" },
    { "{\"keys\":[1,2]}",
      "contains no usable key: the first is not an object" },
    { "{\"keys\":[],\"keys\":[{" EC "}]}",
      "has a duplicate member \"keys\" (line 1, column 12)" },
    { "{\"keys\":[\n{" EC ",\n \"alg\":\"ES256\",\n \"alg\":\"ES256\"}]}",
      "has a duplicate member \"alg\" (line 4, column 2)" },
    { "{\"keys\":[\n{" EC "}]",
      "is not well-formed JSON, it ends too early (line 2, column 128)" },
    { "{\"keys\":[{" EC "},\n]}", "is not well-formed JSON, a comma must not "
      "precede a closing bracket (line 2, column 1)" },
    { "{\"keys\":[\n{" EC "}]} x",
      "has bytes after its end (line 2, column 130)" }
};


/* the same for responses, which nobody can save or import */

static const struct {
    const char  *text;
    const char  *err;
} responses[] = {
    { "", "is empty, it must be a JWK or a JWK Set" },
    { "\357\273\277{\"keys\":[]}",
      "begins with a byte order mark, it must be a JWK or a JWK Set in UTF-8 "
      "without a byte order mark" },
    { "\377\376{",
      "is UTF-16, it must be a JWK or a JWK Set in UTF-8 without a byte order "
      "mark" },
    { "https://e.com/jwks", "contains a URL, it must be a JWK or a JWK Set" },
    { "correct horse",
      "contains no JSON object, it must be a JWK or a JWK Set" },
    { "{}",
      "is neither a JWK nor a JWK Set, it must have \"keys\" or \"kty\"" },
    { "{\"issuer\":\"https://e.com\",\"jwks_uri\":\"https://e.com/jwks\"}",
      "is neither a JWK nor a JWK Set, it is an OpenID configuration: pass to "
      "its \"jwks_uri\"" },
    { "{\"a\":\"-----BEGIN CERTIFICATE-----\\nMIIB\"}",
      "is neither a JWK nor a JWK Set, it maps names to PEM: pass to the JWK "
      "Set of the issuer" },
    { "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\",\"alg\":\"HS256\"}",
      "contains no usable key: it is an HMAC key of 5 bytes, its hash needs "
      "32: use a longer one, or \"gateway_jwt_key_policy compat\"" },
    { "{\"keys\":[{" EC ",\"d\":\"AQ\"}]}",
      "contains a private key, the issuer must publish public keys only" },
    { "{\"keys\":[\n{" EC "}]} x",
      "has bytes after its end (line 2, column 130)" }
};


static void
test_sets(void)
{
    size_t         i;
    gw_jwk_set_t  *set;

    for (i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        set = parse_flags(responses[i].text, GW_JWK_PUBLIC | GW_JWK_REMOTE);
        is_str(set ? "a set" : err, responses[i].err, "a response: %s",
               responses[i].text);
        gw_jwk_set_free(set);
    }

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        set = parse(files[i].text);
        is_str(set ? "a set" : err, files[i].err, "%s", files[i].text);
        gw_jwk_set_free(set);
    }

    set = parse("{\"keys\":[{\"kty\":\"x\"},{" EC ",\"kid\":\"a\"},1,{" ED
                ",\"kid\":\"a\"}]}");
    is_int(set ? gw_jwk_set_count(set) : 0, 2, "bad keys are left out");
    is_int(notes.calls, 2, "the caller receives a note");
    is_int(notes.number, 2, "the note has the number of the key");
    gw_jwk_set_free(set);

    set = parse("{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"},{" EC
                ",\"kid\":\"b\"},{" EC ",\"kid\":\"a\",\"alg\":\"ES256\"}]}");
    is_int(set ? gw_jwk_set_count(set) : 0, 3,
           "a key with the kid of an earlier one is left out");
    is_str(notes.why, "has the \"kid\" and the type of a key before it",
           "the caller receives a note");
    gw_jwk_set_free(set);

    set = parse("{\"keys\":[{" EC "},{" EC "}]}");
    is_int(set ? gw_jwk_set_count(set) : 0, 2,
           "keys without kid are never duplicates");
    gw_jwk_set_free(set);

    set = parse("{\"keys\":[{\"kty\":\"x\",\"kid\":\"a\\n\\\"\\u001b[31m"
                "\303\251\"},{" EC "}]}");
    is_str(notes.kid, "a???[31m??", "unprintable bytes of a kid are replaced");
    gw_jwk_set_free(set);
}


static void
test_only_oct(void)
{
    size_t         i;
    gw_jwk_set_t  *set;

    static const struct {
        const char  *text;
        int          only_oct;
    } sets[] = {
        { "{" OCT "}", 1 },
        { "{" EC "}", 0 },
        { "{\"keys\":[{" OCT "},{" OCT "}]}", 1 },
        { "{\"keys\":[{" OCT "},{" EC "}]}", 0 },
        { "{\"keys\":[{" OCT "},{\"kty\":\"oct\",\"k\":\"AA\"}]}", 1 },
        { "{\"keys\":[{" OCT "},{\"kty\":\"RSA\"}]}", 0 },
        { "{\"keys\":[{" OCT "},{\"kty\":\"unheard\"}]}", 0 },
        { "{\"keys\":[{" OCT "},{}]}", 0 }
    };

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        set = parse(sets[i].text);
        is_int(set ? gw_jwk_set_only_oct(set) : -1, sets[i].only_oct,
               "only oct: %s", sets[i].text);
        gw_jwk_set_free(set);
    }
}


static void
test_compat(void)
{
    gw_jwk_set_t  *set;

    set = parse_flags("{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"s\"}",
                      GW_JWK_COMPAT);
    is_str(served(set), "HS256 HS384 HS512", "a short key is kept");
    ok(notes.calls == 1 && notes.kept == 1, "a short key has a note");
    is_str(notes.kid, "s", "the note has the kid");
    gw_jwk_set_free(set);

    set = parse_flags("{\"kty\":\"oct\",\"k\":\"AA\",\"alg\":\"HS384\"}",
                      GW_JWK_COMPAT);
    is_str(served(set), "HS384", "its alg is still respected");
    gw_jwk_set_free(set);

    set = parse_flags("{" OCT "}", GW_JWK_COMPAT);
    is_int(notes.calls, 0, "no note for a key that is long enough");
    gw_jwk_set_free(set);

    set = parse_flags("{\"kty\":\"oct\",\"k\":\"\"}", GW_JWK_COMPAT);
    ok(set == NULL, "an empty key is rejected");
}


static void
test_limits(void)
{
    int            n;
    char          *text, *p, kid[300];
    gw_jwk_set_t  *set;

    memset(kid, 'k', sizeof(kid));
    text = malloc(1100 * 300);

    sprintf(text, "{" EC ",\"kid\":\"%.256s\"}", kid);
    set = parse(text);
    ok(set != NULL, "a kid of 256 bytes");
    gw_jwk_set_free(set);

    sprintf(text, "{" EC ",\"kid\":\"%.257s\"}", kid);
    ok(parse(text) == NULL, "a kid of 257 bytes is rejected");

    for (n = 1024; n <= 1025; n++) {
        int  i;

        p = text + sprintf(text, "{\"keys\":[");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s{" OCT ",\"alg\":\"HS256\",\"kid\":\"%d\"}",
                         i ? "," : "", i);
        }

        strcpy(p, "]}");

        set = parse(text);
        is_int(set ? gw_jwk_set_count(set) : 0, n == 1024 ? 1024 : 0,
               "a set of %d keys", n);
        gw_jwk_set_free(set);
    }

    is_str(err, "contains more than 1024 keys", "the error message");

    free(text);
}


/* RSA keys made of chosen numbers; their factors are not needed */

static void
is_rsa(BIGNUM *n, BIGNUM *e, const char *expected, const char *name)
{
    int             nlen, elen;
    const char     *why;
    unsigned char   nbuf[2100], ebuf[64];

    nlen = BN_bn2bin(n, nbuf + 1) + 1;
    nbuf[0] = 0;
    elen = BN_bn2bin(e, ebuf);

    why = gw_rsa_judge(nbuf, (size_t) nlen, ebuf, (size_t) elen);
    is_str(why ? why : "good", expected, "RSA: %s", name);
}


static BIGNUM *
odd_number(int bits)
{
    BIGNUM  *n;

    n = BN_new();
    BN_set_bit(n, bits - 1);
    BN_set_bit(n, bits / 2);
    BN_set_bit(n, 0);

    return n;
}


/* a prime with the structure of those in CVE-2017-15361 (ROCA) */

static BIGNUM *
roca_number(BN_CTX *ctx)
{
    int      p, q;
    BIGNUM  *m, *n, *power;

    m = BN_new();
    power = BN_new();
    BN_set_word(m, 2);

    for (p = 3; p <= 167; p += 2) {
        for (q = 3; q < p && p % q != 0; q += 2) { /* void */ }

        if (q == p) {
            BN_mul_word(m, (BN_ULONG) p);
        }
    }

    BN_set_word(power, 65537);
    n = BN_new();
    BN_set_word(n, 12345);
    BN_mod_exp(power, power, n, m, ctx);

    BN_lshift(n, m, 2047 - BN_num_bits(m));
    BN_add(n, n, power);
    BN_lshift(m, m, 2040 - BN_num_bits(m));
    BN_add(n, n, m);

    /* all summands of n except "power" are multiples of m */

    while (BN_num_bits(n) < 2048) {
        BN_add(n, n, m);
    }

    BN_free(m);
    BN_free(power);

    return n;
}


static void
test_rsa(void)
{
    BIGNUM  *n, *e;
    BN_CTX  *ctx;

    static const char  weak_exponent[] =
        "has an RSA exponent that is even, below 3 or above 2^33";

    ctx = BN_CTX_new();
    e = BN_new();
    BN_set_word(e, 65537);

    n = odd_number(2048);
    is_rsa(n, e, "good", "2048 bits");

    BN_set_word(e, 3);
    is_rsa(n, e, "good", "exponent 3");
    BN_set_word(e, 1);
    is_rsa(n, e, weak_exponent, "exponent 1");
    BN_set_word(e, 0);
    is_rsa(n, e, weak_exponent, "exponent 0");
    BN_set_word(e, 65536);
    is_rsa(n, e, weak_exponent, "even exponent");
    BN_set_word(e, 0x1ffffffffUL);
    is_rsa(n, e, "good", "exponent 2^33 - 1");
    BN_set_word(e, 0x200000001UL);
    is_rsa(n, e, weak_exponent, "exponent 2^33 + 1");
    BN_set_word(e, 1);
    BN_lshift(e, e, 256);
    BN_set_bit(e, 0);
    is_rsa(n, e, weak_exponent, "exponent 2^256 + 1");
    BN_set_word(e, 65537);

    BN_clear_bit(n, 0);
    is_rsa(n, e, "has an even RSA modulus", "even modulus");
    BN_free(n);

    n = odd_number(2047);
    is_rsa(n, e, "is an RSA key of less than 2048 bits", "2047 bits");
    BN_free(n);

    n = odd_number(16384);
    is_rsa(n, e, "good", "16384 bits");
    BN_free(n);

    n = odd_number(16385);
    is_rsa(n, e, "is an RSA key of more than 16384 bits", "16385 bits");
    BN_free(n);

    n = roca_number(ctx);
    is_rsa(n, e, "is an RSA key that can be factored (CVE-2017-15361)",
           "ROCA fingerprint");
    BN_add_word(n, 2);
    is_rsa(n, e, "good", "its neighbour");
    BN_free(n);

    BN_free(e);
    BN_CTX_free(ctx);
}


/* --- PEM */

static char *
pem_of(BIO *bio, size_t *len)
{
    char  *data, *text;
    long   n;

    n = BIO_get_mem_data(bio, &data);
    text = malloc((size_t) n + 1);
    memcpy(text, data, (size_t) n);
    text[n] = '\0';
    *len = (size_t) n;
    BIO_free(bio);

    return text;
}


static gw_private_t
make_key(const char *alg, json_t **jwk)
{
    const char    *why;
    gw_private_t   key;

    *jwk = gw_generate(gw_jwa_find((const unsigned char *) alg, strlen(alg)),
                       0, &why);
    why = gw_private_load(&key, *jwk);

    if (why != NULL) {
        note("%s %s", alg, why);
        exit(1);
    }

    return key;
}


static void
put_certificate(BIO *bio, EVP_PKEY *pkey, const EVP_MD *md)
{
    X509  *cert;

    cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert), -3600);
    X509_set_pubkey(cert, pkey);
    X509_sign(cert, pkey, md);
    PEM_write_bio_X509(bio, cert);
    X509_free(cert);
}


static void
test_pem(void)
{
    BIO           *bio;
    char          *text;
    json_t        *rsa_jwk, *ec_jwk, *ed_jwk;
    size_t         len;
    gw_private_t   rsa, ec, ed;
    gw_jwk_set_t  *set;

    rsa = make_key("RS256", &rsa_jwk);
    ec = make_key("ES256", &ec_jwk);
    ed = make_key("EdDSA", &ed_jwk);

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, rsa.pkey);
    BIO_puts(bio, "a comment between them\n");
    PEM_write_bio_PUBKEY(bio, ec.pkey);
    put_certificate(bio, ed.pkey, NULL);
    text = pem_of(bio, &len);

    set = parse_pem(text, len);
    is_int(set ? gw_jwk_set_count(set) : 0, 3,
           "two public keys and an expired certificate");
    is_str(served(set), "RS256 RS384 RS512 PS256 PS384 PS512",
           "an RSA key serves both paddings");
    is_int(set ? gw_jwk_set_only_oct(set) : -1, 0, "PEM is never oct");
    gw_jwk_set_free(set);

    text[40] = '*';
    ok(parse_pem(text, len) == NULL, "malformed base64");
    is_str(err, "is malformed PEM", "the error message");

    ok(parse_pem(text, len / 2) == NULL, "truncated PEM");
    free(text);

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, ec.pkey);
    PEM_write_bio_PrivateKey(bio, ec.pkey, NULL, NULL, 0, NULL, NULL);
    text = pem_of(bio, &len);
    ok(parse_pem(text, len) == NULL, "a private key is rejected");
    ok(strstr(err, "private key") != NULL, "the error names the private key");
    free(text);

    bio = BIO_new(BIO_s_mem());
    BIO_puts(bio, "-----BEGIN THING-----\nAAAA\n-----END THING-----\n");
    PEM_write_bio_PUBKEY(bio, ec.pkey);
    text = pem_of(bio, &len);
    set = parse_pem(text, len);
    is_str(served(set), "ES256", "a PEM block that is no key is left out");
    is_int(notes.calls, 1, "the caller receives a note");
    gw_jwk_set_free(set);
    free(text);

    ok(parse_pem("", 0) == NULL, "an empty file");
    is_str(err, "contains no public key or certificate, it is empty",
           "the error message");
    ok(parse_pem("{}", 2) == NULL, "no PEM at all");

    gw_private_free(&rsa);
    gw_private_free(&ec);
    gw_private_free(&ed);
    json_decref(rsa_jwk);
    json_decref(ec_jwk);
    json_decref(ed_jwk);
}


/* a key of id-RSASSA-PSS; "md" and "salt" are its parameters, NULL: none */

static EVP_PKEY *
make_pss(const EVP_MD *md, int salt)
{
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);

    if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0
        || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) <= 0
        || (md && (EVP_PKEY_CTX_set_rsa_pss_keygen_md(ctx, md) <= 0
                   || EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(ctx, md) <= 0
                   || EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, salt) <= 0))
        || EVP_PKEY_keygen(ctx, &pkey) <= 0)
    {
        note("no key of id-RSASSA-PSS");
        exit(1);
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static void
check_pem(void (*put)(BIO *bio, EVP_PKEY *pkey), EVP_PKEY *pkey,
    const char *expected, const char *name)
{
    BIO           *bio;
    char          *text;
    size_t         len;
    gw_jwk_set_t  *set;

    bio = BIO_new(BIO_s_mem());
    put(bio, pkey);
    text = pem_of(bio, &len);

    set = parse_pem(text, len);
    is_str(set ? served(set) : err, expected, "%s", name);

    gw_jwk_set_free(set);
    free(text);
}


static void
put_public(BIO *bio, EVP_PKEY *pkey)
{
    PEM_write_bio_PUBKEY(bio, pkey);
}


static void
put_pss_certificate(BIO *bio, EVP_PKEY *pkey)
{
    put_certificate(bio, pkey, EVP_sha256());
}


/* PKCS#1, as "openssl rsa -RSAPublicKey_out" writes it */

static void
put_pkcs1(BIO *bio, EVP_PKEY *pkey)
{
    int             len;
    unsigned char  *der;

    der = NULL;
    len = i2d_PublicKey(pkey, &der);
    PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len);
    OPENSSL_free(der);
}


static void
put_pkcs1_tail(BIO *bio, EVP_PKEY *pkey)
{
    int             len;
    unsigned char  *der, *longer;

    der = NULL;
    len = i2d_PublicKey(pkey, &der);
    longer = malloc((size_t) len + 1);
    memcpy(longer, der, (size_t) len);
    longer[len] = 0;
    PEM_write_bio(bio, "RSA PUBLIC KEY", "", longer, len + 1);
    OPENSSL_free(der);
    free(longer);
}


static void
put_trusted(BIO *bio, EVP_PKEY *pkey)
{
    (void) pkey;

    PEM_write_bio(bio, "TRUSTED CERTIFICATE", "",
                  (const unsigned char *) "x", 1);
}


static void
put_private_pkcs1(BIO *bio, EVP_PKEY *pkey)
{
    put_public(bio, pkey);
    PEM_write_bio(bio, "RSA PRIVATE KEY", "", (const unsigned char *) "x", 1);
}


static void
test_pem_kinds(void)
{
    json_t        *jwk, *ec_jwk;
    EVP_PKEY      *pkey;
    gw_private_t   rsa, ec;

    rsa = make_key("RS256", &jwk);
    ec = make_key("ES256", &ec_jwk);

    check_pem(put_pkcs1, rsa.pkey, "RS256 RS384 RS512 PS256 PS384 PS512",
              "RSA PUBLIC KEY serves both paddings");
    check_pem(put_pkcs1_tail, rsa.pkey,
              "contains no usable key: the first is no "
              "public key or certificate that OpenSSL can read",
              "RSA PUBLIC KEY with a trailing byte");
    check_pem(put_pkcs1, ec.pkey,
              "contains no usable key: the first is no "
              "public key or certificate that OpenSSL can read",
              "RSA PUBLIC KEY of another key");
    check_pem(put_private_pkcs1, rsa.pkey,
              "contains a private key, use its public "
              "key instead", "RSA PRIVATE KEY");
    check_pem(put_trusted, NULL,
              "contains no usable key: the first is a TRUSTED "
              "CERTIFICATE, write it as CERTIFICATE with \"openssl x509 -in "
              "file\"", "TRUSTED CERTIFICATE is named");

    pkey = make_pss(NULL, 0);
    check_pem(put_public, pkey, "PS256 PS384 PS512",
              "id-RSASSA-PSS without parameters");
    check_pem(put_pss_certificate, pkey, "PS256 PS384 PS512",
              "id-RSASSA-PSS in a certificate");
    EVP_PKEY_free(pkey);

    pkey = make_pss(EVP_sha256(), 32);
    check_pem(put_public, pkey, "PS256", "id-RSASSA-PSS for SHA-256");
    EVP_PKEY_free(pkey);

    pkey = make_pss(EVP_sha512(), 20);
    check_pem(put_public, pkey, "PS512",
              "id-RSASSA-PSS for SHA-512 and a short salt");
    EVP_PKEY_free(pkey);

    pkey = make_pss(EVP_sha384(), 49);
    check_pem(put_public, pkey,
              "contains no usable key: the first has RSASSA-PSS "
              "parameters that serve no algorithm",
              "id-RSASSA-PSS for a salt longer than the hash");
    EVP_PKEY_free(pkey);

    pkey = make_pss(EVP_sha1(), 20);
    check_pem(put_public, pkey,
              "contains no usable key: the first has RSASSA-PSS "
              "parameters that serve no algorithm", "id-RSASSA-PSS for SHA-1");
    EVP_PKEY_free(pkey);

    gw_private_free(&rsa);
    gw_private_free(&ec);
    json_decref(jwk);
    json_decref(ec_jwk);
}


/* public keys that no algorithm uses */

static const char  pem_explicit[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n"
    "AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n"
    "///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n"
    "NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n"
    "RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n"
    "//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABFGHqqRX+cNJxbPqxx3NOxpo\n"
    "O/fCdsSD0jkg4+nKNpftn5qaZRseGOMctl2u9h96YI/BLylzadlo5hv6uA7J8xM=\n"
    "-----END PUBLIC KEY-----\n";

static const char  pem_x25519[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";


static void
test_strange_pem(void)
{
    ok(parse_pem(pem_explicit, strlen(pem_explicit)) == NULL,
       "a curve by its parameters");
    is_str(notes.why, "is of a type that no algorithm uses", "its note");
    ok(parse_pem(pem_x25519, strlen(pem_x25519)) == NULL,
       "a key for key agreement");
    is_str(notes.why, "is of a type that no algorithm uses", "its note");
}


/* --- RFC 7517, RFC 7638, and generated keys of each algorithm */

static void
test_rfc(void)
{
    char           thumbprint[GW_THUMBPRINT_SIZE];
    json_t        *jwk;
    gw_jwk_set_t  *set;

    set = parse(rfc7517_a1);
    is_str(served(set), "RS256", "RFC 7517 A.1: the signature key");
    is_str(notes.kid, "1", "the encryption key is left out");
    gw_jwk_set_free(set);

    set = parse(rfc7517_a3);
    is_str(served(set), "HS256 HS384 HS512", "RFC 7517 A.3: the HMAC key");
    is_int(notes.calls, 1, "the wrapping key is left out");
    gw_jwk_set_free(set);

    jwk = gw_json_parse((const unsigned char *) rfc7638_key,
                        strlen(rfc7638_key), NULL);
    gw_thumbprint(jwk, thumbprint);
    is_str(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
           "RFC 7638 3.1");
    json_decref(jwk);

    jwk = gw_json_parse((const unsigned char *) rfc8037_private,
                        strlen(rfc8037_private), NULL);
    gw_thumbprint(jwk, thumbprint);
    is_str(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
           "RFC 8037 A.3");
    json_decref(jwk);
}


static void
test_generated(void)
{
    size_t         len;
    json_t        *jwk;
    unsigned       i;
    const char    *why;
    gw_jwk_set_t  *set;
    unsigned char  text[8192];

    for (i = 0; i < gw_jwa_count; i++) {
        if (!gw_jwa_available(&gw_jwa[i])) {
            note("%s is not offered by this OpenSSL", gw_jwa[i].name);
            continue;
        }

        jwk = gw_generate(&gw_jwa[i], 0, &why);
        len = gw_json_text(jwk, text);
        text[len] = '\0';
        json_decref(jwk);

        set = parse((char *) text);
        is_str(served(set), gw_jwa[i].name, "a generated key");
        gw_jwk_set_free(set);
    }

    ok(gw_jwa_find((const unsigned char *) "none", 4) == NULL,
       "\"none\" has no row");
    ok((gw_jwa_hmac & gw_jwa_asymmetric) == 0
       && (gw_jwa_hmac | gw_jwa_asymmetric) == (1u << gw_jwa_count) - 1,
       "each algorithm is in exactly one of both sets");

    for (i = 0; i < gw_jwa_count; i++) {
        if ((gw_jwa[i].family == GW_JWA_HMAC)
            != ((gw_jwa_hmac & gw_jwa_bit(&gw_jwa[i])) != 0))
        {
            ok(0, "%s is in the wrong set", gw_jwa[i].name);
        }
    }
}


int
main(void)
{
    test_keys();
    test_sets();
    test_only_oct();
    test_compat();
    test_limits();
    test_rsa();
    test_pem();
    test_pem_kinds();
    test_strange_pem();
    test_rfc();
    test_generated();

    return done_testing();
}
