/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Parking: a request waits for an operation of its module, such as a call to
 * another server or an entry that another request creates, and continues when
 * the operation has ended.
 *
 * A main request can wait for one operation at a time.  A handler starts the
 * operation, parks the request and returns.  Then one of two things happens
 * once:
 *
 *   - The operation ends, successfully or not, and its callback resumes the
 *     request.
 *
 *   - The request ends first.  The cleanup of the request's pool calls
 *     "cancel", which must detach the operation.  From then on, nothing may use
 *     the wait, the request or its memory: a callback that can still be called
 *     needs data of its own.
 *
 * The owner of the operation must set a deadline: without one, the request
 * waits as long as its client does.  The timer of the deadline must not be
 * cancelable: a worker that shuts down exits when only cancelable timers are
 * left, and would cut off the request.  An operation can end inside the call
 * that starts it: park the request only if the operation is still in progress.
 *
 * While a request is parked,
 *
 *   - a reset by the client (of a stream, in HTTP/2 and HTTP/3) ends it with
 *     status 499.  An end of file does not end it: the client may only have
 *     finished sending.  Bytes that follow the request are not read.
 *   - no phase handler is called, and the location does not change.
 *   - other requests' subrequests continue.
 *
 * When a request is resumed, a client that has left without a reset has not
 * been noticed yet, and data that the handler has read in shared memory may
 * have changed or been replaced.
 */

#ifndef _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_


#include "ngx_http_gateway_compat.h"


/* a parked request, in its pool; invalid once the request is resumed */
typedef struct ngx_http_gateway_wait_s  ngx_http_gateway_wait_t;

/* detaches the operation; must not send anything or finalize the request */
typedef void (*ngx_http_gateway_cancel_pt)(void *data);


/*
 * Parks the request in a handler of PREACCESS, ACCESS or PRECONTENT, which must
 * then return NGX_AGAIN.  "data" is passed to "cancel".  The request's
 * reference count is not incremented, since nothing else works on a main
 * request in these phases.  NULL: the request is not parked; the handler must
 * cancel the operation and return a status.
 *
 * If the operation is a timer of the request's connection, the handler can
 * replace the request's event handlers afterwards, and "cancel" can be NULL.
 */
ngx_http_gateway_wait_t *ngx_http_gateway_park(ngx_http_request_t *r,
    ngx_http_gateway_cancel_pt cancel, void *data);

/*
 * The operation has ended: continues the phases with the handler that parked
 * the request, which must keep its own state to recognize the second call.
 * "wait" becomes invalid, and the request may have ended when this returns:
 * call it last in a callback.
 */
void ngx_http_gateway_resume(ngx_http_gateway_wait_t *wait);

/*
 * Parks the request in a content handler, which must then return NGX_DONE, even
 * after it has read a body.  The request's reference count is incremented.
 */
ngx_http_gateway_wait_t *ngx_http_gateway_park_content(ngx_http_request_t *r,
    ngx_http_gateway_cancel_pt cancel, void *data);

/*
 * The operation of a content handler has ended: returns the request, which can
 * now be answered.  "wait" becomes invalid.
 */
ngx_http_request_t *ngx_http_gateway_unpark(ngx_http_gateway_wait_t *wait);

/*
 * Finalizes the request with "rc", as the content handler would have done,
 * after it was answered.  The request may have ended when this returns: call it
 * last in a callback.
 */
void ngx_http_gateway_finish(ngx_http_request_t *r, ngx_int_t rc);


#endif /* _NGX_HTTP_GATEWAY_WAIT_H_INCLUDED_ */
