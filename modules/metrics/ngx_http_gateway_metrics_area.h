/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_metrics_area.c: shared memory of this module, in the zone
 * of gateway_metrics_zone
 *
 * Its parts have names, so that each configuration finds those that it knows.
 * A part is zero at first and is never freed: its layout must not depend on the
 * configuration, or its name must.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_AREA_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_AREA_H_INCLUDED_


#include "ngx_http_gateway_metrics.h"


/* in postconfiguration: there will be a part of this size; NGX_ERROR: no
   memory */
ngx_int_t ngx_http_gateway_metrics_part_add(ngx_conf_t *cf, size_t size);

/*
 * In a worker: the part "name", aligned to 64 bytes, the same in all processes
 * that ask for this size.  It is made if need be, also by several processes at
 * once.  NULL: no room.  Not meant for each request.
 */
void *ngx_http_gateway_metrics_part(const ngx_str_t *name, size_t size);

/*
 * The same, but a part of this name that another configuration has made is
 * returned, too; sets "size".  For parts that describe their layout.
 */
void *ngx_http_gateway_metrics_part_any(const ngx_str_t *name, size_t *size);

/*
 * In a worker: sets "secret", which is random and the same in all processes of
 * the zone, for gw_siphash().  NGX_ERROR: there is none.
 */
ngx_int_t ngx_http_gateway_metrics_secret(uint64_t secret[2]);

/* a family as it is printed; NULL: the configuration has none */
ngx_http_gateway_family_view_t *ngx_http_gateway_metrics_family(
    const char *name);



#endif /* _NGX_HTTP_GATEWAY_METRICS_AREA_H_INCLUDED_ */
