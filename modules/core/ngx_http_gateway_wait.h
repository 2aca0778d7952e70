/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parking: a request waits for an operation of its module, such as a call to
 * another server or an entry that another request is making, and goes on when
 * it has ended.
 *
 * Main requests only, one operation at a time.  A handler starts the operation,
 * parks the request and returns.  Then one of two things happens, once:
 *
 *   - The operation has ended, well or not, and its callback resumes the
 *     request.
 *
 *   - The request ends before: "cancel" is called, from the cleanup of the
 *     request's pool, and must detach the operation.  From then on nothing may
 *     touch the request or its memory, and the wait is void: a callback that
 *     may still come has data of its own.
 *
 * The operation is the owner's, and so is its deadline: a request that nobody
 * resumes waits for as long as its client does.  The timer of a deadline must
 * not be cancelable, since a worker that quits leaves when it has only such
 * timers, and would cut off the request.  An operation that ends inside the
 * call that starts it must not be waited for: park when it is under way.
 *
 * While a request is parked
 *
 *   - a reset by the client (of a stream, in HTTP/2 and HTTP/3) ends it with
 *     status 499.  An end of file does not: the client may have sent all it
 *     has to send, and read on.  Bytes that follow the request are not read.
 *   - no handler of a phase is called, and the location stays what it is.
 *   - subrequests of others go on.
 *
 * When it is resumed, time has passed: a client that has left without a reset
 * is not known yet, and what the handler has read in shared memory before may
 * be another's now.
 */

#ifndef _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_


#include "ngx_http_gateway_compat.h"


/* a parked request: in the memory of its pool, until it is resumed */
typedef struct ngx_http_gateway_wait_s  ngx_http_gateway_wait_t;

/* detaches the operation that is under way; sends nothing, finalizes nothing */
typedef void (*ngx_http_gateway_cancel_pt)(void *data);


/*
 * In a handler of PREACCESS, ACCESS or PRECONTENT, which returns NGX_AGAIN: the
 * request waits for the operation of "data".  No reference to it is counted:
 * nothing else works on a main request in these phases.  NULL: it does not
 * wait, and the handler must cancel what it has started, and return a status.
 *
 * Where the operation is a timer of the request's connection, the handler may
 * replace the request's event handlers afterwards, and "cancel" be NULL.
 */
ngx_http_gateway_wait_t *ngx_http_gateway_park(ngx_http_request_t *r,
    ngx_http_gateway_cancel_pt cancel, void *data);

/*
 * The operation has ended: goes on with the phases, where the handler that has
 * parked the request is called again, and must know by a state of its own that
 * it has an answer now.  "wait" is void then, and the request may be over when
 * this returns: for the end of a callback.
 */
void ngx_http_gateway_resume(ngx_http_gateway_wait_t *wait);

/*
 * The same for a content handler, which returns NGX_DONE, also after it has
 * read a body; a reference to the request is counted.
 */
ngx_http_gateway_wait_t *ngx_http_gateway_park_content(ngx_http_request_t *r,
    ngx_http_gateway_cancel_pt cancel, void *data);

/*
 * The operation of a content handler has ended: the request, which waits no
 * longer, and can be answered.  "wait" is void then.
 */
ngx_http_request_t *ngx_http_gateway_unpark(ngx_http_gateway_wait_t *wait);

/*
 * It was answered: finalizes the request with "rc", as the content handler
 * would have.  The request may be over then: for the end of a callback.
 */
void ngx_http_gateway_finish(ngx_http_request_t *r, ngx_int_t rc);


#endif /* _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_ */
