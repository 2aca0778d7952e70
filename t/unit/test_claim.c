/* SPDX-License-Identifier: BSD-2-Clause */

/* claims: paths, comparisons with values, and text */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_claim.h"
#include "gw_claim_path.h"
#include "gw_json.h"
#include "tap.h"


#define MAX_VALUES  4


typedef struct {
    const char     *text;
    const char     *json;       /* value of the path in "tree"; NULL: absent */
} test_path_t;


typedef struct {
    const char     *text;
    const char     *error;
} test_error_t;


typedef struct {
    const char     *one;
    const char     *other;
    int             equal;
} test_pair_t;


typedef struct {
    const char     *claim;      /* JSON; NULL: absent */
    gw_claim_op_e   op;
    const char     *values[MAX_VALUES];
    int             meets;
} test_rule_t;


typedef struct {
    const char     *claim;
    char            separator;
    const char     *expected;
} test_text_t;


static const char  tree[] =
    "{\"sub\":\"alice\",\"a\":{\"b\":[0,{\"c\":\"deep\"},[\"x\",\"y\"]],"
    "\"\":\"empty\"},\"a.b\":\"dots\",\"x[0]\":\"brackets\","
    "\"q\\\"\\\\\":\"quotes\",\"n\":null,\"f\":false,\"0\":\"digit\","
    "\"s p\":\"blank\",\"-\":\"dash\",\"https://e.com/groups\":\"url\","
    "\"urn://a[0]\":\"index\",\"e://\\\"q\\\"\":\"quoted\","
    "\"/p\":\"slash\",\"$.p\":\"dollar\",\"$\":{\"p\":1},\"a/b\":\"inner\","
    "\"c\":{\"https://e.com\":[\"member\"]}}";


static const test_path_t  paths[] = {
    { "sub", "\"alice\"" },
    { "\"sub\"", "\"alice\"" },
    { "a.b[1].c", "\"deep\"" },
    { "\"a\".\"b\"[1].\"c\"", "\"deep\"" },
    { "a.b[01].c", "\"deep\"" },
    { "a.b[2][1]", "\"y\"" },
    { "a.b[2]", "[\"x\",\"y\"]" },
    { "a.b[0]", "0" },
    { "\"a.b\"", "\"dots\"" },
    { "\"x[0]\"", "\"brackets\"" },
    { "\"q\\\"\\\\\"", "\"quotes\"" },
    { "\"\\s\\u\\b\"", "\"alice\"" },
    { "a.\"\"", "\"empty\"" },
    { "f", "false" },
    { "0", "\"digit\"" },
    { "s p", "\"blank\"" },
    { "-", "\"dash\"" },

    /* "://" outside of quotes: the text is a single name */

    { "https://e.com/groups", "\"url\"" },
    { "urn://a[0]", "\"index\"" },
    { "e://\"q\"", "\"quoted\"" },
    { "\"https://e.com/groups\"", "\"url\"" },
    { "c.\"https://e.com\"[0]", "\"member\"" },
    { "https://e.com/group", NULL },
    { "https://e.com/groups.x", NULL },

    /* quoted names that begin like a JSON Pointer or a JSONPath */

    { "\"/p\"", "\"slash\"" },
    { "\"$.p\"", "\"dollar\"" },
    { "\"$\".p", "1" },
    { "a/b", "\"inner\"" },

    { "Sub", NULL },
    { "su", NULL },
    { "subs", NULL },
    { "n", NULL },
    { "n.a", NULL },
    { "sub.a", NULL },
    { "sub[0]", NULL },
    { "a[0]", NULL },
    { "a.b.c", NULL },
    { "a.b[3]", NULL },
    { "a.b[999999]", NULL },
    { "a.b[0][0]", NULL },
    { "a.c", NULL },
    { "\"\"", NULL }
};


static const test_pair_t  pairs[] = {
    { "scope", "scope", 1 },
    { "scope", "\"scope\"", 1 },
    { "\"s\\cope\"", "scope", 1 },
    { "a.b[1].c", "\"a\".b[01].\"c\"", 1 },
    { "scope", "scopes", 0 },
    { "scope", "Scope", 0 },
    { "a.b", "\"a.b\"", 0 },
    { "a.b", "a", 0 },
    { "a.b", "a.b[0]", 0 },
    { "a[0]", "a[1]", 0 },
    { "a[0]", "a.\"0\"", 0 },
    { "a[0]", "a.\"\"", 0 }
};


#define TOO_MANY_DOTS                                                         \
    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"
#define TOO_MANY_INDEXES                                                      \
    "a[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"


static const test_error_t  errors[] = {
    { "", "has an empty name" },
    { ".", "has an empty name" },
    { ".a", "has an empty name" },
    { "a.", "has an empty name" },
    { "a..b", "has an empty name" },
    { "[0]", "has an empty name" },
    { "a.[0]", "has an empty name" },
    { "a[", "has an index that is not a number from 0 to 999999" },
    { "a[]", "has an index that is not a number from 0 to 999999" },
    { "a[0", "has an index that is not a number from 0 to 999999" },
    { "a[-1]", "has an index that is not a number from 0 to 999999" },
    { "a[+1]", "has an index that is not a number from 0 to 999999" },
    { "a[ 1]", "has an index that is not a number from 0 to 999999" },
    { "a[x]", "has an index that is not a number from 0 to 999999" },
    { "a[\"b\"]", "has an index that is not a number from 0 to 999999" },
    { "a[1000000]", "has an index that is not a number from 0 to 999999" },
    { "a[0]b", "must have a dot between names" },
    { "\"a\"b", "must have a dot between names" },
    { "\"a\"\"b\"", "must have a dot between names" },
    { "a\"b", "has a name that must be quoted" },
    { "a\"b\"", "has a name that must be quoted" },
    { "a]", "has a name that must be quoted" },
    { "\"a", "has no closing quote" },
    { "\"", "has no closing quote" },
    { "\"a\\\"", "has no closing quote" },
    { "\"a\\", "has no closing quote" },
    { "a.\"b", "has no closing quote" },
    { "/", "begins with \"/\"" },
    { "/a", "begins with \"/\"" },
    { "/a/b", "begins with \"/\"" },
    { "//e.com", "begins with \"/\"" },
    { "/https://e.com", "begins with \"/\"" },
    { "$.", "begins with \"$.\"" },
    { "$.a", "begins with \"$.\"" },
    { "$..a", "begins with \"$.\"" },
    { TOO_MANY_DOTS, "has too many steps" },
    { TOO_MANY_INDEXES, "has too many steps" }
};


/* a JSON Pointer or a JSONPath, and the same path with dots */

static const test_error_t  dotted[] = {
    { "/a", "a" },
    { "/realm_access/roles", "realm_access.roles" },
    { "/a/0/b", "a[0].b" },
    { "/0", "0" },
    { "/a/01", "a[01]" },
    { "/a/0x", "a.0x" },
    { "/a.b/c", "\"a.b\".c" },
    { "/https:~1~1e.com~1groups", "\"https://e.com/groups\"" },
    { "/a~1b/c~0d~2", "a/b.c~d~2" },
    { "/a\"\\/b", "\"a\\\"\\\\\".b" },
    { "/a//b", "a.\"\".b" },
    { "/", "\"\"" },
    { "$.a.b[0]", "a.b[0]" },
    { "$..a", "a" },
    { "$.", "" },
    { "a", "" },
    { "", "" }
};


static const test_rule_t  rules[] = {

    /* strings: bytes */

    { "\"alice\"", GW_CLAIM_EQ, { "alice" }, 1 },
    { "\"alice\"", GW_CLAIM_EQ, { "Alice" }, 0 },
    { "\"alice\"", GW_CLAIM_EQ, { "alic" }, 0 },
    { "\"alic\"", GW_CLAIM_EQ, { "alice" }, 0 },
    { "\"alice\"", GW_CLAIM_NE, { "bob" }, 1 },
    { "\"alice\"", GW_CLAIM_NE, { "alice" }, 0 },
    { "\"b\"", GW_CLAIM_GT, { "a" }, 1 },
    { "\"b\"", GW_CLAIM_GT, { "b" }, 0 },
    { "\"ba\"", GW_CLAIM_GT, { "b" }, 1 },
    { "\"\\u00e9\"", GW_CLAIM_GT, { "z" }, 1 },
    { "\"b\"", GW_CLAIM_GE, { "b" }, 1 },
    { "\"a\"", GW_CLAIM_GE, { "b" }, 0 },
    { "\"a\"", GW_CLAIM_LT, { "b" }, 1 },
    { "\"\"", GW_CLAIM_LT, { "b" }, 1 },
    { "\"b\"", GW_CLAIM_LT, { "b" }, 0 },
    { "\"b\"", GW_CLAIM_LE, { "b" }, 1 },
    { "\"ba\"", GW_CLAIM_LE, { "b" }, 0 },
    { "\"10\"", GW_CLAIM_LT, { "9" }, 1 },
    { "\"1.0\"", GW_CLAIM_EQ, { "1" }, 0 },
    { "\"true\"", GW_CLAIM_EQ, { "true" }, 1 },

    /* numbers: value */

    { "1", GW_CLAIM_EQ, { "1" }, 1 },
    { "1", GW_CLAIM_EQ, { "1.0" }, 1 },
    { "1", GW_CLAIM_EQ, { "10e-1" }, 1 },
    { "1.5", GW_CLAIM_EQ, { "1.50" }, 1 },
    { "-0.0", GW_CLAIM_EQ, { "0" }, 1 },
    { "0", GW_CLAIM_EQ, { "-0" }, 1 },
    { "0.1", GW_CLAIM_GT, { "0" }, 1 },
    { "-1", GW_CLAIM_LT, { "-0.5" }, 1 },
    { "2", GW_CLAIM_GE, { "2" }, 1 },
    { "2", GW_CLAIM_LE, { "2" }, 1 },
    { "2", GW_CLAIM_GT, { "2" }, 0 },
    { "2", GW_CLAIM_LT, { "2" }, 0 },
    { "10", GW_CLAIM_GT, { "9" }, 1 },
    { "1", GW_CLAIM_NE, { "2" }, 1 },
    { "1", GW_CLAIM_NE, { "1.0" }, 0 },
    { "1e308", GW_CLAIM_LT, { "1e309" }, 1 },

    /* int64 and real: exact */

    { "9223372036854775807", GW_CLAIM_EQ, { "9223372036854775807" }, 1 },
    { "9223372036854775807", GW_CLAIM_EQ, { "9223372036854775806" }, 0 },
    { "9223372036854775807", GW_CLAIM_LT, { "9223372036854775808" }, 1 },
    { "9223372036854775807", GW_CLAIM_EQ, { "9223372036854775808" }, 0 },
    { "9223372036854775808.0", GW_CLAIM_GT, { "9223372036854775807" }, 1 },
    { "9223372036854775808.0", GW_CLAIM_EQ, { "9223372036854775808" }, 1 },
    { "-9223372036854775808", GW_CLAIM_EQ, { "-9223372036854775808" }, 1 },
    { "-9223372036854775808", GW_CLAIM_LT, { "-9223372036854775807" }, 1 },
    { "-9223372036854775808", GW_CLAIM_GT, { "-9223372036854775809" }, 1 },
    { "9007199254740993", GW_CLAIM_EQ, { "9007199254740992" }, 0 },
    { "9007199254740993", GW_CLAIM_GT, { "9007199254740992" }, 1 },
    { "9007199254740992.0", GW_CLAIM_LT, { "9007199254740993" }, 1 },
    { "9007199254740992.0", GW_CLAIM_EQ, { "9007199254740992" }, 1 },

    { "9007199254740993", GW_CLAIM_GT, { "9007199254740992.5" }, 1 },
    { "9007199254740993", GW_CLAIM_EQ, { "9007199254740993.0" }, 1 },
    { "9007199254740992", GW_CLAIM_EQ, { "9007199254740993.0" }, 0 },
    { "9223372036854775807", GW_CLAIM_EQ, { "9223372036854775807.0" }, 1 },
    { "9223372036854775806", GW_CLAIM_EQ, { "9223372036854775807.0" }, 0 },

    /* fractions: compared as doubles */

    { "0.1", GW_CLAIM_EQ, { "0.1" }, 1 },
    { "0.1", GW_CLAIM_EQ, { "1e-1" }, 1 },
    { "1e-1", GW_CLAIM_EQ, { "0.10" }, 1 },
    { "0.1", GW_CLAIM_NE, { "0.1" }, 0 },
    { "0.1", GW_CLAIM_GT, { "0.1" }, 0 },
    { "0.1", GW_CLAIM_LT, { "0.1" }, 0 },
    { "0.1", GW_CLAIM_GE, { "0.1" }, 1 },
    { "0.1", GW_CLAIM_LE, { "0.1" }, 1 },
    { "0.10000000000000002", GW_CLAIM_GT, { "0.1" }, 1 },
    { "0.09999999999999999", GW_CLAIM_LT, { "0.1" }, 1 },
    { "0.1", GW_CLAIM_LT, { "0.10000000000000002" }, 1 },
    { "0.1", GW_CLAIM_GT, { "0.09999999999999999" }, 1 },
    { "19.99", GW_CLAIM_EQ, { "19.99" }, 1 },
    { "19.99", GW_CLAIM_GT, { "19.99" }, 0 },
    { "19.99", GW_CLAIM_LT, { "19.99" }, 0 },
    { "19.990000000000002", GW_CLAIM_GT, { "19.99" }, 1 },
    { "19.989999999999995", GW_CLAIM_LT, { "19.99" }, 1 },
    { "2.3", GW_CLAIM_EQ, { "2.3" }, 1 },
    { "2.3", GW_CLAIM_GT, { "2.3" }, 0 },
    { "2.3", GW_CLAIM_LT, { "2.3" }, 0 },
    { "2.3000000000000003", GW_CLAIM_GT, { "2.3" }, 1 },
    { "2.2999999999999994", GW_CLAIM_LT, { "2.3" }, 1 },
    { "[1,2.3]", GW_CLAIM_ANY, { "2.3" }, 1 },
    { "[0.1]", GW_CLAIM_NONE, { "0.1" }, 0 },

    /* a text that is no JSON number never matches, not even with "ne" */

    { "1", GW_CLAIM_EQ, { "01" }, 0 },
    { "1", GW_CLAIM_EQ, { "+1" }, 0 },
    { "1", GW_CLAIM_EQ, { "1." }, 0 },
    { "1", GW_CLAIM_EQ, { " 1" }, 0 },
    { "1", GW_CLAIM_EQ, { "1 " }, 0 },
    { "16", GW_CLAIM_EQ, { "0x10" }, 0 },
    { "1", GW_CLAIM_EQ, { "" }, 0 },
    { "1", GW_CLAIM_NE, { "" }, 0 },
    { "1", GW_CLAIM_NE, { "x" }, 0 },
    { "1", GW_CLAIM_NE, { "nan" }, 0 },
    { "1", GW_CLAIM_LT, { "inf" }, 0 },
    { "1", GW_CLAIM_NE, { "1e" }, 0 },
    { "1", GW_CLAIM_NE, { "2-" }, 0 },
    { "1", GW_CLAIM_NE, { "-" }, 0 },
    { "1", GW_CLAIM_NE, { "true" }, 0 },

    /* true and false are not ordered */

    { "true", GW_CLAIM_EQ, { "true" }, 1 },
    { "false", GW_CLAIM_EQ, { "false" }, 1 },
    { "true", GW_CLAIM_EQ, { "false" }, 0 },
    { "true", GW_CLAIM_NE, { "false" }, 1 },
    { "true", GW_CLAIM_NE, { "true" }, 0 },
    { "true", GW_CLAIM_EQ, { "1" }, 0 },
    { "true", GW_CLAIM_NE, { "0" }, 0 },
    { "true", GW_CLAIM_EQ, { "TRUE" }, 0 },
    { "true", GW_CLAIM_GT, { "false" }, 0 },
    { "true", GW_CLAIM_GE, { "true" }, 0 },
    { "false", GW_CLAIM_LT, { "true" }, 0 },
    { "false", GW_CLAIM_LE, { "false" }, 0 },

    /* arrays, objects and absent claims never match a scalar */

    { "[\"a\"]", GW_CLAIM_EQ, { "a" }, 0 },
    { "[\"a\"]", GW_CLAIM_NE, { "b" }, 0 },
    { "{\"a\":1}", GW_CLAIM_NE, { "b" }, 0 },
    { NULL, GW_CLAIM_EQ, { "" }, 0 },
    { NULL, GW_CLAIM_NE, { "a" }, 0 },
    { NULL, GW_CLAIM_LT, { "a" }, 0 },
    { NULL, GW_CLAIM_ANY, { "a" }, 0 },
    { NULL, GW_CLAIM_ALL, { "a" }, 0 },
    { NULL, GW_CLAIM_NONE, { "a" }, 0 },

    { "0", GW_CLAIM_EXISTS, { NULL }, 1 },
    { "\"\"", GW_CLAIM_EXISTS, { NULL }, 1 },
    { "[]", GW_CLAIM_EXISTS, { NULL }, 1 },
    { NULL, GW_CLAIM_EXISTS, { NULL }, 0 },
    { "false", GW_CLAIM_ABSENT, { NULL }, 0 },
    { NULL, GW_CLAIM_ABSENT, { NULL }, 1 },

    /* sets: an array, a string as a list of words, a scalar */

    { "[\"a\",\"b\"]", GW_CLAIM_ANY, { "x", "b" }, 1 },
    { "[\"a\",\"b\"]", GW_CLAIM_ANY, { "x", "y" }, 0 },
    { "[\"a b\"]", GW_CLAIM_ANY, { "a" }, 0 },
    { "[\"a b\"]", GW_CLAIM_ANY, { "a b" }, 1 },
    { "[[\"a\"]]", GW_CLAIM_ANY, { "a" }, 0 },
    { "[null,{},\"a\"]", GW_CLAIM_ANY, { "a" }, 1 },
    { "[]", GW_CLAIM_ANY, { "a" }, 0 },
    { "\"a b\"", GW_CLAIM_ANY, { "b" }, 1 },
    { "\"  a  b  \"", GW_CLAIM_ALL, { "b", "a" }, 1 },
    { "\"ab\"", GW_CLAIM_ANY, { "a", "b" }, 0 },
    { "\"a,b\"", GW_CLAIM_ANY, { "a" }, 0 },
    { "\"a\\tb\"", GW_CLAIM_ANY, { "a" }, 0 },
    { "\"\"", GW_CLAIM_ANY, { "" }, 1 },
    { "\"\"", GW_CLAIM_ANY, { " " }, 0 },

    /* a whole string, in addition to its words */

    { "\"John Doe\"", GW_CLAIM_ANY, { "x", "John Doe" }, 1 },
    { "\"John Doe\"", GW_CLAIM_ANY, { "John" }, 1 },
    { "\"John Doe\"", GW_CLAIM_ANY, { "John D", "ohn Doe", " " }, 0 },
    { "\"John A Doe\"", GW_CLAIM_ANY, { "John A", "A Doe" }, 0 },
    { "\"John Doe\"", GW_CLAIM_ANY, { "john doe", "John  Doe" }, 0 },
    { "\" John Doe\"", GW_CLAIM_ANY, { "John Doe", "John Doe " }, 0 },
    { "\" John Doe\"", GW_CLAIM_ANY, { " John Doe" }, 1 },
    { "\"John Doe\"", GW_CLAIM_ALL, { "John Doe", "Doe", "John" }, 1 },
    { "\"John Doe\"", GW_CLAIM_ALL, { "John Doe", "Jane" }, 0 },
    { "\"John Doe\"", GW_CLAIM_NONE, { "John Doe" }, 0 },
    { "\"John Doe\"", GW_CLAIM_NONE, { "Jane Doe", "Doe John" }, 1 },
    { "7", GW_CLAIM_ANY, { "6", "7.0" }, 1 },
    { "7", GW_CLAIM_ALL, { "7" }, 1 },
    { "7", GW_CLAIM_ALL, { "7", "8" }, 0 },
    { "true", GW_CLAIM_ANY, { "true" }, 1 },
    { "{\"a\":1}", GW_CLAIM_ANY, { "a" }, 0 },
    { "[1,\"x\",true]", GW_CLAIM_ALL, { "true", "1", "x" }, 1 },

    { "[\"a\",\"b\"]", GW_CLAIM_ALL, { "a", "b" }, 1 },
    { "[\"a\",\"b\"]", GW_CLAIM_ALL, { "a", "c" }, 0 },
    { "[]", GW_CLAIM_ALL, { "a" }, 0 },

    { "[\"a\"]", GW_CLAIM_NONE, { "b", "c" }, 1 },
    { "[\"a\"]", GW_CLAIM_NONE, { "b", "a" }, 0 },
    { "[]", GW_CLAIM_NONE, { "a" }, 1 },
    { "\"a b\"", GW_CLAIM_NONE, { "c" }, 1 },
    { "\"a b\"", GW_CLAIM_NONE, { "b" }, 0 },
    { "1", GW_CLAIM_NONE, { "2" }, 1 },
    { "1", GW_CLAIM_NONE, { "1.0" }, 0 },
    { "1", GW_CLAIM_NONE, { "x" }, 0 },
    { "[1]", GW_CLAIM_NONE, { "x" }, 0 },
    { "[\"a\",null]", GW_CLAIM_NONE, { "x" }, 0 },
    { "[[\"a\"]]", GW_CLAIM_NONE, { "x" }, 0 },
    { "{}", GW_CLAIM_NONE, { "x" }, 0 }
};


static const char *const  names_of_ops[] = {
    "eq", "ne", "gt", "ge", "lt", "le", "any", "all", "none", "match",
    "exists", "absent"
};


static const test_text_t  texts[] = {
    { "\"a,b\"", ',', "a,b" },
    { "\"\"", ',', "" },
    { "[\"a\",\"b\"]", ',', "a,b" },
    { "[\"a\",\"b\"]", ' ', "a b" },
    { "[]", ',', "" },
    { "[\"\"]", ',', "" },
    { "[\"\",\"\"]", ',', "," },
    { "[1,2.5,true,null,\"x\"]", ',', "1,2.5,true,null,x" },
    { "[[\"a\",\"b\"],\"c\"]", ',', "[\"a\",\"b\"],c" },
    { "[{\"a\":1}]", ',', "{\"a\":1}" },
    { "{\"b\":1,\"a\":[\"x\"]}", ',', "{\"b\":1,\"a\":[\"x\"]}" },
    { "9223372036854775807", ',', "9223372036854775807" },
    { "0.1", ',', "0.1" },
    { "1.0", ',', "1" },
    { "false", ',', "false" },
    { "\"\\u00e9\\n\"", ',', "\xc3\xa9\n" }
};


static const test_text_t  lists[] = {
    { "\"read write\"", ' ', "read write" },
    { "\"read\"", ',', "read" },
    { "\"read,write\"", ',', "" },
    { "\"read write\"", ',', "read write" },
    { "\"\"", ' ', "" },
    { "\"a\\nb\"", ' ', "" },
    { "\"a\\u007fb\"", ' ', "" },
    { "[\"a\",\"b\"]", ' ', "a b" },
    { "[\"a\",\"b\"]", ',', "a,b" },
    { "[\"a b\",\"c\"]", ' ', "c" },
    { "[\"a b\",\"c\"]", ',', "a b,c" },
    { "[\"a,b\",\"c\"]", ',', "c" },
    { "[\"a,b\",\"c\"]", ' ', "a,b c" },
    { "[\"\",\"a\",\"\"]", ',', "a" },
    { "[\"a\\r\",\"b\"]", ',', "b" },
    { "[1,\"a\",null,[\"b\"],{}]", ',', "a" },
    { "[]", ',', "" },
    { "1", ',', "" },
    { "true", ',', "" },
    { "{\"a\":\"b\"}", ',', "" }
};


/* a copy of the exact size: a sanitizer detects an overrun */

static unsigned char *
exact(const char *text, size_t len)
{
    unsigned char  *copy;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    return copy;
}


static const char *
parse_path(gw_claim_path_t *path, char **buf, const char *text)
{
    size_t          len;
    const char     *error;
    unsigned char  *copy;

    len = strlen(text);
    copy = exact(text, len);
    *buf = malloc(len + 1);

    error = gw_claim_path_parse(path, *buf, copy, len);
    free(copy);

    return error;
}


static json_t *
parse_claim(const char *text)
{
    json_t  *claim;

    claim = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    if (text && claim == NULL) {
        ok(0, "the test's own JSON: %s", text);
    }

    return claim;
}


static void
test_paths(void)
{
    char             *buf, *json;
    size_t            i;
    json_t           *root;
    const char       *error;
    const json_t     *found;
    gw_claim_path_t   path;

    root = parse_claim(tree);

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {

        error = parse_path(&path, &buf, paths[i].text);
        found = error ? NULL : gw_claim_find(root, &path);
        json = found ? json_dumps(found, JSON_ENCODE_ANY|JSON_COMPACT) : NULL;

        is_str(error ? error : json ? json : "nothing",
               paths[i].json ? paths[i].json : "nothing",
               "path %s", paths[i].text);

        free(json);
        free(buf);
    }

    (void) parse_path(&path, &buf, "sub");
    ok(gw_claim_find(NULL, &path) == NULL, "a path without claims");
    free(buf);

    json_decref(root);
}


static void
test_equal_paths(void)
{
    char             *one, *other;
    size_t            i;
    gw_claim_path_t   a, b;

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        parse_path(&a, &one, pairs[i].one);
        parse_path(&b, &other, pairs[i].other);

        is_int(gw_claim_path_equal(&a, &b), pairs[i].equal, "%s and %s",
               pairs[i].one, pairs[i].other);
        is_int(gw_claim_path_equal(&b, &a), pairs[i].equal, "%s and %s",
               pairs[i].other, pairs[i].one);

        free(one);
        free(other);
    }
}


static void
test_path_errors(void)
{
    char             *buf;
    size_t            i;
    const char       *error;
    gw_claim_path_t   path;

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        error = parse_path(&path, &buf, errors[i].text);

        is_str(error ? error : "no error", errors[i].error, "path \"%s\"",
               errors[i].text);
        free(buf);
    }

    ok(parse_path(&path, &buf, &TOO_MANY_DOTS[2]) == NULL
       && path.n == GW_CLAIM_MAX_STEPS, "as many steps as there may be");
    free(buf);
}


static void
test_dotted(void)
{
    size_t          i, len, n;
    unsigned char  *text, *dst;

    for (i = 0; i < sizeof(dotted) / sizeof(dotted[0]); i++) {
        len = strlen(dotted[i].text);
        text = exact(dotted[i].text, len);
        dst = malloc(len ? 4 * len : 1);

        n = gw_claim_path_dotted(text, len, dst);

        is_bytes(dst, n, dotted[i].error, "\"%s\" with dots",
                 dotted[i].text);
        free(text);
        free(dst);
    }
}


static void
test_rules(void)
{
    size_t              i, n;
    json_t             *claim;
    gw_text_t           values[MAX_VALUES];
    const test_rule_t  *rule;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        rule = &rules[i];
        claim = parse_claim(rule->claim);

        for (n = 0; n < MAX_VALUES && rule->values[n]; n++) {
            values[n].len = strlen(rule->values[n]);
            values[n].data = exact(rule->values[n], values[n].len);
        }

        is_int(gw_claim_meets(claim, rule->op, values, n), rule->meets,
               "%s %s %s%s", rule->claim ? rule->claim : "(absent)",
               names_of_ops[rule->op], n ? rule->values[0] : "",
               n > 1 ? " ..." : "");

        while (n) {
            free((void *) values[--n].data);
        }

        json_decref(claim);
    }
}


/* texts with more than a number, or with a NUL */

static void
test_odd_numbers(void)
{
    char        text[80];
    json_t     *claim;
    gw_text_t   value;

    claim = json_integer(1);

    value.data = (const unsigned char *) "1\0002";
    value.len = 3;
    ok(!gw_claim_meets(claim, GW_CLAIM_EQ, &value, 1), "1, NUL, 2 is not 1");
    ok(!gw_claim_meets(claim, GW_CLAIM_NE, &value, 1), "nor another number");

    memset(text, '0', sizeof(text));
    memcpy(text, "1.", 2);
    value.data = (const unsigned char *) text;

    value.len = 63;
    ok(gw_claim_meets(claim, GW_CLAIM_EQ, &value, 1), "a number of 63 bytes");

    value.len = 64;
    ok(!gw_claim_meets(claim, GW_CLAIM_EQ, &value, 1)
       && !gw_claim_meets(claim, GW_CLAIM_NE, &value, 1),
       "one of 64 bytes is a mismatch");

    json_decref(claim);
}


typedef size_t (*test_writer_pt)(const json_t *value, char separator,
    unsigned char *dst);


static void
test_writer(test_writer_pt writer, const test_text_t *table, size_t n,
    const char *what)
{
    size_t          i, len, written;
    json_t         *claim;
    unsigned char  *dst;

    for (i = 0; i < n; i++) {
        claim = parse_claim(table[i].claim);

        len = writer(claim, table[i].separator, NULL);
        dst = malloc(len ? len : 1);
        written = writer(claim, table[i].separator, dst);

        is_int((long long) written, (long long) len,
               "%s of %s: as long as was counted", what, table[i].claim);
        is_bytes(dst, written, table[i].expected, "%s of %s by '%c'", what,
                 table[i].claim, table[i].separator);

        free(dst);
        json_decref(claim);
    }
}


int
main(void)
{
    test_paths();
    test_equal_paths();
    test_path_errors();
    test_dotted();
    test_rules();
    test_odd_numbers();

    test_writer(gw_claim_text, texts, sizeof(texts) / sizeof(texts[0]),
                "text");
    test_writer(gw_claim_names, lists, sizeof(lists) / sizeof(lists[0]),
                "names");

    return done_testing();
}
