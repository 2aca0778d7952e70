/* SPDX-License-Identifier: BSD-2-Clause */

/* the history: what it has a track of */

#include "ngx_http_gateway_metrics_history.h"
#include "ngx_http_gateway_metrics_area.h"
#include "ngx_http_gateway_metrics_top.h"
#include "gw_siphash.h"


#define NGX_HTTP_GATEWAY_METRICS_SLOTS  1024    /* of the table of subjects */
#define NGX_HTTP_GATEWAY_METRICS_LOOKS  32      /* samples of a step */
#define NGX_HTTP_GATEWAY_METRICS_MEAN   30      /* points: 5 min */
#define NGX_HTTP_GATEWAY_METRICS_SLOW   1000000000  /* ns */


/* whether the counts of a sample are errors, by its last label */
typedef ngx_uint_t (*ngx_http_gateway_metrics_error_pt)(const ngx_str_t *value);


/* of what there are tracks */

typedef struct {
    const char                         *name;
    const char                         *count;      /* a family of counters */
    const char                         *histogram;  /* NULL: none */
    ngx_uint_t                          nkeys;      /* the first labels of both
                                                       name a subject */
    ngx_http_gateway_metrics_error_pt   error;
} ngx_http_gateway_metrics_kind_t;


typedef struct ngx_http_gateway_metrics_subject_s
                                           ngx_http_gateway_metrics_subject_t;

/* a subject, in this tick */

struct ngx_http_gateway_metrics_subject_s {
    ngx_http_gateway_metrics_subject_t *next;
    uint64_t                            key;
    uint64_t                            count;
    uint64_t                            errors;
    ngx_uint_t                          written;    /* unsigned:1 */
    size_t                              len;
    u_char                             *text;
};


typedef enum {
    NGX_HTTP_GATEWAY_METRICS_COUNTING = 0,
    NGX_HTTP_GATEWAY_METRICS_MEASURING,
    NGX_HTTP_GATEWAY_METRICS_WRITING,
    NGX_HTTP_GATEWAY_METRICS_WHOLE
} ngx_http_gateway_metrics_pass_e;


/* of the worker that does it */

typedef struct {
    ngx_uint_t                          began;      /* unsigned:1; a family */
    ngx_uint_t                          kind;
    ngx_http_gateway_metrics_pass_e     pass;
    ngx_http_gateway_family_view_t     *family;
    ngx_uint_t                          slot;

    ngx_http_gateway_metrics_subject_t *slots[NGX_HTTP_GATEWAY_METRICS_SLOTS];

    uint64_t                            count;      /* of all requests */
    uint64_t                            errors;
    const gw_cells_t                   *cells;
    uint64_t                            words[GW_CELLS_MAX];
} ngx_http_gateway_metrics_work_t;


static ngx_uint_t ngx_http_gateway_metrics_error_code(const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_error_try(const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_error_top(const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_error_limit(const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_error_cache(const ngx_str_t *value);
static ngx_uint_t ngx_http_gateway_metrics_error_redis(const ngx_str_t *value);
static ngx_int_t ngx_http_gateway_metrics_count_step(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work);
static ngx_int_t ngx_http_gateway_metrics_measure_step(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work);
static ngx_int_t ngx_http_gateway_metrics_write_step(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work);
static ngx_int_t ngx_http_gateway_metrics_whole_step(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work);
static ngx_int_t ngx_http_gateway_metrics_next(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work, const char *family);
static ngx_http_gateway_metrics_subject_t *ngx_http_gateway_metrics_subject(
    ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work, ngx_uint_t make);
static size_t ngx_http_gateway_metrics_label_text(const ngx_str_t *values,
    ngx_uint_t n, u_char *text);
static void ngx_http_gateway_metrics_write(
    ngx_http_gateway_metrics_tick_t *tick, ngx_uint_t kind, uint64_t key,
    const u_char *text, size_t len, uint64_t count, uint64_t errors,
    const gw_cells_t *cells, const uint64_t *words);


/* the first one is all requests together */

static const ngx_http_gateway_metrics_kind_t
    ngx_http_gateway_metrics_kinds[] =
{
    { "all", NULL, NULL, 0, NULL },

    { "route", "http_requests_total", "http_request_duration_seconds", 2,
      ngx_http_gateway_metrics_error_code },

    { "consumer", "consumer_requests_total", NULL, 1,
      ngx_http_gateway_metrics_error_top },

    { "limit", "limit_decisions_total", NULL, 1,
      ngx_http_gateway_metrics_error_limit },

    { "cache", "cache_requests_total", NULL, 1,
      ngx_http_gateway_metrics_error_cache },

    { "upstream", "upstream_tries_total", "upstream_response_duration_seconds",
      1, ngx_http_gateway_metrics_error_try },

    { "redis", "redis_calls_total", "redis_call_duration_seconds", 1,
      ngx_http_gateway_metrics_error_redis }
};

#define NGX_HTTP_GATEWAY_METRICS_KINDS                                        \
    (sizeof(ngx_http_gateway_metrics_kinds)                                   \
     / sizeof(ngx_http_gateway_metrics_kinds[0]))

/* the track of slow requests; it is no kind, so that no document shows it */
#define NGX_HTTP_GATEWAY_METRICS_TAIL  NGX_HTTP_GATEWAY_METRICS_KINDS

/* further tracks of each size, for all other subjects */
#define NGX_HTTP_GATEWAY_METRICS_OTHERS  64


/* of this worker */

static struct {
    u_char                             *memory;     /* NULL: none */
    size_t                              size;
    ngx_uint_t                          large;
    ngx_uint_t                          small;
    gw_history_t                        history;
    ngx_uint_t                          open;       /* unsigned:1 */
    gw_history_track_t                 *all;
    gw_history_track_t                 *slow;
    ngx_http_gateway_metrics_work_t    *work;       /* NULL: none */
} ngx_http_gateway_metrics_past;


static ngx_uint_t
ngx_http_gateway_metrics_error_code(const ngx_str_t *value)
{
    return value->len && value->data[0] == '5';
}


static ngx_uint_t
ngx_http_gateway_metrics_error_try(const ngx_str_t *value)
{
    static const ngx_str_t  connect = ngx_string("connect");
    static const ngx_str_t  header = ngx_string("header");

    return ngx_http_gateway_metrics_error_code(value)
           || ngx_http_gateway_same(value, &connect)
           || ngx_http_gateway_same(value, &header);
}


static ngx_uint_t
ngx_http_gateway_metrics_error_top(const ngx_str_t *value)
{
    static const ngx_str_t  limited = ngx_string("limited");
    static const ngx_str_t  denied = ngx_string("denied");

    return (value->len && (value->data[0] == '4' || value->data[0] == '5'))
           || ngx_http_gateway_same(value, &limited)
           || ngx_http_gateway_same(value, &denied);
}


static ngx_uint_t
ngx_http_gateway_metrics_error_limit(const ngx_str_t *value)
{
    static const ngx_str_t  rejected = ngx_string("REJECTED");

    return ngx_http_gateway_same(value, &rejected);
}


/* what is not served from the cache */

static ngx_uint_t
ngx_http_gateway_metrics_error_cache(const ngx_str_t *value)
{
    static const ngx_str_t  served[] = {
        ngx_string("HIT"), ngx_string("STALE"), ngx_string("UPDATING"),
        ngx_string("REVALIDATED")
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        if (ngx_http_gateway_same(value, &served[i])) {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_gateway_metrics_error_redis(const ngx_str_t *value)
{
    static const ngx_str_t  ok = ngx_string("ok");

    return !ngx_http_gateway_same(value, &ok);
}


static const ngx_str_t  ngx_http_gateway_metrics_history_name =
    ngx_string("history");


ngx_int_t
ngx_http_gateway_metrics_history_init(ngx_conf_t *cf)
{
    ngx_uint_t                              i;
    ngx_http_upstream_main_conf_t          *umcf;
    ngx_http_gateway_metrics_top_t        **top;
    ngx_http_gateway_metrics_main_conf_t   *mmcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);
    mmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_gateway_metrics_module);

    mmcf->large = 1 + mmcf->nroutes + umcf->upstreams.nelts
                  + NGX_HTTP_GATEWAY_METRICS_OTHERS;
    mmcf->small = 1 + 2 * NGX_HTTP_GATEWAY_METRICS_OTHERS;

    top = mmcf->tops.elts;

    for (i = 0; i < mmcf->tops.nelts; i++) {
        if (ngx_strcmp(top[i]->metric.name, "consumer_requests_total") == 0) {
            mmcf->small += top[i]->max + 1;
        }
    }

    return ngx_http_gateway_metrics_part_add(cf,
               gw_history_size(GW_CELLS_MAX, (unsigned) mmcf->large,
                               (unsigned) mmcf->small));
}


void
ngx_http_gateway_metrics_history_start(ngx_cycle_t *cycle)
{
    size_t                                 size;
    ngx_http_gateway_metrics_main_conf_t  *mmcf;

    ngx_http_gateway_metrics_past.memory = NULL;
    ngx_http_gateway_metrics_past.open = 0;
    ngx_http_gateway_metrics_past.all = NULL;
    ngx_http_gateway_metrics_past.slow = NULL;

    if (cycle == NULL) {
        return;
    }

    mmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_gateway_metrics_module);

    size = gw_history_size(GW_CELLS_MAX, (unsigned) mmcf->large,
                           (unsigned) mmcf->small);

    ngx_http_gateway_metrics_past.memory =
        ngx_http_gateway_metrics_part_any(
            &ngx_http_gateway_metrics_history_name, &size);
    ngx_http_gateway_metrics_past.size = size;
    ngx_http_gateway_metrics_past.large = mmcf->large;
    ngx_http_gateway_metrics_past.small = mmcf->small;
}


/* sets up the memory; 0: there is none, or "make" is 0 and it is new */

static ngx_uint_t
ngx_http_gateway_metrics_history_open(ngx_uint_t make)
{
    if (!ngx_http_gateway_metrics_past.open) {
        ngx_http_gateway_metrics_past.open =
            gw_history_open(&ngx_http_gateway_metrics_past.history,
                            ngx_http_gateway_metrics_past.memory,
                            ngx_http_gateway_metrics_past.size, GW_CELLS_MAX,
                            (unsigned) ngx_http_gateway_metrics_past.large,
                            (unsigned) ngx_http_gateway_metrics_past.small,
                            (int) make);
    }

    return ngx_http_gateway_metrics_past.open;
}


void
ngx_http_gateway_metrics_history_reset(void)
{
    ngx_http_gateway_metrics_past.work = NULL;
}


ngx_int_t
ngx_http_gateway_metrics_history_step(ngx_http_gateway_metrics_tick_t *tick)
{
    ngx_int_t                         rc;
    ngx_http_gateway_metrics_work_t  *work;

    work = ngx_http_gateway_metrics_past.work;

    if (work == NULL) {

        if (!ngx_http_gateway_metrics_history_open(1)) {
            return NGX_OK;
        }

        work = ngx_pcalloc(tick->pool, sizeof(ngx_http_gateway_metrics_work_t));
        if (work == NULL) {
            return NGX_ERROR;
        }

        work->kind = 1;
        ngx_http_gateway_metrics_past.work = work;
    }

    switch (work->pass) {

    case NGX_HTTP_GATEWAY_METRICS_COUNTING:
        rc = ngx_http_gateway_metrics_count_step(tick, work);
        break;

    case NGX_HTTP_GATEWAY_METRICS_MEASURING:
        rc = ngx_http_gateway_metrics_measure_step(tick, work);
        break;

    case NGX_HTTP_GATEWAY_METRICS_WRITING:
        rc = ngx_http_gateway_metrics_write_step(tick, work);
        break;

    default:
        return ngx_http_gateway_metrics_whole_step(tick, work);
    }

    if (rc == NGX_DONE) {
        work->began = 0;

        if (work->pass != NGX_HTTP_GATEWAY_METRICS_WRITING) {
            work->pass++;

        } else {
            ngx_memzero(work->slots, sizeof(work->slots));
            work->slot = 0;
            work->kind++;
            work->pass = work->kind < NGX_HTTP_GATEWAY_METRICS_KINDS
                         ? NGX_HTTP_GATEWAY_METRICS_COUNTING
                         : NGX_HTTP_GATEWAY_METRICS_WHOLE;
        }

        return NGX_AGAIN;
    }

    return rc;
}


/* the next sample of a family: NGX_OK, NGX_AGAIN, NGX_DONE or NGX_ERROR */

static ngx_int_t
ngx_http_gateway_metrics_next(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work, const char *family)
{
    if (!work->began) {
        work->family = family ? ngx_http_gateway_metrics_family(family) : NULL;

        if (work->family == NULL) {
            return NGX_DONE;
        }

        if (ngx_http_gateway_scan_family(tick->scan, work->family) != NGX_OK) {
            return NGX_ERROR;
        }

        work->began = 1;
    }

    return ngx_http_gateway_scan_next(tick->scan);
}


static ngx_int_t
ngx_http_gateway_metrics_count_step(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work)
{
    uint64_t                                n;
    ngx_int_t                               rc;
    ngx_uint_t                              i;
    ngx_http_gateway_metrics_subject_t     *subject;
    const ngx_http_gateway_metrics_kind_t  *kind;

    kind = &ngx_http_gateway_metrics_kinds[work->kind];

    for (i = 0; i < NGX_HTTP_GATEWAY_METRICS_LOOKS; i++) {

        rc = ngx_http_gateway_metrics_next(tick, work, kind->count);
        if (rc != NGX_OK) {
            return rc;
        }

        subject = ngx_http_gateway_metrics_subject(tick, work, 1);
        if (subject == NULL) {
            return NGX_ERROR;
        }

        n = (uint64_t) tick->scan->value;
        subject->count += n;

        /* the sources of limits are behind their results */

        if (kind->error(&tick->scan->values[
                            work->family->nlabels
                            - (kind->error
                               == ngx_http_gateway_metrics_error_limit
                               ? 2 : 1)]))
        {
            subject->errors += n;
        }
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_gateway_metrics_measure_step(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work)
{
    ngx_int_t                               rc;
    ngx_uint_t                              i;
    ngx_http_gateway_metrics_subject_t     *subject;
    const ngx_http_gateway_metrics_kind_t  *kind;

    kind = &ngx_http_gateway_metrics_kinds[work->kind];

    rc = ngx_http_gateway_metrics_next(tick, work, kind->histogram);
    if (rc != NGX_OK) {
        return rc;
    }

    if (work->kind == 1) {
        work->cells = work->family->cells;

        for (i = 0; i < work->cells->n; i++) {
            work->words[i] += tick->scan->cells[i];
        }
    }

    subject = ngx_http_gateway_metrics_subject(tick, work, 0);

    if (subject) {
        subject->written = 1;
        ngx_http_gateway_metrics_write(tick, work->kind, subject->key,
                                       subject->text, subject->len,
                                       subject->count, subject->errors,
                                       work->family->cells, tick->scan->cells);
    }

    return NGX_AGAIN;
}


/* subjects without a histogram */

static ngx_int_t
ngx_http_gateway_metrics_write_step(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work)
{
    ngx_http_gateway_metrics_subject_t  *subject;

    if (work->slot == NGX_HTTP_GATEWAY_METRICS_SLOTS) {
        return NGX_DONE;
    }

    for (subject = work->slots[work->slot++]; subject; subject = subject->next)
    {
        if (work->kind == 1) {
            work->count += subject->count;
            work->errors += subject->errors;
        }

        if (!subject->written) {
            ngx_http_gateway_metrics_write(tick, work->kind, subject->key,
                                           subject->text, subject->len,
                                           subject->count, subject->errors,
                                           NULL, NULL);
        }
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_gateway_metrics_whole_step(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work)
{
    uint64_t    slow;
    ngx_uint_t  i;

    ngx_http_gateway_metrics_write(tick, 0, 1, (u_char *) "", 0, work->count,
                                   work->errors, work->cells,
                                   work->cells ? work->words : NULL);
    if (work->cells == NULL) {
        return NGX_OK;
    }

    slow = 0;
    i = gw_cells_index(work->cells, NGX_HTTP_GATEWAY_METRICS_SLOW) + 1;

    for ( /* void */ ; i < work->cells->n; i++) {
        slow += work->words[i];
    }

    ngx_http_gateway_metrics_write(tick, NGX_HTTP_GATEWAY_METRICS_TAIL, 4,
                                   (u_char *) "", 0,
                                   gw_cells_count(work->cells, work->words),
                                   slow, NULL, NULL);
    return NGX_OK;
}


/* NULL: no memory, or it is not known and not made */

static ngx_http_gateway_metrics_subject_t *
ngx_http_gateway_metrics_subject(ngx_http_gateway_metrics_tick_t *tick,
    ngx_http_gateway_metrics_work_t *work, ngx_uint_t make)
{
    static const uint64_t  secret[2] = { 0, 0 };

    size_t                                len;
    u_char                                text[GW_HISTORY_TEXT + 1];
    uint64_t                              hash[2];
    ngx_http_gateway_metrics_subject_t  **slot, *subject;

    text[0] = (u_char) work->kind;
    len = ngx_http_gateway_metrics_label_text(tick->scan->values,
              ngx_http_gateway_metrics_kinds[work->kind].nkeys, text + 1);

    gw_siphash(secret, text, len + 1, hash);

    /* 0 is a free track, 1 the one of all requests, 4 that of slow ones */

    hash[0] |= 2;
    slot = &work->slots[(hash[0] >> 8) % NGX_HTTP_GATEWAY_METRICS_SLOTS];

    for (subject = *slot; subject; subject = subject->next) {
        if (subject->key == hash[0]) {
            return subject;
        }
    }

    if (!make) {
        return NULL;
    }

    subject = ngx_pcalloc(tick->pool,
                          sizeof(ngx_http_gateway_metrics_subject_t));
    if (subject == NULL) {
        return NULL;
    }

    subject->text = ngx_pnalloc(tick->pool, len);
    if (subject->text == NULL) {
        return NULL;
    }

    ngx_memcpy(subject->text, text + 1, len);
    subject->len = len;
    subject->key = hash[0];
    subject->next = *slot;
    *slot = subject;

    return subject;
}


/* a byte with the length, and the bytes of each value, as the store has it */

static size_t
ngx_http_gateway_metrics_label_text(const ngx_str_t *values, ngx_uint_t n,
    u_char *text)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    p = text;

    for (i = 0; i < n; i++) {
        len = ngx_min(values[i].len, GW_HISTORY_TEXT / 2 - 1);
        *p++ = (u_char) len;
        p = ngx_cpymem(p, values[i].data, len);
    }

    return p - text;
}


static void
ngx_http_gateway_metrics_write(ngx_http_gateway_metrics_tick_t *tick,
    ngx_uint_t kind, uint64_t key, const u_char *text, size_t len,
    uint64_t count, uint64_t errors, const gw_cells_t *cells,
    const uint64_t *words)
{
    gw_history_t        *history;
    gw_history_track_t  *track;

    history = &ngx_http_gateway_metrics_past.history;

    track = gw_history_track(history,
                             kind == 0
                             || (kind < NGX_HTTP_GATEWAY_METRICS_KINDS
                                 && ngx_http_gateway_metrics_kinds[kind]
                                    .histogram),
                             key, (unsigned) kind, text, len,
                             (uint64_t) tick->now);
    if (track == NULL) {
        return;
    }

    if (kind == 0) {
        ngx_http_gateway_metrics_past.all = track;

    } else if (kind == NGX_HTTP_GATEWAY_METRICS_TAIL) {
        ngx_http_gateway_metrics_past.slow = track;
    }

    gw_history_write(history, track, (uint64_t) tick->now, tick->ms, count,
                     errors, cells, words);
}


double
ngx_http_gateway_metrics_history_mean(ngx_uint_t slow, gw_history_row_e row)
{
    gw_history_track_t  *track;

    track = slow ? ngx_http_gateway_metrics_past.slow
                 : ngx_http_gateway_metrics_past.all;

    return track ? gw_history_mean(&ngx_http_gateway_metrics_past.history,
                                   track, row, NGX_HTTP_GATEWAY_METRICS_MEAN)
                 : -1;
}


gw_history_t *
ngx_http_gateway_metrics_history_memory(void)
{
    return ngx_http_gateway_metrics_history_open(0)
           ? &ngx_http_gateway_metrics_past.history : NULL;
}


const char *
ngx_http_gateway_metrics_history_kind(ngx_uint_t kind, const char **family)
{
    if (kind >= NGX_HTTP_GATEWAY_METRICS_KINDS) {
        return NULL;
    }

    *family = ngx_http_gateway_metrics_kinds[kind].count;

    return ngx_http_gateway_metrics_kinds[kind].name;
}
