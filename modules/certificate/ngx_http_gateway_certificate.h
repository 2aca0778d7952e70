/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The internals of the certificate module.  Only modules/certificate includes
 * this header.
 */

#ifndef _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "gw_openssl.h"


/* the client's certificate, kept with the connection */

typedef struct {
    u_char                          digest[GW_CONSUMER_DIGEST];  /* of DER */
    ngx_str_t                       hex;        /* digest as text */
    ngx_str_t                      *names;      /* "dns:a.example" */
    ngx_uint_t                      nnames;
} ngx_http_gateway_certificate_t;


typedef struct {
    gw_md_t                        *sha256;
    ngx_uint_t                      used;       /* unsigned:1 */
    ngx_http_gateway_place_t        place;      /* of the first "on" */
} ngx_http_gateway_certificate_main_conf_t;


typedef struct {
    u_char                          session[GW_CONSUMER_DIGEST];
    ngx_uint_t                      sessions;   /* unsigned:1; is set */
    ngx_uint_t                      warned;     /* unsigned:1 */
} ngx_http_gateway_certificate_srv_conf_t;


/* ngx_http_gateway_certificate_peer.c */

/*
 * Returns GW_OK and the client's certificate if the server that handles the
 * request has verified it; GW_CERTIFICATE_MISSING if there is none or another
 * server has verified it; GW_FAILED if memory ran out.  The certificate is read
 * once for each connection and is valid as long as the connection.
 */
gw_reason_e ngx_http_gateway_certificate_peer(ngx_http_request_t *r,
    const ngx_http_gateway_certificate_t **certificate);


/* ngx_http_gateway_certificate_session.c */

#if (NGX_HTTP_SSL)

/*
 * Whether the TLS session of a connection, which may be a resumed one, was made
 * with the settings of the connection's server and under its server name.
 */
ngx_uint_t ngx_http_gateway_certificate_session(ngx_connection_t *c,
    const ngx_http_gateway_certificate_srv_conf_t *scf);

/*
 * Called in postconfiguration.  Gives each server a session id context of its
 * own.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_certificate_sessions(ngx_conf_t *cf);

#endif


extern ngx_module_t  ngx_http_gateway_certificate_module;


#endif /* _NGX_HTTP_GATEWAY_CERTIFICATE_H_INCLUDED_ */
