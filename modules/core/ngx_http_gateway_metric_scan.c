/* SPDX-License-Identifier: BSD-2-Clause */

/* reading families: see ngx_http_gateway_metric.h */

#include "ngx_http_gateway_metric_private.h"


/* samples that a reader may lack before a turn ends */
#define NGX_HTTP_GATEWAY_SCAN_READS  8


static void ngx_http_gateway_metric_view(ngx_http_gateway_metrics_t *m,
    ngx_http_gateway_metric_family_t *family, ngx_uint_t top,
    ngx_http_gateway_family_view_t *view);
static ngx_int_t ngx_http_gateway_scan_rows(ngx_http_gateway_scan_t *scan);
static ngx_int_t ngx_http_gateway_scan_top(ngx_http_gateway_scan_t *scan);
static ngx_uint_t ngx_http_gateway_scan_node(ngx_http_gateway_scan_t *scan);
static ngx_int_t ngx_http_gateway_scan_reader(ngx_http_gateway_scan_t *scan);
static void ngx_http_gateway_scan_found(ngx_http_gateway_scan_t *scan,
    const gw_series_found_t *found);
static int ngx_http_gateway_scan_gone(void *data, uint64_t process);


static ngx_str_t  ngx_http_gateway_top_class = ngx_string("class");

static ngx_str_t  ngx_http_gateway_top_classes[] = {
    ngx_string("1xx"),
    ngx_string("2xx"),
    ngx_string("3xx"),
    ngx_string("4xx"),
    ngx_string("5xx"),
    ngx_string("limited"),
    ngx_string("denied")
};


ngx_int_t
ngx_http_gateway_metric_views(ngx_http_gateway_metrics_t *m)
{
    ngx_uint_t                          i;
    ngx_http_gateway_family_view_t     *view;
    ngx_http_gateway_metric_family_t  **family;

    if (ngx_array_init(&m->views, m->pool, m->families.nelts + 8,
                       sizeof(ngx_http_gateway_family_view_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    family = m->families.elts;

    for (i = 0; i < m->families.nelts; i++) {
        view = ngx_array_push(&m->views);
        if (view == NULL) {
            return NGX_ERROR;
        }

        if (family[i]->metric->kind != NGX_HTTP_GATEWAY_METRIC_TOP) {
            ngx_http_gateway_metric_view(m, family[i], 0, view);
            continue;
        }

        ngx_http_gateway_metric_view(m, family[i], 1, view);

        view = ngx_array_push(&m->views);
        if (view == NULL) {
            return NGX_ERROR;
        }

        ngx_http_gateway_metric_view(m, family[i], 2, view);

        if (view->name.data == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_gateway_metric_view(ngx_http_gateway_metrics_t *m,
    ngx_http_gateway_metric_family_t *family, ngx_uint_t top,
    ngx_http_gateway_family_view_t *view)
{
    ngx_memzero(view, sizeof(ngx_http_gateway_family_view_t));

    view->metric = family->metric;
    view->family = family;
    view->top = top;
    view->name.data = (u_char *) family->metric->name;
    view->name.len = ngx_strlen(family->metric->name);
    view->help.data = (u_char *) family->metric->help;
    view->help.len = ngx_strlen(family->metric->help);
    view->nlabels = family->nlabels;
    ngx_memcpy(view->labels, family->labels, sizeof(family->labels));

    switch (top) {

    case 0:
        view->kind = family->metric->kind;

        view->cells = (view->kind == NGX_HTTP_GATEWAY_METRIC_DURATION)
                      ? &m->durations
                      : (view->kind == NGX_HTTP_GATEWAY_METRIC_SIZE)
                        ? &m->sizes : NULL;
        return;

    case 1:
        view->labels[view->nlabels++] = ngx_http_gateway_top_class;
        return;

    default:
        ngx_str_set(&view->help,
                    "Bytes of responses, for the same values.");

        /* after "<name>" */

        view->name.len -= ngx_min(view->name.len,
                                  sizeof("_requests_total") - 1);
        view->name.data = ngx_pnalloc(m->pool, view->name.len
                                      + sizeof("_response_bytes_total"));

        if (view->name.data) {
            view->name.len =
                ngx_sprintf(view->name.data, "%*s_response_bytes_total",
                            view->name.len, family->metric->name)
                - view->name.data;
        }
    }
}


ngx_http_gateway_family_view_t *
ngx_http_gateway_metric_families(ngx_uint_t *n)
{
    *n = ngx_http_gateway_metrics ? ngx_http_gateway_metrics->views.nelts : 0;

    return ngx_http_gateway_metrics ? ngx_http_gateway_metrics->views.elts
                                    : NULL;
}


ngx_int_t
ngx_http_gateway_scan_begin(ngx_http_gateway_scan_t *scan, ngx_pool_t *pool)
{
    ngx_http_gateway_metrics_t  *m;

    m = ngx_http_gateway_metrics;

    scan->pool = pool;
    scan->family = NULL;
    scan->rows = NULL;

    if (m == NULL) {
        return NGX_OK;
    }

    scan->live = ngx_pcalloc(pool, GW_SERIES_PLACES / 8);
    if (scan->live == NULL) {
        return NGX_ERROR;
    }

    scan->born = gw_series_born(&m->store);
    gw_series_live(&m->store, scan->live, ngx_http_gateway_scan_gone, NULL);

    return NGX_OK;
}


static int
ngx_http_gateway_scan_gone(void *data, uint64_t process)
{
    return (int) ngx_http_gateway_process_gone(process);
}


ngx_int_t
ngx_http_gateway_scan_family(ngx_http_gateway_scan_t *scan,
    ngx_http_gateway_family_view_t *family)
{
    scan->family = family;
    scan->at = 0;
    scan->class = 0;
    scan->reader = 0;
    scan->i = 0;
    scan->key = 0;
    scan->node = 0;

    if (scan->rows) {
        (void) ngx_pfree(scan->pool, scan->rows);
        scan->rows = NULL;
    }

    return family->top ? ngx_http_gateway_scan_rows(scan) : NGX_OK;
}


/*
 * Series that are made between the two calls are younger than the scrape.  The
 * text is copied: a series can end while the scrape waits for its client.
 */

static ngx_int_t
ngx_http_gateway_scan_rows(ngx_http_gateway_scan_t *scan)
{
    u_char                            *p, *text;
    size_t                             i, k, n, size;
    gw_series_row_t                   *row;
    ngx_http_gateway_metrics_t        *m;
    ngx_http_gateway_metric_family_t  *family;

    m = ngx_http_gateway_metrics;
    family = scan->family->family;
    scan->nrows = 0;

    if (m == NULL) {
        return NGX_OK;
    }

    n = gw_series_rows(&m->store, family->id, scan->born, NULL, 0);

    /* larger than what a pool allocates in its blocks: it can be freed */

    size = n * (sizeof(gw_series_row_t)
                + family->nlabels * (1 + GW_LABEL_MAX));

    row = ngx_palloc(scan->pool, ngx_max(size, NGX_MAX_ALLOC_FROM_POOL + 1));
    if (row == NULL) {
        return NGX_ERROR;
    }

    scan->rows = row;
    scan->nrows = ngx_min(gw_series_rows(&m->store, family->id, scan->born,
                                         row, n), n);

    text = (u_char *) (row + n);

    for (i = 0; i < scan->nrows; i++) {
        p = row[i].found.text;

        for (k = 0; k < family->nlabels; k++) {
            p += 1 + *p;
        }

        size = p - row[i].found.text;
        row[i].found.text = ngx_cpymem(text, row[i].found.text, size) - size;
        text += size;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_scan_next(ngx_http_gateway_scan_t *scan)
{
    const gw_cells_t                *cells;
    ngx_http_gateway_family_view_t  *view;

    view = scan->family;
    cells = view->cells;

    if (ngx_http_gateway_metrics == NULL) {
        return NGX_DONE;
    }

    if (view->top) {
        return ngx_http_gateway_scan_top(scan);
    }

    if (!ngx_http_gateway_scan_node(scan)) {
        return ngx_http_gateway_scan_reader(scan);
    }

    scan->cells = cells ? scan->sums : NULL;
    scan->value = (view->kind == NGX_HTTP_GATEWAY_METRIC_GAUGE)
                  ? (double) (int64_t) scan->sums[0] : (double) scan->sums[0];

    return NGX_OK;
}


/* the next series that is not an empty "__other__", with its sums; 0: none */

static ngx_uint_t
ngx_http_gateway_scan_node(ngx_http_gateway_scan_t *scan)
{
    ngx_uint_t                       n;
    gw_series_found_t                found;
    ngx_http_gateway_metrics_t      *m;
    ngx_http_gateway_family_view_t  *view;

    m = ngx_http_gateway_metrics;
    view = scan->family;
    n = view->cells ? view->cells->n + 1 : 1;

    while (scan->at != NGX_MAX_UINT32_VALUE) {
        scan->at = gw_series_next(&m->store, view->family->id, scan->at,
                                  scan->born, &found);

        if (scan->at == 0) {
            scan->at = NGX_MAX_UINT32_VALUE;
            break;
        }

        gw_series_sum(&m->store, found.node, scan->live, scan->sums, n);

        if (found.other
            && (view->cells ? gw_cells_count(view->cells, scan->sums)
                            : scan->sums[0])
               == 0)
        {
            continue;
        }

        ngx_http_gateway_scan_found(scan, &found);

        return 1;
    }

    return 0;
}


/* a class without requests has no sample */

static ngx_int_t
ngx_http_gateway_scan_top(ngx_http_gateway_scan_t *scan)
{
    ngx_uint_t        n;
    gw_series_row_t  *row;

    n = scan->family->family->nlabels;

    for ( /* void */ ; scan->at < scan->nrows; scan->at++, scan->class = 0) {

        row = (gw_series_row_t *) scan->rows + scan->at;
        ngx_http_gateway_scan_found(scan, &row->found);

        if (scan->family->top == 2) {
            scan->at++;
            scan->value = (double) row->sum[NGX_HTTP_GATEWAY_TOP_BYTES];

            if (row->found.other && scan->value == 0) {
                scan->at--;
                continue;
            }

            return NGX_OK;
        }

        while (scan->class < NGX_HTTP_GATEWAY_TOP_BYTES) {
            scan->value = (double) row->sum[scan->class++];

            if (scan->value != 0) {
                scan->values[n] =
                    ngx_http_gateway_top_classes[scan->class - 1];
                return NGX_OK;
            }
        }
    }

    return NGX_DONE;
}


ngx_int_t
ngx_http_gateway_scan_series(ngx_http_gateway_scan_t *scan)
{
    gw_series_row_t  *row;

    if (ngx_http_gateway_metrics == NULL) {
        return NGX_DONE;
    }

    if (!scan->family->top) {
        if (!ngx_http_gateway_scan_node(scan)) {
            return NGX_DONE;
        }

        scan->cells = scan->sums;

        return NGX_OK;
    }

    if (scan->at == scan->nrows) {
        return NGX_DONE;
    }

    row = (gw_series_row_t *) scan->rows + scan->at++;

    ngx_http_gateway_scan_found(scan, &row->found);
    scan->cells = row->sum;

    return NGX_OK;
}


/* sets the label values */

static void
ngx_http_gateway_scan_found(ngx_http_gateway_scan_t *scan,
    const gw_series_found_t *found)
{
    u_char      *p;
    ngx_uint_t   i;

    p = found->text;

    for (i = 0; i < scan->family->family->nlabels; i++) {
        scan->values[i].len = *p++;
        scan->values[i].data = p;
        p += scan->values[i].len;
    }

    scan->key = found->key;
    scan->node = found->node;
    scan->cells = NULL;
}


static ngx_int_t
ngx_http_gateway_scan_reader(ngx_http_gateway_scan_t *scan)
{
    u_char                            *p;
    ngx_int_t                          rc;
    ngx_uint_t                         i, n;
    ngx_array_t                       *readers;
    ngx_http_gateway_sample_t          sample;
    ngx_http_gateway_metric_reader_t  *reader;

    readers = &scan->family->family->readers;
    reader = readers->elts;

    scan->key = 0;
    scan->node = 0;
    scan->cells = NULL;

    for (n = 0; n < NGX_HTTP_GATEWAY_SCAN_READS; n++) {

        if (scan->reader == readers->nelts) {
            return NGX_DONE;
        }

        ngx_memzero(&sample, sizeof(ngx_http_gateway_sample_t));

        rc = reader[scan->reader].read(reader[scan->reader].data, scan->i++,
                                       scan->pool, &sample);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc == NGX_AGAIN) {
            scan->i--;
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {
            scan->reader++;
            scan->i = 0;
            continue;
        }

        p = scan->text;

        for (i = 0; i < scan->family->nlabels; i++) {
            scan->values[i].data = p;
            scan->values[i].len = gw_label_clean(p, sample.values[i].data,
                                                 sample.values[i].len);
            p += scan->values[i].len;
        }

        scan->value = sample.value;

        return NGX_OK;
    }

    return NGX_AGAIN;
}
