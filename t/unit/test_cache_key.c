/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The canonical text of a key: requests with the same text, requests with
 * another one, and parts that cannot be mistaken for each other.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_cache_key.h"
#include "tap.h"


static gw_text_t
text_of(const char *s)
{
    gw_text_t  text;

    text.data = (const unsigned char *) s;
    text.len = strlen(s);

    return text;
}


/* the parts as text, "p=/a,q=&x"; they must fill the buffer */

static void
shown(const unsigned char *data, size_t len, char *said)
{
    size_t    i;
    uint32_t  n;

    said[0] = '\0';

    for (i = 0; i + 5 <= len; i += 5 + n) {
        memcpy(&n, data + i + 1, sizeof(uint32_t));

        said += sprintf(said, "%s%c=%.*s", i ? "," : "", data[i], (int) n,
                        (const char *) data + i + 5);
    }

    if (i != len) {
        sprintf(said, "(broken)");
    }
}


static const gw_cache_args_t  all = { GW_CACHE_ARGS_ALL, NULL, 0 };


/* path and query of a target that nginx sends unchanged */

static const char *
sent(const char *target, const gw_cache_args_t *args)
{
    gw_cache_line_t     line;
    gw_cache_key_out_t  out;

    static char           said[1024];
    static unsigned char  data[1024];

    memset(&line, 0, sizeof(line));
    line.target = text_of(target);
    line.uri = text_of("/never/looked/at");
    line.args = text_of("never");
    line.unchanged = 1;

    out.data = data;
    out.size = sizeof(data);
    out.len = 0;

    gw_cache_key_put_path(&out, &line);
    gw_cache_key_put_args(&out, &line, args);

    shown(data, out.len, said);

    return said;
}


static const char *
rewritten(const char *uri, const char *query, const char *target, int original)
{
    gw_cache_line_t     line;
    gw_cache_key_out_t  out;

    static char           said[1024];
    static unsigned char  data[1024];

    line.target = text_of(target);
    line.uri = text_of(uri);
    line.args = text_of(query);
    line.unchanged = 0;
    line.original = (unsigned) original & 1;

    out.data = data;
    out.size = sizeof(data);
    out.len = 0;

    gw_cache_key_put_path(&out, &line);
    gw_cache_key_put_args(&out, &line, &all);

    shown(data, out.len, said);

    return said;
}


static void
test_lines(void)
{
    is_str(sent("/a/b", &all), "p=/a/b,q=", "a path");
    is_str(sent("/a%2fb", &all), "p=/a%2fb,q=", "in the client's encoding");
    is_str(sent("//a/./b", &all), "p=//a/./b,q=", "in the client's spelling");
    is_str(sent("/a?", &all), "p=/a,q=&", "a \"?\" alone");
    is_str(sent("/a?x=1&&y", &all), "p=/a,q=&x=1&&y", "a query");
    is_str(sent("/a?x?y", &all), "p=/a,q=&x?y", "a second \"?\"");
    is_str(sent("/a#f?x", &all), "p=/a#f,q=&x", "a fragment");
    is_str(sent("", &all), "p=,q=", "nothing");

    is_str(rewritten("/n", "", "/o?x", 0), "u=/n,a=", "rewritten");
    is_str(rewritten("/n", "y=1", "/o?x", 0), "u=/n,a=&y=1",
           "rewritten, with arguments");
    is_str(rewritten("/n", "y=1", "/o?x", 1), "u=/n,p=/o,a=&y=1,q=&x",
           "rewritten, with the received target");
    is_str(rewritten("/n", "", "/o", 1), "u=/n,p=/o,a=,q=",
           "the same without arguments");
}


static void
test_only(void)
{
    gw_text_t        names[2];
    gw_cache_args_t  only = { GW_CACHE_ARGS_ONLY, names, 2 };

    names[0] = text_of("a");
    names[1] = text_of("b_*");

    is_str(sent("/?a=1&c=2&b_x=3", &only), "p=/,q=&a=1&b_x=3", "listed");
    is_str(sent("/?c=2", &only), "p=/,q=", "no listed argument");
    is_str(sent("/", &only), "p=/,q=", "no arguments");
    is_str(sent("/?", &only), "p=/,q=", "a \"?\" alone is not listed");
    is_str(sent("/?a", &only), "p=/,q=&a", "without a value");
    is_str(sent("/?a=", &only), "p=/,q=&a=", "with an empty value");
    is_str(sent("/?aa=1&b=1&b_=1", &only), "p=/,q=&b_=1", "only whole names");
    is_str(sent("/?b_z=2&a=1&a=2", &only), "p=/,q=&b_z=2&a=1&a=2",
           "in their order, and twice");

    /* some parsers read these as "a" or "b_..." */

    is_str(sent("/?A=1&B_x=1", &only), "p=/,q=&A=1&B_x=1", "another case");
    is_str(sent("/?%61=1", &only), "p=/,q=&%61=1", "encoded");
    is_str(sent("/?a[]=1", &only), "p=/,q=&a[]=1", "a bracket");
    is_str(sent("/?b.x=1", &only), "p=/,q=&b.x=1", "a dot, which PHP replaces");
    is_str(sent("/?+a=1", &only), "p=/,q=&+a=1", "a blank before it");
    is_str(sent("/?c=2;a=1", &only), "p=/,q=&c=2;a=1", "after a semicolon");
    is_str(sent("/?a=1;c=2", &only), "p=/,q=&a=1;c=2", "or before it");
    is_str(sent("/?c=2;d=1", &only), "p=/,q=",
           "neither before nor after a semicolon");
    is_str(sent("/?c=a=1", &only), "p=/,q=", "a value is no name");
}


static void
test_without(void)
{
    gw_text_t        names[2];
    gw_cache_args_t  without = { GW_CACHE_ARGS_WITHOUT, names, 2 };

    names[0] = text_of("utm_*");
    names[1] = text_of("*.id");

    is_str(sent("/?a=1&utm_source=2&b=3", &without), "p=/,q=&a=1&b=3",
           "without a listed one");
    is_str(sent("/?utm_=1&x.id=2", &without), "p=/,q=", "none is left");
    is_str(sent("/?", &without), "p=/,q=&", "a \"?\" alone is not listed");
    is_str(sent("/", &without), "p=/,q=", "no query");
    is_str(sent("/?utm=1&xid=2&id", &without), "p=/,q=&utm=1&xid=2&id",
           "only whole names");

    /* some parsers read these as another name */

    is_str(sent("/?UTM_a=1", &without), "p=/,q=&UTM_a=1", "another case");
    is_str(sent("/?%75tm_a=1", &without), "p=/,q=&%75tm_a=1", "encoded");
    is_str(sent("/?utm_a[=1", &without), "p=/,q=&utm_a[=1", "a bracket");
    is_str(sent("/?a%00.id=1", &without), "p=/,q=&a%00.id=1", "a NUL");
    is_str(sent("/?utm_a=1;x=2", &without), "p=/,q=&utm_a=1;x=2",
           "another one after a semicolon");
    is_str(sent("/?utm_a=1;utm_b=2", &without), "p=/,q=",
           "a listed one after a semicolon");
    is_str(sent("/?utm_a;utm_b=2", &without), "p=/,q=&utm_a;utm_b=2",
           "a name with a semicolon");
}


static int
matches(const char *pattern, const char *name)
{
    char             target[64];
    gw_text_t        names[1];
    gw_cache_args_t  only = { GW_CACHE_ARGS_WITHOUT, names, 1 };

    names[0] = text_of(pattern);
    sprintf(target, "/?%s=1", name);

    return strcmp(sent(target, &only), "p=/,q=") == 0;
}


static void
test_globs(void)
{
    ok(matches("*", "a") && matches("*", ""), "\"*\" is any name");
    ok(matches("a", "a") && !matches("a", "b") && !matches("a", ""), "a name");
    ok(matches("a*", "a") && matches("a*", "abc") && !matches("a*", "ba"),
       "a prefix");
    ok(matches("*a", "a") && matches("*a", "aba") && !matches("*a", "ab"),
       "a suffix");
    ok(matches("a*b*c", "a1b2b3c") && !matches("a*b*c", "a1c2b"),
       "the middle");
    ok(matches("a**b", "ab") && matches("a**b", "axb"), "two stars");
    ok(!matches("ab", "a") && !matches("a", "ab"), "not a part of a name");
}


static void
test_names(void)
{
    gw_text_t  name;

    name = text_of("aZ09-_.~*");
    ok(gw_cache_args_name(&name), "all characters of a name");

    name = text_of("");
    ok(!gw_cache_args_name(&name), "no empty name");

    for (const char *p = "%[]=&;+ ,?#/$"; *p; p++) {
        char  s[2] = { *p, '\0' };

        name = text_of(s);
        ok(!gw_cache_args_name(&name), "no \"%c\"", *p);
    }
}


/* different texts whose concatenations are equal */

static void
test_borders(void)
{
    size_t               len;
    gw_text_t            a, b;
    unsigned char        one[64], other[64];
    gw_cache_key_out_t   out;

    a = text_of("x");
    b = text_of("yz");
    out = (gw_cache_key_out_t) { one, sizeof(one), 0 };
    gw_cache_key_put(&out, GW_CACHE_KEY_VARIABLE, a);
    gw_cache_key_put(&out, GW_CACHE_KEY_VARIABLE, b);
    len = out.len;

    a = text_of("xy");
    b = text_of("z");
    out = (gw_cache_key_out_t) { other, sizeof(other), 0 };
    gw_cache_key_put(&out, GW_CACHE_KEY_VARIABLE, a);
    gw_cache_key_put(&out, GW_CACHE_KEY_VARIABLE, b);

    is_int((long long) out.len, (long long) len, "as long");
    ok(memcmp(one, other, len) != 0, "not the same bytes");

    a = text_of("c");
    out = (gw_cache_key_out_t) { one, sizeof(one), 0 };
    gw_cache_key_put(&out, GW_CACHE_KEY_CONSUMER, a);
    out = (gw_cache_key_out_t) { other, sizeof(other), 0 };
    gw_cache_key_put(&out, GW_CACHE_KEY_PARTITION, a);
    ok(memcmp(one, other, out.len) != 0,
       "a consumer is not the value of a variable");

    a = text_of("AbC-Z.Example:80");
    out = (gw_cache_key_out_t) { one, sizeof(one), 0 };
    gw_cache_key_put_lower(&out, GW_CACHE_KEY_HOST, a);
    is_bytes(one + 5, out.len - 5, "abc-z.example:80",
             "a host in lower case");
}


/* a buffer of each size: the length is correct, and no byte after it changes */

static void
test_sizes(void)
{
    size_t               size, whole;
    gw_text_t            name;
    unsigned char       *data, expected[128];
    gw_cache_args_t      args = { GW_CACHE_ARGS_ONLY, &name, 1 };
    gw_cache_line_t      line;
    gw_cache_key_out_t   out;

    memset(&line, 0, sizeof(line));
    name = text_of("a");
    line.target = text_of("/p?a=1&b=2&a=3");
    line.unchanged = 1;
    whole = 0;

    for (size = 128; size-- > 0; /* void */ ) {

        data = malloc(size + 1);
        data[size] = 'E';
        out = (gw_cache_key_out_t) { data, size, 0 };

        gw_cache_key_put_lower(&out, GW_CACHE_KEY_HOST, line.target);
        gw_cache_key_put_path(&out, &line);
        gw_cache_key_put_args(&out, &line, &args);

        if (size == 127) {
            whole = out.len;
            memcpy(expected, data, whole);
        }

        if (out.len != whole || data[size] != 'E'
            || (size >= whole && memcmp(data, expected, whole) != 0))
        {
            ok(0, "a buffer of %zu bytes", size);
        }

        free(data);
    }

    is_int((long long) whole, 5 + 14 + 5 + 2 + 5 + 8, "the length");
}


int
main(void)
{
    test_lines();
    test_only();
    test_without();
    test_globs();
    test_names();
    test_borders();
    test_sizes();

    return done_testing();
}
