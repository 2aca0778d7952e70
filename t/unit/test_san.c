/* SPDX-License-Identifier: BSD-2-Clause */

/* subjectAltName: valid names, and malformed ones */

#include <string.h>

#include <openssl/err.h>

#include "gw_san.h"
#include "tap.h"


#define lit(s)  s, sizeof(s) - 1


static const struct {
    int          type;
    const char  *bytes;
    size_t       len;
    const char  *name;     /* NULL: none */
    const char  *what;
} names[] = {
    { GEN_URI,   lit("spiffe://a/b"), "uri:spiffe://a/b", "a URI" },
    { GEN_DNS,   lit("a.example"),   "dns:a.example",   "a DNS name" },
    { GEN_EMAIL, lit("a@example"),   "email:a@example", "an address" },
    { GEN_DNS,   lit("*.example"),   "dns:*.example",   "a wildcard as it is" },
    { GEN_DNS,   lit("A.example"),   "dns:A.example",   "upper case as it is" },
    { GEN_EMAIL, lit("a b~@x"),      "email:a b~@x",    "a blank and a tilde" },
    { GEN_URI,   lit("dns:a"),       "uri:dns:a",       "a URI like another" },
    { GEN_DNS,   lit(""),            NULL, "nothing" },
    { GEN_DNS,   lit("a\0.example"), NULL, "a NUL inside" },
    { GEN_DNS,   lit("a\0"),         NULL, "a NUL at the end" },
    { GEN_URI,   lit("\0"),          NULL, "a NUL alone" },
    { GEN_URI,   lit("a\r\nb"),      NULL, "a line break" },
    { GEN_URI,   lit("a\tb"),        NULL, "a tab" },
    { GEN_DNS,   lit("a\x7f"),       NULL, "DEL" },
    { GEN_DNS,   lit("\xc3\xa9"),    NULL, "UTF-8" },
    { GEN_IPADD, lit("\x61\x2e\x62\x63"), NULL, "an IP address" },
    { GEN_RID,   lit(""),            NULL, "an object identifier" },
    { GEN_DIRNAME, lit(""),          NULL, "a distinguished name" },
    { GEN_OTHERNAME, lit("a"),       NULL, "another name" }
};

#define NNAMES  (sizeof(names) / sizeof(names[0]))


static void
add_name(GENERAL_NAMES *list, int type, const char *bytes, size_t len)
{
    GENERAL_NAME  *name;
    ASN1_STRING   *string;

    name = GENERAL_NAME_new();

    switch (type) {

    case GEN_RID:
        GENERAL_NAME_set0_value(name, type, OBJ_nid2obj(NID_commonName));
        break;

    case GEN_DIRNAME:
        GENERAL_NAME_set0_value(name, type, X509_NAME_new());
        break;

    case GEN_OTHERNAME:
        string = ASN1_UTF8STRING_new();
        ASN1_STRING_set(string, bytes, (int) len);

        {
            ASN1_TYPE  *value = ASN1_TYPE_new();

            ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
            GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_ms_upn), value);
        }

        break;

    default:
        string = (type == GEN_IPADD) ? ASN1_OCTET_STRING_new()
                                     : ASN1_IA5STRING_new();
        ASN1_STRING_set(string, bytes, (int) len);
        GENERAL_NAME_set0_value(name, type, string);
    }

    sk_GENERAL_NAME_push(list, name);
}


static X509 *
certificate_of(GENERAL_NAMES *list)
{
    X509  *cert;

    cert = X509_new();
    X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_APPEND);
    GENERAL_NAMES_free(list);

    return cert;
}


/* the next name as one text; "" if there is none */

static const char *
next_name(gw_san_t *san)
{
    gw_text_t    type, value;
    static char  text[256];

    if (!gw_san_next(san, &type, &value)) {
        return "";
    }

    memcpy(text, type.data, type.len);
    memcpy(text + type.len, value.data, value.len);
    text[type.len + value.len] = '\0';

    return text;
}


static void
test_each(void)
{
    X509           *cert;
    size_t          i;
    gw_san_t        san;
    GENERAL_NAMES  *list;

    for (i = 0; i < NNAMES; i++) {
        list = GENERAL_NAMES_new();
        add_name(list, names[i].type, names[i].bytes, names[i].len);
        cert = certificate_of(list);

        gw_san_open(&san, cert);
        X509_free(cert);

        is_str(next_name(&san), names[i].name ? names[i].name : "", "%s",
               names[i].what);
        is_str(next_name(&san), "", "%s: no further name", names[i].what);

        gw_san_close(&san);
    }
}


/* all in one certificate: valid names in its order, no others */

static void
test_all(void)
{
    X509           *cert;
    size_t          i;
    gw_san_t        san;
    GENERAL_NAMES  *list;

    list = GENERAL_NAMES_new();

    for (i = 0; i < NNAMES; i++) {
        add_name(list, names[i].type, names[i].bytes, names[i].len);
    }

    cert = certificate_of(list);
    gw_san_open(&san, cert);

    for (i = 0; i < NNAMES; i++) {
        if (names[i].name) {
            is_str(next_name(&san), names[i].name, "among others: %s",
                   names[i].what);
        }
    }

    is_str(next_name(&san), "", "among others: no further name");

    gw_san_close(&san);
    X509_free(cert);
}


static void
add_extension(X509 *cert, const char *bytes, size_t len)
{
    X509_EXTENSION     *extension;
    ASN1_OCTET_STRING  *string;

    string = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(string, (const unsigned char *) bytes, (int) len);
    extension = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0,
                                             string);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(string);
}


static void
is_empty(X509 *cert, const char *what)
{
    gw_san_t  san;

    ERR_clear_error();
    ERR_put_error(ERR_LIB_USER, 0, 1, __FILE__, __LINE__);

    gw_san_open(&san, cert);
    is_str(next_name(&san), "", "%s: no names", what);
    gw_san_close(&san);
    gw_san_close(&san);

    is_int(ERR_GET_REASON(ERR_get_error()), 1, "%s: an old error stays", what);
    is_int((long long) ERR_get_error(), 0, "%s: no other error is added", what);

    X509_free(cert);
}


static void
test_none(void)
{
    X509  *cert;

    is_empty(X509_new(), "no extension");

    cert = X509_new();
    add_extension(cert, lit("\x30\x05\x82\x07""a"));
    is_empty(cert, "a length beyond the end");

    cert = X509_new();
    add_extension(cert, lit(""));
    is_empty(cert, "an extension of no bytes");

    cert = X509_new();
    add_extension(cert, lit("\x30\x00"));
    is_empty(cert, "a list of nothing");

    cert = X509_new();
    add_extension(cert, lit("\x30\x03\x82\x01""a"));
    add_extension(cert, lit("\x30\x03\x82\x01""b"));
    is_empty(cert, "the extension twice");
}


/* lists that are not strict DER: no name is returned */

static const struct {
    const char  *bytes;
    size_t       len;
    const char  *name;
    const char  *what;
} forms[] = {
    { lit("\x30\x03\x82\x01""a"), "dns:a", "a list of one name" },
    { lit("\x30\x03\x82\x01""a\x00"), NULL, "a byte behind the list" },
    { lit("\x30\x03\x82\x01""a\x05\x00"), NULL, "an element behind it" },
    { lit("\x30\x03\x82\x01""a\x30\x03\x82\x01""b"), NULL,
      "another list behind it" },
    { lit("\x30\x04\x82\x01""a\x00"), NULL, "a byte at its end" },
    { lit("\x30\x05\x82\x01""a\x05\x00"), NULL, "no name at its end" },
    { lit("\x30\x02\x82\x01""a"), NULL, "a length that is too short" },
    { lit("\x30\x04\x82\x01""a"), NULL, "a length that is too long" },
    { lit("\x30\x81\x03\x82\x01""a"), NULL, "a length in two bytes" },
    { lit("\x30\x82\x00\x03\x82\x01""a"), NULL, "a length in three bytes" },
    { lit("\x30\x04\x82\x81\x01""a"), NULL, "a name's length in two bytes" },
    { lit("\x30\x80\x82\x01""a\x00\x00"), NULL, "an indefinite length" },
    { lit("\x30\x07\xa2\x80\x16\x01""a\x00\x00"), NULL,
      "an indefinite length of a name" },
    { lit("\x30\x05\xa2\x03\x16\x01""a"), NULL, "a name in pieces" },
    { lit("\x31\x03\x82\x01""a"), NULL, "a SET" },
    { lit("\x30\x03\x89\x01""a"), NULL, "an unknown type" },
    { lit("\x30\x04\x9f\x02\x01""a"), NULL, "a type of two bytes" },

    { lit("\x30\x13\x82\x01""a\xa4\x0e\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04"
          "\x03\x0c\x01""b"), "dns:a", "beside a distinguished name" },
    { lit("\x30\x15\x82\x01""a\xa4\x10\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04"
          "\x03\x0c\x01""b\x05\x00"), NULL, "an element behind that name" },
    { lit("\x30\x14\x82\x01""a\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04"
          "\x03\x0c\x81\x01""b"), NULL, "a length in two bytes inside of it" },

    { lit("\x30\x0e\x82\x01""a\xa0\x09\x06\x02\x2a\x03\xa0\x03\x0c\x01""x"),
      "dns:a", "beside another name" },
    { lit("\x30\x10\x82\x01""a\xa0\x0b\x06\x02\x2a\x03\xa0\x05\x0c\x01""x"
          "\x05\x00"), NULL, "an element behind the value of that name" },
    { lit("\x30\x0f\x82\x01""a\xa0\x0a\x06\x02\x2a\x03\xa0\x04\x0c\x81\x01""x"),
      NULL, "a length in two bytes inside of it" },
    { lit("\x30\x10\x82\x01""a\xa0\x0b\x06\x02\x2a\x03\xa0\x05\x30\x03\x0c\x01"
          "x"), "dns:a", "beside another name that is a list" },
    { lit("\x30\x11\x82\x01""a\xa0\x0c\x06\x02\x2a\x03\xa0\x06\x30\x04\x0c\x81"
          "\x01x"), NULL, "a length in two bytes inside of this one" }
};


static void
test_forms(void)
{
    X509    *cert;
    size_t   i;
    gw_san_t san;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        cert = X509_new();
        add_extension(cert, forms[i].bytes, forms[i].len);

        if (forms[i].name == NULL) {
            is_empty(cert, forms[i].what);
            continue;
        }

        gw_san_open(&san, cert);
        is_str(next_name(&san), forms[i].name, "%s", forms[i].what);
        gw_san_close(&san);
        X509_free(cert);
    }
}


int
main(void)
{
    test_each();
    test_all();
    test_none();
    test_forms();

    return done_testing();
}
