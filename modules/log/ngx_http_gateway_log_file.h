/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Files, pipes, and the standard output and error.
 *
 *     _file.c        the sink: what it writes to, its memory
 *     _file_write.c  its buffer, and how it ends
 */

#ifndef _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_


#include "ngx_http_gateway_log.h"


/* files are told apart by their inodes: the name may be that of another one */

typedef struct {
    ngx_http_gateway_log_sink_t           sink;     /* first */
    ngx_open_file_t                      *open;     /* NULL: fd is our own */
    ngx_fd_t                              fd;
    ngx_uint_t                            pipe;     /* unsigned:1 */
    ngx_uint_t                            socket;   /* unsigned:1 */

    ngx_http_gateway_counter_t           *torn;     /* the inode of the file
                                                       that ends with a
                                                       fragment, or 0 */
    ngx_http_gateway_counter_t           *writing;  /* that of the file that
                                                       the worker is writing
                                                       to, or 0 */
    ngx_http_gateway_counter_t           *failed;   /* when a failure was
                                                       logged */

    /* the worker's */

    uint64_t                              inode;    /* 0: not known */
    u_char                               *start;
    u_char                               *pos;
    u_char                               *last;
    ngx_event_t                           event;
    ngx_msec_t                            until;    /* paused */
    ngx_msec_t                            pause;
    unsigned                              paused:1;
} ngx_http_gateway_log_file_t;


/* ngx_http_gateway_log_file_write.c: nothing in it waits but stop */

/* functions of the kind */
void ngx_http_gateway_log_file_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record);
void ngx_http_gateway_log_file_stop(ngx_http_gateway_log_sink_t *sink);

/* the handler of the sink's event */
void ngx_http_gateway_log_file_timer(ngx_event_t *ev);

/* before a file is opened again, and at exit: writes the buffer */
void ngx_http_gateway_log_file_reopen(ngx_open_file_t *open, ngx_log_t *log);

/* for a slot of counters that a killed worker has left */
void ngx_http_gateway_log_file_settle(void *data, ngx_uint_t at);


#endif /* _NGX_HTTP_GATEWAY_LOG_FILE_H_INCLUDED_ */
