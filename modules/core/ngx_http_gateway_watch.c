
/*
 * Files that are read again when they change, without a reload.
 *
 * The master reads a file while it reads the configuration, as root; a
 * mistake in it is a mistake of the configuration.  Then every worker looks
 * at the path each "interval" and loads what has changed for itself: nothing
 * is shared, so there is nothing that a killed worker could leave behind.
 * stat() follows links, so that a link that is pointed elsewhere (as
 * Kubernetes does) counts as a change.
 *
 * A worker runs as "user" and may not be allowed to read what root could.
 * Such a file is not watched, and the master says so.
 */

#include "ngx_http_gateway.h"

#include <grp.h>


static ngx_int_t ngx_http_gateway_watch_read_fd(ngx_fd_t fd, ngx_pool_t *pool,
    ngx_str_t *content, const ngx_file_info_t *fi, char *err);
static ngx_uint_t ngx_http_gateway_watch_readable(ngx_cycle_t *cycle,
    ngx_http_gateway_watch_t *watch);
static void ngx_http_gateway_watch_handler(ngx_event_t *ev);
static void ngx_http_gateway_watch_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


char *
ngx_http_gateway_watch_add(ngx_conf_t *cf, ngx_http_gateway_watch_t *watch)
{
    char                           err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t                      rc;
    ngx_str_t                      content;
    ngx_http_gateway_watch_t     **w;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    w = ngx_array_push(&gmcf->watches);
    if (w == NULL) {
        return NGX_CONF_ERROR;
    }

    *w = watch;

    if (watch->look) {
        return NGX_CONF_OK;
    }

    rc = ngx_http_gateway_watch_read(watch, cf->temp_pool, &content,
                                     &watch->seen, err);

    if (rc == NGX_OK) {
        rc = watch->load(watch, &content, cf->log, err);
        ngx_explicit_memzero(content.data, content.len);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s \"%V\": %s in %V:%ui",
                      watch->directive, &watch->path, err,
                      ngx_http_gateway_place_args(&watch->place));
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


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
    /* ctime: a file that may be read since a chmod() is a change, too */

    return a->st_dev == b->st_dev
           && a->st_ino == b->st_ino
           && a->st_size == b->st_size
           && a->st_ctim.tv_sec == b->st_ctim.tv_sec
           && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}


/*
 * In the master, after the configuration: only now "user" is known wherever
 * it stands in the file.  Also under -t.
 */

void
ngx_http_gateway_watch_check_user(ngx_cycle_t *cycle, ngx_array_t *watches)
{
    ngx_uint_t                  i;
    ngx_core_conf_t            *ccf;
    ngx_http_gateway_watch_t  **watch;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->user == 0) {
        return;
    }

    watch = watches->elts;

    for (i = 0; i < watches->nelts; i++) {

        if (watch[i]->interval == 0
            || ngx_http_gateway_watch_readable(cycle, watch[i]))
        {
            continue;
        }

        watch[i]->interval = 0;

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "%s \"%V\" cannot be re-read by user \"%s\", "
                      "changes need a reload in %V:%ui",
                      watch[i]->directive, &watch[i]->path, ccf->username,
                      ngx_http_gateway_place_args(&watch[i]->place));
    }
}


/*
 * Opens the file as a worker would.  The master lends itself the identity
 * for one open(): asking a forked child instead would send SIGCHLD to
 * nginx's own handler.
 */

static ngx_uint_t
ngx_http_gateway_watch_readable(ngx_cycle_t *cycle,
    ngx_http_gateway_watch_t *watch)
{
    int               n;
    gid_t             gid, *groups;
    ngx_fd_t          fd;
    ngx_uint_t        readable;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = getgroups(0, NULL);
    if (n == -1) {
        return 1;
    }

    groups = ngx_palloc(cycle->pool, (n + 1) * sizeof(gid_t));
    if (groups == NULL) {
        return 1;
    }

    n = getgroups(n, groups);
    if (n == -1) {
        return 1;
    }

    gid = getegid();
    readable = 1;

    if (initgroups(ccf->username, ccf->group) == 0
        && setegid(ccf->group) == 0
        && seteuid(ccf->user) == 0)
    {
        fd = ngx_open_file(watch->path.data, NGX_FILE_RDONLY,
                           NGX_FILE_NONBLOCK, 0);

        if (fd == NGX_INVALID_FILE) {
            readable = 0;

        } else {
            (void) ngx_close_file(fd);
        }
    }

    if (seteuid(0) == -1 || setegid(gid) == -1 || setgroups(n, groups) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "could not return to the identity of root");
    }

    return readable;
}


/*
 * In a worker.  Looks once at the start: a worker that is born again has the
 * master's content, which may be older than the file.
 */

void
ngx_http_gateway_watch_start(ngx_cycle_t *cycle, ngx_array_t *watches)
{
    ngx_uint_t                  i;
    ngx_event_t                *ev;
    ngx_http_gateway_watch_t  **watch;

    watch = watches->elts;

    for (i = 0; i < watches->nelts; i++) {

        if (watch[i]->interval == 0) {
            continue;
        }

        if (watch[i]->look == NULL) {
            ngx_http_gateway_watch_look(watch[i], cycle->log);
        }

        ev = &watch[i]->event;

        ev->handler = ngx_http_gateway_watch_handler;
        ev->data = watch[i];
        ev->log = cycle->log;
        ev->cancelable = 1;

        ngx_add_timer(ev, watch[i]->interval);
    }
}


static void
ngx_http_gateway_watch_handler(ngx_event_t *ev)
{
    ngx_http_gateway_watch_t  *watch;

    watch = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    ngx_http_gateway_watch_look(watch, ev->log);

    ngx_add_timer(ev, watch->interval);
}


/*
 * All workers see the same change; only the first one speaks of it.  "seen"
 * moves on also when the content is bad: one error for one change.
 */

static void
ngx_http_gateway_watch_look(ngx_http_gateway_watch_t *watch, ngx_log_t *log)
{
    char              err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t         rc;
    ngx_str_t         content;
    ngx_log_t         quiet;
    ngx_pool_t       *pool;
    ngx_file_info_t   fi;

    if (watch->look) {
        watch->look(watch, log);
        return;
    }

    if (ngx_file_info(watch->path.data, &fi) == NGX_FILE_ERROR) {

        /* all zero: gone; said once, and a file that returns is a change */

        if (watch->seen.st_ino == 0) {
            return;
        }

        ngx_memzero(&fi, sizeof(ngx_file_info_t));
    }

    if (ngx_http_gateway_watch_same(&watch->seen, &fi)) {
        return;
    }

    quiet = *log;

    if (ngx_worker != 0) {
        quiet.log_level = NGX_LOG_STDERR;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (pool == NULL) {
        return;
    }

    ngx_str_null(&content);

    rc = ngx_http_gateway_watch_read(watch, pool, &content, &fi, err);

    if (rc == NGX_OK) {
        watch->seen = fi;
        rc = watch->load(watch, &content, &quiet, err);
    }

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_NOTICE, &quiet, 0, "%s \"%V\": has changed "
                      "and was read", watch->directive, &watch->path);

    } else if (rc == NGX_ERROR) {
        watch->seen = fi;

        ngx_log_error(NGX_LOG_ERR, &quiet, 0, "%s \"%V\": %s, keeping what "
                      "was read before", watch->directive, &watch->path, err);
    }

    if (content.data) {
        ngx_explicit_memzero(content.data, content.len);
    }

    ngx_destroy_pool(pool);
}
