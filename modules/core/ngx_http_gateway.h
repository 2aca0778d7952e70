/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What all gateway modules share.
 *
 * Feature modules include this header and their own, never each other's:
 * what one must tell another stands in the request's record below.  No
 * function of this header suspends a request.
 */

#ifndef _NGX_HTTP_GATEWAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_H_INCLUDED_


#include "ngx_http_gateway_compat.h"
#include "gw_reason.h"
#include "gw_text.h"


extern ngx_module_t  ngx_http_gateway_module;


/*
 * Takes the credential of a method out of the request, if the location at hand
 * says so.  NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_http_gateway_hide_pt)(ngx_http_request_t *r);


/* a method of authentication, as it was registered */

typedef struct {
    ngx_str_t                       name;       /* $gateway_auth_method */
    ngx_http_gateway_hide_pt        hide;       /* NULL: hides nothing */
} ngx_http_gateway_method_t;


/* the stages of the log hook, in the order in which a request meets them */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_SETTLE = 0,    /* charges what the request has cost */
    NGX_HTTP_GATEWAY_LOG_COUNT,         /* counts it */
    NGX_HTTP_GATEWAY_LOG_WRITE          /* writes what is known of it */
} ngx_http_gateway_log_stage_e;


/* called once for each main request, when it is over; must not suspend */
typedef void (*ngx_http_gateway_log_pt)(ngx_http_request_t *r);


typedef struct {
    ngx_http_gateway_log_stage_e    stage;
    ngx_http_gateway_log_pt         handler;
} ngx_http_gateway_log_t;


/*
 * Tells of a consumer by its id.  NGX_OK: "*plan" is filled, in the request's
 * memory, and may be empty; NGX_DECLINED: there is no such consumer; NGX_ERROR:
 * it is not known now.
 */
typedef ngx_int_t (*ngx_http_gateway_consumer_pt)(ngx_http_request_t *r,
    const ngx_str_t *id, ngx_str_t *plan);


/* what a consumer, or an API key of one, has by name */

typedef enum {
    NGX_HTTP_GATEWAY_NAME_CONSUMER = 0,
    NGX_HTTP_GATEWAY_NAME_GROUP,
    NGX_HTTP_GATEWAY_NAME_SCOPE
} ngx_http_gateway_name_e;


/*
 * In postconfiguration: whether somebody whom the configuration knows has one
 * of the names, which are gw_text_t, or nobody is known at all: NGX_OK;
 * NGX_DECLINED.  NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_http_gateway_knows_pt)(ngx_conf_t *cf,
    ngx_http_gateway_name_e kind, const ngx_array_t *names);


/* an identity variable, as it was registered; private to _early.c */

typedef struct {
    ngx_str_t                       name;       /* or a prefix of names */
    ngx_http_get_variable_pt        get;
    uintptr_t                       data;
} ngx_http_gateway_early_variable_t;


typedef struct {
    ngx_array_t                     watches;    /* watch_t * */
    ngx_http_gateway_consumer_pt    consumer;   /* NULL: nobody knows one */
    ngx_http_gateway_knows_pt       knows;      /* NULL: nobody is known */

    ngx_array_t                     methods;    /* method_t, by index */
    ngx_array_t                     log;        /* log_t, by stage */
    ngx_array_t                     credentials;    /* source_t */
    ngx_array_t                    *counters;   /* counter_t *; NULL: none */
    ngx_array_t                    *settles;    /* settle_t; NULL: none */
    ngx_array_t                    *settings;   /* of _setting.h; NULL: none */
    ngx_uint_t                      uses;       /* of them, that were added */
    ngx_array_t                    *returns;    /* loc_conf_t *; NULL: none */
    ngx_array_t                     prefixes;   /* early_variable_t */
    ngx_int_t                       judging;    /* first handler of ACCESS; 0:
                                                   no method is on */
    ngx_uint_t                      blocks;     /* that have a number */
    ngx_atomic_t                   *early;      /* shared, by number: was said;
                                                   NULL: no method is on */
    ngx_array_t                    *readings;   /* of _unknown.c; NULL: none */
    struct gw_stripes_s            *stripes;    /* in shared memory */
    uint64_t                        stripes_conf;   /* its number there */
    ngx_uint_t                      slots;      /* of the request's record */
    size_t                          identities; /* offset in the record */
    size_t                          record;     /* its size */
    ngx_uint_t                     *variables;  /* over the request's lines */
    ngx_uint_t                      nvariables;
    ngx_uint_t                      observes;   /* bits: _observe.h */
    ngx_uint_t                      refuses;    /* unsigned:1; a module does */
    ngx_uint_t                      detaches;   /* unsigned:1; a module does */
    ngx_uint_t                      asks;       /* unsigned:1; a method is on */
    ngx_uint_t                      identity_headers;  /* unsigned:1 */
    ngx_uint_t                      closed;     /* unsigned:1; the lists */
} ngx_http_gateway_main_conf_t;


/*
 * The place of a directive or a block in the configuration files, kept for
 * errors that can be found only after parsing.
 */

typedef struct {
    ngx_str_t                       file;
    ngx_uint_t                      line;
} ngx_http_gateway_place_t;


typedef struct ngx_http_gateway_param_s  ngx_http_gateway_param_t;


/* whether two strings are equal, byte for byte */
#define ngx_http_gateway_same(a, b)                                           \
    ((a)->len == (b)->len                                                     \
     && ((a)->len == 0 || ngx_memcmp((a)->data, (b)->data, (a)->len) == 0))


void ngx_http_gateway_place(ngx_conf_t *cf, ngx_http_gateway_place_t *place);

/* arguments for "in %V:%ui" */
#define ngx_http_gateway_place_args(p)  &(p)->file, (p)->line


/*
 * ngx_http_gateway_request.c: the request's record
 *
 * One per main request, made when the first module has something to say and
 * found again from subrequests and after internal redirects, which zero
 * r->ctx.  Only phase handlers write it; variables, logs and other modules
 * read it.  All memory is the request's pool.
 */

typedef struct ngx_http_gateway_refusal_s  ngx_http_gateway_refusal_t;

struct ngx_http_gateway_refusal_s {
    /* set by the method */
    ngx_uint_t                      status;
    gw_reason_e                     reason;     /* for variable and log */
    gw_reason_e                     shown;      /* for the client */
    ngx_str_t                       detail;     /* for the log, or "" */
    ngx_str_t                       challenge;  /* WWW-Authenticate, or "" */
    ngx_str_t                       scopes;     /* that are missing, or "" */
    ngx_str_t                       type;       /* a URI; "": about:blank */
    const char                     *title;      /* of the type */
    ngx_str_t                       members;    /* more JSON, from "," on */
    ngx_str_t                       body;       /* all of it, if made before */
    uint64_t                        retry_after;  /* s, of Retry-After; 0: none.
                                                   No method makes such a
                                                   refusal void */

    /* private */
    ngx_uint_t                      offered;    /* unsigned:1; to nobody */
    ngx_uint_t                      asked;      /* unsigned:1; an upstream
                                                   server, before it */
    void                          **location;   /* r->loc_conf that refused;
                                                   NULL: it was left for an
                                                   error page */
    ngx_http_gateway_refusal_t     *next;
};


/* gateway_*_mode */

typedef enum {
    NGX_HTTP_GATEWAY_REQUIRED = 0,
    NGX_HTTP_GATEWAY_OPTIONAL,
    NGX_HTTP_GATEWAY_DRY_RUN
} ngx_http_gateway_mode_e;


/* who a credential says that the client is; texts without control characters */

typedef struct {
    ngx_str_t                       consumer;
    ngx_str_t                       credential; /* its id, never itself */
    ngx_str_t                       method;     /* its name; "": anonymous */
    ngx_str_t                       scheme;     /* of challenges; "": none */
    const ngx_array_t              *params;     /* more of them, auth_param_t;
                                                   NULL: none */
    ngx_str_t                       scopes;     /* joined by single spaces */
    ngx_str_t                       groups;     /* joined by commas */
    ngx_str_t                       all_groups; /* of the sum: to deny by */
    ngx_str_t                       plan;
    ngx_str_t                       metadata;   /* pairs: gw_pairs.h */

    unsigned                        known:1;    /* a consumer of the file */
    unsigned                        has_scopes:1;  /* says any, if empty */
    unsigned                        dry_run:1;  /* proves nothing */
} ngx_http_gateway_identity_t;


/*
 * The ids of the request, as the upstream receives them (W3C Trace Context);
 * texts in the request's memory.  One is empty where it is not asked for, or
 * could not be made.
 */

typedef struct {
    ngx_str_t                       request_id;
    ngx_str_t                       traceparent;
    ngx_str_t                       traceid;    /* 32 hex digits of it; for
                                                   sampling: gw_sample.h */
    ngx_str_t                       spanid;     /* 16, made for the request */
    ngx_str_t                       parentid;   /* 16; "": begins here */

    unsigned                        sampled:1;
} ngx_http_gateway_ids_t;


/* what became of the request in a cache; texts in static memory */

typedef struct {
    ngx_str_t                       status;     /* HIT, MISS, ... */
    ngx_str_t                       reason;     /* why not stored or used */
    uint32_t                        age;        /* s, of a stored response */

    unsigned                        aged:1;     /* "age" is known */
} ngx_http_gateway_cached_t;


typedef struct ngx_http_gateway_hidden_s  ngx_http_gateway_hidden_t;
typedef struct ngx_http_gateway_lines_s  ngx_http_gateway_lines_t;


typedef struct {
    /* what all succeeded credentials say together */
    ngx_http_gateway_identity_t     identity;

    void                          **location;   /* where they were judged */

    gw_reason_e                     reason;     /* of the last refusal */
    gw_reason_e                     would;      /* of dry_run, judged there */

    /* at most one of each module that refuses, void when another grants */
    ngx_http_gateway_refusal_t     *refusals;
    ngx_str_t                       problem;    /* the body to send; "": sent */
    ngx_http_gateway_lines_t       *lines;      /* of the error log, kept;
                                                   NULL: none ever */

    ngx_http_gateway_hidden_t      *hidden;
    ngx_uint_t                      hid;        /* bits: methods that have
                                                   hidden their credentials */
    void                          **hid_at;     /* r->loc_conf, there */

    ngx_http_gateway_ids_t         *ids;        /* NULL: none, or not yet */

    ngx_http_gateway_cached_t      *cached;     /* CACHED, in LOG; NULL: no
                                                   cache was asked */

    /* NULL: the request is a client's */
    struct ngx_http_gateway_detached_s  *detached;

    ngx_uint_t                      present;    /* bits: methods that have
                                                   succeeded, */
    ngx_uint_t                      proved;     /* and not in dry_run */

    /* for ngx_http_gateway_observe.h, which says what they mean */
    ngx_str_t                      *route;      /* NULL: not in REWRITE yet */
    uint64_t                        began;      /* ns, in REWRITE; 0: not yet */
    uint64_t                        before;     /* ns, from creation to that */
    uint64_t                        duration;   /* ns; 0: not asked yet */
    ngx_array_t                    *results;    /* result_t; NULL: none */

    unsigned                        redirected:1;  /* by an internal redirect,
                                                     which zeroes r->ctx */
    unsigned                        whole:1;    /* the response has its end */
    unsigned                        shown:1;    /* a method has found a
                                                   credential, good or bad */

    unsigned                        grpc:1;     /* the response is a refusal
                                                   of a gRPC call */

    unsigned                        transient:1;  /* the identity's texts go
                                                    where it is refused */

    /* what the credential of each method in "present" says; not zeroed */
    ngx_http_gateway_identity_t    *identities;

    void                           *slots[];    /* by index */
} ngx_http_gateway_request_t;


/* for the function below: the record of a main request without contexts */
ngx_http_gateway_request_t *ngx_http_gateway_request_find(
    ngx_http_request_t *r);

/*
 * The record of r's main request; NULL if there is none.  Inline, since every
 * handler asks for it, also where no directive applies.
 */
static ngx_inline ngx_http_gateway_request_t *
ngx_http_gateway_request(ngx_http_request_t *r)
{
    ngx_http_gateway_request_t  *gr;

    r = r->main;

    gr = ngx_http_get_module_ctx(r, ngx_http_gateway_module);

    /* only an internal redirect or a filter zeroes contexts */

    return (gr != NULL || !(r->internal || r->filter_finalize))
           ? gr : ngx_http_gateway_request_find(r);
}

/* the same, made if there is none; NULL: no memory */
ngx_http_gateway_request_t *ngx_http_gateway_request_get(
    ngx_http_request_t *r);

/*
 * What the module that has registered the slot keeps in the record: a pointer,
 * NULL at first, which only that module sets.  "gr" must not be NULL, as
 * ngx_http_gateway_request() may be, and "slot" must be registered: nothing is
 * checked here.
 */
#define ngx_http_gateway_slot(gr, slot)  ((gr)->slots[slot])

/* the value of a variable: "s", or not found where it is empty */
void ngx_http_gateway_variable_value(ngx_http_variable_value_t *v,
    ngx_str_t *s);


/*
 * ngx_http_gateway_identity.c: who the client is
 *
 * A handler in ACCESS calls _begin(), judges its credential, and calls _set()
 * if that has succeeded; ngx_http_gateway_answer() then says what it returns.
 */

/*
 * A method judges at the location at hand: what it said before is void, and
 * so is what others said at another location.  A weaker location never
 * vouches for a stronger one.  "method" is the index that was registered.
 */
void ngx_http_gateway_identity_begin(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method);

/*
 * A credential has succeeded.  GW_OK; GW_CONSUMER_CONFLICT where another one
 * has named another consumer of the file, and then this one says nothing;
 * GW_FAILED: no memory.
 *
 * The consumer of the file wins over a name that stands in no file.  A field
 * with one value, such as the id of the credential, is the winner's, else that
 * of the first method in the order of ACCESS that names the same consumer of
 * the file.  Scopes are those that all credentials with scopes have in common;
 * groups those of the winner, and of others that name the same consumer; what
 * denies a group is asked of "all_groups", since no credential frees another
 * one from it.  A method in dry_run counts where no other has succeeded.  The
 * name of the method is set here.
 */
gw_reason_e ngx_http_gateway_identity_set(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t method,
    const ngx_http_gateway_identity_t *identity);

/*
 * Configuration, while locations are merged: a method is on at the location,
 * in one of ngx_http_gateway_mode_e.
 */
void ngx_http_gateway_identity_asked(ngx_conf_t *cf, ngx_uint_t mode);

/* the same: rules at the location refuse whoever is nobody */
void ngx_http_gateway_identity_required(ngx_conf_t *cf);

/*
 * For core's enter module, after ACCESS at a location with a method that is on:
 * where none of them was asked, the identity of an earlier location is void.
 */
void ngx_http_gateway_identity_enter(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/* adds to a list of groups those that it lacks; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_identity_groups(ngx_http_request_t *r,
    ngx_str_t *groups, const ngx_str_t *more);

/* whether an identity is in force that comes from this method, too */
#define ngx_http_gateway_identified(gr, method)                               \
    ((gr)->present >> (method) & 1)

/*
 * ngx_http_gateway_error.c: refusals
 *
 * A refusal is written down in ACCESS and sent by a filter, because only
 * then is it known who wins: under "satisfy any" another method may grant,
 * and error_page may answer in our place.
 */

/* a method judges anew: its earlier refusal, or NULL, is void */
void ngx_http_gateway_refusal_reset(ngx_http_gateway_request_t *gr,
    ngx_http_gateway_refusal_t *refusal);

/*
 * The location at hand has let the request pass, by whichever method: what was
 * refused here is void.  What was refused before, and has this error page for
 * an answer, stays, unless the page has a status of its own and a method has
 * named the client here.
 */
void ngx_http_gateway_refusals_granted(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);

/*
 * What a handler of ACCESS returns: NGX_OK for a proof, which under "satisfy
 * any" opens the location; a status; NGX_DECLINED where nothing was proved,
 * as in dry_run, or for nobody in "optional", whose challenge is kept for
 * whoever refuses him later.  "verdict" was filled, with GW_OK for success;
 * it is copied to the refusal in the module's "slot", which is allocated when
 * it is first needed, unless that refusal is still wanted: the answer to it,
 * its error page, may be judged as well.
 *
 * "directive" and the "kind" and id of the credential are for the log; an id
 * that could spoil it is not shown.  None of them is NULL; without a credential
 * the id is empty.
 */
ngx_int_t ngx_http_gateway_answer(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t slot,
    const ngx_http_gateway_refusal_t *verdict, ngx_uint_t mode,
    const char *directive, const char *kind, ngx_str_t *id);

/*
 * The problem document of a refusal, in memory of the pool: for what can be
 * said before there is a request.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_problem(ngx_pool_t *pool,
    const ngx_http_gateway_refusal_t *refusal, ngx_str_t *body);

/*
 * The refusal of the request, also where its error page answers with another
 * status; of several nginx answers with 401.  NULL: there is none.
 */
ngx_http_gateway_refusal_t *ngx_http_gateway_refused(
    ngx_http_gateway_request_t *gr);

/* the title of a refusal's problem document, NUL-terminated */
const char *ngx_http_gateway_problem_title(
    const ngx_http_gateway_refusal_t *refusal);

/* "refusal" was filled and is kept, not copied; returns its status */
ngx_int_t ngx_http_gateway_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_refusal_t *refusal);

/*
 * Whether the request, or a part of it, was sent to an upstream server so far,
 * in this location or an earlier one.  Upstream servers of subrequests do not
 * count.
 */
ngx_uint_t ngx_http_gateway_asked(ngx_http_request_t *r);

/*
 * Nobody has identified himself, and is about to be refused for that: the
 * challenges of optional methods are now meant.
 */
void ngx_http_gateway_refusals_meant(ngx_http_gateway_request_t *gr);

/* a parameter of challenges that the configuration adds */

typedef struct {
    ngx_str_t                       name;       /* a token */
    ngx_http_complex_value_t       *value;
} ngx_http_gateway_auth_param_t;

/* of a challenge at most, the module's own and those */
#define NGX_HTTP_GATEWAY_AUTH_PARAMS  20

/*
 * Makes scheme realm="..." [, error="..."] and so on (RFC 9110, 11.6.1):
 * "params" holds n names and values, "more" auth_param_t, or it is NULL; empty
 * values are left out, values are quoted, control characters in them dropped.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_challenge(ngx_http_request_t *r,
    ngx_str_t *challenge, const char *scheme, ngx_keyval_t *params,
    ngx_uint_t n, const ngx_array_t *more);

ngx_int_t ngx_http_gateway_error_init(ngx_conf_t *cf);


/*
 * ngx_http_gateway_line.c: the lines of the error log about refused credentials
 */

/* whether one method that grants is enough at the location at hand */
#define ngx_http_gateway_satisfy_any(r)                                       \
    (((ngx_http_core_loc_conf_t *)                                            \
      ngx_http_get_module_loc_conf(r, ngx_http_core_module))->satisfy         \
     == NGX_HTTP_SATISFY_ANY)

/* a directive in lines of the debug log: its name without "gateway_" */
#define ngx_http_gateway_short(directive)                                     \
    ((directive) + sizeof("gateway_") - 1)

/*
 * An id as the log may show it: the id itself, or "(unprintable)" where it is
 * longer than 128 bytes or not printable ASCII without quotes.
 */
const ngx_str_t *ngx_http_gateway_printable(const ngx_str_t *id);

/*
 * The client's fault, at info: once, and nothing that the log may not show.
 * Written at once, but for "satisfy any", where it is kept.  For the main
 * request; the id is copied.
 */
void ngx_http_gateway_line(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_http_gateway_refusal_t *refusal,
    ngx_uint_t mode, const char *directive, const char *kind,
    const ngx_str_t *id);

/* writes the lines that were kept; they are void: a method has granted */
void ngx_http_gateway_lines_write(ngx_http_gateway_lines_t *lines);
void ngx_http_gateway_lines_drop(ngx_http_gateway_lines_t *lines);


/*
 * ngx_http_gateway_grpc.c: refusals of gRPC calls
 */

/*
 * Whether the client's request is a call of gRPC or gRPC-Web: a POST with one
 * of their media types, which "type" receives without parameters.  It is the
 * client's bytes and has none that a field value may not hold.
 */
ngx_uint_t ngx_http_gateway_grpc_call(ngx_http_request_t *r, ngx_str_t *type);

/*
 * For core's header filter: makes the response at hand, of nginx's own page,
 * the answer to a call.  It has no body, and the grpc module sends it with 200.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_grpc_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_refusal_t *refusal, const ngx_str_t *type);

/* another response is about to be sent in the place of that one */
void ngx_http_gateway_grpc_reset(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr);


/*
 * ngx_http_gateway_header.c: lines of the client's request, and of the response
 */

typedef struct {
    ngx_list_part_t                *part;
    ngx_uint_t                      i;
} ngx_http_gateway_header_iter_t;


/* the form of a name in which lines are compared: lower case, "_" as "-" */
void ngx_http_gateway_header_normalize(u_char *dst, const ngx_str_t *name);

/*
 * Whether a line has the normalized name; a byte that is no letter or digit is
 * equal to "-".
 */
ngx_uint_t ngx_http_gateway_header_is(ngx_table_elt_t *h, ngx_str_t *name);

static ngx_inline void
ngx_http_gateway_header_first(ngx_http_request_t *r,
    ngx_http_gateway_header_iter_t *it)
{
    it->part = &r->headers_in.headers.part;
    it->i = 0;
}

/* NULL: no more */
static ngx_inline ngx_table_elt_t *
ngx_http_gateway_header_next(ngx_http_gateway_header_iter_t *it)
{
    while (it->i >= it->part->nelts) {

        if (it->part->next == NULL) {
            return NULL;
        }

        it->part = it->part->next;
        it->i = 0;
    }

    return (ngx_table_elt_t *) it->part->elts + it->i++;
}

/*
 * Takes every line with one of "n" normalized names out of the request, so
 * that neither variables nor upstreams see it.  For main requests.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_remove(ngx_http_request_t *r,
    ngx_str_t *names, ngx_uint_t n);

/*
 * Adds a line; the caller has removed others of its name, and says once that
 * lines have changed.  "name" (as it is sent), "normalized" and "value" are
 * kept, not copied.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *normalized, ngx_str_t *value);

/* the same, with the ngx_hash_key() of "normalized", for the hot path */
ngx_int_t ngx_http_gateway_header_add_hashed(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *normalized, ngx_uint_t hash, ngx_str_t *value);

/*
 * nginx keeps the value of a variable such as $http_x_user once something
 * has read it, and would give a removed line to whoever reads it next: what
 * it keeps of the request's lines is forgotten.  For whoever adds lines, or
 * changes the URI; removing says it by itself.
 */
void ngx_http_gateway_header_changed(ngx_http_request_t *r);

/* for core's init_module: which variables these are */
void ngx_http_gateway_header_variables(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);

/*
 * Adds a line to the response; "name" and "value" are kept, not copied.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_header_respond(ngx_http_request_t *r,
    const ngx_str_t *name, const ngx_str_t *value);

/* bytes that no field value may hold (RFC 9110, 5.5) */
ngx_uint_t ngx_http_gateway_header_unsafe(ngx_str_t *value);

/*
 * Checks the name of a header that is set once, before PREACCESS, in every
 * location of a server; the caller removes the client's headers of the name.
 * "normalized" receives the form to compare with.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_header_check(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized);

/*
 * Checks the name as above.  From here on the client's headers of this name
 * are removed in every location of the server at hand.
 */
char *ngx_http_gateway_header_reserve(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *normalized);

/*
 * Configuration: a line that a credential is read from, in some location of
 * the server at hand.  Returns NGX_CONF_OK or NGX_CONF_ERROR.
 */
char *ngx_http_gateway_credential_header(ngx_conf_t *cf,
    const ngx_str_t *normalized);

/*
 * The name of a line that is set in every location, while servers are merged.
 * Refused where some location of the server has an identity header of this
 * name, since PREACCESS would remove the line, or reads a credential from it,
 * which would be replaced, or shown as what the line is set to.  "place" is
 * that of the directive.
 */
char *ngx_http_gateway_header_claim(ngx_conf_t *cf,
    const ngx_str_t *normalized, const char *directive,
    const ngx_http_gateway_place_t *place);


/*
 * ngx_http_gateway_identity_header.c: the identity headers that directives set
 */

/* a request header that a gateway module sets for the upstream server */

typedef struct {
    ngx_str_t                       name;       /* as it is sent */
    ngx_str_t                       normalized;
} ngx_http_gateway_identity_header_t;

/*
 * In a directive's setter: appends an identity header to an array, whose
 * elements begin with the structure above.  From here on the client's headers
 * of this name are removed in every location of the server at hand.  Returns
 * the element, whose other members are not set; NULL after an [emerg].
 */
void *ngx_http_gateway_identity_header(ngx_conf_t *cf, ngx_array_t *headers,
    ngx_str_t *name);

/*
 * While locations are merged: "directive" sets the identity headers of the
 * array, or NULL, at the location at hand.  NGX_CONF_ERROR after an [emerg]
 * where another directive sets one of them, too: an upstream server that
 * receives two may use either.
 */
char *ngx_http_gateway_identity_headers(ngx_conf_t *cf,
    const ngx_array_t *headers, const char *directive);


/*
 * ngx_http_gateway_source.c: where a credential stands in a request
 */

typedef enum {
    NGX_HTTP_GATEWAY_BEARER = 0,    /* Authorization: Bearer */
    NGX_HTTP_GATEWAY_HEADER,
    NGX_HTTP_GATEWAY_COOKIE,
    NGX_HTTP_GATEWAY_ARGUMENT,
    NGX_HTTP_GATEWAY_VARIABLE
} ngx_http_gateway_source_e;


typedef struct {
    ngx_http_gateway_source_e       kind;
    ngx_str_t                       name;   /* normalized; "": not needed */
    ngx_int_t                       index;  /* of a variable */
} ngx_http_gateway_source_t;


#define NGX_HTTP_GATEWAY_SOURCES  8     /* of a method at one location */


/* what the sources of a method hold, each one and all together */

typedef struct {
    gw_reason_e                       reason;   /* of all together */
    ngx_str_t                         value;    /* of GW_OK, else "" */
    const ngx_http_gateway_source_t  *source;   /* likewise, else NULL */

    gw_reason_e                       said[NGX_HTTP_GATEWAY_SOURCES];
    ngx_str_t                         values[NGX_HTTP_GATEWAY_SOURCES];
} ngx_http_gateway_shown_t;


/*
 * Configuration: the setter of a parameter that names a source by the variable
 * that shows it, for ngx_http_gateway_params(); "field" is an ngx_array_t *,
 * NULL at first, that receives an ngx_http_gateway_source_t for each time that
 * the parameter is written (NGX_HTTP_GATEWAY_PARAM_MANY).  $http_authorization
 * is NGX_HTTP_GATEWAY_BEARER, other variables of $http_name, $cookie_name and
 * $arg_name are recognized, and any other variable is read as it is.
 */
char *ngx_http_gateway_param_source(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Configuration: credentials are read from the source, which is copied, with
 * the normalized name, to the list of those that no log shows, once.  The
 * setter of sources by variable does it itself.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_source_add(ngx_conf_t *cf,
    const ngx_http_gateway_source_t *source);

/*
 * Looks for the credential: GW_OK with "value" (in the request's memory),
 * GW_MISSING, GW_DUPLICATE_CREDENTIAL if the source holds two values, equal
 * or not, in any spelling, GW_MALFORMED_HEADER for a "Bearer" without a token
 * and for a spelling that only upstreams read (gw_source.h), GW_FAILED.  One
 * that was hidden is still found, by later locations of the request and
 * by other methods.
 */
gw_reason_e ngx_http_gateway_source_find(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, ngx_str_t *value);

/*
 * Removes the credential, and every other value of its source, in any
 * spelling, from what an upstream receives and from what is logged: the line,
 * the cookie's pair, or the argument in $args, $request_uri and $request.  A
 * variable of another kind cannot be removed.  "reason" and "value" are what
 * _find() has said; "source" lives as long as the configuration.  NGX_ERROR:
 * no memory.
 */
ngx_int_t ngx_http_gateway_source_hide(ngx_http_request_t *r,
    const ngx_http_gateway_source_t *source, gw_reason_e reason,
    const ngx_str_t *value);

/*
 * Looks at each of the sources, an array of ngx_http_gateway_source_t, as
 * _source_find() does.  One of them may hold a credential: credentials in two
 * sources are GW_DUPLICATE_CREDENTIAL, equal or not, well-formed or not, since
 * an upstream could look at the other one.  GW_FAILED in one is GW_FAILED.
 * A method in ACCESS sets "shown" of the record unless it is GW_MISSING.
 */
void ngx_http_gateway_sources_find(ngx_http_request_t *r,
    const ngx_array_t *sources, ngx_http_gateway_shown_t *shown);

/*
 * Removes what _sources_find() has found, whatever came of it, from the sources
 * whose kind is in "kinds", a mask of 1 << NGX_HTTP_GATEWAY_HEADER and so on;
 * as _source_hide().
 */
ngx_int_t ngx_http_gateway_sources_hide(ngx_http_request_t *r,
    const ngx_array_t *sources, const ngx_http_gateway_shown_t *shown,
    ngx_uint_t kinds);

#define NGX_HTTP_GATEWAY_ALL_KINDS  ((ngx_uint_t) -1)


/*
 * ngx_http_gateway_hide.c: hiding on all paths
 */

/*
 * For a method in ACCESS, before it judges: takes credentials of the methods
 * that are asked after it out of the request.  It may refuse, and be logged
 * with them, or grant, so that under "satisfy any" nobody looks for them.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide(ngx_http_request_t *r, ngx_uint_t method);

/*
 * For core's header filter, and for whoever logs a line before the methods are
 * asked, since it shows the request's: hides the credentials of all methods
 * that have not been hidden at the location at hand.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sent(ngx_http_request_t *r);

/*
 * Configuration, while locations are merged: the method hides its credentials
 * at the location at hand.  The function that it has registered is called for
 * no other one; without effect if it has registered none.
 */
void ngx_http_gateway_hide_at(ngx_conf_t *cf, ngx_uint_t method);

/*
 * The same, for the sources that the method hides there, which live as long as
 * the configuration.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources_at(ngx_conf_t *cf,
    const ngx_array_t *sources);

/*
 * Configuration, after the methods have been merged: whether the variable of
 * this name, in lower case, shows a credential that is hidden at the location
 * at hand, and so is empty after ACCESS.
 */
ngx_uint_t ngx_http_gateway_hidden_variable(ngx_conf_t *cf,
    const ngx_str_t *name);

/* whether all credentials of a method are hidden, for the location at hand */
#define ngx_http_gateway_hides(r, gr, method)                                 \
    ((gr)->hid_at == (r)->loc_conf && ((gr)->hid >> (method) & 1))

/* they are, from now on, until an internal redirect */
void ngx_http_gateway_hid(ngx_http_request_t *r, ngx_uint_t method);

/*
 * For the function that a method has registered: hides what
 * ngx_http_gateway_source_find() finds in each source.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_hide_sources(ngx_http_request_t *r,
    const ngx_array_t *sources);


/*
 * ngx_http_gateway_param.c: parameters of directives, by table
 */

typedef char *(*ngx_http_gateway_param_pt)(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

struct ngx_http_gateway_param_s {
    ngx_str_t                       name;    /* "watch=", or a word "jwks" */
    ngx_http_gateway_param_pt       set;
    size_t                          offset;  /* in the caller's structure */
    uintptr_t                       post;    /* the setter's own */
};

#define ngx_http_gateway_null_param  { ngx_null_string, NULL, 0, 0 }

/* a bit of "offset": the parameter may be repeated */
#define NGX_HTTP_GATEWAY_PARAM_MANY  ((size_t) 1 << (8 * sizeof(size_t) - 1))


/*
 * Parses the arguments from "first" on.  Unknown, repeated and bad ones are
 * refused with what was found and what is allowed; two words with the same
 * offset exclude each other.  At most 32 rows.  Returns NGX_CONF_OK, or
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_params(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *table, void *conf, ngx_uint_t first);

/* stores "post" as ngx_uint_t */
char *ngx_http_gateway_param_word(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_str_t, not empty */
char *ngx_http_gateway_param_str(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_array_t of ngx_str_t, all zero at first, none of them empty;
   NGX_HTTP_GATEWAY_PARAM_MANY */
char *ngx_http_gateway_param_str_list(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_msec_t */
char *ngx_http_gateway_param_msec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* time_t, in seconds */
char *ngx_http_gateway_param_sec(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* size_t, in bytes, above 0 */
char *ngx_http_gateway_param_size(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* uint64_t, the threshold of a ratio: gw_sample.h */
char *ngx_http_gateway_param_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_uint_t; "post" is an ngx_conf_enum_t[] */
char *ngx_http_gateway_param_enum(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* ngx_http_gateway_zone_t, from "name:size"; "post": the least size in bytes */

typedef struct {
    ngx_str_t                       name;
    size_t                          size;
} ngx_http_gateway_zone_t;

char *ngx_http_gateway_param_zone(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/*
 * Whether the name of a zone consists of letters, digits, "_", "-" and ".": it
 * is in header fields, JSON and keys of Redis, without an escape.
 */
ngx_uint_t ngx_http_gateway_zone_name(const ngx_str_t *name);

/*
 * ngx_http_gateway_unknown.c: keeps the place of a value with variables, so
 * that postconfiguration can say where one is that nothing defines.  Called by
 * ngx_http_gateway_complex_value() and ngx_http_gateway_source_variable(); by
 * others that read variables.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_reads(ngx_conf_t *cf, const ngx_str_t *value);

/* core's postconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_unknown_check(ngx_conf_t *cf);

/*
 * Sets "off" if an argument of the directive is "off".  NGX_CONF_ERROR after an
 * [emerg] if there are others beside it.
 */
char *ngx_http_gateway_param_off(ngx_conf_t *cf, ngx_uint_t *off);

/*
 * "directive off" and the directive with other arguments, in one block: logs
 * an [emerg], returns NGX_CONF_ERROR.
 */
char *ngx_http_gateway_param_off_conflicts(ngx_conf_t *cf);

/* a value that may hold variables; NULL after an [emerg] */
ngx_http_complex_value_t *ngx_http_gateway_complex_value(ngx_conf_t *cf,
    ngx_str_t *value);

/* a directive's setter: as ngx_conf_set_str_slot(), and refuses an empty one */
char *ngx_http_gateway_set_str_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* the same: as ngx_conf_set_sec_slot() and _size_slot() */
char *ngx_http_gateway_set_sec_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_set_size_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* a directive's setter: as ngx_conf_set_enum_slot(), and says what it takes */
char *ngx_http_gateway_set_enum_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * A directive's setter of an ngx_uint_t that is 0: the bits of its arguments,
 * as ngx_conf_set_bitmask_slot(), by an ngx_conf_enum_t[]; and says what it
 * takes.
 */
char *ngx_http_gateway_set_bits_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In a setter: warns where a value looks as if it held a variable or a pattern
 * and is "meaning", such as "the name of a group".
 */
void ngx_http_gateway_warn_literal(ngx_conf_t *cf, ngx_str_t *value,
    const char *meaning);

/*
 * A directive's setter: appends its arguments to an array of ngx_str_t; an
 * empty one is refused.  Warns as above.
 */
char *ngx_http_gateway_set_str_list_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/*
 * ngx_http_gateway_watch.c: files that are read again when they change
 */

typedef struct ngx_http_gateway_watch_s  ngx_http_gateway_watch_t;

/*
 * Takes the new content.  NGX_OK; or NGX_ERROR with a sentence in "err" (of
 * 256 bytes, NUL-terminated, no secrets), and what was in force stays so.
 * Runs in the master while the configuration is read, then in every worker.
 * "log" is for notes of its own.
 */
typedef ngx_int_t (*ngx_http_gateway_watch_pt)(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err);

#define NGX_HTTP_GATEWAY_WATCH_ERR  512


/*
 * Looks at the path in place of all that: for content that is not loaded by
 * each worker for itself.  Runs in every worker each "interval"; its owner
 * calls it when a worker starts, as soon as the owner is ready and "state" is
 * set.
 */
typedef void (*ngx_http_gateway_watch_look_pt)(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


/* what is known of a file, in a worker or in shared memory for all of them */

typedef struct {
    ngx_file_info_t                 seen;       /* all zero: not readable */
    time_t                          since;      /* of a failure that lasts, */
    time_t                          logged;     /* and its last line; or 0 */
} ngx_http_gateway_watch_state_t;


struct ngx_http_gateway_watch_s {
    /* set by the owner */
    ngx_str_t                       path;       /* full, NUL-terminated */
    ngx_msec_t                      interval;   /* 0: not watched */
    ngx_uint_t                      written;    /* unsigned:1; "watch=" is */
    const char                     *directive;
    size_t                          max_size;   /* bytes */
    ngx_http_gateway_place_t        place;
    ngx_http_gateway_watch_pt       load;
    ngx_http_gateway_watch_look_pt  look;       /* instead of "load" */
    ngx_http_gateway_watch_state_t *state;      /* with "look", in a worker */
    void                           *data;

    /* private */
    ngx_http_gateway_watch_state_t  own;        /* of what the master read;
                                                   without "look", "state" */
    ngx_uint_t                      closed;     /* unsigned:1; to workers */
    ngx_event_t                     event;
};


/* the directive's default */
#define NGX_HTTP_GATEWAY_WATCH  5000    /* ms */

/* whether a file is still the one that was seen */
ngx_uint_t ngx_http_gateway_watch_same(const ngx_file_info_t *a,
    const ngx_file_info_t *b);

/*
 * Opens the file if it is one that may be read; an invalid descriptor with a
 * sentence in "err" if not.
 */
ngx_fd_t ngx_http_gateway_watch_open(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi, char *err);

/*
 * Reads the whole file.  NGX_OK; NGX_ERROR, or NGX_AGAIN for one that changes
 * meanwhile and will be whole at the next look, with a sentence in "err".
 */
ngx_int_t ngx_http_gateway_watch_read(ngx_http_gateway_watch_t *watch,
    ngx_pool_t *pool, ngx_str_t *content, ngx_file_info_t *fi, char *err);

/* writes "open() failed (2: No such file or directory)" to err */
ngx_int_t ngx_http_gateway_watch_failed(char *err, const char *call);

/*
 * For a parameter "watch=" that was NGX_CONF_UNSET_MSEC: its default.  Returns
 * whether it was written.
 */
ngx_uint_t ngx_http_gateway_watch_default(ngx_msec_t *interval);

/*
 * Configuration: reads and loads the file now (unless it has a "look") and
 * watches it from then on.  "watch" belongs to the configuration's pool.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_watch_add(ngx_conf_t *cf,
    ngx_http_gateway_watch_t *watch);

/*
 * For a "look".  Whether to read the file "fi" now: it has changed, or the last
 * failure was logged an hour ago.
 */
void ngx_http_gateway_watch_stat(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi);
ngx_uint_t ngx_http_gateway_watch_due(
    const ngx_http_gateway_watch_state_t *state, const ngx_file_info_t *fi);

/*
 * For a "look", after it.  The file "fi" was read: "note" ends the line, such
 * as ", 5 keys".  Or it was not, for the reason "err".
 */
void ngx_http_gateway_watch_loaded(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *note);
void ngx_http_gateway_watch_kept(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *err);

/*
 * For core's init_conf of a cycle: looks for watched files that workers will
 * not be allowed to read.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_watch_check(ngx_cycle_t *cycle,
    ngx_array_t *watches);

/* for core's init_process */
void ngx_http_gateway_watch_start(ngx_cycle_t *cycle, ngx_array_t *watches);


/*
 * ngx_http_gateway_process.c: names of processes, for what one leaves in
 * shared memory when it is killed; never 0, less than 2^54, and not used again
 * as a pid is
 */

/* the name of the process that calls */
uint64_t ngx_http_gateway_process_self(void);

/*
 * Whether a process is gone; a few system calls, not for each request.  One
 * of whom that cannot be told is there.
 */
ngx_uint_t ngx_http_gateway_process_gone(uint64_t process);

/*
 * Memory of whole pages in a shared memory zone that is being created, zeroed;
 * "size" in bytes.  It belongs to the zone.  Pages of a new zone are zero
 * already, and are not written to: they take no memory until they are used.
 * NULL: the zone is too small.
 */
void *ngx_http_gateway_zone_alloc(ngx_slab_pool_t *shpool, size_t size);


/*
 * ngx_http_gateway_conf.c: configuration
 */

/*
 * A slot in the request's record.  For preconfiguration only; NGX_ERROR after
 * an [emerg].  "slot" may be a static variable of the module: the order of
 * modules in the .so is fixed, so that each configuration gives it the same
 * index.
 */
ngx_int_t ngx_http_gateway_slot_add(ngx_conf_t *cf, ngx_uint_t *slot);

/*
 * A method of authentication and its index, which may be kept as that of a
 * slot.  "name" is a literal that no other method has.  "hide" is its part of
 * the hide hook: it is called where the location says
 * ngx_http_gateway_hide_at(), in ACCESS before another method judges, and when
 * the response is sent; NULL: the method hides nothing.  For preconfiguration
 * only: nginx calls it in the order of modules and ACCESS in the reverse, so
 * that a method with a lower index is asked later.  NGX_ERROR after an [emerg],
 * or no memory.
 */
ngx_int_t ngx_http_gateway_method_add(ngx_conf_t *cf, const char *name,
    ngx_http_gateway_hide_pt hide, ngx_uint_t *method);

/*
 * A module can refuse requests, or identify and grant them: core registers what
 * enters locations, drops refusals and sends them.  For the setters of its
 * directives; NGX_ERROR after an [emerg], as for the log hook.
 */
ngx_int_t ngx_http_gateway_refuses(ngx_conf_t *cf);

/*
 * The log hook: "handler" is called in LOG for each main request, after nginx's
 * own handlers, in the order of stages and, within one, of registration.
 * Adding the same handler to the same stage again has no effect.
 *
 * For preconfiguration, a directive's setter or a merge.  NGX_ERROR after an
 * [emerg], which the caller passes on: it is too early in create_main_conf,
 * where cf->ctx is not http's yet, and too late in postconfiguration; or no
 * memory.
 */
ngx_int_t ngx_http_gateway_log_add(ngx_conf_t *cf,
    ngx_http_gateway_log_stage_e stage, ngx_http_gateway_log_pt handler);

/*
 * For functions that register something: core's configuration, as long as
 * "what", which begins the message, can be registered: until core's
 * postconfiguration or, with "pre", in preconfiguration only.  NULL after an
 * [emerg].
 */
ngx_http_gateway_main_conf_t *ngx_http_gateway_registry(ngx_conf_t *cf,
    const char *what, ngx_uint_t pre);


typedef struct {
    ngx_array_t                     identity_headers;  /* ngx_str_t */
    uint64_t                        identity_lengths;  /* bits */
    ngx_array_t                     credential_headers;  /* ngx_str_t */
} ngx_http_gateway_srv_conf_t;


/* a line for the upstream, and the directive that sets it */

typedef struct {
    ngx_str_t                       normalized;
    const char                     *directive;
} ngx_http_gateway_set_header_t;


typedef struct ngx_http_gateway_loc_conf_s  ngx_http_gateway_loc_conf_t;

struct ngx_http_gateway_loc_conf_s {
    ngx_http_gateway_place_t        place;      /* of the block */
    ngx_array_t                     headers;    /* set_header_t */
    ngx_str_t                       route_name; /* gateway_route */
    ngx_str_t                       written;    /* the location */
    ngx_str_t                      *route;      /* of the two, what applies */
    ngx_uint_t                      error_format;
    ngx_uint_t                      hides;      /* bits: methods that hide */
    ngx_array_t                    *hidden;     /* source_t *; NULL: none */
    ngx_uint_t                      asks;       /* unsigned:1; a method is on */
    ngx_uint_t                      requires;   /* methods that are required;
                                                   a rule counts as two */

    ngx_http_gateway_loc_conf_t    *home;       /* the location or server that a
                                                   nameless block is in; else
                                                   itself */
    ngx_uint_t                      number;     /* of a home */

    /* bits of ngx_http_gateway_setting.h */
    ngx_http_gateway_loc_conf_t    *outer;      /* block; NULL: http */
    ngx_uint_t                      on;         /* here */
    ngx_uint_t                      uses;       /* on here or in an inner one */
    ngx_uint_t                      off;        /* as is written here */
    ngx_uint_t                      warned;

    ngx_uint_t                      returns;    /* unsigned:1; is warned of */
    const char                     *inherits;   /* a method, beside "return" */
};


/*
 * Configuration: adds a variable whose value comes from the request's
 * record.  Returns NULL after an [emerg].
 */
ngx_http_variable_t *ngx_http_gateway_add_variable(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_get_variable_pt get, uintptr_t data,
    ngx_uint_t flags);

/*
 * The same, for a variable that says who the client is: it has no value before
 * ACCESS, and a read there is logged as an error, once for a location and a
 * cycle.  "name" lives as long as the configuration.  For preconfiguration or a
 * setter.
 */
ngx_http_variable_t *ngx_http_gateway_add_identity_variable(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_get_variable_pt get, uintptr_t data,
    ngx_uint_t flags);

/*
 * Adds the variables of a table that ends with ngx_http_null_variable.  Those
 * with the flag are identity variables.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *vars);

/* no flag of nginx, in whose tables it is never seen */
#define NGX_HTTP_GATEWAY_VAR_IDENTITY  0x10000

/* for core's postconfiguration; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_early_init(ngx_conf_t *cf);

/*
 * For core's init_conf: a [warn] for each zone of the modules of nginx that count
 * requests or connections, whose key reads a variable that says who the client
 * is.
 */
void ngx_http_gateway_early_zones(ngx_cycle_t *cycle);

/* for core's init_module: where ACCESS begins; does not fail */
void ngx_http_gateway_early_phases(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);

/*
 * Configuration, while locations are merged: whether requests can come to the
 * block at hand.  A mere parent of its locations may be incomplete.
 */
ngx_uint_t ngx_http_gateway_in_force(ngx_conf_t *cf);

/*
 * The same: warns where the block at hand, which says "directive", answers
 * by a "return" before that is asked.
 */
void ngx_http_gateway_warn_return(ngx_conf_t *cf, const char *directive,
    const ngx_http_gateway_place_t *place);

/*
 * The same, where the block inherits the method that "directive" turns on: it
 * is warned of once for a block, in core's postconfiguration, unless the above
 * has warned of it.  Only 200, and a text that is no error, are meant; a block
 * that says "off" of any method is open on purpose, and to an internal one
 * requests come by way of another.  NGX_CONF_ERROR: no memory.
 */
char *ngx_http_gateway_return_inherited(ngx_conf_t *cf, const char *directive);

/* for core's postconfiguration */
void ngx_http_gateway_returns_check(ngx_conf_t *cf);

/*
 * The same: whether "allow" and "deny", auth_basic or auth_request may grant at
 * the block at hand, which opens it under "satisfy any".
 */
ngx_uint_t ngx_http_gateway_others_grant(ngx_conf_t *cf);

/* enums for ngx_http_gateway_set_enum_slot(); a switch is 1 or 0 */
extern ngx_conf_enum_t  ngx_http_gateway_modes[];
extern ngx_conf_enum_t  ngx_http_gateway_switch[];


#endif /* _NGX_HTTP_GATEWAY_H_INCLUDED_ */
