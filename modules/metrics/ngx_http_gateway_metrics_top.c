/* SPDX-License-Identifier: BSD-2-Clause */

/* In LOG: counts requests by the values of variables. */

#include "ngx_http_gateway_metrics_top.h"


/* a response with 5xx is a failure of the gateway, whatever its reason */

ngx_uint_t
ngx_http_gateway_metrics_top_class(ngx_http_gateway_request_t *gr,
    ngx_uint_t status)
{
    ngx_http_gateway_refusal_t  *refusal;

    if (gr && gr->refusals && status < NGX_HTTP_INTERNAL_SERVER_ERROR) {

        refusal = ngx_http_gateway_refused(gr);

        if (refusal) {
            return gw_reason_auth(refusal->reason)
                   ? NGX_HTTP_GATEWAY_TOP_DENIED
                   : NGX_HTTP_GATEWAY_TOP_LIMITED;
        }
    }

    return (status >= 100 && status < NGX_HTTP_INTERNAL_SERVER_ERROR)
           ? NGX_HTTP_GATEWAY_TOP_1XX + status / 100 - 1
           : NGX_HTTP_GATEWAY_TOP_5XX;
}


void
ngx_http_gateway_metrics_top_read(ngx_http_request_t *r,
    ngx_http_gateway_metrics_top_t *top, ngx_uint_t class)
{
    ngx_str_t                   value;
    ngx_http_variable_value_t  *vv;

    vv = ngx_http_get_flushed_variable(r, top->index);

    if (vv == NULL || vv->not_found || vv->len == 0) {
        return;
    }

    value.len = vv->len;
    value.data = vv->data;

    ngx_http_gateway_metrics_top_log(r, top, &value, class);
}


static ngx_inline void
ngx_http_gateway_metrics_top_add(uint64_t *cells, ngx_uint_t class,
    off_t sent)
{
    (void) __atomic_fetch_add(&cells[class], 1, __ATOMIC_SEQ_CST);
    (void) __atomic_fetch_add(&cells[NGX_HTTP_GATEWAY_TOP_BYTES],
                              (uint64_t) sent, __ATOMIC_SEQ_CST);
}


void
ngx_http_gateway_metrics_top_log(ngx_http_request_t *r,
    ngx_http_gateway_metrics_top_t *top, const ngx_str_t *value,
    ngx_uint_t class)
{
    ngx_uint_t                         i;
    gw_mark_t                          mark;
    ngx_http_gateway_metrics_known_t  *known;

    if (value->len <= GW_MARK_MAX && top->nknown) {

        mark = gw_mark(value->data, value->len);

        for (i = mark.hash; /* void */ ; i++) {
            known = &top->known[i & (top->size - 1)];

            if (known->cells == NULL) {
                break;
            }

            if (gw_mark_same(known->mark, mark)) {
                ngx_http_gateway_metrics_top_add(known->cells, class,
                                                 r->connection->sent);
                return;
            }
        }
    }

    ngx_http_gateway_metrics_top_add(
                                ngx_http_gateway_metrics_top_find(top, value),
                                class, r->connection->sent);
}
