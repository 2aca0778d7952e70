/* SPDX-License-Identifier: BSD-2-Clause */

/* the table of verified tokens: its rules, and a comparison with a model */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_known.h"
#include "tap.h"


#define SIZE      GW_KNOWN_MIN_SIZE
#define LARGEST   (SIZE / GW_KNOWN_SHARE)

#define TEXTS     24            /* of the model */
#define LIVE      3             /* key sets at a time */
#define ENDPOINT  1             /* the number of an endpoint */
#define HELD      6
#define STEPS     200000


#define END32  "0123456789abcdef0123456789abcdef"


static const uint64_t  secret[2] = { 11, 12 };


/* a token with header and claims; "alg" NULL: an endpoint's answer */

typedef struct {
    gw_jws_t         jws;
    json_t          *claims;
    size_t           len;
    unsigned char   *text;
    unsigned char    payload[4];
    unsigned char    signature[3];
} token_t;


static token_t *
token_of(const char *text, size_t len)
{
    token_t  *token;

    token = calloc(1, sizeof(token_t));

    token->text = malloc(len ? len : 1);
    memcpy(token->text, text, len);
    token->len = len;

    memcpy(token->payload, "load", 4);
    memcpy(token->signature, "sig", 3);

    token->jws.alg = gw_jwa;
    token->jws.header = json_pack("{ss}", "alg", "RS256");
    token->jws.input = token->text;
    token->jws.input_len = len / 2;
    token->jws.payload = token->payload;
    token->jws.payload_len = 4;
    token->jws.signature = token->signature;
    token->jws.signature_len = 3;

    token->claims = json_pack("{sssi}", "sub", "alice", "exp", 1);

    return token;
}


static token_t *
token(const char *text)
{
    return token_of(text, strlen(text));
}


static token_t *
long_token(size_t len)
{
    char     *text;
    token_t  *made;

    text = malloc(len);
    memset(text, 'x', len);
    made = token_of(text, len);
    free(text);

    return made;
}


static void
end(token_t *t)
{
    is_int((long long) t->claims->refcount, 1, "    all claims were released");
    is_int((long long) t->jws.header->refcount, 1, "    all headers, too");

    json_decref(t->claims);
    gw_jws_release(&t->jws);
    free(t->text);
    free(t);
}


static gw_known_t *
add(gw_known_table_t *table, const token_t *t, uint64_t source)
{
    return gw_known_add(table, &t->jws, t->claims, t->text, t->len, source,
                        GW_KNOWN_FOREVER, NULL, NULL);
}


static gw_known_t *
answer(gw_known_table_t *table, const token_t *t, uint64_t source,
    int64_t until)
{
    gw_jws_t  jws;

    memset(&jws, 0, sizeof(gw_jws_t));

    return gw_known_add(table, &jws, t->claims, t->text, t->len, source, until,
                        NULL, NULL);
}


static gw_known_t *
find(gw_known_table_t *table, const token_t *t)
{
    return gw_known_find(table, t->text, t->len);
}


static gw_known_t *
with(gw_known_table_t *table, const token_t *t, uint64_t source, int64_t now)
{
    return gw_known_with(table, t->text, t->len, &source, 1, now);
}


static int
is_dead(void *data, uint64_t source)
{
    uint64_t *dead = data;

    return source != *dead;
}


static void
test_bytes(void)
{
    size_t             i;
    token_t           *t[6];
    gw_known_t        *known;
    gw_known_table_t  *table;

    /* equal ends, a prefix, a longer one, short ones */

    static const char *const  texts[] = {
        "a.." END32, "b.." END32, END32, "aa.." END32, "x", ""
    };

    table = gw_known_create(SIZE, secret);

    for (i = 0; i < 6; i++) {
        t[i] = token(texts[i]);
        ok(find(table, t[i]) == NULL, "\"%s\" is not known", texts[i]);
        known = add(table, t[i], 7);
        ok(find(table, t[i]) == known && known->len == t[i]->len,
           "    and is found when it was added");
    }

    is_int((long long) gw_known_count(table), 6, "each is another token");

    known = find(table, t[0]);
    memset(t[0]->text, '-', t[0]->len);
    memset(t[0]->payload, '-', 4);
    memset(t[0]->signature, '-', 3);

    is_bytes(known->text, known->len, texts[0], "an entry has its own text");
    is_bytes(known->jws.payload, known->jws.payload_len, "load",
             "    its own payload");
    is_bytes(known->jws.signature, known->jws.signature_len, "sig",
             "    and signature");
    ok(known->jws.input == known->text
       && known->jws.input_len == t[0]->jws.input_len,
       "    the input is in its text");
    ok(known->claims == t[0]->claims && known->jws.header == t[0]->jws.header,
       "    header and claims are shared");

    gw_known_destroy(table);

    for (i = 0; i < 6; i++) {
        end(t[i]);
    }
}


/* many tokens with the same end must not share a bucket */

static void
test_ends(void)
{
    size_t             i;
    token_t           *t[2];
    gw_known_t        *known[2];
    gw_known_table_t  *table;

    static const struct {
        const char  *one;
        const char  *other;
        int          same;
        const char  *name;
    } cases[] = {
        { "a.b." END32, "c.d." END32, 1, "three parts" },
        { "a" END32, "c" END32, 0, "one part" },
        { "a.b" END32, "c.d" END32, 0, "two parts" },
        { "a.b.c." END32, "d.e.f." END32, 0, "four parts" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        table = gw_known_create(SIZE, secret);

        t[0] = token(cases[i].one);
        t[1] = token(cases[i].other);
        known[0] = add(table, t[0], 7);
        known[1] = add(table, t[1], 7);

        ok((known[0]->hash == known[1]->hash) == cases[i].same,
           "%s: tokens with the same end have %s", cases[i].name,
           cases[i].same ? "the same hash" : "different ones");
        ok(find(table, t[0]) == known[0] && find(table, t[1]) == known[1],
           "    and both are found");

        gw_known_destroy(table);
        end(t[0]);
        end(t[1]);
    }
}


static void
test_sources(void)
{
    uint64_t           many[3], dead;
    token_t           *t;
    gw_known_t        *one, *two;
    gw_known_table_t  *table;

    table = gw_known_create(SIZE, secret);
    t = token("token" END32);

    one = add(table, t, 7);
    ok(with(table, t, 7, 0) == one, "an entry serves its source");
    ok(with(table, t, 6, 0) == NULL && with(table, t, 8, 0) == NULL,
       "    and no other one");

    many[0] = 5;
    many[1] = 6;
    many[2] = 7;
    ok(gw_known_with(table, t->text, t->len, many, 3, 0) == one,
       "it serves where its source is one of several");
    ok(gw_known_with(table, t->text, t->len, many, 2, 0) == NULL
       && gw_known_with(table, t->text, t->len, many, 0, 0) == NULL,
       "    not where it is none of them");

    ok(add(table, t, 7) == one && gw_known_count(table) == 1,
       "the same source again adds no entry");

    two = add(table, t, 8);
    ok(two != one && gw_known_count(table) == 2, "another source adds one");
    ok(with(table, t, 7, 0) == one && with(table, t, 8, 0) == two,
       "    and both serve");

    dead = 7;
    ok(gw_known_add(table, &t->jws, t->claims, t->text, t->len, 9,
                    GW_KNOWN_FOREVER, is_dead, &dead)
       == one && one->source == 9 && gw_known_count(table) == 2,
       "an entry of a dead source gets the new number");
    ok(with(table, t, 7, 0) == NULL && with(table, t, 9, 0) == one,
       "    and serves the new source only");

    dead = 8;
    ok(gw_known_add(table, &t->jws, t->claims, t->text, t->len, 9,
                    GW_KNOWN_FOREVER, is_dead, &dead)
       != NULL && gw_known_count(table) == 1,
       "a further entry of a dead source goes");

    gw_known_destroy(table);
    end(t);
}


static void
test_kinds(void)
{
    gw_jws_t           none;
    uint64_t           dead;
    token_t           *t, *u;
    gw_known_t        *one, *two;
    gw_known_table_t  *table;

    table = gw_known_create(SIZE, secret);
    t = token("token" END32);
    u = token("token" END32);

    one = answer(table, t, 1, 100);
    ok(find(table, t) == NULL, "an answer is no verified signature");
    ok(with(table, t, 1, 99) == one, "    it counts before it ends");
    ok(with(table, t, 1, 100) == NULL && gw_known_count(table) == 0,
       "    and is dropped then");

    one = answer(table, t, 1, 100);
    two = add(table, t, 7);
    ok(two != one && find(table, t) == two,
       "a signature is found beside an answer");
    one = answer(table, t, 1, 200);
    ok(find(table, t) == two && gw_known_count(table) == 2,
       "    also beside a newer one");

    two = answer(table, u, 1, 150);
    ok(with(table, t, 1, 0) == two && two->claims == u->claims
       && two->until == 150 && gw_known_count(table) == 2,
       "a new answer replaces the former one");

    dead = 7;
    memset(&none, 0, sizeof(gw_jws_t));
    (void) gw_known_add(table, &none, u->claims, u->text, u->len, 1, 160,
                        is_dead, &dead);
    ok(find(table, t) == NULL && gw_known_count(table) == 1,
       "an answer takes no entry of a dead key set over");

    dead = 1;
    one = gw_known_add(table, &t->jws, t->claims, t->text, t->len, 7,
                       GW_KNOWN_FOREVER, is_dead, &dead);
    ok(one->jws.alg != NULL && one->claims == t->claims
       && gw_known_count(table) == 1,
       "nor does a signature take an answer over");

    gw_known_destroy(table);
    end(t);
    end(u);
}


static void
test_references(void)
{
    token_t           *t;
    gw_known_t        *known;
    gw_known_table_t  *table;

    table = gw_known_create(SIZE, secret);
    t = token("token" END32);

    known = gw_known_ref(gw_known_ref(add(table, t, 7)));
    gw_known_drop(table, known);

    ok(find(table, t) == NULL && gw_known_count(table) == 0
       && gw_known_used(table) == 0, "a dropped entry is not found");

    gw_known_drop(table, known);
    gw_known_unref(known);
    ok(known->claims == t->claims && known->text[0] == 't',
       "it lives while it is in use");
    is_int((long long) t->claims->refcount, 2, "    and its claims, too");

    gw_known_unref(known);
    is_int((long long) t->claims->refcount, 1, "    but no longer");

    known = gw_known_ref(add(table, t, 7));
    gw_known_unref(known);
    ok(find(table, t) == known, "an entry stays when its use ends");

    (void) gw_known_ref(known);
    gw_known_destroy(table);
    is_int((long long) t->claims->refcount, 2, "it outlives the table");
    gw_known_unref(known);

    gw_known_destroy(NULL);
    end(t);
}


/* an entry of "size" bytes */

static token_t *
token_sized(gw_known_table_t *table, size_t size)
{
    size_t       len;
    token_t     *t;
    gw_known_t  *known;

    t = long_token(1000);
    known = add(table, t, 7);
    len = 1000 + size - known->size;
    gw_known_drop(table, known);
    end(t);

    return long_token(len);
}


static void
test_size(void)
{
    size_t             i;
    token_t           *t[GW_KNOWN_SHARE + 1];
    gw_known_table_t  *table;

    ok(gw_known_create(SIZE - 1, secret) == NULL, "a smaller table is refused");

    table = gw_known_create(SIZE, secret);

    t[0] = token_sized(table, LARGEST + 1);
    ok(add(table, t[0], 7) == NULL && gw_known_count(table) == 0,
       "an entry above its share of the table is not added");
    end(t[0]);

    for (i = 0; i <= GW_KNOWN_SHARE; i++) {
        t[i] = token_sized(table, LARGEST);
        t[i]->text[0] = (unsigned char) ('a' + i);
    }

    for (i = 0; i < GW_KNOWN_SHARE; i++) {
        ok(add(table, t[i], 7) != NULL, "the largest entry is added");
    }

    is_int((long long) gw_known_used(table), SIZE, "the table is full");
    is_int((long long) gw_known_count(table), GW_KNOWN_SHARE, "    with all");

    (void) find(table, t[0]);
    (void) add(table, t[GW_KNOWN_SHARE], 7);

    is_int((long long) gw_known_used(table), SIZE, "it stays full");
    ok(find(table, t[0]) != NULL && find(table, t[1]) == NULL
       && find(table, t[2]) != NULL,
       "    without the entry that was used least recently");

    gw_known_destroy(table);

    for (i = 0; i <= GW_KNOWN_SHARE; i++) {
        end(t[i]);
    }
}


static void
test_accounting(void)
{
    token_t           *t;
    gw_known_t        *known;
    gw_known_table_t  *table;

    table = gw_known_create(SIZE, secret);
    t = token("token" END32);
    known = add(table, t, 7);

    is_int((long long) known->size,
           (long long) (sizeof(gw_known_t) + t->len + 4 + 3
                        + gw_json_memory(t->claims)
                        + gw_json_memory(t->jws.header)),
           "an entry's size has its bytes, claims and header");

    gw_known_destroy(table);
    end(t);
}


/* --- the model: a list of entries, the last used first */

typedef struct {
    unsigned      text;
    uint64_t      source;
    size_t        size;
    gw_known_t   *known;
} entry_t;


static token_t           *texts[TEXTS];
static entry_t            model[4 * TEXTS];
static size_t             entries;
static uint64_t           live[LIVE];
static uint64_t           numbers;
static gw_known_t        *held[HELD];
static gw_known_table_t  *tested;
static unsigned           failed;


static unsigned
dice(unsigned n)
{
    static uint64_t  state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (unsigned) (state % n);
}


static int
is_live(void *data, uint64_t source)
{
    unsigned  i;

    (void) data;

    for (i = 0; i < LIVE; i++) {
        if (live[i] == source) {
            return 1;
        }
    }

    return source == ENDPOINT;
}


static void
model_remove(size_t i)
{
    entries--;
    memmove(&model[i], &model[i + 1], (entries - i) * sizeof(entry_t));
}


static void
model_first(size_t i)
{
    entry_t  e;

    e = model[i];
    memmove(&model[1], &model[0], i * sizeof(entry_t));
    model[0] = e;
}


/* "known" must be an entry of "text"; with a source, of that one */

static void
model_used(gw_known_t *known, unsigned text, uint64_t source)
{
    size_t    i;
    unsigned  there;

    there = 0;

    for (i = 0; i < entries; i++) {
        if (model[i].text != text
            || (source ? model[i].source != source
                       : model[i].source == ENDPOINT))
        {
            continue;
        }

        there = 1;

        if (model[i].known == known) {
            failed |= known->source != model[i].source;
            model_first(i);
            return;
        }
    }

    failed |= there || known != NULL;
}


static void
model_add(unsigned text, uint64_t source)
{
    size_t       i, used, found;
    entry_t      e;
    gw_known_t  *known;

    known = (source == ENDPOINT)
            ? answer(tested, texts[text], source, GW_KNOWN_FOREVER)
            : gw_known_add(tested, &texts[text]->jws, texts[text]->claims,
                           texts[text]->text, texts[text]->len, source,
                           GW_KNOWN_FOREVER, is_live, NULL);
    if (known == NULL) {
        failed = 1;
        return;
    }

    found = (size_t) -1;

    for (i = 0; i < entries; i++) {
        if (model[i].text == text && model[i].known == known
            && source != ENDPOINT)
        {
            found = i;
        }
    }

    for (i = entries; i-- > 0; /* void */ ) {
        if (i == found || model[i].text != text
            || (model[i].source != source
                && (source == ENDPOINT || is_live(NULL, model[i].source))))
        {
            continue;
        }

        model_remove(i);
        found -= (found != (size_t) -1 && i < found);
    }

    if (found != (size_t) -1) {
        model[found].source = source;
        model_first(found);
        return;
    }

    for (i = 0, used = 0; i < entries; i++) {
        used += model[i].size;
    }

    while (used + known->size > SIZE) {
        used -= model[--entries].size;
    }

    e.text = text;
    e.source = source;
    e.size = known->size;
    e.known = known;

    model[entries] = e;
    model_first(entries++);
}


/* the table has the model's entries, in the same order of their use */

static void
model_compare(void)
{
    size_t       i, used;
    gw_known_t  *known;

    known = entries ? model[0].known : NULL;

    for (i = 0, used = 0; i < entries && known != NULL; i++) {
        used += model[i].size;

        failed |= known != model[i].known || !known->listed
                  || known->source != model[i].source
                  || known->len != texts[model[i].text]->len
                  || known->newer != (i ? model[i - 1].known : NULL);
        known = known->older;
    }

    failed |= known != NULL || i != entries || gw_known_count(tested) != entries
              || gw_known_used(tested) != used || used > SIZE;
}


static void
model_step(void)
{
    unsigned  text, n;
    uint64_t  source;

    text = dice(TEXTS);
    n = dice(LIVE + 1);
    source = (n == LIVE) ? ENDPOINT : live[n];

    switch (dice(8)) {

    case 0: case 1: case 2:
        model_add(text, source);
        break;

    case 3: case 4:
        model_used(find(tested, texts[text]), text, 0);
        break;

    case 5:
        model_used(with(tested, texts[text], source, 0), text, source);
        break;

    case 6:
        n = dice(HELD);

        if (held[n] != NULL) {
            failed |= held[n]->claims->refcount < 2;
            gw_known_unref(held[n]);
            held[n] = NULL;

        } else if (entries) {
            held[n] = gw_known_ref(model[dice((unsigned) entries)].known);
        }

        break;

    case 7:
        if (dice(4) == 0) {
            live[dice(LIVE)] = ++numbers;

        } else if (entries) {
            n = dice((unsigned) entries);
            gw_known_drop(tested, model[n].known);
            model_remove(n);
        }

        break;
    }
}


static void
test_model(void)
{
    unsigned  i;
    size_t    len;
    char      text[6000];

    tested = gw_known_create(SIZE, secret);
    numbers = ENDPOINT;

    for (i = 0; i < LIVE; i++) {
        live[i] = ++numbers;
    }

    memset(text, 'm', sizeof(text));

    for (i = 0; i < TEXTS; i++) {

        /* four at a time have the same end; some differ in one byte only */

        len = (i % 3) ? 40 + 200 * i : 5000;
        text[0] = (char) ('a' + i);
        text[len - 1] = (char) ('a' + i / 4);
        texts[i] = token_of(text, len);
        text[len - 1] = 'm';
    }

    for (i = 0; i < STEPS && !failed; i++) {
        model_step();
        model_compare();
    }

    is_int(i, STEPS, "the table does what the model does");

    for (i = 0; i < HELD; i++) {
        if (held[i] != NULL) {
            gw_known_unref(held[i]);
        }
    }

    gw_known_destroy(tested);

    for (i = 0; i < TEXTS; i++) {
        end(texts[i]);
    }
}


int
main(void)
{
    test_bytes();
    test_ends();
    test_sources();
    test_kinds();
    test_references();
    test_size();
    test_accounting();
    test_model();

    return done_testing();
}
