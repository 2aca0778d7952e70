/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Waiting for a word in shared memory: a request is parked until another
 * request, of any worker, has changed the word.
 *
 * A change by a request of the same worker wakes the waiting at once, by
 * ngx_http_gateway_word_wake().  Changes by other workers are looked for each
 * "interval": one timer looks for all waiting requests of the worker with this
 * interval, and it runs only while there are any.  It is not cancelable: a
 * worker that leaves waits for them.
 *
 * For the handlers of ngx_http_gateway_wait.h, which says what holds for parked
 * requests.
 */

#ifndef _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_


#include "ngx_http_gateway_wait.h"


/* in the memory of the request that waits */

typedef struct {
    /* set by the owner */
    ngx_atomic_t                   *word;       /* is there while it waits */
    ngx_atomic_uint_t               seen;       /* its value so far */
    ngx_msec_t                      interval;   /* not 0 */
    ngx_msec_t                      timeout;    /* from now on */

    ngx_uint_t                      timedout;   /* unsigned:1; when resumed:
                                                   the word is the same */

    /* private */
    ngx_uint_t                      woken;      /* unsigned:1 */
    ngx_msec_t                      deadline;
    ngx_queue_t                     queue;
    ngx_http_gateway_wait_t        *wait;
} ngx_http_gateway_word_t;


/*
 * In a handler of PREACCESS, ACCESS or PRECONTENT.  NGX_AGAIN: the request
 * waits, and the handler returns NGX_AGAIN; it is called again when the word
 * has another value, when it is woken, or when the time has passed, up to an
 * interval late.  NGX_DECLINED: the word has another value already.
 * NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_word_wait(ngx_http_request_t *r,
    ngx_http_gateway_word_t *w);

/*
 * Something that requests of this worker wait for has happened: those that
 * wait for the word are resumed in this turn of the event loop, after the
 * caller has returned, in the order in which they began to wait.
 */
void ngx_http_gateway_word_wake(ngx_atomic_t *word);


#endif /* _NGX_HTTP_GATEWAY_WORD_H_INCLUDED_ */
