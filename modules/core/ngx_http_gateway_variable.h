/* SPDX-License-Identifier: BSD-2-Clause */

/* The variables of modules. */

#ifndef _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Configuration: adds a variable whose value is in the request's record.
 * NULL after an [emerg].
 */
ngx_http_variable_t *ngx_http_gateway_add_variable(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_get_variable_pt get, uintptr_t data,
    ngx_uint_t flags);

/*
 * The same, for an identity variable, which shows who the client is.  It has no
 * value before ACCESS; a read before ACCESS is logged as an error, once for
 * each location and cycle.  "name" must live as long as the configuration.  For
 * preconfiguration or a setter.
 */
ngx_http_variable_t *ngx_http_gateway_add_identity_variable(ngx_conf_t *cf,
    ngx_str_t *name, ngx_http_get_variable_pt get, uintptr_t data,
    ngx_uint_t flags);

/*
 * For postconfiguration: whether "value", which nginx has compiled, contains an
 * identity variable with a fixed name.  Sets "name" to the first one.
 */
ngx_uint_t ngx_http_gateway_identity_in(ngx_conf_t *cf, const ngx_str_t *value,
    ngx_str_t *name);

/*
 * Configuration: a module reads variables in ACCESS before the methods of
 * authentication are called.  Meanwhile it sets "counting" in the request's
 * record: a read of an identity variable is then logged as above.
 */
void ngx_http_gateway_counts_early(ngx_conf_t *cf);

/*
 * Adds the variables of a table that ends with ngx_http_null_variable.  Those
 * with the flag below are identity variables.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_add_variables(ngx_conf_t *cf,
    ngx_http_variable_t *vars);

/* for the table only: nginx does not have this flag and never sees it */
#define NGX_HTTP_GATEWAY_VAR_IDENTITY  0x10000

/* core's preconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_variables(ngx_conf_t *cf);

/* for core's postconfiguration; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_early_init(ngx_conf_t *cf);

/*
 * For core's init_conf: a [warn] for each zone of nginx's own modules that
 * count requests or connections, if its key contains an identity variable.
 */
void ngx_http_gateway_early_zones(ngx_cycle_t *cycle);

/* for core's init_module: finds the first handler of ACCESS; does not fail */
void ngx_http_gateway_early_phases(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);


#endif /* _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_ */
