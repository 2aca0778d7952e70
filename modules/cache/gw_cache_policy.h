/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a shared cache may store, for how long, and for which requests it may
 * use what it has stored (RFC 9111; RFC 5861; RFC 9213), as the directives of
 * the location allow.  Knows no nginx and no clock.
 *
 * A response is read once, when it arrives: gw_cache_store() keeps what later
 * requests need in a gw_cache_entry_t of a few words.  A request is read once,
 * and gw_cache_reuse() then compares numbers.
 *
 * Times are in seconds unless noted and saturate at GW_CACHE_FOREVER, so that
 * no value of a header and no jump of a clock overflows.
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
    GW_CACHE_SAFE,          /* any other safe one */
    GW_CACHE_UNSAFE         /* any other, known or not (RFC 9111, 4.4) */
} gw_cache_method_e;


typedef enum {
    GW_CACHE_CONTROL_NONE = 0,
    GW_CACHE_CONTROL_SAFE,      /* no-store and only-if-cached */
    GW_CACHE_CONTROL_ALL
} gw_cache_request_control_e;


typedef enum {
    GW_CACHE_COOKIE_SKIP = 0,   /* a response with a cookie is not stored */
    GW_CACHE_COOKIE_STRIP,      /* stored without the cookie */
    GW_CACHE_COOKIE_STORE
} gw_cache_set_cookie_e;


typedef enum {
    GW_CACHE_ORIGIN = 0,        /* "ttl" applies where the origin states none */
    GW_CACHE_OVERRIDE,          /* it replaces what the origin states */
    GW_CACHE_OVERRIDE_ALL       /* and no-store, private, no-cache with it */
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

/* and while it is asked */

#define GW_CACHE_STALE_UPDATING    0x1000U
#define GW_CACHE_STALE_BACKGROUND  0x2000U


/* a lifetime for a status; 0 stands for any */

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

    const gw_cache_ttl_t       *ttl;            /* the first that fits counts */
    size_t                      ttl_n;
    uint32_t                    ttl_min;
    uint32_t                    ttl_max;        /* GW_CACHE_NONE: none */
    unsigned                    heuristic;      /* percent; 0: off */
    uint32_t                    heuristic_max;

    unsigned                    stale;          /* bits GW_CACHE_STALE_* */
    uint32_t                    stale_for;

    const gw_text_t            *targeted;       /* the first that is valid
                                                   counts */
    size_t                      targeted_n;
    uint64_t                    max_object;     /* bytes */
} gw_cache_conf_t;


/*
 * A moment.  The wall clock may be set while the cache runs, and the monotonic
 * one stand still while the machine sleeps.  Either may lag behind another
 * process's.
 */
typedef struct {
    int64_t                     wall;           /* s since 1970 */
    uint64_t                    monotonic;      /* ms */
} gw_cache_clock_t;


typedef struct {
    gw_cache_method_e           method;
    gw_cache_control_t          control;

    unsigned                    credentials:1;  /* Authorization; the caller
                                                   adds an identity, a hidden
                                                   credential, a certificate */
    unsigned                    partition:1;    /* the caller: the partition
                                                   has a value */
    unsigned                    cookie:1;
    unsigned                    range:1;
    unsigned                    conditional:1;  /* If-None-Match, or
                                                   If-Modified-Since */
    unsigned                    precondition:1; /* If-Match, or
                                                   If-Unmodified-Since */
    unsigned                    pragma:1;       /* Pragma: no-cache */
} gw_cache_request_t;


/* what the header of a response says; the texts point into its lines */

typedef struct {
    unsigned                    status;
    gw_cache_clock_t            requested;
    gw_cache_clock_t            received;

    gw_cache_control_t          control;
    gw_cache_names_t            listed;         /* not to be stored: named by
                                                   Connection, no-cache=,
                                                   private= */
    uint32_t                    age;            /* of the field; 0 without */
    uint32_t                    accel;          /* X-Accel-Expires, from now;
                                                   or GW_CACHE_NONE */
    uint32_t                    stated;         /* freshness lifetime by the
                                                   other fields, or _NONE */
    int64_t                     date;           /* or when it was received */
    int64_t                     last_modified;
    uint64_t                    length;         /* UINT64_MAX: not stated */
    gw_text_t                   content_location;

    unsigned                    modified:1;     /* last_modified is set */
    unsigned                    etag:1;
    unsigned                    location:1;     /* content_location is set */
    unsigned                    targeted:1;     /* control is of RFC 9213 */
    unsigned                    shared:1;       /* public, s-maxage or
                                                   must-revalidate */
    unsigned                    set_cookie:1;
    unsigned                    event_stream:1;
    unsigned                    unbuffered:1;
    unsigned                    trailers:1;
    unsigned                    upgrade:1;
} gw_cache_response_t;


#define GW_CACHE_ENTRY_NO_CACHE    0x0001U   /* never without validation */
#define GW_CACHE_ENTRY_REVALIDATE  0x0002U   /* never stale */
#define GW_CACHE_ENTRY_SHARED      0x0004U   /* also for credentials */
#define GW_CACHE_ENTRY_VALIDATOR   0x0008U   /* ETag or Last-Modified */


/* what is kept of a stored response; plain data without pointers */

typedef struct {
    gw_cache_clock_t            received;
    uint32_t                    age;            /* when it was received */
    uint32_t                    lifetime;
    uint32_t                    stated;         /* the origin's, or _NONE */
    uint32_t                    while_revalidate;   /* or _NONE */
    uint32_t                    if_error;           /* or _NONE */
    uint16_t                    status;
    uint16_t                    flags;          /* GW_CACHE_ENTRY_* */
} gw_cache_entry_t;


typedef enum {
    GW_CACHE_FETCH = 0,     /* nothing is stored: ask, and store the answer;
                               with a reason: as it is, it is not stored */
    GW_CACHE_BYPASS,        /* as if there were no cache; the response may
                               still be stored where gw_cache_store() says so */
    GW_CACHE_SEND,          /* the stored response */
    GW_CACHE_SEND_REFRESH,  /* the same, and refresh it in the background */
    GW_CACHE_REVALIDATE,    /* ask, with the stored validators */
    GW_CACHE_UNAVAILABLE    /* 504 */
} gw_cache_action_e;


typedef struct {
    gw_cache_action_e           action;
    gw_cache_reason_e           reason;     /* why not simply sent */
    unsigned                    updating:1; /* of _REVALIDATE: may be sent as
                                               it is while another request
                                               revalidates it */
    unsigned                    stale:1;    /* of _SEND and _SEND_REFRESH */
    uint32_t                    age;        /* for the field Age */
    int64_t                     ttl;        /* of freshness; negative: stale
                                               for so long */
} gw_cache_reuse_t;


/* the method of a name; names are case-sensitive */
gw_cache_method_e gw_cache_method(const gw_text_t *name);

/*
 * Whether a response to the method makes what is stored for the target invalid
 * (RFC 9111, 4.4): the method is not safe, the response no error.
 */
int gw_cache_invalidates(gw_cache_method_e method, unsigned status);

/* reads a request; "partition" is 0, and for the caller to set */
void gw_cache_request_read(gw_cache_request_t *req, gw_cache_method_e method,
    const gw_cache_fields_t *fields);

/*
 * Reads a final response as it came from the origin, before anything was added
 * or removed.  "requested" is when the request was sent, "received" when the
 * header arrived.
 */
void gw_cache_response_read(gw_cache_response_t *res,
    const gw_cache_conf_t *conf, unsigned status,
    const gw_cache_fields_t *fields, const gw_cache_clock_t *requested,
    const gw_cache_clock_t *received);

/*
 * Whether the answer to a request may be stored (RFC 9111, 3).  GW_CACHE_R_NONE
 * with "entry" filled, or the reason why not.  What Vary says is for
 * gw_cache_vary(); which lines are stored for gw_cache_field_stored().
 *
 * "target" is whether the Content-Location of the answer to a POST is the
 * target, gw_cache_uri_same(); it is ignored for other methods.
 */
gw_cache_reason_e gw_cache_store(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res, int target,
    gw_cache_entry_t *entry);

/*
 * Whether an answer of the origin that is not stored, for "reason", takes the
 * place of the stored response that was to be renewed, which must not be used
 * any more then (RFC 9111, 4: the most recent response).  0: it is an error, or
 * what was asked for and by whom is the reason.
 */
int gw_cache_outdates(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res,
    gw_cache_reason_e reason);

/*
 * Freshens a stored response (RFC 9111, 4.3.4 and 4.3.5) after a 304, or a 200
 * to HEAD, that is about it.  "req" is the request that was answered, of any
 * method; "res" was read from the lines of gw_cache_merge() with the stored
 * status.
 *
 * GW_CACHE_R_NONE with "entry" filled anew; GW_CACHE_R_REQUEST, too, but the
 * request's no-store forbids to store anything of the answer: it is for this
 * request, and the stored response stays as it was; another reason: that must
 * not be kept any longer.
 */
gw_cache_reason_e gw_cache_freshen(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_response_t *res,
    gw_cache_entry_t *entry);

/* the current age of a stored response (RFC 9111, 4.2.3) */
uint32_t gw_cache_age(const gw_cache_entry_t *entry,
    const gw_cache_clock_t *now);

/* the freshness lifetime of a stored response, as it is for a request */
uint32_t gw_cache_reuse_lifetime(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry);

/*
 * How a request is answered (RFC 9111, 4).  "entry" is the stored response
 * that the key and Vary select, or NULL.
 */
void gw_cache_reuse(const gw_cache_conf_t *conf, const gw_cache_request_t *req,
    const gw_cache_entry_t *entry, const gw_cache_clock_t *now,
    gw_cache_reuse_t *result);

/* the bits GW_CACHE_STALE_* of a status, or 0: it is no error */
unsigned gw_cache_stale_status(unsigned status);

/*
 * What to send when the origin failed in a revalidation (RFC 9111, 4.2.4; RFC
 * 5861, 4).  "error" has bits GW_CACHE_STALE_*.  GW_CACHE_SEND: the stored
 * response; GW_CACHE_UNAVAILABLE: 504, since must-revalidate forbids it (RFC
 * 9111, 5.2.2.2); GW_CACHE_BYPASS: the origin's error, or nginx's.
 */
gw_cache_action_e gw_cache_on_error(const gw_cache_conf_t *conf,
    const gw_cache_request_t *req, const gw_cache_entry_t *entry,
    const gw_cache_clock_t *now, unsigned error);


#endif /* GW_CACHE_POLICY_H_INCLUDED */
