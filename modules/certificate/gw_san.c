/* SPDX-License-Identifier: BSD-2-Clause */

#include <string.h>

#include <openssl/err.h>

#include "gw_der.h"
#include "gw_san.h"


static GENERAL_NAMES *gw_san_decode(const ASN1_OCTET_STRING *extension);
static int gw_san_value(const ASN1_IA5STRING *string, gw_text_t *value);


static const struct {
    int        type;
    gw_text_t  name;
} gw_san_types[] = {
    { GEN_URI,   { 4, (const unsigned char *) "uri:" } },
    { GEN_DNS,   { 4, (const unsigned char *) "dns:" } },
    { GEN_EMAIL, { 6, (const unsigned char *) "email:" } }
};


void
gw_san_open(gw_san_t *san, X509 *cert)
{
    int  k;

    san->names = NULL;
    san->i = 0;

    k = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);

    if (k < 0 || X509_get_ext_by_NID(cert, NID_subject_alt_name, k) >= 0) {
        return;
    }

    (void) ERR_set_mark();

    san->names = gw_san_decode(X509_EXTENSION_get_data(X509_get_ext(cert, k)));

    (void) ERR_pop_to_mark();
}


/*
 * OpenSSL accepts BER, and ignores bytes after the list.  Therefore the decoded
 * names are encoded again, which must give the same bytes.  OpenSSL copies some
 * parts without decoding them, such as a directoryName: the extension is
 * checked for strict DER as well.
 */

static GENERAL_NAMES *
gw_san_decode(const ASN1_OCTET_STRING *extension)
{
    int                   len, size;
    unsigned char        *again;
    GENERAL_NAMES        *names;
    const unsigned char  *data, *p;

    data = ASN1_STRING_get0_data(extension);
    len = ASN1_STRING_length(extension);

    if (!gw_der_strict(data, (size_t) len)) {
        return NULL;
    }

    p = data;
    names = d2i_GENERAL_NAMES(NULL, &p, len);

    if (names == NULL) {
        return NULL;
    }

    again = NULL;
    size = i2d_GENERAL_NAMES(names, &again);

    if (size != len || memcmp(again, data, (size_t) len) != 0) {
        GENERAL_NAMES_free(names);
        names = NULL;
    }

    OPENSSL_free(again);

    return names;
}


int
gw_san_next(gw_san_t *san, gw_text_t *type, gw_text_t *value)
{
    size_t               k;
    const GENERAL_NAME  *name;

    /* sk_GENERAL_NAME_num(NULL) is -1 */

    while (san->i < sk_GENERAL_NAME_num(san->names)) {
        name = sk_GENERAL_NAME_value(san->names, san->i++);

        for (k = 0; k < sizeof(gw_san_types) / sizeof(gw_san_types[0]); k++) {

            if (name->type == gw_san_types[k].type
                && gw_san_value(name->d.ia5, value))
            {
                *type = gw_san_types[k].name;
                return 1;
            }
        }
    }

    return 0;
}


/* OpenSSL does not check that an IA5String is ASCII */

static int
gw_san_value(const ASN1_IA5STRING *string, gw_text_t *value)
{
    size_t  i;

    value->data = ASN1_STRING_get0_data(string);
    value->len = (size_t) ASN1_STRING_length(string);

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] > 0x7e) {
            return 0;
        }
    }

    return value->len > 0;
}


void
gw_san_close(gw_san_t *san)
{
    GENERAL_NAMES_free(san->names);
    san->names = NULL;
}
