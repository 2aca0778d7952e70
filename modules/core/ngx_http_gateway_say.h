/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Log lines that must not be repeated: what every request could say is logged
 * at most once in an interval.
 *
 * The word that keeps when a line was logged last belongs to the caller.  In
 * shared memory it makes one worker log the line for all of them; in a
 * worker's own memory each worker logs it.  It is 0 at first, and must not be
 * written by anyone else.
 *
 * Times are ngx_current_msec, which each worker caches for itself: the time of
 * another worker can be in the future, and is then as far away as one in the
 * past.  Nothing here allocates, fails or suspends.
 */

#ifndef _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the usual interval, in ms */
#define NGX_HTTP_GATEWAY_SAY  60000


/*
 * Whether the line may be logged now.  1: it was never logged, or "interval"
 * ms ago or more, and the caller must log it: no other worker will.  0: it was
 * logged lately, or another worker is about to.
 */
ngx_uint_t ngx_http_gateway_may_say(ngx_atomic_t *said, ngx_msec_t interval);

/*
 * What the line reported is over: the next occurrence is news, and may be
 * logged at once, unless the line was logged in the last "interval" ms.
 */
void ngx_http_gateway_say_again(ngx_atomic_t *said, ngx_msec_t interval);


#endif /* _NGX_HTTP_GATEWAY_SAY_H_INCLUDED_ */
