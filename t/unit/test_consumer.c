/* SPDX-License-Identifier: BSD-2-Clause */

/* consumers: valid and invalid files, and searches in a set */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_cidr.h"
#include "gw_consumer_build.h"
#include "gw_pairs.h"
#include "gw_rfc3339.h"
#include "tap.h"


#define BLOCK   (256 * 1024)

#define A64  "aa00000000000000000000000000000000000000000000000000000000000001"
#define B64  "bb00000000000000000000000000000000000000000000000000000000000002"
#define ZERO64                                                                \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define FF64                                                                  \
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define EMPTY64                                                               \
    "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* a consumer "a" with these members; one key; members of one key */
#define C(members)  "{\"id\":\"a\"," members "}"
#define K(key)      C("\"keys\":[" key "]")
#define KM(members) K("{\"id\":\"k\",\"sha256\":\"" A64 "\"," members "}")
#define J(jwt)      C("\"jwt\":[" jwt "]")
#define X(cert)     C("\"certificates\":[" cert "]")


/* the messages of the builder, one per line */

typedef struct {
    size_t  lines;
    size_t  len;
    char    text[128 * 1024];
} said_t;

static said_t    said;
static uint64_t  block[BLOCK / 8];


static void
take(void *data, const char *sentence)
{
    said_t  *s = data;

    s->lines++;
    s->len += (size_t) snprintf(s->text + s->len, sizeof(s->text) - s->len,
                                "%s%s", s->len ? "\n" : "", sentence);
}


static gw_consumer_step_e
build_into(void *into, size_t size, const char *text, size_t len, int peppers,
    size_t *needed)
{
    gw_consumer_step_e      step;
    gw_consumer_builder_t  *builder;

    said.lines = 0;
    said.len = 0;
    said.text[0] = '\0';

    builder = gw_consumer_builder_create(text, len, into, size, peppers, take,
                                         &said);
    do {
        step = gw_consumer_builder_step(builder);
    } while (step == GW_CONSUMER_MORE);

    if (gw_consumer_builder_step(builder) != step) {
        ok(0, "a step after the last one");
    }

    if (needed != NULL) {
        *needed = gw_consumer_builder_size(builder);
    }

    gw_consumer_builder_free(builder);

    return step;
}


static gw_consumer_step_e
build_file(const char *text)
{
    return build_into(block, sizeof(block), text, strlen(text), 1, NULL);
}


static gw_consumer_step_e
build(const char *consumers)
{
    char                *text;
    size_t               size;
    gw_consumer_step_e   step;

    size = strlen(consumers) + 32;
    text = malloc(size);
    snprintf(text, size, "{\"consumers\":[%s]}", consumers);

    step = build_file(text);
    free(text);

    return step;
}


static const gw_consumer_set_t *
set(void)
{
    return (const gw_consumer_set_t *) (const void *) block;
}


static int
find(gw_consumer_kind_e kind, const void *name, size_t len,
    gw_consumer_ref_t *ref)
{
    return gw_consumer_find(set(), sizeof(block), kind, name, len, ref);
}


static int
digest_of(const char *hex, unsigned char *digest)
{
    unsigned  i, byte;

    for (i = 0; i < GW_CONSUMER_DIGEST; i++) {
        if (sscanf(hex + i * 2, "%2x", &byte) != 1) {
            return -1;
        }

        digest[i] = (unsigned char) byte;
    }

    return 0;
}


/* a list of consumers, and the messages about it; NULL: none */

static const struct {
    const char  *consumers;
    const char  *sentences;
} rules[] = {

    /* a consumer */

    { "", NULL },
    { "{\"id\":\"a\"}", NULL },
    { " \n{\"id\":\"a\"} ,\t{\"id\":\"b\"}\r\n", NULL },
    { "{\"id\":\"a\"},{\"id\":\"A\"}", NULL },
    { "{\"id\":\"a b \\u00e4 \\\"\"}", NULL },
    { "{}", "consumers[0].id: is missing (line 1)" },
    { "{\"id\":\"\"}", "consumers[0].id: must not be empty (line 1)" },
    { "{\"id\":\"a b\"}", NULL },
    { "{\"id\":\" a\"}", "consumers[0].id: \" a\" begins or ends with a space "
      "(line 1)" },
    { "{\"id\":\"a \"}", "consumers[0].id: \"a \" begins or ends with a space "
      "(line 1)" },
    { "{\"id\":1}", "consumers[0].id: must be a string (line 1)" },
    { "{\"id\":null}", "consumers[0].id: must be a string (line 1)" },
    { "{\"id\":\"a\\nb\"}",
      "consumers[0].id: contains a control character (line 1)" },
    { "{\"id\":\"a\x7f\"}",
      "consumers[0].id: contains a control character (line 1)" },
    { "{\"id\":\"a\"},\n{\"id\":\"a\"}",
      "consumers[1].id: \"a\" is already used by consumers[0] (line 2)" },
    { "{\"id\":\"\\u00e4\\\"\\\\\"},{\"id\":\"\\u00e4\\\"\\\\\"}",
      "consumers[1].id: \"\\xc3\\xa4\\\"\\\\\" is already used by consumers[0] "
      "(line 1)" },
    { "17", "consumers[0]: must be an object (line 1)" },
    { "\"x\"", "consumers[0]: must be an object (line 1)" },
    { "[1]", "consumers[0]: must be an object (line 1)" },
    { "null,\n\n 1.5 ,\n{}",
      "consumers[0]: must be an object (line 1)\n"
      "consumers[1]: must be an object (line 3)\n"
      "consumers[2].id: is missing (line 4)" },
    { C("\"colour\":1"),
      "consumers[0].colour: is unknown, allowed are id, groups, plan, "
      "metadata, disabled, keys, jwt, certificates (line 1)" },
    { C("\"\\n\\u00e4\\\"\":1"),
      "consumers[0].\\x0a\\xc3\\xa4\\\": is unknown, allowed are id, groups, "
      "plan, metadata, disabled, keys, jwt, certificates (line 1)" },
    { C("\"disabled\":true"), NULL },
    { C("\"disabled\":false"), NULL },
    { C("\"disabled\":\"true\""),
      "consumers[0].disabled: must be true or false (line 1)" },
    { C("\"disabled\":1"),
      "consumers[0].disabled: must be true or false (line 1)" },
    { C("\"plan\":\"gold\""), NULL },
    { C("\"plan\":\"\""), "consumers[0].plan: must not be empty (line 1)" },
    { C("\"plan\":[]"), "consumers[0].plan: must be a string (line 1)" },

    { C("\"groups\":[]"), NULL },
    { C("\"groups\":[\"a\",\"A\",\"b c\"]"), NULL },
    { C("\"groups\":\"a\""), "consumers[0].groups: must be a list (line 1)" },
    { C("\"groups\":[1]"),
      "consumers[0].groups[0]: must be a string (line 1)" },
    { C("\"groups\":[\"a\",\"\"]"),
      "consumers[0].groups[1]: must not be empty (line 1)" },
    { C("\"groups\":[\"a\",\"b\",\"a\"]"),
      "consumers[0].groups[2]: \"a\" is a duplicate (line 1)" },
    { C("\"groups\":[\"a,b\"]"),
      "consumers[0].groups[0]: \"a,b\" is not a group, which must not contain "
      "commas, or begin or end with a space (line 1)" },
    { C("\"groups\":[\" a\",\"a \"]"),
      "consumers[0].groups[0]: \" a\" is not a group, which must not contain "
      "commas, or begin or end with a space (line 1)\n"
      "consumers[0].groups[1]: \"a \" is not a group, which must not contain "
      "commas, or begin or end with a space (line 1)" },
    { C("\"groups\":[\"a\\tb\"]"),
      "consumers[0].groups[0]: contains a control character (line 1)" },

    { C("\"metadata\":{}"), NULL },
    { C("\"metadata\":{\"tenant_1\":\"42\",\"_\":\"\"}"), NULL },
    { C("\"metadata\":[]"),
      "consumers[0].metadata: must be an object (line 1)" },
    { C("\"metadata\":{\"a\":1}"),
      "consumers[0].metadata.a: must be a string, put it in quotes (line "
      "1)" },
    { C("\"metadata\":{\"a\":true}"),
      "consumers[0].metadata.a: must be a string, put it in quotes (line "
      "1)" },
    { C("\"metadata\":{\"a\":\"\\u001f\"}"),
      "consumers[0].metadata.a: contains a control character (line 1)" },
    { C("\"metadata\":{\"A\":\"x\",\"b\":\"y\"}"),
      "consumers[0].metadata.A: is not a name of metadata, allowed are a-z, "
      "0-9 and _ (line 1)" },
    { C("\"metadata\":{\"\":\"x\"}"),
      "consumers[0].metadata.: is not a name of metadata, allowed are a-z, "
      "0-9 and _ (line 1)" },
    { C("\"metadata\":{\"a-b\":\"x\"}"),
      "consumers[0].metadata.a-b: is not a name of metadata, allowed are a-z, "
      "0-9 and _ (line 1)" },

    /* keys */

    { C("\"keys\":[]"), NULL },
    { K("{\"id\":\"k\",\"sha256\":\"" A64 "\"}"), NULL },
    { K("{\"id\":\"k\",\"hmac_sha256\":\"" A64 "\"}"), NULL },
    { K("{\"id\":\"k\",\"sha256\":\"AB" A64 "\"}"),
      "consumers[0].keys[0].sha256: must be 64 hexadecimal digits (line 1)" },
    { K("{\"id\":\"k\",\"sha256\":\"" FF64 "\"}"),
      "consumers[0].keys[0].sha256: is weak, it is a placeholder or the "
      "digest of an empty string (line 1)" },
    { K("{\"id\":\"k\",\"hmac_sha256\":\"" ZERO64 "\"}"),
      "consumers[0].keys[0].hmac_sha256: is weak, it is a placeholder or the "
      "digest of an empty string (line 1)" },
    { K("{\"id\":\"k\",\"sha256\":\"" EMPTY64 "\"}"),
      "consumers[0].keys[0].sha256: is weak, it is a placeholder or the "
      "digest of an empty string (line 1)" },
    { K("{\"id\":\"k\",\"sha256\":"
        "\"ag000000000000000000000000000000"
        "00000000000000000000000000000001\"}"),
      "consumers[0].keys[0].sha256: must be 64 hexadecimal digits (line 1)" },
    { K("{\"id\":\"k\",\"sha256\":"
        "\"AA000000000000000000000000000000"
        "0000000000000000000000000000000F\"}"),
      NULL },
    { K("{\"id\":\"k\",\"sha256\":1}"),
      "consumers[0].keys[0].sha256: must be a string (line 1)\n"
      "consumers[0].keys[0]: must have sha256 or hmac_sha256 (line 1)" },
    { K("{\"id\":\"k\"}"),
      "consumers[0].keys[0]: must have sha256 or hmac_sha256 (line 1)" },
    { K("{\"id\":\"k\",\"sha256\":\"" A64 "\",\"hmac_sha256\":\"" B64 "\"}"),
      "consumers[0].keys[0]: must have one of sha256 and hmac_sha256, not both "
      "(line 1)" },
    { K("{\"sha256\":\"" A64 "\"}"),
      "consumers[0].keys[0].id: is missing (line 1)" },
    { K("{\"id\":\"k l\",\"sha256\":\"" A64 "\"}"),
      "consumers[0].keys[0].id: \"k l\" contains a space or a quote, which "
      "the id of a key must not (line 1)" },
    { K("{\"id\":\"k\\\"\",\"sha256\":\"" A64 "\"}"),
      "consumers[0].keys[0].id: \"k\\\"\" contains a space or a quote, which "
      "the id of a key must not (line 1)" },
    { K("1"), "consumers[0].keys[0]: must be an object (line 1)" },
    { KM("\"md5\":\"secret\""),
      "consumers[0].keys[0].md5: is not allowed, a key must have sha256 or "
      "hmac_sha256 instead (line 1)" },
    { KM("\"key\":\"secret\""),
      "consumers[0].keys[0].key: is not allowed, a key must have sha256 or "
      "hmac_sha256 instead (line 1)" },
    { KM("\"groups\":[]"),
      "consumers[0].keys[0].groups: is unknown, allowed are id, sha256 or "
      "hmac_sha256, scopes, not_before, expires, allow, disabled (line 1)" },
    { KM("\"disabled\":null"),
      "consumers[0].keys[0].disabled: must be true or false (line 1)" },

    { K("{\"id\":\"k\",\"sha256\":\"" A64 "\"},"
        "{\"id\":\"l\",\"sha256\":\"" B64 "\"}"), NULL },
    { K("{\"id\":\"k\",\"sha256\":\"" A64 "\"},"
        "{\"id\":\"l\",\"hmac_sha256\":\"" A64 "\"}"), NULL },
    { K("{\"id\":\"k\",\"sha256\":\"" A64 "\"},"
        "{\"id\":\"l\",\"sha256\":\"AA" "0000000000000000000000000000000000000"
        "0000000000000000000000001\"}"),
      "consumers[0].keys[1].sha256: is already used by consumers[0] (line 1)" },
    { "{\"id\":\"b\"}," K("{\"id\":\"k\",\"sha256\":\"" A64 "\"},"
        "{\"id\":\"k\",\"sha256\":\"" B64 "\"}"),
      "consumers[1].keys[1].id: \"k\" is already used by a key of consumers[1] "
      "(line 1)" },
    { K("{\"id\":\"k\",\"sha256\":\"x\"}")
      ",{\"id\":\"b\",\"keys\":[{\"id\":\"k\",\"sha256\":\"" A64 "\"}]}",
      "consumers[0].keys[0].sha256: must be 64 hexadecimal digits (line 1)\n"
      "consumers[1].keys[0].id: \"k\" is already used by a key of consumers[0] "
      "(line 1)" },
    { "{\"keys\":[{\"id\":\"k\",\"sha256\":\"" A64 "\"}]},"
      "{\"id\":\"b\",\"keys\":[{\"id\":\"l\",\"sha256\":\"" A64 "\"}]}",
      "consumers[0].id: is missing (line 1)\n"
      "consumers[1].keys[0].sha256: is already used by consumers[0] (line 1)" },

    { KM("\"scopes\":[]"), NULL },
    { KM("\"scopes\":[\"orders:read\",\"!#[]~'\"]"), NULL },
    { KM("\"scopes\":[\"a b\"]"),
      "consumers[0].keys[0].scopes[0]: \"a b\" is not a scope, which is "
      "printable ASCII without spaces, quotes and backslashes (line 1)" },
    { KM("\"scopes\":[\"a\\\\\",\"\\\"\",\"\\u00e4\"]"),
      "consumers[0].keys[0].scopes[0]: \"a\\\\\" is not a scope, which is "
      "printable ASCII without spaces, quotes and backslashes (line 1)\n"
      "consumers[0].keys[0].scopes[1]: \"\\\"\" is not a scope, which is "
      "printable ASCII without spaces, quotes and backslashes (line 1)\n"
      "consumers[0].keys[0].scopes[2]: \"\\xc3\\xa4\" is not a scope, which is "
      "printable ASCII without spaces, quotes and backslashes (line 1)" },
    { KM("\"scopes\":[\"a\",\"a\"]"),
      "consumers[0].keys[0].scopes[1]: \"a\" is a duplicate (line 1)" },

    { KM("\"not_before\":\"2026-01-01T00:00:00Z\","
         "\"expires\":\"2026-01-01T00:00:01Z\""), NULL },
    { KM("\"not_before\":\"2026-01-01T00:00:00Z\","
         "\"expires\":\"2026-01-01T01:00:00+01:00\""),
      "consumers[0].keys[0].expires: \"2026-01-01T01:00:00+01:00\" is not "
      "after not_before (line 1)" },
    { KM("\"expires\":\"2027-13-01\""),
      "consumers[0].keys[0].expires: \"2027-13-01\" is not a date, write for "
      "example 2027-01-31T00:00:00Z (line 1)" },
    { KM("\"not_before\":1767225600"),
      "consumers[0].keys[0].not_before: must be a string (line 1)" },

    { KM("\"allow\":[\"10.0.0.0/8\",\"2001:db8::/32\",\"::1\",\"10.0.0.0\"]"),
      NULL },
    { KM("\"allow\":[]"),
      "consumers[0].keys[0].allow: must not be empty, use \"disabled\": true "
      "to allow no address (line 1)" },
    { KM("\"allow\":[\"10.1.2.3/8\"]"),
      "consumers[0].keys[0].allow[0]: \"10.1.2.3/8\" has bits set after its "
      "prefix, write 10.0.0.0/8 (line 1)" },
    { KM("\"allow\":[\"2001:db8::1/32\"]"),
      "consumers[0].keys[0].allow[0]: \"2001:db8::1/32\" has bits set after "
      "its prefix, write 2001:db8::/32 (line 1)" },
    { KM("\"allow\":[\"::1\",\"localhost\"]"),
      "consumers[0].keys[0].allow[1]: \"localhost\" is not a range of "
      "addresses, write for example 10.0.0.0/8 or 2001:db8::/32 (line 1)" },
    { KM("\"allow\":[\"::1\",\"0::1/128\"]"),
      "consumers[0].keys[0].allow[1]: \"0::1/128\" is a duplicate (line 1)" },
    { KM("\"allow\":[{}]"),
      "consumers[0].keys[0].allow[0]: must be a string (line 1)" },

    /* jwt */

    { J(""), NULL },
    { J("{\"iss\":\"i\",\"sub\":\"s\"}"), NULL },
    { J("{\"iss\":\"i\",\"sub\":\"s\"},{\"iss\":\"is\",\"sub\":\"s\"},"
        "{\"iss\":\"i\",\"sub\":\"ss\"}"), NULL },
    { J("{\"iss\":\"i\"}"),
      "consumers[0].jwt[0].sub: is missing (line 1)" },
    { J("{\"iss\":\"\",\"sub\":\"s\"}"),
      "consumers[0].jwt[0].iss: must not be empty (line 1)" },
    { J("{\"iss\":\"i\",\"sub\":\"s\"},{\"sub\":\"s\",\"iss\":\"i\"}"),
      "consumers[0].jwt[1]: is already used by consumers[0] (line 1)" },
    { J("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":\"x\"}"),
      "consumers[0].jwt[0].aud: is unknown, allowed are iss, sub (line 1)" },

    /* certificates */

    { X("{\"sha256\":\"" A64 "\"},{\"san\":\"uri:spiffe://e/a\"},"
        "{\"san\":\"dns:a.example\"},{\"san\":\"email:a@example\"}"), NULL },
    { C("\"keys\":[{\"id\":\"k\",\"sha256\":\"" A64 "\"}],"
        "\"certificates\":[{\"sha256\":\"" A64 "\"}]"), NULL },
    { X("{}"),
      "consumers[0].certificates[0]: must have sha256 or san (line 1)" },
    { X("{\"sha256\":\"" A64 "\",\"san\":\"dns:a\"}"),
      "consumers[0].certificates[0]: must have one of sha256 and san, not both "
      "(line 1)" },
    { X("{\"sha256\":\"" A64 "\"},{\"sha256\":\"" A64 "\"}"),
      "consumers[0].certificates[1].sha256: is already used by consumers[0] "
      "(line 1)" },
    { X("{\"san\":\"dns:a\"},{\"san\":\"dns:a\"}"),
      "consumers[0].certificates[1].san: \"dns:a\" is already used by "
      "consumers[0] (line 1)" },
    { X("{\"san\":\"dns:\"}"),
      "consumers[0].certificates[0].san: \"dns:\" is not uri:, dns: or email: "
      "and a value, write for example uri:spiffe://example/a (line 1)" },
    { X("{\"san\":\"DNS:a\"}"),
      "consumers[0].certificates[0].san: \"DNS:a\" is not uri:, dns: or email: "
      "and a value, write for example uri:spiffe://example/a (line 1)" },
    { X("{\"san\":\"dns:a\",\"dn\":\"x\"}"),
      "consumers[0].certificates[0].dn: is unknown, allowed are sha256 or san "
      "(line 1)" },

    /* the syntax of JSON */

    { "{\"id\":\"a\",\"id\":\"b\"},\n{}",
      "consumers[0]: has the member \"id\" twice (line 1)\n"
      "consumers[1].id: is missing (line 2)" },
    { "{\"id\":\"a\",\n\"A\":1,\n\"A\":1}",
      "consumers[0]: has a duplicate member (line 3)\n"
      "consumers[0].A: is unknown, allowed are id, groups, plan, metadata, "
      "disabled, keys, jwt, certificates (line 1)" },
    { "{\"id\":\"a\"},\n{\"id\":\"b\",\n \"plan\":secret},{}",
      "consumers[1]: is not well-formed JSON: invalid token (line 3)" },
    { "{\"id\":\"a\xff\"}",
      "consumers[0]: is not well-formed JSON: unable to decode byte 0xff "
      "(line 1)" },
    { "{},{\"id\":\"a\\u0000\"}",
      "consumers[0].id: is missing (line 1)\n"
      "consumers[1]: is not well-formed JSON: \\u0000 is not allowed without "
      "JSON_ALLOW_NUL (line 1)" },
    { "{\"id\":\"a\"},",
      "a comma must not precede the closing bracket of the consumers "
      "(line 1)" },
    { "{\"id\":\"a\"}{\"id\":\"b\"}",
      "a comma or a closing bracket is missing after a consumer (line 1)" },
    { "1 2",
      "consumers[0]: must be an object (line 1)\n"
      "a comma or a closing bracket is missing after a consumer (line 1)" }
};


/* the file outside of the list of consumers */

static const struct {
    const char  *file;
    const char  *sentences;
} files[] = {
    { "{\"consumers\":[]}", NULL },
    { " {\n\"consumers\" :\t[ ] }\r\n", NULL },
    { "", "the file must begin with { \"consumers\": [, it is empty (line 1)" },
    { " \n", "the file must begin with { \"consumers\": [, it is empty "
      "(line 2)" },
    { "[]", "the file must begin with { \"consumers\": [, it is a JSON array "
      "(line 1)" },
    { "consumers:\n- id: a\n",
      "the file must begin with { \"consumers\": [, it is YAML (line 1)" },
    { "---\nconsumers: []\n",
      "the file must begin with { \"consumers\": [, it is YAML (line 1)" },
    { "<html>",
      "the file must begin with { \"consumers\": [, it is HTML or XML (line "
      "1)" },
    { "\xff\xfe{", "the file must begin with { \"consumers\": [, it is UTF-16, "
      "save it as UTF-8 (line 1)" },
    { "id,key\na,b\n", "the file must begin with { \"consumers\": [, it "
      "contains no JSON object (line 1)" },
    { "{\"consumers\":[\n{\"id\":\"a\"},\n]}",
      "a comma must not precede the closing bracket of the consumers "
      "(line 3)" },
    { "{\"consumers\":[\n{\"id\":\"a\",}\n]}",
      "consumers[0]: is not well-formed JSON: string or '}' expected "
      "(line 2)" },
    { "\n{}", "the file must begin with { \"consumers\": [ (line 2)" },
    { "{\"consumer\":[]}",
      "the file must begin with { \"consumers\": [ (line 1)" },
    { "{\"consumers\":{}}",
      "the file must begin with { \"consumers\": [ (line 1)" },
    { "{\"consumers\"", "the file must begin with { \"consumers\": [ (line "
      "1)" },
    { "{\"version\":1,\"consumers\":[]}",
      "the file must begin with { \"consumers\": [ (line 1)" },
    { "{\"consumers\":[],\"version\":1}",
      "the file has more members than \"consumers\" (line 1)" },
    { "{\"consumers\":[]",
      "the closing brace of the file is missing (line 1)" },
    { "{\"consumers\":[]]",
      "the closing brace of the file is missing (line 1)" },
    { "{\"consumers\":[]}\n{}", "the file has bytes after its end (line 2)" },
    { "{\"consumers\":[{\"id\":\"a\"}",
      "a comma or a closing bracket is missing after a consumer (line 1)" },
    { "{\"consumers\":[{\"id\":\"a\"},",
      "consumers[1]: is not well-formed JSON: unexpected token (line 1)" },
    { "{\"consumers\":[12",
      "consumers[0]: must be an object (line 1)\n"
      "a comma or a closing bracket is missing after a consumer (line 1)" },
    { "{\"consumers\":[",
      "consumers[0]: is not well-formed JSON: unexpected token (line 1)" },
    { "\xef\xbb\xbf{\"consumers\":[]}",
      "the file begins with a byte order mark, which JSON does not allow "
      "(line 1)" },
};


static void
test_rules(void)
{
    static char      far[3 * 1024 * 1024 + 1];
    static uint64_t  room[65536];

    size_t              i;
    gw_consumer_step_e  step;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        step = build(rules[i].consumers);

        is_str(said.text, rules[i].sentences ? rules[i].sentences : "",
               "%s", rules[i].consumers);
        is_int(step, rules[i].sentences ? GW_CONSUMER_WRONG : GW_CONSUMER_DONE,
               "%s: step", rules[i].consumers);
    }

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void) build_file(files[i].file);
        is_str(said.text, files[i].sentences ? files[i].sentences : "",
               "file: %s", files[i].file);
    }

    build_into(block, sizeof(block), "{\"consumers\":\n[1\0]}", 19, 0, NULL);
    is_str(said.text, "the file contains a NUL byte (line 2)", "NUL");

    memset(far, ' ', sizeof(far));
    memcpy(far, "{\"consumers\":[]}", 16);
    build_into(room, sizeof(room), far, sizeof(far), 0, NULL);
    is_str(said.text, "", "no NUL in three megabytes");

    far[sizeof(far) - 1] = '\0';
    build_into(room, sizeof(room), far, sizeof(far), 0, NULL);
    is_str(said.text, "the file contains a NUL byte (line 1)",
           "a NUL after three megabytes");

    build_into(block, sizeof(block), NULL, 0, 0, NULL);
    is_str(said.text,
           "the file must begin with { \"consumers\": [, it is empty (line 1)",
           "no file");
}


static void
test_peppers(void)
{
    static const char  text[] = "{\"consumers\":["
        K("{\"id\":\"k\",\"hmac_sha256\":\"" A64 "\"}") "]}";

    is_int(build_into(block, sizeof(block), text, strlen(text), 1, NULL),
           GW_CONSUMER_DONE, "hmac_sha256 with a pepper");
    is_int(build_into(block, sizeof(block), text, strlen(text), 0, NULL),
           GW_CONSUMER_WRONG, "hmac_sha256 without one");
    is_str(said.text, "consumers[0].keys[0].hmac_sha256: requires a pepper "
      "(gateway_api_key_pepper, or --pepper) (line 1)",
           "hmac_sha256 without one: why");
}


/* builds a template with a text of "len" bytes in place of its %s */

static gw_consumer_step_e
build_long(const char *template, size_t len)
{
    char                *text, *name;
    size_t               size;
    gw_consumer_step_e   step;

    name = malloc(len + 1);
    memset(name, 'x', len);
    name[len] = '\0';

    size = strlen(template) + len + 1;
    text = malloc(size);
    snprintf(text, size, template, name);

    step = build(text);

    free(text);
    free(name);

    return step;
}


static void
test_limits(void)
{
    size_t  i;

    static const struct {
        const char  *template;
        size_t       max;
    } limits[] = {
        { "{\"id\":\"%s\"}", GW_CONSUMER_MAX_ID },
        { K("{\"id\":\"%s\",\"sha256\":\"" A64 "\"}"), GW_CONSUMER_MAX_ID },

        /* the size without the head, details, name and separators */
        { C("\"plan\":\"%s\""), 32768 - 24 - 16 - 1 },
        { C("\"groups\":[\"a\",\"%s\"]"), 32768 - 24 - 16 - 1 - 2 },
        { C("\"metadata\":{\"a\":\"%s\"}"), 32768 - 24 - 16 - 1 - 3 },
        { KM("\"scopes\":[\"%s\"]"), 32768 - 24 - 32 - 32 - 1 },
        { J("{\"iss\":\"i\",\"sub\":\"%s\"}"), 32768 - 24 - 2 },
        { X("{\"san\":\"dns:%s\"}"), 32768 - 24 - 4 },
    };

    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        is_int(build_long(limits[i].template, limits[i].max), GW_CONSUMER_DONE,
               "%s: %zu bytes", limits[i].template, limits[i].max);
        is_int(build_long(limits[i].template, limits[i].max + 1),
               GW_CONSUMER_WRONG, "%s: one more", limits[i].template);
        is_int(build_long(limits[i].template, 100000), GW_CONSUMER_WRONG,
               "%s: many more", limits[i].template);
        is_int((long long) said.lines, 1, "%s: one message",
               limits[i].template);
    }

    (void) build_long("{\"id\":\"%s\"}", 300);
    is_str(said.text, "consumers[0].id: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is longer than 256 bytes "
           "(line 1)", "a value is truncated in the message");
}


/* a list of "n" elements with ascending numbers in their names */

static char *
many(const char *head, const char *element, size_t n, const char *foot)
{
    char    *text, *p;
    size_t   i, size;

    size = strlen(head) + strlen(foot) + n * (strlen(element) * 4 + 64) + 1;
    text = malloc(size);
    p = text + snprintf(text, size, "%s", head);

    for (i = 0; i < n; i++) {
        p += snprintf(p, size - (size_t) (p - text), "%s", i ? "," : "");
        p += snprintf(p, size - (size_t) (p - text), element, (unsigned) i,
                      (unsigned) i, (unsigned) i, (unsigned) i);
    }

    snprintf(p, size - (size_t) (p - text), "%s", foot);

    return text;
}


static void
test_many(void)
{
    char    *text, more[64];
    size_t   i, n;

    static const size_t  wrong[] = { 99, 100, 101, 1000 };

    for (i = 0; i < 2; i++) {
        text = many("{\"id\":\"a\",\"groups\":[", "\"g%u\"", 1000 + i, "]}");
        is_int(build(text), i ? GW_CONSUMER_WRONG : GW_CONSUMER_DONE,
               "%zu groups", 1000 + i);
        free(text);
    }

    is_str(said.text, "consumers[0].groups: has more than 1000 elements "
           "(line 1)", "too many groups: why");

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        n = wrong[i];
        text = many("", "\n{\"id\":%u}", n, "");
        is_int(build(text), GW_CONSUMER_WRONG, "%zu mistakes", n);
        is_int((long long) said.lines, n > 100 ? 101 : (long long) n,
               "%zu mistakes: lines", n);
        free(text);
    }

    snprintf(more, sizeof(more), "\n... and 900 more");
    is_str(said.text + said.len - strlen(more), more,
           "further mistakes are counted");
}


/* the set returns the values of the file */

static void
check_text(gw_text_t got, const char *expected, const char *what)
{
    is_bytes(got.data, got.len, expected, "%s", what);
}


static const char  example[] = "{\"consumers\":[{"
    "\"id\":\"acme\",\"groups\":[\"partners\",\"beta\"],\"plan\":\"gold\","
    "\"disabled\":true,\"metadata\":{\"tenant\":\"42\",\"ten\":\"\","
    "\"tenants\":\"7\"},\"keys\":[{\"id\":\"acme-2026\",\"sha256\":\"" A64 "\","
    "\"scopes\":[\"orders:read\",\"b\"],\"not_before\":"
    "\"2026-01-01T00:00:00Z\",\"expires\":\"2027-01-01T00:00:00Z\","
    "\"allow\":[\"10.0.0.0/8\",\"2001:db8::/32\"],\"disabled\":true},"
    "{\"id\":\"bare\",\"hmac_sha256\":\"" B64 "\"},"
    "{\"id\":\"none\",\"sha256\":\"" B64 "\",\"scopes\":[]}],"
    "\"jwt\":[{\"iss\":\"https://id.example\",\"sub\":\"service-acme\"}],"
    "\"certificates\":[{\"sha256\":\"" A64 "\"},"
    "{\"san\":\"uri:spiffe://example/acme\"}]},"
    "{\"id\":\"other\"}]}";


static int
read_name(gw_consumer_kind_e kind, const void *name, size_t len,
    gw_consumer_t *consumer, gw_consumer_key_t *key)
{
    gw_consumer_ref_t  ref;

    static uint64_t  copy[GW_CONSUMER_MAX_SIZE / 8];

    if (!find(kind, name, len, &ref)
        || gw_consumer_size(&ref) > GW_CONSUMER_MAX_SIZE)
    {
        return 0;
    }

    memset(copy, 0x55, sizeof(copy));
    gw_consumer_copy(set(), &ref, (unsigned char *) copy);

    return gw_consumer_read((unsigned char *) copy, &ref, consumer, key) == 0;
}


static void
test_key(void)
{
    unsigned char      digest[GW_CONSUMER_DIGEST];
    gw_consumer_t      consumer;
    gw_consumer_key_t  key;

    static const unsigned char  in[4] = { 10, 255, 0, 1 };
    static const unsigned char  out[4] = { 11, 0, 0, 0 };
    static const unsigned char  in6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0xff };
    static const unsigned char  out6[16] = { 0x20, 0x01, 0x0d, 0xb9 };
    static const unsigned char  mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                               0xff, 0xff, 10, 1, 2, 3 };

    digest_of(A64, digest);

    ok(read_name(GW_CONSUMER_SHA256, digest, 32, &consumer, &key), "a key");
    check_text(consumer.id, "acme", "its consumer");
    check_text(key.id, "acme-2026", "its id");
    check_text(key.scopes, "orders:read b", "its scopes");
    is_int(key.has_scopes, 1, "it has scopes");
    is_int(key.not_before, 1767225600, "not_before");
    is_int(key.expires, 1798761600, "expires");
    is_int(key.disabled, 1, "it is disabled");
    is_int((long long) key.allow.len, 64, "two ranges");
    is_int(gw_consumer_allows(&key, in, 4), 1, "IPv4 inside");
    is_int(gw_consumer_allows(&key, out, 4), 0, "IPv4 outside");
    is_int(gw_consumer_allows(&key, in6, 16), 1, "IPv6 inside");
    is_int(gw_consumer_allows(&key, out6, 16), 0, "IPv6 outside");
    is_int(gw_consumer_allows(&key, mapped, 16), 1, "mapped IPv4 inside");
    is_int(gw_consumer_allows(&key, in, 0), 0, "no address");

    ok(!read_name(GW_CONSUMER_HMAC_SHA256, digest, 32, &consumer, &key),
       "not found as another kind");
    ok(!read_name(GW_CONSUMER_SHA256, digest, 31, &consumer, &key),
       "not found with fewer bytes");
    ok(!read_name(GW_CONSUMER_SHA256, digest, 0, &consumer, &key),
       "not found with 0 bytes");

    digest_of(B64, digest);

    ok(read_name(GW_CONSUMER_HMAC_SHA256, digest, 32, &consumer, &key),
       "a bare key");
    check_text(key.id, "bare", "bare: id");
    is_int((long long) key.scopes.len, 0, "bare: no scopes");
    is_int(key.has_scopes, 0, "bare: has no scopes");
    is_int(key.disabled, 0, "bare: is not disabled");
    ok(key.not_before == INT64_MIN && key.expires == INT64_MAX, "bare: dates");
    is_int(gw_consumer_allows(&key, out, 4), 1, "bare: any address is allowed");
    is_int(gw_consumer_allows(&key, in, 0), 1,
           "bare: a missing address is allowed, too");

    ok(read_name(GW_CONSUMER_SHA256, digest, 32, &consumer, &key),
       "a key with no scopes");
    is_int((long long) key.scopes.len, 0, "none: no scopes");
    is_int(key.has_scopes, 1, "none: the member exists");
}


static void
test_consumer(void)
{
    gw_text_t      value;
    unsigned char  digest[GW_CONSUMER_DIGEST];
    gw_consumer_t  consumer;

    static const char  jwt[] = "https://id.example\0service-acme";

    ok(read_name(GW_CONSUMER_ID, "acme", 4, &consumer, NULL), "by id");
    check_text(consumer.groups, "partners,beta", "groups");
    check_text(consumer.plan, "gold", "plan");
    is_int(consumer.disabled, 1, "is disabled");

    ok(gw_pairs_find(&consumer.metadata, (const unsigned char *)
                     "tenant", 6, &value), "metadata");
    check_text(value, "42", "metadata: value");
    ok(gw_pairs_find(&consumer.metadata, (const unsigned char *)
                     "ten", 3, &value), "metadata: empty");
    is_int((long long) value.len, 0, "metadata: empty value");
    ok(gw_pairs_find(&consumer.metadata, (const unsigned char *)
                     "tenants", 7, &value), "metadata: the last");
    check_text(value, "7", "metadata: the last one's value");
    ok(!gw_pairs_find(&consumer.metadata, (const unsigned char *)
                      "42", 2, &value), "metadata: a value is no name");

    ok(read_name(GW_CONSUMER_JWT, jwt, sizeof(jwt) - 1, &consumer, NULL),
       "by iss and sub");
    check_text(consumer.id, "acme", "by iss and sub: id");
    ok(!read_name(GW_CONSUMER_JWT, jwt, sizeof(jwt) - 2, &consumer, NULL),
       "a shorter sub");

    digest_of(A64, digest);
    ok(read_name(GW_CONSUMER_CERTIFICATE, digest, 32, &consumer, NULL),
       "by certificate");
    ok(read_name(GW_CONSUMER_SAN, "uri:spiffe://example/acme", 25, &consumer,
                 NULL), "by san");

    ok(read_name(GW_CONSUMER_ID, "other", 5, &consumer, NULL), "another");
    is_int((long long) (consumer.groups.len + consumer.plan.len
                        + consumer.metadata.len), 0,
                        "it has no groups, plan or metadata");
    is_int(consumer.disabled, 0, "it is not disabled");
    ok(!gw_pairs_find(&consumer.metadata, (const unsigned char *)
                      "ten", 3, &value),
                      "it has no metadata of another consumer");

    ok(!read_name(GW_CONSUMER_ID, "acm", 3, &consumer, NULL), "a shorter id");
    ok(!read_name(GW_CONSUMER_SAN, "acme", 4, &consumer, NULL),
       "an id is no san");
    ok(!read_name(GW_CONSUMER_ID, "bare", 4, &consumer, NULL),
       "a key's id is no consumer's");
}


/* a walk returns each entry once, with its consumer */

static void
check_walk(const char *what)
{
    unsigned            found[GW_CONSUMER_KINDS], wrong;
    gw_consumer_t       consumer;
    gw_consumer_ref_t   ref;
    gw_consumer_key_t   key;
    gw_consumer_walk_t  walk;

    static uint64_t  copy[GW_CONSUMER_MAX_SIZE / 8];

    memset(found, 0, sizeof(found));
    memset(&walk, 0, sizeof(walk));
    wrong = 0;

    while (gw_consumer_walk(set(), sizeof(block), &walk, &ref)) {
        gw_consumer_copy(set(), &ref, (unsigned char *) copy);
        wrong += gw_consumer_read((unsigned char *) copy, &ref, &consumer,
                                  &key) != 0
                 || consumer.id.len == 0;
        found[walk.kind]++;
    }

    is_int(wrong, 0, "walk: %s: all can be read", what);
    is_int(memcmp(found, set()->count, sizeof(found)), 0,
           "walk: %s: entries of all kinds", what);
}


static void
test_example(void)
{
    unsigned  i;

    static const uint32_t  counts[] = { 2, 2, 1, 1, 1, 1 };

    is_int(build_file(example), GW_CONSUMER_DONE, "the example");
    is_str(said.text, "", "the example: no messages");

    for (i = 0; i < GW_CONSUMER_KINDS; i++) {
        is_int(set()->count[i], counts[i], "entries of kind %u", i);
    }

    check_walk("the example");
    test_key();
    test_consumer();
}


/* each name of a larger set, and no other, is found with its consumer */

#define NAMES  500

static void
check_number(gw_consumer_kind_e kind, const void *name, size_t len,
    unsigned number, unsigned *wrong)
{
    char           id[32];
    gw_consumer_t  consumer;

    snprintf(id, sizeof(id), "c%u", number);

    *wrong += !read_name(kind, name, len, &consumer, NULL)
              || consumer.id.len != strlen(id)
              || memcmp(consumer.id.data, id, strlen(id)) != 0;
}


static void
test_property(void)
{
    int                 len;
    char               *text, name[80];
    unsigned            i, wrong, found;
    unsigned char       digest[GW_CONSUMER_DIGEST];
    gw_consumer_ref_t   ref;

    text = many("", "{\"id\":\"c%u\",\"keys\":[{\"id\":\"k%u\",\"sha256\":"
                "\"%064x\"}],\"certificates\":[{\"san\":\"dns:%u\"}]}",
                NAMES, "");

    /* a digest of equal bytes is weak: replaces that of number 0 */
    memcpy(strstr(text, ZERO64), A64, 64);

    is_int(build(text), GW_CONSUMER_DONE, "%u consumers", NAMES);
    free(text);
    check_walk("many consumers");

    wrong = 0;
    found = 0;

    for (i = 0; i < 2 * NAMES; i++) {
        snprintf(name, sizeof(name), "%064x", i);
        digest_of(name, digest);
        len = snprintf(name, sizeof(name), "c%u", i);

        if (i >= NAMES) {
            found += (unsigned) find(GW_CONSUMER_SHA256, digest, 32, &ref)
                     + (unsigned) find(GW_CONSUMER_ID, name, (size_t) len,
                                       &ref);
            continue;
        }

        check_number(GW_CONSUMER_ID, name, (size_t) len, i, &wrong);
        len = snprintf(name, sizeof(name), "dns:%u", i);
        check_number(GW_CONSUMER_SAN, name, (size_t) len, i, &wrong);

        if (i > 0) {
            check_number(GW_CONSUMER_SHA256, digest, 32, i, &wrong);
        }
    }

    is_int(wrong, 0, "each name is found with its consumer");
    is_int(found, 0, "no other name is found");
}


/* a block of exactly the needed size is sufficient, a smaller one is not */

static void
test_sizes(void)
{
    char    *text;
    void    *small;
    size_t   size, needed, again;

    static const size_t  sizes[] = { 0, 8, 39, 40, 100, 168, 169, 400, 4096 };

    unsigned  i;

    text = many("{\"consumers\":[", "{\"id\":\"c%u\",\"keys\":[{\"id\":\"k%u\","
                "\"sha256\":\"a%063x\"}],\"jwt\":[{\"iss\":\"i\",\"sub\":"
                "\"%u\"}]}", 50, "]}");

    is_int(build_into(block, sizeof(block), text, strlen(text), 0, &needed),
           GW_CONSUMER_DONE, "a large block");

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size = sizes[i];
        small = malloc(size);
        is_int(build_into(small, size, text, strlen(text), 0, &again),
               GW_CONSUMER_WRONG, "%zu bytes", size);
        is_int((long long) again, (long long) needed, "%zu bytes: needed",
               size);
        is_int((long long) said.lines, 1, "%zu bytes: one message", size);
        free(small);
    }

    small = malloc(needed);
    is_int(build_into(small, needed - 8, text, strlen(text), 0, &again),
           GW_CONSUMER_WRONG, "8 bytes too small");
    is_int(build_into(small, needed, text, strlen(text), 0, &again),
           GW_CONSUMER_DONE, "exactly large enough");
    free(small);

    free(text);
}


/*
 * A corrupted block of the exact size: a sanitizer detects reads outside of
 * it.
 */

static void
test_corrupt(void)
{
    unsigned            i, k, round;
    uint32_t            seed;
    gw_consumer_t       consumer;
    gw_consumer_set_t  *whole, *broken;
    gw_consumer_ref_t   ref;
    gw_consumer_key_t   key;
    unsigned char       digest[GW_CONSUMER_DIGEST], *copy;
    size_t              used, read;

    (void) build_file(example);
    whole = (gw_consumer_set_t *) (void *) block;
    used = (size_t) whole->used;
    broken = malloc(used);
    copy = malloc(GW_CONSUMER_MAX_SIZE);
    digest_of(A64, digest);
    seed = 1;
    read = 0;

    for (round = 0; round < 20000; round++) {
        memcpy(broken, whole, used);

        for (i = 0; i < 1 + round % 4; i++) {
            seed = seed * 1664525 + 1013904223;
            ((unsigned char *) broken)[(seed >> 8) % used]
                = (unsigned char) (round % 3 ? seed >> 3 : 0xff);
        }

        for (k = 0; k < GW_CONSUMER_KINDS; k++) {
            if (gw_consumer_find(broken, used, k, k ? digest
                                 : (const unsigned char *) "acme",
                                 k ? 32 : 4, &ref))
            {
                gw_consumer_copy(broken, &ref, copy);
                read += gw_consumer_read(copy, &ref, &consumer, &key) == 0;
            }
        }
    }

    ok(read > 0, "reading a corrupted set is safe");

    memset(broken, 0, used);
    ok(!gw_consumer_find(broken, used, GW_CONSUMER_SHA256, digest, 32, &ref),
       "zeroed memory is no set");
    ok(!gw_consumer_find(whole, 39, GW_CONSUMER_SHA256, digest, 32, &ref),
       "a block smaller than a head");

    free(broken);
    free(copy);
}


static const struct {
    const char  *text;
    int64_t      seconds;       /* INT64_MIN: invalid */
} dates[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1 },
    { "2000-02-29T00:00:00Z", 951782400 },
    { "2000-03-01T00:00:00z", 951868800 },
    { "2024-12-31t23:59:59Z", 1735689599 },
    { "2016-12-31T23:59:60Z", 1483228800 },
    { "2027-01-31T00:00:00.123456789Z", 1801353600 },
    { "2027-01-31T01:30:00+01:30", 1801353600 },
    { "2027-01-30T22:30:00-01:30", 1801353600 },
    { "2027-01-31T00:00:00-00:00", 1801353600 },
    { "9999-12-31T23:59:59Z", 253402300799 },
    { "0000-01-01T00:00:00Z", -62167219200 },
    { "0000-02-29T00:00:00Z", -62162121600 },
    { "1900-03-01T00:00:00Z", -2203891200 },
    { "2027-02-28T00:00:00Z", 1803772800 },

    { "", INT64_MIN },
    { "2027-02-29T00:00:00Z", INT64_MIN },
    { "1900-02-29T00:00:00Z", INT64_MIN },
    { "2027-04-31T00:00:00Z", INT64_MIN },
    { "2027-01-00T00:00:00Z", INT64_MIN },
    { "2027-00-01T00:00:00Z", INT64_MIN },
    { "2027-13-01T00:00:00Z", INT64_MIN },
    { "2027-01-01T24:00:00Z", INT64_MIN },
    { "2027-01-01T00:60:00Z", INT64_MIN },
    { "2027-01-01T00:00:61Z", INT64_MIN },
    { "2027-01-01T00:00:00", INT64_MIN },
    { "2027-01-01T00:00:00.Z", INT64_MIN },
    { "2027-01-01T00:00:00Z ", INT64_MIN },
    { " 2027-01-01T00:00:00Z", INT64_MIN },
    { "2027-01-01 00:00:00Z", INT64_MIN },
    { "2027-01-01T00:00Z", INT64_MIN },
    { "2027-1-1T00:00:00Z", INT64_MIN },
    { "2027-01-01T00:00:00+24:00", INT64_MIN },
    { "2027-01-01T00:00:00+01:60", INT64_MIN },
    { "2027-01-01T00:00:00+0100", INT64_MIN },
    { "2027-01-01", INT64_MIN },
    { "+027-01-01T00:00:00Z", INT64_MIN }
};


static void
test_dates(void)
{
    int      rc;
    size_t   i;
    int64_t  seconds;

    for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        seconds = INT64_MIN;
        rc = gw_rfc3339_parse(dates[i].text, strlen(dates[i].text), &seconds);

        is_int(seconds, dates[i].seconds, "date: %s", dates[i].text);
        is_int(rc, dates[i].seconds == INT64_MIN ? -1 : 0, "date: %s: result",
               dates[i].text);
    }
}


/* ranges, and IPv4, IPv6 and mapped addresses inside or outside of them */

static const struct {
    const char  *range;
    const char  *addr;
    int          inside;        /* -1: the range is invalid */
} ranges[] = {
    { "10.0.0.0/8", "10.0.0.0", 1 },
    { "10.0.0.0/8", "10.255.255.255", 1 },
    { "10.0.0.0/8", "9.255.255.255", 0 },
    { "10.0.0.0/8", "11.0.0.0", 0 },
    { "10.0.0.0/8", "::10.0.0.0", 0 },
    { "10.0.0.0/8", "::ffff:10.0.0.0", 1 },
    { "192.0.2.1", "192.0.2.1", 1 },
    { "192.0.2.1", "192.0.2.2", 0 },
    { "192.0.2.1/32", "192.0.2.1", 1 },
    { "192.0.2.2/31", "192.0.2.3", 1 },
    { "192.0.2.2/31", "192.0.2.1", 0 },
    { "0.0.0.0/0", "255.255.255.255", 1 },
    { "0.0.0.0/0", "::1", 0 },
    { "::/0", "ffff::", 1 },
    { "::/0", "::", 1 },
    { "::/0", "10.0.0.1", 0 },
    { "::ffff:0.0.0.0/96", "10.0.0.1", 1 },
    { "2001:db8::/32", "2001:db8:ffff::", 1 },
    { "2001:db8::/32", "2001:db9::", 0 },
    { "2001:DB8::1", "2001:db8::1", 1 },
    { "2001:db8::8/125", "2001:db8::f", 1 },
    { "2001:db8::8/125", "2001:db8::10", 0 },

    { "", "", -1 },
    { "/8", "", -1 },
    { "10.0.0.0/", "", -1 },
    { "10.0.0.0/33", "", -1 },
    { "10.0.0.0/08", "", -1 },
    { "10.0.0.0/+8", "", -1 },
    { "10.0.0.0/8 ", "", -1 },
    { " 10.0.0.0/8", "", -1 },
    { "10.0.0.0/8/8", "", -1 },
    { "10.0.0.0/255.0.0.0", "", -1 },
    { "10.0.0/8", "", -1 },
    { "010.0.0.0/8", "", -1 },
    { "256.0.0.0", "", -1 },
    { "2001:db8::/129", "", -1 },
    { "2001:db8::/1280", "", -1 },
    { "2001:db8:::/32", "", -1 },
    { "fe80::1%lo", "", -1 },
    { "example.com", "", -1 },
    { "all", "", -1 },
    { "unix:", "", -1 },
    { "00000000000000000000000000000000000000000000000000000000000000001", "",
      -1 }
};


static void
test_ranges(void)
{
    char           meant[GW_CIDR_TEXT];
    size_t         i;
    gw_cidr_e      rc;
    unsigned char  range[GW_CIDR_RANGE], addr[GW_CIDR_RANGE];

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        rc = gw_cidr_parse(ranges[i].range, strlen(ranges[i].range), range,
                           meant);
        is_int(rc, ranges[i].inside < 0 ? GW_CIDR_MALFORMED : GW_CIDR_OK,
               "range: %s", ranges[i].range);

        if (ranges[i].inside >= 0) {
            gw_cidr_parse(ranges[i].addr, strlen(ranges[i].addr), addr, meant);
            is_int(gw_cidr_holds(range, addr), ranges[i].inside,
                   "range: %s: %s", ranges[i].range, ranges[i].addr);
        }
    }

    rc = gw_cidr_parse("255.255.255.255/1", 17, range, meant);
    is_int(rc, GW_CIDR_HOST_BITS, "bits after the prefix");
    is_str(meant, "128.0.0.0/1", "bits after the prefix: the suggested range");
    rc = gw_cidr_parse("::ffff:10.0.0.1/104", 19, range, meant);
    is_int(rc, GW_CIDR_HOST_BITS, "mapped bits after the prefix");
    is_str(meant, "::ffff:10.0.0.0/104", "mapped bits: the suggested range");

    gw_cidr_parse("1.2.3.4/0", 9, range, meant);
    is_str(meant, "0.0.0.0/0", "a prefix of 0");
}


int
main(void)
{
    test_dates();
    test_ranges();
    test_rules();
    test_peppers();
    test_limits();
    test_many();
    test_example();
    test_property();
    test_sizes();
    test_corrupt();

    return done_testing();
}
