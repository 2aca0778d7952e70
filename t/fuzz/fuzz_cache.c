/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A request, a response, a later request and the response to its validation,
 * with empty lines between them.  For any input, the policy does not read
 * outside of it and makes no forbidden decision.
 *
 * The first byte selects the configuration, the second the status, and the
 * third the time between the two requests.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/cache_fields.h"
#include "gw_cache_condition.h"
#include "gw_cache_merge.h"
#include "gw_cache_policy.h"
#include "gw_cache_status.h"
#include "gw_cache_uri.h"
#include "gw_cache_vary.h"
#include "gw_http_date.h"
#include "gw_sf.h"


#define NOW   1790000000LL
#define HEAD   3                /* bytes before the texts */
#define TEXTS  4


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


typedef struct {
    gw_cache_conf_t       conf;
    unsigned              status;
    unsigned              later;
    cache_fields_t        request;
    cache_fields_t        response;
    cache_fields_t        again;        /* a later request */
    cache_fields_t        fresh;        /* the response to its validation */
} input_t;


static const gw_text_t       names[] = {
    gw_cache_text("cdn-cache-control")
};

static const gw_text_t       normalize[] = {
    gw_cache_text("accept-encoding"), gw_cache_text("accept-language"),
    gw_cache_text("accept")
};

static const gw_cache_ttl_t  ttl[] = { { 200, 60 }, { 0, 10 } };


static void
check(int holds)
{
    if (!holds) {
        abort();
    }
}


static gw_cache_clock_t
at(uint32_t seconds)
{
    gw_cache_clock_t  clock;

    clock.wall = NOW + seconds;
    clock.monotonic = 1000 + (uint64_t) seconds * 1000;

    return clock;
}


static void
conf_of(gw_cache_conf_t *conf, uint8_t bits)
{
    memset(conf, 0, sizeof(gw_cache_conf_t));

    conf->methods = 1U << GW_CACHE_GET | 1U << GW_CACHE_HEAD
                    | 1U << GW_CACHE_POST;
    conf->request_control = (bits & 1) ? GW_CACHE_CONTROL_ALL
                                       : GW_CACHE_CONTROL_SAFE;
    conf->override = (bits >> 1 & 3) % 3;
    conf->set_cookie = (bits >> 3 & 3) % 3;
    conf->ttl = (bits & 0x20) ? ttl : NULL;
    conf->ttl_n = (bits & 0x20) ? 2 : 0;
    conf->ttl_max = GW_CACHE_NONE;
    conf->heuristic = (bits & 0x40) ? 10 : 0;
    conf->heuristic_max = 86400;
    conf->targeted = names;
    conf->targeted_n = (bits & 0x80) ? 1 : 0;
    conf->stale = GW_CACHE_STALE_ERROR|GW_CACHE_STALE_UPDATING;
    conf->stale_for = 100;
    conf->max_object = 1 << 20;
}


/* splits the input into texts at empty lines */

static void
input_of(input_t *in, const uint8_t *data, size_t size)
{
    size_t           i, len;
    const uint8_t   *end, *p;
    cache_fields_t  *text[TEXTS] = {
        &in->request, &in->response, &in->again, &in->fresh
    };

    conf_of(&in->conf, data[0]);
    in->status = 200 + (data[1] & 0x7f) * 3U;
    in->later = data[2] * 4U;

    data += HEAD;
    size -= HEAD;

    for (i = 0; i < TEXTS; i++) {
        len = size;

        for (p = data; (end = size ? memchr(p, '\n', (size_t) (data + size
                                                               - p)) : NULL);
             p = end + 1)
        {
            if (end + 1 == data + size || end[1] == '\n') {
                len = (size_t) (end - data);
                break;
            }
        }

        cache_fields_of(text[i], data, len);

        len += 2;
        len = (len < size) ? len : size;
        data += len;
        size -= len;
    }
}


/* whether the fields have a directive; does not use the parser under test */

static int
says(const gw_cache_fields_t *fields, const char *directive)
{
    size_t                   i, j, n;
    const gw_cache_field_t  *line;

    n = strlen(directive);

    for (i = 0; i < fields->n; i++) {
        line = &fields->line[i];

        if (!gw_cache_is(&line->name, "cache-control")
            || memchr(line->value.data, '"', line->value.len) != NULL)
        {
            continue;
        }

        for (j = 0; j + n <= line->value.len; j++) {

            if ((j == 0 || line->value.data[j - 1] == ',')
                && gw_cache_lower_is(line->value.data + j, directive, n)
                && (j + n == line->value.len
                    || line->value.data[j + n] == ','))
            {
                return 1;
            }
        }
    }

    return 0;
}


static int
has(const gw_cache_fields_t *fields, const char *name)
{
    size_t     i;
    gw_text_t  text;

    text = cache_text(name);
    i = 0;

    return gw_cache_line(fields, &text, &i) != NULL;
}


/* checks that the response may be stored */

static void
check_stored(const input_t *in, const gw_cache_request_t *req,
    const gw_cache_response_t *res, const gw_cache_entry_t *entry)
{
    const gw_cache_fields_t  *fields;

    fields = &in->response.fields;

    check(in->status != 206 && in->status != 304);
    check(!has(&in->request.fields, "range"));
    check(!has(fields, "trailer"));
    check(entry->lifetime <= GW_CACHE_FOREVER);
    check(entry->age <= GW_CACHE_FOREVER);

    if (in->conf.set_cookie == GW_CACHE_COOKIE_SKIP) {
        check(!has(fields, "set-cookie"));
    }

    if (says(&in->request.fields, "no-store")) {
        check(0);
    }

    if (has(&in->request.fields, "authorization")) {
        check(res->shared);
    }

    /* the other checks do not apply if Cache-Control is overridden */

    if (in->conf.override == GW_CACHE_OVERRIDE_ALL || res->targeted
        || has(fields, "x-accel-expires"))
    {
        return;
    }

    check(!says(fields, "private"));
    check(!says(fields, "no-store")
          || (res->control.flags & GW_CACHE_CC_MUST_UNDERSTAND));
    check(!says(fields, "no-cache")
          || (entry->flags & GW_CACHE_ENTRY_NO_CACHE));
    check(!says(fields, "must-revalidate")
          || (entry->flags & GW_CACHE_ENTRY_REVALIDATE));

    if (req->cookie) {
        check(entry->stated != GW_CACHE_NONE
              || (entry->flags & GW_CACHE_ENTRY_NO_CACHE));
    }
}


/* checks that the stored response may be sent, and that its age only grows */

static void
check_reused(const input_t *in, const gw_cache_entry_t *entry)
{
    int                 sent;
    uint32_t            i, before;
    gw_cache_clock_t    now;
    gw_cache_reuse_t    reuse;
    gw_cache_request_t  req;
    gw_cache_action_e   action;

    gw_cache_request_read(&req, GW_CACHE_GET, &in->again.fields);
    before = 0;

    for (i = 0; i < 3; i++) {
        now = at(in->later * i * i);
        gw_cache_reuse(&in->conf, &req, entry, &now, &reuse);
        sent = (reuse.action == GW_CACHE_SEND
                || reuse.action == GW_CACHE_SEND_REFRESH);

        check(gw_cache_age(entry, &now) >= before);
        before = gw_cache_age(entry, &now);
        check(before >= entry->age);

        if (reuse.action != GW_CACHE_BYPASS && sent) {
            check(reuse.age == before);
            check(reuse.stale == (reuse.ttl <= 0));
            check(!(entry->flags & GW_CACHE_ENTRY_NO_CACHE));
            check(!req.precondition);
            check(!reuse.stale
                  || !(entry->flags & GW_CACHE_ENTRY_REVALIDATE));
            check(!req.credentials
                  || (entry->flags & GW_CACHE_ENTRY_SHARED));
            check(!req.cookie || entry->stated != GW_CACHE_NONE);
        }

        if (in->conf.request_control == GW_CACHE_CONTROL_ALL
            && says(&in->again.fields, "no-cache"))
        {
            check(!sent);
        }

        if (says(&in->again.fields, "only-if-cached")) {
            check(sent || reuse.action == GW_CACHE_UNAVAILABLE);
        }

        action = gw_cache_on_error(&in->conf, &req, entry, &now,
                                   GW_CACHE_STALE_ERROR);
        check(action != GW_CACHE_SEND
              || !(entry->flags & (GW_CACHE_ENTRY_NO_CACHE
                                   |GW_CACHE_ENTRY_REVALIDATE)));
    }
}


/* an updated response has the stored length and no fields of the connection */

static void
check_merged(const input_t *in, const gw_cache_request_t *req)
{
    int                  n, i;
    size_t               read;
    gw_cache_clock_t     now;
    gw_cache_entry_t     entry;
    gw_cache_fields_t    merged;
    gw_cache_response_t  res;
    gw_cache_field_t     line[2 * CACHE_FIELDS];

    now = at(in->later);
    gw_cache_response_read(&res, &in->conf, 304, &in->fresh.fields, &now,
                           &now);

    n = gw_cache_merge(&in->response.fields, &in->fresh.fields, &in->conf,
                       &res, line, 2 * CACHE_FIELDS, &read);
    check(n >= 0 && read >= (size_t) n);

    for (i = 0; i < n; i++) {

        /* skips lines of the stored response, whose text is before "fresh" */

        if (in->fresh.fields.n == 0
            || line[i].name.data < in->fresh.line[0].name.data)
        {
            continue;
        }

        check(!gw_cache_is(&line[i].name, "content-length"));
        check(!gw_cache_is(&line[i].name, "content-encoding"));
        check(!gw_cache_is(&line[i].name, "connection"));
        check(!gw_cache_is(&line[i].name, "transfer-encoding"));
    }

    merged.line = line;
    merged.n = read;
    gw_cache_response_read(&res, &in->conf, in->status, &merged, &now, &now);

    if (gw_cache_freshen(&in->conf, req, &res, &entry) == GW_CACHE_R_NONE
        && in->conf.override != GW_CACHE_OVERRIDE_ALL && !res.targeted
        && !has(&merged, "x-accel-expires"))
    {
        check(!says(&merged, "private"));
        check(entry.received.wall == now.wall);
    }
}


static void
policy(const input_t *in)
{
    gw_cache_clock_t     sent, now;
    gw_cache_entry_t     entry;
    gw_cache_request_t   req;
    gw_cache_response_t  res;

    sent = at(0);
    now = at(1);

    gw_cache_request_read(&req, GW_CACHE_GET, &in->request.fields);
    gw_cache_response_read(&res, &in->conf, in->status,
                           &in->response.fields, &sent, &now);

    check(res.listed.n <= GW_CACHE_NAMES);

    if (gw_cache_store(&in->conf, &req, &res, 0, &entry) == GW_CACHE_R_NONE) {
        check_stored(in, &req, &res, &entry);
        check_reused(in, &entry);
    }

    check_merged(in, &req);
}


/* the number of lines and commas, an upper bound for the members of lists */

static size_t
members_of(const gw_cache_fields_t *fields)
{
    size_t  i, j, n;

    n = fields->n;

    for (i = 0; i < fields->n; i++) {
        for (j = 0; j < fields->line[i].value.len; j++) {
            n += (fields->line[i].value.data[j] == ',');
        }
    }

    return n;
}


/* checks that the names are sorted and unique, and that each is permitted */

static void
check_names(gw_text_t list)
{
    size_t     n;
    gw_text_t  name, before;

    before.len = 0;
    before.data = list.data;

    while (gw_cache_member(&list, &name)) {
        n = (before.len < name.len) ? before.len : name.len;
        check(memcmp(before.data, name.data, n) < (before.len < name.len));
        check(!gw_cache_is(&name, "cookie") && !gw_cache_is(&name, "*"));
        before = name;
    }
}


/*
 * Whether all lines that select a response are lists whose members are sorted.
 * Not with a quotation mark: an unterminated quoted string can join members of
 * two lines.
 */

static int
sorted(const gw_cache_fields_t *fields, gw_text_t list)
{
    size_t                   i;
    gw_text_t                name;
    const gw_cache_field_t  *line;

    while (gw_cache_member(&list, &name)) {

        for (i = 0; i < fields->n; i++) {
            line = &fields->line[i];

            if (gw_cache_same(&name, &line->name)
                && (!gw_cache_among(&name, normalize, 3)
                    || memchr(line->value.data, '"', line->value.len)))
            {
                return 0;
            }
        }
    }

    return members_of(fields) <= GW_CACHE_VARY_SORTED;
}


/* the variant key of sorted lists does not depend on the order of the lines */

static void
variants(const input_t *in)
{
    size_t                    len, one, two, i;
    gw_text_t                 list;
    cache_fields_t            other;
    unsigned char             text[GW_CACHE_VARY], a[8192], b[8192];
    const gw_cache_fields_t  *fields;

    if (gw_cache_vary(&in->response.fields, text, &len) != GW_CACHE_R_NONE) {
        return;
    }

    check(len <= GW_CACHE_VARY);
    list.data = text;
    list.len = len;
    check_names(list);

    fields = &in->again.fields;
    other.fields.line = other.line;
    other.fields.n = fields->n;

    for (i = 0; i < fields->n; i++) {
        other.line[i] = fields->line[fields->n - 1 - i];
    }

    if (!sorted(fields, list)
        || gw_cache_variant(&list, fields, normalize, 3, a, sizeof(a), &one)
           != 0
        || one > GW_CACHE_VARY_LIST)
    {
        return;
    }

    check(gw_cache_variant(&list, &other.fields, normalize, 3, b, sizeof(b),
                           &two) == 0);
    check(one == two && memcmp(a, b, one) == 0);
}


/* conditions, ranges, URI references, dates and structured fields */

static void
others(const input_t *in)
{
    size_t                i, len;
    int64_t               time;
    uint64_t              first, last;
    gw_text_t             value;
    unsigned char         uri[GW_CACHE_URI], again[GW_CACHE_URI];
    gw_cache_target_t     target;
    gw_cache_validator_t  v;
    gw_sf_member_t        member;

    gw_cache_validator_read(&v, &in->response.fields, NOW);
    (void) gw_cache_not_modified(&in->again.fields, 200, &v, NOW);
    (void) gw_cache_validates(&in->fresh.fields, &v, NOW);
    (void) gw_cache_head_updates(&in->fresh.fields, &v, in->later, NOW);

    if (gw_cache_range(&in->again.fields, GW_CACHE_GET, 200, &v, in->later,
                       NOW, &first, &last) == GW_CACHE_PART)
    {
        check(first <= last && last < in->later);
    }

    target.scheme = cache_text("http");
    target.host = cache_text("h");
    target.uri = cache_text("/a/b?c");

    for (i = 0; i < in->fresh.fields.n; i++) {
        value = in->fresh.fields.line[i].value;

        if (gw_cache_uri(&target, &value, uri, &len) == 0) {
            check(len >= 1 && len <= GW_CACHE_URI && uri[0] == '/');
            check(memchr(uri, '#', len) == NULL);

            /* a resolved reference resolves to itself */

            value.data = uri;
            value.len = len;

            if (len < 2 || uri[1] != '/') {
                check(gw_cache_uri(&target, &value, again, &first) == 0);
                check(first == len && memcmp(uri, again, len) == 0);
            }
        }

        value = in->fresh.fields.line[i].value;

        if (gw_http_date(&value, NOW, &time)) {
            check(time > -62200000000LL && time < 253402300860LL);
        }

        while (gw_sf_next(&value, &member) == 1) { /* void */ }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t         *copy;
    static input_t   in;

    if (size < HEAD || size > 16384) {
        return 0;
    }

    /* of the exact size: a sanitizer detects an overrun */

    copy = malloc(size);
    memcpy(copy, data, size);

    input_of(&in, copy, size);
    policy(&in);
    variants(&in);
    others(&in);

    free(copy);

    return 0;
}
