/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Vary and variant keys (RFC 9111, 4.1).
 */

#include <stdio.h>

#include "cache_fields.h"
#include "gw_cache_vary.h"
#include "tap.h"


static const gw_text_t  language[] = {
    gw_cache_text("accept-encoding"), gw_cache_text("accept-language"),
    gw_cache_text("accept")
};


/* returns the names, or the reason not to store */

static const char *
vary(const char *response)
{
    size_t             len;
    cache_fields_t     f;
    gw_text_t          word;
    unsigned char      text[GW_CACHE_VARY];
    static char        shown[GW_CACHE_VARY + 1];
    gw_cache_reason_e  reason;

    reason = gw_cache_vary(cache_fields(&f, response), text, &len);

    if (reason != GW_CACHE_R_NONE) {
        word = gw_cache_reason_word(reason);
        snprintf(shown, sizeof(shown), "%.*s", (int) word.len, word.data);
        return shown;
    }

    memcpy(shown, text, len);
    shown[len] = '\0';

    return shown;
}


static void
names(void)
{
    size_t       i;
    static const struct {
        const char  *response;
        const char  *expected;
    } row[] = {
        { "", "" },
        { "Vary:", "" },
        { "Vary: , ,", "" },
        { "Vary: Foo", "foo" },
        { "Vary: Foo, Bar", "bar,foo" },
        { "Vary: bar ,FOO", "bar,foo" },
        { "Vary: Foo\nVary: Bar", "bar,foo" },
        { "Vary: Foo, foo, FOO", "foo" },
        { "Vary: ab, a, abc", "a,ab,abc" },

        { "Vary: *", "vary-any" },
        { "Vary: *, *", "vary-any" },
        { "Vary: *\nVary: *", "vary-any" },
        { "Vary: , *", "vary-any" },
        { "Vary:\nVary: *", "vary-any" },
        { "Vary: *, Foo", "vary-any" },
        { "Vary: Foo, *", "vary-any" },
        { "Vary: Foo\nVary: *", "vary-any" },
        { "Vary: Cookie, *", "vary-any" },
        { "Vary: a b", "vary-any" },
        { "Vary: \"a\"", "vary-any" },

        { "Vary: cookie", "vary-cookie" },
        { "Vary: Accept, Cookie", "vary-cookie" },
        { "Vary: Cookies", "cookies" },

        /* treated as Vary: Origin */
        { "Access-Control-Allow-Origin: https://a", "origin" },
        { "Access-Control-Allow-Origin: null", "origin" },
        { "Access-Control-Allow-Origin:", "origin" },
        { "Access-Control-Allow-Origin: *", "" },
        { "Access-Control-Allow-Origin: https://a\nVary: Accept, Origin",
          "accept,origin" },
        { "Access-Control-Allow-Origin: *\nVary: Accept", "accept" },
        { "Access-Control-Allow-Origin: https://a\nVary: *", "vary-any" },
    };

    for (i = 0; i < CACHE_N(row); i++) {
        is_str(vary(row[i].response), row[i].expected, "4.1: %s",
               row[i].response);
    }
}


/* the maximum of names and bytes, and one more */

static void
name_bounds(void)
{
    size_t  i, n;
    char    text[GW_CACHE_VARY + 100];

    for (n = GW_CACHE_NAMES; n <= GW_CACHE_NAMES + 1; n++) {
        strcpy(text, "Vary: x0");

        for (i = 1; i < n; i++) {
            snprintf(text + strlen(text), 30, ",x%zu", i);
        }

        is_int(strcmp(vary(text), "vary-too-long") == 0, n > GW_CACHE_NAMES,
               "%zu names", n);
    }

    for (n = GW_CACHE_VARY; n <= GW_CACHE_VARY + 1; n++) {
        memset(text, 'a', sizeof(text));
        memcpy(text, "Vary: b,", 8);
        text[6 + n] = '\0';

        is_int(strcmp(vary(text), "vary-too-long") == 0, n > GW_CACHE_VARY,
               "%zu bytes of names", n);
    }
}


/* whether two requests have the same key */

static int
same(const char *names, const gw_text_t *normalize, size_t n, const char *one,
    const char *two)
{
    size_t          one_len, two_len;
    gw_text_t       list;
    cache_fields_t  f;
    unsigned char   one_key[4096], two_key[4096];

    list = cache_text(names);

    if (gw_cache_variant(&list, cache_fields(&f, one), normalize, n, one_key,
                         sizeof(one_key), &one_len) != 0
        || gw_cache_variant(&list, cache_fields(&f, two), normalize, n,
                            two_key, sizeof(two_key), &two_len) != 0)
    {
        return -1;
    }

    return one_len == two_len && memcmp(one_key, two_key, one_len) == 0;
}


typedef struct {
    const char  *names;
    const char  *one;
    const char  *two;
    int          plain;         /* 1: the same key without "normalize" */
    int          normalized;    /* 1: the same key with it */
} row_t;


static const row_t  pair[] = {
    { "", "Foo: 1", "Foo: 2", 1, 1 },
    { "foo", "Foo: 1", "FOO: 1", 1, 1 },
    { "foo", "Foo: 1", "Foo: 2", 0, 0 },
    { "foo", "Foo: a", "Foo: A", 0, 0 },
    { "foo", "Foo: 1", "", 0, 0 },
    { "foo", "", "", 1, 1 },
    { "foo", "Foo:", "", 0, 0 },
    { "foo", "Foo: 1\nOther: 2", "Foo: 1\nOther: 3", 1, 1 },
    { "bar,foo", "Foo: 1\nBar: 2", "Bar: 2\nFoo: 1", 1, 1 },
    { "bar,foo", "Foo: 1\nBar: 2", "Foo: 2\nBar: 1", 0, 0 },
    { "bar,foo", "Foo: 1", "Bar: 1", 0, 0 },
    { "bar,foo", "Bar: 1", "Bar: 1\nFoo:", 0, 0 },

    /* lines and white space */
    { "foo", "Foo: 1, 2", "Foo: 1\nFoo: 2", 1, 1 },
    { "foo", "Foo: 1,2", "Foo:  1 ,\t2 ", 1, 1 },
    { "foo", "Foo: 1 2", "Foo: 1  2", 0, 0 },
    { "foo", "Foo: 1, 2", "Foo: 2, 1", 0, 0 },
    { "foo", "Foo: 1,,2", "Foo: 1,2", 0, 0 },
    { "foo", "Foo: \"1,2\"", "Foo: \"1, 2\"", 0, 0 },
    { "foo", "Foo: \"1,2", "Foo: \"1, 2", 0, 0 },
    { "foo", "Foo: \"1\\\", 2\", 3", "Foo: \"1\\\", 2\",3", 1, 1 },

    /* codings in any case */
    { "accept-encoding", "Accept-Encoding: gzip, br",
      "Accept-Encoding: GZIP,Br", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip",
      "Accept-Encoding: gzip;q=1", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip;q=1.0",
      "Accept-Encoding: gzip ; Q=1.000", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0.5",
      "Accept-Encoding: gzip; q=0.50", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0.5",
      "Accept-Encoding: gzip; q=0.51", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0",
      "Accept-Encoding: gzip; q=0.000", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0",
      "Accept-Encoding: gzip; q=0.001", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0.05",
      "Accept-Encoding: gzip; q=0.050", 1, 1 },
    { "accept-encoding", "Accept-Encoding: gzip, br",
      "Accept-Encoding: br, gzip", 0, 1 },
    { "accept-encoding", "Accept-Encoding: gzip, , br",
      "Accept-Encoding: gzip, br", 1, 1 },
    { "accept-encoding", "Accept-Encoding:", "", 0, 0 },
    { "accept-encoding", "Accept-Encoding: identity", "", 0, 0 },
    { "accept-encoding", "Accept-Encoding: *", "Accept-Encoding: gzip",
      0, 0 },

    /* an invalid weight is not normalized */
    { "accept-encoding", "Accept-Encoding: gzip;q=1",
      "Accept-Encoding: gzip;q=1.0000", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=1",
      "Accept-Encoding: gzip;q=1.1", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=1",
      "Accept-Encoding: gzip;q=2", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0.5",
      "Accept-Encoding: gzip;q=0.5;q=1", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=0.5",
      "Accept-Encoding: gzip;q = 0.5", 0, 0 },
    { "accept-encoding", "Accept-Encoding: gzip;q=.5",
      "Accept-Encoding: gzip;q=0.5", 0, 0 },

    /* languages are sorted only with "normalize" */
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language: eN, De", 1, 1 },
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language:  en ,   de", 1, 1 },
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language: de, en", 0, 1 },
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language: de\nAccept-Language: en", 0, 1 },
    { "accept-language", "Accept-Language: en;q=0.5, de",
      "Accept-Language: de, en;q=0.5", 0, 1 },
    { "accept-language", "Accept-Language: en;q=0.5, de",
      "Accept-Language: en, de;q=0.5", 0, 0 },
    { "accept-language", "Accept-Language: en, en, de",
      "Accept-Language: de, en", 0, 1 },
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language: fr;q=0.5, de;q=1.0", 0, 0 },
    { "accept-language", "Accept-Language: en, de",
      "Accept-Language: en", 0, 0 },
    { "accept-language", "Accept-Language: en,de",
      "Accept-Language: en-de", 0, 0 },

    /* other fields, with "normalize" */
    { "accept", "Accept: text/html, */*;q=0.1",
      "Accept: */* ;q=0.1 ,TEXT/html", 0, 1 },
    { "accept", "Accept: text/html;level=1;q=0.5",
      "Accept: text/html; Level=1; q=0.50", 0, 1 },
    { "accept", "Accept: text/html;a=\"X\"",
      "Accept: text/html;a=\"x\"", 0, 0 },
    { "accept", "Accept: text/html;a=\",\"", "Accept: text/html;a=\"\"",
      0, 0 },
    { "accept", "Accept: text/html;q=0.5", "Accept: text/html;level=1",
      0, 0 },
    { "accept", "Accept: a;q=0.5;b", "Accept: a;q=0.5;b;q=1", 0, 0 },
    { "x-list", "X-List: a, b", "X-List: b, a", 0, 0 },
};


static void
keys(void)
{
    size_t              i;

    for (i = 0; i < CACHE_N(pair); i++) {
        is_int(same(pair[i].names, NULL, 0, pair[i].one, pair[i].two),
               pair[i].plain, "4.1: %s | %s", pair[i].one, pair[i].two);
        is_int(same(pair[i].names, language, 3, pair[i].one, pair[i].two),
               pair[i].normalized, "4.1, normalized: %s | %s", pair[i].one,
               pair[i].two);
    }
}


/* the maximum of sorted members and bytes, and one more */

static void
list_bounds(void)
{
    size_t  i, n, pad;
    char    one[4000], two[4000];

    for (n = GW_CACHE_VARY_SORTED; n <= GW_CACHE_VARY_SORTED + 1; n++) {
        strcpy(one, "Accept-Language: ");
        strcpy(two, one);

        for (i = 0; i < n; i++) {
            snprintf(one + strlen(one), 30, "a%02zu,", i);
            snprintf(two + strlen(two), 30, "a%02zu,", n - i - 1);
        }

        is_int(same("accept-language", language, 3, one, two),
               n == GW_CACHE_VARY_SORTED, "%zu members in another order", n);
    }

    for (n = GW_CACHE_VARY_LIST; n <= GW_CACHE_VARY_LIST + 1; n++) {
        pad = n - 2;
        snprintf(one, sizeof(one), "Accept-Language: b,%0*d", (int) pad, 0);
        snprintf(two, sizeof(two), "Accept-Language: %0*d,b", (int) pad, 0);

        is_int(same("accept-language", language, 3, one, two),
               n == GW_CACHE_VARY_LIST, "%zu bytes in another order", n);
    }
}


/* a key is written completely, or not at all */

static void
key_bounds(void)
{
    size_t          len, again, size;
    gw_text_t       list;
    cache_fields_t  f;
    unsigned char   key[200];
    unsigned        wrong;

    list = cache_text("accept-language,foo");
    cache_fields(&f, "Accept-Language: en, de;q=0.25\nFoo: 1, 2\nFoo: 3");

    is_int(gw_cache_variant(&list, &f.fields, language, 3, key, sizeof(key),
                            &len), 0, "a key");

    is_int(gw_cache_variant(&list, &f.fields, language, 3, key, len, &again),
           0, "in as many bytes as it has");

    wrong = 0;

    for (size = 0; size < len; size++) {
        memset(key, '!', sizeof(key));
        wrong += (gw_cache_variant(&list, &f.fields, language, 3, key, size,
                                   &again) != -1);
        wrong += (key[size] != '!');
    }

    is_int(wrong, 0, "and in none less");
}


int
main(void)
{
    names();
    name_bounds();
    keys();
    list_bounds();
    key_bounds();

    return done_testing();
}
