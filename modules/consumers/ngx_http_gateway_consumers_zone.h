/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The zone of gateway_consumers, and the state of loading a file into it.
 * ngx_http_gateway_consumers_zone.c explains how it works.
 */

#ifndef _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_


#include "ngx_http_gateway_consumers.h"
#include "ngx_http_gateway_halves.h"
#include "ngx_http_gateway_lease.h"
#include "gw_consumer_build.h"


typedef struct {
    ngx_http_gateway_halves_t       halves;     /* of gw_consumer_set_t */
    ngx_http_gateway_lease_t        lease;      /* to write to the zone */
    ngx_atomic_t                    epoch;      /* of the configuration */
    ngx_atomic_t                    published;  /* epoch of the set in force */
    ngx_http_gateway_watch_state_t  state;      /* set under the lease */
} ngx_http_gateway_consumers_shm_t;


#define ngx_http_gateway_consumers_set(sh, generation)                        \
    ((gw_consumer_set_t *) ngx_http_gateway_half(&(sh)->halves, generation))

/* the idle set, which is built under the lease */

#define ngx_http_gateway_consumers_next(sh)                                   \
    ngx_http_gateway_consumers_set(sh, (sh)->halves.generation + 1)


/* loading a file into the idle half, then releasing its text */

typedef struct {
    ngx_fd_t                        fd;         /* invalid: loading has ended */
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

    /* in the master until it is published; otherwise workers inherit it */
    void                               *block;
    size_t                              half;
    ngx_event_t                         later;

    /* in the worker that holds the lease */
    ngx_http_gateway_consumers_load_t  *load;
} ngx_http_gateway_consumers_t;


/* ngx_http_gateway_consumers_zone.c */

/* in the setter, after "zone" was set; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_consumers_add_zone(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers);

/* in postconfiguration: reads the file; NGX_ERROR after an [emerg] */
ngx_int_t ngx_http_gateway_consumers_check(ngx_conf_t *cf,
    ngx_http_gateway_consumers_t *consumers);

/* in init_module: activates the set that was read; never fails */
void ngx_http_gateway_consumers_publish(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers);

/*
 * Copies the set of the master into the zone and activates it.  Returns 0 if
 * another process writes to the zone or reads the idle half.
 */
ngx_uint_t ngx_http_gateway_consumers_copy(
    ngx_http_gateway_consumers_t *consumers);

/* activates the idle half, under the lease */
void ngx_http_gateway_consumers_swap(ngx_http_gateway_consumers_t *consumers);

/* frees the set of the master */
void ngx_http_gateway_consumers_unmap(void *data);


/* ngx_http_gateway_consumers_load.c */

/* in a worker, before its first request and when it exits */
void ngx_http_gateway_consumers_start(ngx_cycle_t *cycle,
    ngx_http_gateway_consumers_t *consumers);
void ngx_http_gateway_consumers_stop(ngx_http_gateway_consumers_t *consumers);

/* checks whether the file has changed, and starts loading it */
void ngx_http_gateway_consumers_look(ngx_http_gateway_watch_t *watch,
    ngx_log_t *log);


extern ngx_module_t  ngx_http_gateway_consumers_module;


#endif /* _NGX_HTTP_GATEWAY_CONSUMERS_ZONE_H_INCLUDED_ */
