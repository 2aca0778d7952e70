
/*
 * Where records go: files, pipes, and the standard output and error.
 *
 * Each worker has a buffer for each sink.  What it hands to the kernel is whole
 * records.  A sink that takes none, a full disk or a pipe without a reader, is
 * left alone for a second; meanwhile records are kept while the buffer has room
 * and dropped then.  No request waits.
 *
 * A record that a full disk cut off is written again, after a line end that
 * closes the fragment.  Records are counted before they are handed over, so
 * that a kill in between does not hide any.
 */

#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_say.h"

#include <sys/statvfs.h>


#define NGX_HTTP_GATEWAY_LOG_PAUSE  1000    /* ms */


static ngx_int_t ngx_http_gateway_log_open(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_pipe(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_standard(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink, ngx_uint_t n);
static ngx_int_t ngx_http_gateway_log_buffer(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_counters(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static ngx_int_t ngx_http_gateway_log_zone(ngx_shm_zone_t *zone, void *data);
static void ngx_http_gateway_log_settle(void *data, ngx_uint_t at);
static void ngx_http_gateway_log_flush(ngx_http_gateway_log_sink_t *sink,
    ngx_uint_t force);
static void ngx_http_gateway_log_timer(ngx_event_t *ev);
static void ngx_http_gateway_log_reopen(ngx_open_file_t *file, ngx_log_t *log);


static const ngx_http_gateway_family_t  ngx_http_gateway_log_made =
    { "log_records_total", "Records that were made for a sink.", "counter", 1 };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_written =
    { "log_records_written_total", "Records that were handed to the kernel.",
      "counter", 1 };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_dropped =
    { "log_records_dropped_total", "Records that were lost, by reason.",
      "counter", 1 };


static const ngx_http_gateway_family_t  ngx_http_gateway_log_queued =
    { "log_queued_bytes", "Bytes of records in the buffers of workers.",
      "gauge", 1 };


static const struct {
    const char  *word;          /* in labels and in the report */
    const char  *text;
} ngx_http_gateway_log_reasons[NGX_HTTP_GATEWAY_LOG_REASONS] = {
    { "full", "the buffer is full" },
    { "size", "the record is too long" },
    { "exit", "the worker exits" },
    { "lost_worker", "a worker was killed" }
};


/* the descriptors of stdout and stderr that are our own, for all cycles */
static ngx_fd_t  ngx_http_gateway_log_fds[] = {
    NGX_INVALID_FILE, NGX_INVALID_FILE, NGX_INVALID_FILE
};


/* --- configuration */

static ngx_uint_t
ngx_http_gateway_log_standard_number(const ngx_str_t *path)
{
    static ngx_str_t  out = ngx_string("stdout");
    static ngx_str_t  err = ngx_string("stderr");

    return ngx_http_gateway_same(path, &out) ? STDOUT_FILENO
           : ngx_http_gateway_same(path, &err) ? STDERR_FILENO : 0;
}


ngx_http_gateway_log_sink_t *
ngx_http_gateway_log_sink(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_str_t *path, size_t size,
    ngx_msec_t flush)
{
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t   *sink, **place;

    name = *path;

    if (ngx_http_gateway_log_standard_number(path) == 0
        && ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK)
    {
        return NULL;
    }

    place = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {
        sink = place[i];

        if (!ngx_http_gateway_same(&sink->name, &name)) {
            continue;
        }

        if (sink->size != size || sink->flush != flush) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway_log \"%V\" has another \"buffer=\" or "
                               "\"flush=\" in %V:%ui", path,
                               ngx_http_gateway_place_args(&sink->place));
            return NULL;
        }

        return sink;
    }

    sink = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_log_sink_t));
    place = ngx_array_push(&lmcf->sinks);

    if (sink == NULL || place == NULL) {
        return NULL;
    }

    *place = sink;
    sink->name = name;
    sink->size = size;
    sink->flush = flush;
    sink->fd = NGX_INVALID_FILE;
    sink->record = NGX_HTTP_GATEWAY_LOG_RECORD;
    ngx_http_gateway_place(cf, &sink->place);

    if (ngx_http_gateway_log_open(cf, sink) != NGX_OK
        || ngx_http_gateway_log_buffer(cf, sink) != NGX_OK
        || ngx_http_gateway_log_counters(cf, sink) != NGX_OK)
    {
        return NULL;
    }

    return sink;
}


/* whether another directive has named the file before */

static ngx_uint_t
ngx_http_gateway_log_taken(ngx_cycle_t *cycle, const ngx_str_t *name)
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
ngx_http_gateway_log_used(ngx_http_gateway_log_sink_t *sink, ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "gateway_log \"%V\" names a file that another directive "
                  "writes to, in %V:%ui", &sink->name,
                  ngx_http_gateway_place_args(&sink->place));

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_log_open(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink)
{
    ngx_uint_t   n;
    struct stat  st;

    n = ngx_http_gateway_log_standard_number(&sink->name);

    if (n) {
        return ngx_http_gateway_log_standard(cf, sink, n);
    }

    if (stat((const char *) sink->name.data, &st) == 0
        && S_ISFIFO(st.st_mode))
    {
        return ngx_http_gateway_log_pipe(cf, sink);
    }

    if (ngx_http_gateway_log_taken(cf->cycle, &sink->name)) {
        return ngx_http_gateway_log_used(sink, cf->log);
    }

    sink->file = ngx_conf_open_file(cf->cycle, &sink->name);

    return sink->file ? NGX_OK : NGX_ERROR;
}


/*
 * Opened for reading as well, so that it opens without a reader and is never
 * closed by one that leaves; and for good: its name is not opened again.
 */

static ngx_int_t
ngx_http_gateway_log_pipe(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink)
{
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *clnf;

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_pool_cleanup_file_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    sink->fd = open((const char *) sink->name.data,
                    O_RDWR|O_NONBLOCK|O_CLOEXEC|O_NOCTTY);

    if (sink->fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "open() \"%V\" failed", &sink->name);
        return NGX_ERROR;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = sink->fd;
    clnf->name = sink->name.data;
    clnf->log = &cf->cycle->new_log;    /* not that of the old cycle */

    sink->pipe = 1;
    sink->record = NGX_HTTP_GATEWAY_LOG_PIPE;

    return NGX_OK;
}


/*
 * An open file of our own, so that O_NONBLOCK changes nobody else's; a socket
 * has none, but can be written to without waiting.
 */

static ngx_fd_t
ngx_http_gateway_log_standard_open(ngx_uint_t n, const struct stat *st)
{
    char  path[sizeof("/proc/self/fd/1")];

    if (S_ISSOCK(st->st_mode)) {
        return fcntl(n, F_DUPFD_CLOEXEC, 3);
    }

    (void) ngx_sprintf((u_char *) path, "/proc/self/fd/%ui%Z", n);

    return open(path, O_WRONLY|O_APPEND|O_NOCTTY|O_NONBLOCK|O_CLOEXEC);
}


/*
 * nginx points stderr at the error log, and as a daemon stdout at /dev/null,
 * once the first configuration was read: later configurations use the
 * descriptor that the first one has opened.
 */

static ngx_int_t
ngx_http_gateway_log_standard(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink, ngx_uint_t n)
{
    ngx_fd_t     *fd;
    ngx_uint_t    lost;
    struct stat   st, null;

    fd = &ngx_http_gateway_log_fds[n];

    lost = (n == STDERR_FILENO)
           ? (!cf->cycle->log_use_stderr
              && (ngx_inherited || !ngx_is_init_cycle(cf->cycle->old_cycle)))
           : (fstat(n, &st) == 0 && stat("/dev/null", &null) == 0
              && S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev);

    if (*fd == NGX_INVALID_FILE && lost) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "gateway_log writes nothing, %V is %s",
                           &sink->name, n == STDERR_FILENO ? "the error log"
                                                           : "/dev/null");
        return NGX_OK;
    }

    if (*fd == NGX_INVALID_FILE) {

        if (fstat(n, &st) == 0) {
            *fd = ngx_http_gateway_log_standard_open(n, &st);
        }

        if (*fd == NGX_INVALID_FILE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                               "gateway_log writes nothing, %V cannot be "
                               "opened", &sink->name);
            return NGX_OK;
        }
    }

    if (fstat(*fd, &st) == -1) {
        return NGX_ERROR;
    }

    sink->fd = *fd;
    sink->socket = S_ISSOCK(st.st_mode);
    sink->pipe = S_ISFIFO(st.st_mode);

    if (sink->pipe) {
        sink->record = NGX_HTTP_GATEWAY_LOG_PIPE;
    }

    return NGX_OK;
}


/* in the configuration's memory, of which each worker has its own pages */

static ngx_int_t
ngx_http_gateway_log_buffer(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink)
{
    sink->start = ngx_pnalloc(cf->pool, sink->size);
    if (sink->start == NULL) {
        return NGX_ERROR;
    }

    sink->pos = sink->start;
    sink->last = sink->start + sink->size;

    sink->event.handler = ngx_http_gateway_log_timer;
    sink->event.data = sink;
    sink->event.log = &cf->cycle->new_log;
    sink->event.cancelable = 1;

    return NGX_OK;
}


static ngx_http_gateway_counter_t *
ngx_http_gateway_log_counter(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink,
    const ngx_http_gateway_family_t *family, const char *reason)
{
    ngx_str_t   labels;

    labels.data = ngx_pnalloc(cf->pool, sink->name.len
                              + sizeof("sink=\"\",reason=\"lost_worker\""));
    if (labels.data == NULL) {
        return NULL;
    }

    labels.len = (reason
                  ? ngx_sprintf(labels.data, "sink=\"%V\",reason=\"%s\"",
                                &sink->name, reason)
                  : ngx_sprintf(labels.data, "sink=\"%V\"", &sink->name))
                 - labels.data;

    return ngx_http_gateway_counter_add(cf, family, &labels);
}


static ngx_int_t
ngx_http_gateway_log_counters(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_uint_t  i;

    sink->made = ngx_http_gateway_log_counter(cf, sink,
                                              &ngx_http_gateway_log_made,
                                              NULL);
    sink->written = ngx_http_gateway_log_counter(cf, sink,
                                                 &ngx_http_gateway_log_written,
                                                 NULL);

    sink->queued = ngx_http_gateway_log_counter(cf, sink,
                                                &ngx_http_gateway_log_queued,
                                                NULL);

    if (sink->made == NULL || sink->written == NULL || sink->queued == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_REASONS; i++) {
        sink->dropped[i] = ngx_http_gateway_log_counter(cf, sink,
                                       &ngx_http_gateway_log_dropped,
                                       ngx_http_gateway_log_reasons[i].word);
        if (sink->dropped[i] == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_settle_add(cf, ngx_http_gateway_log_settle, sink);
}


char *
ngx_http_gateway_log_sink_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;

    for ( /* void */ ; log; log = log->next) {
        for (i = 0; i < lmcf->sinks.nelts; i++) {

            if (sink[i]->file && sink[i]->file == log->file) {
                (void) ngx_http_gateway_log_used(sink[i], cf->log);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_log_sinks_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_uint_t                     i;
    ngx_shm_zone_t                *zone;
    ngx_http_gateway_log_sink_t  **sink;

    static ngx_str_t  name = ngx_string("gateway_log");

    zone = ngx_shared_memory_add(cf, &name, 8 * ngx_pagesize
                                 + lmcf->sinks.nelts
                                   * sizeof(ngx_http_gateway_log_shared_t),
                                 &ngx_http_gateway_log_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_gateway_log_zone;
    zone->data = lmcf;
    zone->noreuse = 1;

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        if (sink[i]->file == NULL) {
            continue;
        }

        /* of access_log, which is read later, with a buffer */

        if (sink[i]->file->flush || sink[i]->file->data) {
            return ngx_http_gateway_log_used(sink[i], cf->log);
        }

        sink[i]->file->flush = ngx_http_gateway_log_reopen;
        sink[i]->file->data = sink[i];
    }

    return ngx_http_gateway_log_sink_check(cf, lmcf, &cf->cycle->new_log)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_gateway_log_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *slab;
    ngx_http_gateway_log_sink_t      **sink;
    ngx_http_gateway_log_shared_t     *shared;
    ngx_http_gateway_log_main_conf_t  *lmcf;

    lmcf = zone->data;
    slab = (ngx_slab_pool_t *) zone->shm.addr;

    shared = ngx_slab_calloc(slab, lmcf->sinks.nelts
                                   * sizeof(ngx_http_gateway_log_shared_t));
    if (shared == NULL) {
        return NGX_ERROR;
    }

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {
        sink[i]->shared = &shared[i];
    }

    return NGX_OK;
}


static void
ngx_http_gateway_log_sink_drop(ngx_http_gateway_log_sink_t *sink,
    ngx_http_gateway_log_reason_e reason, ngx_uint_t n)
{
    ngx_http_gateway_count(sink->dropped[reason], n);

    sink->unsaid += n;

    if (ngx_http_gateway_may_say(&sink->shared->said, NGX_HTTP_GATEWAY_SAY)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "gateway_log \"%V\": %ui records lost since the last "
                      "report, %s", &sink->name, sink->unsaid,
                      ngx_http_gateway_log_reasons[reason].text);
        sink->unsaid = 0;
    }
}


/* --- a worker's life */

void
ngx_http_gateway_log_sinks_stop(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    u_char                        *p;
    ngx_uint_t                     i, n;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        ngx_http_gateway_log_flush(sink[i], 1);

        n = 0;

        for (p = sink[i]->start; p < sink[i]->pos; p++) {
            n += (*p == '\n');
        }

        ngx_http_gateway_count(sink[i]->queued, (uint64_t) 0
                               - (sink[i]->pos - sink[i]->start));
        sink[i]->pos = sink[i]->start;

        if (n) {
            ngx_http_gateway_log_sink_drop(sink[i], NGX_HTTP_GATEWAY_LOG_EXIT,
                                           n);
        }

        if (sink[i]->event.timer_set) {
            ngx_del_timer(&sink[i]->event);
        }

        sink[i]->file = NULL;
        sink[i]->fd = NGX_INVALID_FILE;
    }
}


/* what a killed worker had made, and neither written nor dropped */

static void
ngx_http_gateway_log_settle(void *data, ngx_uint_t at)
{
    ngx_http_gateway_log_sink_t *sink = data;

    uint64_t    held;
    ngx_uint_t  i;

    held = *ngx_http_gateway_counter_own(sink->made, at)
           - *ngx_http_gateway_counter_own(sink->written, at);

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_REASONS; i++) {
        held -= *ngx_http_gateway_counter_own(sink->dropped[i], at);
    }

    *ngx_http_gateway_counter_own(sink->dropped[NGX_HTTP_GATEWAY_LOG_LOST], at)
        += held;
    *ngx_http_gateway_counter_own(sink->queued, at) = 0;
}


void
ngx_http_gateway_log_sinks_report(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    u_char                        *p, *last;
    u_char                         text[256];
    uint64_t                       n, made, written, dropped;
    ngx_uint_t                     i, k;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;
    last = text + sizeof(text);

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        made = ngx_http_gateway_counter_sum(sink[i]->made);
        written = ngx_http_gateway_counter_sum(sink[i]->written);
        dropped = 0;
        p = text;

        for (k = 0; k < NGX_HTTP_GATEWAY_LOG_REASONS; k++) {
            n = ngx_http_gateway_counter_sum(sink[i]->dropped[k]);
            dropped += n;

            p = ngx_slprintf(p, last, "%s%s %uL", k ? ", " : "",
                             ngx_http_gateway_log_reasons[k].word, n);
        }

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "gateway_log \"%V\": made %uL, written %uL, dropped %uL "
                      "(%*s), queued bytes %uL", &sink[i]->name, made, written,
                      dropped, (size_t) (p - text), text,
                      ngx_http_gateway_counter_sum(sink[i]->queued));
    }

    n = ngx_http_gateway_counter_sum(lmcf->misfits);

    if (n) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "gateway_log: %uL fields left out, they did not fit "
                      "their type", n);
    }
}


/* --- records */

void
ngx_http_gateway_log_sink_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record)
{
    if (sink->file == NULL && sink->fd == NGX_INVALID_FILE) {
        return;
    }

    ngx_http_gateway_count(sink->made, 1);

    if (record->len == 0) {
        ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_SIZE, 1);
        return;
    }

    if (record->len > (size_t) (sink->last - sink->pos)) {

        ngx_http_gateway_log_flush(sink, 0);

        if (record->len > (size_t) (sink->last - sink->pos)) {
            ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_FULL, 1);
            return;
        }
    }

    sink->pos = ngx_cpymem(sink->pos, record->data, record->len);
    ngx_http_gateway_count(sink->queued, record->len);

    if (sink->flush == 0) {
        ngx_http_gateway_log_flush(sink, 0);
    }

    if (sink->pos != sink->start && !sink->event.timer_set) {
        ngx_add_timer(&sink->event, ngx_max(sink->flush, 1));
    }
}


static void
ngx_http_gateway_log_timer(ngx_event_t *ev)
{
    ngx_http_gateway_log_sink_t  *sink = ev->data;

    ngx_log_debug1(NGX_LOG_DEBUG_EVENT, ev->log, 0,
                   "gateway log: flush \"%V\"", &sink->name);

    ngx_http_gateway_log_flush(sink, 0);

    if (sink->pos != sink->start) {
        ngx_add_timer(ev, NGX_HTTP_GATEWAY_LOG_PAUSE);
    }
}


/* before a file is opened again, and at exit */

static void
ngx_http_gateway_log_reopen(ngx_open_file_t *file, ngx_log_t *log)
{
    ngx_http_gateway_log_sink_t *sink = file->data;

    ngx_http_gateway_log_flush(sink, 1);

    /*
     * A fragment stays in the file that it is in, in which workers still write
     * while the master, and processes that serve no requests, have opened the
     * next one.
     */

    if (ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE)
    {
        sink->shared->torn = 0;
    }
}


static void
ngx_http_gateway_log_pause(ngx_http_gateway_log_sink_t *sink, ngx_err_t err)
{
    sink->paused = 1;
    sink->until = ngx_current_msec + NGX_HTTP_GATEWAY_LOG_PAUSE;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, err,
                   "gateway log: write to \"%V\" failed, next one in %d ms",
                   &sink->name, NGX_HTTP_GATEWAY_LOG_PAUSE);
}


/* the number of records in a part of the buffer */

static ngx_uint_t
ngx_http_gateway_log_records(const u_char *p, const u_char *last)
{
    ngx_uint_t  n;

    for (n = 0; p < last; n++) {
        p = memchr(p, '\n', last - p);
        p++;
    }

    return n;
}


/* what the kernel takes at once, or -1 with an error; never waits */

static ssize_t
ngx_http_gateway_log_send(ngx_http_gateway_log_sink_t *sink, ngx_fd_t fd,
    const u_char *data, size_t len, ngx_err_t *err)
{
    ssize_t  n;

    do {
        n = sink->socket ? send(fd, data, len, MSG_DONTWAIT|MSG_NOSIGNAL)
                         : write(fd, data, len);
        *err = (n == -1) ? ngx_errno : 0;
    } while (*err == NGX_EINTR);

    return n;
}


/*
 * One write of whole records.  Returns how many bytes of whole records were
 * taken, all if that is "len".
 */

static size_t
ngx_http_gateway_log_once(ngx_http_gateway_log_sink_t *sink, ngx_fd_t fd,
    size_t len)
{
    ssize_t     n;
    size_t      whole;
    ngx_err_t   err;
    ngx_uint_t  all, taken;

    all = ngx_http_gateway_log_records(sink->start, sink->start + len);

    ngx_http_gateway_count(sink->written, all);

    n = ngx_http_gateway_log_send(sink, fd, sink->start, len, &err);

    if (n == (ssize_t) len) {
        return len;
    }

    whole = ngx_max(n, 0);

    while (whole > 0 && sink->start[whole - 1] != '\n') {
        whole--;
    }

    taken = ngx_http_gateway_log_records(sink->start, sink->start + whole);

    ngx_http_gateway_count(sink->written, (uint64_t) 0 - (all - taken));

    if (n > (ssize_t) whole) {
        sink->shared->torn = 1;
    }

    ngx_http_gateway_log_pause(sink, err);

    return whole;
}


/* after a failure: NGX_DECLINED if there is no room for all that waits */

static ngx_int_t
ngx_http_gateway_log_resume(ngx_http_gateway_log_sink_t *sink, ngx_fd_t fd)
{
    size_t          len;
    struct statvfs  st;

    len = sink->pos - sink->start;

    if (sink->file && fstatvfs(fd, &st) == 0
        && (uint64_t) st.f_bavail * st.f_frsize < len + 1)
    {
        ngx_http_gateway_log_pause(sink, NGX_ENOSPC);
        return NGX_DECLINED;
    }

    sink->paused = 0;

    return NGX_OK;
}


/*
 * A worker has left a fragment of a record: a line end closes it, written by
 * whoever writes first.
 */

static ngx_int_t
ngx_http_gateway_log_mend(ngx_http_gateway_log_sink_t *sink, ngx_fd_t fd)
{
    ngx_err_t  err;

    if (!ngx_atomic_cmp_set(&sink->shared->torn, 1, 0)
        || ngx_http_gateway_log_send(sink, fd, (u_char *) "\n", 1, &err) == 1)
    {
        return NGX_OK;
    }

    sink->shared->torn = 1;
    ngx_http_gateway_log_pause(sink, err);

    return NGX_DECLINED;
}


/* the records that one write may hold; a pipe takes so many at once or none */

static size_t
ngx_http_gateway_log_portion(ngx_http_gateway_log_sink_t *sink)
{
    size_t  len;

    len = sink->pos - sink->start;

    if (!sink->pipe || len <= NGX_HTTP_GATEWAY_LOG_PIPE) {
        return len;
    }

    len = NGX_HTTP_GATEWAY_LOG_PIPE;

    while (sink->start[len - 1] != '\n') {
        len--;
    }

    return len;
}


static void
ngx_http_gateway_log_flush(ngx_http_gateway_log_sink_t *sink,
    ngx_uint_t force)
{
    size_t    len, done;
    ngx_fd_t  fd;

    if (sink->pos == sink->start) {
        return;
    }

    if (sink->paused && !force
        && (ngx_msec_int_t) (sink->until - ngx_current_msec) > 0)
    {
        return;
    }

    fd = sink->file ? sink->file->fd : sink->fd;

    if (sink->paused && ngx_http_gateway_log_resume(sink, fd) != NGX_OK) {
        return;
    }

    if (sink->shared->torn && ngx_http_gateway_log_mend(sink, fd) != NGX_OK) {
        return;
    }

    do {
        len = ngx_http_gateway_log_portion(sink);
        done = ngx_http_gateway_log_once(sink, fd, len);

        sink->pos = ngx_movemem(sink->start, sink->start + done,
                                sink->pos - sink->start - done);
        ngx_http_gateway_count(sink->queued, (uint64_t) 0 - done);

    } while (done == len && sink->pos != sink->start);
}
