/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The zone of a cache: shards in shared memory (gw_cache_store.h), each with a
 * mutex that nginx releases when its owner is killed.
 *
 * nginx releases the mutex of the slab pool of a zone, and no other one.  Hence
 * each shard is a zone of its own, "gateway_cache:NAME#0" and so on: one for
 * each 16 MB, at most 16.  All memory of its pool is one block, which the shard
 * divides itself.
 *
 * A reload with the same size keeps what is stored: old and new workers use it
 * together.  Another size gives new memory, as does a start or a binary
 * upgrade.  Shards of different numbers never have the same size, so that a
 * shard is never kept for a zone that is divided in another way.
 *
 * A worker that starts gives back what killed workers have held in all shards,
 * and wakes those who wait for them; each worker looks again every ten seconds.
 * It also frees what was purged or is kept no longer: it passes all entries
 * within about half a minute, in small steps.
 *
 * Nothing here suspends.  All is to be called in a worker, except where noted.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counter.h"
#include "gw_cache_reason.h"
#include "gw_cache_store.h"


#define NGX_HTTP_GATEWAY_CACHE_SHARDS    16
#define NGX_HTTP_GATEWAY_CACHE_ZONE_MIN  (512 * 1024)   /* bytes */


/* what is counted of each zone, and the values of $gateway_cache_status */

typedef enum {
    NGX_HTTP_GATEWAY_CACHE_HIT = 0,
    NGX_HTTP_GATEWAY_CACHE_MISS,
    NGX_HTTP_GATEWAY_CACHE_EXPIRED,
    NGX_HTTP_GATEWAY_CACHE_STALE,
    NGX_HTTP_GATEWAY_CACHE_UPDATING,
    NGX_HTTP_GATEWAY_CACHE_REVALIDATED,
    NGX_HTTP_GATEWAY_CACHE_BYPASS,
    NGX_HTTP_GATEWAY_CACHE_COLLAPSED,
    NGX_HTTP_GATEWAY_CACHE_ERROR,
    NGX_HTTP_GATEWAY_CACHE_STATUSES
} ngx_http_gateway_cache_status_e;

extern ngx_str_t
    ngx_http_gateway_cache_statuses[NGX_HTTP_GATEWAY_CACHE_STATUSES];


typedef struct ngx_http_gateway_cache_zone_s  ngx_http_gateway_cache_zone_t;


typedef struct {
    gw_cache_user_t                 user;       /* cache is NULL: no memory */
    ngx_slab_pool_t                *shpool;
    ngx_shm_zone_t                 *shm_zone;
    ngx_http_gateway_cache_zone_t  *zone;
    ngx_uint_t                      n;          /* its number */
} ngx_http_gateway_cache_shard_t;


/* in the configuration's memory; the caller fills in the first part */

struct ngx_http_gateway_cache_zone_s {
    ngx_http_gateway_zone_t         zone;
    size_t                          max_object; /* bytes of a body */
    ngx_http_gateway_place_t        where;
    ngx_uint_t                      used;       /* unsigned:1; by a location */
    ngx_uint_t                      forms;      /* bits: of its locations */

    /* private */
    struct gw_table_s              *marks;      /* "not cacheable" */
    ngx_uint_t                      shards;
    ngx_uint_t                      started;
    ngx_cycle_t                    *cycle;      /* in which it was started */
    ngx_uint_t                      turn;       /* of the sweep */
    ngx_event_t                     sweep;
    ngx_http_gateway_counter_t     *counters[NGX_HTTP_GATEWAY_CACHE_STATUSES];
    ngx_http_gateway_counter_t     *reasons[GW_CACHE_REASON_COUNT];
    ngx_http_gateway_cache_shard_t  shard[NGX_HTTP_GATEWAY_CACHE_SHARDS];
};


/*
 * Configuration, in the setter: declares the zones and the counters.
 * NGX_ERROR after an [emerg]: also if a zone of this name has been declared, or
 * is too small.
 */
ngx_int_t ngx_http_gateway_cache_zone_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone);

/* how many shards a zone of this size has */
ngx_uint_t ngx_http_gateway_cache_zone_shards(
    const ngx_http_gateway_cache_zone_t *zone);

/* in init_process */
void ngx_http_gateway_cache_zone_start(ngx_http_gateway_cache_zone_t *zone);

/* in exit_process: nothing of the zone may be used any more */
void ngx_http_gateway_cache_zone_stop(ngx_http_gateway_cache_zone_t *zone);

/*
 * Sets the hashes of a key, and returns the shard that it belongs to, for the
 * functions of gw_cache_store.h.
 */
gw_cache_user_t *ngx_http_gateway_cache_zone_user(
    ngx_http_gateway_cache_zone_t *zone, gw_cache_key_t *key);

/* the time for them: monotonic, ms, as nginx has last read it */
#define ngx_http_gateway_cache_now()  ((uint64_t) ngx_current_msec)

/* gw_cache_purge() in all shards: how many responses */
ngx_uint_t ngx_http_gateway_cache_zone_purge(
    ngx_http_gateway_cache_zone_t *zone, gw_cache_by_e by, ngx_str_t *text,
    ngx_uint_t soft);

/* the sum over all shards */
void ngx_http_gateway_cache_zone_stat(ngx_http_gateway_cache_zone_t *zone,
    gw_cache_stat_t *stat);

/* counts a request by what became of it */
#define ngx_http_gateway_cache_zone_count(zone, status)                       \
    ngx_http_gateway_count((zone)->counters[status], 1)


#endif /* _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_ */
