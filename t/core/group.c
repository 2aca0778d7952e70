/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * gateway_probe_group BLOCK: a module for t/core/group.t, in a copy of the
 * project (Test::Gateway::Probe).  Its location answers with the peers of an upstream block:
 *
 *     /list               one line for each peer
 *     /list?max=1         the same with room for one peer
 *     /stress?ms=20       reads again and again, and reports what was seen
 *     /lock, /unlock      as a writer that was killed, and as one that was not
 */

#include "ngx_http_gateway.h"
#include "ngx_http_gateway_group.h"


#define NGX_HTTP_GATEWAY_PEERS_MAX  256


typedef struct {
    ngx_str_t                       block;
} ngx_http_gateway_peers_loc_conf_t;


static char *ngx_http_gateway_peers_group(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *ngx_http_gateway_peers_create(ngx_conf_t *cf);
static ngx_int_t ngx_http_gateway_peers_handler(ngx_http_request_t *r);
static u_char *ngx_http_gateway_peers_list(
    ngx_http_upstream_srv_conf_t *block, ngx_uint_t max, u_char *p,
    u_char *last);
static u_char *ngx_http_gateway_peers_stress(
    ngx_http_upstream_srv_conf_t *block, ngx_msec_t ms, u_char *p,
    u_char *last);


static ngx_command_t  ngx_http_gateway_peers_commands[] = {

    { ngx_string("gateway_probe_group"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_gateway_peers_group,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gateway_peers_loc_conf_t, block),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_gateway_peers_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_gateway_peers_create,         /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_gateway_peers_module = {
    NGX_MODULE_V1,
    &ngx_http_gateway_peers_module_ctx,    /* module context */
    ngx_http_gateway_peers_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_upstream_srv_conf_t *
ngx_http_gateway_peers_block(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_upstream_srv_conf_t   **uscfp;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);
    uscfp = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {
        if (ngx_http_gateway_same(&uscfp[i]->host, name)) {
            return uscfp[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_gateway_peers_arg(ngx_http_request_t *r, const char *name)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) != NGX_OK) {
        return NGX_HTTP_GATEWAY_PEERS_MAX;
    }

    return ngx_atoi(value.data, value.len);
}


static ngx_int_t
ngx_http_gateway_peers_handler(ngx_http_request_t *r)
{
    u_char                             *p, *last;
    ngx_buf_t                          *b;
    ngx_chain_t                         out;
    ngx_http_upstream_srv_conf_t       *block;
    ngx_http_upstream_rr_peers_t       *peers;
    ngx_http_gateway_peers_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_peers_module);

    block = ngx_http_gateway_peers_block(r, &plcf->block);
    b = ngx_create_temp_buf(r->pool, 32768);

    if (block == NULL || b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = b->pos;
    last = b->end;
    peers = block->peer.data;

    switch (r->uri.data[r->uri.len - 1]) {

    case 't':                           /* list */
        p = ngx_http_gateway_peers_list(block,
                            ngx_http_gateway_peers_arg(r, "max"), p, last);
        break;

    case 'k':                           /* lock, unlock */
        peers->rwlock = (r->uri.data[r->uri.len - 5] == '/')
                        ? (ngx_atomic_uint_t) -1 : 0;
        p = ngx_slprintf(p, last, "done\n");
        break;

    default:
        p = ngx_http_gateway_peers_stress(block,
                            ngx_http_gateway_peers_arg(r, "ms"), p, last);
    }

    b->last = p;
    b->last_buf = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;

    out.buf = b;
    out.next = NULL;

    if (ngx_http_send_header(r) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_output_filter(r, &out);
}


static u_char *
ngx_http_gateway_peers_list(ngx_http_upstream_srv_conf_t *block,
    ngx_uint_t max, u_char *p, u_char *last)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_gateway_group_t        group;
    ngx_http_gateway_group_peer_t   peers[NGX_HTTP_GATEWAY_PEERS_MAX], *peer;

    group.peers = peers;
    group.max = max;

    rc = ngx_http_gateway_group_read(block, &group);

    if (rc != NGX_OK) {
        return ngx_slprintf(p, last, "%s readable:%ui\n",
                            rc == NGX_BUSY ? "busy" : "declined",
                            ngx_http_gateway_group_readable(block));
    }

    for (i = 0; i < ngx_min(group.n, max); i++) {
        peer = &peers[i];

        p = ngx_slprintf(p, last, "%*s port:%d index:%ui weight:%i conns:%ui/%ui"
                         " fails:%ui/%ui%s%s%s\n",
                         peer->len, peer->text,
                         ngx_inet_get_port(&peer->sockaddr.sockaddr),
                         peer->index, peer->weight, peer->conns,
                         peer->max_conns, peer->fails, peer->max_fails,
                         peer->backup ? " backup" : "",
                         peer->down ? " down" : "",
                         peer->up ? " up" : "");
    }

    return ngx_slprintf(p, last, "n:%ui up:%ui down:%ui\n",
                        group.n, group.up, group.down);
}


/* an address is right if its text is what nginx makes from its bytes */

static u_char *
ngx_http_gateway_peers_stress(ngx_http_upstream_srv_conf_t *block,
    ngx_msec_t ms, u_char *p, u_char *last)
{
    size_t                          len;
    u_char                          text[NGX_SOCKADDR_STRLEN];
    uint64_t                        end;
    ngx_int_t                       rc;
    ngx_uint_t                      i, reads, busy, wrong, lists, most;
    struct timespec                 ts;
    ngx_http_gateway_group_t        group, before;
    ngx_http_gateway_group_peer_t   peers[NGX_HTTP_GATEWAY_PEERS_MAX];

    clock_gettime(CLOCK_MONOTONIC, &ts);
    end = (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + ms;

    reads = busy = wrong = lists = most = 0;

    ngx_memzero(&before, sizeof(ngx_http_gateway_group_t));
    before.config = (ngx_uint_t) -1;

    group.peers = peers;
    group.max = NGX_HTTP_GATEWAY_PEERS_MAX;

    do {
        rc = ngx_http_gateway_group_read(block, &group);

        if (rc == NGX_OK) {
            reads++;
            most = ngx_max(most, group.n);

            if (group.config != before.config) {
                lists++;

            } else if (group.n != before.n) {
                wrong++;
            }

            before = group;

            for (i = 0; i < ngx_min(group.n, group.max); i++) {
                len = ngx_sock_ntop(&peers[i].sockaddr.sockaddr,
                                    peers[i].socklen, text,
                                    NGX_SOCKADDR_STRLEN, 1);

                wrong += (len != peers[i].len
                          || ngx_memcmp(text, peers[i].text, len) != 0
                          || ngx_strncmp(text, "127.", 4) != 0
                          || peers[i].index != i
                          || peers[i].weight != 1);
            }

        } else {
            busy++;
        }

        clock_gettime(CLOCK_MONOTONIC, &ts);

    } while ((uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000 < end);

    return ngx_slprintf(p, last, "reads:%ui busy:%ui wrong:%ui lists:%ui "
                        "most:%ui worker:%ui\n",
                        reads, busy, wrong, lists, most, ngx_worker);
}


static char *
ngx_http_gateway_peers_group(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_gateway_peers_handler;

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static void *
ngx_http_gateway_peers_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_peers_loc_conf_t));
}
