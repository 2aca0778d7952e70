/* SPDX-License-Identifier: BSD-2-Clause */

/* What ngx_http_gateway_metrics_scrape.h expects of files that are not there
   yet; their definitions replace these. */

#include "ngx_http_gateway_metrics_scrape.h"


ngx_int_t __attribute__((weak))
ngx_http_gateway_metrics_problem(ngx_uint_t i, ngx_pool_t *pool,
    ngx_http_gateway_metrics_problem_t *problem)
{
    return NGX_DONE;
}


ngx_int_t __attribute__((weak))
ngx_http_gateway_metrics_note(ngx_uint_t i, ngx_pool_t *pool, ngx_str_t *text)
{
    return NGX_DONE;
}


void * __attribute__((weak))
ngx_http_gateway_metrics_history(ngx_http_request_t *r, time_t since)
{
    return r;
}


ngx_int_t __attribute__((weak))
ngx_http_gateway_metrics_history_make(
    ngx_http_gateway_metrics_scrape_t *scrape, gw_metrics_out_t *out)
{
    gw_metrics_puts(out, "{\"version\":1,\"time\":0,\"series\":[]}\n");

    return NGX_OK;
}


void __attribute__((weak))
ngx_http_gateway_metrics_html(ngx_str_t *html, ngx_str_t *csp)
{
    ngx_str_set(html, "<!DOCTYPE html>\n<title>Metrics</title>\n");
    ngx_str_set(csp, "default-src 'none'");
}
