
/*
 * The consumers of gateway_consumers: one set in shared memory, read by all
 * workers without a lock, changed for all of them at once.
 *
 * The zone holds two halves.  "generation" says which one is in force: its
 * lowest bit.  Whoever holds the lease builds a new set in the other half and
 * adds one to the generation; that store is all that readers see of it.
 *
 * A reader marks the half that it reads from, copies what it has found into
 * the request, and takes its mark away.  No half is written to while a mark
 * is in it.  Marks and the lease name a process: one that is gone holds
 * neither, so that a killed worker stops nobody, and one that is stopped keeps
 * both.  By the generation a reader sees in any case whether what it has
 * copied may be nonsense; gw_consumer.h says why copying it was harmless.
 *
 * Nothing here takes the mutex of the zone's slab pool after the zone was
 * made, and nothing waits: a worker that cannot have the lease, or finds a
 * mark in the idle half, looks again later.
 *
 * The master reads the file while it reads the configuration: a mistake is a
 * mistake of the configuration.  It keeps the set in memory of its own until
 * the reload can no longer fail, and only then copies it into the zone.
 */

#include "ngx_http_gateway.h"
#include "gw_consumer_build.h"

#include <sys/mman.h>
#include <signal.h>


#define NGX_HTTP_GATEWAY_CONSUMERS_MIN    (1024 * 1024)
#define NGX_HTTP_GATEWAY_CONSUMERS_MAX    (1024 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_CONSUMERS_TURN   1500     /* us, before a last step */
#define NGX_HTTP_GATEWAY_CONSUMERS_PAUSE  1        /* ms between two turns */
#define NGX_HTTP_GATEWAY_CONSUMERS_READ   262144   /* bytes at once */
#define NGX_HTTP_GATEWAY_CONSUMERS_DROP   (2 * 1024 * 1024)
#define NGX_HTTP_GATEWAY_CONSUMERS_WAIT   200      /* ms, in the master */
#define NGX_HTTP_GATEWAY_CONSUMERS_LATER  50       /* ms, in a worker */
#define NGX_HTTP_GATEWAY_CONSUMERS_SAY    20       /* mistakes, in nginx -t */


/* a process that reads; each in a cache line of its own */

typedef struct {
    ngx_atomic_t                    pid;
    ngx_atomic_t                    mark;       /* half + 1; 0: none */
    u_char                          unused[64 - 2 * sizeof(ngx_atomic_t)];
} ngx_http_gateway_reader_t;


typedef struct {
    ngx_atomic_t                    generation;
    ngx_atomic_t                    lease;      /* pid of who loads; 0: none */
    ngx_atomic_t                    epoch;      /* of the configuration */
    ngx_atomic_t                    published;  /* epoch of the set in force */
    ngx_file_info_t                 seen;       /* by who had the lease */
    size_t                          size;       /* of a half, in bytes */
    size_t                          halves[2];  /* offsets from here */
    ngx_http_gateway_reader_t       readers[NGX_MAX_PROCESSES];
} ngx_http_gateway_consumers_shm_t;


#define ngx_http_gateway_consumers_set(sh, generation)                        \
    ((gw_consumer_set_t *) ((u_char *) (sh) + (sh)->halves[(generation) & 1]))


/* a file on its way into the idle half, and its text on the way out */

typedef struct {
    ngx_fd_t                        fd;         /* invalid: it is over */
    ngx_file_info_t                 fi;
    u_char                         *text;
    size_t                          mapped;     /* bytes of memory, in pages */
    size_t                          size;
    size_t                          len;        /* bytes read */
    gw_consumer_builder_t          *builder;
    char                            first[GW_CONSUMER_MISTAKE];
    ngx_uint_t                      mistakes;
    ngx_event_t                     event;
} ngx_http_gateway_consumers_load_t;


struct ngx_http_gateway_consumers_s {
    ngx_http_gateway_watch_t            watch;
    ngx_http_gateway_zone_t             zone;
    ngx_shm_zone_t                     *shm_zone;
    ngx_http_gateway_consumers_shm_t   *sh;
    ngx_atomic_uint_t                   epoch;
    ngx_uint_t                          peppers;

    /* in the master, until it is published; else workers inherit it */
    void                               *block;
    size_t                              half;
    ngx_event_t                         later;

    /* in the worker that has the lease */
    ngx_http_gateway_consumers_load_t  *load;
};


/* what is said of a mistake, and where: while the configuration is read */

typedef struct {
    ngx_log_t                          *log;
    ngx_http_gateway_consumers_t       *consumers;
    ngx_uint_t                          n;
} ngx_http_gateway_consumers_say_t;


static ngx_int_t ngx_http_gateway_consumers_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static size_t ngx_http_gateway_consumers_half(size_t size);
static ngx_int_t ngx_http_gateway_consumers_build(
    ngx_http_gateway_consumers_t *consumers, ngx_str_t *text,
    ngx_log_t *log);
static void ngx_http_gateway_consumers_mistake(void *data,
    const char *sentence);
static void ngx_http_gateway_consumers_unmap(void *data);

static ngx_uint_t ngx_http_gateway_consumers_alive(ngx_pid_t pid);
static ngx_uint_t ngx_http_gateway_consumers_held(
    ngx_http_gateway_consumers_shm_t *sh, ngx_atomic_uint_t holder);
static ngx_uint_t ngx_http_gateway_consumers_lease(
    ngx_http_gateway_consumers_shm_t *sh);
static void ngx_http_gateway_consumers_release(
    ngx_http_gateway_consumers_shm_t *sh);
static ngx_uint_t ngx_http_gateway_consumers_idle(
    ngx_http_gateway_consumers_shm_t *sh);
static void ngx_http_gateway_consumers_swap(
    ngx_http_gateway_consumers_t *consumers, const ngx_file_info_t *fi);
static ngx_uint_t ngx_http_gateway_consumers_copy(
    ngx_http_gateway_consumers_t *consumers);
static void ngx_http_gateway_consumers_later(ngx_event_t *ev);

static void ngx_http_gateway_consumers_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);
static ngx_int_t ngx_http_gateway_consumers_open(
    ngx_http_gateway_consumers_t *consumers, ngx_log_t *log, char *err);
static uint64_t ngx_http_gateway_consumers_clock(void);
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

static ngx_int_t ngx_http_gateway_consumers_take(ngx_http_request_t *r,
    const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found);


/* configuration, in the master */

char *
ngx_http_gateway_consumers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_gateway_main_conf_t *gmcf = conf;

    ngx_str_t                     *value, name;
    ngx_http_gateway_consumers_t  *consumers;

    static const ngx_http_gateway_param_t  params[] = {

        { ngx_string("zone="), ngx_http_gateway_param_zone,
          offsetof(ngx_http_gateway_consumers_t, zone),
          NGX_HTTP_GATEWAY_CONSUMERS_MIN },

        { ngx_string("file="), ngx_http_gateway_param_str,
          offsetof(ngx_http_gateway_consumers_t, watch.path), 0 },

        { ngx_string("watch="), ngx_http_gateway_param_msec,
          offsetof(ngx_http_gateway_consumers_t, watch.interval), 0 },

        ngx_http_gateway_null_param
    };

    if (gmcf->consumers) {
        return "is duplicate";
    }

    consumers = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_consumers_t));
    if (consumers == NULL) {
        return NGX_CONF_ERROR;
    }

    consumers->watch.interval = NGX_HTTP_GATEWAY_WATCH;
    consumers->watch.max_size = NGX_HTTP_GATEWAY_CONSUMERS_MAX;
    consumers->watch.directive = "gateway_consumers";
    consumers->watch.look = ngx_http_gateway_consumers_look;
    consumers->watch.data = consumers;

    value = cf->args->elts;

    if (ngx_http_gateway_params(cf, params, consumers, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (consumers->zone.size == 0 || consumers->watch.path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"zone=name:size\" and "
                           "\"file=path\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    name.len = sizeof("gateway_consumers:") - 1 + consumers->zone.name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_cpymem(name.data, "gateway_consumers:",
                          sizeof("gateway_consumers:") - 1),
               consumers->zone.name.data, consumers->zone.name.len);

    consumers->shm_zone = ngx_shared_memory_add(cf, &name,
                                                consumers->zone.size,
                                                &ngx_http_gateway_module);
    if (consumers->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    consumers->shm_zone->init = ngx_http_gateway_consumers_init_zone;
    consumers->shm_zone->data = consumers;

    if (ngx_conf_full_name(cf->cycle, &consumers->watch.path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_gateway_place(cf, &consumers->watch.place);

    gmcf->consumers = consumers;

    return ngx_http_gateway_watch_add(cf, &consumers->watch);
}


/*
 * The set of this configuration, checked, in memory of the master's own.
 * After the whole configuration, because peppers may stand behind.
 */

ngx_int_t
ngx_http_gateway_consumers_check(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers)
{
    char                           err[NGX_HTTP_GATEWAY_WATCH_ERR];
    ngx_int_t                      rc;
    ngx_str_t                      text;
    ngx_pool_cleanup_t            *cln;
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    consumers->peppers = gmcf->peppers;
    consumers->half = ngx_http_gateway_consumers_half(consumers->zone.size);

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
                                     &consumers->watch.seen, err);

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
    say.n = 0;

    builder = gw_consumer_builder_create((char *) text->data, text->len,
                                         consumers->block, consumers->half,
                                         consumers->peppers > 0,
                                         ngx_http_gateway_consumers_mistake,
                                         &say);
    if (builder == NULL) {
        return NGX_ERROR;
    }

    do {
        rc = gw_consumer_builder_step(builder);
    } while (rc == GW_CONSUMER_MORE);

    gw_consumer_builder_free(builder);

    if (say.n > NGX_HTTP_GATEWAY_CONSUMERS_SAY) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "%s \"%V\": and %ui more "
                      "mistakes, \"nginx-gateway consumers check\" shows all",
                      consumers->watch.directive, &consumers->watch.path,
                      say.n - NGX_HTTP_GATEWAY_CONSUMERS_SAY);
    }

    return (rc == GW_CONSUMER_DONE) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_gateway_consumers_mistake(void *data, const char *sentence)
{
    ngx_http_gateway_consumers_say_t *say = data;

    ngx_http_gateway_watch_t  *watch;

    if (++say->n > NGX_HTTP_GATEWAY_CONSUMERS_SAY) {
        return;
    }

    watch = &say->consumers->watch;

    ngx_log_error(NGX_LOG_EMERG, say->log, 0, "%s \"%V\": %s in %V:%ui",
                  watch->directive, &watch->path, sentence,
                  ngx_http_gateway_place_args(&watch->place));
}


static void
ngx_http_gateway_consumers_unmap(void *data)
{
    ngx_http_gateway_consumers_t *consumers = data;

    if (consumers->block) {
        (void) munmap(consumers->block, consumers->half);
        consumers->block = NULL;
    }
}


/*
 * What is left of the zone without the slab pool's pages' descriptions, the
 * readers and some rounding.
 */

static size_t
ngx_http_gateway_consumers_half(size_t size)
{
    size_t  rest;

    rest = size - size / 64 - sizeof(ngx_http_gateway_consumers_shm_t)
           - 8 * ngx_pagesize;

    return (rest / 2) & ~(size_t) (ngx_pagesize - 1);
}


/*
 * A zone that is reused keeps its set: old workers read it, and the reload
 * may still fail.
 */

static ngx_int_t
ngx_http_gateway_consumers_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    u_char                            *half;
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

    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->size = consumers->half;

    for (i = 0; i < 2; i++) {
        half = ngx_slab_alloc(shpool, sh->size);
        if (half == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(half, sizeof(gw_consumer_set_t));
        sh->halves[i] = half - (u_char *) sh;
    }

    shpool->data = sh;
    consumers->sh = sh;

    return NGX_OK;
}


/*
 * In the master, when the configuration can no longer be refused.  From here
 * on workers of the old one load nothing.  Where the zone cannot be had soon,
 * because one of them was stopped in the middle, the new workers inherit the
 * set and publish it.
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

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "%s \"%V\": the zone is being "
                  "written to by a worker, the set will be changed when that "
                  "is over", consumers->watch.directive,
                  &consumers->watch.path);
}


static ngx_uint_t
ngx_http_gateway_consumers_copy(ngx_http_gateway_consumers_t *consumers)
{
    ngx_uint_t                         idle;
    gw_consumer_set_t                 *set;
    ngx_http_gateway_consumers_shm_t  *sh;

    sh = consumers->sh;
    set = consumers->block;

    if (!ngx_http_gateway_consumers_lease(sh)) {
        return 0;
    }

    idle = ngx_http_gateway_consumers_idle(sh);

    if (idle) {
        ngx_memcpy(ngx_http_gateway_consumers_set(sh, sh->generation + 1),
                   set, (size_t) set->used);
        ngx_http_gateway_consumers_swap(consumers, &consumers->watch.seen);
    }

    ngx_http_gateway_consumers_release(sh);

    return idle;
}


/* in a worker, which has inherited the set; all of them try */

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


/* the lease, the marks and the generation */

static ngx_uint_t
ngx_http_gateway_consumers_alive(ngx_pid_t pid)
{
    /* EPERM: of another user, as the master is to its workers */

    return kill(pid, 0) == 0 || ngx_errno == NGX_EPERM;
}


/*
 * The number of a process that is gone may be used again; but then it is not
 * that of the master, and once a worker has taken the place of the killed
 * one, not that of a reader either.
 */

static ngx_uint_t
ngx_http_gateway_consumers_held(ngx_http_gateway_consumers_shm_t *sh,
    ngx_atomic_uint_t holder)
{
    ngx_uint_t  i;

    if (!ngx_http_gateway_consumers_alive((ngx_pid_t) holder)) {
        return 0;
    }

    if ((ngx_pid_t) holder == ngx_parent) {
        return 1;
    }

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        if (sh->readers[i].pid == holder) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_gateway_consumers_lease(ngx_http_gateway_consumers_shm_t *sh)
{
    ngx_atomic_uint_t  holder;

    holder = sh->lease;

    if (holder && ngx_http_gateway_consumers_held(sh, holder)) {
        return 0;
    }

    return ngx_atomic_cmp_set(&sh->lease, holder,
                              (ngx_atomic_uint_t) ngx_pid);
}


static void
ngx_http_gateway_consumers_release(ngx_http_gateway_consumers_shm_t *sh)
{
    (void) ngx_atomic_cmp_set(&sh->lease, (ngx_atomic_uint_t) ngx_pid, 0);
}


/* whether nobody reads the half that is not in force */

static ngx_uint_t
ngx_http_gateway_consumers_idle(ngx_http_gateway_consumers_shm_t *sh)
{
    ngx_uint_t                  i;
    ngx_atomic_uint_t           idle;
    ngx_http_gateway_reader_t  *reader;

    idle = (~sh->generation & 1) + 1;

    ngx_memory_barrier();

    for (i = 0; i < NGX_MAX_PROCESSES; i++) {
        reader = &sh->readers[i];

        if (reader->mark == idle
            && ngx_http_gateway_consumers_alive((ngx_pid_t) reader->pid))
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_gateway_consumers_swap(ngx_http_gateway_consumers_t *consumers,
    const ngx_file_info_t *fi)
{
    ngx_http_gateway_consumers_shm_t  *sh;

    sh = consumers->sh;

    sh->seen = *fi;
    sh->published = consumers->epoch;

    /* a full barrier: the set is whole before it is in force */

    (void) ngx_atomic_fetch_add(&sh->generation, 1);
}


/* loading, in a worker */

void
ngx_http_gateway_consumers_start(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers)
{
    ngx_http_gateway_reader_t  *reader;

    /* the mark of a worker that was killed here, and has this one for heir */

    reader = &consumers->sh->readers[ngx_process_slot];

    reader->mark = 0;
    reader->pid = (ngx_atomic_uint_t) ngx_pid;

    /* nor is the lease ours that somebody with this number has left */

    ngx_http_gateway_consumers_release(consumers->sh);

    if (consumers->block) {
        consumers->later.handler = ngx_http_gateway_consumers_later;
        consumers->later.data = consumers;
        consumers->later.log = cycle->log;
        consumers->later.cancelable = 1;

        ngx_add_timer(&consumers->later, NGX_HTTP_GATEWAY_CONSUMERS_PAUSE);
    }
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
 * "seen" may be half written while another worker has the lease: what looks
 * like a change then is looked at again under the lease.
 */

static void
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

    if (ngx_file_info(watch->path.data, &fi) == NGX_FILE_ERROR) {
        ngx_memzero(&fi, sizeof(ngx_file_info_t));
    }

    if (ngx_http_gateway_watch_same(&sh->seen, &fi)
        || !ngx_http_gateway_consumers_lease(sh))
    {
        return;
    }

    if (sh->epoch != consumers->epoch
        || ngx_http_gateway_watch_same(&sh->seen, &fi)
        || !ngx_http_gateway_consumers_idle(sh))
    {
        ngx_http_gateway_consumers_release(sh);
        return;
    }

    rc = ngx_http_gateway_consumers_open(consumers, log, err);

    if (rc != NGX_OK) {
        sh->seen = fi;
        ngx_http_gateway_consumers_release(sh);

        ngx_log_error(NGX_LOG_ERR, log, 0, "%s \"%V\": %s, keeping what was "
                      "read before", watch->directive, &watch->path, err);
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

    ngx_add_timer(&load->event, NGX_HTTP_GATEWAY_CONSUMERS_PAUSE);

    return NGX_OK;
}


/* us; the event loop's own clock stands still during a turn */

static uint64_t
ngx_http_gateway_consumers_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
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

    start = ngx_http_gateway_consumers_clock();

    do {
        rc = ngx_http_gateway_consumers_step(consumers, err);
    } while (rc == NGX_AGAIN
             && ngx_http_gateway_consumers_clock() - start
                < NGX_HTTP_GATEWAY_CONSUMERS_TURN);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, NGX_HTTP_GATEWAY_CONSUMERS_PAUSE);
        return;
    }

    ngx_http_gateway_consumers_end(consumers, rc, err, ev->log);
}


/* NGX_AGAIN: there is more; NGX_BUSY: the file is being written */

static ngx_int_t
ngx_http_gateway_consumers_step(ngx_http_gateway_consumers_t *consumers,
    char *err)
{
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

        if (load->mistakes > 1) {
            ngx_sprintf((u_char *) err, "%s (and %ui more mistakes, "
                        "\"nginx-gateway consumers check\" shows all)%Z",
                        load->first, load->mistakes - 1);
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
                    ngx_http_gateway_consumers_set(sh, sh->generation + 1),
                                         sh->size, consumers->peppers > 0,
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

    if (load->mistakes++ == 0) {
        (void) ngx_cpystrn((u_char *) load->first, (u_char *) sentence,
                           GW_CONSUMER_MISTAKE);
    }
}


static void
ngx_http_gateway_consumers_end(ngx_http_gateway_consumers_t *consumers,
    ngx_int_t rc, char *err, ngx_log_t *log)
{
    gw_consumer_set_t                  *set;
    ngx_http_gateway_watch_t           *watch;
    ngx_http_gateway_consumers_shm_t   *sh;
    ngx_http_gateway_consumers_load_t  *load;

    sh = consumers->sh;
    load = consumers->load;
    watch = &consumers->watch;

    switch (rc) {

    case NGX_OK:
        set = ngx_http_gateway_consumers_set(sh, sh->generation + 1);

        ngx_http_gateway_consumers_swap(consumers, &load->fi);

        ngx_log_error(NGX_LOG_NOTICE, log, 0, "%s \"%V\": has changed and was "
                      "read, %uD consumers", watch->directive, &watch->path,
                      set->count[GW_CONSUMER_ID]);
        break;

    case NGX_ERROR:
        sh->seen = load->fi;

        ngx_log_error(NGX_LOG_ERR, log, 0, "%s \"%V\": %s, keeping what was "
                      "read before", watch->directive, &watch->path, err);
        break;

    default: /* NGX_BUSY: the next look will find it whole */
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

    ngx_http_gateway_consumers_release(consumers->sh);

    ngx_http_gateway_consumers_drop(consumers,
                                    NGX_HTTP_GATEWAY_CONSUMERS_DROP);
}


/* giving much memory back takes longer than a turn may, too */

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
        ngx_add_timer(&load->event, NGX_HTTP_GATEWAY_CONSUMERS_PAUSE);
        return;
    }

    if (load->event.timer_set) {
        ngx_del_timer(&load->event);
    }

    ngx_free(load);
    consumers->load = NULL;
}


/* looking, in a request */

ngx_int_t
ngx_http_gateway_consumer_find(ngx_http_request_t *r, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_atomic_uint_t                   generation;
    ngx_http_gateway_reader_t          *reader;
    ngx_http_gateway_main_conf_t       *gmcf;
    ngx_http_gateway_consumers_shm_t   *sh;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->consumers == NULL || len == 0) {
        return NGX_DECLINED;
    }

    sh = gmcf->consumers->sh;
    reader = &sh->readers[ngx_process_slot];

    for (i = 0; i < 2; i++) {

        generation = sh->generation;

        /* a full barrier: the mark is seen before the half is read */

        (void) ngx_atomic_cmp_set(&reader->mark, 0, (generation & 1) + 1);

        rc = (sh->generation == generation)
             ? ngx_http_gateway_consumers_take(r,
                               ngx_http_gateway_consumers_set(sh, generation),
                               sh->size, kind, name, len, found)
             : NGX_AGAIN;

        ngx_memory_barrier();

        reader->mark = 0;

        if (rc != NGX_AGAIN && sh->generation == generation) {
            return rc;
        }
    }

    /* two swaps within one look */

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway_consumers: the set has changed too often to be "
                  "read");

    return NGX_ERROR;
}


void
ngx_http_gateway_consumer_prefetch(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len)
{
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_consumers_shm_t  *sh;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->consumers) {
        sh = gmcf->consumers->sh;

        gw_consumer_prefetch(ngx_http_gateway_consumers_set(sh,
                                                            sh->generation),
                             sh->size, kind, name, len);
    }
}


/* NGX_AGAIN: what was copied does not hold together */

static ngx_int_t
ngx_http_gateway_consumers_take(ngx_http_request_t *r,
    const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found)
{
    u_char             *copy;
    gw_consumer_ref_t   ref;

    if (!gw_consumer_find(set, size, kind, name, len, &ref)) {
        return NGX_DECLINED;
    }

    copy = ngx_palloc(r->pool, gw_consumer_size(&ref));
    if (copy == NULL) {
        return NGX_ERROR;
    }

    gw_consumer_copy(set, &ref, copy);

    return (gw_consumer_read(copy, &ref, &found->consumer, &found->key) == 0)
           ? NGX_OK : NGX_AGAIN;
}


/* without a mark; the half may be made anew before its number is read */

ngx_uint_t
ngx_http_gateway_consumer_count(ngx_http_request_t *r, gw_consumer_kind_e kind)
{
    ngx_uint_t                         n;
    ngx_atomic_uint_t                  generation;
    ngx_http_gateway_main_conf_t      *gmcf;
    ngx_http_gateway_consumers_shm_t  *sh;

    gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    if (gmcf->consumers == NULL) {
        return 0;
    }

    sh = gmcf->consumers->sh;

    do {
        generation = sh->generation;
        n = ngx_http_gateway_consumers_set(sh, generation)->count[kind];

        ngx_memory_barrier();

    } while (sh->generation != generation);

    return n;
}


ngx_int_t
ngx_http_gateway_consumer_identity(ngx_http_request_t *r,
    const ngx_http_gateway_consumer_t *found,
    ngx_http_gateway_identity_t *identity)
{
    ngx_str_t             groups;
    const gw_consumer_t  *consumer;

    consumer = &found->consumer;

    identity->known = 1;

    identity->consumer.len = consumer->id.len;
    identity->consumer.data = (u_char *) consumer->id.data;

    identity->plan.len = consumer->plan.len;
    identity->plan.data = (u_char *) consumer->plan.data;

    identity->metadata.len = consumer->metadata.len;
    identity->metadata.data = (u_char *) consumer->metadata.data;

    groups.len = consumer->groups.len;
    groups.data = (u_char *) consumer->groups.data;

    return ngx_http_gateway_identity_groups(r, &identity->groups, &groups);
}
