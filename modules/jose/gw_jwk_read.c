/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reading one JWK: see gw_jwk_key.h.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <jansson.h>

#include "gw_base64url.h"
#include "gw_der.h"
#include "gw_json.h"
#include "gw_jwk_key.h"


#define GW_JWK_MIN_SECRET  32     /* bytes, of a key without "alg" */
#define GW_JWK_MAX_SPKI    4096   /* RSA-16384: 2 kB, ML-DSA-87: 2.6 kB */


typedef struct {
    unsigned char   *data;
    size_t           len;
} gw_jwk_octets_t;


static const char *gw_jwk_read_kid(gw_jwk_t *key, json_t *jwk);
static const char *gw_jwk_judge_use(json_t *jwk);
static const char *gw_jwk_read_oct(gw_jwk_reader_t *reader, gw_jwk_t *key,
    json_t *jwk, const gw_jwa_t *alg);
static const char *gw_jwk_short(gw_jwk_reader_t *reader, size_t len,
    size_t needed);
static size_t gw_jwk_digest_size(const gw_jwa_t *alg);
static const char *gw_jwk_read_public(gw_jwk_reader_t *reader, gw_jwk_t *key,
    json_t *jwk, gw_kty_e kty, const gw_jwa_t *alg);
static const char *gw_jwk_read_rsa(gw_jwk_reader_t *reader,
    gw_der_writer_t *der, json_t *jwk);
static const char *gw_jwk_read_ec(gw_jwk_reader_t *reader,
    gw_der_writer_t *der, json_t *jwk, gw_kty_e kty);
static const char *gw_jwk_read_raw(gw_jwk_reader_t *reader,
    gw_der_writer_t *der, json_t *jwk, gw_kty_e kty);

static const char *gw_jwk_octets(gw_jwk_reader_t *reader,
    gw_jwk_octets_t *octets, json_t *jwk, const char *name, size_t size);
static const char *gw_jwk_not_base64url(gw_jwk_reader_t *reader,
    const char *name, const char *text, size_t len);
static const char *gw_jwk_article(const char *name);
static void gw_jwk_octets_free(gw_jwk_octets_t *octets);
static const char *gw_jwk_why(gw_jwk_reader_t *reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


const char *
gw_jwk_read(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk)
{
    gw_kty_e         kty;
    const char      *why;
    const gw_jwa_t  *alg;

    if (!json_is_object(jwk)) {
        return "is not an object";
    }

    if ((why = gw_jwk_judge_use(jwk)) != NULL
        || (why = gw_jwk_type(jwk, &kty, &alg, reader->text)) != NULL
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


/*
 * RFC 7518, 3.2: a key must be at least as long as the hash.  A key without
 * "alg" serves the algorithms for which it is long enough.
 */

static const char *
gw_jwk_read_oct(gw_jwk_reader_t *reader, gw_jwk_t *key, json_t *jwk,
    const gw_jwa_t *alg)
{
    unsigned          i, compat;
    const char       *why;
    gw_jwa_set_t      algs;
    gw_jwk_octets_t   k;

    why = gw_jwk_octets(reader, &k, jwk, "k", 0);
    if (why != NULL) {
        return why;
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
        why = gw_jwk_key_secret(key, reader->digests, algs, k.data,
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
    return gw_jwk_why(reader, "is an HMAC key of %zu bytes, its hash needs "
                      "%zu: %s a longer one, or "
                      "\"gateway_jwt_key_policy compat\"", len, needed,
                      (reader->flags & GW_JWK_REMOTE) ? "use" : "write");
}


/* the MAC of an HMAC is as long as its hash */

static size_t
gw_jwk_digest_size(const gw_jwa_t *alg)
{
    return alg->signature;
}


/* encodes the members as a SubjectPublicKeyInfo */

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
        why = gw_jwk_read_rsa(reader, &der, jwk);

    } else if (gw_kty[kty].order != NULL) {
        why = gw_jwk_read_ec(reader, &der, jwk, kty);

    } else {
        why = gw_jwk_read_raw(reader, &der, jwk, kty);
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

    return gw_jwk_key_public(key, reader->digests, alg, der.pos,
                             gw_der_len(&der));
}


/* RFC 7518, 6.3.1 */

static const char *
gw_jwk_read_rsa(gw_jwk_reader_t *reader, gw_der_writer_t *der, json_t *jwk)
{
    const char       *why;
    gw_jwk_octets_t   n, e;

    why = gw_jwk_octets(reader, &n, jwk, "n", 0);
    if (why != NULL) {
        return why;
    }

    why = gw_jwk_octets(reader, &e, jwk, "e", 0);

    if (why == NULL) {
        gw_der_integer(der, e.data, e.len);
        gw_der_integer(der, n.data, n.len);
        gw_der_wrap(der, GW_DER_SEQUENCE, 0);
    }

    gw_jwk_octets_free(&n);
    gw_jwk_octets_free(&e);

    return why;
}


/* RFC 7518, 6.2.1: both coordinates have their full size */

static const char *
gw_jwk_read_ec(gw_jwk_reader_t *reader, gw_der_writer_t *der, json_t *jwk,
    gw_kty_e kty)
{
    const char           *why;
    gw_jwk_octets_t       x, y;
    const unsigned char   uncompressed = 0x04;

    why = gw_jwk_octets(reader, &x, jwk, "x", gw_kty[kty].size);
    if (why != NULL) {
        return why;
    }

    why = gw_jwk_octets(reader, &y, jwk, "y", gw_kty[kty].size);

    if (why == NULL) {
        gw_der_bytes(der, y.data, y.len);
        gw_der_bytes(der, x.data, x.len);
        gw_der_bytes(der, &uncompressed, 1);
    }

    gw_jwk_octets_free(&x);
    gw_jwk_octets_free(&y);

    return why;
}


/* RFC 8037, 2 ("x") and RFC 9964 ("pub") */

static const char *
gw_jwk_read_raw(gw_jwk_reader_t *reader, gw_der_writer_t *der, json_t *jwk,
    gw_kty_e kty)
{
    const char       *why;
    gw_jwk_octets_t   x;

    why = gw_jwk_octets(reader, &x, jwk,
                        strcmp(gw_kty[kty].kty, "AKP") == 0 ? "pub" : "x",
                        gw_kty[kty].size);
    if (why == NULL) {
        gw_der_bytes(der, x.data, x.len);
    }

    gw_jwk_octets_free(&x);

    return why;
}


/*
 * Decodes a member.  It must have "size" bytes, or with 0 at least one.
 * Returns NULL, or a sentence and nothing to free.
 */

static const char *
gw_jwk_octets(gw_jwk_reader_t *reader, gw_jwk_octets_t *octets, json_t *jwk,
    const char *name, size_t size)
{
    size_t       len, room;
    json_t      *value;
    const char  *text, *why;

    octets->data = NULL;
    octets->len = 0;

    value = json_object_get(jwk, name);

    if (value == NULL) {
        return gw_jwk_why(reader, "has no \"%s\"", name);
    }

    if (!json_is_string(value)) {
        return gw_jwk_why(reader, "has %s \"%s\" that is %s, it must be "
                          "a string", gw_jwk_article(name), name,
                          gw_json_type(value));
    }

    text = json_string_value(value);
    len = json_string_length(value);
    room = gw_base64url_decoded_size(len);

    octets->data = OPENSSL_malloc(room);
    if (octets->data == NULL) {
        return "does not fit into memory";
    }

    if (gw_base64url_decode(octets->data, &octets->len,
                            (const unsigned char *) text, len)
        != 0)
    {
        octets->len = room;
        why = gw_jwk_not_base64url(reader, name, text, len);

    } else if (octets->len == 0) {
        octets->len = room;
        why = gw_jwk_why(reader, "has an empty \"%s\"", name);

    } else if (size && octets->len != size) {
        why = gw_jwk_why(reader, "has %s \"%s\" of %zu bytes, its type needs "
                         "%zu", gw_jwk_article(name), name, octets->len, size);
    } else {
        return NULL;
    }

    gw_jwk_octets_free(octets);

    return why;
}


/* RFC 7515, 2: no padding, and "-" and "_" in place of "+" and "/" */

static const char *
gw_jwk_not_base64url(gw_jwk_reader_t *reader, const char *name,
    const char *text, size_t len)
{
    if (strpbrk(text, "+/") != NULL) {
        return gw_jwk_why(reader, "has %s \"%s\" in base64, it must be "
                          "base64url, with \"-\" for \"+\" and \"_\" for "
                          "\"/\"", gw_jwk_article(name), name);
    }

    if (len > 0 && text[len - 1] == '=') {
        return gw_jwk_why(reader, "has %s \"%s\" that is padded, it must be "
                          "base64url without \"=\"", gw_jwk_article(name),
                          name);
    }

    return gw_jwk_why(reader, "has %s \"%s\" that is not base64url",
                      gw_jwk_article(name), name);
}


static const char *
gw_jwk_article(const char *name)
{
    return strchr("enx", *name) ? "an" : "a";
}


static void
gw_jwk_octets_free(gw_jwk_octets_t *octets)
{
    OPENSSL_clear_free(octets->data, octets->len);
    octets->data = NULL;
    octets->len = 0;
}


/* the sentence is valid until the next key is read */

static const char *
gw_jwk_why(gw_jwk_reader_t *reader, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(reader->text, sizeof(reader->text), fmt, args);
    va_end(args);

    return reader->text;
}
