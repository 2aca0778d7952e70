/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * upstream_peer_*, upstream_peers: the state of upstream servers, read from
 * blocks with "zone" when somebody asks.
 *
 * Between two calls of a reader the list of a block can change, and several
 * scrapes can be under way.  So that no scrape has two samples of an address,
 * each worker gives an address a row, which keeps it: a reader's "i" is the
 * number of a row.  The row of an address that has left its block has no sample,
 * and is given to another one after a minute.
 */

#include "ngx_http_gateway_group.h"
#include "ngx_http_gateway_metrics_scrape.h"
#include "ngx_http_gateway_metrics_upstream.h"


/* ms: a reading serves that long, so that families agree */
#define NGX_HTTP_GATEWAY_METRICS_FRESH   100

/* ms: the row of an address that has left is kept that long */
#define NGX_HTTP_GATEWAY_METRICS_LEFT    60000

/* readings of a changing block until it is given up, of 100 tries each */
#define NGX_HTTP_GATEWAY_METRICS_BUSY    50


/* an address, in the worker's memory */

typedef struct {
    uint64_t                            key;        /* hash of the address */
    ngx_str_t                           name;
    ngx_uint_t                          block;      /* index */
    ngx_uint_t                          reading;    /* the last with it */
    ngx_msec_t                          seen;
    ngx_uint_t                          conns;
    ngx_uint_t                          fails;
    ngx_uint_t                          up;         /* unsigned:1 */
} ngx_http_gateway_metrics_peer_t;


/* a block with "zone" */

typedef struct {
    ngx_http_upstream_srv_conf_t       *conf;
    ngx_uint_t                          max;        /* rows */

    /* the worker's */
    uint32_t                           *rows;       /* in order of the last
                                                       reading */
    ngx_uint_t                          nrows;
    ngx_uint_t                          reading;    /* number; 0: none yet */
    ngx_uint_t                          busy;       /* readings that failed */
    ngx_msec_t                          tried;      /* the last of these */
    ngx_msec_t                          time;
    ngx_uint_t                          n;
    ngx_uint_t                          up;
    ngx_uint_t                          down;
} ngx_http_gateway_metrics_block_t;


typedef struct {
    ngx_array_t                         blocks;

    /* the worker's */
    ngx_array_t                        *rows;       /* peer_t * */
    ngx_http_gateway_group_peer_t      *room;       /* for a reading */
} ngx_http_gateway_metrics_peers_t;


static ngx_int_t ngx_http_gateway_metrics_peer_up(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_peer_conns(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_peer_fails(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_peer_row(
    ngx_http_gateway_metrics_peers_t *peers, ngx_uint_t i,
    ngx_http_gateway_sample_t *sample,
    ngx_http_gateway_metrics_peer_t **row);
static ngx_int_t ngx_http_gateway_metrics_peer_states(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);
static ngx_int_t ngx_http_gateway_metrics_block_read(
    ngx_http_gateway_metrics_peers_t *peers, ngx_uint_t i);
static ngx_int_t ngx_http_gateway_metrics_block_start(
    ngx_http_gateway_metrics_peers_t *peers,
    ngx_http_gateway_metrics_block_t *block);
static void ngx_http_gateway_metrics_block_rows(
    ngx_http_gateway_metrics_peers_t *peers, ngx_uint_t i, ngx_uint_t n);
static ngx_http_gateway_metrics_peer_t *ngx_http_gateway_metrics_peer(
    ngx_http_gateway_metrics_peers_t *peers, ngx_uint_t block, ngx_uint_t from,
    const ngx_http_gateway_group_peer_t *copy);
static ngx_http_gateway_metrics_peer_t *ngx_http_gateway_metrics_peer_new(
    ngx_http_gateway_metrics_peers_t *peers, ngx_uint_t block,
    const ngx_http_gateway_group_peer_t *copy);
static ngx_uint_t ngx_http_gateway_metrics_peers_named(
    const ngx_http_upstream_srv_conf_t *conf);


static const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_peer_metrics[]
    =
{
    { "upstream_peer_up",
      "Whether nginx sends requests to an upstream server: 1, or 0 if it is "
      "down or has failed max_fails times.",
      "upstream peer", NGX_HTTP_GATEWAY_METRIC_GAUGE },

    { "upstream_peer_connections",
      "Active connections to an upstream server.",
      "upstream peer", NGX_HTTP_GATEWAY_METRIC_GAUGE },

    { "upstream_peer_fails",
      "Failures of an upstream server that count for max_fails.",
      "upstream peer", NGX_HTTP_GATEWAY_METRIC_GAUGE },

    { "upstream_peers",
      "Upstream servers by state: up, unavail after max_fails failures, down by "
      "the configuration.",
      "upstream state", NGX_HTTP_GATEWAY_METRIC_GAUGE }
};


static const ngx_http_gateway_reader_pt  ngx_http_gateway_metrics_peer_readers[]
    =
{
    ngx_http_gateway_metrics_peer_up,
    ngx_http_gateway_metrics_peer_conns,
    ngx_http_gateway_metrics_peer_fails,
    ngx_http_gateway_metrics_peer_states
};


static ngx_str_t  ngx_http_gateway_metrics_states[] = {
    ngx_string("up"),
    ngx_string("unavail"),
    ngx_string("down")
};


ngx_int_t
ngx_http_gateway_metrics_peers_init(ngx_conf_t *cf)
{
    ngx_uint_t                          i;
    ngx_http_upstream_srv_conf_t      **conf;
    ngx_http_upstream_main_conf_t      *umcf;
    ngx_http_gateway_metrics_peers_t   *peers;
    ngx_http_gateway_metrics_block_t   *block;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    conf = umcf->upstreams.elts;

    peers = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metrics_peers_t));

    if (peers == NULL
        || ngx_array_init(&peers->blocks, cf->pool, 4,
                          sizeof(ngx_http_gateway_metrics_block_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (!ngx_http_gateway_group_readable(conf[i])) {
            continue;
        }

        block = ngx_array_push(&peers->blocks);
        if (block == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(block, sizeof(ngx_http_gateway_metrics_block_t));

        block->conf = conf[i];
        block->max = ngx_http_gateway_metrics_peers_named(conf[i])
                     + NGX_HTTP_GATEWAY_METRICS_RESOLVED;
    }

    for (i = 0; i < 4; i++) {

        if (ngx_http_gateway_reader_add(cf,
                                     &ngx_http_gateway_metrics_peer_metrics[i],
                                     ngx_http_gateway_metrics_peer_readers[i],
                                     peers)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* addresses that the configuration names */

static ngx_uint_t
ngx_http_gateway_metrics_peers_named(const ngx_http_upstream_srv_conf_t *conf)
{
    ngx_uint_t                   i, n;
    ngx_http_upstream_server_t  *server;

    if (conf->servers == NULL) {
        return 0;
    }

    server = conf->servers->elts;
    n = 0;

    for (i = 0; i < conf->servers->nelts; i++) {
        n += server[i].naddrs;
    }

    return n;
}


static ngx_int_t
ngx_http_gateway_metrics_peer_up(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_int_t                         rc;
    ngx_http_gateway_metrics_peer_t  *row;

    rc = ngx_http_gateway_metrics_peer_row(data, i, sample, &row);

    if (rc == NGX_OK) {
        sample->value = row->up;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_metrics_peer_conns(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_int_t                         rc;
    ngx_http_gateway_metrics_peer_t  *row;

    rc = ngx_http_gateway_metrics_peer_row(data, i, sample, &row);

    if (rc == NGX_OK) {
        sample->value = row->conns;
    }

    return rc;
}


static ngx_int_t
ngx_http_gateway_metrics_peer_fails(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_int_t                         rc;
    ngx_http_gateway_metrics_peer_t  *row;

    rc = ngx_http_gateway_metrics_peer_row(data, i, sample, &row);

    if (rc == NGX_OK) {
        sample->value = row->fails;
    }

    return rc;
}


/* the first calls, one for each block, only read it; the others have a row */

static ngx_int_t
ngx_http_gateway_metrics_peer_row(ngx_http_gateway_metrics_peers_t *peers,
    ngx_uint_t i, ngx_http_gateway_sample_t *sample,
    ngx_http_gateway_metrics_peer_t **row)
{
    ngx_http_gateway_metrics_peer_t   *peer;
    ngx_http_gateway_metrics_block_t  *block;

    if (i < peers->blocks.nelts) {
        return (ngx_http_gateway_metrics_block_read(peers, i) == NGX_AGAIN)
               ? NGX_AGAIN : NGX_DECLINED;
    }

    i -= peers->blocks.nelts;

    if (peers->rows == NULL || i >= peers->rows->nelts) {
        return NGX_DONE;
    }

    peer = ((ngx_http_gateway_metrics_peer_t **) peers->rows->elts)[i];
    block = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts
            + peer->block;

    if (peer->reading != block->reading) {
        return NGX_DECLINED;
    }

    sample->values[0] = block->conf->host;
    sample->values[1] = peer->name;

    *row = peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_peer_states(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_metrics_peers_t *peers = data;

    ngx_http_gateway_metrics_block_t  *block;

    if (i >= peers->blocks.nelts * 3) {
        return NGX_DONE;
    }

    if (ngx_http_gateway_metrics_block_read(peers, i / 3) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    block = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts + i / 3;

    if (block->reading == 0) {
        return NGX_DECLINED;
    }

    sample->values[0] = block->conf->host;
    sample->values[1] = ngx_http_gateway_metrics_states[i % 3];

    switch (i % 3) {

    case 0:
        sample->value = block->up;
        break;

    case 1:
        sample->value = block->n - block->up - block->down;
        break;

    default:
        sample->value = block->down;
    }

    return NGX_OK;
}


/*
 * Reads a block unless this was done just now.  NGX_AGAIN: it is changing, in a
 * later turn it may succeed.  A block that stays locked, because a worker was
 * killed, keeps what was read last.
 */

static ngx_int_t
ngx_http_gateway_metrics_block_read(ngx_http_gateway_metrics_peers_t *peers,
    ngx_uint_t i)
{
    ngx_http_gateway_group_t           group;
    ngx_http_gateway_metrics_block_t  *block;

    block = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts + i;

    if (block->reading
        && (ngx_msec_int_t) (ngx_current_msec - block->time)
           < NGX_HTTP_GATEWAY_METRICS_FRESH)
    {
        return NGX_OK;
    }

    /* the time of one turn of the event loop is the same */

    if (block->busy % NGX_HTTP_GATEWAY_METRICS_BUSY
        && block->tried == ngx_current_msec)
    {
        return NGX_AGAIN;
    }

    if (ngx_http_gateway_metrics_block_start(peers, block) != NGX_OK) {
        return NGX_DECLINED;
    }

    block->tried = ngx_current_msec;

    group.peers = peers->room;
    group.max = block->max;

    if (ngx_http_gateway_group_read(block->conf, &group) != NGX_OK) {

        if (block->busy++ % NGX_HTTP_GATEWAY_METRICS_BUSY
            < NGX_HTTP_GATEWAY_METRICS_BUSY - 1)
        {
            return NGX_AGAIN;
        }

        return NGX_DECLINED;
    }

    block->busy = 0;
    block->time = ngx_current_msec;
    block->reading++;
    block->n = group.n;
    block->up = group.up;
    block->down = group.down;

    ngx_http_gateway_metrics_block_rows(peers, i,
                                        ngx_min(group.n, group.max));

    return NGX_OK;
}


/* the worker's memory */

static ngx_int_t
ngx_http_gateway_metrics_block_start(ngx_http_gateway_metrics_peers_t *peers,
    ngx_http_gateway_metrics_block_t *block)
{
    ngx_uint_t                         i, max;
    ngx_http_gateway_metrics_block_t  *all;

    if (peers->rows == NULL) {
        all = peers->blocks.elts;
        max = 0;

        for (i = 0; i < peers->blocks.nelts; i++) {
            max = ngx_max(max, all[i].max);
        }

        peers->room = ngx_palloc(ngx_cycle->pool,
                                 max * sizeof(ngx_http_gateway_group_peer_t));
        if (peers->room == NULL) {
            return NGX_ERROR;
        }

        peers->rows = ngx_array_create(ngx_cycle->pool, 32, sizeof(void *));
        if (peers->rows == NULL) {
            return NGX_ERROR;
        }
    }

    if (block->rows == NULL) {
        block->rows = ngx_palloc(ngx_cycle->pool,
                                 block->max * sizeof(uint32_t));
    }

    return block->rows ? NGX_OK : NGX_ERROR;
}


/*
 * Servers with equal addresses are one sample: a block can name an address
 * twice, and two names can have the same.
 */

static void
ngx_http_gateway_metrics_block_rows(ngx_http_gateway_metrics_peers_t *peers,
    ngx_uint_t i, ngx_uint_t n)
{
    ngx_uint_t                         k;
    ngx_http_gateway_group_peer_t     *copy;
    ngx_http_gateway_metrics_peer_t   *peer;
    ngx_http_gateway_metrics_block_t  *block;

    block = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts + i;

    for (k = 0; k < n; k++) {

        copy = &peers->room[k];

        peer = ngx_http_gateway_metrics_peer(peers, i, k, copy);

        if (peer == NULL) {
            continue;
        }

        if (peer->reading == block->reading) {
            peer->conns += copy->conns;
            peer->fails = ngx_max(peer->fails, copy->fails);
            peer->up |= copy->up;
            continue;
        }

        peer->reading = block->reading;
        peer->seen = block->time;
        peer->conns = copy->conns;
        peer->fails = copy->fails;
        peer->up = copy->up;
    }
}


/*
 * Finds the row of an address.  "from" is its place in the reading: as a rule
 * the row has the same place in the block.
 */

static ngx_http_gateway_metrics_peer_t *
ngx_http_gateway_metrics_peer(ngx_http_gateway_metrics_peers_t *peers,
    ngx_uint_t block, ngx_uint_t from,
    const ngx_http_gateway_group_peer_t *copy)
{
    uint64_t                            key;
    uint32_t                            row;
    ngx_uint_t                          i, at;
    ngx_http_gateway_metrics_peer_t   **rows;
    ngx_http_gateway_metrics_block_t   *b;

    b = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts + block;
    rows = peers->rows->elts;

    key = ngx_http_gateway_metrics_key(copy->text, copy->len);

    for (i = 0; i < b->nrows; i++) {

        at = (from + i) % b->nrows;
        row = b->rows[at];

        if (rows[row]->key == key) {

            if (from < b->nrows) {
                b->rows[at] = b->rows[from];
                b->rows[from] = row;
            }

            return rows[row];
        }
    }

    return ngx_http_gateway_metrics_peer_new(peers, block, copy);
}


/* a new row, or that of an address that has left; NULL: none, or no memory */

static ngx_http_gateway_metrics_peer_t *
ngx_http_gateway_metrics_peer_new(ngx_http_gateway_metrics_peers_t *peers,
    ngx_uint_t block, const ngx_http_gateway_group_peer_t *copy)
{
    ngx_uint_t                           i;
    ngx_http_gateway_metrics_peer_t     *peer, **rows, **row;
    ngx_http_gateway_metrics_block_t    *b;

    b = (ngx_http_gateway_metrics_block_t *) peers->blocks.elts + block;
    rows = peers->rows->elts;
    peer = NULL;

    for (i = 0; i < b->nrows; i++) {
        if ((ngx_msec_int_t) (b->time - rows[b->rows[i]]->seen)
            > NGX_HTTP_GATEWAY_METRICS_LEFT)
        {
            peer = rows[b->rows[i]];
            break;
        }
    }

    if (peer == NULL) {

        if (b->nrows == b->max) {
            return NULL;
        }

        peer = ngx_pcalloc(ngx_cycle->pool,
                           sizeof(ngx_http_gateway_metrics_peer_t)
                           + NGX_SOCKADDR_STRLEN);
        row = peer ? ngx_array_push(peers->rows) : NULL;

        if (row == NULL) {
            return NULL;
        }

        peer->name.data = (u_char *) peer
                          + sizeof(ngx_http_gateway_metrics_peer_t);
        peer->block = block;

        *row = peer;
        b->rows[b->nrows++] = peers->rows->nelts - 1;
    }

    ngx_memcpy(peer->name.data, copy->text, copy->len);

    peer->name.len = copy->len;
    peer->key = ngx_http_gateway_metrics_key(copy->text, copy->len);
    peer->reading = b->reading - 1;
    peer->seen = b->time;

    return peer;
}


/* blocks without "zone", whose lists can be of another module's type */

ngx_int_t
ngx_http_gateway_metrics_note(ngx_uint_t i, ngx_pool_t *pool, ngx_str_t *text)
{
    u_char                          *p;
    ngx_http_upstream_srv_conf_t   **uscf;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_upstream_module);
    uscf = umcf->upstreams.elts;

    if (i >= umcf->upstreams.nelts) {
        return NGX_DONE;
    }

    /* proxy_pass with an address makes a block without a configuration */

    if (uscf[i]->srv_conf == NULL || uscf[i]->shm_zone) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, sizeof("Upstream : without \"zone\" the state of its "
                                 "servers is not known.") - 1
                          + uscf[i]->host.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_sprintf(p, "Upstream %V: without \"zone\" the state of its servers "
                    "is not known.", &uscf[i]->host);
    text->len = p - text->data;

    return NGX_OK;
}
