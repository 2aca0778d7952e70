/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Cache-Control (RFC 9111, 5.2) and targeted fields (RFC 9213), directive by
 * directive.
 */

#include <stdio.h>

#include "cache_fields.h"
#include "gw_cache_control.h"
#include "gw_sf.h"
#include "tap.h"


static const struct {
    unsigned     flag;
    const char  *word;
} shown_flag[] = {
    { GW_CACHE_CC_NO_STORE, "no-store" },
    { GW_CACHE_CC_NO_CACHE, "no-cache" },
    { GW_CACHE_CC_PRIVATE, "private" },
    { GW_CACHE_CC_PUBLIC, "public" },
    { GW_CACHE_CC_MUST_REVALIDATE, "must-revalidate" },
    { GW_CACHE_CC_PROXY_REVALIDATE, "proxy-revalidate" },
    { GW_CACHE_CC_MUST_UNDERSTAND, "must-understand" },
    { GW_CACHE_CC_ONLY_IF_CACHED, "only-if-cached" },
    { GW_CACHE_CC_MALFORMED, "MALFORMED" }
};


/* the directives and times of a gw_cache_control_t as text, in a fixed order */

static const char *
shown(const gw_cache_control_t *c, const gw_cache_names_t *names)
{
    size_t           i, n;
    static char      text[1000];
    const struct {
        uint32_t     value;
        const char  *word;
    } time[] = {
        { c->max_age, "max-age" }, { c->s_maxage, "s-maxage" },
        { c->stale_while_revalidate, "swr" },
        { c->stale_if_error, "sie" }, { c->min_fresh, "min-fresh" },
        { c->max_stale, "max-stale" }
    };

    n = 0;
    text[0] = '\0';

    for (i = 0; i < CACHE_N(shown_flag); i++) {
        if (c->flags & shown_flag[i].flag) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s ",
                                   shown_flag[i].word);
        }
    }

    for (i = 0; i < CACHE_N(time); i++) {
        if (time[i].value != GW_CACHE_NONE) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s=%u ",
                                   time[i].word, time[i].value);
        }
    }

    for (i = 0; i < names->n; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "[%.*s] ",
                               (int) names->name[i].len,
                               names->name[i].data);
    }

    if (n) {
        text[n - 1] = '\0';
    }

    return text;
}


typedef struct {
    const char  *value;     /* lines of "\n" */
    const char  *expected;
} row_t;


static void
cache_control(const char *clause, const row_t *row, size_t n)
{
    size_t               i, line;
    char                 text[1000];
    const gw_text_t     *value;
    cache_fields_t       f;
    gw_cache_names_t     names;
    gw_cache_control_t   c;
    const gw_text_t      name = gw_cache_text("c");

    for (i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "c:%s", row[i].value);

        gw_cache_control_init(&c);
        names.n = names.overflow = 0;
        line = 0;

        cache_fields(&f, text);

        while ((value = gw_cache_line(&f.fields, &name, &line)) != NULL) {
            gw_cache_control_line(&c, *value, &names);
        }

        is_str(shown(&c, &names), row[i].expected, "%s: %s", clause,
               row[i].value);
    }
}


static const row_t  secs[] = {
    { "max-age=3600", "max-age=3600" },
    { "max-age=0", "max-age=0" },
    { "max-age=003600", "max-age=3600" },
    { "MaX-aGe=5", "max-age=5" },
    { "max-age=2147483647", "max-age=2147483647" },
    { "max-age=2147483648", "max-age=2147483648" },
    { "max-age=2147483649", "max-age=2147483648" },
    { "max-age=99999999999", "max-age=2147483648" },
    { "max-age=18446744073709551617", "max-age=2147483648" },
    { "max-age=99999999999999999999999999999999999999999999",
      "max-age=2147483648" },

    /* token or quoted string (5.2); any other value is stale (4.2.1) */
    { "max-age=\"3600\"", "max-age=3600" },
    { "max-age='3600'", "max-age=0" },
    { "max-age=-3600", "max-age=0" },
    { "max-age=+3600", "max-age=0" },
    { "max-age=3600.0", "max-age=0" },
    { "max-age=3600.5", "max-age=0" },
    { "max-age=a3600", "max-age=0" },
    { "max-age=3600a", "max-age=0" },
    { "max-age=0x10", "max-age=0" },
    { "max-age=", "max-age=0" },
    { "max-age", "max-age=0" },
    { "max-age=\"\"", "max-age=0" },
    { "max-age=\"36\"00", "max-age=0" },
    { "max-age =3600", "max-age=0" },
    { "max-age= 3600", "max-age=0" },
    { "max-age=36 00", "max-age=0" },
    { "max-age=3600;x", "max-age=0" },
    { "s-maxage=x", "s-maxage=0" },

    /* of several values, the first is used (4.2.1) */
    { "max-age=1800, max-age=1", "max-age=1800" },
    { "max-age=1, max-age=1800", "max-age=1" },
    { "max-age=1800\nc: max-age=1", "max-age=1800" },
    { "max-age=x, max-age=1800", "max-age=0" },
    { "s-maxage=1, max-age=2", "max-age=2 s-maxage=1" },
    { "max-age=2\nc: s-maxage=1", "max-age=2 s-maxage=1" },

    /* RFC 5861: a value that is no number of seconds is ignored */
    { "stale-while-revalidate=30", "swr=30" },
    { "stale-while-revalidate=0", "swr=0" },
    { "stale-while-revalidate", "" },
    { "stale-while-revalidate=-1", "" },
    { "stale-if-error=60, stale-if-error=5", "sie=60" },
    { "stale-if-error=x", "" },

    /* 5.2.1 */
    { "min-fresh=20", "min-fresh=20" },
    { "min-fresh", "" },
    { "max-stale=20", "max-stale=20" },
    { "max-stale", "max-stale=2147483648" },
    { "max-stale=x", "" },
    { "max-stale=", "" },
};


static void
seconds(void)
{

    cache_control("1.2.2", secs, CACHE_N(secs));
}


static void
directives(void)
{
    static const row_t  row[] = {
        { "", "" },
        { " , ,, ", "" },
        { "no-store", "no-store" },
        { "No-StOrE", "no-store" },
        { "no-store=1", "no-store" },
        { "no-stores", "" },
        { "xno-store", "" },
        { "no-store , public", "no-store public" },
        { "public,must-revalidate,\tproxy-revalidate",
          "public must-revalidate proxy-revalidate" },
        { "must-understand, no-store", "no-store must-understand" },
        { "only-if-cached", "only-if-cached" },
        { "nothing-to-see-here, foo=bar, max-age=1", "max-age=1" },
        { "=, =x, max-age=1", "max-age=1" },

        /* text in quoted strings is no directive */
        { "x=\"max-age=3600\", max-age=1", "max-age=1" },
        { "max-age=1, x=\"no-store, max-age=3600\"", "max-age=1" },
        { "x=\"a\\\", no-store, \", max-age=1", "max-age=1" },
        { "x=\"a\\\\\", no-store", "no-store" },

        /* an unterminated quoted string */
        { "max-age=1, x=\"no-store", "MALFORMED max-age=1" },
        { "x=\", max-age=3600", "MALFORMED" },
        { "x=\"\\\", max-age=3600", "MALFORMED" },
        { "max-age=5\nc: x=\"\nc: max-age=3600", "MALFORMED max-age=5" },

        /* names of fields (5.2.2.4, 5.2.2.7) */
        { "no-cache", "no-cache" },
        { "no-cache=\"a\"", "[a]" },
        { "no-cache=\"a, B\"", "[a] [B]" },
        { "no-cache=a", "[a]" },
        { "no-cache=\"\"", "no-cache" },
        { "no-cache=\" , \"", "no-cache" },
        { "no-cache=", "no-cache" },
        { "no-cache=\"a b\"", "no-cache" },
        { "no-cache=\"a, no-cache", "no-cache MALFORMED" },
        { "no-cache =\"a\"", "no-cache" },
        { "private=\"set-cookie\"", "[set-cookie]" },
        { "private=\"a\", no-cache=\"b\", private", "private [a] [b]" },
        { "private=\"a\"x", "private" },
    };

    cache_control("5.2.2", row, CACHE_N(row));
}


static const row_t  aimed[] = {
    { "CDN-Cache-Control: max-age=3600", "1 max-age=3600" },
    { "CDN-Cache-Control: max-age=99999999999",
      "1 max-age=2147483648" },
    { "CDN-Cache-Control: max-age=999999999999999",
      "1 max-age=2147483648" },
    { "CDN-Cache-Control: max-age=9999999999999999", "0 " },
    { "CDN-Cache-Control: max-age=-1", "1 max-age=0" },
    { "CDN-Cache-Control: stale-if-error=-1, max-age=1",
      "1 max-age=1" },
    { "CDN-Cache-Control: foobar, max-age=3600", "1 max-age=3600" },
    { "CDN-Cache-Control: foobar", "1 " },
    { "CDN-Cache-Control: no-store", "1 no-store" },
    { "CDN-Cache-Control: no-store=?0, public", "1 public" },
    { "CDN-Cache-Control: no-store=?1", "1 no-store" },
    { "CDN-Cache-Control: no-store=5", "1 no-store" },
    { "CDN-Cache-Control: no-cache=\"a, b\"", "1 [a] [b]" },
    { "CDN-Cache-Control: no-cache=(\"a\" \"b\")", "1 no-cache" },
    { "CDN-Cache-Control: private=x", "1 [x]" },
    { "CDN-Cache-Control: max-age=1;x=\"y\";z, no-cache",
      "1 no-cache max-age=1" },

    /* of several values of a key, the last is used (RFC 8941, 3.2) */
    { "CDN-Cache-Control: max-age=1, max-age=2", "1 max-age=2" },
    { "CDN-Cache-Control: max-age=1\nCDN-Cache-Control: max-age=2",
      "1 max-age=2" },
    { "CDN-Cache-Control: no-store, no-store=?0", "1 " },

    /* ignored: not a dictionary, or a value of another type */
    { "CDN-Cache-Control:", "0 " },
    { "X: max-age=1", "0 " },
    { "CDN-Cache-Control: max-age=10000, &&&&&", "0 " },
    { "CDN-Cache-Control: max-age=\"10000\"", "0 " },
    { "CDN-Cache-Control: max-age=5.5", "0 " },
    { "CDN-Cache-Control: max-age", "0 " },
    { "CDN-Cache-Control: max-age=abc", "0 " },
    { "CDN-Cache-Control: MaX-aGe=3600", "0 " },
    { "CDN-Cache-Control: max-age =100", "0 " },
    { "CDN-Cache-Control: max-age= 100", "0 " },
    { "CDN-Cache-Control: max-age=100,", "0 " },
    { "CDN-Cache-Control: ,max-age=100", "0 " },
    { "CDN-Cache-Control: max-age=100 no-store", "0 " },
    { "CDN-Cache-Control: no-cache=\"a\", max-age=x", "0 " },
    { "CDN-Cache-Control: max-age=1\nCDN-Cache-Control: ?", "0 " },
};


static void
targeted(void)
{
    size_t              i;
    int                 found;
    cache_fields_t      f;
    gw_cache_names_t    names;
    gw_cache_control_t  c;
    const gw_text_t     name = gw_cache_text("cdn-cache-control");

    for (i = 0; i < CACHE_N(aimed); i++) {
        char  got[1100];

        gw_cache_control_init(&c);
        names.n = names.overflow = 0;

        found = gw_cache_control_targeted(&c, cache_fields(&f, aimed[i].value),
                                          &name, &names);
        snprintf(got, sizeof(got), "%d %s", found, shown(&c, &names));

        is_str(got, aimed[i].expected, "RFC 9213, 2.1: %s", aimed[i].value);
    }
}


/* RFC 8941, 4.2: number of members; -1: not a dictionary */

static void
structured(void)
{
    int             rc, n;
    size_t          i;
    gw_text_t       rest;
    gw_sf_member_t  member;
    static const struct {
        const char  *text;
        int          members;
    } row[] = {
        { "", 0 }, { "  ", 0 }, { "a", 1 }, { " a ", 1 }, { "a,b", 2 },
        { "a\t,\tb", 2 }, { "a b", -1 }, { "a,", -1 }, { ",a", -1 },
        { "*a_-.*9=1", 1 }, { "1=1", -1 }, { "A", -1 }, { "-a", -1 },
        { "a=1", 1 }, { "a=-1", 1 }, { "a=-", -1 }, { "a=+1", -1 },
        { "a=1.5", 1 }, { "a=1.", -1 }, { "a=.5", -1 },
        { "a=1.123", 1 }, { "a=1.1234", -1 },
        { "a=123456789012.1", 1 }, { "a=1234567890123.1", -1 },
        { "a=123456789012345", 1 }, { "a=1234567890123456", -1 },
        { "a=\"\"", 1 }, { "a=\"b\\\"c\\\\\"", 1 }, { "a=\"b\\c\"", -1 },
        { "a=\"b", -1 }, { "a=\"b\\", -1 }, { "a=\"\x7f\"", -1 },
        { "a=\"\xc3\xa9\"", -1 }, { "a=\"\t\"", -1 },
        { "a=tok/en:x", 1 }, { "a=*t", 1 }, { "a=/t", -1 },
        { "a=:YWI=:", 1 }, { "a=::", 1 }, { "a=:YWI=", -1 },
        { "a=:Y I:", -1 },
        { "a=?0", 1 }, { "a=?1", 1 }, { "a=?2", -1 }, { "a=?", -1 },
        { "a=()", 1 }, { "a=(1 \"b\" c)", 1 }, { "a=( 1  2 )", 1 },
        { "a=(1;x=2 3);y", 1 }, { "a=(1\"b\")", -1 }, { "a=(1", -1 },
        { "a=(1,2)", -1 }, { "a=((1))", -1 }, { "a=(1\t2)", -1 },
        { "a;b", 1 }, { "a;b=1;c=?0", 1 }, { "a; b", 1 }, { "a ;b", -1 },
        { "a;", -1 }, { "a;B", -1 }, { "a=1;b=(1)", -1 }, { "a=", -1 },
        { "a=@1", -1 }, { "a=&", -1 }
    };

    for (i = 0; i < CACHE_N(row); i++) {
        rest = cache_text(row[i].text);
        n = 0;

        while ((rc = gw_sf_next(&rest, &member)) == 1) {
            n++;
        }

        is_int(rc ? rc : n, row[i].members, "RFC 8941, 4.2: %s",
               row[i].text);
    }
}


/* as many names as there is room for, and one more */

static void
bounds(void)
{
    size_t              i, n;
    char                text[GW_CACHE_NAMES * 3 + 20];
    char                field[sizeof(text) + 20];
    gw_text_t           line;
    cache_fields_t      f;
    gw_cache_names_t    names;
    gw_cache_control_t  c;
    const gw_text_t     name = gw_cache_text("c");

    for (n = GW_CACHE_NAMES; n <= GW_CACHE_NAMES + 1; n++) {
        strcpy(text, "private=\"");

        for (i = 0; i < n; i++) {
            strcat(text, "a, ");
        }

        strcat(text, "\"");
        line = cache_text(text);
        names.n = names.overflow = 0;
        gw_cache_control_init(&c);
        gw_cache_control_line(&c, line, &names);

        is_int(names.n, GW_CACHE_NAMES, "%zu names", n);
        is_int(names.overflow, n > GW_CACHE_NAMES, "%zu names: more", n);

        /* names of an ignored field are not stored */

        snprintf(field, sizeof(field), "c:%s,&", text);
        names.n = names.overflow = 0;
        is_int(gw_cache_control_targeted(&c, cache_fields(&f, field), &name,
                                         &names), 0, "%zu names: ignored", n);
        is_int(names.n + names.overflow, 0, "%zu names: not kept", n);
    }
}


int
main(void)
{
    seconds();
    directives();
    targeted();
    structured();
    bounds();

    return done_testing();
}
