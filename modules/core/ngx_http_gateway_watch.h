/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_watch.c: files that are read again when they change
 */

#ifndef _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_


#include "ngx_http_gateway.h"


typedef struct ngx_http_gateway_watch_s  ngx_http_gateway_watch_t;

/*
 * Takes the new content.  NGX_OK; or NGX_ERROR with a sentence in "err" (of
 * 256 bytes, NUL-terminated, no secrets), and what was in force stays so.
 * Runs in the master while the configuration is read, then in every worker.
 * "log" is for notes of its own.
 */
typedef ngx_int_t (*ngx_http_gateway_watch_pt)(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err);

#define NGX_HTTP_GATEWAY_WATCH_ERR  512


/*
 * Looks at the path in place of all that: for content that is not loaded by
 * each worker for itself.  Runs in every worker each "interval"; its owner
 * calls it when a worker starts, as soon as the owner is ready and "state" is
 * set.
 */
typedef void (*ngx_http_gateway_watch_look_pt)(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


/* what is known of a file, in a worker or in shared memory for all of them */

typedef struct {
    ngx_file_info_t                 seen;       /* all zero: not readable */
    time_t                          since;      /* of a failure that lasts, */
    time_t                          logged;     /* and its last line; or 0 */
} ngx_http_gateway_watch_state_t;


struct ngx_http_gateway_watch_s {
    /* set by the owner */
    ngx_str_t                       path;       /* full, NUL-terminated */
    ngx_msec_t                      interval;   /* 0: not watched */
    ngx_uint_t                      written;    /* unsigned:1; "watch=" is */
    const char                     *directive;
    size_t                          max_size;   /* bytes */
    ngx_http_gateway_place_t        place;
    ngx_http_gateway_watch_pt       load;
    ngx_http_gateway_watch_look_pt  look;       /* instead of "load" */
    ngx_http_gateway_watch_state_t *state;      /* with "look", in a worker */
    void                           *data;

    /* private */
    ngx_http_gateway_watch_state_t  own;        /* of what the master read;
                                                   without "look", "state" */
    ngx_uint_t                      closed;     /* unsigned:1; to workers */
    ngx_event_t                     event;
};


/* the directive's default */
#define NGX_HTTP_GATEWAY_WATCH  5000    /* ms */

/* whether a file is still the one that was seen */
ngx_uint_t ngx_http_gateway_watch_same(const ngx_file_info_t *a,
    const ngx_file_info_t *b);

/*
 * Opens the file if it is one that may be read; an invalid descriptor with a
 * sentence in "err" if not.
 */
ngx_fd_t ngx_http_gateway_watch_open(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi, char *err);

/*
 * Reads the whole file.  NGX_OK; NGX_ERROR, or NGX_AGAIN for one that changes
 * meanwhile and will be whole at the next look, with a sentence in "err".
 */
ngx_int_t ngx_http_gateway_watch_read(ngx_http_gateway_watch_t *watch,
    ngx_pool_t *pool, ngx_str_t *content, ngx_file_info_t *fi, char *err);

/* writes "open() failed (2: No such file or directory)" to err */
ngx_int_t ngx_http_gateway_watch_failed(char *err, const char *call);

/*
 * For a parameter "watch=" that was NGX_CONF_UNSET_MSEC: its default.  Returns
 * whether it was written.
 */
ngx_uint_t ngx_http_gateway_watch_default(ngx_msec_t *interval);

/*
 * Configuration: reads and loads the file now (unless it has a "look") and
 * watches it from then on.  "watch" belongs to the configuration's pool.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_watch_add(ngx_conf_t *cf,
    ngx_http_gateway_watch_t *watch);

/*
 * For a "look".  Whether to read the file "fi" now: it has changed, or the last
 * failure was logged an hour ago.
 */
void ngx_http_gateway_watch_stat(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi);
ngx_uint_t ngx_http_gateway_watch_due(
    const ngx_http_gateway_watch_state_t *state, const ngx_file_info_t *fi);

/*
 * For a "look", after it.  The file "fi" was read: "note" ends the line, such
 * as ", 5 keys".  Or it was not, for the reason "err".
 */
void ngx_http_gateway_watch_loaded(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *note);
void ngx_http_gateway_watch_kept(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *err);

/*
 * For core's init_conf of a cycle: looks for watched files that workers will
 * not be allowed to read.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_watch_check(ngx_cycle_t *cycle,
    ngx_array_t *watches);

/* for core's init_process */
void ngx_http_gateway_watch_start(ngx_cycle_t *cycle, ngx_array_t *watches);


#endif /* _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_ */
