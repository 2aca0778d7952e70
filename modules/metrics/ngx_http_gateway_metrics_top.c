/* SPDX-License-Identifier: BSD-2-Clause */

/* In LOG: counts requests by the values of variables. */

#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_metrics_top.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_METRICS_UNKNOWN  1024  /* a power of 2 */
#define NGX_HTTP_GATEWAY_METRICS_MARKED   16    /* bytes of head and tail */


static void ngx_http_gateway_metrics_top_variable(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_metrics_top_t *top,
    ngx_uint_t status);
static void ngx_http_gateway_metrics_top_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value, ngx_uint_t status);
static ngx_uint_t ngx_http_gateway_metrics_top_class(
    ngx_http_gateway_request_t *gr, ngx_uint_t status);
static uint64_t *ngx_http_gateway_metrics_top_new(
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value,
    const ngx_http_gateway_metrics_mark_t *mark);
static ngx_uint_t ngx_http_gateway_metrics_top_member(
    ngx_http_gateway_metrics_top_t *top, uint64_t key);
static void ngx_http_gateway_metrics_top_candidate(
    ngx_http_gateway_metrics_top_sh_t *sh, uint64_t key);
static void ngx_http_gateway_metrics_top_keep(
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value,
    const ngx_http_gateway_metrics_mark_t *mark, uint64_t *cells,
    uint32_t node);


static const ngx_str_t  ngx_http_gateway_metrics_top_other =
    ngx_string("__other__");


void
ngx_http_gateway_metrics_tops_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t status)
{
    ngx_str_t                             *value;
    ngx_uint_t                             i;
    ngx_http_gateway_metrics_top_t       **top;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_gateway_metrics_module);

    top = mmcf->tops.elts;

    for (i = 0; i < mmcf->tops.nelts; i++) {

        if (top[i]->index != NGX_DECLINED) {
            ngx_http_gateway_metrics_top_variable(r, gr, top[i], status);

        } else if (gr) {
            value = (ngx_str_t *) ((u_char *) gr + top[i]->offset);

            if (value->len) {
                ngx_http_gateway_metrics_top_log(r, gr, top[i], value, status);
            }
        }
    }
}


static void
ngx_http_gateway_metrics_top_variable(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_metrics_top_t *top,
    ngx_uint_t status)
{
    ngx_str_t                   value;
    ngx_http_variable_value_t  *vv;

    vv = ngx_http_get_flushed_variable(r, top->index);

    if (vv == NULL || vv->not_found || vv->len == 0) {
        return;
    }

    value.len = vv->len;
    value.data = vv->data;

    ngx_http_gateway_metrics_top_log(r, gr, top, &value, status);
}


/* a response with 5xx is a failure of the gateway, whatever its reason */

static ngx_uint_t
ngx_http_gateway_metrics_top_class(ngx_http_gateway_request_t *gr,
    ngx_uint_t status)
{
    ngx_http_gateway_refusal_t  *refusal;

    if (gr && gr->refusals && status < NGX_HTTP_INTERNAL_SERVER_ERROR) {

        refusal = ngx_http_gateway_refused(gr);

        if (refusal) {
            return gw_reason_auth(refusal->reason)
                   ? NGX_HTTP_GATEWAY_TOP_DENIED
                   : NGX_HTTP_GATEWAY_TOP_LIMITED;
        }
    }

    return (status >= 100 && status < NGX_HTTP_INTERNAL_SERVER_ERROR)
           ? NGX_HTTP_GATEWAY_TOP_1XX + status / 100 - 1
           : NGX_HTTP_GATEWAY_TOP_5XX;
}


/* "value" is not empty */

static ngx_inline void
ngx_http_gateway_metrics_top_mark(const ngx_str_t *value,
    ngx_http_gateway_metrics_mark_t *mark)
{
    size_t         len;
    uint32_t       first, last;
    uint64_t       mixed;
    const u_char  *p;

    p = value->data;
    len = value->len;
    mark->len = (uint32_t) len;

    if (len >= sizeof(uint64_t)) {
        ngx_memcpy(&mark->head, p, sizeof(uint64_t));
        ngx_memcpy(&mark->tail, p + len - sizeof(uint64_t), sizeof(uint64_t));

    } else if (len >= sizeof(uint32_t)) {
        ngx_memcpy(&first, p, sizeof(uint32_t));
        ngx_memcpy(&last, p + len - sizeof(uint32_t), sizeof(uint32_t));
        mark->head = first;
        mark->tail = last;

    } else {
        mark->head = p[0] | (uint32_t) p[len / 2] << 8
                     | (uint32_t) p[len - 1] << 16;
        mark->tail = 0;
    }

    if (len > NGX_HTTP_GATEWAY_METRICS_MARKED) {
        mark->hash = ngx_murmur_hash2(value->data, len);
        return;
    }

    /*
     * Odd numbers with well distributed bits.  A product carries bits upwards
     * only, and the last bytes of a value are the upper ones.
     */

    mixed = mark->head ^ mark->tail * 0x9e3779b97f4a7c15;
    mixed ^= mixed >> 32;
    mark->hash = (mixed * 0xc2b2ae3d27d4eb4f) >> 32;
}


static ngx_inline ngx_uint_t
ngx_http_gateway_metrics_top_same(
    const ngx_http_gateway_metrics_known_t *known, const ngx_str_t *value,
    const ngx_http_gateway_metrics_mark_t *mark)
{
    return known->mark.head == mark->head && known->mark.tail == mark->tail
           && known->mark.len == mark->len
           && (mark->len <= NGX_HTTP_GATEWAY_METRICS_MARKED
               || ngx_memcmp(known->text, value->data, value->len) == 0);
}


static void
ngx_http_gateway_metrics_top_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value, ngx_uint_t status)
{
    uint64_t                          *cells;
    ngx_uint_t                         i, class;
    ngx_http_gateway_metrics_mark_t    mark;
    ngx_http_gateway_metrics_known_t  *known;

    ngx_http_gateway_metrics_top_mark(value, &mark);

    cells = NULL;

    for (i = mark.hash; top->nknown; i++) {
        known = &top->known[i & (top->size - 1)];

        if (known->cells == NULL
            || ngx_http_gateway_metrics_top_same(known, value, &mark))
        {
            cells = known->cells;
            break;
        }
    }

    if (cells == NULL) {
        cells = ngx_http_gateway_metrics_top_new(top, value, &mark);
    }

    class = ngx_http_gateway_metrics_top_class(gr, status);

    (void) __atomic_fetch_add(&cells[class], 1, __ATOMIC_SEQ_CST);
    (void) __atomic_fetch_add(&cells[NGX_HTTP_GATEWAY_TOP_BYTES],
                              r->connection->sent, __ATOMIC_SEQ_CST);
}


/* a value that this worker does not count yet */

static uint64_t *
ngx_http_gateway_metrics_top_new(ngx_http_gateway_metrics_top_t *top,
    const ngx_str_t *value, const ngx_http_gateway_metrics_mark_t *mark)
{
    u_char                               buf[GW_LABEL_MAX];
    uint32_t                             node;
    uint64_t                             key, generation, *cells;
    ngx_str_t                            clean;
    ngx_http_gateway_metrics_unknown_t  *unknown;

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
        ngx_http_gateway_metrics_top_keep(top, value, mark, cells, node);
    }

    return cells;
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
    const ngx_str_t *value, const ngx_http_gateway_metrics_mark_t *mark,
    uint64_t *cells, uint32_t node)
{
    ngx_uint_t                         i;
    ngx_http_gateway_metrics_known_t  *known;

    if (value->len > GW_LABEL_MAX) {
        return;
    }

    if (top->nknown >= top->size / 4 * 3) {
        ngx_memzero(top->known, top->size
                                * sizeof(ngx_http_gateway_metrics_known_t));
        top->nknown = 0;
    }

    for (i = mark->hash; top->known[i & (top->size - 1)].cells; i++) {
        /* void */
    }

    known = &top->known[i & (top->size - 1)];

    known->cells = cells;
    known->node = node;
    known->mark = *mark;
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
