/* SPDX-License-Identifier: BSD-2-Clause */

/* the document of the history */

#include "ngx_http_gateway_metrics_history.h"
#include "ngx_http_gateway_metrics_scrape.h"

#include <math.h>


#define NGX_HTTP_GATEWAY_METRICS_POINTS  360    /* of a row, at most */


typedef struct {
    gw_history_t                       *history;
    time_t                              since;
    ngx_uint_t                          track;
    ngx_uint_t                          step;
    ngx_uint_t                          row;
    ngx_uint_t                          stage;
    ngx_uint_t                          some;       /* unsigned:1; a series was
                                                       written */
    uint64_t                            from;       /* of the step's rows */
    ngx_uint_t                          n;
    gw_history_subject_t                subject;
    float                               points[
                                            NGX_HTTP_GATEWAY_METRICS_POINTS];
} ngx_http_gateway_metrics_doc_t;


static int ngx_http_gateway_metrics_put_subject(gw_metrics_out_t *out,
    ngx_http_gateway_metrics_doc_t *doc);
static int ngx_http_gateway_metrics_put_row(gw_metrics_out_t *out,
    ngx_http_gateway_metrics_doc_t *doc);
static void ngx_http_gateway_metrics_put_points(gw_metrics_out_t *out,
    const ngx_http_gateway_metrics_doc_t *doc, unsigned missing, unsigned n);


static const char *const  ngx_http_gateway_metrics_rows[GW_HISTORY_ROWS] = {
    [GW_HISTORY_RATE] = "rate",
    [GW_HISTORY_ERRORS] = "errors",
    [GW_HISTORY_P99] = "p99",
    [GW_HISTORY_P50] = "p50"
};


void *
ngx_http_gateway_metrics_history(ngx_http_request_t *r, time_t since)
{
    ngx_http_gateway_metrics_doc_t  *doc;

    doc = ngx_pcalloc(r->pool, sizeof(ngx_http_gateway_metrics_doc_t));

    if (doc) {
        doc->since = since;
    }

    return doc;
}


/* the stages of the document; those of a track are repeated */

#define NGX_HTTP_GATEWAY_METRICS_HEAD     0
#define NGX_HTTP_GATEWAY_METRICS_TRACK    1
#define NGX_HTTP_GATEWAY_METRICS_ROW      2
#define NGX_HTTP_GATEWAY_METRICS_TAIL     3
#define NGX_HTTP_GATEWAY_METRICS_WRITTEN  4


ngx_int_t
ngx_http_gateway_metrics_history_make(
    ngx_http_gateway_metrics_scrape_t *scrape, gw_metrics_out_t *out)
{
    u_char                          *start;
    ngx_http_gateway_metrics_doc_t  *doc;

    doc = scrape->data;

    while (!ngx_http_gateway_metrics_late(scrape)) {

        start = out->p;

        switch (doc->stage) {

        case NGX_HTTP_GATEWAY_METRICS_HEAD:
            gw_metrics_puts(out, "{\"version\":1,\"time\":");
            gw_metrics_put_decimal(out, (uint64_t) ngx_time());
            gw_metrics_puts(out, ",\"series\":[");

            if (!gw_metrics_unit(out, start)) {
                return NGX_AGAIN;
            }

            doc->history = ngx_http_gateway_metrics_history_memory();
            doc->stage = doc->history
                         ? NGX_HTTP_GATEWAY_METRICS_TRACK
                         : NGX_HTTP_GATEWAY_METRICS_TAIL;
            break;

        case NGX_HTTP_GATEWAY_METRICS_TRACK:
            if (!ngx_http_gateway_metrics_put_subject(out, doc)) {
                return NGX_AGAIN;
            }
            break;

        case NGX_HTTP_GATEWAY_METRICS_ROW:
            if (!ngx_http_gateway_metrics_put_row(out, doc)) {
                return NGX_AGAIN;
            }
            break;

        case NGX_HTTP_GATEWAY_METRICS_TAIL:
            gw_metrics_puts(out, "]}\n");

            if (!gw_metrics_unit(out, start)) {
                return NGX_AGAIN;
            }

            doc->stage = NGX_HTTP_GATEWAY_METRICS_WRITTEN;
            break;

        default:
            return NGX_OK;
        }
    }

    return NGX_AGAIN;
}


/* begins the series of the next track that has a subject */

static int
ngx_http_gateway_metrics_put_subject(gw_metrics_out_t *out,
    ngx_http_gateway_metrics_doc_t *doc)
{
    u_char                          *start, *p, *last;
    ngx_uint_t                       i;
    gw_text_t                        names[2], values[2];
    const char                      *kind, *name;
    gw_history_t                    *history;
    ngx_http_gateway_family_view_t  *family;

    history = doc->history;

    if (doc->track == history->tracks) {
        doc->stage = NGX_HTTP_GATEWAY_METRICS_TAIL;
        return 1;
    }

    kind = NULL;

    if (gw_history_subject(history, (unsigned) doc->track, &doc->subject)) {
        kind = ngx_http_gateway_metrics_history_kind(doc->subject.kind, &name);
    }

    if (kind == NULL) {
        doc->track++;
        return 1;
    }

    family = name ? ngx_http_gateway_metrics_family(name) : NULL;

    p = doc->subject.text;
    last = p + doc->subject.len;

    for (i = 0; family && i < 2 && i < family->nlabels && p < last; i++) {
        names[i].data = family->labels[i].data;
        names[i].len = family->labels[i].len;
        values[i].len = *p++;
        values[i].data = p;
        p += values[i].len;
    }

    /* the configuration no longer has what it was a track of */

    if (doc->subject.kind && (i == 0 || p > last)) {
        doc->track++;
        return 1;
    }

    start = out->p;

    gw_metrics_puts(out, doc->some ? ",\n{\"kind\":\"" : "\n{\"kind\":\"");
    gw_metrics_puts(out, kind);
    gw_metrics_puts(out, "\",\"labels\":");
    gw_metrics_json_labels(out, names, values, i);
    gw_metrics_puts(out, ",\"steps\":[");

    if (!gw_metrics_unit(out, start)) {
        return 0;
    }

    doc->some = 1;
    doc->step = 0;
    doc->row = 0;
    doc->stage = NGX_HTTP_GATEWAY_METRICS_ROW;

    return 1;
}


/* one row of a step; the median only of all requests */

static int
ngx_http_gateway_metrics_put_row(gw_metrics_out_t *out,
    ngx_http_gateway_metrics_doc_t *doc)
{
    u_char      *start;
    unsigned     n, rows, missing;
    uint64_t     from;
    ngx_uint_t   last;

    start = out->p;
    from = (uint64_t) ngx_max(doc->since, 0);
    rows = doc->subject.kind ? GW_HISTORY_P50 : GW_HISTORY_ROWS;
    rows = ngx_min(rows, doc->subject.rows);

    n = gw_history_read(doc->history, (unsigned) doc->track, &doc->subject,
                        (gw_history_row_e) doc->row, (unsigned) doc->step,
                        doc->row ? doc->from : from, doc->points, &from);

    if (doc->row == 0) {
        doc->from = from;
        doc->n = n;

        gw_metrics_puts(out, doc->step ? ",{\"step\":" : "{\"step\":");
        gw_metrics_put_decimal(out, gw_history_steps[doc->step].step);
        gw_metrics_puts(out, ",\"start\":");
        gw_metrics_put_decimal(out, from);
    }

    gw_metrics_puts(out, ",\"");
    gw_metrics_puts(out, ngx_http_gateway_metrics_rows[doc->row]);
    gw_metrics_puts(out, "\":[");

    /* the oldest points may have been replaced since the first row was read */

    missing = n && from > doc->from
              ? (unsigned) ((from - doc->from)
                            / gw_history_steps[doc->step].step)
              : 0;

    ngx_http_gateway_metrics_put_points(out, doc, missing, n);

    last = doc->row + 1 == rows;

    gw_metrics_puts(out, last ? "]}" : "]");

    if (last && doc->step + 1 == GW_HISTORY_STEPS) {
        gw_metrics_puts(out, "]}");
    }

    if (!gw_metrics_unit(out, start)) {
        return 0;
    }

    doc->row++;

    if (last) {
        doc->row = 0;
        doc->step++;
    }

    if (doc->step == GW_HISTORY_STEPS) {
        doc->track++;
        doc->stage = NGX_HTTP_GATEWAY_METRICS_TRACK;
    }

    return 1;
}


/* the points of a step: "missing" ones, "n" of doc->points, and missing ones */

static void
ngx_http_gateway_metrics_put_points(gw_metrics_out_t *out,
    const ngx_http_gateway_metrics_doc_t *doc, unsigned missing, unsigned n)
{
    char      text[32];
    float     point;
    unsigned  i;

    for (i = 0; i < doc->n; i++) {

        if (i) {
            gw_metrics_putc(out, ',');
        }

        point = (i < missing || i - missing >= n) ? NAN
                                                  : doc->points[i - missing];

        if (isnan(point)) {
            gw_metrics_puts(out, "null");
            continue;
        }

        (void) snprintf(text, sizeof(text), "%.6g", (double) point);
        gw_metrics_puts(out, text);
    }
}
