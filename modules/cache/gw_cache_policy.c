/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_policy.h"


/*
 * Storing: whether and for how long a response is stored. gw_cache_reuse.c
 * decides on the use of stored responses, gw_cache_read.c reads requests and
 * responses.
 */


/*
 * The time between two moments by the clock that shows more: a clock that was
 * set back or has stopped does not make a response younger.
 */

static uint32_t
gw_cache_elapsed(const gw_cache_clock_t *from, const gw_cache_clock_t *to)
{
    uint32_t  wall;
    uint64_t  monotonic;

    wall = gw_cache_between(from->wall, to->wall);
    monotonic = (to->monotonic > from->monotonic)
                ? (to->monotonic - from->monotonic) / 1000 : 0;

    if (monotonic <= wall) {
        return wall;
    }

    return (monotonic < GW_CACHE_FOREVER) ? (uint32_t) monotonic
                                          : GW_CACHE_FOREVER;
}


uint32_t
gw_cache_age(const gw_cache_entry_t *entry, const gw_cache_clock_t *now)
{
    return gw_cache_add(entry->age, gw_cache_elapsed(&entry->received, now));
}


static gw_cache_reason_e
gw_cache_store_request(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res, int target)
{
    if ((req->method != GW_CACHE_GET && req->method != GW_CACHE_POST)
        || !(conf->methods & (1U << req->method)))
    {
        return GW_CACHE_R_METHOD;
    }

    if (req->range) {
        return GW_CACHE_R_RANGE;
    }

    if (req->precondition) {
        return GW_CACHE_R_PRECONDITION;
    }

    /* RFC 9110, 9.3.3 */

    if (req->method == GW_CACHE_POST) {

        if (res->status < 200 || res->status > 299) {
            return GW_CACHE_R_STATUS;
        }

        if (!res->location || !target) {
            return GW_CACHE_R_LOCATION;
        }
    }

    return GW_CACHE_R_NONE;
}


/*
 * All final responses can be stored, except for partial ones, those that refer
 * to another response, and those that RFC 6585 forbids to store.
 */

static int
gw_cache_status_stored(unsigned status)
{
    switch (status) {

    case 206:
    case 304:
    case 428:
    case 429:
    case 431:
    case 511:
        return 0;

    default:
        return status >= 200 && status <= 599;
    }
}


/* the statuses of RFC 9110; their requirements are met (RFC 9111, 5.2.2.3) */

static int
gw_cache_status_understood(unsigned status)
{
    return (status >= 200 && status <= 205)
           || (status >= 300 && status <= 308 && status != 304
               && status != 306)
           || (status >= 400 && status <= 417)
           || status == 421 || status == 422 || status == 426
           || status == 451 || (status >= 500 && status <= 505);
}


/* RFC 9110, 15.1; RFC 7725, 3 */

static int
gw_cache_status_heuristic(unsigned status)
{
    switch (status) {

    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 451:
    case 501:
        return 1;

    default:
        return 0;
    }
}


static gw_cache_reason_e
gw_cache_store_kind(const gw_cache_conf_t *conf,
    const gw_cache_response_t *res)
{
    if (res->upgrade) {
        return GW_CACHE_R_UPGRADE;
    }

    if (!gw_cache_status_stored(res->status)) {
        return GW_CACHE_R_STATUS;
    }

    if (res->event_stream) {
        return GW_CACHE_R_EVENT_STREAM;
    }

    if (res->unbuffered) {
        return GW_CACHE_R_NOT_BUFFERED;
    }

    if (res->trailers) {
        return GW_CACHE_R_TRAILERS;
    }

    if (res->length != UINT64_MAX && res->length > conf->max_object) {
        return GW_CACHE_R_TOO_LARGE;
    }

    if (res->listed.overflow) {
        return GW_CACHE_R_FIELDS;
    }

    return (res->set_cookie && conf->set_cookie == GW_CACHE_COOKIE_SKIP)
           ? GW_CACHE_R_SET_COOKIE : GW_CACHE_R_NONE;
}


static gw_cache_reason_e
gw_cache_store_control(const gw_cache_conf_t *conf,
    const gw_cache_response_t *res)
{
    unsigned  flags;

    flags = res->control.flags;

    if ((flags & GW_CACHE_CC_MUST_UNDERSTAND)
        && !gw_cache_status_understood(res->status))
    {
        return GW_CACHE_R_NOT_UNDERSTOOD;
    }

    if (conf->override == GW_CACHE_OVERRIDE_ALL) {
        return GW_CACHE_R_NONE;
    }

    if (res->accel == 0) {
        return GW_CACHE_R_ACCEL;
    }

    if (flags & GW_CACHE_CC_MALFORMED) {
        return GW_CACHE_R_MALFORMED;
    }

    /* no-store is ignored if the status is understood (5.2.2.3) */

    if ((flags & GW_CACHE_CC_NO_STORE)
        && !(flags & GW_CACHE_CC_MUST_UNDERSTAND))
    {
        return GW_CACHE_R_NO_STORE;
    }

    return (flags & GW_CACHE_CC_PRIVATE) ? GW_CACHE_R_PRIVATE
                                         : GW_CACHE_R_NONE;
}


/* the "ttl" of a status */

static uint32_t
gw_cache_ttl(const gw_cache_conf_t *conf, unsigned status)
{
    size_t  i;

    for (i = 0; i < conf->ttl_n; i++) {
        if (conf->ttl[i].status == status || conf->ttl[i].status == 0) {
            return conf->ttl[i].seconds;
        }
    }

    return GW_CACHE_NONE;
}


/* RFC 9111, 4.2.2 */

static uint32_t
gw_cache_heuristic(const gw_cache_conf_t *conf, const gw_cache_response_t *res)
{
    uint64_t  seconds;

    if (conf->heuristic == 0 || !res->modified
        || (!gw_cache_status_heuristic(res->status)
            && !(res->control.flags & GW_CACHE_CC_PUBLIC)))
    {
        return GW_CACHE_NONE;
    }

    seconds = (uint64_t) gw_cache_between(res->last_modified, res->date)
              * conf->heuristic / 100;

    return (seconds < conf->heuristic_max) ? (uint32_t) seconds
                                           : conf->heuristic_max;
}


/* bounds lifetimes above 0 by "min" and "max" */

static uint32_t
gw_cache_bounded(uint32_t seconds, uint32_t min, uint32_t max)
{
    if (seconds == 0 || seconds == GW_CACHE_NONE) {
        return seconds;
    }

    seconds = (seconds > min) ? seconds : min;

    return (seconds < max) ? seconds : max;
}


/*
 * Converts a lifetime that starts now, whatever the age of the response is:
 * those of the configuration and of X-Accel-Expires.
 */

static uint32_t
gw_cache_from_now(uint32_t seconds, uint32_t age)
{
    return (seconds && seconds != GW_CACHE_NONE) ? gw_cache_add(seconds, age)
                                                 : seconds;
}


static void
gw_cache_lifetime(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_response_t *res, gw_cache_entry_t *entry)
{
    int       accel, cookie;
    uint32_t  ttl, stated, heuristic;

    cookie = (req->cookie && !conf->cookie_ignore);

    accel = (res->accel != 0 && res->accel != GW_CACHE_NONE);
    stated = accel ? res->accel : res->stated;

    entry->stated = gw_cache_bounded(stated, 0, conf->ttl_max);
    entry->lifetime = gw_cache_bounded(stated, conf->ttl_min, conf->ttl_max);

    if (accel) {
        entry->stated = gw_cache_from_now(entry->stated, entry->age);
        entry->lifetime = gw_cache_from_now(entry->lifetime, entry->age);
    }

    if (cookie && stated == GW_CACHE_NONE) {
        return;
    }

    ttl = gw_cache_ttl(conf, res->status);

    if (ttl != GW_CACHE_NONE
        && (stated == GW_CACHE_NONE || conf->override != GW_CACHE_ORIGIN))
    {
        ttl = gw_cache_bounded(ttl, conf->ttl_min, conf->ttl_max);
        entry->lifetime = gw_cache_from_now(ttl, entry->age);

    } else if (stated == GW_CACHE_NONE) {
        heuristic = gw_cache_heuristic(conf, res);
        entry->lifetime = gw_cache_bounded(heuristic, conf->ttl_min,
                                           conf->ttl_max);
    }

    /*
     * the response may depend on the cookie: use the origin's lifetime at most
     */

    if (cookie && entry->lifetime > entry->stated) {
        entry->lifetime = entry->stated;
    }
}


static void
gw_cache_entry_fill(gw_cache_entry_t *entry, const gw_cache_conf_t *conf,
    const gw_cache_response_t *res)
{
    unsigned  flags;

    entry->received = res->received;
    entry->status = (uint16_t) res->status;
    entry->flags = 0;
    entry->while_revalidate = res->control.stale_while_revalidate;
    entry->if_error = res->control.stale_if_error;

    /* RFC 9111, 4.2.3: the greater of the apparent and the corrected age */

    entry->age = gw_cache_add(res->age, gw_cache_elapsed(&res->requested,
                                                         &res->received));

    if (entry->age < gw_cache_between(res->date, res->received.wall)) {
        entry->age = gw_cache_between(res->date, res->received.wall);
    }

    flags = res->control.flags;

    if ((flags & GW_CACHE_CC_NO_CACHE)
        && conf->override != GW_CACHE_OVERRIDE_ALL)
    {
        entry->flags |= GW_CACHE_ENTRY_NO_CACHE;
    }

    /* s-maxage implies proxy-revalidate (5.2.2.10) */

    if ((flags & (GW_CACHE_CC_MUST_REVALIDATE|GW_CACHE_CC_PROXY_REVALIDATE))
        || res->control.s_maxage != GW_CACHE_NONE)
    {
        entry->flags |= GW_CACHE_ENTRY_REVALIDATE;
    }

    if (res->shared) {
        entry->flags |= GW_CACHE_ENTRY_SHARED;
    }

    if (res->etag || res->modified) {
        entry->flags |= GW_CACHE_ENTRY_VALIDATOR;
    }
}


/*
 * Whether storing a response that is stale or needs validation is useful: it
 * has a validator, or the origin allows sending it stale.
 */

static gw_cache_reason_e
gw_cache_store_useful(const gw_cache_entry_t *entry)
{
    uint32_t  window;

    if (entry->flags & GW_CACHE_ENTRY_VALIDATOR) {
        return (entry->lifetime == GW_CACHE_NONE
                && !(entry->flags & GW_CACHE_ENTRY_NO_CACHE))
               ? GW_CACHE_R_NO_LIFETIME : GW_CACHE_R_NONE;
    }

    if (entry->flags & GW_CACHE_ENTRY_NO_CACHE) {
        return GW_CACHE_R_NO_CACHE;
    }

    if (entry->lifetime == GW_CACHE_NONE) {
        return GW_CACHE_R_NO_LIFETIME;
    }

    window = 0;

    if (entry->while_revalidate != GW_CACHE_NONE) {
        window = entry->while_revalidate;
    }

    if (entry->if_error != GW_CACHE_NONE && entry->if_error > window) {
        window = entry->if_error;
    }

    if (entry->flags & GW_CACHE_ENTRY_REVALIDATE) {
        window = 0;
    }

    return (entry->age < gw_cache_add(entry->lifetime, window))
           ? GW_CACHE_R_NONE : GW_CACHE_R_STALE;
}


/* the request has no-store (5.2.1.5) */

static int
gw_cache_store_forbidden(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req)
{
    return conf->request_control != GW_CACHE_CONTROL_NONE
           && (req->control.flags & GW_CACHE_CC_NO_STORE);
}


/* whether a response may be stored, regardless of the request's method */

static gw_cache_reason_e
gw_cache_store_entry(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res,
    gw_cache_entry_t *entry)
{
    gw_cache_reason_e  reason;

    /* RFC 9111, 3.5, extended to all credentials */

    if (req->credentials && !req->partition && !res->shared) {
        return GW_CACHE_R_CREDENTIALS;
    }

    reason = gw_cache_store_control(conf, res);

    if (reason != GW_CACHE_R_NONE) {
        return reason;
    }

    gw_cache_entry_fill(entry, conf, res);
    gw_cache_lifetime(conf, req, res, entry);

    if (req->method == GW_CACHE_POST && entry->stated == GW_CACHE_NONE) {
        return GW_CACHE_R_NO_LIFETIME;
    }

    reason = gw_cache_store_useful(entry);

    if (entry->lifetime == GW_CACHE_NONE) {
        entry->lifetime = 0;
    }

    return reason;
}


gw_cache_reason_e
gw_cache_store(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_response_t *res, int target, gw_cache_entry_t *entry)
{
    gw_cache_reason_e  reason;

    reason = gw_cache_store_kind(conf, res);

    if (reason == GW_CACHE_R_NONE) {
        reason = gw_cache_store_request(conf, req, res, target);
    }

    if (reason == GW_CACHE_R_NONE && gw_cache_store_forbidden(conf, req)) {
        reason = GW_CACHE_R_REQUEST;
    }

    return reason ? reason : gw_cache_store_entry(conf, req, res, entry);
}


/* whether the status is about the target, not about the request or a failure */

static int
gw_cache_of_target(unsigned status)
{
    switch (status) {

    case 206:
    case 304:
    case 400:
    case 401:
    case 407:
    case 408:
    case 412:
    case 413:
    case 414:
    case 416:
    case 417:
    case 421:
    case 425:
    case 428:
    case 429:
    case 431:
        return 0;

    default:
        return status >= 200 && status <= 499;
    }
}


int
gw_cache_outdates(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_response_t *res, gw_cache_reason_e reason)
{
    gw_cache_entry_t    entry;
    gw_cache_request_t  plain;

    if (!gw_cache_of_target(res->status) || gw_cache_store_forbidden(conf, req)
        || (req->credentials && !req->partition && !res->shared))
    {
        return 0;
    }

    switch (reason) {

    case GW_CACHE_R_NONE:
    case GW_CACHE_R_UNWANTED:
    case GW_CACHE_R_VARIANT_LONG:
    case GW_CACHE_R_LOCKED:
    case GW_CACHE_R_PURGED:
        return 0;

    case GW_CACHE_R_METHOD:
    case GW_CACHE_R_RANGE:
    case GW_CACHE_R_NO_LIFETIME:
    case GW_CACHE_R_STALE:

        /* decide as for a GET of the whole response without a cookie */

        plain = *req;
        plain.method = GW_CACHE_GET;
        plain.range = 0;
        plain.cookie = 0;

        return gw_cache_store(conf, &plain, res, 0, &entry) != GW_CACHE_R_NONE;

    default:
        return 1;
    }
}


gw_cache_reason_e
gw_cache_freshen(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_response_t *res, gw_cache_entry_t *entry)
{
    gw_cache_reason_e  reason;

    reason = gw_cache_store_kind(conf, res);

    if (reason == GW_CACHE_R_NONE) {
        reason = gw_cache_store_entry(conf, req, res, entry);
    }

    return (reason == GW_CACHE_R_NONE && gw_cache_store_forbidden(conf, req))
           ? GW_CACHE_R_REQUEST : reason;
}
