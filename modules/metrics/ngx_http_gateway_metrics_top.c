/* SPDX-License-Identifier: BSD-2-Clause */

/* gateway_metrics_top */

#include "ngx_http_gateway_metrics.h"


char *
ngx_http_gateway_metrics_top_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_gateway_metrics_tops_init(ngx_conf_t *cf,
    ngx_http_gateway_metrics_main_conf_t *mmcf)
{
    return NGX_OK;
}


void
ngx_http_gateway_metrics_tops_log(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr, ngx_uint_t status)
{
}
