
/*
 * JWK and JWK Sets: see gw_jwk.h.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <jansson.h>

#include "gw_base64url.h"
#include "gw_der.h"
#include "gw_json.h"
#include "gw_jwk_key.h"


#define GW_JWK_MIN_SECRET  32     /* bytes, of a key without "alg" */
#define GW_JWK_MAX_SPKI    4096   /* RSA-16384: 2 kB, ML-DSA-87: 2.6 kB */
#define GW_JWK_MAX_WHY     160    /* a sentence */


/* a set while it is read */

typedef struct {
    gw_jwk_set_t    *set;
    unsigned         flags;
    gw_jwk_note_pt   note;
    void            *data;
    char             why[GW_JWK_MAX_WHY];   /* of the first key left out */
    char             length[GW_JWK_MAX_WHY];    /* of a key that is short */
} gw_jwk_reader_t;


typedef struct {
    unsigned char   *data;      /* NULL: absent or not base64url */
    size_t           len;
} gw_jwk_octets_t;


static gw_jwk_set_t *gw_jwk_set_read(gw_jwk_reader_t *reader, json_t *root,
    char *err, size_t size);
static void gw_jwk_set_add(gw_jwk_reader_t *reader, unsigned number,
    json_t *jwk);
static void gw_jwk_note(gw_jwk_reader_t *reader, unsigned number, json_t *jwk,
    const char *why, int kept);
static gw_jwk_set_t *gw_jwk_error(char *err, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static const char *gw_jwk_read(gw_jwk_reader_t *reader, gw_jwk_t *key,
    json_t *jwk);
static const char *gw_jwk_read_kid(gw_jwk_t *key, json_t *jwk);
static const char *gw_jwk_judge_use(json_t *jwk);
static const char *gw_jwk_judge_alg(json_t *jwk, gw_kty_e *kty,
    const gw_jwa_t **alg);
static const char *gw_jwk_read_oct(gw_jwk_reader_t *reader, gw_jwk_t *key,
    json_t *jwk, const gw_jwa_t *alg);
static const char *gw_jwk_short(gw_jwk_reader_t *reader, size_t len,
    size_t needed);
static const char *gw_jwk_read_rsa(gw_der_writer_t *der, json_t *jwk,
    gw_kty_e kty);
static const char *gw_jwk_read_ec(gw_der_writer_t *der, json_t *jwk,
    gw_kty_e kty);
static const char *gw_jwk_read_raw(gw_der_writer_t *der, json_t *jwk,
    gw_kty_e kty);
static const char *gw_jwk_read_public(gw_jwk_reader_t *reader, gw_jwk_t *key,
    json_t *jwk, gw_kty_e kty, const gw_jwa_t *alg);

static int gw_jwk_is_twin(const gw_jwk_set_t *set, const gw_jwk_t *key);
static int gw_jwk_only_oct(const json_t *keys);
static int gw_jwk_is_private(const json_t *keys);
static size_t gw_jwk_digest_size(const gw_jwa_t *alg);
static gw_jwk_octets_t gw_jwk_octets(json_t *jwk, const char *name);
static void gw_jwk_octets_free(gw_jwk_octets_t *octets);
static void gw_jwk_cleanse(json_t *keys);


gw_jwk_set_t *
gw_jwk_set_parse(const unsigned char *text, size_t len, unsigned flags,
    gw_jwk_note_pt note, void *data, char *err, size_t size)
{
    json_t           *root;
    const char       *why;
    gw_jwk_set_t     *set;
    gw_jwk_reader_t   reader;

    root = gw_json_parse(text, len, &why);
    if (root == NULL) {
        return gw_jwk_error(err, size, "%s", why);
    }

    memset(&reader, 0, sizeof(gw_jwk_reader_t));

    reader.flags = flags;
    reader.note = note;
    reader.data = data;

    set = gw_jwk_set_read(&reader, root, err, size);

    json_decref(root);
    ERR_clear_error();

    return set;
}


static gw_jwk_set_t *
gw_jwk_set_read(gw_jwk_reader_t *reader, json_t *root, char *err, size_t size)
{
    size_t   i, n;
    json_t  *keys, *one;

    one = NULL;
    keys = json_object_get(root, "keys");

    if (keys == NULL && json_object_get(root, "kty") != NULL) {
        one = json_pack("[O]", root);
        keys = one;
    }

    if (!json_is_array(keys)) {
        return gw_jwk_error(err, size, "is neither a JWK nor a JWK Set");
    }

    n = json_array_size(keys);

    if (n > GW_JWK_MAX_KEYS) {
        return gw_jwk_error(err, size, "holds more than %d keys",
                            GW_JWK_MAX_KEYS);
    }

    if ((reader->flags & GW_JWK_PUBLIC) && gw_jwk_is_private(keys)) {
        gw_jwk_cleanse(keys);
        json_decref(one);

        return gw_jwk_error(err, size, "holds a private key, which has no "
                            "place here: write its public key, as "
                            "\"nginx-gateway jwk public\" prints it");
    }

    reader->set = gw_jwk_set_create(n);

    if (reader->set != NULL) {
        for (i = 0; i < n; i++) {
            gw_jwk_set_add(reader, (unsigned) i, json_array_get(keys, i));
        }

        reader->set->only_oct = (unsigned) gw_jwk_only_oct(keys);
    }

    gw_jwk_cleanse(keys);
    json_decref(one);

    if (reader->set == NULL) {
        return gw_jwk_error(err, size, "does not fit into memory");
    }

    if (reader->set->nkeys > 0) {
        return reader->set;
    }

    gw_jwk_set_free(reader->set);

    if (reader->why[0] == '\0') {
        return gw_jwk_error(err, size, "holds no key");
    }

    return gw_jwk_error(err, size, "holds no usable key: %s %s",
                        n > 1 ? "the first" : "it", reader->why);
}


static void
gw_jwk_set_add(gw_jwk_reader_t *reader, unsigned number, json_t *jwk)
{
    gw_jwk_t    *key;
    const char  *why;

    key = &reader->set->keys[reader->set->nkeys];

    why = gw_jwk_read(reader, key, jwk);

    if (why == NULL && gw_jwk_is_twin(reader->set, key)) {
        why = "has the \"kid\" and the type of a key before it";
    }

    if (why != NULL) {
        gw_jwk_key_free(key);
        gw_jwk_note(reader, number, jwk, why, 0);
        return;
    }

    reader->set->nkeys++;

    if (key->kty == GW_KTY_OCT && key->is_short) {
        gw_jwk_note(reader, number, jwk, "is shorter than its hash", 1);
    }
}


/* a "kid" comes from whoever wrote the file: only printable ASCII is shown */

static void
gw_jwk_note(gw_jwk_reader_t *reader, unsigned number, json_t *jwk,
    const char *why, int kept)
{
    size_t       i, len;
    char         kid[GW_JWK_MAX_KID + 1];
    json_t      *value;
    const char  *p;

    if (!kept && reader->why[0] == '\0') {
        (void) snprintf(reader->why, sizeof(reader->why), "%s", why);
    }

    if (reader->note == NULL) {
        return;
    }

    value = json_object_get(jwk, "kid");
    p = json_string_value(value);
    len = (p != NULL) ? json_string_length(value) : 0;

    for (i = 0; i < len && i < GW_JWK_MAX_KID; i++) {
        kid[i] = (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"') ? p[i] : '?';
    }

    kid[i] = '\0';

    reader->note(reader->data, number, kid, why, kept);
}


static gw_jwk_set_t *
gw_jwk_error(char *err, size_t size, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(err, size, fmt, args);
    va_end(args);

    return NULL;
}


static const char *
gw_jwk_read(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk)
{
    gw_kty_e         kty;
    const char      *why;
    const gw_jwa_t  *alg;

    if (!json_is_object(jwk)) {
        return "is not an object";
    }

    if ((why = gw_jwk_judge_use(jwk)) != NULL
        || (why = gw_jwk_judge_alg(jwk, &kty, &alg)) != NULL
        || (why = gw_jwk_read_kid(key, jwk)) != NULL)
    {
        return why;
    }

    if (kty == GW_KTY_OCT) {
        return gw_jwk_read_oct(reader, key, jwk, alg);
    }

    return gw_jwk_read_public(reader, key, jwk, kty, alg);
}


static const char *
gw_jwk_read_kid(gw_jwk_t *key, json_t *jwk)
{
    size_t   len;
    json_t  *kid;

    kid = json_object_get(jwk, "kid");
    if (kid == NULL) {
        return NULL;
    }

    if (!json_is_string(kid)) {
        return "has a \"kid\" that is not a string";
    }

    len = json_string_length(kid);

    if (len > GW_JWK_MAX_KID) {
        return "has a \"kid\" of more than 256 bytes";
    }

    key->kid = malloc(len + 1);
    if (key->kid == NULL) {
        return "does not fit into memory";
    }

    memcpy(key->kid, json_string_value(kid), len);
    key->kid_len = len;

    return NULL;
}


/* RFC 7517, 4.2 and 4.3 */

static const char *
gw_jwk_judge_use(json_t *jwk)
{
    size_t       i;
    json_t      *use, *ops;
    const char  *op;

    use = json_object_get(jwk, "use");

    if (use != NULL
        && (!json_is_string(use)
            || strcmp(json_string_value(use), "sig") != 0))
    {
        return "has a \"use\" other than \"sig\"";
    }

    ops = json_object_get(jwk, "key_ops");
    if (ops == NULL) {
        return NULL;
    }

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));

        if (op != NULL && strcmp(op, "verify") == 0) {
            return NULL;
        }
    }

    return "has \"key_ops\" without \"verify\"";
}


static const char *
gw_jwk_judge_alg(json_t *jwk, gw_kty_e *kty, const gw_jwa_t **alg)
{
    json_t      *value;
    const char  *type, *name;

    type = json_string_value(json_object_get(jwk, "kty"));
    if (type == NULL) {
        return "has no \"kty\"";
    }

    value = json_object_get(jwk, "alg");
    name = json_string_value(value);

    if (value != NULL && name == NULL) {
        return "has an \"alg\" that is not a string";
    }

    *kty = gw_kty_find(type, json_string_value(json_object_get(jwk, "crv")),
                       name);
    if (*kty == GW_KTY_COUNT) {
        return "has an unknown \"kty\" or \"crv\"";
    }

    *alg = NULL;

    if (name == NULL) {
        return NULL;
    }

    *alg = gw_jwa_find((const unsigned char *) name, strlen(name));

    if (*alg == NULL || ((*alg)->keys & (1u << *kty)) == 0) {
        return "has an \"alg\" that does not fit the key";
    }

    return NULL;
}


/*
 * RFC 7518, 3.2: a key as long as the hash, at least.  A key without "alg"
 * serves those algorithms that it is long enough for.
 */

static const char *
gw_jwk_read_oct(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk,
    const gw_jwa_t *alg)
{
    unsigned          i, compat;
    const char       *why;
    gw_jwa_set_t      algs;
    gw_jwk_octets_t   k;

    k = gw_jwk_octets(jwk, "k");

    if (k.data == NULL || k.len == 0) {
        gw_jwk_octets_free(&k);
        return "has no \"k\" in base64url";
    }

    algs = 0;
    compat = reader->flags & GW_JWK_COMPAT;

    for (i = 0; i < gw_jwa_count; i++) {
        if (gw_jwa[i].family == GW_JWA_HMAC
            && (alg == NULL || alg == &gw_jwa[i])
            && (compat || k.len >= gw_jwk_digest_size(&gw_jwa[i])))
        {
            algs |= gw_jwa_bit(&gw_jwa[i]);
        }
    }

    key->alg = alg;
    key->is_short = k.len < (alg ? gw_jwk_digest_size(alg)
                                 : GW_JWK_MIN_SECRET);

    if (algs) {
        why = gw_jwk_key_secret(key, &reader->set->digests, algs, k.data,
                                k.len);
    } else {
        why = gw_jwk_short(reader, k.len, alg ? gw_jwk_digest_size(alg)
                                              : GW_JWK_MIN_SECRET);
    }

    gw_jwk_octets_free(&k);

    return why;
}


static const char *
gw_jwk_short(gw_jwk_reader_t *reader, size_t len, size_t needed)
{
    (void) snprintf(reader->length, sizeof(reader->length),
                    "is an HMAC key of %zu bytes, its hash needs %zu: write a "
                    "longer one, or \"gateway_jwt_key_policy compat\"",
                    len, needed);

    return reader->length;
}


/* the MAC of an HMAC is as long as its hash */

static size_t
gw_jwk_digest_size(const gw_jwa_t *alg)
{
    return alg->signature;
}


/* turns the members into a SubjectPublicKeyInfo */

static const char *
gw_jwk_read_public(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk,
    gw_kty_e kty, const gw_jwa_t *alg)
{
    const char           *why;
    unsigned char         buf[GW_JWK_MAX_SPKI];
    gw_der_writer_t       der;
    const unsigned char   unused_bits = 0;

    gw_der_init(&der, buf, sizeof(buf));

    if (kty == GW_KTY_RSA) {
        why = gw_jwk_read_rsa(&der, jwk, kty);

    } else if (gw_kty[kty].order != NULL) {
        why = gw_jwk_read_ec(&der, jwk, kty);

    } else {
        why = gw_jwk_read_raw(&der, jwk, kty);
    }

    if (why != NULL) {
        return why;
    }

    gw_der_bytes(&der, &unused_bits, 1);
    gw_der_wrap(&der, GW_DER_BIT_STRING, 0);
    gw_der_bytes(&der, gw_kty[kty].id, gw_kty[kty].id_len);
    gw_der_wrap(&der, GW_DER_SEQUENCE, 0);

    if (der.full) {
        return "is too large";
    }

    return gw_jwk_key_public(key, &reader->set->digests, alg, der.pos,
                             gw_der_len(&der));
}


/* RFC 7518, 6.3.1 */

static const char *
gw_jwk_read_rsa(gw_der_writer_t *der, json_t *jwk, gw_kty_e kty)
{
    const char       *why;
    gw_jwk_octets_t   n, e;

    (void) kty;

    n = gw_jwk_octets(jwk, "n");
    e = gw_jwk_octets(jwk, "e");

    if (n.data != NULL && e.data != NULL) {
        gw_der_integer(der, e.data, e.len);
        gw_der_integer(der, n.data, n.len);
        gw_der_wrap(der, GW_DER_SEQUENCE, 0);
        why = NULL;

    } else {
        why = "has no \"n\" and \"e\" in base64url";
    }

    gw_jwk_octets_free(&n);
    gw_jwk_octets_free(&e);

    return why;
}


/* RFC 7518, 6.2.1: both coordinates in full size */

static const char *
gw_jwk_read_ec(gw_der_writer_t *der, json_t *jwk, gw_kty_e kty)
{
    const char           *why;
    gw_jwk_octets_t       x, y;
    const unsigned char   uncompressed = 0x04;

    x = gw_jwk_octets(jwk, "x");
    y = gw_jwk_octets(jwk, "y");

    if (x.data != NULL && y.data != NULL
        && x.len == gw_kty[kty].size && y.len == gw_kty[kty].size)
    {
        gw_der_bytes(der, y.data, y.len);
        gw_der_bytes(der, x.data, x.len);
        gw_der_bytes(der, &uncompressed, 1);
        why = NULL;

    } else {
        why = "has no \"x\" and \"y\" in base64url of the curve's length";
    }

    gw_jwk_octets_free(&x);
    gw_jwk_octets_free(&y);

    return why;
}


/* RFC 8037, 2 ("x") and RFC 9964 ("pub") */

static const char *
gw_jwk_read_raw(gw_der_writer_t *der, json_t *jwk, gw_kty_e kty)
{
    const char       *why;
    gw_jwk_octets_t   x;

    x = gw_jwk_octets(jwk, strcmp(gw_kty[kty].kty, "AKP") == 0 ? "pub" : "x");

    if (x.data != NULL && x.len == gw_kty[kty].size) {
        gw_der_bytes(der, x.data, x.len);
        why = NULL;

    } else {
        why = "has no public key in base64url of its type's length";
    }

    gw_jwk_octets_free(&x);

    return why;
}


static int
gw_jwk_is_twin(const gw_jwk_set_t *set, const gw_jwk_t *key)
{
    unsigned         i;
    const gw_jwk_t  *other;

    if (key->kid == NULL) {
        return 0;
    }

    for (i = 0; i < set->nkeys; i++) {
        other = &set->keys[i];

        if (other->kid != NULL && other->kty == key->kty
            && other->alg == key->alg && other->kid_len == key->kid_len
            && memcmp(other->kid, key->kid, key->kid_len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
gw_jwk_only_oct(const json_t *keys)
{
    size_t       i;
    const char  *kty;

    for (i = 0; i < json_array_size(keys); i++) {
        kty = json_string_value(json_object_get(json_array_get(keys, i),
                                                "kty"));

        if (kty == NULL || strcmp(kty, "oct") != 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * RFC 7518, 6.2.2 and 6.3.2, RFC 8037, 2, RFC 9964, 3; "k" is the secret of
 * an HMAC, which has no public half.
 */

static int
gw_jwk_is_private(const json_t *keys)
{
    size_t         i, j;
    const char    *kty;
    const json_t  *jwk;

    static const char *const  names[] = {
        "d", "p", "q", "dp", "dq", "qi", "oth", "priv"
    };

    for (i = 0; i < json_array_size(keys); i++) {
        jwk = json_array_get(keys, i);
        kty = json_string_value(json_object_get(jwk, "kty"));

        if (kty != NULL && strcmp(kty, "oct") == 0) {
            continue;
        }

        for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            if (json_object_get(jwk, names[j]) != NULL) {
                return 1;
            }
        }
    }

    return 0;
}


static gw_jwk_octets_t
gw_jwk_octets(json_t *jwk, const char *name)
{
    size_t           len;
    json_t          *value;
    gw_jwk_octets_t  octets;

    octets.data = NULL;
    octets.len = 0;

    value = json_object_get(jwk, name);
    if (!json_is_string(value)) {
        return octets;
    }

    len = json_string_length(value);

    octets.data = OPENSSL_malloc(gw_base64url_decoded_size(len));
    if (octets.data == NULL) {
        return octets;
    }

    if (gw_base64url_decode(octets.data, &octets.len,
                            (const unsigned char *) json_string_value(value),
                            len)
        != 0)
    {
        octets.len = gw_base64url_decoded_size(len);
        gw_jwk_octets_free(&octets);
    }

    return octets;
}


static void
gw_jwk_octets_free(gw_jwk_octets_t *octets)
{
    OPENSSL_clear_free(octets->data, octets->len);
    octets->data = NULL;
    octets->len = 0;
}


/* wipes the secret members: jansson frees its strings as they are */

static void
gw_jwk_cleanse(json_t *keys)
{
    size_t   i, j;
    json_t  *value;

    static const char *const  names[] = {
        "k", "d", "p", "q", "dp", "dq", "qi", "priv"
    };

    for (i = 0; i < json_array_size(keys); i++) {
        for (j = 0; j < sizeof(names) / sizeof(names[0]); j++) {
            value = json_object_get(json_array_get(keys, i), names[j]);

            if (json_is_string(value)) {
                OPENSSL_cleanse((void *) (uintptr_t) json_string_value(value),
                                json_string_length(value));
            }
        }
    }
}
