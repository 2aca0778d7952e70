/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Watched files: they are read again when they change, without a reload.
 *
 * The master reads a file, as root, while it reads the configuration; an error
 * in the file is an error in the configuration.  Then each worker checks the
 * path every "interval" and loads a changed file for itself.  Nothing is
 * shared, so a killed worker cannot leave anything behind.  stat() follows
 * symbolic links: a link that is changed to another target (as by Kubernetes)
 * counts as a change.  A file that takes long to load is loaded in steps, a few
 * in each turn of the event loop.
 *
 * A worker runs as "user" and may not be permitted to read a file that root can
 * read.  The master reports such a file before the configuration takes effect,
 * and workers treat it as missing.  A failure is logged when it begins, once an
 * hour while it lasts, and when it ends.
 */

#include "ngx_http_gateway.h"

#include <grp.h>


#define NGX_HTTP_GATEWAY_WATCH_AGAIN  3600  /* s, between lines of a failure */


static ngx_uint_t ngx_http_gateway_watch_as_root(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_gateway_watch_probe(ngx_cycle_t *cycle,
    ngx_array_t *watches);
static void ngx_http_gateway_watch_open_all(ngx_array_t *watches);
static ngx_msec_t ngx_http_gateway_watch_delay(
    const ngx_http_gateway_watch_t *watch);
static void ngx_http_gateway_watch_handler(ngx_event_t *ev);
static void ngx_http_gateway_watch_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);
static void ngx_http_gateway_watch_turn(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);
static void ngx_http_gateway_watch_quiet(ngx_log_t *quiet,
    const ngx_log_t *log);
static void ngx_http_gateway_watch_cleanup(void *data);


char *
ngx_http_gateway_watch_add(ngx_conf_t *cf, ngx_http_gateway_watch_t *watch)
{
    char                           err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t                      rc;
    ngx_str_t                      content;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_watch_t     **w;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    w = ngx_array_push(&gmcf->watches);
    if (w == NULL) {
        return NGX_CONF_ERROR;
    }

    *w = watch;

    watch->read = ngx_time();

    if (watch->look) {
        return NGX_CONF_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_gateway_watch_cleanup;
    cln->data = watch;

    watch->state = &watch->own;

    rc = ngx_http_gateway_watch_read(watch, cf->temp_pool, &content,
                                     &watch->own.seen, err);

    if (rc == NGX_OK) {
        do {
            rc = watch->load(watch, &content, cf->log, err);
        } while (rc == NGX_AGAIN);

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


ngx_uint_t
ngx_http_gateway_watch_default(ngx_msec_t *interval)
{
    if (*interval != NGX_CONF_UNSET_MSEC) {
        return 1;
    }

    *interval = NGX_HTTP_GATEWAY_WATCH;

    return 0;
}


/* in either direction, since the clock can be set back */

ngx_uint_t
ngx_http_gateway_watch_due(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi)
{
    ngx_http_gateway_watch_state_t  *state;

    state = watch->state;

    if (!ngx_http_gateway_watch_same(&state->seen, fi)) {
        return 1;
    }

    if (state->since == 0) {
        ngx_http_gateway_watch_succeeded(watch);
        return 0;
    }

    if (ngx_abs(ngx_time() - state->logged) >= NGX_HTTP_GATEWAY_WATCH_AGAIN) {
        return 1;
    }

    ngx_http_gateway_watch_failing(watch);

    return 0;
}


void
ngx_http_gateway_watch_loaded(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *note)
{
    u_char                           since[NGX_HTTP_GATEWAY_WATCH_TIME];
    ngx_http_gateway_watch_state_t  *state;

    state = watch->state;

    if (state->since) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "%s \"%V\": has changed and was "
                      "read%s, after a failure since %s", watch->directive,
                      &watch->path, note,
                      ngx_http_gateway_watch_time(since, state->since));

    } else {
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "%s \"%V\": has changed and was "
                      "read%s", watch->directive, &watch->path, note);
    }

    state->seen = *fi;
    state->since = 0;

    ngx_http_gateway_watch_succeeded(watch);
}


/*
 * "seen" is also updated if the content is invalid: a change is logged once,
 * and then hourly.
 */

void
ngx_http_gateway_watch_kept(ngx_http_gateway_watch_t *watch,
    const ngx_file_info_t *fi, ngx_log_t *log, const char *err)
{
    u_char                           since[NGX_HTTP_GATEWAY_WATCH_TIME];
    ngx_http_gateway_watch_state_t  *state;

    state = watch->state;

    if (state->since && ngx_http_gateway_watch_same(&state->seen, fi)) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "%s \"%V\": %s, since %s, keeping "
                      "the previous content", watch->directive, &watch->path,
                      err, ngx_http_gateway_watch_time(since, state->since));

    } else {
        ngx_log_error(NGX_LOG_ERR, log, 0, "%s \"%V\": %s, keeping the "
                      "previous content", watch->directive, &watch->path, err);
    }

    state->seen = *fi;
    state->logged = ngx_time();

    if (state->since == 0) {
        state->since = state->logged;
    }

    ngx_http_gateway_watch_not_loaded(watch);
}


u_char *
ngx_http_gateway_watch_time(u_char *buf, time_t t)
{
    ngx_tm_t  tm;

    ngx_localtime(t, &tm);

    ngx_sprintf(buf, "%4d/%02d/%02d %02d:%02d:%02d%Z",
                tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);

    return buf;
}


/*
 * In the master, after the whole configuration was read, since "user" can be
 * anywhere in it.  Also runs under -t.
 */

ngx_int_t
ngx_http_gateway_watch_check(ngx_cycle_t *cycle, ngx_array_t *watches)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_core_conf_t            *ccf;
    ngx_http_gateway_watch_t  **watch;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (watches->nelts == 0 || !ngx_http_gateway_watch_as_root(cycle)) {
        return NGX_OK;
    }

    if (ngx_http_gateway_watch_probe(cycle, watches) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_OK;
    watch = watches->elts;

    for (i = 0; i < watches->nelts; i++) {

        ngx_log_debug3(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                       "gateway watch: \"%V\", user \"%s\", closed:%ui",
                       &watch[i]->path, ccf->username, watch[i]->closed);

        if (!watch[i]->closed) {
            continue;
        }

        if (watch[i]->written) {
            rc = NGX_ERROR;
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "%s \"%V\" cannot be re-read by user \"%s\", "
                          "make it readable or write \"watch=0\" in %V:%ui",
                          watch[i]->directive, &watch[i]->path, ccf->username,
                          ngx_http_gateway_place_args(&watch[i]->place));
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "%s \"%V\" cannot be re-read by user \"%s\", "
                      "changes need a reload in %V:%ui",
                      watch[i]->directive, &watch[i]->path, ccf->username,
                      ngx_http_gateway_place_args(&watch[i]->place));
    }

    return rc;
}


/*
 * Whether root reads the configuration and workers run as another user.  A
 * reload cannot change "master_process"; without a master, "user" has no
 * effect.
 */

static ngx_uint_t
ngx_http_gateway_watch_as_root(ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->user == 0) {
        return 0;
    }

    return ngx_is_init_cycle(cycle->old_cycle)
           ? (ngx_uint_t) ccf->master
           : ngx_process == NGX_PROCESS_MASTER;
}


/*
 * Opens the files as a worker would.  The master temporarily takes the identity
 * of a worker: a forked child would send SIGCHLD to nginx's own handler.
 */

static ngx_int_t
ngx_http_gateway_watch_probe(ngx_cycle_t *cycle, ngx_array_t *watches)
{
    int               n;
    gid_t             gid, *groups;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = getgroups(0, NULL);
    if (n == -1) {
        return NGX_OK;
    }

    groups = ngx_palloc(cycle->pool, (n + 1) * sizeof(gid_t));
    if (groups == NULL) {
        return NGX_ERROR;
    }

    n = getgroups(n, groups);
    if (n == -1) {
        return NGX_OK;
    }

    gid = getegid();

    if (initgroups(ccf->username, ccf->group) == 0
        && setegid(ccf->group) == 0
        && seteuid(ccf->user) == 0)
    {
        ngx_http_gateway_watch_open_all(watches);
    }

    if (seteuid(0) == -1 || setegid(gid) == -1 || setgroups(n, groups) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "could not restore the identity of root");
    }

    return NGX_OK;
}


/* only permissions count: a file that is missing now may return */

static void
ngx_http_gateway_watch_open_all(ngx_array_t *watches)
{
    ngx_fd_t                    fd;
    ngx_uint_t                  i;
    ngx_http_gateway_watch_t  **watch;

    watch = watches->elts;

    for (i = 0; i < watches->nelts; i++) {

        if (watch[i]->interval == 0) {
            continue;
        }

        fd = ngx_open_file(watch[i]->path.data, NGX_FILE_RDONLY,
                           NGX_FILE_NONBLOCK, 0);

        if (fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(fd);
            continue;
        }

        watch[i]->closed = (ngx_errno == NGX_EACCES || ngx_errno == NGX_EPERM);
    }
}


/*
 * In a worker.  Checks once at the start: a worker that nginx has respawned has
 * the master's content, which may be older than the file.
 */

void
ngx_http_gateway_watch_start(ngx_cycle_t *cycle, ngx_array_t *watches)
{
    ngx_uint_t                  i;
    ngx_event_t                *ev;
    ngx_http_gateway_watch_t  **watch;

    watch = watches->elts;

    for (i = 0; i < watches->nelts; i++) {

        ngx_http_gateway_watch_started(watch[i]);

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

        ngx_add_timer(ev, ngx_http_gateway_watch_delay(watch[i]));
    }
}


/*
 * In ms.  A file that is being loaded is due at once.  While a failure lasts,
 * the file is checked at least each hour, so that the failure is logged hourly;
 * so is a watch with "look" that has no state yet.
 */

static ngx_msec_t
ngx_http_gateway_watch_delay(const ngx_http_gateway_watch_t *watch)
{
    if (watch->loading.pool) {
        return NGX_HTTP_GATEWAY_WATCH_PAUSE;
    }

    if (watch->state == NULL || watch->state->since) {
        return ngx_min(watch->interval, NGX_HTTP_GATEWAY_WATCH_AGAIN * 1000);
    }

    return watch->interval;
}


static void
ngx_http_gateway_watch_handler(ngx_event_t *ev)
{
    ngx_http_gateway_watch_t  *watch;

    watch = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    if (watch->loading.pool) {
        ngx_http_gateway_watch_turn(watch, ev->log);

    } else {
        ngx_http_gateway_watch_look(watch, ev->log);
    }

    ngx_add_timer(ev, ngx_http_gateway_watch_delay(watch));
}


static void
ngx_http_gateway_watch_look(ngx_http_gateway_watch_t *watch, ngx_log_t *log)
{
    char                            err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t                       rc;
    ngx_log_t                       quiet;
    ngx_http_gateway_watch_load_t  *loading;

    if (watch->look) {
        watch->look(watch, log);
        return;
    }

    loading = &watch->loading;

    ngx_http_gateway_watch_stat(watch, &loading->fi);

    if (!ngx_http_gateway_watch_due(watch, &loading->fi)) {
        return;
    }

    loading->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (loading->pool == NULL) {
        return;
    }

    ngx_str_null(&loading->content);

    rc = ngx_http_gateway_watch_read(watch, loading->pool, &loading->content,
                                     &loading->fi, err);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, log, 0,
                   "gateway watch: \"%V\" was read: %i", &watch->path, rc);

    /* NGX_AGAIN: the file was being written, the next check reads it */

    if (rc == NGX_OK) {
        ngx_http_gateway_watch_turn(watch, log);
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_gateway_watch_quiet(&quiet, log);
        ngx_http_gateway_watch_kept(watch, &loading->fi, &quiet, err);
    }

    ngx_http_gateway_watch_cleanup(watch);
}


static void
ngx_http_gateway_watch_turn(ngx_http_gateway_watch_t *watch, ngx_log_t *log)
{
    char                            err[NGX_HTTP_GATEWAY_WATCH_ERR];
    uint64_t                        start;
    ngx_int_t                       rc;
    ngx_log_t                       quiet;
    ngx_http_gateway_watch_load_t  *loading;

    loading = &watch->loading;
    start = ngx_http_gateway_watch_clock();

    ngx_http_gateway_watch_quiet(&quiet, log);

    do {
        rc = watch->load(watch, &loading->content, &quiet, err);
    } while (rc == NGX_AGAIN
             && ngx_http_gateway_watch_clock() - start
                < NGX_HTTP_GATEWAY_WATCH_TURN);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_gateway_watch_loaded(watch, &loading->fi, &quiet, "");

    } else {
        ngx_http_gateway_watch_kept(watch, &loading->fi, &quiet, err);
    }

    ngx_http_gateway_watch_cleanup(watch);
}


uint64_t
ngx_http_gateway_watch_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* all workers see a change; only the first one logs it */

static void
ngx_http_gateway_watch_quiet(ngx_log_t *quiet, const ngx_log_t *log)
{
    *quiet = *log;

    if (ngx_worker != 0) {
        quiet->log_level = NGX_LOG_STDERR;
    }
}


/* also when a worker exits while it loads a file */

static void
ngx_http_gateway_watch_cleanup(void *data)
{
    ngx_http_gateway_watch_t *watch = data;

    ngx_http_gateway_watch_load_t  *loading;

    loading = &watch->loading;

    if (loading->pool == NULL) {
        return;
    }

    if (loading->content.data) {
        ngx_explicit_memzero(loading->content.data, loading->content.len);
    }

    ngx_destroy_pool(loading->pool);
    loading->pool = NULL;
}
