/* SPDX-License-Identifier: BSD-2-Clause */

/* upstream_*: tries of upstream servers */

#include "ngx_http_gateway_metrics.h"


ngx_int_t
ngx_http_gateway_metrics_upstream_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


void
ngx_http_gateway_metrics_upstream_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
}
