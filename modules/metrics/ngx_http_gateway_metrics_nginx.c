/* SPDX-License-Identifier: BSD-2-Clause */

/* what nginx counts and knows: connections, zones, certificates, workers */

#include "ngx_http_gateway_metrics.h"


ngx_int_t
ngx_http_gateway_metrics_nginx_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


void
ngx_http_gateway_metrics_nginx_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
}


void
ngx_http_gateway_metrics_nginx_loaded(ngx_cycle_t *cycle)
{
}


void
ngx_http_gateway_metrics_nginx_start(ngx_cycle_t *cycle)
{
}
