/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limits, quotas and limits of concurrency.
 *
 * A zone (gateway_limit_zone) says what is counted and how much of it there
 * is; a limit (gateway_limit) applies a zone to requests.  For a request the
 * limits that are in force become items: a key, the figures that apply, a cost,
 * and what was decided.  Items are kept for as long as the request: they are
 * how a zone is charged once, what headers and variables tell, and what is
 * given back or settled.
 *
 * Items of zones in shared memory are decided where they stand.  Those of one
 * gateway_redis are decided by one call of a script; what Redis has refused is
 * kept in the zone for a while, and asked of nobody until then; where Redis
 * cannot say, on_error does.
 */

#ifndef _NGX_HTTP_GATEWAY_LIMIT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LIMIT_H_INCLUDED_


#include "ngx_http_gateway.h"
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


/* who has decided: $gateway_limit_source */

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


/* a figure as it is written: a literal, or a value and what else applies */

typedef struct {
    ngx_http_complex_value_t       *value;      /* NULL: a literal */
    ngx_str_t                       text;       /* all of it; "": not there */
    gw_figure_kind_e                kind;
    gw_figure_t                     figure;     /* the literal, or else */
    ngx_uint_t                      implied;    /* unsigned:1; "|1" of a cost */
    ngx_uint_t                      reserve;    /* unsigned:1; applies instead
                                                   of that */
} ngx_http_gateway_limit_figure_t;


/* in shared memory */

typedef struct {
    ngx_atomic_t                    generation; /* of counts, the last one */
    ngx_atomic_t                    unsettled;  /* charges that were lost */
    ngx_atomic_t                    unreturned; /* what was given back, too */
    uint64_t                        most;       /* ns: see gw_limit_t */
    size_t                          slots;      /* their offset; 0: none */
    size_t                          table;      /* its offset from here */
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
    gw_calendar_window_t            windows[GW_FIGURE_UNITS];  /* the last */
    int64_t                         nexts[GW_FIGURE_UNITS];    /* their ends */
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
    ngx_str_t                       key_name;   /* of a lone variable, or "" */
    ngx_int_t                       key_index;  /* likewise, or -1 */
    ngx_uint_t                      identity;   /* unsigned:1; it may be empty
                                                   for who is admitted */

    ngx_http_gateway_zone_t         zone;       /* name and size */
    ngx_uint_t                      algorithm;  /* gw_limit_algorithm_e */
    ngx_http_gateway_limit_figure_t rate;       /* or else, one of the three: */
    ngx_http_gateway_limit_figure_t quota;
    ngx_http_gateway_limit_figure_t concurrency;
    ngx_http_gateway_limit_figure_t *figure;    /* that one */
    ngx_http_gateway_limit_figure_t burst;

    uint64_t                        most;       /* of all literal figures */
    ngx_uint_t                      variable;   /* unsigned:1; or of others */

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
    gw_slots_t                     *slots;      /* of concurrency, or NULL:
                                                   place is one in the table,
                                                   + 1; generation is that of
                                                   the key's count */

    ngx_http_gateway_limit_worker_zone_t  *worker;
} ngx_http_gateway_limit_zone_t;


/* gateway_limit */

typedef struct {
    ngx_str_t                       name;
    ngx_http_gateway_limit_zone_t  *zone;
    ngx_http_gateway_limit_figure_t burst;      /* instead of the zone's */
    ngx_http_gateway_limit_figure_t delay;      /* excess that does not wait */
    ngx_uint_t                      nodelay;    /* unsigned:1 */
    ngx_http_gateway_limit_figure_t cost;
    ngx_http_gateway_limit_figure_t min;        /* of the cost; a literal */
    ngx_uint_t                      settle;     /* unsigned:1 */
    ngx_http_gateway_limit_figure_t reserve;    /* charged until then */
    ngx_uint_t                      penalty;    /* unsigned:1 */
    ngx_uint_t                      dry_run;    /* unsigned:1 */
    gw_limit_t                      figures;    /* where all is literal */
    ngx_uint_t                      literal;    /* unsigned:1 */
    ngx_http_gateway_place_t        where;
} ngx_http_gateway_limit_t;


typedef struct {
    ngx_array_t                     zones;      /* zone_t * */
    ngx_array_t                     names;      /* ngx_str_t, of all limits */
    ngx_array_t                     checks;     /* loc_conf_t *: see _check() */
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
    ngx_uint_t                      own;        /* unsigned:1; not inherited */
    ngx_array_t                    *stages[NGX_HTTP_GATEWAY_LIMIT_STAGES];
                                                /* limit_t *; NULL: none */
    ngx_array_t                    *problems;   /* ngx_str_t, as "limits" */
    ngx_array_t                    *exempt;     /* predicates */
    ngx_int_t                       status;
    ngx_uint_t                      headers;    /* bits */
    ngx_uint_t                      log_level;

    ngx_http_gateway_loc_conf_t    *core;       /* of the same location */
    ngx_uint_t                      any;        /* unsigned:1; satisfy any, and
                                                   another way in */
    ngx_http_gateway_place_t        where;      /* of the block */

    ngx_http_gateway_limit_worker_loc_t  *worker;   /* not inherited */

    struct ngx_http_gateway_admin_s *admin;     /* not inherited */
} ngx_http_gateway_limit_loc_conf_t;


/* what a limit means for a request */

typedef struct ngx_http_gateway_limit_group_s  ngx_http_gateway_limit_group_t;

typedef struct {
    const ngx_http_gateway_limit_t *limit;
    const ngx_http_gateway_limit_zone_t  *zone;
    gw_limit_t                      figures;
    ngx_str_t                       key;
    u_char                          address[16];    /* the key, cut */
    uint64_t                        hash[2];    /* of the key, in the zone */
    uint64_t                        cost;       /* to look for */
    uint64_t                        charge;     /* to be charged: cost, or 0;
                                                   with "settle" the reserve */
    gw_limit_result_t               result;
    ngx_msec_t                      delay;
    gw_slot_t                      *slot;       /* of concurrency */
    ngx_str_t                       redis_key;
    uint64_t                        whole_interval; /* of a local share */
    uint64_t                        whole_capacity;

    unsigned                        source:4;
    unsigned                        asked:1;    /* Redis */
    unsigned                        decided:1;
    unsigned                        refused:1;  /* or would be, in dry_run */
    unsigned                        charged:1;
    unsigned                        returned:1; /* a refusal has undone it */
    unsigned                        dry_run:1;
    unsigned                        unavailable:1;  /* no slot is free */
} ngx_http_gateway_limit_item_t;


/* an interval, in ns, as Redis counts it, in us: rounded up, never too fast */
#define ngx_http_gateway_limit_usec(ns)  (((ns) + 999) / 1000)


/* items that are decided together; r->pool */

typedef struct ngx_http_gateway_limit_batch_s  ngx_http_gateway_limit_batch_t;

struct ngx_http_gateway_limit_batch_s {
    ngx_http_gateway_limit_batch_t *next;       /* an earlier one */
    ngx_http_gateway_limit_item_t  *items;
    ngx_uint_t                      n;
    ngx_uint_t                      stage;
    ngx_uint_t                      page;       /* unsigned:1; of an error */
    ngx_http_gateway_limit_item_t  *refused;    /* the first that refuses */
};


typedef enum {
    NGX_HTTP_GATEWAY_LIMIT_IDLE = 0,
    NGX_HTTP_GATEWAY_LIMIT_ASKED,       /* Redis; parked */
    NGX_HTTP_GATEWAY_LIMIT_ANSWERED,
    NGX_HTTP_GATEWAY_LIMIT_DELAYED      /* parked */
} ngx_http_gateway_limit_step_e;


/* limit's part of the request's record */

typedef struct ngx_http_gateway_limit_ctx_s  ngx_http_gateway_limit_ctx_t;

typedef void (*ngx_http_gateway_limit_answered_pt)(
    ngx_http_gateway_limit_ctx_t *ctx);

struct ngx_http_gateway_limit_ctx_s {
    ngx_http_request_t             *request;
    ngx_http_gateway_limit_batch_t *batches;    /* the last one first */
    ngx_http_gateway_limit_step_e   step;
    ngx_http_gateway_wait_t        *wait;       /* while it is parked */
    ngx_http_gateway_limit_group_t *groups;     /* asked of Redis */
    ngx_uint_t                      pending;    /* calls of them, in flight */
    ngx_http_gateway_limit_answered_pt  answered;  /* none of them is left */
    unsigned                        exempt:1;
    unsigned                        delayed:1;
    unsigned                        admitted:1; /* ACCESS has let it pass */
    ngx_http_gateway_refusal_t      refusal;
};


/* its index, registered in preconfiguration */
extern ngx_uint_t  ngx_http_gateway_limit_part_slot;

/* the part of a record, which may be NULL; NULL: no limit has applied so far */
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

/* the zone of a name; NULL */
ngx_http_gateway_limit_zone_t *ngx_http_gateway_limit_find(
    ngx_http_gateway_limit_main_conf_t *lmcf, ngx_str_t *name);


/*
 * ngx_http_gateway_limit_figure.c: figures
 */

/*
 * Setters of ngx_http_gateway_limit_figure_t: 10r/s or $variable|10r/s, of the
 * kind "post"; and a cost, for which "|1" may be left out.
 */
char *ngx_http_gateway_limit_param_figure(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);
char *ngx_http_gateway_limit_param_cost(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* whether a text holds a variable that is known only after authentication */
ngx_uint_t ngx_http_gateway_limit_identity(ngx_str_t *text);

/* whether it holds $http_..., $arg_... or $cookie_... */
ngx_uint_t ngx_http_gateway_limit_client(ngx_str_t *text);

/*
 * A figure as it applies to the request; "*value" is left as it is where the
 * variable is empty or unusable, or there is none.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_figure(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, gw_figure_t *value);

/* logs, once a minute for each zone, that the value of a figure is unusable */
void ngx_http_gateway_limit_unusable(ngx_http_request_t *r,
    const ngx_http_gateway_limit_zone_t *zone,
    const ngx_http_gateway_limit_figure_t *figure, const char *must,
    const char *why);

/* the log of a request, without the lines that nginx adds about the request */
ngx_log_t ngx_http_gateway_limit_log(ngx_http_request_t *r);


/*
 * ngx_http_gateway_limit_use.c: gateway_limit
 */

/* reads the parameters of the directive; logs errors */
char *ngx_http_gateway_limit_parse(ngx_conf_t *cf,
    ngx_http_gateway_limit_t *limit);

/* the limit of a zone among "n" of a location; NULL */
const ngx_http_gateway_limit_t *ngx_http_gateway_limit_by_zone(
    const ngx_http_gateway_limit_t *limits, ngx_uint_t n,
    const ngx_str_t *zone);

/* registers what a limit needs of core, and that its zone is used */
char *ngx_http_gateway_limit_register(ngx_conf_t *cf,
    const ngx_http_gateway_limit_t *limit);

/*
 * Gives a location the limits of the outer block, as gateway_limit_inherit
 * says; one of a zone that has a limit here is left out.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_inherit(ngx_conf_t *cf,
    const ngx_http_gateway_limit_loc_conf_t *prev,
    ngx_http_gateway_limit_loc_conf_t *conf);

/* the limits of a location, once it has those that it inherits */
char *ngx_http_gateway_limit_merge(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf);


/*
 * ngx_http_gateway_limit_check.c: checks of the whole configuration
 */

/* while locations are merged: [emerg] for a key that is always empty */
char *ngx_http_gateway_limit_hidden(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *llcf);

/* once all locations are merged: what can be known only then */
ngx_int_t ngx_http_gateway_limit_check(ngx_conf_t *cf,
    ngx_http_gateway_limit_main_conf_t *lmcf);


/*
 * ngx_http_gateway_limit_zone.c: keys and their states in shared memory
 */

ngx_int_t ngx_http_gateway_limit_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);

/* how many slots a zone has, of whose memory they take half */
uint64_t ngx_http_gateway_limit_slots(
    const ngx_http_gateway_limit_zone_t *zone);

/*
 * Both clocks, as nginx has last read them; but the monotonic one as it is now
 * where a unit of the limit takes less than the millisecond that nginx counts
 * in.
 */
void ngx_http_gateway_limit_clock(const gw_limit_t *limit,
    gw_limit_clock_t *now);

/* of a limit of windows, whether of the calendar or not, the one that is now */
void ngx_http_gateway_limit_window(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit);

/* limit->most, by all figures of the zone */
void ngx_http_gateway_limit_most(const ngx_http_gateway_limit_zone_t *zone,
    gw_limit_t *limit);

/*
 * Leaves of item->key, an address in binary, what ipv6_prefix= says: the key
 * then lies in the item, which must not move.
 */
void ngx_http_gateway_limit_network(ngx_http_gateway_limit_item_t *item);

/* fills item->hash from item->key */
void ngx_http_gateway_limit_hash(ngx_http_gateway_limit_item_t *item);

/* charges an item in its zone, or looks: item->result */
void ngx_http_gateway_limit_zone_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode, uint64_t cost);

/* gives back what item->result says was charged, if the key is still there */
void ngx_http_gateway_limit_zone_give(ngx_http_gateway_limit_item_t *item);

/*
 * The words of a key; with "make", never NULL.  Another key may get its place
 * at any time: gw_table_holds().
 */
uint64_t *ngx_http_gateway_limit_zone_state(
    ngx_http_gateway_limit_item_t *item, ngx_uint_t make);

/*
 * Makes a key idle, and forgets what Redis has refused to it.  Requests that
 * are being served no longer count, and take nothing away.
 */
void ngx_http_gateway_limit_zone_forget(ngx_http_gateway_limit_item_t *item);

/* the two words of a key that keep what Redis has refused */
#define ngx_http_gateway_limit_denied(item, state)                            \
    (&(state)[gw_limit_words((item)->zone->algorithm)])


/*
 * ngx_http_gateway_limit_slot.c: limits of concurrency
 */

/*
 * Counts a request of the key, or looks (GW_LIMIT_LOOK): item->slot and
 * item->result.  item->unavailable: the key is below its limit, but no slot of
 * the zone is free.
 */
void ngx_http_gateway_limit_slot_take(ngx_http_gateway_limit_item_t *item,
    gw_limit_mode_e mode);
void ngx_http_gateway_limit_slot_give(ngx_http_gateway_limit_item_t *item);

/*
 * Slots of processes that are gone come back; "start": the worker is new.
 * Returns how many; without "start", 0 if it was called in this second.
 */
ngx_uint_t ngx_http_gateway_limit_slot_sweep(
    const ngx_http_gateway_limit_zone_t *zone, ngx_uint_t start);


/*
 * ngx_http_gateway_limit_item.c: what limits mean for a request
 */

/*
 * Makes the items of a stage, of zones that the request has not met before.
 * NGX_OK; NGX_DECLINED: there is nothing to decide; NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_limit_items(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx, ngx_array_t *limits, ngx_uint_t stage);

/*
 * The value of cost= now, not below that of min=.  Where it is empty or
 * unusable: what is written behind the "|", else the reserve.  NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_http_gateway_limit_cost(ngx_http_request_t *r,
    const ngx_http_gateway_limit_item_t *item, uint64_t *cost);

/* an item has been decided; "passed" is in its result */
void ngx_http_gateway_limit_decided(ngx_http_gateway_limit_batch_t *batch,
    ngx_http_gateway_limit_item_t *item, ngx_uint_t source);


/*
 * ngx_http_gateway_limit_decide.c: deciding
 */

/* limit's part of the request's record; made if needed; NULL: no memory */
ngx_http_gateway_limit_ctx_t *ngx_http_gateway_limit_ctx(
    ngx_http_request_t *r);

/*
 * Decides the last batch of the request.  Returns what the phase handler must
 * return; NGX_AGAIN: the request is parked, and the handler will be called
 * again.
 */
ngx_int_t ngx_http_gateway_limit_decide(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);

/* the same, when all items of the batch are decided */
ngx_int_t ngx_http_gateway_limit_finish(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx);


/*
 * ngx_http_gateway_limit_settle.c
 */

/*
 * In LOG: charges of gateway_limit ... settle, and what is given back of their
 * reserves.
 */
void ngx_http_gateway_limit_settle(ngx_http_request_t *r);


/*
 * ngx_http_gateway_limit_deny.c: the deny cache
 */

/* whether Redis has refused as much lately: fills item->result */
ngx_uint_t ngx_http_gateway_limit_deny_cached(
    ngx_http_gateway_limit_item_t *item);

/* keeps the refusal of item->result; "sent" is when Redis was asked */
void ngx_http_gateway_limit_deny_keep(ngx_http_gateway_limit_item_t *item,
    ngx_msec_t sent);

/* forgets the refusal of a key, which a refund has overtaken */
void ngx_http_gateway_limit_deny_forget(ngx_http_gateway_limit_item_t *item);


/*
 * ngx_http_gateway_limit_header.c: what the client is told
 */

ngx_int_t ngx_http_gateway_limit_header_init(ngx_conf_t *cf);

/* the item that headers and variables tell of; "hidden": dry_run, too */
ngx_http_gateway_limit_item_t *ngx_http_gateway_limit_shown(
    ngx_http_gateway_limit_ctx_t *ctx, ngx_uint_t hidden);

/* whether the client may hear of an item */
ngx_uint_t ngx_http_gateway_limit_told(
    const ngx_http_gateway_limit_item_t *item);

/* a field of the response; "name" and "value" are kept; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_push(ngx_http_request_t *r,
    const ngx_str_t *name, u_char *value, size_t len);

/* whole seconds, a begun one counts */
uint64_t ngx_http_gateway_limit_sec(uint64_t ns);


/*
 * ngx_http_gateway_limit_problem.c: refusals
 */

/* why an item refuses */
gw_reason_e ngx_http_gateway_limit_reason(
    const ngx_http_gateway_limit_item_t *item);

/* configuration: the bodies of a location's refusals; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_problems(ngx_conf_t *cf,
    ngx_http_gateway_limit_loc_conf_t *conf);

/* fills ctx->refusal; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_limit_problem(ngx_http_request_t *r,
    ngx_http_gateway_limit_ctx_t *ctx,
    ngx_http_gateway_limit_batch_t *batch, ngx_uint_t status);


/*
 * ngx_http_gateway_limit_variable.c
 */

ngx_int_t ngx_http_gateway_limit_variables(ngx_conf_t *cf);

/* in LOG, once it is settled: what was decided, for the request's record */
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
