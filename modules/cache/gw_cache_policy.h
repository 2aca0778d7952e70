/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The caching policy: what a shared cache may store, for how long, and for
 * which requests it may use a stored response (RFC 9111; RFC 5861; RFC 9213),
 * within the directives of the location.  The origin is the upstream server.
 * Knows no nginx and no clock.
 *
 * A response is read once, when it arrives: gw_cache_store() saves what later
 * requests need in a gw_cache_entry_t of a few words.  A request is read once,
 * and gw_cache_reuse() then compares numbers.
 *
 * Times are in seconds unless noted.  They saturate at GW_CACHE_FOREVER, so
 * that no value of a header and no clock step can overflow.
 */

#ifndef GW_CACHE_POLICY_H_INCLUDED
#define GW_CACHE_POLICY_H_INCLUDED

#include "gw_cache_control.h"
#include "gw_cache_field.h"
#include "gw_cache_reason.h"


/* methods; as bits in the configuration */

typedef enum {
    GW_CACHE_GET = 0,
    GW_CACHE_HEAD,
    GW_CACHE_POST,
    GW_CACHE_SAFE,          /* other safe methods */
    GW_CACHE_UNSAFE         /* all others, known or not (RFC 9111, 4.4) */
} gw_cache_method_e;


typedef enum {
    GW_CACHE_CONTROL_NONE = 0,
    GW_CACHE_CONTROL_SAFE,      /* no-store and only-if-cached */
    GW_CACHE_CONTROL_ALL
} gw_cache_request_control_e;


typedef enum {
    GW_CACHE_COOKIE_SKIP = 0,   /* do not store a response with Set-Cookie */
    GW_CACHE_COOKIE_STRIP,      /* store it without Set-Cookie */
    GW_CACHE_COOKIE_STORE
} gw_cache_set_cookie_e;


typedef enum {
    GW_CACHE_ORIGIN = 0,        /* only if the origin states no lifetime */
    GW_CACHE_OVERRIDE,          /* "ttl" replaces the lifetime of the origin */
    GW_CACHE_OVERRIDE_ALL       /* and no-store, private and no-cache */
} gw_cache_override_e;


/* errors of the origin for which a stale response may be sent */

#define GW_CACHE_STALE_ERROR       0x0001U
#define GW_CACHE_STALE_TIMEOUT     0x0002U
#define GW_CACHE_STALE_INVALID     0x0004U   /* invalid_header */
#define GW_CACHE_STALE_500         0x0008U
#define GW_CACHE_STALE_502         0x0010U
#define GW_CACHE_STALE_503         0x0020U
#define GW_CACHE_STALE_504         0x0040U
#define GW_CACHE_STALE_5XX         0x0080U
#define GW_CACHE_STALE_403         0x0100U
#define GW_CACHE_STALE_404         0x0200U
#define GW_CACHE_STALE_429         0x0400U

/* conditions of a refresh in progress */

#define GW_CACHE_STALE_UPDATING    0x1000U
#define GW_CACHE_STALE_BACKGROUND  0x2000U


/* a lifetime for a status; 0: any status */

typedef struct {
    unsigned                    status;
    uint32_t                    seconds;
} gw_cache_ttl_t;


/* the directives of a location; the arrays belong to the caller */

typedef struct {
    unsigned                    methods;        /* bits 1 << method */
    gw_cache_request_control_e  request_control;
    gw_cache_set_cookie_e       set_cookie;
    gw_cache_override_e         override;
    unsigned                    cookie_ignore:1;

    const gw_cache_ttl_t       *ttl;            /* the first match applies */
    size_t                      ttl_n;
    uint32_t                    ttl_min;
    uint32_t                    ttl_max;        /* GW_CACHE_NONE: none */
    unsigned                    heuristic;      /* percent; 0: off */
    uint32_t                    heuristic_max;

    unsigned                    stale;          /* bits GW_CACHE_STALE_* */
    uint32_t                    stale_for;

    const gw_text_t            *targeted;       /* the first valid one counts */
    size_t                      targeted_n;
    uint64_t                    max_object;     /* bytes */
} gw_cache_conf_t;


/*
 * A point in time.  The wall clock may be set while the cache runs, and the
 * monotonic clock may stop while the machine sleeps.  Each may be earlier than
 * that of another process.
 */
typedef struct {
    int64_t                     wall;           /* s since 1970 */
    uint64_t                    monotonic;      /* ms */
} gw_cache_clock_t;


typedef struct {
    gw_cache_method_e           method;
    gw_cache_control_t          control;

    unsigned                    credentials:1;  /* set for Authorization; the
                                                   caller adds an identity, a
                                                   hidden credential and a
                                                   certificate */
    unsigned                    partition:1;    /* set by the caller: the
                                                   partition has a value */
    unsigned                    cookie:1;
    unsigned                    range:1;
    unsigned                    conditional:1;  /* If-None-Match, or
                                                   If-Modified-Since */
    unsigned                    precondition:1; /* If-Match, or
                                                   If-Unmodified-Since */
    unsigned                    pragma:1;       /* Pragma: no-cache */
} gw_cache_request_t;


/* the header of a response; the texts point into its lines */

typedef struct {
    unsigned                    status;
    gw_cache_clock_t            requested;
    gw_cache_clock_t            received;

    gw_cache_control_t          control;
    gw_cache_names_t            listed;         /* names of fields that are not
                                                   stored, from Connection,
                                                   no-cache= and private= */
    uint32_t                    age;            /* value of the field, or 0 */
    uint32_t                    accel;          /* X-Accel-Expires, relative to
                                                   now; or GW_CACHE_NONE */
    uint32_t                    stated;         /* freshness lifetime from the
                                                   other fields, or
                                                   GW_CACHE_NONE */
    int64_t                     date;           /* without a valid Date: when
                                                   the response was received */
    int64_t                     last_modified;
    uint64_t                    length;         /* UINT64_MAX: unknown */
    gw_text_t                   content_location;

    unsigned                    modified:1;     /* last_modified is set */
    unsigned                    etag:1;
    unsigned                    location:1;     /* content_location is set */
    unsigned                    targeted:1;     /* "control" is from a targeted
                                                   field (RFC 9213) */
    unsigned                    shared:1;       /* has public, s-maxage or
                                                   must-revalidate */
    unsigned                    set_cookie:1;
    unsigned                    event_stream:1;
    unsigned                    unbuffered:1;
    unsigned                    trailers:1;
    unsigned                    upgrade:1;
} gw_cache_response_t;


#define GW_CACHE_ENTRY_NO_CACHE    0x0001U   /* must always be validated */
#define GW_CACHE_ENTRY_REVALIDATE  0x0002U   /* must not be sent stale */
#define GW_CACHE_ENTRY_SHARED      0x0004U   /* also sent to credentials */
#define GW_CACHE_ENTRY_VALIDATOR   0x0008U   /* has ETag or Last-Modified */


/* the metadata of a stored response; plain data without pointers */

typedef struct {
    gw_cache_clock_t            received;
    uint32_t                    age;            /* when it was received */
    uint32_t                    lifetime;
    uint32_t                    stated;         /* lifetime stated by the
                                                   origin, or GW_CACHE_NONE */
    uint32_t                    while_revalidate;   /* or GW_CACHE_NONE */
    uint32_t                    if_error;           /* or GW_CACHE_NONE */
    uint16_t                    status;
    uint16_t                    flags;          /* GW_CACHE_ENTRY_* */
} gw_cache_entry_t;


typedef enum {
    GW_CACHE_FETCH = 0,     /* nothing is stored: forward the request and
                               store the response; with a reason, the request
                               is forwarded as it is and the response is not
                               stored */
    GW_CACHE_BYPASS,        /* forward as without a cache; the response may
                               still be stored if gw_cache_store() allows it */
    GW_CACHE_SEND,          /* send the stored response */
    GW_CACHE_SEND_REFRESH,  /* the same, and refresh it in the background */
    GW_CACHE_REVALIDATE,    /* forward with the stored validators */
    GW_CACHE_UNAVAILABLE    /* 504 */
} gw_cache_action_e;


typedef struct {
    gw_cache_action_e           action;
    gw_cache_reason_e           reason;     /* why it is not simply sent */
    unsigned                    updating:1; /* of GW_CACHE_REVALIDATE: the
                                               response may be sent stale while
                                               another request revalidates it */
    unsigned                    stale:1;    /* of GW_CACHE_SEND and
                                               GW_CACHE_SEND_REFRESH */
    uint32_t                    age;        /* value of the field Age */
    int64_t                     ttl;        /* remaining freshness; negative:
                                               time since the response became
                                               stale */
} gw_cache_reuse_t;


/* the method of a name; names are case-sensitive */
gw_cache_method_e gw_cache_method(const gw_text_t *name);

/*
 * Whether a response to this method invalidates the stored responses for the
 * target (RFC 9111, 4.4): the method is unsafe and the status is not an error.
 */
int gw_cache_invalidates(gw_cache_method_e method, unsigned status);

/* reads a request; sets "partition" to 0, the caller sets it afterwards */
void gw_cache_request_read(gw_cache_request_t *req, gw_cache_method_e method,
    const gw_cache_fields_t *fields);

/*
 * Reads a final response as the origin has sent it.  "requested" is when the
 * request was sent, "received" when the header arrived.
 */
void gw_cache_response_read(gw_cache_response_t *res,
    const gw_cache_conf_t *conf, unsigned status,
    const gw_cache_fields_t *fields, const gw_cache_clock_t *requested,
    const gw_cache_clock_t *received);

/*
 * Whether the response to a request may be stored (RFC 9111, 3).  Returns
 * GW_CACHE_R_NONE and fills "entry", or returns the reason why not.  Vary is
 * evaluated by gw_cache_vary(), single lines by gw_cache_field_stored().
 *
 * "target" is the result of gw_cache_uri_same() for the Content-Location of a
 * response to POST.  It is ignored for other methods.
 */
gw_cache_reason_e gw_cache_store(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res, int target,
    gw_cache_entry_t *entry);

/*
 * Whether a response of the origin that is not stored, for "reason", supersedes
 * the stored response that was to be renewed, which then must not be used any
 * more (RFC 9111, 4: the most recent response). 0: the response is an error, or
 * it was not stored because of the request or its client.
 */
int gw_cache_outdates(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res,
    gw_cache_reason_e reason);

/*
 * Freshens a stored response (RFC 9111, 4.3.4 and 4.3.5) with a matching 304 or
 * a 200 to HEAD.  "req" is the request that was forwarded, with any method;
 * "res" was read from the lines of gw_cache_merge() with the stored status.
 *
 * Returns GW_CACHE_R_NONE and fills "entry" with the new metadata.
 * GW_CACHE_R_REQUEST: also fills it, but the request has no-store: the new
 * metadata is for this request alone, and the stored response stays unchanged.
 * Any other reason: the stored response must be removed.
 */
gw_cache_reason_e gw_cache_freshen(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res,
    gw_cache_entry_t *entry);

/* the current age of a stored response (RFC 9111, 4.2.3) */
uint32_t gw_cache_age(const gw_cache_entry_t *entry,
    const gw_cache_clock_t *now);

/* the freshness lifetime that a stored response has for a request */
uint32_t gw_cache_reuse_lifetime(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry);

/*
 * Decides how to answer a request (RFC 9111, 4).  "entry" is the stored
 * response that the key and Vary select, or NULL.
 */
void gw_cache_reuse(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_entry_t *entry, const gw_cache_clock_t *now,
    gw_cache_reuse_t *result);

/* the bits GW_CACHE_STALE_* of a status; 0: it is not an error */
unsigned gw_cache_stale_status(unsigned status);

/*
 * Decides what to send after the origin has failed in a revalidation (RFC 9111,
 * 4.2.4; RFC 5861, 4).  "error" has bits GW_CACHE_STALE_*.  GW_CACHE_SEND: the
 * stored response.  GW_CACHE_UNAVAILABLE: 504, because must-revalidate forbids
 * the stored response (RFC 9111, 5.2.2.2).  GW_CACHE_BYPASS: the error of the
 * origin or of nginx.
 */
gw_cache_action_e gw_cache_on_error(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry,
    const gw_cache_clock_t *now, unsigned error);


#endif /* GW_CACHE_POLICY_H_INCLUDED */
