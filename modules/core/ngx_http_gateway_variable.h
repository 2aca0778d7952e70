/* SPDX-License-Identifier: BSD-2-Clause */

/* Variables of modules. */

#ifndef _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_


#include "ngx_http_gateway.h"


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

/* core's preconfiguration; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_variables(ngx_conf_t *cf);

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


#endif /* _NGX_HTTP_GATEWAY_VARIABLE_H_INCLUDED_ */
