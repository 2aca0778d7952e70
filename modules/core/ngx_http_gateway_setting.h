/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Settings without effect.
 *
 * A rule about tokens has no effect where no token is verified, and
 * a location that relies on it is open.  Each such directive (a setting) names
 * its use, such as a method of authentication.  Modules declare in which blocks
 * a use is on, or explicitly off.  After all blocks have been merged, core
 * reports settings without a use.  Settings that a block only inherits are not
 * reported.
 */

#ifndef _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_


#include "ngx_http_gateway.h"


/* uses of several modules, as bits; modules add further ones */

#define NGX_HTTP_GATEWAY_USE_METHOD  0x1        /* any method is on */
#define NGX_HTTP_GATEWAY_USE_GROUPS  0x2        /* a method provides groups */
#define NGX_HTTP_GATEWAY_USE_CLAIMS  0x4        /* claims of tokens provide
                                                   consumer and scopes */
#define NGX_HTTP_GATEWAY_USE_CLAIMED_GROUPS  0x8  /* claims provide groups */
#define NGX_HTTP_GATEWAY_USE_OTHERS  4          /* the number of these bits */


/* the use of a setting; the texts complete a message about a directive */

typedef struct {
    ngx_uint_t                      bit;
    ngx_uint_t                      given;      /* bits that must be on for
                                                   this one to be required */
    const char                     *lack;       /* "has no effect, ..." */
    const char                     *remedy;     /* for an error */
    ngx_uint_t                      carried;    /* unsigned:1; survives an
                                                   internal redirect */
} ngx_http_gateway_use_t;


/*
 * The "post" of a command whose setter is ngx_http_gateway_set_setting(): the
 * actual setter with its own "post".  If "protects" is set, a block that relies
 * on the setting is open without its use: this is an error, except at the http
 * level.
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
 * For setters that decide themselves whether the directive is a setting:
 * registers it for its block.  "set" and "post" are ignored.  NGX_CONF_ERROR:
 * no memory.
 */
char *ngx_http_gateway_setting_add(ngx_conf_t *cf,
    const ngx_http_gateway_setting_t *setting);

/*
 * In preconfiguration: assigns a bit to a use, which can be a static variable,
 * like the index of a slot.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_use_add(ngx_conf_t *cf,
    ngx_http_gateway_use_t *use);

/* in a merge function: the uses of these bits are on in the current block */
void ngx_http_gateway_use_on(ngx_conf_t *cf, ngx_uint_t bits);

/*
 * In postconfiguration: returns the uses that are on in a block or in an inner
 * one.  The uses in "carried" survive an internal redirect; for an internal
 * location, they also count where they are on elsewhere in the server.
 */
ngx_uint_t ngx_http_gateway_uses(const ngx_http_gateway_loc_conf_t *block,
    const ngx_http_core_loc_conf_t *location, ngx_uint_t carried);

/* in a setter: the current block turns the uses of these bits off */
void ngx_http_gateway_use_off(ngx_conf_t *cf, ngx_uint_t bits);


/*
 * For core's postconfiguration: reports settings without a use.  NGX_ERROR
 * after an [emerg].
 */
ngx_int_t ngx_http_gateway_settings_check(ngx_conf_t *cf);


#endif /* _NGX_HTTP_GATEWAY_SETTING_H_INCLUDED_ */
