/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Loads a changed file in a worker: reads it, builds a set in the idle half, a
 * few consumers in each turn of the event loop, and activates the set.
 */

#include "ngx_http_gateway_consumers_zone.h"

#include <sys/mman.h>


#define NGX_HTTP_GATEWAY_CONSUMERS_READ   262144   /* bytes at once */
#define NGX_HTTP_GATEWAY_CONSUMERS_DROP   (2 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_CONSUMERS_LATER  50       /* ms, in a worker */


static void ngx_http_gateway_consumers_later(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_consumers_open(
    ngx_http_gateway_consumers_t *consumers, ngx_log_t *log, char *err);
static void ngx_http_gateway_consumers_turn(ngx_event_t *ev);
static ngx_int_t ngx_http_gateway_consumers_step(
    ngx_http_gateway_consumers_t *consumers, char *err);
static ngx_int_t ngx_http_gateway_consumers_read(
    ngx_http_gateway_consumers_t *consumers, char *err);
static ngx_int_t ngx_http_gateway_consumers_begin(
    ngx_http_gateway_consumers_t *consumers, char *err);
static void ngx_http_gateway_consumers_first(void *data,
    const char *sentence);
static void ngx_http_gateway_consumers_end(
    ngx_http_gateway_consumers_t *consumers, ngx_int_t rc, char *err,
    ngx_log_t *log);
static void ngx_http_gateway_consumers_close(
    ngx_http_gateway_consumers_t *consumers);
static void ngx_http_gateway_consumers_drop(
    ngx_http_gateway_consumers_t *consumers, size_t size);


void
ngx_http_gateway_consumers_start(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers)
{
    ngx_http_gateway_halves_join(&consumers->sh->halves);

    /* a lease of this worker's slot was that of a killed worker */

    ngx_http_gateway_lease_release(&consumers->sh->lease);

    if (consumers->block) {
        consumers->later.handler = ngx_http_gateway_consumers_later;
        consumers->later.data = consumers;
        consumers->later.log = cycle->log;
        consumers->later.cancelable = 1;

        ngx_add_timer(&consumers->later, NGX_HTTP_GATEWAY_WATCH_PAUSE);
    }

    consumers->watch.state = &consumers->sh->state;

    /* after the release above, since this can take the lease */

    if (consumers->watch.interval) {
        ngx_http_gateway_consumers_look(&consumers->watch, cycle->log);
    }
}


/* in each worker that has inherited the set */

static void
ngx_http_gateway_consumers_later(ngx_event_t *ev)
{
    ngx_http_gateway_consumers_t      *consumers;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = ev->data;
    sh = consumers->sh;

    if (!ngx_exiting && sh->epoch == consumers->epoch
        && sh->published != consumers->epoch
        && !ngx_http_gateway_consumers_copy(consumers))
    {
        ngx_add_timer(ev, NGX_HTTP_GATEWAY_CONSUMERS_LATER);
        return;
    }

    ngx_http_gateway_consumers_unmap(consumers);
}


void
ngx_http_gateway_consumers_stop(ngx_http_gateway_consumers_t *consumers)
{
    if (consumers->load && consumers->load->fd != NGX_INVALID_FILE) {
        ngx_http_gateway_consumers_close(consumers);
    }

    if (consumers->load) {
        ngx_http_gateway_consumers_drop(consumers, consumers->load->mapped);
    }
}


/*
 * The state may be written partly while another worker holds the lease.  A
 * change is therefore checked again under the lease.
 */

void
ngx_http_gateway_consumers_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log)
{
    char                               err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t                          rc;
    ngx_file_info_t                    fi;
    ngx_http_gateway_consumers_t      *consumers;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = watch->data;
    sh = consumers->sh;

    if (consumers->load || sh->epoch != consumers->epoch) {
        return;
    }

    ngx_http_gateway_watch_stat(watch, &fi);

    if (!ngx_http_gateway_watch_due(watch, &fi)
        || !ngx_http_gateway_lease_take(&sh->lease))
    {
        return;
    }

    if (sh->epoch != consumers->epoch
        || !ngx_http_gateway_watch_due(watch, &fi)
        || !ngx_http_gateway_halves_idle(&sh->halves))
    {
        ngx_http_gateway_lease_release(&sh->lease);
        return;
    }

    rc = ngx_http_gateway_consumers_open(consumers, log, err);

    if (rc != NGX_OK) {
        ngx_http_gateway_watch_kept(watch, &fi, log, err);
        ngx_http_gateway_lease_release(&sh->lease);
    }
}


static ngx_int_t
ngx_http_gateway_consumers_open(ngx_http_gateway_consumers_t *consumers,
    ngx_log_t *log, char *err)
{
    ngx_http_gateway_consumers_load_t  *load;

    load = ngx_calloc(sizeof(ngx_http_gateway_consumers_load_t), log);
    if (load == NULL) {
        ngx_sprintf((u_char *) err, "no memory%Z");
        return NGX_ERROR;
    }

    load->fd = ngx_http_gateway_watch_open(&consumers->watch, &load->fi, err);

    if (load->fd == NGX_INVALID_FILE) {
        ngx_free(load);
        return NGX_ERROR;
    }

    load->size = ngx_file_size(&load->fi);
    load->mapped = ngx_align(load->size + 1, ngx_pagesize);
    load->text = mmap(NULL, load->mapped, PROT_READ|PROT_WRITE,
                      MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (load->text == MAP_FAILED) {
        (void) ngx_http_gateway_watch_failed(err, "mmap()");
        (void) ngx_close_file(load->fd);
        ngx_free(load);
        return NGX_ERROR;
    }

    load->event.handler = ngx_http_gateway_consumers_turn;
    load->event.data = consumers;
    load->event.log = log;
    load->event.cancelable = 1;

    consumers->load = load;

    ngx_add_timer(&load->event, NGX_HTTP_GATEWAY_WATCH_PAUSE);

    return NGX_OK;
}


static void
ngx_http_gateway_consumers_turn(ngx_event_t *ev)
{
    char                           err[NGX_HTTP_GATEWAY_WATCH_ERR
                                       + GW_CONSUMER_MISTAKE];
    ngx_int_t                      rc;
    uint64_t                       start;
    ngx_http_gateway_consumers_t  *consumers;

    consumers = ev->data;

    if (consumers->load->fd == NGX_INVALID_FILE) {
        ngx_http_gateway_consumers_drop(consumers,
                                        NGX_HTTP_GATEWAY_CONSUMERS_DROP);
        return;
    }

    if (ngx_exiting || ngx_quit || ngx_terminate
        || consumers->sh->epoch != consumers->epoch)
    {
        ngx_http_gateway_consumers_close(consumers);
        return;
    }

    start = ngx_http_gateway_watch_clock();

    do {
        rc = ngx_http_gateway_consumers_step(consumers, err);
    } while (rc == NGX_AGAIN
             && ngx_http_gateway_watch_clock() - start
                < NGX_HTTP_GATEWAY_WATCH_TURN);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, NGX_HTTP_GATEWAY_WATCH_PAUSE);
        return;
    }

    ngx_http_gateway_consumers_end(consumers, rc, err, ev->log);
}


/* NGX_AGAIN: call again; NGX_BUSY: the file is being written */

static ngx_int_t
ngx_http_gateway_consumers_step(ngx_http_gateway_consumers_t *consumers,
    char *err)
{
    size_t                              n;
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;

    if (load->builder == NULL) {
        return (load->len < load->size)
               ? ngx_http_gateway_consumers_read(consumers, err)
               : ngx_http_gateway_consumers_begin(consumers, err);
    }

    switch (gw_consumer_builder_step(load->builder)) {

    case GW_CONSUMER_MORE:
        return NGX_AGAIN;

    case GW_CONSUMER_DONE:
        return NGX_OK;

    default: /* GW_CONSUMER_WRONG */

        n = gw_consumer_builder_mistakes(load->builder);

        if (n > 1) {
            ngx_sprintf((u_char *) err, "%s (and %uz more mistakes, see "
                        "\"nginx-gateway consumers check\")%Z",
                        load->first, n - 1);
        } else {
            ngx_sprintf((u_char *) err, "%s%Z", load->first);
        }

        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_gateway_consumers_read(ngx_http_gateway_consumers_t *consumers,
    char *err)
{
    size_t                              size;
    ssize_t                             n;
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;

    size = ngx_min(load->size - load->len, NGX_HTTP_GATEWAY_CONSUMERS_READ);

    n = ngx_read_fd(load->fd, load->text + load->len, size);

    if (n == -1) {
        return ngx_http_gateway_watch_failed(err, "read()");
    }

    if (n == 0) {
        return NGX_BUSY;
    }

    load->len += n;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_gateway_consumers_begin(ngx_http_gateway_consumers_t *consumers,
    char *err)
{
    ngx_file_info_t                     after;
    ngx_http_gateway_consumers_shm_t   *sh;
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;
    sh = consumers->sh;

    if (ngx_fd_info(load->fd, &after) == NGX_FILE_ERROR) {
        return ngx_http_gateway_watch_failed(err, "fstat()");
    }

    if (!ngx_http_gateway_watch_same(&load->fi, &after)) {
        return NGX_BUSY;
    }

    load->builder = gw_consumer_builder_create((char *) load->text, load->len,
                                         ngx_http_gateway_consumers_next(sh),
                                         sh->halves.size,
                                         consumers->peppers > 0,
                                         ngx_http_gateway_consumers_first,
                                         load);
    if (load->builder == NULL) {
        ngx_sprintf((u_char *) err, "no memory%Z");
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_http_gateway_consumers_first(void *data, const char *sentence)
{
    ngx_http_gateway_consumers_load_t *load = data;

    if (load->first[0] == '\0') {
        (void) ngx_cpystrn((u_char *) load->first, (u_char *) sentence,
                           GW_CONSUMER_MISTAKE);
    }
}


static void
ngx_http_gateway_consumers_end(ngx_http_gateway_consumers_t *consumers,
    ngx_int_t rc, char *err, ngx_log_t *log)
{
    u_char                              note[sizeof(", 4294967295 consumers")];
    gw_consumer_set_t                  *set;
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;

    switch (rc) {

    case NGX_OK:
        set = ngx_http_gateway_consumers_next(consumers->sh);
        ngx_sprintf(note, ", %uD consumers%Z", set->count[GW_CONSUMER_ID]);

        ngx_http_gateway_consumers_swap(consumers);
        ngx_http_gateway_watch_loaded(&consumers->watch, &load->fi, log,
                                      (char *) note);
        break;

    case NGX_ERROR:
        ngx_http_gateway_watch_kept(&consumers->watch, &load->fi, log, err);
        break;

    default: /* NGX_BUSY: the file is read again at the next check */
        break;
    }

    ngx_http_gateway_consumers_close(consumers);
}


static void
ngx_http_gateway_consumers_close(ngx_http_gateway_consumers_t *consumers)
{
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;

    if (load->builder) {
        gw_consumer_builder_free(load->builder);
        load->builder = NULL;
    }

    (void) ngx_close_file(load->fd);
    load->fd = NGX_INVALID_FILE;

    ngx_http_gateway_lease_release(&consumers->sh->lease);

    ngx_http_gateway_consumers_drop(consumers,
                                    NGX_HTTP_GATEWAY_CONSUMERS_DROP);
}


/* unmaps in steps: much memory at once would take too long for a turn */

static void
ngx_http_gateway_consumers_drop(ngx_http_gateway_consumers_t *consumers,
    size_t size)
{
    ngx_http_gateway_consumers_load_t  *load;

    load = consumers->load;

    size = ngx_min(size, load->mapped);
    load->mapped -= size;

    (void) munmap(load->text + load->mapped, size);

    if (load->mapped) {
        ngx_add_timer(&load->event, NGX_HTTP_GATEWAY_WATCH_PAUSE);
        return;
    }

    if (load->event.timer_set) {
        ngx_del_timer(&load->event);
    }

    ngx_free(load);
    consumers->load = NULL;
}
