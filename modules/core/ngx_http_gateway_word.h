/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Waiting for a word in shared memory: a request is parked until another
 * request, in any worker, has changed the word.  See ngx_http_gateway_wait.h
 * for parked requests.
 *
 * A request of the same worker calls ngx_http_gateway_word_wake() after a
 * change, which resumes the waiting requests at once.  Changes by other workers
 * are polled every "interval" ms, sooner at first: after a 25th of it, then after
 * twice that, and so on.  One timer serves all waiting requests of the worker
 * with this interval, and runs only while there are any; a request that joins
 * others waits for their next look.  The timer is not cancelable: a worker that
 * shuts down waits for these requests.
 */

#ifndef _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_


#include "ngx_http_gateway_wait.h"


/* in the memory of the waiting request */

typedef struct {
    /* set by the owner */
    ngx_atomic_t                   *word;       /* valid during the wait */
    ngx_atomic_uint_t               seen;       /* its last known value */
    ngx_msec_t                      interval;   /* not 0 */
    ngx_msec_t                      timeout;    /* from now */

    ngx_uint_t                      timedout;   /* unsigned:1; resumed by the
                                                   timeout: the word has not
                                                   changed */

    /* private */
    ngx_uint_t                      woken;      /* unsigned:1 */
    ngx_msec_t                      deadline;
    ngx_queue_t                     queue;
    ngx_http_gateway_wait_t        *wait;
} ngx_http_gateway_word_t;


/*
 * In a handler of PREACCESS, ACCESS or PRECONTENT.  NGX_AGAIN: the request is
 * parked, and the handler must return NGX_AGAIN.  It is called again when the
 * word has changed, when the request is woken, or when the timeout has expired;
 * this can be up to "interval" ms late.  NGX_DECLINED: the word has already
 * changed.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_word_wait(ngx_http_request_t *r,
    ngx_http_gateway_word_t *w);

/*
 * Wakes the requests of this worker that wait for the word.  They are resumed
 * in this iteration of the event loop, after the caller has returned, in the
 * order in which they were parked.
 */
void ngx_http_gateway_word_wake(ngx_atomic_t *word);


#endif /* _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_ */
