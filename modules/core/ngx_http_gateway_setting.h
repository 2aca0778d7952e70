/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Settings that nothing uses.
 *
 * Most directives only set something up: a rule for tokens has no effect where
 * no token is verified, and a location that relies on it is open.  So each such
 * directive names its use, such as a method of authentication.
 * Modules say in which blocks a use is on, or is written off, and core reports
 * what is without a use when all blocks have been merged.  What a block only
 * inherits is no mistake.
 */

#ifndef _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_


#include "ngx_http_gateway.h"


/* uses that several modules have, as bits; the others are added */

#define NGX_HTTP_GATEWAY_USE_METHOD  0x1        /* any method is on */
#define NGX_HTTP_GATEWAY_USE_GROUPS  0x2        /* and names groups */
#define NGX_HTTP_GATEWAY_USE_CLAIMS  0x4        /* tokens say who asks, name
                                                   scopes, */
#define NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS  0x8  /* and groups */
#define NGX_HTTP_GATEWAY_USE_OTHERS  4          /* how many there are */


/* what a setting is for; the texts complete a message about a directive */

typedef struct {
    ngx_uint_t                      bit;
    ngx_uint_t                      given;      /* bits without which this one
                                                   is not asked for */
    const char                     *lack;       /* "has no effect, ..." */
    const char                     *remedy;     /* for an error */
    ngx_uint_t                      carried;    /* unsigned:1; an internal
                                                   redirect keeps it */
} ngx_http_gateway_use_t;


/*
 * For "post" of a command whose setter is ngx_http_gateway_set_setting(): the
 * setter and its own "post".  "protects": a block that relies on the setting is
 * open without it, so that this is an error, but in http.
 */

typedef struct {
    char                         *(*set)(ngx_conf_t *cf, ngx_command_t *cmd,
                                         void *conf);
    void                           *post;
    const ngx_http_gateway_use_t   *use;
    ngx_uint_t                      protects;   /* unsigned:1 */
} ngx_http_gateway_setting_t;

#define ngx_http_gateway_setting(set, post, use, protects)                    \
    &(ngx_http_gateway_setting_t) { set, post, use, protects }

char *ngx_http_gateway_set_setting(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * What it does behind the setter, for setters that decide themselves: the
 * directive at hand is a setting of its block.  "set" and "post" are not asked.
 * NGX_CONF_ERROR: no memory.
 */
char *ngx_http_gateway_setting_add(ngx_conf_t *cf,
    const ngx_http_gateway_setting_t *setting);

/*
 * In preconfiguration: gives a use its bit.  It may be a static variable, as
 * the index of a slot.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_use_add(ngx_conf_t *cf,
    ngx_http_gateway_use_t *use);

/* in a merge function: the uses of these bits are on in the block at hand */
void ngx_http_gateway_use_on(ngx_conf_t *cf, ngx_uint_t bits);

/*
 * In postconfiguration: the uses that are on in a block, or in an inner one.
 * With "carried" an internal redirect keeps what they do: to an internal
 * location any other one of the server may redirect.
 */
ngx_uint_t ngx_http_gateway_uses(const ngx_http_gateway_loc_conf_t *block,
    const ngx_http_core_loc_conf_t *location, ngx_uint_t carried);

/* in a setter: the block at hand says that they are off */
void ngx_http_gateway_use_off(ngx_conf_t *cf, ngx_uint_t bits);


/*
 * For core's postconfiguration: warns of settings without a use.  NGX_ERROR
 * after an [emerg].
 */
ngx_int_t ngx_http_gateway_settings_check(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_ */
