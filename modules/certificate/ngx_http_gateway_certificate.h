/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The certificate module's own types; nothing outside of modules/certificate
 * includes it.
 */

#ifndef _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "gw_openssl.h"


/* what a connection keeps of its client's certificate */

typedef struct {
    u_char                          digest[GW_CONSUMER_DIGEST];  /* of DER */
    ngx_str_t                       hex;        /* the same as text */
    ngx_str_t                      *names;      /* "dns:a.example" */
    ngx_uint_t                      nnames;
} ngx_http_gateway_certificate_t;


typedef struct {
    gw_md_t                        *sha256;
    ngx_uint_t                      used;       /* unsigned:1 */
    ngx_http_gateway_place_t        place;      /* of the first that is on */
} ngx_http_gateway_certificate_main_conf_t;


typedef struct {
    u_char                          session[GW_CONSUMER_DIGEST];
    ngx_uint_t                      sessions;   /* unsigned:1; it is set */
    ngx_uint_t                      warned;     /* unsigned:1 */
} ngx_http_gateway_certificate_srv_conf_t;


/* ngx_http_gateway_certificate_peer.c */

/*
 * The client's certificate if the server that handles the request has itself
 * verified it: GW_OK; GW_CERTIFICATE_MISSING, also for one that another
 * server has verified; GW_FAILED: no memory.  It is read once for each
 * connection, and lives as long as that.
 */
gw_reason_e ngx_http_gateway_certificate_peer(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t **certificate);


/* ngx_http_gateway_certificate_session.c */

#if (NGX_HTTP_SSL)

/*
 * Whether the session of a connection, which may be an older one's, was made
 * with the settings and the name that the connection has.
 */
ngx_uint_t ngx_http_gateway_certificate_session(ngx_connection_t *c,
    const ngx_http_gateway_certificate_srv_conf_t *scf);

/*
 * Configuration, after servers were merged: gives each server a session id
 * context of its own.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_certificate_sessions(ngx_conf_t *cf);

#endif


extern ngx_module_t  ngx_http_gateway_certificate_module;


#endif /* _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_ */
