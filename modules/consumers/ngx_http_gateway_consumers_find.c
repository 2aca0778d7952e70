/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Looks up consumers in a request, without a lock: a found entry is copied, and
 * the copy is read.
 */

#include "ngx_http_gateway_consumers_zone.h"


static ngx_int_t ngx_http_gateway_consumers_take(ngx_http_request_t *r,
    const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found);


#if (NGX_DEBUG)

/* what a consumer is looked up by; the value itself is a secret */

static const char  *ngx_http_gateway_consumers_by[GW_CONSUMER_KINDS] = {
    [GW_CONSUMER_ID] = "id",
    [GW_CONSUMER_SHA256] = "sha256",
    [GW_CONSUMER_HMAC_SHA256] = "hmac_sha256",
    [GW_CONSUMER_JWT] = "iss and sub",
    [GW_CONSUMER_CERTIFICATE] = "certificate",
    [GW_CONSUMER_SAN] = "subject alternative name"
};

#endif


ngx_int_t
ngx_http_gateway_consumer_find(ngx_http_request_t *r, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found)
{
    ngx_int_t                          rc;
    ngx_uint_t                         i;
    ngx_atomic_uint_t                  generation;
    ngx_http_gateway_consumers_t      *consumers;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = ngx_http_get_module_main_conf(r,
                                           ngx_http_gateway_consumers_module);
    sh = consumers->sh;

    if (sh == NULL || len == 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < 2; i++) {

        rc = ngx_http_gateway_halves_begin(&sh->halves, &generation)
             ? ngx_http_gateway_consumers_take(r,
                               ngx_http_gateway_consumers_set(sh, generation),
                               sh->halves.size, kind, name, len, found)
             : NGX_AGAIN;

        if (ngx_http_gateway_halves_end(&sh->halves, generation)
            && rc != NGX_AGAIN)
        {
            return rc;
        }
    }

    /* two swaps during one lookup */

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "gateway_consumers: lookup failed, the set was replaced "
                  "twice during it");

    return NGX_ERROR;
}


void
ngx_http_gateway_consumer_prefetch(ngx_http_request_t *r,
    gw_consumer_kind_e kind, const u_char *name, size_t len,
    ngx_uint_t entry)
{
    ngx_http_gateway_consumers_t      *consumers;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = ngx_http_get_module_main_conf(r,
                                           ngx_http_gateway_consumers_module);
    sh = consumers->sh;

    if (sh) {
        gw_consumer_prefetch(ngx_http_gateway_consumers_set(sh,
                                                     sh->halves.generation),
                             sh->halves.size, kind, name, len, entry);
    }
}


/* returns NGX_AGAIN if the copy is inconsistent */

static ngx_int_t
ngx_http_gateway_consumers_take(ngx_http_request_t *r,
    const gw_consumer_set_t *set, size_t size, gw_consumer_kind_e kind,
    const u_char *name, size_t len, ngx_http_gateway_consumer_t *found)
{
    u_char             *copy;
    gw_consumer_ref_t   ref;

    if (!gw_consumer_find(set, size, kind, name, len, &ref)) {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "gateway consumers: none is found by %s",
                       ngx_http_gateway_consumers_by[kind]);
        return NGX_DECLINED;
    }

    copy = ngx_palloc(r->pool, gw_consumer_size(&ref));
    if (copy == NULL) {
        return NGX_ERROR;
    }

    gw_consumer_copy(set, &ref, copy);

    if (gw_consumer_read(copy, &ref, &found->consumer, &found->key) != 0) {
        return NGX_AGAIN;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway consumers: \"%V\" is found by %s, disabled:%ud",
                   (ngx_str_t *) &found->consumer.id,
                   ngx_http_gateway_consumers_by[kind],
                   (unsigned) found->consumer.disabled);

    return NGX_OK;
}


/* does not mark the half as in use: repeated if the half was replaced */

ngx_uint_t
ngx_http_gateway_consumer_count(ngx_http_request_t *r, gw_consumer_kind_e kind)
{
    ngx_uint_t                         n;
    ngx_atomic_uint_t                  generation;
    ngx_http_gateway_consumers_t      *consumers;
    ngx_http_gateway_consumers_shm_t  *sh;

    consumers = ngx_http_get_module_main_conf(r,
                                           ngx_http_gateway_consumers_module);
    sh = consumers->sh;

    if (sh == NULL) {
        return 0;
    }

    do {
        generation = sh->halves.generation;
        n = ngx_http_gateway_consumers_set(sh, generation)->count[kind];

        ngx_memory_barrier();

    } while (sh->halves.generation != generation);

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
