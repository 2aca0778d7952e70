/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Refusals of gRPC calls.
 *
 * A gRPC client reads the outcome of a call from grpc-status, which follows the
 * messages.  A response without messages is a header that ends the stream, with
 * the HTTP status 200 ("Trailers-Only" in PROTOCOL-HTTP2.md of gRPC;
 * PROTOCOL-WEB.md does not change it).  The grpc module sets the status.
 */

#include "ngx_http_gateway.h"


static ngx_uint_t ngx_http_gateway_grpc_letter(u_char c);
static const char *ngx_http_gateway_grpc_code(ngx_uint_t status);


/*
 * How clients map an HTTP status without grpc-status
 * (http-grpc-status-mapping.md of gRPC).  The exception is 429, which they map
 * to UNAVAILABLE and retry at once.
 */

static const struct {
    ngx_uint_t   status;
    const char  *code;
} ngx_http_gateway_grpc_codes[] = {
    { NGX_HTTP_BAD_REQUEST, "13" },            /* INTERNAL */
    { NGX_HTTP_UNAUTHORIZED, "16" },           /* UNAUTHENTICATED */
    { NGX_HTTP_FORBIDDEN, "7" },               /* PERMISSION_DENIED */
    { NGX_HTTP_NOT_FOUND, "12" },              /* UNIMPLEMENTED */
    { NGX_HTTP_TOO_MANY_REQUESTS, "8" },       /* RESOURCE_EXHAUSTED */
    { NGX_HTTP_BAD_GATEWAY, "14" },            /* UNAVAILABLE */
    { NGX_HTTP_SERVICE_UNAVAILABLE, "14" },
    { NGX_HTTP_GATEWAY_TIME_OUT, "14" },
    { 0, "2" }                                 /* UNKNOWN */
};


/*
 * Only a POST is a call.  auth_request, and other servers that ask for a
 * decision, forward the client's fields in a GET request, and would take the
 * status 200 of a refusal for a grant.  The request line is checked because
 * nginx changes the method to GET for an error page.
 */

ngx_uint_t
ngx_http_gateway_grpc_call(ngx_http_request_t *r, ngx_str_t *type)
{
    u_char     *p, *last;
    ngx_str_t  *line, *value;

    static const ngx_str_t  post = ngx_string("POST ");
    static const ngx_str_t  grpc = ngx_string("application/grpc");

    line = &r->request_line;

    if (r->headers_in.content_type == NULL || line->len < post.len
        || ngx_strncmp(line->data, post.data, post.len) != 0)
    {
        return 0;
    }

    value = &r->headers_in.content_type->value;

    if (value->len < grpc.len
        || ngx_strncasecmp(value->data, grpc.data, grpc.len) != 0)
    {
        return 0;
    }

    p = value->data + grpc.len;
    last = value->data + value->len;

    /* +proto, -web, -web-text+json */

    if (p < last && (*p == '+' || *p == '-')) {
        while (p < last && ngx_http_gateway_grpc_letter(*p)) {
            p++;
        }
    }

    type->data = value->data;
    type->len = p - value->data;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == last || *p == ';';
}


/* a character of a message format, such as "proto" or "web-text" */

static ngx_uint_t
ngx_http_gateway_grpc_letter(u_char c)
{
    u_char  lower;

    lower = ngx_tolower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')
           || c == '+' || c == '-' || c == '.' || c == '_';
}


ngx_int_t
ngx_http_gateway_grpc_refuse(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr,
    const ngx_http_gateway_refusal_t *refusal, const ngx_str_t *type)
{
    ngx_str_t  code, message;

    static const ngx_str_t  status = ngx_string("grpc-status");
    static const ngx_str_t  text = ngx_string("grpc-message");

    code.data = (u_char *) ngx_http_gateway_grpc_code(refusal->status);
    code.len = ngx_strlen(code.data);

    /* sentences contain no byte that must be percent-encoded */

    message.data = (u_char *) gw_reason_sentence(refusal->shown);
    message.len = ngx_strlen(message.data);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "gateway grpc: %ui is sent as grpc-status %V, %V",
                   refusal->status, &code, type);

    if (ngx_http_gateway_header_respond(r, &status, &code) != NGX_OK
        || ngx_http_gateway_header_respond(r, &text, &message) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = 0;

    gr->grpc = 1;
    r->header_only = 1;

    return NGX_OK;
}


void
ngx_http_gateway_grpc_reset(ngx_http_request_t *r,
    ngx_http_gateway_request_t *gr)
{
    if (gr->grpc) {
        gr->grpc = 0;
        r->header_only = 0;
    }
}


static const char *
ngx_http_gateway_grpc_code(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_gateway_grpc_codes[i].status; i++) {
        if (ngx_http_gateway_grpc_codes[i].status == status) {
            break;
        }
    }

    return ngx_http_gateway_grpc_codes[i].code;
}
