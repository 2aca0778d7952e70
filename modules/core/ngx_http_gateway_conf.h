/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_conf.c: what modules register, and checks of blocks
 */

#ifndef _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * Adds a slot to the request's record.  For preconfiguration only; NGX_ERROR
 * after an [emerg].  "slot" may be a static variable of the module, because the
 * order of modules is fixed and each configuration gives it the same index.
 */
ngx_int_t ngx_http_gateway_slot_add(ngx_conf_t *cf, ngx_uint_t *slot);

/*
 * Adds a method of authentication and sets its index, which may be a static
 * variable, like a slot.  "name" is a unique literal.  "hide" hides the
 * credentials, in locations with ngx_http_gateway_hide_at(); it is called in
 * ACCESS before another method checks its credential, and when the response is
 * sent.  NULL: the method hides nothing.  For preconfiguration only, which runs
 * in the order of modules, while ACCESS runs in the reverse order: a method
 * with a lower index runs later.  NGX_ERROR after an [emerg], or no memory.
 */
ngx_int_t ngx_http_gateway_method_add(ngx_conf_t *cf, const char *name,
    ngx_http_gateway_hide_pt hide, ngx_uint_t *method);

/*
 * The module refuses requests, or identifies clients and grants requests: core
 * installs the handlers and filters that this requires.  For the setters of
 * directives; NGX_ERROR after an [emerg], as for the log hook.
 */
ngx_int_t ngx_http_gateway_refuses(ngx_conf_t *cf);

/*
 * The log hook: "handler" is called in LOG for each main request, after nginx's
 * own handlers, in the order of stages and, within a stage, of registration.
 * Adding the same handler to the same stage again has no effect.
 *
 * For preconfiguration, a directive's setter or a merge; not for
 * create_main_conf, where cf->ctx is not yet that of http, nor for
 * postconfiguration.  NGX_ERROR after an [emerg], or no memory.
 */
ngx_int_t ngx_http_gateway_log_add(ngx_conf_t *cf,
    ngx_http_gateway_log_stage_e stage, ngx_http_gateway_log_pt handler);

/*
 * For functions that register something.  Returns core's configuration; NULL
 * after an [emerg], which begins with "what", if it is too late to register:
 * after core's postconfiguration or, with "pre", after preconfiguration.
 */
ngx_http_gateway_main_conf_t *ngx_http_gateway_registry(ngx_conf_t *cf,
    const char *what, ngx_uint_t pre);

/* the configurations of all modules for the block that is read or merged */
#define ngx_http_gateway_loc_conf(cf)                                         \
    (((ngx_http_conf_ctx_t *) (cf)->ctx)->loc_conf)

/*
 * Returns the configuration of the module "name" in "loc_conf", or NULL if
 * nginx has no such module.  Sets "*module" unless it is NULL.
 */
void *ngx_http_gateway_module_conf(ngx_conf_t *cf, void **loc_conf,
    const char *name, ngx_module_t **module);

/*
 * Configuration, while locations are merged: whether the current block can
 * serve requests.  The directives of a block that cannot may be incomplete.
 */
ngx_uint_t ngx_http_gateway_in_force(ngx_conf_t *cf);

/*
 * The same: logs a warning if a "return" in the current block, which has the
 * directive, sends a response before the directive applies.
 */
void ngx_http_gateway_warn_return(ngx_conf_t *cf, const char *directive,
    const ngx_http_gateway_place_t *place);

/*
 * The same, if the block inherits the method that "directive" enables.  Core's
 * postconfiguration logs the warning, once for a block, unless the function
 * above has logged one.  It applies to a "return" with 200 or with a text that
 * is not an error.  It does not apply to a block with "off" of any method,
 * which is open on purpose, or to an internal location.  NGX_CONF_ERROR: no
 * memory.
 */
char *ngx_http_gateway_return_inherited(ngx_conf_t *cf, const char *directive);

/* for core's postconfiguration */
void ngx_http_gateway_returns_check(ngx_conf_t *cf);

/*
 * Configuration, while locations are merged: whether "allow" and "deny",
 * auth_basic or auth_request can grant requests in the current block, which
 * opens it under "satisfy any".
 */
ngx_uint_t ngx_http_gateway_others_grant(ngx_conf_t *cf);

/* for ngx_http_gateway_set_enum_slot(); a switch is 1 ("on") or 0 ("off") */
extern ngx_conf_enum_t  ngx_http_gateway_modes[];
extern ngx_conf_enum_t  ngx_http_gateway_switch[];


/*
 * Defines a module without directives and configuration.  "init" is its
 * postconfiguration, which installs handlers or filters.
 */
#define ngx_http_gateway_bare_module(module, init)                            \
                                                                              \
static ngx_http_module_t  module##_ctx = {                                    \
    NULL,                                  /* preconfiguration */             \
    init,                                  /* postconfiguration */            \
                                                                              \
    NULL,                                  /* create main configuration */    \
    NULL,                                  /* init main configuration */      \
                                                                              \
    NULL,                                  /* create server configuration */  \
    NULL,                                  /* merge server configuration */   \
                                                                              \
    NULL,                                  /* create location configuration */\
    NULL                                   /* merge location configuration */ \
};                                                                            \
                                                                              \
                                                                              \
ngx_module_t  module = {                                                      \
    NGX_MODULE_V1,                                                            \
    &module##_ctx,                         /* module context */               \
    NULL,                                  /* module directives */            \
    NGX_HTTP_MODULE,                       /* module type */                  \
    NULL,                                  /* init master */                  \
    NULL,                                  /* init module */                  \
    NULL,                                  /* init process */                 \
    NULL,                                  /* init thread */                  \
    NULL,                                  /* exit thread */                  \
    NULL,                                  /* exit process */                 \
    NULL,                                  /* exit master */                  \
    NGX_MODULE_V1_PADDING                                                     \
}


#endif /* _NGX_HTTP_GATEWAY_CONF_H_INCLUDED_ */
