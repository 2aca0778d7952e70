/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_conf.c: configuration
 */

#ifndef _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_


#include "ngx_http_gateway.h"


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


#endif /* _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_ */
