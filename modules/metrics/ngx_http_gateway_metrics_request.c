/* SPDX-License-Identifier: BSD-2-Clause */

/* http_*: requests, requests in flight, durations and sizes */

#include "ngx_http_gateway_metrics.h"


/* what is counted for a server and a route, in the configuration's memory */

struct ngx_http_gateway_metrics_route_s {
    ngx_str_t                           values[2];  /* server, route */
};


ngx_int_t
ngx_http_gateway_metrics_route_merge(ngx_conf_t *cf,
    const ngx_http_gateway_metrics_loc_conf_t *prev,
    ngx_http_gateway_metrics_loc_conf_t *conf)
{
    return NGX_OK;
}


void
ngx_http_gateway_metrics_routed(void **from, void **to)
{
}


void
ngx_http_gateway_metrics_log(ngx_http_request_t *r)
{
}
