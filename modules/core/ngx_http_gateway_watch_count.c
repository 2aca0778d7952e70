/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Counting watched files.
 *
 * All workers check a file.  To count each check once, only worker 0 counts
 * failures: a check that finds the file missing or invalid, or still as it was
 * when it could not be loaded.  Of content that workers share, the worker that
 * could not load it counts that check, and worker 0 those of later intervals.
 */

#include "ngx_http_gateway_count.h"


static const ngx_http_gateway_metric_t  ngx_http_gateway_watch_success =
    { "file_last_success_timestamp_seconds",
      "When a file was last loaded, or found unchanged and valid.",
      "file", NGX_HTTP_GATEWAY_METRIC_STATE };

static const ngx_http_gateway_metric_t  ngx_http_gateway_watch_failure =
    { "file_failures_total",
      "Checks of a file that was missing or invalid.",
      "file", NGX_HTTP_GATEWAY_METRIC_COUNTER };


struct ngx_http_gateway_watch_counts_s {
    ngx_http_gateway_series_t      *success;
    ngx_http_gateway_series_t      *failures;
};


void
ngx_http_gateway_watch_started(const ngx_http_gateway_watch_t *watch)
{
    ngx_http_gateway_series_t  *success;

    if (watch->counts == NULL) {
        return;
    }

    success = watch->counts->success;

    if (__atomic_load_n(success->cells, __ATOMIC_RELAXED)
        < (uint64_t) watch->read)
    {
        ngx_http_gateway_set(success, watch->read);
    }
}


void
ngx_http_gateway_watch_succeeded(const ngx_http_gateway_watch_t *watch)
{
    if (watch->counts) {
        ngx_http_gateway_set(watch->counts->success, ngx_time());
    }
}


void
ngx_http_gateway_watch_not_loaded(const ngx_http_gateway_watch_t *watch)
{
    if (watch->counts && (watch->look || ngx_worker == 0)) {
        ngx_http_gateway_add(watch->counts->failures, 1);
    }
}


/* another worker may have counted this check just now */

void
ngx_http_gateway_watch_failing(const ngx_http_gateway_watch_t *watch)
{
    if (watch->counts == NULL || ngx_worker != 0) {
        return;
    }

    if (watch->look
        && ngx_abs(ngx_time() - watch->state->logged)
           < (time_t) (watch->interval / 1000))
    {
        return;
    }

    ngx_http_gateway_add(watch->counts->failures, 1);
}


ngx_int_t
ngx_http_gateway_watch_counts_init(ngx_conf_t *cf,
    ngx_http_gateway_main_conf_t *gmcf)
{
    ngx_uint_t                        i;
    ngx_http_gateway_watch_t        **watch;
    ngx_http_gateway_watch_counts_t  *counts;

    watch = gmcf->watches.elts;

    for (i = 0; i < gmcf->watches.nelts; i++) {

        counts = ngx_palloc(cf->pool, sizeof(ngx_http_gateway_watch_counts_t));

        if (counts == NULL
            || ngx_http_gateway_series_add(cf, &ngx_http_gateway_watch_success,
                                           &watch[i]->path, &counts->success)
               != NGX_OK
            || ngx_http_gateway_series_add(cf, &ngx_http_gateway_watch_failure,
                                           &watch[i]->path, &counts->failures)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        watch[i]->counts = counts;
    }

    return NGX_OK;
}
