/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Responses of an endpoint: a JSON document or a problem document.
 *
 * Refusals (ngx_http_gateway_refuse()) are different: a phase handler returns
 * the status, error_page can replace the response, and the body is made without
 * jansson.
 */

#include "ngx_http_gateway_endpoint.h"


static ngx_int_t ngx_http_gateway_send(ngx_http_request_t *r,
    ngx_uint_t status, const ngx_str_t *type, json_t *json);


ngx_int_t
ngx_http_gateway_send_json(ngx_http_request_t *r, json_t *json)
{
    static const ngx_str_t  type = ngx_string("application/json");

    return ngx_http_gateway_send(r, NGX_HTTP_OK, &type, json);
}


ngx_int_t
ngx_http_gateway_send_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *detail, json_t *members)
{
    json_t  *json;

    static const ngx_str_t  type = ngx_string("application/problem+json");

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway problem: %ui, %s", status, detail);

    json = json_pack("{s:s, s:i, s:s}", "type", "about:blank",
                     "status", (int) status, "detail", detail);

    if (json && members) {
        (void) json_object_update(json, members);
    }

    json_decref(members);

    return ngx_http_gateway_send(r, status, &type, json);
}


/* takes over "json"; NULL: no memory */

static ngx_int_t
ngx_http_gateway_send(ngx_http_request_t *r, ngx_uint_t status,
    const ngx_str_t *type, json_t *json)
{
    size_t        len;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    len = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
    b = len ? ngx_create_temp_buf(r->pool, len + 1) : NULL;

    if (b) {
        b->last += json_dumpb(json, (char *) b->last, len, JSON_COMPACT);
        *b->last++ = '\n';
        b->last_buf = 1;
        b->last_in_chain = 1;
    }

    json_decref(json);

    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = len + 1;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
