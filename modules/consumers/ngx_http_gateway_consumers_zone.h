
/*
 * The zone of gateway_consumers and a file on its way into it; for the files
 * ngx_http_gateway_consumers_*.c alone; ngx_http_gateway_consumers_zone.c says
 * how it works.
 */

#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "gw_consumer_build.h"


/* a process that reads; each in a cache line of its own */

typedef struct {
    uint64_t                        process;    /* its name */
    ngx_atomic_t                    mark;       /* half + 1; 0: none */
    u_char                          unused[64 - sizeof(uint64_t)
                                           - sizeof(ngx_atomic_t)];
} ngx_http_gateway_reader_t;


typedef struct {
    ngx_atomic_t                    generation;
    uint64_t                        lease;      /* process that loads, or 0 */
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
    ngx_event_t                     event;
} ngx_http_gateway_consumers_load_t;


/* the module's main configuration */

typedef struct {
    ngx_http_gateway_watch_t            watch;
    ngx_http_gateway_zone_t             zone;
    ngx_shm_zone_t                     *shm_zone;   /* NULL: no file */
    ngx_http_gateway_consumers_shm_t   *sh;         /* NULL: the same */
    ngx_atomic_uint_t                   epoch;
    ngx_uint_t                          peppers;

    /* in the master, until it is published; else workers inherit it */
    void                               *block;
    size_t                              half;
    ngx_event_t                         later;

    /* in the worker that has the lease */
    ngx_http_gateway_consumers_load_t  *load;
} ngx_http_gateway_consumers_t;


/* ngx_http_gateway_consumers_zone.c */

/* in the setter, with "zone" filled; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_consumers_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers);

/* in postconfiguration: reads and checks the file; NGX_ERROR as above */
ngx_int_t ngx_http_gateway_consumers_check(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers);

/* in init_module: puts what was read in force; never fails */
void ngx_http_gateway_consumers_publish(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers);

/*
 * Copies the set that the master has made into the zone, and puts it in force;
 * 0: the zone cannot be had now.
 */
ngx_uint_t ngx_http_gateway_consumers_copy(
    ngx_http_gateway_consumers_t *consumers);

/* gives the memory of that set back */
void ngx_http_gateway_consumers_unmap(void *data);


/* ngx_http_gateway_consumers_load.c */

/* in a worker: before its first request, and when it leaves */
void ngx_http_gateway_consumers_start(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers);
void ngx_http_gateway_consumers_stop(ngx_http_gateway_consumers_t *consumers);

/* takes the lease, without which nobody writes to the zone; 0: it is taken */
ngx_uint_t ngx_http_gateway_consumers_lease(
    ngx_http_gateway_consumers_shm_t *sh);
void ngx_http_gateway_consumers_release(ngx_http_gateway_consumers_shm_t *sh);

/* whether nobody reads the half that is not in force; under the lease */
ngx_uint_t ngx_http_gateway_consumers_idle(
    ngx_http_gateway_consumers_shm_t *sh);

/* puts that half in force, made of the file "fi"; under the lease */
void ngx_http_gateway_consumers_swap(ngx_http_gateway_consumers_t *consumers,
    const ngx_file_info_t *fi);

/* the watch's look */
void ngx_http_gateway_consumers_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


extern ngx_module_t  ngx_http_gateway_consumers_module;


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_ */
