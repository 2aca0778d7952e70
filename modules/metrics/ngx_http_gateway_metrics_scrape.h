/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Documents of a metrics page: how they are made and sent, and what other parts
 * of the module add to them.
 */

#ifndef _NGX_HTTP_GATEWAY_METRICS_SCRAPE_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRICS_SCRAPE_H_INCLUDED_


#include "ngx_http_gateway_metrics.h"
#include "ngx_http_gateway_metric.h"
#include "gw_metrics_json.h"
#include "gw_metrics_text.h"


/*
 * ngx_http_gateway_metrics_scrape.c: sends a document that is made in parts
 *
 * A turn of the event loop makes at most 64 KB or takes 1 ms; then other
 * connections have their turn.  The next part is made only when the client has
 * received the last one, so that a slow client delays no other, and a scrape
 * needs the same memory for any document.
 */

typedef struct ngx_http_gateway_metrics_scrape_s
                                            ngx_http_gateway_metrics_scrape_t;

/*
 * Writes the next part of the document to "out", which has room for at least
 * NGX_HTTP_GATEWAY_METRICS_PART bytes when it is called first in a turn.
 *
 * NGX_OK: the document is complete.  NGX_AGAIN: the next unit does not fit, or
 * ngx_http_gateway_metrics_late() is true, which the function must test at
 * least every 100 us; it is called again, maybe much later.  NGX_ERROR: the
 * response cannot be completed.
 */
typedef ngx_int_t (*ngx_http_gateway_metrics_make_pt)(
    ngx_http_gateway_metrics_scrape_t *scrape, gw_metrics_out_t *out);

#define NGX_HTTP_GATEWAY_METRICS_PART  16384

struct ngx_http_gateway_metrics_scrape_s {
    ngx_http_request_t                 *request;
    ngx_http_gateway_metrics_make_pt    make;
    void                               *data;       /* of "make" */

    /* private */
    uint64_t                            deadline;   /* ns, of this turn */
    ngx_uint_t                          idle;       /* unsigned:1; a reader
                                                       wants a later turn */
    ngx_buf_t                          *buf;
    ngx_chain_t                        *free;
    ngx_chain_t                        *busy;
};

/* whether the time of this turn is over */
ngx_uint_t ngx_http_gateway_metrics_late(
    const ngx_http_gateway_metrics_scrape_t *scrape);

/* whether there are as many scrapes in this worker as there may be */
ngx_uint_t ngx_http_gateway_metrics_busy(void);

/*
 * For a content handler, which must return the result at once: sends the header
 * with status 200, and the document.  "type" is a media type with parameters,
 * in static memory.
 */
ngx_int_t ngx_http_gateway_metrics_scrape(ngx_http_request_t *r,
    const char *type, ngx_http_gateway_metrics_make_pt make, void *data);


/*
 * ngx_http_gateway_metrics_format.c: all families, as documents.  The result is
 * "data" of the function below it; NULL: no memory.
 */

void *ngx_http_gateway_metrics_text(ngx_http_request_t *r,
    gw_metrics_format_e format);
void *ngx_http_gateway_metrics_json(ngx_http_request_t *r);
ngx_int_t ngx_http_gateway_metrics_make(
    ngx_http_gateway_metrics_scrape_t *scrape, gw_metrics_out_t *out);


/*
 * ngx_http_gateway_metrics_exemplar.c: the newest sampled trace in each bucket
 * of the durations of a route, for all workers
 */

/* in postconfiguration: their memory in the zone; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_metrics_exemplars_init(ngx_conf_t *cf);

/*
 * In LOG: keeps the sampled trace, gr->ids, of a request that took "ns", if the
 * bucket has none of this second.  "values" are the label values of the series
 * that has counted the duration, at most 2.
 */
void ngx_http_gateway_metrics_exemplar(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, const ngx_str_t *values, ngx_uint_t n,
    uint64_t ns);

/* reads those of a series: one for each bucket, with +Inf */
void ngx_http_gateway_metrics_exemplars(ngx_http_request_t *r,
    const ngx_str_t *values, ngx_uint_t n, gw_metrics_exemplar_t *exemplars,
    ngx_uint_t nbuckets);


/*
 * What other files of the module add; the calls belong to a turn, and take at
 * most 100 us each.
 */

/*
 * ngx_http_gateway_metrics_problem.c: what is wrong now.  "i" ascends from 0.
 * NGX_OK: a problem, whose texts live as long as "pool".  NGX_DECLINED: none
 * for this "i".  NGX_DONE: there are no more.  NGX_ERROR: no memory.
 */

typedef struct {
    ngx_str_t                           alert;
    time_t                              since;
    ngx_uint_t                          nlabels;
    ngx_str_t                           labels[NGX_HTTP_GATEWAY_METRIC_LABELS];
    ngx_str_t                           values[NGX_HTTP_GATEWAY_METRIC_LABELS];
    ngx_str_t                           text;       /* a sentence */
} ngx_http_gateway_metrics_problem_t;

ngx_int_t ngx_http_gateway_metrics_problem(ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_metrics_problem_t *problem);

/*
 * ngx_http_gateway_metrics_peers.c: what the metrics cannot show; results as
 * above
 */
ngx_int_t ngx_http_gateway_metrics_note(ngx_uint_t i, ngx_pool_t *pool,
    ngx_str_t *text);

/*
 * ngx_http_gateway_metrics_history.c: the document of the history after the
 * time "since", in seconds since 1970; 0: all.  The result is "data" of the
 * function below it, in the request's memory; NULL: no memory.
 */
void *ngx_http_gateway_metrics_history(ngx_http_request_t *r, time_t since);
ngx_int_t ngx_http_gateway_metrics_history_make(
    ngx_http_gateway_metrics_scrape_t *scrape, gw_metrics_out_t *out);

/*
 * ngx_http_gateway_metrics_html.c: the page, in UTF-8, and the value of its
 * Content-Security-Policy; static memory
 */
void ngx_http_gateway_metrics_html(ngx_str_t *html, ngx_str_t *csp);


#endif /* _NGX_HTTP_GATEWAY_METRICS_SCRAPE_H_INCLUDED_ */
