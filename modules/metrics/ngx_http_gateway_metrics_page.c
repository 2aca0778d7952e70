/* SPDX-License-Identifier: BSD-2-Clause */

/* the content handler of gateway_metrics_page */

#include "ngx_http_gateway_metrics.h"


ngx_int_t
ngx_http_gateway_metrics_page_handler(ngx_http_request_t *r)
{
    ngx_int_t                             rc;
    ngx_http_gateway_metrics_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_gateway_metrics_module);

    rc = ngx_http_gateway_from(r, mlcf->page ? &mlcf->page->from : NULL,
                               "gateway_metrics_page");

    return (rc == NGX_OK) ? NGX_HTTP_NOT_FOUND : rc;
}
