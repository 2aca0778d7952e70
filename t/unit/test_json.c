/* SPDX-License-Identifier: BSD-2-Clause */

/* reading untrusted JSON, and writing numbers and texts */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "tap.h"


static json_t *
parse(const char *text, size_t len)
{
    json_t         *value;
    unsigned char  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    value = gw_json_parse(copy, len, NULL);
    free(copy);

    return value;
}


/* reads the member "names", or all if NULL, with a limit of values */

static json_t *
read_some(const char *text, size_t values, const char *name)
{
    gw_text_t        elt;
    gw_json_names_t  names;
    gw_json_limit_t  limit;

    elt.data = (const unsigned char *) name;
    elt.len = name ? strlen(name) : 0;
    names.elts = &elt;
    names.n = 1;
    limit.names = name ? &names : NULL;
    limit.values = values;
    limit.flat = 0;

    return gw_json_read((const unsigned char *) text, strlen(text), &limit,
                        NULL);
}


/* the result is the same if values are built or only checked */

#define is_json(text, expected)                                               \
    do {                                                                      \
        json_t  *parsed = parse(text, strlen(text));                          \
        json_t  *skipped = read_some(text, 0, "none");                        \
                                                                              \
        ok((parsed != NULL) == expected, "%s %s",                             \
           expected ? "accepts" : "rejects", text);                           \
        ok((skipped != NULL) == expected && json_object_size(skipped) == 0,   \
           "    where it is not read");                                       \
        json_decref(parsed);                                                  \
        json_decref(skipped);                                                 \
    } while (0)


static const char *const  good[] = {
    "{}",
    " \t\r\n{ } \n",
    "{\"a\":1}",
    "{\"a\" : [ ] , \"b\" : { } }",
    "{\"a\":[1,-2,3.5,1e3,1E-3,true,false,null,\"x\",{\"b\":[]}]}",
    "{\"\":\"\"}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
    "{\"a\\u0062\":1,\"a\":2}",
    "{\"a\":\"}{][,:\"}",
    "{\"a\":\"\\\"}\"}",
    "{\"h\303\251\":\"\360\237\230\200\"}",
    "{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
    "{\"a\":-0,\"b\":0,\"c\":-0.0,\"d\":0e0}",
    "{\"a\":1e308,\"b\":1e-400}",
    "{\"a\":999999999999999999,\"b\":1000000000000000000}",
    "{\"a\":\"\177\"}",
    "{\"a\":1.7976931348623157e308,\"b\":17976931348623157e292}",
    "{\"a\":1.79769313486231580793728971405303415e308}",
    "{\"a\":0.00017976931348623158e312,\"b\":-1.7e+308}",
    "{\"a\":0e99999999999999999999,\"b\":-0.000e400}",
    "{\"a\":1e-99999999999999999999,\"b\":-1e-310}",
    "{\"\\uD83D\\uDE00\":1,\"\\ud83d\\ude01\":2,\"\360\237\230\202\":3}",
    "{\"\355\237\277\":\"\356\200\200\364\217\277\277\"}"
};

static const char *const  bad[] = {
    "",
    " ",
    "[]",
    "1",
    "\"a\"",
    "null",
    "true",
    "{",
    "}",
    "{}}",
    "{}{}",
    "{} x",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{\"a\":[1,]}",
    "{\"a\":[,1]}",
    "{\"a\":[1}",
    "{\"a\":[1 2]}",
    "{\"a\":{]}",
    "{\"a\":\"x}",
    "{\"a\":\"x\\\"}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\u12\"}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\u0000\"}",
    "{\"\\u0000\":1}",
    "{\"a\":\"\n\"}",
    "{\"a\":tru}",
    "{\"a\":True}",
    "{\"a\":nul",
    "{\"a\":NaN}",
    "{\"a\":Infinity}",
    "{\"a\":-}",
    "{\"a\":+1}",
    "{\"a\":.5}",
    "{\"a\":5.}",
    "{\"a\":1e}",
    "{\"a\":1e+}",
    "{\"a\":01}",
    "{\"a\":-01}",
    "{\"a\":0000000000000000000001}",
    "{\"a\":0x10}",
    "{\"a\":1-1}",
    "{\"a\":1.2.3}",
    "{\"a\":9223372036854775808}",
    "{\"a\":-9223372036854775809}",
    "{\"a\":1e400}",
    "{\"a\":-1e400}",
    "{\"a\":1e309}",
    "{\"a\":1.7976931348623159e308}",
    "{\"a\":1.79769313486231580793728971405303416e308}",
    "{\"a\":-17976931348623159e292}",
    "{\"a\":0.00017976931348623159e312}",
    "{\"a\":1e99999999999999999999}",
    "{\"a\":99999999999999999999}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"b\":2,\"a\":3}",
    "{\"b\":{\"a\":1,\"a\":1}}",
    "{\"b\":[{\"a\":1,\"a\":1}]}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"\\u0061\":1,\"a\":2}",
    "{\"\\u0061\\/\":1,\"a\\u002f\":2}",
    "{\"\\uD83D\\uDE00\":1,\"\360\237\230\200\":2}",
    "{\"a\":\"\\ud83d\"}",
    "{\"a\":\"\\ud83d\\n\"}",
    "{\"a\":\"\\ud83d\\u0041\"}",
    "{\"a\":\"\\ude00\\ud83d\"}",
    "{\"a\":\"\\ud83",
    "{\"a\":\"\\",
    "{\"h\303\251\":1,\"h\303\251\":2}",
    "{\"a\":\"\377\"}",
    "{\"a\":\"\300\200\"}",
    "{\"a\":\"\355\240\200\"}",
    "{\"a\":\"\303\"}",
    "{\"\303\":1}",
    "{\"a\":\"\364\220\200\200\"}",
    "\357\273\277{}"
};


static void
test_syntax(void)
{
    size_t  i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_json(good[i], 1);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_json(bad[i], 0);
    }

    ok(parse("{\"a\":\"x\0y\"}", 11) == NULL, "rejects a NUL in a string");
    ok(parse("{}\0", 3) == NULL, "rejects a NUL at the end");
    ok(parse("{\"a\":1\0}", 8) == NULL, "rejects a NUL after a number");
}


/* each byte at each position of a string: the result of jansson */

static void
test_bytes(void)
{
    char      text[64];
    json_t   *value, *reference;
    size_t    len;
    unsigned  i, byte, wrong;

    for (i = 0; i < 20; i++) {
        wrong = 0;

        for (byte = 1; byte < 256; byte++) {
            len = (size_t) sprintf(text, "{\"a\":\"%.*s%cnyyyyyyyyyyyy\"}",
                                   (int) i, "xxxxxxxxxxxxxxxxxxxx",
                                   (int) byte);

            value = parse(text, len);
            reference = json_loadb(text, len, 0, NULL);
            wrong += !json_equal(value, reference) && (value || reference);

            json_decref(value);
            json_decref(reference);
        }

        is_int(wrong, 0, "a byte after %u others", i);
    }
}


/* {"a":{"a": ... {} ... }}, or the same with arrays inside of one object */

static json_t *
nested(const char *open, const char *close, unsigned depth)
{
    char      text[1024];
    unsigned  i;

    strcpy(text, "{\"a\":");

    for (i = 1; i < depth; i++) {
        strcat(text, open);
    }

    strcat(text, "1");

    for (i = 1; i < depth; i++) {
        strcat(text, close);
    }

    strcat(text, "}");

    return parse(text, strlen(text));
}


static json_t *
members(unsigned n, unsigned name_len)
{
    char      *text, *p;
    json_t    *value;
    unsigned   i;

    text = p = malloc(n * (name_len + 16) + 16);
    *p++ = '{';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s\"%0*u\":%u", i ? "," : "", (int) name_len, i, i);
    }

    *p++ = '}';
    value = parse(text, (size_t) (p - text));
    free(text);

    return value;
}


static void
test_limits(void)
{
    json_t      *value;

    value = nested("{\"a\":", "}", GW_JSON_MAX_DEPTH);
    ok(value != NULL, "16 objects inside of each other");
    json_decref(value);

    value = nested("[", "]", GW_JSON_MAX_DEPTH);
    ok(value != NULL, "15 arrays in an object");
    json_decref(value);

    ok(nested("{\"a\":", "}", GW_JSON_MAX_DEPTH + 1) == NULL, "17 objects");
    ok(nested("[", "]", GW_JSON_MAX_DEPTH + 1) == NULL, "16 arrays");

    value = members(GW_JSON_MAX_MEMBERS, 3);
    ok(value != NULL, "256 members");
    json_decref(value);

    ok(members(GW_JSON_MAX_MEMBERS + 1, 3) == NULL, "257 members");

    value = members(3, 127);
    ok(json_object_size(value) == 3, "names of 127 bytes");
    json_decref(value);

    value = members(3, 128);
    ok(json_object_size(value) == 3, "names of 128 bytes");
    json_decref(value);

}


/* messages for logs and files; untrusted text is escaped and truncated */

static const struct {
    const char  *text;
    const char  *why;
} sentences[] = {
    { "{\"a\":1,\"a\":1}",
      "has a duplicate member \"a\" (line 1, column 8)" },
    { "{\"a\":{\"b\":1,\n  \"b\":[1, 2]}}",
      "has a duplicate member \"b\" (line 2, column 3)" },
    { "{\"\\n\\u007f\\\"\\\\\":1,\"\\n\\u007f\\\"\\\\\":1}",
      "has a duplicate member \"\\x0a\\x7f\\x22\\x5c\" (line 1, column 19)" },
    { "{\"\303\251\":1,\"\303\251\":1}",
      "has a duplicate member \"\\xc3\\xa9\" (line 1, column 9)" },
    { "{\"12345678901234567890123456789012\":1,"
      "\"12345678901234567890123456789012\":1}",
      "has a duplicate member \"12345678901234567890123456789012\" "
      "(line 1, column 39)" },
    { "{\"123456789012345678901234567890123\":1,"
      "\"123456789012345678901234567890123\":1}",
      "has a duplicate member \"12345678901234567890123456789012...\" "
      "(line 1, column 40)" },
    { "{\"a\":1,\n}", "is not well-formed JSON, a comma must not precede a "
      "closing bracket (line 2, column 1)" },
    { "{\"a\":[1, ]}", "is not well-formed JSON, a comma must not precede a "
      "closing bracket (line 1, column 10)" },
    { "{\"a\":1", "is not well-formed JSON, it ends too early "
      "(line 1, column 7)" },
    { "{\"a\":\"x", "is not well-formed JSON, it ends too early "
      "(line 1, column 6)" },
    { "{\"a\":", "is not well-formed JSON, it ends too early "
      "(line 1, column 6)" },
    { "{\n\n  a: 1\n}", "is not well-formed JSON (line 3, column 3)" },
    { "{\"a\" 1}", "is not well-formed JSON (line 1, column 6)" },
    { "{]}", "is not well-formed JSON (line 1, column 2)" },
    { "{\"a\":1]", "is not well-formed JSON (line 1, column 7)" },
    { "{\"a\":1}\n;", "has bytes after its end (line 2, column 1)" },
    { "{\"a\":01}", "is not well-formed JSON (line 1, column 7)" },
    { "{\"a\":1e999}",
      "has a number that is malformed or out of range (line 1, column 6)" },
    { "{\"a\":\"\\x\"}", "has a malformed string (line 1, column 6)" },
    { "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
      "is nested deeper than 16 levels (line 1, column 21)" },
    { "", "is empty, it must be a JSON object" },
    { " \r\n\t", "is empty, it must be a JSON object" },
    { "\357\273\277{}",
      "begins with a byte order mark, save it as UTF-8 without one" },
    { "\377\376{", "is UTF-16, save it as UTF-8" },
    { "\376\377", "is UTF-16, save it as UTF-8" },
    { "<!DOCTYPE html>", "is HTML or XML, it must be a JSON object" },
    { "-----BEGIN PUBLIC KEY-----", "is PEM, it must be a JSON object" },
    { "https://e.com/jwks", "contains a URL, save what it returns in the file" },
    { "eyJhbGciOiJFUzI1NiJ9.e30.x", "contains a token, it must be a JSON object" },
    { "[{}]", "is a JSON array, it must be a JSON object" },
    { "---\nkeys:", "is YAML, it must be a JSON object" },
    { "keys:\n  - kid: a", "is YAML, it must be a JSON object" },
    { "- a", "is YAML, it must be a JSON object" },
    { "keys:[]", "contains no JSON object, it must be a JSON object" },
    { "c2VjcmV0", "contains no JSON object, it must be a JSON object" },
    { "\"secret\"", "contains no JSON object, it must be a JSON object" },
    { "12", "contains no JSON object, it must be a JSON object" }
};


static void
explain(const char *text, size_t len, const char *expected)
{
    char             why[256];
    json_t          *value;
    gw_json_error_t  error;

    value = gw_json_parse((const unsigned char *) text, len, &error);
    ok(value == NULL, "is rejected");

    gw_json_explain(why, sizeof(why), (const unsigned char *) text, len,
                    &error, "a JSON object");
    is_str(why, expected, "the error message");

    json_decref(value);
}


static void
test_errors(void)
{
    char    text[4096], *p;
    size_t  i;

    for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        explain(sentences[i].text, strlen(sentences[i].text),
                sentences[i].why);
    }

    explain("{\0\"\0a\0", 6, "is UTF-16, save it as UTF-8");
    explain("\0{\0\"", 4, "is UTF-16, save it as UTF-8");

    p = text;

    for (i = 0; i <= GW_JSON_MAX_MEMBERS; i++) {
        p += snprintf(p, 16, "%c\"%zu\":1", i ? ',' : '{', i);
    }

    *p++ = '}';

    explain(text, (size_t) (p - text),
            "has an object of more than 256 members (line 1, column 1940)");
}


/* jansson fails to allocate the nth value: the error is about memory */

static unsigned  left;


static void *
scarce(size_t size)
{
    return left-- ? malloc(size) : NULL;
}


static void
test_memory(void)
{
    json_t           *value;
    unsigned          n;
    gw_json_error_t   error;

    static const char  text[] = "{\"a\":{\"b\":[1,2.5,\"c\",true]}}";

    json_set_alloc_funcs(scarce, free);

    for (n = 0; n < 100; n++) {
        left = n;
        (void) snprintf(error.why, sizeof(error.why), "nothing");

        value = gw_json_parse((const unsigned char *) text, strlen(text),
                              &error);
        if (value != NULL) {
            break;
        }

        if (strcmp(error.why, "does not fit into memory") != 0) {
            ok(0, "memory for %u: %s", n, error.why);
        }
    }

    left = 1000;
    ok(n > 5 && n < 100, "memory for %u values is sufficient", n);
    json_decref(value);

    json_set_alloc_funcs(malloc, free);
}


/* an object of an array of n - 1 empty ones */

static json_t *
values(unsigned n, size_t limit, const char *name)
{
    char      text[8192], *p;
    unsigned  i;

    p = text + sprintf(text, "{\"a\":[");

    for (i = 1; i < n; i++) {
        p += sprintf(p, "%s[]", i > 1 ? "," : "");
    }

    strcpy(p, "]}");

    return read_some(text, limit, name);
}


static void
test_values(void)
{
    size_t   i;
    json_t  *value;

    static const char *const  names[] = { NULL, "a", "b" };

    for (i = 0; i < 3; i++) {
        value = values(64, 64, names[i]);
        ok(value != NULL, "64 values of 64");
        is_int((long long) json_array_size(json_object_get(value, "a")),
               i < 2 ? 63 : 0, "    values are built if they are read");
        json_decref(value);

        ok(values(65, 64, names[i]) == NULL, "65 values of 64");

        value = values(2000, 0, names[i]);
        ok(value != NULL, "2000 values without a limit");
        json_decref(value);
    }

    value = read_some("{\"a\":{\"b\":[1,2]},\"c\":3}", 5, NULL);
    ok(value != NULL, "members and elements count at any depth");
    json_decref(value);
    ok(read_some("{\"a\":{\"b\":[1,2]},\"c\":3}", 4, NULL) == NULL,
       "    each of them");

    value = read_some("{}", 1, NULL);
    ok(value != NULL, "an empty object has none");
    json_decref(value);
}


static void
test_names(void)
{
    json_t           *value;
    gw_json_names_t   names;
    gw_json_limit_t   limit;

    static const char       text[] = "{\"a\":\"x\",\"b\":[1]}";
    static const gw_text_t  elts[] = {
        { 1, (const unsigned char *) "a" },
        { 1, (const unsigned char *) "b" }
    };

    value = read_some("{\"a\":[{\"b\":1}],\"b\":{\"a\":2},\"c\":3}", 0, "b");
    is_int((long long) json_object_size(value), 1,
           "only the named member is built");
    is_int(json_integer_value(json_object_get(json_object_get(value, "b"),
                                              "a")), 2, "    it is complete");
    json_decref(value);

    value = read_some("{\"\\u0062\":1,\"\\u00e9\":\"\\n\"}", 0, "b");
    is_int(json_integer_value(json_object_get(value, "b")), 1,
           "names are compared after decoding");
    json_decref(value);

    ok(read_some("{\"b\":1,\"\\u0062\":2}", 0, "b") == NULL
       && read_some("{\"\\u0062\":1,\"b\":2}", 0, "b") == NULL
       && read_some("{\"c\":1,\"\\u0063\":2}", 0, "b") == NULL
       && read_some("{\"c\":{\"d\":1,\"\\u0064\":2}}", 0, "b") == NULL
       && read_some("{\"b\":{\"d\":1,\"\\u0064\":2}}", 0, "b") == NULL,
       "a repeated member is rejected, built or not");

    names.elts = elts;
    names.n = 2;
    limit.values = 0;
    limit.names = &names;
    limit.flat = 1;

    value = gw_json_read((const unsigned char *) text, strlen(text), &limit,
                         NULL);
    ok(json_object_size(value) == 1 && json_object_get(value, "a") != NULL,
       "of two named members, the one that is no array is built");
    json_decref(value);

    value = read_some("{\"\":7,\"b\":1}", 0, "");
    is_int(json_integer_value(json_object_get(value, "")), 7,
           "an empty name can be read");
    json_decref(value);
}


/* whether an object of "n" members, with "name" at "at", is accepted */

static int
read_members(unsigned n, unsigned at, const char *name, unsigned flat)
{
    char             *text, *p;
    json_t           *value;
    unsigned          i;
    gw_text_t         elt;
    gw_json_names_t   names;
    gw_json_limit_t   limit;

    elt.len = strlen(name);
    elt.data = (const unsigned char *) name;
    names.n = 1;
    names.elts = &elt;

    limit.values = 0;
    limit.names = &names;
    limit.flat = flat;

    text = malloc(16 * n + 2);
    p = text;

    for (i = 0; i < n; i++) {
        p += (i == at) ? sprintf(p, "%c\"%s\":1", i ? ',' : '{', name)
                       : sprintf(p, "%c\"m%u\":1", i ? ',' : '{', i);
    }

    *p++ = '}';

    value = gw_json_read((const unsigned char *) text, (size_t) (p - text),
                         &limit, NULL);
    free(text);
    json_decref(value);

    return value != NULL;
}


static void
test_members(void)
{
    unsigned  flat, i;

    static const unsigned  at[] = { 0, 1, 128, 254, 255 };

    for (flat = 0; flat < 2; flat++) {
        for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {

            ok(read_members(256, at[i], "iss", flat)
               && !read_members(257, at[i], "iss", flat)
               && !read_members(1000, at[i], "iss", flat),
               "256 members are accepted, the one at %u is read%s",
               at[i], flat ? ", flat" : "");
        }

        ok(!read_members(257, 256, "iss", flat),
           "    257 members are rejected%s",
           flat ? ", flat" : "");
    }
}


static void
is_number(const char *text, const char *expected)
{
    char           object[256];
    size_t         len;
    json_t        *value;
    unsigned char  dst[GW_JSON_NUMBER_SIZE];

    snprintf(object, sizeof(object), "{\"n\":%s}", text);
    value = parse(object, strlen(object));
    len = gw_json_number(json_object_get(value, "n"), dst);
    is_bytes(dst, len, expected, "%s is written %s", text, expected);
    json_decref(value);
}


static void
test_numbers(void)
{
    size_t  i;

    static const char *const  numbers[][2] = {
        { "0", "0" },
        { "-0", "0" },
        { "-1", "-1" },
        { "1300819380", "1300819380" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "0.0", "0" },
        { "-0.0", "0" },
        { "1.0", "1" },
        { "1e3", "1000" },
        { "0.1", "0.1" },
        { "-0.5", "-0.5" },
        { "0.10000000000000001", "0.1" },
        { "0.30000000000000004", "0.30000000000000004" },
        { "2.50", "2.5" },
        { "1300819380.25", "1300819380.25" },
        { "9007199254740993.0", "9007199254740992" },
        { "9999999999999998.0", "9999999999999998" },
        { "9.5e15", "9500000000000000" },
        { "1e15", "1000000000000000" },
        { "1e16", "1e16" },
        { "1.5e16", "1.5e16" },
        { "10000000000000002.0", "1.0000000000000002e16" },
        { "9.5e18", "9.5e18" },
        { "18446744073709551616.0", "1.8446744073709552e19" },
        { "1e22", "1e22" },
        { "1e23", "1e23" },
        { "1.0000000000000001e23", "1.0000000000000001e23" },
        { "1e308", "1e308" },
        { "1.7976931348623157e308", "1.7976931348623157e308" },
        { "-1.7976931348623157e308", "-1.7976931348623157e308" },
        { "2.2250738585072014e-308", "2.2250738585072014e-308" },
        { "2.225073858507201e-308", "2.225073858507201e-308" },
        { "5e-324", "5e-324" },
        { "1e-7", "0.0000001" },
        { "9.999999999999998e-8", "9.999999999999998e-8" },
        { "1.5e-7", "0.00000015" },
        { "1e-8", "1e-8" },
        { "-1.2345678901234566e-7", "-0.00000012345678901234566" }
    };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        is_number(numbers[i][0], numbers[i][1]);
    }
}


static void
test_text(void)
{
    size_t          i, len;
    json_t         *value;
    unsigned char   dst[256];

    static const char *const  texts[][2] = {
        { "{ }", "{}" },
        { "{\"b\":1, \"a\":[ ], \"c\":{ }}", "{\"b\":1,\"a\":[],\"c\":{}}" },
        { "{\"a\":[true,false,null,\"x\"]}",
          "{\"a\":[true,false,null,\"x\"]}" },
        { "{\"a\":\"\\\"\\\\\\/\\n\\u001f\\u007f\"}",
          "{\"a\":\"\\\"\\\\/\\u000a\\u001f\\u007f\"}" },
        { "{\"\\u00e9\":\"\\ud83d\\ude00\"}",
          "{\"\303\251\":\"\360\237\230\200\"}" }
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        value = parse(texts[i][0], strlen(texts[i][0]));
        len = gw_json_text(value, dst);

        is_bytes(dst, len, texts[i][1], "writes %s", texts[i][0]);
        is_int((long long) gw_json_text(value, NULL), (long long) len,
               "the length is correct");
        json_decref(value);
    }
}


/* --- memory, compared with the allocator's */

static size_t  taken;


static void *
measured_malloc(size_t size)
{
    void  *p;

    p = malloc(size);
    taken += malloc_usable_size(p) + sizeof(size_t);

    return p;
}


static void
measured_free(void *p)
{
    if (p != NULL) {
        taken -= malloc_usable_size(p) + sizeof(size_t);
    }

    free(p);
}


static void
test_size(void)
{
    char     *text;
    size_t    i, n, size;
    json_t   *value;

    static const char *const  texts[] = {
        "{}",
        "{\"alg\":\"RS256\",\"kid\":\"key-1\",\"typ\":\"at+jwt\"}",
        "{\"iss\":\"https://issuer.example/realms/main\",\"sub\":\"alice\","
        "\"aud\":[\"api\",\"web\"],\"exp\":4102444800,\"iat\":1700000000,"
        "\"a\":1.5,\"b\":true,\"c\":null,\"d\":{\"e\":{\"f\":\"g\"}}}",
        "{\"a\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8}",
        "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1}",
        "{\"1\":[1,2,3,4,5,6,7,8],\"2\":[1,2,3,4,5,6,7,8,9]}",
        "{\"a\":[[],[],[],{},{},\"\",[\"x\"]]}"
    };

    json_set_alloc_funcs(measured_malloc, measured_free);

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        taken = 0;
        value = parse(texts[i], strlen(texts[i]));
        size = gw_json_memory(value);

        ok(size >= taken - taken / 5 && size <= taken + taken / 5,
           "%zu bytes for %zu: %s", size, taken, texts[i]);
        json_decref(value);
    }

    /* 250 members with long names and values */

    text = malloc(250 * 128);
    n = 0;

    for (i = 0; i < 250; i++) {
        n += (size_t) sprintf(text + n, "%c\"%070zu\":\"%040zu\"",
                              i ? ',' : '{', i, i);
    }

    n += (size_t) sprintf(text + n, "}");

    taken = 0;
    value = parse(text, n);
    size = gw_json_memory(value);

    ok(size >= taken - taken / 5 && size <= taken + taken / 5,
       "%zu bytes for %zu: many members", size, taken);

    json_decref(value);
    free(text);

    json_set_alloc_funcs(malloc, free);

    is_int((long long) gw_json_memory(NULL), 0, "nothing takes no memory");
}


int
main(void)
{
    test_syntax();
    test_bytes();
    test_limits();
    test_values();
    test_names();
    test_members();
    test_numbers();
    test_text();
    test_size();
    test_errors();
    test_memory();

    return done_testing();
}
