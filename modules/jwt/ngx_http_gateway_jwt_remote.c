/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Fetching key sets: when, by which worker, and what happens with the result.
 *
 * The state is in shared memory, and the worker that holds its lease fetches.
 * A fetch has begun but not ended (begun == ended + 1) if it runs, or if its
 * worker was killed; then the lease is free, and the next worker that takes it
 * repeats the fetch.  Each worker has a timer, which finds both a fetch that is
 * due and one that was lost.
 *
 * A fetch can be started by an old worker while a new configuration is in
 * force, or the other way round.  The result is published in any case, but the
 * new configuration then fetches again soon, since it can have another issuer.
 *
 * A fetch ends in this order: the new half, the swap, the times, "ended", the
 * lease, the waiting requests.  A process that reads the new "ended" also reads
 * the rest.
 */

#include "ngx_http_gateway_jwt_remote.h"
#include "ngx_http_gateway_jwt_ask.h"
#include "ngx_http_gateway_word.h"
#include "gw_fetch.h"


#define NGX_HTTP_GATEWAY_JWT_AGAIN   500           /* ms, while a fetch runs */
#define NGX_HTTP_GATEWAY_JWT_SPREAD  20            /* ms, between workers */
#define NGX_HTTP_GATEWAY_JWT_STEP    10            /* ms, between sets */
#define NGX_HTTP_GATEWAY_JWT_LATER   50            /* ms, for an idle half */

/* the subject of the parser's reasons */
#define NGX_HTTP_GATEWAY_JWT_SUBJECT  "the response "


/* whether a worker that holds the lease must start a fetch */
typedef ngx_uint_t (*ngx_http_gateway_jwt_due_pt)(
    const ngx_http_gateway_jwt_remote_t *remote);


static ngx_atomic_uint_t ngx_http_gateway_jwt_remote_soon(
    const ngx_http_gateway_jwt_remote_t *remote);
static ngx_uint_t ngx_http_gateway_jwt_remotes_use(const ngx_array_t *sources,
    const ngx_http_gateway_jwt_remote_shm_t *sh);
static void ngx_http_gateway_jwt_remote_stop(
    ngx_http_gateway_jwt_remote_t *remote);
static void ngx_http_gateway_jwt_remote_tick(ngx_event_t *ev);
static void ngx_http_gateway_jwt_remote_arm(
    ngx_http_gateway_jwt_remote_t *remote, ngx_msec_t max);
static ngx_uint_t ngx_http_gateway_jwt_remote_due(
    const ngx_http_gateway_jwt_remote_t *remote);
static void ngx_http_gateway_jwt_remote_try(
    ngx_http_gateway_jwt_remote_t *remote, ngx_http_gateway_jwt_due_pt due);
static void ngx_http_gateway_jwt_remote_begin(
    ngx_http_gateway_jwt_remote_t *remote);
static void ngx_http_gateway_jwt_remote_done(void *data, ngx_int_t rc,
    ngx_str_t *body, const char *why);
static void ngx_http_gateway_jwt_remote_received(
    ngx_http_gateway_jwt_remote_t *remote, ngx_str_t *text);
static ngx_uint_t ngx_http_gateway_jwt_remote_replace(
    ngx_http_gateway_jwt_remote_t *remote, const ngx_str_t *text);
static void ngx_http_gateway_jwt_remote_keep(
    ngx_http_gateway_jwt_remote_t *remote, const ngx_str_t *text);
static void ngx_http_gateway_jwt_remote_later(ngx_event_t *ev);
static void ngx_http_gateway_jwt_remote_forget(
    ngx_http_gateway_jwt_remote_t *remote);
static void ngx_http_gateway_jwt_remote_succeeded(
    ngx_http_gateway_jwt_remote_t *remote);
static void ngx_http_gateway_jwt_remote_failed(
    ngx_http_gateway_jwt_remote_t *remote, const char *why);
static void ngx_http_gateway_jwt_remote_end(
    ngx_http_gateway_jwt_remote_t *remote, ngx_atomic_uint_t next);


/* the stored form of the current time, never 0 */
#define ngx_http_gateway_jwt_stamp()  (ngx_current_msec | 1)


/* the sources that this process fetches; NULL: none yet */
static const ngx_array_t  *ngx_http_gateway_jwt_started;


/*
 * In the master: at once, but not more than once in "min" ms.
 *
 * A directive of the http level means a set for each server.  All of them at
 * once could need more connections than a worker has, therefore they are due
 * one after the other, also if they are overdue when a worker starts.  A
 * request that needs a set starts its fetch anyway.
 */

void
ngx_http_gateway_jwt_remotes_publish(const ngx_array_t *sources)
{
    ngx_uint_t                       i, n;
    ngx_http_gateway_jwt_remote_t   *remote;
    ngx_http_gateway_jwt_source_t  **source;

    source = sources->elts;

    for (i = 0, n = 0; i < sources->nelts; i++) {
        remote = source[i]->remote;

        if (remote == NULL || remote->sh == NULL) {
            continue;
        }

        remote->epoch = ngx_atomic_fetch_add(&remote->sh->epoch, 1) + 1;
        remote->sh->next = (ngx_http_gateway_jwt_remote_soon(remote)
                            + n++ * NGX_HTTP_GATEWAY_JWT_STEP) | 1;
    }
}


static ngx_atomic_uint_t
ngx_http_gateway_jwt_remote_soon(const ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_atomic_uint_t  started;

    started = remote->sh->started;

    if (started == 0) {
        return ngx_http_gateway_jwt_stamp();
    }

    return (ngx_current_msec + gw_fetch_left(ngx_current_msec,
                                             started + remote->min)) | 1;
}


void
ngx_http_gateway_jwt_remotes_start(const ngx_array_t *sources, ngx_log_t *log)
{
    ngx_uint_t                       i, n;
    ngx_http_gateway_jwt_remote_t   *remote;
    ngx_http_gateway_jwt_source_t  **source;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return;
    }

    /* the cached time is from before the configuration was read */

    ngx_time_update();

    ngx_http_gateway_jwt_started = sources;

    source = sources->elts;

    for (i = 0, n = 0; i < sources->nelts; i++) {
        remote = source[i]->remote;

        if (remote == NULL || remote->sh == NULL) {
            continue;
        }

        ngx_http_gateway_halves_join(&remote->sh->halves);

        /* a lease of this worker's slot was that of a killed worker */

        ngx_http_gateway_lease_release(&remote->sh->lease);

        remote->tick.handler = ngx_http_gateway_jwt_remote_tick;
        remote->tick.data = remote;
        remote->tick.log = log;
        remote->tick.cancelable = 1;

        ngx_add_timer(&remote->tick, 1 + n++ * NGX_HTTP_GATEWAY_JWT_STEP
                      + ngx_random() % NGX_HTTP_GATEWAY_JWT_SPREAD);
    }
}


ngx_uint_t
ngx_http_gateway_jwt_remotes_keep(const ngx_array_t *sources)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_remote_t   *remote;
    ngx_http_gateway_jwt_source_t  **source;

    if (ngx_http_gateway_jwt_started == NULL) {
        return 0;
    }

    source = ngx_http_gateway_jwt_started->elts;

    for (i = 0; i < ngx_http_gateway_jwt_started->nelts; i++) {
        remote = source[i]->remote;

        if (remote && remote->sh
            && !ngx_http_gateway_jwt_remotes_use(sources, remote->sh))
        {
            ngx_http_gateway_jwt_remote_stop(remote);
        }
    }

    return 1;
}


/* whether a source has this shared memory */

static ngx_uint_t
ngx_http_gateway_jwt_remotes_use(const ngx_array_t *sources,
    const ngx_http_gateway_jwt_remote_shm_t *sh)
{
    ngx_uint_t                       i;
    ngx_http_gateway_jwt_source_t  **source;

    if (sources == NULL) {
        return 0;
    }

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (source[i]->remote && source[i]->remote->sh == sh) {
            return 1;
        }
    }

    return 0;
}


/* requests that wait, and later ones on kept connections, find no keys */

static void
ngx_http_gateway_jwt_remote_stop(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (remote->tick.timer_set) {
        ngx_del_timer(&remote->tick);
    }

    if (remote->later.timer_set) {
        ngx_del_timer(&remote->later);
    }

    if (remote->ask) {
        ngx_http_gateway_jwt_ask_cancel(remote->ask);
        remote->ask = NULL;
    }

    if (remote->fresh) {
        gw_jwk_set_free(remote->fresh);
        remote->fresh = NULL;

        ngx_http_gateway_jwt_remote_forget(remote);
    }

    ngx_http_gateway_jwt_source_set(remote->source, NULL);

    sh->ended = sh->begun;

    ngx_http_gateway_lease_release(&sh->lease);
    ngx_http_gateway_word_wake(&sh->ended);

    remote->sh = NULL;
}


static void
ngx_http_gateway_jwt_remote_tick(ngx_event_t *ev)
{
    ngx_http_gateway_jwt_remote_t  *remote;

    remote = ev->data;

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        return;
    }

    ngx_http_gateway_jwt_remote_try(remote, ngx_http_gateway_jwt_remote_due);

    ngx_http_gateway_jwt_remote_arm(remote, NGX_MAX_INT_T_VALUE);
}


/*
 * Sets the timer, to at most "max" ms.  "next" can be earlier than the timers
 * of other workers, but not than that of the worker which has set it.
 */

static void
ngx_http_gateway_jwt_remote_arm(ngx_http_gateway_jwt_remote_t *remote,
    ngx_msec_t max)
{
    ngx_msec_t                          left;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    if (remote->tick.handler == NULL || ngx_exiting) {
        return;
    }

    left = gw_fetch_left(ngx_current_msec, sh->next);

    if (sh->begun != sh->ended || left == 0) {
        left = NGX_HTTP_GATEWAY_JWT_AGAIN;
    }

    if (remote->tick.timer_set) {
        ngx_del_timer(&remote->tick);
    }

    ngx_add_timer(&remote->tick, ngx_min(left, max));
}


void
ngx_http_gateway_jwt_remote_attend(ngx_http_gateway_jwt_remote_t *remote)
{
    if (remote->tick.timer_set
        && (ngx_msec_int_t) (remote->tick.timer.key - ngx_current_msec)
           <= NGX_HTTP_GATEWAY_JWT_AGAIN)
    {
        return;
    }

    ngx_http_gateway_jwt_remote_arm(remote, NGX_HTTP_GATEWAY_JWT_AGAIN);
}


void
ngx_http_gateway_jwt_remote_fetch(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_remote_try(remote,
                                    ngx_http_gateway_jwt_remote_allowed);
}


/* a fetch that was lost is due at once */

static ngx_uint_t
ngx_http_gateway_jwt_remote_due(const ngx_http_gateway_jwt_remote_t *remote)
{
    const ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    return sh->begun != sh->ended
           || gw_fetch_left(ngx_current_msec, sh->next) == 0;
}


ngx_uint_t
ngx_http_gateway_jwt_remote_allowed(
    const ngx_http_gateway_jwt_remote_t *remote)
{
    const ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    return sh->begun == sh->ended
           && (sh->started == 0
               || gw_fetch_ago(ngx_current_msec, sh->started) >= remote->min);
}


/* another worker may have been faster until the lease is taken */

static void
ngx_http_gateway_jwt_remote_try(ngx_http_gateway_jwt_remote_t *remote,
    ngx_http_gateway_jwt_due_pt due)
{
    if (remote->ask || remote->fresh
        || !due(remote)
        || !ngx_http_gateway_lease_take(&remote->sh->lease))
    {
        return;
    }

    if (!due(remote)) {
        ngx_http_gateway_lease_release(&remote->sh->lease);
        return;
    }

    ngx_http_gateway_jwt_remote_begin(remote);
}


/* from here to _end(), this worker holds the lease */

static void
ngx_http_gateway_jwt_remote_begin(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_question_t     question;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway jwt: fetching \"%V\"%s", &remote->uri,
                   sh->begun == sh->ended ? ""
                   : ", since the fetching process is gone");

    sh->started = ngx_http_gateway_jwt_stamp();
    sh->begun = sh->ended + 1;

    /* one fetch at a time */

    remote->user.name = NGX_HTTP_GATEWAY_JWT_KEYS;
    remote->user.max = 1;

    ngx_memzero(&question, sizeof(ngx_http_gateway_jwt_question_t));

    question.cscf = remote->cscf;
    question.uri = remote->uri;
    question.user = &remote->user;
    question.timeout = remote->timeout;
    question.max_size = remote->max_size;
    question.insecure = remote->insecure;
    question.done = ngx_http_gateway_jwt_remote_done;
    question.data = remote;

    remote->ask = ngx_http_gateway_jwt_ask(&question);

    if (remote->ask == NULL) {
        ngx_http_gateway_jwt_remote_failed(remote, "no memory");
    }
}


static void
ngx_http_gateway_jwt_remote_done(void *data, ngx_int_t rc, ngx_str_t *body,
    const char *why)
{
    ngx_http_gateway_jwt_remote_t *remote = data;

    remote->ask = NULL;

    if (rc == NGX_OK) {
        ngx_http_gateway_jwt_remote_received(remote, body);

    } else if (rc == NGX_ABORT) {

        /* no failure of the issuer: the other workers fetch at once */

        ngx_http_gateway_add(remote->fetches[NGX_HTTP_GATEWAY_JWT_ABORTED], 1);
        ngx_http_gateway_jwt_remote_end(remote, ngx_http_gateway_jwt_stamp());

    } else {
        ngx_http_gateway_jwt_remote_failed(remote, why);
    }
}


/*
 * During a failure, keys that are left out are logged only once the set is
 * valid again: an invalid set would log them at each fetch.
 */

static void
ngx_http_gateway_jwt_remote_received(ngx_http_gateway_jwt_remote_t *remote,
    ngx_str_t *text)
{
    char           why[sizeof(NGX_HTTP_GATEWAY_JWT_SUBJECT)
                       + NGX_HTTP_GATEWAY_WATCH_ERR], *err;
    ngx_uint_t     quiet;
    gw_jwk_set_t  *set;

    if (ngx_http_gateway_jwt_remote_holds(remote, text)) {
        ngx_http_gateway_jwt_remote_succeeded(remote);
        return;
    }

    err = (char *) ngx_cpymem(why, NGX_HTTP_GATEWAY_JWT_SUBJECT,
                              sizeof(NGX_HTTP_GATEWAY_JWT_SUBJECT) - 1);
    quiet = (remote->sh->failures != 0);

    set = ngx_http_gateway_jwt_remote_parse(remote, text, quiet, err);

    if (set && quiet) {
        gw_jwk_set_free(set);
        set = ngx_http_gateway_jwt_remote_parse(remote, text, 0, err);
    }

    if (set == NULL) {
        ngx_http_gateway_jwt_remote_failed(remote, why);
        return;
    }

    remote->fresh = set;

    if (!ngx_http_gateway_jwt_remote_replace(remote, text)) {
        ngx_http_gateway_jwt_remote_keep(remote, text);
    }
}


/* returns 0 if a process reads the half that would be written */

static ngx_uint_t
ngx_http_gateway_jwt_remote_replace(ngx_http_gateway_jwt_remote_t *remote,
    const ngx_str_t *text)
{
    if (!ngx_http_gateway_jwt_remote_store(remote, text)) {
        return 0;
    }

    ngx_http_gateway_jwt_source_set(remote->source, remote->fresh);

    remote->fresh = NULL;
    remote->generation = remote->sh->halves.generation;

    ngx_http_gateway_jwt_remote_log_changed(remote);
    ngx_http_gateway_jwt_remote_succeeded(remote);

    return 1;
}


/* the new set waits; its timer is not cancelable: requests may wait too */

static void
ngx_http_gateway_jwt_remote_keep(ngx_http_gateway_jwt_remote_t *remote,
    const ngx_str_t *text)
{
    remote->text.data = ngx_alloc(text->len, ngx_cycle->log);

    if (remote->text.data == NULL) {
        gw_jwk_set_free(remote->fresh);
        remote->fresh = NULL;

        ngx_http_gateway_jwt_remote_failed(remote, "no memory");
        return;
    }

    ngx_memcpy(remote->text.data, text->data, text->len);
    remote->text.len = text->len;

    remote->deadline = ngx_current_msec + remote->timeout;

    remote->later.handler = ngx_http_gateway_jwt_remote_later;
    remote->later.data = remote;
    remote->later.log = ngx_cycle->log;

    ngx_add_timer(&remote->later, NGX_HTTP_GATEWAY_JWT_LATER);
}


static void
ngx_http_gateway_jwt_remote_later(ngx_event_t *ev)
{
    ngx_http_gateway_jwt_remote_t  *remote;

    remote = ev->data;

    if (!ngx_http_gateway_jwt_remote_replace(remote, &remote->text)) {

        if (gw_fetch_left(ngx_current_msec, remote->deadline)) {
            ngx_add_timer(ev, NGX_HTTP_GATEWAY_JWT_LATER);
            return;
        }

        gw_jwk_set_free(remote->fresh);
        remote->fresh = NULL;

        ngx_http_gateway_jwt_remote_failed(remote, "a process that does not "
                                           "run still reads earlier keys");
    }

    ngx_http_gateway_jwt_remote_forget(remote);
}


static void
ngx_http_gateway_jwt_remote_forget(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_explicit_memzero(remote->text.data, remote->text.len);
    ngx_free(remote->text.data);
    ngx_str_null(&remote->text);
}


static void
ngx_http_gateway_jwt_remote_succeeded(ngx_http_gateway_jwt_remote_t *remote)
{
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    ngx_http_gateway_jwt_remote_log_succeeded(remote);

    ngx_http_gateway_add(remote->fetches[NGX_HTTP_GATEWAY_JWT_FETCHED], 1);

    sh->fetched = ngx_time();
    sh->succeeded = ngx_http_gateway_jwt_stamp();
    sh->failures = 0;

    ngx_http_gateway_jwt_remote_end(remote,
                        gw_fetch_next(ngx_current_msec, remote->interval,
                                      remote->min, 0, ngx_random()));
}


static void
ngx_http_gateway_jwt_remote_failed(ngx_http_gateway_jwt_remote_t *remote,
    const char *why)
{
    ngx_atomic_uint_t                   next;
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    sh->failures++;
    ngx_http_gateway_add(remote->fetches[NGX_HTTP_GATEWAY_JWT_FAILED], 1);

    next = gw_fetch_next(ngx_current_msec, remote->interval, remote->min,
                         sh->failures, ngx_random());
    sh->next = next;

    ngx_http_gateway_jwt_remote_log_failed(remote, why);

    ngx_http_gateway_jwt_remote_end(remote, next);
}


/*
 * A new configuration, or a fetch for an old one, makes the next fetch due
 * soon.  The epoch is read after "next" was written: init_module writes them in
 * the other order.
 */

static void
ngx_http_gateway_jwt_remote_end(ngx_http_gateway_jwt_remote_t *remote,
    ngx_atomic_uint_t next)
{
    ngx_http_gateway_jwt_remote_shm_t  *sh;

    sh = remote->sh;

    __atomic_store_n(&sh->next, next, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&sh->epoch, __ATOMIC_SEQ_CST) != remote->epoch) {
        sh->next = ngx_http_gateway_jwt_remote_soon(remote);
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "gateway jwt: fetching \"%V\" has ended, failures:%uA, "
                   "next in %Mms", &remote->uri, sh->failures,
                   gw_fetch_left(ngx_current_msec, sh->next));

    __atomic_store_n(&sh->ended, sh->begun, __ATOMIC_SEQ_CST);

    ngx_http_gateway_lease_release(&sh->lease);
    ngx_http_gateway_word_wake(&sh->ended);

    ngx_http_gateway_jwt_remote_arm(remote, NGX_MAX_INT_T_VALUE);
}
