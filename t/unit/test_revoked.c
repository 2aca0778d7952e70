/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of revoked tokens: each form of a line, each mistake, times on both
 * sides, and the types of claims.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_revoked.h"
#include "tap.h"


#define NO_VALUE  "has no value, write the claim and its value"
#define SECRET  "deadbeef-secret"       /* a value that no message may show */


static const uint64_t  secret[2] = { 0x0123456789abcdefULL, 42 };


/* NULL, with the sentence in "err", if the text is refused */

static gw_revoked_t *
parse(const char *s, size_t len, char *err, size_t size)
{
    gw_revoked_e    rc;
    gw_revoked_t   *list;
    unsigned char  *text;

    /* of the exact size, so that an overrun is detected */

    text = malloc(len + (len == 0));
    memcpy(text, s, len);

    list = gw_revoked_create(text, len, secret);
    err[0] = '\0';

    do {
        rc = gw_revoked_step(list, err, size);
    } while (rc == GW_REVOKED_MORE);

    free(text);

    if (rc == GW_REVOKED_WRONG) {
        gw_revoked_free(list);
        return NULL;
    }

    return list;
}


static void
is_wrong_bytes(const char *s, size_t len, const char *expected)
{
    char           err[512];
    gw_revoked_t  *list;

    list = parse(s, len, err, sizeof(err));

    is_str(err, expected, "refused: %s", expected);
    ok(list == NULL && strstr(err, SECRET) == NULL, "without the value");

    gw_revoked_free(list);
}


static void
is_wrong(const char *s, const char *expected)
{
    is_wrong_bytes(s, strlen(s), expected);
}


/* whether a list of one text revokes a token with these claims */

static void
judge(const char *s, const char *claims, int expected)
{
    char           err[512];
    json_t        *object;
    gw_revoked_t  *list;

    list = parse(s, strlen(s), err, sizeof(err));
    object = json_loads(claims, 0, NULL);

    if (list == NULL || object == NULL) {
        ok(0, "%s, or no JSON: %s", err, claims);
        json_decref(object);
        gw_revoked_free(list);
        return;
    }

    is_int(gw_revoked_has(list, object), expected, "%s: %s", s, claims);

    json_decref(object);
    gw_revoked_free(list);
}


static void
revokes(const char *s, const char *claims)
{
    judge(s, claims, 1);
}


static void
spares(const char *s, const char *claims)
{
    judge(s, claims, 0);
}


static void
forms(void)
{
    revokes("jti a", "{\"jti\":\"a\"}");
    revokes("jti a\n", "{\"jti\":\"a\"}");
    revokes("jti a\r\n", "{\"jti\":\"a\"}");
    revokes("\t jti \t a \t ", "{\"jti\":\"a\"}");
    spares("jti a", "{\"jti\":\"b\"}");
    spares("jti a", "{\"jti\":\"aa\"}");
    spares("jti a", "{\"jti\":\"A\"}");
    spares("jti a", "{\"jti\":\"\"}");
    spares("jti a", "{\"sub\":\"a\"}");
    spares("jti a", "{\"JTI\":\"a\"}");
    spares("jti a", "{}");

    revokes("jti a\nsub b\n", "{\"jti\":\"x\",\"sub\":\"b\"}");
    revokes("jti a\nsub b\n", "{\"jti\":\"a\",\"sub\":\"x\"}");
    spares("jti a\nsub b\n", "{\"jti\":\"b\",\"sub\":\"a\"}");

    spares("", "{\"jti\":\"a\"}");
    spares("\n \n\r\n", "{\"jti\":\"a\"}");
    spares("# jti a\n  # sub b\n#", "{\"jti\":\"a\",\"sub\":\"b\"}");
    revokes("# x\njti #a\n", "{\"jti\":\"#a\"}");

    revokes("https://a.example/x 1", "{\"https://a.example/x\":\"1\"}");
    revokes("jti \xc3\xa9", "{\"jti\":\"\xc3\xa9\"}");
    revokes("jti a\\u0062", "{\"jti\":\"a\\\\u0062\"}");
}


static void
strings(void)
{
    revokes("sub \"a b\"", "{\"sub\":\"a b\"}");
    revokes("sub \"a b\" \n", "{\"sub\":\"a b\"}");
    revokes("sub \"a\\\"b\"", "{\"sub\":\"a\\\"b\"}");
    revokes("sub \"a\\u0062\\n\"", "{\"sub\":\"ab\\n\"}");
    revokes("sub \"\\ud83d\\ude00\"", "{\"sub\":\"\xf0\x9f\x98\x80\"}");
    revokes("sub \"plain\"", "{\"sub\":\"plain\"}");
    revokes("sub \"\"", "{\"sub\":\"\"}");
    spares("sub \"\"", "{\"sub\":\"a\"}");
    spares("sub \"a b\"", "{\"sub\":\"a\"}");
    spares("sub \"a b\"", "{\"sub\":\"\\\"a b\\\"\"}");
    revokes("sub \"a b\" 2027-01-31T00:00:00Z", "{\"sub\":\"a b\",\"iat\":1}");
}


/* 2027-01-31T00:00:00Z is 1801353600 */

static void
times(void)
{
    static const char  line[] = "sub a 2027-01-31T00:00:00Z";

    revokes(line, "{\"sub\":\"a\",\"iat\":1801353599}");
    spares(line, "{\"sub\":\"a\",\"iat\":1801353600}");
    spares(line, "{\"sub\":\"a\",\"iat\":1801353601}");
    revokes(line, "{\"sub\":\"a\",\"iat\":1801353599.9}");
    spares(line, "{\"sub\":\"a\",\"iat\":1801353600.0}");
    revokes(line, "{\"sub\":\"a\",\"iat\":-1}");
    revokes(line, "{\"sub\":\"a\",\"iat\":-9223372036854775808}");
    spares(line, "{\"sub\":\"a\",\"iat\":9223372036854775807}");
    spares(line, "{\"sub\":\"a\",\"iat\":1e300}");
    revokes(line, "{\"sub\":\"a\",\"iat\":-1e300}");
    revokes(line, "{\"sub\":\"a\"}");
    revokes(line, "{\"sub\":\"a\",\"iat\":null}");
    revokes(line, "{\"sub\":\"a\",\"iat\":\"1801353600\"}");
    spares(line, "{\"sub\":\"b\",\"iat\":1}");

    revokes("sub a 2027-01-31T01:00:00+01:00",
            "{\"sub\":\"a\",\"iat\":1801353599}");
    spares("sub a 2027-01-31T01:00:00+01:00",
           "{\"sub\":\"a\",\"iat\":1801353600}");

    revokes("sub a 2027-01-31T00:00:00.5Z",
            "{\"sub\":\"a\",\"iat\":1801353600}");
    revokes("sub a 2027-01-31T00:00:00.5Z",
            "{\"sub\":\"a\",\"iat\":1801353600.25}");
    spares("sub a 2027-01-31T00:00:00.5Z",
           "{\"sub\":\"a\",\"iat\":1801353600.5}");
    spares("sub a 2027-01-31T00:00:00.5Z",
           "{\"sub\":\"a\",\"iat\":1801353601}");
    spares("sub a 2027-01-31T00:00:00.000Z",
           "{\"sub\":\"a\",\"iat\":1801353600}");

    /* without a time, "iat" does not count */

    revokes("sub a", "{\"sub\":\"a\",\"iat\":9223372036854775807}");

    /* of several lines the strictest counts, in any order */

    revokes("sub a 2027-01-31T00:00:00Z\nsub a", "{\"sub\":\"a\",\"iat\":2e9}");
    revokes("sub a\nsub a 2027-01-31T00:00:00Z", "{\"sub\":\"a\",\"iat\":2e9}");
    revokes("sub a 2027-01-31T00:00:00Z\nsub a 2020-01-01T00:00:00Z",
            "{\"sub\":\"a\",\"iat\":1801353599}");
    revokes("sub a 2020-01-01T00:00:00Z\nsub a 2027-01-31T00:00:00Z",
            "{\"sub\":\"a\",\"iat\":1801353599}");
    spares("sub a 2020-01-01T00:00:00Z\nsub a 2027-01-31T00:00:00Z",
           "{\"sub\":\"a\",\"iat\":1801353600}");

    /* a claim that is spared does not hide another one */

    revokes("sub a 2020-01-01T00:00:00Z\njti b",
            "{\"sub\":\"a\",\"jti\":\"b\",\"iat\":2000000000}");
}


static void
types(void)
{
    revokes("sub 42", "{\"sub\":42}");
    revokes("sub 42", "{\"sub\":\"42\"}");
    revokes("sub \"42\"", "{\"sub\":42}");
    spares("sub 42", "{\"sub\":43}");
    revokes("sub -9223372036854775808", "{\"sub\":-9223372036854775808}");
    revokes("v 0.5", "{\"v\":0.5}");
    revokes("v true", "{\"v\":true}");
    spares("v true", "{\"v\":false}");
    revokes("v false", "{\"v\":false}");

    spares("v null", "{\"v\":null}");
    spares("v a", "{\"v\":[\"a\"]}");
    spares("v a", "{\"v\":{\"a\":\"a\"}}");
    spares("v \"[\\\"a\\\"]\"", "{\"v\":[\"a\"]}");
}


static void
mistakes(void)
{
    size_t  i;
    char    claims[1024], *p;

    is_wrong("jti", "line 1: " NO_VALUE);
    is_wrong("jti: abc", "line 1: separate the claim and its value by a space "
             "only");
    is_wrong("jti, abc", "line 1: separate the claim and its value by a space "
             "only");
    is_wrong("jti = abc\n", "line 1: the time is not a date, write for example "
             "2027-01-31T00:00:00Z");
    is_wrong("jti= abc", "line 1: separate the claim and its value by a space "
             "only");
    is_wrong("sid 'x'", "line 1: a value in single quotes, write it without "
             "quotes or as a JSON string");
    is_wrong("jti \t ", "line 1: " NO_VALUE);
    is_wrong("jti a\n\n# x\n" SECRET "\n", "line 4: " NO_VALUE);
    is_wrong("jti a\r\n" SECRET "\r\n", "line 2: " NO_VALUE);

    is_wrong("jti " SECRET " x", "line 1: the time is not a date, write for "
             "example 2027-01-31T00:00:00Z");
    is_wrong("jti " SECRET " 2027-01-31", "line 1: the time is not a date, "
             "write for example 2027-01-31T00:00:00Z");
    is_wrong("jti " SECRET " 2027-02-29T00:00:00Z", "line 1: the time is not a "
             "date, write for example 2027-01-31T00:00:00Z");
    is_wrong("jti " SECRET " 1801353600", "line 1: the time is not a "
             "date, write for example 2027-01-31T00:00:00Z");
    is_wrong("jti a 2027-01-31T00:00:00Z " SECRET,
             "line 1: has text after the time");

    is_wrong("jti \"" SECRET, "line 1: a JSON string is malformed or not "
             "closed");
    is_wrong("jti \"" SECRET "\n\"", "line 1: a JSON string is malformed or "
             "not closed");
    is_wrong("jti \"" SECRET "\\x\"", "line 1: a JSON string is malformed or "
             "not closed");
    is_wrong("jti \"" SECRET "\\u0000\"", "line 1: a JSON string is malformed "
             "or not closed");
    is_wrong("jti \"" SECRET "\\ud800\"", "line 1: a JSON string is malformed "
             "or not closed");
    is_wrong("jti \"" SECRET "\xff\"", "line 1: a JSON string is malformed "
             "or not closed");
    is_wrong("jti \"" SECRET "\"x", "line 1: has text directly after a JSON "
             "string");
    is_wrong("jti " SECRET "\"x", "line 1: a value with a quote must be a JSON "
             "string");
    is_wrong("\"jti\" " SECRET, "line 1: the name of the claim has a quote");

    is_wrong("jti " SECRET "\x01", "line 1: has a control character");
    is_wrong("jti " SECRET "\rsub x", "line 1: has a control character");
    is_wrong("jti " SECRET "\x7f", "line 1: has a control character");
    is_wrong_bytes("jti x\0y", 7, "line 1: has a control character");
    is_wrong("jti " SECRET "\xff", "line 1: is not UTF-8");
    is_wrong("jti " SECRET "\xc3", "line 1: is not UTF-8");
    is_wrong("\xe9 " SECRET, "line 1: is not UTF-8");

    is_wrong("\xef\xbb\xbfjti a", "begins with a byte order mark, save it as "
             "UTF-8 without one");
    is_wrong_bytes("\xff\xfej\0t\0i\0", 8, "is UTF-16, save it as UTF-8");

    p = claims;

    for (i = 0; i < GW_REVOKED_CLAIMS; i++) {
        p += sprintf(p, "claim%zu v\n", i);
    }

    revokes(claims, "{\"claim31\":\"v\"}");
    (void) sprintf(p, "claim0 w\nother v\n");
    is_wrong(claims, "line 34: more than 32 claims");
}


/* 100,000 lines: each value is found, and no other one */

static void
many(void)
{
    char           err[512], *text, *p, name[64];
    size_t         i, steps, found, others;
    json_t        *claims;
    gw_revoked_e   rc;
    gw_revoked_t  *list;

    const size_t  n = 100000;

    text = malloc(n * 32);
    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "jti %zu-%08zx\n", i, i * 2654435761U);
    }

    list = gw_revoked_create((unsigned char *) text, (size_t) (p - text),
                             secret);
    steps = 0;

    do {
        rc = gw_revoked_step(list, err, sizeof(err));
        steps++;
    } while (rc == GW_REVOKED_MORE);

    is_int(rc, GW_REVOKED_DONE, "100,000 lines are read");
    ok(steps > 300 && steps < 1000, "in %zu steps", steps);

    free(text);

    found = 0;
    others = 0;

    for (i = 0; i < n; i++) {
        (void) sprintf(name, "%zu-%08zx", i, i * 2654435761U);
        claims = json_pack("{s:s}", "jti", name);
        found += (size_t) gw_revoked_has(list, claims);
        json_decref(claims);

        (void) sprintf(name, "%zu-%08zx", i, i * 2654435761U + 1);
        claims = json_pack("{s:s}", "jti", name);
        others += (size_t) gw_revoked_has(list, claims);
        json_decref(claims);
    }

    is_int((long long) found, (long long) n, "each value is revoked");
    is_int((long long) others, 0, "and no other one");

    gw_revoked_free(list);
}


static void
names(void)
{
    char           err[512];
    gw_revoked_t  *list;

    list = parse("jti a\nsub b\njti c\n# x y\n", 24, err, sizeof(err));

    is_int((long long) gw_revoked_claims(list), 2, "a list has two claims");
    is_str((const char *) gw_revoked_claim(list, 0)->data, "jti", "the first");
    is_str((const char *) gw_revoked_claim(list, 1)->data, "sub", "the second");

    gw_revoked_free(list);
    gw_revoked_free(NULL);
}


int
main(void)
{
    forms();
    strings();
    times();
    types();
    mistakes();
    many();
    names();

    return done_testing();
}
