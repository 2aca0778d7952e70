/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A lease in shared memory, for a task that one process at a time performs,
 * such as loading a file for all workers.
 *
 * Its only state is the process that holds it.  Once that process has exited or
 * was killed, another one can take the lease.  A process that is stopped keeps
 * it.  No process waits for a lease: it tries again later.
 */

#ifndef _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_


#include "ngx_http_gateway.h"


/* zeroed memory is a free lease */

typedef struct {
    uint64_t                        holder;     /* 0: none */
} ngx_http_gateway_lease_t;


/*
 * Takes the lease.  Returns 1, or 0 if a process that has not exited holds it,
 * which can be the calling one.  If the last holder exited before it was done,
 * the caller must repeat its work.  Takes a few system calls if there was a
 * holder: do not call it for each request.
 */
ngx_uint_t ngx_http_gateway_lease_take(ngx_http_gateway_lease_t *lease);

/*
 * Releases the lease; has no effect if another process holds it.  A process
 * that starts must call it too: an earlier process with the same identifier may
 * have left the lease behind.
 */
void ngx_http_gateway_lease_release(ngx_http_gateway_lease_t *lease);


#endif /* _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_ */
