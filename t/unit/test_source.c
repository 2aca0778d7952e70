/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Names of credentials in different spellings: pairs that nginx reads, variants
 * that some parsers read, and the bytes left after their removal.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_source.h"
#include "tap.h"


static gw_text_t
text_of(const char *s)
{
    gw_text_t  text;

    text.data = (const unsigned char *) s;
    text.len = strlen(s);

    return text;
}


/* lists all pairs with the name: "exact V, variant, " and so on */

static void
walk(gw_source_list_e list, const char *name, const char *s, size_t len,
    char *said)
{
    char              *copy;
    gw_text_t          text;
    gw_source_e        kind;
    gw_source_walk_t   w;
    gw_source_pair_t   pair;

    /* of the exact size, so that an overrun is detected */

    copy = malloc(len + (len == 0));
    memcpy(copy, s, len);

    text = text_of(name);

    w.p = (unsigned char *) copy;
    w.last = w.p + len;
    w.list = list;

    *said = '\0';

    while ((kind = gw_source_next(&w, &text, &pair)) != GW_SOURCE_NONE) {

        if (kind == GW_SOURCE_VARIANT) {
            said += sprintf(said, "variant,");

        } else {
            said += sprintf(said, "exact %.*s,", (int) pair.value.len,
                            (const char *) pair.value.data);
        }
    }

    free(copy);
}


static void
is_found(gw_source_list_e list, const char *name, const char *s,
    const char *expected)
{
    char  said[512];

    walk(list, name, s, strlen(s), said);
    is_str(said, expected, "%s in \"%s\"", name, s);
}


static void
query(const char *s, const char *expected)
{
    is_found(GW_SOURCE_QUERY, "a_tok", s, expected);
}


static void
cookie(const char *s, const char *expected)
{
    is_found(GW_SOURCE_COOKIE, "a_tok", s, expected);
}


static void
queries(void)
{
    query("", "");
    query("a_tok", "");
    query("a_tok=", "exact ,");
    query("a_tok=F", "exact F,");
    query("x=1&A_Tok=F&y=2", "exact F,");
    query("a_tok=F&a_tok=G", "exact F,exact G,");
    query("a_tok=F;x=1", "exact F;x=1,");

    query("x=1;a_tok=F", "variant,");
    query("x;a_tok=F&a_tok=G", "variant,exact G,");
    query("a_tok=1;a_tok=2", "exact 1;a_tok=2,");
    query("%61_tok=F", "variant,");
    query("a%5ftok=F", "variant,");
    query("a%5Ftok=F", "variant,");
    query("a_to%6b=F&a_t%4Fk=G", "variant,variant,");
    query("+a_tok=F", "variant,");
    query("%20%09a_tok=F", "variant,");
    query("a_tok+=F", "variant,");
    query("a_tok%20=F", "variant,");
    query("a_tok%00=F", "variant,");
    query("a_tok%00xyz=F", "variant,");
    query("a_tok[]=F", "variant,");
    query("a_tok[0]=F", "variant,");
    query("a_tok[x][y]=F", "variant,");
    query("a_tok%5B%5D=F", "variant,");
    query("a_tok[=F", "variant,");
    query("a_tok]=F", "variant,");
    query("[a_tok]=F", "variant,");
    query("%5ba_tok%5d=F", "variant,");
    query("[a_tok]x=F", "variant,");
    query("a.tok=F", "variant,");
    query("a%2etok=F", "variant,");
    query("a+tok=F", "variant,");
    query("a%20tok=F", "variant,");
    query("a[tok=F", "variant,");
    query("=a_tok=F", "variant,");
    query("?a_tok=F", "variant,");
    query("x=1&?a_tok=F&a_tok=G", "variant,exact G,");
    query("?x=1&x?a_tok=F", "");
    query(".a_tok=F", "variant,");
    query("x.a_tok=F", "");
    query("a_tok[a&b]=F", "variant,");
    query("a_tok[F", "variant,");
    query("a_tok%5BF%5d", "variant,");
    query("[a_tok][F]&A_TOK[[F", "variant,variant,");
    query("a_tok[a;b]=F", "variant,");

    /* other names */

    query("aatok=F&a_toks=F&xa_tok=F&a-tok=F&a__tok=F&a_to=F", "");
    query("x=a_tok=F", "");
    query("x=1,a_tok=F", "");
    query("a[tok]=F", "");
    query("a[tok[]=F", "");
    query("x[a_tok]=F", "");
    query("a_tok.x=F", "");
    query("a_tok-x=F&a_tok%2Dx=F", "");
    query("a_tok%3DF", "");
    query("a_tok%3D=F", "");
    query("x%26a_tok=F", "");
    query("%2561_tok=F", "");
    query("%C2%A0a_tok=F", "");
    query("a_tok%=F&a_tok%2=F&a_tok%zz=F&%", "");
    query("a_tok&a_tok%20&a_tok%00&a_tokF]&a[tok[F", "");
    query("a_tok x=F", "");
}


static void
cookies(void)
{
    cookie("a_tok=F", "exact F,");
    cookie("x=1; A_TOK = F ; y=2", "exact F ,");
    cookie("x=1;a_tok=F,G", "exact F,G,");
    cookie("a_tok=F; a_tok=G", "exact F,exact G,");
    cookie("a_tok=F a_tok=G", "exact F a_tok=G,");

    cookie("x=1;\ta_tok=F", "variant,");
    cookie("a_tok=F;\ta_tok=G", "exact F,variant,");
    cookie("a_tok\t=F", "variant,");
    cookie("x=1 a_tok=F", "variant,");
    cookie("x=1\ta_tok =F; a_tok=G", "variant,exact G,");
    cookie("x=1,a_tok=F", "variant,");
    cookie("x=1, a_tok=F", "variant,");
    cookie("\x0b" "a_tok=F; a_tok\x0c=F", "variant,variant,");
    cookie("\x1c" "a_tok=F; a_tok\x1f=F", "variant,variant,");
    cookie("\x85" "a_tok=F; a_tok\xa0=F", "variant,variant,");
    cookie("\xc2\xa0" "a_tok=F; a_tok\xe3\x80\x80=F", "variant,variant,");
    cookie("\x7f" "a_tok=F; \x01" "a_tok=F", "variant,variant,");
    cookie("a_t%6fk=F", "variant,");
    cookie("a_tok[]=F; a_tok%00x=F", "variant,variant,");
    cookie("a.tok=F; a tok=F; a[tok=F", "variant,variant,variant,");
    cookie("a_tok[F; a_tok", "variant,");
    cookie("=a_tok=F; ==a_tok=F", "variant,variant,");

    cookie("xa_tok=F; a_toks=F; a-tok=F; a_tok; a_tok.x=F", "");
    cookie("x=a_tok=F; x=\"a_tok=F\"; $a_tok=F; \"a_tok\"=F", "");
    cookie("x=1&a_tok=F; x=1/a_tok=F", "");
    cookie("x\xc3\xa9" "a_tok=F", "");
    cookie("a_tok x; =F", "");
    cookie("; ;;=;", "");

    is_found(GW_SOURCE_COOKIE_COMMA, "k", "a=1, k=F; k=G",
             "exact F,exact G,");
    is_found(GW_SOURCE_COOKIE_COMMA, "k", "a=1 k=F", "variant,");
    is_found(GW_SOURCE_COOKIE_COMMA, "k", "a=1,\tk=F", "variant,");
    is_found(GW_SOURCE_QUERY, "_k", "_k=F&.k=F&+_k=F&%20k=F",
             "exact F,variant,variant,");
}


/* each byte before and after a decoded name: never an exact pair */

static void
bytes(void)
{
    int   c, wrong;
    char  s[32], said[512];

    for (c = 0, wrong = 0; c < 256; c++) {
        sprintf(s, "x=1;%%%02xk%%%02x=F", c, c);
        walk(GW_SOURCE_COOKIE, "k", s, strlen(s), said);

        wrong += strcmp(said, (c <= ' ' || c >= 0x7f || c == '[' || c == ']')
                              ? "variant," : "") != 0;
    }

    is_int(wrong, 0, "each encoded byte around the name of a cookie");

    for (c = 0, wrong = 0; c < 256; c++) {
        sprintf(s, "x=1&%%%02xk%%%02x=F", c, c);
        walk(GW_SOURCE_QUERY, "k", s, strlen(s), said);

        wrong += strcmp(said, (c <= ' ' || c == 0x7f || c == '[' || c == ']')
                              ? "variant," : "") != 0;
    }

    is_int(wrong, 0, "each encoded byte around the name of an argument");
}


/* the list without its pairs */

static void
is_left(gw_source_list_e list, const char *s, const char *expected)
{
    char              left[128], *d;
    gw_text_t         name;
    gw_source_walk_t  w;
    gw_source_pair_t  pair;

    const unsigned char  *p;

    name = text_of("k");
    w.p = (const unsigned char *) s;
    w.last = w.p + strlen(s);
    w.list = list;

    d = left;
    p = w.p;

    while (gw_source_next(&w, &name, &pair) != GW_SOURCE_NONE) {
        memcpy(d, p, (size_t) (pair.start - p));
        d += pair.start - p;
        p = pair.next;
    }

    strcpy(d, (const char *) p);
    is_str(left, expected, "\"%s\" without k", s);
}


static void
removal(void)
{
    is_left(GW_SOURCE_QUERY, "a=1&k=F&b=2", "a=1&b=2");
    is_left(GW_SOURCE_QUERY, "%6b=F&b=2&+k[]=F&c", "b=2&c");
    is_left(GW_SOURCE_QUERY, "a=1;k=F;c=3&b=2", "a=1&b=2");
    is_left(GW_SOURCE_QUERY, "a=1;k=F&k=G&b=2", "a=1&b=2");
    is_left(GW_SOURCE_COOKIE, "a=1;\tk=F; b=2", "a=1; b=2");
    is_left(GW_SOURCE_COOKIE, "a=1 k=F; b=2", "a=1; b=2");
    is_left(GW_SOURCE_COOKIE, "a=1, k=F, x; b=2", "a=1; b=2");
    is_left(GW_SOURCE_COOKIE_COMMA, "a=1, k=F; b=2", "a=1, b=2");
}


static void
is_bearer(const char *s, const char *expected)
{
    char         said[128];
    gw_text_t    value, token;
    gw_source_e  kind;

    value = text_of(s);
    kind = gw_source_bearer(&value, &token);

    if (kind == GW_SOURCE_EXACT) {
        sprintf(said, "exact %.*s", (int) token.len,
                (const char *) token.data);

    } else {
        strcpy(said, kind == GW_SOURCE_NONE ? "none" : "variant");
    }

    is_str(said, expected, "Authorization: %s", s);
}


static void
bearer(void)
{
    int   c, wrong;
    char  s[16];

    gw_text_t  value, token;

    is_bearer("Bearer F", "exact F");
    is_bearer("bEARER   F", "exact F");
    is_bearer("Bearer F\t", "exact F\t");
    is_bearer("Bearer F x", "exact F x");
    is_bearer("Bearer \tF", "exact \tF");

    is_bearer("Bearer", "variant");
    is_bearer("Bearer  ", "variant");
    is_bearer(" bearer\t", "variant");
    is_bearer(" Bearer F", "variant");
    is_bearer("\tBearer F\t", "variant");
    is_bearer("Bearer\tF", "variant");
    is_bearer("Bearer\xa0" "F", "variant");
    is_bearer("\xa0" "Bearer F", "variant");
    is_bearer("\x0b" "Bearer F", "variant");
    is_bearer("Basic x, bearer F", "variant");
    is_bearer("XBearer F", "variant");
    is_bearer("Bearer:x Bearer F", "variant");

    is_bearer("", "none");
    is_bearer("\t", "none");
    is_bearer("Beare", "none");
    is_bearer("Basic YWxpY2U6c2VjcmV0", "none");
    is_bearer("BearerF", "none");
    is_bearer("Bearer:F", "none");
    is_bearer("Bearers F", "none");
    is_bearer("Basic bearer", "none");
    is_bearer("F", "none");

    for (c = 1, wrong = 0; c < 256; c++) {
        sprintf(s, "Bearer%cF", c);
        value = text_of(s);

        wrong += gw_source_bearer(&value, &token)
                 != (c == ' ' ? GW_SOURCE_EXACT
                     : c < ' ' || c >= 0x7f ? GW_SOURCE_VARIANT
                     : GW_SOURCE_NONE);
    }

    is_int(wrong, 0, "each byte between scheme and token");
}


/*
 * The bytes of a client are walked only once: with a walk for each byte, these
 * tests would take minutes.
 */

static void
effort(void)
{
    size_t             i, k, len;
    unsigned char     *list;
    gw_text_t          name;
    gw_source_pair_t   pair;
    gw_source_walk_t   walk;

    enum { SIZE = 1000000 };

    static const struct {
        gw_source_list_e  list;
        const char       *part;
    } lists[] = {
        { GW_SOURCE_COOKIE, "\t" },
        { GW_SOURCE_COOKIE, " " },
        { GW_SOURCE_COOKIE, "=\t" },
        { GW_SOURCE_COOKIE, "\t%20" },
        { GW_SOURCE_COOKIE, "\xa0" },
        { GW_SOURCE_COOKIE, "tok%00\t" },
        { GW_SOURCE_COOKIE, "to] " },
        { GW_SOURCE_COOKIE_COMMA, "tok%00," },
        { GW_SOURCE_QUERY, "tok%00;" },
        { GW_SOURCE_QUERY, "to];" },
        { GW_SOURCE_QUERY, "+" },
        { GW_SOURCE_QUERY, ";" }
    };

    list = malloc(SIZE);
    name = text_of("tok");

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {

        len = strlen(lists[i].part);

        for (k = 0; k < SIZE; k++) {
            list[k] = (unsigned char) lists[i].part[k % len];
        }

        walk.p = list;
        walk.last = list + SIZE;
        walk.list = lists[i].list;

        ok(gw_source_next(&walk, &name, &pair) == GW_SOURCE_NONE,
           "a long list of one part is walked once: %d",
           (int) i);
    }

    free(list);
}


int
main(void)
{
    queries();
    cookies();
    bytes();
    removal();
    bearer();
    effort();

    return done_testing();
}
