/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists of revoked tokens: see gw_revoked.h.
 *
 * Each claim has a secret of its own, so that a line is found by the hash of
 * the value alone.  The table has at least two slots for each line of the text,
 * and never grows.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_json.h"
#include "gw_json_scan.h"
#include "gw_kind.h"
#include "gw_rfc3339.h"
#include "gw_siphash.h"
#include "gw_revoked.h"


#define GW_REVOKED_LINES  256           /* of one step */
#define GW_REVOKED_SLOTS  16            /* of the smallest table */

#define GW_REVOKED_SECOND  (sizeof("2027-01-31T00:00:00") - 1)


typedef struct {
    gw_text_t             name;
    uint64_t              secret[2];
} gw_revoked_claim_t;


typedef struct {
    uint64_t              hash;         /* 0: the slot is free */
    double                before;       /* seconds since the epoch; INFINITY:
                                           whenever the token was issued */
} gw_revoked_slot_t;


struct gw_revoked_s {
    const unsigned char  *next;         /* of the text: the next line */
    const unsigned char  *end;
    size_t                line;         /* lines that were read */

    uint64_t              secret[2];
    gw_revoked_claim_t    claims[GW_REVOKED_CLAIMS];
    size_t                nclaims;

    gw_revoked_slot_t    *slots;
    size_t                mask;         /* their number, a power of two, - 1 */
};


/* a line without its end; "p" moves over the fields */

typedef struct {
    const unsigned char  *p;
    const unsigned char  *end;
} gw_revoked_line_t;


static int gw_revoked_begin(gw_revoked_t *list);
static const char *gw_revoked_next_line(gw_revoked_t *list);
static const char *gw_revoked_line(gw_revoked_t *list, gw_revoked_line_t *line);
static const char *gw_revoked_value(gw_revoked_line_t *line,
    gw_json_slice_t *value);
static const char *gw_revoked_time(gw_revoked_line_t *line, double *before);
static double gw_revoked_fraction(const gw_text_t *time);
static const char *gw_revoked_field(gw_revoked_line_t *line, gw_text_t *field);
static int gw_revoked_skip(gw_revoked_line_t *line);
static const char *gw_revoked_add_claim(gw_revoked_t *list,
    const gw_text_t *name, const gw_revoked_claim_t **found);
static const char *gw_revoked_add(gw_revoked_t *list,
    const gw_revoked_claim_t *claim, const gw_json_slice_t *value,
    double before);
static void gw_revoked_put(gw_revoked_t *list,
    const gw_revoked_claim_t *claim, const unsigned char *value, size_t len,
    double before);
static gw_revoked_slot_t *gw_revoked_slot(const gw_revoked_t *list,
    const gw_revoked_claim_t *claim, const unsigned char *value, size_t len,
    uint64_t *hash);
static const unsigned char *gw_revoked_text(const json_t *claim,
    unsigned char *buf, size_t *len);
static int gw_revoked_earlier(const json_t *iat, double before);


static const char  gw_revoked_no_memory[] = "no memory";


gw_revoked_t *
gw_revoked_create(const unsigned char *text, size_t len,
    const uint64_t secret[2])
{
    gw_revoked_t  *list;

    list = calloc(1, sizeof(gw_revoked_t));
    if (list == NULL) {
        return NULL;
    }

    list->next = text;
    list->end = text + len;
    memcpy(list->secret, secret, sizeof(list->secret));

    return list;
}


gw_revoked_e
gw_revoked_step(gw_revoked_t *list, char *err, size_t size)
{
    int          n;
    gw_kind_e    kind;
    const char  *why;

    if (list->slots == NULL) {
        kind = gw_kind(list->next, (size_t) (list->end - list->next));

        if (kind == GW_KIND_BOM || kind == GW_KIND_UTF16) {
            (void) snprintf(err, size, "%s", gw_kind_sentence(kind));
            return GW_REVOKED_WRONG;
        }

        if (!gw_revoked_begin(list)) {
            (void) snprintf(err, size, "%s", gw_revoked_no_memory);
            return GW_REVOKED_WRONG;
        }

        return GW_REVOKED_MORE;
    }

    for (n = 0; n < GW_REVOKED_LINES; n++) {

        if (list->next == list->end) {
            return GW_REVOKED_DONE;
        }

        why = gw_revoked_next_line(list);

        if (why != NULL) {
            (void) snprintf(err, size, "line %zu: %s", list->line, why);
            return GW_REVOKED_WRONG;
        }
    }

    return GW_REVOKED_MORE;
}


/* calloc() of a large table takes no time: its pages are zero already */

static int
gw_revoked_begin(gw_revoked_t *list)
{
    size_t                n, slots;
    const unsigned char  *p;

    n = 1;

    for (p = list->next; p < list->end; p++) {

        p = memchr(p, '\n', (size_t) (list->end - p));
        if (p == NULL) {
            break;
        }

        n++;
    }

    for (slots = GW_REVOKED_SLOTS; slots < 2 * n; slots *= 2) { /* void */ }

    list->slots = calloc(slots, sizeof(gw_revoked_slot_t));
    list->mask = slots - 1;

    return list->slots != NULL;
}


static const char *
gw_revoked_next_line(gw_revoked_t *list)
{
    gw_revoked_line_t     line;
    const unsigned char  *lf;

    lf = memchr(list->next, '\n', (size_t) (list->end - list->next));

    line.p = list->next;
    line.end = lf ? lf : list->end;

    list->line++;
    list->next = lf ? lf + 1 : list->end;

    if (line.end > line.p && line.end[-1] == '\r') {
        line.end--;
    }

    if (!gw_revoked_skip(&line) || *line.p == '#') {
        return NULL;
    }

    return gw_revoked_line(list, &line);
}


/* returns what is wrong; NULL: nothing is */

static const char *
gw_revoked_line(gw_revoked_t *list, gw_revoked_line_t *line)
{
    double                     before;
    gw_text_t                  name;
    const char                *why;
    gw_json_slice_t            value;
    const gw_revoked_claim_t  *claim;

    before = INFINITY;

    if ((why = gw_revoked_field(line, &name)) != NULL) {
        return why;
    }

    if (memchr(name.data, '"', name.len) != NULL) {
        return "the name of the claim has a quote";
    }

    if (memchr(":,=", name.data[name.len - 1], 3) != NULL) {
        return "separate the claim and its value by a space only";
    }

    if (!gw_revoked_skip(line)) {
        return "has no value, write the claim and its value";
    }

    if ((why = gw_revoked_value(line, &value)) != NULL) {
        return why;
    }

    if (gw_revoked_skip(line)
        && (why = gw_revoked_time(line, &before)) != NULL)
    {
        return why;
    }

    if (gw_revoked_skip(line)) {
        return "has text after the time";
    }

    if ((why = gw_revoked_add_claim(list, &name, &claim)) != NULL) {
        return why;
    }

    return gw_revoked_add(list, claim, &value, before);
}


static const char *
gw_revoked_value(gw_revoked_line_t *line, gw_json_slice_t *value)
{
    const char           *why;
    const unsigned char  *p;

    if (*line->p == '"') {
        p = gw_json_scan_string(line->p, line->end, value);

        if (p == NULL) {
            return "a JSON string is malformed or not closed";
        }

        if (p < line->end && *p != ' ' && *p != '\t') {
            return "has text directly after a JSON string";
        }

        line->p = p;

        return NULL;
    }

    if (*line->p == '\'') {
        return "a value in single quotes, write it without quotes or as a "
               "JSON string";
    }

    value->escaped = 0;

    if ((why = gw_revoked_field(line, &value->text)) != NULL) {
        return why;
    }

    return memchr(value->text.data, '"', value->text.len) != NULL
           ? "a value with a quote must be a JSON string" : NULL;
}


static const char *
gw_revoked_time(gw_revoked_line_t *line, double *before)
{
    int64_t      seconds;
    gw_text_t    time;
    const char  *why;

    if ((why = gw_revoked_field(line, &time)) != NULL) {
        return why;
    }

    if (gw_rfc3339_parse((const char *) time.data, time.len, &seconds) != 0) {
        return "the time is not a date, write for example "
               "2027-01-31T00:00:00Z";
    }

    *before = (double) seconds + gw_revoked_fraction(&time);

    return NULL;
}


/* of a second, which gw_rfc3339_parse() has checked and left out */

static double
gw_revoked_fraction(const gw_text_t *time)
{
    size_t  i;
    double  sum, digit;

    sum = 0;
    digit = 1;

    if (time->data[GW_REVOKED_SECOND] != '.') {
        return 0;
    }

    for (i = GW_REVOKED_SECOND + 1;
         time->data[i] >= '0' && time->data[i] <= '9';
         i++)
    {
        digit /= 10;
        sum += digit * (time->data[i] - '0');
    }

    return sum;
}


/* bytes up to a blank, or an error: what no claim of a token can equal */

static const char *
gw_revoked_field(gw_revoked_line_t *line, gw_text_t *field)
{
    size_t                n;
    const unsigned char  *p;

    for (p = line->p; p < line->end && *p != ' ' && *p != '\t'; p += n) {

        if (*p < 0x20 || *p == 0x7f) {
            return "has a control character";
        }

        n = (*p < 0x80) ? 1 : gw_json_utf8(p, line->end);

        if (n == 0) {
            return "is not UTF-8";
        }
    }

    field->data = line->p;
    field->len = (size_t) (p - line->p);

    line->p = p;

    return NULL;
}


/* skips blanks; returns whether something is left */

static int
gw_revoked_skip(gw_revoked_line_t *line)
{
    while (line->p < line->end && (*line->p == ' ' || *line->p == '\t')) {
        line->p++;
    }

    return line->p < line->end;
}


/* an entry for the claim, with a new one if it has none */

static const char *
gw_revoked_add_claim(gw_revoked_t *list, const gw_text_t *name,
    const gw_revoked_claim_t **found)
{
    size_t               i;
    unsigned char       *copy;
    gw_revoked_claim_t  *claim;

    for (i = 0; i < list->nclaims; i++) {
        claim = &list->claims[i];

        if (claim->name.len == name->len
            && memcmp(claim->name.data, name->data, name->len) == 0)
        {
            *found = claim;
            return NULL;
        }
    }

    if (i == GW_REVOKED_CLAIMS) {
        return "more than 32 claims";
    }

    copy = malloc(name->len + 1);
    if (copy == NULL) {
        return gw_revoked_no_memory;
    }

    memcpy(copy, name->data, name->len);
    copy[name->len] = '\0';

    claim = &list->claims[list->nclaims++];

    claim->name.data = copy;
    claim->name.len = name->len;
    gw_siphash(list->secret, copy, name->len, claim->secret);

    *found = claim;

    return NULL;
}


static const char *
gw_revoked_add(gw_revoked_t *list, const gw_revoked_claim_t *claim,
    const gw_json_slice_t *value, double before)
{
    size_t          len;
    unsigned char  *text;

    if (!value->escaped) {
        gw_revoked_put(list, claim, value->text.data, value->text.len, before);
        return NULL;
    }

    text = malloc(value->text.len);
    if (text == NULL) {
        return gw_revoked_no_memory;
    }

    len = gw_json_unescape(value, text);
    gw_revoked_put(list, claim, text, len, before);

    free(text);

    return NULL;
}


/* of two lines with the same value, the one that revokes more tokens counts */

static void
gw_revoked_put(gw_revoked_t *list, const gw_revoked_claim_t *claim,
    const unsigned char *value, size_t len, double before)
{
    uint64_t            hash;
    gw_revoked_slot_t  *slot;

    slot = gw_revoked_slot(list, claim, value, len, &hash);

    if (slot->hash == 0 || slot->before < before) {
        slot->hash = hash;
        slot->before = before;
    }
}


/* the slot of the value, or the free one where it belongs */

static gw_revoked_slot_t *
gw_revoked_slot(const gw_revoked_t *list, const gw_revoked_claim_t *claim,
    const unsigned char *value, size_t len, uint64_t *hash)
{
    size_t    i;
    uint64_t  pair[2];

    gw_siphash(claim->secret, value, len, pair);

    *hash = pair[0] ? pair[0] : 1;

    for (i = pair[1] & list->mask;
         list->slots[i].hash != 0 && list->slots[i].hash != *hash;
         i = (i + 1) & list->mask)
    {
        /* void */
    }

    return &list->slots[i];
}


size_t
gw_revoked_claims(const gw_revoked_t *list)
{
    return list->nclaims;
}


const gw_text_t *
gw_revoked_claim(const gw_revoked_t *list, size_t i)
{
    return &list->claims[i].name;
}


int
gw_revoked_has(const gw_revoked_t *list, const json_t *claims)
{
    size_t                     i, len;
    uint64_t                   hash;
    unsigned char              buf[GW_JSON_NUMBER_SIZE];
    const json_t              *claim;
    const unsigned char       *value;
    const gw_revoked_slot_t   *slot;

    for (i = 0; i < list->nclaims; i++) {

        claim = json_object_get(claims,
                                (const char *) list->claims[i].name.data);
        value = gw_revoked_text(claim, buf, &len);

        if (value == NULL) {
            continue;
        }

        slot = gw_revoked_slot(list, &list->claims[i], value, len, &hash);

        if (slot->hash != 0
            && gw_revoked_earlier(json_object_get(claims, "iat"),
                                  slot->before))
        {
            return 1;
        }
    }

    return 0;
}


/* the text of a claim, which may be in "buf"; NULL: it equals no value */

static const unsigned char *
gw_revoked_text(const json_t *claim, unsigned char *buf, size_t *len)
{
    if (json_is_string(claim)) {
        *len = json_string_length(claim);
        return (const unsigned char *) json_string_value(claim);
    }

    if (json_is_number(claim)) {
        *len = gw_json_number(claim, buf);
        return buf;
    }

    if (json_is_boolean(claim)) {
        *len = json_is_true(claim) ? 4 : 5;
        return (const unsigned char *) (json_is_true(claim) ? "true"
                                                            : "false");
    }

    return NULL;
}


/*
 * A conversion to double is exact up to 2^53 and monotonic above, where no time
 * of a list is.
 */

static int
gw_revoked_earlier(const json_t *iat, double before)
{
    if (json_is_integer(iat)) {
        return (double) json_integer_value(iat) < before;
    }

    return !json_is_real(iat) || json_real_value(iat) < before;
}


void
gw_revoked_free(gw_revoked_t *list)
{
    size_t  i;

    if (list == NULL) {
        return;
    }

    for (i = 0; i < list->nclaims; i++) {
        free((void *) list->claims[i].name.data);
    }

    free(list->slots);
    free(list);
}
