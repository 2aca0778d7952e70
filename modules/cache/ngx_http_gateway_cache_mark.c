/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Keys whose last response was not stored.  For some seconds, requests for such
 * a key do not wait for others.  A mark is a hint, and may be lost.
 */

#include "ngx_http_gateway_cache_run.h"
#include "gw_table.h"


#define NGX_HTTP_GATEWAY_CACHE_MARKS  (256 * 1024)      /* bytes */


static ngx_int_t ngx_http_gateway_cache_mark_init(ngx_shm_zone_t *shm_zone,
    void *data);
static int ngx_http_gateway_cache_mark_idle(void *data,
    const uint64_t *state);
static int ngx_http_gateway_cache_mark_gone(void *data, uint64_t owner);


extern ngx_module_t  ngx_http_gateway_cache_module;


ngx_int_t
ngx_http_gateway_cache_mark_add(ngx_conf_t *cf,
    ngx_http_gateway_cache_zone_t *zone)
{
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    name.data = ngx_pnalloc(cf->pool, sizeof("gateway_cache:#marks")
                                      + zone->zone.name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    name.len = ngx_sprintf(name.data, "gateway_cache:%V#marks",
                           &zone->zone.name)
               - name.data;

    shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_GATEWAY_CACHE_MARKS,
                                     &ngx_http_gateway_cache_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_gateway_cache_mark_init;
    shm_zone->data = zone;

    return NGX_OK;
}


/* the shards are initialised before, and have the secret */

static ngx_int_t
ngx_http_gateway_cache_mark_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_gateway_cache_zone_t *zone = shm_zone->data;

    size_t            size;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data == NULL && !shm_zone->shm.exists) {

        size = (shpool->pfree - 1) * ngx_pagesize;

        shpool->data = ngx_slab_calloc(shpool, size);
        if (shpool->data == NULL) {
            return NGX_ERROR;
        }

        gw_table_init(shpool->data, size, 1, 0,
                      gw_cache_secret(zone->shard[0].user.cache));
    }

    zone->marks = shpool->data;

    return NGX_OK;
}


/* the state is the time in ms at which the mark ends */

static int
ngx_http_gateway_cache_mark_idle(void *data, const uint64_t *state)
{
    return __atomic_load_n(state, __ATOMIC_SEQ_CST)
           <= ngx_http_gateway_cache_now();
}


static int
ngx_http_gateway_cache_mark_gone(void *data, uint64_t owner)
{
    return ngx_http_gateway_process_gone(owner);
}


void
ngx_http_gateway_cache_mark(ngx_http_gateway_cache_zone_t *zone,
    const uint64_t hash[2])
{
    uint64_t         *state, until;
    unsigned          evicted;
    gw_table_user_t   user;

    ngx_memzero(&user, sizeof(gw_table_user_t));

    user.idle = ngx_http_gateway_cache_mark_idle;
    user.gone = ngx_http_gateway_cache_mark_gone;
    user.owner = ngx_http_gateway_process_self();

    evicted = 0;
    until = ngx_http_gateway_cache_now() + NGX_HTTP_GATEWAY_CACHE_MARK;

    state = gw_table_get(zone->marks, hash, ngx_current_msec, until, &user,
                         &evicted);

    __atomic_store_n(state, until, __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_http_gateway_cache_marked(ngx_http_gateway_cache_zone_t *zone,
    const uint64_t hash[2])
{
    uint64_t  *state;

    state = gw_table_find(zone->marks, hash, ngx_current_msec);

    return state != NULL && !ngx_http_gateway_cache_mark_idle(NULL, state);
}
