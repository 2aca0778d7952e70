/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The configuration of sources that nginx requests: gateway_jwt_key_request and
 * gateway_jwt_introspect name the URI of a location, gateway_jwt_key_fetch sets
 * how it is requested.
 */

#ifndef _NGX_HTTP_GATEWAY_JWT_REMOTE_CONF_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_JWT_REMOTE_CONF_H_INCLUDED_


#include "ngx_http_gateway_jwt.h"
#include "ngx_http_gateway_jwt_remote.h"


/* gateway_jwt_key_fetch, of a server; merged: "interval" to "insecure" */

typedef struct {
    ngx_msec_t                          interval;
    ngx_msec_t                          min;
    ngx_msec_t                          stale;      /* NGX_CONF_UNSET_MSEC: the
                                                       default */
    ngx_msec_t                          timeout;
    size_t                              max_size;
    ngx_uint_t                          insecure;   /* unsigned:1 */

    ngx_uint_t                          written;    /* unsigned:1; here */
    ngx_msec_t                          cache;      /* gateway_jwt_key_cache,
                                                       instead of "interval";
                                                       or NGX_CONF_UNSET_MSEC */
} ngx_http_gateway_jwt_srv_conf_t;


/* ngx_http_gateway_jwt_fetch_conf.c */

/* what settings are for: requests to an issuer */
extern ngx_http_gateway_use_t  ngx_http_gateway_jwt_requests;

void *ngx_http_gateway_jwt_create_srv_conf(ngx_conf_t *cf);
char *ngx_http_gateway_jwt_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);

char *ngx_http_gateway_jwt_key_fetch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_gateway_jwt_key_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * In a setter: refuses a first argument that is not the URI of a location.
 * NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_jwt_check_uri(ngx_conf_t *cf);


/* ngx_http_gateway_jwt_remote_conf.c */

/*
 * In a merge: a new source for a URI of the current server.  The caller sets
 * "flags", and what its kind has.  NULL: no memory, or OpenSSL failed.
 */
ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_request_source(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_key_use_t *use);

/*
 * In a merge: the source of a key request in the current server, with the
 * settings of "conf".  NULL after an [emerg], or no memory.
 */
ngx_http_gateway_jwt_source_t *ngx_http_gateway_jwt_remote_source(
    ngx_conf_t *cf, const ngx_http_gateway_jwt_loc_conf_t *conf,
    const ngx_http_gateway_jwt_key_use_t *use);

/*
 * In postconfiguration: checks the locations of the sets that are used, and
 * creates their zones.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_jwt_remote_init(ngx_conf_t *cf,
    const ngx_http_gateway_jwt_main_conf_t *jmcf);

/*
 * In postconfiguration: the location of source->shown must exist in the server;
 * warns if clients can request it, if it verifies no certificate and "insecure"
 * is not set, and if a cache delays a change of keys.  NGX_ERROR after an
 * [emerg].
 */
ngx_int_t ngx_http_gateway_jwt_check_location(ngx_conf_t *cf,
    const ngx_http_core_srv_conf_t *cscf,
    const ngx_http_gateway_jwt_source_t *source, ngx_uint_t insecure,
    const ngx_http_gateway_place_t *place);


#endif /* _NGX_HTTP_GATEWAY_JWT_REMOTE_CONF_H_INCLUDED_ */
