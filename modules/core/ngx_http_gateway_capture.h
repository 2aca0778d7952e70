/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A log that keeps one of nginx's messages instead of writing them all: the
 * owner of an operation that fails writes a single line, which names the
 * directive, the reason and what happens next.
 *
 * Kept is the first message at level "error" or worse, since it names the
 * cause, and those that follow are its effects, such as "no live upstreams".
 * Without one, it is the last message at a lower level.
 */

#ifndef _NGX_HTTP_GATEWAY_CAPTURE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CAPTURE_H_INCLUDED_


#include "ngx_http_gateway.h"


#define NGX_HTTP_GATEWAY_CAPTURE  512           /* bytes, with the NUL */


typedef struct {
    ngx_log_t                       log;        /* to be used in the owner's
                                                   place */

    /* read-only: the message, ending with NUL, without time, pid and context */
    size_t                          len;        /* 0: none */
    u_char                          why[NGX_HTTP_GATEWAY_CAPTURE];

    /* private */
    ngx_log_t                      *owner;
    ngx_uint_t                      level;      /* of "why" */
} ngx_http_gateway_capture_t;


/*
 * Makes capture->log a copy of "owner" that keeps messages from level "crit" to
 * "info", whatever the level of the owner.  An alert is kept and written, and
 * debug messages are written: both go to the owner, with its context.  The
 * capture must not be moved, and the owner must live as long as the capture.
 */
void ngx_http_gateway_capture_init(ngx_http_gateway_capture_t *capture,
    ngx_log_t *owner);

/* forgets the message */
void ngx_http_gateway_capture_clear(ngx_http_gateway_capture_t *capture);


#endif /* _NGX_HTTP_GATEWAY_CAPTURE_H_INCLUDED_ */
