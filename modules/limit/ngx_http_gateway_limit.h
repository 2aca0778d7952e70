/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limits, quotas and limits of concurrency.
 *
 * A zone (gateway_limit_zone) defines a key and a limit; gateway_limit applies
 * a zone to the requests of a location.  For each request the limits of the
 * location become items: a key, the figures that apply, a cost, and the
 * verdict.  Items live as long as the request.  They ensure that a zone is
 * charged once, are the source of header fields and variables, and keep what
 * can be refunded or settled.
 *
 * Items of zones in shared memory are decided at once.  Items of zones in the
 * same Redis are decided by one call of a script.  The zone caches a refusal by
 * Redis, so that Redis is not asked again until it ends.  If Redis does not
 * decide, on_error= does.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_metric.h"
#include "ngx_http_gateway_observe.h"
#include "ngx_http_gateway_say.h"
#include "ngx_http_gateway_wait.h"
#include "ngx_http_gateway_redis.h"
#include "gw_calendar.h"
#include "gw_limit.h"
#include "gw_siphash.h"
#include "gw_slot.h"
#include "gw_table.h"


typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_LATE = 0,    /* PRECONTENT: identity is known */
    NGX_HTTP_GATEWAY_LIMIT_EARLY,       /* ACCESS, before authentication */
    NGX_HTTP_GATEWAY_LIMIT_STAGES
} ngx_http_gateway_limit_stage_e;


/* on_error= */

typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_LOCAL = 0,
    NGX_HTTP_GATEWAY_LIMIT_OPEN,
    NGX_HTTP_GATEWAY_LIMIT_CLOSED
} ngx_http_gateway_limit_error_e;


/* what has decided an item: $gateway_limit_source */

typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_FROM_NONE = 0,
    NGX_HTTP_GATEWAY_LIMIT_FROM_SHM,
    NGX_HTTP_GATEWAY_LIMIT_FROM_REDIS,
    NGX_HTTP_GATEWAY_LIMIT_FROM_DENY_CACHE,
    NGX_HTTP_GATEWAY_LIMIT_FROM_LOCAL,
    NGX_HTTP_GATEWAY_LIMIT_FROM_OPEN,
    NGX_HTTP_GATEWAY_LIMIT_FROM_CLOSED, /* its variable is empty */
    NGX_HTTP_GATEWAY_LIMIT_SOURCES
} ngx_http_gateway_limit_source_e;


/* a figure of the configuration: a literal, or a variable with a fallback */

typedef struct {
    ngx_http_complex_value_t       *value;      /* NULL: a literal */
    ngx_str_t                       text;       /* as written; "": missing */
    gw_figure_kind_e                kind;
    gw_figure_t                     figure;     /* the literal, or fallback */
    ngx_uint_t                      implied;    /* unsigned:1; a cost without
                                                   a fallback: it is 1 */
    ngx_uint_t                      reserve;    /* unsigned:1; the reserve is
                                                   the fallback */
} ngx_http_gateway_limit_figure_t;


/* the beginning of a zone in shared memory */

typedef struct {
    ngx_atomic_t                    generation; /* the last one of counts */
    ngx_atomic_t                    unsettled;  /* unconfirmed charges */
    ngx_atomic_t                    unreturned; /* unconfirmed refunds */
    uint64_t                        most;       /* ns: see gw_limit_t */
    size_t                          slots;      /* offset; 0: none */
    size_t                          table;      /* offset */
    u_char                          unused[64 - 3 * sizeof(ngx_atomic_t)
                                           - sizeof(uint64_t)
                                           - 2 * sizeof(size_t)];
} ngx_http_gateway_limit_shm_t;


/*
 * What a worker writes while it serves requests, one for each zone and each
 * location.  The configuration itself is read-only then, and items point to
 * constant zones.
 *
 * These are allocated with the configuration, outside of its structures: each
 * worker has its own copy since fork(), and a reload begins with new ones,
 * while requests of the old configuration go on with theirs.  This also holds
 * with "master_process off", where nginx does not call init_process on a
 * reload.
 */

typedef struct {
    gw_calendar_window_t            windows[GW_FIGURE_UNITS];  /* cached */
    int64_t                         nexts[GW_FIGURE_UNITS];    /* the ends of
                                                   the next windows */
    ngx_atomic_t                    said_evicted;   /* see may_say() */
    ngx_atomic_t                    said_unusable;
    ngx_atomic_t                    said_reserve;
    ngx_atomic_t                    said_no_slot;
    time_t                          swept;
    uint64_t                        slot_cursor;
} ngx_http_gateway_limit_worker_zone_t;


typedef struct {
    ngx_uint_t                      said_anonymous;  /* unsigned:1 */
} ngx_http_gateway_limit_worker_loc_t;


typedef struct {
    ngx_str_t                       name;
    ngx_http_complex_value_t       *key;
    ngx_str_t                       key_text;
    ngx_str_t                       key_name;   /* if the key is one variable,
                                                   its name; else "" */
    ngx_int_t                       key_index;  /* likewise its index, or -1 */
    ngx_uint_t                      identity;   /* unsigned:1; the key is empty
                                                   for anonymous requests */

    ngx_http_gateway_zone_t         zone;       /* name and size */
    ngx_uint_t                      algorithm;  /* gw_limit_algorithm_e */
    ngx_http_gateway_limit_figure_t rate;       /* one of these three */
    ngx_http_gateway_limit_figure_t quota;
    ngx_http_gateway_limit_figure_t concurrency;
    ngx_http_gateway_limit_figure_t *figure;    /* points to that one */
    ngx_http_gateway_limit_figure_t burst;

    uint64_t                        most;       /* ns, by literal figures: see
                                                   gw_limit_t */
    ngx_uint_t                      variable;   /* unsigned:1; some figures
                                                   are variables */

    ngx_str_t                       timezone;
    gw_tz_t                         tz;
    ngx_uint_t                      ipv6_prefix;  /* bits; 0: all */

    ngx_str_t                       redis_name;
    ngx_http_gateway_redis_t       *redis;      /* NULL: shared memory */
    ngx_uint_t                      on_error;
    ngx_uint_t                      share;      /* thousandths */

    ngx_uint_t                      stage;
    ngx_uint_t                      dry_run;    /* unsigned:1 */
    ngx_http_gateway_place_t        where;      /* of the directive */

    ngx_http_gateway_limit_shm_t   *sh;
    gw_table_t                     *table;
    gw_slots_t                     *slots;      /* of concurrency=, or NULL; a
                                                   slot has the key's place in
                                                   the table + 1, and the
                                                   generation of its count */

    ngx_http_gateway_limit_worker_zone_t  *worker;
    ngx_http_gateway_vector_t      *decisions;  /* of _count.c; NULL: are not
                                                   counted */
} ngx_http_gateway_limit_zone_t;


/* gateway_limit */

typedef struct {
    ngx_str_t                       name;
    ngx_http_gateway_limit_zone_t  *zone;
    ngx_http_gateway_limit_figure_t burst;      /* overrides the zone's */
    ngx_http_gateway_limit_figure_t delay;      /* excess without a delay */
    ngx_uint_t                      nodelay;    /* unsigned:1 */
    ngx_http_gateway_limit_figure_t cost;
    ngx_http_gateway_limit_figure_t min;        /* of the cost; a literal */
    ngx_uint_t                      settle;     /* unsigned:1 */
    ngx_http_gateway_limit_figure_t reserve;    /* charged until settled */
    ngx_uint_t                      penalty;    /* unsigned:1 */
    ngx_uint_t                      dry_run;    /* unsigned:1 */
    gw_limit_t                      figures;    /* if all are literals */
    ngx_uint_t                      literal;    /* unsigned:1; they are */
    ngx_http_gateway_place_t        where;
} ngx_http_gateway_limit_t;


typedef struct {
    ngx_array_t                     zones;      /* zone_t * */
    ngx_array_t                     names;      /* ngx_str_t: zones in use */
    ngx_array_t                     checks;     /* loc_conf_t *, for _check() */
    EVP_MD_CTX                     *clean;      /* SHA-256, nothing hashed */
    EVP_MD_CTX                     *work;       /* a copy, written by the
                                                   worker; as "worker" above */
    ngx_uint_t                      used;       /* unsigned:1 */
    ngx_uint_t                      early;      /* unsigned:1 */
} ngx_http_gateway_limit_main_conf_t;


#define NGX_HTTP_GATEWAY_LIMIT_LEGACY  0x0002
#define NGX_HTTP_GATEWAY_LIMIT_IETF    0x0004
#define NGX_HTTP_GATEWAY_LIMIT_OFF     0x0008


/* gateway_limit_inherit */

typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_INHERIT_ON = 0,
    NGX_HTTP_GATEWAY_LIMIT_INHERIT_OFF,
    NGX_HTTP_GATEWAY_LIMIT_INHERIT_MERGE
} ngx_http_gateway_limit_inherit_e;


typedef struct {
    ngx_array_t                    *limits;     /* limit_t; NULL: inherit */
    ngx_uint_t                      inherit;
    ngx_uint_t                      own;        /* unsigned:1; has limits that
                                                   are not inherited */
    ngx_array_t                    *stages[NGX_HTTP_GATEWAY_LIMIT_STAGES];
                                                /* limit_t *; NULL: none */
    ngx_array_t                    *problems;   /* ngx_str_t, for each of
                                                   "limits" */
    ngx_array_t                    *exempt;     /* predicates */
    ngx_int_t                       status;
    ngx_uint_t                      headers;    /* bits */
    ngx_uint_t                      log_level;

    ngx_http_gateway_loc_conf_t    *core;       /* of the same location */
    ngx_uint_t                      any;        /* unsigned:1; with "satisfy
                                                   any" others can admit */
    ngx_http_gateway_place_t        where;      /* of the block */

    ngx_http_gateway_limit_worker_loc_t  *worker;   /* not inherited */

    struct ngx_http_gateway_admin_s *admin;     /* not inherited */
} ngx_http_gateway_limit_loc_conf_t;


/* a limit, applied to a request */

typedef struct ngx_http_gateway_limit_group_s  ngx_http_gateway_limit_group_t;

typedef struct {
    const ngx_http_gateway_limit_t *limit;
    const ngx_http_gateway_limit_zone_t  *zone;
    gw_limit_t                      figures;
    ngx_str_t                       key;
    u_char                          address[16];    /* the key's network */
    uint64_t                        hash[2];    /* the key in the zone */
    uint64_t                        cost;       /* units that must be left */
    uint64_t                        charge;     /* units to charge: the cost,
                                                   or with "settle" the
                                                   reserve */
    gw_limit_result_t               result;
    ngx_msec_t                      delay;
    gw_slot_t                      *slot;       /* of concurrency */
    ngx_str_t                       redis_key;
    uint64_t                        whole_interval; /* while "figures" are */
    uint64_t                        whole_capacity; /*   those of a share */

    unsigned                        source:4;
    unsigned                        asked:1;    /* Redis was asked */
    unsigned                        decided:1;
    unsigned                        refused:1;  /* also in dry_run */
    unsigned                        charged:1;
    unsigned                        returned:1; /* since another refused */
    unsigned                        dry_run:1;
    unsigned                        unavailable:1;  /* no slot is free */
} ngx_http_gateway_limit_item_t;


/* an interval of ns in us, as Redis counts: rounded up, never too fast */
#define ngx_http_gateway_limit_usec(ns)  (((ns) + 999) / 1000)


/* items that are decided together; r->pool */

typedef struct ngx_http_gateway_limit_batch_s  ngx_http_gateway_limit_batch_t;

struct ngx_http_gateway_limit_batch_s {
    ngx_http_gateway_limit_batch_t *next;       /* an earlier one */
    ngx_http_gateway_limit_item_t  *items;
    ngx_uint_t                      n;
    ngx_uint_t                      stage;
    ngx_uint_t                      page;       /* unsigned:1; the location is
                                                   that of an error page */
    ngx_http_gateway_limit_item_t  *refused;    /* the first that refuses;
                                                   NULL: none */
};


typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_IDLE = 0,
    NGX_HTTP_GATEWAY_LIMIT_ASKED,       /* parked until Redis replies */
    NGX_HTTP_GATEWAY_LIMIT_ANSWERED,    /* Redis has replied, or failed */
    NGX_HTTP_GATEWAY_LIMIT_DELAYED      /* parked for a time */
} ngx_http_gateway_limit_step_e;


/* limit's part of the request's record */

typedef struct ngx_http_gateway_limit_ctx_s  ngx_http_gateway_limit_ctx_t;

typedef void (*ngx_http_gateway_limit_answered_pt)(
    ngx_http_gateway_limit_ctx_t *ctx);

struct ngx_http_gateway_limit_ctx_s {
    ngx_http_request_t             *request;
    ngx_http_gateway_limit_batch_t *batches;    /* the newest first */
    ngx_http_gateway_limit_step_e   step;
    ngx_http_gateway_wait_t        *wait;       /* while it is parked */
    ngx_http_gateway_limit_group_t *groups;     /* asked of Redis */
    ngx_uint_t                      pending;    /* calls of them, in flight */
    ngx_http_gateway_limit_answered_pt  answered;  /* none of them is left */
    unsigned                        exempt:1;
    unsigned                        delayed:1;
    unsigned                        admitted:1; /* by ACCESS and access */
    ngx_http_gateway_refusal_t      refusal;
};


/* its index, registered in preconfiguration */
extern ngx_uint_t  ngx_http_gateway_limit_part_slot;

/* the part of a record (or NULL); NULL: no limit has applied so far */
#define ngx_http_gateway_limit_part(gr)                                       \
    ((gr) ? (ngx_http_gateway_limit_ctx_t *)                                  \
            ngx_http_gateway_slot(gr, ngx_http_gateway_limit_part_slot)       \
          : NULL)


/*
 * ngx_http_gateway_limit_conf.c: gateway_limit_zone
 */

/* reads the parameters of the directive into a zeroed zone; logs errors */
char *ngx_http_gateway_limit_zone_parse(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone);

/* [warn] for a zone whose memory a few keys can use up */
void ngx_http_gateway_limit_zone_warn(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone);

/* asks nginx for the shared memory of a zone */
char *ngx_http_gateway_limit_zone_memory(ngx_conf_t *cf,
    ngx_http_gateway_limit_zone_t *zone);

/* the zone of a name; NULL: there is none */
ngx_http_gateway_limit_zone_t *ngx_http_gateway_limit_find(
    ngx_http_gateway_limit_main_conf_t *lmcf, ngx_str_t *name);


/*
 * ngx_http_gateway_limit_figure.c: figures
 */

/*
 * Setters of an ngx_http_gateway_limit_figure_t, whose kind is "post": 10r/s or
 * $variable|10r/s; for a cost the fallback is optional.
 */
char *ngx_http_gateway_limit_param_figure(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
char *ngx_http_gateway_limit_param_cost(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* whether a text contains a variable that authentication sets */
ngx_uint_t ngx_http_gateway_limit_identity(ngx_str_t *text);

/* whether a text contains $http_..., $arg_... or $cookie_... */
ngx_uint_t ngx_http_gateway_limit_client(ngx_str_t *text);

/*
 * The value of a figure for a request.  "*value" must hold the literal or the
 * fallback; it is left alone unless the figure is a variable with a valid
 * value.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_figure(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, gw_figure_t *value);

/* logs that the value of a figure is invalid, once a minute for each zone */
void ngx_http_gateway_limit_unusable(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, const char *must,
    const char *why);

/*
 * The log of a request, which does not show the request.  In the early stage
 * its credentials are not hidden: keys of limits may still need them.
 */
ngx_log_t ngx_http_gateway_limit_log(ngx_http_request_t *r);


/*
 * ngx_http_gateway_limit_use.c: gateway_limit
 */

/* reads the parameters of the directive; logs errors */
char *ngx_http_gateway_limit_parse(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);

/* the limit of a zone among "n" limits; NULL: there is none */
const ngx_http_gateway_limit_t *ngx_http_gateway_limit_by_zone(
    const ngx_http_gateway_limit_t *limits, ngx_uint_t n,
    const ngx_str_t *zone);

/* registers what a limit needs of core, and that its zone is used */
char *ngx_http_gateway_limit_register(ngx_conf_t *cf,
    const ngx_http_gateway_limit_t *limit);

/*
 * Inherits the limits of the outer block, as gateway_limit_inherit says, but
 * for zones that the location has a limit of.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_inherit(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf);

/* prepares the limits of a location, after they were inherited */
char *ngx_http_gateway_limit_merge(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf);


/*
 * ngx_http_gateway_limit_check.c: checks of the whole configuration
 */

/* while locations are merged: [emerg] if a key is always empty */
char *ngx_http_gateway_limit_hidden(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf);

/* after all locations were merged; NGX_ERROR: logged */
ngx_int_t ngx_http_gateway_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf);


/*
 * ngx_http_gateway_limit_zone.c: keys and their states in shared memory
 */

ngx_int_t ngx_http_gateway_limit_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);

/* the number of slots of a zone, which take half of its memory */
uint64_t ngx_http_gateway_limit_slots(
    const ngx_http_gateway_limit_zone_t *zone);

/*
 * Both clocks as nginx has cached them.  If a unit of the limit takes less than
 * a millisecond, the monotonic clock is read again.
 */
void ngx_http_gateway_limit_clock(const gw_limit_t *limit,
    gw_limit_clock_t *now);

/* sets the current window of a limit; no effect without windows */
void ngx_http_gateway_limit_window(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit);

/* sets limit->most, by all figures of the zone */
void ngx_http_gateway_limit_most(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit);

/*
 * Reduces item->key, a binary IPv6 address, to the network that ipv6_prefix=
 * says.  The key then points into the item, which must not move.
 */
void ngx_http_gateway_limit_network(ngx_http_gateway_limit_item_t *item);

/* sets item->hash by item->key */
void ngx_http_gateway_limit_hash(ngx_http_gateway_limit_item_t *item);

/*
 * The share of the zone's places with keys in use, from 0 to 1, by at most
 * "buckets" buckets of its table.
 */
double ngx_http_gateway_limit_zone_used(
    const ngx_http_gateway_limit_zone_t *zone, ngx_uint_t buckets);

/* charges "cost" units to the key, by "mode"; sets item->result */
void ngx_http_gateway_limit_zone_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode, uint64_t cost);

/* refunds the charge of item->result, if the key is still in the zone */
void ngx_http_gateway_limit_zone_give(ngx_http_gateway_limit_item_t *item);

/*
 * The words of the key's state; with "make" never NULL.  Another key may get
 * the place at any time, see gw_table_holds().
 */
uint64_t *ngx_http_gateway_limit_zone_state(
    ngx_http_gateway_limit_item_t *item, ngx_uint_t make);

/*
 * Makes a key idle and clears its entry in the deny cache.  With concurrency=
 * the requests being served no longer count, nor does their end.
 */
void ngx_http_gateway_limit_zone_forget(ngx_http_gateway_limit_item_t *item);

/* the two words of a key's state that are its entry in the deny cache */
#define ngx_http_gateway_limit_denied(item, state)                            \
    (&(state)[gw_limit_words((item)->zone->algorithm)])


/*
 * ngx_http_gateway_limit_slot.c: limits of concurrency
 */

/*
 * Counts a request of the key (GW_LIMIT_TAKE) or only looks; sets item->slot
 * and item->result.  item->unavailable: the key is below its limit, but the
 * zone has no free slot.
 */
void ngx_http_gateway_limit_slot_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode);

/* the request no longer counts; no effect without item->slot */
void ngx_http_gateway_limit_slot_give(ngx_http_gateway_limit_item_t *item);

/*
 * Frees the slots of processes that have ended and returns their number.  A
 * worker that starts sets "start"; else at most one call a second has an
 * effect.
 */
ngx_uint_t ngx_http_gateway_limit_slot_sweep(
    const ngx_http_gateway_limit_zone_t *zone, ngx_uint_t start);


/*
 * ngx_http_gateway_limit_item.c: limits, applied to a request
 */

/*
 * Makes a batch of items for the limits of a stage.  Zones that have decided on
 * the request before are left out.  NGX_DECLINED: nothing is left to decide;
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_items(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_array_t *limits, ngx_uint_t stage);

/*
 * The present value of cost=, or its fallback, or the reserve if there is no
 * fallback; at least min=.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_cost(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item, uint64_t *cost);

/* records the verdict of an item, by "passed" of its result */
void ngx_http_gateway_limit_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t source);


/*
 * ngx_http_gateway_limit_decide.c: deciding
 */

/* limit's part of the request's record, created if needed; NULL: no memory */
ngx_http_gateway_limit_ctx_t *ngx_http_gateway_limit_ctx(
    ngx_http_request_t *r);

/*
 * The handler of a stage: decides the limits of the location, after it was
 * called again if the request was parked.
 */
ngx_int_t ngx_http_gateway_limit_handler(ngx_http_request_t *r,
    ngx_http_gateway_limit_stage_e stage);

/*
 * Decides the newest batch.  Returns what the phase handler must return;
 * NGX_AGAIN: the request is parked, and the handler will be called again.
 */
ngx_int_t ngx_http_gateway_limit_decide(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);

/* the same, after all items of the batch were decided */
ngx_int_t ngx_http_gateway_limit_finish(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);


/*
 * ngx_http_gateway_limit_settle.c: settlement
 */

/* in LOG: charges or refunds the difference between cost and reserve */
void ngx_http_gateway_limit_settle(ngx_http_request_t *r);


/*
 * ngx_http_gateway_limit_deny.c: the deny cache
 */

/* whether Redis has refused as much before; if so, sets item->result */
ngx_uint_t ngx_http_gateway_limit_deny_cached(
    ngx_http_gateway_limit_item_t *item);

/* keeps the refusal of item->result; "sent" is the time of the call */
void ngx_http_gateway_limit_deny_keep(ngx_http_gateway_limit_item_t *item,
    ngx_msec_t sent);

/* clears the entry of a key */
void ngx_http_gateway_limit_deny_forget(ngx_http_gateway_limit_item_t *item);


/*
 * ngx_http_gateway_limit_header.c: fields of the response
 */

ngx_int_t ngx_http_gateway_limit_header_init(ngx_conf_t *cf);

/*
 * The item that header fields and variables show; NULL: none.  "hidden": also
 * those that clients are not told of, such as dry_run.
 */
ngx_http_gateway_limit_item_t *ngx_http_gateway_limit_shown(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_uint_t hidden);

/* whether clients are told of an item */
ngx_uint_t ngx_http_gateway_limit_told(
    const ngx_http_gateway_limit_item_t *item);

/*
 * Adds a field to the response.  "name" and "value" must live as long as the
 * request.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_push(ngx_http_request_t *r,
    const ngx_str_t *name, u_char *value, size_t len);

/* ns in seconds, rounded up */
uint64_t ngx_http_gateway_limit_sec(uint64_t ns);


/*
 * ngx_http_gateway_limit_problem.c: refusals
 */

/* the reason of an item's refusal */
gw_reason_e ngx_http_gateway_limit_reason(
    const ngx_http_gateway_limit_item_t *item);

/* configuration: makes conf->problems; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_problems(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf);

/* sets ctx->refusal; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_problem(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch, ngx_uint_t status);


/*
 * ngx_http_gateway_limit_variable.c
 */

ngx_int_t ngx_http_gateway_limit_variables(ngx_conf_t *cf);

/* in LOG, after settlement: adds the verdicts to the request's record */
void ngx_http_gateway_limit_results(ngx_http_request_t *r);


/*
 * ngx_http_gateway_limit_admin.c: gateway_limit_admin
 */

char *ngx_http_gateway_limit_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_limit_admin_merge(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf);


extern ngx_module_t  ngx_http_gateway_limit_module;


#endif /* _NGX_HTTP_GATEWAY_LIMIT_H_INCLUDED_ */
