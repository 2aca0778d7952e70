/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdlib.h>
#include <string.h>

#include "gw_claim.h"
#include "gw_json.h"


#define GW_CLAIM_MISMATCH  (-2)     /* the value is no text of the type */


/* where a parse of a path stands */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *last;
    char                 *out;
} gw_claim_reader_t;


static int gw_claim_is_url(const unsigned char *text, size_t len);
static const char *gw_claim_read_name(gw_claim_reader_t *in);
static const char *gw_claim_read_quoted(gw_claim_reader_t *in);
static const char *gw_claim_read_index(gw_claim_reader_t *in, size_t *index);
static size_t gw_claim_dotted_name(const unsigned char *token, size_t len,
    unsigned first, unsigned char *dst);
static int gw_claim_compare(const json_t *claim, const gw_text_t *value,
    int *order);
static int gw_claim_holds(const json_t *claim, const gw_text_t *value);


const char *
gw_claim_path_parse(gw_claim_path_t *path, char *buf,
    const unsigned char *text, size_t len)
{
    const char         *err;
    gw_claim_step_t    *step;
    gw_claim_reader_t   in;

    in.p = text;
    in.last = text + len;
    in.out = buf;

    path->n = 0;

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

    while (path->n == 0 || in.p < in.last) {

        if (path->n == GW_CLAIM_MAX_STEPS) {
            return "has too many steps";
        }

        step = &path->steps[path->n];

        if (path->n && *in.p == '[') {
            step->name = NULL;
            err = gw_claim_read_index(&in, &step->index);

        } else {

            if (path->n && *in.p++ != '.') {
                return "must have a dot between names";
            }

            step->name = in.out;
            step->index = 0;
            err = (in.p < in.last && *in.p == '"') ? gw_claim_read_quoted(&in)
                                                   : gw_claim_read_name(&in);
        }

        if (err) {
            return err;
        }

        path->n++;
    }

    return NULL;
}


/* "://" outside of the path's quotes: dots would take the name apart */

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

    *index = 0;
    digits = 0;

    for (in->p++; in->p < in->last && *in->p != ']'; in->p++) {

        if (*in->p < '0' || *in->p > '9' || ++digits > 6) {
            return "has an index that is no number";
        }

        *index = *index * 10 + (size_t) (*in->p - '0');
    }

    if (in->p == in->last || digits == 0) {
        return "has an index that is no number";
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

    /* RFC 6901, 3: each reference token has a "/" in front */

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


/* an index, or a name, which is quoted where a path needs it */

static size_t
gw_claim_dotted_name(const unsigned char *token, size_t len, unsigned first,
    unsigned char *dst)
{
    int             quoted;
    size_t          i, digits;
    unsigned char   c, *d;

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
        d += len;
        *d++ = ']';

        return (size_t) (d - dst);
    }

    if (!first) {
        *d++ = '.';
    }

    if (quoted) {
        *d++ = '"';
    }

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

    if (quoted) {
        *d++ = '"';
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

        /* both return NULL for another type */

        claims = step->name ? json_object_get(claims, step->name)
                            : json_array_get(claims, step->index);
    }

    return json_is_null(claims) ? NULL : claims;
}


/* RFC 8259, 6 */

static int
gw_claim_is_number(const char *s)
{
    s += (*s == '-');

    if (*s == '0') {
        s++;

    } else {
        if (*s < '1' || *s > '9') {
            return 0;
        }

        s += strspn(s, "0123456789");
    }

    if (*s == '.') {
        s++;

        if (strspn(s, "0123456789") == 0) {
            return 0;
        }

        s += strspn(s, "0123456789");
    }

    if (*s == 'e' || *s == 'E') {
        s++;
        s += (*s == '-' || *s == '+');

        if (strspn(s, "0123456789") == 0) {
            return 0;
        }

        s += strspn(s, "0123456789");
    }

    return *s == '\0';
}


/*
 * A real claim is a double, so a value with a fraction or an exponent is read
 * as one: 0.1 equals 0.1.  All else is compared as long doubles, which hold
 * every 64-bit integer and every double exactly where they have 64 bits of
 * mantissa, as on x86-64 and, with more, on arm64.
 */

static int
gw_claim_compare_number(const json_t *claim, const gw_text_t *value,
    int *order)
{
    char         text[64], *end;
    long double  a, b;

    if (value->len == 0 || value->len >= sizeof(text)) {
        return GW_CLAIM_MISMATCH;
    }

    memcpy(text, value->data, value->len);
    text[value->len] = '\0';

    if (strlen(text) != value->len || !gw_claim_is_number(text)) {
        return GW_CLAIM_MISMATCH;
    }

    a = json_is_integer(claim) ? (long double) json_integer_value(claim)
                               : (long double) json_real_value(claim);

    b = (json_is_real(claim) && strpbrk(text, ".eE"))
        ? (long double) strtod(text, &end) : strtold(text, &end);

    if (*end != '\0') {
        return GW_CLAIM_MISMATCH;
    }

    *order = (a > b) - (a < b);

    return 0;
}


static int
gw_claim_compare_bytes(const char *a, size_t alen, const gw_text_t *b)
{
    int     rc;
    size_t  n;

    n = alen < b->len ? alen : b->len;
    rc = n ? memcmp(a, b->data, n) : 0;

    if (rc) {
        return rc < 0 ? -1 : 1;
    }

    return (alen > b->len) - (alen < b->len);
}


static int
gw_claim_compare_boolean(const json_t *claim, const gw_text_t *value,
    int *order)
{
    int  truth;

    if (value->len == 4 && memcmp(value->data, "true", 4) == 0) {
        truth = 1;

    } else if (value->len == 5 && memcmp(value->data, "false", 5) == 0) {
        truth = 0;

    } else {
        return GW_CLAIM_MISMATCH;
    }

    *order = json_is_true(claim) - truth;

    return 0;
}


/* 0 with -1, 0 or 1 in "*order", or GW_CLAIM_MISMATCH */

static int
gw_claim_compare(const json_t *claim, const gw_text_t *value, int *order)
{
    switch (json_typeof(claim)) {

    case JSON_STRING:
        *order = gw_claim_compare_bytes(json_string_value(claim),
                                        json_string_length(claim), value);
        return 0;

    case JSON_INTEGER:
    case JSON_REAL:
        return gw_claim_compare_number(claim, value, order);

    case JSON_TRUE:
    case JSON_FALSE:
        return gw_claim_compare_boolean(claim, value, order);

    default:
        return GW_CLAIM_MISMATCH;
    }
}


static int
gw_claim_meets_scalar(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *value)
{
    int  order;

    if (gw_claim_compare(claim, value, &order) == GW_CLAIM_MISMATCH) {
        return 0;
    }

    if (json_is_boolean(claim) && op != GW_CLAIM_EQ && op != GW_CLAIM_NE) {
        return 0;
    }

    switch (op) {

    case GW_CLAIM_EQ:
        return order == 0;

    case GW_CLAIM_NE:
        return order != 0;

    case GW_CLAIM_GT:
        return order > 0;

    case GW_CLAIM_GE:
        return order >= 0;

    case GW_CLAIM_LT:
        return order < 0;

    case GW_CLAIM_LE:
        return order <= 0;

    default:
        return 0;
    }
}


/* a string is the set of its words and of itself */

static int
gw_claim_list_holds(const json_t *claim, const gw_text_t *value)
{
    size_t       n;
    const char  *p, *last;

    p = json_string_value(claim);
    last = p + json_string_length(claim);

    if (gw_claim_compare_bytes(p, (size_t) (last - p), value) == 0) {
        return 1;
    }

    while (p < last) {

        for (n = 0; p + n < last && p[n] != ' '; n++) { /* void */ }

        if (n && gw_claim_compare_bytes(p, n, value) == 0) {
            return 1;
        }

        p += n + 1;
    }

    return 0;
}


/* 1, 0, or GW_CLAIM_MISMATCH: no, and something could not be compared */

static int
gw_claim_holds(const json_t *claim, const gw_text_t *value)
{
    int      rc, order;
    size_t   i;

    if (json_is_string(claim)) {
        return gw_claim_list_holds(claim, value);
    }

    if (!json_is_array(claim)) {
        rc = gw_claim_compare(claim, value, &order);
        return (rc == 0) ? order == 0 : rc;
    }

    rc = 0;

    for (i = 0; i < json_array_size(claim); i++) {

        if (gw_claim_compare(json_array_get(claim, i), value, &order) != 0) {
            rc = GW_CLAIM_MISMATCH;

        } else if (order == 0) {
            return 1;
        }
    }

    return rc;
}


static int
gw_claim_meets_set(const json_t *claim, gw_claim_op_e op,
    const gw_text_t *values, size_t n)
{
    int     rc;
    size_t  i;

    if (json_is_object(claim)) {
        return 0;
    }

    for (i = 0; i < n; i++) {

        rc = gw_claim_holds(claim, &values[i]);

        switch (op) {

        case GW_CLAIM_ANY:
            if (rc == 1) {
                return 1;
            }

            break;

        case GW_CLAIM_ALL:
            if (rc != 1) {
                return 0;
            }

            break;

        default: /* GW_CLAIM_NONE */
            if (rc != 0) {
                return 0;
            }

            break;
        }
    }

    return op != GW_CLAIM_ANY;
}


int
gw_claim_meets(const json_t *claim, gw_claim_op_e op, const gw_text_t *values,
    size_t n)
{
    if (op == GW_CLAIM_ABSENT) {
        return claim == NULL;
    }

    if (claim == NULL) {
        return 0;
    }

    switch (op) {

    case GW_CLAIM_EXISTS:
        return 1;

    case GW_CLAIM_ANY:
    case GW_CLAIM_ALL:
    case GW_CLAIM_NONE:
        return gw_claim_meets_set(claim, op, values, n);

    default:
        return gw_claim_meets_scalar(claim, op, &values[0]);
    }
}


size_t
gw_claim_text(const json_t *value, char separator, unsigned char *dst)
{
    size_t         i, len, n;
    const json_t  *member;

    if (json_is_string(value)) {
        len = json_string_length(value);

        if (dst) {
            memcpy(dst, json_string_value(value), len);
        }

        return len;
    }

    if (!json_is_array(value)) {
        return gw_json_text(value, dst);
    }

    len = 0;

    for (i = 0; i < json_array_size(value); i++) {

        if (i) {
            if (dst) {
                dst[len] = (unsigned char) separator;
            }

            len++;
        }

        member = json_array_get(value, i);

        /* an array inside of an array is JSON: no separator is left for it */

        n = json_is_string(member)
            ? gw_claim_text(member, separator, dst ? dst + len : NULL)
            : gw_json_text(member, dst ? dst + len : NULL);

        len += n;
    }

    return len;
}


static int
gw_claim_is_name(const json_t *value, char separator)
{
    size_t                i, len;
    const unsigned char  *p;

    if (!json_is_string(value) || json_string_length(value) == 0) {
        return 0;
    }

    p = (const unsigned char *) json_string_value(value);
    len = json_string_length(value);

    for (i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f
            || p[i] == (unsigned char) separator)
        {
            return 0;
        }
    }

    return 1;
}


size_t
gw_claim_names(const json_t *value, char separator, unsigned char *dst)
{
    size_t         i, n, len;
    const json_t  *member;

    if (json_is_string(value)) {

        /* '\0' cannot stand in a string: only control characters are judged */

        if (!gw_claim_is_name(value, separator == ' ' ? '\0' : separator)) {
            return 0;
        }

        return gw_claim_text(value, separator, dst);
    }

    len = 0;

    for (i = 0; i < json_array_size(value); i++) {

        member = json_array_get(value, i);

        if (!gw_claim_is_name(member, separator)) {
            continue;
        }

        if (len) {
            if (dst) {
                dst[len] = (unsigned char) separator;
            }

            len++;
        }

        n = gw_claim_text(member, separator, dst ? dst + len : NULL);
        len += n;
    }

    return len;
}
