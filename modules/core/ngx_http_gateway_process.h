/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_process.c: names of processes
 *
 * They mark what belongs to a process in shared memory, in case it is killed.
 * A name is never 0 and is less than 2^54.  It is not reused, unlike a pid.
 */

#ifndef _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_


#include "ngx_http_gateway.h"


/* the name of the calling process */
uint64_t ngx_http_gateway_process_self(void);

/* the pid in a name, for the log; 0: no process */
ngx_pid_t ngx_http_gateway_process_pid(uint64_t process);

/*
 * Whether a process has exited; 0 if that cannot be determined.  It takes a few
 * system calls and is not meant for each request.
 */
ngx_uint_t ngx_http_gateway_process_gone(uint64_t process);

/*
 * Allocates "size" bytes of zeroed pages in a shared memory zone that is being
 * created.  They belong to the zone.  Pages of a new zone are zero already and
 * are not written to, so that they take no memory until they are used.  NULL:
 * the zone is too small.
 */
void *ngx_http_gateway_zone_alloc(ngx_slab_pool_t *shpool, size_t size);


#endif /* _NGX_HTTP_GATEWAY_PROCESS_H_INCLUDED_ */
