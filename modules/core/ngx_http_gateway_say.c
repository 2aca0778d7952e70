/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rate limiting of log lines.
 */

#include "ngx_http_gateway_say.h"


static ngx_msec_t ngx_http_gateway_say_ago(ngx_atomic_uint_t time);


ngx_uint_t
ngx_http_gateway_may_say(ngx_atomic_t *said, ngx_msec_t interval)
{
    ngx_atomic_uint_t  last, now;

    last = *said;

    if (last != 0 && ngx_http_gateway_say_ago(last) < interval) {
        return 0;
    }

    /* 0 means "never" */

    now = ngx_current_msec ? ngx_current_msec : 1;

    return ngx_atomic_cmp_set(said, last, now);
}


void
ngx_http_gateway_say_again(ngx_atomic_t *said, ngx_msec_t interval)
{
    ngx_atomic_uint_t  last;

    last = *said;

    if (ngx_http_gateway_say_ago(last) > interval) {
        (void) ngx_atomic_cmp_set(said, last, 0);
    }
}


/* the distance from now: the clock of the worker that set it may be ahead */

static ngx_msec_t
ngx_http_gateway_say_ago(ngx_atomic_uint_t time)
{
    ngx_msec_int_t  since;

    since = (ngx_msec_int_t) (ngx_current_msec - (ngx_msec_t) time);

    return (ngx_msec_t) ngx_abs(since);
}
