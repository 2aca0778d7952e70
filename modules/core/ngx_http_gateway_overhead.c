/* SPDX-License-Identifier: BSD-2-Clause */

/* the time that handlers take: see ngx_http_gateway_count.h */

#include "ngx_http_gateway_count.h"
#include "ngx_http_gateway_observe.h"


/* of a request that is measured; all times in ns */

struct ngx_http_gateway_overhead_s {
    ngx_http_gateway_main_conf_t   *gmcf;
    uint64_t                        spent[NGX_HTTP_GATEWAY_PART_ALL];
    uint64_t                        since;      /* a handler is called, or the
                                                   request is parked; else 0 */
    ngx_http_gateway_part_e         part;       /* of this handler */
    ngx_uint_t                      ran;        /* bits: parts */
    unsigned                        pause:1;    /* parked without a cost */
};


static ngx_http_gateway_overhead_t *ngx_http_gateway_overhead_draw(
    ngx_http_request_t *r);
static void ngx_http_gateway_overhead_stop(ngx_http_gateway_overhead_t *o);
static void ngx_http_gateway_overhead_count(void *data);


static const ngx_http_gateway_metric_t  ngx_http_gateway_overhead_metric =
    { "overhead_seconds",
      "Time that the gateway has added to a request, of one request in 8.",
      "part", NGX_HTTP_GATEWAY_METRIC_DURATION };


static const ngx_str_t  ngx_http_gateway_part_words[] = {
    [NGX_HTTP_GATEWAY_PART_AUTH] = ngx_string("auth"),
    [NGX_HTTP_GATEWAY_PART_QUOTA] = ngx_string("limit"),
    [NGX_HTTP_GATEWAY_PART_CACHE] = ngx_string("cache"),
    [NGX_HTTP_GATEWAY_PART_ALL] = ngx_string("all")
};

_Static_assert(sizeof(ngx_http_gateway_part_words)
               / sizeof(ngx_http_gateway_part_words[0])
               == NGX_HTTP_GATEWAY_PARTS, "each part has a word");


/* of this worker: requests of which a part ran */
static ngx_uint_t  ngx_http_gateway_overhead_requests;


ngx_int_t
ngx_http_gateway_overhead_run(ngx_http_request_t *r,
    ngx_http_gateway_part_e part, ngx_http_handler_pt handler)
{
    ngx_int_t                     rc;
    ngx_http_gateway_overhead_t  *o;

    o = (r == r->main) ? ngx_http_gateway_overhead_draw(r) : NULL;

    if (o == NULL) {
        return handler(r);
    }

    if (o->since == 0) {
        o->since = ngx_http_gateway_clock();
    }

    o->part = part;

    rc = handler(r);

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    if (rc != NGX_AGAIN || o->pause) {
        o->pause = 0;
        ngx_http_gateway_overhead_stop(o);
    }

    return rc;
}


/* NULL: the request is not measured, or there is no memory */

static ngx_http_gateway_overhead_t *
ngx_http_gateway_overhead_draw(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_gateway_request_t   *gr;
    ngx_http_gateway_overhead_t  *o;

    gr = ngx_http_gateway_request_get(r);

    if (gr == NULL || gr->drawn || gr->detached) {
        return gr ? gr->overhead : NULL;
    }

    gr->drawn = 1;

    if (ngx_http_gateway_overhead_requests++
        % NGX_HTTP_GATEWAY_OVERHEAD_SAMPLE != 0)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gateway_overhead_t));
    if (cln == NULL) {
        return NULL;
    }

    o = cln->data;
    ngx_memzero(o, sizeof(ngx_http_gateway_overhead_t));

    o->gmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_module);

    cln->handler = ngx_http_gateway_overhead_count;

    gr->overhead = o;

    return o;
}


static void
ngx_http_gateway_overhead_stop(ngx_http_gateway_overhead_t *o)
{
    o->spent[o->part] += ngx_http_gateway_clock() - o->since;
    o->ran |= (ngx_uint_t) 1 << o->part;
    o->since = 0;
}


void
ngx_http_gateway_timed_pause(ngx_http_gateway_request_t *gr)
{
    if (gr->overhead) {
        gr->overhead->pause = 1;
    }
}


/*
 * The request ends.  One that is still parked has lost its client.  This is a
 * cleanup and no handler of LOG, which each request would call.
 */

static void
ngx_http_gateway_overhead_count(void *data)
{
    ngx_http_gateway_overhead_t *o = data;

    uint64_t     all;
    ngx_uint_t   part;

    if (o->since) {
        ngx_http_gateway_overhead_stop(o);
    }

    all = 0;

    for (part = 0; part < NGX_HTTP_GATEWAY_PART_ALL; part++) {

        if (o->ran >> part & 1) {
            ngx_http_gateway_observe_ns(o->gmcf->counts->overhead[part],
                                        o->spent[part]);
            all += o->spent[part];
        }
    }

    ngx_http_gateway_observe_ns(
               o->gmcf->counts->overhead[NGX_HTTP_GATEWAY_PART_ALL], all);
}


ngx_int_t
ngx_http_gateway_overhead_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_GATEWAY_PARTS; i++) {

        if (ngx_http_gateway_series_add(cf, &ngx_http_gateway_overhead_metric,
                                        &ngx_http_gateway_part_words[i],
                                        &gmcf->counts->overhead[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    if (!ngx_http_gateway_metrics_on(cf)) {
        return NGX_OK;
    }

    gmcf->counts = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_gateway_counts_t));

    if (gmcf->counts == NULL
        || ngx_http_gateway_verdicts_init(cf, gmcf) != NGX_OK
        || ngx_http_gateway_overhead_init(cf, gmcf) != NGX_OK
        || ngx_http_gateway_detached_counts_init(cf, gmcf) != NGX_OK
        || ngx_http_gateway_watch_counts_init(cf, gmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
