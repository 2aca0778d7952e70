/* SPDX-License-Identifier: BSD-2-Clause */

#include "gw_cache_policy.h"


/* decides on the use of stored responses; see gw_cache_policy.h */


/* the errors of RFC 5861, 4 */

#define GW_CACHE_STALE_ERRORS                                                 \
    (GW_CACHE_STALE_ERROR|GW_CACHE_STALE_TIMEOUT|GW_CACHE_STALE_INVALID       \
     |GW_CACHE_STALE_500|GW_CACHE_STALE_502|GW_CACHE_STALE_503                \
     |GW_CACHE_STALE_504)

#define GW_CACHE_STALE_NEVER                                                  \
    (GW_CACHE_ENTRY_NO_CACHE|GW_CACHE_ENTRY_REVALIDATE)


/*
 * Handles requests that no stored response can answer: sets "result" and
 * returns 1.  Returns 0 if "entry" can be evaluated.
 */

static int
gw_cache_reuse_without(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry,
    gw_cache_reuse_t *result)
{
    result->action = GW_CACHE_BYPASS;

    if ((req->method != GW_CACHE_GET && req->method != GW_CACHE_HEAD)
        || !(conf->methods & (1U << req->method)))
    {
        result->reason = GW_CACHE_R_METHOD;
        return 1;
    }

    /* a cache does not evaluate them (RFC 9111, 4.3.2) */

    if (req->precondition) {
        result->reason = GW_CACHE_R_PRECONDITION;
        return 1;
    }

    if (entry == NULL) {
        result->action = GW_CACHE_FETCH;

        if (req->method == GW_CACHE_HEAD) {
            result->reason = GW_CACHE_R_METHOD;

        } else if (req->range) {
            result->reason = GW_CACHE_R_RANGE;

        } else if (conf->request_control != GW_CACHE_CONTROL_NONE
                   && (req->control.flags & GW_CACHE_CC_NO_STORE))
        {
            result->reason = GW_CACHE_R_REQUEST;
        }

        return 1;
    }

    if (req->credentials && !req->partition
        && !(entry->flags & GW_CACHE_ENTRY_SHARED))
    {
        result->reason = GW_CACHE_R_CREDENTIALS;
        return 1;
    }

    if (req->cookie && !conf->cookie_ignore && entry->stated == GW_CACHE_NONE
        && !(entry->flags & GW_CACHE_ENTRY_NO_CACHE))
    {
        result->reason = GW_CACHE_R_COOKIE;
        return 1;
    }

    return 0;
}


uint32_t
gw_cache_reuse_lifetime(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry)
{
    if (!req->cookie || conf->cookie_ignore) {
        return entry->lifetime;
    }

    return (entry->stated == GW_CACHE_NONE) ? 0 : entry->stated;
}


static uint32_t
gw_cache_staleness(uint32_t age, uint32_t lifetime)
{
    return (age > lifetime) ? age - lifetime : 0;
}


/*
 * Whether the directives of the request reject a response of this age (RFC
 * 9111, 5.2.1). max-age=0 requires a validation, even if the response arrived
 * within the same second.
 */

static int
gw_cache_reuse_refused(const gw_cache_request_t *req, uint32_t age,
    uint32_t lifetime)
{
    const gw_cache_control_t  *control;

    control = &req->control;

    if ((control->flags & GW_CACHE_CC_NO_CACHE) || req->pragma) {
        return 1;
    }

    if (control->max_age != GW_CACHE_NONE
        && (control->max_age == 0 || age > control->max_age
            || (age >= lifetime && control->max_stale == GW_CACHE_NONE)))
    {
        return 1;
    }

    return control->min_fresh != GW_CACHE_NONE
           && lifetime < (uint64_t) age + control->min_fresh;
}


/* handles a stale response (RFC 9111, 4.2.4; RFC 5861, 3) */

static void
gw_cache_reuse_stale(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry,
    uint32_t stale, gw_cache_reuse_t *result)
{
    uint32_t  window;

    if (entry->flags & GW_CACHE_ENTRY_REVALIDATE) {
        return;
    }

    if (conf->request_control == GW_CACHE_CONTROL_ALL
        && req->control.max_stale != GW_CACHE_NONE
        && stale <= req->control.max_stale)
    {
        result->action = GW_CACHE_SEND;
        return;
    }

    /* the origin takes precedence over the configuration */

    window = entry->while_revalidate;

    if (window != GW_CACHE_NONE) {
        if (stale < window) {
            result->action = GW_CACHE_SEND_REFRESH;
        }

        return;
    }

    if (stale >= conf->stale_for) {
        return;
    }

    if (conf->stale & GW_CACHE_STALE_BACKGROUND) {
        result->action = GW_CACHE_SEND_REFRESH;

    } else if (conf->stale & GW_CACHE_STALE_UPDATING) {
        result->updating = 1;
    }
}


static void
gw_cache_reuse_entry(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry,
    const gw_cache_clock_t *now, gw_cache_reuse_t *result)
{
    uint32_t  lifetime;

    lifetime = gw_cache_reuse_lifetime(conf, req, entry);

    result->age = gw_cache_age(entry, now);
    result->ttl = (int64_t) lifetime - result->age;
    result->action = GW_CACHE_REVALIDATE;

    if (entry->flags & GW_CACHE_ENTRY_NO_CACHE) {
        result->reason = GW_CACHE_R_NO_CACHE;
        return;
    }

    if (conf->request_control == GW_CACHE_CONTROL_ALL
        && gw_cache_reuse_refused(req, result->age, lifetime))
    {
        result->reason = GW_CACHE_R_REQUEST;
        return;
    }

    if (result->ttl > 0) {
        result->action = GW_CACHE_SEND;
        return;
    }

    result->reason = GW_CACHE_R_STALE;
    gw_cache_reuse_stale(conf, req, entry,
                         gw_cache_staleness(result->age, lifetime), result);
    result->stale = (result->action != GW_CACHE_REVALIDATE);
}


void
gw_cache_reuse(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_entry_t *entry, const gw_cache_clock_t *now,
    gw_cache_reuse_t *result)
{
    result->reason = GW_CACHE_R_NONE;
    result->updating = 0;
    result->stale = 0;
    result->age = 0;
    result->ttl = 0;

    if (!gw_cache_reuse_without(conf, req, entry, result)) {
        gw_cache_reuse_entry(conf, req, entry, now, result);
    }

    /* RFC 9111, 5.2.1.7 */

    if (conf->request_control != GW_CACHE_CONTROL_NONE
        && (req->control.flags & GW_CACHE_CC_ONLY_IF_CACHED)
        && (result->action != GW_CACHE_BYPASS
            || result->reason != GW_CACHE_R_METHOD)
        && result->action != GW_CACHE_SEND
        && result->action != GW_CACHE_SEND_REFRESH)
    {
        result->action = GW_CACHE_UNAVAILABLE;
        result->reason = GW_CACHE_R_ONLY_IF_CACHED;
        result->updating = 0;
    }
}


unsigned
gw_cache_stale_status(unsigned status)
{
    switch (status) {

    case 403:
        return GW_CACHE_STALE_403;

    case 404:
        return GW_CACHE_STALE_404;

    case 429:
        return GW_CACHE_STALE_429;

    case 500:
        return GW_CACHE_STALE_500|GW_CACHE_STALE_5XX;

    case 502:
        return GW_CACHE_STALE_502|GW_CACHE_STALE_5XX;

    case 503:
        return GW_CACHE_STALE_503|GW_CACHE_STALE_5XX;

    case 504:
        return GW_CACHE_STALE_504|GW_CACHE_STALE_5XX;

    default:
        return (status >= 500 && status <= 599) ? GW_CACHE_STALE_5XX : 0;
    }
}


gw_cache_action_e
gw_cache_on_error(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_entry_t *entry, const gw_cache_clock_t *now,
    unsigned error)
{
    unsigned          errors;
    uint32_t          stale, window;
    gw_cache_reuse_t  without;

    if (gw_cache_reuse_without(conf, req, entry, &without)) {
        return GW_CACHE_BYPASS;
    }

    if (entry->flags & GW_CACHE_STALE_NEVER) {
        return ((entry->flags & GW_CACHE_ENTRY_REVALIDATE)
                && (error & (GW_CACHE_STALE_ERROR|GW_CACHE_STALE_TIMEOUT
                             |GW_CACHE_STALE_INVALID)))
               ? GW_CACHE_UNAVAILABLE : GW_CACHE_BYPASS;
    }

    errors = conf->stale;
    window = conf->stale_for;

    if (conf->request_control == GW_CACHE_CONTROL_ALL) {

        if ((req->control.flags & GW_CACHE_CC_NO_CACHE) || req->pragma) {
            return GW_CACHE_BYPASS;
        }

        if (req->control.stale_if_error != GW_CACHE_NONE) {
            errors |= GW_CACHE_STALE_ERRORS;
            window = req->control.stale_if_error;
        }
    }

    /* the origin takes precedence over both */

    if (entry->if_error != GW_CACHE_NONE) {
        errors |= GW_CACHE_STALE_ERRORS;
        window = entry->if_error;
    }

    stale = gw_cache_staleness(gw_cache_age(entry, now),
                               gw_cache_reuse_lifetime(conf, req, entry));

    return ((error & errors) && stale < window) ? GW_CACHE_SEND
                                                : GW_CACHE_BYPASS;
}
