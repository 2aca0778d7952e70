/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_watch.c, ngx_http_gateway_watch_file.c: files that are read
 * again when they change
 */

#ifndef _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_


#include "ngx_http_gateway.h"


typedef struct ngx_http_gateway_watch_counts_s
                                            ngx_http_gateway_watch_counts_t;
typedef struct ngx_http_gateway_watch_s  ngx_http_gateway_watch_t;

/*
 * Loads new content.  NGX_OK; NGX_AGAIN: it is loaded in steps, call again with
 * the same content; or NGX_ERROR with a message in "err" (of
 * NGX_HTTP_GATEWAY_WATCH_ERR bytes, NUL-terminated, without secrets), and the
 * previous content stays in force.  Runs in the master while the configuration
 * is read, then in every worker, where steps are spread over turns of the event
 * loop: one should take no more than 1 ms.  "log" is for additional messages.
 */
typedef ngx_int_t (*ngx_http_gateway_watch_pt)(ngx_http_gateway_watch_t *watch,
    ngx_str_t *content, ngx_log_t *log, char *err);

#define NGX_HTTP_GATEWAY_WATCH_ERR  512


/*
 * Checks the file instead of the above, for content that workers share.  Runs
 * in every worker each "interval".  When a worker starts, the owner calls it
 * once it is ready and "state" is set.
 */
typedef void (*ngx_http_gateway_watch_look_pt)(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


/* what is known of a file, in a worker or in shared memory for all of them */

typedef struct {
    ngx_file_info_t                 seen;       /* zeroed: not readable */
    time_t                          since;      /* start of a failure; or 0 */
    time_t                          logged;     /* its last log line; or 0 */
} ngx_http_gateway_watch_state_t;


/* content that is loaded in steps */

typedef struct {
    ngx_pool_t                     *pool;
    ngx_str_t                       content;    /* in the pool */
    ngx_file_info_t                 fi;
} ngx_http_gateway_watch_load_t;


struct ngx_http_gateway_watch_s {
    /* set by the owner */
    ngx_str_t                       path;       /* full, NUL-terminated */
    ngx_msec_t                      interval;   /* 0: not watched */
    ngx_uint_t                      written;    /* unsigned:1; "watch=" is
                                                   in the configuration */
    const char                     *directive;
    size_t                          max_size;   /* bytes */
    ngx_http_gateway_place_t        place;
    ngx_http_gateway_watch_pt       load;
    ngx_http_gateway_watch_look_pt  look;       /* instead of "load" */
    ngx_http_gateway_watch_state_t *state;      /* with "look", in a worker */
    void                           *data;

    /* private */
    time_t                          read;       /* with the configuration */
    ngx_http_gateway_watch_counts_t *counts;    /* of _watch_count.c; NULL:
                                                   nothing is counted */
    ngx_http_gateway_watch_state_t  own;        /* of the master; "state" if
                                                   there is no "look" */
    ngx_uint_t                      closed;     /* unsigned:1; not readable for
                                                   workers */
    ngx_http_gateway_watch_load_t   loading;    /* "pool" NULL: nothing is */
    ngx_event_t                     event;
};


/* the default of "watch=" */
#define NGX_HTTP_GATEWAY_WATCH  5000    /* ms */

/* steps of loading a file begin for so long in a turn of the event loop */
#define NGX_HTTP_GATEWAY_WATCH_TURN   1500   /* us */
#define NGX_HTTP_GATEWAY_WATCH_PAUSE  1      /* ms between two turns */

/* in us; the clock of the event loop does not advance during a turn */
uint64_t ngx_http_gateway_watch_clock(void);

/* whether a file is still the one that was seen */
ngx_uint_t ngx_http_gateway_watch_same(const ngx_file_info_t *a,
    const ngx_file_info_t *b);

/*
 * Opens the file.  NGX_INVALID_FILE with a message in "err" if that fails, or
 * if the file must not be read.
 */
ngx_fd_t ngx_http_gateway_watch_open(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi, char *err);

/*
 * Reads the whole file.  NGX_OK.  NGX_AGAIN: the file changes at this moment,
 * and the next check should succeed.  NGX_ERROR.  The last two set "err".
 */
ngx_int_t ngx_http_gateway_watch_read(ngx_http_gateway_watch_t *watch,
    ngx_pool_t *pool, ngx_str_t *content, ngx_file_info_t *fi, char *err);

/* writes "open() failed (2: No such file or directory)" to err */
ngx_int_t ngx_http_gateway_watch_failed(char *err, const char *call);

/*
 * Sets a parameter "watch=" that is NGX_CONF_UNSET_MSEC to its default.
 * Returns whether the configuration has set it.
 */
ngx_uint_t ngx_http_gateway_watch_default(ngx_msec_t *interval);

/*
 * Configuration: reads and loads the file now, unless it has a "look", and
 * watches it from then on.  "watch" is in the configuration's pool.  Returns
 * NGX_CONF_OK, or NGX_CONF_ERROR after an [emerg].
 */
char *ngx_http_gateway_watch_add(ngx_conf_t *cf,
    ngx_http_gateway_watch_t *watch);

/*
 * For a "look".  _stat() fills "fi"; _due() returns whether to read the file
 * now: it has changed, or its failure was last logged an hour ago.  Otherwise
 * the check has ended, and _due() counts it.
 */
void ngx_http_gateway_watch_stat(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi);
ngx_uint_t ngx_http_gateway_watch_due(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi);

/*
 * For a "look", after it.  _loaded() logs that the file "fi" was loaded;
 * "note", such as ", 5 keys", ends the line.  _kept() logs that it was not,
 * because of "err".
 */
void ngx_http_gateway_watch_loaded(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *note);
void ngx_http_gateway_watch_kept(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *err);

/*
 * Writes a time in the format of the error log to "buf", which has room for
 * NGX_HTTP_GATEWAY_WATCH_TIME bytes, with a NUL.  Returns "buf".
 */
u_char *ngx_http_gateway_watch_time(u_char *buf, time_t t);

#define NGX_HTTP_GATEWAY_WATCH_TIME  (sizeof("2026/01/31 12:34:56"))

/*
 * For core's init_conf of a cycle: finds watched files that workers have no
 * permission to read.  NGX_ERROR after an [emerg].
 */
ngx_int_t ngx_http_gateway_watch_check(ngx_cycle_t *cycle,
    ngx_array_t *watches);


/* ngx_http_gateway_watch_count.c */

/* a worker starts; it may replace one that has checked the file later */
void ngx_http_gateway_watch_started(const ngx_http_gateway_watch_t *watch);

/* the content in force is that of the file */
void ngx_http_gateway_watch_succeeded(const ngx_http_gateway_watch_t *watch);

/* a check has failed: the file could not be loaded; it is still that file */
void ngx_http_gateway_watch_not_loaded(const ngx_http_gateway_watch_t *watch);
void ngx_http_gateway_watch_failing(const ngx_http_gateway_watch_t *watch);


/* for core's init_process */
void ngx_http_gateway_watch_start(ngx_cycle_t *cycle, ngx_array_t *watches);


#endif /* _NGX_HTTP_GATEWAY_WATCH_H_INCLUDED_ */
