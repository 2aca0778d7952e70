/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The consumers of gateway_consumers: one set in shared memory, which all
 * workers read without a lock, and which is replaced for all of them at once.
 *
 * The zone consists of two halves (ngx_http_gateway_halves.h) and a lease
 * (ngx_http_gateway_lease.h).  The process that holds the lease builds a new
 * set in the idle half, then swaps the halves.  A reader copies the entry that
 * it has found into the request; gw_consumer.h explains why this is safe with
 * any content of the half.
 *
 * After the zone was created, no function takes the mutex of its slab pool, and
 * none waits: a worker that cannot take the lease, or finds a reader in the
 * idle half, tries again later.
 *
 * The master reads the file while it reads the configuration: an error in the
 * file is an error of the configuration.  The master keeps the set in its own
 * memory until the reload can no longer fail, and then copies it to the zone.
 */

#include "ngx_http_gateway_consumers_zone.h"

#include <sys/mman.h>


#define NGX_HTTP_GATEWAY_CONSUMERS_WAIT  200      /* ms, in the master */


/* where errors in the file are logged while the configuration is read */

typedef struct {
    ngx_log_t                          *log;
    ngx_http_gateway_consumers_t       *consumers;
} ngx_http_gateway_consumers_say_t;


static ngx_int_t ngx_http_gateway_consumers_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_gateway_consumers_build(
    ngx_http_gateway_consumers_t *consumers, ngx_str_t *text,
    ngx_log_t *log);
static void ngx_http_gateway_consumers_mistake(void *data,
    const char *sentence);


/* configuration, in the master */

ngx_int_t
ngx_http_gateway_consumers_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers)
{
    ngx_str_t  name;

    name.len = sizeof("gateway_consumers:") - 1 + consumers->zone.name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(name.data, "gateway_consumers:",
                          sizeof("gateway_consumers:") - 1),
               consumers->zone.name.data, consumers->zone.name.len);

    consumers->shm_zone = ngx_shared_memory_add(cf, &name,
                                          consumers->zone.size,
                                          &ngx_http_gateway_consumers_module);
    if (consumers->shm_zone == NULL) {
        return NGX_ERROR;
    }

    consumers->shm_zone->init = ngx_http_gateway_consumers_init_zone;
    consumers->shm_zone->data = consumers;

    return NGX_OK;
}


/* reads the file and builds the set in the master's own memory */

ngx_int_t
ngx_http_gateway_consumers_check(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers)
{
    char                 err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t            rc;
    ngx_str_t            text;
    ngx_pool_cleanup_t  *cln;

    consumers->half = ngx_http_gateway_halves_size(consumers->zone.size,
                                   sizeof(ngx_http_gateway_consumers_shm_t));

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_gateway_consumers_unmap;
    cln->data = consumers;

    consumers->block = mmap(NULL, consumers->half, PROT_READ|PROT_WRITE,
                            MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
    if (consumers->block == MAP_FAILED) {
        consumers->block = NULL;
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno, "mmap(%uz) failed",
                      consumers->half);
        return NGX_ERROR;
    }

    rc = ngx_http_gateway_watch_read(&consumers->watch, cf->temp_pool, &text,
                                     &consumers->watch.own.seen, err);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s \"%V\": %s in %V:%ui",
                      consumers->watch.directive, &consumers->watch.path, err,
                      ngx_http_gateway_place_args(&consumers->watch.place));
        return NGX_ERROR;
    }

    return ngx_http_gateway_consumers_build(consumers, &text, cf->log);
}


static ngx_int_t
ngx_http_gateway_consumers_build(ngx_http_gateway_consumers_t *consumers,
    ngx_str_t *text, ngx_log_t *log)
{
    gw_consumer_step_e                 rc;
    gw_consumer_builder_t             *builder;
    ngx_http_gateway_consumers_say_t   say;

    say.log = log;
    say.consumers = consumers;

    builder = gw_consumer_builder_create((char *) text->data, text->len,
                                         consumers->block, consumers->half,
                                         consumers->peppers > 0,
                                         ngx_http_gateway_consumers_mistake,
                                         &say);
    if (builder == NULL) {
        ngx_http_gateway_consumers_mistake(&say, "no memory");
        return NGX_ERROR;
    }

    do {
        rc = gw_consumer_builder_step(builder);
    } while (rc == GW_CONSUMER_MORE);

    gw_consumer_builder_free(builder);

    return (rc == GW_CONSUMER_DONE) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_consumers_mistake(void *data, const char *sentence)
{
    ngx_http_gateway_consumers_say_t *say = data;

    ngx_http_gateway_watch_t  *watch;

    watch = &say->consumers->watch;

    ngx_log_error(NGX_LOG_EMERG, say->log, 0, "%s \"%V\": %s in %V:%ui",
                  watch->directive, &watch->path, sentence,
                  ngx_http_gateway_place_args(&watch->place));
}


void
ngx_http_gateway_consumers_unmap(void *data)
{
    ngx_http_gateway_consumers_t *consumers = data;

    if (consumers->block) {
        (void) munmap(consumers->block, consumers->half);
        consumers->block = NULL;
    }
}


/*
 * A reused zone keeps its set: old workers read it, and the reload can still
 * fail.
 */

static ngx_int_t
ngx_http_gateway_consumers_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                         i;
    ngx_slab_pool_t                   *shpool;
    ngx_http_gateway_consumers_t      *consumers, *old;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = shm_zone->data;
    old = data;

    if (old) {
        consumers->sh = old->sh;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        consumers->sh = shpool->data;
        return NGX_OK;
    }

    sh = ngx_slab_calloc(shpool, sizeof(ngx_http_gateway_consumers_shm_t));

    if (sh == NULL
        || ngx_http_gateway_halves_alloc(&sh->halves, shpool, consumers->half)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < 2; i++) {
        ngx_memzero(ngx_http_gateway_consumers_set(sh, i),
                    sizeof(gw_consumer_set_t));
    }

    shpool->data = sh;
    consumers->sh = sh;

    return NGX_OK;
}


/*
 * In the master, when the configuration can no longer be refused.  From now on,
 * workers of the old configuration do not load files.  If an old worker holds
 * the lease for longer, since it was stopped, the new workers inherit the set
 * and publish it.
 */

void
ngx_http_gateway_consumers_publish(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers)
{
    ngx_uint_t  i;

    consumers->epoch = ngx_atomic_fetch_add(&consumers->sh->epoch, 1) + 1;

    for (i = 0; i < NGX_HTTP_GATEWAY_CONSUMERS_WAIT; i++) {

        if (ngx_http_gateway_consumers_copy(consumers)) {
            ngx_http_gateway_consumers_unmap(consumers);
            return;
        }

        ngx_msleep(1);
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "%s \"%V\": a worker is writing "
                  "to the zone, the set will be replaced when it has "
                  "finished", consumers->watch.directive,
                  &consumers->watch.path);
}


ngx_uint_t
ngx_http_gateway_consumers_copy(ngx_http_gateway_consumers_t *consumers)
{
    ngx_uint_t                         idle;
    gw_consumer_set_t                 *set;
    ngx_http_gateway_consumers_shm_t  *sh;

    sh = consumers->sh;
    set = consumers->block;

    if (!ngx_http_gateway_lease_take(&sh->lease)) {
        return 0;
    }

    idle = ngx_http_gateway_halves_idle(&sh->halves);

    if (idle) {
        ngx_memcpy(ngx_http_gateway_consumers_next(sh), set,
                   (size_t) set->used);
        sh->state = consumers->watch.own;
        ngx_http_gateway_consumers_swap(consumers);
    }

    ngx_http_gateway_lease_release(&sh->lease);

    return idle;
}


void
ngx_http_gateway_consumers_swap(ngx_http_gateway_consumers_t *consumers)
{
    ngx_http_gateway_consumers_shm_t  *sh;

    sh = consumers->sh;

    sh->published = consumers->epoch;

    ngx_http_gateway_halves_swap(&sh->halves);
}
