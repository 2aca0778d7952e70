/* SPDX-License-Identifier: BSD-2-Clause */

#include <string.h>

#include "gw_claim_path.h"


/* of at most 6 digits */
#define GW_CLAIM_INDEX_ERROR                                                  \
    "has an index that is not a number from 0 to 999999"


/* the state of a parse: names are copied to "out" */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *last;
    char                 *out;
} gw_claim_reader_t;


static int gw_claim_is_url(const unsigned char *text, size_t len);
static const char *gw_claim_read_step(gw_claim_reader_t *in,
    gw_claim_step_t *step, int first);
static const char *gw_claim_read_name(gw_claim_reader_t *in);
static const char *gw_claim_read_quoted(gw_claim_reader_t *in);
static const char *gw_claim_read_index(gw_claim_reader_t *in, size_t *index);
static size_t gw_claim_dotted_name(const unsigned char *token, size_t len,
    unsigned first, unsigned char *dst);
static size_t gw_claim_unescape(const unsigned char *token, size_t len,
    int quoted, unsigned char *dst);


const char *
gw_claim_path_parse(gw_claim_path_t *path, char *buf,
    const unsigned char *text, size_t len)
{
    const char         *err;
    gw_claim_reader_t   in;

    if (len && text[0] == '/') {
        return "begins with \"/\"";
    }

    if (len > 1 && text[0] == '$' && text[1] == '.') {
        return "begins with \"$.\"";
    }

    if (gw_claim_is_url(text, len)) {
        memcpy(buf, text, len);
        buf[len] = '\0';

        path->n = 1;
        path->steps[0].name = buf;
        path->steps[0].index = 0;

        return NULL;
    }

    in.p = text;
    in.last = text + len;
    in.out = buf;

    path->n = 0;

    do {

        if (path->n == GW_CLAIM_MAX_STEPS) {
            return "has too many steps";
        }

        err = gw_claim_read_step(&in, &path->steps[path->n], path->n == 0);
        if (err) {
            return err;
        }

        path->n++;

    } while (in.p < in.last);

    return NULL;
}


/* "://" outside of double quotes: such a name has dots, which end no step */

static int
gw_claim_is_url(const unsigned char *text, size_t len)
{
    int     quoted;
    size_t  i;

    quoted = 0;

    for (i = 0; i + 3 <= len; i++) {

        if (text[i] == '"') {
            quoted = !quoted;

        } else if (quoted && text[i] == '\\') {
            i++;

        } else if (!quoted && memcmp(&text[i], "://", 3) == 0) {
            return 1;
        }
    }

    return 0;
}


static const char *
gw_claim_read_step(gw_claim_reader_t *in, gw_claim_step_t *step, int first)
{
    step->name = NULL;
    step->index = 0;

    if (!first && *in->p == '[') {
        return gw_claim_read_index(in, &step->index);
    }

    if (!first && *in->p++ != '.') {
        return "must have a dot between names";
    }

    step->name = in->out;

    return (in->p < in->last && *in->p == '"') ? gw_claim_read_quoted(in)
                                               : gw_claim_read_name(in);
}


static const char *
gw_claim_read_name(gw_claim_reader_t *in)
{
    const unsigned char  *start;

    start = in->p;

    while (in->p < in->last && *in->p != '.' && *in->p != '[') {

        if (*in->p == '"' || *in->p == ']') {
            return "has a name that must be quoted";
        }

        *in->out++ = (char) *in->p++;
    }

    if (in->p == start) {
        return "has an empty name";
    }

    *in->out++ = '\0';

    return NULL;
}


static const char *
gw_claim_read_quoted(gw_claim_reader_t *in)
{
    for (in->p++; in->p < in->last; in->p++) {

        if (*in->p == '"') {
            in->p++;
            *in->out++ = '\0';
            return NULL;
        }

        if (*in->p == '\\' && in->p + 1 < in->last) {
            in->p++;
        }

        *in->out++ = (char) *in->p;
    }

    return "has no closing quote";
}


static const char *
gw_claim_read_index(gw_claim_reader_t *in, size_t *index)
{
    size_t  digits;

    digits = 0;

    for (in->p++; in->p < in->last && *in->p != ']'; in->p++) {

        if (*in->p < '0' || *in->p > '9' || ++digits > 6) {
            return GW_CLAIM_INDEX_ERROR;
        }

        *index = *index * 10 + (size_t) (*in->p - '0');
    }

    if (in->p == in->last || digits == 0) {
        return GW_CLAIM_INDEX_ERROR;
    }

    in->p++;

    return NULL;
}


size_t
gw_claim_path_dotted(const unsigned char *text, size_t len,
    unsigned char *dst)
{
    size_t                n;
    const unsigned char  *p, *end, *last;

    last = text + len;

    if (len && text[0] == '$') {
        for (p = text + 1; p < last && *p == '.'; p++) { /* void */ }

        memcpy(dst, p, (size_t) (last - p));
        return (size_t) (last - p);
    }

    n = 0;

    /* RFC 6901, 3: a "/" precedes each reference token */

    for (p = text; p < last && *p == '/'; p = end) {
        p++;
        end = memchr(p, '/', (size_t) (last - p));

        if (end == NULL) {
            end = last;
        }

        n += gw_claim_dotted_name(p, (size_t) (end - p), n == 0, dst + n);
    }

    return n;
}


/* writes an index, or a name, in quotes if a path needs them */

static size_t
gw_claim_dotted_name(const unsigned char *token, size_t len, unsigned first,
    unsigned char *dst)
{
    int             quoted;
    size_t          i, digits;
    unsigned char  *d;

    quoted = (len == 0);
    digits = 0;

    for (i = 0; i < len; i++) {
        quoted |= (memchr(".[]\"", token[i], 4) != NULL);
        digits += (token[i] >= '0' && token[i] <= '9');
    }

    d = dst;

    if (!first && len && digits == len) {
        *d++ = '[';
        memcpy(d, token, len);
        d[len] = ']';

        return len + 2;
    }

    if (!first) {
        *d++ = '.';
    }

    if (quoted) {
        *d++ = '"';
    }

    d += gw_claim_unescape(token, len, quoted, d);

    if (quoted) {
        *d++ = '"';
    }

    return (size_t) (d - dst);
}


/* RFC 6901, 4: ~1 is "/", ~0 is "~" */

static size_t
gw_claim_unescape(const unsigned char *token, size_t len, int quoted,
    unsigned char *dst)
{
    size_t          i;
    unsigned char   c, *d;

    d = dst;

    for (i = 0; i < len; i++) {
        c = token[i];

        if (c == '~' && i + 1 < len
            && (token[i + 1] == '0' || token[i + 1] == '1'))
        {
            c = (token[++i] == '0') ? '~' : '/';
        }

        if (quoted && (c == '"' || c == '\\')) {
            *d++ = '\\';
        }

        *d++ = c;
    }

    return (size_t) (d - dst);
}


int
gw_claim_path_equal(const gw_claim_path_t *a, const gw_claim_path_t *b)
{
    unsigned                i;
    const gw_claim_step_t  *x, *y;

    if (a->n != b->n) {
        return 0;
    }

    for (i = 0; i < a->n; i++) {
        x = &a->steps[i];
        y = &b->steps[i];

        if ((x->name == NULL) != (y->name == NULL) || x->index != y->index
            || (x->name && strcmp(x->name, y->name) != 0))
        {
            return 0;
        }
    }

    return 1;
}


const json_t *
gw_claim_find(const json_t *claims, const gw_claim_path_t *path)
{
    unsigned                i;
    const gw_claim_step_t  *step;

    for (i = 0; i < path->n && claims; i++) {
        step = &path->steps[i];

        /* both return NULL if "claims" is of another type */

        claims = step->name ? json_object_get(claims, step->name)
                            : json_array_get(claims, step->index);
    }

    return json_is_null(claims) ? NULL : claims;
}
