/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Files, pipes, and the standard output and error.
 *
 *     _file.c        configuration: opens files and pipes
 *     _file_write.c  a worker's buffer, writes, fragments, the exit
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_


#include "ngx_http_gateway_log.h"


/* a file is identified by its inode: its name can be that of a newer file */

typedef struct {
    ngx_http_gateway_log_sink_t           sink;     /* first */
    ngx_open_file_t                      *open;     /* NULL: fd is used */
    ngx_fd_t                              fd;
    ngx_uint_t                            pipe;     /* unsigned:1 */
    ngx_uint_t                            socket;   /* unsigned:1 */

    ngx_http_gateway_counter_t           *torn;     /* inode of the file that
                                                       ends with a fragment,
                                                       or 0 */
    ngx_http_gateway_counter_t           *writing;  /* inode of the file that
                                                       the worker writes to,
                                                       or 0 */
    ngx_http_gateway_counter_t           *failed;   /* time when a failure was
                                                       last logged */

    /* of the worker */

    uint64_t                              inode;    /* 0: unknown */
    u_char                               *start;
    u_char                               *pos;
    u_char                               *last;
    ngx_event_t                           event;
    ngx_msec_t                            until;    /* end of the pause */
    ngx_msec_t                            pause;
    unsigned                              paused:1;
} ngx_http_gateway_log_file_t;


/* ngx_http_gateway_log_file_write.c */

/* write and stop of ngx_http_gateway_log_kind_t; stop can take 0.2 s */
void ngx_http_gateway_log_file_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record);
void ngx_http_gateway_log_file_stop(ngx_http_gateway_log_sink_t *sink);

/* the handler of the sink's event */
void ngx_http_gateway_log_file_timer(ngx_event_t *ev);

/* before a file is opened again, and at exit: writes the buffer */
void ngx_http_gateway_log_file_reopen(ngx_open_file_t *open, ngx_log_t *log);

/* reclaims the counters of a killed worker, whose slot is "at" */
void ngx_http_gateway_log_file_reclaim(void *data, ngx_uint_t at);


#endif /* _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_ */
