/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * ngx_http_gateway_group.c: reads the servers (peers) of an upstream block and
 * their state in shared memory, without nginx's locks.
 *
 * nginx releases the slab mutexes of a killed worker, but not the locks of an
 * upstream block.  A worker that is killed while it has one of these, even for
 * reading, makes all later requests to the block hang, in all workers.  Nothing
 * in this suite may take them.
 *
 * Only blocks with "zone" can be read.  Without it, peer.data can have the type
 * of another module, and each worker would have a state of its own.
 *
 * Up to 1.27.2, the list of a block does not change until a reload.  From 1.27.3
 * on, "resolve" changes it (gw_walk.h), so that a reading can fail.
 *
 * Functions never suspend or wait.
 */

#ifndef _NGX_HTTP_GATEWAY_GROUP_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_GROUP_H_INCLUDED_


#include "ngx_http_gateway.h"


/* a copy of a peer */

typedef struct {
    u_char                          text[NGX_SOCKADDR_STRLEN];
    size_t                          len;        /* of the text: the address,
                                                   "10.0.0.5:8080" */
    ngx_sockaddr_t                  sockaddr;
    socklen_t                       socklen;

    ngx_uint_t                      index;      /* in the list of its kind:
                                                   primary or backup; the bit in
                                                   the "tried" of a request */
    ngx_int_t                       weight;
    ngx_uint_t                      conns;      /* active connections */
    ngx_uint_t                      max_conns;  /* 0: any number */
    ngx_uint_t                      fails;      /* in the current fail_timeout */
    ngx_uint_t                      max_fails;

    unsigned                        backup:1;
    unsigned                        down:1;     /* by the configuration */
    unsigned                        up:1;       /* nginx sends it requests: it is
                                                   not down, and has not failed
                                                   max_fails times within
                                                   fail_timeout */
} ngx_http_gateway_group_peer_t;


/* a reading */

typedef struct {
    ngx_http_gateway_group_peer_t  *peers;      /* the caller's */
    ngx_uint_t                      max;        /* the room there */

    ngx_uint_t                      n;          /* peers of the block, which can
                                                   be more than "max" */
    ngx_uint_t                      up;         /* of all "n" */
    ngx_uint_t                      down;
    ngx_uint_t                      config;     /* the number of changes; if it
                                                   is equal in two readings,
                                                   both have the same peers in
                                                   the same order */
} ngx_http_gateway_group_t;


/*
 * Whether a block has "zone".  From postconfiguration on; it can be read only
 * after the zones are initialized: in init_module and later.
 */
ngx_uint_t ngx_http_gateway_group_readable(
    const ngx_http_upstream_srv_conf_t *block);

/*
 * Reads the peers of a block, primary ones first.  The caller sets "peers" and
 * "max", which may be 0: all peers are counted, and the first "max" copied.
 *
 * NGX_OK: all that was read was true at the same moment, except for the numbers
 * of connections and failures, which nginx changes at any time.  NGX_BUSY: the
 * list has changed during 100 tries, and nothing is known; another process is
 * changing it and may wait for a CPU, so try again in a later turn of the event
 * loop.  If a worker is killed while it changes the list, each reading of the
 * block fails until the next reload, as do requests to it.  NGX_DECLINED: the
 * block is not readable.
 *
 * Takes about 50 ns for each peer and try.
 */
ngx_int_t ngx_http_gateway_group_read(const ngx_http_upstream_srv_conf_t *block,
    ngx_http_gateway_group_t *group);


#endif /* _NGX_HTTP_GATEWAY_GROUP_H_INCLUDED_ */
