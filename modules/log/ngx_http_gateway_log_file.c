/* SPDX-License-Identifier: BSD-2-Clause */

/* configuration of files, pipes, and the standard output and error */

#include "ngx_http_gateway_log_file.h"


/* capacity of a pipe in bytes: the limit for an unprivileged process */
#define NGX_HTTP_GATEWAY_LOG_PIPE_SIZE  1048576


static ngx_int_t ngx_http_gateway_log_file_name(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_gateway_log_file_open(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_file_standard(ngx_conf_t *cf,
    ngx_http_gateway_log_file_t *file, ngx_uint_t n);
static ngx_int_t ngx_http_gateway_log_file_pipe(ngx_conf_t *cf,
    ngx_http_gateway_log_file_t *file);
static ngx_int_t ngx_http_gateway_log_file_buffer(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_uint_t ngx_http_gateway_log_file_is(
    ngx_http_gateway_log_sink_t *sink, const ngx_open_file_t *open);


static const ngx_http_gateway_family_t  ngx_http_gateway_log_torn =
    { "log_torn_inode", "Inode of the file that ends with a fragment.",
      "gauge", NGX_HTTP_GATEWAY_WORD };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_writing =
    { "log_writing_inode", "Inode of the file that is being written.",
      "gauge", NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_failed =
    { "log_failure_said", "Time of the last report of a failure, in ms.",
      "gauge", NGX_HTTP_GATEWAY_WORD };


const ngx_http_gateway_log_kind_t  ngx_http_gateway_log_file_kind = {
    sizeof(ngx_http_gateway_log_file_t),
    "the buffer is full",
    ngx_http_gateway_log_file_name,
    ngx_http_gateway_log_file_open,
    ngx_http_gateway_log_file_buffer,
    ngx_http_gateway_log_file_is,
    ngx_http_gateway_log_file_write,
    ngx_http_gateway_log_file_stop
};


/* descriptors for stdout and stderr, which all cycles share */
static ngx_fd_t  ngx_http_gateway_log_file_fds[] = {
    NGX_INVALID_FILE, NGX_INVALID_FILE, NGX_INVALID_FILE
};


static ngx_uint_t
ngx_http_gateway_log_file_number(const ngx_str_t *path)
{
    static ngx_str_t  out = ngx_string("stdout");
    static ngx_str_t  err = ngx_string("stderr");

    return ngx_http_gateway_same(path, &out) ? STDOUT_FILENO
           : ngx_http_gateway_same(path, &err) ? STDERR_FILENO : 0;
}


static ngx_int_t
ngx_http_gateway_log_file_name(ngx_conf_t *cf, ngx_str_t *name)
{
    return ngx_http_gateway_log_file_number(name)
           ? NGX_OK : ngx_conf_full_name(cf->cycle, name, 0);
}


/* whether another directive uses the file already */

static ngx_uint_t
ngx_http_gateway_log_file_taken(ngx_cycle_t *cycle, const ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_open_file_t  *file;

    for (part = &cycle->open_files.part; part; part = part->next) {
        file = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_gateway_same(&file[i].name, name)) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_gateway_log_file_counters(ngx_conf_t *cf,
    ngx_http_gateway_log_file_t *file)
{
    file->torn = ngx_http_gateway_log_sink_counter(cf, &file->sink,
                                                &ngx_http_gateway_log_torn);
    file->writing = ngx_http_gateway_log_sink_counter(cf, &file->sink,
                                                &ngx_http_gateway_log_writing);
    file->failed = ngx_http_gateway_log_sink_counter(cf, &file->sink,
                                                &ngx_http_gateway_log_failed);

    if (file->torn == NULL || file->writing == NULL || file->failed == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_gateway_reclaim_add(cf, ngx_http_gateway_log_file_reclaim,
                                       file);
}


static ngx_int_t
ngx_http_gateway_log_file_open(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_http_gateway_log_file_t *file = (ngx_http_gateway_log_file_t *) sink;

    ngx_uint_t   n;
    struct stat  st;

    file->fd = NGX_INVALID_FILE;

    if (ngx_http_gateway_log_file_counters(cf, file) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_http_gateway_log_file_number(&sink->name);

    if (n) {
        return ngx_http_gateway_log_file_standard(cf, file, n);
    }

    if (stat((const char *) sink->name.data, &st) == 0
        && S_ISFIFO(st.st_mode))
    {
        return ngx_http_gateway_log_file_pipe(cf, file);
    }

    if (ngx_http_gateway_log_file_taken(cf->cycle, &sink->name)) {
        return ngx_http_gateway_log_sink_used(sink, cf->log);
    }

    file->open = ngx_conf_open_file(cf->cycle, &sink->name);

    return file->open ? NGX_OK : NGX_ERROR;
}


/*
 * By default a pipe holds 64 KB, which a burst can fill before the reader runs.
 * If the system does not allow more, the default remains.
 */

static void
ngx_http_gateway_log_file_is_pipe(ngx_http_gateway_log_file_t *file)
{
    file->pipe = 1;
    file->sink.record = NGX_HTTP_GATEWAY_LOG_PIPE;

#ifdef F_SETPIPE_SZ
    (void) fcntl(file->fd, F_SETPIPE_SZ, NGX_HTTP_GATEWAY_LOG_PIPE_SIZE);
#endif
}


/*
 * The pipe is opened for reading, too: it can be opened without a reader, and
 * writes do not fail after a reader has left.  It is never opened again.
 */

static ngx_int_t
ngx_http_gateway_log_file_pipe(ngx_conf_t *cf,
    ngx_http_gateway_log_file_t *file)
{
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *clnf;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    file->fd = open((const char *) file->sink.name.data,
                    O_RDWR|O_NONBLOCK|O_CLOEXEC|O_NOCTTY);

    if (file->fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "open() \"%V\" failed", &file->sink.name);
        return NGX_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = file->fd;
    clnf->name = file->sink.name.data;
    clnf->log = &cf->cycle->new_log;    /* not that of the old cycle */

    ngx_http_gateway_log_file_is_pipe(file);

    return NGX_OK;
}


/*
 * Opens the file again, so that O_NONBLOCK does not affect other processes.  A
 * socket cannot be opened so, but send() has MSG_DONTWAIT.
 */

static ngx_fd_t
ngx_http_gateway_log_file_standard_open(ngx_uint_t n, const struct stat *st)
{
    char  path[sizeof("/proc/self/fd/1")];

    if (S_ISSOCK(st->st_mode)) {
        return fcntl(n, F_DUPFD_CLOEXEC, 3);
    }

    (void) ngx_sprintf((u_char *) path, "/proc/self/fd/%ui%Z", n);

    return open(path, O_WRONLY|O_APPEND|O_NOCTTY|O_NONBLOCK|O_CLOEXEC);
}


/*
 * Whether nginx has replaced the standard descriptor that it was started with:
 * after the first configuration was read, stderr is the error log and, in a
 * daemon, stdout is /dev/null.
 */

static ngx_uint_t
ngx_http_gateway_log_file_replaced(ngx_conf_t *cf, ngx_uint_t n)
{
    struct stat  st, null;

    if (n == STDERR_FILENO) {
        return !cf->cycle->log_use_stderr
               && (ngx_inherited || !ngx_is_init_cycle(cf->cycle->old_cycle));
    }

    return fstat(n, &st) == 0 && stat("/dev/null", &null) == 0
           && S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev;
}


/* later configurations use the descriptor that the first one opened */

static ngx_int_t
ngx_http_gateway_log_file_standard(ngx_conf_t *cf,
    ngx_http_gateway_log_file_t *file, ngx_uint_t n)
{
    ngx_fd_t     *fd;
    struct stat   st;

    fd = &ngx_http_gateway_log_file_fds[n];

    file->sink.off = 1;

    if (*fd == NGX_INVALID_FILE) {

        if (ngx_http_gateway_log_file_replaced(cf, n)) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "gateway_log writes nothing, %V is %s",
                               &file->sink.name,
                               n == STDERR_FILENO ? "the error log"
                                                  : "/dev/null");
            return NGX_OK;
        }

        if (fstat(n, &st) == 0) {
            *fd = ngx_http_gateway_log_file_standard_open(n, &st);
        }

        if (*fd == NGX_INVALID_FILE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                               "gateway_log writes nothing, %V cannot be "
                               "opened", &file->sink.name);
            return NGX_OK;
        }
    }

    if (fstat(*fd, &st) == -1) {
        return NGX_ERROR;
    }

    file->sink.off = 0;
    file->fd = *fd;
    file->socket = S_ISSOCK(st.st_mode);

    if (S_ISFIFO(st.st_mode)) {
        ngx_http_gateway_log_file_is_pipe(file);
    }

    return NGX_OK;
}


/*
 * The buffer is allocated from the pool of the configuration: each worker has
 * its own copy of these pages.
 */

static ngx_int_t
ngx_http_gateway_log_file_buffer(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_http_gateway_log_file_t *file = (ngx_http_gateway_log_file_t *) sink;

    file->start = ngx_pnalloc(cf->pool, sink->size);
    if (file->start == NULL) {
        return NGX_ERROR;
    }

    file->pos = file->start;
    file->last = file->start + sink->size;

    file->event.handler = ngx_http_gateway_log_file_timer;
    file->event.data = file;
    file->event.log = &cf->cycle->new_log;
    file->event.cancelable = 1;

    if (file->open == NULL) {
        return NGX_OK;
    }

    /* an access_log with a buffer that follows in the configuration uses it */

    if (file->open->flush || file->open->data) {
        return ngx_http_gateway_log_sink_used(sink, cf->log);
    }

    file->open->flush = ngx_http_gateway_log_file_reopen;
    file->open->data = file;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_gateway_log_file_is(ngx_http_gateway_log_sink_t *sink,
    const ngx_open_file_t *open)
{
    return ((ngx_http_gateway_log_file_t *) sink)->open == open;
}
