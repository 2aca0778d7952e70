/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What modules count for scrapes: families of series in shared memory, summed
 * over all workers, through reloads and kills.
 *
 * A family is a row of a static table next to the code that counts.  Its owner
 * registers a series, a vector of series or a reader while the configuration is
 * merged, and counts with inline functions that do nothing without a zone, so
 * that no caller needs a condition.
 *
 * Each process counts in a stripe of its own with relaxed additions.  No
 * process waits for another, not even for the first event of a series.  See
 * gw_series.h.
 *
 * The label values of a series are cleaned: bytes that are not UTF-8 and control
 * characters become U+FFFD, and a value of more than 128 bytes is cut and ends
 * in a hash of the whole.  Equal labels of a family are one series.  If the zone
 * has no room for a series, its events are counted in the family's series with
 * labels "__other__".
 */

#ifndef _NGX_HTTP_GATEWAY_METRIC_H_INCLUDED_
#define _NGX_HTTP_GATEWAY_METRIC_H_INCLUDED_


#include "ngx_http_gateway.h"
#include "gw_cells.h"
#include "gw_label.h"


#define NGX_HTTP_GATEWAY_METRIC_LABELS  6


typedef enum {
    NGX_HTTP_GATEWAY_METRIC_COUNTER = 0,
    NGX_HTTP_GATEWAY_METRIC_GAUGE,      /* what processes hold now */
    NGX_HTTP_GATEWAY_METRIC_STATE,      /* one value for all processes */
    NGX_HTTP_GATEWAY_METRIC_DURATION,   /* histogram, ns */
    NGX_HTTP_GATEWAY_METRIC_SIZE,       /* histogram, bytes */
    NGX_HTTP_GATEWAY_METRIC_TOP         /* NGX_HTTP_GATEWAY_TOP_CELLS cells */
} ngx_http_gateway_metric_e;


/*
 * The cells of a TOP.  It is printed as two families: its own, a counter with a
 * label "class" behind its labels, and "<...>_response_bytes_total" for
 * "<...>_requests_total".
 */

typedef enum {
    NGX_HTTP_GATEWAY_TOP_1XX = 0,
    NGX_HTTP_GATEWAY_TOP_2XX,
    NGX_HTTP_GATEWAY_TOP_3XX,
    NGX_HTTP_GATEWAY_TOP_4XX,
    NGX_HTTP_GATEWAY_TOP_5XX,
    NGX_HTTP_GATEWAY_TOP_LIMITED,
    NGX_HTTP_GATEWAY_TOP_DENIED,
    NGX_HTTP_GATEWAY_TOP_BYTES,
    NGX_HTTP_GATEWAY_TOP_CELLS
} ngx_http_gateway_top_e;


/* a row of a static table, or of one that lives as long as the configuration */

typedef struct {
    const char                     *name;       /* "http_requests_total",
                                                   without nginx_gateway_ */
    const char                     *help;       /* a sentence */
    const char                     *labels;     /* "server route"; "": none */
    ngx_http_gateway_metric_e       kind;
} ngx_http_gateway_metric_t;


/* in the configuration's memory */

typedef struct {
    uint64_t                       *cells;      /* of this worker; not NULL */

    /* private */
    struct ngx_http_gateway_metric_family_s  *family;
    ngx_str_t                      *values;
    uint32_t                        node;       /* 0: none */
} ngx_http_gateway_series_t;


typedef struct {
    uint64_t                       *cells;      /* NULL: not counted yet */
    uint64_t                        node;       /* without cells: when to try
                                                   again */
} ngx_http_gateway_row_t;


/* label values of the series "i" of a vector; they are copied */
typedef void (*ngx_http_gateway_labels_pt)(void *data, ngx_uint_t i,
    ngx_str_t *values);


/* in the configuration's memory; private */

typedef struct {
    ngx_http_gateway_row_t         *rows;       /* NULL: none counted yet */
    struct ngx_http_gateway_metric_family_s  *family;
    ngx_uint_t                      n;
    ngx_http_gateway_labels_pt      labels;
    void                           *data;
} ngx_http_gateway_vector_t;


/* whether there is a zone, for merges and postconfigurations */
ngx_uint_t ngx_http_gateway_metrics_on(ngx_conf_t *cf);

/* whether a family with this name was registered */
ngx_uint_t ngx_http_gateway_metrics_known(ngx_conf_t *cf,
    const ngx_str_t *name);

/* adds to the number of routes, for the message that the zone is too small */
void ngx_http_gateway_metrics_routes(ngx_conf_t *cf, ngx_uint_t n);

/*
 * In merges and postconfigurations: "*series" is NULL if there is no zone.
 * "values" has one value for each label and is copied.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_series_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, const ngx_str_t *values,
    ngx_http_gateway_series_t **series);

/* The same for "n" series that are made when they are first counted. */
ngx_int_t ngx_http_gateway_vector_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n,
    ngx_http_gateway_labels_pt labels, void *data,
    ngx_http_gateway_vector_t **vector);

/*
 * The same for a family whose series are only known at run time, of which about
 * "n" are expected: for ngx_http_gateway_series_find(), and for families with
 * readers or without series, which are printed with HELP and TYPE.
 */
ngx_int_t ngx_http_gateway_family_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_uint_t n);


/*
 * Values that something else counts, read at each scrape.  "i" ascends from 0.
 * NGX_OK: a sample, whose values live as long as "pool".  NGX_DECLINED: none
 * for this "i".  NGX_AGAIN: not yet, call again with the same "i", better in a
 * later turn.  NGX_DONE: no more.  At most 100 us a call.
 */

typedef struct {
    ngx_str_t                       values[NGX_HTTP_GATEWAY_METRIC_LABELS];
    double                          value;
} ngx_http_gateway_sample_t;

typedef ngx_int_t (*ngx_http_gateway_reader_pt)(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);

/* COUNTER, GAUGE or STATE.  A family may have several readers. */
ngx_int_t ngx_http_gateway_reader_add(ngx_conf_t *cf,
    const ngx_http_gateway_metric_t *metric, ngx_http_gateway_reader_pt read,
    void *data);


/* COUNTER; GAUGE, also (uint64_t) -n.  Nothing if "s" is NULL. */

static ngx_inline void
ngx_http_gateway_add(ngx_http_gateway_series_t *s, uint64_t n)
{
    if (s != NULL) {
        (void) __atomic_fetch_add(s->cells, n, __ATOMIC_RELAXED);
    }
}


/* STATE */

static ngx_inline void
ngx_http_gateway_set(ngx_http_gateway_series_t *s, uint64_t value)
{
    if (s != NULL) {
        __atomic_store_n(s->cells, value, __ATOMIC_RELAXED);
    }
}


/* for the functions below; "s" is not NULL */
void ngx_http_gateway_observe_duration(ngx_http_gateway_series_t *s,
    uint64_t ns);
void ngx_http_gateway_observe_bytes(ngx_http_gateway_series_t *s,
    uint64_t bytes);


/* DURATION */

static ngx_inline void
ngx_http_gateway_observe_ns(ngx_http_gateway_series_t *s, uint64_t ns)
{
    if (s != NULL) {
        ngx_http_gateway_observe_duration(s, ns);
    }
}


/* SIZE */

static ngx_inline void
ngx_http_gateway_observe_size(ngx_http_gateway_series_t *s, uint64_t bytes)
{
    if (s != NULL) {
        ngx_http_gateway_observe_bytes(s, bytes);
    }
}


/* the cells of a series of a vector in this worker; "v" and the result are not
   NULL */
uint64_t *ngx_http_gateway_cells_at(ngx_http_gateway_vector_t *v, ngx_uint_t i);


/* nothing if "v" is NULL */

static ngx_inline void
ngx_http_gateway_add_at(ngx_http_gateway_vector_t *v, ngx_uint_t i, uint64_t n)
{
    uint64_t  *cells;

    if (v != NULL) {
        cells = v->rows ? v->rows[i].cells : NULL;

        if (cells == NULL) {
            cells = ngx_http_gateway_cells_at(v, i);
        }

        (void) __atomic_fetch_add(cells, n, __ATOMIC_RELAXED);
    }
}


/*
 * In a worker: the cells of a series by its labels, which is made if need be.
 * Never NULL.  The series may end: who keeps "cells" beyond the event loop's
 * turn registers a handler below.  "*node" identifies the series until then;
 * "node" may be NULL.  The call is not meant for each request.
 *
 * If there is no room, the cells are those of "__other__", "*node" is 0, and the
 * call has counted one event that is folded: do not keep them.
 */
uint64_t *ngx_http_gateway_series_find(const ngx_http_gateway_metric_t *metric,
    const ngx_str_t *values, uint32_t *node);

/*
 * The family's series with "__other__" in all labels, which does not end while
 * the configuration is used; never NULL.
 */
uint64_t *ngx_http_gateway_series_other(
    const ngx_http_gateway_metric_t *metric);

/*
 * Some series end: the handler must forget all found cells for whose node
 * ngx_http_gateway_series_ending() is true.  Called from a timer, seldom.  If
 * ngx_http_gateway_metrics_number() is 0, the zone ends with all of them.
 */
typedef void (*ngx_http_gateway_forget_pt)(void *data);

ngx_int_t ngx_http_gateway_forget_add(ngx_conf_t *cf,
    ngx_http_gateway_forget_pt forget, void *data);

ngx_uint_t ngx_http_gateway_series_ending(uint32_t node);


/*
 * The zone "gateway_metrics:<name>", for the setter of its directive, once.
 * "buckets", "n" of them, are in ns and copied.  NGX_ERROR: after an [emerg],
 * or no memory.
 */
ngx_int_t ngx_http_gateway_metrics_zone(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, const uint64_t *buckets, ngx_uint_t n);

/*
 * Bytes of the zone for data of the caller, which are zero in a new zone.  All
 * calls of a configuration are added up.  The area is at least that large, and
 * larger in a larger zone; in a zone that was made for another configuration it
 * can also be smaller.
 */
ngx_int_t ngx_http_gateway_metrics_reserve(ngx_conf_t *cf, size_t size);

/* in a worker: the area, aligned to 64 bytes; NULL: no zone */
void *ngx_http_gateway_metrics_area(size_t *size);

/* in a worker: 0: no zone; ascending with each configuration that was used */
ngx_uint_t ngx_http_gateway_metrics_number(void);


/*
 * Reading.  Families, in order of registration, as they are printed.
 */

typedef struct {
    ngx_str_t                       name;       /* without nginx_gateway_ */
    ngx_str_t                       help;
    ngx_uint_t                      nlabels;
    ngx_str_t                       labels[NGX_HTTP_GATEWAY_METRIC_LABELS + 1];
    ngx_http_gateway_metric_e       kind;       /* not TOP, but COUNTER */
    const gw_cells_t               *cells;      /* of histograms */
    const ngx_http_gateway_metric_t *metric;

    /* private */
    struct ngx_http_gateway_metric_family_s  *family;
    ngx_uint_t                      top;        /* 1: classes, 2: bytes */
} ngx_http_gateway_family_view_t;

/* in a worker: sets the number of families; NULL: no zone */
ngx_http_gateway_family_view_t *ngx_http_gateway_metric_families(
    ngx_uint_t *n);


typedef struct {
    /* the last sample; valid until the next call */
    ngx_str_t                       values[NGX_HTTP_GATEWAY_METRIC_LABELS + 1];
    double                          value;      /* if there are no cells */
    uint64_t                       *cells;      /* of a histogram, as gw_cells.h
                                                   has it; of a whole TOP:
                                                   NGX_HTTP_GATEWAY_TOP_CELLS */
    uint64_t                        key;        /* of the series; 0: a reader's
                                                   sample */
    uint32_t                        node;

    /* private */
    ngx_http_gateway_family_view_t *family;
    ngx_pool_t                     *pool;       /* of readers' samples */
    uint64_t                        born;
    uint64_t                       *live;       /* bits: places */
    void                           *rows;       /* of a TOP */
    ngx_uint_t                      nrows;
    ngx_uint_t                      at;         /* series or row */
    ngx_uint_t                      class;
    ngx_uint_t                      reader;
    ngx_uint_t                      i;          /* of the reader */
    u_char                          text[NGX_HTTP_GATEWAY_METRIC_LABELS
                                         * GW_LABEL_MAX];
    uint64_t                        sums[GW_CELLS_MAX];
} ngx_http_gateway_scan_t;

/*
 * Begins a scrape: checks which processes are alive, so that gauges count only
 * what these hold.  "pool" is used until the end of the scrape, at most some
 * 100 KB, and for what readers need.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_http_gateway_scan_begin(ngx_http_gateway_scan_t *scan,
    ngx_pool_t *pool);

/* begins a family; NGX_ERROR: no memory */
ngx_int_t ngx_http_gateway_scan_family(ngx_http_gateway_scan_t *scan,
    ngx_http_gateway_family_view_t *family);

/*
 * The next sample of the family: NGX_OK, NGX_DONE, or NGX_ERROR (no memory).
 * NGX_AGAIN: no sample yet, call again, also in a later turn.  Between two
 * calls any time may pass.  A series that is new since the scrape began is left
 * out, so that no sample appears twice.
 */
ngx_int_t ngx_http_gateway_scan_next(ngx_http_gateway_scan_t *scan);

/*
 * The next series of the family with all its cells, also of a TOP; no samples
 * of readers.  Results as above.
 */
ngx_int_t ngx_http_gateway_scan_series(ngx_http_gateway_scan_t *scan);


/*
 * The end of series.  These functions are for one process at a time, which
 * holds a lease; it may be killed at any moment.
 */

/*
 * Ends a series that the scan has found: its cells are given away after all
 * processes have forgotten them, unless one of them counts before.  A TOP's
 * counts are added to the family's "__other__", so that no total falls; those
 * of other series are dropped.  NGX_OK; NGX_DECLINED: it cannot end (it has
 * ended, is "__other__", or a configuration in use names it).
 */
ngx_int_t ngx_http_gateway_series_end(uint32_t node, uint64_t key);

/*
 * A step of the upkeep, of at most "n" series, from "*at" on (0 at first): moves
 * on what has ended, and ends series that no configuration in use names and
 * that had no event for an hour.  "now" is in seconds and ascends.  Returns 1
 * when all series have been visited ("*at" is 0 again).  Call it each 10 s.
 */
ngx_uint_t ngx_http_gateway_series_step(uint32_t *at, ngx_uint_t n,
    time_t now);


/* for core's init_module and init_process; "gmcf" is NULL without http {} */
void ngx_http_gateway_metrics_replace(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);
void ngx_http_gateway_metrics_start(ngx_cycle_t *cycle,
    ngx_http_gateway_main_conf_t *gmcf);


#endif /* _NGX_HTTP_GATEWAY_METRIC_H_INCLUDED_ */
