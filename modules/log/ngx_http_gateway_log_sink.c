/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What all kinds of sinks have in common: names, counters and reports.
 *
 * Records are counted as written before they are passed to the kernel, so that
 * the counters include them if the worker is killed in between.
 */

#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_say.h"


static ngx_http_gateway_log_sink_t *ngx_http_gateway_log_sink_create(
    ngx_conf_t *cf, const ngx_http_gateway_log_kind_t *kind,
    const ngx_str_t *name);
static ngx_int_t ngx_http_gateway_log_counters(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink);
static void ngx_http_gateway_log_losses(ngx_http_gateway_log_sink_t *sink,
    ngx_log_t *log, const char *why);
static void ngx_http_gateway_log_reclaim(void *data, ngx_uint_t at);


static const ngx_http_gateway_family_t  ngx_http_gateway_log_made =
    { "log_records_total", "Records made for a sink.", "counter",
      NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_written =
    { "log_records_written_total", "Records passed to the kernel.",
      "counter", NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_dropped =
    { "log_records_dropped_total", "Lost records by reason.",
      "counter", NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_queued =
    { "log_queued_bytes", "Bytes of records in the buffers of workers.",
      "gauge", NGX_HTTP_GATEWAY_OWN };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_said =
    { "log_losses_said", "Time of the last report of losses, in ms.",
      "gauge", NGX_HTTP_GATEWAY_WORD };

static const ngx_http_gateway_family_t  ngx_http_gateway_log_reported =
    { "log_losses_reported", "Losses at the time of the last report.",
      "gauge", NGX_HTTP_GATEWAY_WORD };


static const struct {
    const char  *word;          /* in labels and in the report */
    const char  *text;          /* NULL: kind->full */
} ngx_http_gateway_log_reasons[NGX_HTTP_GATEWAY_LOG_REASONS] = {
    [NGX_HTTP_GATEWAY_LOG_FULL] = { "full", NULL },
    [NGX_HTTP_GATEWAY_LOG_SIZE] = { "size", "the record is too long" },
    [NGX_HTTP_GATEWAY_LOG_EXIT] = { "exit", "the worker exits" },
    [NGX_HTTP_GATEWAY_LOG_LOST] = { "lost_worker", "a worker was killed" }
};


/* --- configuration */

ngx_http_gateway_log_sink_t *
ngx_http_gateway_log_sink(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf,
    const ngx_http_gateway_log_kind_t *kind, ngx_str_t *path, size_t size,
    ngx_msec_t flush)
{
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t  **sink;

    name = *path;

    if (kind->name && kind->name(cf, &name) != NGX_OK) {
        return NULL;
    }

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        if (!ngx_http_gateway_same(&sink[i]->name, &name)) {
            continue;
        }

        if (sink[i]->size != size || sink[i]->flush != flush) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "gateway_log \"%V\" conflicts with that in "
                               "%V:%ui, both must have the same \"buffer=\" "
                               "and \"flush=\"", path,
                               ngx_http_gateway_place_args(&sink[i]->place));
            return NULL;
        }

        return sink[i];
    }

    sink = ngx_array_push(&lmcf->sinks);
    if (sink == NULL) {
        return NULL;
    }

    *sink = ngx_http_gateway_log_sink_create(cf, kind, &name);

    if (*sink) {
        (*sink)->size = size;
        (*sink)->flush = flush;
    }

    return *sink;
}


static ngx_http_gateway_log_sink_t *
ngx_http_gateway_log_sink_create(ngx_conf_t *cf,
    const ngx_http_gateway_log_kind_t *kind, const ngx_str_t *name)
{
    ngx_http_gateway_log_sink_t  *sink;

    sink = ngx_pcalloc(cf->pool, kind->memory);
    if (sink == NULL) {
        return NULL;
    }

    sink->name = *name;
    sink->kind = kind;
    sink->record = NGX_HTTP_GATEWAY_LOG_RECORD;
    ngx_http_gateway_place(cf, &sink->place);

    if ((kind->open && kind->open(cf, sink) != NGX_OK)
        || ngx_http_gateway_log_counters(cf, sink) != NGX_OK)
    {
        return NULL;
    }

    return sink;
}


ngx_int_t
ngx_http_gateway_log_sink_used(ngx_http_gateway_log_sink_t *sink,
    ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "gateway_log \"%V\" names a file that another directive "
                  "writes to, in %V:%ui", &sink->name,
                  ngx_http_gateway_place_args(&sink->place));

    return NGX_ERROR;
}


static ngx_http_gateway_counter_t *
ngx_http_gateway_log_counter(ngx_conf_t *cf, ngx_http_gateway_log_sink_t *sink,
    const ngx_http_gateway_family_t *family, const char *reason)
{
    ngx_str_t   labels;

    labels.data = ngx_pnalloc(cf->pool, sink->name.len
                              + sizeof("sink=\"\",reason=\"lost_worker\""));
    if (labels.data == NULL) {
        return NULL;
    }

    labels.len = (reason
                  ? ngx_sprintf(labels.data, "sink=\"%V\",reason=\"%s\"",
                                &sink->name, reason)
                  : ngx_sprintf(labels.data, "sink=\"%V\"", &sink->name))
                 - labels.data;

    return ngx_http_gateway_counter_add(cf, family, &labels);
}


ngx_http_gateway_counter_t *
ngx_http_gateway_log_sink_counter(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink,
    const ngx_http_gateway_family_t *family)
{
    return ngx_http_gateway_log_counter(cf, sink, family, NULL);
}


static ngx_int_t
ngx_http_gateway_log_counters(ngx_conf_t *cf,
    ngx_http_gateway_log_sink_t *sink)
{
    ngx_uint_t  i;

    sink->made = ngx_http_gateway_log_sink_counter(cf, sink,
                                              &ngx_http_gateway_log_made);
    sink->written = ngx_http_gateway_log_sink_counter(cf, sink,
                                              &ngx_http_gateway_log_written);
    sink->queued = ngx_http_gateway_log_sink_counter(cf, sink,
                                              &ngx_http_gateway_log_queued);
    sink->said = ngx_http_gateway_log_sink_counter(cf, sink,
                                              &ngx_http_gateway_log_said);
    sink->reported = ngx_http_gateway_log_sink_counter(cf, sink,
                                              &ngx_http_gateway_log_reported);

    if (sink->made == NULL || sink->written == NULL || sink->queued == NULL
        || sink->said == NULL || sink->reported == NULL)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_REASONS; i++) {
        sink->dropped[i] = ngx_http_gateway_log_counter(cf, sink,
                                       &ngx_http_gateway_log_dropped,
                                       ngx_http_gateway_log_reasons[i].word);
        if (sink->dropped[i] == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_reclaim_add(cf, ngx_http_gateway_log_reclaim, sink);
}


char *
ngx_http_gateway_log_sink_check(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf, ngx_log_t *log)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;

    for ( /* void */ ; log; log = log->next) {
        for (i = 0; i < lmcf->sinks.nelts; i++) {

            if (log->file && sink[i]->kind->is
                && sink[i]->kind->is(sink[i], log->file))
            {
                (void) ngx_http_gateway_log_sink_used(sink[i], cf->log);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_log_sinks_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        if (sink[i]->kind->init(cf, sink[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_http_gateway_log_sink_check(cf, lmcf, &cf->cycle->new_log)
           == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}


/* --- losses */

/* the losses of all workers */

static uint64_t
ngx_http_gateway_log_lost(ngx_http_gateway_log_sink_t *sink)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = sink->unconfirmed ? ngx_http_gateway_counter_sum(sink->unconfirmed)
                            : 0;

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_REASONS; i++) {
        sum += ngx_http_gateway_counter_sum(sink->dropped[i]);
    }

    return sum;
}


ngx_uint_t
ngx_http_gateway_log_may_say(const ngx_http_gateway_counter_t *said)
{
    return ngx_http_gateway_may_say(
                        (ngx_atomic_t *) ngx_http_gateway_counter_word(said),
                        NGX_HTTP_GATEWAY_SAY);
}


void
ngx_http_gateway_log_sink_say(ngx_http_gateway_log_sink_t *sink,
    const char *why)
{
    if (ngx_http_gateway_log_may_say(sink->said)) {
        ngx_http_gateway_log_losses(sink, ngx_cycle->log, why);
    }
}


/* logs the losses since the last report */

static void
ngx_http_gateway_log_losses(ngx_http_gateway_log_sink_t *sink, ngx_log_t *log,
    const char *why)
{
    uint64_t  lost, reported;

    lost = ngx_http_gateway_log_lost(sink);
    reported = __atomic_exchange_n(
                        ngx_http_gateway_counter_word(sink->reported), lost,
                        __ATOMIC_SEQ_CST);

    /*
     * The counters were released and allocated again, with 0; the word
     * "reported" was not.
     */

    if (reported > lost) {
        reported = 0;
    }

    if (reported < lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "gateway_log \"%V\": %uL record%s lost%s since the last "
                      "report, %s", &sink->name, lost - reported,
                      lost - reported == 1 ? "" : "s",
                      sink->unconfirmed ? " or unconfirmed" : "", why);
    }
}


void
ngx_http_gateway_log_sink_drop(ngx_http_gateway_log_sink_t *sink,
    ngx_http_gateway_log_reason_e reason, ngx_uint_t n)
{
    ngx_http_gateway_count(sink->dropped[reason], n);

    ngx_http_gateway_log_sink_say(sink, reason == NGX_HTTP_GATEWAY_LOG_FULL
                                  ? sink->kind->full
                                  : ngx_http_gateway_log_reasons[reason].text);
}


ngx_str_t
ngx_http_gateway_log_reason_word(ngx_http_gateway_log_reason_e reason)
{
    ngx_str_t  word;

    word.data = (u_char *) ngx_http_gateway_log_reasons[reason].word;
    word.len = ngx_strlen(word.data);

    return word;
}


/* --- the end of a worker */

void
ngx_http_gateway_log_sinks_stop(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    ngx_uint_t                     i;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;

    for (i = 0; i < lmcf->sinks.nelts; i++) {
        sink[i]->kind->stop(sink[i]);
        sink[i]->off = 1;
    }
}


/* records that a killed worker had made, but neither written nor dropped */

static void
ngx_http_gateway_log_reclaim(void *data, ngx_uint_t at)
{
    ngx_http_gateway_log_sink_t *sink = data;

    uint64_t    held;
    ngx_uint_t  i;

    held = *ngx_http_gateway_counter_own(sink->made, at)
           - *ngx_http_gateway_counter_own(sink->written, at);

    for (i = 0; i < NGX_HTTP_GATEWAY_LOG_REASONS; i++) {
        held -= *ngx_http_gateway_counter_own(sink->dropped[i], at);
    }

    *ngx_http_gateway_counter_own(sink->dropped[NGX_HTTP_GATEWAY_LOG_LOST], at)
        += held;
    *ngx_http_gateway_counter_own(sink->queued, at) = 0;
}


void
ngx_http_gateway_log_sinks_report(ngx_cycle_t *cycle,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    u_char                        *p, *last;
    u_char                         text[256];
    uint64_t                       n, dropped;
    ngx_uint_t                     i, k;
    ngx_http_gateway_log_sink_t  **sink;

    sink = lmcf->sinks.elts;
    last = text + sizeof(text);

    for (i = 0; i < lmcf->sinks.nelts; i++) {

        ngx_http_gateway_log_losses(sink[i], cycle->log, "nginx exits");

        dropped = 0;
        p = text;

        for (k = 0; k < NGX_HTTP_GATEWAY_LOG_REASONS; k++) {
            n = ngx_http_gateway_counter_sum(sink[i]->dropped[k]);
            dropped += n;

            p = ngx_slprintf(p, last, "%s%s %uL", k ? ", " : "",
                             ngx_http_gateway_log_reasons[k].word, n);
        }

        p = ngx_slprintf(p, last, "), queued bytes %uL",
                         ngx_http_gateway_counter_sum(sink[i]->queued));

        if (sink[i]->unconfirmed) {
            n = ngx_http_gateway_counter_sum(sink[i]->unconfirmed);
            p = ngx_slprintf(p, last, ", unconfirmed %uL", n);
        }

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "gateway_log \"%V\": made %uL, written %uL, dropped %uL "
                      "(%*s", &sink[i]->name,
                      ngx_http_gateway_counter_sum(sink[i]->made),
                      ngx_http_gateway_counter_sum(sink[i]->written), dropped,
                      (size_t) (p - text), text);
    }

    n = ngx_http_gateway_counter_sum(lmcf->misfits);

    if (n) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "gateway_log: %uL fields left out, they did not fit "
                      "their type", n);
    }
}


/* --- records */

void
ngx_http_gateway_log_sink_write(ngx_http_gateway_log_sink_t *sink,
    ngx_str_t *record)
{
    if (sink->off) {
        return;
    }

    ngx_http_gateway_count(sink->made, 1);

    if (record->len == 0) {
        ngx_http_gateway_log_sink_drop(sink, NGX_HTTP_GATEWAY_LOG_SIZE, 1);
        return;
    }

    sink->kind->write(sink, record);
}
