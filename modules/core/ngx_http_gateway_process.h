/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_process.c: names of processes, for what one leaves in
 * shared memory when it is killed; never 0, less than 2^54, and not used again
 * as a pid is
 */

#ifndef _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_


#include "ngx_http_gateway.h"


/* the name of the process that calls */
uint64_t ngx_http_gateway_process_self(void);

/*
 * Whether a process is gone; a few system calls, not for each request.  One
 * of whom that cannot be told is there.
 */
ngx_uint_t ngx_http_gateway_process_gone(uint64_t process);

/*
 * Memory of whole pages in a shared memory zone that is being created, zeroed;
 * "size" in bytes.  It belongs to the zone.  Pages of a new zone are zero
 * already, and are not written to: they take no memory until they are used.
 * NULL: the zone is too small.
 */
void *ngx_http_gateway_zone_alloc(ngx_slab_pool_t *shpool, size_t size);


#endif /* _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_ */
