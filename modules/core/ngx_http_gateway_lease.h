/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A lease in shared memory: a job that one process at a time does, such as
 * loading a file for all workers.
 *
 * It names the process that has it, and that is all of its state: when the
 * process has exited, in whatever way, another one can take the lease.  One
 * that is stopped keeps it.  Nobody waits: a process that cannot have the
 * lease tries again later.
 */

#ifndef _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_


#include "ngx_http_gateway.h"


/* zeroed memory is a lease that nobody has */

typedef struct {
    uint64_t                        holder;     /* its name; 0: nobody */
} ngx_http_gateway_lease_t;


/*
 * Takes the lease.  Returns 1, or 0: a process that has not exited has it,
 * which may be the calling one.  What a holder that has exited left half done
 * is for the caller to do again.  A few system calls where somebody has had
 * it; not for each request.
 */
ngx_uint_t ngx_http_gateway_lease_take(ngx_http_gateway_lease_t *lease);

/*
 * Gives the lease back; without effect where another process has it.  Also
 * for a process that starts: a lease in its name is that of an earlier process
 * with the same pid, if the names of the two are equal.
 */
void ngx_http_gateway_lease_release(ngx_http_gateway_lease_t *lease);


#endif /* _NGX_HTTP_GATEWAY_LEASE_H_INCLUDED_ */
