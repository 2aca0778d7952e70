/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The zone of a cache: shards in shared memory (gw_cache_store.h).
 *
 * When a process is killed, nginx releases the mutex of the slab pool of each
 * zone, and no other lock.  Hence each shard is a shared memory zone of its
 * own, "gateway_cache:NAME#0" and so on: one for each 16 MB, at most 16.  The
 * memory of its pool is one block, which the shard divides itself.
 *
 * A reload with the same size keeps the content: old and new workers use it
 * together.  After a change of size, a start or a binary upgrade, the memory is
 * new.  Zones with different numbers of shards never have shards of the same
 * size, so a shard is never reused by a zone that is divided in another way.
 *
 * A worker that starts releases what killed workers held in all shards, and
 * wakes their waiters.  Each worker repeats this every ten seconds.  It also
 * frees purged and expired entries: it passes all entries within about half a
 * minute, in small steps.
 *
 * No function here suspends.  All must be called in a worker, except where
 * noted.
 */

#ifndef _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "ngx_http_gateway_counter.h"
#include "gw_cache_reason.h"
#include "gw_cache_store.h"


#define NGX_HTTP_GATEWAY_CACHE_SHARDS    16
#define NGX_HTTP_GATEWAY_CACHE_ZONE_MIN  (512 * 1024)   /* bytes */


/* values of $gateway_cache_status; requests of each zone are counted by them */

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
    gw_cache_user_t                 user;       /* "cache" is NULL: no memory */
    ngx_slab_pool_t                *shpool;
    ngx_shm_zone_t                 *shm_zone;
    ngx_http_gateway_cache_zone_t  *zone;
    ngx_uint_t                      n;          /* number of the shard */
} ngx_http_gateway_cache_shard_t;


/* allocated from the configuration pool; the caller sets the first part */

struct ngx_http_gateway_cache_zone_s {
    ngx_http_gateway_zone_t         zone;
    size_t                          max_object; /* maximum bytes of a body */
    ngx_http_gateway_place_t        where;
    ngx_uint_t                      used;       /* unsigned:1; by a location */
    ngx_uint_t                      forms;      /* bits; of its locations */

    /* private */
    struct gw_table_s              *marks;      /* "not cacheable" keys */
    ngx_uint_t                      shards;
    ngx_uint_t                      started;
    ngx_cycle_t                    *cycle;      /* that started the zone */
    ngx_uint_t                      turn;       /* number of sweeps so far */
    ngx_event_t                     sweep;
    ngx_http_gateway_counter_t     *counters[NGX_HTTP_GATEWAY_CACHE_STATUSES];
    ngx_http_gateway_counter_t     *reasons[GW_CACHE_REASON_COUNT];
    ngx_http_gateway_cache_shard_t  shard[NGX_HTTP_GATEWAY_CACHE_SHARDS];
};


/*
 * Called by the setter: declares the shared memory zones and the counters.
 * NGX_ERROR after an [emerg]: the zone is too small, or its name is duplicate.
 */
ngx_int_t ngx_http_gateway_cache_zone_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone);

/* the number of shards of a zone of this size */
ngx_uint_t ngx_http_gateway_cache_zone_shards(
    const ngx_http_gateway_cache_zone_t *zone);

/* called in init_process */
void ngx_http_gateway_cache_zone_start(ngx_http_gateway_cache_zone_t *zone);

/* called in exit_process; the zone must not be used afterwards */
void ngx_http_gateway_cache_zone_stop(ngx_http_gateway_cache_zone_t *zone);

/*
 * Sets the hashes of a key.  Returns the shard of the key, for the functions of
 * gw_cache_store.h.
 */
gw_cache_user_t *ngx_http_gateway_cache_zone_user(
    ngx_http_gateway_cache_zone_t *zone, gw_cache_key_t *key);

/* the time for these functions: monotonic, in ms, as cached by nginx */
#define ngx_http_gateway_cache_now()  ((uint64_t) ngx_current_msec)

/* calls gw_cache_purge() for all shards; returns the number of responses */
ngx_uint_t ngx_http_gateway_cache_zone_purge(
    ngx_http_gateway_cache_zone_t *zone, gw_cache_by_e by, ngx_str_t *text,
    ngx_uint_t soft);

/* the sum over all shards */
void ngx_http_gateway_cache_zone_stat(ngx_http_gateway_cache_zone_t *zone,
    gw_cache_stat_t *stat);

/*
 * ngx_http_gateway_cache_count.c, in postconfiguration: registers what zones
 * count.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_cache_count_init(ngx_conf_t *cf,
    ngx_array_t *zones);

/* counts a request by its status */
#define ngx_http_gateway_cache_zone_count(zone, status)                       \
    ngx_http_gateway_count((zone)->counters[status], 1)


#endif /* _NGX_HTTP_GATEWAY_CACHE_STORE_H_INCLUDED_ */
