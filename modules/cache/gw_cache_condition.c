/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_condition.h"
#include "gw_http_date.h"

#include <string.h>


static const gw_text_t  gw_cache_n_date = gw_cache_text("date");
static const gw_text_t  gw_cache_n_etag = gw_cache_text("etag");
static const gw_text_t  gw_cache_n_modified = gw_cache_text("last-modified");
static const gw_text_t  gw_cache_n_length = gw_cache_text("content-length");
static const gw_text_t  gw_cache_n_none_match =
    gw_cache_text("if-none-match");
static const gw_text_t  gw_cache_n_modified_since =
    gw_cache_text("if-modified-since");
static const gw_text_t  gw_cache_n_range = gw_cache_text("range");
static const gw_text_t  gw_cache_n_if_range = gw_cache_text("if-range");


/* the ranges of a request that have been read so far */

typedef struct {
    uint64_t              length;           /* of the stored response */
    uint64_t              first;
    uint64_t              last;
    unsigned              satisfiable;      /* their number, at most 2 */
} gw_cache_ranges_t;


void
gw_cache_validator_read(gw_cache_validator_t *v,
    const gw_cache_fields_t *fields, int64_t received)
{
    gw_text_t  value;

    v->etag.len = v->modified.len = 0;
    v->etag.data = v->modified.data = NULL;
    v->last_modified = 0;
    v->strong = 0;

    if (gw_cache_single(fields, &gw_cache_n_etag, &value) == 1) {
        v->etag = value;
    }

    if (!gw_cache_single(fields, &gw_cache_n_date, &value)
        || !gw_http_date(&value, received, &v->date))
    {
        v->date = received;
    }

    if (gw_cache_single(fields, &gw_cache_n_modified, &value) == 1
        && gw_http_date(&value, received, &v->last_modified))
    {
        v->modified = value;

        /* RFC 9110, 8.8.2.2: it is at least one second older than Date */

        v->strong = (v->last_modified < v->date);
    }
}


/* entity tags */

static int
gw_cache_etag_weak(const gw_text_t *etag)
{
    return etag->len >= 2 && etag->data[0] == 'W' && etag->data[1] == '/';
}


static gw_text_t
gw_cache_etag_opaque(const gw_text_t *etag)
{
    gw_text_t  opaque;

    opaque = *etag;

    if (gw_cache_etag_weak(etag)) {
        opaque.data += 2;
        opaque.len -= 2;
    }

    return opaque;
}


/* RFC 9110, 8.8.3.2 */

static int
gw_cache_etag_match(const gw_text_t *one, const gw_text_t *two)
{
    gw_text_t  a, b;

    a = gw_cache_etag_opaque(one);
    b = gw_cache_etag_opaque(two);

    return a.len && gw_cache_equal(&a, &b);
}


static int
gw_cache_etag_match_strong(const gw_text_t *one, const gw_text_t *two)
{
    return one->len && !gw_cache_etag_weak(one) && gw_cache_equal(one, two);
}


/*
 * The next member of a list of entity tags.  These are not quoted strings: a
 * backslash is a byte like any other (RFC 9110, 8.8.3).
 */

static int
gw_cache_etag_next(gw_text_t *list, gw_text_t *etag)
{
    size_t   i;
    int      quoted;

    do {
        if (list->len == 0) {
            return 0;
        }

        quoted = 0;

        for (i = 0; i < list->len; i++) {

            if (list->data[i] == '"') {
                quoted = !quoted;

            } else if (list->data[i] == ',' && !quoted) {
                break;
            }
        }

        etag->data = list->data;
        etag->len = i;
        gw_cache_trim(etag);

        i += (i < list->len);
        list->data += i;
        list->len -= i;

    } while (etag->len == 0);

    return 1;
}


/* 1 or 0: whether a tag matches; -1: there is no such field */

static int
gw_cache_none_match(const gw_cache_fields_t *req,
    const gw_cache_validator_t *v)
{
    int               found;
    size_t            i;
    gw_text_t         list, etag;
    const gw_text_t  *line;

    found = -1;
    i = 0;

    while ((line = gw_cache_line(req, &gw_cache_n_none_match, &i)) != NULL) {

        if (gw_cache_is(line, "*")) {
            return 1;
        }

        found = 0;
        list = *line;

        while (gw_cache_etag_next(&list, &etag)) {
            if (gw_cache_etag_match(&etag, &v->etag)) {
                return 1;
            }
        }
    }

    return found;
}


int
gw_cache_not_modified(const gw_cache_fields_t *req, unsigned status,
    const gw_cache_validator_t *v, int64_t now)
{
    int        match;
    int64_t    since;
    gw_text_t  value;

    if (status < 200 || status > 299) {
        return 0;
    }

    match = gw_cache_none_match(req, v);

    if (match != -1) {
        return match;
    }

    if (gw_cache_single(req, &gw_cache_n_modified_since, &value) != 1
        || !gw_http_date(&value, now, &since))
    {
        return 0;
    }

    /* without Last-Modified, Date is used instead (RFC 9111, 4.3.2) */

    return (v->modified.len ? v->last_modified : v->date) <= since;
}


int
gw_cache_field_in_304(const gw_text_t *name, const gw_cache_validator_t *v)
{
    static const gw_text_t  without[] = {
        gw_cache_text("content-type"), gw_cache_text("content-length"),
        gw_cache_text("content-encoding"), gw_cache_text("content-language"),
        gw_cache_text("content-range"), gw_cache_text("accept-ranges")
    };

    if (gw_cache_among(name, without, sizeof(without) / sizeof(without[0]))) {
        return 0;
    }

    return v->etag.len == 0 || !gw_cache_same(name, &gw_cache_n_modified);
}


/* ranges */

static void
gw_cache_range_add(gw_cache_ranges_t *r, uint64_t first, uint64_t last)
{
    if (r->satisfiable == 0) {
        r->first = first;
        r->last = (last < r->length) ? last : r->length - 1;
    }

    if (r->satisfiable < 2) {
        r->satisfiable++;
    }
}


/* one of the ranges (RFC 9110, 14.1.1); -1: it is invalid */

static int
gw_cache_range_read(gw_cache_ranges_t *r, gw_text_t *member)
{
    int       from;
    uint64_t  first, last;

    from = gw_cache_digits(member, &first);

    if (member->len == 0 || member->data[0] != '-') {
        return -1;
    }

    member->data++;
    member->len--;

    if (!gw_cache_digits(member, &last)) {

        if (!from || member->len) {
            return -1;
        }

        last = UINT64_MAX;
    }

    if (member->len || (from && first > last)) {
        return -1;
    }

    if (!from) {

        /* the last bytes, or the whole body if it is shorter */

        if (last) {
            gw_cache_range_add(r, (last < r->length) ? r->length - last : 0,
                               UINT64_MAX);
        }

    } else if (first < r->length) {
        gw_cache_range_add(r, first, last);
    }

    return 0;
}


/* RFC 9110, 13.1.5: strong comparison of a tag or a date */

static int
gw_cache_if_range(const gw_cache_fields_t *req, const gw_cache_validator_t *v,
    int64_t now)
{
    int        lines;
    int64_t    date;
    gw_text_t  value;

    lines = gw_cache_single(req, &gw_cache_n_if_range, &value);

    if (lines != 1) {
        return lines == 0;
    }

    if (gw_http_date(&value, now, &date)) {
        return v->modified.len && v->strong && date == v->last_modified;
    }

    return value.len >= 2 && value.data[0] == '"'
           && gw_cache_etag_match_strong(&value, &v->etag);
}


gw_cache_range_e
gw_cache_range(const gw_cache_fields_t *req, gw_cache_method_e method,
    unsigned status, const gw_cache_validator_t *v, uint64_t length,
    int64_t now, uint64_t *first, uint64_t *last)
{
    unsigned           members;
    gw_text_t          value, member;
    gw_cache_ranges_t  r;

    if (method != GW_CACHE_GET || status != 200
        || gw_cache_single(req, &gw_cache_n_range, &value) != 1
        || value.len < sizeof("bytes=") - 1
        || !gw_cache_lower_is(value.data, "bytes=", sizeof("bytes=") - 1)
        || !gw_cache_if_range(req, v, now))
    {
        return GW_CACHE_WHOLE;
    }

    value.data += sizeof("bytes=") - 1;
    value.len -= sizeof("bytes=") - 1;

    r.length = length;
    r.first = r.last = 0;
    r.satisfiable = 0;
    members = 0;

    while (gw_cache_member(&value, &member)) {
        members = 1;

        if (gw_cache_range_read(&r, &member) != 0) {
            return GW_CACHE_WHOLE;
        }
    }

    /* Content-Range cannot describe a part of an empty body */

    if (members == 0 || r.satisfiable > 1 || (r.satisfiable && length == 0)) {
        return GW_CACHE_WHOLE;
    }

    *first = r.first;
    *last = r.last;

    return r.satisfiable ? GW_CACHE_PART : GW_CACHE_NOT_SATISFIABLE;
}


/* validation */

int
gw_cache_validates(const gw_cache_fields_t *fields,
    const gw_cache_validator_t *v, int64_t now)
{
    gw_cache_validator_t  fresh;

    gw_cache_validator_read(&fresh, fields, now);

    if (fresh.etag.len) {
        return gw_cache_etag_weak(&fresh.etag)
               ? gw_cache_etag_match(&fresh.etag, &v->etag)
               : gw_cache_etag_match_strong(&fresh.etag, &v->etag);
    }

    if (fresh.modified.len) {
        return v->modified.len && fresh.last_modified == v->last_modified;
    }

    return 1;
}


int
gw_cache_head_updates(const gw_cache_fields_t *fields,
    const gw_cache_validator_t *v, uint64_t length, int64_t now)
{
    uint64_t              n;
    gw_text_t             value;
    gw_cache_validator_t  fresh;

    gw_cache_validator_read(&fresh, fields, now);

    if (fresh.etag.len && !gw_cache_equal(&fresh.etag, &v->etag)) {
        return 0;
    }

    if (fresh.modified.len
        && (v->modified.len == 0 || fresh.last_modified != v->last_modified))
    {
        return 0;
    }

    switch (gw_cache_single(fields, &gw_cache_n_length, &value)) {

    case 0:
        return 1;

    case 1:
        return gw_cache_digits(&value, &n) && value.len == 0 && n == length;

    default:
        return 0;
    }
}
