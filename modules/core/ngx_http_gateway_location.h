/* SPDX-License-Identifier: BSD-2-Clause */

/* ngx_http_gateway_location.c: the location of a URI, before any request */

#ifndef _NGX_HTTP_GATEWAY_LOCATION_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOCATION_H_INCLUDED_


#include "ngx_http_gateway.h"


/*
 * The location that nginx chooses in a server for a request with the URI, which
 * is decoded and has no arguments.  For postconfiguration and later.  "rewrite"
 * and "return" of the server are not evaluated.
 *
 * Returns NULL if the server has no such location: its own configuration
 * applies, nginx redirects the request to the URI with a slash added, or
 * matching a regular expression failed.
 */
ngx_http_core_loc_conf_t *ngx_http_gateway_location_find(
    const ngx_http_core_srv_conf_t *cscf, const ngx_str_t *uri);


#endif /* _NGX_HTTP_GATEWAY_LOCATION_H_INCLUDED_ */
