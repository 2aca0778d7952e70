/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_policy.h"
#include "gw_http_date.h"


/* reads requests and responses; see gw_cache_policy.h */


static const gw_text_t  gw_cache_n_age = gw_cache_text("age");
static const gw_text_t  gw_cache_n_connection = gw_cache_text("connection");
static const gw_text_t  gw_cache_n_control = gw_cache_text("cache-control");
static const gw_text_t  gw_cache_n_content_location =
    gw_cache_text("content-location");
static const gw_text_t  gw_cache_n_content_type =
    gw_cache_text("content-type");
static const gw_text_t  gw_cache_n_date = gw_cache_text("date");
static const gw_text_t  gw_cache_n_etag = gw_cache_text("etag");
static const gw_text_t  gw_cache_n_expires = gw_cache_text("expires");
static const gw_text_t  gw_cache_n_last_modified =
    gw_cache_text("last-modified");
static const gw_text_t  gw_cache_n_length = gw_cache_text("content-length");
static const gw_text_t  gw_cache_n_set_cookie = gw_cache_text("set-cookie");
static const gw_text_t  gw_cache_n_trailer = gw_cache_text("trailer");
static const gw_text_t  gw_cache_n_upgrade = gw_cache_text("upgrade");
static const gw_text_t  gw_cache_n_accel = gw_cache_text("x-accel-expires");
static const gw_text_t  gw_cache_n_buffering =
    gw_cache_text("x-accel-buffering");


gw_cache_method_e
gw_cache_method(const gw_text_t *name)
{
    unsigned                           i;
    static const gw_text_t             names[] = {
        gw_cache_text("GET"), gw_cache_text("HEAD"), gw_cache_text("POST"),
        gw_cache_text("OPTIONS"), gw_cache_text("TRACE"),
        gw_cache_text("PROPFIND"), gw_cache_text("REPORT"),
        gw_cache_text("SEARCH"), gw_cache_text("QUERY"), gw_cache_text("PRI")
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (gw_cache_equal(name, &names[i])) {
            return (i < GW_CACHE_SAFE) ? (gw_cache_method_e) i : GW_CACHE_SAFE;
        }
    }

    return GW_CACHE_UNSAFE;
}


int
gw_cache_invalidates(gw_cache_method_e method, unsigned status)
{
    return (method == GW_CACHE_POST || method == GW_CACHE_UNSAFE)
           && status >= 200 && status < 400;
}


static int
gw_cache_request_pragma(gw_text_t list)
{
    gw_text_t  member;

    while (gw_cache_member(&list, &member)) {
        if (gw_cache_is(&member, "no-cache")) {
            return 1;
        }
    }

    return 0;
}


static void
gw_cache_request_line(gw_cache_request_t *req, const gw_cache_field_t *line)
{
    const gw_text_t  *name;

    name = &line->name;

    switch (name->len) {

    case 5:
        req->range |= gw_cache_is(name, "range");
        break;

    case 6:
        if (gw_cache_is(name, "cookie")) {
            req->cookie = 1;

        } else if (gw_cache_is(name, "pragma")) {
            req->pragma |= gw_cache_request_pragma(line->value);
        }

        break;

    case 8:
        req->precondition |= gw_cache_is(name, "if-match");
        break;

    case 13:
        if (gw_cache_is(name, "cache-control")) {
            gw_cache_control_line(&req->control, line->value, NULL);

        } else if (gw_cache_is(name, "authorization")) {
            req->credentials = 1;

        } else {
            req->conditional |= gw_cache_is(name, "if-none-match");
        }

        break;

    case 17:
        req->conditional |= gw_cache_is(name, "if-modified-since");
        break;

    case 19:
        req->precondition |= gw_cache_is(name, "if-unmodified-since");
        break;

    default:
        break;
    }
}


void
gw_cache_request_read(gw_cache_request_t *req, gw_cache_method_e method,
    const gw_cache_fields_t *fields)
{
    size_t  i;

    req->method = method;
    req->credentials = req->partition = req->cookie = req->range = 0;
    req->conditional = req->precondition = req->pragma = 0;

    gw_cache_control_init(&req->control);

    for (i = 0; i < fields->n; i++) {
        gw_cache_request_line(req, &fields->line[i]);
    }

    /* Pragma is ignored if there is a Cache-Control (RFC 9111, 5.4) */

    if (req->control.flags & GW_CACHE_CC_PRESENT) {
        req->pragma = 0;
    }
}


/* the first member; the field is ignored if it is not a number (5.1) */

static uint32_t
gw_cache_response_age(const gw_cache_fields_t *fields)
{
    size_t            i;
    uint32_t          age;
    gw_text_t         list, member;
    const gw_text_t  *line;

    i = 0;

    while ((line = gw_cache_line(fields, &gw_cache_n_age, &i)) != NULL) {
        list = *line;

        if (gw_cache_member(&list, &member)) {
            age = gw_cache_seconds(&member);
            return (age == GW_CACHE_NONE) ? 0 : age;
        }
    }

    return 0;
}


/* nginx's field: seconds, or "@" and a time; other values are ignored */

static uint32_t
gw_cache_response_accel(const gw_cache_fields_t *fields, int64_t now)
{
    uint64_t   time;
    gw_text_t  value;

    if (gw_cache_single(fields, &gw_cache_n_accel, &value) == 0) {
        return GW_CACHE_NONE;
    }

    if (value.len == 0 || value.data[0] != '@') {
        return gw_cache_seconds(&value);
    }

    value.data++;
    value.len--;

    if (gw_cache_digits(&value, &time) == 0 || value.len) {
        return GW_CACHE_NONE;
    }

    return gw_cache_between(now, time < INT64_MAX ? (int64_t) time
                                                  : INT64_MAX);
}


/* the freshness lifetime that the origin states (RFC 9111, 4.2.1) */

static uint32_t
gw_cache_response_stated(const gw_cache_response_t *res,
    const gw_cache_fields_t *fields)
{
    int64_t    expires;
    gw_text_t  value;

    if (res->control.s_maxage != GW_CACHE_NONE) {
        return res->control.s_maxage;
    }

    if (res->control.max_age != GW_CACHE_NONE) {
        return res->control.max_age;
    }

    if (res->targeted
        || gw_cache_single(fields, &gw_cache_n_expires, &value) == 0)
    {
        return GW_CACHE_NONE;
    }

    /* an invalid date, especially "0", is in the past (5.3) */

    if (!gw_http_date(&value, res->received.wall, &expires)) {
        return 0;
    }

    return gw_cache_between(res->date, expires);
}


/*
 * Reads the directives of the first valid targeted field, or those of
 * Cache-Control if there is none (RFC 9213, 2.1).
 */

static void
gw_cache_response_control(gw_cache_response_t *res,
    const gw_cache_conf_t *conf, const gw_cache_fields_t *fields)
{
    size_t             i;
    unsigned           flags;
    const gw_text_t   *line;
    gw_cache_names_t   ignored, *names;

    ignored.n = 0;
    ignored.overflow = 0;

    names = (conf->override == GW_CACHE_OVERRIDE_ALL
             || (res->accel && res->accel != GW_CACHE_NONE))
            ? &ignored : &res->listed;

    for (i = 0; i < conf->targeted_n && !res->targeted; i++) {
        res->targeted = (gw_cache_control_targeted(&res->control, fields,
                                                   &conf->targeted[i], names)
                         == 1);
    }

    i = 0;

    while (!res->targeted
           && (line = gw_cache_line(fields, &gw_cache_n_control, &i)) != NULL)
    {
        gw_cache_control_line(&res->control, *line, names);
    }

    flags = res->control.flags;

    res->shared = ((flags & (GW_CACHE_CC_PUBLIC|GW_CACHE_CC_MUST_REVALIDATE))
                   || res->control.s_maxage != GW_CACHE_NONE)
                  && !(flags & GW_CACHE_CC_PRIVATE)
                  && (!(flags & GW_CACHE_CC_NO_STORE)
                      || (flags & GW_CACHE_CC_MUST_UNDERSTAND));

    /* a permission whose condition is not met does not count */

    if (names == &ignored
        && (ignored.n || ignored.overflow
            || (flags & (GW_CACHE_CC_NO_CACHE|GW_CACHE_CC_MALFORMED))))
    {
        res->shared = 0;
    }
}


/* X-Accel-Expires above 0 replaces all directives but those of RFC 5861 */

static void
gw_cache_response_replace(gw_cache_response_t *res)
{
    if (res->accel == 0 || res->accel == GW_CACHE_NONE) {
        return;
    }

    res->control.flags = 0;
    res->control.max_age = GW_CACHE_NONE;
    res->control.s_maxage = GW_CACHE_NONE;
}


/* reads the properties of a response that are not about its freshness */

static void
gw_cache_response_kind(gw_cache_response_t *res,
    const gw_cache_fields_t *fields)
{
    size_t            i;
    gw_text_t         value, type;
    const gw_text_t  *line;

    i = 0;

    while ((line = gw_cache_line(fields, &gw_cache_n_connection, &i))) {
        (void) gw_cache_names_add(&res->listed, *line);
    }

    i = 0;

    if ((line = gw_cache_line(fields, &gw_cache_n_content_type, &i)) != NULL) {
        type = *line;

        for (i = 0; i < type.len && type.data[i] != ';'; i++) { /* void */ }

        type.len = i;
        gw_cache_trim(&type);
        res->event_stream = gw_cache_is(&type, "text/event-stream");
    }

    if (gw_cache_single(fields, &gw_cache_n_buffering, &value)) {
        res->unbuffered = gw_cache_is(&value, "no");
    }

    res->set_cookie = (gw_cache_single(fields, &gw_cache_n_set_cookie, &value)
                       != 0);
    res->trailers = (gw_cache_single(fields, &gw_cache_n_trailer, &value)
                     != 0);
    res->upgrade = (res->status == 101
                    && gw_cache_single(fields, &gw_cache_n_upgrade, &value));

    if (gw_cache_single(fields, &gw_cache_n_content_location, &value) == 1) {
        res->location = 1;
        res->content_location = value;
    }
}


static uint64_t
gw_cache_response_length(const gw_cache_fields_t *fields)
{
    uint64_t   n;
    gw_text_t  value;

    if (gw_cache_single(fields, &gw_cache_n_length, &value) == 0
        || gw_cache_digits(&value, &n) == 0 || value.len)
    {
        return UINT64_MAX;
    }

    return (n < INT64_MAX) ? n : INT64_MAX;
}


void
gw_cache_response_read(gw_cache_response_t *res, const gw_cache_conf_t *conf,
    unsigned status, const gw_cache_fields_t *fields,
    const gw_cache_clock_t *requested, const gw_cache_clock_t *received)
{
    int64_t    now;
    gw_text_t  value;

    now = received->wall;

    res->status = status;
    res->requested = *requested;
    res->received = *received;
    res->listed.n = 0;
    res->listed.overflow = 0;
    res->targeted = res->location = 0;
    res->event_stream = res->unbuffered = 0;
    res->modified = 0;

    gw_cache_control_init(&res->control);

    if (!gw_cache_single(fields, &gw_cache_n_date, &value)
        || !gw_http_date(&value, now, &res->date))
    {
        res->date = now;
    }

    if (gw_cache_single(fields, &gw_cache_n_last_modified, &value) == 1) {
        res->modified = (gw_http_date(&value, now, &res->last_modified) == 1);
    }

    res->etag = (gw_cache_single(fields, &gw_cache_n_etag, &value) == 1
                 && value.len);
    res->age = gw_cache_response_age(fields);
    res->accel = gw_cache_response_accel(fields, now);
    res->length = gw_cache_response_length(fields);

    gw_cache_response_control(res, conf, fields);
    res->stated = gw_cache_response_stated(res, fields);
    gw_cache_response_replace(res);
    gw_cache_response_kind(res, fields);
}
