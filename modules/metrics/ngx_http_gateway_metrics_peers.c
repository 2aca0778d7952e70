/* SPDX-License-Identifier: BSD-2-Clause */

/* upstream_peer*: the state of upstream servers */

#include "ngx_http_gateway_metrics.h"


ngx_int_t
ngx_http_gateway_metrics_peers_init(ngx_conf_t *cf)
{
    return NGX_OK;
}
