/* SPDX-License-Identifier: BSD-2-Clause */

/* the peers of upstream blocks: see ngx_http_gateway_group.h */

#include "ngx_http_gateway_group.h"
#include "gw_walk.h"


#if (NGX_HTTP_UPSTREAM_ZONE)


#define NGX_HTTP_GATEWAY_GROUP_TRIES  100


/* one try */

typedef struct {
    ngx_http_gateway_group_t       *group;
    ngx_uint_t                      first;      /* of the list, in the group */
    unsigned                        backup:1;
} ngx_http_gateway_group_try_t;


static ngx_int_t ngx_http_gateway_group_try(
    const ngx_http_upstream_srv_conf_t *block, ngx_http_gateway_group_t *group);
static int ngx_http_gateway_group_list(
    const ngx_http_upstream_srv_conf_t *block,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_gateway_group_try_t *ctx);
static int ngx_http_gateway_group_peer(void *data, const gw_walk_t *walk,
    unsigned i, const void *element);
static ngx_uint_t ngx_http_gateway_group_up(
    const ngx_http_upstream_rr_peer_t *peer);


ngx_uint_t
ngx_http_gateway_group_readable(const ngx_http_upstream_srv_conf_t *block)
{
    return block->shm_zone != NULL;
}


ngx_int_t
ngx_http_gateway_group_read(const ngx_http_upstream_srv_conf_t *block,
    ngx_http_gateway_group_t *group)
{
    ngx_uint_t  i;

    if (block->shm_zone == NULL) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_GROUP_TRIES; i++) {

        if (ngx_http_gateway_group_try(block, group) == NGX_OK) {
            return NGX_OK;
        }

        ngx_cpu_pause();
    }

    return NGX_BUSY;
}


/*
 * The structures of both lists are made with the zone and stay; only their
 * peers change.  Both lists have the same number of changes.
 */

static ngx_int_t
ngx_http_gateway_group_try(const ngx_http_upstream_srv_conf_t *block,
    ngx_http_gateway_group_t *group)
{
    ngx_uint_t                     config;
    ngx_http_gateway_group_try_t   ctx;
    ngx_http_upstream_rr_peers_t  *peers;

    peers = block->peer.data;

    group->n = 0;
    group->up = 0;
    group->down = 0;

    ctx.group = group;
    ctx.backup = 0;

    if (ngx_http_gateway_group_list(block, peers, &ctx) < 0) {
        return NGX_BUSY;
    }

    if (peers->next == NULL) {
        return NGX_OK;
    }

    config = group->config;
    ctx.backup = 1;

    if (ngx_http_gateway_group_list(block, peers->next, &ctx) < 0
        || group->config != config)
    {
        return NGX_BUSY;
    }

    return NGX_OK;
}


static int
ngx_http_gateway_group_list(const ngx_http_upstream_srv_conf_t *block,
    ngx_http_upstream_rr_peers_t *peers, ngx_http_gateway_group_try_t *ctx)
{
    int         n;
    uintptr_t   changes;
    gw_walk_t   walk;

    walk.start = (char *) block->shm_zone->shm.addr;
    walk.len = block->shm_zone->shm.size;
    walk.changes = ngx_http_gateway_peers_change(peers);
    walk.lock = walk.changes ? (uintptr_t *) &peers->rwlock : NULL;
    walk.size = sizeof(ngx_http_upstream_rr_peer_t);
    walk.next = offsetof(ngx_http_upstream_rr_peer_t, next);

    ctx->first = ctx->group->n;

    n = gw_walk(&walk, (void **) &peers->peer, walk.len / walk.size,
                ngx_http_gateway_group_peer, ctx, &changes);

    ctx->group->config = changes;

    return n;
}


static int
ngx_http_gateway_group_peer(void *data, const gw_walk_t *walk, unsigned i,
    const void *element)
{
    ngx_http_gateway_group_try_t *ctx = data;

    ngx_uint_t                      up;
    ngx_http_gateway_group_t       *group;
    ngx_http_upstream_rr_peer_t     peer;
    ngx_http_gateway_group_peer_t  *copy;

    /* the copy is made once, and not read again from the element */

    ngx_memcpy(&peer, element, sizeof(ngx_http_upstream_rr_peer_t));
    __atomic_signal_fence(__ATOMIC_SEQ_CST);

    group = ctx->group;
    up = ngx_http_gateway_group_up(&peer);

    group->n = ctx->first + i + 1;
    group->up += up;
    group->down += (peer.down != 0);

    if (group->n > group->max) {
        return 0;
    }

    copy = &group->peers[group->n - 1];

    if (peer.name.len > sizeof(copy->text)
        || peer.socklen > sizeof(ngx_sockaddr_t)
        || gw_walk_copy(walk, copy->text, peer.name.data, peer.name.len) != 0
        || gw_walk_copy(walk, &copy->sockaddr, peer.sockaddr, peer.socklen)
           != 0)
    {
        return -1;
    }

    copy->len = peer.name.len;
    copy->socklen = peer.socklen;
    copy->index = i;
    copy->weight = peer.weight;
    copy->conns = peer.conns;
    copy->max_conns = peer.max_conns;
    copy->fails = peer.fails;
    copy->max_fails = peer.max_fails;
    copy->backup = ctx->backup;
    copy->down = (peer.down != 0);
    copy->up = up;

    return 0;
}


/* as in ngx_http_upstream_get_peer() */

static ngx_uint_t
ngx_http_gateway_group_up(const ngx_http_upstream_rr_peer_t *peer)
{
    return !peer->down
           && !(peer->max_fails
                && peer->fails >= peer->max_fails
                && ngx_time() - peer->checked <= peer->fail_timeout);
}


#else /* !NGX_HTTP_UPSTREAM_ZONE */


ngx_uint_t
ngx_http_gateway_group_readable(const ngx_http_upstream_srv_conf_t *block)
{
    return 0;
}


ngx_int_t
ngx_http_gateway_group_read(const ngx_http_upstream_srv_conf_t *block,
    ngx_http_gateway_group_t *group)
{
    return NGX_DECLINED;
}


#endif
