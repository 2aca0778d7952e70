/* SPDX-License-Identifier: BSD-2-Clause */

/* traceparent and tracestate: rejected values, and similar accepted ones */

#include <stdio.h>
#include <string.h>

#include "gw_trace.h"
#include "tap.h"


#define ID      "0af7651916cd43dd8448eb211c80319c"
#define SPAN    "b7ad6b7169203331"
#define IDS     ID "-" SPAN
#define ZERO16  "0000000000000000"


static const struct {
    const char  *text;
    int          flags;             /* -1: rejected */
    const char  *what;
} parents[] = {
    { "00-" IDS "-01", 1, "version 00" },
    { "00-" IDS "-00", 0, "not sampled" },
    { "00-" IDS "-02", 2, "random" },
    { "00-" IDS "-03", 3, "sampled and random" },
    { "00-" IDS "-ff", 3, "all flags, of which two are known" },
    { "00-" IDS "-fc", 0, "unknown flags only" },
    { "00-" IDS "-09", 1, "sampled and an unknown one" },
    { " \t00-" IDS "-01 \t", 1, "blanks around it" },
    { "01-" IDS "-01", 1, "version 01 of the same length" },
    { "cc-" IDS "-01-more", 1, "version cc with more" },
    { "cc-" IDS "-01-", 1, "version cc with a dash" },
    { "fe-" IDS "-01", 1, "version fe" },
    { "cc-" IDS "-01.more", -1, "version cc with more, and no dash" },
    { "cc-" IDS "-011", -1, "version cc with a third digit of flags" },
    { "ff-" IDS "-01", -1, "version ff" },
    { "00-" IDS "-01-", -1, "version 00 with more" },
    { "00-" IDS "-01.", -1, "version 00 with a dot" },
    { "00-" IDS "-0", -1, "too short by one" },
    { "cc-" IDS "-0", -1, "version cc, too short by one" },
    { "00-" IDS "-", -1, "no flags" },
    { "00-" IDS, -1, "no flags and no dash" },
    { "", -1, "nothing" },
    { "   ", -1, "blanks" },
    { "0A-" IDS "-01", -1, "upper case in the version" },
    { "0.-" IDS "-01", -1, "no digit in the version" },
    { "000-" IDS "-01", -1, "a version of three digits" },
    { "00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01", -1,
      "upper case in the trace id" },
    { "00-" ID "-B7ad6b7169203331-01", -1, "upper case in the parent id" },
    { "00-" IDS "-0A", -1, "upper case in the flags" },
    { "00-" IDS "-0g", -1, "no digit in the flags" },
    { "00-" IDS "-.0", -1, "a dot in the flags" },
    { "00-" ZERO16 ZERO16 "-" SPAN "-01", -1, "a trace id of zeroes" },
    { "00-" ZERO16 "0000000000000001-" SPAN "-01", 1, "one that is 1" },
    { "00-" ID "-" ZERO16 "-01", -1, "a parent id of zeroes" },
    { "00-" ID "-1000000000000000-01", 1, "one with one digit" },
    { "00_" IDS "-01", -1, "no dash behind the version" },
    { "00-" ID "_" SPAN "-01", -1, "no dash behind the trace id" },
    { "00-" IDS "_01", -1, "no dash behind the parent id" },
    { "00-" IDS "-01,00-" IDS "-01", -1, "two in one line" },
    { "00-" ID "0-" SPAN "-01", -1, "a trace id of 33 digits" },
    { "00-0af7651916cd43dd8448eb211c80319-" SPAN "-01", -1,
      "a trace id of 31 digits" },
    { "00- af7651916cd43dd8448eb211c80319c-" SPAN "-01", -1,
      "a blank in the trace id" }
};

#define NPARENTS  (sizeof(parents) / sizeof(parents[0]))


static void
test_parents(void)
{
    int         rc;
    size_t      i;
    gw_trace_t  trace;

    for (i = 0; i < NPARENTS; i++) {
        rc = gw_trace_parse(&trace, (const unsigned char *) parents[i].text,
                            strlen(parents[i].text));

        is_int(rc == 0 ? (int) trace.flags : -1, parents[i].flags,
               "traceparent: %s", parents[i].what);
    }
}


static void
test_parts(void)
{
    gw_trace_t      trace;
    const char     *text = " cc-" IDS "-fd-more";
    unsigned char   written[GW_TRACE_PARENT];

    is_int(gw_trace_parse(&trace, (const unsigned char *) text, strlen(text)),
           0, "parsed");
    is_bytes(trace.id, 2 * GW_TRACE_ID, ID, "trace id");
    is_bytes(trace.span, 2 * GW_TRACE_SPAN, SPAN, "parent id");

    gw_trace_write(written, trace.id, trace.span, trace.flags);
    is_bytes(written, sizeof(written), "00-" IDS "-01",
             "written as version 00, without unknown flags");
}


/* --- tracestate */

static char  key256[257], key257[258], value256[257], value257[258];


static const struct {
    const char  *fields[4];
    const char  *text;              /* "": none */
    const char  *what;
} states[] = {
    { { "a=1" }, "a=1", "a member" },
    { { "a=1,b=2" }, "a=1,b=2", "two members" },
    { { "b=2,a=1" }, "b=2,a=1", "in the order of the client" },
    { { "b=2", "a=1,c=3", "d=4" }, "b=2,a=1,c=3,d=4", "of several fields" },
    { { "a=1 \t , \tb=2" }, "a=1,b=2", "blanks around commas" },
    { { "\t a=1 \t" }, "a=1", "blanks around the field" },
    { { "" }, "", "an empty field" },
    { { " , ,, " }, "", "empty members only" },
    { { "a=1", "", "b=2" }, "a=1,b=2", "an empty field between others" },
    { { ",a=1,,b=2," }, "a=1,b=2", "empty members between others" },
    { { "a=1,a=1" }, "a=1,a=1", "a member twice" },
    { { "a=1,b=2", "a=3" }, "a=1,b=2,a=3", "a key twice" },
    { { "a= 1" }, "a= 1", "a blank leads the value" },
    { { "a=1 2" }, "a=1 2", "a blank in the value" },
    { { "0=1" }, "0=1", "a key begins with a digit" },
    { { "a_-*/@z9=1" }, "a_-*/@z9=1", "all characters of a key" },
    { { "a@@b=1,c@=2" }, "a@@b=1,c@=2", "several @, and one at the end" },
    { { "a=!\"#$%&'()*+-./09:;<>?@AZ[\\]^_`az{|}~" },
      "a=!\"#$%&'()*+-./09:;<>?@AZ[\\]^_`az{|}~",
      "all characters of a value" },
    { { "a=1,@b=2" }, "", "a key begins with @" },
    { { "a=1,_b=2" }, "", "a key begins with _" },
    { { "a=1,A=2" }, "", "upper case in a key" },
    { { "a=1,b.c=2" }, "", "a dot in a key" },
    { { "a=1,b =2" }, "", "a blank behind a key" },
    { { "a=1,=2" }, "", "no key" },
    { { "a=1,b" }, "", "no value and no =" },
    { { "a=1,b=" }, "", "no value" },
    { { "a=1,b= " }, "", "a value of a blank" },
    { { "a=1,b=c=d" }, "", "= in a value" },
    { { "a=1,b=\x7f" }, "", "DEL in a value" },
    { { "a=1,b=\x1f" }, "", "a control byte in a value" },
    { { "a=1,b=c\td" }, "", "a tab in a value" },
    { { "a=1,b=\xc3\xa9" }, "", "UTF-8 in a value" },
    { { "b", "a=1" }, "", "a bad field before a good one" },
    { { "a=1", "b" }, "", "and behind it" }
};

#define NSTATES  (sizeof(states) / sizeof(states[0]))


static size_t
join(const char *const *fields, size_t n, char *text)
{
    size_t            i, len;
    gw_trace_state_t  state;

    memset(&state, 0, sizeof(gw_trace_state_t));

    for (i = 0; i < n && fields[i]; i++) {
        gw_trace_state_add(&state, (const unsigned char *) fields[i],
                           strlen(fields[i]));
    }

    len = gw_trace_state_write(&state, (unsigned char *) text);
    text[len] = '\0';

    return len;
}


static void
test_states(void)
{
    char    text[GW_TRACE_STATE + 1];
    size_t  i;

    for (i = 0; i < NSTATES; i++) {
        join(states[i].fields, 4, text);
        is_str(text, states[i].text, "tracestate: %s", states[i].what);
    }
}


static void
test_nul(void)
{
    gw_trace_state_t  state;
    unsigned char     text[GW_TRACE_STATE];

    memset(&state, 0, sizeof(gw_trace_state_t));
    gw_trace_state_add(&state, (const unsigned char *) "a\0=1", 4);
    is_int(gw_trace_state_write(&state, text), 0, "a NUL in a key");
}


static void
test_limits(void)
{
    char         text[GW_TRACE_STATE + 1], field[600];
    const char  *one = field;

    memset(key256, 'k', 256);
    memset(key257, 'k', 257);
    memset(value256, 'v', 256);
    memset(value257, 'v', 257);

    snprintf(field, sizeof(field), "%s=1", key256);
    is_int(join(&one, 1, text), 258, "a key of 256 bytes");
    snprintf(field, sizeof(field), "%s=1", key257);
    is_int(join(&one, 1, text), 0, "a key of 257 bytes");
    snprintf(field, sizeof(field), "k=%s", value256);
    is_int(join(&one, 1, text), 258, "a value of 256 bytes");
    snprintf(field, sizeof(field), "k=%s", value257);
    is_int(join(&one, 1, text), 0, "a value of 257 bytes");
    snprintf(field, sizeof(field), "k=%s  \t", value256);
    is_int(join(&one, 1, text), 258, "a value of 256 bytes and blanks");

    snprintf(field, sizeof(field), "%s=%s", key256, value256 + 1);
    is_int(join(&one, 1, text), 512, "a member of 512 bytes");
    snprintf(field, sizeof(field), "%s=%s", key256, value256);
    is_int(join(&one, 1, text), 0, "a member of 513 bytes does not fit");
    snprintf(field, sizeof(field), "a=1,%s=%s", key256, value256);
    is_int(join(&one, 1, text), 3, "the members before it are kept");
}


/* "n" members of 4 bytes */

static void
members(char *field, unsigned n)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        field[5 * i] = (char) ('a' + i / 10);
        field[5 * i + 1] = (char) ('0' + i % 10);
        memcpy(field + 5 * i + 2, "=1,", 4);
    }

    field[5 * n - 1] = '\0';
}


static void
test_count(void)
{
    char         text[GW_TRACE_STATE + 1], field[256];
    const char  *fields[3];

    fields[0] = field;
    fields[1] = NULL;

    members(field, 32);
    is_int(join(fields, 1, text), 32 * 5 - 1, "32 members");

    fields[1] = " , ,";
    is_int(join(fields, 2, text), 32 * 5 - 1, "32 members and empty ones");

    fields[1] = "z=1";
    is_int(join(fields, 2, text), 0, "33 members");

    members(field, 33);
    is_int(join(fields, 1, text), 0, "33 members in one field");
}


/* writes a member of "len" bytes */

static char *
member(char *p, char key, size_t len)
{
    p[0] = key;
    p[1] = '=';
    memset(p + 2, key, len - 2);
    p[len] = '\0';

    return p + len;
}


/* writes a field of members whose sizes are given, named a, b and so on */

static void
field_of(char *field, const size_t *sizes)
{
    char    *p;
    size_t   i;

    p = field;

    for (i = 0; sizes[i]; i++) {
        if (i) {
            *p++ = ',';
        }

        p = member(p, (char) ('a' + i), sizes[i]);
    }
}


static const struct {
    size_t       sizes[8];
    const char  *left;              /* keys */
    const char  *what;
} long_states[] = {
    { { 128, 128, 128, 125 }, "abcd", "512 bytes" },
    { { 128, 128, 128, 126 }, "abc", "513 bytes: the last is removed" },
    { { 128, 128, 128, 3, 124 }, "abcd", "the last is removed" },
    { { 128, 128, 128, 121, 3 }, "abcde", "512 bytes of five" },
    { { 128, 128, 128, 122, 3 }, "abcd", "513 bytes of five" },
    { { 129, 128, 128, 128 }, "bcd", "one of 129 bytes goes first" },
    { { 129, 128, 129, 128 }, "abd", "the last of two large ones" },
    { { 258, 200, 100 }, "ac", "the last of two large ones, which is enough" },
    { { 258, 258, 128, 124 }, "acd", "one large one still fits" },
    { { 258, 258, 128, 125 }, "cd", "by one byte it does not" },
    { { 258, 258, 258 }, "a", "all but one of three" },
    { { 100, 258, 100, 100, 100 }, "acde", "a large one in the middle" },
    { { 128, 128, 128, 128, 128, 258 }, "abc",
      "a large one, and then the last ones" }
};

#define NLONG  (sizeof(long_states) / sizeof(long_states[0]))


static void
test_long(void)
{
    char         text[GW_TRACE_STATE + 1], field[2048], left[9];
    char        *p;
    size_t       i, n;
    const char  *one = field;

    for (i = 0; i < NLONG; i++) {
        field_of(field, long_states[i].sizes);
        join(&one, 1, text);

        for (n = 0, p = text; *p; p++) {
            if (p == text || p[-1] == ',') {
                left[n++] = *p;
            }
        }

        left[n] = '\0';

        is_str(left, long_states[i].left, "a long tracestate: %s",
               long_states[i].what);
    }
}


int
main(void)
{
    test_parents();
    test_parts();
    test_states();
    test_nul();
    test_limits();
    test_count();
    test_long();

    return done_testing();
}
