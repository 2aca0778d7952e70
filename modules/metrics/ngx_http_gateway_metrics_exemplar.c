/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Exemplars: for each bucket of the durations of a route, the newest sampled
 * trace, at most one a second.
 *
 * The table has sets of slots, and any process may write to any slot.  The
 * process that sets a slot's second to the current one writes to it.  One that
 * is killed then, or that is stopped until another one writes, leaves words of
 * two traces; the sum of the words does not fit, and readers ignore the slot
 * until the next trace replaces it.  If a set is full, the oldest trace is
 * replaced.
 */

#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_metrics_scrape.h"
#include "gw_label.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_METRICS_SET    4           /* slots */
#define NGX_HTTP_GATEWAY_METRICS_VALUES  2           /* labels, at most */


typedef struct {
    uint64_t                            key;        /* 0: free */
    uint64_t                            second;     /* of the last write */
    uint64_t                            words[5];   /* exemplar_t */
    uint64_t                            sum;        /* of key and words */
} ngx_http_gateway_metrics_slot_t;


typedef struct {
    uint64_t                            labels;     /* hash of the values */
    ngx_http_gateway_metrics_slot_t    *slots;
    size_t                              nsets;
} ngx_http_gateway_metrics_table_t;


static size_t ngx_http_gateway_metrics_slots_size(
    const ngx_http_gateway_metrics_main_conf_t *mmcf);
static ngx_int_t ngx_http_gateway_metrics_table(ngx_http_request_t *r,
    ngx_http_gateway_metrics_table_t *table, const ngx_str_t *values,
    ngx_uint_t n);
static ngx_http_gateway_metrics_slot_t *ngx_http_gateway_metrics_set(
    const ngx_http_gateway_metrics_table_t *table, ngx_uint_t bucket,
    uint64_t *key);
static ngx_http_gateway_metrics_slot_t *ngx_http_gateway_metrics_slot(
    ngx_http_gateway_metrics_slot_t *set, uint64_t key);
static ngx_int_t ngx_http_gateway_metrics_hex(const u_char *p, uint64_t *n);
static uint64_t ngx_http_gateway_metrics_sum(uint64_t key,
    const uint64_t words[5]);


static size_t
ngx_http_gateway_metrics_slots_size(
    const ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    size_t  slots;

    /* twice as many as routes have buckets, since some sets get more */

    slots = 2 * (mmcf->nroutes + 1) * (mmcf->nbuckets + 1);

    return (slots / NGX_HTTP_GATEWAY_METRICS_SET + 1)
           * NGX_HTTP_GATEWAY_METRICS_SET
           * sizeof(ngx_http_gateway_metrics_slot_t);
}


ngx_int_t
ngx_http_gateway_metrics_exemplars_init(ngx_conf_t *cf)
{
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    return ngx_http_gateway_metrics_part_add(cf,
                               ngx_http_gateway_metrics_slots_size(mmcf));
}


void
ngx_http_gateway_metrics_exemplar(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_str_t *values, ngx_uint_t n,
    uint64_t ns)
{
    uint64_t                               key, before, now, words[5];
    ngx_uint_t                             i, bucket;
    ngx_time_t                            *tp;
    ngx_http_gateway_metrics_slot_t       *slot;
    ngx_http_gateway_metrics_table_t       table;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    if (gr->ids->traceid.len != 32 || gr->ids->spanid.len != 16
        || ngx_http_gateway_metrics_hex(gr->ids->traceid.data, &words[0])
           != NGX_OK
        || ngx_http_gateway_metrics_hex(gr->ids->traceid.data + 16, &words[1])
           != NGX_OK
        || ngx_http_gateway_metrics_hex(gr->ids->spanid.data, &words[2])
           != NGX_OK
        || ngx_http_gateway_metrics_table(r, &table, values, n) != NGX_OK)
    {
        return;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    for (bucket = 0; bucket < mmcf->nbuckets; bucket++) {
        if (ns <= mmcf->buckets[bucket]) {
            break;
        }
    }

    slot = ngx_http_gateway_metrics_set(&table, bucket, &key);
    slot = ngx_http_gateway_metrics_slot(slot, key);

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec;
    before = __atomic_load_n(&slot->second, __ATOMIC_SEQ_CST);

    if ((before == now
         && __atomic_load_n(&slot->key, __ATOMIC_SEQ_CST) == key)
        || !__atomic_compare_exchange_n(&slot->second, &before, now, 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        return;
    }

    words[3] = ns;
    words[4] = now * 1000 + tp->msec;

    __atomic_store_n(&slot->key, key, __ATOMIC_SEQ_CST);

    for (i = 0; i < 5; i++) {
        __atomic_store_n(&slot->words[i], words[i], __ATOMIC_SEQ_CST);
    }

    __atomic_store_n(&slot->sum, ngx_http_gateway_metrics_sum(key, words),
                     __ATOMIC_SEQ_CST);
}


void
ngx_http_gateway_metrics_exemplars(ngx_http_request_t *r,
    const ngx_str_t *values, ngx_uint_t n, gw_metrics_exemplar_t *exemplars,
    ngx_uint_t nbuckets)
{
    uint64_t                           key, words[5];
    ngx_uint_t                         i, j, bucket;
    gw_metrics_exemplar_t             *e;
    ngx_http_gateway_metrics_slot_t   *set;
    ngx_http_gateway_metrics_table_t   table;

    ngx_memzero(exemplars, nbuckets * sizeof(gw_metrics_exemplar_t));

    if (ngx_http_gateway_metrics_table(r, &table, values, n) != NGX_OK) {
        return;
    }

    for (bucket = 0; bucket < nbuckets; bucket++) {
        e = &exemplars[bucket];
        set = ngx_http_gateway_metrics_set(&table, bucket, &key);

        for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_SET; i++) {

            if (__atomic_load_n(&set[i].key, __ATOMIC_SEQ_CST) != key) {
                continue;
            }

            for (j = 0; j < 5; j++) {
                words[j] = __atomic_load_n(&set[i].words[j], __ATOMIC_SEQ_CST);
            }

            if (__atomic_load_n(&set[i].sum, __ATOMIC_SEQ_CST)
                == ngx_http_gateway_metrics_sum(key, words)
                && words[4] > e->time)
            {
                e->trace[0] = words[0];
                e->trace[1] = words[1];
                e->span = words[2];
                e->value = words[3];
                e->time = words[4];
            }
        }
    }
}


/* NGX_DECLINED: there is no memory for exemplars */

static ngx_int_t
ngx_http_gateway_metrics_table(ngx_http_request_t *r,
    ngx_http_gateway_metrics_table_t *table, const ngx_str_t *values,
    ngx_uint_t n)
{
    u_char                                *p, text[
                                           NGX_HTTP_GATEWAY_METRICS_VALUES
                                           * (GW_LABEL_MAX + 1)];
    size_t                                 size;
    uint64_t                               hash[2];
    ngx_uint_t                             i;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    /* the names of routes are not chosen by clients: no secret is needed */

    static const uint64_t   secret[2] = { 0x67772d6578656d70,
                                          0x6c6172732d763100 };
    static const ngx_str_t  name = ngx_string("exemplars");
    static u_char          *area, *part;
    static size_t           room;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    if (ngx_http_gateway_metrics_area(&size) != area) {
        area = ngx_http_gateway_metrics_area(&size);
        room = ngx_http_gateway_metrics_slots_size(mmcf);
        part = ngx_http_gateway_metrics_part_any(&name, &room);
    }

    if (part == NULL || n > NGX_HTTP_GATEWAY_METRICS_VALUES) {
        return NGX_DECLINED;
    }

    table->slots = (ngx_http_gateway_metrics_slot_t *) part;
    table->nsets = room / (NGX_HTTP_GATEWAY_METRICS_SET
                           * sizeof(ngx_http_gateway_metrics_slot_t));

    p = text;

    for (i = 0; i < n; i++) {
        p += gw_label_clean(p, values[i].data, values[i].len);
        *p++ = '\0';
    }

    gw_siphash(secret, text, p - text, hash);
    table->labels = hash[0];

    return NGX_OK;
}


/* the set of a bucket, and the key of its slot there */

static ngx_http_gateway_metrics_slot_t *
ngx_http_gateway_metrics_set(const ngx_http_gateway_metrics_table_t *table,
    ngx_uint_t bucket, uint64_t *key)
{
    *key = (table->labels + bucket) * 0x9e3779b97f4a7c15 | 1;

    return table->slots + (*key >> 20) % table->nsets
                          * NGX_HTTP_GATEWAY_METRICS_SET;
}


/* the slot of a key, else a free one, else the oldest */

static ngx_http_gateway_metrics_slot_t *
ngx_http_gateway_metrics_slot(ngx_http_gateway_metrics_slot_t *set,
    uint64_t key)
{
    uint64_t                          has;
    ngx_uint_t                        i;
    ngx_http_gateway_metrics_slot_t  *oldest;

    oldest = set;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_SET; i++) {
        has = __atomic_load_n(&set[i].key, __ATOMIC_SEQ_CST);

        if (has == key) {
            return &set[i];
        }

        if (__atomic_load_n(&set[i].second, __ATOMIC_SEQ_CST)
            < __atomic_load_n(&oldest->second, __ATOMIC_SEQ_CST))
        {
            oldest = &set[i];
        }
    }

    return oldest;
}


/* 16 lower-case hexadecimal digits */

static ngx_int_t
ngx_http_gateway_metrics_hex(const u_char *p, uint64_t *n)
{
    u_char      c;
    ngx_uint_t  i;

    *n = 0;

    for (i = 0; i < 16; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            *n = *n << 4 | (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            *n = *n << 4 | (c - 'a' + 10);

        } else {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static uint64_t
ngx_http_gateway_metrics_sum(uint64_t key, const uint64_t words[5])
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = key;

    for (i = 0; i < 5; i++) {
        sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15;
        sum ^= sum >> 29;
    }

    return sum;
}
