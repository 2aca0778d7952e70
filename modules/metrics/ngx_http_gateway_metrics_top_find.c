/* SPDX-License-Identifier: BSD-2-Clause */

/* In LOG: the cells of a value that is long, or that this worker does not count
   yet. */

#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_metrics_top.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_METRICS_UNKNOWN  1024  /* a power of 2 */


static uint64_t *ngx_http_gateway_metrics_top_long(
    const ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_top_member(
    ngx_http_gateway_metrics_top_t *top, uint64_t key);
static void ngx_http_gateway_metrics_top_candidate(
    ngx_http_gateway_metrics_top_sh_t *sh, uint64_t key);
static void ngx_http_gateway_metrics_top_keep(
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value,
    uint64_t *cells, uint32_t node);


static const ngx_str_t  ngx_http_gateway_metrics_top_other =
    ngx_string("__other__");


uint64_t *
ngx_http_gateway_metrics_top_find(ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value)
{
    u_char                               buf[GW_LABEL_MAX];
    uint32_t                             node;
    uint64_t                             key, generation, *cells;
    ngx_str_t                            clean;
    ngx_http_gateway_metrics_unknown_t  *unknown;

    cells = ngx_http_gateway_metrics_top_long(top, value);

    if (cells) {
        return cells;
    }

    clean.len = gw_label_clean(buf, value->data, value->len);
    clean.data = buf;

    if (ngx_http_gateway_metrics_top_start(top) != NGX_OK
        || ngx_http_gateway_same(&clean, &ngx_http_gateway_metrics_top_other))
    {
        return top->other;
    }

    key = ngx_http_gateway_metrics_top_key(top, &clean);

    unknown = &top->unknown[key & (NGX_HTTP_GATEWAY_METRICS_UNKNOWN - 1)];
    generation = __atomic_load_n(&top->sh->generation, __ATOMIC_SEQ_CST);

    if (unknown->key == key && unknown->generation == generation) {
        ngx_http_gateway_metrics_top_candidate(top->sh, key);
        return top->other;
    }

    if (!ngx_http_gateway_metrics_top_member(top, key)) {
        unknown->key = key;
        unknown->generation = generation;

        ngx_http_gateway_metrics_top_candidate(top->sh, key);
        return top->other;
    }

    cells = ngx_http_gateway_series_find(&top->metric, &clean, &node);

    if (node) {
        ngx_http_gateway_metrics_top_keep(top, value, cells, node);
    }

    return cells;
}


/* NULL: the value is short, or not counted yet */

static uint64_t *
ngx_http_gateway_metrics_top_long(const ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value)
{
    ngx_uint_t                         i;
    gw_mark_t                          mark;
    ngx_http_gateway_metrics_known_t  *known;

    if (value->len <= GW_MARK_MAX || top->nknown == 0) {
        return NULL;
    }

    mark = gw_mark(value->data, value->len);

    for (i = mark.hash; /* void */ ; i++) {
        known = &top->known[i & (top->size - 1)];

        if (known->cells == NULL
            || (gw_mark_same(known->mark, mark)
                && ngx_memcmp(known->text, value->data, value->len) == 0))
        {
            return known->cells;
        }
    }
}


ngx_int_t
ngx_http_gateway_metrics_top_start(ngx_http_gateway_metrics_top_t *top)
{
    ngx_str_t  name;
    u_char     buf[sizeof("top ") - 1 + NGX_HTTP_GATEWAY_METRICS_TOP_NAME];

    if (top->other) {
        return top->sh ? NGX_OK : NGX_ERROR;
    }

    top->other = ngx_http_gateway_series_other(&top->metric);

    top->known = ngx_pcalloc(top->pool, top->size
                                  * sizeof(ngx_http_gateway_metrics_known_t));
    top->unknown = ngx_pcalloc(top->pool, NGX_HTTP_GATEWAY_METRICS_UNKNOWN
                                * sizeof(ngx_http_gateway_metrics_unknown_t));

    if (top->known == NULL || top->unknown == NULL
        || ngx_http_gateway_metrics_secret(top->secret) != NGX_OK)
    {
        return NGX_ERROR;
    }

    name.data = buf;
    name.len = ngx_sprintf(buf, "top %V", &top->name) - buf;

    top->sh = ngx_http_gateway_metrics_part(&name,
                                    sizeof(ngx_http_gateway_metrics_top_sh_t));

    if (top->sh == NULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "gateway_metrics_top \"%V\": no room in the zone, all "
                      "requests are counted in \"__other__\"", &top->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


uint64_t
ngx_http_gateway_metrics_top_key(const ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value)
{
    uint64_t  hash[2];

    gw_siphash(top->secret, value->data, value->len, hash);

    return hash[0] ? hash[0] : 1;
}


/*
 * Whether a value is a member, or becomes one.  All workers search from the
 * start, so that they find the member that another one has just added.
 */

static ngx_uint_t
ngx_http_gateway_metrics_top_member(ngx_http_gateway_metrics_top_t *top,
    uint64_t key)
{
    uint64_t                            used, found;
    ngx_uint_t                          i, n;
    ngx_http_gateway_metrics_top_sh_t  *sh;

    sh = top->sh;
    used = __atomic_load_n(&sh->used, __ATOMIC_SEQ_CST);
    used = ngx_min(used, NGX_HTTP_GATEWAY_METRICS_TOP_MAX);

    for (i = 0; i < used; i++) {
        if (__atomic_load_n(&sh->member[i], __ATOMIC_SEQ_CST) == key) {
            return 1;
        }
    }

    n = top->max;

    for (i = 0; i < n; i++) {

        found = __atomic_load_n(&sh->member[i], __ATOMIC_SEQ_CST);

        if (found == 0) {

            /* "used" first, for a process that is killed in between */

            while (used < i + 1
                   && !__atomic_compare_exchange_n(&sh->used, &used, i + 1, 0,
                                                   __ATOMIC_SEQ_CST,
                                                   __ATOMIC_SEQ_CST))
            {
                /* void */
            }

            if (__atomic_compare_exchange_n(&sh->member[i], &found, key, 0,
                                            __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST))
            {
                return 1;
            }
        }

        if (found == key) {
            return 1;
        }
    }

    return 0;
}


/*
 * In each set, a value without an entry lowers the smallest count instead
 * (Misra, Gries: "Finding repeated elements").  Requests that several processes
 * count at once may be lost: the figure is an estimate.
 */

static void
ngx_http_gateway_metrics_top_candidate(ngx_http_gateway_metrics_top_sh_t *sh,
    uint64_t key)
{
    uint64_t                               count, found, least;
    ngx_uint_t                             i;
    ngx_http_gateway_metrics_candidate_t  *set, *way;

    set = sh->candidate[(key >> 32) % NGX_HTTP_GATEWAY_METRICS_TOP_SETS];
    least = (uint64_t) -1;
    way = set;

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_TOP_WAYS; i++) {

        count = __atomic_load_n(&set[i].count, __ATOMIC_SEQ_CST);
        found = __atomic_load_n(&set[i].key, __ATOMIC_SEQ_CST);

        if (found == key) {
            (void) __atomic_fetch_add(&set[i].count, 1, __ATOMIC_SEQ_CST);
            return;
        }

        if (count < least) {
            least = count;
            way = &set[i];
        }
    }

    if (least) {
        (void) __atomic_compare_exchange_n(&way->count, &least, least - 1, 0,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        return;
    }

    found = __atomic_load_n(&way->key, __ATOMIC_SEQ_CST);

    if (__atomic_compare_exchange_n(&way->key, &found, key, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
    {
        (void) __atomic_fetch_add(&way->count, 1, __ATOMIC_SEQ_CST);
    }
}


/* a value that is longer than a label is found by its series each time */

static void
ngx_http_gateway_metrics_top_keep(ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value, uint64_t *cells, uint32_t node)
{
    ngx_uint_t                         i;
    gw_mark_t                          mark;
    ngx_http_gateway_metrics_known_t  *known;

    if (value->len > GW_LABEL_MAX) {
        return;
    }

    if (top->nknown >= top->size / 4 * 3) {
        ngx_memzero(top->known, top->size
                                * sizeof(ngx_http_gateway_metrics_known_t));
        top->nknown = 0;
    }

    mark = gw_mark(value->data, value->len);

    for (i = mark.hash; top->known[i & (top->size - 1)].cells; i++) {
        /* void */
    }

    known = &top->known[i & (top->size - 1)];

    known->cells = cells;
    known->node = node;
    known->mark = mark;
    ngx_memcpy(known->text, value->data, value->len);

    top->nknown++;
}


/* some series end: most of what is forgotten is found again */

void
ngx_http_gateway_metrics_top_forget(void *data)
{
    ngx_http_gateway_metrics_top_t *top = data;

    ngx_uint_t  i;

    for (i = 0; top->nknown && i < top->size; i++) {

        if (top->known[i].cells
            && ngx_http_gateway_series_ending(top->known[i].node))
        {
            ngx_memzero(top->known, top->size
                                    * sizeof(ngx_http_gateway_metrics_known_t));
            top->nknown = 0;
        }
    }

    /* the zone ends, too */

    if (ngx_http_gateway_metrics_number() == 0) {
        top->sh = NULL;
        top->other = NULL;
    }
}
