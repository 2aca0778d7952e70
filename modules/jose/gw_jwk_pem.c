/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Public keys and certificates in PEM: see gw_jwk.h.
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "gw_kind.h"
#include "gw_jwk_key.h"


/* one block between BEGIN and END */

typedef struct {
    char           *name;
    char           *header;
    unsigned char  *data;
    long            len;
} gw_pem_t;


typedef struct {
    gw_jwk_set_t    *set;
    gw_jwk_note_pt   note;
    void            *data;
    const char      *fatal;     /* why the file is refused as a whole */
    const char      *why;       /* why the first key was left out */
} gw_pem_reader_t;


static void gw_pem_mistaken(gw_kind_e kind, char *err, size_t size);
static unsigned gw_pem_count(const unsigned char *text, size_t len);
static void gw_pem_read_all(gw_pem_reader_t *reader, BIO *bio);
static const char *gw_pem_read_one(gw_pem_reader_t *reader, gw_jwk_t *key,
    const gw_pem_t *pem);
static int gw_pem_spki(const gw_pem_t *pem, unsigned char **spki);
static void gw_pem_free(gw_pem_t *pem);


gw_jwk_set_t *
gw_jwk_set_parse_pem(const unsigned char *text, size_t len,
    gw_jwk_note_pt note, void *data, char *err, size_t size)
{
    BIO              *bio;
    gw_pem_reader_t   reader;

    memset(&reader, 0, sizeof(gw_pem_reader_t));

    reader.note = note;
    reader.data = data;

    if (len > INT_MAX || gw_pem_count(text, len) > GW_JWK_MAX_KEYS) {
        (void) snprintf(err, size, "contains more than %d keys",
                        GW_JWK_MAX_KEYS);
        return NULL;
    }

    bio = BIO_new_mem_buf(text, (int) len);
    reader.set = gw_jwk_set_create(gw_pem_count(text, len));

    if (bio != NULL && reader.set != NULL) {
        gw_pem_read_all(&reader, bio);

    } else {
        reader.fatal = "does not fit into memory";
    }

    BIO_free(bio);
    ERR_clear_error();

    if (reader.fatal == NULL && reader.set->nkeys > 0) {
        return reader.set;
    }

    gw_jwk_set_free(reader.set);

    if (reader.fatal != NULL) {
        (void) snprintf(err, size, "%s", reader.fatal);

    } else if (reader.why != NULL) {
        (void) snprintf(err, size, "contains no usable key: the first %s",
                        reader.why);
    } else {
        gw_pem_mistaken(gw_kind(text, len), err, size);
    }

    return NULL;
}


/* describes a file that contains no block of PEM */

static void
gw_pem_mistaken(gw_kind_e kind, char *err, size_t size)
{
    const char  *it;

    it = (kind == GW_KIND_OBJECT) ? "is JSON"
         : (kind == GW_KIND_PEM || kind == GW_KIND_OTHER)
         ? NULL : gw_kind_sentence(kind);

    (void) snprintf(err, size, "contains no public key or certificate%s%s",
                    it ? ", it " : "", it ? it : "");
}


static unsigned
gw_pem_count(const unsigned char *text, size_t len)
{
    unsigned              n;
    const unsigned char  *p, *end;

    static const char  begin[] = "-----BEGIN ";

    end = text + len;

    for (n = 0, p = text; (size_t) (end - p) >= sizeof(begin) - 1; p++) {
        p = memchr(p, '-', (size_t) (end - p));

        if (p == NULL || (size_t) (end - p) < sizeof(begin) - 1) {
            break;
        }

        n += (memcmp(p, begin, sizeof(begin) - 1) == 0);
    }

    return n;
}


static void
gw_pem_read_all(gw_pem_reader_t *reader, BIO *bio)
{
    gw_jwk_t    *key;
    gw_pem_t     pem;
    unsigned     number;
    const char  *why;

    for (number = 0; reader->fatal == NULL; number++) {

        memset(&pem, 0, sizeof(gw_pem_t));

        if (!PEM_read_bio(bio, &pem.name, &pem.header, &pem.data, &pem.len)) {

            if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
                reader->fatal = "is malformed PEM";
            }

            return;
        }

        key = &reader->set->keys[reader->set->nkeys];
        why = gw_pem_read_one(reader, key, &pem);

        gw_pem_free(&pem);

        if (why == NULL) {
            reader->set->nkeys++;
            continue;
        }

        gw_jwk_key_free(key);

        if (reader->why == NULL) {
            reader->why = why;
        }

        if (reader->note != NULL && reader->fatal == NULL) {
            reader->note(reader->data, number, "", why, 0);
        }
    }
}


static const char *
gw_pem_read_one(gw_pem_reader_t *reader, gw_jwk_t *key, const gw_pem_t *pem)
{
    int             len;
    const char     *why;
    unsigned char  *spki;

    if (strstr(pem->name, "PRIVATE KEY") != NULL) {
        reader->fatal = "contains a private key, use its public key "
                        "instead";
        return reader->fatal;
    }

    if (strcmp(pem->name, PEM_STRING_X509_TRUSTED) == 0) {
        return "is a TRUSTED CERTIFICATE, write it as CERTIFICATE with "
               "\"openssl x509 -in file\"";
    }

    spki = NULL;
    len = gw_pem_spki(pem, &spki);

    why = (len > 0) ? gw_jwk_key_public(key, &reader->set->digests, NULL,
                                        spki, (size_t) len)
                    : "is no public key or certificate that OpenSSL can read";

    OPENSSL_free(spki);

    return why;
}


/*
 * Allocates the SubjectPublicKeyInfo in DER, for OPENSSL_free(), and returns
 * its length, or <= 0.  "RSA PUBLIC KEY" is PKCS#1 (RFC 8017, A.1.1).
 */

static int
gw_pem_spki(const gw_pem_t *pem, unsigned char **spki)
{
    int                   len;
    X509                 *cert;
    EVP_PKEY             *pkey;
    const unsigned char  *p;

    p = pem->data;
    len = -1;

    if (strcmp(pem->name, PEM_STRING_PUBLIC) == 0
        || strcmp(pem->name, PEM_STRING_RSA_PUBLIC) == 0)
    {
        pkey = strcmp(pem->name, PEM_STRING_PUBLIC) == 0
               ? d2i_PUBKEY(NULL, &p, pem->len)
               : d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, pem->len);

        if (pkey != NULL && p == pem->data + pem->len) {
            len = i2d_PUBKEY(pkey, spki);
        }

        EVP_PKEY_free(pkey);

    } else if (strcmp(pem->name, PEM_STRING_X509) == 0
               || strcmp(pem->name, PEM_STRING_X509_OLD) == 0)
    {
        cert = d2i_X509(NULL, &p, pem->len);
        pkey = cert ? X509_get0_pubkey(cert) : NULL;

        if (pkey != NULL && p == pem->data + pem->len) {
            len = i2d_PUBKEY(pkey, spki);
        }

        X509_free(cert);
    }

    return len;
}


static void
gw_pem_free(gw_pem_t *pem)
{
    OPENSSL_free(pem->name);
    OPENSSL_free(pem->header);
    OPENSSL_clear_free(pem->data, (size_t) pem->len);
}
