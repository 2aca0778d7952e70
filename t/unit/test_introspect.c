/* SPDX-License-Identifier: BSD-2-Clause */

/* answers of an introspection endpoint, and the encoding of its requests */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_introspect.h"
#include "gw_jwt.h"
#include "tap.h"


#define BYTES(text)  (const unsigned char *) text


static const gw_text_t  listed[] = {
    { 6, BYTES("active") },
    { 3, BYTES("exp") },
    { 3, BYTES("iat") },
    { 3, BYTES("nbf") },
    { 3, BYTES("sub") }
};

static const gw_json_names_t  names = {
    sizeof(listed) / sizeof(listed[0]), listed
};

static const gw_json_limit_t  limit = { 8, &names, 0 };


/* as an answer has "active", or -1 with the text for the log */

static const struct {
    const char  *text;
    int          active;
    const char  *err;
} answers[] = {
    { "{\"active\":true}", 1, "" },
    { " { \"active\" : true } ", 1, "" },
    { "{\"sub\":\"a\",\"active\":true,\"exp\":1,\"other\":[{}]}", 1, "" },
    { "{\"active\":true,\"exp\":1.5,\"nbf\":-1,\"iat\":0}", 1, "" },

    { "{\"active\":false}", 0, "" },
    { "{\"active\":false,\"sub\":\"a\"}", 0, "" },

    /* nothing else is judged of a token that is not active */
    { "{\"active\":false,\"exp\":\"1\"}", 0, "" },

    { "{\"active\":\"true\"}", -1, "active is a string" },
    { "{\"active\":\"false\"}", -1, "active is a string" },
    { "{\"active\":1}", -1, "active is a number" },
    { "{\"active\":0}", -1, "active is a number" },
    { "{\"active\":null}", -1, "active is null" },
    { "{\"active\":[true]}", -1, "active is an array" },
    { "{\"active\":{\"active\":true}}", -1, "active is an object" },
    { "{}", -1, "active is missing" },
    { "{\"Active\":true}", -1, "active is missing" },
    { "{\"sub\":\"a\"}", -1, "active is missing" },
    { "{\"error\":\"invalid_client\"}", -1, "active is missing" },
    { "{\"data\":{\"active\":true}}", -1, "active is missing" },

    { "{\"active\":true,\"exp\":\"1700000000\"}", -1, "exp is a string" },
    { "{\"active\":true,\"nbf\":null}", -1, "nbf is null" },
    { "{\"active\":true,\"iat\":true}", -1, "iat is a boolean" },

    { "{\"active\":false,\"active\":true}", -1,
      "the response has a duplicate member \"active\"" },
    { "{\"active\":true,\"active\":true}", -1,
      "the response has a duplicate member \"active\"" },
    { "{\"active\":true,\"a\":1,\"a\":1}", -1,
      "the response has a duplicate member \"a\"" },
    { "[{\"active\":true}]", -1, "the response is not a JSON object" },
    { "true", -1, "the response is not a JSON object" },
    { "active=true", -1, "the response is not a JSON object" },
    { "<html>", -1, "the response is not a JSON object" },
    { "", -1, "the response is not a JSON object" },
    { "eyJhbGciOiJSUzI1NiJ9.e30.e30", -1, "the response is not a JSON object" },
    { "{\"active\":true,\"a\":[1,2,3,4,5,6]}", 1, "" },
    { "{\"active\":true,\"a\":[1,2,3,4,5,6,7]}", -1,
      "the response has more than 8 values" }
};


static void
test_answers(void)
{
    int      active, rc;
    char     err[GW_INTROSPECT_ERR];
    size_t   i, len;
    json_t  *claims;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        claims = NULL;
        active = -2;
        err[0] = '\0';
        len = strlen(answers[i].text);

        rc = gw_introspect_read(BYTES(answers[i].text), len, &limit, &claims,
                                &active, err);

        is_int(rc, answers[i].active == -1 ? -1 : 0, "result of %s",
               answers[i].text);
        is_int(rc == 0 ? active : -1, answers[i].active, "active");
        is_str(err, answers[i].err, "the error message");
        ok((claims != NULL) == (answers[i].active == 1),
           "claims only of an active token");

        json_decref(claims);
    }
}


/* no prefix of an answer is an answer */

static void
test_cut(void)
{
    int      active;
    char     err[GW_INTROSPECT_ERR];
    size_t   n, accepted;
    json_t  *claims;

    static const char  text[] = "{\"active\":true,\"sub\":\"a\",\"exp\":17}";

    accepted = 0;

    for (n = 0; n < sizeof(text) - 1; n++) {
        accepted += gw_introspect_read(BYTES(text), n, &limit, &claims, &active,
                                       err) == 0;
    }

    is_int((long long) accepted, 0, "prefixes accepted");

    is_int(gw_introspect_read(BYTES(text), n, &limit, &claims, &active, err), 0,
           "the whole answer");
    json_decref(claims);
}


static void
test_claims(void)
{
    int            active;
    char           err[GW_INTROSPECT_ERR];
    size_t         n;
    json_t        *claims;
    unsigned char  text[64];

    static const char  answer[] = "{\"scope\":\"x\",\"sub\":\"a\","
                                  "\"active\":true,\"exp\":17}";

    is_int(gw_introspect_read(BYTES(answer), sizeof(answer) - 1, &limit,
                              &claims, &active, err),
           0, "an answer with other members");

    n = gw_json_text(claims, text);
    is_bytes(text, n, "{\"sub\":\"a\",\"active\":true,\"exp\":17}",
             "the listed members");

    json_decref(claims);
}


/* the longest clause fits */

static void
test_long(void)
{
    int      active, n;
    char     err[GW_INTROSPECT_ERR], text[1024];
    json_t  *claims;

    n = snprintf(text, sizeof(text), "{\"%0400d\":1,\"%0400d\":1}", 0, 0);

    is_int(gw_introspect_read(BYTES(text), (size_t) n, &limit, &claims, &active,
                              err),
           -1, "a long name twice");
    is_str(err, "the response has a duplicate member "
           "\"00000000000000000000000000000000...\"", "the name is cut");
}


static const struct {
    const char  *text;
    const char  *encoded;
} forms[] = {
    { "", "" },
    { "azAZ09-._~", "azAZ09-._~" },
    { "2YotnFZFEjr1zCsicMWpAA", "2YotnFZFEjr1zCsicMWpAA" },
    { "a+b/c==", "a%2Bb%2Fc%3D%3D" },
    { "a b", "a%20b" },
    { "&token_type_hint=x", "%26token_type_hint%3Dx" },
    { "%41", "%2541" },
    { "\r\n\t\177", "%0D%0A%09%7F" },
    { "\200\377", "%80%FF" },
    { "@[`{/:", "%40%5B%60%7B%2F%3A" }
};


static void
test_forms(void)
{
    size_t          i, n, len;
    unsigned char   buf[64];

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        len = strlen(forms[i].text);

        n = gw_form_encode(NULL, BYTES(forms[i].text), len);
        is_int((long long) n, (long long) strlen(forms[i].encoded),
               "length of form %d", (int) i);

        n = gw_form_encode(buf, BYTES(forms[i].text), len);
        is_bytes(buf, n, forms[i].encoded, "form %d", (int) i);
    }

    n = gw_form_encode(buf, BYTES("a\0b"), 3);
    is_bytes(buf, n, "a%00b", "NUL");
}


int
main(void)
{
    test_answers();
    test_cut();
    test_claims();
    test_long();
    test_forms();

    return done_testing();
}
