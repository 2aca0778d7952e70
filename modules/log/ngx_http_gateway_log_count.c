/* SPDX-License-Identifier: BSD-2-Clause */

/* What sinks count, for metrics. */

#include "ngx_http_gateway_log.h"
#include "ngx_http_gateway_metric.h"


/* the results of a sink: the reasons of losses, written, and unconfirmed */

#define NGX_HTTP_GATEWAY_LOG_WRITTEN      NGX_HTTP_GATEWAY_LOG_REASONS
#define NGX_HTTP_GATEWAY_LOG_UNCONFIRMED  (NGX_HTTP_GATEWAY_LOG_REASONS + 1)
#define NGX_HTTP_GATEWAY_LOG_RESULTS      (NGX_HTTP_GATEWAY_LOG_REASONS + 2)


static ngx_int_t ngx_http_gateway_log_read_records(void *data, ngx_uint_t i,
    ngx_pool_t *pool, ngx_http_gateway_sample_t *sample);


static const ngx_http_gateway_metric_t  ngx_http_gateway_log_records =
    { "log_records_total",
      "Log records that were written, or why they were lost.",
      "sink result", NGX_HTTP_GATEWAY_METRIC_COUNTER };


/*
 * Each record that was made is counted as written or lost once it has left the
 * buffers; unconfirmed records are also counted as written.  Records of killed
 * workers are counted as lost first.
 */

static ngx_int_t
ngx_http_gateway_log_read_records(void *data, ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_sample_t *sample)
{
    ngx_http_gateway_log_main_conf_t *lmcf = data;

    ngx_uint_t                     result;
    ngx_http_gateway_log_sink_t  **sink;

    result = i % NGX_HTTP_GATEWAY_LOG_RESULTS;

    if (i / NGX_HTTP_GATEWAY_LOG_RESULTS >= lmcf->sinks.nelts) {
        return NGX_DONE;
    }

    if (i == 0) {
        ngx_http_gateway_counters_reclaim();
    }

    sink = lmcf->sinks.elts;
    sink += i / NGX_HTTP_GATEWAY_LOG_RESULTS;

    sample->values[0] = (*sink)->name;

    switch (result) {

    case NGX_HTTP_GATEWAY_LOG_WRITTEN:
        ngx_str_set(&sample->values[1], "written");
        sample->value = ngx_http_gateway_counter_sum((*sink)->written);
        break;

    case NGX_HTTP_GATEWAY_LOG_UNCONFIRMED:

        if ((*sink)->unconfirmed == NULL) {
            return NGX_DECLINED;
        }

        ngx_str_set(&sample->values[1], "unconfirmed");
        sample->value = ngx_http_gateway_counter_sum((*sink)->unconfirmed);
        break;

    default:
        sample->values[1] = ngx_http_gateway_log_reason_word(result);
        sample->value = ngx_http_gateway_counter_sum((*sink)->dropped[result]);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_gateway_log_count_init(ngx_conf_t *cf,
    ngx_http_gateway_log_main_conf_t *lmcf)
{
    if (lmcf->sinks.nelts == 0) {
        return NGX_OK;
    }

    return ngx_http_gateway_reader_add(cf, &ngx_http_gateway_log_records,
                                       ngx_http_gateway_log_read_records,
                                       lmcf);
}
