/* SPDX-License-Identifier: BSD-2-Clause */

/* What ngx_http_gateway_metrics_scrape.h expects of files that are not there
   yet; their definitions replace these. */

#include "ngx_http_gateway_metrics_scrape.h"


ngx_int_t __attribute__((weak))
ngx_http_gateway_metrics_note(ngx_uint_t i, ngx_pool_t *pool, ngx_str_t *text)
{
    return NGX_DONE;
}
