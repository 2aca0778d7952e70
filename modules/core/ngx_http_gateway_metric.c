/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Families and series of a configuration, and counting in a worker: see
 * ngx_http_gateway_metric.h.
 */

#include "ngx_http_gateway_metric_private.h"
#include "ngx_http_gateway_say.h"


/* text of a series that is only known at run time, in bytes, for each label */
#define NGX_HTTP_GATEWAY_METRIC_TEXT  32

/* a vector with more series is taken to count few of them */
#define NGX_HTTP_GATEWAY_METRIC_DENSE  8

/* seconds until the next try to make a series of a vector that had no room */
#define NGX_HTTP_GATEWAY_METRIC_RETRY  10


static ngx_http_gateway_metrics_t *ngx_http_gateway_metric_conf(
    ngx_conf_t *cf);
static ngx_http_gateway_metric_family_t *ngx_http_gateway_metric_family(
    ngx_conf_t *cf, ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_t *metric);
static ngx_http_gateway_metric_family_t *ngx_http_gateway_metric_registered(
    ngx_http_gateway_metrics_t *m, const ngx_http_gateway_metric_t *metric);
static void ngx_http_gateway_metric_labels(
    ngx_http_gateway_metric_family_t *family);
static ngx_int_t ngx_http_gateway_metric_overflows(ngx_conf_t *cf,
    ngx_http_gateway_metrics_t *m, ngx_http_gateway_metric_family_t *family);
static uint64_t *ngx_http_gateway_metric_fold(ngx_http_gateway_metrics_t *m,
    ngx_http_gateway_metric_family_t *family);


/* of this worker; NULL: no zone */

ngx_http_gateway_metrics_t  *ngx_http_gateway_metrics;


static ngx_http_gateway_metric_t  ngx_http_gateway_metric_overflow = {
    "metrics_overflow_total",
    "Events of series that had no room, which are counted in the series with "
    "the labels \"__other__\" of the family.",
    "family", NGX_HTTP_GATEWAY_METRIC_COUNTER
};


uint64_t  ngx_http_gateway_metric_nowhere[GW_CELLS_MAX];


static ngx_http_gateway_metrics_t *
ngx_http_gateway_metric_conf(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    return gmcf->metrics;
}


ngx_uint_t
ngx_http_gateway_metrics_on(ngx_conf_t *cf)
{
    return ngx_http_gateway_metric_conf(cf) != NULL;
}


ngx_uint_t
ngx_http_gateway_metrics_known(ngx_conf_t *cf, const ngx_str_t *name)
{
    ngx_uint_t                          i;
    ngx_http_gateway_metrics_t         *m;
    ngx_http_gateway_metric_family_t  **family;

    m = ngx_http_gateway_metric_conf(cf);

    for (i = 0; m && i < m->families.nelts; i++) {
        family = m->families.elts;

        if (ngx_strlen(family[i]->metric->name) == name->len
            && ngx_strncmp(family[i]->metric->name, name->data, name->len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_gateway_metrics_routes(ngx_conf_t *cf, ngx_uint_t n)
{
    ngx_http_gateway_metrics_t  *m;

    m = ngx_http_gateway_metric_conf(cf);

    if (m) {
        m->routes += n;
    }
}


/* the last ones are the most likely */

static ngx_http_gateway_metric_family_t *
ngx_http_gateway_metric_registered(ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_t *metric)
{
    ngx_uint_t                          i;
    ngx_http_gateway_metric_family_t  **family;

    family = m->families.elts;

    for (i = m->families.nelts; i > 0; i--) {
        if (family[i - 1]->metric == metric) {
            return family[i - 1];
        }
    }

    for (i = m->families.nelts; i > 0; i--) {
        if (ngx_strcmp(family[i - 1]->metric->name, metric->name) == 0) {
            return family[i - 1];
        }
    }

    return NULL;
}


static ngx_http_gateway_metric_family_t *
ngx_http_gateway_metric_family(ngx_conf_t *cf, ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_t *metric)
{
    ngx_http_gateway_metric_family_t  *family, **added;

    family = ngx_http_gateway_metric_registered(m, metric);

    if (family) {
        return family;
    }

    family = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_metric_family_t));
    added = ngx_array_push(&m->families);

    if (family == NULL || added == NULL
        || ngx_array_init(&family->readers, cf->pool, 1,
                          sizeof(ngx_http_gateway_metric_reader_t))
           != NGX_OK)
    {
        return NULL;
    }

    family->metric = metric;
    ngx_http_gateway_metric_labels(family);

    *added = family;

    return family;
}


/* splits the names of labels at spaces */

static void
ngx_http_gateway_metric_labels(ngx_http_gateway_metric_family_t *family)
{
    const char  *p, *end;
    ngx_str_t   *label;

    for (p = family->metric->labels; *p; p = *end ? end + 1 : end) {
        for (end = p; *end && *end != ' '; end++) { /* void */ }

        label = &family->labels[family->nlabels++];
        label->data = (u_char *) p;
        label->len = end - p;
    }
}


ngx_int_t
ngx_http_gateway_series_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, const ngx_str_t *values,
    ngx_http_gateway_series_t **series)
{
    u_char                             *p;
    size_t                              text;
    ngx_uint_t                          i;
    ngx_http_gateway_series_t          *s, **added;
    ngx_http_gateway_metrics_t         *m;
    ngx_http_gateway_metric_family_t   *family;

    *series = NULL;

    m = ngx_http_gateway_metric_conf(cf);
    if (m == NULL) {
        return NGX_OK;
    }

    family = ngx_http_gateway_metric_family(cf, m, metric);
    if (family == NULL) {
        return NGX_ERROR;
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_series_t)
                              + family->nlabels * sizeof(ngx_str_t));
    added = ngx_array_push(&m->series);

    if (s == NULL || added == NULL) {
        return NGX_ERROR;
    }

    s->values = (ngx_str_t *) (s + 1);

    for (i = 0, text = 0; i < family->nlabels; i++) {
        p = ngx_pnalloc(cf->pool, GW_LABEL_MAX);
        if (p == NULL) {
            return NGX_ERROR;
        }

        s->values[i].len = gw_label_clean(p, values[i].data, values[i].len);
        s->values[i].data = p;
        text += s->values[i].len + 1;
    }

    s->cells = ngx_http_gateway_metric_nowhere;
    s->family = family;

    ngx_http_gateway_metric_need(m, family, text, 1);

    *added = s;
    *series = s;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_vector_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n,
    ngx_http_gateway_labels_pt labels, void *data,
    ngx_http_gateway_vector_t **vector)
{
    size_t                              text;
    ngx_str_t                           values[NGX_HTTP_GATEWAY_METRIC_LABELS];
    ngx_uint_t                          i;
    ngx_http_gateway_vector_t          *v, **added;
    ngx_http_gateway_metrics_t         *m;
    ngx_http_gateway_metric_family_t   *family;

    *vector = NULL;

    m = ngx_http_gateway_metric_conf(cf);
    if (m == NULL || n == 0) {
        return NGX_OK;
    }

    family = ngx_http_gateway_metric_family(cf, m, metric);
    if (family == NULL
        || ngx_http_gateway_metric_overflows(cf, m, family) != NGX_OK)
    {
        return NGX_ERROR;
    }

    v = ngx_pcalloc(cf->pool, sizeof(ngx_http_gateway_vector_t));
    added = ngx_array_push(&m->vectors);

    if (v == NULL || added == NULL) {
        return NGX_ERROR;
    }

    v->family = family;
    v->n = n;
    v->labels = labels;
    v->data = data;

    ngx_memzero(values, sizeof(values));
    labels(data, 0, values);

    for (i = 0, text = 0; i < family->nlabels; i++) {
        text += ngx_min(values[i].len, GW_LABEL_MAX) + 1;
    }

    ngx_http_gateway_metric_need(m, family, text,
                                 n > NGX_HTTP_GATEWAY_METRIC_DENSE ? 1 : n);

    *added = v;
    *vector = v;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_family_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n)
{
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_family_t  *family;

    m = ngx_http_gateway_metric_conf(cf);
    if (m == NULL) {
        return NGX_OK;
    }

    family = ngx_http_gateway_metric_family(cf, m, metric);
    if (family == NULL) {
        return NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    ngx_http_gateway_metric_need(m, family,
                                 family->nlabels
                                 * NGX_HTTP_GATEWAY_METRIC_TEXT, n);

    return ngx_http_gateway_metric_overflows(cf, m, family);
}


ngx_int_t
ngx_http_gateway_reader_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_http_gateway_reader_pt read,
    void *data)
{
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_family_t  *family;
    ngx_http_gateway_metric_reader_t  *reader;

    m = ngx_http_gateway_metric_conf(cf);
    if (m == NULL) {
        return NGX_OK;
    }

    family = ngx_http_gateway_metric_family(cf, m, metric);
    reader = family ? ngx_array_push(&family->readers) : NULL;

    if (reader == NULL) {
        return NGX_ERROR;
    }

    reader->read = read;
    reader->data = data;

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_forget_add(ngx_conf_t *cf, ngx_http_gateway_forget_pt forget,
    void *data)
{
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_forget_t  *added;

    m = ngx_http_gateway_metric_conf(cf);
    if (m == NULL) {
        return NGX_OK;
    }

    added = ngx_array_push(&m->forgets);
    if (added == NULL) {
        return NGX_ERROR;
    }

    added->forget = forget;
    added->data = data;

    return NGX_OK;
}


/* series of the family are made at run time, and may find no room */

static ngx_int_t
ngx_http_gateway_metric_overflows(ngx_conf_t *cf,
    ngx_http_gateway_metrics_t *m, ngx_http_gateway_metric_family_t *family)
{
    ngx_str_t  name;

    if (family->overflow) {
        return NGX_OK;
    }

    name.len = sizeof("nginx_gateway_") - 1
               + ngx_strlen(family->metric->name);
    name.data = ngx_pnalloc(cf->pool, name.len);

    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, "nginx_gateway_%s", family->metric->name);

    ngx_http_gateway_metric_need(m, family, family->nlabels * 10, 1);

    return ngx_http_gateway_series_add(cf, &ngx_http_gateway_metric_overflow,
                                       &name, &family->overflow);
}


void
ngx_http_gateway_metric_need(ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, size_t text, ngx_uint_t n)
{
    gw_series_name_t  name;

    ngx_http_gateway_metric_name(m, family, &name);
    name.other = 1;

    m->need.nodes += n;
    m->need.text += n * ngx_align(text, 16);

    /* the number of words of gauges is known when the zone is made */

    if (name.kind == GW_SERIES_GAUGE) {
        m->need_gauges += n;

    } else {
        m->need.cells += n * gw_series_cells(&name, 0, 0);
    }
}


void
ngx_http_gateway_metric_name(const ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, gw_series_name_t *name)
{
    ngx_memzero(name, sizeof(gw_series_name_t));

    name->name = family->metric->name;
    name->family = family->id;
    name->nlabels = family->nlabels;
    name->cells = 1;

    switch (family->metric->kind) {

    case NGX_HTTP_GATEWAY_METRIC_COUNTER:
        break;

    case NGX_HTTP_GATEWAY_METRIC_GAUGE:
        name->kind = GW_SERIES_GAUGE;
        break;

    case NGX_HTTP_GATEWAY_METRIC_STATE:
        name->kind = GW_SERIES_STATE;
        break;

    case NGX_HTTP_GATEWAY_METRIC_DURATION:
        name->cells = m->durations.n + 1;
        break;

    case NGX_HTTP_GATEWAY_METRIC_SIZE:
        name->cells = m->sizes.n + 1;
        break;

    case NGX_HTTP_GATEWAY_METRIC_TOP:
        name->cells = NGX_HTTP_GATEWAY_TOP_CELLS;
        name->folds = 1;
        break;
    }
}


uint32_t
ngx_http_gateway_metric_find(ngx_http_gateway_metrics_t *m,
    const ngx_http_gateway_metric_family_t *family, const ngx_str_t *values,
    ngx_uint_t named)
{
    u_char            *p, text[NGX_HTTP_GATEWAY_METRIC_LABELS * GW_LABEL_MAX];
    ngx_uint_t         i;
    gw_text_t          label[NGX_HTTP_GATEWAY_METRIC_LABELS];
    gw_series_name_t   name;

    p = text;

    for (i = 0; i < family->nlabels; i++) {
        label[i].data = p;

        if (values) {
            label[i].len = gw_label_clean(p, values[i].data, values[i].len);

        } else {
            label[i].len = sizeof("__other__") - 1;
            ngx_memcpy(p, "__other__", sizeof("__other__") - 1);
        }

        p += label[i].len;
    }

    ngx_http_gateway_metric_name(m, family, &name);

    name.labels = label;
    name.named = named;
    name.other = (values == NULL);

    return gw_series_find(&m->store, &name);
}


uint64_t *
ngx_http_gateway_metric_words(ngx_http_gateway_metrics_t *m, uint32_t node)
{
    uint64_t  *words;

    words = gw_series_words(&m->store, node);

    return words ? words : ngx_http_gateway_metric_nowhere;
}


static ngx_inline void
ngx_http_gateway_metric_observe(const gw_cells_t *layout, uint64_t *cells,
    uint64_t value)
{
    (void) __atomic_fetch_add(&cells[gw_cells_index(layout, value)], 1,
                              __ATOMIC_RELAXED);
    (void) __atomic_fetch_add(&cells[layout->n], value, __ATOMIC_RELAXED);
}


void
ngx_http_gateway_observe_duration(ngx_http_gateway_series_t *s, uint64_t ns)
{
    if (ngx_http_gateway_metrics) {
        ngx_http_gateway_metric_observe(&ngx_http_gateway_metrics->durations,
                                        s->cells, ns);
    }
}


void
ngx_http_gateway_observe_bytes(ngx_http_gateway_series_t *s, uint64_t bytes)
{
    if (ngx_http_gateway_metrics) {
        ngx_http_gateway_metric_observe(&ngx_http_gateway_metrics->sizes,
                                        s->cells, bytes);
    }
}


/*
 * A row without room keeps no cells: each event must be counted as folded.  The
 * series is tried again after some seconds.
 */

uint64_t *
ngx_http_gateway_cells_at(ngx_http_gateway_vector_t *v, ngx_uint_t i)
{
    uint32_t                     node;
    ngx_str_t                    values[NGX_HTTP_GATEWAY_METRIC_LABELS];
    ngx_http_gateway_row_t      *row;
    ngx_http_gateway_metrics_t  *m;

    m = ngx_http_gateway_metrics;

    if (m == NULL || v == NULL || i >= v->n) {
        return ngx_http_gateway_metric_nowhere;
    }

    if (v->rows == NULL) {
        v->rows = ngx_pcalloc(m->pool, v->n * sizeof(ngx_http_gateway_row_t));

        if (v->rows == NULL) {
            return ngx_http_gateway_metric_fold(m, v->family);
        }
    }

    row = &v->rows[i];

    if (row->cells) {
        return row->cells;
    }

    if (row->node > (uint64_t) ngx_time()) {
        return ngx_http_gateway_metric_fold(m, v->family);
    }

    ngx_memzero(values, sizeof(values));
    v->labels(v->data, i, values);

    node = ngx_http_gateway_metric_find(m, v->family, values, 1);

    if (node == 0) {
        row->node = ngx_time() + NGX_HTTP_GATEWAY_METRIC_RETRY;
        return ngx_http_gateway_metric_fold(m, v->family);
    }

    row->node = node;
    row->cells = ngx_http_gateway_metric_words(m, node);

    return row->cells;
}


uint64_t *
ngx_http_gateway_series_find(const ngx_http_gateway_metric_t *metric,
    const ngx_str_t *values, uint32_t *node)
{
    uint32_t                           found;
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_family_t  *family;

    m = ngx_http_gateway_metrics;
    family = m ? ngx_http_gateway_metric_registered(m, metric) : NULL;
    found = family ? ngx_http_gateway_metric_find(m, family, values, 0) : 0;

    if (node) {
        *node = found;
    }

    if (found) {
        return ngx_http_gateway_metric_words(m, found);
    }

    return family ? ngx_http_gateway_metric_fold(m, family)
                  : ngx_http_gateway_metric_nowhere;
}


uint64_t *
ngx_http_gateway_series_other(const ngx_http_gateway_metric_t *metric)
{
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_family_t  *family;

    m = ngx_http_gateway_metrics;
    family = m ? ngx_http_gateway_metric_registered(m, metric) : NULL;

    return (family && family->other) ? family->other
                                     : ngx_http_gateway_metric_nowhere;
}


/* counts an event that is folded */

static uint64_t *
ngx_http_gateway_metric_fold(ngx_http_gateway_metrics_t *m,
    ngx_http_gateway_metric_family_t *family)
{
    ngx_http_gateway_add(family->overflow, 1);

    if (ngx_http_gateway_may_say((ngx_atomic_t *) gw_series_word(&m->store),
                                 NGX_HTTP_GATEWAY_SAY))
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "gateway_metrics_zone \"%V\" has no room for a series "
                      "of nginx_gateway_%s, counting it as \"__other__\"",
                      &m->name, family->metric->name);
    }

    return family->other ? family->other : ngx_http_gateway_metric_nowhere;
}


ngx_uint_t
ngx_http_gateway_series_ending(uint32_t node)
{
    return node
           && (ngx_http_gateway_metrics == NULL
               || gw_series_ending(&ngx_http_gateway_metrics->store, node));
}
