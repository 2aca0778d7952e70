/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The HTTP status of a refused gRPC call: the client receives 200.
 *
 * $status, logs, and all filters that depend on the status, such as add_header
 * and expires, see the status of the refusal.  Therefore this header filter
 * runs between them and the filters that write the header (see config), and
 * sets the status only for the latter.
 */

#include "ngx_http_gateway.h"


static ngx_int_t ngx_http_gateway_grpc_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_gateway_grpc_init(ngx_conf_t *cf);


ngx_http_gateway_bare_module(ngx_http_gateway_grpc_module,
                             ngx_http_gateway_grpc_init);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_gateway_grpc_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_uint_t                   status;
    ngx_http_gateway_request_t  *gr;

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    gr = ngx_http_gateway_request(r);

    if (gr == NULL || !gr->grpc) {
        return ngx_http_next_header_filter(r);
    }

    status = r->headers_out.status;
    r->headers_out.status = NGX_HTTP_OK;

    /* the charset filter may have set one */
    ngx_str_null(&r->headers_out.charset);

    rc = ngx_http_next_header_filter(r);

    r->headers_out.status = status;

    return rc;
}


static ngx_int_t
ngx_http_gateway_grpc_init(ngx_conf_t *cf)
{
    ngx_http_gateway_main_conf_t  *gmcf;

    gmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gateway_module);

    if (!gmcf->refuses) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_gateway_grpc_header_filter;

    return NGX_OK;
}
