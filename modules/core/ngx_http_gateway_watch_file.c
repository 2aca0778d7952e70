/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Watched files: looking at a file, and reading it.
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_watch_read_fd(ngx_fd_t fd, ngx_pool_t *pool,
    ngx_str_t *content, const ngx_file_info_t *fi, char *err);


ngx_fd_t
ngx_http_gateway_watch_open(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi, char *err)
{
    ngx_fd_t  fd;

    /* O_NONBLOCK: opening a pipe would wait for a writer */

    fd = ngx_open_file(watch->path.data, NGX_FILE_RDONLY, NGX_FILE_NONBLOCK,
                       0);
    if (fd == NGX_INVALID_FILE) {
        (void) ngx_http_gateway_watch_failed(err, "open()");
        return NGX_INVALID_FILE;
    }

    if (ngx_fd_info(fd, fi) == NGX_FILE_ERROR) {
        (void) ngx_http_gateway_watch_failed(err, "fstat()");

    } else if (!ngx_is_file(fi)) {
        ngx_sprintf((u_char *) err, "is not a regular file%Z");

    } else if (ngx_file_size(fi) > (off_t) watch->max_size) {
        ngx_sprintf((u_char *) err, "is larger than %uz bytes%Z",
                    watch->max_size);

    } else {
        return fd;
    }

    (void) ngx_close_file(fd);

    return NGX_INVALID_FILE;
}


ngx_int_t
ngx_http_gateway_watch_read(ngx_http_gateway_watch_t *watch, ngx_pool_t *pool,
    ngx_str_t *content, ngx_file_info_t *fi, char *err)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    fd = ngx_http_gateway_watch_open(watch, fi, err);

    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_watch_read_fd(fd, pool, content, fi, err);

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_http_gateway_watch_read_fd(ngx_fd_t fd, ngx_pool_t *pool,
    ngx_str_t *content, const ngx_file_info_t *fi, char *err)
{
    size_t           size;
    ssize_t          n;
    ngx_file_info_t  after;

    size = ngx_file_size(fi);

    content->len = 0;
    content->data = ngx_pnalloc(pool, size + 1);
    if (content->data == NULL) {
        ngx_sprintf((u_char *) err, "no memory%Z");
        return NGX_ERROR;
    }

    while (content->len < size) {

        n = ngx_read_fd(fd, content->data + content->len,
                        size - content->len);
        if (n == -1) {
            return ngx_http_gateway_watch_failed(err, "read()");
        }

        if (n == 0) {
            break;
        }

        content->len += n;
    }

    if (ngx_fd_info(fd, &after) == NGX_FILE_ERROR) {
        return ngx_http_gateway_watch_failed(err, "fstat()");
    }

    if (content->len != size || !ngx_http_gateway_watch_same(fi, &after)) {
        ngx_sprintf((u_char *) err, "changes while it is read%Z");
        return NGX_AGAIN;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_watch_failed(char *err, const char *call)
{
    ngx_err_t  number;

    number = ngx_errno;

    ngx_snprintf((u_char *) err, NGX_HTTP_GATEWAY_WATCH_ERR - 1,
                 "%s failed (%d: %s)%Z", call, number, strerror(number));
    err[NGX_HTTP_GATEWAY_WATCH_ERR - 1] = '\0';

    return NGX_ERROR;
}


ngx_uint_t
ngx_http_gateway_watch_same(const ngx_file_info_t *a, const ngx_file_info_t *b)
{
    /* ctime: chmod() counts as a change, since it can make a file readable */

    return a->st_dev == b->st_dev
           && a->st_ino == b->st_ino
           && a->st_size == b->st_size
           && a->st_ctim.tv_sec == b->st_ctim.tv_sec
           && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}


/* zeroed if missing or not readable, so that a file that returns is a change */

void
ngx_http_gateway_watch_stat(ngx_http_gateway_watch_t *watch,
    ngx_file_info_t *fi)
{
    const char  *path;

    path = (const char *) watch->path.data;

    if (access(path, R_OK) == -1 || ngx_file_info(path, fi) == NGX_FILE_ERROR)
    {
        ngx_memzero(fi, sizeof(ngx_file_info_t));
    }
}
