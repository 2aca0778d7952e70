/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * JWK and JWK Sets: see gw_jwk.h.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <jansson.h>

#include "gw_kind.h"
#include "gw_json.h"
#include "gw_jwk_key.h"


/* a set while it is read */

typedef struct {
    gw_jwk_set_t     *set;
    gw_jwk_reader_t   keys;
    gw_jwk_note_pt    note;
    void             *data;
    char              why[GW_JWK_MAX_WHY];   /* first key that is left out */
} gw_jwk_set_reader_t;


static void gw_jwk_explain(char *err, size_t size, const unsigned char *text,
    size_t len, unsigned flags, const gw_json_error_t *error);
static gw_jwk_set_t *gw_jwk_set_read(gw_jwk_set_reader_t *reader,
    json_t *root, char *err, size_t size);
static gw_jwk_set_t *gw_jwk_set_build(gw_jwk_set_reader_t *reader,
    const json_t *keys, char *err, size_t size);
static void gw_jwk_set_add(gw_jwk_set_reader_t *reader, unsigned number,
    json_t *jwk);
static void gw_jwk_note(gw_jwk_set_reader_t *reader, unsigned number,
    json_t *jwk, const char *why, int kept);
static gw_jwk_set_t *gw_jwk_error(char *err, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int gw_jwk_is_twin(const gw_jwk_set_t *set, const gw_jwk_t *key);
static int gw_jwk_only_oct(const json_t *keys);
static int gw_jwk_is_private(const json_t *keys);
static void gw_jwk_cleanse(json_t *keys);


gw_jwk_set_t *
gw_jwk_set_parse(const unsigned char *text, size_t len, unsigned flags,
    gw_jwk_note_pt note, void *data, char *err, size_t size)
{
    json_t               *root;
    gw_jwk_set_t         *set;
    gw_json_error_t       error;
    gw_jwk_set_reader_t   reader;

    root = gw_json_parse(text, len, &error);
    if (root == NULL) {
        gw_jwk_explain(err, size, text, len, flags, &error);
        return NULL;
    }

    memset(&reader, 0, sizeof(gw_jwk_set_reader_t));

    reader.keys.flags = flags;
    reader.note = note;
    reader.data = data;

    set = gw_jwk_set_read(&reader, root, err, size);

    json_decref(root);
    ERR_clear_error();

    return set;
}


/* what to do about a file is of no use for a response */

static void
gw_jwk_explain(char *err, size_t size, const unsigned char *text, size_t len,
    unsigned flags, const gw_json_error_t *error)
{
    gw_kind_e  kind;

    kind = gw_kind(text, len);

    if ((flags & GW_JWK_REMOTE) && kind != GW_KIND_OBJECT) {
        (void) snprintf(err, size, "%s, it must be a JWK or a JWK Set%s",
                        gw_kind_found(kind),
                        (kind == GW_KIND_BOM || kind == GW_KIND_UTF16)
                        ? " in UTF-8 without a byte order mark" : "");
        return;
    }

    gw_json_explain(err, size, text, len, error,
                    (kind == GW_KIND_OTHER)
                    ? "a JWK or a JWK Set, such as \"nginx-gateway jwk "
                      "import\" makes of a secret"
                    : "a JWK or a JWK Set");
}


static gw_jwk_set_t *
gw_jwk_set_read(gw_jwk_set_reader_t *reader, json_t *root, char *err,
    size_t size)
{
    json_t        *keys, *one;
    gw_jwk_set_t  *set;

    one = NULL;
    keys = json_object_get(root, "keys");

    if (keys == NULL && json_object_get(root, "kty") != NULL) {
        one = json_pack("[O]", root);
        keys = one;
    }

    set = json_is_array(keys)
          ? gw_jwk_set_build(reader, keys, err, size)
          : gw_jwk_error(err, size, "is neither a JWK nor a JWK Set%s",
                         gw_jwk_mistaken(root, reader->keys.flags
                                               & GW_JWK_REMOTE));

    gw_jwk_cleanse(keys);
    json_decref(one);

    return set;
}


static gw_jwk_set_t *
gw_jwk_set_build(gw_jwk_set_reader_t *reader, const json_t *keys, char *err,
    size_t size)
{
    size_t         i, n;
    gw_jwk_set_t  *set;

    n = json_array_size(keys);

    if (n > GW_JWK_MAX_KEYS) {
        return gw_jwk_error(err, size, "contains more than %d keys",
                            GW_JWK_MAX_KEYS);
    }

    if ((reader->keys.flags & GW_JWK_PUBLIC) && gw_jwk_is_private(keys)) {
        return gw_jwk_error(err, size, "contains a private key, %s",
                            (reader->keys.flags & GW_JWK_REMOTE)
                            ? "the issuer must publish public keys only"
                            : "use its public key instead, as "
                              "\"nginx-gateway jwk public\" prints it");
    }

    set = gw_jwk_set_create(n);
    if (set == NULL) {
        return gw_jwk_error(err, size, "does not fit into memory");
    }

    reader->set = set;
    reader->keys.digests = &set->digests;

    for (i = 0; i < n; i++) {
        gw_jwk_set_add(reader, (unsigned) i, json_array_get(keys, i));
    }

    if (set->nkeys > 0) {
        set->only_oct = (unsigned) gw_jwk_only_oct(keys);
        return set;
    }

    gw_jwk_set_free(set);

    if (reader->why[0] == '\0') {
        return gw_jwk_error(err, size, "contains no key");
    }

    return gw_jwk_error(err, size, "contains no usable key: %s %s",
                        n > 1 ? "the first" : "it", reader->why);
}


static void
gw_jwk_set_add(gw_jwk_set_reader_t *reader, unsigned number, json_t *jwk)
{
    gw_jwk_t    *key;
    const char  *why;

    key = &reader->set->keys[reader->set->nkeys];

    why = gw_jwk_read(&reader->keys, key, jwk);

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


/* "kid" can contain any bytes: others than printable ASCII become "?" */

static void
gw_jwk_note(gw_jwk_set_reader_t *reader, unsigned number, json_t *jwk,
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
 * RFC 7518, 6.2.2 and 6.3.2, RFC 8037, 2, RFC 9964, 3.  A key of type "oct" has
 * no public key and is not private in this sense.
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


/* wipes the secret members: jansson does not when it frees them */

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
