/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Reads the text around the consumers of a file; jansson reads each consumer:
 * see gw_consumer_build.h.
 */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_kind.h"
#include "gw_consumer_build.h"
#include "gw_consumer_member.h"


#define GW_CONSUMER_JSON  (JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK)
#define GW_CONSUMER_SCAN  (1024 * 1024)   /* bytes scanned in a step */


typedef gw_consumer_step_e (*gw_builder_step_pt)(gw_consumer_builder_t *b);

struct gw_consumer_builder_s {
    const char           *text;
    size_t                len;
    size_t                pos;
    size_t                counted;   /* lines before it are in "line" */
    size_t                line;
    gw_builder_step_pt    step;
    gw_consumer_step_e    result;    /* of the last step */
    gw_consumer_draft_t   draft;
};


static gw_consumer_step_e gw_builder_start(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_scan(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_index(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_open(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_mistaken(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_consumer(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_close(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_finish(gw_consumer_builder_t *b);
static gw_consumer_step_e gw_builder_ended(gw_consumer_builder_t *b);

static json_t *gw_builder_load(gw_consumer_builder_t *b);
static void gw_builder_bad_json(gw_consumer_builder_t *b,
    const json_error_t *error);
static void gw_builder_twice(gw_consumer_builder_t *b,
    const json_error_t *error);
static gw_consumer_step_e gw_builder_broken(gw_consumer_builder_t *b,
    const char *sentence);
static int gw_builder_next(gw_consumer_builder_t *b);
static int gw_builder_take(gw_consumer_builder_t *b, const char *token);
static void gw_builder_at(gw_consumer_builder_t *b, size_t pos);


gw_consumer_builder_t *
gw_consumer_builder_create(const char *text, size_t len, void *block,
    size_t size, int peppers, gw_consumer_mistake_pt report, void *data)
{
    gw_consumer_builder_t  *b;

    b = calloc(1, sizeof(gw_consumer_builder_t));
    if (b == NULL) {
        return NULL;
    }

    b->text = text;
    b->len = len;
    b->line = 1;
    b->step = gw_builder_start;

    b->draft.peppers = peppers;
    b->draft.mistakes.report = report;
    b->draft.mistakes.data = data;

    gw_consumer_writer_init(&b->draft.writer, block, size, len);

    return b;
}


gw_consumer_step_e
gw_consumer_builder_step(gw_consumer_builder_t *b)
{
    return b->step(b);
}


size_t
gw_consumer_builder_mistakes(const gw_consumer_builder_t *b)
{
    return b->draft.mistakes.count;
}


size_t
gw_consumer_builder_size(const gw_consumer_builder_t *b)
{
    return (size_t) (b->draft.writer.used + b->draft.writer.tail);
}


void
gw_consumer_builder_free(gw_consumer_builder_t *b)
{
    free(b);
}


static gw_consumer_step_e
gw_builder_start(gw_consumer_builder_t *b)
{
    if (b->len >= 3 && memcmp(b->text, "\xef\xbb\xbf", 3) == 0) {
        return gw_builder_broken(b, "the file begins with a byte order mark, "
                                 "which JSON does not allow");
    }

    if (gw_kind((const unsigned char *) b->text, b->len) == GW_KIND_UTF16) {
        return gw_builder_mistaken(b);
    }

    if (b->len > INT_MAX) {
        return gw_builder_broken(b, "the file is larger than 2 GB");
    }

    b->step = gw_builder_scan;

    return GW_CONSUMER_MORE;
}


/*
 * jansson's position is wrong after a NUL that follows a number, and it counts
 * bytes in an int: both are rejected before.
 */

static gw_consumer_step_e
gw_builder_scan(gw_consumer_builder_t *b)
{
    size_t       n;
    const char  *nul;

    n = b->len - b->pos;

    if (n == 0) {
        b->pos = 0;
        return gw_builder_index(b);
    }

    if (n > GW_CONSUMER_SCAN) {
        n = GW_CONSUMER_SCAN;
    }

    nul = memchr(b->text + b->pos, '\0', n);

    if (nul != NULL) {
        b->pos = (size_t) (nul - b->text);
        return gw_builder_broken(b, "the file contains a NUL byte");
    }

    b->pos += n;

    return GW_CONSUMER_MORE;
}


/* in steps: the first use of memory is slow */

static gw_consumer_step_e
gw_builder_index(gw_consumer_builder_t *b)
{
    b->step = gw_builder_index;

    if (gw_consumer_writer_index(&b->draft.writer)) {
        return GW_CONSUMER_MORE;
    }

    return gw_builder_open(b);
}


static gw_consumer_step_e
gw_builder_open(gw_consumer_builder_t *b)
{
    static const char *const  tokens[] = { "{", "\"consumers\"", ":", "[" };

    size_t  i;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        if (!gw_builder_take(b, tokens[i])) {
            return gw_builder_mistaken(b);
        }
    }

    if (gw_builder_take(b, "]")) {
        return gw_builder_close(b);
    }

    b->step = gw_builder_consumer;

    return GW_CONSUMER_MORE;
}


/* reports what the file is instead */

static gw_consumer_step_e
gw_builder_mistaken(gw_consumer_builder_t *b)
{
    char       sentence[GW_CONSUMER_MISTAKE];
    gw_kind_e  kind;

    kind = gw_kind((const unsigned char *) b->text, b->len);

    (void) snprintf(sentence, sizeof(sentence),
                    "the file must begin with { \"consumers\": [%s%s",
                    kind == GW_KIND_OBJECT ? "" : ", it ",
                    gw_kind_sentence(kind));

    return gw_builder_broken(b, sentence);
}


static gw_consumer_step_e
gw_builder_consumer(gw_consumer_builder_t *b)
{
    json_t                  *consumer;
    gw_consumer_mistakes_t  *m;

    m = &b->draft.mistakes;
    m->in_consumer = 1;

    consumer = gw_builder_load(b);
    if (consumer == NULL) {
        return gw_builder_finish(b);
    }

    gw_consumer_member_read(&b->draft, consumer);
    json_decref(consumer);

    m->in_consumer = 0;
    m->consumer++;

    if (gw_builder_take(b, ",")) {
        return (gw_builder_next(b) != ']')
               ? GW_CONSUMER_MORE
               : gw_builder_broken(b, "a comma must not precede the closing "
                                   "bracket of the consumers");
    }

    if (!gw_builder_take(b, "]")) {
        return gw_builder_broken(b, "a comma or a closing bracket is missing "
                                 "after a consumer");
    }

    return gw_builder_close(b);
}


static gw_consumer_step_e
gw_builder_close(gw_consumer_builder_t *b)
{
    const gw_consumer_writer_t  *w;

    if (gw_builder_next(b) == ',') {
        return gw_builder_broken(b, "the file has more members than "
                                 "\"consumers\"");
    }

    if (!gw_builder_take(b, "}")) {
        return gw_builder_broken(b, "the closing brace of the file is "
                                 "missing");
    }

    if (gw_builder_next(b) != -1) {
        return gw_builder_broken(b, "the file has bytes after its end");
    }

    gw_builder_at(b, b->pos);
    w = &b->draft.writer;

    if (w->full) {
        gw_consumer_mistake(&b->draft.mistakes, NULL, "the consumers take %zu "
                            "bytes, more than the %zu that are available",
                            gw_consumer_builder_size(b), (size_t) w->size);
    }

    return gw_builder_finish(b);
}


static gw_consumer_step_e
gw_builder_finish(gw_consumer_builder_t *b)
{
    gw_consumer_mistakes_t  *m;

    m = &b->draft.mistakes;
    gw_consumer_mistakes_end(m);

    b->result = m->count ? GW_CONSUMER_WRONG : GW_CONSUMER_DONE;
    b->step = gw_builder_ended;

    if (b->result == GW_CONSUMER_DONE) {
        gw_consumer_writer_finish(&b->draft.writer);
    }

    return b->result;
}


static gw_consumer_step_e
gw_builder_ended(gw_consumer_builder_t *b)
{
    return b->result;
}


/*
 * After a duplicate member, the consumer is checked with the last of the two.
 * Returns NULL if the text is not JSON.
 */

static json_t *
gw_builder_load(gw_consumer_builder_t *b)
{
    json_t        *value;
    size_t         left;
    const char    *text;
    json_error_t   error;

    (void) gw_builder_next(b);
    gw_builder_at(b, b->pos);

    text = b->text + b->pos;
    left = b->len - b->pos;

    value = json_loadb(text, left, GW_CONSUMER_JSON | JSON_REJECT_DUPLICATES,
                       &error);

    if (value == NULL
        && json_error_code(&error) == json_error_duplicate_key)
    {
        gw_builder_twice(b, &error);
        value = json_loadb(text, left, GW_CONSUMER_JSON, &error);
    }

    if (value == NULL) {
        gw_builder_bad_json(b, &error);
        return NULL;
    }

    b->pos += (size_t) error.position;

    return value;
}


/* jansson's message without the text after "near": it may be a secret */

static void
gw_builder_bad_json(gw_consumer_builder_t *b, const json_error_t *error)
{
    int          len;
    const char  *near;

    near = strstr(error->text, " near ");
    len = near ? (int) (near - error->text) : (int) strlen(error->text);

    if (len == 0) {
        gw_consumer_mistake(&b->draft.mistakes, NULL, "memory ran out");
        return;
    }

    b->draft.mistakes.line += (size_t) error->line - 1;

    gw_consumer_mistake(&b->draft.mistakes, NULL,
                        "is not well-formed JSON: %.*s", len, error->text);
}


/* the text after "near" is the name of the member, if it is short */

static void
gw_builder_twice(gw_consumer_builder_t *b, const json_error_t *error)
{
    size_t       len, line;
    const char  *p;

    line = b->draft.mistakes.line;
    b->draft.mistakes.line += (size_t) error->line - 1;

    p = strstr(error->text, " near '");
    p = p ? p + strlen(" near '") : "";
    len = strspn(p, "\"abcdefghijklmnopqrstuvwxyz0123456789_");

    if (len > 0 && strcmp(p + len, "'") == 0) {
        gw_consumer_mistake(&b->draft.mistakes, NULL,
                            "has the member %.*s twice", (int) len, p);

    } else {
        gw_consumer_mistake(&b->draft.mistakes, NULL,
                            "has a duplicate member");
    }

    b->draft.mistakes.line = line;
}


/* a syntax error of the file, which ends the check */

static gw_consumer_step_e
gw_builder_broken(gw_consumer_builder_t *b, const char *sentence)
{
    gw_builder_at(b, b->pos);
    b->draft.mistakes.in_consumer = 0;

    gw_consumer_mistake(&b->draft.mistakes, NULL, "%s", sentence);

    return gw_builder_finish(b);
}


/* skips white space; returns the next byte, not yet read, or -1 at the end */

static int
gw_builder_next(gw_consumer_builder_t *b)
{
    for ( /* void */ ; b->pos < b->len; b->pos++) {

        switch (b->text[b->pos]) {

        case ' ':
        case '\t':
        case '\n':
        case '\r':
            continue;

        default:
            return (unsigned char) b->text[b->pos];
        }
    }

    return -1;
}


static int
gw_builder_take(gw_consumer_builder_t *b, const char *token)
{
    size_t  len;

    len = strlen(token);

    if (gw_builder_next(b) == -1 || b->len - b->pos < len
        || memcmp(b->text + b->pos, token, len) != 0)
    {
        return 0;
    }

    b->pos += len;

    return 1;
}


/* sets the line of further mistakes to that of this byte */

static void
gw_builder_at(gw_consumer_builder_t *b, size_t pos)
{
    const char  *p, *end;

    p = b->text + b->counted;
    end = b->text + pos;

    while (p < end) {
        p = memchr(p, '\n', (size_t) (end - p));

        if (p == NULL) {
            break;
        }

        b->line++;
        p++;
    }

    b->counted = pos;
    b->draft.mistakes.line = b->line;
}
