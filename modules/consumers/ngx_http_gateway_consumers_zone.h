
/*
 * The zone of gateway_consumers and a file on its way into it; for the files
 * ngx_http_gateway_consumers_*.c alone.  The first of them says how it works.
 */

#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_


#include "ngx_http_gateway.h"
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


/* ngx_http_gateway_consumers_zone.c */

/*
 * Copies the set that the master has made into the zone, and puts it in force;
 * 0: the zone cannot be had now.
 */
ngx_uint_t ngx_http_gateway_consumers_copy(
    ngx_http_gateway_consumers_t *consumers);

/* gives the memory of that set back */
void ngx_http_gateway_consumers_unmap(void *data);


/* ngx_http_gateway_consumers_load.c */

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


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_ */
