/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A worker's buffer of a file or pipe.
 *
 * Only whole records are written.  If a file takes no data, for example because
 * the disk is full, the next write is after a second; if a pipe is full, after
 * a millisecond.  Until then, records are kept in the buffer, and dropped if it
 * is full.  No request waits.
 *
 * A full disk can cut off a record.  It is written again, after a line end that
 * closes the fragment.  A line end also closes the fragment of a worker that
 * was killed during a write.  The inode of the file that ends with a fragment
 * is kept in shared memory, across reloads.
 */

#include "ngx_http_gateway_log_file.h"

#include <poll.h>
#include <sys/statvfs.h>


/* ms */
#define NGX_HTTP_GATEWAY_LOG_PAUSE  1000    /* after a failure */
#define NGX_HTTP_GATEWAY_LOG_SOON   1       /* full pipe, with a new record */
#define NGX_HTTP_GATEWAY_LOG_RETRY  10      /* full pipe, by timer */

/* retries of a pipe at exit, in intervals of _RETRY */
#define NGX_HTTP_GATEWAY_LOG_LAST   20


static void ngx_http_gateway_log_file_flush(ngx_http_gateway_log_file_t *file,
    ngx_uint_t force);


void
ngx_http_gateway_log_file_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record)
{
    ngx_http_gateway_log_file_t *file = (ngx_http_gateway_log_file_t *) sink;

    if (record->len > (size_t) (file->last - file->pos)) {

        ngx_http_gateway_log_file_flush(file, 0);

        if (record->len > (size_t) (file->last - file->pos)) {
            ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_FULL, 1);
            return;
        }
    }

    file->pos = ngx_cpymem(file->pos, record->data, record->len);
    ngx_http_gateway_count(sink->queued, record->len);

    if (sink->flush == 0) {
        ngx_http_gateway_log_file_flush(file, 0);
    }

    if (file->pos != file->start && !file->event.timer_set) {
        ngx_add_timer(&file->event, ngx_max(sink->flush, 1));
    }
}


void
ngx_http_gateway_log_file_timer(ngx_event_t *ev)
{
    ngx_http_gateway_log_file_t *file = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "gateway log: flush \"%V\"", &file->sink.name);

    ngx_http_gateway_log_file_flush(file, 0);

    if (file->pos != file->start) {
        ngx_add_timer(ev, ngx_max(file->pause, NGX_HTTP_GATEWAY_LOG_RETRY));
    }
}


void
ngx_http_gateway_log_file_reopen(ngx_open_file_t *open, ngx_log_t *log)
{
    ngx_http_gateway_log_file_t *file = open->data;

    ngx_http_gateway_log_file_flush(file, 1);

    file->inode = 0;
}


/* a full pipe or socket is not a failure; a file that takes less data is */

static void
ngx_http_gateway_log_file_pause(ngx_http_gateway_log_file_t *file,
    ngx_err_t err)
{
    ngx_uint_t  full;

    full = (file->open == NULL && (err == 0 || err == NGX_EAGAIN));

    file->paused = 1;
    file->pause = full ? NGX_HTTP_GATEWAY_LOG_SOON
                       : NGX_HTTP_GATEWAY_LOG_PAUSE;
    file->until = ngx_current_msec + file->pause;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, err,
                   "gateway log: \"%V\" takes no more, next write in %M ms",
                   &file->sink.name, file->pause);

    if (!full && ngx_http_gateway_log_may_say(file->failed)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err ? err : NGX_ENOSPC,
                      "gateway_log \"%V\": write() failed, records are kept "
                      "while the buffer has room", &file->sink.name);
    }
}


/* the number of records from "p" to "last" */

static ngx_uint_t
ngx_http_gateway_log_file_count(const u_char *p, const u_char *last)
{
    ngx_uint_t  n;

    for (n = 0; p < last; n++) {
        p = memchr(p, '\n', last - p);
        p++;
    }

    return n;
}


/* one write that does not wait: bytes that the kernel took, or -1 */

static ssize_t
ngx_http_gateway_log_file_send(ngx_http_gateway_log_file_t *file, ngx_fd_t fd,
    const u_char *data, size_t len, ngx_err_t *err)
{
    ssize_t  n;

    do {
        n = file->socket ? send(fd, data, len, MSG_DONTWAIT|MSG_NOSIGNAL)
                         : write(fd, data, len);
        *err = (n == -1) ? ngx_errno : 0;
    } while (*err == NGX_EINTR);

    return n;
}


/* notes that the file ends with a fragment */

static void
ngx_http_gateway_log_file_tear(ngx_http_gateway_log_file_t *file)
{
    __atomic_store_n(ngx_http_gateway_counter_word(file->torn), file->inode,
                     __ATOMIC_SEQ_CST);
}


/*
 * Writes whole records.  Returns the number of bytes of whole records that were
 * taken; if it is less than "len", the sink is paused.
 */

static size_t
ngx_http_gateway_log_file_once(ngx_http_gateway_log_file_t *file, ngx_fd_t fd,
    const u_char *p, size_t len)
{
    ssize_t     n;
    size_t      whole;
    ngx_err_t   err;
    ngx_uint_t  all, taken;

    all = ngx_http_gateway_log_file_count(p, p + len);

    ngx_http_gateway_count(file->sink.written, all);

    n = ngx_http_gateway_log_file_send(file, fd, p, len, &err);

    if (n == (ssize_t) len) {
        return len;
    }

    whole = ngx_max(n, 0);

    while (whole > 0 && p[whole - 1] != '\n') {
        whole--;
    }

    taken = ngx_http_gateway_log_file_count(p, p + whole);

    ngx_http_gateway_count(file->sink.written, (uint64_t) 0 - (all - taken));

    if (n > (ssize_t) whole) {
        ngx_http_gateway_log_file_tear(file);
    }

    ngx_http_gateway_log_file_pause(file, err);

    return whole;
}


/* after a pause; NGX_DECLINED: the file system has no room for the buffer */

static ngx_int_t
ngx_http_gateway_log_file_resume(ngx_http_gateway_log_file_t *file,
    ngx_fd_t fd)
{
    size_t          len;
    struct statvfs  st;

    len = file->pos - file->start;

    if (file->open && fstatvfs(fd, &st) == 0
        && (uint64_t) st.f_bavail * st.f_frsize < len + 1)
    {
        ngx_http_gateway_log_file_pause(file, NGX_ENOSPC);
        return NGX_DECLINED;
    }

    file->paused = 0;

    return NGX_OK;
}


/* if the file ends with a fragment, the first worker to write closes it */

static ngx_int_t
ngx_http_gateway_log_file_mend(ngx_http_gateway_log_file_t *file, ngx_fd_t fd)
{
    uint64_t    inode, *torn;
    ngx_err_t   err;

    inode = file->inode;
    torn = ngx_http_gateway_counter_word(file->torn);

    if (inode == 0
        || __atomic_load_n(torn, __ATOMIC_SEQ_CST) != inode
        || !__atomic_compare_exchange_n(torn, &inode, 0, 0, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)
        || ngx_http_gateway_log_file_send(file, fd, (u_char *) "\n", 1, &err)
           == 1)
    {
        return NGX_OK;
    }

    ngx_http_gateway_log_file_tear(file);
    ngx_http_gateway_log_file_pause(file, err);

    return NGX_DECLINED;
}


/*
 * The length of the records for one write.  A pipe takes up to PIPE_BUF bytes
 * as a whole or not at all.
 */

static size_t
ngx_http_gateway_log_file_portion(const ngx_http_gateway_log_file_t *file,
    const u_char *p)
{
    size_t  len;

    len = file->pos - p;

    if (!file->pipe || len <= NGX_HTTP_GATEWAY_LOG_PIPE) {
        return len;
    }

    len = NGX_HTTP_GATEWAY_LOG_PIPE;

    while (p[len - 1] != '\n') {
        len--;
    }

    return len;
}


static void
ngx_http_gateway_log_file_all(ngx_http_gateway_log_file_t *file, ngx_fd_t fd)
{
    u_char  *p;
    size_t   len, done;

    if (ngx_http_gateway_log_file_mend(file, fd) != NGX_OK) {
        return;
    }

    p = file->start;

    do {
        len = ngx_http_gateway_log_file_portion(file, p);
        done = ngx_http_gateway_log_file_once(file, fd, p, len);

        p += done;
        ngx_http_gateway_count(file->sink.queued, (uint64_t) 0 - done);

    } while (done == len && p != file->pos);

    file->pos = ngx_movemem(file->start, p, file->pos - p);
}


static void
ngx_http_gateway_log_file_flush(ngx_http_gateway_log_file_t *file,
    ngx_uint_t force)
{
    ngx_fd_t     fd;
    struct stat  st;

    if (file->pos == file->start) {
        return;
    }

    if (file->paused && !force
        && (ngx_msec_int_t) (file->until - ngx_current_msec) > 0)
    {
        return;
    }

    fd = file->open ? file->open->fd : file->fd;

    if (file->paused && ngx_http_gateway_log_file_resume(file, fd) != NGX_OK) {
        return;
    }

    if (file->inode == 0 && fstat(fd, &st) == 0) {
        file->inode = st.st_ino;
    }

    ngx_http_gateway_count(file->writing, file->inode);

    ngx_http_gateway_log_file_all(file, fd);

    ngx_http_gateway_count(file->writing, (uint64_t) 0 - file->inode);
}


/* waits a moment for a full pipe: its reader can be about to run */

static void
ngx_http_gateway_log_file_drain(ngx_http_gateway_log_file_t *file)
{
    ngx_uint_t     i;
    struct pollfd  pfd;

    pfd.fd = file->fd;
    pfd.events = POLLOUT;

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_LAST && file->pos != file->start; i++)
    {
        if (poll(&pfd, 1, NGX_HTTP_GATEWAY_LOG_RETRY) == 1) {
            ngx_http_gateway_log_file_flush(file, 1);
        }
    }
}


void
ngx_http_gateway_log_file_stop(ngx_http_gateway_log_sink_t *sink)
{
    ngx_http_gateway_log_file_t *file = (ngx_http_gateway_log_file_t *) sink;

    ngx_uint_t  n;

    ngx_http_gateway_log_file_flush(file, 1);

    if (file->open == NULL) {
        ngx_http_gateway_log_file_drain(file);
    }

    n = ngx_http_gateway_log_file_count(file->start, file->pos);

    ngx_http_gateway_count(sink->queued, (uint64_t) 0
                                         - (file->pos - file->start));
    file->pos = file->start;

    if (n) {
        ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_EXIT, n);
    }

    if (file->event.timer_set) {
        ngx_del_timer(&file->event);
    }
}


/* --- killed workers */

/* whether a regular file ends with a fragment; also 1 if it cannot be read */

static ngx_uint_t
ngx_http_gateway_log_file_is_torn(ngx_fd_t fd, off_t size)
{
    char     path[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];
    u_char   last;
    ssize_t  n;

    (void) ngx_sprintf((u_char *) path, "/proc/self/fd/%d%Z", fd);

    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return 1;
    }

    n = pread(fd, &last, 1, size - 1);

    (void) ngx_close_file(fd);

    return n != 1 || last != '\n';
}


/*
 * A signal can end a write of several pages in the middle: the killed worker
 * leaves a fragment.  Records that other workers write before this runs follow
 * the fragment on the same line.  A file that was renamed is not changed.
 */

void
ngx_http_gateway_log_file_reclaim(void *data, ngx_uint_t at)
{
    ngx_http_gateway_log_file_t *file = data;

    ngx_fd_t      fd;
    uint64_t     *writing;
    struct stat   st;

    writing = ngx_http_gateway_counter_own(file->writing, at);
    fd = file->open ? file->open->fd : file->fd;

    if (*writing != 0
        && fstat(fd, &st) == 0
        && S_ISREG(st.st_mode)
        && st.st_ino == *writing
        && st.st_size > 0
        && ngx_http_gateway_log_file_is_torn(fd, st.st_size))
    {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                       "gateway log: a killed worker has left a fragment in "
                       "\"%V\"", &file->sink.name);

        file->inode = st.st_ino;
        ngx_http_gateway_log_file_tear(file);
    }

    *writing = 0;
}
