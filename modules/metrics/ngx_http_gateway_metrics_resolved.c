/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The series of addresses that the configuration does not name: of names that
 * nginx resolves, and of balancers of other modules.  Any number can come in the
 * course of time.
 *
 * A block has slots for 256 of these, in shared memory, so that all workers
 * choose the same ones.  An address claims a slot when it is first used.  After
 * an hour without a try, when its series have ended, a new address can claim the
 * slot.  Without a free slot an address is counted as "__other__".
 */

#include "ngx_http_gateway_metrics_upstream.h"


/* seconds: as series end */
#define NGX_HTTP_GATEWAY_METRICS_UNUSED   3600

/* seconds: "used" of a slot may be that much too early */
#define NGX_HTTP_GATEWAY_METRICS_STALE    60

/* rows of an address: its codes, and bytes sent and received */
#define NGX_HTTP_GATEWAY_METRICS_SENT                                         \
    NGX_HTTP_GATEWAY_METRICS_WORDS
#define NGX_HTTP_GATEWAY_METRICS_RECEIVED                                     \
    (NGX_HTTP_GATEWAY_METRICS_WORDS + 1)
#define NGX_HTTP_GATEWAY_METRICS_ROWS                                         \
    (NGX_HTTP_GATEWAY_METRICS_WORDS + 2)


/* another address, in shared memory */

struct ngx_http_gateway_metrics_slot_s {
    uint64_t                            key;        /* hash; 0: free */
    uint64_t                            used;       /* time(), about */
};


/* in shared memory; the slots of all groups follow */

typedef struct {
    uint64_t                            n;          /* groups */
    uint64_t                            keys[];     /* hash of the label;
                                                       0: free */
} ngx_http_gateway_metrics_slots_t;


/* the same in the worker */

typedef struct {
    uint64_t                           *cells;      /* NULL: not known */
    uint32_t                            node;
} ngx_http_gateway_metrics_row_t;

struct ngx_http_gateway_metrics_found_s {
    uint64_t                            key;
    ngx_http_gateway_metrics_row_t      rows[];
};


static uint64_t *ngx_http_gateway_metrics_found_cells(
    ngx_http_gateway_metrics_group_t *group,
    ngx_http_gateway_metrics_found_t *found, const ngx_str_t *name,
    ngx_uint_t i);
static ngx_http_gateway_metrics_found_t *ngx_http_gateway_metrics_found(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_metrics_slot(
    ngx_http_gateway_metrics_slot_t *slots, uint64_t key, time_t now);
static ngx_int_t ngx_http_gateway_metrics_slots(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group);
static ngx_int_t ngx_http_gateway_metrics_slots_zone(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams);
static ngx_int_t ngx_http_gateway_metrics_slots_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_gateway_metrics_forget(void *data);


static ngx_str_t  ngx_http_gateway_metrics_folded = ngx_string("__other__");


const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_tries = {
    "upstream_tries_total",
    "Tries of upstream servers by the status code of the response, or by why "
    "there was none.",
    "upstream peer code", NGX_HTTP_GATEWAY_METRIC_COUNTER
};

const ngx_http_gateway_metric_t  ngx_http_gateway_metrics_bytes = {
    "upstream_bytes_total",
    "Bytes sent to and received from upstream servers.",
    "upstream peer direction", NGX_HTTP_GATEWAY_METRIC_COUNTER
};


/* the values of "code" */

ngx_str_t  ngx_http_gateway_metrics_words[NGX_HTTP_GATEWAY_METRICS_WORDS] = {
    ngx_string("000"), ngx_string("1xx"), ngx_string("2xx"), ngx_string("3xx"),
    ngx_string("4xx"), ngx_string("5xx"), ngx_string("6xx"), ngx_string("7xx"),
    ngx_string("8xx"), ngx_string("9xx"),

    ngx_string("connect"), ngx_string("header"), ngx_string("aborted"),

    ngx_string("101"), ngx_string("200"), ngx_string("201"), ngx_string("202"),
    ngx_string("203"), ngx_string("204"), ngx_string("205"), ngx_string("206"),
    ngx_string("207"), ngx_string("300"), ngx_string("301"), ngx_string("302"),
    ngx_string("303"), ngx_string("304"), ngx_string("307"), ngx_string("308"),
    ngx_string("400"), ngx_string("401"), ngx_string("402"), ngx_string("403"),
    ngx_string("404"), ngx_string("405"), ngx_string("406"), ngx_string("407"),
    ngx_string("408"), ngx_string("409"), ngx_string("410"), ngx_string("411"),
    ngx_string("412"), ngx_string("413"), ngx_string("414"), ngx_string("415"),
    ngx_string("416"), ngx_string("417"), ngx_string("421"), ngx_string("422"),
    ngx_string("423"), ngx_string("424"), ngx_string("425"), ngx_string("426"),
    ngx_string("428"), ngx_string("429"), ngx_string("431"), ngx_string("444"),
    ngx_string("451"), ngx_string("494"), ngx_string("495"), ngx_string("496"),
    ngx_string("497"), ngx_string("499"), ngx_string("500"), ngx_string("501"),
    ngx_string("502"), ngx_string("503"), ngx_string("504"), ngx_string("505"),
    ngx_string("507"), ngx_string("508"), ngx_string("511")
};


ngx_str_t  ngx_http_gateway_metrics_directions[2] = {
    ngx_string("sent"),
    ngx_string("received")
};


ngx_int_t
ngx_http_gateway_metrics_resolved_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams)
{
    /* a dynamic block has some servers with a few codes each, as a rule */

    if (ngx_http_gateway_family_add(cf, &ngx_http_gateway_metrics_tries,
                                    upstreams->ndynamic * 16)
        != NGX_OK
        || ngx_http_gateway_family_add(cf, &ngx_http_gateway_metrics_bytes,
                                       upstreams->ndynamic * 8)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (upstreams->ndynamic == 0) {
        return NGX_OK;
    }

    return (ngx_http_gateway_forget_add(cf, ngx_http_gateway_metrics_forget,
                                        upstreams)
            == NGX_OK)
           ? ngx_http_gateway_metrics_slots_zone(cf, upstreams) : NGX_ERROR;
}


void
ngx_http_gateway_metrics_resolved_count(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name,
    const ngx_http_gateway_metrics_try_t *try)
{
    uint64_t                          *cells;
    ngx_http_gateway_metrics_found_t  *found;

    found = ngx_http_gateway_metrics_found(upstreams, group, name);

    if (found == NULL) {
        name = &ngx_http_gateway_metrics_folded;
    }

    cells = ngx_http_gateway_metrics_found_cells(group, found, name,
                                                 try->code);
    (void) __atomic_fetch_add(cells, 1, __ATOMIC_RELAXED);

    if (try->sent) {
        cells = ngx_http_gateway_metrics_found_cells(group, found, name,
                                               NGX_HTTP_GATEWAY_METRICS_SENT);
        (void) __atomic_fetch_add(cells, try->sent, __ATOMIC_RELAXED);
    }

    if (try->received) {
        cells = ngx_http_gateway_metrics_found_cells(group, found, name,
                                           NGX_HTTP_GATEWAY_METRICS_RECEIVED);
        (void) __atomic_fetch_add(cells, try->received, __ATOMIC_RELAXED);
    }
}


/*
 * "found" is NULL if the address has no slot.  Cells without a node are of a
 * folded event, for this time only.
 */

static uint64_t *
ngx_http_gateway_metrics_found_cells(ngx_http_gateway_metrics_group_t *group,
    ngx_http_gateway_metrics_found_t *found, const ngx_str_t *name,
    ngx_uint_t i)
{
    uint32_t                          node;
    uint64_t                         *cells;
    ngx_str_t                         values[3];
    const ngx_http_gateway_metric_t  *metric;

    if (found && found->rows[i].cells) {
        return found->rows[i].cells;
    }

    values[0] = group->label;
    values[1] = *name;

    if (i < NGX_HTTP_GATEWAY_METRICS_WORDS) {
        metric = &ngx_http_gateway_metrics_tries;
        values[2] = ngx_http_gateway_metrics_words[i];

    } else {
        metric = &ngx_http_gateway_metrics_bytes;
        values[2] = ngx_http_gateway_metrics_directions[
                                          i - NGX_HTTP_GATEWAY_METRICS_SENT];
    }

    cells = ngx_http_gateway_series_find(metric, values, &node);

    if (found && node) {
        found->rows[i].cells = cells;
        found->rows[i].node = node;
    }

    return cells;
}


/* the worker's data of an address; NULL: there is no slot, or no memory */

static ngx_http_gateway_metrics_found_t *
ngx_http_gateway_metrics_found(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group, const ngx_str_t *name)
{
    uint64_t                           key;
    ngx_int_t                          i;
    ngx_http_gateway_metrics_found_t  *found;

    if (group->slots == NULL
        && ngx_http_gateway_metrics_slots(upstreams, group) != NGX_OK)
    {
        return NULL;
    }

    key = ngx_http_gateway_metrics_key(name->data, name->len);

    i = ngx_http_gateway_metrics_slot(group->slots, key, ngx_time());

    if (i == NGX_DECLINED) {
        return NULL;
    }

    found = group->found[i];

    if (found == NULL) {
        found = ngx_pcalloc(ngx_cycle->pool,
                            sizeof(ngx_http_gateway_metrics_found_t)
                            + NGX_HTTP_GATEWAY_METRICS_ROWS
                              * sizeof(ngx_http_gateway_metrics_row_t));
        if (found == NULL) {
            return NULL;
        }

        group->found[i] = found;
    }

    if (found->key != key) {
        ngx_memzero(found->rows, NGX_HTTP_GATEWAY_METRICS_ROWS
                                 * sizeof(ngx_http_gateway_metrics_row_t));
        found->key = key;
    }

    return found;
}


/*
 * Finds or claims a slot.  Two processes can claim two slots for one address at
 * the same moment: the second one stays unused and expires.
 */

static ngx_int_t
ngx_http_gateway_metrics_slot(ngx_http_gateway_metrics_slot_t *slots,
    uint64_t key, time_t now)
{
    uint64_t                          old, used;
    ngx_int_t                         claim;
    ngx_uint_t                        i, n;
    ngx_http_gateway_metrics_slot_t  *slot;

    claim = NGX_DECLINED;

    for (n = 0; n < NGX_HTTP_GATEWAY_METRICS_RESOLVED; n++) {

        i = (key + n) % NGX_HTTP_GATEWAY_METRICS_RESOLVED;
        slot = &slots[i];

        old = __atomic_load_n(&slot->key, __ATOMIC_SEQ_CST);
        used = __atomic_load_n(&slot->used, __ATOMIC_SEQ_CST);

        if (old == key) {
            if (used + NGX_HTTP_GATEWAY_METRICS_STALE < (uint64_t) now) {
                __atomic_store_n(&slot->used, now, __ATOMIC_SEQ_CST);
            }

            return i;
        }

        if (claim == NGX_DECLINED
            && (old == 0
                || used + NGX_HTTP_GATEWAY_METRICS_UNUSED < (uint64_t) now))
        {
            claim = i;
        }

        /* slots are never freed: the key is not behind a free one */

        if (old == 0) {
            break;
        }
    }

    if (claim == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    slot = &slots[claim];
    old = __atomic_load_n(&slot->key, __ATOMIC_SEQ_CST);

    __atomic_store_n(&slot->used, now, __ATOMIC_SEQ_CST);

    if (!__atomic_compare_exchange_n(&slot->key, &old, key, 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
        && old != key)
    {
        /* another process was faster: counted as "__other__" this time */
        return NGX_DECLINED;
    }

    return claim;
}


/*
 * The slots of a group: those with its key, or free ones.  There are slots for
 * dynamic groups only.
 */

static ngx_int_t
ngx_http_gateway_metrics_slots(
    ngx_http_gateway_metrics_upstreams_t *upstreams,
    ngx_http_gateway_metrics_group_t *group)
{
    uint64_t                           key, old;
    ngx_uint_t                         i;
    ngx_http_gateway_metrics_slots_t  *sh;

    if (upstreams->zone == NULL) {
        return NGX_ERROR;
    }

    if (group->found == NULL) {
        group->found = ngx_pcalloc(ngx_cycle->pool,
                                   NGX_HTTP_GATEWAY_METRICS_RESOLVED
                                   * sizeof(void *));
        if (group->found == NULL) {
            return NGX_ERROR;
        }
    }

    sh = upstreams->zone->data;
    key = ngx_http_gateway_metrics_key(group->label.data,
                                       group->label.len);

    for (i = 0; group->dynamic && i < sh->n; i++) {
        old = 0;

        if (__atomic_compare_exchange_n(&sh->keys[i], &old, key, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
            || old == key)
        {
            group->slots = (ngx_http_gateway_metrics_slot_t *)
                           &sh->keys[sh->n]
                           + i * NGX_HTTP_GATEWAY_METRICS_RESOLVED;
            return NGX_OK;
        }
    }

    /* none, or earlier configurations use them: this worker has its own */

    group->slots = ngx_pcalloc(ngx_cycle->pool,
                               NGX_HTTP_GATEWAY_METRICS_RESOLVED
                               * sizeof(ngx_http_gateway_metrics_slot_t));

    return group->slots ? NGX_OK : NGX_ERROR;
}


uint64_t
ngx_http_gateway_metrics_key(const u_char *text, size_t len)
{
    uint64_t  key;

    key = (uint64_t) ngx_crc32_long((u_char *) text, len) << 32
          | ngx_murmur_hash2((u_char *) text, len);

    return key ? key : 1;
}


static ngx_int_t
ngx_http_gateway_metrics_slots_zone(ngx_conf_t *cf,
    ngx_http_gateway_metrics_upstreams_t *upstreams)
{
    static ngx_str_t  name = ngx_string("gateway_metrics:peers#");

    size_t  size;

    size = sizeof(ngx_http_gateway_metrics_slots_t)
           + upstreams->ndynamic
             * (sizeof(uint64_t)
                + NGX_HTTP_GATEWAY_METRICS_RESOLVED
                  * sizeof(ngx_http_gateway_metrics_slot_t));

    /* and the allocator's own pages */

    size = ngx_align(size, ngx_pagesize) + 8 * ngx_pagesize;
    size += size / ngx_pagesize * sizeof(ngx_slab_page_t);

    upstreams->zone = ngx_shared_memory_add(cf, &name, size,
                                            &ngx_http_gateway_metrics_module);
    if (upstreams->zone == NULL) {
        return NGX_ERROR;
    }

    upstreams->zone->init = ngx_http_gateway_metrics_slots_init;
    upstreams->zone->data = upstreams;

    return NGX_OK;
}


/*
 * "data" of the zone becomes the slots, so that a later configuration finds
 * them.  A zone of the same size has the same number of groups.
 */

static ngx_int_t
ngx_http_gateway_metrics_slots_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t                       *shpool;
    ngx_http_gateway_metrics_slots_t      *sh;
    ngx_http_gateway_metrics_upstreams_t  *upstreams;

    upstreams = shm_zone->data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    if (shm_zone->shm.exists) {
        shm_zone->data = shpool->data;
        return NGX_OK;
    }

    sh = ngx_http_gateway_zone_alloc(shpool,
                          sizeof(ngx_http_gateway_metrics_slots_t)
                          + upstreams->ndynamic
                            * (sizeof(uint64_t)
                               + NGX_HTTP_GATEWAY_METRICS_RESOLVED
                                 * sizeof(ngx_http_gateway_metrics_slot_t)));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->n = upstreams->ndynamic;

    shpool->data = sh;
    shm_zone->data = sh;

    return NGX_OK;
}


static void
ngx_http_gateway_metrics_forget(void *data)
{
    ngx_http_gateway_metrics_upstreams_t *upstreams = data;

    ngx_uint_t                         i, j, k;
    ngx_http_gateway_metrics_row_t    *row;
    ngx_http_gateway_metrics_found_t  *found;
    ngx_http_gateway_metrics_group_t  *group;

    group = upstreams->groups.elts;

    for (i = 0; i < upstreams->groups.nelts; i++) {

        if (group[i].found == NULL) {
            continue;
        }

        for (j = 0; j < NGX_HTTP_GATEWAY_METRICS_RESOLVED; j++) {

            found = group[i].found[j];
            if (found == NULL) {
                continue;
            }

            for (k = 0; k < NGX_HTTP_GATEWAY_METRICS_ROWS; k++) {
                row = &found->rows[k];

                if (row->cells && ngx_http_gateway_series_ending(row->node)) {
                    row->cells = NULL;
                }
            }
        }
    }
}
