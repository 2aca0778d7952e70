/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * All families as a document: in a text format, or as JSON.
 *
 * A document is made in steps.  A step that does not fit into the output is
 * repeated with more room.  What a step needs of a series is read once, so that
 * all lines of a histogram agree, however long the client takes.
 */

#include "ngx_http_gateway_metrics_scrape.h"

#include <math.h>


/* labels of a series, each byte of its values escaped as in JSON */
#define NGX_HTTP_GATEWAY_METRICS_LINE  6144


typedef struct ngx_http_gateway_metrics_doc_s  ngx_http_gateway_metrics_doc_t;

/*
 * NGX_OK: the next step can follow.  NGX_AGAIN: to be repeated, maybe in a
 * later turn.  NGX_DONE: the document is complete.  NGX_ERROR: no memory.
 */
typedef ngx_int_t (*ngx_http_gateway_metrics_step_pt)(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);


/* a format; each returns whether the unit fits */

typedef struct {
    int                               (*head)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    int                               (*family)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    void                              (*labels)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    int                               (*value)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    int                               (*histogram)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    int                               (*family_end)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    int                               (*end)(
                                           ngx_http_gateway_metrics_doc_t *doc,
                                           gw_metrics_out_t *out);
    ngx_http_gateway_metrics_step_pt    tail;   /* after the families */
} ngx_http_gateway_metrics_form_t;


/* the bounds of a kind of histogram as text */

typedef struct {
    const gw_cells_t                   *cells;  /* NULL: not made yet */
    gw_text_t                           bounds[GW_CELLS_BUCKETS + 1];
    u_char                              room[GW_CELLS_BUCKETS + 1]
                                            [GW_METRICS_BOUND];
} ngx_http_gateway_metrics_bounds_t;


struct ngx_http_gateway_metrics_doc_s {
    ngx_http_request_t                 *request;
    const ngx_http_gateway_metrics_form_t  *form;
    gw_metrics_format_e                 format;
    ngx_http_gateway_metrics_step_pt    step;

    ngx_http_gateway_family_view_t     *views;
    ngx_uint_t                          nviews;
    ngx_uint_t                          at;     /* in views */
    ngx_uint_t                          first;  /* unsigned:1; JSON: no element
                                                   of the list so far */
    ngx_uint_t                          i;      /* of the tail */

    gw_metrics_family_t                 family;
    ngx_http_gateway_scan_t             scan;

    gw_metrics_histogram_t              histogram;
    ngx_uint_t                          line;   /* of the histogram, in text */
    gw_metrics_exemplar_t               exemplars[GW_CELLS_BUCKETS + 1];
    ngx_http_gateway_metrics_bounds_t   bounds[2];  /* seconds, bytes */

    gw_text_t                           labels; /* as the format has them */
    u_char                              room[NGX_HTTP_GATEWAY_METRICS_LINE];
};


static void *ngx_http_gateway_metrics_doc(ngx_http_request_t *r,
    const ngx_http_gateway_metrics_form_t *form);

static ngx_int_t ngx_http_gateway_metrics_step_head(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_family(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_read(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_write(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_family_end(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_end(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_problems(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);
static ngx_int_t ngx_http_gateway_metrics_step_notes(
    ngx_http_gateway_metrics_doc_t *doc, gw_metrics_out_t *out);

static void ngx_http_gateway_metrics_histogram(
    ngx_http_gateway_metrics_doc_t *doc);
static const gw_text_t *ngx_http_gateway_metrics_bounds(
    ngx_http_gateway_metrics_bounds_t *b, const gw_cells_t *cells,
    double unit);


/* in the order of ngx_http_gateway_metric_e */

static const gw_metrics_type_e  ngx_http_gateway_metrics_kinds[] = {
    GW_METRICS_COUNTER,         /* COUNTER */
    GW_METRICS_GAUGE,           /* GAUGE */
    GW_METRICS_GAUGE,           /* STATE */
    GW_METRICS_HISTOGRAM,       /* DURATION */
    GW_METRICS_HISTOGRAM,       /* SIZE */
    GW_METRICS_COUNTER          /* TOP */
};


/* text formats */

static int
ngx_http_gateway_metrics_nothing(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return 1;
}


static int
ngx_http_gateway_metrics_text_family(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_text_family(out, &doc->family, doc->format);
}


static void
ngx_http_gateway_metrics_text_labels(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    (void) gw_metrics_text_labels(out, &doc->family,
                                  (gw_text_t *) doc->scan.values);
}


static int
ngx_http_gateway_metrics_text_value(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_text_value(out, &doc->family, &doc->labels,
                                 doc->scan.value);
}


static int
ngx_http_gateway_metrics_text_histogram(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    while (doc->line < gw_metrics_text_lines(&doc->histogram)) {

        if (!gw_metrics_text_histogram(out, &doc->family, &doc->labels,
                                       &doc->histogram, doc->line,
                                       doc->format))
        {
            return 0;
        }

        doc->line++;
    }

    return 1;
}


static int
ngx_http_gateway_metrics_text_end(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    u_char  *start;

    start = out->p;

    if (doc->format == GW_METRICS_OPENMETRICS) {
        gw_metrics_puts(out, GW_METRICS_EOF);
    }

    return gw_metrics_unit(out, start);
}


static const ngx_http_gateway_metrics_form_t  ngx_http_gateway_metrics_texts = {
    ngx_http_gateway_metrics_nothing,
    ngx_http_gateway_metrics_text_family,
    ngx_http_gateway_metrics_text_labels,
    ngx_http_gateway_metrics_text_value,
    ngx_http_gateway_metrics_text_histogram,
    ngx_http_gateway_metrics_nothing,
    ngx_http_gateway_metrics_text_end,
    ngx_http_gateway_metrics_step_end
};


void *
ngx_http_gateway_metrics_text(ngx_http_request_t *r,
    gw_metrics_format_e format)
{
    ngx_http_gateway_metrics_doc_t  *doc;

    doc = ngx_http_gateway_metrics_doc(r, &ngx_http_gateway_metrics_texts);

    if (doc) {
        doc->format = format;
    }

    return doc;
}


/* JSON */

static int
ngx_http_gateway_metrics_json_head(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    u_char                                *start;
    ngx_time_t                            *tp;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(doc->request,
                                         ngx_http_gateway_metrics_module);
    tp = ngx_timeofday();
    start = out->p;

    gw_metrics_puts(out, "{\"version\":1,\"nginx\":\""
                         NGX_HTTP_GATEWAY_NGINX_VERSION "\",\"time\":");
    gw_metrics_put_seconds(out, (uint64_t) tp->sec * 1000000000
                                + tp->msec * 1000000);
    gw_metrics_puts(out, ",\"zone\":{\"name\":");
    gw_metrics_json_string(out, (gw_text_t *) &mmcf->zone.name);
    gw_metrics_puts(out, ",\"size\":");
    gw_metrics_put_decimal(out, mmcf->zone.size);
    gw_metrics_puts(out, "},\"families\":{");

    return gw_metrics_unit(out, start);
}


static int
ngx_http_gateway_metrics_json_family(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_json_family(out, &doc->family, doc->at == 0);
}


static void
ngx_http_gateway_metrics_json_labels(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    gw_metrics_json_labels(out, doc->family.labels,
                           (gw_text_t *) doc->scan.values,
                           doc->family.nlabels);
}


static int
ngx_http_gateway_metrics_json_value(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_json_value(out, &doc->labels, doc->scan.value,
                                 doc->first);
}


static int
ngx_http_gateway_metrics_json_histogram(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_json_histogram(out, &doc->labels, &doc->histogram,
                                     doc->first);
}


static int
ngx_http_gateway_metrics_json_family_end(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return gw_metrics_json_family_end(out);
}


static int
ngx_http_gateway_metrics_json_end(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    u_char  *start;

    start = out->p;
    gw_metrics_puts(out, "]}\n");

    return gw_metrics_unit(out, start);
}


static const ngx_http_gateway_metrics_form_t  ngx_http_gateway_metrics_jsons = {
    ngx_http_gateway_metrics_json_head,
    ngx_http_gateway_metrics_json_family,
    ngx_http_gateway_metrics_json_labels,
    ngx_http_gateway_metrics_json_value,
    ngx_http_gateway_metrics_json_histogram,
    ngx_http_gateway_metrics_json_family_end,
    ngx_http_gateway_metrics_json_end,
    ngx_http_gateway_metrics_step_problems
};


void *
ngx_http_gateway_metrics_json(ngx_http_request_t *r)
{
    return ngx_http_gateway_metrics_doc(r, &ngx_http_gateway_metrics_jsons);
}


/* begins a list that follows the families, or writes a comma */

static void
ngx_http_gateway_metrics_json_next(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    if (!doc->first) {
        gw_metrics_putc(out, ',');
    }
}


static ngx_int_t
ngx_http_gateway_metrics_step_problems(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    u_char                              *start;
    ngx_int_t                            rc;
    ngx_http_gateway_metrics_problem_t   problem;

    ngx_memzero(&problem, sizeof(problem));
    rc = ngx_http_gateway_metrics_problem(doc->i, doc->request->pool, &problem);
    start = out->p;

    if (doc->i == 0) {
        gw_metrics_puts(out, "},\"problems\":[");
    }

    if (rc == NGX_OK) {
        ngx_http_gateway_metrics_json_next(doc, out);
        gw_metrics_puts(out, "{\"alert\":");
        gw_metrics_json_string(out, (gw_text_t *) &problem.alert);
        gw_metrics_puts(out, ",\"since\":");
        gw_metrics_put_decimal(out, (uint64_t) ngx_max(problem.since, 0));
        gw_metrics_puts(out, ",\"labels\":");
        gw_metrics_json_labels(out, (gw_text_t *) problem.labels,
                               (gw_text_t *) problem.values, problem.nlabels);
        gw_metrics_puts(out, ",\"text\":");
        gw_metrics_json_string(out, (gw_text_t *) &problem.text);
        gw_metrics_putc(out, '}');
    }

    if (rc == NGX_ERROR || !gw_metrics_unit(out, start)) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_AGAIN;
    }

    doc->i++;
    doc->first = doc->first && rc != NGX_OK;

    if (rc == NGX_DONE) {
        doc->i = 0;
        doc->first = 1;
        doc->step = ngx_http_gateway_metrics_step_notes;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_step_notes(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    u_char     *start;
    ngx_int_t   rc;
    ngx_str_t   note;

    rc = ngx_http_gateway_metrics_note(doc->i, doc->request->pool, &note);
    start = out->p;

    if (doc->i == 0) {
        gw_metrics_puts(out, "],\"notes\":[");
    }

    if (rc == NGX_OK) {
        ngx_http_gateway_metrics_json_next(doc, out);
        gw_metrics_json_string(out, (gw_text_t *) &note);
    }

    if (rc == NGX_ERROR || !gw_metrics_unit(out, start)) {
        return (rc == NGX_ERROR) ? NGX_ERROR : NGX_AGAIN;
    }

    doc->i++;
    doc->first = doc->first && rc != NGX_OK;

    if (rc == NGX_DONE) {
        doc->step = ngx_http_gateway_metrics_step_end;
    }

    return NGX_OK;
}


/* documents */

static void *
ngx_http_gateway_metrics_doc(ngx_http_request_t *r,
    const ngx_http_gateway_metrics_form_t *form)
{
    ngx_http_gateway_metrics_doc_t  *doc;

    doc = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_metrics_doc_t));
    if (doc == NULL) {
        return NULL;
    }

    doc->request = r;
    doc->form = form;
    doc->step = ngx_http_gateway_metrics_step_head;
    doc->views = ngx_http_gateway_metric_families(&doc->nviews);

    if (doc->views == NULL) {
        doc->nviews = 0;
    }

    return doc;
}


ngx_int_t
ngx_http_gateway_metrics_make(ngx_http_gateway_metrics_scrape_t *scrape,
    gw_metrics_out_t *out)
{
    ngx_http_gateway_metrics_doc_t *doc = scrape->data;

    ngx_int_t  rc;

    do {
        rc = doc->step(doc, out);

        if (rc != NGX_OK) {
            return (rc == NGX_DONE) ? NGX_OK : rc;
        }

    } while (!ngx_http_gateway_metrics_late(scrape));

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_gateway_metrics_step_head(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    if (!doc->form->head(doc, out)) {
        return NGX_AGAIN;
    }

    doc->step = ngx_http_gateway_metrics_step_family;

    return ngx_http_gateway_scan_begin(&doc->scan, doc->request->pool);
}


static ngx_int_t
ngx_http_gateway_metrics_step_family(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    gw_metrics_family_t             *family;
    ngx_http_gateway_family_view_t  *view;

    doc->first = 1;

    if (doc->at == doc->nviews) {
        doc->step = doc->form->tail;
        return NGX_OK;
    }

    view = &doc->views[doc->at];
    family = &doc->family;

    family->name.len = view->name.len;
    family->name.data = view->name.data;
    family->help.len = view->help.len;
    family->help.data = view->help.data;
    family->nlabels = view->nlabels;
    family->labels = (gw_text_t *) view->labels;
    family->type = ngx_http_gateway_metrics_kinds[view->kind];

    if (!doc->form->family(doc, out)) {
        return NGX_AGAIN;
    }

    doc->step = ngx_http_gateway_metrics_step_read;

    return ngx_http_gateway_scan_family(&doc->scan, view);
}


/* reads the next sample */

static ngx_int_t
ngx_http_gateway_metrics_step_read(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    ngx_int_t         rc;
    gw_metrics_out_t  labels;

    rc = ngx_http_gateway_scan_next(&doc->scan);

    if (rc == NGX_DONE) {
        doc->step = ngx_http_gateway_metrics_step_family_end;
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (doc->scan.cells) {
        ngx_http_gateway_metrics_histogram(doc);
    }

    /* a copy: the series can end while the scrape waits for its client */

    labels.p = doc->room;
    labels.last = doc->room + sizeof(doc->room);
    labels.full = 0;

    doc->form->labels(doc, &labels);

    doc->labels.data = doc->room;
    doc->labels.len = labels.p - doc->room;
    doc->step = ngx_http_gateway_metrics_step_write;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_step_write(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    int  fits;

    fits = doc->scan.cells ? doc->form->histogram(doc, out)
                           : doc->form->value(doc, out);
    if (!fits) {
        return NGX_AGAIN;
    }

    doc->first = 0;
    doc->step = ngx_http_gateway_metrics_step_read;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_step_family_end(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    if (!doc->form->family_end(doc, out)) {
        return NGX_AGAIN;
    }

    doc->at++;
    doc->step = ngx_http_gateway_metrics_step_family;

    return NGX_OK;
}


static ngx_int_t
ngx_http_gateway_metrics_step_end(ngx_http_gateway_metrics_doc_t *doc,
    gw_metrics_out_t *out)
{
    return doc->form->end(doc, out) ? NGX_DONE : NGX_AGAIN;
}


/* calculates everything that is printed from one reading of the cells */

static void
ngx_http_gateway_metrics_histogram(ngx_http_gateway_metrics_doc_t *doc)
{
    ngx_uint_t                       i, seconds;
    const gw_cells_t                *cells;
    gw_metrics_histogram_t          *h;
    ngx_http_gateway_family_view_t  *view;

    static const double  quantiles[GW_METRICS_QUANTILES] = {
        0.5, 0.9, 0.99, 0.999
    };
    static const ngx_str_t  exemplary =
                                   ngx_string("http_request_duration_seconds");

    h = &doc->histogram;
    view = &doc->views[doc->at];
    cells = view->cells;
    seconds = (view->kind == NGX_HTTP_GATEWAY_METRIC_DURATION);

    (void) gw_cells_counts(cells, doc->scan.cells, h->counts);

    h->n = cells->nbuckets + 1;
    h->sum = doc->scan.cells[cells->n];
    h->seconds = seconds;
    h->bounds = ngx_http_gateway_metrics_bounds(&doc->bounds[!seconds], cells,
                                                seconds ? 1e9 : 1);
    h->exemplars = NULL;
    doc->line = 0;

    if (doc->format == GW_METRICS_OPENMETRICS
        && ngx_http_gateway_same(&view->name, &exemplary))
    {
        ngx_http_gateway_metrics_exemplars(doc->request, doc->scan.values,
                                           view->nlabels, doc->exemplars,
                                           h->n);
        h->exemplars = doc->exemplars;
    }

    if (doc->form == &ngx_http_gateway_metrics_jsons) {

        for (i = 0; i < GW_METRICS_QUANTILES; i++) {
            h->quantiles[i] = gw_cells_percentile(cells, doc->scan.cells,
                                                  quantiles[i])
                              / (seconds ? 1e9 : 1);
        }
    }
}


/* the texts are made once for each document */

static const gw_text_t *
ngx_http_gateway_metrics_bounds(ngx_http_gateway_metrics_bounds_t *b,
    const gw_cells_t *cells, double unit)
{
    ngx_uint_t  i;

    if (b->cells == cells) {
        return b->bounds;
    }

    b->cells = cells;

    for (i = 0; i <= cells->nbuckets; i++) {
        b->bounds[i].data = b->room[i];
        b->bounds[i].len = gw_metrics_bound(b->room[i],
                                            i < cells->nbuckets
                                            ? (double) cells->bucket[i] / unit
                                            : HUGE_VAL);
    }

    return b->bounds;
}
