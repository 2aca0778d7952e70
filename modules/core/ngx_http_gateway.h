/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What all gateway modules share.
 *
 * A feature module includes this header and its own, never that of another
 * feature module.  Modules exchange data in the request's record
 * (ngx_http_gateway_request.h).  No function of the headers that this one
 * includes suspends a request.
 */

#ifndef _NGX_HTTP_GATEWAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_H_INCLUDED_


#include "ngx_http_gateway_compat.h"
#include "gw_reason.h"
#include "gw_text.h"


extern ngx_module_t  ngx_http_gateway_module;


typedef struct ngx_http_gateway_request_s   ngx_http_gateway_request_t;
typedef struct ngx_http_gateway_refusal_s   ngx_http_gateway_refusal_t;
typedef struct ngx_http_gateway_loc_conf_s  ngx_http_gateway_loc_conf_t;
typedef struct ngx_http_gateway_param_s     ngx_http_gateway_param_t;
typedef struct ngx_http_gateway_counts_s    ngx_http_gateway_counts_t;


/*
 * The place of a directive or a block in the configuration files, for errors
 * that are found after parsing.
 */

typedef struct {
    ngx_str_t                       file;
    ngx_uint_t                      line;
} ngx_http_gateway_place_t;


/* whether two strings are equal, byte for byte */
#define ngx_http_gateway_same(a, b)                                           \
    ((a)->len == (b)->len                                                     \
     && ((a)->len == 0 || ngx_memcmp((a)->data, (b)->data, (a)->len) == 0))


void ngx_http_gateway_place(ngx_conf_t *cf, ngx_http_gateway_place_t *place);

/* arguments for "in %V:%ui" */
#define ngx_http_gateway_place_args(p)  &(p)->file, (p)->line


/*
 * Removes the credentials of a method from the request, if the configuration of
 * the current location requires it.  NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_http_gateway_hide_pt)(ngx_http_request_t *r);


/* a registered method of authentication */

typedef struct {
    ngx_str_t                       name;       /* $gateway_auth_method */
    ngx_http_gateway_hide_pt        hide;       /* NULL: hides nothing */
} ngx_http_gateway_method_t;


/* the stages of the log hook, in the order in which they run */

typedef enum {
    NGX_HTTP_GATEWAY_LOG_SETTLE = 0,    /* charges the cost of the request */
    NGX_HTTP_GATEWAY_LOG_COUNT,         /* updates counters */
    NGX_HTTP_GATEWAY_LOG_WRITE          /* writes log records */
} ngx_http_gateway_log_stage_e;


/* called once for each main request, in LOG; must not suspend */
typedef void (*ngx_http_gateway_log_pt)(ngx_http_request_t *r);


typedef struct {
    ngx_http_gateway_log_stage_e    stage;
    ngx_http_gateway_log_pt         handler;
} ngx_http_gateway_log_t;


/*
 * Finds a consumer by its id.  NGX_OK: sets "*plan", which may be empty, in the
 * request's pool.  NGX_DECLINED: there is no such consumer.  NGX_ERROR: the
 * lookup has failed.
 */
typedef ngx_int_t (*ngx_http_gateway_consumer_pt)(ngx_http_request_t *r,
    const ngx_str_t *id, ngx_str_t *plan);


/* see ngx_http_gateway_routes() in ngx_http_gateway_observe.h */
typedef void (*ngx_http_gateway_routed_pt)(void **from, void **to);


/* the kinds of names that a consumer, or an API key of one, has */

typedef enum {
    NGX_HTTP_GATEWAY_NAME_CONSUMER = 0,
    NGX_HTTP_GATEWAY_NAME_GROUP,
    NGX_HTTP_GATEWAY_NAME_SCOPE
} ngx_http_gateway_name_e;


/*
 * In postconfiguration.  NGX_OK: a known consumer has one of the names, which
 * are gw_text_t, or no consumer is known.  NGX_DECLINED: none has.  NGX_ERROR:
 * no memory.
 */
typedef ngx_int_t (*ngx_http_gateway_check_names_pt)(ngx_conf_t *cf,
    ngx_http_gateway_name_e kind, const ngx_array_t *names);


/* a registered identity variable; private to _early.c */

typedef struct {
    ngx_str_t                       name;       /* or a prefix of names */
    ngx_http_get_variable_pt        get;
    uintptr_t                       data;
} ngx_http_gateway_early_variable_t;


typedef struct {
    ngx_array_t                     watches;    /* watch_t * */
    ngx_http_gateway_consumer_pt    consumer;   /* NULL: no consumer is
                                                   configured */
    ngx_http_gateway_check_names_pt  check_names;    /* likewise */

    ngx_array_t                     methods;    /* method_t, by index */
    ngx_array_t                     log;        /* log_t, by stage */
    ngx_array_t                     credentials;    /* source_t */
    ngx_array_t                    *counters;   /* counter_t *; NULL: none */
    ngx_array_t                    *reclaims;   /* reclaim_t; NULL: none */
    ngx_array_t                    *settings;   /* of _setting.h; NULL: none */
    ngx_uint_t                      uses;       /* number of added uses */
    ngx_array_t                    *returns;    /* loc_conf_t *; NULL: none */
    ngx_array_t                     prefixes;   /* early_variable_t */
    ngx_int_t                       judging;    /* first handler of ACCESS; 0:
                                                   no method is on */
    ngx_uint_t                      counts_early;  /* unsigned:1; see
                                                   _variable.h */
    ngx_uint_t                      blocks;     /* numbered blocks */
    ngx_atomic_t                   *early;      /* shared memory, by number of
                                                   the block: 1: logged; NULL:
                                                   no method is on */
    ngx_array_t                    *readings;   /* of _unknown.c; NULL: none */
    struct ngx_http_gateway_metrics_s  *metrics;    /* NULL: no zone */
    ngx_http_gateway_counts_t      *counts;     /* of _count.h; NULL: there is
                                                   no zone for metrics */
    struct gw_stripes_s            *stripes;    /* in shared memory */
    uint64_t                        stripes_conf;   /* number of this
                                                       configuration there */
    ngx_uint_t                      slots;      /* of the request's record */
    size_t                          identities; /* offset in the record */
    size_t                          record;     /* its size */
    ngx_uint_t                     *variables;  /* indices of those that show
                                                   request headers */
    ngx_uint_t                      nvariables;
    ngx_uint_t                      observes;   /* bits: _observe.h */
    ngx_http_gateway_routed_pt      routed;     /* likewise; NULL: none */
    ngx_uint_t                      refuses;    /* unsigned:1; a module
                                                   refuses requests */
    ngx_array_t                    *detaches;   /* const char *: users of
                                                   detached requests; NULL:
                                                   none */
    ngx_uint_t                      authenticates; /* unsigned:1; a method is
                                                       on */
    ngx_uint_t                      identity_headers;  /* unsigned:1 */
    ngx_uint_t                      closed;     /* unsigned:1; registration is
                                                   over */
} ngx_http_gateway_main_conf_t;


typedef struct {
    ngx_array_t                     identity_headers;  /* ngx_str_t */
    uint64_t                        identity_lengths;  /* bits: lengths of
                                                          their names */
    ngx_array_t                     credential_headers;  /* ngx_str_t */
} ngx_http_gateway_srv_conf_t;


/* an identity header, and the directive that sets it */

typedef struct {
    ngx_str_t                       normalized;
    const char                     *directive;
} ngx_http_gateway_set_header_t;


struct ngx_http_gateway_loc_conf_s {
    ngx_http_gateway_place_t        place;      /* of the block */
    ngx_array_t                     headers;    /* set_header_t */
    ngx_str_t                       route_name; /* gateway_route */
    ngx_str_t                       written;    /* "location" as written */
    ngx_str_t                      *route;      /* one of these two */
    ngx_uint_t                      error_format;
    ngx_uint_t                      hides;      /* bits: methods that hide */
    ngx_array_t                    *hidden;     /* source_t *; NULL: none */
    ngx_uint_t                      authenticates; /* unsigned:1; a method is
                                                       on */
    ngx_uint_t                      requires;   /* methods that are required;
                                                   a rule counts as two */

    ngx_http_gateway_loc_conf_t    *home;       /* the location or server that
                                                   contains a nameless block;
                                                   of others: itself */
    ngx_uint_t                      number;     /* of a home */

    /* bits of ngx_http_gateway_setting.h */
    ngx_http_gateway_loc_conf_t    *outer;      /* block; NULL: http */
    ngx_uint_t                      on;         /* in this block */
    ngx_uint_t                      uses;       /* in this or an inner block */
    ngx_uint_t                      off;        /* "off" written here */
    ngx_uint_t                      warned;

    ngx_uint_t                      returns;    /* unsigned:1; "return" has been
                                                   warned of */
    const char                     *inherits;   /* the directive of an inherited
                                                   method, beside "return" */
};


#include "ngx_http_gateway_identity.h"
#include "ngx_http_gateway_request.h"
#include "ngx_http_gateway_refusal.h"
#include "ngx_http_gateway_header.h"
#include "ngx_http_gateway_source.h"
#include "ngx_http_gateway_param.h"
#include "ngx_http_gateway_watch.h"
#include "ngx_http_gateway_process.h"
#include "ngx_http_gateway_variable.h"
#include "ngx_http_gateway_conf.h"


#endif /* _NGX_HTTP_GATEWAY_H_INCLUDED_ */
