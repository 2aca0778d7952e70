/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limiting of log lines: a line that each request could cause is logged at
 * most once in an interval.
 *
 * The caller provides the word that stores the time of the last line.  If the
 * word is in shared memory, one worker logs the line for all of them; if it is
 * in a worker's own memory, each worker logs the line.  The word is 0 at first,
 * and only these functions change it.
 *
 * Times are ngx_current_msec, which each worker caches: the time of another
 * worker can be in the future, and then counts like one that is equally far in
 * the past.  The functions do not allocate memory, fail or suspend a request.
 */

#ifndef _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the usual interval, in ms */
#define NGX_HTTP_GATEWAY_SAY  60000


/*
 * Whether the line can be logged now.  1: it has not been logged in the last
 * "interval" ms, and the caller must log it, since no other worker will.  0: it
 * has been logged, or another worker is about to log it.
 */
ngx_uint_t ngx_http_gateway_may_say(ngx_atomic_t *said, ngx_msec_t interval);

/*
 * The reported condition has ended: its next occurrence can be logged at once,
 * unless the line was logged in the last "interval" ms.
 */
void ngx_http_gateway_say_again(ngx_atomic_t *said, ngx_msec_t interval);


#endif /* _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_ */
