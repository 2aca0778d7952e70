/* SPDX-License-Identifier: BSD-2-Clause */

/* history, problems, and the end of series */

#include "ngx_http_gateway_metrics.h"


ngx_int_t
ngx_http_gateway_metrics_upkeep_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


void
ngx_http_gateway_metrics_upkeep_start(ngx_cycle_t *cycle)
{
}
