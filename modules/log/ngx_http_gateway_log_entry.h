/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One gateway_log: its parameters, and which requests it logs.
 *
 *     _entry.c   the parameters
 *     _select.c  if=, sample=, keep= and slow=
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_ENTRY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_ENTRY_H_INCLUDED_


#include "ngx_http_gateway_log.h"


/* sample=, parsed and as configured */

typedef struct {
    uint64_t                               threshold;   /* gw_sample.h */
    ngx_str_t                              text;        /* empty: not set */
} ngx_http_gateway_log_sample_t;


/* the parameters of a gateway_log */

typedef struct {
    size_t                                 buffer;
    ngx_msec_t                             flush;
    ngx_msec_t                             slow;
    ngx_str_t                              filter;
    ngx_http_gateway_log_sample_t          sample;
    ngx_str_t                              keep;
} ngx_http_gateway_log_args_t;


/* which requests are logged */

typedef struct {
    ngx_http_complex_value_t              *filter;      /* NULL: none */
    ngx_str_t                              condition;   /* if= */
    uint64_t                               threshold;   /* gw_sample.h */
    ngx_str_t                              rate;        /* empty: all */
    ngx_uint_t                             keep;        /* bits: words */
    ngx_array_t                            codes;       /* ngx_uint_t: status */
    ngx_msec_t                             slow;        /* or unset */
} ngx_http_gateway_log_select_t;


typedef struct {
    ngx_http_gateway_log_sink_t           *sink;
    ngx_http_gateway_log_format_t         *format;
    ngx_http_gateway_log_select_t          select;
} ngx_http_gateway_log_entry_t;


/* ngx_http_gateway_log_entry.c */

/*
 * Parses the parameters of the directive that is being read, and adds it to the
 * entries of its level.
 */
char *ngx_http_gateway_log_entry(ngx_conf_t *cf, ngx_array_t *entries);


/* ngx_http_gateway_log_select.c */

/* sample=; "field" is an ngx_http_gateway_log_sample_t */
char *ngx_http_gateway_log_sample(ngx_conf_t *cf,
    const ngx_http_gateway_param_t *param, ngx_str_t *value, void *field);

/* "select" must be zeroed */
char *ngx_http_gateway_log_select(ngx_conf_t *cf,
    ngx_http_gateway_log_select_t *select,
    const ngx_http_gateway_log_args_t *args);

/* NGX_HTTP_GATEWAY_OBSERVE_ bits for keep= and slow= */
ngx_uint_t ngx_http_gateway_log_select_observes(
    const ngx_http_gateway_log_select_t *select);

/* for postconfiguration: the variables to sample by; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_log_select_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf);

/* whether a request is logged */
ngx_uint_t ngx_http_gateway_log_selected(ngx_http_gateway_log_record_t *rec,
    const ngx_http_gateway_log_select_t *select);


#endif /* _NGX_HTTP_GATEWAY_LOG_ENTRY_H_INCLUDED_ */
