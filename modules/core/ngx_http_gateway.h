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


typedef struct ngx_http_gateway_request_s   ngx_http_gateway_request_t;
typedef struct ngx_http_gateway_refusal_s   ngx_http_gateway_refusal_t;
typedef struct ngx_http_gateway_loc_conf_s  ngx_http_gateway_loc_conf_t;
typedef struct ngx_http_gateway_param_s     ngx_http_gateway_param_t;


/*
 * The place of a directive or a block in the configuration files, kept for
 * errors that can be found only after parsing.
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
